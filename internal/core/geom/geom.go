// Package geom knows geometries: their bytes (little-endian OGC WKB, two
// dimensions, WGS 84, longitude before latitude, held in Go strings), their
// texts (GeoJSON, WKT, EWKB), how two of them relate (DE-9IM), which area a
// point lies in, and the national grid VN-2000. It knows no datasets, no
// expressions and no map projections but that one.
//
// Every reader accepts only what it can hold: no empty geometries, finite
// coordinates within ±180 and ±90, closed rings, at most MaxVertices vertices
// and MaxDepth nested collections. Heights and measures are read and dropped.
package geom

import (
	"encoding/binary"
	"math"
	"strconv"

	"huong.city/huong/internal/core/problem"
)

// Limits of every geometry that is read.
const (
	MaxVertices = 1 << 20
	MaxDepth    = 8
)

// Box is a bounding box in degrees. West > East crosses the antimeridian.
type Box struct{ West, South, East, North float64 }

// overlaps tells whether two boxes that do not cross the antimeridian share a point.
func (b Box) overlaps(o Box) bool {
	return b.West <= o.East && o.West <= b.East && b.South <= o.North && o.South <= b.North
}

// covers tells whether o lies wholly in b.
func (b Box) covers(o Box) bool {
	return b.West <= o.West && o.East <= b.East && b.South <= o.South && o.North <= b.North
}

// WKB type codes.
const (
	kindPoint = iota + 1
	kindLine
	kindPolygon
	kindMultiPoint
	kindMultiLine
	kindMultiPolygon
	kindCollection
)

// Point returns the WKB of a point. Its coordinates are not checked.
func Point(lon, lat float64) string {
	return string(appendPoint(make([]byte, 0, 21), lon, lat))
}

// PointOf returns the coordinates of a point; ok is false for anything else.
func PointOf(wkb string) (lon, lat float64, ok bool) {
	if len(wkb) != 21 || wkb[0] != 1 || wkb[1] != kindPoint || wkb[2]|wkb[3]|wkb[4] != 0 {
		return 0, 0, false
	}
	lon, lat = f64(wkb, 5), f64(wkb, 13)
	return lon, lat, finite(lon) && finite(lat)
}

// Bounds returns the box of a geometry; ok is false for malformed WKB.
func Bounds(wkb string) (Box, bool) {
	if x, y, ok := PointOf(wkb); ok {
		return Box{x, y, x, y}, true
	}
	b := Box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	ok := eachPart(wkb, func(p part) bool {
		for _, pts := range p.runs {
			for i := 0; i < len(pts); i += 16 {
				x, y := f64(pts, i), f64(pts, i+8)
				b.West, b.East = min(b.West, x), max(b.East, x)
				b.South, b.North = min(b.South, y), max(b.North, y)
			}
		}
		return true
	})
	return b, ok && b.West <= b.East
}

// BoxPolygon returns the box as a polygon, counter-clockwise; as two where it
// crosses the antimeridian; as a line or a point where it has no width or height.
func BoxPolygon(b Box) string {
	if b.West > b.East {
		w, e := Box{b.West, b.South, 180, b.North}, Box{-180, b.South, b.East, b.North}
		if b.South < b.North && w.West < 180 && e.East > -180 {
			dst := appendHead(nil, kindMultiPolygon)
			dst = binary.LittleEndian.AppendUint32(dst, 2)
			dst = appendBox(appendBox(dst, w), e)
			return string(dst)
		}
		dst := appendHead(nil, kindCollection)
		dst = binary.LittleEndian.AppendUint32(dst, 2)
		return string(appendBox(appendBox(dst, w), e))
	}
	return string(appendBox(nil, b))
}

func appendBox(dst []byte, b Box) []byte {
	switch {
	case b.West == b.East && b.South == b.North:
		return appendPoint(dst, b.West, b.South)
	case b.West == b.East || b.South == b.North:
		return appendRun(appendHead(dst, kindLine), []float64{b.West, b.South, b.East, b.North})
	}
	dst = binary.LittleEndian.AppendUint32(appendHead(dst, kindPolygon), 1)
	return appendRun(dst, []float64{b.West, b.South, b.East, b.South, b.East, b.North, b.West, b.North, b.West, b.South})
}

func finite(f float64) bool { return f-f == 0 }

// appendCoordinate writes the fewest digits that read back to f.
func appendCoordinate(dst []byte, f float64) []byte {
	if f != 0 && math.Abs(f) < 1e-7 {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// fault makes the error of one place in an input.
func fault(offset int, code string, kv ...any) error {
	v := problem.Violate(code, "", kv...).At(problem.Position{Offset: int64(offset)})
	return problem.InvalidWith("geometry-invalid", []problem.Violation{v})
}

// slack is how far over ±180 or ±90 a coordinate may be, in degrees (a tenth of
// a millimetre): published outlines hold 180.00000000000006. It is cut off.
const slack = 1e-9

// checkCoordinate refuses what is no place on earth.
func checkCoordinate(offset int, lon, lat float64) (float64, float64, error) {
	if !(lon >= -180-slack && lon <= 180+slack && lat >= -90-slack && lat <= 90+slack) {
		return 0, 0, fault(offset, "geometry-range")
	}
	return min(max(lon, -180), 180), min(max(lat, -90), 90), nil
}
