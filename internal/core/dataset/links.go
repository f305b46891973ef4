package dataset

import (
	"slices"

	"huong.city/huong/internal/core/problem"
)

// Links checks what d says of other datasets, which find returns by name (nil
// for an unknown one): foreign keys lead to a key or a unique key, with fields
// held alike, and a place taken from another record leads to one that has a
// place. Violations name the field of d; they have no position.
func Links(d *Dataset, find func(name string) *Dataset) []problem.Violation {
	var vs []problem.Violation
	for _, fk := range d.Schema.ForeignKeys {
		name, target := fk.Reference.Resource, d
		if name == "" {
			name = d.Name
		}
		if name != d.Name {
			target = find(name)
		}
		if target == nil {
			vs = append(vs, problem.Violate("link-dataset", fk.Fields[0], "dataset", name))
			continue
		}
		if !target.identifies(fk.Reference.Fields) {
			vs = append(vs, problem.Violate("link-key", fk.Fields[0], "dataset", name))
		}
		for i, own := range fk.Fields {
			f, ok := d.Field(own)
			if !ok || i >= len(fk.Reference.Fields) {
				continue // Parse reports it
			}
			g, ok := target.Field(fk.Reference.Fields[i])
			if !ok {
				vs = append(vs, problem.Violate("link-field", own, "dataset", name, "name", fk.Reference.Fields[i]))
			} else if f.Type.Kind() != g.Type.Kind() {
				vs = append(vs, problem.Violate("link-type", own, "dataset", name, "name", g.Name, "found", f.Type, "want", g.Type))
			}
		}
		if d.Place != nil && d.Place.From == fk.Fields[0] && len(fk.Fields) == 1 && target.Place == nil {
			vs = append(vs, problem.Violate("link-place", fk.Fields[0], "dataset", name))
		}
	}
	return vs
}

// identifies tells that the fields name at most one record.
func (d *Dataset) identifies(fields []string) bool {
	if slices.Equal(fields, d.Schema.PrimaryKey) {
		return true
	}
	if len(fields) == 1 {
		if f, ok := d.Field(fields[0]); ok && f.Constraints.Unique {
			return true
		}
	}
	return slices.ContainsFunc(d.Schema.UniqueKeys, func(k []string) bool { return slices.Equal(k, fields) })
}
