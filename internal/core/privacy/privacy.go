// Package privacy finds what tells of a person in Vietnamese and English text
// before it is published: telephone numbers, identity numbers, number plates,
// mail addresses, account and card numbers, and names after a form of address.
// It proposes; a person decides. What is written to deceive (digits in words) it
// does not find.
package privacy

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/value"
)

// Kind says what a span tells.
type Kind string

// The kinds that are found.
const (
	Phone    Kind = "phone"
	Identity Kind = "identity" // citizen's identity number, passport, foreign insurance number
	Plate    Kind = "plate"
	Email    Kind = "email"
	Account  Kind = "account" // of a bank, or a card
	Name     Kind = "name"
)

// Kinds lists them all.
func Kinds() []Kind { return []Kind{Phone, Identity, Plate, Email, Account, Name} }

// Span is a stretch of a text, in bytes, that begins and ends between runes.
type Span struct {
	Kind     Kind
	From, To int
}

// Blot stands for what was masked.
const Blot = "███"

// Find returns the spans of a text in their order; they do not overlap.
func Find(text string) []Span {
	plain := compose(text)
	folded := plain.fold()
	var spans []Span
	add := func(v view, kind Kind, from, to int) {
		s := Span{kind, v.from[from], v.to[to-1]}
		for _, o := range spans {
			if s.From < o.To && o.From < s.To {
				return // what was found first is the surer one
			}
		}
		spans = append(spans, s)
	}
	for _, r := range rules {
		r.each(folded.text, func(from, to int) { add(folded, r.kind, from, to) })
	}
	names(plain.text, func(from, to int) { add(plain, Name, from, to) })
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	return spans
}

// Mask returns the text with a blot for each span.
func Mask(text string, spans []Span) string {
	var b strings.Builder
	at := 0
	for _, s := range spans {
		if s.From < at || s.To > len(text) || s.To < s.From {
			continue
		}
		b.WriteString(text[at:s.From])
		b.WriteString(Blot)
		at = s.To
	}
	b.WriteString(text[at:])
	return b.String()
}

// Redact masks a text until nothing is found in it any more.
func Redact(text string) string {
	for {
		spans := Find(text)
		if len(spans) == 0 {
			return text
		}
		text = Mask(text, spans)
	}
}

// view is a text as the rules read it, and where each of its bytes comes from.
type view struct {
	text     string
	from, to []int
}

func (v *view) add(b *strings.Builder, s string, from, to int) {
	b.WriteString(s)
	for range len(s) {
		v.from, v.to = append(v.from, from), append(v.to, to)
	}
}

// compose normalises to NFKC, so that marks typed apart, full-width digits and
// hard spaces read like others; what is invisible is left out.
func compose(text string) view {
	var v view
	var b strings.Builder
	var it norm.Iter
	it.InitString(norm.NFKC, text)
	for !it.Done() {
		from := it.Pos()
		segment := it.Next()
		to := it.Pos()
		if norm.NFKC.IsNormal(segment) && to-from == len(segment) && text[from:to] == string(segment) { // rune by rune
			for i := 0; i < len(segment); {
				r, n := utf8.DecodeRune(segment[i:])
				if !unicode.Is(unicode.Cf, r) {
					v.add(&b, string(segment[i:i+n]), from+i, from+i+n)
				}
				i += n
			}
			continue
		}
		v.add(&b, string(segment), from, to)
	}
	v.text = b.String()
	return v
}

// fold makes a view in small letters without marks.
func (v view) fold() view {
	var out view
	var b strings.Builder
	for i := 0; i < len(v.text); {
		_, n := utf8.DecodeRuneInString(v.text[i:])
		out.add(&b, value.Fold(v.text[i:i+n]), v.from[i], v.to[i+n-1])
		i += n
	}
	out.text = b.String()
	return out
}

// rule finds one shape in a folded text. The first group, where there is one, is
// the span; fits looks once more at what lies before it, in it and after it.
type rule struct {
	kind    Kind
	pattern *regexp.Regexp
	fits    func(before, found, after string) bool
}

func (r rule) each(text string, found func(from, to int)) {
	for at := 0; at < len(text); {
		m := r.pattern.FindStringSubmatchIndex(text[at:])
		if m == nil {
			return
		}
		from, to := at+m[0], at+m[1]
		if len(m) > 2 {
			from, to = at+m[2], at+m[3]
		}
		if apart(text, from, to) && (r.fits == nil || r.fits(text[:from], text[from:to], text[to:])) {
			found(from, to)
			at = to
			continue
		}
		_, n := utf8.DecodeRuneInString(text[at+m[0]:])
		at += m[0] + n
	}
}

// apart tells that a stretch is no part of a longer word or number.
func apart(text string, from, to int) bool {
	before, n := utf8.DecodeLastRuneInString(text[:from])
	after, k := utf8.DecodeRuneInString(text[to:])
	if word(before) || word(after) {
		return false
	}
	// 1.0905… and …456,7 are numbers of more digits.
	if strings.ContainsRune(".,", before) && digitBefore(text[:from-n]) {
		return false
	}
	if strings.ContainsRune(".,", after) && k > 0 {
		next, _ := utf8.DecodeRuneInString(text[to+k:])
		return !unicode.IsDigit(next)
	}
	return true
}

func word(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

func digitBefore(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return unicode.IsDigit(r)
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
