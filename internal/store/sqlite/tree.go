package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"unsafe"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/store"
)

// The hashes of the tree stand in _tree in the order in which they come into
// being, those of one transaction in one row: a tree costs a commit one small
// insert at the end of a table, whatever its height.

// flat gives the bytes of hashes, which share their memory.
func flat(hashes []proof.Hash) []byte {
	if len(hashes) == 0 {
		return []byte{}
	}
	return unsafe.Slice(&hashes[0][0], len(hashes[0])*len(hashes))
}

// Hashes implements store.Driver.
func (d *Driver) Hashes(ctx context.Context, places []int64) ([]proof.Hash, error) {
	out := make([]proof.Hash, len(places))
	err := d.reading(ctx, func(c *conn) error {
		if err := c.begin(); err != nil {
			return err
		}
		one := make([]driver.Value, 1)
		for i, n := range places {
			if _, err := c.first("SELECT substr(hashes,1+32*(?1-first),32) FROM _tree WHERE first<=?1 ORDER BY first DESC LIMIT 1", []driver.Value{n}, one); err != nil {
				return err
			}
			b, _ := one[0].([]byte)
			if len(b) != len(out[i]) {
				return problem.New(problem.NotFound, "log-not-there")
			}
			copy(out[i][:], b)
			one[0] = nil
		}
		return nil
	})
	return out, err
}

// treePage is how many rows of _tree are read at once.
const treePage = 200

// treeReader reads the stored hashes one after another from the first.
type treeReader struct {
	d    *Driver
	ctx  context.Context
	at   int64 // place of the next hash
	held []byte
	end  bool // nothing is stored at at or behind it
	err  error
}

// next gives the next n hashes, fewer where there is a hole or an end.
func (t *treeReader) next(n int) []proof.Hash {
	for more := !t.end; more && len(t.held) < 32*n && t.err == nil; {
		more = t.fill()
	}
	out := make([]proof.Hash, min(n, len(t.held)/32))
	for i := range out {
		copy(out[i][:], t.held[32*i:])
	}
	t.held = t.held[32*len(out):]
	t.at += int64(n)
	if len(out) < n { // a hole: go on behind it
		t.held = nil
	}
	return out
}

var errHole = errors.New("sqlite: a hole in the tree")

// fill reads on where what is held ends, and tells whether there was more.
func (t *treeReader) fill() bool {
	from := t.at + int64(len(t.held)/32)
	rows := 0
	err := t.d.reading(t.ctx, func(c *conn) error {
		dest := make([]driver.Value, 2)
		// The row that holds the place, and those behind it.
		return c.each(t.ctx, "SELECT first,hashes FROM _tree WHERE first>=coalesce((SELECT max(first) FROM _tree WHERE first<=?1),?1) ORDER BY first LIMIT ?2",
			[]driver.Value{from, int64(treePage)}, dest, func() error {
				first, _ := dest[0].(int64)
				b, _ := dest[1].([]byte)
				if skip := from - first; skip >= 0 && skip < int64(len(b)/32) {
					t.held = append(t.held, b[32*skip:]...)
					from = first + int64(len(b)/32)
					rows++
					return nil
				} else if skip >= 0 {
					return nil
				}
				return errHole
			})
	})
	hole := errors.Is(err, errHole)
	if err != nil && !hole {
		t.err = err
	}
	t.end = rows == 0 && !hole
	return rows > 0 && !hole
}

// plant makes the tree of a database that was kept without one.
func plant(c *conn, opt Options) error {
	h, err := readHead(c)
	if err != nil {
		return err
	}
	l, err := newLogReader(nil)
	if err != nil {
		return err
	}
	defer l.unpack.Close()
	var sealer store.Sealer
	h.edge = proof.Frontier{}
	for seq := int64(0); seq < h.Seq; {
		first, hashes := proof.Stored(seq), []proof.Hash(nil)
		type sealed struct {
			seq  int64
			seal []byte
		}
		var page []sealed
		err := c.each(bg, "SELECT seq,at,actor,source,reason,key,0,NULL,NULL,codec,payload FROM _log WHERE seq>? ORDER BY seq LIMIT ?", []driver.Value{seq, int64(logPage)}, l.dest, func() error {
			l.base()
			if l.e.Seq != seq+1 {
				return errLog
			}
			seq++
			body, err := l.body()
			if err != nil {
				return err
			}
			seed, err := store.NewSeed(opt.Random)
			if err != nil {
				return err
			}
			seal, err := sealer.Seal(&l.e.Header, body, seed)
			if err != nil {
				return err
			}
			entry := seal.Entry(seq, l.e.At)
			hashes = h.edge.Append(entry.Leaf(), hashes)
			page = append(page, sealed{seq, seal.Append(nil)})
			return nil
		})
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return errLog
		}
		for _, p := range page {
			if err := c.exec("UPDATE _log SET proof=? WHERE seq=?", p.seal, p.seq); err != nil {
				return err
			}
		}
		if err := c.exec("INSERT INTO _tree VALUES (?,?)", first, flat(hashes)); err != nil {
			return err
		}
		if opt.Upgrading != nil {
			opt.Upgrading(seq, h.Seq)
		}
	}
	return c.exec("UPDATE _head SET peaks=?", store.SealHead(h.Head, &h.edge))
}
