package app

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/alert"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/incident"
	"huong.city/huong/internal/service/request"
)

// incidentFiles tells the desk of incidents about files.
type incidentFiles struct{ *attachment.Keeper }

func (f incidentFiles) Describe(ctx context.Context, id string) (incident.File, error) {
	x, err := f.Keeper.Describe(ctx, id)
	return incident.File{ID: x.ID, Dataset: x.Dataset, Key: x.Key, Name: x.Name, Media: x.Media, Size: x.Size, Width: x.Width, Height: x.Height}, err
}

// clocksEvery is how often the clocks of incidents are looked at, by the wall
// clock: a city that lives faster is looked at no later than one minute of its
// own at 60 times the speed.
const clocksEvery = time.Second

// worst tells the extremes of what alerts watch, as the desk of incidents asks.
func worst(engine func() *alert.Engine) func(context.Context, repo.Principal, []string, time.Time, time.Time) ([]incident.Extreme, error) {
	return func(ctx context.Context, p repo.Principal, ids []string, from, until time.Time) (list []incident.Extreme, err error) {
		all, err := engine().Extremes(ctx, p, ids, from, until)
		for _, x := range all {
			list = append(list, incident.Extreme{Alert: x.Alert, TitleVi: x.TitleVi, TitleEn: x.TitleEn, Value: x.Value, Unit: x.Unit, At: x.At})
		}
		return list, err
	}
}

// newIncidents makes the desk of incidents and the keeper of their files, without
// their clocks.
func newIncidents(r *repo.Repository, log *slog.Logger, working workflow.Clock, engine func() *alert.Engine) (*incident.Desk, *attachment.Keeper) {
	files := attachment.New(attachment.Config{Repo: r, Random: rand.Reader, MayAttach: map[string]func(repo.Principal) bool{
		repo.SystemIncident: incident.Handles, request.Dataset: request.Handles},
		MayOpen: map[string]func(context.Context, repo.Principal, attachment.File) error{request.Dataset: openRequestFile(r)}, Ahead: []string{request.Dataset}})
	desk := incident.New(incident.Config{Repo: r, Random: rand.Reader, Log: log, Clock: working, Files: incidentFiles{files}, Extremes: worst(engine)})
	return desk, files
}

// incidents is newIncidents with clocks, until stopping ends.
func incidents(r *repo.Repository, log *slog.Logger, working workflow.Clock, engine func() *alert.Engine, stopping context.Context) (*incident.Desk, *attachment.Keeper) {
	desk, files := newIncidents(r, log, working, engine)
	clocks, sweeps := time.NewTicker(clocksEvery), time.NewTicker(sweepEvery)
	go func() {
		defer clocks.Stop()
		desk.Run(stopping, clocks.C)
	}()
	go func() {
		defer sweeps.Stop()
		for {
			select {
			case <-stopping.Done():
				return
			case <-sweeps.C:
			}
			if err := files.Sweep(stopping); err != nil && stopping.Err() == nil {
				log.WarnContext(stopping, "unfinished uploads not deleted", "err", err)
			}
		}
	}()
	return desk, files
}
