// Package workflow is what may happen to a case, as a table that people declare:
// states, who may move a case from one to another and with what, how long it may
// stay, who is told and to whom it climbs when it stays longer, and what stops
// the clock. A case is its history: where it stands, what is allowed and what is
// due follow from its events and the time alone. The package reads no clock and
// keeps nothing.
package workflow

import (
	"slices"
	"time"

	"huong.city/huong/internal/core/declare"
)

// Workflow is one declaration, checked. It is immutable.
type Workflow struct {
	Name        string
	Title       declare.Words
	Start       []string // states in which a case may begin
	Levels      []string // who owns a case, lowest first; a missed deadline climbs
	LevelTitles map[string]declare.Words
	States      []State
	Transitions []Transition
	Outcomes    []Outcome
	Deadlines   []Deadline
	Pauses      []Pause
}

// State is where a case can stand.
type State struct {
	Name  string
	Title declare.Words
	Final bool // the case is over; only a reopening leads on
}

// Transition is a step from any of some states to one.
type Transition struct {
	Name     string
	Title    declare.Words
	From     []string
	To       string
	By       []Who
	Require  []string      // fields that the step must bring
	Optional []string      // fields that it may bring
	Outcomes []string      // one of which the step must name; none = the outcome stays as it is
	When     Condition     // on the facts of the case
	Within   time.Duration // since the state was entered; 0 = at any time
}

// Who may do something: an actor with one of the roles (any role when none is
// named) who stands in the relation to the case.
type Who struct {
	Relation string
	Roles    []string
}

// Relations of an actor to a case, as whoever calls finds them out.
const (
	Owner     = "owner"     // acts for the agency that leads
	Party     = "party"     // acts for an agency that takes part, the leading one too
	Level     = "level"     // acts at the level that owns the case now, or above it
	InArea    = "area"      // acts for the area
	Assignee  = "assignee"  // the case is assigned to them
	Requester = "requester" // the case is theirs
	Staff     = "staff"     // anybody at work for the city
)

// Relations lists them.
func Relations() []string {
	return []string{Owner, Party, Level, InArea, Assignee, Requester, Staff}
}

// Outcome is what came of a case, apart from where it stands.
type Outcome struct {
	Name    string
	Title   declare.Words
	Require []string // fields that a step with this outcome must bring
}

// Condition names the allowed values of facts; every fact named must match. The
// empty condition always holds.
type Condition map[string][]string

// Holds tells whether facts satisfy the condition.
func (c Condition) Holds(facts map[string]string) bool {
	for name, allowed := range c {
		if !slices.Contains(allowed, facts[name]) {
			return false
		}
	}
	return true
}

// covers tells whether whatever satisfies d satisfies c.
func (c Condition) covers(d Condition) bool {
	for name, allowed := range c {
		values, ok := d[name]
		if !ok {
			return false
		}
		for _, v := range values {
			if !slices.Contains(allowed, v) {
				return false
			}
		}
	}
	return true
}

// Deadline bounds the time that a case spends in some states.
type Deadline struct {
	Name   string
	Title  declare.Words
	States []string // in which the clock runs
	// Since is where the clock starts: Entered (the states, from outside), Opened
	// (the case), or the name of a transition (its last time).
	Since string
	Rules []Rule // the first that matches holds
}

// Beginnings of a clock that are no transition.
const (
	Entered = "entered"
	Opened  = "opened"
)

// Rule is how long, for which cases.
type Rule struct {
	When        Condition
	From, Until string // days (yyyy-mm-dd) on which the case was opened: from, inclusive, until, exclusive; "" = unbounded
	For         time.Duration
	Working     bool // For counts working time
	// Days tells that For is a term in whole working days: the day on which the
	// clock starts does not count, and the last day counts to its end (Civil Code
	// 91/2015/QH13, Article 147, Clause 2, and Article 148, Clause 6).
	Days     bool
	Remind   []int // percent of For at which who is responsible is reminded
	Escalate []Escalation
	Move     string // transition that the clock itself takes when the time is over; "" = none
}

// Escalation lifts a case to a level when a deadline is missed.
type Escalation struct {
	To    string
	After time.Duration // past the deadline, in the rule's kind of time
}

// Pause is a reason for which the clocks of a case stand still.
type Pause struct {
	Name    string
	Title   declare.Words
	States  []string
	By      []Who
	Cap     time.Duration // over the whole case; then the clocks run on by themselves; 0 = no cap
	Working bool          // Cap counts working time
	Require []string
}

// Clock measures working time; nil functions count every hour.
type Clock struct {
	Add     func(from time.Time, d time.Duration) (time.Time, error)
	Between func(from, until time.Time) (time.Duration, error)
}

func (c Clock) add(from time.Time, d time.Duration, working bool) (time.Time, error) {
	if !working || c.Add == nil {
		return from.Add(d), nil
	}
	return c.Add(from, d)
}

func (c Clock) between(from, until time.Time, working bool) (time.Duration, error) {
	if !working || c.Between == nil {
		return until.Sub(from), nil
	}
	return c.Between(from, until)
}

// State returns the declared state of a name.
func (w *Workflow) State(name string) (State, bool) {
	for _, s := range w.States {
		if s.Name == name {
			return s, true
		}
	}
	return State{}, false
}

// Transition returns the declared transition of a name.
func (w *Workflow) Transition(name string) (*Transition, bool) {
	for i := range w.Transitions {
		if w.Transitions[i].Name == name {
			return &w.Transitions[i], true
		}
	}
	return nil, false
}

// Deadline returns the declared deadline of a name.
func (w *Workflow) Deadline(name string) (*Deadline, bool) {
	for i := range w.Deadlines {
		if w.Deadlines[i].Name == name {
			return &w.Deadlines[i], true
		}
	}
	return nil, false
}

// Pause returns the declared pause of a name.
func (w *Workflow) Pause(name string) (*Pause, bool) {
	for i := range w.Pauses {
		if w.Pauses[i].Name == name {
			return &w.Pauses[i], true
		}
	}
	return nil, false
}

func (w *Workflow) outcome(name string) (Outcome, bool) {
	for _, o := range w.Outcomes {
		if o.Name == name {
			return o, true
		}
	}
	return Outcome{}, false
}

// Rank is the place of a level in the ladder, -1 for an unknown one.
func (w *Workflow) Rank(level string) int { return slices.Index(w.Levels, level) }
