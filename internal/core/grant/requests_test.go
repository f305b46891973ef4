package grant_test

import (
	"testing"

	"huong.city/huong/internal/core/grant"
)

const citizenReports = `name: service-request
title: {vi: Phản ánh, en: Service request}
kind: register
classification: open
owner: ioc
schema:
  primaryKey: code
  fields:
    - {name: code, type: string}
    - {name: agency, type: string}
    - {name: agencies, type: list}
    - {name: area, type: string}
    - {name: description, type: string, classification: internal}
place: {areaCode: area}
`

const reporters = `name: request-reporter
title: {vi: Người phản ánh, en: Reporter}
kind: register
classification: personal
schema:
  primaryKey: code
  fields:
    - {name: code, type: string}
    - {name: agency, type: string}
    - {name: name, type: string, tags: [person-name]}
`

// What was written is for those who handle it and those of its area; who wrote it
// is for the agency that takes reports in, and for a purpose.
func TestRequests(t *testing.T) {
	const one = `code=1 agency=water agencies=["police"] area=ward-1 description=x _area=ward-1`
	const who = `code=1 agency=ioc name=An`
	for _, c := range []struct {
		who      string
		subject  grant.Subject
		purpose  string
		yaml     string
		row      string
		column   string
		sees     bool
		personal bool
	}{
		{"the handling agency", staff("water", grant.Officer), "", citizenReports, one, "description", true, false},
		{"an agency that takes part", staff("police", grant.Officer), "", citizenReports, one, "description", true, false},
		{"another agency", staff("health", grant.Officer), "", citizenReports, one, "description", false, false},
		{"another agency, in the ward", staff("health", grant.Officer, "ward-1"), "", citizenReports, one, "description", true, false},
		{"another agency, in another ward", staff("health", grant.Officer, "ward-2"), "", citizenReports, one, "description", false, false},
		{"a leader of the whole city", staff("health", grant.Leader, "*"), "", citizenReports, one, "description", true, false},
		{"an auditor", staff("water", grant.Auditor, "*"), "", citizenReports, one, "description", false, false},
		{"a citizen account", staff("water", grant.Citizen, "*"), "", citizenReports, one, "description", false, false},
		{"the public", grant.Subject{}, "", citizenReports, one, "description", false, false},
		{"the desk, without a purpose", staff("ioc", grant.OperatorRole, "*"), "", reporters, who, "name", false, false},
		{"the desk, for a purpose", staff("ioc", grant.OperatorRole, "*"), "care", reporters, who, "name", true, true},
		{"a leader of the desk", staff("ioc", grant.Leader, "*"), "care", reporters, who, "name", false, false},
		{"the handling agency, for a purpose", staff("water", grant.Officer, "*"), "care", reporters, who, "name", false, false},
		{"an operator of the whole city, for a purpose", staff("water", grant.OperatorRole, "*"), "care", reporters, who, "name", false, false},
		{"the public, for a purpose", grant.Subject{}, "care", reporters, who, "name", false, false},
	} {
		d := parse(t, "", "", c.yaml)
		row := d.row(c.row)
		ask := grant.Request{Subject: c.subject, Action: grant.Read, Purpose: c.purpose, Dataset: d.Dataset, Table: d.Table}
		decision := grant.NewPolicy(nil).Decide(ask)
		shown := decision.Revealer(nil, nil).Reveal(row)
		i, _, _, _ := d.Table.Property(c.column)
		if got := shown.Visible && !row[i].IsNull(); got != c.sees {
			t.Errorf("%s: sees %s %t, want %t", c.who, c.column, got, c.sees)
		}
		if shown.Personal != c.personal {
			t.Errorf("%s: sees who reported %t, want %t", c.who, shown.Personal, c.personal)
		}
		ask.Action = grant.Write
		if c.subject.Agency != "ioc" && grant.NewPolicy(nil).Decide(ask).Allowed {
			t.Errorf("%s: may write", c.who)
		}
	}
}
