package record

import (
	"bytes"
	"io"
	"unicode/utf8"
	"unsafe"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// CSVReader reads rows from typed CSV (RFC 4180): commas, UTF-8, the first line
// holding field names, every cell in the lexical form of its column. Quotes are
// read strictly. Memory is bounded by the size of the largest row.
type CSVReader struct {
	in      input
	schema  *Schema
	limits  Limits
	header  []int // column of each cell; nil until read
	cells   []cell
	scratch []byte
	vs      []problem.Violation
	row     int
	end     error
}

// cell is one cell of the row at hand: its text and where it stands in it.
type cell struct {
	text []byte
	at   int
}

// NewCSVReader reads from r. Errors of r itself are returned as they are.
func NewCSVReader(r io.Reader, s *Schema, l Limits) *CSVReader {
	return &CSVReader{in: newInput(r), schema: s, limits: l.withDefaults()}
}

// Next is JSONReader.Next for CSV. A header that names unknown, derived or
// repeated fields ends the reading with one Invalid error that holds every
// fault of it. After a row with a broken quote reading goes on at the next
// line.
func (r *CSVReader) Next(b *Batch, max int) ([]Fault, error) {
	var faults []Fault
	if r.header == nil && r.end == nil {
		r.readHeader()
	}
	held := 0
	for n := 0; n < max && held+b.text.size() < mostHeld; n++ {
		if r.end == nil {
			r.skipBlank()
		}
		if r.end != nil {
			return faults, r.end
		}
		before := len(faults)
		r.read(b, &faults)
		if len(faults) > before {
			held += len(faults[before].Raw) + violationSize*len(faults[before].Violations)
		}
		r.row++
	}
	return faults, nil
}

// skipBlank passes over empty lines and sets r.end at the end.
func (r *CSVReader) skipBlank() {
	for {
		rest := r.in.rest()
		i := 0
		for i < len(rest) && (rest[i] == '\n' || rest[i] == '\r') {
			// An empty line of a one-column file is a record whose cell is missing.
			if len(r.header) == 1 {
				return
			}
			i++
		}
		r.in.advance(i)
		if i < len(rest) {
			return
		}
		if !r.in.fill() {
			if r.end = r.in.err; r.end == nil {
				r.end = io.EOF
			}
			return
		}
	}
}

func (r *CSVReader) readHeader() {
	r.in.skipBOM()
	r.skipBlank()
	if r.end == io.EOF {
		r.end = problem.InvalidWith("row-input", []problem.Violation{problem.Violate("row-header", "").At(problem.Position{Line: 1, Column: 1})})
	}
	if r.end != nil {
		return
	}
	n, code, at := r.record()
	raw := r.in.rest()[:n]
	start := r.in.position()
	if r.in.err != nil && r.in.err != io.EOF {
		r.end = r.in.err
		return
	}
	if code != "" {
		v := problem.Violate(code, "", "limit", r.limits.MaxCell)
		if code == "row-too-large" {
			v = problem.Violate(code, "", "limit", r.limits.MaxRow)
		}
		r.end = problem.InvalidWith("row-input", []problem.Violation{v.At(locate(raw, at, start))})
		return
	}
	seen := make(map[int]bool, len(r.cells))
	var vs []problem.Violation
	for i, cell := range r.cells {
		name := string(cell.text)
		column, known := r.schema.byName[name]
		v := problem.Violation{}
		switch {
		case name == "":
			v = problem.Violate("row-header-empty", "", "column", i+1)
		case !utf8.ValidString(name):
			v = problem.Violate("row-utf8", "")
		case !known:
			if len(vs) < mostViolations {
				v = unknownField(name, r.schema.Nearest(name))
			}
		case r.schema.columns[column].derived:
			v = problem.Violate("row-derived", name)
		case seen[column]:
			v = problem.Violate("row-duplicate", name)
		}
		if v.Code != "" {
			if len(vs) < mostViolations {
				vs = append(vs, v.At(locate(raw, cell.at, start)))
			}
			continue
		}
		seen[column] = true
		r.header = append(r.header, column)
	}
	if r.end = problem.InvalidWith("row-input", vs); r.end == nil {
		r.in.advance(n)
	}
}

// read reads one row and appends it, or reports it.
func (r *CSVReader) read(b *Batch, faults *[]Fault) {
	n, code, at := r.record()
	if code != "" {
		if r.in.err != nil && r.in.err != io.EOF {
			r.end = r.in.err
			return
		}
		r.broken(n, code, at, faults)
		return
	}
	r.vs = r.vs[:0]
	start := r.in.position()
	if len(r.cells) != len(r.header) {
		v := problem.Violate("row-cells", "", "given", len(r.cells), "expected", len(r.header))
		*faults = append(*faults, r.fault(n, append(r.vs, v)))
		r.in.advance(n)
		return
	}
	mark := b.text.mark()
	row := b.Append()
	for i, cell := range r.cells {
		c := &r.schema.columns[r.header[i]]
		v, bad := c.parseCell(unsafe.String(unsafe.SliceData(cell.text), len(cell.text)))
		if bad != nil {
			bad.Position.Offset = int64(cell.at)
			if len(r.vs) < mostViolations {
				r.vs = append(r.vs, *bad)
			}
			continue
		}
		if v.Kind() == value.Text {
			// The text may lie in the window, which moves.
			v = value.OfText(b.text.hold(unsafe.Slice(unsafe.StringData(v.Text()), len(v.Text()))))
		}
		row[r.header[i]] = v
	}
	if len(r.vs) == 0 {
		r.vs = r.schema.Check(row, r.vs)
		r.placeByColumn()
	}
	if len(r.vs) > 0 {
		b.Drop()
		b.text.rollback(mark)
		*faults = append(*faults, r.fault(n, r.vs))
	} else {
		p := &b.positions[len(b.positions)-1]
		p.offset, p.line, p.column = start.Offset, start.Line, start.Column
	}
	r.in.advance(n)
}

// placeByColumn gives the faults that Check found the place of their cell.
func (r *CSVReader) placeByColumn() {
	for k := range r.vs {
		for i, column := range r.header {
			if r.schema.columns[column].name == r.vs[k].Field {
				r.vs[k].Position.Offset = int64(r.cells[i].at)
			}
		}
	}
}

func (r *CSVReader) fault(n int, vs []problem.Violation) Fault {
	raw := r.in.rest()[:n]
	start := r.in.position()
	f := Fault{Position: start, Raw: bytes.Clone(bytes.TrimRight(raw, "\r\n")), Violations: make([]problem.Violation, len(vs))}
	for i, v := range vs {
		v.Position = locate(raw, int(v.Position.Offset), start)
		v.Row = r.row
		f.Violations[i] = v
	}
	return f
}

// broken reports a row that could not be split into cells and goes on at the
// line after the one where it began.
func (r *CSVReader) broken(n int, code string, at int, faults *[]Fault) {
	limit := r.limits.MaxCell
	if code == "row-too-large" {
		limit = r.limits.MaxRow
	}
	n, all := r.in.throughLine(0, r.limits.MaxRow)
	keep := n
	if !all {
		keep = min(n, mostRaw)
	}
	v := problem.Violate(code, "", "limit", limit)
	v.Position.Offset = int64(at)
	*faults = append(*faults, r.fault(keep, []problem.Violation{v}))
	r.in.advance(n)
	if !all {
		r.in.throughRest()
	}
}

// record splits the row at the current position into r.cells and returns its
// length with the line end. A code tells what is wrong, at an offset in it.
func (r *CSVReader) record() (n int, code string, at int) {
	// resume is where the search for the row's end goes on after a refill, so
	// that a row that arrives in pieces is looked at once.
	resume, quoted := 0, false
	for {
		rest := r.in.rest()
		end := -1
		// A line end ends the row when an even number of quotes stands before it.
		for i := resume; end < 0 && i < len(rest); {
			line := rest[i:]
			nl := bytes.IndexByte(line, '\n')
			if nl >= 0 {
				line = line[:nl]
			}
			if bytes.Count(line, []byte{'"'})%2 == 1 {
				quoted = !quoted
			}
			if i += len(line) + 1; nl >= 0 && !quoted {
				end = i - 1
			}
		}
		if end < 0 && len(rest) <= r.limits.MaxRow {
			resume = len(rest)
			if r.in.fill() {
				continue
			}
			if r.in.err != nil && r.in.err != io.EOF {
				return 0, "row-truncated", 0
			}
			end = len(r.in.rest())
			code, at = r.split(r.in.rest()[:end])
			return end, code, at
		}
		if end < 0 || end > r.limits.MaxRow {
			// A quote that never closes swallows what follows: the row's own line
			// tells which it is.
			if code, at = r.split(rest[:min(len(rest), r.limits.MaxRow)]); code == "row-quote" || code == "row-cell-large" {
				return 0, code, at
			}
			return 0, "row-too-large", 0
		}
		code, at = r.split(rest[:end])
		return end + 1, code, at
	}
}

// split parts one row, without its line end, into r.cells.
func (r *CSVReader) split(b []byte) (code string, at int) {
	b = bytes.TrimSuffix(b, []byte{'\r'})
	r.cells, r.scratch = r.cells[:0], r.scratch[:0]
	most := len(r.schema.columns) + 1
	if r.header != nil {
		most = len(r.header) + 1
	}
	for i := 0; ; {
		if len(r.cells) == most && r.header != nil {
			// The row is refused for its count; count on without keeping cells.
			r.cells = r.cells[:most-1]
			return "", 0
		}
		from := i
		if i < len(b) && b[i] == '"' {
			text, next, ok := r.quotedCell(b, i+1)
			if !ok {
				return "row-quote", next
			}
			i = next
			r.cells = append(r.cells, cell{text, from})
		} else {
			comma := bytes.IndexByte(b[i:], ',')
			if comma < 0 {
				comma = len(b) - i
			}
			text := b[i : i+comma]
			if q := bytes.IndexByte(text, '"'); q >= 0 {
				return "row-quote", i + q
			}
			i += comma
			r.cells = append(r.cells, cell{text, from})
		}
		if len(r.cells[len(r.cells)-1].text) > r.limits.MaxCell {
			return "row-cell-large", from
		}
		if i >= len(b) {
			return "", 0
		}
		i++ // the comma
	}
}

// quotedCell reads to the closing quote. Text without doubled quotes is a part
// of b.
func (r *CSVReader) quotedCell(b []byte, i int) (text []byte, next int, ok bool) {
	from, held := i, len(r.scratch)
	doubled := false
	for {
		q := bytes.IndexByte(b[i:], '"')
		if q < 0 {
			return nil, max(0, from-1), false
		}
		end := i + q
		if end+1 < len(b) && b[end+1] == '"' {
			doubled = true
			r.scratch = append(r.scratch, b[i:end+1]...)
			i = end + 2
			continue
		}
		if end+1 < len(b) && b[end+1] != ',' {
			return nil, end, false
		}
		if !doubled {
			return b[from:end], end + 1, true
		}
		r.scratch = append(r.scratch, b[i:end]...)
		return r.scratch[held:len(r.scratch):len(r.scratch)], end + 1, true
	}
}
