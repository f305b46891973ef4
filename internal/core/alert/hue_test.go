package alert_test

import (
	"os"
	"path/filepath"
	"testing"

	"huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
)

// The city's own rules fit its datasets.
func TestRulesOfHue(t *testing.T) {
	files, err := filepath.Glob("../../../city/hue/alerts/*.yaml")
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	find := func(name string) *dataset.Dataset {
		path := "../../../city/hue/datasets/" + name + ".yaml"
		b, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		d, err := dataset.Parse(path, b)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	seen := map[string]bool{}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := alert.Check(filepath.Base(path), b, find); err != nil {
			for _, v := range problem.As(err).Violations {
				t.Errorf("%s %s %s", v.Position, v.Field, v.In("en"))
			}
			continue
		}
		f, _ := alert.Parse(filepath.Base(path), b)
		for _, r := range f.Rules {
			if seen[r.Name] {
				t.Errorf("%s stands in two files", r.Name)
			}
			seen[r.Name] = true
		}
	}
}
