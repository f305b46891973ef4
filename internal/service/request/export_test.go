package request

import "context"

// Refold gives a request as its record stands and as its timeline alone tells, with
// what the open fields may hold.
func (d *Desk) Refold(ctx context.Context, code string) (stored, folded Request, err error) {
	r, err := d.rulesNow()
	if err != nil {
		return stored, folded, err
	}
	if stored, err = d.record(ctx, code); err != nil {
		return stored, folded, err
	}
	entries, err := d.timeline(ctx, code)
	if err != nil {
		return stored, folded, err
	}
	c, err := d.fold(r.workflow, entries)
	if err != nil {
		return stored, folded, err
	}
	// what is said once and changes by no entry
	folded = Request{Code: stored.Code, Title: stored.Title, Description: stored.Description, PublicText: stored.PublicText, Channel: stored.Channel, Anonymous: stored.Anonymous,
		Suggested: stored.Suggested, ExternalID: stored.ExternalID, Followers: stored.Followers, UpdatedAt: stored.UpdatedAt, Version: stored.Version}
	if err := d.derive(r.workflow, &folded, c, entries, stored.UpdatedAt, d.clock); err != nil {
		return stored, folded, err
	}
	k, ok := r.category(folded.Category)
	return stored, folded.open(ok && k.Private), nil
}

// CountedUpTo is the commit that queues have counted.
func CountedUpTo(q *Queues) int64 { return q.seq }
