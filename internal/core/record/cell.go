package record

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

func (c *column) parseCell(text string) (value.Value, *problem.Violation) {
	if c.isMissing(text) {
		return value.Value{}, nil
	}
	if c.shape != shapeString && c.shape != shapeList && c.shape != shapeAny {
		if trimmed := trimBlanks(text); len(trimmed) < len(text) {
			if text = trimmed; c.isMissing(text) {
				return value.Value{}, nil
			}
		}
	}
	v, bad := c.lexical(text)
	if bad != nil {
		return value.Value{}, bad
	}
	return c.settle(v), nil
}

// trimBlanks takes spaces and tabs from both ends.
func trimBlanks(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// lexical reads the declared lexical form; text is not a missing value.
func (c *column) lexical(text string) (value.Value, *problem.Violation) {
	switch c.shape {
	case shapeString:
		return c.text(text)
	case shapeNumber:
		plain, ok := c.plainNumber(text)
		if !ok {
			return value.Value{}, c.badNumber(text)
		}
		return c.number(plain, text)
	case shapeInteger:
		plain, ok := c.plainNumber(text)
		if !ok {
			return value.Value{}, c.badNumber(text)
		}
		return c.integer(plain, text)
	case shapeBoolean:
		return c.boolean(text)
	case shapeDate, shapeTime, shapeDateTime:
		if c.moment != nil {
			return c.moment.parse(c, text)
		}
		return c.standard(text)
	case shapeYear, shapeYearMonth, shapeDuration:
		return c.standard(text)
	case shapeObject, shapeArray:
		return c.nested([]byte(text))
	case shapeList:
		return c.list(text)
	case shapeGeoPoint:
		if c.format != "default" || strings.HasPrefix(text, "{") {
			return c.nested([]byte(text))
		}
		return c.pointText(text)
	case shapeGeoJSON:
		return c.nested([]byte(text))
	default: // any
		if !utf8.ValidString(text) {
			return value.Value{}, c.fault("value-encoding", "")
		}
		if v, bad := c.nested([]byte(text)); bad == nil || bad.Code != "value-json" {
			return v, bad
		}
		return c.anyText(text)
	}
}

// standard reads the one form that needs no declaration: ISO 8601 for moments,
// XML Schema for the rest. JSON and keys use it whatever the format is.
func (c *column) standard(text string) (value.Value, *problem.Violation) {
	switch c.shape {
	case shapeDate:
		return c.isoDate(text)
	case shapeTime:
		return c.isoTime(text)
	case shapeDateTime:
		return c.isoDateTime(text)
	case shapeYear:
		return c.year(text)
	case shapeYearMonth:
		return c.yearMonth(text)
	default:
		return c.duration(text)
	}
}

// text normalises and checks a string.
func (c *column) text(s string) (value.Value, *problem.Violation) {
	s, bad := c.clean(s)
	if bad != nil {
		return value.Value{}, bad
	}
	if c.format != "default" {
		if bad := c.textFormat(s); bad != nil {
			return value.Value{}, bad
		}
	}
	return value.OfText(s), nil
}

// clean returns s in NFC with line ends as \n, and refuses bytes that are no
// UTF-8 and control characters other than tab and line end.
func (c *column) clean(s string) (string, *problem.Violation) {
	if value.IsCommonText(s) {
		return s, nil
	}
	ascii := true
	returns := false
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b >= 0x80 {
			ascii = false
		} else if b < 0x20 || b == 0x7F {
			if b == '\r' {
				returns = true
			} else if b != '\t' && b != '\n' {
				return "", c.control(rune(b))
			}
		}
	}
	if returns {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	if ascii {
		return s, nil
	}
	return c.cleanUnicode(s)
}

func (c *column) cleanUnicode(s string) (string, *problem.Violation) {
	if !utf8.ValidString(s) {
		return "", c.fault("value-encoding", "")
	}
	// The C1 controls U+0080–U+009F are C2 80–C2 9F in UTF-8.
	for rest := s; ; {
		i := strings.IndexByte(rest, 0xC2)
		if i < 0 {
			break
		}
		if rest[i+1] < 0xA0 {
			return "", c.control(rune(rest[i+1]))
		}
		rest = rest[i+2:]
	}
	if !norm.NFC.IsNormalString(s) {
		s = norm.NFC.String(s)
	}
	return s, nil
}

func (c *column) control(r rune) *problem.Violation {
	v := problem.Violate("value-control", c.name, "char", "U+"+strings.ToUpper(pad(strconv.FormatInt(int64(r), 16), 4)))
	return &v
}

func pad(s string, n int) string {
	for len(s) < n {
		s = "0" + s
	}
	return s
}

// textFormat checks the formats email, uri, uuid and binary.
func (c *column) textFormat(s string) *problem.Violation {
	ok := true
	switch c.format {
	case "email":
		local, domain, cut := strings.Cut(s, "@")
		ok = cut && local != "" && len(s) <= 254 && strings.Contains(domain, ".") && !strings.ContainsAny(s, " \t\n<>(),;:\\\"[]") &&
			!strings.Contains(domain, "@") && !strings.HasPrefix(domain, ".") && !strings.HasSuffix(domain, ".") && !strings.Contains(domain, "..")
	case "uri":
		u, err := url.Parse(s)
		ok = err == nil && u.IsAbs() && !strings.ContainsAny(s, " \t\n") && (u.Host != "" || u.Opaque != "" || u.Path != "")
	case "uuid":
		ok = isUUID(s)
	case "binary":
		_, err := base64.StdEncoding.Strict().DecodeString(s)
		ok = err == nil
	}
	if !ok {
		return c.fault("value-"+c.format, s)
	}
	return nil
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := 0; i < 36; i++ {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if b := s[i] | 0x20; (s[i] < '0' || s[i] > '9') && (b < 'a' || b > 'f') {
				return false
			}
		}
	}
	return true
}

// plainNumber takes group characters, the decimal character and, where the
// numbers are not bare, what stands before and after away.
func (c *column) plainNumber(s string) (string, bool) {
	if !c.bare {
		s = stripAffixes(s, c.decimal)
	}
	if c.group == "" && c.decimal == "." {
		return s, true
	}
	whole, fraction, cut := strings.Cut(s, c.decimal)
	if c.group != "" {
		groups := strings.Split(whole, c.group)
		for i, g := range groups {
			if g == "" || (i > 0 && (g[0] < '0' || g[0] > '9')) {
				return "", false
			}
		}
		whole = strings.Join(groups, "")
	}
	if c.decimal != "." && (strings.Contains(whole, ".") || strings.Contains(fraction, ".")) {
		return "", false
	}
	if cut {
		return whole + "." + fraction, true
	}
	return whole, true
}

func stripAffixes(s, decimal string) string {
	numeric := func(b byte) bool { return b >= '0' && b <= '9' }
	i, j := 0, len(s)
	for i < j && !numeric(s[i]) {
		i++
	}
	for j > i && !numeric(s[j-1]) {
		j--
	}
	if i == j {
		return s
	}
	if strings.HasSuffix(s[:i], decimal) {
		i -= len(decimal)
	}
	if i > 0 && (s[i-1] == '-' || s[i-1] == '+') {
		i--
	}
	return s[i:j]
}

func (c *column) badNumber(text string) *problem.Violation {
	if c.shape == shapeInteger {
		return c.fault("value-integer", text)
	}
	return c.fault("value-number", text)
}

// number reads xsd:decimal or xsd:double text; the special values are refused
// because no store and no chart keeps them alike.
func (c *column) number(plain, given string) (value.Value, *problem.Violation) {
	if f, ok := shortNumber(plain); ok {
		return value.OfFloat(f), nil
	}
	if !isDecimal(plain) {
		switch strings.ToUpper(strings.TrimLeft(plain, "+-")) {
		case "NAN", "INF", "INFINITY":
			return value.Value{}, c.fault("value-special", given)
		}
		return value.Value{}, c.badNumber(given)
	}
	f, err := strconv.ParseFloat(plain, 64)
	if err != nil {
		return value.Value{}, c.fault("value-number-range", given)
	}
	return value.OfFloat(f), nil
}

// isDecimal tells whether s is [+-]?(d+[.d*]|.d+)([eE][+-]?d+)?, which leaves
// out the hexadecimal and underscored forms of Go.
func isDecimal(s string) bool {
	i, digits := 0, 0
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		digits++
	}
	if i < len(s) && s[i] == '.' {
		for i++; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			digits++
		}
	}
	if digits == 0 {
		return false
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		if i == from {
			return false
		}
	}
	return i == len(s)
}

func (c *column) integer(plain, given string) (value.Value, *problem.Violation) {
	if i, ok := shortInteger(plain); ok {
		return value.OfInt(i), nil
	}
	digits := strings.TrimLeft(plain, "+-")
	if digits == "" || len(plain)-len(digits) > 1 || strings.Trim(digits, "0123456789") != "" {
		if isDecimal(plain) {
			return value.Value{}, c.fault("value-integer", given)
		}
		return c.numberFault(plain, given)
	}
	i, err := strconv.ParseInt(plain, 10, 64)
	if err != nil {
		return value.Value{}, c.fault("value-integer-range", given)
	}
	return value.OfInt(i), nil
}

func (c *column) numberFault(plain, given string) (value.Value, *problem.Violation) {
	_, bad := c.number(plain, given)
	if bad == nil {
		bad = c.badNumber(given)
	}
	return value.Value{}, bad
}

func (c *column) boolean(s string) (value.Value, *problem.Violation) {
	if slices.Contains(c.trues, s) {
		return value.OfBool(true), nil
	}
	if slices.Contains(c.falses, s) {
		return value.OfBool(false), nil
	}
	return value.Value{}, c.fault("value-boolean", s, "expected", strings.Join(slices.Concat(c.trues, c.falses), ", "))
}

// pointText reads "lon, lat".
func (c *column) pointText(s string) (value.Value, *problem.Violation) {
	x, y, cut := strings.Cut(s, ",")
	x, y = strings.TrimSpace(x), strings.TrimSpace(y)
	if !cut || !isDecimal(x) || !isDecimal(y) {
		return value.Value{}, c.fault("value-geopoint", s)
	}
	lon, errLon := strconv.ParseFloat(x, 64)
	lat, errLat := strconv.ParseFloat(y, 64)
	if errLon != nil || errLat != nil {
		return value.Value{}, c.fault("value-geopoint", s)
	}
	return c.point(lon, lat, s)
}

func (c *column) point(lon, lat float64, given string) (value.Value, *problem.Violation) {
	if !(math.Abs(lon) <= 180 && math.Abs(lat) <= 90) {
		return value.Value{}, c.fault("value-geopoint-range", given)
	}
	// Adding zero turns negative zero into zero.
	return value.OfGeometry(geom.Point(lon+0, lat+0)), nil
}

// list reads items parted by the delimiter into a JSON array of item values.
func (c *column) list(s string) (value.Value, *problem.Violation) {
	b := []byte{'['}
	for i, item := range strings.Split(s, c.delimiter) {
		v, bad := c.item.lexicalItem(item)
		if bad != nil {
			return value.Value{}, c.badItem(i, item)
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = c.item.appendJSON(b, v)
	}
	return c.nested(append(b, ']'))
}

func (c *column) lexicalItem(s string) (value.Value, *problem.Violation) {
	if c.shape != shapeString {
		s = strings.Trim(s, " \t")
	}
	return c.lexical(s)
}

func (c *column) badItem(i int, item string) *problem.Violation {
	if c.discreet {
		item = "•••"
	}
	return c.fault("value-list-item", item, "item", i+1, "type", string(c.item.typ))
}

// ParseAny reads a value that another decoder already made: what a declaration
// holds in a bound or an example, what a driver of a foreign database or a
// message broker hands over. Strings are lexical forms, the standard form of
// the type being understood beside the declared one; numbers, booleans, moments,
// maps and slices are taken as what they are.
func (s *Schema) ParseAny(column int, v any) (value.Value, *problem.Violation) {
	return s.columns[column].parseAny(v)
}

func (c *column) parseAny(v any) (value.Value, *problem.Violation) {
	switch x := v.(type) {
	case nil:
		return value.Value{}, nil
	case value.Value:
		if x.IsNull() || x.Kind() == c.typ.Kind() {
			return x, nil
		}
		return value.Value{}, c.mismatch("")
	case string:
		w, bad := c.parseCell(x)
		if bad != nil && c.moment != nil {
			if std, worse := c.standard(x); worse == nil {
				return std, nil
			}
		}
		return w, bad
	case []byte:
		return c.parseAny(string(x))
	case time.Time:
		return c.fromInstant(x)
	}
	var b []byte
	var err error
	if raw, is := v.(json.Marshaler); is {
		b, err = raw.MarshalJSON() // Marshal would check and copy what the decoder checks anyway
		b = bytes.TrimSpace(b)
	} else {
		b, err = json.Marshal(v)
	}
	if err == nil && len(b) == 0 {
		b = []byte("null")
	}
	if err != nil {
		if f, ok := v.(float64); ok {
			return value.Value{}, c.fault("value-special", strconv.FormatFloat(f, 'g', -1, 64))
		}
		return value.Value{}, c.mismatch("")
	}
	// The text takes no more room than its one value needs: many single records
	// may wait for their commit at once.
	d := decoder{text: &texts{chunk: make([]byte, 0, len(b))}}
	var out value.Value
	end, ok := d.value(b, 0, c, &out)
	if !ok {
		// A bare number runs to the end of the bytes, where the scanner asks for more.
		end, ok = d.value(append(b, ' '), 0, c, &out)
	}
	if !ok || end < len(b) {
		return value.Value{}, c.fault("value-json", string(b))
	}
	if len(d.vs) > 0 {
		bad := d.vs[0]
		bad.Position = problem.Position{}
		return value.Value{}, &bad
	}
	return out, nil
}

func (c *column) fromInstant(t time.Time) (value.Value, *problem.Violation) {
	switch c.shape {
	case shapeDateTime:
		return c.instant(t.UnixMicro(), t.String())
	case shapeDate:
		y, m, d := t.Date()
		return c.isoDate(string(appendDate(nil, civilDays(y, int(m), d))))
	}
	return value.Value{}, c.mismatch(t.String())
}
