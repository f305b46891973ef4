package demo

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/request"
)

// Reporting is where the city's people send their reports; none are sent where Desk
// is nil. Photos come along where Files is there.
type Reporting struct {
	Desk  *request.Desk
	Files *attachment.Keeper
}

// Past days of reports are handed to the desk in heaps of so many: each with the
// timeline that leads to where it stands.
const heapOfReports = 1000

// reports brings in the reports of the days from a moment to the present that the
// desk does not have.
func (c *city) reports(ctx context.Context, from time.Time) error {
	if c.reporting.Desk == nil {
		return nil
	}
	if last, err := c.lastReport(ctx); err != nil {
		return err
	} else if last.After(from) {
		from = last
	}
	codes := map[string]string{} // of what others may repeat
	var list []request.Past
	var later []tale // that repeat one which the desk does not have yet
	flush := func() error {
		done, err := c.reporting.Desk.Import(ctx, repo.Internal(), list)
		for i := range done {
			if done[i].Err != nil {
				return fmt.Errorf("demo: report %s: %w", list[i].ExternalID, done[i].Err)
			}
			codes[list[i].ExternalID] = done[i].Code
		}
		list = list[:0]
		wait := later
		later = nil
		for i := range wait {
			if t := &wait[i]; codes[(&tale{day: t.day, n: t.twin}).id(ofThePast)] != "" {
				list = append(list, c.standing(t, c.start, codes))
			} else {
				later = append(later, *t)
			}
		}
		return err
	}
	y, m, d := from.In(c.zone).Date()
	for day := time.Date(y, m, d, 0, 0, 0, 0, c.zone); day.Before(c.start); day = day.AddDate(0, 0, 1) {
		for n := int64(1); n <= c.requestsOn(day); n++ {
			t := c.tale(day, n)
			switch {
			case !t.opened.After(from) || t.opened.After(c.start):
				continue
			case t.twin > 0:
				later = append(later, t)
				continue
			}
			if list = append(list, c.standing(&t, c.start, codes)); len(list) < heapOfReports {
				continue
			}
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	for i := range later { // what they repeat came before
		list = append(list, c.standing(&later[i], c.start, codes))
	}
	later = nil
	return flush()
}

// lastReport is when the last report that the desk has came in; zero for none.
func (c *city) lastReport(ctx context.Context) (at time.Time, err error) {
	list, _, err := c.reporting.Desk.List(ctx, repo.Internal(), request.Query{Limit: 1})
	if len(list) > 0 {
		at = list[0].OpenedAt
	}
	return at, err
}

// standing is a report as it stands at a moment.
func (c *city) standing(t *tale, now time.Time, codes map[string]string) request.Past {
	p := request.Past{Submission: request.Submission{ExternalID: t.id(ofThePast), At: t.opened, Category: t.kind.category, Title: t.title, Text: t.text, Channel: t.channel, Address: t.address, Area: t.ward.code}}
	if t.located {
		p.Longitude, p.Latitude = &t.lon, &t.lat
	}
	p.Came = map[string]time.Time{"verified": t.verified, "assigned": t.assigned, "in-progress": t.begun}
	p.Published = !t.personal && !now.Before(t.verified)
	switch {
	case now.Before(t.verified):
		p.Status = "received"
	case t.end == toMerge:
		parent := codes[(&tale{day: t.day, n: t.twin}).id(ofThePast)]
		if parent == "" {
			p.Status = "verified"
			break
		}
		p.Status, p.Parent, p.ClosedAt = "merged", parent, t.verified
	case now.Before(t.assigned):
		p.Status = "verified"
	case t.end == toRefuse && !now.Before(t.ended):
		p.Status, p.AnsweredAt, p.ClosedAt = "refused", t.ended, t.ended
		p.Outcome, p.Answer = c.answer(t)
	case now.Before(t.begun):
		p.Status = "assigned"
	case now.Before(t.ended):
		p.Status = "in-progress"
	case t.end == toPlan && now.Before(t.planned):
		p.Status, p.AnsweredAt, p.PlannedAt = "planned", t.ended, t.planned
		p.Outcome, p.Answer = c.answer(t)
	default:
		p.Status, p.AnsweredAt = "answered", t.ended
		if t.end == toPlan {
			p.AnsweredAt = t.planned
			p.Outcome, p.Answer = "fixed", t.kind.done[0]
		} else {
			p.Outcome, p.Answer = c.answer(t)
		}
		over := p.AnsweredAt.AddDate(0, 0, 14) // nobody disputed it
		if t.rating >= 4 {
			over = t.rated
		}
		if now.After(over) {
			p.Status, p.ClosedAt = "closed", over
		}
		if t.rating > 0 && now.After(t.rated) {
			p.Rating = t.rating
		}
	}
	return p
}

// told sends what was reported in (from, until]: as people do, or as the past where
// the city slept meanwhile.
func (c *city) told(ctx context.Context, from, until time.Time) error {
	if c.reporting.Desk == nil {
		return nil
	}
	y, m, d := until.In(c.zone).Date()
	for back := range 2 { // what repeats another may come after midnight
		day := time.Date(y, m, d-back, 0, 0, 0, 0, c.zone)
		for n := int64(1); n <= c.requestsOn(day); n++ {
			t := c.tale(day, n)
			if !t.opened.After(from) || t.opened.After(until) {
				continue
			}
			if c.repo.Now().Sub(t.opened) > missed {
				done, err := c.reporting.Desk.Import(ctx, repo.Internal(), []request.Past{c.standing(&t, until, nil)})
				if err == nil {
					err = done[0].Err
				}
				if err != nil {
					return err
				}
				continue
			}
			if _, err := c.send(ctx, &t); err != nil {
				return err
			}
		}
	}
	return nil
}

// missed is how late a report may be sent and still be taken for one of now.
const missed = 3 * time.Hour

// send hands a report to the desk as its sender does. Sent again, it brings the same
// receipt.
func (c *city) send(ctx context.Context, t *tale) (request.Receipt, error) {
	s := request.Submission{Key: t.key(c.seed), ExternalID: t.id(sentNow), Category: t.kind.category, Title: t.title, Text: t.text, Channel: t.channel,
		Address: t.address, Area: t.ward.code, Answers: t.kind.answers, Contact: request.Contact{Name: t.name, Phone: t.phone}}
	if t.located {
		s.Longitude, s.Latitude = &t.lon, &t.lat
	}
	if t.pictured && c.reporting.Files != nil {
		id, err := c.photo(ctx, request.UploadKey(s.Key), t)
		if err != nil {
			return request.Receipt{}, err
		}
		s.Photos = []string{id}
	}
	r, err := c.reporting.Desk.Submit(ctx, repo.Public(), s)
	if problem.KindOf(err) == problem.Invalid && err != nil {
		return r, fmt.Errorf("demo: report %s: %w", t.id(sentNow), err)
	}
	return r, err
}

// photo uploads what a sender took.
func (c *city) photo(ctx context.Context, ahead string, t *tale) (string, error) {
	b := c.album.of(t.kind.picture, int(t.n)%pictures, false)
	f, err := c.reporting.Files.BeginAhead(ctx, request.Dataset, ahead, "anh.jpg", int64(len(b)))
	if err != nil {
		return "", err
	}
	_, err = c.reporting.Files.AppendAhead(ctx, ahead, f.ID, 0, bytes.NewReader(b))
	return f.ID, err
}

// photosOf lists the photos of a timeline, those before the work or those after.
func photosOf(w *request.Whole, name string) (ids []string) {
	for _, e := range w.Timeline {
		if e.Kind == request.Photo && e.Name == name && !slices.Contains(ids, e.Ref) {
			ids = append(ids, e.Ref)
		}
	}
	return ids
}
