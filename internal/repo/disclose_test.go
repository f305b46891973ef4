package repo_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

const dossiers = `name: dossier
title: {vi: Hồ sơ, en: Dossier}
kind: register
owner: stp
classification: internal
schema:
  primaryKey: code
  fields:
    - {name: code, type: string, title: {vi: Mã, en: Code}}
    - {name: state, type: string, title: {vi: Trạng thái, en: State}}
    - {name: person, type: string, title: {vi: Số định danh, en: Personal number}, classification: personal}
    - {name: name, type: string, title: {vi: Họ tên, en: Name}, classification: personal, tags: [identity]}
    - {name: income, type: integer, title: {vi: Thu nhập, en: Income}, classification: restricted, measure: gauge}
person: person
`

// trusting opens a repository with dossiers of three persons and a purpose.
func trusting(t *testing.T) *repo.Repository {
	t.Helper()
	r := open(t)
	declare(t, r, dossiers)
	mustPut(t, r, "purpose", `{"code":"case-work","name":"Giải quyết hồ sơ","basis":"Luật 91/2025/QH15 Điều 19"}`)
	for i := range 9 {
		mustPut(t, r, "dossier", fmt.Sprintf(`{"code":"H%d","state":"open","person":"04609900000%d","name":"Người %d","income":%d}`, i, i%3, i%3, i))
	}
	return r
}

// accesses lists the access records, as Huong itself sees them.
func accesses(t *testing.T, r *repo.Repository) []map[string]value.Value {
	t.Helper()
	var list []map[string]value.Value
	_, err := r.Read(t.Context(), repo.Internal(), repo.Query{Dataset: "access"}, func(rec repo.Record) error {
		m := map[string]value.Value{}
		for i, c := range rec.Entry.Table.Columns {
			m[c.Name] = rec.Values[i]
		}
		list = append(list, m)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

var clerk = repo.Principal{Name: "an", Agency: "stp", Roles: []string{"steward"}, Capacity: "c1"}

func TestPersonalDataNeedsAPurposeAndLeavesARecord(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	show := func(p repo.Principal, q repo.Query) string {
		t.Helper()
		var lines []string
		_, err := r.Read(t.Context(), p, q, func(rec repo.Record) error {
			var cells []string
			for _, v := range rec.Values[:5] {
				if v.IsNull() {
					cells = append(cells, "-")
				} else if v.Kind() == value.Int {
					cells = append(cells, fmt.Sprint(v.Int()))
				} else {
					cells = append(cells, v.Text())
				}
			}
			lines = append(lines, strings.Join(cells, " "))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(lines, "; ")
	}
	if got := show(clerk, repo.Query{Dataset: "dossier", Limit: 2}); got != "H0 open - - -; H1 open - - -" {
		t.Errorf("without a purpose: %s", got)
	}
	if n := len(accesses(t, r)); n != 0 {
		t.Fatalf("%d records of a reading that showed nothing personal", n)
	}
	_, err := r.Read(t.Context(), clerk, repo.Query{Dataset: "dossier", Fields: []string{"name"}}, nil)
	wantKind(t, err, problem.Denied)

	p := clerk
	p.Purpose = "curiosity"
	_, err = r.Read(t.Context(), p, repo.Query{Dataset: "dossier"}, nil)
	wantKind(t, err, problem.Invalid)
	p.Purpose, p.Case = "case-work", "HS-7"
	if got := show(p, repo.Query{Dataset: "dossier", Limit: 2}); got != "H0 open 046099000000 Người 0 -; H1 open 046099000001 Người 1 -" {
		t.Errorf("for a purpose: %s", got)
	}
	list := accesses(t, r)
	if len(list) != 2 {
		t.Fatalf("%d records for two persons", len(list))
	}
	for _, a := range list {
		if a["purpose"].Text() != "case-work" || a["case"].Text() != "HS-7" || a["reader"].Text() != "an" || a["agency"].Text() != "stp" ||
			a["number"].Int() != 1 || a["fields"].Text() != `["person","name"]` || a["by"].Text() != `["rule:owner"]` || !strings.Contains(a["basis"].Text(), "91/2025") {
			t.Errorf("record %v", a)
		}
		if strings.Contains(fmt.Sprint(a), "046099") {
			t.Error("the record tells the personal number")
		}
	}
	// One record more, a state of old, the history: each is a reading.
	if _, err := r.Get(t.Context(), p, "dossier", []value.Value{value.OfText("H0")}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := r.History(t.Context(), p, "dossier", []value.Value{value.OfText("H0")}, func(store.Version) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := show(p, repo.Query{Dataset: "dossier"}); strings.Count(got, ";") != 8 {
		t.Errorf("all: %s", got)
	}
	chain := map[string][]map[string]value.Value{}
	for _, a := range accesses(t, r) {
		chain[a["subject"].Text()] = append(chain[a["subject"].Text()], a)
	}
	if many := chain["many"]; len(many) != 1 || many[0]["count"].Int() != 9 {
		t.Errorf("a reading without end: %v", many)
	}
	for of, records := range chain {
		for i, a := range records {
			if a["number"].Int() != int64(i+1) || i > 0 && len(a["previous"].Text()) != 64 || i == 0 && !a["previous"].IsNull() {
				t.Errorf("%s: record %d is %v", of, i, a)
			}
		}
	}
	err = r.Log(t.Context(), p, repo.LogQuery{Datasets: []string{"dossier"}, Changes: true}, func(*commit.Entry) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if n := len(accesses(t, r)); n != 2+1+1+1+9 {
		t.Errorf("%d records after nine commits were read", n)
	}
}

// When the record cannot be written nothing leaves.
func TestNothingPersonalLeavesWithoutARecord(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	p := clerk
	p.Purpose = "case-work"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rows := 0
	_, err := r.Read(ctx, p, repo.Query{Dataset: "dossier", Limit: 5}, func(repo.Record) error { rows++; return nil })
	if err == nil || rows != 0 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// A grant holds from the next request on, and so does its revocation; what it
// does not give stays hidden from conditions too.
func TestGrantsHoldFromTheNextRequest(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	other := repo.Principal{Name: "binh", Agency: "syt", Roles: []string{"officer"}, Purpose: "case-work"}
	_, err := r.Read(t.Context(), other, repo.Query{Dataset: "dossier"}, nil)
	wantKind(t, err, problem.NotFound)
	grantAs := func(state string) {
		mustPut(t, r, "grant", fmt.Sprintf(`{"id":"g1","dataset":"dossier","agency":"syt","action":"read","fields":["code","name"],"rows":"state = 'open' AND code <> 'H0'","purposes":["case-work"],"basis":"Quyết định 12","masks":[{"field":"name","how":"last-digits"}],"from":"2020-01-01T00:00:00Z","state":%q}`, state))
	}
	grantAs("in-force")
	rows, _ := read(t, r, other, repo.Query{Dataset: "dossier", Limit: 1})
	if len(rows) != 1 || strings.Contains(rows[0], "Người") || strings.Contains(rows[0], "046099") || !strings.Contains(rows[0], "H1") {
		t.Errorf("under the grant: %v", rows)
	}
	for _, q := range []repo.Query{
		{Dataset: "dossier", Filter: parse(t, "name = 'Người 1'")},
		{Dataset: "dossier", Filter: parse(t, "person LIKE '0%'")},
		{Dataset: "dossier", Sort: []repo.Sort{{Field: "income"}}},
	} {
		_, err := r.Read(t.Context(), other, q, func(repo.Record) error { return nil })
		wantKind(t, err, problem.Invalid)
	}
	_, err = r.Get(t.Context(), other, "dossier", []value.Value{value.OfText("H0")}, 0)
	wantKind(t, err, problem.NotFound)
	_, err = r.History(t.Context(), other, "dossier", []value.Value{value.OfText("H0")}, func(store.Version) error { return nil })
	wantKind(t, err, problem.NotFound)
	_, err = put(t, r, other, "dossier", `{"code":"H1","state":"closed"}`)
	wantKind(t, err, problem.Denied)
	grantAs("revoked")
	_, err = r.Read(t.Context(), other, repo.Query{Dataset: "dossier"}, nil)
	wantKind(t, err, problem.NotFound)
}

func TestAggregateGrantsTellNoSmallGroup(t *testing.T) {
	t.Parallel()
	r := open(t)
	declare(t, r, dossiers)
	for i := range 30 {
		state := "open"
		switch {
		case i == 0:
			state = "lost"
		case i < 6:
			state = "late"
		}
		mustPut(t, r, "dossier", fmt.Sprintf(`{"code":"H%d","state":%q,"income":%d}`, i, state, i))
	}
	mustPut(t, r, "grant", `{"id":"g1","dataset":"dossier","agency":"tk","action":"aggregate","fields":["state"],"minimumCell":5,"basis":"Luật Thống kê","from":"2020-01-01T00:00:00Z","state":"in-force"}`)
	statistician := repo.Principal{Name: "tk1", Agency: "tk", Roles: []string{"officer"}}
	var got []string
	a := repo.Aggregation{Query: repo.Query{Dataset: "dossier"}, By: []repo.By{{Field: "state"}}, Measures: []repo.Measure{{Func: "count"}}}
	if err := r.Aggregate(t.Context(), statistician, a, func(g []value.Value) error {
		got = append(got, fmt.Sprint(g[0].Text(), g[1].Int()))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if s := strings.Join(got, " "); s != "open24" { // "lost" is too small, and "late" goes with it
		t.Errorf("groups %s", s)
	}
	a.Measures = []repo.Measure{{Func: "max", Field: "state"}}
	wantKind(t, r.Aggregate(t.Context(), statistician, a, nil), problem.Denied)
	a.Measures = []repo.Measure{{Func: "sum", Field: "income"}}
	wantKind(t, r.Aggregate(t.Context(), statistician, a, nil), problem.Invalid)
	_, err := r.Read(t.Context(), statistician, repo.Query{Dataset: "dossier"}, nil)
	wantKind(t, err, problem.NotFound)
}

// Readings about one person at once leave numbers without gap or repeat.
func TestAccessNumbersHaveNoGap(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	p := clerk
	p.Purpose = "case-work"
	var group sync.WaitGroup
	for i := range 24 {
		group.Go(func() {
			if _, err := r.Get(t.Context(), p, "dossier", []value.Value{value.OfText(fmt.Sprintf("H%d", i%9))}, 0); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	next := map[string]int64{}
	for _, a := range accesses(t, r) { // in order of subject and number
		s := a["subject"].Text()
		if next[s]++; a["number"].Int() != next[s] {
			t.Errorf("%s: number %d, want %d", s, a["number"].Int(), next[s])
		}
	}
	if len(next) != 3 {
		t.Errorf("%d persons", len(next))
	}
}

// Whoever asks whether somebody's personal cell is this or that has read it,
// whatever is shown of the answer, and however few it finds.
func TestLookingAtPersonalCellsLeavesARecord(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	p := clerk
	p.Purpose = "case-work"
	last := func() (subject, fields string, count int64) {
		t.Helper()
		var newest map[string]value.Value
		for _, a := range accesses(t, r) {
			if newest == nil || a["at"].Micros() > newest["at"].Micros() {
				newest = a
			}
		}
		return newest["subject"].Text(), newest["fields"].Text(), newest["count"].Int()
	}
	n := 0
	for _, c := range []struct {
		name   string
		ask    func() error
		person bool
		fields string
		count  int64
	}{
		{"a filter that finds", func() error {
			_, err := r.Read(t.Context(), p, repo.Query{Dataset: "dossier", Fields: []string{"code"}, Filter: parse(t, "code = 'H1' AND name = 'Người 1'"), Limit: 10}, func(repo.Record) error { return nil })
			return err
		}, true, `["name"]`, 1},
		{"a filter that finds nothing", func() error {
			_, err := r.Read(t.Context(), p, repo.Query{Dataset: "dossier", Fields: []string{"code"}, Filter: parse(t, "code = 'H1' AND name = 'Người 2'"), Limit: 10}, func(repo.Record) error { return nil })
			return err
		}, false, `["name"]`, 0},
		{"an export by a filter", func() error {
			_, err := r.Read(t.Context(), p, repo.Query{Dataset: "dossier", Fields: []string{"code"}, Filter: parse(t, "name = 'Người 2'")}, func(repo.Record) error { return nil })
			return err
		}, false, `["name"]`, 3},
		{"a count", func() error {
			return r.Aggregate(t.Context(), p, repo.Aggregation{Query: repo.Query{Dataset: "dossier", Filter: parse(t, "code = 'H1' AND name = 'Người 1'")},
				Measures: []repo.Measure{{Func: "count"}}}, func([]value.Value) error { return nil })
		}, false, `["name"]`, 1},
		{"a number of values", func() error {
			return r.Aggregate(t.Context(), p, repo.Aggregation{Query: repo.Query{Dataset: "dossier"}, By: []repo.By{{Field: "code"}},
				Measures: []repo.Measure{{Func: "distinct", Field: "person"}}}, func([]value.Value) error { return nil })
		}, false, `["person"]`, 9},
	} {
		if err := c.ask(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if n++; len(accesses(t, r)) != n {
			t.Fatalf("%s: %d records after %d askings", c.name, len(accesses(t, r)), n)
		}
		subject, fields, count := last()
		if person := len(subject) == 64; person != c.person || fields != c.fields || count != c.count {
			t.Errorf("%s: about %s, fields %s, count %d", c.name, subject, fields, count)
		}
	}
	if _, err := r.Read(t.Context(), p, repo.Query{Dataset: "dossier", Fields: []string{"code"}, Filter: parse(t, "state = 'open'"), Limit: 10}, func(repo.Record) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if len(accesses(t, r)) != n {
		t.Error("a reading of nothing personal was recorded")
	}
}
