package postgres

import (
	"context"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// History streams the versions of one record, newest first. A deletion is not
// stored: it shows as a gap between one version's end and the next one's start.
func (d *Driver) History(ctx context.Context, t *dataset.Table, key []value.Value, fn func(store.Version) error) error {
	if len(key) != len(t.Key) {
		return problem.New(problem.Invalid, "cursor-invalid")
	}
	c := &compiler{n: d.n, t: t, alias: "t."}
	where, err := c.where(store.Query{Table: t, Key: key})
	if err != nil {
		return err
	}
	every := all(t)
	list := strings.Join(wireColumns(t, every, "t."), ",")
	sql := "SELECT " + versionColumn + ",0::bigint AS u," + list + " FROM " + d.n.live(t.Name) + " t" + where +
		" UNION ALL SELECT " + versionColumn + "," + untilColumn + "," + list + " FROM " + d.n.history(t.Name) + " t" + where +
		" ORDER BY 1 DESC"
	kinds := make([]value.Kind, t.Width())
	for i := range kinds {
		kinds[i] = t.Columns[i].Kind
	}
	reader := newRowReader(t.Width(), every, kinds)
	next := int64(0) // where the version after the one at hand begins
	return d.stream(ctx, sql, c.args, func(raw [][]byte) error {
		var v store.Version
		var err error
		if v.Seq, err = int8Of(raw[0]); err != nil {
			return err
		}
		if v.Until, err = int8Of(raw[1]); err != nil {
			return err
		}
		if v.Values, err = reader.read(raw[2:]); err != nil {
			return err
		}
		if v.Until != 0 && v.Until != next {
			if err := fn(store.Version{Seq: v.Until, Until: next}); err != nil {
				return err
			}
		}
		next = v.Seq
		return fn(v)
	})
}
