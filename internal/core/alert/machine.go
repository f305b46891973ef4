package alert

import (
	"math"
	"time"
)

// Judgement says of each severity whether its condition holds (1), is over (-1)
// or neither: within the hysteresis, or nothing known (0).
type Judgement [4]int8

// Latch is one severity of one subject: on or off, and since when the opposite
// has held without a break.
type Latch struct {
	On      bool  `json:"o,omitempty"`
	Since   int64 `json:"s,omitempty"` // event time, µs; 0 = it does not hold
	Arrived int64 `json:"a,omitempty"` // when that was heard of
}

// State is what is known of one rule and subject. Its zero value is rest.
type State struct {
	Latches [4]Latch `json:"l"`
	Event   int64    `json:"e,omitempty"` // of the last observation
	Arrived int64    `json:"a,omitempty"` // when it was heard of
	Value   float64  `json:"v,omitempty"` // that was judged last
	Limit   float64  `json:"t,omitempty"` // threshold of the worst severity that is on
	Episode int64    `json:"n,omitempty"` // place in the log or time of the last raising from rest
	Past    *Past    `json:"p,omitempty"`
}

// Observation is one value that came.
type Observation struct {
	Event   int64   // when it was so, µs
	Arrived int64   // when it was heard of, µs; never decreases from one to the next
	Value   float64 // NaN: nothing to judge, but a sign of life
	Before  float64 // the value that it corrects; NaN for none
	Limits  [4]float64
	Judged  Judgement // OnRecord: by its expressions
}

// Change is what came of an observation or of time passing.
type Change struct {
	From, To Severity
	At       int64 // µs
}

// Severity is the worst severity that is on.
func (s *State) Severity() Severity {
	for level := High; level > None; level-- {
		if s.Latches[level].On {
			return level
		}
	}
	return None
}

// Resting tells that nothing is on or on its way, so that a rule without memory
// may forget the subject.
func (s *State) Resting() bool {
	for _, l := range s.Latches {
		if l.On || l.Since != 0 {
			return false
		}
	}
	return s.Past == nil
}

// Judge holds a value against the thresholds; NaN is no threshold. Between a
// threshold and the same less the hysteresis nothing is said.
func (r *Rule) Judge(v float64, limits [4]float64) (j Judgement) {
	if math.IsNaN(v) {
		return j
	}
	for s := Low; s <= High; s++ {
		at := limits[s]
		if r.LevelOf(s) == nil || math.IsNaN(at) {
			continue
		}
		over := v - at
		if r.Below {
			over = -over
		}
		switch {
		case over >= 0:
			j[s] = 1
		case over < -r.Hysteresis:
			j[s] = -1
		}
	}
	return j
}

// Step takes an observation. Changed is false when the severity stays. What is
// older than the last observation moves memory alone, for it tells nothing of
// now.
func (r *Rule) Step(s *State, o Observation) (c Change, changed bool) {
	before := s.Severity()
	stale := o.Event < s.Event
	j := o.Judged
	switch {
	case r.Kind == Absence:
		if stale {
			return Change{}, false
		}
		j = Judgement{0, -1, -1, -1}
	case r.Kind == OnRecord:
	case r.Kind == Threshold && r.Window > 0, r.Kind == Rate, r.Kind == Seasonal:
		if s.Past == nil {
			s.Past = &Past{}
		}
		var v float64
		v, j = r.remember(s, o, stale)
		if stale {
			return Change{}, false
		}
		o.Value = v
	default:
		if stale {
			return Change{}, false
		}
		j = r.Judge(o.Value, o.Limits)
	}
	s.Event, s.Arrived = o.Event, max(s.Arrived, o.Arrived)
	if !math.IsNaN(o.Value) {
		s.Value = o.Value
	}
	r.latch(s, j, o.Event, o.Arrived)
	return r.changed(s, before, o.Arrived, o.Limits)
}

// latch moves the latches by a judgement at an event time.
func (r *Rule) latch(s *State, j Judgement, event, arrived int64) {
	for level := Low; level <= High; level++ {
		l := &s.Latches[level]
		opposite, delay := j[level] > 0, r.For
		if l.On {
			opposite, delay = j[level] < 0, r.ClearFor
		}
		switch {
		case !opposite:
			l.Since, l.Arrived = 0, 0
			continue
		case l.Since == 0:
			l.Since, l.Arrived = event, arrived
		}
		if event-l.Since >= delay.Microseconds() {
			*l = Latch{On: !l.On}
		}
	}
}

func (r *Rule) changed(s *State, before Severity, at int64, limits [4]float64) (Change, bool) {
	now := s.Severity()
	if now != None {
		s.Limit = finite(limits[now])
	}
	if before == None && now != None {
		s.Episode = at
	}
	return Change{From: before, To: now, At: at}, before != now
}

func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// Due is when Fire has something to do next if nothing comes before, µs; 0 never.
func (r *Rule) Due(s *State) int64 {
	due := int64(math.MaxInt64)
	for level := Low; level <= High; level++ {
		l := &s.Latches[level]
		if l.Since != 0 {
			delay := r.For
			if l.On {
				delay = r.ClearFor
			}
			due = min(due, l.Arrived+delay.Microseconds())
		}
		if v := r.LevelOf(level); r.Kind == Absence && v != nil && !l.On && s.Arrived != 0 {
			due = min(due, s.Arrived+v.Silence.Microseconds())
		}
	}
	if at := r.expires(s); at != 0 {
		due = min(due, at)
	}
	if due == math.MaxInt64 {
		return 0
	}
	return due
}

// Fire lets the time pass until due, which is what Due said. limits are the
// thresholds as they are known now.
func (r *Rule) Fire(s *State, due int64, limits [4]float64) (c Change, changed bool) {
	before := s.Severity()
	if at := r.expires(s); at != 0 && at <= due {
		event := s.Event + (due - s.Arrived)
		v, j := r.forget(s, event, limits)
		s.Value = v
		r.latch(s, j, event, due)
	}
	for level := Low; level <= High; level++ {
		l := &s.Latches[level]
		delay := r.For
		if l.On {
			delay = r.ClearFor
		}
		if l.Since != 0 && l.Arrived+delay.Microseconds() <= due {
			*l = Latch{On: !l.On}
		}
		if v := r.LevelOf(level); r.Kind == Absence && v != nil && !l.On && s.Arrived != 0 && s.Arrived+v.Silence.Microseconds() <= due {
			*l = Latch{On: true}
			s.Value = time.Duration((due - s.Arrived) * 1000).Minutes()
			limits[level] = v.Silence.Minutes()
		}
	}
	return r.changed(s, before, due, limits)
}

// Take sets the state to a severity that is known from elsewhere: who is beyond
// one threshold is beyond the lower ones. What a memory holds stays.
func (r *Rule) Take(s *State, to Severity) {
	for level := Low; level <= High; level++ {
		s.Latches[level] = Latch{On: level == to || level < to && r.Kind != OnRecord && r.LevelOf(level) != nil}
	}
}

// Wait forgets that a delay had begun.
func (s *State) Wait() {
	for level := range s.Latches {
		s.Latches[level].Since, s.Latches[level].Arrived = 0, 0
	}
}
