package alert_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
)

const stationYAML = `name: water-station
title: {vi: Trạm, en: Station}
kind: register
classification: open
schema:
  primaryKey: code
  fields:
    - {name: code, type: string}
    - {name: name, type: string}
    - {name: keeper, type: string, classification: personal}
    - {name: alarm1, type: number}
    - {name: alarm2, type: number}
    - {name: alarm3, type: number}
`

const levelYAML = `name: water-level
title: {vi: Mực nước, en: Water level}
kind: series
classification: open
time: observedAt
schema:
  primaryKey: [station, observedAt]
  fields:
    - {name: station, type: string}
    - {name: observedAt, type: datetime}
    - {name: level, type: number}
    - {name: watcher, type: string, classification: personal}
  foreignKeys: [{fields: station, reference: {resource: water-station, fields: code}}]
`

const routes = `title: {vi: Sông, en: Rivers}
owner: dkttv
routes:
  high:
    - {level: ward, to: ["role:officer@{area}", "agency:{owner}"], within: 10 min}
    - {level: city, to: ["role:leader@46"], within: 20 min}
  medium: [{level: ward, to: ["role:officer@{area}"], within: 30 min}]
  low: [{level: ward, to: ["role:officer@{area}"], within: 2 h}]
`

const river = `alerts:
  - name: river-level
    kind: threshold
    title: {vi: "Sông tại {station.name} {value} {unit}", en: "River at {station.name} {value} {unit}"}
    advice: {vi: Theo dõi và báo dân., en: Watch and warn.}
    dataset: water-level
    value: level
    unit: m
    hysteresis: 0.1
    clearFor: 30 min
    cause: flood
    levels: {high: station.alarm3, medium: station.alarm2, low: {at: station.alarm1}}
`

func datasets(t testing.TB) func(string) *dataset.Dataset {
	all := map[string]*dataset.Dataset{}
	for _, y := range []string{stationYAML, levelYAML} {
		d, err := dataset.Parse("t.yaml", []byte(y))
		if err != nil {
			t.Fatal(err, problem.As(err).Violations)
		}
		all[d.Name] = d
	}
	return func(name string) *dataset.Dataset { return all[name] }
}

func TestParse(t *testing.T) {
	if err := alert.Check("rivers.yaml", []byte(routes+river), datasets(t)); err != nil {
		t.Fatal(err, problem.As(err).Violations)
	}
	f, err := alert.Parse("rivers.yaml", []byte(routes+river))
	if err != nil {
		t.Fatal(err)
	}
	r := f.Rules[0]
	if r.Owner != "dkttv" || r.Cause != "flood" || r.ClearFor != 30*time.Minute || len(r.Levels) != 3 || r.Levels[2].Field != "alarm3" || r.Levels[2].Via != "station" {
		t.Errorf("read %+v", r)
	}
	if route := r.RouteOf(alert.High); len(route) != 2 || route[1].Level != "city" || route[0].Within != 10*time.Minute {
		t.Errorf("route %+v", route)
	}
	if !strings.HasPrefix(r.Text, "  - name: river-level") || !strings.HasSuffix(r.Text, "alarm1}}") {
		t.Errorf("text of the rule: %q", r.Text)
	}
}

// Each fault is told at the line and column where it stands.
func TestFaults(t *testing.T) {
	for _, c := range []struct{ was, is, want string }{
		{"kind: threshold", "kind: treshold", "declaration-word-near 11:11"},
		{"name: river-level", "name: River Level", "alert-name 10:11"},
		{"clearFor: 30 min", "clearFor: half an hour", "alert-span 18:15"},
		{"clearFor: 30 min", "bucket: hour", "alert-key-of-kind 18:5"},
		{"hysteresis: 0.1", "hysteresis: -0.1", "alert-negative 17:17"},
		{"value: level", "value: level +", "cql2-expected-operand 15:19"},
		{"value: level", "value: lvel", "cql2-unknown-property 15:12"},
		{"value: level", "filter: \"level > 'a'\"", "declaration-missing 10:5 cql2-incomparable 15:13"},
		{"dataset: water-level", "dataset: water", "alert-dataset 14:14"},
		{"station.alarm3", "3", ""},
		{"high: station.alarm3, medium: station.alarm2", "high: 2, medium: 3", "alert-level-order 20:14"},
		{"station.alarm3", "station.alarm9", "alert-field 10:5"},
		{"station.alarm3", "station.name", "alert-field-number 10:5"},
		{"station.alarm3", "level.alarm3", "alert-reference 20:20"},
		{"{vi: Theo dõi và báo dân., en: Watch and warn.}", "{vi: Gọi {watcher}, en: Call}", "declaration"},
		{"{vi: Theo dõi và báo dân., en: Watch and warn.}", `{vi: "Gọi {watcher}", en: Call}`, "alert-personal 13:18"},
		{"{vi: Theo dõi và báo dân., en: Watch and warn.}", `{vi: "Gọi {station.keeper}", en: Call}`, "alert-personal 10:5"},
		{"{vi: Theo dõi và báo dân., en: Watch and warn.}", `{vi: "Gọi {nobody}", en: Call}`, "alert-placeholder 13:18"},
		{"{vi: Theo dõi và báo dân., en: Watch and warn.}", "Theo dõi.", "declaration-missing 13:13"},
		{"{level: city, to: [\"role:leader@46\"]", "{level: city, to: [\"everybody\"]", "alert-address 6:25"},
		{"{level: city, ", "{level: ward, ", ""},
		{"within: 20 min", "within: 20 s", "alert-span 6:53"},
	} {
		text := strings.Replace(routes+river, c.was, c.is, 1)
		if text == routes+river {
			t.Fatalf("%q does not stand in the file", c.was)
		}
		var got []string
		if err := alert.Check("r.yaml", []byte(text), datasets(t)); err != nil {
			for _, v := range problem.As(err).Violations {
				got = append(got, fmt.Sprintf("%s %d:%d", v.Code, v.Position.Line, v.Position.Column))
				if v.In("vi") == v.Code || v.In("en") == v.Code {
					t.Errorf("%s has no words", v.Code)
				}
			}
		}
		if text := strings.Join(got, " "); text != c.want && (c.want != "declaration" || text == "") {
			t.Errorf("%s: faults %q, want %q", c.is, text, c.want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte(routes + river))
	f.Add([]byte("alerts: [{name: a, kind: seasonal, levels: {high: {at: 3}}}]"))
	f.Add([]byte("routes: {high: 3, low: [{to: [x]}]}\nalerts: [1, null, []]"))
	find := datasets(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		err := alert.Check("f.yaml", b, find)
		if err == nil {
			if file, err := alert.Parse("f.yaml", b); err != nil || file == nil {
				t.Fatal("checked but not read")
			}
			return
		}
		p := problem.As(err)
		if p.Kind != problem.Invalid || len(p.Violations) == 0 {
			t.Fatalf("a fault without a place: %v", err)
		}
		for _, v := range p.Violations {
			if v.Position.Line < 1 || v.Position.Column < 1 {
				t.Fatalf("%s stands nowhere: %+v", v.Code, v.Position)
			}
		}
	})
}
