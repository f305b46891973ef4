package grant

import (
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
)

// The rules of citizens' reports.
const (
	// RuleRequest: staff see the reports that their agency handles, and those in
	// their areas, with what was written; never who wrote it.
	RuleRequest = "rule:request"
	// RuleReporter: the agency that takes reports in sees who reported, for a purpose.
	RuleReporter = "rule:reporter"
)

// requests adds what staff see of citizens' reports, to read alone: who takes which
// step is the workflow's to say.
func (d *Decision) requests() {
	f, s := d.f, &d.req.Subject
	if d.req.Action == Write || s.Agency == "" || !onDuty(s) {
		return
	}
	agency, _, _, ok := f.t.Property("agency")
	if !ok {
		return
	}
	switch d.req.Dataset.Name {
	case "service-request", "request-entry":
		rows := f.equal(agency, s.Agency)
		if c, _, _, ok := f.t.Property("agencies"); ok {
			own := &cql2.List{Items: []cql2.Expr{&cql2.Lit{Value: value.OfText(s.Agency)}}}
			list := &cql2.Prop{Name: f.t.Columns[c].Name, Column: c, Kind: f.t.Columns[c].Kind}
			rows = join("or", rows, &cql2.Call{Op: "a_contains", Args: []cql2.Expr{list, own}})
		}
		if areas, some := d.inAreas(); some {
			if areas == nil {
				rows = nil
			} else {
				rows = join("or", rows, areas)
			}
		}
		d.give(branch{id: RuleRequest, clear: f.upTo[dataset.InternalUse.Rank()], rows: rows}, nil)
	case "request-reporter":
		if contains(s.Roles, OperatorRole) || contains(s.Roles, Officer) {
			d.give(branch{id: RuleReporter, clear: f.upTo[dataset.Personal.Rank()], rows: f.equal(agency, s.Agency)}, nil)
		}
	}
}
