package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// streetData is the public list of reports.
type streetData struct {
	Show, Category, Area, Text, From, Until string
	Groups                                  []sendGroup
	Rows                                    []request.Request
	Matched                                 int64 // -1 = not counted
	Next, Map                               string
	Since                                   time.Time // so far back words were looked for, when there is more
}

var streetShows = [...]string{"all", "open", "over"}

const streetPageSize = 30

func (u *UI) street(v *view) error {
	q := v.r.URL.Query()
	d := streetData{Show: q.Get("show"), Category: q.Get("category"), Area: q.Get("area"), Text: strings.TrimSpace(q.Get("q")), From: q.Get("from"), Until: q.Get("until")}
	if !slices.Contains(streetShows[:], d.Show) {
		d.Show = "all"
	}
	ask := request.Query{Area: d.Area, Text: d.Text, Limit: streetPageSize, Cursor: q.Get("cursor"), Count: d.Text == ""}
	if d.Show != "all" {
		open := d.Show == "open"
		ask.Open = &open
	}
	if d.Category != "" {
		ask.Category = []string{d.Category}
	}
	for text, into := range map[*string]*time.Time{&d.From: &ask.From, &d.Until: &ask.Until} {
		if day, err := time.ParseInLocation(time.DateOnly, *text, v.zone); err == nil {
			*into = day
		} else {
			*text = ""
		}
	}
	if !ask.Until.IsZero() {
		ask.Until = ask.Until.AddDate(0, 0, 1) // the last day is one of them
	}
	list, page, err := u.Requests.Public(v.r.Context(), ask)
	if err != nil {
		return err
	}
	if d.Groups, _, err = v.sendGroups(); err != nil {
		return err
	}
	d.Rows, d.Matched = list, page.Matched
	if page.Next != "" {
		d.Next = v.with("cursor", page.Next)
		if d.Text != "" && len(list) < streetPageSize {
			d.Since = request.GoesOn(page.Next)
		}
	}
	d.Map = to("/map", "layer", request.Dataset, "within", "30d", "area", d.Area)
	v.onStreet(v.T("street.title"))
	return v.show(http.StatusOK, streetPage(v, d))
}

// streetOne is one report as its reporter or the public sees it.
type streetOne struct {
	*request.Whole
	Secret  bool // by a receipt that this browser holds
	Follows bool
	Fault   *web.Document
	Do, Key string
	Filled  url.Values
}

func (u *UI) streetReport(v *view) error { return v.showStreetReport(http.StatusOK, nil) }

func (v *view) showStreetReport(status int, fault *web.Document) error {
	code := request.Tidy(v.r.PathValue("code"))
	secret := v.secretFor(code)
	w, err := v.u.Requests.MineOne(v.r.Context(), v.p, code, secret)
	if problem.KindOf(err) == problem.NotFound && err != nil {
		w, err = v.u.Requests.PublicOne(v.r.Context(), code)
	}
	if err != nil {
		return err
	}
	w.Description = unheaded(w)
	d := streetOne{Whole: w, Secret: w.Mine && secret != "", Fault: fault, Filled: v.r.PostForm}
	if d.Key, err = v.freshKey(); err != nil {
		return err
	}
	if d.Filled != nil {
		d.Do = v.field("do")
	}
	if !w.Mine && v.p.Name != "" {
		list, err := v.u.Requests.Following(v.r.Context(), v.p)
		if err != nil && problem.KindOf(err) != problem.Unauthenticated {
			return err
		}
		d.Follows = slices.ContainsFunc(list, func(x request.Request) bool { return x.Code == code })
	}
	v.onStreet(v.streetTitle(&w.Request))
	v.private = w.Mine || v.p.Name != ""
	return v.show(status, streetOnePage(v, d))
}

// actOnStreet does what a reporter or a follower does with a report.
func (u *UI) actOnStreet(v *view) error {
	if err := v.posted(); err != nil {
		return v.again(err, v.showStreetReport)
	}
	code := request.Tidy(v.r.PathValue("code"))
	var err error
	switch do := v.field("do"); do {
	case "follow":
		err = u.Requests.Follow(v.r.Context(), v.p, code)
	case "unfollow":
		err = u.Requests.Unfollow(v.r.Context(), v.p, code)
	case "forget":
		v.hold(code, "")
		return v.seeOther("/me/reports")
	default:
		_, err = u.Requests.Reply(v.r.Context(), v.p, code, v.secretFor(code), request.Act{Do: do, Key: v.field("key"), Photos: v.r.PostForm["photo"],
			Fields: map[string]string{"text": v.field("text"), "reply": v.field("reply"), "note": v.field("note"), "rating": v.field("rating")}})
	}
	if err == nil {
		return v.seeOther(streetPath(code))
	}
	return v.again(err, v.showStreetReport)
}

// mineData are one's own reports, by account or by the receipts of this browser, and
// those that one follows.
type mineData struct {
	Own, Followed []request.Request
	Code          string // as it was typed
	Fault         *web.Document
}

func (u *UI) myReports(v *view) error { return v.showMyReports(http.StatusOK, nil) }

func (v *view) showMyReports(status int, fault *web.Document) error {
	d := mineData{Fault: fault}
	if v.r.PostForm != nil {
		d.Code = v.field("code")
	}
	seen := map[string]bool{}
	if v.p.Name != "" {
		list, err := v.u.Requests.Mine(v.r.Context(), v.p)
		if err == nil {
			d.Own = list
			d.Followed, err = v.u.Requests.Following(v.r.Context(), v.p)
		}
		if err != nil && problem.KindOf(err) != problem.Unauthenticated { // machines have none
			return err
		}
	}
	for _, x := range d.Own {
		seen[x.Code] = true
	}
	for _, h := range v.heldReceipts() {
		if seen[h.Code] {
			continue
		}
		w, err := v.u.Requests.MineOne(v.r.Context(), repo.Public(), h.Code, h.Secret)
		if problem.KindOf(err) == problem.NotFound && err != nil {
			continue
		}
		if err != nil {
			return err
		}
		d.Own = append(d.Own, w.Request)
	}
	slices.SortStableFunc(d.Own, func(a, b request.Request) int { return b.OpenedAt.Compare(a.OpenedAt) })
	v.onStreet(v.T("mine.title"))
	v.streetScript()
	v.private = true
	return v.show(status, minePage(v, d))
}

// holdReport opens a report by the code and secret of its receipt, and keeps them
// in this browser.
func (u *UI) holdReport(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	code, secret := request.Tidy(v.field("code")), v.field("secret")
	if _, err := u.Requests.MineOne(v.r.Context(), repo.Public(), code, secret); err != nil {
		if problem.KindOf(err) == problem.NotFound {
			err = problem.InvalidWith("request-invalid", []problem.Violation{problem.Violate("request-receipt", "secret")})
		}
		return v.again(err, v.showMyReports)
	}
	v.hold(code, strings.ToUpper(strings.Join(strings.Fields(secret), "")))
	return v.seeOther(streetPath(code))
}

// streetLine is what happened, in a line of the timeline.
func (v *view) streetLine(w *request.Whole, e *request.Entry) string {
	switch e.Kind {
	case workflow.Open:
		return v.T("line.open")
	case workflow.Move:
		if t, ok := w.Workflow.Transition(e.Name); ok {
			return v.streetState(t.To)
		}
	case workflow.Set:
		if e.Name == "still" {
			return v.T("line.still")
		}
		if e.Name == request.DoReroute {
			return v.T("line.reroute")
		}
		return v.T("line.classify")
	case workflow.Halt:
		return v.T("line.halt")
	case workflow.Resume:
		return v.T("line.resume")
	case workflow.Fire:
		return v.T("line.fire")
	case request.Photo:
		return v.T("line.photo")
	case request.Rating:
		return v.T("line.rate", "n", e.Facts["rating"])
	case request.Publish:
		return v.T("line.publish")
	case request.Linked:
		return v.T("line.merge")
	case request.Note:
		return v.T("line.answers")
	case request.Comment:
		switch {
		case e.Name == "question":
			return v.T("line.question")
		case e.Name == "reason":
			return v.T("line.reason")
		case e.ByAgency == "":
			return v.T("line.own")
		}
		return v.T("line.message")
	}
	return v.T("line.other")
}

// streetSays is what stands below a line.
func (v *view) streetSays(w *request.Whole, e *request.Entry) string {
	if e.Name != "answers" {
		return e.TextIn(v.lang)
	}
	c, err := v.u.Requests.Catalogue()
	if err != nil {
		return ""
	}
	category, ok := c.Category(w.Category)
	if !ok {
		return ""
	}
	var lines []string
	for _, q := range category.Questions {
		answer := e.Facts[q.Code]
		if answer == "" {
			continue
		}
		var words []string
		for one := range strings.SplitSeq(answer, ",") {
			for _, choice := range q.Values {
				if choice.Code == one {
					words = append(words, choice.Title.In(v.lang))
				}
			}
		}
		lines = append(lines, q.Title.In(v.lang)+" "+or(strings.Join(words, ", "), answer))
	}
	return strings.Join(lines, "\n")
}

// streetRing is the class of a state's mark: whose turn it is.
func streetRing(x *request.Request, now time.Time) string {
	switch {
	case x.Overdue(now):
		return "late"
	case x.Status == "waiting-reporter":
		return "ask"
	case !x.AnsweredAt.IsZero() || !x.ClosedAt.IsZero():
		return "done"
	}
	return "going"
}
