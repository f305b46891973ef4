package workflow

import (
	"maps"
	"slices"
	"time"

	"huong.city/huong/internal/core/problem"
)

// Kinds of events.
const (
	Open   = "open"   // the case begins; Name is the state
	Move   = "move"   // a transition; Name is its name
	Set    = "set"    // facts or the level change, the state does not
	Halt   = "pause"  // the clocks stop; Name is the pause
	Resume = "resume" // the clocks run again
	Fire   = "fire"   // a firing was carried out; Name is its id
)

// Event is one entry of a case's history.
type Event struct {
	Kind    string
	Name    string
	At      time.Time // in the city's zone: days of rules are its days
	Actor   string
	Level   string            // the level that owns the case from now on; "" = as before
	Outcome string            // "" = as before
	Facts   map[string]string // those that change
}

// Case is where a history stands.
type Case struct {
	State   string
	Level   string
	Outcome string
	Opened  time.Time
	Since   time.Time // when State was entered
	Last    time.Time // of the last event
	Facts   map[string]string
	Paused  string // name of the pause that stops the clocks; "" when they run
	Fired   map[string]bool

	runs   []run
	halts  []halt
	counts map[string]int // by transition and by deadline
	moved  map[string]time.Time
}

// run is one time that a case spent under a deadline.
type run struct {
	deadline *Deadline
	number   int
	start    time.Time // of the clock
	segments []segment
	ended    bool
}

// segment is a time in which the facts did not change.
type segment struct {
	from, until time.Time // until is zero while it lasts
	facts       map[string]string
}

// halt is one stop of the clocks; until is zero while it lasts.
type halt struct {
	pause       *Pause
	number      int
	from, until time.Time
}

// Fold replays a history. A history that the workflow does not allow is refused
// with Conflict: workflow-history, whose argument says at which event.
func (w *Workflow) Fold(history []Event) (*Case, error) {
	c := &Case{Facts: map[string]string{}, Fired: map[string]bool{}, counts: map[string]int{}, moved: map[string]time.Time{}}
	for i, e := range history {
		if !w.follow(c, i, e) {
			return nil, problem.New(problem.Conflict, "workflow-history", "event", i+1, "workflow", w.Name)
		}
	}
	return c, nil
}

// follow takes one event up; false when it cannot follow.
func (w *Workflow) follow(c *Case, i int, e Event) bool {
	if (i == 0) != (e.Kind == Open) || e.At.Before(c.Last) || e.Level != "" && w.Rank(e.Level) < 0 {
		return false
	}
	c.Last = e.At
	before := c.State
	switch e.Kind {
	case Open:
		if !slices.Contains(w.Start, e.Name) {
			return false
		}
		c.State, c.Opened, c.Since = e.Name, e.At, e.At
		if len(w.Levels) > 0 {
			c.Level = w.Levels[0]
		}
	case Move:
		t, ok := w.Transition(e.Name)
		if !ok || !slices.Contains(t.From, c.State) {
			return false
		}
		c.State, c.Since = t.To, e.At
		c.counts["move:"+t.Name]++
		c.moved[t.Name] = e.At
		if s, _ := w.State(before); s.Final {
			c.Outcome = "" // what is open again has come to nothing yet
		}
	case Halt:
		p, ok := w.Pause(e.Name)
		if !ok || c.Paused != "" || !slices.Contains(p.States, c.State) {
			return false
		}
		c.Paused = p.Name
		c.halts = append(c.halts, halt{pause: p, number: len(c.halts) + 1, from: e.At})
	case Resume:
		if c.Paused == "" {
			return false
		}
		c.resume(e.At)
	case Fire:
		if c.Fired[e.Name] {
			return false
		}
		c.Fired[e.Name] = true
	case Set:
	default:
		return false
	}
	if e.Outcome != "" {
		c.Outcome = e.Outcome
	}
	if e.Level != "" {
		c.Level = e.Level
	}
	changed := false
	for k, v := range e.Facts {
		changed = changed || c.Facts[k] != v
	}
	if changed {
		facts := maps.Clone(c.Facts)
		maps.Copy(facts, e.Facts)
		c.Facts = facts
	}
	if p, ok := w.Pause(c.Paused); ok && !slices.Contains(p.States, c.State) {
		c.resume(e.At) // a pause does not outlive the states that it belongs to
	}
	w.clocks(c, before, e, changed)
	return true
}

func (c *Case) resume(at time.Time) {
	c.Paused = ""
	c.halts[len(c.halts)-1].until = at
}

// clocks ends, splits and starts the runs of deadlines at an event.
func (w *Workflow) clocks(c *Case, before string, e Event, changed bool) {
	for i := range w.Deadlines {
		d := &w.Deadlines[i]
		inside, was := slices.Contains(d.States, c.State), slices.Contains(d.States, before)
		restart := e.Kind == Move && e.Name == d.Since
		if k := c.running(d); k >= 0 {
			r := &c.runs[k]
			last := &r.segments[len(r.segments)-1]
			switch {
			case !inside || restart:
				last.until, r.ended = e.At, true
			case changed:
				last.until = e.At
				r.segments = append(r.segments, segment{from: e.At, facts: c.Facts})
			}
		}
		if !inside || c.running(d) >= 0 {
			continue
		}
		r := run{deadline: d, start: e.At, segments: []segment{{from: e.At, facts: c.Facts}}}
		switch d.Since {
		case Entered:
			if was {
				continue
			}
			c.counts["run:"+d.Name]++
			r.number = c.counts["run:"+d.Name]
		case Opened:
			r.start, r.number = c.Opened, 1
		default:
			at, ok := c.moved[d.Since]
			if !ok {
				continue
			}
			r.start, r.number = at, c.counts["move:"+d.Since]
		}
		c.runs = append(c.runs, r)
	}
}

func (c *Case) running(d *Deadline) int {
	for i := range c.runs {
		if c.runs[i].deadline == d && !c.runs[i].ended {
			return i
		}
	}
	return -1
}
