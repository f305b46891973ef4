package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"strings"

	"github.com/jackc/pgx/v5"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// A sum of hashes of what the log says a table must hold equals the sum over
// the table when the two agree, in whatever order they are read. Sums are kept
// per table and bucket of keys; only the buckets that differ are read again to
// name their keys.
type sum [2]uint64

func (s *sum) add(h sum)   { s[0] += h[0]; s[1] += h[1] }
func (s *sum) sub(h sum)   { s[0] -= h[0]; s[1] -= h[1] }
func (s sum) isZero() bool { return s == sum{} }
func hashOf(b []byte) (h sum) {
	d := sha256.Sum256(b)
	return sum{binary.LittleEndian.Uint64(d[:]), binary.LittleEndian.Uint64(d[8:])}
}

const (
	buckets = 512     // per dataset
	keyRoom = 200_000 // keys that the second pass holds at once, about
)

// verifying is one Verify under way.
type verifying struct {
	d      *Driver
	tx     pgx.Tx
	ctx    context.Context
	tables map[string]*dataset.Table
	seed   maphash.Seed
	sums   map[string]*[buckets]bucket
	buf    []byte
	report store.VerifyReport
	fn     func(store.Fault) error
}

type bucket struct {
	live, old sum
	size      int64 // versions that the log and the tables told of
}

// Verify reads everything in one snapshot and reports each disagreement between
// log, tables and history; see store.Driver.
func (d *Driver) Verify(ctx context.Context, tables []*dataset.Table, progress func(done, total int64), fn func(store.Fault) error) (store.VerifyReport, error) {
	v := &verifying{d: d, ctx: ctx, tables: map[string]*dataset.Table{}, seed: maphash.MakeSeed(), sums: map[string]*[buckets]bucket{}, fn: fn}
	for _, t := range tables {
		v.tables[t.Name] = t
		v.sums[t.Name] = new([buckets]bucket)
	}
	err := pgx.BeginTxFunc(ctx, d.read, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		v.tx = tx
		return v.run(progress)
	})
	if p, ok := errors.AsType[passed](err); ok {
		return v.report, p.error
	}
	return v.report, translate(ctx, err)
}

func (v *verifying) fault(f store.Fault) error {
	v.report.Faults++
	if err := v.fn(f); err != nil {
		return passed{err}
	}
	return nil
}

func (v *verifying) run(progress func(done, total int64)) error {
	var h store.Head
	var peaks []byte
	var last, lastAt int64
	meta := v.d.n.meta
	err := v.tx.QueryRow(v.ctx, "SELECT epoch,seq,h.at,catalog,peaks,coalesce((SELECT max(seq) FROM "+meta+".log),0),coalesce((SELECT l.at FROM "+meta+".log l WHERE l.seq=h.seq),0) FROM "+meta+".head h").
		Scan(&h.Epoch, &h.Seq, &h.At, &h.Catalog, &peaks, &last, &lastAt)
	if err != nil {
		return err
	}
	total := last + int64(len(v.tables))
	edge, sound := store.OpenHead(&h, peaks)
	if err := v.log(func(done int64) { progress(done, total) }, func(a *store.LogAudit) { a.Head(h, edge, sound, last, lastAt) }); err != nil {
		return err
	}
	done := last
	for _, name := range sortedKeys(v.tables) {
		t := v.tables[name]
		sums := v.sums[name]
		err := v.scan(t, func(key []byte, live, old sum) {
			b := &sums[v.bucket(key)]
			b.live.sub(live)
			b.old.sub(old)
			b.size++
			if !live.isZero() {
				v.report.Rows++
			} else {
				v.report.Versions++
			}
		})
		if err != nil {
			return err
		}
		done++
		progress(done, total)
	}
	for _, name := range sortedKeys(v.tables) {
		if err := v.name(v.tables[name]); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifying) bucket(key []byte) int { return int(maphash.Bytes(v.seed, key) % buckets) }

// log walks the log: order, seals, tree, head, index; and sums what the tables
// must hold. end is told when all entries are seen.
func (v *verifying) log(progress func(int64), end func(*store.LogAudit)) error {
	var reader store.PayloadReader
	var failed error
	tell := func(f store.Fault) {
		if failed == nil {
			failed = v.fault(f)
		}
	}
	audit := store.NewLogAudit(tell)
	tree := &treeReader{ctx: v.ctx, d: v.d}
	last := int64(0)
	err := v.each(store.LogRange{}, func(e *commit.Entry, seal store.Seal, payload []byte) error {
		last = e.Seq
		v.report.Entries++
		v.report.Changes += int64(e.Count)
		audit.Entry(e, seal, payload, payload != nil, tree.next)
		changes, err := reader.Read(payload, v.table)
		for i := range changes {
			c := &changes[i]
			v.change(v.tables[c.Dataset], e.Seq, c, func(key []byte, live, old sum) {
				b := &v.sums[c.Dataset][v.bucket(key)]
				b.live.add(live)
				b.old.add(old)
				b.size++
			})
		}
		if err != nil && payload != nil {
			tell(store.Fault{Where: "log", Seq: e.Seq, What: "its changes cannot be read"})
		}
		if e.Seq%256 == 0 {
			progress(e.Seq)
		}
		if failed == nil {
			failed = tree.err
		}
		return failed
	})
	if err != nil {
		return err
	}
	end(audit)
	var stored int64
	if err := v.tx.QueryRow(v.ctx, "SELECT coalesce(max(first+length(hashes)/32),0) FROM "+v.d.n.meta+".tree").Scan(&stored); err != nil {
		return err
	}
	if stored > proof.Stored(audit.Size()) {
		tell(store.Fault{Where: "tree", Seq: last, What: "there are hashes beyond the last commit"})
	}
	if failed != nil {
		return failed
	}
	return v.index()
}

func (v *verifying) table(name string) *dataset.Table { return v.tables[name] }

// index compares the index of datasets with what the entries say they touch.
func (v *verifying) index() error {
	var faults []store.Fault
	err := streamRows(v.ctx, v.tx, "SELECT coalesce(i.seq,l.seq),coalesce(i.dataset,l.dataset) FROM "+v.d.n.meta+".log_dataset i FULL JOIN "+
		"(SELECT seq,(regexp_matches(touched,'\"([^\"]*)\":','g'))[1] COLLATE \"C\" AS dataset FROM "+v.d.n.meta+".log) l USING (dataset,seq) WHERE i.seq IS NULL OR l.seq IS NULL LIMIT 1000", nil,
		func(raw [][]byte) error {
			seq, err := int8Of(raw[0])
			faults = append(faults, store.Fault{Where: "log", Dataset: string(raw[1]), Seq: seq, What: "is not indexed as it should be"})
			return err
		})
	for i := range faults {
		if err == nil {
			err = v.fault(faults[i])
		}
	}
	return err
}

// each streams entries with their payload, nil where the entry is unreadable.
func (v *verifying) each(r store.LogRange, fn func(e *commit.Entry, seal store.Seal, payload []byte) error) error {
	r.Tables = v.table
	sql, args := v.d.logSQL(r)
	return streamRows(v.ctx, v.tx, sql, args, func(raw [][]byte) error {
		e, seal, bad := v.d.entry(raw)
		if e == nil {
			return bad
		}
		payload, err := v.d.codec.unpack(raw[8])
		if err != nil || bad != nil {
			payload = nil
		}
		return fn(e, seal, payload)
	})
}

// told gets the key of a version with its hash as a live row or as an old one,
// the other being zero.
type told func(key []byte, live, old sum)

// change tells what one change of the log does to table and history.
func (v *verifying) change(t *dataset.Table, seq int64, c *commit.Applied, tell told) {
	if c.Before != nil {
		key, h := v.version(t, c.Before, c.Prior, 0)
		var gone sum
		gone.sub(h)
		tell(key, gone, sum{})
		key, h = v.version(t, c.Before, c.Prior, seq)
		tell(key, sum{}, h)
	}
	if c.After != nil {
		key, h := v.version(t, c.After, seq, 0)
		tell(key, h, sum{})
	}
}

// version hashes one version of a record. The key is valid until the next call.
func (v *verifying) version(t *dataset.Table, row []value.Value, version, until int64) (key []byte, h sum) {
	v.buf = v.buf[:0]
	for _, k := range t.Key {
		v.buf = value.Append(v.buf, row[k])
	}
	n := len(v.buf)
	v.buf = binary.AppendVarint(v.buf, version)
	v.buf = binary.AppendVarint(v.buf, until)
	v.buf = value.AppendRow(v.buf, row)
	return v.buf[:n], hashOf(v.buf)
}

// scan tells every row of a table and of its history.
func (v *verifying) scan(t *dataset.Table, tell told) error {
	every := all(t)
	kinds := make([]value.Kind, t.Width())
	for i := range kinds {
		kinds[i] = t.Columns[i].Kind
	}
	list := strings.Join(wireColumns(t, every, "t."), ",")
	for _, part := range []struct{ until, from string }{{"0::bigint", v.d.n.live(t.Name)}, {untilColumn, v.d.n.history(t.Name)}} {
		reader := newRowReader(t.Width(), every, kinds)
		err := streamRows(v.ctx, v.tx, "SELECT "+versionColumn+","+part.until+","+list+" FROM "+part.from+" t", nil, func(raw [][]byte) error {
			version, err := int8Of(raw[0])
			if err != nil {
				return err
			}
			until, err := int8Of(raw[1])
			if err != nil {
				return err
			}
			row, err := reader.read(raw[2:])
			if err != nil {
				return err
			}
			key, h := v.version(t, row, version, until)
			if part.from == v.d.n.live(t.Name) {
				tell(key, h, sum{})
			} else {
				tell(key, sum{}, h)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// name finds the keys behind the buckets of a table that differ, a few buckets
// at a time.
func (v *verifying) name(t *dataset.Table) error {
	sums := v.sums[t.Name]
	for at := 0; at < buckets; {
		wanted := map[int]bool{}
		room := int64(keyRoom)
		for ; at < buckets && (len(wanted) == 0 || sums[at].size <= room); at++ {
			if b := &sums[at]; !b.live.isZero() || !b.old.isZero() {
				wanted[at] = true
				room -= b.size
			}
		}
		if len(wanted) == 0 {
			continue
		}
		if err := v.nameIn(t, wanted); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifying) nameIn(t *dataset.Table, wanted map[int]bool) error {
	keys := map[string]*bucket{}
	at := func(key []byte) *bucket {
		if !wanted[v.bucket(key)] {
			return nil
		}
		b := keys[string(key)]
		if b == nil {
			b = new(bucket)
			keys[string(key)] = b
		}
		return b
	}
	var reader store.PayloadReader
	err := v.each(store.LogRange{Datasets: []string{t.Name}}, func(e *commit.Entry, _ store.Seal, payload []byte) error {
		changes, err := reader.Read(payload, v.table)
		if err != nil {
			return nil // told already
		}
		for i := range changes {
			if changes[i].Dataset != t.Name {
				continue
			}
			v.change(t, e.Seq, &changes[i], func(key []byte, live, old sum) {
				if b := at(key); b != nil {
					b.live.add(live)
					b.old.add(old)
				}
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = v.scan(t, func(key []byte, live, old sum) {
		if b := at(key); b != nil {
			b.live.sub(live)
			b.old.sub(old)
		}
	})
	if err != nil {
		return err
	}
	for _, k := range sortedKeys(keys) {
		f := store.Fault{Dataset: t.Name, Key: hex.EncodeToString([]byte(k)), What: "differs from what the log says"}
		if !keys[k].live.isZero() {
			f.Where = "table"
			if err := v.fault(f); err != nil {
				return err
			}
		}
		if !keys[k].old.isZero() {
			f.Where = "history"
			if err := v.fault(f); err != nil {
				return err
			}
		}
	}
	return nil
}
