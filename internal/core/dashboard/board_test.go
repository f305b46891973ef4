package dashboard

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
)

const good = `title: {vi: Toàn cảnh, en: Overview}
parameters: [area, period]
period: week
fill: true
areaBoard: ward
rotation: [health]
seconds: 20
sections:
  - title: {vi: Môi trường, en: Environment}
    width: 4
    columns: 2
    cards:
      - title: {vi: Nước, en: Water}
        link: environment
        widgets:
          - {kind: number, indicator: water-level, compare: [yesterday, plan]}
  - widgets:
      - {kind: series, indicators: [water-level, rain], compare: week, notes: true}
      - {kind: table, dataset: rain-reading, fields: [station, rain], filter: "rain > 5", limit: 10}
      - {kind: text, text: {vi: Ghi chú, en: Note}}
      - {kind: bars, indicator: requests, by: category}
`

func known() Known {
	d, err := dataset.Parse("rain-reading.yaml", []byte(`name: rain-reading
title: {vi: Mưa, en: Rain}
kind: register
schema:
  primaryKey: [station]
  fields:
    - {name: station, type: string}
    - {name: rain, type: number}
`))
	if err != nil {
		panic(err)
	}
	return Known{
		Indicator: func(n string) bool { return n == "water-level" || n == "rain" || n == "requests" || n == "share" },
		Splits: func(n string) (by []string, adds, ok bool) {
			switch n {
			case "requests":
				return []string{"category"}, true, true
			case "share":
				return []string{"category"}, false, true
			}
			return nil, true, n == "rain"
		},
		Board: func(n string) bool { return n == "ward" || n == "environment" || n == "health" },
		Dataset: func(n string) *dataset.Dataset {
			if n == "rain-reading" {
				return d
			}
			return nil
		},
	}
}

func TestABoardIsRead(t *testing.T) {
	b, err := Check("city.yaml", []byte(good), known())
	if err != nil {
		t.Fatalf("%v %v", err, problem.As(err).Violations)
	}
	if b.Period != "week" || !b.Fill || b.Seconds != 20 || !b.Takes("area") || b.Takes("agency") || b.Sections[0].Cards[0].Widgets[0].Compare[1] != "plan" || b.Sections[1].Width != 12 {
		t.Errorf("%+v", b)
	}
	n := 0
	b.Each(func(*Widget) { n++ })
	if n != 5 {
		t.Errorf("%d widgets", n)
	}
}

func TestFaultsStandAtTheirLines(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		line     int
		code     string
	}{
		"no English title":   {"{vi: Toàn cảnh, en: Overview}", "{vi: Toàn cảnh}", 1, "declaration-missing"},
		"unknown parameter":  {"[area, period]", "[area, perod]", 2, "declaration-word-near"},
		"unknown key":        {"fill:", "fil:", 4, "declaration-unknown-key-near"},
		"no such board":      {"areaBoard: ward", "areaBoard: wards", 5, "dashboard-no-board"},
		"no such rotation":   {"[health]", "[healthy]", 6, "dashboard-no-board"},
		"no such indicator":  {"indicator: water-level", "indicator: water-levels", 16, "dashboard-no-indicator"},
		"a kind misspelt":    {"kind: series", "kind: serie", 18, "declaration-word-near"},
		"no such field":      {"[station, rain]", "[station, rains]", 19, "dashboard-field-near"},
		"a filter":           {"rain > 5", "rain > > 5", 19, ""},
		"a filter's field":   {"rain > 5", "rains > 5", 19, ""},
		"no such dataset":    {"dataset: rain-reading", "dataset: rain-readings", 19, "dashboard-no-dataset"},
		"nothing to show":    {"dataset: rain-reading, fields: [station, rain], filter: \"rain > 5\", ", "", 19, "dashboard-table"},
		"widgets and cards":  {"    cards:\n", "    widgets: [{kind: alive}]\n    cards:\n", 9, "dashboard-section"},
		"a key of another":   {"compare: week, notes: true", "limit: 3", 18, "declaration-unknown-key"},
		"bars of a ratio":    {"indicator: requests", "indicator: share", 21, "dashboard-bars"},
		"bars by a field":    {"by: category", "by: categry", 21, "dashboard-field-near"},
		"bars of one part":   {"indicator: requests", "indicator: rain", 21, "dashboard-no-parts"},
		"a text in one tong": {"{vi: Ghi chú, en: Note}", "{en: Note}", 20, "declaration-missing"},
	} {
		text := strings.Replace(good, c.from, c.to, 1)
		if text == good {
			t.Fatalf("%s changes nothing", name)
		}
		_, err := Check("city.yaml", []byte(text), known())
		found := false
		if err != nil {
			for _, v := range problem.As(err).Violations {
				found = found || v.Position.Line == c.line && (c.code == "" || v.Code == c.code) && v.Position.Column > 0
			}
		}
		if !found {
			t.Errorf("%s: want %s at line %d, got %v", name, c.code, c.line, err)
			if err != nil {
				t.Log(problem.As(err).Violations)
			}
		}
	}
}

func TestManyWidgetsAreRefused(t *testing.T) {
	text := "title: {vi: a, en: b}\nsections:\n  - widgets:\n" + strings.Repeat("      - {kind: alive}\n", mostWidgets+1)
	if _, err := Parse("x", []byte(text)); err == nil {
		t.Error("accepted")
	}
}

// Whatever stands in a file, reading it ends with a board or with faults.
func TestNothingBreaksTheReader(t *testing.T) {
	lines := strings.SplitAfter(good, "\n")
	rapid.Check(t, func(t *rapid.T) {
		text := ""
		for range rapid.IntRange(0, 30).Draw(t, "n") {
			text += rapid.SampledFrom(lines).Draw(t, "line")
		}
		text += rapid.StringN(0, 20, 60).Draw(t, "tail")
		if b, err := Check("x", []byte(text), known()); err == nil && len(b.Sections) == 0 && b.Title == nil {
			t.Fatal("neither a board nor a fault")
		}
	})
}
