package request

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// What staff can do with a request beside the steps of the workflow.
const (
	DoNote     = "note"     // text; among staff
	DoComment  = "comment"  // text; to the reporter
	DoClassify = "classify" // category, urgency, track, place (longitude, latitude), area, address; text
	DoReroute  = "reroute"  // asks the city's rules again; text
	DoPublish  = "publish"  // title, text, photos, reason: what the public reads from now on
	DoHide     = "hide"     // reason
	DoPhoto    = "photo"    // Photos; name before or after; instead, a photo whose place they take
	DoRaise    = "raise"    // level above; text
)

// Additions lists them.
func Additions() []string {
	return []string{DoNote, DoComment, DoClassify, DoReroute, DoPublish, DoHide, DoPhoto, DoRaise}
}

// Act is something that somebody does with a request.
type Act struct {
	Do      string            // a step of the workflow, or one of the above
	Version int64             // of the record that was looked at; all but notes, comments and photos need it
	Outcome string            // of a step that names one
	Fields  map[string]string // empty ones are left out
	Photos  []string          // files of the request; of a reporter's, files that came ahead by UploadKey(Key)
	// Key is drawn by the device as that of a submission is: what comes again by it
	// is done once. Empty, each call is an act of its own.
	Key string
}

func (a *Act) tidy() {
	fields := map[string]string{}
	for k, v := range a.Fields {
		if v = strings.TrimSpace(v); v != "" {
			fields[k] = v
		}
	}
	a.Fields = fields
}

// Act does something with a request as staff. Stale when it was decided upon a
// state that is no longer the current one; Conflict when it does not follow;
// Denied when it is not for p; Invalid with all that is missing.
func (d *Desk) Act(ctx context.Context, p repo.Principal, code string, a Act) (Request, error) {
	if p.Name == "" {
		return Request{}, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	if !duty(p) {
		return Request{}, problem.New(problem.Denied, "request-staff")
	}
	r, err := d.rulesNow()
	if err != nil {
		return Request{}, err
	}
	if _, err := d.seen(ctx, p, code); err != nil {
		return Request{}, err
	}
	a.tidy()
	_, step := r.workflow.Transition(a.Do)
	free := a.Do == DoNote || a.Do == DoComment || a.Do == DoPhoto
	switch {
	case !step && !slices.Contains(Additions(), a.Do):
		return Request{}, problem.New(problem.NotFound, "workflow-step-unknown", "workflow", r.workflow.Name)
	case a.Version == 0 && !free:
		return Request{}, problem.InvalidWith("workflow-step-invalid", []problem.Violation{problem.Violate("request-missing", "version")}, "step", a.Do)
	case step:
		return d.change(ctx, p, Tidy(code), a, func(t *draft) error { return t.step(ctx, p, d.actor(p, &t.x), a) })
	}
	return d.change(ctx, p, Tidy(code), a, func(t *draft) error { return t.addition(ctx, p, a) })
}

// step takes a step of the workflow with what it means for the record.
func (t *draft) step(ctx context.Context, p repo.Principal, who workflow.Actor, a Act) error {
	fields := maps.Clone(a.Fields)
	if a.Do == "assign" && fields["agency"] == "" && t.case_.Facts["routed"] == "yes" {
		fields["agency"] = t.x.Agency // where the rules sent it
	}
	if track, ok := t.rules.catalogue.Track(t.x.Track); ok && a.Do == "refuse" && a.Outcome == "refused" && !track.Accepts {
		for name, text := range map[string]string{"law": track.Law, "pointer": track.Pointer.In("vi")} { // another way of the law
			if fields[name] == "" && text != "" {
				fields[name] = text
			}
		}
	}
	e, err := t.rules.workflow.Apply(t.case_, who, workflow.Step{Transition: a.Do, At: t.now, Outcome: a.Outcome, Fields: fields})
	if err != nil {
		return err
	}
	to, _ := t.rules.workflow.Transition(a.Do)
	if (a.Do == "uphold" || a.Do == "dismiss") && !who.System && who.Name == t.answeredBy() {
		return problem.New(problem.Denied, "request-second-look") // an answer is looked at again by another person
	}
	vs, err := t.d.fieldFaults(ctx, t, to, fields)
	if err != nil {
		return err
	}
	done := slices.Clone(a.Photos)
	for i, id := range a.Photos {
		if !t.d.uploaded(ctx, id, t.x.Code) {
			vs = append(vs, problem.Violate("request-photo", fmt.Sprintf("photos/%d", i)))
		}
	}
	if c, ok := t.rules.category(t.x.Category); ok && c.Physical && e.Outcome == "fixed" && len(done)+len(t.x.AfterPhotos) == 0 {
		vs = append(vs, problem.Violate("request-after-photo", "photos"))
	}
	if err := problem.InvalidWith("workflow-step-invalid", vs, "step", a.Do); err != nil {
		return err
	}
	facts, said := map[string]string{}, map[string]string{}
	for name, text := range fields {
		switch name {
		case "answer", "note", "question", "reply":
			said[name] = text
		default:
			facts[name] = text
		}
	}
	if len(done) > 0 {
		facts["afterPhotos"] = strings.Join(done, " ")
	}
	before := t.x.Agency
	switch a.Do {
	case "ask":
		t.set(p, "asker", ToStaff, "", "asker", "unit")
	case "ask-desk":
		t.set(p, "asker", ToStaff, "", "asker", "desk")
	case "assign":
		facts["assignee"] = fields["assignee"] // the one before does not stay
		t.set(p, "routed", ToStaff, "", "routed", "yes")
		if fields["agency"] != before {
			facts["rule"] = "" // a person chose
		}
	case "return":
		t.set(p, "routed", ToStaff, "", "routed", "no")
		facts["assignee"] = ""
		if fields["agency"] != "" {
			facts["proposed"] = fields["agency"]
		}
		facts["agency"] = t.d.deskAgency()
	case "merge":
		parent, err := t.mergeInto(ctx, p, fields["parent"])
		if err != nil {
			return err
		}
		facts["parent"] = parent
	}
	for name, into := range map[string]*string{"agency": &t.x.Agency, "assignee": &t.x.Assignee} {
		if v, ok := facts[name]; ok {
			*into = v
		}
	}
	t.event(p, e, Entry{Text: said["answer"], Facts: facts, Visibility: ToPublic})
	t.tellStep(a.Do, to.To, before)
	if to.To == stateWaiting {
		if err := t.refold(); err != nil {
			return err
		}
		t.event(p, workflow.Event{Kind: workflow.Halt, Name: t.rules.pause()}, Entry{})
	}
	for _, name := range []string{"question", "reply", "note"} {
		if said[name] == "" {
			continue
		}
		kind, visibility := Note, ToStaff
		if name != "note" || who.Name == Reporter {
			kind, visibility = Comment, ToReporter
		}
		t.add(p, Entry{Kind: kind, Name: name, Text: said[name], Visibility: visibility})
	}
	return nil
}

// answeredBy is who gave the last answer.
func (t *draft) answeredBy() string {
	for _, e := range slices.Backward(t.entries) {
		if m, ok := t.rules.workflow.Transition(e.Name); ok && e.Kind == workflow.Move && (m.To == stateAnswered || m.To == statePlanned || m.To == stateRefused) {
			return e.By
		}
	}
	return ""
}

// fieldFaults tells what is wrong with the fields of a step.
func (d *Desk) fieldFaults(ctx context.Context, t *draft, to *workflow.Transition, fields map[string]string) (vs []problem.Violation, err error) {
	for field, in := range map[string]string{"agency": repo.SystemAgency, "assignee": repo.SystemAccount} {
		if fields[field] == "" {
			continue
		}
		known, err := d.exists(ctx, in, fields[field])
		if err != nil {
			return nil, err
		}
		if !known {
			vs = append(vs, problem.Violate("request-code", field))
		}
	}
	for _, name := range []string{"answer", "question", "reply", "note"} {
		if len([]rune(fields[name])) > mostText {
			vs = append(vs, problem.Violate("request-long", name, "limit", mostText))
		}
	}
	for _, name := range []string{"recipient", "law", "pointer"} {
		if len([]rune(fields[name])) > 500 {
			vs = append(vs, problem.Violate("request-long", name, "limit", 500))
		}
	}
	if day := fields["plannedAt"]; day != "" {
		at, err := time.ParseInLocation(time.DateOnly, day, d.repo.Zone())
		switch {
		case err != nil:
			vs = append(vs, problem.Violate("request-day", "plannedAt"))
		case !at.After(t.now):
			vs = append(vs, problem.Violate("request-past", "plannedAt"))
		case at.After(t.now.AddDate(3, 0, 0)):
			vs = append(vs, problem.Violate("request-far", "plannedAt"))
		}
	}
	slices.SortFunc(vs, func(a, b problem.Violation) int { return strings.Compare(a.Field, b.Field) })
	return vs, nil
}

func (d *Desk) exists(ctx context.Context, dataset, code string) (bool, error) {
	_, err := d.repo.Get(ctx, repo.Internal(), dataset, []value.Value{value.OfText(code)}, 0)
	if err != nil && problem.KindOf(err) == problem.NotFound {
		return false, nil
	}
	return err == nil, err
}

// tellStep tells whom a step concerns: who has the request now, and who waits.
func (t *draft) tellStep(do, to, before string) {
	switch to {
	case stateAnswered, statePlanned:
		t.tellOf("answered", reporters)
	case stateWaiting:
		t.tellOf("ask", reporters)
	case stateRefused:
		t.tellOf("refused", reporters)
	case stateMerged:
		t.tellOf("merged", reporters)
	case stateClosed:
		if do != "accept" {
			t.tellOf("closed", reporters)
		}
	case stateReopened:
		t.tellOf("reopened", t.handler(), "agency:"+t.x.Agency) // always the handler, whoever reopened it
		t.tellOf("moved", reporters)
	case "disputed":
		t.tellOf("disputed", t.desk(), "agency:"+t.x.Agency)
	case "withdrawn":
		t.tellOf("withdrawn", t.handler())
	}
	switch {
	case do == "assign":
		t.tellOf("assigned", t.handler())
		t.tellOf("moved", reporters)
	case do == "appoint":
		t.tellOf("assigned", t.handler())
	case do == "return":
		t.tellOf("returned", t.desk())
	case strings.HasPrefix(do, "reply"):
		t.tellOf("replied", t.handler())
	}
}

func (t *draft) officersOf(area string) string {
	if area == "" {
		return ""
	}
	return "role:" + grant.Officer + "@" + area
}
