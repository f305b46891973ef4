// Package canarytest watches, in tests, that personal values which a fixture
// has seeded do not leave without a grant: not in answers to who has none, nor in
// errors, log lines or figures, whoever asks.
package canarytest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Spellings are the forms in which a text could leave: as it is, escaped for a
// URL or for JSON, in base 64 wherever in a longer text it begins.
func Spellings(text string) []string {
	ascii := strconv.QuoteToASCII(text)
	forms := []string{text, url.QueryEscape(text), url.PathEscape(text), ascii[1 : len(ascii)-1]}
	for pad := range 3 {
		b := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", pad) + text))
		forms = append(forms, b[(pad*4+2)/3:len(b)-1])
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// Watch looks for seeded values and counts what it searched. It is safe for
// concurrent use.
type Watch struct {
	forms map[string][]string

	mu       sync.Mutex
	searched map[string]int // by kind
	found    []string
}

// New watches for values, each by what it is.
func New(values map[string]string) *Watch {
	w := &Watch{forms: map[string][]string{}, searched: map[string]int{}}
	for what, text := range values {
		w.forms[what] = Spellings(text)
	}
	return w
}

// Search looks through b, which is of a kind ("log") and told by where.
func (w *Watch) Search(kind, where string, b []byte) { w.search(kind, where, b, "") }

// search passes over what the asker wrote into the address.
func (w *Watch) search(kind, where string, b []byte, asked string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.searched[kind]++
	for what, forms := range w.forms {
		holds := func(s string) func(string) bool { return func(form string) bool { return strings.Contains(s, form) } }
		if slices.ContainsFunc(forms, holds(string(b))) && !slices.ContainsFunc(forms, holds(asked)) {
			w.found = append(w.found, fmt.Sprintf("%s of %s holds %s", kind, where, what))
		}
	}
}

// Handler watches what next answers: all of it where granted says no, errors
// whoever asks.
func (w *Watch) Handler(next http.Handler, granted func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		has, where, asked := granted(r), r.Method+" "+r.Pattern+r.URL.Path, r.RequestURI
		kept := &recorder{ResponseWriter: out, status: http.StatusOK}
		defer func() { // a stream ends by a panic when its reader goes
			switch {
			case !has:
				w.search("answer", where, kept.all(), asked)
			case kept.status >= 400 && strings.HasPrefix(kept.Header().Get("Content-Type"), "application/problem"):
				w.search("error", where, kept.all(), asked)
			}
		}()
		next.ServeHTTP(kept, r)
	})
}

// Log watches every line that is logged, of any level.
func (w *Watch) Log(next slog.Handler) slog.Handler {
	return tee{next, slog.NewTextHandler(w.Writer("log", "the process"), &slog.HandlerOptions{Level: slog.LevelDebug - 4})}
}

// End is for TestMain: it gives the code to end with, which is not 0 where a
// value was found, or where one of the kinds was never searched though all tests
// ran.
func (w *Watch) End(code int, kinds ...string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.found)
	for _, f := range slices.Compact(w.found) {
		fmt.Fprintln(os.Stderr, "CANARY:", f)
		code = 1
	}
	fmt.Fprintln(os.Stderr, "canary: searched", w.searched, "for", len(w.forms), "values")
	if code == 0 && whole(os.Args[1:]) {
		for _, k := range kinds {
			if w.searched[k] == 0 {
				fmt.Fprintln(os.Stderr, "CANARY: nothing was searched of the kind", k)
				code = 1
			}
		}
	}
	return code
}

// whole tells whether the arguments of a test binary leave no test out.
func whole(args []string) bool {
	return !slices.ContainsFunc(args, func(a string) bool {
		name, value, given := strings.Cut(strings.TrimPrefix(strings.TrimLeft(a, "-"), "test."), "=")
		return slices.Contains([]string{"run", "skip", "short", "list", "fuzz", "fuzzworker"}, name) && (!given || value != "" && value != "false")
	})
}

type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

// Flush implements http.Flusher for who asks for it by its type.
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// Unwrap implements what http.ResponseController asks for.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// all is the headers and the body, unpacked as far as it came.
func (r *recorder) all() []byte {
	var b bytes.Buffer
	_ = r.Header().Write(&b) // into memory
	var body io.Reader = &r.body
	if r.Header().Get("Content-Encoding") == "gzip" {
		if z, err := gzip.NewReader(&r.body); err == nil {
			body = z
		}
	}
	_, _ = io.Copy(&b, body) // what was cut off has been seen up to there
	return b.Bytes()
}

type tee struct{ next, text slog.Handler }

// Writer watches what is written in pieces that are whole lines.
func (w *Watch) Writer(kind, where string) io.Writer { return pieces{w, kind, where} }

type pieces struct {
	w           *Watch
	kind, where string
}

func (p pieces) Write(b []byte) (int, error) {
	p.w.Search(p.kind, p.where, b)
	return len(b), nil
}

// Enabled implements slog.Handler.
func (t tee) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (t tee) Handle(ctx context.Context, r slog.Record) error {
	if err := t.text.Handle(ctx, r); err != nil || !t.next.Enabled(ctx, r.Level) {
		return err
	}
	return t.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (t tee) WithAttrs(a []slog.Attr) slog.Handler {
	return tee{t.next.WithAttrs(a), t.text.WithAttrs(a)}
}

// WithGroup implements slog.Handler.
func (t tee) WithGroup(name string) slog.Handler {
	return tee{t.next.WithGroup(name), t.text.WithGroup(name)}
}
