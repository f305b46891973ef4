package value

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestFoldWords(t *testing.T) {
	for _, c := range []struct{ in, foldCase, accents, fold string }{
		{"", "", "", ""},
		{"Huế", "huế", "Hue", "hue"},
		{"Thuận Hoá", "thuận hoá", "Thuan Hoa", "thuan hoa"},
		{"Thuận Hóa", "thuận hóa", "Thuan Hoa", "thuan hoa"},
		{"ĐƯỜNG Đống Đa", "đường đống đa", "DUONG Dong Da", "duong dong da"},
		{"Quỳnh Nguyễn ỮỨỰ", "quỳnh nguyễn ữứự", "Quynh Nguyen UUU", "quynh nguyen uuu"},
		{"CHIȘINĂU", "chișinău", "CHISINAU", "chisinau"},
		{"KØBENHAVN", "københavn", "KOBENHAVN", "kobenhavn"},
		{"Οδός ΟΔΟΣ", "οδόσ οδοσ", "Οδος ΟΔΟΣ", "οδοσ οδοσ"},
		{"Straße", "straße", "Straße", "straße"},
		{"e\u0301a\u0323\u0302", "e\u0301a\u0323\u0302", "ea", "ea"},
		{"a\xffB", "a\xffb", "a\xffB", "a\xffb"},
		{"ſK", "sk", "ſK", "sk"},
		{"日本 42 %_\\", "日本 42 %_\\", "日本 42 %_\\", "日本 42 %_\\"},
	} {
		if got := FoldCase(c.in); got != c.foldCase {
			t.Errorf("FoldCase(%q) = %q, want %q", c.in, got, c.foldCase)
		}
		if got := FoldAccents(c.in); got != c.accents {
			t.Errorf("FoldAccents(%q) = %q, want %q", c.in, got, c.accents)
		}
		if got := Fold(c.in); got != c.fold {
			t.Errorf("Fold(%q) = %q, want %q", c.in, got, c.fold)
		}
	}
	if got := UpperCase("sơn trà ký"); got != "SƠN TRÀ KÝ" {
		t.Errorf("UpperCase gave %q", got)
	}
}

// translate is what SQL's translate does, written again from the tables alone.
func translate(s, from, to string) string {
	f, t := []rune(from), []rune(to)
	m := map[rune]rune{}
	for i, r := range f {
		if _, ok := m[r]; !ok {
			m[r] = t[i]
		}
	}
	return strings.Map(func(r rune) rune {
		if x, ok := m[r]; ok {
			return x
		}
		return r
	}, s)
}

func stripMarks(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x300 && r <= 0x36F {
			return -1
		}
		return r
	}, s)
}

func TestFoldIsItsTables(t *testing.T) {
	cf, ct, af, at := FoldTables()
	if utf8.RuneCountInString(cf) != utf8.RuneCountInString(ct) || utf8.RuneCountInString(af) != utf8.RuneCountInString(at) {
		t.Fatal("tables are not one rune to one rune")
	}
	t.Logf("case %d entries, accents %d", utf8.RuneCountInString(cf), utf8.RuneCountInString(af))
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune(cf+ct+af+at+"\u0301\u0323 ab")))).Draw(t, "s")
		if got, want := FoldCase(s), translate(s, cf, ct); got != want {
			t.Fatalf("FoldCase(%q) = %q, table says %q", s, got, want)
		}
		if got, want := FoldAccents(s), stripMarks(translate(s, af, at)); got != want {
			t.Fatalf("FoldAccents(%q) = %q, table says %q", s, got, want)
		}
		if got, want := UpperCase(s), translate(s, ct, cf); got != want {
			t.Fatalf("UpperCase(%q) = %q, table says %q", s, got, want)
		}
		if f := FoldCase(s); FoldCase(f) != f {
			t.Fatalf("FoldCase is not idempotent on %q", s)
		}
		if f := FoldAccents(s); FoldAccents(f) != f {
			t.Fatalf("FoldAccents is not idempotent on %q", s)
		}
	})
}

// Every Vietnamese syllable form folds to ASCII, composed or not.
func TestFoldVietnameseLetters(t *testing.T) {
	for _, base := range "aăâeêioôơuưyđAĂÂEÊIOÔƠUƯYĐ" {
		for _, tone := range []string{"", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"} {
			s := norm.NFC.String(string(base) + tone)
			for _, form := range []string{s, norm.NFD.String(s)} {
				if got := Fold(form); len(got) != 1 || got[0] < 'a' || got[0] > 'z' {
					t.Errorf("Fold(%q) = %q", form, got)
				}
			}
		}
	}
}

func BenchmarkFold(b *testing.B) {
	for b.Loop() {
		Fold("Ủy ban nhân dân phường Thuận Hóa, thành phố Huế")
	}
}
