package ui

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/rights"
)

// rightsRoutes are a person's own pages and those on which their requests are
// handled. What they show is kept by no cache, and a person's own record is named
// in what they send, never in an address.
func (u *UI) rightsRoutes() []web.Route {
	if u.Rights == nil {
		return nil
	}
	private := func(h func(*view) error) web.Handler {
		return u.page(func(v *view) error {
			v.private = true
			return h(v)
		})
	}
	get := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: private(h)}
	}
	post := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Handler: private(h), MaxBody: 1 << 20}
	}
	return []web.Route{
		get("/me", u.mePage), get("/me/data/{name}", u.meData), post("/me/requests", u.askRight),
		get("/requests", u.requestsPage), get("/requests/{id}", u.requestPage), post("/requests/{id}", u.requestStep),
	}
}

// meData is what a person sees of themself.
type meData struct {
	Held     []repo.Holding
	Usage    repo.UsagePage
	From, To int64
	Newer    string
	Older    string
	Requests []rights.Request
}

const usagePageSize = 50

func (u *UI) mePage(v *view) error {
	v.nav, v.title = "me", v.T("me.title")
	var d meData
	var err error
	if d.Held, err = u.Repo.Held(v.r.Context(), v.p); err != nil {
		return err
	}
	offset, _ := strconv.Atoi(v.r.URL.Query().Get("offset"))
	offset = max(0, offset)
	if d.Usage, err = u.Repo.Usage(v.r.Context(), v.p, repo.UsageQuery{Offset: offset, Limit: usagePageSize}); err != nil {
		return err
	}
	d.From, d.To = int64(offset+1), int64(offset+len(d.Usage.Usages))
	if offset > 0 {
		d.Newer = to("/me", "offset", strconv.Itoa(max(0, offset-usagePageSize))) + "#usage"
	}
	if d.To < d.Usage.Total {
		d.Older = to("/me", "offset", strconv.FormatInt(d.To, 10)) + "#usage"
	}
	if d.Requests, err = u.Rights.Mine(v.r.Context(), v.p); err != nil {
		return err
	}
	return v.show(http.StatusOK, mePageBody(v, d))
}

// fieldsOf are the titles of fields of a dataset.
func (v *view) fieldsOf(name string, fields []string) string {
	list := ""
	e, err := v.u.Repo.Entry(repo.Internal(), name)
	for _, f := range fields {
		if err == nil {
			if x, ok := e.Dataset.Field(f); ok {
				f = fieldTitle(v, x)
			}
		}
		list = joined(", ", list, f)
	}
	return list
}

// reading says for what a reading was, in words.
func (v *view) reading(u *repo.Usage) string {
	if u.Self {
		return v.T("me.by-self")
	}
	return or(v.purposesOf([]string{u.Purpose}), v.T("me.no-purpose"))
}

// whoRead is the agency that a reading was by, the person themself, or the account
// where it acted for no agency.
func (v *view) whoRead(u *repo.Usage) string {
	if u.Self {
		return v.T("me.yourself")
	}
	return or(v.Agency(u.Agency), u.Reader)
}

// ownTitle is the title of a dataset that holds something about the reader,
// whether they see the rest of it or not.
func (v *view) ownTitle(name string) string {
	if e, err := v.u.Repo.Entry(repo.Internal(), name); err == nil {
		return or(e.Dataset.Title.In(v.lang), name)
	}
	return name
}

// meRecords is what one dataset holds about the reader.
type meRecords struct {
	Name, Title, Owner string
	Records            []meRecord
	Next               string
}

type meRecord struct {
	Key   string
	Cells []option // title and text
}

func (u *UI) meData(v *view) error {
	name := v.r.PathValue("name")
	d := meRecords{Name: name, Title: v.ownTitle(name)}
	page, err := u.Repo.HeldRecords(v.r.Context(), v.p, name, 20, v.r.URL.Query().Get("cursor"), func(r repo.Record) error {
		d.Owner = v.Agency(r.Entry.Dataset.Owner)
		m := meRecord{Key: record.FormatKey(r.Entry.Table, r.Entry.Table.KeyOf(nil, r.Values))}
		for i := range r.Entry.Dataset.Schema.Fields {
			f := &r.Entry.Dataset.Schema.Fields[i]
			if c, _, _, ok := r.Entry.Table.Property(f.Name); ok && !r.Values[c].IsNull() {
				m.Cells = append(m.Cells, option{fieldTitle(v, f), v.Cell(f, r.Values[c])})
			}
		}
		d.Records = append(d.Records, m)
		return nil
	})
	if err != nil {
		return err
	}
	if page.Next != "" {
		d.Next = to("/me/data/"+url.PathEscape(name), "cursor", page.Next)
	}
	v.nav, v.title = "me", d.Title+" · "+v.T("me.title")
	return v.show(http.StatusOK, meRecordsPage(v, d))
}

// askRightData is the form of a request.
type askRightData struct {
	Asked rights.Asked
	Title string
	Fault *web.Document
}

// askRight shows the form that a record's button leads to, and takes it.
func (u *UI) askRight(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	d := askRightData{Asked: rights.Asked{Kind: v.field("kind"), Dataset: v.field("dataset"), Record: v.r.PostForm.Get("record"), Text: v.field("text")}}
	d.Title = v.ownTitle(d.Asked.Dataset)
	v.nav, v.title = "me", v.T("right.ask")
	if v.field("do") != "send" {
		if _, err := u.Repo.SubjectOf(v.p); err != nil {
			return err
		}
		return v.show(http.StatusOK, askRightPage(v, d))
	}
	r, err := u.Rights.Ask(v.r.Context(), v.p, d.Asked)
	if err == nil {
		return v.seeOther("/requests/" + url.PathEscape(r.ID))
	}
	if problem.KindOf(err) == problem.Denied {
		return err
	}
	return v.again(err, func(status int, fault *web.Document) error {
		d.Fault = fault
		return v.show(status, askRightPage(v, d))
	})
}

// requestsData is what an agency has to answer.
type requestsData struct {
	All     bool
	Rows    []rights.Request
	Open    int64
	Overdue int64
}

func (u *UI) requestsPage(v *view) error {
	v.nav, v.title = "requests", v.T("requests.title")
	d := requestsData{All: v.is("all", "1")}
	var err error
	if d.Rows, err = u.Rights.Waiting(v.r.Context(), v.p, d.All); err != nil {
		return err
	}
	for i := range d.Rows {
		if !d.Rows[i].Due().IsZero() {
			d.Open++
		}
		if d.Rows[i].Overdue(v.now) {
			d.Overdue++
		}
	}
	return v.show(http.StatusOK, requestsBody(v, d))
}

// requestData is one request's page.
type requestData struct {
	rights.Request
	Title  string
	Mine   bool
	May    []string
	Fault  *web.Document
	Record string // address of the record, for who handles the request
}

func (u *UI) requestPage(v *view) error { return v.showRequest(http.StatusOK, nil) }

func (v *view) showRequest(status int, fault *web.Document) error {
	r, err := v.u.Rights.Get(v.r.Context(), v.p, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	d := requestData{Request: r, Title: v.ownTitle(r.Dataset), May: v.u.Rights.May(v.p, &r), Fault: fault}
	subject, err := v.u.Repo.SubjectOf(v.p)
	d.Mine = err == nil && subject == r.Subject
	if !d.Mine && d.Request.Record != "" {
		d.Record = recordPath(r.Dataset, r.Record)
	}
	v.nav, v.title = map[bool]string{true: "me", false: "requests"}[d.Mine], v.T("right.kind."+r.Kind)+" · "+d.Title
	return v.show(status, requestBody(v, d))
}

func (u *UI) requestStep(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	version, _ := strconv.ParseInt(v.field("version"), 10, 64)
	_, err := u.Rights.Step(v.r.Context(), v.p, v.r.PathValue("id"), rights.Step{Action: v.field("step"), Version: version, Text: v.field("text"), Citation: v.field("citation")})
	if err == nil {
		return v.seeOther("/requests/" + url.PathEscape(v.r.PathValue("id")))
	}
	if problem.KindOf(err) == problem.Stale {
		d := web.Describe(v.lang, v.r.Method, err)
		return v.showRequest(d.Status, &d)
	}
	return v.again(err, v.showRequest)
}

// lastDay is the day that a term ends with.
func (v *view) lastDay(late time.Time) string { return v.Day(late.Add(-time.Nanosecond)) }
