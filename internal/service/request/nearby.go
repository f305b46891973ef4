package request

import (
	"context"
	"math"
	"strings"
	"time"

	"huong.city/huong/internal/core/nearby"
	catalogue "huong.city/huong/internal/core/request"
)

// Matter is what a report that is being written is about, as far as it is known.
type Matter struct {
	Category            string
	Longitude, Latitude float64
	Text                string
}

// Similar is a published request that may be of the same matter.
type Similar struct {
	Request
	Metres float64
	Chance float64 // that it is, of 1
}

// Bounds of one question: how many are weighed at most, and how many close by are
// enough not to look further.
const (
	mostCandidates = 500
	crowd          = 200
)

// candidates are what was published near a place and not long ago: within a fifth of
// the distance at which a matter may be the same, and further only where that is no
// crowd. The latest of all within the whole distance would leave out, of a crowd, what
// lies closest.
func (d *Desk) candidates(ctx context.Context, m Matter, o nearby.Options) (list []Request, err error) {
	from := d.now().Add(-time.Duration(o.Days*24) * time.Hour)
	for _, part := range []float64{5, 2.2, 1} {
		north := o.Metres / part / 111_000
		east := north / math.Cos(m.Latitude*math.Pi/180)
		list, _, err = d.Public(ctx, Query{From: from, Limit: mostCandidates,
			BBox: &[4]float64{m.Longitude - east, m.Latitude - north, m.Longitude + east, m.Latitude + north}})
		if err != nil || len(list) >= crowd {
			break
		}
	}
	return list, err
}

// Similar finds published requests that a report may repeat, the likeliest first
// and as few as core/nearby offers: of the category's group, near the place and
// not long ago. Candidates are read anew each time, so that what was published,
// hidden or moved a moment ago is so here too. It finds nothing for a category that
// is unknown, or private: nobody learns from it what others reported there.
func (d *Desk) Similar(ctx context.Context, m Matter) ([]Similar, error) {
	r, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	category, known := r.category(m.Category)
	if !known || category.Private || category.Never() || !(math.Abs(m.Longitude) <= 180 && math.Abs(m.Latitude) < 89) {
		return nil, nil
	}
	o := nearby.Defaults()
	now := d.now()
	list, err := d.candidates(ctx, m, o)
	if err != nil {
		return nil, err
	}
	index := nearby.New(o)
	if d.habits != nil {
		index.SetHabits(d.habits())
	}
	for i := range list {
		x := &list[i]
		if c, ok := r.category(x.Category); ok && x.Longitude != nil && x.Status != stateMerged && x.Status != "withdrawn" {
			closed := x.ClosedAt
			if closed.IsZero() {
				closed = x.AnsweredAt
			}
			index.Put(nearby.Report{ID: uint32(i + 1), Longitude: *x.Longitude, Latitude: *x.Latitude, Type: x.Category, Group: c.Group, Opened: x.OpenedAt, Closed: closed, Text: x.PublicText})
		}
	}
	var found []Similar
	for _, offer := range index.Near(nearby.Report{Longitude: m.Longitude, Latitude: m.Latitude, Type: m.Category, Group: category.Group, Opened: now, Text: strings.TrimSpace(m.Text)}) {
		found = append(found, Similar{Request: list[offer.ID-1], Metres: offer.Metres, Chance: offer.Chance()})
	}
	return found, nil
}

// Suggest names a category for what a citizen is writing: one that may be reported
// now; false where the text is too short or nothing is likely. It decides nothing.
func (d *Desk) Suggest(text string) (*catalogue.Category, bool) {
	text = strings.TrimSpace(text)
	if d.suggest == nil || len(strings.Fields(text)) < 3 {
		return nil, false
	}
	r, err := d.rulesNow()
	if err != nil {
		return nil, false
	}
	c, ok := r.category(d.suggest(text))
	if !ok || !c.Active {
		return nil, false
	}
	return c, true
}
