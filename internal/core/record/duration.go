package record

import (
	"strconv"
	"strings"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// span is a duration as XML Schema sees it: months and microseconds, which do
// not convert into each other. Both have the same sign.
type span struct{ months, micros int64 }

const (
	mostMonths = 12 * 100_000
	mostMicros = 100_000 * 366 * microsPerDay
)

// parseSpan reads an ISO 8601 duration: [-]PnYnMnDTnHnMnS or [-]PnW, with a
// fraction on the seconds only. inRange is false when it is well formed but
// beyond 100,000 years or finer than a microsecond.
func parseSpan(s string) (d span, inRange, ok bool) {
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	if len(s) < 3 || s[0] != 'P' {
		return d, false, false
	}
	s, inRange = s[1:], true
	order := "YMWDHMS" // positions 4 and later are the clock's
	next, clock, parts, weeks := 0, false, 0, false
	for s != "" {
		if s[0] == 'T' {
			if clock || len(s) == 1 {
				return d, false, false
			}
			clock, next, s = true, 4, s[1:]
			continue
		}
		i := 0
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		n, err := strconv.ParseInt(s[:i], 10, 64)
		if i == 0 {
			return d, false, false
		}
		if err != nil || n > mostMicros/microsPerSecond {
			n, inRange = 0, false
		}
		s = s[i:]
		fraction, digits := int64(0), 0
		if s != "" && s[0] == '.' {
			fraction, digits, s = scanFraction(s[1:])
			if digits == 0 || s == "" || s[0] != 'S' {
				return d, false, false
			}
			inRange = inRange && digits <= 6
		}
		if s == "" {
			return d, false, false
		}
		at := strings.IndexByte(order[next:], s[0])
		if at < 0 || (!clock && next+at > 3) {
			return d, false, false
		}
		at += next
		next, s, parts = at+1, s[1:], parts+1
		unit := [...]int64{12, 1, 7 * microsPerDay, microsPerDay, 3600 * microsPerSecond, 60 * microsPerSecond, microsPerSecond}[at]
		if n > mostMicros/unit {
			n, inRange = 0, false
		}
		if at < 2 {
			d.months += n * unit
		} else {
			d.micros += n*unit + fraction
		}
		weeks = weeks || at == 2
		inRange = inRange && d.months <= mostMonths && d.micros <= mostMicros
		d.months, d.micros = min(d.months, mostMonths), min(d.micros, mostMicros)
	}
	if parts == 0 || (weeks && parts > 1) {
		return d, false, false
	}
	if negative {
		d.months, d.micros = -d.months, -d.micros
	}
	return d, inRange, true
}

// appendSpan writes the canonical form of XML Schema 1.1: years and months,
// days, hours, minutes and seconds, each below the next greater unit, zeros
// left out.
func appendSpan(b []byte, d span) []byte {
	if d.months < 0 || d.micros < 0 {
		b, d = append(b, '-'), span{-d.months, -d.micros}
	}
	b = append(b, 'P')
	part := func(n int64, unit byte) {
		if n != 0 {
			b = append(strconv.AppendInt(b, n, 10), unit)
		}
	}
	part(d.months/12, 'Y')
	part(d.months%12, 'M')
	part(d.micros/microsPerDay, 'D')
	rest := d.micros % microsPerDay
	if rest == 0 {
		if d == (span{}) {
			b = append(b, "T0S"...)
		}
		return b
	}
	b = append(b, 'T')
	part(rest/(3600*microsPerSecond), 'H')
	part(rest/(60*microsPerSecond)%60, 'M')
	rest %= 60 * microsPerSecond
	if f := rest % microsPerSecond; f != 0 {
		b = strconv.AppendInt(b, rest/microsPerSecond, 10)
		b = appendPadded(append(b, '.'), int(f), 6)
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
		return append(b, 'S')
	}
	part(rest/microsPerSecond, 'S')
	return b
}

func (c *column) duration(s string) (value.Value, *problem.Violation) {
	d, inRange, ok := parseSpan(s)
	if !ok {
		return value.Value{}, c.fault("value-duration", s)
	}
	if !inRange {
		return value.Value{}, c.fault("value-duration-range", s)
	}
	return value.OfText(string(appendSpan(nil, d))), nil
}

// compareSpans orders two durations by XML Schema 1.0 part 2, 3.2.6.2: one is
// less when it is less from each of four starting moments. ok is false for
// durations that have no order, such as one month and thirty days.
func compareSpans(a, b span) (c int, ok bool) {
	for i, start := range [...][2]int{{1696, 9}, {1697, 2}, {1903, 3}, {1903, 7}} {
		x, y := addMonths(start, a.months)*microsPerDay, addMonths(start, b.months)*microsPerDay
		now := compareInts(x+a.micros, y+b.micros)
		if i > 0 && now != c {
			return 0, false
		}
		c = now
	}
	return c, true
}

func addMonths(start [2]int, n int64) int64 {
	m := int64(start[0])*12 + int64(start[1]-1) + n
	y := m / 12
	if m%12 < 0 {
		y--
	}
	return civilDays(int(y), int(m-y*12)+1, 1)
}

func compareInts(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
