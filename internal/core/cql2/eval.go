package cql2

import (
	"math"
	"unicode/utf8"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
)

// Matches tells whether a bound filter is true of a row; a nil filter is.
func Matches(e Expr, row []value.Value) bool {
	return e == nil || Eval(e, row, nil) == value.OfBool(true)
}

// Eval computes a bound expression over a row, whose values lie at their column
// ordinals. Null means unknown; a column beyond the row is Null. previous is
// the preceding record of the same subject for previous(…), nil when there is
// none. semantics.go says what every operator gives. Eval never fails: an
// unbound or ill-formed tree gives Null.
func Eval(e Expr, row, previous []value.Value) value.Value {
	switch e := e.(type) {
	case *Lit:
		return e.Value
	case *Prop:
		return column(e, row)
	case *Call:
		return evalCall(e, row, previous)
	}
	return value.Value{}
}

func column(p *Prop, row []value.Value) value.Value {
	if p.Column < 0 || p.Column >= len(row) {
		return value.Value{}
	}
	return row[p.Column]
}

// fewestArgs guards Eval against trees that Bind has not seen.
func fewestArgs(op string) int {
	switch op {
	case "and", "or", "coalesce", "concat":
		return 0
	case "between":
		return 3
	case "not", "isNull", "casei", "accenti", "abs", "ceil", "floor", "round", "day", "hour", "month", "year",
		"length", "lower", "upper", "previous":
		return 1
	}
	return 2
}

func evalCall(c *Call, row, previous []value.Value) value.Value {
	if len(c.Args) < fewestArgs(c.Op) {
		return value.Value{}
	}
	arg := func(i int) value.Value { return Eval(c.Args[i], row, previous) }
	switch c.Op {
	case "and", "or":
		return evalLogic(c, row, previous)
	case "not":
		if v := arg(0); v.Kind() == value.Bool {
			return value.OfBool(!v.Bool())
		}
		return value.Value{}
	case "=", "<>", "<", ">", "<=", ">=":
		return compared(c.Op, arg(0), arg(1))
	case "between":
		x := arg(0)
		return and3(compared(">=", x, arg(1)), compared("<=", x, arg(2)))
	case "in":
		return evalIn(c, row, previous)
	case "like":
		s, p := arg(0), arg(1)
		if s.Kind() != value.Text || p.Kind() != value.Text {
			return value.Value{}
		}
		return value.OfBool(Like(s.Text(), p.Text()))
	case "isNull":
		return value.OfBool(arg(0).IsNull())
	case "+", "-", "*", "/", "%", "div", "^":
		return arithmetic(c.Op, arg(0), arg(1))
	case "s_intersects", "s_disjoint", "s_equals", "s_touches", "s_within", "s_overlaps", "s_crosses", "s_contains":
		return spatial(c.Op, arg(0), arg(1))
	case "a_equals", "a_contains", "a_containedBy", "a_overlaps":
		return arrays(c, row, previous)
	case "previous":
		if p, ok := c.Args[0].(*Prop); ok {
			return column(p, previous)
		}
		return value.Value{}
	case "coalesce":
		return coalesce(c, row, previous)
	case "concat":
		var b []byte
		for i := range c.Args {
			v := arg(i)
			if v.Kind() != value.Text {
				return value.Value{}
			}
			b = append(b, v.Text()...)
		}
		return value.OfText(string(b))
	}
	if len(c.Op) > 2 && c.Op[:2] == "t_" {
		return temporal(c, row, previous)
	}
	return unaryFunction(c.Op, arg(0))
}

// evalLogic is SQL's three-valued and, or.
func evalLogic(c *Call, row, previous []value.Value) value.Value {
	decisive := c.Op == "or" // one operand of this value decides
	unknown := false
	for _, a := range c.Args {
		v := Eval(a, row, previous)
		switch {
		case v.Kind() != value.Bool:
			unknown = true
		case v.Bool() == decisive:
			return value.OfBool(decisive)
		}
	}
	if unknown {
		return value.Value{}
	}
	return value.OfBool(!decisive)
}

func and3(a, b value.Value) value.Value {
	switch {
	case a == value.OfBool(false) || b == value.OfBool(false):
		return value.OfBool(false)
	case a.IsNull() || b.IsNull():
		return value.Value{}
	}
	return value.OfBool(true)
}

// Compare orders two values as the comparison operators do: value.Compare,
// and a Date against a Time as its first instant in UTC. ok is false when
// either is Null or they cannot be compared.
func Compare(a, b value.Value) (c int, ok bool) {
	if a.Kind() == value.Date && b.Kind() == value.Time {
		a = value.OfTime(midnight(a.Days()))
	} else if a.Kind() == value.Time && b.Kind() == value.Date {
		b = value.OfTime(midnight(b.Days()))
	}
	return value.Compare(a, b)
}

func compared(op string, a, b value.Value) value.Value {
	c, ok := Compare(a, b)
	if !ok {
		return value.Value{}
	}
	switch op {
	case "=":
		return value.OfBool(c == 0)
	case "<>":
		return value.OfBool(c != 0)
	case "<":
		return value.OfBool(c < 0)
	case ">":
		return value.OfBool(c > 0)
	case "<=":
		return value.OfBool(c <= 0)
	}
	return value.OfBool(c >= 0)
}

func evalIn(c *Call, row, previous []value.Value) value.Value {
	items, ok := c.Args[1].(*List)
	x := Eval(c.Args[0], row, previous)
	if !ok || x.IsNull() {
		return value.Value{}
	}
	unknown := false
	for _, item := range items.Items {
		n, ok := Compare(x, Eval(item, row, previous))
		if ok && n == 0 {
			return value.OfBool(true)
		}
		unknown = unknown || !ok
	}
	if unknown {
		return value.Value{}
	}
	return value.OfBool(false)
}

func arithmetic(op string, a, b value.Value) value.Value {
	x, ok1 := a.Number()
	y, ok2 := b.Number()
	if !ok1 || !ok2 {
		return value.Value{}
	}
	switch op {
	case "+":
		return value.OfFloat(x + y)
	case "-":
		return value.OfFloat(x - y)
	case "*":
		return value.OfFloat(x * y)
	case "^":
		return value.OfFloat(math.Pow(x, y))
	}
	if y == 0 {
		return value.Value{}
	}
	switch op {
	case "/":
		return value.OfFloat(x / y)
	case "div":
		return value.OfFloat(math.Trunc(x / y))
	}
	return value.OfFloat(x - float64(y*math.Trunc(x/y))) // the conversion forbids a fused multiply-add
}

func spatial(op string, a, b value.Value) value.Value {
	if a.Kind() != value.Geometry || b.Kind() != value.Geometry {
		return value.Value{}
	}
	g, h := a.WKB(), b.WKB()
	switch op {
	case "s_intersects":
		return value.OfBool(geom.Intersects(g, h))
	case "s_disjoint":
		return value.OfBool(geom.Disjoint(g, h))
	case "s_equals":
		return value.OfBool(geom.Equals(g, h))
	case "s_touches":
		return value.OfBool(geom.Touches(g, h))
	case "s_within":
		return value.OfBool(geom.Within(g, h))
	case "s_overlaps":
		return value.OfBool(geom.Overlaps(g, h))
	case "s_crosses":
		return value.OfBool(geom.Crosses(g, h))
	}
	return value.OfBool(geom.Contains(g, h))
}

func coalesce(c *Call, row, previous []value.Value) value.Value {
	mixed := KindOf(c) == value.Float
	for _, a := range c.Args {
		v := Eval(a, row, previous)
		if v.IsNull() {
			continue
		}
		if f, ok := v.Number(); ok && mixed {
			return value.OfFloat(f)
		}
		return v
	}
	return value.Value{}
}

func unaryFunction(name string, v value.Value) value.Value {
	switch v.Kind() {
	case value.Int, value.Float:
		f, _ := v.Number()
		switch name {
		case "abs":
			return value.OfFloat(math.Abs(f))
		case "ceil":
			return value.OfFloat(math.Ceil(f))
		case "floor":
			return value.OfFloat(math.Floor(f))
		case "round":
			return value.OfFloat(math.Round(f))
		}
	case value.Text:
		s := v.Text()
		switch name {
		case "casei", "lower":
			return value.OfText(value.FoldCase(s))
		case "accenti":
			return value.OfText(value.FoldAccents(s))
		case "upper":
			return value.OfText(value.UpperCase(s))
		case "length":
			return value.OfInt(int64(utf8.RuneCountInString(s)))
		}
	case value.Date, value.Time:
		t := v.Instant()
		if v.Kind() == value.Date {
			t = v.CalendarDay()
		}
		switch name {
		case "year":
			return value.OfInt(int64(t.Year()))
		case "month":
			return value.OfInt(int64(t.Month()))
		case "day":
			return value.OfInt(int64(t.Day()))
		case "hour":
			return value.OfInt(int64(t.Hour()))
		}
	}
	return value.Value{}
}

// Columns lists the ordinals of the properties that a bound tree reads,
// ascending, each once.
func Columns(e Expr) []int {
	seen := map[int]bool{}
	walk(e, func(x Expr) {
		if p, ok := x.(*Prop); ok && p.Column >= 0 {
			seen[p.Column] = true
		}
	})
	return sortedKeys(seen)
}

// UsesPrevious tells whether a tree calls previous(…), which only quality rules
// may: no store can compute it.
func UsesPrevious(e Expr) bool {
	found := false
	walk(e, func(x Expr) {
		if c, ok := x.(*Call); ok && c.Op == "previous" {
			found = true
		}
	})
	return found
}

func walk(e Expr, fn func(Expr)) {
	if e == nil {
		return
	}
	fn(e)
	for _, c := range children(e) {
		walk(c, fn)
	}
}
