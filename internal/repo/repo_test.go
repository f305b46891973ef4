package repo_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/sqlite"
)

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

func (c *clock) Forward(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

func newClock() *clock { return &clock{now: time.Date(2025, 10, 27, 0, 0, 0, 0, time.UTC)} }

func openAt(t *testing.T, dir string, c *clock) *repo.Repository {
	t.Helper()
	d, err := sqlite.Open(dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: c.Now, Poll: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

func open(t *testing.T) *repo.Repository { return openAt(t, t.TempDir(), newClock()) }

const stations = `
name: station
title: {vi: Trạm, en: Station}
kind: register
classification: open
schema:
  primaryKey: [code]
  fields:
    - {name: code, type: string, title: {vi: Mã, en: Code}}
    - {name: name, type: string, title: {vi: Tên, en: Name}, constraints: {required: true}}
    - {name: location, type: geopoint, title: {vi: Nơi, en: Place}}
    - {name: keeper, type: string, title: {vi: Người trông, en: Keeper}, classification: personal}
place: {field: location}
`

const levels = `
name: level
title: {vi: Mực nước, en: Level}
kind: series
classification: internal
schema:
  primaryKey: [station, at]
  fields:
    - {name: station, type: string, title: {vi: Trạm, en: Station}}
    - {name: at, type: datetime, title: {vi: Lúc, en: At}}
    - {name: metres, type: number, title: {vi: Mét, en: Metres}, unit: m, constraints: {minimum: -5, maximum: 20}}
  foreignKeys: [{fields: station, reference: {resource: station, fields: code}}]
place: {from: station}
time: at
quality:
  - {name: high, dimension: accuracy, rule: "metres <= 10", severity: warning}
`

func declare(t *testing.T, r *repo.Repository, yaml ...string) {
	t.Helper()
	var ds []*dataset.Dataset
	for i, y := range yaml {
		d, err := dataset.Parse(fmt.Sprintf("%d.yaml", i), []byte(y))
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, d)
	}
	plan, err := r.Plan(t.Context(), repo.Operator(), ds)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Apply(t.Context(), repo.Operator(), plan); err != nil {
		t.Fatal(err)
	}
}

// row builds a row of a dataset from JSON.
func row(t *testing.T, r *repo.Repository, name, object string) []value.Value {
	t.Helper()
	e, err := r.Entry(repo.Operator(), name)
	if err != nil {
		t.Fatal(err)
	}
	b := record.NewBatch(e.Schema)
	faults, err := record.NewJSONReader(strings.NewReader(object), e.Schema, record.Limits{}).Next(b, 1)
	if err != nil && b.Len() == 0 || len(faults) > 0 {
		t.Fatalf("row %s: %v %v", object, faults, err)
	}
	return b.Row(0)
}

func put(t *testing.T, r *repo.Repository, p repo.Principal, name string, objects ...string) (commit.Receipt, error) {
	t.Helper()
	req := &commit.Request{Header: commit.Header{Source: "test"}}
	for _, o := range objects {
		req.Changes = append(req.Changes, commit.Change{Dataset: name, Op: commit.Put, Row: row(t, r, name, o)})
	}
	return r.Commit(t.Context(), p, req)
}

func mustPut(t *testing.T, r *repo.Repository, name string, objects ...string) commit.Receipt {
	t.Helper()
	receipt, err := put(t, r, repo.Operator(), name, objects...)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

func read(t *testing.T, r *repo.Repository, p repo.Principal, q repo.Query) (rows []string, page repo.Page) {
	t.Helper()
	page, err := r.Read(t.Context(), p, q, func(rec repo.Record) error {
		rows = append(rows, string(rec.Entry.Schema.AppendJSON(nil, rec.Values, nil)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows, page
}

func wantKind(t *testing.T, err error, k problem.Kind) {
	t.Helper()
	if err == nil || problem.KindOf(err) != k {
		t.Errorf("want a problem of kind %v, got %v", k, err)
	}
}

func TestOpenTwiceDeclaresOnce(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), newClock()
	r := openAt(t, dir, c)
	head, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, dir, c)
	if now, _ := again.Head(t.Context()); now.Position != head.Position {
		t.Errorf("opening changed the head: %v, then %v", head, now)
	}
	var names []string
	for _, e := range again.Entries(repo.Operator()) {
		names = append(names, e.Dataset.Name)
	}
	want := []string{"access", "account", "agency", "alert", "area", "capacity", "city-stage", "dataset", "definition", "erasure", "grant", "import", "incident", "incident-entry", "notification", "purpose", "quarantine", "release", "report", "request-deletion", "request-entry", "request-follow", "request-reporter", "request-strike", "rights-request", "sector", "shift-entry", "token"}
	if !slices.Equal(names, want) {
		t.Errorf("system datasets: %v, want %v", names, want)
	}
}

func TestAccessIsDeniedByDefault(t *testing.T) {
	t.Parallel()
	r := open(t)
	declare(t, r, stations, levels)
	mustPut(t, r, "station", `{"code":"KL","name":"Kim Long","keeper":"Bà Tư"}`)
	mustPut(t, r, "level", `{"station":"KL","at":"2025-10-27T00:00:00Z","metres":2.1}`)
	reader := repo.Principal{Name: "token:r", Read: []string{"level"}}
	writer := repo.Principal{Name: "token:w", Read: []string{"level"}, Write: []string{"level"}}

	_, err := r.Read(t.Context(), repo.Public(), repo.Query{Dataset: "level"}, nil)
	wantKind(t, err, problem.Unauthenticated)
	_, err = r.Read(t.Context(), repo.Principal{Name: "token:x"}, repo.Query{Dataset: "level"}, nil)
	wantKind(t, err, problem.NotFound)
	_, err = r.Read(t.Context(), reader, repo.Query{Dataset: "token"}, nil)
	wantKind(t, err, problem.NotFound)
	_, err = put(t, r, reader, "level", `{"station":"KL","at":"2025-10-27T01:00:00Z","metres":2.2}`)
	wantKind(t, err, problem.Denied)
	if _, err = put(t, r, writer, "level", `{"station":"KL","at":"2025-10-27T01:00:00Z","metres":2.2}`); err != nil {
		t.Error(err)
	}
	_, err = put(t, r, repo.Public(), "station", `{"code":"X","name":"X"}`)
	wantKind(t, err, problem.Unauthenticated)

	// A field above its dataset's class can be neither read, selected, sorted
	// by, filtered by nor grouped by.
	rows, _ := read(t, r, repo.Public(), repo.Query{Dataset: "station"})
	if len(rows) != 1 || strings.Contains(rows[0], "Tư") {
		t.Errorf("the public reads %v", rows)
	}
	for _, q := range []repo.Query{
		{Dataset: "station", Fields: []string{"keeper"}},
		{Dataset: "station", Sort: []repo.Sort{{Field: "keeper"}}},
		{Dataset: "station", Filter: parse(t, "keeper LIKE 'B%'")},
	} {
		_, err := r.Read(t.Context(), repo.Public(), q, func(repo.Record) error { return nil })
		wantKind(t, err, problem.Invalid)
	}
	err = r.Aggregate(t.Context(), repo.Public(), repo.Aggregation{Query: repo.Query{Dataset: "station"},
		By: []repo.By{{Field: "keeper"}}, Measures: []repo.Measure{{Func: "count"}}}, nil)
	wantKind(t, err, problem.Invalid)
	err = r.Log(t.Context(), repo.Public(), repo.LogQuery{Changes: true}, func(e *commit.Entry) error {
		for _, a := range e.Changes {
			if a.Dataset == "level" || a.Dataset == "station" && strings.Contains(fmt.Sprint(a.After), "Tư") {
				t.Errorf("the public sees %v in commit %d", a, e.Seq)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func parse(t *testing.T, text string) cql2.Expr {
	t.Helper()
	e, err := cql2.ParseText(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestPagesMeetWithoutLossOrRepeat(t *testing.T) {
	t.Parallel()
	r := open(t)
	declare(t, r, stations)
	var objects []string
	for i := range 57 {
		objects = append(objects, fmt.Sprintf(`{"code":"S%02d","name":"n%d"}`, i, i%5))
	}
	mustPut(t, r, "station", objects...)
	q := repo.Query{Dataset: "station", Sort: []repo.Sort{{Field: "name", Desc: true}}, Limit: 10, Count: true}
	var all []string
	for {
		rows, page := read(t, r, repo.Public(), q)
		if page.Matched != 57 {
			t.Fatalf("matched %d", page.Matched)
		}
		all = append(all, rows...)
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	if slices.Sort(all); len(slices.Compact(all)) != 57 {
		t.Errorf("pages give %d records", len(all))
	}
	q.Sort = nil
	_, err := r.Read(t.Context(), repo.Public(), q, func(repo.Record) error { return nil })
	wantKind(t, err, problem.Invalid)
}

func TestFaultsAreAllTold(t *testing.T) {
	t.Parallel()
	r := open(t)
	declare(t, r, stations, levels)
	e, _ := r.Entry(repo.Operator(), "level")
	bad := func(station string, metres float64) commit.Change {
		values := make([]value.Value, e.Table.Width())
		values[0], values[1], values[2] = value.OfText(station), value.OfTime(1), value.OfFloat(metres)
		return commit.Change{Dataset: "level", Op: commit.Put, Row: values}
	}
	_, err := r.Commit(t.Context(), repo.Operator(), &commit.Request{Changes: []commit.Change{bad("A", 21), bad("B", 1), bad("C", -6)}})
	wantKind(t, err, problem.Invalid)
	if vs := problem.As(err).Violations; len(vs) != 2 || vs[0].Row != 0 || vs[1].Row != 2 {
		t.Errorf("violations: %+v", vs)
	}
	_, err = r.Commit(t.Context(), repo.Operator(), &commit.Request{Changes: []commit.Change{bad("A", 1), bad("B", 1)}})
	wantKind(t, err, problem.Conflict) // neither station exists
	if vs := problem.As(err).Violations; len(vs) != 2 {
		t.Errorf("violations: %+v", vs)
	}
}

func TestPlacesAndFlagsAreFilled(t *testing.T) {
	t.Parallel()
	r := open(t)
	declare(t, r, stations, levels)
	square := func(code string, west float64) string {
		g := geom.BoxPolygon(geom.Box{West: west, South: 16, East: west + 1, North: 17})
		return fmt.Sprintf(`{"code":%q,"name":%q,"kind":"phuong","schematic":true,"boundary":%s}`, code, code, geom.AppendGeoJSON(nil, g))
	}
	mustPut(t, r, "area", square("001", 107), square("002", 108))
	mustPut(t, r, "station", `{"code":"KL","name":"Kim Long","location":[107.5,16.4]}`)
	mustPut(t, r, "level",
		`{"station":"KL","at":"2025-10-27T00:00:00Z","metres":2.1}`,
		`{"station":"KL","at":"2025-10-27T01:00:00Z","metres":12}`)
	in := func(area string) int {
		rows, _ := read(t, r, repo.Operator(), repo.Query{Dataset: "level", Area: area})
		return len(rows)
	}
	if in("001") != 2 || in("002") != 0 {
		t.Errorf("levels by area: %d and %d", in("001"), in("002"))
	}
	rows, _ := read(t, r, repo.Operator(), repo.Query{Dataset: "level", Filter: parse(t, "A_CONTAINS(_flags, ('high'))")})
	if len(rows) != 1 || !strings.Contains(rows[0], "12") {
		t.Errorf("flagged: %v", rows)
	}
	box := [4]float64{107.4, 16.3, 107.6, 16.5}
	if rows, _ := read(t, r, repo.Operator(), repo.Query{Dataset: "level", BBox: &box}); len(rows) != 2 {
		t.Errorf("in the box: %v", rows)
	}
	// New borders: 002 now covers the station.
	mustPut(t, r, "area", strings.Replace(square("001", 100), `"001"`, `"001"`, 1), square("002", 107))
	if err := r.Reassign(t.Context(), repo.Operator(), "new borders", nil); err != nil {
		t.Fatal(err)
	}
	if in("001") != 0 || in("002") != 2 {
		t.Errorf("after new borders: %d and %d", in("001"), in("002"))
	}
}

func TestPatchesMergeUnderConcurrency(t *testing.T) {
	t.Parallel()
	r := open(t)
	declare(t, r, stations)
	mustPut(t, r, "station", `{"code":"KL","name":"n"}`)
	e, _ := r.Entry(repo.Operator(), "station")
	patch := func(field, text string) error {
		values, mask := make([]value.Value, e.Table.Width()), make([]bool, e.Table.Width())
		values[0] = value.OfText("KL")
		i, _, _, _ := e.Table.Property(field)
		values[i], mask[i] = value.OfText(text), true
		_, err := r.Commit(t.Context(), repo.Operator(), &commit.Request{Changes: []commit.Change{{Dataset: "station", Op: commit.Patch, Row: values, Mask: mask}}})
		return err
	}
	var wg sync.WaitGroup
	for i := range 6 {
		for _, f := range []string{"name", "keeper"} {
			wg.Go(func() {
				if err := patch(f, fmt.Sprint(f, i)); err != nil && problem.KindOf(err) != problem.RateLimited {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if err := patch("name", "end"); err != nil {
		t.Fatal(err)
	}
	if err := patch("keeper", "end"); err != nil {
		t.Fatal(err)
	}
	rows, _ := read(t, r, repo.Operator(), repo.Query{Dataset: "station"})
	if len(rows) != 1 || strings.Count(rows[0], "end") != 2 {
		t.Errorf("after patches: %v", rows)
	}
	i, _, _, _ := e.Table.Property("name")
	values, mask := make([]value.Value, e.Table.Width()), make([]bool, e.Table.Width())
	values[0], mask[i] = value.OfText("KL"), true // clears a required field
	_, err := r.Commit(t.Context(), repo.Operator(), &commit.Request{Changes: []commit.Change{{Dataset: "station", Op: commit.Patch, Row: values, Mask: mask}}})
	wantKind(t, err, problem.Invalid)
}

func TestAsOfHistoryAndDifference(t *testing.T) {
	t.Parallel()
	r := open(t)
	declare(t, r, stations)
	first := mustPut(t, r, "station", `{"code":"A","name":"one"}`, `{"code":"B","name":"one"}`)
	mustPut(t, r, "station", `{"code":"A","name":"two"}`)
	e, _ := r.Entry(repo.Operator(), "station")
	gone := make([]value.Value, e.Table.Width())
	gone[0] = value.OfText("B")
	if _, err := r.Commit(t.Context(), repo.Operator(), &commit.Request{Changes: []commit.Change{{Dataset: "station", Op: commit.Delete, Row: gone}}}); err != nil {
		t.Fatal(err)
	}
	last := mustPut(t, r, "station", `{"code":"C","name":"three"}`)

	then, _ := read(t, r, repo.Public(), repo.Query{Dataset: "station", AsOf: first.Seq})
	if len(then) != 2 || !strings.Contains(then[0], "one") {
		t.Errorf("as of %d: %v", first.Seq, then)
	}
	if seq, err := r.SeqAt(t.Context(), time.UnixMicro(first.At)); err != nil || seq != first.Seq {
		t.Errorf("seq at the first commit: %d, %v", seq, err)
	}
	var got []string
	err := r.Difference(t.Context(), repo.Public(), "station", first.Seq, last.Seq, func(d repo.Difference) error {
		got = append(got, d.Result.String())
		return nil
	})
	if want := []string{"updated", "deleted", "created"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("difference: %v %v, want %v", got, err, want)
	}
	versions := 0
	if _, err := r.History(t.Context(), repo.Public(), "station", []value.Value{value.OfText("A")}, func(store.Version) error {
		versions++
		return nil
	}); err != nil || versions != 2 {
		t.Errorf("history of A: %d versions, %v", versions, err)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := openAt(t, t.TempDir(), c)
	declare(t, r, stations)
	secret, err := r.CreateToken(t.Context(), repo.Operator(), "feed", nil, []string{"station"}, "", c.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Authenticate(t.Context(), secret)
	if err != nil || !slices.Equal(p.Write, []string{"station"}) || p.Admin {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, wrong := range []string{"", "huong_", secret + "x", secret[:len(secret)-1], strings.ToUpper(secret), "huong_zz_" + strings.Repeat("a", 400)} {
		_, err := r.Authenticate(t.Context(), wrong)
		wantKind(t, err, problem.Unauthenticated)
	}
	c.Forward(2 * time.Hour)
	_, err = r.Authenticate(t.Context(), secret)
	wantKind(t, err, problem.Unauthenticated)

	forever, err := r.CreateToken(t.Context(), repo.Operator(), "x", []string{"*"}, nil, "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	p, err = r.Authenticate(t.Context(), forever)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.RevokeToken(t.Context(), repo.Operator(), strings.TrimPrefix(p.Name, "token:")); err != nil {
		t.Fatal(err)
	}
	_, err = r.Authenticate(t.Context(), forever)
	wantKind(t, err, problem.Unauthenticated)
	_, err = r.CreateToken(t.Context(), repo.Operator(), "y", []string{"nowhere"}, nil, "", time.Time{})
	wantKind(t, err, problem.Invalid)
}

// counter is a follower that adds up what it saw.
type counter struct {
	mu   sync.Mutex
	seqs []int64
	sum  int
}

func (c *counter) Name() string { return "counter" }
func (c *counter) Load(state map[string][]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum, c.seqs = len(state["sum"]), nil
	return nil
}
func (c *counter) Apply(e *commit.Entry, _ func(string) *repo.Entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seqs = append(c.seqs, e.Seq)
	c.sum += len(e.Changes)
	return nil
}
func (c *counter) Save() ([]store.StatePut, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return []store.StatePut{{Key: "sum", Value: make([]byte, c.sum)}}, nil
}

func caughtUp(t *testing.T, r *repo.Repository) {
	t.Helper()
	for {
		s, err := r.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.Followers[0].Lag == 0 {
			return
		}
		if _, err := r.Wait(t.Context(), s.Followers[0].Cursor); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFollowersSeeEveryCommitOnce(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), newClock()
	r := openAt(t, dir, c)
	f := &counter{}
	r.Follow(f)
	declare(t, r, stations)
	for i := range 20 {
		mustPut(t, r, "station", fmt.Sprintf(`{"code":"S%d","name":"n"}`, i))
	}
	caughtUp(t, r)
	for i, seq := range f.seqs {
		if seq != int64(i+1) {
			t.Fatalf("commits came as %v", f.seqs)
		}
	}
	sum := f.sum
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	r = openAt(t, dir, c)
	again := &counter{}
	r.Follow(again)
	mustPut(t, r, "station", `{"code":"Z","name":"n"}`)
	caughtUp(t, r)
	if len(again.seqs) != 1 || again.sum != sum+1 {
		t.Errorf("after a restart it saw %v and has %d, want one commit and %d", again.seqs, again.sum, sum+1)
	}
	if err := r.Rebuild(repo.Operator(), "counter"); err != nil {
		t.Fatal(err)
	}
	for again.total() != sum+1 || again.seen() < 2 {
		time.Sleep(time.Millisecond)
		if t.Context().Err() != nil {
			t.Fatal("not rebuilt")
		}
	}
}

func (c *counter) total() int { c.mu.Lock(); defer c.mu.Unlock(); return c.sum }
func (c *counter) seen() int  { c.mu.Lock(); defer c.mu.Unlock(); return len(c.seqs) }

func TestTwoProcessesOnOneFolder(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), newClock()
	a, b := openAt(t, dir, c), openAt(t, dir, c)
	declare(t, a, stations)
	// b learns of the declaration by itself, at the latest when it commits.
	for {
		if _, err := b.Entry(repo.Operator(), "station"); err == nil {
			break
		}
		if t.Context().Err() != nil {
			t.Fatal("the other process never saw the declaration")
		}
		time.Sleep(time.Millisecond)
	}
	declare(t, a, strings.Replace(stations, "    - {name: keeper", "    - {name: note, type: string, title: {vi: Ghi, en: Note}}\n    - {name: keeper", 1))
	receipt := mustPut(t, b, "station", `{"code":"A","name":"one"}`)
	if _, err := a.Wait(t.Context(), receipt.Seq-1); err != nil {
		t.Fatal(err)
	}
	mustPut(t, a, "station", `{"code":"A","name":"one","note":"x"}`)
}

func TestNarrowingIsRefusedWithTheRecordsThatBreak(t *testing.T) {
	t.Parallel()
	r := open(t)
	declare(t, r, stations)
	mustPut(t, r, "station", `{"code":"A","name":"short"}`, `{"code":"B","name":"far too long"}`)
	narrow := strings.Replace(stations, "constraints: {required: true}", "constraints: {required: true, maxLength: 6}", 1)
	d, err := dataset.Parse("x.yaml", []byte(narrow))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Plan(t.Context(), repo.Operator(), []*dataset.Dataset{d})
	if err != nil || !plan.Refused() {
		t.Fatalf("%+v, %v", plan, err)
	}
	if f := plan.Steps[0].Refusals; len(f) != 1 || f[0].Count != 1 || !slices.Equal(f[0].Records, []string{"B"}) {
		t.Errorf("refusals: %+v", f)
	}
	_, err = r.Apply(t.Context(), repo.Operator(), plan)
	wantKind(t, err, problem.Conflict)
	mustPut(t, r, "station", `{"code":"B","name":"fine"}`)
	declare(t, r, narrow)
	head, _ := r.Head(t.Context())
	declare(t, r, narrow)
	if now, _ := r.Head(t.Context()); now.Seq != head.Seq {
		t.Error("applying twice is not idempotent")
	}
}

func TestCursorsOfAnotherEpochAreGone(t *testing.T) {
	t.Parallel()
	r := open(t)
	pos := r.Position()
	if got, err := r.ParseCursor(r.FormatCursor(pos)); err != nil || got != pos {
		t.Fatalf("%v, %v", got, err)
	}
	pos.Epoch = "other"
	_, err := r.ParseCursor(r.FormatCursor(pos))
	wantKind(t, err, problem.Gone)
	for _, s := range []string{"", "x", "!!!", strings.Repeat("A", 20000)} {
		_, err := r.ParseCursor(s)
		wantKind(t, err, problem.Invalid)
	}
}

func TestEveryMessageStandsInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, code := range problem.Codes() {
		vi, en := problem.Text("vi", code, nil), problem.Text("en", code, nil)
		if vi == "" || en == "" || vi == code || en == code {
			t.Errorf("%s: %q / %q", code, vi, en)
		}
	}
}
