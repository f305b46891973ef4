package repo

import (
	"context"
	"slices"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Read streams the records that q selects and p may see, by q's order, then by
// key. A read with a limit fills Page.Next when there is more. Cells that p may
// not see, or that q.Fields leaves out, are Null; masked cells are masked. What
// shows personal data is recorded before fn sees the first row of it.
//
// Errors: NotFound or Unauthenticated for a dataset p may not read; Denied where
// a purpose must be named; Invalid for a filter, a field, an order or a cursor
// that does not fit.
func (r *Repository) Read(ctx context.Context, p Principal, q Query, fn func(Record) error) (page Page, err error) {
	err = r.retrying(ctx, func(c *catalog) error {
		page, err = r.read(ctx, c, p, q, fn)
		return err
	})
	return page, err
}

func (r *Repository) read(ctx context.Context, c *catalog, p Principal, q Query, fn func(Record) error) (Page, error) {
	s, err := r.compile(ctx, c, p, q, grant.Read)
	if err != nil {
		return Page{}, err
	}
	e, sq := s.entry, s.query
	page := Page{Matched: -1, AsOf: r.head.current().Seq}
	if q.AsOf > 0 {
		page.AsOf = q.AsOf
	}
	if q.Count {
		if page.Matched, err = r.driver.Count(ctx, sq); err != nil {
			return page, err
		}
	}
	show := s.decision.Revealer(r.keys.pseudonym, s.shown)
	told := r.disclosure(p, c, e, &s.decision)
	if told != nil {
		if told.looks(&s.decision, s.used); told.records == nil && len(told.looked.cells) == 0 && len(s.decision.PersonalOf(s.shown)) == 0 {
			told = nil
		}
	}
	limit := sq.Limit
	if told != nil {
		if err := told.resume(ctx, s.trail); err != nil {
			return page, err
		}
	}
	hold := told != nil && limit > 0 && limit <= heldRows
	if told != nil && !hold {
		n := page.Matched
		if n < 0 {
			if n, err = r.driver.Count(ctx, sq); err != nil {
				return page, err
			}
		}
		touched := s.shown
		if touched != nil {
			touched = append(slices.Clone(touched), s.used...)
		}
		bulk, err := r.bulk(ctx, s, told, n)
		if err != nil {
			return page, err
		}
		if err := told.mass(ctx, &s.decision, touched, n, bulk); err != nil {
			return page, err
		}
	}
	if limit > 0 {
		sq.Limit = limit + 1 // one more tells whether there is a next page
	}
	plain := s.decision.Whole() && s.shown == nil
	var n int
	var more bool
	var last []value.Value
	var held []Record
	err = r.driver.Read(ctx, sq, func(row store.Row) error {
		if n++; limit > 0 && n > limit {
			more = true
			return nil
		}
		if limit > 0 && n == limit {
			last = position(sq, row.Values)
		}
		switch {
		case hold:
			values := cloneRow(row.Values)
			number, key := told.numberOf(values), e.Table.KeyOf(nil, values)
			told.note(number, key, show.Reveal(values))
			held = append(held, Record{Entry: e, Version: row.Version, Values: values})
			return nil
		case !plain:
			show.Reveal(row.Values)
		}
		return fn(Record{Entry: e, Version: row.Version, Values: row.Values})
	})
	if err != nil {
		return page, err
	}
	if hold {
		if err := told.commit(ctx); err != nil {
			return Page{}, err
		}
	}
	if more {
		page.Next = r.encodeCursor(q, last, told.trail(s.trail))
	}
	for _, rec := range held {
		if err := fn(rec); err != nil {
			return page, err
		}
	}
	return page, nil
}

// Get returns one record, as of a commit when asOf is positive. Its values are
// the caller's to keep.
func (r *Repository) Get(ctx context.Context, p Principal, name string, key []value.Value, asOf int64) (got Record, err error) {
	err = r.retrying(ctx, func(c *catalog) error {
		got, err = r.get(ctx, c, p, name, key, asOf)
		return err
	})
	return got, err
}

func (r *Repository) get(ctx context.Context, c *catalog, p Principal, name string, key []value.Value, asOf int64) (Record, error) {
	e, d, err := r.allowed(ctx, c, p, name, grant.Read)
	if err != nil {
		return Record{}, err
	}
	sq := store.Query{Table: e.Table, Key: key, AsOf: asOf, Filter: d.Rows(nil)}
	var got *Record
	err = r.driver.Read(ctx, sq, func(row store.Row) error {
		got = &Record{Entry: e, Version: row.Version, Values: cloneRow(row.Values)}
		return nil
	})
	if err != nil {
		return Record{}, err
	}
	if got == nil {
		return Record{}, problem.New(problem.NotFound, "record-unknown", "dataset", name)
	}
	show := d.Revealer(r.keys.pseudonym, nil)
	if told := r.disclosure(p, c, e, &d); told != nil {
		number := told.numberOf(got.Values)
		told.note(number, key, show.Reveal(got.Values))
		if err := told.commit(ctx); err != nil {
			return Record{}, err
		}
		return *got, nil
	}
	if !d.Whole() {
		show.Reveal(got.Values)
	}
	return *got, nil
}

// allowed finds a dataset of which p may do something; what may not be seen
// looks as if it did not exist.
func (r *Repository) allowed(ctx context.Context, c *catalog, p Principal, name string, action grant.Action) (*Entry, grant.Decision, error) {
	e := c.entries[name]
	if e == nil {
		return nil, grant.Decision{}, hidden(p, name)
	}
	d, err := r.decide(ctx, p, c, e, action)
	switch {
	case err != nil:
		return nil, d, err
	case d.Allowed:
		return e, d, nil
	case len(d.NeedsPurpose()) > 0:
		return nil, d, problem.New(problem.Denied, "purpose-needed", "dataset", name)
	}
	return nil, d, hidden(p, name)
}

// History streams a record's states, newest first; a deletion has no values.
func (r *Repository) History(ctx context.Context, p Principal, name string, key []value.Value, fn func(store.Version) error) (e *Entry, err error) {
	err = r.retrying(ctx, func(c *catalog) error {
		e, err = r.history(ctx, c, p, name, key, fn)
		return err
	})
	return e, err
}

func (r *Repository) history(ctx context.Context, c *catalog, p Principal, name string, key []value.Value, fn func(store.Version) error) (*Entry, error) {
	e, d, err := r.allowed(ctx, c, p, name, grant.Read)
	if err != nil {
		return nil, err
	}
	show := d.Revealer(r.keys.pseudonym, nil)
	each := func(fn func(number string, v store.Version, s *grant.Shown) error) error {
		return r.driver.History(ctx, e.Table, key, func(v store.Version) error {
			if v.Values == nil {
				return fn("", v, nil)
			}
			number := numberIn(v.Values, personOf(e))
			s := show.Reveal(v.Values)
			if !s.Visible {
				return nil
			}
			return fn(number, v, s)
		})
	}
	// Deletions alone tell nothing of a record that p never saw.
	told, found, newest := r.disclosure(p, c, e, &d), false, int64(0)
	err = each(func(number string, v store.Version, s *grant.Shown) error {
		found, newest = found || s != nil || d.Whole(), max(newest, v.Seq)
		if told != nil && s != nil {
			told.note(number, key, s)
		}
		return nil
	})
	if err != nil {
		return e, err
	}
	if !found {
		return e, problem.New(problem.NotFound, "record-unknown", "dataset", name)
	}
	if err := told.commit(ctx); err != nil {
		return e, err
	}
	return e, each(func(_ string, v store.Version, _ *grant.Shown) error {
		if v.Seq > newest {
			return nil // it came after what was recorded
		}
		return fn(v)
	})
}

// selection is a query authorised and bound.
type selection struct {
	entry    *Entry
	decision grant.Decision
	query    store.Query
	asked    cql2.Expr // the asker's conditions, bound
	shown    []int     // columns to show; nil = all that are visible
	used     []int     // columns that conditions and orders of the asker look at
	trail    trail     // of the pages before, from the cursor
}

// compile authorises and binds a query. What a filter or an order looks at must
// be visible in the clear, and only rows in which it is are selected: nothing
// hidden can be guessed at.
func (r *Repository) compile(ctx context.Context, c *catalog, p Principal, q Query, action grant.Action) (*selection, error) {
	e, d, err := r.allowed(ctx, c, p, q.Dataset, action)
	if err != nil {
		return nil, err
	}
	t := e.Table
	s := &selection{entry: e, decision: d, query: store.Query{Table: t, AsOf: q.AsOf, Limit: q.Limit}}
	bound, err := bind(q.Filter, visible{t, &d})
	if err != nil {
		return nil, err
	}
	spatial, err := r.spatial(ctx, e, q, &d)
	if err != nil {
		return nil, err
	}
	temporal, err := temporal(e, q, &d)
	if err != nil {
		return nil, err
	}
	asked := cql2.And(bound, spatial, temporal)
	if asked != nil {
		s.used = cql2.Columns(asked)
	}
	var violations []problem.Violation
	if len(q.Fields) > 0 {
		withheld := d.NeedsPurpose()
		seen := d.Visible()
		for _, f := range q.Fields {
			i, _, _, ok := t.Property(f)
			switch {
			case ok && slices.Contains(seen, i):
				s.shown = append(s.shown, i)
			case ok && slices.Contains(withheld, i):
				return nil, problem.New(problem.Denied, "purpose-needed", "dataset", q.Dataset)
			default:
				violations = append(violations, problem.Violate("field-unknown", f, "in", "fields"))
			}
		}
	}
	for _, o := range q.Sort {
		i, kind, _, ok := t.Property(o.Field)
		switch {
		case !ok || !d.MayUse(i):
			violations = append(violations, problem.Violate("field-unknown", o.Field, "in", "sort"))
		case kind == value.Geometry:
			violations = append(violations, problem.Violate("sort-needs-order", o.Field))
		default:
			s.query.Sort = append(s.query.Sort, store.Order{Column: i, Desc: o.Desc})
			s.used = union(s.used, []int{i})
		}
	}
	if len(violations) > 0 {
		return nil, problem.InvalidWith("query-invalid", violations)
	}
	s.asked = asked
	s.query.Filter = cql2.And(asked, d.Rows(s.used))
	s.columns()
	if q.Cursor != "" {
		if s.query.After, s.trail, err = r.decodeCursor(q, len(s.query.Sort)+len(t.Key)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// columns says what the driver is to read: what is shown, what conditions on
// visibility look at, the person, and key and order, which the next page needs.
func (s *selection) columns() {
	t := s.entry.Table
	if s.shown == nil && s.decision.Whole() {
		return
	}
	if s.shown != nil {
		s.shown = append(s.shown, t.Key...)
		for _, o := range s.query.Sort {
			s.shown = append(s.shown, o.Column)
		}
	}
	columns := union(s.decision.Columns(s.shown), t.Key)
	for _, o := range s.query.Sort {
		columns = union(columns, []int{o.Column})
	}
	if person := personOf(s.entry); person >= 0 {
		columns = union(columns, []int{person})
	}
	s.query.Columns = columns
}

func personOf(e *Entry) int {
	if i, _, _, ok := e.Table.Property(e.Dataset.Person); ok {
		return i
	}
	return -1
}

// visible is a table's schema as a condition may use it.
type visible struct {
	table    *dataset.Table
	decision *grant.Decision
}

func (v visible) Property(name string) (int, value.Kind, bool, bool) {
	i, k, l, ok := v.table.Property(name)
	if !ok || !v.decision.MayUse(i) {
		return -1, value.Null, false, false
	}
	return i, k, l, true
}

func (v visible) PropertyNames() []string {
	return slices.DeleteFunc(v.table.PropertyNames(), func(n string) bool {
		_, _, _, ok := v.Property(n)
		return !ok
	})
}

func bind(filter cql2.Expr, s cql2.Schema) (cql2.Expr, error) {
	if filter == nil {
		return nil, nil
	}
	return cql2.Bind(filter, s)
}

// spatial turns bbox and area into conditions.
func (r *Repository) spatial(ctx context.Context, e *Entry, q Query, d *grant.Decision) (cql2.Expr, error) {
	t := e.Table
	var conditions []cql2.Expr
	if q.BBox != nil {
		if t.X < 0 || !d.MayUse(t.X) {
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
		if t.Area < 0 || !d.MayUse(t.Area) {
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
func temporal(e *Entry, q Query, d *grant.Decision) (cql2.Expr, error) {
	if q.From.IsNull() && q.Until.IsNull() {
		return nil, nil
	}
	t := e.Table
	if t.Time < 0 || !d.MayUse(t.Time) {
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
