package dataset

import (
	"strings"

	"github.com/goccy/go-yaml"
)

// The parts of an ODCS 3.1 contract, in the order of the standard.
type contract struct {
	APIVersion  string             `yaml:"apiVersion"`
	Kind        string             `yaml:"kind"`
	ID          string             `yaml:"id"`
	Name        string             `yaml:"name"`
	Version     string             `yaml:"version"`
	Status      string             `yaml:"status"`
	Domain      string             `yaml:"domain,omitempty"`
	Tags        []string           `yaml:"tags,omitempty"`
	Description *contractPurpose   `yaml:"description,omitempty"`
	Schema      []contractObject   `yaml:"schema"`
	Support     []contractChannel  `yaml:"support,omitempty"`
	Team        *contractTeam      `yaml:"team,omitempty"`
	SLA         []contractPromise  `yaml:"slaProperties,omitempty"`
	Custom      []contractProperty `yaml:"customProperties,omitempty"`
}

type contractPurpose struct {
	Purpose string `yaml:"purpose"`
}

type contractObject struct {
	Name          string             `yaml:"name"`
	PhysicalName  string             `yaml:"physicalName"`
	LogicalType   string             `yaml:"logicalType"`
	PhysicalType  string             `yaml:"physicalType"`
	BusinessName  string             `yaml:"businessName,omitempty"`
	Description   string             `yaml:"description,omitempty"`
	Properties    []contractField    `yaml:"properties"`
	Relationships []contractRelation `yaml:"relationships,omitempty"`
	Quality       []contractRule     `yaml:"quality,omitempty"`
}

type contractField struct {
	Name           string             `yaml:"name"`
	BusinessName   string             `yaml:"businessName,omitempty"`
	Description    string             `yaml:"description,omitempty"`
	LogicalType    string             `yaml:"logicalType"`
	Options        map[string]any     `yaml:"logicalTypeOptions,omitempty"`
	PrimaryKey     bool               `yaml:"primaryKey,omitempty"`
	Position       int                `yaml:"primaryKeyPosition,omitempty"`
	Required       bool               `yaml:"required,omitempty"`
	Unique         bool               `yaml:"unique,omitempty"`
	Classification string             `yaml:"classification,omitempty"`
	Tags           []string           `yaml:"tags,omitempty"`
	Items          *contractItems     `yaml:"items,omitempty"`
	Quality        []contractRule     `yaml:"quality,omitempty"`
	Custom         []contractProperty `yaml:"customProperties,omitempty"`
}

type contractItems struct {
	LogicalType string `yaml:"logicalType"`
}

type contractRelation struct {
	Type string `yaml:"type"`
	From any    `yaml:"from"`
	To   any    `yaml:"to"`
}

type contractRule struct {
	Name           string         `yaml:"name,omitempty"`
	Type           string         `yaml:"type"`
	Metric         string         `yaml:"metric,omitempty"`
	Arguments      map[string]any `yaml:"arguments,omitempty"`
	MustBe         *int           `yaml:"mustBe,omitempty"`
	Engine         string         `yaml:"engine,omitempty"`
	Implementation string         `yaml:"implementation,omitempty"`
	Dimension      string         `yaml:"dimension,omitempty"`
	Severity       string         `yaml:"severity,omitempty"`
	Description    string         `yaml:"description,omitempty"`
}

type contractChannel struct {
	Channel string `yaml:"channel"`
	URL     string `yaml:"url"`
}

type contractTeam struct {
	Name    string           `yaml:"name,omitempty"`
	Members []contractMember `yaml:"members,omitempty"`
}

type contractMember struct {
	Username string `yaml:"username"`
	Role     string `yaml:"role"`
}

type contractPromise struct {
	Property string `yaml:"property"`
	Value    any    `yaml:"value"`
	Unit     string `yaml:"unit,omitempty"`
}

type contractProperty struct {
	Property string `yaml:"property"`
	Value    any    `yaml:"value"`
}

// Contract describes the dataset as a data contract of ODCS 3.1 in YAML. What
// ODCS has no word for (licence, unit, geometry, kind, person) stands in its
// customProperties; lists of allowed values are invalidValues metrics, quality
// rules are custom checks of the engine cql2. Texts are Vietnamese.
func (d *Dataset) Contract() []byte {
	c := contract{
		APIVersion: "v3.1.0", Kind: "DataContract",
		ID: d.Name, Name: d.Title.In("vi"), Version: d.Version, Status: d.Status,
		Domain: d.Sector, Tags: d.Keywords,
		Custom: []contractProperty{{"kind", string(d.Kind)}, {"classification", string(d.Classification)}},
	}
	if c.Version == "" {
		c.Version = "1"
	}
	if c.Status == "" {
		c.Status = "active"
	}
	if s := d.Description.In("vi"); s != "" {
		c.Description = &contractPurpose{s}
	}
	if d.Person != "" {
		c.Custom = append(c.Custom, contractProperty{"person", d.Person})
	}
	if d.PublicRows != "" {
		c.Custom = append(c.Custom, contractProperty{"publicRows", d.PublicRows})
	}
	if d.License != "" {
		c.Custom = append(c.Custom, contractProperty{"license", d.License})
	}
	if d.Owner != "" || len(d.Team) > 0 {
		c.Team = &contractTeam{Name: d.Owner}
		for _, m := range d.Team {
			c.Team.Members = append(c.Team.Members, contractMember{m.Name, m.Role})
		}
	}
	for _, s := range d.Support {
		c.Support = append(c.Support, contractChannel(s))
	}
	for _, s := range d.SLA {
		c.SLA = append(c.SLA, contractPromise(s))
	}
	c.Schema = []contractObject{d.contractObject()}
	b, err := yaml.MarshalWithOptions(c, yaml.IndentSequence(true))
	if err != nil {
		return nil // only a value that no parser makes
	}
	return b
}

func (d *Dataset) contractObject() contractObject {
	o := contractObject{
		Name: d.Name, PhysicalName: d.Name, LogicalType: "object", PhysicalType: "table",
		BusinessName: d.Title.In("vi"), Description: d.Description.In("vi"),
	}
	for i := range d.Schema.Fields {
		f := d.Schema.Fields[i].contract(d.Classification)
		for k, name := range d.Schema.PrimaryKey {
			if name == f.Name {
				f.PrimaryKey, f.Position = true, k+1
			}
		}
		o.Properties = append(o.Properties, f)
	}
	for _, fk := range d.Schema.ForeignKeys {
		target := fk.Reference.Resource
		if target == "" {
			target = d.Name
		}
		o.Relationships = append(o.Relationships, contractRelation{"foreignKey", qualified(d.Name, fk.Fields), qualified(target, fk.Reference.Fields)})
	}
	for _, r := range d.Quality {
		o.Quality = append(o.Quality, contractRule{
			Name: r.Name, Type: "custom", Engine: "cql2", Implementation: r.Rule,
			Dimension: r.Dimension, Severity: r.Severity, Description: r.Description.In("vi"),
		})
	}
	return o
}

// qualified names fields as a relationship does: one text, or a list of them.
func qualified(object string, fields []string) any {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = object + "." + f
	}
	if len(list) == 1 {
		return list[0]
	}
	return list
}

// logicalType is the type's nearest word in ODCS.
func (t Type) logicalType() string {
	switch t {
	case Number, Integer, Boolean, Object, Array, DateType:
		return string(t)
	case Year:
		return "integer"
	case List:
		return "array"
	case DateTime:
		return "timestamp"
	case TimeOfDay:
		return "time"
	case GeoJSON:
		return "object"
	}
	return "string"
}

func (f *Field) contract(whole Classification) contractField {
	c := contractField{
		Name: f.Name, BusinessName: f.Title.In("vi"), Description: f.Description.In("vi"),
		LogicalType: f.Type.logicalType(), Required: f.Constraints.Required, Unique: f.Constraints.Unique,
		Classification: string(f.classified(whole)), Tags: f.Tags, Options: f.contractOptions(),
	}
	if c.LogicalType == "array" {
		item := f.ItemType
		if item == "" {
			item = String
		}
		c.Items = &contractItems{item.logicalType()}
	}
	custom := func(key, v string) {
		if v != "" {
			c.Custom = append(c.Custom, contractProperty{key, v})
		}
	}
	custom("unit", f.Unit)
	custom("measure", f.Measure)
	switch f.Type {
	case GeoPoint:
		custom("geometryType", "Point")
		custom("crs", "EPSG:4326")
	case GeoJSON:
		custom("geometryType", "Geometry")
		custom("crs", "EPSG:4326")
	case YearMonth, Duration, Any, Year, List:
		custom("tableSchemaType", string(f.Type))
	}
	allowed := f.Constraints.Enum
	for _, v := range f.Categories {
		allowed = append(allowed[:len(allowed):len(allowed)], v.Value)
	}
	if len(allowed) > 0 {
		none := 0
		c.Quality = append(c.Quality, contractRule{
			Name: "allowed-values", Type: "library", Metric: "invalidValues",
			Arguments: map[string]any{"validValues": allowed}, MustBe: &none, Dimension: "conformity", Severity: "error",
		})
	}
	return c
}

// contractOptions are the constraints that ODCS has for the logical type.
func (f *Field) contractOptions() map[string]any {
	o := map[string]any{}
	c := &f.Constraints
	switch f.Type.logicalType() {
	case "string":
		if f.Type != String {
			break
		}
		if c.MinLength != nil {
			o["minLength"] = *c.MinLength
		}
		if c.MaxLength != nil {
			o["maxLength"] = *c.MaxLength
		}
		if c.Pattern != "" {
			o["pattern"] = "^(?:" + strings.TrimSuffix(strings.TrimPrefix(c.Pattern, "^"), "$") + ")$"
		}
		switch f.Format {
		case "email", "uri", "uuid":
			o["format"] = f.Format
		}
	case "array":
		if c.MinLength != nil {
			o["minItems"] = *c.MinLength
		}
		if c.MaxLength != nil {
			o["maxItems"] = *c.MaxLength
		}
	case "integer", "number", "date", "timestamp", "time":
		for key, v := range map[string]any{"minimum": c.Minimum, "maximum": c.Maximum, "exclusiveMinimum": c.ExclusiveMinimum, "exclusiveMaximum": c.ExclusiveMaximum} {
			if v != nil {
				o[key] = v
			}
		}
	}
	if len(o) == 0 {
		return nil
	}
	return o
}
