package geom

import (
	"math"
	"math/big"
)

type place int8

const (
	exterior place = iota
	boundary
	interior
)

type location struct {
	where     place
	dimension int  // of the geometry: 0, 1 or 2
	single    bool // dimension 0: all its points are this one
}

// locate says where a point lies relative to a geometry of one dimension; ok
// is false when the geometry mixes dimensions or is malformed.
func locate(wkb string, x, y float64) (l location, ok bool) {
	l = location{dimension: -1, single: true}
	ends := 0 // line ends at the point: odd makes it boundary (mod-2 rule)
	mixed := false
	sound := eachPart(wkb, func(p part) bool {
		d := int(p.kind) - 1
		if l.dimension >= 0 && l.dimension != d {
			mixed = true
			return false
		}
		l.dimension = d
		switch p.kind {
		case kindPoint:
			if f64(p.runs[0], 0) == x && f64(p.runs[0], 8) == y {
				l.where = interior
			} else {
				l.single = false
			}
		case kindLine:
			pts := p.runs[0]
			for i := 0; i+16 < len(pts); i += 16 {
				if onSegment(x, y, f64(pts, i), f64(pts, i+8), f64(pts, i+16), f64(pts, i+24)) {
					l.where = interior
					break
				}
			}
			n := len(pts)
			if f64(pts, 0) == x && f64(pts, 8) == y {
				ends++
			}
			if f64(pts, n-16) == x && f64(pts, n-8) == y {
				ends++
			}
		case kindPolygon:
			l.where = max(l.where, inRings(p.runs, x, y))
		}
		return true
	})
	if ends%2 == 1 {
		l.where = boundary
	}
	return l, sound && !mixed && l.dimension >= 0
}

// inRings locates a point in a polygon by the even-odd rule.
func inRings(rings []string, x, y float64) place {
	inside := false
	for _, pts := range rings {
		x1, y1 := f64(pts, 0), f64(pts, 8)
		for i := 16; i < len(pts); i += 16 {
			x2, y2 := f64(pts, i), f64(pts, i+8)
			if (y1 <= y) != (y2 <= y) { // the edge crosses the point's parallel, upper end excluded
				if s := side(x, y, x1, y1, x2, y2); s == 0 {
					return boundary
				} else if (s > 0) == (y1 < y2) {
					inside = !inside
				}
			} else if onSegment(x, y, x1, y1, x2, y2) {
				return boundary
			}
			x1, y1 = x2, y2
		}
	}
	if inside {
		return interior
	}
	return exterior
}

func onSegment(x, y, x1, y1, x2, y2 float64) bool {
	return min(x1, x2) <= x && x <= max(x1, x2) && min(y1, y2) <= y && y <= max(y1, y2) &&
		side(x, y, x1, y1, x2, y2) == 0
}

// side is positive when (x, y) lies left of the way from 1 to 2, negative when
// right, zero when exactly on its line. The quick answer is used only where
// rounding cannot have changed its sign (Shewchuk's bound); otherwise the
// computation is exact.
func side(x, y, x1, y1, x2, y2 float64) int {
	l := float64((x2 - x1) * (y - y1))
	r := float64((x - x1) * (y2 - y1))
	d := l - r
	if bound := 3.3306690738754716e-16 * (math.Abs(l) + math.Abs(r)); d > bound {
		return 1
	} else if d < -bound {
		return -1
	}
	return sideExact(x, y, x1, y1, x2, y2)
}

func sideExact(x, y, x1, y1, x2, y2 float64) int {
	sub := func(a, b float64) *big.Rat {
		var p, q big.Rat
		p.SetFloat64(a)
		q.SetFloat64(b)
		return p.Sub(&p, &q)
	}
	l, r := sub(x2, x1), sub(x, x1)
	l.Mul(l, sub(y, y1))
	r.Mul(r, sub(y2, y1))
	return l.Cmp(r)
}
