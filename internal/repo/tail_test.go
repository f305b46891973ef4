package repo_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// logLines tells all that a reader sees of the log after a seq.
func logLines(t *testing.T, r *repo.Repository, p repo.Principal, q repo.LogQuery) []string {
	t.Helper()
	var lines []string
	err := r.Log(t.Context(), p, q, func(e *commit.Entry) error {
		var b strings.Builder
		fmt.Fprintf(&b, "%d %d %q %d %v %x", e.Seq, e.At, e.Header, e.Count, e.Counts, e.Hash)
		for _, ch := range e.Changes {
			fmt.Fprintf(&b, " %s %d %x>%x", ch.Dataset, ch.Prior, sha256.Sum256(value.AppendRow(nil, ch.Before)), sha256.Sum256(value.AppendRow(nil, ch.After)))
		}
		lines = append(lines, b.String())
		// What a reader does with its entry is nobody else's business.
		clear(e.Counts)
		for _, ch := range e.Changes {
			clear(ch.After)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// Whoever follows live sees what the log holds, whatever may be hidden from
// whom, also where the memory for it ends.
func TestLiveLogIsTheLog(t *testing.T) {
	t.Parallel()
	r := open(t)
	declare(t, r, stations, levels)
	readers := []repo.Principal{
		repo.Internal(), repo.Public(), {Name: "reader", Read: []string{"level"}}, {Name: "keeper", Read: []string{"station"}}, {Name: "writer", Read: []string{"*"}, Write: []string{"level"}},
	}
	compare := func(readers ...repo.Principal) {
		t.Helper()
		head := r.Position().Seq
		for _, p := range readers {
			for _, named := range [][]string{nil, {"station"}} {
				for _, limit := range []int{0, 3} {
					for _, after := range []int64{max(0, head-20), head - 2, head - 1, head} {
						q := repo.LogQuery{After: after, Datasets: named, Limit: limit, Changes: true}
						want := logLines(t, r, p, q)
						q.Live = true
						if got := logLines(t, r, p, q); strings.Join(got, "\n") != strings.Join(want, "\n") {
							t.Fatalf("%s after %d of %v at most %d:\n%s\nwant\n%s", p.Name, after, named, limit, strings.Join(got, "\n"), strings.Join(want, "\n"))
						}
					}
				}
			}
		}
	}
	for i := range 30 {
		mustPut(t, r, "station", fmt.Sprintf(`{"code":"S%d","name":"Trạm %d","location":[107.5,16.4],"keeper":"Lê Văn %d"}`, i%20, i, i))
		mustPut(t, r, "level", fmt.Sprintf(`{"station":"S%d","at":"2025-10-27T00:%02d:00Z","metres":%d}`, i%20, i, i%12))
		if i%10 == 0 {
			compare(readers...)
		}
	}
	// One commit larger than the memory for one: read from the log again.
	var many []string
	for i := range 360 {
		many = append(many, fmt.Sprintf(`{"code":"X%d","name":"%s"}`, i, strings.Repeat("n", 12_000)))
	}
	mustPut(t, r, "station", many...)
	compare(readers[0])
	mustPut(t, r, "station", `{"code":"S1","name":"sau"}`)
	compare(readers[:2]...)
	// Another layout of the same rows.
	declare(t, r, strings.Replace(stations, "    - {name: keeper", "    - {name: depth, type: number, title: {vi: Sâu, en: Depth}}\n    - {name: keeper", 1))
	compare(readers[:2]...)
	mustPut(t, r, "station", `{"code":"S1","name":"sâu","depth":3}`)
	compare(readers[:2]...)
}

// Many who follow while others write get every commit once and in order.
func TestManyFollowLive(t *testing.T) {
	t.Parallel()
	r := open(t)
	declare(t, r, stations)
	const writers, each = 4, 60
	from := r.Position().Seq
	var group sync.WaitGroup
	failed := make(chan error, 32)
	for range 16 {
		group.Go(func() {
			at := from
			for at < from+writers*each {
				if _, err := r.Wait(t.Context(), at); err != nil {
					failed <- err
					return
				}
				err := r.Log(context.Background(), repo.Public(), repo.LogQuery{After: at, Datasets: []string{"station"}, Limit: 7, Changes: true, Live: true}, func(e *commit.Entry) error {
					if e.Seq != at+1 || len(e.Changes) != 1 || !e.Changes[0].After[3].IsNull() {
						return fmt.Errorf("after %d came %d with %d changes", at, e.Seq, len(e.Changes))
					}
					at = e.Seq
					return nil
				})
				if err != nil {
					failed <- err
					return
				}
			}
		})
	}
	for w := range writers {
		group.Go(func() {
			for i := range each {
				if _, err := put(t, r, repo.Operator(), "station", fmt.Sprintf(`{"code":"W%d-%d","name":"n","keeper":"k"}`, w, i)); err != nil {
					failed <- err
				}
			}
		})
	}
	group.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
}
