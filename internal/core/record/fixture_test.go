package record

import (
	"testing"

	"huong.city/huong/internal/core/dataset"
)

// table lays fields out in their order, then the named derived columns.
func table(d *dataset.Dataset, derived ...dataset.Column) *dataset.Table {
	t := &dataset.Table{Name: d.Name, Kind: d.Kind, Time: -1, Area: -1, X: -1, Y: -1, Geometry: -1, Flags: -1}
	for _, f := range d.Schema.Fields {
		personal := f.Classification == dataset.Personal || f.Classification == dataset.Restricted
		t.Columns = append(t.Columns, dataset.Column{Name: f.Name, Type: f.Type, Kind: f.Type.Kind(), Personal: personal})
	}
	for _, k := range d.Schema.PrimaryKey {
		for i := range t.Columns {
			if t.Columns[i].Name == k {
				t.Key = append(t.Key, i)
			}
		}
	}
	for _, c := range derived {
		c.Kind, c.Derived = c.Type.Kind(), true
		t.Columns = append(t.Columns, c)
	}
	return t
}

// declare makes a dataset whose key is its first field.
func declare(fields ...dataset.Field) *dataset.Dataset {
	return &dataset.Dataset{Name: "trial", Kind: dataset.Register, Schema: dataset.Schema{Fields: fields, PrimaryKey: []string{fields[0].Name}}}
}

func compiled(t testing.TB, fields ...dataset.Field) *Schema {
	t.Helper()
	d := declare(fields...)
	s, err := Compile(d, table(d, dataset.Column{Name: dataset.AreaColumn, Type: dataset.String}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// one compiles a single column under test beside a key.
func one(t testing.TB, f dataset.Field) *Schema {
	t.Helper()
	f.Name = "x"
	return compiled(t, dataset.Field{Name: "id", Type: dataset.String}, f)
}
