package request

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// A page of a long list is put together of pages of short ones: those of each state,
// or of each way in which a ward is known. Each of them is a stretch of one index in
// its order, where the whole list would be found and sorted first.

// strands are the conditions of the short lists; nil where the list is one already.
func (q *Query) strands() (list [][]cql2.Expr, rest Query) {
	rest = *q
	area, states := within(q.Area), q.Status
	if len(states) == 0 && q.Open != nil {
		states = over()
		if *q.Open {
			states = waiting()
		}
	}
	if q.ByDue && len(states) == 0 && (q.Overdue || q.DueWithin > 0) {
		states = waiting()
	}
	switch {
	case q.BBox != nil || q.Count:
	case q.ByDue && len(states) > 1, !q.ByDue && len(states) > 1 && area == nil && len(q.Category) == 0:
		rest.Status, rest.Open = nil, nil
		for _, s := range states {
			list = append(list, []cql2.Expr{oneOf("status", []string{s})})
		}
	case !q.ByDue && area != nil:
		rest.Area = ""
		list = waysInto(q.Area)
	case !q.ByDue && q.Open != nil:
		list = [][]cql2.Expr{nil} // of one category, in order as it is
	}
	return list, rest
}

// newest narrows the first page of a public list of a ward or a category to the days
// up to the last one that has any of its reports which are open, or over: among the
// latest of a ward there may be thousands of the other kind, each read and left out.
func (d *Desk) newest(ctx context.Context, q Query) (Query, error) {
	area, categories := q.Area, q.Category
	if area == wholeCityCode {
		area = ""
	}
	if d.queues == nil || q.Open == nil || q.Cursor != "" || q.ByDue || len(q.Status) > 0 || len(categories) > 1 || len(categories) == 0 && area == "" {
		return q, nil
	}
	turn := map[bool]string{true: "open", false: "over"}[*q.Open]
	zone, head := d.repo.Zone(), d.repo.Position().Seq
	err := d.counted(ctx, func(k *Queues) {
		if k.seq < head {
			return // it does not know of the latest yet
		}
		last := func(category, area string) string {
			for day, err := time.ParseInLocation(time.DateOnly, k.last, zone); err == nil; day = day.AddDate(0, 0, -1) {
				name := day.Format(time.DateOnly)
				if name < k.first || k.cells[cellPublic][cellKey(name, category, area, turn)] > 0 {
					return name
				}
			}
			return k.last
		}
		name := k.last
		if len(categories) == 1 {
			name = min(name, last(categories[0], ""))
		}
		if area != "" {
			name = min(name, last("", area))
		}
		if day, err := time.ParseInLocation(time.DateOnly, name, zone); err == nil && name < k.last {
			if until := day.AddDate(0, 0, 1); q.Until.IsZero() || until.Before(q.Until) {
				q.Until = until
			}
		}
	})
	return q, err
}

// spliced lists requests of several strands in one order: by the date of their
// answer, those without one last, or the latest first. fields are those that are
// filled; nil for all that p may see.
func (d *Desk) spliced(ctx context.Context, p repo.Principal, q Query, strands [][]cql2.Expr, rest Query, fields []string, must ...cql2.Expr) (list []Request, page repo.Page, err error) {
	after, err := cursorAt(q.Cursor, q.ByDue)
	if err != nil {
		return nil, page, err
	}
	limit := q.Limit
	if limit == 0 {
		limit = 50
	}
	rest.Cursor = ""
	must = append(slices.Clone(must), rest.filter(d.repo.Now()))
	ranges := [][]cql2.Expr{nil}
	if after != nil {
		ranges = after.ranges()
	}
	for _, strand := range strands {
		left := limit + 1
		for _, r := range ranges {
			rest.Limit = left
			rq := rest.read(cql2.And(slices.Concat(strand, must, r)...))
			rq.Fields = fields
			some, pg, err := d.list(ctx, p, rq)
			if err != nil {
				return nil, page, err
			}
			page.AsOf = pg.AsOf
			list = append(list, some...)
			if left -= len(some); left <= 0 {
				break // what is in later ranges comes after all of these
			}
		}
	}
	slices.SortFunc(list, func(a, b Request) int {
		if !q.ByDue {
			return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(a.Code, b.Code))
		}
		if a.DueAt.IsZero() != b.DueAt.IsZero() {
			return cmp.Compare(b.DueAt.Unix(), a.DueAt.Unix())
		}
		return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.Code, b.Code))
	})
	list = slices.CompactFunc(list, func(a, b Request) bool { return a.Code == b.Code }) // its state changed between two strands
	page.Matched = -1
	if len(list) > limit {
		list = list[:limit]
		page.Next = cursorOf(&list[limit-1], q.ByDue)
	}
	return list, page, nil
}

// listPlace is where a list goes on.
type listPlace struct {
	byDue bool
	at    int64 // µs since 1970; 0 = without
	code  string
}

func cursorOf(x *Request, byDue bool) string {
	when, sort := x.OpenedAt, "opened"
	if byDue {
		when, sort = x.DueAt, "due"
	}
	at := int64(0)
	if !when.IsZero() {
		at = when.UnixMicro()
	}
	return base64.RawURLEncoding.EncodeToString([]byte(sort + " " + strconv.FormatInt(at, 36) + " " + x.Code))
}

func cursorAt(cursor string, byDue bool) (*listPlace, error) {
	if cursor == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	parts := strings.SplitN(string(b), " ", 3)
	if err == nil && len(parts) == 3 && len(parts[2]) <= 40 && (parts[0] == "due") == byDue {
		if at, err := strconv.ParseInt(parts[1], 36, 64); err == nil {
			return &listPlace{byDue, at, parts[2]}, nil
		}
	}
	return nil, problem.InvalidWith("query-invalid", []problem.Violation{problem.Violate("cursor-invalid", "cursor")})
}

// ranges are what comes after a place, one after the other.
func (p *listPlace) ranges() [][]cql2.Expr {
	at, later := value.OfTime(p.at), compare(">", "code", value.OfText(p.code))
	if !p.byDue {
		return [][]cql2.Expr{{compare("=", "openedAt", at), later}, {compare("<", "openedAt", at)}}
	}
	none := &cql2.Call{Op: "isNull", Args: []cql2.Expr{prop("dueAt")}}
	if p.at == 0 {
		return [][]cql2.Expr{{none, later}}
	}
	return [][]cql2.Expr{{compare("=", "dueAt", at), later}, {compare(">", "dueAt", at)}, {none}}
}

// GoesOn is the time at which a list goes on by the cursor of its next page: when
// the last request that was looked at was sent, or is due in a list by date; zero
// where the cursor does not tell.
func GoesOn(cursor string) time.Time {
	for _, byDue := range []bool{false, true} {
		if p, err := cursorAt(cursor, byDue); err == nil && p != nil && p.at != 0 {
			return time.UnixMicro(p.at)
		}
	}
	return time.Time{}
}

// search lists those requests of a list in which words stand. However many there are
// it answers soon: it looks through some thousands of them in their order, and its next page
// goes on from there, so that a page may be short, or empty, and not be the last.
func (d *Desk) search(ctx context.Context, p repo.Principal, q Query, textIn []string, must ...cql2.Expr) (list []Request, page repo.Page, err error) {
	if code := Tidy(q.Text); strings.HasPrefix(code, "PA-") {
		one := q
		one.Text, one.Cursor = "", ""
		list, page, err = d.list(ctx, p, one.read(cql2.And(append(slices.Clone(must), one.filter(d.repo.Now()), oneOf("code", []string{code}))...)))
		if err != nil || len(list) > 0 {
			return list, page, err
		}
	}
	limit := q.Limit
	if limit == 0 {
		limit = 50
	}
	words := value.Fold(strings.TrimSpace(q.Text))
	look := q
	look.Text, look.Count = "", false
	strands, rest := look.strands()
	if strands == nil {
		strands = [][]cql2.Expr{nil}
	}
	var found []string
	end := ""
	for n := 0; n < d.sought && len(found) < limit; {
		look.Limit = min(500, d.sought-n)
		some, pg, err := d.spliced(ctx, p, look, strands, rest, append([]string{"code", "openedAt", "dueAt"}, textIn...), must...)
		if err != nil {
			return nil, page, err
		}
		page.AsOf, end = pg.AsOf, pg.Next
		for i := range some {
			x := &some[i]
			if n++; !slices.ContainsFunc([]string{x.PublicText, x.Title, x.Description, x.Address}, func(s string) bool { return strings.Contains(value.Fold(s), words) }) {
				continue
			}
			if found = append(found, x.Code); len(found) == limit && (i < len(some)-1 || end != "") {
				end = cursorOf(x, q.ByDue)
				break
			}
		}
		if look.Cursor = end; end == "" {
			break
		}
	}
	if page.Matched, page.Next = -1, end; end == "" && q.Cursor == "" {
		page.Matched = int64(len(found)) // all were looked through
	}
	if len(found) == 0 {
		return nil, page, nil
	}
	list, _, err = d.list(ctx, p, repo.Query{Dataset: Dataset, Filter: cql2.And(append(slices.Clone(must), oneOf("code", found))...)})
	slices.SortFunc(list, func(a, b Request) int { return cmp.Compare(slices.Index(found, a.Code), slices.Index(found, b.Code)) })
	return list, page, err
}
