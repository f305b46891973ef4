package incident

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// clockActor is who takes the steps that time takes.
var clockActor = workflow.Actor{Name: "huong", System: true}

// Run looks at the clocks at every tick until ctx ends.
func (d *Desk) Run(ctx context.Context, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		if err := d.Tick(ctx); err != nil && ctx.Err() == nil && problem.KindOf(err) != problem.Unavailable {
			d.log.WarnContext(ctx, "clocks of incidents not looked at", "err", err)
		}
	}
}

// Tick carries out what time has brought: reminders, missed deadlines, climbing
// to the next level, checklists that are late. Each happens once, whoever ticks,
// how often, and whenever the process is killed: what a firing does and the note
// that it was done are one commit, upon the version of the incident that it
// follows from.
func (d *Desk) Tick(ctx context.Context) error {
	after := ""
	for {
		var ids []string
		filter := []cql2.Expr{compare("<=", "nextAt", value.OfInstant(d.repo.Now()))}
		if after != "" {
			filter = append(filter, compare(">", "id", value.OfText(after)))
		}
		q := repo.Query{Dataset: repo.SystemIncident, Filter: cql2.And(filter...), Sort: []repo.Sort{{Field: "id"}}, Limit: 500}
		_, err := d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
			ids = append(ids, d.of(rec).ID)
			return nil
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err := d.tickOne(ctx, id); err != nil {
				return err
			}
		}
		after = ids[len(ids)-1]
	}
}

func (d *Desk) tickOne(ctx context.Context, id string) error {
	for range attempts {
		t, err := d.begin(ctx, id)
		if err != nil {
			return err
		}
		version := t.x.Version
		if err := t.fire(); err != nil {
			return err
		}
		if len(t.fresh) == 0 {
			// nothing is due after all, but the record says so: put it right
			before := t.x.NextAt
			if err := t.settle(); err != nil {
				return err
			}
			if t.x.NextAt.Equal(before) {
				return nil
			}
		}
		list, err := t.changes()
		if err != nil {
			return err
		}
		var names []string
		for _, e := range t.fresh {
			names = append(names, e.Name)
		}
		sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
		key := "incident/" + id + "/" + strconv.FormatInt(version, 10) + "/" + hex.EncodeToString(sum[:8])
		_, err = d.commitAs(ctx, repo.Internal(), "clock", key, list)
		if err == nil {
			return nil
		}
		if problem.KindOf(err) != problem.Stale && problem.KindOf(err) != problem.Conflict {
			return err
		}
	}
	return problem.New(problem.Unavailable, "busy")
}

// fire appends what is due.
func (t *draft) fire() error {
	w := t.rules.workflow
	me := repo.Internal()
	due, err := w.Timers(t.case_, t.now, t.d.clock)
	if err != nil {
		return err
	}
	for _, f := range due {
		facts := map[string]string{"kind": f.Kind, "deadline": f.Deadline, "due": f.Due.Format(time.RFC3339)}
		if f.Late {
			facts["late"] = "true"
		}
		e := Entry{Kind: workflow.Fire, Name: f.ID, Facts: facts}
		responsible := to{agency: t.x.Agency}
		if t.x.Assignee != "" {
			responsible = to{account: t.x.Assignee}
		}
		switch {
		case f.Kind == workflow.Remind:
			facts["percent"] = strconv.Itoa(f.Percent)
			t.add(me, e)
			if !f.Late {
				t.tellOf("remind", f.Deadline, responsible)
			}
		case f.Kind == workflow.Escalate && !f.Late && w.Rank(f.Level) > w.Rank(t.x.Level):
			e.Level, facts["level"] = f.Level, f.Level
			t.climb(me, f.Level, e)
		case f.Kind == workflow.Missed && !f.Late:
			t.add(me, e)
			t.tellOf("missed", f.Deadline, responsible, to{agency: t.x.Agency})
		case f.Kind == workflow.Advance && !f.Late:
			t.add(me, e)
			c, err := t.d.fold(w, t.entries)
			if err != nil {
				return err
			}
			move, err := w.Apply(c, clockActor, workflow.Step{Transition: f.Transition, At: t.now})
			if err != nil {
				return fmt.Errorf("the clock of %s: %w", t.x.ID, err)
			}
			t.event(me, move, Entry{})
		case f.Kind == workflow.Continue && !f.Late && t.case_.Paused != "":
			t.add(me, e)
			t.event(me, workflow.Event{Kind: workflow.Resume}, Entry{})
		default:
			t.add(me, e) // too late to do anything, or the level is that high already: it is noted
		}
	}
	lines, _ := linesDue(checklist(t.book, t.case_, t.entries), t.case_, t.x.Over, t.now)
	for _, l := range lines {
		facts := map[string]string{"kind": "line", "line": l.Name, "due": l.Due.At.Format(time.RFC3339)}
		if l.Done {
			facts["late"] = "true"
		}
		t.add(me, Entry{Kind: workflow.Fire, Name: l.firing(), Facts: facts, Text: l.Title.In("vi"), TextEn: l.Title.In("en")})
		if !l.Done {
			t.tellOf("line", l.Name, to{agency: t.x.Agency})
		}
	}
	return nil
}
