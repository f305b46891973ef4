package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/ingest"
)

const (
	// maxOutcomes is how many outcomes of rows the summary lists.
	maxOutcomes = 10_000
	// maxAtomic and maxAtomicBody bound a bulk write that is one commit.
	maxAtomic     = 10_000
	maxAtomicBody = 32 << 20
	maxFaults     = 1000
	decodeRows    = 500
	smallBody     = 64 << 10
)

// intake is the answer to a bulk write.
type intake struct {
	Read        int64           `json:"read"`
	Accepted    int64           `json:"accepted"`
	Unchanged   int64           `json:"unchanged"`
	Quarantined int64           `json:"quarantined"`
	Seq         int64           `json:"seq"` // of the last commit of this body; where nothing changed, at which that was so
	Rows        json.RawMessage `json:"rows,omitempty"`
}

// postRecords writes one object at once, and hands everything else on as it
// comes in.
func (a *API) postRecords(c *call) error {
	e, err := a.writable(c)
	if err != nil {
		return err
	}
	header, err := a.heading(c)
	if err != nil {
		return err
	}
	media, err := c.media(ingest.ContentTypes()...)
	if err != nil {
		return err
	}
	if media == mediaJSON && c.r.ContentLength > 0 && c.r.ContentLength <= smallBody {
		// Most bodies hold one record: no reader, no buffers of its own.
		room, _ := a.bodies.Get().(*[]byte)
		if room == nil {
			room = new([]byte)
		}
		defer a.bodies.Put(room)
		*room = slices.Grow((*room)[:0], int(c.r.ContentLength))[:c.r.ContentLength]
		if _, err := io.ReadFull(c.r.Body, *room); err != nil {
			return err
		}
		if r, ok := a.wholeRow(c, e, *room); ok {
			expect, err := c.expectation()
			if err != nil {
				return err
			}
			return a.postRow(c, e, header, r, expect, e.Schema)
		}
		c.r.Body = io.NopCloser(bytes.NewReader(*room))
	}
	in := bufio.NewReaderSize(c.r.Body, 4096)
	first, err := firstByte(in)
	if err == io.EOF {
		return web.Malformed(problem.InvalidWith("body-invalid", []problem.Violation{problem.Violate("body-empty", "")}))
	}
	if err != nil {
		return err
	}
	if media == mediaJSON && first != '[' {
		c.r.Body = http.MaxBytesReader(c.w, io.NopCloser(in), maxRecord)
		return a.postOne(c, e, header)
	}
	if header.Key != "" {
		return a.postAtomic(c, e, header, media, http.MaxBytesReader(c.w, io.NopCloser(in), maxAtomicBody))
	}
	if c.text("outcomes") == "all" {
		return a.postTelling(c, e, header, in)
	}
	var rows []byte
	n := 0
	outcome := func(o ingest.Outcome) error {
		if n++; n <= maxOutcomes {
			rows = append(appendOutcome(rows, c.r.Lang, o), ',')
		} else {
			rows = nil
		}
		return nil
	}
	if c.text("outcomes") == "none" {
		outcome = nil
	}
	sum, err := ingest.Records(c.ctx(), a.repo, c.who(), e.Dataset.Name, header, c.r.Header.Get("Content-Type"), in, outcome)
	out := intakeOf(sum)
	if err != nil {
		return web.Malformed(&web.Partial{Err: err, Done: out})
	}
	if n > 0 && n <= maxOutcomes {
		out.Rows = slices.Concat([]byte{'['}, rows[:len(rows)-1], []byte{']'})
	}
	return writeJSON(c, http.StatusOK, out)
}

// firstByte looks at the first byte that is no JSON white space.
func firstByte(in *bufio.Reader) (byte, error) {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		switch b {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return b, in.UnreadByte()
	}
}

func intakeOf(s ingest.Summary) intake {
	return intake{Read: s.Read, Accepted: s.Accepted, Unchanged: s.Unchanged, Quarantined: s.Quarantined, Seq: s.Seq}
}

func appendOutcome(dst []byte, lang string, o ingest.Outcome) []byte {
	dst = append(dst, `{"row":`...)
	dst = strconv.AppendInt(dst, o.Row, 10)
	dst = append(dst, `,"result":"`+o.Result+`"`...)
	if o.Version > 0 {
		dst = append(dst, `,"version":`...)
		dst = strconv.AppendInt(dst, o.Version, 10)
	}
	if len(o.Violations) > 0 {
		vs := web.DescribeAll(lang, o.Violations, 20)
		for i := range vs {
			vs[i].Row = nil
		}
		if b, err := json.Marshal(vs); err == nil {
			dst = append(append(dst, `,"violations":`...), b...)
		}
	}
	return append(dst, '}')
}

// wholeRow reads a body that is one object without any fault. All else is for
// readRow, which says what is wrong.
func (a *API) wholeRow(c *call, e *repo.Entry, body []byte) ([]value.Value, bool) {
	given := 0
	for i := range e.Table.Columns {
		if !e.Table.Columns[i].Dropped {
			given++
		}
	}
	if len(a.repo.Visible(c.who(), e)) != given {
		return nil, false // readRow knows which fields are hidden
	}
	return e.Schema.ReadObject(body)
}

// postOne writes a single record: created, updated or refused.
func (a *API) postOne(c *call, e *repo.Entry, header commit.Header) error {
	expect, err := c.expectation()
	if err != nil {
		return err
	}
	r, err := a.readRow(c, e)
	if err != nil {
		return err
	}
	return a.postRow(c, e, header, r.values, expect, nil)
}

// postRow writes the row of a single record, which checked has checked already
// unless it is nil.
func (a *API) postRow(c *call, e *repo.Entry, header commit.Header, row []value.Value, expect int64, checked *record.Schema) error {
	var vs []problem.Violation
	for _, k := range e.Table.Key {
		if row[k].IsNull() {
			vs = append(vs, problem.Violate("value-required", e.Table.Columns[k].Name))
		}
	}
	if err := problem.InvalidWith("record-invalid", vs); err != nil {
		return err
	}
	key := e.Table.KeyOf(nil, row)
	got, err := a.repo.CommitChecked(c.ctx(), c.who(), &commit.Request{Header: header, Changes: []commit.Change{{Dataset: e.Dataset.Name, Op: commit.Put, Row: row, Expect: expect}}}, checked)
	if err != nil {
		return refused(err, expect)
	}
	return a.writeReceipt(c, e, key, got, commit.Put)
}

// postAtomic writes all rows in one commit or none, so that the key can stand
// for the whole: a repeat gets the first result.
func (a *API) postAtomic(c *call, e *repo.Entry, header commit.Header, media string, body io.Reader) error {
	if media == mediaCSV || media == "text/tab-separated-values" {
		return &web.Refusal{Status: http.StatusUnsupportedMediaType, Err: problem.New(problem.Invalid, "media-type", "accepted", mediaJSON+", "+mediaNDJSON)}
	}
	reader := record.NewJSONReader(body, e.Schema, record.Limits{})
	req := &commit.Request{Header: header}
	var vs []problem.Violation
	for end := error(nil); end == nil; {
		// The rows of a batch live as long as the commit: each gets its own.
		b := record.NewBatch(e.Schema)
		var faults []record.Fault
		if faults, end = reader.Next(b, decodeRows); end != nil && end != io.EOF {
			return web.Malformed(end)
		}
		for _, f := range faults {
			vs = append(vs, f.Violations...)
		}
		for i := range b.Len() {
			req.Changes = append(req.Changes, commit.Change{Dataset: e.Dataset.Name, Op: commit.Put, Row: b.Row(i)})
		}
		if len(req.Changes) > maxAtomic || len(vs) > maxFaults {
			return problem.New(problem.TooLarge, "too-large", "limit", maxAtomic)
		}
	}
	if err := problem.InvalidWith("records-invalid", vs, "count", len(vs)); err != nil {
		return err
	}
	if len(req.Changes) == 0 {
		return web.Malformed(problem.InvalidWith("body-invalid", []problem.Violation{problem.Violate("body-empty", "")}))
	}
	got, err := a.repo.Commit(c.ctx(), c.who(), req)
	if err != nil {
		return err
	}
	out := intake{Accepted: got.Counts[commit.Created] + got.Counts[commit.Updated], Unchanged: got.Counts[commit.Unchanged], Seq: got.Seq}
	out.Read = out.Accepted + out.Unchanged
	return writeJSON(c, http.StatusOK, out)
}

// postTelling answers with the outcome of every row while rows still come in;
// the last line is the summary, or the problem that ended the load.
func (a *API) postTelling(c *call, e *repo.Entry, header commit.Header, in io.Reader) error {
	if err := http.NewResponseController(c.w).EnableFullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	c.set("Content-Type", mediaNDJSON+"; charset=utf-8")
	s := &spool{c: c}
	sum, err := ingest.Records(c.ctx(), a.repo, c.who(), e.Dataset.Name, header, c.r.Header.Get("Content-Type"), in, func(o ingest.Outcome) error {
		s.buf = append(appendOutcome(s.buf, c.r.Lang, o), '\n')
		return s.check()
	})
	out := intakeOf(sum)
	if err != nil && !s.sent {
		return web.Malformed(&web.Partial{Err: err, Done: out})
	}
	if err != nil && problem.KindOf(err) == problem.Internal {
		return err
	}
	b, _ := json.Marshal(out)
	s.buf = append(append(append(s.buf, `{"summary":`...), b...), '}', '\n')
	if err != nil {
		b, _ := json.Marshal(web.Describe(c.r.Lang, c.r.Method, web.Malformed(err)))
		s.buf = append(append(append(s.buf, `{"problem":`...), b...), '}', '\n')
	}
	return s.flush()
}
