package demo

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// Options say which city is made.
type Options struct {
	Seed     uint64
	Years    float64 // of history; 2 when 0
	Clock    *Clock
	Log      *slog.Logger
	Progress func(step string, done, total int)
	Reports  Reporting
}

// city is one generated city over a repository whose declarations are those of
// city/hue.
type city struct {
	model
	repo  *repo.Repository
	clock *Clock
	log   *slog.Logger
	start time.Time // where history ends and the feeds begin
	years float64
	live  bool // feeds tell, not the generator of history
	wards []ward
	tell  func(step string, done, total int)

	reporting Reporting
	album     album
}

// commitRows is how many rows the generator puts into one commit.
const commitRows = 5000

func newCity(ctx context.Context, r *repo.Repository, o Options) (*city, error) {
	c := &city{
		model: model{seed: o.Seed, zone: r.Zone()}, repo: r, clock: o.Clock, log: o.Log,
		start: o.Clock.Now().Truncate(time.Minute), years: o.Years, tell: o.Progress, reporting: o.Reports,
	}
	if c.years == 0 {
		c.years = 2
	}
	if c.tell == nil {
		c.tell = func(string, int, int) {}
	}
	var err error
	c.wards, err = wards(ctx, r)
	return c, err
}

// bulk commits what rows emits, in large commits. The rows pass the same checks
// as any other.
func (c *city) bulk(ctx context.Context, dataset string, expect int64, rows func(emit func(*sheet) error, s *sheet) error) error {
	e, err := c.repo.Entry(repo.Internal(), dataset)
	if err != nil {
		return err
	}
	width := e.Table.Width()
	req := &commit.Request{}
	s := newSheet(e)
	reset := func() {
		*req = commit.Request{Header: commit.Header{Actor: "demo", Source: "generator", Reason: "generated history"},
			Changes: make([]commit.Change, 0, commitRows)}
	}
	reset()
	flush := func() error {
		if len(req.Changes) == 0 {
			return nil
		}
		_, err := c.repo.Commit(ctx, repo.Internal(), req)
		reset()
		return err
	}
	err = rows(func(s *sheet) error {
		if s.missing != "" {
			return fmt.Errorf("demo: no field %s", s.missing)
		}
		row := append(make([]value.Value, 0, width), s.row...)
		req.Changes = append(req.Changes, commit.Change{Dataset: dataset, Op: commit.Put, Row: row, Expect: expect})
		if len(req.Changes) < commitRows {
			return nil
		}
		return flush()
	}, s)
	if err != nil {
		return err
	}
	return flush()
}

// History fills the city up to its clock's present, once: a city that has
// history is left as it is. It takes well under a minute for two years.
func History(ctx context.Context, r *repo.Repository, o Options) error {
	c, err := newCity(ctx, r, o)
	if err != nil {
		return err
	}
	if err := c.registers(ctx); err != nil {
		return err
	}
	feeds, err := c.feeds(ctx)
	if err != nil {
		return err
	}
	steps := len(feeds) + 4
	from := c.start.Add(-time.Duration(c.years * 365.25 * 24 * float64(time.Hour)))
	reported := make(chan error, 1) // beside all else: each report is worked out by itself
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { reported <- c.reports(ctx, from) }()
	if err := c.series(ctx, feeds, from, steps); err != nil {
		cancel()
		<-reported
		return err
	}
	c.tell(request.Dataset, steps-1, steps)
	if err := <-reported; err != nil {
		return err
	}
	c.tell("", steps, steps)
	return nil
}

// series fills what is measured and counted, and the incidents.
func (c *city) series(ctx context.Context, feeds []feed, from time.Time, steps int) error {
	for i, f := range feeds {
		c.tell(f.dataset, i, steps)
		if err := c.once(ctx, f.dataset, func(emit func(*sheet) error, s *sheet) error { return c.past(f, from, emit, s) }); err != nil {
			return err
		}
	}
	for i, other := range []struct {
		dataset string
		rows    func(emit func(*sheet) error, s *sheet) error
	}{
		{"notifiable-disease", func(emit func(*sheet) error, s *sheet) error {
			for week := c.monday(from); week.AddDate(0, 0, 10).Before(c.start); week = week.AddDate(0, 0, 7) {
				if err := c.weekly(week, s, emit); err != nil {
					return err
				}
			}
			return nil
		}},
		{"procedure-statistics", func(emit func(*sheet) error, s *sheet) error {
			for month := c.month(from); month.AddDate(0, 1, 3).Before(c.start); month = month.AddDate(0, 1, 0) {
				if err := c.monthly(month, s, emit); err != nil {
					return err
				}
			}
			return nil
		}},
		{"public-order-incident", func(emit func(*sheet) error, s *sheet) error {
			return c.days(from, func(day time.Time) error {
				return c.each(c.incidentsOn(day), s, emit, func(n int64) bool { return c.incident(s, day, n, c.start) })
			})
		}},
	} {
		c.tell(other.dataset, len(feeds)+i, steps)
		if err := c.once(ctx, other.dataset, other.rows); err != nil {
			return err
		}
	}
	return nil
}

// once fills a dataset that has no records.
func (c *city) once(ctx context.Context, dataset string, rows func(emit func(*sheet) error, s *sheet) error) error {
	filled := false
	_, err := c.repo.Read(ctx, repo.Internal(), repo.Query{Dataset: dataset, Limit: 1}, func(repo.Record) error { filled = true; return nil })
	if err != nil || filled {
		return err
	}
	if err := c.bulk(ctx, dataset, commit.AnyVersion, rows); err != nil {
		return fmt.Errorf("demo: %s: %w", dataset, err)
	}
	return nil
}

// lastHour is left to the feeds, which tell it at once: as news, so that the city
// has alerts when somebody first looks.
const lastHour = time.Hour

// past tells a feed's history, site by site within each day, so that a commit
// holds neighbours in time.
func (c *city) past(f feed, from time.Time, emit func(*sheet) error, s *sheet) error {
	until := c.start.Add(-lastHour)
	for day := from.Truncate(24 * time.Hour); day.Before(until); day = day.Add(24 * time.Hour) {
		for _, at := range f.sites {
			for t := day; t.Before(day.Add(24*time.Hour)) && t.Before(until); t = t.Add(f.history) {
				if !c.tells(f, at, t) {
					continue
				}
				f.observe(s.clear(), at, t)
				if err := emit(s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (c *city) each(count int64, s *sheet, emit func(*sheet) error, fill func(n int64) bool) error {
	for n := int64(1); n <= count; n++ {
		if fill(n) {
			if err := emit(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// days calls fn for every local day from a moment to the present.
func (c *city) days(from time.Time, fn func(day time.Time) error) error {
	y, m, d := from.In(c.zone).Date()
	for day := time.Date(y, m, d, 0, 0, 0, 0, c.zone); day.Before(c.start); day = day.AddDate(0, 0, 1) {
		if err := fn(day); err != nil {
			return err
		}
	}
	return nil
}

func (c *city) monday(t time.Time) time.Time {
	y, m, d := t.In(c.zone).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, c.zone)
	return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
}

func (c *city) month(t time.Time) time.Time {
	y, m, _ := t.In(c.zone).Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, c.zone)
}
