// Package declare reads what people declare in files: YAML (or JSON) with
// everything that is wrong told at its line and column, at once. A reader of one
// kind of declaration asks a Map for the keys that it knows; whatever else stands
// there is a fault. The package knows no kind of declaration.
package declare

import (
	"math"
	"sort"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/problem"
)

// Limits of one file.
const (
	MaxBytes  = 1 << 20 // size of a file
	maxDepth  = 64      // nesting of maps and lists
	maxKeys   = 10_000  // keys of a YAML file, all maps together
	MaxFaults = 200     // reported per file; the rest is counted
)

// Shape is what kind of value a node is.
type Shape uint8

// Shapes of nodes.
const (
	NullNode Shape = iota
	BoolNode
	IntNode
	FloatNode
	TextNode
	ListNode
	MapNode
)

// Node is one value of a YAML or JSON file with the place where it stands.
// Both syntaxes become nodes first, so that one reader serves them and every
// fault can be located.
type Node struct {
	Shape Shape
	Line  int
	Col   int
	Text  string // literal text of a scalar, before any typing
	Plain bool   // the scalar stands in one line, its characters one for one from Skip on
	Skip  int    // columns before the first character (an opening quote)
	b     bool
	i     int64
	f     float64
	Items []*Node
	Pairs []Pair
}

// Pair is a key of a map, with the place of the key, and its value.
type Pair struct {
	Key       string
	Line, Col int
	Val       *Node
}

// Get returns the value under a key of a map, or nil.
func (n *Node) Get(key string) *Node {
	if n == nil || n.Shape != MapNode {
		return nil
	}
	for i := range n.Pairs {
		if n.Pairs[i].Key == key {
			return n.Pairs[i].Val
		}
	}
	return nil
}

// Walk follows keys (string) and indexes (int) as far as they exist and
// returns the deepest node reached.
func (n *Node) Walk(path ...any) *Node {
	for _, p := range path {
		var next *Node
		switch p := p.(type) {
		case string:
			next = n.Get(p)
		case int:
			switch {
			case n.Shape == ListNode && p < len(n.Items):
				next = n.Items[p]
			case n.Shape == TextNode && p == 0:
				next = n // a list of one may be written as the bare text
			}
		}
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

// Holds tells that there is a node, of the shape.
func (n *Node) Holds(s Shape) bool { return n != nil && n.Shape == s }

// Scalar tells that the node is one text, number or truth value.
func (n *Node) Scalar() bool { return n.Shape >= BoolNode && n.Shape <= TextNode }

// Value turns a node into nil, bool, int64, float64, string, []any or
// map[string]any. A float without a fraction becomes an int64, so that a value
// is the same after a round trip through JSON, which does not keep "1.0".
func (n *Node) Value() any {
	switch n.Shape {
	case BoolNode:
		return n.b
	case IntNode:
		return n.i
	case FloatNode:
		if n.f == math.Trunc(n.f) && math.Abs(n.f) < 1<<53 {
			return int64(n.f)
		}
		return n.f
	case TextNode:
		return n.Text
	case ListNode:
		l := make([]any, len(n.Items))
		for i, it := range n.Items {
			l[i] = it.Value()
		}
		return l
	case MapNode:
		m := make(map[string]any, len(n.Pairs))
		for _, p := range n.Pairs {
			m[p.Key] = p.Val.Value()
		}
		return m
	}
	return nil
}

// number gives a node its numeric shape when text is a JSON number (without
// leading zeros); every other text stays text, so 007 and 0x1F are never
// silently read as something else.
func (n *Node) number(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || digits[0] < '0' || digits[0] > '9' {
		return false
	}
	if len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		return false
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		n.Shape, n.i = IntNode, i
		return true
	}
	if strings.ContainsAny(text, "_xXpPnN") {
		return false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return false
	}
	n.Shape, n.f = FloatNode, f
	return true
}

// Document is a file read into nodes, and what was wrong with it so far.
type Document struct {
	File   string
	Root   *Node
	Faults []problem.Violation
	More   int // violations beyond MaxFaults
}

// Add reports a violation at a line and column.
func (t *Document) Add(v problem.Violation, line, col int) {
	if len(t.Faults) >= MaxFaults {
		t.More++
		return
	}
	t.Faults = append(t.Faults, v.At(problem.Position{File: t.File, Line: line, Column: col}))
}

// Fault reports one violation at a node. path names the place in the file's
// own words, "schema.fields[2].type"; kv fill the message's holes.
func (t *Document) Fault(n *Node, path, code string, kv ...any) {
	t.Add(problem.Violate(code, path, kv...), n.Line, n.Col)
}

// Excerpt is a short piece of a text for an error message.
func Excerpt(s string) string {
	r := []rune(s)
	if len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// Err gathers the faults in the order of the file: nil, or an Invalid error of
// the code, whose arguments are file and count.
func (t *Document) Err(code string) error {
	sort.SliceStable(t.Faults, func(i, j int) bool {
		a, b := t.Faults[i].Position, t.Faults[j].Position
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
	return problem.InvalidWith(code, t.Faults, "file", t.File, "count", len(t.Faults)+t.More)
}
