package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"huong.city/huong/internal/app"
	"huong.city/huong/internal/demo"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/alert"
	"huong.city/huong/internal/service/incident"
)

// demoCommand fills a generated city and keeps it moving.
type demoCommand struct {
	where
	Folder   string  `arg:"" help:"Declarations of the city." default:"city/hue" type:"existingdir"`
	Listen   string  `help:"Address to listen on." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	Speed    float64 `help:"How many times as fast as the wall clock the city lives." default:"1"`
	Scenario string  `help:"now, or flood: the city of 25 October 2025, with the flood before it." enum:"now,flood" default:"now"`
	Years    float64 `help:"Years of history." default:"2"`
	Seed     uint64  `help:"Another seed makes another city." default:"1"`
	Fill     bool    `help:"Fill the history and end."`
}

// Run implements the command.
func (c *demoCommand) Run(s *session) error {
	start := time.Now()
	if c.Scenario == "flood" {
		start = demo.FloodStart()
	}
	clock := demo.NewClock(time.Now, start, c.Speed)
	r, err := c.app().OpenAt(s.ctx, s.log, clock.Now)
	if err != nil {
		return err
	}
	if c.Scenario == "flood" {
		// A flood that was begun goes on where it was.
		if err := clock.Resume(s.ctx, r); err != nil {
			return err
		}
	}
	served := false
	defer func() {
		if !served {
			r.Close(context.WithoutCancel(s.ctx))
		}
	}()
	city, err := app.LoadCity(c.Folder)
	if err != nil {
		return err
	}
	plan, err := r.Plan(s.ctx, repo.Operator(), city.Datasets)
	if err != nil {
		return err
	}
	if _, err := r.Apply(s.ctx, repo.Operator(), plan); err != nil {
		return err
	}
	if _, err := city.ApplyRecords(s.ctx, r, repo.Operator(), false); err != nil {
		return err
	}
	began := time.Now()
	bar := s.progress("history")
	options := demo.Options{Seed: c.Seed, Years: c.Years, Clock: clock, Log: s.log, Progress: func(step string, done, total int) {
		bar.show(int64(done), int64(total), step)
	}}
	options.Reports.Desk, options.Reports.Files = app.RequestDesk(r, s.log)
	err = demo.History(s.ctx, r, options)
	bar.end()
	if err != nil {
		return err
	}
	head, err := r.Head(s.ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "history ready in %.1f s, %d commits\n", time.Since(began).Seconds(), head.Seq)
	if c.Fill {
		return nil
	}
	token, err := c.stewardToken(s, r)
	if err != nil {
		return err
	}
	accounts, err := app.Accounts(r, s.log, app.Localhost(c.Listen))
	if err != nil {
		return err
	}
	if err := demo.Grants(s.ctx, r); err != nil {
		return err
	}
	people, err := demo.People(s.ctx, accounts)
	if err != nil {
		return err
	}
	clerks, err := demo.NewClerks(s.ctx, r, options)
	if err != nil {
		return err
	}
	if err := clerks.Citizens(s.ctx); err != nil {
		return err
	}
	served = true
	return app.Serve(s.ctx, r, app.ServeOptions{
		Listen: c.Listen, Log: s.log, Version: version(), Now: clock.Now, Accounts: accounts,
		Background: func(ctx context.Context) error {
			go clerks.Work(ctx)
			return demo.Feed(ctx, r, options)
		},
		Work: func(ctx context.Context, alerts *alert.Engine, incidents *incident.Desk) {
			demo.NewStaff(r, alerts, incidents, c.Seed, c.Scenario == "now", s.log).Work(ctx)
		},
	}, func(address string) {
		fmt.Fprintf(s.out, "\nready http://%s\n\n", address)
		fmt.Fprintf(s.out, "  Anyone reads what is open. To work, sign in at http://%s/enter as one of\n  these made-up people, each with the password %q:\n\n", address, demo.Password)
		for _, p := range people {
			fmt.Fprintf(s.out, "    %-12s %s\n", p.Account, p.As)
		}
		fmt.Fprintf(s.out, "\n  or paste the access token of a steward of everything:\n\n    %s\n\n", token)
	})
}

// stewardToken returns the demo's token: the one of the last run while it
// holds, else a new one. It stands in a file that only its owner may read.
func (c *demoCommand) stewardToken(s *session, r *repo.Repository) (string, error) {
	file := ""
	if c.Data != "" {
		file = filepath.Join(c.Data, "demo-token")
		if b, err := os.ReadFile(file); err == nil {
			token := strings.TrimSpace(string(b))
			if _, err := r.Authenticate(s.ctx, token); err == nil {
				return token, nil
			}
		}
	}
	token, err := r.CreateToken(s.ctx, repo.Operator(), "demo steward", []string{"*"}, []string{"*"}, "", time.Time{})
	if err != nil || file == "" {
		return token, err
	}
	return token, os.WriteFile(file, []byte(token+"\n"), 0o600)
}
