package grant

import (
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
)

const (
	RuleIncident = "rule:incident" // staff: incidents that their agency handles, and those in their areas
	RuleShift    = "rule:shift"    // staff: the shift log of their agency
)

// incidents adds what staff see of incidents, to read alone: who takes which
// step is the workflow's to say. Who called is shown for a purpose only, to the
// agencies that handle the incident and to the operators of the area.
func (d *Decision) incidents() {
	f, s := d.f, &d.req.Subject
	if d.req.Action == Write || s.Agency == "" || !onDuty(s) {
		return
	}
	agency, _, _, ok := f.t.Property("agency")
	if !ok {
		return
	}
	switch d.req.Dataset.Name {
	case "incident", "incident-entry":
		rows := f.equal(agency, s.Agency)
		if c, _, _, ok := f.t.Property("agencies"); ok {
			own := &cql2.List{Items: []cql2.Expr{&cql2.Lit{Value: value.OfText(s.Agency)}}}
			list := &cql2.Prop{Name: f.t.Columns[c].Name, Column: c, Kind: f.t.Columns[c].Kind}
			rows = join("or", rows, &cql2.Call{Op: "a_contains", Args: []cql2.Expr{list, own}})
		}
		d.give(branch{id: RuleIncident, clear: f.upTo[dataset.Personal.Rank()], rows: rows}, nil)
		if areas, some := d.inAreas(); some {
			class := dataset.InternalUse
			if contains(s.Roles, OperatorRole) {
				class = dataset.Personal // the desk that takes the calls of its area
			}
			d.give(branch{id: RuleIncident, clear: f.upTo[class.Rank()], rows: areas}, nil)
		}
	case "shift-entry":
		d.give(branch{id: RuleShift, clear: f.upTo[dataset.InternalUse.Rank()], rows: f.equal(agency, s.Agency), office: true}, nil)
	}
}
