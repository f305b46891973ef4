package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/repo"
)

// unbounded are the routes whose bodies have no limit: they are read as a stream
// in bounded memory.
var unbounded = []string{"POST /open311/v2/requests.csv", "POST /api/v1/datasets/{name}/records"}

// endless is a body that does not end and counts what is read of it.
type endless struct{ read int64 }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	e.read += int64(len(b))
	return len(b), nil
}

// TestRoutesAreBounded sends each route a body without end and a forged request
// of another site, and looks at what each page lets a browser do.
func TestRoutesAreBounded(t *testing.T) {
	steward := staff("ours", grant.Steward, "*")
	s := newSeeded(t, map[string]repo.Principal{"steward": steward, "administrator": staff("theirs", grant.Administrator)})
	const most = 34 << 20 // no limit of a route is greater, and none reads much beyond it
	for _, route := range s.mux.Routes() {
		name := route.Method + " " + strings.TrimSuffix(route.Pattern, "{$}")
		p, placed := places[name]
		if !placed {
			continue // the matrix says so
		}
		path, body := s.fillIn(strings.TrimSuffix(route.Pattern, "{$}"), p, "internal")
		if route.Method == http.MethodGet {
			w := s.ask("steward", "GET", path, "")
			policy := w.Header().Get("Content-Security-Policy")
			if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") ||
				w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("X-Frame-Options") != "DENY" {
				t.Errorf("%s: headers %v", name, w.Header())
			}
			if text := w.Body.String(); strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") &&
				(strings.Contains(text, " style=\"") || strings.Contains(text, "<style") || strings.Contains(text, " onclick=") || strings.Contains(text, "<script>")) {
				t.Errorf("%s: something stands inline that the policy forbids", name)
			}
			continue
		}
		if bounded := route.MaxBody >= 0; bounded == slices.Contains(unbounded, name) {
			t.Errorf("%s: a limit of %d bytes", name, route.MaxBody)
		} else if bounded {
			e := &endless{}
			q := httptest.NewRequest(route.Method, path, io.Reader(e))
			q.ContentLength = -1
			q.RemoteAddr = "198.51.100.1:1"
			q.Header.Set("Authorization", "Bearer steward")
			q.Header.Set("Content-Type", "application/json")
			if p.media != "" {
				q.Header.Set("Content-Type", p.media)
			}
			w := httptest.NewRecorder()
			s.serve(w, q)
			if e.read > most {
				t.Errorf("%s reads %d bytes of a body without end and answers %d", name, e.read, w.Code)
			}
		}
		// A browser adds the cookie by itself, whoever made the form.
		q := httptest.NewRequest(route.Method, path, strings.NewReader(body))
		q.RemoteAddr = "198.51.100.2:1"
		q.Header.Set("Sec-Fetch-Site", "cross-site")
		q.Header.Set("Origin", "https://elsewhere.example")
		q.Header.Set("Content-Type", form)
		q.AddCookie(&http.Cookie{Name: "__Host-huong", Value: "steward"})
		before := s.records()
		w := httptest.NewRecorder()
		s.serve(w, q)
		refused := w.Code == http.StatusForbidden && strings.Contains(w.Body.String(), "cross-origin")
		if route.OwnCredentials { // nobody is known there yet
			refused = w.Code == http.StatusUnauthorized
		}
		if !refused || s.records() != before {
			t.Errorf("%s from another site: %d %.200s", name, w.Code, w.Body)
		}
	}
}
