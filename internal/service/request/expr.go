package request

import (
	"slices"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/value"
)

func prop(name string) cql2.Expr { return &cql2.Prop{Name: name, Column: -1} }

func compare(op, field string, v value.Value) cql2.Expr {
	return &cql2.Call{Op: op, Args: []cql2.Expr{prop(field), &cql2.Lit{Value: v}}}
}

func oneOf(field string, texts []string) cql2.Expr {
	list := &cql2.List{}
	for _, t := range slices.Compact(slices.Clone(texts)) {
		list.Items = append(list.Items, &cql2.Lit{Value: value.OfText(t)})
	}
	if len(list.Items) == 1 {
		return &cql2.Call{Op: "=", Args: []cql2.Expr{prop(field), list.Items[0]}}
	}
	return &cql2.Call{Op: "in", Args: []cql2.Expr{prop(field), list}}
}
