package ui

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// States of a quarantined row that still asks for a decision.
const (
	stateOpen      = "open"
	stateCorrected = "corrected"
)

// waiting is the condition of a row that still asks for a decision.
func waiting() cql2.Expr {
	return &cql2.Call{Op: "in", Args: []cql2.Expr{
		&cql2.Prop{Name: "state", Column: -1},
		&cql2.List{Items: []cql2.Expr{textLit(stateOpen), textLit(stateCorrected)}},
	}}
}

// quarantineData is a page of the rows in quarantine.
type quarantineData struct {
	Rows                       []heldRow
	Chips                      []chip
	Rules                      []ruleCount
	Sets                       []option
	Paging                     paging
	Dataset, Rule, File, State string
	Runs                       []replayView
	MayWrite                   bool
}

type heldRow struct {
	ID, Dataset, Title, File, Where, Rule, Field, Reason, State, StateWord, At string
}

type ruleCount struct {
	Dataset, Title, Rule, Words, Href string
	N                                 int64
	MayWrite                          bool
}

const mostRules = 100

func (u *UI) quarantine(v *view) error {
	v.nav, v.title = "quarantine", v.T("nav.quarantine")
	if _, err := u.Repo.Entry(v.p, repo.SystemQuarantine); err != nil {
		return err
	}
	ctx := v.r.Context()
	q := v.r.URL.Query()
	d := quarantineData{Dataset: q.Get("dataset"), Rule: q.Get("rule"), File: q.Get("file"), State: q.Get("state")}
	d.Runs = v.replayRuns()
	if v.fragment("runs") {
		return v.part(replayRuns(v, d.Runs))
	}
	var conditions []cql2.Expr
	if d.State == "" {
		conditions = append(conditions, waiting())
	} else if d.State != "all" {
		conditions = append(conditions, equal("state", d.State))
		d.Chips = append(d.Chips, chip{v.T("quarantine.state") + ": " + v.T("state."+d.State), v.with("state", "")})
	}
	for _, f := range []struct{ param, val, label string }{
		{"dataset", d.Dataset, v.datasetTitle(d.Dataset)}, {"rule", d.Rule, v.ruleWords(d.Dataset, d.Rule)}, {"file", d.File, d.File}, {"import", q.Get("import"), v.T("quarantine.import")},
	} {
		if f.val != "" {
			conditions = append(conditions, equal(f.param, f.val))
			d.Chips = append(d.Chips, chip{f.label, v.with(f.param, "")})
		}
	}
	rq := repo.Query{Dataset: repo.SystemQuarantine, Filter: and(conditions...), Sort: []repo.Sort{{Field: "at", Desc: true}}, Limit: logSize, Cursor: q.Get("cursor"), Count: true}
	page, err := u.Repo.Read(ctx, v.p, rq, func(r repo.Record) error {
		d.Rows = append(d.Rows, v.heldRow(r))
		return nil
	})
	if err != nil {
		return err
	}
	d.Paging = v.simplePaging(page, q, len(d.Rows))
	if d.Rules, err = v.ruleCounts(d.Dataset); err != nil {
		return err
	}
	for _, e := range u.Repo.Entries(v.p) {
		if !e.System {
			d.Sets = append(d.Sets, option{e.Dataset.Name, e.Dataset.Title.In(v.lang)})
		}
	}
	if v.fragment("held") {
		return v.part(heldList(v, d))
	}
	return v.show(200, quarantinePage(v, d))
}

// ruleCounts counts waiting rows by dataset and rule.
func (v *view) ruleCounts(only string) ([]ruleCount, error) {
	filter := waiting()
	if only != "" {
		filter = and(filter, equal("dataset", only))
	}
	var list []ruleCount
	a := repo.Aggregation{By: []repo.By{{Field: "dataset"}, {Field: "rule"}}, Measures: []repo.Measure{{Func: "count"}}}
	a.Dataset, a.Filter, a.Limit = repo.SystemQuarantine, filter, mostRules
	err := v.u.Repo.Aggregate(v.r.Context(), v.p, a, func(g []value.Value) error {
		name, rule := g[0].Text(), g[1].Text()
		list = append(list, ruleCount{
			Dataset: name, Title: v.datasetTitle(name), Rule: rule, Words: v.ruleWords(name, rule), N: g[2].Int(),
			Href: to("/quarantine", "dataset", name, "rule", rule), MayWrite: v.u.Repairs != nil && v.u.Repo.MayWrite(v.p, name),
		})
		return nil
	})
	return list, err
}

// ruleWords says a rule in words: the description of a declared quality rule,
// else the heading or the message of a check, else the rule's own name.
func (v *view) ruleWords(name, rule string) string {
	if e, err := v.u.Repo.Entry(v.p, name); err == nil {
		for _, q := range e.Dataset.Quality {
			if q.Name == rule {
				return or(q.Description.In(v.lang), rule)
			}
		}
	}
	if s, ok := words["rule."+rule]; ok {
		return s.in(v.lang)
	}
	if s := problem.Text(v.lang, rule, nil); s != rule {
		return hole.ReplaceAllString(s, "…")
	}
	return rule
}

// hole is a place in a message that a value would fill, with its quotes.
var hole = regexp.MustCompile(`“?\{[a-z]+\}”?`)

func (v *view) heldRow(r repo.Record) heldRow {
	c := row{r.Entry.Table, r.Values}
	state, _ := r.Entry.Dataset.Field("state")
	h := heldRow{
		ID: c.text("id"), Dataset: c.text("dataset"), File: c.text("file"), Rule: c.text("rule"), Field: c.text("field"),
		State: c.text("state"), StateWord: v.Cell(state, c.value("state")), At: v.Time(c.time("at")), Reason: c.text("reason"),
	}
	if v.lang == "en" {
		h.Reason = or(c.text("reasonEn"), h.Reason)
	}
	h.Title, h.Rule = v.datasetTitle(h.Dataset), v.ruleWords(h.Dataset, h.Rule)
	h.Where = sourceName(h.File)
	if s := c.text("sheet"); s != "" {
		h.Where += " [" + s + "]"
	}
	if n := c.int("line"); n > 0 {
		h.Where = joined(", ", h.Where, v.T("quarantine.line", "n", v.N(n)))
	}
	if e, err := v.u.Repo.Entry(v.p, h.Dataset); err == nil { // reasons are kept with the field's name
		if f, ok := e.Dataset.Field(h.Field); ok {
			if rest, ok := strings.CutPrefix(h.Reason, h.Field+": "); ok {
				h.Reason = fieldTitle(v, f) + ": " + rest
			}
		}
	}
	return h
}

// heading names a row by its file and line; one that came without a file is
// named as what it is.
func (h heldRow) heading(v *view) string {
	if h.File == "" {
		return joined(", ", v.T("quarantine.one"), h.Where)
	}
	return h.Where
}

// heldData is one quarantined row as a form.
type heldData struct {
	heldRow
	Cells    []heldCell
	General  []string // violations that belong to no cell
	Whole    string   // the row's text where its cells could not be told apart
	Note     string
	Import   string
	MayWrite bool
	Waiting  bool
	Outcome  string
}

type heldCell struct {
	Name, Title, Unit, Value string
	Faults                   []string
}

// wholeRow is how ingest names a row whose cells could not be told apart.
const wholeRow = "#row"

func (u *UI) quarantined(v *view) error {
	h, err := v.heldRecord()
	if err != nil {
		return err
	}
	switch v.r.URL.Query().Get("outcome") {
	case "open":
		h.Outcome = v.T("quarantine.still")
	case "replayed":
		h.Outcome = v.T("quarantine.now-record")
	}
	return v.show(200, heldPage(v, h))
}

func (v *view) heldRecord() (heldData, error) {
	v.nav, v.title = "quarantine", v.T("quarantine.one")
	rec, err := v.u.Repo.Get(v.r.Context(), v.p, repo.SystemQuarantine, []value.Value{value.OfText(v.r.PathValue("id"))}, 0)
	if err != nil {
		return heldData{}, err
	}
	c := row{rec.Entry.Table, rec.Values}
	h := heldData{heldRow: v.heldRow(rec), Note: c.text("note"), Import: c.text("import")}
	h.MayWrite = v.u.Repairs != nil && v.u.Repo.MayWrite(v.p, h.Dataset)
	h.Waiting = h.State == stateOpen || h.State == stateCorrected
	var d *dataset.Dataset
	if e, err := v.u.Repo.Entry(v.p, h.Dataset); err == nil {
		d = e.Dataset
	}
	names, cells := rawCells(c.text("raw"))
	for i, name := range names {
		if name == wholeRow {
			h.Whole = cells[i]
			continue
		}
		h.Cells = append(h.Cells, heldCell{Name: name, Value: cells[i]})
	}
	if h.Whole != "" && d != nil {
		for i := range d.Schema.Fields {
			f := &d.Schema.Fields[i]
			h.Cells = append(h.Cells, heldCell{Name: f.Name})
		}
	}
	h.entitle(v, d)
	var vs []problem.Violation
	if err := json.Unmarshal([]byte(c.text("violations")), &vs); err != nil {
		vs = nil
	}
	for _, x := range vs {
		text := problem.Text(v.lang, x.Code, x.Args)
		if i := h.cellOf(d, x.Field); i >= 0 {
			h.Cells[i].Faults = append(h.Cells[i].Faults, text)
			continue
		}
		if x.Field != "" {
			title := x.Field
			if d != nil {
				if f, ok := d.Field(x.Field); ok {
					title = fieldTitle(v, f)
				}
			}
			text = title + ": " + text
		}
		h.General = append(h.General, text)
	}
	if len(vs) == 0 && h.Reason != "" {
		h.General = []string{h.Reason}
	}
	return h, nil
}

// entitle gives the cells the titles and units of the fields they become.
func (h *heldData) entitle(v *view, d *dataset.Dataset) {
	for i := range h.Cells {
		h.Cells[i].Title = h.Cells[i].Name
	}
	if d == nil {
		return
	}
	for i := range d.Schema.Fields {
		f := &d.Schema.Fields[i]
		if at := h.cellOf(d, f.Name); at >= 0 && h.Cells[at].Title == h.Cells[at].Name {
			h.Cells[at].Title, h.Cells[at].Unit = fieldTitle(v, f), v.Unit(f.Unit)
		}
	}
}

// cellOf finds the cell that a field came from: of its own name, or of the
// column that a declared source maps onto it.
func (h *heldData) cellOf(d *dataset.Dataset, field string) int {
	if field == "" {
		return -1
	}
	candidates := map[string]bool{field: true}
	if d != nil {
		for _, s := range d.Sources {
			if m, ok := s.Map[field]; ok {
				candidates[m.Column] = true
				for _, c := range m.Columns {
					candidates[c] = true
				}
			}
		}
	}
	for i, c := range h.Cells {
		if c.Name != "" && candidates[c.Name] {
			return i
		}
	}
	return -1
}

// rawCells reads a kept row, a JSON object of column to text, in its order. A
// row of another form stands whole under wholeRow.
func rawCells(raw string) (names, cells []string) {
	d := json.NewDecoder(strings.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return []string{wholeRow}, []string{raw}
	}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return []string{wholeRow}, []string{raw}
		}
		var x json.RawMessage
		if err := d.Decode(&x); err != nil {
			return []string{wholeRow}, []string{raw}
		}
		text := string(x)
		var s string
		if json.Unmarshal(x, &s) == nil {
			text = s
		}
		names, cells = append(names, name), append(cells, text)
	}
	return names, cells
}

// mostCells bounds a form.
const mostCells = 2000

// repair acts on one row: correct and replay, or dismiss.
func (u *UI) repair(v *view) error {
	if u.Repairs == nil {
		return problem.New(problem.Unavailable, "busy")
	}
	if err := v.r.ParseForm(); err != nil {
		return web400(err)
	}
	id, form := v.r.PathValue("id"), v.r.PostForm
	back := "/quarantine/" + url.PathEscape(id)
	switch form.Get("action") {
	case "dismiss":
		note := strings.TrimSpace(form.Get("note"))
		if note == "" {
			h, err := v.heldRecord()
			if err != nil {
				return err
			}
			h.General = append(h.General, v.T("quarantine.note-needed"))
			return v.show(http.StatusUnprocessableEntity, heldPage(v, h))
		}
		if err := u.Repairs.Dismiss(v.r.Context(), v.p, id, note); err != nil {
			return err
		}
		return v.seeOther(back)
	default:
		cells := map[string]string{}
		for name, vals := range form {
			if column, ok := strings.CutPrefix(name, "c."); ok && len(vals) == 1 && len(cells) < mostCells {
				// A browser sends line ends as CR LF.
				cells[column] = strings.ReplaceAll(vals[0], "\r\n", "\n")
			}
		}
		h, err := v.heldRecord()
		if err != nil {
			return err
		}
		for _, c := range h.Cells { // only what the reader changed is a correction
			if cells[c.Name] == c.Value && h.Whole == "" {
				delete(cells, c.Name)
			}
		}
		switch err := u.Repairs.Correct(v.r.Context(), v.p, id, cells); {
		case problem.KindOf(err) == problem.Invalid:
			return v.seeOther(back + "?outcome=open")
		case err != nil:
			return err
		}
		return v.seeOther(back + "?outcome=replayed")
	}
}

// replayRule begins to try all waiting rows of one rule again, or stops a run.
func (u *UI) replayRule(v *view) error {
	if u.Repairs == nil {
		return problem.New(problem.Unavailable, "busy")
	}
	if err := v.r.ParseForm(); err != nil {
		return web400(err)
	}
	form := v.r.PostForm
	if id, err := strconv.ParseInt(form.Get("stop"), 10, 64); err == nil {
		u.replays.stop(v.p, id)
		return v.seeOther("/quarantine#runs")
	}
	name, rule := form.Get("dataset"), form.Get("rule")
	if name == "" {
		return problem.New(problem.Invalid, "request-malformed")
	}
	if _, err := u.Repo.Entry(v.p, name); err != nil {
		return err
	}
	if !u.Repo.MayWrite(v.p, name) {
		return problem.New(problem.Denied, "denied", "action", "write", "dataset", name)
	}
	filter := and(waiting(), equal("dataset", name))
	if rule != "" {
		filter = and(filter, equal("rule", rule))
	}
	page, err := u.Repo.Read(v.r.Context(), v.p, repo.Query{Dataset: repo.SystemQuarantine, Filter: filter, Count: true, Limit: 1}, func(repo.Record) error { return nil })
	if err != nil {
		return err
	}
	if err := u.replays.start(u, v.p, name, rule, page.Matched); err != nil {
		return err
	}
	return v.seeOther("/quarantine#runs")
}

// web400 marks a form that cannot be read.
func web400(err error) error { return problem.Wrap(err, problem.Invalid, "request-malformed") }
