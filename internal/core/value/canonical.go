package value

import (
	"encoding/binary"
	"errors"
	"math"
	"unsafe"
)

// ErrCanonical reports bytes that Append did not write.
var ErrCanonical = errors.New("value: malformed canonical bytes")

// Append writes v's canonical bytes: one kind byte, then
// a zig-zag varint (Bool, Int, Date, Time), eight little-endian bytes (Float),
// or a length varint and the bytes (Text, Geometry). Equal values have equal
// bytes; they are what the log keeps and what hashes are taken of.
func Append(b []byte, v Value) []byte {
	b = append(b, byte(v.kind))
	switch v.kind {
	case Bool, Int, Date, Time:
		b = binary.AppendVarint(b, int64(v.n))
	case Float:
		b = binary.LittleEndian.AppendUint64(b, v.n)
	case Text, Geometry:
		b = binary.AppendUvarint(b, uint64(len(v.s)))
		b = append(b, v.s...)
	}
	return b
}

// Read decodes one value from the front of b and returns the rest. Text shares
// b's memory: the caller must not change b afterwards.
func Read(b []byte) (v Value, rest []byte, err error) {
	if len(b) == 0 {
		return v, nil, ErrCanonical
	}
	k := Kind(b[0])
	b = b[1:]
	switch k {
	case Null:
		return Value{}, b, nil
	case Bool, Int, Date, Time:
		i, n := binary.Varint(b)
		if n <= 0 {
			return v, nil, ErrCanonical
		}
		return Value{kind: k, n: uint64(i)}, b[n:], nil
	case Float:
		if len(b) < 8 {
			return v, nil, ErrCanonical
		}
		u := binary.LittleEndian.Uint64(b)
		if f := math.Float64frombits(u); math.IsNaN(f) || math.IsInf(f, 0) {
			return v, nil, ErrCanonical
		}
		return Value{kind: Float, n: u}, b[8:], nil
	case Text, Geometry:
		l, n := binary.Uvarint(b)
		if n <= 0 || l > uint64(len(b)-n) {
			return v, nil, ErrCanonical
		}
		b = b[n:]
		if l == 0 {
			return Value{kind: k}, b, nil
		}
		return Value{kind: k, s: unsafe.String(&b[0], int(l))}, b[l:], nil
	}
	return v, nil, ErrCanonical
}

// AppendRow writes a row: the number of values, then each. Trailing nulls are
// left out, so that a row written before a column was added equals the same
// row written after.
func AppendRow(b []byte, row []Value) []byte {
	n := len(row)
	for n > 0 && row[n-1].kind == Null {
		n--
	}
	b = binary.AppendUvarint(b, uint64(n))
	for _, v := range row[:n] {
		b = Append(b, v)
	}
	return b
}

// ReadRow decodes a row into dst, which it extends or cuts to width columns;
// missing trailing values are Null. A row wider than width is malformed.
func ReadRow(dst []Value, b []byte, width int) (row []Value, rest []byte, err error) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(width) {
		return nil, nil, ErrCanonical
	}
	b = b[k:]
	dst = dst[:0]
	for range n {
		var v Value
		if v, b, err = Read(b); err != nil {
			return nil, nil, err
		}
		dst = append(dst, v)
	}
	for len(dst) < width {
		dst = append(dst, Value{})
	}
	return dst, b, nil
}

// SkipRow finds the end of a row without decoding it: b begins with the row and
// rest is what follows.
func SkipRow(b []byte) (rest []byte, err error) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)) {
		return nil, ErrCanonical
	}
	b = b[k:]
	for range n {
		if len(b) == 0 {
			return nil, ErrCanonical
		}
		kind := Kind(b[0])
		b = b[1:]
		switch kind {
		case Null:
		case Bool, Int, Date, Time:
			_, k := binary.Varint(b)
			if k <= 0 {
				return nil, ErrCanonical
			}
			b = b[k:]
		case Float:
			if len(b) < 8 {
				return nil, ErrCanonical
			}
			b = b[8:]
		case Text, Geometry:
			l, k := binary.Uvarint(b)
			if k <= 0 || l > uint64(len(b)-k) {
				return nil, ErrCanonical
			}
			b = b[k+int(l):]
		default:
			return nil, ErrCanonical
		}
	}
	return b, nil
}
