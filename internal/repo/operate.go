package repo

import (
	"context"
	"io"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/store"
)

// Verify reads the log with its tree, tables, history and the newest signed
// checkpoint, and reports every disagreement to fn.
func (r *Repository) Verify(ctx context.Context, p Principal, progress func(done, total int64), fn func(store.Fault) error) (store.VerifyReport, error) {
	if !p.Admin {
		return store.VerifyReport{}, problem.New(problem.Denied, "denied", "action", "verify", "dataset", SystemDataset)
	}
	c, err := r.refresh(ctx)
	if err != nil {
		return store.VerifyReport{}, err
	}
	var tables []*dataset.Table
	for _, name := range c.names {
		tables = append(tables, c.entries[name].Table)
	}
	report, err := r.driver.Verify(ctx, tables, progress, fn)
	if err != nil {
		return report, err
	}
	faults, err := r.verifyAttested(ctx, fn)
	report.Faults += faults
	return report, err
}

// Backup writes a consistent copy of everything while writes go on.
func (r *Repository) Backup(ctx context.Context, p Principal, w io.Writer, progress func(done, total int64)) error {
	if !p.Admin {
		return problem.New(problem.Denied, "denied", "action", "backup", "dataset", SystemDataset)
	}
	return r.driver.Backup(ctx, w, progress)
}

// ForgetFollower deletes what a follower that is not running here has derived,
// so that it reads the log from its start when it runs again.
func (r *Repository) ForgetFollower(ctx context.Context, p Principal, name string) error {
	if !p.Admin {
		return problem.New(problem.Denied, "denied", "action", "rebuild", "dataset", SystemDataset)
	}
	owner := followerOwner(name)
	_, raw, err := r.cursorOf(ctx, owner)
	if err != nil {
		return err
	}
	if raw == nil {
		return problem.New(problem.NotFound, "not-found", "what", name)
	}
	return r.forget(ctx, owner)
}
