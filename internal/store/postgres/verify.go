package postgres

import (
	"context"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/store"
	"io"
)

func (d *Driver) Verify(ctx context.Context, tables []*dataset.Table, progress func(done, total int64), fn func(store.Fault) error) (store.VerifyReport, error) {
	return store.VerifyReport{}, nil
}
func (d *Driver) Backup(ctx context.Context, w io.Writer, progress func(done, total int64)) error {
	return nil
}
func Restore(ctx context.Context, r io.Reader, url string, o Options) error { return nil }
