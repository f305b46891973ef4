package repo_test

import (
	"context"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Who reads the access records is recorded too, once for each look, without
// naming whose they are, and without end.
func TestReadingAccessRecordsIsRecorded(t *testing.T) {
	r := trusting(t)
	ctx := t.Context()
	p := clerk
	p.Purpose = "case-work"
	for range 3 {
		readH0(t, r, p)
	}
	auditor := repo.Principal{Name: "kiem", Agency: "ttra", Roles: []string{grant.Auditor}, Capacity: "c9"}
	looks := func() (list []map[string]value.Value) {
		for _, m := range accesses(t, r) {
			if m["dataset"].Text() == "access" {
				list = append(list, m)
			}
		}
		return list
	}
	first := accesses(t, r)[0]
	none := func(repo.Record) error { return nil }
	want := 0
	for _, x := range []struct {
		why  string
		rows int64
		look func(p repo.Principal) error
	}{
		{"a page", 3, func(p repo.Principal) error {
			_, err := r.Read(ctx, p, repo.Query{Dataset: "access", Limit: 50}, none)
			return err
		}},
		{"one record", 1, func(p repo.Principal) error {
			_, err := r.Get(ctx, p, "access", []value.Value{first["subject"], first["number"]}, 0)
			return err
		}},
		{"a download, with the looks before it", 5, func(p repo.Principal) error {
			_, err := r.Read(ctx, p, repo.Query{Dataset: "access"}, none)
			return err
		}},
		{"fields of it", 3, func(p repo.Principal) error {
			_, err := r.Read(ctx, p, repo.Query{Dataset: "access", Limit: 50, Fields: []string{"at"}}, none)
			return err
		}},
	} {
		for _, who := range []repo.Principal{auditor, repo.Operator()} {
			if err := x.look(who); err != nil {
				t.Fatalf("%s: %v", x.why, err)
			}
			want++
			list := looks()
			if len(list) != want {
				t.Fatalf("%s by %s: %d records, want %d", x.why, who.Name, len(list), want)
			}
			m := list[want-1]
			if m["subject"].Text() != "dataset:access" || m["reader"].Text() != who.Name || !m["record"].IsNull() || m["number"].Int() != int64(want) {
				t.Errorf("%s: %v", x.why, m)
			}
			if x.rows < 5 && m["count"].Int() != x.rows {
				t.Errorf("%s: %d records, want %d", x.why, m["count"].Int(), x.rows)
			}
		}
	}
	only := repo.Query{Dataset: "access", Limit: 50, Filter: parse(t, "subject='dataset:access'")}
	if _, err := r.Read(ctx, auditor, only, none); err != nil || len(looks()) != want {
		t.Errorf("a look at looks is recorded: %d, %v", len(looks())-want, err)
	}
	// Whoever follows the log tells each record once and comes to an end.
	after, told := int64(0), 0
	for rounds := 0; ; rounds++ {
		before := after
		err := r.Log(context.Background(), auditor, repo.LogQuery{After: after, Limit: 1000, Datasets: []string{"access"}, Changes: true}, func(e *commit.Entry) error {
			after, told = e.Seq, told+1
			return nil
		})
		if err != nil || rounds > 5 {
			t.Fatalf("after %d rounds: %v", rounds, err)
		}
		if after == before {
			break
		}
	}
	if n := len(looks()); n != want+3 {
		t.Errorf("following left %d records, want one for each of 3 readings", n-want)
	}
	if page, err := r.Usage(ctx, citizen, repo.UsageQuery{Limit: 50}); err != nil || page.Total != 3 || !page.Unfaked {
		t.Errorf("the person is shown %+v, %v", page, err)
	}
}
