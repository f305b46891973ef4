package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Steps that people take.
const (
	StepAcknowledge = "acknowledge"
	StepShelve      = "shelve"
	StepUnshelve    = "unshelve"
	StepEscalate    = "escalate"
)

// Steps lists them.
func Steps() []string { return []string{StepAcknowledge, StepShelve, StepUnshelve, StepEscalate} }

// LongestShelf is how long an alert may be shelved at once: longer is a rule that
// should be changed.
const LongestShelf = 24 * time.Hour

// Handles tells that p acts in a role that handles alerts; which ones is for the
// repository to say.
func Handles(p repo.Principal) bool {
	return p.Agency != "" && (p.Is(grant.OperatorRole) || p.Is(grant.Officer) || p.Is(grant.Leader))
}

// Asked is a step as it is asked for.
type Asked struct {
	Step    string
	Version int64     // of the line that the asker saw; 0 = any
	Until   time.Time // shelve
	Reason  string    // shelve, escalate
}

// Get reads one alert that p may see. NotFound otherwise.
func (g *Engine) Get(ctx context.Context, p repo.Principal, id string) (Line, error) {
	rec, err := g.Repo.Get(ctx, p, repo.SystemAlert, []value.Value{value.OfText(id)}, 0)
	if err != nil {
		if problem.KindOf(err) == problem.NotFound {
			return Line{}, problem.New(problem.NotFound, "alert-unknown")
		}
		return Line{}, err
	}
	return LineOf(rec.Entry, rec.Values, rec.Version), nil
}

// Take does a step for p and returns the line after it. Errors: NotFound for what
// p may not see, Denied for who may only look, Stale when the line has moved
// since Asked.Version, Conflict where the step no longer makes sense, Invalid.
func (g *Engine) Take(ctx context.Context, p repo.Principal, id string, a Asked) (Line, error) {
	if _, err := g.Get(ctx, p, id); err != nil {
		return Line{}, err
	}
	if !Handles(p) {
		return Line{}, problem.New(problem.Denied, "alert-not-yours")
	}
	now := g.Now()
	a.Reason = strings.TrimSpace(a.Reason)
	if err := a.check(now); err != nil {
		return Line{}, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.rules == nil {
		g.rules = readRules(g.Repo, g.Log)
	}
	for try := 0; ; try++ {
		b, err := g.newBook(ctx)
		if err != nil {
			return Line{}, err
		}
		l, err := b.line(id)
		if err != nil {
			return Line{}, err
		}
		if a.Version != 0 && l.Version != a.Version {
			return Line{}, problem.New(problem.Stale, "alert-moved")
		}
		if err := g.step(b, l, p, a, now); err != nil {
			return Line{}, err
		}
		b.changed[l], l.ChangedAt = true, now
		seq, err := b.commit("", p.Name, strings.TrimSpace(a.Step+" "+a.Reason))
		if err == nil {
			l.Version = seq
			return *l, nil
		}
		if k := problem.KindOf(err); a.Version != 0 || try == tries || k != problem.Stale && k != problem.Conflict {
			return Line{}, err
		}
	}
}

func (a Asked) check(now time.Time) error {
	var vs []problem.Violation
	if !slices.Contains(Steps(), a.Step) {
		vs = append(vs, problem.Violate("alert-step", "step"))
	}
	if a.Step == StepShelve {
		if a.Reason == "" || len([]rune(a.Reason)) > 500 {
			vs = append(vs, problem.Violate("alert-shelf-reason", "reason"))
		}
		if !a.Until.After(now) || a.Until.After(now.Add(LongestShelf+time.Minute)) {
			vs = append(vs, problem.Violate("alert-shelf-until", "until", "hours", int(LongestShelf.Hours())))
		}
	}
	return problem.InvalidWith("alert-asked", vs, "count", len(vs))
}

func (g *Engine) step(b *book, l *Line, p repo.Principal, a Asked, now time.Time) error {
	if !l.Open() {
		return problem.New(problem.Conflict, "alert-closed")
	}
	rule := g.rules.byName[l.Rule]
	switch a.Step {
	case StepAcknowledge:
		if l.State == Acknowledged {
			return problem.New(problem.Conflict, "alert-already")
		}
		l.State, l.AcknowledgedAt, l.AcknowledgedBy = Acknowledged, now, p.Name
		l.AcknowledgeBy, l.RemindAt, l.ShelvedUntil = time.Time{}, time.Time{}, time.Time{}
		if l.AcknowledgedFirst.IsZero() {
			l.AcknowledgedFirst = now
		}
	case StepShelve:
		l.State, l.ShelvedUntil, l.ShelvedBy, l.ShelvedReason = Shelved, a.Until, p.Name, a.Reason
		l.AcknowledgeBy, l.RemindAt = time.Time{}, time.Time{}
	case StepUnshelve:
		if l.State != Shelved {
			return problem.New(problem.Conflict, "alert-step")
		}
		l.State, l.ShelvedUntil, l.ShelvedBy, l.ShelvedReason = Raised, time.Time{}, "", ""
		if rule != nil {
			return g.announce(b.ctx, b, l, rule, now)
		}
	case StepEscalate:
		if rule == nil || l.Escalated+1 >= len(rule.RouteOf(l.Severity)) {
			return problem.New(problem.Conflict, "alert-top")
		}
		l.State, l.AcknowledgedAt, l.AcknowledgedBy = Raised, time.Time{}, ""
		g.climb(b, l, rule, now)
	}
	return nil
}

// Selection is which alerts a list shows; empty fields are all.
type Selection struct {
	State    string // one of the states, or "open"
	Severity string
	Area     string
	Agency   string
	Cause    string
	Since    time.Time // raised at or after
	Limit    int
}

// List lists the alerts that p may see: what waits first, then by severity, the
// oldest first; those that are over by when they ended.
func (g *Engine) List(ctx context.Context, p repo.Principal, s Selection) ([]Line, error) {
	var filter cql2.Expr
	equal := func(name, text string) {
		if text != "" {
			filter = cql2.And(filter, compare("=", name, value.OfText(text)))
		}
	}
	switch s.State {
	case "open":
		filter = compare("<>", "state", value.OfText(Cleared))
	default:
		equal("state", s.State)
	}
	equal("severity", s.Severity)
	equal("agency", s.Agency)
	equal("cause", s.Cause)
	if !s.Since.IsZero() {
		filter = cql2.And(filter, compare(">=", "raisedAt", value.OfInstant(s.Since)))
	}
	var list []Line
	q := repo.Query{Dataset: repo.SystemAlert, Filter: filter, Area: s.Area, Limit: s.Limit, Sort: []repo.Sort{{Field: "raisedAt", Desc: true}}}
	_, err := g.Repo.Read(ctx, p, q, func(r repo.Record) error {
		list = append(list, LineOf(r.Entry, r.Values, r.Version))
		return nil
	})
	rank := map[string]int{Raised: 0, Acknowledged: 1, Shelved: 2, Suppressed: 3, Cleared: 4}
	slices.SortStableFunc(list, func(a, b Line) int {
		switch {
		case rank[a.State] != rank[b.State]:
			return rank[a.State] - rank[b.State]
		case a.Severity != b.Severity && a.Open():
			return int(b.Severity) - int(a.Severity)
		case a.Open():
			return a.RaisedAt.Compare(b.RaisedAt)
		}
		return b.ClearedAt.Compare(a.ClearedAt)
	})
	return list, err
}

func compare(op, name string, v value.Value) cql2.Expr {
	return &cql2.Call{Op: op, Args: []cql2.Expr{&cql2.Prop{Name: name}, &cql2.Lit{Value: v}}}
}

// Waiting counts the alerts that p may see and nobody has acknowledged.
func (g *Engine) Waiting(ctx context.Context, p repo.Principal) (n int, worst core.Severity, err error) {
	list, err := g.List(ctx, p, Selection{State: Raised, Limit: 1000})
	for i := range list {
		n, worst = n+1, max(worst, list[i].Severity)
	}
	return n, worst, err
}

// Past is one version of a line.
type Past struct {
	Line
	Seq int64
}

// History lists what became of a line, oldest first.
func (g *Engine) History(ctx context.Context, p repo.Principal, id string) ([]Past, error) {
	e, err := g.Repo.Entry(p, repo.SystemAlert)
	if err != nil {
		return nil, err
	}
	var list []Past
	_, err = g.Repo.History(ctx, p, repo.SystemAlert, []value.Value{value.OfText(id)}, func(v store.Version) error {
		if v.Values != nil {
			list = append(list, Past{LineOf(e, v.Values, v.Seq), v.Seq})
		}
		return nil
	})
	slices.SortFunc(list, func(a, b Past) int { return int(a.Seq - b.Seq) })
	return list, err
}

// Rules lists the rules in force, by file.
func (g *Engine) Rules() []Defined {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.rules == nil || g.rules.version != g.Repo.DefinitionsVersion() {
		return readRules(g.Repo, g.Log).order
	}
	return g.rules.order
}

// Rule returns a rule in force, nil when there is none of that name.
func (g *Engine) Rule(name string) *Defined {
	for _, d := range g.Rules() {
		if d.Name == name {
			return &d
		}
	}
	return nil
}

// Watching tells how many subjects are watched, and how many more were not taken
// because of the bound.
func (g *Engine) Watching() (watched, beyond int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return int64(g.count()), g.unseen
}

// String is for tests and logs: what a line is, without words of records.
func (l *Line) String() string {
	return fmt.Sprintf("%s %s %s %s %d/%d", l.ID, l.Group, l.Severity, l.State, l.Active(), len(l.Members))
}
