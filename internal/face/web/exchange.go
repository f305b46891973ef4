package web

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// compressFrom is the size below which compressing costs more than it saves.
const compressFrom = 1 << 10

// exchange is the response of one request: it holds the first bytes back until
// it is known whether the answer is worth compressing, so that a handler that
// fails early can still be answered with a problem.
type exchange struct {
	http.ResponseWriter
	mux     *Mux
	r       *Request
	request Request // what r points to
	body    patientBody
	route   Route
	counts  *counts
	astray  *astray // while no route has taken the request
	control http.ResponseController

	head, gzip    bool // method is HEAD; the reader takes gzip
	status        int  // as the handler set it; 0 = nothing written
	held          []byte
	sent          bool // the header has left
	zip           *gzip.Writer
	bytes         int64
	extended      time.Time
	gone, aborted bool
}

// Unwrap serves http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// unmatched stands for the route of a request that none takes.
const unmatched = "unmatched"

func (x *exchange) label() string {
	if x.route.Pattern == "" {
		return unmatched
	}
	return x.route.Pattern
}

// Header is that of the answer.
func (x *exchange) Header() http.Header {
	if x.astray != nil {
		if x.astray.header == nil {
			x.astray.header = http.Header{}
		}
		return x.astray.header
	}
	return x.ResponseWriter.Header()
}

// WriteHeader remembers the status; it leaves with the first bytes.
func (x *exchange) WriteHeader(status int) {
	if x.astray != nil {
		x.astray.status = status
		return
	}
	if status >= 100 && status < 200 {
		x.ResponseWriter.WriteHeader(status)
		return
	}
	if x.status == 0 {
		x.status = status
	}
}

func (x *exchange) Write(b []byte) (int, error) {
	if x.astray != nil {
		return len(b), nil
	}
	if x.status == 0 {
		x.status = http.StatusOK
	}
	if !x.sent {
		if len(x.held)+len(b) < compressFrom {
			x.held = append(x.held, b...)
			return len(b), nil
		}
		if err := x.send(true); err != nil {
			return 0, err
		}
	}
	return x.put(b)
}

func (x *exchange) put(b []byte) (int, error) {
	x.refresh(x.mux.config.Now())
	if x.zip != nil {
		return x.zip.Write(b)
	}
	n, err := x.ResponseWriter.Write(b)
	x.bytes += int64(n)
	return n, err
}

// send lets the header and the held bytes go.
func (x *exchange) send(large bool) error {
	x.sent = true
	h := x.Header()
	if large && x.gzip && x.status != http.StatusNoContent && x.status != http.StatusNotModified && x.status != http.StatusPartialContent &&
		h.Get("Content-Encoding") == "" && compressible(h.Get("Content-Type")) && (h.Get("ETag") == "" || strings.HasPrefix(h.Get("ETag"), "W/")) {
		h.Set("Content-Encoding", "gzip")
		h.Del("Content-Length")
		x.zip, _ = x.mux.gzips.Get().(*gzip.Writer)
		if x.zip == nil {
			x.zip, _ = gzip.NewWriterLevel(nil, 3) // 3 is a valid level: no error
		}
		x.zip.Reset(counting{x})
	}
	x.ResponseWriter.WriteHeader(x.status)
	held := x.held
	x.held = nil
	if len(held) == 0 {
		return nil
	}
	_, err := x.put(held)
	return err
}

type counting struct{ x *exchange }

func (c counting) Write(b []byte) (int, error) {
	n, err := c.x.ResponseWriter.Write(b)
	c.x.bytes += int64(n)
	return n, err
}

// FlushError sends what there is at once.
func (x *exchange) FlushError() error {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	if !x.sent {
		if err := x.send(false); err != nil {
			return err
		}
	}
	x.extend(x.mux.config.Now())
	if x.zip != nil {
		if err := x.zip.Flush(); err != nil {
			return err
		}
	}
	return x.control.Flush()
}

// Flush serves writers that look for http.Flusher.
func (x *exchange) Flush() { x.FlushError() }

// reset forgets an answer of which nothing has left.
func (x *exchange) reset() { x.status, x.held = 0, nil }

// close sends what is held.
func (x *exchange) close() error {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	if !x.sent {
		if err := x.send(false); err != nil {
			return err
		}
	}
	if x.zip != nil {
		return x.zip.Close()
	}
	return nil
}

func (x *exchange) release() {
	if x.zip != nil {
		x.zip.Reset(io.Discard)
		x.mux.gzips.Put(x.zip)
		x.zip = nil
	}
}

// extend gives the reader another Idle to take what is written. Connections
// that know no deadlines (tests) are left alone.
func (x *exchange) extend(now time.Time) {
	x.extended = now
	x.control.SetWriteDeadline(now.Add(x.mux.config.Idle))
}

// refresh is extend when the last one was a while ago.
func (x *exchange) refresh(now time.Time) {
	if now.Sub(x.extended) > time.Second {
		x.extend(now)
	}
}

// patientBody cuts a sender off that stands still, not one that is slow.
type patientBody struct {
	io.ReadCloser
	x *exchange
}

func (b *patientBody) Read(p []byte) (int, error) {
	b.x.control.SetReadDeadline(b.x.mux.config.Now().Add(b.x.mux.config.Idle))
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = &brokenBody{err}
	}
	return n, err
}

// brokenBody marks an error of the sender's connection, or of its framing, so
// that it is not taken for a fault of ours.
type brokenBody struct{ error }

func (b *brokenBody) Unwrap() error { return b.error }

// compressible tells whether a media type is text that has something to give.
// Event streams are left alone: each event must leave at once.
func compressible(media string) bool {
	media, _, _ = strings.Cut(media, ";")
	media = strings.TrimSpace(strings.ToLower(media))
	switch {
	case media == "text/event-stream":
		return false
	case strings.HasPrefix(media, "text/"), strings.HasSuffix(media, "+json"), strings.HasSuffix(media, "+xml"):
		return true
	}
	switch media {
	case "application/json", "application/x-ndjson", "application/javascript", "application/xml", "application/yaml", "application/manifest+json":
		return true
	}
	return false
}

// acceptsGzip reads Accept-Encoding (RFC 9110 section 12.5.3).
func acceptsGzip(header string) bool {
	star := false
	for part := range strings.SplitSeq(header, ",") {
		switch name, q := weighted(part); strings.ToLower(name) {
		case "gzip", "x-gzip":
			return q > 0
		case "*":
			star = q > 0
		}
	}
	return star
}
