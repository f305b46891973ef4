package account_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
)

func (x *town) as(t testing.TB, id string) repo.Principal {
	t.Helper()
	p, err := x.Authenticate(t.Context(), x.in(t, id))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDelegation(t *testing.T) { onBoth(t, testDelegation) }

func testDelegation(t *testing.T, open opener) {
	x := open(t)
	now := x.clock.Now()
	x.staff(t, "an", account.Capacity{Agency: "snv", Roles: []string{grant.Officer, grant.Leader}, Areas: []string{"w1"}, Until: now.Add(30 * 24 * time.Hour)})
	x.staff(t, "binh", account.Capacity{Agency: "snv", Roles: []string{grant.OperatorRole}, Areas: []string{"w2"}})
	x.staff(t, "chi", account.Capacity{Agency: "cath", Roles: []string{grant.Officer}, Areas: []string{"w1"}})
	an := x.as(t, "an")
	whole := account.Delegation{Capacity: an.Capacity, To: "binh", Roles: []string{grant.Leader}, Areas: []string{"w1"}, Until: now.Add(48 * time.Hour), Reason: "nghỉ phép"}
	for name, c := range map[string]struct {
		change func(*account.Delegation)
		faults string
	}{
		"no end":                   {func(d *account.Delegation) { d.Until = time.Time{} }, "until:delegation-term"},
		"past":                     {func(d *account.Delegation) { d.From, d.Until = now.Add(-2*time.Hour), now.Add(-time.Hour) }, "until:delegation-past"},
		"longer than its source":   {func(d *account.Delegation) { d.Until = now.Add(31 * 24 * time.Hour) }, "until:delegation-longer"},
		"another role":             {func(d *account.Delegation) { d.Roles = []string{grant.Leader, grant.Steward} }, "roles:delegation-wider"},
		"another ward":             {func(d *account.Delegation) { d.Areas = []string{"w2"} }, "areas:delegation-wider"},
		"the whole city":           {func(d *account.Delegation) { d.Areas = []string{"*"} }, "areas:delegation-wider"},
		"to another agency":        {func(d *account.Delegation) { d.To = "chi" }, "to:delegation-not-colleague"},
		"to nobody":                {func(d *account.Delegation) { d.To = "nobody" }, "to:delegation-not-colleague"},
		"to oneself":               {func(d *account.Delegation) { d.To = "an" }, "to:delegation-not-colleague"},
		"no role":                  {func(d *account.Delegation) { d.Roles = nil }, "roles:capacity-role-none"},
		"several faults, all told": {func(d *account.Delegation) { d.To, d.Areas = "chi", []string{"w2"} }, "areas:delegation-wider to:delegation-not-colleague"},
	} {
		d := whole
		c.change(&d)
		_, err := x.Delegate(t.Context(), an, d)
		if codes(err) != c.faults {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := x.Delegate(t.Context(), x.as(t, "chi"), whole)
	want(t, err, "capacity-not-yours")
	_, err = x.Delegate(t.Context(), repo.Operator(), whole)
	want(t, err, "capacity-not-yours")

	give := func() (id, token string) {
		t.Helper()
		id, err := x.Delegate(t.Context(), an, whole)
		if err != nil {
			t.Fatal(err)
		}
		token = x.in(t, "binh")
		if err := x.act(&token, id); err != nil {
			t.Fatal(err)
		}
		p, err := x.Authenticate(t.Context(), token)
		if err != nil || p.Name != "binh" || !slices.Equal(p.Roles, whole.Roles) || !slices.Equal(p.Areas, whole.Areas) || p.Agency != "snv" {
			t.Fatalf("%+v %v", p, err)
		}
		return id, token
	}
	bare := func(token, why string) {
		t.Helper()
		if p, err := x.Authenticate(t.Context(), token); err != nil || len(p.Roles) != 0 || p.Agency != "" {
			t.Errorf("%s: %+v %v", why, p, err)
		}
	}
	id, token := give()
	if list, err := x.Delegated(t.Context(), an); err != nil || len(list) != 1 || list[0].ID != id {
		t.Errorf("%+v %v", list, err)
	}
	binh, _ := x.Authenticate(t.Context(), token)
	on := whole
	on.Capacity, on.To = id, "an"
	_, err = x.Delegate(t.Context(), binh, on)
	want(t, err, "capacity-not-yours") // not given on
	if err := x.End(t.Context(), x.as(t, "chi"), id); problem.KindOf(err) != problem.Denied {
		t.Errorf("a stranger ends it: %v", err)
	}
	if err := x.End(t.Context(), an, id); err != nil {
		t.Fatal(err)
	}
	bare(token, "revoked")
	id, token = give()
	if err := x.End(t.Context(), binh, id); err != nil {
		t.Fatal(err)
	}
	bare(token, "given back")
	_, token = give()
	if err := x.Disable(t.Context(), repo.Operator(), "an", true); err != nil {
		t.Fatal(err)
	}
	bare(token, "the delegator is disabled")
	if err := x.Disable(t.Context(), repo.Operator(), "an", false); err != nil {
		t.Fatal(err)
	}
	// What the delegator loses in part is lost in part.
	x.put(t, repo.SystemCapacity, `id=`+an.Capacity+` account=an agency=snv roles=leader areas=w2 from=2026-03-09T08:00:00Z`)
	if p, err := x.Authenticate(t.Context(), token); err != nil || !slices.Equal(p.Roles, []string{grant.Leader}) || len(p.Areas) != 0 {
		t.Errorf("%+v %v", p, err)
	}
	if err := x.End(t.Context(), repo.Operator(), an.Capacity); err != nil {
		t.Fatal(err)
	}
	bare(token, "the source has ended")
}

func TestFirstAdministrator(t *testing.T) { onBoth(t, testFirstAdministrator) }

func testFirstAdministrator(t *testing.T, open opener) {
	x := open(t)
	secret, err := x.FirstLink(t.Context())
	if err != nil || secret == "" {
		t.Fatal(err)
	}
	l, err := x.Look(t.Context(), secret)
	if err != nil || !l.First {
		t.Fatalf("%+v %v", l, err)
	}
	_, err = x.Use(t.Context(), desk, secret, "ngắn", "Not An Id", "")
	if got := codes(err); !strings.Contains(got, "id:") || !strings.Contains(got, "name:") || !strings.Contains(got, "password:password-short") {
		t.Errorf("all faults at once: %s", got)
	}
	// Two use it in the same moment: one becomes administrator.
	var wg sync.WaitGroup
	var mu sync.Mutex
	var sessions []string
	for _, id := range []string{"an", "binh"} {
		wg.Go(func() {
			got, err := x.Use(t.Context(), desk, secret, good, id, "Người đầu")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				sessions = append(sessions, got.Session)
			} else if code(err) != "link-over" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(sessions) != 1 {
		t.Fatalf("%d administrators", len(sessions))
	}
	p, err := x.Authenticate(t.Context(), sessions[0])
	if err != nil || !p.Is(grant.Administrator) {
		t.Fatalf("%+v %v", p, err)
	}
	_, err = x.Look(t.Context(), secret)
	want(t, err, "link-over")
	if again, err := x.FirstLink(t.Context()); again != "" || err != nil {
		t.Errorf("a second link: %v", err)
	}
	want(t, x.Disable(t.Context(), p, p.Name, true), "administrator-last")
	want(t, x.End(t.Context(), p, p.Capacity), "administrator-last")
	_, err = x.Give(t.Context(), p, account.Capacity{Account: p.Name, Agency: "snv", Roles: []string{grant.Officer}})
	want(t, err, "capacity-to-self")
	if err := x.Create(t.Context(), p, account.Opening{Account: account.Account{ID: "chi", Name: "Chi", Kind: account.Staff}, Capacities: []account.Capacity{{Roles: []string{grant.Administrator}}}}); err != nil {
		t.Fatal(err)
	}
	if err := x.Disable(t.Context(), p, p.Name, true); err != nil {
		t.Errorf("of two: %v", err)
	}
	x.over(t, sessions[0], "disabled by itself")
}

func TestFirstLinkEnds(t *testing.T) { onBoth(t, testFirstLinkEnds) }

func testFirstLinkEnds(t *testing.T, open opener) {
	x := open(t)
	late, err := x.FirstLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	x.clock.forward(time.Hour)
	_, err = x.Use(t.Context(), desk, late, good, "an", "An")
	want(t, err, "link-over")
	one, _ := x.FirstLink(t.Context())
	two, _ := x.FirstLink(t.Context())
	if _, err := x.Use(t.Context(), desk, one, good, "an", "An"); err != nil {
		t.Fatal(err)
	}
	_, err = x.Use(t.Context(), desk, two, good, "binh", "Bình")
	want(t, err, "link-over") // there is one by now
}

func TestRecovery(t *testing.T) { onBoth(t, testRecovery) }

func testRecovery(t *testing.T, open opener) {
	x := open(t)
	x.staff(t, "an", officer("w1"))
	session := x.in(t, "an")
	_, _, err := x.Recover(t.Context(), x.as(t, "an"), "an", account.Ending{})
	if problem.KindOf(err) != problem.Denied {
		t.Errorf("an officer recovers: %v", err)
	}
	_, _, err = x.Recover(t.Context(), repo.Operator(), "nobody", account.Ending{})
	want(t, err, "account-unknown")
	secret, ends, err := x.Recover(t.Context(), repo.Operator(), "an", account.Ending{})
	if err != nil || ends.Sub(x.clock.Now()) != 24*time.Hour {
		t.Fatalf("%v %v", ends, err)
	}
	other, _, _ := x.Recover(t.Context(), repo.Operator(), "an", account.Ending{})
	x.clock.forward(30 * time.Minute)
	x.holds(t, session, "a link alone ends nothing")
	if l, err := x.Look(t.Context(), secret); err != nil || l.First || l.Account != "an" {
		t.Errorf("%+v %v", l, err)
	}
	if _, err = x.Use(t.Context(), desk, secret, "ngắn", "", ""); codes(err) != "password:password-short" {
		t.Errorf("%v", err)
	}
	got, err := x.Use(t.Context(), desk, secret, good+" mới", "ignored", "ignored")
	if err != nil {
		t.Fatal(err)
	}
	x.holds(t, got.Session, "the new session")
	x.over(t, session, "the password was recovered")
	for _, used := range []string{secret, other} {
		_, err = x.Use(t.Context(), desk, used, good, "", "")
		want(t, err, "link-over")
	}
	_, err = x.SignIn(t.Context(), desk, "an", good)
	want(t, err, "sign-in-wrong")
	late, _, _ := x.Recover(t.Context(), repo.Operator(), "an", account.Ending{})
	x.clock.forward(24 * time.Hour)
	_, err = x.Look(t.Context(), late)
	want(t, err, "link-over")
}

// A password that somebody else chose is good for choosing another only.
func TestForcedChange(t *testing.T) { onBoth(t, testForcedChange) }

func testForcedChange(t *testing.T, open opener) {
	x := open(t)
	err := x.Create(t.Context(), repo.Operator(), account.Opening{Account: account.Account{ID: "an", Name: "An", Kind: account.Staff}, Capacities: []account.Capacity{officer("w1")}, Password: good})
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.SignIn(t.Context(), desk, "an", good)
	if err != nil || got.Session != "" || got.Change == "" {
		t.Fatalf("%+v %v", got, err)
	}
	x.over(t, got.Change, "a link is no session")
	_, err = x.Use(t.Context(), desk, got.Change, good, "", "")
	if codes(err) != "password:password-same" {
		t.Errorf("the same again: %v", err)
	}
	after, err := x.Use(t.Context(), desk, got.Change, good+" của tôi", "", "")
	if err != nil {
		t.Fatal(err)
	}
	x.holds(t, after.Session, "after the change")
	again, err := x.SignIn(t.Context(), desk, "an", good+" của tôi")
	if err != nil || again.Session == "" {
		t.Errorf("%+v %v", again, err)
	}
}

func TestAdministering(t *testing.T) { onBoth(t, testAdministering) }

func testAdministering(t *testing.T, open opener) {
	x := open(t)
	x.staff(t, "an", officer("w1"))
	x.staff(t, "root", account.Capacity{Roles: []string{grant.Administrator}})
	root, an := x.as(t, "root"), x.as(t, "an")
	opening := account.Opening{Account: account.Account{ID: "binh", Name: "Bình", Kind: account.Staff}}
	for who, p := range map[string]repo.Principal{"the public": repo.Public(), "an officer": an, "a token for everything": {Name: "token:x", Read: []string{"*"}, Write: []string{"*"}}} {
		errs := []error{x.Create(t.Context(), p, opening), x.Disable(t.Context(), p, "an", true), x.End(t.Context(), p, an.Capacity)}
		_, err := x.Give(t.Context(), p, account.Capacity{Account: "an", Roles: []string{grant.Auditor}})
		_, _, err2 := x.Recover(t.Context(), p, "an", account.Ending{})
		_, _, err3 := x.Of(t.Context(), p, "root")
		for i, err := range append(errs, err, err2) {
			if problem.KindOf(err) != problem.Denied {
				t.Errorf("%s, %d: %v", who, i, err)
			}
		}
		if err3 == nil {
			t.Errorf("%s reads of an administrator", who)
		}
	}
	bad := opening
	bad.ID, bad.Kind, bad.Password = "Bình", "robot", "ngắn"
	bad.Capacities = []account.Capacity{{Roles: []string{"king", grant.Officer}, Areas: []string{"w9"}}, {Agency: "none", Roles: []string{grant.Officer}, Until: x.clock.Now().Add(-time.Hour), From: x.clock.Now()}}
	err := x.Create(t.Context(), root, bad)
	for _, fault := range []string{"id:", "kind:", "roles:capacity-role-unknown", "agency:capacity-agency-none", "areas:capacity-unknown-areas", "agency:capacity-unknown-agency", "until:capacity-term", "password:password-short"} {
		if !strings.Contains(codes(err), fault) {
			t.Errorf("%s is not told: %s", fault, codes(err))
		}
	}
	if err := x.Create(t.Context(), root, opening); err != nil {
		t.Fatal(err)
	}
	want(t, x.Create(t.Context(), root, opening), "account-taken")
	if _, err := x.Give(t.Context(), root, account.Capacity{Account: "binh", Agency: "snv", Roles: []string{grant.Officer}, Areas: []string{"w1", "w2"}}); err != nil {
		t.Fatal(err)
	}
	acc, list, err := x.Of(t.Context(), root, "binh")
	if err != nil || acc.Name != "Bình" || len(list) != 1 || !slices.Equal(list[0].Areas, []string{"w1", "w2"}) {
		t.Errorf("%+v %+v %v", acc, list, err)
	}
	all, next, err := x.List(t.Context(), root, "", 2)
	if err != nil || len(all) != 2 || next == "" {
		t.Errorf("%+v %q %v", all, next, err)
	}
}
