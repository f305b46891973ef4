package request

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// clockActor is who takes the steps that time takes.
var clockActor = workflow.Actor{Name: "huong", System: true}

// tickBatch is how many requests one commit of the clock takes up, and tickAtOnce
// how many such commits are under way.
const (
	tickBatch  = 500
	tickAtOnce = 3
)

// Run looks at the clocks at every tick until ctx ends.
func (d *Desk) Run(ctx context.Context, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		if err := d.Tick(ctx); err != nil && ctx.Err() == nil && problem.KindOf(err) != problem.Unavailable {
			d.log.WarnContext(ctx, "clocks of requests not looked at", "err", err)
		}
	}
}

// Tick carries out what time has brought: reminders, missed deadlines, climbing,
// questions that nobody answered, plans whose day has come. Each happens once,
// whoever ticks, how often, and whenever the process is killed: what a firing does
// and the note that it was done are one commit, upon the versions of the requests
// that it follows from. Only what is due is read.
func (d *Desk) Tick(ctx context.Context) error {
	r, err := d.rulesNow()
	if err != nil {
		return err
	}
	now := value.OfInstant(d.repo.Now())
	after := ""
	// One batch is worked out while another is written; no request is in two.
	var wait sync.WaitGroup
	defer wait.Wait()
	failed := make(chan error, 1)
	turn := make(chan struct{}, tickAtOnce)
	for {
		filter := []cql2.Expr{compare("<=", "nextAt", now)}
		if after != "" {
			filter = append(filter, compare(">", "code", value.OfText(after)))
		}
		var due []Request
		q := repo.Query{Dataset: Dataset, Filter: cql2.And(filter...), Sort: []repo.Sort{{Field: "code"}}, Limit: tickBatch}
		_, err := d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
			due = append(due, d.of(rec))
			return nil
		})
		if err != nil {
			return err
		}
		if len(due) == 0 {
			wait.Wait()
			select {
			case err = <-failed:
			default:
			}
			return err
		}
		select {
		case err := <-failed:
			return err
		case turn <- struct{}{}:
		}
		wait.Go(func() {
			defer func() { <-turn }()
			if err := d.tickAll(ctx, r, due); err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
		after = due[len(due)-1].Code
	}
}

// tickAll takes up requests in one commit; where somebody else wrote one of them
// meanwhile, each for itself.
func (d *Desk) tickAll(ctx context.Context, r *rules, due []Request) error {
	timelines, err := d.timelines(ctx, due)
	if err != nil {
		return err
	}
	var list []commit.Change
	sum := sha256.New()
	for i := range due {
		changes, err := d.tickOne(ctx, r, due[i], timelines[due[i].Code])
		if err != nil {
			d.log.WarnContext(ctx, "the clock of a request stands", "request", due[i].Code, "err", err)
			continue
		}
		fmt.Fprintf(sum, "%s\x00%d\x00%d\x00", due[i].Code, due[i].Version, len(changes))
		list = append(list, changes...)
	}
	if len(list) == 0 {
		return nil
	}
	_, err = d.commitBy(ctx, clockActor.Name, "clock", "request-clock/"+hex.EncodeToString(sum.Sum(nil)[:16]), list)
	if err == nil || !retry(err) {
		return err
	}
	if len(due) == 1 {
		return nil // whoever wrote it has settled it, or the next tick will
	}
	for i := range due {
		x, err := d.record(ctx, due[i].Code)
		if err != nil {
			return err
		}
		if x.NextAt.IsZero() || x.NextAt.After(d.now()) {
			continue
		}
		if err := d.tickAll(ctx, r, []Request{x}); err != nil {
			return err
		}
	}
	return nil
}

// timelines reads the entries of many requests at once.
func (d *Desk) timelines(ctx context.Context, of []Request) (map[string][]Entry, error) {
	codes := make([]string, len(of))
	for i := range of {
		codes[i] = of[i].Code
	}
	all := make(map[string][]Entry, len(of))
	q := repo.Query{Dataset: Entries, Filter: oneOf("request", codes), Sort: []repo.Sort{{Field: "request"}, {Field: "number"}}}
	_, err := d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		l := look{rec.Entry, rec.Values, d.repo.Zone()}
		code := l.text("request")
		all[code] = append(all[code], entryOf(l))
		return nil
	})
	return all, err
}

// tickOne gives the changes that time brings to one request; none when nothing is
// due after all and the record says so.
func (d *Desk) tickOne(ctx context.Context, r *rules, x Request, entries []Entry) ([]commit.Change, error) {
	t, err := d.draftOf(r, x, entries)
	if err != nil {
		return nil, err
	}
	if err := t.fire(ctx); err != nil {
		return nil, err
	}
	if len(t.fresh) == 0 {
		before := t.x.NextAt
		if err := t.settle(); err != nil || t.x.NextAt.Equal(before) {
			return nil, err
		}
	}
	return t.changes(ctx)
}

// fire appends what is due.
func (t *draft) fire(ctx context.Context) error {
	w := t.rules.workflow
	me := repo.Internal()
	due, err := w.Timers(t.case_, t.now, t.clock)
	if err != nil {
		return err
	}
	for _, f := range due {
		facts := map[string]string{"kind": f.Kind, "deadline": f.Deadline, "due": f.Due.Format(time.RFC3339)}
		if f.Late {
			facts["late"] = "true"
		}
		e := Entry{Kind: workflow.Fire, Name: f.ID, Facts: facts}
		switch {
		case f.Kind == workflow.Remind:
			facts["percent"] = strconv.Itoa(f.Percent)
			t.add(me, e)
			if !f.Late {
				t.tellOf("remind", t.holds())
			}
		case f.Kind == workflow.Escalate && !f.Late && w.Rank(f.Level) > w.Rank(t.case_.Level):
			e.Level, facts["level"] = f.Level, f.Level
			t.climb(me, f.Level, e)
			if err := t.refold(); err != nil {
				return err
			}
		case f.Kind == workflow.Missed && !f.Late:
			t.add(me, e)
			t.tellOf("missed", t.holds())
		case f.Kind == workflow.Advance && !f.Late:
			t.add(me, e)
			if err := t.take(ctx, f.Transition); err != nil {
				return fmt.Errorf("the clock of %s: %w", t.x.Code, err)
			}
		case f.Kind == workflow.Continue && !f.Late && t.case_.Paused != "":
			t.add(me, e)
			t.event(me, workflow.Event{Kind: workflow.Resume}, Entry{})
			if err := t.refold(); err != nil {
				return err
			}
		default:
			t.add(me, e) // too late to do anything, or the level is that high already: it is noted
		}
	}
	if at := promiseDue(&t.x); !at.IsZero() && !at.After(t.now) && t.case_.State == statePlanned {
		return t.take(ctx, "come-due")
	}
	return nil
}

// take takes a step in the name of the clock.
func (t *draft) take(ctx context.Context, step string) error {
	if err := t.refold(); err != nil {
		return err
	}
	if err := t.step(ctx, repo.Internal(), clockActor, Act{Do: step}); err != nil {
		return err
	}
	return t.refold()
}

// holds is who must act now: the desk while it has not sent the request on.
func (t *draft) holds() string {
	switch t.case_.State {
	case stateReceived, "verified", "disputed":
		return t.desk()
	}
	return t.handler()
}
