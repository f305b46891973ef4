package repo_test

import (
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

func TestReceiptsSayWhereACommitStands(t *testing.T) {
	r := trusting(t)
	ctx := t.Context()
	rc := mustPut(t, r, "dossier", `{"code":"H77","state":"open","person":"046099000077","name":"Người 77"}`)
	if _, err := r.Deposit(ctx, repo.Public(), rc.Seq+1); problem.KindOf(err) != problem.NotFound {
		t.Fatalf("a number that is none: %v", err)
	}
	got, err := r.Deposit(ctx, repo.Public(), rc.Seq)
	if err != nil || got.Proof != nil || got.At != rc.At {
		t.Fatalf("before it is attested: %+v %v", got, err)
	}
	if _, err := r.Attest(ctx); err != nil {
		t.Fatal(err)
	}
	got, err = r.Deposit(ctx, repo.Public(), rc.Seq)
	if err != nil || got.Proof == nil || len(got.Erasures) != 0 || got.Records != nil {
		t.Fatalf("attested: %+v %v", got, err)
	}
	if e, err := got.Proof.Check(r.LogKey()); err != nil || e.Seq != rc.Seq {
		t.Fatalf("%+v %v", e, err)
	}

	steward := repo.Principal{Name: "chi", Agency: "stp", Roles: []string{grant.Steward}}
	gone, err := r.Erase(ctx, steward, repo.Erasing{Dataset: "dossier", Key: []value.Value{value.OfText("H77")}, Fields: []string{"name"}, Basis: "Luật 91/2025/QH15, Điều 14"})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		why     string
		p       repo.Principal
		seq     int64
		dataset string
		fields  int
	}{
		{"the public is not told which dataset", repo.Public(), rc.Seq, "", 0},
		{"the owner's staff are", steward, rc.Seq, "dossier", 1},
		{"the erasure has a receipt too", steward, gone.Seq, "dossier", 1},
		{"and tells the public as little", repo.Public(), gone.Seq, "", 0},
	} {
		got, err := r.Deposit(ctx, x.p, x.seq)
		if err != nil {
			t.Fatal(err)
		}
		e := got.Records
		if x.seq == rc.Seq {
			if len(got.Erasures) != 1 || got.Records != nil {
				t.Fatalf("%s: %+v", x.why, got)
			}
			e = &got.Erasures[0]
		}
		if e == nil || e.Commit != gone.Seq || e.Whole || e.Dataset != x.dataset || len(e.Fields) != x.fields || e.Agency != "stp" || e.By != "" || e.Basis != "Luật 91/2025/QH15, Điều 14" {
			t.Errorf("%s: %+v", x.why, e)
		}
	}
	if _, err := r.Attest(ctx); err != nil {
		t.Fatal(err)
	}
	got, err = r.Deposit(ctx, repo.Public(), rc.Seq)
	if err != nil || got.Proof == nil {
		t.Fatalf("after the erasure: %+v %v", got, err)
	}
	if _, err := got.Proof.Check(r.LogKey()); err != nil {
		t.Error("the proof no longer holds")
	}
}
