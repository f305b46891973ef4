package ui

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNumbers(t *testing.T) {
	for _, x := range []struct {
		f      float64
		max    int
		vi, en string
	}{
		{0, 2, "0", "0"}, {2.14, 2, "2,14", "2.14"}, {1284, 2, "1.284", "1,284"}, {-0.001, 2, "0", "0"}, {-1234.5, 1, "−1.234,5", "−1,234.5"},
		{999.996, 2, "1.000", "1,000"}, {107.577123, -1, "107,577123", "107.577123"}, {1e15, 0, "1e+15", "1e+15"}, {12.5, 0, "12", "12"}, {38.2, 3, "38,2", "38.2"},
	} {
		if got := decimal("vi", x.f, x.max); got != x.vi {
			t.Errorf("vi %v: %q, want %q", x.f, got, x.vi)
		}
		if got := decimal("en", x.f, x.max); got != x.en {
			t.Errorf("en %v: %q, want %q", x.f, got, x.en)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1.000", -58248: "−58.248", 1234567: "1.234.567"} {
		if got := integer("vi", n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestTimesAndAges(t *testing.T) {
	zone := time.FixedZone("+07", 7*3600)
	v := &view{lang: "vi", zone: zone, now: time.Date(2026, 11, 23, 10, 0, 0, 0, zone)}
	if got := v.Time(time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)); got != "23/11/2026 10:00" {
		t.Error(got)
	}
	for ago, want := range map[time.Duration]string{2 * time.Second: "vừa xong", 40 * time.Second: "40 giây", 90 * time.Minute: "1 giờ", 30 * time.Hour: "30 giờ", 50 * time.Hour: "2 ngày", -time.Hour: "vừa xong"} {
		if got := v.Ago(v.now.Add(-ago)); got != want {
			t.Errorf("%v: %q, want %q", ago, got, want)
		}
	}
	if got := v.Percent(0.99999); got != "99,9 %" {
		t.Errorf("a fault was rounded away: %s", got)
	}
}

func TestPointerMarksTheByte(t *testing.T) {
	if got, want := pointer("mực >> 2", 6), "mực >> 2\n    ▲"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		pointer(rapid.String().Draw(t, "text"), rapid.IntRange(-5, 200).Draw(t, "at"))
	})
}

func TestLocalNeverLeavesTheSite(t *testing.T) {
	for in, want := range map[string]string{"/datasets?q=a": "/datasets?q=a", "//evil.example/": "/", "https://evil.example/": "/", "\\\\evil": "/", "": "/", "datasets": "/", "/\\evil": "/"} {
		if got := local(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestRawCellsKeepOrder(t *testing.T) {
	names, cells := rawCells(`{"b":"1","a":"2","n":3}`)
	if len(names) != 3 || names[0] != "b" || names[1] != "a" || cells[2] != "3" {
		t.Error(names, cells)
	}
	if names, cells := rawCells("not json"); names[0] != wholeRow || cells[0] != "not json" {
		t.Error(names, cells)
	}
	rapid.Check(t, func(t *rapid.T) { rawCells(rapid.String().Draw(t, "raw")) })
}
