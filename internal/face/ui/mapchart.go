package ui

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	marks "huong.city/huong/internal/service/tile"
)

// mapTab is the map of a choice of records and its twin, the list.
type mapTab struct {
	*listing
	Map     cityMap
	Areas   []bar
	Points  []mapPoint
	Matched int64
	Shown   int64 // how many points the interactive map gets at most
	Island  map[string]string
}

type mapPoint struct {
	Label, Href string
	Lon, Lat    string
}

// bar is one line of a ranking.
type bar struct {
	Label, Text, Href string
	Share             float64
}

const (
	mostPoints   = 20_000 // of the interactive map
	listedPoints = 200
)

func (u *UI) datasetMap(v *view) error {
	d, err := v.dataset("map")
	if err != nil {
		return err
	}
	if d.e.Table.X < 0 {
		return v.noPage()
	}
	l := d.listing()
	q := l.query()
	m := &mapTab{listing: l, Map: v.plainMap(func(code string) string { return v.with("area", code) }), Shown: mostPoints}
	if len(l.Faults) == 0 {
		if err := m.read(q); err != nil {
			if problem.KindOf(err) != problem.Invalid {
				return err
			}
			l.fault(err)
		}
	}
	l.chips()
	status := http.StatusOK
	if len(l.Faults) > 0 {
		status = http.StatusBadRequest
	} else if s := u.shapesNow(v.r.Context()); s != nil && u.assets.url("map.js") != "" {
		v.script, v.styles = []string{"map.js"}, []string{"mapstyle.css"}
		bounds, _ := json.Marshal(s.bounds)
		words, _ := json.Marshal(map[string]string{"zoomIn": v.T("map.zoom-in"), "zoomOut": v.T("map.zoom-out"), "title": d.d.Title.In(v.lang)})
		m.Island = map[string]string{"worker": u.assets.url("mapworker.js"), "bounds": string(bounds), "words": string(words), "points": pointsPath(v, d)}
	}
	return d.showTab(status, mapBody(m))
}

func pointsPath(v *view, d *datasetView) string {
	q := v.r.URL.Query()
	return address(datasetPath(d.d.Name, "map/points.json"), q)
}

// read counts by area and lists the first places.
func (m *mapTab) read(q repo.Query) error {
	ctx := m.r.Context()
	figures := map[string]float64{}
	var most float64
	count := repo.Aggregation{Query: q, By: []repo.By{{Field: dataset.AreaColumn}}, Measures: []repo.Measure{{Func: "count"}}}
	err := m.u.Repo.Aggregate(ctx, m.p, count, func(g []value.Value) error {
		n, _ := g[1].Number()
		m.Matched += int64(n)
		if g[0].Kind() == value.Text {
			figures[g[0].Text()] = n
			most = max(most, n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	m.colour(&m.Map, figures, m.T("records.unit"))
	m.Map.Label = m.d.Title.In(m.lang)
	for code, n := range figures {
		m.Areas = append(m.Areas, bar{m.datasetView.Area(code), m.N(int64(n)), m.with("area", code), n / most})
	}
	slices.SortFunc(m.Areas, func(a, b bar) int {
		switch {
		case a.Share > b.Share:
			return -1
		case a.Share < b.Share:
			return 1
		}
		return strings.Compare(a.Label, b.Label)
	})
	return m.placed(q, listedPoints, func(p marks.Point) {
		m.Points = append(m.Points, mapPoint{p.Label, p.Href, degree(p.Lon), degree(p.Lat)})
		m.dot(&m.Map, p.Lon, p.Lat, 5)
	})
}

// placed gives the marks of a choice that have a place of their own.
func (d *datasetView) placed(q repo.Query, limit int, fn func(marks.Point)) error {
	l, ok := d.placing(d.e)
	if !ok || l.x < 0 { // the reader is told why no place is shown
		_, err := d.u.Repo.Read(d.r.Context(), d.p, repo.Query{Dataset: d.d.Name, Fields: []string{dataset.XColumn, dataset.YColumn}, Limit: 1}, func(repo.Record) error { return nil })
		return err
	}
	q.Filter = and(q.Filter, hasPlace())
	return d.places(l, q, limit, fn)
}

// degree writes a coordinate for the script.
func degree(f float64) string { return strconv.FormatFloat(f, 'f', 6, 64) }

// hasPlace is the condition that a record has a place.
func hasPlace() cql2.Expr {
	return &cql2.Call{Op: "not", Args: []cql2.Expr{&cql2.Call{Op: "isNull", Args: []cql2.Expr{&cql2.Prop{Name: dataset.XColumn, Column: -1}}}}}
}

// mapPoints gives the places of the choice as GeoJSON, at most mostPoints.
func (u *UI) mapPoints(v *view) error {
	d, err := v.dataset("map")
	if err != nil {
		return err
	}
	if d.e.Table.X < 0 {
		return v.noPage()
	}
	l := d.listing()
	q := l.query()
	var points []marks.Point
	if err := d.placed(q, mostPoints, func(p marks.Point) { points = append(points, p) }); err != nil {
		return err
	}
	return v.writePlaces(points, false, len(points))
}

// chartTab is the course of one measure.
type chartTab struct {
	*listing
	Subjects []subjectChoice
	Measure  string // "" counts records
	Measures []option
	Bucket   string
	Points   []chartPoint
	Data     chartData
	Axis     chartAxis
	Title    string
	Banded   bool // lowest and highest differ from the figure
}

type subjectChoice struct {
	Field, Title, Value string
	Options             []option
}

type chartPoint struct {
	At             int64 // µs
	N              int64
	Mean, Min, Max float64
	OK             bool // there is a figure
}

// chartData is what the script draws.
type chartData struct {
	Points [][4]*float64 `json:"points"`
	Unit   string        `json:"unit"`
	Name   string        `json:"name"`
	Low    string        `json:"low"`
	High   string        `json:"high"`
}

// chartAxis is the drawing for readers without script, 900 × 300.
type chartAxis struct{ Lines, Band, Low, High, From, Until string }

const (
	mostSubjects = 500
	mostBuckets  = 3000
)

func (u *UI) chart(v *view) error {
	d, err := v.dataset("chart")
	if err != nil {
		return err
	}
	if d.e.Table.Time < 0 {
		return v.noPage()
	}
	c := &chartTab{listing: d.listing()}
	q := c.query()
	q.Sort = nil
	status := http.StatusOK
	if len(c.Faults) == 0 {
		err := c.read(q)
		if err != nil && problem.KindOf(err) != problem.Invalid {
			return err
		}
		if err != nil {
			c.fault(err)
		}
	}
	if len(c.Faults) > 0 {
		status = http.StatusBadRequest
	} else if len(c.Points) > 0 && u.assets.url("chart.js") != "" {
		v.script = []string{"chart.js"}
	}
	return d.showTab(status, chartBody(c))
}

func (c *chartTab) read(q repo.Query) error {
	params := c.r.URL.Query()
	ctx := c.r.Context()
	c.Measures = []option{{"count", c.T("chart.count")}}
	c.Measure = "count"
	for i, f := range c.measures() {
		c.Measures = append(c.Measures, option{f.Name, joined(", ", fieldTitle(c.view, f), c.Unit(f.Unit))})
		if i == 0 && c.d.Kind == dataset.Series {
			c.Measure = f.Name
		}
	}
	if m := params.Get("measure"); slices.ContainsFunc(c.Measures, func(o option) bool { return o.Value == m }) {
		c.Measure = m
	}
	if c.d.Kind == dataset.Series {
		for _, k := range c.e.Table.Key {
			if k == c.e.Table.Time {
				continue
			}
			if err := c.subjectOf(&q, k, params.Get("s."+c.e.Table.Columns[k].Name)); err != nil {
				return err
			}
		}
	}
	from, until, err := c.span(q)
	if err != nil || until.IsZero() {
		return err
	}
	if q.From.IsNull() {
		q.From = value.OfInstant(from)
	}
	c.Bucket = bucketOf(until.Sub(from))
	if b := params.Get("bucket"); slices.Contains(buckets[:], b) {
		c.Bucket = b
	}
	if c.e.Table.Columns[c.e.Table.Time].Kind == value.Date && (c.Bucket == "minute" || c.Bucket == "hour") {
		c.Bucket = "day"
	}
	a := repo.Aggregation{Query: q, By: []repo.By{{Field: c.d.Time, Bucket: c.Bucket}}, Measures: []repo.Measure{{Func: "count"}}}
	a.Limit = mostBuckets
	var f *dataset.Field
	sum := false
	if c.Measure != "count" {
		f, _ = c.d.Field(c.Measure)
		sum = f.Measure == "count" || f.Measure == "counter"
		fn := "mean"
		if sum {
			fn = "sum"
		}
		a.Measures = append(a.Measures, repo.Measure{Func: fn, Field: f.Name}, repo.Measure{Func: "min", Field: f.Name}, repo.Measure{Func: "max", Field: f.Name})
	}
	err = c.u.Repo.Aggregate(ctx, c.p, a, func(g []value.Value) error {
		p := chartPoint{}
		switch g[0].Kind() {
		case value.Time:
			p.At = g[0].Micros()
		case value.Date:
			p.At = g[0].CalendarDay().Add(-7 * time.Hour).UnixMicro()
		default:
			return nil
		}
		p.N = g[1].Int()
		p.Mean, p.OK = float64(p.N), true
		p.Min, p.Max = p.Mean, p.Mean
		if f != nil {
			p.Mean, p.OK = g[2].Number()
			p.Min, _ = g[3].Number()
			p.Max, _ = g[4].Number()
			if sum {
				p.Min, p.Max = p.Mean, p.Mean
			}
		}
		c.Points = append(c.Points, p)
		return nil
	})
	if err != nil {
		return err
	}
	c.Title, c.Data.Name = c.T("chart.count"), c.T("chart.count")
	c.Data.Low, c.Data.High = c.T("chart.min"), c.T("chart.max")
	if f != nil {
		c.Title, c.Data.Unit, c.Data.Name = fieldTitle(c.view, f), c.Unit(f.Unit), c.T("chart.mean")
		if sum {
			c.Data.Name = c.T("chart.sum")
		}
	}
	c.draw()
	return nil
}

var buckets = [...]string{"minute", "hour", "day", "week", "month", "year"}

// bucketOf picks a step that gives some hundred to two thousand points.
func bucketOf(span time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case span <= 26*time.Hour:
		return "minute"
	case span <= 62*day:
		return "hour"
	case span <= 6*366*day:
		return "day"
	case span <= 40*366*day:
		return "week"
	}
	return "month"
}

// subjectOf chooses one subject of a series by one key column and narrows the
// query to it.
func (c *chartTab) subjectOf(q *repo.Query, column int, asked string) error {
	col := c.e.Table.Columns[column]
	s := subjectChoice{Field: col.Name, Title: c.columnTitle(col.Name), Value: asked}
	a := repo.Aggregation{Query: *q, By: []repo.By{{Field: col.Name}}, Measures: []repo.Measure{{Func: "count"}}}
	a.From, a.Until, a.Limit = value.Value{}, value.Value{}, mostSubjects
	f, _ := c.d.Field(col.Name)
	err := c.u.Repo.Aggregate(c.r.Context(), c.p, a, func(g []value.Value) error {
		text := string(c.e.Schema.AppendCell(nil, column, g[0]))
		label := c.subject(c.e, col.Name, text)
		if label == text {
			label = or(c.Cell(f, g[0]), text)
		}
		s.Options = append(s.Options, option{text, label})
		return nil
	})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(s.Options, func(o option) bool { return o.Value == asked }) {
		s.Value = ""
		if len(s.Options) > 0 {
			s.Value = s.Options[0].Value
		}
	}
	slices.SortStableFunc(s.Options, func(a, b option) int {
		return strings.Compare(value.Fold(a.Label), value.Fold(b.Label))
	})
	c.Subjects = append(c.Subjects, s)
	if s.Value == "" {
		return nil
	}
	x, bad := c.e.Schema.ParseCell(column, s.Value)
	if bad != nil {
		return problem.InvalidWith("query-invalid", []problem.Violation{*bad})
	}
	q.Filter = and(q.Filter, &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: col.Name, Column: -1}, &cql2.Lit{Value: x}}})
	return nil
}

// span is the time that the chart covers: as asked, else the last week of a
// series or all of a register.
func (c *chartTab) span(q repo.Query) (from, until time.Time, err error) {
	bounds := repo.Aggregation{Query: q, Measures: []repo.Measure{{Func: "min", Field: c.d.Time}, {Func: "max", Field: c.d.Time}}}
	err = c.u.Repo.Aggregate(c.r.Context(), c.p, bounds, func(g []value.Value) error {
		from, until = instantOf(g[0]), instantOf(g[1])
		return nil
	})
	if err != nil || until.IsZero() {
		return from, until, err
	}
	if c.From == "" && c.Until == "" && c.d.Kind == dataset.Series {
		if week := until.Add(-7 * 24 * time.Hour); from.Before(week) {
			from = week
		}
	}
	return from, until, nil
}

func instantOf(x value.Value) time.Time {
	switch x.Kind() {
	case value.Time:
		return x.Instant()
	case value.Date:
		return x.CalendarDay()
	}
	return time.Time{}
}

// draw prepares the script's data and the drawing without script.
func (c *chartTab) draw() {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range c.Points {
		at := float64(p.At / 1000)
		point := [4]*float64{&at}
		if p.OK {
			point[1], point[2], point[3] = &p.Mean, &p.Min, &p.Max
			low, high = min(low, p.Min), max(high, p.Max)
			c.Banded = c.Banded || p.Min != p.Mean || p.Max != p.Mean
		}
		c.Data.Points = append(c.Data.Points, point)
	}
	if len(c.Points) == 0 || low > high {
		return
	}
	if low == high {
		low, high = low-1, high+1
	}
	first, last := c.Points[0].At, c.Points[len(c.Points)-1].At
	x := func(at int64) float64 {
		if last == first {
			return 450
		}
		return 900 * float64(at-first) / float64(last-first)
	}
	y := func(f float64) float64 { return 290 - 280*(f-low)/(high-low) }
	var line, up, down strings.Builder
	for _, p := range c.Points {
		if p.OK {
			fmt.Fprintf(&line, "%.1f,%.1f ", x(p.At), y(p.Mean))
			fmt.Fprintf(&up, "%.1f,%.1f ", x(p.At), y(p.Max))
		}
	}
	for _, p := range slices.Backward(c.Points) {
		if p.OK {
			fmt.Fprintf(&down, "%.1f,%.1f ", x(p.At), y(p.Min))
		}
	}
	c.Axis = chartAxis{Lines: line.String(), Band: up.String() + down.String(), Low: c.D(low, 2), High: c.D(high, 2), From: c.Micros(first), Until: c.Micros(last)}
}
