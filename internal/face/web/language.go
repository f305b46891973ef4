package web

import (
	"net/http"
	"strconv"
	"strings"
)

// Languages in which Huong speaks; the first is the default.
var languages = [...]string{"vi", "en"}

// languageOf chooses the reader's language: the parameter lang, then the cookie
// lang, then Accept-Language (RFC 9110 section 12.5.4), else Vietnamese.
func languageOf(r *http.Request) string {
	if r.URL.RawQuery != "" {
		if l := known(r.URL.Query().Get("lang")); l != "" {
			return l
		}
	}
	if c, err := r.Cookie("lang"); err == nil {
		if l := known(c.Value); l != "" {
			return l
		}
	}
	best, quality := languages[0], 0.0
	accepted := r.Header.Get("Accept-Language")
	if accepted == "" {
		return best
	}
	for part := range strings.SplitSeq(accepted, ",") {
		tag, q := weighted(part)
		if l := known(tag); l != "" && q > quality {
			best, quality = l, q
		}
	}
	return best
}

// known maps a language tag (vi, vi-VN, en-GB) to one of ours, or to nothing.
func known(tag string) string {
	primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	for _, l := range languages {
		if l == primary {
			return l
		}
	}
	return ""
}

// weighted splits "value;q=0.5"; a missing weight is 1, a malformed one 0.
func weighted(part string) (string, float64) {
	name, params, _ := strings.Cut(part, ";")
	q := 1.0
	for p := range strings.SplitSeq(params, ";") {
		if v, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(p), " ", ""), "q="); ok {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil || !(f >= 0 && f <= 1) {
				f = 0
			}
			q = f
		}
	}
	return strings.TrimSpace(name), q
}

// Prefer returns the offered media type that an Accept header likes best (RFC
// 9110 section 12.5.1): the highest weight, among equals the one offered first.
// No header prefers the first offer; ok is false when none is acceptable.
func Prefer(accept string, offers ...string) (best string, ok bool) {
	if strings.TrimSpace(accept) == "" {
		return offers[0], true
	}
	quality := 0.0
	for _, offer := range offers {
		q, specific := 0.0, -1
		for part := range strings.SplitSeq(accept, ",") {
			media, weight := weighted(part)
			s := -1
			switch major, _, _ := strings.Cut(offer, "/"); strings.ToLower(media) {
			case offer:
				s = 2
			case major + "/*":
				s = 1
			case "*/*":
				s = 0
			}
			if s > specific {
				q, specific = weight, s
			}
		}
		if q > quality {
			best, quality = offer, q
		}
	}
	return best, quality > 0
}
