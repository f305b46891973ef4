package ingest

import (
	"bufio"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"huong.city/huong/internal/core/problem"
)

// jsonScanner finds where JSON values begin and end, in constant memory and
// without recursion. It judges only brackets and strings; what it captures is
// parsed strictly afterwards, so that a bad record costs itself alone.
type jsonScanner struct {
	in     *bufio.Reader
	line   int
	limits Limits
}

// captured is one value.
type captured struct {
	bytes []byte // cut at the limit when over
	over  bool   // longer than the row limit
	deep  bool   // nested deeper than the limit
	torn  bool   // a string holds a line break: its end was guessed
	line  int    // where it begins
}

func (s *jsonScanner) lost(what string) error {
	v := problem.Violate("intake-json-syntax", "", "what", what)
	v.Position.Line = s.line
	e := problem.New(problem.Invalid, "intake-json-syntax", "what", what)
	e.Violations = []problem.Violation{v}
	return e
}

// eof turns the end of the input inside a value into a located fault.
func (s *jsonScanner) eof(err error) error {
	if err == io.EOF {
		return s.lost("end of file")
	}
	return err
}

// space skips white space and returns the next byte without consuming it.
func (s *jsonScanner) space() (byte, error) {
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			return 0, err
		}
		switch c {
		case '\n':
			s.line++
		case ' ', '\t', '\r':
		default:
			return c, s.in.UnreadByte()
		}
	}
}

// expect consumes one structural byte.
func (s *jsonScanner) expect(want byte) error {
	c, err := s.space()
	if err != nil {
		return s.eof(err)
	}
	if c != want {
		return s.lost("\"" + string(rune(want)) + "\"")
	}
	_, err = s.in.ReadByte()
	return err
}

// value captures the value that begins at the next byte that is no space.
func (s *jsonScanner) value(dst []byte) (captured, error) {
	c, err := s.space()
	if err != nil {
		return captured{}, s.eof(err)
	}
	switch c {
	case '{', '[', '"':
		return s.rest(dst, 0)
	case ',', ':', '}', ']':
		return captured{}, s.lost("a value")
	}
	v := captured{bytes: dst[:0], line: s.line}
	for {
		c, err := s.in.ReadByte()
		if err == io.EOF {
			return v, nil
		}
		if err != nil {
			return v, err
		}
		switch c {
		case ' ', '\t', '\r', '\n', ',', ']', '}':
			return v, s.in.UnreadByte()
		}
		v.add(c, s.limits.Row)
	}
}

// rest captures up to where depth brackets more are closed than opened, and at
// least one string or bracket.
func (s *jsonScanner) rest(dst []byte, depth int) (captured, error) {
	v := captured{bytes: dst[:0], line: s.line}
	text, escape := false, false
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			return v, s.eof(err)
		}
		v.add(c, s.limits.Row)
		if c == '\n' {
			s.line++
			if text {
				text, escape, v.torn = false, false, true
			}
			continue
		}
		if text {
			switch {
			case escape:
				escape = false
			case c == '\\':
				escape = true
			case c == '"':
				text = false
				if depth == 0 {
					return v, nil
				}
			}
			continue
		}
		switch c {
		case '"':
			text = true
		case '{', '[':
			depth++
			v.deep = v.deep || depth > s.limits.Depth
		case '}', ']':
			depth--
			if depth <= 0 {
				return v, nil
			}
		}
	}
}

func (v *captured) add(c byte, limit int) {
	if len(v.bytes) >= limit {
		v.over = true
		return
	}
	v.bytes = append(v.bytes, c)
}

// textLine captures one line of any length.
func (s *jsonScanner) textLine(dst []byte) (captured, error) {
	v := captured{bytes: dst[:0], line: s.line}
	for some := false; ; some = true {
		part, err := s.in.ReadSlice('\n')
		if room := s.limits.Row - len(v.bytes); len(part) > room+1 {
			v.bytes, v.over = append(v.bytes, part[:max(room, 0)]...), true
		} else {
			v.bytes = append(v.bytes, part...)
		}
		switch err {
		case nil:
			s.line++
			return v, nil
		case bufio.ErrBufferFull:
		case io.EOF:
			if !some && len(part) == 0 {
				return v, io.EOF
			}
			return v, nil
		default:
			return v, err
		}
	}
}

func equalLengths(arrays [][]jsontext.Value) bool {
	for _, a := range arrays {
		if len(a) != len(arrays[0]) {
			return false
		}
	}
	return true
}

// depthOf counts the deepest nesting of brackets outside strings.
func depthOf(b []byte) int {
	depth, deepest, text := 0, 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}
