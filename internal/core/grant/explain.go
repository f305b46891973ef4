package grant

import (
	"strings"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Explanation says for people what a decision rests on and what would give more.
type Explanation struct {
	Gives []Given
	Lacks []problem.Violation // one reason each, with what to do about it
}

// Given is what one rule or grant gives.
type Given struct {
	ID          string // "rule:…" or the id of a grant
	Clear       []string
	Masked      []Mask // Field and How
	Rows        string // CQL2 text; empty = all rows. A rule about oneself does not tell the number: "personNumber = …"
	Purposes    []string
	Basis       string
	Until       int64 // 0 = no end
	MinimumCell int   // of an aggregate grant
}

// Explain lists what each rule and grant gives, and why there is not more. It
// computes anew and is meant for pages, not for every request.
func (d *Decision) Explain() Explanation {
	var x Explanation
	for i := range d.branches {
		b := &d.branches[i]
		g := Given{ID: b.id, Clear: d.names(b.clear), MinimumCell: b.minimum()}
		for _, c := range b.masked.list() {
			g.Masked = append(g.Masked, Mask{Field: d.f.t.Columns[c].Name, How: b.how[c]})
		}
		switch {
		case b.id == RuleSelf:
			g.Rows = d.req.Dataset.Person + " = …"
		case b.rows != nil:
			g.Rows = cql2.Text(b.rows)
		}
		if b.grant != nil {
			g.Purposes, g.Basis, g.Until = b.grant.Purposes, b.grant.Basis, b.grant.Until
		}
		x.Gives = append(x.Gives, g)
	}
	x.Lacks = d.lacks()
	return x
}

func (d *Decision) names(s columns) []string {
	var names []string
	for _, c := range s.list() {
		names = append(names, d.f.t.Columns[c].Name)
	}
	return names
}

func (d *Decision) lacks() []problem.Violation {
	var lacks []problem.Violation
	lack := func(code, field string, kv ...any) { lacks = append(lacks, problem.Violate(code, field, kv...)) }
	ds, s := d.req.Dataset, &d.req.Subject
	owner := ds.Owner
	if owner == "" {
		owner = ds.Name
	}
	if len(d.withheld.list()) > 0 {
		lack("lack-purpose", "", "fields", strings.Join(d.names(d.withheld), ", "))
	}
	if _, ok := d.owned(); !ok && len(s.Areas) == 0 && d.ownedInCity() {
		lack("lack-areas", "")
	}
	if d.f.person >= 0 && s.Person != "" && s.Assurance < selfAssurance && contains(s.Roles, Citizen) && d.req.Action != Write {
		lack("lack-assurance", "", "level", selfAssurance)
	}
	for _, c := range d.policy.held(ds.Name, s) {
		if c.Action.serves(d.req.Action) {
			d.lackOf(c, lack)
		}
	}
	rest := d.f.all().clone()
	rest.removeAll(d.visible)
	rest.removeAll(d.withheld)
	switch {
	case !d.Allowed && d.withheld.empty():
		lack("lack-everything", "", "dataset", ds.Name, "owner", owner, "action", d.req.Action)
	case !rest.empty():
		lack("lack-fields", "", "fields", strings.Join(d.names(rest), ", "), "owner", owner)
	}
	return lacks
}

// ownedInCity tells whether the rule of the owner would hold in the whole city.
func (d *Decision) ownedInCity() bool {
	o := *d
	o.req.Subject.Areas = []string{"*"}
	_, ok := o.owned()
	return ok
}

// lackOf says why a grant of the subject does not give what it could.
func (d *Decision) lackOf(c *compiled, lack func(code, field string, kv ...any)) {
	s := c.on(d.f)
	switch {
	case s.broken:
		lack("lack-unfit", "", "grant", c.ID)
	case d.req.At < c.From:
		lack("lack-begins", "", "grant", c.ID, "at", day(c.From))
	case c.Until != 0 && d.req.At >= c.Until:
		lack("lack-ended", "", "grant", c.ID, "at", day(c.Until))
	case !c.forPurpose(d.req.Purpose):
		lack("lack-purpose-of", "", "grant", c.ID, "purposes", strings.Join(c.Purposes, ", "))
	case c.OwnAreas && len(d.req.Subject.Areas) == 0:
		lack("lack-areas-of", "", "grant", c.ID)
	case c.OwnAgency != "" && d.req.Subject.Agency == "":
		lack("lack-agency-of", "", "grant", c.ID)
	}
}

func day(micros int64) string { return value.OfTime(micros).Instant().Format("2006-01-02") }
