package sqlite

import (
	"context"
	"database/sql/driver"
	"io"
	"time"

	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Read implements store.Driver.
func (d *Driver) Read(ctx context.Context, q store.Query, fn func(store.Row) error) error {
	p, err := d.plans.of(q.Table)
	if err != nil {
		return err
	}
	if q.Key != nil && q.AsOf == 0 && q.Filter == nil {
		return d.readKey(ctx, p, q, fn)
	}
	s := &scanning{d: d, p: p, q: q, fn: fn, left: q.Limit, dest: nil}
	s.columns()
	for more := true; more; {
		err := d.reading(ctx, func(c *conn) error {
			more, err = s.snapshot(ctx, c)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readKey reads one record as it is now: the fast path.
func (d *Driver) readKey(ctx context.Context, p *plan, q store.Query, fn func(store.Row) error) error {
	row := store.Row{Values: make([]value.Value, p.t.Width())}
	found := false
	err := d.reading(ctx, func(c *conn) error {
		dest := make([]driver.Value, 1+p.t.Width())
		args := make([]driver.Value, len(q.Key))
		for i, k := range q.Key {
			args[i] = bind(k)
		}
		var err error
		if found, err = c.first(p.get, args, dest); !found {
			return err
		}
		row.Version, _ = dest[0].(int64)
		if q.Columns == nil {
			for i := range row.Values {
				row.Values[i] = scan(p.t.Columns[i].Kind, dest[1+i])
			}
		}
		for _, i := range q.Columns {
			row.Values[i] = scan(p.t.Columns[i].Kind, dest[1+i])
		}
		return err
	})
	if !found || err != nil {
		return err
	}
	return fn(row)
}

// scanning is one Read under way, which may take several snapshots.
type scanning struct {
	d      *Driver
	p      *plan
	q      store.Query
	fn     func(store.Row) error
	left   int // rows still wanted, when q.Limit > 0
	cols   []int
	wanted int // the first of cols are asked for, the others serve paging
	sort   []int
	dest   []driver.Value
	row    store.Row
	last   []value.Value
}

// columns decides what to select: what is asked for, then whatever else the
// order needs for going on after the last row.
func (s *scanning) columns() {
	t := s.p.t
	in := make([]bool, t.Width())
	add := func(c int) {
		if !in[c] {
			in[c] = true
			s.cols = append(s.cols, c)
		}
	}
	if s.q.Columns == nil {
		for c := range t.Columns {
			add(c)
		}
	}
	for _, c := range s.q.Columns {
		add(c)
	}
	s.wanted = len(s.cols)
	for _, o := range s.q.Sort {
		s.sort = append(s.sort, o.Column)
		add(o.Column)
	}
	for _, k := range t.Key {
		s.sort = append(s.sort, k)
		add(k)
	}
	s.dest = make([]driver.Value, 1+len(s.cols))
	s.row.Values = make([]value.Value, t.Width())
	s.last = make([]value.Value, len(s.sort))
}

// snapshot reads on one connection until the end, the limit, or the snapshot's
// allowance is used up; more tells that rows may remain.
func (s *scanning) snapshot(ctx context.Context, c *conn) (more bool, err error) {
	if s.q.AsOf == 0 && s.q.Limit == 0 {
		// Should this snapshot not suffice, the next goes on as of this head.
		if err := c.begin(); err != nil {
			return false, err
		}
		h, err := readHead(c)
		if err != nil {
			return false, err
		}
		defer func() {
			if more {
				s.q.AsOf = h.Seq
			}
		}()
	}
	parts, err := s.compile(c)
	if err != nil {
		return false, err
	}
	if len(parts) > 1 {
		if err := c.begin(); err != nil {
			return false, err
		}
	}
	var begun time.Time
	if s.d.opt.Clock != nil {
		begun = s.d.opt.Clock()
	}
	n := 0
	for _, part := range parts {
		if s.q.Limit > 0 {
			if s.left == 0 {
				return false, nil
			}
			part.args[len(part.args)-1] = int64(s.left)
		}
		args, err := c.exprs.resolve(part.args)
		if err != nil {
			return false, err
		}
		st, err := c.prepare(part.sql)
		if err != nil {
			return false, err
		}
		rows, err := st.query(ctx, args)
		if err != nil {
			return false, err
		}
		for {
			if err := rows.Next(s.dest); err == io.EOF {
				break
			} else if err != nil {
				rows.Close()
				return false, err
			}
			if err := s.hand(); err != nil {
				rows.Close()
				return false, err
			}
			n++
			if s.q.Limit == 0 && (n >= s.d.opt.SnapshotRows || n%256 == 0 && s.d.opt.Clock != nil && s.d.opt.Clock().Sub(begun) > s.d.opt.Snapshot) {
				rows.Close()
				s.q.After = append([]value.Value(nil), s.last...)
				return true, nil
			}
		}
		rows.Close()
	}
	return false, nil
}

// compile makes the statements. A layout may be older than the table and name an
// index that is gone: then none leads.
func (s *scanning) compile(c *conn) ([]part, error) {
	parts, err := s.d.compile(c, s.p, &s.q, s.cols, true)
	for _, part := range parts {
		if _, e := c.prepare(part.sql); e != nil {
			err = e
		}
	}
	if err == nil {
		return parts, nil
	}
	return s.d.compile(c, s.p, &s.q, s.cols, false)
}

// hand decodes the row in dest and gives it to the caller.
func (s *scanning) hand() error {
	cols := s.p.t.Columns
	for i, c := range s.cols {
		s.row.Values[c] = scan(cols[c].Kind, s.dest[1+i])
	}
	for i, c := range s.sort {
		s.last[i] = s.row.Values[c]
	}
	for _, c := range s.cols[s.wanted:] {
		s.row.Values[c] = value.Value{}
	}
	s.row.Version, _ = s.dest[0].(int64)
	s.left--
	return s.fn(s.row)
}

// Count implements store.Driver.
func (d *Driver) Count(ctx context.Context, q store.Query) (int64, error) {
	p, err := d.plans.of(q.Table)
	if err != nil {
		return 0, err
	}
	var n int64
	err = d.reading(ctx, func(c *conn) error {
		if err := c.begin(); err != nil {
			return err
		}
		near, err := p.nearby(c, q.Filter)
		if err != nil {
			return err
		}
		for _, from := range d.sources(p, q.AsOf) {
			b := builder{p: p}
			b.text("SELECT count(*) FROM ")
			if err := b.where(from, &q, near, ""); err != nil {
				return err
			}
			args, err := c.exprs.resolve(b.args)
			if err != nil {
				return err
			}
			one := make([]driver.Value, 1)
			if err := c.each(ctx, b.sql.String(), args, one, func() error { return nil }); err != nil {
				return err
			}
			k, _ := one[0].(int64)
			n += k
		}
		return nil
	})
	return n, err
}

// Explain implements store.Driver: the first statement that the query becomes.
func (d *Driver) Explain(q store.Query) (sql string, args []any, err error) {
	p, err := d.plans.of(q.Table)
	if err != nil {
		return "", nil, err
	}
	s := &scanning{d: d, p: p, q: q}
	s.columns()
	err = d.reading(bg, func(c *conn) error {
		parts, err := s.compile(c)
		if err != nil {
			return err
		}
		sql = parts[0].sql
		for _, a := range parts[0].args {
			args = append(args, a)
		}
		return nil
	})
	return sql, args, err
}
