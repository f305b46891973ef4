package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// WeakTag makes a weak entity tag that changes with any of its parts.
func WeakTag(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return `W/"` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12]) + `"`
}

// Fresh sets the entity tag and, when the reader's If-None-Match holds it (weak
// comparison, RFC 9110 section 13.1.2), answers 304 and returns true.
func Fresh(w http.ResponseWriter, r *Request, tag string) bool {
	w.Header().Set("ETag", tag)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	for _, t := range Tags(r.Header.Values("If-None-Match")) {
		if t == "*" || strings.TrimPrefix(t, "W/") == strings.TrimPrefix(tag, "W/") {
			w.WriteHeader(http.StatusNotModified)
			return true
		}
	}
	return false
}

// Tags splits the entity tags of If-Match or If-None-Match headers. A part that
// is no tag is kept as it is; it then equals none.
func Tags(values []string) []string {
	var tags []string
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if part = strings.TrimSpace(part); part != "" {
			tags = append(tags, part)
		}
	}
	return tags
}

// Vary adds names to the Vary header, each once.
func Vary(h http.Header, names ...string) {
	list := strings.Join(h.Values("Vary"), ", ")
	have := Tags(h.Values("Vary"))
	for _, n := range names {
		if slices.ContainsFunc(have, func(known string) bool { return strings.EqualFold(known, n) }) {
			continue
		}
		have = append(have, n)
		if list != "" {
			list += ", "
		}
		list += n
	}
	h.Set("Vary", list)
}
