package workflow_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/workflow"
)

// Whatever is tried in whatever order, a case stands where the plain table of
// from and to says, its history folds to there, and what Allowed lists is what
// Apply takes.
func TestRandomStepsNeverReachAnIllegalState(t *testing.T) {
	for _, file := range []string{incidentFile, requestFile, "testdata/request.yaml"} {
		w := parse(t, file)
		taken := map[string]int{}
		rapid.Check(t, func(t *rapid.T) {
			state, now := w.Start[0], monday
			history := []workflow.Event{{Kind: workflow.Open, Name: state, At: now, Facts: map[string]string{"asker": rapid.SampledFrom([]string{"desk", "unit"}).Draw(t, "asker")}}}
			for range rapid.IntRange(1, 30).Draw(t, "steps") {
				now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "minutes")) * time.Minute)
				c, err := w.Fold(history)
				if err != nil || c.State != state {
					t.Fatalf("the history folds to %+v (%v), the table says %s", c, err, state)
				}
				actor := workflow.Actor{Roles: []string{rapid.SampledFrom([]string{"officer", "leader", "auditor"}).Draw(t, "role")},
					Relations: rapid.SliceOfDistinct(rapid.SampledFrom(workflow.Relations()), rapid.ID[string]).Draw(t, "relations")}
				among := w.Transitions
				if rapid.IntRange(0, 3).Draw(t, "aimed") > 0 { // or most steps would be refused
					if here := from(w, state); len(here) > 0 {
						among = here
					}
				}
				tr := rapid.SampledFrom(among).Draw(t, "transition")
				step := workflow.Step{Transition: tr.Name, At: now, Fields: map[string]string{}}
				for _, f := range tr.Require {
					step.Fields[f] = "x"
				}
				if len(tr.Outcomes) > 0 {
					step.Outcome = tr.Outcomes[0]
					for _, o := range w.Outcomes {
						for _, f := range o.Require {
							if o.Name == step.Outcome {
								step.Fields[f] = "x"
							}
						}
					}
				}
				allowed := slices.ContainsFunc(w.Allowed(c, actor, now), func(a *workflow.Transition) bool { return a.Name == tr.Name })
				e, err := w.Apply(c, actor, step)
				if allowed != (err == nil) {
					t.Fatalf("%s from %s: allowed %t, applied: %v", tr.Name, state, allowed, err)
				}
				if err != nil {
					if slices.Contains(tr.From, state) && tr.When.Holds(c.Facts) && tr.Within == 0 && slices.Contains(actor.Relations, tr.By[0].Relation) && len(tr.By[0].Roles) == 0 {
						t.Fatalf("%s from %s refused: %v", tr.Name, state, err)
					}
					continue
				}
				if !slices.Contains(tr.From, state) || !tr.When.Holds(c.Facts) {
					t.Fatalf("%s taken from %s", tr.Name, state)
				}
				state, history = tr.To, append(history, e)
				taken[tr.Name]++
			}
		})
		t.Logf("%s: %d of %d", file, len(taken), len(w.Transitions))
		if len(taken) < len(w.Transitions)/2 {
			t.Fatalf("%s: only %v were ever taken: the test says too little", file, taken)
		}
	}
}

// from are the transitions that leave a state.
func from(w *workflow.Workflow, state string) (list []workflow.Transition) {
	for _, tr := range w.Transitions {
		if slices.Contains(tr.From, state) {
			list = append(list, tr)
		}
	}
	return list
}

// Timers fire exactly once, and the same ones, however often and when somebody
// looks, and whatever is forgotten between: the history alone decides.
func TestTimersFireOnceWhateverTheTicks(t *testing.T) {
	for _, file := range []string{incidentFile, requestFile, "testdata/request.yaml"} {
		w := parse(t, file)
		seen := map[string]bool{}
		rapid.Check(t, func(t *rapid.T) {
			var plan []workflow.Event // what people do; ticks do not change it
			state, now := w.Start[0], monday
			severities := []string{"high", "medium", "low", "urgent"}
			facts := func(s string) map[string]string {
				return map[string]string{"severity": s, "urgency": s, "routed": map[bool]string{true: "no", false: "yes"}[s == "low"], "asker": map[bool]string{true: "desk", false: "unit"}[s == "high"]}
			}
			plan = append(plan, workflow.Event{Kind: workflow.Open, Name: state, At: now, Facts: facts(rapid.SampledFrom(severities).Draw(t, "severity"))})
			for range rapid.IntRange(0, 12).Draw(t, "events") {
				now = now.Add(time.Duration(rapid.IntRange(1, 400).Draw(t, "minutes")) * time.Minute)
				c, err := w.Fold(plan)
				if err != nil {
					t.Fatal(err)
				}
				var next []workflow.Event
				for _, tr := range w.Allowed(c, workflow.Actor{System: true}, now) {
					next = append(next, move(tr.Name, now))
				}
				for _, s := range severities {
					more := facts(s)
					more["kind"] = s
					next = append(next, workflow.Event{Kind: workflow.Set, At: now, Facts: more})
				}
				for _, p := range w.Pauses {
					if c.Paused == "" && slices.Contains(p.States, c.State) {
						next = append(next, workflow.Event{Kind: workflow.Halt, Name: p.Name, At: now})
					}
				}
				if c.Paused != "" {
					next = append(next, workflow.Event{Kind: workflow.Resume, At: now})
				}
				plan = append(plan, rapid.SampledFrom(next).Draw(t, "event"))
			}
			end := now.Add(20 * 24 * time.Hour)
			run := func(ticks []time.Time) map[string]bool {
				fired := map[string]bool{}
				var history []workflow.Event
				rest := plan
				for _, tick := range append(ticks, end) {
					for len(rest) > 0 && !rest[0].At.After(tick) {
						history, rest = append(history, rest[0]), rest[1:]
					}
					if len(history) == 0 {
						continue
					}
					c, err := w.Fold(history) // as after a restart: nothing is remembered
					if err != nil {
						t.Fatal(err)
					}
					list, err := w.Timers(c, tick, workflow.Clock{})
					if err != nil {
						t.Fatal(err)
					}
					for _, f := range list {
						if f.Kind == workflow.Advance || f.Kind == workflow.Continue {
							continue // these are steps themselves: when they are taken is part of the history
						}
						if fired[f.ID] {
							t.Fatalf("%s fired twice", f.ID)
						}
						if f.At.After(tick) {
							t.Fatalf("%s fired at %s, before its time %s", f.ID, tick, f.At)
						}
						fired[f.ID], seen[f.Kind] = true, true
						history = append(history, workflow.Event{Kind: workflow.Fire, Name: f.ID, At: tick})
					}
				}
				return fired
			}
			var ticks []time.Time
			at := monday
			for at.Before(end) {
				at = at.Add(time.Duration(rapid.IntRange(1, 2000).Draw(t, "tick")) * time.Minute)
				ticks = append(ticks, at)
			}
			once, often := run(nil), run(ticks)
			if !maps.Equal(once, often) {
				t.Fatalf("with one tick %v\nwith %d ticks %v\nplan %+v", slices.Sorted(maps.Keys(once)), len(ticks), slices.Sorted(maps.Keys(often)), plan)
			}
		})
		for _, kind := range []string{workflow.Remind, workflow.Missed, workflow.Escalate} {
			if !seen[kind] {
				t.Errorf("%s: no %s was ever fired: the test says too little", file, kind)
			}
		}
	}
}
