package dataset

import (
	"bytes"
	"encoding/json"
	"regexp"
	"sort"

	"huong.city/huong/internal/core/problem"
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
	return parseTree(readYAML(file, b))
}

// FromJSON reads a declaration as JSON writes it, with the checks of Parse.
func FromJSON(b []byte) (*Dataset, error) {
	return parseTree(readJSON(b))
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
	if t.root == nil {
		return nil, t.err()
	}
	d := t.dataset(t.root)
	t.check(d)
	if err := t.err(); err != nil {
		return nil, err
	}
	return d, nil
}

// err gathers the faults, in the order of the file.
func (t *tree) err() error {
	sort.SliceStable(t.vs, func(i, j int) bool {
		a, b := t.vs[i].Position, t.vs[j].Position
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
	return problem.InvalidWith("declaration-invalid", t.vs, "file", t.file, "count", len(t.vs)+t.more)
}

func (t *tree) dataset(n *node) *Dataset {
	o := t.object(n, "")
	o.need("name", "title", "kind", "schema")
	d := &Dataset{
		Name:        o.matching("name", datasetName, "declaration-dataset-name"),
		Title:       o.words("title"),
		Description: o.words("description"),
		Kind:        Kind(o.word("kind", "register", "series")),
		Status:      o.word("status", "proposed", "draft", "active", "deprecated", "retired"),
		Version:     o.literal("version"),
		Sector:      o.matching("sector", codeWord, "declaration-code-word"),
		Owner:       o.matching("owner", codeWord, "declaration-code-word"),
		License:     o.text("license"),
		Keywords:    o.texts("keywords"),
	}
	if len(d.Name) > maxNameLength {
		t.fault(o.n.get("name"), "name", "declaration-name-long", "limit", maxNameLength)
	}
	d.Classification = o.classification("classification")
	if d.Classification == "" {
		d.Classification = InternalUse // nothing becomes open by being forgotten
	}
	if s := o.take("schema"); s != nil {
		d.Schema = t.schema(s)
	}
	if p := o.take("place"); p != nil {
		d.Place = t.place(p)
	}
	d.Time = o.text("time")
	d.Person = o.text("person")
	d.Indexes = o.textLists("indexes")
	o.list("slaProperties", func(it *node, path string) { d.SLA = append(d.SLA, t.sla(it, path)) })
	o.list("quality", func(it *node, path string) { d.Quality = append(d.Quality, t.rule(it, path)) })
	o.list("sources", func(it *node, path string) { d.Sources = append(d.Sources, t.source(it, path)) })
	o.list("team", func(it *node, path string) {
		m := t.object(it, path)
		m.need("name", "role")
		d.Team = append(d.Team, Member{Name: m.text("name"), Role: m.text("role")})
		m.done()
	})
	o.list("support", func(it *node, path string) {
		m := t.object(it, path)
		m.need("channel", "url")
		d.Support = append(d.Support, Channel{Channel: m.text("channel"), URL: m.text("url")})
		m.done()
	})
	o.eachPair("outside", func(p pair, _ string) { d.outside(p.key, p.val.value()) })
	for _, key := range extensions {
		if v := o.take(key); v != nil {
			if v.shape != mapNode {
				t.fault(v, key, "declaration-want-map", "found", v.found())
				continue
			}
			d.outside(key, v.value())
		}
	}
	o.done()
	return d
}

func (d *Dataset) outside(key string, v any) {
	if d.Outside == nil {
		d.Outside = map[string]any{}
	}
	d.Outside[key] = v
}

func (o *object) classification(key string) Classification {
	return Classification(o.word(key, string(Open), string(InternalUse), string(Personal), string(Restricted)))
}

func (t *tree) schema(n *node) Schema {
	o := t.object(n, "schema")
	o.need("fields", "primaryKey")
	var s Schema
	o.list("fields", func(it *node, path string) { s.Fields = append(s.Fields, t.field(it, path)) })
	s.PrimaryKey = o.texts("primaryKey")
	s.UniqueKeys = o.textLists("uniqueKeys")
	o.list("foreignKeys", func(it *node, path string) {
		f := t.object(it, path)
		f.need("fields", "reference")
		fk := ForeignKey{Fields: f.texts("fields")}
		if ref := f.take("reference"); ref != nil {
			r := t.object(ref, path+".reference")
			r.need("fields")
			fk.Reference.Resource = r.matching("resource", datasetName, "declaration-dataset-name")
			fk.Reference.Fields = r.texts("fields")
			r.done()
		}
		f.done()
		s.ForeignKeys = append(s.ForeignKeys, fk)
	})
	s.MissingValues = o.literals("missingValues")
	if o.n != nil && o.n.get("missingValues") == nil {
		s.MissingValues = []string{""}
	}
	o.done()
	return s
}

var typeWords = [...]string{"string", "number", "integer", "boolean", "object", "array", "list", "date", "time", "datetime", "year", "yearmonth", "duration", "geopoint", "geojson", "any"}

func (t *tree) field(n *node, path string) Field {
	o := t.object(n, path)
	o.need("name", "type")
	f := Field{
		Name:          o.matching("name", fieldName, "declaration-field-name"),
		Type:          Type(o.word("type", typeWords[:]...)),
		Title:         o.words("title"),
		Description:   o.words("description"),
		Format:        o.text("format"),
		Unit:          o.literal("unit"),
		Example:       o.any("example"),
		RDFType:       o.text("rdfType"),
		Ordered:       o.bool("categoriesOrdered"),
		MissingValues: o.literals("missingValues"),
		TrueValues:    o.literals("trueValues"),
		FalseValues:   o.literals("falseValues"),
		DecimalChar:   o.text("decimalChar"),
		GroupChar:     o.text("groupChar"),
		BareNumber:    o.optionalBool("bareNumber"),
		Delimiter:     o.text("delimiter"),
		ItemType:      Type(o.word("itemType", "string", "integer", "boolean", "number", "datetime", "date", "time")),
		Tags:          o.texts("tags"),
		Measure:       o.word("measure", "gauge", "counter", "count"),
	}
	f.Classification = o.classification("classification")
	if len(f.Name) > maxNameLength {
		t.fault(o.n.get("name"), path+".name", "declaration-name-long", "limit", maxNameLength)
	}
	if c := o.take("constraints"); c != nil {
		f.Constraints = t.constraints(c, path+".constraints")
	}
	o.list("categories", func(it *node, path string) {
		if it.shape != mapNode {
			f.Categories = append(f.Categories, Category{Value: it.value()})
			return
		}
		c := t.object(it, path)
		c.need("value")
		f.Categories = append(f.Categories, Category{Value: c.any("value"), Label: c.words("label")})
		c.done()
	})
	o.done()
	return f
}

func (t *tree) constraints(n *node, path string) Constraints {
	o := t.object(n, path)
	const longest = 1 << 24
	c := Constraints{
		Required:         o.bool("required"),
		Unique:           o.bool("unique"),
		MinLength:        o.count("minLength", 0, longest),
		MaxLength:        o.count("maxLength", 0, longest),
		Minimum:          o.any("minimum"),
		Maximum:          o.any("maximum"),
		ExclusiveMinimum: o.any("exclusiveMinimum"),
		ExclusiveMaximum: o.any("exclusiveMaximum"),
		Pattern:          o.text("pattern"),
	}
	if v := o.take("jsonSchema"); v != nil {
		if m, ok := v.value().(map[string]any); ok {
			c.JSONSchema = m
		} else {
			t.fault(v, path+".jsonSchema", "declaration-want-map", "found", v.found())
		}
	}
	if o.n.get("enum") != nil {
		c.Enum = []any{} // an empty list is told from none
	}
	o.list("enum", func(it *node, _ string) { c.Enum = append(c.Enum, it.value()) })
	o.done()
	return c
}

func (t *tree) place(n *node) *Place {
	o := t.object(n, "place")
	p := &Place{
		From:      o.text("from"),
		Longitude: o.text("longitude"),
		Latitude:  o.text("latitude"),
		Field:     o.text("field"),
		AreaCode:  o.text("areaCode"),
	}
	o.done()
	return p
}

func (t *tree) sla(n *node, path string) SLA {
	o := t.object(n, path)
	o.need("property", "value")
	s := SLA{
		Property: o.word("property", "frequency", "latency", "retention", "timeOfAvailability", "availability", "throughput",
			"errorRate", "generalAvailability", "endOfSupport", "endOfLife", "timeToDetect", "timeToNotify", "timeToRepair"),
		Value: o.any("value"),
		Unit:  o.word("unit", "s", "min", "h", "d", "w", "mo", "y", "percent"),
	}
	o.done()
	return s
}

func (t *tree) rule(n *node, path string) Rule {
	o := t.object(n, path)
	o.need("name", "dimension", "rule", "severity")
	r := Rule{
		Name:        o.matching("name", codeWord, "declaration-code-word"),
		Dimension:   o.word("dimension", "accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"),
		Rule:        o.text("rule"),
		Severity:    o.word("severity", "warning", "error"),
		Description: o.words("description"),
	}
	o.done()
	return r
}
