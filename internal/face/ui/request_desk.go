package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/request"
)

// mostDeskPhotos bounds the photos of one form.
const mostDeskPhotos = 4

// deskRoutes are the pages on which staff handle citizens' reports.
func (u *UI) deskRoutes() []web.Route {
	if u.Requests == nil {
		return nil
	}
	get := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: u.page(h)}
	}
	post := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Handler: u.page(h), MaxBody: 1 << 20}
	}
	photos := func(pattern string, h func(*view) error) web.Route {
		r := post(pattern, h)
		r.MaxBody = mostPosted
		return r
	}
	return []web.Route{
		get("/desk", u.desk), post("/desk", u.deskBulk), get("/desk/new", u.deskNew), post("/desk/new", u.deskTake),
		get("/desk/{code}", u.deskOne), photos("/desk/{code}", u.deskAct), post("/desk/{code}/contact", u.deskContact),
		get("/desk/{code}/files/{file}", u.deskFile), get("/desk/{code}/files/{file}/redact", u.deskRedact), post("/desk/{code}/files/{file}/redact", u.deskBlacken),
		get("/field", u.field), photos("/field/{code}", u.fieldAct),
	}
}

const deskPage = 50

// deskSoon is what the queue calls due soon.
const deskSoon = 2 * 24 * time.Hour

// deskShows are the parts of the queue. The first three are for the duty desk and
// for who leads the whole city.
var deskShows = [...]string{"new", "route", "disputed", "mine", "agency", "ward", "overdue", "soon", "waiting", "planned", "all"}

// deskStates are the states that a part of the queue is of; the other parts can be
// narrowed to one.
var deskStates = map[string][]string{"new": {"received"}, "route": {"verified"}, "disputed": {"disputed"}, "waiting": {"waiting-reporter"}, "planned": {"planned"}}

// deskData is the queue.
type deskData struct {
	Show                                string
	Category, Area, Agency, State, Text string
	Here                                bool // sees the queues of the whole city
	AtDesk                              bool
	Shows                               []string
	Counts                              map[string]int64
	Rows                                []request.Request
	Next                                string
	Since                               time.Time // so far words were looked for, when there is more
	Catalogue                           *catalogue.Catalogue
	Done                                []deskDone // of a bulk step
	Did                                 string
	Fault                               *web.Document
}

// deskDone is what became of one report of a bulk step.
type deskDone struct {
	Code  string
	Fault *web.Document
}

func (u *UI) desk(v *view) error { return v.showDesk(http.StatusOK, deskData{}) }

// deskReader refuses who does not handle reports.
func (v *view) deskReader() error {
	switch {
	case v.p.Name == "":
		return problem.New(problem.Unauthenticated, "unauthenticated")
	case !request.Handles(v.p):
		return problem.New(problem.Denied, "request-staff")
	}
	return nil
}

// ownWards are the wards that the reader works for, where these are some.
func (v *view) ownWards() []string {
	if v.wholeCity() {
		return nil
	}
	return v.p.Areas
}

func (v *view) wholeCity() bool {
	return slices.Contains(v.p.Areas, "*") || slices.Contains(v.p.Areas, grant.WholeCity)
}

// filtered tells that more was asked for than the queue.
func (d *deskData) filtered() bool {
	return d.Category != "" || d.Area != "" || d.Agency != "" || d.State != "" || d.Text != ""
}

func (v *view) showDesk(status int, d deskData) error {
	if err := v.deskReader(); err != nil {
		return err
	}
	v.nav, v.title, v.private = "desk", v.T("desk.title"), true
	var err error
	if d.Catalogue, err = v.u.Requests.Catalogue(); err != nil {
		return err
	}
	q := v.r.URL.Query()
	d.Show, d.Category, d.Area, d.Agency, d.State, d.Text = q.Get("show"), q.Get("category"), q.Get("area"), q.Get("agency"), q.Get("state"), strings.TrimSpace(q.Get("q"))
	d.AtDesk = v.u.Requests.AtDesk(v.p)
	d.Here = d.AtDesk || v.p.Is(grant.Leader) && v.wholeCity()
	d.Shows = deskShows[:]
	if !d.Here {
		d.Shows = d.Shows[3:]
	}
	if len(v.ownWards()) == 0 {
		d.Shows = slices.DeleteFunc(slices.Clone(d.Shows), func(s string) bool { return s == "ward" })
	}
	if !slices.Contains(d.Shows, d.Show) {
		d.Show = "agency"
		if d.Here {
			d.Show = "new"
		}
	}
	ask := v.deskQuery(&d, d.Show)
	if d.Category != "" {
		ask.Category = []string{d.Category}
	}
	if d.Area != "" && d.Show != "ward" {
		ask.Area = d.Area
	}
	if d.Here && d.Agency != "" && d.Show != "agency" {
		ask.Agency = d.Agency
	}
	if d.State != "" && deskStates[d.Show] == nil {
		ask.Status = []string{d.State}
	}
	ask.Text, ask.Limit, ask.Cursor = d.Text, deskPage, q.Get("cursor")
	list, page, err := v.u.Requests.List(v.r.Context(), v.p, ask)
	if err != nil {
		return err
	}
	d.Rows = list
	if page.Next != "" {
		d.Next = v.with("cursor", page.Next)
		if d.Text != "" && len(list) < deskPage {
			d.Since = request.GoesOn(page.Next)
		}
	}
	if d.Counts, err = v.deskCounts(&d); err != nil {
		return err
	}
	if v.fragment("desk-list") {
		return v.part(deskList(v, d))
	}
	return v.show(status, deskQueue(v, d))
}

// deskQuery asks for a part of the queue: for the agency of who handles reports,
// for all where the reader sees the whole city.
func (v *view) deskQuery(d *deskData, show string) request.Query {
	yes := true
	q := request.Query{ByDue: true, Status: deskStates[show]}
	if !d.Here {
		q.Agency = v.p.Agency
	}
	switch show {
	case "mine":
		q.Agency, q.Assignee, q.Open = "", v.p.Name, &yes
	case "agency":
		q.Agency, q.Open = v.p.Agency, &yes
	case "ward":
		own := v.ownWards()
		q.Agency, q.Open, q.Area = "", &yes, own[0]
		if slices.Contains(own, d.Area) {
			q.Area = d.Area
		}
	case "overdue":
		q.Overdue = true
	case "soon":
		q.DueWithin = deskSoon
	case "all":
		q.ByDue = false
	}
	return q
}

// deskCounts are the numbers beside the parts of the queue.
func (v *view) deskCounts(d *deskData) (map[string]int64, error) {
	ctx, desk := v.r.Context(), v.u.Requests
	n := map[string]int64{}
	of := request.Whose{Agency: v.p.Agency}
	if d.Here {
		of.Agency = ""
	}
	states, err := desk.States(ctx, v.p, of)
	if err != nil {
		return nil, err
	}
	for _, count := range states {
		n["all"] += count
	}
	for show, of := range deskStates {
		n[show] = states[of[0]]
	}
	if n["overdue"], n["soon"], err = desk.Late(ctx, v.p, of.Agency, deskSoon); err != nil {
		return nil, err
	}
	if n["mine"], err = desk.Assigned(ctx, v.p); err != nil {
		return nil, err
	}
	if d.Here {
		if states, err = desk.States(ctx, v.p, request.Whose{Agency: v.p.Agency}); err != nil {
			return nil, err
		}
	}
	n["agency"] = request.Open(states)
	if slices.Contains(d.Shows, "ward") {
		if states, err = desk.States(ctx, v.p, request.Whose{Area: v.deskQuery(d, "ward").Area}); err != nil {
			return nil, err
		}
		n["ward"] = request.Open(states)
	}
	return n, nil
}

// deskBulk does the same with the reports that were chosen, each for itself.
func (u *UI) deskBulk(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	if err := v.deskReader(); err != nil {
		return err
	}
	d := deskData{Did: v.field("do")}
	a := request.Act{Do: d.Did, Fields: map[string]string{}}
	var answer *catalogue.Template
	switch a.Do {
	case "assign":
		a.Fields["agency"] = v.field("agency")
	case "note":
		a.Fields["text"] = v.field("text")
	case "begin", "verify":
	case "answer":
		c, err := u.Requests.Catalogue()
		if err != nil {
			return err
		}
		for i := range c.Templates {
			if c.Templates[i].Code == v.field("template") && len(c.Templates[i].Outcomes) > 0 {
				answer = &c.Templates[i]
				a.Outcome = answer.Outcomes[0]
			}
		}
	default:
		return problem.New(problem.NotFound, "workflow-step-unknown", "workflow", "service-request")
	}
	for _, item := range v.r.PostForm["item"] {
		code, version, _ := strings.Cut(item, ":")
		one := request.Item{Code: code}
		one.Version, _ = strconv.ParseInt(version, 10, 64)
		act := a
		if answer != nil {
			w, err := u.Requests.Read(v.r.Context(), v.p, code)
			if err != nil {
				d.Done = append(d.Done, v.deskDoneOf(code, err))
				continue
			}
			act.Fields = map[string]string{"answer": answer.Fill("vi", v.holes(w, "vi"))}
		}
		done, err := u.Requests.Bulk(v.r.Context(), v.p, []request.Item{one}, act)
		if err == nil && len(done) == 1 {
			err = done[0].Err
		}
		d.Done = append(d.Done, v.deskDoneOf(code, err))
	}
	if len(d.Done) == 0 {
		d.Did = "none"
	}
	return v.showDesk(http.StatusOK, d)
}

func (v *view) deskDoneOf(code string, err error) deskDone {
	d := deskDone{Code: code}
	if err != nil {
		doc := web.Describe(v.lang, v.r.Method, err)
		d.Fault = &doc
	}
	return d
}

// done and failed count what a bulk step did.
func (d *deskData) done() (ok, failed int64) {
	for _, x := range d.Done {
		if x.Fault == nil {
			ok++
		} else {
			failed++
		}
	}
	return ok, failed
}

// bulkTemplates are the answers that need nothing more than themselves.
func (d *deskData) bulkTemplates() (list []*catalogue.Template) {
	for i := range d.Catalogue.Templates {
		t := &d.Catalogue.Templates[i]
		if len(t.Outcomes) == 1 && slices.Contains([]string{"fixed", "no-budget", "cannot-verify"}, t.Outcomes[0]) && len(t.Categories) == 0 {
			list = append(list, t)
		}
	}
	return list
}

func deskPath(code string) string { return "/desk/" + url.PathEscape(code) }

// categoryTitle is what a category is called.
func (v *view) categoryTitle(code string) string {
	if c, err := v.u.Requests.Catalogue(); err == nil {
		if x, ok := c.Category(code); ok {
			return x.Title.In(v.lang)
		}
	}
	return code
}

// reqState is the name of a state of the workflow of reports.
func (v *view) reqState(state string) string {
	if w, err := v.u.Requests.Workflow(); err == nil {
		return stateTitle(w, state, v.lang)
	}
	return state
}

func (v *view) reqLevel(level string) string {
	if w, err := v.u.Requests.Workflow(); err == nil {
		if t := w.LevelTitles[level].In(v.lang); t != "" {
			return t
		}
	}
	return level
}

func (v *view) reqDeadline(name string) string {
	if w, err := v.u.Requests.Workflow(); err == nil {
		if d, ok := w.Deadline(name); ok {
			return d.Title.In(v.lang)
		}
	}
	return name
}

func (v *view) reqOutcome(name string) string {
	if w, err := v.u.Requests.Workflow(); err == nil {
		for _, o := range w.Outcomes {
			if o.Name == name {
				return o.Title.In(v.lang)
			}
		}
	}
	return name
}

// pressing tells by severity how near a term is: over it, within a day, within
// three days, or further away.
func (v *view) pressing(due time.Time) string {
	switch left := due.Sub(v.now); {
	case left < 0:
		return "high"
	case left < 24*time.Hour:
		return "medium"
	case left < 3*24*time.Hour:
		return "low"
	}
	return "info"
}

// groupedCategories are the active categories by their groups.
func groupedCategories(c *catalogue.Catalogue, group string) (list []catalogue.Category) {
	for _, x := range c.Categories {
		if x.Group == group && x.Active {
			list = append(list, x)
		}
	}
	return list
}

// deskWaits counts what waits for the reader: to verify at the desk, else what is
// theirs.
func (v *view) deskWaits() int64 {
	if v.u.Requests.AtDesk(v.p) {
		states, err := v.u.Requests.States(v.r.Context(), v.p, request.Whose{})
		if err != nil {
			return 0
		}
		return states["received"]
	}
	n, err := v.u.Requests.Assigned(v.r.Context(), v.p)
	if err != nil {
		return 0
	}
	return n
}
