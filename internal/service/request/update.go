package request

import (
	"context"
	"slices"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// draft is a request while a change of it is made.
type draft struct {
	d       *Desk
	rules   *rules
	x       Request
	entries []Entry
	case_   *workflow.Case
	now     time.Time
	clock   workflow.Clock
	fresh   []Entry  // appended
	notices []notice // whom to tell
	also    []commit.Change
	came    map[string]time.Time // when an import came to its states, where that is known
}

// begin reads a request whole, beyond what its reader may see.
func (d *Desk) begin(ctx context.Context, code string) (*draft, error) {
	r, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	x, err := d.record(ctx, code)
	if err != nil {
		return nil, err
	}
	entries, err := d.timeline(ctx, code)
	if err != nil {
		return nil, err
	}
	return d.draftOf(r, x, entries)
}

func (d *Desk) draftOf(r *rules, x Request, entries []Entry) (*draft, error) {
	t := &draft{d: d, rules: r, x: x, entries: entries, now: d.now(), clock: remembering(d.clock)}
	if len(entries) == 0 { // whoever wrote the record knew of no timelines
		t.adopt()
	}
	var err error
	if t.case_, err = d.fold(r.workflow, t.entries); err != nil {
		return nil, err
	}
	if t.now.Before(t.case_.Last) {
		t.now = t.case_.Last // a clock that was set back does not turn the order of entries round
	}
	return t, nil
}

// record reads a request as the desk itself.
func (d *Desk) record(ctx context.Context, code string) (Request, error) {
	rec, err := d.repo.Get(ctx, repo.Internal(), Dataset, []value.Value{value.OfText(Tidy(code))}, 0)
	if err != nil {
		if problem.KindOf(err) == problem.NotFound {
			return Request{}, unknown()
		}
		return Request{}, err
	}
	return d.of(rec), nil
}

func unknown() error { return problem.New(problem.NotFound, "request-unknown") }

// timeline reads the entries of a request in their order.
func (d *Desk) timeline(ctx context.Context, code string) (list []Entry, err error) {
	q := repo.Query{Dataset: Entries, Filter: oneOf("request", []string{code}), Sort: []repo.Sort{{Field: "number"}}}
	_, err = d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		list = append(list, entryOf(look{rec.Entry, rec.Values, d.repo.Zone()}))
		return nil
	})
	return list, err
}

func (d *Desk) fold(w *workflow.Workflow, entries []Entry) (*workflow.Case, error) {
	var history []workflow.Event
	for i := range entries {
		history = entries[i].events(history, d.repo.Zone())
	}
	return w.Fold(history)
}

// add appends an entry at the draft's time.
func (t *draft) add(p repo.Principal, e Entry) {
	t.x.Entries++
	e.Number, e.At = t.x.Entries, t.now
	if duty(p) {
		e.By, e.ByAgency = p.Name, p.Agency
	}
	if e.Visibility == "" {
		e.Visibility = ToStaff
	}
	if c, ok := t.rules.category(t.x.Category); ok && c.Never() && e.Visibility == ToPublic {
		e.Visibility = ToReporter
	}
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

// set appends a change of facts.
func (t *draft) set(p repo.Principal, name, visibility, text string, kv ...string) {
	facts := map[string]string{}
	for i := 0; i+1 < len(kv); i += 2 {
		facts[kv[i]] = kv[i+1]
	}
	t.event(p, workflow.Event{Kind: workflow.Set, Name: name}, Entry{Facts: facts, Text: text, Visibility: visibility})
}

// refold brings the case up to the entries that were added.
func (t *draft) refold() error {
	c, err := t.d.fold(t.rules.workflow, t.entries)
	if err == nil {
		t.case_ = c
	}
	return err
}

// settle derives the record from the timeline.
func (t *draft) settle() error {
	if err := t.refold(); err != nil {
		return err
	}
	t.x.UpdatedAt = t.now
	return t.d.derive(t.rules.workflow, &t.x, t.case_, t.entries, t.now, t.clock)
}

// derive sets what of a record follows from its timeline, and nothing else.
func (d *Desk) derive(w *workflow.Workflow, x *Request, c *workflow.Case, entries []Entry, now time.Time, clock workflow.Clock) error {
	x.Status, x.Level, x.Outcome, x.OpenedAt = c.State, c.Level, c.Outcome, c.Opened
	x.AnsweredAt, x.ClosedAt, x.PlannedAt, x.RatedAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	x.Answer, x.Assignee, x.Agency, x.Rule, x.Parent = "", "", "", "", ""
	x.Rating, x.Reopened, x.Missed, x.Entries = 0, 0, 0, int64(len(entries))
	x.Photos, x.AfterPhotos, x.Published = nil, nil, false
	var promised time.Time // of an import
	imported := false
	for i := range entries {
		e := &entries[i]
		to := ""
		if e.Kind == workflow.Move {
			if m, ok := w.Transition(e.Name); ok {
				to = m.To
			}
		}
		x.take(e, to)
		if e.Kind == workflow.Open {
			imported = e.Facts["imported"] == "true"
			promised, _ = time.Parse(time.RFC3339Nano, e.Facts["due"])
		}
		if s, _ := w.State(to); s.Final {
			x.ClosedAt = e.At
		} else if to != "" {
			x.ClosedAt = time.Time{}
		}
	}
	if c.State != statePlanned {
		x.PlannedAt = time.Time{}
	}
	if c.State != stateMerged {
		x.Parent = ""
	}
	x.Deadline, x.DueAt, x.NextAt = "", time.Time{}, time.Time{}
	kept, err := w.Kept(c, now, clock)
	if err != nil {
		return err
	}
	for _, k := range kept {
		if k.Deadline.Name == "answer" {
			x.DueAt = k.Due
		}
	}
	if !promised.IsZero() && x.Reopened == 0 {
		x.DueAt = promised.In(d.repo.Zone())
	}
	running, err := w.Running(c, clock)
	if err != nil {
		return err
	}
	if len(running) > 0 {
		x.Deadline = running[0].Deadline.Name
	}
	if s, _ := w.State(c.State); s.Final && imported {
		return nil // history: nobody is reminded of it
	}
	if x.NextAt, err = w.Next(c, clock); err != nil {
		return err
	}
	if at := promiseDue(x); !at.IsZero() && (x.NextAt.IsZero() || at.Before(x.NextAt)) {
		x.NextAt = at
	}
	return nil
}

// remembering counts each term once: the questions that one change asks of the
// workflow are about the same few.
func remembering(c workflow.Clock) workflow.Clock {
	if c.Add == nil {
		return c
	}
	type term struct {
		from int64
		d    time.Duration
	}
	known := map[term]time.Time{}
	add := c.Add
	c.Add = func(from time.Time, d time.Duration) (time.Time, error) {
		k := term{from.UnixNano(), d}
		if at, ok := known[k]; ok {
			return at, nil
		}
		at, err := add(from, d)
		if err == nil {
			known[k] = at
		}
		return at, err
	}
	return c
}

// promiseDue is when a plan brings its request back; zero while there is none.
func promiseDue(x *Request) time.Time {
	if x.Status == statePlanned {
		return x.PlannedAt
	}
	return time.Time{}
}

// changes are what the draft writes.
func (t *draft) changes(ctx context.Context) ([]commit.Change, error) {
	if err := t.settle(); err != nil {
		return nil, err
	}
	record, err := t.d.put(t.rules, &t.x)
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
	list = append(list, t.also...)
	told, err := t.d.tell(ctx, t)
	return append(list, told...), err
}

// change makes one change of a request in the name of p, whose rights the caller
// has checked. A version that is not 0 must be the one that was looked at: Stale
// request-stale where somebody has decided something since. Reminders, followers
// and photos that came meanwhile are no such thing.
func (d *Desk) change(ctx context.Context, p repo.Principal, code string, a Act, make func(t *draft) error) (Request, error) {
	version, once := a.Version, onceOf(a.Key)
	for range attempts {
		t, err := d.begin(ctx, code)
		if err != nil {
			return Request{}, err
		}
		if once != "" && slices.ContainsFunc(t.entries, func(e Entry) bool { return e.Ref == once }) {
			return t.x, nil
		}
		if version != 0 && version != t.x.Version {
			moved, err := d.movedSince(ctx, t, version)
			if err != nil {
				return Request{}, err
			}
			if moved {
				return Request{}, problem.New(problem.Stale, "request-stale")
			}
		}
		if err := make(t); err != nil {
			return Request{}, err
		}
		if len(t.fresh) == 0 && len(t.also) == 0 {
			return t.x, nil
		}
		if once != "" {
			t.mark(once)
		}
		list, err := t.changes(ctx)
		if err != nil {
			return Request{}, err
		}
		receipt, err := d.commitBy(ctx, nameOf(p), a.Do, "", list)
		switch {
		case err == nil:
			t.x.Version = receipt.Seq
			return t.x, nil
		case !retry(err):
			return Request{}, err
		}
	}
	return Request{}, problem.New(problem.Unavailable, "busy")
}

// onceOf is how the timeline knows what was done by a key.
func onceOf(key string) string {
	if key == "" {
		return ""
	}
	sum := digest("act", key)
	return "once-" + letters(sum[:], 24)
}

// mark notes by which key the draft's entries were made.
func (t *draft) mark(once string) {
	for _, list := range [][]Entry{t.fresh, t.entries[len(t.entries)-len(t.fresh):]} {
		for i := range list {
			if list[i].Ref == "" {
				list[i].Ref = once
				break
			}
		}
	}
}

// movedSince tells whether anything was decided about a request after a version.
func (d *Desk) movedSince(ctx context.Context, t *draft, version int64) (bool, error) {
	rec, err := d.repo.Get(ctx, repo.Internal(), Dataset, []value.Value{value.OfText(t.x.Code)}, version)
	if err != nil {
		if problem.KindOf(err) == problem.NotFound || problem.KindOf(err) == problem.Invalid {
			return true, nil
		}
		return false, err
	}
	old := d.of(rec)
	if old.Version != version {
		return true, nil // it never stood at that version
	}
	return slices.ContainsFunc(t.entries, func(e Entry) bool {
		return e.Number > old.Entries && (e.Kind != workflow.Fire || e.Level != "") && e.Kind != Photo
	}), nil
}
