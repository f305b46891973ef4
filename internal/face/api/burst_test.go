package api_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// slow is a store that writes nothing while its gate is closed, as a disk that
// cannot keep up.
type slow struct {
	store.Driver
	gate    sync.RWMutex
	entered chan struct{} // gets a token when a group is about to be written
}

func (s *slow) Append(ctx context.Context, catalog int64, batch []store.Item) ([]store.Outcome, error) {
	select {
	case s.entered <- struct{}{}:
	default:
	}
	s.gate.RLock()
	defer s.gate.RUnlock()
	return s.Driver.Append(ctx, catalog, batch)
}

// refused checks that a request was sent back with a time to come again.
func refused(t *testing.T, r reply, code string) {
	t.Helper()
	after, err := strconv.Atoi(r.header.Get("Retry-After"))
	if r.status != 429 || r.doc["code"] != code || err != nil || after < 1 {
		t.Errorf("status %d, Retry-After %q: %s", r.status, r.header.Get("Retry-After"), r.body)
	}
}

// A burst of ten times what a feed may have under way: what is beyond is answered
// 429 at once, nothing of it is stored, what was taken is acknowledged when it is
// durable, and after the others have come again every point is there once.
func TestABurstIsSentBackAndNothingIsLost(t *testing.T) {
	const usual, times, rows = 8, 10, 20
	d := &slow{entered: make(chan struct{}, 1)}
	s := startOn(t, func(c *web.Config) { c.StreamsPerClient = usual }, func(c *repo.Config) { d.Driver, c.Driver = c.Driver, d })
	other, err := s.repo.CreateToken(t.Context(), repo.Operator(), "other", []string{"*"}, nil, "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	count := func() int {
		return int(s.must(200, "GET", "/api/v1/datasets/level/records?limit=1", other, "").doc["numberMatched"].(float64))
	}
	type answer struct {
		n int
		reply
	}
	post := func(n int) answer {
		var b strings.Builder
		for i := range rows {
			fmt.Fprintf(&b, `{"station":"s%d","observedAt":"2025-10-26T00:%02d:00Z","level":1.5}`+"\n", n, i)
		}
		return answer{n, s.do("POST", "/api/v1/datasets/level/records", s.writer, b.String(), "Content-Type", "application/x-ndjson")}
	}
	answers := make(chan answer)
	d.gate.Lock()
	for n := range usual * times {
		go func() { answers <- post(n) }()
	}
	var again []int
	for range usual * (times - 1) {
		a := <-answers
		refused(t, a.reply, "too-many-requests")
		again = append(again, a.n)
	}
	if n := count(); n != 0 {
		t.Errorf("%d points are there before anything was acknowledged", n)
	}
	d.gate.Unlock()
	for range usual {
		if a := <-answers; a.status != 200 || a.doc["accepted"] != float64(rows) {
			t.Errorf("what was taken: %d %s", a.status, a.body)
		}
	}
	if n := count(); n != usual*rows {
		t.Errorf("%d points of %d that were acknowledged", n, usual*rows)
	}
	for _, n := range again {
		if a := post(n); a.status != 200 || a.doc["accepted"] != float64(rows) {
			t.Errorf("sent again: %d %s", a.status, a.body)
		}
	}
	if n := count(); n != usual*times*rows {
		t.Errorf("%d points of %d", n, usual*times*rows)
	}
}

// The queue before the store is bounded too, whoever sends: single records are
// sent back, a body of many waits, and what was acknowledged is there.
func TestAFullQueueSendsBackAndWaits(t *testing.T) {
	const room, burst = 3, 40
	d := &slow{entered: make(chan struct{}, 1)}
	s := startOn(t, nil, func(c *repo.Config) {
		d.Driver, c.Driver, c.QueueLimit = c.Driver, d, room
	})
	put := func(n int) reply {
		return s.do("PUT", fmt.Sprintf("/api/v1/datasets/station/records/s%d", n), s.writer, `{"name":"x"}`)
	}
	type answer struct {
		n int
		reply
	}
	answers := make(chan answer)
	select { // left by what was written before
	case <-d.entered:
	default:
	}
	d.gate.Lock()
	go func() { answers <- answer{-1, put(1000)} }()
	<-d.entered // the writer is at it; from now on all others wait in the queue
	for n := range burst {
		go func() { answers <- answer{n, put(n)} }()
	}
	back := map[int]bool{}
	for range burst - room {
		a := <-answers
		refused(t, a.reply, "busy")
		back[a.n] = true
	}
	many := make(chan reply)
	go func() {
		many <- s.do("POST", "/api/v1/datasets/station/records", s.writer, `[{"code":"m1","name":"x"},{"code":"m2","name":"x"}]`)
	}()
	d.gate.Unlock()
	for range room + 1 {
		if a := <-answers; a.status != 201 {
			t.Errorf("what was taken: %d %s", a.status, a.body)
		}
	}
	if r := <-many; r.status != 200 || r.doc["accepted"] != 2.0 {
		t.Errorf("a body of many: %d %s", r.status, r.body)
	}
	for n := range burst {
		want := 200
		if back[n] {
			want = 404
		}
		if r := s.do("GET", fmt.Sprintf("/api/v1/datasets/station/records/s%d", n), s.writer, ""); r.status != want {
			t.Errorf("s%d: status %d, want %d", n, r.status, want)
		}
	}
}
