package alert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// transition is what a machine did, in the words of its rule.
type transition struct {
	rule    *core.Rule
	subject string
	core.Change
	value, limit     float64
	episode          int64 // place in the log or time that it came of
	place            int64 // in the order of all that the engine does: see Member.Place
	area             string
	x, y             float64
	key              string // of the record
	agency           string
	titleVi, titleEn string
	bodyVi, bodyEn   string
}

// tries bounds how often lines are read and written again because people moved
// them meanwhile.
const tries = 8

// source is what the engine's commits say they come from.
const source = "alerts"

// shortKey keeps an idempotency key within bounds, whatever a subject is called.
func shortKey(key string) string {
	if len(key) <= 120 {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "alerts/" + hex.EncodeToString(sum[:])
}

// tell writes transitions to their lines, with their notifications and incidents,
// as one commit. Key follows from what they came of.
func (g *Engine) tell(ctx context.Context, list []transition, key string, at int64) error {
	return g.write(ctx, key, at, func(lines *book) error {
		for i := range list {
			if err := g.join(ctx, lines, &list[i], time.UnixMicro(at).UTC()); err != nil {
				return err
			}
		}
		return nil
	})
}

// book is the lines that one commit reads and writes.
type book struct {
	g       *Engine
	ctx     context.Context
	alert   *repo.Entry
	notice  *repo.Entry
	byGroup map[string]*Line
	order   []*Line
	changed map[*Line]bool
	notices []commit.Change
	others  []commit.Change
	n       int
}

func (g *Engine) newBook(ctx context.Context) (*book, error) {
	b := &book{g: g, ctx: ctx, byGroup: map[string]*Line{}, changed: map[*Line]bool{}}
	var err error
	if b.alert, err = g.Repo.Entry(repo.Internal(), repo.SystemAlert); err != nil {
		return nil, err
	}
	b.notice, err = g.Repo.Entry(repo.Internal(), repo.SystemNotification)
	return b, err
}

// write makes one commit of what change does to lines. When somebody moved a line
// between reading and writing, it begins anew.
func (g *Engine) write(ctx context.Context, key string, at int64, change func(*book) error) error {
	for try := 0; ; try++ {
		b, err := g.newBook(ctx)
		if err != nil {
			return err
		}
		if err := change(b); err != nil {
			return err
		}
		_, err = b.commit(key, "", "")
		switch {
		case err == nil:
			return nil
		case try < tries && (problem.KindOf(err) == problem.Stale || problem.KindOf(err) == problem.Conflict):
		default:
			return err
		}
	}
}

// commit writes what changed; 0 when nothing did.
func (b *book) commit(key, actor, reason string) (int64, error) {
	req := &commit.Request{Header: commit.Header{Actor: actor, Source: source, Reason: reason, Key: key}}
	for _, l := range b.order {
		if !b.changed[l] {
			continue
		}
		l.trim()
		expect := l.Version
		if expect == 0 {
			expect = commit.Absent
		}
		req.Changes = append(req.Changes, commit.Change{Dataset: repo.SystemAlert, Op: commit.Put, Row: l.row(b.alert), Expect: expect})
	}
	if len(req.Changes) == 0 {
		return 0, nil
	}
	req.Changes = append(append(req.Changes, b.others...), b.notices...)
	receipt, err := b.g.Repo.Commit(b.ctx, repo.Internal(), req)
	if receipt.Empty {
		return 0, err
	}
	return receipt.Seq, err
}

// openLine finds the open line of a group; nil when there is none.
func (b *book) openLine(group string) (*Line, error) {
	if l, known := b.byGroup[group]; known {
		return l, nil
	}
	var found *Line
	filter, err := cql2.ParseText("\"group\" = '" + strings.ReplaceAll(group, "'", "''") + "' AND state <> 'cleared'")
	if err != nil {
		return nil, err
	}
	_, err = b.g.Repo.Read(b.ctx, repo.Internal(), repo.Query{Dataset: repo.SystemAlert, Filter: filter, Limit: 1}, func(r repo.Record) error {
		l := LineOf(r.Entry, r.Values, r.Version)
		found = &l
		return nil
	})
	if err != nil {
		return nil, err
	}
	b.add(found, group)
	return found, nil
}

func (b *book) add(l *Line, group string) {
	b.byGroup[group] = l
	if l != nil {
		b.order = append(b.order, l)
	}
}

// line reads one line by its number.
func (b *book) line(id string) (*Line, error) {
	rec, err := b.g.Repo.Get(b.ctx, repo.Internal(), repo.SystemAlert, []value.Value{value.OfText(id)}, 0)
	if err != nil {
		return nil, err
	}
	l := LineOf(rec.Entry, rec.Values, rec.Version)
	b.add(&l, l.Group)
	return &l, nil
}

// groupOf is what is one line: the cause, and the place as the rule counts it.
func groupOf(t *transition) string {
	switch t.rule.Place {
	case core.ByCity:
		return t.rule.Cause + "@" + grant.WholeCity
	case core.BySubject:
		return cut(t.rule.Cause+"@"+t.area+"/"+t.subject, 200)
	}
	return t.rule.Cause + "@" + t.area
}

// join takes a transition into its line.
func (g *Engine) join(ctx context.Context, b *book, t *transition, now time.Time) error {
	l, err := b.openLine(groupOf(t))
	if err != nil {
		return err
	}
	if l == nil {
		if t.To == core.None {
			return nil // it ended with its line
		}
		l = &Line{
			ID: numberOf(groupOf(t), t.rule.Name, t.subject, strconv.FormatInt(t.episode, 10)), Cause: t.rule.Cause, Group: groupOf(t),
			Dataset: t.rule.Dataset, Area: t.area, State: Raised, RaisedAt: now, Longitude: t.x, Latitude: t.y,
		}
		if t.rule.Place == core.ByCity {
			l.Area = grant.WholeCity
		}
		b.add(l, l.Group)
	}
	m := l.member(t.rule.Name, t.subject)
	switch {
	case t.To == core.None && m == nil:
		return nil
	case t.To == core.None && (m.Place > t.place || m.Since > t.At):
		return nil // told again after a crash: this member was not yet
	case t.To == core.None:
		m.Cleared = t.At
	case m == nil:
		l.Members = append(l.Members, Member{Rule: t.rule.Name, Subject: t.subject, Since: t.At, Place: t.place})
		m = &l.Members[len(l.Members)-1]
		fallthrough
	default:
		m.Severity, m.Value, m.Threshold, m.Unit, m.Record = t.To.String(), finite(t.value), finite(t.limit), t.rule.Unit, t.key
		m.TitleVi, m.TitleEn = t.titleVi, t.titleEn
	}
	b.changed[l] = true
	l.ChangedAt = now
	return g.settleLine(ctx, b, l, t, now)
}

// settleLine makes a line say what its members do.
func (g *Engine) settleLine(ctx context.Context, b *book, l *Line, t *transition, now time.Time) error {
	before := l.Severity
	worst, lead := l.worst()
	if worst == core.None {
		l.State, l.ClearedAt = Cleared, now
		l.AcknowledgeBy, l.RemindAt, l.ShelvedUntil = time.Time{}, time.Time{}, time.Time{}
		return nil
	}
	l.Severity, l.Peak = worst, max(l.Peak, worst)
	rule := g.rules.byName[lead.Rule]
	if rule == nil {
		return nil
	}
	l.Rule, l.Subject, l.TitleVi, l.TitleEn = lead.Rule, lead.Subject, lead.TitleVi, lead.TitleEn
	if t != nil && lead.Rule == t.rule.Name && lead.Subject == t.subject && t.To != core.None {
		l.BodyVi, l.BodyEn, l.Agency = t.bodyVi, t.bodyEn, t.agency
	}
	if worst <= before {
		// No worse than what is known; but a high member may be the first whose rule
		// names an incident.
		if t != nil && t.To == core.High && worst == core.High {
			return g.respond(ctx, b, l, t.rule)
		}
		return nil
	}
	if g.Stage != nil && rule.SuppressFrom > 0 && g.Stage(l.Area) >= rule.SuppressFrom {
		l.State = Suppressed
		l.Level = firstLevel(rule, worst)
		return nil
	}
	return g.announce(ctx, b, l, rule, now)
}

func firstLevel(r *core.Rule, s core.Severity) string {
	if route := r.RouteOf(s); len(route) > 0 {
		return route[0].Level
	}
	return "ward"
}

// announce tells the first step of a line's route, and opens or joins the
// incident of a high one.
func (g *Engine) announce(ctx context.Context, b *book, l *Line, rule *core.Rule, now time.Time) error {
	l.State, l.Escalated, l.Reminded = Raised, 0, 0
	l.AcknowledgedBy, l.AcknowledgedAt, l.ShelvedUntil, l.ShelvedBy, l.ShelvedReason = "", time.Time{}, time.Time{}, "", ""
	g.stand(l, rule, 0, now)
	if l.DueFirst.IsZero() {
		l.DueFirst = l.AcknowledgeBy
	}
	if err := g.respond(ctx, b, l, rule); err != nil {
		return err
	}
	b.notify(l, rule, 0, "raised", now)
	return nil
}

// stand puts a line on a step of its route.
func (g *Engine) stand(l *Line, rule *core.Rule, step int, now time.Time) {
	route := rule.RouteOf(l.Severity)
	l.AcknowledgeBy, l.RemindAt = time.Time{}, time.Time{}
	if l.Level == "" {
		l.Level = "ward"
	}
	if step < len(route) {
		l.Level, l.Escalated = route[step].Level, step
		l.AcknowledgeBy = now.Add(route[step].Within)
		l.RemindAt = now.Add(route[step].Within / 2)
	}
}

// notify puts the notifications of a step into the commit. Their numbers follow
// from the line and what is told, so that they cannot be doubled.
func (b *book) notify(l *Line, rule *core.Rule, step int, what string, now time.Time) {
	route := rule.RouteOf(l.Severity)
	if step >= len(route) {
		return
	}
	for i, to := range route[step].To {
		to = strings.ReplaceAll(strings.ReplaceAll(to, "{area}", l.Area), "{owner}", l.Agency)
		if to == "agency:" {
			continue
		}
		c := newCells(b.notice)
		c.text("id", fmt.Sprintf("%s-%s-%s%d-%d-%d", l.ID, what, l.Severity, step, now.UnixMicro(), i))
		c.text("to", to)
		c.text("severity", l.Severity.String())
		vi, en := headline(what, l.TitleVi, l.TitleEn)
		c.text("titleVi", cut(vi, 300))
		c.text("titleEn", cut(en, 300))
		c.text("bodyVi", l.BodyVi)
		c.text("bodyEn", l.BodyEn)
		c.text("link", "/alerts/"+l.ID)
		c.text("aboutDataset", repo.SystemAlert)
		c.text("aboutKey", l.ID)
		c.text("dedupe", l.ID)
		c.at("createdAt", now)
		b.notices = append(b.notices, commit.Change{Dataset: repo.SystemNotification, Op: commit.Put, Row: c.row})
	}
}

func headline(what, vi, en string) (string, string) {
	switch what {
	case "reminder":
		return "Nhắc tiếp nhận: " + vi, "Reminder: " + en
	case "escalated":
		return "Chuyển cấp vì chưa được tiếp nhận: " + vi, "Escalated, not acknowledged: " + en
	}
	return vi, en
}

func cut(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}

func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}
