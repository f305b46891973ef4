package account_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
)

func (x *town) over(t testing.TB, token, why string) {
	t.Helper()
	if _, err := x.Authenticate(context.Background(), token); problem.KindOf(err) != problem.Unauthenticated {
		t.Errorf("%s: the session still holds (%v)", why, err)
	}
}

func (x *town) holds(t testing.TB, token, why string) {
	t.Helper()
	if _, err := x.Authenticate(context.Background(), token); err != nil {
		t.Errorf("%s: %v", why, err)
	}
}

func TestSessionsEnd(t *testing.T) { onBoth(t, testSessionsEnd) }

func testSessionsEnd(t *testing.T, open opener) {
	x := open(t)
	x.staff(t, "an", officer("w1"))
	idle := x.in(t, "an")
	x.clock.forward(59 * time.Minute)
	x.holds(t, idle, "within an hour")
	x.clock.forward(59 * time.Minute)
	x.holds(t, idle, "within an hour of its last use")
	x.clock.forward(61 * time.Minute)
	x.over(t, idle, "not used for an hour")

	busy := x.in(t, "an")
	for range 23 {
		x.clock.forward(31 * time.Minute)
		x.holds(t, busy, "in use")
	}
	x.clock.forward(8 * time.Minute)
	x.over(t, busy, "after twelve hours")

	for why, end := range map[string]func(token string) error{
		"its account is disabled": func(string) error { return x.Disable(t.Context(), repo.Operator(), "an", true) },
		"its owner revokes it": func(string) error {
			other := x.in(t, "an")
			list, err := x.Sessions(t.Context(), other)
			if err != nil || len(list) != 2 {
				t.Fatalf("%d sessions, %v", len(list), err)
			}
			return x.Revoke(t.Context(), other, list[1].ID)
		},
		"its owner ends all others": func(string) error { return x.Revoke(t.Context(), x.in(t, "an"), "") },
		"the password changes": func(token string) error {
			got, err := x.SetPassword(t.Context(), token, desk, good, good+" khác")
			x.holds(t, got.Session, "the new one")
			if err == nil {
				_, err = x.SetPassword(t.Context(), got.Session, desk, good+" khác", good)
			}
			return err
		},
		"another server disables": func(string) error {
			theirs := accounts(t, x.server(t), x.clock)
			return theirs.Disable(t.Context(), repo.Operator(), "an", true)
		},
	} {
		token := x.in(t, "an")
		x.holds(t, token, "before "+why)
		x.clock.forward(time.Second)
		if err := end(token); err != nil {
			t.Fatalf("%s: %v", why, err)
		}
		x.over(t, token, why)
		if err := x.Disable(t.Context(), repo.Operator(), "an", false); err != nil {
			t.Fatal(err)
		}
		x.over(t, token, why+", and its account is open again")
	}
}

func TestSessionsAreListedToTheirOwner(t *testing.T) { onBoth(t, testSessionsAreListedToTheirOwner) }

func testSessionsAreListedToTheirOwner(t *testing.T, open opener) {
	x := open(t)
	x.staff(t, "an", officer("w1"))
	x.staff(t, "binh", officer("w1"))
	other := x.in(t, "binh")
	for range 25 {
		x.in(t, "an")
		x.clock.forward(time.Second)
	}
	token := x.in(t, "an")
	list, err := x.Sessions(t.Context(), token)
	if err != nil || len(list) != 20 {
		t.Fatalf("%d sessions: %v", len(list), err)
	}
	s := list[0]
	if s.Address != "203.0.113.0/24" || s.Device != "Chrome, Linux" || s.How != "password" || !s.Created.Equal(x.clock.Now()) {
		t.Errorf("%+v", s)
	}
	mine, err := x.Sessions(t.Context(), other)
	if err != nil || len(mine) != 1 {
		t.Fatalf("%d %v", len(mine), err)
	}
	if err := x.Revoke(t.Context(), token, mine[0].ID); err != nil {
		t.Fatal(err)
	}
	x.holds(t, other, "another's revocation")
	x.clock.forward(13 * time.Hour)
	if err := x.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, prefix := range []string{"session/", "own/", "try/"} {
		if err := x.repo.Private("account").Each(t.Context(), prefix, func(string, []byte) error { left++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if left != 0 {
		t.Errorf("%d things of the past are kept", left)
	}
}

func TestCapacities(t *testing.T) { onBoth(t, testCapacities) }

func testCapacities(t *testing.T, open opener) {
	x := open(t)
	x.staff(t, "an", officer("w1"), account.Capacity{Agency: "cath", Roles: []string{grant.Leader}, Areas: []string{"*"}})
	got, err := x.SignIn(t.Context(), desk, "an", good)
	if err != nil || !got.Choose {
		t.Fatalf("%+v %v", got, err)
	}
	token := got.Session
	p, err := x.Authenticate(t.Context(), token)
	if err != nil || p.Name != "an" || len(p.Roles) != 0 || p.Agency != "" || p.Areas != nil {
		t.Fatalf("before a choice: %+v %v", p, err)
	}
	s, err := x.Session(t.Context(), token)
	if err != nil || len(s.Capacities) != 2 || s.Capacity != nil {
		t.Fatalf("%+v %v", s, err)
	}
	for _, c := range s.Capacities {
		if err := x.act(&token, c.ID); err != nil {
			t.Fatal(err)
		}
		if p, _ = x.Authenticate(t.Context(), token); p.Agency != c.Agency || p.Capacity != c.ID || !slices.Equal(p.Roles, c.Roles) {
			t.Errorf("as %s: %+v", c.Agency, p)
		}
	}
	want(t, x.act(&token, "none"), "capacity-not-yours")

	// The task lasts as long as the capacity it was named in.
	want(t, x.Task(t.Context(), token, "fishing", "", time.Time{}), "purpose-unknown")
	want(t, x.Task(t.Context(), token, "inquiry", " ", time.Time{}), "purpose-needs-case")
	want(t, x.Task(t.Context(), token, "care", strings.Repeat("x", 101), time.Time{}), "case-long")
	if err := x.Task(t.Context(), token, "inquiry", " HS-7 ", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if p, _ = x.Authenticate(t.Context(), token); p.Purpose != "inquiry" || p.Case != "HS-7" {
		t.Errorf("%+v", p)
	}
	x.put(t, repo.SystemPurpose, "code=inquiry name=Điều_tra basis=Luật ended=true")
	if p, _ = x.Authenticate(t.Context(), token); p.Purpose != "" {
		t.Errorf("a purpose off the list: %+v", p)
	}
	if err := x.Task(t.Context(), token, "care", "", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := x.act(&token, s.Capacities[0].ID); err != nil {
		t.Fatal(err)
	}
	if p, _ = x.Authenticate(t.Context(), token); p.Purpose != "" {
		t.Errorf("after changing sides: %+v", p)
	}
	// Taken away, it holds no longer at the next request.
	if err := x.End(t.Context(), repo.Operator(), s.Capacities[0].ID); err != nil {
		t.Fatal(err)
	}
	if p, err = x.Authenticate(t.Context(), token); err != nil || p.Agency != "" || len(p.Roles) != 0 {
		t.Errorf("%+v %v", p, err)
	}
	// A term begins and ends.
	begins := x.clock.Now().Add(time.Hour)
	id, err := x.Give(t.Context(), repo.Operator(), account.Capacity{Account: "an", Agency: "snv", Roles: []string{grant.Leader}, From: begins, Until: begins.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	want(t, x.act(&token, id), "capacity-not-yours")
	x.clock.forward(61 * time.Minute)
	token = x.in(t, "an")
	if err := x.act(&token, id); err != nil {
		t.Fatal(err)
	}
	x.clock.forward(59 * time.Minute)
	if p, err = x.Authenticate(t.Context(), token); err != nil || p.Capacity != "" || len(p.Roles) != 0 {
		t.Errorf("after its term: %+v %v", p, err)
	}
}

// A citizen's number counts in that capacity alone.
func TestPersonIsKnownToTheCitizenOnly(t *testing.T) { onBoth(t, testPersonIsKnownToTheCitizenOnly) }

func testPersonIsKnownToTheCitizenOnly(t *testing.T, open opener) {
	x := open(t)
	err := x.Create(t.Context(), repo.Operator(), account.Opening{
		Account:    account.Account{ID: "an", Name: "Lê An", Kind: account.Citizen, Person: "046099000001", Assurance: 2},
		Capacities: []account.Capacity{{Roles: []string{grant.Citizen}}, officer("w1")}, Password: good, Chosen: true})
	if err != nil {
		t.Fatal(err)
	}
	token := x.in(t, "an")
	s, _ := x.Session(t.Context(), token)
	for _, c := range s.Capacities {
		if err := x.act(&token, c.ID); err != nil {
			t.Fatal(err)
		}
		p, err := x.Authenticate(t.Context(), token)
		citizen := p.Is(grant.Citizen)
		if err != nil || (p.Person == "046099000001") != citizen || (p.Assurance == 2) != citizen {
			t.Errorf("%+v %v", p, err)
		}
	}
}
