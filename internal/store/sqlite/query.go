package sqlite

import (
	"database/sql/driver"
	"slices"
	"strings"

	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// part is one statement of a read. Parts are run one after the other and give
// the rows in order.
type part struct {
	sql  string
	args []driver.Value // the last is the limit when the query has one
}

// source is a table that rows come from: live, or history of an as-of read.
type source struct {
	name string // quoted
	live bool
	asOf int64
}

// sources lists where the rows of a state are.
func (d *Driver) sources(p *plan, asOf int64) []source {
	if asOf == 0 {
		return []source{{name: p.table, live: true}}
	}
	return []source{{name: p.table, live: true, asOf: asOf}, {name: p.history, asOf: asOf}}
}

// builder puts a statement together.
type builder struct {
	p    *plan
	sql  strings.Builder
	args []driver.Value
}

func (b *builder) text(s ...string) {
	for _, t := range s {
		b.sql.WriteString(t)
	}
}

func (b *builder) arg(v driver.Value) {
	b.sql.WriteByte('?')
	b.args = append(b.args, v)
}

// bound is a condition that a page adds for going on after a row.
type bound func(b *builder)

// compile makes the statements of a read. cols are the columns to select; led lets
// the driver choose the index that leads (see plan.lead).
//
// A first page, and a page whose order no index begins with, is one statement.
// Otherwise the rows after a given one are read in runs, each of which is one
// range of an index: those equal in all sort columns but the last, and so on up
// to those after it in the first; at every step the nulls, being last, are a
// run of their own.
func (d *Driver) compile(c *conn, p *plan, q *store.Query, cols []int, led bool) ([]part, error) {
	order := q.Sort
	for _, k := range p.t.Key {
		order = append(order[:len(order):len(order)], store.Order{Column: k})
	}
	var runs [][]bound
	switch {
	case q.After == nil || len(q.After) != len(order):
		runs = [][]bound{nil}
	case q.AsOf == 0 && p.served(order[0].Column):
		runs = runsAfter(p, order, q.After, len(q.Sort))
	default:
		runs = [][]bound{{after(p, order, q.After)}}
	}
	near, err := p.nearby(c, q.Filter)
	if err != nil {
		return nil, err
	}
	lead := ""
	if led && near == nil {
		if lead, err = p.lead(c, q); err != nil {
			return nil, err
		}
	}
	var parts []part
	for _, run := range runs {
		b := builder{p: p}
		for i, from := range d.sources(p, q.AsOf) {
			if i > 0 {
				b.text(" UNION ALL ")
			}
			b.text("SELECT _version")
			for _, col := range cols {
				b.text(",", p.cols[col])
			}
			b.text(" FROM ")
			if err := b.where(from, q, near, lead, run...); err != nil {
				return nil, err
			}
		}
		b.text(" ORDER BY ")
		for i, o := range order {
			if slices.ContainsFunc(order[:i], func(x store.Order) bool { return x.Column == o.Column }) {
				continue // an index does not serve a column that is named twice
			}
			if i > 0 {
				b.text(",")
			}
			b.text(p.cols[o.Column])
			if o.Desc {
				b.text(" DESC")
			} else if !p.isKey(o.Column) {
				b.text(" NULLS LAST")
			}
		}
		if q.Limit > 0 {
			b.text(" LIMIT ")
			b.arg(int64(q.Limit))
		}
		parts = append(parts, part{b.sql.String(), b.args})
	}
	return parts, nil
}

func (p *plan) isKey(col int) bool {
	for _, k := range p.t.Key {
		if k == col {
			return true
		}
	}
	return false
}

// runsAfter splits "after this row" into ranges of an index.
func runsAfter(p *plan, order []store.Order, at []value.Value, sorted int) [][]bound {
	var runs [][]bound
	equal := func(i int) bound {
		return func(b *builder) {
			b.text(p.cols[order[i].Column])
			if at[i].IsNull() {
				b.text(" IS NULL")
				return
			}
			b.text("=")
			b.arg(bind(at[i]))
		}
	}
	prefix := func(n int) []bound {
		var bs []bound
		for i := range n {
			bs = append(bs, equal(i))
		}
		return bs
	}
	// The key, all ascending and never null, is one row-value comparison.
	keys := func(b *builder) {
		b.text("(")
		for i := sorted; i < len(order); i++ {
			if i > sorted {
				b.text(",")
			}
			b.text(p.cols[order[i].Column])
		}
		b.text(")>(")
		for i := sorted; i < len(order); i++ {
			if i > sorted {
				b.text(",")
			}
			b.arg(bind(at[i]))
		}
		b.text(")")
	}
	runs = append(runs, append(prefix(sorted), keys))
	for i := sorted - 1; i >= 0; i-- {
		if at[i].IsNull() {
			continue // nothing comes after the nulls
		}
		col, op := p.cols[order[i].Column], ">"
		if order[i].Desc {
			op = "<"
		}
		runs = append(runs, append(prefix(i), func(b *builder) {
			b.text(col, op)
			b.arg(bind(at[i]))
		}))
		if !p.isKey(order[i].Column) {
			runs = append(runs, append(prefix(i), func(b *builder) { b.text(col, " IS NULL") }))
		}
	}
	return runs
}

// after is "after this row" as one condition.
func after(p *plan, order []store.Order, at []value.Value) bound {
	return func(b *builder) {
		b.text("(")
		first := true
		for i, o := range order {
			if at[i].IsNull() {
				continue
			}
			if !first {
				b.text(" OR ")
			}
			first = false
			b.text("(")
			for j := range i {
				b.text(p.cols[order[j].Column])
				if at[j].IsNull() {
					b.text(" IS NULL AND ")
				} else {
					b.text("=")
					b.arg(bind(at[j]))
					b.text(" AND ")
				}
			}
			col, op := p.cols[o.Column], ">"
			if o.Desc {
				op = "<"
			}
			b.text("(", col, op)
			b.arg(bind(at[i]))
			if !p.isKey(o.Column) {
				b.text(" OR ", col, " IS NULL")
			}
			b.text("))")
		}
		if first {
			b.text("0")
		}
		b.text(")")
	}
}

// where writes the table, the index that leads, if any, and the conditions of a query.
func (b *builder) where(from source, q *store.Query, near *window, lead string, bounds ...bound) error {
	p := b.p
	word := " WHERE "
	and := func() {
		b.text(word)
		word = " AND "
	}
	if near != nil && from.live {
		b.text("(SELECT id AS _box FROM ", p.box, " WHERE ")
		near.write(b)
		b.text(") CROSS JOIN ", from.name)
		and()
		b.text("_id=_box")
	} else {
		b.text(from.name)
	}
	if lead != "" && from.live {
		b.text(" INDEXED BY ", quote(lead))
	}
	if q.Key != nil {
		for i, k := range p.t.Key {
			and()
			b.text(p.cols[k], "=")
			b.arg(bind(q.Key[i]))
		}
	}
	if from.asOf > 0 {
		and()
		b.text("_version<=")
		b.arg(from.asOf)
		if !from.live {
			b.text(" AND _until>")
			b.arg(from.asOf)
		}
	}
	for _, bd := range bounds {
		and()
		bd(b)
	}
	if q.Filter != nil {
		and()
		return b.filter(q.Filter)
	}
	return nil
}
