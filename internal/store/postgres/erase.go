package postgres

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Erase implements store.Driver. PostgreSQL keeps the bytes of replaced rows in
// its files until VACUUM FULL has rewritten the tables, and in its write-ahead
// log until the segments are used again; an administrator sees to both.
func (d *Driver) Erase(ctx context.Context, catalog int64, e store.Erasure) (commit.Receipt, error) {
	req := *e.Item.Request
	item := e.Item
	item.Request = &req
	for attempt := 0; ; attempt++ {
		out, err := d.append(ctx, catalog, []store.Item{item}, false, nil, func(w *work) error {
			x := &erasing{work: w, e: &e, by: w.head.Seq + 1, remains: store.Remains{}}
			if err := x.run(); err != nil {
				return err
			}
			req.Source = x.remains.Source(x.by)
			return nil
		})
		switch {
		case err == nil:
			return out[0].Receipt, out[0].Err
		case again(err) && attempt < retries:
		default:
			return commit.Receipt{}, translate(ctx, err)
		}
	}
}

// erasing is one Erase within its transaction.
type erasing struct {
	*work
	e       *store.Erasure
	by      int64
	remains store.Remains
}

var errErased = errors.New("postgres: an erased entry is not where it was")

func (x *erasing) run() error {
	seqs, err := x.touched()
	if err != nil {
		return err
	}
	n := 0
	for _, seq := range seqs {
		hit, err := x.entry(seq)
		if err != nil {
			return err
		}
		n += hit
	}
	if n == 0 {
		return problem.New(problem.NotFound, "erase-nothing")
	}
	where, params := x.key()
	history := x.d.n.history(x.e.Table.Name)
	if x.e.Columns == nil {
		x.p.exec("DELETE FROM "+history+" t"+where, params, nil)
		return x.p.flush()
	}
	var set []string
	for _, col := range x.e.Columns {
		set = append(set, column(x.e.Table, col)+"=NULL")
	}
	x.p.exec("UPDATE "+history+" t SET "+strings.Join(set, ",")+where, params, nil)
	return x.p.flush()
}

// key gives the condition on the record's key, with its parameters.
func (x *erasing) key() (where string, params [][]byte) {
	t := x.e.Table
	for i, k := range t.Key {
		_, _, wire := wireTypes(t.Columns[k].Kind)
		and := " AND "
		if i == 0 {
			and = " WHERE "
		}
		where += and + "t." + column(t, k) + "=" + fromWire(&t.Columns[k], "$"+strconv.Itoa(i+1)+"::"+wire)
		params = append(params, one(x.e.Key[i]))
	}
	return where, params
}

// touched lists the commits that the record was changed by, after a look at
// whether the present still holds what is to be erased.
func (x *erasing) touched() ([]int64, error) {
	where, params := x.key()
	held := "true"
	for i, col := range x.e.Columns {
		if i == 0 {
			held = "false"
		}
		held += " OR t." + column(x.e.Table, col) + " IS NOT NULL"
	}
	var seqs []int64
	present := false
	number := func(raw []byte) error {
		n, err := int8Of(raw)
		seqs = append(seqs, n)
		return err
	}
	x.p.exec("SELECT "+versionColumn+","+held+" FROM "+x.d.n.live(x.e.Table.Name)+" t"+where, params, func(raw [][]byte) error {
		present = present || raw[1][0] != 0
		return number(raw[0])
	})
	x.p.exec("SELECT "+versionColumn+","+untilColumn+" FROM "+x.d.n.history(x.e.Table.Name)+" t"+where, params, func(raw [][]byte) error {
		return errors.Join(number(raw[0]), number(raw[1]))
	})
	err := x.p.flush()
	if err == nil && present {
		err = problem.New(problem.Conflict, "erase-present")
	}
	slices.Sort(seqs)
	return slices.Compact(seqs), err
}

// entry rewrites one entry of the log and tells how many changes it touched.
func (x *erasing) entry(seq int64) (int, error) {
	var packed []byte
	var seal store.Seal
	found := false
	log := x.d.n.meta + ".log"
	x.p.exec("SELECT payload,proof FROM "+log+" WHERE seq=$1", [][]byte{one(value.OfInt(seq))}, func(raw [][]byte) error {
		packed = slices.Clone(raw[0])
		seal, found = store.ParseSeal(raw[1])
		return nil
	})
	if err := x.p.flush(); err != nil {
		return 0, err
	}
	if !found {
		return 0, errErased
	}
	payload, err := x.d.codec.unpack(packed)
	if err != nil {
		return 0, err
	}
	var sealer store.Sealer
	what := &store.Erasing{By: x.by, Table: x.e.Table, Key: x.e.Key, Columns: x.e.Columns}
	after, sealAfter, n, err := sealer.Erase(seq, payload, seal, what, x.d.options.Random, x.remains)
	if err != nil || n == 0 {
		return 0, err
	}
	x.p.exec("UPDATE "+log+" SET payload=$2,proof=$3 WHERE seq=$1", [][]byte{one(value.OfInt(seq)), x.d.codec.pack(after), sealAfter.Append(nil)}, nil)
	return n, nil
}
