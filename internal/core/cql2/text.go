package cql2

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Limits of an expression.
const (
	MaxText    = 64 << 10 // bytes of CQL2 text
	MaxJSON    = 1 << 20  // bytes of CQL2 JSON
	MaxDepth   = 200      // levels of the tree
	MaxItems   = 10000    // items of one list
	MaxPattern = 1000     // bytes of a LIKE pattern
)

func fault(at int, code string, kv ...any) error {
	v := problem.Violate(code, "", kv...).At(problem.Position{Offset: int64(at)})
	return problem.InvalidWith("cql2-invalid", []problem.Violation{v})
}

// ParseText reads CQL2 text (OGC 21-065r2 Annex B). Keywords and function names
// are taken in any case; text and names are brought to NFC. The tree is not
// bound: names are not looked up and kinds not checked. An error is Invalid
// with one Violation, whose Position.Offset is the byte at fault.
func ParseText(s string) (Expr, error) {
	if len(s) > MaxText {
		return nil, problem.New(problem.TooLarge, "cql2-too-long", "limit", MaxText)
	}
	if !utf8.ValidString(s) {
		return nil, fault(0, "cql2-encoding")
	}
	p := parser{s: s}
	if err := p.next(); err != nil {
		return nil, err
	}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokEnd {
		return nil, fault(p.tok.at, "cql2-expected-end")
	}
	return e, checkDepth(e)
}

// checkDepth bounds what every walker of the tree recurses through. Chains of
// one operator are read in a loop and would pass the parser's own bound.
func checkDepth(e Expr) error {
	if at, ok := tooDeep(e, MaxDepth); ok {
		return fault(at, "cql2-too-deep", "limit", MaxDepth)
	}
	return nil
}

func tooDeep(e Expr, left int) (at int, ok bool) {
	if left == 0 {
		return e.Offset(), true
	}
	for _, c := range children(e) {
		if at, ok := tooDeep(c, left-1); ok {
			return at, true
		}
	}
	return 0, false
}

// children lists the direct parts of a node that are there.
func children(e Expr) []Expr {
	switch e := e.(type) {
	case *Call:
		return e.Args
	case *List:
		return e.Items
	case *Interval:
		var c []Expr
		if e.Start != nil {
			c = append(c, e.Start)
		}
		if e.End != nil {
			c = append(c, e.End)
		}
		return c
	}
	return nil
}

type parser struct {
	s     string
	tok   token
	depth int
}

func (p *parser) next() (err error) {
	p.tok, err = scan(p.s, p.tok.end)
	return err
}

// take consumes the keyword or symbol if it comes next.
func (p *parser) take(s string) (bool, error) {
	if !p.tok.is(s) {
		return false, nil
	}
	return true, p.next()
}

func (p *parser) need(s string) error {
	if !p.tok.is(s) {
		return fault(p.tok.at, "cql2-expected", "expected", s)
	}
	return p.next()
}

func (p *parser) enter() error {
	if p.depth++; p.depth > MaxDepth {
		return fault(p.tok.at, "cql2-too-deep", "limit", MaxDepth)
	}
	return nil
}

func (p *parser) or() (Expr, error)  { return p.chain("or", p.and) }
func (p *parser) and() (Expr, error) { return p.chain("and", p.not) }

// chain reads operands joined by one keyword into one node.
func (p *parser) chain(op string, operand func() (Expr, error)) (Expr, error) {
	first, err := operand()
	if err != nil || !p.tok.is(op) {
		return first, err
	}
	c := &Call{Op: op, Args: []Expr{first}, At: p.tok.at}
	for p.tok.is(op) {
		if err := p.next(); err != nil {
			return nil, err
		}
		e, err := operand()
		if err != nil {
			return nil, err
		}
		c.Args = append(c.Args, e)
	}
	return c, nil
}

func (p *parser) not() (Expr, error) {
	at := p.tok.at
	if ok, err := p.take("not"); err != nil {
		return nil, err
	} else if !ok {
		return p.predicate()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	e, err := p.not()
	if err != nil {
		return nil, err
	}
	return &Call{Op: "not", Args: []Expr{e}, At: at}, nil
}

// predicate reads an operand and at most one comparison after it.
func (p *parser) predicate() (Expr, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	at := p.tok.at
	if p.tok.kind == tokSymbol {
		switch op := p.tok.text; op {
		case "=", "<>", "<", ">", "<=", ">=":
			if err := p.next(); err != nil {
				return nil, err
			}
			right, err := p.sum()
			if err != nil {
				return nil, err
			}
			return &Call{Op: op, Args: []Expr{left, right}, At: at}, nil
		}
		return left, nil
	}
	if ok, err := p.take("is"); err != nil {
		return nil, err
	} else if ok {
		negated, err := p.take("not")
		if err != nil {
			return nil, err
		}
		if err := p.need("null"); err != nil {
			return nil, err
		}
		return negate(negated, &Call{Op: "isNull", Args: []Expr{left}, At: at}), nil
	}
	negated, err := p.take("not")
	if err != nil {
		return nil, err
	}
	var c *Call
	switch {
	case p.tok.is("like"):
		c, err = p.like(left)
	case p.tok.is("between"):
		c, err = p.between(left)
	case p.tok.is("in"):
		c, err = p.in(left)
	case negated:
		err = fault(p.tok.at, "cql2-expected", "expected", "LIKE, BETWEEN, IN")
	default:
		return left, nil
	}
	if err != nil {
		return nil, err
	}
	c.At = at
	return negate(negated, c), nil
}

func negate(yes bool, c *Call) Expr {
	if yes {
		return &Call{Op: "not", Args: []Expr{c}, At: c.At}
	}
	return c
}

func (p *parser) like(left Expr) (*Call, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	pattern, err := p.sum()
	return &Call{Op: "like", Args: []Expr{left, pattern}}, err
}

func (p *parser) between(left Expr) (*Call, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	low, err := p.sum()
	if err != nil {
		return nil, err
	}
	if err := p.need("and"); err != nil {
		return nil, err
	}
	high, err := p.sum()
	return &Call{Op: "between", Args: []Expr{left, low, high}}, err
}

func (p *parser) in(left Expr) (*Call, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	at := p.tok.at
	if err := p.need("("); err != nil {
		return nil, err
	}
	items, err := p.items(")")
	return &Call{Op: "in", Args: []Expr{left, &List{Items: items, At: at}}}, err
}

// items reads expressions up to the closing symbol, which it consumes.
func (p *parser) items(closing string) ([]Expr, error) {
	var items []Expr
	if ok, err := p.take(closing); ok || err != nil {
		return items, err
	}
	for {
		if len(items) == MaxItems {
			return nil, fault(p.tok.at, "cql2-too-many", "limit", MaxItems)
		}
		e, err := p.element()
		if err != nil {
			return nil, err
		}
		items = append(items, e)
		if ok, err := p.take(","); err != nil {
			return nil, err
		} else if !ok {
			return items, p.need(closing)
		}
	}
}

// element is an argument of a function or a member of a list.
func (p *parser) element() (Expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	return p.or()
}

func (p *parser) sum() (Expr, error) { return p.binary(p.product, "+", "-") }

func (p *parser) product() (Expr, error) { return p.binary(p.power, "*", "/", "%", "div") }

func (p *parser) binary(operand func() (Expr, error), ops ...string) (Expr, error) {
	left, err := operand()
	if err != nil {
		return nil, err
	}
next:
	for _, op := range ops {
		if !p.tok.is(op) {
			continue
		}
		at := p.tok.at
		if err := p.next(); err != nil {
			return nil, err
		}
		right, err := operand()
		if err != nil {
			return nil, err
		}
		left = &Call{Op: op, Args: []Expr{left, right}, At: at}
		goto next
	}
	return left, nil
}

// power binds to the right.
func (p *parser) power() (Expr, error) {
	base, err := p.unary()
	if err != nil || !p.tok.is("^") {
		return base, err
	}
	at := p.tok.at
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if err := p.next(); err != nil {
		return nil, err
	}
	exponent, err := p.power()
	return &Call{Op: "^", Args: []Expr{base, exponent}, At: at}, err
}

// unary reads a sign. It belongs to a literal (signedNumericLiteral of the
// standard); before anything else, minus is a multiplication by -1.
func (p *parser) unary() (Expr, error) {
	at := p.tok.at
	minus := p.tok.is("-")
	if !minus && !p.tok.is("+") {
		return p.primary()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.tok.kind == tokNumber {
		text := p.tok.text
		if minus {
			text = "-" + text
		}
		v, ok := numberValue(text)
		if !ok {
			return nil, fault(at, "cql2-number")
		}
		return &Lit{Value: v, At: at}, p.next()
	}
	e, err := p.unary()
	if err != nil || !minus {
		return e, err
	}
	return &Call{Op: "*", Args: []Expr{&Lit{Value: value.OfInt(-1), At: at}, e}, At: at}, nil
}

// numberValue makes an Int of digits that fit one, else a Float.
func numberValue(s string) (value.Value, bool) {
	if !strings.ContainsAny(s, ".eE") {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return value.OfInt(i), true
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return value.Value{}, false
	}
	return value.OfFloat(f), true
}

func (p *parser) primary() (Expr, error) {
	t := p.tok
	switch t.kind {
	case tokNumber:
		v, ok := numberValue(t.text)
		if !ok {
			return nil, fault(t.at, "cql2-number")
		}
		return &Lit{Value: v, At: t.at}, p.next()
	case tokText:
		return &Lit{Value: value.OfText(norm.NFC.String(t.text)), At: t.at}, p.next()
	case tokQuoted:
		return &Prop{Name: norm.NFC.String(t.text), Column: -1, At: t.at}, p.next()
	case tokSymbol:
		switch t.text {
		case "(":
			return p.parenthesis()
		case "[":
			if err := p.next(); err != nil {
				return nil, err
			}
			items, err := p.items("]")
			return &List{Items: items, At: t.at}, err
		}
	case tokWord:
		return p.word()
	}
	return nil, fault(t.at, "cql2-expected-operand")
}

// parenthesis reads "(expression)", or a list when there are no or several items.
func (p *parser) parenthesis() (Expr, error) {
	at := p.tok.at
	if err := p.next(); err != nil {
		return nil, err
	}
	items, err := p.items(")")
	if err != nil {
		return nil, err
	}
	if len(items) == 1 {
		return items[0], nil
	}
	return &List{Items: items, At: at}, nil
}

func (p *parser) word() (Expr, error) {
	t := p.tok
	switch strings.ToUpper(t.text) {
	case "TRUE":
		return &Lit{Value: value.OfBool(true), At: t.at}, p.next()
	case "FALSE":
		return &Lit{Value: value.OfBool(false), At: t.at}, p.next()
	}
	if reserved(t.text) {
		return nil, fault(t.at, "cql2-expected-operand")
	}
	after, err := scan(p.s, t.end)
	if geom.WKTKind(t.text) && (after.is("(") || after.is("z") || after.is("m") || after.is("zm") || after.is("empty")) {
		wkb, end, err := geom.ReadWKT(p.s, t.at)
		if err != nil {
			return nil, asFilterFault(err)
		}
		p.tok.end = end
		return &Lit{Value: value.OfGeometry(wkb), At: t.at}, p.next()
	}
	if err == nil && after.is("(") {
		if err := p.next(); err != nil {
			return nil, err
		}
		return p.call(t)
	}
	return &Prop{Name: norm.NFC.String(t.text), Column: -1, At: t.at}, p.next()
}

// asFilterFault puts a geometry's violations under the expression's own code.
func asFilterFault(err error) error {
	e := problem.As(err)
	return problem.InvalidWith("cql2-invalid", e.Violations)
}
