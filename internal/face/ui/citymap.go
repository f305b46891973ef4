package ui

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	marks "huong.city/huong/internal/service/tile"
)

// WardFigure is an indicator that the map can colour the wards by.
type WardFigure struct {
	Name  string
	Title dataset.Words
	Unit  string
}

// WardFigures gives indicators by area, under the reader's rights.
type WardFigures struct {
	List func(p repo.Principal) []WardFigure
	// ByArea gives a figure per code of an area for the span from, until; areas
	// without a figure are left out.
	ByArea func(ctx context.Context, p repo.Principal, name string, from, until time.Time) (map[string]float64, error)
}

// siteMap is the map of the city: wards coloured by a figure, marks of the
// chosen layers, and the list that is its twin.
type siteMap struct {
	*view
	moment
	Layers   []*siteLayer // all that the reader may choose, the chosen ones marked
	By       string
	Figures  []option
	Area     string
	Least    uint8 // the mildest severity that is shown
	Wards    cityMap
	Classes  string // the wards' classes by code, for the script
	Marks    []siteMark
	Rows     []siteRow
	InView   int // marks in the view that the list is of
	All      int // marks of all chosen layers
	Box      *marks.Box
	Chosen   *siteRow
	Facts    []fact
	Script   bool
	Basemap  bool
	selected string
}

// siteLayer is a dataset that the map can show.
type siteLayer struct {
	*placing
	Name, Title, Letter string
	On                  bool
	Count               int
	Note                string // why it shows nothing, or not all
	index               *marks.Index
}

// siteRow is one mark in the list.
type siteRow struct {
	Layer    *siteLayer
	Point    *marks.Point
	ID       string // layer/key
	When     string
	Where    string
	Selected bool
}

// siteMark is one mark of the drawing without script.
type siteMark struct {
	X, Y, Text, Title, Href string
	Severity                uint8
}

type fact struct{ Label, Text string }

// moment is what time the map is of.
type moment struct {
	At     time.Time // zero: now
	Within time.Duration
	Range  string
}

// withins are how long an event stays on the map, ranges how far the slider
// goes back; by hours.
var (
	withins = [...]string{"1h", "6h", "24h", "7d", "30d"}
	ranges  = [...]string{"24h", "7d", "30d"}
)

const (
	mostListed  = 200
	mostPlaced  = 300_000   // marks of one layer
	mostMarks   = 2_000_000 // marks that are kept in memory, of all layers and readers
	manyPlaces  = 5_000     // more are given as tiles
	coarse      = 5 * time.Minute
	clusterZoom = 13 // cells of the drawing without script, about 5 km
	minuteForm  = "2006-01-02T15:04"
)

func hoursOf(code string) time.Duration {
	n, _ := strconv.Atoi(code[:len(code)-1])
	if strings.HasSuffix(code, "d") {
		n *= 24
	}
	return time.Duration(n) * time.Hour
}

func oneOf(list []string, asked, usual string) string {
	if slices.Contains(list, asked) {
		return asked
	}
	return usual
}

func (u *UI) mapRoutes() []web.Route {
	get := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: u.page(h)}
	}
	return []web.Route{
		get("/map", u.siteMap),
		get("/map/places/{layer}", u.sitePlaces),
		get("/tiles/{layer}/{z}/{x}/{y}", u.siteTile),
		{Method: http.MethodGet, Pattern: "/basemap.pmtiles", Handler: u.basemap},
	}
}

// site reads the address: what is shown, of when.
func (v *view) site() *siteMap {
	q := v.r.URL.Query()
	m := &siteMap{view: v, Area: q.Get("area"), By: q.Get("by"), selected: q.Get("sel")}
	m.Range = oneOf(ranges[:], q.Get("range"), "24h")
	m.Within = hoursOf(oneOf(withins[:], q.Get("within"), "24h"))
	if t, err := time.ParseInLocation(minuteForm, q.Get("at"), v.zone); err == nil && t.Before(v.now) {
		m.At = t
	}
	m.Least = uint8(max(0, slices.Index(severityCodes[:], q.Get("severity"))))
	if !slices.ContainsFunc(v.areaOptions(), func(o option) bool { return o.Value == m.Area }) {
		m.Area = ""
	}
	return m
}

var severityCodes = [...]string{"", "low", "medium", "high"}

// WithinCode is the span that events stay, as the address writes it.
func (m *siteMap) WithinCode() string {
	for _, w := range withins {
		if hoursOf(w) == m.Within {
			return w
		}
	}
	return ""
}

// Steps is how many hours the slider goes back.
func (m *siteMap) Steps() int { return int(hoursOf(m.Range) / time.Hour) }

// Step is the slider's place: its end is now.
func (m *siteMap) Step() int {
	if m.At.IsZero() {
		return m.Steps()
	}
	return max(0, m.Steps()-int((m.now.Sub(m.At)+time.Hour-1)/time.Hour))
}

// span is the time whose events are shown; a map of now has no end. Its
// beginning moves by steps, so that readers a minute apart share their marks.
func (m *siteMap) span() (from, until time.Time) {
	if m.At.IsZero() {
		return m.now.Add(-m.Within).Truncate(coarse), time.Time{}
	}
	return m.At.Add(-m.Within), m.At
}

// layers lists what the reader may put on the map: alerts and incidents first,
// then the city's datasets by title.
func (m *siteMap) layers() {
	q := m.r.URL.Query()
	asked := q["layer"]
	usual := !q.Has("layer") && !q.Has("by")
	for _, e := range m.u.Repo.Entries(m.p) {
		name := e.Dataset.Name
		urgent := e.System && (name == alertDataset || name == incidentDataset)
		if e.System && !urgent {
			continue
		}
		l, ok := m.placing(e)
		if !ok {
			continue
		}
		m.Layers = append(m.Layers, &siteLayer{placing: l, Name: name, Title: or(e.Dataset.Title.In(m.lang), name), On: usual && urgent || slices.Contains(asked, name)})
	}
	slices.SortStableFunc(m.Layers, func(a, b *siteLayer) int {
		if a.e.System != b.e.System {
			if a.e.System {
				return -1
			}
			return 1
		}
		return strings.Compare(value.Fold(a.Title), value.Fold(b.Title))
	})
	for i, l := range m.Layers {
		l.Letter = "•"
		if i < 26 {
			l.Letter = string(rune('A' + i))
		}
	}
}

// layer finds one that the reader may see.
func (m *siteMap) layer(name string) (*siteLayer, error) {
	e, err := m.u.Repo.Entry(m.p, name)
	if err != nil {
		return nil, err
	}
	l, ok := m.placing(e)
	if !ok {
		return nil, m.noPage()
	}
	return &siteLayer{placing: l, Name: name, Title: or(e.Dataset.Title.In(m.lang), name)}, nil
}

// query is what the layer shows at the map's moment; ok is false where the
// register held nothing then, since nothing had been written yet.
func (m *siteMap) query(l *siteLayer) (q repo.Query, ok bool, err error) {
	q = repo.Query{Dataset: l.Name, Area: m.Area}
	from, until := m.span()
	if l.bySubject != "" {
		q.From = value.OfInstant(from)
		if !until.IsZero() {
			q.Until = value.OfInstant(until)
		}
		return q, true, nil
	}
	if !until.IsZero() {
		if q.AsOf, err = m.u.Repo.SeqAt(m.r.Context(), until); err != nil || q.AsOf == 0 || q.AsOf < l.e.Version && !l.e.System {
			return q, false, err
		}
	}
	q.Filter = l.during(from, until)
	return q, true, nil
}

// places returns the marks of a layer from memory, reading them when its data
// or the reader's rights moved on, and a tag that changes with them.
func (m *siteMap) indexOf(l *siteLayer) (x *marks.Index, tag string, err error) {
	q, held, err := m.query(l)
	if err != nil {
		return nil, "", err
	}
	if !held {
		l.Note = m.T("site.not-yet")
		return marks.Build(nil), "none", nil
	}
	scope, err := m.scope(l.placing)
	if err != nil {
		return nil, "", err
	}
	from, until := m.span()
	key := strings.Join([]string{l.Name, m.Area, strconv.FormatInt(from.Unix(), 10), strconv.FormatInt(until.Unix(), 10), strconv.FormatInt(q.AsOf, 10), m.lang, severityCodes[m.Least], scope}, "\x00")
	version := "as-of"
	if q.AsOf == 0 {
		a, known := m.u.pulses()[l.Name]
		if !known {
			h, err := m.u.Repo.Head(m.r.Context())
			if err != nil {
				return nil, "", err
			}
			a.Seq = h.Seq
		}
		version = strconv.FormatInt(a.Seq, 10)
	}
	x, version, err = m.u.marks.Get(m.r.Context(), key, version, func(context.Context) (*marks.Index, error) {
		var points []marks.Point
		err := m.view.places(l.placing, q, mostPlaced+1, func(p marks.Point) {
			if p.Severity >= m.Least {
				points = append(points, p)
			}
		})
		if err != nil {
			return nil, err
		}
		return marks.Build(points), nil
	})
	if err != nil {
		return nil, "", err
	}
	if x.Len() > mostPlaced {
		l.Note = m.T("site.cut", "n", m.N(mostPlaced))
	}
	return x, web.WeakTag(key, version), nil
}

// siteMap is the page.
func (u *UI) siteMap(v *view) error {
	v.nav, v.title, v.class = "map", v.T("site.title"), "sitepage"
	m := v.site()
	m.layers()
	for _, name := range []string{"map-wards", "map-list", "map-chosen"} {
		if v.fragment(name) {
			return m.part(name)
		}
	}
	m.wards()
	m.readLayers()
	m.list()
	m.draw()
	m.choose()
	v.styles = []string{"mapstyle.css"}
	if s := u.shapesNow(v.r.Context()); s != nil && u.assets.url("map.js") != "" {
		v.script, m.Script = []string{"map.js"}, true
	}
	m.Basemap = u.Basemap != ""
	return v.show(http.StatusOK, siteBody(m))
}

// part is one piece of the page, which the script asks for again as time,
// choice or data move.
func (m *siteMap) part(name string) error {
	var c templ.Component
	switch name {
	case "map-wards":
		m.wards()
		c = siteWards(m)
	case "map-list":
		m.readLayers()
		m.list()
		c = siteList(m)
	case "map-chosen":
		m.choose()
		c = siteChosen(m)
	}
	return m.view.part(c)
}

// readLayers brings the marks of the chosen layers. One that cannot be read says
// so and leaves the others standing.
func (m *siteMap) readLayers() {
	for _, l := range m.Layers {
		if !l.On {
			continue
		}
		x, _, err := m.indexOf(l)
		if err != nil {
			l.Note = m.noteOf(err)
			continue
		}
		l.index = x
		l.Count = x.Len()
		m.All += x.Len()
	}
}

// noteOf says in the reader's words why a layer is not shown.
func (m *siteMap) noteOf(err error) string {
	if problem.KindOf(err) == problem.Internal {
		m.u.Log.Error("fault", "request", m.r.ID, "path", m.r.URL.Path, "err", err)
		return m.T("site.fault")
	}
	return web.Describe(m.lang, http.MethodGet, err).Detail
}

// list takes the marks in view, the worst and newest first.
func (m *siteMap) list() {
	if b, ok := boxOf(m.r.URL.Query().Get("bbox")); ok {
		m.Box = &b
	}
	take := func(l *siteLayer, p *marks.Point) {
		m.InView++
		m.Rows = append(m.Rows, siteRow{Layer: l, Point: p})
		if len(m.Rows) >= 8*mostListed {
			m.Rows = sortedRows(m.Rows)[:mostListed]
		}
	}
	for _, l := range m.Layers {
		switch {
		case l.index == nil:
		case m.Box != nil:
			l.index.Within(*m.Box, func(p *marks.Point) { take(l, p) })
		default:
			points := l.index.Points()
			for i := range points {
				take(l, &points[i])
			}
		}
	}
	m.Rows = sortedRows(m.Rows)
	m.Rows = m.Rows[:min(len(m.Rows), mostListed)]
	for i := range m.Rows {
		m.complete(&m.Rows[i])
	}
}

func sortedRows(rows []siteRow) []siteRow {
	slices.SortFunc(rows, func(a, b siteRow) int {
		switch {
		case a.Point.Severity != b.Point.Severity:
			return int(b.Point.Severity) - int(a.Point.Severity)
		case a.Point.At != b.Point.At:
			if a.Point.At > b.Point.At {
				return -1
			}
			return 1
		case a.Layer.Letter != b.Layer.Letter:
			return strings.Compare(a.Layer.Letter, b.Layer.Letter)
		}
		return strings.Compare(a.Point.Key, b.Point.Key)
	})
	return rows
}

func (m *siteMap) complete(r *siteRow) {
	r.ID = r.Layer.Name + "/" + r.Point.Key
	r.Selected = r.ID == m.selected
	if r.Point.At != 0 {
		r.When = m.Clock(time.UnixMicro(r.Point.At))
	}
	if r.Point.Area != "" {
		r.Where = m.T("site.in-area", "area", m.view.Area(r.Point.Area))
	}
}

// boxOf reads west,south,east,north in degrees.
func boxOf(s string) (b marks.Box, ok bool) {
	parts := strings.Split(s, ",")
	if len(parts) != 4 {
		return b, false
	}
	for i, at := range []*float64{&b.West, &b.South, &b.East, &b.North} {
		f, err := strconv.ParseFloat(parts[i], 64)
		if err != nil || f < -180 || f > 180 {
			return b, false
		}
		*at = f
	}
	return b, true
}

// draw joins the marks into those of the drawing without script.
func (m *siteMap) draw() {
	s := m.u.shapesNow(m.r.Context())
	if s == nil {
		return
	}
	for _, l := range slices.Backward(m.Layers) {
		if l.index == nil {
			continue
		}
		for _, c := range l.index.Clusters(clusterZoom) {
			x, y := s.xy(c.Lon, c.Lat)
			k := siteMark{X: strconv.FormatFloat(x, 'f', 1, 64), Y: strconv.FormatFloat(y, 'f', 1, 64), Severity: c.Severity, Text: l.Letter}
			if c.Point != nil {
				k.Title, k.Href = c.Point.Label, c.Point.Href
			} else {
				k.Text = m.N(c.Count)
				k.Title = l.Title + ": " + k.Text
			}
			m.Marks = append(m.Marks, k)
		}
	}
	slices.SortStableFunc(m.Marks, func(a, b siteMark) int { return int(a.Severity) - int(b.Severity) })
}

// choose finds the selected mark and tells what is known of it.
func (m *siteMap) choose() {
	name, key, ok := strings.Cut(m.selected, "/")
	if !ok {
		return
	}
	i := slices.IndexFunc(m.Layers, func(l *siteLayer) bool { return l.Name == name })
	if i < 0 {
		return
	}
	l := m.Layers[i]
	if l.index == nil {
		x, _, err := m.indexOf(l)
		if err != nil {
			return
		}
		l.index = x
	}
	points := l.index.Points()
	at := slices.IndexFunc(points, func(p marks.Point) bool { return p.Key == key })
	if at < 0 {
		return
	}
	m.Chosen = &siteRow{Layer: l, Point: &points[at]}
	m.complete(m.Chosen)
	m.facts(l, key)
}

// mostFacts bounds what the panel tells of a record; the rest is on its page.
const mostFacts = 5

// facts are the first fields of the record, or of the last reading.
func (m *siteMap) facts(l *siteLayer, key string) {
	q, ok, err := m.query(l)
	if err != nil || !ok {
		return
	}
	tell := func(values []value.Value) {
		for i := range l.e.Dataset.Schema.Fields {
			f := &l.e.Dataset.Schema.Fields[i]
			c, _, _, known := l.e.Table.Property(f.Name)
			if !known || c == l.title || c == l.severity || slices.Contains(l.e.Table.Key, c) && l.bySubject == "" || len(m.Facts) == mostFacts || f.Type == dataset.Array || f.Type == dataset.Object || isCoordinate(l.e.Dataset, f.Name) || f.Name == "titleVi" || f.Name == "titleEn" {
				continue
			}
			if text := m.Cell(f, values[c]); text != "" && values[c].Kind() != value.Geometry {
				m.Facts = append(m.Facts, fact{fieldTitle(m.view, f), strings.TrimSpace(clipped(text) + " " + m.Unit(f.Unit))})
			}
		}
	}
	if l.bySubject != "" {
		x, bad := l.e.Schema.ParseCell(l.subjectWhat, key)
		if bad != nil || l.e.Table.Time < 0 {
			return
		}
		q.Filter, q.Limit, q.Sort = l.of(x), 1, []repo.Sort{{Field: l.name(l.e.Table.Time), Desc: true}}
		m.u.Repo.Read(m.r.Context(), m.p, q, func(r repo.Record) error { tell(r.Values); return nil })
		return
	}
	if !l.keyed {
		return
	}
	k, err := record.ParseKey(l.e.Schema, key)
	if err != nil {
		return
	}
	if r, err := m.u.Repo.Get(m.r.Context(), m.p, l.Name, k, q.AsOf); err == nil {
		tell(r.Values)
	}
}

// classes writes what the script colours the wards by.
func classes(areas []mapArea) string {
	m := map[string]string{}
	for _, a := range areas {
		if a.Class != "" {
			m[a.Code] = a.Class
		}
	}
	b, _ := json.Marshal(m)
	return string(b)
}
