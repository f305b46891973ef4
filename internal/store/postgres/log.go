package postgres

import (
	"context"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/store"
)

// Log streams entries of the log; see store.Driver.
func (d *Driver) Log(ctx context.Context, r store.LogRange, fn func(*commit.Entry) error) error {
	sql, args := d.logSQL(r)
	var reader store.PayloadReader
	return d.stream(ctx, sql, args, func(raw [][]byte) error {
		e, _, err := d.entry(raw)
		if err != nil {
			return err
		}
		if r.Tables != nil {
			payload, err := d.codec.unpack(raw[8])
			if err != nil {
				return err
			}
			if e.Changes, err = reader.Read(payload, r.Tables); err != nil {
				return err
			}
			e.ErasedBy = reader.ErasedBy()
		}
		return fn(e)
	})
}

const headerColumns = "l.seq,l.at,l.actor,l.source,l.reason,l.key,l.touched,l.proof"

// entry decodes the header columns of a row. Of an entry that is malformed it
// gives what can be read.
func (d *Driver) entry(raw [][]byte) (*commit.Entry, store.Seal, error) {
	e := new(commit.Entry)
	var err error
	if e.Seq, err = int8Of(raw[0]); err != nil {
		return nil, store.Seal{}, err
	}
	if e.At, err = int8Of(raw[1]); err != nil {
		return nil, store.Seal{}, err
	}
	e.Actor, e.Source, e.Reason, e.Key = string(raw[2]), string(raw[3]), string(raw[4]), string(raw[5])
	t, err := parseTouched(string(raw[6]))
	if err != nil {
		return e, store.Seal{}, err
	}
	e.Counts = make(map[string]int, len(t.names))
	for i, n := range t.names {
		e.Counts[n] = t.counts[i]
		e.Count += t.counts[i]
	}
	seal, ok := store.ParseSeal(raw[7])
	if !ok {
		return e, seal, errPayload
	}
	seal.Fill(e)
	return e, seal, nil
}

func (d *Driver) logSQL(r store.LogRange) (string, []any) {
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	bounds := func(seq string) string {
		var where []string
		switch {
		case !r.Desc:
			where = append(where, seq+">"+arg(r.After))
		case r.After > 0:
			where = append(where, seq+"<"+arg(r.After))
		}
		if r.Upto > 0 {
			where = append(where, seq+"<="+arg(r.Upto))
		}
		if len(where) == 0 {
			return "true"
		}
		return strings.Join(where, " AND ")
	}
	order := ""
	if r.Desc {
		order = " DESC"
	}
	limit := ""
	if r.Limit > 0 {
		limit = " LIMIT " + strconv.Itoa(r.Limit)
	}
	sql := "SELECT " + headerColumns
	if r.Tables != nil {
		sql += ",l.payload"
	}
	sql += " FROM "
	if len(r.Datasets) == 0 {
		return sql + d.n.meta + ".log l WHERE " + bounds("l.seq") + " ORDER BY l.seq" + order + limit, args
	}
	// The index of each dataset gives its own first entries, in order.
	per := "SELECT i.seq FROM " + d.n.meta + ".log_dataset i WHERE i.dataset=d.name AND " + bounds("i.seq") + " ORDER BY i.seq" + order + limit
	return sql + "(SELECT DISTINCT x.seq FROM unnest(" + arg(r.Datasets) + "::text[]) AS d(name), LATERAL (" + per + ") x ORDER BY x.seq" + order + limit +
		") s JOIN " + d.n.meta + ".log l ON l.seq=s.seq ORDER BY l.seq" + order, args
}
