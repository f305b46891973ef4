package open311

import (
	"net/http"
	"slices"

	"huong.city/huong/internal/repo"
)

// updates answers what changed, entry by entry, in the form of mySociety's
// servicerequestupdates: public entries of public requests, newest first.
func (f *Face) updates(c *call) error {
	c.only("service_request_id", "start_date", "end_date")
	ids := c.items("service_request_id")
	from, until := c.window(f.Now())
	if err := c.faults(); err != nil {
		return err
	}
	if same, err := f.fresh(c); err != nil || same {
		return err
	}
	entries, err := f.Desk.Updates(c.ctx(), UpdateQuery{From: from, Until: until, Requests: ids, Limit: mostRequests, Lang: c.lang})
	if err != nil {
		return err
	}
	seen, err := f.seen(c, entries)
	if err != nil {
		return err
	}
	var items []node
	for _, u := range entries {
		x := seen[u.Request]
		if x == nil {
			continue
		}
		link := ""
		if u.MediaURL != "" {
			link = c.origin() + u.MediaURL
		}
		items = append(items, record("request_update",
			some("update_id", u.ID), some("service_request_id", u.Request), some("status", u.state(x)),
			moment("updated_datetime", u.At, f.Repo.Zone()), some("description", u.Text), some("media_url", link)))
	}
	return c.answer(http.StatusOK, array("service_request_updates", items...))
}

// state is open or closed after an entry; that of the request now where the
// entry does not tell.
func (u *Update) state(x *seenReport) string {
	if u.State == "" {
		return x.status()
	}
	if slices.Contains(x.view.closed, u.State) {
		return "closed"
	}
	return "open"
}

type seenReport struct {
	report
	view *view
}

// seen are the requests of entries that the asker may see.
func (f *Face) seen(c *call, entries []Update) (map[string]*seenReport, error) {
	seen := map[string]*seenReport{}
	v, err := f.look(c.who)
	if err != nil || len(entries) == 0 {
		return seen, err
	}
	asked := map[string]bool{}
	var ids []string
	for _, u := range entries {
		if !asked[u.Request] {
			asked[u.Request] = true
			ids = append(ids, u.Request)
		}
	}
	_, err = f.Repo.Read(c.ctx(), c.who, v.public(within("code", ids)), func(r repo.Record) error {
		x := v.report(r)
		seen[x.code] = &seenReport{x, v}
		return nil
	})
	return seen, err
}
