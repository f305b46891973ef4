package dataset

import (
	"slices"
	"strings"
	"unicode/utf8"

	"huong.city/huong/internal/core/declare"
	"huong.city/huong/internal/core/value"
)

// Which types a constraint or a property of a field applies to (Table Schema,
// "Field Constraints" and "Field Types"). What is not listed applies to all.
var applies = [...]struct {
	key   string
	set   func(f *Field) bool
	types []Type
}{
	{"constraints.minLength", func(f *Field) bool { return f.Constraints.MinLength != nil }, collections[:]},
	{"constraints.maxLength", func(f *Field) bool { return f.Constraints.MaxLength != nil }, collections[:]},
	{"constraints.minimum", func(f *Field) bool { return f.Constraints.Minimum != nil }, ordered[:]},
	{"constraints.maximum", func(f *Field) bool { return f.Constraints.Maximum != nil }, ordered[:]},
	{"constraints.exclusiveMinimum", func(f *Field) bool { return f.Constraints.ExclusiveMinimum != nil }, ordered[:]},
	{"constraints.exclusiveMaximum", func(f *Field) bool { return f.Constraints.ExclusiveMaximum != nil }, ordered[:]},
	{"constraints.jsonSchema", func(f *Field) bool { return f.Constraints.JSONSchema != nil }, []Type{Object, Array}},
	{"constraints.pattern", func(f *Field) bool { return f.Constraints.Pattern != "" }, []Type{String}},
	{"constraints.unique", func(f *Field) bool { return f.Constraints.Unique }, distinct[:]},
	{"constraints.enum", func(f *Field) bool { return f.Constraints.Enum != nil }, enumerable[:]},
	{"categories", func(f *Field) bool { return f.Categories != nil }, []Type{String, Integer}},
	{"categoriesOrdered", func(f *Field) bool { return f.Ordered }, []Type{String, Integer}},
	{"trueValues", func(f *Field) bool { return f.TrueValues != nil }, []Type{Boolean}},
	{"falseValues", func(f *Field) bool { return f.FalseValues != nil }, []Type{Boolean}},
	{"decimalChar", func(f *Field) bool { return f.DecimalChar != "" }, []Type{Number}},
	{"groupChar", func(f *Field) bool { return f.GroupChar != "" }, []Type{Number, Integer}},
	{"bareNumber", func(f *Field) bool { return f.BareNumber != nil }, []Type{Number, Integer}},
	{"delimiter", func(f *Field) bool { return f.Delimiter != "" }, []Type{List}},
	{"itemType", func(f *Field) bool { return f.ItemType != "" }, []Type{List}},
	{"unit", func(f *Field) bool { return f.Unit != "" }, []Type{Number, Integer, List, Array}},
	{"measure", func(f *Field) bool { return f.Measure != "" }, []Type{Number, Integer}},
}

var (
	collections = [...]Type{String, Array, Object, List}
	ordered     = [...]Type{Integer, Number, DateType, TimeOfDay, DateTime, Duration, Year, YearMonth}
	distinct    = [...]Type{String, Number, Integer, Boolean, DateType, TimeOfDay, DateTime, Year, YearMonth, Duration}
	enumerable  = [...]Type{String, Number, Integer, Boolean, Object, Array, List, DateType, TimeOfDay, DateTime, Year, YearMonth, Duration, Any}
)

// formats lists the format words of each type; a date or time may have a
// strptime pattern instead (Table Schema 2.0, "format").
func (t Type) formats() (words []string, patterns bool) {
	switch t {
	case String:
		return []string{"default", "email", "uri", "binary", "uuid"}, false
	case DateType, TimeOfDay, DateTime:
		return []string{"default", "any"}, true
	case GeoPoint:
		return []string{"default", "array", "object"}, false
	}
	return []string{"default"}, false
}

func (t *tree) checkField(f *Field, path []any) {
	keyPath := func(key string) []any {
		p := path
		for _, k := range strings.Split(key, ".") {
			p = sub(p, k)
		}
		return p
	}
	for _, a := range applies {
		if a.set(f) && !slices.Contains(a.types, f.Type) {
			t.faultAt(keyPath(a.key), "declaration-not-applicable", "key", a.key[strings.LastIndexByte(a.key, '.')+1:], "type", f.Type)
		}
	}
	if f.Format != "" {
		words, patterns := f.Type.formats()
		if !slices.Contains(words, f.Format) && !(patterns && strings.Contains(f.Format, "%")) {
			n := t.at(keyPath("format")...)
			t.Unknown("declaration-format", pathText(keyPath("format")), f.Format, words, n.Line, n.Col)
		}
	}
	t.checkBounds(f, path)
	t.checkCharacters(f, keyPath)
	if f.Constraints.Pattern != "" {
		if _, err := CompilePattern(f.Constraints.Pattern); err != nil {
			t.faultAt(keyPath("constraints.pattern"), "declaration-pattern", "detail", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
	}
	t.checkValues(f, keyPath("constraints.enum"), f.Constraints.Enum, f.Constraints.Enum != nil, nil)
	values := make([]any, len(f.Categories))
	for i, c := range f.Categories {
		values[i] = c.Value
	}
	t.checkValues(f, keyPath("categories"), values, t.at(path...).Get("categories").Holds(declare.ListNode), []any{"value"})
	if f.Ordered && len(f.Categories) == 0 {
		t.faultAt(keyPath("categoriesOrdered"), "declaration-missing", "key", "categories")
	}
}

// checkValues reports members of an allowed-value list that are not of the
// field's type or stand there twice.
func (t *tree) checkValues(f *Field, path []any, values []any, declared bool, tail []any) {
	if declared && len(values) == 0 {
		t.faultAt(path, "declaration-blank")
	}
	if f.Type == GeoPoint || f.Type == GeoJSON {
		return // not applicable, reported already
	}
	seen := map[value.Value]bool{}
	for i, v := range values {
		at := append(sub(path, i), tail...)
		if v == nil {
			if len(tail) == 0 || t.at(at...).Shape == declare.NullNode {
				t.faultAt(at, "declaration-value-type", "found", "null", "type", f.Type)
			}
			continue
		}
		lit, ok := f.Literal(v)
		switch {
		case !ok:
			t.faultAt(at, "declaration-value-type", "found", t.at(at...).Found(), "type", f.Type)
		case seen[lit]:
			t.faultAt(at, "declaration-twice", "name", t.at(at...).Found())
		default:
			seen[lit] = true
		}
	}
}

// checkBounds reports bounds that are not of the field's type and bounds that
// leave no value between them.
func (t *tree) checkBounds(f *Field, path []any) {
	c := &f.Constraints
	if c.MinLength != nil && c.MaxLength != nil && *c.MinLength > *c.MaxLength {
		t.faultAt(sub(path, "constraints", "minLength"), "declaration-bounds", "low", *c.MinLength, "high", *c.MaxLength)
	}
	if !slices.Contains(ordered[:], f.Type) {
		return
	}
	read := func(key string, v any) (value.Value, bool) {
		if v == nil {
			return value.Value{}, false
		}
		at := sub(path, "constraints", key)
		lit, ok := f.Literal(v)
		if !ok {
			t.faultAt(at, "declaration-value-type", "found", t.at(at...).Found(), "type", f.Type)
		}
		return lit, ok
	}
	low, hasLow := read("minimum", c.Minimum)
	openLow, hasOpenLow := read("exclusiveMinimum", c.ExclusiveMinimum)
	high, hasHigh := read("maximum", c.Maximum)
	openHigh, hasOpenHigh := read("exclusiveMaximum", c.ExclusiveMaximum)
	against := func(key string, low, high value.Value, lowText, highText any, open bool) {
		if o, ok := f.Type.CompareLiterals(low, high); ok && (o > 0 || open && o == 0) {
			t.faultAt(sub(path, "constraints", key), "declaration-bounds", "low", lowText, "high", highText)
		}
	}
	if hasLow && hasHigh {
		against("minimum", low, high, c.Minimum, c.Maximum, false)
	}
	if hasLow && hasOpenHigh {
		against("minimum", low, openHigh, c.Minimum, c.ExclusiveMaximum, true)
	}
	if hasOpenLow && hasHigh {
		against("exclusiveMinimum", openLow, high, c.ExclusiveMinimum, c.Maximum, true)
	}
	if hasOpenLow && hasOpenHigh {
		against("exclusiveMinimum", openLow, openHigh, c.ExclusiveMinimum, c.ExclusiveMaximum, true)
	}
}

func (t *tree) checkCharacters(f *Field, keyPath func(string) []any) {
	for _, c := range [...]struct{ key, text string }{{"decimalChar", f.DecimalChar}, {"groupChar", f.GroupChar}, {"delimiter", f.Delimiter}} {
		if c.text != "" && utf8.RuneCountInString(c.text) != 1 {
			t.faultAt(keyPath(c.key), "declaration-one-character", "found", declare.Excerpt(c.text))
		}
	}
	decimal := f.DecimalChar
	if decimal == "" && f.Type == Number {
		decimal = "."
	}
	if f.GroupChar != "" && f.GroupChar == decimal {
		t.faultAt(keyPath("groupChar"), "declaration-twice", "name", f.GroupChar)
	}
	for i, v := range f.FalseValues {
		if slices.Contains(f.TrueValues, v) {
			t.faultAt(append(keyPath("falseValues"), i), "declaration-twice", "name", declare.Excerpt(v))
		}
	}
}
