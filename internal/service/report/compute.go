package report

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/problem"
	core "huong.city/huong/internal/core/report"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Reading is an indicator's figure for a bucket of time.
type Reading struct {
	Cell
	End     time.Time // of the bucket; zero for a total
	Partial bool      // made of the records that the reader may count
}

// Ward is the figure of one ward.
type Ward struct {
	Code string
	Name Words
	Cell
}

// Indicators are the city's figures as a principal may see them. An error of kind
// Denied, NotFound or Unauthenticated means that they are not shown to p.
type Indicators interface {
	Definition(name string) *indicator.Definition // nil for none
	Value(ctx context.Context, p repo.Principal, name, area, grain string, at time.Time) (Reading, error)
	Wards(ctx context.Context, p repo.Principal, name, grain string, at time.Time) ([]Ward, error)
	Series(ctx context.Context, p repo.Principal, name, area, grain string, from, until time.Time) ([]Sample, error)
	// Await returns once the figures hold everything up to a commit.
	Await(ctx context.Context, seq int64) error
}

// making is one report being computed for one reader.
type making struct {
	d      *Desk
	ctx    context.Context
	p      repo.Principal
	r      *core.Report
	area   string
	span   core.Span
	before core.Span
	asOf   int64
	c      *Content
	names  map[string]Words
}

// compute makes the content of a report from what p may see, as of a commit.
func (d *Desk) compute(ctx context.Context, p repo.Principal, r *core.Report, agency, area string, span core.Span, asOf int64) (*Content, error) {
	m := &making{d: d, ctx: ctx, p: p, r: r, area: area, span: span, before: r.Before(span), asOf: asOf, names: map[string]Words{},
		c: &Content{Title: r.Title, Period: r.Period, From: span.From, Until: span.Until, Area: area, Form: r.Form}}
	var err error
	if m.c.AreaName, err = m.nameOf(repo.SystemArea, area); err != nil {
		return nil, err
	}
	if m.c.Agency = r.Form.Agency; m.c.Agency == nil {
		if m.c.Agency, err = m.nameOf(repo.SystemAgency, agency); err != nil {
			return nil, err
		}
	}
	if m.c.Stage, err = m.stage(); err != nil {
		return nil, err
	}
	for _, s := range r.Parts {
		out := Section{Title: s.Title}
		for i := range s.Blocks {
			b, err := m.block(&s.Blocks[i])
			if err != nil {
				return nil, err
			}
			out.Blocks = append(out.Blocks, b)
		}
		m.c.Sections = append(m.c.Sections, out)
	}
	return m.c, nil
}

// shut tells that an error means: not for this reader.
func shut(err error) bool {
	switch problem.KindOf(err) {
	case problem.Denied, problem.NotFound, problem.Unauthenticated:
		return err != nil
	}
	return false
}

func (m *making) block(b *core.Block) (Block, error) {
	out := Block{Kind: b.Kind, Title: b.Title, Of: b.Of, Name: b.Name, Need: b.Required}
	var err error
	switch b.Kind {
	case core.Text:
		out.Text, err = m.words(b.Text)
	case core.Figures:
		for _, name := range b.Indicators {
			r, err := m.row(name)
			if err != nil {
				return out, err
			}
			out.Rows = append(out.Rows, r)
		}
	case core.Table, core.Ranking:
		err = m.wards(b, &out)
	case core.Series:
		err = m.series(b, &out)
	case core.Events:
		err = m.events(b, &out)
	case core.Ask:
		out.Text = b.Text
		if b.Prefill != "" {
			var r Row
			if r, err = m.row(b.Prefill); err == nil && !r.Closed && r.Cells[0].Known {
				out.Prefill = chart.Decimal("vi", r.Cells[0].V, r.Decimals)
			}
		}
	}
	return out, err
}

func (m *making) column(name string) (Column, bool) {
	if m.d.figures == nil {
		return Column{Indicator: name, Title: Words{"vi": name, "en": name}}, false
	}
	d := m.d.figures.Definition(name)
	if d == nil {
		return Column{Indicator: name, Title: Words{"vi": name, "en": name}}, false
	}
	return Column{name, d.Title, d.Unit, d.Decimals, d.Target}, true
}

// grain is that of the period where the indicator has it, else its own, and the
// moment whose bucket is the period's, or the last of it.
func (m *making) grain(name string, s core.Span) (string, time.Time) {
	at := s.Until.Add(-time.Microsecond)
	d := m.d.figures.Definition(name)
	if g, ok := indicator.GrainOf(string(m.r.Period)); ok && slices.Contains(d.Grains, g) {
		return g.String(), s.From
	}
	return d.Main().String(), at
}

func (m *making) row(name string) (Row, error) {
	c, known := m.column(name)
	r := Row{Column: c}
	if !known {
		r.Closed = true
		return r, nil
	}
	area := m.area
	if area == grant.WholeCity {
		area = ""
	}
	for _, s := range []core.Span{m.span, m.before} {
		grain, at := m.grain(name, s)
		x, err := m.d.figures.Value(m.ctx, m.p, name, area, grain, at)
		if shut(err) || problem.KindOf(err) == problem.Invalid && err != nil { // not told for this area
			return Row{Column: c, Closed: true}, nil
		}
		if err != nil {
			return r, err
		}
		if len(r.Cells) == 0 {
			r.Partial = x.Partial
			if grain != string(m.r.Period) && !x.End.IsZero() {
				r.At = x.End
			}
		} else {
			x.Severity = ""
		}
		r.Cells = append(r.Cells, x.Cell)
	}
	return r, nil
}

// wards fills a table by ward. A ranking is in order of its figure.
func (m *making) wards(b *core.Block, out *Block) error {
	at := map[string]int{}
	for _, name := range b.Indicators {
		c, known := m.column(name)
		if !known {
			continue
		}
		grain, moment := m.grain(name, m.span)
		list, err := m.d.figures.Wards(m.ctx, m.p, name, grain, moment)
		if shut(err) || err != nil && problem.KindOf(err) == problem.Invalid {
			continue
		}
		if err != nil {
			return err
		}
		for _, w := range list {
			i, ok := at[w.Code]
			if !ok {
				i = len(out.Rows)
				at[w.Code] = i
				out.Rows = append(out.Rows, Row{Name: w.Name})
			}
			for len(out.Rows[i].Cells) < len(out.Columns) {
				out.Rows[i].Cells = append(out.Rows[i].Cells, Cell{})
			}
			out.Rows[i].Cells = append(out.Rows[i].Cells, w.Cell)
		}
		out.Columns = append(out.Columns, c)
	}
	for i := range out.Rows {
		for len(out.Rows[i].Cells) < len(out.Columns) {
			out.Rows[i].Cells = append(out.Rows[i].Cells, Cell{})
		}
	}
	out.Closed = len(out.Columns) == 0
	if b.Kind == core.Ranking && !out.Closed {
		slices.SortStableFunc(out.Rows, func(x, y Row) int {
			a, b := x.Cells[0], y.Cells[0]
			switch {
			case a.Known != b.Known:
				if a.Known {
					return -1
				}
				return 1
			case a.V > b.V:
				return -1
			case a.V < b.V:
				return 1
			}
			return 0
		})
		if len(out.Rows) > b.Limit {
			out.Rows = out.Rows[:b.Limit]
		}
	}
	return nil
}

func (m *making) series(b *core.Block, out *Block) error {
	area := m.area
	if area == grant.WholeCity {
		area = ""
	}
	for _, name := range b.Indicators {
		c, known := m.column(name)
		if !known {
			continue
		}
		grain := b.Grain
		if grain == "" {
			grain = m.d.figures.Definition(name).Finest().String()
		}
		list, err := m.d.figures.Series(m.ctx, m.p, name, area, grain, m.span.From, m.span.Until)
		if shut(err) || err != nil && problem.KindOf(err) == problem.Invalid {
			continue
		}
		if err != nil {
			return err
		}
		out.Grain = grain
		out.Lines = append(out.Lines, Line{c, list})
	}
	out.Closed = len(out.Lines) == 0
	return nil
}

// words fills the holes of a text.
func (m *making) words(w Words) (Words, error) {
	out := Words{}
	var fault error
	for _, lang := range [...]string{"vi", "en"} {
		out[lang] = core.Fill(w[lang], func(h core.Hole) string {
			s, err := m.hole(lang, h)
			if err != nil {
				fault = err
			}
			return s
		})
	}
	return out, fault
}

func (m *making) hole(lang string, h core.Hole) (string, error) {
	day := func(t time.Time) string {
		if t.Hour() == 0 && t.Minute() == 0 {
			return t.Format("02/01/2006")
		}
		return t.Format("15:04 02/01/2006")
	}
	zone := m.d.repo.Zone()
	switch h.What {
	case "area":
		return m.c.AreaName.In(lang), nil
	case "agency":
		return m.c.Agency.In(lang), nil
	case "period":
		return PeriodName(lang, m.r.Period, m.span.From.In(zone), m.span.Until.In(zone)), nil
	case "from":
		return day(m.span.From.In(zone)), nil
	case "until":
		return day(m.span.Until.In(zone)), nil
	case "stage":
		if m.c.Stage == 0 {
			return stageWords[1].in(lang), nil
		}
		return stageWords[m.c.Stage].in(lang), nil
	case "alerts", "incidents":
		b := Block{Of: h.What}
		if err := m.events(&core.Block{Of: h.What, Limit: 1}, &b); err != nil || b.Closed {
			return "–", err
		}
		return chart.Integer(lang, int64(len(b.Events))+b.More), nil
	}
	r, err := m.row(h.Name)
	if err != nil || r.Closed {
		return "–", err
	}
	if h.What == "change" {
		return change(lang, r.Column, r.Cells[0], r.Cells[1]), nil
	}
	s := figure(lang, r.Column, Cell{V: r.Cells[0].V, Known: r.Cells[0].Known})
	if u := r.Unit.In(lang); u != "" && r.Cells[0].Known {
		s += " " + u
	}
	return s, nil
}

// PeriodName names a stretch of time as a report does.
func PeriodName(lang string, p core.Period, from, until time.Time) string {
	last := until.Add(-time.Microsecond)
	en := lang == "en"
	switch p {
	case core.Day:
		if en {
			return from.Format("2 January 2006")
		}
		return "ngày " + from.Format("02/01/2006")
	case core.Month:
		if en {
			return from.Format("January 2006")
		}
		return "tháng " + from.Format("01/2006")
	case core.Week:
		if en {
			return "the week of " + from.Format("2 January") + " to " + last.Format("2 January 2006")
		}
		return "tuần từ " + from.Format("02/01") + " đến " + last.Format("02/01/2006")
	}
	if en {
		return from.Format("15:04 2 January") + " to " + until.Format("15:04 2 January 2006")
	}
	return "từ " + from.Format("15:04 02/01") + " đến " + until.Format("15:04 02/01/2006")
}

// nameOf reads the two names of an area or an agency.
func (m *making) nameOf(dataset, code string) (Words, error) {
	if code == "" {
		return nil, nil
	}
	if w, ok := m.names[dataset+"/"+code]; ok {
		return w, nil
	}
	w, err := m.d.nameOf(m.ctx, dataset, code)
	m.names[dataset+"/"+code] = w
	return w, err
}

func (d *Desk) nameOf(ctx context.Context, dataset, code string) (Words, error) {
	rec, err := d.repo.Get(ctx, repo.Internal(), dataset, []value.Value{value.OfText(code)}, 0)
	if err != nil {
		if problem.KindOf(err) == problem.NotFound {
			return Words{"vi": code}, nil
		}
		return nil, err
	}
	l := look{rec.Entry, rec.Values, d.repo.Zone()}
	return Words{"vi": l.text("name"), "en": or(l.text("nameEn"), l.text("name"))}, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// stage is the city's stage at the end of the period, 0 when none is announced or
// the reader may not see it.
func (m *making) stage() (n int, err error) {
	q := repo.Query{Dataset: repo.SystemStage, AsOf: m.asOf, Filter: compare("<", "at", value.OfInstant(m.span.Until)), Limit: 1,
		Sort: []repo.Sort{{Field: "at", Desc: true}, {Field: "id", Desc: true}}}
	_, err = m.d.repo.Read(m.ctx, m.p, q, func(rec repo.Record) error {
		n = int(look{rec.Entry, rec.Values, m.d.repo.Zone()}.count("stage"))
		return nil
	})
	if shut(err) {
		return 0, nil
	}
	return n, err
}

// events lists what happened in the period, oldest first, and counts the rest.
func (m *making) events(b *core.Block, out *Block) error {
	dataset, at := map[string]string{"alerts": repo.SystemAlert, "incidents": repo.SystemIncident, "decisions": repo.SystemIncidentEntry, "stages": repo.SystemStage}[b.Of],
		map[string]string{"alerts": "raisedAt", "incidents": "detectedAt", "decisions": "at", "stages": "at"}[b.Of]
	filter := []cql2.Expr{compare(">=", at, value.OfInstant(m.span.From)), compare("<", at, value.OfInstant(m.span.Until))}
	if b.Of == "decisions" {
		filter = append(filter, compare("=", "kind", value.OfText("decision")))
	}
	if len(b.Severity) > 0 {
		filter = append(filter, oneOf("severity", b.Severity))
	}
	q := repo.Query{Dataset: dataset, AsOf: m.asOf, Filter: cql2.And(filter...), Sort: []repo.Sort{{Field: at}}, Limit: b.Limit, Count: true}
	if b.Of != "stages" {
		q.Area = m.area
	}
	page, err := m.d.repo.Read(m.ctx, m.p, q, func(rec repo.Record) error {
		l := look{rec.Entry, rec.Values, m.d.repo.Zone()}
		e := Event{At: l.at(at), Severity: l.text("severity"), Area: l.text("area")}
		switch b.Of {
		case "alerts":
			e.Ref, e.Title, e.Until = l.text("id"), Words{"vi": l.text("titleVi"), "en": l.text("titleEn")}, l.at("clearedAt")
			e.State = "open"
		case "incidents":
			e.Ref, e.Title, e.Until = l.text("id"), Words{"vi": l.text("title"), "en": or(l.text("titleEn"), l.text("title"))}, l.at("closedAt")
			e.State = "open"
		case "decisions":
			e.Ref, e.Title = l.text("incident"), Words{"vi": l.text("text"), "en": or(l.text("textEn"), l.text("text"))}
		case "stages":
			n := int(l.count("stage"))
			if n < 1 || n >= len(stageWords) {
				return nil
			}
			e.Title = Words{}
			for _, lang := range [...]string{"vi", "en"} {
				reason := l.text("reason")
				if s := l.text("reasonEn"); lang == "en" && s != "" {
					reason = s
				}
				e.Title[lang] = word{"Cấp ", "Stage "}.in(lang) + string(rune('0'+n)) + " – " + stageWords[n].in(lang) + ": " + reason
			}
		}
		out.Events = append(out.Events, e)
		return nil
	})
	if shut(err) {
		out.Closed = true
		return nil
	}
	if err != nil {
		return err
	}
	for i := range out.Events {
		if out.Events[i].AreaName, err = m.nameOf(repo.SystemArea, out.Events[i].Area); err != nil {
			return err
		}
	}
	out.More = max(page.Matched-int64(len(out.Events)), 0)
	return nil
}

func compare(op, field string, v value.Value) cql2.Expr {
	return &cql2.Call{Op: op, Args: []cql2.Expr{&cql2.Prop{Name: field, Column: -1}, &cql2.Lit{Value: v}}}
}

func oneOf(field string, texts []string) cql2.Expr {
	list := &cql2.List{}
	for _, t := range texts {
		list.Items = append(list.Items, &cql2.Lit{Value: value.OfText(t)})
	}
	return &cql2.Call{Op: "in", Args: []cql2.Expr{&cql2.Prop{Name: field, Column: -1}, list}}
}

// look reads a row by the names of fields. What it returns shares nothing with
// the row.
type look struct {
	e    *repo.Entry
	row  []value.Value
	zone *time.Location
}

func (l look) value(name string) value.Value {
	if i, _, _, ok := l.e.Table.Property(name); ok && i < len(l.row) {
		return l.row[i]
	}
	return value.Value{}
}

func (l look) text(name string) string {
	if v := l.value(name); v.Kind() == value.Text {
		return strings.Clone(v.Text())
	}
	return ""
}

func (l look) list(name string) (items []string) {
	_ = json.Unmarshal([]byte(l.text(name)), &items) // the dataset holds no other thing
	return items
}

func (l look) at(name string) time.Time {
	if v := l.value(name); v.Kind() == value.Time {
		return v.Instant().In(l.zone)
	}
	return time.Time{}
}

func (l look) count(name string) int64 {
	if v := l.value(name); v.Kind() == value.Int {
		return v.Int()
	}
	return 0
}
