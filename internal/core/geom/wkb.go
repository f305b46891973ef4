package geom

import (
	"encoding/binary"
	"encoding/hex"
	"math"
)

// part is a primitive of a geometry: kindPoint and kindLine have one run of
// points, kindPolygon one per ring, outer first. A run is sixteen bytes a
// point and shares the WKB's memory.
type part struct {
	kind uint32
	runs []string
}

// eachPart visits the primitives of a geometry in order and tells whether its
// bytes are sound: little-endian, two-dimensional, whole, finite, within the
// limits, nothing after the end. fn may be nil; it stops the visit by
// returning false. part.runs is valid only during the call.
func eachPart(wkb string, fn func(part) bool) bool {
	w := walker{s: wkb, fn: fn, left: MaxVertices}
	return w.geometry(0, 0) && w.i == len(wkb)
}

type walker struct {
	s       string
	i       int
	fn      func(part) bool
	left    int // vertices still allowed
	stopped bool
	runs    []string
}

func (w *walker) u32() (uint32, bool) {
	if len(w.s)-w.i < 4 {
		return 0, false
	}
	s := w.s[w.i : w.i+4]
	w.i += 4
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24, true
}

// geometry reads one geometry; want restricts its kind when it is not 0.
func (w *walker) geometry(depth int, want uint32) bool {
	if depth > MaxDepth || w.i >= len(w.s) || w.s[w.i] != 1 {
		return false
	}
	w.i++
	kind, ok := w.u32()
	if !ok || want != 0 && kind != want {
		return false
	}
	switch kind {
	case kindPoint:
		return w.run(1) && w.visit(kind)
	case kindLine:
		n, ok := w.u32()
		return ok && n >= 2 && w.run(n) && w.visit(kind)
	case kindPolygon:
		rings, ok := w.u32()
		if !ok || rings == 0 {
			return false
		}
		for range rings {
			n, ok := w.u32()
			if !ok || n < 4 || !w.run(n) {
				return false
			}
			if r := w.runs[len(w.runs)-1]; r[:16] != r[len(r)-16:] {
				return false
			}
		}
		return w.visit(kind)
	case kindMultiPoint, kindMultiLine, kindMultiPolygon, kindCollection:
		n, ok := w.u32()
		if !ok || n == 0 {
			return false
		}
		member := kind - 3
		if kind == kindCollection {
			member = 0
			depth++
		}
		for range n {
			if !w.geometry(depth, member) {
				return false
			}
		}
		return true
	}
	return false
}

func (w *walker) run(n uint32) bool {
	if int64(n) > int64(w.left) || int64(n)*16 > int64(len(w.s)-w.i) {
		return false
	}
	w.left -= int(n)
	pts := w.s[w.i : w.i+16*int(n)]
	w.i += len(pts)
	for i := 0; i < len(pts); i += 8 {
		if pts[i+7]&0x7F == 0x7F && pts[i+6] >= 0xF0 { // exponent all ones: NaN or infinite
			return false
		}
	}
	w.runs = append(w.runs, pts)
	return true
}

func (w *walker) visit(kind uint32) bool {
	if w.fn != nil && !w.stopped {
		w.stopped = !w.fn(part{kind, w.runs})
	}
	w.runs = w.runs[:0]
	return true
}

func f64(s string, i int) float64 {
	b := s[i : i+8]
	return math.Float64frombits(uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56)
}

func appendHead(dst []byte, kind uint32) []byte {
	return binary.LittleEndian.AppendUint32(append(dst, 1), kind)
}

func appendFloat(dst []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f+0)) // +0: no negative zero
}

func appendPoint(dst []byte, lon, lat float64) []byte {
	return appendFloat(appendFloat(appendHead(dst, kindPoint), lon), lat)
}

// appendRun writes a counted run of points given as alternating lon and lat.
func appendRun(dst []byte, xy []float64) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(xy)/2))
	for _, f := range xy {
		dst = appendFloat(dst, f)
	}
	return dst
}

// FromEWKBHex reads PostGIS's hexadecimal EWKB, and plain or ISO WKB in
// hexadecimal, in either byte order, with or without Z and M (dropped). A
// spatial reference other than 4326 or none is refused.
func FromEWKBHex(s string) (string, error) {
	if len(s) > 2*(64<<20) {
		return "", fault(0, "geometry-too-large", "limit", MaxVertices)
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return "", fault(0, "geometry-hex")
	}
	r := ewkb{b: b, left: MaxVertices}
	dst, err := r.geometry(make([]byte, 0, len(b)), 0, 0)
	if err != nil {
		return "", err
	}
	if r.i != len(b) {
		return "", fault(2*r.i, "geometry-trailing")
	}
	return string(dst), nil
}

type ewkb struct {
	b    []byte
	i    int
	left int
}

func (r *ewkb) short() error { return fault(2*r.i, "geometry-short") }

func (r *ewkb) u32(o binary.ByteOrder) (uint32, error) {
	if len(r.b)-r.i < 4 {
		return 0, r.short()
	}
	r.i += 4
	return o.Uint32(r.b[r.i-4:]), nil
}

func (r *ewkb) geometry(dst []byte, depth int, want uint32) ([]byte, error) {
	if depth > MaxDepth {
		return nil, fault(2*r.i, "geometry-too-deep", "limit", MaxDepth)
	}
	if r.i >= len(r.b) {
		return nil, r.short()
	}
	var o binary.ByteOrder = binary.LittleEndian
	switch r.b[r.i] {
	case 0:
		o = binary.BigEndian
	case 1:
	default:
		return nil, fault(2*r.i, "geometry-type")
	}
	start := r.i
	r.i++
	code, err := r.u32(o)
	if err != nil {
		return nil, err
	}
	size := 16
	if code&0x80000000 != 0 {
		size += 8
	}
	if code&0x40000000 != 0 {
		size += 8
	}
	if code&0x20000000 != 0 {
		srid, err := r.u32(o)
		if err != nil {
			return nil, err
		}
		if srid != 0 && srid != 4326 {
			return nil, fault(2*start, "geometry-srid", "srid", srid)
		}
	}
	kind := code & 0x1FFFFFFF
	switch {
	case kind > 3000 && kind <= 3007:
		kind, size = kind-3000, 32
	case kind > 2000 && kind <= 2007:
		kind, size = kind-2000, 24
	case kind > 1000 && kind <= 1007:
		kind, size = kind-1000, 24
	}
	if kind < kindPoint || kind > kindCollection || want != 0 && kind != want {
		return nil, fault(2*start, "geometry-type")
	}
	dst = appendHead(dst, kind)
	if kind == kindPoint {
		dst, _, err = r.points(dst, o, size, 1)
		return dst, err
	}
	n, err := r.u32(o)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, fault(2*start, "geometry-empty")
	}
	dst = binary.LittleEndian.AppendUint32(dst, n)
	switch kind {
	case kindLine:
		if n < 2 {
			return nil, fault(2*start, "geometry-short-line")
		}
		dst, _, err = r.points(dst, o, size, n)
		return dst, err
	case kindPolygon:
		for range n {
			m, err := r.u32(o)
			if err != nil {
				return nil, err
			}
			dst = binary.LittleEndian.AppendUint32(dst, m)
			var closed bool
			if dst, closed, err = r.points(dst, o, size, m); err != nil {
				return nil, err
			}
			if m < 4 || !closed {
				return nil, fault(2*start, "geometry-ring")
			}
		}
		return dst, nil
	}
	member := kind - 3
	if kind == kindCollection {
		member = 0
		depth++
	}
	for range n {
		if dst, err = r.geometry(dst, depth, member); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// points copies n points of size bytes each and tells whether the last equals the first.
func (r *ewkb) points(dst []byte, o binary.ByteOrder, size int, n uint32) ([]byte, bool, error) {
	if int64(n) > int64(r.left) {
		return nil, false, fault(2*r.i, "geometry-too-large", "limit", MaxVertices)
	}
	if int64(n)*int64(size) > int64(len(r.b)-r.i) {
		return nil, false, r.short()
	}
	r.left -= int(n)
	first := len(dst)
	for range n {
		x, y := math.Float64frombits(o.Uint64(r.b[r.i:])), math.Float64frombits(o.Uint64(r.b[r.i+8:]))
		x, y, err := checkCoordinate(2*r.i, x, y)
		if err != nil {
			return nil, false, err
		}
		dst = appendFloat(appendFloat(dst, x), y)
		r.i += size
	}
	closed := n > 0 && string(dst[first:first+16]) == string(dst[len(dst)-16:])
	return dst, closed, nil
}
