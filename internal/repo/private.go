package repo

import (
	"context"

	"huong.city/huong/internal/store"
)

// Private is what a part of Huong keeps outside the log because nobody may ever
// read it there: digests of passwords, sessions, one-time links. It has no
// history, and who may see it is that part's to decide. Changes by any process
// are seen at once, for nothing of it is remembered.
type Private struct {
	driver store.Driver
	owner  string
}

// Private returns the private state of a part, by the part's name.
func (r *Repository) Private(name string) Private { return Private{r.driver, "private:" + name} }

// Get returns the value of a key; nil when there is none.
func (p Private) Get(ctx context.Context, key string) (val []byte, err error) {
	err = p.driver.StateRange(ctx, p.owner, key, key+"\x00", 1, func(_ string, b []byte) error {
		val = append([]byte{}, b...)
		return nil
	})
	return val, err
}

// Each calls fn with the keys that begin with prefix, in order of their bytes,
// and their values. The slice is valid during the call alone.
func (p Private) Each(ctx context.Context, prefix string, fn func(key string, val []byte) error) error {
	return p.driver.State(ctx, p.owner, prefix, fn)
}

// Put writes all puts in one transaction; a nil value deletes.
func (p Private) Put(ctx context.Context, puts ...store.StatePut) error {
	return p.driver.SaveState(ctx, p.owner, puts)
}

// Swap replaces the value of key, where it still is old, by new and writes puts,
// in one transaction; store.ErrStateMoved when it is not. nil stands for no value.
func (p Private) Swap(ctx context.Context, key string, old, new []byte, puts ...store.StatePut) error {
	return p.driver.SwapState(ctx, p.owner, key, old, new, puts)
}

// PolicyVersion changes whenever an account, a capacity, a grant, a purpose or a
// declaration does: before such a commit of this process returns, and within
// Config.Poll after one of another process. What was read of them is to be
// remembered no longer than it stays the same.
func (r *Repository) PolicyVersion() int64 { return r.catalog.Load().version }
