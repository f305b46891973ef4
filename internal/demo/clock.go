package demo

import "time"

// Clock is a city's clock: it starts at a moment of the scenario and runs Speed
// times as fast as the wall clock.
type Clock struct {
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

// Now is the city's time.
func (c *Clock) Now() time.Time {
	return c.start.Add(time.Duration(float64(c.wall().Sub(c.began)) * c.speed))
}
