package sqlite

import (
	"database/sql/driver"
	"math"
	"strings"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/geom"
)

// maxNear is how many rows the R*Tree may give for it to lead a query. Where a
// window holds more, walking the order and testing every row finds a page sooner.
const maxNear = 20_000

// window is a rectangle that every row of a query lies in or touches.
type window struct{ geom.Box }

func (w *window) write(b *builder) {
	b.text("west<=")
	b.arg(w.East)
	b.text(" AND east>=")
	b.arg(w.West)
	b.text(" AND south<=")
	b.arg(w.North)
	b.text(" AND north>=")
	b.arg(w.South)
}

// nearby decides whether the R*Tree leads a query with this filter: when the
// filter has a window and few rows lie in it.
func (p *plan) nearby(c *conn, filter cql2.Expr) (*window, error) {
	if p.box == "" || filter == nil {
		return nil, nil
	}
	w := &window{geom.Box{West: math.Inf(-1), South: math.Inf(-1), East: math.Inf(1), North: math.Inf(1)}}
	p.narrow(w, filter)
	for _, edge := range []float64{w.West, w.South, w.East, w.North} {
		if math.IsInf(edge, 0) {
			return nil, nil
		}
	}
	b := builder{p: p, sql: strings.Builder{}}
	b.text("SELECT count(*) FROM (SELECT 1 FROM ", p.box, " WHERE ")
	w.write(&b)
	b.text(" LIMIT ")
	b.arg(int64(maxNear + 1))
	b.text(")")
	n := []driver.Value{nil}
	if _, err := c.first(b.sql.String(), b.args, n); err != nil {
		return nil, err
	}
	if k, _ := n[0].(int64); k > maxNear {
		return nil, nil
	}
	return w, nil
}

// narrow cuts w down by what a condition demands in any case.
func (p *plan) narrow(w *window, e cql2.Expr) {
	call, ok := e.(*cql2.Call)
	if !ok {
		return
	}
	switch call.Op {
	case "and":
		for _, a := range call.Args {
			p.narrow(w, a)
		}
	case "s_intersects", "s_equals", "s_touches", "s_within", "s_overlaps", "s_crosses", "s_contains":
		for i, a := range call.Args {
			prop, isProp := a.(*cql2.Prop)
			if !isProp || prop.Column != p.t.Geometry || len(call.Args) != 2 {
				continue
			}
			if lit, isLit := call.Args[1-i].(*cql2.Lit); isLit {
				if b, ok := geom.Bounds(lit.Value.WKB()); ok && b.West <= b.East {
					w.cut(b)
				}
			}
		}
	case "=", "<", ">", "<=", ">=":
		if len(call.Args) != 2 {
			return
		}
		prop, isProp := call.Args[0].(*cql2.Prop)
		lit, isLit := call.Args[1].(*cql2.Lit)
		op := call.Op
		if !isProp {
			prop, isProp = call.Args[1].(*cql2.Prop)
			lit, isLit = call.Args[0].(*cql2.Lit)
			op = mirrored(op)
		}
		if !isProp || !isLit {
			return
		}
		if f, ok := lit.Value.Number(); ok {
			if op != "<" && op != "<=" {
				p.atLeast(w, prop.Column, f)
			}
			if op != ">" && op != ">=" {
				p.atMost(w, prop.Column, f)
			}
		}
	case "between":
		if len(call.Args) != 3 {
			return
		}
		prop, isProp := call.Args[0].(*cql2.Prop)
		lo, isLo := call.Args[1].(*cql2.Lit)
		hi, isHi := call.Args[2].(*cql2.Lit)
		if !isProp || !isLo || !isHi {
			return
		}
		if f, ok := lo.Value.Number(); ok {
			p.atLeast(w, prop.Column, f)
		}
		if f, ok := hi.Value.Number(); ok {
			p.atMost(w, prop.Column, f)
		}
	}
}

func mirrored(op string) string {
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

func (w *window) cut(b geom.Box) {
	w.West, w.South = max(w.West, b.West), max(w.South, b.South)
	w.East, w.North = min(w.East, b.East), min(w.North, b.North)
}

// atLeast and atMost take bounds of the columns _x and _y: a point on a place
// lies within the place's box.
func (p *plan) atLeast(w *window, col int, f float64) {
	if col == p.t.X && col >= 0 {
		w.West = max(w.West, f)
	}
	if col == p.t.Y && col >= 0 {
		w.South = max(w.South, f)
	}
}

func (p *plan) atMost(w *window, col int, f float64) {
	if col == p.t.X && col >= 0 {
		w.East = min(w.East, f)
	}
	if col == p.t.Y && col >= 0 {
		w.North = min(w.North, f)
	}
}
