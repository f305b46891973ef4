package open311

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// mostRequests is how many requests one answer holds (GeoReport, GET Service
// Requests: "first 1000 requests"); deepest is how far pages reach.
const (
	mostRequests = 1000
	deepest      = 100_000
)

// requests answers the list of requests. Named ids override all else.
func (f *Face) requests(c *call) error {
	c.only("service_request_id", "service_code", "start_date", "end_date", "status", "page", "page_size", "extensions")
	ids := c.items("service_request_id")
	extended := c.flag("extensions")
	size := c.count("page_size", 1, mostRequests, mostRequests)
	page := c.count("page", 1, deepest, 1)
	from, until := c.window(f.Now())
	chosen := c.filter()
	if err := c.faults(); err != nil {
		return err
	}
	if len(ids) > 0 {
		return f.named(c, ids, extended)
	}
	if page*size > deepest {
		return problem.New(problem.Invalid, "georeport-deep", "limit", deepest)
	}
	v, err := f.look(c.who)
	if err != nil {
		return err
	}
	conditions, err := f.selected(c, v, chosen)
	if err != nil {
		return err
	}
	if same, err := f.fresh(c); err != nil || same {
		return err
	}
	q := v.public(append(conditions, since(from, until)...)...)
	q.Limit = page * size
	var found []report
	n := 0
	got, err := f.Repo.Read(c.ctx(), c.who, q, func(r repo.Record) error {
		if n++; n > (page-1)*size {
			found = append(found, v.report(r))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if got.Next != "" && (page+1)*size <= deepest {
		c.next(page + 1)
	}
	return f.tell(c, found, extended)
}

// next names the following page in a Link header.
func (c *call) next(page int) {
	q := url.Values{}
	for k, v := range c.q {
		if k != "api_key" { // a secret is not repeated
			q[k] = v
		}
	}
	q.Set("page", strconv.Itoa(page))
	c.w.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, c.origin(), c.r.URL.EscapedPath(), q.Encode()))
}

// request answers one request, as a list of one.
func (f *Face) request(c *call) error {
	c.only("extensions")
	extended := c.flag("extensions")
	if err := c.faults(); err != nil {
		return err
	}
	return f.named(c, []string{c.name}, extended)
}

// named answers the requests of these ids, in the order in which they were asked
// for: whole those that the asker may see, and how far it is of the others. None of
// them is not found.
func (f *Face) named(c *call, ids []string, extended bool) error {
	v, err := f.look(c.who)
	if err != nil {
		return err
	}
	known := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return plain(id) != id })
	var found []report
	if len(known) > 0 {
		_, err = f.Repo.Read(c.ctx(), c.who, v.query(within("code", known)), func(r repo.Record) error {
			found = append(found, v.report(r))
			return nil
		})
		if err != nil {
			return err
		}
		known = slices.DeleteFunc(known, func(id string) bool { return slices.ContainsFunc(found, func(x report) bool { return x.code == id }) })
	}
	if len(known) > 0 {
		// An application must find what it sent, also before it is public: whoever
		// has the id is told how far it is and who has it.
		followed := v.query(within("code", known))
		followed.Fields = follows
		_, err = f.Repo.Read(c.ctx(), repo.Internal(), followed, func(r repo.Record) error {
			x := v.report(r)
			x.conceal()
			found = append(found, x)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(found) == 0 {
		return problem.New(problem.NotFound, "georeport-request")
	}
	if same, err := f.fresh(c); err != nil || same {
		return err
	}
	slices.SortStableFunc(found, func(a, b report) int { return slices.Index(ids, a.code) - slices.Index(ids, b.code) })
	return f.tell(c, found, extended)
}

// tell answers with requests.
func (f *Face) tell(c *call, found []report, extended bool) error {
	n, err := f.names(c)
	if err != nil {
		return err
	}
	notes := map[string][]node{}
	if extended && len(found) > 0 {
		if notes, err = f.notes(c, found); err != nil {
			return err
		}
	}
	items := make([]node, 0, len(found))
	for i := range found {
		item := f.document(c, &found[i], n)
		if extended {
			item.parts = append(item.parts, f.extended(c, &found[i]), array("notes", notes[found[i].code]...))
		}
		items = append(items, item)
	}
	return c.answer(http.StatusOK, array("service_requests", items...))
}

// document is a request as GeoReport has it.
func (f *Face) document(c *call, x *report, n *names) node {
	zone := f.Repo.Zone()
	service := n.service(x.category)
	lat, lon := node{name: "lat"}, node{name: "long"}
	if x.placed {
		lat, lon = number("lat", x.lat), number("long", x.lon)
	}
	return record("request",
		some("service_request_id", x.code), some("status", x.status()), some("status_notes", x.notes(c.lang)),
		some("service_name", service.Name), some("service_code", x.category), some("description", cut(x.words, mostDescription)),
		some("agency_responsible", n.agency(x.agency)), some("service_notice", service.Notice),
		moment("requested_datetime", x.opened, zone), moment("updated_datetime", x.changed(), zone), moment("expected_datetime", x.due, zone),
		some("address", x.address), node{name: "address_id"}, node{name: "zipcode"}, lat, lon, some("media_url", f.picture(c, x.photos)))
}

// cut leaves at most so many characters.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}

// picture is the address of the first of some pictures.
func (f *Face) picture(c *call, ids []string) string {
	if f.Photo == nil || len(ids) == 0 {
		return ""
	}
	return c.origin() + f.Photo(ids[0])
}

// extended is what we tell beyond the standard where extensions=true asks for it.
func (f *Face) extended(c *call, x *report) node {
	zone := f.Repo.Zone()
	photos := func(name string, ids []string) node {
		var items []node
		for _, id := range ids {
			if u := f.picture(c, []string{id}); u != "" {
				items = append(items, record("photo", some("media_url", u)))
			}
		}
		return array(name, items...)
	}
	rating := node{name: "rating"}
	if x.rated {
		rating = whole("rating", x.rating)
	}
	return record("extended_attributes",
		some("title", x.title), some("state", x.state), some("outcome", x.outcome), some("channel", x.channel), some("track", x.track),
		some("urgency", x.urgency), some("level", x.level), some("agency_code", x.agency), some("parent_request_id", x.parent),
		moment("planned_datetime", x.planned, zone), moment("answered_datetime", x.answered, zone), rating,
		whole("reopened", x.reopened), whole("followers", x.followers), photos("photos", x.photos), photos("after_photos", x.afterPhotos))
}

// notes are the public timelines of requests, oldest entry first.
func (f *Face) notes(c *call, found []report) (map[string][]node, error) {
	var ids []string
	for i := range found {
		if !found[i].concealed {
			ids = append(ids, found[i].code)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	entries, err := f.Desk.Updates(c.ctx(), UpdateQuery{Requests: ids, Limit: mostNotes, Lang: c.lang})
	if err != nil {
		return nil, err
	}
	notes := map[string][]node{}
	for _, u := range slices.Backward(entries) {
		notes[u.Request] = append(notes[u.Request], record("note", moment("datetime", u.At, f.Repo.Zone()), some("description", u.Text), some("type", u.Kind)))
	}
	return notes, nil
}

// mostNotes bounds the entries of timelines in one answer.
const mostNotes = 20_000
