package granttest

import (
	"fmt"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
)

// Cond is a row condition in a form of its own: it prints as CQL2, which is what
// a grant holds, and is judged by others that do not read CQL2.
type Cond struct {
	Op     string // = <> < > in isnull and or not
	Column string
	Values []value.Value // one, or several for in
	Args   []*Cond
}

// Cond makes a condition over the world's dataset.
func (w *World) Cond(pick Pick, depth int) *Cond {
	if depth > 0 && pick(2) == 0 {
		c := &Cond{Op: one(pick, "and", "or", "not")}
		for range 2 {
			c.Args = append(c.Args, w.Cond(pick, depth-1))
		}
		if c.Op == "not" {
			c.Args = c.Args[:1]
		}
		return c
	}
	texts := []string{"agency", "ward", "state", "name"}
	if w.Table.Area >= 0 {
		texts = append(texts, dataset.AreaColumn)
	}
	c := &Cond{Column: one(pick, append(texts, "amount", "sealed")...)}
	column, kind, _, _ := w.Table.Property(c.Column)
	if kind == value.Int {
		c.Op = one(pick, "=", "<>", "<", ">", "in", "isnull")
	} else {
		c.Op = one(pick, "=", "<>", "in", "isnull")
	}
	n := map[string]int{"isnull": 0, "in": 1 + pick(2)}
	count, several := n[c.Op]
	if !several {
		count = 1
	}
	for range count {
		v := w.Cell(pick, column)
		for v.IsNull() {
			v = w.Cell(func(n int) int { return n - 1 }, column)
		}
		c.Values = append(c.Values, v)
	}
	return c
}

// Text prints the condition as CQL2.
func (c *Cond) Text() string {
	lits := make([]string, len(c.Values))
	for i, v := range c.Values {
		if v.Kind() == value.Int {
			lits[i] = fmt.Sprint(v.Int())
		} else {
			lits[i] = "'" + v.Text() + "'"
		}
	}
	switch c.Op {
	case "and", "or":
		return "(" + c.Args[0].Text() + " " + strings.ToUpper(c.Op) + " " + c.Args[1].Text() + ")"
	case "not":
		return "NOT (" + c.Args[0].Text() + ")"
	case "isnull":
		return c.Column + " IS NULL"
	case "in":
		return c.Column + " IN (" + strings.Join(lits, ", ") + ")"
	}
	return c.Column + " " + c.Op + " " + lits[0]
}

// Holds evaluates the condition plainly: whether it is true of a row, and
// whether it is false; neither when it is unknown.
func (c *Cond) Holds(t *dataset.Table, row []value.Value) (yes, no bool) {
	switch c.Op {
	case "and", "or":
		y0, n0 := c.Args[0].Holds(t, row)
		y1, n1 := c.Args[1].Holds(t, row)
		if c.Op == "and" {
			return y0 && y1, n0 || n1
		}
		return y0 || y1, n0 && n1
	case "not":
		yes, no = c.Args[0].Holds(t, row)
		return no, yes
	}
	column, _, _, _ := t.Property(c.Column)
	v := row[column]
	if c.Op == "isnull" {
		return v.IsNull(), !v.IsNull()
	}
	if v.IsNull() {
		return false, false
	}
	switch c.Op {
	case "=":
		yes = v == c.Values[0]
	case "<>":
		yes = v != c.Values[0]
	case "<":
		yes = v.Int() < c.Values[0].Int()
	case ">":
		yes = v.Int() > c.Values[0].Int()
	case "in":
		for _, x := range c.Values {
			yes = yes || v == x
		}
	}
	return yes, !yes
}
