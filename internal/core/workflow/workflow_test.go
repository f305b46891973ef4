package workflow_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
)

const incidentFile = "../../../city/hue/workflows/incident.yaml"

func parse(t testing.TB, file string) *workflow.Workflow {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w, err := workflow.Parse(file, b, grant.Roles())
	if err != nil {
		for _, v := range problem.As(err).Violations {
			t.Error(v.In("en"))
		}
		t.Fatal(err)
	}
	return w
}

// Every fault stands at its line and column, all at once.
func TestFaultsAreLocated(t *testing.T) {
	good, err := os.ReadFile("testdata/request.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		old, new string
		want     []string // line:column code, in order
	}{
		{"nothing wrong", "", "", nil},
		{"a state nobody reaches", "  - {name: planned,", "  - {name: lost, title: {vi: Lạc, en: Lost}}\n  - {name: planned,", []string{"10:6 workflow-unreachable"}},
		{"a state without exit", "from: planned, to: working", "from: planned, to: planned", []string{"10:6 workflow-no-exit"}},
		{"an unknown state", "from: received, to: working", "from: recieved, to: working", []string{"18:53 declaration-word-near"}},
		{"an unknown role", "roles: [officer]", "roles: [oficer]", []string{"21:171 declaration-word-near"}},
		{"an unknown relation", "by: [{relation: requester}]}\n  - {name: accept", "by: [{relation: friend}]}\n  - {name: accept", []string{"22:135 declaration-word"}},
		{"a span", "cap: 2d", "cap: two days", []string{"29:10 workflow-span"}},
		{"half a day", "{until: 2026-01-01, for: 10d, time: working", "{until: 2026-01-01, for: 10h, time: days", []string{"40:34 workflow-whole-days"}},
		{"a missing language", "title: {vi: Đơn vị, en: Unit}", "title: {vi: Đơn vị}", []string{"4:26 declaration-missing"}},
		{"a level that is not there", "escalate: [{to: city}, {to: chair, after: 2h}]", "escalate: [{to: mayor}]", []string{"39:97 declaration-word"}},
		{"a rule that a former one covers", "{until: 2026-01-01, for: 10d", "{for: 10d", []string{"41:10 workflow-rule-shadowed"}},
		{"two clocks from one moment", "  - name: forward\n", "  - {name: twice, title: {vi: Lặp, en: Twice}, states: [received], rules: [{for: 1h}]}\n  - name: forward\n", []string{"43:5 workflow-deadlines-overlap"}},
		{"a clock that must write", "rules: [{for: 3d, move: wake}]", "rules: [{for: 3d, move: plan}]", []string{"50:14 workflow-move-from", "50:14 workflow-move-needs"}},
		{"an unknown key", "states: [working]\n", "state: [working]\n", []string{"26:5 declaration-missing", "28:5 declaration-unknown-key-near"}},
		{"a thing twice", "name: dispute,", "name: accept,", []string{"23:6 workflow-twice"}},
	} {
		text := string(good)
		if c.old != "" && !strings.Contains(text, c.old) {
			t.Fatalf("%s: the file has no %q", c.name, c.old)
		}
		_, err := workflow.Parse("request.yaml", []byte(strings.Replace(text, c.old, c.new, 1)), grant.Roles())
		var got []string
		if err != nil {
			for _, v := range problem.As(err).Violations {
				got = append(got, fmt.Sprintf("%d:%d %s", v.Position.Line, v.Position.Column, v.Code))
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

var monday = time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)

func at(h, m int) time.Time {
	return monday.Add(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute)
}

func fold(t testing.TB, w *workflow.Workflow, events ...workflow.Event) *workflow.Case {
	t.Helper()
	c, err := w.Fold(events)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func opened(severity string) workflow.Event {
	return workflow.Event{Kind: workflow.Open, Name: "detected", At: monday, Facts: map[string]string{"severity": severity}}
}

func move(name string, at time.Time) workflow.Event {
	return workflow.Event{Kind: workflow.Move, Name: name, At: at}
}

func ids(t testing.TB, w *workflow.Workflow, c *workflow.Case, now time.Time) string {
	t.Helper()
	list, err := w.Timers(c, now, workflow.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range list {
		s := f.ID
		if f.Late {
			s += " late"
		}
		got = append(got, s)
	}
	return strings.Join(got, ", ")
}

func TestTimersOfAnIncident(t *testing.T) {
	w := parse(t, incidentFile)
	high := opened("high")
	for _, c := range []struct {
		name    string
		history []workflow.Event
		now     time.Time
		want    string
	}{
		{"before half time", []workflow.Event{high}, at(0, 4), ""},
		{"half time", []workflow.Event{high}, at(0, 5), "acknowledge/1/50"},
		{"missed", []workflow.Event{high}, at(0, 10), "acknowledge/1/50, acknowledge/1/80, acknowledge/1/missed, acknowledge/1/escalate-department"},
		{"missed by far", []workflow.Event{high}, at(1, 0), "acknowledge/1/50, acknowledge/1/80, acknowledge/1/missed, acknowledge/1/escalate-department, acknowledge/1/escalate-city"},
		{"done in time", []workflow.Event{high, move("acknowledge", at(0, 3))}, at(0, 10), ""},
		{"done late, and nobody looked", []workflow.Event{high, move("acknowledge", at(0, 12))}, at(0, 13),
			"acknowledge/1/50 late, acknowledge/1/80 late, acknowledge/1/missed late, acknowledge/1/escalate-department late"},
		{"noted already", []workflow.Event{high, {Kind: workflow.Fire, Name: "acknowledge/1/50", At: at(0, 6)}}, at(0, 8), "acknowledge/1/80"},
		{"a milder case has longer", []workflow.Event{opened("low")}, at(1, 0), ""},
		{"it turned worse", []workflow.Event{opened("low"), {Kind: workflow.Set, At: at(0, 30), Facts: map[string]string{"severity": "high"}}}, at(0, 30),
			"acknowledge/1/50, acknowledge/1/80, acknowledge/1/missed, acknowledge/1/escalate-department, acknowledge/1/escalate-city"},
		{"reopened: the clock starts anew", []workflow.Event{high, move("acknowledge", at(0, 1)), move("resolve", at(0, 2)), move("close", at(0, 3)), move("reopen", at(5, 0))}, at(5, 9),
			"acknowledge/2/50, acknowledge/2/80"},
		{"assigning again starts no second clock", []workflow.Event{high, move("assign", at(0, 1)), move("assign", at(0, 20))}, at(0, 31),
			"begin/1/50, begin/1/80, begin/1/missed, begin/1/escalate-department"},
	} {
		if got := ids(t, w, fold(t, w, c.history...), c.now); got != c.want {
			t.Errorf("%s:\n  %s\nwant\n  %s", c.name, got, c.want)
		}
	}
}

// office counts the hours from 8 to 16 of every day as working time: enough to
// tell working time from any other.
func office() workflow.Clock {
	minute := func(t time.Time) bool { return t.Hour() >= 8 && t.Hour() < 16 }
	return workflow.Clock{
		Add: func(from time.Time, d time.Duration) (time.Time, error) {
			for ; d > 0; from = from.Add(time.Minute) {
				if minute(from) {
					d -= time.Minute
				}
			}
			return from, nil
		},
		Between: func(from, until time.Time) (d time.Duration, err error) {
			for ; from.Before(until); from = from.Add(time.Minute) {
				if minute(from) {
					d += time.Minute
				}
			}
			return d, nil
		},
	}
}

func TestWorkingTimePausesAndVersionsOfRules(t *testing.T) {
	w := parse(t, "testdata/request.yaml")
	open := func(day time.Time, kind string) workflow.Event {
		return workflow.Event{Kind: workflow.Open, Name: "received", At: day, Facts: map[string]string{"kind": kind}}
	}
	due := func(history ...workflow.Event) string {
		running, err := w.Running(fold(t, w, history...), office())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range running {
			if r.Deadline.Name == "whole" {
				if r.Due.IsZero() {
					return "never"
				}
				return r.Due.Format("01-02 15:04")
			}
		}
		return "none"
	}
	old := time.Date(2025, 12, 31, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct{ name, got, want string }{
		{"five working days", due(open(monday, "lamp")), "03-13 16:00"},
		{"four working hours, over night", due(open(at(6, 0), "urgent")), "03-10 10:00"},
		{"the rule of the year before", due(open(old, "lamp")), "01-09 16:00"},
		{"a pause of one day", due(open(monday, "lamp"), move("take", at(1, 0)), workflow.Event{Kind: workflow.Halt, Name: "citizen", At: at(2, 0)}, workflow.Event{Kind: workflow.Resume, At: at(26, 0)}), "03-14 16:00"},
		{"a pause beyond its cap counts to the cap", due(open(monday, "lamp"), move("take", at(1, 0)), workflow.Event{Kind: workflow.Halt, Name: "citizen", At: at(2, 0)}, workflow.Event{Kind: workflow.Resume, At: at(98, 0)}), "03-15 16:00"},
		{"two pauses share a cap", due(open(monday, "lamp"), move("take", at(1, 0)), workflow.Event{Kind: workflow.Halt, Name: "citizen", At: at(2, 0)}, workflow.Event{Kind: workflow.Resume, At: at(26, 0)},
			workflow.Event{Kind: workflow.Halt, Name: "citizen", At: at(26, 0)}, workflow.Event{Kind: workflow.Resume, At: at(98, 0)}), "03-15 16:00"},
		{"a court takes what it takes", due(open(monday, "lamp"), workflow.Event{Kind: workflow.Halt, Name: "court", At: at(2, 0)}), "never"},
	} {
		if c.got != c.want {
			t.Errorf("%s: due %s, want %s", c.name, c.got, c.want)
		}
	}
	c := fold(t, w, open(monday, "lamp"), move("take", at(1, 0)), workflow.Event{Kind: workflow.Halt, Name: "citizen", At: at(2, 0)})
	list, err := w.Timers(c, at(50, 0), office())
	if err != nil || len(list) != 3 || list[2].Kind != workflow.Continue || !list[2].At.Equal(at(50, 0)) {
		t.Errorf("at the cap of the pause: %+v %v", list, err)
	}
	// A case ends its pause by leaving the states that it is for.
	c = fold(t, w, open(monday, "lamp"), move("take", at(1, 0)), workflow.Event{Kind: workflow.Halt, Name: "citizen", At: at(2, 0)}, move("plan", at(3, 0)))
	if c.Paused != "" {
		t.Error("the pause outlived the state")
	}
	if list, _ := w.Timers(c, at(75, 0), office()); !slices.ContainsFunc(list, func(f workflow.Firing) bool { return f.Kind == workflow.Advance && f.Transition == "wake" }) {
		t.Errorf("a planned case does not wake: %+v", list)
	}
}

func TestStepsAreChecked(t *testing.T) {
	w := parse(t, "testdata/request.yaml")
	officer := workflow.Actor{Name: "an", Roles: []string{"officer"}, Relations: []string{workflow.Owner, workflow.Party}}
	citizen := workflow.Actor{Name: "dan", Relations: []string{workflow.Requester}}
	received := workflow.Event{Kind: workflow.Open, Name: "received", At: monday}
	answered := []workflow.Event{received, {Kind: workflow.Move, Name: "answer", At: at(1, 0), Outcome: "fixed"}}
	for _, c := range []struct {
		name    string
		history []workflow.Event
		actor   workflow.Actor
		step    workflow.Step
		want    string // kind code fields
	}{
		{"taken", []workflow.Event{received}, officer, workflow.Step{Transition: "take"}, ""},
		{"no such step", []workflow.Event{received}, officer, workflow.Step{Transition: "fly"}, "not-found workflow-step-unknown"},
		{"out of turn", []workflow.Event{received}, citizen, workflow.Step{Transition: "accept"}, "conflict workflow-step"},
		{"by somebody else", []workflow.Event{received}, citizen, workflow.Step{Transition: "take"}, "denied workflow-denied"},
		{"with a wrong role", []workflow.Event{received}, workflow.Actor{Roles: []string{"leader"}, Relations: []string{workflow.Owner}}, workflow.Step{Transition: "answer"}, "denied workflow-denied"},
		{"without what it needs", []workflow.Event{received}, officer, workflow.Step{Transition: "answer", Fields: map[string]string{"text": " ", "mood": "x"}}, "invalid workflow-step-invalid mood outcome text"},
		{"without what the outcome needs", []workflow.Event{received}, officer, workflow.Step{Transition: "answer", Outcome: "fixed", Fields: map[string]string{"text": "xong"}}, "invalid workflow-step-invalid photo"},
		{"whole", []workflow.Event{received}, officer, workflow.Step{Transition: "answer", Outcome: "fixed", Fields: map[string]string{"text": "xong", "photo": "a1"}}, ""},
		{"disputed in time", answered, citizen, workflow.Step{Transition: "dispute", At: at(200, 0), Fields: map[string]string{"text": "chưa"}}, ""},
		{"disputed too late", answered, citizen, workflow.Step{Transition: "dispute", At: at(250, 0), Fields: map[string]string{"text": "chưa"}}, "conflict workflow-step"},
	} {
		if c.step.At.IsZero() {
			c.step.At = at(2, 0)
		}
		_, err := w.Apply(fold(t, w, c.history...), c.actor, c.step)
		got := ""
		if err != nil {
			p := problem.As(err)
			got = p.Kind.String() + " " + p.Code
			for _, v := range p.Violations {
				got += " " + v.Field
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	reopened := fold(t, w, append(answered, move("accept", at(2, 0)), move("reopen", at(3, 0)))...)
	if reopened.Outcome != "" || reopened.State != "working" {
		t.Errorf("reopened: %s, outcome %q", reopened.State, reopened.Outcome)
	}
}
