package ui

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

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
