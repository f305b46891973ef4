package account_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
	"huong.city/huong/internal/service/account/accounttest"
)

const callback = "https://city.example/enter/callback"

// federated is a town whose people sign in at a provider.
func federated(t *testing.T, open opener, change func(*account.Provider)) (*town, *accounttest.Provider) {
	t.Helper()
	x := open(t)
	p := accounttest.Start(t, x.clock.Now)
	config := &account.Provider{
		Name: map[string]string{"vi": "VNeID"}, Issuer: p.URL, ClientID: accounttest.ClientID, ClientSecret: accounttest.ClientSecret, Redirect: callback, Citizens: true,
		Claims: account.Claims{Person: "citizen_id", Agency: "unit", Roles: "groups", Areas: "wards",
			Agencies: map[string]string{"Nội vụ": "snv"}, RoleOf: map[string]string{"cv": grant.Officer}, Assurance: map[string]int{"loa2": 2}},
	}
	if change != nil {
		change(config)
	}
	var err error
	x.Accounts, err = account.New(account.Config{Repo: x.repo, Now: x.clock.Now, Random: rand.Reader, Provider: config})
	if err != nil {
		t.Fatal(err)
	}
	x.HashCheaply()
	return x, p
}

// goes lets a browser go to the provider and come back.
func (x *town) goes(t testing.TB) (answer url.Values, browser string) {
	t.Helper()
	address, browser, err := x.BeginProvider(t.Context(), "/datasets")
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	to, err := res.Location()
	if err != nil || !strings.HasPrefix(to.String(), callback+"?") {
		t.Fatalf("%d %v %v", res.StatusCode, to, err)
	}
	return to.Query(), browser
}

func (x *town) federate(t testing.TB) (account.Entered, error) {
	t.Helper()
	answer, browser := x.goes(t)
	got, back, err := x.FinishProvider(t.Context(), desk, answer, browser)
	if err == nil && back != "/datasets" {
		t.Errorf("back to %q", back)
	}
	return got, err
}

func TestCitizenByProvider(t *testing.T) { onBoth(t, testCitizenByProvider) }

func testCitizenByProvider(t *testing.T, open opener) {
	x, p := federated(t, open, nil)
	p.Set(func(p *accounttest.Provider) {
		p.Claims = map[string]any{"sub": "s-1", "name": "Lê An", "citizen_id": "046099000001", "acr": "loa2", "groups": []string{"cv"}, "unit": "Nội vụ"}
	})
	got, err := x.federate(t)
	if err != nil {
		t.Fatal(err)
	}
	who, err := x.Authenticate(t.Context(), got.Session)
	if err != nil || who.Person != "046099000001" || who.Assurance != 2 || !slices.Equal(who.Roles, []string{grant.Citizen}) || who.Agency != "" || strings.Contains(who.Name, "s-1") || strings.Contains(who.Name, "046099") {
		t.Fatalf("%+v %v", who, err)
	}
	head, _ := x.repo.Head(t.Context())
	p.Set(func(p *accounttest.Provider) { p.Claims["acr"] = "loa1" })
	got, err = x.federate(t)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := x.Authenticate(t.Context(), got.Session)
	if again.Name != who.Name || again.Assurance != 0 {
		t.Errorf("the second time: %+v", again)
	}
	if after, _ := x.repo.Head(t.Context()); after.Seq != head.Seq {
		t.Error("signing in again wrote a record")
	}
	p.Set(func(p *accounttest.Provider) { p.Claims["citizen_id"] = "046099000002" })
	_, err = x.federate(t)
	want(t, err, "provider-other-person")
	p.Set(func(p *accounttest.Provider) {
		p.Claims = map[string]any{"sub": "s-2", "name": "Khác", "citizen_id": "not a number"}
	})
	_, err = x.federate(t)
	want(t, err, "provider-refused")
	if err := x.Disable(t.Context(), repo.Operator(), who.Name, true); err != nil {
		t.Fatal(err)
	}
	p.Set(func(p *accounttest.Provider) { p.Claims = map[string]any{"sub": "s-1", "citizen_id": "046099000001"} })
	_, err = x.federate(t)
	want(t, err, "provider-no-account")
}

// Two windows at once make one account.
func TestCitizenTwiceAtOnce(t *testing.T) { onBoth(t, testCitizenTwiceAtOnce) }

func testCitizenTwiceAtOnce(t *testing.T, open opener) {
	x, p := federated(t, open, nil)
	p.Set(func(p *accounttest.Provider) {
		p.Claims = map[string]any{"sub": "s-1", "name": "Lê An", "citizen_id": "046099000001"}
	})
	var wg sync.WaitGroup
	for range 4 {
		answer, browser := x.goes(t)
		wg.Go(func() {
			if _, _, err := x.FinishProvider(t.Context(), desk, answer, browser); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if list, _, err := x.List(t.Context(), repo.Operator(), "", 10); err != nil || len(list) != 1 {
		t.Errorf("%d accounts, %v", len(list), err)
	}
}

func TestStaffByProvider(t *testing.T) { onBoth(t, testStaffByProvider) }

func testStaffByProvider(t *testing.T, open opener) {
	x, p := federated(t, open, func(p *account.Provider) { p.Citizens = false; p.UserInfo = true })
	claims := func(change ...any) {
		p.Set(func(p *accounttest.Provider) {
			p.Claims = map[string]any{"sub": "s-7", "name": "Bình", "email": "Binh@city.example", "email_verified": true, "unit": "Nội vụ", "groups": []string{"cv", "administrator"}, "wards": "w1 w2"}
			for i := 0; i+1 < len(change); i += 2 {
				p.Claims[change[i].(string)] = change[i+1]
			}
		})
	}
	claims()
	_, err := x.federate(t)
	want(t, err, "provider-no-account")
	err = x.Create(t.Context(), repo.Operator(), account.Opening{Account: account.Account{ID: "binh", Name: "Bình", Kind: account.Staff, Email: "binh@city.example"}})
	if err != nil {
		t.Fatal(err)
	}
	claims("email_verified", false)
	_, err = x.federate(t)
	want(t, err, "provider-no-account")
	claims()
	got, err := x.federate(t)
	if err != nil {
		t.Fatal(err)
	}
	who, err := x.Authenticate(t.Context(), got.Session)
	if err != nil || who.Name != "binh" || who.Agency != "snv" || !slices.Equal(who.Roles, []string{grant.Officer}) || !slices.Equal(who.Areas, []string{"w1", "w2"}) || who.Person != "" {
		t.Fatalf("%+v %v", who, err)
	}
	// Linked by now: the e-mail counts no more, and nobody else gets in by it.
	claims("email", "other@city.example")
	if _, err := x.federate(t); err != nil {
		t.Error(err)
	}
	claims("sub", "s-8")
	_, err = x.federate(t)
	want(t, err, "provider-no-account")
	// What the provider gives no more ends, for sessions of before too.
	claims("groups", []string{}, "wards", "w1")
	if _, err = x.federate(t); err != nil {
		t.Fatal(err)
	}
	if who, err = x.Authenticate(t.Context(), got.Session); err != nil || len(who.Roles) != 0 {
		t.Errorf("%+v %v", who, err)
	}
	claims("unit", "no-such-unit")
	if got, err = x.federate(t); err != nil {
		t.Fatal(err)
	}
	if who, err = x.Authenticate(t.Context(), got.Session); err != nil || len(who.Roles) != 0 {
		t.Errorf("an agency that is none: %+v %v", who, err)
	}
}

// What an attacker or a broken provider sends lets nobody in.
func TestProviderIsNotBelievedBlindly(t *testing.T) { onBoth(t, testProviderIsNotBelievedBlindly) }

func testProviderIsNotBelievedBlindly(t *testing.T, open opener) {
	x, p := federated(t, open, nil)
	p.Set(func(p *accounttest.Provider) { p.Claims = map[string]any{"sub": "s-1", "name": "Lê An"} })
	for name, set := range map[string]func(p *accounttest.Provider){
		"another key":      func(p *accounttest.Provider) { p.Forge = true },
		"refused":          func(p *accounttest.Provider) { p.Deny = true },
		"another nonce":    func(p *accounttest.Provider) { p.Spoil = func(c map[string]any) { c["nonce"] = "x" } },
		"no nonce":         func(p *accounttest.Provider) { p.Spoil = func(c map[string]any) { delete(c, "nonce") } },
		"another issuer":   func(p *accounttest.Provider) { p.Spoil = func(c map[string]any) { c["iss"] = "https://evil.example" } },
		"another audience": func(p *accounttest.Provider) { p.Spoil = func(c map[string]any) { c["aud"] = "other" } },
		"another party":    func(p *accounttest.Provider) { p.Spoil = func(c map[string]any) { c["azp"] = "other" } },
		"two audiences": func(p *accounttest.Provider) {
			p.Spoil = func(c map[string]any) { c["aud"] = []string{"other", accounttest.ClientID} }
		},
		"past its term": func(p *accounttest.Provider) {
			p.Spoil = func(c map[string]any) { c["exp"] = x.clock.Now().Add(-time.Minute).Unix() }
		},
		"no subject": func(p *accounttest.Provider) { p.Spoil = func(c map[string]any) { delete(c, "sub") } },
	} {
		p.Set(func(p *accounttest.Provider) { p.Forge, p.Deny, p.Spoil = false, false, nil; set(p) })
		if _, err := x.federate(t); code(err) != "provider-refused" {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.Set(func(p *accounttest.Provider) { p.Forge, p.Deny, p.Spoil = false, false, nil })
	answer, browser := x.goes(t)
	_, _, err := x.FinishProvider(t.Context(), desk, answer, browser+"x")
	want(t, err, "flow-over") // begun in another browser
	with := func(name, val string) url.Values {
		v := url.Values{"state": answer["state"], "code": answer["code"]}
		v.Set(name, val)
		return v
	}
	_, _, err = x.FinishProvider(t.Context(), desk, with("state", "huongf_x"), browser)
	want(t, err, "flow-over")
	if _, _, err = x.FinishProvider(t.Context(), desk, answer, browser); err != nil {
		t.Error(err)
	}
	_, _, err = x.FinishProvider(t.Context(), desk, answer, browser)
	want(t, err, "flow-over") // once
	answer, browser = x.goes(t)
	_, _, err = x.FinishProvider(t.Context(), desk, with("code", "guessed"), browser)
	want(t, err, "provider-refused")
	late, browser := x.goes(t)
	x.clock.forward(10 * time.Minute)
	_, _, err = x.FinishProvider(t.Context(), desk, late, browser)
	want(t, err, "flow-over")
	if list, _, _ := x.List(t.Context(), repo.Operator(), "", 10); len(list) != 1 {
		t.Errorf("%d accounts were made", len(list))
	}

	x, _ = federated(t, open, func(p *account.Provider) { p.Issuer = "http://127.0.0.1:1" })
	if _, _, err := x.BeginProvider(t.Context(), "/"); problem.KindOf(err) != problem.Unavailable {
		t.Errorf("a provider that is down: %v", err)
	}
}
