package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"huong.city/huong/internal/core/value"
)

// Values travel in PostgreSQL's binary format, encoded and decoded here rather
// than by pgx's codecs: no reflection, one allocation per array and per row.

// Days and microseconds from 1970-01-01 to PostgreSQL's epoch, 2000-01-01.
const (
	epochDays   = 10957
	epochMicros = 946684800000000
)

var errWire = errors.New("postgres: a column has an unexpected form")

// appendWire appends v in the binary format of its kind's wire type, without a length.
func appendWire(b []byte, v value.Value) []byte {
	switch v.Kind() {
	case value.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case value.Int:
		return binary.BigEndian.AppendUint64(b, uint64(v.Int()))
	case value.Float:
		return binary.BigEndian.AppendUint64(b, math.Float64bits(v.Float()))
	case value.Date:
		return binary.BigEndian.AppendUint32(b, uint32(int32(v.Days()-epochDays)))
	case value.Time:
		return binary.BigEndian.AppendUint64(b, uint64(v.Micros()-epochMicros))
	}
	return append(b, v.Text()...)
}

// one encodes a single parameter; nil is null.
func one(v value.Value) []byte {
	if v.IsNull() {
		return nil
	}
	return appendWire(make([]byte, 0, 8), v)
}

// array encodes n values of one kind as a one-dimensional array.
func array(k value.Kind, n int, at func(i int) value.Value) []byte {
	oid, _, _ := wireTypes(k)
	b := arrayHead(make([]byte, 0, 20+n*14), oid, n)
	for i := range n {
		b = appendSized(b, at(i))
	}
	return b
}

func arrayHead(b []byte, oid uint32, n int) []byte {
	b = binary.BigEndian.AppendUint32(b, 1) // dimensions
	b = binary.BigEndian.AppendUint32(b, 1) // there may be nulls
	b = binary.BigEndian.AppendUint32(b, oid)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return binary.BigEndian.AppendUint32(b, 1) // lower bound
}

// ints, texts and blobs encode plain Go slices.
func ints(list []int64) []byte {
	return array(value.Int, len(list), func(i int) value.Value { return value.OfInt(list[i]) })
}

func texts(list []string) []byte {
	return array(value.Text, len(list), func(i int) value.Value { return value.OfText(list[i]) })
}

func blobs(list [][]byte) []byte {
	return array(value.Geometry, len(list), func(i int) value.Value {
		return value.OfGeometry(unsafe.String(unsafe.SliceData(list[i]), len(list[i])))
	})
}

// rowReader decodes rows of a fixed shape. The row it returns is its own and
// overwritten by the next; texts are copied and may be kept.
type rowReader struct {
	row   []value.Value
	into  []int        // ordinal of each column read
	kinds []value.Kind // its kind
	sizes []int
}

// newRowReader reads columns into ordinals of rows of a width.
func newRowReader(width int, into []int, kinds []value.Kind) *rowReader {
	return &rowReader{row: make([]value.Value, width), into: into, kinds: kinds, sizes: make([]int, len(into))}
}

// read decodes raw, one binary column for each ordinal.
func (r *rowReader) read(raw [][]byte) ([]value.Value, error) {
	if len(raw) != len(r.into) {
		return nil, errWire
	}
	total := 0
	for i, b := range raw {
		if k := r.kinds[i]; k == value.Text || k == value.Geometry {
			total += len(b)
		}
	}
	var buffer []byte
	if total > 0 {
		buffer = make([]byte, 0, total) // all texts of a row lie in one piece of memory
	}
	for i, b := range raw {
		k := r.kinds[i]
		if b == nil {
			r.row[r.into[i]] = value.Value{}
			continue
		}
		if k == value.Text || k == value.Geometry {
			start := len(buffer)
			buffer = append(buffer, b...)
			s := unsafe.String(unsafe.SliceData(buffer[start:]), len(b))
			if k == value.Text {
				r.row[r.into[i]] = value.OfText(s)
			} else {
				r.row[r.into[i]] = value.OfGeometry(s)
			}
			continue
		}
		v, err := fixed(k, b)
		if err != nil {
			return nil, err
		}
		r.row[r.into[i]] = v
	}
	return r.row, nil
}

// fixed decodes a value of a fixed size.
func fixed(k value.Kind, b []byte) (value.Value, error) {
	switch {
	case k == value.Bool && len(b) == 1:
		return value.OfBool(b[0] != 0), nil
	case k == value.Int && len(b) == 8:
		return value.OfInt(int64(binary.BigEndian.Uint64(b))), nil
	case k == value.Float && len(b) == 8:
		return value.OfFloat(math.Float64frombits(binary.BigEndian.Uint64(b))), nil
	case k == value.Date && len(b) == 4:
		return value.OfDate(int64(int32(binary.BigEndian.Uint32(b))) + epochDays), nil
	case k == value.Time && len(b) == 8:
		return value.OfTime(int64(binary.BigEndian.Uint64(b)) + epochMicros), nil
	}
	return value.Value{}, fmt.Errorf("%w: %d bytes for a %s", errWire, len(b), k)
}

func int8Of(b []byte) (int64, error) {
	v, err := fixed(value.Int, b)
	return v.Int(), err
}
