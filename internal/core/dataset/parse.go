package dataset

import (
	"bytes"
	"encoding/json"
	"regexp"

	"huong.city/huong/internal/core/declare"
)

// Extensions are the top-level keys that describe a dataset to an outside
// standard. They are kept as they are, in Dataset.Outside, for the face that
// speaks that standard.
var extensions = [...]string{"ngsi-ld", "dcat", "open311"}

var (
	datasetName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	fieldName   = regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)
	codeWord    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

const maxNameLength = 60

// Parse reads a declaration in YAML. The result is complete: defaults that the
// format names are filled in, key fields are required, rules are parsed and
// bound to the dataset's own fresh layout (a caller with an older layout binds
// them again). The error, if any, is Invalid with code declaration-invalid and
// holds every fault of the file with line, column and what was expected.
//
// At most 1 MiB and 64 levels are read; anchors, aliases, tags and a second
// document are refused.
func Parse(file string, b []byte) (*Dataset, error) {
	return parseTree(&tree{declare.ReadYAML(file, b)})
}

// FromJSON reads a declaration as JSON writes it, with the checks of Parse.
func FromJSON(b []byte) (*Dataset, error) {
	return parseTree(&tree{declare.ReadJSON(b)})
}

// JSON writes the declaration so that FromJSON gives an equal one.
func (d *Dataset) JSON() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // rules are full of < and >
	if err := e.Encode(d); err != nil {
		return []byte("null") // only a value that no parser makes, such as a channel in Outside
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

func parseTree(t *tree) (*Dataset, error) {
	if t.Root == nil {
		return nil, t.err()
	}
	d := t.dataset(t.Root)
	t.check(d)
	if err := t.err(); err != nil {
		return nil, err
	}
	return d, nil
}

// tree reads a file that declares a dataset or a mapping.
type tree struct{ *declare.Document }

func (t *tree) err() error { return t.Err("declaration-invalid") }

func (t *tree) dataset(n *declare.Node) *Dataset {
	o := t.Map(n, "")
	o.Need("name", "title", "kind", "schema")
	d := &Dataset{
		Name:        o.Matching("name", datasetName, "declaration-dataset-name"),
		Title:       o.Words("title"),
		Description: o.Words("description"),
		Kind:        Kind(o.Word("kind", "register", "series")),
		Status:      o.Word("status", "proposed", "draft", "active", "deprecated", "retired"),
		Version:     o.Literal("version"),
		Sector:      o.Matching("sector", codeWord, "declaration-code-word"),
		Owner:       o.Matching("owner", codeWord, "declaration-code-word"),
		License:     o.Text("license"),
		Keywords:    o.Texts("keywords"),
	}
	if len(d.Name) > maxNameLength {
		t.Fault(o.N.Get("name"), "name", "declaration-name-long", "limit", maxNameLength)
	}
	d.Classification = classification(o, "classification")
	if d.Classification == "" {
		d.Classification = InternalUse // nothing becomes open by being forgotten
	}
	if s := o.Take("schema"); s != nil {
		d.Schema = t.schema(s)
	}
	if p := o.Take("place"); p != nil {
		d.Place = t.place(p)
	}
	d.Time = o.Text("time")
	d.Person = o.Text("person")
	d.PublicRows = o.Text("publicRows")
	d.Indexes = o.TextLists("indexes")
	o.List("slaProperties", func(it *declare.Node, path string) { d.SLA = append(d.SLA, t.sla(it, path)) })
	o.List("quality", func(it *declare.Node, path string) { d.Quality = append(d.Quality, t.rule(it, path)) })
	o.List("sources", func(it *declare.Node, path string) { d.Sources = append(d.Sources, t.source(it, path)) })
	o.List("team", func(it *declare.Node, path string) {
		m := t.Map(it, path)
		m.Need("name", "role")
		d.Team = append(d.Team, Member{Name: m.Text("name"), Role: m.Text("role")})
		m.Done()
	})
	o.List("support", func(it *declare.Node, path string) {
		m := t.Map(it, path)
		m.Need("channel", "url")
		d.Support = append(d.Support, Channel{Channel: m.Text("channel"), URL: m.Text("url")})
		m.Done()
	})
	o.EachPair("outside", func(p declare.Pair, _ string) { d.outside(p.Key, p.Val.Value()) })
	for _, key := range extensions {
		if v := o.Take(key); v != nil {
			if v.Shape != declare.MapNode {
				t.Fault(v, key, "declaration-want-map", "found", v.Found())
				continue
			}
			d.outside(key, v.Value())
		}
	}
	o.Done()
	return d
}

func (d *Dataset) outside(key string, v any) {
	if d.Outside == nil {
		d.Outside = map[string]any{}
	}
	d.Outside[key] = v
}

func classification(o *declare.Map, key string) Classification {
	return Classification(o.Word(key, string(Open), string(InternalUse), string(Personal), string(Restricted)))
}

func (t *tree) schema(n *declare.Node) Schema {
	o := t.Map(n, "schema")
	o.Need("fields", "primaryKey")
	var s Schema
	o.List("fields", func(it *declare.Node, path string) { s.Fields = append(s.Fields, t.field(it, path)) })
	s.PrimaryKey = o.Texts("primaryKey")
	s.UniqueKeys = o.TextLists("uniqueKeys")
	o.List("foreignKeys", func(it *declare.Node, path string) {
		f := t.Map(it, path)
		f.Need("fields", "reference")
		fk := ForeignKey{Fields: f.Texts("fields")}
		if ref := f.Take("reference"); ref != nil {
			r := t.Map(ref, path+".reference")
			r.Need("fields")
			fk.Reference.Resource = r.Matching("resource", datasetName, "declaration-dataset-name")
			fk.Reference.Fields = r.Texts("fields")
			r.Done()
		}
		f.Done()
		s.ForeignKeys = append(s.ForeignKeys, fk)
	})
	s.MissingValues = o.Literals("missingValues")
	if o.N != nil && o.N.Get("missingValues") == nil {
		s.MissingValues = []string{""}
	}
	o.Done()
	return s
}

var typeWords = [...]string{"string", "number", "integer", "boolean", "object", "array", "list", "date", "time", "datetime", "year", "yearmonth", "duration", "geopoint", "geojson", "any"}

func (t *tree) field(n *declare.Node, path string) Field {
	o := t.Map(n, path)
	o.Need("name", "type")
	f := Field{
		Name:          o.Matching("name", fieldName, "declaration-field-name"),
		Type:          Type(o.Word("type", typeWords[:]...)),
		Title:         o.Words("title"),
		Description:   o.Words("description"),
		Format:        o.Text("format"),
		Unit:          o.Literal("unit"),
		Example:       o.Any("example"),
		RDFType:       o.Text("rdfType"),
		Ordered:       o.Bool("categoriesOrdered"),
		MissingValues: o.Literals("missingValues"),
		TrueValues:    o.Literals("trueValues"),
		FalseValues:   o.Literals("falseValues"),
		DecimalChar:   o.Text("decimalChar"),
		GroupChar:     o.Text("groupChar"),
		BareNumber:    o.OptionalBool("bareNumber"),
		Delimiter:     o.Text("delimiter"),
		ItemType:      Type(o.Word("itemType", "string", "integer", "boolean", "number", "datetime", "date", "time")),
		Tags:          o.Texts("tags"),
		Measure:       o.Word("measure", "gauge", "counter", "count"),
	}
	f.Classification = classification(o, "classification")
	if len(f.Name) > maxNameLength {
		t.Fault(o.N.Get("name"), path+".name", "declaration-name-long", "limit", maxNameLength)
	}
	if c := o.Take("constraints"); c != nil {
		f.Constraints = t.constraints(c, path+".constraints")
	}
	o.List("categories", func(it *declare.Node, path string) {
		if it.Shape != declare.MapNode {
			f.Categories = append(f.Categories, Category{Value: it.Value()})
			return
		}
		c := t.Map(it, path)
		c.Need("value")
		f.Categories = append(f.Categories, Category{Value: c.Any("value"), Label: c.Words("label")})
		c.Done()
	})
	o.Done()
	return f
}

func (t *tree) constraints(n *declare.Node, path string) Constraints {
	o := t.Map(n, path)
	const longest = 1 << 24
	c := Constraints{
		Required:         o.Bool("required"),
		Unique:           o.Bool("unique"),
		MinLength:        o.Count("minLength", 0, longest),
		MaxLength:        o.Count("maxLength", 0, longest),
		Minimum:          o.Any("minimum"),
		Maximum:          o.Any("maximum"),
		ExclusiveMinimum: o.Any("exclusiveMinimum"),
		ExclusiveMaximum: o.Any("exclusiveMaximum"),
		Pattern:          o.Text("pattern"),
	}
	if v := o.Take("jsonSchema"); v != nil {
		if m, ok := v.Value().(map[string]any); ok {
			c.JSONSchema = m
		} else {
			t.Fault(v, path+".jsonSchema", "declaration-want-map", "found", v.Found())
		}
	}
	if o.N.Get("enum") != nil {
		c.Enum = []any{} // an empty list is told from none
	}
	o.List("enum", func(it *declare.Node, _ string) { c.Enum = append(c.Enum, it.Value()) })
	o.Done()
	return c
}

func (t *tree) place(n *declare.Node) *Place {
	o := t.Map(n, "place")
	p := &Place{
		From:      o.Text("from"),
		Longitude: o.Text("longitude"),
		Latitude:  o.Text("latitude"),
		Field:     o.Text("field"),
		AreaCode:  o.Text("areaCode"),
	}
	o.Done()
	return p
}

func (t *tree) sla(n *declare.Node, path string) SLA {
	o := t.Map(n, path)
	o.Need("property", "value")
	s := SLA{
		Property: o.Word("property", "frequency", "latency", "retention", "timeOfAvailability", "availability", "throughput",
			"errorRate", "generalAvailability", "endOfSupport", "endOfLife", "timeToDetect", "timeToNotify", "timeToRepair"),
		Value: o.Any("value"),
		Unit:  o.Word("unit", "s", "min", "h", "d", "w", "mo", "y", "percent"),
	}
	o.Done()
	return s
}

func (t *tree) rule(n *declare.Node, path string) Rule {
	o := t.Map(n, path)
	o.Need("name", "dimension", "rule", "severity")
	r := Rule{
		Name:        o.Matching("name", codeWord, "declaration-code-word"),
		Dimension:   o.Word("dimension", "accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"),
		Rule:        o.Text("rule"),
		Severity:    o.Word("severity", "warning", "error"),
		Description: o.Words("description"),
	}
	o.Done()
	return r
}
