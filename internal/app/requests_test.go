package app

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/request"
	"huong.city/huong/internal/repo"
)

// What may be reported is put with the city, and by its own codes.
func TestTheCityDeclaresWhatMayBeReported(t *testing.T) {
	r := openCity(t)
	list := r.Definitions("requests")
	if len(list) != 1 || list[0].Name != "requests" {
		t.Fatalf("definitions: %v", list)
	}
	c, err := request.Parse("requests.yaml", []byte(list[0].Text))
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Entry(repo.Operator(), requestsDataset)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range e.Dataset.Schema.Fields {
		if f.Name != "category" {
			continue
		}
		var fields, codes []string
		for _, v := range f.Categories {
			fields = append(fields, fmt.Sprint(v.Value))
			k, ok := c.Category(fmt.Sprint(v.Value))
			if ok && (k.Title["vi"] != v.Label["vi"] || k.Title["en"] != v.Label["en"]) {
				t.Errorf("%s is named %v and %v", k.Code, k.Title, v.Label)
			}
		}
		for _, k := range c.Categories {
			codes = append(codes, k.Code)
		}
		slices.Sort(fields)
		slices.Sort(codes)
		if !slices.Equal(fields, codes) {
			t.Errorf("the dataset has %v, the catalogue %v", fields, codes)
		}
	}
}

// A catalogue by which something would reach nobody is refused with its lines,
// on a first dry run too, when nothing is stored yet.
func TestAWrongCatalogueIsRefusedWithItsLines(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"agencies.csv", "areas.csv", "sectors.csv"} {
		b, err := os.ReadFile(filepath.Join("../../city/hue", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile("../../city/hue/requests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Where{Data: t.TempDir(), Zone: zone}.Open(t.Context(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(t.Context()) })
	for _, c := range []struct{ name, old, new, code string }{
		{"nothing wrong", "", "", ""},
		{"an agency that is not there", "agency: huewaco", "agency: hue-water", "requests-agency-unknown"},
		{"a ward that was dissolved", "areas: [19753,", "areas: [19750,", "requests-area-unknown"},
		{"an unknown key", "    ward: true", "    wards: true", "declaration-unknown-key-near"},
	} {
		text := strings.Replace(string(b), c.old, c.new, 1)
		path := filepath.Join(folder, requestsFile)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		city, err := LoadCity(folder)
		if err != nil {
			t.Fatal(err)
		}
		_, err = city.ApplyRecords(t.Context(), r, repo.Operator(), true)
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: taken", c.name)
			continue
		}
		found := slices.ContainsFunc(problem.As(err).Violations, func(v problem.Violation) bool {
			return v.Code == c.code && v.Position.Line > 0 && v.Position.Column > 0 && v.Position.File == path
		})
		if !found {
			t.Errorf("%s: %v", c.name, problem.As(err).Violations)
		}
	}
}
