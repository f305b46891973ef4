package dataset

import (
	"unicode/utf8"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
)

// condition parses an expression and, with a schema, binds it. Faults are
// reported where they stand in the file: at the character, if the expression is
// written on one line without escapes, else at its beginning.
func (t *tree) condition(s string, path []any, schema cql2.Schema) cql2.Expr {
	e, err := cql2.ParseText(s)
	if err == nil && schema != nil {
		e, err = cql2.Bind(e, schema)
	}
	if err == nil && path[0] != "quality" && cql2.UsesPrevious(e) {
		t.faultAt(path, "declaration-previous-place")
	}
	if err == nil {
		return e
	}
	n := t.at(path...)
	p := problem.As(err)
	vs := p.Violations
	if len(vs) == 0 {
		vs = []problem.Violation{{Code: p.Code, Args: p.Args}}
	}
	for _, v := range vs {
		line, col := n.Line, n.Col
		if o := int(v.Position.Offset); n.Plain && o <= len(n.Text) {
			col += n.Skip + utf8.RuneCountInString(n.Text[:o])
		}
		t.Add(problem.Violation{Code: v.Code, Field: pathText(path), Args: v.Args}, line, col)
	}
	return nil
}
