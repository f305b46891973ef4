package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// compile fills c from a field and its column, and appends what is wrong with
// the declaration to vs.
func (c *column) compile(f *dataset.Field, tc *dataset.Column, missing []string, vs []problem.Violation) []problem.Violation {
	known := false
	c.name, c.typ = tc.Name, tc.Type
	c.shape, known = shapes[tc.Type]
	c.derived, c.dropped = tc.Derived, tc.Dropped
	c.minLen, c.maxLen = -1, -1
	if !known {
		return append(vs, problem.Violate("column-type", c.name, "type", string(tc.Type)))
	}
	c.format = f.Format
	if c.format == "" {
		c.format = "default"
	}
	c.missing = missing
	if len(f.MissingValues) > 0 {
		c.missing = f.MissingValues
	}
	if len(c.missing) == 0 {
		c.missing = []string{""}
	}
	vs = c.compileFormat(vs)
	vs = c.compileLexical(f, vs)
	c.compileMissing()
	if c.derived || c.dropped {
		return vs
	}
	return c.compileConstraints(f, vs)
}

func (c *column) compileFormat(vs []problem.Violation) []problem.Violation {
	allowed := []string{"default"}
	switch c.shape {
	case shapeString:
		allowed = []string{"default", "email", "uri", "uuid", "binary"}
	case shapeGeoPoint:
		allowed = []string{"default", "array", "object"}
	case shapeDate, shapeTime, shapeDateTime:
		if c.format == "any" {
			return append(vs, problem.Violate("column-format-guess", c.name))
		}
		if strings.Contains(c.format, "%") {
			p, why := compileMoment(c.typ, c.format)
			if why != "" {
				return append(vs, problem.Violate(why, c.name, "pattern", c.format))
			}
			c.moment = p
			return vs
		}
	}
	if !slices.Contains(allowed, c.format) {
		vs = append(vs, problem.Violate("column-format", c.name, "format", c.format, "type", string(c.typ), "expected", strings.Join(allowed, ", ")))
		c.format = "default"
	}
	return vs
}

func (c *column) compileLexical(f *dataset.Field, vs []problem.Violation) []problem.Violation {
	c.decimal, c.group, c.bare = ".", f.GroupChar, f.BareNumber == nil || *f.BareNumber
	if f.DecimalChar != "" {
		c.decimal = f.DecimalChar
	}
	if c.shape == shapeNumber || c.shape == shapeInteger {
		const taken = "0123456789+-eE"
		if strings.ContainsAny(c.decimal, taken) || strings.ContainsAny(c.group, taken) || c.decimal == c.group {
			vs = append(vs, problem.Violate("column-number-chars", c.name, "decimal", c.decimal, "group", c.group))
			c.decimal, c.group = ".", ""
		}
	}
	c.trues, c.falses = f.TrueValues, f.FalseValues
	if len(c.trues) == 0 {
		c.trues = []string{"true", "True", "TRUE", "1"}
	}
	if len(c.falses) == 0 {
		c.falses = []string{"false", "False", "FALSE", "0"}
	}
	if c.shape == shapeBoolean {
		for _, t := range c.trues {
			if slices.Contains(c.falses, t) {
				vs = append(vs, problem.Violate("column-boolean-twice", c.name, "text", t))
			}
		}
	}
	if c.shape != shapeList {
		return vs
	}
	if c.delimiter = f.Delimiter; c.delimiter == "" {
		c.delimiter = ","
	}
	item := f.ItemType
	if item == "" {
		item = dataset.String
	}
	switch item {
	case dataset.String, dataset.Integer, dataset.Boolean, dataset.Number, dataset.DateTime, dataset.DateType, dataset.TimeOfDay:
	default:
		vs = append(vs, problem.Violate("column-item-type", c.name, "type", string(item)))
		item = dataset.String
	}
	c.item = &column{discreet: c.discreet}
	return c.item.compile(&dataset.Field{Name: c.name, Type: item}, &dataset.Column{Name: c.name, Type: item, Kind: item.Kind(), Derived: true}, []string{"\x00"}, vs)
}

// compileMissing finds what the missing texts would mean as values.
func (c *column) compileMissing() {
	if c.shape == shapeString && len(c.missing) == 1 && c.missing[0] == "" {
		return
	}
	set := map[value.Value]struct{}{}
	for _, m := range c.missing {
		if v, bad := c.lexical(m); bad == nil {
			set[v] = struct{}{}
		}
	}
	if c.shape == shapeList && slices.Contains(c.missing, "") {
		set[value.OfText("[]")] = struct{}{}
	}
	if len(set) > 0 {
		c.missingValues = set
	}
}

func (c *column) compileConstraints(f *dataset.Field, vs []problem.Violation) []problem.Violation {
	k := &f.Constraints
	c.required = k.Required
	misplaced := func(name string) {
		vs = append(vs, problem.Violate("column-constraint", c.name, "constraint", name, "type", string(c.typ)))
	}
	ordered := !c.typ.HoldsJSON() && c.shape != shapeString && c.shape != shapeBoolean && c.shape != shapeGeoPoint && c.shape != shapeGeoJSON
	limit := func(name string, declared any, exclusive bool, into *bound) {
		if declared == nil {
			return
		}
		if !ordered {
			misplaced(name)
			return
		}
		v, bad := c.parseAny(declared)
		if bad == nil && v.IsNull() {
			bad = c.fault("value-missing", "")
		}
		if bad != nil {
			vs = append(vs, problem.Violate("column-bound", c.name, "constraint", name, "value", fmt.Sprint(declared), "type", string(c.typ)))
			return
		}
		b := bound{v, exclusive, string(c.appendCell(nil, v))}
		// Of an inclusive and an exclusive bound the tighter one counts.
		if !into.value.IsNull() {
			order, _ := c.compare(v, into.value)
			if into == &c.high {
				order = -order
			}
			if order < 0 || (order == 0 && !exclusive) {
				return
			}
		}
		*into = b
	}
	limit("minimum", k.Minimum, false, &c.low)
	limit("exclusiveMinimum", k.ExclusiveMinimum, true, &c.low)
	limit("maximum", k.Maximum, false, &c.high)
	limit("exclusiveMaximum", k.ExclusiveMaximum, true, &c.high)
	sized := c.shape == shapeString || c.shape == shapeArray || c.shape == shapeList || c.shape == shapeObject
	for _, l := range []struct {
		name string
		n    *int
		into *int
	}{{"minLength", k.MinLength, &c.minLen}, {"maxLength", k.MaxLength, &c.maxLen}} {
		switch {
		case l.n == nil:
		case !sized:
			misplaced(l.name)
		case *l.n < 0:
			vs = append(vs, problem.Violate("column-bound", c.name, "constraint", l.name, "value", *l.n, "type", string(c.typ)))
		default:
			*l.into = *l.n
		}
	}
	if k.Pattern != "" {
		if c.shape != shapeString {
			misplaced("pattern")
		} else if re, err := compilePattern(k.Pattern); err != nil {
			vs = append(vs, problem.Violate("column-pattern", c.name, "pattern", k.Pattern, "reason", err))
		} else {
			c.pattern, c.patternText = re, k.Pattern
		}
	}
	if k.JSONSchema != nil {
		if !c.typ.HoldsJSON() && c.shape != shapeGeoJSON {
			misplaced("jsonSchema")
		} else if sch, err := compileJSONSchema(k.JSONSchema); err != nil {
			vs = append(vs, problem.Violate("column-json-schema", c.name, "reason", err))
		} else {
			c.schema = sch
		}
	}
	c.enum, c.allowed, vs = c.compileSet("enum", k.Enum, vs)
	categories := make([]any, len(f.Categories))
	for i := range f.Categories {
		categories[i] = f.Categories[i].Value
	}
	c.categories, c.categoryAllowed, vs = c.compileSet("categories", categories, vs)
	c.checked = c.minLen >= 0 || c.maxLen >= 0 || !c.low.value.IsNull() || !c.high.value.IsNull() ||
		c.enum != nil || c.categories != nil || c.pattern != nil || c.schema != nil
	return vs
}

func (c *column) compileSet(name string, declared []any, vs []problem.Violation) (*set, string, []problem.Violation) {
	if len(declared) == 0 {
		return nil, "", vs
	}
	allowed := &set{texts: map[string]struct{}{}, other: map[value.Value]struct{}{}}
	var words []string
	for _, d := range declared {
		v, bad := c.parseAny(d)
		if bad != nil {
			vs = append(vs, problem.Violate("column-bound", c.name, "constraint", name, "value", fmt.Sprint(d), "type", string(c.typ)))
			continue
		}
		if v.IsNull() {
			continue
		}
		allowed.add(v)
		if len(words) < 20 {
			words = append(words, string(c.appendCell(nil, v)))
		} else if len(words) == 20 {
			words = append(words, "…")
		}
	}
	return allowed, strings.Join(words, ", "), vs
}

// noLoader refuses every reference that leaves the schema: a declaration must
// not make the server fetch anything.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, errors.New("a reference outside the schema: " + url)
}

func compileJSONSchema(m map[string]any) (*jsonschema.Schema, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	const home = "huong:constraint"
	if err := c.AddResource(home, doc); err != nil {
		return nil, err
	}
	return c.Compile(home)
}
