package sharing

import (
	"context"
	"maps"
	"slices"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// Access says what somebody may see of a dataset, what they lack, and what
// naming a purpose would show.
type Access struct {
	Entry    *repo.Entry
	Allowed  bool
	Visible  []string // columns
	Explain  grant.Explanation
	Purposes []Purposeful // those that would show more
	MayAsk   bool         // p may ask the owner for more
}

// Purposeful is what one purpose would show beside what is visible.
type Purposeful struct {
	repo.Purpose
	Fields []string
}

// Access explains what p may do with a dataset. Staff of any agency learn that a
// city's dataset exists and which fields it has, or they could not ask for it;
// anybody else only of those that they see something of.
func (d *Desk) Access(ctx context.Context, p repo.Principal, name string, action grant.Action) (Access, error) {
	if !Staff(p) {
		if _, err := d.repo.Entry(p, name); err != nil {
			return Access{}, err
		}
	}
	e, decision, err := d.repo.Decide(ctx, p, name, action)
	if err != nil {
		return Access{}, err
	}
	if e.System {
		if _, err := d.repo.Entry(p, name); err != nil {
			return Access{}, err
		}
	}
	a := Access{Entry: e, Allowed: decision.Allowed, Explain: decision.Explain(), MayAsk: Staff(p) && !e.System}
	seen := decision.Visible()
	for _, i := range seen {
		a.Visible = append(a.Visible, e.Table.Columns[i].Name)
	}
	known := d.repo.Purposes()
	for _, code := range slices.Sorted(maps.Keys(known)) {
		u := known[code]
		if u.Ended || code == p.Purpose || p.Name == "" {
			continue
		}
		would := p
		would.Purpose, would.Case = code, "0"
		_, decision, err := d.repo.Decide(ctx, would, name, action)
		if err != nil && problem.KindOf(err) == problem.Invalid {
			continue // it was ended meanwhile
		}
		if err != nil {
			return Access{}, err
		}
		more := Purposeful{Purpose: u}
		for _, i := range decision.Visible() {
			if !slices.Contains(seen, i) {
				more.Fields = append(more.Fields, e.Table.Columns[i].Name)
			}
		}
		if len(more.Fields) > 0 {
			a.Purposes = append(a.Purposes, more)
		}
	}
	return a, nil
}
