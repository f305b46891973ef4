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
// changed. seq is the commit that touched them, 0 when none did.
func (f *Findings) examine(ctx context.Context, e *repo.Entry, list []touched, seq int64) error {
	slices.SortFunc(list, func(a, b touched) int { return a.compare(b.moment) })
	list = slices.CompactFunc(list, func(a, b touched) bool { return a.moment == b.moment })
	x := newExaminer(f, e)
	x.seq = seq
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].subject == list[0].subject {
			n++
		}
		appended, err := x.append(ctx, list[:n])
		if err == nil && !appended {
			err = x.subject(ctx, list[:n])
		}
		if err != nil {
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
	seq    int64
	before []value.Value
	newest []value.Value
	broke  []int
	found  []map[int64]bool // by rule: times in the run under way
}

func newExaminer(f *Findings, e *repo.Entry) *examiner {
	x := &examiner{f: f, e: e, rules: e.Schema.SequenceRules(), before: make([]value.Value, e.Table.Width()), newest: make([]value.Value, e.Table.Width())}
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

// append looks at records that a commit created after the newest of their
// subject, and tells whether they are such. Nothing stands between them then,
// and nothing after: a later commit that this one is read together with comes
// in its turn.
func (x *examiner) append(ctx context.Context, list []touched) (bool, error) {
	name, subject := x.e.Dataset.Name, list[0].subject
	last, known := x.f.ends[name+"/"+subject]
	if !known || list[0].time <= last.time {
		return false, nil
	}
	for _, m := range list {
		if m.created == nil {
			return false, nil
		}
	}
	copy(x.before, last.row)
	for _, m := range list {
		x.compare(m.time, m.created)
	}
	x.reached(subject, list[len(list)-1].time, x.before)
	return true, x.settle(ctx, subject, list[0].time, list[len(list)-1].time, false)
}

// compare notes what a row breaks beside the one remembered, and remembers it.
func (x *examiner) compare(at int64, row []value.Value) {
	x.broke = x.e.Schema.Sequence(row, x.before, x.broke[:0])
	for _, i := range x.broke {
		x.found[i][at] = true
	}
	x.remember(row)
}

// reached keeps the newest record of a subject.
func (x *examiner) reached(subject string, at int64, row []value.Value) {
	if len(x.f.ends) >= mostEnds {
		clear(x.f.ends)
	}
	x.f.ends[x.e.Dataset.Name+"/"+subject] = end{at, slices.Clone(row)}
}

// subject looks at records of one subject, in order of time. It goes along the
// table from one to the next; where there is much between them it begins anew.
func (x *examiner) subject(ctx context.Context, list []touched) error {
	t, subject := x.e.Table, list[0].subject
	key, err := list[0].key(t)
	if err != nil {
		return err
	}
	who := sameSubject(t, key)
	delete(x.f.ends, t.Name+"/"+subject)
	for len(list) > 0 {
		first := list[0].time
		last, open := first, false
		newest, ends := first, false
		known, err := x.seek(ctx, who, first)
		if err != nil {
			return err
		}
		for op := ">="; len(list) > 0; op = ">" {
			left := len(list)
			limit := min(runPage, 2*left) + runSlack
			q := repo.Query{Dataset: t.Name, Fields: x.fields, Limit: limit, Filter: cql2.And(who, timeIs(t, op, last))}
			n := 0
			_, err := x.f.repo.Read(ctx, repo.Internal(), q, func(r repo.Record) error {
				n++
				last = ticks(r.Values[t.Time])
				if known {
					x.compare(last, r.Values)
				} else {
					x.remember(r.Values)
				}
				known = true
				if r.Version <= x.seq {
					newest, ends = last, true
					copy(x.newest, x.before)
				}
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
		if open && ends {
			x.reached(subject, newest, x.newest)
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
	_, err = x.f.repo.Read(ctx, repo.Internal(), before(t, who, x.fields, first), func(r repo.Record) error {
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
