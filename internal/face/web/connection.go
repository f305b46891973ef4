package web

import (
	"crypto/x509"
	"net/http"
	"strings"
)

// Encrypted tells that what is said on the connection is hidden from others on
// the way: by TLS of our own, or by that of a named proxy, which says
// X-Forwarded-Proto: http where it is not.
func (m *Mux) Encrypted(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	a, ok := addressOf(r.RemoteAddr)
	if !ok || !m.proxy(a) {
		return false
	}
	for _, proto := range Tags(r.Header.Values("X-Forwarded-Proto")) { // one for each proxy on the way
		if !strings.EqualFold(proto, "https") {
			return false
		}
	}
	return true
}

// Peer is the certificate by which a machine signs the connection, checked
// against the authorities that the server was given; nil when there is none.
func (r *Request) Peer() *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	return r.TLS.VerifiedChains[0][0]
}
