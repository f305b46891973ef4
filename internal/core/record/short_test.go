package record

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// The short forms are read as the full rules read them, to the last bit.
func TestShortNumbersAgreeWithTheFullRules(t *testing.T) {
	texts := []string{"", "-", "+1", "-0", "0", "00", "007", "1.", ".5", "-.5", "1..2", "1.2.3", "0.1", "-0.1", "16.463712", "107.59086",
		"999999999999999", "9999999999999999", "0.00000000000001", "123456789012.345", "999999999999999999", "9999999999999999999", "1e3", "1_0", "0x1", "--1", "1-", " 1", "٣"}
	random := rand.New(rand.NewPCG(3, 5))
	for range 20_000 {
		b := make([]byte, random.IntN(20))
		for i := range b {
			if b[i] = '0' + byte(random.IntN(10)); random.IntN(12) == 0 {
				b[i] = ".-"[random.IntN(2)]
			}
		}
		texts = append(texts, string(b))
	}
	read := 0
	for _, s := range texts {
		if f, ok := shortNumber(s); ok {
			read++
			want, err := strconv.ParseFloat(s, 64)
			if err != nil || !isDecimal(s) || math.Float64bits(f) != math.Float64bits(want) {
				t.Errorf("%q read as %v, is %v (%v)", s, f, want, err)
			}
		}
		if i, ok := shortInteger(s); ok {
			want, err := strconv.ParseInt(s, 10, 64)
			if err != nil || i != want {
				t.Errorf("%q read as %d, is %d (%v)", s, i, want, err)
			}
		}
	}
	if read < 2000 {
		t.Errorf("only %d of %d numbers were short", read, len(texts))
	}
}
