package app

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/ingest"
)

const zone = "Asia/Ho_Chi_Minh"

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// code is the problem code of an error.
func code(err error) string {
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return p.Code
	}
	return ""
}

// folder writes files, by path.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	writeAll(t, dir, files)
	return dir
}

func writeAll(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const point = `name: point
title: {vi: Điểm, en: Point}
kind: register
classification: open
schema:
  primaryKey: [id]
  fields:
    - {name: id, type: string, title: {vi: Mã, en: Id}}
    - {name: n, type: integer, title: {vi: Số, en: Number}, constraints: {required: true}}
`

// town opens a city of one dataset. Serve closes it, or the test does.
func town(t *testing.T) *repo.Repository {
	t.Helper()
	r, err := Where{Data: t.TempDir(), Zone: zone}.Open(t.Context(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	apply(t, r, folder(t, map[string]string{"datasets/point.yaml": point}))
	return r
}

func apply(t *testing.T, r *repo.Repository, dir string) []RecordsResult {
	t.Helper()
	city, err := LoadCity(dir)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Plan(t.Context(), repo.Operator(), city.Datasets)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Apply(t.Context(), repo.Operator(), plan); err != nil {
		t.Fatal(err)
	}
	results, err := city.ApplyRecords(t.Context(), r, repo.Operator(), false)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func TestWhere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "city")
	for want, w := range map[string]Where{
		"data-or-database":  {},
		"data-and-database": {Data: dir, Database: "postgres://localhost/x"},
		"database-scheme":   {Database: "mysql://localhost/x"},
		"database-address":  {Database: "postgres://user:secret@:wrong/x"},
	} {
		w.Zone = zone
		if _, err := w.Exists(t.Context()); code(err) != want {
			t.Errorf("exists: %v, want %s", err, want)
		}
		_, err := w.Open(t.Context(), quiet())
		if code(err) != want {
			t.Errorf("open: %v, want %s", err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is told: %v", err)
		}
	}
	if _, err := (Where{Data: dir, Zone: "Nowhere/Else"}).Open(t.Context(), quiet()); code(err) != "zone-unknown" {
		t.Errorf("zone: %v", err)
	}
	w := Where{Data: dir, Zone: zone}
	if there, err := w.Exists(t.Context()); there || err != nil {
		t.Errorf("before: %v %v", there, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("asking made the folder: %v", err)
	}
	r, err := w.Open(t.Context(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if there, err := w.Exists(t.Context()); !there || err != nil {
		t.Errorf("after: %v %v", there, err)
	}
}

func TestLoadCity(t *testing.T) {
	city, err := LoadCity("../../city/hue")
	if err != nil {
		t.Fatal(err)
	}
	sectors := map[string]bool{}
	for _, d := range city.Datasets {
		sectors[d.Sector] = true
	}
	if len(city.Datasets) < 12 || len(sectors) < 6 {
		t.Errorf("%d datasets over %d sectors", len(city.Datasets), len(sectors))
	}
	if _, err := LoadCity(t.TempDir()); code(err) != "folder-empty" {
		t.Errorf("an empty folder: %v", err)
	}
	wrong := folder(t, map[string]string{
		"datasets/a.yaml":      strings.Replace(point, "integer", "integr", 1),
		"datasets/deep/b.yaml": "name: b\n",
		"datasets/good.yaml":   point,
		"datasets/note.txt":    "not a declaration",
	})
	_, err = LoadCity(wrong)
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || p.Code != "declarations-invalid" {
		t.Fatalf("wrong declarations: %v", err)
	}
	files := map[string]int{}
	for _, v := range p.Violations {
		files[filepath.Base(v.Position.File)]++
		if v.Position.Line == 0 {
			t.Errorf("%s has no line", v.In("en"))
		}
	}
	if files["a.yaml"] != 1 || files["b.yaml"] < 2 || len(files) != 2 {
		t.Errorf("faults by file: %v", files)
	}
}

// TestCityRecords applies a city's own records: once, again, changed, wrong.
func TestCityRecords(t *testing.T) {
	r, err := Where{Data: t.TempDir(), Zone: zone}.Open(t.Context(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(context.Background())
	files := map[string]string{
		"datasets/point.yaml": point,
		"sectors.csv":         "code,title,titleEn,order\nwater,Nước,Water,1\n",
		"areas.csv":           "code,name,kind,location\nw,Tây,phuong,\"107.5, 16.45\"\ne,Đông,phuong,\"107.6, 16.45\"\n",
		"records/point.csv":   "id,n\na,1\nb,2\n",
	}
	told := func(results []RecordsResult) string {
		var b strings.Builder
		for _, x := range results {
			b.WriteString(x.Dataset + ":" + x.Action() + " ")
		}
		return b.String()
	}
	if got := told(apply(t, r, folder(t, files))); got != "area:create point:create sector:create " {
		t.Errorf("first: %s", got)
	}
	if got := told(apply(t, r, folder(t, files))); got != "area:none point:none sector:none " {
		t.Errorf("again: %s", got)
	}
	files["records/point.csv"] = "id,n\na,1\nb,3\n"
	changed, err := LoadCity(folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	before, _ := r.Head(t.Context())
	dry, err := changed.ApplyRecords(t.Context(), r, repo.Operator(), true)
	after, _ := r.Head(t.Context())
	if err != nil || told(dry) != "area:none point:change sector:none " || before != after {
		t.Errorf("a dry run: %s %v, from %d to %d", told(dry), err, before.Seq, after.Seq)
	}
	files["records/point.csv"] = "id,n\na,one\n,2\n"
	files["sectors.csv"] = "code,title,titleEn,order\nwater,Nước,Water,first\n"
	bad, err := LoadCity(folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	_, err = bad.ApplyRecords(t.Context(), r, repo.Operator(), false)
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || p.Code != "city-rows-invalid" || len(p.Violations) != 3 {
		t.Errorf("wrong rows: %v", err)
	}
	if end, _ := r.Head(t.Context()); end != after {
		t.Error("a part of the wrong rows was taken")
	}
}

// serving runs Serve until stop is called, which returns its error.
func serving(t *testing.T, r *repo.Repository, o ServeOptions) (address string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	o.Listen, o.Log, o.Version = "127.0.0.1:0", quiet(), "test"
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- Serve(ctx, r, o, func(address string) { ready <- address }) }()
	select {
	case address = <-ready:
	case err := <-ended:
		t.Fatalf("it did not become ready: %v", err)
	}
	return "http://" + address, func() error { cancel(); return <-ended }
}

// TestServeStops opens streams that never end by themselves: a stop ends them,
// well within the time that a drain may take, and closes the repository.
func TestServeStops(t *testing.T) {
	r := town(t)
	background := make(chan struct{})
	address, stop := serving(t, r, ServeOptions{Background: func(ctx context.Context) error {
		<-ctx.Done()
		close(background)
		return nil
	}})
	res, err := http.Get(address + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Fatalf("ready answers %d", res.StatusCode)
	}
	var ends []chan error
	for _, path := range []string{"/api/v1/datasets/point/changes", "/live"} {
		q, err := http.NewRequestWithContext(t.Context(), "GET", address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Accept", "text/event-stream")
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || !strings.HasPrefix(got, "text/event-stream") {
			t.Fatalf("%s: %d %s", path, res.StatusCode, got)
		}
		end := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, bufio.NewReader(res.Body))
			end <- err
		}()
		ends = append(ends, end)
	}
	began := time.Now()
	if err := stop(); err != nil {
		t.Errorf("the stop: %v", err)
	}
	if took := time.Since(began); took > drainTime/2 {
		t.Errorf("the stop took %v", took)
	}
	for _, end := range ends {
		if err := <-end; err != nil {
			t.Errorf("a stream was cut, not ended: %v", err)
		}
	}
	<-background
	if _, err := http.Get(address + "/readyz"); err == nil {
		t.Error("it still answers")
	}
	if _, err := r.Head(context.Background()); err == nil {
		t.Error("the repository is open after the stop")
	}
}

// TestServeFails ends when it cannot listen and when its background fails.
func TestServeFails(t *testing.T) {
	r := town(t)
	address, stop := serving(t, r, ServeOptions{})
	err := Serve(t.Context(), town(t), ServeOptions{Listen: strings.TrimPrefix(address, "http://"), Log: quiet()}, func(string) {
		t.Error("ready on an address in use")
	})
	if code(err) != "listen-address" {
		t.Errorf("an address in use: %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	broken := errors.New("the feed is broken")
	err = Serve(t.Context(), town(t), ServeOptions{Listen: "127.0.0.1:0", Log: quiet(), Background: func(context.Context) error { return broken }}, func(string) {})
	if !errors.Is(err, broken) {
		t.Errorf("a broken background: %v", err)
	}
}

// TestRepairs goes the way of a steward's page: look, correct, replay, dismiss.
func TestRepairs(t *testing.T) {
	r := town(t)
	defer r.Close(context.Background())
	data := folder(t, map[string]string{"rows.csv": "id,n\na,1\nb,two\nc,three\nd,\n"})
	sum, err := ingest.Run(t.Context(), r, repo.Operator(), ingest.Job{Dataset: "point", Files: []ingest.File{ingest.PathFile(filepath.Join(data, "rows.csv"))}})
	if err != nil || sum.Quarantined != 3 {
		t.Fatalf("%+v %v", sum, err)
	}
	held := func(filter string) []string {
		t.Helper()
		e, err := cql2.ParseText(filter)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		_, err = r.Read(t.Context(), repo.Operator(), repo.Query{Dataset: repo.SystemQuarantine, Filter: e, Sort: []repo.Sort{{Field: "line"}}}, func(rec repo.Record) error {
			i, _, _, _ := rec.Entry.Table.Property("id")
			ids = append(ids, rec.Values[i].Text())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	q, op := repairs{r}, repo.Operator()
	rows := held("state = 'open'")
	if len(rows) != 3 {
		t.Fatalf("%d rows are held", len(rows))
	}
	if err := q.Correct(t.Context(), repo.Public(), rows[0], map[string]string{"n": "2"}); err == nil {
		t.Error("the public corrected a row")
	}
	if err := q.Correct(t.Context(), op, rows[0], map[string]string{"n": "zwei"}); code(err) != "quarantine-still" {
		t.Errorf("a correction that is none: %v", err)
	}
	if err := q.Correct(t.Context(), op, rows[0], map[string]string{"n": "2"}); err != nil {
		t.Errorf("a correction: %v", err)
	}
	for rule, want := range map[string]int64{"value-required": 1, "": 2} {
		accepted, stayed := int64(-1), int64(-1)
		err := q.Replay(t.Context(), op, "point", rule, func(a, s int64) { accepted, stayed = a, s })
		if accepted != 0 || stayed != want || err != nil {
			t.Errorf("replay of %q: %d accepted, %d stayed, %v", rule, accepted, stayed, err)
		}
	}
	if err := q.Dismiss(t.Context(), op, rows[2], "no figure was taken"); err != nil {
		t.Error(err)
	}
	if got := held("state = 'dismissed'"); len(got) != 1 || got[0] != rows[2] {
		t.Errorf("set aside: %v", got)
	}
}
