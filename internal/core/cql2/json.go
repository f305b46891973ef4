package cql2

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// maxNodes bounds the memory that one JSON expression can take.
const maxNodes = 100000

// ParseJSON reads CQL2 JSON (OGC 21-065r2 Annex C): {"op", "args"}, property,
// date, timestamp, interval, bbox, GeoJSON geometries, arrays and scalars; also
// the forms of the drafts for functions ({"function": {"name", "args"}}), casei
// and accenti ({"casei": …}). Duplicate members, bad UTF-8 and unknown objects
// are refused. Errors are those of ParseText, offsets count bytes of the JSON.
func ParseJSON(b []byte) (Expr, error) {
	if len(b) > MaxJSON {
		return nil, problem.New(problem.TooLarge, "cql2-too-long", "limit", MaxJSON)
	}
	p := jsonParser{d: jsontext.NewDecoder(bytes.NewReader(b))}
	n, err := p.node(0)
	if err != nil {
		return nil, err
	}
	if p.d.PeekKind() != 0 || len(bytes.TrimLeft(b[p.d.InputOffset():], " \t\r\n")) > 0 {
		return nil, fault(int(p.d.InputOffset()), "cql2-json")
	}
	e, err := n.expr()
	if err != nil {
		return nil, err
	}
	return e, checkDepth(e)
}

// node is JSON read once, so that members may come in any order.
type node struct {
	kind    jsontext.Kind
	at      int
	text    string // string, or digits of a number
	raw     []byte // coordinates and geometries, left for package geom
	items   []*node
	members []member
}

type member struct {
	name string
	node *node
}

func (n *node) member(name string) *node {
	for _, m := range n.members {
		if m.name == name {
			return m.node
		}
	}
	return nil
}

type jsonParser struct {
	d     *jsontext.Decoder
	nodes int
}

func (p *jsonParser) bad() error { return fault(int(p.d.InputOffset()), "cql2-json") }

func (p *jsonParser) node(depth int) (*node, error) {
	kind := p.d.PeekKind()
	if depth > 2*MaxDepth+2 { // one level of the tree is an object and an array
		return nil, fault(int(p.d.InputOffset()), "cql2-too-deep", "limit", MaxDepth)
	}
	if p.nodes++; p.nodes > maxNodes {
		return nil, fault(int(p.d.InputOffset()), "cql2-too-many", "limit", maxNodes)
	}
	if kind != '[' && kind != '{' {
		return p.scalar(kind)
	}
	if _, err := p.d.ReadToken(); err != nil {
		return nil, p.bad()
	}
	n := &node{kind: kind, at: int(p.d.InputOffset()) - 1}
	for p.d.PeekKind() != kind+2 { // ']' and '}' come two after '[' and '{'
		if kind == '[' {
			item, err := p.node(depth + 1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
			continue
		}
		m, err := p.member(depth)
		if err != nil {
			return nil, err
		}
		n.members = append(n.members, m)
	}
	if _, err := p.d.ReadToken(); err != nil {
		return nil, p.bad()
	}
	return n, nil
}

func (p *jsonParser) scalar(kind jsontext.Kind) (*node, error) {
	raw, err := p.d.ReadValue()
	if err != nil {
		return nil, p.bad()
	}
	n := &node{kind: kind, at: int(p.d.InputOffset()) - len(raw), text: string(raw)}
	if kind == '"' {
		s, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return nil, p.bad()
		}
		n.text = string(s)
	}
	return n, nil
}

func (p *jsonParser) member(depth int) (member, error) {
	t, err := p.d.ReadToken()
	if err != nil || t.Kind() != '"' {
		return member{}, p.bad()
	}
	m := member{name: t.String()}
	if m.name != "coordinates" && m.name != "geometries" {
		m.node, err = p.node(depth + 1)
		return m, err
	}
	raw, err := p.d.ReadValue()
	if err != nil {
		return member{}, p.bad()
	}
	m.node = &node{kind: '[', raw: raw.Clone(), at: int(p.d.InputOffset()) - len(raw)}
	return m, nil
}

// expr turns a node into an expression.
func (n *node) expr() (Expr, error) {
	switch n.kind {
	case '"':
		if hasNUL(n.text) {
			return nil, fault(n.at, "cql2-character")
		}
		return &Lit{Value: value.OfText(norm.NFC.String(n.text)), At: n.at}, nil
	case '0':
		v, ok := numberValue(n.text)
		if !ok {
			return nil, fault(n.at, "cql2-number")
		}
		return &Lit{Value: v, At: n.at}, nil
	case 't', 'f':
		return &Lit{Value: value.OfBool(n.kind == 't'), At: n.at}, nil
	case '[':
		items, err := n.exprs()
		return &List{Items: items, At: n.at}, err
	case '{':
		return n.object()
	}
	return nil, fault(n.at, "cql2-json-null")
}

func hasNUL(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return true
		}
	}
	return false
}

func (n *node) exprs() ([]Expr, error) {
	if n.kind != '[' || n.raw != nil {
		return nil, fault(n.at, "cql2-expected", "expected", "[")
	}
	if len(n.items) > MaxItems {
		return nil, fault(n.at, "cql2-too-many", "limit", MaxItems)
	}
	var list []Expr
	for _, item := range n.items {
		e, err := item.expr()
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func (n *node) object() (Expr, error) {
	if op := n.member("op"); op != nil {
		return n.call(op, n.member("args"))
	}
	if f := n.member("function"); f != nil {
		if f.kind == '{' && f.member("name") != nil {
			return n.call(f.member("name"), f.member("args"))
		}
		return nil, fault(f.at, "cql2-json-object")
	}
	if p := n.member("property"); p != nil {
		if p.kind != '"' {
			return nil, fault(p.at, "cql2-expected-text")
		}
		if hasNUL(p.text) {
			return nil, fault(p.at, "cql2-character")
		}
		return &Prop{Name: norm.NFC.String(p.text), Column: -1, At: n.at}, nil
	}
	for _, form := range []string{"date", "timestamp"} {
		if d := n.member(form); d != nil {
			if d.kind != '"' {
				return nil, fault(d.at, "cql2-expected-text")
			}
			lit, err := instantLit(form, d.text, n.at)
			if err != nil {
				return nil, err
			}
			return lit, nil
		}
	}
	if iv := n.member("interval"); iv != nil {
		return n.interval(iv)
	}
	if n.member("type") != nil {
		return n.geometry()
	}
	if box := n.member("bbox"); box != nil {
		return n.bbox(box)
	}
	for _, fold := range []string{"casei", "accenti"} {
		if a := n.member(fold); a != nil {
			e, err := a.expr()
			if err != nil {
				return nil, err
			}
			return &Call{Op: fold, Args: []Expr{e}, At: n.at}, nil
		}
	}
	return nil, fault(n.at, "cql2-json-object")
}

func (n *node) call(op, args *node) (Expr, error) {
	if op.kind != '"' || op.text == "" {
		return nil, fault(op.at, "cql2-expected-text")
	}
	c := &Call{Op: canonical(op.text), At: n.at}
	if args == nil {
		return c, nil
	}
	var err error
	if args.kind == '{' && c.Op == "isNull" { // the drafts' form
		e, err := args.expr()
		c.Args = []Expr{e}
		return c, err
	}
	c.Args, err = args.exprs()
	return c, err
}

func (n *node) interval(iv *node) (Expr, error) {
	if iv.kind != '[' || len(iv.items) != 2 {
		return nil, fault(iv.at, "cql2-expected", "expected", "[start, end]")
	}
	bound := func(b *node) (Expr, error) {
		if b.kind != '"' {
			return b.expr()
		}
		if b.text == ".." {
			return nil, nil
		}
		lit, err := instantLit("", b.text, b.at)
		if err != nil {
			return nil, err
		}
		return lit, nil
	}
	e := &Interval{At: n.at}
	var err error
	if e.Start, err = bound(iv.items[0]); err != nil {
		return nil, err
	}
	e.End, err = bound(iv.items[1])
	return e, err
}

func (n *node) bbox(box *node) (Expr, error) {
	if box.kind != '[' || len(box.items) > 6 {
		return nil, fault(box.at, "cql2-bbox")
	}
	var numbers []float64
	for _, item := range box.items {
		f, err := strconv.ParseFloat(item.text, 64)
		if item.kind != '0' || err != nil {
			return nil, fault(item.at, "cql2-expected-number")
		}
		numbers = append(numbers, f)
	}
	lit, err := bboxLit(numbers, n.at)
	if err != nil {
		return nil, err
	}
	return lit, nil
}

// geometry hands type and coordinates to package geom.
func (n *node) geometry() (Expr, error) {
	t := n.member("type")
	name, body := "coordinates", n.member("coordinates")
	if body == nil {
		name, body = "geometries", n.member("geometries")
	}
	if t.kind != '"' || body == nil {
		return nil, fault(n.at, "cql2-json-object")
	}
	b := append(appendString([]byte(`{"type":`), t.text), `,"`+name+`":`...)
	shift := int64(body.at - len(b))
	wkb, err := geom.FromGeoJSON(append(append(b, body.raw...), '}'))
	if err != nil {
		e := problem.As(err)
		for i := range e.Violations { // back to offsets of the whole document
			p := &e.Violations[i].Position
			p.Offset = max(p.Offset+shift, int64(n.at))
		}
		return nil, asFilterFault(e)
	}
	return &Lit{Value: value.OfGeometry(wkb), At: n.at}, nil
}
