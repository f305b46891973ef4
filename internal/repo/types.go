package repo

import (
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Entry is a dataset as the catalog holds it. Entries are immutable: a new
// declaration makes a new Entry.
type Entry struct {
	Dataset *dataset.Dataset
	Table   *dataset.Table
	Schema  *record.Schema
	System  bool  // one of Huong's own: dataset, agency, area, token, quarantine, import
	Version int64 // seq of the commit that declared it
}

// Query asks for records. All conditions must hold together.
type Query struct {
	Dataset string
	Filter  cql2.Expr   // as parsed, not bound
	BBox    *[4]float64 // west, south, east, north
	Area    string      // code of an area; the city's own code means all
	From    value.Value // Time or Date; lower bound of the dataset's time, inclusive
	Until   value.Value // upper bound, exclusive
	AsOf    int64       // seq; 0 = now. See SeqAt for a time
	Fields  []string    // nil = all
	Sort    []Sort
	Limit   int    // 0 = no limit (streaming export)
	Cursor  string // opaque, from Page.Next
	Count   bool   // fill Page.Matched
}

// Sort is one sort property.
type Sort struct {
	Field string
	Desc  bool
}

// Record is one row of a read. Values is indexed by column ordinal and valid
// only during the callback.
type Record struct {
	Entry   *Entry
	Version int64
	Values  []value.Value
}

// Page tells where a read stands.
type Page struct {
	Matched int64  // -1 when not asked for
	Next    string // cursor of the next page; empty at the end
	AsOf    int64  // head that the read saw
}

// Aggregation groups records and measures the groups.
type Aggregation struct {
	Query
	By       []By
	Measures []Measure
}

// By is a field to group by; a Bucket (minute hour day week month year) groups
// a datetime or date in the city's zone.
type By struct {
	Field  string
	Bucket string
}

// Measure is count (Field empty), sum, mean, min, max or distinct of a field.
type Measure struct {
	Func  string
	Field string
}

// LogQuery selects commits.
type LogQuery struct {
	After    int64
	Datasets []string // none: all that the principal may read
	Limit    int
	Desc     bool
	Changes  bool // with the changes themselves
	// Live tells that the commits which this process knows of are enough, so
	// that many who follow the end of the log may be served from memory.
	Live bool
}

// Difference is one record that differs between two states.
type Difference struct {
	Result commit.Result // Created, Updated, Deleted, seen from the first state
	Before []value.Value
	After  []value.Value
}

// Plan is what applying declarations would do.
type Plan struct {
	Steps []Step
}

// Step is one dataset of a plan.
type Step struct {
	Dataset  string
	Action   string // create, change, none, refuse
	Notes    []dataset.Change
	Refusals []Refusal
	declared *dataset.Dataset
	layout   *dataset.Table
}

// Refusal is a narrowing change with the records that would break.
type Refusal struct {
	Change  dataset.Change // what narrows
	Records []string       // keys of the first records that would break
	Count   int64          // how many
}

// Refused tells whether any step is refused.
func (p Plan) Refused() bool {
	for _, s := range p.Steps {
		if s.Action == "refuse" {
			return true
		}
	}
	return false
}

// Status is what an operator looks at.
type Status struct {
	Head      store.Head
	Queue     int
	Followers []FollowerStatus
}

// FollowerStatus shows a follower's place and lag.
type FollowerStatus struct {
	Name    string
	Cursor  int64
	Lag     int64 // commits behind the head
	Error   string
	Updated time.Time
}
