package value

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Common text must be what cleaning would leave as it is.
func TestCommonTextNeedsNoCleaning(t *testing.T) {
	pieces := []string{"a", "Z", " ", "\t", "\n", "\r", "\x00", "\x1f", "\x7f", "\u0080", "\u009f", "\u00a0", "ế", "Ộ", "đ", "ư", "’", "–", "\u200f", "\u2010", "\u203f", "\u2040",
		"\u02ff", "\u0300", "e\u0302", "\u1dff", "\u1e00", "\u1eff", "\u1f00", "漢", "😀", "\xff", "\xc2", "\xe1\xba", "\xe2\x80", "\xc3(", "phường Thuận Hóa", "0123456789", `"`, `\`}
	random := rand.New(rand.NewPCG(7, 11))
	common := 0
	for range 50_000 {
		var b strings.Builder
		for range random.IntN(6) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		s := b.String()
		want := utf8.ValidString(s)
		for _, r := range s {
			latin := r < 0x80 || r >= 0xA0 && r <= 0x2FF || r >= 0x1E00 && r <= 0x1EFF || r >= 0x2010 && r <= 0x203F
			want = want && latin && (r == '\t' || r == '\n' || !unicode.IsControl(r))
		}
		if got := IsCommonText(s); got != want {
			t.Fatalf("%q: common %v, want %v", s, got, want)
		}
		if want {
			common++
			if !norm.NFC.IsNormalString(s) {
				t.Fatalf("%q is common and not NFC", s)
			}
		}
	}
	if common < 5000 {
		t.Errorf("only %d common texts", common)
	}
}
