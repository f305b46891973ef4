package repo

import (
	"context"
	"slices"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// Log streams commits that touch datasets p may read. Changes and counts of
// other datasets are left out, columns that p may not see are Null. With
// Changes the entries carry what changed. Entries are valid during the call.
func (r *Repository) Log(ctx context.Context, p Principal, q LogQuery, fn func(*commit.Entry) error) error {
	c := r.catalog.Load()
	lr := store.LogRange{After: q.After, Limit: q.Limit, Desc: q.Desc, Datasets: q.Datasets}
	for _, name := range q.Datasets {
		if _, err := r.Entry(p, name); err != nil {
			return err
		}
	}
	if len(q.Datasets) == 0 && !p.Admin {
		for _, e := range r.Entries(p) {
			lr.Datasets = append(lr.Datasets, e.Dataset.Name)
		}
		if len(lr.Datasets) == 0 {
			return problem.New(problem.Unauthenticated, "unauthenticated")
		}
	}
	if q.Changes {
		lr.Tables = c.tables
	}
	if q.Live && q.Changes && !q.Desc {
		if list, ok := r.tail.since(ctx, r, c, q.After); ok {
			return r.logOf(p, c, q, lr, list, fn)
		}
	}
	return r.driver.Log(ctx, lr, func(entry *commit.Entry) error {
		if !r.narrow(p, c, q.Datasets, entry) {
			return nil
		}
		return fn(entry)
	})
}

// logOf is Log of commits that are in memory.
func (r *Repository) logOf(p Principal, c *catalog, q LogQuery, lr store.LogRange, list []*commit.Entry, fn func(*commit.Entry) error) error {
	n := 0
	for _, e := range list {
		if len(lr.Datasets) > 0 && !slices.ContainsFunc(lr.Datasets, func(name string) bool { return e.Counts[name] > 0 }) {
			continue
		}
		if n++; q.Limit > 0 && n > q.Limit {
			return nil
		}
		own := lend(e)
		if !r.narrow(p, c, q.Datasets, own) {
			continue
		}
		if err := fn(own); err != nil {
			return err
		}
	}
	return nil
}

// narrow cuts an entry down to what p may see; false when nothing is left.
func (r *Repository) narrow(p Principal, c *catalog, only []string, entry *commit.Entry) bool {
	if p.Admin && len(only) == 0 {
		return true
	}
	readable := func(name string) bool {
		if len(only) > 0 && !slices.Contains(only, name) {
			return false
		}
		e := c.entries[name]
		return e != nil && mayRead(p, e)
	}
	for name, n := range entry.Counts {
		if !readable(name) {
			delete(entry.Counts, name)
			entry.Count -= n
		}
	}
	if len(entry.Counts) == 0 {
		return false
	}
	entry.Changes = slices.DeleteFunc(entry.Changes, func(a commit.Applied) bool { return !readable(a.Dataset) })
	scoping := map[string]func(commit.Applied) bool{}
	for i := range entry.Changes {
		a := &entry.Changes[i]
		e := c.entries[a.Dataset]
		mask := visible(p, e)
		hide(a.Before, mask)
		hide(a.After, mask)
		if scoped(a.Dataset) && !p.Admin && !p.reads(a.Dataset) {
			scoping[a.Dataset] = func(a commit.Applied) bool {
				row := a.After
				if row == nil {
					row = a.Before
				}
				return !p.writes(fieldsOf(e.Table, row).text("dataset"))
			}
		}
	}
	if len(scoping) > 0 {
		entry.Changes = slices.DeleteFunc(entry.Changes, func(a commit.Applied) bool {
			hidden := scoping[a.Dataset]
			return hidden != nil && hidden(a)
		})
	}
	return true
}

// Difference streams the records of a dataset that differ between two states,
// by key: the state after commit from, and the state after commit to.
func (r *Repository) Difference(ctx context.Context, p Principal, name string, from, to int64, fn func(Difference) error) error {
	e, err := r.Entry(p, name)
	if err != nil {
		return err
	}
	mask := visible(p, e)
	scope, err := r.scope(p, e, nil)
	if err != nil {
		return err
	}
	head := r.head.current().Seq
	if from <= 0 || to <= 0 || from > head || to > head {
		return problem.New(problem.Invalid, "seq-range", "head", head)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	read := func(asOf int64) *states {
		return newStates(ctx, r.driver, store.Query{Table: e.Table, AsOf: asOf, Filter: scope, Columns: shown(e, mask, nil)})
	}
	a, b := read(from), read(to)
	defer a.close()
	defer b.close()
	for {
		ra, rb := a.peek(), b.peek()
		var d Difference
		switch c := compareKeys(e.Table, ra, rb); {
		case ra == nil && rb == nil:
			if a.err != nil {
				return a.err
			}
			return b.err
		case c < 0:
			d = Difference{Result: commit.Deleted, Before: ra.Values}
			a.next()
		case c > 0:
			d = Difference{Result: commit.Created, After: rb.Values}
			b.next()
		default:
			a.next()
			b.next()
			if slices.Equal(ra.Values, rb.Values) {
				continue
			}
			d = Difference{Result: commit.Updated, Before: ra.Values, After: rb.Values}
		}
		if err := fn(d); err != nil {
			return err
		}
	}
}
