package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
)

func TestDatePattern(t *testing.T) {
	for _, c := range []struct{ pattern, in, want string }{
		{"dd/MM/yyyy HH:mm", "01/07/2011 08:05", "2011-07-01 08:05:00.000000"},
		{"dd/MM/yyyy", "1/7/2011", "2011-07-01 00:00:00.000000"},
		{"d/M/yy", "1/7/69", "2069-07-01 00:00:00.000000"},
		{"d/M/yy", "1/7/70", "1970-07-01 00:00:00.000000"},
		{"yyyyMMddHHmmss", "20110701080509", "2011-07-01 08:05:09.000000"},
		{"yyyyMMdd", "2011071", ""},
		{"yyyy-MM-dd HH:mm:ss.SSS", "2011-07-01 08:05:09.5", "2011-07-01 08:05:09.500000"},
		{"h:mm a", "12:05 AM", "0000-01-01 00:05:00.000000"},
		{"h:mm a", "1:05 CH", "0000-01-01 13:05:00.000000"},
		{"h:mm a", "13:05 PM", ""},
		{"'ngày' dd 'tháng' MM 'năm' yyyy", "ngày 05 tháng 09 năm 2025", "2025-09-05 00:00:00.000000"},
		{"EEE, dd MMM yyyy", "Fri, 01 Jul 2011", "2011-07-01 00:00:00.000000"},
		{"MMMM d, yyyy", "July 4, 2011", "2011-07-04 00:00:00.000000"},
		{"yyyy-MM-dd'T'HH:mmXXX", "2011-07-01T08:05+07:00", "2011-07-01 08:05:00.000000+25200"},
		{"yyyy-MM-dd'T'HH:mmX", "2011-07-01T08:05Z", "2011-07-01 08:05:00.000000+0"},
		{"dd/MM/yyyy", "31/02/2011", ""}, {"dd/MM/yyyy", "29/02/2012", "2012-02-29 00:00:00.000000"},
		{"dd/MM/yyyy", "01/13/2011", ""}, {"dd/MM/yyyy", "01/07/2011x", ""}, {"dd/MM/yyyy", "", ""}, {"HH:mm", "24:00", ""},
		{"''yy", "'11", "2011-01-01 00:00:00.000000"},
	} {
		p, ok := compilePattern(c.pattern)
		if !ok {
			t.Errorf("%s does not compile", c.pattern)
			continue
		}
		m, ok := p.parse(c.in)
		got := ""
		if ok {
			got = fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d.%06d", m.year, m.month, m.day, m.hour, m.minute, m.second, m.micros)
			if m.zoned {
				got += fmt.Sprintf("%+d", m.offset)
			}
		}
		if got != c.want {
			t.Errorf("%s of %q: got %q want %q", c.pattern, c.in, got, c.want)
		}
	}
	for _, bad := range []string{"", "yyyyy", "dd/MM/yyyy 'open", "hh:mm", "abc", "ddd", "yyy"} {
		if _, ok := compilePattern(bad); ok {
			t.Errorf("%q compiles", bad)
		}
	}
}

func TestLocalTime(t *testing.T) {
	for _, c := range []struct {
		zone, in string
		want     string
	}{
		{"Asia/Ho_Chi_Minh", "2026-07-01T08:00:00", "2026-07-01T01:00:00Z"},
		{"America/New_York", "2011-11-06T00:59:59", "2011-11-06T04:59:59Z"},
		{"America/New_York", "2011-11-06T01:30:00", "twice"},
		{"America/New_York", "2011-11-06T02:00:00", "2011-11-06T07:00:00Z"},
		{"America/New_York", "2011-03-13T02:30:00", "gap"},
		{"America/New_York", "2011-03-13T03:00:00", "2011-03-13T07:00:00Z"},
		{"Europe/London", "2016-10-30T01:15:00", "twice"},
		{"Australia/Lord_Howe", "2026-04-05T01:45:00", "twice"},
		{"Asia/Ho_Chi_Minh", "2026-07-01T08:00:00+00:00", "2026-07-01T08:00:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		m, ok := parseISO(c.in)
		if !ok {
			t.Fatal(c.in)
		}
		micros, fault := m.instant(zone)
		got := time.UnixMicro(micros).UTC().Format(time.RFC3339)
		switch fault {
		case localGap:
			got = "gap"
		case localTwice:
			got = "twice"
		}
		if got != c.want {
			t.Errorf("%s in %s: got %s want %s", c.in, c.zone, got, c.want)
		}
	}
}

// TestLocalTimeAgrees: what the wall clock of any instant shows is read back as
// that instant, or is told to be ambiguous.
func TestLocalTimeAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"America/New_York", "Europe/London", "Asia/Ho_Chi_Minh", "Australia/Lord_Howe", "Pacific/Apia"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(0, 2_000_000_000).Draw(t, "at"), 0)
		m, ok := parseISO(at.In(zone).Format("2006-01-02T15:04:05"))
		if !ok {
			t.Fatal(at)
		}
		if micros, fault := m.instant(zone); fault == localGap || fault == localFine && micros != at.UnixMicro() {
			t.Fatalf("%v: %v %d", at, fault, micros)
		}
	})
}

// mapperOf compiles a declaration and a mapping, both YAML.
func mapperOf(t testing.TB, declaration, mapping string) *mapper {
	t.Helper()
	d, err := dataset.Parse("d.yaml", []byte(declaration))
	if err != nil {
		t.Fatal(err)
	}
	table, err := dataset.Layout(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := record.Compile(d, table)
	if err != nil {
		t.Fatal(err)
	}
	var m *dataset.Mapping
	if mapping != "" {
		if m, err = dataset.ParseMapping("m.yaml", []byte(mapping)); err != nil {
			t.Fatal(err)
		}
	}
	mp, err := compile(d, table, s, m)
	if err != nil {
		t.Fatal(err)
	}
	return mp
}

// mapText maps a CSV text: one line a record, as JSON, or its faults.
func mapText(t testing.TB, mp *mapper, m *dataset.Mapping, text string) string {
	t.Helper()
	src, err := Open(bytesFile("f.csv", []byte(text)), m, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := src.NextTable(); err != nil {
		t.Fatal(err)
	}
	b, err := mp.bind(src.Columns(), false)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.absent) > 0 {
		return "absent " + strings.Join(b.absent, "; ")
	}
	var out strings.Builder
	var columns []int
	for i, c := range mp.table.Columns {
		if !c.Derived {
			columns = append(columns, i)
		}
	}
	for {
		var row Row
		if src.Next(&row) != nil {
			break
		}
		mp.apply(b, &row, src.Position(0), func() []value.Value { return make([]value.Value, mp.table.Width()) }, func(m mapped) {
			switch {
			case m.skipped != "":
				out.WriteString(m.skipped + "\n")
			case len(m.faults) > 0:
				for _, v := range m.faults {
					fmt.Fprintf(&out, "!%s %s %d:%d ", v.Code, v.Field, v.Position.Line, v.Position.Column)
				}
				out.WriteString(m.rawJSON() + "\n")
			default:
				out.Write(mp.schema.AppendJSON(nil, m.row, columns))
				if len(m.flags) > 0 {
					out.WriteString(" " + strings.Join(m.flags, ","))
				}
				out.WriteString("\n")
			}
		})
	}
	return out.String()
}

const mappingDeclaration = `
name: thing
title: {vi: Thử, en: Thing}
kind: register
owner: snnmt
classification: open
schema:
  primaryKey: id
  fields:
    - {name: id, type: string, constraints: {required: true}}
    - {name: at, type: datetime}
    - {name: day, type: date}
    - {name: level, type: number, constraints: {maximum: 1000}}
    - {name: kind, type: string}
    - {name: lon, type: number, constraints: {minimum: -180, maximum: 180}}
    - {name: lat, type: number, constraints: {minimum: -90, maximum: 90}}
    - {name: doubt, type: list}
place: {longitude: lon, latitude: lat}
`

func TestMapping(t *testing.T) {
	for _, c := range []struct{ name, mapping, in, want string }{
		{"by name", "", "id,level\n a ,1.5\n", `{"id":" a ","at":null,"day":null,"level":1.5,"kind":null,"lon":null,"lat":null,"doubt":null}` + "\n"},
		{"everything", `
missingValues: ["", NA]
map:
  id: {columns: [a, b], join: "-"}
  at: "When|dd/MM/yyyy HH:mm|Asia/Ho_Chi_Minh"
  day: {template: "{y}-{m:02}-{d:02}", pattern: yyyy-MM-dd}
  level: {column: L, scale: 0.1, decimalChar: ",", groupChar: "."}
  kind: {column: K, codes: kinds, empty: ["-"]}
codes: {kinds: {fold: true, values: {"phường": ward, "XÃ": commune}}}
`, "a,b,When,y,m,d,L,K\nx,y,01/07/2026 07:00,2026,7,1,\"1.234,5\",Xa\nz,NA,NA,2026,NA,1,NA,-\nq,,,,,,\"12.34,5\",quận\n",
			`{"id":"x-y","at":"2026-07-01T00:00:00Z","day":"2026-07-01","level":123.45,"kind":"commune","lon":null,"lat":null,"doubt":null}` + "\n" +
				`{"id":"z","at":null,"day":null,"level":null,"kind":null,"lon":null,"lat":null,"doubt":null}` + "\n" +
				`!intake-number level 4:7 !intake-code kind 4:8 {"a":"q","b":"","When":"","y":"","m":"","d":"","L":"12.34,5","K":"quận"}` + "\n"},
		{"flags and skip", `
map: {id: n, lon: x, lat: y}
ignore: ["*"]
skip: ["n = 'TOTAL'"]
flags:
  - {name: default-point, where: "lon = -71.0587 AND lat = 42.3594", field: doubt, clear: [lon, lat]}
  - {name: no-level, where: "level IS NULL", field: doubt}
`, "n,x,y\n1,-71.0587,42.3594\nTOTAL,0,0\n",
			`{"id":"1","at":null,"day":null,"level":null,"kind":null,"lon":null,"lat":null,"doubt":["default-point","no-level"]} default-point,no-level` + "\nskip-1\n"},
		{"swapped", "map: {id: n, lon: x, lat: y}\n", "n,x,y\n1,16.46,107.59\n2,500,16\n",
			`{"id":"1","at":null,"day":null,"level":null,"kind":null,"lon":107.59,"lat":16.46,"doubt":null} swapped-coordinates` + "\n" +
				`!value-maximum lon 3:2 {"n":"2","x":"500","y":"16"}` + "\n"},
		{"vn-2000", "map:\n  id: n\n  lon: {columns: [x, y], crs: EPSG:9214, of: x}\n  lat: {columns: [x, y], crs: EPSG:9214, of: y}\n", "n,x,y\n1,,\n2,bad,1\n",
			`{"id":"1","at":null,"day":null,"level":null,"kind":null,"lon":null,"lat":null,"doubt":null}` + "\n" +
				`!intake-number lon 3:2 !intake-number lat 3:2 {"n":"2","x":"bad","y":"1"}` + "\n"},
		{"unpivot", `
missingValues: ["", ".."]
unpivot: {columns: '^(?:Prel\. )?(?P<year>\d{4})$', value: v}
map: {id: {columns: [name, year], join: "/"}, level: v}
skip: ["name = 'ALL'"]
`, "name,2001,Prel. 2002\nHue,1,2000\nALL,1,2\nX,..,5\n",
			`{"id":"Hue/2001","at":null,"day":null,"level":1,"kind":null,"lon":null,"lat":null,"doubt":null}` + "\n" +
				`!value-maximum level 2:3 {"name":"Hue","year":"2002","v":"2000"}` + "\n" +
				"skip-1\nskip-1\nno-value\n" +
				`{"id":"X/2002","at":null,"day":null,"level":5,"kind":null,"lon":null,"lat":null,"doubt":null}` + "\n"},
		{"pad, strip, lower, const", "map:\n  id: {column: n, pad: 5}\n  kind: {column: k, strip: '^Ward ', lower: true}\n  level: {const: 7}\n", "n,k\n2124.0,Ward XY\n",
			`{"id":"02124","at":null,"day":null,"level":7,"kind":"xy","lon":null,"lat":null,"doubt":null}` + "\n"},
		{"required column missing", "map: {id: ma}\n", "name\nx\n", "absent id (ma)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mp := mapperOf(t, mappingDeclaration, c.mapping)
			m, _ := dataset.ParseMapping("m.yaml", []byte(c.mapping))
			if got := mapText(t, mp, m, c.in); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestMappingFaultsAllAtOnce(t *testing.T) {
	mp := mapperOf(t, mappingDeclaration, "")
	minus := -1.0
	_, err := compile(mp.dataset, mp.table, mp.schema, &dataset.Mapping{
		Map: map[string]dataset.FieldMap{
			"nope": {Column: "a"}, "at": {Column: "a", Pattern: "dd/MM/yyyy"}, "day": {Column: "a", Pattern: "qq"},
			"kind": {Column: "a", Codes: "none", Strip: "("}, "id": {Column: "a", Scale: &minus}, "lon": {Column: "a", CRS: "EPSG:9214"}, "level": {Const: "x"},
		},
		Skip:  []string{"a ="},
		Flags: []dataset.Flag{{Name: "f", Where: "nope = 1"}, {Name: "g", Where: "level > 1", Field: "level"}},
	})
	if e := problem.As(err); e.Kind != problem.Invalid || len(e.Violations) < 11 {
		t.Errorf("%d violations: %v", len(e.Violations), e.Violations)
	}
}

func FuzzDatePattern(f *testing.F) {
	f.Add("dd/MM/yyyy HH:mm:ss.SSS a", "01/07/2011 08:05:09.5 AM")
	f.Add("yyyyMMdd'T'X", "20110701TZ")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if p, ok := compilePattern(pattern); ok {
			if m, ok := p.parse(text); ok {
				m.instant(time.UTC)
			}
		}
		parseISO(text)
	})
}

func fuzzSource(f *testing.F, name string, m *dataset.Mapping, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		out, _ := dump(t, bytesFile(name, b), m, Limits{Cell: 1 << 12, Row: 1 << 14, Floor: 1 << 20, Unpacked: 1 << 22, Spool: 1 << 20})
		if len(out) > 1<<26 {
			t.Fatal("grew out of bounds")
		}
	})
}

func FuzzCSV(f *testing.F) {
	fuzzSource(f, "f.csv", &dataset.Mapping{Footer: `^\*`}, "a,b\n1,2\n", "a;b\r\n\"x\ny\";\"\"\"\"\r\n*", "\xef\xbb\xbfa\tb\n\"1", "\xff\xfea\x00")
}

func FuzzJSON(f *testing.F) {
	fuzzSource(f, "f.json", &dataset.Mapping{Map: map[string]dataset.FieldMap{"f": {Column: "/a/b"}}}, `[{"a":1}]`, `{"a":[1],"b":[2]}`, `{"d":[{"a":{"b":1}}]}`, "{\"a\":1}\n{\"a\":2}")
}

func FuzzGeoJSON(f *testing.F) {
	fuzzSource(f, "f.geojson", nil, `{"type":"FeatureCollection","features":[{"type":"Feature","id":1,"properties":{"a":1},"geometry":null}]}`, `{"type":"Feature","properties":{},"geometry":null}`)
}

func FuzzXLSX(f *testing.F) {
	seeds := []string{}
	for _, sheet := range []string{
		`<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>a</v></c><c r="B1" t="inlineStr"><is><t>b</t></is></c></row><row r="2"><c r="A2" s="0"><v>44197.5</v></c><c r="B2" t="b"><v>1</v></c></row></sheetData></worksheet>`,
		`<worksheet><sheetData><row><c t="s"><v>0</v></c></row><row r="5"><c r="ZZZ9"><v>1e308</v></c></row></sheetData></worksheet>`,
	} {
		seeds = append(seeds, sheet)
	}
	for _, s := range seeds {
		f.Add([]byte(s), []byte(`<sst><si><t>x</t></si></sst>`), []byte(`<styleSheet><numFmts><numFmt numFmtId="200" formatCode="dd/mm"/></numFmts><cellXfs><xf numFmtId="200"/></cellXfs></styleSheet>`))
	}
	f.Fuzz(func(t *testing.T, sheet, shared, styles []byte) {
		b := zipOf(t, map[string]string{
			"xl/workbook.xml":            `<workbook xmlns:r="x"><sheets><sheet name="s" r:id="r1"/></sheets></workbook>`,
			"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Target="s.xml"/></Relationships>`,
			"xl/s.xml":                   string(sheet), "xl/sharedStrings.xml": string(shared), "xl/styles.xml": string(styles),
		})
		dump(t, bytesFile("f.xlsx", b), nil, Limits{Cell: 1 << 12, Row: 1 << 14, Unpacked: 1 << 22})
	})
}
