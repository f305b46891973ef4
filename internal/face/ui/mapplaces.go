package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	marks "huong.city/huong/internal/service/tile"
)

// Fields that make a record an event of the map, by the names that datasets
// give them: when it began, when it was over, how bad it is, where it is
// exactly. A declared time comes before the names.
var (
	beginFields = [...]string{"raisedAt", "detectedAt", "openedAt", "occurredAt", "startedAt"}
	endFields   = [...]string{"closedAt", "clearedAt", "resolvedAt", "endedAt"}
)

const (
	severityField  = "severity"
	longitudeField = "longitude"
	latitudeField  = "latitude"
)

// placing is how a reader may see where the records of a dataset are.
type placing struct {
	e           *repo.Entry
	seen        []int // columns that the reader sees of some record
	x, y, area  int   // -1 where the reader sees none
	begin, end  int
	severity    int
	title       int
	worst       func(value.Value) uint8
	keyed       bool // the reader may see what names a record
	bySubject   string
	subjectWhat int
}

// placing looks at a dataset as the reader may; ok is false where it has no
// place that the reader may know of.
func (v *view) placing(e *repo.Entry) (l *placing, ok bool) {
	t := e.Table
	l = &placing{e: e, x: -1, y: -1, area: -1, begin: -1, end: -1, severity: -1, title: -1, subjectWhat: -1}
	series := e.Dataset.Kind == dataset.Series
	if series {
		l.seen = v.u.Repo.Summed(v.p, e)
	} else {
		l.seen = v.u.Repo.Visible(v.p, e)
	}
	column := func(name string) int {
		if i, _, _, ok := t.Property(name); ok && slices.Contains(l.seen, i) {
			return i
		}
		return -1
	}
	east, north := dataset.XColumn, dataset.YColumn
	if p := e.Dataset.Place; p != nil && *p == (dataset.Place{AreaCode: p.AreaCode}) {
		east, north = longitudeField, latitudeField // the ward is declared, the point only told
	}
	if l.x, l.y = column(east), column(north); l.x < 0 || l.y < 0 {
		l.x, l.y = -1, -1
	}
	l.area = column(dataset.AreaColumn)
	if l.x < 0 && l.area < 0 {
		return nil, false
	}
	if series {
		if l.bySubject = subjectColumn(e); l.bySubject == "" {
			return nil, false
		}
		l.subjectWhat = column(l.bySubject)
		return l, l.subjectWhat >= 0
	}
	if t.Time >= 0 && slices.Contains(l.seen, t.Time) {
		l.begin = t.Time
	}
	for _, name := range beginFields {
		if l.begin < 0 {
			l.begin = column(name)
		}
	}
	for _, name := range endFields {
		if l.end < 0 {
			l.end = column(name)
		}
	}
	for _, at := range []*int{&l.begin, &l.end} {
		if *at >= 0 && t.Columns[*at].Kind != value.Time && t.Columns[*at].Kind != value.Date {
			*at = -1
		}
	}
	if f, known := e.Dataset.Field(severityField); known {
		if l.worst = severityOf(f); l.worst != nil {
			l.severity = column(severityField)
		}
	}
	tongue := strings.ToUpper(v.lang[:1]) + v.lang[1:]
	for _, name := range []string{"title" + tongue, titleField(e)} {
		if l.title < 0 && name != "" {
			l.title = column(name)
		}
	}
	l.keyed = !slices.ContainsFunc(t.Key, func(k int) bool { return !slices.Contains(l.seen, k) })
	return l, true
}

// severityOf reads a field of severities: the words high, medium, low, or a
// declared order whose last three steps they are. nil for any other field.
func severityOf(f *dataset.Field) func(value.Value) uint8 {
	words := map[string]uint8{"low": marks.Low, "medium": marks.Medium, "high": marks.High}
	steps := map[string]uint8{}
	named := false
	for i, c := range f.Categories {
		text := scalar(c.Value)
		if s, ok := words[text]; ok {
			named, steps[text] = true, s
		} else if left := len(f.Categories) - i; f.Ordered && !named && left <= 3 {
			steps[text] = marks.High + 1 - uint8(left)
		}
	}
	if len(steps) == 0 {
		return nil
	}
	return func(x value.Value) uint8 { return steps[plain(x)] }
}

// columns are those that a read of the places looks at.
func (l *placing) columns() []int {
	var list []int
	for _, c := range []int{l.x, l.y, l.area, l.begin, l.end, l.severity, l.title, l.subjectWhat} {
		if c >= 0 && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list
}

func (l *placing) name(column int) string { return l.e.Table.Columns[column].Name }

// during is the condition that a record of a register concerns a span of time:
// it began before its end, and is not over or was over no sooner than its
// beginning. Records without an end count by their beginning alone. A zero
// until sets no upper bound.
func (l *placing) during(from, until time.Time) cql2.Expr {
	if l.begin < 0 {
		return nil
	}
	compare := func(op string, column int, at time.Time) cql2.Expr {
		x := value.OfInstant(at)
		if l.e.Table.Columns[column].Kind == value.Date {
			x = value.OfDate(at.Unix() / (24 * 3600))
		}
		return &cql2.Call{Op: op, Args: []cql2.Expr{&cql2.Prop{Name: l.name(column), Column: -1}, &cql2.Lit{Value: x}}}
	}
	var begun cql2.Expr
	if !until.IsZero() {
		begun = compare("<", l.begin, until)
	}
	if l.end < 0 {
		return and(begun, compare(">=", l.begin, from))
	}
	open := &cql2.Call{Op: "isNull", Args: []cql2.Expr{&cql2.Prop{Name: l.name(l.end), Column: -1}}}
	return and(begun, &cql2.Call{Op: "or", Args: []cql2.Expr{open, compare(">=", l.end, from)}})
}

// places gives the marks of a choice, at most limit: the records of a register,
// the subjects of a series, since a thousand readings of a station are one
// place. A record whose own place is unknown, or hidden from the reader, stands
// in the middle of its area and says so.
func (v *view) places(l *placing, q repo.Query, limit int, fn func(marks.Point)) error {
	ctx := v.r.Context()
	q.Limit, q.Sort = limit, nil
	middles := map[string][2]float64{}
	if l.area >= 0 {
		middles = v.u.middles(ctx)
	}
	put := func(p marks.Point, x, y, area value.Value) {
		lon, okX := x.Number()
		lat, okY := y.Number()
		if okX && okY {
			p.Lon, p.Lat = lon, lat
			fn(p)
			return
		}
		if area.Kind() != value.Text {
			return
		}
		if m, ok := middles[area.Text()]; ok {
			p.Lon, p.Lat, p.Area = m[0], m[1], strings.Clone(area.Text())
			fn(p)
		}
	}
	if l.bySubject != "" {
		return v.subjectPlaces(l, q, put)
	}
	for _, c := range l.columns() {
		q.Fields = append(q.Fields, l.name(c))
	}
	_, err := v.u.Repo.Read(ctx, v.p, q, func(r repo.Record) error {
		at := func(c int) value.Value {
			if c < 0 {
				return value.Value{}
			}
			return r.Values[c]
		}
		p := marks.Point{Count: 1, Key: record.FormatKey(l.e.Table, l.e.Table.KeyOf(nil, r.Values))}
		if b := instantOf(at(l.begin)); !b.IsZero() {
			p.At = b.UnixMicro()
		}
		if l.severity >= 0 {
			p.Severity = l.worst(at(l.severity))
		}
		if t := at(l.title); t.Kind() == value.Text {
			p.Label = strings.Clone(t.Text())
		}
		if l.keyed {
			p.Href = pageOf(l.e, p.Key)
			p.Label = or(p.Label, p.Key)
		}
		p.Label = or(p.Label, l.e.Dataset.Title.In(v.lang))
		put(p, at(l.x), at(l.y), at(l.area))
		return nil
	})
	return err
}

// pageOf is the page of a record: alerts and incidents have their own.
func pageOf(e *repo.Entry, key string) string {
	if name := e.Dataset.Name; e.System && (name == alertDataset || name == incidentDataset) {
		return "/" + name + "s/" + url.PathEscape(key)
	}
	return recordPath(e.Dataset.Name, key)
}

const (
	alertDataset    = "alert"
	incidentDataset = "incident"
)

// subjectPlaces gives one mark per subject of a series.
func (v *view) subjectPlaces(l *placing, q repo.Query, put func(p marks.Point, x, y, area value.Value)) error {
	a := repo.Aggregation{Query: q, By: []repo.By{{Field: l.bySubject}}, Measures: []repo.Measure{{Func: "count"}}}
	measure := func(fn string, column int) int {
		if column < 0 {
			return -1
		}
		a.Measures = append(a.Measures, repo.Measure{Func: fn, Field: l.name(column)})
		return len(a.Measures)
	}
	x, y, area := measure("min", l.x), measure("min", l.y), measure("min", l.area)
	last := -1
	if t := l.e.Table.Time; t >= 0 && slices.Contains(l.seen, t) {
		last = measure("max", t)
	}
	return v.u.Repo.Aggregate(v.r.Context(), v.p, a, func(g []value.Value) error {
		if g[0].IsNull() {
			return nil
		}
		at := func(i int) value.Value {
			if i < 0 {
				return value.Value{}
			}
			return g[i]
		}
		text := string(l.e.Schema.AppendCell(nil, l.subjectWhat, g[0]))
		p := marks.Point{Count: 1, Key: text, Label: v.subject(l.e, l.bySubject, text), Href: to(datasetPath(l.e.Dataset.Name, ""), "filter", cql2.Text(l.of(g[0])))}
		if t := instantOf(at(last)); !t.IsZero() {
			p.At = t.UnixMicro()
		}
		put(p, at(x), at(y), at(area))
		return nil
	})
}

// of is the condition that a reading is of one subject.
func (l *placing) of(subject value.Value) cql2.Expr {
	return &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: l.bySubject, Column: -1}, &cql2.Lit{Value: subject}}}
}

// middles are the points that stand for the areas of today.
func (u *UI) middles(ctx context.Context) map[string][2]float64 {
	m := map[string][2]float64{}
	u.each(ctx, repo.SystemArea, []string{"code", "location", "boundary"}, func(r row) {
		for _, field := range []string{"boundary", "location"} {
			if g := r.value(field); g.Kind() == value.Geometry {
				if lon, lat, ok := geom.PointOn(g.WKB()); ok {
					m[strings.Clone(r.text("code"))] = [2]float64{lon, lat}
					return
				}
			}
		}
	})
	return m
}

// scope tells readers apart who may see different marks of a dataset. It is the
// same for all who see every column of every record in the clear and whose
// looking is not recorded, and the same for all who see those of the same records;
// any other reader's is their own, and another one as soon as a grant begins,
// changes or ends. It may hold a personal number: it goes into no log and no answer.
func (v *view) scope(l *placing) (string, error) {
	action := grant.Read
	if l.bySubject != "" {
		action = grant.Aggregate
	}
	_, d, err := v.u.Repo.Decide(v.r.Context(), v.p, l.e.Dataset.Name, action)
	if err != nil {
		return "", err
	}
	columns := append(l.columns(), l.e.Table.Key...)
	clear := d.Allowed && l.e.Dataset.Person == "" && len(d.PersonalOf(columns)) == 0 && d.MinimumCell(columns) == 0 &&
		!slices.ContainsFunc(columns, func(c int) bool { return !d.MayUse(c) })
	if clear && d.Rows(columns) == nil {
		return "all", nil
	}
	var b strings.Builder
	if !clear { // else what is shown follows from the conditions alone
		fmt.Fprintf(&b, "%q %q %q %q %v %v %d", v.p.Name, v.p.Capacity, v.p.Purpose, v.p.Case, d.Allowed, d.Visible(), d.MinimumCell(columns))
	}
	for i := -1; i < len(columns); i++ {
		var used []int
		if i >= 0 {
			used = columns[i : i+1]
		}
		if rows := d.Rows(used); rows != nil {
			b.WriteString(" " + cql2.Text(rows))
		} else {
			b.WriteString(" -")
		}
	}
	return b.String(), nil
}

// appendPlaces writes marks as GeoJSON features.
func appendPlaces(b []byte, points []marks.Point) []byte {
	text := func(s string) []byte {
		t, _ := json.Marshal(s)
		return t
	}
	for i, p := range points {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"type":"Feature","geometry":{"type":"Point","coordinates":[%.6f,%.6f]},"properties":{"n":%d,"s":%d,"k":%s,"t":%s`, p.Lon, p.Lat, p.Count, p.Severity, text(p.Key), text(p.Label))
		if p.Href != "" {
			b = fmt.Appendf(b, `,"h":%s`, text(p.Href))
		}
		if p.Area != "" {
			b = fmt.Appendf(b, `,"a":%s`, text(p.Area))
		}
		b = append(b, "}}"...)
	}
	return b
}
