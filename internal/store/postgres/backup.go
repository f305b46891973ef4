package postgres

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// A backup is one zstd stream: magic, a JSON header with its length, then for
// each of the header's parts, in order, the binary COPY of a table in pieces:
// four bytes of length and the piece, a length of zero at the end. Everything
// is of one snapshot; zstd's checksum covers it, and the end mark shows that
// nothing is missing.
const (
	backupMagic = "HUONG/postgres/1\n"
	backupEnd   = "HUONG/end\n"
	maxHeader   = 64 << 20
	maxPiece    = 1 << 20
)

type backupHeader struct {
	Migration int                 `json:"migration"`
	Head      store.Head          `json:"head"`
	Peaks     []byte              `json:"peaks"`
	Tables    []*dataset.Table    `json:"tables"`
	Months    map[string][]string `json:"partitions"` // by dataset, suffixes of partitions
	Parts     []backupPart        `json:"parts"`
}

// backupPart names what to copy: one of Huong's own tables, or a dataset's live
// table or history.
type backupPart struct {
	Meta    string `json:"meta,omitempty"`
	Live    string `json:"live,omitempty"`
	History string `json:"history,omitempty"`
}

// metaTables are Huong's own that a backup carries, with their columns. The
// head and the layouts stand in the header.
func metaTables() map[string]string {
	return map[string]string{
		"log":         "seq,at,actor,source,reason,key,touched,payload,proof",
		"tree":        "first,hashes",
		"log_dataset": "dataset,seq",
		"receipt":     "key,seq,at,empty,unchanged,created,updated,deleted",
		"state":       "owner,key,value",
	}
}

// target gives table and columns of a part; ok is false when it names nothing.
func (n names) target(p backupPart, tables map[string]*dataset.Table) (table, list string, ok bool) {
	switch {
	case p.Meta != "":
		list, ok = metaTables()[p.Meta]
		return n.meta + "." + quote(p.Meta), list, ok
	case p.Live != "":
		if t := tables[p.Live]; t != nil {
			return n.live(t.Name), versionColumn + "," + strings.Join(columns(t, all(t), ""), ","), true
		}
	case p.History != "":
		if t := tables[p.History]; t != nil {
			return n.history(t.Name), versionColumn + "," + untilColumn + "," + strings.Join(columns(t, all(t), ""), ","), true
		}
	}
	return "", "", false
}

// Backup writes a consistent copy of everything while writes go on; see
// store.Driver. Progress is in bytes on the server's disk, about.
func (d *Driver) Backup(ctx context.Context, w io.Writer, progress func(done, total int64)) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return problem.Wrap(err, problem.Internal, "internal")
	}
	conn, err := d.read.Acquire(ctx)
	if err != nil {
		return translate(ctx, err)
	}
	defer conn.Release()
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return d.backup(ctx, tx, z, progress)
	})
	if e := z.Close(); err == nil && e != nil {
		err = passed{e}
	}
	if p, ok := errors.AsType[passed](err); ok {
		return p.error
	}
	return translate(ctx, err)
}

func (d *Driver) backup(ctx context.Context, tx pgx.Tx, w io.Writer, progress func(done, total int64)) error {
	h, tables, err := d.backupHeader(ctx, tx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	b := append([]byte(backupMagic), binary.BigEndian.AppendUint32(nil, uint32(len(text)))...)
	if _, err := w.Write(append(b, text...)); err != nil {
		return passed{err}
	}
	sizes := make([]int64, len(h.Parts))
	var done, total int64
	for i, p := range h.Parts {
		table, _, _ := d.n.target(p, tables)
		err := tx.QueryRow(ctx, "SELECT 1+coalesce(sum(pg_table_size(relid)),0)::bigint FROM pg_partition_tree($1::regclass)", table).Scan(&sizes[i])
		if err != nil {
			return err
		}
		total += sizes[i]
	}
	for i, p := range h.Parts {
		table, list, _ := d.n.target(p, tables)
		out := &pieces{w: w}
		if _, err := tx.Conn().PgConn().CopyTo(ctx, out, "COPY (SELECT "+list+" FROM "+table+") TO STDOUT (FORMAT binary)"); err != nil {
			if out.err != nil {
				return passed{out.err}
			}
			return err
		}
		if err := out.end(); err != nil {
			return passed{err}
		}
		done += sizes[i]
		progress(done, total)
	}
	if _, err := io.WriteString(w, backupEnd); err != nil {
		return passed{err}
	}
	return nil
}

func (d *Driver) backupHeader(ctx context.Context, tx pgx.Tx) (h backupHeader, tables map[string]*dataset.Table, err error) {
	err = tx.QueryRow(ctx, "SELECT epoch,seq,at,catalog,peaks,(SELECT max(version) FROM "+d.n.meta+".migration) FROM "+d.n.meta+".head").
		Scan(&h.Head.Epoch, &h.Head.Seq, &h.Head.At, &h.Head.Catalog, &h.Peaks, &h.Migration)
	if err != nil {
		return h, nil, err
	}
	for _, m := range sortedKeys(metaTables()) {
		h.Parts = append(h.Parts, backupPart{Meta: m})
	}
	rows, err := tx.Query(ctx, "SELECT layout FROM "+d.n.meta+".layout ORDER BY dataset")
	if err != nil {
		return h, nil, err
	}
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return h, nil, err
	}
	tables, h.Months = map[string]*dataset.Table{}, map[string][]string{}
	for _, text := range texts {
		t, err := decodeLayout(text)
		if err != nil {
			return h, nil, err
		}
		tables[t.Name] = t
		h.Tables = append(h.Tables, t)
		h.Parts = append(h.Parts, backupPart{Live: t.Name}, backupPart{History: t.Name})
		if !partitioned(t) {
			continue
		}
		rows, err := tx.Query(ctx, "SELECT relid::regclass::text FROM pg_partition_tree($1::regclass) WHERE isleaf AND relid<>$1::regclass", d.n.live(t.Name))
		if err != nil {
			return h, nil, err
		}
		parts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return h, nil, err
		}
		for _, p := range parts {
			if i := strings.LastIndex(p, "__p"); i >= 0 {
				h.Months[t.Name] = append(h.Months[t.Name], strings.TrimSuffix(p[i:], `"`))
			}
		}
	}
	return h, tables, nil
}

// pieces writes a stream whose length is not known beforehand.
type pieces struct {
	w   io.Writer
	err error
}

func (p *pieces) Write(b []byte) (int, error) {
	n := 0
	for len(b) > 0 && p.err == nil {
		part := b[:min(len(b), maxPiece)]
		if _, p.err = p.w.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part)))); p.err == nil {
			_, p.err = p.w.Write(part)
		}
		b = b[len(part):]
		n += len(part)
	}
	return n, p.err
}

func (p *pieces) end() error {
	_, err := p.w.Write([]byte{0, 0, 0, 0})
	return err
}

// joined reads what pieces wrote.
type joined struct {
	r    io.Reader
	left uint32
	done bool
}

func (j *joined) Read(b []byte) (int, error) {
	if j.done {
		return 0, io.EOF
	}
	if j.left == 0 {
		var head [4]byte
		if _, err := io.ReadFull(j.r, head[:]); err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		if j.left = binary.BigEndian.Uint32(head[:]); j.left > maxPiece {
			return 0, errBackup
		}
		if j.left == 0 {
			j.done = true
			return 0, io.EOF
		}
	}
	n, err := j.r.Read(b[:min(len(b), int(j.left))])
	j.left -= uint32(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
		if n > 0 {
			err = nil
		}
	}
	return n, err
}

var errBackup = errors.New("postgres: not a backup")

// Restore fills the empty database that url names from a backup of this driver.
// It becomes a database of its own: its epoch is new, so that cursors of the
// original are refused. Kinds: Invalid (not a backup, or cut short), Conflict
// (the database is not empty), Unavailable.
func Restore(ctx context.Context, r io.Reader, url string, o Options) error {
	d, err := Open(ctx, url, o)
	if err != nil {
		return err
	}
	defer d.Close()
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
	if err != nil {
		return problem.Wrap(err, problem.Invalid, "backup-unreadable")
	}
	defer z.Close()
	in := bufio.NewReader(z)
	h, err := readBackupHeader(in)
	if err != nil {
		return problem.Wrap(err, problem.Invalid, "backup-unreadable")
	}
	conn, err := d.write.Acquire(ctx)
	if err != nil {
		return translate(ctx, err)
	}
	defer conn.Release()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return d.restore(ctx, tx, in, h) })
	if errors.Is(err, errBackup) || errors.Is(err, io.ErrUnexpectedEOF) && !conn.Conn().IsClosed() {
		return problem.Wrap(err, problem.Invalid, "backup-unreadable")
	}
	return translate(ctx, err)
}

func readBackupHeader(in io.Reader) (h backupHeader, err error) {
	start := make([]byte, len(backupMagic)+4)
	if _, err := io.ReadFull(in, start); err != nil {
		return h, err
	}
	n := binary.BigEndian.Uint32(start[len(backupMagic):])
	if string(start[:len(backupMagic)]) != backupMagic || n > maxHeader {
		return h, errBackup
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(in, text); err != nil {
		return h, err
	}
	return h, json.Unmarshal(text, &h)
}

func (d *Driver) restore(ctx context.Context, tx pgx.Tx, in io.Reader, h backupHeader) error {
	steps, err := migrationSteps(d.n)
	if err != nil {
		return err
	}
	if h.Migration != len(steps) {
		return problem.New(problem.Invalid, "store-newer")
	}
	var occupied bool
	if err := tx.QueryRow(ctx, "SELECT seq>0 OR EXISTS (SELECT FROM "+d.n.meta+".state) OR EXISTS (SELECT FROM "+d.n.meta+".layout) FROM "+d.n.meta+".head FOR UPDATE").Scan(&occupied); err != nil {
		return err
	}
	if occupied {
		return problem.New(problem.Conflict, "restore-occupied")
	}
	tables := map[string]*dataset.Table{}
	for _, t := range h.Tables {
		if err := d.restoreTable(ctx, tx, t, h.Months[t.Name]); err != nil {
			return err
		}
		tables[t.Name] = t
	}
	for _, p := range h.Parts {
		table, list, ok := d.n.target(p, tables)
		if !ok {
			return fmt.Errorf("%w: unknown part %v", errBackup, p)
		}
		part := &joined{r: in}
		if _, err := tx.Conn().PgConn().CopyFrom(ctx, part, "COPY "+table+"("+list+") FROM STDIN (FORMAT binary)"); err != nil {
			return err
		}
		if !part.done {
			if _, err := io.Copy(io.Discard, part); err != nil {
				return errBackup
			}
		}
	}
	end := make([]byte, len(backupEnd))
	if _, err := io.ReadFull(in, end); err != nil || string(end) != backupEnd {
		return errBackup
	}
	edge, sound := store.OpenHead(&h.Head, h.Peaks)
	if !sound {
		return errBackup
	}
	if err := tx.QueryRow(ctx, "SELECT epoch FROM "+d.n.meta+".head").Scan(&h.Head.Epoch); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE "+d.n.meta+".head SET seq=$1,at=$2,catalog=$3,peaks=$4", h.Head.Seq, h.Head.At, h.Head.Catalog, store.SealHead(h.Head, &edge))
	return err
}

func (d *Driver) restoreTable(ctx context.Context, tx pgx.Tx, t *dataset.Table, months []string) error {
	if err := checkName(t.Name); err != nil {
		return err
	}
	sql := createSQL(d.n, nil, t)
	for _, suffix := range months {
		name, from, to, ok := partitionOf(t, suffix)
		if !ok {
			return fmt.Errorf("%w: partition %q", errBackup, suffix)
		}
		sql = append(sql, partitionSQL(d.n, t, name, from, to)...)
	}
	for _, s := range sql {
		if _, err := tx.Exec(ctx, s); err != nil {
			return err
		}
	}
	text, err := encodeLayout(t)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO "+d.n.meta+".layout VALUES ($1::text,$2::text)", t.Name, text)
	return err
}
