package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// Erase implements store.Driver.
func (d *Driver) Erase(ctx context.Context, catalog int64, e store.Erasure) (commit.Receipt, error) {
	req := *e.Item.Request
	item := e.Item
	item.Request = &req
	if err := store.Refuse(store.Check(&item)); err != nil {
		return commit.Receipt{}, err
	}
	p, err := d.plans.of(e.Table)
	if err != nil {
		return commit.Receipt{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return commit.Receipt{}, problem.New(problem.Unavailable, "shutting-down")
	}
	batch := []store.Item{item}
	out, err := d.attempt(ctx, catalog, batch, make([]error, 1), false, func(x *tx) error {
		w := &erasing{tx: x, p: p, e: &e, by: x.head.Seq + 1, remains: store.Remains{}}
		if err := w.run(); err != nil {
			return err
		}
		req.Source = w.remains.Source(w.by)
		return nil
	})
	switch {
	case err != nil:
		return commit.Receipt{}, fault(err)
	case out[0].Err != nil:
		return commit.Receipt{}, out[0].Err
	}
	// Old pages stand in the write-ahead log until it is cut.
	row := make([]driver.Value, 3)
	if _, err := d.w.first("PRAGMA wal_checkpoint(TRUNCATE)", nil, row); err != nil {
		return out[0].Receipt, fault(err)
	}
	if busy, _ := row[0].(int64); busy != 0 {
		// A long read holds old pages; the next checkpoint overwrites them.
		return out[0].Receipt, nil
	}
	return out[0].Receipt, nil
}

// erasing is one Erase within its transaction.
type erasing struct {
	*tx
	p       *plan
	e       *store.Erasure
	by      int64
	remains store.Remains
}

var errErased = errors.New("sqlite: an erased entry is not where it was")

func (w *erasing) run() error {
	seqs, err := w.touched()
	if err != nil {
		return err
	}
	n := 0
	for _, seq := range seqs {
		hit, err := w.entry(seq)
		if err != nil {
			return err
		}
		n += hit
	}
	if n == 0 {
		return problem.New(problem.NotFound, "erase-nothing")
	}
	key := w.key()
	if w.e.Columns == nil {
		return w.c.exec("DELETE FROM "+w.p.history+" WHERE "+w.p.keyWhere, key...)
	}
	var set []string
	for _, col := range w.e.Columns {
		set = append(set, w.p.cols[col]+"=NULL")
	}
	return w.c.exec("UPDATE "+w.p.history+" SET "+strings.Join(set, ",")+" WHERE "+w.p.keyWhere, key...)
}

func (w *erasing) key() []driver.Value {
	args := make([]driver.Value, len(w.e.Key))
	for i, k := range w.e.Key {
		args[i] = bind(k)
	}
	return args
}

// touched lists the commits that the record was changed by, after a look at
// whether the present still holds what is to be erased.
func (w *erasing) touched() ([]int64, error) {
	row := make([]driver.Value, 2+w.p.t.Width())
	live, err := w.c.first(w.p.lookup, w.key(), row)
	if err != nil {
		return nil, err
	}
	var seqs []int64
	if live {
		held := w.e.Columns == nil
		for _, col := range w.e.Columns {
			held = held || row[2+col] != nil
		}
		if held {
			return nil, problem.New(problem.Conflict, "erase-present")
		}
		version, _ := row[1].(int64)
		seqs = append(seqs, version)
	}
	two := make([]driver.Value, 2)
	err = w.c.each(bg, "SELECT _version,_until FROM "+w.p.history+" WHERE "+w.p.keyWhere, w.key(), two, func() error {
		for _, v := range two {
			n, _ := v.(int64)
			seqs = append(seqs, n)
		}
		return nil
	})
	slices.Sort(seqs)
	return slices.Compact(seqs), err
}

// entry rewrites one entry of the log and tells how many changes it touched.
func (w *erasing) entry(seq int64) (int, error) {
	l, err := newLogReader(func(string) *dataset.Table { return w.e.Table })
	if err != nil {
		return 0, err
	}
	defer l.unpack.Close()
	l.names = map[int64]string{}
	found, err := w.c.first("SELECT "+l.columns()+" FROM _log WHERE seq=?", []driver.Value{seq}, l.dest)
	if err == nil && !found {
		err = errErased
	}
	if err == nil {
		err = l.header()
	}
	if err != nil {
		return 0, err
	}
	body, err := l.body()
	if err != nil {
		return 0, err
	}
	x := &store.Erasing{By: w.by, Table: w.e.Table, Key: w.e.Key, Columns: w.e.Columns}
	after, seal, n, err := w.sealer.Erase(seq, body, l.seal, x, w.d.opt.Random, w.remains)
	if err != nil || n == 0 {
		return 0, err
	}
	codec, packed := w.pack(after)
	return n, w.c.exec("UPDATE _log SET proof=?, codec=?, payload=? WHERE seq=?", seal.Append(nil), codec, packed, seq)
}
