package record

import (
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Check appends to vs what a whole row breaks: constraints, categories and the
// quality rules of severity error. The constraint unique is the store's. A rule
// that is unknown, because something it needs is Null, is not broken.
func (s *Schema) Check(row []value.Value, vs []problem.Violation) []problem.Violation {
	before := len(vs)
	for i := range s.columns {
		vs = s.columns[i].check(row[i], vs)
	}
	// Rules speak of rows whose values are right; on others they would only
	// repeat the fault in other words.
	if len(vs) > before {
		return vs
	}
	for i := range s.errors {
		if broken(s.errors[i].expr, row, nil) {
			vs = append(vs, problem.Violate("value-rule", "", "rule", s.errors[i].name))
		}
	}
	return vs
}

// Warnings appends the names of the rules of severity warning that a row breaks
// by itself.
func (s *Schema) Warnings(row []value.Value, names []string) []string {
	for i := range s.warnings {
		if broken(s.warnings[i].expr, row, nil) {
			names = append(names, s.warnings[i].name)
		}
	}
	return names
}

// check appends what one value breaks by itself.
func (c *column) check(v value.Value, vs []problem.Violation) []problem.Violation {
	if v.IsNull() {
		if c.required {
			return append(vs, problem.Violate("value-required", c.name))
		}
		return vs
	}
	if !c.checked {
		return vs
	}
	return c.constrain(v, vs)
}

func (c *column) constrain(v value.Value, vs []problem.Violation) []problem.Violation {
	add := func(code string, kv ...any) {
		vs = append(vs, *c.fault(code, string(c.appendCell(nil, v)), kv...))
	}
	// A text has at most as many characters as bytes: short ones need no count.
	if c.minLen > 0 || c.maxLen >= 0 && (c.shape != shapeString || len(v.Text()) > c.maxLen) {
		n := c.length(v.Text())
		if n < c.minLen {
			add("value-min-length", "limit", c.minLen, "length", n)
		}
		if c.maxLen >= 0 && n > c.maxLen {
			add("value-max-length", "limit", c.maxLen, "length", n)
		}
	}
	if b := &c.low; !b.value.IsNull() {
		if order, ok := c.compare(v, b.value); !ok || order < 0 || (order == 0 && b.exclusive) {
			if b.exclusive {
				add("value-exclusive-minimum", "limit", b.text)
			} else {
				add("value-minimum", "limit", b.text)
			}
		}
	}
	if b := &c.high; !b.value.IsNull() {
		if order, ok := c.compare(v, b.value); !ok || order > 0 || (order == 0 && b.exclusive) {
			if b.exclusive {
				add("value-exclusive-maximum", "limit", b.text)
			} else {
				add("value-maximum", "limit", b.text)
			}
		}
	}
	if c.enum != nil {
		if !c.enum.has(v) {
			add("value-enum", "allowed", c.allowed)
		}
	}
	if c.categories != nil {
		if !c.categories.has(v) {
			add("value-category", "allowed", c.categoryAllowed)
		}
	}
	if c.pattern != nil && !c.pattern.MatchString(v.Text()) {
		add("value-pattern", "pattern", c.patternText)
	}
	if c.schema != nil {
		if where, what := c.violatesSchema(v); what != "" {
			add("value-json-schema", "path", where, "keyword", what)
		}
	}
	return vs
}

// compare orders two values of the column's type.
func (c *column) compare(a, b value.Value) (int, bool) {
	if c.shape == shapeDuration {
		x, _, _ := parseSpan(a.Text())
		y, _, _ := parseSpan(b.Text())
		return compareSpans(x, y)
	}
	return value.Compare(a, b)
}

// length counts code points of a string, items of an array or list, members of
// an object.
func (c *column) length(s string) int {
	if c.shape == shapeString {
		return utf8.RuneCountInString(s)
	}
	if len(s) <= 2 {
		return 0
	}
	n, depth := 1, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case ',':
			if depth == 1 {
				n++
			}
		case '"':
			for i++; s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		}
	}
	return n
}

// violatesSchema returns the place and the keyword of the first fault, never a
// value.
func (c *column) violatesSchema(v value.Value) (where, keyword string) {
	text := v.Text()
	if c.shape == shapeGeoJSON {
		text = string(geom.AppendGeoJSON(nil, v.WKB()))
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return "/", "type"
	}
	err = c.schema.Validate(doc)
	if err == nil {
		return "", ""
	}
	fault, ok := err.(*jsonschema.ValidationError)
	if !ok {
		return "/", "schema"
	}
	for len(fault.Causes) > 0 {
		fault = fault.Causes[0]
	}
	keyword = strings.Join(fault.ErrorKind.KeywordPath(), "/")
	if keyword == "" {
		keyword = "false"
	}
	where = "/" + strings.Join(fault.InstanceLocation, "/")
	if c.discreet {
		where = "/" // names inside a personal value are its content
	}
	return clip(where), keyword
}
