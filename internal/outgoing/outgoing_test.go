package outgoing

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"huong.city/huong/internal/core/problem"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "113.160.0.1": true, "2606:4700:4700::1111": true, "2405:4800::1": true,
		"127.0.0.1": false, "127.255.0.9": false, "::1": false, "0.0.0.0": false, "::": false, "0.1.2.3": false,
		"10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "100.64.0.1": false, "100.100.100.200": false,
		"169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "fd00:ec2::254": false, "fc00::1": false,
		"224.0.0.1": false, "ff02::1": false, "255.255.255.255": false, "240.0.0.1": false, "192.0.2.1": false, "198.18.0.1": false,
		"::ffff:127.0.0.1": false, "::ffff:8.8.8.8": true, "64:ff9b::7f00:1": false, "64:ff9b::808:808": true, "64:ff9b::a9fe:a9fe": false,
		"2002:7f00:1::": false, "2002:a9fe:a9fe::1": false, "2002:808:808::1": true, "::7f00:1": false, "::a00:1": false, "2001:db8::1": false,
	} {
		if got := Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

func code(err error) string {
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return p.Code
	}
	return ""
}

// TestClient refuses inner addresses however they are written, by name too, and
// where a redirect leads to them.
func TestClient(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch {
		case q.URL.Path == "/loop":
			http.Redirect(w, q, "/loop", http.StatusFound)
		case q.URL.Path == "/away":
			http.Redirect(w, q, q.URL.Query().Get("to"), http.StatusFound)
		}
	}))
	defer inner.Close()
	port := inner.URL[strings.LastIndexByte(inner.URL, ':'):]
	get := func(o Options, address string) error {
		o.Plain = true
		res, err := Client(o).Get(address)
		if err == nil {
			res.Body.Close()
		}
		return err
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1.2.3", "0.0.0.0", "[::1]", "[::]", "169.254.169.254", "10.0.0.1", "2130706433"} {
		err := get(Options{}, "http://"+host+port+"/")
		if err == nil || code(err) != "outgoing-address" && host != "2130706433" { // a name to the resolver, which knows none such
			t.Errorf("%s: %v", host, err)
		}
	}
	here := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	if err := get(Options{Allowed: here}, inner.URL); err != nil {
		t.Errorf("what is allowed: %v", err)
	}
	if err := get(Options{Allowed: here}, inner.URL+"/away?to=http://127.0.0.2"+port+"/"); code(err) != "outgoing-address" {
		t.Errorf("a redirect to another inner address: %v", err)
	}
	if err := get(Options{Allowed: here}, inner.URL+"/away?to=file:///etc/passwd"); code(err) != "outgoing-scheme" {
		t.Errorf("a redirect to a file: %v", err)
	}
	if err := get(Options{Allowed: here}, inner.URL+"/loop"); code(err) != "outgoing-redirects" {
		t.Errorf("a circle: %v", err)
	}
	if _, err := Client(Options{Allowed: here}).Get(inner.URL); code(err) != "outgoing-scheme" {
		t.Errorf("plain http: %v", err)
	}
	t.Setenv("HTTP_PROXY", inner.URL)
	if err := get(Options{}, "http://10.0.0.1/"); code(err) != "outgoing-address" {
		t.Errorf("past a proxy of the environment: %v", err)
	}
}
