package repo_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store/sqlite"
)

// guardedAt opens a city with so many dossiers, one person each, and a low limit.
func guardedAt(t *testing.T, limit int64, dossiersOf int) (*repo.Repository, *clock) {
	t.Helper()
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := newClock()
	r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: c.Now, Secret: bytes.Repeat([]byte("s"), 32), ReleaseAbove: limit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(t.Context()) })
	declare(t, r, dossiers)
	mustPut(t, r, "purpose", `{"code":"case-work","name":"Giải quyết hồ sơ","basis":"Luật 91/2025/QH15 Điều 19"}`)
	for i := range dossiersOf {
		mustPut(t, r, "dossier", fmt.Sprintf(`{"code":"H%04d","state":"%s","person":"04609900%04d","name":"Người %d"}`, i, []string{"open", "done"}[i%2], i, i))
	}
	return r, c
}

func approve(t *testing.T, r *repo.Repository, id, reader string, most int, until time.Time, fields string) {
	t.Helper()
	mustPut(t, r, "release", fmt.Sprintf(`{"id":%q,"dataset":"dossier","reader":%q,"purpose":"case-work","most":%d,"need":"đối chiếu","state":"approved","askedBy":"an","askedAt":"2026-01-01T00:00:00Z","decidedBy":"binh","until":%q%s}`, id, reader, most, until.UTC().Format(time.RFC3339), fields))
}

func text(rec repo.Record, name string) string {
	i, _, _, _ := rec.Entry.Table.Property(name)
	return rec.Values[i].Text()
}

func readAll(t *testing.T, r *repo.Repository, p repo.Principal, q repo.Query) (n int, next string, err error) {
	t.Helper()
	page, err := r.Read(t.Context(), p, q, func(repo.Record) error { n++; return nil })
	return n, page.Next, err
}

func forWork(name string) repo.Principal {
	return repo.Principal{Name: name, Agency: "stp", Roles: []string{"steward"}, Purpose: "case-work"}
}

func TestReadingInBulkNeedsASecondPerson(t *testing.T) {
	t.Parallel()
	r, c := guardedAt(t, 150, 240)
	p := forWork("an")
	all := repo.Query{Dataset: "dossier"}
	n, _, err := readAll(t, r, p, all)
	if wantKind(t, err, problem.Denied); n != 0 || problem.As(err).Code != "release-needed" {
		t.Fatalf("%d records left without an approval: %v", n, err)
	}
	if len(accesses(t, r)) != 0 {
		t.Error("a refused reading left an access record")
	}
	impersonal := all
	impersonal.Fields = []string{"code", "state"}
	if n, _, err := readAll(t, r, p, impersonal); err != nil || n != 240 {
		t.Errorf("without personal fields: %d, %v", n, err)
	}
	err = r.Aggregate(t.Context(), p, repo.Aggregation{Query: all, By: []repo.By{{Field: "name"}}, Measures: []repo.Measure{{Func: "count"}}}, func([]value.Value) error { return nil })
	if err != nil {
		t.Errorf("an aggregate: %v", err)
	}
	if n, _, err := readAll(t, r, repo.Operator(), all); err != nil || n != 240 {
		t.Errorf("who works on the data itself: %d, %v", n, err)
	}

	for _, x := range []struct {
		name, id, reader, fields string
		most                     int
		until                    time.Time
	}{
		{"for another", "r-1", "binh", "", 500, c.Now().Add(time.Hour)},
		{"too few", "r-2", "an", "", 239, c.Now().Add(time.Hour)},
		{"too late", "r-3", "an", "", 500, c.Now().Add(-time.Hour)},
		{"other fields", "r-4", "an", `,"fields":["person"]`, 500, c.Now().Add(time.Hour)},
	} {
		approve(t, r, x.id, x.reader, x.most, x.until, x.fields)
		if _, _, err := readAll(t, r, p, all); problem.KindOf(err) != problem.Denied {
			t.Errorf("an approval %s: %v", x.name, err)
		}
	}
	approve(t, r, "r-5", "an", 240, c.Now().Add(time.Hour), `,"fields":["name","person"]`)
	if n, _, err := readAll(t, r, p, all); err != nil || n != 240 {
		t.Fatalf("with an approval: %d, %v", n, err)
	}
	rec, err := r.Get(t.Context(), repo.Internal(), "release", []value.Value{value.OfText("r-5")}, 0)
	if err != nil || text(rec, "state") != repo.ReleaseUsed {
		t.Errorf("its state: %v %v", text(rec, "state"), err)
	}
	found := false
	for _, a := range accesses(t, r) {
		found = found || a["release"].Kind() == value.Text && a["release"].Text() == "r-5" && a["bulk"].IsNull()
	}
	if !found {
		t.Error("the access record does not name the approval")
	}
	if _, _, err := readAll(t, r, p, all); problem.KindOf(err) != problem.Denied {
		t.Errorf("used twice: %v", err)
	}
}

// Parts of a dataset, each below the limit, add up within a day; pages of one
// reading add up however small they are.
func TestBulkReadingsAddUp(t *testing.T) {
	t.Parallel()
	r, c := guardedAt(t, 150, 240)
	p := forWork("an")
	half := func(state string) repo.Query {
		e, err := cql2.ParseText("state = '" + state + "'")
		if err != nil {
			t.Fatal(err)
		}
		return repo.Query{Dataset: "dossier", Filter: e}
	}
	if n, _, err := readAll(t, r, p, half("open")); err != nil || n != 120 {
		t.Fatalf("the first half: %d, %v", n, err)
	}
	if _, _, err := readAll(t, r, p, half("done")); problem.KindOf(err) != problem.Denied {
		t.Errorf("the second half: %v", err)
	}
	if n, _, err := readAll(t, r, forWork("chi"), half("done")); err != nil || n != 120 {
		t.Errorf("by another: %d, %v", n, err)
	}
	c.Forward(25 * time.Hour)
	if _, _, err := readAll(t, r, p, half("done")); err != nil {
		t.Errorf("a day later: %v", err)
	}

	pages := func(p repo.Principal, size int) (n int, err error) {
		q := repo.Query{Dataset: "dossier", Limit: size}
		for {
			k, next, err := readAll(t, r, p, q)
			n += k
			if err != nil || next == "" {
				return n, err
			}
			q.Cursor = next
		}
	}
	for _, size := range []int{7, 50, 100} {
		p := forWork(fmt.Sprint("pager", size))
		n, err := pages(p, size)
		if problem.KindOf(err) != problem.Denied || n > 150 || n+size <= 150 {
			t.Errorf("pages of %d: %d records, then %v", size, n, err)
		}
		approve(t, r, fmt.Sprint("p-", size), p.Name, 240, c.Now().Add(time.Hour), "")
		if n, err := pages(p, size); err != nil || n != 240 {
			t.Errorf("pages of %d under an approval: %d, %v", size, n, err)
		}
		if n, err := pages(p, size); problem.KindOf(err) != problem.Denied || n > 150 {
			t.Errorf("pages of %d once more: %d, %v", size, n, err)
		}
	}
}

// One approval lets one of several readings at once in.
func TestAnApprovalIsUsedOnce(t *testing.T) {
	t.Parallel()
	r, c := guardedAt(t, 10, 20)
	approve(t, r, "r-1", "an", 20, c.Now().Add(time.Hour), "")
	var wait sync.WaitGroup
	var mu sync.Mutex
	let := 0
	for range 6 {
		wait.Go(func() {
			_, err := r.Read(t.Context(), forWork("an"), repo.Query{Dataset: "dossier"}, func(repo.Record) error { return nil })
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				let++
			} else if problem.KindOf(err) != problem.Denied {
				t.Error(err)
			}
		})
	}
	if wait.Wait(); let != 1 {
		t.Errorf("%d readings by one approval", let)
	}
}

// What is shown as pseudonyms or masked is personal still; records of which a
// reader sees only open fields do not count.
func TestOnlyPersonalRecordsCount(t *testing.T) {
	t.Parallel()
	r, _ := guardedAt(t, 150, 240)
	mustPut(t, r, "grant", `{"id":"g-1","dataset":"dossier","agency":"syt","action":"read","fields":["code","state"],"basis":"Luật","from":"2020-01-01T00:00:00Z","state":"in-force"}`)
	mustPut(t, r, "grant", `{"id":"g-2","dataset":"dossier","agency":"syt","action":"read","fields":["name"],"rows":"state = 'open'","basis":"Luật","from":"2020-01-01T00:00:00Z","state":"in-force","masks":[{"field":"name","how":"pseudonym"}]}`)
	p := repo.Principal{Name: "chi", Agency: "syt", Roles: []string{grant.Officer}, Purpose: "case-work"}
	if n, _, err := readAll(t, r, p, repo.Query{Dataset: "dossier"}); err != nil || n != 240 {
		t.Errorf("120 personal records of 240: %d, %v", n, err)
	}
	if _, _, err := readAll(t, r, p, repo.Query{Dataset: "dossier"}); problem.KindOf(err) != problem.Denied {
		t.Errorf("pseudonyms of 240: %v", err)
	}
}
