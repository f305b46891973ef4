package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net/url"
	"time"

	"github.com/mattn/go-sqlite3"

	"huong.city/huong/internal/core/problem"
)

// maxStatements bounds the prepared statements that a connection keeps.
const maxStatements = 400

// conn is one connection, used by one goroutine at a time.
type conn struct {
	raw   *sqlite3.SQLiteConn
	stmts map[string]*stmt
	exprs evaluators
	begun bool // in a read transaction
}

// stmt is a prepared statement with the room for its arguments.
type stmt struct {
	s    *sqlite3.SQLiteStmt
	args []driver.NamedValue
}

// dial opens path. Settings are those that storage-bench found best: a large
// cache, rare checkpoints, every commit synced.
func dial(path string, cacheKiB int, readOnly bool, pragmas ...string) (*conn, error) {
	u := url.URL{Path: path}
	d := &sqlite3.SQLiteDriver{}
	raw, err := d.Open("file:" + u.EscapedPath() + "?mode=rwc&_busy_timeout=10000")
	if err != nil {
		return nil, err
	}
	c := &conn{raw: raw.(*sqlite3.SQLiteConn), stmts: map[string]*stmt{}}
	if err := c.exprs.register(c.raw); err != nil {
		raw.Close()
		return nil, err
	}
	// What is deleted is overwritten, so that an erasure leaves no bytes behind.
	pragmas = append(pragmas, "PRAGMA foreign_keys=OFF", "PRAGMA secure_delete=ON", "PRAGMA synchronous=FULL", "PRAGMA cache_size=-"+itoa(int64(cacheKiB)))
	if readOnly {
		pragmas = append(pragmas, "PRAGMA query_only=ON")
	}
	for _, p := range pragmas {
		if err := c.run(p); err != nil {
			raw.Close()
			return nil, err
		}
	}
	return c, nil
}

// begin opens a read transaction, once. A read of a single statement needs none.
func (c *conn) begin() error {
	if c.begun {
		return nil
	}
	if err := c.exec("BEGIN"); err != nil {
		return err
	}
	c.begun = true
	return nil
}

func (c *conn) close() error {
	c.forget()
	return c.raw.Close()
}

// forget closes the prepared statements.
func (c *conn) forget() {
	for _, s := range c.stmts {
		s.s.Close()
	}
	clear(c.stmts)
}

// run executes SQL without arguments that is not worth keeping.
func (c *conn) run(sql string) error {
	_, err := c.raw.ExecContext(context.Background(), sql, nil)
	return err
}

// prepare returns the kept statement of the text. Statements are not to be
// prepared while rows are open on the connection by a caller that still steps
// them: the cache may be emptied.
func (c *conn) prepare(sql string) (*stmt, error) {
	if s := c.stmts[sql]; s != nil {
		return s, nil
	}
	if len(c.stmts) >= maxStatements {
		c.forget()
	}
	p, err := c.raw.PrepareContext(context.Background(), sql)
	if err != nil {
		return nil, err
	}
	s := &stmt{s: p.(*sqlite3.SQLiteStmt)}
	c.stmts[sql] = s
	return s, nil
}

// query binds and takes the first step, all in one crossing into C.
func (s *stmt) query(ctx context.Context, args []driver.Value) (driver.Rows, error) {
	s.args = s.args[:0]
	for i, a := range args {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return s.s.QueryContext(ctx, s.args)
}

// exec runs the statement to its end. It goes the way of a query because the
// binding's Exec crosses into C once per argument.
func (s *stmt) exec(args []driver.Value) error {
	rows, err := s.query(context.Background(), args)
	if err != nil {
		return err
	}
	return rows.Close()
}

func (c *conn) exec(sql string, args ...driver.Value) error {
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	return s.exec(args)
}

// each runs a query and calls fn for every row with dest, which is reused.
func (c *conn) each(ctx context.Context, sql string, args []driver.Value, dest []driver.Value, fn func() error) error {
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	rows, err := s.query(ctx, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		if err := rows.Next(dest); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		if err := fn(); err != nil {
			return err
		}
	}
}

// first runs a query that gives at most one row.
func (c *conn) first(sql string, args []driver.Value, dest []driver.Value) (found bool, err error) {
	err = c.each(context.Background(), sql, args, dest, func() error { found = true; return errStop })
	if err == errStop {
		err = nil
	}
	return found, err
}

var errStop = errors.New("sqlite: enough")

// isConstraint tells a broken constraint of the schema.
func isConstraint(err error) bool {
	e, ok := errors.AsType[sqlite3.Error](err)
	return ok && e.Code == sqlite3.ErrConstraint
}

// fault turns an error of the engine into one that may cross the border.
func fault(err error) error {
	if e, ok := errors.AsType[sqlite3.Error](err); ok && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked) {
		p := problem.Wrap(err, problem.Unavailable, "busy")
		p.RetryAfter = time.Second
		return p
	}
	return err
}
