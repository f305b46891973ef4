package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/store"
)

// treeSince is the migration that brought the tree.
const treeSince = 3

func flat(hashes []proof.Hash) []byte {
	b := make([]byte, 0, 32*len(hashes))
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return b
}

// Hashes implements store.Driver.
func (d *Driver) Hashes(ctx context.Context, places []int64) ([]proof.Hash, error) {
	out := make([]proof.Hash, len(places))
	found := 0
	sql := "SELECT p.i,substr(t.hashes,(1+32*(p.n-t.first))::int,32) FROM unnest($1::bigint[]) WITH ORDINALITY AS p(n,i), LATERAL " +
		"(SELECT first,hashes FROM " + d.n.meta + ".tree WHERE first<=p.n ORDER BY first DESC LIMIT 1) t"
	err := d.stream(ctx, sql, []any{places}, func(raw [][]byte) error {
		i, err := int8Of(raw[0])
		if err != nil {
			return err
		}
		if len(raw[1]) == len(out[0]) {
			copy(out[i-1][:], raw[1])
			found++
		}
		return nil
	})
	if err == nil && found < len(places) {
		err = problem.New(problem.NotFound, "log-not-there")
	}
	return out, err
}

// treePage is how many rows of the tree are read at once.
const treePage = 200

// treeReader reads the stored hashes one after another from the first. What is
// stored never changes, so they need not be of one snapshot.
type treeReader struct {
	ctx  context.Context
	d    *Driver
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
	if t.at += int64(n); len(out) < n {
		t.held = nil
	}
	return out
}

// fill reads on where what is held ends, and tells whether there was more.
func (t *treeReader) fill() bool {
	from := t.at + int64(len(t.held)/32)
	table := t.d.n.meta + ".tree"
	rows, err := t.d.read.Query(t.ctx, "SELECT first,hashes FROM "+table+" WHERE first>=coalesce((SELECT max(first) FROM "+table+" WHERE first<=$1),$1) ORDER BY first LIMIT $2", from, treePage)
	if err != nil {
		t.err = err
		return false
	}
	var first int64
	var b []byte
	hole, more := false, false
	_, t.err = pgx.ForEachRow(rows, []any{&first, &b}, func() error {
		skip := from - first
		hole = hole || skip < 0
		if !hole && skip < int64(len(b)/32) {
			more = true
			t.held = append(t.held, b[32*skip:]...)
			from = first + int64(len(b)/32)
		}
		return nil
	})
	t.end = !more && !hole
	return more && !hole
}

// plantPage is how many entries are sealed at once.
const plantPage = 500

// plant makes the tree of a database that was kept without one.
func (d *Driver) plant(ctx context.Context, tx pgx.Tx) error {
	var h store.Head
	if err := tx.QueryRow(ctx, "SELECT epoch,seq,at,catalog FROM "+d.n.meta+".head FOR UPDATE").Scan(&h.Epoch, &h.Seq, &h.At, &h.Catalog); err != nil {
		return err
	}
	var sealer store.Sealer
	var edge proof.Frontier
	for edge.Size < h.Seq {
		first, hashes := proof.Stored(edge.Size), []proof.Hash(nil)
		var seqs []int64
		var seals [][]byte
		rows, err := tx.Query(ctx, "SELECT seq,at,actor,source,reason,key,payload FROM "+d.n.meta+".log WHERE seq>$1 ORDER BY seq LIMIT $2", edge.Size, plantPage)
		if err != nil {
			return err
		}
		var e commit.Entry
		var packed []byte
		_, err = pgx.ForEachRow(rows, []any{&e.Seq, &e.At, &e.Actor, &e.Source, &e.Reason, &e.Key, &packed}, func() error {
			if e.Seq != edge.Size+1 {
				return errPayload
			}
			payload, err := d.codec.unpack(packed)
			if err != nil {
				return err
			}
			seed, err := store.NewSeed(d.options.Random)
			if err != nil {
				return err
			}
			seal, err := sealer.Seal(&e.Header, payload, seed)
			if err != nil {
				return err
			}
			entry := seal.Entry(e.Seq, e.At)
			hashes = edge.Append(entry.Leaf(), hashes)
			seqs, seals = append(seqs, e.Seq), append(seals, seal.Append(nil))
			return nil
		})
		if err != nil {
			return err
		}
		if len(seqs) == 0 {
			return errPayload
		}
		if _, err := tx.Exec(ctx, "UPDATE "+d.n.meta+".log l SET proof=u.proof FROM unnest($1::bigint[],$2::bytea[]) AS u(seq,proof) WHERE l.seq=u.seq", seqs, seals); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO "+d.n.meta+".tree VALUES ($1,$2)", first, flat(hashes)); err != nil {
			return err
		}
		if d.options.Upgrading != nil {
			d.options.Upgrading(edge.Size, h.Seq)
		}
	}
	_, err := tx.Exec(ctx, "UPDATE "+d.n.meta+".head SET peaks=$1", store.SealHead(h, &edge))
	return err
}
