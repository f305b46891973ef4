package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/quality"
)

const tides = `
name: tide
title: {vi: Triều, en: Tide}
kind: series
classification: open
schema:
  primaryKey: [station, observedAt]
  fields:
    - {name: station, type: string}
    - {name: observedAt, type: datetime}
    - {name: level, type: number}
    - {name: observer, type: integer, classification: personal}
time: observedAt
quality:
  - {name: no-jump, dimension: accuracy, rule: "abs(level - previous(level)) <= 1.5", severity: warning, description: {vi: Không nhảy vọt., en: No jump.}}
  - {name: same-observer, dimension: consistency, rule: "observer = previous(observer)", severity: warning}
`

func TestQuality(t *testing.T) {
	s := start(t, nil)
	d, err := dataset.Parse("tide.yaml", []byte(tides))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.repo.Plan(t.Context(), repo.Operator(), []*dataset.Dataset{d})
	if err == nil {
		_, err = s.repo.Apply(t.Context(), repo.Operator(), plan)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.repo.Follow(quality.NewFindings(s.repo))
	var rows []string
	for i := range 6 {
		rows = append(rows, fmt.Sprintf(`{"station":"a b","observedAt":"2025-10-01T0%d:00:00Z","level":%d,"observer":%d}`, i, 2*i, 70+i))
	}
	s.must(200, "POST", "/api/v1/datasets/tide/records", s.writer, "["+strings.Join(rows, ",")+"]")
	head, err := s.repo.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for at := int64(0); at < head.Seq; <-tick.C {
		if at, err = s.repo.FollowerSaved(t.Context(), quality.Name); err != nil {
			t.Fatal(err)
		}
	}
	const path = "/api/v1/datasets/tide/quality"
	r := s.must(200, "GET", path+"?limit=3&lang=en", "", "")
	if r.doc["complete"] != true || r.doc["seq"] != float64(head.Seq) {
		t.Errorf("%s", r.body)
	}
	rules := r.at("rules").([]any)
	first, second := rules[0].(map[string]any), rules[1].(map[string]any)
	if first["name"] != "no-jump" || first["count"] != 5.0 || first["hidden"] != false || first["description"] != "No jump." {
		t.Errorf("%v", first)
	}
	if second["count"] != 5.0 || second["hidden"] != true {
		t.Errorf("%v", second)
	}
	found := r.at("findings").([]any)
	one := found[0].(map[string]any)
	if len(found) != 3 || one["key"] != "a b,2025-10-01T05:00:00Z" || one["time"] != "2025-10-01T05:00:00Z" || one["rule"] != "no-jump" ||
		fmt.Sprint(one["values"]) != "map[level:10]" || fmt.Sprint(one["previous"]) != "map[level:8 observedAt:2025-10-01T04:00:00Z]" {
		t.Errorf("%v", found)
	}
	s.must(200, "GET", one["url"].(string), "", "")
	if strings.Contains(r.body, "observer\":7") || strings.Contains(r.body, "75") {
		t.Errorf("a personal value is shown: %s", r.body)
	}
	rest := s.must(200, "GET", path+"?limit=3&cursor="+url.QueryEscape(r.doc["next"].(string)), "", "")
	if n := len(rest.at("findings").([]any)); n != 2 || rest.doc["next"] != nil {
		t.Errorf("the second page has %d findings: %s", n, rest.body)
	}
	all := s.must(200, "GET", path+"?rule=same-observer", s.writer, "")
	if n := len(all.at("findings").([]any)); n != 5 || !strings.Contains(all.body, `"values":{"observer":75}`) {
		t.Errorf("who may see it sees %s", all.body)
	}
	s.must(400, "GET", path+"?rule=high", "", "")
	s.must(400, "GET", path+"?cursor=x", "", "")
	s.must(401, "GET", "/api/v1/datasets/happening/quality", "", "")
}
