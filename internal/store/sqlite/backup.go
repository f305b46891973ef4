package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"os"
	"path/filepath"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// backupPages is how many pages are copied between two looks at the context.
const backupPages = 2000

// Backup implements store.Driver: the database as one SQLite file. The copy is
// made beside the database first, from one snapshot, so that a slow w holds
// nothing up; the directory must have room for it.
func (d *Driver) Backup(ctx context.Context, w io.Writer, progress func(done, total int64)) error {
	tmp, err := os.CreateTemp(filepath.Dir(d.path), "backup-*.tmp")
	if err != nil {
		return err
	}
	name := tmp.Name()
	tmp.Close()
	defer func() {
		for _, end := range []string{"", "-journal", "-wal", "-shm"} {
			os.Remove(name + end)
		}
	}()
	if err := d.copyTo(ctx, name, progress); err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, contextReader{ctx, f})
	return err
}

func (d *Driver) copyTo(ctx context.Context, name string, progress func(done, total int64)) error {
	to, err := dial(name, 2<<10, false, "PRAGMA journal_mode=OFF")
	if err != nil {
		return err
	}
	defer to.close()
	return d.reading(ctx, func(c *conn) error {
		if err := c.begin(); err != nil {
			return err
		}
		if _, err := readHead(c); err != nil { // takes the snapshot that the copy is of
			return err
		}
		b, err := to.raw.Backup("main", c.raw, "main")
		if err != nil {
			return err
		}
		for {
			done, err := b.Step(backupPages)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				b.Close()
				return err
			}
			if total := int64(b.PageCount()); progress != nil {
				progress(total-int64(b.Remaining()), total)
			}
			if done {
				return b.Close()
			}
		}
	})
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// Restore makes a database in dir, which must not hold one, from a backup. It
// gets a new epoch, so that cursors into the original are told apart. Errors:
// Conflict when dir holds a database, Invalid when r is not a backup.
func Restore(r io.Reader, dir string, opt Options) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return err
	}
	path := filepath.Join(abs, File)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return problem.New(problem.Conflict, "restore-occupied")
	}
	tmp, err := os.CreateTemp(abs, "restore-*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		for _, end := range []string{"", "-journal", "-wal", "-shm"} {
			os.Remove(tmp.Name() + end)
		}
	}()
	_, err = io.Copy(tmp, r)
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if err := adopt(tmp.Name(), opt); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(abs)
}

// adopt checks a restored file and gives it its epoch.
func adopt(name string, opt Options) error {
	c, err := dial(name, 64<<10, false)
	if err != nil {
		return problem.Wrap(err, problem.Invalid, "backup-unreadable")
	}
	defer c.close()
	one := []driver.Value{nil}
	if _, err := c.first("PRAGMA application_id", nil, one); err != nil || one[0] != driver.Value(int64(applicationID)) {
		return problem.Wrap(err, problem.Invalid, "backup-unreadable")
	}
	if _, err := c.first("PRAGMA quick_check(1)", nil, one); err != nil || one[0] != driver.Value("ok") {
		return problem.Wrap(err, problem.Invalid, "backup-unreadable")
	}
	opt.Random = opt.random()
	if err := migrate(c, opt); err != nil {
		return err
	}
	h, err := readHead(c)
	if err != nil {
		return err
	}
	if !h.sound {
		return problem.Wrap(store.ErrHead, problem.Invalid, "backup-unreadable")
	}
	if h.Epoch, err = newEpoch(opt.Random); err != nil {
		return err
	}
	// Out of the write-ahead log's mode: the one file is then all there is.
	if err := c.run("PRAGMA journal_mode=DELETE"); err != nil {
		return err
	}
	return c.exec("UPDATE _head SET epoch=?, peaks=?", h.Epoch, store.SealHead(h.Head, &h.edge))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
