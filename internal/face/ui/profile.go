package ui

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
)

// signedIn finds the account by which the reader came in, nil for the public and
// for access tokens.
func (v *view) signedIn() error {
	if v.u.Accounts == nil || v.r.Session == "" || v.p.Name == "" || strings.HasPrefix(v.p.Name, "token:") {
		return nil
	}
	s, err := v.u.Accounts.Session(v.r.Context(), v.r.Session)
	if problem.KindOf(err) == problem.Unauthenticated {
		return nil // it ended between two lines
	}
	v.me = s
	return err
}

// capacityText says a capacity in one line: roles, agency, areas.
func (v *view) capacityText(c *account.Capacity) string {
	var parts []string
	for _, r := range c.Roles {
		parts = append(parts, v.role(r))
	}
	s := strings.Join(parts, ", ")
	if c.Agency != "" {
		s += " · " + v.Agency(c.Agency)
	}
	if len(c.Areas) > 0 {
		s += " · " + v.areasText(c.Areas)
	}
	return s
}

func (v *view) role(code string) string {
	if !slices.Contains(grant.Roles(), code) {
		return code
	}
	return v.T("role." + code)
}

func (v *view) areasText(codes []string) string {
	if slices.Contains(codes, account.WholeCity) {
		return v.T("areas.all")
	}
	var list []string
	for _, code := range codes {
		list = append(list, v.Area(code))
	}
	if len(list) > 3 {
		list = append(list[:3], "…")
	}
	return strings.Join(list, ", ")
}

// purposeName is a purpose in the reader's language.
func (v *view) purposeName(u repo.Purpose) string {
	if v.lang == "en" {
		return or(u.NameEn, u.Name)
	}
	return u.Name
}

// purposes lists what personal data may be read for, by name.
func (v *view) purposes() []option {
	var list []option
	for _, u := range v.u.Repo.Purposes() {
		if u.Ended {
			continue
		}
		label := v.purposeName(u) + " (" + u.Basis + ")"
		if u.NeedsCase {
			label += " " + v.T("task.needs-case")
		}
		if u.Hides(v.p.Agency) {
			label += " " + v.T("task.may-hide", "days", v.N(int64(u.HideDays)))
		}
		list = append(list, option{u.Code, label})
	}
	slices.SortFunc(list, func(a, b option) int { return strings.Compare(sortName(a.Label), sortName(b.Label)) })
	return list
}

// profileData is what the reader's own page shows.
type profileData struct {
	Back        string
	Sessions    []account.Session
	Delegated   []account.Capacity
	Passkeys    []account.Passkey
	HasPassword bool
	Form        string // which form Fault belongs to
	Fault       *web.Document
	Done        string
}

func (u *UI) profile(v *view) error {
	return v.showProfile(http.StatusOK, profileData{Back: local(or(v.r.URL.Query().Get("return"), "/profile"))})
}

func (v *view) showProfile(status int, d profileData) error {
	if v.me == nil {
		return problem.New(problem.Unauthenticated, "unauthenticated")
	}
	ctx, a := v.r.Context(), v.u.Accounts
	var err error
	if d.Sessions, err = a.Sessions(ctx, v.r.Session); err != nil {
		return err
	}
	if d.Delegated, err = a.Delegated(ctx, v.p); err != nil {
		return err
	}
	if d.Passkeys, err = a.Passkeys(ctx, v.r.Session); err != nil {
		return err
	}
	if d.HasPassword, err = a.HasPassword(ctx, v.p, v.p.Name); err != nil {
		return err
	}
	switch v.r.URL.Query().Get("done") {
	case "password":
		d.Done = v.T("profile.done.password")
	case "delegated":
		d.Done = v.T("profile.done.delegated")
	case "passkey":
		d.Done = v.T("profile.done.passkey")
	case "ended":
		d.Done = v.T("profile.done.ended")
	}
	v.title, v.class = v.T("profile.title"), "narrow"
	v.passkeyScript()
	v.w.Header().Set("Cache-Control", "no-store")
	return v.show(status, profilePage(v, d))
}

// mine runs one form of the profile and leads on, or shows what is wrong with it.
func (v *view) mine(form string, next string, act func() error) error {
	if err := v.form(); err != nil {
		return err
	}
	if v.me == nil {
		return problem.New(problem.Unauthenticated, "unauthenticated")
	}
	err := act()
	if err == nil {
		return v.seeOther(local(or(v.field("return"), next)))
	}
	return v.again(err, func(status int, fault *web.Document) error {
		return v.showProfile(status, profileData{Back: local(or(v.field("return"), "/profile")), Form: form, Fault: fault})
	})
}

func (u *UI) chooseCapacity(v *view) error {
	return v.mine("capacity", "/profile", func() error {
		renewed, err := u.Accounts.Choose(v.r.Context(), v.r.Session, v.field("capacity"))
		if err == nil && renewed != v.r.Session {
			u.Sessions.SetSession(v.w, v.r, renewed, time.Time{})
		}
		return err
	})
}

func (u *UI) nameTask(v *view) error {
	return v.mine("task", "/profile", func() error {
		hidden, err := v.hiddenUntil()
		if err != nil {
			return err
		}
		return u.Accounts.Task(v.r.Context(), v.r.Session, v.field("purpose"), v.field("case"), hidden)
	})
}

// hiddenUntil reads the last day on which a task's readings are hidden from the
// persons; the zero time stands for none.
func (v *view) hiddenUntil() (time.Time, error) {
	text := v.field("hidden")
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation("2006-01-02", text, v.zone)
	if err != nil {
		return t, problem.InvalidWith("capacity-invalid", []problem.Violation{problem.Violate("date-malformed", "hidden")})
	}
	return t.AddDate(0, 0, 1), nil
}

// hiddenDay is the last day of hiding, as its field has it.
func (v *view) hiddenDay() string {
	if v.me.Hidden.IsZero() {
		return ""
	}
	return v.me.Hidden.Add(-time.Nanosecond).In(v.zone).Format("2006-01-02")
}

// mayHide tells whether the reader's agency may hide readings for any purpose.
func (v *view) mayHide() bool {
	for _, u := range v.u.Repo.Purposes() {
		if !u.Ended && u.Hides(v.p.Agency) {
			return true
		}
	}
	return false
}

func (u *UI) changePassword(v *view) error {
	return v.mine("password", "/profile?done=password", func() error {
		password := v.r.PostForm.Get("password")
		if password != v.r.PostForm.Get("again") {
			return problem.InvalidWith("password-refused", []problem.Violation{problem.Violate("password-differs", "again")})
		}
		got, err := u.Accounts.SetPassword(v.r.Context(), v.r.Session, v.device(), v.r.PostForm.Get("before"), password)
		if err == nil {
			u.Sessions.SetSession(v.w, v.r, got.Session, time.Time{})
		}
		return err
	})
}

func (u *UI) endSession(v *view) error {
	return v.mine("sessions", "/profile?done=ended", func() error {
		return u.Accounts.Revoke(v.r.Context(), v.r.Session, v.field("session"))
	})
}

func (u *UI) delegate(v *view) error {
	return v.mine("delegation", "/profile?done=delegated", func() error {
		c := v.me.Capacity
		if c == nil {
			return problem.New(problem.Denied, "capacity-not-yours")
		}
		from, until, err := v.term()
		if err != nil {
			return err
		}
		_, err = u.Accounts.Delegate(v.r.Context(), v.p, account.Delegation{
			Capacity: c.ID, To: v.field("to"), Roles: v.r.PostForm["role"], Areas: v.r.PostForm["area"],
			From: from, Until: until, Reason: v.field("reason"),
		})
		return err
	})
}

func (u *UI) endDelegation(v *view) error {
	return v.mine("delegation", "/profile?done=ended", func() error {
		return u.Accounts.End(v.r.Context(), v.p, v.r.PathValue("id"))
	})
}

// term reads the first and the last day of a term, in the city's zone. The zero
// time stands for none; the last day is included.
func (v *view) term() (from, until time.Time, err error) {
	var vs []problem.Violation
	day := func(field string) time.Time {
		text := v.field(field)
		if text == "" {
			return time.Time{}
		}
		t, err := time.ParseInLocation("2006-01-02", text, v.zone)
		if err != nil {
			vs = append(vs, problem.Violate("date-malformed", field))
		}
		return t
	}
	from, until = day("from"), day("until")
	if !until.IsZero() {
		until = until.AddDate(0, 0, 1)
	}
	return from, until, problem.InvalidWith("capacity-invalid", vs)
}

// termText says how long a capacity lasts.
func (v *view) termText(c *account.Capacity) string {
	if c.Until.IsZero() {
		return v.T("term.open", "from", v.Day(c.From))
	}
	return v.T("term.closed", "from", v.Day(c.From), "until", v.Day(c.Until.Add(-time.Nanosecond)))
}

// Day is a moment's date in the city.
func (v *view) Day(t time.Time) string { return t.In(v.zone).Format("02/01/2006") }
