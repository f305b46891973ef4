package postgres

import (
	"context"
	"errors"
	"strconv"

	"github.com/jackc/pgx/v5"

	"huong.city/huong/internal/store"
)

// State streams the private values of an owner whose keys begin with prefix, by key.
func (d *Driver) State(ctx context.Context, owner, prefix string, fn func(key string, val []byte) error) error {
	sql := "SELECT key,value FROM " + d.n.meta + ".state WHERE owner=$1 AND key>=$2"
	args := []any{[]byte(owner), []byte(prefix)}
	if end := after(prefix); end != nil {
		sql += " AND key<$3"
		args = append(args, end)
	}
	return d.stream(ctx, sql+" ORDER BY key", args, func(raw [][]byte) error {
		return fn(string(raw[0]), append([]byte{}, raw[1]...))
	})
}

// after returns the first key that comes after all keys with the prefix, or nil.
func after(prefix string) []byte {
	b := []byte(prefix)
	for len(b) > 0 && b[len(b)-1] == 0xFF {
		b = b[:len(b)-1]
	}
	if len(b) == 0 {
		return nil
	}
	b[len(b)-1]++
	return b
}

// StateRange implements store.Driver.
func (d *Driver) StateRange(ctx context.Context, owner, from, until string, limit int, fn func(key string, val []byte) error) error {
	sql := "SELECT key,value FROM " + d.n.meta + ".state WHERE owner=$1 AND key>=$2"
	args := []any{[]byte(owner), []byte(from)}
	if until != "" {
		sql += " AND key<$3"
		args = append(args, []byte(until))
	}
	sql += " ORDER BY key"
	if limit > 0 {
		sql += " LIMIT " + strconv.Itoa(limit)
	}
	return d.stream(ctx, sql, args, func(raw [][]byte) error {
		return fn(string(raw[0]), append([]byte{}, raw[1]...))
	})
}

// SaveState writes all puts in one transaction; a nil Value deletes.
func (d *Driver) SaveState(ctx context.Context, owner string, puts []store.StatePut) error {
	if len(puts) == 0 {
		return nil
	}
	return d.saving(ctx, func(tx pgx.Tx) error { return d.putState(ctx, tx, owner, puts) })
}

// SwapState implements store.Driver. The statement that replaces the value is
// the comparison as well: whoever comes second waits for the first and then
// finds another value.
func (d *Driver) SwapState(ctx context.Context, owner, key string, old, new []byte, puts []store.StatePut) error {
	table := d.n.meta + ".state"
	sql, args := "", []any{[]byte(owner), []byte(key)}
	switch {
	case old == nil && new == nil:
		sql = "SELECT WHERE NOT EXISTS (SELECT FROM " + table + " WHERE owner=$1 AND key=$2)"
	case old == nil:
		sql = "INSERT INTO " + table + " (owner,key,value) VALUES ($1,$2,$3) ON CONFLICT (owner,key) DO NOTHING"
		args = append(args, new)
	case new == nil:
		sql = "DELETE FROM " + table + " WHERE owner=$1 AND key=$2 AND value=$3"
		args = append(args, old)
	default:
		sql = "UPDATE " + table + " SET value=$4 WHERE owner=$1 AND key=$2 AND value=$3"
		args = append(args, old, new)
	}
	return d.saving(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, args...)
		if err != nil {
			return err
		}
		if tag.RowsAffected() != 1 {
			return store.ErrStateMoved
		}
		return d.putState(ctx, tx, owner, puts)
	})
}

// saving runs fn in a transaction, again after one that others made impossible.
func (d *Driver) saving(ctx context.Context, fn func(pgx.Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := pgx.BeginFunc(ctx, d.read, fn)
		if errors.Is(err, store.ErrStateMoved) {
			return store.ErrStateMoved
		}
		if err == nil || !again(err) || attempt == retries {
			return translate(ctx, err)
		}
	}
}

func (d *Driver) putState(ctx context.Context, tx pgx.Tx, owner string, puts []store.StatePut) error {
	// The last put of a key counts.
	last := make(map[string][]byte, len(puts))
	for _, p := range puts {
		last[p.Key] = p.Value
	}
	var gone, keys, values [][]byte
	for _, k := range sortedKeys(last) { // one order, so that two savers do not lock each other out
		if last[k] == nil {
			gone = append(gone, []byte(k))
		} else {
			keys, values = append(keys, []byte(k)), append(values, last[k])
		}
	}
	if len(gone) > 0 {
		if _, err := tx.Exec(ctx, "DELETE FROM "+d.n.meta+".state WHERE owner=$1 AND key=ANY($2::bytea[])", []byte(owner), gone); err != nil {
			return err
		}
	}
	if len(keys) > 0 {
		_, err := tx.Exec(ctx, "INSERT INTO "+d.n.meta+".state (owner,key,value) SELECT $1::bytea,* FROM unnest($2::bytea[],$3::bytea[]) ON CONFLICT (owner,key) DO UPDATE SET value=excluded.value", []byte(owner), keys, values)
		return err
	}
	return nil
}
