package workflow

import (
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
)

// Actor is who acts on a case: their roles, and how they stand to it.
type Actor struct {
	Name      string
	Roles     []string
	Relations []string
	System    bool // the clock or the city itself: may take every transition
}

func (a Actor) may(by []Who) bool {
	return a.System || slices.ContainsFunc(by, func(w Who) bool {
		return slices.Contains(a.Relations, w.Relation) && (len(w.Roles) == 0 || meet(w.Roles, a.Roles))
	})
}

// Step is a transition that somebody wants to take.
type Step struct {
	Transition string
	At         time.Time
	Outcome    string
	Fields     map[string]string
}

// Allowed lists the transitions that an actor may take now, in the declared order.
func (w *Workflow) Allowed(c *Case, a Actor, now time.Time) []*Transition {
	var list []*Transition
	for i := range w.Transitions {
		t := &w.Transitions[i]
		if t.follows(c, now) && a.may(t.By) {
			list = append(list, t)
		}
	}
	return list
}

func (t *Transition) follows(c *Case, now time.Time) bool {
	return slices.Contains(t.From, c.State) && t.When.Holds(c.Facts) && (t.Within == 0 || !now.After(c.Since.Add(t.Within)))
}

// Apply checks a step and gives the event that records it. NotFound for a
// transition that is not declared, Conflict when it does not follow from where
// the case stands, Denied when the actor may not take it, Invalid with one
// violation per field that is missing or not known.
func (w *Workflow) Apply(c *Case, a Actor, s Step) (Event, error) {
	t, ok := w.Transition(s.Transition)
	if !ok {
		return Event{}, problem.New(problem.NotFound, "workflow-step-unknown", "workflow", w.Name)
	}
	switch {
	case !t.follows(c, s.At):
		return Event{}, problem.New(problem.Conflict, "workflow-step", "step", t.Name, "state", c.State)
	case !a.may(t.By):
		return Event{}, problem.New(problem.Denied, "workflow-denied", "step", t.Name)
	}
	var vs []problem.Violation
	need := slices.Clone(t.Require)
	outcome := s.Outcome
	if outcome == "" && len(t.Outcomes) == 1 {
		outcome = t.Outcomes[0]
	}
	switch {
	case len(t.Outcomes) > 0 && !slices.Contains(t.Outcomes, outcome):
		vs = append(vs, problem.Violate("workflow-outcome", "outcome", "allowed", strings.Join(t.Outcomes, ", ")))
	case len(t.Outcomes) == 0 && outcome != "":
		vs = append(vs, problem.Violate("workflow-field-unknown", "outcome", "step", t.Name))
	case outcome != "":
		o, _ := w.outcome(outcome)
		need = append(need, o.Require...)
	}
	for _, name := range need {
		if strings.TrimSpace(s.Fields[name]) == "" {
			vs = append(vs, problem.Violate("workflow-field-missing", name, "step", t.Name))
		}
	}
	for name := range s.Fields {
		if !slices.Contains(need, name) && !slices.Contains(t.Optional, name) {
			vs = append(vs, problem.Violate("workflow-field-unknown", name, "step", t.Name))
		}
	}
	slices.SortFunc(vs, func(a, b problem.Violation) int { return strings.Compare(a.Field, b.Field) })
	if err := problem.InvalidWith("workflow-step-invalid", vs, "step", t.Name); err != nil {
		return Event{}, err
	}
	return Event{Kind: Move, Name: t.Name, At: s.At, Actor: a.Name, Outcome: outcome}, nil
}

// Hold checks that an actor may stop the clocks for a reason, and gives the
// event. Errors are those of Apply.
func (w *Workflow) Hold(c *Case, a Actor, s Step) (Event, error) {
	p, ok := w.Pause(s.Transition)
	switch {
	case !ok:
		return Event{}, problem.New(problem.NotFound, "workflow-step-unknown", "workflow", w.Name)
	case c.Paused != "" || !slices.Contains(p.States, c.State):
		return Event{}, problem.New(problem.Conflict, "workflow-step", "step", p.Name, "state", c.State)
	case !a.may(p.By):
		return Event{}, problem.New(problem.Denied, "workflow-denied", "step", p.Name)
	}
	var vs []problem.Violation
	for _, name := range p.Require {
		if strings.TrimSpace(s.Fields[name]) == "" {
			vs = append(vs, problem.Violate("workflow-field-missing", name, "step", p.Name))
		}
	}
	if err := problem.InvalidWith("workflow-step-invalid", vs, "step", p.Name); err != nil {
		return Event{}, err
	}
	return Event{Kind: Halt, Name: p.Name, At: s.At, Actor: a.Name}, nil
}
