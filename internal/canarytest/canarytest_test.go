package canarytest

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

const secret = "Nguyễn Thị Én"

// TestWatchSees lets the value out in each way in turn, and holds it back in
// ways that are none of the watch's business.
func TestWatchSees(t *testing.T) {
	answer := func(status int, header http.Header, body string, request string, credential string) func(*Watch) {
		return func(w *Watch) {
			h := w.Handler(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
				for k, v := range header {
					out.Header()[k] = v
				}
				out.WriteHeader(status)
				io.WriteString(out, body)
				http.NewResponseController(out).Flush()
			}), func(r *http.Request) bool { return r.Header.Get("Authorization") != "" })
			q := httptest.NewRequest("GET", request, nil)
			q.Header.Set("Authorization", credential)
			got := httptest.NewRecorder()
			h.ServeHTTP(got, q)
			if got.Code != status || got.Body.String() != body || !got.Flushed {
				t.Errorf("the answer was altered: %d %q", got.Code, got.Body)
			}
		}
	}
	var packed strings.Builder
	z := gzip.NewWriter(&packed)
	io.WriteString(z, "<p>"+secret+"</p>")
	z.Flush() // and is cut off
	problem := http.Header{"Content-Type": {"application/problem+json"}}
	for name, k := range map[string]struct {
		let  func(*Watch)
		seen bool
	}{
		"a body":              {answer(200, nil, "x "+secret, "/", ""), true},
		"a JSON escape":       {answer(200, nil, `"Nguy\u1ec5n Th\u1ecb \u00c9n"`, "/", ""), true},
		"a redirect":          {answer(303, http.Header{"Location": {"/a?q=" + url.QueryEscape(secret)}}, "", "/", ""), true},
		"a packed body":       {answer(200, http.Header{"Content-Encoding": {"gzip"}}, packed.String(), "/", ""), true},
		"an error to anybody": {answer(422, problem, secret, "/", "Bearer x"), true},
		"its owner's answer":  {answer(200, nil, secret, "/", "Bearer x"), false},
		"the asker's own":     {answer(404, problem, secret, "/a/"+url.PathEscape(secret), ""), false},
		"nothing":             {answer(200, nil, "x", "/", ""), false},
		"a log line":          {func(w *Watch) { slog.New(w.Log(slog.DiscardHandler)).Debug("m", "name", secret) }, true},
		"a log attribute": {func(w *Watch) {
			slog.New(w.Log(slog.DiscardHandler)).With("name", secret).WithGroup("g").Info("m")
		}, true},
		"figures": {func(w *Watch) { w.Search("figures", "registry", []byte(secret)) }, true},
	} {
		w := New(map[string]string{"name": secret})
		k.let(w)
		if code := w.End(0); (code != 0) != k.seen {
			t.Errorf("%s: code %d", name, code)
		}
	}
}

func TestWatchWantsToHaveSearched(t *testing.T) {
	for args, want := range map[string]bool{
		"": true, "-test.v=true -test.timeout=1m": true, "-test.run=": true, "-test.short=false": true, "-test.run=Foo": false, "-test.run Foo": false, "-test.short=true": false, "-test.fuzz=.": false, "-test.fuzzworker": false,
	} {
		if got := whole(strings.Fields(args)); got != want {
			t.Errorf("%q: %t", args, got)
		}
	}
}
