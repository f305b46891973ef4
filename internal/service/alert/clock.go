package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/repo"
)

// Run lets the city's time pass at every tick until ctx ends. Faults are told and
// tried again with the next tick.
func (g *Engine) Run(ctx context.Context, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		if err := g.Tick(ctx); err != nil && ctx.Err() == nil {
			g.Log.Warn("alerts: a tick failed, will try again", slog.Any("err", err))
		}
	}
}

// Tick does what is due: delays and silences of rules, where the log is applied
// to its end; reminders, escalations, ends of shelves and suppression of lines;
// rules on indicators.
func (g *Engine) Tick(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.Now() // before the head: nothing committed before now may be unseen
	h, err := g.Repo.Head(ctx)
	if err != nil || g.rules == nil {
		return err
	}
	g.current()
	if g.seq < h.Seq {
		return nil // the commits that wait will pass the time as they come
	}
	err = g.pass(ctx, now.UnixMicro())
	if err == nil && g.orphans {
		if h, err = g.Repo.Head(ctx); err == nil && h.Seq == g.seq { // nothing was told that the lines do not show yet
			err = g.adopt(ctx, now)
		}
	}
	for _, id := range g.dueLines(now) {
		err = errors.Join(err, g.turn(ctx, id, now))
	}
	return errors.Join(err, g.ask(ctx, now))
}

// dueLines lists the lines that the clock or the stage has something to do with.
func (g *Engine) dueLines(now time.Time) (list []string) {
	for id, l := range g.lines {
		if g.turnOf(l, now) != "" {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// turnOf is what is to be done with a line at a time; "" nothing.
func (g *Engine) turnOf(l *Line, now time.Time) string {
	stage := 1
	if g.Stage != nil {
		stage = g.Stage(l.Area)
	}
	rule := g.rules.byName[l.Rule]
	silent := rule != nil && rule.SuppressFrom > 0 && stage >= rule.SuppressFrom
	switch {
	case l.State == Suppressed && !silent:
		return "release"
	case l.State == Raised && silent:
		return "suppress"
	case l.State == Shelved && !l.ShelvedUntil.After(now):
		return "unshelve"
	case l.State == Raised && !l.AcknowledgeBy.IsZero() && !l.AcknowledgeBy.After(now):
		return "escalate"
	case l.State == Raised && !l.RemindAt.IsZero() && !l.RemindAt.After(now):
		return "remind"
	}
	return ""
}

// turn does it. The commit's key holds the version of the line that it is due
// for: done once, whoever else tries.
func (g *Engine) turn(ctx context.Context, id string, now time.Time) error {
	known := g.lines[id]
	what := g.turnOf(known, now)
	key := shortKey(fmt.Sprintf("alerts/line/%s/%d/%s", id, known.Version, what))
	return g.write(ctx, key, now.UnixMicro(), func(b *book) error {
		l, err := b.line(id)
		if err != nil {
			return err
		}
		rule := g.rules.byName[l.Rule]
		if l.Version != known.Version || rule == nil && what != "unshelve" {
			return nil // it moved meanwhile; the log will tell
		}
		b.changed[l], l.ChangedAt = true, now
		switch what {
		case "suppress":
			l.State, l.AcknowledgeBy, l.RemindAt = Suppressed, time.Time{}, time.Time{}
		case "release":
			return g.announce(ctx, b, l, rule, now)
		case "unshelve":
			l.State, l.ShelvedUntil, l.ShelvedBy, l.ShelvedReason = Raised, time.Time{}, "", ""
			if rule != nil {
				return g.announce(ctx, b, l, rule, now)
			}
		case "remind":
			l.RemindAt = time.Time{}
			l.Reminded++
			b.notify(l, rule, l.Escalated, "reminder", now)
		case "escalate":
			g.climb(b, l, rule, now)
		}
		return nil
	})
}

// climb moves a line to the next step of its route; from the last one nobody
// more can be told.
func (g *Engine) climb(b *book, l *Line, rule *core.Rule, now time.Time) {
	next := l.Escalated + 1
	if next >= len(rule.RouteOf(l.Severity)) {
		l.AcknowledgeBy, l.RemindAt = time.Time{}, time.Time{}
		return
	}
	g.stand(l, rule, next, now)
	b.notify(l, rule, next, "escalated", now)
}

// adopt clears members that no machine stands behind: their rule is gone or
// changed, or two servers with different clocks disagreed on what came first.
func (g *Engine) adopt(ctx context.Context, now time.Time) error {
	for id, known := range g.lines {
		lost := func(m *Member) bool {
			if m.Cleared != 0 {
				return false
			}
			s := g.machines[m.Rule][m.Subject]
			return g.rules.byName[m.Rule] == nil || s == nil || s.Severity() == core.None
		}
		if !slices.ContainsFunc(known.Members, func(m Member) bool { return lost(&m) }) {
			continue
		}
		key := shortKey(fmt.Sprintf("alerts/line/%s/%d/adopt", id, known.Version))
		err := g.write(ctx, key, now.UnixMicro(), func(b *book) error {
			l, err := b.line(id)
			if err != nil {
				return err
			}
			for i := range l.Members {
				if m := &l.Members[i]; lost(m) {
					m.Cleared, b.changed[l], l.ChangedAt = now.UnixMicro(), true, now
				}
			}
			return g.settleLine(ctx, b, l, nil, now)
		})
		if err != nil {
			return err
		}
	}
	g.orphans = false
	return nil
}

// ask evaluates the rules on indicators whose time has come: each at the
// multiples of its Every.
func (g *Engine) ask(ctx context.Context, now time.Time) error {
	if g.Indicator == nil {
		return nil
	}
	for _, rule := range g.rules.timed {
		at := now.Truncate(rule.Every)
		areas := []string{grant.WholeCity}
		if rule.ByWard {
			var err error
			if areas, err = g.wards(ctx); err != nil {
				return err
			}
		}
		for _, area := range areas {
			for x := g.firstAsk(rule, area, at); !x.After(at); x = x.Add(rule.Every) {
				if err := g.until(ctx, rule, area, x); err != nil {
					return err
				}
				if err := g.askOne(ctx, rule, area, x); err != nil {
					return err
				}
			}
			if err := g.until(ctx, rule, area, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// until lets the delays of an area pass up to a time, which is not before what was
// asked last.
func (g *Engine) until(ctx context.Context, rule *core.Rule, area string, at time.Time) error {
	m := g.machines[rule.Name][area]
	if m == nil {
		return nil
	}
	for {
		due := rule.Due(&m.State)
		if due == 0 || due > at.UnixMicro() {
			return nil
		}
		if err := g.fire(ctx, m, due); err != nil {
			return err
		}
	}
}

// firstAsk is the first time that an area is to be asked for: after the last one
// that is known of, but no further back than the delays of the rule reach. What
// no server asked in time, or none has saved, is asked again.
func (g *Engine) firstAsk(rule *core.Rule, area string, at time.Time) time.Time {
	first := at.Add(-(max(rule.For, rule.ClearFor) + rule.Every - 1) / rule.Every * rule.Every)
	m := g.machines[rule.Name][area]
	if m == nil || m.Event == 0 {
		return first
	}
	next := time.UnixMicro(m.Event).UTC().Truncate(rule.Every).Add(rule.Every)
	if next.Before(first) {
		m.Wait() // what had begun may have ended in between, and else begins again
		return first
	}
	return next
}

func (g *Engine) askOne(ctx context.Context, rule *core.Rule, area string, at time.Time) error {
	m := g.machines[rule.Name][area]
	if m == nil {
		m = &machine{rule: rule, subject: area}
		g.keep(m)
	}
	if m.Event >= at.UnixMicro() {
		return nil
	}
	v, ok := g.Indicator(ctx, rule.Indicator, area, at)
	o := core.Observation{Event: at.UnixMicro(), Arrived: at.UnixMicro(), Value: v, Limits: rule.Limits()}
	next := m.State
	if !ok {
		m.Event = o.Event
		return nil
	}
	c, changed := rule.Step(&next, o)
	if changed {
		t := transition{rule: rule, subject: area, Change: c, value: next.Value, limit: next.Limit, episode: o.Event, place: 2*g.seq + 1, area: area, agency: rule.Owner, key: ""}
		if err := g.speak(ctx, &t, nil); err != nil {
			return err
		}
		key := strings.Join([]string{"alerts/indicator", rule.Name, area, fmt.Sprint(o.Event)}, "/")
		if err := g.tell(ctx, []transition{t}, shortKey(key), o.Event); err != nil {
			return err
		}
	}
	m.State, m.limits = next, o.Limits
	g.dirty[keyState+rule.Name+"/"+area] = true
	g.schedule(m)
	return nil
}

// wards lists the codes of today's wards.
func (g *Engine) wards(ctx context.Context) (list []string, err error) {
	_, err = g.Repo.Read(ctx, repo.Internal(), repo.Query{Dataset: repo.SystemArea}, func(r repo.Record) error {
		c := cells{r.Entry, r.Values}
		if kind := c.str("kind"); kind != "city" && kind != "former" && c.str("successor") == "" {
			list = append(list, c.str("code"))
		}
		return nil
	})
	slices.Sort(list)
	return list, err
}
