package request

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// addition does what is not a step of the workflow.
func (t *draft) addition(ctx context.Context, p repo.Principal, a Act) error {
	who := t.d.actor(p, &t.x)
	desk := who.System || slices.Contains(who.Relations, workflow.InArea)
	if !desk && (!slices.Contains(who.Relations, workflow.Owner) || a.Do == DoClassify || a.Do == DoReroute || a.Do == DoPublish || a.Do == DoHide) {
		return problem.New(problem.Denied, "request-desk")
	}
	f := a.Fields
	var vs []problem.Violation
	need := func(field string, most int, must bool) {
		switch n := len([]rune(f[field])); {
		case must && n == 0:
			vs = append(vs, problem.Violate("request-missing", field))
		case n > most:
			vs = append(vs, problem.Violate("request-long", field, "limit", most))
		}
	}
	for i, id := range a.Photos {
		if !t.d.uploaded(ctx, id, t.x.Code) {
			vs = append(vs, problem.Violate("request-photo", fmt.Sprintf("photos/%d", i)))
		}
	}
	var do func()
	switch a.Do {
	case DoNote, DoComment:
		need("text", mostText, true)
		do = func() {
			if a.Do == DoNote {
				t.add(p, Entry{Kind: Note, Text: f["text"]})
				return
			}
			t.add(p, Entry{Kind: Comment, Text: f["text"], Visibility: ToReporter})
			t.tellOf("message", reporters)
		}
	case DoPhoto:
		if len(a.Photos) == 0 {
			vs = append(vs, problem.Violate("request-missing", "photos"))
		}
		if f["name"] != "before" && f["name"] != "after" {
			vs = append(vs, problem.Violate("request-word", "name", "allowed", "before, after"))
		}
		instead := ""
		if desk {
			instead = f["instead"]
		}
		do = func() { t.photos(p, f["name"], instead, a.Photos) }
	case DoRaise:
		need("text", mostText, true)
		w := t.rules.workflow
		if w.Rank(f["level"]) <= w.Rank(t.case_.Level) {
			vs = append(vs, problem.Violate("request-word", "level", "allowed", strings.Join(w.Levels[w.Rank(t.case_.Level)+1:], ", ")))
		}
		do = func() {
			t.climb(p, f["level"], Entry{Kind: workflow.Set, Name: "level", Level: f["level"], Text: f["text"], Facts: map[string]string{"level": f["level"]}})
		}
	case DoClassify:
		need("text", mostText, false)
		facts, faults, err := t.reclassified(ctx, f)
		if err != nil {
			return err
		}
		vs = append(vs, faults...)
		do = func() { t.classify(p, facts, f["text"]) }
	case DoReroute:
		need("text", mostText, false)
		if s, _ := t.rules.workflow.State(t.case_.State); s.Final {
			return problem.New(problem.Conflict, "workflow-step", "step", DoReroute, "state", t.case_.State)
		}
		do = func() { t.reroute(p, f["text"]) }
	case DoPublish:
		need("title", mostTitle, true)
		need("text", mostText, true)
		need("reason", mostText, false)
		c, ok := t.rules.category(t.x.Category)
		if ok && c.Never() {
			return problem.New(problem.Conflict, "request-private")
		}
		do = func() { t.publish(p, f, a.Photos) }
	case DoHide:
		need("reason", mostText, true)
		do = func() {
			t.x.PublicText, t.x.Title = "", t.rules.titleOf(t.x.Category)
			t.add(p, Entry{Kind: Publish, Name: "hide", Facts: map[string]string{"published": "false", "photos": ""}})
			t.add(p, Entry{Kind: Comment, Name: "reason", Text: f["reason"], Visibility: ToReporter})
			t.tellOf("moderated", reporters)
		}
	}
	if err := problem.InvalidWith("request-invalid", vs); err != nil {
		return err
	}
	do()
	return nil
}

// photos puts files to the timeline, each once. What they take the place of, a
// photo in which something was blacked out, is public no longer.
func (t *draft) photos(p repo.Principal, name, instead string, ids []string) {
	for _, id := range ids {
		if slices.ContainsFunc(t.entries, func(e Entry) bool { return e.Kind == Photo && e.Ref == id }) {
			continue
		}
		e := Entry{Kind: Photo, Name: name, Ref: id, Visibility: ToReporter}
		e.Facts = map[string]string{}
		if name == "after" {
			e.Facts["afterPhotos"] = id
		}
		if instead != "" {
			e.Facts["instead"] = instead
		}
		t.add(p, e)
	}
}

// publish sets what the public reads, with the photos that it may see. The author
// is told where it is not what they wrote, and why.
func (t *draft) publish(p repo.Principal, f map[string]string, photos []string) {
	t.x.Title, t.x.PublicText = f["title"], f["text"]
	t.add(p, Entry{Kind: Publish, Facts: map[string]string{"published": "true", "photos": strings.Join(photos, " ")}, Visibility: ToPublic})
	if f["reason"] != "" {
		t.add(p, Entry{Kind: Comment, Name: "reason", Text: f["reason"], Visibility: ToReporter})
		t.tellOf("moderated", reporters)
	}
}

// climb lifts a request to a level, and tells who has it now.
func (t *draft) climb(p repo.Principal, level string, e Entry) {
	w := t.rules.workflow
	t.add(p, e)
	if w.Rank(level) == len(w.Levels)-1 {
		t.tellOf("raised", t.chair(), t.desk())
	} else {
		t.tellOf("raised", t.desk(), "agency:"+t.x.Agency)
	}
}

// reclassified reads what a classification changes.
func (t *draft) reclassified(ctx context.Context, f map[string]string) (facts map[string]string, vs []problem.Violation, err error) {
	facts = map[string]string{}
	fail := func(code, field string, kv ...any) { vs = append(vs, problem.Violate(code, field, kv...)) }
	category, known := t.rules.category(t.x.Category)
	if c := f["category"]; c != "" && c != t.x.Category {
		if category, known = t.rules.category(c); !known || !category.Active {
			fail("request-category", "category")
		}
		facts["category"] = c
		if f["urgency"] == "" && known {
			facts["urgency"] = category.Urgency
		}
	}
	for _, w := range []struct {
		field, now string
		allowed    []string
	}{{"urgency", t.x.Urgency, []string{"normal", "urgent"}}, {"track", t.x.Track, t.rules.tracks()}} {
		switch v := f[w.field]; {
		case v == "":
		case !slices.Contains(w.allowed, v):
			fail("request-word", w.field, "allowed", strings.Join(w.allowed, ", "))
		case v != w.now:
			facts[w.field] = v
		}
	}
	if f["longitude"] != "" || f["latitude"] != "" {
		lon, e1 := strconv.ParseFloat(f["longitude"], 64)
		lat, e2 := strconv.ParseFloat(f["latitude"], 64)
		area, located := "", false
		if e1 != nil || e2 != nil || !(lon >= -180 && lon <= 180 && lat >= -90 && lat <= 90) {
			fail("request-place", "longitude")
		} else if area, located, err = t.d.repo.AreaAt(ctx, lon, lat); err != nil {
			return nil, nil, err
		} else if !located {
			fail("request-outside", "longitude")
		}
		facts["place"], facts["area"], facts["needsPlace"] = placeText(&lon, &lat), area, "false"
	} else if f["area"] != "" {
		current, ok, err := t.d.repo.CurrentArea(ctx, f["area"])
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			fail("request-area", "area")
		}
		facts["area"], facts["place"] = current, ""
	}
	if v := f["address"]; v != "" && v != t.x.Address {
		if len([]rune(v)) > 300 {
			fail("request-long", "address", "limit", 300)
		}
		facts["address"] = v
	}
	return facts, vs, nil
}

// classify changes what a request is about or where. Who handles it stays: that
// is changed by assigning or rerouting it, so that nobody loses a case unawares.
func (t *draft) classify(p repo.Principal, facts map[string]string, text string) {
	if len(facts) == 0 {
		return
	}
	t.event(p, workflow.Event{Kind: workflow.Set, Name: DoClassify}, Entry{Facts: facts, Visibility: ToPublic})
	t.x.take(&t.entries[len(t.entries)-1], "")
	if _, ok := facts["category"]; ok && !t.x.Published {
		t.x.Title = t.rules.titleOf(t.x.Category)
	}
	if text != "" {
		t.add(p, Entry{Kind: Note, Text: text})
	}
}

// reroute sends a request where the city's rules send it now.
func (t *draft) reroute(p repo.Principal, text string) {
	to := t.rules.catalogue.Route(t.x.Category, t.x.Area, t.now)
	routed := "no"
	if to.Known {
		routed = "yes"
	}
	t.event(p, workflow.Event{Kind: workflow.Set, Name: DoReroute}, Entry{Visibility: ToPublic, Text: to.Why["vi"], TextEn: to.Why["en"],
		Facts: map[string]string{"agency": to.Agency, "rule": to.Rule, "routed": routed, "assignee": ""}})
	t.x.take(&t.entries[len(t.entries)-1], "")
	if to.Known {
		t.tellOf("assigned", "agency:"+to.Agency)
	}
	if text != "" {
		t.add(p, Entry{Kind: Note, Text: text})
	}
}
