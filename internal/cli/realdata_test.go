package cli

import (
	"archive/zip"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/real-data.md")

// realImport is one real file, or several, and what must become of every row.
type realImport struct {
	example, dataset, mapping, files                string // files: below the data; ARCHIVE.zip!MEMBER is taken out first
	read, accepted, unchanged, quarantined, skipped int
	flags                                           string // in the order of the summary
	reasons                                         string // of quarantine
	skips                                           string // why rows are no records
}

var realImports = []realImport{
	{"boston-311", "service-request", "2011", "citizen-reports/boston_311_2011_h2.csv.gz", 58251, 58247, 0, 4, 0, "default-point=4775 missing-place=2829", "intake-time-twice=4", ""},
	{"boston-311", "service-request", "2019", "citizen-reports/boston_311_2019_animals.csv.gz", 8928, 8928, 0, 0, 0, "", "", ""},
	{"beijing-air", "air-quality", "air-quality", "environment/beijing_air_*.csv.gz", 420768, 420768, 0, 0, 0, "", "", ""},
	{"vietnam-health", "notifiable-disease", "notifiable-disease", "health/vietnam_notifiable_diseases_monthly.csv.gz", 619104, 619104, 0, 0, 0, "", "", ""},
	{"vietnam-admin", "province", "province", "admin-units/provinces.csv", 34, 34, 0, 0, 0, "", "", ""},
	{"vietnam-admin", "ward", "ward", "admin-units/wards.csv", 3321, 3321, 0, 0, 0, "", "", ""},
	{"vietnam-admin", "former-ward", "former-ward", "admin-units/wards_before_2025-07.csv.gz", 10035, 10035, 0, 0, 0, "", "", ""},
	{"vietnam-admin", "ward-change", "ward-change", "admin-units/ward_mapping_old_to_new.csv.gz", 10602, 10597, 0, 5, 0, "", "value-required=5", ""},
	{"vietnam-admin", "ward-change-check", "ward-change-check", "admin-units/ward_mapping_old_to_new_b.csv.gz", 10977, 10034, 0, 943, 0, "", "value-required=943", ""},
	{"vietnam-admin", "ward-seat", "ward-seat", "admin-units/wards_2025-07_population_seat.csv.gz", 3321, 3321, 0, 0, 0, "", "", ""},
	{"vietnam-admin", "hue-ward", "hue-ward", "admin-units/hue_wards.csv", 40, 40, 0, 0, 0, "", "", ""},
	{"vietnam-admin", "merger-text", "merger-text", "admin-units/wards_merger_text.json.gz", 3355, 3355, 0, 0, 0, "", "", ""},
	{"birmingham-parking", "parking-occupancy", "parking-occupancy", "mobility/birmingham_parking.csv.gz", 35717, 35489, 216, 12, 0, "", "value-minimum=12", ""},
	{"i94-traffic", "traffic-volume", "traffic-volume", "mobility/i94_traffic_hourly.csv.gz", 48204, 40571, 7623, 10, 0, "", "intake-time-twice=10", ""},
	{"i94-traffic", "road-weather", "road-weather", "mobility/i94_traffic_hourly.csv.gz", 48204, 48169, 15, 20, 0, "", "intake-time-twice=10 value-minimum=10", ""},
	{"houston-crime", "offence", "offence", "public-order/houston_crime_2010.csv.gz", 86314, 85739, 575, 0, 0, "outside-city=211", "", ""},
	{"gso", "hospital-beds", "hospital-beds", "vietnam-statistics/gso_tables_2019.zip!gso_06082019/Health, Culture and Living Standard/Number of patient beds under provincial departments of health by province.csv", 5325, 4693, 0, 0, 632, "", "", "no-value=632"},
	{"gso", "schools", "schools", "vietnam-statistics/gso_tables_2019.zip!gso_06082019/Education/Number of school of general education as of 30 September by province.csv", 6390, 5742, 0, 0, 648, "", "", "no-value=648"},
	{"gso", "population", "population", "vietnam-statistics/gso_tables_2019.zip!gso_06082019/Population and Employment/Average population by province.csv", 7810, 7630, 0, 0, 180, "", "", "no-value=180"},
	{"gso", "rainfall", "rainfall", "vietnam-statistics/gso_tables_2019.zip!gso_06082019/Administrative Unit, Land and Climate/Monthly rainfall at some stations.csv", 2700, 2613, 0, 0, 87, "", "", "no-value=87"},
	{"gso", "river-level", "river-level", "vietnam-statistics/gso_tables_2019.zip!gso_06082019/Administrative Unit, Land and Climate/Water level of some main rivers.csv", 540, 528, 0, 0, 12, "", "", "no-value=12"},
}

// TestRealData imports files that others made, twice: every row is accounted
// for, and the second time nothing changes.
func TestRealData(t *testing.T) {
	shared := os.Getenv("HUONG_SHARED")
	if shared == "" {
		shared = "../../../shared"
	}
	shared, err := filepath.Abs(filepath.Join(shared, "data"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(shared); err != nil {
		t.Skip("NO REAL DATA: neither HUONG_SHARED nor ../shared beside the project holds it; nothing was tested")
	}
	// The race detector makes a million rows ten times as slow and finds here
	// what the tests of the parts find: the program itself is built without.
	binary := os.Getenv("HUONG_PROGRAM") // as scripts/test built it
	if binary == "" {
		binary = filepath.Join(t.TempDir(), "huong")
		if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/huong").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	huong := func(t *testing.T, args ...string) string {
		t.Helper()
		out, err := exec.Command(binary, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("huong %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	folders := map[string]string{}
	var table strings.Builder
	for _, c := range realImports {
		t.Run(c.example+"/"+c.mapping, func(t *testing.T) {
			example := filepath.Join("../../examples", c.example)
			if folders[c.example] == "" {
				folders[c.example] = filepath.Join(filepath.Dir(binary), c.example)
				huong(t, "apply", example, "--data", folders[c.example])
			}
			files := realFiles(t, shared, c.files)
			args := append([]string{"import", c.dataset}, files...)
			args = append(args, "--data", folders[c.example], "--map", filepath.Join(example, "maps", c.mapping+".yaml"))
			first := huong(t, args...)
			want := map[string]int{"read": c.read, "accepted": c.accepted, "unchanged": c.unchanged, "quarantined": c.quarantined, "skipped": c.skipped}
			for name, n := range want {
				if got := counted(t, first, name); got != n {
					t.Errorf("%s=%d, want %d\n%s", name, got, n, first)
				}
			}
			if got := named(first, "flagged"); c.flags != "" && got != c.flags {
				t.Errorf("flags %q, want %q", got, c.flags)
			}
			if got := named(first, "quarantined for"); got != c.reasons {
				t.Errorf("reasons %q, want %q", got, c.reasons)
			}
			if got := named(first, "skipped for"); got != c.skips {
				t.Errorf("skipped %q, want %q", got, c.skips)
			}
			if c.read != c.accepted+c.unchanged+c.quarantined+c.skipped {
				t.Errorf("%d rows read do not add up", c.read)
			}
			second := huong(t, args...)
			if counted(t, second, "accepted") != 0 || counted(t, second, "unchanged") != c.accepted+c.unchanged {
				t.Errorf("the second import: %s", second)
			}
			fmt.Fprintf(&table, "| %s | `%s` | %d | %d | %d | %d | %d | %s | 0 |\n", filepath.Base(c.files), c.example+"/"+c.dataset, c.read, c.accepted, c.unchanged, c.quarantined, c.skipped,
				strings.Join(strings.Fields(c.reasons+" "+c.skips+" "+named(first, "flagged")), " "))
		})
	}
	t.Run("areas", func(t *testing.T) {
		folders["hue"] = filepath.Join(filepath.Dir(binary), "hue")
		huong(t, "apply", "../../city/hue", "--data", folders["hue"])
		args := []string{"areas", "import", filepath.Join(shared, "admin-units/hue_wards.geojson"), "--data", folders["hue"]}
		if out := huong(t, args...); counted(t, out, "accepted") != 40 || counted(t, out, "quarantined") != 0 {
			t.Error(out)
		}
		if out := huong(t, args...); counted(t, out, "accepted") != 0 || counted(t, out, "unchanged") != 40 {
			t.Errorf("the second import: %s", out)
		}
		table.WriteString("| hue_wards.geojson | borders of `city/hue` | 40 | 40 | 0 | 0 | 0 |  | 0 |\n")
	})
	for _, folder := range folders {
		if out := huong(t, "verify", "--data", folder); !strings.Contains(out, "faults=0") {
			t.Errorf("verify: %s", out)
		}
	}
	if *update && !t.Failed() {
		if err := os.WriteFile("../../docs/real-data.md", []byte(realDataHead+table.String()+realDataReports), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// realFiles finds what a pattern names below the real data.
func realFiles(t *testing.T, shared, pattern string) []string {
	t.Helper()
	archive, member, packed := strings.Cut(pattern, "!")
	files, err := filepath.Glob(filepath.Join(shared, archive))
	if err != nil || len(files) == 0 {
		t.Fatalf("no file %s", archive)
	}
	if !packed {
		return files
	}
	z, err := zip.OpenReader(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	b, err := fs.ReadFile(z, member)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), path.Base(member))
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{file}
}

const realDataHead = `# What real files did

Files that others made, with their dirt, imported by the mappings in
` + "`examples/`" + `. Every row is accounted for; *changed again* is how many records a
second import of the same file changes. A test holds these figures. A row of a
wide table counts once for each of its cells; *no-value* is a cell that is blank
or holds the table's mark for nothing.

| file | dataset | rows | accepted | unchanged | quarantined | skipped | reasons and flags | changed again |
|---|---|---|---|---|---|---|---|---|
`

const realDataReports = `
## Boston's reports through the desk

The 58,251 requests of July to December 2011, on the wards of Huế: a place is moved
by an affine map, the smallest box around all places of the file onto the box around
the centres of the wards; the geocoder's default point is no place; Boston's reasons
become categories of Huế. Tests hold these figures (` + "`" + `TestBostonIsBroughtInAsHistory` + "`" + `,
` + "`" + `TestBostonIsSentThroughGeoReport` + "`" + ` in ` + "`" + `internal/app` + "`" + `, ` + "`" + `TestDuplicatesOfBoston` + "`" + ` in
` + "`" + `internal/core/nearby` + "`" + `); under the race detector the first two take a part, and all
with ` + "`" + `HUONG_FULL=1` + "`" + `.

| what | figure |
|---|---|
| brought in as history, each with a timeline | 58,251 of 58,251: 54,570 closed, 3,681 open; the first 2,000 again: unchanged |
| read back: opened, due and closed as the file has them | 58,251 of 58,251 |
| in time or late as the file says, of those with target and closing | 43,821 of 43,821 (35,591 in time; the 157 without a word were all late) |
| sent through ` + "`" + `POST /open311/v2/requests.json` + "`" + `, form-encoded, eight at once, one in fifty twice | 10,000 of 10,000, each once; 31 wards, 39 agencies, none without an agency |
| of these without a place, or moved beyond every ward | 1,774: they wait for a place |
| labelled duplicates among the first five suggestions, October to December | 0.786 of 1,378; false offers 0.244 of 25,045 |

Measured on 23 November 2026 on two cores that others used too, at the lowest
priority: 285 a second as history, 71 a second by POST.
`

func counted(t *testing.T, out, name string) int {
	t.Helper()
	m := regexp.MustCompile(`(?m)\b` + name + `=(\d+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no %s in %s", name, out)
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// named gathers the summary's lines "  flagged NAME: N".
func named(out, kind string) string {
	var list []string
	for _, m := range regexp.MustCompile(`(?m)^  `+kind+` (\S+): (\d+)$`).FindAllStringSubmatch(out, -1) {
		list = append(list, m[1]+"="+m[2])
	}
	return strings.Join(list, " ")
}
