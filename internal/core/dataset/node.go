package dataset

import (
	"math"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/problem"
)

// Limits of a declaration or a mapping file.
const (
	maxBytes      = 1 << 20 // size of a file
	maxDepth      = 64      // nesting of maps and lists
	maxKeys       = 10_000  // keys of a YAML file, all maps together
	maxViolations = 200     // reported per file; the rest is counted
)

type shape uint8

const (
	nullNode shape = iota
	boolNode
	intNode
	floatNode
	textNode
	listNode
	mapNode
)

// node is one value of a YAML or JSON file with the place where it stands.
// Both syntaxes become nodes first, so that one reader serves them and every
// fault can be located.
type node struct {
	shape shape
	line  int
	col   int
	text  string // literal text of a scalar, before any typing
	plain bool   // the scalar stands in one line, its characters one for one from quoteSkip on
	skip  int    // columns before the first character (an opening quote)
	b     bool
	i     int64
	f     float64
	items []*node
	pairs []pair
}

type pair struct {
	key       string
	line, col int
	val       *node
}

// get returns the value under a key of a map, or nil.
func (n *node) get(key string) *node {
	if n == nil || n.shape != mapNode {
		return nil
	}
	for i := range n.pairs {
		if n.pairs[i].key == key {
			return n.pairs[i].val
		}
	}
	return nil
}

// walk follows keys (string) and indexes (int) as far as they exist and
// returns the deepest node reached.
func (n *node) walk(path ...any) *node {
	for _, p := range path {
		var next *node
		switch p := p.(type) {
		case string:
			next = n.get(p)
		case int:
			switch {
			case n.shape == listNode && p < len(n.items):
				next = n.items[p]
			case n.shape == textNode && p == 0:
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

// holds tells that there is a node, of the shape.
func (n *node) holds(s shape) bool { return n != nil && n.shape == s }

// scalar tells that the node is one text, number or truth value.
func (n *node) scalar() bool { return n.shape >= boolNode && n.shape <= textNode }

// plainValue turns a node into nil, bool, int64, float64, string, []any or
// map[string]any. A float without a fraction becomes an int64, so that a value
// is the same after a round trip through JSON, which does not keep "1.0".
func (n *node) value() any {
	switch n.shape {
	case boolNode:
		return n.b
	case intNode:
		return n.i
	case floatNode:
		if n.f == math.Trunc(n.f) && math.Abs(n.f) < 1<<53 {
			return int64(n.f)
		}
		return n.f
	case textNode:
		return n.text
	case listNode:
		l := make([]any, len(n.items))
		for i, it := range n.items {
			l[i] = it.value()
		}
		return l
	case mapNode:
		m := make(map[string]any, len(n.pairs))
		for _, p := range n.pairs {
			m[p.key] = p.val.value()
		}
		return m
	}
	return nil
}

// number gives a node its numeric shape when text is a JSON number (without
// leading zeros); every other text stays text, so 007 and 0x1F are never
// silently read as something else.
func (n *node) number(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || digits[0] < '0' || digits[0] > '9' {
		return false
	}
	if len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		return false
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		n.shape, n.i = intNode, i
		return true
	}
	if strings.ContainsAny(text, "_xXpPnN") {
		return false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return false
	}
	n.shape, n.f = floatNode, f
	return true
}

// tree is a file read into nodes, and what was wrong with it so far.
type tree struct {
	file string
	root *node
	vs   []problem.Violation
	more int // violations beyond maxViolations
}

func (t *tree) add(v problem.Violation, line, col int) {
	if len(t.vs) >= maxViolations {
		t.more++
		return
	}
	t.vs = append(t.vs, v.At(problem.Position{File: t.file, Line: line, Column: col}))
}

// fault reports one violation at a node. path names the place in the file's
// own words, "schema.fields[2].type"; kv fill the message's holes.
func (t *tree) fault(n *node, path, code string, kv ...any) {
	t.add(problem.Violate(code, path, kv...), n.line, n.col)
}

// excerpt is a short piece of a text for an error message.
func excerpt(s string) string {
	r := []rune(s)
	if len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
