package repo

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Erasing says what to erase and why.
type Erasing struct {
	Dataset string
	Key     []value.Value
	Fields  []string // none = the whole record
	Basis   string   // legal basis; everybody reads it on the receipts of the commits
	Reason  string   // what led to it; recorded, for auditors
}

// MayErase tells whether p may erase records of a dataset: stewards of its owner,
// and who runs the installation, who need not see the record for it.
func (r *Repository) MayErase(p Principal, e *Entry) bool {
	return p.Admin || p.Is(grant.Administrator) || p.Is(grant.Steward) && p.Agency != "" && p.Agency == e.Dataset.Owner
}

// Reach is what an erasure will take away, by number.
type Reach struct {
	Present bool  // the record is there now
	States  int64 // of its history
}

// Reach tells what erasing a record would take away, and nothing of what it is.
// Errors are those of Erase; NotFound where there is nothing.
func (r *Repository) Reach(ctx context.Context, p Principal, name string, key []value.Value) (got Reach, err error) {
	e, err := r.erasable(p, name)
	if err != nil {
		return got, err
	}
	x := Erasing{Dataset: name, Key: key, Basis: "-"}
	if err := x.check(p, e); err != nil {
		return got, err
	}
	err = r.driver.Read(ctx, store.Query{Table: e.Table, Key: key}, func(store.Row) error {
		got.Present = true
		return nil
	})
	if err == nil {
		err = r.driver.History(ctx, e.Table, key, func(store.Version) error {
			got.States++
			return nil
		})
	}
	if err == nil && !got.Present && got.States == 0 {
		err = problem.New(problem.NotFound, "erase-nothing")
	}
	return got, err
}

func (r *Repository) erasable(p Principal, name string) (*Entry, error) {
	e := r.catalog.Load().entries[name]
	if e != nil && r.MayErase(p, e) {
		return e, nil
	}
	if _, err := r.Entry(p, name); err != nil {
		return nil, err
	}
	return nil, problem.New(problem.Denied, "denied", "action", "erase", "dataset", name)
}

// How long an erasure waits for followers to have seen that the record went;
// one that takes longer derives anew from its start.
const (
	settleFor   = 10 * time.Second
	settleEvery = 50 * time.Millisecond
)

// Erase destroys what the city holds of a record, or of fields of it: first in
// the present, by an ordinary commit that all followers see, then in history and
// log with the salts. The public log stays what it is. The erasure is recorded
// in the dataset erasure. MayErase tells who may do it.
//
// Errors: Denied, NotFound (no such dataset, or nothing to erase), Invalid with
// all that is wrong, and those of Commit.
func (r *Repository) Erase(ctx context.Context, p Principal, x Erasing) (commit.Receipt, error) {
	e, err := r.erasable(p, x.Dataset)
	if err != nil {
		return commit.Receipt{}, err
	}
	if err := x.check(p, e); err != nil {
		return commit.Receipt{}, err
	}
	for range attempts {
		c := r.catalog.Load()
		if e = c.entries[x.Dataset]; e == nil {
			break
		}
		columns, err := r.clear(ctx, p, e, x)
		if err != nil {
			return commit.Receipt{}, err
		}
		if err := r.settle(ctx); err != nil {
			return commit.Receipt{}, err
		}
		receipt, err := r.destroy(ctx, p, x, columns)
		if err == nil || problem.KindOf(err) != problem.Conflict { // else someone wrote it anew
			return receipt, err
		}
	}
	return commit.Receipt{}, busy()
}

// destroy takes a record that is no longer in the present out of history and log.
func (r *Repository) destroy(ctx context.Context, p Principal, x Erasing, columns []int) (commit.Receipt, error) {
	for range attempts {
		c := r.catalog.Load()
		e := c.entries[x.Dataset]
		if e == nil {
			break
		}
		item, err := r.erasureItem(p, c, x)
		if err != nil {
			return commit.Receipt{}, err
		}
		receipt, err := r.driver.Erase(context.WithoutCancel(ctx), c.version, store.Erasure{Table: e.Table, Key: x.Key, Columns: columns, Item: item})
		switch {
		case errors.Is(err, store.ErrCatalogMoved):
			if _, err := r.refresh(ctx); err != nil {
				return commit.Receipt{}, err
			}
		case err != nil:
			return receipt, err
		default:
			r.forgetAll()
			r.head.advance(receipt.Seq, receipt.At)
			_, err = r.refresh(ctx) // the catalog's version moved: no process keeps the old entries in memory
			return receipt, err
		}
	}
	return commit.Receipt{}, busy()
}

// check finds all that is wrong with what is asked.
func (x *Erasing) check(p Principal, e *Entry) error {
	var vs []problem.Violation
	if strings.TrimSpace(x.Basis) == "" {
		vs = append(vs, problem.Violate("erase-basis", "basis"))
	}
	if e.System && e.Dataset.Name != SystemQuarantine && !(p.internal && disposable(e.Dataset.Name)) {
		vs = append(vs, problem.Violate("erase-system", "dataset"))
	}
	for _, f := range x.Fields {
		i, _, _, ok := e.Table.Property(f)
		switch {
		case !ok:
			vs = append(vs, problem.Violate("erase-field", f))
		case slices.Contains(e.Table.Key, i):
			vs = append(vs, problem.Violate("erase-key", f))
		case e.Table.Columns[i].Derived:
			vs = append(vs, problem.Violate("erase-derived", f))
		}
	}
	if len(x.Key) != len(e.Table.Key) {
		vs = append(vs, problem.Violate("cursor-invalid", "key"))
	}
	return problem.InvalidWith("erase-invalid", vs)
}

// clear takes what is to be erased out of the present and tells which columns
// of the past go with it; nil for all.
func (r *Repository) clear(ctx context.Context, p Principal, e *Entry, x Erasing) ([]int, error) {
	var live []value.Value
	err := r.driver.Read(ctx, store.Query{Table: e.Table, Key: x.Key}, func(row store.Row) error {
		live = cloneRow(row.Values)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var columns []int
	for _, f := range x.Fields {
		i, _, _, _ := e.Table.Property(f)
		columns = append(columns, i)
	}
	if live != nil {
		ch := commit.Change{Dataset: x.Dataset, Op: commit.Delete, Row: make([]value.Value, e.Table.Width())}
		for i, k := range e.Table.Key {
			ch.Row[k] = x.Key[i]
		}
		if columns != nil {
			ch.Op, ch.Mask = commit.Patch, make([]bool, e.Table.Width())
			for _, c := range columns {
				ch.Mask[c] = true
			}
		}
		req := &commit.Request{Header: commit.Header{Actor: p.Name, Source: "erasure", Reason: x.Basis}, Changes: []commit.Change{ch}}
		// Erase has checked who asks; a restricted field is not even seen by its steward.
		if _, err := r.Commit(ctx, Internal(), req); err != nil {
			return nil, err
		}
	}
	if columns == nil || !placed(e.Dataset.Place, x.Fields) {
		return columns, nil
	}
	// Where it was follows from what is erased.
	live = nil
	err = r.driver.Read(ctx, store.Query{Table: e.Table, Key: x.Key}, func(row store.Row) error {
		live = cloneRow(row.Values)
		return nil
	})
	for _, c := range []int{e.Table.X, e.Table.Y, e.Table.Area} {
		if c >= 0 && e.Table.Columns[c].Derived && (live == nil || live[c].IsNull()) {
			columns = append(columns, c)
		}
	}
	return columns, err
}

// placed tells whether the place of a record follows from any of the fields.
func placed(p *dataset.Place, fields []string) bool {
	if p == nil {
		return false
	}
	return slices.ContainsFunc(fields, func(f string) bool {
		return slices.Contains([]string{p.From, p.Longitude, p.Latitude, p.Field, p.AreaCode}, f)
	})
}

// settle waits until what the followers of this process saved is of the present.
func (r *Repository) settle(ctx context.Context) error {
	head := r.head.current().Seq
	var names []string
	r.follow.mu.Lock()
	for name := range r.follow.byName {
		names = append(names, name)
	}
	r.follow.mu.Unlock()
	late := time.NewTimer(settleFor)
	defer late.Stop()
	look := time.NewTicker(settleEvery)
	defer look.Stop()
	for {
		var behind []string
		for _, name := range names {
			saved, err := r.FollowerSaved(ctx, name)
			if err != nil {
				return err
			}
			if saved < head {
				behind = append(behind, name)
			}
		}
		if names = behind; len(names) == 0 {
			return nil
		}
		select {
		case <-look.C:
		case <-late.C:
			for _, name := range names {
				if err := r.Rebuild(Internal(), name); err != nil {
					return err
				}
			}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// erasureItem makes the commit that records an erasure.
func (r *Repository) erasureItem(p Principal, c *catalog, x Erasing) (item store.Item, err error) {
	e := c.entries[SystemErasure]
	var id [12]byte
	if _, err := io.ReadFull(r.random, id[:]); err != nil {
		return item, err
	}
	now := r.now().UnixMicro()
	row := make([]value.Value, e.Table.Width())
	f := fieldsOf(e.Table, row)
	f.set("id", value.OfText(hex.EncodeToString(id[:])))
	f.set("at", value.OfTime(now))
	f.set("dataset", value.OfText(x.Dataset))
	f.set("record", value.OfText(r.keys.subjectOf(string(value.AppendRow([]byte(x.Dataset+"\x00"), x.Key)))))
	if len(x.Fields) > 0 {
		list, err := json.Marshal(x.Fields)
		if err != nil {
			return item, err
		}
		f.set("fields", value.OfText(string(list)))
	}
	f.set("by", textOrNull(p.Name))
	f.set("agency", textOrNull(p.Agency))
	f.set("basis", value.OfText(x.Basis))
	f.set("reason", textOrNull(x.Reason))
	if vs := e.Schema.Check(row, nil); len(vs) > 0 {
		return item, problem.InvalidWith("erase-invalid", vs)
	}
	req := &commit.Request{Header: commit.Header{Actor: p.Name, Reason: x.Basis}, Changes: []commit.Change{{Dataset: SystemErasure, Op: commit.Put, Row: row, Expect: commit.Absent}}}
	return store.Item{Request: req, Tables: []*dataset.Table{e.Table}, Layouts: map[string]*dataset.Table{SystemErasure: e.Table}, At: now}, nil
}
