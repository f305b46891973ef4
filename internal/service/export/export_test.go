package export

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store/sqlite"
)

const declaration = `
name: thing
title: {vi: Thử, en: Thing}
kind: register
classification: open
schema:
  primaryKey: id
  missingValues: ["", NA]
  fields:
    - {name: id, type: string, constraints: {required: true}}
    - {name: text, type: string}
    - {name: count, type: integer}
    - {name: level, type: number}
    - {name: yes, type: boolean}
    - {name: day, type: date}
    - {name: at, type: datetime}
    - {name: hour, type: time}
    - {name: year, type: year}
    - {name: tags, type: list}
    - {name: extra, type: object}
    - {name: lon, type: number}
    - {name: lat, type: number}
place: {longitude: lon, latitude: lat}
`

func city(t testing.TB, rows ...string) *repo.Repository {
	t.Helper()
	ctx := context.Background()
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{WriterCache: 8 << 10, ReaderCache: 2 << 10})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	r, err := repo.Open(ctx, repo.Config{Driver: d, Now: func() time.Time { return at }, Zone: time.FixedZone("+07", 7*3600)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(ctx) })
	ds, err := dataset.Parse("d.yaml", []byte(declaration))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Plan(ctx, repo.Operator(), []*dataset.Dataset{ds})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Apply(ctx, repo.Operator(), plan); err != nil {
		t.Fatal(err)
	}
	e, err := r.Entry(repo.Operator(), "thing")
	if err != nil {
		t.Fatal(err)
	}
	req := &commit.Request{}
	for _, text := range rows {
		row := make([]value.Value, e.Table.Width())
		var fields map[string]any
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			t.Fatal(err)
		}
		for name, v := range fields {
			c, _ := e.Schema.Column(name)
			parsed, bad := e.Schema.ParseAny(c, v)
			if bad != nil {
				t.Fatal(bad)
			}
			row[c] = parsed
		}
		req.Changes = append(req.Changes, commit.Change{Dataset: "thing", Op: commit.Put, Row: row})
	}
	if len(rows) > 0 {
		if _, err := r.Commit(ctx, repo.Operator(), req); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

var rows = []string{
	`{"id":"a,1","text":" say \"hi\"\n=1+1 ","count":"9007199254740993","level":1.5,"yes":true,"day":"2026-07-01","at":"2026-07-01T00:00:00.5Z","hour":"08:05:00","year":2026,"tags":["x","y"],"extra":{"k":1},"lon":107.5,"lat":16.4}`,
	`{"id":"b"}`,
	`{"id":"=cmd","text":"=HYPERLINK(\"x\")","day":"1850-01-01"}`,
}

func write(t testing.TB, r *repo.Repository, q repo.Query, format string, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if q.Dataset == "" {
		q.Dataset = "thing"
	}
	if err := WriteWith(context.Background(), r, repo.Operator(), q, format, o, &b); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.Bytes()
}

func TestText(t *testing.T) {
	r := city(t, rows...)
	fields := []string{"id", "text", "count", "yes", "day", "at", "tags"}
	got := string(write(t, r, repo.Query{Fields: fields}, "csv", Options{BOM: true}))
	want := "\uFEFFid,text,count,yes,day,at,tags\r\n=cmd,\"=HYPERLINK(\"\"x\"\")\",,,1850-01-01,,\r\n" +
		"\"a,1\",\" say \"\"hi\"\"\n=1+1 \",9007199254740993,true,2026-07-01,2026-07-01T00:00:00.500Z,\"x,y\"\r\nb,,,,,,\r\n"
	if got != want {
		t.Errorf("csv\n%q\nwant\n%q", got, want)
	}
	if got := string(write(t, r, repo.Query{Fields: []string{"text"}}, "csv", Options{})); !strings.HasSuffix(got, "\r\n\"\"\r\n") {
		t.Errorf("one column: %q", got)
	}
	var list []map[string]any
	if err := json.Unmarshal(write(t, r, repo.Query{}, "json", Options{}), &list); err != nil || len(list) != 3 || list[1]["level"] != 1.5 || len(list[0]) != 13 {
		t.Errorf("json %v %v", err, list)
	}
	if n := bytes.Count(write(t, r, repo.Query{}, "ndjson", Options{}), []byte("\n")); n != 3 {
		t.Errorf("%d lines of ndjson", n)
	}
	var c struct {
		Type     string
		Features []struct {
			ID         string
			Geometry   map[string]any
			Properties map[string]any
		}
	}
	if err := json.Unmarshal(write(t, r, repo.Query{Fields: []string{"text"}}, "geojson", Options{}), &c); err != nil {
		t.Fatal(err)
	}
	if c.Type != "FeatureCollection" || len(c.Features) != 3 || c.Features[1].ID != "a~11" || c.Features[1].Geometry["type"] != "Point" || c.Features[0].Geometry != nil || len(c.Features[1].Properties) != 1 {
		t.Errorf("geojson %+v", c)
	}
}

func TestEmpty(t *testing.T) {
	r := city(t)
	for _, format := range Formats() {
		b := write(t, r, repo.Query{}, format, Options{})
		if (len(b) == 0) != (format == "ndjson") || ContentType(format) == "" {
			t.Errorf("%s: %q", format, b)
		}
	}
	var b bytes.Buffer
	err := Write(context.Background(), r, repo.Operator(), repo.Query{Dataset: "thing"}, "pdf", &b)
	if problem.As(err).Code != "export-format" {
		t.Errorf("%v", err)
	}
	err = Write(context.Background(), r, repo.Operator(), repo.Query{Dataset: "thing", Fields: []string{"a", "b"}}, "csv", &b)
	if len(problem.As(err).Violations) != 2 {
		t.Errorf("%v", err)
	}
	err = Write(context.Background(), r, repo.Public(), repo.Query{Dataset: "quarantine"}, "csv", &b)
	if err == nil || b.Len() > 0 {
		t.Errorf("%v %q", err, b.String())
	}
}

func TestWorkbook(t *testing.T) {
	r := city(t, rows...)
	f, err := excelize.OpenReader(bytes.NewReader(write(t, r, repo.Query{}, "xlsx", Options{})))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for cell, want := range map[string]string{"A1": "id", "A2": "=cmd", "B2": `=HYPERLINK("x")`, "F2": "1850-01-01", "C3": "9007199254740993", "D3": "1.5", "E3": "TRUE", "F3": "2026-07-01", "G3": "2026-07-01 07:00:00", "J3": "x,y", "I3": "2026"} {
		if got, err := f.GetCellValue("data", cell); err != nil || got != want {
			t.Errorf("%s: got %q want %q %v", cell, got, want, err)
		}
		if formula, _ := f.GetCellFormula("data", cell); formula != "" {
			t.Errorf("%s is a formula", cell)
		}
	}
	if p, err := f.GetPanes("data"); err != nil || !p.Freeze || p.YSplit != 1 {
		t.Errorf("header not frozen: %+v", p)
	}
}

func TestParquet(t *testing.T) {
	r := city(t, rows...)
	b := write(t, r, repo.Query{}, "parquet", Options{})
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() != 3 {
		t.Errorf("%d rows", f.NumRows())
	}
	var names []string
	for _, field := range f.Schema().Fields() {
		names = append(names, field.Name()+" "+field.Type().String())
	}
	want := "id STRING,text STRING,count INT(64,true),level DOUBLE,yes BOOLEAN,day DATE,at TIMESTAMP(isAdjustedToUTC=true,unit=MICROS),hour STRING,year INT(64,true),tags JSON,extra JSON,lon DOUBLE,lat DOUBLE,geometry BYTE_ARRAY"
	if got := strings.Join(names, ","); got != want {
		t.Errorf("schema\n%s\nwant\n%s", got, want)
	}
	geo, ok := f.Lookup("geo")
	if !ok || geo != `{"columns":{"geometry":{"bbox":[107.5,16.4,107.5,16.4],"encoding":"WKB","geometry_types":["Point"]}},"primary_column":"geometry","version":"1.1.0"}` {
		t.Errorf("geo %s", geo)
	}
	rd := f.RowGroups()[0].Rows()
	defer rd.Close()
	got := make([]parquet.Row, 3)
	if n, err := rd.ReadRows(got); n != 3 || err != nil && err != io.EOF {
		t.Fatal(n, err)
	}
	row := got[1]
	if row[2].Int64() != 9007199254740993 || row[5].Int32() != 20635 || row[6].Int64() != 1782864000500000 || !got[2][2].IsNull() || len(row[13].ByteArray()) != 21 {
		t.Errorf("%v", row)
	}
}
