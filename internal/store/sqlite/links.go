package sqlite

import (
	"database/sql/driver"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// maxFound bounds the parents that a transaction remembers to exist.
const maxFound = 100_000

// link notes the references that a change makes or gives up.
func (a *applying) link(i int, before, after []value.Value) {
	t := a.p.t
	if after != nil {
		for r := range t.References {
			ref := &t.References[r]
			if vs, ok := referred(ref.Columns, before, after); ok && !a.found[a.linkKey(ref, vs)] {
				a.children = append(a.children, linkCheck{i, a.p, ref, append([]value.Value(nil), vs...)})
			}
		}
	}
	if before == nil {
		return
	}
	for h := range a.d.cat.held[t.Name] {
		held := &a.d.cat.held[t.Name][h]
		cols := fieldColumns(t, held.ref.Fields)
		if vs, ok := referred(cols, after, before); ok {
			a.parents = append(a.parents, linkCheck{i, held.child, &held.ref, vs})
		}
	}
}

// referred picks the columns of row; ok is false when one is Null, where no
// reference is made, or when other holds the same.
func referred(cols []int, other, row []value.Value) (vs []value.Value, ok bool) {
	differs := other == nil
	for _, c := range cols {
		if c < 0 || row[c].IsNull() {
			return nil, false
		}
		differs = differs || other[c] != row[c]
	}
	if !differs {
		return nil, false
	}
	for _, c := range cols {
		vs = append(vs, row[c])
	}
	return vs, true
}

func fieldColumns(t *dataset.Table, fields []string) []int {
	cols := make([]int, len(fields))
	for i, f := range fields {
		cols[i] = -1
		if c, _, _, ok := t.Property(f); ok {
			cols[i] = c
		}
	}
	return cols
}

// linkKey is what a.found remembers a parent by.
func (a *applying) linkKey(ref *dataset.Reference, vs []value.Value) string {
	b := append([]byte(ref.Table), 0)
	for _, f := range ref.Fields {
		b = append(append(b, f...), 0)
	}
	for _, v := range vs {
		b = value.Append(b, v)
	}
	return string(b)
}

// checkLinks looks at references when all changes of the item are applied, so
// that their order within it does not matter.
func (a *applying) checkLinks() error {
	if len(a.parents) > 0 {
		clear(a.found)
	}
	for _, l := range a.children {
		k := a.linkKey(l.ref, l.values)
		if a.found[k] {
			continue
		}
		ok, err := a.exists(a.d.cat.plans[l.ref.Table], fieldsOf(a.d.cat.plans[l.ref.Table], l.ref), l.values)
		if err != nil {
			return err
		}
		if !ok {
			a.violate(l.row, store.ReferenceMissing, l.child.t.Columns[l.ref.Columns[0]].Name, "dataset", l.ref.Table)
			continue
		}
		if len(a.found) >= maxFound {
			clear(a.found)
		}
		a.found[k] = true
	}
	for _, l := range a.parents {
		parent := a.d.cat.plans[l.ref.Table]
		still, err := a.exists(parent, fieldsOf(parent, l.ref), l.values)
		if err != nil {
			return err
		}
		if still {
			continue
		}
		held, err := a.exists(l.child, l.ref.Columns, l.values)
		if err != nil {
			return err
		}
		if held {
			field := ""
			if c := fieldsOf(parent, l.ref); len(c) > 0 && c[0] >= 0 {
				field = parent.t.Columns[c[0]].Name
			}
			a.violate(l.row, store.ReferenceHeld, field, "dataset", l.child.t.Name)
		}
	}
	return nil
}

func fieldsOf(p *plan, ref *dataset.Reference) []int {
	if p == nil {
		return nil
	}
	return fieldColumns(p.t, ref.Fields)
}

// exists tells whether a row holds the values in the columns.
func (a *applying) exists(p *plan, cols []int, vs []value.Value) (bool, error) {
	if p == nil || len(cols) != len(vs) {
		return false, nil
	}
	where := make([]string, len(cols))
	args := make([]driver.Value, len(cols))
	for i, c := range cols {
		if c < 0 {
			return false, nil
		}
		where[i], args[i] = p.cols[c]+"=?", bind(vs[i])
	}
	return a.c.first("SELECT 1 FROM "+p.table+" WHERE "+strings.Join(where, " AND ")+" LIMIT 1", args, make([]driver.Value, 1))
}
