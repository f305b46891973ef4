package web

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// TestBehindProxy believes what a named proxy says of the connection, and what
// nobody else says of it.
func TestBehindProxy(t *testing.T) {
	m := serve(t, func(c *Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")} },
		Route{Method: "GET", Pattern: "/open", Handler: func(w http.ResponseWriter, r *Request) error { w.WriteHeader(204); return nil }}).mux
	for _, c := range []struct {
		from, proto string
		status      int
		hsts        bool
	}{
		{"10.0.0.5:1", "https", 204, true},
		{"10.0.0.5:1", "", 204, true},
		{"10.0.0.5:1", "http", 403, false},
		{"10.0.0.5:1", "https, http", 403, false},
		{"192.0.2.7:1", "https", 403, false},
		{"192.0.2.7:1", "", 403, false},
		{"127.0.0.1:1", "", 204, false},
	} {
		q := httptest.NewRequest("GET", "/open", nil)
		q.RemoteAddr = c.from
		if c.proto != "" {
			q.Header.Set("X-Forwarded-Proto", c.proto)
		}
		w := httptest.NewRecorder()
		m.ServeHTTP(w, q)
		if got := w.Header().Get("Strict-Transport-Security") != ""; w.Code != c.status || got != c.hsts {
			t.Errorf("%+v: %d, HSTS %t", c, w.Code, got)
		}
	}
	q := httptest.NewRequest("GET", "/open", nil)
	q.RemoteAddr = "10.0.0.5:1"
	if m.Loopback(q) {
		t.Error("what a proxy passes on is taken for this machine's own")
	}
}

// TestPeer hands on a certificate that was checked and no other.
func TestPeer(t *testing.T) {
	leaf, root := &x509.Certificate{Raw: []byte{1}}, &x509.Certificate{Raw: []byte{2}}
	for _, c := range []struct {
		state *tls.ConnectionState
		want  *x509.Certificate
	}{
		{nil, nil},
		{&tls.ConnectionState{}, nil},
		{&tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}, nil},
		{&tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf, root}}}, leaf},
	} {
		if got := (&Request{Request: &http.Request{TLS: c.state}}).Peer(); got != c.want {
			t.Errorf("%+v: %v", c.state, got)
		}
	}
}
