package incident_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/incident"
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

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

var start = time.Date(2025, 10, 27, 1, 0, 0, 0, time.UTC)

// room is a city with the definitions of Huế that incidents are handled by.
type room struct {
	*testing.T
	*incident.Desk
	repo  *repo.Repository
	clock *clock
	files *attachment.Keeper
}

// files tells the desk about files.
type files struct{ *attachment.Keeper }

func (f files) Describe(ctx context.Context, id string) (incident.File, error) {
	x, err := f.Keeper.Describe(ctx, id)
	return incident.File{ID: x.ID, Dataset: x.Dataset, Key: x.Key, Name: x.Name, Media: x.Media, Size: x.Size, Width: x.Width, Height: x.Height}, err
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

func openRoom(t *testing.T, d store.Driver) *room {
	t.Helper()
	r := &room{T: t, clock: &clock{now: start}}
	zone := time.FixedZone("+07", 7*3600)
	var err error
	r.repo, err = repo.Open(t.Context(), repo.Config{Driver: d, Now: r.clock.Now, Zone: zone, Checks: map[string]repo.CheckDefinition{
		incident.WorkflowKind: incident.CheckWorkflow, incident.PlaybookKind: incident.CheckPlaybook}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.repo.Close(context.Background()) })
	for _, code := range []string{"pctt", "hueioc", "cath", "ubnd-19789", "sxd"} {
		r.put("agency", fmt.Sprintf(`{"code":%q,"name":%q}`, code, code))
	}
	for code, kind := range map[string]string{"46": "city", "19789": "phuong", "19753": "phuong"} {
		r.put("area", fmt.Sprintf(`{"code":%q,"name":%q,"kind":%q,"parent":%q}`, code, "Địa bàn "+code, kind, map[bool]string{true: "", false: "46"}[code == "46"]))
	}
	for _, id := range []string{"ha", "binh", "minh"} {
		r.put("account", fmt.Sprintf(`{"id":%q,"name":%q,"kind":"staff","createdAt":"2025-01-01T00:00:00Z"}`, id, strings.ToUpper(id)))
	}
	for kind, names := range map[string][]string{"workflow": {"incident"}, "playbook": {"flood", "storm", "accident", "stages"}} {
		for _, name := range names {
			b, err := os.ReadFile("../../../city/hue/" + kind + "s/" + name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			r.define(kind, name, string(b))
		}
	}
	r.files = attachment.New(attachment.Config{Repo: r.repo, Random: rand.Reader, MayAttach: map[string]func(repo.Principal) bool{repo.SystemIncident: incident.Handles}})
	r.Desk = incident.New(incident.Config{Repo: r.repo, Random: rand.Reader, Files: files{r.files}})
	return r
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
		r.Fatal(err)
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
	duty   = repo.Principal{Name: "van", Agency: "hueioc", Roles: []string{"operator"}, Areas: []string{"*"}}
	ward   = repo.Principal{Name: "ha", Agency: "ubnd-19789", Roles: []string{"officer"}, Areas: []string{"19789"}}
	police = repo.Principal{Name: "binh", Agency: "cath", Roles: []string{"officer"}}
	other  = repo.Principal{Name: "xuan", Agency: "sxd", Roles: []string{"officer"}, Areas: []string{"19753"}}
	chair  = repo.Principal{Name: "minh", Agency: "pctt", Roles: []string{"leader"}, Areas: []string{"*"}}
)

func accident(severity string) incident.Report {
	return incident.Report{Title: "Xe tải lật ở cầu Trường Tiền", Kind: "accident", Severity: severity, Agency: "ubnd-19789", Area: "19789",
		Place: "Đầu cầu phía nam", Summary: "Hai người bị thương", Caller: "Lê Thị Canh", CallerPhone: "0905000111", Source: "phone"}
}

func (r *room) open(p repo.Principal, report incident.Report) incident.Incident {
	r.Helper()
	x, err := r.Open(r.Context(), p, report)
	if err != nil {
		r.Fatal(err)
	}
	return x
}

// act does something upon the version that stands.
func (r *room) act(p repo.Principal, id, do string, kv ...string) incident.Incident {
	r.Helper()
	x, err := r.try(p, id, do, kv...)
	if err != nil {
		r.Fatalf("%s by %s: %v", do, p.Name, err)
	}
	return x
}

func (r *room) try(p repo.Principal, id, do string, kv ...string) (incident.Incident, error) {
	r.Helper()
	x, err := r.Get(r.Context(), repo.Internal(), id)
	if err != nil {
		r.Fatal(err)
	}
	a := incident.Act{Do: do, Version: x.Version, Fields: map[string]string{}}
	for i := 0; i+1 < len(kv); i += 2 {
		if kv[i] == "outcome" {
			a.Outcome = kv[i+1]
		} else {
			a.Fields[kv[i]] = kv[i+1]
		}
	}
	return r.Act(r.Context(), p, id, a)
}

func (r *room) tick() {
	r.Helper()
	if err := r.Tick(r.Context()); err != nil {
		r.Fatal(err)
	}
}

// lines writes a timeline shortly.
func (r *room) lines(p repo.Principal, id string) string {
	r.Helper()
	w, err := r.Read(r.Context(), p, id)
	if err != nil {
		r.Fatal(err)
	}
	var list []string
	for _, e := range w.Entries {
		s := e.Kind + ":" + e.Name
		if e.Level != "" {
			s += "^" + e.Level
		}
		list = append(list, s)
	}
	return strings.Join(list, " ")
}

// told lists the addressees of the notifications.
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
