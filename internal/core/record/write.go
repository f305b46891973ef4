package record

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// AppendJSON writes the columns of a row, in the order given (nil: all that are
// not dropped), as one JSON object: moments as RFC 3339 in UTC with Z, dates as
// ISO 8601, geometries as GeoJSON, objects, arrays and lists as themselves,
// integers with every digit, numbers in the shortest form that reads back.
func (s *Schema) AppendJSON(dst []byte, row []value.Value, columns []int) []byte {
	dst = append(dst, '{')
	first := true
	member := func(i int) {
		c := &s.columns[i]
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendQuoted(dst, c.name)
		dst = append(dst, ':')
		dst = c.appendJSON(dst, row[i])
	}
	if columns == nil {
		for i := range s.columns {
			if !s.columns[i].dropped {
				member(i)
			}
		}
	} else {
		for _, i := range columns {
			member(i)
		}
	}
	return append(dst, '}')
}

// AppendCell writes the lexical form that ParseCell reads, without quotes. Null
// is the first missing value, the empty text where that is one.
func (s *Schema) AppendCell(dst []byte, column int, v value.Value) []byte {
	return s.columns[column].appendCell(dst, v)
}

func (c *column) appendJSON(dst []byte, v value.Value) []byte {
	switch v.Kind() {
	case value.Text:
		if c.typ.HoldsJSON() {
			return append(dst, v.Text()...)
		}
		return appendQuoted(dst, v.Text())
	case value.Date:
		dst = appendDate(append(dst, '"'), v.Days())
		return append(dst, '"')
	case value.Time:
		dst = appendInstant(append(dst, '"'), v.Micros())
		return append(dst, '"')
	}
	return appendBare(dst, v)
}

// appendBare writes kinds that JSON has without quotes.
func appendBare(dst []byte, v value.Value) []byte {
	switch v.Kind() {
	case value.Bool:
		return strconv.AppendBool(dst, v.Bool())
	case value.Int:
		return strconv.AppendInt(dst, v.Int(), 10)
	case value.Float:
		return appendFloat(dst, v.Float())
	case value.Geometry:
		return geom.AppendGeoJSON(dst, v.WKB())
	}
	return append(dst, "null"...)
}

// appendFloat writes the shortest decimal that reads back, as ECMAScript does.
func appendFloat(dst []byte, f float64) []byte { return jsontext.AppendFloat(dst, f, 64) }

// appendQuoted writes a JSON string. Values are valid UTF-8 by their making; a
// text from elsewhere gets U+FFFD for what is not.
func appendQuoted(dst []byte, s string) []byte {
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	if plainEnd(b, 0) == len(b) {
		dst = append(dst, '"')
		dst = append(dst, s...)
		return append(dst, '"')
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

func (c *column) appendCell(dst []byte, v value.Value) []byte {
	if v.IsNull() {
		if slices.Contains(c.missing, "") {
			return dst
		}
		return append(dst, c.missing[0]...)
	}
	if c.moment != nil {
		return c.moment.append(dst, v)
	}
	switch v.Kind() {
	case value.Bool:
		if v.Bool() {
			return append(dst, c.trues[0]...)
		}
		return append(dst, c.falses[0]...)
	case value.Int:
		if c.shape == shapeYear {
			return appendYear(dst, v.Int())
		}
		return strconv.AppendInt(dst, v.Int(), 10)
	case value.Float:
		n := len(dst)
		dst = appendFloat(dst, v.Float())
		if c.decimal != "." {
			if at := slices.Index(dst[n:], '.'); at >= 0 {
				dst = slices.Replace(dst, n+at, n+at+1, []byte(c.decimal)...)
			}
		}
		return dst
	case value.Date:
		return appendDate(dst, v.Days())
	case value.Time:
		return appendInstant(dst, v.Micros())
	case value.Geometry:
		return c.appendPlace(dst, v)
	}
	if c.shape == shapeList {
		return c.appendList(dst, v.Text())
	}
	return append(dst, v.Text()...)
}

func (c *column) appendPlace(dst []byte, v value.Value) []byte {
	lon, lat, ok := geom.PointOf(v.WKB())
	if c.shape != shapeGeoPoint || !ok {
		return geom.AppendGeoJSON(dst, v.WKB())
	}
	before, between, after := "", ", ", ""
	switch c.format {
	case "array":
		before, between, after = "[", ",", "]"
	case "object":
		before, between, after = `{"lon":`, `,"lat":`, "}"
	}
	dst = appendFloat(append(dst, before...), lon)
	dst = appendFloat(append(dst, between...), lat)
	return append(dst, after...)
}

// appendList joins the items of a canonical array by the delimiter.
func (c *column) appendList(dst []byte, text string) []byte {
	d := decoder{text: new(texts)}
	b := unsafe.Slice(unsafe.StringData(text), len(text))
	for i := 1; i < len(b) && b[i] != ']'; {
		if b[i] == ',' {
			dst = append(dst, c.delimiter...)
			i++
		}
		var v value.Value
		next, ok := d.value(b, i, c.item, &v)
		if !ok {
			return dst
		}
		i = next
		dst = c.item.appendCell(dst, v)
	}
	return dst
}

// DecodeObject reads one JSON object, checks it and fills row, which has the
// schema's width. Members that are absent leave the row as it was, so that a
// caller may set the key beforehand. Every fault is a violation, with its place
// in b, of one Invalid *problem.Error.
func (s *Schema) DecodeObject(b []byte, row []value.Value) error {
	vs := s.decodeWhole(b, row, nil)
	if len(vs) == 0 {
		vs = s.Check(row, nil)
	}
	return problem.InvalidWith("row-invalid", vs)
}

// DecodePatch reads a JSON merge patch (RFC 7396) of a record: each member
// given sets its column in row and in mask, null clears it. Objects are
// replaced whole, not merged. The constraints of the columns given are checked;
// what concerns the whole record (rules, other required columns) is for the
// caller to check on the merged row.
func (s *Schema) DecodePatch(b []byte, row []value.Value, mask []bool) error {
	vs := s.decodeWhole(b, row, mask)
	if len(vs) == 0 {
		for i := range s.columns {
			if mask[i] {
				vs = s.columns[i].check(row[i], vs)
			}
		}
	}
	return problem.InvalidWith("row-invalid", vs)
}

func (s *Schema) decodeWhole(b []byte, row []value.Value, mask []bool) []problem.Violation {
	d := newDecoder(s, new(texts))
	start := problem.Position{Line: 1, Column: 1}
	syntax := func(code string, at int) []problem.Violation {
		return []problem.Violation{problem.Violate(code, "").At(locate(b, at, start))}
	}
	i := space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return syntax("row-object", i)
	}
	end, ok := d.object(b, i, row)
	if !ok {
		if d.stop.code == "" {
			d.stop.code = "row-truncated"
		}
		return append(located(d.vs, b, start), syntax(d.stop.code, d.stop.at)...)
	}
	if end = space(b, end); end < len(b) {
		return append(located(d.vs, b, start), syntax("row-trailing", end)...)
	}
	for i := range mask {
		mask[i] = d.seen[i] == d.row
	}
	return located(d.vs, b, start)
}

func located(vs []problem.Violation, b []byte, start problem.Position) []problem.Violation {
	for i := range vs {
		vs[i].Position = locate(b, int(vs[i].Position.Offset), start)
	}
	return vs
}
