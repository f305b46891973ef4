// Package cql2test draws random bound expressions and rows for property tests:
// the evaluator in memory and the two stores must agree on all of them. It
// stays within what IEEE arithmetic, UTF-8 and DE-9IM fix exactly, and is broad
// within that. It knows no dataset and no store.
package cql2test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
)

// Expr draws a predicate bound to the schema, up to about four levels deep. It
// uses every operator and every function but previous. ParseText of its Text,
// bound again, is the same tree, and likewise with JSON.
func Expr(s cql2.Schema) *rapid.Generator[cql2.Expr] {
	g := newGenerator(s)
	return rapid.Custom(func(t *rapid.T) cql2.Expr {
		e, err := cql2.Bind(g.predicate(t, 3), s)
		if err != nil {
			t.Fatalf("the generator drew an expression that does not bind: %v", err)
		}
		return e
	})
}

// Rows draws up to most rows for the schema. Values lie at their columns'
// ordinals in slices of the given width; about one in six is Null, except in
// the columns of required. Text columns hold texts, also fragments of each
// other and letters with marks; columns with list true hold JSON arrays in the
// shortest form; Date and Time lie in the years 1900 to 2100, some of them equal.
func Rows(s cql2.Schema, width, most int, required ...int) *rapid.Generator[[][]value.Value] {
	g := newGenerator(s)
	return rapid.Custom(func(t *rapid.T) [][]value.Value {
		rows := make([][]value.Value, rapid.IntRange(0, most).Draw(t, "rows"))
		for i := range rows {
			rows[i] = make([]value.Value, width)
			for _, c := range g.columns {
				if slices.Contains(required, c.column) || rapid.IntRange(0, 5).Draw(t, "null") > 0 {
					rows[i][c.column] = c.value(t)
				}
			}
		}
		return rows
	})
}

// Value draws a value of a kind, never Null, from the pool that Expr draws its
// literals from, so that comparisons often hit.
func Value(k value.Kind, list bool) *rapid.Generator[value.Value] {
	return rapid.Custom(func(t *rapid.T) value.Value { return column{kind: k, list: list}.value(t) })
}

type column struct {
	name   string
	column int
	kind   value.Kind
	list   bool
}

type generator struct{ columns []column }

func newGenerator(s cql2.Schema) *generator {
	g := &generator{}
	for _, name := range s.PropertyNames() {
		if i, k, list, ok := s.Property(name); ok {
			g.columns = append(g.columns, column{name, i, k, list})
		}
	}
	return g
}

var words = []string{"", "a", "A", "ab", "abc", "Huế", "huế", "hue", "Hóa", "Hoá", "hoa", "Đống Đa", "dong da", "100%", "a_b", `a\b`, "it's", `"q"`, "ß", "SS", "日本", "😀", "q\u0323\u0309", "z", "ŁØ", "lo", "  ", "a b"}

var letters = []rune("aAbBeEêÊệỆoơờđĐhHuzZ%_\\'\" 0日😀")

func drawText(t *rapid.T) string {
	if rapid.IntRange(0, 2).Draw(t, "word") > 0 {
		return rapid.SampledFrom(words).Draw(t, "text")
	}
	return rapid.StringOfN(rapid.SampledFrom(letters), 0, 6, -1).Draw(t, "text")
}

func drawInt(t *rapid.T) int64 {
	switch rapid.IntRange(0, 5).Draw(t, "size") {
	case 0:
		return rapid.SampledFrom([]int64{1<<53 - 1, 1 << 53, 1<<53 + 1, -1<<53 - 1, math.MaxInt64, math.MinInt64 + 1, 1 << 62}).Draw(t, "int")
	case 1:
		return rapid.Int64Range(-1e9, 1e9).Draw(t, "int")
	}
	return rapid.Int64Range(-5, 5).Draw(t, "int")
}

// drawFloat keeps magnitudes between 1e-6 and 1e19: products of a few of them
// neither overflow nor underflow.
func drawFloat(t *rapid.T) float64 {
	switch rapid.IntRange(0, 5).Draw(t, "size") {
	case 0:
		return rapid.SampledFrom([]float64{0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.1, 0.2, 0.3, 1e-6, 9007199254740992, 9223372036854775808, 1e19}).Draw(t, "float")
	case 1:
		return float64(rapid.Int64Range(-1e12, 1e12).Draw(t, "millionths")) / 1e6
	}
	return float64(rapid.Int64Range(-5, 5).Draw(t, "float"))
}

func drawDay(t *rapid.T) int64 {
	if rapid.Bool().Draw(t, "near") {
		return 20000 + rapid.Int64Range(-3, 3).Draw(t, "day")
	}
	return rapid.Int64Range(-25567, 47481).Draw(t, "day")
}

func drawTime(t *rapid.T) int64 {
	of := rapid.SampledFrom([]int64{0, 1, 43200000000, 86399999999, 86399000000, 3600000000, 61500000}).Draw(t, "time")
	return drawDay(t)*86400000000 + of
}

// drawPoint lies on a coarse grid, so that points fall on borders of the
// literals too.
func drawPoint(t *rapid.T) string {
	return geom.Point(float64(rapid.IntRange(-4, 4).Draw(t, "lon")), float64(rapid.IntRange(-4, 4).Draw(t, "lat")))
}

func drawArray(t *rapid.T) string {
	b := []byte{'['}
	for i := range rapid.IntRange(0, 3).Draw(t, "items") {
		if i > 0 {
			b = append(b, ',')
		}
		switch rapid.IntRange(0, 3).Draw(t, "item") {
		case 0:
			b = strconv.AppendInt(b, rapid.Int64Range(-2, 2).Draw(t, "int"), 10)
		case 1:
			b = append(b, rapid.SampledFrom([]string{"true", "false", "0.5", "1.25"}).Draw(t, "scalar")...)
		default:
			b, _ = jsontext.AppendQuote(b, drawText(t)) // its error tells of bad UTF-8, which is never drawn
		}
	}
	return string(append(b, ']'))
}

func (c column) value(t *rapid.T) value.Value {
	switch c.kind {
	case value.Bool:
		return value.OfBool(rapid.Bool().Draw(t, "bool"))
	case value.Int:
		return value.OfInt(drawInt(t))
	case value.Float:
		return value.OfFloat(drawFloat(t))
	case value.Date:
		return value.OfDate(drawDay(t))
	case value.Time:
		return value.OfTime(drawTime(t))
	case value.Geometry:
		return value.OfGeometry(drawPoint(t))
	}
	if c.list {
		return value.OfText(drawArray(t))
	}
	return value.OfText(drawText(t))
}

// pick draws a column that fits, or nil.
func (g *generator) pick(t *rapid.T, fits func(column) bool) cql2.Expr {
	var names []string
	for _, c := range g.columns {
		if fits(c) {
			names = append(names, c.name)
		}
	}
	if len(names) == 0 || rapid.IntRange(0, 3).Draw(t, "literal") == 0 {
		return nil
	}
	return &cql2.Prop{Name: rapid.SampledFrom(names).Draw(t, "property"), Column: -1}
}

func call(op string, args ...cql2.Expr) cql2.Expr { return &cql2.Call{Op: op, Args: args} }

func lit(v value.Value) cql2.Expr { return &cql2.Lit{Value: v} }

func (g *generator) predicate(t *rapid.T, depth int) cql2.Expr {
	n := 9
	if depth == 0 {
		n = 6
	}
	switch rapid.IntRange(0, n).Draw(t, "predicate") {
	case 0:
		if e := g.pick(t, func(c column) bool { return c.kind == value.Bool }); e != nil {
			return e
		}
		return lit(value.OfBool(rapid.Bool().Draw(t, "bool")))
	case 1:
		return g.like(t, depth)
	case 2:
		return g.spatial(t)
	case 3:
		return g.temporal(t)
	case 4:
		return g.arrays(t)
	case 5:
		return g.null(t, depth)
	case 6:
		return g.comparison(t, depth)
	case 7:
		return call("not", g.predicate(t, depth-1))
	}
	args := make([]cql2.Expr, rapid.IntRange(2, 4).Draw(t, "operands"))
	for i := range args {
		args[i] = g.predicate(t, depth-1)
	}
	return call(rapid.SampledFrom([]string{"and", "or"}).Draw(t, "op"), args...)
}

func (g *generator) comparison(t *rapid.T, depth int) cql2.Expr {
	family := rapid.SampledFrom([]func(*rapid.T, int) cql2.Expr{g.number, g.number, g.text, g.instant, g.boolean}).Draw(t, "family")
	x := family(t, depth)
	switch rapid.IntRange(0, 3).Draw(t, "form") {
	case 0:
		return call("between", x, family(t, depth), family(t, depth))
	case 1:
		items := make([]cql2.Expr, rapid.IntRange(1, 4).Draw(t, "items"))
		for i := range items {
			items[i] = family(t, 0)
		}
		return call("in", x, &cql2.List{Items: items})
	}
	return call(rapid.SampledFrom([]string{"=", "<>", "<", ">", "<=", ">="}).Draw(t, "op"), x, family(t, depth))
}

func (g *generator) number(t *rapid.T, depth int) cql2.Expr {
	n := 6
	if depth <= 0 {
		n = 1
	}
	switch rapid.IntRange(0, n).Draw(t, "number") {
	case 0:
		if rapid.Bool().Draw(t, "whole") {
			return lit(value.OfInt(drawInt(t)))
		}
		return lit(value.OfFloat(drawFloat(t)))
	case 2:
		op := rapid.SampledFrom([]string{"+", "-", "*", "/", "%", "div"}).Draw(t, "op")
		return call(op, g.number(t, depth-1), g.number(t, depth-1))
	case 3: // whole numbers only: pow may differ in the last digit elsewhere
		base := lit(value.OfInt(rapid.Int64Range(-9, 9).Draw(t, "base")))
		return call("^", base, lit(value.OfInt(rapid.Int64Range(0, 5).Draw(t, "exponent"))))
	case 4:
		return call(rapid.SampledFrom([]string{"abs", "ceil", "floor", "round"}).Draw(t, "function"), g.number(t, depth-1))
	case 5:
		if rapid.Bool().Draw(t, "length") {
			return call("length", g.text(t, depth-1))
		}
		return call(rapid.SampledFrom([]string{"year", "month", "day"}).Draw(t, "function"), g.instant(t, 0))
	case 6:
		if e := g.pick(t, func(c column) bool { return c.kind == value.Time }); e != nil && rapid.Bool().Draw(t, "hour") {
			return call("hour", e)
		}
		return call("coalesce", g.number(t, depth-1), g.number(t, depth-1))
	}
	if e := g.pick(t, func(c column) bool { return c.kind == value.Int || c.kind == value.Float }); e != nil {
		return e
	}
	return lit(value.OfInt(drawInt(t)))
}

func (g *generator) text(t *rapid.T, depth int) cql2.Expr {
	if depth > 0 && rapid.IntRange(0, 2).Draw(t, "function") == 0 {
		switch f := rapid.SampledFrom([]string{"casei", "accenti", "lower", "upper", "concat", "coalesce"}).Draw(t, "name"); f {
		case "concat", "coalesce":
			return call(f, g.text(t, depth-1), g.text(t, depth-1))
		default:
			return call(f, g.text(t, depth-1))
		}
	}
	if e := g.pick(t, func(c column) bool { return c.kind == value.Text && !c.list }); e != nil {
		return e
	}
	return lit(value.OfText(drawText(t)))
}

func (g *generator) boolean(t *rapid.T, _ int) cql2.Expr {
	if e := g.pick(t, func(c column) bool { return c.kind == value.Bool }); e != nil {
		return e
	}
	return lit(value.OfBool(rapid.Bool().Draw(t, "bool")))
}

func (g *generator) instant(t *rapid.T, _ int) cql2.Expr {
	if e := g.pick(t, func(c column) bool { return c.kind == value.Date || c.kind == value.Time }); e != nil {
		return e
	}
	if rapid.Bool().Draw(t, "date") {
		return lit(value.OfDate(drawDay(t)))
	}
	return lit(value.OfTime(drawTime(t)))
}

func (g *generator) like(t *rapid.T, depth int) cql2.Expr {
	var p strings.Builder
	for range rapid.IntRange(0, 4).Draw(t, "parts") {
		p.WriteString(rapid.SampledFrom([]string{"%", "_", `\%`, `\_`, `\\`, "a", "b", "H", "u", "ế", "ó", "á", "%", "'", "日", "😀"}).Draw(t, "part"))
	}
	return call("like", g.text(t, depth), lit(value.OfText(p.String())))
}

func (g *generator) null(t *rapid.T, depth int) cql2.Expr {
	if rapid.Bool().Draw(t, "column") && len(g.columns) > 0 {
		return call("isNull", &cql2.Prop{Name: rapid.SampledFrom(g.columns).Draw(t, "property").name, Column: -1})
	}
	if depth == 0 {
		return call("isNull", g.number(t, 1))
	}
	return call("isNull", rapid.SampledFrom([]func(*rapid.T, int) cql2.Expr{g.number, g.text, g.instant, g.predicate}).Draw(t, "of")(t, depth-1))
}

func (g *generator) geometry(t *rapid.T) cql2.Expr {
	if e := g.pick(t, func(c column) bool { return c.kind == value.Geometry }); e != nil {
		return e
	}
	corner := func(name string) int { return rapid.IntRange(-4, 3).Draw(t, name) }
	w, s := corner("west"), corner("south")
	e, n := rapid.IntRange(w+1, 4).Draw(t, "east"), rapid.IntRange(s+1, 4).Draw(t, "north")
	var text string
	switch rapid.IntRange(0, 6).Draw(t, "shape") {
	case 0:
		text = geom.ToWKT(drawPoint(t))
	case 1:
		text = fmt.Sprintf("LINESTRING(%d %d, %d %d, %d %d)", w, s, e, n, e, s)
	case 2:
		text = fmt.Sprintf("POLYGON((%d %d, %d %d, %d %d, %d %d))", w, s, e, s, e, n, w, s)
	case 3:
		text = fmt.Sprintf("MULTIPOINT((%d %d), (%d %d))", w, s, e, n)
	case 4:
		text = fmt.Sprintf("POLYGON((%d %d, %d %d, %d %d, %d %d, %d %d), (%[1]d.25 %[2]d.25, %[1]d.75 %[2]d.25, %[1]d.75 %[2]d.75, %[1]d.25 %[2]d.25))", w+4, s+4, e+4, s+4, e+4, n+4, w+4, n+4, w+4, s+4)
	default:
		text = fmt.Sprintf("BBOX(%d, %d, %d, %d)", w, s, e, n)
	}
	x, err := cql2.ParseText(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return x
}

func (g *generator) spatial(t *rapid.T) cql2.Expr {
	op := rapid.SampledFrom([]string{"s_intersects", "s_intersects", "s_equals", "s_disjoint", "s_touches", "s_within", "s_overlaps", "s_crosses", "s_contains"}).Draw(t, "op")
	return call(op, g.geometry(t), g.geometry(t))
}

func (g *generator) temporal(t *rapid.T) cql2.Expr {
	op := rapid.SampledFrom([]string{"t_after", "t_before", "t_contains", "t_disjoint", "t_during", "t_equals", "t_finishedBy", "t_finishes",
		"t_intersects", "t_meets", "t_metBy", "t_overlappedBy", "t_overlaps", "t_startedBy", "t_starts"}).Draw(t, "op")
	return call(op, g.stretch(t), g.stretch(t))
}

func (g *generator) stretch(t *rapid.T) cql2.Expr {
	if rapid.Bool().Draw(t, "instant") {
		return g.instant(t, 0)
	}
	iv := &cql2.Interval{}
	if rapid.IntRange(0, 3).Draw(t, "start") > 0 {
		iv.Start = g.instant(t, 0)
	}
	if rapid.IntRange(0, 3).Draw(t, "end") > 0 {
		iv.End = g.instant(t, 0)
	}
	start, ok1 := iv.Start.(*cql2.Lit)
	end, ok2 := iv.End.(*cql2.Lit)
	if ok1 && ok2 { // literal intervals must not run backwards
		if c, _ := cql2.Compare(start.Value, end.Value); c > 0 {
			iv.Start, iv.End = end, start
		}
	}
	return iv
}

func (g *generator) arrays(t *rapid.T) cql2.Expr {
	op := rapid.SampledFrom([]string{"a_equals", "a_contains", "a_containedBy", "a_overlaps"}).Draw(t, "op")
	return call(op, g.array(t), g.array(t))
}

func (g *generator) array(t *rapid.T) cql2.Expr {
	if e := g.pick(t, func(c column) bool { return c.list }); e != nil {
		return e
	}
	l := &cql2.List{}
	for range rapid.IntRange(0, 3).Draw(t, "items") {
		switch rapid.IntRange(0, 3).Draw(t, "item") {
		case 0:
			l.Items = append(l.Items, lit(value.OfInt(rapid.Int64Range(-2, 2).Draw(t, "int"))))
		case 1:
			l.Items = append(l.Items, lit(rapid.SampledFrom([]value.Value{value.OfBool(true), value.OfBool(false), value.OfFloat(0.5), value.OfFloat(1.25), value.OfFloat(1)}).Draw(t, "scalar")))
		default:
			l.Items = append(l.Items, lit(value.OfText(drawText(t))))
		}
	}
	return l
}
