package request_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// pasts are requests in all states, with and without a place and a date.
func pasts(n int) (list []request.Past) {
	for i := range n {
		p := past(fmt.Sprint("l", i), start.Add(-time.Duration(i/3)*7*time.Hour), 0) // three of one time
		p.Category = []string{"encroachment", "road", "lighting"}[i%3]
		p.Status = []string{"received", "in-progress", "assigned", "answered", "closed"}[i%5]
		if i < 30 && i%5 >= 3 {
			p.Status = "received" // of the last days none is over
		}
		p.Published = i%4 != 0
		p.Text = fmt.Sprintf("Ổ gà trước nhà số %d", i)
		p.DueAt = start.AddDate(0, 0, i%7-3)
		switch {
		case i%5 >= 3 && i >= 30:
			p.ClosedAt = p.At.Add(5 * time.Hour)
		case i%11 == 0:
			p.Longitude, p.Latitude, p.Area = nil, nil, "19753"
		case i%13 == 0:
			p.DueAt = time.Time{}
		}
		list = append(list, p)
	}
	return list
}

func codesOf(list []request.Request) (codes []string) {
	for i := range list {
		codes = append(codes, list[i].Code)
	}
	return codes
}

// A list that is put together of short ones is the list that is found as one, page
// for page.
func TestAListOfStrandsIsTheList(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		if _, err := h.Import(t.Context(), duty, pasts(120)); err != nil {
			t.Fatal(err)
		}
		queues := request.NewQueues(hue)
		h.repo.Follow(queues)
		counting := h.withQueues(queues)
		yes, no := true, false
		nonempty := 0
		for _, open := range []*bool{nil, &yes, &no} {
			for _, category := range [][]string{nil, {"road"}} {
				for _, area := range []string{"", "19753", "19789"} {
					for _, from := range []time.Time{{}, start.Add(-100 * time.Hour)} {
						for who, list := range map[string]func(request.Query) ([]request.Request, repo.Page, error){
							"public": func(q request.Query) ([]request.Request, repo.Page, error) { return h.Public(t.Context(), q) },
							"public, by queues": func(q request.Query) ([]request.Request, repo.Page, error) {
								return counting.Public(t.Context(), q)
							},
							"staff": func(q request.Query) ([]request.Request, repo.Page, error) { return h.List(t.Context(), duty, q) },
						} {
							q := request.Query{Open: open, Category: category, Area: area, From: from}
							whole := q
							whole.Count, whole.Limit = true, 1000 // is read as one
							want, page, err := list(whole)
							if err != nil || int(page.Matched) != len(want) {
								t.Fatalf("%+v: %d matched, %d listed: %v", q, page.Matched, len(want), err)
							}
							nonempty += min(1, len(want))
							var got []request.Request
							for q.Limit = 7; ; {
								some, page, err := list(q)
								if err != nil {
									t.Fatal(err)
								}
								if got = append(got, some...); page.Next == "" {
									break
								}
								if len(some) != q.Limit {
									t.Fatalf("%+v: a page of %d goes on", q, len(some))
								}
								q.Cursor = page.Next
							}
							if !slices.Equal(codesOf(got), codesOf(want)) {
								t.Errorf("%s, %+v:\n%v in pages\n%v at once", who, q, codesOf(got), codesOf(want))
							}
						}
					}
				}
			}
		}
		if nonempty < 50 {
			t.Errorf("only %d lists had anything", nonempty)
		}
	})
}

// searching is a desk that looks through few requests at a time.
func (h *hall) searching(n int) *request.Desk {
	h.sought = n
	defer func() { h.sought = 0 }()
	return h.another()
}

// A search with words looks through so many requests at a time and goes on from
// there: page by page it finds what stands in all of them.
func TestASearchGoesOn(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		list := pasts(120)
		if _, err := h.Import(t.Context(), duty, list); err != nil {
			t.Fatal(err)
		}
		few := h.searching(25)
		yes := true
		for _, q := range []request.Query{{Text: "NHA SO 1"}, {Text: "nhà số 11", Category: []string{"lighting"}}, {Text: "nhà số 1", Open: &yes}, {Text: "ổ gà", Area: "19753"}, {Text: "nhà số 1", ByDue: true, Open: &yes}, {Text: "không có"}} {
			all := q
			all.Text, all.Limit = "", 1000
			every, _, err := h.List(t.Context(), duty, all)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for i := range every {
				if strings.Contains(strings.ToLower(every[i].Description), strings.ReplaceAll(strings.ToLower(q.Text), "nha so", "nhà số")) {
					want = append(want, every[i].Code)
				}
			}
			if len(want) == 0 && q.Text != "không có" {
				t.Fatalf("%+v: the test asks for nothing", q)
			}
			whole := q
			whole.Limit = 1000
			got, page, err := h.List(t.Context(), duty, whole)
			if err != nil || !slices.Equal(codesOf(got), want) || page.Next != "" || int(page.Matched) != len(want) {
				t.Errorf("%+v: at once %v, want %v; next %q, %d matched: %v", q, codesOf(got), want, page.Next, page.Matched, err)
			}
			var paged []string
			pages := 0
			for q.Limit = 4; ; pages++ {
				some, page, err := few.List(t.Context(), duty, q)
				if err != nil {
					t.Fatal(err)
				}
				if paged = append(paged, codesOf(some)...); page.Next == "" {
					break
				}
				if len(some) < q.Limit && request.GoesOn(page.Next).IsZero() && !q.ByDue {
					t.Errorf("%+v: a short page does not tell how far it looked", q)
				}
				q.Cursor = page.Next
			}
			if !slices.Equal(paged, want) || pages == 0 {
				t.Errorf("%+v: in %d pages %v, want %v", q, pages+1, paged, want)
			}
		}
		got, _, err := h.Public(t.Context(), request.Query{Text: "nhà số 100"})
		if err != nil || len(got) != 0 {
			t.Errorf("the public is told of what was not published: %v %v", codesOf(got), err)
		}
	})
}
