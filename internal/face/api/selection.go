package api

import (
	"math"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// selection reads the parameters that choose records. All their faults come in
// one error.
func (a *API) selection(c *call, e *repo.Entry) (repo.Query, error) {
	q := repo.Query{Dataset: e.Dataset.Name, Area: c.text("area")}
	var vs []problem.Violation
	if s := c.text("filter"); strings.TrimSpace(s) != "" {
		var err error
		if c.text("filter-lang") == "cql2-json" {
			q.Filter, err = cql2.ParseJSON([]byte(s))
		} else {
			q.Filter, err = cql2.ParseText(s)
		}
		if err != nil {
			vs = append(vs, within("filter", err)...)
		}
	}
	if s := c.text("bbox"); s != "" {
		box, ok := parseBox(s)
		if !ok {
			vs = append(vs, problem.Violate("bbox-invalid", "bbox"))
		} else if e.Table.X < 0 {
			vs = append(vs, problem.Violate("dataset-without-place", "bbox", "dataset", e.Dataset.Name))
		}
		q.BBox = &box
	}
	if q.Area != "" && e.Table.Area < 0 {
		vs = append(vs, problem.Violate("dataset-without-place", "area", "dataset", e.Dataset.Name))
	}
	if s := c.text("datetime"); s != "" {
		if e.Table.Time < 0 {
			vs = append(vs, problem.Violate("dataset-without-time", "datetime", "dataset", e.Dataset.Name))
		} else {
			days := e.Table.Columns[e.Table.Time].Kind == value.Date
			var ok bool
			if q.From, q.Until, ok = parseInterval(s, a.repo.Zone(), days); !ok {
				vs = append(vs, problem.Violate("datetime-invalid", "datetime"))
			}
		}
	}
	q.Fields = c.list("fields")
	known := a.names(c.who(), e)
	for _, f := range q.Fields {
		if !contains(known, f) {
			vs = append(vs, unknown("field-unknown", "fields", clip(f), known))
		}
	}
	for _, s := range c.list("sort") {
		name, desc := strings.CutPrefix(s, "-")
		name = strings.TrimPrefix(name, "+")
		if !contains(known, name) {
			vs = append(vs, unknown("field-unknown", "sort", clip(name), known))
		}
		q.Sort = append(q.Sort, repo.Sort{Field: name, Desc: desc})
	}
	if len(q.Sort) > 8 {
		vs = append(vs, problem.Violate("parameter-many", "sort", "limit", 8))
	}
	if err := problem.InvalidWith("parameters-invalid", vs); err != nil {
		return q, err
	}
	var err error
	q.AsOf, err = a.asOf(c, "asOf")
	return q, err
}

// asOf reads a commit number or a time; 0 means now.
func (a *API) asOf(c *call, name string) (int64, error) {
	s := c.text(name)
	if s == "" {
		return 0, nil
	}
	bad := func() error {
		return problem.InvalidWith("parameters-invalid", []problem.Violation{problem.Violate("asof-invalid", name)})
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		h, err := a.repo.Head(c.ctx())
		if err != nil {
			return 0, err
		}
		if n < 1 || n > h.Seq {
			return 0, problem.InvalidWith("parameters-invalid", []problem.Violation{problem.Violate("asof-range", name, "head", h.Seq)})
		}
		return n, nil
	}
	t, _, ok := parseMoment(s, a.repo.Zone())
	if !ok {
		return 0, bad()
	}
	seq, err := a.repo.SeqAt(c.ctx(), t)
	if err == nil && seq == 0 {
		return 0, bad() // before the first commit there was nothing to read
	}
	return seq, err
}

// within takes the violations of an error and puts them under a parameter.
func within(field string, err error) []problem.Violation {
	e := problem.As(err)
	if len(e.Violations) == 0 {
		return []problem.Violation{{Code: e.Code, Field: field, Args: e.Args}}
	}
	out := make([]problem.Violation, len(e.Violations))
	for i, v := range e.Violations {
		if v.Field == "" {
			v.Field = field
		}
		out[i] = v
	}
	return out
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// parseBox reads west,south,east,north in degrees; west > east crosses the
// antimeridian (OGC API Features 7.15.3).
func parseBox(s string) (box [4]float64, ok bool) {
	parts := strings.Split(s, ",")
	if len(parts) != 4 {
		return box, false
	}
	for i, p := range parts {
		f, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		limit := 180.0
		if i%2 == 1 {
			limit = 90
		}
		if err != nil || math.IsNaN(f) || math.Abs(f) > limit {
			return box, false
		}
		box[i] = f
	}
	return box, box[1] <= box[3]
}

// parseMoment reads an RFC 3339 date or datetime; a date begins in the city's
// zone and day is then true.
func parseMoment(s string, zone *time.Location) (t time.Time, day, ok bool) {
	if t, err := time.ParseInLocation(time.DateOnly, s, zone); err == nil {
		return t, true, t.Year() > 0
	}
	// A plus sign that was not percent-encoded arrives as a space.
	t, err := time.Parse(time.RFC3339Nano, strings.Replace(s, " ", "+", 1))
	return t, false, err == nil && t.Year() > 0
}

// parseInterval reads the datetime parameter of OGC API: an instant, or two
// bounds parted by "/", ".." or nothing for an open one; both ends count. It
// returns the lower bound and the first moment after the upper one, as dates
// where days is true.
func parseInterval(s string, zone *time.Location, days bool) (from, until value.Value, ok bool) {
	start, end, interval := strings.Cut(s, "/")
	if !interval {
		end = start
	}
	open := func(s string) bool { return s == "" || s == ".." }
	if open(start) && open(end) {
		return from, until, interval
	}
	var first, last time.Time
	if !open(start) {
		t, _, ok := parseMoment(start, zone)
		if !ok {
			return from, until, false
		}
		first = t
		from = value.OfInstant(t)
		if days {
			from = value.OfDate(civilDay(t.In(zone)))
		}
	}
	if !open(end) {
		t, day, ok := parseMoment(end, zone)
		if !ok {
			return from, until, false
		}
		last = t
		switch {
		case days:
			until = value.OfDate(civilDay(t.In(zone)) + 1)
		case day:
			until = value.OfInstant(t.AddDate(0, 0, 1))
		default:
			until = value.OfInstant(t.Add(time.Microsecond))
		}
	}
	return from, until, open(start) || open(end) || !last.Before(first)
}

func civilDay(t time.Time) int64 {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}
