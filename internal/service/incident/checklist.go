package incident

import (
	"slices"
	"time"

	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// Due is until when a line of the checklist is to be done; zero = no time is set.
type Due struct {
	At     time.Time
	Missed bool // done after it; of lines that are not done, see Late
}

// Late tells whether the line is or was not done in time.
func (l *Line) Late(now time.Time) bool {
	if l.Due.At.IsZero() {
		return false
	}
	if l.Done {
		return l.Due.Missed
	}
	return now.After(l.Due.At)
}

// checklist says where each line of a playbook stands by the timeline.
func checklist(p *workflow.Playbook, c *workflow.Case, entries []Entry) []Line {
	if p == nil {
		return nil
	}
	list := make([]Line, len(p.Steps))
	for i, s := range p.Steps {
		list[i].PlaybookStep = s
		if s.Within > 0 {
			list[i].Due.At = c.Opened.Add(s.Within)
		}
	}
	for _, e := range entries {
		if e.Kind != Check {
			continue
		}
		for i := range list {
			if l := &list[i]; l.Name == e.Name {
				l.Done, l.By, l.At = e.Facts["done"] == "true", e.By, e
				l.Due.Missed = l.Done && !l.Due.At.IsZero() && e.At.After(l.Due.At)
			}
		}
	}
	return list
}

// firing is the stable name of a line's missed time.
func (l *Line) firing() string { return "step/" + l.Name + "/missed" }

// linesDue lists the lines whose time has passed and is not noted, and when the
// next one's will; only while the incident is not over.
func linesDue(lines []Line, c *workflow.Case, over bool, now time.Time) (due []Line, next time.Time) {
	if over {
		return nil, next
	}
	for _, l := range lines {
		if l.Due.At.IsZero() || l.Done && !l.Due.Missed || c.Fired[l.firing()] {
			continue
		}
		if !l.Due.At.After(now) {
			due = append(due, l)
		}
		if next.IsZero() || l.Due.At.Before(next) {
			next = l.Due.At
		}
	}
	return due, next
}

func mayTick(p repo.Principal, x *Incident, s *workflow.PlaybookStep) bool {
	a := actor(p, x)
	if a.System {
		return true
	}
	if !slices.Contains(a.Relations, workflow.Party) && !slices.Contains(a.Relations, workflow.InArea) {
		return false
	}
	return len(s.Roles) == 0 || slices.ContainsFunc(s.Roles, func(r string) bool { return slices.Contains(p.Roles, r) })
}
