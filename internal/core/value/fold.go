package value

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// FoldCase makes texts that differ in case only equal: every rune is replaced
// by the table's case entry. It is Unicode simple case folding (one rune to one
// rune), so ß is not ss. FoldCase(FoldCase(s)) equals FoldCase(s).
func FoldCase(s string) string { return folds().fold.apply(s, false) }

// FoldAccents strips the marks: every rune whose canonical decomposition is a
// base and marks of U+0300–U+036F becomes the base, letters with a stroke (đ, ø,
// ł …) lose it, and marks that stand alone are deleted. Where a Vietnamese tone
// mark is placed (Hoá, Hóa) makes no difference after it. Case is kept.
func FoldAccents(s string) string { return folds().accent.apply(s, true) }

// Fold applies FoldCase, then FoldAccents: the form in which texts are searched.
func Fold(s string) string { return FoldAccents(FoldCase(s)) }

// UpperCase is the reverse of FoldCase: translate(s, caseTo, caseFrom), where
// the first of several entries counts, so s becomes S and not ſ.
func UpperCase(s string) string { return folds().upper.apply(s, false) }

// FoldTables returns the tables behind FoldCase and FoldAccents: the n-th rune of
// a From text becomes the n-th rune of its To text. A database driver builds the
// same functions from them: translate(s, caseFrom, caseTo) for case;
// translate(s, accentFrom, accentTo) and then deletion of U+0300–U+036F for
// accents. Entries come in code-point order of From.
func FoldTables() (caseFrom, caseTo, accentFrom, accentTo string) {
	f := folds()
	return f.fold.from, f.fold.to, f.accent.from, f.accent.to
}

// strokes are letters whose mark is part of the letter for Unicode, which gives
// them no decomposition, but which people type without it.
const strokesFrom, strokesTo = "ĐđĦħıŁłØøŦŧƀƁƃƄƒƗƚƟɃɆɇɈɉɌɍɎɏȺȻȼȽȾ", "DdHhiLlOoTtbBbBfIlOBEeJjRrYyACcLT"

type table struct {
	from, to string
	low      [lowRunes]uint16 // 0 = unchanged
	high     map[rune]rune
}

// lowRunes covers every Latin, Greek and Cyrillic letter, those of Vietnamese included.
const lowRunes = 0x2000

type foldSet struct{ fold, accent, upper *table }

// folds computes the tables once from the Unicode data in the standard library
// and x/text; they never change afterwards.
var folds = sync.OnceValue(func() foldSet {
	var cf, ct, af, at []rune
	stroke := map[rune]rune{}
	to := []rune(strokesTo)
	for i, r := range []rune(strokesFrom) {
		stroke[r] = to[i]
	}
	for r := rune('A'); r <= 0x1FFFF; r++ {
		if l := simpleFold(r); l != r {
			cf, ct = append(cf, r), append(ct, l)
		}
		if b := unmarked(r, stroke); b != r {
			af, at = append(af, r), append(at, b)
		}
	}
	return foldSet{newTable(cf, ct), newTable(af, at), newTable(ct, cf)}
})

// simpleFold returns the representative of r's case orbit.
func simpleFold(r rune) rune {
	l := unicode.ToLower(unicode.ToUpper(r))
	for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
		if o == l {
			return l
		}
	}
	return r
}

// unmarked returns r without its marks, or r.
func unmarked(r rune, stroke map[rune]rune) rune {
	if b, ok := stroke[r]; ok {
		return b
	}
	d := norm.NFD.PropertiesString(string(r)).Decomposition()
	if len(d) == 0 {
		return r
	}
	base, n := utf8.DecodeRune(d)
	for rest := d[n:]; ; {
		if len(rest) == 0 {
			break
		}
		m, k := utf8.DecodeRune(rest)
		if !isMark(m) {
			return r
		}
		rest = rest[k:]
	}
	if len(d) == n || isMark(base) {
		return r // a mere respelling (Å of physics), or a mark of marks
	}
	if b, ok := stroke[base]; ok {
		return b // ǿ: stroke and accent
	}
	return base
}

func isMark(r rune) bool { return r >= 0x300 && r <= 0x36F }

func newTable(from, to []rune) *table {
	t := &table{from: string(from), to: string(to), high: map[rune]rune{}}
	for i, r := range from {
		switch {
		case r < lowRunes && to[i] <= 0xFFFF:
			if t.low[r] == 0 {
				t.low[r] = uint16(to[i])
			}
		default:
			if _, twice := t.high[r]; !twice {
				t.high[r] = to[i]
			}
		}
	}
	return t
}

func (t *table) lookup(r rune) rune {
	if r < lowRunes {
		if l := t.low[r]; l != 0 {
			return rune(l)
		}
		return r
	}
	if h, ok := t.high[r]; ok {
		return h
	}
	return r
}

// apply translates s and, when marks is set, deletes U+0300–U+036F. Bytes that
// are not UTF-8 stay as they are.
func (t *table) apply(s string, marks bool) string {
	i := 0
	for i < len(s) { // most texts need no change: find the first that does
		r, n := utf8.DecodeRuneInString(s[i:])
		if t.lookup(r) != r || marks && isMark(r) {
			break
		}
		i += n
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 4)
	b.WriteString(s[:i])
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteByte(s[i])
		case marks && isMark(r):
		default:
			b.WriteRune(t.lookup(r))
		}
		i += n
	}
	return b.String()
}
