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

// administers tells whether the reader runs the installation.
func (v *view) administers() bool {
	return v.u.Accounts != nil && (v.p.Admin || v.p.Is(grant.Administrator))
}

// accountsData is what the list of accounts shows.
type accountsData struct {
	List     []account.Account
	Next     string
	Agencies []option
	Areas    []option
	Filled   map[string]string // what was typed
	Fault    *web.Document
}

// accountData is one account's page.
type accountData struct {
	Account    account.Account
	Capacities []account.Capacity
	Ways       account.Ways
	Agencies   []option
	Areas      []option
	Link       string // address of a one-time link, shown once
	Ends       time.Time
	Fault      *web.Document
}

// kindText is the word for a kind of account.
func (v *view) kindText(kind string) string {
	switch kind {
	case account.Staff, account.Citizen, account.Machine:
		return v.T("account.kind." + kind)
	}
	return kind
}

// agencies lists the agencies to choose from.
func (v *view) agencies() []option {
	var list []option
	for code := range v.u.namesNow(v.r.Context()).agencies {
		list = append(list, option{code, v.Agency(code)})
	}
	slices.SortFunc(list, func(a, b option) int { return strings.Compare(sortName(a.Label), sortName(b.Label)) })
	return list
}

func (u *UI) accounts(v *view) error { return v.showAccounts(http.StatusOK, nil, nil) }

func (v *view) showAccounts(status int, filled map[string]string, fault *web.Document) error {
	d := accountsData{Filled: filled, Fault: fault, Agencies: v.agencies(), Areas: v.u.namesNow(v.r.Context()).children}
	if !v.administers() && !v.p.Is(grant.Auditor) {
		return problem.New(problem.Denied, "denied", "action", "read", "dataset", repo.SystemAccount)
	}
	var err error
	if d.List, d.Next, err = v.u.Accounts.List(v.r.Context(), v.p, v.r.URL.Query().Get("cursor"), 50); err != nil {
		return err
	}
	v.title, v.nav = v.T("accounts.title"), "accounts"
	return v.show(status, accountsPage(v, d))
}

func (u *UI) createAccount(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	filled := map[string]string{}
	for _, name := range []string{"id", "name", "email", "kind", "agency"} {
		filled[name] = v.field(name)
	}
	opening := account.Opening{Account: account.Account{ID: filled["id"], Name: filled["name"], Email: filled["email"], Kind: or(filled["kind"], account.Staff)}}
	if c := v.postedCapacity(); len(c.Roles) > 0 {
		opening.Capacities = []account.Capacity{c}
	}
	if err := u.Accounts.Create(v.r.Context(), v.p, opening); err != nil {
		return v.again(err, func(status int, fault *web.Document) error { return v.showAccounts(status, filled, fault) })
	}
	return v.seeOther(accountPath(opening.ID))
}

// postedCapacity reads role, agency and areas of a form.
func (v *view) postedCapacity() account.Capacity {
	roles := slices.DeleteFunc(slices.Clone(v.r.PostForm["role"]), func(s string) bool { return s == "" })
	areas := slices.DeleteFunc(slices.Clone(v.r.PostForm["area"]), func(s string) bool { return s == "" })
	return account.Capacity{Agency: v.field("agency"), Roles: roles, Areas: areas}
}

// waysText says what lets an account in.
func (v *view) waysText(w account.Ways) string {
	var parts []string
	if w.Password {
		parts = append(parts, v.T("account.ways.password"))
	}
	if w.Passkeys > 0 {
		parts = append(parts, v.T("account.ways.passkeys", "n", v.N(int64(w.Passkeys))))
	}
	if w.Secret {
		parts = append(parts, v.T("account.ways.secret"))
	}
	if w.Certificates > 0 {
		parts = append(parts, v.T("account.ways.certificates", "n", v.N(int64(w.Certificates))))
	}
	if w.Sessions > 0 {
		parts = append(parts, v.T("account.ways.sessions", "n", v.N(int64(w.Sessions))))
	}
	return or(strings.Join(parts, " · "), v.T("account.ways.none"))
}

// postedEnding reads what is to end of an account.
func (v *view) postedEnding() account.Ending {
	has := func(what string) bool { return slices.Contains(v.r.PostForm["ending"], what) }
	return account.Ending{Sessions: has("sessions"), Passkeys: has("passkeys"), Secrets: has("secrets")}
}

func accountPath(id string) string { return "/accounts/" + id }

func (u *UI) account(v *view) error { return v.showAccount(http.StatusOK, accountData{}) }

func (v *view) showAccount(status int, d accountData) error {
	var err error
	if d.Account, d.Capacities, err = v.u.Accounts.Of(v.r.Context(), v.p, v.r.PathValue("id")); err != nil {
		return err
	}
	if v.administers() {
		if d.Ways, err = v.u.Accounts.Ways(v.r.Context(), v.p, d.Account.ID); err != nil {
			return err
		}
	}
	d.Agencies, d.Areas = v.agencies(), v.u.namesNow(v.r.Context()).children
	v.title, v.nav, v.class = or(d.Account.Name, d.Account.ID), "accounts", "narrow"
	if d.Link != "" {
		v.w.Header().Set("Cache-Control", "no-store")
	}
	return v.show(status, accountPage(v, d))
}

// changeAccount carries out one act on an account.
func (u *UI) changeAccount(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	ctx, id := v.r.Context(), v.r.PathValue("id")
	var err error
	switch v.field("act") {
	case "disable":
		err = u.Accounts.Disable(ctx, v.p, id, true)
	case "enable":
		err = u.Accounts.Disable(ctx, v.p, id, false)
	case "end":
		err = u.Accounts.End(ctx, v.p, v.field("capacity"))
	case "give":
		c := v.postedCapacity()
		c.Account, c.Reason = id, v.field("reason")
		if c.From, c.Until, err = v.term(); err == nil {
			_, err = u.Accounts.Give(ctx, v.p, c)
		}
	case "shut":
		err = u.Accounts.Shut(ctx, v.p, id, v.postedEnding())
	case "link":
		var secret string
		var ends time.Time
		if secret, ends, err = u.Accounts.Recover(ctx, v.p, id, v.postedEnding()); err == nil {
			return v.showAccount(http.StatusOK, accountData{Link: v.origin() + "/enter/link/" + secret, Ends: ends})
		}
	default:
		err = problem.New(problem.Invalid, "request-malformed")
	}
	if err == nil {
		return v.seeOther(accountPath(id))
	}
	return v.again(err, func(status int, fault *web.Document) error { return v.showAccount(status, accountData{Fault: fault}) })
}

// origin is scheme and host of this site, as the reader's browser names them.
func (v *view) origin() string {
	if v.r.TLS == nil && v.r.Loopback() {
		return "http://" + v.r.Host
	}
	return "https://" + v.r.Host
}
