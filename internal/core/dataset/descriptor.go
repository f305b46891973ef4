package dataset

import (
	"bytes"
	"encoding/json"
)

type descriptor struct {
	Schema       string        `json:"$schema"`
	Name         string        `json:"name"`
	Type         string        `json:"type"`
	Path         string        `json:"path"`
	Title        string        `json:"title"`
	Titles       Words         `json:"titles,omitempty"`
	Description  string        `json:"description,omitempty"`
	Descriptions Words         `json:"descriptions,omitempty"`
	Format       string        `json:"format"`
	MediaType    string        `json:"mediatype"`
	Encoding     string        `json:"encoding"`
	Keywords     []string      `json:"keywords,omitempty"`
	Licenses     []licenseName `json:"licenses,omitempty"`
	Person       string        `json:"person,omitempty"`
	Table        tableSchema   `json:"schema"`
}

type licenseName struct {
	Name string `json:"name"`
}

type tableSchema struct {
	Schema        string            `json:"$schema"`
	Fields        []tableField      `json:"fields"`
	PrimaryKey    []string          `json:"primaryKey"`
	UniqueKeys    [][]string        `json:"uniqueKeys,omitempty"`
	ForeignKeys   []tableForeignKey `json:"foreignKeys,omitempty"`
	MissingValues []string          `json:"missingValues"`
}

type tableForeignKey struct {
	Fields    []string `json:"fields"`
	Reference struct {
		Resource string   `json:"resource,omitempty"` // absent for the table itself (v2)
		Fields   []string `json:"fields"`
	} `json:"reference"`
}

type tableField struct {
	Name          string          `json:"name"`
	Type          Type            `json:"type"`
	Format        string          `json:"format,omitempty"`
	Title         string          `json:"title,omitempty"`
	Titles        Words           `json:"titles,omitempty"`
	Description   string          `json:"description,omitempty"`
	Descriptions  Words           `json:"descriptions,omitempty"`
	Example       any             `json:"example,omitempty"`
	RDFType       string          `json:"rdfType,omitempty"`
	Unit          string          `json:"unit,omitempty"`
	Constraints   Constraints     `json:"constraints,omitzero"`
	Categories    []tableCategory `json:"categories,omitempty"`
	Ordered       bool            `json:"categoriesOrdered,omitempty"`
	MissingValues []string        `json:"missingValues,omitempty"`
	TrueValues    []string        `json:"trueValues,omitempty"`
	FalseValues   []string        `json:"falseValues,omitempty"`
	DecimalChar   string          `json:"decimalChar,omitempty"`
	GroupChar     string          `json:"groupChar,omitempty"`
	BareNumber    *bool           `json:"bareNumber,omitempty"`
	Delimiter     string          `json:"delimiter,omitempty"`
	ItemType      Type            `json:"itemType,omitempty"`
	Class         Classification  `json:"classification,omitempty"`
}

type tableCategory struct {
	Value any    `json:"value"`
	Label string `json:"label"`
}

// Descriptor describes the dataset as a Data Resource of Data Package v2
// (datapackage.org, profiles 2.0) with its Table Schema, for the CSV that an
// export of the dataset writes: UTF-8, a comma, one header line of field names.
// Texts are in Vietnamese where there is a choice; titles and descriptions
// carry all languages. Properties that the standard does not know (unit,
// classification, titles, descriptions, person) stand beside its own, as it allows.
func (d *Dataset) Descriptor() []byte {
	r := descriptor{
		Schema: "https://datapackage.org/profiles/2.0/dataresource.json",
		Name:   d.Name, Type: "table", Path: d.Name + ".csv",
		Title: d.Title.In("vi"), Titles: d.Title,
		Description: d.Description.In("vi"), Descriptions: d.Description,
		Format: "csv", MediaType: "text/csv", Encoding: "utf-8",
		Keywords: d.Keywords, Person: d.Person,
		Table: tableSchema{
			Schema:     "https://datapackage.org/profiles/2.0/tableschema.json",
			PrimaryKey: d.Schema.PrimaryKey, UniqueKeys: d.Schema.UniqueKeys,
			MissingValues: d.Schema.MissingValues,
		},
	}
	if d.License != "" {
		r.Licenses = []licenseName{{d.License}}
	}
	for i := range d.Schema.Fields {
		r.Table.Fields = append(r.Table.Fields, d.Schema.Fields[i].descriptor(d.Classification))
	}
	for _, fk := range d.Schema.ForeignKeys {
		k := tableForeignKey{Fields: fk.Fields}
		k.Reference.Resource, k.Reference.Fields = fk.Reference.Resource, fk.Reference.Fields
		if k.Reference.Resource == d.Name {
			k.Reference.Resource = ""
		}
		r.Table.ForeignKeys = append(r.Table.ForeignKeys, k)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if e.Encode(r) != nil {
		return []byte("{}") // only a value that no parser makes
	}
	return b.Bytes()
}

func (f *Field) descriptor(whole Classification) tableField {
	t := tableField{
		Name: f.Name, Type: f.Type, Format: f.Format,
		Title: f.Title.In("vi"), Titles: f.Title, Description: f.Description.In("vi"), Descriptions: f.Description,
		Example: f.Example, RDFType: f.RDFType, Unit: f.Unit, Constraints: f.Constraints, Ordered: f.Ordered,
		MissingValues: f.MissingValues, TrueValues: f.TrueValues, FalseValues: f.FalseValues,
		DecimalChar: f.DecimalChar, GroupChar: f.GroupChar, BareNumber: f.BareNumber,
		Delimiter: f.Delimiter, ItemType: f.ItemType, Class: f.classified(whole),
	}
	for _, c := range f.Categories {
		label := c.Label.In("vi")
		if label == "" {
			label = literalText(c.Value)
		}
		t.Categories = append(t.Categories, tableCategory{c.Value, label})
	}
	return t
}

// classified is the classification that holds for a field: its own, which only
// raises, or the dataset's.
func (f *Field) classified(whole Classification) Classification {
	if f.Classification.orOpen().Rank() > whole.Rank() {
		return f.Classification
	}
	return whole
}

func literalText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
