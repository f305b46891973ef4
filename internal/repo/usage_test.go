package repo_test

import (
	"fmt"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

var citizen = repo.Principal{Name: "c-7", Roles: []string{"citizen"}, Person: "046099000000", Assurance: 2}

func readH0(t *testing.T, r *repo.Repository, p repo.Principal) {
	t.Helper()
	if _, err := r.Get(t.Context(), p, "dossier", []value.Value{value.OfText("H0")}, 0); err != nil {
		t.Fatal(err)
	}
}

func TestUsageTellsThePersonWhoRead(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := openAt(t, t.TempDir(), c)
	declare(t, r, dossiers)
	mustPut(t, r, "purpose", `{"code":"case-work","name":"Giải quyết hồ sơ","basis":"Luật 91/2025/QH15 Điều 19"}`)
	mustPut(t, r, "purpose", `{"code":"inquiry","name":"Điều tra","basis":"Bộ luật Tố tụng hình sự","mayHide":true,"hideDays":800,"hideAgencies":["stp"]}`)
	mustPut(t, r, "dossier", `{"code":"H0","state":"open","person":"046099000000","name":"Người 0"}`, `{"code":"H1","state":"open","person":"046099000001","name":"Người 1"}`)
	usage := func(q repo.UsageQuery) repo.UsagePage {
		t.Helper()
		page, err := r.Usage(t.Context(), citizen, q)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	if u := usage(repo.UsageQuery{Limit: 10}); u.Total != 0 || !u.Unfaked || len(u.Usages) != 0 {
		t.Errorf("before any reading: %+v", u)
	}
	p := clerk
	p.Purpose, p.Case = "case-work", "HS-1"
	for range 3 {
		readH0(t, r, p)
	}
	q := p
	q.Purpose, q.HiddenUntil = "inquiry", c.Now().AddDate(2, 0, 0).UnixMicro()
	readH0(t, r, q)
	middle := c.Now()
	readH0(t, r, p)
	u := usage(repo.UsageQuery{Limit: 2, Offset: 1})
	if u.Total != 4 || u.Hidden != 0 || !u.Unfaked || len(u.Usages) != 2 || u.Usages[0].Number != 3 || u.Usages[1].Number != 2 || u.Usages[0].At < u.Usages[1].At {
		t.Errorf("page %+v", u)
	}
	if x := u.Usages[0]; x.Reader != "an" || x.Agency != "stp" || x.Purpose != "case-work" || x.Case != "HS-1" || fmt.Sprint(x.Fields, x.By) != "[person name] [rule:owner]" || x.Self || x.Commit == 0 {
		t.Errorf("usage %+v", x)
	}
	if u := usage(repo.UsageQuery{Limit: 9, From: middle}); u.Total != 1 || u.Usages[0].Number != 4 {
		t.Errorf("since then: %+v", u)
	}
	// Hidden: nothing for a year, then its number, then itself.
	c.Forward(366 * 24 * time.Hour)
	if u := usage(repo.UsageQuery{Limit: 9}); u.Total != 4 || u.Hidden != 1 {
		t.Errorf("after a year: %+v", u)
	}
	c.Forward(366 * 24 * time.Hour)
	if u := usage(repo.UsageQuery{Limit: 9}); u.Total != 5 || u.Hidden != 0 || u.Usages[1].HiddenBasis != "Bộ luật Tố tụng hình sự" {
		t.Errorf("after the time of hiding: %+v", u)
	}
	before := len(accesses(t, r))
	usage(repo.UsageQuery{Limit: 9})
	if n := len(accesses(t, r)); n != before {
		t.Errorf("looking at it left %d records", n-before)
	}
	// A record that is taken away or changed is noticed.
	e, _ := r.Entry(repo.Internal(), "access")
	var last []value.Value
	_, err := r.Read(t.Context(), repo.Internal(), repo.Query{Dataset: "access", Sort: []repo.Sort{{Field: "number"}}, Filter: parse(t, "number = 2")}, func(rec repo.Record) error {
		last = append(last, rec.Values...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	i, _, _, _ := e.Table.Property("reader")
	kept := last[i]
	last[i] = value.OfText("somebody-else")
	change := func(op commit.Op) {
		t.Helper()
		req := &commit.Request{Changes: []commit.Change{{Dataset: "access", Op: op, Row: append([]value.Value(nil), last...)}}}
		if _, err := r.Commit(t.Context(), repo.Internal(), req); err != nil {
			t.Fatal(err)
		}
	}
	change(commit.Put)
	if usage(repo.UsageQuery{}).Unfaked {
		t.Error("a changed record is not noticed")
	}
	last[i] = kept
	change(commit.Put)
	if !usage(repo.UsageQuery{}).Unfaked {
		t.Error("the record as it was is taken for another")
	}
	change(commit.Delete)
	if usage(repo.UsageQuery{}).Unfaked {
		t.Error("a gap is not noticed")
	}
}

func TestOnlyThePersonAsks(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	weak, officer := citizen, clerk
	weak.Assurance = 1
	officer.Person, officer.Assurance = citizen.Person, 3
	for _, p := range []repo.Principal{repo.Public(), weak, officer, repo.Operator()} {
		want := problem.Denied
		if p.Name == "" {
			want = problem.Unauthenticated
		}
		_, err := r.Usage(t.Context(), p, repo.UsageQuery{})
		wantKind(t, err, want)
		_, err = r.Held(t.Context(), p)
		wantKind(t, err, want)
		_, err = r.HeldRecords(t.Context(), p, "dossier", 10, "", nil)
		wantKind(t, err, want)
	}
	held, err := r.Held(t.Context(), citizen)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, h := range held {
		got[h.Entry.Dataset.Name] = h.Count
	}
	if got["dossier"] != 3 || len(accesses(t, r)) != 0 {
		t.Errorf("held %v, %d records", got, len(accesses(t, r)))
	}
	rows := 0
	_, err = r.HeldRecords(t.Context(), citizen, "dossier", 10, "", func(rec repo.Record) error {
		rows++
		name, _, _, _ := rec.Entry.Table.Property("name")
		income, _, _, _ := rec.Entry.Table.Property("income")
		if rec.Values[name].Text() != "Người 0" || !rec.Values[income].IsNull() {
			t.Errorf("row %v", rec.Values)
		}
		return nil
	})
	if err != nil || rows != 3 {
		t.Errorf("%d rows, %v", rows, err)
	}
	u, err := r.Usage(t.Context(), citizen, repo.UsageQuery{Limit: 5})
	if err != nil || u.Total != 1 || !u.Usages[0].Self {
		t.Errorf("a reading by oneself: %+v %v", u, err)
	}
	mustPut(t, r, "account", `{"id":"c-7","name":"Người 0","kind":"citizen","person":"046099000000","createdAt":"2025-01-01T00:00:00Z"}`,
		`{"id":"c-8","name":"Người 1","kind":"citizen","person":"046099000001","createdAt":"2025-01-01T00:00:00Z"}`)
	own := 0
	_, err = r.HeldRecords(t.Context(), citizen, "account", 10, "", func(rec repo.Record) error { own++; return nil })
	if err != nil || own != 1 {
		t.Errorf("%d accounts, %v", own, err)
	}
	_, err = r.HeldRecords(t.Context(), citizen, "purpose", 10, "", nil)
	wantKind(t, err, problem.NotFound)
}

// A portal needs a grant on the access records, and that it asked is recorded.
func TestPortalsAskWithAGrant(t *testing.T) {
	t.Parallel()
	r := trusting(t)
	p := clerk
	p.Purpose = "case-work"
	readH0(t, r, p)
	portal := repo.Principal{Name: "portal", Agency: "vpubnd", Roles: []string{"machine"}, Purpose: "case-work"}
	auditor := repo.Principal{Name: "em", Roles: []string{"auditor"}}
	for _, q := range []repo.Principal{portal, auditor, citizen} {
		_, err := r.UsageOf(t.Context(), q, citizen.Person, repo.UsageQuery{Limit: 5})
		wantKind(t, err, problem.Denied)
	}
	mustPut(t, r, "grant", `{"id":"t1","dataset":"access","account":"portal","action":"read","fields":["subject","number","at","agency","purpose","basis","dataset"],"basis":"Luật 91/2025/QH15","from":"2020-01-01T00:00:00Z","state":"in-force"}`)
	for range 2 {
		u, err := r.UsageOf(t.Context(), portal, citizen.Person, repo.UsageQuery{Limit: 5})
		if err != nil || u.Total != 1 || u.Usages[0].Agency != "stp" {
			t.Errorf("the portal: %+v %v", u, err)
		}
	}
	u, err := r.Usage(t.Context(), citizen, repo.UsageQuery{Limit: 5})
	if err != nil || u.Total != 3 || u.Usages[0].Dataset != "access" || u.Usages[0].Reader != "portal" || u.Usages[0].By[0] != "t1" || !u.Unfaked {
		t.Errorf("the person sees: %+v %v", u, err)
	}
}
