package request_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/service/request"
	"huong.city/huong/internal/store/sqlite"
)

// firings counts each firing of a timeline.
func firings(timeline string) map[string]int {
	seen := map[string]int{}
	for _, f := range strings.Fields(timeline) {
		if strings.HasPrefix(f, "fire:") {
			seen[f]++
		}
	}
	return seen
}

func TestMissedDeadlinesClimbOnce(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		r := h.send(citizen, pavement(1))
		h.act(duty, r.Code, "assign")
		for range 20 * 24 {
			h.clock.forward(time.Hour)
			h.tick()
		}
		again := h.another()
		for range 3 {
			if err := again.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got := firings(h.timeline(r.Code))
		for _, want := range []string{"fire:answer/1/50", "fire:answer/1/80", "fire:answer/1/100", "fire:answer/1/missed", "fire:answer/1/escalate-city^city", "fire:answer/1/escalate-chair^chair"} {
			if got[want] != 1 {
				t.Errorf("%s happened %d times of %v", want, got[want], got)
			}
			delete(got, want)
		}
		if len(got) > 0 {
			t.Errorf("beside these %v", got)
		}
		w, err := h.Read(t.Context(), duty, r.Code)
		if err != nil || w.Level != "chair" || w.Missed != 1 || !w.NextAt.IsZero() || !w.Overdue(h.clock.Now()) {
			t.Errorf("%+v %v", w, err)
		}
		n := 0
		for _, s := range h.told(0) {
			if s == "A report was raised → role:leader@46" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("the chair is told %d times", n)
		}
		if c, err := h.Counts(t.Context(), ward); err != nil || c.Overdue != 1 || c.Open != 1 {
			t.Errorf("%+v %v", c, err)
		}
	})
}

// Whoever is asked has five working days; the clock of the answer stands meanwhile,
// and when nobody replies the case goes on.
func TestQuestionsThatNobodyAnswers(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	r := h.send(citizen, pavement(1))
	h.act(duty, r.Code, "assign")
	x := h.act(ward, r.Code, "ask", "question", "Ở đâu?")
	if x.DueAt.Sub(r.DueAt) < 4*24*time.Hour {
		t.Errorf("the pause did not move %s, but %s", r.DueAt, x.DueAt)
	}
	for range 20 {
		h.clock.forward(24 * time.Hour)
		h.tick()
	}
	got := h.timeline(r.Code)
	if strings.Count(got, "resume:") != 1 || strings.Count(got, "move:no-reply") != 1 {
		t.Errorf("timeline %s", got)
	}
}

// Many tick at once, while somebody works: still once.
func TestManyTickers(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		var codes []string
		for n := range 12 {
			s := pavement(n)
			s.Contact.Name = ""
			codes = append(codes, h.send(friendOf(n), s).Code)
		}
		h.clock.forward(30 * 24 * time.Hour)
		var all sync.WaitGroup
		for range 4 {
			d := h.another()
			all.Go(func() {
				if err := d.Tick(context.Background()); err != nil && problem.KindOf(err) != problem.Unavailable {
					t.Error(err)
				}
			})
		}
		for _, code := range codes[:4] {
			all.Go(func() {
				if _, err := h.Act(context.Background(), duty, code, actOf("note", 0, "text", "x")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		h.tick()
		for _, code := range codes {
			got := firings(h.timeline(code))
			for f, n := range got {
				if n != 1 {
					t.Errorf("%s: %s happened %d times", code, f, n)
				}
			}
			if got["fire:verify/1/escalate-chair^chair"] != 1 {
				t.Errorf("%s did not climb: %v", code, got)
			}
		}
	})
}

// The process dies at any moment, twice: what it did is done, what it did not is
// done by the next. Its death is a copy of the files as they lie on the disk.
func TestTheClockAcrossTwoDeaths(t *testing.T) {
	folder := t.TempDir()
	h := onSQLite(t, folder)
	var codes []string
	for n := range 5 {
		codes = append(codes, h.send(friendOf(n), pavement(n)).Code)
	}
	for death := range 2 {
		for _, hours := range []int{3, 30, 60} {
			h.clock.forward(time.Duration(hours) * time.Hour)
			h.tick()
		}
		h.clock.forward(70 * time.Hour)
		next := t.TempDir()
		files, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		dying, done := context.WithCancel(t.Context())
		go func() { h.Tick(dying); done() }()
		<-dying.Done()
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				continue // a lock or a log that came and went
			}
			if err := os.WriteFile(filepath.Join(next, filepath.Base(f)), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		h.repo.Close(context.Background())
		d, err := sqlite.Open(next, sqlite.Options{})
		if err != nil {
			t.Fatalf("death %d: %v", death+1, err)
		}
		folder, h = next, openHall(t, d, h.clock)
		h.clock.forward(-time.Hour) // and its clock is set back
		h.tick()
		h.clock.forward(time.Hour)
	}
	h.clock.forward(40 * 24 * time.Hour)
	h.tick()
	h.tick()
	for _, code := range codes {
		got := firings(h.timeline(code))
		for f, n := range got {
			if n != 1 {
				t.Errorf("%s: %s happened %d times", code, f, n)
			}
		}
		if len(got) != 12 { // 6 of verifying, 6 of answering
			t.Errorf("%s: %v", code, got)
		}
	}
	seen := map[string]int{}
	for _, s := range h.told(0) {
		seen[s]++
	}
	if n := seen["A report was raised → role:leader@46"]; n != 10-5 {
		t.Errorf("the chair was told %d times", n)
	}
}

// What comes together is one line of the timeline, and many reports of one agency
// one message; each firing is there once all the same, and every record is what its
// timeline tells.
func TestManyDueTogether(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		const many = 60
		h.open(many)
		before := len(h.told(0))
		h.clock.set(time.Date(2025, 11, 6, 0, 0, 0, 0, hue)) // the answers were due on the 5th
		h.tick()
		list, _, err := h.List(t.Context(), duty, request.Query{Limit: 2 * many})
		if err != nil || len(list) != many {
			t.Fatalf("%d %v", len(list), err)
		}
		for _, x := range list {
			got := firings(h.timeline(x.Code))
			for _, want := range []string{"fire:answer/1/50", "fire:answer/1/80", "fire:answer/1/100", "fire:answer/1/missed", "fire:answer/1/escalate-city", "fire:verify/1/missed"} {
				if got[want] != 1 {
					t.Errorf("%s: %s happened %d times of %v", x.Code, want, got[want], got)
				}
			}
			if x.Missed != 2 || x.Entries > 6 {
				t.Errorf("%s: missed %d in %d lines", x.Code, x.Missed, x.Entries)
			}
			stored, folded, err := h.Refold(t.Context(), x.Code)
			if err != nil || stored.NextAt != folded.NextAt || stored.Level != folded.Level || stored.Missed != folded.Missed || stored.Deadline != folded.Deadline || stored.Entries != folded.Entries {
				t.Errorf("stored %+v\nfolded %+v %v", stored, folded, err)
			}
		}
		told := h.told(before)
		if len(told) == 0 || len(told) > 6 {
			t.Errorf("%d messages: %v", len(told), told)
		}
		h.tick()
		if n := len(h.told(before)); n != len(told) {
			t.Errorf("told %d times, then %d", len(told), n)
		}
	})
}
