package ingest

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"huong.city/huong/internal/core/problem"
)

// csvTable reads delimited text (RFC 4180 with any one-byte delimiter) in
// constant memory. A row that breaks the syntax is one faulty row: reading goes
// on at the line after the one where it began, so that a stray quote costs a
// line and not the rest of the file.
type csvTable struct {
	src        io.Reader
	buf        []byte
	start, end int // buf[start:end] is read but not consumed
	eof        bool
	err        error
	line       int // line number of buf[start]
	delim      byte
	newline    byte // '\n', or '\r' in files that have no '\n'
	transcoded bool // src was decoded: undecodable bytes show as U+FFFD
	names      []string
	footer     *footer
	over       bool
	limits     Limits
	spans      []span
	slab       []Cell // cells not lent yet
}

type span struct {
	from, to int
	escaped  bool // holds doubled quotes
	quoted   bool
}

// newCSV reads the header, which stands on the 1-based line header.
func newCSV(src io.Reader, d dialect, header int, end *footer, l Limits) (*csvTable, error) {
	t := &csvTable{src: src, buf: make([]byte, 64<<10), line: 1, delim: d.delimiter, newline: d.newline, transcoded: d.transcoded, limits: l}
	for t.line < header {
		if _, err := t.skipLine(); err != nil {
			return nil, headerMissing(err, header)
		}
	}
	var row Row
	if err := t.record(&row); err != nil {
		return nil, headerMissing(err, header)
	}
	if row.Fault != nil {
		return nil, problem.InvalidWith("intake-header", []problem.Violation{row.Fault.At(problem.Position{Line: row.Line, Column: row.Fault.Position.Column})}, "line", header)
	}
	if len(row.Cells) > l.Columns {
		return nil, problem.New(problem.TooLarge, "intake-columns", "count", len(row.Cells), "limit", l.Columns)
	}
	cells := make([]string, len(row.Cells))
	for i, c := range row.Cells {
		cells[i] = c.Text
	}
	t.names, t.footer = columnNames(cells), end
	return t, nil
}

func headerMissing(err error, header int) error {
	if err == io.EOF {
		return problem.New(problem.Invalid, "intake-no-header", "line", header)
	}
	return err
}

func (t *csvTable) columns() []string { return t.names }

func (t *csvTable) next(row *Row) error {
	for !t.over {
		if err := t.record(row); err != nil {
			return err
		}
		if row.Fault == nil && blank(row.Cells) {
			continue
		}
		if t.footer.ends(row) {
			break
		}
		if row.Fault == nil {
			t.fit(row)
		}
		return nil
	}
	t.over = true
	return io.EOF
}

// fit compares the row with the header.
func (t *csvTable) fit(row *Row) {
	n := len(t.names)
	if len(row.Cells) > n && blank(row.Cells[n:]) {
		row.Cells = row.Cells[:n]
	}
	if len(row.Cells) != n {
		row.Fault = violation("intake-cells", 0, "found", len(row.Cells), "expected", n)
	}
}

func blank(cells []Cell) bool {
	for _, c := range cells {
		if strings.TrimSpace(c.Text) != "" {
			return false
		}
	}
	return true
}

// more reads on; false at the end of the input, on error, or when the row in
// hand has reached the limit.
func (t *csvTable) more() bool {
	if t.eof || t.end-t.start > t.limits.Row {
		return false
	}
	if t.start > 0 {
		copy(t.buf, t.buf[t.start:t.end])
		t.end -= t.start
		t.start = 0
	}
	if t.end == len(t.buf) {
		grown := make([]byte, 2*len(t.buf))
		copy(grown, t.buf[:t.end])
		t.buf = grown
	}
	for range 100 {
		n, err := t.src.Read(t.buf[t.end:])
		t.end += n
		if err != nil {
			t.eof = true
			if err != io.EOF {
				t.err = err
			}
			return n > 0
		}
		if n > 0 {
			return true
		}
	}
	t.eof, t.err = true, io.ErrNoProgress
	return false
}

func (t *csvTable) window() []byte { return t.buf[t.start:t.end] }

// skipLine consumes one physical line of any length and returns its beginning.
func (t *csvTable) skipLine() (string, error) {
	var head []byte
	some := false
	for {
		w := t.window()
		some = some || len(w) > 0
		i := bytes.IndexByte(w, t.newline)
		part := w
		if i >= 0 {
			part = w[:i]
		}
		if room := rawCut - len(head); room > 0 {
			head = append(head, part[:min(room, len(part))]...)
		}
		if i >= 0 {
			t.start += i + 1
			t.line++
			return cutRaw(bytes.TrimSuffix(head, []byte{'\r'})), nil
		}
		t.start = t.end
		if !t.more() {
			if t.err != nil {
				return "", t.err
			}
			if !some {
				return "", io.EOF
			}
			t.line++
			return cutRaw(head), nil
		}
	}
}

// record reads one record without judging its number of cells.
func (t *csvTable) record(row *Row) error {
	*row = Row{Line: t.line}
	w := t.window()
	if len(w) == 0 {
		if !t.more() {
			if t.err != nil {
				return t.err
			}
			return io.EOF
		}
		w = t.window()
	}
	t.spans = t.spans[:0]
	var fault *problem.Violation
	i, lines := 0, 0
	for {
		if i < len(w) || t.grow(&w) {
			if w[i] == '"' {
				s, next, nl, v := t.quoted(&w, i)
				if v != nil {
					return t.resync(row, v)
				}
				t.spans = append(t.spans, s)
				i, lines = next, lines+nl
			} else {
				s, next, stray, ok := t.bare(&w, i)
				if !ok {
					return t.resync(row, violation("intake-row-size", len(t.spans)+1, "limit", t.limits.Row))
				}
				if stray && fault == nil {
					fault = violation("intake-quote", len(t.spans)+1)
				}
				t.spans = append(t.spans, s)
				i = next
			}
		} else if t.eof {
			t.spans = append(t.spans, span{from: i, to: i}) // a delimiter ended the input
		} else {
			return t.resync(row, violation("intake-row-size", 0, "limit", t.limits.Row))
		}
		if t.err != nil && i >= len(w) {
			return t.err
		}
		if len(t.spans) > t.limits.Columns {
			return t.resync(row, violation("intake-columns", 0, "count", len(t.spans), "limit", t.limits.Columns))
		}
		// w[i] is now the delimiter, the end of the line, or past the end.
		if i < len(w) && w[i] == t.delim {
			i++
			continue
		}
		break
	}
	end := i
	if i < len(w) && w[i] == '\r' && t.newline == '\n' {
		i++
	}
	if i < len(w) {
		i++
	}
	lines++
	row.Fault = fault
	t.cut(row, w[:end])
	t.start += i
	t.line += lines
	return nil
}

// grow refreshes the window after reading on.
func (t *csvTable) grow(w *[]byte) bool {
	n := len(*w)
	t.more()
	*w = t.window()
	return len(*w) > n
}

// bare scans a cell without quotes from i. ok is false when the row is too long.
func (t *csvTable) bare(w *[]byte, i int) (s span, next int, stray, ok bool) {
	j := i
	for {
		b := *w
		for ; j < len(b); j++ {
			switch c := b[j]; {
			case c == t.delim:
				return span{from: i, to: j}, j, stray, true
			case c == t.newline:
				to := j
				if t.newline == '\n' && j > i && b[j-1] == '\r' {
					to--
				}
				return span{from: i, to: to}, j, stray, true
			case c == '"':
				stray = true
			}
		}
		if !t.grow(w) {
			return span{from: i, to: j}, j, stray, t.eof
		}
	}
}

// quoted scans a quoted cell that opens at i.
func (t *csvTable) quoted(w *[]byte, i int) (s span, next, newlines int, fault *problem.Violation) {
	cell := len(t.spans) + 1
	j := i + 1
	s = span{from: j, quoted: true}
	for {
		k := bytes.IndexByte((*w)[j:], '"')
		if k < 0 {
			if len(*w)-i > t.limits.Cell {
				return s, 0, 0, violation("intake-quote-open", cell, "limit", t.limits.Cell)
			}
			newlines += bytes.Count((*w)[j:], []byte{t.newline})
			j = len(*w)
			if !t.grow(w) {
				return s, 0, 0, violation("intake-quote-open", cell, "limit", t.limits.Cell)
			}
			continue
		}
		newlines += bytes.Count((*w)[j:j+k], []byte{t.newline})
		j += k
		if j+2 >= len(*w) {
			for j+2 >= len(*w) && t.grow(w) {
			}
		}
		b := *w
		s.to = j
		switch {
		case j+1 >= len(b) && !t.eof:
			return s, 0, 0, violation("intake-row-size", cell, "limit", t.limits.Row)
		case j+1 >= len(b):
			return s, j + 1, newlines, nil
		case b[j+1] == '"':
			s.escaped = true
			j += 2
			continue
		case b[j+1] == t.delim || b[j+1] == t.newline:
			return s, j + 1, newlines, nil
		case b[j+1] == '\r' && (j+2 >= len(b) || b[j+2] == t.newline):
			return s, j + 1, newlines, nil
		}
		return s, 0, 0, violation("intake-quote", cell)
	}
}

// resync gives the row up and moves to the line after the one it began on.
func (t *csvTable) resync(row *Row, v *problem.Violation) error {
	raw, err := t.skipLine()
	if err != nil {
		return err
	}
	row.Fault, row.Raw, row.Cells = v, raw, nil
	return nil
}

// newCells lends cells from a larger piece of memory, which is never used again.
func (t *csvTable) newCells(n int) []Cell {
	if len(t.slab) < n {
		t.slab = make([]Cell, max(n, 1024))
	}
	cells := t.slab[:n:n]
	t.slab = t.slab[n:]
	return cells
}

// cut makes the cells of the record: one copy of its bytes, shared by them all.
func (t *csvTable) cut(row *Row, rec []byte) {
	text := string(rec)
	cells := t.newCells(len(t.spans))
	for i, s := range t.spans {
		c := text[s.from:min(s.to, len(text))]
		if s.escaped {
			c = strings.ReplaceAll(c, `""`, `"`)
		}
		if len(c) > t.limits.Cell && row.Fault == nil {
			row.Fault = violation("intake-cell-size", i+1, "limit", t.limits.Cell)
		}
		cells[i].Text = c
	}
	row.Cells = cells
	if row.Fault == nil && (!utf8.ValidString(text) || t.transcoded && strings.ContainsRune(text, utf8.RuneError)) {
		for i := range cells {
			if !utf8.ValidString(cells[i].Text) || strings.ContainsRune(cells[i].Text, utf8.RuneError) {
				row.Fault = violation("intake-bytes", i+1)
				break
			}
		}
	}
	if row.Fault != nil {
		row.Raw = cutRaw(rec)
		for i := range cells {
			cells[i].Text = strings.ToValidUTF8(cells[i].Text, "\uFFFD")
		}
	}
}
