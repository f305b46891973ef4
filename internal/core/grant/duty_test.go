package grant_test

import (
	"strings"
	"testing"

	"huong.city/huong/internal/core/grant"
)

const alerts = `name: alert
title: {vi: Cảnh báo, en: Alert}
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

const notices = `name: notification
title: {vi: Thông báo, en: Notification}
kind: register
classification: internal
schema:
  primaryKey: id
  fields:
    - {name: id, type: string}
    - {name: to, type: string}
`

// An alert is for the agency that it is routed to and for those of its area; a
// notification is for its addressee alone.
func TestDuty(t *testing.T) {
	for _, c := range []struct {
		who     string
		subject grant.Subject
		yaml    string
		row     string
		sees    bool
	}{
		{"an officer of the agency, elsewhere", staff("water", grant.Officer, "ward-2"), alerts, "id=1 agency=water area=ward-1 _area=ward-1", true},
		{"an officer of another agency, in the ward", staff("police", grant.Officer, "ward-1"), alerts, "id=1 agency=water area=ward-1 _area=ward-1", true},
		{"an officer of another agency and ward", staff("police", grant.Officer, "ward-2"), alerts, "id=1 agency=water area=ward-1 _area=ward-1", false},
		{"an officer of another agency without areas", staff("police", grant.Officer), alerts, "id=1 agency=water area=ward-1 _area=ward-1", false},
		{"a leader of the whole city", staff("office", grant.Leader, "*"), alerts, "id=1 agency=water area=ward-1 _area=ward-1", true},
		{"a citizen account of the agency", staff("water", grant.Citizen, "*"), alerts, "id=1 agency=water area=ward-1 _area=ward-1", false},
		{"an auditor", staff("water", grant.Auditor, "*"), alerts, "id=1 agency=water area=ward-1 _area=ward-1", false},
		{"a role without agency", grant.Subject{Account: "an", Roles: []string{grant.Officer}, Areas: []string{"*"}}, alerts, "id=1 area=ward-1 _area=ward-1", false},
		{"the public", grant.Subject{}, alerts, "id=1 agency=water area=ward-1 _area=ward-1", false},

		{"the account", staff("water", grant.Officer), notices, "id=1 to=account:an", true},
		{"another account", staff("water", grant.Officer), notices, "id=1 to=account:binh", false},
		{"the agency", staff("water", grant.Officer), notices, "id=1 to=agency:water", true},
		{"another agency", staff("police", grant.Officer), notices, "id=1 to=agency:water", false},
		{"the agency's leaders", staff("water", grant.Leader), notices, "id=1 to=agency:water/leader", true},
		{"no leader of the agency", staff("water", grant.Officer), notices, "id=1 to=agency:water/leader", false},
		{"officers of the ward", staff("police", grant.Officer, "ward-1"), notices, "id=1 to=role:officer@ward-1", true},
		{"officers of another ward", staff("police", grant.Officer, "ward-2"), notices, "id=1 to=role:officer@ward-1", false},
		{"leaders of the city", staff("office", grant.Leader, "*"), notices, "id=1 to=role:leader@46", true},
		{"a leader of the city is no leader of each ward", staff("office", grant.Leader, "*"), notices, "id=1 to=role:leader@ward-1", false},
		{"a citizen", grant.Subject{Account: "an", Roles: []string{grant.Citizen}}, notices, "id=1 to=account:an", true},
		{"a token of that name", grant.Subject{Account: "an", Token: true, Read: []string{"park"}}, notices, "id=1 to=account:an", false},
		{"the public", grant.Subject{}, notices, "id=1 to=account:an", false},
	} {
		d := parse(t, "", "", c.yaml)
		row := d.row(c.row)
		decision := grant.NewPolicy(nil).Decide(grant.Request{Subject: c.subject, Action: grant.Read, Dataset: d.Dataset, Table: d.Table})
		shown := decision.Revealer(nil, nil).Reveal(row)
		if shown.Visible != c.sees {
			t.Errorf("%s: sees the record %t, want %t (%s)", c.who, shown.Visible, c.sees, strings.Join(shown.By(), " "))
		}
		if grant.NewPolicy(nil).Decide(grant.Request{Subject: c.subject, Action: grant.Write, Dataset: d.Dataset, Table: d.Table}).Allowed {
			t.Errorf("%s: may write", c.who)
		}
	}
}
