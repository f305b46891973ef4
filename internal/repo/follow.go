package repo

import (
	"bytes"
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
//
// Several processes may run a follower of one name on one database. What is
// saved is then still derived from every commit exactly once: a save succeeds
// only where the cursor is the one that the process began with, and whoever
// comes second is loaded again from what the first saved.
type Follower interface {
	// Name identifies the follower's cursor and state; it never changes.
	Name() string
	// Load takes the state saved before, without what lies below Kept; it is
	// called once before Apply, again with an empty state when the follower is
	// rebuilt, and again after a fault or after another process was first to
	// save. What was applied and not saved is to be forgotten.
	Load(state map[string][]byte) error
	// Apply takes the next commit. The entry and its rows are valid only during
	// the call. catalog resolves the datasets of this moment, never older than
	// the commit; nil is unknown. With ErrUnfinished what was derived so far is
	// saved and the same commit is given again: a long piece of work is done in
	// parts that fit in memory and that a restart does not repeat.
	Apply(e *commit.Entry, catalog func(dataset string) *Entry) error
	// Save returns what must be kept of the commits applied since the last Save.
	// Keys that begin with Kept are for state too large to load: it is read by
	// FollowerState.
	Save() ([]store.StatePut, error)
}

// Kept is what the keys of a follower's large state begin with.
const Kept = "kept/"

// ErrUnfinished is what Apply returns to be given the same commit again.
var ErrUnfinished = errors.New("repo: the commit is not wholly applied yet")

const (
	followBatch   = 256
	cursorKey     = "cursor"
	stateKey      = "state/"
	forgetPage    = 5000
	followBackoff = 2 * time.Second

	// followRest is how long commits gather before a follower that has caught up
	// reads again; after a quiet time the first one is read at once. Reading after
	// every commit would cost a busy node as much as the commits' own statements.
	followRest = 50 * time.Millisecond

	// A follower is saved when it has stood unsaved for so long or over so many
	// commits or changes, and when it stops: a durable save after every commit
	// would cost the writer as much as the commit itself. The changes bound what
	// a follower must hold in memory.
	saveAfter   = time.Second
	saveCommits = 8 * followBatch
	saveChanges = 100_000
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
		if errors.Is(err, errRebuild) {
			err = r.forget(ctx, followerOwner(g.follower.Name()))
		}
		// Another process that saved first is no fault: go on from there.
		if err == nil || ctx.Err() != nil || errors.Is(err, store.ErrStateMoved) {
			continue
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

// cursor is where a follower's saved state stands. No two saves of one follower
// have the same: it is what they compare.
type cursor struct {
	commit.Position
	Save   int64 // µs since 1970 of this save, or one more than the last one's
	Forget bool  `json:",omitempty"` // the state is being deleted, a page at a time
}

func (c cursor) bytes() []byte {
	b, _ := json.Marshal(c)
	return b
}

// next is the cursor of the save that follows c.
func (r *Repository) next(c cursor, at commit.Position) cursor {
	return cursor{Position: at, Save: max(c.Save+1, r.now().UnixMicro())}
}

// cursorOf reads a follower's cursor and its bytes, nil when there is none.
func (r *Repository) cursorOf(ctx context.Context, owner string) (c cursor, raw []byte, err error) {
	err = r.driver.StateRange(ctx, owner, cursorKey, cursorKey+"\x00", 1, func(_ string, val []byte) error {
		raw = append([]byte{}, val...)
		return json.Unmarshal(val, &c)
	})
	return c, raw, err
}

// forget deletes what a follower saved, page by page; a follower that runs
// meanwhile, here or elsewhere, cannot save until it has read anew.
func (r *Repository) forget(ctx context.Context, owner string) error {
	for {
		c, raw, err := r.cursorOf(ctx, owner)
		if err != nil {
			return err
		}
		var puts []store.StatePut
		err = r.driver.StateRange(ctx, owner, "", "", forgetPage, func(key string, _ []byte) error {
			if key != cursorKey {
				puts = append(puts, store.StatePut{Key: key})
			}
			return nil
		})
		if err != nil {
			return err
		}
		var mark []byte
		if len(puts) > 0 {
			next := r.next(c, commit.Position{})
			next.Forget = true
			mark = next.bytes()
		}
		err = r.driver.SwapState(ctx, owner, cursorKey, raw, mark, puts)
		switch {
		case err == nil && len(puts) == 0:
			return nil
		case err != nil && !errors.Is(err, store.ErrStateMoved):
			return err
		}
	}
}

// FollowerState reads saved state of a follower: the keys from <= key < until
// (until "" = all that follow of their sort), at most limit (0 = all), in order
// of their bytes. Keys below Kept and the others are two sorts, read apart. It
// is the follower's private state; whoever shows it decides to whom.
func (r *Repository) FollowerState(ctx context.Context, name, from, until string, limit int, fn func(key string, val []byte) error) error {
	prefix := stateKey
	if strings.HasPrefix(from, Kept) {
		prefix = ""
	}
	end := prefix + until
	switch {
	case until == "" && prefix == "":
		end = after(Kept)
	case until == "":
		end = after(stateKey)
	}
	return r.driver.StateRange(ctx, followerOwner(name), prefix+from, end, limit, func(key string, val []byte) error {
		return fn(key[len(prefix):], val)
	})
}

// after is the first key behind those that begin with prefix, which ends in "/".
func after(prefix string) string { return prefix[:len(prefix)-1] + "0" }

// FollowerSaved tells up to which commit a follower's saved state reaches.
func (r *Repository) FollowerSaved(ctx context.Context, name string) (int64, error) {
	c, _, err := r.cursorOf(ctx, followerOwner(name))
	return c.Seq, err
}

// loadFollower hands a follower its saved state and returns the cursor that it
// belongs to.
func (r *Repository) loadFollower(ctx context.Context, f Follower) (at cursor, raw []byte, err error) {
	owner := followerOwner(f.Name())
	for {
		if at, raw, err = r.cursorOf(ctx, owner); err != nil {
			return at, raw, err
		}
		if at.Forget {
			return at, raw, errRebuild // someone began to delete it
		}
		state := map[string][]byte{}
		err = r.driver.State(ctx, owner, stateKey, func(key string, val []byte) error {
			state[key[len(stateKey):]] = append([]byte(nil), val...)
			return nil
		})
		if err != nil {
			return at, raw, err
		}
		_, again, err := r.cursorOf(ctx, owner)
		if err != nil {
			return at, raw, err
		}
		if !bytes.Equal(raw, again) {
			continue // another process saved between the two
		}
		if epoch := r.head.current().Epoch; at.Epoch != epoch {
			if at.Epoch != "" {
				return at, raw, errRebuild
			}
			at.Epoch = epoch
		}
		if f.Load(state) != nil {
			return at, raw, errRebuild
		}
		return at, raw, nil
	}
}

func (r *Repository) followFrom(ctx context.Context, g *following) error {
	owner := followerOwner(g.follower.Name())
	saved, raw, err := r.loadFollower(ctx, g.follower)
	if err != nil {
		return err
	}
	at := saved.Position
	save := func() error {
		puts, err := g.follower.Save()
		if err != nil {
			return err
		}
		for i := range puts {
			if !strings.HasPrefix(puts[i].Key, Kept) {
				puts[i].Key = stateKey + puts[i].Key
			}
		}
		next := r.next(saved, at)
		if err := r.driver.SwapState(context.WithoutCancel(ctx), owner, cursorKey, raw, next.bytes(), puts); err != nil {
			return err
		}
		saved, raw = next, next.bytes()
		return nil
	}
	var due <-chan time.Time // runs while something is unsaved
	changes := 0             // applied and not saved
	caughtUp := false        // with the head as it was before the last reading
	for {
		g.reached(at.Seq, r.now())
		if caughtUp {
			select {
			case <-time.After(followRest):
			case <-g.rebuild:
				return errRebuild
			case <-ctx.Done():
			}
			caughtUp = false
		}
		head, err := r.head.waitOr(ctx, at.Seq, g.rebuild, due)
		full := false
		switch {
		case errors.Is(err, errRebuild):
			return err
		case errors.Is(err, errDue):
			full, err = true, nil
		case err != nil:
			if saved.Seq != at.Seq {
				err = errors.Join(err, save())
			}
			return err
		case r.head.current().Epoch != at.Epoch:
			return errRebuild
		default:
			n := 0
			at.Seq, n, err = r.followBatch(ctx, g.follower, at.Seq, saveChanges-changes)
			changes += n
			caughtUp = at.Seq >= head
			if errors.Is(err, ErrUnfinished) {
				full, err = true, nil
			}
			full = full || at.Seq-saved.Seq >= saveCommits || changes >= saveChanges
		}
		if err == nil && full {
			err, due, changes = save(), nil, 0
		}
		if err != nil {
			return err
		}
		if saved.Seq != at.Seq && due == nil {
			due = time.After(saveAfter)
		}
	}
}

// errEnough ends a batch that has come to its share of changes.
var errEnough = errors.New("repo: enough changes for one save")

// followBatch applies the next commits, until they have so many changes, and
// returns the last one applied and how many changes there were. After an error
// but ErrUnfinished the follower has to be loaded again.
func (r *Repository) followBatch(ctx context.Context, f Follower, after int64, room int) (seq int64, changes int, err error) {
	c := r.catalog.Load()
	entry := func(name string) *Entry { return c.entries[name] }
	seq = after
	tables := func(name string) *dataset.Table {
		if e := c.entries[name]; e != nil {
			return e.Table
		}
		return nil
	}
	err = r.driver.Log(ctx, store.LogRange{After: after, Limit: followBatch, Tables: tables}, func(e *commit.Entry) error {
		declared := e.Counts[SystemDataset]+e.Counts[SystemDefinition] > 0 && e.Seq > c.version
		if declared {
			now, err := r.refresh(ctx)
			if err != nil {
				return err
			}
			c = now
		}
		if err := f.Apply(e, entry); err != nil {
			return err
		}
		seq = e.Seq
		if changes += e.Count; changes >= room || declared {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return seq, changes, err
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
