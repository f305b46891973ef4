package repo

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Purpose is what personal data may be read for.
type Purpose struct {
	Code, Name, NameEn, Basis string
	NeedsCase, MayHide, Ended bool
	HideDays                  int      // for how long a reading may be hidden from the person
	HideBasis                 string   // the law that permits it; Basis where there is none of its own
	HideAgencies              []string // whose staff may
}

// Hides tells that staff of an agency may hide readings for the purpose. Without
// a longest time and without the agency's name on the list nobody may.
func (u *Purpose) Hides(agency string) bool {
	return u.MayHide && u.HideDays > 0 && agency != "" && slices.Contains(u.HideAgencies, agency)
}

// hiding refuses to hide a reading from the person, unless the purpose permits
// it to the asker's agency and for so long.
func (c *catalog) hiding(p Principal, now time.Time) error {
	if p.HiddenUntil == 0 {
		return nil
	}
	u := c.purposes[p.Purpose]
	until := time.UnixMicro(p.HiddenUntil)
	switch {
	case !u.MayHide || u.HideDays <= 0:
		return problem.New(problem.Invalid, "hide-purpose")
	case !u.Hides(p.Agency):
		return problem.New(problem.Denied, "hide-agency")
	case !until.After(now):
		return problem.New(problem.Invalid, "hide-past")
	case until.After(now.AddDate(0, 0, u.HideDays)):
		return problem.New(problem.Invalid, "hide-long", "days", u.HideDays)
	}
	return nil
}

// MayHide tells whether p may read for its purpose with the access records
// hidden until p.HiddenUntil: Invalid or Denied with what stands against it.
func (r *Repository) MayHide(p Principal) error { return r.catalog.Load().hiding(p, r.now()) }

// trusted tells that a dataset is part of the catalog, because it decides who may
// do what or defines what is derived: a commit that touches it moves the
// catalog's version, so that every process, this one and others, prepares
// nothing more by the state before it.
func trusted(name string) bool {
	switch name {
	case SystemGrant, SystemPurpose, SystemAccount, SystemCapacity, SystemDefinition:
		return true
	}
	return false
}

// withPolicy completes a catalog that is being read: by the commits since the
// catalog before it, or from the whole where there is none.
func (r *Repository) withPolicy(ctx context.Context, c, old *catalog) error {
	g, p := c.entries[SystemGrant], c.entries[SystemPurpose]
	if g == nil || p == nil { // a database that is being made
		c.policy, c.purposes = grant.NewPolicy(nil), map[string]Purpose{}
		return nil
	}
	c.purposes = map[string]Purpose{DataExchange: {
		Code: DataExchange, Name: "Trao đổi dữ liệu giữa các hệ thống", NameEn: "Exchange of data between systems",
		Basis: "Luật Dữ liệu số 60/2024/QH15",
	}}
	err := r.driver.Read(ctx, store.Query{Table: p.Table}, func(row store.Row) error {
		f := fieldsOf(p.Table, row.Values)
		u := Purpose{Code: f.text("code"), Name: f.text("name"), NameEn: f.text("nameEn"), Basis: f.text("basis"),
			NeedsCase: f.boolean("needsCase"), MayHide: f.boolean("mayHide"), Ended: f.boolean("ended"), HideBasis: f.text("hideBasis")}
		if v := f.value("hideDays"); v.Kind() == value.Int {
			u.HideDays = int(v.Int())
		}
		json.Unmarshal([]byte(f.text("hideAgencies")), &u.HideAgencies)
		c.purposes[u.Code] = u
		return nil
	})
	if err != nil {
		return err
	}
	var list []*grant.Grant
	if old == nil || old.policy == nil || old.grants != g.Table.Width() || old.version > c.version {
		err = r.driver.Read(ctx, store.Query{Table: g.Table}, func(row store.Row) error {
			list = append(list, GrantOf(g, row.Values))
			return nil
		})
		c.policy = grant.NewPolicy(list)
	} else {
		lr := store.LogRange{After: old.version, Upto: c.version, Datasets: []string{SystemGrant}, Tables: c.tables}
		err = r.driver.Log(ctx, lr, func(e *commit.Entry) error {
			for i := range e.Changes {
				switch ch := &e.Changes[i]; {
				case ch.Dataset != SystemGrant:
				case ch.After != nil:
					list = append(list, GrantOf(g, ch.After))
				default:
					gone := GrantOf(g, ch.Before)
					gone.State = grant.Ended
					list = append(list, gone)
				}
			}
			return nil
		})
		c.policy = old.policy.With(list)
	}
	c.grants = g.Table.Width()
	return err
}

// GrantOf reads a record of the dataset grant. The result shares nothing with
// the row.
func GrantOf(e *Entry, row []value.Value) *grant.Grant {
	f := fieldsOf(e.Table, row)
	text := func(name string) string { return string(append([]byte(nil), f.text(name)...)) }
	list := func(name string) (items []string) {
		json.Unmarshal([]byte(f.text(name)), &items)
		return items
	}
	at := func(name string) int64 {
		if v := f.value(name); v.Kind() == value.Time {
			return v.Micros()
		}
		return 0
	}
	g := &grant.Grant{
		ID: text("id"), Dataset: text("dataset"), Agency: text("agency"), Role: text("role"), Account: text("account"),
		Action: grant.Action(text("action")), Fields: list("fields"), Tags: list("tags"),
		Rows: text("rows"), OwnAreas: f.boolean("ownAreas"), OwnAgency: text("ownAgency"),
		Purposes: list("purposes"), Basis: text("basis"), From: at("from"), Until: at("until"), State: grant.State(text("state")),
		AskedBy: text("askedBy"), AskedAt: at("askedAt"), DecidedBy: text("decidedBy"), DecidedAt: at("decidedAt"),
		Reason: text("reason"), Citation: text("citation"),
	}
	var masks []struct{ Field, Tag, How string }
	if json.Unmarshal([]byte(f.text("masks")), &masks) == nil {
		for _, m := range masks {
			g.Masks = append(g.Masks, grant.Mask{Field: m.Field, Tag: m.Tag, How: grant.How(m.How)})
		}
	}
	if v := f.value("minimumCell"); v.Kind() == value.Int {
		g.MinimumCell = int(v.Int())
	}
	return g
}

// Purposes lists the purposes by code, those no longer in use too.
func (r *Repository) Purposes() map[string]Purpose { return r.catalog.Load().purposes }

// Decide tells what p may do with a dataset, for pages that explain it. The
// dataset must exist; NotFound otherwise, whoever asks.
func (r *Repository) Decide(ctx context.Context, p Principal, name string, action grant.Action) (*Entry, grant.Decision, error) {
	c := r.catalog.Load()
	e := c.entries[name]
	if e == nil {
		return nil, grant.Decision{}, problem.New(problem.NotFound, "dataset-unknown", "dataset", name)
	}
	d, err := r.decide(ctx, p, c, e, action)
	return e, d, err
}

// decide compiles the rules and grants for one request. A purpose that is not
// on the list is refused rather than passed over.
func (r *Repository) decide(ctx context.Context, p Principal, c *catalog, e *Entry, action grant.Action) (grant.Decision, error) {
	if p.Purpose != "" {
		u, known := c.purposes[p.Purpose]
		switch {
		case !known || u.Ended:
			return grant.Decision{}, problem.New(problem.Invalid, "purpose-unknown")
		case u.NeedsCase && p.Case == "":
			return grant.Decision{}, problem.New(problem.Invalid, "purpose-needs-case", "purpose", p.Purpose)
		}
	}
	if err := c.hiding(p, r.now()); err != nil {
		return grant.Decision{}, err
	}
	areas := p.Areas
	if len(areas) > 0 {
		var err error
		if areas, err = r.areasOf(ctx, p.Areas); err != nil {
			return grant.Decision{}, err
		}
	}
	req := grant.Request{Subject: p.subject(areas), Action: action, Purpose: p.Purpose, Dataset: e.Dataset, Table: e.Table, At: r.now().UnixMicro()}
	if scoped(e.Dataset.Name) {
		req.Keeps = r.keptBy(p, c)
	}
	return c.policy.Decide(req), nil
}

// areasOf turns the areas that a capacity names into those that records have
// now: a former unit into its successor, the city into "*".
func (r *Repository) areasOf(ctx context.Context, codes []string) ([]string, error) {
	s, err := r.areaTree(ctx)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, code := range codes {
		if now, ok := s.current[code]; ok {
			code = now
		}
		if s.kind[code] == "city" {
			code = "*"
		}
		list = append(list, code)
	}
	return list, nil
}

// keptBy lists the datasets that p keeps the whole of: by token, or as steward
// or engineer of the owner.
func (r *Repository) keptBy(p Principal, c *catalog) []string {
	list := p.keeps()
	if p.Agency != "" && (p.Is(grant.Steward) || p.Is(grant.Engineer)) {
		for _, name := range c.names {
			if c.entries[name].Dataset.Owner == p.Agency {
				list = append(list[:len(list):len(list)], name)
			}
		}
	}
	return list
}
