package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func measured(item, store, cell string) part {
	return part{Item: item, Store: store, Measured: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC), Seconds: 61, Load: "0.10 0.20 0.30",
		Settings: "scale 1", Tables: []*table{{Title: "On " + item, Note: "Note.", Columns: []string{"store", "figure"},
			Rows: []row{{Cells: []string{store, cell}, Turns: map[string][]float64{"figure": {1, 2, 3}}}}}}}
}

func TestOnePartIsMeasuredAnewAndTheRestIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "benchmarks.json")
	for _, p := range []part{measured("decode", "", "decoded"), measured("bulk", "postgres", "second"), measured("bulk", "sqlite", "stale"), measured("bulk", "sqlite", "fresh")} {
		r, err := readResults(file)
		if err != nil {
			t.Fatal(err)
		}
		r.put(p)
		if err := r.write(file); err != nil {
			t.Fatal(err)
		}
	}
	r, err := readResults(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Parts) != 3 || !slices.Equal(r.Parts[0].Tables[0].Rows[0].Turns["figure"], []float64{1, 2, 3}) {
		t.Fatalf("kept %+v", r.Parts)
	}
	text := r.report()
	last := -1
	for _, want := range []string{
		"## On bulk\n\nNote.\n\n- sqlite: measured 2026-05-01 08:00 UTC in 1m1s; scale 1; load when it began 0.10 0.20 0.30",
		"- postgres: measured", "| store | figure |\n| --- | --- |\n| sqlite | fresh |\n| postgres | second |\n",
		"## On decode", "- measured 2026-05-01", "|  | decoded |",
	} {
		at := strings.Index(text, want)
		if at <= last {
			t.Fatalf("%q at %d, after %d, in\n%s", want, at, last, text)
		}
		last = at
	}
	if strings.Count(text, "## On bulk") != 1 || strings.Contains(text, "stale") {
		t.Error(text)
	}
}
