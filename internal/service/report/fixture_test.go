package report_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	core "huong.city/huong/internal/core/report"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/report"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/postgres"
	"huong.city/huong/internal/store/postgres/pgtest"
	"huong.city/huong/internal/store/sqlite"
)

var cluster = pgtest.New(pgtest.Settings{})

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.Stop()
	os.Exit(code)
}

var zone = time.FixedZone("+07", 7*3600)

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) set(s string) {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
	if err != nil {
		panic(err)
	}
	c.mu.Lock()
	c.now = t
	c.mu.Unlock()
}

// known are indicators with figures that follow from the moment alone. What
// begins with "order-" is shown to nobody but the police.
type known struct {
	mu    sync.Mutex
	asked []string // by whom
	wards int
}

func (k *known) Definition(name string) *indicator.Definition {
	title := map[string]string{"water-level-kim-long": "Mực nước sông Hương tại Kim Long", "requests-new": "Phản ánh mới", "requests-open": "Phản ánh đang xử lý"}[name]
	if title == "" {
		title = "Chỉ số " + name
	}
	unit := indicator.Words{"vi": "phản ánh", "en": "requests"}
	decimals := 0
	if strings.HasPrefix(name, "water") {
		unit, decimals = indicator.Words{"vi": "m", "en": "m"}, 2
	}
	d := &indicator.Definition{Name: name, Title: indicator.Words{"vi": title, "en": "Figure " + name}, Unit: unit, Decimals: decimals,
		Grains: []indicator.Grain{indicator.Day, indicator.Hour, indicator.Week}}
	if name == "requests-open" {
		target := 50.0
		d.Target = &target
	}
	return d
}

func value1(name string, at time.Time) float64 {
	n := float64(at.In(zone).YearDay()*7%31) + float64(len(name)%7)*11
	if strings.HasPrefix(name, "water") {
		return 1.5 + math.Sin(float64(at.Unix())/40000)
	}
	return n
}

func (k *known) Value(_ context.Context, p repo.Principal, name, area, grain string, at time.Time) (report.Reading, error) {
	k.mu.Lock()
	k.asked = append(k.asked, p.Name)
	k.mu.Unlock()
	if strings.HasPrefix(name, "order-") && p.Agency != "cath" {
		return report.Reading{}, problem.New(problem.Denied, "indicator-not-shown")
	}
	c := report.Cell{V: value1(name, at), Known: true}
	if c.V > 80 {
		c.Severity = "high"
	}
	return report.Reading{Cell: c, End: at.Add(24 * time.Hour)}, nil
}

func (k *known) Wards(_ context.Context, p repo.Principal, name, grain string, at time.Time) (list []report.Ward, err error) {
	if strings.HasPrefix(name, "order-") && p.Agency != "cath" {
		return nil, problem.New(problem.Denied, "indicator-not-shown")
	}
	for i := range k.wards {
		c := report.Cell{V: float64((i*37 + len(name)) % 90), Known: i%13 != 12}
		if c.V > 80 {
			c.Severity = "medium"
		}
		list = append(list, report.Ward{Code: fmt.Sprint(19700 + i), Name: report.Words{"vi": fmt.Sprintf("Phường Hương Thủy %d", i), "en": fmt.Sprintf("Huong Thuy ward %d", i)}, Cell: c})
	}
	return list, nil
}

func (k *known) Series(_ context.Context, p repo.Principal, name, area, grain string, from, until time.Time) (list []report.Sample, err error) {
	for t := from; t.Before(until); t = t.Add(time.Hour) {
		list = append(list, report.Sample{At: t, V: value1(name, t), Known: true})
	}
	return list, nil
}

func (k *known) Await(context.Context, int64) error { return nil }

// room is a city with the reports of Huế.
type room struct {
	testing.TB
	*report.Desk
	repo  *repo.Repository
	clock *clock
	known *known
	fonts *report.Fonts
}

// both runs a test on either store.
func both(t *testing.T, fn func(t *testing.T, r *room)) {
	t.Run("sqlite", func(t *testing.T) {
		d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		fn(t, openRoom(t, d))
	})
	t.Run("postgres", func(t *testing.T) {
		d, err := postgres.Open(t.Context(), cluster.Database(t), postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		fn(t, openRoom(t, d))
	})
}

// fonts are those of the built browser side; a test that needs paper is skipped
// without them.
func fonts(t testing.TB) *report.Fonts {
	t.Helper()
	f, err := report.LoadFonts(os.DirFS("../../../web/dist"))
	if err != nil {
		t.Skip("the browser side is not built")
	}
	return f
}

func openRoom(t testing.TB, d store.Driver) *room {
	t.Helper()
	r := &room{TB: t, clock: &clock{}, known: &known{wards: 40}, fonts: fonts(t)}
	r.clock.set("2025-10-27 01:00")
	var err error
	r.repo, err = repo.Open(t.Context(), repo.Config{Driver: d, Now: r.clock.Now, Zone: zone, Checks: map[string]repo.CheckDefinition{
		"report": core.Check, "workflow": checkWorkflow}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.repo.Close(context.Background()) })
	for code, name := range map[string]string{"vpubnd": "Văn phòng Ủy ban nhân dân thành phố", "ubnd-19789": "Ủy ban nhân dân phường Thuận Hóa", "ubnd-19753": "Ủy ban nhân dân phường Phú Xuân",
		"ubnd-tp": "Ủy ban nhân dân thành phố Huế", "pctt": "Ban Chỉ huy Phòng thủ dân sự thành phố"} {
		r.put("agency", fmt.Sprintf(`{"code":%q,"name":%q,"nameEn":%q}`, code, name, "Agency "+code))
	}
	r.put("area", `{"code":"46","name":"Thành phố Huế","nameEn":"Hue City","kind":"city"}`)
	for _, code := range []string{"19789", "19753"} {
		r.put("area", fmt.Sprintf(`{"code":%q,"name":%q,"nameEn":%q,"kind":"phuong","parent":"46"}`, code, "Phường "+code, "Ward "+code))
	}
	for id, name := range map[string]string{"mai": "Hồ Thị Tuyết Mai", "minh": "Đỗ Quang Minh", "ha": "Phạm Thu Hà"} {
		r.put("account", fmt.Sprintf(`{"id":%q,"name":%q,"kind":"staff","createdAt":"2025-01-01T00:00:00Z"}`, id, name))
	}
	r.put("capacity", `{"id":"c1","account":"mai","agency":"vpubnd","roles":["officer"],"areas":["46"],"from":"2025-01-01T00:00:00Z"}`)
	r.put("capacity", `{"id":"c2","account":"minh","agency":"ubnd-tp","roles":["leader"],"areas":["46"],"from":"2025-01-01T00:00:00Z"}`)
	r.put("capacity", `{"id":"c3","account":"ha","agency":"ubnd-19789","roles":["officer"],"areas":["19789"],"from":"2025-01-01T00:00:00Z"}`)
	for _, file := range []string{"workflows/report", "reports/city-day", "reports/ward-day", "reports/situation"} {
		b, err := os.ReadFile("../../../city/hue/" + file + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		kind, name, _ := strings.Cut(file, "s/")
		r.define(kind, name, string(b))
	}
	r.Desk = r.desk()
	return r
}

func checkWorkflow(file string, text []byte, _ func(string) *dataset.Dataset) error {
	_, err := workflow.Parse(file, text, grant.Roles())
	return err
}

// desk is one process.
func (r *room) desk() *report.Desk {
	return report.New(report.Config{Repo: r.repo, Figures: r.known, Fonts: r.fonts})
}

func (r *room) define(kind, name, text string) {
	r.Helper()
	e, err := r.repo.Entry(repo.Internal(), repo.SystemDefinition)
	if err != nil {
		r.Fatal(err)
	}
	row := make([]value.Value, e.Table.Width())
	for field, s := range map[string]string{"kind": kind, "name": name, "title": name, "text": text} {
		i, _, _, ok := e.Table.Property(field)
		if !ok {
			r.Fatalf("a definition has no %s", field)
		}
		row[i] = value.OfText(s)
	}
	req := &commit.Request{Changes: []commit.Change{{Dataset: repo.SystemDefinition, Op: commit.Put, Row: row}}}
	if _, err := r.repo.Commit(r.Context(), repo.Internal(), req); err != nil {
		r.Fatal(problem.As(err).Violations, err)
	}
}

func (r *room) put(name, object string) {
	r.Helper()
	e, err := r.repo.Entry(repo.Internal(), name)
	if err != nil {
		r.Fatal(err)
	}
	b := record.NewBatch(e.Schema)
	faults, err := record.NewJSONReader(strings.NewReader(object), e.Schema, record.Limits{}).Next(b, 1)
	if err != nil && b.Len() == 0 || len(faults) > 0 {
		r.Fatalf("%s: %v %v", object, faults, err)
	}
	req := &commit.Request{Changes: []commit.Change{{Dataset: name, Op: commit.Put, Row: b.Row(0)}}}
	if _, err := r.repo.Commit(r.Context(), repo.Internal(), req); err != nil {
		r.Fatal(err)
	}
}

var (
	officer = repo.Principal{Name: "mai", Agency: "vpubnd", Roles: []string{"officer"}, Areas: []string{"46"}}
	leader  = repo.Principal{Name: "minh", Agency: "ubnd-tp", Roles: []string{"leader"}, Areas: []string{"46"}}
	ward    = repo.Principal{Name: "ha", Agency: "ubnd-19789", Roles: []string{"officer"}, Areas: []string{"19789"}}
	other   = repo.Principal{Name: "xuan", Agency: "ubnd-19753", Roles: []string{"officer"}, Areas: []string{"19753"}}
)

func (r *room) tick() {
	r.Helper()
	if err := r.Tick(r.Context()); err != nil {
		r.Fatal(err)
	}
}

func (r *room) get(p repo.Principal, id string) *report.Report {
	r.Helper()
	x, err := r.Get(r.Context(), p, id)
	if err != nil {
		r.Fatal(err)
	}
	return x
}

func (r *room) ids(p repo.Principal) string {
	r.Helper()
	list, _, err := r.List(r.Context(), p, report.Query{})
	if err != nil {
		r.Fatal(err)
	}
	var ids []string
	for _, x := range list {
		ids = append(ids, x.ID)
	}
	return strings.Join(ids, " ")
}

// act takes a step upon the version that stands.
func (r *room) act(p repo.Principal, id string, a report.Act) (*report.Report, error) {
	r.Helper()
	a.Version = r.get(repo.Internal(), id).Version
	return r.Act(r.Context(), p, id, a)
}

func (r *room) must(p repo.Principal, id string, a report.Act) *report.Report {
	r.Helper()
	x, err := r.act(p, id, a)
	if err != nil {
		r.Fatalf("%s by %s: %v %v", a.Do, p.Name, err, problem.As(err).Violations)
	}
	return x
}

// told lists the notifications.
func (r *room) told() (list []string) {
	r.Helper()
	_, err := r.repo.Read(r.Context(), repo.Internal(), repo.Query{Dataset: repo.SystemNotification, Sort: []repo.Sort{{Field: "createdAt"}, {Field: "to"}}}, func(rec repo.Record) error {
		text := func(name string) string {
			i, _, _, _ := rec.Entry.Table.Property(name)
			return strings.Clone(rec.Values[i].Text())
		}
		list = append(list, strings.SplitN(text("titleEn"), ":", 2)[0]+" → "+text("to"))
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
	return list
}
