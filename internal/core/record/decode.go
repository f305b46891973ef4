package record

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unsafe"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// decoder reads one JSON object after another into rows. Positions of its
// violations hold offsets into the bytes it was given, until locate.
type decoder struct {
	schema  *Schema
	text    *texts
	stop    stop
	vs      []problem.Violation
	scratch []byte
	seen    []uint32 // row number in which a column was last given
	row     uint32
	follows []int32 // column that came after a column in an earlier row, plus one
	near    map[string]string
}

const mostViolations = 100 // of one row; the rest would say nothing more

func newDecoder(s *Schema, t *texts) *decoder {
	return &decoder{schema: s, text: t, seen: make([]uint32, len(s.columns)), follows: make([]int32, len(s.columns)+1)}
}

func (d *decoder) violate(v problem.Violation, at int) {
	if len(d.vs) < mostViolations {
		v.Position.Offset = int64(at)
		d.vs = append(d.vs, v)
	}
}

// object reads the object at i into row. It returns false when the syntax
// breaks; faults of names and values are in d.vs.
func (d *decoder) object(b []byte, i int, row []value.Value) (next int, ok bool) {
	if d.row++; d.row == 0 {
		clear(d.seen)
		d.row = 1
	}
	d.vs = d.vs[:0]
	last := 0
	i = space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, true
	}
	for {
		if i >= len(b) {
			d.stop = stop{"", i}
			return i, false
		}
		if b[i] != '"' {
			d.stop = stop{"row-syntax", i}
			return i, false
		}
		at := i
		var name []byte
		if name, i, _, ok = d.str(b, i); !ok {
			return i, false
		}
		column := d.column(name, &last, at)
		if i = space(b, i); i >= len(b) {
			d.stop = stop{"", i}
			return i, false
		}
		if b[i] != ':' {
			d.stop = stop{"row-syntax", i}
			return i, false
		}
		if i = space(b, i+1); i >= len(b) {
			d.stop = stop{"", i}
			return i, false
		}
		if column < 0 {
			i, ok = d.skip(b, i, 1)
		} else {
			i, ok = d.value(b, i, &d.schema.columns[column], &row[column])
		}
		if !ok {
			return i, false
		}
		if i = space(b, i); i >= len(b) {
			d.stop = stop{"", i}
			return i, false
		}
		if b[i] == '}' {
			return i + 1, true
		}
		if b[i] != ',' {
			d.stop = stop{"row-syntax", i}
			return i, false
		}
		i = space(b, i+1)
	}
}

// column finds the column of a member name, or -1 after a violation. Members
// mostly come in the order of the row before, so that is tried first.
func (d *decoder) column(name []byte, last *int, at int) int {
	s := d.schema
	column := int(d.follows[*last]) - 1
	if column < 0 || s.columns[column].name != string(name) {
		var ok bool
		if column, ok = s.byName[string(name)]; !ok {
			if len(d.vs) < mostViolations {
				d.violate(d.unknown(string(name)), at)
			}
			return -1
		}
		d.follows[*last] = int32(column) + 1
	}
	c := &s.columns[column]
	if c.derived {
		d.violate(problem.Violate("row-derived", c.name), at)
		return -1
	}
	if d.seen[column] == d.row {
		d.violate(problem.Violate("row-duplicate", c.name), at)
		return -1
	}
	d.seen[column] = d.row
	*last = column + 1
	return column
}

// unknown says what could have been meant. The search is costly and mostly
// asked for the same few names, so a reader remembers them, and stops searching
// where an input makes up ever new ones.
func (d *decoder) unknown(name string) problem.Violation {
	near, known := d.near[name]
	if !known && len(d.near) < 64 && len(name) <= 64 {
		if d.near == nil {
			d.near = map[string]string{}
		}
		near = d.schema.Nearest(name)
		d.near[name] = near
	}
	return unknownField(name, near)
}

func unknownField(name, near string) problem.Violation {
	if near != "" {
		return problem.Violate("row-unknown-near", clip(name), "near", near)
	}
	return problem.Violate("row-unknown", clip(name))
}

// value reads the value at i for a column. A value that does not fit leaves
// *into as it was and a violation in d.vs.
func (d *decoder) value(b []byte, i int, c *column, into *value.Value) (next int, ok bool) {
	at := i
	var v value.Value
	var bad *problem.Violation
	switch b[i] {
	case '"':
		var content []byte
		var common bool
		if content, i, common, ok = d.str(b, i); !ok {
			return i, false
		}
		v, bad = d.fromString(c, content, common)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		var n numberToken
		if n, i, ok = d.num(b, i); !ok {
			return i, false
		}
		v, bad = c.fromNumber(n, b[at:i])
	case 't', 'f':
		if i, ok = d.literal(b, i); !ok {
			return i, false
		}
		switch c.shape {
		case shapeBoolean:
			v = value.OfBool(i-at == 4)
		case shapeAny:
			v = value.OfText(d.text.hold(b[at:i]))
		default:
			bad = c.mismatch(string(b[at:i]))
		}
	case 'n':
		if i, ok = d.literal(b, i); !ok {
			return i, false
		}
	case '{', '[':
		if i, ok = d.skip(b, i, 1); !ok {
			return i, false
		}
		v, bad = c.nested(b[at:i])
	default:
		d.stop = stop{"row-syntax", i}
		return i, false
	}
	if bad != nil {
		d.violate(*bad, at)
		return i, true
	}
	if c.missingValues != nil {
		v = c.settle(v)
	}
	*into = v
	return i, true
}

// mismatch is the fault of a JSON value of the wrong type.
func (c *column) mismatch(given string) *problem.Violation {
	return c.fault("value-json-type", given, "type", string(c.typ))
}

func (d *decoder) fromString(c *column, content []byte, common bool) (value.Value, *problem.Violation) {
	text := unsafe.String(unsafe.SliceData(content), len(content))
	if c.isMissing(text) && c.shape != shapeAny {
		return value.Value{}, nil
	}
	switch c.shape {
	case shapeString:
		return d.fromText(c, content, text, common)
	case shapeDate:
		return c.isoDate(text)
	case shapeDateTime, shapeTime:
		v, bad := c.standard(text)
		if bad == nil && c.moment != nil && !c.moment.expresses(v) {
			bad = c.fault("value-precision", text, "expected", c.format)
		}
		return v, bad
	case shapeYearMonth, shapeDuration:
		v, bad := c.standard(text)
		if bad == nil {
			v = value.OfText(d.text.hold([]byte(v.Text())))
		}
		return v, bad
	case shapeGeoPoint:
		if c.format == "default" {
			return c.pointText(text)
		}
	case shapeAny:
		return c.anyText(text)
	}
	return value.Value{}, c.mismatch(text)
}

// fromText is clean and textFormat for bytes that the scanner has already seen.
func (d *decoder) fromText(c *column, content []byte, text string, common bool) (value.Value, *problem.Violation) {
	// Raw control characters are refused by the scanner; only escapes, which
	// are decoded into scratch, can bring some in.
	escaped := len(content) > 0 && unsafe.SliceData(content) == unsafe.SliceData(d.scratch)
	if !common || escaped || c.format != "default" || bytes.IndexByte(content, 0x7F) >= 0 {
		v, bad := c.text(text)
		if bad != nil {
			return v, bad
		}
		text = v.Text()
		if unsafe.StringData(text) != unsafe.SliceData(content) {
			return v, nil // normalised into memory of its own
		}
	}
	return value.OfText(d.text.hold(content)), nil
}

var pow10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

func (c *column) fromNumber(n numberToken, raw []byte) (value.Value, *problem.Violation) {
	switch c.shape {
	case shapeNumber:
		// Both operands are exact, so the quotient is the nearest float.
		if n.short && !n.exponent && n.digits < 1<<53 {
			f := float64(n.digits) / pow10[n.fraction]
			if n.negative {
				f = -f
			}
			return value.OfFloat(f), nil
		}
		f, err := strconv.ParseFloat(string(raw), 64)
		if err != nil {
			return value.Value{}, c.fault("value-number-range", string(raw))
		}
		return value.OfFloat(f), nil
	case shapeInteger, shapeYear:
		i, whole, inRange := exactInteger(n, raw)
		if !whole {
			return value.Value{}, c.fault("value-integer", string(raw))
		}
		if c.shape == shapeYear && (!inRange || i < -9999 || i > 9999) {
			return value.Value{}, c.fault("value-year", string(raw))
		}
		if !inRange {
			return value.Value{}, c.fault("value-integer-range", string(raw))
		}
		return value.OfInt(i), nil
	case shapeAny:
		return c.nested(raw)
	}
	return value.Value{}, c.mismatch(string(raw))
}

// exactInteger returns the number when it is one: 12, 12.0 and 1.2e1 are.
func exactInteger(n numberToken, raw []byte) (i int64, whole, inRange bool) {
	if n.short && n.fraction == 0 && !n.exponent {
		switch {
		case n.digits <= math.MaxInt64 && n.negative:
			return -int64(n.digits), true, true
		case n.digits <= math.MaxInt64:
			return int64(n.digits), true, true
		case n.negative && n.digits == 1<<63:
			return math.MinInt64, true, true
		}
		return 0, true, false
	}
	// Move the point by hand: digits without leading and trailing zeros, and
	// the power of ten that they stand at.
	mantissa, power := string(raw), int64(0)
	if at := strings.IndexAny(mantissa, "eE"); at >= 0 {
		e, err := strconv.ParseInt(mantissa[at+1:], 10, 32)
		if err != nil {
			e = math.MaxInt32
			if strings.Contains(mantissa[at:], "-") {
				e = math.MinInt32
			}
		}
		mantissa, power = mantissa[:at], e
	}
	mantissa = strings.TrimPrefix(mantissa, "-")
	before, after, _ := strings.Cut(mantissa, ".")
	power -= int64(len(after))
	digits := strings.TrimLeft(before+after, "0")
	short := strings.TrimRight(digits, "0")
	power += int64(len(digits) - len(short))
	if short == "" {
		return 0, true, true
	}
	if power < 0 {
		return 0, false, false
	}
	if int64(len(short))+power > 19 {
		return 0, true, false
	}
	sign := ""
	if n.negative {
		sign = "-"
	}
	x, _ := new(big.Int).SetString(sign+short+strings.Repeat("0", int(power)), 10)
	return x.Int64(), true, x.IsInt64()
}
