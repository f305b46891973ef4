package postgres

import (
	"errors"
	"fmt"
	"slices"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// channel is where a new head is announced. It is a hint: who misses it finds
// the head by asking.
const channel = "huong_head"

// store queues everything that the items worked out so far have made.
func (w *work) store() error {
	// What the log needs is worked out while the server takes the rows.
	sealed := make(chan error, 1)
	go func() { sealed <- w.seal() }()
	err := w.storeTables()
	if err == nil && len(w.entries) >= sendFrom {
		err = w.p.send()
	}
	if err := errors.Join(err, <-sealed); err != nil {
		return err
	}
	if len(w.entries) > 0 {
		w.wrote = true
		w.storeLog()
	}
	if len(w.keyed) > 0 {
		w.wrote = true
		w.storeReceipts()
	}
	return nil
}

// sendFrom is from how many commits on sealing them takes longer than to send
// ahead what is queued.
const sendFrom = 16

// seal binds the entries of the log to the tree and compresses them.
func (w *work) seal() error {
	var sealer store.Sealer
	w.first, w.hashes = proof.Stored(w.edge.Size), w.hashes[:0]
	var seeds []proof.Seed
	var room []byte // for all seals
	if !w.d.options.WithoutTree {
		var err error
		if seeds, err = store.NewSeeds(w.d.options.Random, len(w.entries)); err != nil {
			return err
		}
		room = make([]byte, 0, store.SealSize*len(w.entries))
		w.hashes = slices.Grow(w.hashes, int(proof.Stored(w.edge.Size+int64(len(w.entries)))-w.first))
	}
	for i := range w.entries {
		e := &w.entries[i]
		e.seal = []byte{}
		if !w.d.options.WithoutTree {
			seal, err := sealer.Seal(&e.Header, e.payload, seeds[i])
			if err != nil {
				return err
			}
			leaf := seal.Entry(e.Seq, e.At)
			w.hashes = w.edge.Append(leaf.Leaf(), w.hashes)
			at := len(room)
			room = seal.Append(room)
			e.seal = room[at:len(room):len(room)]
		}
		e.payload = w.d.codec.pack(e.payload)
	}
	return nil
}

func (w *work) storeTables() error {
	for _, t := range w.facts.order {
		if err := w.storeTable(t); err != nil {
			return err
		}
	}
	return nil
}

// batchOf collects the rows of one kind of write.
type batchOf struct {
	rows     [][]value.Value
	versions []int64
	untils   []int64
}

func (b *batchOf) add(row []value.Value, version int64) {
	b.rows, b.versions = append(b.rows, row), append(b.versions, version)
}

// chunks calls fn with parts of at most chunk rows.
func (b *batchOf) chunks(fn func(batchOf)) {
	for at := 0; at < len(b.rows); at += chunk {
		end := min(at+chunk, len(b.rows))
		part := batchOf{rows: b.rows[at:end]}
		if b.versions != nil {
			part.versions = b.versions[at:end]
		}
		fn(part)
	}
}

// copyFrom is from how many rows on a COPY, which costs a round trip of its own,
// is faster than arrays.
const copyFrom = 200

func (w *work) storeTable(t *tableFacts) error {
	var created, updated, removed, old batchOf
	for _, r := range t.order {
		switch {
		case r.stored == nil && r.now != nil:
			created.add(r.now, r.nowAt)
		case r.stored != nil && r.now == nil:
			removed.rows = append(removed.rows, r.stored)
		case r.stored != nil && r.nowAt != r.version:
			updated.add(r.now, r.nowAt)
		}
	}
	if len(t.order) >= copyFrom {
		w.fresh[t.Name] = len(created.rows) == len(t.order)
	}
	for _, p := range t.past {
		old.add(p.row, p.version)
		old.untils = append(old.untils, p.until)
	}
	if partitioned(t.Table) && len(created.rows) > 0 {
		if err := w.partitions(t, created.rows); err != nil {
			return err
		}
	}
	every := all(t.Table)
	removed.chunks(func(b batchOf) { w.p.exec(t.sql.remove, arrays(t.Table, t.Key, b.rows), nil) })
	updated.chunks(func(b batchOf) {
		w.p.exec(t.sql.update, append([][]byte{ints(b.versions)}, arrays(t.Table, every, b.rows)...), nil)
	})
	if len(created.rows) >= copyFrom {
		if err := w.p.copy(t.sql.load, newCopyRows(t.Table, created)); err != nil {
			return err
		}
	} else if len(created.rows) > 0 {
		w.p.exec(t.sql.insert, append([][]byte{ints(created.versions)}, arrays(t.Table, every, created.rows)...), nil)
	}
	if len(old.rows) >= copyFrom {
		return w.p.copy(t.sql.shelve, newCopyRows(t.Table, old))
	} else if len(old.rows) > 0 {
		w.p.exec(t.sql.archive, append([][]byte{ints(old.versions), ints(old.untils)}, arrays(t.Table, every, old.rows)...), nil)
	}
	return nil
}

// partitions creates the months of a series that rows are the first of.
func (w *work) partitions(t *tableFacts, rows [][]value.Value) error {
	type bounds struct{ name, from, to string }
	var unknown []bounds
	seen := map[string]bool{}
	w.d.mu.Lock()
	for _, row := range rows {
		name, from, to := partition(t.Table, row[t.Time])
		if seen[name] {
			continue
		}
		seen[name] = true
		if !w.d.partitions[name] && !slices.Contains(w.made, name) {
			unknown = append(unknown, bounds{name, from, to})
		}
	}
	w.d.mu.Unlock()
	for _, b := range unknown {
		exists := false
		w.p.exec("SELECT to_regclass($1::text) IS NOT NULL", [][]byte{[]byte(w.d.n.city + "." + quote(b.name))}, func(raw [][]byte) error {
			exists = raw[0][0] != 0
			return nil
		})
		if err := w.p.flush(); err != nil {
			return err
		}
		if !exists {
			for _, sql := range partitionSQL(w.d.n, t.Table, b.name, b.from, b.to) {
				w.p.once(sql)
			}
		}
		w.made = append(w.made, b.name)
	}
	return nil
}

func (w *work) storeLog() {
	es := w.entries
	text := func(get func(*entry) string) []byte {
		return array(value.Text, len(es), func(i int) value.Value { return value.OfText(get(&es[i])) })
	}
	number := func(get func(*entry) int64) []byte {
		return array(value.Int, len(es), func(i int) value.Value { return value.OfInt(get(&es[i])) })
	}
	payloads, seals := make([][]byte, len(es)), make([][]byte, len(es))
	var datasets []string
	var seqs []int64
	for i := range es {
		payloads[i], seals[i] = es[i].payload, es[i].seal
		for _, n := range es[i].touched.names {
			datasets, seqs = append(datasets, n), append(seqs, es[i].Seq)
		}
	}
	w.p.exec("INSERT INTO "+w.d.n.meta+".log (seq,at,actor,source,reason,key,touched,payload,proof) "+
		"SELECT * FROM unnest($1::bigint[],$2::bigint[],$3::text[],$4::text[],$5::text[],$6::text[],$7::text[],$8::bytea[],$9::bytea[])",
		[][]byte{
			number(func(e *entry) int64 { return e.Seq }), number(func(e *entry) int64 { return e.At }),
			text(func(e *entry) string { return e.Actor }), text(func(e *entry) string { return e.Source }),
			text(func(e *entry) string { return e.Reason }), text(func(e *entry) string { return e.Key }),
			text(func(e *entry) string { return e.touched.String() }), blobs(payloads), blobs(seals),
		}, nil)
	if len(w.hashes) > 0 {
		w.p.exec("INSERT INTO "+w.d.n.meta+".tree VALUES ($1,$2)", [][]byte{one(value.OfInt(w.first)), flat(w.hashes)}, nil)
	}
	if len(datasets) > 0 {
		w.p.exec("INSERT INTO "+w.d.n.meta+".log_dataset (dataset,seq) SELECT * FROM unnest($1::text[],$2::bigint[])", [][]byte{texts(datasets), ints(seqs)}, nil)
	}
}

func (w *work) storeReceipts() {
	rs := make([]commit.Receipt, len(w.keyed))
	for i, k := range w.keyed {
		rs[i] = w.receipts[k]
	}
	number := func(get func(*commit.Receipt) int64) []byte {
		return array(value.Int, len(rs), func(i int) value.Value { return value.OfInt(get(&rs[i])) })
	}
	params := [][]byte{texts(w.keyed),
		number(func(r *commit.Receipt) int64 { return r.Seq }), number(func(r *commit.Receipt) int64 { return r.At }),
		array(value.Bool, len(rs), func(i int) value.Value { return value.OfBool(rs[i].Empty) })}
	for c := range rs[0].Counts {
		params = append(params, number(func(r *commit.Receipt) int64 { return r.Counts[c] }))
	}
	w.p.exec(fmt.Sprintf("INSERT INTO %s.receipt (key,seq,at,empty,unchanged,created,updated,deleted) SELECT * FROM unnest($1::text[],$2::bigint[],$3::bigint[],$4::boolean[],$5::bigint[],$6::bigint[],$7::bigint[],$8::bigint[])", w.d.n.meta), params, nil)
}
