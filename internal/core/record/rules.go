package record

import (
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

type rule struct {
	name string
	expr cql2.Expr
}

func (s *Schema) addRule(q *dataset.Rule, vs []problem.Violation) []problem.Violation {
	// The rule is bound anew because Parse cannot know the ordinals that the
	// layout keeps from earlier declarations.
	e, err := q.Expr, error(nil)
	if q.Rule != "" {
		e, err = cql2.ParseText(q.Rule)
	}
	if err == nil && e != nil {
		e, err = cql2.Bind(e, s.table)
	}
	if err != nil {
		p := problem.As(err)
		if len(p.Violations) == 0 {
			return append(vs, problem.Violation{Code: p.Code, Field: "quality." + q.Name, Args: p.Args})
		}
		for _, v := range p.Violations {
			v.Field = "quality." + q.Name
			vs = append(vs, v)
		}
		return vs
	}
	if e == nil {
		return vs
	}
	r := rule{q.Name, e}
	if q.Severity == "error" {
		s.errors = append(s.errors, r)
	} else {
		s.warnings = append(s.warnings, r)
	}
	return vs
}

func broken(e cql2.Expr, row, previous []value.Value) bool {
	v := cql2.Eval(e, row, previous)
	return v.Kind() == value.Bool && !v.Bool()
}
