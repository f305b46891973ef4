package record

import (
	"strconv"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

const (
	microsPerSecond = 1_000_000
	microsPerDay    = 86400 * microsPerSecond
	firstDay        = -719162 // 0001-01-01
	lastDay         = 2932896 // 9999-12-31
)

// civilDays returns days since 1970-01-01 of a proleptic Gregorian date. The
// year is counted from March, so that the leap day comes last.
func civilDays(y, m, d int) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	doy := (153*((m+9)%12)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}

// civilDate is the inverse of civilDays.
func civilDate(days int64) (y, m, d int) {
	z := days + 719468
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := int(z - era*146097)
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + int(era)*400
	if m <= 2 {
		y++
	}
	return y, m, d
}

func daysIn(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func validDate(y, m, d int) bool {
	return y >= 1 && y <= 9999 && m >= 1 && m <= 12 && d >= 1 && d <= daysIn(y, m)
}

// digits2 and digits4 read digits at i; -1 when there are none.
func digits2(s string, i int) int {
	if i+2 > len(s) {
		return -1
	}
	a, b := s[i]-'0', s[i+1]-'0'
	if a > 9 || b > 9 {
		return -1
	}
	return int(a)*10 + int(b)
}

func digits4(s string, i int) int {
	a, b := digits2(s, i), digits2(s, i+2)
	if a < 0 || b < 0 {
		return -1
	}
	return a*100 + b
}

// scanDate reads YYYY-MM-DD at the front of s.
func scanDate(s string) (y, m, d int, ok bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return 0, 0, 0, false
	}
	y, m, d = digits4(s, 0), digits2(s, 5), digits2(s, 8)
	return y, m, d, y >= 0 && m >= 0 && d >= 0
}

// scanClock reads hh:mm:ss[.f…] at the front of s and returns what follows;
// digits is the number of fraction digits.
func scanClock(s string) (micros int64, digits int, rest string, ok bool) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return 0, 0, "", false
	}
	h, m, sec := digits2(s, 0), digits2(s, 3), digits2(s, 6)
	if h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 59 {
		return 0, 0, "", false
	}
	micros = int64(h*3600+m*60+sec) * microsPerSecond
	s = s[8:]
	if s == "" || s[0] != '.' {
		return micros, 0, s, true
	}
	fraction, digits, rest := scanFraction(s[1:])
	return micros + fraction, digits, rest, digits > 0
}

// scanFraction reads digits as microseconds; those past the sixth count for
// digits only unless they are zeros, which say nothing.
func scanFraction(s string) (micros int64, digits int, rest string) {
	i, unit := 0, int64(microsPerSecond)
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		if i < 6 {
			unit /= 10
			micros += int64(s[i]-'0') * unit
		} else if s[i] != '0' {
			digits = i + 1
		}
	}
	return micros, max(digits, min(i, 6)), s[i:]
}

func (c *column) isoDate(s string) (value.Value, *problem.Violation) {
	y, m, d, ok := scanDate(s)
	if !ok || len(s) != 10 || !validDate(y, m, d) {
		return value.Value{}, c.fault("value-date", s)
	}
	return value.OfDate(civilDays(y, m, d)), nil
}

func (c *column) isoTime(s string) (value.Value, *problem.Violation) {
	micros, digits, rest, ok := scanClock(s)
	if !ok || rest != "" {
		return value.Value{}, c.fault("value-time", s)
	}
	if digits > 6 {
		return value.Value{}, c.fault("value-fraction", s)
	}
	return value.OfText(string(appendClock(nil, micros))), nil
}

// isoDateTime wants a zone: a moment without one is a different moment in
// every place that reads it.
func (c *column) isoDateTime(s string) (value.Value, *problem.Violation) {
	y, m, d, ok := scanDate(s)
	if !ok || len(s) < 19 || s[10] != 'T' || !validDate(y, m, d) {
		return value.Value{}, c.fault("value-datetime", s)
	}
	micros, digits, zone, ok := scanClock(s[11:])
	if !ok {
		return value.Value{}, c.fault("value-datetime", s)
	}
	if zone == "" {
		return value.Value{}, c.fault("value-zone", s)
	}
	offset, rest, ok := scanZone(zone)
	if !ok || rest != "" {
		return value.Value{}, c.fault("value-datetime", s)
	}
	if digits > 6 {
		return value.Value{}, c.fault("value-fraction", s)
	}
	return c.instant(civilDays(y, m, d)*microsPerDay+micros-offset, s)
}

func (c *column) instant(micros int64, given string) (value.Value, *problem.Violation) {
	if micros < firstDay*microsPerDay || micros >= (lastDay+1)*microsPerDay {
		return value.Value{}, c.fault("value-datetime-range", given)
	}
	return value.OfTime(micros), nil
}

// scanZone reads Z or ±hh:mm, and returns microseconds east of UTC.
func scanZone(s string) (offset int64, rest string, ok bool) {
	if s == "" {
		return 0, "", false
	}
	if s[0] == 'Z' {
		return 0, s[1:], true
	}
	if len(s) < 6 || (s[0] != '+' && s[0] != '-') || s[3] != ':' {
		return 0, "", false
	}
	h, m := digits2(s, 1), digits2(s, 4)
	if h < 0 || m < 0 || m > 59 || h*60+m > 14*60 {
		return 0, "", false
	}
	offset = int64(h*60+m) * 60 * microsPerSecond
	if s[0] == '-' {
		offset = -offset
	}
	return offset, s[6:], true
}

// year reads xsd:gYear within -9999 to 9999. Two digits would be a guess.
func (c *column) year(s string) (value.Value, *problem.Violation) {
	n := s
	if n != "" && n[0] == '-' {
		n = n[1:]
	}
	if y := digits4(n, 0); len(n) == 4 && y >= 0 {
		if len(s) == 5 {
			y = -y
		}
		return value.OfInt(int64(y)), nil
	}
	return value.Value{}, c.fault("value-year", s)
}

func (c *column) yearMonth(s string) (value.Value, *problem.Violation) {
	if len(s) == 7 && s[4] == '-' {
		if y, m := digits4(s, 0), digits2(s, 5); y >= 1 && m >= 1 && m <= 12 {
			return value.OfText(s), nil
		}
	}
	return value.Value{}, c.fault("value-yearmonth", s)
}

// appendPadded writes n ≥ 0 with at least width digits.
func appendPadded(b []byte, n, width int) []byte {
	for limit := [...]int{1, 1, 10, 100, 1000, 10000, 100000}[width]; n < limit && limit > 1; limit /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, int64(n), 10)
}

func appendDate(b []byte, days int64) []byte {
	y, m, d := civilDate(days)
	b = append(appendPadded(b, y, 4), '-')
	b = append(appendPadded(b, m, 2), '-')
	return appendPadded(b, d, 2)
}

// appendClock writes hh:mm:ss and, when it is not zero, a fraction of three or
// six digits.
func appendClock(b []byte, micros int64) []byte {
	s := int(micros / microsPerSecond)
	b = append(appendPadded(b, s/3600, 2), ':')
	b = append(appendPadded(b, s/60%60, 2), ':')
	b = appendPadded(b, s%60, 2)
	if f := int(micros % microsPerSecond); f != 0 {
		if f%1000 == 0 {
			return appendPadded(append(b, '.'), f/1000, 3)
		}
		return appendPadded(append(b, '.'), f, 6)
	}
	return b
}

func appendInstant(b []byte, micros int64) []byte {
	days := micros / microsPerDay
	if micros%microsPerDay < 0 {
		days--
	}
	b = append(appendDate(b, days), 'T')
	return append(appendClock(b, micros-days*microsPerDay), 'Z')
}

func appendYear(b []byte, y int64) []byte {
	if y < 0 {
		b, y = append(b, '-'), -y
	}
	return appendPadded(b, int(y), 4)
}
