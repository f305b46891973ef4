package sqlite

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/zstd"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/store"
)

var bg = context.Background()

// Bounds of one commit.
const (
	maxPayload    = 512 << 20 // bytes of its changes in the log; SQLite holds 1 GB in a cell
	maxViolations = 1000      // reported of one item
	packFrom      = 2048      // smaller payloads are kept as they are
)

// tx is one Append under way.
type tx struct {
	d     *Driver
	c     *conn
	head  headRow
	next  map[*plan]int64 // next _id per table
	found map[string]bool // parents known to be there, by canonical reference
	boxes map[*plan][]box // places not yet in the R*Tree
	*room
	args []driver.Value
	row  []driver.Value
}

// room is memory that one Append leaves to the next.
type room struct {
	payload store.Payload
	bytes   []byte // the payload as written
	packed  []byte // and compressed
	sealer  store.Sealer
	sealed  []byte       // the seal as written
	hashes  []proof.Hash // of the tree, not yet written
}

// maxRoom is how much of it is kept.
const maxRoom = 64 << 20

// headRow is the end of the log as stored.
type headRow struct {
	store.Head
	edge  proof.Frontier
	sound bool // the row is as it was written
}

func readHead(c *conn) (h headRow, err error) {
	row := make([]driver.Value, 5)
	ok, err := c.first("SELECT epoch,seq,at,catalog,peaks FROM _head", nil, row)
	if err != nil {
		return h, err
	}
	if !ok {
		return h, errors.New("sqlite: no head row")
	}
	h.Epoch, _ = row[0].(string)
	h.Seq, _ = row[1].(int64)
	h.At, _ = row[2].(int64)
	h.Catalog, _ = row[3].(int64)
	b, _ := row[4].([]byte)
	h.edge, h.sound = store.OpenHead(&h.Head, b)
	return h, nil
}

// Head implements store.Driver.
func (d *Driver) Head(ctx context.Context) (store.Head, error) {
	var h headRow
	err := d.reading(ctx, func(c *conn) (err error) {
		h, err = readHead(c)
		return err
	})
	return h.Head, err
}

// errAgain tells that an item was refused in a run without savepoints.
var errAgain = errors.New("sqlite: an item was refused")

// Append implements store.Driver.
func (d *Driver) Append(ctx context.Context, catalog int64, batch []store.Item) ([]store.Outcome, error) {
	if len(batch) == 0 {
		return nil, nil
	}
	refused := make([]error, len(batch))
	for i := range batch {
		refused[i] = store.Refuse(store.Check(&batch[i]))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, problem.New(problem.Unavailable, "shutting-down")
	}
	out, err := d.attempt(ctx, catalog, batch, refused, false, nil)
	if err == errAgain {
		out, err = d.attempt(ctx, catalog, batch, refused, true, nil)
	}
	if err != nil {
		return nil, fault(err)
	}
	return out, nil
}

// attempt runs the batch in one transaction. Without savepoints the first item
// that is refused ends the attempt, unless it is the only one. first, when
// there is one, is done before the items.
func (d *Driver) attempt(ctx context.Context, version int64, batch []store.Item, refused []error, savepoints bool, first func(*tx) error) (out []store.Outcome, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.w.exec("BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	committed := false
	defer func() {
		if !committed {
			if e := d.w.exec("ROLLBACK"); e != nil && err == nil {
				err = e
			}
			d.cat = nil
		}
	}()
	if cap(d.room.bytes) > maxRoom {
		d.room = room{}
	}
	x := &tx{d: d, c: d.w, room: &d.room, next: map[*plan]int64{}, found: map[string]bool{}, boxes: map[*plan][]box{}}
	x.hashes = x.hashes[:0]
	if x.head, err = readHead(x.c); err != nil {
		return nil, err
	}
	if !x.head.sound && !d.opt.WithoutTree {
		return nil, store.ErrHead
	}
	if x.head.Catalog != version {
		return nil, store.ErrCatalogMoved
	}
	if d.cat == nil || d.cat.version != version {
		if d.cat, err = readCatalog(x.c, version); err != nil {
			return nil, err
		}
	}
	if first != nil {
		if err := first(x); err != nil {
			return nil, err
		}
	}
	begun := x.head.Seq
	wrote := false
	out = make([]store.Outcome, len(batch))
	for i := range batch {
		if refused[i] != nil {
			out[i].Err = refused[i]
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if savepoints {
			if err := x.c.exec("SAVEPOINT item"); err != nil {
				return nil, err
			}
		}
		rc, kept, err := x.item(&batch[i])
		if err != nil {
			if _, is := errors.AsType[*problem.Error](err); !is {
				return nil, err
			}
			out[i].Err = err
			if len(batch) == 1 {
				return out, nil
			}
			if !savepoints {
				return nil, errAgain
			}
			if err := x.c.exec("ROLLBACK TO item"); err != nil {
				return nil, err
			}
			x.forget()
			if len(batch[i].Tables) > 0 {
				x.c.forget()
				if d.cat, err = readCatalog(x.c, x.head.Catalog); err != nil {
					return nil, err
				}
			}
		} else {
			out[i].Receipt = rc
			wrote = wrote || kept
			if savepoints { // what waits must not be lost with a later item
				if err := x.flushBoxes(); err != nil {
					return nil, err
				}
			}
		}
		if savepoints {
			if err := x.c.exec("RELEASE item"); err != nil {
				return nil, err
			}
		}
	}
	if !wrote {
		return out, nil
	}
	if x.head.Seq != begun {
		if err := x.flushBoxes(); err != nil {
			return nil, err
		}
		if x.d.opt.WithoutTree {
			x.head.edge.Size, x.head.edge.Peaks = x.head.Seq, nil
		} else if err := x.c.exec("INSERT INTO _tree VALUES (?,?)", proof.Stored(begun), flat(x.hashes)); err != nil {
			return nil, err
		}
		if err := x.c.exec("UPDATE _head SET seq=?, at=?, catalog=?, peaks=?", x.head.Seq, x.head.At, x.head.Catalog, store.SealHead(x.head.Head, &x.head.edge)); err != nil {
			return nil, err
		}
	}
	if err := x.c.exec("COMMIT"); err != nil {
		return nil, err
	}
	committed = true
	return out, nil
}

// forget drops what the transaction remembers of rows that were rolled back.
func (x *tx) forget() {
	clear(x.found)
	clear(x.next)
	clear(x.boxes)
}

// item applies one item. kept tells whether anything was written.
func (x *tx) item(it *store.Item) (rc commit.Receipt, kept bool, err error) {
	req := it.Request
	if req.Key != "" {
		rc, repeat, err := x.repeat(req.Key)
		if err != nil || repeat {
			return rc, false, err
		}
	}
	seq := x.head.Seq + 1
	for _, t := range it.Tables {
		if err := declare(x.c, x.d.cat, t, seq); err != nil {
			return rc, false, err
		}
	}
	if len(it.Tables) > 0 {
		if x.d.cat, err = readCatalog(x.c, seq); err != nil {
			return rc, false, err
		}
	}
	x.payload.Reset()
	a := &applying{tx: x, it: it, seq: seq, results: make([]commit.Result, len(req.Changes))}
	if err := a.run(); err != nil {
		return rc, false, err
	}
	rc = commit.Receipt{Seq: x.head.Seq, At: x.head.At, Results: a.results}
	for _, r := range a.results {
		rc.Counts[r]++
	}
	if x.payload.Count() == 0 && len(it.Tables) == 0 {
		rc.Empty = true
	} else {
		at := max(x.head.At, it.At)
		if err := x.log(req, seq, at); err != nil {
			return rc, false, err
		}
		if len(it.Tables) > 0 {
			x.head.Catalog = seq
		}
		rc.Seq, rc.At = seq, at
	}
	if req.Key != "" {
		empty := int64(0)
		if rc.Empty {
			empty = 1
		}
		err = x.c.exec("INSERT INTO _once VALUES (?,?,?,?,?,?,?,?)", req.Key, rc.Seq, rc.At, empty, rc.Counts[0], rc.Counts[1], rc.Counts[2], rc.Counts[3])
	}
	return rc, !rc.Empty || req.Key != "", err
}

// repeat finds the receipt of an idempotency key.
func (x *tx) repeat(key string) (rc commit.Receipt, found bool, err error) {
	row := make([]driver.Value, 7)
	found, err = x.c.first("SELECT seq,at,empty,unchanged,created,updated,deleted FROM _once WHERE key=?", []driver.Value{key}, row)
	if !found || err != nil {
		return rc, false, err
	}
	n := func(i int) int64 { v, _ := row[i].(int64); return v }
	return commit.Receipt{Seq: n(0), At: n(1), Empty: n(2) != 0, Repeat: true, Counts: [4]int64{n(3), n(4), n(5), n(6)}}, true, nil
}

// log writes the entry of the applied item and moves the head.
func (x *tx) log(req *commit.Request, seq, at int64) error {
	if x.payload.Size() > maxPayload {
		return problem.New(problem.TooLarge, "commit-too-large", "limit", "512 MiB")
	}
	x.bytes = x.payload.Append(x.bytes[:0])
	x.sealed = append(x.sealed[:0], 0)[:0] // never nil
	var seal store.Seal
	var err error
	if !x.d.opt.WithoutTree {
		if seal, err = x.seal(&req.Header); err != nil {
			return err
		}
		x.sealed = seal.Append(x.sealed)
	}
	codec, body := x.pack(x.bytes)
	var counts []byte
	x.payload.Each(func(ds string, n int) {
		counts = binary.AppendUvarint(binary.AppendUvarint(counts, uint64(x.d.cat.ids[ds])), uint64(n))
		if err == nil {
			err = x.c.exec("INSERT INTO _touched VALUES (?,?)", x.d.cat.ids[ds], seq)
		}
	})
	if err != nil {
		return err
	}
	if counts == nil {
		counts = []byte{}
	}
	var key driver.Value
	if req.Key != "" {
		key = req.Key
	}
	err = x.c.exec("INSERT INTO _log VALUES (?,?,?,?,?,?,?,?,?,?,?)",
		seq, at, req.Actor, req.Source, req.Reason, key, int64(x.payload.Count()), counts, x.sealed, codec, body)
	if err != nil {
		return err
	}
	x.head.Seq, x.head.At = seq, at
	if !x.d.opt.WithoutTree {
		entry := seal.Entry(seq, at)
		x.hashes = x.head.edge.Append(entry.Leaf(), x.hashes)
	}
	return nil
}

// seal binds the payload at hand and its header.
func (x *tx) seal(h *commit.Header) (seal store.Seal, err error) {
	seed, err := store.NewSeed(x.d.opt.Random)
	if err != nil {
		return seal, err
	}
	return x.sealer.Seal(h, x.bytes, seed)
}

// pack gives the form in which a payload is kept.
func (x *tx) pack(b []byte) (codec int64, body []byte) {
	if len(b) >= packFrom {
		if x.packed = x.d.packer.EncodeAll(b, x.packed[:0]); len(x.packed) < len(b)*9/10 {
			return 1, x.packed
		}
	}
	if b == nil {
		b = []byte{}
	}
	return 0, b
}

// newPacker makes the compressor of payloads; safe for one goroutine at a time.
func newPacker() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
}

// planOf returns the plan of the layout that an item brings for a dataset, or
// nil when its table does not exist.
func (x *tx) planOf(t *dataset.Table) (*plan, error) {
	stored := x.d.cat.plans[t.Name]
	if stored == nil || stored.t.Width() < t.Width() {
		return nil, nil
	}
	return x.d.plans.of(t)
}
