package request_test

import (
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/calendar"
	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
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

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	c.now = t
	c.mu.Unlock()
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

var (
	hue   = time.FixedZone("+07", 7*3600)
	start = time.Date(2025, 10, 27, 8, 0, 0, 0, hue) // a Monday
)

// hall is a city with what Huế declares of reports.
type hall struct {
	testing.TB
	*request.Desk
	repo  *repo.Repository
	clock *clock
	files photos

	queues *request.Queues // of the next desk
	sought int             // of the next desk
}

// photos are the files that were uploaded, by their number.
type photos struct {
	mu   *sync.Mutex
	list map[string]request.File
}

func (p photos) Describe(_ context.Context, id string) (request.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, ok := p.list[id]
	if !ok {
		return f, problem.New(problem.NotFound, "file-unknown")
	}
	return f, nil
}

func (p photos) Adopt(_ context.Context, id, ahead, key string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, ok := p.list[id]
	if !ok || f.Key != key && f.Key != ahead {
		return problem.New(problem.NotFound, "file-unknown")
	}
	f.Key = key
	p.list[id] = f
	return nil
}

func (p photos) put(id, key string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list[id] = request.File{ID: id, Dataset: request.Dataset, Key: key, Media: "image/jpeg"}
	return id
}

// both runs a test on either store.
func both(t *testing.T, fn func(t *testing.T, h *hall)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, onSQLite(t, t.TempDir())) })
	t.Run("postgres", func(t *testing.T) {
		d, err := postgres.Open(t.Context(), cluster.Database(t), postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		h := openHall(t, d, &clock{now: start})
		h.found()
		fn(t, h)
	})
}

func onSQLite(t testing.TB, folder string) *hall {
	t.Helper()
	d, err := sqlite.Open(folder, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := openHall(t, d, &clock{now: start})
	h.found()
	return h
}

func openHall(t testing.TB, d store.Driver, c *clock) *hall {
	t.Helper()
	h := &hall{TB: t, clock: c, files: photos{&sync.Mutex{}, map[string]request.File{}}}
	var err error
	if h.repo, err = repo.Open(t.Context(), repo.Config{Driver: d, Now: c.Now, Zone: hue}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.repo.Close(context.Background()) })
	h.Desk = h.another()
	return h
}

// another desk on the same repository, as after a restart or in another process.
func (h *hall) another() *request.Desk {
	b, err := os.ReadFile("../../../city/hue/calendars/hue.yaml")
	if err != nil {
		h.Fatal(err)
	}
	c, err := calendar.Parse("hue.yaml", b)
	if err != nil {
		h.Fatal(err)
	}
	working := workflow.Clock{ // every hour counts in years that the calendar does not hold
		Add: func(from time.Time, d time.Duration) (time.Time, error) {
			if due, err := c.AddWorkingHours(from, d); err == nil {
				return due, nil
			}
			return from.Add(d), nil
		},
		Between: func(from, until time.Time) (time.Duration, error) {
			if passed, err := c.WorkingTimeBetween(from, until); err == nil {
				return passed, nil
			}
			return until.Sub(from), nil
		}}
	return request.New(request.Config{Repo: h.repo, Random: rand.Reader, Clock: working, Files: h.files, Queues: h.queues, Sought: h.sought,
		Limits: request.Limits{PerAccount: 5, PerDevice: 3},
		Personal: func(text string) []string {
			if strings.Contains(text, "0905") {
				return []string{"phone"}
			}
			return nil
		}})
}

// found puts what the city is made of.
func (h *hall) found() {
	h.Helper()
	declared, err := dataset.Parse("service-request.yaml", h.file("datasets/service-request.yaml"))
	if err != nil {
		h.Fatal(err)
	}
	plan, err := h.repo.Plan(h.Context(), repo.Internal(), []*dataset.Dataset{declared})
	if err == nil {
		_, err = h.repo.Apply(h.Context(), repo.Internal(), plan)
	}
	if err != nil {
		h.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(h.file("agencies.csv")))).ReadAll()
	if err != nil {
		h.Fatal(err)
	}
	var agencies []map[string]any
	for _, row := range rows[1:] {
		agencies = append(agencies, map[string]any{"code": row[0], "name": row[1]})
	}
	h.put("agency", agencies...)
	box := func(west, south, east, north float64) any {
		return map[string]any{"type": "Polygon", "coordinates": [][][2]float64{{{west, south}, {east, south}, {east, north}, {west, north}, {west, south}}}}
	}
	h.put("area", map[string]any{"code": "46", "name": "Thành phố Huế", "kind": "city"})
	h.put("area", map[string]any{"code": "19789", "name": "Phường Thuận Hóa", "kind": "phuong", "parent": "46", "boundary": box(107.58, 16.45, 107.62, 16.48)})
	h.put("area", map[string]any{"code": "19753", "name": "Phường Phú Xuân", "kind": "phuong", "parent": "46", "boundary": box(107.54, 16.45, 107.58, 16.48)})
	for _, id := range []string{"van", "ha", "lam", "minh", "dan", "em"} {
		h.put("account", map[string]any{"id": id, "name": strings.ToUpper(id), "kind": "staff", "createdAt": "2025-01-01T00:00:00Z"})
	}
	h.define("workflow", "service-request", h.file("workflows/service-request.yaml"))
	h.define("requests", "requests", h.file("requests.yaml"))
}

func (h *hall) file(name string) []byte {
	h.Helper()
	b, err := os.ReadFile("../../../city/hue/" + name)
	if err != nil {
		h.Fatal(err)
	}
	return b
}

func (h *hall) define(kind, name string, text []byte) {
	h.Helper()
	h.put("definition", map[string]any{"kind": kind, "name": name, "title": name, "text": string(text)})
}

func (h *hall) put(name string, objects ...map[string]any) {
	h.Helper()
	e, err := h.repo.Entry(repo.Internal(), name)
	if err != nil {
		h.Fatal(err)
	}
	req := &commit.Request{}
	for _, object := range objects {
		text, err := json.Marshal(object)
		if err != nil {
			h.Fatal(err)
		}
		b := record.NewBatch(e.Schema)
		faults, err := record.NewJSONReader(strings.NewReader(string(text)), e.Schema, record.Limits{}).Next(b, 1)
		if err != nil && b.Len() == 0 || len(faults) > 0 {
			h.Fatalf("%.200s: %.500s %v", text, fmt.Sprint(faults), err)
		}
		req.Changes = append(req.Changes, commit.Change{Dataset: name, Op: commit.Put, Row: b.Row(0)})
	}
	if _, err := h.repo.Commit(h.Context(), repo.Internal(), req); err != nil {
		h.Fatal(err)
	}
}

var (
	duty    = repo.Principal{Name: "van", Agency: "hueioc", Roles: []string{"operator"}, Areas: []string{"*"}}
	second  = repo.Principal{Name: "minh", Agency: "hueioc", Roles: []string{"officer"}, Areas: []string{"*"}}
	ward    = repo.Principal{Name: "ha", Agency: "ubnd-19789", Roles: []string{"officer"}, Areas: []string{"19789"}}
	other   = repo.Principal{Name: "lam", Agency: "ubnd-19753", Roles: []string{"officer"}, Areas: []string{"19753"}}
	citizen = repo.Principal{Name: "dan", Roles: []string{"citizen"}, Assurance: 2}
	friend  = repo.Principal{Name: "em", Roles: []string{"citizen"}, Assurance: 2}
)

func at(lon, lat float64) (*float64, *float64) { return &lon, &lat }

// uuid is a key as a device draws it.
func uuid(n int) string { return fmt.Sprintf("0b5c9e1a-7d43-4a12-9f00-%012d", n) }

// pavement is a report that the ward of Thuận Hóa handles.
func pavement(n int) request.Submission {
	lon, lat := at(107.60, 16.46)
	return request.Submission{Key: uuid(n), Category: "encroachment", Title: "Lấn vỉa hè", Text: "Quán nước bày bàn ghế kín vỉa hè.", Longitude: lon, Latitude: lat,
		Address: "12 Hà Nội", Contact: request.Contact{Name: "Lê Thị Canh", Phone: "0912 345 678", Email: "canh@example.com"}}
}

func (h *hall) send(p repo.Principal, s request.Submission) request.Receipt {
	h.Helper()
	r, err := h.Submit(h.Context(), p, s)
	if err != nil {
		h.Fatal(err)
	}
	return r
}

// act does something upon the version that stands.
func (h *hall) act(p repo.Principal, code, do string, kv ...string) request.Request {
	h.Helper()
	x, err := h.try(p, code, do, kv...)
	if err != nil {
		h.Fatalf("%s by %s: %v", do, p.Name, err)
	}
	return x
}

func (h *hall) try(p repo.Principal, code, do string, kv ...string) (request.Request, error) {
	h.Helper()
	x, err := h.Read(h.Context(), repo.Internal(), code)
	if err != nil {
		h.Fatal(err)
	}
	return h.Act(h.Context(), p, code, actOf(do, x.Version, kv...))
}

func actOf(do string, version int64, kv ...string) request.Act {
	a := request.Act{Do: do, Version: version, Fields: map[string]string{}}
	for i := 0; i+1 < len(kv); i += 2 {
		switch kv[i] {
		case "outcome":
			a.Outcome = kv[i+1]
		case "photos":
			a.Photos = strings.Fields(kv[i+1])
		default:
			a.Fields[kv[i]] = kv[i+1]
		}
	}
	return a
}

func (h *hall) reply(p repo.Principal, code, secret, do string, kv ...string) (request.Request, error) {
	h.Helper()
	return h.Reply(h.Context(), p, code, secret, actOf(do, 0, kv...))
}

func (h *hall) tick() {
	h.Helper()
	if err := h.Tick(h.Context()); err != nil {
		h.Fatal(err)
	}
}

// lines writes a timeline shortly.
func lines(list []request.Entry) string {
	var out []string
	for _, e := range list {
		if e.Kind == workflow.Fire { // each firing that it notes
			for id := range strings.FieldsSeq(e.Name) {
				s := e.Kind + ":" + id
				if e.Level != "" && strings.HasSuffix(id, "/escalate-"+e.Level) {
					s += "^" + e.Level
				}
				out = append(out, s)
			}
			continue
		}
		s := e.Kind + ":" + e.Name
		if e.Level != "" {
			s += "^" + e.Level
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func (h *hall) timeline(code string) string {
	h.Helper()
	w, err := h.Read(h.Context(), repo.Internal(), code)
	if err != nil {
		h.Fatal(err)
	}
	return lines(w.Timeline)
}

// told lists the notifications since a number of them.
func (h *hall) told(after int) (list []string) {
	h.Helper()
	_, err := h.repo.Read(h.Context(), repo.Internal(), repo.Query{Dataset: repo.SystemNotification, Sort: []repo.Sort{{Field: "createdAt"}, {Field: "to"}, {Field: "titleEn"}}}, func(rec repo.Record) error {
		text := func(name string) string {
			i, _, _, _ := rec.Entry.Table.Property(name)
			return strings.Clone(rec.Values[i].Text())
		}
		list = append(list, strings.SplitN(text("titleEn"), ":", 2)[0]+" → "+text("to"))
		return nil
	})
	if err != nil {
		h.Fatal(err)
	}
	return list[min(after, len(list)):]
}

// everything is all text of a dataset as p may read it.
func (h *hall) everything(p repo.Principal, dataset string) string {
	h.Helper()
	var b strings.Builder
	_, err := h.repo.Read(h.Context(), p, repo.Query{Dataset: dataset}, func(rec repo.Record) error {
		for _, v := range rec.Values {
			if v.Kind() == value.Text {
				b.WriteString(v.Text() + "\n")
			}
		}
		return nil
	})
	if err != nil && problem.KindOf(err) != problem.NotFound && problem.KindOf(err) != problem.Unauthenticated && problem.KindOf(err) != problem.Denied {
		h.Fatal(err)
	}
	return b.String()
}

func wantCode(t testing.TB, err error, kind problem.Kind, code string) {
	t.Helper()
	if err == nil || problem.KindOf(err) != kind || problem.As(err).Code != code {
		t.Errorf("%v, want %v %s", err, kind, code)
	}
}

func fieldsOf(err error) string {
	var fields []string
	if err != nil {
		for _, v := range problem.As(err).Violations {
			fields = append(fields, v.Field)
		}
	}
	slices.Sort(fields)
	return strings.Join(fields, " ")
}

// logged calls fn with who and why of each commit.
func logged(fn func(actor, reason string)) func(*commit.Entry) error {
	return func(e *commit.Entry) error {
		fn(e.Actor, e.Reason)
		return nil
	}
}

// friendOf gives every few submissions to another account.
func friendOf(n int) repo.Principal {
	return repo.Principal{Name: fmt.Sprintf("c%d", n/3), Roles: []string{"citizen"}, Assurance: 1}
}

// applied gives the entries of the log to a follower.
func applied(f repo.Follower, r *repo.Repository) func(*commit.Entry) error {
	return func(e *commit.Entry) error {
		return f.Apply(e, func(name string) *repo.Entry {
			e, _ := r.Entry(repo.Internal(), name)
			return e
		})
	}
}
