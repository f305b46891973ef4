package request

import (
	"context"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

func key(code string) []value.Value { return []value.Value{value.OfText(Tidy(code))} }

// Query selects requests. The zero Query selects all that the reader may see, the
// latest first.
type Query struct {
	Status      []string
	Open        *bool // neither answered nor over, or either
	Category    []string
	Agency      string
	Assignee    string
	Area        string // code; the city's own means all
	Track       string
	Urgency     string
	Outcome     string
	Overdue     bool          // an answer was due, and there is none
	DueWithin   time.Duration // an answer is due within so long, and there is none
	NeedsPlace  bool
	Unpublished bool
	From, Until time.Time   // when it was sent; until is exclusive
	BBox        *[4]float64 // west, south, east, north
	Text        string      // in the public text, title and address; for staff in what was written too; see search
	ByDue       bool        // the next deadline first
	Limit       int         // 0 = 50
	Cursor      string
	Count       bool
}

// waiting are the states in which somebody owes an answer, over the others.
func waiting() []string {
	return []string{stateReceived, "verified", "assigned", "in-progress", stateWaiting, "disputed", stateReopened}
}

func over() []string {
	return []string{stateAnswered, statePlanned, stateClosed, stateMerged, stateRefused, "withdrawn"}
}

func (q *Query) filter(now time.Time) cql2.Expr {
	var all []cql2.Expr
	if in := within(q.Area); in != nil {
		all = append(all, in)
	}
	add := func(x ...cql2.Expr) { all = append(all, x...) }
	for name, want := range map[string][]string{"status": q.Status, "category": q.Category} {
		if len(want) > 0 {
			add(oneOf(name, want))
		}
	}
	for name, want := range map[string]string{"agency": q.Agency, "assignee": q.Assignee, "track": q.Track, "urgency": q.Urgency, "outcome": q.Outcome} {
		if want != "" {
			add(oneOf(name, []string{want}))
		}
	}
	open := oneOf("status", waiting())
	switch {
	case q.Open != nil && *q.Open:
		add(open)
	case q.Open != nil:
		add(oneOf("status", over()))
	}
	if q.Overdue {
		add(open, compare("<", "dueAt", value.OfInstant(now)))
	}
	if q.DueWithin > 0 {
		add(open, compare(">=", "dueAt", value.OfInstant(now)), compare("<", "dueAt", value.OfInstant(now.Add(q.DueWithin))))
	}
	if q.NeedsPlace {
		add(open, compare("=", "needsPlace", value.OfBool(true)))
	}
	if q.Unpublished {
		add(compare("=", "published", value.OfBool(false)))
	}
	return cql2.And(all...)
}

// within asks for a ward: as it was told or found, or else as the point lies.
func within(area string) cql2.Expr {
	ways := waysInto(area)
	if ways == nil {
		return nil
	}
	var any []cql2.Expr
	for _, way := range ways {
		any = append(any, cql2.And(way...))
	}
	return &cql2.Call{Op: "or", Args: any}
}

// waysInto are the ways in which a ward is known; none for the whole city. A request
// is known in one of them alone.
func waysInto(area string) [][]cql2.Expr {
	if area == "" || area == wholeCityCode {
		return nil
	}
	untold := &cql2.Call{Op: "isNull", Args: []cql2.Expr{prop("area")}}
	return [][]cql2.Expr{{oneOf("area", []string{area})}, {untold, oneOf("_area", []string{area})}}
}

func (q *Query) read(filter cql2.Expr) repo.Query {
	rq := repo.Query{Dataset: Dataset, Filter: filter, BBox: q.BBox, Limit: q.Limit, Cursor: q.Cursor, Count: q.Count,
		Sort: []repo.Sort{{Field: "openedAt", Desc: true}, {Field: "code"}}}
	if rq.Limit == 0 {
		rq.Limit = 50
	}
	if q.ByDue {
		rq.Sort = []repo.Sort{{Field: "dueAt"}, {Field: "code"}}
	}
	if !q.From.IsZero() {
		rq.From = value.OfInstant(q.From)
	}
	if !q.Until.IsZero() {
		rq.Until = value.OfInstant(q.Until)
	}
	return rq
}

// listed lists requests by what serves the query best.
func (d *Desk) listed(ctx context.Context, p repo.Principal, q Query, textIn []string, must ...cql2.Expr) ([]Request, repo.Page, error) {
	if strings.TrimSpace(q.Text) != "" {
		return d.search(ctx, p, q, textIn, must...)
	}
	if strands, rest := q.strands(); strands != nil {
		return d.spliced(ctx, p, q, strands, rest, nil, must...)
	}
	return d.list(ctx, p, q.read(cql2.And(append(slices.Clone(must), q.filter(d.repo.Now()))...)))
}

func (d *Desk) list(ctx context.Context, p repo.Principal, rq repo.Query) (list []Request, page repo.Page, err error) {
	page, err = d.repo.Read(ctx, p, rq, func(rec repo.Record) error {
		list = append(list, d.of(rec))
		return nil
	})
	return list, page, err
}

// Whole is a request with its timeline, as far as the reader may see it.
type Whole struct {
	Request
	Timeline []Entry
	Workflow *workflow.Workflow
	Running  []workflow.Running     // for staff
	Steps    []*workflow.Transition // that the reader, as staff, may take now
	May      []string               // what the reader may do beside steps; for a reporter, all that they may do
	Paused   string                 // name of the pause that stops the clocks
	Into     *Request               // that it was merged into, as the public sees it with its answer
	Merged   []string               // codes of what was merged into it; for staff
	Mine     bool                   // the reader reported it
}

// Public lists what the public sees of requests that were published.
func (d *Desk) Public(ctx context.Context, q Query) ([]Request, repo.Page, error) {
	q.Assignee, q.NeedsPlace, q.Unpublished = "", false, false
	matched := int64(-1)
	if q.Count {
		n, known, err := d.publicCount(ctx, q)
		if err != nil {
			return nil, repo.Page{}, err
		}
		if known {
			matched, q.Count = n, false
		}
	}
	if strings.TrimSpace(q.Text) == "" {
		var err error
		if q, err = d.newest(ctx, q); err != nil {
			return nil, repo.Page{}, err
		}
	}
	list, page, err := d.listed(ctx, repo.Public(), q, []string{"publicText", "title", "address"}, compare("=", "published", value.OfBool(true)))
	for i := range list {
		list[i] = forPublic(list[i])
	}
	if matched >= 0 {
		page.Matched = matched
	}
	return list, page, err
}

// Published tells which of some requests the public may read the timelines of.
func (d *Desk) Published(ctx context.Context, codes []string) (map[string]bool, error) {
	codes = slices.Clone(codes)
	slices.Sort(codes)
	codes = slices.Compact(codes)
	shown := map[string]bool{}
	for some := range slices.Chunk(codes, 500) {
		q := repo.Query{Dataset: Dataset, Fields: []string{"code"}, Filter: cql2.And(oneOf("code", some), compare("=", "published", value.OfBool(true)))}
		_, err := d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
			shown[look{rec.Entry, rec.Values, d.repo.Zone()}.text("code")] = true
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return shown, nil
}

// PublicOne is a published request with the public part of its timeline; NotFound
// for one that is not.
func (d *Desk) PublicOne(ctx context.Context, code string) (*Whole, error) {
	rec, err := d.repo.Get(ctx, repo.Public(), Dataset, key(code), 0)
	if err != nil && problem.KindOf(err) == problem.NotFound {
		return nil, unknown()
	}
	if err != nil {
		return nil, err
	}
	x := d.of(rec)
	if !x.Published {
		return nil, unknown()
	}
	w, err := d.whole(ctx, forPublic(x), ToPublic)
	return w, err
}

// forPublic leaves what everybody may see of a request that was published.
func forPublic(x Request) Request {
	x = forReporter(x)
	x.Description, x.Anonymous, x.Suggested, x.ExternalID, x.Entries = "", false, "", "", 0
	return x
}

// forReporter leaves what who reported may see.
func forReporter(x Request) Request {
	x.Assignee, x.Suggested, x.NextAt, x.Deadline = "", "", time.Time{}, ""
	return x
}

// whole reads the timeline of a request and leaves what is for the reader.
func (d *Desk) whole(ctx context.Context, x Request, reader string) (*Whole, error) {
	r, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	entries, err := d.timeline(ctx, x.Code)
	if err != nil {
		return nil, err
	}
	t, err := d.draftOf(r, x, entries)
	if err != nil {
		return nil, err
	}
	c := t.case_
	w := &Whole{Request: x, Workflow: r.workflow}
	if reader != ToPublic { // the open fields do not hold all of it
		if err := d.derive(r.workflow, &t.x, c, t.entries, t.now, t.clock); err != nil {
			return nil, err
		}
		w.Address, w.Answer, w.Longitude, w.Latitude = t.x.Address, t.x.Answer, t.x.Longitude, t.x.Latitude
	}
	entries = t.entries
	w.Paused = c.Paused
	if w.Running, err = r.workflow.Running(c, t.clock); err != nil {
		return nil, err
	}
	if reader == ToReporter {
		w.May = d.mayReply(r.workflow, &x, c, d.now())
	}
	if reader != ToStaff {
		w.Running = nil
		w.Timeline = visible(entries, reader)
	} else {
		w.Timeline = entries
	}
	if x.Status == stateMerged && x.Parent != "" {
		if w.Into, err = d.into(ctx, x.Parent); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// into is the request that others were merged into, with its answer, for those who
// wait for it; nil when it is gone.
func (d *Desk) into(ctx context.Context, code string) (*Request, error) {
	t, err := d.begin(ctx, code)
	if problem.KindOf(err) == problem.NotFound && err != nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := t.settle(); err != nil {
		return nil, err
	}
	x := forPublic(t.x)
	if !x.Published {
		x.Title, x.PublicText, x.Photos, x.Address, x.Longitude, x.Latitude = t.rules.titleOf(x.Category), "", nil, "", nil, nil
	}
	return &x, nil
}

// visible leaves of a timeline what is for a reader who is not staff: of staff the
// agency alone.
func visible(entries []Entry, reader string) []Entry {
	var list []Entry
	for _, e := range entries {
		if e.Visibility != ToPublic && (reader != ToReporter || e.Visibility != ToReporter) {
			continue
		}
		e.By = ""
		facts := map[string]string{}
		for _, name := range []string{"agency", "category", "urgency", "plannedAt", "recipient", "law", "pointer", "rating", "afterPhotos"} {
			if v := e.Facts[name]; v != "" {
				facts[name] = v
			}
		}
		if reader == ToReporter && e.Name == "answers" {
			facts = e.Facts
		}
		if e.Facts = facts; len(facts) == 0 {
			e.Facts = nil
		}
		list = append(list, e)
	}
	return list
}

// Mine lists what an account has reported, the latest first.
func (d *Desk) Mine(ctx context.Context, p repo.Principal) ([]Request, error) {
	if p.Name == "" || len(p.Read)+len(p.Write) > 0 {
		return nil, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	return d.codesOf(ctx, Reporters, "code", p.Name, forReporter)
}

// Following lists what an account follows.
func (d *Desk) Following(ctx context.Context, p repo.Principal) ([]Request, error) {
	if p.Name == "" || len(p.Read)+len(p.Write) > 0 {
		return nil, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	list, err := d.codesOf(ctx, Followers, "request", p.Name, forPublic)
	return slices.DeleteFunc(list, func(x Request) bool { return !x.Published }), err
}

// mostMine bounds what is listed for one account.
const mostMine = 500

func (d *Desk) codesOf(ctx context.Context, dataset, field, account string, see func(Request) Request) ([]Request, error) {
	var codes []string
	q := repo.Query{Dataset: dataset, Filter: oneOf("account", []string{account}), Sort: []repo.Sort{{Field: field, Desc: true}}, Limit: mostMine}
	_, err := d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		codes = append(codes, look{rec.Entry, rec.Values, d.repo.Zone()}.text(field))
		return nil
	})
	if err != nil || len(codes) == 0 {
		return nil, err
	}
	list, _, err := d.list(ctx, repo.Internal(), repo.Query{Dataset: Dataset, Filter: oneOf("code", codes), Sort: []repo.Sort{{Field: "openedAt", Desc: true}, {Field: "code"}}})
	for i := range list {
		list[i] = see(list[i])
	}
	return list, err
}

// MineOne is a request as who reported it sees it: by their account, or by the
// secret of the receipt. NotFound for anybody else.
func (d *Desk) MineOne(ctx context.Context, p repo.Principal, code, secret string) (*Whole, error) {
	s, err := d.theirs(ctx, p, code, secret)
	if err != nil {
		return nil, err
	}
	x, err := d.record(ctx, s.Code)
	if err != nil {
		return nil, err
	}
	w, err := d.whole(ctx, forReporter(x), ToReporter)
	if err == nil {
		w.Mine = true
	}
	return w, err
}

// seen reads a request as staff sees it.
func (d *Desk) seen(ctx context.Context, p repo.Principal, code string) (Request, error) {
	rec, err := d.repo.Get(ctx, p, Dataset, key(code), 0)
	if err != nil {
		if problem.KindOf(err) == problem.NotFound {
			return Request{}, unknown()
		}
		return Request{}, err
	}
	return d.of(rec), nil
}

// List lists requests for staff.
func (d *Desk) List(ctx context.Context, p repo.Principal, q Query) ([]Request, repo.Page, error) {
	if p.Name == "" {
		return nil, repo.Page{}, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	if !duty(p) {
		return nil, repo.Page{}, problem.New(problem.Denied, "request-staff")
	}
	return d.listed(ctx, p, q, []string{"publicText", "title", "description", "address"})
}

// Read is a request as staff sees it, with the whole of its timeline where they
// handle it: as its agency, as the desk, or in its ward. Others at work see the
// public part.
func (d *Desk) Read(ctx context.Context, p repo.Principal, code string) (*Whole, error) {
	if p.Name == "" {
		return nil, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	if !duty(p) {
		return nil, problem.New(problem.Denied, "request-staff")
	}
	x, err := d.seen(ctx, p, code)
	if err != nil {
		return nil, err
	}
	who := d.actor(p, &x)
	if !who.System && !d.near(p, &x) && !slices.Contains(who.Relations, workflow.Owner) && !slices.Contains(who.Relations, workflow.InArea) {
		if !x.Published {
			return nil, unknown()
		}
		return d.whole(ctx, forPublic(x), ToPublic)
	}
	w, err := d.whole(ctx, x, ToStaff)
	if err != nil {
		return nil, err
	}
	c, err := d.fold(w.Workflow, w.Timeline)
	if err != nil {
		return nil, err
	}
	w.Steps = w.Workflow.Allowed(c, who, d.now())
	codes, err := d.family(ctx, x.Code)
	if err != nil {
		return nil, err
	}
	w.Merged = codes[1:]
	switch {
	case who.System || slices.Contains(who.Relations, workflow.InArea):
		w.May = Additions()
	case slices.Contains(who.Relations, workflow.Owner):
		w.May = []string{DoNote, DoComment, DoPhoto, DoRaise}
	}
	return w, nil
}

// MayOpen tells whether p, or who holds the secret of the receipt, may open a file
// of a request: the public those that were published, the reporter those of the
// timeline, staff who handle it all. NotFound otherwise.
func (d *Desk) MayOpen(ctx context.Context, p repo.Principal, code, secret, file string) error {
	gone := problem.New(problem.NotFound, "file-unknown")
	x, err := d.record(ctx, code)
	if err != nil {
		if problem.KindOf(err) == problem.NotFound {
			return gone
		}
		return err
	}
	if x.Published && (slices.Contains(x.Photos, file) || slices.Contains(x.AfterPhotos, file)) {
		return nil
	}
	if who := d.actor(p, &x); duty(p) && (d.near(p, &x) || who.System || slices.Contains(who.Relations, workflow.Owner) || slices.Contains(who.Relations, workflow.InArea)) {
		return nil
	}
	w, err := d.MineOne(ctx, p, code, secret)
	if problem.KindOf(err) == problem.NotFound && err != nil {
		return gone
	}
	if err != nil {
		return err
	}
	if slices.Contains(x.AfterPhotos, file) || slices.ContainsFunc(w.Timeline, func(e Entry) bool { return e.Kind == Photo && e.Ref == file }) {
		return nil
	}
	return gone
}

// near tells that p works where the request is.
func (d *Desk) near(p repo.Principal, x *Request) bool {
	return wholeCity(p) || x.Area != "" && slices.Contains(p.Areas, x.Area)
}

// Contact reads who reported, as p for its purpose: the repository decides, and
// keeps the record of who looked.
func (d *Desk) Contact(ctx context.Context, p repo.Principal, code string) (Contact, error) {
	rec, err := d.repo.Get(ctx, p, Reporters, key(code), 0)
	if err != nil {
		return Contact{}, err
	}
	return d.senderOf(look{rec.Entry, rec.Values, d.repo.Zone()}).Contact, nil
}
