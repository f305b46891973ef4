package dataset

import "slices"

// check reports what the parts of a declaration say against each other, and
// fills in what they imply.
func (t *tree) check(d *Dataset) {
	for i := range d.Schema.Fields {
		f := &d.Schema.Fields[i]
		if slices.Contains(d.Schema.PrimaryKey, f.Name) {
			f.Constraints.Required = true // a key without a value names nothing
		}
	}
}

func (t *tree) checkMapping(m *Mapping, n *node, path string) {}
