package ui

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/incident"
)

// incidentRoutes are the pages of incidents, the city's stage and the shift.
func (u *UI) incidentRoutes() []web.Route {
	if u.Incidents == nil {
		return nil
	}
	get := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: u.page(h)}
	}
	post := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Handler: u.page(h), MaxBody: 1 << 20}
	}
	file := post("/incidents/{id}/files", u.incidentFile)
	file.MaxBody = attachment.MaxBytes + 1<<20
	return []web.Route{
		get("/incidents", u.incidents), get("/incidents/new", u.newIncident), post("/incidents/new", u.openIncident),
		get("/incidents/{id}", u.incident), post("/incidents/{id}", u.actOnIncident), file,
		get("/incidents/{id}/files/{file}", u.incidentPhoto), get("/incidents/{id}/review", u.incidentReview),
		get("/stage", u.stagePage), post("/stage", u.setStage),
		get("/shift", u.shiftPage), post("/shift", u.shiftStep),
	}
}

const incidentPage = 100

// incidentShows are the parts of the list.
var incidentShows = [...]string{"open", "overdue", "agency", "mine", "over"}

// incidentsData is the list of incidents.
type incidentsData struct {
	Show, Severity, Kind, Area string
	Rows                       []incident.Incident
	Open, Overdue, High        int
	Next                       string
	MayOpen                    bool
}

func (u *UI) incidents(v *view) error {
	v.nav, v.title = "incidents", v.T("inc.title")
	q := v.r.URL.Query()
	d := incidentsData{Show: q.Get("show"), Severity: q.Get("severity"), Kind: q.Get("kind"), Area: q.Get("area"), MayOpen: incident.Handles(v.p)}
	if !slices.Contains(incidentShows[:], d.Show) {
		d.Show = "open"
	}
	no, yes := false, true
	ask := incident.Query{Over: &no, Kind: d.Kind, Area: d.Area, Limit: incidentPage, Cursor: q.Get("cursor")}
	if slices.Contains(incident.Severities(), d.Severity) {
		ask.Severities = []string{d.Severity}
	}
	switch d.Show {
	case "overdue":
		ask.Overdue = true
	case "agency":
		ask.Agency = v.p.Agency
	case "mine":
		ask.Assignee = v.p.Name
	case "over":
		ask.Over = &yes
	}
	list, page, err := u.Incidents.List(v.r.Context(), v.p, ask)
	if err != nil {
		return err
	}
	if d.Show != "over" {
		slices.SortStableFunc(list, func(a, b incident.Incident) int {
			return slices.Index(incident.Severities(), a.Severity) - slices.Index(incident.Severities(), b.Severity)
		})
	}
	d.Rows = list
	open, _, err := u.Incidents.List(v.r.Context(), v.p, incident.Query{Over: &no, Limit: 1000})
	if err != nil {
		return err
	}
	for i := range open {
		d.Open++
		if open[i].Overdue(v.now) {
			d.Overdue++
		}
		if open[i].Severity == "high" {
			d.High++
		}
	}
	if page.Next != "" {
		d.Next = v.with("cursor", page.Next)
	}
	if v.fragment("inc-list") {
		return v.part(incidentList(v, d))
	}
	return v.show(http.StatusOK, incidentsPage(v, d))
}

func incidentPath(id string) string { return "/incidents/" + url.PathEscape(id) }

// newIncidentData is the form that opens an incident.
type newIncidentData struct {
	Filled url.Values
	Fault  *web.Document
}

func (u *UI) newIncident(v *view) error { return v.showNewIncident(http.StatusOK, nil) }

func (v *view) showNewIncident(status int, fault *web.Document) error {
	switch {
	case v.p.Name == "":
		return problem.New(problem.Unauthenticated, "unauthenticated")
	case !incident.Handles(v.p):
		return problem.New(problem.Denied, "incident-staff")
	}
	v.nav, v.title, v.private = "incidents", v.T("inc.new"), true
	d := newIncidentData{Filled: v.r.PostForm, Fault: fault}
	if d.Filled == nil {
		d.Filled = url.Values{"severity": {"medium"}, "agency": {v.p.Agency}, "source": {"phone"}}
	}
	return v.show(status, newIncidentPage(v, d))
}

func (u *UI) openIncident(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	x, err := u.Incidents.Open(v.r.Context(), v.p, incident.Report{Title: v.field("title"), Kind: v.field("kind"), Severity: v.field("severity"), Agency: v.field("agency"),
		Area: v.field("area"), Place: v.field("place"), Summary: v.field("summary"), Caller: v.field("caller"), CallerPhone: v.field("callerPhone"), Source: v.field("source")})
	if err == nil {
		return v.seeOther(incidentPath(x.ID))
	}
	return v.again(err, v.showNewIncident)
}

// incidentData is one incident's page.
type incidentData struct {
	*incident.Whole
	Fault *web.Document
	Do    string // what was refused
}

func (u *UI) incident(v *view) error { return v.showIncident(http.StatusOK, nil) }

func (v *view) showIncident(status int, fault *web.Document) error {
	w, err := v.u.Incidents.Read(v.r.Context(), v.p, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	v.nav, v.title, v.private = "incidents", w.TitleIn(v.lang), true
	d := incidentData{Whole: w, Fault: fault}
	if v.r.PostForm != nil {
		d.Do = v.field("do")
	}
	if v.fragment("inc-now") {
		return v.part(incidentNow(v, d))
	}
	if v.fragment("inc-timeline") {
		return v.part(incidentTimeline(v, d))
	}
	return v.show(status, incidentPageOf(v, d))
}

func (u *UI) actOnIncident(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	version, _ := strconv.ParseInt(v.field("version"), 10, 64)
	a := incident.Act{Do: v.field("do"), Version: version, Outcome: v.field("outcome"), Fields: map[string]string{}}
	for name := range v.r.PostForm {
		if !slices.Contains([]string{"do", "version", "outcome"}, name) {
			a.Fields[name] = v.field(name)
		}
	}
	_, err := u.Incidents.Act(v.r.Context(), v.p, v.r.PathValue("id"), a)
	if err == nil {
		return v.seeOther(incidentPath(v.r.PathValue("id")))
	}
	switch problem.KindOf(err) {
	case problem.Stale, problem.Conflict:
		d := web.Describe(v.lang, v.r.Method, err)
		return v.showIncident(d.Status, &d)
	}
	return v.again(err, v.showIncident)
}

// incidentFile takes one photo or document from a form.
func (u *UI) incidentFile(v *view) error {
	id := v.r.PathValue("id")
	parts, err := v.r.MultipartReader()
	if err != nil {
		return web400(err)
	}
	var content []byte
	var name, text string
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return web400(err)
		}
		b, err := io.ReadAll(io.LimitReader(part, attachment.MaxBytes+1))
		if err != nil {
			return err
		}
		switch part.FormName() {
		case "file":
			content, name = b, part.FileName()
		case "text":
			text = string(b)
		}
	}
	f, err := u.Attachments.Keep(v.r.Context(), v.p, repo.SystemIncident, id, name, content)
	if err == nil {
		_, err = u.Incidents.Act(v.r.Context(), v.p, id, incident.Act{Do: incident.DoFile, Fields: map[string]string{"file": f.ID, "text": text}})
	}
	if err == nil {
		return v.seeOther(incidentPath(id) + "#timeline")
	}
	return v.again(err, func(status int, fault *web.Document) error { return v.showIncident(status, fault) })
}

// incidentPhoto shows a file of an incident to those who see the incident.
func (u *UI) incidentPhoto(v *view) error {
	f, content, err := u.Attachments.Open(v.r.Context(), v.p, v.r.PathValue("file"))
	if err != nil {
		return err
	}
	if f.Dataset != repo.SystemIncident || f.Key != v.r.PathValue("id") {
		return problem.New(problem.NotFound, "file-unknown")
	}
	h := v.w.Header()
	h.Set("Content-Type", f.Media)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	how := "inline"
	if f.Media == "application/pdf" {
		how = "attachment"
	}
	h.Set("Content-Disposition", how+"; filename*=UTF-8''"+url.PathEscape(f.Name))
	_, err = v.w.Write(content)
	return err
}

func (u *UI) incidentReview(v *view) error {
	r, err := u.Incidents.Review(v.r.Context(), v.p, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	v.nav, v.title, v.private = "incidents", v.T("inc.review")+" · "+r.TitleIn(v.lang), true
	return v.show(http.StatusOK, reviewPage(v, r))
}

// stateTitle is the name of a state of the workflow.
func stateTitle(w *workflow.Workflow, state, lang string) string {
	if s, ok := w.State(state); ok {
		return s.Title.In(lang)
	}
	return state
}

// incState is the name of a state wherever the workflow stands.
func (v *view) incState(state string) string {
	if w, err := v.u.Incidents.Workflow(); err == nil {
		return stateTitle(w, state, v.lang)
	}
	return state
}

func (v *view) incLevel(level string) string {
	if w, err := v.u.Incidents.Workflow(); err == nil {
		if t := w.LevelTitles[level].In(v.lang); t != "" {
			return t
		}
	}
	return level
}

func (v *view) incDeadline(name string) string {
	if w, err := v.u.Incidents.Workflow(); err == nil {
		if d, ok := w.Deadline(name); ok {
			return d.Title.In(v.lang)
		}
	}
	return name
}

func (v *view) incOutcome(name string) string {
	if w, err := v.u.Incidents.Workflow(); err == nil {
		for _, o := range w.Outcomes {
			if o.Name == name {
				return o.Title.In(v.lang)
			}
		}
	}
	return name
}

// left says how long until a time, or how long ago it was.
func (v *view) left(t time.Time) string {
	d := t.Sub(v.now)
	if d < 0 {
		return v.T("inc.late-by", "d", v.took(-d))
	}
	return v.T("inc.left", "d", v.took(d))
}

// took writes a length of time in its two largest units.
func (v *view) took(d time.Duration) string {
	d = d.Round(time.Minute)
	days, hours, minutes := int64(d/(24*time.Hour)), int64(d/time.Hour)%24, int64(d/time.Minute)%60
	switch {
	case days > 0:
		return joined(" ", v.T("span.d", "n", v.N(days)), zeroNot(hours, v.T("span.h", "n", v.N(hours))))
	case hours > 0:
		return joined(" ", v.T("span.h", "n", v.N(hours)), zeroNot(minutes, v.T("span.m", "n", v.N(minutes))))
	}
	return v.T("span.m", "n", v.N(minutes))
}

func zeroNot(n int64, s string) string {
	if n == 0 {
		return ""
	}
	return s
}

// entryTitle says in words what an entry of a timeline is.
func (v *view) entryTitle(d *incident.Whole, e incident.Entry) string {
	f := e.Facts
	switch e.Kind {
	case workflow.Move:
		title := e.Name
		if t, ok := d.Workflow.Transition(e.Name); ok {
			title = t.Title.In(v.lang)
		}
		return joined(": ", title, joined(", ", v.Agency(f["agency"]), f["assignee"], v.incOutcomeOr(e.Outcome), f["recipient"]))
	case workflow.Set:
		switch e.Name {
		case "severity":
			return v.T("inc.did.severity", "to", v.T("inc.severity."+f["severity"]))
		case "level":
			return v.T("inc.did.level", "to", v.incLevel(e.Level))
		}
		return v.T("inc.did.agencies", "to", v.Agency(f["joined"]))
	case workflow.Fire:
		switch f["kind"] {
		case workflow.Remind:
			return v.T("inc.did.remind", "deadline", v.incDeadline(f["deadline"]), "n", f["percent"])
		case workflow.Escalate:
			if e.Level != "" {
				return v.T("inc.did.escalate", "deadline", v.incDeadline(f["deadline"]), "to", v.incLevel(e.Level))
			}
			return v.T("inc.did.escalate-none", "deadline", v.incDeadline(f["deadline"]))
		case "line":
			return v.T("inc.did.line", "line", e.TextIn(v.lang))
		}
		return v.T("inc.did.missed", "deadline", v.incDeadline(f["deadline"]))
	case incident.Measure:
		amount := ""
		if e.Amount != nil {
			amount = v.D(*e.Amount, 3)
		}
		return e.Name + ": " + joined(" ", amount, e.Unit)
	case incident.Check:
		line := e.Name
		if d.Playbook != nil {
			if s, ok := d.Playbook.Step(e.Name); ok {
				line = s.Title.In(v.lang)
			}
		}
		if f["done"] == "true" {
			return v.T("inc.did.check", "line", line)
		}
		return v.T("inc.did.uncheck", "line", line)
	case incident.AlertOf:
		return v.T("inc.did.alert", "severity", v.T("inc.severity."+e.Name))
	case incident.FileOf:
		return v.T("inc.did.file", "name", e.Name)
	}
	return v.T("inc.did." + e.Kind)
}

func (v *view) incOutcomeOr(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToLower(v.incOutcome(name))
}

// entryText is what stands below the title of an entry.
func (v *view) entryText(e incident.Entry) string {
	if e.Kind == workflow.Fire {
		return ""
	}
	return e.TextIn(v.lang)
}

// actedBy says who wrote an entry.
func (v *view) actedBy(e incident.Entry) string {
	if e.By == "huong" || e.By == "" {
		return v.T("inc.by.system")
	}
	return joined(" · ", e.By, v.Agency(e.ByAgency))
}

// entryClass tells apart what people did and what time brought.
func entryClass(e incident.Entry) string {
	switch {
	case e.Kind == workflow.Fire && e.Facts["kind"] != workflow.Remind:
		return "fire"
	case e.Kind == incident.Decision:
		return "decision"
	case e.Kind == incident.AlertOf:
		return "alarm"
	}
	return ""
}

// newestFirst turns a timeline round.
func newestFirst(list []incident.Entry) []incident.Entry {
	out := slices.Clone(list)
	slices.Reverse(out)
	return out
}

// fieldsOfStep are the fields that the form of a step shows, the needed first.
func fieldsOfStep(t *workflow.Transition) []string {
	return slices.Concat(t.Require, t.Optional)
}

func needed(t *workflow.Transition, field string) bool { return slices.Contains(t.Require, field) }

// phaseLines are the lines of a checklist in one phase.
func phaseLines(lines []incident.Line, phase string) []incident.Line {
	return slices.DeleteFunc(slices.Clone(lines), func(l incident.Line) bool { return l.Phase != phase })
}

// higherLevels are the levels that an incident can be raised to.
func higherLevels(d *incident.Whole) []string {
	return d.Workflow.Levels[d.Workflow.Rank(d.Level)+1:]
}

// stepAttr marks the step that a reader stands at.
func stepAttr(here bool) templ.Attributes {
	if here {
		return templ.Attributes{"aria-current": "step"}
	}
	return nil
}

// incidentsOpen counts the incidents that are open and that the reader may see.
func (v *view) incidentsOpen() int64 {
	no := false
	_, page, err := v.u.Incidents.List(v.r.Context(), v.p, incident.Query{Over: &no, Limit: 1, Count: true})
	if err != nil {
		return 0
	}
	return page.Matched
}
