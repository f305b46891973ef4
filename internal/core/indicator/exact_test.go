package indicator_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/indicator"
)

// TestExact adds and takes away numbers of all sizes: the sum is that of rational
// arithmetic, its bytes bring it back, and nothing is left when all is taken away.
func TestExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x indicator.Exact
		want := new(big.Rat)
		type added struct {
			f float64
			i int64
			n int64
		}
		var all []added
		for range rapid.IntRange(0, 40).Draw(t, "numbers") {
			a := added{n: rapid.Int64Range(-3, 3).Draw(t, "times")}
			if rapid.Bool().Draw(t, "float") {
				a.f = rapid.Float64().Draw(t, "f")
				if math.IsInf(a.f, 0) || math.IsNaN(a.f) {
					continue
				}
				x.AddFloat(a.f, a.n)
				want.Add(want, new(big.Rat).Mul(new(big.Rat).SetFloat64(a.f), new(big.Rat).SetInt64(a.n)))
			} else {
				a.i = rapid.Int64().Draw(t, "i")
				x.AddInt(a.i, a.n)
				want.Add(want, new(big.Rat).Mul(new(big.Rat).SetInt64(a.i), new(big.Rat).SetInt64(a.n)))
			}
			all = append(all, a)
			if x.Rat().Cmp(want) != 0 {
				t.Fatalf("the sum is %v, want %v", x.Rat(), want)
			}
			y, rest, err := indicator.ReadExact(append(x.Append(nil), 7))
			if err != nil || len(rest) != 1 || y.Rat().Cmp(want) != 0 {
				t.Fatalf("read back %v, rest %v, %v; want %v", y.Rat(), rest, err, want)
			}
			var sum indicator.Exact
			sum.Add(&y)
			sum.Add(&x)
			if double := new(big.Rat).Add(want, want); sum.Rat().Cmp(double) != 0 {
				t.Fatalf("twice the sum is %v, want %v", sum.Rat(), double)
			}
		}
		f, _ := new(big.Rat).Quo(want, big.NewRat(3, 1)).Float64()
		if got := x.Over(3); got != f {
			t.Fatalf("a third is %v, want %v", got, f)
		}
		for _, a := range all {
			if a.f != 0 {
				x.AddFloat(a.f, -a.n)
			} else {
				x.AddInt(a.i, -a.n)
			}
		}
		if !x.IsZero() || string(x.Append(nil)) != string(new(indicator.Exact).Append(nil)) {
			t.Fatalf("%v is left of nothing", x.Rat())
		}
	})
}

// FuzzReadExact reads what no sum wrote.
func FuzzReadExact(f *testing.F) {
	var x indicator.Exact
	x.AddFloat(1e300, 1)
	x.AddFloat(1e-300, 1)
	f.Add(x.Append(nil))
	f.Add([]byte{1, 0, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		x, _, err := indicator.ReadExact(b)
		if err != nil {
			return
		}
		y, _, err := indicator.ReadExact(x.Append(nil))
		if err != nil || !x.IsZero() && y.IsZero() {
			t.Fatalf("%x does not come back: %v", b, err)
		}
	})
}

func TestQuantile(t *testing.T) {
	// The published example values are those of a spreadsheet's PERCENTILE.INC.
	for _, x := range []struct {
		values   []float64
		num, den int64
		want     float64
	}{
		{[]float64{5}, 9, 10, 5},
		{[]float64{1, 2}, 1, 2, 1.5},
		{[]float64{1, 2, 3, 4}, 1, 2, 2.5},
		{[]float64{1, 2, 3, 4}, 3, 10, 1.9},
		{[]float64{10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110}, 9, 10, 100},
		{[]float64{1, 3, 100}, 1, 2, 3},
	} {
		got := indicator.Quantile(int64(len(x.values)), x.num, x.den, func(i int64) float64 { return x.values[i] })
		if got != x.want {
			t.Errorf("quantile %d/%d of %v is %v, want %v", x.num, x.den, x.values, got, x.want)
		}
	}
}
