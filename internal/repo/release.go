package repo

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// A reading of more personal records than the installation's limit needs a
// release: the approval of a second person of the owner, for one reader, dataset,
// purpose and count, used once within ReleaseFor (docs/adr/0012).

// releaseAbove is the limit where the installation sets none.
const releaseAbove = 1000

// ReleaseFor is how long after its approval a release may be used, and its pages
// be read on.
const ReleaseFor = 24 * time.Hour

// releaseWindow is the time over which readings in bulk add up.
const releaseWindow = 24 * time.Hour

// The states of a release.
const (
	ReleaseRequested = "requested"
	ReleaseApproved  = "approved"
	ReleaseRefused   = "refused"
	ReleaseUsed      = "used"
)

// ReleaseAbove is how many personal records of a dataset may be read in bulk
// without a release.
func (r *Repository) ReleaseAbove() int64 { return r.releaseAbove }

// trail is what the pages of a reading before this one amount to.
type trail struct {
	rows    int64
	release string // under which they were read
}

// weight is what a disclosure counts towards the limit.
type weight struct {
	so   trail
	most int64 // of the release
}

// weighed is what a weighing came to.
type weighed struct {
	bulk    int64          // counts towards the limit in other readings
	release string         // the reading is under it
	use     *commit.Change // by which the release is used up
}

// weighing allows a reading or refuses it. It runs in the turn of its subject, so
// that two readings at once are not both let in by what only one may have.
type weighing func(context.Context) (weighed, error)

// trail is what a next page has to know.
func (x *disclosure) trail(before trail) trail {
	if x == nil {
		return before
	}
	return x.so
}

// resume takes up what earlier pages of the same reading counted.
func (x *disclosure) resume(ctx context.Context, before trail) error {
	if x.so = before; before.release == "" {
		return nil
	}
	e := x.c.entries[SystemRelease]
	return x.r.driver.Read(ctx, store.Query{Table: e.Table, Key: []value.Value{value.OfText(before.release)}}, func(row store.Row) error {
		f := fieldsOf(e.Table, row.Values)
		if f.text("reader") == x.p.Name && f.value("until").Micros() > x.r.now().UnixMicro() {
			x.most = f.value("most").Int()
		}
		return nil
	})
}

// bulk counts the rows of a selection that show something personal, at most n,
// and no more than one page of it.
func (r *Repository) bulk(ctx context.Context, s *selection, told *disclosure, n int64) (int64, error) {
	if told.free() {
		return 0, nil
	}
	if limit := int64(s.query.Limit); limit > 0 {
		n = min(n, limit)
	}
	personal := s.decision.PersonalRows(s.shown)
	if len(told.looked.cells) > 0 || personal == nil || n <= recordedPersons {
		return n, nil
	}
	q := s.query
	q.Filter = cql2.And(q.Filter, personal)
	of, err := r.driver.Count(ctx, q)
	return min(n, of), err
}

// free tells that no limit holds: for who works on the data itself, and for the
// datasets that an installation is run with, which have no owner to ask.
func (x *disclosure) free() bool { return x.p.Admin || x.e.System }

// weigh allows a reading of n more personal records or not. many tells that it is
// a reading in bulk, which adds up with the others of its reader; a smaller page
// adds up along its own reading only.
func (x *disclosure) weigh(n int64, many bool) weighing {
	if x.free() || n == 0 {
		return nil
	}
	so, most := x.so, x.most
	return func(ctx context.Context) (weighed, error) {
		x.so, x.most = so, most // it may be asked again, after a conflict
		total, limit := x.so.rows+n, x.r.releaseAbove
		switch {
		case x.so.release != "" && total <= x.most:
			x.so.rows = total
			return weighed{release: x.so.release}, nil
		case x.so.release != "":
			return weighed{}, x.needed(total)
		case !many && total <= limit:
			x.so.rows = total
			return weighed{}, nil
		}
		sum := total
		if many {
			before, err := x.bulkBefore(ctx)
			if err != nil {
				return weighed{}, err
			}
			sum = max(sum, before+n)
		}
		if sum <= limit {
			x.so.rows = total
			return weighed{bulk: n}, nil
		}
		use, id, most, err := x.approved(ctx, total)
		if err != nil {
			return weighed{}, err
		}
		if use == nil {
			return weighed{}, x.needed(sum)
		}
		x.so, x.most = trail{rows: total, release: id}, most
		return weighed{release: id, use: use}, nil
	}
}

func (x *disclosure) needed(n int64) error {
	return problem.New(problem.Denied, "release-needed", "dataset", x.e.Dataset.Name, "limit", x.r.releaseAbove, "count", n)
}

// bulkBefore sums what the reader read in bulk of the dataset within the window.
func (x *disclosure) bulkBefore(ctx context.Context) (sum int64, err error) {
	t := x.c.entries[SystemAccess].Table
	prop := func(name string) *cql2.Prop {
		i, _, _, _ := t.Property(name)
		return columnOf(t, i)
	}
	is := func(name, val string) cql2.Expr {
		return &cql2.Call{Op: "=", Args: []cql2.Expr{prop(name), &cql2.Lit{Value: value.OfText(val)}}}
	}
	since := &cql2.Call{Op: ">", Args: []cql2.Expr{prop("at"), &cql2.Lit{Value: value.OfInstant(x.r.now().Add(-releaseWindow))}}}
	bulk := prop("bulk")
	err = x.r.driver.Aggregate(ctx, store.Aggregate{
		Table: t, Filter: cql2.And(is("reader", x.p.Name), since, is("dataset", x.e.Dataset.Name)),
		Measures: []store.Measure{{Func: "sum", Column: bulk.Column}},
	}, func(g []value.Value) error {
		if n, ok := g[0].Number(); ok {
			sum = int64(n)
		}
		return nil
	})
	return sum, err
}

// approved finds a release that covers the reading, and the change that uses it up.
func (x *disclosure) approved(ctx context.Context, n int64) (use *commit.Change, id string, most int64, err error) {
	e := x.c.entries[SystemRelease]
	t, now := e.Table, x.r.now()
	state, _, _, _ := t.Property("state")
	reader, _, _, _ := t.Property("reader")
	is := func(c int, val string) cql2.Expr {
		return &cql2.Call{Op: "=", Args: []cql2.Expr{columnOf(t, c), &cql2.Lit{Value: value.OfText(val)}}}
	}
	shown := x.names()
	err = x.r.driver.Read(ctx, store.Query{Table: t, Filter: cql2.And(is(reader, x.p.Name), is(state, ReleaseApproved))}, func(row store.Row) error {
		f := fieldsOf(t, row.Values)
		var fields []string
		json.Unmarshal([]byte(f.text("fields")), &fields)
		outside := func(name string) bool { return !slices.Contains(fields, name) }
		if use != nil || f.text("dataset") != x.e.Dataset.Name || f.text("purpose") != x.p.Purpose || f.value("most").Int() < n ||
			f.value("until").Micros() <= now.UnixMicro() || len(fields) > 0 && slices.ContainsFunc(shown, outside) {
			return nil
		}
		used := cloneRow(row.Values)
		u := fieldsOf(t, used)
		u.set("state", value.OfText(ReleaseUsed))
		u.set("usedAt", value.OfInstant(now))
		use = &commit.Change{Dataset: SystemRelease, Op: commit.Put, Row: used, Expect: row.Version}
		id, most = u.text("id"), u.value("most").Int()
		return nil
	})
	return use, id, most, err
}

// names are the personal columns that the reading shows or looks at.
func (x *disclosure) names() []string {
	var cells []int
	for _, o := range x.persons {
		cells = union(cells, o.cells)
	}
	var list []string
	for _, c := range cells {
		list = append(list, x.e.Table.Columns[c].Name)
	}
	return list
}
