package sqlite

import (
	"context"
	"database/sql/driver"
	"math"
	"math/big"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// fixed bucket widths in microseconds; a week begins on Monday.
const (
	minute = 60_000_000
	hour   = 60 * minute
	day    = 24 * hour
	week   = 7 * day
)

// Aggregate implements store.Driver.
func (d *Driver) Aggregate(ctx context.Context, a store.Aggregate, fn func([]value.Value) error) error {
	p, err := d.plans.of(a.Table)
	if err != nil {
		return err
	}
	return d.reading(ctx, func(c *conn) error {
		b := builder{p: p}
		b.text("SELECT ")
		for i, g := range a.By {
			if i > 0 {
				b.text(",")
			}
			b.group(g)
		}
		outs := make([]measured, len(a.Measures))
		at := len(a.By)
		for i, m := range a.Measures {
			if at > 0 {
				b.text(",")
			}
			outs[i] = measured{at: at, m: m}
			n, ok := b.measure(m)
			if !ok {
				return problem.New(problem.Invalid, "measure-unknown", "measure", m.Func)
			}
			at += n
		}
		if at == 0 {
			return nil
		}
		if err := d.from(c, &b, a); err != nil {
			return err
		}
		for i := range a.By {
			b.text(map[bool]string{true: " GROUP BY ", false: ","}[i == 0], itoa(int64(i+1)))
		}
		for i := range a.By {
			b.text(map[bool]string{true: " ORDER BY ", false: ","}[i == 0], itoa(int64(i+1)), " NULLS LAST")
		}
		if a.Limit > 0 {
			b.text(" LIMIT ")
			b.arg(int64(a.Limit))
		}
		args, err := c.exprs.resolve(b.args)
		if err != nil {
			return err
		}
		dest := make([]driver.Value, at)
		row := make([]value.Value, len(a.By)+len(a.Measures))
		return c.each(ctx, b.sql.String(), args, dest, func() error {
			for i, g := range a.By {
				k := p.t.Columns[g.Column].Kind
				if g.Bucket != "" {
					k = value.Time
				}
				row[i] = scan(k, dest[i])
			}
			for i, o := range outs {
				row[len(a.By)+i] = o.value(p, dest)
			}
			return fn(row)
		})
	})
}

// from writes the rows to group: of the live table, or of the union that an
// as-of read takes.
func (d *Driver) from(c *conn, b *builder, a store.Aggregate) error {
	q := store.Query{Table: a.Table, Filter: a.Filter, AsOf: a.AsOf}
	near, err := b.p.nearby(c, a.Filter)
	if err != nil {
		return err
	}
	sources := d.sources(b.p, a.AsOf)
	b.text(" FROM ")
	if len(sources) == 1 {
		return b.where(sources[0], &q, near, "")
	}
	b.text("(")
	for i, s := range sources {
		if i > 0 {
			b.text(" UNION ALL ")
		}
		b.text("SELECT ", b.p.colList, " FROM ")
		if err := b.where(s, &q, near, ""); err != nil {
			return err
		}
	}
	b.text(")")
	return nil
}

// group writes a group's expression. A bucket's start is a point in time; the
// days of a date column begin at midnight of the offset.
func (b *builder) group(g store.Group) {
	col := b.p.cols[g.Column]
	if g.Bucket == "" {
		b.text(col)
		return
	}
	offset := g.Offset * 1_000_000
	// local is the local clock in microseconds since 1970.
	local := "(" + col + "+" + itoa(offset) + ")"
	if b.p.t.Columns[g.Column].Kind == value.Date {
		local = "(unixepoch(" + col + ")*1000000)"
	}
	floor := func(width, shift int64) {
		w := itoa(width)
		x := "(" + local + "+" + itoa(shift) + ")"
		b.text("(", x, "-(", x, "%", w, "+", w, ")%", w, "-", itoa(shift), "-(", itoa(offset), "))")
	}
	switch g.Bucket {
	case "minute":
		floor(minute, 0)
	case "hour":
		floor(hour, 0)
	case "week":
		floor(week, 3*day) // 1970-01-01 was a Thursday
	case "month", "year":
		// Whole seconds, rounded down also before 1970.
		secs := "((" + local + "-(" + local + "%1000000+1000000)%1000000)/1000000)"
		b.text("(unixepoch(", secs, ",'unixepoch','start of ", g.Bucket, "')*1000000-(", itoa(offset), "))")
	default:
		floor(day, 0)
	}
}

// measured says where a measure's columns stand.
type measured struct {
	at int
	m  store.Measure
}

// measure writes a measure and returns how many columns it takes. The sum of
// integers is taken in halves, since SQLite's own fails on overflow.
func (b *builder) measure(m store.Measure) (n int, ok bool) {
	if m.Column < 0 {
		b.text("count(*)")
		return 1, m.Func == "count"
	}
	col := b.p.cols[m.Column]
	kind := b.p.t.Columns[m.Column].Kind
	number := kind == value.Int || kind == value.Float
	switch m.Func {
	case "count":
		b.text("count(", col, ")")
	case "distinct":
		b.text("count(DISTINCT ", col, ")")
	case "min", "max":
		b.text(m.Func, "(", col, ")")
	case "mean":
		if !number {
			return 0, false
		}
		b.text("avg(", col, ")")
	case "sum":
		if !number {
			return 0, false
		}
		if kind == value.Int {
			b.text("sum(", col, ">>32),sum(", col, "&4294967295)")
			return 2, true
		}
		b.text("sum(", col, ")")
	default:
		return 0, false
	}
	return 1, true
}

// value reads a measure. A sum of integers that no integer holds is a number.
func (o measured) value(p *plan, dest []driver.Value) value.Value {
	switch o.m.Func {
	case "count", "distinct":
		return scan(value.Int, dest[o.at])
	case "mean":
		return scan(value.Float, dest[o.at])
	case "sum":
		if p.t.Columns[o.m.Column].Kind == value.Int {
			hi, ok := dest[o.at].(int64)
			if !ok {
				return value.Value{}
			}
			lo, _ := dest[o.at+1].(int64)
			if r := hi + lo>>32; r >= math.MinInt32 && r <= math.MaxInt32 {
				return value.OfInt(r<<32 | lo&0xFFFFFFFF)
			}
			s := new(big.Int).Lsh(big.NewInt(hi), 32)
			f, _ := new(big.Float).SetInt(s.Add(s, big.NewInt(lo))).Float64()
			return value.OfFloat(f)
		}
	}
	return scan(p.t.Columns[o.m.Column].Kind, dest[o.at])
}
