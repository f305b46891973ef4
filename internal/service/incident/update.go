package incident

import (
	"context"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// attempts bounds how often an addition is made again because others wrote first.
const attempts = 8

// draft is an incident while a change of it is made.
type draft struct {
	d       *Desk
	rules   *rules
	x       Incident
	entries []Entry
	case_   *workflow.Case
	now     time.Time
	fresh   []Entry  // appended
	notices []notice // whom to tell
	book    *workflow.Playbook
}

// begin reads an incident whole, beyond what its reader may see.
func (d *Desk) begin(ctx context.Context, id string) (*draft, error) {
	r, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	x, err := d.Get(ctx, repo.Internal(), id)
	if err != nil {
		return nil, err
	}
	t := &draft{d: d, rules: r, x: x, now: d.now(), book: d.Playbook(x.Playbook)}
	if t.entries, err = d.timeline(ctx, id); err != nil {
		return nil, err
	}
	if t.case_, err = d.fold(r.workflow, t.entries); err != nil {
		return nil, err
	}
	if t.now.Before(t.case_.Last) {
		t.now = t.case_.Last // a clock that was set back does not turn the order of entries round
	}
	return t, nil
}

// add appends an entry at the draft's time.
func (t *draft) add(p repo.Principal, e Entry) {
	t.x.Entries++
	e.Number, e.At, e.By, e.ByAgency = t.x.Entries, t.now, p.Name, p.Agency
	t.entries, t.fresh = append(t.entries, e), append(t.fresh, e)
}

// event appends a workflow's event as an entry.
func (t *draft) event(p repo.Principal, e workflow.Event, n Entry) {
	n.Kind, n.Name = e.Kind, e.Name
	if e.Outcome != "" {
		n.Outcome = e.Outcome
	}
	if e.Level != "" {
		n.Level = e.Level
	}
	t.add(p, n)
}

// settle derives the record from the timeline.
func (t *draft) settle() error {
	w := t.rules.workflow
	c, err := t.d.fold(w, t.entries)
	if err != nil {
		return err
	}
	t.case_ = c
	x := &t.x
	x.State, x.Level, x.Outcome, x.UpdatedAt = c.State, c.Level, c.Outcome, t.now
	state, _ := w.State(c.State)
	x.Over = state.Final
	if s := c.Facts["severity"]; s != "" {
		x.Severity = s
	}
	x.AcknowledgedAt, x.ResolvedAt, x.ClosedAt, x.Missed, x.Alerts = time.Time{}, time.Time{}, time.Time{}, 0, 0
	for _, e := range t.entries {
		switch {
		case e.Kind == workflow.Move && x.AcknowledgedAt.IsZero():
			x.AcknowledgedAt = e.At // whatever the first step, somebody has taken it up
		case e.Kind == workflow.Fire && e.Facts["kind"] == workflow.Missed:
			x.Missed++
		case e.Kind == AlertOf:
			x.Alerts++
		}
		if e.Kind != workflow.Move {
			continue
		}
		switch m, _ := w.Transition(e.Name); m.To {
		case "resolved":
			x.ResolvedAt = e.At
		case "closed":
			x.ClosedAt = e.At
		default:
			x.ResolvedAt, x.ClosedAt = time.Time{}, time.Time{}
		}
	}
	x.Deadline, x.DueAt = "", time.Time{}
	running, err := w.Running(c, t.d.clock)
	if err != nil {
		return err
	}
	if len(running) > 0 {
		x.Deadline, x.DueAt = running[0].Deadline.Name, running[0].Due
	}
	if x.NextAt, err = w.Next(c, t.d.clock); err != nil {
		return err
	}
	if _, next := linesDue(checklist(t.book, c, t.entries), c, x.Over, t.now); !next.IsZero() && (x.NextAt.IsZero() || next.Before(x.NextAt)) {
		x.NextAt = next
	}
	return nil
}

// changes are what the draft writes.
func (t *draft) changes() ([]commit.Change, error) {
	if err := t.settle(); err != nil {
		return nil, err
	}
	record, err := t.d.put(&t.x)
	if err != nil {
		return nil, err
	}
	list := []commit.Change{record}
	for i := range t.fresh {
		ch, err := t.d.putEntry(&t.x, &t.fresh[i])
		if err != nil {
			return nil, err
		}
		list = append(list, ch)
	}
	told, err := t.d.tell(&t.x, t.now, t.notices)
	return append(list, told...), err
}

// change makes one change of an incident in the name of p, who must see it. A
// version that is not 0 must be the current one: Stale otherwise. Without one
// the change is made again upon what others wrote meanwhile.
func (d *Desk) change(ctx context.Context, p repo.Principal, id string, version int64, reason string, make func(t *draft) error) (Incident, error) {
	if _, err := d.Get(ctx, p, id); err != nil {
		return Incident{}, err
	}
	if !duty(p) {
		return Incident{}, problem.New(problem.Denied, "incident-staff")
	}
	for range attempts {
		t, err := d.begin(ctx, id)
		if err != nil {
			return Incident{}, err
		}
		if version != 0 && version != t.x.Version {
			return Incident{}, problem.New(problem.Stale, "incident-stale")
		}
		if err := make(t); err != nil {
			return Incident{}, err
		}
		if len(t.fresh) == 0 {
			return t.x, nil
		}
		list, err := t.changes()
		if err != nil {
			return Incident{}, err
		}
		receipt, err := d.commitAs(ctx, p, reason, "", list)
		switch {
		case err == nil:
			t.x.Version = receipt.Seq
			return t.x, nil
		case problem.KindOf(err) != problem.Stale && problem.KindOf(err) != problem.Conflict:
			return Incident{}, err
		case version != 0:
			return Incident{}, problem.New(problem.Stale, "incident-stale")
		}
	}
	return Incident{}, problem.New(problem.Unavailable, "busy")
}
