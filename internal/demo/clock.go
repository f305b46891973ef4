package demo

import (
	"context"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/repo"
)

// Clock is a city's clock: it starts at a moment of the scenario and runs Speed
// times as fast as the wall clock. It is safe for concurrent use.
type Clock struct {
	mu    sync.Mutex
	wall  func() time.Time
	began time.Time
	start time.Time
	speed float64
}

// NewClock starts a clock at start. At speed 1 from the present it is the wall
// clock.
func NewClock(wall func() time.Time, start time.Time, speed float64) *Clock {
	return &Clock{wall: wall, began: wall(), start: start, speed: speed}
}

// Resume moves the clock on to the last commit of a city that has lived beyond
// its start already: no city's time runs backwards.
func (c *Clock) Resume(ctx context.Context, r *repo.Repository) error {
	h, err := r.Head(ctx)
	if err != nil {
		return err
	}
	return r.Log(ctx, repo.Internal(), repo.LogQuery{After: max(h.Seq-1, 0), Limit: 1}, func(e *commit.Entry) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if at := time.UnixMicro(e.At); at.After(c.start) {
			c.began, c.start = c.wall(), at
		}
		return nil
	})
}

// Now is the city's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start.Add(time.Duration(float64(c.wall().Sub(c.began)) * c.speed))
}
