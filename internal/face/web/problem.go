package web

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"huong.city/huong/internal/core/problem"
)

// statuses is the one table from a kind of problem to an HTTP status. Invalid
// has two: see statusOf.
var statuses = [...]int{
	problem.Internal:        http.StatusInternalServerError,
	problem.Invalid:         http.StatusUnprocessableEntity,
	problem.Unauthenticated: http.StatusUnauthorized,
	problem.Denied:          http.StatusForbidden,
	problem.NotFound:        http.StatusNotFound,
	problem.Conflict:        http.StatusConflict,
	problem.Stale:           http.StatusPreconditionFailed,
	problem.Gone:            http.StatusGone,
	problem.TooLarge:        http.StatusRequestEntityTooLarge,
	problem.RateLimited:     http.StatusTooManyRequests,
	problem.Unavailable:     http.StatusServiceUnavailable,
}

// Refusal is an error whose status HTTP itself names, beside the kinds: 405,
// 406, 415, or 400 for an Invalid that is a fault of the request's form.
type Refusal struct {
	Status int
	Err    error
}

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// Partial is an error that ended an operation of which a part is done for good.
// Done is told in the problem document.
type Partial struct {
	Err  error
	Done any
}

func (p *Partial) Error() string { return p.Err.Error() }
func (p *Partial) Unwrap() error { return p.Err }

// Malformed marks an Invalid error as a fault of the request's form (parameters,
// headers, syntax of the body), which answers 400; other kinds stay as they are.
func Malformed(err error) error {
	if err == nil || problem.KindOf(err) != problem.Invalid {
		return err
	}
	return &Refusal{Status: http.StatusBadRequest, Err: err}
}

// statusOf tells the status of a problem. Invalid is 400 where nothing was sent
// but parameters (GET, HEAD, DELETE) and for Malformed input, 422 where a
// well-formed record breaks a rule.
func statusOf(method string, err error, e *problem.Error) int {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Status
	}
	if e.Kind == problem.Invalid && method != http.MethodPost && method != http.MethodPut && method != http.MethodPatch {
		return http.StatusBadRequest
	}
	return statuses[e.Kind]
}

// normal turns errors of net/http and context into problems.
func normal(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem.Wrap(err, problem.TooLarge, "too-large", "limit", strconv.FormatInt(tooLarge.Limit, 10)+" B")
	}
	if _, broken := errors.AsType[*brokenBody](err); broken {
		return &Refusal{Status: http.StatusBadRequest, Err: problem.Wrap(err, problem.Invalid, "request-malformed")}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		e := problem.Wrap(err, problem.Unavailable, "busy")
		e.RetryAfter = 5 * time.Second
		return e
	}
	return err
}

// Document is the body of application/problem+json (RFC 9457 section 3) with
// our extension members.
type Document struct {
	Type       string      `json:"type"` // /problems/<code>, a relative reference
	Title      string      `json:"title"`
	Status     int         `json:"status"`
	Detail     string      `json:"detail"`
	Code       string      `json:"code"`
	Request    string      `json:"request,omitempty"` // reference for support
	Violations []Violation `json:"violations,omitempty"`
	More       int         `json:"moreViolations,omitempty"` // how many were left out
	Done       any         `json:"done,omitempty"`           // what had been done for good, of a Partial
}

// Violation is one broken rule as a client sees it.
type Violation struct {
	Code     string            `json:"code"`
	Message  string            `json:"message"`
	Row      *int              `json:"row,omitempty"` // 0-based place in the submitted batch
	Field    string            `json:"field,omitempty"`
	Position *problem.Position `json:"position,omitempty"`
}

// maxViolations bounds a problem document.
const maxViolations = 1000

// Describe makes the document of an error in a language. The method is that of
// the request, since Invalid means something else where nothing was sent.
func Describe(lang, method string, err error) Document {
	err = normal(err)
	e := problem.As(err)
	status := statusOf(method, err, e)
	d := Document{
		Type: "/problems/" + e.Code, Title: Title(lang, status), Status: status, Code: e.Code, Detail: e.In(lang),
		Violations: DescribeAll(lang, e.Violations, maxViolations),
	}
	d.More = len(e.Violations) - len(d.Violations)
	if p, ok := errors.AsType[*Partial](err); ok {
		d.Done = p.Done
	}
	return d
}

// DescribeAll renders at most max violations in a language.
func DescribeAll(lang string, vs []problem.Violation, max int) []Violation {
	if len(vs) == 0 {
		return nil
	}
	rows := false
	for _, v := range vs {
		rows = rows || v.Row > 0
	}
	out := make([]Violation, 0, min(len(vs), max))
	for _, v := range vs[:min(len(vs), max)] {
		w := Violation{Code: v.Code, Message: problem.Text(lang, v.Code, v.Args), Field: v.Field}
		if rows {
			w.Row = &v.Row
		}
		if v.Position != (problem.Position{}) {
			w.Position = &v.Position
		}
		out = append(out, w)
	}
	return out
}

// Title is the short summary of a status, the same for every occurrence.
func Title(lang string, status int) string {
	return problem.Text(lang, "status-"+strconv.Itoa(status), nil)
}

// WriteProblem answers with the problem document of err. An Internal error is
// told by a reference only; the caller logs it.
func WriteProblem(w http.ResponseWriter, r *Request, err error) {
	d := Describe(r.Lang, r.Method, err)
	d.Request = r.ID
	e := problem.As(normal(err))
	if d.Status == http.StatusUnauthorized {
		challenge := `Bearer realm="huong"`
		if r.Credential == BearerToken {
			challenge += `, error="invalid_token"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	if e.Kind == problem.Internal {
		d.Code, d.Type = "internal", "/problems/internal"
		d.Detail = problem.Text(r.Lang, "internal", map[string]string{"id": r.ID})
		d.Violations, d.More = nil, 0
	}
	if e.Kind == problem.RateLimited || e.Kind == problem.Unavailable {
		after := max(1, int(math.Ceil(e.RetryAfter.Seconds())))
		w.Header().Set("Retry-After", strconv.Itoa(after))
	}
	h := w.Header()
	for _, name := range []string{"ETag", "Content-Disposition", "Content-Length", "Last-Modified", "Link", "Location"} {
		h.Del(name)
	}
	h.Set("Content-Type", "application/problem+json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Language", r.Lang)
	b, err := json.Marshal(d)
	if err != nil {
		b = []byte(`{}`)
	}
	w.WriteHeader(d.Status)
	w.Write(append(b, '\n'))
}
