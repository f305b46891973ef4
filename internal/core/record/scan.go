package record

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"huong.city/huong/internal/core/value"
)

// The scanner reads JSON (RFC 8259) strictly: UTF-8 only, no lone surrogates,
// no control characters in strings, no forms that the grammar does not have.
// Its functions take the bytes and an index and return the index after what
// they read. When they return false, stop.code says what is wrong at stop.at;
// an empty code means that the bytes ended too early.

const maxDepth = 64

type stop struct {
	code string
	at   int
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainEnd returns the index of the first byte at or after i that is a quote, a
// backslash, a control character or not ASCII; eight bytes at a time.
func plainEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		m := ((quote - ones) &^ quote) | ((slash - ones) &^ slash) | ((w - ones*0x20) &^ w) | w
		if m &= highs; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
		i += 8
	}
	for i < len(b) && b[i] >= 0x20 && b[i] < 0x80 && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// stringEnd is plainEnd that passes over what is not ASCII.
func stringEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		m := ((quote - ones) &^ quote) | ((slash - ones) &^ slash) | ((w - ones*0x20) &^ w)
		if m &= highs; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
		i += 8
	}
	for i < len(b) && b[i] >= 0x20 && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// str reads a string whose opening quote is at i and returns its content: a
// part of b, or of d.scratch when it has escapes. It is valid UTF-8; common
// tells that all of it is ASCII, or common text.
func (d *decoder) str(b []byte, i int) (content []byte, next int, common, ok bool) {
	from := i + 1
	j := plainEnd(b, from)
	if j < len(b) && b[j] == '"' {
		return b[from:j], j + 1, true, true
	}
	ascii, escaped := true, false
	for {
		if j >= len(b) {
			d.stop = stop{"", j}
			return nil, j, false, false
		}
		switch ch := b[j]; {
		case ch == '"':
			content = b[from:j]
			common = ascii || value.IsCommonText(unsafe.String(unsafe.SliceData(content), len(content)))
			if !common && !utf8.Valid(content) {
				d.stop = stop{"row-utf8", from + invalidAt(content)}
				return nil, j, false, false
			}
			if escaped {
				return d.unescape(b, from, j, ascii)
			}
			return content, j + 1, common, true
		case ch == '\\':
			// What it escapes is checked by unescape; here only its length counts.
			escaped = true
			j += 2
		case ch < 0x20:
			d.stop = stop{"row-control", j}
			return nil, j, false, false
		default:
			ascii = false
		}
		j = stringEnd(b, j)
	}
}

func invalidAt(p []byte) int {
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return 0
}

// unescape decodes b[from:to], which ends at its closing quote, into scratch.
func (d *decoder) unescape(b []byte, from, to int, ascii bool) (content []byte, next int, isASCII, ok bool) {
	out := d.scratch[:0]
	for i := from; i < to; {
		if b[i] != '\\' {
			out = append(out, b[i])
			i++
			continue
		}
		if i+1 >= to {
			d.stop = stop{"row-escape", i}
			return nil, i, false, false
		}
		switch b[i+1] {
		case '"', '\\', '/':
			out = append(out, b[i+1])
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			at := i
			r := hex4(b[:to], i+2)
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+7 < to && b[i+6] == '\\' && b[i+7] == 'u' {
					low = hex4(b[:to], i+8)
				}
				if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
					r = -1
				}
				i += 6
			}
			if r < 0 {
				d.stop = stop{"row-escape", at}
				return nil, i, false, false
			}
			ascii = ascii && r < 0x80
			out = utf8.AppendRune(out, r)
			i += 4
		default:
			d.stop = stop{"row-escape", i}
			return nil, i, false, false
		}
		i += 2
	}
	d.scratch = out
	return out, to + 1, ascii, true
}

func hex4(b []byte, i int) rune {
	if i+4 > len(b) {
		return -1
	}
	r := rune(0)
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// numberToken is a scanned number: digits holds its first 19 significant
// digits when there are no more than that.
type numberToken struct {
	negative bool
	short    bool // digits is all of it
	digits   uint64
	fraction int // digits after the point
	exponent bool
}

// num reads a number at i. It needs a byte after the number, which every value
// inside an object has.
func (d *decoder) num(b []byte, i int) (n numberToken, next int, ok bool) {
	count := 0
	if b[i] == '-' {
		n.negative = true
		i++
	}
	from := i
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		n.digits = n.digits*10 + uint64(b[i]-'0')
	}
	count = i - from
	if i < len(b) && (count == 0 || (count > 1 && b[from] == '0')) {
		d.stop = stop{"row-number", from}
		return n, i, false
	}
	if i < len(b) && b[i] == '.' {
		i++
		from = i
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			n.digits = n.digits*10 + uint64(b[i]-'0')
		}
		n.fraction = i - from
		count += n.fraction
		if n.fraction == 0 && i < len(b) {
			d.stop = stop{"row-number", i}
			return n, i, false
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		n.exponent = true
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		from = i
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
		if i == from && i < len(b) {
			d.stop = stop{"row-number", i}
			return n, i, false
		}
	}
	if i >= len(b) {
		d.stop = stop{"", i}
		return n, i, false
	}
	n.short = count <= 19
	return n, i, true
}

// literal reads true, false or null at i.
func (d *decoder) literal(b []byte, i int) (next int, ok bool) {
	word := "null"
	switch b[i] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	}
	for k := range len(word) {
		if i+k >= len(b) {
			d.stop = stop{"", i + k}
			return i + k, false
		}
		if b[i+k] != word[k] {
			d.stop = stop{"row-syntax", i}
			return i, false
		}
	}
	return i + len(word), true
}

// skip reads any value at i with full checks but for duplicate names; depth is
// the number of containers around it.
func (d *decoder) skip(b []byte, i, depth int) (next int, ok bool) {
	var objects uint64 // bit k: container k is an object
	base := depth
	for {
		i = space(b, i)
		if i >= len(b) {
			d.stop = stop{"", i}
			return i, false
		}
		opened := false
		switch ch := b[i]; ch {
		case '"':
			if _, i, _, ok = d.str(b, i); !ok {
				return i, false
			}
		case '{', '[':
			if depth >= maxDepth {
				d.stop = stop{"row-depth", i}
				return i, false
			}
			depth++
			objects <<= 1
			if ch == '{' {
				objects |= 1
			}
			i, opened = i+1, true
		case 't', 'f', 'n':
			if i, ok = d.literal(b, i); !ok {
				return i, false
			}
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			if _, i, ok = d.num(b, i); !ok {
				return i, false
			}
		default:
			d.stop = stop{"row-syntax", i}
			return i, false
		}
		// After a value: close what ends here, then expect the next one.
		for {
			if depth == base {
				return i, true
			}
			i = space(b, i)
			if i >= len(b) {
				d.stop = stop{"", i}
				return i, false
			}
			object := objects&1 == 1
			closer := byte(']')
			if object {
				closer = '}'
			}
			if b[i] == closer {
				i++
				depth--
				objects >>= 1
				opened = false
				continue
			}
			if !opened {
				if b[i] != ',' {
					d.stop = stop{"row-syntax", i}
					return i, false
				}
				i = space(b, i+1)
			}
			if object {
				if i, ok = d.memberName(b, i); !ok {
					return i, false
				}
			}
			break
		}
	}
}

// memberName passes over a name and its colon.
func (d *decoder) memberName(b []byte, i int) (next int, ok bool) {
	if i >= len(b) {
		d.stop = stop{"", i}
		return i, false
	}
	if b[i] != '"' {
		d.stop = stop{"row-syntax", i}
		return i, false
	}
	if _, i, _, ok = d.str(b, i); !ok {
		return i, false
	}
	if i = space(b, i); i >= len(b) {
		d.stop = stop{"", i}
		return i, false
	}
	if b[i] != ':' {
		d.stop = stop{"row-syntax", i}
		return i, false
	}
	return i + 1, true
}
