package attachment

import (
	"context"
	"encoding/json"
	"slices"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// Erase destroys files of records: what is known of them, and their content where no
// other file has the same. It checks nobody's rights, and passes over what is gone.
func (k *Keeper) Erase(ctx context.Context, ids ...string) error {
	var gone []store.StatePut
	alone := map[string]bool{} // digests that none but these have
	for _, id := range ids {
		f, _, err := k.read(ctx, id)
		if problem.KindOf(err) == problem.NotFound && err != nil {
			continue
		}
		if err != nil {
			return err
		}
		gone = append(gone, store.StatePut{Key: metaKey(id)})
		for n := int64(0); n*piece < f.Size; n++ {
			gone = append(gone, store.StatePut{Key: partKey(id, n)})
		}
		if f.Digest != "" {
			alone[f.Digest] = true
		}
	}
	if len(gone) == 0 {
		return nil
	}
	err := k.state.Each(ctx, "file/", func(_ string, b []byte) error {
		var o File
		if json.Unmarshal(b, &o) == nil && !slices.Contains(ids, o.ID) {
			delete(alone, o.Digest)
		}
		return nil
	})
	for digest := range alone {
		if err == nil {
			err = k.state.Each(ctx, "blob/"+digest+"/", func(key string, _ []byte) error {
				gone = append(gone, store.StatePut{Key: key})
				return nil
			})
		}
	}
	if err != nil {
		return err
	}
	return k.state.Put(ctx, gone...)
}
