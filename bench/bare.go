package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/mattn/go-sqlite3"

	"huong.city/huong/internal/store/sqlite"
)

// bare is a program written for one table alone, by hand, through the driver
// library that Huong uses on that store: the engine without the platform.
type bare interface {
	// insert makes the rows durable in one transaction.
	insert(ctx context.Context, rows []report) error
	// point, page and window are the reads of item 3; they return how many rows
	// they got. They read Huong's own table.
	point(ctx context.Context, key string) (int, error)
	page(ctx context.Context, after string, n int) (int, error)
	window(ctx context.Context, box [4]float64, status string, n int) (int, error)
	close() error
}

// bareSQLite uses the mattn binding without database/sql.
type bareSQLite struct {
	c       *sqlite3.SQLiteConn
	columns []string
	stmts   map[string]*sqlite3.SQLiteStmt
	table   string
	boxed   bool
	next    int64
	args    []driver.NamedValue
}

func openSQLite(file string, pragmas ...string) (*bareSQLite, error) {
	u := url.URL{Path: file}
	raw, err := (&sqlite3.SQLiteDriver{}).Open("file:" + u.EscapedPath() + "?_busy_timeout=10000")
	if err != nil {
		return nil, err
	}
	b := &bareSQLite{c: raw.(*sqlite3.SQLiteConn), stmts: map[string]*sqlite3.SQLiteStmt{}}
	for _, p := range append(pragmas, "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL") {
		if _, err := b.c.ExecContext(context.Background(), p, nil); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// copySQLite makes a database beside Huong's with the same table, indexes and
// R*Tree, and the settings that Huong's writer has.
func copySQLite(dir, dataset string) (*bareSQLite, error) {
	theirs, err := openSQLite(filepath.Join(dir, sqlite.File))
	if err != nil {
		return nil, err
	}
	defer theirs.close()
	file := filepath.Join(dir, "bare-"+dataset+".db")
	if err := os.RemoveAll(file); err != nil {
		return nil, err
	}
	b, err := openSQLite(file, "PRAGMA cache_size=-262144", "PRAGMA wal_autocheckpoint=16000")
	if err != nil {
		return nil, err
	}
	name := strings.ReplaceAll(dataset, "-", "_")
	err = theirs.rows("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND (tbl_name=? OR name=?) ORDER BY type DESC", []driver.Value{name, name + "__box"}, 1, func(v []driver.Value) error {
		sql, _ := v[0].(string)
		_, err := b.c.ExecContext(context.Background(), sql, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	return b, b.describe(name)
}

// readSQLite opens Huong's own table, as one of its readers would.
func readSQLite(dir, dataset string) (*bareSQLite, error) {
	b, err := openSQLite(filepath.Join(dir, sqlite.File), "PRAGMA cache_size=-32768")
	if err != nil {
		return nil, err
	}
	return b, b.describe(strings.ReplaceAll(dataset, "-", "_"))
}

func (b *bareSQLite) describe(table string) error {
	b.table = table
	err := b.rows("SELECT name FROM pragma_table_info(?)", []driver.Value{table}, 1, func(v []driver.Value) error {
		name, _ := v[0].(string)
		b.columns = append(b.columns, name)
		return nil
	})
	if err != nil {
		return err
	}
	if len(b.columns) == 0 {
		return fmt.Errorf("no table %s", table)
	}
	return b.rows("SELECT 1 FROM sqlite_schema WHERE name=?", []driver.Value{table + "__box"}, 1, func([]driver.Value) error {
		b.boxed = true
		return nil
	})
}

func (b *bareSQLite) stmt(sql string) (*sqlite3.SQLiteStmt, error) {
	if s := b.stmts[sql]; s != nil {
		return s, nil
	}
	s, err := b.c.PrepareContext(context.Background(), sql)
	if err != nil {
		return nil, err
	}
	b.stmts[sql] = s.(*sqlite3.SQLiteStmt)
	return b.stmts[sql], nil
}

func (b *bareSQLite) rows(sql string, args []driver.Value, width int, fn func([]driver.Value) error) error {
	s, err := b.stmt(sql)
	if err != nil {
		return err
	}
	b.args = b.args[:0]
	for i, a := range args {
		b.args = append(b.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	rows, err := s.QueryContext(context.Background(), b.args)
	if err != nil {
		return err
	}
	defer rows.Close()
	dest := make([]driver.Value, width)
	for {
		err := rows.Next(dest)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = fn(dest)
		}
		if err != nil {
			return err
		}
	}
}

// run is rows without any. Going the way of a query is what this binding is
// fastest at: Exec crosses into C once per argument.
func (b *bareSQLite) run(sql string, args ...driver.Value) error {
	return b.rows(sql, args, 0, func([]driver.Value) error { return nil })
}

func (b *bareSQLite) insert(_ context.Context, rows []report) error {
	if err := b.run("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	quoted := make([]string, len(b.columns))
	for i, c := range b.columns {
		quoted[i] = `"` + c + `"`
	}
	sql := "INSERT INTO " + b.table + "(" + strings.Join(quoted, ",") + ") VALUES (?" + strings.Repeat(",?", len(quoted)-1) + ")"
	args := make([]driver.Value, len(b.columns))
	for i := range rows {
		r := &rows[i]
		b.next++
		for k, name := range b.columns {
			if name == "_id" {
				args[k] = b.next
				continue
			}
			args[k] = r.bare(name)
		}
		if err := b.run(sql, args...); err != nil {
			return err
		}
		if b.boxed {
			if err := b.run("INSERT INTO "+b.table+"__box VALUES (?,?,?,?,?)", b.next, r.lon, r.lon, r.lat, r.lat); err != nil {
				return err
			}
		}
	}
	return b.run("COMMIT")
}

func (b *bareSQLite) count(sql string, args ...driver.Value) (n int, err error) {
	err = b.rows(sql, args, len(b.columns), func([]driver.Value) error { n++; return nil })
	return n, err
}

func (b *bareSQLite) point(_ context.Context, key string) (int, error) {
	return b.count("SELECT * FROM "+b.table+" WHERE key=?", key)
}

func (b *bareSQLite) page(_ context.Context, after string, n int) (int, error) {
	return b.count("SELECT * FROM "+b.table+" WHERE key>? ORDER BY key LIMIT ?", after, int64(n))
}

func (b *bareSQLite) window(_ context.Context, box [4]float64, status string, n int) (int, error) {
	return b.count("SELECT t.* FROM "+b.table+"__box AS b CROSS JOIN "+b.table+" AS t ON t._id=b.id WHERE b.west<=? AND b.east>=? AND b.south<=? AND b.north>=?"+
		" AND t._x BETWEEN ? AND ? AND t._y BETWEEN ? AND ? AND t.status=? ORDER BY t.observed DESC, t.key LIMIT ?",
		box[2], box[0], box[3], box[1], box[0], box[2], box[1], box[3], status, int64(n))
}

func (b *bareSQLite) close() error {
	for _, s := range b.stmts {
		s.Close()
	}
	return b.c.Close()
}

// barePostgres uses pgx: COPY, or unnest of arrays, whichever is told to.
type barePostgres struct {
	c       *pgx.Conn
	columns []string
	types   []string
	table   string
	unnest  bool
	sql     string
}

func dialPostgres(ctx context.Context, url, schema, dataset string) (*barePostgres, error) {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	name := strings.ReplaceAll(dataset, "-", "_")
	b := &barePostgres{c: c, table: schema + "." + name}
	if schema != "city" {
		for _, sql := range []string{
			"CREATE SCHEMA IF NOT EXISTS " + schema,
			"DROP TABLE IF EXISTS " + b.table,
			"CREATE TABLE " + b.table + " (LIKE city." + name + " INCLUDING ALL)",
		} {
			if _, err := c.Exec(ctx, sql); err != nil {
				return nil, err
			}
		}
	}
	rows, err := c.Query(ctx, "SELECT column_name,data_type FROM information_schema.columns WHERE table_schema=$1 AND table_name=$2 ORDER BY ordinal_position", schema, name)
	if err != nil {
		return nil, err
	}
	var column, kind string
	_, err = pgx.ForEachRow(rows, []any{&column, &kind}, func() error {
		b.columns, b.types = append(b.columns, column), append(b.types, kind)
		return nil
	})
	if err == nil && len(b.columns) == 0 {
		err = fmt.Errorf("no table %s", b.table)
	}
	var params []string
	for i, t := range b.types {
		params = append(params, fmt.Sprintf("$%d::%s[]", i+1, t))
	}
	b.sql = "INSERT INTO " + b.table + " SELECT * FROM unnest(" + strings.Join(params, ",") + ")"
	return b, err
}

func (b *barePostgres) insert(ctx context.Context, rows []report) error {
	tx, err := b.c.Begin(ctx)
	if err != nil {
		return err
	}
	if b.unnest {
		err = b.arrays(ctx, tx, rows)
	} else {
		_, err = tx.CopyFrom(ctx, strings.Split(b.table, "."), b.columns, &reportRows{rows: rows, columns: b.columns, at: -1})
	}
	if err != nil {
		return errors.Join(err, tx.Rollback(ctx))
	}
	return tx.Commit(ctx)
}

type reportRows struct {
	rows    []report
	columns []string
	at      int
	values  []any
}

func (r *reportRows) Next() bool { r.at++; return r.at < len(r.rows) }
func (r *reportRows) Err() error { return nil }
func (r *reportRows) Values() ([]any, error) {
	r.values = r.values[:0]
	for _, c := range r.columns {
		r.values = append(r.values, r.rows[r.at].bare(c))
	}
	return r.values, nil
}

func (b *barePostgres) arrays(ctx context.Context, tx pgx.Tx, rows []report) error {
	args := make([]any, len(b.columns))
	for i, c := range b.columns {
		switch b.types[i] {
		case "bigint":
			args[i] = column[int64](rows, c)
		case "double precision":
			args[i] = column[float64](rows, c)
		default:
			args[i] = column[string](rows, c)
		}
	}
	_, err := tx.Exec(ctx, b.sql, args...)
	return err
}

// column is one column of many rows; nil stands for a column that is not filled.
func column[T any](rows []report, name string) any {
	list := make([]*T, len(rows))
	for i := range rows {
		if v, ok := rows[i].bare(name).(T); ok {
			list[i] = &v
		}
	}
	return list
}

// count reads typed rows, as a program that knows its columns does.
func (b *barePostgres) count(ctx context.Context, sql string, args ...any) (int, error) {
	rows, err := b.c.Query(ctx, "SELECT "+strings.Join(b.columns, ",")+" FROM "+b.table+sql, args...)
	if err != nil {
		return 0, err
	}
	dest := make([]any, len(b.columns))
	for i, t := range b.types {
		switch t {
		case "bigint":
			dest[i] = new(*int64)
		case "double precision":
			dest[i] = new(*float64)
		default:
			dest[i] = new(*string)
		}
	}
	n := 0
	_, err = pgx.ForEachRow(rows, dest, func() error { n++; return nil })
	return n, err
}

func (b *barePostgres) point(ctx context.Context, key string) (int, error) {
	return b.count(ctx, " WHERE key=$1", key)
}

func (b *barePostgres) page(ctx context.Context, after string, n int) (int, error) {
	return b.count(ctx, " WHERE key>$1 ORDER BY key LIMIT $2", after, n)
}

func (b *barePostgres) window(ctx context.Context, box [4]float64, status string, n int) (int, error) {
	return b.count(ctx, " WHERE _x BETWEEN $1 AND $2 AND _y BETWEEN $3 AND $4 AND status=$5 ORDER BY observed DESC, key LIMIT $6",
		box[0], box[2], box[1], box[3], status, n)
}

func (b *barePostgres) close() error { return b.c.Close(context.Background()) }
