package record

import (
	"strconv"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// FormatKey writes the values of a key as one text, for paths and messages: the
// standard form of each part, joined by commas; "~" and "," inside a part are
// written ~0 and ~1. Equal keys have equal texts, and ParseKey reads it back.
func FormatKey(t *dataset.Table, key []value.Value) string {
	var b strings.Builder
	for i, v := range key {
		if i > 0 {
			b.WriteByte(',')
		}
		part := keyPart(v, i < len(t.Key) && t.Columns[t.Key[i]].Type == dataset.Year)
		if strings.ContainsAny(part, "~,") {
			part = strings.ReplaceAll(strings.ReplaceAll(part, "~", "~0"), ",", "~1")
		}
		b.WriteString(part)
	}
	return b.String()
}

func keyPart(v value.Value, year bool) string {
	switch v.Kind() {
	case value.Bool:
		return strconv.FormatBool(v.Bool())
	case value.Int:
		if year {
			return string(appendYear(nil, v.Int()))
		}
		return strconv.FormatInt(v.Int(), 10)
	case value.Float:
		return string(appendFloat(nil, v.Float()))
	case value.Date:
		return string(appendDate(nil, v.Days()))
	case value.Time:
		return string(appendInstant(nil, v.Micros()))
	case value.Geometry:
		return geom.ToWKT(v.WKB())
	}
	return v.Text()
}

// ParseKey reads what FormatKey writes into one value per part of the key. Its
// error is Invalid and names the parts that are wrong.
func ParseKey(s *Schema, text string) ([]value.Value, error) {
	parts := strings.Split(text, ",")
	if len(parts) != len(s.table.Key) {
		return nil, problem.New(problem.Invalid, "key-parts", "expected", len(s.table.Key), "given", len(parts))
	}
	key := make([]value.Value, len(parts))
	var vs []problem.Violation
	for i, part := range parts {
		c := &s.columns[s.table.Key[i]]
		plain, ok := unescapeKey(part)
		if !ok {
			vs = append(vs, *c.fault("key-escape", part))
			continue
		}
		v, bad := c.keyValue(plain)
		if bad == nil && v.IsNull() {
			bad = c.fault("value-required", "")
		}
		if bad != nil {
			vs = append(vs, *bad)
			continue
		}
		key[i] = v
	}
	if err := problem.InvalidWith("key-invalid", vs); err != nil {
		return nil, err
	}
	return key, nil
}

func unescapeKey(s string) (string, bool) {
	if !strings.Contains(s, "~") {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '~' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) || (s[i] != '0' && s[i] != '1') {
			return "", false
		}
		b.WriteByte("~,"[s[i]-'0'])
	}
	return b.String(), true
}

func (c *column) keyValue(s string) (value.Value, *problem.Violation) {
	if s == "" {
		return value.Value{}, nil
	}
	switch c.shape {
	case shapeBoolean:
		if s != "true" && s != "false" {
			return value.Value{}, c.fault("value-boolean", s, "expected", "true, false")
		}
		return value.OfBool(s == "true"), nil
	case shapeNumber:
		return c.number(s, s)
	case shapeInteger:
		return c.integer(s, s)
	case shapeGeoPoint, shapeGeoJSON:
		wkb, err := geom.FromWKT(s)
		if err != nil {
			return value.Value{}, c.geometryFault(err)
		}
		return value.OfGeometry(wkb), nil
	case shapeDate, shapeTime, shapeDateTime, shapeYear, shapeYearMonth, shapeDuration:
		return c.standard(s)
	case shapeString:
		return c.text(s)
	}
	return c.nested([]byte(s))
}
