package app

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"huong.city/huong/internal/core/privacy"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/request"
)

// requestFiles tells the desk of reports about files.
type requestFiles struct{ *attachment.Keeper }

func (f requestFiles) Describe(ctx context.Context, id string) (request.File, error) {
	x, err := f.Keeper.Describe(ctx, id)
	return request.File{ID: x.ID, Dataset: x.Dataset, Key: x.Key, Name: x.Name, Media: x.Media, Size: x.Size, Width: x.Width, Height: x.Height}, err
}

// openRequestFile decides who may open a file of a report. Whoever holds a receipt
// asks the desk itself.
func openRequestFile(r *repo.Repository) func(context.Context, repo.Principal, attachment.File) error {
	desk := request.New(request.Config{Repo: r, Random: rand.Reader})
	return func(ctx context.Context, p repo.Principal, f attachment.File) error {
		return desk.MayOpen(ctx, p, f.Key, "", f.ID)
	}
}

// personal names what core/privacy finds in a text.
func personal(text string) (kinds []string) {
	for _, s := range privacy.Find(text) {
		kinds = append(kinds, string(s.Kind))
	}
	return kinds
}

// newRequestDesk makes the desk of reports, without its clocks.
func newRequestDesk(r *repo.Repository, log *slog.Logger, working workflow.Clock, files *attachment.Keeper) *request.Desk {
	return request.New(request.Config{Repo: r, Random: rand.Reader, Log: log, Clock: working, Files: requestFiles{files}, Personal: personal})
}

// requestDesk is newRequestDesk with clocks and figures, until stopping ends.
func requestDesk(r *repo.Repository, log *slog.Logger, working workflow.Clock, files *attachment.Keeper, stopping context.Context) (*request.Desk, *request.Figures) {
	desk, figures := newRequestDesk(r, log, working, files), request.NewFigures(r.Zone())
	r.Follow(figures)
	clocks := time.NewTicker(clocksEvery)
	go func() {
		defer clocks.Stop()
		desk.Run(stopping, clocks.C)
	}()
	return desk, figures
}
