// Package dataset holds the declaration of a dataset: what a city says once
// about a collection, in YAML, and everything else follows from it: the typed
// table, validation, the API, the pages. Schema words are those of Data
// Package v2 (Table Schema), governance words those of ODCS 3.1.
package dataset

import (
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/declare"
	"huong.city/huong/internal/core/value"
)

// Kind of a dataset.
type Kind string

const (
	Register Kind = "register" // records with a life: versions, as-of reads, deletion
	Series   Kind = "series"   // observations keyed by subject and time; a repeat is no change, a different value a correction
)

// Classification says who may read; a field may raise its dataset's.
type Classification string

const (
	Open        Classification = "open"
	InternalUse Classification = "internal"
	Personal    Classification = "personal"
	Restricted  Classification = "restricted"
)

// Rank orders classifications from open (0) to restricted (3).
func (c Classification) Rank() int {
	switch c {
	case Open:
		return 0
	case InternalUse:
		return 1
	case Personal:
		return 2
	}
	return 3
}

// Type is one of the 16 Table Schema field types.
type Type string

const (
	String    Type = "string"
	Number    Type = "number"
	Integer   Type = "integer"
	Boolean   Type = "boolean"
	Object    Type = "object"
	Array     Type = "array"
	List      Type = "list"
	DateType  Type = "date"
	TimeOfDay Type = "time"
	DateTime  Type = "datetime"
	Year      Type = "year"
	YearMonth Type = "yearmonth"
	Duration  Type = "duration"
	GeoPoint  Type = "geopoint"
	GeoJSON   Type = "geojson"
	Any       Type = "any"
)

// Kind says how values of the type are held.
func (t Type) Kind() value.Kind {
	switch t {
	case Number:
		return value.Float
	case Integer, Year:
		return value.Int
	case Boolean:
		return value.Bool
	case DateType:
		return value.Date
	case DateTime:
		return value.Time
	case GeoPoint, GeoJSON:
		return value.Geometry
	}
	return value.Text
}

// HoldsJSON tells that the text of the type is canonical JSON.
func (t Type) HoldsJSON() bool { return t == Object || t == Array || t == List || t == Any }

// Words is text by language ("vi", "en").
type Words = declare.Words

// Dataset is one declaration. JSON and YAML use the same names.
type Dataset struct {
	Name           string         `json:"name"`
	Title          Words          `json:"title"`
	Description    Words          `json:"description,omitempty"`
	Kind           Kind           `json:"kind"`
	Status         string         `json:"status,omitempty"` // ODCS: proposed draft active deprecated retired
	Version        string         `json:"version,omitempty"`
	Sector         string         `json:"sector,omitempty"`
	Owner          string         `json:"owner,omitempty"`
	License        string         `json:"license,omitempty"`
	Keywords       []string       `json:"keywords,omitempty"`
	Classification Classification `json:"classification"`
	Schema         Schema         `json:"schema"`
	Place          *Place         `json:"place,omitempty"`
	Time           string         `json:"time,omitempty"`
	Person         string         `json:"person,omitempty"`     // the field with the personal number of whom a record is about
	PublicRows     string         `json:"publicRows,omitempty"` // CQL2: the records of an open dataset that everybody may read; "" = all
	Indexes        [][]string     `json:"indexes,omitempty"`
	SLA            []SLA          `json:"slaProperties,omitempty"`
	Quality        []Rule         `json:"quality,omitempty"`
	Sources        []Source       `json:"sources,omitempty"`
	Team           []Member       `json:"team,omitempty"`
	Support        []Channel      `json:"support,omitempty"`
	Outside        map[string]any `json:"outside,omitempty"` // ngsi-ld, dcat, open311 … kept for the faces that read them
}

// Schema is a Table Schema.
type Schema struct {
	Fields        []Field      `json:"fields"`
	PrimaryKey    []string     `json:"primaryKey"`
	UniqueKeys    [][]string   `json:"uniqueKeys,omitempty"`
	ForeignKeys   []ForeignKey `json:"foreignKeys,omitempty"`
	MissingValues []string     `json:"missingValues,omitempty"` // default [""]
}

// Field is a Table Schema field with Huong's unit, classification and tags.
type Field struct {
	Name           string         `json:"name"`
	Type           Type           `json:"type"`
	Title          Words          `json:"title,omitempty"`
	Description    Words          `json:"description,omitempty"`
	Format         string         `json:"format,omitempty"` // Table Schema format of the type; default "default"
	Unit           string         `json:"unit,omitempty"`   // UCUM code
	Example        any            `json:"example,omitempty"`
	RDFType        string         `json:"rdfType,omitempty"`
	Constraints    Constraints    `json:"constraints,omitzero"`
	Categories     []Category     `json:"categories,omitempty"`
	Ordered        bool           `json:"categoriesOrdered,omitempty"`
	MissingValues  []string       `json:"missingValues,omitempty"` // replaces the schema's
	TrueValues     []string       `json:"trueValues,omitempty"`
	FalseValues    []string       `json:"falseValues,omitempty"`
	DecimalChar    string         `json:"decimalChar,omitempty"`
	GroupChar      string         `json:"groupChar,omitempty"`
	BareNumber     *bool          `json:"bareNumber,omitempty"`
	Delimiter      string         `json:"delimiter,omitempty"`
	ItemType       Type           `json:"itemType,omitempty"`
	Classification Classification `json:"classification,omitempty"`
	Tags           []string       `json:"tags,omitempty"`
	Measure        string         `json:"measure,omitempty"` // gauge | counter | count: how a chart may aggregate it
}

// Constraints are the 11 of Table Schema. Bounds are kept in the lexical form
// that was declared and parsed by the field's type.
type Constraints struct {
	Required         bool           `json:"required,omitempty"`
	Unique           bool           `json:"unique,omitempty"`
	MinLength        *int           `json:"minLength,omitempty"`
	MaxLength        *int           `json:"maxLength,omitempty"`
	Minimum          any            `json:"minimum,omitempty"`
	Maximum          any            `json:"maximum,omitempty"`
	ExclusiveMinimum any            `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum any            `json:"exclusiveMaximum,omitempty"`
	JSONSchema       map[string]any `json:"jsonSchema,omitempty"`
	Pattern          string         `json:"pattern,omitempty"` // XML Schema regular expression, whole value
	Enum             []any          `json:"enum,omitempty"`
}

// Category is one allowed value with its words.
type Category struct {
	Value any   `json:"value"`
	Label Words `json:"label,omitempty"`
}

// ForeignKey says that fields hold the key of a record of another dataset (or
// of this one when Resource is empty).
type ForeignKey struct {
	Fields    []string `json:"fields"`
	Reference struct {
		Resource string   `json:"resource"`
		Fields   []string `json:"fields"`
	} `json:"reference"`
}

// Place says where a record is. Exactly one form is set.
type Place struct {
	From      string `json:"from,omitempty"`      // a foreign-key field: the place of the record it names
	Longitude string `json:"longitude,omitempty"` // two number fields
	Latitude  string `json:"latitude,omitempty"`
	Field     string `json:"field,omitempty"`    // a geopoint or geojson field
	AreaCode  string `json:"areaCode,omitempty"` // a field with the code of an area, current or former
}

// SLA is one ODCS service-level property; Huong reads frequency, latency,
// retention and timeOfAvailability.
type SLA struct {
	Property string `json:"property"`
	Value    any    `json:"value"`
	Unit     string `json:"unit,omitempty"`
}

// Rule is one quality rule: a CQL2 condition that holds for every good record.
type Rule struct {
	Name        string    `json:"name"`
	Dimension   string    `json:"dimension"` // ODCS: accuracy completeness conformity consistency coverage timeliness uniqueness
	Rule        string    `json:"rule"`
	Severity    string    `json:"severity"` // warning: kept and flagged; error: to quarantine
	Description Words     `json:"description,omitempty"`
	Expr        cql2.Expr `json:"-"` // parsed and bound by Parse
}

// Source declares how one kind of file maps onto the fields.
type Source struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // file, the only type there is
	Mapping
}

// Member and Channel are ODCS team and support entries.
type Member struct {
	Name string `json:"name"`
	Role string `json:"role"`
}
type Channel struct {
	Channel string `json:"channel"`
	URL     string `json:"url"`
}

// Field returns the field of a name.
func (d *Dataset) Field(name string) (*Field, bool) {
	for i := range d.Schema.Fields {
		if d.Schema.Fields[i].Name == name {
			return &d.Schema.Fields[i], true
		}
	}
	return nil, false
}
