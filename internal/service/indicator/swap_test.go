package indicator_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	core "huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
	"huong.city/huong/internal/store"
)

const counting = fileHead + `  - {name: seen, title: {vi: Thấy, en: Seen}, dataset: reading, measure: count, by: [kind], grains: [day, hour], good: none, empty: zero}
`

const summing = fileHead + `  - {name: seen, title: {vi: Tổng, en: Sum}, dataset: reading, measure: sum, of: n, grains: [day], good: none, empty: zero}
`

// load commits n readings of one hour, a thousand at a time.
func load(t testing.TB, r *repo.Repository, from, n int) {
	t.Helper()
	for n > 0 {
		var list []commit.Change
		for range min(n, 1000) {
			list = append(list, change(t, r, "reading", commit.Put, map[string]value.Value{
				"id": value.OfInt(int64(from)), "ward": value.OfText(wardCodes[1+from%3]), "at": value.OfInstant(noon.Add(-time.Duration(from%600) * time.Minute)),
				"kind": value.OfText("a"), "n": value.OfInt(2)}))
			from++
			n--
		}
		send(t, r, list...)
	}
}

func valueOf(t testing.TB, s *indicator.Service, a indicator.Ask) indicator.Reading {
	t.Helper()
	a.At = noon
	v, err := s.Value(t.Context(), repo.Internal(), a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// held stops the follower before it saves, or before it applies, for the nth time
// until it is let go.
type held struct {
	*indicator.Service
	saves, applies atomic.Int64
	save, apply    atomic.Int64 // which to stop at; 0 for none
	stopped        chan struct{}
	goOn           chan struct{}
}

func (h *held) wait() {
	close(h.stopped)
	<-h.goOn
}

func (h *held) Save() ([]store.StatePut, error) {
	if h.saves.Add(1) == h.save.Load() {
		h.wait()
	}
	return h.Service.Save()
}

func (h *held) Apply(e *commit.Entry, catalog func(string) *repo.Entry) error {
	if h.applies.Add(1) == h.apply.Load() {
		h.wait()
	}
	return h.Service.Apply(e, catalog)
}

// TestSwap changes a definition: the figures of the one before are told until the
// new ones are computed, records that come meanwhile are in both, and only the
// title of a definition changes at once.
func TestSwap(t *testing.T) {
	r := onSQLite(t, t.TempDir(), clock)
	defer r.Close(t.Context())
	declare(t, r, stations, readings)
	send(t, r, areaRows(t, r)...)
	load(t, r, 0, 20_000)
	define(t, r, "test", counting)
	s := indicator.New(r)
	h := &held{Service: s, stopped: make(chan struct{}), goOn: make(chan struct{})}
	r.Follow(h)
	settle(t, r, s)
	before := valueOf(t, s, indicator.Ask{Name: "seen"})
	if before.Value != 20_000 || before.Definition.Parts[0].Measure != core.Count {
		t.Fatalf("%+v", before)
	}
	h.save.Store(h.saves.Load() + 2)
	define(t, r, "test", summing)
	<-h.stopped // some of the table is read, the rest is not
	state := s.States()[0]
	if !state.Served || !state.Building || state.Progress <= 0 || state.Progress >= 1 || state.Total != 20_000 {
		t.Errorf("while it is being computed: %+v", state)
	}
	if v := valueOf(t, s, indicator.Ask{Name: "seen"}); v.Value != 20_000 || v.Definition.Title["en"] != "Seen" {
		t.Errorf("while the new one is being computed: %v %v", v.Value, v.Definition.Title)
	}
	load(t, r, 20_000, 500)
	close(h.goOn)
	settle(t, r, s)
	if v := valueOf(t, s, indicator.Ask{Name: "seen"}); v.Value != 41_000 || v.Definition.Title["en"] != "Sum" {
		t.Errorf("after the swap: %v %v, want 41000", v.Value, v.Definition.Title)
	}
	define(t, r, "test", fileHead+`  - {name: seen, title: {vi: Khác, en: Other}, dataset: reading, measure: sum, of: n, grains: [day], good: none, empty: zero}`+"\n")
	settle(t, r, s)
	if v := valueOf(t, s, indicator.Ask{Name: "seen"}); v.Value != 41_000 || v.Definition.Title["en"] != "Other" {
		t.Errorf("after another title: %v %v", v.Value, v.Definition.Title)
	}
	// What nobody asks for is gone from the database, cell by cell.
	define(t, r, "test", "")
	settle(t, r, s)
	if _, err := s.Value(t.Context(), repo.Internal(), indicator.Ask{Name: "seen"}); problem.KindOf(err) != problem.NotFound {
		t.Errorf("a definition taken away: %v", err)
	}
	left := -1
	for deadline := time.Now().Add(time.Minute); left != 0 && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		left = 0
		err := r.FollowerState(t.Context(), indicator.Name, repo.Kept, "", 0, func(string, []byte) error { left++; return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if left != 0 {
		t.Errorf("%d keys are left of indicators that nobody defines", left)
	}
}

// TestSwapWithRecords lets the table of a new definition be read before the log is
// applied that far, so that the commit that catches up, and thereby swaps the
// definitions, holds records that count by the one before too.
func TestSwapWithRecords(t *testing.T) {
	r := onSQLite(t, t.TempDir(), clock)
	defer r.Close(t.Context())
	declare(t, r, stations, readings)
	send(t, r, areaRows(t, r)...)
	load(t, r, 0, 50)
	define(t, r, "test", counting)
	s := indicator.New(r)
	h := &held{Service: s, stopped: make(chan struct{}), goOn: make(chan struct{})}
	r.Follow(h)
	settle(t, r, s)
	// The follower is stopped before the commit of the definition; when it goes on,
	// the log has an end beyond it, as of which the table is read.
	h.apply.Store(h.applies.Load() + 1)
	define(t, r, "test", summing)
	<-h.stopped
	load(t, r, 50, 10)
	close(h.goOn)
	settle(t, r, s)
	if v := valueOf(t, s, indicator.Ask{Name: "seen"}); v.Value != 120 || v.Definition.Title["en"] != "Sum" {
		t.Errorf("after the swap: %v %v, want 120", v.Value, v.Definition.Title)
	}
}

// TestRestartWhileReading closes the repository in the middle of a table and goes
// on from what was saved: no record counts twice and none is missed.
func TestRestartWhileReading(t *testing.T) {
	for stop := int64(1); stop <= 5; stop++ {
		t.Run(fmt.Sprint(stop), func(t *testing.T) {
			dir := t.TempDir()
			r := onSQLite(t, dir, clock)
			declare(t, r, stations, readings)
			send(t, r, areaRows(t, r)...)
			load(t, r, 0, 12_000)
			define(t, r, "test", counting)
			s := indicator.New(r)
			h := &held{Service: s, stopped: make(chan struct{}), goOn: make(chan struct{})}
			h.apply.Store(stop)
			r.Follow(h)
			<-h.stopped
			load(t, r, 12_000, 100)
			send(t, r, change(t, r, "reading", commit.Delete, map[string]value.Value{"id": value.OfInt(3)}))
			close(h.goOn)
			r.Close(t.Context())
			r = onSQLite(t, dir, clock)
			defer r.Close(t.Context())
			s = indicator.New(r)
			r.Follow(s)
			settle(t, r, s)
			if v := valueOf(t, s, indicator.Ask{Name: "seen"}); v.Value != 12_099 {
				t.Errorf("%v after a restart, want 12099", v.Value)
			}
			wards, err := s.ByArea(t.Context(), repo.Internal(), indicator.Ask{Name: "seen", At: noon})
			sum := 0.0
			for _, w := range wards {
				sum += w.Value
			}
			if err != nil || len(wards) != 3 || sum != 12_099 {
				t.Errorf("wards %+v, %v", wards, err)
			}
		})
	}
}

// TestErased takes the content of a record out of the log before the follower has
// read its deletion: the figures still equal a recount.
func TestErased(t *testing.T) {
	dir := t.TempDir()
	r := onSQLite(t, dir, clock)
	declare(t, r, stations, readings)
	send(t, r, areaRows(t, r)...)
	load(t, r, 0, 50)
	define(t, r, "test", counting)
	s := indicator.New(r)
	r.Follow(s)
	settle(t, r, s)
	r.Close(t.Context())
	r = onSQLite(t, dir, clock) // nobody follows
	send(t, r, change(t, r, "reading", commit.Delete, map[string]value.Value{"id": value.OfInt(7)}))
	if _, err := r.Erase(t.Context(), repo.Operator(), repo.Erasing{Dataset: "reading", Key: []value.Value{value.OfInt(7)}, Basis: "a test"}); err != nil {
		t.Fatal(err)
	}
	s = indicator.New(r)
	r.Follow(s)
	defer r.Close(t.Context())
	settle(t, r, s)
	if v := valueOf(t, s, indicator.Ask{Name: "seen"}); v.Value != 49 {
		t.Errorf("%v after an erasure, want 49", v.Value)
	}
}
