package web

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

type fixture struct {
	*httptest.Server
	mux     *Mux
	log     *bytes.Buffer
	metrics *prometheus.Registry
	stop    context.CancelFunc
}

type lockedWriter struct {
	mu sync.Mutex
	b  *bytes.Buffer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func serve(t *testing.T, change func(*Config), routes ...Route) *fixture {
	t.Helper()
	f := &fixture{log: &bytes.Buffer{}, metrics: prometheus.NewRegistry()}
	stopping, stop := context.WithCancel(context.Background())
	f.stop = stop
	c := Config{
		Now: time.Now, Random: rand.Reader, Log: slog.New(slog.NewJSONHandler(&lockedWriter{b: f.log}, nil)), Metrics: f.metrics, Stopping: stopping,
		Authenticate: func(_ context.Context, token string) (repo.Principal, error) {
			switch token {
			case "good":
				return repo.Principal{Name: "token:1"}, nil
			case "broken":
				return repo.Principal{}, errors.New("database on fire")
			}
			return repo.Principal{}, problem.New(problem.Unauthenticated, "unauthenticated")
		},
	}
	if change != nil {
		change(&c)
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	m.Mount(routes...)
	f.mux = m
	f.Server = httptest.NewServer(m)
	f.Server.Config.ErrorLog = nil
	t.Cleanup(func() { stop(); f.Close() })
	return f
}

func get(t *testing.T, method, url string, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	tr := &http.Transport{DisableCompression: true}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res, string(b)
}

func echo(w http.ResponseWriter, r *Request) error {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "%s|%s|%d|%s", r.Lang, r.Principal.Name, r.Credential, b)
	return nil
}

func failing(err error) Handler { return func(http.ResponseWriter, *Request) error { return err } }

func TestAnswers(t *testing.T) {
	invalid := problem.InvalidWith("parameters-invalid", []problem.Violation{problem.Violate("parameter-required", "from")})
	busy := problem.New(problem.Unavailable, "busy")
	busy.RetryAfter = 1500 * time.Millisecond
	f := serve(t, nil,
		Route{Method: "GET", Pattern: "/echo", Handler: echo},
		Route{Method: "POST", Pattern: "/echo", Handler: echo, MaxBody: 10},
		Route{Method: "GET", Pattern: "/bad", Handler: failing(invalid)},
		Route{Method: "POST", Pattern: "/bad", Handler: failing(invalid)},
		Route{Method: "POST", Pattern: "/malformed", Handler: failing(Malformed(invalid))},
		Route{Method: "GET", Pattern: "/busy", Handler: failing(busy)},
		Route{Method: "GET", Pattern: "/denied", Handler: failing(problem.New(problem.Denied, "denied", "action", "read", "dataset", "x"))},
		Route{Method: "GET", Pattern: "/fault", Handler: failing(errors.New("secret text"))},
		Route{Method: "GET", Pattern: "/panic", Handler: func(http.ResponseWriter, *Request) error { panic("secret text") }},
		Route{Method: "GET", Pattern: "/half", Handler: func(w http.ResponseWriter, _ *Request) error {
			io.WriteString(w, "half an answer")
			return problem.New(problem.NotFound, "route-unknown")
		}},
	)
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		want                     []string // in the body
		wantHeader               map[string]string
	}{
		{"vietnamese by default", "GET", "/echo", "", nil, 200, []string{"vi||0|"}, map[string]string{"X-Content-Type-Options": "nosniff", "Content-Security-Policy": ContentSecurityPolicy}},
		{"language header", "GET", "/echo", "", []string{"Accept-Language", "fr, en-GB;q=0.8, vi;q=0.3"}, 200, []string{"en||"}, nil},
		{"language parameter wins", "GET", "/echo?lang=vi", "", []string{"Accept-Language", "en", "Cookie", "lang=en"}, 200, []string{"vi||"}, nil},
		{"language cookie", "GET", "/echo", "", []string{"Cookie", "lang=en"}, 200, []string{"en||"}, nil},
		{"bearer", "GET", "/echo", "", []string{"Authorization", "bearer good"}, 200, []string{"|token:1|1|"}, nil},
		{"wrong bearer", "GET", "/echo", "", []string{"Authorization", "Bearer bad"}, 401, []string{`"code":"unauthenticated"`}, map[string]string{"WWW-Authenticate": `Bearer realm="huong", error="invalid_token"`}},
		{"other scheme", "GET", "/echo", "", []string{"Authorization", "Basic Zm9v"}, 401, nil, nil},
		{"broken authentication", "GET", "/echo", "", []string{"Authorization", "Bearer broken"}, 500, []string{`"code":"internal"`}, nil},
		{"loopback cookie", "GET", "/echo", "", []string{"Cookie", "huong=good"}, 200, []string{"|token:1|2|"}, nil},
		{"ended session reads as the public", "GET", "/echo", "", []string{"Cookie", "huong=bad"}, 200, []string{"||0|"}, nil},
		{"loopback cookie behind a proxy", "GET", "/echo", "", []string{"Cookie", "huong=good", "X-Forwarded-For", "1.2.3.4"}, 200, []string{"||0|"}, nil},
		{"write with a session, same origin", "POST", "/echo", "x", []string{"Cookie", "huong=good", "Sec-Fetch-Site", "same-origin"}, 200, []string{"|x"}, nil},
		{"write with a session, other origin", "POST", "/echo", "x", []string{"Cookie", "huong=good", "Sec-Fetch-Site", "cross-site"}, 403, []string{`"cross-origin"`}, nil},
		{"write with a token, other origin", "POST", "/echo", "x", []string{"Authorization", "Bearer good", "Sec-Fetch-Site", "cross-site"}, 200, nil, nil},
		{"body too large", "POST", "/echo", "12345678901", []string{"Authorization", "Bearer good"}, 413, []string{`"too-large"`}, nil},
		{"unknown route", "GET", "/nowhere", "", nil, 404, []string{`"/problems/route-unknown"`}, map[string]string{"Content-Type": "application/problem+json; charset=utf-8"}},
		{"unknown method", "DELETE", "/echo", "", nil, 405, []string{`"method-not-allowed"`}, map[string]string{"Allow": "GET, HEAD, POST"}},
		{"path not in its clean form", "GET", "/x/../echo?lang=en", "", nil, 307, nil, map[string]string{"Location": "/echo?lang=en", "X-Frame-Options": "DENY"}},
		{"unclean path of no route", "GET", "/x/../nowhere", "", nil, 400, []string{`"request-malformed"`}, nil},
		{"head", "HEAD", "/echo", "", nil, 200, nil, nil},
		{"invalid parameters", "GET", "/bad?lang=en", "", nil, 400, []string{`"field":"from"`, `"message":"Required, but missing."`}, map[string]string{"Content-Language": "en"}},
		{"invalid record", "POST", "/bad", "", nil, 422, nil, nil},
		{"malformed body", "POST", "/malformed", "", nil, 400, nil, nil},
		{"busy", "GET", "/busy", "", nil, 503, nil, map[string]string{"Retry-After": "2"}},
		{"denied to the public", "GET", "/denied", "", nil, 401, nil, map[string]string{"WWW-Authenticate": `Bearer realm="huong"`}},
		{"denied", "GET", "/denied", "", []string{"Authorization", "Bearer good"}, 403, nil, nil},
		{"fault", "GET", "/fault", "", nil, 500, []string{`"code":"internal"`}, nil},
		{"panic", "GET", "/panic", "", nil, 500, []string{`"code":"internal"`}, nil},
		{"a small answer can be taken back", "GET", "/half", "", nil, 404, []string{`"code":"route-unknown"`}, nil},
		{"request id kept", "GET", "/echo", "", []string{"X-Request-Id", "abc-1"}, 200, nil, map[string]string{"X-Request-Id": "abc-1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, body := get(t, c.method, f.URL+c.path, c.body, c.header...)
			if res.StatusCode != c.status {
				t.Fatalf("status %d, want %d: %s", res.StatusCode, c.status, body)
			}
			for _, w := range c.want {
				if !strings.Contains(body, w) {
					t.Errorf("body %s lacks %s", body, w)
				}
			}
			if strings.Contains(body, "secret") {
				t.Errorf("internal text shown: %s", body)
			}
			for k, v := range c.wantHeader {
				if res.Header.Get(k) != v {
					t.Errorf("%s: %q, want %q", k, res.Header.Get(k), v)
				}
			}
			if res.StatusCode >= 400 && c.method != "HEAD" {
				var d Document
				if err := json.Unmarshal([]byte(body), &d); err != nil || d.Status != res.StatusCode || d.Title == "" || d.Detail == "" || d.Request == "" {
					t.Errorf("no whole problem document: %s %v", body, err)
				}
			}
		})
	}
	f.Close()
	if n := strings.Count(f.log.String(), "secret text"); n != 2 {
		t.Errorf("faults logged %d times, want once each", n)
	}
	families, err := f.metrics.Gather()
	if err != nil || len(families) == 0 {
		t.Fatalf("metrics: %v", err)
	}
	if s := fmt.Sprint(families); strings.Contains(s, "nowhere") || !strings.Contains(s, "/echo") {
		t.Errorf("metrics must count by route, not by path: %s", s)
	}
}

func TestLogHoldsNoQueryAndNoPath(t *testing.T) {
	f := serve(t, nil, Route{Method: "GET", Pattern: "/person/{key}", Handler: echo})
	get(t, "GET", f.URL+"/person/0123456789?name=Nguyen", "")
	f.Close()
	if s := f.log.String(); strings.Contains(s, "Nguyen") || strings.Contains(s, "0123456789") || !strings.Contains(s, "/person/{key}") {
		t.Errorf("log: %s", s)
	}
}

func TestCompression(t *testing.T) {
	long := strings.Repeat("nước sông Hương ", 1000)
	page := func(set func(http.Header), text string) Handler {
		return func(w http.ResponseWriter, _ *Request) error {
			w.Header().Set("Content-Type", "application/json")
			if set != nil {
				set(w.Header())
			}
			for line := range strings.SplitAfterSeq(text, " ") {
				io.WriteString(w, line)
			}
			return nil
		}
	}
	f := serve(t, nil,
		Route{Method: "GET", Pattern: "/long", Handler: page(nil, long)},
		Route{Method: "GET", Pattern: "/short", Handler: page(nil, "ngắn")},
		Route{Method: "GET", Pattern: "/strong", Handler: page(func(h http.Header) { h.Set("ETag", `"1"`) }, long)},
		Route{Method: "GET", Pattern: "/weak", Handler: page(func(h http.Header) { h.Set("ETag", `W/"1"`) }, long)},
		Route{Method: "GET", Pattern: "/image", Handler: page(func(h http.Header) { h.Set("Content-Type", "image/png") }, long)},
	)
	for _, c := range []struct {
		path, accept, want string
	}{
		{"/long", "gzip", "gzip"}, {"/long", "br, *;q=0.1", "gzip"}, {"/long", "", ""}, {"/long", "gzip;q=0", ""},
		{"/short", "gzip", ""}, {"/strong", "gzip", ""}, {"/weak", "gzip", "gzip"}, {"/image", "gzip", ""},
	} {
		res, body := get(t, "GET", f.URL+c.path, "", "Accept-Encoding", c.accept)
		if got := res.Header.Get("Content-Encoding"); got != c.want {
			t.Errorf("%s with %q: encoding %q, want %q", c.path, c.accept, got, c.want)
		}
		if c.want == "gzip" {
			z, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(z)
			if err != nil || string(b) != long {
				t.Errorf("%s: %d bytes, %v", c.path, len(b), err)
			}
		}
	}
}

func TestACutAnswerLooksCut(t *testing.T) {
	f := serve(t, nil, Route{Method: "GET", Pattern: "/cut", Handler: func(w http.ResponseWriter, _ *Request) error {
		w.Write(make([]byte, 4<<10))
		return errors.New("the store went away")
	}})
	res, err := http.Get(f.URL + "/cut")
	if err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if err == nil {
		t.Error("a broken answer must not look whole")
	}
}

func TestLimits(t *testing.T) {
	hold, held := make(chan struct{}), make(chan struct{}, 10)
	slow := func(http.ResponseWriter, *Request) error { held <- struct{}{}; <-hold; return nil }
	f := serve(t, func(c *Config) { c.InFlight, c.InFlightPerClient = 3, 2 },
		Route{Method: "GET", Pattern: "/slow", Handler: slow}, Route{Method: "GET", Pattern: "/echo", Handler: echo})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { get(t, "GET", f.URL+"/slow", "") })
		<-held
	}
	if res, _ := get(t, "GET", f.URL+"/echo", ""); res.StatusCode != 429 || res.Header.Get("Retry-After") == "" {
		t.Errorf("third of one client: %d", res.StatusCode)
	}
	wg.Go(func() { get(t, "GET", f.URL+"/slow", "", "Authorization", "Bearer good") })
	<-held
	if res, _ := get(t, "GET", f.URL+"/echo", "", "Authorization", "Bearer good"); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("fourth of all: %d", res.StatusCode)
	}
	close(hold)
	wg.Wait()
	if res, _ := get(t, "GET", f.URL+"/echo", ""); res.StatusCode != 200 {
		t.Errorf("afterwards: %d", res.StatusCode)
	}
}

func TestEvents(t *testing.T) {
	f := serve(t, func(c *Config) { c.Heartbeat = 20 * time.Millisecond }, Route{Method: "GET", Pattern: "/events", Stream: true, Handler: func(w http.ResponseWriter, r *Request) error {
		s, err := r.Events(w)
		if err != nil {
			return err
		}
		defer s.Close()
		if s.Send("a\nb", "", nil) == nil {
			t.Error("a line end in an id must be refused")
		}
		if err := s.Send("1", "x", []byte("one\ntwo")); err != nil {
			return err
		}
		<-s.Context().Done()
		return nil
	}})
	res, err := http.Get(f.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	r := bufio.NewReader(res.Body)
	var text strings.Builder
	for !strings.Contains(text.String(), "\n:\n") {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %q", err, text.String())
		}
		text.WriteString(line)
	}
	if s := text.String(); !strings.HasPrefix(s, "retry: ") || !strings.Contains(s, "id: 1\nevent: x\ndata: one\ndata: two\n\n") {
		t.Errorf("stream: %q", s)
	}
	f.stop()
	if _, err := io.ReadAll(r); err != nil {
		t.Errorf("the stream must end in order when the server stops: %v", err)
	}
}

func TestEventStreamsEndAfterTheirLife(t *testing.T) {
	f := serve(t, func(c *Config) { c.StreamLife = 10 * time.Millisecond }, Route{Method: "GET", Pattern: "/events", Stream: true, Handler: func(w http.ResponseWriter, r *Request) error {
		s, err := r.Events(w)
		if err != nil {
			return err
		}
		defer s.Close()
		<-s.Context().Done()
		return nil
	}})
	if res, body := get(t, "GET", f.URL+"/events", ""); res.StatusCode != 200 || !strings.HasPrefix(body, "retry:") {
		t.Errorf("%d %q", res.StatusCode, body)
	}
}

func TestPrefer(t *testing.T) {
	offers := []string{"application/json", "text/csv"}
	for accept, want := range map[string]string{
		"": "application/json", "*/*": "application/json", "text/csv": "text/csv", "text/*": "text/csv", "image/png": "",
		"application/json;q=0.1, text/csv": "text/csv", "*/*;q=0.1, text/csv;q=0": "application/json", "text/csv;q=nan": "",
	} {
		if got, ok := Prefer(accept, offers...); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", accept, got, ok, want)
		}
	}
}

func TestClientsBehindProxies(t *testing.T) {
	m, err := New(Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ remote, forwarded, want string }{
		{"1.2.3.4:5", "", "a:1.2.3.4"}, {"1.2.3.4:5", "9.9.9.9", "a:1.2.3.4"}, {"10.0.0.1:5", "9.9.9.9", "a:9.9.9.9"},
		{"10.0.0.1:5", "6.6.6.6, 9.9.9.9, 10.0.0.2", "a:9.9.9.9"}, {"10.0.0.1:5", "junk", "a:10.0.0.1"}, {"[2001:db8::1:2]:5", "", "a:2001:db8::"},
	} {
		r := &Request{Request: &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": {c.forwarded}}}}
		if got := m.clientOf(r); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

func TestEveryStatusHasATitle(t *testing.T) {
	for k := problem.Internal; k <= problem.Unavailable; k++ {
		for _, method := range []string{"GET", "POST"} {
			d := Describe("vi", method, problem.New(k, "busy"))
			if strings.HasPrefix(d.Title, "status-") {
				t.Errorf("%v: no title for %d", k, d.Status)
			}
		}
	}
	for _, s := range []int{405, 406, 415} {
		if strings.HasPrefix(Title("en", s), "status-") {
			t.Errorf("no title for %d", s)
		}
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add("en;q=0.5, vi", "gzip;q=0.1", "text/*;q=1", "Bearer x", `W/"1", *`)
	f.Add(";;;,,=q", "*;q=2", "*/*;q=-1", "", `"`)
	f.Fuzz(func(t *testing.T, language, encoding, accept, authorization, tags string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Language", language)
		if l := languageOf(r); l != "vi" && l != "en" {
			t.Errorf("language %q", l)
		}
		acceptsGzip(encoding)
		if got, ok := Prefer(accept, "a/b", "c/d"); ok != (got != "") {
			t.Errorf("prefer %q %v", got, ok)
		}
		Tags([]string{tags})
	})
}

func TestVaryNamesEachOnce(t *testing.T) {
	h := http.Header{"Vary": {"Accept-Encoding", "origin,  Accept"}}
	Vary(h, "Cookie", "ACCEPT", "Origin", "cookie")
	if got := strings.Join(h.Values("Vary"), "|"); got != "Accept-Encoding, origin,  Accept, Cookie" {
		t.Errorf("%q", got)
	}
}
