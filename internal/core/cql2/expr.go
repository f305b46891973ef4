// Package cql2 is Huong's one expression language: OGC Common Query Language
// (OGC 21-065r2), text and JSON. One parsed tree filters a query, states a
// quality rule, limits a grant's rows, matches a subscription. The tree is
// compiled to SQL by each store driver and evaluated in memory here, and the
// three agree. The package knows no dataset and no SQL.
package cql2

import "huong.city/huong/internal/core/value"

// Expr is a node of the tree: *Lit, *Prop, *Call, *List or *Interval.
type Expr interface{ Offset() int }

// Lit is a constant: Bool, Int, Float, Text, Date, Time or Geometry. A BBOX
// literal is held as its polygon (two of them where it crosses the
// antimeridian) and remembers its edges in BBox for index use.
type Lit struct {
	Value value.Value
	BBox  *[4]float64 // west, south, east, north; west > east crosses the antimeridian
	At    int         // byte offset in the source
}

// Prop names a property. Bind fills Column, Kind and List.
type Prop struct {
	Name   string
	Column int        // ordinal in the table; -1 until bound
	Kind   value.Kind // kind of the column
	List   bool       // the column holds a JSON array (types array and list)
	At     int
}

// Call applies an operator or a function. Op is the name that CQL2 JSON uses,
// lower-cased: and or not = <> < > <= >= like between in isNull casei accenti
// + - * / % ^ div s_intersects s_equals s_disjoint s_touches s_within
// s_overlaps s_crosses s_contains t_after ... a_equals a_contains
// a_containedBy a_overlaps, or a function of the Functions table.
type Call struct {
	Op   string
	Args []Expr
	At   int
}

// List is an array literal, also the right side of IN.
type List struct {
	Items []Expr
	At    int
}

// Interval is INTERVAL(start, end); a nil bound is open ("..").
type Interval struct {
	Start, End Expr
	At         int
}

func (e *Lit) Offset() int      { return e.At }
func (e *Prop) Offset() int     { return e.At }
func (e *Call) Offset() int     { return e.At }
func (e *List) Offset() int     { return e.At }
func (e *Interval) Offset() int { return e.At }

// Schema resolves property names for Bind.
type Schema interface {
	// Property returns the column ordinal and kind of a property, whether it
	// holds a JSON array, and whether it exists.
	Property(name string) (column int, kind value.Kind, list bool, ok bool)
	// PropertyNames lists what could have been meant, for error texts.
	PropertyNames() []string
}

// And joins conditions; nil members are dropped, no members give nil.
func And(exprs ...Expr) Expr {
	var args []Expr
	for _, e := range exprs {
		if e != nil {
			args = append(args, e)
		}
	}
	switch len(args) {
	case 0:
		return nil
	case 1:
		return args[0]
	}
	return &Call{Op: "and", Args: args}
}
