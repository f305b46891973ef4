package request

import (
	"context"
	"slices"
	"strconv"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// What a reporter can do beside the steps of the workflow that are theirs (reply,
// accept, dispute, reopen, withdraw).
const DoRate = "rate" // rating 1 to 5; text

// rateWithin is for how long after its answer a request may be rated, and lowRating
// the highest rating for which somebody else looks at the answer again.
const (
	rateWithin = 14 * 24 * time.Hour
	lowRating  = 2
)

// Reply does something with a request as who reported it: p's account, or the
// secret of the receipt. Nobody else finds the request: NotFound. Other errors are
// those of Act. Photos are files that were put to the request.
func (d *Desk) Reply(ctx context.Context, p repo.Principal, code, secret string, a Act) (Request, error) {
	s, err := d.theirs(ctx, p, code, secret)
	if err != nil {
		return Request{}, err
	}
	a.tidy()
	switch a.Do {
	case DoRate, DoComment, DoPhoto, DoStillFixed, DoNotFixed, "reply", "reply-desk", "accept", "dispute", "reopen", "withdraw":
	default:
		return Request{}, problem.New(problem.NotFound, "workflow-step-unknown", "workflow", workflowName)
	}
	me := repo.Public()
	x, err := d.change(ctx, me, s.Code, a, func(t *draft) error {
		switch a.Do {
		case DoRate:
			return t.rate(ctx, a)
		case DoComment, DoPhoto:
			return t.addOwn(ctx, a)
		case DoStillFixed:
			return t.stillFixed()
		case "reply", "reply-desk":
			a.Do = "reply"
			if t.case_.Facts["asker"] == "desk" {
				a.Do = "reply-desk"
			}
		}
		photos := a.Photos
		step := a
		step.Photos = nil
		if err := t.photoFaults(ctx, a); err != nil {
			return err
		}
		if err := t.step(ctx, me, reporterActor(), step); err != nil {
			return err
		}
		if a.Do == DoNotFixed {
			t.set(me, stillFact, ToReporter, "", stillFact, "no")
		}
		t.photos(me, "before", "", photos)
		return nil
	})
	if err == nil && len(a.Photos) > 0 {
		err = d.adopt(ctx, a.Photos, UploadKey(a.Key), s.Code)
	}
	return forReporter(x), err
}

func (t *draft) photoFaults(ctx context.Context, a Act) error {
	var vs []problem.Violation
	ids := a.Photos
	for i, id := range ids {
		if a.Key == "" || !t.d.uploaded(ctx, id, UploadKey(a.Key)) {
			vs = append(vs, problem.Violate("request-photo", "photos/"+strconv.Itoa(i)))
		}
	}
	if len(ids) > mostPhotos {
		vs = append(vs, problem.Violate("request-photos", "photos", "limit", mostPhotos))
	}
	return problem.InvalidWith("request-invalid", vs)
}

// addOwn puts what the reporter has to say beside any question.
func (t *draft) addOwn(ctx context.Context, a Act) error {
	if err := t.photoFaults(ctx, a); err != nil {
		return err
	}
	text := a.Fields["text"]
	switch {
	case text == "" && len(a.Photos) == 0:
		return problem.InvalidWith("request-invalid", []problem.Violation{problem.Violate("request-missing", "text")})
	case len([]rune(text)) > mostText:
		return problem.InvalidWith("request-invalid", []problem.Violation{problem.Violate("request-long", "text", "limit", mostText)})
	}
	t.photos(repo.Public(), "before", "", a.Photos)
	if text != "" {
		t.add(repo.Public(), Entry{Kind: Comment, Text: text, Visibility: ToReporter})
	}
	if len(t.fresh) > 0 {
		t.tellOf("message", t.handler())
	}
	return nil
}

// rate takes a rating: once for each answer. A low one of an answer that can still
// be disputed disputes it, so that another person looks at it.
func (t *draft) rate(ctx context.Context, a Act) error {
	n, err := strconv.Atoi(a.Fields["rating"])
	var vs []problem.Violation
	if err != nil || n < 1 || n > 5 {
		vs = append(vs, problem.Violate("request-rating", "rating"))
	}
	text := a.Fields["text"]
	if len([]rune(text)) > mostText {
		vs = append(vs, problem.Violate("request-long", "text", "limit", mostText))
	}
	if err := problem.InvalidWith("request-invalid", vs); err != nil {
		return err
	}
	switch state := t.case_.State; {
	case t.x.AnsweredAt.IsZero() || !slices.Contains([]string{stateAnswered, statePlanned, stateRefused, stateClosed}, state):
		return problem.New(problem.Conflict, "request-unanswered")
	case t.now.After(t.x.AnsweredAt.Add(rateWithin)):
		return problem.New(problem.Conflict, "request-rate-late", "days", int(rateWithin/(24*time.Hour)))
	case t.x.Rating != 0:
		return problem.New(problem.Conflict, "request-rated")
	}
	me := repo.Public()
	t.add(me, Entry{Kind: Rating, Facts: map[string]string{"rating": strconv.Itoa(n)}, Text: text, Visibility: ToReporter})
	if n > lowRating {
		return nil
	}
	t.tellOf("low", t.desk())
	dispute, ok := t.rules.workflow.Transition("dispute")
	if second, is := t.rules.workflow.Transition("low-rating"); is && t.case_.State == stateClosed {
		dispute, ok = second, true // it was accepted or closed already: it is looked at all the same
		t.set(me, "rated", ToStaff, "", "rated", "low")
		if err := t.refold(); err != nil {
			return err
		}
		defer func() { t.set(me, "rated", ToStaff, "", "rated", "seen") }()
	}
	if !ok || !slices.Contains(dispute.From, t.case_.State) {
		return nil
	}
	note := text
	if note == "" {
		note = "Đánh giá " + strconv.Itoa(n) + "/5"
	}
	return t.step(ctx, me, reporterActor(), Act{Do: dispute.Name, Fields: map[string]string{"note": note}})
}

// Follow makes p be told what becomes of somebody else's request, which the public
// must see. Nothing happens when p follows it, or sent it.
func (d *Desk) Follow(ctx context.Context, p repo.Principal, code string) error {
	return d.follow(ctx, p, code, true)
}

// Unfollow ends that.
func (d *Desk) Unfollow(ctx context.Context, p repo.Principal, code string) error {
	return d.follow(ctx, p, code, false)
}

func followID(code, account string) string {
	sum := digest("follow", code+"\x00"+account)
	return "w" + letters(sum[:], 24)
}

func (d *Desk) follow(ctx context.Context, p repo.Principal, code string, on bool) error {
	if p.Name == "" || len(p.Read)+len(p.Write) > 0 {
		return problem.New(problem.Unauthenticated, "unauthenticated")
	}
	code = Tidy(code)
	x, err := d.record(ctx, code)
	if err != nil {
		return err
	}
	if on && !x.Published && !duty(p) {
		return unknown()
	}
	e, err := d.repo.Entry(repo.Internal(), Followers)
	if err != nil {
		return err
	}
	id := followID(code, p.Name)
	for range attempts {
		already, err := d.exists(ctx, Followers, id)
		if err != nil || already == on {
			return err
		}
		if x, err = d.record(ctx, code); err != nil {
			return err
		}
		if s, err := d.sender(ctx, code); err != nil || on && s.Account == p.Name {
			return err
		}
		c := cellsOf(e)
		c.text("id", id)
		change := commit.Change{Dataset: Followers, Op: commit.Delete, Row: c.row, Expect: commit.Present}
		if on {
			for name, text := range map[string]string{"request": code, "account": p.Name} {
				c.text(name, text)
			}
			c.at("at", d.now())
			change.Op, change.Expect = commit.Put, commit.Absent
			x.Followers++
		} else {
			x.Followers--
		}
		record, err := d.count(&x)
		if err != nil {
			return err
		}
		_, err = d.commitBy(ctx, Reporter, "follow", "", []commit.Change{record, change})
		if err == nil || !retry(err) {
			return err
		}
	}
	return problem.New(problem.Unavailable, "busy")
}

// count is the change that writes how many follow, and nothing else.
func (d *Desk) count(x *Request) (commit.Change, error) {
	e, err := d.repo.Entry(repo.Internal(), Dataset)
	if err != nil {
		return commit.Change{}, err
	}
	c := cellsOf(e)
	mask := make([]bool, e.Table.Width())
	c.text("code", x.Code)
	i, _, _, _ := e.Table.Property("followers")
	c.row[i], mask[i] = value.OfInt(max(x.Followers, 0)), true
	return commit.Change{Dataset: Dataset, Op: commit.Patch, Row: c.row, Mask: mask, Expect: x.Version}, nil
}

// mayReply lists what a reporter can do now, by the workflow and by what else
// there is.
func (d *Desk) mayReply(w *workflow.Workflow, x *Request, c *workflow.Case, now time.Time) (list []string) {
	for _, t := range w.Allowed(c, reporterActor(), now) {
		list = append(list, t.Name)
	}
	answered := slices.Contains([]string{stateAnswered, statePlanned, stateRefused, stateClosed}, x.Status)
	if answered && x.Rating == 0 && !x.AnsweredAt.IsZero() && !now.After(x.AnsweredAt.Add(rateWithin)) {
		list = append(list, DoRate)
	}
	if c.Facts[stillFact] == "asked" && x.Status == stateClosed {
		list = append(list, DoStillFixed)
	}
	return append(list, DoComment)
}
