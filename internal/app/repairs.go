package app

import (
	"context"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/ingest"
)

// repairs shows the quarantine of service/ingest to the pages.
type repairs struct{ repo *repo.Repository }

// Correct implements ui.Repairs.
func (q repairs) Correct(ctx context.Context, p repo.Principal, id string, cells map[string]string) error {
	done, err := ingest.Correct(ctx, q.repo, p, id, cells, nil)
	if err == nil && done.Replayed == 0 {
		err = problem.New(problem.Invalid, "quarantine-still")
	}
	return err
}

// Replay implements ui.Repairs.
func (q repairs) Replay(ctx context.Context, p repo.Principal, dataset, rule string, progress func(accepted, stayed int64)) error {
	s := ingest.Selection{Dataset: dataset, Progress: func(done ingest.Replayed) { progress(done.Replayed, done.Open) }}
	if rule != "" {
		s.Filter = &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: "rule", Column: -1}, &cql2.Lit{Value: value.OfText(rule)}}}
	}
	_, err := ingest.Replay(ctx, q.repo, p, s)
	return err
}

// Dismiss implements ui.Repairs.
func (q repairs) Dismiss(ctx context.Context, p repo.Principal, id, note string) error {
	return ingest.Dismiss(ctx, q.repo, p, id, note)
}
