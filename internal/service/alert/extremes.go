package alert

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Extreme is the worst that a rule on values saw of one subject within a span:
// read from the data itself, and not from what the alert said when it came.
type Extreme struct {
	Alert, Rule, Subject string
	TitleVi, TitleEn     string // the rule's, with this value and the worst threshold that it passed
	Value                float64
	Unit                 string
	At                   time.Time // of the record, or of the last one of the rule's window
}

// Extremes tells the worst value of every rule with a threshold and every subject
// that the alerts of these numbers hold, between two times, both included. Alerts
// and data that p may not see are left out, as are rules that are gone. The worst
// of several equal ones is the first. Ordered by alert, then as the members came.
func (g *Engine) Extremes(ctx context.Context, p repo.Principal, ids []string, from, until time.Time) (list []Extreme, err error) {
	seen := map[[2]string]bool{}
	for _, id := range ids {
		l, err := g.Get(ctx, p, id)
		if problem.KindOf(err) == problem.NotFound && err != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, m := range l.Members {
			at := [2]string{m.Rule, m.Subject}
			if seen[at] {
				continue
			}
			seen[at] = true
			x, ok, err := g.extreme(ctx, p, m.Rule, m.Subject, from, until)
			if err != nil {
				return nil, err
			}
			if ok {
				x.Alert = l.ID
				list = append(list, x)
			}
		}
	}
	return list, nil
}

// extreme finds the worst of one rule and subject; false where there is none.
func (g *Engine) extreme(ctx context.Context, p repo.Principal, name, subject string, from, until time.Time) (x Extreme, ok bool, err error) {
	g.mu.Lock()
	if g.rules == nil {
		g.rules = readRules(g.Repo, g.Log)
	}
	g.current()
	rule := g.rules.byName[name]
	g.mu.Unlock()
	if rule == nil || rule.Kind != core.Threshold {
		return x, false, nil
	}
	e, err := g.Repo.Entry(p, rule.Dataset)
	if err != nil {
		if k := problem.KindOf(err); k == problem.NotFound || k == problem.Denied {
			return x, false, nil
		}
		return x, false, err
	}
	bound, faults := core.Bind(rule, e.Dataset, e.Table)
	if len(faults) > 0 || bound.Time < 0 {
		return x, false, nil
	}
	w := &watcher{bound, e}
	filter, ok := subjectFilter(w, subject)
	if !ok {
		return x, false, nil
	}
	clock := e.Table.Columns[w.Time].Name
	filter = cql2.And(filter, compare(">", clock, value.OfInstant(from.Add(-rule.Window-time.Microsecond))), compare("<=", clock, value.OfInstant(until)))
	type point struct {
		at time.Time
		v  float64
	}
	var window []point
	var worst []value.Value
	found := false
	_, err = g.Repo.Read(ctx, p, repo.Query{Dataset: rule.Dataset, Filter: filter, Sort: []repo.Sort{{Field: clock}}}, func(rec repo.Record) error {
		if !w.Sees(rec.Values) {
			return nil
		}
		v, is := w.Number(rec.Values)
		if !is {
			return nil
		}
		at := rec.Values[w.Time].Instant()
		if rule.Window > 0 {
			window = append(window, point{at, v})
			for !window[0].at.After(at.Add(-rule.Window)) {
				window = window[1:]
			}
			all := make([]float64, len(window))
			for i := range window {
				all[i] = window[i].v
			}
			v = measure(rule.Measure, all)
		}
		if at.Before(from) || found && !(v > x.Value != rule.Below && v != x.Value) {
			return nil
		}
		found, x.Value, x.At, worst = true, v, at, slices.Clone(rec.Values)
		for i, c := range worst {
			if c.Kind() == value.Text {
				worst[i] = value.OfText(strings.Clone(c.Text()))
			}
		}
		return nil
	})
	if err != nil || !found {
		if k := problem.KindOf(err); k == problem.NotFound || k == problem.Denied {
			err = nil
		}
		return x, false, err
	}
	x.Rule, x.Subject, x.Unit = name, subject, rule.Unit
	x.Value = math.Round(x.Value*1e6) / 1e6 // sums of decimal readings are told as such
	t := transition{rule: rule, subject: subject, Change: core.Change{To: core.High}, value: x.Value}
	g.mu.Lock()
	defer g.mu.Unlock()
	limits, err := g.limitsOf(ctx, w, worst)
	if err != nil {
		return x, false, err
	}
	for s := core.Low; s <= core.High; s++ {
		if l := limits[s]; rule.LevelOf(s) != nil && !math.IsNaN(l) && (x.Value >= l != rule.Below || x.Value == l || s == core.Low) {
			t.limit = l
		}
	}
	if err := g.describe(ctx, &t, w, worst); err != nil {
		return x, false, err
	}
	x.TitleVi, x.TitleEn = t.titleVi, t.titleEn
	return x, true, nil
}

// measure is what a window of values comes to.
func measure(how string, all []float64) float64 {
	switch how {
	case "max":
		return slices.Max(all)
	case "min":
		return slices.Min(all)
	case "count":
		return float64(len(all))
	}
	sum := 0.0
	for _, v := range all {
		sum += v
	}
	if how == "mean" {
		return sum / float64(len(all))
	}
	return sum
}

// subjectFilter selects the records of a subject; false for one that cannot be of
// the rule.
func subjectFilter(w *watcher, subject string) (filter cql2.Expr, ok bool) {
	parts := strings.Split(subject, ",")
	if len(parts) != len(w.Subject) {
		return nil, false
	}
	for i, c := range w.Subject {
		text := strings.ReplaceAll(strings.ReplaceAll(parts[i], "~1", ","), "~0", "~")
		v, bad := w.entry.Schema.ParseCell(c, text)
		if bad != nil {
			return nil, false
		}
		filter = cql2.And(filter, &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: w.Table.Columns[c].Name}, &cql2.Lit{Value: v}}})
	}
	return filter, true
}
