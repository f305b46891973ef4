package indicator_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/problem"
)

const requests = `
name: request
title: {vi: Phản ánh, en: Request}
kind: register
classification: open
schema:
  primaryKey: code
  fields:
    - {name: code, type: string, title: {vi: Mã, en: Code}}
    - {name: kind, type: string, title: {vi: Loại, en: Kind}, categories: [a, b]}
    - {name: note, type: string, title: {vi: Ghi, en: Note}}
    - {name: at, type: datetime, title: {vi: Lúc, en: At}}
    - {name: day, type: date, title: {vi: Ngày, en: Day}}
    - {name: n, type: integer, title: {vi: Số, en: Number}}
    - {name: phone, type: string, classification: personal, title: {vi: Máy, en: Phone}}
time: at
`

func find(t testing.TB) func(string) *dataset.Dataset {
	t.Helper()
	d, err := dataset.Parse("request.yaml", []byte(requests))
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) *dataset.Dataset {
		if name == d.Name {
			return d
		}
		return nil
	}
}

// TestFaults breaks one line of a good indicator at a time, and expects the fault
// by its code at its line.
func TestFaults(t *testing.T) {
	lines := []string{ // from line 5 of the file on
		"  - name: new", "    title: {vi: Mới, en: New}", "    dataset: request", "    measure: sum", "    of: n", "    area: false",
		"    grains: [day, hour]", "    good: down", "    target: 5", "    thresholds: {high: 9, low: 3}",
	}
	head := "title: {vi: Thử, en: Test}\nsector: environment\nowner: snnmt\nindicators:\n"
	for _, x := range []struct {
		line       int // 0 = none is broken, -1 = one more
		with, code string
		at         int
	}{
		{0, "", "", 0},
		{1, "  - name: Mới", "indicator-name", 5},
		{2, "    title: {vi: Mới}", "declaration-missing", 6},
		{3, "    dataset: requests", "indicator-dataset", 7},
		{4, "    measure: summ", "declaration-word-near", 8},
		{5, "    of: kind", "indicator-want-number", 9},
		{5, "    of: m", "indicator-field-near", 9},
		{5, "    of: phone", "indicator-personal", 9},
		{4, "    measure: count", "indicator-count-of", 8},
		{6, "    area: true", "indicator-no-place", 10},
		{7, "    grains: [day, year]", "declaration-word", 11},
		{7, "    grains: [day, total]", "indicator-total-alone", 11},
		{8, "    good: none", "indicator-target-good", 13},
		{10, "    thresholds: {high: 3, low: 9}", "indicator-thresholds", 14},
		{-1, "    filter: n > 'a'", "", 15},
		{-1, "    filter: previous(n) > 1", "declaration-previous-place", 15},
		{-1, "    filter: phone = '1'", "indicator-personal", 15},
		{-1, "    by: note", "indicator-by", 15},
		{-1, "    by: [kind, phone]", "indicator-personal", 15},
		{-1, "    time: n", "indicator-want-time", 15},
		{-1, "    time: day", "indicator-hour-date", 11},
		{-1, "    lag: soon", "indicator-lag", 15},
		{-1, "    since: at", "indicator-since-in", 5},
		{-1, "    past: true\n    over: 3", "indicator-over", 16},
		{-1, "    colour: red", "declaration-unknown-key", 15},
		{-1, "  - name: new\n    title: {vi: A, en: B}\n    dataset: request\n    measure: count\n    area: false\n    grains: total\n    good: none", "indicator-twice", 15},
	} {
		changed := slices.Clone(lines)
		switch {
		case x.line > 0:
			changed[x.line-1] = x.with
		case x.line < 0:
			changed = append(changed, x.with)
		}
		err := indicator.Check("f.yaml", []byte(head+strings.Join(changed, "\n")+"\n"), find(t))
		if x.line == 0 {
			if err != nil {
				t.Errorf("a good file: %v", err)
			}
			continue
		}
		found := ""
		p := problem.As(err)
		if err != nil {
			for _, v := range p.Violations {
				found += fmt.Sprintf("%d:%s ", v.Position.Line, v.Code)
			}
		}
		if !strings.Contains(found, fmt.Sprintf("%d:%s", x.at, x.code)) {
			t.Errorf("%q: found %q, want %d:%s", x.with, found, x.at, x.code)
		}
	}
}

// TestConditionPlace tells a fault inside a condition at its character.
func TestConditionPlace(t *testing.T) {
	text := "title: {vi: A, en: B}\nsector: s\nowner: o\nindicators:\n  - {name: a, title: {vi: A, en: B}, dataset: request, measure: count, area: false, grains: [day], good: none,\n     filter: n > 1 AND m = 2}\n"
	p := problem.As(indicator.Check("f.yaml", []byte(text), find(t)))
	if len(p.Violations) != 1 || p.Violations[0].Position.Line != 6 || p.Violations[0].Position.Column != 24 {
		t.Errorf("%+v, want one at 6:24", p.Violations)
	}
}

// FuzzCheck reads any text; what is accepted can be bound and read again.
func FuzzCheck(f *testing.F) {
	files, _ := filepath.Glob("../../../city/hue/indicators/*.yaml")
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("title: {vi: A, en: B}\nsector: s\nowner: o\nindicators:\n  - {name: a, title: {vi: A, en: B}, dataset: request, measure: count, area: false, grains: [day], good: none}\n"))
	find := find(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if indicator.Check("f.yaml", b, find) != nil {
			return
		}
		file, err := indicator.Parse("f.yaml", b)
		if err != nil {
			t.Fatalf("checked but not parsed: %v", err)
		}
		for _, d := range file.Definitions {
			if err := d.Complete(find); err != nil {
				t.Fatal(err)
			}
			for i := range d.Parts {
				ds := find(d.Parts[i].Dataset)
				table, err := dataset.Layout(ds, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := d.Parts[i].Bind(ds, table, d.Area, d.By); err != nil {
					t.Fatalf("checked but not bound: %v", err)
				}
			}
		}
	})
}
