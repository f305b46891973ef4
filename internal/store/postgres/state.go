package postgres

import (
	"context"

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

// SaveState writes all puts in one transaction; a nil Value deletes.
func (d *Driver) SaveState(ctx context.Context, owner string, puts []store.StatePut) error {
	if len(puts) == 0 {
		return nil
	}
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
	for attempt := 0; ; attempt++ {
		err := pgx.BeginFunc(ctx, d.read, func(tx pgx.Tx) error {
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
		})
		if err == nil || !again(err) || attempt == retries {
			return translate(ctx, err)
		}
	}
}
