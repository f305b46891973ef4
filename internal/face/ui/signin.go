package ui

import (
	"net/http"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/account"
)

// signInRoutes are the pages by which people come in and act.
func (u *UI) signInRoutes() []web.Route {
	get := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: u.page(h)}
	}
	post := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Handler: u.page(h), MaxBody: 64 << 10, SignIn: strings.HasPrefix(pattern, "/enter")}
	}
	list := []web.Route{get("/enter", u.enter), post("/enter", u.signIn), post("/leave", u.signOut)}
	if u.Accounts == nil {
		return list
	}
	return append(append(list, u.passkeyRoutes()...),
		post("/profile/passkeys/remove", u.removePasskey),
		get("/enter/link/{secret}", u.linkPage),
		post("/enter/new", u.useLink),
		get("/enter/provider", u.toProvider),
		get("/enter/callback", u.fromProvider),
		get("/profile", u.profile),
		post("/profile/capacity", u.chooseCapacity),
		post("/profile/task", u.nameTask),
		post("/profile/password", u.changePassword),
		post("/profile/sessions", u.endSession),
		post("/profile/delegations", u.delegate),
		post("/profile/delegations/{id}", u.endDelegation),
		get("/accounts", u.accounts),
		post("/accounts", u.createAccount),
		get("/accounts/{id}", u.account),
		post("/accounts/{id}", u.changeAccount),
	)
}

// enterData is what the sign-in page shows.
type enterData struct {
	Back  string
	Name  string // as it was typed
	Fault string // of name and password
	Token string // fault of the token
}

// device is where a request comes from, as sessions list it to their owner.
func (v *view) device() account.Device {
	return account.Device{Agent: v.r.UserAgent(), Address: v.r.Address()}
}

// form reads a posted form.
func (v *view) form() error {
	if err := v.r.ParseForm(); err != nil {
		return web400(err)
	}
	return nil
}

// field is one value of the posted form, without spaces around it.
func (v *view) field(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

func (u *UI) enter(v *view) error {
	return v.showEnter(http.StatusOK, enterData{Back: local(or(v.r.URL.Query().Get("return"), "/"))})
}

func (v *view) showEnter(status int, d enterData) error {
	v.title, v.class = v.T("enter"), "narrow"
	v.passkeyScript()
	return v.show(status, enterPage(v, d))
}

// signIn takes a name and a password, or an access token.
func (u *UI) signIn(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	d := enterData{Back: local(v.field("return")), Name: v.field("account")}
	if u.Sessions == nil {
		return problem.New(problem.Unavailable, "busy")
	}
	if token := v.field("token"); token != "" || u.Accounts == nil {
		if _, err := u.Repo.Authenticate(v.r.Context(), token); err != nil {
			if k := problem.KindOf(err); k != problem.Unauthenticated && k != problem.Invalid {
				return err
			}
			d.Token = v.T("enter.wrong")
			return v.showEnter(http.StatusUnauthorized, d)
		}
		u.Sessions.SetSession(v.w, v.r, token, v.now.Add(sessionFor))
		return v.seeOther(d.Back)
	}
	got, err := u.Accounts.SignIn(v.r.Context(), v.device(), d.Name, v.r.PostForm.Get("password"))
	if err != nil {
		status := http.StatusUnauthorized
		switch problem.KindOf(err) {
		case problem.Unauthenticated:
		case problem.RateLimited:
			status = http.StatusTooManyRequests
		default:
			return err
		}
		d.Fault = problem.As(err).In(v.lang)
		return v.showEnter(status, d)
	}
	if got.Session == "" {
		return v.showLink(http.StatusOK, linkData{Secret: got.Change, Account: d.Name, Back: d.Back, Forced: true})
	}
	return v.entered(got, d.Back)
}

// entered keeps the session of a sign-in and leads on.
func (v *view) entered(got account.Entered, back string) error {
	v.u.Sessions.SetSession(v.w, v.r, got.Session, time.Time{})
	if got.Choose {
		return v.seeOther(to("/profile", "return", back))
	}
	return v.seeOther(back)
}

// sessionFor is how long a browser keeps an access token: one working day.
const sessionFor = 12 * time.Hour

func (u *UI) signOut(v *view) error {
	if u.Accounts != nil && v.r.Session != "" {
		if err := u.Accounts.Leave(v.r.Context(), v.r.Session); err != nil {
			return err
		}
	}
	if u.Sessions != nil {
		u.Sessions.ClearSession(v.w)
	}
	return v.seeOther("/")
}

// toProvider sends the browser to the identity provider.
func (u *UI) toProvider(v *view) error {
	address, browser, err := u.Accounts.BeginProvider(v.r.Context(), local(or(v.r.URL.Query().Get("return"), "/")))
	if err != nil {
		return err
	}
	u.Sessions.SetFlow(v.w, v.r, browser)
	return v.seeOther(address)
}

// fromProvider takes the browser back from there.
func (u *UI) fromProvider(v *view) error {
	got, back, err := u.Accounts.FinishProvider(v.r.Context(), v.device(), v.r.URL.Query(), u.Sessions.Flow(v.r))
	u.Sessions.SetFlow(v.w, v.r, "")
	v.w.Header().Set("Referrer-Policy", "no-referrer") // the address holds the code
	switch problem.KindOf(err) {
	case problem.Denied, problem.Gone:
		u.Log.InfoContext(v.r.Context(), "sign-in at the provider refused", "request", v.r.ID, "err", err)
		return v.showEnter(http.StatusUnauthorized, enterData{Back: local(back), Fault: problem.As(err).In(v.lang)})
	}
	if err != nil {
		return err
	}
	return v.entered(got, local(back))
}

// linkData is what the page of a one-time link shows.
type linkData struct {
	Secret, Account, Name, Back string
	First                       bool // the first administrator, who names the account
	Forced                      bool // after a sign-in with a password that somebody else chose
	Fault                       *web.Document
}

func (v *view) showLink(status int, d linkData) error {
	v.title, v.class = v.T("link.title"), "narrow"
	if d.First {
		v.title = v.T("first.title")
	}
	v.w.Header().Set("Referrer-Policy", "no-referrer") // the address is the secret
	v.w.Header().Set("Cache-Control", "no-store")
	return v.show(status, linkPage(v, d))
}

func (u *UI) linkPage(v *view) error {
	secret := v.r.PathValue("secret")
	l, err := u.Accounts.Look(v.r.Context(), secret)
	if err != nil {
		return err
	}
	return v.showLink(http.StatusOK, linkData{Secret: secret, Account: l.Account, First: l.First, Back: "/"})
}

func (u *UI) useLink(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	ctx := v.r.Context()
	d := linkData{Secret: v.field("link"), Account: v.field("account"), Name: v.field("name"), Back: local(v.field("return"))}
	l, err := u.Accounts.Look(ctx, d.Secret)
	if err != nil {
		return err
	}
	d.First = l.First
	password := v.r.PostForm.Get("password")
	if password != v.r.PostForm.Get("again") {
		err = problem.InvalidWith("password-refused", []problem.Violation{problem.Violate("password-differs", "again")})
	} else {
		var got account.Entered
		if got, err = u.Accounts.Use(ctx, v.device(), d.Secret, password, d.Account, d.Name); err == nil {
			return v.entered(got, d.Back)
		}
	}
	return v.again(err, func(status int, fault *web.Document) error {
		d.Fault = fault
		return v.showLink(status, d)
	})
}

// again shows a form once more with what is wrong with it, where that is the
// reader's to put right; other errors pass.
func (v *view) again(err error, show func(status int, fault *web.Document) error) error {
	switch problem.KindOf(err) {
	case problem.Invalid, problem.Conflict, problem.Denied, problem.NotFound, problem.RateLimited:
		d := web.Describe(v.lang, v.r.Method, err)
		return show(d.Status, &d)
	}
	return err
}

// wrong tells whether a form's fault names a field.
func wrong(d *web.Document, field string) bool {
	if d == nil {
		return false
	}
	for _, x := range d.Violations {
		if x.Field == field {
			return true
		}
	}
	return false
}
