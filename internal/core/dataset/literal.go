package dataset

import (
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"huong.city/huong/internal/core/value"
)

// Literal reads a value of the field as a declaration writes it: a bound, a
// member of enum, a category. Numbers and truth values stand as such or as
// text, dates and times as text in the ISO form of Table Schema's default
// format, whatever format the field's cells have (a datetime without an offset
// is UTC). Lists and objects become JSON text. ok is false when v is not of the
// field's type; geometry has no literals.
func (f *Field) Literal(v any) (lit value.Value, ok bool) {
	s, isText := v.(string)
	switch f.Type {
	case String:
		return value.OfText(norm.NFC.String(s)), isText
	case Integer, Year:
		return integerLiteral(v)
	case Number:
		return numberLiteral(v)
	case Boolean:
		switch v {
		case true, "true":
			return value.OfBool(true), true
		case false, "false":
			return value.OfBool(false), true
		}
		return lit, false
	case DateType:
		t, err := time.Parse(time.DateOnly, s)
		return value.OfDate(t.Unix() / 86400), err == nil && isText
	case DateTime:
		for _, form := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999"} {
			if t, err := time.Parse(form, s); err == nil {
				return value.OfInstant(t), true
			}
		}
		return lit, false
	case TimeOfDay:
		t, err := time.Parse("15:04:05.999999", s)
		return value.OfText(t.Format("15:04:05.999999")), err == nil
	case YearMonth:
		t, err := time.Parse("2006-01", s)
		return value.OfText(t.Format("2006-01")), err == nil
	case Duration:
		_, ok := parseDuration(s)
		return value.OfText(s), ok
	case Object, Array, List, Any:
		switch v.(type) {
		case map[string]any:
			ok = f.Type == Object || f.Type == Any
		case []any:
			ok = f.Type != Object
		default:
			ok = f.Type == Any
		}
		b, err := json.Marshal(v)
		return value.OfText(string(b)), ok && err == nil
	}
	return lit, false
}

func integerLiteral(v any) (value.Value, bool) {
	switch v := v.(type) {
	case int64:
		return value.OfInt(v), true
	case string:
		i, err := strconv.ParseInt(v, 10, 64)
		return value.OfInt(i), err == nil
	}
	return value.Value{}, false
}

func numberLiteral(v any) (value.Value, bool) {
	switch v := v.(type) {
	case int64:
		return value.OfFloat(float64(v)), true
	case float64:
		return value.OfFloat(v), true
	case string:
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || strings.ContainsAny(v, "_xXpP") {
			return value.Value{}, false
		}
		return value.OfFloat(f), true
	}
	return value.Value{}, false
}

// span is a duration as XML Schema compares it: months and seconds apart,
// since a month has no fixed number of days.
type span struct {
	months  *big.Int
	seconds *big.Rat
}

var durationForm = regexp.MustCompile(`^(-?)P(?:(\d{1,9})Y)?(?:(\d{1,9})M)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?$`)

func parseDuration(s string) (span, bool) {
	m := durationForm.FindStringSubmatch(s)
	if m == nil || strings.HasSuffix(s, "T") || strings.HasSuffix(s, "P") {
		return span{}, false
	}
	n := func(i int) *big.Rat {
		r := new(big.Rat)
		if m[i] != "" {
			r.SetString(m[i])
		}
		return r
	}
	months := new(big.Int).Add(new(big.Int).Mul(n(2).Num(), big.NewInt(12)), n(3).Num())
	seconds := new(big.Rat)
	for i, per := range map[int]int64{4: 86400, 5: 3600, 6: 60, 7: 1} {
		seconds.Add(seconds, new(big.Rat).Mul(n(i), new(big.Rat).SetInt64(per)))
	}
	if m[1] == "-" {
		months.Neg(months)
		seconds.Neg(seconds)
	}
	return span{months, seconds}, true
}

// CompareLiterals orders two values that Literal returned for a field of this
// type. ok is false where the order is undefined, as between P1M and P30D.
func (t Type) CompareLiterals(a, b value.Value) (c int, ok bool) {
	if t != Duration {
		return value.Compare(a, b)
	}
	x, okX := parseDuration(a.Text())
	y, okY := parseDuration(b.Text())
	if !okX || !okY {
		return 0, false
	}
	m, s := x.months.Cmp(y.months), x.seconds.Cmp(y.seconds)
	if m == 0 || m == s || s == 0 {
		if m == 0 {
			return s, true
		}
		return m, true
	}
	return 0, false
}

// CompilePattern compiles the pattern constraint, an XML Schema regular
// expression (Part 2, appendix F), to one of Go that matches the whole value.
// Accepted is what both languages share, and \i and \c; an explicit ^ or $ at
// the ends is tolerated. Class subtraction ([a-z-[aeiou]]) is refused.
func CompilePattern(p string) (*regexp.Regexp, error) {
	var b strings.Builder
	class := false
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '\\' && i+1 < len(p):
			i++
			switch c := p[i]; {
			case c == 'i' && class:
				b.WriteString(`\p{L}_:`)
			case c == 'i':
				b.WriteString(`[\p{L}_:]`)
			case c == 'c' && class:
				b.WriteString(`\p{L}\p{Nd}\-._:`)
			case c == 'c':
				b.WriteString(`[\p{L}\p{Nd}\-._:]`)
			default:
				b.WriteByte('\\')
				b.WriteByte(c)
			}
		case class && c == '[' && p[i-1] == '-':
			return nil, errSubtraction
		default:
			if c == '[' {
				class = true
			} else if c == ']' {
				class = false
			}
			b.WriteByte(c)
		}
	}
	if _, err := regexp.Compile(b.String()); err != nil {
		return nil, err // tells of the pattern as written, without what is put around it
	}
	return regexp.Compile(`^(?:` + b.String() + `)$`)
}

type patternError string

func (e patternError) Error() string { return string(e) }

const errSubtraction = patternError("character class subtraction is not supported")
