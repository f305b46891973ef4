package grant_test

import (
	"testing"

	"huong.city/huong/internal/core/grant"
)

const reportCases = `name: report
title: {vi: Báo cáo, en: Report}
kind: register
classification: internal
schema:
  primaryKey: id
  fields:
    - {name: id, type: string}
    - {name: agency, type: string}
    - {name: area, type: string}
place: {areaCode: area}
`

// A report is for the agency that issues it and for those of its area.
func TestReports(t *testing.T) {
	for _, c := range []struct {
		who     string
		subject grant.Subject
		sees    bool
	}{
		{"the issuing agency", staff("ubnd-1", grant.Officer), true},
		{"the city", staff("office", grant.Leader, "*"), true},
		{"another agency in the ward", staff("health", grant.Officer, "ward-1"), true},
		{"another agency", staff("health", grant.Officer), false},
		{"another ward", staff("ubnd-2", grant.Leader, "ward-2"), false},
		{"a citizen account", staff("ubnd-1", grant.Citizen, "*"), false},
		{"a role without agency", grant.Subject{Account: "an", Roles: []string{grant.Leader}, Areas: []string{"*"}}, false},
		{"the public", grant.Subject{}, false},
	} {
		d := parse(t, "", "", reportCases)
		row := d.row("id=1 agency=ubnd-1 area=ward-1 _area=ward-1")
		ask := grant.Request{Subject: c.subject, Action: grant.Read, Dataset: d.Dataset, Table: d.Table}
		decision := grant.NewPolicy(nil).Decide(ask)
		if shown := decision.Revealer(nil, nil).Reveal(row); shown.Visible != c.sees {
			t.Errorf("%s: sees the report %t, want %t", c.who, shown.Visible, c.sees)
		}
		ask.Action = grant.Write
		if grant.NewPolicy(nil).Decide(ask).Allowed {
			t.Errorf("%s: may write", c.who)
		}
	}
}
