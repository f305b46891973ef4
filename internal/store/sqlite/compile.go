package sqlite

import (
	"strings"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/value"
)

// Bounds of what becomes SQL; larger expressions are evaluated whole.
const (
	maxDepth = 60   // SQLite stops at 1,000 levels, of which every level here takes several
	maxTerms = 300  // members of an AND or OR; the planner's work grows with their square
	maxItems = 8000 // members of an IN; SQLite takes 32,766 arguments
)

// filter writes a bound expression as a condition that is 1, 0 or NULL exactly
// as cql2.Eval is true, false or unknown. No literal is written into the text.
func (b *builder) filter(e cql2.Expr) error { return b.condition(e, 0) }

func (b *builder) condition(e cql2.Expr, depth int) error {
	if depth > maxDepth {
		return b.eval(e)
	}
	switch e := e.(type) {
	case *cql2.Prop:
		if e.Kind == value.Bool && !e.List {
			b.text(b.p.cols[e.Column])
			return nil
		}
	case *cql2.Call:
		if ok, err := b.call(e, depth); ok || err != nil {
			return err
		}
	}
	return b.eval(e)
}

// call writes the operators that SQL has with the same meaning; ok is false
// when e is not one of them.
func (b *builder) call(e *cql2.Call, depth int) (ok bool, err error) {
	switch e.Op {
	case "and", "or":
		if len(e.Args) == 0 || len(e.Args) > maxTerms {
			return false, nil
		}
		word := " AND "
		if e.Op == "or" {
			word = " OR "
		}
		return true, b.join(cheapFirst(e.Args), word, depth+1)
	case "not":
		if len(e.Args) != 1 {
			return false, nil
		}
		b.text("(NOT ")
		err := b.condition(e.Args[0], depth+1)
		b.text(")")
		return true, err
	case "=", "<>", "<", ">", "<=", ">=":
		if len(e.Args) != 2 || !comparable(e.Args[0], e.Args[1]) {
			return false, nil
		}
		b.text("(")
		b.scalar(e.Args[0])
		b.text(e.Op)
		b.scalar(e.Args[1])
		b.text(")")
		return true, nil
	case "between":
		if len(e.Args) != 3 || !comparable(e.Args[0], e.Args[1]) || !comparable(e.Args[0], e.Args[2]) {
			return false, nil
		}
		b.text("(")
		b.scalar(e.Args[0])
		b.text(" BETWEEN ")
		b.scalar(e.Args[1])
		b.text(" AND ")
		b.scalar(e.Args[2])
		b.text(")")
		return true, nil
	case "isNull":
		if len(e.Args) != 1 {
			return false, nil
		}
		p, isProp := e.Args[0].(*cql2.Prop)
		if !isProp {
			return false, nil
		}
		b.text("(", b.p.cols[p.Column], " IS NULL)")
		return true, nil
	case "in":
		return b.in(e), nil
	case "like":
		return b.like(e)
	case "t_after", "t_before", "t_during", "t_intersects":
		return b.instant(e), nil
	}
	return false, nil
}

// cheapFirst puts what SQL decides by itself before what must be called back
// for: SQLite looks at conditions in the order that they are written in.
func cheapFirst(args []cql2.Expr) []cql2.Expr {
	sorted := make([]cql2.Expr, 0, len(args))
	var dear []cql2.Expr
	for _, a := range args {
		if c, ok := a.(*cql2.Call); ok && (strings.HasPrefix(c.Op, "s_") || strings.HasPrefix(c.Op, "a_") || c.Op == "like" || c.Op == "not") {
			dear = append(dear, a)
		} else {
			sorted = append(sorted, a)
		}
	}
	return append(sorted, dear...)
}

// join writes conditions as a balanced tree: a row of them would nest as deep
// as it is long.
func (b *builder) join(args []cql2.Expr, word string, depth int) error {
	if len(args) == 1 {
		return b.condition(args[0], depth)
	}
	b.text("(")
	defer b.text(")")
	if len(args) > 4 {
		if err := b.join(args[:len(args)/2], word, depth); err != nil {
			return err
		}
		b.text(word)
		return b.join(args[len(args)/2:], word, depth)
	}
	for i, a := range args {
		if i > 0 {
			b.text(word)
		}
		if err := b.condition(a, depth); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) in(e *cql2.Call) bool {
	if len(e.Args) != 2 {
		return false
	}
	p, isProp := e.Args[0].(*cql2.Prop)
	list, isList := e.Args[1].(*cql2.List)
	if !isProp || !isList || len(list.Items) == 0 || len(list.Items) > maxItems {
		return false
	}
	for _, it := range list.Items {
		if _, isLit := it.(*cql2.Lit); !isLit || !comparable(p, it) {
			return false
		}
	}
	b.text("(", b.p.cols[p.Column], " IN (")
	for i, it := range list.Items {
		if i > 0 {
			b.text(",")
		}
		b.scalar(it)
	}
	b.text("))")
	return true
}

// like is evaluated by cql2; the fixed beginning of the pattern, if any, is a
// range besides, which an index can serve.
func (b *builder) like(e *cql2.Call) (ok bool, err error) {
	if len(e.Args) != 2 {
		return false, nil
	}
	p, isProp := e.Args[0].(*cql2.Prop)
	lit, isLit := e.Args[1].(*cql2.Lit)
	if !isProp || !isLit || p.List || p.Kind != value.Text || lit.Value.Kind() != value.Text {
		return false, nil
	}
	prefix := likePrefix(lit.Value.Text())
	if prefix == "" {
		return false, nil
	}
	upper := []byte(prefix)
	upper[len(upper)-1]++ // never 0xFF in UTF-8
	col := b.p.cols[p.Column]
	b.text("(", col, ">=")
	b.arg(prefix)
	b.text(" AND ", col, "<")
	b.arg(string(upper))
	b.text(" AND ")
	err = b.eval(e)
	b.text(")")
	return true, err
}

// likePrefix is the part of a pattern before the first wildcard or escape.
func likePrefix(pattern string) string {
	for i := range len(pattern) {
		if c := pattern[i]; c == '%' || c == '_' || c == '\\' {
			return pattern[:i]
		}
	}
	return pattern
}

// comparable tells whether SQL compares the two as cql2 does: columns and
// constants of one kind, or both numbers, and at least one of them a column.
func comparable(x, y cql2.Expr) bool {
	kx, okx, px := scalarKind(x)
	ky, oky, py := scalarKind(y)
	if !okx || !oky || !px && !py {
		return false
	}
	number := func(k value.Kind) bool { return k == value.Int || k == value.Float }
	return kx == ky || number(kx) && number(ky)
}

func scalarKind(e cql2.Expr) (k value.Kind, ok, prop bool) {
	switch e := e.(type) {
	case *cql2.Prop:
		k, prop = e.Kind, true
		if e.List {
			return k, false, true
		}
	case *cql2.Lit:
		k = e.Value.Kind()
		if k == value.Date && (e.Value.Days() < -719528 || e.Value.Days() > 2932896) {
			return k, false, false // outside the years that order as text
		}
	default:
		return value.Null, false, false
	}
	switch k {
	case value.Bool, value.Int, value.Float, value.Text, value.Date, value.Time:
		return k, true, prop
	}
	return k, false, prop
}

func (b *builder) scalar(e cql2.Expr) {
	switch e := e.(type) {
	case *cql2.Prop:
		b.text(b.p.cols[e.Column])
	case *cql2.Lit:
		b.arg(bind(e.Value))
	}
}

// instant writes how a column of instants lies to a constant stretch of time,
// so that an index on the column can serve.
func (b *builder) instant(e *cql2.Call) bool {
	if len(e.Args) != 2 {
		return false
	}
	p, isProp := e.Args[0].(*cql2.Prop)
	if !isProp || p.Kind != value.Time || p.List {
		return false
	}
	start, end, ok := stretch(e.Args[1])
	if !ok {
		return false
	}
	col := b.p.cols[p.Column]
	b.text("(", col)
	switch e.Op {
	case "t_after":
		b.text(">")
		b.arg(end)
	case "t_before":
		b.text("<")
		b.arg(start)
	case "t_during":
		b.text(">")
		b.arg(start)
		b.text(" AND ", col, "<")
		b.arg(end)
	case "t_intersects":
		b.text(">=")
		b.arg(start)
		b.text(" AND ", col, "<=")
		b.arg(end)
	}
	b.text(")")
	return true
}

// stretch is the closed stretch of microseconds of a constant (see cql2,
// Time relations); an open bound is beyond every instant.
func stretch(e cql2.Expr) (start, end int64, ok bool) {
	const day = 86_400_000_000
	switch e := e.(type) {
	case *cql2.Lit:
		switch e.Value.Kind() {
		case value.Time:
			return e.Value.Micros(), e.Value.Micros(), true
		case value.Date:
			if d := e.Value.Days(); d > -1<<24 && d < 1<<24 {
				return d * day, d*day + day - 1, true
			}
		}
	case *cql2.Interval:
		start, end, ok = -1<<62, 1<<62, true
		if e.Start != nil {
			start, _, ok = stretch(e.Start)
		}
		if ok && e.End != nil {
			_, end, ok = stretch(e.End)
		}
		return start, end, ok
	}
	return 0, 0, false
}
