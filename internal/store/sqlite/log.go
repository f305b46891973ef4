package sqlite

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/klauspost/compress/zstd"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

const (
	logPage    = 500 // entries read from one snapshot
	maxMerged  = 40  // datasets looked up by _touched; more are found by reading all headers
	maxUnpack  = maxPayload + 1<<20
	headerCols = "seq,at,actor,source,reason,key,count,counts,proof"
)

// logReader reads entries; its memory is reused from one to the next.
type logReader struct {
	names   map[int64]string // dataset by id
	tables  func(string) *dataset.Table
	unpack  *zstd.Decoder
	payload store.PayloadReader
	bytes   []byte
	dest    []driver.Value
	e       commit.Entry
	seal    store.Seal
}

func newLogReader(tables func(string) *dataset.Table) (*logReader, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpack))
	if err != nil {
		return nil, err
	}
	return &logReader{tables: tables, unpack: dec, dest: make([]driver.Value, 11)}, nil
}

// columns selected: with the payload only when it will be read.
func (l *logReader) columns() string {
	if l.tables == nil {
		return headerCols + ",0,NULL"
	}
	return headerCols + ",codec,payload"
}

var errLog = errors.New("sqlite: malformed log row")

// learn reads the names of datasets.
func (l *logReader) learn(c *conn) error {
	l.names = map[int64]string{}
	row := make([]driver.Value, 2)
	return c.each(bg, "SELECT id,name FROM _dataset", nil, row, func() error {
		id, _ := row[0].(int64)
		name, _ := row[1].(string)
		l.names[id] = name
		return nil
	})
}

// base decodes what an entry says of itself.
func (l *logReader) base() {
	e := commit.Entry{Counts: l.e.Counts}
	e.Seq, _ = l.dest[0].(int64)
	e.At, _ = l.dest[1].(int64)
	e.Actor, _ = l.dest[2].(string)
	e.Source, _ = l.dest[3].(string)
	e.Reason, _ = l.dest[4].(string)
	e.Key, _ = l.dest[5].(string)
	n, _ := l.dest[6].(int64)
	e.Count = int(n)
	if e.Counts == nil {
		e.Counts = map[string]int{}
	}
	clear(e.Counts)
	l.e = e
}

// header decodes all but the payload from l.dest.
func (l *logReader) header() error {
	l.base()
	counts, _ := l.dest[7].([]byte)
	proof, _ := l.dest[8].([]byte)
	ok := false
	if l.seal, ok = store.ParseSeal(proof); !ok {
		return errLog
	}
	l.seal.Fill(&l.e)
	for len(counts) > 0 {
		id, k := binary.Uvarint(counts)
		if k <= 0 {
			return errLog
		}
		n, k2 := binary.Uvarint(counts[k:])
		if k2 <= 0 {
			return errLog
		}
		l.e.Counts[l.names[int64(id)]] = int(n)
		counts = counts[k+k2:]
	}
	return nil
}

// body returns the payload's bytes, unpacked.
func (l *logReader) body() ([]byte, error) {
	b, _ := l.dest[10].([]byte)
	switch codec, _ := l.dest[9].(int64); codec {
	case 0:
		return b, nil
	case 1:
		// A fresh buffer each time: texts of the changes share its memory.
		return l.unpack.DecodeAll(b, nil)
	}
	return nil, errLog
}

// Log implements store.Driver. Entries are read in pages, each from a snapshot
// of its own.
func (d *Driver) Log(ctx context.Context, r store.LogRange, fn func(*commit.Entry) error) error {
	l, err := newLogReader(r.Tables)
	if err != nil {
		return err
	}
	defer l.unpack.Close()
	left := r.Limit
	for {
		n, read := logPage, 0
		if r.Limit > 0 {
			n = min(n, left)
		}
		if n == 0 {
			return nil
		}
		last := r.After
		err := d.reading(ctx, func(c *conn) error {
			if err := c.begin(); err != nil {
				return err
			}
			if err := l.learn(c); err != nil {
				return err
			}
			sql, args := l.page(r, n)
			return c.each(ctx, sql, args, l.dest, func() error {
				read++
				if err := l.header(); err != nil {
					return err
				}
				last = l.e.Seq
				if len(r.Datasets) > maxMerged && !touches(&l.e, r.Datasets) {
					return nil
				}
				if r.Tables != nil {
					b, err := l.body()
					if err != nil {
						return err
					}
					if l.e.Changes, err = l.payload.Read(b, r.Tables); err != nil {
						return err
					}
					l.e.ErasedBy = l.payload.ErasedBy()
				}
				left--
				return fn(&l.e)
			})
		})
		if err != nil {
			return err
		}
		if read < n {
			return nil
		}
		if r.After = last; r.Desc && last <= 1 {
			return nil
		}
	}
}

func touches(e *commit.Entry, datasets []string) bool {
	for _, ds := range datasets {
		if e.Counts[ds] > 0 {
			return true
		}
	}
	return false
}

// page makes the statement for the next n entries.
func (l *logReader) page(r store.LogRange, n int) (string, []driver.Value) {
	var where []string
	var args []driver.Value
	if r.Desc {
		if r.After > 0 {
			where, args = append(where, "seq<?"), append(args, r.After)
		}
	} else {
		where, args = append(where, "seq>?"), append(args, r.After)
	}
	if r.Upto > 0 {
		where, args = append(where, "seq<=?"), append(args, r.Upto)
	}
	dir := ""
	if r.Desc {
		dir = " DESC"
	}
	cond := strings.Join(where, " AND ")
	if len(r.Datasets) == 0 || len(r.Datasets) > maxMerged {
		if cond != "" {
			cond = " WHERE " + cond
		}
		return "SELECT " + l.columns() + " FROM _log" + cond + " ORDER BY seq" + dir + " LIMIT ?", append(args, int64(n))
	}
	// The first n of each dataset hold the first n of all.
	if cond != "" {
		cond = " AND " + cond
	}
	var arms []string
	var all []driver.Value
	for _, ds := range r.Datasets {
		arms = append(arms, "SELECT seq FROM (SELECT seq FROM _touched WHERE dataset=(SELECT id FROM _dataset WHERE name=?)"+cond+" ORDER BY seq"+dir+" LIMIT ?)")
		all = append(append(append(all, ds), args...), int64(n))
	}
	return "SELECT " + l.columns() + " FROM _log WHERE seq IN (" + strings.Join(arms, " UNION ALL ") + ") ORDER BY seq" + dir + " LIMIT ?", append(all, int64(n))
}

// History implements store.Driver.
func (d *Driver) History(ctx context.Context, t *dataset.Table, key []value.Value, fn func(store.Version) error) error {
	p, err := d.plans.of(t)
	if err != nil {
		return err
	}
	var args []driver.Value
	for range 2 {
		for _, k := range key {
			args = append(args, bind(k))
		}
	}
	return d.reading(ctx, func(c *conn) error {
		dest := make([]driver.Value, 2+t.Width())
		row := make([]value.Value, t.Width())
		newer := int64(0) // where the version after this one begins
		sql := "SELECT _version,0," + p.colList + " FROM " + p.table + " WHERE " + p.keyWhere +
			" UNION ALL SELECT _version,_until," + p.colList + " FROM " + p.history + " WHERE " + p.keyWhere + " ORDER BY 1 DESC"
		return c.each(ctx, sql, args, dest, func() error {
			v := store.Version{Values: row}
			v.Seq, _ = dest[0].(int64)
			v.Until, _ = dest[1].(int64)
			if v.Until != newer { // a gap: the record was deleted there
				if err := fn(store.Version{Seq: v.Until, Until: newer}); err != nil {
					return err
				}
			}
			newer = v.Seq
			for i := range row {
				row[i] = scan(t.Columns[i].Kind, dest[2+i])
			}
			return fn(v)
		})
	})
}
