package record

import (
	"bytes"
	"io"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Limits bound what one input may take. Zero members mean the defaults.
type Limits struct {
	MaxRow  int // bytes of one row; default 8 MiB
	MaxCell int // bytes of one CSV cell; default 1 MiB
}

const (
	defaultMaxRow  = 8 << 20
	defaultMaxCell = 1 << 20
	// mostHeld ends a call of Next early, so that rows near the limit of size
	// do not fill the memory.
	mostHeld = 16 << 20
	// mostRaw is kept of a row that is over the limit itself.
	mostRaw = 4 << 10
	// violationSize is about what one violation takes, arguments included.
	violationSize = 512
)

func (l Limits) withDefaults() Limits {
	if l.MaxRow <= 0 {
		l.MaxRow = defaultMaxRow
	}
	if l.MaxCell <= 0 {
		l.MaxCell = defaultMaxCell
	}
	return l
}

// Fault is one refused row, whole. Raw is a copy of its bytes as they came (the
// first 4 KiB of a row over the size limit). Position and those of the
// violations count lines and characters from 1 in the whole input; Row of each
// violation is the row's index in it.
type Fault struct {
	Position   problem.Position
	Raw        []byte
	Violations []problem.Violation
}

// JSONReader reads rows from an array of objects, from one object, or from
// objects one after another (NDJSON), told by the first byte, in memory bounded
// by the size of the largest row.
type JSONReader struct {
	in     input
	d      *decoder
	schema *Schema
	limits Limits
	array  bool
	begun  bool
	after  bool // in an array: a value has been read, a comma or the end follows
	row    int
	end    error // io.EOF, or why reading cannot go on
}

// NewJSONReader reads from r. Errors of r itself are returned as they are.
func NewJSONReader(r io.Reader, s *Schema, l Limits) *JSONReader {
	return &JSONReader{in: newInput(r), d: newDecoder(s, nil), schema: s, limits: l.withDefaults()}
}

// Next appends rows that are decoded and checked to b until max rows, good and
// bad, have been read, and returns the bad ones. It may return fewer when they
// are large. At the end it returns io.EOF, possibly together with last faults.
// A bad row does not stop it: after a broken row of NDJSON it goes on at the
// next line, in an array after the object where its brackets and strings still
// balance. Where they do not, the last fault says where, and the error is
// Invalid.
func (r *JSONReader) Next(b *Batch, max int) ([]Fault, error) {
	var faults []Fault
	r.d.text = &b.text
	held := 0
	for n := 0; n < max && held+b.text.size() < mostHeld; n++ {
		if r.end == nil {
			r.seek(&faults)
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

// seek moves to the first byte of the next row. It returns false and sets
// r.end when there is none.
func (r *JSONReader) seek(faults *[]Fault) bool {
	if !r.begun {
		r.begun = true
		r.in.skipBOM()
		switch ch, ok := r.in.peek(); {
		case !ok:
			return r.finish()
		case ch == '[':
			r.array = true
			r.in.advance(1)
			if ch, ok := r.in.peek(); ok && ch == ']' {
				r.in.advance(1)
				return r.tail(faults)
			}
		case ch != '{':
			return r.lost(faults, "row-start")
		}
	}
	ch, ok := r.in.peek()
	if !r.array {
		if !ok {
			return r.finish()
		}
		return true
	}
	if !ok {
		if r.in.err != nil && r.in.err != io.EOF {
			return r.finish()
		}
		return r.lost(faults, "row-truncated")
	}
	if !r.after {
		return true
	}
	switch ch {
	case ']':
		r.in.advance(1)
		return r.tail(faults)
	case ',':
		r.in.advance(1)
		if ch, ok = r.in.peek(); !ok {
			return r.seek(faults)
		}
		if ch == ']' || ch == ',' {
			return r.lost(faults, "row-syntax")
		}
		r.after = false
		return true
	}
	return r.lost(faults, "row-syntax")
}

// tail makes sure that nothing follows the array.
func (r *JSONReader) tail(faults *[]Fault) bool {
	if _, ok := r.in.peek(); ok {
		return r.lost(faults, "row-trailing")
	}
	return r.finish()
}

func (r *JSONReader) finish() bool {
	r.end = r.in.err
	if r.end == nil {
		r.end = io.EOF
	}
	return false
}

// lost reports that the syntax is lost at the current position and ends.
func (r *JSONReader) lost(faults *[]Fault, code string) bool {
	return r.lostWith(faults, []problem.Violation{problem.Violate(code, "")})
}

func (r *JSONReader) lostWith(faults *[]Fault, vs []problem.Violation) bool {
	for len(r.in.rest()) < mostRaw && r.in.fill() {
	}
	f := r.fault(r.in.rest(), vs)
	f.Raw = bytes.Clone(f.Raw[:min(len(f.Raw), mostRaw)])
	*faults = append(*faults, f)
	r.end = problem.InvalidWith("row-input", f.Violations)
	return false
}

// fault copies a refused row and locates its violations, whose offsets are
// relative to it.
func (r *JSONReader) fault(raw []byte, vs []problem.Violation) Fault {
	start := r.in.position()
	f := Fault{Position: start, Raw: bytes.Clone(raw), Violations: make([]problem.Violation, len(vs))}
	for i, v := range vs {
		v.Position = locate(raw, int(v.Position.Offset), start)
		v.Row = r.row
		f.Violations[i] = v
	}
	return f
}

// locate turns an offset within raw, which starts at start, into a position.
func locate(raw []byte, offset int, start problem.Position) problem.Position {
	before := raw[:min(max(offset, 0), len(raw))]
	p := start
	p.Offset += int64(len(before))
	if nl := bytes.LastIndexByte(before, '\n'); nl >= 0 {
		p.Line += bytes.Count(before, []byte{'\n'})
		p.Column = characters(before[nl+1:]) + 1
	} else {
		p.Column += characters(before)
	}
	return p
}

// read reads the value at the current position as a row.
func (r *JSONReader) read(b *Batch, faults *[]Fault) {
	r.after = true
	if r.in.rest()[0] != '{' {
		r.notObject(faults)
		return
	}
	mark := b.text.mark()
	row := b.Append()
	end, ok := r.d.object(r.in.rest(), 0, row)
	if !ok && r.d.stop.code == "" {
		// The buffer ended within the row: find its end while reading on, so
		// that a row that arrives in small pieces is not decoded again and again.
		b.Drop()
		b.text.rollback(mark)
		row = nil
		if r.whole(faults) {
			row = b.Append()
			end, ok = r.d.object(r.in.rest(), 0, row)
		} else {
			return
		}
	}
	if ok && end > r.limits.MaxRow {
		b.Drop()
		b.text.rollback(mark)
		r.tooLarge(end, end, faults)
		return
	}
	if ok {
		if len(r.d.vs) == 0 {
			r.d.vs = r.schema.Check(row, r.d.vs)
		}
		if len(r.d.vs) == 0 {
			p := &b.positions[len(b.positions)-1]
			p.offset, p.line, p.column = r.in.base+int64(r.in.pos), r.in.line, r.in.column
			r.in.advance(end)
			return
		}
		*faults = append(*faults, r.fault(r.in.rest()[:end], r.d.vs))
	}
	b.Drop()
	b.text.rollback(mark)
	if ok {
		r.in.advance(end)
		return
	}
	r.recover(faults)
}

// notObject reports a value that is no object and passes over it.
func (r *JSONReader) notObject(faults *[]Fault) {
	v := []problem.Violation{problem.Violate("row-object", "")}
	if !r.array {
		n, all := r.in.throughLine(0, r.limits.MaxRow)
		r.drop(n, all, v, faults)
		return
	}
	if r.in.rest()[0] == ',' || r.in.rest()[0] == ':' {
		r.lost(faults, "row-syntax")
		return
	}
	x := extent{}
	n, state := x.run(&r.in, r.limits.MaxRow)
	switch state {
	case extentClosed:
		*faults = append(*faults, r.fault(r.in.rest()[:n], v))
		r.in.advance(n)
	case extentLarge:
		r.discard(&x, faults)
	case extentOpen:
		if !r.finishOn() {
			r.lost(faults, "row-truncated")
		}
	default:
		r.lost(faults, "row-syntax")
	}
}

// whole reads on until the row at the current position is complete. It returns
// false after it has dealt with a row that never will be.
func (r *JSONReader) whole(faults *[]Fault) bool {
	x := extent{lines: !r.array}
	_, state := x.run(&r.in, r.limits.MaxRow)
	switch state {
	case extentClosed:
		return true
	case extentLarge:
		r.discard(&x, faults)
		return false
	}
	if state == extentOpen && r.finishOn() {
		return false
	}
	r.recover(faults)
	return false
}

// recover deals with a row whose syntax is broken.
func (r *JSONReader) recover(faults *[]Fault) {
	if !r.array {
		n, all := r.nextRow()
		r.drop(n, all, r.diagnose(r.in.rest()[:n]), faults)
		return
	}
	x := extent{}
	n, state := x.run(&r.in, r.limits.MaxRow)
	switch state {
	case extentClosed:
		raw := r.in.rest()[:n]
		*faults = append(*faults, r.fault(raw, r.diagnose(raw)))
		r.in.advance(n)
	case extentLarge:
		r.discard(&x, faults)
	default:
		if !r.finishOn() {
			r.lostWith(faults, r.diagnose(r.in.rest()))
		}
	}
}

// diagnose says what is wrong with the bytes of one broken row by themselves,
// so that its faults do not depend on what else was in the window.
func (r *JSONReader) diagnose(raw []byte) []problem.Violation {
	kept := r.d.text
	r.d.text = new(texts)
	_, ok := r.d.object(raw, 0, make([]value.Value, len(r.schema.columns)))
	r.d.text = kept
	end := r.d.stop
	if ok || end.code == "" {
		end = stop{"row-truncated", len(raw)}
	}
	v := problem.Violate(end.code, "")
	v.Position.Offset = int64(end.at)
	return append(r.d.vs, v)
}

// nextRow returns how far the broken row at the current position reaches: to
// the end of its line, or, for the very first row, which may be an object over
// several lines, to the first line that begins with a brace. all is false when
// that is over the limit.
func (r *JSONReader) nextRow() (n int, all bool) {
	for {
		if n, all = r.in.throughLine(n, r.limits.MaxRow); !all || r.row > 0 {
			return n, all
		}
		if n == len(r.in.rest()) && !r.in.fill() || r.in.rest()[n] == '{' {
			return n, true
		}
	}
}

// drop reports the first n bytes as a refused row and passes over them; when
// they are not all of it, what follows up to the line's end is passed over too.
func (r *JSONReader) drop(n int, all bool, vs []problem.Violation, faults *[]Fault) {
	raw := r.in.rest()[:n]
	if !all {
		raw = raw[:min(len(raw), mostRaw)]
		vs = []problem.Violation{r.large()}
	}
	raw = bytes.TrimRight(raw, "\r\n")
	*faults = append(*faults, r.fault(raw, vs))
	r.in.advance(n)
	if all {
		return
	}
	r.in.throughRest()
}

func (r *JSONReader) large() problem.Violation {
	return problem.Violate("row-too-large", "", "limit", r.limits.MaxRow)
}

func (r *JSONReader) tooLarge(keep, n int, faults *[]Fault) {
	raw := r.in.rest()[:min(keep, mostRaw)]
	*faults = append(*faults, r.fault(raw, []problem.Violation{r.large()}))
	r.in.advance(n)
}

// discard passes over a row that is over the limit without keeping it; x
// stands at the end of what it has seen of the window.
func (r *JSONReader) discard(x *extent, faults *[]Fault) {
	n := x.at
	r.tooLarge(n, n, faults)
	for {
		x.at = 0
		state := x.step(r.in.rest())
		r.in.advance(x.at)
		switch {
		case state == extentClosed:
			return
		case state == extentBroken && r.array:
			r.lost(faults, "row-syntax")
			return
		case state == extentBroken:
			r.in.throughRest()
			return
		}
		if !r.in.fill() {
			if !r.finishOn() && r.array {
				r.lost(faults, "row-truncated")
			}
			return
		}
	}
}

// finishOn ends on an error of the source; false when it simply ended.
func (r *JSONReader) finishOn() bool {
	if r.in.err != nil && r.in.err != io.EOF {
		r.end = r.in.err
		return true
	}
	return false
}
