package repo

import (
	"context"
	"slices"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// suppressedGroups is the most groups that an aggregate under a minimum cell
// size may have: they are held until it is known which are told.
const suppressedGroups = 10_000

// Aggregate groups the records that a's query selects and streams, per group,
// the group's values followed by the measures. Where p knows a column by an
// aggregate grant alone, groups smaller than its minimum are left out, and the
// next smallest with them where one alone could be worked out from a total;
// min and max, which are one record's, are refused.
func (r *Repository) Aggregate(ctx context.Context, p Principal, a Aggregation, fn func([]value.Value) error) error {
	return r.retrying(ctx, func(c *catalog) error { return r.aggregate(ctx, c, p, a, fn) })
}

func (r *Repository) aggregate(ctx context.Context, c *catalog, p Principal, a Aggregation, fn func([]value.Value) error) error {
	limit := a.Limit
	a.Limit, a.Cursor, a.Sort = 0, "", nil
	s, err := r.compile(ctx, c, p, a.Query, grant.Aggregate)
	if err != nil {
		return err
	}
	e, d := s.entry, &s.decision
	used := s.used
	var violations []problem.Violation
	column := func(name, in string) int {
		i, _, _, ok := e.Table.Property(name)
		if !ok || !d.MayUse(i) {
			violations = append(violations, problem.Violate("field-unknown", name, "in", in))
			return -1
		}
		used = union(used, []int{i})
		return i
	}
	sa := store.Aggregate{Table: e.Table, AsOf: s.query.AsOf, Limit: limit}
	for _, by := range a.By {
		g := store.Group{Column: column(by.Field, "by"), Bucket: by.Bucket}
		if by.Bucket != "" {
			_, offset := r.now().In(r.zone).Zone()
			g.Offset = int64(offset)
			violations = append(violations, bucketFaults(e.Table, g, by)...)
		}
		sa.By = append(sa.By, g)
	}
	single := false // a measure is the value of one record
	for _, m := range a.Measures {
		sm := store.Measure{Func: m.Func, Column: -1}
		if m.Field != "" {
			sm.Column = column(m.Field, "measure")
		}
		if v, ok := measureFault(e.Table, sm, m); ok {
			violations = append(violations, v)
		}
		if m.Func == "min" || m.Func == "max" {
			single = true
		}
		sa.Measures = append(sa.Measures, sm)
	}
	if len(violations) > 0 {
		return problem.InvalidWith("query-invalid", violations)
	}
	// The asker's own conditions with the rows in which all used columns are clear.
	sa.Filter = cql2.And(s.asked, d.Rows(used))
	if least := d.MinimumCell(used); least > 0 {
		if single {
			return problem.New(problem.Denied, "aggregate-single", "dataset", e.Dataset.Name)
		}
		return r.suppress(ctx, sa, int64(least), fn)
	}
	if told := r.disclosure(p, c, e, d); told != nil && len(used) > 0 && len(d.PersonalOf(used)) > 0 {
		n, err := r.driver.Count(ctx, store.Query{Table: e.Table, Filter: sa.Filter, AsOf: sa.AsOf})
		if err != nil {
			return err
		}
		if err := told.mass(ctx, d, used, n, 0); err != nil {
			return err
		}
	}
	return r.driver.Aggregate(ctx, sa, fn)
}

// suppress tells only groups of at least so many records.
func (r *Repository) suppress(ctx context.Context, sa store.Aggregate, least int64, fn func([]value.Value) error) error {
	limit := sa.Limit
	sa.Limit = suppressedGroups + 1
	sa.Measures = append(slices.Clip(sa.Measures), store.Measure{Func: "count", Column: -1})
	var groups [][]value.Value
	size := func(g []value.Value) int64 { return g[len(g)-1].Int() }
	err := r.driver.Aggregate(ctx, sa, func(g []value.Value) error {
		groups = append(groups, cloneRow(g))
		return nil
	})
	if err != nil {
		return err
	}
	if len(groups) > suppressedGroups {
		return problem.New(problem.Invalid, "aggregate-too-fine", "limit", suppressedGroups)
	}
	var left int64
	small := func(g []value.Value) bool { return size(g) < least }
	for _, g := range groups {
		if small(g) {
			left += size(g)
		}
	}
	groups = slices.DeleteFunc(groups, small)
	// What was left out must not be the difference to a total that is known.
	for left > 0 && left < least && len(groups) > 0 {
		next := 0
		for i := range groups {
			if size(groups[i]) < size(groups[next]) {
				next = i
			}
		}
		left += size(groups[next])
		groups = slices.Delete(groups, next, next+1)
	}
	for i, g := range groups {
		if limit > 0 && i == limit {
			break
		}
		if err := fn(g[:len(g)-1]); err != nil {
			return err
		}
	}
	return nil
}

func bucketFaults(t *dataset.Table, g store.Group, by By) []problem.Violation {
	if g.Column < 0 {
		return nil
	}
	switch k := t.Columns[g.Column].Kind; {
	case k != value.Time && k != value.Date:
		return []problem.Violation{problem.Violate("bucket-needs-time", by.Field)}
	case !slices.Contains([]string{"minute", "hour", "day", "week", "month", "year"}, by.Bucket):
		return []problem.Violation{problem.Violate("bucket-unknown", by.Field, "bucket", by.Bucket)}
	}
	return nil
}

func measureFault(t *dataset.Table, m store.Measure, asked Measure) (problem.Violation, bool) {
	switch m.Func {
	case "count":
		return problem.Violation{}, false
	case "sum", "mean":
		if m.Column >= 0 && t.Columns[m.Column].Kind != value.Int && t.Columns[m.Column].Kind != value.Float {
			return problem.Violate("measure-needs-number", asked.Field, "measure", m.Func), true
		}
	case "min", "max", "distinct":
		if m.Column >= 0 && t.Columns[m.Column].Kind == value.Geometry {
			return problem.Violate("measure-needs-order", asked.Field, "measure", m.Func), true
		}
	default:
		return problem.Violate("measure-unknown", asked.Field, "measure", m.Func), true
	}
	if asked.Field == "" {
		return problem.Violate("measure-needs-field", "", "measure", m.Func), true
	}
	return problem.Violation{}, false
}
