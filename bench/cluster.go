package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"huong.city/huong/internal/store/postgres/pgtest"
)

// clusters lends a throw-away PostgreSQL, durable as in production. pgtest is
// made for tests; this stands in for one.
type clusters struct {
	testing.TB
	cluster  *pgtest.Cluster
	cleanups []func()
}

func newClusters() *clusters {
	return &clusters{cluster: pgtest.New(pgtest.Settings{Durable: true, Options: []string{
		"shared_buffers=2GB", "max_wal_size=4GB", "synchronous_commit=on",
	}})}
}

type noCluster struct{ text string }

func (c *clusters) Helper()                   {}
func (c *clusters) Cleanup(fn func())         { c.cleanups = append(c.cleanups, fn) }
func (c *clusters) Logf(string, ...any)       {}
func (c *clusters) Fatalf(f string, a ...any) { panic(noCluster{fmt.Sprintf(f, a...)}) }
func (c *clusters) Skipf(f string, a ...any)  { panic(noCluster{fmt.Sprintf(f, a...)}) }

// database makes a fresh database.
func (c *clusters) database() (url string, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case noCluster:
			err = errors.New(p.text)
		default:
			panic(p)
		}
	}()
	return c.cluster.Database(c), nil
}

func (c *clusters) stop() { c.cluster.Stop() }

// vacuum brings statistics and the visibility map up to date, as autovacuum
// would have after a while.
func vacuum(ctx context.Context, url string) error {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, "VACUUM (ANALYZE)")
	return errors.Join(err, c.Close(ctx))
}

// drop gives the space of a store back.
func (b *bench) drop(kind, store string) error {
	if kind == "sqlite" {
		return os.RemoveAll(store)
	}
	n := len(b.clusters.cleanups) - 1
	b.clusters.cleanups[n]()
	b.clusters.cleanups = b.clusters.cleanups[:n]
	return nil
}
