package request

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// ticking gathers what one commit of the clock writes.
type ticking struct {
	d       *Desk
	r       *rules
	clock   workflow.Clock // the requests of a batch are of the same few days: each term is counted once
	changes []commit.Change
	notices []telling
}

// telling is a notice of a request.
type telling struct {
	notice
	code string
	at   time.Time
}

func (d *Desk) newTicking(r *rules) *ticking {
	return &ticking{d: d, r: r, clock: remembering(d.clock)}
}

// kept copies a record, whose values are valid during the read only.
func kept(rec repo.Record) repo.Record {
	rec.Values = slices.Clone(rec.Values)
	for i, v := range rec.Values {
		switch v.Kind() {
		case value.Text:
			rec.Values[i] = value.OfText(strings.Clone(v.Text()))
		case value.Geometry:
			rec.Values[i] = value.OfGeometry(strings.Clone(v.WKB()))
		}
	}
	return rec
}

func codeIn(rec repo.Record) string {
	i, _, _, _ := rec.Entry.Table.Property("code")
	return rec.Values[i].Text()
}

// note notes what is due of a request where time brings nothing but notes, as it most
// often does: of the record changes what follows from them, and the rest of its row
// is written as it was read. entries need hold clockFields alone. noted is false for
// a request that needs more.
func (b *ticking) note(rec repo.Record, entries []Entry) (noted bool, err error) {
	d := b.d
	if len(entries) == 0 {
		return false, nil
	}
	kase, err := d.fold(b.r.workflow, entries)
	if err != nil {
		return false, err
	}
	now := d.now()
	if now.Before(kase.Last) {
		now = kase.Last
	}
	due, next, err := b.r.workflow.Coming(kase, now, b.clock)
	if err != nil {
		return false, err
	}
	if s, _ := b.r.workflow.State(kase.State); s.Final || kase.State == statePlanned || slices.ContainsFunc(due, takesStep) {
		return false, nil
	}
	l := look{rec.Entry, rec.Values, d.repo.Zone()}
	t := &draft{d: d, rules: b.r, case_: kase, now: now, x: Request{
		Code: l.text("code"), Category: l.text("category"), Urgency: l.text("urgency"), Agency: l.text("agency"), Assignee: l.text("assignee"), Area: l.area(),
		Entries: int64(len(entries)), Missed: l.count("missed"), Version: rec.Version}}
	t.note(due)
	for i := range t.fresh {
		t.x.take(&t.fresh[i], "")
	}
	c := cells{rec.Entry, rec.Values}
	c.set("entries", value.OfInt(t.x.Entries))
	c.set("missed", value.OfInt(t.x.Missed))
	c.text("level", kase.Level)
	c.set("nextAt", value.Value{})
	c.at("nextAt", next)
	c.at("updatedAt", t.now)
	b.changes = append(b.changes, commit.Change{Dataset: Dataset, Op: commit.Put, Row: c.row, Expect: t.x.Version})
	for i := range t.fresh {
		ch, err := d.putEntry(&t.x, &t.fresh[i])
		if err != nil {
			return false, err
		}
		b.changes = append(b.changes, ch)
	}
	for _, n := range t.notices {
		b.notices = append(b.notices, telling{n, t.x.Code, t.now})
	}
	return true, nil
}

// step gives the changes that time brings to a request of which it takes a step.
func (b *ticking) step(ctx context.Context, rec repo.Record, entries []Entry) error {
	t, err := b.d.draftOf(b.r, b.d.of(rec), entries)
	if err != nil {
		return err
	}
	if err := t.fire(ctx); err != nil {
		return err
	}
	if len(t.fresh) == 0 {
		before := t.x.NextAt
		if err := t.settle(); err != nil || t.x.NextAt.Equal(before) {
			return err
		}
	}
	list, err := t.changes(ctx)
	b.changes = append(b.changes, list...)
	return err
}

// takesStep tells that a firing does more than to be noted.
func takesStep(f workflow.Firing) bool {
	return !f.Late && (f.Kind == workflow.Advance || f.Kind == workflow.Continue)
}

// mostNoticesAlike is how many notices of one kind one commit of the clock sends to
// one addressee by themselves. More become one that tells how many they are: nobody
// reads a thousand.
const mostNoticesAlike = 20

// told makes the notifications of a batch; key is that of its commit.
func (b *ticking) told(key string) ([]commit.Change, error) {
	if len(b.notices) == 0 {
		return nil, nil
	}
	e, err := b.d.repo.Entry(repo.Internal(), repo.SystemNotification)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(b.notices, func(x, y telling) int {
		return cmp.Or(cmp.Compare(x.address, y.address), cmp.Compare(x.what, y.what), cmp.Compare(x.severity(), y.severity()), cmp.Compare(x.code, y.code), cmp.Compare(x.number, y.number))
	})
	b.notices = slices.CompactFunc(b.notices, func(x, y telling) bool { // the desk may handle what it keeps watch over
		return x.address == y.address && x.what == y.what && x.code == y.code && x.number == y.number
	})
	var list []commit.Change
	for from := 0; from < len(b.notices); {
		first := &b.notices[from]
		upto := from + 1
		for upto < len(b.notices) && b.notices[upto].address == first.address && b.notices[upto].what == first.what && b.notices[upto].severity() == first.severity() {
			upto++
		}
		alike := b.notices[from:upto]
		from = upto
		if len(alike) <= mostNoticesAlike {
			for _, n := range alike {
				list = append(list, noticeOf(e, noticeID(n.code, n.number, n.what, n.address), n.address, n.notice, n.code, "/desk/"+n.code, n.at))
			}
			continue
		}
		c, title := cellsOf(e), titlesOf(first.what)
		for name, s := range map[string]string{"id": noticeID(key, int64(len(alike)), first.what+first.severity(), first.address), "to": first.address, "severity": first.severity(),
			"titleVi": fmt.Sprintf("%s: %d phản ánh", title[0], len(alike)), "titleEn": fmt.Sprintf("%s: %d reports", title[1], len(alike)),
			"link": "/desk?show=overdue", "aboutDataset": Dataset, "dedupe": "requests/" + first.what} {
			c.text(name, s)
		}
		c.at("createdAt", alike[len(alike)-1].at)
		list = append(list, commit.Change{Dataset: repo.SystemNotification, Op: commit.Put, Row: c.row, Expect: commit.Absent})
	}
	return list, nil
}

// fire appends what is due.
func (t *draft) fire(ctx context.Context) error {
	due, err := t.rules.workflow.Timers(t.case_, t.now, t.clock)
	if err != nil {
		return err
	}
	me := repo.Internal()
	for len(due) > 0 {
		n := slices.IndexFunc(due, takesStep)
		if n < 0 {
			n = len(due)
		}
		if t.note(due[:n]); n > 0 {
			if err := t.refold(); err != nil {
				return err
			}
		}
		if due = due[n:]; len(due) == 0 {
			break
		}
		f := due[0]
		due = due[1:]
		t.add(me, Entry{Kind: workflow.Fire, Name: f.ID, Facts: factsOf(f)})
		switch {
		case f.Kind == workflow.Advance:
			if err := t.take(ctx, f.Transition); err != nil {
				return fmt.Errorf("the clock of %s: %w", t.x.Code, err)
			}
		case t.case_.Paused != "":
			t.event(me, workflow.Event{Kind: workflow.Resume}, Entry{})
			if err := t.refold(); err != nil {
				return err
			}
		}
	}
	if at := promiseDue(&t.x); !at.IsZero() && !at.After(t.now) && t.case_.State == statePlanned {
		return t.take(ctx, "come-due")
	}
	return nil
}

func factsOf(f workflow.Firing) map[string]string {
	facts := map[string]string{"kind": f.Kind, "deadline": f.Deadline, "due": f.Due.Format(time.RFC3339)}
	if f.Late {
		facts["late"] = "true"
	}
	if f.Kind == workflow.Remind {
		facts["percent"] = strconv.Itoa(f.Percent)
	}
	return facts
}

// mostName bounds the ids in one entry, in bytes.
const mostName = 200

// note notes firings that ask for no step, those of one deadline that come together
// in one entry, which tells of the gravest.
func (t *draft) note(due []workflow.Firing) {
	for len(due) > 0 {
		n, size := 1, len(due[0].ID)
		run := due[0].ID[:strings.LastIndexByte(due[0].ID, '/')+1]
		for n < len(due) && strings.HasPrefix(due[n].ID, run) && due[n].Late == due[0].Late && size+1+len(due[n].ID) <= mostName {
			size += 1 + len(due[n].ID)
			n++
		}
		t.noteTogether(due[:n])
		due = due[n:]
	}
}

func (t *draft) noteTogether(due []workflow.Firing) {
	w := t.rules.workflow
	ids := make([]string, len(due))
	gravest, level, missed := due[0], "", false
	for i, f := range due {
		ids[i] = f.ID
		switch {
		case f.Kind == workflow.Escalate:
			if !f.Late && w.Rank(f.Level) > w.Rank(t.case_.Level) && w.Rank(f.Level) > w.Rank(level) {
				level = f.Level
				gravest = f
			} else if level == "" {
				gravest = f // it is as high already
			}
		case f.Kind == workflow.Missed:
			missed = true
			if gravest.Kind != workflow.Escalate {
				gravest = f
			}
		case gravest.Kind == workflow.Remind:
			gravest = f
		}
	}
	e := Entry{Kind: workflow.Fire, Name: strings.Join(ids, " "), Facts: factsOf(gravest)}
	me := repo.Internal()
	if level == "" {
		t.add(me, e)
	} else {
		e.Level, e.Facts["level"] = level, level
		t.climb(me, level, e)
		t.case_.Level = level
	}
	switch {
	case due[0].Late: // too late to do anything: it is noted
	case missed:
		t.tellOf("missed", t.holds())
	case gravest.Kind == workflow.Remind:
		t.tellOf("remind", t.holds())
	}
}
