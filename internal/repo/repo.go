package repo

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/store"
)

// Config is what a Repository needs. Driver and Now are required.
type Config struct {
	Driver     store.Driver
	Now        func() time.Time
	Random     io.Reader      // for tokens; crypto/rand when nil
	Secret     []byte         // of the installation, at least 32 bytes; drawn from Random when nil, for tests and tools
	Log        *slog.Logger   // discards when nil
	Zone       *time.Location // the city's zone, for time buckets and days; UTC when nil
	QueueLimit int            // commits that may wait; 4096 when 0
	QueueRows  int64          // rows that may wait; 200,000 when 0
	Poll       time.Duration  // how often to look for other processes' commits; 500 ms when 0
	// ReleaseAbove is how many personal records of a dataset an account may read in
	// bulk before a second person of the owner must have approved; 1000 when 0.
	ReleaseAbove int64
	Attest       time.Duration // how often to sign the end of the log while commits come; 15 s when 0
	// Checks tell what is wrong with a definition, by its kind; a kind without one
	// is refused. Nothing is checked when it is nil: for tests and tools.
	Checks map[string]CheckDefinition
}

// Repository is safe for concurrent use. Every method takes the principal who
// acts and does no more than that principal may.
type Repository struct {
	driver store.Driver
	now    func() time.Time
	random io.Reader
	log    *slog.Logger
	zone   *time.Location
	poll   time.Duration
	checks map[string]CheckDefinition

	catalog atomic.Pointer[catalog]
	reload  sync.Mutex // one catalog load at a time
	areas   areaCache
	places  placeCache
	tokens  tokenCache
	tail    tail
	keys    keys
	signer  *proof.Key // of checkpoints
	// otherSecret: the city began with another secret
	otherSecret  bool
	ledger       ledger
	releaseAbove int64

	queue  *queue
	head   headSignal
	follow followers

	stop    context.CancelFunc
	running sync.WaitGroup
}

// Open reads the catalog, declares the system datasets where they are missing
// or older than this binary's, and starts the writer. The driver is closed by
// Close.
func Open(ctx context.Context, c Config) (*Repository, error) {
	r := &Repository{
		driver: c.Driver, now: c.Now, random: c.Random, log: c.Log, zone: c.Zone, poll: c.Poll, checks: c.Checks,
	}
	if r.releaseAbove = c.ReleaseAbove; r.releaseAbove == 0 {
		r.releaseAbove = releaseAbove
	}
	if r.random == nil {
		r.random = rand.Reader
	}
	secret := c.Secret
	if secret == nil {
		secret = make([]byte, 32)
		if _, err := io.ReadFull(r.random, secret); err != nil {
			return nil, err
		}
	}
	var err error
	if r.keys, err = newKeys(secret); err != nil {
		return nil, err
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.zone == nil {
		r.zone = time.UTC
	}
	if r.poll == 0 {
		r.poll = 500 * time.Millisecond
	}
	r.areas.changed, r.places.byDataset = true, map[string]map[string]place{}
	r.queue = newQueue(r, c.QueueLimit, c.QueueRows)
	h, err := r.driver.Head(ctx)
	if err != nil {
		return nil, err
	}
	r.head.init(h)
	if r.signer, err = newSigner(r.keys.attest, h.Epoch); err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	r.running.Go(func() { r.queue.run(life) })
	if err := r.bootstrap(ctx); err != nil {
		r.Close(ctx)
		return nil, err
	}
	if c.Secret != nil {
		if err := r.rememberSecret(ctx); err != nil {
			r.Close(ctx)
			return nil, err
		}
	}
	r.running.Go(func() { r.watch(life) })
	if c.Attest == 0 {
		c.Attest = attestEvery
	}
	r.running.Go(func() { r.attest(life, c.Attest) })
	r.follow.init(life, r)
	return r, nil
}

// Close refuses new commits, lets those that wait become durable, stops the
// followers at a saved cursor and closes the driver.
func (r *Repository) Close(ctx context.Context) error {
	r.queue.close(ctx)
	r.stop()
	r.head.wake()
	r.follow.wait()
	r.running.Wait()
	return r.driver.Close()
}

// Zone is the city's time zone.
func (r *Repository) Zone() *time.Location { return r.zone }

// Now is the injected clock.
func (r *Repository) Now() time.Time { return r.now() }

// Head returns the end of the log as the database has it.
func (r *Repository) Head(ctx context.Context) (store.Head, error) { return r.driver.Head(ctx) }

// Wait returns the head as soon as its seq is greater than after, or ctx's error.
func (r *Repository) Wait(ctx context.Context, after int64) (int64, error) {
	return r.head.wait(ctx, after)
}

// watch notices what other processes on the same database commit.
func (r *Repository) watch(ctx context.Context) {
	tick := time.NewTicker(r.poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		h, err := r.driver.Head(ctx)
		if err != nil {
			if ctx.Err() == nil {
				r.log.Warn("head not readable", "err", err)
			}
			r.tokens.drop() // a revocation could not be noticed
			continue
		}
		if h.Catalog != r.catalog.Load().version {
			if _, err := r.refresh(ctx); err != nil {
				r.log.Warn("catalog not readable", "err", err)
			}
		}
		if r.head.foreign(h) {
			r.forgetAll()
		}
	}
}

// forgetAll drops what is remembered of records, after others have written.
func (r *Repository) forgetAll() {
	r.areas.drop()
	r.places.drop()
	r.tokens.drop()
}

// headSignal is a broadcast of the log's head.
type headSignal struct {
	mu     sync.Mutex
	head   store.Head
	moved  chan struct{}
	closed bool
}

func (s *headSignal) init(h store.Head) { s.head, s.moved = h, make(chan struct{}) }

// advance takes the head after a commit of ours.
func (s *headSignal) advance(seq, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq > s.head.Seq {
		s.head.Seq, s.head.At = seq, at
		s.tell()
	}
}

// tell wakes those who wait for the head to move; after wake nobody waits.
func (s *headSignal) tell() {
	if !s.closed {
		close(s.moved)
		s.moved = make(chan struct{})
	}
}

// foreign takes a head that was read and tells whether it was news.
func (s *headSignal) foreign(h store.Head) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.Seq <= s.head.Seq && h.Epoch == s.head.Epoch {
		return false
	}
	s.head = h
	s.tell()
	return true
}

func (s *headSignal) current() store.Head {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head
}

// wake ends all waits with Unavailable.
func (s *headSignal) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.moved)
	}
}

func (s *headSignal) wait(ctx context.Context, after int64) (int64, error) {
	for {
		s.mu.Lock()
		seq, moved, closed := s.head.Seq, s.moved, s.closed
		s.mu.Unlock()
		if seq > after {
			return seq, nil
		}
		if closed {
			return 0, problem.New(problem.Unavailable, "shutting-down")
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
