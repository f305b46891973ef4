package indicator

import (
	"crypto/sha256"
	"encoding/json"
	"slices"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// spec is what a rollup's figures follow from. Indicators whose parts say the
// same share one.
type spec struct {
	Part   indicator.Part
	Area   bool
	By     []string
	Grains []indicator.Grain // ascending
}

func specsOf(d *indicator.Definition) []spec {
	grains := slices.Clone(d.Grains)
	slices.Sort(grains)
	list := make([]spec, len(d.Parts))
	for i, p := range d.Parts {
		p.In = "" // a matter of telling
		list[i] = spec{p, d.Area, d.By, grains}
	}
	return list
}

func (s *spec) same(o *spec) bool {
	a, _ := json.Marshal(s)
	b, _ := json.Marshal(o)
	return string(a) == string(b)
}

// roll is one rollup: what is kept of it, and what it needs to take rows.
type roll struct {
	ID   string
	Spec spec
	// Base is the commit as of which the table was, or is being, read; those after
	// it are applied as they come.
	Base int64
	Done bool   // the table was read
	Scan string // what reads the table for it, while it is read
	Read int64  // the end of the log when it was
	Lost bool   // an erasure took away what it would be corrected by
	Drop bool   // nobody asks for it; its cells are being deleted

	entry *repo.Entry // that bound is for
	bound *indicator.Bound
	zone  int64 // seconds east of UTC
}

// scan reads one table once for all rollups that begin at the same commit.
type scan struct {
	ID      string
	Dataset string
	Base    int64
	Page    string // where it stands
	Seen    int64
	Total   int64
}

// served is what is kept of an indicator: the definition by which figures are
// told with its rollups, and the one that is to take its place.
type served struct {
	Now       *indicator.Definition `json:",omitempty"`
	Rolls     []string              `json:",omitempty"`
	Next      *indicator.Definition `json:",omitempty"`
	NextRolls []string              `json:",omitempty"`
	Fault     string                `json:",omitempty"`
}

// bind readies a rollup for rows of a dataset as it is declared now.
func (r *roll) bind(e *repo.Entry) error {
	if r.entry == e {
		return nil
	}
	b, err := r.Spec.Part.Bind(e.Dataset, e.Table, r.Spec.Area, r.Spec.By)
	if err != nil {
		return err
	}
	r.entry, r.bound = e, b
	return nil
}

// base is the grain that all of the rollup's grains are made of: weeks lie across
// months, so that days are below both.
func (r *roll) base() indicator.Grain {
	switch finest := r.Spec.Grains[0]; finest {
	case indicator.Hour, indicator.Total:
		return finest
	}
	return indicator.Day
}

// counts is where one row counts, and with what.
type counts struct {
	area   string
	bucket indicator.Bucket // of the base grain
	known  bool
	value  value.Value // the value measured
	more   value.Value // what is added to it
	span   int64       // with since: µs
	seen   int64
}

// take tells where a row counts; ok is false where it does not.
func (r *roll) take(row []value.Value) (c counts, ok bool) {
	if row == nil {
		return c, false
	}
	b := r.bound
	if b.Filter != nil && !cql2.Matches(b.Filter, row) {
		return c, false
	}
	base := r.base()
	if b.Time >= 0 {
		at := row[b.Time]
		if c.bucket, ok = base.Of(at, r.zone); !ok {
			return c, false
		}
		c.seen = momentOf(at, r.zone)
	} else if base != indicator.Total {
		return c, false
	}
	if b.Area >= 0 && row[b.Area].Kind() == value.Text {
		c.area = row[b.Area].Text()
	}
	if b.Of >= 0 {
		v := row[b.Of]
		c.known, c.value = !v.IsNull(), v
		if b.Plus >= 0 {
			c.more = row[b.Plus]
			c.known = c.known || !c.more.IsNull()
		}
		if b.Since >= 0 {
			since := row[b.Since]
			c.known = c.known && !since.IsNull()
			if c.known {
				c.span = momentOf(v, r.zone) - momentOf(since, r.zone)
			}
		}
	}
	return c, true
}

// momentOf is a Time, or the first instant of a Date in the city, in µs.
func momentOf(v value.Value, zone int64) int64 {
	switch v.Kind() {
	case value.Time:
		return v.Micros()
	case value.Date:
		return v.Days()*86400_000_000 - zone*1_000_000
	}
	return 0
}

// longValue is from how many bytes on a value is known by its digest, where
// different values are counted.
const longValue = 64

// ordered writes the value of an ordered measure as a multiset keeps it.
func (r *roll) ordered(c *counts) string {
	switch {
	case r.Spec.Part.Measure == indicator.Distinct:
		b := value.Append(nil, c.value)
		if len(b) > longValue {
			sum := sha256.Sum256(b)
			return "#" + string(sum[:])
		}
		return string(b)
	case r.bound.Since >= 0:
		return sortable(float64(c.span))
	}
	f, _ := c.value.Number()
	return sortable(f)
}

// addValue adds the value of a row to a sum, or takes it away (n = -1).
func (r *roll) addValue(x *indicator.Exact, c *counts, n int64) {
	if r.bound.Since >= 0 {
		x.AddInt(c.span, n)
		return
	}
	for _, v := range [...]value.Value{c.value, c.more} {
		switch v.Kind() {
		case value.Int:
			x.AddInt(v.Int(), n)
		case value.Float:
			x.AddFloat(v.Float(), n)
		}
	}
}

// categoryOf is a value as the text by which it is told.
func categoryOf(v value.Value) string {
	switch v.Kind() {
	case value.Text:
		return v.Text()
	case value.Bool:
		if v.Bool() {
			return "true"
		}
		return "false"
	case value.Int:
		return itoa(v.Int())
	}
	return ""
}
