package repo_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/sqlite"
)

const patients = `
name: patient
title: {vi: Người bệnh, en: Patient}
kind: register
classification: restricted
owner: syt
schema:
  primaryKey: [id]
  fields:
    - {name: id, type: string, title: {vi: Mã, en: Id}}
    - {name: name, type: string, title: {vi: Tên, en: Name}}
    - {name: note, type: string, title: {vi: Ghi chú, en: Note}}
    - {name: home, type: geopoint, title: {vi: Nơi ở, en: Home}}
place: {field: home}
indexes: [[name]]
`

// holding lists the files of a folder that hold a text.
func holding(t *testing.T, dir, canary string) (found []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(b, []byte(canary)); n > 0 {
			found = append(found, fmt.Sprintf("%s: %d times", f.Name(), n))
		}
	}
	return found
}

func sound(t *testing.T, r *repo.Repository) {
	t.Helper()
	rep, err := r.Verify(t.Context(), repo.Operator(), func(int64, int64) {}, func(f store.Fault) error {
		t.Errorf("fault %+v", f)
		return nil
	})
	if err != nil || rep.Entries == 0 {
		t.Fatal(err)
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openAt(t, dir, newClock())
	declare(t, r, patients)
	ctx := t.Context()
	key := func(s string) []value.Value { return []value.Value{value.OfText(s)} }
	steward := repo.Principal{Name: "an", Agency: "syt", Roles: []string{"steward"}, Areas: []string{"*"}}
	// Neighbours before, between and after, so that pages are split and filled.
	for i := range 400 {
		mustPut(t, r, "patient", fmt.Sprintf(`{"id":"p%04d","name":"Người %d","note":%q,"home":"107.5, 16.4"}`, i*7%400, i, strings.Repeat("bình thường ", i%20)))
		if i%40 == 7 {
			mustPut(t, r, "patient", fmt.Sprintf(`{"id":"p0100x","name":"CanaryName%d","note":"canary-note-%d %s","home":"107.6, 16.5"}`, i, i, strings.Repeat("rất dài ", i)))
		}
	}
	if _, err := r.Attest(ctx); err != nil {
		t.Fatal(err)
	}
	before, err := r.Inclusion(ctx, 200)
	if err != nil {
		t.Fatal(err)
	}
	if len(holding(t, dir, "canary-note")) == 0 || len(holding(t, dir, "CanaryName")) == 0 {
		t.Fatal("the canaries are not in the files to begin with")
	}
	for what, p := range map[string]repo.Principal{
		"another agency's steward": {Name: "x", Agency: "other", Roles: []string{"steward"}, Areas: []string{"*"}},
		"an officer":               {Name: "x", Agency: "syt", Roles: []string{"officer"}, Areas: []string{"*"}}, "nobody": repo.Public(),
	} {
		if _, err := r.Erase(ctx, p, repo.Erasing{Dataset: "patient", Key: key("p0100x"), Basis: "b"}); err == nil {
			t.Errorf("%s may erase", what)
		}
	}
	_, err = r.Erase(ctx, steward, repo.Erasing{Dataset: "patient", Key: key("p0100x"), Fields: []string{"id", "nothing", "_area"}})
	if e := problem.As(err); e.Code != "erase-invalid" || len(e.Violations) != 4 {
		t.Errorf("all that is wrong: %v", err)
	}
	if _, err := r.Erase(ctx, steward, repo.Erasing{Dataset: "patient", Key: key("none"), Basis: "b"}); problem.KindOf(err) != problem.NotFound {
		t.Errorf("a record that never was: %v", err)
	}

	const basis = "Luật 91/2025/QH15, Điều 14"
	rc, err := r.Erase(ctx, steward, repo.Erasing{Dataset: "patient", Key: key("p0100x"), Fields: []string{"note", "home"}, Basis: basis})
	if err != nil {
		t.Fatal(err)
	}
	if found := holding(t, dir, "canary-note"); found != nil {
		t.Errorf("the note is still in %v", found)
	}
	if len(holding(t, dir, "CanaryName")) == 0 {
		t.Error("the name went too")
	}
	sound(t, r)
	entry, err := r.Entry(repo.Operator(), "patient")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.History(ctx, repo.Operator(), "patient", key("p0100x"), func(v store.Version) error {
		for i, c := range entry.Table.Columns {
			if (c.Name == "note" || c.Name == "home" || c.Name == "_x" || c.Name == "_area") && v.Values != nil && !v.Values[i].IsNull() {
				t.Errorf("version %d still has %s", v.Seq, c.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Erase(ctx, steward, repo.Erasing{Dataset: "patient", Key: key("p0100x"), Basis: basis}); err != nil {
		t.Fatal(err)
	}
	for _, canary := range []string{"CanaryName", "p0100x"} {
		if found := holding(t, dir, canary); found != nil {
			t.Errorf("%s is still in %v", canary, found)
		}
	}
	sound(t, r)

	// What it was is nowhere told; that it was, by whom and why, is.
	var told []string
	_, err = r.Read(ctx, repo.Operator(), repo.Query{Dataset: repo.SystemErasure}, func(rec repo.Record) error {
		told = append(told, fmt.Sprint(rec.Values))
		return nil
	})
	if err != nil || len(told) != 2 || !strings.Contains(strings.Join(told, ""), basis) || !strings.Contains(told[0], "an") {
		t.Errorf("recorded %v: %v", told, err)
	}
	err = r.Log(ctx, repo.Operator(), repo.LogQuery{After: rc.Seq - 1, Limit: 1}, func(e *commit.Entry) error {
		if e.Actor != "an" || e.Reason != basis || !strings.HasPrefix(e.Source, store.ErasureSource) {
			t.Errorf("the erasing commit %+v", e.Header)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	// Proofs of before hold, and the log goes on from what was signed.
	if _, err := before.Check(r.LogKey()); err != nil {
		t.Error(err)
	}
	if _, err := r.Attest(ctx); err != nil {
		t.Error(err)
	}
	after, err := r.Inclusion(ctx, 200)
	if err != nil || after.Entry != before.Entry {
		t.Errorf("the public entry changed: %v", err)
	}
	mustPut(t, r, "patient", `{"id":"p0100x","name":"Mới"}`)
	sound(t, r)
	if err := r.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	sound(t, openAt(t, dir, newClock()))
}

// TestAttestsWhileCommitsCome waits for each of two commits to be covered.
func TestAttestsWhileCommitsCome(t *testing.T) {
	t.Parallel()
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: newClock().Now, Attest: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(context.Background())
	declare(t, r, stations)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for _, code := range []string{"KL", "DP"} {
		seq := mustPut(t, r, "station", fmt.Sprintf(`{"code":%q,"name":"x"}`, code)).Seq
		for {
			p, err := r.Inclusion(ctx, seq)
			if err == nil {
				if _, err := p.Check(r.LogKey()); err != nil {
					t.Fatal(err)
				}
				break
			}
			if problem.KindOf(err) != problem.Unavailable || problem.As(err).RetryAfter == 0 {
				t.Fatal(err)
			}
			<-look.C
		}
	}
}

// TestAttestRefusesAnotherLog puts a signed checkpoint of another history in
// the place of the log's own.
func TestAttestRefusesAnotherLog(t *testing.T) {
	t.Parallel()
	r := open(t)
	declare(t, r, stations)
	mustPut(t, r, "station", `{"code":"KL","name":"Kim Long"}`)
	if _, err := r.Attest(t.Context()); err != nil {
		t.Fatal(err)
	}
	own := r.Private("integrity")
	kept, err := own.Get(t.Context(), "checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Put(t.Context(), store.StatePut{Key: "checkpoint", Value: bytes.Replace(kept, []byte("\n\n"), []byte("\nx\n\n"), 1)}); err != nil {
		t.Fatal(err)
	}
	mustPut(t, r, "station", `{"code":"DP","name":"Đập Đá"}`)
	if _, err := r.Attest(t.Context()); err == nil {
		t.Error("it is signed though what was signed before does not hold")
	}
	var faults []store.Fault
	if _, err := r.Verify(t.Context(), repo.Operator(), func(int64, int64) {}, func(f store.Fault) error {
		faults = append(faults, f)
		return nil
	}); err != nil || len(faults) != 1 || faults[0].Where != "checkpoint" {
		t.Errorf("%v %v", faults, err)
	}
}
