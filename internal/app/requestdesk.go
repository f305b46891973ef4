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
	"huong.city/huong/internal/service/pattern"
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

// newRequestDesk makes the desk of reports, without its clocks and what it learns.
func newRequestDesk(r *repo.Repository, log *slog.Logger, working workflow.Clock, files *attachment.Keeper) *request.Desk {
	return request.New(deskConfig(r, log, working, files))
}

func deskConfig(r *repo.Repository, log *slog.Logger, working workflow.Clock, files *attachment.Keeper) request.Config {
	return request.Config{Repo: r, Random: rand.Reader, Log: log, Clock: working, Files: requestFiles{files}, Personal: personal}
}

// learned is what is made of the city's reports for who decides.
type learned struct {
	figures  *request.Figures
	learner  *request.Learner
	patterns *pattern.Follower
}

// How often it is looked whether a model is to be trained, patterns to be drawn and
// months to be written.
const (
	learnsEvery = time.Minute
	drawsEvery  = 30 * time.Second
	monthsEvery = time.Minute
)

// requestDesk is newRequestDesk with clocks and what follows the reports, until
// stopping ends.
func requestDesk(r *repo.Repository, log *slog.Logger, working workflow.Clock, files *attachment.Keeper, stopping context.Context) (*request.Desk, learned) {
	l := learned{figures: request.NewFigures(r.Zone()), learner: request.NewLearner(r, log)}
	c := deskConfig(r, log, working, files)
	c.Suggest, c.Habits, c.Queues = l.learner.Suggest, l.learner.Habits, request.NewQueues(r.Zone())
	desk := request.New(c)
	l.patterns = pattern.New(pattern.Config{Zone: r.Zone(), Now: r.Now, Group: groupOf(desk), Area: func(ctx context.Context, lon, lat float64) (string, bool) {
		code, ok, err := r.AreaAt(ctx, lon, lat)
		return code, ok && err == nil
	}})
	for _, f := range []repo.Follower{l.figures, l.learner, l.patterns, c.Queues} {
		r.Follow(f)
	}
	edition := request.NewEdition(r, l.figures, log)
	ticking(stopping, clocksEvery, desk.Run)
	ticking(stopping, learnsEvery, l.learner.Run)
	ticking(stopping, drawsEvery, l.patterns.Run)
	ticking(stopping, monthsEvery, edition.Run)
	return desk, l
}

// ticking runs something with ticks, until stopping ends.
func ticking(stopping context.Context, every time.Duration, run func(context.Context, <-chan time.Time)) {
	t := time.NewTicker(every)
	go func() {
		defer t.Stop()
		run(stopping, t.C)
	}()
}

// groupOf tells the group of a category, and whether its reports are private.
func groupOf(desk *request.Desk) func(string) (string, bool) {
	return func(category string) (string, bool) {
		c, err := desk.Catalogue()
		if err != nil {
			return "", true
		}
		x, ok := c.Category(category)
		if !ok {
			return "", false
		}
		return x.Group, x.Private
	}
}
