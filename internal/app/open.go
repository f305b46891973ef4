// Package app is where the parts meet: configuration, the literal lists of
// followers and faces, the order of starting and stopping. It holds no rules.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // a city's zone must be known on a machine without one

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/postgres"
	"huong.city/huong/internal/store/sqlite"
)

// Where says where the data is: a folder (SQLite) or a PostgreSQL URL.
type Where struct {
	Data     string
	Database string
	Zone     string // IANA zone of the city
	Secret   string // file with the installation's secret; the city's own place when empty
	// ReleaseAbove is the limit of reading personal records in bulk; the
	// repository's own when 0.
	ReleaseAbove int64
}

// Exists tells whether there is a city, without making anything.
func (w Where) Exists(ctx context.Context) (bool, error) {
	if err := w.check(); err != nil {
		return false, err
	}
	if w.Database != "" {
		return postgres.Exists(ctx, w.Database)
	}
	_, err := os.Stat(filepath.Join(w.Data, sqlite.File))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, problem.Wrap(err, problem.Invalid, "file-unreadable", "file", w.Data)
	}
	return true, nil
}

// check refuses a place that is none, or two.
func (w Where) check() error {
	switch {
	case w.Database != "" && w.Data != "":
		return problem.New(problem.Invalid, "data-and-database")
	case w.Database == "" && w.Data == "":
		return problem.New(problem.Invalid, "data-or-database")
	case w.Database != "" && !strings.HasPrefix(w.Database, "postgres://") && !strings.HasPrefix(w.Database, "postgresql://"):
		return problem.New(problem.Invalid, "database-scheme")
	}
	return nil
}

// Driver opens the store, and makes it where there is none.
func (w Where) Driver(ctx context.Context) (store.Driver, error) {
	return w.driver(ctx, slog.New(slog.DiscardHandler))
}

func (w Where) driver(ctx context.Context, log *slog.Logger) (store.Driver, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	next := int64(0)
	upgrading := func(done, total int64) {
		if done >= next || done == total {
			log.Info("the log of an older version gets its hash tree", "done", done, "of", total)
			next = done + upgradeNews
		}
	}
	if w.Database != "" {
		return postgres.Open(ctx, w.Database, postgres.Options{Upgrading: upgrading})
	}
	return sqlite.Open(w.Data, sqlite.Options{Upgrading: upgrading})
}

// upgradeNews is after how many commits an upgrade tells again how far it is.
const upgradeNews = 100_000

// Open opens the store and the repository over it. Closing the repository
// closes both.
func (w Where) Open(ctx context.Context, log *slog.Logger) (*repo.Repository, error) {
	return w.OpenAt(ctx, log, time.Now)
}

// OpenAt is Open with another clock than the wall's.
func (w Where) OpenAt(ctx context.Context, log *slog.Logger, now func() time.Time) (*repo.Repository, error) {
	zone, err := time.LoadLocation(w.Zone)
	if err != nil {
		return nil, problem.Wrap(err, problem.Invalid, "zone-unknown", "zone", w.Zone)
	}
	d, err := w.driver(ctx, log)
	if err != nil {
		return nil, err
	}
	secret, err := w.secret()
	if err != nil {
		d.Close()
		return nil, err
	}
	r, err := repo.Open(ctx, repo.Config{Driver: d, Now: now, Log: log, Zone: zone, Secret: secret, ReleaseAbove: w.ReleaseAbove, Checks: checks()})
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("open the repository: %w", err)
	}
	return r, nil
}

// Restore makes a new city from a backup: in an empty folder or an empty
// database. Its epoch is new, so cursors of before are refused.
func (w Where) Restore(ctx context.Context, backup io.Reader) error {
	if err := w.check(); err != nil {
		return err
	}
	if w.Database != "" {
		return postgres.Restore(ctx, backup, w.Database, postgres.Options{})
	}
	return sqlite.Restore(backup, w.Data, sqlite.Options{})
}
