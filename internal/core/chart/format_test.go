package chart

import "testing"

func TestNumbers(t *testing.T) {
	for _, x := range []struct {
		f      float64
		max    int
		vi, en string
	}{
		{0, 2, "0", "0"}, {2.14, 2, "2,14", "2.14"}, {1284, 2, "1.284", "1,284"}, {-0.001, 2, "0", "0"}, {-1234.5, 1, "−1.234,5", "−1,234.5"},
		{999.996, 2, "1.000", "1,000"}, {107.577123, -1, "107,577123", "107.577123"}, {1e15, 0, "1e+15", "1e+15"}, {12.5, 0, "12", "12"}, {38.2, 3, "38,2", "38.2"},
	} {
		if got := Decimal("vi", x.f, x.max); got != x.vi {
			t.Errorf("vi %v: %q, want %q", x.f, got, x.vi)
		}
		if got := Decimal("en", x.f, x.max); got != x.en {
			t.Errorf("en %v: %q, want %q", x.f, got, x.en)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1.000", -58248: "−58.248", 1234567: "1.234.567"} {
		if got := Integer("vi", n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
