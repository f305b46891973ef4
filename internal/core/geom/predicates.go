package geom

import (
	"math"
	"unsafe"

	sf "github.com/peterstace/simplefeatures/geom"
)

// The eight relations of OGC 06-103r4 clause 6.1.15 (DE-9IM), in degrees as in
// a plane. A malformed or self-crossing geometry gives false, Disjoint
// included; where one side is a single point and the other has one dimension,
// only soundness of the bytes is asked for and polygons count even-odd.

// Intersects: a and b have a point in common.
func Intersects(a, b string) bool { return relate(a, b, relIntersects) }

// Disjoint: a and b have no point in common.
func Disjoint(a, b string) bool { return relate(a, b, relDisjoint) }

// Equals: a and b are the same set of points.
func Equals(a, b string) bool { return relate(a, b, relEquals) }

// Touches: a and b meet at boundaries only.
func Touches(a, b string) bool { return relate(a, b, relTouches) }

// Within: a lies in b, and their interiors meet.
func Within(a, b string) bool { return relate(a, b, relWithin) }

// Contains: Within(b, a).
func Contains(a, b string) bool { return relate(b, a, relWithin) }

// Overlaps: same dimension, each has points that the other has not, and the
// interiors meet in that dimension.
func Overlaps(a, b string) bool { return relate(a, b, relOverlaps) }

// Crosses: interiors meet in a lower dimension than the larger of the two, and
// neither holds the other.
func Crosses(a, b string) bool { return relate(a, b, relCrosses) }

type relation uint8

const (
	relIntersects relation = iota
	relDisjoint
	relEquals
	relTouches
	relWithin
	relOverlaps
	relCrosses
)

func relate(a, b string, r relation) bool {
	if x, y, ok := PointOf(a); ok {
		if ans, ok := relatePoint(x, y, b, r, false); ok {
			return ans
		}
	} else if x, y, ok := PointOf(b); ok {
		if ans, ok := relatePoint(x, y, a, r, true); ok {
			return ans
		}
	}
	boxA, okA := Bounds(a)
	boxB, okB := Bounds(b)
	switch {
	case !okA || !okB:
		return false
	case !boxA.overlaps(boxB):
		return r == relDisjoint && sound(a) && sound(b)
	case r == relWithin && !boxB.covers(boxA), r == relEquals && boxA != boxB:
		return false
	}
	return relateExact(a, b, r)
}

// relatePoint relates a point to g, g on the left when flipped. ok is false
// when g mixes dimensions; malformed bytes answer false.
func relatePoint(x, y float64, g string, r relation, flipped bool) (answer, ok bool) {
	l, ok := locate(g, x, y)
	if !ok {
		return false, !eachPart(g, nil)
	}
	same := l.dimension == 0 && l.where == interior && l.single
	switch r {
	case relIntersects:
		return l.where != exterior, true
	case relDisjoint:
		return l.where == exterior, true
	case relTouches:
		return l.where == boundary, true
	case relEquals:
		return same, true
	case relWithin:
		if flipped { // g within the point
			return same, true
		}
		return l.where == interior, true
	}
	return false, true // a single point neither overlaps nor crosses
}

// sound tells whether a geometry is valid in the sense of the predicates.
func sound(wkb string) bool {
	if _, _, ok := PointOf(wkb); ok {
		return true
	}
	_, err := exact(wkb)
	return err == nil
}

func exact(wkb string) (sf.Geometry, error) {
	return sf.UnmarshalWKB(unsafe.Slice(unsafe.StringData(wkb), len(wkb)))
}

// relateExact asks simplefeatures. It computes on the geometry's own copy; a
// panic inside it, which its documentation does not exclude, counts as an
// invalid geometry.
func relateExact(a, b string, r relation) (answer bool) {
	defer func() {
		if recover() != nil {
			answer = false
		}
	}()
	ga, err := exact(a)
	if err != nil {
		return false
	}
	gb, err := exact(b)
	if err != nil {
		return false
	}
	switch r {
	case relIntersects:
		return sf.Intersects(ga, gb)
	case relDisjoint:
		return !sf.Intersects(ga, gb)
	case relEquals:
		answer, err = sf.Equals(ga, gb)
	case relTouches:
		answer, err = sf.Touches(ga, gb)
	case relWithin:
		answer, err = sf.Within(ga, gb)
	case relOverlaps:
		answer, err = sf.Overlaps(ga, gb)
	case relCrosses:
		answer, err = sf.Crosses(ga, gb)
	}
	return answer && err == nil
}

// Valid tells why a geometry cannot be kept: malformed bytes, places outside
// ±180/±90, or rings that cross themselves or each other. nil when it can.
func Valid(wkb string) error {
	inRange := true
	ok := eachPart(wkb, func(p part) bool {
		for _, pts := range p.runs {
			for i := 0; i < len(pts); i += 16 {
				inRange = inRange && math.Abs(f64(pts, i)) <= 180 && math.Abs(f64(pts, i+8)) <= 90
			}
		}
		return inRange
	})
	switch {
	case !ok:
		return fault(0, "geometry-bytes")
	case !inRange:
		return fault(0, "geometry-range")
	case !sound(wkb):
		return fault(0, "geometry-crossing")
	}
	return nil
}

// PointOn returns a point on the geometry: the point itself, a vertex or the
// middle of a line, a point inside an area. The same geometry gives the same
// point always; ok is false for malformed WKB.
func PointOn(wkb string) (lon, lat float64, ok bool) {
	if lon, lat, ok = PointOf(wkb); ok {
		return
	}
	if !eachPart(wkb, nil) {
		return 0, 0, false
	}
	defer func() {
		if recover() != nil {
			lon, lat, ok = 0, 0, false
		}
	}()
	g, err := sf.UnmarshalWKB(unsafe.Slice(unsafe.StringData(wkb), len(wkb)), sf.NoValidate{})
	if err != nil {
		return 0, 0, false
	}
	c, ok := g.PointOnSurface().Coordinates()
	return c.X, c.Y, ok && finite(c.X) && finite(c.Y)
}
