package request

import (
	"context"
	"slices"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// What a reporter answers when they are asked whether it is still fixed.
const (
	DoStillFixed = "still-fixed" // yes
	DoNotFixed   = "not-fixed"   // no: a step of the workflow, which reopens it
)

// stillFact tells how a question of that kind stands: asked, yes or no.
const stillFact = "still"

// recheckSpan is how long after its time a question may come late, while no server
// ran; older reports are left in peace.
const recheckSpan = 30 * 24 * time.Hour

// Recheck asks who reported what was closed as fixed so long ago as the city says
// whether it is still so: each once in its life, whoever asks, however often, and
// whenever the process is killed, for that it was asked is an entry of the timeline
// in the commit with the notice. It returns how many were asked.
func (d *Desk) Recheck(ctx context.Context) (n int, err error) {
	r, err := d.rulesNow()
	if err != nil || r.catalogue.Upkeep.Recheck.Zero() {
		return 0, err
	}
	until := r.catalogue.Upkeep.Recheck.Before(d.now())
	from := until.Add(-recheckSpan)
	kept := d.repo.Private("request-upkeep")
	raw, err := kept.Get(ctx, "recheck")
	if err != nil {
		return 0, err
	}
	if at, err := time.Parse(time.RFC3339Nano, string(raw)); err == nil && at.After(from) {
		from = at
	}
	q := repo.Query{Dataset: Dataset, Fields: []string{"code"}, Sort: []repo.Sort{{Field: "closedAt"}, {Field: "code"}}, Limit: 500,
		Filter: cql2.And(oneOf("status", []string{stateClosed}), oneOf("outcome", []string{"fixed"}), compare(">=", "closedAt", value.OfInstant(from)), compare("<=", "closedAt", value.OfInstant(until)))}
	for {
		var codes []string
		page, err := d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
			codes = append(codes, look{rec.Entry, rec.Values, d.repo.Zone()}.text("code"))
			return nil
		})
		if err != nil {
			return n, err
		}
		for _, code := range codes {
			asked, err := d.recheck(ctx, code)
			if err != nil {
				return n, err
			}
			if asked {
				n++
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	mark := []byte(until.Format(time.RFC3339Nano))
	if err := kept.Swap(ctx, "recheck", raw, mark); err != nil && ctx.Err() == nil {
		return n, nil // another server looked as well
	}
	return n, ctx.Err()
}

func (d *Desk) recheck(ctx context.Context, code string) (asked bool, err error) {
	s, err := d.sender(ctx, code)
	if err != nil || !s.found {
		return false, err
	}
	_, err = d.change(ctx, repo.Internal(), code, Act{Do: "recheck"}, func(t *draft) error {
		before := slices.ContainsFunc(t.entries, func(e Entry) bool { return e.Kind == workflow.Set && e.Name == stillFact })
		_, step := t.rules.workflow.Transition(DoNotFixed)
		if asked = !before && step && t.case_.State == stateClosed && t.x.Outcome == "fixed" && !imported(t.entries); !asked {
			return nil
		}
		t.set(repo.Internal(), stillFact, ToReporter, "", stillFact, "asked")
		t.tellOf("still", author)
		return nil
	})
	return asked, err
}

// imported tells of a request that was history when it came.
func imported(entries []Entry) bool {
	return len(entries) > 0 && entries[0].Facts["imported"] == "true"
}

// stillFixed takes the answer that it is.
func (t *draft) stillFixed() error {
	if t.case_.Facts[stillFact] != "asked" || t.case_.State != stateClosed {
		return problem.New(problem.Conflict, "request-not-asked")
	}
	t.set(repo.Public(), stillFact, ToReporter, "", stillFact, "yes")
	return nil
}
