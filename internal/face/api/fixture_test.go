package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"huong.city/huong/internal/canarytest"
	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/face/api"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
	"huong.city/huong/internal/service/pattern"
	"huong.city/huong/internal/service/rights"
	"huong.city/huong/internal/service/sharing"
	"huong.city/huong/internal/store/sqlite"
)

const stations = `
name: station
title: {vi: Trạm đo nước, en: Water station}
description: {vi: Các trạm trên sông Hương, en: Stations on the Huong river}
kind: register
sector: environment
owner: snnmt
classification: open
schema:
  primaryKey: [code]
  fields:
    - {name: code, type: string, title: {vi: Mã, en: Code}, constraints: {maxLength: 40}}
    - {name: name, type: string, title: {vi: Tên, en: Name}, constraints: {required: true}}
    - {name: river, type: string, title: {vi: Sông, en: River}}
    - {name: location, type: geopoint, title: {vi: Vị trí, en: Location}}
    - {name: depth, type: number, unit: m, title: {vi: Độ sâu, en: Depth}, constraints: {minimum: 0, maximum: 100}}
    - {name: channels, type: integer}
    - {name: equipment, type: object}
    - {name: keeper, type: string, title: {vi: Người trông coi, en: Keeper}, classification: personal}
place: {field: location}
`

const levels = `
name: level
title: {vi: Mực nước, en: Water level}
kind: series
sector: environment
classification: open
schema:
  primaryKey: [station, observedAt]
  fields:
    - {name: station, type: string}
    - {name: observedAt, type: datetime}
    - {name: level, type: number, unit: m, constraints: {required: true, minimum: -5, maximum: 20}}
time: observedAt
slaProperties: [{property: frequency, value: 10, unit: min}]
`

const happenings = `
name: happening
title: {vi: Vụ việc, en: Incident}
kind: register
classification: internal
schema:
  primaryKey: [id]
  fields:
    - {name: id, type: integer}
    - {name: text, type: string}
    - {name: state, type: string, categories: [{value: open, label: {vi: Mở, en: Open}}, {value: closed, label: {vi: Đóng, en: Closed}}]}
    - {name: day, type: date}
time: day
`

// site is a whole server over a real repository.
type site struct {
	*httptest.Server
	t       testing.TB
	repo    *repo.Repository
	mux     *web.Mux
	writer  string // token that reads and writes everything
	reader  string // token that reads happenings
	faults  *faultLog
	stop    context.CancelFunc
	metrics *prometheus.Registry
}

// watch looks for the keeper of a station, whom no request without credentials
// may see.
var watch = canarytest.New(map[string]string{"keeper": "Nguyễn Văn A"})

func TestMain(m *testing.M) {
	os.Exit(watch.End(m.Run(), "answer", "error", "log", "figures"))
}

// credited tells whether a request bears credentials.
func credited(r *http.Request) bool {
	return r.Header.Get("Authorization") != "" || len(r.Cookies()) > 0
}

// faultLog collects what the server logs as a fault.
type faultLog struct {
	slog.Handler
	t testing.TB
	n chan string
}

func (h *faultLog) Enabled(context.Context, slog.Level) bool { return true }
func (h *faultLog) Handle(_ context.Context, r slog.Record) error {
	if r.Level < slog.LevelError {
		return nil
	}
	b := &bytes.Buffer{}
	slog.NewTextHandler(b, nil).Handle(context.Background(), r)
	select {
	case h.n <- b.String():
	default:
	}
	return nil
}

func start(t testing.TB, change func(*web.Config)) *site {
	t.Helper()
	return startOn(t, change, func(*repo.Config) {})
}

// startOn is start with other settings of the repository.
func startOn(t testing.TB, change func(*web.Config), settings func(*repo.Config)) *site {
	t.Helper()
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	zone := time.FixedZone("+07", 7*3600)
	config := repo.Config{Driver: d, Now: time.Now, Zone: zone}
	settings(&config)
	r, err := repo.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	var ds []*dataset.Dataset
	for _, text := range []string{stations, levels, happenings} {
		one, err := dataset.Parse("test.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, one)
	}
	plan, err := r.Plan(t.Context(), repo.Operator(), ds)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Apply(t.Context(), repo.Operator(), plan); err != nil {
		t.Fatal(err)
	}
	mustRecord(t, r, "purpose", `{"code":"care","name":"Chăm sóc","basis":"Luật 91/2025/QH15"}`)
	s := &site{t: t, repo: r, faults: &faultLog{t: t, n: make(chan string, 100)}, metrics: prometheus.NewRegistry()}
	if s.writer, err = r.CreateToken(t.Context(), repo.Operator(), "writer", []string{"*"}, []string{"*"}, "", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if s.reader, err = r.CreateToken(t.Context(), repo.Operator(), "reader", []string{"station"}, nil, "", time.Time{}); err != nil {
		t.Fatal(err)
	}
	stopping, stop := context.WithCancel(context.Background())
	s.stop = stop
	c := web.Config{
		Authenticate: r.Authenticate, Now: time.Now, Random: rand.Reader, Log: slog.New(watch.Log(s.faults)), Metrics: s.metrics, Stopping: stopping,
		InFlightPerClient: 200, Heartbeat: time.Second,
	}
	if change != nil {
		change(&c)
	}
	if s.mux, err = web.New(c); err != nil {
		t.Fatal(err)
	}
	figures := indicator.New(r)
	r.Follow(figures)
	patterns := pattern.New(pattern.Config{Zone: r.Zone(), Now: time.Now, Group: func(string) (string, bool) { return "", false }, Area: func(ctx context.Context, lon, lat float64) (string, bool) {
		code, ok, err := r.AreaAt(ctx, lon, lat)
		return code, ok && err == nil
	}})
	r.Follow(patterns)
	a := api.New(api.Config{Repo: r, Sharing: sharing.New(r, rand.Reader, nil), Rights: rights.New(r, rand.Reader), Indicators: figures, Patterns: patterns, Mux: s.mux, Now: time.Now, Metrics: s.metrics, Version: "test"})
	s.mux.Mount(a.Routes()...)
	s.Server = httptest.NewServer(watch.Handler(s.mux, credited))
	t.Cleanup(func() {
		stop()
		s.Close()
		r.Close(context.Background())
		watch.Search("figures", "the registry", s.figures())
		select {
		case text := <-s.faults.n:
			t.Errorf("the server logged a fault: %s", text)
		default:
		}
	})
	return s
}

// figures are all metrics with their labels.
func (s *site) figures() []byte {
	s.t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		s.t.Error(err)
	}
	var b bytes.Buffer
	for _, f := range families {
		for _, m := range f.Metric {
			for _, l := range m.Label {
				fmt.Fprintln(&b, f.GetName(), l.GetName(), l.GetValue())
			}
		}
	}
	return b.Bytes()
}

type reply struct {
	status int
	header http.Header
	body   string
	doc    map[string]any // of a JSON object
}

func (s *site) do(method, path, token, body string, header ...string) reply {
	s.t.Helper()
	req, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Huong-Purpose", "care")
	}
	if body != "" && method != "GET" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := s.Client().Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	out := reply{status: res.StatusCode, header: res.Header, body: string(b)}
	json.Unmarshal(b, &out.doc)
	return out
}

// mustRecord puts one record of a system dataset, as the operator does.
func mustRecord(t testing.TB, r *repo.Repository, dataset, object string) {
	t.Helper()
	e, err := r.Entry(repo.Operator(), dataset)
	if err != nil {
		t.Fatal(err)
	}
	batch := record.NewBatch(e.Schema)
	if faults, err := record.NewJSONReader(strings.NewReader(object), e.Schema, record.Limits{}).Next(batch, 1); err != nil && err != io.EOF || len(faults) > 0 {
		t.Fatal(faults, err)
	}
	_, err = r.Commit(t.Context(), repo.Operator(), &commit.Request{Changes: []commit.Change{{Dataset: dataset, Op: commit.Put, Row: batch.Row(0)}}})
	if err != nil {
		t.Fatal(err)
	}
}

// must is do with the status that is expected.
func (s *site) must(status int, method, path, token, body string, header ...string) reply {
	s.t.Helper()
	r := s.do(method, path, token, body, header...)
	if r.status != status {
		s.t.Fatalf("%s %s: status %d, want %d: %s", method, path, r.status, status, r.body)
	}
	return r
}

// fill writes three stations, some levels and an happening.
func (s *site) fill() {
	s.t.Helper()
	s.must(200, "POST", "/api/v1/datasets/station/records", s.writer, `[
		{"code":"kimlong","name":"Kim Long","river":"Hương","location":[107.56,16.46],"depth":4.5,"channels":9007199254740993,"keeper":"Nguyễn Văn A"},
		{"code":"phuoc","name":"Phú Ốc","river":"Bồ","location":[107.47,16.53],"depth":3},
		{"code":"tuan","name":"Tuần, \"ngã ba\"","river":"Hương","location":[107.58,16.39]}]`)
	var b strings.Builder
	for _, st := range []string{"kimlong", "phuoc"} {
		for h := range 30 {
			fmt.Fprintf(&b, `{"station":%q,"observedAt":"2025-10-%02dT%02d:00:00+07:00","level":%.2f}`+"\n", st, 1+h/24, h%24, float64(h)/10)
		}
	}
	s.must(200, "POST", "/api/v1/datasets/level/records", s.writer, b.String(), "Content-Type", "application/x-ndjson")
	s.must(201, "POST", "/api/v1/datasets/happening/records", s.writer, `{"id":7,"text":"cây đổ","state":"open","day":"2025-10-02"}`)
}

// at digs a value out of a JSON document: "records.0.name".
func (r reply) at(path string) any {
	var v any = r.doc
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			i := 0
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}
