package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/mattn/go-sqlite3"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/store"
)

// File is the name of the database in its directory.
const File = "huong.db"

// Options of Open. Zero members take their defaults.
type Options struct {
	Readers     int              // idle read connections kept; default 8
	WriterCache int              // KiB of page cache of the writer; default 256 MiB
	ReaderCache int              // KiB of page cache of each reader; default 32 MiB
	Snapshot    time.Duration    // how long a scan may hold one snapshot; default 10 s
	Random      io.Reader        // source of epochs; default crypto/rand
	Clock       func() time.Time // measures Snapshot only; default none: a scan holds one snapshot for SnapshotRows rows
	// SnapshotRows is how many rows a scan may take from one snapshot; default
	// 2,000,000.
	SnapshotRows int
	// WithoutTree appends without seals and tree, to measure what they cost. What
	// is appended so does not verify; nothing but a measurement may set it.
	WithoutTree bool
	// Upgrading is told how far the log of an older database has been hashed,
	// while Open does it.
	Upgrading func(done, total int64)
}

func (o Options) random() io.Reader {
	if o.Random == nil {
		return rand.Reader
	}
	return o.Random
}

// Driver is one open database. It implements store.Driver.
type Driver struct {
	path string
	opt  Options

	mu     sync.Mutex // guards the writer and what it knows of the catalog
	w      *conn
	cat    *catalog
	packer *zstd.Encoder
	room   room
	closed bool

	idle  chan *conn // read connections not in use
	rmu   sync.RWMutex
	done  bool // no further reads
	plans planCache
}

var _ store.Driver = (*Driver)(nil)

// Open opens the database in dir and makes it when there is none. Several
// processes may have it open.
func Open(dir string, opt Options) (*Driver, error) {
	if opt.Readers <= 0 {
		opt.Readers = 8
	}
	if opt.WriterCache <= 0 {
		opt.WriterCache = 256 << 10
	}
	if opt.ReaderCache <= 0 {
		opt.ReaderCache = 32 << 10
	}
	if opt.Snapshot <= 0 {
		opt.Snapshot = 10 * time.Second
	}
	if opt.SnapshotRows <= 0 {
		opt.SnapshotRows = 2_000_000
	}
	opt.Random = opt.random()
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, err
	}
	d := &Driver{path: filepath.Join(abs, File), opt: opt, idle: make(chan *conn, opt.Readers)}
	d.w, err = dial(d.path, opt.WriterCache, false, "PRAGMA journal_mode=WAL", "PRAGMA wal_autocheckpoint=16000")
	if err != nil {
		return nil, err
	}
	if err := migrate(d.w, opt); err != nil {
		d.w.close()
		return nil, err
	}
	if d.packer, err = newPacker(); err != nil {
		d.w.close()
		return nil, err
	}
	return d, nil
}

// Close waits for a write under way and closes the file. Reads under way go on
// to their end; new ones are refused.
func (d *Driver) Close() error {
	d.rmu.Lock()
	d.done = true
	d.rmu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	for {
		select {
		case c := <-d.idle:
			c.close()
			continue
		default:
		}
		break
	}
	return d.w.close()
}

// reading runs fn on a read connection of its own; what fn reads after begin is
// one snapshot. When all kept connections are in use another is opened: a
// callback that reads must not wait for the read that called it.
func (d *Driver) reading(ctx context.Context, fn func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.rmu.RLock()
	done := d.done
	d.rmu.RUnlock()
	if done {
		return problem.New(problem.Unavailable, "shutting-down")
	}
	var c *conn
	select {
	case c = <-d.idle:
	default:
		var err error
		if c, err = dial(d.path, d.opt.ReaderCache, true); err != nil {
			return fault(err)
		}
	}
	err := fn(c)
	if c.begun {
		c.begun = false
		if e := c.exec("ROLLBACK"); e != nil {
			err = errors.Join(err, e)
		}
	}
	c.exprs.reset()
	d.release(c)
	if e, ok := errors.AsType[sqlite3.Error](err); ok && e.Code == sqlite3.ErrInterrupt && ctx.Err() != nil {
		return ctx.Err()
	}
	return fault(err)
}

func (d *Driver) release(c *conn) {
	d.rmu.RLock()
	defer d.rmu.RUnlock()
	if !d.done && c.raw.AutoCommit() {
		select {
		case d.idle <- c:
			return
		default:
		}
	}
	c.close()
}

// migrations makes the system tables, one step per version of the file.
var migrations = [...]string{`
CREATE TABLE _head (
	id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, seq INTEGER NOT NULL,
	at INTEGER NOT NULL, catalog INTEGER NOT NULL, hash BLOB NOT NULL
);
CREATE TABLE _dataset (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, layout TEXT NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE _log (
	seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL,
	key TEXT, count INTEGER NOT NULL, counts BLOB NOT NULL, hash BLOB NOT NULL, codec INTEGER NOT NULL, payload BLOB NOT NULL
);
CREATE TABLE _touched (dataset INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (dataset, seq)) WITHOUT ROWID;
CREATE TABLE _once (
	key TEXT PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL, empty INTEGER NOT NULL,
	unchanged INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL, deleted INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE _state (owner TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (owner, key)) WITHOUT ROWID;
`, `
ALTER TABLE _log RENAME COLUMN hash TO proof;
ALTER TABLE _head RENAME COLUMN hash TO peaks;
CREATE TABLE _tree (first INTEGER PRIMARY KEY, hashes BLOB NOT NULL);
`}

// applicationID marks the file as Huong's ("HUON").
const applicationID = 0x48554f4e

// migrate brings the system tables to this program's version.
func migrate(c *conn, opt Options) error {
	if err := c.run("BEGIN IMMEDIATE"); err != nil {
		return fault(err)
	}
	err := migrateIn(c, opt)
	if err == nil {
		err = c.run("COMMIT")
	}
	if err != nil {
		c.run("ROLLBACK")
	}
	return fault(err)
}

func migrateIn(c *conn, opt Options) error {
	v := make([]driver.Value, 1)
	if _, err := c.first("PRAGMA user_version", nil, v); err != nil {
		return err
	}
	at, _ := v[0].(int64)
	if at > int64(len(migrations)) {
		return problem.New(problem.Conflict, "store-newer")
	}
	if at == int64(len(migrations)) {
		return nil
	}
	for _, m := range migrations[at:] {
		if err := c.run(m); err != nil {
			return err
		}
	}
	if at == 0 {
		var h store.Head
		var err error
		if h.Epoch, err = newEpoch(opt.Random); err != nil {
			return err
		}
		if err := c.exec("INSERT INTO _head VALUES (1, ?, 0, 0, 0, ?)", h.Epoch, store.SealHead(h, &proof.Frontier{})); err != nil {
			return err
		}
		if err := c.run("PRAGMA application_id=" + itoa(applicationID)); err != nil {
			return err
		}
	}
	if at == 1 {
		if err := plant(c, opt); err != nil {
			return err
		}
	}
	return c.run("PRAGMA user_version=" + itoa(int64(len(migrations))))
}

func newEpoch(random io.Reader) (string, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	return hex.EncodeToString(b[:]), nil
}

func itoa(i int64) string { return strconv.FormatInt(i, 10) }
