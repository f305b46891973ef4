package record

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"

	"huong.city/huong/internal/core/problem"
)

// input is a window on a stream that knows its place in lines and characters.
type input struct {
	src          io.Reader
	buf          []byte
	pos, end     int
	base         int64 // stream offset of buf[0]
	line, column int   // of buf[pos]
	err          error // set when src has ended or failed
}

const bufferSize = 64 << 10

func newInput(src io.Reader) input { return input{src: src, line: 1, column: 1} }

// rest is what has been read and not passed over. It is valid until fill.
func (in *input) rest() []byte { return in.buf[in.pos:in.end] }

// fill reads more after rest, which may move. It returns false at the end.
func (in *input) fill() bool {
	if in.err != nil {
		return false
	}
	if in.buf == nil {
		in.buf = make([]byte, bufferSize)
	}
	if in.end == len(in.buf) {
		if in.pos > 0 {
			copy(in.buf, in.buf[in.pos:in.end])
			in.base += int64(in.pos)
			in.end -= in.pos
			in.pos = 0
		} else {
			grown := make([]byte, 2*len(in.buf))
			copy(grown, in.buf[:in.end])
			in.buf = grown
		}
	}
	for range 100 {
		n, err := in.src.Read(in.buf[in.end:])
		if n < 0 || n > len(in.buf)-in.end {
			in.err = io.ErrNoProgress
			return false
		}
		in.end += n
		in.err = err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	in.err = io.ErrNoProgress
	return false
}

// advance passes over n bytes of rest.
func (in *input) advance(n int) {
	passed := in.buf[in.pos : in.pos+n]
	in.pos += n
	if n == 0 {
		return
	}
	// Rows mostly hold no line end, or end with their only one.
	switch nl := bytes.IndexByte(passed, '\n'); {
	case nl < 0:
		in.column += characters(passed)
	case nl == n-1:
		in.line++
		in.column = 1
	default:
		in.line += bytes.Count(passed, []byte{'\n'})
		in.column = characters(passed[bytes.LastIndexByte(passed, '\n')+1:]) + 1
	}
}

// characters counts the bytes that begin a UTF-8 sequence.
func characters(p []byte) int {
	n := len(p)
	for ; len(p) >= 8; p = p[8:] {
		w := binary.LittleEndian.Uint64(p)
		n -= bits.OnesCount64(w & highs &^ (w << 1)) // 10xxxxxx continues a sequence
	}
	for _, b := range p {
		if b&0xC0 == 0x80 {
			n--
		}
	}
	return n
}

// peek passes over white space and returns the byte after it.
func (in *input) peek() (byte, bool) {
	for {
		i := space(in.buf[:in.end], in.pos)
		in.advance(i - in.pos)
		if in.pos < in.end {
			return in.buf[in.pos], true
		}
		if !in.fill() {
			return 0, false
		}
	}
}

// skipBOM passes over a byte order mark at the start.
func (in *input) skipBOM() {
	for in.end-in.pos < 3 && in.fill() {
	}
	if bytes.HasPrefix(in.rest(), []byte("\xEF\xBB\xBF")) {
		in.pos += 3
	}
}

// throughLine returns the length of rest up to and with the first line end at or
// after from. all is false when there is none within limit bytes; the line end
// is then still to come.
func (in *input) throughLine(from, limit int) (n int, all bool) {
	for {
		rest := in.rest()
		if nl := bytes.IndexByte(rest[from:], '\n'); nl >= 0 {
			if from+nl > limit {
				return from + nl, false
			}
			return from + nl + 1, true
		}
		if len(rest) > limit {
			return len(rest), false
		}
		from = len(rest)
		if !in.fill() {
			return from, true
		}
	}
}

func (in *input) position() problem.Position {
	return problem.Position{Line: in.line, Column: in.column, Offset: in.base + int64(in.pos)}
}

// extent finds where a JSON value ends by its brackets and strings alone. It
// can stop anywhere and go on with more bytes.
type extent struct {
	lines   bool // a raw line end inside a string breaks the value
	at      int  // bytes seen
	depth   int
	kinds   uint64 // bit k: bracket k from the innermost is a brace
	text    bool   // inside a string
	escaped bool
	scalar  bool // a bare word or number outside all brackets
}

type extentState uint8

const (
	extentOpen extentState = iota
	extentClosed
	extentBroken
	extentLarge
)

// run reads until the value ends, breaks, is larger than limit or the input
// ends (extentOpen), and returns its length so far.
func (x *extent) run(in *input, limit int) (int, extentState) {
	for {
		state := x.step(in.rest())
		if state == extentOpen && x.at > limit {
			state = extentLarge
		}
		if state == extentClosed && x.at > limit {
			state = extentLarge
			x.at = limit
			*x = extent{lines: x.lines}
			x.step(in.rest()[:limit])
		}
		if state != extentOpen || !in.fill() {
			return x.at, state
		}
	}
}

// step goes on at b[x.at:].
func (x *extent) step(b []byte) extentState {
	for ; x.at < len(b); x.at++ {
		ch := b[x.at]
		if x.text {
			switch {
			case x.escaped:
				x.escaped = false
			case ch == '\\':
				x.escaped = true
			case ch == '"':
				x.text = false
				if x.depth == 0 {
					x.at++
					return extentClosed
				}
			case ch == '\n' && x.lines:
				return extentBroken
			}
			continue
		}
		switch ch {
		case '"':
			x.text = true
		case '{', '[':
			if x.depth++; x.depth <= maxDepth {
				x.kinds <<= 1
				if ch == '{' {
					x.kinds |= 1
				}
			}
		case '}', ']':
			if x.depth == 0 {
				if x.scalar {
					return extentClosed
				}
				return extentBroken
			}
			if x.depth <= maxDepth {
				if (x.kinds&1 == 1) != (ch == '}') {
					return extentBroken
				}
				x.kinds >>= 1
			}
			if x.depth--; x.depth == 0 {
				x.at++
				return extentClosed
			}
		case ',', ' ', '\t', '\r', '\n':
			if x.depth == 0 && x.scalar {
				return extentClosed
			}
		default:
			x.scalar = x.scalar || x.depth == 0
		}
	}
	return extentOpen
}

// throughRest passes over the rest of the line.
func (in *input) throughRest() {
	for {
		rest := in.rest()
		if nl := bytes.IndexByte(rest, '\n'); nl >= 0 {
			in.advance(nl + 1)
			return
		}
		in.advance(len(rest))
		if !in.fill() {
			return
		}
	}
}
