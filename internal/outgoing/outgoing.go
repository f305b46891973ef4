// Package outgoing makes the HTTP client for calls that leave the city: to an
// identity provider, to a webhook. What others write into an address must not
// reach what only this machine or its network can reach (server-side request
// forgery).
package outgoing

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"huong.city/huong/internal/core/problem"
)

// Options of a client.
type Options struct {
	Allowed []netip.Prefix // inner addresses that may be called all the same
	Plain   bool           // http is spoken too; https alone otherwise
	Time    time.Duration  // for a whole call; 10 s when 0
}

const (
	mostRedirects = 5
	mostHeader    = 64 << 10
)

// Client makes a client that connects to public addresses only, and to those
// allowed. The address is checked when the connection is made, after the name is
// resolved, so that neither a redirect nor a name that resolves anew gets past.
// No proxy of the environment is used: it would be who connects. A refusal is a
// *problem.Error, Denied, with code outgoing-address or outgoing-scheme.
func Client(o Options) *http.Client {
	if o.Time == 0 {
		o.Time = 10 * time.Second
	}
	dialer := &net.Dialer{Timeout: o.Time, ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
		return check(network, address, o.Allowed)
	}}
	transport := &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: o.Time, ResponseHeaderTimeout: o.Time, MaxResponseHeaderBytes: mostHeader,
		MaxIdleConns: 20, IdleConnTimeout: time.Minute,
	}
	return &http.Client{
		Timeout: o.Time, Transport: schemes{transport, o.Plain},
		CheckRedirect: func(q *http.Request, via []*http.Request) error {
			if len(via) >= mostRedirects {
				return problem.New(problem.Denied, "outgoing-redirects", "limit", mostRedirects)
			}
			return nil
		},
	}
}

// schemes refuses what is not said in secret, at each step of a redirect.
type schemes struct {
	next  http.RoundTripper
	plain bool
}

// RoundTrip implements http.RoundTripper.
func (s schemes) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.URL.Scheme != "https" && !(s.plain && q.URL.Scheme == "http") {
		return nil, problem.New(problem.Denied, "outgoing-scheme")
	}
	return s.next.RoundTrip(q)
}

func check(network, address string, allowed []netip.Prefix) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return problem.New(problem.Denied, "outgoing-address")
	}
	a := at.Addr().WithZone("").Unmap()
	if slices.ContainsFunc(allowed, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return nil
	}
	if !Public(a) {
		return problem.New(problem.Denied, "outgoing-address")
	}
	return nil
}

// reserved are ranges that are no public hosts (IANA special-purpose registries,
// RFC 6890), beside what netip itself knows. Clouds keep their metadata at
// link-local, private and shared addresses.
var reserved = [...]string{
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
}

// Public tells that an address is one of the open Internet. An address that
// holds another (IPv4 in IPv6, NAT64, 6to4) is as public as that one.
func Public(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, text := range reserved {
		if netip.MustParsePrefix(text).Contains(a) {
			return false
		}
	}
	if b := a.As16(); a.Is6() {
		switch {
		case b[0] == 0x20 && b[1] == 0x02: // 6to4, RFC 3056
			return Public(netip.AddrFrom4([4]byte(b[2:6])))
		case netip.MustParsePrefix("64:ff9b::/96").Contains(a), netip.MustParsePrefix("::/96").Contains(a): // RFC 6052, RFC 4291
			return Public(netip.AddrFrom4([4]byte(b[12:16])))
		}
	}
	return true
}
