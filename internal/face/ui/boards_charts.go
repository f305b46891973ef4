package ui

import (
	"math"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/chart"
	core "huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
)

// series draws up to four indicators over the period.
func (d *boardData) series(t *tile) error {
	ctx := d.r.Context()
	var s chart.Series
	compare := ""
	for _, c := range t.w.Compare {
		if c != "plan" {
			compare = c
		}
	}
	for i := range t.w.Indicators {
		def := d.definition(t, i)
		if def == nil {
			return nil
		}
		grain, n := d.reach(def, d.Scope.Period, t.w.Days)
		a := d.ask(def)
		a.Grain = grain.String()
		ask := indicator.SeriesAsk{Ask: a, Last: n}
		if i == 0 && len(t.w.Indicators) == 1 {
			ask.Compare = compare
		}
		got, err := d.u.Figures.Series(ctx, d.p, ask)
		if err != nil {
			return err
		}
		if len(got.Points) == 0 {
			continue
		}
		s.Lines = append(s.Lines, chart.Line{Name: def.Title.In(d.lang), Samples: samplesOf(got.Points)})
		if i > 0 {
			continue
		}
		t.Href = d.indicatorHref(def.Name)
		s.Grain, s.Unit = grainLength(got.Grain), t.Unit
		s.From, s.Until = got.Points[0].Start, got.Points[len(got.Points)-1].End
		s.Zero = def.Scales()
		s.Late = d.Scope.moment(d.now).Add(-def.Lag)
		t.Note = d.T("tile.grain."+got.Grain.String()) + unitNote(t.Unit)
		if len(got.Compare) == len(got.Points) && ask.Compare != "" {
			l := chart.Line{Name: d.T("tile.compared." + ask.Compare)}
			for k, p := range got.Compare { // moved onto the points that they are compared with
				l.Samples = append(l.Samples, chart.Sample{At: got.Points[k].Start, V: p.Value, OK: p.Known})
			}
			s.Compare = &l
			t.Note += " · " + d.T("tile.dashed", "name", l.Name)
		}
		if len(t.w.Indicators) == 1 && got.Grain == def.Main() && (!def.Scales() || def.PerArea || d.Scope.Area == "") {
			s.Limits = d.limits(def)
		}
	}
	if t.w.Notes {
		s.Notes = d.notes(s.From, s.Until)
		t.live = append(t.live, repo.SystemStage, repo.SystemIncident)
	}
	f := d.frameOf(760, 250)
	c := chart.NewFluidSVG(f.W, f.H)
	s.Draw(c, f)
	t.Chart, t.Table = c.Markup(t.Title+", "+t.Note), s.Table(f)
	return nil
}

func unitNote(unit string) string {
	if unit == "" {
		return ""
	}
	return " · " + unit
}

func (d *boardData) limits(def *core.Definition) []chart.Limit {
	var list []chart.Limit
	for _, th := range def.Thresholds {
		list = append(list, chart.Limit{Value: th.At, Name: d.T("severity." + th.Severity), Severity: th.Severity})
	}
	if def.Target != nil {
		list = append(list, chart.Limit{Value: *def.Target, Name: d.T("tile.target.name")})
	}
	return list
}

// byArea reads an indicator of all areas.
func (d *boardData) byArea(t *tile) (*core.Definition, []indicator.AreaFigure, error) {
	def := d.definition(t, 0)
	if def == nil {
		return nil, nil, nil
	}
	a := d.ask(def)
	a.Area = ""
	list, err := d.u.Figures.ByArea(d.r.Context(), d.p, a)
	g := def.Main()
	if a.Grain != "" {
		g, _ = core.GrainOf(a.Grain)
	}
	t.Note = joined(" · ", t.Unit, d.T("tile.of."+g.String()))
	return def, list, err
}

// areaName is the short name of a ward, as lists of wards alone show it.
func areaName(s string) string {
	for _, p := range []string{"Phường ", "Xã "} {
		s = strings.TrimPrefix(s, p)
	}
	return s
}

// ranking compares the wards.
func (d *boardData) ranking(t *tile) error {
	def, list, err := d.byArea(t)
	if def == nil || err != nil {
		return err
	}
	low := t.w.Order == "low" || t.w.Order == "worst" && def.Good == core.Up || t.w.Order == "best" && def.Good == core.Down
	slices.SortStableFunc(list, func(a, b indicator.AreaFigure) int {
		switch {
		case a.Known != b.Known:
			if a.Known {
				return -1
			}
			return 1
		case a.Value == b.Value:
			return strings.Compare(sortName(a.Name), sortName(b.Name))
		case (a.Value < b.Value) == low:
			return -1
		}
		return 1
	})
	if t.w.Limit > 0 && len(list) > t.w.Limit {
		list = list[:t.w.Limit]
	}
	r := chart.Ranking{Head: d.T("tile.area"), Measure: t.Title, Unit: t.Unit, Columns: t.w.Columns}
	for _, a := range list {
		r.Items = append(r.Items, chart.Item{Name: areaName(a.Name), V: a.Value, OK: a.Known, Severity: a.Severity, Href: d.areaHref(a.Area)})
	}
	if def.Target != nil && (!def.Scales() || def.PerArea) {
		r.Target = def.Target
		t.Note = joined(" · ", t.Note, d.T("tile.target", "n", d.figure(def, *def.Target)+unitTail(t.Unit)))
	}
	t.Href = d.indicatorHref(def.Name)
	t.Table = r.Table(d.frameOf(420, 25))
	t.Chart = twoRooms(func(narrow bool) string {
		w := 420 * float64(max(1, t.w.Columns))
		if r.Columns = t.w.Columns; narrow {
			r.Columns, w = 1, narrowRoom
		}
		f := d.frameOf(w, r.Height(25))
		c := chart.NewFluidSVG(f.W, f.H)
		r.Draw(c, f)
		return c.Markup(t.Title)
	})
	if len(r.Items) == 0 {
		t.Empty = d.T("tile.empty")
	}
	return nil
}

// twoRooms draws a chart twice: for the room of a desk, and for a narrow one where
// names would run into the bars. Style shows one of them.
func twoRooms(draw func(narrow bool) string) string {
	return `<div class="r-wide">` + draw(false) + `</div><div class="r-narrow">` + draw(true) + `</div>`
}

// narrowRoom is the width of a chart on a phone.
const narrowRoom = 310

func unitTail(unit string) string {
	if unit == "" {
		return ""
	}
	return " " + unit
}

// areas colours the wards by a figure, with the alerts that are open there.
func (d *boardData) areas(t *tile) error {
	def, list, err := d.byArea(t)
	if def == nil || err != nil {
		return err
	}
	s := d.u.shapesNow(d.r.Context())
	if s == nil {
		t.Empty = d.T("map.empty.title")
		return nil
	}
	figures := map[string]indicator.AreaFigure{}
	for _, a := range list {
		figures[a.Area] = a
	}
	marks := map[string]string{}
	if t.w.Marks {
		marks = d.alertAreas()
		t.live = append(t.live, repo.SystemAlert)
	}
	m := chart.Choropleth{Head: d.T("tile.area"), Measure: t.Title, Unit: t.Unit}
	for _, a := range s.areas {
		f, ok := figures[a.code]
		m.Areas = append(m.Areas, chart.Area{Code: a.code, Name: a.name, Rings: a.rings, V: f.Value, OK: ok && f.Known, Severity: marks[a.code], Href: d.areaHref(a.code)})
	}
	t.Href = d.indicatorHref(def.Name)
	f := d.frameOf(760, 560)
	f.Size = 14
	c := chart.NewSVG(f.W, f.H)
	m.Draw(c, f)
	t.Map, t.Table = c.Markup(t.Title), m.Table(f)
	top := m.Top()
	for i := 1; i <= 5; i++ {
		t.Legend = append(t.Legend, d.D(top*float64(i)/5, 1))
	}
	t.Legend[4] += unitTail(t.Unit)
	return nil
}

// stack shows what the newest buckets are made of.
func (d *boardData) stack(t *tile) error {
	def := d.definition(t, 0)
	if def == nil {
		return nil
	}
	a := d.ask(def)
	a.By = t.w.By
	n := t.w.Limit
	if n == 0 {
		n = 7
	}
	got, err := d.u.Figures.Stack(d.r.Context(), d.p, indicator.SeriesAsk{Ask: a, Last: n})
	if err != nil {
		return err
	}
	// At most four parts: the three largest and what remains.
	type part struct {
		name string
		sum  float64
		at   []indicator.Figure
	}
	var parts []part
	for _, c := range got.Categories {
		p := part{name: or(c.Label.In(d.lang), or(c.Value, d.T("value.none"))), at: c.Figures}
		for _, f := range c.Figures {
			if f.Known {
				p.sum += f.Value
			}
		}
		parts = append(parts, p)
	}
	slices.SortStableFunc(parts, func(a, b part) int { return int(math.Copysign(1, b.sum-a.sum)) })
	if len(parts) > 4 {
		rest := part{name: d.T("tile.rest"), at: make([]indicator.Figure, len(got.Points))}
		for _, p := range parts[3:] {
			for i, f := range p.at {
				if f.Known && i < len(rest.at) {
					rest.at[i] = indicator.Figure{Value: rest.at[i].Value + f.Value, Known: true}
				}
			}
		}
		parts = append(parts[:3:3], rest)
	}
	s := chart.Stacked{Head: d.T("tile.grain." + got.Grain.String()), Unit: t.Unit}
	for _, p := range parts {
		s.Parts = append(s.Parts, p.name)
	}
	layout := "02/01"
	if got.Grain == core.Hour {
		layout = "15:04"
	}
	for i, p := range got.Points {
		b := chart.Stack{Name: p.Start.In(d.zone).Format(layout)}
		for _, x := range parts {
			v := 0.0
			if i < len(x.at) && x.at[i].Known {
				v = x.at[i].Value
			}
			b.Parts = append(b.Parts, v)
		}
		s.Bars = append(s.Bars, b)
	}
	t.Href, t.Note = d.indicatorHref(def.Name), t.Unit
	high := float64(24 + 24*len(s.Bars))
	t.Table = s.Table(d.frameOf(520, high))
	t.Chart = twoRooms(func(narrow bool) string {
		f, x := d.frameOf(520, high), s
		if narrow {
			f, x.Parts = d.frameOf(narrowRoom, high), nil
			for _, name := range s.Parts {
				x.Parts = append(x.Parts, shortened(name, 10))
			}
		}
		c := chart.NewFluidSVG(f.W, f.H)
		x.Draw(c, f)
		return c.Markup(t.Title)
	})
	return nil
}

// shortened is the beginning of a name where it is longer than so many letters.
func shortened(name string, most int) string {
	if r := []rune(name); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return name
}

// heat shows an hourly figure by day and hour.
func (d *boardData) heat(t *tile) error {
	def := d.definition(t, 0)
	if def == nil {
		return nil
	}
	days := t.w.Days
	if days == 0 {
		days = 7
	}
	a := d.ask(def)
	a.Grain = core.Hour.String()
	end := d.Scope.moment(d.now).In(d.zone)
	first := time.Date(end.Year(), end.Month(), end.Day()-days+1, 0, 0, 0, 0, d.zone)
	got, err := d.u.Figures.Series(d.r.Context(), d.p, indicator.SeriesAsk{Ask: a, From: first, Until: end})
	if err != nil {
		return err
	}
	h := chart.Heat{Unit: t.Unit}
	for i := range days {
		h.Days = append(h.Days, first.AddDate(0, 0, i))
	}
	h.V = make([][24]chart.Sample, days)
	for _, p := range got.Points {
		at := p.Start.In(d.zone)
		if i := int(at.Sub(first) / (24 * time.Hour)); i >= 0 && i < days {
			h.V[i][at.Hour()] = chart.Sample{At: at, V: p.Value, OK: p.Known}
		}
	}
	t.Href, t.Note = d.indicatorHref(def.Name), joined(" · ", t.Unit, d.T("tile.heat"))
	f := d.frameOf(620, float64(24+22*days))
	c := chart.NewFluidSVG(f.W, f.H)
	h.Draw(c, f)
	t.Chart, t.Table = c.Markup(t.Title), h.Table(f)
	return nil
}
