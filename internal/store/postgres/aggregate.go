package postgres

import (
	"context"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// scale keeps a sum of very large numbers below the largest; PostgreSQL raises
// an error beyond it. It is a power of two, so nothing is rounded.
const scale = 1 << 62

// Aggregate groups rows and measures the groups; see store.Driver.
func (d *Driver) Aggregate(ctx context.Context, a store.Aggregate, fn func([]value.Value) error) error {
	started := false
	counted := func(row []value.Value) error { started = true; return fn(row) }
	err := d.aggregate(ctx, a, false, counted)
	if !started && state(err) == "22003" {
		err = d.aggregate(ctx, a, true, counted)
	}
	return err
}

func (d *Driver) aggregate(ctx context.Context, a store.Aggregate, scaled bool, fn func([]value.Value) error) error {
	t := a.Table
	c := &compiler{n: d.n, t: t, alias: "t."}
	where, err := c.where(store.Query{Table: t, Filter: a.Filter})
	if err != nil {
		return err
	}
	n := len(a.By) + len(a.Measures)
	if n == 0 {
		return nil
	}
	list, kinds := make([]string, 0, n), make([]value.Kind, 0, n)
	var places, order []string
	for i, g := range a.By {
		sql, kind := c.group(g)
		list, kinds = append(list, sql), append(kinds, kind)
		places, order = append(places, strconv.Itoa(i+1)), append(order, strconv.Itoa(i+1)+" NULLS LAST")
	}
	for _, m := range a.Measures {
		sql, kind := c.measure(m, scaled)
		if sql == "" {
			return problem.New(problem.Invalid, "measure-unknown", "measure", m.Func)
		}
		list, kinds = append(list, sql), append(kinds, kind)
	}
	sql := "SELECT " + strings.Join(list, ",") + " FROM " + c.source(a.AsOf) + where
	if len(places) > 0 {
		sql += " GROUP BY " + strings.Join(places, ",") + " ORDER BY " + strings.Join(order, ",")
	}
	if a.Limit > 0 {
		sql += " LIMIT " + strconv.Itoa(a.Limit)
	}
	into := make([]int, n)
	for i := range into {
		into[i] = i
	}
	reader := newRowReader(n, into, kinds)
	return d.stream(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, c.args...), func(raw [][]byte) error {
		row, err := reader.read(raw)
		if err != nil {
			return err
		}
		for i, m := range a.Measures {
			at := len(a.By) + i
			switch {
			case row[at].IsNull():
			case m.Func == "sum" && t.Columns[m.Column].Kind == value.Int:
				if row[at], err = sumOf(row[at].Text()); err != nil {
					return err
				}
			case scaled && kinds[at] == value.Float && (m.Func == "sum" || m.Func == "mean"):
				row[at] = value.OfFloat(row[at].Float() * scale)
			}
		}
		return fn(row)
	})
}

// sumOf reads a sum of integers; one that no integer holds is a number.
func sumOf(text string) (value.Value, error) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return value.OfInt(i), nil
	}
	b, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return value.Value{}, errWire
	}
	f, _ := new(big.Float).SetInt(b).Float64() // to the nearest
	return value.OfFloat(f), nil
}

// group compiles a group and tells the kind of its values. A bucket's start is
// a point in time; the days of a date column begin at midnight of the offset.
func (c *compiler) group(g store.Group) (string, value.Kind) {
	col := &c.t.Columns[g.Column]
	sql := c.column(g.Column)
	if g.Bucket == "" {
		return toWire(col, sql), col.Kind
	}
	unit := "day"
	switch g.Bucket {
	case "minute", "hour", "week", "month", "year":
		unit = g.Bucket
	}
	offset := fmt.Sprintf("make_interval(secs=>%d)", g.Offset)
	local := "(" + sql + " AT TIME ZONE 'UTC')+" + offset
	if col.Kind == value.Date {
		local = sql + "::timestamp"
	}
	return "((date_trunc('" + unit + "'," + local + ")-" + offset + ") AT TIME ZONE 'UTC')", value.Time
}

// measure compiles a measure and tells the kind it arrives in; a measure that
// does not fit its column gives "".
func (c *compiler) measure(m store.Measure, scaled bool) (string, value.Kind) {
	if m.Column < 0 {
		if m.Func == "count" {
			return "count(*)", value.Int
		}
		return "", value.Null
	}
	col := &c.t.Columns[m.Column]
	raw := c.column(m.Column)
	sql := toWire(col, raw)
	addend := raw
	if scaled && col.Kind == value.Float {
		addend = fmt.Sprintf("(CASE WHEN abs(%s)<1e-200 THEN 0 ELSE %s/%d::double precision END)", raw, raw, int64(scale))
	}
	number := col.Kind == value.Int || col.Kind == value.Float
	switch m.Func {
	case "count":
		return "count(" + raw + ")", value.Int
	case "distinct":
		return "count(DISTINCT " + sql + ")", value.Int
	case "min", "max":
		switch {
		case col.Kind == value.Bool && m.Func == "min":
			return "bool_and(" + raw + ")", value.Bool
		case col.Kind == value.Bool:
			return "bool_or(" + raw + ")", value.Bool
		case col.Kind == value.Geometry && m.Func == "min":
			return "(array_agg(" + sql + " ORDER BY " + sql + "))[1]", value.Geometry
		case col.Kind == value.Geometry:
			return "(array_agg(" + sql + " ORDER BY " + sql + " DESC NULLS LAST))[1]", value.Geometry
		}
		return m.Func + "(" + sql + ")", col.Kind
	case "mean":
		if number {
			return "avg(" + addend + ")::double precision", value.Float
		}
	case "sum":
		if col.Kind == value.Int {
			return "sum(" + raw + ")::text", value.Text
		}
		if number {
			return "sum(" + addend + ")", value.Float
		}
	}
	return "", value.Null
}
