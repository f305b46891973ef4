package dataset

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"huong.city/huong/internal/core/declare"
	"huong.city/huong/internal/core/problem"
)

const level = `name: water-level
title: {vi: Mực nước sông, en: River water level}
kind: series
sector: environment
owner: snnmt
license: CC-BY-4.0
classification: open
schema:
  primaryKey: [station, observedAt]
  fields:
    - {name: level, type: number, unit: m, constraints: {minimum: -5, maximum: 20}}
    - {name: station, type: string, constraints: {required: true, maxLength: 8}}
    - {name: observedAt, type: datetime}
    - {name: state, type: string, categories: [low, {value: high, label: {vi: Cao}}]}
    - {name: seal, type: string, classification: restricted, constraints: {unique: true}}
  foreignKeys: [{fields: station, reference: {resource: water-station, fields: code}}]
place: {from: station}
time: observedAt
slaProperties: [{property: frequency, value: 10, unit: min}, {property: retention, value: 10, unit: y}]
quality:
  - {name: no-jump, dimension: accuracy, rule: "abs(level - previous(level)) <= 1.5", severity: warning}
  - {name: sane, dimension: accuracy, rule: "level < 50", severity: error}
sources:
  - name: upload
    type: file
    format: csv
    map: {station: MaTram, observedAt: "ThoiGian|dd/MM/yyyy HH:mm|Asia/Ho_Chi_Minh"}
    flags: [{name: dry, where: "level < 0", clear: [level], field: state}]
ngsi-ld: {type: WaterObserved, attributes: {level: waterLevel}}
`

func parsed(t *testing.T, s string) *Dataset {
	t.Helper()
	d, err := Parse("d.yaml", []byte(s))
	if err != nil {
		for _, v := range problem.As(err).Violations {
			t.Log(v.In("en"))
		}
		t.Fatal(err)
	}
	return d
}

func TestParse(t *testing.T) {
	d := parsed(t, level)
	if got := d.Title.In("en"); got != "River water level" {
		t.Errorf("title %q", got)
	}
	if f, _ := d.Field("observedAt"); !f.Constraints.Required {
		t.Error("a key field is required by being one")
	}
	m := d.Sources[0].Map["observedAt"]
	if m.Column != "ThoiGian" || m.Pattern != "dd/MM/yyyy HH:mm" || m.Zone != "Asia/Ho_Chi_Minh" {
		t.Errorf("short form %+v", m)
	}
	if _, ok := d.Outside["ngsi-ld"].(map[string]any); !ok {
		t.Errorf("outside %v", d.Outside)
	}
	if !slices.Equal(d.Schema.MissingValues, []string{""}) {
		t.Errorf("missing values %q", d.Schema.MissingValues)
	}
	for _, r := range d.Quality {
		if r.Expr == nil {
			t.Errorf("rule %s is not bound", r.Name)
		}
	}
	if short := parsed(t, strings.Replace(level, "{vi: Mực nước sông, en: River water level}", "Mực nước", 1)); short.Title["vi"] != "Mực nước" {
		t.Errorf("bare title %v", short.Title)
	}
}

// Every declaration of the repository is right, links to others that are there,
// and survives JSON.
func TestDeclarations(t *testing.T) {
	all := map[string]*Dataset{}
	for _, pattern := range []string{"../../repo/system/*.yaml", "../../../city/*/datasets/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Parse(file, b)
			if err != nil {
				for _, v := range problem.As(err).Violations {
					t.Error(v.In("en"))
				}
				continue
			}
			all[d.Name] = d
			again, err := FromJSON(d.JSON())
			if err != nil || !reflect.DeepEqual(stripped(d), stripped(again)) {
				t.Errorf("%s does not survive JSON: %v", file, err)
			}
			if changes := Compare(d, again); len(changes) > 0 {
				t.Errorf("%s differs from itself: %v", file, changes)
			}
			wellFormed(t, d)
		}
	}
	if len(all) < 25 {
		t.Errorf("only %d declarations found", len(all))
	}
	for name, d := range all {
		for _, v := range Links(d, func(n string) *Dataset { return all[n] }) {
			t.Errorf("%s: %s", name, v.In("en"))
		}
	}
}

func TestExamples(t *testing.T) {
	folders, _ := filepath.Glob("../../../examples/*")
	for _, folder := range folders {
		all := map[string]*Dataset{}
		files, _ := filepath.Glob(folder + "/datasets/*.yaml")
		for _, file := range files {
			b, _ := os.ReadFile(file)
			d, err := Parse(file, b)
			if err != nil {
				for _, v := range problem.As(err).Violations {
					t.Error(v.In("en"))
				}
				continue
			}
			all[d.Name] = d
			wellFormed(t, d)
		}
		for name, d := range all {
			for _, v := range Links(d, func(n string) *Dataset { return all[n] }) {
				t.Errorf("%s %s: %s", folder, name, v.In("en"))
			}
		}
		// A mapping file bears the name of its dataset, unless there is only one.
		maps, _ := filepath.Glob(folder + "/maps/*.yaml")
		for _, file := range maps {
			d := all[strings.TrimSuffix(filepath.Base(file), ".yaml")]
			for _, only := range all {
				if len(all) == 1 {
					d = only
				}
			}
			if d == nil {
				t.Errorf("%s: no dataset of this name", file)
				continue
			}
			b, _ := os.ReadFile(file)
			if _, err := ParseMappingFor(file, b, d); err != nil {
				for _, v := range problem.As(err).Violations {
					t.Error(v.In("en"))
				}
			}
		}
	}
}

// stripped leaves out the parsed rules: their offsets are not part of a declaration.
func stripped(d *Dataset) *Dataset {
	c := *d
	c.Quality = slices.Clone(d.Quality)
	for i := range c.Quality {
		c.Quality[i].Expr = nil
	}
	return &c
}

// wellFormed holds the two published documents against the rules of their
// standards: required properties, allowed words, no unknown keys where ODCS
// forbids them.
func wellFormed(t *testing.T, d *Dataset) {
	t.Helper()
	var r map[string]any
	if err := json.Unmarshal(d.Descriptor(), &r); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"name", "path", "schema"} { // Data Resource: required
		if r[k] == nil {
			t.Errorf("%s: descriptor lacks %s", d.Name, k)
		}
	}
	if r["type"] != "table" {
		t.Errorf("%s: descriptor is not tabular", d.Name)
	}
	s := r["schema"].(map[string]any)
	names := map[string]bool{}
	for _, f := range s["fields"].([]any) {
		f := f.(map[string]any)
		names[f["name"].(string)] = true
		if !slices.Contains(typeWords[:], f["type"].(string)) {
			t.Errorf("%s: type %v", d.Name, f["type"])
		}
		for _, c := range asList(f["categories"]) { // objects have value and label
			if m := c.(map[string]any); m["value"] == nil || m["label"] == nil {
				t.Errorf("%s: category %v", d.Name, c)
			}
		}
	}
	for _, k := range s["primaryKey"].([]any) { // v2: always an array
		if !names[k.(string)] {
			t.Errorf("%s: key %v", d.Name, k)
		}
	}
	for _, fk := range asList(s["foreignKeys"]) {
		ref := fk.(map[string]any)["reference"].(map[string]any)
		if ref["resource"] == "" || ref["resource"] == d.Name { // v2: absent for the table itself
			t.Errorf("%s: reference %v", d.Name, ref)
		}
	}

	contract := declare.ReadYAML("contract", d.Contract())
	if len(contract.Faults) > 0 {
		t.Fatalf("%s: contract is not YAML: %v\n%s", d.Name, contract.Faults, d.Contract())
	}
	keys := func(n *declare.Node, known string) {
		if n == nil {
			return
		}
		for _, p := range n.Pairs {
			if !slices.Contains(strings.Fields(known), p.Key) {
				t.Errorf("%s: contract has unknown key %s", d.Name, p.Key)
			}
		}
	}
	root := contract.Root
	keys(root, "apiVersion kind id name version status domain tags description schema support team slaProperties customProperties")
	for _, k := range []string{"apiVersion", "kind", "id", "version", "status"} { // ODCS: required
		if n := root.Get(k); n == nil || n.Text == "" {
			t.Errorf("%s: contract lacks %s", d.Name, k)
		}
	}
	if root.Get("apiVersion").Text != "v3.1.0" || root.Get("kind").Text != "DataContract" {
		t.Errorf("%s: contract version", d.Name)
	}
	for _, o := range root.Get("schema").Items {
		keys(o, "name physicalName logicalType physicalType businessName description properties relationships quality")
		for _, f := range o.Get("properties").Items {
			keys(f, "name businessName description logicalType logicalTypeOptions primaryKey primaryKeyPosition required unique classification tags items quality customProperties")
			if !slices.Contains(strings.Fields("string date timestamp time number integer object array boolean"), f.Get("logicalType").Text) {
				t.Errorf("%s: logical type %s", d.Name, f.Get("logicalType").Text)
			}
		}
		if q := o.Get("quality"); q != nil {
			for _, r := range q.Items { // a custom check names its engine and implementation
				if r.Get("type").Text != "custom" || r.Get("engine") == nil || r.Get("implementation") == nil {
					t.Errorf("%s: quality rule", d.Name)
				}
			}
		}
	}
	if q := root.Get("slaProperties"); q != nil {
		for _, p := range q.Items {
			keys(p, "property value unit")
		}
	}
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}

func TestPublished(t *testing.T) {
	d := parsed(t, level)
	for file, got := range map[string][]byte{"testdata/level.descriptor.json": d.Descriptor(), "testdata/level.contract.yaml": d.Contract()} {
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs:\n%s", file, got)
		}
	}
}

func TestLimits(t *testing.T) {
	bad := map[string][]byte{
		"size":            bytes.Repeat([]byte("# comment line\n"), 1<<17),
		"flow depth":      bytes.Repeat([]byte("["), 1<<20-1),
		"flow maps":       bytes.Repeat([]byte("{a: "), 1<<17),
		"sequence depth":  bytes.Repeat([]byte("- "), 1<<18),
		"question depth":  bytes.Repeat([]byte("? "), 1<<18),
		"block depth":     deepBlock(400),
		"billion laughs":  []byte("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"),
		"many keys":       bytes.Repeat([]byte("a: 1\n"), 1<<17),
		"NUL":             []byte("name: a\x00b\n"),
		"tab indentation": []byte("a:\n\t- b\n"),
	}
	for name, b := range bad {
		_, err := Parse("x.yaml", b)
		if problem.KindOf(err) != problem.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, s := range map[string]string{"depth": strings.Repeat("[", 100) + strings.Repeat("]", 100), "twice": `{"name":"a","name":"b"}`, "after": `{} {}`, "half": `{"name":`, "nothing": "", "text": "\"\xff\""} {
		if _, err := FromJSON([]byte(s)); problem.KindOf(err) != problem.Invalid {
			t.Errorf("JSON %s: %v", name, err)
		}
	}
	many := "name: a\n"
	for i := range 500 {
		many += "k" + strings.Repeat("x", i%50+3) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + ": 1\n"
	}
	_, err := Parse("x.yaml", []byte(many))
	if e := problem.As(err); len(e.Violations) != declare.MaxFaults || e.Args["count"] == "200" {
		t.Errorf("%d violations told of %s", len(e.Violations), e.Args["count"])
	}
}

func deepBlock(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.Bytes()
}

func FuzzParse(f *testing.F) {
	seed(f, "testdata/wrong/*.yaml", "../../repo/system/*.yaml", "../../../city/hue/datasets/water-*.yaml")
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse("f.yaml", b)
		if err != nil {
			if problem.KindOf(err) != problem.Invalid {
				t.Fatalf("kind of %v", err)
			}
			return
		}
		again, err := FromJSON(d.JSON())
		if err != nil {
			t.Fatalf("%v\n%s", err, d.JSON())
		}
		if !bytes.Equal(again.JSON(), d.JSON()) {
			t.Fatalf("%s\n%s", d.JSON(), again.JSON())
		}
		if _, err := Layout(d, nil); err != nil {
			t.Fatal(err)
		}
		if c := Compare(d, again); len(c) > 0 {
			t.Fatal(c)
		}
		d.Descriptor()
		d.Contract()
	})
}

func FuzzParseMapping(f *testing.F) {
	seed(f, "testdata/wrong-mapping/*.yaml", "../../../examples/*/maps/*.yaml")
	d, err := Parse("d.yaml", []byte(level))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := ParseMapping("f.yaml", b); err != nil && problem.KindOf(err) != problem.Invalid {
			t.Fatal(err)
		}
		if _, err := ParseMappingFor("f.yaml", b, d); err != nil && problem.KindOf(err) != problem.Invalid {
			t.Fatal(err)
		}
	})
}

func seed(f *testing.F, patterns ...string) {
	f.Add([]byte(level))
	for _, p := range patterns {
		files, _ := filepath.Glob(p)
		for _, file := range files {
			if b, err := os.ReadFile(file); err == nil {
				f.Add(b)
			}
		}
	}
}

// The areas of Huế hang together: every successor, predecessor and parent is
// there, and each former unit is the predecessor of its successor.
func TestHueAreas(t *testing.T) {
	rows := append(table(t, "areas.csv"), table(t, "areas-former.csv")...)
	areas := map[string]map[string]string{}
	for _, r := range rows {
		if areas[r["code"]] != nil {
			t.Errorf("area %s stands twice", r["code"])
		}
		areas[r["code"]] = r
	}
	former := 0
	for code, r := range areas {
		if p := r["parent"]; p != "" && areas[p] == nil {
			t.Errorf("%s: no parent %s", code, p)
		}
		if r["kind"] == "former" {
			former++
			if next := areas[r["successor"]]; next == nil || !slices.Contains(strings.Split(next["predecessors"], ","), code) {
				t.Errorf("%s does not succeed %s", r["successor"], code)
			}
		}
	}
	if len(areas) != 1+40+133 || former != 133 {
		t.Errorf("%d areas, %d former", len(areas), former)
	}
	agencies := map[string]bool{}
	list := table(t, "agencies.csv")
	for _, a := range list {
		agencies[a["code"]] = true
	}
	for _, a := range list {
		if a["parent"] != "" && !agencies[a["parent"]] || areas[a["area"]] == nil {
			t.Errorf("agency %s: parent %s, area %s", a["code"], a["parent"], a["area"])
		}
	}
	sectors := map[string]bool{}
	for _, s := range table(t, "sectors.csv") {
		sectors[s["code"]] = true
	}
	files, _ := filepath.Glob("../../../city/hue/datasets/*.yaml")
	used := map[string]bool{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Parse(file, b)
		if err != nil {
			t.Fatal(err)
		}
		used[d.Sector] = true
		if !sectors[d.Sector] || !agencies[d.Owner] {
			t.Errorf("%s: sector %s, owner %s", d.Name, d.Sector, d.Owner)
		}
		for _, f := range d.Schema.Fields {
			for _, lang := range []string{"vi", "en"} {
				if f.Title[lang] == "" || f.Description[lang] == "" {
					t.Errorf("%s.%s has no words in %s", d.Name, f.Name, lang)
				}
			}
		}
	}
	if len(used) != len(sectors) {
		t.Errorf("datasets in %d of %d sectors", len(used), len(sectors))
	}
}

func table(t *testing.T, name string) []map[string]string {
	t.Helper()
	b, err := os.ReadFile("../../../city/hue/" + name)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, l := range lines[1:] {
		r := map[string]string{}
		for i, h := range lines[0] {
			r[h] = l[i]
		}
		rows = append(rows, r)
	}
	return rows
}
