// Package accounttest has an identity provider that tests sign people in at: it
// speaks OpenID Connect over HTTP in this process, and can misbehave.
package accounttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Client is how the provider knows its one client.
const (
	ClientID     = "huong"
	ClientSecret = "a secret & of the client"
)

// Provider is a running identity provider. Whoever comes to its authorisation
// endpoint is at once signed in as Claims says.
type Provider struct {
	URL string
	Now func() time.Time

	mu     sync.Mutex
	Claims map[string]any              // of the next sign-in: sub and others
	Spoil  func(claims map[string]any) // changes what the token says
	Forge  bool                        // sign by another key than the published one
	Deny   bool                        // refuse at the authorisation endpoint
	codes  map[string]url.Values       // what was asked for, by code
	told   map[string]map[string]any   // claims by access token
	key    *ecdsa.PrivateKey
	other  *ecdsa.PrivateKey
}

// Start runs a provider until the test ends.
func Start(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	p := &Provider{Now: now, codes: map[string]url.Values{}, told: map[string]map[string]any{}}
	for _, k := range []**ecdsa.PrivateKey{&p.key, &p.other} {
		var err error
		if *k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.configuration)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	mux.HandleFunc("GET /keys", p.keys)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	p.URL = s.URL
	return p
}

// Set changes the provider between sign-ins.
func (p *Provider) Set(fn func(p *Provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn(p)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func (p *Provider) configuration(w http.ResponseWriter, _ *http.Request) {
	answer(w, 200, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
	})
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("state") == "" || q.Get("nonce") == "" {
		http.Error(w, "malformed request", http.StatusBadRequest)
		return
	}
	to := url.Values{"state": {q.Get("state")}}
	if p.Deny {
		to.Set("error", "access_denied")
	} else {
		code := rand.Text()
		p.codes[code] = q
		to.Set("code", code)
	}
	back.RawQuery = to.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	if id != ClientID || secret != ClientSecret {
		answer(w, 401, map[string]string{"error": "invalid_client"})
		return
	}
	asked, known := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !known || r.FormValue("redirect_uri") != asked.Get("redirect_uri") || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") {
		answer(w, 400, map[string]string{"error": "invalid_grant"})
		return
	}
	now := p.Now()
	claims := map[string]any{"iss": p.URL, "aud": ClientID, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "nonce": asked.Get("nonce")}
	maps.Copy(claims, p.Claims)
	if p.Spoil != nil {
		p.Spoil(claims)
	}
	key := p.key
	if p.Forge {
		key = p.other
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "one"}}, nil)
	if err != nil {
		panic(err)
	}
	payload, _ := json.Marshal(claims)
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	access := rand.Text()
	p.told[access] = maps.Clone(p.Claims)
	answer(w, 200, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": text})
}

func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var access string
	fmt.Sscanf(r.Header.Get("Authorization"), "Bearer %s", &access)
	claims, known := p.told[access]
	if !known {
		http.Error(w, "no such token", http.StatusUnauthorized)
		return
	}
	answer(w, 200, claims)
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	answer(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &p.key.PublicKey, KeyID: "one", Algorithm: "ES256", Use: "sig"}}})
}
