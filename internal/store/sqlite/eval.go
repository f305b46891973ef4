package sqlite

import (
	"database/sql/driver"

	"github.com/mattn/go-sqlite3"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// evalArg stands in a statement's arguments for an expression that SQLite calls
// back for. It becomes the expression's number on the connection that runs it.
type evalArg struct {
	e       cql2.Expr
	columns []int
	kinds   []value.Kind
	width   int
}

func (a *evalArg) String() string { return cql2.Text(a.e) }

// eval writes a call of huong_eval: the expression's number and the columns
// that it reads.
func (b *builder) eval(e cql2.Expr) error {
	a := &evalArg{e: e, columns: cql2.Columns(e), width: b.p.t.Width()}
	if len(a.columns) > 100 {
		return problem.New(problem.TooLarge, "too-large", "limit", "100 columns")
	}
	b.text("huong_eval(")
	b.arg(a)
	for _, c := range a.columns {
		a.kinds = append(a.kinds, b.p.t.Columns[c].Kind)
		b.text(",", b.p.cols[c])
	}
	b.text(")")
	return nil
}

// evaluators are the expressions of the statements under way on a connection.
type evaluators struct{ all []evaluator }

type evaluator struct {
	*evalArg
	row []value.Value
}

// register makes the callback known to the connection.
func (ev *evaluators) register(c *sqlite3.SQLiteConn) error {
	return c.RegisterFunc("huong_eval", ev.call, true)
}

// resolve replaces expressions in args by their numbers.
func (ev *evaluators) resolve(args []driver.Value) ([]driver.Value, error) {
	out := args
	for i, a := range args {
		if e, ok := a.(*evalArg); ok {
			if len(out) > 0 && &out[0] == &args[0] {
				out = append([]driver.Value(nil), args...)
			}
			out[i] = int64(len(ev.all))
			ev.all = append(ev.all, evaluator{e, make([]value.Value, e.width)})
		}
	}
	return out, nil
}

// reset forgets the expressions.
func (ev *evaluators) reset() {
	clear(ev.all)
	ev.all = ev.all[:0]
}

// call evaluates expression id over the columns given.
func (ev *evaluators) call(id int64, cols ...any) any {
	if id < 0 || id >= int64(len(ev.all)) {
		return nil
	}
	e := &ev.all[id]
	for i, x := range cols {
		e.row[e.columns[i]] = scan(e.kinds[i], x)
	}
	switch v := cql2.Eval(e.e, e.row, nil); v.Kind() {
	case value.Bool, value.Int, value.Time:
		return v.Int()
	case value.Float:
		return v.Float()
	case value.Text:
		return v.Text()
	}
	return nil
}
