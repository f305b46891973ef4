package repo

import (
	"context"
	"maps"
	"slices"
	"sync"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Bounds of what the tail holds, and of one commit in it.
const (
	tailEntries = 1024
	tailBytes   = 16 << 20
	tailEntry   = 4 << 20
	tailFill    = 256 // commits behind the head from which it begins
)

// tail holds the newest commits, read and decoded once for all who follow the
// log live. Its entries are consecutive and never change.
type tail struct {
	mu      sync.Mutex // held while reading too: whoever waits finds what is read
	catalog int64      // entries are decoded by the layouts of this version
	epoch   string
	entries []*commit.Entry
	sizes   []int
	bytes   int
}

func (t *tail) reset(catalog int64, epoch string) {
	t.catalog, t.epoch, t.entries, t.sizes, t.bytes = catalog, epoch, nil, nil, 0
}

// since returns the commits after a seq, up to the head that this process
// knows of or beyond it; ok is false when they are not all at hand.
func (t *tail) since(ctx context.Context, r *Repository, c *catalog, after int64) (list []*commit.Entry, ok bool) {
	head := r.head.current()
	if after >= head.Seq {
		return nil, true
	}
	if head.Seq-after > tailFill {
		return nil, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.catalog != c.version || t.epoch != head.Epoch {
		if t.catalog > c.version {
			return nil, false
		}
		t.reset(c.version, head.Epoch)
	}
	if t.last() < head.Seq && !t.fill(context.WithoutCancel(ctx), r, c, head.Seq) {
		t.reset(c.version, head.Epoch)
		return nil, false
	}
	if len(t.entries) == 0 || t.entries[0].Seq > after+1 || t.last() < head.Seq {
		return nil, false
	}
	return t.entries[after+1-t.entries[0].Seq:], true
}

func (t *tail) last() int64 {
	if len(t.entries) == 0 {
		return 0
	}
	return t.entries[len(t.entries)-1].Seq
}

// fill reads up to the head; false when the log cannot be held.
func (t *tail) fill(ctx context.Context, r *Repository, c *catalog, head int64) bool {
	from := max(0, head-tailFill)
	if last := t.last(); last >= from {
		from = last
	} else {
		t.reset(t.catalog, t.epoch)
	}
	next := from + 1
	fits := true
	err := r.driver.Log(ctx, store.LogRange{After: from, Limit: tailEntries, Tables: c.tables}, func(e *commit.Entry) error {
		kept, size := keep(e)
		if e.Seq != next || size > tailEntry {
			fits = false
			return errStop{}
		}
		next++
		t.entries, t.sizes, t.bytes = append(t.entries, kept), append(t.sizes, size), t.bytes+size
		for len(t.entries) > tailEntries || t.bytes > tailBytes {
			t.bytes -= t.sizes[0]
			t.entries, t.sizes = t.entries[1:], t.sizes[1:]
		}
		return nil
	})
	return fits && err == nil
}

// keep copies an entry out of a driver's memory and tells about how many bytes
// it takes.
func keep(e *commit.Entry) (*commit.Entry, int) {
	kept := *e
	kept.Counts = maps.Clone(e.Counts)
	kept.Changes = make([]commit.Applied, len(e.Changes))
	size := 512
	row := func(values []value.Value) []value.Value {
		if values == nil {
			return nil
		}
		for _, v := range values {
			size += 32 + len(v.Text())
		}
		return cloneRow(values)
	}
	for i, ch := range e.Changes {
		size += 128
		kept.Changes[i] = commit.Applied{Dataset: ch.Dataset, Before: row(ch.Before), After: row(ch.After), Prior: ch.Prior}
		if size > tailEntry {
			return nil, size
		}
	}
	return &kept, size
}

// lend copies an entry for a reader from whom some of it may be hidden.
func lend(e *commit.Entry) *commit.Entry {
	own := *e
	own.Counts = maps.Clone(e.Counts)
	own.Changes = slices.Clone(e.Changes)
	for i := range own.Changes {
		ch := &own.Changes[i]
		ch.Before, ch.After = slices.Clone(ch.Before), slices.Clone(ch.After)
	}
	return &own
}

// tables resolves layouts for a reader of the log.
func (c *catalog) tables(name string) *dataset.Table {
	if e := c.entries[name]; e != nil {
		return e.Table
	}
	return nil
}
