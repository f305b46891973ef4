package indicator_test

import (
	"os"
	"path/filepath"
	"testing"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/indicator"
)

// TestCity checks the indicators of Huế against its datasets: at least forty, of
// all six sectors, no name twice.
func TestCity(t *testing.T) {
	datasets := map[string]*dataset.Dataset{}
	files, err := filepath.Glob("../../../city/hue/datasets/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d datasets, %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		d, err := dataset.Parse(f, b)
		if err != nil {
			t.Fatal(err)
		}
		datasets[d.Name] = d
	}
	find := func(name string) *dataset.Dataset { return datasets[name] }
	names, sectors := map[string]string{}, map[string]int{}
	files, _ = filepath.Glob("../../../city/hue/indicators/*.yaml")
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := indicator.Check(path, b, find); err != nil {
			t.Error(err)
		}
		f, err := indicator.Parse(path, b)
		if err != nil {
			continue
		}
		for _, d := range f.Definitions {
			if other := names[d.Name]; other != "" {
				t.Errorf("%s is declared in %s and in %s", d.Name, other, path)
			}
			names[d.Name] = path
			sectors[d.Sector]++
			if err := d.Complete(find); err != nil {
				t.Error(err)
			}
		}
	}
	if len(names) < 40 || len(sectors) != 6 {
		t.Errorf("%d indicators of sectors %v; want at least 40 of six", len(names), sectors)
	}
}
