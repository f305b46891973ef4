package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// writeJSON answers with a small document.
func writeJSON(c *call, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.set("Content-Type", "application/json; charset=utf-8")
	c.w.WriteHeader(status)
	_, err = c.w.Write(append(b, '\n'))
	return err
}

// instant writes µs since 1970 as RFC 3339 in UTC.
func instant(micros int64) string { return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano) }

// spoolSize is how much of an answer is held back so that its headers (the
// link to the next page) and a late fault can still be told properly.
const spoolSize = 1 << 20

// spool builds an answer: up to spoolSize it can still be taken back; beyond it
// the answer is under way and memory stays constant.
type spool struct {
	c    *call
	buf  []byte
	sent bool
}

// check sends what there is when it has become large.
func (s *spool) check() error {
	if len(s.buf) < spoolSize && !(s.sent && len(s.buf) >= 64<<10) {
		return nil
	}
	return s.flush()
}

func (s *spool) flush() error {
	s.sent = true
	_, err := s.c.w.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

// link gives the address of the next page, as a header where the answer has
// not begun, else as a trailer.
func (s *spool) link(next string) {
	if next == "" {
		return
	}
	u := *s.c.r.URL
	q := u.Query()
	q.Set("cursor", next)
	u.RawQuery, u.Scheme, u.Host = q.Encode(), "", ""
	name := "Link"
	if s.sent {
		name = http.TrailerPrefix + name
	}
	s.c.set(name, "<"+u.RequestURI()+`>; rel="next"`)
}

// appendRecord writes a record as a JSON object: its columns, then _key and
// _version.
func appendRecord(dst []byte, e *repo.Entry, columns []int, row []value.Value, version int64) []byte {
	dst = e.Schema.AppendJSON(dst, row, columns)
	dst = dst[:len(dst)-1]
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, `"_key":`...)
	dst = appendText(dst, keyOf(e, row))
	if version > 0 {
		dst = append(dst, `,"_version":`...)
		dst = strconv.AppendInt(dst, version, 10)
	}
	return append(dst, '}')
}

func keyOf(e *repo.Entry, row []value.Value) string {
	return record.FormatKey(e.Table, e.Table.KeyOf(nil, row))
}

// appendText writes a JSON string.
func appendText(dst []byte, s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return append(dst, `""`...)
	}
	return append(dst, b...)
}

// appendValue writes a value that belongs to no column (a measure, a bucket).
func appendValue(dst []byte, v value.Value) []byte {
	switch v.Kind() {
	case value.Bool:
		return strconv.AppendBool(dst, v.Bool())
	case value.Int:
		return strconv.AppendInt(dst, v.Int(), 10)
	case value.Float:
		b, err := json.Marshal(v.Float())
		if err != nil {
			return append(dst, "null"...)
		}
		return append(dst, b...)
	case value.Text:
		return appendText(dst, v.Text())
	case value.Date:
		return appendText(dst, v.CalendarDay().Format(time.DateOnly))
	case value.Time:
		return appendText(dst, instant(v.Micros()))
	}
	return append(dst, "null"...)
}

// receipt is the answer to a write.
type receipt struct {
	Seq     int64  `json:"seq"`
	At      string `json:"at,omitempty"`
	Result  string `json:"result,omitempty"` // created, updated, deleted, unchanged; repeat for a repeated key
	Key     string `json:"key,omitempty"`
	URL     string `json:"url,omitempty"`
	Version int64  `json:"version,omitempty"`
}

func receiptOf(r commit.Receipt) receipt {
	out := receipt{Seq: r.Seq, Result: "repeat"}
	if r.At != 0 {
		out.At = instant(r.At)
	}
	if len(r.Results) == 1 && !r.Repeat {
		out.Result = r.Results[0].String()
	}
	return out
}

// widened returns a row that is at least width long: one that was written under
// an older declaration has Null in the columns that came later.
func widened(row []value.Value, width int) []value.Value {
	if len(row) >= width {
		return row
	}
	return append(row[:len(row):len(row)], make([]value.Value, width-len(row))...)
}
