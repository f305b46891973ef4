package demo_test

import (
	"context"
	"crypto/rand"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/demo"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/quality"
	"huong.city/huong/internal/service/request"
	"huong.city/huong/internal/store/sqlite"
)

// hue opens a repository with the datasets of city/hue and three wards.
func hue(t *testing.T, now func() time.Time) *repo.Repository {
	t.Helper()
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	zone := time.FixedZone("ICT", 7*3600)
	r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: now, Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	var ds []*dataset.Dataset
	err = filepath.WalkDir("../../city/hue/datasets", func(path string, f fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		d, err := dataset.Parse(path, b)
		ds = append(ds, d)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Plan(t.Context(), repo.Internal(), ds)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Apply(t.Context(), repo.Internal(), plan); err != nil {
		t.Fatal(err)
	}
	req := &commit.Request{Changes: []commit.Change{demo.RowOf(r, "area", map[string]any{"code": "46", "name": "Huế", "kind": "city"})}}
	for i, w := range []string{"Phú Xuân", "Kim Long", "Thuận Hóa"} {
		code := []string{"19753", "19774", "19789"}[i]
		req.Changes = append(req.Changes, demo.RowOf(r, "area", map[string]any{
			"code": code, "name": "Phường " + w, "kind": "phuong", "parent": "46", "population": 50_000, "areaKm2": 12.5,
			"location": [2]float64{107.55 + float64(i)*0.04, 16.45}}))
		req.Changes = append(req.Changes, demo.RowOf(r, "agency", map[string]any{"code": "ubnd-" + code, "name": w, "kind": "ward"}))
	}
	for _, a := range []string{"hepco", "sxd", "huewaco", "cath", "syt", "ttpvhcc", "hueioc"} {
		req.Changes = append(req.Changes, demo.RowOf(r, "agency", map[string]any{"code": a, "name": a, "kind": "department"}))
	}
	for kind, file := range map[string]string{"workflow": "workflows/service-request.yaml", "requests": "requests.yaml"} {
		b, err := os.ReadFile("../../city/hue/" + file)
		if err != nil {
			t.Fatal(err)
		}
		name := map[string]string{"workflow": "service-request", "requests": "requests"}[kind]
		req.Changes = append(req.Changes, demo.RowOf(r, "definition", map[string]any{"kind": kind, "name": name, "title": name, "text": string(b)}))
	}
	if _, err := r.Commit(t.Context(), repo.Internal(), req); err != nil {
		t.Fatal(err)
	}
	return r
}

// files tells the desk of reports about files.
type files struct{ *attachment.Keeper }

func (f files) Describe(ctx context.Context, id string) (request.File, error) {
	x, err := f.Keeper.Describe(ctx, id)
	return request.File{ID: x.ID, Dataset: x.Dataset, Key: x.Key, Name: x.Name, Media: x.Media, Size: x.Size}, err
}

// reporting is where the people of a city send their reports.
func reporting(r *repo.Repository) demo.Reporting {
	keeper := attachment.New(attachment.Config{Repo: r, Random: rand.Reader, Ahead: []string{request.Dataset},
		MayAttach: map[string]func(repo.Principal) bool{request.Dataset: request.Handles}})
	return demo.Reporting{Desk: request.New(request.Config{Repo: r, Random: rand.Reader, Files: files{keeper}}), Files: keeper}
}

// versions are the versions of all reports by their codes.
func versions(t *testing.T, r *repo.Repository) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	_, err := r.Read(t.Context(), repo.Internal(), repo.Query{Dataset: request.Dataset}, func(rec repo.Record) error {
		i, _, _, _ := rec.Entry.Table.Property("code")
		all[strings.Clone(rec.Values[i].Text())] = rec.Version
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func count(t *testing.T, r *repo.Repository, dataset string) int64 {
	t.Helper()
	page, err := r.Read(t.Context(), repo.Internal(), repo.Query{Dataset: dataset, Limit: 1, Count: true}, func(repo.Record) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return page.Matched
}

// A month of history and an hour of feeds: everything the generator makes holds
// against the declarations, but for the dirt that it makes on purpose.
func TestHistoryAndFeedsFitTheDeclarations(t *testing.T) {
	t.Parallel()
	begin := time.Date(2025, 10, 27, 3, 0, 0, 0, time.UTC)
	var minutes atomic.Int64 // followers look at the clock too
	now := func() time.Time { return begin.Add(time.Duration(minutes.Load()) * time.Minute) }
	clock := demo.NewClock(now, begin, 1)
	r := hue(t, clock.Now)
	o := demo.Options{Seed: 1, Years: 1.0 / 12, Clock: clock, Log: slog.New(slog.DiscardHandler), Reports: reporting(r)}
	if err := demo.History(t.Context(), r, o); err != nil {
		t.Fatal(err)
	}
	series := []string{"water-level", "rain-reading", "air-quality", "traffic-count", "parking-occupancy", "hospital-beds", "service-request", "public-order-incident", "school", "business", "notifiable-disease"}
	before := map[string]int64{}
	for _, d := range series {
		if before[d] = count(t, r, d); before[d] == 0 {
			t.Errorf("%s is empty", d)
		}
	}
	if n := count(t, r, repo.SystemQuarantine); n != 0 {
		t.Errorf("history made %d rows of quarantine", n)
	}
	r.Follow(quality.NewFindings(r))
	if err := demo.History(t.Context(), r, o); err != nil {
		t.Fatal(err)
	}
	for _, d := range series {
		if n := count(t, r, d); n != before[d] {
			t.Errorf("%s: a second run made %d of %d", d, n, before[d])
		}
	}
	feeds, err := demo.NewFeeds(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	old := versions(t, r)
	for range 60 {
		minutes.Add(1)
		if err := feeds.Step(t.Context(), clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"water-level", "rain-reading", "traffic-count", "parking-occupancy", "service-request"} {
		if n := count(t, r, d); n <= before[d] {
			t.Errorf("%s did not move in an hour", d)
		}
	}
	since := versions(t, r)
	for code, version := range old {
		if since[code] != version {
			t.Errorf("the feeds have written report %s again", code)
		}
	}
	reasons := map[string]int{}
	_, err = r.Read(t.Context(), repo.Internal(), repo.Query{Dataset: repo.SystemQuarantine}, func(rec repo.Record) error {
		i, _, _, _ := rec.Entry.Table.Property("rule")
		reasons[strings.Clone(rec.Values[i].Text())]++
		return nil
	})
	if err != nil || len(reasons) == 0 {
		t.Errorf("no dirt was found: %v %v", reasons, err)
	}
	t.Logf("quarantine by rule: %v", reasons)
	head, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for at := int64(0); at < head.Seq; <-tick.C {
		if at, err = r.FollowerSaved(t.Context(), quality.Name); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"water-level", "air-quality"} {
		s, err := quality.Summary(t.Context(), r, repo.Internal(), d)
		if err != nil || len(s.Rules) != 1 || s.Rules[0].Records == 0 || s.Rules[0].Records > before[d]/50 {
			t.Errorf("%s: %+v of %d: %v", d, s, before[d], err)
		}
	}
}

func TestTheSameSeedMakesTheSameCity(t *testing.T) {
	t.Parallel()
	wall := time.Date(2025, 10, 28, 3, 0, 0, 0, time.UTC)
	export := func(seed uint64) string {
		clock := demo.NewClock(func() time.Time { return wall }, wall, 1)
		r := hue(t, clock.Now)
		if err := demo.History(t.Context(), r, demo.Options{Seed: seed, Years: 0.01, Clock: clock, Log: slog.New(slog.DiscardHandler), Reports: reporting(r)}); err != nil {
			t.Fatal(err)
		}
		var b []byte
		for _, d := range []string{"water-level", "service-request", "traffic-count"} {
			if _, err := r.Read(t.Context(), repo.Internal(), repo.Query{Dataset: d}, func(rec repo.Record) error {
				b = append(rec.Entry.Schema.AppendJSON(b, rec.Values, nil), '\n')
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		return string(b)
	}
	one, two, other := export(7), export(7), export(8)
	if one != two || one == other {
		t.Error("a city is not a function of its seed")
	}
	if !strings.Contains(one, "kim-long") && !strings.Contains(one, "thuan-an") {
		t.Error("no gauge reported")
	}
}

// A day of people who report, clerks and officers: reports go all the ways that
// there are, and each stands where its timeline leads.
func TestClerksLeadReportsToTheirEnd(t *testing.T) {
	t.Parallel()
	begin := time.Date(2025, 9, 8, 0, 0, 0, 0, time.UTC)
	var minutes atomic.Int64
	now := func() time.Time { return begin.Add(time.Duration(minutes.Load()) * time.Minute) }
	clock := demo.NewClock(now, begin, 1)
	r := hue(t, clock.Now)
	o := demo.Options{Seed: 1, Years: 10.0 / 365, Clock: clock, Log: slog.New(slog.DiscardHandler), Reports: reporting(r)}
	if err := demo.Reports(t.Context(), r, o); err != nil {
		t.Fatal(err)
	}
	past := versions(t, r)
	clerks, err := demo.NewClerks(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds that it is done
		if err := clerks.Citizens(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	first := len(versions(t, r)) - len(past)
	for range 9 {
		from := clock.Now()
		minutes.Add(3 * 60)
		if err := demo.Told(t.Context(), r, o, from); err != nil {
			t.Fatal(err)
		}
		if err := clerks.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	seen, photos, texts := map[string]int{}, 0, map[string]bool{}
	for code := range versions(t, r) {
		w, err := o.Reports.Desk.Read(t.Context(), repo.Internal(), code)
		if err != nil {
			t.Fatal(err)
		}
		seen[w.Status]++
		seen[w.Outcome]++
		if !w.Published {
			seen["hidden"]++
		}
		if w.Overdue(clock.Now()) {
			seen["overdue"]++
		}
		if w.Rating > 0 {
			seen["rated"]++
		}
		texts[w.Answer] = true
		photos += len(w.Photos) + len(w.AfterPhotos)
		if len(w.Timeline) == 0 {
			t.Errorf("%s has no timeline", code)
		}
	}
	t.Logf("%d of the past, %d in all: %v, %d answers, %d photos", len(past), len(versions(t, r)), seen, len(texts), photos)
	for _, what := range []string{"received", "assigned", "in-progress", "waiting-reporter", "planned", "answered", "closed", "merged", "refused", "fixed", "cannot-verify", "no-budget", "hidden", "overdue", "rated"} {
		if seen[what] == 0 {
			t.Errorf("no report is %s", what)
		}
	}
	if first != 3 || len(texts) < 15 || photos < 5 {
		t.Errorf("%d of the citizen's, %d answers, %d photos", first, len(texts), photos)
	}
}
