package grant

import "huong.city/huong/internal/core/dataset"

// RuleReport: staff see the reports of their agency, and those about their areas.
const RuleReport = "rule:report"

// reports adds what staff see of the city's reports, to read alone: who takes
// which step is the workflow's to say.
func (d *Decision) reports() {
	f, s := d.f, &d.req.Subject
	if d.req.Dataset.Name != "report" || d.req.Action == Write || s.Agency == "" || !onDuty(s) {
		return
	}
	agency, _, _, ok := f.t.Property("agency")
	if !ok {
		return
	}
	rows := f.equal(agency, s.Agency)
	if areas, some := d.inAreas(); some {
		if areas == nil {
			rows = nil
		} else {
			rows = join("or", rows, areas)
		}
	}
	d.give(branch{id: RuleReport, clear: f.upTo[dataset.InternalUse.Rank()], rows: rows}, nil)
}
