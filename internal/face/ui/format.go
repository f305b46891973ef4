package ui

import (
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
)

// N writes a count.
func (v *view) N(n int64) string { return chart.Integer(v.lang, n) }

// D writes a number with at most max decimals.
func (v *view) D(f float64, max int) string { return chart.Decimal(v.lang, f, max) }

// Percent writes a share of one.
func (v *view) Percent(f float64) string {
	s := chart.Decimal(v.lang, f*100, 1)
	if s == "100" && f < 1 { // never round a fault away
		s = "99" + chart.DecimalMark(v.lang) + "9"
	}
	return s + " %"
}

// Time writes an instant in the city's zone to the minute, and to the second
// where it has seconds.
func (v *view) Time(t time.Time) string {
	if t.IsZero() || t.UnixMicro() == 0 {
		return "–"
	}
	t = t.In(v.zone)
	if t.Second() != 0 || t.Nanosecond() != 0 {
		return t.Format("02/01/2006 15:04:05")
	}
	return t.Format("02/01/2006 15:04")
}

// Micros is Time for a count of microseconds.
func (v *view) Micros(us int64) string { return v.Time(time.UnixMicro(us)) }

// Clock writes the time of day, with the day where it is not today.
func (v *view) Clock(t time.Time) string {
	t, now := t.In(v.zone), v.now.In(v.zone)
	switch {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		return t.Format("15:04:05")
	case t.Year() == now.Year():
		return t.Format("15:04 02/01")
	}
	return t.Format("02/01/2006")
}

// ISO writes an instant for machines.
func ISO(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Ago tells how long ago t was.
func (v *view) Ago(t time.Time) string {
	if t.IsZero() {
		return v.T("age.never")
	}
	d := v.now.Sub(t)
	if d < 0 {
		d = 0
	}
	n := func(key string, unit time.Duration) string {
		return v.T(key, "n", chart.Integer(v.lang, int64(d/unit)))
	}
	switch {
	case d < 5*time.Second:
		return v.T("age.now")
	case d < time.Minute:
		return n("age.s", time.Second)
	case d < time.Hour:
		return n("age.m", time.Minute)
	case d < 48*time.Hour:
		return n("age.h", time.Hour)
	case d < 400*24*time.Hour:
		return n("age.d", 24*time.Hour)
	}
	return n("age.y", 365*24*time.Hour)
}

// Span writes a duration in its largest whole unit.
func (v *view) Span(d time.Duration) string {
	for _, u := range []struct {
		key  string
		unit time.Duration
	}{{"span.y", 365 * 24 * time.Hour}, {"span.d", 24 * time.Hour}, {"span.h", time.Hour}, {"span.m", time.Minute}, {"span.s", time.Second}} {
		if d >= u.unit && d%u.unit == 0 {
			return v.T(u.key, "n", chart.Integer(v.lang, int64(d/u.unit)))
		}
	}
	return d.String()
}

// Cell writes a value of a field for a reader; empty for no value.
func (v *view) Cell(f *dataset.Field, x value.Value) string {
	if x.IsNull() {
		return ""
	}
	if f != nil {
		for _, c := range f.Categories {
			if label := c.Label.In(v.lang); label != "" && plain(x) == scalar(c.Value) {
				return label
			}
		}
	}
	switch x.Kind() {
	case value.Bool:
		if x.Bool() {
			return v.T("yes")
		}
		return v.T("no")
	case value.Int:
		if f != nil && (f.Type == dataset.Year || f.Unit == "" && f.Measure == "") {
			return plain(x) // a year or a number that names something is not grouped
		}
		return chart.Integer(v.lang, x.Int())
	case value.Float:
		return chart.Decimal(v.lang, x.Float(), -1)
	case value.Date:
		return x.CalendarDay().Format("02/01/2006")
	case value.Time:
		return v.Time(x.Instant())
	case value.Geometry:
		return v.place(x.WKB())
	}
	return x.Text()
}

// place writes a geometry shortly: a point's degrees, else its kind.
func (v *view) place(wkb string) string {
	if lon, lat, ok := geom.PointOf(wkb); ok {
		return chart.Decimal(v.lang, lat, 5) + "° " + v.T("north") + ", " + chart.Decimal(v.lang, lon, 5) + "° " + v.T("east")
	}
	kind, _, _ := strings.Cut(geom.ToWKT(wkb), "(")
	return strings.TrimSpace(kind)
}

// plain writes a value without marks of language, as declarations write it.
func plain(x value.Value) string {
	switch x.Kind() {
	case value.Null:
		return ""
	case value.Bool:
		return strconv.FormatBool(x.Bool())
	case value.Int:
		return strconv.FormatInt(x.Int(), 10)
	case value.Float:
		return strconv.FormatFloat(x.Float(), 'g', -1, 64)
	case value.Date:
		return x.CalendarDay().Format("2006-01-02")
	case value.Time:
		return x.Instant().Format(time.RFC3339Nano)
	case value.Geometry:
		return geom.ToWKT(x.WKB())
	}
	return x.Text()
}

// scalar writes a declared constant as plain does.
func scalar(x any) string {
	switch x := x.(type) {
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case int:
		return strconv.Itoa(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case uint64:
		return strconv.FormatUint(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return ""
}
