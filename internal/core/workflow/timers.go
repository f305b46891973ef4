package workflow

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Kinds of firings.
const (
	Remind   = "remind"
	Missed   = "missed"
	Escalate = "escalate"
	Advance  = "move"   // the clock takes a transition
	Continue = "resume" // a pause has reached its cap
)

// Firing is something that time brings about. Its id is the same whenever and
// wherever it is computed: carried out under it, and noted in the history as a
// Fire event of that name, it happens once.
type Firing struct {
	ID         string
	Kind       string
	Deadline   string // "" for Continue
	Percent    int    // of Remind
	Level      string // of Escalate
	Transition string // of Advance
	At         time.Time
	Due        time.Time // the deadline itself
	// Late tells that the case had left the states of the deadline before the
	// firing was carried out: it is to be noted, and nothing else to be done.
	Late bool
}

// Timers lists what is due by now and not noted in the history, the earliest
// first. The list depends on the history and on now alone, so that of ticks and
// restarts in whatever order the same firings come.
func (w *Workflow) Timers(c *Case, now time.Time, clock Clock) ([]Firing, error) {
	all, err := w.firings(c, clock)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(f Firing) bool { return f.At.After(now) || c.Fired[f.ID] }), nil
}

// Next is when the next firing comes if nothing happens before; zero when none will.
func (w *Workflow) Next(c *Case, clock Clock) (time.Time, error) {
	all, err := w.firings(c, clock)
	if err != nil {
		return time.Time{}, err
	}
	for _, f := range all {
		if !c.Fired[f.ID] {
			return f.At, nil
		}
	}
	return time.Time{}, nil
}

// Coming is Timers and Next in one look: what is due by now and not noted, and when
// the first firing after it comes once that is noted; zero when none will.
func (w *Workflow) Coming(c *Case, now time.Time, clock Clock) (due []Firing, next time.Time, err error) {
	all, err := w.firings(c, clock)
	if err != nil {
		return nil, time.Time{}, err
	}
	for _, f := range all {
		switch {
		case c.Fired[f.ID]:
		case !f.At.After(now):
			due = append(due, f)
		case next.IsZero():
			next = f.At
		}
	}
	return due, next, nil
}

// Running is a deadline whose clock runs, or stands in a pause.
type Running struct {
	Deadline *Deadline
	Rule     *Rule
	Start    time.Time
	Due      time.Time // zero while a pause without a cap lasts
	Paused   bool
}

// Running lists the deadlines that hold now, the next one first.
func (w *Workflow) Running(c *Case, clock Clock) ([]Running, error) {
	var list []Running
	for i := range c.runs {
		r := &c.runs[i]
		if r.ended {
			continue
		}
		rule := r.rule(c, r.segments[len(r.segments)-1].facts)
		if rule == nil {
			continue
		}
		due, _, err := r.ends(c, rule, rule.For, clock)
		if err != nil {
			return nil, err
		}
		list = append(list, Running{Deadline: r.deadline, Rule: rule, Start: r.start, Due: due, Paused: c.Paused != ""})
	}
	slices.SortStableFunc(list, func(a, b Running) int {
		if a.Due.IsZero() != b.Due.IsZero() {
			return cmp.Compare(b.Due.Unix(), a.Due.Unix())
		}
		return a.Due.Compare(b.Due)
	})
	return list, nil
}

// rule is the first rule of the run's deadline that facts match.
func (r *run) rule(c *Case, facts map[string]string) *Rule {
	day := c.Opened.Format("2006-01-02")
	for i := range r.deadline.Rules {
		rule := &r.deadline.Rules[i]
		if (rule.From == "" || rule.From <= day) && (rule.Until == "" || day < rule.Until) && rule.When.Holds(facts) {
			return rule
		}
	}
	return nil
}

// Ended tells how a deadline that no longer runs was kept.
type Ended struct {
	Deadline *Deadline
	Number   int
	Start    time.Time
	Due      time.Time
	End      time.Time // zero while it runs
	Met      bool
}

// Kept lists every run of every deadline, in the order in which they began: for
// each the moment that the rule in force at its end set, and whether the case
// left in time. Of runs that still go on, Met means that it is not too late.
func (w *Workflow) Kept(c *Case, now time.Time, clock Clock) ([]Ended, error) {
	var list []Ended
	for i := range c.runs {
		r := &c.runs[i]
		last := r.segments[len(r.segments)-1]
		rule := r.rule(c, last.facts)
		if rule == nil {
			continue
		}
		due, _, err := r.ends(c, rule, rule.For, clock)
		if err != nil {
			return nil, err
		}
		end := last.until
		if end.IsZero() {
			end = now
		}
		list = append(list, Ended{Deadline: r.deadline, Number: r.number, Start: r.start, Due: due, End: last.until, Met: due.IsZero() || !end.After(due)})
	}
	return list, nil
}

// firings lists every firing that the history brings about if nothing more
// happens, the earliest first.
func (w *Workflow) firings(c *Case, clock Clock) ([]Firing, error) {
	byID := map[string]Firing{}
	take := func(f Firing) {
		if before, ok := byID[f.ID]; !ok || f.At.Before(before.At) {
			byID[f.ID] = f
		}
	}
	for i := range c.runs {
		r := &c.runs[i]
		for _, s := range r.segments {
			rule := r.rule(c, s.facts)
			if rule == nil {
				continue
			}
			if err := c.fire(r, s, rule, clock, take); err != nil {
				return nil, err
			}
		}
	}
	for _, h := range c.halts {
		end, capped, err := c.capEnd(h, clock)
		if err != nil {
			return nil, err
		}
		if capped && (h.until.IsZero() || h.until.After(end)) {
			take(Firing{ID: fmt.Sprintf("pause/%d/cap", h.number), Kind: Continue, At: end, Due: end, Late: !h.until.IsZero()})
		}
	}
	list := make([]Firing, 0, len(byID))
	for _, f := range byID {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b Firing) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(rankOf(a.Kind), rankOf(b.Kind)), cmp.Compare(w.Rank(a.Level), w.Rank(b.Level)), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// rankOf orders firings of one moment: a warning before the miss, the miss
// before what follows from it.
func rankOf(kind string) int {
	return slices.Index([]string{Remind, Missed, Escalate, Advance, Continue}, kind)
}

// fire gives the firings of one rule that fall into a segment, or before it:
// what a rule that begins to hold would have brought already, it brings at once.
func (c *Case) fire(r *run, s segment, rule *Rule, clock Clock, take func(Firing)) error {
	due, ok, err := r.ends(c, rule, rule.For, clock)
	if err != nil {
		return err
	}
	put := func(id, kind string, at time.Time, f Firing) {
		if at.Before(s.from) {
			at = s.from
		}
		if !s.until.IsZero() && !at.Before(s.until) {
			return
		}
		f.ID, f.Kind, f.At, f.Due, f.Deadline, f.Late = r.deadline.Name+"/"+strconv.Itoa(r.number)+"/"+id, kind, at, due, r.deadline.Name, r.ended
		take(f)
	}
	for _, percent := range rule.Remind {
		at, ok, err := c.due(r.begin(c, rule), rule.For*time.Duration(percent)/100, rule.Working, clock)
		if err != nil {
			return err
		}
		if ok {
			put(strconv.Itoa(percent), Remind, at, Firing{Percent: percent})
		}
	}
	if !ok {
		return nil
	}
	put("missed", Missed, due, Firing{})
	for _, e := range rule.Escalate {
		at, ok, err := r.ends(c, rule, rule.For+e.After, clock)
		if err != nil {
			return err
		}
		if ok {
			put("escalate-"+e.To, Escalate, at, Firing{Level: e.To})
		}
	}
	if rule.Move != "" {
		put("move", Advance, due, Firing{Transition: rule.Move})
	}
	return nil
}

// ends is when d of a rule's time has passed in a run. What ends with a term in
// whole days ends in the last second of its day: the moment then bears the date
// that people are told.
func (r *run) ends(c *Case, rule *Rule, d time.Duration, clock Clock) (time.Time, bool, error) {
	at, ok, err := c.due(r.begin(c, rule), d, rule.Working, clock)
	if ok && rule.Days {
		at = nextDay(at.In(c.Opened.Location())).Add(-time.Second)
	}
	return at, ok, err
}

// begin is from when on a rule's time counts: the first day of a term in whole
// days does not.
func (r *run) begin(c *Case, rule *Rule) time.Time {
	if rule.Days {
		return nextDay(r.start.In(c.Opened.Location()))
	}
	return r.start
}

func nextDay(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, t.Location())
}

// due is when d has passed since start, pauses left out; false while a pause
// without a cap keeps it from ever coming.
func (c *Case) due(start time.Time, d time.Duration, working bool, clock Clock) (time.Time, bool, error) {
	at := start
	for _, h := range c.halts {
		end, capped, err := c.capEnd(h, clock)
		if err != nil {
			return time.Time{}, false, err
		}
		if !h.until.IsZero() && (!capped || h.until.Before(end)) {
			end = h.until
		} else if !capped {
			end = time.Time{}
		}
		if !end.IsZero() && !end.After(at) {
			continue
		}
		from := h.from
		if from.Before(at) {
			from = at
		}
		passed, err := clock.between(at, from, working)
		if err != nil {
			return time.Time{}, false, err
		}
		if passed >= d {
			break
		}
		if end.IsZero() {
			return time.Time{}, false, nil
		}
		d -= passed
		at = end
	}
	due, err := clock.add(at, d, working)
	return due, err == nil, err
}

// capEnd is when a pause reaches its cap, by what earlier pauses of its kind
// have used; false for a pause without one.
func (c *Case) capEnd(h halt, clock Clock) (time.Time, bool, error) {
	left := h.pause.Cap
	if left == 0 {
		return time.Time{}, false, nil
	}
	for _, before := range c.halts {
		if before.number >= h.number || before.pause != h.pause {
			continue
		}
		used, err := clock.between(before.from, before.until, h.pause.Working)
		if err != nil {
			return time.Time{}, false, err
		}
		left = max(0, left-used)
	}
	if left == 0 {
		return h.from, true, nil
	}
	end, err := clock.add(h.from, left, h.pause.Working)
	return end, true, err
}
