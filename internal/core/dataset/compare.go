package dataset

import (
	"reflect"
	"slices"
	"strings"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Change is one difference between two declarations of a dataset.
type Change struct {
	What      string // the difference in words, Vietnamese; In gives others
	Field     string // the field concerned, if one is
	Narrowing bool   // records that were good may not be any more
	// Breaks selects the records that a narrowing change would break: an
	// unbound expression over the old declaration's fields. Nil means that no
	// expression can tell them apart; every record then counts as broken.
	Breaks cql2.Expr

	code string
	args map[string]string
}

// In renders the change for a reader of the language.
func (c Change) In(lang string) string {
	if c.code == "" {
		return c.What
	}
	return problem.Text(lang, c.code, c.args)
}

// Compare lists what becomes different when new takes the place of old, in the
// order of the declaration; equal declarations give nothing.
func Compare(old, new *Dataset) []Change {
	c := &comparison{old: old, new: new}
	c.whole()
	c.fields()
	c.keys()
	c.rules()
	return c.changes
}

type comparison struct {
	old, new *Dataset
	changes  []Change
}

func (c *comparison) add(code, field string, narrowing bool, breaks cql2.Expr, kv ...any) {
	p := problem.Violate(code, field, append(kv, "field", field)...)
	c.changes = append(c.changes, Change{
		What: problem.Text("vi", code, p.Args), Field: field, Narrowing: narrowing, Breaks: breaks, code: code, args: p.Args,
	})
}

func (c *comparison) widen(code, field string, kv ...any) { c.add(code, field, false, nil, kv...) }

func (c *comparison) narrow(code, field string, breaks cql2.Expr, kv ...any) {
	c.add(code, field, true, breaks, kv...)
}

// whole compares what concerns the dataset as a whole.
func (c *comparison) whole() {
	o, n := c.old, c.new
	if o.Kind != n.Kind {
		c.narrow("change-kind", "", nil, "was", o.Kind, "now", n.Kind)
	}
	if o.Classification != n.Classification {
		c.widen("change-classification", "", "was", o.Classification, "now", n.Classification)
	}
	if o.Time != n.Time {
		if o.Kind == Series {
			c.narrow("change-time", "", nil, "was", o.Time, "now", n.Time)
		} else {
			c.widen("change-time", "", "was", o.Time, "now", n.Time)
		}
	}
	if o.Person != n.Person {
		c.widen("change-person", "", "was", o.Person, "now", n.Person)
	}
	if o.PublicRows != n.PublicRows {
		c.widen("change-public-rows", "", "was", o.PublicRows, "now", n.PublicRows)
	}
	if !reflect.DeepEqual(o.Place, n.Place) {
		c.widen("change-place", "")
	}
	for _, w := range [...]struct {
		code     string
		old, new any
	}{
		{"change-title", []any{o.Title, o.Description, o.Keywords}, []any{n.Title, n.Description, n.Keywords}},
		{"change-owner", []any{o.Owner, o.Sector, o.Team, o.Support}, []any{n.Owner, n.Sector, n.Team, n.Support}},
		{"change-status", []any{o.Status, o.Version, o.License}, []any{n.Status, n.Version, n.License}},
		{"change-promise", o.SLA, n.SLA},
		{"change-indexes", o.Indexes, n.Indexes},
		{"change-sources", o.Sources, n.Sources},
		{"change-outside", o.Outside, n.Outside},
		{"change-missing", o.Schema.MissingValues, n.Schema.MissingValues},
	} {
		if !reflect.DeepEqual(w.old, w.new) {
			c.widen(w.code, "")
		}
	}
}

func (c *comparison) fields() {
	for i := range c.old.Schema.Fields {
		f := &c.old.Schema.Fields[i]
		if _, kept := c.new.Field(f.Name); !kept {
			c.narrow("change-field-removed", f.Name, present(f.Name))
		}
	}
	for i := range c.new.Schema.Fields {
		n := &c.new.Schema.Fields[i]
		o, had := c.old.Field(n.Name)
		switch {
		case had:
			c.field(o, n)
		case n.Constraints.Required:
			c.narrow("change-field-required", n.Name, nil)
		default:
			c.widen("change-field-added", n.Name)
		}
	}
}

func (c *comparison) field(o, n *Field) {
	name := n.Name
	if o.Type != n.Type {
		if widerType(o.Type, n.Type) {
			c.widen("change-type", name, "was", o.Type, "now", n.Type)
		} else {
			c.narrow("change-type", name, present(name), "was", o.Type, "now", n.Type)
			return // bounds of another type cannot be compared
		}
	}
	c.constraints(o, n)
	if o.Classification != n.Classification {
		c.widen("change-field-classification", name, "was", o.Classification.orOpen(), "now", n.Classification.orOpen())
	}
	if n.Type == String && o.Format != n.Format && n.Format != "" && n.Format != "default" {
		c.narrow("change-format", name, present(name))
	}
	if o.ItemType != n.ItemType && n.ItemType != "" {
		c.narrow("change-items", name, present(name))
	}
	if o.Unit != n.Unit && o.Unit != "" {
		c.narrow("change-unit", name, present(name), "was", o.Unit, "now", n.Unit)
	}
	about := func(f *Field) Field {
		g := *f
		g.Type, g.Constraints, g.Classification, g.ItemType, g.Categories = "", Constraints{}, "", "", labels(f.Categories)
		if n.Type == String && n.Format != "" && n.Format != "default" {
			g.Format = ""
		}
		if o.Unit != "" {
			g.Unit = ""
		}
		return g
	}
	if x, y := about(o), about(n); !reflect.DeepEqual(x, y) {
		c.widen("change-field-about", name)
	}
}

// labels keeps of categories only what describes them.
func labels(cs []Category) []Category {
	var kept []Category
	for _, c := range cs {
		if len(c.Label) > 0 {
			kept = append(kept, c)
		}
	}
	return kept
}

// widerType tells that every value of was is one of now, held the same way.
func widerType(was, now Type) bool {
	switch now {
	case String:
		return was.Kind() == value.Text && !was.HoldsJSON()
	case Integer:
		return was == Year
	case Any:
		return was.HoldsJSON()
	}
	return false
}

func (c *comparison) constraints(o, n *Field) {
	name, was, now := n.Name, &o.Constraints, &n.Constraints
	prop := &cql2.Prop{Name: name, Column: -1}
	switch {
	case now.Required && !was.Required:
		c.narrow("change-required", name, &cql2.Call{Op: "isNull", Args: []cql2.Expr{prop}})
	case was.Required && !now.Required:
		c.widen("change-optional", name)
	}
	if now.Unique != was.Unique {
		c.add("change-unique", name, now.Unique, present(name), "now", now.Unique)
	}
	c.length("minLength", n, was.MinLength, now.MinLength)
	c.length("maxLength", n, was.MaxLength, now.MaxLength)
	c.bound("minimum", "<", o, n, was.Minimum, now.Minimum)
	c.bound("exclusiveMinimum", "<=", o, n, was.ExclusiveMinimum, now.ExclusiveMinimum)
	c.bound("maximum", ">", o, n, was.Maximum, now.Maximum)
	c.bound("exclusiveMaximum", ">=", o, n, was.ExclusiveMaximum, now.ExclusiveMaximum)
	if was.Pattern != now.Pattern {
		c.add("change-pattern", name, now.Pattern != "", present(name))
	}
	if !reflect.DeepEqual(was.JSONSchema, now.JSONSchema) {
		c.add("change-json-schema", name, now.JSONSchema != nil, present(name))
	}
	c.allowed(o, n, was.Enum, now.Enum)
	c.allowed(o, n, categoryValues(o), categoryValues(n))
}

// present selects the records that have a value of the field: all that could
// break where an expression cannot say which do.
func present(name string) cql2.Expr {
	return not(&cql2.Call{Op: "isNull", Args: []cql2.Expr{&cql2.Prop{Name: name, Column: -1}}})
}

func not(e cql2.Expr) cql2.Expr { return &cql2.Call{Op: "not", Args: []cql2.Expr{e}} }

// maxCounted is the longest text length that a condition counts.
const maxCounted = 1000

func (c *comparison) length(key string, n *Field, was, now *int) {
	if (was == nil) == (now == nil) && (was == nil || *was == *now) {
		return
	}
	lower := key == "minLength"
	if now == nil || was != nil && (lower && *now < *was || !lower && *now > *was) {
		c.widen("change-constraint-wider", n.Name, "key", key)
		return
	}
	// CQL2 has no length of a text, but LIKE counts characters.
	breaks := present(n.Name)
	if n.Type == String && *now < maxCounted {
		like := func(least int) cql2.Expr {
			return &cql2.Call{Op: "like", Args: []cql2.Expr{
				&cql2.Prop{Name: n.Name, Column: -1}, &cql2.Lit{Value: value.OfText(strings.Repeat("_", least) + "%")},
			}}
		}
		if lower {
			breaks = not(like(*now))
		} else {
			breaks = like(*now + 1)
		}
	}
	c.narrow("change-constraint-tighter", n.Name, breaks, "key", key)
}

// bound compares one of the four bounds; op is the comparison that a broken
// value satisfies with the new bound.
func (c *comparison) bound(key, op string, o, n *Field, was, now any) {
	if reflect.DeepEqual(was, now) {
		return
	}
	if now == nil {
		c.widen("change-constraint-wider", n.Name, "key", key)
		return
	}
	low, ok := n.Literal(now)
	if ok && was != nil {
		if high, ok := o.Literal(was); ok {
			if d, ok := n.Type.CompareLiterals(low, high); ok && (d == 0 || d < 0 && op[0] == '<' || d > 0 && op[0] == '>') {
				c.widen("change-constraint-wider", n.Name, "key", key)
				return
			}
		}
	}
	breaks := present(n.Name)
	if ok && n.Type != Duration {
		breaks = &cql2.Call{Op: op, Args: []cql2.Expr{&cql2.Prop{Name: n.Name, Column: -1}, &cql2.Lit{Value: low}}}
	}
	c.narrow("change-constraint-tighter", n.Name, breaks, "key", key)
}

func categoryValues(f *Field) []any {
	var vs []any
	for _, c := range f.Categories {
		vs = append(vs, c.Value)
	}
	return vs
}

// allowed compares two lists of allowed values; an empty list allows all.
func (c *comparison) allowed(o, n *Field, was, now []any) {
	read := func(f *Field, vs []any) (lits []value.Value) {
		for _, v := range vs {
			if lit, ok := f.Literal(v); ok {
				lits = append(lits, lit)
			}
		}
		return lits
	}
	before, after := read(o, was), read(n, now)
	lost := len(before) == 0 && len(after) > 0
	for _, v := range before {
		lost = lost || len(after) > 0 && !slices.Contains(after, v)
	}
	switch {
	case lost && n.Type.HoldsJSON():
		c.narrow("change-values-fewer", n.Name, present(n.Name))
	case lost:
		list := &cql2.List{}
		for _, v := range after {
			list.Items = append(list.Items, &cql2.Lit{Value: v})
		}
		c.narrow("change-values-fewer", n.Name, not(&cql2.Call{Op: "in", Args: []cql2.Expr{&cql2.Prop{Name: n.Name, Column: -1}, list}}))
	case len(after) == 0 && len(before) > 0 || len(after) > len(before):
		c.widen("change-values-more", n.Name)
	}
}

func (c *comparison) keys() {
	o, n := &c.old.Schema, &c.new.Schema
	if !slices.Equal(o.PrimaryKey, n.PrimaryKey) {
		c.narrow("change-key", "", nil, "was", strings.Join(o.PrimaryKey, ", "), "now", strings.Join(n.PrimaryKey, ", "))
	}
	has := func(list [][]string, k []string) bool {
		return slices.ContainsFunc(list, func(l []string) bool { return slices.Equal(l, k) })
	}
	for _, k := range n.UniqueKeys {
		if !has(o.UniqueKeys, k) {
			c.narrow("change-unique-key", "", c.allPresent(k), "fields", strings.Join(k, ", "))
		}
	}
	for _, k := range o.UniqueKeys {
		if !has(n.UniqueKeys, k) {
			c.widen("change-unique-key-removed", "", "fields", strings.Join(k, ", "))
		}
	}
	same := func(a ForeignKey) func(ForeignKey) bool {
		return func(b ForeignKey) bool { return reflect.DeepEqual(a, b) }
	}
	for _, fk := range n.ForeignKeys {
		if !slices.ContainsFunc(o.ForeignKeys, same(fk)) {
			c.narrow("change-foreign-key", "", c.allPresent(fk.Fields), "fields", strings.Join(fk.Fields, ", "), "dataset", fk.Reference.Resource)
		}
	}
	for _, fk := range o.ForeignKeys {
		if !slices.ContainsFunc(n.ForeignKeys, same(fk)) {
			c.widen("change-foreign-key-removed", "", "fields", strings.Join(fk.Fields, ", "))
		}
	}
}

// allPresent selects records that have a value in every one of the fields. A
// field that the old declaration lacks is empty everywhere: false then.
func (c *comparison) allPresent(fields []string) cql2.Expr {
	var all []cql2.Expr
	for _, f := range fields {
		if _, had := c.old.Field(f); !had {
			return &cql2.Lit{Value: value.OfBool(false)}
		}
		all = append(all, present(f))
	}
	return cql2.And(all...)
}

func (c *comparison) rules() {
	find := func(d *Dataset, name string) *Rule {
		for i := range d.Quality {
			if d.Quality[i].Name == name {
				return &d.Quality[i]
			}
		}
		return nil
	}
	for i := range c.new.Quality {
		n := &c.new.Quality[i]
		o := find(c.old, n.Name)
		strict := n.Severity == "error" && (o == nil || o.Severity != "error" || o.Rule != n.Rule)
		switch {
		case strict:
			c.narrow("change-rule", "", c.broken(n), "rule", n.Name)
		case o == nil:
			c.widen("change-rule", "", "rule", n.Name)
		case o.Rule != n.Rule || o.Severity != n.Severity || o.Dimension != n.Dimension || !reflect.DeepEqual(o.Description, n.Description):
			c.widen("change-rule-about", "", "rule", n.Name)
		}
	}
	for i := range c.old.Quality {
		if name := c.old.Quality[i].Name; find(c.new, name) == nil {
			c.widen("change-rule-removed", "", "rule", name)
		}
	}
}

// broken selects the records for which a rule is false. A rule over fields that
// are new cannot be asked of the old records.
func (c *comparison) broken(r *Rule) cql2.Expr {
	askable := r.Expr != nil
	var visit func(e cql2.Expr)
	visit = func(e cql2.Expr) {
		switch e := e.(type) {
		case *cql2.Prop:
			if _, had := c.old.Field(e.Name); !had {
				askable = false
			}
		case *cql2.Call:
			for _, a := range e.Args {
				visit(a)
			}
		case *cql2.List:
			for _, a := range e.Items {
				visit(a)
			}
		case *cql2.Interval:
			visit(e.Start)
			visit(e.End)
		}
	}
	visit(r.Expr)
	if !askable {
		return nil
	}
	return not(r.Expr)
}
