package request_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// follow waits until a follower has read the whole log.
func (h *hall) follow(f repo.Follower) {
	h.Helper()
	h.repo.Follow(f)
	h.settled(f.Name())
}

func (h *hall) settled(name string) {
	h.Helper()
	for {
		s, err := h.repo.Status(h.Context())
		if err != nil {
			h.Fatal(err)
		}
		i := slices.IndexFunc(s.Followers, func(f repo.FollowerStatus) bool { return f.Name == name })
		if i >= 0 && s.Followers[i].Lag == 0 {
			return
		}
		if _, err := h.repo.Wait(h.Context(), 0); err != nil {
			h.Fatal(err)
		}
	}
}

// Figures equal a recount, after imports, steps and a restart; the public is told
// of no few.
func TestFigures(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		f := request.NewFigures(hue)
		h.follow(f)
		random := rand.New(rand.NewPCG(1, 2))
		var list []request.Past
		for i := range 120 {
			opened := time.Date(2025, time.Month(1+random.IntN(3)), 1+random.IntN(27), 9, 0, 0, 0, hue)
			p := past(fmt.Sprint("x", i), opened, time.Duration(random.IntN(100))*time.Hour)
			p.Category = []string{"encroachment", "encroachment", "advertising", "vice"}[random.IntN(4)]
			if random.IntN(3) == 0 {
				p.Rating = 0
			} else if p.Rating > 0 {
				p.Rating = int64(1 + random.IntN(5))
			}
			if i%7 == 0 {
				lon, lat := at(107.56, 16.46)
				p.Longitude, p.Latitude = lon, lat
			}
			list = append(list, p)
		}
		done, err := h.Import(t.Context(), duty, list)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for i := range done {
			if list[i].Status == "closed" && n < 10 {
				h.act(duty, done[i].Code, "reopen-desk", "note", "x")
				n++
			}
		}
		h.settled(f.Name())
		check := func(f *request.Figures) {
			t.Helper()
			rows, left, err := f.Ask(t.Context(), duty, request.FigureQuery{By: []string{"category", "area"}})
			if err != nil || left != 0 {
				t.Fatal(err)
			}
			all, _, err := h.List(t.Context(), repo.Internal(), request.Query{Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			total := int64(0)
			for _, r := range rows {
				total += r.Count
				var times []float64
				var count, open, answered, intime, dated, rated, sum, satisfied, fixed, reopened int64
				for _, x := range all {
					if x.Category != r.Category || x.Area != r.Area {
						continue
					}
					count++
					if x.AnsweredAt.IsZero() {
						open++
					} else {
						answered++
						times = append(times, x.AnsweredAt.Sub(x.OpenedAt).Hours())
						dated++
						if !x.AnsweredAt.After(x.DueAt) {
							intime++
						}
					}
					if x.Rating > 0 {
						rated, sum = rated+1, sum+x.Rating
						if x.Rating > 3 {
							satisfied++
						}
					}
					if x.Outcome == "fixed" {
						fixed++
					}
					if x.Reopened > 0 {
						reopened++
					}
				}
				slices.Sort(times)
				near := func(what string, got *float64, part, of int64) {
					if of > 0 && (got == nil || math.Abs(*got-float64(part)/float64(of)) > 1e-9) || of == 0 && got != nil {
						t.Errorf("%s/%s: %s is %v of %d/%d", r.Category, r.Area, what, got, part, of)
					}
				}
				near("on time", r.OnTime, intime, dated)
				near("coverage", r.Coverage, rated, answered)
				near("rating", r.Rating, sum, rated)
				near("satisfied", r.Satisfied, satisfied, rated)
				near("reopened", r.Reopened, reopened, answered)
				if r.Count != count || r.Open != open || r.Answered != answered || r.Outcomes["fixed"] != fixed || r.Rated != rated {
					t.Errorf("%+v, counted %d %d %d %d", r, count, open, answered, fixed)
				}
				for q, got := range map[float64]time.Duration{0.5: r.Median, 0.9: r.P90} {
					want := times[int(math.Ceil(q*float64(len(times))))-1]
					if math.Abs(got.Hours()-want) > 0.03*want+0.02 {
						t.Errorf("%s/%s: %v of the answers within %s, counted %v h", r.Category, r.Area, q, got, want)
					}
				}
			}
			if total != int64(len(all)) {
				t.Errorf("%d of %d", total, len(all))
			}
			public, left, err := f.Ask(t.Context(), repo.Public(), request.FigureQuery{By: []string{"month", "category", "area"}})
			if err != nil {
				t.Fatal(err)
			}
			seen := int64(0)
			for _, r := range public {
				seen += r.Count
				if r.Count < request.SmallCell || r.Rated < request.SmallCell && (r.Rating != nil || r.Satisfied != nil) {
					t.Errorf("the public is told %+v", r)
				}
			}
			if seen+left != total || left == 0 || left < request.SmallCell {
				t.Errorf("%d shown, %d left out, %d in all", seen, left, total)
			}
		}
		check(f)
		again := request.NewFigures(hue) // from the log alone
		err = h.repo.Log(t.Context(), repo.Internal(), repo.LogQuery{Changes: true}, applied(again, h.repo))
		if err != nil {
			t.Fatal(err)
		}
		puts, err := again.Save()
		if err != nil || len(puts) == 0 {
			t.Fatal(err)
		}
		state := map[string][]byte{}
		for _, p := range puts {
			if p.Value != nil {
				state[p.Key] = p.Value
			}
		}
		loaded := request.NewFigures(hue) // and from what was saved
		if err := loaded.Load(state); err != nil {
			t.Fatal(err)
		}
		check(loaded)
	})
}
