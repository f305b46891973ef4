package cql2

import (
	"fmt"
	"slices"
	"strings"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Bind resolves the properties of a parsed filter against a schema and checks
// that every part has the kind that its place needs and the whole is true or
// false. It returns a new tree in which
//   - every Prop has its Column, Kind and List;
//   - a text literal that stands where a date or timestamp is compared has
//     become that date or timestamp (so "day = '2026-03-31'" works);
//   - casei and accenti of a literal are computed, so that the pattern of LIKE
//     is always a Text literal;
//   - dates and timestamps inside array literals are Text, as arrays hold them.
//
// A nil filter stays nil. The error is Invalid and holds all faults, each at its
// byte offset. Binding a bound tree again, also to another schema, is allowed.
func Bind(e Expr, s Schema) (Expr, error) {
	if e == nil {
		return nil, nil
	}
	if err := checkDepth(e); err != nil {
		return nil, err
	}
	b := binder{schema: s}
	out, k := b.bind(e)
	if k.known() && k != boolean {
		b.fail(e, "cql2-not-predicate", "found", k)
	}
	if err := problem.InvalidWith("cql2-invalid", b.faults); err != nil {
		return nil, err
	}
	return out, nil
}

// KindOf returns the kind of value that a bound expression gives; Null for
// lists, intervals and what is not bound.
func KindOf(e Expr) value.Kind {
	b := binder{quiet: true}
	_, k := b.bind(e)
	if k.list || k.interval {
		return value.Null
	}
	return k.kind
}

// kind is the static kind of an expression. The zero kind is unknown: its fault
// was reported where it arose.
type kind struct {
	kind     value.Kind
	list     bool
	interval bool
}

var (
	boolean  = kind{kind: value.Bool}
	float    = kind{kind: value.Float}
	text     = kind{kind: value.Text}
	list     = kind{list: true}
	interval = kind{interval: true}
)

func (k kind) known() bool { return k != kind{} }

func (k kind) String() string {
	switch {
	case k.list:
		return "array"
	case k.interval:
		return "interval"
	}
	return k.kind.String()
}

func (k kind) number() bool  { return !k.list && (k.kind == value.Int || k.kind == value.Float) }
func (k kind) instant() bool { return !k.list && (k.kind == value.Date || k.kind == value.Time) }

// comparable tells whether = and < apply between two kinds.
func comparable(a, b kind) bool {
	if a.list || b.list || a.interval || b.interval || a.kind == value.Geometry {
		return false
	}
	return a == b || a.number() && b.number() || a.instant() && b.instant()
}

type binder struct {
	schema Schema
	faults []problem.Violation
	quiet  bool // no schema: properties are bound already
}

func (b *binder) fail(e Expr, code string, kv ...any) {
	const most = 100
	if !b.quiet && len(b.faults) < most {
		b.faults = append(b.faults, problem.Violate(code, "", kv...).At(problem.Position{Offset: int64(e.Offset())}))
	}
}

func (b *binder) bind(e Expr) (Expr, kind) {
	switch e := e.(type) {
	case *Lit:
		c := *e
		return &c, kind{kind: e.Value.Kind()}
	case *Prop:
		return b.property(e)
	case *Interval:
		return b.interval(e)
	case *List:
		return b.array(e), list
	case *Call:
		return b.call(e)
	}
	return e, kind{}
}

func (b *binder) property(e *Prop) (Expr, kind) {
	c := *e
	if !b.quiet {
		column, k, isList, ok := b.schema.Property(e.Name)
		if !ok {
			if n := nearest(e.Name, b.schema.PropertyNames()); n != "" {
				b.fail(e, "cql2-unknown-property", "name", e.Name, "nearest", n)
			} else {
				b.fail(e, "cql2-no-such-property", "name", e.Name)
			}
			return &c, kind{}
		}
		c.Column, c.Kind, c.List = column, k, isList
	}
	if c.List {
		return &c, list
	}
	return &c, kind{kind: c.Kind}
}

func (b *binder) interval(e *Interval) (Expr, kind) {
	c := &Interval{At: e.At}
	bound := func(x Expr) Expr {
		if x == nil {
			return nil
		}
		x, k := b.bind(x)
		x, k = b.asInstant(x, k)
		if k.known() && !k.instant() {
			b.fail(x, "cql2-kind", "op", "INTERVAL", "expected", "date, datetime", "found", k)
		}
		return x
	}
	c.Start, c.End = bound(e.Start), bound(e.End)
	start, ok1 := c.Start.(*Lit)
	end, ok2 := c.End.(*Lit)
	if ok1 && ok2 {
		if iv, ok := spanOf(c, nil, nil); ok && iv.start > iv.end && start.Value.Kind() != value.Text && end.Value.Kind() != value.Text {
			b.fail(e, "cql2-interval-backwards")
		}
	}
	return c, interval
}

// asInstant turns a text literal into the date or timestamp that it spells.
func (b *binder) asInstant(e Expr, k kind) (Expr, kind) {
	lit, ok := e.(*Lit)
	if !ok || lit.Value.Kind() != value.Text {
		return e, k
	}
	c, err := instantLit("", lit.Value.Text(), lit.At)
	if err != nil {
		b.fail(e, "cql2-instant")
		return e, kind{}
	}
	return c, kind{kind: c.Value.Kind()}
}

// array binds an array literal of an A_ function.
func (b *binder) array(e *List) Expr {
	c := &List{At: e.At}
	for _, item := range e.Items {
		lit, ok := item.(*Lit)
		if !ok {
			b.fail(item, "cql2-array-item")
			continue
		}
		v := lit.Value
		switch v.Kind() {
		case value.Date, value.Time:
			v = value.OfText(instantText(v))
		case value.Null, value.Geometry:
			b.fail(item, "cql2-array-item")
		}
		c.Items = append(c.Items, &Lit{Value: v, At: lit.At})
	}
	return c
}

func (b *binder) call(e *Call) (Expr, kind) {
	c := &Call{Op: e.Op, At: e.At}
	switch e.Op {
	case "and", "or":
		return b.logic(c, e, 2, MaxItems)
	case "not":
		return b.logic(c, e, 1, 1)
	case "=", "<>", "<", ">", "<=", ">=":
		return b.comparison(c, e, 2)
	case "between":
		return b.comparison(c, e, 3)
	case "in":
		return b.in(c, e)
	case "like":
		return b.like(c, e)
	case "isNull":
		if b.arity(e, 1) {
			x, k := b.bind(e.Args[0])
			if k.interval {
				b.fail(x, "cql2-interval-use")
			}
			c.Args = []Expr{x}
		}
		return c, boolean
	case "+", "-", "*", "/", "%", "div", "^":
		if b.arity(e, 2) {
			for _, a := range e.Args {
				x, k := b.bind(a)
				if k.known() && !k.number() {
					b.fail(a, "cql2-kind", "op", e.Op, "expected", "number", "found", k)
				}
				c.Args = append(c.Args, x)
			}
		}
		return c, float
	case "casei", "accenti":
		return b.fold(c, e)
	}
	if len(e.Op) > 2 && e.Op[1] == '_' && slices.Contains(operators(), e.Op) {
		return b.relation(c, e)
	}
	return b.function(c, e)
}

func (b *binder) arity(e *Call, n int) bool {
	if len(e.Args) != n {
		b.fail(e, "cql2-arity", "op", e.Op, "expected", n, "found", len(e.Args))
		return false
	}
	return true
}

func (b *binder) logic(c, e *Call, least, most int) (Expr, kind) {
	if len(e.Args) < least || len(e.Args) > most {
		b.fail(e, "cql2-arity", "op", e.Op, "expected", fmt.Sprintf("≥ %d", least), "found", len(e.Args))
		return c, boolean
	}
	for _, a := range e.Args {
		x, k := b.bind(a)
		if k.known() && k != boolean {
			b.fail(a, "cql2-kind", "op", strings.ToUpper(e.Op), "expected", "boolean", "found", k)
		}
		c.Args = append(c.Args, x)
	}
	return c, boolean
}

func (b *binder) comparison(c, e *Call, n int) (Expr, kind) {
	if b.arity(e, n) {
		c.Args = b.alike(e.Args)
	}
	return c, boolean
}

// alike binds operands that are compared with the first, or with each other
// where the first is a text literal among instants.
func (b *binder) alike(args []Expr) []Expr {
	out, kinds := make([]Expr, len(args)), make([]kind, len(args))
	instants := false
	for i, a := range args {
		out[i], kinds[i] = b.bind(a)
		instants = instants || kinds[i].instant()
	}
	for i := range out {
		if instants {
			out[i], kinds[i] = b.asInstant(out[i], kinds[i])
		}
	}
	first := kinds[0]
	for i, k := range kinds[1:] {
		if first.known() && k.known() && !comparable(first, k) {
			b.fail(args[i+1], "cql2-incomparable", "left", first, "right", k)
		}
	}
	return out
}

func (b *binder) in(c, e *Call) (Expr, kind) {
	if !b.arity(e, 2) {
		return c, boolean
	}
	items, ok := e.Args[1].(*List)
	if !ok || len(items.Items) == 0 {
		b.fail(e, "cql2-expected", "expected", "(…, …)")
		return c, boolean
	}
	if len(items.Items) > MaxItems {
		b.fail(e, "cql2-too-many", "limit", MaxItems)
		return c, boolean
	}
	all := b.alike(append([]Expr{e.Args[0]}, items.Items...))
	c.Args = []Expr{all[0], &List{Items: all[1:], At: items.At}}
	return c, boolean
}

func (b *binder) like(c, e *Call) (Expr, kind) {
	if !b.arity(e, 2) {
		return c, boolean
	}
	for _, a := range e.Args {
		x, k := b.bind(a)
		if k.known() && k != text {
			b.fail(a, "cql2-kind", "op", "LIKE", "expected", "string", "found", k)
		}
		c.Args = append(c.Args, x)
	}
	p, ok := c.Args[1].(*Lit)
	if !ok || p.Value.Kind() == value.Text && !soundPattern(p.Value.Text()) {
		b.fail(e.Args[1], "cql2-pattern")
	} else if len(p.Value.Text()) > MaxPattern {
		b.fail(e.Args[1], "cql2-pattern-long", "limit", MaxPattern)
	}
	return c, boolean
}

func (b *binder) fold(c, e *Call) (Expr, kind) {
	if !b.arity(e, 1) {
		return c, text
	}
	x, k := b.bind(e.Args[0])
	if k.known() && k != text {
		b.fail(e.Args[0], "cql2-kind", "op", strings.ToUpper(e.Op), "expected", "string", "found", k)
	}
	if lit, ok := x.(*Lit); ok && k == text {
		s := value.FoldCase
		if e.Op == "accenti" {
			s = value.FoldAccents
		}
		return &Lit{Value: value.OfText(s(lit.Value.Text())), At: e.At}, text
	}
	c.Args = []Expr{x}
	return c, text
}

// relation binds S_, T_ and A_ functions.
func (b *binder) relation(c, e *Call) (Expr, kind) {
	if !b.arity(e, 2) {
		return c, boolean
	}
	for _, a := range e.Args {
		x, k := b.bind(a)
		expected, fits := "geometry", k.kind == value.Geometry
		switch e.Op[0] {
		case 't':
			x, k = b.asInstant(x, k)
			expected, fits = "date, datetime, interval", k.instant() || k.interval
		case 'a':
			expected, fits = "array", k.list
		}
		if k.known() && !fits {
			b.fail(a, "cql2-kind", "op", strings.ToUpper(e.Op), "expected", expected, "found", k)
		}
		c.Args = append(c.Args, x)
	}
	return c, boolean
}

func (b *binder) function(c, e *Call) (Expr, kind) {
	f, ok := lookup(e.Op)
	if !ok {
		var names []string
		for _, f := range Functions() {
			names = append(names, f.Name)
		}
		if n := nearest(e.Op, append(names, operators()...)); n != "" {
			b.fail(e, "cql2-unknown-function", "name", e.Op, "nearest", n)
		} else {
			b.fail(e, "cql2-no-such-function", "name", e.Op)
		}
		return c, kind{}
	}
	if n := len(e.Args); n < len(f.Args) || n > len(f.Args) && !f.Variadic || n > MaxItems {
		expected := fmt.Sprint(len(f.Args))
		if f.Variadic {
			expected = "≥ " + expected
		}
		b.fail(e, "cql2-arity", "op", e.Op, "expected", expected, "found", n)
		return c, kind{kind: f.Result}
	}
	result := kind{kind: f.Result}
	for i, a := range e.Args {
		x, k := b.bind(a)
		c.Args = append(c.Args, x)
		allowed := f.Args[min(i, len(f.Args)-1)]
		switch {
		case !k.known():
		case k.list && f.Name == "previous":
			result = k
		case k.list || k.interval || !slices.Contains(allowed, k.kind):
			b.fail(a, "cql2-kind", "op", f.Name, "expected", names(allowed), "found", k)
		case f.Result == value.Null && !result.known():
			result = k
		case f.Result == value.Null && result != k && result.number() && k.number():
			result = float
		case f.Result == value.Null && result != k:
			b.fail(a, "cql2-incomparable", "left", result, "right", k)
		}
	}
	if _, isProp := e.Args[0].(*Prop); f.Name == "previous" && !isProp {
		b.fail(e, "cql2-previous")
	}
	return c, result
}

func names(kinds []value.Kind) string {
	var s []string
	for _, k := range kinds {
		s = append(s, k.String())
	}
	return strings.Join(s, ", ")
}

// nearest returns the name closest to what was written, or "" when none is close.
func nearest(name string, names []string) string {
	best, distance := "", 3
	folded := []rune(value.Fold(name))
	if len(folded) > 64 {
		return ""
	}
	for _, n := range names {
		if f := []rune(value.Fold(n)); len(f) <= 64 {
			if d := edits(folded, f); d < distance && d < max(len(f), 2) {
				best, distance = n, d
			}
		}
	}
	return best
}

// edits is the Levenshtein distance.
func edits(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := diagonal
			if x != y {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
