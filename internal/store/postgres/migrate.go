package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema to this program's version, in one transaction under
// a table lock, so that servers that start together do it once.
func (d *Driver) migrate(ctx context.Context, conn *pgx.Conn, epoch string) error {
	for attempt := 0; ; attempt++ {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return d.migrateIn(ctx, tx, epoch) })
		// IF NOT EXISTS is not atomic: of two servers one may lose, and then finds it done.
		var pg *pgconn.PgError
		if attempt < 5 && errors.As(err, &pg) && (pg.Code == "23505" || pg.Code == "42P06" || pg.Code == "42P07" || pg.Code == "42710") {
			continue
		}
		return err
	}
}

func (d *Driver) migrateIn(ctx context.Context, tx pgx.Tx, epoch string) error {
	n := d.n
	var encoding string
	if err := tx.QueryRow(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return problem.New(problem.Invalid, "database-encoding", "encoding", encoding)
	}
	if err := ensureSpatial(ctx, tx); err != nil {
		return err
	}
	for _, sql := range []string{
		"CREATE SCHEMA IF NOT EXISTS " + n.meta,
		"CREATE SCHEMA IF NOT EXISTS " + n.city,
		"CREATE TABLE IF NOT EXISTS " + n.meta + ".migration (version int PRIMARY KEY)",
		"LOCK TABLE " + n.meta + ".migration IN ACCESS EXCLUSIVE MODE",
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	var at int
	if err := tx.QueryRow(ctx, "SELECT coalesce(max(version),0) FROM "+n.meta+".migration").Scan(&at); err != nil {
		return err
	}
	steps, err := migrationSteps(n)
	if err != nil {
		return err
	}
	if at > len(steps) {
		return problem.New(problem.Invalid, "store-newer")
	}
	for v := at; v < len(steps); v++ {
		if _, err := tx.Exec(ctx, steps[v]); err != nil {
			return fmt.Errorf("migration %d: %w", v+1, err)
		}
		if _, err := tx.Exec(ctx, "INSERT INTO "+n.meta+".migration VALUES ($1)", v+1); err != nil {
			return err
		}
	}
	var h store.Head
	h.Epoch = epoch
	if _, err = tx.Exec(ctx, "INSERT INTO "+n.meta+".head (epoch,seq,at,catalog,peaks) VALUES ($1,0,0,0,$2) ON CONFLICT DO NOTHING", epoch, store.SealHead(h, &proof.Frontier{})); err != nil {
		return err
	}
	if at > 0 && at < treeSince {
		return d.plant(ctx, tx)
	}
	return nil
}

// ensureSpatial sees to PostGIS, which only a privileged role may install.
func ensureSpatial(ctx context.Context, tx pgx.Tx) error {
	var there bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_extension WHERE extname='postgis')").Scan(&there); err != nil || there {
		return err
	}
	_, err := tx.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS postgis")
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code != "23505" && pg.Code != "42710" {
		return problem.Wrap(err, problem.Invalid, "database-without-postgis")
	}
	return err
}

// migrationSteps reads the embedded SQL, in the order of its numbers.
func migrationSteps(n names) ([]string, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	fold := foldSQL()
	var steps []string
	for i, f := range files {
		number, _, _ := strings.Cut(strings.TrimPrefix(f, "migrations/"), "_")
		if v, err := strconv.Atoi(number); err != nil || v != i+1 {
			return nil, fmt.Errorf("migration %s is out of turn", f)
		}
		b, err := migrations.ReadFile(f)
		if err != nil {
			return nil, err
		}
		sql := string(b)
		for hole, text := range fold {
			sql = strings.ReplaceAll(sql, hole, text)
		}
		steps = append(steps, strings.ReplaceAll(sql, "huong.", n.meta+"."))
	}
	return steps, nil
}
