package request

import (
	"context"
	"slices"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// mergeInto finds the request that the draft's is merged into, past what that one
// was merged into itself, and notes it there.
func (t *draft) mergeInto(ctx context.Context, p repo.Principal, code string) (string, error) {
	wrong := func(code string) error {
		return problem.InvalidWith("workflow-step-invalid", []problem.Violation{problem.Violate(code, "parent")}, "step", "merge")
	}
	code = Tidy(code)
	for range 32 {
		if code == t.x.Code {
			return "", wrong("request-merge-circle")
		}
		x, err := t.d.record(ctx, code)
		if problem.KindOf(err) == problem.NotFound && err != nil {
			return "", wrong("request-unknown")
		}
		if err != nil {
			return "", err
		}
		if x.Status != stateMerged {
			return code, t.noteAt(ctx, p, code, Entry{Kind: Linked, Name: "merge", Ref: t.x.Code})
		}
		code = x.Parent
	}
	return "", wrong("request-merge-circle")
}

// noteAt puts an entry to another request in the commit of this one.
func (t *draft) noteAt(ctx context.Context, p repo.Principal, code string, e Entry) error {
	other, err := t.d.begin(ctx, code)
	if err != nil {
		return err
	}
	other.add(p, e)
	list, err := other.changes(ctx)
	t.also = append(t.also, list...)
	return err
}

// Split makes another request of a part of one, of the same reporter, who is told.
// It is routed by its own category.
func (d *Desk) Split(ctx context.Context, p repo.Principal, code string, version int64, part Submission) (Request, error) {
	if p.Name == "" {
		return Request{}, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	if !d.AtDesk(p) {
		return Request{}, problem.New(problem.Denied, "request-desk")
	}
	r, err := d.rulesNow()
	if err != nil {
		return Request{}, err
	}
	part.tidy()
	part.Key, part.Photos, part.At = "", nil, d.now()
	var made Request
	_, err = d.change(ctx, p, Tidy(code), Act{Do: "split", Version: version}, func(t *draft) error {
		s := part
		s.Channel, s.Anonymous = t.x.Channel, t.x.Anonymous
		if s.Longitude == nil && s.Area == "" {
			s.Longitude, s.Latitude, s.Area, s.Address = t.x.Longitude, t.x.Latitude, t.x.Area, t.x.Address
		}
		category, err := d.check(ctx, r, &s, false)
		if err != nil {
			return err
		}
		s.At = t.now
		other, err := d.draftNew(ctx, r, p, category, &s)
		if err != nil {
			return err
		}
		other.add(p, Entry{Kind: Linked, Name: "split-from", Ref: t.x.Code})
		rec, err := d.repo.Get(ctx, repo.Internal(), Reporters, key(t.x.Code), 0)
		if err == nil {
			c := cells{rec.Entry, rec.Values}
			c.text("code", other.x.Code)
			c.text("secret", splitHash(other.x.Code, look{rec.Entry, rec.Values, d.repo.Zone()}.text("secret")))
			c.at("openedAt", t.now)
			other.also = append(other.also, commit.Change{Dataset: Reporters, Op: commit.Put, Row: c.row, Expect: commit.Absent})
			if account := (look{rec.Entry, rec.Values, d.repo.Zone()}).text("account"); account != "" {
				other.notices = append(other.notices, notice{"taken", "account:" + account, 1, false})
			}
		} else if problem.KindOf(err) != problem.NotFound {
			return err
		}
		list, err := other.changes(ctx)
		if err != nil {
			return err
		}
		t.add(p, Entry{Kind: Linked, Name: "split", Ref: other.x.Code, Visibility: ToReporter})
		t.also, made = append(t.also, list...), other.x
		return nil
	})
	if err != nil {
		return Request{}, err
	}
	return d.record(ctx, made.Code)
}

// Item is one request of a bulk step.
type Item struct {
	Code    string
	Version int64
}

// Done is what became of it.
type Done struct {
	Code    string
	Request Request
	Err     error // nil when it was done
}

// mostBulk bounds a bulk step.
const mostBulk = 500

// Bulk does the same with many requests, each for itself: one that fails stops no
// other.
func (d *Desk) Bulk(ctx context.Context, p repo.Principal, items []Item, a Act) ([]Done, error) {
	if len(items) > mostBulk {
		return nil, problem.New(problem.TooLarge, "request-bulk", "limit", mostBulk)
	}
	list := make([]Done, len(items))
	for i, item := range items {
		one := a
		one.Version, one.Photos = item.Version, slices.Clone(a.Photos)
		x, err := d.Act(ctx, p, item.Code, one)
		list[i] = Done{Code: item.Code, Request: x, Err: err}
		if ctx.Err() != nil {
			return list, ctx.Err()
		}
	}
	return list, nil
}
