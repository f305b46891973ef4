package request_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// The numbers of a desk that has queues are those of one that counts by reading, and
// a queue read page by page is the queue.
func TestNumbersAreARecount(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		var list []request.Past
		for i := range 90 {
			p := past(fmt.Sprint("q", i), start.AddDate(0, 0, -i), 0)
			p.Category = []string{"encroachment", "road", "waste"}[i%3]
			p.Status = []string{"received", "in-progress", "assigned"}[i%3]
			p.Published = i%4 != 0
			p.DueAt = start.AddDate(0, 0, i%7-3).Add(-30 * time.Minute)
			switch {
			case i%5 == 0:
				p = past(fmt.Sprint("q", i), start.AddDate(0, 0, -i), 30*time.Hour)
			case i%11 == 0:
				p.Longitude, p.Latitude, p.Area = nil, nil, "19753"
			case i%13 == 0:
				p.DueAt = time.Time{}
			}
			list = append(list, p)
		}
		if _, err := h.Import(t.Context(), duty, list); err != nil {
			t.Fatal(err)
		}
		queues := request.NewQueues(hue)
		h.repo.Follow(queues)
		counting := h.withQueues(queues)
		check := func(when string) {
			t.Helper()
			for _, p := range []repo.Principal{duty, ward, other} {
				got, err := counting.Counts(t.Context(), p)
				want, e := h.Counts(t.Context(), p)
				if err != nil || e != nil || got != want {
					t.Errorf("%s: %s is told %+v, and it is %+v %v %v", when, p.Name, got, want, err, e)
				}
			}
			yes, no := true, false
			for _, open := range []*bool{nil, &yes, &no} {
				for _, category := range [][]string{nil, {"road"}} {
					for _, area := range []string{"", "46", "19789"} {
						for _, from := range []time.Time{{}, start.AddDate(0, 0, -65).Add(-8 * time.Hour), start.AddDate(0, 0, -20).Add(-8 * time.Hour)} {
							for _, until := range []time.Time{{}, start.AddDate(0, 0, -12).Add(-8 * time.Hour)} {
								q := request.Query{Open: open, Category: category, Area: area, From: from, Until: until, Count: true, Limit: 3}
								_, got, err := counting.Public(t.Context(), q)
								_, want, e := h.Public(t.Context(), q)
								if err != nil || e != nil || got.Matched != want.Matched || got.Next == "" != (want.Next == "") {
									t.Errorf("%s: %+v: %d counted, %d are there; %v %v", when, q, got.Matched, want.Matched, err, e)
								}
							}
						}
					}
				}
			}
		}
		check("at first")
		yes := true
		for _, q := range []request.Query{{Open: &yes}, {Overdue: true}, {DueWithin: 50 * time.Hour}, {Open: &yes, Agency: "ubnd-19789"}} {
			q.ByDue, q.Limit = true, 1000
			all, _, err := h.List(t.Context(), duty, q)
			if err != nil || len(all) == 0 {
				t.Fatalf("%d %v", len(all), err)
			}
			n, err := h.matched(duty, q)
			if err != nil || int(n) != len(all) {
				t.Errorf("%+v: %d listed, %d are there", q, len(all), n)
			}
			var paged []request.Request
			q.Limit = 4
			for {
				some, page, err := h.List(t.Context(), duty, q)
				if err != nil {
					t.Fatal(err)
				}
				paged = append(paged, some...)
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			if len(paged) != len(all) {
				t.Fatalf("%+v: %d in pages, %d at once", q, len(paged), len(all))
			}
			for i := range all {
				if paged[i].Code != all[i].Code {
					t.Errorf("%+v: place %d is %s in pages, %s at once", q, i, paged[i].Code, all[i].Code)
				}
				if i > 0 && !all[i].DueAt.IsZero() && (all[i-1].DueAt.IsZero() || all[i].DueAt.Before(all[i-1].DueAt)) {
					t.Errorf("%+v: place %d is out of order", q, i)
				}
			}
		}
		list2, _, err := h.List(t.Context(), duty, request.Query{Status: []string{"received"}, Limit: 6})
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range list2 {
			switch i % 3 {
			case 0:
				h.act(duty, x.Code, "assign", "agency", "ubnd-19789", "assignee", "ha")
			case 1:
				h.act(duty, x.Code, "verify")
			default:
				h.act(duty, x.Code, "hide", "reason", "có tên người")
			}
		}
		h.clock.forward(30 * time.Hour)
		h.tick()
		check("after some steps")
		// What is saved of the log is what was counted.
		again := request.NewQueues(hue)
		if err := h.repo.Log(t.Context(), repo.Internal(), repo.LogQuery{Changes: true}, applied(again, h.repo)); err != nil {
			t.Fatal(err)
		}
		puts, err := again.Save()
		if err != nil {
			t.Fatal(err)
		}
		state := map[string][]byte{}
		for _, p := range puts {
			if p.Value != nil {
				state[p.Key] = p.Value
			}
		}
		loaded := request.NewQueues(hue)
		if err := loaded.Load(state); err != nil {
			t.Fatal(err)
		}
		if at, want := request.CountedUpTo(loaded), request.CountedUpTo(again); at != want || at == 0 {
			t.Errorf("loaded up to commit %d, saved at %d: whoever counts waits for nothing", at, want)
		}
		got, err := h.withQueues(loaded).Counts(t.Context(), duty)
		if want, e := h.Counts(t.Context(), duty); err != nil || e != nil || got != want {
			t.Errorf("loaded: %+v, want %+v %v %v", got, want, err, e)
		}
		if _, _, err := h.List(t.Context(), duty, request.Query{Open: &yes, ByDue: true, Cursor: "x"}); err == nil {
			t.Error("a cursor of nobody's is taken")
		}
	})
}

// withQueues is a desk that is told its numbers.
func (h *hall) withQueues(q *request.Queues) *request.Desk {
	h.queues = q
	defer func() { h.queues = nil }()
	return h.another()
}

// matched counts by reading.
func (h *hall) matched(p repo.Principal, q request.Query) (int64, error) {
	q.Limit, q.Count = 1, true
	_, page, err := h.List(context.Background(), p, q)
	return page.Matched, err
}
