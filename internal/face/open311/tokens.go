package open311

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"huong.city/huong/internal/core/problem"
)

// tokenOf makes the token of a request. Only who was given one can turn it into
// the id: without it nobody learns whether an id, which may be guessed, exists.
func (f *Face) tokenOf(id string) string {
	mac := hmac.New(sha256.New, f.Secret)
	mac.Write([]byte("georeport-token\x00" + id))
	return base64.RawURLEncoding.EncodeToString([]byte(id)) + "-" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// token answers the request of a token. Every request here is there at once
// (type realtime), so a token is only for clients that want one.
func (f *Face) token(c *call) error {
	c.only()
	if err := c.faults(); err != nil {
		return err
	}
	// The last 24 characters are the seal; the id before it may hold hyphens too.
	const seal = 24
	unknown := problem.New(problem.NotFound, "georeport-token")
	if len(c.name) <= seal+1 || c.name[len(c.name)-seal-1] != '-' {
		return unknown
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimSuffix(c.name[:len(c.name)-seal], "-"))
	if err != nil || !hmac.Equal([]byte(f.tokenOf(string(raw))), []byte(c.name)) {
		return unknown
	}
	return c.answer(http.StatusOK, array("service_requests", record("request", some("service_request_id", string(raw)), some("token", c.name))))
}
