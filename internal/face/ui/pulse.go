package ui

import (
	"fmt"
	"strings"
	"time"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// freshness compares the age of a dataset's data with its promise.
type freshness struct {
	State   string        // fresh, late, silent, none (no data yet), or "" (nothing promised)
	Last    time.Time     // the latest event, or the latest change where records have no time
	Promise time.Duration // declared frequency; 0 when none
}

// A promise is broken when one and a half periods have passed, and the source
// counts as silent after six: one missed delivery is late, five are not an
// accident.
const (
	lateAfter   = 1.5
	silentAfter = 6
)

func freshnessOf(d *dataset.Dataset, a DatasetActivity, now time.Time) freshness {
	f := freshness{Last: a.Last, Promise: d.Promised("frequency")}
	if f.Last.IsZero() {
		f.Last = a.LastCommit
	}
	if f.Last.UnixMicro() == 0 {
		f.Last = time.Time{}
	}
	age := now.Sub(f.Last) - d.Promised("latency")
	switch {
	case f.Last.IsZero():
		f.State = "none"
	case f.Promise == 0:
	case age > time.Duration(float64(f.Promise)*silentAfter):
		f.State = "silent"
	case age > time.Duration(float64(f.Promise)*lateAfter):
		f.State = "late"
	default:
		f.State = "fresh"
	}
	return f
}

// pulses is the activity by dataset name.
func (u *UI) pulses() map[string]DatasetActivity {
	m := map[string]DatasetActivity{}
	if u.Activity == nil {
		return m
	}
	for _, a := range u.Activity() {
		m[a.Dataset] = a
	}
	return m
}

// sparkline turns counts into the points of a line in a box of 96 × 26.
func sparkline(hours [24]int64) string {
	most := int64(0)
	for _, n := range hours {
		most = max(most, n)
	}
	if most == 0 {
		return "" // nothing moved: no line, rather than one that looks like a figure
	}
	var b strings.Builder
	for i, n := range hours {
		fmt.Fprintf(&b, "%.1f,%.1f ", float64(i)*96/23, 24-22*float64(n)/float64(most))
	}
	return strings.TrimSpace(b.String())
}

// stripLabel reads a strip aloud.
func stripLabel(v *view, hours [24]int64, title string) string {
	with := 0
	for _, n := range hours {
		if n > 0 {
			with++
		}
	}
	return v.T("strip.label", "title", title, "n", v.N(int64(with)))
}

// latestValue is the newest figure of a dataset and what it is of.
type latestValue struct{ Text, Unit, Of string }

// headline picks the field whose latest value stands for a series: the first
// open gauge that is a number.
func headline(e *repo.Entry) *dataset.Field {
	if e.Dataset.Kind != dataset.Series || e.Table.Time < 0 {
		return nil
	}
	for i := range e.Dataset.Schema.Fields {
		f := &e.Dataset.Schema.Fields[i]
		number := f.Type == dataset.Number || f.Type == dataset.Integer
		open := f.Classification == "" || f.Classification.Rank() <= e.Dataset.Classification.Rank()
		physical := f.Unit != "" && f.Unit[0] != '{' && f.Unit != "min"
		if number && open && (f.Measure == "gauge" || f.Measure != "counter" && physical) {
			return f
		}
	}
	return nil
}

// latest reads the newest record of a series; one row by the time index.
func (v *view) latest(e *repo.Entry) latestValue {
	f := headline(e)
	if f == nil {
		return latestValue{}
	}
	var l latestValue
	q := repo.Query{Dataset: e.Dataset.Name, Sort: []repo.Sort{{Field: e.Dataset.Time, Desc: true}}, Limit: 1}
	_, err := v.u.Repo.Read(v.r.Context(), v.p, q, func(r repo.Record) error {
		c := row{r.Entry.Table, r.Values}
		if n, ok := c.value(f.Name).Number(); ok {
			l.Text, l.Unit = v.D(n, 2), v.Unit(f.Unit)
		}
		for _, k := range e.Table.Key {
			if x := r.Values[k]; k != e.Table.Time && x.Kind() == value.Text {
				l.Of = v.subject(e, e.Table.Columns[k].Name, x.Text())
				break
			}
		}
		return nil
	})
	if err != nil {
		return latestValue{}
	}
	return l
}

// Unit writes a UCUM code as people read it. A quotient without words of its
// own is written from those of its parts; an annotation in braces that no table
// knows stands as it was declared.
func (v *view) Unit(code string) string {
	if s, ok := units[code]; ok {
		return s.in(v.lang)
	}
	if over, under, ok := strings.Cut(code, "/"); ok && over != "" && under != "" {
		return v.Unit(over) + "/" + v.Unit(under)
	}
	return strings.Trim(code, "{}")
}
