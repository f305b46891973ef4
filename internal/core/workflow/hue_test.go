package workflow_test

import (
	"os"
	"testing"
	"time"

	"huong.city/huong/internal/core/calendar"
	"huong.city/huong/internal/core/workflow"
)

const requestFile = "../../../city/hue/workflows/service-request.yaml"

// hueClock counts by the city's own calendar.
func hueClock(t testing.TB) workflow.Clock {
	t.Helper()
	const file = "../../../city/hue/calendars/hue.yaml"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := calendar.Parse(file, b)
	if err != nil {
		t.Fatal(err)
	}
	return workflow.Clock{Add: c.AddWorkingHours, Between: c.WorkingTimeBetween}
}

// A report is due on the day that the city's pages gave for it.
func TestReportsAreDueOnTheDaysThatWerePublished(t *testing.T) {
	w, clock := parse(t, requestFile), hueClock(t)
	for _, c := range []struct{ sent, facts, due string }{
		{"2021-05-31 14:11", "normal", "2021-06-11"}, // report 41778, answered 14:25 that day
		{"2021-11-07 16:20", "normal", "2021-11-18"}, // report 54632, a Sunday
		{"2022-12-29 09:00", "normal", "2023-01-10"}, // report 96924, of the end of December
		{"2023-01-21 19:30", "normal", "2023-02-06"}, // report 99124, Tết
		{"2024-08-09 11:15", "normal", "2024-08-20"}, // report 154083
		{"2022-07-14 23:59", "normal", "2022-07-27"}, // the last day of the rule of 2020
		{"2022-07-15 00:00", "normal", "2022-07-26"}, // the first day of the rule of 2022
		{"2024-08-12 00:30", "normal", "2024-08-21"}, // before the day's work: the day does not count all the same
		{"2024-05-03 10:00", "normal", "2024-05-13"}, // the Saturday worked instead counts
		{"2024-08-09 11:15", "urgent", "2024-08-14"},
	} {
		sent, err := time.ParseInLocation("2006-01-02 15:04", c.sent, hue)
		if err != nil {
			t.Fatal(err)
		}
		x, err := w.Fold([]workflow.Event{{Kind: workflow.Open, Name: "received", At: sent, Facts: map[string]string{"urgency": c.facts, "routed": "yes"}}})
		if err != nil {
			t.Fatal(err)
		}
		running, err := w.Running(x, clock)
		if err != nil {
			t.Fatal(err)
		}
		var due time.Time
		for _, r := range running {
			if r.Deadline.Name == "answer" {
				due = r.Due
			}
		}
		if got := due.In(hue).Format(time.DateTime); got != c.due+" 23:59:59" {
			t.Errorf("sent %s, %s: due %s, want the end of %s", c.sent, c.facts, got, c.due)
		}
	}
}

var hue = time.FixedZone("Asia/Ho_Chi_Minh", 7*3600)

// The firings of one report that nobody touches, by the calendar of the city.
func TestAReportThatNobodyTouchesClimbs(t *testing.T) {
	w, clock := parse(t, requestFile), hueClock(t)
	for _, c := range []struct {
		facts map[string]string
		want  []string
	}{
		{map[string]string{"urgency": "normal", "routed": "yes"}, []string{
			"08-09 17:15 verify/1/50", "08-12 09:39 verify/1/80", "08-12 11:15 verify/1/100", "08-12 11:15 verify/1/missed", "08-12 11:15 verify/1/escalate-city",
			"08-14 11:15 verify/1/escalate-chair", "08-15 11:30 answer/1/50", "08-19 14:18 answer/1/80", "08-20 17:30 answer/1/100",
			"08-20 23:59 answer/1/missed", "08-20 23:59 answer/1/escalate-city", "08-23 23:59 answer/1/escalate-chair"}},
		{map[string]string{"urgency": "urgent", "routed": "no"}, []string{
			"08-09 13:45 verify/1/50", "08-09 14:03 verify/1/80", "08-09 14:15 verify/1/100", "08-09 14:15 verify/1/missed", "08-09 14:15 verify/1/escalate-city"}},
		{map[string]string{"urgency": "urgent", "routed": "yes"}, []string{
			"08-09 15:15 verify/1/50", "08-09 16:27 verify/1/80", "08-09 17:15 verify/1/100", "08-09 17:15 verify/1/missed", "08-09 17:15 verify/1/escalate-city"}},
	} {
		x, err := w.Fold([]workflow.Event{{Kind: workflow.Open, Name: "received", At: time.Date(2024, 8, 9, 11, 15, 0, 0, hue), Facts: c.facts}})
		if err != nil {
			t.Fatal(err)
		}
		list, err := w.Timers(x, time.Date(2025, 1, 1, 0, 0, 0, 0, hue), clock)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) < len(c.want) {
			t.Fatalf("%v: %d firings, want %d", c.facts, len(list), len(c.want))
		}
		for i, want := range c.want {
			if got := list[i].At.In(hue).Format("01-02 15:04") + " " + list[i].ID; got != want {
				t.Errorf("%v: firing %d is %s, want %s", c.facts, i, got, want)
			}
		}
	}
}

// While the reporter is asked the clock stands, five working days at most, and
// what was asked ends by itself after five more.
func TestWaitingForTheReporterStopsTheClockToACap(t *testing.T) {
	w, clock := parse(t, requestFile), hueClock(t)
	day := func(d, h int) time.Time { return time.Date(2024, 8, d, h, 30, 0, 0, hue) }
	history := []workflow.Event{
		{Kind: workflow.Open, Name: "received", At: day(9, 10), Facts: map[string]string{"urgency": "normal", "routed": "yes"}},
		{Kind: workflow.Move, Name: "assign", At: day(9, 14)},
		{Kind: workflow.Move, Name: "ask", At: day(12, 7), Facts: map[string]string{"asker": "unit"}},
		{Kind: workflow.Halt, Name: "reporter", At: day(12, 7)},
	}
	due := func(more ...workflow.Event) (string, []workflow.Firing) {
		t.Helper()
		x, err := w.Fold(append(history[:len(history):len(history)], more...))
		if err != nil {
			t.Fatal(err)
		}
		list, err := w.Timers(x, day(31, 0), clock)
		if err != nil {
			t.Fatal(err)
		}
		running, err := w.Running(x, clock)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range running {
			if r.Deadline.Name == "answer" {
				return r.Due.In(hue).Format("01-02 15:04"), list
			}
		}
		return "", list
	}
	if at, _ := due(workflow.Event{Kind: workflow.Move, Name: "reply", At: day(14, 7)}); at != "08-22 23:59" {
		t.Errorf("two days of waiting: due %s", at)
	}
	at, list := due()
	if at != "08-27 23:59" {
		t.Errorf("no reply: due %s, want five working days later", at)
	}
	var resumed, moved string
	for _, f := range list {
		switch f.Kind {
		case workflow.Continue:
			resumed = f.At.In(hue).Format("01-02 15:04")
		case workflow.Advance:
			moved = f.At.In(hue).Format("01-02 15:04") + " " + f.Transition
		}
	}
	if resumed != "08-16 17:30" || moved != "08-23 17:30 no-reply" {
		t.Errorf("the clock runs again %q, the question ends %q", resumed, moved)
	}
}

// What is answered closes by itself after a fortnight; what is reopened has a
// full term again.
func TestAnsweredClosesAndReopenedBeginsAgain(t *testing.T) {
	w, clock := parse(t, requestFile), hueClock(t)
	at := func(m time.Month, d int) time.Time { return time.Date(2024, m, d, 9, 0, 0, 0, hue) }
	history := []workflow.Event{
		{Kind: workflow.Open, Name: "received", At: at(8, 9), Facts: map[string]string{"urgency": "normal", "routed": "yes"}},
		{Kind: workflow.Move, Name: "assign", At: at(8, 9)},
		{Kind: workflow.Move, Name: "answer", At: at(8, 13), Outcome: "fixed"},
	}
	x, err := w.Fold(history)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Apply(x, workflow.Actor{Relations: []string{workflow.Requester}}, workflow.Step{Transition: "dispute", At: at(8, 27), Fields: map[string]string{"note": "Chưa sửa"}}); err != nil {
		t.Errorf("dispute on the last day: %v", err)
	}
	if _, err := w.Apply(x, workflow.Actor{Relations: []string{workflow.Requester}}, workflow.Step{Transition: "dispute", At: at(8, 28), Fields: map[string]string{"note": "Chưa sửa"}}); err == nil {
		t.Error("dispute after fourteen days is taken")
	}
	list, err := w.Timers(x, at(9, 1), clock)
	if err != nil {
		t.Fatal(err)
	}
	if f := list[len(list)-1]; f.Transition != "close" || !f.At.Equal(at(8, 27)) {
		t.Errorf("the last firing is %+v", f)
	}
	x, err = w.Fold(append(history, workflow.Event{Kind: workflow.Move, Name: "close", At: at(8, 27)}, workflow.Event{Kind: workflow.Move, Name: "reopen", At: at(9, 4)}))
	if err != nil {
		t.Fatal(err)
	}
	running, err := w.Running(x, clock)
	if err != nil || len(running) != 1 || running[0].Due.In(hue).Format(time.DateOnly) != "2024-09-13" || x.Outcome != "" {
		t.Errorf("reopened: %+v, outcome %q, %v", running, x.Outcome, err)
	}
}
