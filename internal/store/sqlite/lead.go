package sqlite

import (
	"database/sql/driver"
	"slices"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/store"
)

// Bounds of choosing the index that leads a page.
const (
	maxProbe = 10_000 // rows that a condition's index is asked for at most
	fewRows  = 500    // so many are put in order as soon as an index is walked
)

// way is an index by which the rows of a page can be found.
type way struct {
	index  string      // its name
	conds  []cql2.Expr // conditions that it answers
	sorted bool        // it gives the rows in the order asked for
	rows   int64       // that the conditions leave, at most one more than maxProbe
}

// lead decides which index the page of a query walks; "" leaves it to SQLite, which
// keeps no statistics here: it takes three states out of twelve for a few rows, finds
// and sorts a million of them, and gives thirty. An index that gives the order needs
// to be read as far as the page goes only.
//
// Of several, the one with the fewest rows leads, counted up to a bound; one that does
// not give the order only while its rows are few enough to be sorted.
func (p *plan) lead(c *conn, q *store.Query) (string, error) {
	if q.AsOf != 0 || q.Limit == 0 || len(q.Sort) == 0 || q.Key != nil || q.Filter == nil {
		return "", nil
	}
	first := q.Sort[0].Column
	equal, others := p.terms(q.Filter)
	if pins(equal, p.t.Key) {
		return "", nil
	}
	var ways []way
	plain := ""
	for _, ix := range append(slices.Clone(p.others), index{name: p.key, columns: p.t.Key}) {
		var w way
		w.index = ix.name
		n := 0
		for n < len(ix.columns) && equal[ix.columns[n]] != nil && ix.columns[n] != first {
			w.conds = append(w.conds, equal[ix.columns[n]])
			n++
		}
		if ix.unique && pins(equal, ix.columns) {
			return "", nil
		}
		w.sorted = n < len(ix.columns) && ix.columns[n] == first
		switch {
		case n > 0:
			ways = append(ways, w)
		case w.sorted:
			plain = ix.name
		case others[ix.columns[0]] != nil:
			w.conds = others[ix.columns[0]]
			ways = append(ways, w)
		}
	}
	switch {
	case len(ways) == 0:
		return "", nil // the order's own index is all there is
	case len(ways) == 1 && ways[0].sorted:
		return ways[0].index, nil
	}
	few, ordered := way{rows: maxProbe + 1}, way{rows: maxProbe + 2}
	for _, w := range ways {
		if err := p.probe(c, &w); err != nil {
			return "", err
		}
		if w.rows < few.rows || w.rows == few.rows && w.sorted {
			few = w
		}
		if w.sorted && w.rows < ordered.rows {
			ordered = w
		}
	}
	switch {
	case few.rows <= fewRows || ordered.index == "" && few.rows <= maxProbe:
		return few.index, nil
	case ordered.index != "":
		return ordered.index, nil
	}
	return plain, nil
}

// probe counts the rows that a way leads to.
func (p *plan) probe(c *conn, w *way) error {
	b := builder{p: p}
	b.text("SELECT count(*) FROM (SELECT 1 FROM ", p.table, " INDEXED BY ", quote(w.index))
	word := " WHERE "
	for _, e := range w.conds {
		b.text(word)
		word = " AND "
		if err := b.filter(e); err != nil {
			return err
		}
	}
	b.text(" LIMIT ")
	b.arg(int64(maxProbe + 1))
	b.text(")")
	n := []driver.Value{nil}
	if _, err := c.first(b.sql.String(), b.args, n); err != nil {
		return err
	}
	w.rows, _ = n[0].(int64)
	return nil
}

// pins tells that conditions leave one value of all columns of a key, and so at most
// one row.
func pins(equal map[int]*cql2.Call, key []int) bool {
	for _, k := range key {
		if equal[k] == nil || equal[k].Op != "=" {
			return false
		}
	}
	return true
}

// terms are the conditions that a filter demands in any case and that an index
// answers, by their column: equal to one value or null, or else in a list or a range.
func (p *plan) terms(filter cql2.Expr) (equal map[int]*cql2.Call, others map[int][]cql2.Expr) {
	equal, others = map[int]*cql2.Call{}, map[int][]cql2.Expr{}
	var take func(e cql2.Expr)
	take = func(e cql2.Expr) {
		call, ok := e.(*cql2.Call)
		if !ok {
			return
		}
		switch call.Op {
		case "and":
			for _, a := range call.Args {
				take(a)
			}
		case "=", "<", ">", "<=", ">=":
			if len(call.Args) != 2 || !comparable(call.Args[0], call.Args[1]) {
				return
			}
			prop, isProp := call.Args[0].(*cql2.Prop)
			_, isLit := call.Args[1].(*cql2.Lit)
			if !isProp {
				prop, isProp = call.Args[1].(*cql2.Prop)
				_, isLit = call.Args[0].(*cql2.Lit)
			}
			switch {
			case !isProp || !isLit:
			case call.Op == "=":
				equal[prop.Column] = call
			default:
				others[prop.Column] = append(others[prop.Column], e)
			}
		case "isNull":
			if prop, isProp := call.Args[0].(*cql2.Prop); isProp && len(call.Args) == 1 {
				equal[prop.Column] = call
			}
		case "in", "between", "t_after", "t_before", "t_during", "t_intersects":
			if prop, isProp := call.Args[0].(*cql2.Prop); isProp && inSQL(p, e) {
				others[prop.Column] = append(others[prop.Column], e)
			}
		}
	}
	take(filter)
	return equal, others
}

// inSQL tells that a condition becomes SQL that calls nothing back.
func inSQL(p *plan, e cql2.Expr) bool {
	b := builder{p: p}
	if b.filter(e) != nil {
		return false
	}
	for _, a := range b.args {
		if _, called := a.(*evalArg); called {
			return false
		}
	}
	return true
}
