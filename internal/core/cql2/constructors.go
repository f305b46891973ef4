package cql2

import (
	"strings"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
)

// call reads what follows a name and "(".
func (p *parser) call(name token) (Expr, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	switch strings.ToUpper(name.text) {
	case "DATE", "TIMESTAMP":
		return p.instant(name)
	case "INTERVAL":
		return p.interval(name)
	case "BBOX":
		return p.bbox(name)
	}
	op := canonical(name.text)
	c := &Call{Op: op, At: name.at}
	if !strings.HasPrefix(op, "a_") {
		items, err := p.items(")")
		c.Args = items
		return c, err
	}
	for { // a parenthesis in an array function is an array, also with one item
		e, err := p.array()
		if err != nil {
			return nil, err
		}
		c.Args = append(c.Args, e)
		if ok, err := p.take(","); err != nil {
			return nil, err
		} else if !ok || len(c.Args) == 3 {
			return c, p.need(")")
		}
	}
}

func (p *parser) array() (Expr, error) {
	at := p.tok.at
	if ok, err := p.take("("); err != nil {
		return nil, err
	} else if ok {
		items, err := p.items(")")
		return &List{Items: items, At: at}, err
	}
	return p.element()
}

func (p *parser) instant(name token) (Expr, error) {
	t := p.tok
	if t.kind != tokText {
		return nil, fault(t.at, "cql2-expected-text")
	}
	e, err := instantLit(strings.ToLower(name.text), t.text, t.at)
	if err != nil {
		return nil, err
	}
	e.At = name.at
	if err := p.next(); err != nil {
		return nil, err
	}
	return e, p.need(")")
}

// instantLit reads the text of a date or timestamp; form "" takes either.
func instantLit(form, s string, at int) (*Lit, error) {
	if form != "timestamp" {
		if days, ok := parseDate(s); ok {
			return &Lit{Value: value.OfDate(days), At: at}, nil
		}
	}
	if form != "date" {
		if micros, ok := parseTimestamp(s); ok {
			return &Lit{Value: value.OfTime(micros), At: at}, nil
		}
	}
	if form == "" {
		form = "instant"
	}
	return nil, fault(at, "cql2-"+form)
}

func (p *parser) interval(name token) (Expr, error) {
	iv := &Interval{At: name.at}
	var err error
	if iv.Start, err = p.intervalBound(); err != nil {
		return nil, err
	}
	if err := p.need(","); err != nil {
		return nil, err
	}
	if iv.End, err = p.intervalBound(); err != nil {
		return nil, err
	}
	return iv, p.need(")")
}

func (p *parser) intervalBound() (Expr, error) {
	t := p.tok
	if t.kind != tokText {
		return p.element()
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	if t.text == ".." {
		return nil, nil
	}
	e, err := instantLit("", t.text, t.at)
	if err != nil {
		return nil, err
	}
	return e, nil
}

func (p *parser) bbox(name token) (Expr, error) {
	var n []float64
	for {
		e, err := p.unary()
		if err != nil {
			return nil, err
		}
		lit, ok := e.(*Lit)
		if !ok {
			return nil, fault(e.Offset(), "cql2-expected-number")
		}
		f, ok := lit.Value.Number()
		if !ok || len(n) == 6 {
			return nil, fault(e.Offset(), "cql2-bbox")
		}
		n = append(n, f)
		if ok, err := p.take(","); err != nil {
			return nil, err
		} else if !ok {
			break
		}
	}
	lit, err := bboxLit(n, name.at)
	if err != nil {
		return nil, err
	}
	return lit, p.need(")")
}

// bboxLit makes the literal of a box of 4 or 6 numbers; heights are dropped.
func bboxLit(n []float64, at int) (*Lit, error) {
	switch len(n) {
	case 4:
	case 6:
		n = []float64{n[0], n[1], n[3], n[4]}
	default:
		return nil, fault(at, "cql2-bbox")
	}
	for i, limit := range []float64{180, 90, 180, 90} {
		if !(n[i] >= -limit && n[i] <= limit) {
			return nil, fault(at, "cql2-bbox")
		}
		n[i] += 0 // no negative zero
	}
	if n[1] > n[3] {
		return nil, fault(at, "cql2-bbox")
	}
	box := [4]float64{n[0], n[1], n[2], n[3]}
	wkb := geom.BoxPolygon(geom.Box{West: box[0], South: box[1], East: box[2], North: box[3]})
	return &Lit{Value: value.OfGeometry(wkb), BBox: &box, At: at}, nil
}
