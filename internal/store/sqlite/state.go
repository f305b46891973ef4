package sqlite

import (
	"bytes"
	"context"
	"database/sql/driver"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// State implements store.Driver.
func (d *Driver) State(ctx context.Context, owner, prefix string, fn func(key string, val []byte) error) error {
	return d.reading(ctx, func(c *conn) error {
		sql, args := "SELECT key,value FROM _state WHERE owner=?", []driver.Value{owner}
		if prefix != "" {
			sql, args = sql+" AND key>=?", append(args, prefix)
			if up := successor(prefix); up != "" {
				sql, args = sql+" AND key<?", append(args, up)
			}
		}
		row := make([]driver.Value, 2)
		return c.each(ctx, sql+" ORDER BY key", args, row, func() error {
			key, _ := row[0].(string)
			val, _ := row[1].([]byte)
			return fn(key, val)
		})
	})
}

// successor is the least text that is above every text with the prefix; empty
// when there is none.
func successor(prefix string) string {
	b := []byte(prefix)
	for len(b) > 0 && b[len(b)-1] == 0xFF {
		b = b[:len(b)-1]
	}
	if len(b) > 0 {
		b[len(b)-1]++
	}
	return string(b)
}

// StateRange implements store.Driver.
func (d *Driver) StateRange(ctx context.Context, owner, from, until string, limit int, fn func(key string, val []byte) error) error {
	return d.reading(ctx, func(c *conn) error {
		sql, args := "SELECT key,value FROM _state WHERE owner=? AND key>=?", []driver.Value{owner, from}
		if until != "" {
			sql, args = sql+" AND key<?", append(args, until)
		}
		sql += " ORDER BY key"
		if limit > 0 {
			sql, args = sql+" LIMIT ?", append(args, int64(limit))
		}
		row := make([]driver.Value, 2)
		return c.each(ctx, sql, args, row, func() error {
			key, _ := row[0].(string)
			val, _ := row[1].([]byte)
			return fn(key, val)
		})
	})
}

// SaveState implements store.Driver.
func (d *Driver) SaveState(ctx context.Context, owner string, puts []store.StatePut) error {
	return d.saving(ctx, func() error { return d.putState(owner, puts) })
}

// SwapState implements store.Driver.
func (d *Driver) SwapState(ctx context.Context, owner, key string, old, new []byte, puts []store.StatePut) error {
	return d.saving(ctx, func() error {
		now, err := d.w.stateOf(owner, key)
		if err != nil {
			return err
		}
		if (now == nil) != (old == nil) || !bytes.Equal(now, old) {
			return store.ErrStateMoved
		}
		if err := d.putState(owner, []store.StatePut{{Key: key, Value: new}}); err != nil {
			return err
		}
		return d.putState(owner, puts)
	})
}

// saving runs fn in a transaction of the writer.
func (d *Driver) saving(ctx context.Context, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return problem.New(problem.Unavailable, "shutting-down")
	}
	if err := d.w.exec("BEGIN IMMEDIATE"); err != nil {
		return fault(err)
	}
	err := fn()
	if err == nil {
		err = d.w.exec("COMMIT")
	}
	if err != nil {
		d.w.exec("ROLLBACK")
	}
	return fault(err)
}

func (d *Driver) putState(owner string, puts []store.StatePut) error {
	for _, p := range puts {
		var err error
		if p.Value == nil {
			err = d.w.exec("DELETE FROM _state WHERE owner=? AND key=?", owner, p.Key)
		} else {
			err = d.w.exec("INSERT INTO _state VALUES (?,?,?) ON CONFLICT(owner,key) DO UPDATE SET value=excluded.value", owner, p.Key, p.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stateOf reads one value; nil when there is none.
func (c *conn) stateOf(owner, key string) ([]byte, error) {
	row := make([]driver.Value, 1)
	found, err := c.first("SELECT value FROM _state WHERE owner=? AND key=?", []driver.Value{owner, key}, row)
	if !found || err != nil {
		return nil, err
	}
	val, _ := row[0].([]byte)
	return append([]byte{}, val...), nil
}
