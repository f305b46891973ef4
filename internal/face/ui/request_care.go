package ui

import (
	"net/http"
	"slices"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/request"
)

// careRoutes are pages beside those on which reports are sent and handled: letters to
// people without an account, false reports, and what is kept how long.
func (u *UI) careRoutes() []web.Route {
	if u.Requests == nil {
		return nil
	}
	get := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: u.page(h)}
	}
	post := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Handler: u.page(h), MaxBody: 1 << 16}
	}
	return []web.Route{
		get("/street/{code}/letters", u.lettersForm), post("/street/{code}/letters", u.askLetters),
		get("/letters/confirm/{token}", u.confirmForm), post("/letters/confirm/{token}", u.confirmLetters),
		get("/letters/stop/{id}/{token}", u.stopForm), post("/letters/stop/{id}/{token}", u.stopLetters),
		get("/street/{code}/strike", u.strikeForm), post("/street/{code}/strike", u.appealStrike),
		get("/desk/{code}/strike", u.deskStrikeForm), post("/desk/{code}/strike", u.deskStrike),
		get("/desk/keeping", u.keeping),
	}
}

// lettersData is the form by which a guest asks for letters about a report.
type lettersData struct {
	Code, Email string
	Sent        bool
	Fault       *web.Document
}

func (u *UI) lettersForm(v *view) error { return v.showLetters(http.StatusOK, nil) }

func (v *view) showLetters(status int, fault *web.Document) error {
	d := lettersData{Code: request.Tidy(v.r.PathValue("code")), Fault: fault}
	if v.r.PostForm != nil {
		d.Email = v.field("email")
	}
	if err := v.readableReport(d.Code); err != nil {
		return err
	}
	v.onStreet(v.T("care.letters.title"))
	v.private = true
	return v.show(status, lettersPage(v, d))
}

// readableReport tells whether this browser may see a report: NotFound otherwise.
func (v *view) readableReport(code string) error {
	_, err := v.u.Requests.MineOne(v.r.Context(), v.p, code, v.secretFor(code))
	if problem.KindOf(err) == problem.NotFound && err != nil {
		_, err = v.u.Requests.PublicOne(v.r.Context(), code)
	}
	return err
}

func (u *UI) askLetters(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	code := request.Tidy(v.r.PathValue("code"))
	if err := u.Requests.Invite(v.r.Context(), v.p, code, v.secretFor(code), v.field("email"), v.lang, v.sendingDevice()); err != nil {
		return v.again(err, v.showLetters)
	}
	v.onStreet(v.T("care.letters.title"))
	v.private = true
	return v.show(http.StatusOK, lettersPage(v, lettersData{Code: code, Sent: true}))
}

func (u *UI) confirmForm(v *view) error {
	in, err := u.Requests.Invited(v.r.Context(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	v.onStreet(v.T("care.confirm.title"))
	v.private = true
	return v.show(http.StatusOK, clickPage(v, v.T("care.confirm.title"), v.T("care.confirm.lead", "code", in.Code), v.T("care.confirm"), v.r.URL.Path))
}

func (u *UI) confirmLetters(v *view) error {
	code, err := u.Requests.Confirm(v.r.Context(), v.r.PathValue("token"))
	if err != nil {
		return err
	}
	v.onStreet(v.T("care.confirmed"))
	v.private = true
	return v.show(http.StatusOK, clickPage(v, v.T("care.confirmed"), v.T("care.confirmed.lead", "code", code), "", streetPath(code)))
}

func (u *UI) stopForm(v *view) error {
	v.onStreet(v.T("care.stop.title"))
	v.private = true
	return v.show(http.StatusOK, clickPage(v, v.T("care.stop.title"), v.T("care.stop.lead"), v.T("care.stop"), v.r.URL.Path))
}

func (u *UI) stopLetters(v *view) error {
	if err := u.Requests.Stop(v.r.Context(), v.r.PathValue("id"), v.r.PathValue("token")); err != nil {
		return err
	}
	v.onStreet(v.T("care.stopped"))
	v.private = true
	return v.show(http.StatusOK, clickPage(v, v.T("care.stopped"), v.T("care.stopped.lead"), "", "/street"))
}

// strikeData is a strike with the form that its reader has.
type strikeData struct {
	Code, Text string
	Strike     request.Strike
	Known      bool
	Fault      *web.Document
}

func (u *UI) strikeForm(v *view) error { return v.showStrike(http.StatusOK, nil) }

func (v *view) showStrike(status int, fault *web.Document) error {
	d := strikeData{Code: request.Tidy(v.r.PathValue("code")), Fault: fault}
	if v.r.PostForm != nil {
		d.Text = v.field("appeal")
	}
	_, err := v.u.Requests.MineOne(v.r.Context(), v.p, d.Code, v.secretFor(d.Code))
	if err == nil {
		d.Strike, d.Known, err = v.u.Requests.StrikeOf(v.r.Context(), d.Code)
	}
	if err == nil && !d.Known {
		err = problem.New(problem.NotFound, "request-unknown")
	}
	if err != nil {
		return err
	}
	v.onStreet(v.T("care.strike.title"))
	v.private = true
	return v.show(status, strikePage(v, d))
}

func (u *UI) appealStrike(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	code := request.Tidy(v.r.PathValue("code"))
	if err := u.Requests.Appeal(v.r.Context(), v.p, code, v.secretFor(code), v.field("appeal")); err != nil {
		return v.again(err, v.showStrike)
	}
	return v.seeOther(streetPath(code) + "/strike")
}

func (u *UI) deskStrikeForm(v *view) error { return v.showDeskStrike(http.StatusOK, nil) }

func (v *view) showDeskStrike(status int, fault *web.Document) error {
	d := strikeData{Code: request.Tidy(v.r.PathValue("code")), Fault: fault}
	if v.r.PostForm != nil {
		d.Text = v.field("reason")
	}
	_, err := v.u.Requests.Read(v.r.Context(), v.p, d.Code)
	if err == nil && !v.u.Requests.AtDesk(v.p) {
		err = problem.New(problem.Denied, "request-desk")
	}
	if err == nil {
		d.Strike, d.Known, err = v.u.Requests.StrikeOf(v.r.Context(), d.Code)
	}
	if err != nil {
		return err
	}
	v.nav, v.title, v.private = "desk", v.T("care.strike.title"), true
	return v.show(status, deskStrikePage(v, d))
}

func (u *UI) deskStrike(v *view) (err error) {
	if err := v.form(); err != nil {
		return err
	}
	code, ctx := request.Tidy(v.r.PathValue("code")), v.r.Context()
	switch do := v.field("do"); do {
	case "lift", "uphold":
		err = u.Requests.DecideStrike(ctx, v.p, code, do == "lift", v.field("reason"))
	default:
		err = u.Requests.Strike(ctx, v.p, code, v.field("reason"))
	}
	if err != nil {
		return v.again(err, v.showDeskStrike)
	}
	return v.seeOther(deskPath(code) + "/strike")
}

// keepingData is what is kept how long.
type keepingData struct {
	Due, Done []request.Expired
	At        []time.Time
	Appeals   []request.Strike
	titles    map[string]string
}

func (d *keepingData) title(v *view, rule string) string {
	if t := d.titles[rule]; t != "" {
		return t
	}
	if rule == "identity" {
		return v.T("care.keeping.identity")
	}
	return rule
}

const deletionsShown = 50

func (u *UI) keeping(v *view) error {
	ctx := v.r.Context()
	d := keepingData{titles: map[string]string{}}
	var err error
	if d.Appeals, err = u.Requests.Appealed(ctx, v.p); err != nil { // for the desk alone
		return err
	}
	if d.Due, err = u.Requests.Expired(ctx); err != nil {
		return err
	}
	if d.Done, d.At, err = u.Requests.Erased(ctx, v.p, deletionsShown); err != nil {
		return err
	}
	c, err := u.Requests.Catalogue()
	if err != nil {
		return err
	}
	for _, x := range c.Upkeep.Retention {
		d.titles[x.Code] = x.Title.In(v.lang)
	}
	v.nav, v.title, v.private = "desk", v.T("care.keeping.title"), true
	return v.show(http.StatusOK, keepingPage(v, d))
}

// struck tells that who sent a report has a strike to read of.
func struck(w *request.Whole) bool {
	return slices.ContainsFunc(w.Timeline, func(e request.Entry) bool { return e.Kind == request.Comment && e.Name == "strike" })
}
