package sqlite

import (
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

// SaveState implements store.Driver.
func (d *Driver) SaveState(ctx context.Context, owner string, puts []store.StatePut) error {
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
	err := func() error {
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
		return d.w.exec("COMMIT")
	}()
	if err != nil {
		d.w.exec("ROLLBACK")
	}
	return fault(err)
}
