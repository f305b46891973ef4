package account_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
)

func (x *town) robot(t testing.TB, id string, capacities ...account.Capacity) {
	t.Helper()
	if err := x.Create(t.Context(), repo.Operator(), account.Opening{Account: account.Account{ID: id, Name: "Máy " + id, Kind: account.Machine}, Capacities: capacities}); err != nil {
		t.Fatal(err)
	}
}

var feed = account.Capacity{Agency: "snv", Roles: []string{grant.Machine, grant.Engineer}, Areas: []string{"*"}}

func TestClientCredentials(t *testing.T) { onBoth(t, testClientCredentials) }

func testClientCredentials(t *testing.T, open opener) {
	x := open(t)
	x.robot(t, "feed", feed)
	x.staff(t, "an", officer("w1"))
	_, err := x.ClientSecret(t.Context(), x.as(t, "an"), "feed")
	if problem.KindOf(err) != problem.Denied {
		t.Errorf("an officer makes a secret: %v", err)
	}
	_, err = x.ClientSecret(t.Context(), repo.Operator(), "an")
	want(t, err, "account-no-machine")
	secret, err := x.ClientSecret(t.Context(), repo.Operator(), "feed")
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][2]string{{"feed", secret + "x"}, {"feed", ""}, {"none", secret}, {"an", secret}, {"", ""}} {
		_, err := x.ClientToken(t.Context(), "198.51.100.1", wrong[0], wrong[1], "")
		want(t, err, "client-wrong")
	}
	give := func() string {
		t.Helper()
		token, err := x.ClientToken(t.Context(), "198.51.100.1", "feed", secret, "")
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	token := give()
	p, err := x.Authenticate(t.Context(), token)
	if err != nil || p.Name != "feed" || p.Agency != "snv" || !p.Is(grant.Machine) || p.Admin || len(p.Read)+len(p.Write) > 0 {
		t.Fatalf("%+v %v", p, err)
	}
	if _, err := x.Session(t.Context(), token); problem.KindOf(err) != problem.Unauthenticated {
		t.Errorf("a bearer token is no session: %v", err)
	}
	x.over(t, secret, "the secret itself opens nothing")
	x.clock.forward(account.BearerHolds)
	x.over(t, token, "past its term")
	token = give()
	if err := x.Disable(t.Context(), repo.Operator(), "feed", true); err != nil {
		t.Fatal(err)
	}
	x.over(t, token, "disabled")
	if err := x.Disable(t.Context(), repo.Operator(), "feed", false); err != nil {
		t.Fatal(err)
	}
	x.over(t, token, "given before it was disabled")
	token = give()
	old := secret
	if secret, err = x.ClientSecret(t.Context(), repo.Operator(), "feed"); err != nil {
		t.Fatal(err)
	}
	x.over(t, token, "a new secret")
	_, err = x.ClientToken(t.Context(), "198.51.100.1", "feed", old, "")
	want(t, err, "client-wrong")
	// Of several capacities one is named.
	id, err := x.Give(t.Context(), repo.Operator(), account.Capacity{Account: "feed", Agency: "cath", Roles: []string{grant.Machine}})
	if err != nil {
		t.Fatal(err)
	}
	for _, scope := range []string{"", "none"} {
		_, err = x.ClientToken(t.Context(), "198.51.100.1", "feed", secret, scope)
		want(t, err, "client-scope")
	}
	token, err = x.ClientToken(t.Context(), "198.51.100.1", "feed", secret, id)
	if p, _ := x.Authenticate(t.Context(), token); err != nil || p.Agency != "cath" {
		t.Errorf("%+v %v", p, err)
	}
	if err := x.End(t.Context(), repo.Operator(), id); err != nil {
		t.Fatal(err)
	}
	x.over(t, token, "its capacity has ended")
	_, err = x.SignIn(t.Context(), desk, "feed", secret)
	want(t, err, "sign-in-wrong") // a machine has no password
	for range 30 {
		x.ClientToken(t.Context(), "198.51.100.2", "feed", "guess", "")
	}
	_, err = x.ClientToken(t.Context(), "198.51.100.2", "feed", secret, "")
	want(t, err, "sign-in-wait")
	x.clock.forward(time.Hour)
	if err := x.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := x.repo.Private("account").Each(t.Context(), "bearer/", func(string, []byte) error { t.Error("an ended token is kept"); return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestCertificates(t *testing.T) { onBoth(t, testCertificates) }

func testCertificates(t *testing.T, open opener) {
	x := open(t)
	x.robot(t, "feed", feed)
	x.robot(t, "gate", feed)
	der := []byte("a certificate in its binary form")
	sum := sha256.Sum256(der)
	print := strings.ToUpper(hex.EncodeToString(sum[:]))
	const subject = "CN=gate,O=Hue"
	for _, c := range []struct{ id, certificate string }{{"feed", print[:2] + ":" + print[2:]}, {"gate", subject}} {
		if err := x.Certificate(t.Context(), repo.Operator(), c.id, c.certificate); err != nil {
			t.Fatal(err)
		}
	}
	want(t, x.Certificate(t.Context(), repo.Operator(), "gate", print), "certificate-taken")
	want(t, x.Certificate(t.Context(), repo.Operator(), "gate", " "), "certificate-none")
	if p, err := x.ByCertificate(t.Context(), der, "CN=other"); err != nil || p.Name != "feed" || !p.Is(grant.Machine) {
		t.Errorf("%+v %v", p, err)
	}
	if p, err := x.ByCertificate(t.Context(), []byte("renewed"), subject); err != nil || p.Name != "gate" {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := x.ByCertificate(t.Context(), []byte("renewed"), "CN=other"); problem.KindOf(err) != problem.Unauthenticated {
		t.Errorf("a stranger: %v", err)
	}
	if err := x.Disable(t.Context(), repo.Operator(), "gate", true); err != nil {
		t.Fatal(err)
	}
	if _, err := x.ByCertificate(t.Context(), []byte("renewed"), subject); problem.KindOf(err) != problem.Unauthenticated {
		t.Errorf("disabled: %v", err)
	}
	if err := x.ForgetCertificate(t.Context(), repo.Operator(), strings.ToLower(print)); err != nil {
		t.Fatal(err)
	}
	if _, err := x.ByCertificate(t.Context(), der, ""); problem.KindOf(err) != problem.Unauthenticated {
		t.Errorf("forgotten: %v", err)
	}
}
