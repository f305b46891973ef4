package hotspot

import (
	"math"
	"testing"
)

// The tails against plain sums and tables.
func TestTails(t *testing.T) {
	for _, c := range []struct {
		n, k int
		p    float64
	}{{10, 3, 0.2}, {100, 60, 0.5}, {1000, 20, 0.01}, {50, 50, 0.3}, {7, 1, 0.001}, {1000, 400, 0.5}} {
		want := 0.0
		for i := c.k; i <= c.n; i++ {
			want += math.Exp(logGamma(float64(c.n+1)) - logGamma(float64(i+1)) - logGamma(float64(c.n-i+1)) + float64(i)*math.Log(c.p) + float64(c.n-i)*math.Log1p(-c.p))
		}
		if got := binomialTail(c.n, c.p, c.k); math.Abs(got-want) > 1e-9*want+1e-15 {
			t.Errorf("binomial %+v: %v, want %v", c, got, want)
		}
	}
	if binomialTail(5, 0.5, 0) != 1 || binomialTail(5, 0.5, 6) != 0 || binomialTail(5, 1, 5) != 1 {
		t.Error("ends of the binomial tail")
	}
	// The 95 % and 99.9 % points of the tables.
	for k, x := range map[int][2]float64{1: {3.841459, 10.827566}, 6: {12.591587, 22.457744}, 11: {19.675138, 31.264134}, 23: {35.172462, 49.728232}} {
		if a, b := chiTail(x[0], k), chiTail(x[1], k); math.Abs(a-0.05) > 1e-6 || math.Abs(b-0.001) > 1e-7 {
			t.Errorf("chi-square with %d degrees: %v %v", k, a, b)
		}
	}
	if chiTail(0, 3) != 1 {
		t.Error("chi-square of 0")
	}
	if p := normalTail(1.6448536269514722); math.Abs(p-0.05) > 1e-12 {
		t.Errorf("normal tail %v", p)
	}
}
