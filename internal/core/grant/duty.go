package grant

import "huong.city/huong/internal/core/dataset"

// The rules of the operations center: what somebody is to act on, they are shown.
const (
	RuleDuty      = "rule:duty"      // staff: alerts of their agency, and of their areas
	RuleAddressee = "rule:addressee" // who a notification is addressed to
)

// WholeCity is what stands for the area of a whole city in an address.
const WholeCity = "46"

// duty adds what the rules of the operations center give, to read alone:
// services write for those whose duty it is.
func (d *Decision) duty() {
	f, s := d.f, &d.req.Subject
	if d.req.Action == Write || s.Agency == "" && d.req.Dataset.Name == "alert" {
		return
	}
	internal := f.upTo[dataset.InternalUse.Rank()]
	switch d.req.Dataset.Name {
	case "alert":
		agency, _, _, ok := f.t.Property("agency")
		if !ok || !onDuty(s) {
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
		d.give(branch{id: RuleDuty, clear: internal, rows: rows, office: true}, nil)
	case "notification":
		to, _, _, ok := f.t.Property("to")
		if list := Addresses(s); ok && len(list) > 0 {
			d.give(branch{id: RuleAddressee, clear: internal, rows: f.equal(to, list...), office: true}, nil)
		}
	}
}

// onDuty tells that a subject acts in a role that handles what happens.
func onDuty(s *Subject) bool {
	for _, role := range [...]string{OperatorRole, Officer, Leader, Steward, Engineer} {
		if contains(s.Roles, role) {
			return true
		}
	}
	return false
}

// Addresses lists the addressees of notifications that a subject is: its account,
// its agency, its roles there and in its areas. Tokens and the public are none.
func Addresses(s *Subject) []string {
	if s.Token || s.Admin || s.Account == "" {
		return nil
	}
	list := []string{"account:" + s.Account}
	if s.Agency == "" {
		return list
	}
	list = append(list, "agency:"+s.Agency)
	for _, role := range s.Roles {
		list = append(list, "agency:"+s.Agency+"/"+role)
		for _, area := range s.Areas {
			if area == "*" {
				area = WholeCity
			}
			list = append(list, "role:"+role+"@"+area)
		}
	}
	return list
}
