package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
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
	list := make([]byte, 0, 96)
	for _, value := range h["Vary"] {
		list = appendName(list, value)
	}
	for _, n := range names {
		if !listed(string(list), n) {
			list = appendName(list, n)
		}
	}
	h["Vary"] = []string{string(list)}
}

func appendName(list []byte, name string) []byte {
	if len(list) > 0 {
		list = append(list, ", "...)
	}
	return append(list, name...)
}

func listed(list, name string) bool {
	for part := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(part), name) {
			return true
		}
	}
	return false
}
