package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Read streams rows of one table; see store.Driver. One statement is one
// snapshot, and rows are handed on as they come off the wire, so memory stays
// the same however many there are.
func (d *Driver) Read(ctx context.Context, q store.Query, fn func(store.Row) error) error {
	s, err := d.selection(q)
	if err != nil {
		return err
	}
	kinds := make([]value.Kind, len(s.columns))
	for i, c := range s.columns {
		kinds[i] = q.Table.Columns[c].Kind
	}
	reader := newRowReader(q.Table.Width(), s.columns, kinds)
	var row store.Row
	return d.stream(ctx, s.sql, s.options(), func(raw [][]byte) error {
		var err error
		if row.Version, err = int8Of(raw[0]); err != nil {
			return err
		}
		if row.Values, err = reader.read(raw[1:]); err != nil {
			return err
		}
		return fn(row)
	})
}

// Count returns how many rows a query matches.
func (d *Driver) Count(ctx context.Context, q store.Query) (int64, error) {
	c := &compiler{n: d.n, t: q.Table, alias: "t."}
	where, err := c.where(q)
	if err != nil {
		return 0, err
	}
	sql := "SELECT count(*) FROM " + c.source(q.AsOf) + where
	var n int64
	err = d.stream(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, c.args...), func(raw [][]byte) (err error) {
		n, err = int8Of(raw[0])
		return err
	})
	return n, err
}

// Explain returns the SQL that a query compiles to.
func (d *Driver) Explain(q store.Query) (string, []any, error) {
	s, err := d.selection(q)
	return s.sql, s.args, err
}

// selection is a compiled read: the version, then columns.
type selection struct {
	sql     string
	args    []any
	columns []int
	point   bool // by key: worth keeping prepared
}

// options are the arguments with how to run them: a statement with values of
// its own is planned for these.
func (s selection) options() []any {
	if s.point {
		return s.args
	}
	return append([]any{pgx.QueryExecModeCacheDescribe}, s.args...)
}

func (d *Driver) selection(q store.Query) (selection, error) {
	t := q.Table
	c := &compiler{n: d.n, t: t, alias: "t."}
	s := selection{columns: q.Columns, point: q.Key != nil && q.Filter == nil}
	if s.columns == nil {
		s.columns = all(t)
	}
	where, err := c.where(q)
	if err != nil {
		return s, err
	}
	list := versionColumn
	if cols := wireColumns(t, s.columns, "t."); len(cols) > 0 {
		list = "t." + versionColumn + "," + strings.Join(cols, ",")
	}
	from := " FROM " + c.source(q.AsOf)
	limit := ""
	if q.Limit > 0 {
		limit = " LIMIT " + strconv.Itoa(q.Limit)
	}
	if q.Key != nil && q.After == nil {
		s.sql, s.args = "SELECT "+list+from+where+limit, c.args
		return s, c.err
	}
	order := ordering(t, q.Sort)
	if q.After != nil && len(q.After) != len(order) {
		return s, problem.New(problem.Invalid, "cursor-invalid")
	}
	if q.Limit == 0 || q.AsOf != 0 || !order[0].nullable || q.After == nil && !order[0].Desc || !inOrder(t, order[0].Column, q.Filter) {
		if q.After != nil {
			where += " AND " + c.after(order, q.After)
		}
		s.sql = "SELECT " + list + from + where + " ORDER BY " + orderBy(order, false) + limit
		s.args = c.args
		return s, c.err
	}
	c.halves(&s, q, order, from+where, limit)
	s.args = c.args
	return s, c.err
}

// halves writes a page in an order that an index can give. Nulls come last,
// which the index gives in one direction only, and "after" leaves them out: the
// rows with a value and those without are two ranges of the index, each cut to
// the limit, then put together. The second is read only when the first does
// not fill the page.
func (c *compiler) halves(s *selection, q store.Query, order []ordered, rows, limit string) {
	outer := make([]string, len(order))
	extra := make([]string, len(order))
	for i, o := range order {
		extra[i] = fmt.Sprintf("%s AS o%d", o.sql, i)
		outer[i] = fmt.Sprintf("o%d%s", i, o.suffix(false))
	}
	names := make([]string, len(s.columns)+1)
	fields := make([]string, len(s.columns)+1)
	fields[0], names[0] = "t."+versionColumn+" AS v", "v"
	for i, col := range wireColumns(c.t, s.columns, "t.") {
		fields[i+1], names[i+1] = fmt.Sprintf("%s AS c%d", col, i), fmt.Sprintf("c%d", i)
	}
	head := "SELECT " + strings.Join(append(fields, extra...), ",") + rows
	first := order[0]
	with, both := "", "("
	part := head + " AND " + first.sql + " IS NULL"
	if q.After == nil || !q.After[0].IsNull() {
		filled := head + " AND " + first.sql + " IS NOT NULL"
		if q.After != nil {
			plain := slices.Clone(order)
			plain[0].nullable = false
			filled += " AND " + c.after(plain, q.After)
		}
		with = "WITH f AS MATERIALIZED (" + filled + " ORDER BY " + orderBy(order, true) + limit + ") "
		both = "(SELECT * FROM f UNION ALL "
		part += " AND (SELECT count(*) FROM f)<" + strconv.Itoa(q.Limit)
	} else {
		part += " AND " + c.after(order, q.After)
	}
	s.sql = with + "SELECT " + strings.Join(names, ",") + " FROM " + both + "(" + part + " ORDER BY " + orderBy(order[1:], false) + limit + ")) x ORDER BY " + strings.Join(outer, ",") + limit
}

// inOrder tells whether an index gives rows that pass the filter in the order
// of a column: it begins with the column, after others that the filter fixes.
func inOrder(t *dataset.Table, column int, filter cql2.Expr) bool {
	gives := func(set []int) bool {
		for _, c := range set {
			if c == column {
				return true
			}
			if !fixes(filter, c) {
				return false
			}
		}
		return false
	}
	return gives(t.Key) || slices.ContainsFunc(t.Unique, gives) || slices.ContainsFunc(t.Indexes, gives)
}

// fixes tells whether a filter lets only one value of a column pass.
func fixes(filter cql2.Expr, column int) bool {
	call, ok := filter.(*cql2.Call)
	if !ok {
		return false
	}
	if call.Op == "and" {
		return slices.ContainsFunc(call.Args, func(e cql2.Expr) bool { return fixes(e, column) })
	}
	if call.Op != "=" || len(call.Args) != 2 {
		return false
	}
	is := func(p, v cql2.Expr) bool {
		prop, isProp := p.(*cql2.Prop)
		_, isLit := v.(*cql2.Lit)
		return isProp && isLit && prop.Column == column
	}
	return is(call.Args[0], call.Args[1]) || is(call.Args[1], call.Args[0])
}

// source is the table to read from, as t: as it is, or as it was.
func (c *compiler) source(asOf int64) string {
	live := c.n.live(c.t.Name)
	if asOf == 0 {
		return live + " t"
	}
	list := versionColumn + "," + strings.Join(columns(c.t, all(c.t), ""), ",")
	at := c.arg(asOf, "bigint")
	return "(SELECT " + list + " FROM " + live + " WHERE " + versionColumn + "<=" + at +
		" UNION ALL SELECT " + list + " FROM " + c.n.history(c.t.Name) + " WHERE " + versionColumn + "<=" + at + " AND " + untilColumn + ">" + at + ") t"
}

// where compiles the filter and the key of a query; it always gives a condition.
func (c *compiler) where(q store.Query) (string, error) {
	parts := []string{}
	if q.Key != nil {
		if len(q.Key) != len(c.t.Key) {
			return "", problem.New(problem.Invalid, "cursor-invalid")
		}
		for i, k := range c.t.Key {
			col := &c.t.Columns[k]
			if q.Key[i].IsNull() || q.Key[i].Kind() != col.Kind {
				parts = append(parts, "false")
				continue
			}
			parts = append(parts, toWire(col, "t."+column(c.t, k))+"="+c.scalarWire(q.Key[i]))
		}
	}
	if q.Filter != nil {
		parts = append(parts, c.condition(q.Filter))
	}
	if len(parts) == 0 {
		parts = []string{"true"}
	}
	return " WHERE " + strings.Join(parts, " AND "), c.err
}

// scalarWire is a parameter in the form that toWire gives columns.
func (c *compiler) scalarWire(v value.Value) string {
	if v.Kind() == value.Geometry {
		return c.arg([]byte(v.WKB()), "bytea")
	}
	return c.scalar(v)
}

// ordered is one column of an order.
type ordered struct {
	store.Order
	sql      string
	nullable bool
}

// ordering is the sort of a query with the key at its end.
func ordering(t *dataset.Table, sort []store.Order) []ordered {
	var list []ordered
	add := func(o store.Order) {
		list = append(list, ordered{o, toWire(&t.Columns[o.Column], "t."+column(t, o.Column)), !slices.Contains(t.Key, o.Column)})
	}
	for _, o := range sort {
		add(o)
	}
	for _, k := range t.Key {
		add(store.Order{Column: k})
	}
	return list
}

// suffix is direction and place of nulls. Where there are none, the words are
// chosen so that an index can be read backwards.
func (o ordered) suffix(noNulls bool) string {
	switch {
	case o.Desc && (noNulls || !o.nullable):
		return " DESC"
	case o.Desc:
		return " DESC NULLS LAST"
	}
	return ""
}

// orderBy lists an order; noNulls tells that the first column has none.
func orderBy(order []ordered, noNulls bool) string {
	parts := make([]string, len(order))
	for i, o := range order {
		parts[i] = o.sql + o.suffix(noNulls && i == 0)
	}
	return strings.Join(parts, ",")
}

// after is the condition that a row comes after the one with these values.
func (c *compiler) after(order []ordered, at []value.Value) string {
	if !slices.ContainsFunc(order, func(o ordered) bool { return o.nullable || o.Desc }) {
		// All ascending and never null: one comparison of rows, which an index serves.
		left, right := make([]string, len(order)), make([]string, len(order))
		for i, o := range order {
			left[i], right[i] = o.sql, c.scalarWire(at[i])
		}
		return "(" + strings.Join(left, ",") + ")>(" + strings.Join(right, ",") + ")"
	}
	params := make([]string, len(order))
	for i := range order {
		if !at[i].IsNull() {
			params[i] = c.scalarWire(at[i])
		}
	}
	beyond := func(i int) string {
		op := ">"
		if order[i].Desc {
			op = "<"
		}
		return order[i].sql + op + params[i]
	}
	var sql string
	for i := len(order) - 1; i >= 0; i-- {
		o := order[i]
		if at[i].IsNull() { // only other nulls can follow
			if sql == "" {
				sql = "false"
			}
			sql = "(" + o.sql + " IS NULL AND " + sql + ")"
			continue
		}
		greater := beyond(i)
		if o.nullable {
			greater = "(" + greater + " OR " + o.sql + " IS NULL)"
		}
		if sql == "" {
			sql = greater
			continue
		}
		sql = "(" + greater + " OR " + o.sql + "=" + params[i] + " AND " + sql + ")"
	}
	// The first column bounds the range, where nulls are left to another.
	if first := order[0]; !at[0].IsNull() && !first.nullable {
		op := ">="
		if first.Desc {
			op = "<="
		}
		sql = "(" + first.sql + op + params[0] + " AND " + sql + ")"
	}
	return sql
}
