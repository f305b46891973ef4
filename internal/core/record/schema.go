// Package record turns what people and machines send into rows of typed values
// and back: the lexical forms of the sixteen Table Schema types, the eleven
// constraints, categories and quality rules; JSON and CSV readers that check
// while they read; and the exact inverse of both. It knows one dataset at a
// time, through its declaration and its table; it knows no store, no grants and
// no protocol.
//
// What a column can hold does not depend on the way in. A text that is one of
// the column's missing values is Null wherever it comes from, a moment that the
// declared format cannot express is refused also in JSON, so that any row may
// leave as CSV or as JSON and come back as itself.
package record

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Schema is the compiled form of a dataset: immutable, safe for concurrent use.
type Schema struct {
	table    *dataset.Table
	columns  []column
	byName   map[string]int // columns that a client may name: not dropped
	errors   []rule
	warnings []rule
	sequence []rule // compare a row with the one before it

	decoders sync.Pool // of ReadObject
}

// shape is dataset.Type as a small number, for switches on the hot path.
type shape uint8

const (
	shapeString shape = iota
	shapeNumber
	shapeInteger
	shapeBoolean
	shapeObject
	shapeArray
	shapeList
	shapeDate
	shapeTime
	shapeDateTime
	shapeYear
	shapeYearMonth
	shapeDuration
	shapeGeoPoint
	shapeGeoJSON
	shapeAny
)

var shapes = map[dataset.Type]shape{
	dataset.String: shapeString, dataset.Number: shapeNumber, dataset.Integer: shapeInteger,
	dataset.Boolean: shapeBoolean, dataset.Object: shapeObject, dataset.Array: shapeArray,
	dataset.List: shapeList, dataset.DateType: shapeDate, dataset.TimeOfDay: shapeTime,
	dataset.DateTime: shapeDateTime, dataset.Year: shapeYear, dataset.YearMonth: shapeYearMonth,
	dataset.Duration: shapeDuration, dataset.GeoPoint: shapeGeoPoint, dataset.GeoJSON: shapeGeoJSON,
	dataset.Any: shapeAny,
}

// column is one column ready to parse, check and write.
type column struct {
	name     string
	typ      dataset.Type
	shape    shape
	discreet bool // no error text quotes a value
	derived  bool
	dropped  bool

	format  string
	moment  *momentPattern // date, time, datetime with a pattern
	missing []string
	// missingValues holds what the missing texts mean as values of the type, so
	// that -99 is missing as a JSON number too; nil when no value is concerned.
	missingValues map[value.Value]struct{}

	decimal, group  string
	bare            bool
	trues, falses   []string
	delimiter       string
	item            *column // of a list
	required        bool
	checked         bool // some constraint below is set
	minLen, maxLen  int  // -1: none
	low, high       bound
	enum            *set
	allowed         string // enum in words
	categories      *set
	categoryAllowed string
	pattern         *regexp.Regexp
	patternText     string
	schema          *jsonschema.Schema
}

// set is the values that a column may have. Texts stand apart: they hash faster.
type set struct {
	texts map[string]struct{}
	other map[value.Value]struct{}
}

func (s *set) add(v value.Value) {
	if v.Kind() == value.Text {
		s.texts[v.Text()] = struct{}{}
		return
	}
	s.other[v] = struct{}{}
}

func (s *set) has(v value.Value) bool {
	if v.Kind() == value.Text {
		_, ok := s.texts[v.Text()]
		return ok
	}
	_, ok := s.other[v]
	return ok
}

// bound is a limit of a value; a Null value means none.
type bound struct {
	value     value.Value
	exclusive bool
	text      string // as declared
}

// Compile prepares a dataset for reading and checking rows of the layout t.
// Everything that could go wrong with the declaration's values (a format that
// would be a guess, a bound that is no value of its type, a pattern that is no
// XML Schema regular expression) is reported at once, as an Invalid
// *problem.Error with one violation each.
func Compile(d *dataset.Dataset, t *dataset.Table) (*Schema, error) {
	s := &Schema{table: t, columns: make([]column, len(t.Columns)), byName: make(map[string]int, len(t.Columns))}
	var vs []problem.Violation
	discreet := t.Discreet()
	for i := range t.Columns {
		tc := &t.Columns[i]
		s.columns[i].discreet = discreet
		f := &dataset.Field{Name: tc.Name, Type: tc.Type}
		if !tc.Derived && !tc.Dropped {
			if declared, ok := d.Field(tc.Name); ok {
				f = declared
			}
		}
		vs = s.columns[i].compile(f, tc, d.Schema.MissingValues, vs)
		if !tc.Dropped {
			s.byName[tc.Name] = i
		}
	}
	for _, k := range t.Key {
		s.columns[k].required = true
	}
	for i := range d.Quality {
		vs = s.addRule(&d.Quality[i], vs)
	}
	if err := problem.InvalidWith("column-declaration", vs, "dataset", d.Name); err != nil {
		return nil, err
	}
	return s, nil
}

// Table returns the layout that the schema was compiled for.
func (s *Schema) Table() *dataset.Table { return s.table }

// Width is the length of a row.
func (s *Schema) Width() int { return len(s.columns) }

// Column returns the ordinal of a column that a client may read, derived ones
// included.
func (s *Schema) Column(name string) (int, bool) {
	i, ok := s.byName[name]
	return i, ok
}

// Nearest returns the column name most like name, or "" when none is close.
func (s *Schema) Nearest(name string) string {
	var names []string
	for i := range s.columns {
		if c := &s.columns[i]; !c.dropped && !c.derived {
			names = append(names, c.name)
		}
	}
	return nearest(name, names)
}

// ParseCell reads the lexical form of a column's type, as a CSV cell or a
// spreadsheet's text holds it. A missing value gives Null. Text comes back in
// NFC with line ends as \n and may share text's memory. Constraints are Check's
// matter.
func (s *Schema) ParseCell(column int, text string) (value.Value, *problem.Violation) {
	return s.columns[column].parseCell(text)
}

// isMissing tells that a text stands for no value.
func (c *column) isMissing(text string) bool {
	if len(c.missing) == 1 {
		return text == c.missing[0]
	}
	return slices.Contains(c.missing, text)
}

// settle turns a value that a missing text also means into Null.
func (c *column) settle(v value.Value) value.Value {
	if c.missingValues != nil {
		if _, gone := c.missingValues[v]; gone {
			return value.Value{}
		}
	}
	return v
}

// fault makes a violation of this column. kv are argument names and values; a
// value of a dataset with personal columns is replaced.
func (c *column) fault(code, given string, kv ...any) *problem.Violation {
	shown := clip(given)
	if c.discreet {
		shown = "•••"
	}
	v := problem.Violate(code, c.name, append(kv, "value", shown)...)
	return &v
}

// clip keeps an error text readable whatever was sent.
func clip(s string) string {
	const most = 60
	s = strings.ToValidUTF8(s[:min(len(s), 8*most)], "\uFFFD")
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
