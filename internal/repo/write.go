package repo

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// attempts bounds how often a commit is prepared again because the catalog or
// a patched record moved under it.
const attempts = 8

// Commit makes a request durable, or refuses it whole. It checks that p may
// write every dataset named, checks every row against its declaration, fills
// the derived columns (area, coordinates, flags), and waits for the group
// commit. The request's rows are changed in place.
//
// Errors: Denied, NotFound; Invalid and Conflict with one Violation per broken
// rule, whose Row is the change's index; Stale when an expected version is not
// the current one; RateLimited and Unavailable with a time to come back.
func (r *Repository) Commit(ctx context.Context, p Principal, req *commit.Request) (commit.Receipt, error) {
	return r.CommitChecked(ctx, p, req, nil)
}

// CommitChecked is Commit for rows that checked has decoded and checked
// already: they are not checked twice as long as checked still is the schema
// in force. A reader that streams millions of rows uses it.
func (r *Repository) CommitChecked(ctx context.Context, p Principal, req *commit.Request, checked *record.Schema) (commit.Receipt, error) {
	if req.Actor == "" {
		req.Actor = p.Name
	}
	for range attempts {
		c := r.catalog.Load()
		item, patched, err := r.prepare(ctx, p, c, req, checked)
		if err != nil {
			return commit.Receipt{}, err
		}
		receipt, err := r.queue.submit(ctx, item, c.version)
		switch {
		case errors.Is(err, store.ErrCatalogMoved):
			if _, err := r.refresh(ctx); err != nil {
				return commit.Receipt{}, err
			}
		case patched && problem.KindOf(err) == problem.Stale:
			// the record moved between reading and writing: merge again
		default:
			if err == nil && len(item.Tables) > 0 && !receipt.Empty {
				_, err = r.refresh(ctx) // what it grants or revokes holds from now on
			}
			return receipt, err
		}
	}
	return commit.Receipt{}, busy()
}

// prepare authorises and validates a request against one catalog. patched tells
// that a patch was merged against a version that nobody but us expects.
func (r *Repository) prepare(ctx context.Context, p Principal, c *catalog, req *commit.Request, checked *record.Schema) (item store.Item, patched bool, err error) {
	item = store.Item{At: r.now().UnixMicro(), Layouts: map[string]*dataset.Table{}}
	prepared := &commit.Request{Header: req.Header, Changes: req.Changes}
	var violations []problem.Violation
	var e *Entry
	var enrich enricher
	var may *writer
	for i := range req.Changes {
		ch := &req.Changes[i]
		if e == nil || e.Dataset.Name != ch.Dataset {
			if e = c.entries[ch.Dataset]; e == nil {
				return item, false, r.refuseWrite(p, c, ch.Dataset)
			}
			if may, err = r.writer(ctx, p, c, e); err != nil {
				return item, false, err
			}
			item.Layouts[ch.Dataset] = e.Table
			if trusted(ch.Dataset) && !slices.Contains(item.Tables, e.Table) {
				item.Tables = append(item.Tables, e.Table) // moves the catalog's version
			}
			if enrich, err = r.enricherOf(ctx, e); err != nil {
				return item, false, err
			}
		}
		before := len(violations)
		if len(ch.Row) != e.Table.Width() {
			// prepared with an older layout: columns are only ever appended
			ch.Row = append(ch.Row[:len(ch.Row):len(ch.Row)], make([]value.Value, max(0, e.Table.Width()-len(ch.Row)))...)
		}
		switch ch.Op {
		case commit.Put:
			if e.Schema != checked {
				violations = e.Schema.Check(ch.Row, violations)
			}
		case commit.Patch:
			if len(prepared.Changes) > 0 && &prepared.Changes[0] == &req.Changes[0] {
				prepared.Changes = append([]commit.Change(nil), req.Changes...)
			}
			merged, moved, err := r.merge(ctx, e, ch)
			if err != nil {
				return item, false, err
			}
			patched = patched || moved
			violations = e.Schema.Check(merged.Row, violations)
			prepared.Changes[i] = merged
		}
		target := &prepared.Changes[i]
		if len(violations) == before && target.Op == commit.Put && ch.Dataset == SystemDefinition {
			if violations, err = r.checkDefinition(c, e.Table, target.Row, violations); err != nil {
				return item, false, err
			}
		}
		for j := before; j < len(violations); j++ {
			violations[j].Row = i
		}
		if len(violations) == before && target.Op == commit.Put {
			enrich.fill(target.Row)
		}
		if len(violations) == before && !may.whole {
			if &prepared.Changes[0] == &req.Changes[0] { // what is expected is for this attempt
				prepared.Changes = append([]commit.Change(nil), req.Changes...)
				target = &prepared.Changes[i]
			}
			expect, err := may.check(ctx, target)
			if err != nil {
				return item, false, err
			}
			patched = patched || expect
		}
	}
	if len(violations) > 0 {
		return item, false, problem.InvalidWith("records-invalid", violations, "count", len(violations))
	}
	item.Request = prepared
	return item, patched, nil
}

func (r *Repository) refuseWrite(p Principal, c *catalog, name string) error {
	e := c.entries[name]
	if e == nil {
		return hidden(p, name)
	}
	if may, err := r.mayRead(p, c, e); err != nil || !may {
		return cmp.Or(err, hidden(p, name))
	}
	if p.Name == "" {
		return problem.New(problem.Unauthenticated, "unauthenticated")
	}
	return problem.New(problem.Denied, "denied", "action", "write", "dataset", name)
}

// writer tells what p may change of one dataset.
type writer struct {
	r     *Repository
	e     *Entry
	d     grant.Decision
	whole bool // everything: nothing need be compared
}

func (r *Repository) writer(ctx context.Context, p Principal, c *catalog, e *Entry) (*writer, error) {
	d, err := r.decide(ctx, p, c, e, grant.Write)
	if err != nil {
		return nil, err
	}
	if !d.Allowed {
		return nil, r.refuseWrite(p, c, e.Dataset.Name)
	}
	return &writer{r, e, d, d.Whole()}, nil
}

// check compares a change with the record as it stands. The change then holds
// of that version only: expects tells that it was not the caller who said so.
func (w *writer) check(ctx context.Context, ch *commit.Change) (expects bool, err error) {
	var before []value.Value
	var version int64
	err = w.r.driver.Read(ctx, store.Query{Table: w.e.Table, Key: w.e.Table.KeyOf(nil, ch.Row)}, func(got store.Row) error {
		before, version = cloneRow(got.Values), got.Version
		return nil
	})
	if err != nil {
		return false, err
	}
	after := ch.Row
	if ch.Op == commit.Delete {
		after = nil
	}
	if before == nil && after == nil {
		return false, nil // there is nothing to delete; the store says so
	}
	if err := w.d.MayWrite(before, after); err != nil {
		return false, err
	}
	if ch.Expect != commit.AnyVersion && ch.Expect != commit.Present {
		return false, nil
	}
	ch.Expect = version
	if before == nil {
		ch.Expect = commit.Absent
	}
	return true, nil
}

// merge turns a patch into a put of the merged record. moved tells that the
// version it expects is the one just read rather than the caller's.
func (r *Repository) merge(ctx context.Context, e *Entry, ch *commit.Change) (put commit.Change, moved bool, err error) {
	key := e.Table.KeyOf(nil, ch.Row)
	var row []value.Value
	var version int64
	err = r.driver.Read(ctx, store.Query{Table: e.Table, Key: key}, func(got store.Row) error {
		row, version = append(row, got.Values...), got.Version
		return nil
	})
	if err != nil {
		return put, false, err
	}
	if row == nil {
		return put, false, problem.New(problem.NotFound, "record-unknown", "dataset", e.Dataset.Name)
	}
	for i, set := range ch.Mask {
		if set {
			row[i] = ch.Row[i]
		}
	}
	put = commit.Change{Dataset: ch.Dataset, Op: commit.Put, Row: row, Expect: ch.Expect}
	if ch.Expect == commit.AnyVersion || ch.Expect == commit.Present {
		put.Expect, moved = version, true
	}
	return put, moved, nil
}
