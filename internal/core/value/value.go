// Package value holds the typed scalar that every layer passes around: what a
// field of a record contains, what an expression evaluates to, what a driver
// binds and scans. It knows kinds, order, canonical bytes and Vietnamese text
// folding; it knows nothing of datasets or storage.
package value

import (
	"math"
	"strings"
	"time"
)

// Kind says how a Value is held in memory. Sixteen field types map onto these
// eight kinds (see dataset.Type.Kind).
type Kind uint8

const (
	Null     Kind = iota
	Bool          // true or false
	Int           // 64-bit signed integer; also year
	Float         // 64-bit IEEE 754, never NaN nor infinite, never negative zero
	Text          // UTF-8, NFC; also time (HH:MM:SS[.ffffff]), yearmonth (YYYY-MM), duration, and JSON text of object, array, list, any
	Date          // days since 1970-01-01, proleptic Gregorian
	Time          // microseconds since 1970-01-01T00:00:00Z
	Geometry      // little-endian OGC WKB, WGS 84, longitude before latitude
)

func (k Kind) String() string {
	return [...]string{"null", "boolean", "integer", "number", "string", "date", "datetime", "geometry"}[k]
}

// Value is one scalar, 32 bytes, comparable with ==, copied freely. The zero
// Value is Null. Text and Geometry may share memory with a decode buffer that
// lives as long as the Value.
type Value struct {
	kind Kind
	n    uint64
	s    string
}

func OfBool(b bool) Value {
	if b {
		return Value{kind: Bool, n: 1}
	}
	return Value{kind: Bool}
}
func OfInt(i int64) Value { return Value{kind: Int, n: uint64(i)} }

// OfFloat returns f as a Value; negative zero becomes zero, NaN becomes Null
// and infinities become Null: no store keeps them alike, so none may enter.
func OfFloat(f float64) Value {
	if f == 0 {
		return Value{kind: Float}
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}
	}
	return Value{kind: Float, n: math.Float64bits(f)}
}
func OfText(s string) Value            { return Value{kind: Text, s: s} }
func OfDate(days int64) Value          { return Value{kind: Date, n: uint64(days)} }
func OfTime(micros int64) Value        { return Value{kind: Time, n: uint64(micros)} }
func OfInstant(t time.Time) Value      { return OfTime(t.UnixMicro()) }
func OfGeometry(wkb string) Value      { return Value{kind: Geometry, s: wkb} }
func (v Value) Kind() Kind             { return v.kind }
func (v Value) IsNull() bool           { return v.kind == Null }
func (v Value) Bool() bool             { return v.n != 0 }
func (v Value) Int() int64             { return int64(v.n) }
func (v Value) Float() float64         { return math.Float64frombits(v.n) }
func (v Value) Text() string           { return v.s }
func (v Value) Days() int64            { return int64(v.n) }
func (v Value) Micros() int64          { return int64(v.n) }
func (v Value) WKB() string            { return v.s }
func (v Value) Instant() time.Time     { return time.UnixMicro(int64(v.n)).UTC() }
func (v Value) CalendarDay() time.Time { return time.Unix(int64(v.n)*86400, 0).UTC() }

// Number returns an Int or Float as float64; ok is false for other kinds.
func (v Value) Number() (f float64, ok bool) {
	switch v.kind {
	case Int:
		return float64(int64(v.n)), true
	case Float:
		return math.Float64frombits(v.n), true
	}
	return 0, false
}

// Compare orders two values of comparable kinds: -1, 0 or 1. Numbers compare
// across Int and Float exactly; Text by bytes, which is code-point order (the
// "C" collation); Bool false before true. ok is false when either is Null or
// the kinds cannot be compared.
func Compare(a, b Value) (c int, ok bool) {
	if a.kind == Null || b.kind == Null {
		return 0, false
	}
	if a.kind == b.kind {
		switch a.kind {
		case Text, Geometry:
			return strings.Compare(a.s, b.s), true
		case Float:
			return cmpFloat(a.Float(), b.Float()), true
		default:
			return cmpInt(int64(a.n), int64(b.n)), true
		}
	}
	switch {
	case a.kind == Int && b.kind == Float:
		return cmpIntFloat(int64(a.n), b.Float()), true
	case a.kind == Float && b.kind == Int:
		return -cmpIntFloat(int64(b.n), a.Float()), true
	}
	return 0, false
}

func cmpInt(a, b int64) int {
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}

func cmpFloat(a, b float64) int {
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}

// cmpIntFloat compares without rounding the integer, so that 2^53+1 and 2^53
// differ also when one of them arrives as a float.
func cmpIntFloat(i int64, f float64) int {
	if f >= 9223372036854775808.0 {
		return -1
	}
	if f < -9223372036854775808.0 {
		return 1
	}
	t := math.Trunc(f)
	if c := cmpInt(i, int64(t)); c != 0 {
		return c
	}
	return cmpFloat(0, f-t)
}
