package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/sharing"
)

// sharingRoutes are the pages of grants.
func (u *UI) sharingRoutes() []web.Route {
	if u.Sharing == nil {
		return nil
	}
	post := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Handler: u.page(h), MaxBody: 1 << 20}
	}
	get := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: u.page(h)}
	}
	return append(u.releaseRoutes(),
		get("/sharing", u.grants), get("/sharing/ask", u.askPage), post("/sharing/ask", u.ask),
		get("/sharing/{id}", u.grant), post("/sharing/{id}", u.grantStep),
	)
}

// grantTabs are the parts of the page of grants; which of them a reader gets
// follows from their roles.
var grantTabs = [...]string{"waiting", "in-force", "expiring", "unused", "past", "mine", "all"}

// grantsData is the page of grants.
type grantsData struct {
	Show   string
	Tabs   []string
	AsOf   string
	Fault  *web.Document
	Rows   []grantRow
	Next   string
	MayAsk bool
}

// grantRow is one grant in a list.
type grantRow struct {
	sharing.Grant
	At       grant.State // now, or as of the time that was asked for
	Use      sharing.Use
	Expiring bool
}

// expiringWithin is how long before its end a grant counts as expiring: from its
// first reminder on.
const expiringWithin = 30 * 24 * time.Hour

const grantPageSize = 100

func (u *UI) grants(v *view) error {
	if v.p.Name == "" {
		return problem.New(problem.Unauthenticated, "unauthenticated")
	}
	v.nav, v.title = "sharing", v.T("grants.title")
	d := grantsData{Show: v.r.URL.Query().Get("show"), AsOf: v.r.URL.Query().Get("asOf"), MayAsk: sharing.Staff(v.p)}
	if sharing.Staff(v.p) || v.p.Admin {
		d.Tabs = append(d.Tabs, "waiting", "in-force", "expiring", "unused", "past", "mine")
	}
	auditor := v.p.Is(grant.Auditor) || v.p.Admin
	if auditor {
		d.Tabs = append(d.Tabs, "all")
	}
	if len(d.Tabs) == 0 {
		d.Tabs = []string{"mine"}
	}
	if !slices.Contains(d.Tabs, d.Show) {
		d.Show = d.Tabs[0]
		if !v.p.Is(grant.Steward) && slices.Contains(d.Tabs, "mine") {
			d.Show = "mine"
		}
		if auditor {
			d.Show = "all"
		}
	}
	q := sharing.Query{Of: "owner", Limit: grantPageSize, Cursor: v.r.URL.Query().Get("cursor")}
	at := v.now
	switch d.Show {
	case "waiting":
		q.States = []grant.State{grant.Requested, grant.Question}
	case "in-force":
		q.States = []grant.State{grant.InForceState}
	case "expiring":
		q.States, q.Until = []grant.State{grant.InForceState}, v.now.Add(expiringWithin)
	case "unused":
		q.States, q.Limit = []grant.State{grant.InForceState}, 0
	case "past":
		q.States = []grant.State{grant.Refused, grant.Ended, grant.Revoked}
	case "mine":
		q.Of = "mine"
	case "all":
		q.Of = ""
		if d.AsOf != "" {
			seq, err := v.asOf(d.AsOf)
			if err == nil {
				at, err = u.Sharing.TimeOf(v.r.Context(), seq)
			}
			if err != nil {
				return v.again(err, func(status int, fault *web.Document) error {
					d.Fault = fault
					return v.show(status, grantsPage(v, d))
				})
			}
			q.AsOf = seq
		}
	}
	list, next, err := u.Sharing.List(v.r.Context(), v.p, q)
	if err != nil {
		return err
	}
	for _, g := range list {
		row := v.grantRow(g, at)
		if d.Show == "unused" && !row.Use.Unused {
			continue
		}
		d.Rows = append(d.Rows, row)
	}
	if next != "" {
		d.Next = to("/sharing", "show", d.Show, "asOf", d.AsOf, "cursor", next)
	}
	return v.show(http.StatusOK, grantsPage(v, d))
}

func (v *view) grantRow(g sharing.Grant, at time.Time) grantRow {
	row := grantRow{Grant: g, At: g.StateAt(at)}
	if row.At == grant.InForceState {
		row.Use = v.u.Sharing.Use(&g)
		row.Expiring = g.Until != 0 && g.Until < at.Add(expiringWithin).UnixMicro()
	}
	return row
}

// grantPath is the address of a grant's page.
func grantPath(id string) string { return "/sharing/" + url.PathEscape(id) }

// grantee says to whom a grant is given.
func (v *view) grantee(g *sharing.Grant) string {
	var role string
	if g.Role != "" {
		role = v.role(g.Role)
	}
	return joined(" · ", v.Agency(g.Agency), role, g.Account)
}

// granted says in words what a grant shows.
func (v *view) granted(g *sharing.Grant) string {
	var names []string
	e, err := v.u.Repo.Entry(repo.Internal(), g.Dataset)
	for _, name := range g.Fields {
		if err == nil {
			if f, ok := e.Dataset.Field(name); ok {
				name = fieldTitle(v, f)
			}
		}
		names = append(names, name)
	}
	for _, tag := range g.Tags {
		names = append(names, v.T("grant.tag", "tag", tag))
	}
	if len(names) == 0 {
		return v.T("grant.fields.all")
	}
	return strings.Join(names, ", ")
}

func (v *view) masksOf(g *sharing.Grant) []string {
	var list []string
	for _, m := range g.Masks {
		what := v.fieldsOf(g.Dataset, []string{m.Field})
		if m.Tag != "" {
			what = v.T("grant.tag", "tag", m.Tag)
		}
		list = append(list, joined(": ", what, v.T("mask."+string(m.How))))
	}
	return list
}

func (v *view) purposesOf(codes []string) string {
	known := v.u.Repo.Purposes()
	var list []string
	for _, code := range codes {
		if u, ok := known[code]; ok {
			list = append(list, v.purposeName(u))
		} else {
			list = append(list, code)
		}
	}
	return strings.Join(list, ", ")
}

// grantData is one grant's page.
type grantData struct {
	grantRow
	Title  string
	May    []sharing.Action
	Events []sharing.Event
	Fault  *web.Document
	Filled url.Values

	Choices []maskChoice
	Preview *previewData
}

func (d *grantData) may(a sharing.Action) bool { return slices.Contains(d.May, a) }

func (u *UI) grant(v *view) error { return v.showGrant(http.StatusOK, nil) }

func (v *view) showGrant(status int, fault *web.Document) error {
	id := v.r.PathValue("id")
	g, err := v.u.Sharing.Get(v.r.Context(), v.p, id, 0)
	if err != nil {
		return err
	}
	d := grantData{grantRow: v.grantRow(g, v.now), Title: v.u.Sharing.TitleOf(g.Dataset, v.lang), May: v.u.Sharing.May(v.p, &g), Fault: fault, Filled: v.r.PostForm}
	if d.Events, err = v.u.Sharing.Timeline(v.r.Context(), v.p, id); err != nil {
		return err
	}
	if d.may(sharing.Approve) {
		d.Choices = v.maskChoices(&d)
		if fault == nil && v.field("step") == "preview" {
			if d.Preview, err = v.preview(&d); err != nil {
				return v.again(err, v.showGrant)
			}
		}
	}
	v.nav, v.title = "sharing", d.Title+" · "+v.T("grants.title")
	return v.show(status, grantPage(v, d))
}

// grantStep takes a step on a grant as its page offers it.
func (u *UI) grantStep(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	version, _ := strconv.ParseInt(v.field("version"), 10, 64)
	s := sharing.Step{Action: sharing.Action(v.field("step")), Version: version, Text: v.field("text"), Citation: v.field("citation")}
	var err error
	if v.field("step") == "preview" {
		return v.showGrant(http.StatusOK, nil)
	}
	if s.Action == sharing.Approve {
		s.Terms, err = v.terms()
	}
	if err == nil {
		_, err = u.Sharing.Step(v.r.Context(), v.p, v.r.PathValue("id"), s)
	}
	if err == nil {
		return v.seeOther(grantPath(v.r.PathValue("id")))
	}
	if problem.KindOf(err) == problem.Stale {
		d := web.Describe(v.lang, v.r.Method, err)
		return v.showGrant(d.Status, &d)
	}
	return v.again(err, v.showGrant)
}

// endOf is the end of the day that a form names, µs; 0 when it names none.
func (v *view) endOf(field string) (int64, error) {
	text := v.field(field)
	if text == "" {
		return 0, nil
	}
	t, err := time.ParseInLocation("2006-01-02", text, v.zone)
	if err != nil {
		return 0, problem.InvalidWith("share-invalid", []problem.Violation{problem.Violate("date-malformed", field)})
	}
	return t.AddDate(0, 0, 1).UnixMicro(), nil
}

// askData is the form by which an agency asks.
type askData struct {
	Dataset string
	Title   string
	Owner   string
	Fields  []*dataset.Field
	Sets    []option
	Placed  bool
	Filled  url.Values
	Fault   *web.Document
}

func (d *askData) ticked(name, val string) bool { return slices.Contains(d.Filled[name], val) }

func (u *UI) askPage(v *view) error {
	return v.showAsk(http.StatusOK, v.r.URL.Query().Get("dataset"), nil)
}

func (v *view) showAsk(status int, name string, fault *web.Document) error {
	switch {
	case v.p.Name == "":
		return problem.New(problem.Unauthenticated, "unauthenticated")
	case !sharing.Staff(v.p):
		return problem.New(problem.Denied, "share-staff")
	}
	v.nav, v.title = "sharing", v.T("ask.title")
	d := askData{Dataset: name, Fault: fault, Filled: v.r.PostForm}
	if d.Filled == nil {
		d.Filled = v.r.URL.Query()
	}
	for _, e := range v.u.Repo.Entries(repo.Internal()) {
		switch {
		case e.System:
		case e.Dataset.Name == name:
			d.Title, d.Owner, d.Placed = e.Dataset.Title.In(v.lang), v.Agency(e.Dataset.Owner), e.Table.Area >= 0
			for i := range e.Dataset.Schema.Fields {
				d.Fields = append(d.Fields, &e.Dataset.Schema.Fields[i])
			}
		default:
			d.Sets = append(d.Sets, option{e.Dataset.Name, e.Dataset.Title.In(v.lang)})
		}
	}
	return v.show(status, askGrantPage(v, d))
}

func (u *UI) ask(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	name := v.field("dataset")
	r := sharing.Request{Dataset: name, Action: grant.Action(v.field("action")), Basis: v.field("basis"), Need: v.field("need"), Terms: sharing.Terms{
		Fields: v.r.PostForm["field"], Purposes: v.r.PostForm["purposes"], Rows: v.field("rows"), OwnAreas: v.field("ownAreas") != ""}}
	if r.Action == grant.Aggregate {
		r.MinimumCell, _ = strconv.Atoi(v.field("minimumCell"))
	}
	var err error
	if r.Until, err = v.endOf("until"); err == nil {
		var g sharing.Grant
		if g, err = u.Sharing.Request(v.r.Context(), v.p, r); err == nil {
			return v.seeOther(grantPath(g.ID))
		}
	}
	return v.again(err, func(status int, fault *web.Document) error { return v.showAsk(status, name, fault) })
}

// accessBox is what a dataset's page says about the reader's own access.
type accessBox struct {
	sharing.Access
	Lacks []string
	Given []givenRow
}

type givenRow struct{ By, Grant, Fields, Until string }

// access explains the reader's access; nil where it is not told.
func (d *datasetView) access() *accessBox {
	if d.u.Sharing == nil {
		return nil
	}
	a, err := d.u.Sharing.Access(d.r.Context(), d.p, d.d.Name, grant.Read)
	if err != nil {
		return nil
	}
	b := &accessBox{Access: a}
	for _, x := range a.Explain.Lacks {
		b.Lacks = append(b.Lacks, d.lack(d.e, x))
	}
	for _, g := range a.Explain.Gives {
		row := givenRow{By: g.ID, Fields: d.titles(g.Clear)}
		if len(g.Masked) > 0 {
			var names []string
			for _, m := range g.Masked {
				names = append(names, m.Field)
			}
			row.Fields = joined(", ", row.Fields, d.T("access.masked", "fields", d.fieldsIn(d.e, names)))
		}
		if rule, ok := strings.CutPrefix(g.ID, "rule:"); ok {
			row.By = d.T("rule-name." + rule)
		} else {
			row.Grant = g.ID
		}
		if g.Until != 0 {
			row.Until = d.Day(time.UnixMicro(g.Until))
		}
		b.Given = append(b.Given, row)
	}
	return b
}

// titles are those of the declared fields among columns.
func (d *datasetView) titles(names []string) string {
	var list []string
	for _, name := range names {
		if f, ok := d.d.Field(name); ok {
			list = append(list, fieldTitle(d.view, f))
		}
	}
	return strings.Join(list, ", ")
}

// currentAttr marks the chosen one of several links.
func currentAttr(current bool) templ.Attributes {
	if current {
		return templ.Attributes{"aria-current": "page"}
	}
	return nil
}
