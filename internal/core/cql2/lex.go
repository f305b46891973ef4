package cql2

import (
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEnd    tokenKind = iota
	tokWord             // unquoted identifier or keyword
	tokQuoted           // "identifier"
	tokText             // 'text'
	tokNumber
	tokSymbol // = <> < > <= >= + - * / % ^ ( ) [ ] ,
)

type token struct {
	kind tokenKind
	text string // word, or content with doubled quotes resolved, or symbol
	at   int
	end  int
}

// is tells whether the token is the keyword or symbol; keywords in any case.
func (t token) is(s string) bool {
	return (t.kind == tokWord || t.kind == tokSymbol) && strings.EqualFold(t.text, s)
}

// scan reads the token that begins at or after s[i].
func scan(s string, i int) (token, error) {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	if i == len(s) {
		return token{at: i, end: i}, nil
	}
	c := s[i]
	switch {
	case c == '\'':
		return quoted(s, i, tokText)
	case c == '"':
		return quoted(s, i, tokQuoted)
	case c >= '0' && c <= '9', c == '.' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
		return number(s, i)
	case c == '<' && i+1 < len(s) && (s[i+1] == '>' || s[i+1] == '='), c == '>' && i+1 < len(s) && s[i+1] == '=':
		return token{tokSymbol, s[i : i+2], i, i + 2}, nil
	case strings.IndexByte("=<>+-*/%^()[],", c) >= 0:
		return token{tokSymbol, s[i : i+1], i, i + 1}, nil
	}
	end := i
	for end < len(s) {
		r, n := utf8.DecodeRuneInString(s[end:])
		if !(nameStart(r) || end > i && namePart(r)) {
			break
		}
		end += n
	}
	if end == i {
		return token{}, fault(i, "cql2-character")
	}
	return token{tokWord, s[i:end], i, end}, nil
}

// quoted reads a quoted token; a doubled quote stands for one. A backslash has
// no meaning here, so that the patterns of LIKE reach it unchanged.
func quoted(s string, i int, kind tokenKind) (token, error) {
	q := s[i]
	for j := i + 1; j < len(s); j++ {
		if s[j] == 0 {
			return token{}, fault(j, "cql2-character")
		}
		if s[j] != q {
			continue
		}
		if j+1 < len(s) && s[j+1] == q {
			j++
			continue
		}
		text := s[i+1 : j]
		if strings.IndexByte(text, q) >= 0 {
			text = strings.ReplaceAll(text, string([]byte{q, q}), string([]byte{q}))
		}
		return token{kind, text, i, j + 1}, nil
	}
	return token{}, fault(i, "cql2-unclosed", "quote", string(q))
}

func number(s string, i int) (token, error) {
	end := i
	digits := func() bool {
		from := end
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		return end > from
	}
	digits()
	if end < len(s) && s[end] == '.' {
		end++
		digits()
	}
	if end < len(s) && s[end]|0x20 == 'e' {
		end++
		if end < len(s) && (s[end] == '+' || s[end] == '-') {
			end++
		}
		if !digits() {
			return token{}, fault(i, "cql2-number")
		}
	}
	if r, _ := utf8.DecodeRuneInString(s[end:]); end < len(s) && nameStart(r) {
		return token{}, fault(i, "cql2-number")
	}
	return token{tokNumber, s[i:end], i, end}, nil
}

// nameStart and namePart follow identifierStart and identifierPart of the
// standard's grammar.
func nameStart(r rune) bool {
	if r < 0x80 {
		return r == ':' || r == '_' || r|0x20 >= 'a' && r|0x20 <= 'z'
	}
	for _, span := range [...][2]rune{{0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x2FF}, {0x370, 0x37D}, {0x37F, 0x1FFE}, {0x200C, 0x200D},
		{0x2070, 0x218F}, {0x2C00, 0x2FEF}, {0x3001, 0xD7FF}, {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF}} {
		if r <= span[1] {
			return r >= span[0]
		}
	}
	return false
}

func namePart(r rune) bool {
	return nameStart(r) || r >= '0' && r <= '9' || r == '.' || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}

// plainName tells whether a property name can be written without quotes.
func plainName(s string) bool {
	if s == "" || reserved(s) {
		return false
	}
	for i, r := range s {
		if !(nameStart(r) || i > 0 && namePart(r)) {
			return false
		}
	}
	return true
}

// reserved words are keywords wherever they stand.
func reserved(s string) bool {
	switch strings.ToUpper(s) {
	case "AND", "OR", "NOT", "LIKE", "BETWEEN", "IN", "IS", "NULL", "TRUE", "FALSE", "DIV":
		return true
	}
	return false
}
