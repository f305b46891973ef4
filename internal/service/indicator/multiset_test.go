package indicator

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/indicator"
)

// TestMultiset adds and takes away values, saves and opens again at any time, and
// compares with a sorted list; many values fill many blocks.
func TestMultiset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kept := map[string][]byte{}
		open := func() *multiset {
			s, err := openMultiset("m/", func(key string) ([]byte, error) { return slices.Clone(kept[key]), nil })
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := open()
		model := map[float64]int64{}
		spread := rapid.SampledFrom([]int{5, 60, 3000}).Draw(t, "spread")
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			seed := rapid.IntRange(0, 1<<30).Draw(t, "seed")
			for range rapid.IntRange(0, 900).Draw(t, "values") {
				seed = seed*1103515245%(1<<31) + 12345
				v := float64(seed/7%spread) - 20
				n := int64(1)
				if seed%3 == 0 && model[v] > 0 {
					n = -model[v]
				}
				if err := s.add(sortable(v), n); err != nil {
					t.Fatal(err)
				}
				if model[v] += n; model[v] == 0 {
					delete(model, v)
				}
			}
			s.puts(func(key string, val []byte) {
				if val == nil {
					delete(kept, key)
				} else {
					kept[key] = val
				}
			})
			if rapid.Bool().Draw(t, "again") {
				s = open()
			}
			var all []float64
			for v, n := range model {
				for range n {
					all = append(all, v)
				}
			}
			slices.Sort(all)
			total, distinct := s.size()
			if total != int64(len(all)) || distinct != int64(len(model)) {
				t.Fatalf("%d values, %d different; want %d, %d", total, distinct, len(all), len(model))
			}
			if len(all) == 0 {
				if len(kept) != 0 {
					t.Fatalf("%d keys are left of nothing", len(kept))
				}
				continue
			}
			for _, m := range []indicator.Measure{indicator.Min, indicator.Max, indicator.Median, indicator.P90, indicator.Distinct} {
				got, err := s.figure(m)
				num, den := int64(1), int64(2)
				if m == indicator.P90 {
					num, den = 9, 10
				}
				want := map[indicator.Measure]float64{
					indicator.Min: all[0], indicator.Max: all[len(all)-1], indicator.Distinct: float64(len(model)),
				}[m]
				if m == indicator.Median || m == indicator.P90 {
					want = indicator.Quantile(int64(len(all)), num, den, func(i int64) float64 { return all[i] })
				}
				if err != nil || got != want {
					t.Fatalf("%s is %v, %v; want %v", m, got, err, want)
				}
			}
		}
	})
}
