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
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/sqlite"
)

// meddled is a store where something happens after the second page of a dataset was read.
type meddled struct {
	store.Driver
	mu    sync.Mutex
	after func(q store.Query)
}

func (d *meddled) Read(ctx context.Context, q store.Query, fn func(store.Row) error) error {
	err := d.Driver.Read(ctx, q, fn)
	d.mu.Lock()
	after := d.after
	if q.Table.Name != "level" || q.After == nil {
		after = nil
	} else {
		d.after = nil // once
	}
	d.mu.Unlock()
	if after != nil {
		after(q)
	}
	return err
}

// TestNewBordersMoveSeriesByPages draws new borders over a series of some pages,
// one record of which is corrected while its page is on the way.
func TestNewBordersMoveSeriesByPages(t *testing.T) {
	t.Parallel()
	const rows = 4500
	inner, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := &meddled{Driver: inner}
	r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: newClock().Now, Poll: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	declare(t, r, stations, levels)
	area := func(code, west, east string) string {
		ring := "[[" + west + ",16],[" + east + ",16],[" + east + ",17],[" + west + ",17],[" + west + ",16]]"
		return `{"code":"` + code + `","name":"` + code + `","kind":"phuong","schematic":true,"boundary":{"type":"Polygon","coordinates":[` + ring + `]}}`
	}
	mustPut(t, r, repo.SystemArea, area("00001", "107", "108"))
	mustPut(t, r, "station", `{"code":"a","name":"n","location":[107.2,16.5]}`, `{"code":"b","name":"n","location":[107.8,16.5]}`)
	var all []string
	for i := range rows {
		all = append(all, fmt.Sprintf(`{"station":%q,"at":%q,"metres":1}`, "ab"[i%2:i%2+1], time.UnixMicro(int64(i)*60_000_000).UTC().Format(time.RFC3339)))
	}
	for page := range slices.Chunk(all, 1500) {
		mustPut(t, r, "level", page...)
	}
	areas := func() map[string]int {
		t.Helper()
		count := map[string]int{}
		_, err := r.Read(t.Context(), repo.Operator(), repo.Query{Dataset: "level"}, func(rec repo.Record) error {
			count[strings.Clone(rec.Values[rec.Entry.Table.Area].Text())]++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return count
	}
	if got := areas(); got["00001"] != rows {
		t.Fatalf("before: %v", got)
	}
	mustPut(t, r, repo.SystemArea, area("00001", "107", "107.5"), area("00002", "107.5", "108"))
	d.mu.Lock()
	d.after = func(store.Query) { mustPut(t, r, "level", all[1][:len(all[1])-2]+"2}") }
	d.mu.Unlock()
	h, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	err = r.Reassign(t.Context(), repo.Operator(), "new borders", func(name string, seen, changed int64) {
		if name == "level" {
			told = append(told, fmt.Sprint(seen, " ", changed))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := areas(); got["00001"] != rows/2 || got["00002"] != rows/2 {
		t.Errorf("after: %v", got)
	}
	if len(told) != 3 || told[2] != fmt.Sprint(rows, " ", rows/2-1) {
		t.Errorf("progress %v", told)
	}
	// One commit moves the station, one is the correction, and no page of the
	// series takes more than one.
	var sizes []int
	err = r.Log(t.Context(), repo.Operator(), repo.LogQuery{After: h.Seq, Datasets: []string{"level"}}, func(e *commit.Entry) error {
		if e.Source == "areas" {
			sizes = append(sizes, e.Count)
		}
		return nil
	})
	if err != nil || len(sizes) == 0 || len(sizes) > 3 || slices.Max(sizes) > 2000 {
		t.Errorf("commits of %v records: %v", sizes, err)
	}
	corrected, err := r.Get(t.Context(), repo.Operator(), "level", []value.Value{value.OfText("b"), value.OfTime(60_000_000)}, 0)
	if err != nil || corrected.Values[2].Float() != 2 {
		t.Errorf("the correction is lost: %v %v", corrected.Values, err)
	}
}
