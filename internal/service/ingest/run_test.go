package ingest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/sqlite"
)

// city opens an empty repository with declarations applied.
func city(t testing.TB, declarations ...string) *repo.Repository {
	t.Helper()
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{WriterCache: 8 << 10, ReaderCache: 2 << 10})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	var ticks atomic.Int64
	now := func() time.Time { return at.Add(time.Duration(ticks.Add(1)) * time.Millisecond) }
	r, err := repo.Open(context.Background(), repo.Config{Driver: d, Now: now, Zone: time.FixedZone("", 7*3600)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	var ds []*dataset.Dataset
	for _, text := range declarations {
		d, err := dataset.Parse("d.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, d)
	}
	plan, err := r.Plan(context.Background(), repo.Operator(), ds)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Apply(context.Background(), repo.Operator(), plan); err != nil {
		t.Fatal(err)
	}
	return r
}

const stations = `
name: station
title: {vi: Trạm, en: Station}
kind: register
classification: open
schema:
  primaryKey: code
  fields:
    - {name: code, type: string, constraints: {required: true}}
    - {name: name, type: string, constraints: {required: true, unique: true}}
    - {name: level, type: number, constraints: {minimum: 0}}
`

const readings = `
name: reading
title: {vi: Số đo, en: Reading}
kind: series
classification: open
schema:
  primaryKey: [station, at]
  fields:
    - {name: station, type: string, constraints: {required: true}}
    - {name: at, type: datetime, constraints: {required: true}}
    - {name: level, type: number, constraints: {minimum: -5, maximum: 20}}
  foreignKeys:
    - {fields: [station], reference: {resource: station, fields: [code]}}
time: at
`

func textFile(name, text string) File { return bytesFile(name, []byte(text)) }

func runJob(t testing.TB, r *repo.Repository, name, text string, m *dataset.Mapping) Summary {
	t.Helper()
	s, err := Run(context.Background(), r, repo.Operator(), Job{Dataset: name, Files: []File{textFile(name+".csv", text)}, Mapping: m})
	if err != nil {
		t.Fatal(err)
	}
	exact(t, s)
	return s
}

func exact(t testing.TB, s Summary) {
	t.Helper()
	if s.Read != s.Accepted+s.Unchanged+s.Quarantined+s.Skipped {
		t.Errorf("accounts do not add up: %+v", s)
	}
	for _, n := range s.Skips {
		s.Skipped -= n
	}
	if s.Skipped != 0 {
		t.Errorf("%d rows were skipped for no stated reason: %+v", s.Skipped, s)
	}
}

func count(t testing.TB, r *repo.Repository, name string) (n int64) {
	t.Helper()
	page, err := r.Read(context.Background(), repo.Internal(), repo.Query{Dataset: name, Count: true}, func(repo.Record) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return page.Matched
}

func open(t testing.TB, r *repo.Repository) (ids []string, texts map[string]string) {
	t.Helper()
	texts = map[string]string{}
	_, err := r.Read(context.Background(), repo.Operator(), repo.Query{Dataset: "quarantine"}, func(rec repo.Record) error {
		id := strings.Clone(textOf(rec, "id"))
		ids = append(ids, id)
		c, _ := rec.Entry.Schema.Column("line")
		texts[id] = fmt.Sprintf("%s %s %s:%d %s", textOf(rec, "state"), textOf(rec, "rule"), textOf(rec, "file"), rec.Values[c].Int(), textOf(rec, "raw"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids, texts
}

func holds(texts map[string]string, want string) bool {
	for _, s := range texts {
		if s == want {
			return true
		}
	}
	return false
}

func TestRun(t *testing.T) {
	r := city(t, stations, readings)
	s := runJob(t, r, "station", "code,name,level\nA,Kim Long,1\nB,Bảng Lãng,2\nB,Bảng Lãng,2\nC,Kim Long,3\nD,,1\nE,Phú Ốc,-1\nB,Bảng Lãng,5\n", nil)
	if s.Read != 7 || s.Accepted != 3 || s.Updated != 1 || s.Unchanged != 1 || s.Quarantined != 3 {
		t.Errorf("%+v", s)
	}
	_, texts := open(t, r)
	for _, want := range []string{
		`open value-required station.csv:6 {"code":"D","name":"","level":"1"}`,
		`open value-minimum station.csv:7 {"code":"E","name":"Phú Ốc","level":"-1"}`,
		`open unique-taken station.csv:5 {"code":"C","name":"Kim Long","level":"3"}`,
	} {
		if !holds(texts, want) {
			t.Errorf("no %s among %v", want, texts)
		}
	}
	if n := count(t, r, "station"); n != 2 {
		t.Errorf("%d stations", n)
	}
	// B had the level 2, then 5: an import of the file again first corrects it
	// back, so that only a file without contradictions is a fixed point.
	text := "station,at,level\nA,2026-01-01T00:00:00Z,1\nX,2026-01-01T00:00:00Z,1\nA,2026-01-01T00:00:00Z,1\nA,2026-01-01T01:00:00Z,99\nA,bad,1\nB,2026-01-01T00:00:00Z,2\n"
	s = runJob(t, r, "reading", text, nil)
	if s.Read != 6 || s.Accepted != 2 || s.Unchanged != 1 || s.Quarantined != 3 || s.Rules["reference-missing"] != 1 {
		t.Errorf("%+v", s)
	}
	rows, bad := count(t, r, "reading"), count(t, r, "quarantine")
	s = runJob(t, r, "reading", text, nil)
	if s.Accepted != 0 || s.Unchanged != 3 || s.Quarantined != 3 || count(t, r, "reading") != rows || count(t, r, "quarantine") != bad {
		t.Errorf("a second import changed something: %+v", s)
	}
	if n := count(t, r, "import"); n < 2 {
		t.Errorf("%d imports", n)
	}
}

// A file that contradicts itself ends at its last word, and says nothing new
// the second time; another file may take the old value up again.
func TestRunTwiceOverAFileThatContradictsItself(t *testing.T) {
	r := city(t, stations)
	text := "code,name,level\nA,a,1\nB,b,1\nA,a,2\nB,b,1\nA,a,3\n"
	first := runJob(t, r, "station", text, nil)
	if first.Accepted != 4 || first.Updated != 2 || first.Unchanged != 1 {
		t.Fatalf("first: %+v", first)
	}
	for range 2 {
		head, _ := r.Head(context.Background())
		again := runJob(t, r, "station", text, nil)
		if again.Accepted != 0 || again.Unchanged != 5 {
			t.Errorf("again: %+v", again)
		}
		_, err := r.Read(context.Background(), repo.Operator(), repo.Query{Dataset: "station"}, func(rec repo.Record) error {
			if rec.Version > head.Seq {
				t.Errorf("%v was written again", rec.Values)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	other := runJob(t, r, "station", "code,name,level\nA,a,1\n", nil)
	if other.Updated != 1 {
		t.Errorf("another file: %+v", other)
	}
}

func TestRunRefusesWrongLayout(t *testing.T) {
	r := city(t, stations)
	s, err := Run(context.Background(), r, repo.Operator(), Job{Dataset: "station", Files: []File{textFile("f.csv", "ma,ten\n1,2\n")}})
	e := problem.As(err)
	if e.Code != "intake-columns-missing" || len(e.Violations) != 2 || s.State != "failed" || s.Read != 0 {
		t.Errorf("%v %+v", err, s)
	}
	s, err = Run(context.Background(), r, repo.Operator(), Job{Dataset: "station", Files: []File{textFile("f.csv", "code,name,extra\n1,2,3\n")}})
	if err != nil || len(s.Files) != 1 || len(s.Files[0].Warnings) != 1 || s.Files[0].Warnings[0].Code != "intake-column-unknown" {
		t.Errorf("%v %+v", err, s)
	}
	if _, err = Run(context.Background(), r, repo.Public(), Job{Dataset: "station", Files: []File{textFile("f.csv", "code,name\n1,2\n")}}); problem.KindOf(err) != problem.Unauthenticated {
		t.Errorf("the public may import: %v", err)
	}
}

func TestRunCancelled(t *testing.T) {
	r := city(t, stations)
	ctx, cancel := context.WithCancel(context.Background())
	var b strings.Builder
	b.WriteString("code,name\n")
	for i := range 20_000 {
		fmt.Fprintf(&b, "c%d,n%d\n", i, i)
	}
	n := 0
	s, err := Run(ctx, r, repo.Operator(), Job{Dataset: "station", Files: []File{{Name: "f.csv", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(b.String()[:b.Len()/2]), readerFunc(func([]byte) (int, error) {
			if n++; n == 1 {
				cancel()
			}
			return 0, io.EOF
		}))), nil
	}}}})
	exact(t, s)
	if err != context.Canceled || s.State != "cancelled" {
		t.Errorf("%v %+v", err, s)
	}
	if got := count(t, r, "station"); got != s.Accepted {
		t.Errorf("%d records, accounts say %d", got, s.Accepted)
	}
	rec, err := r.Get(context.Background(), repo.Operator(), "import", []value.Value{value.OfText(s.ID)}, 0)
	if err != nil || textOf(rec, "state") != "cancelled" {
		t.Errorf("%v %v", err, rec)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestRecords(t *testing.T) {
	for _, c := range []struct{ kind, body string }{
		{"application/json", `[{"code":"A","name":"x","level":1},{"code":"B","name":"x"},{"code":"C","name":null},{"code":"D","name":"d","level":"no"},{"code":"A","name":"x","level":1},{"code":"A","name":"x","level":2}]`},
		{"application/x-ndjson", "{\"code\":\"A\",\"name\":\"x\",\"level\":1}\n{\"code\":\"B\",\"name\":\"x\"}\n{\"code\":\"C\",\"name\":null}\n{\"code\":\"D\",\"name\":\"d\",\"level\":\"no\"}\n{\"code\":\"A\",\"name\":\"x\",\"level\":1}\n{\"code\":\"A\",\"name\":\"x\",\"level\":2}\n"},
		{"text/csv; charset=utf-8", "code,name,level\nA,x,1\nB,x,\nC,,\nD,d,no\nA,x,1\nA,x,2\n"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			r := city(t, stations)
			var got []string
			s, err := Records(context.Background(), r, repo.Operator(), "station", commit.Header{Source: "test"}, c.kind, strings.NewReader(c.body), func(o Outcome) error {
				text := fmt.Sprintf("%d %s %v", o.Row, o.Result, o.Version > 0)
				for _, v := range o.Violations {
					text += " " + v.Code
				}
				got = append(got, text)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			exact(t, s)
			want := []string{"0 created true", "1 quarantined false unique-taken", "2 quarantined false value-required", "3 quarantined false value-number", "4 unchanged false", "5 updated true"}
			if len(got) != len(want) {
				t.Fatalf("got %q", got)
			}
			if c.kind != "text/csv; charset=utf-8" {
				want[3] = "3 quarantined false value-json-type"
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("got %q want %q", got[i], want[i])
				}
			}
			if s.Read != 6 || s.Accepted != 2 || s.Updated != 1 || s.Unchanged != 1 || s.Quarantined != 3 || count(t, r, "quarantine") != 3 {
				t.Errorf("%+v", s)
			}
		})
	}
	r := city(t, stations)
	s, err := Records(context.Background(), r, repo.Operator(), "station", commit.Header{Source: "test"}, "application/json", strings.NewReader(`[{"code":"A","name":"x"},`), nil)
	if problem.KindOf(err) != problem.Invalid || s.Accepted != 1 || s.State != "failed" {
		t.Errorf("%v %+v", err, s)
	}
	_, err = Records(context.Background(), r, repo.Operator(), "station", commit.Header{Source: "test"}, "text/csv", strings.NewReader("code,nmae\nA,x\n"), nil)
	if e := problem.As(err); e.Code != "intake-columns-missing" || len(e.Violations) != 2 {
		t.Errorf("%v", err)
	}
}

func TestRepair(t *testing.T) {
	r := city(t, stations, readings)
	ctx, p := context.Background(), repo.Operator()
	m, err := dataset.ParseMapping("m.yaml", []byte("map: {station: Ma, at: 'Gio|dd/MM/yyyy HH:mm|Asia/Ho_Chi_Minh', level: Muc}\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := runJob(t, r, "reading", "Ma,Gio,Muc\nA,01/07/2026 07:00,1\nA,31/06/2026 07:00,2\n\"A\"x,1,1\n", m)
	if s.Quarantined != 3 {
		t.Fatalf("%+v", s)
	}
	ids, texts := open(t, r)
	byRule := map[string]string{}
	for _, id := range ids {
		byRule[strings.Fields(texts[id])[1]] = id
	}
	// The missing station arrives; replaying all brings its row in.
	runJob(t, r, "station", "code,name\nA,Kim Long\n", nil)
	done, err := Replay(ctx, r, p, Selection{Dataset: "reading", Mapping: m})
	if err != nil || done.Replayed != 1 || done.Open != 2 || count(t, r, "reading") != 1 {
		t.Fatalf("%+v %v", done, err)
	}
	done, err = Correct(ctx, r, p, byRule["intake-date"], map[string]string{"Gio": "31/06/2026 08:00"}, m)
	if err != nil || done.Open != 1 {
		t.Fatalf("%+v %v", done, err)
	}
	done, err = Correct(ctx, r, p, byRule["intake-date"], map[string]string{"Gio": "30/06/2026 08:00"}, m)
	if err != nil || done.Replayed != 1 {
		t.Fatalf("%+v %v", done, err)
	}
	if _, err = Correct(ctx, r, p, byRule["intake-date"], nil, m); problem.As(err).Code != "intake-state" {
		t.Errorf("%v", err)
	}
	done, err = Correct(ctx, r, p, byRule["intake-quote"], map[string]string{"Ma": "A", "Gio": "1/1/2026 00:00", "Muc": "3"}, m)
	if err != nil || done.Replayed != 1 || count(t, r, "reading") != 3 {
		t.Fatalf("%+v %v", done, err)
	}
	runJob(t, r, "station", "code,name\nB,\n", nil)
	ids, texts = open(t, r)
	for _, id := range ids {
		if strings.HasPrefix(texts[id], "open") {
			if err := Dismiss(ctx, r, p, id, "trùng"); err != nil {
				t.Error(err)
			}
		}
	}
	if _, texts = open(t, r); !holds(texts, `dismissed value-required station.csv:2 {"code":"B","name":""}`) {
		t.Errorf("%v", texts)
	}
}

func TestImportAreas(t *testing.T) {
	r := city(t)
	ctx, p := context.Background(), repo.Operator()
	if _, err := Records(ctx, r, p, "area", commit.Header{Source: "test"}, "text/csv", strings.NewReader("code,name,kind\n19753,Phường Phú Xuân,phuong\n19774,Phường Kim Long,phuong\n"), nil); err != nil {
		t.Fatal(err)
	}
	f := textFile("w.geojson", `{"type":"FeatureCollection","features":[
{"type":"Feature","properties":{"code":"19753"},"geometry":{"type":"Polygon","coordinates":[[[107,16],[108,16],[108,17],[107,16]]]}},
{"type":"Feature","properties":{"name":"KIM LONG"},"geometry":{"type":"Polygon","coordinates":[[[106,16],[106.5,16],[106.5,17],[106,16]]]}}]}`)
	got, err := ImportAreas(ctx, r, p, f, AreaNames{})
	if err != nil || got.Updated != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	if got, err = ImportAreas(ctx, r, p, f, AreaNames{}); err != nil || got.Updated != 0 || got.Unchanged != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	if code, ok, err := r.AreaAt(ctx, 107.9, 16.2); code != "19753" || !ok || err != nil {
		t.Errorf("%q %v %v", code, ok, err)
	}
	_, err = ImportAreas(ctx, r, p, textFile("w.geojson", `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"code":"1"},"geometry":null},
{"type":"Feature","properties":{"code":"19753"},"geometry":{"type":"Point","coordinates":[107,16]}}]}`), AreaNames{})
	if e := problem.As(err); e.Code != "intake-areas" || len(e.Violations) != 2 {
		t.Errorf("%v", err)
	}
}

// realMapping brings a half-year of real citizen requests in: local times, an
// hour that came twice, a default point of the geocoder.
const realDeclaration = `
name: request
title: {vi: Phản ánh, en: Request}
kind: register
classification: open
schema:
  primaryKey: id
  fields:
    - {name: id, type: integer, constraints: {required: true}}
    - {name: openedAt, type: datetime, constraints: {required: true}}
    - {name: closedAt, type: datetime}
    - {name: status, type: string}
    - {name: type, type: string, constraints: {required: true}}
    - {name: lon, type: number, constraints: {minimum: -180, maximum: 180}}
    - {name: lat, type: number, constraints: {minimum: -90, maximum: 90}}
    - {name: doubt, type: list}
place: {longitude: lon, latitude: lat}
time: openedAt
`

const realMapping = `
map:
  id: case_enquiry_id
  openedAt: "open_dt|yyyy-MM-dd HH:mm:ss|America/New_York"
  closedAt: "closed_dt|yyyy-MM-dd HH:mm:ss|America/New_York"
  status: {column: case_status, lower: true}
  lon: longitude
  lat: latitude
ignore: ["*"]
flags:
  - {name: default-point, where: "lon = -71.0587 AND lat = 42.3594", field: doubt, clear: [lon, lat]}
`

func TestRunRealRequests(t *testing.T) {
	file, lines := realFile(t, "citizen-reports/boston_311_2011_h2.csv.gz")
	read, flagged := int64(58251), int64(4775)
	if lines >= 0 {
		read, flagged = lines, 192
	}
	r := city(t, realDeclaration)
	m, err := dataset.ParseMapping("m.yaml", []byte(realMapping))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var last Progress
	s, err := Run(context.Background(), r, repo.Operator(), Job{Dataset: "request", Files: []File{file}, Mapping: m, Progress: func(p Progress) { last = p }})
	if err != nil {
		t.Fatal(err)
	}
	exact(t, s)
	t.Logf("%.0f rows/s; %d read, %d accepted, %d quarantined %v, flags %v", float64(s.Read)/time.Since(began).Seconds(), s.Read, s.Accepted, s.Quarantined, s.Rules, s.Flags)
	if s.Read != read || s.Flags["default-point"] != flagged || s.Quarantined > 40 || s.Rules["intake-time-twice"] != s.Quarantined {
		t.Errorf("%+v", s)
	}
	if last.Rows != read || last.Bytes != last.Total {
		t.Errorf("%+v", last)
	}
	rows, bad := count(t, r, "request"), count(t, r, "quarantine")
	head, err := r.Head(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	s, err = Run(context.Background(), r, repo.Operator(), Job{Dataset: "request", Files: []File{file}, Mapping: m})
	if err != nil || s.Accepted != 0 || count(t, r, "request") != rows || count(t, r, "quarantine") != bad {
		t.Errorf("a second import changed something: %+v %v", s, err)
	}
	// Only the record of the import itself is new.
	if now, err := r.Head(context.Background()); err != nil || now.Seq > head.Seq+2 {
		t.Errorf("%d commits by a second import, %v", now.Seq-head.Seq, err)
	}
}

// What a wide table leaves blank, a total row and the notes below the table are
// no records; the summary tells each of them.
func TestSkippedRowsAreToldByReason(t *testing.T) {
	r := city(t, strings.Replace(readings, "  foreignKeys:\n    - {fields: [station], reference: {resource: station, fields: [code]}}\n", "", 1))
	m, err := dataset.ParseMapping("m.yaml", []byte(`
missingValues: ["", ".."]
footer: '^Source'
unpivot: {columns: '^(?P<year>\d{4})$', value: v}
map: {station: name, at: {template: "{year}-01-01T00:00:00Z"}, level: v}
skip: ["name = 'ALL'", "name LIKE 'Region %'"]
`))
	if err != nil {
		t.Fatal(err)
	}
	s := runJob(t, r, "reading", "name,2001,2002\nKim Long,1,..\nALL,,3\nRegion 1,4,5\nPhú Ốc,2,99\nSource: someone,,\nKim Long,1,1\n", m)
	if s.Read != 8 || s.Accepted != 2 || s.Quarantined != 1 || !maps.Equal(s.Skips, map[string]int64{"no-value": 2, "skip-1": 1, "skip-2": 2}) {
		t.Errorf("%+v", s)
	}
	if w := s.Files[0].Warnings; len(w) != 1 || w[0].Code != "intake-footer" || w[0].Position.Line != 6 {
		t.Errorf("%v", w)
	}
}

// generated is a stream of n NDJSON records.
func generated(n int) io.Reader {
	i := 0
	var b []byte
	return readerFunc(func(p []byte) (int, error) {
		for len(b) < len(p) && i < n {
			b = fmt.Appendf(b, `{"station":"S%d","at":"2026-%02d-%02dT%02d:%02d:%02dZ","level":%d.25}`+"\n", i%100, 1+i/2419200%12, 1+i/86400%28, i/3600%24, i/60%60, i%60, i%19)
			i++
		}
		if len(b) == 0 {
			return 0, io.EOF
		}
		k := copy(p, b)
		b = append(b[:0], b[k:]...)
		return k, nil
	})
}

// BenchmarkLoad compares the durable load of a body with the bare driver given
// rows that are decoded already: the difference is what decoding, checking,
// accounting and the queue cost.
func BenchmarkLoad(b *testing.B) {
	free := strings.Replace(readings, "  foreignKeys:\n    - {fields: [station], reference: {resource: station, fields: [code]}}\n", "", 1)
	const n = 100_000
	b.Run("records", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			r := city(b, free)
			b.StartTimer()
			s, err := Records(context.Background(), r, repo.Operator(), "reading", commit.Header{Source: "test"}, "application/x-ndjson", generated(n), nil)
			if err != nil || s.Accepted != n {
				b.Fatal(err, s)
			}
		}
		b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("driver", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			dir := b.TempDir()
			d, err := sqlite.Open(dir, sqlite.Options{WriterCache: 8 << 10, ReaderCache: 2 << 10})
			if err != nil {
				b.Fatal(err)
			}
			ds, err := dataset.Parse("d.yaml", []byte(free))
			if err != nil {
				b.Fatal(err)
			}
			table, err := dataset.Layout(ds, nil)
			if err != nil {
				b.Fatal(err)
			}
			schema, err := record.Compile(ds, table)
			if err != nil {
				b.Fatal(err)
			}
			rows := record.NewBatch(schema)
			for reader, err := record.NewJSONReader(generated(n), schema, record.Limits{}), error(nil); err == nil; {
				_, err = reader.Next(rows, n)
			}
			layouts := map[string]*dataset.Table{"reading": table}
			if _, err := d.Append(context.Background(), 0, []store.Item{{Request: &commit.Request{}, Tables: []*dataset.Table{table}, Layouts: layouts, At: 1}}); err != nil {
				b.Fatal(err)
			}
			h, err := d.Head(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			for at := 0; at < n; at += chunkRows {
				req := &commit.Request{}
				for i := at; i < at+chunkRows; i++ {
					req.Changes = append(req.Changes, commit.Change{Dataset: "reading", Op: commit.Put, Row: rows.Row(i)})
				}
				out, err := d.Append(context.Background(), h.Catalog, []store.Item{{Request: req, Layouts: layouts, At: 1}})
				if err != nil || out[0].Err != nil {
					b.Fatal(err, out)
				}
			}
			b.StopTimer()
			d.Close()
			b.StartTimer()
		}
		b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}
