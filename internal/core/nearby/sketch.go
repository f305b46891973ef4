package nearby

import (
	"math/bits"
	"strings"
	"unicode"

	"huong.city/huong/internal/core/value"
)

// sketch is twelve minima of four bits over hashes of a text's words and pairs
// of words (b-bit minwise hashing: Li and König 2010); all zero means no text.
// The share of minima that agree estimates the share of words that two texts
// have in common to about 0.15, in six bytes.
type sketch [6]byte

const minima = 12

// sketchOf needs three words at least to tell anything.
func sketchOf(text string) (s sketch) {
	words := strings.FieldsFunc(value.Fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) < 3 {
		return s
	}
	var least [minima]uint64
	for i := range least {
		least[i] = ^uint64(0)
	}
	add := func(h uint64) {
		for i := range least {
			least[i] = min(least[i], mix(h+uint64(i+1)*0x9E3779B97F4A7C15))
		}
	}
	var before uint64
	for i, w := range words {
		h := hash(w)
		add(h)
		if i > 0 {
			add(bits.RotateLeft64(before, 17) ^ h)
		}
		before = h
	}
	for i, m := range least {
		s[i/2] |= byte(m&15) << (i % 2 * 4)
	}
	if s == (sketch{}) {
		s[0] = 1
	}
	return s
}

// hash is FNV-1a, 64 bits.
func hash(w string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(w) {
		h = (h ^ uint64(w[i])) * 1099511628211
	}
	return h
}

// mix is the finaliser of SplitMix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// likeness is 0 to 1, or -1 when a text says nothing. One minimum in sixteen
// agrees by chance, which is taken off.
func likeness(a, b sketch) float64 {
	if a == (sketch{}) || b == (sketch{}) {
		return -1
	}
	same := 0
	for i := range a {
		d := a[i] ^ b[i]
		if d&15 == 0 {
			same++
		}
		if d>>4 == 0 {
			same++
		}
	}
	return max(0, (float64(same)/minima-1./16)/(1-1./16))
}
