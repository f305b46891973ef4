package app

import (
	"crypto/rand"
	"log/slog"

	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/request"
)

// RequestDesk is the desk of reports of a city with the keeper of its files, for who
// works with them beside the server: no clocks run, and nothing is learned.
func RequestDesk(r *repo.Repository, log *slog.Logger) (*request.Desk, *attachment.Keeper) {
	working := workingTime(r)
	_, files := newIncidents(r, log, working, nil)
	return request.New(request.Config{Repo: r, Random: rand.Reader, Log: log, Clock: working, Files: requestFiles{files}, Personal: personal}), files
}
