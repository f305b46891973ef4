package ingest

import (
	"strings"
	"time"
	"unicode/utf8"
)

// moment is what a text says about a point in time, before a zone is applied.
type moment struct {
	year, month, day       int
	hour, minute, second   int
	micros                 int
	hasDate, hasTime, hasY bool
	zoned                  bool
	offset                 int // seconds east of UTC, when zoned
}

// datePattern is a compiled pattern in the letters of Unicode TR 35: y M d H h
// m s S a X E, text in ” quotes, everything else as it stands. A number takes
// one or two digits where something other than a number follows, so that
// dd/MM/yyyy reads 1/7/2011; MMM is an English month name, a is AM, PM, SA
// or CH (sáng, chiều).
type datePattern struct {
	parts []datePart
	text  string
}

type datePart struct {
	letter  byte // 0 for literal text
	width   int
	exact   bool // another number stands right beside it
	literal string
}

const dateLetters = "yMdHhmsSaXE"

func compilePattern(p string) (*datePattern, bool) {
	c := &datePattern{text: p}
	hour12, half := false, false
	for i := 0; i < len(p); {
		ch := p[i]
		switch {
		case ch == '\'':
			text, n, ok := quotedText(p[i:])
			if !ok {
				return nil, false
			}
			c.literal(text)
			i += n
		case strings.IndexByte(dateLetters, ch) >= 0:
			n := 1
			for i+n < len(p) && p[i+n] == ch {
				n++
			}
			if ch == 'y' && n != 2 && n != 4 && n != 1 || strings.IndexByte("dHhms", ch) >= 0 && n > 2 || ch == 'S' && n > 9 || ch == 'M' && n > 4 {
				return nil, false
			}
			c.parts = append(c.parts, datePart{letter: ch, width: n})
			hour12, half = hour12 || ch == 'h', half || ch == 'a'
			i += n
		case ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z':
			return nil, false
		default:
			_, n := utf8.DecodeRuneInString(p[i:])
			c.literal(p[i : i+n])
			i += n
		}
	}
	for i := range c.parts {
		c.parts[i].exact = c.parts[i].number() && (i+1 < len(c.parts) && c.parts[i+1].number() || i > 0 && c.parts[i-1].number())
	}
	return c, len(c.parts) > 0 && hour12 == half
}

// quotedText reads a quoted text; two quotes stand for one.
func quotedText(p string) (text string, n int, ok bool) {
	if strings.HasPrefix(p, "''") {
		return "'", 2, true
	}
	var b strings.Builder
	for i := 1; i < len(p); i++ {
		if p[i] != '\'' {
			b.WriteByte(p[i])
			continue
		}
		if i+1 < len(p) && p[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}

func (c *datePattern) literal(text string) {
	if n := len(c.parts); n > 0 && c.parts[n-1].letter == 0 {
		c.parts[n-1].literal += text
		return
	}
	c.parts = append(c.parts, datePart{literal: text})
}

func (p *datePart) number() bool {
	return p.letter != 0 && strings.IndexByte("yMdHhmsS", p.letter) >= 0 && !(p.letter == 'M' && p.width > 2)
}

// has tells whether the pattern holds a letter.
func (c *datePattern) has(letters string) bool {
	for i := range c.parts {
		if l := c.parts[i].letter; l != 0 && strings.IndexByte(letters, l) >= 0 {
			return true
		}
	}
	return false
}

// parse reads a text; ok is false when it does not fit or names a day or an
// hour that does not exist.
func (c *datePattern) parse(s string) (m moment, ok bool) {
	m.month, m.day = 1, 1
	afternoon, half := false, false
	for i := range c.parts {
		p := &c.parts[i]
		switch {
		case p.letter == 0:
			if s, ok = strings.CutPrefix(s, p.literal); !ok {
				return m, false
			}
		case p.number():
			var n int
			if n, s, ok = p.digits(s); !ok {
				return m, false
			}
			m.put(p, n)
		default:
			if s, ok = p.word(s, &m, &afternoon); !ok {
				return m, false
			}
			half = half || p.letter == 'a'
		}
	}
	if half {
		if m.hour < 1 || m.hour > 12 {
			return m, false
		}
		m.hour %= 12
		if afternoon {
			m.hour += 12
		}
	}
	return m, s == "" && m.valid()
}

func (p *datePart) digits(s string) (n int, rest string, ok bool) {
	least, most := 1, max(p.width, 2)
	switch {
	case p.letter == 'y' && p.width != 2:
		least, most = 4, 4
	case p.letter == 'y':
		least, most = 2, 2
	case p.letter == 'S':
		least, most = 1, 9
		if p.exact {
			least, most = p.width, p.width
		}
	case p.exact:
		least, most = p.width, p.width
	}
	k := 0
	for k < len(s) && k < most && s[k] >= '0' && s[k] <= '9' {
		n = n*10 + int(s[k]-'0')
		k++
	}
	if k < least {
		return 0, s, false
	}
	if p.letter == 'S' {
		for j := k; j < 9; j++ {
			n *= 10
		}
		n /= 1000
	}
	return n, s[k:], true
}

func (m *moment) put(p *datePart, n int) {
	switch p.letter {
	case 'y':
		if p.width == 2 {
			if n += 2000; n >= 2070 {
				n -= 100
			}
		}
		m.year, m.hasY = n, true
	case 'M':
		m.month = n
	case 'd':
		m.day, m.hasDate = n, true
	case 'H', 'h':
		m.hour, m.hasTime = n, true
	case 'm':
		m.minute = n
	case 's':
		m.second = n
	case 'S':
		m.micros = n
	}
}

var monthNames = [...]string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}

// word reads a part that is no number: a month's name, a half of the day, a
// weekday (not checked), an offset from UTC.
func (p *datePart) word(s string, m *moment, afternoon *bool) (rest string, ok bool) {
	switch p.letter {
	case 'M':
		k := letters(s)
		name := strings.ToLower(s[:k])
		for i, full := range monthNames {
			if name == full || len(name) >= 3 && strings.HasPrefix(full, name) {
				m.month = i + 1
				return strings.TrimPrefix(s[k:], "."), true
			}
		}
	case 'a':
		if len(s) >= 2 {
			switch strings.ToUpper(s[:2]) {
			case "AM", "SA":
				return s[2:], true
			case "PM", "CH":
				*afternoon = true
				return s[2:], true
			}
		}
	case 'E':
		if k := letters(s); k > 0 {
			return strings.TrimPrefix(s[k:], "."), true
		}
	case 'X':
		m.offset, rest, ok = zoneOffset(s)
		m.zoned = true
		return rest, ok
	}
	return s, false
}

func letters(s string) int {
	k := 0
	for k < len(s) && (s[k] >= 'a' && s[k] <= 'z' || s[k] >= 'A' && s[k] <= 'Z') {
		k++
	}
	return k
}

// zoneOffset reads Z, ±HH, ±HHMM or ±HH:MM.
func zoneOffset(s string) (seconds int, rest string, ok bool) {
	if s != "" && (s[0] == 'Z' || s[0] == 'z') {
		return 0, s[1:], true
	}
	if len(s) < 3 || s[0] != '+' && s[0] != '-' {
		return 0, s, false
	}
	two := func(s string) (int, bool) {
		if len(s) < 2 || s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' {
			return 0, false
		}
		return int(s[0]-'0')*10 + int(s[1]-'0'), true
	}
	h, ok := two(s[1:])
	if !ok || h > 18 {
		return 0, s, false
	}
	rest = s[3:]
	minutes := 0
	if mm, ok := two(strings.TrimPrefix(rest, ":")); ok && mm < 60 {
		minutes = mm
		rest = strings.TrimPrefix(rest, ":")[2:]
	}
	seconds = h*3600 + minutes*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, rest, true
}

func (m *moment) valid() bool {
	if m.month < 1 || m.month > 12 || m.day < 1 || m.day > 31 || m.hour > 23 || m.minute > 59 || m.second > 59 {
		return false
	}
	if m.year == 0 && !m.hasY {
		return true
	}
	return time.Date(m.year, time.Month(m.month), m.day, 0, 0, 0, 0, time.UTC).Day() == m.day
}

var isoPatterns = func() []*datePattern {
	var all []*datePattern
	for _, p := range []string{"yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd HH:mm", "HH:mm:ss", "HH:mm"} {
		c, _ := compilePattern(p)
		all = append(all, c)
	}
	return all
}()

// parseISO reads ISO 8601 as databases write it: a date, a time or both,
// parted by T or a blank, with or without seconds, fraction and offset.
func parseISO(s string) (m moment, ok bool) {
	body, offset, zoned, micros := s, 0, false, 0
	if i := strings.IndexByte(s, ':'); i >= 0 {
		if strings.HasSuffix(body, "Z") {
			body, zoned = strings.TrimSuffix(body, "Z"), true
		} else if k := strings.LastIndexAny(body, "+-"); k > i {
			o, rest, ok := zoneOffset(body[k:])
			if !ok || rest != "" {
				return m, false
			}
			body, offset, zoned = body[:k], o, true
		}
		if k := strings.LastIndexAny(body, ".,"); k > i {
			f := datePart{letter: 'S', width: 1}
			n, rest, ok := f.digits(body[k+1:])
			if !ok || rest != "" {
				return m, false
			}
			body, micros = body[:k], n
		}
	}
	for _, p := range isoPatterns {
		if m, ok := p.parse(body); ok {
			m.micros, m.offset, m.zoned = micros, offset, zoned
			return m, true
		}
	}
	return m, false
}
