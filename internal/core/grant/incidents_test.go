package grant_test

import (
	"testing"

	"huong.city/huong/internal/core/grant"
)

const incidentCases = `name: incident
title: {vi: Sự cố, en: Incident}
kind: register
classification: internal
schema:
  primaryKey: id
  fields:
    - {name: id, type: string}
    - {name: agency, type: string}
    - {name: agencies, type: list}
    - {name: area, type: string}
    - {name: caller, type: string, classification: personal}
place: {areaCode: area}
`

const shifts = `name: shift-entry
title: {vi: Ca trực, en: Shift}
kind: register
classification: internal
schema:
  primaryKey: id
  fields:
    - {name: id, type: string}
    - {name: agency, type: string}
`

// An incident is for those who handle it and those of its area; who called is
// told for a purpose.
func TestIncidents(t *testing.T) {
	const one = `id=1 agency=water agencies=["police","power"] area=ward-1 caller=An _area=ward-1`
	for _, c := range []struct {
		who     string
		subject grant.Subject
		purpose string
		yaml    string
		row     string
		sees    bool
		caller  bool
	}{
		{"the leading agency", staff("water", grant.Officer), "", incidentCases, one, true, false},
		{"the leading agency, for a purpose", staff("water", grant.Officer), "care", incidentCases, one, true, true},
		{"an agency that takes part", staff("power", grant.Officer), "", incidentCases, one, true, false},
		{"an agency whose name is part of another's", staff("pol", grant.Officer), "", incidentCases, one, false, false},
		{"another agency", staff("health", grant.Officer), "", incidentCases, one, false, false},
		{"another agency, in the ward", staff("health", grant.Leader, "ward-1"), "", incidentCases, one, true, false},
		{"another agency, in the ward, for a purpose", staff("health", grant.Leader, "ward-1"), "care", incidentCases, one, true, false},
		{"a steward of the whole city, for a purpose", staff("health", grant.Steward, "*"), "care", incidentCases, one, true, false},
		{"an operator of the ward, for a purpose", staff("ioc", grant.OperatorRole, "ward-1"), "care", incidentCases, one, true, true},
		{"another agency, in another ward", staff("health", grant.Leader, "ward-2"), "care", incidentCases, one, false, false},
		{"an operator of the whole city", staff("ioc", grant.OperatorRole, "*"), "", incidentCases, one, true, false},
		{"nobody else takes part", staff("power", grant.Officer), "", incidentCases, "id=1 agency=water area=ward-1 _area=ward-1", false, false},
		{"an auditor", staff("water", grant.Auditor, "*"), "care", incidentCases, one, false, false},
		{"a citizen account", staff("water", grant.Citizen, "*"), "care", incidentCases, one, false, false},
		{"a role without agency", grant.Subject{Account: "an", Roles: []string{grant.Leader}, Areas: []string{"*"}}, "", incidentCases, one, false, false},
		{"the public", grant.Subject{}, "care", incidentCases, one, false, false},
		{"the agency's shift", staff("ioc", grant.OperatorRole), "", shifts, "id=1 agency=ioc", true, false},
		{"another agency's shift", staff("water", grant.OperatorRole, "*"), "", shifts, "id=1 agency=ioc", false, false},
	} {
		d := parse(t, "", "", c.yaml)
		row := d.row(c.row)
		ask := grant.Request{Subject: c.subject, Action: grant.Read, Purpose: c.purpose, Dataset: d.Dataset, Table: d.Table}
		decision := grant.NewPolicy(nil).Decide(ask)
		shown := decision.Revealer(nil, nil).Reveal(row)
		if shown.Visible != c.sees {
			t.Errorf("%s: sees the record %t, want %t", c.who, shown.Visible, c.sees)
		}
		if shown.Personal != c.caller {
			t.Errorf("%s: sees who called %t, want %t", c.who, shown.Personal, c.caller)
		}
		ask.Action = grant.Write
		if grant.NewPolicy(nil).Decide(ask).Allowed {
			t.Errorf("%s: may write", c.who)
		}
	}
}
