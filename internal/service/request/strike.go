package request

import (
	"context"
	"slices"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// States of a strike. One in force, appealed or upheld counts until its term is over.
const (
	StrikeInForce  = "in-force"
	StrikeAppealed = "appealed" // a second person is to decide
	StrikeUpheld   = "upheld"
	StrikeLifted   = "lifted"
)

// Strike is what the desk noted of a false report. It tells nobody who sent it.
type Strike struct {
	Code, State         string
	Reason, By          string
	At, Until           time.Time
	Appeal              string
	AppealedAt          time.Time
	Decision, DecidedBy string
	DecidedAt           time.Time
	version             int64
}

// Strike notes that a report was false, with the reason, which its sender is told.
// Nothing is hidden or deleted by it. Denied for who is not at the desk; Conflict
// where it is noted already, or nobody is known to have sent it.
func (d *Desk) Strike(ctx context.Context, p repo.Principal, code, reason string) error {
	if !d.AtDesk(p) {
		return problem.New(problem.Denied, "request-desk")
	}
	if err := longText("reason", reason); err != nil {
		return err
	}
	r, err := d.rulesNow()
	if err != nil {
		return err
	}
	s, err := d.sender(ctx, Tidy(code))
	if err != nil {
		return err
	}
	if !s.found || s.Account == "" && s.Device == "" {
		return problem.New(problem.Conflict, "request-strike-nobody")
	}
	_, err = d.change(ctx, p, Tidy(code), Act{Do: "strike"}, func(t *draft) error {
		if _, known, err := d.StrikeOf(ctx, t.x.Code); err != nil || known {
			if err == nil {
				err = problem.New(problem.Conflict, "request-strike-twice")
			}
			return err
		}
		e, err := d.repo.Entry(repo.Internal(), Strikes)
		if err != nil {
			return err
		}
		c := cellsOf(e)
		for name, text := range map[string]string{"request": t.x.Code, "account": s.Account, "device": s.Device, "reason": reason, "by": p.Name, "state": StrikeInForce} {
			c.text(name, text)
		}
		c.at("at", t.now)
		c.at("until", r.catalogue.Upkeep.Strikes.Keep.After(t.now))
		t.also = append(t.also, commit.Change{Dataset: Strikes, Op: commit.Put, Row: c.row, Expect: commit.Absent})
		t.add(p, Entry{Kind: Comment, Name: "strike", Text: reason, Visibility: ToReporter})
		t.tellOf("strike", author)
		return nil
	})
	return err
}

// Appeal is what who sent a report says against the strike, once. NotFound for
// anybody else; Conflict when there is nothing to appeal against.
func (d *Desk) Appeal(ctx context.Context, p repo.Principal, code, secret, text string) error {
	s, err := d.theirs(ctx, p, code, secret)
	if err != nil {
		return err
	}
	if err := longText("appeal", text); err != nil {
		return err
	}
	return d.onStrike(ctx, repo.Public(), s.Code, "strike-appeal", func(t *draft, k *Strike, c cells) error {
		if k.State != StrikeInForce || !k.Until.After(t.now) {
			return problem.New(problem.Conflict, "request-strike-state")
		}
		c.text("state", StrikeAppealed)
		c.text("appeal", text)
		c.at("appealedAt", t.now)
		t.add(repo.Public(), Entry{Kind: Comment, Name: "strike-appeal", Text: text, Visibility: ToReporter})
		t.tellOf("appealed", t.desk())
		return nil
	})
}

// DecideStrike settles an appeal: by somebody at the desk who did not note the
// strike, with the reason, which its sender is told.
func (d *Desk) DecideStrike(ctx context.Context, p repo.Principal, code string, lift bool, reason string) error {
	if !d.AtDesk(p) {
		return problem.New(problem.Denied, "request-desk")
	}
	if err := longText("reason", reason); err != nil {
		return err
	}
	return d.onStrike(ctx, p, Tidy(code), "strike-decide", func(t *draft, k *Strike, c cells) error {
		switch {
		case k.State != StrikeAppealed:
			return problem.New(problem.Conflict, "request-strike-state")
		case k.By == p.Name:
			return problem.New(problem.Denied, "request-strike-second")
		}
		state, name := StrikeUpheld, "strike-upheld"
		if lift {
			state, name = StrikeLifted, "strike-lifted"
		}
		c.text("state", state)
		c.text("decision", reason)
		c.text("decidedBy", p.Name)
		c.at("decidedAt", t.now)
		t.add(p, Entry{Kind: Comment, Name: name, Text: reason, Visibility: ToReporter})
		t.tellOf("strike", author)
		return nil
	})
}

// onStrike changes the strike of a request with its timeline, in one commit.
func (d *Desk) onStrike(ctx context.Context, p repo.Principal, code, do string, with func(t *draft, k *Strike, c cells) error) error {
	_, err := d.change(ctx, p, code, Act{Do: do}, func(t *draft) error {
		k, known, err := d.StrikeOf(ctx, t.x.Code)
		if err != nil {
			return err
		}
		if !known {
			return problem.New(problem.Conflict, "request-strike-state")
		}
		e, err := d.repo.Entry(repo.Internal(), Strikes)
		if err != nil {
			return err
		}
		c := cellsOf(e)
		if err := with(t, &k, c); err != nil {
			return err
		}
		mask := make([]bool, len(c.row))
		for i := range c.row {
			mask[i] = !c.row[i].IsNull()
		}
		c.text("request", t.x.Code)
		t.also = append(t.also, commit.Change{Dataset: Strikes, Op: commit.Patch, Row: c.row, Mask: mask, Expect: k.version})
		return nil
	})
	return err
}

func longText(field, text string) error {
	var vs []problem.Violation
	switch n := len([]rune(text)); {
	case n == 0:
		vs = append(vs, problem.Violate("request-missing", field))
	case n > mostText:
		vs = append(vs, problem.Violate("request-long", field, "limit", mostText))
	}
	return problem.InvalidWith("request-invalid", vs)
}

// StrikeOf is the strike that was noted of a request; it checks nobody's rights.
func (d *Desk) StrikeOf(ctx context.Context, code string) (k Strike, known bool, err error) {
	rec, err := d.repo.Get(ctx, repo.Internal(), Strikes, []value.Value{value.OfText(code)}, 0)
	if err != nil && problem.KindOf(err) == problem.NotFound {
		return k, false, nil
	}
	if err != nil {
		return k, false, err
	}
	return d.strikeOf(rec), true, nil
}

func (d *Desk) strikeOf(rec repo.Record) Strike {
	l := look{rec.Entry, rec.Values, d.repo.Zone()}
	return Strike{Code: l.text("request"), State: l.text("state"), Reason: l.text("reason"), By: l.text("by"), At: l.at("at"), Until: l.at("until"), Appeal: l.text("appeal"),
		AppealedAt: l.at("appealedAt"), Decision: l.text("decision"), DecidedBy: l.text("decidedBy"), DecidedAt: l.at("decidedAt"), version: rec.Version}
}

// Appealed lists the strikes that wait for a second person, the oldest first.
func (d *Desk) Appealed(ctx context.Context, p repo.Principal) (list []Strike, err error) {
	if !d.AtDesk(p) {
		return nil, problem.New(problem.Denied, "request-desk")
	}
	_, err = d.repo.Read(ctx, repo.Internal(), repo.Query{Dataset: Strikes, Filter: oneOf("state", []string{StrikeAppealed}), Limit: 200}, func(rec repo.Record) error {
		list = append(list, d.strikeOf(rec))
		return nil
	})
	slices.SortFunc(list, func(a, b Strike) int { return a.AppealedAt.Compare(b.AppealedAt) })
	return list, err
}

// struck tells what follows for who sends a report from the strikes that hold: it is
// moderated, or refused with RateLimited request-paused.
func (d *Desk) struck(ctx context.Context, r *rules, p repo.Principal, s *Submission) (moderated bool, err error) {
	if s.OnBehalfOf || p.Admin {
		return false, nil
	}
	now, rule := d.now(), r.catalogue.Upkeep.Strikes
	var latest time.Time
	codes := map[string]bool{}
	for field, who := range map[string]string{"account": accountOf(p), "device": deviceOf(s.Device)} {
		if who == "" {
			continue
		}
		q := repo.Query{Dataset: Strikes, Filter: cql2.And(oneOf(field, []string{who}), oneOf("state", []string{StrikeInForce, StrikeAppealed, StrikeUpheld}), compare(">", "until", value.OfInstant(now)))}
		_, err := d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
			k := d.strikeOf(rec)
			codes[k.Code] = true
			if k.At.After(latest) {
				latest = k.At
			}
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	if len(codes) < rule.Count {
		return false, nil
	}
	if until := rule.Pause.After(latest); rule.Then == catalogue.Pause && until.After(now) {
		e := problem.New(problem.RateLimited, "request-paused", "day", until.Format("02/01/2006"))
		e.RetryAfter = until.Sub(now)
		return true, e
	}
	return true, nil
}

// accountOf is the account by which a person sends; tokens and Huong itself have none.
func accountOf(p repo.Principal) string {
	if p.Admin || len(p.Read)+len(p.Write) > 0 {
		return ""
	}
	return p.Name
}

// areaRates count what came in about each ward in this hour, by this server.
type areaRates struct {
	mu   sync.Mutex
	hour time.Time
	n    map[string]int
}

// take counts one more, and tells whether the bound is passed.
func (a *areaRates) take(area string, now time.Time, most int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if hour := now.Truncate(time.Hour); !hour.Equal(a.hour) {
		a.hour, a.n = hour, map[string]int{}
	}
	a.n[area]++
	return a.n[area] > most
}
