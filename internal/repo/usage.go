package repo

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// selfAssurance is the level at which a citizen is shown what is held about
// them: what rule:self asks for, VNeID's level 2.
const selfAssurance = 2

// hiddenCounted is after how long a person is told that there was a reading
// which stays hidden from them still: its number among others, nothing of it.
// It is this platform's published rule (docs/trust.md), for no law sets one.
const hiddenCounted = 365 * 24 * time.Hour

// UsageQuery selects readings of one person's data. The zero one selects all.
type UsageQuery struct {
	From, Until   time.Time // from <= t < until; the zero time = open
	Offset, Limit int       // Limit 0 = none are listed, only counted
}

// Usage is one reading of a person's data, as its access record says.
type Usage struct {
	Number                   int64 // among the readings shown, oldest 1
	At                       int64 // µs since 1970
	Reader, Agency, Capacity string
	Dataset                  string
	Fields, By               []string
	Purpose, Basis, Case     string
	Count                    int64
	HiddenUntil              int64 // it was hidden until then; 0 = it never was
	HiddenBasis              string
	Commit                   int64 // the commit that holds the record, to ask for its proof
	Self                     bool  // by the person, under rule:self
}

// UsagePage is a page of readings, newest first.
type UsagePage struct {
	Total   int64 // readings of the period that may be shown
	Hidden  int64 // older ones that still are hidden: that they are, not what they are
	Usages  []Usage
	First   int64 // time of the oldest reading that may be shown, µs; 0 = none
	Unfaked bool  // the numbers of all records, hidden ones too, have no gap, and each names the one before it
}

// Usage lists who read the data of the person that p is, signed in with
// assurance 2 at least. It reads every record about the person, to check that
// none is missing between the first and the newest; that the newest was not
// taken away is what the log's tree proves. To look at it is no reading of data
// by others and leaves no record.
//
// Denied for who is no such person.
func (r *Repository) Usage(ctx context.Context, p Principal, q UsageQuery) (UsagePage, error) {
	if err := self(p); err != nil {
		return UsagePage{}, err
	}
	return r.usage(ctx, p.Person, q, func(*Usage) bool { return true })
}

// self refuses who is not a person known well enough.
func self(p Principal) error {
	switch {
	case p.Name == "":
		return problem.New(problem.Unauthenticated, "unauthenticated")
	case p.Person == "" || !p.Is(grant.Citizen):
		return problem.New(problem.Denied, "self-citizen")
	case p.Assurance < selfAssurance:
		return problem.New(problem.Denied, "self-assurance", "level", selfAssurance)
	}
	return nil
}

// UsageOf is Usage for a portal that asks on behalf of a person: p holds a grant
// that shows the subject of access records in the clear, of all of them. That it
// asked is recorded as a reading of the person's access records before anything
// is answered; such records are not listed to portals, or paging would shift
// under each page.
func (r *Repository) UsageOf(ctx context.Context, p Principal, number string, q UsageQuery) (page UsagePage, err error) {
	err = r.retrying(ctx, func(c *catalog) error {
		e, d, err := r.trackable(ctx, c, p)
		if err != nil {
			return err
		}
		ids := grantsIn(&d)
		page, err = r.usage(ctx, number, q, func(u *Usage) bool { return u.Dataset != SystemAccess })
		if err != nil {
			return err
		}
		x := &disclosure{r: r, p: p, c: c, e: e, person: -1, persons: map[string]*disclosed{}}
		cell, _, _, _ := e.Table.Property("subject")
		x.persons[r.keys.subjectOf(number)] = &disclosed{cells: []int{cell}, by: ids, rows: int64(len(page.Usages))}
		return r.record(ctx, c, x.drafts(), nil)
	})
	if err != nil {
		return UsagePage{}, err
	}
	return page, nil
}

// MayTrack tells whether p may ask for the readings of any person's data.
func (r *Repository) MayTrack(ctx context.Context, p Principal) error {
	_, _, err := r.trackable(ctx, r.catalog.Load(), p)
	return err
}

// trackable decides on the dataset of access records: a rule of office is not
// enough, for it does not say what the person asked for.
func (r *Repository) trackable(ctx context.Context, c *catalog, p Principal) (*Entry, grant.Decision, error) {
	if p.Name == "" {
		return nil, grant.Decision{}, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	e := c.entries[SystemAccess]
	d, err := r.decide(ctx, p, c, e, grant.Read)
	if err != nil {
		return nil, d, err
	}
	subject, _, _, _ := e.Table.Property("subject")
	if len(grantsIn(&d)) == 0 || !d.MayUse(subject) || d.Rows([]int{subject}) != nil {
		return nil, d, problem.New(problem.Denied, "tracker-grant")
	}
	return e, d, nil
}

// grantsIn lists the grants among what a decision rests on.
func grantsIn(d *grant.Decision) []string {
	return slices.DeleteFunc(given(d), func(id string) bool { return strings.HasPrefix(id, "rule:") })
}

// given names all that a decision rests on.
func given(d *grant.Decision) (ids []string) {
	for _, g := range d.Explain().Gives {
		ids = append(ids, g.ID)
	}
	return ids
}

func (r *Repository) usage(ctx context.Context, number string, q UsageQuery, listed func(*Usage) bool) (UsagePage, error) {
	access := r.catalog.Load().entries[SystemAccess]
	now := r.now()
	page := UsagePage{Unfaked: true}
	var below int64   // number that the next older record must have; 0 = not known yet
	var digest string // that the newer record says the next older one has
	var newest = true
	shown := int64(0)
	err := r.driver.Read(ctx, accessOf(access, r.keys.subjectOf(number)), func(row store.Row) error {
		f := fieldsOf(access.Table, row.Values)
		n := f.value("number").Int()
		if !newest && (n != below || accessDigest(row.Values) != digest) {
			page.Unfaked = false
		}
		newest, below, digest = false, n-1, f.text("previous")
		at := f.value("at").Micros()
		if h := f.value("hiddenUntil"); h.Kind() == value.Time && h.Micros() > now.UnixMicro() {
			if at <= now.Add(-hiddenCounted).UnixMicro() {
				page.Hidden++
			}
			return nil
		}
		u := Usage{At: at, Dataset: f.text("dataset")}
		if !listed(&u) {
			return nil
		}
		shown++
		page.First = at
		if !q.From.IsZero() && at < q.From.UnixMicro() || !q.Until.IsZero() && at >= q.Until.UnixMicro() {
			return nil
		}
		page.Total++
		if page.Total <= int64(q.Offset) || len(page.Usages) >= q.Limit {
			return nil
		}
		u = usageOf(f, row.Version)
		u.Number = shown
		page.Usages = append(page.Usages, u)
		return nil
	})
	if err != nil {
		return UsagePage{}, err
	}
	if !newest && (below != 0 || digest != "") {
		page.Unfaked = false // the oldest one there is is not the first
	}
	for i := range page.Usages { // counted from the newest until now
		page.Usages[i].Number = shown - page.Usages[i].Number + 1
	}
	return page, nil
}

func usageOf(f fields, version int64) Usage {
	text := func(name string) string { return strings.Clone(f.text(name)) }
	list := func(name string) (items []string) {
		json.Unmarshal([]byte(f.text(name)), &items)
		return items
	}
	u := Usage{
		At: f.value("at").Micros(), Reader: text("reader"), Agency: text("agency"), Capacity: text("capacity"), Dataset: text("dataset"),
		Fields: list("fields"), By: list("by"), Purpose: text("purpose"), Basis: text("basis"), Case: text("case"),
		HiddenBasis: text("hiddenBasis"), Commit: version,
	}
	if v := f.value("count"); v.Kind() == value.Int {
		u.Count = v.Int()
	}
	if v := f.value("hiddenUntil"); v.Kind() == value.Time {
		u.HiddenUntil = v.Micros()
	}
	u.Self = slices.Equal(u.By, []string{grant.RuleSelf})
	return u
}

// Holding is what one dataset holds about a person.
type Holding struct {
	Entry *Entry
	Count int64
}

// Held counts, dataset by dataset, the records that are held about the person
// that p is: of every dataset that says whom its records are about, those with
// none too. It shows no record and leaves none. Denied as Usage is.
func (r *Repository) Held(ctx context.Context, p Principal) ([]Holding, error) {
	if err := self(p); err != nil {
		return nil, err
	}
	c := r.catalog.Load()
	var list []Holding
	for _, name := range c.names {
		e := c.entries[name]
		i := personOf(e)
		if i < 0 {
			continue
		}
		n, err := r.driver.Count(ctx, store.Query{Table: e.Table, Filter: about(e, i, p.Person)})
		if err != nil {
			return nil, err
		}
		list = append(list, Holding{e, n})
	}
	return list, nil
}

// HeldRecords streams the records of a dataset that are about the person that p
// is, what rule:self shows of them. It is a reading by the person and leaves a
// record that says so. NotFound for a dataset that does not say whom its records
// are about.
func (r *Repository) HeldRecords(ctx context.Context, p Principal, name string, limit int, cursor string, fn func(Record) error) (Page, error) {
	if err := self(p); err != nil {
		return Page{}, err
	}
	e := r.catalog.Load().entries[name]
	if e == nil || personOf(e) < 0 {
		return Page{}, problem.New(problem.NotFound, "dataset-unknown", "dataset", name)
	}
	// Only what a person sees as themself: what office they hold is left aside.
	own := Principal{Name: p.Name, Roles: []string{grant.Citizen}, Person: p.Person, Assurance: p.Assurance, Capacity: p.Capacity}
	q := Query{Dataset: name, Limit: limit, Cursor: cursor}
	_, d, err := r.Decide(ctx, own, name, grant.Read)
	switch {
	case err != nil:
		return Page{}, err
	case d.MayUse(personOf(e)):
		q.Filter = &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: e.Dataset.Person, Column: -1}, &cql2.Lit{Value: value.OfText(p.Person)}}}
	case !slices.Equal(given(&d), []string{grant.RuleSelf}):
		// The number itself is restricted and others' records are open in part:
		// nothing can tell them apart here.
		return Page{}, problem.New(problem.NotFound, "dataset-unknown", "dataset", name)
	}
	return r.Read(ctx, own, q, fn)
}

func about(e *Entry, column int, number string) cql2.Expr {
	return &cql2.Call{Op: "=", Args: []cql2.Expr{columnOf(e.Table, column), &cql2.Lit{Value: value.OfText(number)}}}
}

// SubjectOf is how records that must not hold the number of the person that p is
// name them: the keyed digest that access records have. Denied as Usage is.
func (r *Repository) SubjectOf(p Principal) (string, error) {
	if err := self(p); err != nil {
		return "", err
	}
	return r.keys.subjectOf(p.Person), nil
}
