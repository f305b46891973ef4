package api_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/face/api"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
	"huong.city/huong/internal/store/sqlite"
)

// machines serves the token endpoint and one page that tells who asks.
func machines(t *testing.T) (*account.Accounts, http.Handler) {
	t.Helper()
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	a, err := account.New(account.Config{Repo: r, Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Create(t.Context(), repo.Operator(), account.Opening{Account: account.Account{ID: "feed", Name: "Feed", Kind: account.Machine}, Capacities: []account.Capacity{{Roles: []string{grant.Machine}}}}); err != nil {
		t.Fatal(err)
	}
	mux, err := web.New(web.Config{Authenticate: a.Authenticate, Now: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Certificate: func(ctx context.Context, c *x509.Certificate) (repo.Principal, error) {
			return a.ByCertificate(ctx, c.Raw, c.Subject.String())
		}})
	if err != nil {
		t.Fatal(err)
	}
	who := web.Route{Method: http.MethodGet, Pattern: "/who", Handler: func(w http.ResponseWriter, r *web.Request) error {
		_, err := io.WriteString(w, r.Principal.Name+" "+strings.Join(r.Principal.Roles, ","))
		return err
	}}
	mux.Mount(api.TokenRoute(a), who)
	return a, mux
}

// The client of another make gets in, both ways of sending its secret.
func TestClientCredentials(t *testing.T) {
	a, handler := machines(t)
	s := httptest.NewServer(handler)
	defer s.Close()
	secret, err := a.ClientSecret(t.Context(), repo.Operator(), "feed")
	if err != nil {
		t.Fatal(err)
	}
	for name, style := range map[string]oauth2.AuthStyle{"basic": oauth2.AuthStyleInHeader, "post": oauth2.AuthStyleInParams} {
		c := clientcredentials.Config{ClientID: "feed", ClientSecret: secret, TokenURL: s.URL + "/oauth/token", AuthStyle: style}
		res, err := c.Client(t.Context()).Get(s.URL + "/who")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 200 || string(b) != "feed machine" {
			t.Errorf("%s: %d %s", name, res.StatusCode, b)
		}
	}
	ask := func(path, user, password string, form url.Values) (int, http.Header, map[string]any) {
		t.Helper()
		q, err := http.NewRequest(http.MethodPost, s.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if user != "" {
			q.SetBasicAuth(user, password)
		}
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		answer := map[string]any{}
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, res.Header, answer
	}
	grants := url.Values{"grant_type": {"client_credentials"}}
	status, h, answer := ask("/oauth/token", "feed", secret, grants)
	if status != 200 || answer["token_type"] != "Bearer" || answer["expires_in"] != 900.0 || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %v", status, answer, h)
	}
	for name, c := range map[string]struct {
		path, user, password string
		form                 url.Values
		status               int
		code                 string
	}{
		"a wrong secret":       {"/oauth/token", "feed", "guess", grants, 401, "invalid_client"},
		"nobody":               {"/oauth/token", "none", secret, grants, 401, "invalid_client"},
		"no credentials":       {"/oauth/token", "", "", grants, 401, "invalid_client"},
		"no grant":             {"/oauth/token", "feed", secret, url.Values{}, 400, "invalid_request"},
		"another grant":        {"/oauth/token", "feed", secret, url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		"a scope that is none": {"/oauth/token", "feed", secret, url.Values{"grant_type": {"client_credentials"}, "scope": {"everything"}}, 400, "invalid_scope"},
		"twice":                {"/oauth/token", "feed", secret, url.Values{"grant_type": {"client_credentials", "client_credentials"}}, 400, "invalid_request"},
		"two ways":             {"/oauth/token", "feed", secret, url.Values{"grant_type": {"client_credentials"}, "client_secret": {secret}}, 400, "invalid_request"},
		"in the address":       {"/oauth/token?client_secret=x", "feed", secret, grants, 400, "invalid_request"},
	} {
		status, h, answer := ask(c.path, c.user, c.password, c.form)
		if status != c.status || answer["error"] != c.code || (status == 401) != (h.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
}

// A machine is known by the certificate of its connection, as far as the server's
// authorities confirm it.
func TestClientCertificates(t *testing.T) {
	a, handler := machines(t)
	s := httptest.NewUnstartedServer(handler)
	s.TLS = &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: x509.NewCertPool()}
	s.StartTLS()
	defer s.Close()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "feed", Organization: []string{"Hue"}}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s.TLS.ClientCAs.AddCert(made)
	client := s.Client()
	transport := client.Transport.(*http.Transport)
	who := func() string {
		t.Helper()
		transport.CloseIdleConnections()
		res, err := client.Get(s.URL + "/who")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return string(b)
	}
	if got := who(); got != " " {
		t.Errorf("without a certificate: %q", got)
	}
	transport.TLSClientConfig.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	if got := who(); got != " " {
		t.Errorf("a certificate of nobody: %q", got)
	}
	if err := a.Certificate(t.Context(), repo.Operator(), "feed", "CN=feed,O=Hue"); err != nil {
		t.Fatal(err)
	}
	if got := who(); got != "feed machine" {
		t.Errorf("its certificate: %q", got)
	}
	if err := a.Disable(t.Context(), repo.Operator(), "feed", true); err != nil {
		t.Fatal(err)
	}
	if got := who(); got != " " {
		t.Errorf("disabled: %q", got)
	}
}

func TestTheTokenRouteIsDescribed(t *testing.T) {
	for _, mounted := range []bool{false, true} {
		s := start(t, nil)
		a := api.New(api.Config{Repo: s.repo, Mux: s.mux, Now: time.Now, TokenRoute: mounted})
		other, err := web.New(web.Config{Authenticate: s.repo.Authenticate, Now: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		other.Mount(a.Routes()...)
		w := httptest.NewRecorder()
		other.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/openapi.json", nil))
		var doc struct {
			Paths      map[string]map[string]map[string]any
			Components struct{ Schemas map[string]any }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		if op := doc.Paths["/oauth/token"]["post"]; (op != nil) != mounted || mounted && !strings.Contains(w.Body.String(), "#/components/schemas/TokenRequest") {
			t.Errorf("mounted %t: %v", mounted, op)
		}
	}
}
