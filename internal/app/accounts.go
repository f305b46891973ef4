package app

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"huong.city/huong/internal/outgoing"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
)

// Accounts makes the service that knows who is at the door. Sessions and links
// run by the wall clock, whatever clock the city lives by.
// With a nil SignIn passwords and tokens alone let people in.
func Accounts(r *repo.Repository, log *slog.Logger, s *SignIn) (*account.Accounts, error) {
	c := account.Config{Repo: r, Now: time.Now, Random: rand.Reader, Log: log}
	if s != nil {
		c.Origin, c.Provider, c.Client = s.Origin, s.Provider, outgoing.Client(s.Calls)
	}
	return account.New(c)
}

// providerTime bounds one question to the identity provider.
const providerTime = 10 * time.Second

// sweepEvery is how often what is over is deleted.
const sweepEvery = 10 * time.Minute

// sweep deletes ended sessions and links from time to time, until ctx ends.
func sweep(ctx context.Context, a *account.Accounts, log *slog.Logger) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := a.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "ended sessions not deleted", "err", err)
		}
	}
}
