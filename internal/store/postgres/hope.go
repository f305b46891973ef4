package postgres

import (
	"errors"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/store"
)

// disappointed is what Driver.fresh is set back to after hope was wrong: so
// many batches of new records must come before there is hope again.
const disappointed = -8

// hope returns the datasets of a batch whose records need not be looked up:
// many are put, and those of the last large batch were all new, as in a bulk
// load. Should one exist after all, the key of the table refuses it, nothing is
// written, and the batch is worked out again with a look at every record.
func (d *Driver) hope(batch []store.Item) map[string]bool {
	puts := map[string]int{}
	for i := range batch {
		changes := batch[i].Request.Changes
		for n := range changes {
			c := &changes[n]
			if had := puts[c.Dataset]; had < 0 {
				continue
			}
			if c.Op != commit.Put || c.Expect != commit.AnyVersion && c.Expect != commit.Absent {
				puts[c.Dataset] = -1
				continue
			}
			puts[c.Dataset]++
		}
	}
	hoped := map[string]bool{}
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, n := range puts {
		if n >= copyFrom && d.fresh[name] > 0 {
			hoped[name] = true
		}
	}
	return hoped
}

// errMistaken tells that what was worked out in hope may be wrong: an item was
// refused, perhaps only for want of knowing what exists.
var errMistaken = errors.New("postgres: hoped in vain")

// refused tells whether an item was refused for what the database holds.
func (w *work) refused(at, end int) bool {
	for i := at; i < end; i++ {
		if w.out[i].Err != nil && len(w.vs[i]) == 0 {
			return true
		}
	}
	return false
}

// disappoint takes hope from datasets.
func (d *Driver) disappoint(hoped map[string]bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name := range hoped {
		d.fresh[name] = disappointed
	}
}
