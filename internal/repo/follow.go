package repo

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// Follower derives something from the log. It is called on one goroutine, gets
// every commit exactly once in order, and what it returns is saved together
// with its cursor in one transaction, some commits or some time later: after a
// crash it continues where its saved state stands.
type Follower interface {
	// Name identifies the follower's cursor and state; it never changes.
	Name() string
	// Load takes the state saved before; it is called once before Apply, and
	// again with an empty state when the follower is rebuilt.
	Load(state map[string][]byte) error
	// Apply takes the next commit. The entry and its rows are valid only during
	// the call. catalog resolves the datasets of this moment; nil is unknown.
	Apply(e *commit.Entry, catalog func(dataset string) *Entry) error
	// Save returns what must be kept of the commits applied since the last Save.
	Save() ([]store.StatePut, error)
}

const (
	followBatch   = 256
	cursorKey     = "cursor"
	stateKey      = "state/"
	followBackoff = 2 * time.Second

	// A follower is saved when it has stood unsaved for so long or over so many
	// commits, and when it stops: a durable save after every commit would cost
	// the writer as much as the commit itself.
	saveAfter   = time.Second
	saveCommits = 8 * followBatch
)

type followers struct {
	mu      sync.Mutex
	life    context.Context
	running sync.WaitGroup
	byName  map[string]*following
}

type following struct {
	follower Follower
	rebuild  chan struct{}

	mu     sync.Mutex
	status FollowerStatus
}

func (f *followers) init(life context.Context, _ *Repository) {
	f.life, f.byName = life, map[string]*following{}
}

func (f *followers) wait() { f.running.Wait() }

// Follow starts a follower; it runs until Close. Starting one name twice is a
// fault of the program.
func (r *Repository) Follow(f Follower) {
	r.follow.mu.Lock()
	defer r.follow.mu.Unlock()
	if r.follow.byName[f.Name()] != nil {
		panic("repo: follower started twice: " + f.Name())
	}
	g := &following{follower: f, rebuild: make(chan struct{}, 1)}
	g.status.Name = f.Name()
	r.follow.byName[f.Name()] = g
	r.follow.running.Go(func() { r.followLoop(r.follow.life, g) })
}

// Rebuild makes a running follower forget what it derived and read the log
// from its start.
func (r *Repository) Rebuild(p Principal, name string) error {
	r.follow.mu.Lock()
	g := r.follow.byName[name]
	r.follow.mu.Unlock()
	if g == nil || !p.Admin {
		return problem.New(problem.NotFound, "not-found", "what", name)
	}
	select {
	case g.rebuild <- struct{}{}:
	default:
	}
	return nil
}

// Status tells where the log ends, what waits and how far followers are.
func (r *Repository) Status(context.Context) (Status, error) {
	s := Status{Head: r.head.current(), Queue: len(r.queue.in)}
	r.follow.mu.Lock()
	defer r.follow.mu.Unlock()
	for _, g := range r.follow.byName {
		g.mu.Lock()
		st := g.status
		g.mu.Unlock()
		st.Lag = max(0, s.Head.Seq-st.Cursor)
		s.Followers = append(s.Followers, st)
	}
	slices.SortFunc(s.Followers, func(a, b FollowerStatus) int { return strings.Compare(a.Name, b.Name) })
	return s, nil
}

// followLoop restarts a follower from its saved state after any fault.
func (r *Repository) followLoop(ctx context.Context, g *following) {
	for ctx.Err() == nil {
		err := r.followFrom(ctx, g)
		if err == nil || ctx.Err() != nil {
			continue
		}
		if errors.Is(err, errRebuild) {
			err = r.forget(ctx, followerOwner(g.follower.Name()))
			if err == nil {
				continue
			}
		}
		r.log.Warn("follower stopped, will resume", "follower", g.follower.Name(), "err", err)
		g.mu.Lock()
		g.status.Error = problem.As(err).In("en")
		g.mu.Unlock()
		select {
		case <-time.After(followBackoff):
		case <-ctx.Done():
		}
	}
}

var (
	errRebuild = errors.New("repo: follower is to be rebuilt")
	errDue     = errors.New("repo: follower is to be saved")
)

func followerOwner(name string) string { return "follower/" + name }

func (r *Repository) forget(ctx context.Context, owner string) error {
	var puts []store.StatePut
	err := r.driver.State(ctx, owner, "", func(key string, _ []byte) error {
		puts = append(puts, store.StatePut{Key: key})
		return nil
	})
	if err != nil {
		return err
	}
	return r.driver.SaveState(ctx, owner, puts)
}

func (r *Repository) followFrom(ctx context.Context, g *following) error {
	name := followerOwner(g.follower.Name())
	var at commit.Position
	state := map[string][]byte{}
	err := r.driver.State(ctx, name, "", func(key string, val []byte) error {
		if key == cursorKey {
			return json.Unmarshal(val, &at)
		}
		state[key[len(stateKey):]] = append([]byte(nil), val...)
		return nil
	})
	if err != nil {
		return err
	}
	if epoch := r.head.current().Epoch; at.Epoch != epoch {
		if at.Epoch != "" {
			return errRebuild
		}
		at = commit.Position{Epoch: epoch}
	}
	if err := g.follower.Load(state); err != nil {
		return errRebuild
	}
	saved := at.Seq
	save := func() error {
		if saved == at.Seq {
			return nil
		}
		puts, err := g.follower.Save()
		if err != nil {
			return err
		}
		for i := range puts {
			puts[i].Key = stateKey + puts[i].Key
		}
		cursor, _ := json.Marshal(at)
		puts = append(puts, store.StatePut{Key: cursorKey, Value: cursor})
		saved = at.Seq
		return r.driver.SaveState(context.WithoutCancel(ctx), name, puts)
	}
	var due <-chan time.Time // runs while something is unsaved
	for {
		g.reached(at.Seq, r.now())
		_, err := r.head.waitOr(ctx, at.Seq, g.rebuild, due)
		switch {
		case errors.Is(err, errRebuild):
			return err
		case errors.Is(err, errDue):
			due = nil
			err = save()
		case err != nil:
			return errors.Join(err, save())
		case r.head.current().Epoch != at.Epoch:
			return errRebuild
		default:
			if at.Seq, err = r.followBatch(ctx, g.follower, at.Seq); err == nil && at.Seq-saved >= saveCommits {
				due = nil
				err = save()
			}
		}
		if err != nil {
			return err
		}
		if saved != at.Seq && due == nil {
			due = time.After(saveAfter)
		}
	}
}

// followBatch applies the next commits and returns the last one applied; after
// an error the follower has to be loaded again.
func (r *Repository) followBatch(ctx context.Context, f Follower, after int64) (int64, error) {
	c := r.catalog.Load()
	entry := func(name string) *Entry { return c.entries[name] }
	seq := after
	tables := func(name string) *dataset.Table {
		if e := c.entries[name]; e != nil {
			return e.Table
		}
		return nil
	}
	err := r.driver.Log(ctx, store.LogRange{After: after, Limit: followBatch, Tables: tables}, func(e *commit.Entry) error {
		seq = e.Seq
		return f.Apply(e, entry)
	})
	return seq, err
}

func (g *following) reached(seq int64, now time.Time) {
	g.mu.Lock()
	g.status.Cursor, g.status.Updated, g.status.Error = seq, now, ""
	g.mu.Unlock()
}

// waitOr is wait that a request to rebuild ends too, and that a save is due.
func (s *headSignal) waitOr(ctx context.Context, after int64, rebuild <-chan struct{}, due <-chan time.Time) (int64, error) {
	for {
		s.mu.Lock()
		seq, moved, closed := s.head.Seq, s.moved, s.closed
		s.mu.Unlock()
		select {
		case <-rebuild:
			return 0, errRebuild
		case <-due:
			return 0, errDue
		default:
		}
		if seq > after {
			return seq, nil
		}
		if closed {
			return 0, context.Canceled
		}
		select {
		case <-moved:
		case <-rebuild:
			return 0, errRebuild
		case <-due:
			return 0, errDue
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
