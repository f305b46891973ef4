package incident

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// What can be done with an incident beside the steps and pauses of its workflow.
const (
	DoNote     = "note"     // text
	DoDecision = "decision" // text
	DoMeasure  = "measure"  // name, amount, unit; text
	DoCheck    = "check"    // name of the line, done (true or false); text
	DoSeverity = "severity" // severity, text
	DoRaise    = "raise"    // level above, text
	DoJoin     = "agencies" // agency that is to take part; text
	DoFile     = "file"     // file; text
	DoResume   = "resume"   // text
)

// Additions lists them.
func Additions() []string {
	return []string{DoNote, DoDecision, DoMeasure, DoCheck, DoSeverity, DoRaise, DoJoin, DoFile, DoResume}
}

// Act is something that somebody does with an incident.
type Act struct {
	Do      string            // a step of the workflow, a pause, or one of the above
	Version int64             // of the record that was looked at; a step of the workflow needs it
	Outcome string            // of a step that names one
	Fields  map[string]string // empty ones are left out
}

// Act does something with an incident that p may see. Stale when a step was
// decided upon a state that is no longer the current one; Conflict when it does
// not follow; Denied when it is not for p; Invalid with what is missing.
func (d *Desk) Act(ctx context.Context, p repo.Principal, id string, a Act) (Incident, error) {
	fields := map[string]string{}
	for k, v := range a.Fields {
		if v = strings.TrimSpace(v); v != "" {
			fields[k] = v
		}
	}
	a.Fields = fields
	w, err := d.Workflow()
	if err != nil {
		return Incident{}, err
	}
	if _, step := w.Transition(a.Do); step {
		if a.Version == 0 {
			return Incident{}, problem.InvalidWith("workflow-step-invalid", []problem.Violation{problem.Violate("incident-missing", "version")}, "step", a.Do)
		}
		return d.change(ctx, p, id, a.Version, a.Do, func(t *draft) error { return t.step(ctx, p, a) })
	}
	if _, pause := w.Pause(a.Do); pause {
		return d.change(ctx, p, id, a.Version, a.Do, func(t *draft) error {
			e, err := w.Hold(t.case_, actor(p, &t.x), workflow.Step{Transition: a.Do, At: t.now, Fields: a.Fields})
			if err == nil {
				t.event(p, e, Entry{Text: a.Fields["text"]})
			}
			return err
		})
	}
	if !slices.Contains(Additions(), a.Do) {
		return Incident{}, problem.New(problem.NotFound, "workflow-step-unknown", "workflow", w.Name)
	}
	if a.Do == DoFile {
		return d.attach(ctx, p, id, a)
	}
	return d.change(ctx, p, id, a.Version, a.Do, func(t *draft) error { return t.addition(ctx, p, a) })
}

// step takes a step of the workflow with what it means for the record.
func (t *draft) step(ctx context.Context, p repo.Principal, a Act) error {
	e, err := t.rules.workflow.Apply(t.case_, actor(p, &t.x), workflow.Step{Transition: a.Do, At: t.now, Outcome: a.Outcome, Fields: a.Fields})
	if err != nil {
		return err
	}
	var vs []problem.Violation
	for field, in := range map[string]string{"agency": repo.SystemAgency, "assignee": repo.SystemAccount} {
		if code := a.Fields[field]; code != "" {
			known, err := t.d.exists(ctx, in, code)
			if err != nil {
				return err
			}
			if !known {
				vs = append(vs, problem.Violate("incident-code", field))
			}
		}
	}
	vs = append(vs, textFaults("note", a.Fields["note"], 4000, false)...)
	if err := problem.InvalidWith("workflow-step-invalid", vs, "step", a.Do); err != nil {
		return err
	}
	facts := maps.Clone(a.Fields)
	delete(facts, "note")
	if agency := a.Fields["agency"]; agency != "" {
		t.lead(agency)
		t.x.Assignee = a.Fields["assignee"]
		if t.x.Assignee != "" {
			t.tellOf("assigned", "", to{account: t.x.Assignee})
		} else {
			t.tellOf("assigned", "", to{agency: agency})
		}
	}
	t.event(p, e, Entry{Text: a.Fields["note"], Facts: facts})
	return nil
}

// lead gives the incident to an agency; the one that led goes on taking part.
func (t *draft) lead(agency string) {
	x := &t.x
	if agency == x.Agency {
		return
	}
	if !slices.Contains(x.Agencies, x.Agency) {
		x.Agencies = append(slices.Clone(x.Agencies), x.Agency)
	}
	x.Agencies = slices.DeleteFunc(slices.Clone(x.Agencies), func(a string) bool { return a == agency })
	x.Agency = agency
}

// addition adds what is not a step.
func (t *draft) addition(ctx context.Context, p repo.Principal, a Act) error {
	f := a.Fields
	x := &t.x
	var vs []problem.Violation
	fail := func(code, field string, kv ...any) { vs = append(vs, problem.Violate(code, field, kv...)) }
	vs = append(vs, textFaults("text", f["text"], 4000, a.Do == DoNote || a.Do == DoDecision || a.Do == DoSeverity || a.Do == DoRaise)...)
	var add []func()
	entry := func(e Entry) { add = append(add, func() { t.add(p, e) }) }
	switch a.Do {
	case DoNote, DoDecision:
		kind := Note
		if a.Do == DoDecision {
			kind = Decision
		}
		entry(Entry{Kind: kind, Text: f["text"]})
	case DoMeasure:
		vs = append(vs, textFaults("name", f["name"], 200, true)...)
		vs = append(vs, textFaults("unit", f["unit"], 40, false)...)
		amount, err := strconv.ParseFloat(strings.Replace(f["amount"], ",", ".", 1), 64)
		if err != nil || amount != amount || amount > 1e12 || amount < -1e12 {
			fail("incident-amount", "amount")
		}
		entry(Entry{Kind: Measure, Name: f["name"], Amount: &amount, Unit: f["unit"], Text: f["text"]})
	case DoCheck:
		var step *workflow.PlaybookStep
		if t.book != nil {
			step, _ = t.book.Step(f["name"])
		}
		switch {
		case step == nil:
			fail("incident-line", "name")
		case !mayTick(p, x, step):
			return problem.New(problem.Denied, "incident-tick")
		case f["done"] != "true" && f["done"] != "false":
			fail("incident-word", "done", "allowed", "true, false")
		default:
			entry(Entry{Kind: Check, Name: step.Name, Facts: map[string]string{"done": f["done"]}, Text: f["text"]})
		}
	case DoSeverity:
		switch {
		case !slices.Contains(Severities(), f["severity"]):
			fail("incident-word", "severity", "allowed", strings.Join(Severities(), ", "))
		case f["severity"] != x.Severity:
			add = append(add, func() {
				t.event(p, workflow.Event{Kind: workflow.Set, Name: "severity"}, Entry{Facts: map[string]string{"severity": f["severity"]}, Text: f["text"]})
				x.Severity = f["severity"]
			})
		}
	case DoRaise:
		w := t.rules.workflow
		if w.Rank(f["level"]) <= w.Rank(t.case_.Level) {
			fail("incident-word", "level", "allowed", strings.Join(w.Levels[w.Rank(t.case_.Level)+1:], ", "))
		} else {
			add = append(add, func() {
				t.climb(p, f["level"], Entry{Kind: workflow.Set, Name: "level", Level: f["level"], Text: f["text"], Facts: map[string]string{"level": f["level"]}})
			})
		}
	case DoJoin:
		known, err := t.d.exists(ctx, repo.SystemAgency, f["agency"])
		if err != nil {
			return err
		}
		switch {
		case !known:
			fail("incident-code", "agency")
		case f["agency"] != x.Agency && !slices.Contains(x.Agencies, f["agency"]):
			add = append(add, func() {
				x.Agencies = append(slices.Clone(x.Agencies), f["agency"])
				t.event(p, workflow.Event{Kind: workflow.Set, Name: "agencies"}, Entry{Facts: map[string]string{"joined": f["agency"]}, Text: f["text"]})
				t.tellOf("joined", "", to{agency: f["agency"]})
			})
		}
	case DoResume:
		if t.case_.Paused == "" {
			return problem.New(problem.Conflict, "workflow-step", "step", DoResume, "state", t.case_.State)
		}
		add = append(add, func() { t.event(p, workflow.Event{Kind: workflow.Resume}, Entry{Text: f["text"]}) })
	}
	if err := problem.InvalidWith("incident-invalid", vs); err != nil {
		return err
	}
	for _, fn := range add {
		fn()
	}
	return nil
}

// climb lifts an incident to a level, and tells who has it now.
func (t *draft) climb(p repo.Principal, level string, e Entry) {
	if w := t.rules.workflow; w.Rank(level) > w.Rank(t.x.Level) {
		t.x.Level = level
		if t.book != nil && t.book.Lead != "" && level != w.Levels[len(w.Levels)-1] {
			t.lead(t.book.Lead)
		}
	}
	t.add(p, e)
	if level == t.rules.workflow.Levels[len(t.rules.workflow.Levels)-1] {
		t.tellOf("raised", level, to{role: "leader", area: wholeCode}, to{role: "operator", area: wholeCode})
	} else {
		t.tellOf("raised", level, to{agency: t.x.Agency})
	}
}

// attach puts a file that belongs to the incident to its timeline.
func (d *Desk) attach(ctx context.Context, p repo.Principal, id string, a Act) (Incident, error) {
	if d.files == nil {
		return Incident{}, problem.New(problem.NotFound, "file-unknown")
	}
	if _, err := d.Get(ctx, p, id); err != nil {
		return Incident{}, err
	}
	f, err := d.files.Describe(ctx, a.Fields["file"])
	if err != nil {
		return Incident{}, err
	}
	if f.Dataset != repo.SystemIncident || f.Key != id {
		return Incident{}, problem.New(problem.NotFound, "file-unknown")
	}
	return d.change(ctx, p, id, 0, "file", func(t *draft) error {
		if slices.ContainsFunc(t.entries, func(e Entry) bool { return e.Kind == FileOf && e.Ref == f.ID }) {
			return nil
		}
		if err := problem.InvalidWith("incident-invalid", textFaults("text", a.Fields["text"], 4000, false)); err != nil {
			return err
		}
		t.add(p, Entry{Kind: FileOf, Ref: f.ID, Name: clip(f.Name, 200), Text: a.Fields["text"],
			Facts: map[string]string{"media": f.Media, "size": strconv.FormatInt(f.Size, 10), "width": strconv.Itoa(f.Width), "height": strconv.Itoa(f.Height)}})
		return nil
	})
}
