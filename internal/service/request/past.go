package request

import (
	"context"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// adopt gives a request that has no timeline one that leads to where its record
// stands: an import, or one that another system wrote. What it was promised stays;
// no clock is called for what lies behind.
func (t *draft) adopt() {
	w := t.rules.workflow
	x := t.x
	t.x.Entries, t.entries, t.fresh = 0, nil, nil
	end, last := t.now, x.OpenedAt
	at := func(when time.Time, e Entry) {
		if when.Before(last) {
			when = last
		}
		if when.After(end) {
			when = end
		}
		last, t.now = when, when
		t.add(repo.Internal(), e)
	}
	facts := map[string]string{"category": x.Category, "urgency": x.Urgency, "track": x.Track, "channel": x.Channel, "agency": x.Agency, "rule": x.Rule,
		"area": x.Area, "address": x.Address, "place": placeText(x.Longitude, x.Latitude), "needsPlace": strconv.FormatBool(x.NeedsPlace), "imported": "true", "routed": "yes"}
	if x.Agency == "" || x.Agency == t.d.deskAgency() {
		facts["routed"] = "no"
	}
	if facts["urgency"] == "" {
		facts["urgency"] = "normal"
	}
	if !x.DueAt.IsZero() {
		facts["due"] = x.DueAt.Format(time.RFC3339Nano)
	}
	for name, v := range facts {
		if v == "" {
			delete(facts, name)
		}
	}
	level := ""
	if w.Rank(x.Level) >= 0 {
		level = x.Level
	}
	at(x.OpenedAt, Entry{Kind: workflow.Open, Name: w.Start[0], Facts: facts, Level: level, Visibility: ToPublic})
	if x.Published {
		read := x.OpenedAt
		if known, ok := t.came["verified"]; ok {
			read = known
		}
		at(read, Entry{Kind: Publish, Facts: map[string]string{"published": "true", "photos": strings.Join(x.Photos, " ")}, Visibility: ToPublic})
	}
	answered := x.AnsweredAt
	if answered.IsZero() {
		answered = x.ClosedAt
	}
	said := false
	for _, m := range pathTo(w, x.Status) {
		e := Entry{Kind: workflow.Move, Name: m.Name, Visibility: ToPublic, Facts: map[string]string{}}
		when := x.OpenedAt
		switch m.To {
		case stateAnswered, statePlanned, stateRefused:
			e.Text, e.Outcome, said, when = x.Answer, x.Outcome, true, answered
			if !x.PlannedAt.IsZero() {
				e.Facts["plannedAt"] = x.PlannedAt.Format(time.DateOnly)
			}
			if len(x.AfterPhotos) > 0 {
				e.Facts["afterPhotos"] = strings.Join(x.AfterPhotos, " ")
			}
		case stateMerged:
			e.Facts["parent"], when = x.Parent, x.ClosedAt
		default:
			if s, _ := w.State(m.To); s.Final {
				when = x.ClosedAt
			} else if said {
				when = x.UpdatedAt
			}
		}
		if m.To == "assigned" || m.To == "in-progress" {
			e.Facts["assignee"] = x.Assignee
		}
		if known, ok := t.came[m.To]; ok {
			when = known
		}
		for name, v := range e.Facts {
			if v == "" {
				delete(e.Facts, name)
			}
		}
		at(when, e)
		if x.Rating > 0 && (m.To == stateAnswered || m.To == stateRefused) && !x.RatedAt.After(x.ClosedAt) {
			at(x.RatedAt, Entry{Kind: Rating, Facts: map[string]string{"rating": strconv.FormatInt(x.Rating, 10)}, Visibility: ToReporter})
			x.Rating = 0
		}
	}
	if x.Rating > 0 && said {
		at(x.RatedAt, Entry{Kind: Rating, Facts: map[string]string{"rating": strconv.FormatInt(x.Rating, 10)}, Visibility: ToReporter})
	}
	t.now = end
}

// pathTo is a way through the workflow to a state, through an agency's hands where
// one leads there.
func pathTo(w *workflow.Workflow, state string) []*workflow.Transition {
	start := w.Start[0]
	if state == start {
		return nil
	}
	if first, ok := w.Transition("assign"); ok && slices.Contains(first.From, start) && slices.Contains([]string{"in-progress", stateAnswered, statePlanned, stateClosed, "disputed", stateReopened}, state) {
		if rest := shortest(w, first.To, state); rest != nil {
			return append([]*workflow.Transition{first}, rest...)
		}
	}
	return shortest(w, start, state)
}

// shortest is a shortest way, by steps of the city where they lead there.
func shortest(w *workflow.Workflow, from, to string) []*workflow.Transition {
	city := func(m *workflow.Transition) bool {
		return slices.ContainsFunc(m.By, func(who workflow.Who) bool { return who.Relation != workflow.Requester })
	}
	if path := way(w, from, to, city); len(path) > 0 {
		return path
	}
	return way(w, from, to, func(*workflow.Transition) bool { return true })
}

func way(w *workflow.Workflow, from, to string, may func(*workflow.Transition) bool) []*workflow.Transition {
	by := map[string]*workflow.Transition{}
	came := map[string]string{from: from}
	for queue := []string{from}; len(queue) > 0 && came[to] == ""; queue = queue[1:] {
		for _, bare := range []bool{true, false} { // steps that ask for nothing first
			for i := range w.Transitions {
				m := &w.Transitions[i]
				if bare == (len(m.Require) == 0) && may(m) && slices.Contains(m.From, queue[0]) && came[m.To] == "" {
					came[m.To], by[m.To] = queue[0], m
					queue = append(queue, m.To)
				}
			}
		}
	}
	var path []*workflow.Transition
	for at := to; at != from && by[at] != nil; at = came[at] {
		path = append(path, by[at])
	}
	slices.Reverse(path)
	return path
}

// Past is a report that was received elsewhere, with what became of it.
type Past struct {
	Submission             // ExternalID and At are required; Key, Photos and Contact are not taken
	Code            string // kept where it has the form of the city's codes and is free: what was exported comes back as itself
	Agency          string // code; routed by the city's rules when empty
	Status, Outcome string // received when empty
	Parent          string // code of the request that it was merged into
	Answer          string
	Published       bool // with Title and Text as they are
	DueAt           time.Time
	AnsweredAt      time.Time
	ClosedAt        time.Time
	UpdatedAt       time.Time // the last change of one that is not over; when its last step was taken, where it is zero
	PlannedAt       time.Time
	Rating          int64
	Came            map[string]time.Time // when it came to states on its way, where that is known
}

// Imported is what became of a Past.
type Imported struct {
	Code      string
	Unchanged bool // it was here already
	Err       error
}

// mostImport bounds one commit of imports.
const mostImport = 200

// Import takes in what was received elsewhere, each with a timeline of its own. One
// that is here already, by its foreign number and day, stays as it is: a file that
// is imported twice changes nothing. For the desk, and machines that write the
// dataset. There is one outcome for each.
func (d *Desk) Import(ctx context.Context, p repo.Principal, list []Past) ([]Imported, error) {
	r, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	if !d.AtDesk(p) && !slices.Contains(p.Write, Dataset) && !slices.Contains(p.Write, "*") {
		return nil, problem.New(problem.Denied, "request-desk")
	}
	out := make([]Imported, len(list))
	for from := 0; from < len(list); from += mostImport {
		upto := min(from+mostImport, len(list))
		if err := d.importSome(ctx, r, p, list[from:upto], out[from:upto]); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (d *Desk) importSome(ctx context.Context, r *rules, p repo.Principal, list []Past, out []Imported) error {
	var changes []commit.Change
	taken := map[string]bool{}
	for i := range list {
		t, fresh, err := d.draftPast(ctx, r, &list[i], taken)
		if err != nil {
			if problem.KindOf(err) != problem.Invalid {
				return err
			}
			out[i] = Imported{Err: err}
			continue
		}
		out[i] = Imported{Code: t.x.Code, Unchanged: !fresh}
		if !fresh {
			continue
		}
		taken[t.x.Code] = true
		more, err := t.changes(ctx)
		if err != nil {
			return err
		}
		changes = append(changes, more...)
	}
	if len(changes) == 0 {
		return nil
	}
	by := p.Name
	if by == "" {
		by = clockActor.Name
	}
	_, err := d.commitBy(ctx, by, "import", "", changes)
	return err
}

// draftPast drafts one; fresh is false when it is here already.
func (d *Desk) draftPast(ctx context.Context, r *rules, s *Past, taken map[string]bool) (t *draft, fresh bool, err error) {
	if s.Channel == "" {
		s.Channel = "import"
	}
	s.tidy()
	var vs []problem.Violation
	category, err := d.check(ctx, r, &s.Submission, true)
	if err != nil {
		if problem.KindOf(err) != problem.Invalid {
			return nil, false, err
		}
		vs = problem.As(err).Violations
	}
	fail := func(code, field string, kv ...any) { vs = append(vs, problem.Violate(code, field, kv...)) }
	if s.Status == "" {
		s.Status = r.workflow.Start[0]
	}
	if s.ExternalID == "" {
		fail("request-missing", "externalId")
	}
	if s.At.IsZero() {
		fail("request-missing", "at")
	}
	if _, ok := r.workflow.State(s.Status); !ok {
		fail("request-word", "status", "allowed", "service-request")
	}
	for name, at := range map[string]time.Time{"closedAt": s.ClosedAt, "answeredAt": s.AnsweredAt} {
		if !at.IsZero() && at.Before(s.At) {
			fail("request-before", name)
		}
	}
	if err := problem.InvalidWith("request-invalid", vs); err != nil {
		return nil, false, err
	}
	zone := d.repo.Zone()
	sum := sha256.Sum256([]byte(s.ExternalID))
	t = &draft{d: d, rules: r, now: d.now(), clock: remembering(d.clock), came: s.Came}
	for i := 0; ; i++ {
		code := codeOf(s.At.In(zone), sum[i%(len(sum)-4):])
		if i == 0 && isCode(s.Code) {
			code = s.Code
		}
		have, err := d.record(ctx, code)
		if err == nil && (have.ExternalID == s.ExternalID || code == s.Code) {
			return &draft{x: have}, false, nil
		}
		if err != nil && problem.KindOf(err) != problem.NotFound {
			return nil, false, err
		}
		if err != nil && !taken[code] {
			t.x.Code = code
			break
		}
		if i > len(sum) {
			return nil, false, problem.New(problem.Unavailable, "busy")
		}
	}
	x := &t.x
	x.Category, x.Channel, x.ExternalID, x.Description = s.Category, s.Channel, s.ExternalID, written(s.Title, s.Text)
	x.Title = category.Title.In("vi")
	x.Urgency, x.Track, x.Address, x.Longitude, x.Latitude, x.Area = category.Urgency, s.Track, s.Address, s.Longitude, s.Latitude, s.Area
	if x.Track == "" {
		x.Track = category.Track
	}
	located := false
	if s.Longitude != nil {
		area, ok, err := d.repo.AreaAt(ctx, *s.Longitude, *s.Latitude)
		if err != nil {
			return nil, false, err
		}
		if located = ok; ok {
			x.Area = area
		}
	}
	x.NeedsPlace = !located && !category.Placeless
	if x.Agency = s.Agency; x.Agency == "" {
		to := r.catalogue.Route(s.Category, x.Area, s.At.In(zone))
		x.Agency, x.Rule = to.Agency, to.Rule
	}
	if x.Published = s.Published && !category.Never(); x.Published {
		x.PublicText = x.Description
		if s.Title != "" {
			x.Title, x.PublicText = s.Title, s.Text
		}
	}
	in := func(at time.Time) time.Time {
		if at.IsZero() {
			return at
		}
		return at.In(zone)
	}
	x.OpenedAt, x.DueAt, x.AnsweredAt, x.ClosedAt, x.UpdatedAt = in(s.At), in(s.DueAt), in(s.AnsweredAt), in(s.ClosedAt), in(s.ClosedAt)
	x.PlannedAt, x.Status, x.Outcome, x.Answer, x.Rating, x.RatedAt, x.Parent = in(s.PlannedAt), s.Status, s.Outcome, s.Answer, s.Rating, in(s.ClosedAt), s.Parent
	t.adopt()
	imported := t.now
	t.now = t.entries[len(t.entries)-1].At // it has not changed since
	if state, _ := r.workflow.State(x.Status); !state.Final && s.UpdatedAt.After(t.now) {
		if t.now = in(s.UpdatedAt); t.now.After(imported) {
			t.now = imported
		}
	}
	return t, true, nil
}
