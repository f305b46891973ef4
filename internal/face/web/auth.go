package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// Credential says how a request proved who it is.
type Credential uint8

const (
	NoCredential Credential = iota
	BearerToken             // Authorization: Bearer …
	SessionCookie
	ClientCertificate // of the connection
)

// Names of the session cookie: the first wherever the connection is encrypted,
// the second on plain http over the loopback only, where __Host- cannot be set.
const (
	secureCookie   = "__Host-huong"
	loopbackCookie = "huong"
)

// credentialOf finds the token of a request. A malformed Authorization header
// is a bearer credential with an empty token, which never is valid.
func (m *Mux) credentialOf(r *http.Request) (token string, c Credential) {
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			token = ""
		}
		return strings.TrimSpace(token), BearerToken
	}
	if c, err := r.Cookie(secureCookie); err == nil && c.Value != "" {
		return c.Value, SessionCookie
	}
	if c, err := r.Cookie(loopbackCookie); err == nil && c.Value != "" && m.Loopback(r) {
		return c.Value, SessionCookie
	}
	return "", NoCredential
}

// authenticate fills the principal. A wrong bearer token is refused; a session
// that is over reads as the public, so that open pages stay readable.
func (m *Mux) authenticate(r *Request) error {
	token, c := m.credentialOf(r.Request)
	r.Principal = repo.Public()
	if c == NoCredential {
		return m.byCertificate(r)
	}
	r.Credential = c
	if token == "" {
		return problem.New(problem.Unauthenticated, "unauthenticated")
	}
	p, err := m.config.Authenticate(r.Context(), token)
	if err != nil {
		if c == SessionCookie && problem.KindOf(err) == problem.Unauthenticated {
			r.Credential = NoCredential
			return nil
		}
		return err
	}
	r.Principal = p
	if c == SessionCookie {
		r.Session = token
	}
	return r.task()
}

// byCertificate fills the principal of a connection whose client showed a
// certificate that the server's authorities confirm. One that belongs to nobody
// reads as the public.
func (m *Mux) byCertificate(r *Request) error {
	if m.config.Certificate == nil || r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	p, err := m.config.Certificate(r.Context(), r.TLS.PeerCertificates[0])
	if problem.KindOf(err) == problem.Unauthenticated {
		return nil
	}
	if err != nil {
		return err
	}
	r.Principal, r.Credential = p, ClientCertificate
	return r.task()
}

// task takes what personal data is read for from the request's headers. A
// session keeps its own, unless another purpose is named.
func (r *Request) task() error {
	if purpose := r.Header.Get(PurposeHeader); purpose != "" {
		r.Principal.Purpose, r.Principal.HiddenUntil = purpose, 0
	}
	if number := r.Header.Get(CaseHeader); number != "" {
		r.Principal.Case = number
	}
	if until := r.Header.Get(HiddenHeader); until != "" {
		t, err := time.Parse(time.RFC3339, until)
		if err != nil || t.UnixMicro() <= 0 {
			return problem.New(problem.Invalid, "hide-malformed")
		}
		r.Principal.HiddenUntil = t.UnixMicro()
	}
	return nil
}

// Headers by which a request says what personal data is read for (a code of the
// dataset purpose), the number of the case that it belongs to, and until when
// (RFC 3339) the persons are not to be shown it, where the purpose permits that.
const (
	PurposeHeader = "Huong-Purpose"
	CaseHeader    = "Huong-Case"
	HiddenHeader  = "Huong-Hidden-Until"
)

// SetSession keeps a token in the browser until the given time, or until the
// browser closes where it is zero, readable by no script and sent by no other site.
func (m *Mux) SetSession(w http.ResponseWriter, r *Request, token string, until time.Time) {
	secure := !m.Loopback(r.Request) || r.TLS != nil
	name := secureCookie
	if !secure {
		name = loopbackCookie
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: token, Path: "/", Expires: until,
		Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// Cookies that hold the secret of a sign-in that has begun: with a provider, by
// passkey. They live as long as it may take.
const (
	secureFlow   = "__Host-huong-flow"
	loopbackFlow = "huong-flow"
	flowLives    = 10 * time.Minute
)

// SetFlow keeps the secret of a sign-in that has begun; an empty one forgets it.
func (m *Mux) SetFlow(w http.ResponseWriter, r *Request, secret string) {
	secure := !m.Loopback(r.Request) || r.TLS != nil
	c := &http.Cookie{Name: secureFlow, Value: secret, Path: "/", MaxAge: int(flowLives / time.Second), Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if !secure {
		c.Name = loopbackFlow
	}
	if secret == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// Flow is the secret of the sign-in that the browser has begun; empty for none.
func (m *Mux) Flow(r *Request) string {
	name := secureFlow
	if m.Loopback(r.Request) && r.TLS == nil {
		name = loopbackFlow
	}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// ClearSession forgets the token of the browser.
func (m *Mux) ClearSession(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: secureCookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.SetCookie(w, &http.Cookie{Name: loopbackCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// Loopback tells that the request comes from this machine over plain http and
// was not passed on by a proxy. One that is named is taken to pass on all that
// comes from its address.
func (m *Mux) Loopback(r *http.Request) bool {
	if r.TLS != nil || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
		return false
	}
	a, ok := addressOf(r.RemoteAddr)
	return ok && a.IsLoopback() && !m.proxy(a)
}

// clientOf names who a request counts against: the principal, else the
// network address, taken from X-Forwarded-For where a trusted proxy says it.
// It is used for limits in memory only and never logged.
func (m *Mux) clientOf(r *Request) string {
	if r.Principal.Name != "" {
		return "p:" + r.Principal.Name
	}
	return m.senderOf(r)
}

// senderOf is clientOf whoever it is.
func (m *Mux) senderOf(r *Request) string {
	a, ok := m.clientAddress(r.Request)
	if !ok {
		return "a:" + r.RemoteAddr
	}
	if a.Is6() { // a subscriber holds a whole /64
		if p, err := a.Prefix(64); err == nil {
			a = p.Addr()
		}
	}
	return "a:" + a.String()
}

// Address is the network address that the request comes from; empty where it
// cannot be told. It is personal data: nothing may log it.
func (r *Request) Address() string {
	a, ok := r.mux.clientAddress(r.Request)
	if !ok {
		return ""
	}
	return a.String()
}

// Loopback tells that the request comes from this machine over plain http and
// was not passed on by a proxy.
func (r *Request) Loopback() bool { return r.mux.Loopback(r.Request) }

// clientAddress is the address of the connection, or the one that a trusted
// proxy says it passes on for.
func (m *Mux) clientAddress(r *http.Request) (a netip.Addr, ok bool) {
	if a, ok = addressOf(r.RemoteAddr); !ok {
		return a, false
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && m.proxy(a); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		a = next.Unmap()
	}
	return a, true
}

func (m *Mux) proxy(a netip.Addr) bool {
	for _, p := range m.config.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func addressOf(remote string) (netip.Addr, bool) {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	a, err := netip.ParseAddr(host)
	return a.Unmap(), err == nil
}
