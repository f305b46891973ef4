package tlog_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/face/tlog"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store/sqlite"
)

const point = `name: point
title: {vi: Điểm, en: Point}
kind: register
classification: restricted
schema:
  primaryKey: [id]
  fields:
    - {name: id, type: string, title: {vi: Mã, en: Id}}
    - {name: canary, type: string, title: {vi: Chữ, en: Text}}
`

func town(t *testing.T) (*repo.Repository, string) {
	t.Helper()
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	ds, err := dataset.Parse("point.yaml", []byte(point))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Plan(t.Context(), repo.Operator(), []*dataset.Dataset{ds})
	if err == nil {
		_, err = r.Apply(t.Context(), repo.Operator(), plan)
	}
	if err != nil {
		t.Fatal(err)
	}
	mux, err := web.New(web.Config{Now: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Authenticate: func(context.Context, string) (repo.Principal, error) { return repo.Public(), nil }})
	if err != nil {
		t.Fatal(err)
	}
	mux.Mount(tlog.Routes(r)...)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return r, s.URL
}

func write(t *testing.T, r *repo.Repository, key string) commit.Receipt {
	t.Helper()
	e, err := r.Entry(repo.Operator(), "point")
	if err != nil {
		t.Fatal(err)
	}
	row := make([]value.Value, e.Table.Width())
	row[0], row[1] = value.OfText(key), value.OfText("canary-value")
	rc, err := r.Commit(t.Context(), repo.Operator(), &commit.Request{Header: commit.Header{Actor: "canary-actor", Source: "canary-source", Reason: "canary-reason"},
		Changes: []commit.Change{{Dataset: "point", Op: commit.Put, Row: row}}})
	if err != nil {
		t.Fatal(err)
	}
	return rc
}

func get(t *testing.T, url string) (int, http.Header, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

func TestServedLog(t *testing.T) {
	r, url := town(t)
	if status, _, _ := get(t, url+"/log/checkpoint"); status != 404 {
		t.Errorf("a checkpoint before the first was signed: %d", status)
	}
	var last commit.Receipt
	for i := range 300 {
		last = write(t, r, fmt.Sprint(i))
	}
	if _, err := r.Inclusion(t.Context(), last.Seq); err == nil {
		t.Error("an entry is proven that no checkpoint covers")
	}
	signed, err := r.Attest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.Attest(t.Context()); err != nil || string(again) != string(signed) {
		t.Errorf("signed again without need: %v", err)
	}
	status, head, body := get(t, url+"/log/checkpoint")
	if status != 200 || body != string(signed) || head.Get("Cache-Control") != "no-store" || !strings.HasPrefix(head.Get("Content-Type"), "text/plain") {
		t.Errorf("checkpoint: %d %v %s", status, head, body)
	}
	_, _, key := get(t, url+"/log/key")
	key = strings.TrimSpace(key)
	if key != r.LogKey() {
		t.Errorf("key %q", key)
	}
	part := last.Seq - 256
	for path, want := range map[string]int{
		"0/000": 256 * 32, fmt.Sprintf("0/001.p/%d", part): int(part) * 32, "0/001.p/3": 3 * 32, "1/000.p/1": 32,
		"0/001": -1, fmt.Sprintf("0/001.p/%d", part+1): -1, "1/000": -1, "2/000.p/1": -1, "0/000?x=1": -1, "x": -1, "0/0": -1, "entries/002": -1,
	} {
		status, head, body := get(t, url+"/log/tile/"+path)
		switch {
		case want < 0 && status != 404:
			t.Errorf("%s: %d", path, status)
		case want >= 0 && (status != 200 || len(body) != want || !strings.Contains(head.Get("Cache-Control"), "immutable") || head.Get("Content-Type") != "application/octet-stream"):
			t.Errorf("%s: %d, %d bytes, %v", path, status, len(body), head)
		}
	}
	for _, path := range []string{"entries/000", fmt.Sprintf("entries/001.p/%d", part)} {
		if status, _, body := get(t, url+"/log/tile/"+path); status != 200 || strings.Contains(body, "canary") || !strings.Contains(body, "huong.city/commit/v1") {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestIndependentVerifier(t *testing.T) {
	r, _ := town(t)
	var last commit.Receipt
	checked := 0
	for i := range 70 {
		last = write(t, r, fmt.Sprint(i))
		if i%9 != 0 {
			continue
		}
		if _, err := r.Attest(t.Context()); err != nil {
			t.Fatal(err)
		}
		for seq := int64(1); seq <= last.Seq; seq += 3 {
			p, err := r.Inclusion(t.Context(), seq)
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			entry, err := verify(b, r.LogKey())
			if err != nil || entry != p.Entry {
				t.Fatalf("commit %d of %d: %v", seq, last.Seq, err)
			}
			checked++
			for what, change := range map[string]func(*receipt){
				"entry": func(p *receipt) { p.Entry = strings.Replace(p.Entry, "=", "A", 1) }, "index": func(p *receipt) { p.Index ^= 1 }, "size": func(p *receipt) { p.Size++ },
				"path": func(p *receipt) { p.Hashes = p.Hashes[:len(p.Hashes)-1] },
				"hash": func(p *receipt) { p.Hashes[0][7] ^= 1 },
				"checkpoint": func(p *receipt) {
					p.Checkpoint = strings.Replace(p.Checkpoint, fmt.Sprint(p.Size), fmt.Sprint(p.Size+1), 1)
				},
			} {
				var x receipt
				if err := json.Unmarshal(b, &x); err != nil {
					t.Fatal(err)
				}
				change(&x)
				altered, err := json.Marshal(x)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := verify(altered, r.LogKey()); err == nil {
					t.Fatalf("commit %d of %d: an altered %s is accepted", seq, last.Seq, what)
				}
			}
		}
	}
	if checked < 50 {
		t.Errorf("%d proofs checked", checked)
	}
	other, _ := town(t)
	p, err := r.Inclusion(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(p)
	if _, err := verify(b, other.LogKey()); err == nil {
		t.Error("another log's key accepts it")
	}
}
