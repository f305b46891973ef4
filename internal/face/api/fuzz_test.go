package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// direct sends a request into the mux without a network, and returns the status.
func (s *site) direct(method, target, token, media, body string, header map[string]string) (int, string) {
	req := httptest.NewRequest(method, "/", strings.NewReader(body))
	u, err := url.Parse(target)
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		return 0, ""
	}
	req.URL, req.RequestURI = u, target
	req.Header.Set("Authorization", "Bearer "+token)
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	for k, v := range header {
		req.Header[k] = []string{v}
	}
	w := httptest.NewRecorder()
	func() {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		s.mux.ServeHTTP(w, req)
	}()
	return w.Code, w.Body.String()
}

// No input, however odd, is answered with a fault of ours.

func FuzzQuery(f *testing.F) {
	s := start(f, nil)
	s.fill()
	for _, seed := range []struct{ path, query string }{
		{"records", "filter=level+%3E+1&sort=-level&fields=level&limit=3"}, {"records", "bbox=1,2,3,4&area=x&datetime=../.."}, {"records", "asOf=2025-01-01T00:00:00Z&f=csv"},
		{"records", "cursor=AXh4eHh4eHh4AA&filter-lang=cql2-json&filter={}"}, {"records", "filter=previous(level)%3C1"}, {"records", "filter=casei(accenti(station))%20like%20'%25%5C_'"},
		{"aggregate", "by=observedAt:day,station&measure=mean(level),count,distinct(station)"}, {"aggregate", "by=_area&measure=min()"},
		{"difference", "from=1&to=2&limit=5"}, {"export", "format=parquet&limit=1"}, {"export", "format=xlsx&fields=level"}, {"changes", "cursor=AgE.1&limit=2"}, {"changes", "cursor=now&wait=0"},
		{"records/kimlong,2025-10-01T00:00:00Z", "asOf=3"}, {"records/~0~1,", ""}, {"records/a/history", "limit=1"}, {"records", "datetime=9999-12-31T23:59:59Z/.."},
		{"records", "filter=observedAt%20%3E%20TIMESTAMP('9999-12-31T23:59:59.999999Z')"}, {"records", "filter=level%5E1000000%3E1%20and%201/0=1"}, {"records", "asOf=-1"}, {"aggregate", "by=level&measure=sum(level)&filter=level%20div%200=1"},
	} {
		f.Add(seed.path, seed.query)
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		for _, name := range []string{"level", "station"} {
			target := "/api/v1/datasets/" + name + "/" + path
			if query != "" {
				target += "?" + query
			}
			if strings.Contains(query, "wait=") && !strings.Contains(query, "wait=0") {
				continue
			}
			if status, body := s.direct("GET", target, s.writer, "", "", nil); status >= 500 {
				t.Fatalf("%d for %q: %s", status, target, body)
			}
		}
	})
}

func FuzzBody(f *testing.F) {
	s := start(f, nil)
	for _, seed := range []struct{ method, media, body string }{
		{"PUT", "application/json", `{"name":"x","depth":1,"location":[1,2],"equipment":{"a":[1]}}`}, {"PATCH", "application/merge-patch+json", `{"equipment":{"a":null},"location":null}`},
		{"POST", "application/json", `[{"code":"a","name":"b"},{"code":1}]`}, {"POST", "application/x-ndjson", "{\"code\":\"a\",\"name\":\"b\"}\n{{\n"},
		{"POST", "text/csv", "code,name\r\na,\"b\r\n"}, {"POST", "application/json", `{"code":"x","name":"y","location":{"type":"Point","coordinates":[1,2]}}`},
		{"POST", "text/csv", "\xff\xfecode\n"}, {"PUT", "application/json", `{"name":"` + "\u0000" + `"}`}, {"POST", "text/tab-separated-values", "code\tname\n\t\n"},
		{"POST", "application/json", strings.Repeat("[", 2000)}, {"PUT", "application/json", `{"equipment":` + strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 501)},
	} {
		f.Add(seed.method, seed.media, seed.body)
	}
	f.Fuzz(func(t *testing.T, method, media, body string) {
		if len(body) > 1<<16 {
			return
		}
		target := "/api/v1/datasets/station/records"
		switch method {
		case "PUT", "PATCH":
			target += "/k"
		case "POST":
		default:
			return
		}
		for _, key := range []map[string]string{nil, {"Idempotency-Key": media}} {
			if status, answer := s.direct(method, target, s.writer, media, body, key); status >= 500 {
				t.Fatalf("%d for %s %s %q: %s", status, method, media, body, answer)
			}
		}
		for _, path := range []string{"/api/v1/quarantine/x", "/api/v1/quarantine/replay", "/api/v1/quarantine/x/dismiss"} {
			if status, answer := s.direct("POST", path, s.writer, media, body, nil); status >= 500 {
				t.Fatalf("%d for %s %q: %s", status, path, body, answer)
			}
		}
	})
}

func FuzzHeaders(f *testing.F) {
	s := start(f, nil)
	s.fill()
	f.Add(`"1"`, "*", "key", "reason", "text/csv;q=0.5", "AgE")
	f.Add(`W/"9999999999999999999"`, `"a", "b"`, "\x01", "%zz", "*/*;q=x", "AgE.99")
	f.Fuzz(func(t *testing.T, match, none, key, reason, accept, last string) {
		header := map[string]string{"If-Match": match, "If-None-Match": none, "Idempotency-Key": key, "Huong-Reason": reason, "Accept": accept, "Last-Event-Id": last}
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			if status, body := s.direct(method, "/api/v1/datasets/station/records/kimlong", s.writer, "application/json", `{"name":"x"}`, header); status >= 500 {
				t.Fatalf("%d for %s %v: %s", status, method, header, body)
			}
		}
		if strings.Contains(accept, "event-stream") || strings.Contains(accept, "text/*") {
			return // an event stream does not end by itself
		}
		if status, body := s.direct("GET", "/api/v1/changes", s.writer, "", "", header); status >= 500 {
			t.Fatalf("%d for %v: %s", status, header, body)
		}
	})
}
