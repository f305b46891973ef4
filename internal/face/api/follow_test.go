package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/client"
	"huong.city/huong/internal/face/web"
)

func readAll(t *testing.T, res *http.Response) []byte {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unmarshal(t *testing.T, b []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%v in %.300s", err, b)
	}
}

func (s *site) client(token string) *client.Client {
	s.t.Helper()
	c, err := client.New(s.URL, token, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// TestFollowLosesAndRepeatsNothing writes from several sides while a reader
// follows over connections that are cut again and again, in the middle of
// commits too.
func TestFollowLosesAndRepeatsNothing(t *testing.T) {
	s := start(t, func(c *web.Config) { c.StreamLife, c.Retry = 30*time.Millisecond, 5*time.Millisecond })
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	const writers, batches, rows = 3, 8, 7
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			c := s.client(s.writer)
			for b := range batches {
				var body strings.Builder
				for i := range rows {
					fmt.Fprintf(&body, `{"code":"w%d-%d-%d","name":"x"}`+"\n", w, b, i)
				}
				if _, err := c.Post(ctx, "station", "application/x-ndjson", strings.NewReader(body.String()), client.Write{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var got []string
	cursor := "start"
	errCut := errors.New("cut")
	reader := s.client("")
	for n := 0; len(got) < writers*batches*rows && ctx.Err() == nil; n++ {
		left := 1 + n%5 // cut the connection after a few changes
		err := reader.Follow(ctx, []string{"station"}, cursor, func(ch client.Change) error {
			got, cursor = append(got, ch.Key), ch.Cursor
			if left--; left == 0 || len(got) == writers*batches*rows {
				return errCut
			}
			return nil
		})
		if !errors.Is(err, errCut) {
			t.Fatalf("follow after %d: %v", len(got), err)
		}
	}
	wg.Wait()
	slices.Sort(got)
	if n := len(slices.Compact(slices.Clone(got))); len(got) != writers*batches*rows || n != len(got) {
		t.Fatalf("%d changes, %d distinct, want %d", len(got), n, writers*batches*rows)
	}
	if more, _, _, err := reader.Poll(ctx, []string{"station"}, cursor, 0); err != nil || len(more) != 0 {
		t.Errorf("%d changes left over, %v", len(more), err)
	}
}

func TestPollInPieces(t *testing.T) {
	s := start(t, nil)
	s.fill()
	var seqs []string
	cursor := "start"
	for range 100 {
		r := s.must(200, "GET", "/api/v1/changes?limit=13&cursor="+url.QueryEscape(cursor), s.writer, "")
		lines := strings.Split(strings.TrimSpace(r.body), "\n")
		var last struct {
			Cursor string
			More   bool
		}
		unmarshal(t, []byte(lines[len(lines)-1]), &last)
		for _, l := range lines[:len(lines)-1] {
			var ch client.Change
			unmarshal(t, []byte(l), &ch)
			if ch.Dataset == "station" || ch.Dataset == "level" || ch.Dataset == "happening" {
				seqs = append(seqs, fmt.Sprintf("%d %s %s", ch.Seq, ch.Dataset, ch.Key))
			}
		}
		cursor = last.Cursor
		if !last.More {
			break
		}
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(seqs)))); len(seqs) != 64 || n != 64 {
		t.Errorf("%d changes, %d distinct, want 64", len(seqs), n)
	}
	for _, bad := range []string{"x", cursor + ".0", cursor + ".x", cursor + ".999999999999999999999", strings.Repeat("A", 9000)} {
		s.must(400, "GET", "/api/v1/changes?cursor="+url.QueryEscape(bad), s.writer, "")
	}
	// The public is told nothing of closed datasets, nor of hidden fields.
	r := s.must(200, "GET", "/api/v1/changes?limit=10000&datasets=station,level", "", "")
	if strings.Contains(r.body, "happening") || strings.Contains(r.body, "Nguyễn") || !strings.Contains(r.body, "kimlong") {
		t.Errorf("the public's changes: %.500s", r.body)
	}
	s.must(401, "GET", "/api/v1/datasets/happening/changes", "", "")
	s.must(406, "GET", "/api/v1/changes", "", "", "Accept", "image/png")
}

func TestACursorOfAnotherEpochIsGone(t *testing.T) {
	a, b := start(t, nil), start(t, nil)
	cursor := a.must(200, "GET", "/api/v1/status", "", "").at("cursor").(string)
	r := b.must(410, "GET", "/api/v1/changes?cursor="+url.QueryEscape(cursor), "", "")
	if r.at("code") != "cursor-other-epoch" {
		t.Errorf("%s", r.body)
	}
	b.must(410, "GET", "/api/v1/changes", "", "", "Last-Event-ID", cursor, "Accept", "text/event-stream")
}

func TestLongPollWakes(t *testing.T) {
	s := start(t, nil)
	c := s.client(s.writer)
	_, cursor, _, err := c.Poll(t.Context(), nil, "now", 0)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan []client.Change, 1)
	go func() {
		got, _, _, err := c.Poll(t.Context(), []string{"station"}, cursor, 30*time.Second)
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	if _, err := c.Put(t.Context(), "happening", "1", map[string]any{"text": "other"}, client.Write{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(t.Context(), "station", "x", map[string]any{"name": "X"}, client.Write{}); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-done:
		if len(got) != 1 || got[0].Key != "x" || got[0].Op != "created" {
			t.Errorf("got %+v", got)
		}
	case <-time.After(20 * time.Second):
		t.Error("the poll did not wake")
	}
}

func TestStreamsEndWhenTheServerStops(t *testing.T) {
	s := start(t, nil)
	res, err := http.Get(s.URL + "/api/v1/changes?cursor=start")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	req, _ := http.NewRequest("GET", s.URL+"/api/v1/changes", nil)
	req.Header.Set("Accept", "text/event-stream")
	stream, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	s.stop()
	if _, err := io.ReadAll(stream.Body); err != nil {
		t.Errorf("%v", err)
	}
	s.must(503, "GET", "/readyz", "", "")
}

func TestTheClient(t *testing.T) {
	s := start(t, nil)
	s.fill()
	ctx := t.Context()
	c := s.client(s.writer)
	list, err := c.Catalog(ctx, "tram")
	if err != nil || len(list) != 1 || list[0].Name != "station" || !list[0].Writable {
		t.Errorf("catalog: %+v %v", list, err)
	}
	n := 0
	err = c.Records(ctx, "level", url.Values{"limit": {"25"}, "filter": {"level >= 0"}}, func(p client.Page) error { n += len(p.Records); return nil })
	if err != nil || n != 60 {
		t.Errorf("records: %d %v", n, err)
	}
	rec, err := c.Get(ctx, "station", "kimlong")
	if err != nil || rec.Key != "kimlong" || rec.Version == 0 || string(rec.Fields["channels"]) != "9007199254740993" {
		t.Errorf("get: %+v %v", rec, err)
	}
	w, err := c.Patch(ctx, "station", "kimlong", map[string]any{"depth": 7}, client.Write{Version: rec.Version, Reason: "đo lại"})
	if err != nil || w.Result != "updated" {
		t.Errorf("patch: %+v %v", w, err)
	}
	_, err = c.Put(ctx, "station", "kimlong", map[string]any{"name": "x"}, client.Write{Version: rec.Version})
	if p, ok := errors.AsType[*client.Problem](err); !ok || p.Status != 412 {
		t.Errorf("stale: %v", err)
	}
	if _, err := c.Put(ctx, "station", "a/b c", map[string]any{"name": "x"}, client.Write{Absent: true}); err != nil {
		t.Error(err)
	}
	if rec, err := c.Get(ctx, "station", "a/b c"); err != nil || rec.Key != "a/b c" {
		t.Errorf("odd key: %+v %v", rec, err)
	}
	if d, err := c.Delete(ctx, "station", "a/b c", client.Write{}); err != nil || d.Result != "deleted" {
		t.Errorf("delete: %+v %v", d, err)
	}
	out, err := c.Export(ctx, "station", "ndjson", url.Values{"fields": {"code"}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(out)
	out.Close()
	if err != nil || strings.Count(string(b), "\n") != 3 {
		t.Errorf("export: %q %v", b, err)
	}
	if _, err := client.New("ftp://x", "", nil); err == nil {
		t.Error("an address that is not http must be refused")
	}
}
