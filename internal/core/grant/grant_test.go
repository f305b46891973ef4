package grant_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
)

func code(err error) string {
	if err == nil {
		return ""
	}
	return problem.As(err).Code
}

// given makes a grant to the police from a few of its fields.
func given(g grant.Grant) *grant.Grant {
	if g.ID == "" {
		g.ID = "g1"
	}
	if g.Agency+g.Role+g.Account == "" {
		g.Agency = "police"
	}
	if g.Action == "" {
		g.Action = grant.Read
	}
	g.Dataset, g.State, g.Basis = "aid", grant.InForceState, "Luật 91/2025/QH15, điều 19"
	return &g
}

// What a grant shows a police officer in ward 1, who names the purpose "care", of
// one record of the social office in ward 1.
func TestGrants(t *testing.T) {
	d := parse(t, "", "", aid)
	masked := func(m ...grant.Mask) grant.Grant {
		return grant.Grant{Fields: []string{"id", "phone", "born", "seen", "home"}, Masks: m}
	}
	for _, c := range []struct {
		what  string
		grant grant.Grant
		shows string
	}{
		{"no fields named", grant.Grant{}, internal},
		{"two fields", grant.Grant{Fields: []string{"id", "phone"}}, "id=r1 phone=0905123456"},
		{"a restricted field", grant.Grant{Fields: []string{"illness"}}, "illness=flu"},
		{"a tag", grant.Grant{Tags: []string{"who"}}, "name=Lê_An number=046099000001"},
		{"a tag and a field", grant.Grant{Tags: []string{"contact"}, Fields: []string{"id"}}, "id=r1 phone=0905123456"},
		{"the place", grant.Grant{Fields: []string{"home"}}, "home=P _area=ward-1 _x=107.5 _y=16.5"},
		{"the area alone", grant.Grant{Fields: []string{"_area"}}, "_area=ward-1"},
		{"rows that match", grant.Grant{Fields: []string{"id"}, Rows: "state = 'open' AND amount > 2"}, "id=r1"},
		{"rows that do not", grant.Grant{Fields: []string{"id"}, Rows: "state = 'done'"}, nothing},
		{"rows by a hidden field", grant.Grant{Fields: []string{"id"}, Rows: "illness = 'flu'"}, "id=r1"},
		{"rows that cannot be read", grant.Grant{Fields: []string{"id"}, Rows: "state ="}, nothing},
		{"rows by a field that is gone", grant.Grant{Fields: []string{"id"}, Rows: "colour IS NULL"}, nothing},
		{"own areas", grant.Grant{Fields: []string{"id"}, OwnAreas: true}, "id=r1"},
		{"own agency", grant.Grant{Fields: []string{"id"}, OwnAgency: "office"}, "id=r1"},
		{"own agency in another field", grant.Grant{Fields: []string{"id"}, OwnAgency: "state"}, nothing},
		{"own areas and rows that do not match", grant.Grant{Fields: []string{"id"}, OwnAreas: true, Rows: "amount > 3"}, nothing},
		{"to an account", grant.Grant{Account: "an", Fields: []string{"id"}}, "id=r1"},
		{"to another account", grant.Grant{Account: "binh", Fields: []string{"id"}}, nothing},
		{"to a role", grant.Grant{Role: grant.Officer, Fields: []string{"id"}}, "id=r1"},
		{"to a role of another agency", grant.Grant{Role: grant.Officer, Agency: "health", Fields: []string{"id"}}, nothing},
		{"to another role of the agency", grant.Grant{Role: grant.Leader, Agency: "police", Fields: []string{"id"}}, nothing},
		{"for the purpose", grant.Grant{Fields: []string{"id"}, Purposes: []string{"plan", "care"}}, "id=r1"},
		{"for another purpose", grant.Grant{Fields: []string{"id"}, Purposes: []string{"plan"}}, nothing},
		{"from this moment", grant.Grant{Fields: []string{"id"}, From: 1000}, "id=r1"},
		{"from the next moment", grant.Grant{Fields: []string{"id"}, From: 1001}, nothing},
		{"until the next moment", grant.Grant{Fields: []string{"id"}, Until: 1001}, "id=r1"},
		{"until this moment", grant.Grant{Fields: []string{"id"}, Until: 1000}, nothing},
		{"to write", grant.Grant{Action: grant.Write, Fields: []string{"id"}}, nothing},
		{"to aggregate", grant.Grant{Action: grant.Aggregate, MinimumCell: 5, Fields: []string{"id"}}, nothing},
		{"the last digits", masked(grant.Mask{Field: "phone", How: grant.LastDigits}, grant.Mask{Field: "home", How: grant.AreaOnly}),
			"id=r1 phone=••••••3456 born=1980-05-17 seen=2026-03-09T08:30:00Z _area=ward-1"},
		{"the year", masked(grant.Mask{Field: "born", How: grant.YearOnly}, grant.Mask{Field: "seen", How: grant.YearOnly}),
			"id=r1 phone=0905123456 born=1980-01-01 seen=2026-01-01T00:00:00Z home=P _area=ward-1 _x=107.5 _y=16.5"},
		{"a mask by tag", grant.Grant{Fields: []string{"phone"}, Masks: []grant.Mask{{Tag: "contact", How: grant.LastDigits}}}, "phone=••••••3456"},
		{"a mask that does not fit", grant.Grant{Fields: []string{"id", "amount"}, Masks: []grant.Mask{{Field: "amount", How: grant.LastDigits}}}, "id=r1"},
		{"two masks that differ", grant.Grant{Fields: []string{"id", "phone"}, Masks: []grant.Mask{{Field: "phone", How: grant.LastDigits}, {Field: "phone", How: grant.Pseudonym}}}, "id=r1"},
		{"an unknown mask", grant.Grant{Fields: []string{"id", "phone"}, Masks: []grant.Mask{{Field: "phone", How: "blur"}}}, "id=r1"},
	} {
		row := d.row(whole)
		decision := grant.NewPolicy([]*grant.Grant{given(c.grant)}).Decide(grant.Request{
			Subject: staff("police", grant.Officer, "ward-1"), Action: grant.Read, Purpose: "care", Dataset: d.Dataset, Table: d.Table, At: 1000})
		decision.Revealer([]byte("key"), nil).Reveal(row)
		if got := d.text(row); got != c.shows {
			t.Errorf("%s: shows %q, want %q", c.what, got, c.shows)
		}
		if (c.shows != nothing) != cql2.Matches(decision.Rows(nil), d.row(whole)) {
			t.Errorf("%s: rows %s", c.what, cql2.Text(decision.Rows(nil)))
		}
	}
}

// A grant in any state but in-force gives nothing, and nobody is no grantee.
func TestWhatIsNotInForce(t *testing.T) {
	d := parse(t, "", "", aid)
	for _, state := range []grant.State{grant.Requested, grant.Question, grant.Refused, grant.Ended, grant.Revoked, ""} {
		g := given(grant.Grant{})
		g.State = state
		if decide(d, g).Allowed {
			t.Errorf("a grant in state %q gives something", state)
		}
	}
	g := given(grant.Grant{})
	g.Agency = ""
	if decide(d, g).Allowed {
		t.Error("a grant to nobody gives something")
	}
}

func decide(d declared, grants ...*grant.Grant) grant.Decision {
	return grant.NewPolicy(grants).Decide(grant.Request{
		Subject: staff("police", grant.Officer, "ward-1"), Action: grant.Read, Purpose: "care", Dataset: d.Dataset, Table: d.Table, At: 1000})
}

// A cell is visible when any grant that covers it matches the row; a filter
// keeps to the rows in which what it uses is clear.
func TestUnion(t *testing.T) {
	d := parse(t, "", "", aid)
	decision := decide(d,
		given(grant.Grant{ID: "a", Fields: []string{"id", "state"}, Rows: "ward = 'w1'"}),
		given(grant.Grant{ID: "b", Fields: []string{"id", "phone"}, Rows: "amount > 5", Masks: []grant.Mask{{Field: "phone", How: grant.LastDigits}}}),
		given(grant.Grant{ID: "c", Fields: []string{"phone"}, Rows: "ward = 'w2'"}))
	for _, c := range []struct {
		rows  string
		using []string
		text  string
	}{
		{"no field", nil, "ward = 'w1' OR amount > 5 OR ward = 'w2'"},
		{"state", []string{"state"}, "ward = 'w1'"},
		{"id", []string{"id"}, "ward = 'w1' OR amount > 5"},
		{"id and state", []string{"id", "state", "id"}, "(ward = 'w1' OR amount > 5) AND ward = 'w1'"},
		{"phone, which b only masks", []string{"phone"}, "ward = 'w2'"},
		{"state and phone", []string{"state", "phone"}, "ward = 'w1' AND ward = 'w2'"},
		{"a hidden field", []string{"id", "name"}, "FALSE"},
	} {
		var used []int
		for _, name := range c.using {
			used = append(used, d.column(name))
		}
		if got := cql2.Text(decision.Rows(used)); got != c.text {
			t.Errorf("using %s: %s, want %s", c.rows, got, c.text)
		}
	}
	row := d.row("id=r1 ward=w2 state=open amount=9 phone=0905123456")
	shown := decision.Revealer(nil, nil).Reveal(row)
	if got := d.text(row); got != "id=r1 phone=0905123456" || !slices.Equal(shown.By(), []string{"b", "c"}) || !slices.Equal(shown.PersonalBy(), []string{"c"}) {
		t.Errorf("%s by %v, personal by %v", got, shown.By(), shown.PersonalBy())
	}
	row = d.row("id=r1 ward=w2 state=open amount=9 phone=0905123456")
	shown = decision.Revealer(nil, []int{d.column("id")}).Reveal(row)
	if got := d.text(row); got != "id=r1" || shown.Personal {
		t.Errorf("asked for the id alone: %q, personal %t", got, shown.Personal)
	}
	if got := decision.Columns([]int{d.column("id"), d.column("name")}); !slices.Equal(got, []int{d.column("id"), d.column("ward"), d.column("amount")}) {
		t.Errorf("columns to read for the id: %v", got)
	}
}

func TestPurposeIsAskedFor(t *testing.T) {
	d := parse(t, "", "", aid)
	policy := grant.NewPolicy([]*grant.Grant{
		given(grant.Grant{ID: "a", Fields: []string{"id", "phone"}}),
		given(grant.Grant{ID: "b", Fields: []string{"ward"}, Purposes: []string{"plan"}})})
	for purpose, want := range map[string][3]string{
		"":     {"id", "ward phone"},
		"care": {"id phone", "ward"},
		"plan": {"id ward phone", ""},
	} {
		decision := policy.Decide(grant.Request{Subject: staff("police", grant.Officer), Action: grant.Read, Purpose: purpose, Dataset: d.Dataset, Table: d.Table})
		names := func(columns []int) string {
			var names []string
			for _, c := range columns {
				names = append(names, d.Columns[c].Name)
			}
			return strings.Join(names, " ")
		}
		if names(decision.Visible()) != want[0] || names(decision.NeedsPurpose()) != want[1] {
			t.Errorf("purpose %q: sees %s, needs a purpose for %s", purpose, names(decision.Visible()), names(decision.NeedsPurpose()))
		}
	}
}

func TestMinimumCell(t *testing.T) {
	d := parse(t, "", "", aid)
	policy := grant.NewPolicy([]*grant.Grant{
		given(grant.Grant{ID: "a", Action: grant.Aggregate, MinimumCell: 10, Fields: []string{"ward", "born"}}),
		given(grant.Grant{ID: "b", Action: grant.Aggregate, MinimumCell: 1, Fields: []string{"amount"}, Rows: "state = 'done'"}),
		given(grant.Grant{ID: "c", Fields: []string{"ward", "state", "phone"}, Masks: []grant.Mask{{Field: "phone", How: grant.LastDigits}}}),
		given(grant.Grant{ID: "d", Fields: []string{"born"}, Rows: "ward = 'w1'"})})
	decision := policy.Decide(grant.Request{Subject: staff("police", grant.Officer), Action: grant.Aggregate, Purpose: "plan", Dataset: d.Dataset, Table: d.Table})
	for _, c := range []struct {
		used  []int
		least int
	}{
		{nil, 0},
		{[]int{d.column("state")}, 0},
		{[]int{d.column("ward")}, 0}, // c shows it of every record
		{[]int{d.column("born")}, 10},
		{[]int{d.column("amount")}, grant.SmallestCell},
		{[]int{d.column("amount"), d.column("born"), d.column("state")}, 10},
	} {
		if got := decision.MinimumCell(c.used); got != c.least {
			t.Errorf("using %v: %d, want %d", c.used, got, c.least)
		}
	}
	if decision.MayUse(d.column("phone")) {
		t.Error("a masked field can be grouped by")
	}
}

func TestGrantsToWrite(t *testing.T) {
	d := parse(t, "", "", aid)
	decision := grant.NewPolicy([]*grant.Grant{
		given(grant.Grant{ID: "a", Action: grant.Write, Fields: []string{"state"}, Rows: "amount < 5"}),
		given(grant.Grant{ID: "b", Action: grant.Write, Fields: []string{"phone", "id"}, Rows: "state = 'open'"}),
	}).Decide(grant.Request{Subject: staff("police", grant.Officer), Action: grant.Write, Dataset: d.Dataset, Table: d.Table})
	for _, c := range []struct{ before, after, denied string }{
		{"id=1 state=open amount=1", "id=1 state=done amount=1", ""},
		{"id=1 state=open amount=1 phone=1", "id=1 state=open amount=1 phone=2", ""},
		{"id=1 state=open amount=1 phone=1", "id=1 state=done amount=1 phone=2", "write-fields-denied"}, // b does not match afterwards
		{"id=1 state=open amount=1", "id=1 state=open amount=2", "write-fields-denied"},
		{"id=1 state=done amount=9", "id=1 state=open amount=9", "write-denied"},
		{"", "id=1 state=open", "write-fields-denied"},
		{"", "id=1 phone=7 state=open amount=1", "write-fields-denied"},
	} {
		before := d.row(c.before)
		if c.before == "" {
			before = nil
		}
		if got := code(decision.MayWrite(before, d.row(c.after))); got != c.denied {
			t.Errorf("%q to %q: %q, want %q", c.before, c.after, got, c.denied)
		}
	}
}

func TestCheck(t *testing.T) {
	d := parse(t, "", "", aid)
	for _, c := range []struct {
		grant grant.Grant
		want  string // "field code …"
	}{
		{grant.Grant{}, ""},
		{grant.Grant{Tags: []string{"who"}, Rows: "state = 'open'", OwnAreas: true, OwnAgency: "office", Masks: []grant.Mask{{Tag: "who", How: grant.Pseudonym}}}, ""},
		{grant.Grant{Fields: []string{"home", "born"}, Masks: []grant.Mask{{Field: "home", How: grant.AreaOnly}, {Field: "born", How: grant.YearOnly}}}, ""},
		{grant.Grant{Action: "look"}, "action grant-word"},
		{grant.Grant{Role: "king"}, "role grant-word"},
		{grant.Grant{Fields: []string{"id", "colour"}, Tags: []string{"red"}}, "fields grant-field, tags grant-tag"},
		{grant.Grant{Rows: "state ="}, "rows cql2-expected-operand"},
		{grant.Grant{Rows: "colour = 1 AND amount = 'x'"}, "rows cql2-no-such-property, rows cql2-incomparable"},
		{grant.Grant{Rows: "amount > previous(amount)"}, "rows grant-rows-previous"},
		{grant.Grant{OwnAgency: "amount"}, "ownAgency grant-own-agency"},
		{grant.Grant{OwnAgency: "colour"}, "ownAgency grant-field"},
		{grant.Grant{Purposes: []string{" "}}, "purposes grant-missing"},
		{grant.Grant{From: 5, Until: 5}, "until grant-until"},
		{grant.Grant{MinimumCell: 5}, "minimumCell grant-minimum-cell-other"},
		{grant.Grant{Action: grant.Aggregate, MinimumCell: 2}, "minimumCell grant-minimum-cell"},
		{grant.Grant{Action: grant.Write, Fields: []string{"phone"}, Masks: []grant.Mask{{Field: "phone", How: grant.LastDigits}}}, "masks grant-mask-action"},
		{grant.Grant{Masks: []grant.Mask{{How: grant.YearOnly}, {Field: "id", Tag: "who", How: grant.YearOnly}}}, "masks grant-mask-target, masks grant-mask-target"},
		{grant.Grant{Masks: []grant.Mask{{Field: "id", How: "blur"}, {Field: "colour", How: grant.YearOnly}, {Tag: "red", How: grant.YearOnly}}},
			"masks grant-word, masks grant-field, masks grant-tag"},
		{grant.Grant{Masks: []grant.Mask{{Field: "phone", How: grant.LastDigits}}}, "masks grant-mask-unused"},
		{grant.Grant{Masks: []grant.Mask{{Field: "amount", How: grant.Pseudonym}, {Field: "state", How: grant.YearOnly}, {Field: "state", How: grant.LastDigits}}},
			"masks grant-mask-fit, masks grant-mask-fit, masks grant-mask-twice"},
		{grant.Grant{Masks: []grant.Mask{{Field: "ward", How: grant.AreaOnly}}}, "masks grant-mask-area"},
	} {
		var got []string
		for _, v := range grant.Check(given(c.grant), d.Dataset, d.Table) {
			got = append(got, v.Field+" "+v.Code)
			if v.In("vi") == v.Code || strings.Contains(v.In("vi")+v.In("en"), "{") {
				t.Errorf("%s has no words: %s", v.Code, v.In("vi"))
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%+v: %s, want %s", c.grant, strings.Join(got, ", "), c.want)
		}
	}
	g := &grant.Grant{Dataset: "park", Action: grant.Read, State: grant.Refused}
	var got []string
	for _, v := range grant.Check(g, d.Dataset, d.Table) {
		got = append(got, v.Field)
	}
	if want := []string{"id", "dataset", "agency", "basis", "reason", "citation"}; !slices.Equal(got, want) {
		t.Errorf("an empty refusal lacks %v, want %v", got, want)
	}
	unplaced := parse(t, "", "place: {field: home}\n", aid)
	if vs := grant.Check(given(grant.Grant{OwnAreas: true}), unplaced.Dataset, unplaced.Table); len(vs) != 1 || vs[0].Code != "grant-own-areas" {
		t.Errorf("own areas without a place: %v", vs)
	}
	sealed := parse(t, "classification: restricted\nperson", "classification: internal\nperson", strings.ReplaceAll(aid, ", classification: personal", ""))
	if vs := grant.Check(given(grant.Grant{}), sealed.Dataset, sealed.Table); len(vs) != 1 || vs[0].Code != "grant-nothing" {
		t.Errorf("no fields named of a restricted dataset: %v", vs)
	}
}

func TestExplain(t *testing.T) {
	d := parse(t, "", "", aid)
	s := staff("police", grant.Officer)
	policy := grant.NewPolicy([]*grant.Grant{
		given(grant.Grant{ID: "a", Fields: []string{"id", "phone"}, Rows: "ward = 'w1'", Until: 5000, Masks: []grant.Mask{{Field: "phone", How: grant.LastDigits}}}),
		given(grant.Grant{ID: "b", Fields: []string{"name"}, Purposes: []string{"plan"}}),
		given(grant.Grant{ID: "c", Fields: []string{"state"}, Until: 500}),
		given(grant.Grant{ID: "d", Fields: []string{"state"}, From: 2000}),
		given(grant.Grant{ID: "e", Fields: []string{"state"}, Rows: "colour = 1"}),
		given(grant.Grant{ID: "f", Fields: []string{"state"}, OwnAreas: true}),
	})
	r := grant.Request{Subject: s, Action: grant.Read, Purpose: "care", Dataset: d.Dataset, Table: d.Table, At: 1000}
	decision := policy.Decide(r)
	x := decision.Explain()
	want := []grant.Given{{ID: "a", Clear: []string{"id"}, Masked: []grant.Mask{{Field: "phone", How: grant.LastDigits}}, Rows: "ward = 'w1'",
		Basis: "Luật 91/2025/QH15, điều 19", Until: 5000}}
	if !reflect.DeepEqual(x.Gives, want) {
		t.Errorf("gives %+v", x.Gives)
	}
	codes := func(x grant.Explanation) string {
		var codes []string
		for _, v := range x.Lacks {
			codes = append(codes, v.Code)
			if v.In("vi") == v.Code || strings.Contains(v.In("vi")+v.In("en"), "{") {
				t.Errorf("%s has no words: %s", v.Code, v.In("vi"))
			}
		}
		return strings.Join(codes, " ")
	}
	if got := codes(x); got != "lack-purpose lack-purpose-of lack-ended lack-begins lack-unfit lack-areas-of lack-fields" {
		t.Errorf("lacks %s", got)
	}
	for who, c := range map[string]struct {
		subject grant.Subject
		want    string
	}{
		"the public":                   {grant.Subject{}, "lack-everything"},
		"an officer without areas":     {staff("social", grant.Officer), "lack-areas lack-everything"},
		"an officer without a purpose": {staff("social", grant.Officer, "*"), "lack-purpose lack-fields"},
		"a citizen weakly signed in":   {grant.Subject{Roles: []string{grant.Citizen}, Person: "1", Assurance: 1}, "lack-assurance lack-everything"},
	} {
		r.Subject, r.Purpose = c.subject, ""
		decision := policy.Decide(r)
		if got := codes(decision.Explain()); got != c.want {
			t.Errorf("%s lacks %s, want %s", who, got, c.want)
		}
	}
	r.Subject = grant.Subject{Roles: []string{grant.Citizen}, Person: "046099000001", Assurance: 2}
	self := policy.Decide(r)
	if g := self.Explain().Gives; len(g) != 1 || g[0].Rows != "number = …" {
		t.Errorf("a page about oneself tells the personal number: %+v", g)
	}
}

// A policy outlives declarations: each decision obeys the one it is asked about,
// also when an earlier one is asked about again.
func TestDecisionsFollowTheDeclaration(t *testing.T) {
	before := parse(t, "", "", aid)
	after := parse(t, "{name: ward, type: string, classification: restricted}", "{name: ward, type: string}",
		strings.Replace(aid, "    - {name: office, type: string}\n", "    - {name: phase, type: string, tags: [contact]}\n    - {name: office, type: string}\n", 1))
	policy := grant.NewPolicy([]*grant.Grant{
		given(grant.Grant{ID: "a", Tags: []string{"contact"}, Rows: "office = 'police'"}),
		given(grant.Grant{ID: "b"}),
	})
	for range 2 {
		for _, c := range []struct {
			d     declared
			row   string
			shows string
		}{
			{before, "id=r1 ward=ward-1 office=police phone=1", "id=r1 ward=ward-1 office=police phone=1"},
			{after, "id=r1 ward=ward-1 phase=2 office=police phone=1", "id=r1 phase=2 office=police phone=1"},
			{after, "id=r1 ward=ward-1 phase=2 office=social phone=1", "id=r1 phase=2 office=social"},
		} {
			decision := policy.Decide(grant.Request{Subject: staff("police", grant.Officer), Action: grant.Read, Purpose: "care", Dataset: c.d.Dataset, Table: c.d.Table})
			row := c.d.row(c.row)
			decision.Revealer(nil, nil).Reveal(row)
			if got := c.d.text(row); got != c.shows {
				t.Errorf("%q is shown as %q, want %q", c.row, got, c.shows)
			}
		}
	}
}

func TestOwnAreas(t *testing.T) {
	d := parse(t, "", "", aid)
	policy := grant.NewPolicy([]*grant.Grant{given(grant.Grant{Fields: []string{"id"}, OwnAreas: true, OwnAgency: "office", Rows: "amount = 3"})})
	for areas, want := range map[string]bool{"ward-1": true, "ward-2": false, "ward-2 ward-1": true, "*": true, "": false} {
		decision := policy.Decide(grant.Request{Subject: staff("police", grant.Officer, strings.Fields(areas)...), Action: grant.Read, Dataset: d.Dataset, Table: d.Table})
		if got := cql2.Matches(decision.Rows([]int{d.column("id")}), d.row(whole)); got != want {
			t.Errorf("who acts in %q sees a record in ward 1: %t", areas, got)
		}
	}
}
