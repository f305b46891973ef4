package ingest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// exampleCity opens a repository with the declarations of one example.
func exampleCity(t *testing.T, example string) *repo.Repository {
	t.Helper()
	files, err := filepath.Glob("../../../examples/" + example + "/datasets/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no declarations of example %s: %v", example, err)
	}
	var texts []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(b))
	}
	return city(t, texts...)
}

// TestExamples brings the real files of the examples in by their mappings,
// twice: every row is accounted for, and the second time nothing changes.
func TestExamples(t *testing.T) {
	const gso = "vietnam-statistics/gso_tables_2019.zip"
	type load struct {
		dataset, mapping, path, sheet string
		quarantined                   int64 // at most
		moving                        bool  // rows contradict each other, so that a repeat corrects back and forth
	}
	for _, c := range []struct {
		example string
		loads   []load
	}{
		{"boston-311", []load{{"service-request", "2011", "citizen-reports/boston_311_2011_h2.csv.gz", "", 10, false}, {"service-request", "2019", "citizen-reports/boston_311_2019_animals.csv.gz", "", 10, false}}},
		{"beijing-air", []load{{"air-quality", "air-quality", "environment/beijing_air_aotizhongxin.csv.gz", "", 0, false}}},
		{"birmingham-parking", []load{{"parking-occupancy", "parking-occupancy", "mobility/birmingham_parking.csv.gz", "", 600, false}}},
		{"i94-traffic", []load{{"traffic-volume", "traffic-volume", "mobility/i94_traffic_hourly.csv.gz", "", 40, true}, {"road-weather", "road-weather", "mobility/i94_traffic_hourly.csv.gz", "", 40, true}}},
		{"houston-crime", []load{{"offence", "offence", "public-order/houston_crime_2010.csv.gz", "", 900, true}}},
		{"gso", []load{
			{"hospital-beds", "hospital-beds", gso, "Number of patient beds under provincial departments of health by province.csv", 0, false},
			{"schools", "schools", gso, "Number of school of general education as of 30 September by province.csv", 0, false},
			{"population", "population", gso, "Average population by province.csv", 0, false},
			{"rainfall", "rainfall", gso, "Monthly rainfall at some stations.csv", 0, false},
			{"river-level", "river-level", gso, "Water level of some main rivers.csv", 0, false},
		}},
		{"vietnam-admin", []load{
			{"province", "province", "admin-units/provinces.csv", "", 0, false},
			{"ward", "ward", "admin-units/wards.csv", "", 0, false},
			{"hue-ward", "hue-ward", "admin-units/hue_wards.csv", "", 0, false},
			{"merger-text", "merger-text", "admin-units/wards_merger_text.json.gz", "", 0, false},
		}},
	} {
		t.Run(c.example, func(t *testing.T) {
			shared(t, c.loads[0].path)
			r := exampleCity(t, c.example)
			for _, l := range c.loads {
				b, err := os.ReadFile("../../../examples/" + c.example + "/maps/" + l.mapping + ".yaml")
				if err != nil {
					t.Fatal(err)
				}
				m, err := dataset.ParseMapping(l.mapping, b)
				if err != nil {
					t.Fatal(err)
				}
				m.Sheet = l.sheet
				file, _ := realFile(t, l.path)
				job := Job{Dataset: l.dataset, Files: []File{file}, Mapping: m}
				began := time.Now()
				s, err := Run(context.Background(), r, repo.Operator(), job)
				if err != nil {
					t.Errorf("%s: %v %v", l.dataset, err, problem.As(err).Violations)
					continue
				}
				exact(t, s)
				t.Logf("%s: %d read, %d accepted (%d updated), %d unchanged, %d quarantined %v, %d skipped, flags %v; %.0f rows/s; %v", l.dataset, s.Read, s.Accepted, s.Updated, s.Unchanged, s.Quarantined, s.Rules, s.Skipped, s.Flags, float64(s.Read)/time.Since(began).Seconds(), s.Files[0].Warnings)
				if s.Read == 0 || s.Quarantined > l.quarantined || len(s.Files[0].Warnings) > 0 {
					t.Errorf("%s: %+v", l.dataset, s)
				}
				if testing.Short() || l.moving {
					continue
				}
				rows, bad := count(t, r, l.dataset), count(t, r, "quarantine")
				again, err := Run(context.Background(), r, repo.Operator(), job)
				if err != nil || again.Accepted != 0 || count(t, r, l.dataset) != rows || count(t, r, "quarantine") != bad {
					t.Errorf("%s: a second import changed something: %v %+v", l.dataset, err, again)
				}
			}
		})
	}
}
