package cql2

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"huong.city/huong/internal/core/value"
)

// arrays evaluates the A_ predicates over sets of items.
func arrays(c *Call, row, previous []value.Value) value.Value {
	a, ok1 := itemsOf(c.Args[0], row, previous)
	b, ok2 := itemsOf(c.Args[1], row, previous)
	if !ok1 || !ok2 {
		return value.Value{}
	}
	answer := false
	switch c.Op {
	case "a_equals":
		answer = covers(a, b) && covers(b, a)
	case "a_contains":
		answer = covers(a, b)
	case "a_containedBy":
		answer = covers(b, a)
	default:
		for item := range a {
			answer = answer || b[item]
		}
	}
	return value.OfBool(answer)
}

func covers(a, b map[value.Value]bool) bool {
	for item := range b {
		if !a[item] {
			return false
		}
	}
	return true
}

// itemsOf gives the set of an array literal or of a column that holds a JSON
// array; numbers are made Float, so that 1 and 1.0 are one item.
func itemsOf(e Expr, row, previous []value.Value) (map[value.Value]bool, bool) {
	if l, ok := e.(*List); ok {
		set := make(map[value.Value]bool, len(l.Items))
		for _, item := range l.Items {
			v := Eval(item, row, previous)
			if f, ok := v.Number(); ok {
				v = value.OfFloat(f)
			}
			set[v] = true
		}
		return set, true
	}
	v := Eval(e, row, previous)
	if v.Kind() != value.Text {
		return nil, false
	}
	return ArrayItems(v.Text())
}

// ArrayItems reads the items of a JSON array that count as members of a set:
// texts, numbers (as Float) and booleans. Others (null, arrays, objects) are
// passed over. ok is false when s is no JSON array.
func ArrayItems(s string) (items map[value.Value]bool, ok bool) {
	d := jsontext.NewDecoder(strings.NewReader(s), jsontext.AllowDuplicateNames(true))
	if d.PeekKind() != '[' {
		return nil, false
	}
	items = map[value.Value]bool{}
	if _, err := d.ReadToken(); err != nil {
		return nil, false
	}
	for d.PeekKind() != ']' {
		switch d.PeekKind() {
		case '[', '{':
			if err := d.SkipValue(); err != nil {
				return nil, false
			}
			continue
		}
		t, err := d.ReadToken()
		if err != nil {
			return nil, false
		}
		switch t.Kind() {
		case '"':
			items[value.OfText(t.String())] = true
		case '0':
			if v, ok := numberValue(t.String()); ok {
				f, _ := v.Number()
				items[value.OfFloat(f)] = true
			}
		case 't', 'f':
			items[value.OfBool(t.Kind() == 't')] = true
		}
	}
	return items, true
}
