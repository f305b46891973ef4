package postgres

import (
	"slices"
	"strconv"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// step is one change of an item, worked out.
type step struct {
	row    int // index of the change
	table  *tableFacts
	record *record
	before []value.Value
	after  []value.Value
	prior  int64
	result commit.Result
}

// resolve works one item out against the facts: what each change does, and what
// is wrong with it. When facts.missing is set afterwards, the answer is not yet
// worth anything. Nothing but local counts is changed.
func (f *facts) resolve(it *store.Item) ([]step, []problem.Violation) {
	var vs []problem.Violation
	steps := make([]step, 0, len(it.Request.Changes))
	var buf []byte
	for i := range it.Request.Changes {
		c := &it.Request.Changes[i]
		t := f.table(c.Dataset)
		if t == nil {
			vs = append(vs, violation(i, store.LayoutUnknown, "", "dataset", c.Dataset))
			continue
		}
		var r *record
		r, buf = f.record(t, c.Row, buf)
		if !r.known {
			if c.Op == commit.Put {
				f.foresee(t, c.Row)
			}
			continue
		}
		if v, bad := expect(i, c, t, r); bad {
			vs = append(vs, v)
			continue
		}
		s := step{row: i, table: t, record: r, before: r.now, prior: r.nowAt}
		switch c.Op {
		case commit.Put:
			s.after = fit(c.Row, t.Width())
		case commit.Patch:
			s.after = slices.Clone(r.now)
			for col, set := range c.Mask {
				if set {
					s.after[col] = c.Row[col]
				}
			}
		}
		switch {
		case s.before == nil && s.after == nil, s.before != nil && s.after != nil && equal(s.before, s.after):
			s.result = commit.Unchanged
		case s.before == nil:
			s.result = commit.Created
		case s.after == nil:
			s.result = commit.Deleted
		default:
			s.result = commit.Updated
		}
		steps = append(steps, s)
	}
	// A change that was not expected so is left out, and others may seem wrong
	// for want of it: those are told when it is mended.
	if len(vs) > 0 || f.missing {
		return nil, vs
	}
	f.count(steps)
	vs = f.conflicts(steps)
	if len(vs) > 0 || f.missing {
		f.uncount(steps)
	}
	slices.SortStableFunc(vs, func(a, b problem.Violation) int { return a.Row - b.Row })
	return steps, vs
}

func violation(row int, code, field string, kv ...any) problem.Violation {
	v := problem.Violate(code, field, kv...)
	v.Row = row
	return v
}

// foresee notes the counts that a new row will need, so that they come with the
// same fetch as the record itself.
func (f *facts) foresee(t *tableFacts, row []value.Value) {
	for s := range t.Unique {
		if c := t.tally(s, row); c != nil {
			f.want(t, s, c)
		}
	}
	for i := range t.References {
		if p, s, c := f.parent(t, i, row); c != nil {
			f.want(p, s, c)
		}
	}
}

// expect checks a change's expectation of the record's version.
func expect(row int, c *commit.Change, t *tableFacts, r *record) (problem.Violation, bool) {
	field := t.Columns[t.Key[0]].Name
	switch {
	case c.Expect == commit.Absent && r.now != nil:
		return violation(row, store.KeyExists, field), true
	case c.Expect == commit.Present && r.now == nil, c.Expect > 0 && r.now == nil:
		return violation(row, store.VersionAbsent, field), true
	case c.Expect > 0 && r.nowAt != c.Expect:
		return violation(row, store.VersionStale, field, "current", strconv.FormatInt(r.nowAt, 10), "expected", strconv.FormatInt(c.Expect, 10)), true
	case c.Op == commit.Patch && r.now == nil:
		return violation(row, store.RecordAbsent, field), true
	}
	return problem.Violation{}, false
}

// fit returns the row with the width of the layout; rows of an older one are shorter.
func fit(row []value.Value, width int) []value.Value {
	if len(row) >= width {
		return row[:width]
	}
	return append(slices.Clone(row), make([]value.Value, width-len(row))...)
}

func equal(a, b []value.Value) bool {
	for i := range max(len(a), len(b)) {
		if cell(a, i) != cell(b, i) {
			return false
		}
	}
	return true
}

// count adds what the steps do to the local counts.
func (f *facts) count(steps []step) {
	for i := range steps {
		s := &steps[i]
		if s.result == commit.Unchanged {
			continue
		}
		for w := range s.table.watched {
			before, after := s.table.tally(w, s.before), s.table.tally(w, s.after)
			if before == after {
				continue
			}
			if before != nil {
				before.local--
			}
			if after != nil {
				after.local++
				after.takers++
			}
		}
	}
}

// uncount takes count back.
func (f *facts) uncount(steps []step) { f.settle(steps, func(c *tally) {}) }

// keep makes the local counts those of the batch.
func (f *facts) keep(steps []step) { f.settle(steps, func(c *tally) { c.delta += c.local }) }

func (f *facts) settle(steps []step, with func(*tally)) {
	for i := range steps {
		s := &steps[i]
		if s.result == commit.Unchanged {
			continue
		}
		for w := range s.table.watched {
			for _, row := range [2][]value.Value{s.before, s.after} {
				if c := s.table.tally(w, row); c != nil {
					with(c)
					c.local, c.takers, c.told = 0, 0, false
				}
			}
		}
	}
}

// conflicts finds the changes that break a unique key or a reference once the
// whole item is applied.
func (f *facts) conflicts(steps []step) []problem.Violation {
	var vs []problem.Violation
	for i := range steps {
		s := &steps[i]
		if s.result == commit.Unchanged {
			continue
		}
		t := s.table
		for u, set := range t.Unique {
			c := t.tally(u, s.after)
			if c == nil || c == t.tally(u, s.before) {
				continue
			}
			f.want(t, u, c)
			switch others := c.total() - c.takers; {
			case others > 0 || c.told:
				vs = append(vs, violation(s.row, store.UniqueTaken, t.Columns[set[0]].Name))
			default:
				c.told = true // the first of the item may have it
			}
		}
		for r := range t.References {
			ref := &t.References[r]
			if s.after == nil || s.before != nil && sameAt(ref.Columns, s.before, s.after) || nullAt(ref.Columns, s.after) {
				continue
			}
			p, set, c := f.parent(t, r, s.after)
			if c != nil {
				f.want(p, set, c)
			}
			if c == nil || c.known && c.total() < 1 {
				vs = append(vs, violation(s.row, store.ReferenceMissing, t.Columns[ref.Columns[0]].Name, "dataset", ref.Table))
			}
		}
		for _, in := range f.cat.refs[t.Name] {
			if s.before == nil || s.after != nil && sameAt(in.fields, s.before, s.after) || nullAt(in.fields, s.before) {
				continue
			}
			w := watchedAs(t.layout, in.fields)
			left := t.tally(w, s.before)
			f.want(t, w, left)
			if left.known && left.total() > 0 {
				continue // another record still has these values
			}
			child := f.table(in.child.Name)
			values, ok := converted(valuesAt(in.fields, s.before), child.layout, in.Columns)
			if !ok {
				continue
			}
			w = watchedAs(child.layout, in.Columns)
			c := child.tallyOf(w, values)
			f.want(child, w, c)
			if c.known && c.total() > 0 {
				vs = append(vs, violation(s.row, store.ReferenceHeld, t.Columns[in.fields[0]].Name, "dataset", in.child.Name))
			}
		}
	}
	return vs
}

// parent returns the count of rows that reference r of a row points to: nil
// when there can be none.
func (f *facts) parent(t *tableFacts, r int, row []value.Value) (*tableFacts, int, *tally) {
	ref := &t.References[r]
	p := f.table(ref.Table)
	if p == nil || nullAt(ref.Columns, row) {
		return nil, 0, nil
	}
	out := &t.out[r]
	values, ok := converted(valuesAt(ref.Columns, row), p.layout, out.fields)
	if out.fields == nil || !ok {
		return nil, 0, nil
	}
	return p, out.watched, p.tallyOf(out.watched, values)
}

func watchedAs(l *layout, set []int) int {
	return slices.IndexFunc(l.watched, func(s []int) bool { return slices.Equal(s, set) })
}

func valuesAt(set []int, row []value.Value) []value.Value {
	values := make([]value.Value, len(set))
	for i, c := range set {
		values[i] = cell(row, c)
	}
	return values
}

func nullAt(set []int, row []value.Value) bool {
	return slices.ContainsFunc(set, func(c int) bool { return cell(row, c).IsNull() })
}

func sameAt(set []int, a, b []value.Value) bool {
	return !slices.ContainsFunc(set, func(c int) bool { return cell(a, c) != cell(b, c) })
}

// converted brings values to the kinds of the columns that they are looked up
// in; ok is false when no row of those could hold them.
func converted(values []value.Value, l *layout, set []int) ([]value.Value, bool) {
	if len(values) != len(set) {
		return nil, false
	}
	for i, c := range set {
		switch v, k := values[i], l.Columns[c].Kind; {
		case v.Kind() == k:
		case v.Kind() == value.Int && k == value.Float:
			f := value.OfFloat(float64(v.Int()))
			if order, _ := value.Compare(v, f); order != 0 {
				return nil, false
			}
			values[i] = f
		case v.Kind() == value.Float && k == value.Int:
			f := v.Float()
			if f < -1<<63 || f >= 1<<63 || value.OfFloat(float64(int64(f))) != v {
				return nil, false
			}
			values[i] = value.OfInt(int64(f))
		default:
			return nil, false
		}
	}
	return values, true
}
