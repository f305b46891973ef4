package record

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// compilePattern translates a regular expression of XML Schema (part 2,
// appendix F) into RE2, anchored on the whole value. The differences that
// matter: ^ and $ are ordinary characters there (one leading ^ and one trailing
// $ are taken as the anchors that their author meant), \i \c are name
// characters, \d \w are Unicode, a class may subtract another ([a-z-[aeiou]]),
// and the extensions of other dialects, (?…) and non-greedy quantifiers, do not
// exist and are refused.
func compilePattern(pattern string) (*regexp.Regexp, error) {
	if !utf8.ValidString(pattern) {
		return nil, errors.New("invalid UTF-8")
	}
	pattern = strings.TrimPrefix(pattern, "^")
	if rest, cut := strings.CutSuffix(pattern, "$"); cut && (len(rest)-len(strings.TrimRight(rest, `\`)))%2 == 0 {
		pattern = rest
	}
	x := xsdPattern{s: pattern}
	x.out.WriteString(`^(?:`)
	if err := x.translate(); err != nil {
		return nil, err
	}
	x.out.WriteString(`)$`)
	return regexp.Compile(x.out.String())
}

type xsdPattern struct {
	s   string
	i   int
	out strings.Builder
}

const (
	nameStart = `:A-Z_a-z\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{2FF}\x{370}-\x{37D}\x{37F}-\x{1FFF}\x{200C}-\x{200D}\x{2070}-\x{218F}\x{2C00}-\x{2FEF}\x{3001}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFFD}\x{10000}-\x{EFFFF}`
	nameChar  = nameStart + `\-.0-9\x{B7}\x{300}-\x{36F}\x{203F}-\x{2040}`
)

func (x *xsdPattern) translate() error {
	depth := 0
	quantified := true // a quantifier may not stand here
	for x.i < len(x.s) {
		c := x.s[x.i]
		switch c {
		case '[':
			set, err := x.class(0)
			if err != nil {
				return err
			}
			x.out.WriteString(classText(set))
			quantified = false
			continue
		case '\\':
			set, err := x.escape()
			if err != nil {
				return err
			}
			x.out.WriteString(classText(set))
			quantified = false
			continue
		case '.':
			x.out.WriteString(`[^\n\r]`)
			quantified = false
		case '^', '$':
			x.out.WriteByte('\\')
			x.out.WriteByte(c)
			quantified = false
		case '(':
			if strings.HasPrefix(x.s[x.i:], "(?") {
				return fmt.Errorf("(?…) at character %d", x.i+1)
			}
			x.out.WriteString("(?:")
			depth++
			quantified = true
		case ')':
			if depth == 0 {
				return fmt.Errorf("unbalanced ) at character %d", x.i+1)
			}
			depth--
			x.out.WriteByte(c)
			quantified = false
		case '|':
			x.out.WriteByte(c)
			quantified = true
		case '*', '+', '?', '{':
			if quantified {
				return fmt.Errorf("nothing to repeat at character %d", x.i+1)
			}
			if c == '{' {
				end := strings.IndexByte(x.s[x.i:], '}')
				if end < 2 || strings.Trim(x.s[x.i+1:x.i+end], "0123456789,") != "" || x.s[x.i+1] == ',' {
					return fmt.Errorf("malformed quantity at character %d", x.i+1)
				}
				x.out.WriteString(x.s[x.i : x.i+end+1])
				x.i += end
			} else {
				x.out.WriteByte(c)
			}
			quantified = true
		case ']', '}':
			return fmt.Errorf("unbalanced %c at character %d", c, x.i+1)
		default:
			r, size := utf8.DecodeRuneInString(x.s[x.i:])
			x.out.WriteString(regexp.QuoteMeta(string(r)))
			x.i += size
			quantified = false
			continue
		}
		x.i++
	}
	if depth > 0 {
		return errors.New("unbalanced (")
	}
	return nil
}

// escape reads one escape and returns its characters as ranges.
func (x *xsdPattern) escape() ([]rune, error) {
	at := x.i
	if x.i+1 >= len(x.s) {
		return nil, errors.New(`\ at the end`)
	}
	c := x.s[x.i+1]
	x.i += 2
	switch c {
	case 'n', 'r', 't':
		return ranges(`[\` + string(c) + `]`)
	case '\\', '|', '.', '-', '^', '?', '*', '+', '{', '}', '(', ')', '[', ']', '$', '/', '"', '\'', '#', '@', '!', '%', '&', ',', ':', ';', '<', '=', '>', '_', '`', '~', ' ':
		return []rune{rune(c), rune(c)}, nil
	case 's':
		return ranges(`[ \t\n\r]`)
	case 'S':
		return ranges(`[^ \t\n\r]`)
	case 'd':
		return ranges(`[\p{Nd}]`)
	case 'D':
		return ranges(`[\P{Nd}]`)
	case 'w':
		return ranges(`[^\p{P}\p{Z}\p{C}]`)
	case 'W':
		return ranges(`[\p{P}\p{Z}\p{C}]`)
	case 'i':
		return ranges(`[` + nameStart + `]`)
	case 'I':
		return ranges(`[^` + nameStart + `]`)
	case 'c':
		return ranges(`[` + nameChar + `]`)
	case 'C':
		return ranges(`[^` + nameChar + `]`)
	case 'p', 'P':
		end := strings.IndexByte(x.s[at:], '}')
		if end > 3 && x.s[x.i] == '{' {
			x.i = at + end + 1
			return ranges(`[` + x.s[at:x.i] + `]`)
		}
	}
	return nil, fmt.Errorf("unknown escape at character %d", at+1)
}

// class reads […], with its subtraction, and returns its characters as ranges.
func (x *xsdPattern) class(depth int) ([]rune, error) {
	start := x.i
	if depth > 8 {
		return nil, errors.New("classes nested too deeply")
	}
	x.i++ // [
	negative := x.i < len(x.s) && x.s[x.i] == '^'
	if negative {
		x.i++
	}
	var set, minus []rune
	for first := true; ; first = false {
		if x.i >= len(x.s) {
			return nil, fmt.Errorf("unclosed [ at character %d", start+1)
		}
		if x.s[x.i] == ']' {
			if first {
				return nil, fmt.Errorf("empty class at character %d", start+1)
			}
			x.i++
			break
		}
		if strings.HasPrefix(x.s[x.i:], "-[") && !first {
			x.i++
			var err error
			if minus, err = x.class(depth + 1); err != nil {
				return nil, err
			}
			if x.i >= len(x.s) || x.s[x.i] != ']' {
				return nil, fmt.Errorf("a subtraction must end its class, character %d", x.i+1)
			}
			x.i++
			break
		}
		low, err := x.classItem()
		if err != nil {
			return nil, err
		}
		single := len(low) == 2 && low[0] == low[1]
		if single && x.i+1 < len(x.s) && x.s[x.i] == '-' && x.s[x.i+1] != ']' && x.s[x.i+1] != '[' {
			x.i++
			high, err := x.classItem()
			if err != nil {
				return nil, err
			}
			if len(high) != 2 || high[0] != high[1] || high[0] < low[0] {
				return nil, fmt.Errorf("malformed range before character %d", x.i+1)
			}
			low[1] = high[0]
		}
		set = append(set, low...)
	}
	set = merge(set)
	if negative {
		set = subtract([]rune{0, utf8.MaxRune}, set)
	}
	return subtract(set, minus), nil
}

func (x *xsdPattern) classItem() ([]rune, error) {
	switch x.s[x.i] {
	case '\\':
		return x.escape()
	case '[':
		return nil, fmt.Errorf("[ inside a class at character %d", x.i+1)
	}
	r, size := utf8.DecodeRuneInString(x.s[x.i:])
	x.i += size
	return []rune{r, r}, nil
}

// ranges returns the characters of an RE2 class as pairs low, high.
func ranges(class string) ([]rune, error) {
	re, err := syntax.Parse(class, syntax.Perl|syntax.UnicodeGroups)
	if err != nil {
		return nil, err
	}
	switch re.Op {
	case syntax.OpLiteral:
		return []rune{re.Rune[0], re.Rune[0]}, nil
	case syntax.OpAnyChar:
		return []rune{0, utf8.MaxRune}, nil
	case syntax.OpNoMatch:
		return nil, nil
	}
	return slices.Clone(re.Rune), nil
}

// merge sorts pairs and joins those that touch.
func merge(set []rune) []rune {
	type pair struct{ low, high rune }
	var pairs []pair
	for i := 0; i+1 < len(set); i += 2 {
		pairs = append(pairs, pair{set[i], set[i+1]})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return int(a.low) - int(b.low) })
	var out []rune
	for _, p := range pairs {
		if n := len(out); n > 0 && p.low <= out[n-1]+1 {
			out[n-1] = max(out[n-1], p.high)
			continue
		}
		out = append(out, p.low, p.high)
	}
	return out
}

// subtract returns the sorted pairs of a without those of b.
func subtract(a, b []rune) []rune {
	b = merge(b)
	var out []rune
	for i := 0; i+1 < len(a); i += 2 {
		low, high := a[i], a[i+1]
		for j := 0; j+1 < len(b) && low <= high; j += 2 {
			if b[j+1] < low || b[j] > high {
				continue
			}
			if b[j] > low {
				out = append(out, low, b[j]-1)
			}
			low = b[j+1] + 1
		}
		if low <= high {
			out = append(out, low, high)
		}
	}
	return out
}

func classText(set []rune) string {
	if len(set) == 0 {
		return `[^\x{0}-\x{10FFFF}]`
	}
	if len(set) == 2 && set[0] == set[1] {
		return regexp.QuoteMeta(string(set[0]))
	}
	var b strings.Builder
	b.WriteByte('[')
	for i := 0; i+1 < len(set); i += 2 {
		fmt.Fprintf(&b, `\x{%X}-\x{%X}`, set[i], set[i+1])
	}
	b.WriteByte(']')
	return b.String()
}
