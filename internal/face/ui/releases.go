package ui

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
	"huong.city/huong/internal/service/sharing"
)

// releaseRoutes are the pages of reading personal data in bulk.
func (u *UI) releaseRoutes() []web.Route {
	post := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Handler: u.page(h), MaxBody: 1 << 20}
	}
	get := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: u.page(h)}
	}
	return []web.Route{
		get("/releases", u.releases), get("/releases/ask", u.releaseAskPage), post("/releases/ask", u.releaseAsk),
		get("/releases/{id}", u.release), post("/releases/{id}", u.releaseDecide),
	}
}

// releasesData is the list.
type releasesData struct {
	Rows   []sharing.Release
	MayAsk bool
}

func releasePath(id string) string { return "/releases/" + url.PathEscape(id) }

// releaseState is where a release stands now, in words.
func (v *view) releaseState(x *sharing.Release) string {
	if x.Expired(v.now.UnixMicro()) {
		return v.T("release.state.expired")
	}
	return v.T("release.state." + x.State)
}

func (u *UI) releases(v *view) error {
	list, err := u.Sharing.Releases(v.r.Context(), v.p)
	if err != nil {
		return err
	}
	v.nav, v.title = "sharing", v.T("releases.title")
	return v.show(http.StatusOK, releasesPage(v, releasesData{list, sharing.Staff(v.p)}))
}

// releaseData is the page of one.
type releaseData struct {
	sharing.Release
	Title  string
	Decide bool
	Own    bool // the reader of the page asked for it, or will read by it
	Filled url.Values
	Fault  *web.Document
}

func (u *UI) release(v *view) error { return v.showRelease(http.StatusOK, nil) }

func (v *view) showRelease(status int, fault *web.Document) error {
	x, err := v.u.Sharing.Release(v.r.Context(), v.p, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	d := releaseData{Release: x, Title: v.u.Sharing.TitleOf(x.Dataset, v.lang), Fault: fault, Filled: v.r.PostForm}
	d.Decide = x.State == repo.ReleaseRequested && sharing.DecidesRelease(v.p, &x) == nil
	d.Own = v.p.Name == x.AskedBy || v.p.Name == x.Reader
	v.nav, v.title = "sharing", d.Title+" · "+v.T("releases.title")
	return v.show(status, releasePage(v, d))
}

func (u *UI) releaseDecide(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	id := v.r.PathValue("id")
	version, _ := strconv.ParseInt(v.field("version"), 10, 64)
	_, err := u.Sharing.DecideRelease(v.r.Context(), v.p, id, version, v.field("step") == "approve", v.field("reason"))
	if err == nil {
		return v.seeOther(releasePath(id))
	}
	if problem.KindOf(err) == problem.Stale {
		d := web.Describe(v.lang, v.r.Method, err)
		return v.showRelease(d.Status, &d)
	}
	return v.again(err, v.showRelease)
}

// releaseAskData is the form by which a reading in bulk is asked for.
type releaseAskData struct {
	Dataset, Title, Owner string
	Purpose               string
	Fields                []string
	Sets                  []option
	Filled                url.Values
	Fault                 *web.Document
}

func (d *releaseAskData) ticked(name string) bool { return slices.Contains(d.Filled["field"], name) }

func (u *UI) releaseAskPage(v *view) error {
	q := v.r.URL.Query()
	return v.showReleaseAsk(http.StatusOK, q.Get("dataset"), or(q.Get("purpose"), v.p.Purpose), nil)
}

func (v *view) showReleaseAsk(status int, name, purpose string, fault *web.Document) error {
	switch {
	case v.p.Name == "":
		return problem.New(problem.Unauthenticated, "unauthenticated")
	case !sharing.Staff(v.p):
		return problem.New(problem.Denied, "share-staff")
	}
	v.nav, v.title = "sharing", v.T("release.ask")
	d := releaseAskData{Dataset: name, Purpose: purpose, Fault: fault, Filled: v.r.PostForm}
	if name != "" {
		e, err := v.u.Repo.Entry(v.p, name)
		if err != nil {
			return v.closedTo(name, err)
		}
		d.Title, d.Owner = e.Dataset.Title.In(v.lang), v.Agency(e.Dataset.Owner)
		if d.Fields, err = v.u.Sharing.Releasable(v.r.Context(), v.p, name, purpose); err != nil {
			return err
		}
		return v.show(status, releaseAskPage(v, d))
	}
	for _, e := range v.u.Repo.Entries(v.p) {
		if !e.System {
			d.Sets = append(d.Sets, option{e.Dataset.Name, e.Dataset.Title.In(v.lang)})
		}
	}
	return v.show(status, releaseAskPage(v, d))
}

func (u *UI) releaseAsk(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	most, _ := strconv.ParseInt(v.field("most"), 10, 64)
	q := sharing.ReleaseRequest{Dataset: v.field("dataset"), Purpose: v.field("purpose"), Need: v.field("need"), Reader: v.field("reader"), Fields: v.r.PostForm["field"], Most: most}
	x, err := u.Sharing.AskRelease(v.r.Context(), v.p, q)
	if err == nil {
		return v.seeOther(releasePath(x.ID))
	}
	return v.again(err, func(status int, fault *web.Document) error {
		return v.showReleaseAsk(status, q.Dataset, q.Purpose, fault)
	})
}

// releaseNeeded is the code of a reading that a second person must approve.
const releaseNeeded = "release-needed"

// releaseDetail says it with the dataset's title and numbers as people write them.
func (v *view) releaseDetail(e *problem.Error) string {
	args := maps.Clone(e.Args)
	args["dataset"] = "“" + v.ownTitle(args["dataset"]) + "”"
	for _, key := range []string{"limit", "count"} {
		if n, err := strconv.ParseInt(args[key], 10, 64); err == nil {
			args[key] = v.N(n)
		}
	}
	return problem.Text(v.lang, e.Code, args)
}

// wayOut is what can be done about a problem, beside what its page always offers.
func (v *view) wayOut(d web.Document) (label, href string) {
	if d.Code == releaseNeeded && v.u.Sharing != nil && sharing.Staff(v.p) {
		return v.T("release.ask"), to("/releases/ask", "dataset", v.r.PathValue("name"))
	}
	if d.Code == "request-unknown" && !request.Handles(v.p) { // perhaps their own, on another device
		return v.T("mine.open"), "/me/reports"
	}
	return "", ""
}
