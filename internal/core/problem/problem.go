// Package problem is the one error vocabulary of Huong: a kind that callers act
// on, a code that names the rule, and bilingual text for people. Each face maps
// kinds to its protocol in one table (RFC 9457 for our own API).
package problem

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is what a caller can act on.
type Kind uint8

const (
	Internal        Kind = iota // a fault of ours; its text is never shown
	Invalid                     // the input breaks a rule; Violations say which
	Unauthenticated             // no valid credential
	Denied                      // known, but not allowed
	NotFound                    // nothing there that the caller may see
	Conflict                    // contradicts what is stored (duplicate, reference, state)
	Stale                       // expected version is not the current one
	Gone                        // was there, is no longer (expired cursor, other epoch)
	TooLarge                    // over a stated limit
	RateLimited                 // try again after RetryAfter
	Unavailable                 // cannot serve now; try again after RetryAfter
)

func (k Kind) String() string {
	return [...]string{"internal", "invalid", "unauthenticated", "denied", "not-found", "conflict", "stale", "gone", "too-large", "rate-limited", "unavailable"}[k]
}

// Position locates a fault in an input. Zero members are unknown.
type Position struct {
	File   string `json:"file,omitempty"`
	Sheet  string `json:"sheet,omitempty"`
	Line   int    `json:"line,omitempty"`   // 1-based line of text, or row of a sheet
	Column int    `json:"column,omitempty"` // 1-based character column, or cell column
	Offset int64  `json:"offset,omitempty"` // 0-based byte offset in an expression or a body
}

func (p Position) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Sheet != "" {
		fmt.Fprintf(&b, "[%s]", p.Sheet)
	}
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	return b.String()
}

// Violation is one broken rule at one place. Code names an entry of the
// message table (messages.go); Args fill its {holes}. A violation never holds
// a value of a personal or restricted field.
type Violation struct {
	Code     string            `json:"code"`
	Field    string            `json:"field,omitempty"`
	Row      int               `json:"row,omitempty"` // 0-based index in the submitted batch, where that applies
	Position Position          `json:"position,omitzero"`
	Args     map[string]string `json:"args,omitempty"`
}

// Error is the error that crosses package borders.
type Error struct {
	Kind       Kind
	Code       string            // names an entry of the message table
	Args       map[string]string // fill its {holes}
	Violations []Violation
	RetryAfter time.Duration // RateLimited, Unavailable
	Cause      error         // for the log only
}

// New makes an Error; kv are alternating argument names and values.
func New(k Kind, code string, kv ...any) *Error {
	return &Error{Kind: k, Code: code, Args: args(kv)}
}

// Wrap makes an Error around a cause that only the log will show.
func Wrap(cause error, k Kind, code string, kv ...any) *Error {
	return &Error{Kind: k, Code: code, Args: args(kv), Cause: cause}
}

// Violate makes a Violation; kv are alternating argument names and values.
func Violate(code, field string, kv ...any) Violation {
	return Violation{Code: code, Field: field, Args: args(kv)}
}

// At returns v located at p.
func (v Violation) At(p Position) Violation { v.Position = p; return v }

// InvalidWith makes an Invalid error that holds vs, or nil when vs is empty.
func InvalidWith(code string, vs []Violation, kv ...any) error {
	if len(vs) == 0 {
		return nil
	}
	e := New(Invalid, code, kv...)
	e.Violations = vs
	return e
}

func (e *Error) Error() string {
	s := e.Kind.String() + ": " + Text("en", e.Code, e.Args)
	for i, v := range e.Violations {
		if i == 3 {
			s += fmt.Sprintf("; and %d more", len(e.Violations)-i)
			break
		}
		s += "; " + v.In("en")
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

// Is matches two Errors of one kind and code, so that errors.Is works with a template.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && (t.Code == "" || t.Code == e.Code)
}

// In renders the error for a reader of the language ("vi" or "en"), without its cause.
func (e *Error) In(lang string) string { return Text(lang, e.Code, e.Args) }

// In renders the violation for a reader of the language: place, field, fault.
func (v Violation) In(lang string) string {
	s := Text(lang, v.Code, v.Args)
	if v.Field != "" {
		s = v.Field + ": " + s
	}
	if p := v.Position.String(); p != "" {
		s = strings.TrimPrefix(p, ":") + ": " + s
	}
	return s
}

// KindOf returns the kind of the first Error in err's chain, else Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// As returns the first Error in err's chain, or an Internal one around err.
func As(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return Wrap(err, Internal, "internal")
}

func args(kv []any) map[string]string {
	if len(kv) == 0 {
		return nil
	}
	m := make(map[string]string, len(kv)/2)
	for i := 0; i+1 < len(kv); i += 2 {
		m[fmt.Sprint(kv[i])] = fmt.Sprint(kv[i+1])
	}
	return m
}
