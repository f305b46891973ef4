package cql2

import (
	"fmt"
	"strings"
	"time"

	"huong.city/huong/internal/core/value"
)

const dayMicros = 86400 * 1000000

// parseDate reads YYYY-MM-DD of the years 0001 to 9999.
func parseDate(s string) (days int64, ok bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	y, ok1 := digits(s[0:4])
	m, ok2 := digits(s[5:7])
	d, ok3 := digits(s[8:10])
	if !ok1 || !ok2 || !ok3 || y < 1 {
		return 0, false
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if t.Year() != y || int(t.Month()) != m || t.Day() != d {
		return 0, false
	}
	return t.Unix() / 86400, true
}

// parseTimestamp reads RFC 3339 with Z or an offset and at most six digits of
// fraction. A leap second is refused.
func parseTimestamp(s string) (micros int64, ok bool) {
	if len(s) < 20 || s[10] != 'T' && s[10] != 't' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	days, ok := parseDate(s[:10])
	h, ok1 := digits(s[11:13])
	m, ok2 := digits(s[14:16])
	sec, ok3 := digits(s[17:19])
	if !ok || !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || sec > 59 {
		return 0, false
	}
	rest := s[19:]
	fraction := 0
	if rest[0] == '.' {
		n := 1
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if n < 2 || n > 7 {
			return 0, false
		}
		fraction, _ = digits(rest[1:n] + "000000"[n-1:])
		rest = rest[n:]
	}
	micros = days*dayMicros + (int64(h)*3600+int64(m)*60+int64(sec))*1000000 + int64(fraction)
	if rest == "Z" || rest == "z" {
		return micros, true
	}
	if len(rest) != 6 || rest[0] != '+' && rest[0] != '-' || rest[3] != ':' {
		return 0, false
	}
	oh, ok1 := digits(rest[1:3])
	om, ok2 := digits(rest[4:6])
	if !ok1 || !ok2 || oh > 23 || om > 59 {
		return 0, false
	}
	shift := (int64(oh)*60 + int64(om)) * 60 * 1000000
	if rest[0] == '+' {
		shift = -shift
	}
	micros += shift
	if d := floorDay(micros); d < minDay || d > maxDay {
		return 0, false
	}
	return micros, true
}

const minDay, maxDay = -719162, 2932896 // 0001-01-01 and 9999-12-31

func floorDay(micros int64) int64 {
	d := micros / dayMicros
	if micros%dayMicros < 0 {
		d--
	}
	return d
}

func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, len(s) > 0
}

// instantText is the lexical form of a Date or Time: YYYY-MM-DD, or RFC 3339 in
// UTC with as many digits of fraction as are needed.
func instantText(v value.Value) string {
	if v.Kind() == value.Date {
		return v.CalendarDay().Format("2006-01-02")
	}
	t := v.Instant()
	s := t.Format("2006-01-02T15:04:05")
	if us := t.Nanosecond() / 1000; us != 0 {
		s += strings.TrimRight(fmt.Sprintf(".%06d", us), "0")
	}
	return s + "Z"
}

// midnight is the first instant of a Date in microseconds, kept within ±forever.
func midnight(days int64) int64 {
	const limit = forever / dayMicros
	return max(min(days, limit), -limit) * dayMicros
}
