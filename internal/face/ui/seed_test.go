package ui_test

import (
	"context"
	crand "crypto/rand"
	"encoding/csv"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"huong.city/huong/internal/canarytest"
	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/face/ui"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
	"huong.city/huong/internal/service/indicator"
	"huong.city/huong/internal/service/ingest"
	"huong.city/huong/internal/service/pattern"
	"huong.city/huong/internal/service/report"
	"huong.city/huong/internal/service/request"
	"huong.city/huong/internal/service/rights"
	"huong.city/huong/internal/service/sharing"
	bundle "huong.city/huong/web"
)

// city is a small running city: the declared datasets, the areas, some days of
// made-up figures, one import with rows in quarantine.
type city struct {
	repo  *repo.Repository
	url   string
	now   time.Time
	late  time.Duration // of its clock behind the wall's
	token string        // of a steward who may read and write everything
	held  string        // id of a row in quarantine
	seq   int64

	accounts *account.Accounts
	figures  ui.Figures // of boards; none when nil
	repairs  *repairs

	indicators *indicator.Service // no pages of them when nil
	reports    *report.Desk       // none when nil
	paper      *report.Fonts      // none when nil

	deskOfReports *request.Desk    // no reports of citizens when nil
	answered      *request.Figures // no figures of them when nil
	patterns      *pattern.Follower
	learned       func() (request.Learned, bool)

	server  *httptest.Server
	streams atomic.Int64 // how often the stream was asked for
	cut     atomic.Bool  // the stream is refused
	away    atomic.Bool  // the server does not answer at all
	basemap string       // file of streets, from the next serving on
	moving  atomic.Int64 // commits that the pulse of the reports knows of
}

// watch looks for who reported something, whom no reader without credentials may
// see.
var watch = canarytest.New(map[string]string{"reporter": "Nguyễn Văn A", "telephone": "0900000000"})

func TestMain(m *testing.M) {
	code := m.Run()
	endShared()
	os.Exit(watch.End(code, "answer", "log"))
}

const cityFolder = "../../../city/hue"

func newCity(t testing.TB) *city {
	t.Helper()
	c := copyOf(t, &shared.plain, func(c *city) { c.plain(t) })
	c.repairs = &repairs{repo: c.repo}
	c.serveWith(t, nil)
	return c
}

// plain fills a city with what every test may expect.
func (c *city) plain(t testing.TB) {
	t.Helper()
	c.declare(t)
	c.fill(t)
	var err error
	if c.token, err = c.repo.CreateToken(context.Background(), repo.Operator(), "kỹ sư dữ liệu", []string{"*"}, []string{"*"}, "", time.Time{}); err != nil {
		t.Fatal(err)
	}
}

func (c *city) declare(t testing.TB) {
	t.Helper()
	var ds []*dataset.Dataset
	files, err := filepath.Glob(cityFolder + "/datasets/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no declarations in %s: %v", cityFolder, err)
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
		ds = append(ds, d)
	}
	plan, err := c.repo.Plan(context.Background(), repo.Operator(), ds)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.repo.Apply(context.Background(), repo.Operator(), plan); err != nil {
		t.Fatal(err)
	}
}

// put commits rows of cells in their lexical form.
func (c *city) put(t testing.TB, name, reason string, rows []map[string]string) int64 {
	t.Helper()
	e, err := c.repo.Entry(repo.Operator(), name)
	if err != nil {
		t.Fatal(err)
	}
	req := &commit.Request{Header: commit.Header{Actor: "test", Source: name + ".csv", Reason: reason}}
	for _, r := range rows {
		row := make([]value.Value, e.Table.Width())
		for field, text := range r {
			i, ok := e.Schema.Column(field)
			if !ok {
				t.Fatalf("%s has no field %s", name, field)
			}
			if e.Table.Columns[i].Type == dataset.GeoJSON {
				row[i] = value.OfGeometry(text)
				continue
			}
			v, bad := e.Schema.ParseCell(i, text)
			if bad != nil {
				t.Fatalf("%s.%s = %q: %s", name, field, text, bad.In("en"))
			}
			row[i] = v
		}
		req.Changes = append(req.Changes, commit.Change{Dataset: name, Op: commit.Put, Row: row})
	}
	receipt, err := c.repo.Commit(context.Background(), repo.Operator(), req)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return receipt.Seq
}

func readCSV(t testing.TB, file string) []map[string]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, line := range all[1:] {
		r := map[string]string{}
		for i, cell := range line {
			if cell != "" {
				r[all[0][i]] = cell
			}
		}
		rows = append(rows, r)
	}
	return rows
}

func (c *city) fill(t testing.TB) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	c.put(t, "sector", "khởi tạo", readCSV(t, cityFolder+"/sectors.csv"))
	c.put(t, "agency", "khởi tạo", readCSV(t, cityFolder+"/agencies.csv"))
	areas := readCSV(t, cityFolder+"/areas.csv")
	var centres []geom.Centre
	var at []int
	for i, a := range areas {
		if a["kind"] == "phuong" || a["kind"] == "xa" {
			var lon, lat float64
			if _, err := fmt.Sscanf(a["location"], "%f,%f", &lon, &lat); err != nil {
				t.Fatal(err)
			}
			centres, at = append(centres, geom.Centre{Lon: lon, Lat: lat}), append(at, i)
		}
	}
	for i, shape := range geom.Schematic(centres, 0.05) {
		areas[at[i]]["boundary"], areas[at[i]]["schematic"] = shape, "true"
	}
	c.put(t, "area", "40 xã, phường từ 1/7/2025", areas)

	var stations []map[string]string
	for i := range 12 {
		p := centres[i*3]
		stations = append(stations, map[string]string{"code": fmt.Sprintf("mua-%02d", i+1), "name": "Trạm mưa " + strings.TrimPrefix(strings.TrimPrefix(areas[at[i*3]]["name"], "Phường "), "Xã "), "location": fmt.Sprintf("%.5f,%.5f", p.Lon, p.Lat)})
	}
	c.put(t, "rain-station", "danh mục trạm", stations)
	var rain []map[string]string
	for i, s := range stations {
		for k := range 24 * 6 {
			if i == 5 && k < 30 { // one station falls silent
				continue
			}
			when := c.now.Truncate(10 * time.Minute).Add(-time.Duration(k) * 10 * time.Minute)
			rain = append(rain, map[string]string{"station": s["code"], "observedAt": when.Format(time.RFC3339), "rain": fmt.Sprintf("%.1f", max(0, random.NormFloat64()*2+float64(i)/4)), "minutes": "10"})
		}
	}
	c.put(t, "rain-reading", "số đo tự động", rain)

	categories := []string{"rubbish", "road", "lighting", "drainage", "noise"}
	var reports []map[string]string
	for i := range 260 {
		p := centres[random.IntN(len(centres))]
		opened := c.now.Add(-time.Duration(i) * 37 * time.Minute)
		reports = append(reports, map[string]string{
			"code": fmt.Sprintf("PA-%05d", i+1), "category": categories[i%5], "status": []string{"received", "in-progress", "assigned"}[i%3], "title": "Đèn đường không sáng trước nhà số " + fmt.Sprint(i+1),
			"description": "Đã tắt ba đêm liền.", "channel": "app", "openedAt": opened.Format(time.RFC3339), "dueAt": opened.Add(72 * time.Hour).Format(time.RFC3339),
			"location": fmt.Sprintf("%.5f,%.5f", p.Lon+random.Float64()*0.02, p.Lat+random.Float64()*0.02), "address": fmt.Sprintf("%d Bà Triệu", i+1), "published": "true", "anonymous": "false",
		})
	}
	c.put(t, "service-request", "phản ánh từ ứng dụng", reports)
	reports[0]["status"] = "in-progress"
	c.put(t, "service-request", "đã phân công", reports[:1])

	c.put(t, "import", "nhập tệp", []map[string]string{{
		"id": "imp-1", "dataset": "rain-reading", "source": "mua-thang-11.csv", "startedAt": c.now.Add(-time.Hour).Format(time.RFC3339), "finishedAt": c.now.Format(time.RFC3339),
		"state": "done", "actor": "test", "read": "1731", "accepted": "1728", "updated": "0", "unchanged": "0", "quarantined": "3", "skipped": "0", "seconds": "2.4",
	}})
	var held []map[string]string
	for i := range 3 {
		held = append(held, map[string]string{
			"id": fmt.Sprintf("held-%d", i), "dataset": "rain-reading", "import": "imp-1", "file": "mua-thang-11.csv", "line": fmt.Sprint(120 + i), "column": "3", "field": "rain", "rule": "required",
			"reason": "Lượng mưa: cần một số.", "reasonEn": "Rain: a number is needed.", "violations": `[{"code":"internal","field":"rain","args":{"id":"x"}}]`,
			"raw": `{"MaTram":"mua-01","ThoiGian":"23/11/2026 10:00","LuongMua":"không rõ"}`, "state": "open", "at": c.now.Format(time.RFC3339),
		})
	}
	c.seq = c.put(t, "quarantine", "nhập tệp", held)
	c.held = "held-0"
}

// repairs is the quarantine's own service, as the program wires it.
type repairs struct {
	repo *repo.Repository
	gate chan struct{} // each row of a replay waits for it, where there is one
}

func (q *repairs) Correct(ctx context.Context, p repo.Principal, id string, cells map[string]string) error {
	done, err := ingest.Correct(ctx, q.repo, p, id, cells, nil)
	if err == nil && done.Replayed == 0 {
		err = problem.New(problem.Invalid, "quarantine-still")
	}
	return err
}

func (q *repairs) Replay(ctx context.Context, p repo.Principal, name, rule string, progress func(accepted, stayed int64)) error {
	s := ingest.Selection{Dataset: name, Progress: func(done ingest.Replayed) {
		progress(done.Replayed, done.Open)
		if q.gate != nil {
			select {
			case <-q.gate:
			case <-ctx.Done():
			}
		}
	}}
	if rule != "" {
		s.Filter = &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: "rule", Column: -1}, &cql2.Lit{Value: value.OfText(rule)}}}
	}
	_, err := ingest.Replay(ctx, q.repo, p, s)
	return err
}

func (q *repairs) Dismiss(ctx context.Context, p repo.Principal, id, note string) error {
	return ingest.Dismiss(ctx, q.repo, p, id, note)
}

// serveWith serves the city at a new address; people may sign in at a provider,
// which sends them back there.
func (c *city) serveWith(t testing.TB, p *account.Provider) {
	t.Helper()
	var mux *web.Mux
	credited := func(r *http.Request) bool { return r.Header.Get("Authorization") != "" || len(r.Cookies()) > 0 }
	s := httptest.NewServer(watch.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.away.Load() {
			panic(http.ErrAbortHandler)
		}
		if r.URL.Path == "/live" {
			c.streams.Add(1)
			if c.cut.Load() {
				http.Error(w, "the line is cut", http.StatusBadGateway)
				return
			}
		}
		mux.ServeHTTP(w, r)
	}), credited))
	c.server, c.url = s, s.URL
	if p != nil {
		p.Redirect = c.url + "/enter/callback"
	}
	var err error
	if c.accounts, err = account.New(account.Config{Repo: c.repo, Now: c.clock, Random: crand.Reader, Provider: p, Origin: c.localhost()}); err != nil {
		t.Fatal(err)
	}
	log := slog.New(watch.Log(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	stopping, stop := context.WithCancel(context.Background())
	var pages *ui.UI
	mux, err = web.New(web.Config{
		Authenticate: c.accounts.Authenticate, Now: time.Now, Random: zeroes{}, Log: log, Stopping: stopping,
		Missing: func(w http.ResponseWriter, r *web.Request) error { return pages.Missing(w, r) },
	})
	if err != nil {
		t.Fatal(err)
	}
	pages, err = ui.New(ui.Config{Repo: c.repo, Files: bundle.Files(), Now: c.clock, Log: log, Sessions: mux, Activity: c.activity, Repairs: c.repairs, Figures: c.figures, Accounts: c.accounts, Sharing: sharing.New(c.repo, crand.Reader, nil), Rights: rights.New(c.repo, crand.Reader), Stopping: stopping, Incidents: c.incidents(), Attachments: c.attachments(), Alerts: c.warnings(), Notices: c.notifier(), Basemap: c.basemap, Indicators: c.indicators, Reports: c.reports, Paper: c.paper, Requests: c.deskOfReports, Answered: c.answered, Patterns: c.patterns, Learned: c.learned, Random: crand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	mux.Mount(pages.Routes()...)
	t.Cleanup(func() { stop(); s.CloseClientConnections(); s.Close() })
}

// activity is the pulse of the made-up figures.
func (c *city) activity() []ui.DatasetActivity {
	moving := ui.DatasetActivity{Dataset: "rain-reading", Total: 1698, Last: c.now, LastCommit: c.now, PerMinute: 12, PerHour: 72, Seq: 6}
	reports := ui.DatasetActivity{Dataset: "service-request", Total: 260, Last: c.now.Add(-8 * time.Minute), LastCommit: c.now, PerHour: 2, Seq: 8 + c.moving.Load()}
	reports.Total += c.moving.Load()
	for i := range 24 {
		moving.Hours[i] = int64(60 + i%5)
		if i > 3 {
			reports.Hours[i] = int64(i % 3)
		}
	}
	return []ui.DatasetActivity{moving, reports, {Dataset: "rain-station", Total: 12, LastCommit: c.now, Seq: 5}}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// get asks for a page as a reader with the given token.
func (c *city) get(t testing.TB, path, token string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, c.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.AddCookie(&http.Cookie{Name: "huong", Value: token})
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}
