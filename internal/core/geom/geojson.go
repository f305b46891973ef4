package geom

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// FromGeoJSON reads a GeoJSON geometry object (RFC 7946 clause 3.1) strictly:
// duplicate members, foreign coordinate shapes, unclosed rings, empty geometries
// and places outside ±180/±90 are refused. Third and further coordinates are
// dropped; bbox and foreign members are passed over.
func FromGeoJSON(b []byte) (string, error) {
	r := jsonReader{left: MaxVertices}
	dst, err := r.geometry(nil, b, 0, 0)
	if err != nil {
		return "", err
	}
	return string(dst), nil
}

type jsonReader struct {
	left int
	run  []float64
}

func geojsonKind(name string) uint32 {
	switch name {
	case "Point":
		return kindPoint
	case "LineString":
		return kindLine
	case "Polygon":
		return kindPolygon
	case "MultiPoint":
		return kindMultiPoint
	case "MultiLineString":
		return kindMultiLine
	case "MultiPolygon":
		return kindMultiPolygon
	case "GeometryCollection":
		return kindCollection
	}
	return 0
}

// geometry reads one object that begins at byte base of the whole input.
func (r *jsonReader) geometry(dst, b []byte, base, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, fault(base, "geometry-too-deep", "limit", MaxDepth)
	}
	d := jsontext.NewDecoder(bytes.NewReader(b))
	if d.PeekKind() != '{' {
		return nil, fault(base, "geometry-object")
	}
	var kind uint32
	var body jsontext.Value
	var bodyAt int
	d.ReadToken() //nolint:errcheck // just peeked
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, r.syntax(d, base, err)
		}
		member := name.String()
		raw, err := d.ReadValue()
		if err != nil {
			return nil, r.syntax(d, base, err)
		}
		at := base + int(d.InputOffset()) - len(raw)
		switch member {
		case "type":
			if raw.Kind() != '"' {
				return nil, fault(at, "geometry-type")
			}
			t, err := jsontext.AppendUnquote(nil, raw)
			if kind = geojsonKind(string(t)); err != nil || kind == 0 {
				return nil, fault(at, "geometry-type")
			}
		case "coordinates", "geometries":
			if body != nil {
				return nil, fault(at, "geometry-type")
			}
			body, bodyAt = raw.Clone(), at
			if (member == "geometries") != (kind == kindCollection) && kind != 0 {
				return nil, fault(at, "geometry-type")
			}
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, r.syntax(d, base, err)
	}
	end := int(d.InputOffset())
	for ; end < len(b); end++ {
		if c := b[end]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return nil, fault(base+end, "geometry-trailing")
		}
	}
	if kind == 0 || body == nil {
		return nil, fault(base, "geometry-object")
	}
	c := coordReader{d: jsontext.NewDecoder(bytes.NewReader(body)), base: bodyAt, jsonReader: r}
	dst = appendHead(dst, kind)
	if kind != kindCollection {
		return c.body(dst, kind)
	}
	if err := c.open(); err != nil {
		return nil, err
	}
	counter, n := len(dst), uint32(0)
	dst = append(dst, 0, 0, 0, 0)
	for c.d.PeekKind() != ']' {
		raw, err := c.d.ReadValue()
		if err != nil {
			return nil, r.syntax(c.d, bodyAt, err)
		}
		at := bodyAt + int(c.d.InputOffset()) - len(raw)
		if dst, err = r.geometry(dst, raw.Clone(), at, depth+1); err != nil {
			return nil, err
		}
		n++
	}
	if n == 0 {
		return nil, fault(bodyAt, "geometry-empty")
	}
	binary.LittleEndian.PutUint32(dst[counter:], n)
	return dst, nil
}

func (r *jsonReader) syntax(d *jsontext.Decoder, base int, _ error) error {
	return fault(base+int(d.InputOffset()), "geometry-json")
}

// coordReader reads the nested arrays of one coordinates member.
type coordReader struct {
	*jsonReader
	d    *jsontext.Decoder
	base int
}

func (c *coordReader) at() int { return c.base + int(c.d.InputOffset()) }

func (c *coordReader) open() error {
	at := c.at()
	t, err := c.d.ReadToken()
	if err != nil || t.Kind() != '[' {
		return fault(at, "geometry-expected", "expected", "[")
	}
	if c.d.PeekKind() == ']' {
		return fault(at, "geometry-empty")
	}
	return nil
}

// more tells whether another item follows, and takes the closing bracket when none does.
func (c *coordReader) more() (bool, error) {
	if c.d.PeekKind() == ']' {
		_, err := c.d.ReadToken()
		return false, err
	}
	return true, nil
}

func (c *coordReader) position() (x, y float64, err error) {
	if c.left--; c.left < 0 {
		return 0, 0, fault(c.at(), "geometry-too-large", "limit", MaxVertices)
	}
	at := c.at()
	if err = c.open(); err != nil {
		return
	}
	for i := 0; ; i++ {
		if more, err := c.more(); err != nil {
			return 0, 0, fault(c.at(), "geometry-json")
		} else if !more {
			if i < 2 {
				return 0, 0, fault(at, "geometry-number")
			}
			return checkCoordinate(at, x, y)
		}
		t, err := c.d.ReadToken()
		if err != nil || t.Kind() != '0' {
			return 0, 0, fault(c.at(), "geometry-number")
		}
		f, perr := strconv.ParseFloat(t.String(), 64)
		if perr != nil {
			return 0, 0, fault(c.at(), "geometry-number")
		}
		switch i {
		case 0:
			x = f
		case 1:
			y = f
		}
	}
}

func (c *coordReader) positions() error {
	c.run = c.run[:0]
	if err := c.open(); err != nil {
		return err
	}
	for {
		x, y, err := c.position()
		if err != nil {
			return err
		}
		c.run = append(c.run, x, y)
		if more, err := c.more(); err != nil {
			return fault(c.at(), "geometry-json")
		} else if !more {
			return nil
		}
	}
}

func (c *coordReader) body(dst []byte, kind uint32) ([]byte, error) {
	at := c.at()
	switch kind {
	case kindPoint:
		x, y, err := c.position()
		return appendFloat(appendFloat(dst, x), y), err
	case kindLine:
		if err := c.positions(); err != nil {
			return nil, err
		}
		if len(c.run) < 4 {
			return nil, fault(at, "geometry-short-line")
		}
		return appendRun(dst, c.run), nil
	}
	if err := c.open(); err != nil {
		return nil, err
	}
	counter := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for n := uint32(1); ; n++ {
		if kind == kindPolygon {
			at := c.at()
			if err := c.positions(); err != nil {
				return nil, err
			}
			if k := len(c.run); k < 8 || c.run[0] != c.run[k-2] || c.run[1] != c.run[k-1] {
				return nil, fault(at, "geometry-ring")
			}
			dst = appendRun(dst, c.run)
		} else {
			var err error
			if dst, err = c.body(appendHead(dst, kind-3), kind-3); err != nil {
				return nil, err
			}
		}
		if more, err := c.more(); err != nil {
			return nil, fault(c.at(), "geometry-json")
		} else if !more {
			binary.LittleEndian.PutUint32(dst[counter:], n)
			return dst, nil
		}
	}
}

// AppendGeoJSON writes a geometry object, coordinates in the fewest digits that
// read back to the same number; "null" for malformed WKB.
func AppendGeoJSON(dst []byte, wkb string) []byte {
	if x, y, ok := PointOf(wkb); ok {
		dst = append(dst, `{"type":"Point","coordinates":[`...)
		dst = append(appendCoordinate(dst, x), ',')
		return append(appendCoordinate(dst, y), "]}"...)
	}
	if !eachPart(wkb, nil) {
		return append(dst, "null"...)
	}
	w := jsonWriter{wktWriter{s: wkb, dst: dst}}
	w.object()
	return w.dst
}

type jsonWriter struct{ wktWriter }

func (w *jsonWriter) list(n int, item func()) {
	w.dst = append(w.dst, '[')
	for i := range n {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		item()
	}
	w.dst = append(w.dst, ']')
}

func (w *jsonWriter) position() {
	w.dst = append(w.dst, '[')
	w.dst = append(appendCoordinate(w.dst, f64(w.s, w.i)), ',')
	w.dst = append(appendCoordinate(w.dst, f64(w.s, w.i+8)), ']')
	w.i += 16
}

func (w *jsonWriter) object() {
	kind := w.s[w.i+1]
	w.dst = append(w.dst, `{"type":"`...)
	w.dst = append(w.dst, [...]string{"", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"}[kind]...)
	if kind == kindCollection {
		w.dst = append(w.dst, `","geometries":`...)
		w.i += 5
		w.list(w.count(), w.object)
	} else {
		w.dst = append(w.dst, `","coordinates":`...)
		w.coordinates()
	}
	w.dst = append(w.dst, '}')
}

func (w *jsonWriter) coordinates() {
	w.i++
	switch w.count() {
	case kindPoint:
		w.position()
	case kindLine:
		w.list(w.count(), w.position)
	case kindPolygon:
		w.list(w.count(), func() { w.list(w.count(), w.position) })
	default:
		w.list(w.count(), w.coordinates)
	}
}
