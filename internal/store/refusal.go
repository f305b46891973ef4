package store

import (
	"strconv"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Codes of the violations that a driver finds. Both drivers use these and no
// others, so that a face can tell a person what to mend.
const (
	KeyTwice         = "key-twice"          // invalid: two changes of one request have one key
	KeyNull          = "key-null"           // invalid: a part of the key is Null
	LayoutUnknown    = "layout-unknown"     // invalid: Item.Layouts lacks the dataset
	LayoutUnfit      = "layout-unfit"       // invalid: the row's or mask's width is not the layout's
	ValueKind        = "value-kind"         // invalid: a value's kind is not its column's
	ValueOutOfRange  = "value-out-of-range" // invalid: a date outside the years 0000 to 9999, a text with NUL
	KeyExists        = "key-exists"         // conflict: Absent was expected
	RecordAbsent     = "record-absent"      // conflict: a patch of a record that does not exist
	UniqueTaken      = "unique-taken"       // conflict
	ReferenceMissing = "reference-missing"  // conflict: no such parent
	ReferenceHeld    = "reference-held"     // conflict: a parent key goes while children refer to it
	VersionStale     = "version-stale"      // stale: another version is current
	VersionAbsent    = "version-absent"     // stale: Present or a version was expected, nothing is there
)

// Refuse makes the error of an item from all violations found in it, or nil
// from none. Invalid input outranks a stale expectation, which outranks a
// conflict.
func Refuse(vs []problem.Violation) error {
	if len(vs) == 0 {
		return nil
	}
	kind, code := problem.Conflict, "commit-conflict"
	for _, v := range vs {
		switch v.Code {
		case KeyTwice, KeyNull, LayoutUnknown, LayoutUnfit, ValueKind, ValueOutOfRange:
			kind, code = problem.Invalid, "commit-invalid"
		case VersionStale, VersionAbsent:
			if kind != problem.Invalid {
				kind, code = problem.Stale, "commit-stale"
			}
		}
	}
	e := problem.New(kind, code)
	e.Violations = vs
	return e
}

// Check finds what is wrong with an item without looking at a database: rows
// that do not fit their layout, values of a wrong kind, keys with holes, keys
// used twice. An item with violations here never reaches the database.
func Check(it *Item) []problem.Violation {
	var vs []problem.Violation
	bad := func(row int, code, field string, kv ...any) {
		v := problem.Violate(code, field, kv...)
		v.Row = row
		vs = append(vs, v)
	}
	first := make(map[string]int, len(it.Request.Changes))
	var key []byte
	for i := range it.Request.Changes {
		c := &it.Request.Changes[i]
		t := it.Layouts[c.Dataset]
		if t == nil {
			bad(i, LayoutUnknown, "", "dataset", c.Dataset)
			continue
		}
		if len(c.Row) != t.Width() || c.Op == commit.Patch && len(c.Mask) != t.Width() {
			bad(i, LayoutUnfit, "", "got", len(c.Row), "want", t.Width())
			continue
		}
		fits := true
		for col, v := range c.Row {
			if v.IsNull() {
				continue
			}
			if k := t.Columns[col].Kind; v.Kind() != k {
				bad(i, ValueKind, t.Columns[col].Name, "got", v.Kind(), "want", k)
				fits = false
			} else if !storable(v) {
				bad(i, ValueOutOfRange, t.Columns[col].Name)
				fits = false
			}
		}
		key = append(append(key[:0], c.Dataset...), 0)
		for _, k := range t.Key {
			if c.Row[k].IsNull() {
				bad(i, KeyNull, t.Columns[k].Name)
				fits = false
			}
			key = value.Append(key, c.Row[k])
		}
		if !fits {
			continue
		}
		if j, twice := first[string(key)]; twice {
			bad(i, KeyTwice, t.Columns[t.Key[0]].Name, "first", strconv.Itoa(j))
			continue
		}
		first[string(key)] = i
	}
	return vs
}

// storable tells whether both databases can hold v: SQLite keeps a date as ISO
// text, which orders only within four-digit years; PostgreSQL texts have no NUL.
func storable(v value.Value) bool {
	switch v.Kind() {
	case value.Date:
		return v.Days() >= -719528 && v.Days() <= 2932896
	case value.Text:
		return strings.IndexByte(v.Text(), 0) < 0
	case value.Time:
		return v.Micros() >= -62167219200000000 && v.Micros() <= 253402300799999999
	}
	return true
}
