package quality

import (
	"context"
	"slices"
	"strings"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Reads of a run of records: between runPage and runSlack more than twice the
// changes that are left. Loads come in runs, so that a row is read about once;
// a single change reads the one before it and a few after.
const (
	runPage  = 2000
	runSlack = 8
)

// examine looks at the given records and those that follow them, and marks what
// changed.
func (f *Findings) examine(ctx context.Context, e *repo.Entry, list []moment) error {
	slices.SortFunc(list, moment.compare)
	list = slices.Compact(list)
	x := newExaminer(f, e)
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].subject == list[0].subject {
			n++
		}
		if err := x.subject(ctx, list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// examiner looks at records of one dataset.
type examiner struct {
	f      *Findings
	e      *repo.Entry
	rules  []string
	fields []string // what the rules read
	used   []int    // the same as ordinals
	before []value.Value
	broke  []int
	found  []map[int64]bool // by rule: times in the run under way
}

func newExaminer(f *Findings, e *repo.Entry) *examiner {
	x := &examiner{f: f, e: e, rules: e.Schema.SequenceRules(), before: make([]value.Value, e.Table.Width())}
	x.found = make([]map[int64]bool, len(x.rules))
	for i := range x.rules {
		x.found[i] = map[int64]bool{}
		for _, c := range e.Schema.SequenceColumns(i) {
			if !slices.Contains(x.used, c) {
				x.used = append(x.used, c)
				x.fields = append(x.fields, e.Table.Columns[c].Name)
			}
		}
	}
	x.fields = append(x.fields, e.Table.Columns[e.Table.Time].Name)
	return x
}

// subject looks at records of one subject, in order of time. It goes along the
// table from one to the next; where there is much between them it begins anew.
func (x *examiner) subject(ctx context.Context, list []moment) error {
	t, subject := x.e.Table, list[0].subject
	key, err := list[0].key(t)
	if err != nil {
		return err
	}
	who := sameSubject(t, key)
	for len(list) > 0 {
		first := list[0].time
		last, open := first, false
		known, err := x.seek(ctx, who, first)
		if err != nil {
			return err
		}
		for op := ">="; len(list) > 0; op = ">" {
			left := len(list)
			limit := min(runPage, 2*left) + runSlack
			q := repo.Query{Dataset: t.Name, Fields: x.fields, Limit: limit, Filter: cql2.And(who, timeIs(t, op, last))}
			n := 0
			_, err := x.f.repo.Read(ctx, repo.Operator(), q, func(r repo.Record) error {
				n++
				last = ticks(r.Values[t.Time])
				if known {
					x.broke = x.e.Schema.Sequence(r.Values, x.before, x.broke[:0])
					for _, i := range x.broke {
						x.found[i][last] = true
					}
				}
				x.remember(r.Values)
				known = true
				for len(list) > 0 && list[0].time < last {
					list = list[1:] // it and the one after it were seen
				}
				return nil
			})
			if err != nil {
				return err
			}
			if n < limit {
				list, open = nil, true // the subject has no more records
			} else if len(list) == left {
				break // far to the next: begin anew there
			}
		}
		if err := x.settle(ctx, subject, first, last, open); err != nil {
			return err
		}
	}
	return nil
}

// seek remembers the record before a time and tells whether there is one.
func (x *examiner) seek(ctx context.Context, who cql2.Expr, first int64) (known bool, err error) {
	t := x.e.Table
	_, err = x.f.repo.Read(ctx, repo.Operator(), before(t, who, x.fields, first), func(r repo.Record) error {
		known = true
		x.remember(r.Values)
		return nil
	})
	return known, err
}

// before asks for the record of a subject that comes before a time.
func before(t *dataset.Table, who cql2.Expr, fields []string, at int64) repo.Query {
	return repo.Query{
		Dataset: t.Name, Fields: fields, Limit: 1, Filter: cql2.And(who, timeIs(t, "<", at)),
		Sort: []repo.Sort{{Field: t.Columns[t.Time].Name, Desc: true}},
	}
}

// remember keeps what the rules read of a row, whose texts lie in a buffer.
func (x *examiner) remember(row []value.Value) {
	for _, c := range x.used {
		v := row[c]
		switch v.Kind() {
		case value.Text:
			v = value.OfText(strings.Clone(v.Text()))
		case value.Geometry:
			v = value.OfGeometry(strings.Clone(v.WKB()))
		}
		x.before[c] = v
	}
}

// settle marks how what was found from first to last (or to the end, when open)
// differs from what is known of that stretch.
func (x *examiner) settle(ctx context.Context, subject string, first, last int64, open bool) error {
	name := x.e.Dataset.Name
	p := x.f.known[name]
	for i, rule := range x.rules {
		prefix := subjectRange(name, rule, subject)
		had := map[int64]bool{}
		if p.Counts[rule] > 0 {
			until := prefix + ascending(last) + "/"
			if open {
				until = after(prefix)
			}
			err := x.f.repo.FollowerState(ctx, Name, prefix+ascending(first), until, 0, func(key string, _ []byte) error {
				at, err := ticksOf(key[len(prefix):])
				had[at] = true
				return err
			})
			if err != nil {
				return err
			}
			for at, is := range x.f.pending[prefix] {
				if at >= first && (open || at <= last) {
					had[at] = is
				}
			}
		}
		for at := range x.found[i] {
			if !had[at] {
				x.f.mark(prefix, at, true)
				p.Counts[rule]++
				x.f.dirty[name] = true
			}
		}
		for at, is := range had {
			if is && !x.found[i][at] {
				x.f.mark(prefix, at, false)
				p.Counts[rule]--
				x.f.dirty[name] = true
			}
		}
		clear(x.found[i])
	}
	return nil
}

// sameSubject selects the records whose key but for the time is that of key;
// nil when the time is all of the key.
func sameSubject(t *dataset.Table, key []value.Value) cql2.Expr {
	var all []cql2.Expr
	for i, k := range t.Key {
		if k != t.Time {
			all = append(all, compared(t, k, "=", key[i]))
		}
	}
	return cql2.And(all...)
}

func timeIs(t *dataset.Table, op string, at int64) cql2.Expr {
	return compared(t, t.Time, op, timeOf(t, at))
}

func compared(t *dataset.Table, column int, op string, v value.Value) cql2.Expr {
	return &cql2.Call{Op: op, Args: []cql2.Expr{&cql2.Prop{Name: t.Columns[column].Name, Column: -1}, &cql2.Lit{Value: v}}}
}
