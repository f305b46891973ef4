package account_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
)

// act chooses a capacity, as a browser that keeps what it is given.
func (x *town) act(token *string, capacity string) error {
	renewed, err := x.Choose(context.Background(), *token, capacity)
	if err == nil {
		*token = renewed
	}
	return err
}

func TestAnotherCapacityRenewsTheSession(t *testing.T) {
	onBoth(t, testAnotherCapacityRenewsTheSession)
}

func testAnotherCapacityRenewsTheSession(t *testing.T, open opener) {
	x := open(t)
	x.staff(t, "an", officer("w1"), account.Capacity{Agency: "cath", Roles: []string{grant.Leader}, Areas: []string{"*"}})
	before := x.in(t, "an")
	s, err := x.Session(t.Context(), before)
	if err != nil || len(s.Capacities) != 2 {
		t.Fatal(s, err)
	}
	ends := s.Ends
	x.clock.forward(20 * time.Minute)
	after, err := x.Choose(t.Context(), before, s.Capacities[0].ID)
	if err != nil || after == before {
		t.Fatalf("the secret stays: %v", err)
	}
	x.over(t, before, "the capacity changed")
	got, err := x.Session(t.Context(), after)
	if err != nil || got.Capacity == nil || got.Capacity.ID != s.Capacities[0].ID || !got.Ends.Equal(ends) || got.ID == s.ID {
		t.Fatalf("%+v %v", got, err)
	}
	if list, err := x.Sessions(t.Context(), after); err != nil || len(list) != 1 {
		t.Errorf("%d sessions: %v", len(list), err)
	}
	if same, err := x.Choose(t.Context(), after, s.Capacities[0].ID); err != nil || same != after {
		t.Errorf("the same capacity renews: %v", err)
	}
	if _, err := x.Choose(t.Context(), before, s.Capacities[1].ID); problem.KindOf(err) != problem.Unauthenticated {
		t.Errorf("the old secret chooses: %v", err)
	}
	if err := x.Disable(t.Context(), repo.Operator(), "an", true); err != nil {
		t.Fatal(err)
	}
	x.over(t, after, "its account is disabled")
}

// Of several that renew one session at once one goes on, and when everything of
// the account is ended meanwhile none does.
func TestRenewalsAtOnce(t *testing.T) { onBoth(t, testRenewalsAtOnce) }

func testRenewalsAtOnce(t *testing.T, open opener) {
	for _, ended := range []bool{false, true} {
		x := open(t)
		x.staff(t, "an", officer("w1"), account.Capacity{Agency: "cath", Roles: []string{grant.Leader}, Areas: []string{"*"}})
		before := x.in(t, "an")
		s, err := x.Session(t.Context(), before)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		secrets := make([]string, 6)
		for i := range secrets {
			wg.Go(func() { secrets[i], _ = x.Choose(context.Background(), before, s.Capacities[i%2].ID) })
		}
		if ended {
			wg.Go(func() {
				if err := x.Shut(context.Background(), repo.Operator(), "an", account.Ending{Sessions: true}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		held := 0
		for _, secret := range secrets {
			if _, err := x.Session(t.Context(), secret); secret != "" && err == nil {
				held++
			}
		}
		w, err := x.Ways(t.Context(), repo.Operator(), "an")
		if err != nil || held != w.Sessions || ended && held != 0 || !ended && held != 1 {
			t.Errorf("ended %t: %d secrets hold, %d sessions are kept, %v", ended, held, w.Sessions, err)
		}
		x.over(t, before, "it was renewed")
	}
}

func TestRecoveryEndsWhatAThiefMayHave(t *testing.T) { onBoth(t, testRecoveryEndsWhatAThiefMayHave) }

func testRecoveryEndsWhatAThiefMayHave(t *testing.T, open opener) {
	x := open(t)
	x.staff(t, "an", officer("w1"))
	x.robot(t, "feed", account.Capacity{Agency: "cath", Roles: []string{grant.Machine}})
	ctx := t.Context()
	session := x.in(t, "an")
	private := x.repo.Private("account")
	// A passkey as it is kept; how one comes about is tested in a browser.
	if err := private.Swap(ctx, "passkey/an/a2V5", nil, []byte(`{"Name":"x","Credential":{"id":"a2V5"}}`)); err != nil {
		t.Fatal(err)
	}
	secret, err := x.ClientSecret(ctx, repo.Operator(), "feed")
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Certificate(ctx, repo.Operator(), "feed", "CN=feed"); err != nil {
		t.Fatal(err)
	}
	bearer, err := x.ClientToken(ctx, "203.0.113.9", "feed", secret, "")
	if err != nil {
		t.Fatal(err)
	}
	ways := func(id string, want account.Ways) {
		t.Helper()
		if w, err := x.Ways(ctx, repo.Operator(), id); err != nil || w != want {
			t.Errorf("%s: %+v, %v; want %+v", id, w, err, want)
		}
	}
	ways("an", account.Ways{Sessions: 1, Passkeys: 1, Password: true})
	ways("feed", account.Ways{Certificates: 1, Secret: true})

	if _, _, err := x.Recover(ctx, x.as(t, "an"), "an", account.Ending{Passkeys: true}); problem.KindOf(err) != problem.Denied {
		t.Errorf("an officer recovers: %v", err)
	}
	if err := x.Shut(ctx, x.as(t, "an"), "feed", account.Ending{Secrets: true}); problem.KindOf(err) != problem.Denied {
		t.Errorf("an officer shuts: %v", err)
	}
	if _, err := x.Ways(ctx, x.as(t, "an"), "feed"); problem.KindOf(err) != problem.Denied {
		t.Errorf("an officer is told: %v", err)
	}
	ways("an", account.Ways{Sessions: 4, Passkeys: 1, Password: true})

	link, _, err := x.Recover(ctx, repo.Operator(), "an", account.Ending{Sessions: true, Passkeys: true})
	if err != nil {
		t.Fatal(err)
	}
	x.over(t, session, "recovered")
	ways("an", account.Ways{Password: true})
	if _, err := x.Use(ctx, desk, link, good+" mới", "", ""); err != nil {
		t.Errorf("the link that was made with it: %v", err)
	}
	if err := x.Shut(ctx, repo.Operator(), "feed", account.Ending{Secrets: true}); err != nil {
		t.Fatal(err)
	}
	x.over(t, bearer, "its secret is ended")
	ways("feed", account.Ways{})
	if _, err := x.ClientToken(ctx, "203.0.113.9", "feed", secret, ""); problem.KindOf(err) != problem.Unauthenticated {
		t.Errorf("the secret still gives tokens: %v", err)
	}
	if _, err := x.ByCertificate(ctx, nil, "CN=feed"); problem.KindOf(err) != problem.Unauthenticated {
		t.Errorf("the certificate still lets in: %v", err)
	}
}

func TestATaskMayBeHidden(t *testing.T) { onBoth(t, testATaskMayBeHidden) }

func testATaskMayBeHidden(t *testing.T, open opener) {
	x := open(t)
	x.put(t, "purpose", `code=probe name=Điều_tra basis=Luật mayHide=true hideDays=10 hideAgencies=cath`)
	x.staff(t, "an", officer("w1"), account.Capacity{Agency: "cath", Roles: []string{grant.Leader}, Areas: []string{"*"}})
	token := x.in(t, "an")
	s, err := x.Session(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	until := x.repo.Now().AddDate(0, 0, 9)
	for _, c := range s.Capacities {
		if err := x.act(&token, c.ID); err != nil {
			t.Fatal(err)
		}
		err := x.Task(t.Context(), token, "probe", "", until)
		if c.Agency != "cath" {
			want(t, err, "hide-agency")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		want(t, x.Task(t.Context(), token, "probe", "", until.AddDate(0, 0, 5)), "hide-long")
		p, err := x.Authenticate(t.Context(), token)
		if err != nil || p.HiddenUntil != until.UnixMicro() || p.Purpose != "probe" {
			t.Errorf("%+v %v", p, err)
		}
		if err := x.Task(t.Context(), token, "probe", "", time.Time{}); err != nil {
			t.Fatal(err)
		}
		if p, _ := x.Authenticate(t.Context(), token); p.HiddenUntil != 0 {
			t.Error("a task named anew is hidden still")
		}
		if err := x.Task(t.Context(), token, "probe", "", until); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.act(&token, s.Capacities[0].ID); err != nil {
		t.Fatal(err)
	}
	if p, _ := x.Authenticate(t.Context(), token); p.HiddenUntil != 0 {
		t.Error("hiding outlasts the capacity")
	}
}
