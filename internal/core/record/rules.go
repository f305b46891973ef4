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
	switch {
	case cql2.UsesPrevious(e):
		s.sequence = append(s.sequence, r)
	case q.Severity == "error":
		s.errors = append(s.errors, r)
	default:
		s.warnings = append(s.warnings, r)
	}
	return vs
}

// Sequence appends the indexes, in SequenceRules, of the rules that a row breaks
// beside previous, the record of the same subject before it. A record that is
// the first of its subject breaks none: ask only about one that has a previous.
func (s *Schema) Sequence(row, previous []value.Value, broke []int) []int {
	for i := range s.sequence {
		if broken(s.sequence[i].expr, row, previous) {
			broke = append(broke, i)
		}
	}
	return broke
}

// SequenceRules names the rules that compare a record with the one before it of
// the same subject, as declared. No single row can be checked by them, so Check
// and Warnings pass them over.
func (s *Schema) SequenceRules() []string {
	names := make([]string, len(s.sequence))
	for i := range s.sequence {
		names[i] = s.sequence[i].name
	}
	return names
}

// SequenceColumns lists the ordinals that a rule of SequenceRules reads.
func (s *Schema) SequenceColumns(rule int) []int { return cql2.Columns(s.sequence[rule].expr) }

func broken(e cql2.Expr, row, previous []value.Value) bool {
	v := cql2.Eval(e, row, previous)
	return v.Kind() == value.Bool && !v.Bool()
}
