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
	r := rule{q.Name, q.Expr}
	if q.Severity == "error" {
		s.errors = append(s.errors, r)
	} else {
		s.warnings = append(s.warnings, r)
	}
	return vs
}

func broken(e cql2.Expr, row, previous []value.Value) bool { return false }
