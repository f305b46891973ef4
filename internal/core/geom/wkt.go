package geom

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// FromWKT reads Well-Known Text (OGC 06-103r4 clause 7), keywords in any case,
// with an optional leading "SRID=4326;". Z and M are read and dropped.
func FromWKT(s string) (string, error) {
	skip := len(s) - len(strings.TrimLeft(s, " \t\r\n"))
	if t := s[skip:]; len(t) > 10 && strings.EqualFold(t[:5], "SRID=") {
		if !strings.HasPrefix(t[5:], "4326;") {
			return "", fault(skip, "geometry-srid", "srid", "")
		}
		skip += 10
	}
	wkb, n, err := ReadWKT(s, skip)
	if err != nil {
		return "", err
	}
	if rest := strings.TrimLeft(s[n:], " \t\r\n"); rest != "" {
		return "", fault(len(s)-len(rest), "geometry-trailing")
	}
	return wkb, nil
}

// ReadWKT reads the geometry text that begins at s[from] and returns the offset
// after it. Offsets in errors count from the beginning of s.
func ReadWKT(s string, from int) (wkb string, end int, err error) {
	p := wktReader{s: s, i: from, left: MaxVertices}
	dst, err := p.geometry(nil, 0)
	if err != nil {
		return "", p.i, err
	}
	return string(dst), p.i, nil
}

// WKTKind tells whether a word names a WKT geometry type, in any case.
func WKTKind(word string) bool { return wktKinds(word) != 0 }

func wktKinds(word string) uint32 {
	switch strings.ToUpper(word) {
	case "POINT":
		return kindPoint
	case "LINESTRING":
		return kindLine
	case "POLYGON":
		return kindPolygon
	case "MULTIPOINT":
		return kindMultiPoint
	case "MULTILINESTRING":
		return kindMultiLine
	case "MULTIPOLYGON":
		return kindMultiPolygon
	case "GEOMETRYCOLLECTION":
		return kindCollection
	}
	return 0
}

type wktReader struct {
	s    string
	i    int
	left int
	run  []float64
}

func (p *wktReader) space() {
	for p.i < len(p.s) && (p.s[p.i] == ' ' || p.s[p.i] == '\t' || p.s[p.i] == '\n' || p.s[p.i] == '\r') {
		p.i++
	}
}

func (p *wktReader) word() string {
	p.space()
	at := p.i
	for p.i < len(p.s) && (p.s[p.i]|0x20 >= 'a' && p.s[p.i]|0x20 <= 'z') {
		p.i++
	}
	return p.s[at:p.i]
}

func (p *wktReader) peek() byte {
	p.space()
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *wktReader) take(c byte) error {
	if p.peek() != c {
		return fault(p.i, "geometry-expected", "expected", string(c))
	}
	p.i++
	return nil
}

// more takes a comma and returns true, or a closing parenthesis and returns false.
func (p *wktReader) more() (bool, error) {
	if p.peek() == ',' {
		p.i++
		return true, nil
	}
	return false, p.take(')')
}

func (p *wktReader) geometry(dst []byte, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, fault(p.i, "geometry-too-deep", "limit", MaxDepth)
	}
	p.space()
	at := p.i
	kind := wktKinds(p.word())
	if kind == 0 {
		return nil, fault(at, "geometry-type")
	}
	extra := 0 // further numbers allowed per point
	if c := p.peek(); c|0x20 >= 'a' && c|0x20 <= 'z' {
		switch w := strings.ToUpper(p.word()); w {
		case "Z", "M":
			extra = 1
		case "ZM":
			extra = 2
		case "EMPTY":
			return nil, fault(at, "geometry-empty")
		default:
			return nil, fault(at, "geometry-expected", "expected", "(")
		}
	} else {
		extra = -1 // undeclared: up to two
	}
	dst = appendHead(dst, kind)
	return p.body(dst, kind, extra, depth)
}

func (p *wktReader) body(dst []byte, kind uint32, extra, depth int) ([]byte, error) {
	at := p.i
	switch kind {
	case kindPoint:
		if err := p.take('('); err != nil {
			return nil, err
		}
		x, y, err := p.coordinates(extra)
		if err != nil {
			return nil, err
		}
		return appendFloat(appendFloat(dst, x), y), p.take(')')
	case kindLine:
		if err := p.points(extra); err != nil {
			return nil, err
		}
		if len(p.run) < 4 {
			return nil, fault(at, "geometry-short-line")
		}
		return appendRun(dst, p.run), nil
	}
	if err := p.take('('); err != nil {
		return nil, err
	}
	counter := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for n := uint32(1); ; n++ {
		var err error
		switch kind {
		case kindPolygon:
			at := p.i
			if err = p.points(extra); err != nil {
				return nil, err
			}
			if k := len(p.run); k < 8 || p.run[0] != p.run[k-2] || p.run[1] != p.run[k-1] {
				return nil, fault(at, "geometry-ring")
			}
			dst = appendRun(dst, p.run)
		case kindMultiPoint:
			var x, y float64
			if p.peek() == '(' {
				dst, err = p.body(appendHead(dst, kindPoint), kindPoint, extra, depth)
			} else if x, y, err = p.coordinates(extra); err == nil {
				dst = appendPoint(dst, x, y)
			}
		case kindCollection:
			dst, err = p.geometry(dst, depth+1)
		default:
			dst, err = p.body(appendHead(dst, kind-3), kind-3, extra, depth)
		}
		if err != nil {
			return nil, err
		}
		more, err := p.more()
		if err != nil {
			return nil, err
		}
		if !more {
			binary.LittleEndian.PutUint32(dst[counter:], n)
			return dst, nil
		}
	}
}

// points reads "(x y, x y, …)" into p.run.
func (p *wktReader) points(extra int) error {
	p.run = p.run[:0]
	if err := p.take('('); err != nil {
		return err
	}
	for {
		x, y, err := p.coordinates(extra)
		if err != nil {
			return err
		}
		p.run = append(p.run, x, y)
		if more, err := p.more(); err != nil || !more {
			return err
		}
	}
}

func (p *wktReader) coordinates(extra int) (x, y float64, err error) {
	if p.left--; p.left < 0 {
		return 0, 0, fault(p.i, "geometry-too-large", "limit", MaxVertices)
	}
	p.space()
	at := p.i
	if x, err = p.number(); err != nil {
		return
	}
	if y, err = p.number(); err != nil {
		return
	}
	for range max(extra, 0) {
		if _, err = p.number(); err != nil {
			return
		}
	}
	if extra < 0 {
		for range 2 {
			if c := p.peek(); c == ',' || c == ')' || c == 0 {
				break
			}
			if _, err = p.number(); err != nil {
				return
			}
		}
	}
	return checkCoordinate(at, x, y)
}

func (p *wktReader) number() (float64, error) {
	p.space()
	at := p.i
	for p.i < len(p.s) && p.i-at < 64 && strings.IndexByte("+-.0123456789eE", p.s[p.i]) >= 0 {
		p.i++
	}
	f, err := strconv.ParseFloat(p.s[at:p.i], 64)
	if err != nil || !finite(f) {
		p.i = at
		return 0, fault(at, "geometry-number")
	}
	return f, nil
}

// ToWKT writes a geometry as Well-Known Text, coordinates in the fewest digits
// that read back to the same number; "" for malformed WKB.
func ToWKT(wkb string) string {
	if !eachPart(wkb, nil) {
		return ""
	}
	w := wktWriter{s: wkb}
	w.geometry(true)
	return string(w.dst)
}

type wktWriter struct {
	s   string
	i   int
	dst []byte
}

func (w *wktWriter) count() int {
	n := int(uint32(w.s[w.i]) | uint32(w.s[w.i+1])<<8 | uint32(w.s[w.i+2])<<16 | uint32(w.s[w.i+3])<<24)
	w.i += 4
	return n
}

func (w *wktWriter) point() {
	w.dst = appendCoordinate(w.dst, f64(w.s, w.i))
	w.dst = append(w.dst, ' ')
	w.dst = appendCoordinate(w.dst, f64(w.s, w.i+8))
	w.i += 16
}

func (w *wktWriter) list(n int, item func()) {
	w.dst = append(w.dst, '(')
	for i := range n {
		if i > 0 {
			w.dst = append(w.dst, ", "...)
		}
		item()
	}
	w.dst = append(w.dst, ')')
}

// geometry writes the geometry at w.i, whose bytes eachPart found sound.
func (w *wktWriter) geometry(named bool) {
	w.i++
	kind := w.count()
	if named {
		w.dst = append(w.dst, [...]string{"", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"}[kind]...)
	}
	switch kind {
	case kindPoint:
		w.list(1, w.point)
	case kindLine:
		w.list(w.count(), w.point)
	case kindPolygon:
		w.list(w.count(), func() { w.list(w.count(), w.point) })
	default:
		w.list(w.count(), func() { w.geometry(kind == kindCollection) })
	}
}
