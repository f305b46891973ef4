package dataset

import (
	"slices"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Layout derives the storage layout of d. previous is the layout in force, nil
// for a new dataset: its columns keep their ordinals, a field that is no longer
// declared becomes a dropped column, a field that returns takes its old column
// up again, and new fields are appended. A new table has key fields first, then
// the other fields as declared, then _area, _x and _y when d has a place, then
// _flags. Of previous only the columns need be known; with Kind and Key set,
// changes of those are found too.
//
// The error is Invalid with code layout-impossible when d names a field that it
// does not have (Parse refuses that earlier), and Conflict with code
// layout-kind, layout-key or layout-held when rows already stored could not be
// read any more: the dataset's kind, its key, or how a field is held changed.
func Layout(d *Dataset, previous *Table) (*Table, error) {
	t := &Table{Name: d.Name, Kind: d.Kind, Time: -1, Area: -1, X: -1, Y: -1, Geometry: -1, Flags: -1}
	if previous != nil {
		if previous.Kind != "" && previous.Kind != d.Kind {
			return nil, problem.New(problem.Conflict, "layout-kind", "dataset", d.Name, "was", previous.Kind, "now", d.Kind)
		}
		t.Columns = slices.Clone(previous.Columns)
		for i := range t.Columns {
			t.Columns[i].Dropped = true
		}
	}
	for _, f := range layoutFields(d) {
		personal := max(f.Classification.orOpen().Rank(), d.Classification.Rank()) >= Personal.Rank()
		c := Column{Name: f.Name, Type: f.Type, Kind: f.Type.Kind(), Personal: personal}
		if err := t.put(c); err != nil {
			return nil, err
		}
	}
	if d.Place != nil {
		for _, c := range [...]Column{
			{Name: AreaColumn, Type: String, Kind: value.Text, Derived: true},
			{Name: XColumn, Type: Number, Kind: value.Float, Derived: true},
			{Name: YColumn, Type: Number, Kind: value.Float, Derived: true},
		} {
			if err := t.put(c); err != nil {
				return nil, err
			}
		}
	}
	if err := t.put(Column{Name: FlagColumn, Type: Array, Kind: value.Text, Derived: true}); err != nil {
		return nil, err
	}
	if err := t.derive(d); err != nil {
		return nil, err
	}
	if previous != nil && previous.Key != nil && !slices.Equal(previous.Key, t.Key) {
		return nil, problem.New(problem.Conflict, "layout-key", "dataset", d.Name)
	}
	return t, nil
}

func (c Classification) orOpen() Classification {
	if c == "" {
		return Open
	}
	return c
}

// layoutFields orders fields for a new table: the key in its own order, then the rest.
func layoutFields(d *Dataset) []Field {
	fields := make([]Field, 0, len(d.Schema.Fields))
	for _, k := range d.Schema.PrimaryKey {
		if f, ok := d.Field(k); ok {
			fields = append(fields, *f)
		}
	}
	for _, f := range d.Schema.Fields {
		if !slices.Contains(d.Schema.PrimaryKey, f.Name) {
			fields = append(fields, f)
		}
	}
	return fields
}

// put takes a column up at its old ordinal or appends it.
func (t *Table) put(c Column) error {
	for i := range t.Columns {
		if t.Columns[i].Name != c.Name {
			continue
		}
		if t.Columns[i].Kind != c.Kind {
			return problem.New(problem.Conflict, "layout-held", "dataset", t.Name, "field", c.Name,
				"was", t.Columns[i].Type, "now", c.Type)
		}
		t.Columns[i] = c
		return nil
	}
	t.Columns = append(t.Columns, c)
	return nil
}

// derive fills everything that names ordinals.
func (t *Table) derive(d *Dataset) error {
	var err error
	one := func(name string) int {
		i, _, _, ok := t.Property(name)
		if !ok && err == nil {
			err = problem.New(problem.Invalid, "layout-impossible", "dataset", d.Name, "field", name)
		}
		return i
	}
	many := func(names []string) []int {
		out := make([]int, len(names))
		for i, n := range names {
			out[i] = one(n)
		}
		return out
	}
	t.Key = many(d.Schema.PrimaryKey)
	for _, f := range d.Schema.Fields {
		if f.Constraints.Unique && !(len(d.Schema.PrimaryKey) == 1 && d.Schema.PrimaryKey[0] == f.Name) {
			t.addUnique([]int{one(f.Name)})
		}
	}
	for _, u := range d.Schema.UniqueKeys {
		t.addUnique(many(u))
	}
	t.Flags = one(FlagColumn)
	if d.Time != "" {
		t.Time = one(d.Time)
	}
	if d.Place != nil {
		t.Area, t.X, t.Y = one(AreaColumn), one(XColumn), one(YColumn)
		if d.Place.Field != "" {
			t.Geometry = one(d.Place.Field)
		}
	}
	for _, ix := range d.Indexes {
		t.addIndex(many(ix))
	}
	for _, fk := range d.Schema.ForeignKeys {
		ref := Reference{Columns: many(fk.Fields), Table: fk.Reference.Resource, Fields: fk.Reference.Fields}
		if ref.Table == "" {
			ref.Table = d.Name
		}
		t.References = append(t.References, ref)
		t.addIndex(ref.Columns)
	}
	if t.Area >= 0 {
		if t.Time >= 0 {
			t.addIndex([]int{t.Area, t.Time})
		} else {
			t.addIndex([]int{t.Area})
		}
	}
	if t.Time >= 0 {
		t.addIndex([]int{t.Time})
	}
	return err
}

func (t *Table) addUnique(columns []int) {
	if !slices.Equal(columns, t.Key) && !slices.ContainsFunc(t.Unique, func(u []int) bool { return slices.Equal(u, columns) }) {
		t.Unique = append(t.Unique, columns)
	}
}

// addIndex adds an index unless the key, a unique key or another index already
// begins with the same columns.
func (t *Table) addIndex(columns []int) {
	begins := func(have []int) bool {
		return len(have) >= len(columns) && slices.Equal(have[:len(columns)], columns)
	}
	if begins(t.Key) || slices.ContainsFunc(t.Unique, begins) || slices.ContainsFunc(t.Indexes, begins) {
		return
	}
	t.Indexes = append(t.Indexes, columns)
}
