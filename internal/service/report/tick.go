package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	core "huong.city/huong/internal/core/report"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

const (
	// mostMissed is how many reports of one kind and area are made up for after the
	// city stood still.
	mostMissed = 31
	// again is when it is tried again to find who answers for a report.
	again = 10 * time.Minute
)

// Run looks at what is due at every tick until ctx ends.
func (d *Desk) Run(ctx context.Context, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		if err := d.Tick(ctx); err != nil && ctx.Err() == nil && problem.KindOf(err) != problem.Unavailable {
			d.log.WarnContext(ctx, "reports not looked at", "err", err)
		}
	}
}

// Tick computes the reports that are due and carries out what their deadlines
// have brought. Each report is computed once, whoever ticks, how often, and
// whenever the process is killed: its id and the key of its commit follow from
// its kind, its area and its period alone. A report whose owner has no officer is
// not computed: there is nobody by whose rights it could be.
func (d *Desk) Tick(ctx context.Context) error {
	d.ticking.Lock()
	defer d.ticking.Unlock()
	rules, err := d.rulesNow()
	if err != nil {
		return err
	}
	wards := []string(nil)
	for _, def := range rules.reports {
		if def.Period == core.OnCall {
			continue
		}
		areas := []string{grant.WholeCity}
		if def.Wards {
			if wards == nil {
				if wards, err = d.wards(ctx); err != nil {
					return err
				}
			}
			areas = wards
		}
		for _, area := range areas {
			if err := d.due(ctx, rules, def, area); err != nil {
				// Deadlines do not wait for figures.
				return errors.Join(err, d.timers(ctx, rules))
			}
		}
	}
	return d.timers(ctx, rules)
}

// due makes the reports of one kind and area that are due and not there.
func (d *Desk) due(ctx context.Context, rules *rules, def Declared, area string) error {
	zone, now := d.repo.Zone(), d.now()
	last := def.Last(now, zone)
	key := def.Name + "/" + area
	if have, ok := d.upto[key]; ok && !have.Before(last.Until) || d.wait[key].After(now) {
		return nil
	}
	have, err := d.newest(ctx, def.Name, area)
	if err != nil {
		return err
	}
	spans := []core.Span{last}
	for s := last; !have.IsZero() && s.From.After(have) && len(spans) <= mostMissed; {
		s = def.Before(s)
		spans = append(spans, s)
	}
	slices.Reverse(spans)
	for _, s := range spans {
		if !s.Until.After(have) {
			continue
		}
		p, ok, err := d.officer(ctx, def.Report, owner(def.Report, area), area)
		if err != nil {
			return err
		}
		if !ok {
			d.wait[key] = now.Add(again)
			return nil
		}
		if _, err := d.make(ctx, p, rules, def, area, s); err != nil {
			return err
		}
	}
	d.upto[key] = last.Until
	return nil
}

// newest is until when there are reports of a kind and area; zero for none.
func (d *Desk) newest(ctx context.Context, name, area string) (until time.Time, err error) {
	q := repo.Query{Dataset: repo.SystemReport, Filter: cql2.And(compare("=", "name", value.OfText(name)), compare("=", "area", value.OfText(area))), Limit: 1,
		Sort: []repo.Sort{{Field: "until", Desc: true}}, Fields: []string{"until"}}
	_, err = d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		until = look{rec.Entry, rec.Values, d.repo.Zone()}.at("until")
		return nil
	})
	return until, err
}

// officer finds who answers for a report: the account that is named, else the
// first by name of the owner's officers, in a capacity that holds now and reaches
// the area. false when there is nobody.
func (d *Desk) officer(ctx context.Context, r *core.Report, agency, area string) (best repo.Principal, ok bool, err error) {
	now := d.now()
	filter := []cql2.Expr{compare("=", "agency", value.OfText(agency))}
	if r.Officer != "" {
		filter = append(filter, compare("=", "account", value.OfText(r.Officer)))
	}
	_, err = d.repo.Read(ctx, repo.Internal(), repo.Query{Dataset: repo.SystemCapacity, Filter: cql2.And(filter...)}, func(rec repo.Record) error {
		l := look{rec.Entry, rec.Values, d.repo.Zone()}
		ended := l.value("ended")
		p := repo.Principal{Name: l.text("account"), Agency: agency, Roles: l.list("roles"), Areas: l.list("areas"), Capacity: l.text("id")}
		switch {
		case ended.Kind() == value.Bool && ended.Bool(), l.at("from").After(now), !l.at("until").IsZero() && !l.at("until").After(now):
		case !p.Is(grant.Officer) && !p.Is(grant.OperatorRole) && (r.Officer == "" || !p.Is(grant.Leader)):
		case !wholeCity(p.Areas) && !slices.Contains(p.Areas, area):
		case ok && strings.Compare(p.Name+p.Capacity, best.Name+best.Capacity) > 0:
		default:
			best, ok = p, true
		}
		return nil
	})
	if err != nil || !ok {
		return best, false, err
	}
	rec, err := d.repo.Get(ctx, repo.Internal(), repo.SystemAccount, []value.Value{value.OfText(best.Name)}, 0)
	if err != nil {
		if problem.KindOf(err) == problem.NotFound {
			return best, false, nil
		}
		return best, false, err
	}
	off := look{rec.Entry, rec.Values, d.repo.Zone()}.value("disabled")
	return best, off.Kind() != value.Bool || !off.Bool(), nil
}

// timers carries out what deadlines have brought.
func (d *Desk) timers(ctx context.Context, rules *rules) error {
	var ids []string
	q := repo.Query{Dataset: repo.SystemReport, Filter: compare("<=", "nextAt", value.OfInstant(d.repo.Now())), Sort: []repo.Sort{{Field: "id"}}, Limit: 500, Fields: []string{"id"}}
	_, err := d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		ids = append(ids, look{rec.Entry, rec.Values, d.repo.Zone()}.text("id"))
		return nil
	})
	for _, id := range ids {
		if err == nil {
			err = d.fire(ctx, rules.workflow, id)
		}
	}
	return err
}

// fire notes in a report what time has brought and tells whose turn it is, in one
// commit upon the version that it follows from.
func (d *Desk) fire(ctx context.Context, w *workflow.Workflow, id string) error {
	r, err := d.Get(ctx, repo.Internal(), id)
	if err != nil {
		return err
	}
	c, err := w.Fold(r.events(d.repo.Zone()))
	if err != nil {
		return err
	}
	due, err := w.Timers(c, d.now(), d.clock)
	if err != nil {
		return err
	}
	list := []commit.Change{{}}
	var names []string
	for _, f := range due {
		r.History = append(r.History, Step{Kind: workflow.Fire, Name: f.ID, At: d.now(), By: "huong"})
		names = append(names, f.ID)
		if f.Late || f.Kind != workflow.Remind && f.Kind != workflow.Missed {
			continue
		}
		title := word{"Báo cáo sắp đến hạn", "A report is due soon"}
		if f.Kind == workflow.Missed {
			title = word{"Báo cáo quá hạn", "A report is overdue"}
		}
		n, err := d.tell(r, whoseTurn(r), f.ID, title)
		if err != nil {
			return err
		}
		list = append(list, n)
	}
	if err := d.settle(w, r); err != nil {
		return err
	}
	if list[0], err = d.put(r); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	_, err = d.commitAs(ctx, repo.Internal(), "clock", "report/"+id+"/"+strconv.FormatInt(r.Version, 10)+"/"+hex.EncodeToString(sum[:8]), list)
	if k := problem.KindOf(err); err != nil && (k == problem.Stale || k == problem.Conflict) {
		return nil // somebody wrote first: the next tick looks again
	}
	return err
}

// whoseTurn is the addressee of what a report waits for: the officer until it is
// handed in, then the owner's leaders.
func whoseTurn(r *Report) string {
	if (r.State == "computed" || r.State == "returned") && r.Officer != "" {
		return "account:" + r.Officer
	}
	return "agency:" + r.Agency + "/" + grant.Leader
}
