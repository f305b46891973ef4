package record

import (
	"bytes"
	"strconv"
	"strings"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// nested turns a JSON object, array or, for type any, anything into its value:
// canonical JSON text for the JSON types, WKB for the geographic ones.
func (c *column) nested(raw []byte) (value.Value, *problem.Violation) {
	switch c.shape {
	case shapeGeoPoint:
		return c.nestedPoint(raw)
	case shapeGeoJSON:
		wkb, err := geom.FromGeoJSON(raw)
		if err != nil {
			return value.Value{}, c.geometryFault(err)
		}
		return value.OfGeometry(wkb), nil
	case shapeObject, shapeArray, shapeList, shapeAny:
	default:
		return value.Value{}, c.mismatch(string(raw))
	}
	text, bad := c.canonical(raw)
	if bad != nil {
		return value.Value{}, bad
	}
	switch {
	case text == "null":
		return value.Value{}, nil
	case c.shape == shapeObject && text[0] != '{', (c.shape == shapeArray || c.shape == shapeList) && text[0] != '[':
		return value.Value{}, c.mismatch(text)
	case c.shape == shapeList:
		return c.listItems(text)
	}
	return value.OfText(text), nil
}

// geometryFault keeps the code and words of geom's error and adds the field.
func (c *column) geometryFault(err error) *problem.Violation {
	p := problem.As(err)
	v := problem.Violation{Code: p.Code, Field: c.name, Args: p.Args}
	if len(p.Violations) > 0 {
		v.Code, v.Args = p.Violations[0].Code, p.Violations[0].Args
	}
	if p.Kind == problem.Internal || c.discreet {
		return c.fault("value-geometry", "")
	}
	return &v
}

// canonical returns JSON with members sorted, no spaces, the shortest numbers
// (integers keep every digit) and texts in NFC.
func (c *column) canonical(raw []byte) (string, *problem.Violation) {
	options := []jsontext.Options{
		jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(true),
		jsontext.ReorderRawObjects(true), jsontext.PreserveRawStrings(false),
	}
	if tooDeep(raw) {
		return "", c.fault("value-json-depth", "")
	}
	v, err := jsontext.AppendFormat(nil, raw, options...)
	if err == nil && !norm.NFC.IsNormal(v) {
		v, err = jsontext.AppendFormat(nil, norm.NFC.Bytes(v), options...)
	}
	if err != nil {
		if strings.Contains(err.Error(), "duplicate") {
			return "", c.fault("value-json-duplicate", "")
		}
		return "", c.fault("value-json", string(raw))
	}
	if bytes.Contains(v, []byte(greatest)) && overflows(raw) {
		return "", c.fault("value-json-number", "")
	}
	if r := controlIn(v); r >= 0 {
		return "", c.control(r)
	}
	return string(v), nil
}

// tooDeep tells whether a value nests deeper than one inside a row may.
func tooDeep(raw []byte) bool {
	depth := 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '[', '{':
			if depth++; depth > maxDepth-1 {
				return true
			}
		case ']', '}':
			depth--
		case '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		}
	}
	return false
}

// greatest is what the formatter makes of a number too great for a float.
const greatest = "1.7976931348623157e+308"

// overflows tells whether valid JSON holds such a number.
func overflows(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		switch b := raw[i]; {
		case b == '"':
			for i++; raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		case b >= '0' && b <= '9':
			from := i
			for i < len(raw) && strings.IndexByte("0123456789.eE+-", raw[i]) >= 0 {
				i++
			}
			if _, err := strconv.ParseFloat(string(raw[from:i]), 64); err != nil {
				return true
			}
			i--
		}
	}
	return false
}

// controlIn returns the first control character other than tab and line ends
// in canonical JSON, where those below U+0020 stand as escapes; else -1.
func controlIn(v []byte) rune {
	for i := 0; i < len(v); i++ {
		switch b := v[i]; {
		case b == '\\':
			i++
			switch v[i] {
			case 'b':
				return '\b'
			case 'f':
				return '\f'
			case 'u':
				if r := hex4(v, i+1); r < 0x20 {
					return r
				}
			}
		case b == 0x7F:
			return 0x7F
		case b == 0xC2 && v[i+1] < 0xA0:
			return rune(v[i+1])
		}
	}
	return -1
}

func (c *column) anyText(text string) (value.Value, *problem.Violation) {
	b, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		return value.Value{}, c.fault("value-encoding", "")
	}
	return c.nested(b)
}

// nestedPoint reads the three forms of a point besides text: GeoJSON, [lon,
// lat], {"lon": …, "lat": …}.
func (c *column) nestedPoint(raw []byte) (value.Value, *problem.Violation) {
	dec := jsontext.NewDecoder(bytes.NewReader(raw))
	var numbers [2]float64
	var names [2]bool
	n := 0
	first, err := dec.ReadToken()
	if err != nil {
		return value.Value{}, c.fault("value-geopoint", string(raw))
	}
	object := first.Kind() == '{'
	for err == nil && dec.StackDepth() == 1 && n <= 2 {
		at := n
		var t jsontext.Token
		if t, err = dec.ReadToken(); err != nil || t.Kind() == '}' || t.Kind() == ']' {
			break
		}
		if object {
			switch t.String() {
			case "lon":
				at = 0
			case "lat":
				at = 1
			default:
				wkb, fault := geom.FromGeoJSON(raw)
				if fault != nil {
					return value.Value{}, c.geometryFault(fault)
				}
				lon, lat, ok := geom.PointOf(wkb)
				if !ok {
					return value.Value{}, c.fault("value-geopoint", string(raw))
				}
				return c.point(lon, lat, string(raw))
			}
			if t, err = dec.ReadToken(); err != nil {
				break
			}
		}
		if t.Kind() != '0' || at > 1 || names[at] {
			n = 3
			break
		}
		f, bad := strconv.ParseFloat(t.String(), 64)
		if bad != nil {
			n = 3
			break
		}
		numbers[at], names[at] = f, true
		n++
	}
	if err != nil || n != 2 || (!object && first.Kind() != '[') {
		return value.Value{}, c.fault("value-geopoint", string(raw))
	}
	return c.point(numbers[0], numbers[1], string(raw))
}

// listItems checks the items of a canonical array and rewrites them as values
// of the item type.
func (c *column) listItems(text string) (value.Value, *problem.Violation) {
	d := decoder{text: new(texts)}
	b := unsafe.Slice(unsafe.StringData(text), len(text))
	out := make([]byte, 0, len(text))
	out = append(out, '[')
	for i, n := 1, 0; b[i] != ']'; n++ {
		if b[i] == ',' {
			i++
		}
		var v value.Value
		from := i
		i, _ = d.value(b, i, c.item, &v)
		item := string(b[from:i])
		if len(d.vs) > 0 || v.IsNull() {
			return value.Value{}, c.badItem(n, item)
		}
		if lexical := c.item.appendCell(nil, v); bytes.Contains(lexical, []byte(c.delimiter)) {
			return value.Value{}, c.fault("value-list-delimiter", item, "item", n+1, "delimiter", c.delimiter)
		}
		if n > 0 {
			out = append(out, ',')
		}
		out = c.item.appendJSON(out, v)
	}
	return value.OfText(string(append(out, ']'))), nil
}
