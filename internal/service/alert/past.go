package alert

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strconv"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// beginning is where the engine's present starts. Commits up to Born were there
// before it first ran: history, learned from and never judged. Those up to Quiet
// were judged and told before its state was lost: they are lived through again
// without a word.
type beginning struct {
	Born, Quiet int64
	Saved       bool // a state with this Quiet has been kept, so that one without is a lost one
}

// keyBeginning is where it is kept, apart from the follower's state: a crash
// before the first save loses nothing of what came since, and a rebuilt engine
// knows that it is one.
const keyBeginning = "beginning"

// begin finds where the present starts, for a state that holds saved as its
// Quiet; nil for none.
func (g *Engine) begin(ctx context.Context, head int64, saved []byte) (beginning, error) {
	kept := g.Repo.Private(Name)
	for {
		raw, err := kept.Get(ctx, keyBeginning)
		if err != nil {
			return beginning{}, err
		}
		var was beginning
		if raw != nil {
			if err := json.Unmarshal(raw, &was); err != nil {
				return beginning{}, err
			}
		}
		now := was
		switch {
		case saved != nil:
			if now.Quiet, err = strconv.ParseInt(string(saved), 10, 64); err != nil {
				return beginning{}, err
			}
			if now.Saved = true; raw == nil {
				now.Born = now.Quiet
			}
		case raw == nil:
			now = beginning{Born: head, Quiet: head}
		case was.Saved: // the state is gone
			if now.Quiet, now.Saved = head, false; g.seq > 0 {
				now.Quiet = g.seq // what waited was not told yet
			}
		}
		if raw != nil && now == was {
			return now, nil
		}
		b, err := json.Marshal(now)
		if err != nil {
			return beginning{}, err
		}
		err = kept.Swap(ctx, keyBeginning, raw, b)
		if errors.Is(err, store.ErrStateMoved) { // another server was first
			continue
		}
		return now, err
	}
}

// mark tells that the state has been kept.
func (g *Engine) mark(ctx context.Context) error {
	now, err := g.begin(ctx, g.began.Quiet, strconv.AppendInt(nil, g.began.Quiet, 10))
	if err == nil {
		g.began = now
	}
	return err
}

// follow keeps the open lines. Machines follow the log and not the records of
// alerts, which are of a later moment than what they came of: by the records they
// would forget what they have seen in between. Only what an indicator was, asked
// by the clock, is known from nowhere else.
func (g *Engine) follow(e *commit.Entry, ch *commit.Applied, entry *repo.Entry) {
	g.orphans = true
	if ch.After == nil {
		id := LineOf(entry, ch.Before, 0).ID
		delete(g.lines, id)
		g.dirty[keyLine+id] = true
		return
	}
	l := LineOf(entry, ch.After, e.Seq)
	g.dirty[keyLine+l.ID] = true
	if !l.Open() {
		delete(g.lines, l.ID)
	} else {
		g.lines[l.ID] = &l
	}
	for i := range l.Members {
		mem := &l.Members[i]
		rule := g.rules.byName[mem.Rule]
		if rule == nil || rule.Kind != core.Indicator || core.SeverityOf(mem.Severity) == core.None {
			continue
		}
		m := g.machines[mem.Rule][mem.Subject]
		if m != nil && m.Event >= l.ChangedAt.UnixMicro() {
			continue // what was saved has been asked since
		}
		switch {
		case mem.Cleared == 0 && (m == nil || m.Severity() != core.SeverityOf(mem.Severity)):
			m = g.takeOver(rule, mem)
			m.Event = max(m.Event, l.ChangedAt.UnixMicro()-1) // what was asked at that very time is asked again
		case mem.Cleared != 0 && m != nil && m.Severity() != core.None && m.Event <= mem.Cleared && l.member(mem.Rule, mem.Subject) == nil:
			rule.Take(&m.State, core.None)
			m.Event = max(m.Event, mem.Cleared-1)
		default:
			continue
		}
		g.schedule(m)
		g.dirty[keyState+mem.Rule+"/"+mem.Subject] = true
	}
}

// takeOver sets the machine of a member to what the member says.
func (g *Engine) takeOver(rule *core.Rule, mem *Member) *machine {
	m := g.machines[mem.Rule][mem.Subject]
	s := core.SeverityOf(mem.Severity)
	if m == nil {
		m = &machine{rule: rule, subject: mem.Subject, limits: rule.Limits()}
		if m.Value = mem.Value; rule.Kind != core.Indicator {
			m.Event, m.Arrived = mem.Since, mem.Since
		}
		for level := core.Low; level <= core.High; level++ {
			if l := rule.LevelOf(level); l != nil && l.Field != "" {
				m.limits[level] = math.NaN()
			}
		}
		m.limits[s] = mem.Threshold
		g.keep(m)
	}
	rule.Take(&m.State, s)
	g.dirty[keyState+mem.Rule+"/"+mem.Subject] = true
	return m
}

// reconcile ends the silence: machines stand where the records say that alerts
// stand. Who is on and of whom no line tells is told with the next value.
func (g *Engine) reconcile() {
	g.silent = false
	open := map[string]map[string]bool{}
	for _, l := range g.lines {
		for i := range l.Members {
			mem := &l.Members[i]
			rule := g.rules.byName[mem.Rule]
			s := core.SeverityOf(mem.Severity)
			if rule == nil || s == core.None || mem.Cleared != 0 {
				continue
			}
			if open[mem.Rule] == nil {
				open[mem.Rule] = map[string]bool{}
			}
			open[mem.Rule][mem.Subject] = true
			if m := g.machines[mem.Rule][mem.Subject]; m == nil || m.Severity() != s {
				g.schedule(g.takeOver(rule, mem))
			}
		}
	}
	for name, all := range g.machines {
		for subject, m := range all {
			if m.Severity() == core.None || open[name][subject] {
				continue
			}
			m.rule.Take(&m.State, core.None)
			if g.dirty[keyState+name+"/"+subject] = true; m.Resting() && m.rule.Kind == core.OnRecord {
				g.drop(m)
				continue
			}
			g.schedule(m)
		}
	}
}
