package record

import (
	"slices"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// momentPattern is a compiled strptime pattern of a date, time or datetime.
type momentPattern struct {
	source string
	parts  []momentPart
	unit   int64 // the finest step that the pattern can write, in microseconds
	twelve bool
}

// momentPart is one directive, or literal text when directive is 0.
type momentPart struct {
	directive byte
	literal   string
	fixed     bool // exactly two digits, because another number follows at once
}

// compileMoment reads a pattern of %Y %m %d %H %I %p %M %S %f %z and %%. Others
// are refused: they depend on a language (%b), on the century (%y) or on the
// machine (%c). A datetime needs %z, because its moment would be a guess
// otherwise; why names the message.
func compileMoment(t dataset.Type, source string) (p *momentPattern, why string) {
	p = &momentPattern{source: source}
	seen := map[byte]bool{}
	for s := source; s != ""; {
		if s[0] != '%' {
			end := strings.IndexByte(s, '%')
			if end < 0 {
				end = len(s)
			}
			p.literal(s[:end])
			s = s[end:]
			continue
		}
		if len(s) == 1 {
			return nil, "column-pattern-directive"
		}
		d := s[1]
		s = s[2:]
		if d == '%' {
			p.literal("%")
			continue
		}
		if !strings.ContainsRune("YmdHIpMSfz", rune(d)) || seen[d] {
			return nil, "column-pattern-directive"
		}
		seen[d] = true
		if n := len(p.parts); n > 0 && strings.IndexByte("YmdHIMSf", d) >= 0 {
			p.parts[n-1].fixed = true
		}
		p.parts = append(p.parts, momentPart{directive: d})
	}
	hour := seen['H'] != (seen['I'] && seen['p']) && seen['I'] == seen['p']
	date := seen['Y'] && seen['m'] && seen['d']
	anyDate := seen['Y'] || seen['m'] || seen['d']
	anyClock := seen['H'] || seen['I'] || seen['p'] || seen['M'] || seen['S'] || seen['f']
	clock := hour && seen['M'] && (seen['S'] || !seen['f'])
	switch {
	case t == dataset.DateType && (!date || anyClock || seen['z']),
		t == dataset.TimeOfDay && (!clock || anyDate || seen['z']),
		t == dataset.DateTime && (!date || !clock):
		return nil, "column-pattern-parts"
	case t == dataset.DateTime && !seen['z']:
		return nil, "column-pattern-zone"
	}
	p.twelve = seen['I']
	switch {
	case seen['f']:
		p.unit = 1
	case seen['S']:
		p.unit = microsPerSecond
	default:
		p.unit = 60 * microsPerSecond
	}
	return p, ""
}

func (p *momentPattern) literal(s string) {
	if n := len(p.parts); n > 0 && p.parts[n-1].directive == 0 {
		p.parts[n-1].literal += s
		return
	}
	p.parts = append(p.parts, momentPart{literal: s})
}

func (p *momentPattern) parse(c *column, s string) (value.Value, *problem.Violation) {
	bad := func() (value.Value, *problem.Violation) {
		return value.Value{}, c.fault("value-moment", s, "expected", p.source)
	}
	y, m, d, hour, minute, second := 1970, 1, 1, 0, 0, 0
	var fraction, offset int64
	afternoon := false
	rest := s
	for i := range p.parts {
		part := &p.parts[i]
		if part.directive == 0 {
			if !strings.HasPrefix(rest, part.literal) {
				return bad()
			}
			rest = rest[len(part.literal):]
			continue
		}
		ok := true
		switch part.directive {
		case 'Y':
			if y = digits4(rest, 0); y < 0 {
				return bad()
			}
			rest = rest[4:]
		case 'm':
			m, rest, ok = twoDigits(rest, part.fixed)
		case 'd':
			d, rest, ok = twoDigits(rest, part.fixed)
		case 'H', 'I':
			hour, rest, ok = twoDigits(rest, part.fixed)
		case 'M':
			minute, rest, ok = twoDigits(rest, part.fixed)
		case 'S':
			second, rest, ok = twoDigits(rest, part.fixed)
		case 'p':
			if len(rest) < 2 || !slices.Contains([]string{"AM", "PM"}, strings.ToUpper(rest[:2])) {
				return bad()
			}
			afternoon, rest = rest[0]|0x20 == 'p', rest[2:]
		case 'f':
			var digits int
			fraction, digits, rest = scanFraction(rest)
			if digits > 6 {
				return value.Value{}, c.fault("value-fraction", s)
			}
			ok = digits > 0
		case 'z':
			offset, rest, ok = scanLooseZone(rest)
		}
		if !ok {
			return bad()
		}
	}
	if p.twelve {
		if hour < 1 || hour > 12 {
			return bad()
		}
		if hour %= 12; afternoon {
			hour += 12
		}
	}
	if rest != "" || !validDate(y, m, d) || hour > 23 || minute > 59 || second > 59 {
		return bad()
	}
	micros := int64(hour*3600+minute*60+second)*microsPerSecond + fraction
	switch c.shape {
	case shapeDate:
		return value.OfDate(civilDays(y, m, d)), nil
	case shapeTime:
		return value.OfText(string(appendClock(nil, micros))), nil
	}
	return c.instant(civilDays(y, m, d)*microsPerDay+micros-offset, s)
}

func twoDigits(s string, fixed bool) (n int, rest string, ok bool) {
	if n = digits2(s, 0); n >= 0 {
		return n, s[2:], true
	}
	if fixed || s == "" || s[0] < '0' || s[0] > '9' {
		return 0, s, false
	}
	return int(s[0] - '0'), s[1:], true
}

// scanLooseZone takes ±hhmm, as strptime's %z writes it, beside Z and ±hh:mm.
func scanLooseZone(s string) (offset int64, rest string, ok bool) {
	if len(s) >= 5 && (s[0] == '+' || s[0] == '-') && s[3] != ':' {
		var zone [6]byte
		copy(zone[:], s[:3])
		zone[3] = ':'
		copy(zone[4:], s[3:5])
		offset, _, ok = scanZone(string(zone[:]))
		return offset, s[5:], ok
	}
	return scanZone(s)
}

// expresses tells whether the pattern can write a value without loss.
func (p *momentPattern) expresses(v value.Value) bool {
	switch v.Kind() {
	case value.Time:
		return v.Micros()%p.unit == 0
	case value.Text:
		micros, _, _, _ := scanClock(v.Text())
		return micros%p.unit == 0
	}
	return true
}

func (p *momentPattern) append(b []byte, v value.Value) []byte {
	var days, micros int64
	switch v.Kind() {
	case value.Date:
		days = v.Days()
	case value.Time:
		if days = v.Micros() / microsPerDay; v.Micros()%microsPerDay < 0 {
			days--
		}
		micros = v.Micros() - days*microsPerDay
	default:
		micros, _, _, _ = scanClock(v.Text())
	}
	y, m, d := civilDate(days)
	seconds := int(micros / microsPerSecond)
	hour := seconds / 3600
	for i := range p.parts {
		switch p.parts[i].directive {
		case 0:
			b = append(b, p.parts[i].literal...)
		case 'Y':
			b = appendPadded(b, y, 4)
		case 'm':
			b = appendPadded(b, m, 2)
		case 'd':
			b = appendPadded(b, d, 2)
		case 'H':
			b = appendPadded(b, hour, 2)
		case 'I':
			b = appendPadded(b, (hour+11)%12+1, 2)
		case 'p':
			if hour < 12 {
				b = append(b, "AM"...)
			} else {
				b = append(b, "PM"...)
			}
		case 'M':
			b = appendPadded(b, seconds/60%60, 2)
		case 'S':
			b = appendPadded(b, seconds%60, 2)
		case 'f':
			b = appendPadded(b, int(micros%microsPerSecond), 6)
		case 'z':
			b = append(b, "+0000"...)
		}
	}
	return b
}
