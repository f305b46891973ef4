package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"huong.city/huong/internal/core/problem"
)

func TestRates(t *testing.T) {
	now := time.Unix(0, 0)
	r := rates{rate: Rate{PerSecond: 2, Burst: 3}, now: func() time.Time { return now }}
	taken := func(client string) (n int) {
		for ; r.take(client) == nil; n++ {
		}
		return n
	}
	if n := taken("a"); n != 3 {
		t.Errorf("at once: %d", n)
	}
	if n := taken("b"); n != 3 {
		t.Errorf("another client: %d", n)
	}
	p, ok := errors.AsType[*problem.Error](r.take("a"))
	if !ok || p.Kind != problem.RateLimited || p.RetryAfter != time.Second/2 {
		t.Errorf("the refusal: %+v", p)
	}
	now = now.Add(time.Second)
	if n := taken("a"); n != 2 {
		t.Errorf("after a second: %d", n)
	}
	now = now.Add(-time.Hour) // a clock that is set back takes nothing away and gives nothing
	if n := taken("a"); n != 0 {
		t.Errorf("after the clock was set back: %d", n)
	}
	now = now.Add(3 * time.Hour)
	if n := taken("a"); n != 3 {
		t.Errorf("after long: %d", n)
	}
	for i := range 2 * mostBuckets {
		r.take(fmt.Sprint(i))
	}
	if len(r.buckets) > mostBuckets {
		t.Errorf("%d clients are remembered", len(r.buckets))
	}
	none := rates{now: time.Now}
	if err := none.take("a"); err != nil || none.buckets != nil {
		t.Errorf("no limit: %v", err)
	}
}

// TestRateLimits counts a principal's requests wherever they come from, others'
// by address, and those that try to sign in by a limit of their own.
func TestRateLimits(t *testing.T) {
	m := serve(t, func(c *Config) {
		c.PerPrincipal, c.PerAddress, c.SignIn = Rate{1, 4}, Rate{1, 3}, Rate{1, 2}
	},
		Route{Method: "GET", Pattern: "/open", Handler: func(w http.ResponseWriter, r *Request) error { w.WriteHeader(204); return nil }},
		Route{Method: "POST", Pattern: "/enter", SignIn: true, Handler: func(w http.ResponseWriter, r *Request) error { w.WriteHeader(204); return nil }}).mux
	ask := func(method, path, from, token string) int {
		q := httptest.NewRequest(method, path, nil)
		q.RemoteAddr = from
		if token != "" {
			q.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		m.ServeHTTP(w, q)
		if w.Code == 429 && w.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		return w.Code
	}
	until := func(method, path, token string, from func(i int) string) int {
		for i := range 20 {
			if ask(method, path, from(i), token) == 429 {
				return i
			}
		}
		return -1
	}
	if n := until("GET", "/open", "", func(int) string { return "192.0.2.1:1" }); n != 3 {
		t.Errorf("an address: %d", n)
	}
	if n := until("GET", "/open", "", func(i int) string { return fmt.Sprintf("[2001:db8::%x]:1", i) }); n != 3 {
		t.Errorf("a network of one subscriber: %d", n)
	}
	if n := until("GET", "/open", "good", func(i int) string { return fmt.Sprintf("192.0.2.%d:1", 10+i) }); n != 4 {
		t.Errorf("a principal from many addresses: %d", n)
	}
	if n := until("GET", "/open", "wrong", func(int) string { return "192.0.2.50:1" }); n != 2 {
		t.Errorf("wrong tokens from an address: %d", n)
	}
	if n := until("POST", "/enter", "", func(int) string { return "192.0.2.60:1" }); n != 2 {
		t.Errorf("signing in: %d", n)
	}
	if n := until("GET", "/open", "", func(int) string { return "127.0.0.1:1" }); n != -1 {
		t.Errorf("this machine itself: %d", n)
	}
	if n := until("POST", "/enter", "", func(int) string { return "127.0.0.1:1" }); n != 2 {
		t.Errorf("signing in on this machine: %d", n)
	}
}
