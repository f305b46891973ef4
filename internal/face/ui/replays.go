package ui

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// replays are the runs of "replay all". A run goes on after its request was
// answered, shows how far it is, and can be stopped; rows that it has tried
// stay as they are. Runs are held in memory: a restart ends them, and the rows
// that were left still wait.
type replays struct {
	mu   sync.Mutex
	last int64
	runs []*replayRun // oldest first
}

// replayRun is one run of one principal.
type replayRun struct {
	id            int64
	who           string
	dataset, rule string
	of            int64 // rows that waited when it began
	accepted      int64
	stayed        int64
	began, ended  time.Time
	stopped       bool // by the reader
	err           error
	cancel        context.CancelFunc
}

const (
	mostReplays  = 4                // at work at a time
	replaysShown = 10 * time.Minute // after their end
)

// start begins a run, unless the same is at work already. Unavailable when too
// many are.
func (rs *replays) start(u *UI, p repo.Principal, name, rule string, of int64) error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	now := u.Now()
	rs.runs = slices.DeleteFunc(rs.runs, func(r *replayRun) bool { return !r.ended.IsZero() && now.Sub(r.ended) > replaysShown })
	working := 0
	for _, r := range rs.runs {
		if !r.ended.IsZero() {
			continue
		}
		if r.who == p.Name && r.dataset == name && r.rule == rule {
			return nil
		}
		working++
	}
	if working >= mostReplays {
		return problem.New(problem.Unavailable, "busy")
	}
	ctx, cancel := context.WithCancel(u.stopping())
	rs.last++
	r := &replayRun{id: rs.last, who: p.Name, dataset: name, rule: rule, of: of, began: now, cancel: cancel}
	rs.runs = append(rs.runs, r)
	go func() {
		defer cancel()
		err := u.Repairs.Replay(ctx, p, name, rule, func(accepted, stayed int64) {
			rs.mu.Lock()
			defer rs.mu.Unlock()
			r.accepted, r.stayed = accepted, stayed
		})
		rs.mu.Lock()
		defer rs.mu.Unlock()
		r.ended, r.err = u.Now(), err
		if err != nil && ctx.Err() == nil {
			u.Log.Warn("replay ended early", "dataset", name, "rule", rule, "err", err)
		}
	}()
	return nil
}

// stop ends a run of a principal after the row that it is at.
func (rs *replays) stop(p repo.Principal, id int64) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.runs {
		if r.id == id && r.who == p.Name && r.ended.IsZero() {
			r.stopped = true
			r.cancel()
		}
	}
}

// replayView is a run as its owner sees it.
type replayView struct {
	ID                   string
	Title, Words         string
	Text                 string
	Share                string // of the rows, in percent of 100, for the bar
	Working, Done, Fault bool
}

// replayRuns lists the runs of the reader, newest first.
func (v *view) replayRuns() []replayView {
	rs := &v.u.replays
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var list []replayView
	for _, r := range slices.Backward(rs.runs) {
		if r.who != v.p.Name || !r.ended.IsZero() && v.now.Sub(r.ended) > replaysShown {
			continue
		}
		x := replayView{ID: strconv.FormatInt(r.id, 10), Title: v.datasetTitle(r.dataset), Words: v.T("quarantine.every-rule")}
		if r.rule != "" {
			x.Words = v.ruleWords(r.dataset, r.rule)
		}
		counts := []string{"accepted", v.N(r.accepted), "stayed", v.N(r.stayed), "tried", v.N(r.accepted + r.stayed), "of", v.N(max(r.of, r.accepted+r.stayed))}
		switch {
		case r.ended.IsZero() && r.stopped:
			x.Working, x.Text = true, v.T("quarantine.replay.stopping")
		case r.ended.IsZero():
			x.Working, x.Text = true, v.T("quarantine.replay.working", counts...)
		case r.err == nil:
			x.Done, x.Text = true, v.T("quarantine.replayed", counts...)
		case r.stopped:
			x.Text = v.T("quarantine.replay.stopped", counts...)
		default:
			x.Fault = true
			x.Text = v.T("quarantine.replay.failed", counts...) + " " + problem.As(r.err).In(v.lang)
		}
		x.Share = strconv.FormatFloat(100*float64(r.accepted+r.stayed)/float64(max(1, r.of, r.accepted+r.stayed)), 'f', 1, 64)
		list = append(list, x)
	}
	return list
}
