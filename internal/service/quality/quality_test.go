package quality_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/quality"
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

const levels = `
name: level
title: {vi: Mực nước, en: Level}
kind: series
classification: open
schema:
  primaryKey: [station, at]
  fields:
    - {name: station, type: string, title: {vi: Trạm, en: Station}}
    - {name: at, type: datetime, title: {vi: Lúc, en: At}}
    - {name: metres, type: number, title: {vi: Mét, en: Metres}}
    - {name: secret, type: number, title: {vi: Kín, en: Secret}, classification: personal}
time: at
quality:
  - {name: no-jump, dimension: accuracy, rule: "abs(metres - previous(metres)) <= 1.5", severity: warning}
  - {name: no-fall, dimension: accuracy, rule: "secret >= previous(secret)", severity: warning}
  - {name: high, dimension: accuracy, rule: "metres <= 8", severity: warning}
`

// daily has its time first in the key, and a time that is a day.
const daily = `
name: daily
title: {vi: Theo ngày, en: Daily}
kind: series
classification: open
schema:
  primaryKey: [day, area, kind]
  fields:
    - {name: day, type: date, title: {vi: Ngày, en: Day}}
    - {name: area, type: string, title: {vi: Khu, en: Area}}
    - {name: kind, type: integer, title: {vi: Loại, en: Kind}}
    - {name: cases, type: integer, title: {vi: Ca, en: Cases}}
time: day
quality:
  - {name: doubled, dimension: accuracy, rule: "cases <= 2 * previous(cases)", severity: warning}
`

func openOn(t testing.TB, d store.Driver) *repo.Repository {
	t.Helper()
	r, err := repo.Open(context.Background(), repo.Config{Driver: d, Now: time.Now, Poll: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

func onSQLite(t testing.TB, dir string) *repo.Repository {
	t.Helper()
	d, err := sqlite.Open(dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return openOn(t, d)
}

func declare(t testing.TB, r *repo.Repository, yaml ...string) {
	t.Helper()
	var ds []*dataset.Dataset
	for _, y := range yaml {
		d, err := dataset.Parse("d.yaml", []byte(y))
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, d)
	}
	plan, err := r.Plan(t.Context(), repo.Internal(), ds)
	if err == nil {
		_, err = r.Apply(t.Context(), repo.Internal(), plan)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func send(t testing.TB, r *repo.Repository, changes ...commit.Change) int64 {
	t.Helper()
	receipt, err := r.Commit(t.Context(), repo.Internal(), &commit.Request{Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Seq
}

func level(station string, at int64, metres, secret value.Value) commit.Change {
	return commit.Change{Dataset: "level", Op: commit.Put, Row: []value.Value{value.OfText(station), value.OfTime(at), metres, secret, {}}}
}

func day(area string, kind, day int64, cases value.Value) commit.Change {
	return commit.Change{Dataset: "daily", Op: commit.Put, Row: []value.Value{value.OfDate(day), value.OfText(area), value.OfInt(kind), cases, {}}}
}

// settled waits until the follower has saved the whole log.
func settled(t testing.TB, r *repo.Repository) {
	t.Helper()
	h, err := r.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		at, err := r.FollowerSaved(t.Context(), quality.Name)
		if err != nil {
			t.Fatal(err)
		}
		if at >= h.Seq {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the follower stands at %d of %d", at, h.Seq)
		}
	}
}

// listed reads all findings in pages of three.
func listed(t testing.TB, r *repo.Repository, p repo.Principal, name, rule string) []string {
	t.Helper()
	e, err := r.Entry(p, name)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for q := (quality.Query{Dataset: name, Rule: rule, Limit: 3}); ; {
		list, next, err := quality.List(t.Context(), r, p, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			all = append(all, f.Rule+" "+record.FormatKey(e.Table, f.Key))
		}
		if q.Cursor = next; next == "" {
			return all
		}
	}
}

// recounted finds the same by reading the table.
func recounted(t testing.TB, r *repo.Repository, name string) []string {
	t.Helper()
	e, err := r.Entry(repo.Internal(), name)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]value.Value
	_, err = r.Read(t.Context(), repo.Internal(), repo.Query{Dataset: name}, func(rec repo.Record) error {
		own, _, err := value.ReadRow(nil, value.AppendRow(nil, rec.Values), len(rec.Values))
		rows = append(rows, own)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	who := func(row []value.Value) string {
		var b strings.Builder
		for _, k := range e.Table.Key {
			if k != e.Table.Time {
				fmt.Fprint(&b, row[k], "|")
			}
		}
		return b.String()
	}
	slices.SortFunc(rows, func(a, b []value.Value) int {
		if c := strings.Compare(who(a), who(b)); c != 0 {
			return c
		}
		c, _ := value.Compare(a[e.Table.Time], b[e.Table.Time])
		return c
	})
	rules := e.Schema.SequenceRules()
	var all []string
	for i := 1; i < len(rows); i++ {
		if who(rows[i]) != who(rows[i-1]) {
			continue
		}
		for _, broke := range e.Schema.Sequence(rows[i], rows[i-1], nil) {
			all = append(all, rules[broke]+" "+record.FormatKey(e.Table, e.Table.KeyOf(nil, rows[i])))
		}
	}
	return all
}

// equal holds findings and counts against a recount.
func equal(t testing.TB, r *repo.Repository, name string) int {
	t.Helper()
	settled(t, r)
	got, want := listed(t, r, repo.Internal(), name, ""), recounted(t, r, name)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%s: found %d\n%v\nrecounted %d\n%v", name, len(got), got, len(want), want)
	}
	s, err := quality.Summary(t.Context(), r, repo.Internal(), name)
	if err != nil || !s.Complete {
		t.Fatalf("%s: %+v %v", name, s, err)
	}
	counts := map[string]int64{}
	for _, line := range want {
		rule, _, _ := strings.Cut(line, " ")
		counts[rule]++
	}
	for _, c := range s.Rules {
		if c.Records != counts[c.Rule.Name] {
			t.Fatalf("%s %s: counted %d, recounted %d", name, c.Rule.Name, c.Records, counts[c.Rule.Name])
		}
	}
	return len(want)
}

// TestFindingsEqualARecount puts, corrects, deletes and brings rows late, in
// commits of one and of many, and stops the follower now and then.
func TestFindingsEqualARecount(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		anyHistory(t, 40, func(t *testing.T) *repo.Repository { return onSQLite(t, dir) })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := cluster.Database(t)
		anyHistory(t, 15, func(t *testing.T) *repo.Repository {
			d, err := postgres.Open(t.Context(), url, postgres.Options{Readers: 4})
			if err != nil {
				t.Fatal(err)
			}
			return openOn(t, d)
		})
	})
}

func anyHistory(t *testing.T, rounds int, open func(*testing.T) *repo.Repository) {
	random := rand.New(rand.NewPCG(7, 11))
	r := open(t)
	r.Follow(quality.NewFindings(r))
	declare(t, r, levels, daily)
	number := func(most int) value.Value {
		if random.IntN(12) == 0 {
			return value.Value{}
		}
		return value.OfFloat(float64(random.IntN(most)) / 2)
	}
	total, newest := 0, int64(1000)*600_000_000
	for round := range rounds {
		for range random.IntN(6) { // what arrives in order of time, some of it for subjects that are new
			var list []commit.Change
			for n := 1 + random.IntN(20); n > 0; n-- {
				newest += 600_000_000
				list = append(list, level(fmt.Sprintf("s%d", random.IntN(4)), newest, number(9), number(40)))
			}
			send(t, r, list...)
		}
		for range random.IntN(4) {
			changes := map[string]commit.Change{}
			n := []int{1, 1, 2, 30, 120}[random.IntN(5)]
			span := []int64{40, 400, 3000}[random.IntN(3)]
			for range n {
				station, at := fmt.Sprintf("s%d", random.IntN(3)), random.Int64N(span)*600_000_000
				c := level(station, at, number(9), number(40))
				if random.IntN(4) == 0 {
					c.Op = commit.Delete
				}
				changes[fmt.Sprint(station, at)] = c
				cases := value.OfInt(random.Int64N(9))
				d := day(fmt.Sprintf("a,%d", random.IntN(2)), random.Int64N(2), random.Int64N(span/4)-50, cases)
				if random.IntN(4) == 0 {
					d.Op = commit.Delete
				}
				changes[fmt.Sprint(d.Row[:3])] = d
			}
			var list []commit.Change
			for _, k := range slices.Sorted(maps.Keys(changes)) {
				list = append(list, changes[k])
			}
			send(t, r, list...)
		}
		switch {
		case round%9 == 4:
			if err := r.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			r = open(t)
			send(t, r, level("s0", random.Int64N(40)*600_000_000, number(9), number(9)))
			r.Follow(quality.NewFindings(r))
		case round%9 == 7:
			if err := r.ForgetFollower(t.Context(), repo.Internal(), quality.Name); err != nil {
				t.Fatal(err)
			}
			send(t, r, level("s1", random.Int64N(40)*600_000_000, value.OfFloat(float64(round)), number(9)))
		}
		if round%4 == 3 || round == rounds-1 {
			total += equal(t, r, "level") + equal(t, r, "daily")
		}
	}
	if total < 100 {
		t.Errorf("only %d findings were compared", total)
	}
}
