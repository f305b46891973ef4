package ui

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
)

// view is one page being made for one reader.
type view struct {
	u       *UI
	w       http.ResponseWriter
	r       *web.Request
	p       repo.Principal
	lang    string
	theme   string // "light", "dark", or "" when the device decides
	now     time.Time
	zone    *time.Location
	title   string
	nav     string // key of the chosen entry of the main menu
	class   string // of main
	script  []string
	styles  []string
	me      *account.Session // of a reader who came in by an account
	private bool             // kept by no cache
	alerts  int64            // that nobody has acknowledged; -1 for who sees none
	notices int64            // that the reader has not seen; -1 for who is told nothing
	held    int64            // rows in quarantine that the reader may see; -1 when none of it
}

// page wraps a handler: it remembers the reader's choices, and turns an error
// into a page.
func (u *UI) page(h func(*view) error) web.Handler {
	return func(w http.ResponseWriter, r *web.Request) error {
		v := &view{u: u, w: w, r: r, p: r.Principal, lang: r.Lang, now: u.Now(), zone: u.Repo.Zone()}
		if v.choose() {
			return nil
		}
		if err := v.signedIn(); err != nil {
			return v.fail(err)
		}
		v.held = u.heldOpen(r.Context(), r.Principal, v.now)
		v.alerts, v.notices = u.waitingFor(r.Context(), r.Principal, v.now)
		err := h(v)
		if err == nil || r.Context().Err() != nil {
			return err
		}
		return v.fail(err)
	}
}

// choose keeps a language or theme asked for in the address. A theme leaves the
// address at once; true means that the answer is given.
func (v *view) choose() bool {
	q := v.r.URL.Query()
	keep := func(name, val string) {
		http.SetCookie(v.w, &http.Cookie{Name: name, Value: val, Path: "/", MaxAge: 365 * 24 * 3600, SameSite: http.SameSiteLaxMode, HttpOnly: true})
	}
	if c, err := v.r.Cookie("theme"); err == nil && (c.Value == "dark" || c.Value == "light") {
		v.theme = c.Value
	}
	if l := q.Get("lang"); l == v.lang {
		keep("lang", l)
	}
	t := q.Get("theme")
	if t != "dark" && t != "light" || v.r.Method != http.MethodGet {
		return false
	}
	keep("theme", t)
	q.Del("theme")
	http.Redirect(v.w, v.r.Request, address(v.r.URL.Path, q), http.StatusSeeOther)
	return true
}

// T is the text of a key in the reader's language; kv fill its {holes}.
func (v *view) T(key string, kv ...string) string { return text(v.lang, key, kv...) }

// is tells whether a parameter has a value.
func (v *view) is(name, val string) bool { return v.r.URL.Query().Get(name) == val }

// with is the page's own address with parameters changed: name, value, name,
// value …; an empty value leaves one out. Paging starts again.
func (v *view) with(kv ...string) string {
	q := v.r.URL.Query()
	for _, n := range []string{"cursor", "start", "trail", "fragment", "theme"} {
		q.Del(n)
	}
	for i := 0; i+1 < len(kv); i += 2 {
		if kv[i+1] == "" {
			q.Del(kv[i])
		} else {
			q.Set(kv[i], kv[i+1])
		}
	}
	return address(v.r.URL.EscapedPath(), q)
}

// address joins a path and parameters.
func address(path string, q url.Values) string {
	if s := q.Encode(); s != "" {
		return path + "?" + s
	}
	return path
}

// to makes an address from a path and parameters; empty ones are left out.
func to(path string, kv ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(kv); i += 2 {
		if kv[i+1] != "" {
			q.Set(kv[i], kv[i+1])
		}
	}
	return address(path, q)
}

// datasetPath is the address of a dataset's tab ("" for its records).
func datasetPath(name, tab string) string {
	p := "/datasets/" + url.PathEscape(name)
	if tab != "" {
		p += "/" + tab
	}
	return p
}

// recordPath is the address of a record.
func recordPath(name, key string) string {
	return datasetPath(name, "records") + "/" + url.PathEscape(key)
}

// fragment tells that only the named part of the page is asked for.
func (v *view) fragment(id string) bool { return v.r.URL.Query().Get("fragment") == id }

// show writes the whole page around a body.
func (v *view) show(status int, body templ.Component) error { return v.write(status, v.frame(body)) }

// part writes a piece of a page.
func (v *view) part(c templ.Component) error { return v.write(http.StatusOK, c) }

func (v *view) frame(body templ.Component) templ.Component { return layout(v, body) }

// write renders first, so that a fault in rendering can still be answered.
func (v *view) write(status int, c templ.Component) error {
	var b bytes.Buffer
	if err := c.Render(v.r.Context(), &b); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "private, no-cache")
	if v.private {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("Content-Language", v.lang)
	web.Vary(h, "Cookie", "Accept-Language")
	v.w.WriteHeader(status)
	_, err := v.w.Write(b.Bytes())
	return err
}

// seeOther sends the reader on after something was done.
func (v *view) seeOther(to string) error {
	http.Redirect(v.w, v.r.Request, to, http.StatusSeeOther)
	return nil
}

// here is the page's own address, for coming back to it.
func (v *view) here() string { return v.r.URL.RequestURI() }

// local returns an address within this site, or the first page for any other.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.ContainsRune(to, '\\') {
		return "/"
	}
	return u.String()
}

// fail answers with the page of an error: what is missing, why, what to do.
func (v *view) fail(err error) error {
	if c, ok := errors.AsType[*closed](err); ok {
		return v.showClosed(c)
	}
	if problem.KindOf(err) == problem.Denied && v.r.Credential == web.NoCredential {
		err = problem.Wrap(err, problem.Unauthenticated, "unauthenticated")
	}
	d := web.Describe(v.lang, v.r.Method, err)
	kind := problem.KindOf(err)
	if kind == problem.Internal {
		v.u.Log.Error("fault", "request", v.r.ID, "path", v.r.URL.Path, "err", err)
		d.Detail, d.Violations = problem.Text(v.lang, "internal", map[string]string{"id": v.r.ID}), nil
	}
	v.title, v.script, v.styles, v.class = v.T("error."+kind.String()+".title"), nil, nil, ""
	if d.Code == releaseNeeded {
		v.title, d.Detail = v.T("release.needed"), v.releaseDetail(problem.As(err))
	}
	return v.show(d.Status, errorPage(v, kind.String(), d))
}

// noPage is the error of an address that names nothing.
func (v *view) noPage() error {
	return problem.New(problem.NotFound, "not-found", "what", v.T("this-page"))
}

// heldCache remembers for a moment how many rows wait in quarantine, since
// every page shows the count.
type heldCache struct {
	mu    sync.Mutex
	byWho map[string]heldCount
}

type heldCount struct {
	at time.Time
	n  int64
}

const heldFor = 2 * time.Second

// heldOpen counts the open rows in quarantine that p may see; -1 for a reader
// to whom quarantine is closed.
func (u *UI) heldOpen(ctx context.Context, p repo.Principal, now time.Time) int64 {
	if _, err := u.Repo.Entry(p, repo.SystemQuarantine); err != nil {
		return -1
	}
	u.held.mu.Lock()
	c, ok := u.held.byWho[p.Name]
	u.held.mu.Unlock()
	if ok && now.Sub(c.at) < heldFor && now.Sub(c.at) >= 0 {
		return c.n
	}
	page, err := u.Repo.Read(ctx, p, repo.Query{Dataset: repo.SystemQuarantine, Filter: waiting(), Count: true, Limit: 1}, func(repo.Record) error { return nil })
	if err != nil {
		return -1
	}
	u.held.mu.Lock()
	defer u.held.mu.Unlock()
	if len(u.held.byWho) > 1000 || u.held.byWho == nil {
		u.held.byWho = map[string]heldCount{}
	}
	u.held.byWho[p.Name] = heldCount{now, page.Matched}
	return page.Matched
}

// equal is the condition that a field has a text.
func equal(field, val string) cql2.Expr {
	return &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: field, Column: -1}, textLit(val)}}
}
