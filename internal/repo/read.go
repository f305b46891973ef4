package repo

import (
	"context"
	"slices"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Read streams the records that q selects and p may see, by q's order, then by
// key. A read with a limit fills Page.Next when there is more. Columns that p
// may not see, or that q.Fields leaves out, are Null.
//
// Errors: NotFound or Unauthenticated for a dataset p may not read; Invalid for
// a filter, a field, an order or a cursor that does not fit.
func (r *Repository) Read(ctx context.Context, p Principal, q Query, fn func(Record) error) (Page, error) {
	e, sq, err := r.compile(ctx, p, q)
	if err != nil {
		return Page{}, err
	}
	page := Page{Matched: -1, AsOf: r.head.current().Seq}
	if q.AsOf > 0 {
		page.AsOf = q.AsOf
	}
	if q.Count {
		if page.Matched, err = r.driver.Count(ctx, sq); err != nil {
			return page, err
		}
	}
	limit := sq.Limit
	if limit > 0 {
		sq.Limit = limit + 1 // one more tells whether there is a next page
	}
	var n int
	var last []value.Value
	err = r.driver.Read(ctx, sq, func(row store.Row) error {
		if n++; limit > 0 && n > limit {
			page.Next = encodeCursor(q, last)
			return nil
		}
		if limit > 0 && n == limit {
			last = position(sq, row.Values)
		}
		return fn(Record{Entry: e, Version: row.Version, Values: row.Values})
	})
	return page, err
}

// Get returns one record, as of a commit when asOf is positive. Its values are
// the caller's to keep.
func (r *Repository) Get(ctx context.Context, p Principal, name string, key []value.Value, asOf int64) (Record, error) {
	e, err := r.Entry(p, name)
	if err != nil {
		return Record{}, err
	}
	sq := store.Query{Table: e.Table, Key: key, AsOf: asOf, Columns: shown(e, visible(p, e), nil)}
	if sq.Filter, err = r.scope(p, e, nil); err != nil {
		return Record{}, err
	}
	var got *Record
	err = r.driver.Read(ctx, sq, func(row store.Row) error {
		got = &Record{Entry: e, Version: row.Version, Values: cloneRow(row.Values)}
		return nil
	})
	if err == nil && got == nil {
		err = problem.New(problem.NotFound, "record-unknown", "dataset", name)
	}
	if err != nil {
		return Record{}, err
	}
	return *got, nil
}

// History streams a record's states, newest first; a deletion has no values.
func (r *Repository) History(ctx context.Context, p Principal, name string, key []value.Value, fn func(store.Version) error) (*Entry, error) {
	e, err := r.Entry(p, name)
	if err != nil {
		return nil, err
	}
	mask := visible(p, e)
	scope, err := r.scope(p, e, nil)
	if err != nil {
		return nil, err
	}
	found := false
	err = r.driver.History(ctx, e.Table, key, func(v store.Version) error {
		if v.Values != nil && !cql2.Matches(scope, v.Values) {
			return nil
		}
		found = true
		hide(v.Values, mask)
		return fn(v)
	})
	if err == nil && !found {
		err = problem.New(problem.NotFound, "record-unknown", "dataset", name)
	}
	return e, err
}

// Aggregate groups the records that a's query selects and streams, per group,
// the group's values followed by the measures.
func (r *Repository) Aggregate(ctx context.Context, p Principal, a Aggregation, fn func([]value.Value) error) error {
	limit := a.Limit
	a.Limit, a.Cursor, a.Sort = 0, "", nil
	e, sq, err := r.compile(ctx, p, a.Query)
	if err != nil {
		return err
	}
	mask := visible(p, e)
	var violations []problem.Violation
	column := func(name, in string) int {
		i, _, _, ok := e.Table.Property(name)
		if !ok || mask != nil && !mask[i] {
			violations = append(violations, problem.Violate("field-unknown", name, "in", in))
			return -1
		}
		return i
	}
	sa := store.Aggregate{Table: e.Table, Filter: sq.Filter, AsOf: sq.AsOf, Limit: limit}
	for _, by := range a.By {
		g := store.Group{Column: column(by.Field, "by"), Bucket: by.Bucket}
		if by.Bucket != "" {
			_, offset := r.now().In(r.zone).Zone()
			g.Offset = int64(offset)
			if g.Column >= 0 {
				switch k := e.Table.Columns[g.Column].Kind; {
				case k != value.Time && k != value.Date:
					violations = append(violations, problem.Violate("bucket-needs-time", by.Field))
				case !slices.Contains([]string{"minute", "hour", "day", "week", "month", "year"}, by.Bucket):
					violations = append(violations, problem.Violate("bucket-unknown", by.Field, "bucket", by.Bucket))
				}
			}
		}
		sa.By = append(sa.By, g)
	}
	for _, m := range a.Measures {
		sm := store.Measure{Func: m.Func, Column: -1}
		if m.Field != "" {
			sm.Column = column(m.Field, "measure")
		}
		if v, ok := measureFault(e.Table, sm, m); ok {
			violations = append(violations, v)
		}
		sa.Measures = append(sa.Measures, sm)
	}
	if len(violations) > 0 {
		return problem.InvalidWith("query-invalid", violations)
	}
	return r.driver.Aggregate(ctx, sa, fn)
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

// compile authorises and binds a query.
func (r *Repository) compile(ctx context.Context, p Principal, q Query) (*Entry, store.Query, error) {
	e, err := r.Entry(p, q.Dataset)
	if err != nil {
		return nil, store.Query{}, err
	}
	t, mask := e.Table, visible(p, e)
	sq := store.Query{Table: t, AsOf: q.AsOf, Limit: q.Limit}
	bound, err := bind(q.Filter, t, mask)
	if err != nil {
		return nil, sq, err
	}
	spatial, err := r.spatial(ctx, e, q, mask)
	if err != nil {
		return nil, sq, err
	}
	temporal, err := temporal(e, q)
	if err != nil {
		return nil, sq, err
	}
	if sq.Filter, err = r.scope(p, e, cql2.And(bound, spatial, temporal)); err != nil {
		return nil, sq, err
	}
	var violations []problem.Violation
	var wanted []int
	for _, f := range q.Fields {
		i, _, _, ok := t.Property(f)
		if !ok || mask != nil && !mask[i] {
			violations = append(violations, problem.Violate("field-unknown", f, "in", "fields"))
			continue
		}
		wanted = append(wanted, i)
	}
	for _, s := range q.Sort {
		i, kind, _, ok := t.Property(s.Field)
		switch {
		case !ok || mask != nil && !mask[i]:
			violations = append(violations, problem.Violate("field-unknown", s.Field, "in", "sort"))
		case kind == value.Geometry:
			violations = append(violations, problem.Violate("sort-needs-order", s.Field))
		default:
			sq.Sort = append(sq.Sort, store.Order{Column: i, Desc: s.Desc})
		}
	}
	if len(violations) > 0 {
		return nil, sq, problem.InvalidWith("query-invalid", violations)
	}
	// Key and sort columns are read in any case: the next page needs them.
	if len(q.Fields) > 0 {
		wanted = append(wanted, t.Key...)
		for _, s := range sq.Sort {
			wanted = append(wanted, s.Column)
		}
	}
	sq.Columns = shown(e, mask, wanted)
	if q.Cursor != "" {
		if sq.After, err = decodeCursor(q, len(sq.Sort)+len(t.Key)); err != nil {
			return nil, sq, err
		}
	}
	return e, sq, nil
}

// shown lists the columns to fill: those wanted (nil: all) that the mask allows.
func shown(e *Entry, mask []bool, wanted []int) []int {
	if mask == nil {
		return wanted
	}
	var columns []int
	for i := range e.Table.Columns {
		if mask[i] && (wanted == nil || slices.Contains(wanted, i)) {
			columns = append(columns, i)
		}
	}
	return columns
}

func hide(row []value.Value, mask []bool) {
	for i := range row {
		if mask != nil && i < len(mask) && !mask[i] {
			row[i] = value.Value{}
		}
	}
}

// scope adds the condition that limits scoped system datasets to what p may
// write.
func (r *Repository) scope(p Principal, e *Entry, filter cql2.Expr) (cql2.Expr, error) {
	name := e.Dataset.Name
	if !scoped(name) || p.Admin || p.reads(name) || slices.Contains(p.Write, "*") {
		return filter, nil
	}
	names := &cql2.List{}
	for _, w := range p.Write {
		names.Items = append(names.Items, &cql2.Lit{Value: value.OfText(w)})
	}
	own, err := cql2.Bind(&cql2.Call{Op: "in", Args: []cql2.Expr{&cql2.Prop{Name: "dataset", Column: -1}, names}}, e.Table)
	if err != nil {
		return nil, err
	}
	return cql2.And(filter, own), nil
}

// masked is a table's schema without the columns that a principal may not see:
// they can be neither read nor guessed at by a filter.
type masked struct {
	table *dataset.Table
	mask  []bool
}

func (m masked) Property(name string) (int, value.Kind, bool, bool) {
	i, k, l, ok := m.table.Property(name)
	if !ok || m.mask != nil && !m.mask[i] {
		return -1, value.Null, false, false
	}
	return i, k, l, true
}

func (m masked) PropertyNames() []string {
	return slices.DeleteFunc(m.table.PropertyNames(), func(n string) bool {
		_, _, _, ok := m.Property(n)
		return !ok
	})
}

func bind(filter cql2.Expr, t *dataset.Table, mask []bool) (cql2.Expr, error) {
	if filter == nil {
		return nil, nil
	}
	if cql2.UsesPrevious(filter) { // no store can compute it
		return nil, problem.InvalidWith("query-invalid", []problem.Violation{problem.Violate("cql2-previous-filter", "filter")})
	}
	return cql2.Bind(filter, masked{t, mask})
}

// spatial turns bbox and area into conditions.
func (r *Repository) spatial(ctx context.Context, e *Entry, q Query, mask []bool) (cql2.Expr, error) {
	t := e.Table
	var conditions []cql2.Expr
	if q.BBox != nil {
		if t.X < 0 || mask != nil && !mask[t.X] {
			return nil, problem.New(problem.Invalid, "dataset-without-place", "dataset", t.Name)
		}
		b := *q.BBox
		if t.Geometry >= 0 {
			box := geom.BoxPolygon(geom.Box{West: b[0], South: b[1], East: b[2], North: b[3]})
			conditions = append(conditions, &cql2.Call{Op: "s_intersects", Args: []cql2.Expr{
				columnOf(t, t.Geometry), &cql2.Lit{Value: value.OfGeometry(box), BBox: q.BBox}}})
		} else {
			x, y := columnOf(t, t.X), columnOf(t, t.Y)
			conditions = append(conditions, between(y, b[1], b[3]))
			if b[0] <= b[2] {
				conditions = append(conditions, between(x, b[0], b[2]))
			} else {
				conditions = append(conditions, &cql2.Call{Op: "or", Args: []cql2.Expr{between(x, b[0], 180), between(x, -180, b[2])}})
			}
		}
	}
	if q.Area != "" {
		if t.Area < 0 {
			return nil, problem.New(problem.Invalid, "dataset-without-place", "dataset", t.Name)
		}
		s, err := r.areaTree(ctx)
		if err != nil {
			return nil, err
		}
		now, ok := s.current[q.Area]
		if !ok {
			return nil, problem.InvalidWith("query-invalid", []problem.Violation{problem.Violate("area-unknown", "area", "area", q.Area)})
		}
		if s.kind[now] != "city" {
			conditions = append(conditions, &cql2.Call{Op: "=", Args: []cql2.Expr{columnOf(t, t.Area), &cql2.Lit{Value: value.OfText(now)}}})
		}
	}
	return cql2.And(conditions...), nil
}

func columnOf(t *dataset.Table, i int) *cql2.Prop {
	return &cql2.Prop{Name: t.Columns[i].Name, Column: i, Kind: t.Columns[i].Kind}
}

func between(p *cql2.Prop, low, high float64) cql2.Expr {
	return &cql2.Call{Op: "between", Args: []cql2.Expr{p, &cql2.Lit{Value: value.OfFloat(low)}, &cql2.Lit{Value: value.OfFloat(high)}}}
}

// temporal turns From and Until into conditions on the dataset's time.
func temporal(e *Entry, q Query) (cql2.Expr, error) {
	if q.From.IsNull() && q.Until.IsNull() {
		return nil, nil
	}
	t := e.Table
	if t.Time < 0 {
		return nil, problem.New(problem.Invalid, "dataset-without-time", "dataset", t.Name)
	}
	var conditions []cql2.Expr
	for _, bound := range []struct {
		op string
		v  value.Value
	}{{">=", q.From}, {"<", q.Until}} {
		if !bound.v.IsNull() {
			conditions = append(conditions, &cql2.Call{Op: bound.op, Args: []cql2.Expr{
				columnOf(t, t.Time), &cql2.Lit{Value: toKind(bound.v, t.Columns[t.Time].Kind)}}})
		}
	}
	return cql2.And(conditions...), nil
}

// toKind turns an instant into a day or a day into its first instant.
func toKind(v value.Value, k value.Kind) value.Value {
	const day = 24 * 60 * 60 * 1_000_000
	switch {
	case v.Kind() == value.Time && k == value.Date:
		days := v.Micros() / day
		if v.Micros()%day < 0 {
			days--
		}
		return value.OfDate(days)
	case v.Kind() == value.Date && k == value.Time:
		return value.OfTime(v.Days() * day)
	}
	return v
}

// SeqAt returns the seq of the last commit at or before t; 0 when there is none.
func (r *Repository) SeqAt(ctx context.Context, t time.Time) (int64, error) {
	h, err := r.driver.Head(ctx)
	if err != nil {
		return 0, err
	}
	at := t.UnixMicro()
	low, high := int64(0), h.Seq // the answer is in [low, high]: seq is gapless and commit time never goes back
	for low < high {
		mid := low + (high-low+1)/2
		var midAt int64
		err := r.driver.Log(ctx, store.LogRange{After: mid - 1, Upto: mid, Limit: 1}, func(e *commit.Entry) error {
			midAt = e.At
			return nil
		})
		if err != nil {
			return 0, err
		}
		if midAt <= at {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low, nil
}
