package request_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// Whatever staff, reporters and the clock do, in whatever order, with whatever they
// bring: a request stands where its timeline says and nowhere else, takes no step
// that the workflow does not have, and its timeline only grows.
func TestWhateverIsDone(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	w, err := h.Workflow()
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, s := range w.Transitions {
		steps = append(steps, s.Name)
	}
	for range 3 {
		steps = append(steps, request.Additions()...)
	}
	outcomes := []string{""}
	for _, o := range w.Outcomes {
		outcomes = append(outcomes, o.Name)
	}
	categories := []string{"encroachment", "noise", "vice", "security", "other", "vending", "drainage"}
	people := []repo.Principal{duty, second, ward, other, citizen, repo.Public()}
	sent := 0
	rapid.Check(t, func(rt *rapid.T) {
		type known struct {
			receipt request.Receipt
			length  int
			state   string
			last    string
		}
		var all []*known
		h.clock.set(start) // the calendar has an end
		submit := func() {
			sent++
			s := pavement(1_000_000 + sent)
			s.Category = rapid.SampledFrom(categories).Draw(rt, "category")
			s.Answers = map[string]string{}
			c, _ := h.Catalogue()
			if k, ok := c.Category(s.Category); ok {
				for _, q := range k.Questions {
					if q.Required {
						for _, v := range q.Values {
							if v.Stop == nil {
								s.Answers[q.Code] = v.Code
								break
							}
						}
					}
				}
			}
			if rapid.Bool().Draw(rt, "placeless") {
				s.Longitude, s.Latitude = nil, nil
			}
			r, err := h.Submit(rt.Context(), repo.Public(), s)
			if err != nil {
				rt.Fatal(err)
			}
			all = append(all, &known{receipt: r, state: "received"})
		}
		submit()
		submit()
		look := func(k *known) {
			stored, folded, err := h.Refold(rt.Context(), k.receipt.Code)
			if err != nil {
				rt.Fatal(err)
			}
			a, _ := json.Marshal(stored)
			b, _ := json.Marshal(folded)
			if string(a) != string(b) {
				rt.Fatalf("stored %s\nfolded %s", a, b)
			}
			whole, err := h.Read(rt.Context(), repo.Internal(), k.receipt.Code)
			if err != nil {
				rt.Fatal(err)
			}
			if len(whole.Timeline) < k.length || k.length > 0 && fmt.Sprint(whole.Timeline[k.length-1]) != k.last {
				rt.Fatal("what was written in the timeline changed")
			}
			for _, e := range whole.Timeline[k.length:] { // the workflow as the file has it
				if e.Kind != "move" {
					continue
				}
				i := slices.IndexFunc(w.Transitions, func(x workflow.Transition) bool { return x.Name == e.Name })
				if i < 0 || !slices.Contains(w.Transitions[i].From, k.state) {
					rt.Fatalf("%s from %s", e.Name, k.state)
				}
				k.state = w.Transitions[i].To
			}
			if stored.Status != k.state {
				rt.Fatalf("stands at %s, was led to %s", stored.Status, k.state)
			}
			k.length, k.last = len(whole.Timeline), fmt.Sprint(whole.Timeline[len(whole.Timeline)-1])
		}
		rt.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) {},
			"staff": func(rt *rapid.T) {
				k := rapid.SampledFrom(all).Draw(rt, "request")
				p := rapid.SampledFrom(people).Draw(rt, "who")
				x, err := h.Read(rt.Context(), repo.Internal(), k.receipt.Code)
				if err != nil {
					rt.Fatal(err)
				}
				do := rapid.SampledFrom(steps).Draw(rt, "step")
				for _, able := range people[:3] { // mostly somebody who can do something
					if allowed, err := h.Read(rt.Context(), able, k.receipt.Code); err == nil && len(allowed.Steps) > 0 && rapid.Bool().Draw(rt, "able") {
						p = able
						break
					}
				}
				if allowed, err := h.Read(rt.Context(), p, k.receipt.Code); err == nil && len(allowed.Steps) > 0 && rapid.IntRange(0, 3).Draw(rt, "sensible") > 0 {
					do = rapid.SampledFrom(allowed.Steps).Draw(rt, "allowed").Name
				}
				if slices.Contains(request.Additions(), do) && rapid.IntRange(0, 3).Draw(rt, "at the desk") > 0 {
					p = duty
				}
				a := actOf(do, x.Version)
				a.Outcome = rapid.SampledFrom(outcomes).Draw(rt, "outcome")
				if s, ok := w.Transition(do); ok {
					if len(s.Outcomes) == 0 || len(s.Outcomes) == 1 {
						a.Outcome = ""
					}
					for _, f := range append(slices.Clone(s.Require), "plannedAt", "recipient", "law") {
						if slices.Contains(s.Require, f) || a.Outcome != "" && slices.Contains([]string{"planned/plannedAt", "not-ours/recipient", "refused/law"}, a.Outcome+"/"+f) || do == "plan" && f == "plannedAt" {
							a.Fields[f] = map[string]string{"agency": rapid.SampledFrom([]string{"ubnd-19789", "ubnd-19753", "sxd", "nowhere"}).Draw(rt, "agency"), "assignee": "ha",
								"parent":    rapid.SampledFrom(all).Draw(rt, "parent").receipt.Code,
								"plannedAt": h.clock.Now().In(hue).AddDate(0, 0, rapid.IntRange(-1, 20).Draw(rt, "days")).Format(time.DateOnly)}[f]
							if a.Fields[f] == "" {
								a.Fields[f] = "x"
							}
						}
					}
					if a.Outcome == "fixed" || do == "carry-out" {
						a.Photos = []string{h.files.put(fmt.Sprintf("f%d", len(h.files.list)), k.receipt.Code)}
					}
				} else {
					a.Outcome = ""
					for f, v := range map[string]string{"text": "x", "title": "x", "reason": "x", "name": "after", "level": "city", "category": rapid.SampledFrom(categories).Draw(rt, "to"),
						"urgency": "urgent", "longitude": "107.55", "latitude": "16.46"} {
						if rapid.IntRange(0, 9).Draw(rt, f) > 0 {
							a.Fields[f] = v
						}
					}
				}
				if _, err = h.Act(rt.Context(), p, k.receipt.Code, a); err != nil && problem.KindOf(err) == problem.Internal {
					rt.Fatalf("%s: %v", do, err)
				}
			},
			"reporter": func(rt *rapid.T) {
				k := rapid.SampledFrom(all).Draw(rt, "request")
				do := rapid.SampledFrom([]string{"reply", "accept", "dispute", "reopen", "withdraw", "rate", "comment", "assign"}).Draw(rt, "do")
				mine, err := h.MineOne(rt.Context(), repo.Public(), k.receipt.Code, k.receipt.Secret)
				if err != nil {
					rt.Fatal(err)
				}
				may := slices.DeleteFunc(slices.Clone(mine.May), func(s string) bool { return s == "withdraw" || s == "comment" })
				if len(may) > 0 && rapid.IntRange(0, 4).Draw(rt, "sensible") > 0 {
					if do = rapid.SampledFrom(may).Draw(rt, "may"); strings.HasPrefix(do, "reply") {
						do = "reply"
					}
				}
				a := actOf(do, 0)
				for f, v := range map[string]string{"reply": "x", "note": "x", "rating": fmt.Sprint(rapid.IntRange(0, 6).Draw(rt, "rating")), "text": "x"} {
					if do == "reply" && f == "reply" || f == "note" && do != "reply" && do != "rate" && do != "comment" || (do == "rate" || do == "comment") && f != "reply" && f != "note" {
						a.Fields[f] = v
					}
				}
				secret := k.receipt.Secret
				if rapid.IntRange(0, 9).Draw(rt, "wrong") == 0 {
					secret = "AAAA-AAAA-AAAA-AAAA"
				}
				if _, err := h.Reply(rt.Context(), repo.Public(), k.receipt.Code, secret, a); err != nil && problem.KindOf(err) == problem.Internal {
					rt.Fatalf("%s: %v", do, err)
				}
			},
			"clock": func(rt *rapid.T) {
				h.clock.forward(time.Duration(rapid.IntRange(1, 100).Draw(rt, "hours")) * time.Hour)
				if err := h.Tick(rt.Context()); err != nil {
					rt.Fatal(err)
				}
			},
			"follow": func(rt *rapid.T) {
				k := rapid.SampledFrom(all).Draw(rt, "request")
				if err := h.Follow(rt.Context(), friend, k.receipt.Code); err != nil && problem.KindOf(err) != problem.NotFound {
					rt.Fatal(err)
				}
			},
			"submit": func(*rapid.T) {
				if len(all) < 5 {
					submit()
				}
			},
		})
		for _, k := range all {
			look(k)
		}
	})
}
