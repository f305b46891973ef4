package request

import (
	"context"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// patience is how long a number waits for the log that its reader has seen.
const patience = 250 * time.Millisecond

// inStep waits until everything up to a commit is counted, or as long as patience
// lasts.
func (q *Queues) inStep(ctx context.Context, seq int64) error {
	give := time.NewTimer(patience)
	defer give.Stop()
	for {
		q.mu.RLock()
		at, moved := q.seq, q.moved
		q.mu.RUnlock()
		if at >= seq {
			return nil
		}
		select {
		case <-moved:
		case <-give.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Whose are the requests of a queue: all of the city where both are empty.
type Whose struct {
	Agency string
	Area   string // code of a ward; the city's own means all
}

// States counts requests by their state.
func (d *Desk) States(ctx context.Context, p repo.Principal, of Whose) (map[string]int64, error) {
	if !duty(p) {
		return nil, problem.New(problem.Denied, "request-staff")
	}
	if of.Area == wholeCityCode {
		of.Area = ""
	}
	n := map[string]int64{}
	if d.queues == nil {
		w, err := d.Workflow()
		if err != nil {
			return nil, err
		}
		for _, s := range w.States {
			if n[s.Name], err = d.matched(ctx, p, Query{Agency: of.Agency, Area: of.Area, Status: []string{s.Name}}); err != nil {
				return nil, err
			}
		}
		return n, nil
	}
	err := d.counted(ctx, func(q *Queues) {
		for key, count := range q.cells[cellState] {
			if c := strings.Split(key, cellMark); (of.Agency == "" || c[0] == of.Agency) && (of.Area == "" || c[1] == of.Area) {
				n[c[2]] += count
			}
		}
	})
	return n, err
}

// Open is how many of them wait for an answer.
func Open(states map[string]int64) (n int64) {
	for _, s := range waiting() {
		n += states[s]
	}
	return n
}

// Late counts those of which an answer was due, and those of which it is due within
// a time.
func (d *Desk) Late(ctx context.Context, p repo.Principal, agency string, within time.Duration) (late, soon int64, err error) {
	if !duty(p) {
		return 0, 0, problem.New(problem.Denied, "request-staff")
	}
	if d.queues == nil {
		if late, err = d.matched(ctx, p, Query{Agency: agency, Overdue: true}); err == nil {
			soon, err = d.matched(ctx, p, Query{Agency: agency, DueWithin: within})
		}
		return late, soon, err
	}
	now := d.repo.Now()
	err = d.counted(ctx, func(q *Queues) {
		for key, count := range q.cells[cellDue] {
			whose, by, _ := strings.Cut(key, cellMark)
			if agency != "" && whose != agency {
				continue
			}
			minute, _ := strconv.ParseInt(by, 10, 64)
			switch {
			case minute*60 <= now.Unix():
				late += count
			case minute*60 <= now.Add(within).Unix():
				soon += count
			}
		}
	})
	return late, soon, err
}

// Assigned counts what waits for an answer and is p's own to handle.
func (d *Desk) Assigned(ctx context.Context, p repo.Principal) (n int64, err error) {
	if !duty(p) {
		return 0, problem.New(problem.Denied, "request-staff")
	}
	if d.queues == nil {
		yes := true
		return d.matched(ctx, p, Query{Assignee: p.Name, Open: &yes})
	}
	err = d.counted(ctx, func(q *Queues) { n = q.cells[cellAssigned][p.Name] })
	return n, err
}

// counted looks at the queues when they are in step.
func (d *Desk) counted(ctx context.Context, look func(*Queues)) error {
	head := d.repo.Position()
	if err := d.queues.inStep(ctx, head.Seq); err != nil {
		return err
	}
	d.queues.mu.RLock()
	defer d.queues.mu.RUnlock()
	look(d.queues)
	return nil
}

// matched counts by reading.
func (d *Desk) matched(ctx context.Context, p repo.Principal, q Query) (int64, error) {
	q.Limit, q.Count = 1, true
	rq := q.read(q.filter(d.repo.Now()))
	rq.Fields, rq.Sort = []string{"code"}, nil
	_, page, err := d.list(ctx, p, rq)
	return page.Matched, err
}

// Counts are the numbers beside the queues of staff.
type Counts struct {
	Open, Overdue, DueSoon     int64 // of p's agency
	Mine                       int64 // p's own
	Received, Returned         int64 // at the desk: to verify; verified and to send on
	Disputed, Unplaced, Hidden int64 // at the desk: to look at again; without a place; to publish
}

// soon is what a queue calls due soon.
const soon = 2 * 24 * time.Hour

// Counts counts the queues of p.
func (d *Desk) Counts(ctx context.Context, p repo.Principal) (n Counts, err error) {
	if !duty(p) {
		return n, problem.New(problem.Denied, "request-staff")
	}
	agency, desk := p.Agency, d.AtDesk(p)
	if desk {
		agency = ""
	}
	states, err := d.States(ctx, p, Whose{Agency: agency})
	if err == nil {
		n.Overdue, n.DueSoon, err = d.Late(ctx, p, agency, soon)
	}
	if err == nil {
		n.Mine, err = d.Assigned(ctx, p)
	}
	n.Open = Open(states)
	if !desk || err != nil {
		return n, err
	}
	n.Received, n.Returned, n.Disputed = states[stateReceived], states["verified"], states["disputed"]
	if d.queues == nil {
		yes := true
		if n.Unplaced, err = d.matched(ctx, p, Query{NeedsPlace: true}); err == nil {
			n.Hidden, err = d.matched(ctx, p, Query{Unpublished: true, Open: &yes})
		}
		return n, err
	}
	err = d.counted(ctx, func(q *Queues) { n.Unplaced, n.Hidden = q.cells[cellUnplaced][""], q.cells[cellHidden][""] })
	return n, err
}

// publicCount is how many published requests a query selects; false where that
// cannot be told from what is counted.
func (d *Desk) publicCount(ctx context.Context, q Query) (n int64, known bool, err error) {
	if d.queues == nil || len(q.Status) > 0 || len(q.Category) > 1 || q.BBox != nil || strings.TrimSpace(q.Text) != "" ||
		q.Agency+q.Assignee+q.Track+q.Urgency+q.Outcome != "" || q.Overdue || q.DueWithin > 0 || q.NeedsPlace || q.Unpublished {
		return 0, false, nil
	}
	zone := d.repo.Zone()
	wholeDay := func(t time.Time) bool {
		h, m, s := t.In(zone).Clock()
		return h+m+s+t.Nanosecond() == 0
	}
	if !wholeDay(q.From) && !q.From.IsZero() || !wholeDay(q.Until) && !q.Until.IsZero() {
		return 0, false, nil
	}
	category, area := "", q.Area
	if len(q.Category) == 1 {
		category = q.Category[0]
	}
	if area == wholeCityCode {
		area = ""
	}
	turns := []string{"open", "over", ""}
	if q.Open != nil {
		turns = []string{map[bool]string{true: "open", false: "over"}[*q.Open]}
	}
	var parts []Query // days for which wards and categories are not counted together
	err = d.counted(ctx, func(k *Queues) {
		from, until := k.first, k.last
		if !q.From.IsZero() {
			from = max(from, q.From.In(zone).Format(time.DateOnly))
		}
		if !q.Until.IsZero() {
			until = min(until, q.Until.In(zone).AddDate(0, 0, -1).Format(time.DateOnly))
		}
		if from == "" || from > until {
			return
		}
		day, _ := time.ParseInLocation(time.DateOnly, from, zone)
		last, _ := time.ParseInLocation(time.DateOnly, until, zone)
		sum := func(period string) {
			for _, turn := range turns {
				n += k.cells[cellPublic][cellKey(period, category, area, turn)]
			}
		}
		if category == "" || area == "" {
			for ; !day.After(last); day = day.AddDate(0, 0, 1) {
				sum(day.Format(time.DateOnly))
			}
			return
		}
		for !day.After(last) {
			next := time.Date(day.Year(), day.Month()+1, 1, 0, 0, 0, 0, zone)
			whole := (day.Day() == 1 || q.From.IsZero() || day.Format(time.DateOnly) == k.first) &&
				(!next.After(last.AddDate(0, 0, 1)) || q.Until.IsZero() || last.Format(time.DateOnly) == k.last)
			if whole {
				sum(day.Format("2006-01"))
			} else {
				part := q
				part.From, part.Until = day, next
				if next.After(last) {
					part.Until = last.AddDate(0, 0, 1)
				}
				parts = append(parts, part)
			}
			day = next
		}
	})
	for _, part := range parts {
		if err != nil {
			break
		}
		part.Limit, part.Count, part.Cursor, part.ByDue = 1, true, "", false
		rq := part.read(cql2.And(compare("=", "published", value.OfBool(true)), part.filter(d.repo.Now())))
		rq.Fields, rq.Sort = []string{"code"}, nil
		var page repo.Page
		_, page, err = d.list(ctx, repo.Public(), rq)
		n += page.Matched
	}
	return n, true, err
}
