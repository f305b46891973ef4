// Package app is where the parts meet: configuration, the literal lists of
// followers and faces, the order of starting and stopping. It holds no rules.
package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
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
}

// Driver opens the store.
func (w Where) Driver(ctx context.Context) (store.Driver, error) {
	switch {
	case w.Database != "" && w.Data != "":
		return nil, problem.New(problem.Invalid, "data-and-database")
	case strings.HasPrefix(w.Database, "postgres://"), strings.HasPrefix(w.Database, "postgresql://"):
		return postgres.Open(ctx, w.Database, postgres.Options{})
	case w.Database != "":
		return nil, problem.New(problem.Invalid, "database-scheme")
	case w.Data == "":
		return nil, problem.New(problem.Invalid, "data-or-database")
	}
	return sqlite.Open(w.Data, sqlite.Options{})
}

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
	d, err := w.Driver(ctx)
	if err != nil {
		return nil, err
	}
	r, err := repo.Open(ctx, repo.Config{Driver: d, Now: now, Log: log, Zone: zone})
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("open the repository: %w", err)
	}
	return r, nil
}

// Restore makes a new city from a backup: in an empty folder or an empty
// database. Its epoch is new, so cursors of before are refused.
func (w Where) Restore(ctx context.Context, backup io.Reader) error {
	if w.Database != "" {
		return postgres.Restore(ctx, backup, w.Database, postgres.Options{})
	}
	if w.Data == "" {
		return problem.New(problem.Invalid, "data-or-database")
	}
	return sqlite.Restore(backup, w.Data, sqlite.Options{})
}
