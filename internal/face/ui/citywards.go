package ui

import (
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/dashboard"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// What the wards are coloured by, as the address writes it: an indicator by its
// name, a dataset by its name after this sign, or nothing.
const (
	byDataset = "data:"
	byNothing = "none"
)

// wards colours the wards by the chosen figure.
func (m *siteMap) wards() {
	m.Wards = m.plainMap(func(code string) string { return m.with("area", code) })
	m.Wards.Label = m.T("map.label")
	var figures []WardFigure
	if m.u.Wards != nil {
		figures = m.u.Wards.List(m.p)
	}
	m.Figures = []option{{byNothing, m.T("site.by.none")}}
	usual, first := byNothing, m.u.figureOfCity()
	for i, f := range figures {
		m.Figures = append(m.Figures, option{f.Name, or(f.Title.In(m.lang), f.Name)})
		if i == 0 || f.Name == first {
			usual = f.Name
		}
	}
	for _, e := range m.u.Repo.Entries(m.p) {
		if !e.System && e.Table.Area >= 0 && e.Table.Time >= 0 && slices.Contains(m.u.Repo.Summed(m.p, e), e.Table.Area) {
			m.Figures = append(m.Figures, option{byDataset + e.Dataset.Name, or(e.Dataset.Title.In(m.lang), e.Dataset.Name)})
			if usual == byNothing && headline(e) != nil {
				usual = byDataset + e.Dataset.Name
			}
		}
	}
	if !slices.ContainsFunc(m.Figures, func(o option) bool { return o.Value == m.By }) {
		m.By = byNothing
		if !m.r.URL.Query().Has("by") {
			m.By = usual
		}
	}
	m.Classes = "{}"
	if m.By == byNothing {
		return
	}
	i := slices.IndexFunc(m.Figures, func(o option) bool { return o.Value == m.By })
	m.Wards.Title = m.Figures[i].Label
	var got map[string]float64
	unit := ""
	if name, ok := strings.CutPrefix(m.By, byDataset); ok {
		got, unit, m.Wards.Note = m.dataByArea(name)
	} else {
		from, until := m.span()
		if until.IsZero() {
			until = m.now
		}
		var err error
		if got, err = m.u.Wards.ByArea(m.r.Context(), m.p, m.By, from, until); err != nil {
			m.Wards.Note = m.noteOf(err)
		}
		for _, f := range figures {
			if f.Name == m.By {
				unit = m.Unit(f.Unit)
			}
		}
	}
	m.Wards.Label = m.Wards.Title
	m.colour(&m.Wards, got, unit)
	m.Classes = classes(m.Wards.Areas)
}

// dataByArea measures a dataset by area in the map's span: the mean of its first
// measured field, what adds up by station, or else the number of records.
func (m *siteMap) dataByArea(name string) (figures map[string]float64, unit, note string) {
	e, err := m.u.Repo.Entry(m.p, name)
	if err != nil {
		return nil, "", m.noteOf(err)
	}
	a := repo.Aggregation{Query: repo.Query{Dataset: name}, By: []repo.By{{Field: dataset.AreaColumn}}, Measures: []repo.Measure{{Func: "count"}}}
	from, until := m.span()
	a.From = value.OfInstant(from)
	if !until.IsZero() {
		a.Until = value.OfInstant(until)
		if e.Dataset.Kind == dataset.Register {
			if a.AsOf, err = m.u.Repo.SeqAt(m.r.Context(), until); err != nil || a.AsOf < e.Version {
				return nil, "", m.T("site.not-yet")
			}
		}
	}
	unit, note = m.T("records.unit"), m.T("site.by.count")
	if f := headline(e); f != nil && e.Dataset.Kind == dataset.Series {
		a.Measures = []repo.Measure{{Func: "mean", Field: f.Name}}
		unit, note = m.Unit(f.Unit), m.T("site.by.mean", "field", fieldTitle(m.view, f))
		if s := subjectColumn(e); f.Measure == "count" && s != "" {
			a.Measures = []repo.Measure{{Func: "sum", Field: f.Name}, {Func: "distinct", Field: s}}
			note = m.T("site.by.sum", "field", fieldTitle(m.view, f))
		}
	}
	figures = map[string]float64{}
	err = m.u.Repo.Aggregate(m.r.Context(), m.p, a, func(g []value.Value) error {
		if n, ok := g[1].Number(); ok && g[0].Kind() == value.Text {
			if len(g) > 2 {
				n /= max(1, float64(g[2].Int()))
			}
			figures[strings.Clone(g[0].Text())] = n
		}
		return nil
	})
	if err != nil {
		return nil, "", m.noteOf(err)
	}
	return figures, unit, note
}

// Moment writes the time that the map is of.
func (m *siteMap) Moment() string {
	if m.At.IsZero() {
		return m.T("site.now")
	}
	return m.Time(m.At)
}

// AtForm is the chosen time as a field of a form takes it.
func (m *siteMap) AtForm() string {
	if m.At.IsZero() {
		return ""
	}
	return m.At.In(m.zone).Format(minuteForm)
}

// NowForm is the city's time now, by the clock on the wall.
func (m *siteMap) NowForm() string { return m.now.In(m.zone).Truncate(time.Minute).Format(minuteForm) }

// figureOfCity is the indicator by which the first map of the board "city"
// colours the wards; "" where there is none.
func (u *UI) figureOfCity() string {
	boards, _ := u.boardsNow()
	b := boards["city"]
	if b == nil {
		return ""
	}
	for _, section := range b.Sections {
		for _, part := range append([]dashboard.Section{section}, section.Cards...) {
			for _, w := range part.Widgets {
				if w.Kind == "map" && len(w.Indicators) > 0 {
					return w.Indicators[0]
				}
			}
		}
	}
	return ""
}
