package tile

import (
	"context"
	"sync"
	"time"
)

// Cache keeps indexes by what they are of. The zero Cache is ready once Now is
// set. It is safe for concurrent use.
type Cache struct {
	Now  func() time.Time
	Most int // points that are kept in all; the longest unused go first

	mu      sync.Mutex
	entries map[string]*entry
	held    int
}

type entry struct {
	building chan struct{} // closed when the one who builds is done; nil when nobody does
	index    *Index
	version  string
	used     time.Time
	begun    time.Time
	took     time.Duration
}

// rest is how many times as long as building took an index is served although
// its data moved on, so that a large layer in motion takes a fifth of one
// processor at most.
const rest = 4

// Get returns the index of a key at a version, and the version that it is of.
// One caller at a time builds a key's index, the others wait. The key must tell
// everything that decides which points a reader gets, the reader's rights first
// of all.
func (c *Cache) Get(ctx context.Context, key, version string, build func(context.Context) (*Index, error)) (*Index, string, error) {
	for {
		c.mu.Lock()
		if c.entries == nil {
			c.entries = map[string]*entry{}
		}
		e := c.entries[key]
		if e == nil {
			e = &entry{}
			c.entries[key] = e
		}
		now := c.Now()
		e.used = now
		if since := now.Sub(e.begun); e.index != nil && (e.version == version || since >= 0 && since < (rest+1)*e.took) {
			defer c.mu.Unlock()
			return e.index, e.version, nil
		}
		if wait := e.building; wait != nil {
			c.mu.Unlock()
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return nil, "", context.Cause(ctx)
			}
		}
		e.building = make(chan struct{})
		c.mu.Unlock()
		x, err := c.build(ctx, key, version, e, build)
		return x, version, err
	}
}

// build makes the index of an entry that this caller was given to build.
func (c *Cache) build(ctx context.Context, key, version string, e *entry, build func(context.Context) (*Index, error)) (x *Index, err error) {
	begun := c.Now()
	defer func() { // also where build panics: those who wait must go on
		c.mu.Lock()
		defer c.mu.Unlock()
		close(e.building)
		e.building = nil
		if x == nil {
			if e.index == nil {
				delete(c.entries, key)
			}
			return
		}
		if e.index != nil {
			c.held -= e.index.Len()
		}
		e.index, e.version, e.begun, e.took = x, version, begun, c.Now().Sub(begun)
		c.held += x.Len()
		c.makeRoom(key)
	}()
	return build(ctx)
}

// makeRoom lets the longest unused go, and what holds no points when there are
// many of it; the one just built stays.
func (c *Cache) makeRoom(but string) {
	const mostKeys = 256
	for c.held > c.Most || len(c.entries) > mostKeys {
		oldest, at := "", time.Time{}
		for k, e := range c.entries {
			if k != but && e.building == nil && (oldest == "" || e.used.Before(at)) {
				oldest, at = k, e.used
			}
		}
		if oldest == "" {
			return
		}
		if x := c.entries[oldest].index; x != nil {
			c.held -= x.Len()
		}
		delete(c.entries, oldest)
	}
}
