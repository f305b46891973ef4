package repo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/postgres"
	"huong.city/huong/internal/store/postgres/pgtest"
)

// cluster serves the tests that need PostgreSQL.
var cluster = pgtest.New(pgtest.Settings{})

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.Stop()
	os.Exit(code)
}

// adder is a follower that cannot hide a commit applied twice or left out. It
// takes every commit in two parts, so that it is saved between them.
type adder struct {
	now struct {
		Sum, Parts int64
		Half       int64 // the commit whose first part is done
	}
	kept []store.StatePut

	mu    sync.Mutex
	loads int
}

func (a *adder) Name() string { return "adder" }

func (a *adder) Load(state map[string][]byte) error {
	a.mu.Lock()
	a.loads++
	a.mu.Unlock()
	a.now.Sum, a.now.Parts, a.now.Half, a.kept = 0, 0, 0, nil
	if b := state["now"]; b != nil {
		return json.Unmarshal(b, &a.now)
	}
	return nil
}

func (a *adder) Apply(e *commit.Entry, _ func(string) *repo.Entry) error {
	if a.now.Half != e.Seq {
		a.now.Half = e.Seq
		a.now.Parts++
		return repo.ErrUnfinished
	}
	a.now.Sum += e.Seq
	a.kept = append(a.kept, store.StatePut{Key: repo.Kept + fmt.Sprintf("%08d", e.Seq), Value: []byte("x")})
	return nil
}

func (a *adder) Save() ([]store.StatePut, error) {
	b, err := json.Marshal(a.now)
	puts := append(a.kept, store.StatePut{Key: "now", Value: b})
	a.kept = nil
	return puts, err
}

// savedTo waits until a follower has saved everything up to a commit.
func savedTo(t *testing.T, r *repo.Repository, name string, seq int64) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		at, err := r.FollowerSaved(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if at >= seq {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the follower stands at %d of %d", at, seq)
		}
	}
}

// TestProcessesShareAFollower lets two repositories, as two processes would,
// write to one database and run one follower.
func TestProcessesShareAFollower(t *testing.T) {
	t.Parallel()
	c := newClock()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		shareFollower(t, func() *repo.Repository { return openAt(t, dir, c) })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := cluster.Database(t)
		shareFollower(t, func() *repo.Repository {
			d, err := postgres.Open(t.Context(), url, postgres.Options{Readers: 4})
			if err != nil {
				t.Fatal(err)
			}
			r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: c.Now, Poll: 5 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { r.Close(context.Background()) })
			return r
		})
	})
}

func shareFollower(t *testing.T, open func() *repo.Repository) {
	first := open()
	declare(t, first, stations)
	second := open()
	followers := []*adder{{}, {}}
	first.Follow(followers[0])
	second.Follow(followers[1])
	const writes = 60
	var all sync.WaitGroup
	for who, r := range []*repo.Repository{first, second} {
		all.Go(func() {
			for i := range writes {
				if _, err := put(t, r, repo.Operator(), "station", fmt.Sprintf(`{"code":"S%d-%d","name":"n"}`, who, i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	check := func() {
		t.Helper()
		h, err := first.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		savedTo(t, first, "adder", h.Seq)
		var got adder
		kept, last := 0, ""
		err = first.FollowerState(t.Context(), "adder", "", "", 0, func(key string, val []byte) error {
			return json.Unmarshal(val, &got.now)
		})
		if err == nil {
			err = first.FollowerState(t.Context(), "adder", repo.Kept, "", 0, func(key string, _ []byte) error { kept, last = kept+1, key; return nil })
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := h.Seq * (h.Seq + 1) / 2; got.now.Sum != want || got.now.Parts != h.Seq || kept != int(h.Seq) || last != fmt.Sprintf("%s%08d", repo.Kept, h.Seq) {
			t.Errorf("of %d commits: sum %d, want %d; parts %d; kept %d, last %s", h.Seq, got.now.Sum, want, got.now.Parts, kept, last)
		}
		n := 0
		err = second.FollowerState(t.Context(), "adder", repo.Kept+"00000003", repo.Kept+"00000009", 4, func(string, []byte) error { n++; return nil })
		if err != nil || n != 4 {
			t.Errorf("a range of at most 4 has %d: %v", n, err)
		}
	}
	check()
	if n := followers[0].loaded() + followers[1].loaded(); n < 3 {
		t.Errorf("the two never met: %d loads", n)
	}
	// One of them rebuilds while the other runs on.
	if err := second.Rebuild(repo.Operator(), "adder"); err != nil {
		t.Fatal(err)
	}
	mustPut(t, first, "station", `{"code":"Z","name":"n"}`)
	check()
	if err := first.ForgetFollower(t.Context(), repo.Operator(), "adder"); err != nil {
		t.Fatal(err)
	}
	mustPut(t, second, "station", `{"code":"Y","name":"n"}`)
	check()
}

func (a *adder) loaded() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.loads
}
