package dataset

import (
	"fmt"
	"slices"
	"strings"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/declare"
)

const maxFields = 500

// check reports what the parts of a declaration say against each other, and
// fills in what they imply. It runs also after faults of form, so that one
// reading of a file tells everything: a name that could not be read is empty
// and is passed over.
func (t *tree) check(d *Dataset) {
	for i := range d.Schema.Fields {
		f := &d.Schema.Fields[i]
		if slices.Contains(d.Schema.PrimaryKey, f.Name) {
			f.Constraints.Required = true // a key without a value names nothing
		}
	}
	t.checkFields(d)
	t.checkKeys(d)
	t.checkTime(d)
	t.checkPlace(d)
	t.checkPerson(d)
	t.checkPromises(d)
	layout := t.layout(d)
	t.checkSources(d, layout)
	t.checkPublicRows(d, layout)
	for i := range d.Quality {
		if r := &d.Quality[i]; r.Rule != "" {
			r.Expr = t.condition(r.Rule, []any{"quality", i, "rule"}, layout)
			t.checkSequence(d, r, []any{"quality", i})
		}
	}
}

// layout is what conditions are bound to; nil after a fault of the schema, for
// a condition would then be blamed for the schema's mistake: it is only parsed.
func (t *tree) layout(d *Dataset) cql2.Schema {
	for _, v := range t.Faults {
		if v.Field == "" || strings.HasPrefix(v.Field, "schema") || v.Field == "time" || strings.HasPrefix(v.Field, "place") {
			return nil
		}
	}
	layout, err := Layout(d, nil)
	if err != nil {
		return nil
	}
	return layout
}

// at finds the deepest node of a path, for the position of a fault.
func (t *tree) at(path ...any) *declare.Node { return t.Root.Walk(path...) }

// pathText writes path as the fault names it: "schema.fields[2].type".
func pathText(path []any) string {
	var b strings.Builder
	for _, p := range path {
		switch p := p.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", p)
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(p)
		}
	}
	return b.String()
}

func (t *tree) faultAt(path []any, code string, kv ...any) {
	t.Fault(t.at(path...), pathText(path), code, kv...)
}

func (t *tree) checkFields(d *Dataset) {
	fields := d.Schema.Fields
	if len(fields) == 0 && t.Root.Get("schema").Get("fields") != nil {
		t.faultAt([]any{"schema", "fields"}, "declaration-blank")
	}
	if len(fields) > maxFields {
		t.faultAt([]any{"schema", "fields"}, "declaration-many-fields", "limit", maxFields)
	}
	seen := map[string]string{}
	for i := range fields {
		f := &fields[i]
		path := []any{"schema", "fields", i}
		if f.Name != "" {
			// Databases that fold the case of column names must tell two fields apart.
			lower := strings.ToLower(f.Name)
			if first, twice := seen[lower]; twice {
				t.faultAt(sub(path, "name"), "declaration-duplicate-field", "name", declare.Excerpt(f.Name), "first", declare.Excerpt(first))
			}
			seen[lower] = f.Name
		}
		if f.Classification != "" && d.Classification != "" && f.Classification.Rank() < d.Classification.Rank() {
			t.faultAt(sub(path, "classification"), "declaration-classification-lower", "found", f.Classification, "dataset", d.Classification)
		}
		if f.Type != "" {
			t.checkField(f, path)
		}
	}
}

func sub(path []any, more ...any) []any { return append(slices.Clip(path), more...) }

// named reports a list of names that holds an unknown, a repeated or no name,
// and calls each for those that exist.
func (t *tree) named(d *Dataset, names []string, path []any, each func(f *Field, path []any)) {
	known := make([]string, len(d.Schema.Fields))
	for i := range d.Schema.Fields {
		known[i] = d.Schema.Fields[i].Name
	}
	if len(names) == 0 {
		t.faultAt(path, "declaration-blank")
	}
	for i, name := range names {
		if name == "" {
			continue // reported when it was read
		}
		at := path
		if t.at(path...).Shape == declare.ListNode {
			at = sub(path, i)
		}
		if slices.Contains(names[:i], name) {
			t.faultAt(at, "declaration-field-twice", "name", declare.Excerpt(name))
			continue
		}
		f, ok := d.Field(name)
		if !ok {
			n := t.at(at...)
			t.Unknown("declaration-unknown-field", pathText(at), name, known, n.Line, n.Col)
			continue
		}
		if each != nil && f.Type != "" {
			each(f, at)
		}
	}
}

// one is named for a single name outside a list.
func (t *tree) one(d *Dataset, name string, path []any, types ...Type) *Field {
	var found *Field
	t.named(d, []string{name}, path, func(f *Field, _ []any) {
		found = f
		if len(types) > 0 && !slices.Contains(types, f.Type) {
			words := make([]string, len(types))
			for i, w := range types {
				words[i] = string(w)
			}
			t.faultAt(path, "declaration-field-type", "name", f.Name, "found", f.Type, "allowed", strings.Join(words, ", "))
		}
	})
	return found
}

func (t *tree) checkKeys(d *Dataset) {
	s := &d.Schema
	sortable := func(f *Field, path []any) {
		if f.Type.HoldsJSON() || f.Type == GeoPoint || f.Type == GeoJSON {
			t.faultAt(path, "declaration-key-type", "name", f.Name, "found", f.Type)
		}
	}
	schema := t.Root.Get("schema")
	if schema.Get("primaryKey") != nil {
		t.named(d, s.PrimaryKey, []any{"schema", "primaryKey"}, sortable)
	}
	for i, u := range s.UniqueKeys {
		t.named(d, u, []any{"schema", "uniqueKeys", i}, sortable)
	}
	for i, ix := range d.Indexes {
		t.named(d, ix, []any{"indexes", i}, sortable)
	}
	for i := range s.ForeignKeys {
		fk, path := &s.ForeignKeys[i], []any{"schema", "foreignKeys", i}
		t.named(d, fk.Fields, sub(path, "fields"), sortable)
		if len(fk.Reference.Fields) > 0 && len(fk.Reference.Fields) != len(fk.Fields) {
			t.faultAt(sub(path, "reference", "fields"), "declaration-reference-width", "want", len(fk.Fields), "found", len(fk.Reference.Fields))
		}
		if (fk.Reference.Resource == "" || fk.Reference.Resource == d.Name) && len(fk.Reference.Fields) > 0 {
			t.named(d, fk.Reference.Fields, sub(path, "reference", "fields"), nil)
		}
	}
}

func (t *tree) checkTime(d *Dataset) {
	if d.Time == "" {
		if d.Kind == Series && t.Root.Get("time") == nil {
			t.Fault(t.Root, "time", "declaration-series-time")
		}
		return
	}
	f := t.one(d, d.Time, []any{"time"}, DateTime, DateType)
	if f != nil && d.Kind == Series && len(d.Schema.PrimaryKey) > 0 && !slices.Contains(d.Schema.PrimaryKey, d.Time) {
		t.faultAt([]any{"time"}, "declaration-time-key", "name", d.Time)
	}
}

// checkSequence reports a rule over the record before where there is none, and
// one that would refuse rows: what the record before is may change with every
// row that comes late.
func (t *tree) checkSequence(d *Dataset, r *Rule, path []any) {
	if r.Expr == nil || !cql2.UsesPrevious(r.Expr) {
		return
	}
	if d.Time == "" || len(d.Schema.PrimaryKey) > 0 && !slices.Contains(d.Schema.PrimaryKey, d.Time) {
		t.faultAt(sub(path, "rule"), "declaration-previous-time")
	}
	if r.Severity == "error" {
		t.faultAt(sub(path, "severity"), "declaration-previous-severity")
	}
}

func (t *tree) checkPlace(d *Dataset) {
	p := d.Place
	if p == nil || t.Root.Get("place").Shape != declare.MapNode {
		return
	}
	forms := 0
	if p.From != "" {
		forms++
		if f := t.one(d, p.From, []any{"place", "from"}); f != nil && !slices.ContainsFunc(d.Schema.ForeignKeys, func(fk ForeignKey) bool {
			return len(fk.Fields) == 1 && fk.Fields[0] == p.From
		}) {
			t.faultAt([]any{"place", "from"}, "declaration-place-from", "name", p.From)
		}
	}
	if p.Longitude != "" || p.Latitude != "" {
		forms++
		for _, c := range [...]struct{ key, name string }{{"longitude", p.Longitude}, {"latitude", p.Latitude}} {
			if c.name == "" {
				t.faultAt([]any{"place"}, "declaration-missing", "key", c.key)
				continue
			}
			t.one(d, c.name, []any{"place", c.key}, Number)
		}
	}
	if p.Field != "" {
		forms++
		t.one(d, p.Field, []any{"place", "field"}, GeoPoint, GeoJSON)
	}
	if p.AreaCode != "" {
		forms++
		t.one(d, p.AreaCode, []any{"place", "areaCode"}, String)
	}
	if forms != 1 {
		t.faultAt([]any{"place"}, "declaration-place-forms")
	}
}

// checkPerson: the number of a person names them wherever it stands, so that a
// field that holds it is never open nor internal.
func (t *tree) checkPerson(d *Dataset) {
	if d.Person == "" {
		return
	}
	path := []any{"person"}
	f := t.one(d, d.Person, path, String)
	if f != nil && f.Type == String && f.classified(d.Classification).Rank() < Personal.Rank() {
		t.faultAt(path, "declaration-person-class", "name", f.Name, "found", f.classified(d.Classification))
	}
}

// checkPublicRows: what decides whether everybody reads a record must be a field
// that everybody reads, or its value could be told from what is shown.
func (t *tree) checkPublicRows(d *Dataset, layout cql2.Schema) {
	if d.PublicRows == "" {
		return
	}
	path := []any{"publicRows"}
	if d.Classification != Open {
		t.faultAt(path, "declaration-public-rows-class", "found", d.Classification)
		return
	}
	e := t.condition(d.PublicRows, path, layout)
	table, bound := layout.(*Table)
	if e == nil || !bound {
		return
	}
	for _, c := range cql2.Columns(e) {
		name := table.Columns[c].Name
		if f, ok := d.Field(name); !ok || f.classified(d.Classification) != Open {
			t.faultAt(path, "declaration-public-rows-field", "name", name)
		}
	}
}

func (t *tree) checkPromises(d *Dataset) {
	seen := map[string]bool{}
	for i := range d.SLA {
		s, path := &d.SLA[i], []any{"slaProperties", i}
		if s.Property == "" {
			continue
		}
		if seen[s.Property] {
			t.faultAt(sub(path, "property"), "declaration-twice", "name", s.Property)
		}
		seen[s.Property] = true
		switch s.Property {
		case "frequency", "latency", "retention":
			f, ok := numberLiteral(s.Value)
			if n, _ := f.Number(); s.Value != nil && (!ok || n <= 0) {
				t.faultAt(sub(path, "value"), "declaration-sla-value", "property", s.Property)
			}
			if s.Unit == "" && t.at(path...).Get("unit") == nil {
				t.faultAt(path, "declaration-missing", "key", "unit")
			}
		}
	}
	seen = map[string]bool{}
	for i := range d.Quality {
		if name := d.Quality[i].Name; name != "" {
			if seen[name] {
				t.faultAt([]any{"quality", i, "name"}, "declaration-twice", "name", name)
			}
			seen[name] = true
		}
	}
}

func (t *tree) checkSources(d *Dataset, layout cql2.Schema) {
	seen := map[string]bool{}
	for i := range d.Sources {
		s, path := &d.Sources[i], []any{"sources", i}
		if s.Name != "" {
			if seen[s.Name] {
				t.faultAt(sub(path, "name"), "declaration-twice", "name", s.Name)
			}
			seen[s.Name] = true
		}
		t.checkMapping(&s.Mapping, path, d, layout)
	}
}
