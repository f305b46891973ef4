package dataset

import "huong.city/huong/internal/core/value"

// Names of the derived columns that a placed dataset has beside its fields.
// They are filled at commit, never by a client, and may be used in filters.
const (
	AreaColumn = "_area"  // code of the area that contains the record
	XColumn    = "_x"     // longitude of the place, or of a point on it
	YColumn    = "_y"     // latitude
	FlagColumn = "_flags" // JSON array of the warnings that hold: names of quality rules and mapping flags
)

// Table is the storage layout that follows from a declaration and from the
// declarations before it: columns keep their ordinal for ever, new ones are
// appended, so that a row in the log can always be read. Rows of values are
// indexed by these ordinals everywhere above and below the store.
type Table struct {
	Name       string // dataset name
	Kind       Kind
	Columns    []Column
	Key        []int   // ordinals of the primary key, in order
	Unique     [][]int // further unique keys
	Indexes    [][]int // declared, plus foreign keys, time and area
	References []Reference
	Time       int // ordinal of the time column, or -1; partitions a series
	Area       int // ordinal of _area, or -1
	X, Y       int // ordinals of _x and _y, or -1
	Geometry   int // ordinal of the geometry field that is the place, or -1
	Flags      int // ordinal of _flags
}

// Column of a Table.
type Column struct {
	Name     string
	Type     Type
	Kind     value.Kind
	Derived  bool // one of the _columns
	Dropped  bool // no longer declared; kept so that ordinals stay
	Personal bool // classification personal or restricted: never in logs or error texts
}

// Reference is a foreign key to check under the head lock.
type Reference struct {
	Columns []int
	Table   string   // dataset referred to
	Fields  []string // its fields, in the order of Columns
}

// Property makes *Table a cql2.Schema.
func (t *Table) Property(name string) (column int, kind value.Kind, list bool, ok bool) {
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Name == name && !c.Dropped {
			return i, c.Kind, c.Type == Array || c.Type == List, true
		}
	}
	return -1, value.Null, false, false
}

// PropertyNames lists the columns in use.
func (t *Table) PropertyNames() []string {
	var names []string
	for i := range t.Columns {
		if !t.Columns[i].Dropped {
			names = append(names, t.Columns[i].Name)
		}
	}
	return names
}

// Width is the number of columns, dropped ones included: the length of a row.
func (t *Table) Width() int { return len(t.Columns) }

// KeyOf appends the key values of a row to dst.
func (t *Table) KeyOf(dst, row []value.Value) []value.Value {
	for _, k := range t.Key {
		dst = append(dst, row[k])
	}
	return dst
}

// Discreet tells that error texts must not quote the values of any column: where
// one is personal, a shifted column brings personal values into all of them.
func (t *Table) Discreet() bool {
	for i := range t.Columns {
		if t.Columns[i].Personal {
			return true
		}
	}
	return false
}
