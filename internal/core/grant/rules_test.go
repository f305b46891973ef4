package grant_test

import (
	"slices"
	"strings"
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/value"
)

const (
	whole    = "id=r1 ward=ward-1 office=police state=open amount=3 name=Lê_An phone=0905123456 number=046099000001 born=1980-05-17 seen=2026-03-09T08:30:00Z home=P illness=flu _area=ward-1 _x=107.5 _y=16.5"
	internal = "id=r1 ward=ward-1 office=police state=open amount=3 _area=ward-1"
	personal = "id=r1 ward=ward-1 office=police state=open amount=3 name=Lê_An phone=0905123456 number=046099000001 born=1980-05-17 seen=2026-03-09T08:30:00Z home=P _area=ward-1 _x=107.5 _y=16.5"
	nothing  = ""
)

func staff(agency, role string, areas ...string) grant.Subject {
	return grant.Subject{Account: "an", Agency: agency, Roles: []string{role}, Areas: areas}
}

// What each rule shows of one record of the social office, in ward 1.
func TestRules(t *testing.T) {
	d := parse(t, "", "", aid)
	citizen := grant.Subject{Account: "an", Roles: []string{grant.Citizen}, Person: "046099000001", Assurance: 2}
	weak, other, working := citizen, citizen, citizen
	weak.Assurance, other.Person, working.Roles = 1, "046099000002", []string{grant.Officer}
	token := grant.Subject{Account: "key", Roles: []string{grant.Machine}, Token: true, Read: []string{"aid"}}
	for _, c := range []struct {
		who     string
		subject grant.Subject
		purpose string
		shows   string
		by      string
	}{
		{"the public", grant.Subject{}, "", nothing, ""},
		{"a steward of the owner, whole city", staff("social", grant.Steward, "*"), "", internal, grant.RuleOwner},
		{"a steward of the owner, with a purpose", staff("social", grant.Steward, "*"), "care", personal, grant.RuleOwner},
		{"an officer of the owner in ward 1", staff("social", grant.Officer, "ward-2", "ward-1"), "care", personal, grant.RuleOwner},
		{"an officer of the owner in ward 2", staff("social", grant.Officer, "ward-2"), "care", nothing, ""},
		{"an officer of the owner without areas", staff("social", grant.Officer), "care", nothing, ""},
		{"a leader of the owner in ward 1", staff("social", grant.Leader, "ward-1"), "", internal, grant.RuleOwner},
		{"a citizen account of the owner's agency", staff("social", grant.Citizen, "*"), "care", nothing, ""},
		{"an officer of another agency", staff("police", grant.Officer, "*"), "care", nothing, ""},
		{"an administrator", staff("social-it", grant.Administrator, "*"), "care", nothing, ""},
		{"an auditor", staff("", grant.Auditor, "*"), "care", nothing, ""},
		{"the person herself", citizen, "", personal, grant.RuleSelf},
		{"the person herself, weakly signed in", weak, "", nothing, ""},
		{"the person herself, at work elsewhere", working, "care", nothing, ""},
		{"another person", other, "", nothing, ""},
		{"a token for the dataset", token, "", internal, grant.RuleToken},
		{"a token for the dataset, with a purpose", token, "care", whole, grant.RuleToken},
		{"a token for another dataset", grant.Subject{Token: true, Read: []string{"park"}}, "care", nothing, ""},
		{"scopes without a token", grant.Subject{Read: []string{"*"}}, "care", nothing, ""},
		{"who works on the data itself", grant.Subject{Account: "operator", Admin: true}, "", whole, grant.RuleOperator},
	} {
		row := d.row(whole)
		decision := grant.NewPolicy(nil).Decide(grant.Request{Subject: c.subject, Action: grant.Read, Purpose: c.purpose, Dataset: d.Dataset, Table: d.Table})
		shown := decision.Revealer(nil, nil).Reveal(row)
		if got := d.text(row); got != c.shows {
			t.Errorf("%s: sees %q, want %q", c.who, got, c.shows)
		}
		if got := strings.Join(shown.By(), " "); got != c.by {
			t.Errorf("%s: by %q, want %q", c.who, got, c.by)
		}
		if want := strings.Contains(c.shows, "phone"); shown.Personal != want || shown.Personal && !decision.Personal() {
			t.Errorf("%s: personal %t", c.who, shown.Personal)
		}
		if shown.Visible != (c.shows != nothing) {
			t.Errorf("%s: row visible %t", c.who, shown.Visible)
		}
	}
}

// Of a dataset that is open, fields of a higher class are not.
func TestOpenIsForEverybody(t *testing.T) {
	d := parse(t, "", "", parks)
	row := d.row("id=p1 free=12 keeper=Lê_An")
	decision := grant.NewPolicy(nil).Decide(grant.Request{Action: grant.Read, Purpose: "care", Dataset: d.Dataset, Table: d.Table})
	decision.Revealer(nil, nil).Reveal(row)
	if got := d.text(row); got != "id=p1 free=12" {
		t.Errorf("the public sees %q", got)
	}
	if decision.Rows(nil) != nil || decision.MayUse(d.column("keeper")) || !decision.MayUse(d.column("free")) {
		t.Error("the public may filter by what is open, and by nothing else")
	}
}

// Coordinates are as well kept as what they come from; an area is shown, unless
// it is what must be kept.
func TestClassOfThePlace(t *testing.T) {
	const yard = `name: yard
title: {vi: Bãi, en: Yard}
kind: register
classification: open
place: {PLACE}
schema:
  primaryKey: id
  foreignKeys: [{fields: parent, reference: {fields: id}}]
  fields:
    - {name: id, type: string}
    - {name: parent, type: string, classification: internal}
    - {name: ward, type: string, classification: internal}
    - {name: spot, type: geopoint, classification: internal}
    - {name: east, type: number, classification: internal}
    - {name: north, type: number}
`
	for place, want := range map[string]string{
		"field: spot":                      "id=1 north=2 _area=w",
		"from: parent":                     "id=1 north=2 _area=w",
		"longitude: east, latitude: north": "id=1 north=2 _area=w",
		"areaCode: ward":                   "id=1 north=2",
	} {
		d := parse(t, place, "PLACE", yard)
		row := d.row("id=1 parent=0 ward=w spot=P east=1 north=2 _area=w _x=1 _y=2")
		decision := grant.NewPolicy(nil).Decide(grant.Request{Action: grant.Read, Dataset: d.Dataset, Table: d.Table})
		decision.Revealer(nil, nil).Reveal(row)
		if got := d.text(row); got != want {
			t.Errorf("%s: the public sees %q, want %q", place, got, want)
		}
	}
}

// The two offices of an installation see its own datasets and no city data.
func TestOffices(t *testing.T) {
	for _, c := range []struct {
		dataset, role string
		action        grant.Action
		want          bool
	}{
		{"account", grant.Administrator, grant.Read, true},
		{"account", grant.Administrator, grant.Write, true},
		{"token", grant.Administrator, grant.Write, true},
		{"area", grant.Administrator, grant.Write, true},
		{"grant", grant.Administrator, grant.Read, false},
		{"grant", grant.Administrator, grant.Write, false},
		{"access", grant.Administrator, grant.Read, false},
		{"access", grant.Auditor, grant.Read, true},
		{"access", grant.Auditor, grant.Write, false},
		{"grant", grant.Auditor, grant.Read, true},
		{"account", grant.Auditor, grant.Read, true},
		{"account", grant.Auditor, grant.Write, false},
		{"token", grant.Auditor, grant.Read, true}, // a token is a grant by another name
		{"token", grant.Auditor, grant.Write, false},
		{"dataset", grant.Administrator, grant.Write, false}, // by declarations alone
		{"capacity", grant.Administrator, grant.Write, true},
		{"aid", grant.Auditor, grant.Read, false},
		{"aid", grant.Administrator, grant.Write, false},
		{"account", grant.Officer, grant.Read, false},
	} {
		d := parse(t, "name: "+c.dataset, "name: aid", strings.Replace(aid, "owner: social\n", "", 1))
		decision := grant.NewPolicy(nil).Decide(grant.Request{
			Subject: grant.Subject{Roles: []string{c.role}}, Action: c.action, Dataset: d.Dataset, Table: d.Table})
		if decision.Allowed != c.want {
			t.Errorf("%s may %s %s: %t", c.role, c.action, c.dataset, decision.Allowed)
		}
		if c.want && c.action == grant.Read && !slices.Contains(decision.Visible(), d.column("illness")) {
			t.Errorf("%s does not see all of %s", c.role, c.dataset)
		}
	}
	// A quarantined row as it came is city data; a secret is nobody's business.
	d := parse(t, "name: quarantine", "name: aid", strings.NewReplacer("owner: social\n", "", "name: office", "name: raw", "restricted}", "restricted, tags: [secret]}").Replace(aid))
	decision := grant.NewPolicy(nil).Decide(grant.Request{Subject: grant.Subject{Roles: []string{grant.Auditor}}, Action: grant.Read, Dataset: d.Dataset, Table: d.Table})
	if v := decision.Visible(); !slices.Contains(v, d.column("id")) || slices.Contains(v, d.column("raw")) || slices.Contains(v, d.column("illness")) {
		t.Errorf("an auditor sees of the quarantine %v", v)
	}
}

// Who may change what of the social office's records, without any grant.
func TestWriting(t *testing.T) {
	d := parse(t, "", "", aid)
	old := d.row("id=r1 state=open illness=flu _area=ward-1")
	moved := d.row("id=r1 state=open illness=flu _area=ward-2")
	done := d.row("id=r1 state=done illness=flu _area=ward-1")
	cured := d.row("id=r1 state=open illness=none _area=ward-1")
	plain := d.row("id=r2 state=open _area=ward-1")
	token := grant.Subject{Token: true, Write: []string{"*"}, Read: []string{"*"}}
	for _, c := range []struct {
		who           string
		subject       grant.Subject
		before, after []value.Value
		denied        string
	}{
		{"a steward changes a state", staff("social", grant.Steward), old, done, ""},
		{"a steward creates", staff("social", grant.Steward), nil, plain, ""},
		{"a steward deletes", staff("social", grant.Steward), plain, nil, ""},
		{"a steward changes a restricted field", staff("social", grant.Steward), old, cured, "write-fields-denied"},
		{"a steward deletes a record with a restricted value", staff("social", grant.Steward), old, nil, "write-fields-denied"},
		{"an officer changes a state in ward 1", staff("social", grant.Officer, "ward-1"), old, done, ""},
		{"an officer changes a state in ward 2", staff("social", grant.Officer, "ward-2"), old, done, "write-denied"},
		{"an officer moves a record out of the ward", staff("social", grant.Officer, "ward-1"), old, moved, "write-denied"},
		{"an officer moves a record into the ward", staff("social", grant.Officer, "ward-2"), old, moved, "write-denied"},
		{"a leader changes a state", staff("social", grant.Leader, "*"), old, done, "write-denied"},
		{"a steward of another agency", staff("police", grant.Steward, "*"), old, done, "write-denied"},
		{"the person herself", grant.Subject{Roles: []string{grant.Citizen}, Person: "046099000001", Assurance: 3}, old, done, "write-denied"},
		{"a token", token, old, cured, ""},
		{"a token that reads", grant.Subject{Token: true, Read: []string{"*"}}, old, done, "write-denied"},
		{"the public", grant.Subject{}, old, done, "write-denied"},
	} {
		decision := grant.NewPolicy(nil).Decide(grant.Request{Subject: c.subject, Action: grant.Write, Dataset: d.Dataset, Table: d.Table})
		if got := code(decision.MayWrite(c.before, c.after)); got != c.denied {
			t.Errorf("%s: %q, want %q", c.who, got, c.denied)
		}
	}
}
