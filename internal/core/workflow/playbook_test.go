package workflow_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
)

var kinds = []string{"flood", "storm", "accident", "disease", "air", "power"}

func TestThePlaybooksOfTheCity(t *testing.T) {
	files, err := filepath.Glob("../../../city/hue/playbooks/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]int{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		p, err := workflow.ParsePlaybook(f, b, grant.Roles(), kinds)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range p.Kinds {
			have[k]++
			timed := slices.ContainsFunc(p.Steps, func(s workflow.PlaybookStep) bool { return s.Within > 0 && len(s.Roles) > 0 })
			if len(p.Steps) < 8 || !timed || p.Lead == "" {
				t.Errorf("%s: %d steps, timed with roles %t, lead %q", f, len(p.Steps), timed, p.Lead)
			}
		}
		if len(p.Stages) > 0 {
			have["stages"]++
		}
	}
	for _, k := range append(kinds, "stages") {
		if have[k] != 1 {
			t.Errorf("%d playbooks for %s", have[k], k)
		}
	}
}

func TestFaultsOfPlaybooks(t *testing.T) {
	const good = `name: flood
title: {vi: Lũ, en: Flood}
kinds: [flood]
steps:
  - {name: look, title: {vi: Xem, en: Look}, who: {vi: Trực, en: Duty}, phase: at-once, within: 10m, roles: [officer]}
`
	for _, c := range []struct{ name, old, new, want string }{
		{"nothing wrong", "", "", ""},
		{"a kind that is not there", "[flood]", "[floods]", "3:9 declaration-word-near"},
		{"a phase", "at-once", "soon", "5:80 declaration-word"},
		{"a line in one language", "{vi: Xem, en: Look}", "Xem", "5:25 declaration-missing"},
		{"a line twice", "  - {name: look", "  - {name: look, title: {vi: Xem, en: Look}, who: {vi: Trực, en: Duty}, phase: after}\n  - {name: look", "6:6 workflow-twice"},
		{"nothing to do", good[strings.Index(good, "steps:"):], "", "1:1 playbook-empty"},
		{"stages left out", good[strings.Index(good, "steps:"):], "stages:\n  - {stage: 2, title: {vi: Hai, en: Two}, means: {vi: Hai, en: Two}, tasks: []}\n", "5:6 playbook-stage-order"},
	} {
		_, err := workflow.ParsePlaybook("flood.yaml", []byte(strings.Replace(good, c.old, c.new, 1)), grant.Roles(), kinds)
		got := ""
		if err != nil {
			v := problem.As(err).Violations[0]
			got = fmt.Sprintf("%d:%d %s", v.Position.Line, v.Position.Column, v.Code)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
