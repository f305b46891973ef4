package postgres

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"sync"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// compiler turns a bound expression into a condition that is true, false or
// null exactly as cql2.Eval says (cql2/semantics.go). Literals become
// parameters, never text. Nothing it writes can raise an error in the server:
// arithmetic goes through functions that give null instead (migrations).
type compiler struct {
	n     names
	t     *dataset.Table
	alias string // of the table, with its dot
	args  []any
	err   error
}

// arg adds a parameter of an SQL type and returns its text.
func (c *compiler) arg(v any, sqlType string) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args)) + "::" + sqlType
}

// scalar adds a value as a parameter.
func (c *compiler) scalar(v value.Value) string {
	switch v.Kind() {
	case value.Bool:
		return c.arg(v.Bool(), "boolean")
	case value.Int:
		return c.arg(v.Int(), "bigint")
	case value.Float:
		return c.arg(v.Float(), "double precision")
	case value.Date:
		return c.arg(v.CalendarDay(), "date")
	case value.Time:
		return c.arg(v.Instant(), "timestamptz")
	case value.Geometry:
		return "ST_GeomFromWKB(" + c.arg([]byte(v.WKB()), "bytea") + ",4326)"
	case value.Text:
		if strings.IndexByte(v.Text(), 0) >= 0 {
			c.err = problem.New(problem.Invalid, store.ValueOutOfRange)
		}
		return "(" + c.arg(v.Text(), "text") + ` COLLATE "C")`
	}
	return "NULL"
}

func (c *compiler) column(i int) string { return c.alias + column(c.t, i) }

// nothing is an unknown answer.
const nothing = "NULL::boolean"

// condition compiles a predicate.
func (c *compiler) condition(e cql2.Expr) string {
	switch e := e.(type) {
	case *cql2.Lit:
		if e.Value.Kind() == value.Bool {
			return c.scalar(e.Value)
		}
	case *cql2.Prop:
		if e.Kind == value.Bool && e.Column >= 0 {
			return c.column(e.Column)
		}
	case *cql2.Call:
		return c.call(e)
	}
	return nothing
}

func (c *compiler) call(e *cql2.Call) string {
	switch e.Op {
	case "and", "or":
		word := " AND "
		if e.Op == "or" {
			word = " OR "
		}
		parts := make([]string, len(e.Args))
		for i, a := range e.Args {
			parts[i] = c.condition(a)
		}
		if len(parts) == 0 {
			return strconv.FormatBool(e.Op == "and")
		}
		return "(" + strings.Join(parts, word) + ")"
	case "isNull":
		if len(e.Args) == 1 {
			if _, isList := e.Args[0].(*cql2.List); isList {
				return "false"
			}
			return "(" + c.expr(e.Args[0]) + " IS NULL)"
		}
	case "not":
		if len(e.Args) == 1 {
			return "(NOT " + c.condition(e.Args[0]) + ")"
		}
	case "between":
		if len(e.Args) == 3 {
			return "(" + c.compare(">=", e.Args[0], e.Args[1]) + " AND " + c.compare("<=", e.Args[0], e.Args[2]) + ")"
		}
	}
	if len(e.Args) != 2 {
		return c.truth(e)
	}
	switch e.Op {
	case "=", "<>", "<", ">", "<=", ">=":
		return c.compare(e.Op, e.Args[0], e.Args[1])
	case "in":
		return c.in(e)
	case "like":
		return "(" + c.expr(e.Args[0]) + " LIKE " + c.expr(e.Args[1]) + ")"
	case "a_equals", "a_contains", "a_containedBy", "a_overlaps":
		return c.arrays(e)
	}
	switch {
	case strings.HasPrefix(e.Op, "s_"):
		return c.spatial(e)
	case strings.HasPrefix(e.Op, "t_"):
		return c.temporal(e)
	}
	return c.truth(e)
}

// truth compiles a function that gives true or false.
func (c *compiler) truth(e *cql2.Call) string {
	if (e.Op == "coalesce" || e.Op == "previous") && cql2.KindOf(e) == value.Bool {
		return c.function(e)
	}
	return nothing
}

// compare compiles a comparison. Where a column meets a literal of another
// kind it is the literal that changes, so that an index can serve.
func (c *compiler) compare(op string, a, b cql2.Expr) string {
	ka, kb := cql2.KindOf(a), cql2.KindOf(b)
	_, leftConstant := a.(*cql2.Lit)
	if _, rightConstant := b.(*cql2.Lit); leftConstant && !rightConstant && ka != kb {
		return c.compare(mirror(op), b, a)
	}
	switch {
	case ka == kb:
		if ka == value.Null || ka == value.Geometry {
			return nothing
		}
		return "(" + c.expr(a) + op + c.expr(b) + ")"
	case ka == value.Int && kb == value.Float:
		if lit, ok := b.(*cql2.Lit); ok {
			return c.compareInt(op, c.expr(a), lit.Value.Float())
		}
		return "(" + c.n.meta + ".compare(" + c.expr(a) + "," + c.expr(b) + ")" + op + "0)"
	case ka == value.Float && kb == value.Int:
		if lit, ok := b.(*cql2.Lit); ok && exact(lit.Value.Int()) {
			return "(" + c.expr(a) + op + c.scalar(value.OfFloat(float64(lit.Value.Int()))) + ")"
		}
		return "(" + c.n.meta + ".compare(" + c.expr(b) + "," + c.expr(a) + ")" + mirror(op) + "0)"
	case ka == value.Time && kb == value.Date:
		if lit, ok := b.(*cql2.Lit); ok {
			return "(" + c.expr(a) + op + c.scalar(value.OfInstant(lit.Value.CalendarDay())) + ")"
		}
		return "(" + c.expr(a) + op + midnight(c.expr(b)) + ")"
	case ka == value.Date && kb == value.Time:
		return "(" + midnight(c.expr(a)) + op + c.expr(b) + ")"
	}
	return nothing
}

// mirror is the comparison with its sides exchanged.
func mirror(op string) string {
	switch op {
	case "<":
		return ">"
	case ">":
		return "<"
	case "<=":
		return ">="
	case ">=":
		return "<="
	}
	return op
}

// exact tells whether a float holds i as it is.
func exact(i int64) bool { return i >= -1<<53 && i <= 1<<53 }

// midnight is the first instant of a date.
func midnight(sql string) string { return "((" + sql + ")::timestamp AT TIME ZONE 'UTC')" }

// compareInt compares an integer with a constant that is a float: with the
// integer next to it, which has the same outcome.
func (c *compiler) compareInt(op, sql string, f float64) string {
	whole := math.Trunc(f) == f
	if f < -1<<63 || f >= 1<<63 || !whole && (op == "=" || op == "<>") {
		return "(" + c.n.meta + ".compare(" + sql + "," + c.scalar(value.OfFloat(f)) + ")" + op + "0)"
	}
	if !whole {
		if op == "<" || op == "<=" {
			op, f = "<=", math.Floor(f)
		} else {
			op, f = ">=", math.Ceil(f)
		}
		if f >= 1<<63 {
			return "(" + sql + "<>" + sql + ")"
		}
	}
	return "(" + sql + op + c.scalar(value.OfInt(int64(f))) + ")"
}

// in compiles x IN (…): one array parameter where all items are constants of
// the column's kind.
func (c *compiler) in(e *cql2.Call) string {
	list, ok := e.Args[1].(*cql2.List)
	if !ok || len(list.Items) == 0 {
		return nothing
	}
	k := cql2.KindOf(e.Args[0])
	values := make([]value.Value, 0, len(list.Items))
	for _, item := range list.Items {
		lit, ok := item.(*cql2.Lit)
		if !ok || lit.Value.Kind() != k || k == value.Geometry || k == value.Null {
			parts := make([]string, len(list.Items))
			for i, item := range list.Items {
				parts[i] = c.compare("=", e.Args[0], item)
			}
			return "(" + strings.Join(parts, " OR ") + ")"
		}
		values = append(values, lit.Value)
	}
	return "(" + c.expr(e.Args[0]) + "=ANY(" + c.list(k, values) + "))"
}

func (c *compiler) list(k value.Kind, values []value.Value) string {
	_, _, name := wireTypes(k)
	switch k {
	case value.Text:
		list := make([]string, len(values))
		for i, v := range values {
			if list[i] = v.Text(); strings.IndexByte(list[i], 0) >= 0 {
				c.err = problem.New(problem.Invalid, store.ValueOutOfRange)
			}
		}
		return c.arg(list, "text[]")
	case value.Float:
		list := make([]float64, len(values))
		for i, v := range values {
			list[i] = v.Float()
		}
		return c.arg(list, name+"[]")
	case value.Int:
		list := make([]int64, len(values))
		for i, v := range values {
			list[i] = v.Int()
		}
		return c.arg(list, name+"[]")
	case value.Bool:
		list := make([]bool, len(values))
		for i, v := range values {
			list[i] = v.Bool()
		}
		return c.arg(list, name+"[]")
	}
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = c.scalar(v)
	}
	return "ARRAY[" + strings.Join(parts, ",") + "]"
}

// expr compiles an expression that gives a value.
func (c *compiler) expr(e cql2.Expr) string {
	switch e := e.(type) {
	case *cql2.Lit:
		return c.scalar(e.Value)
	case *cql2.Prop:
		if e.Column < 0 || e.Column >= c.t.Width() {
			return "NULL"
		}
		return c.column(e.Column)
	case *cql2.Call:
		return c.function(e)
	}
	return "NULL"
}

// number compiles an operand of arithmetic.
func (c *compiler) number(e cql2.Expr) string {
	if cql2.KindOf(e) == value.Int {
		return "(" + c.expr(e) + ")::double precision"
	}
	return c.expr(e)
}

func (c *compiler) function(e *cql2.Call) string {
	call := func(name string, args ...string) string {
		return c.n.meta + "." + name + "(" + strings.Join(args, ",") + ")"
	}
	if len(e.Args) == 0 {
		return "NULL"
	}
	first := e.Args[0]
	switch e.Op {
	case "+", "-", "*", "/", "%", "div", "^":
		if len(e.Args) != 2 {
			return "NULL::double precision"
		}
		return call(arithmetic(e.Op), c.number(first), c.number(e.Args[1]))
	case "abs":
		return "abs(" + c.number(first) + ")"
	case "ceil", "floor":
		return e.Op + "(" + c.number(first) + ")"
	case "round":
		return call("num_round", c.number(first))
	case "casei", "lower":
		return "(" + call("fold_case", c.expr(first)) + ` COLLATE "C")`
	case "accenti":
		return "(" + call("fold_accents", c.expr(first)) + ` COLLATE "C")`
	case "upper":
		return "(" + call("upper_case", c.expr(first)) + ` COLLATE "C")`
	case "length":
		return "char_length(" + c.expr(first) + ")::bigint"
	case "concat":
		parts := make([]string, len(e.Args))
		for i, a := range e.Args {
			parts[i] = c.expr(a)
		}
		return "((" + strings.Join(parts, "||") + `) COLLATE "C")`
	case "coalesce":
		k := cql2.KindOf(e)
		parts := make([]string, len(e.Args))
		for i, a := range e.Args {
			if k == value.Float {
				parts[i] = c.number(a)
			} else {
				parts[i] = c.expr(a)
			}
		}
		return "COALESCE(" + strings.Join(parts, ",") + ")"
	case "year", "month", "day", "hour":
		at := c.expr(first)
		if cql2.KindOf(first) == value.Time {
			at = "(" + at + " AT TIME ZONE 'UTC')"
		}
		part := "extract(" + e.Op + " FROM " + at + ")::bigint"
		if e.Op == "year" { // PostgreSQL has no year 0
			return "(" + part + "+CASE WHEN extract(year FROM " + at + ")<0 THEN 1 ELSE 0 END)"
		}
		return part
	case "previous": // there is no preceding record here
		_, _, name := wireTypes(cql2.KindOf(first))
		return "NULL::" + name
	}
	if k := cql2.KindOf(e); k == value.Bool {
		return c.condition(e)
	}
	return "NULL"
}

// arithmetic names the function of an operator.
func arithmetic(op string) string {
	switch op {
	case "+":
		return "num_add"
	case "-":
		return "num_sub"
	case "*":
		return "num_mul"
	case "/":
		return "num_div"
	case "%":
		return "num_mod"
	case "div":
		return "num_quo"
	}
	return "num_pow"
}

// predicate names PostGIS's function of an operator.
func predicate(op string) string {
	switch op {
	case "s_intersects":
		return "ST_Intersects"
	case "s_disjoint":
		return "ST_Disjoint"
	case "s_equals":
		return "ST_Equals"
	case "s_touches":
		return "ST_Touches"
	case "s_within":
		return "ST_Within"
	case "s_overlaps":
		return "ST_Overlaps"
	case "s_crosses":
		return "ST_Crosses"
	case "s_contains":
		return "ST_Contains"
	}
	return ""
}

// spatial compiles an S_ predicate. All but disjoint need the boxes to touch,
// which is what the GiST index serves. An invalid geometry satisfies none.
func (c *compiler) spatial(e *cql2.Call) string {
	name := predicate(e.Op)
	if name == "" || cql2.KindOf(e.Args[0]) != value.Geometry || cql2.KindOf(e.Args[1]) != value.Geometry {
		return nothing
	}
	if sql, ok := c.pointInBox(e); ok {
		return sql
	}
	a, b := c.expr(e.Args[0]), c.expr(e.Args[1])
	exact := "CASE WHEN ST_IsValid(" + a + ") AND ST_IsValid(" + b + ") THEN " + name + "(" + a + "," + b + ") WHEN " + a + " IS NULL OR " + b + " IS NULL THEN NULL ELSE false END"
	if e.Op == "s_disjoint" {
		return "(" + exact + ")"
	}
	near := a + " && " + b
	for i, other := range []string{b, a} {
		if lit, ok := e.Args[i].(*cql2.Lit); ok && lit.BBox != nil && lit.BBox[0] > lit.BBox[2] {
			// The box of a box across the antimeridian would be the whole world.
			w := lit.BBox
			near = "(" + other + " && " + c.envelope(w[0], w[1], 180, w[3]) + " OR " + other + " && " + c.envelope(-180, w[1], w[2], w[3]) + ")"
			break
		}
	}
	return "(" + near + " AND " + exact + ")"
}

// pointInBox is the commonest spatial predicate, a column of points within a
// BBOX, edges included: the index finds candidates, whose boxes it keeps in
// single precision, and the coordinates decide.
func (c *compiler) pointInBox(e *cql2.Call) (sql string, ok bool) {
	p, isProp := e.Args[0].(*cql2.Prop)
	lit, isLit := e.Args[1].(*cql2.Lit)
	if !isProp || !isLit {
		p, isProp = e.Args[1].(*cql2.Prop)
		lit, isLit = e.Args[0].(*cql2.Lit)
	}
	if e.Op != "s_intersects" || !isProp || !isLit || lit.BBox == nil || p.Column < 0 || p.Column >= c.t.Width() || c.t.Columns[p.Column].Type != dataset.GeoPoint {
		return "", false
	}
	w, col := lit.BBox, c.column(p.Column)
	if w[1] >= w[3] || w[0] == w[2] {
		return "", false
	}
	num := func(f float64) string { return c.arg(f, "double precision") }
	within := func(west, east float64) string {
		w, s, e, n := num(west), num(w[1]), num(east), num(w[3])
		// Almost every candidate passes; within CASE the planner does not take it for rare.
		return "(" + col + " && ST_MakeEnvelope(" + w + "," + s + "," + e + "," + n + ",4326) AND CASE WHEN " + col + " IS NOT NULL THEN " +
			"ST_X(" + col + ") BETWEEN " + w + " AND " + e + " AND ST_Y(" + col + ") BETWEEN " + s + " AND " + n + " END)"
	}
	if w[0] < w[2] {
		return within(w[0], w[2]), true
	}
	return "(" + within(w[0], 180) + " OR " + within(-180, w[2]) + ")", true
}

func (c *compiler) envelope(w, s, e, n float64) string {
	return "ST_MakeEnvelope(" + c.arg(w, "double precision") + "," + c.arg(s, "double precision") + "," + c.arg(e, "double precision") + "," + c.arg(n, "double precision") + ",4326)"
}

// arrays compiles an A_ predicate over sets of items, which travel as texts.
func (c *compiler) arrays(e *cql2.Call) string {
	a, b := c.items(e.Args[0]), c.items(e.Args[1])
	switch e.Op {
	case "a_equals":
		return "(" + a + " @> " + b + " AND " + a + " <@ " + b + ")"
	case "a_contains":
		return "(" + a + " @> " + b + ")"
	case "a_containedBy":
		return "(" + a + " <@ " + b + ")"
	}
	return "(" + a + " && " + b + ")"
}

// items gives the set of an operand in the form that the function items gives:
// s and the text, n and the bits of the number in hexadecimal, b and the word.
func (c *compiler) items(e cql2.Expr) string {
	switch e := e.(type) {
	case *cql2.List:
		set := []string{}
		for _, item := range e.Items {
			lit, ok := item.(*cql2.Lit)
			if !ok {
				continue
			}
			if f, ok := lit.Value.Number(); ok {
				set = append(set, "n"+hex.EncodeToString(one(value.OfFloat(f))))
				continue
			}
			switch v := lit.Value; v.Kind() {
			case value.Text:
				set = append(set, "s"+v.Text())
			case value.Bool:
				set = append(set, "b"+strconv.FormatBool(v.Bool()))
			}
		}
		return c.arg(set, "text[]")
	case *cql2.Prop:
		if e.Column >= 0 && e.Column < c.t.Width() && e.Kind == value.Text {
			return c.n.meta + ".items(" + c.column(e.Column) + ")"
		}
	}
	return "NULL::text[]"
}

// bounds are the first and the last microsecond that an operand covers. They are
// written when asked for, since a parameter that no text names is an error.
type bounds struct {
	start, end func() string
	loose      bool // one bound may be unknown while the other is known
}

func (c *compiler) span(e cql2.Expr) (bounds, bool) {
	if iv, ok := e.(*cql2.Interval); ok {
		b := bounds{start: func() string { return "'-infinity'::timestamptz" }, end: func() string { return "'infinity'::timestamptz" }}
		for i, x := range []cql2.Expr{iv.Start, iv.End} {
			if x == nil {
				continue
			}
			s, ok := c.span(x)
			if !ok {
				return b, false
			}
			if _, isLit := x.(*cql2.Lit); !isLit {
				b.loose = true
			}
			if i == 0 {
				b.start = s.start
			} else {
				b.end = s.end
			}
		}
		return b, true
	}
	switch cql2.KindOf(e) {
	case value.Time:
		x := sync.OnceValue(func() string { return c.expr(e) })
		return bounds{start: x, end: x}, true
	case value.Date:
		if lit, ok := e.(*cql2.Lit); ok {
			at := lit.Value.CalendarDay()
			return bounds{
				start: sync.OnceValue(func() string { return c.scalar(value.OfInstant(at)) }),
				end:   sync.OnceValue(func() string { return c.scalar(value.OfTime(at.UnixMicro() + 86400_000_000 - 1)) }),
			}, true
		}
		x := sync.OnceValue(func() string { return midnight(c.expr(e)) })
		return bounds{start: x, end: func() string { return "(" + x() + "+interval '86399.999999 seconds')" }}, true
	}
	return bounds{}, false
}
