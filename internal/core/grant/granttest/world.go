// Package granttest makes random worlds of datasets, grants, principals and
// records, and judges each cell by an engine that is not ours, so that the
// compiler of grants and every store that runs its conditions can be compared
// with it.
package granttest

import (
	"fmt"
	"slices"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/value"
)

// Pick returns a number from 0 to n-1. It is the only source of randomness, so
// that a generator of tests can record and shrink what it gave.
type Pick func(n int) int

func one[T any](pick Pick, of ...T) T { return of[pick(len(of))] }

// some picks each with one chance in n.
func some[T any](pick Pick, n int, of ...T) []T {
	var list []T
	for _, o := range of {
		if pick(n) == 0 {
			list = append(list, o)
		}
	}
	return list
}

// Declared is a dataset with its layout.
type Declared struct {
	Dataset *dataset.Dataset
	Table   *dataset.Table
	Public  *Cond // the records of an open dataset that everybody may read; nil = all
}

// At is when requests are made; grants begin and end around it.
const At = 1_000_000

var (
	areas    = []string{"ward-1", "ward-2", "ward-3"}
	agencies = []string{"health", "police"}
	purposes = []string{"care", "audit", "plan"}
	people   = []string{"046099000001", "046099000002"}
	states   = []string{"new", "open", "done"}
)

// Datasets declares the datasets that worlds are made of: city data of each
// class, placed in each way or not at all, about persons or not, and the system
// datasets that rules name.
func Datasets() ([]Declared, error) {
	var all []Declared
	for _, name := range []string{"dossier", "account", "access", "quarantine", "token"} {
		for i, class := range []dataset.Classification{dataset.Open, dataset.InternalUse, dataset.Personal, dataset.Restricted} {
			for j, place := range []string{"", "place: {field: location}", "place: {longitude: east, latitude: north}", "place: {areaCode: ward}"} {
				if name != "dossier" && j != i {
					continue
				}
				person, owner := "", ""
				if (i+j)%2 == 0 {
					person = "person: personNumber"
				}
				if name == "dossier" || j == 1 {
					owner = "owner: health"
				}
				public := []*Cond{nil}
				if class == dataset.Open {
					public = append(public, publics()[j])
				}
				for _, c := range public {
					d, err := declare(name, class, c, place, person, owner)
					if err != nil {
						return nil, err
					}
					all = append(all, d)
				}
			}
		}
	}
	return all, nil
}

// publics are conditions over open fields, one for each way of being placed: with a
// value that is unknown, with one that must not be, and joined.
func publics() []*Cond {
	is := func(op, column string, texts ...string) *Cond {
		c := &Cond{Op: op, Column: column}
		for _, s := range texts {
			c.Values = append(c.Values, value.OfText(s))
		}
		return c
	}
	join := func(op string, args ...*Cond) *Cond { return &Cond{Op: op, Args: args} }
	return []*Cond{
		is("=", "state", "done"),
		join("not", is("=", "ward", "ward-1")),
		join("or", is("in", "agency", "health"), is("isnull", "state")),
		join("and", is("<>", "state", "new"), join("not", is("isnull", "ward"))),
	}
}

func declare(name string, class dataset.Classification, public *Cond, lines ...string) (Declared, error) {
	if public != nil {
		lines = append(lines, fmt.Sprintf("publicRows: %q", public.Text()))
	}
	field := func(name, kind string, c dataset.Classification, tags string) string {
		if c.Rank() < class.Rank() {
			c = class
		}
		return fmt.Sprintf("    - {name: %s, type: %s, classification: %s, tags: [%s]}\n", name, kind, c, tags)
	}
	fields := field("id", "string", class, "") +
		field("agency", "string", class, "") +
		field("ward", "string", class, "where") +
		field("state", "string", class, "status") +
		field("amount", "integer", dataset.InternalUse, "figure") +
		field("name", "string", dataset.Personal, "who") +
		field("phone", "string", dataset.Personal, "contact") +
		field("personNumber", "string", dataset.Personal, "who") +
		field("born", "date", dataset.Personal, "birth") +
		field("sealed", "integer", dataset.Restricted, "figure, secret") +
		field("raw", "string", class, "") +
		field("location", "geopoint", dataset.Personal, "where") +
		field("east", "number", dataset.InternalUse, "where") +
		field("north", "number", dataset.InternalUse, "where")
	head := fmt.Sprintf("name: %s\ntitle: %s\nkind: register\nclassification: %s\n%s\nschema:\n  primaryKey: id\n  fields:\n",
		name, name, class, strings.Join(lines, "\n"))
	was, err := dataset.Parse(name, []byte(head+fields+field("gone", "string", class, "status")))
	if err != nil {
		return Declared{}, err
	}
	d, err := dataset.Parse(name, []byte(head+fields))
	if err != nil {
		return Declared{}, err
	}
	before, err := dataset.Layout(was, nil)
	if err != nil {
		return Declared{}, err
	}
	t, err := dataset.Layout(d, before) // with a dropped column amid the others
	return Declared{d, t, public}, err
}

// World is a dataset with the grants that exist on it.
type World struct {
	Declared
	Grants []*grant.Grant
	Conds  map[string]*Cond // the row condition of a grant, by its id; none = all rows
}

// NewWorld makes a world over one of the datasets. Its grants pass grant.Check.
func NewWorld(pick Pick, of []Declared) *World {
	w := &World{Declared: one(pick, of...), Conds: map[string]*Cond{}}
	for i := range 2 + pick(7) {
		w.Grants = append(w.Grants, w.Grant(pick, fmt.Sprintf("g%d", i)))
	}
	return w
}

// Grant makes a grant of an id and notes its condition.
func (w *World) Grant(pick Pick, id string) *grant.Grant {
	g := &grant.Grant{
		ID: id, Dataset: w.Dataset.Name, Basis: "Luật 91/2025/QH15", State: grant.InForceState,
		Action:   one(pick, grant.Read, grant.Read, grant.Read, grant.Aggregate, grant.Write),
		Purposes: some(pick, 7, purposes...),
		From:     one[int64](pick, 0, 0, 0, At, At+1), Until: one[int64](pick, 0, 0, 0, At+2, At+1, At),
		OwnAgency: one(pick, "", "", "", "", "", "", "agency"),
	}
	if g.Until != 0 && g.From >= g.Until {
		g.From = 0
	}
	if pick(8) == 0 {
		g.State = one(pick, grant.Requested, grant.Question, grant.Ended)
	}
	switch pick(5) {
	case 0:
		g.Account = "an"
	case 1:
		g.Role = one(pick, grant.Officer, grant.Leader, grant.Machine)
	case 2:
		g.Agency, g.Role = one(pick, agencies...), one(pick, grant.Officer, grant.Steward)
	default:
		g.Agency = one(pick, agencies...)
	}
	if g.Action == grant.Aggregate {
		g.MinimumCell = one(pick, 3, 5, 10)
	}
	if w.Table.Area >= 0 {
		g.OwnAreas = pick(6) == 0
	}
	g.Fields, g.Tags = w.about(pick)
	w.masks(pick, g)
	delete(w.Conds, id)
	if pick(2) == 0 {
		c := w.Cond(pick, 2)
		w.Conds[id], g.Rows = c, c.Text()
	}
	return g
}

func (w *World) about(pick Pick) (fields, tags []string) {
	kind := pick(3)
	open := w.Dataset.Classification.Rank() <= dataset.InternalUse.Rank()
	if kind == 0 && open {
		return nil, nil // every field up to class internal
	}
	if kind == 1 {
		if tags = some(pick, 2, "where", "status", "figure", "who", "contact", "birth"); len(tags) > 0 {
			return nil, tags
		}
	}
	fields = some(pick, 2, w.Table.PropertyNames()...)
	if len(fields) == 0 {
		fields = []string{"name"}
	}
	return fields, some(pick, 12, "who", "where")
}

// masks adds masks that fit the fields that the grant names.
func (w *World) masks(pick Pick, g *grant.Grant) {
	if g.Action != grant.Read {
		return
	}
	for _, name := range []string{"name", "phone", "personNumber", "born", "state", "location", "east"} {
		f, _ := w.Dataset.Field(name)
		if pick(3) == 0 || !Names(g, f) {
			continue
		}
		how := one(pick, grant.LastDigits, grant.Pseudonym)
		switch name {
		case "born":
			how = grant.YearOnly
		case "location", "east":
			p := w.Dataset.Place
			if p == nil || p.Field != name && p.Longitude != name {
				continue
			}
			how = grant.AreaOnly
		}
		g.Masks = append(g.Masks, grant.Mask{Field: name, How: how})
	}
}

// Names tells whether a grant names a field or one of its tags.
func Names(g *grant.Grant, f *dataset.Field) bool {
	return slices.Contains(g.Fields, f.Name) || slices.ContainsFunc(f.Tags, func(t string) bool { return slices.Contains(g.Tags, t) })
}

// Request makes a request, half of the time by the grantee of a grant.
func (w *World) Request(pick Pick) grant.Request {
	s := grant.Subject{}
	switch pick(10) {
	case 0: // the public
	case 1:
		s = grant.Subject{Account: "dan", Roles: []string{grant.Citizen}, Person: one(pick, people...), Assurance: 1 + pick(3)}
	case 2:
		s = grant.Subject{Account: "may", Roles: []string{grant.Machine}, Token: pick(4) > 0,
			Read: one(pick, nil, []string{"*"}, []string{"dossier", "account"}), Write: one(pick, nil, []string{"*"}, []string{"dossier"})}
	case 3:
		s = grant.Subject{Account: "quan-tri", Agency: one(pick, agencies...), Roles: some(pick, 2, grant.Administrator, grant.Auditor),
			Admin: pick(8) == 0}
	case 4, 5, 6, 7, 8:
		g := one(pick, w.Grants...)
		s = grant.Subject{Account: g.Account, Agency: g.Agency, Roles: []string{g.Role}, Areas: one(pick, nil, []string{"*"}, some(pick, 2, areas...))}
	default:
		s = grant.Subject{Account: one(pick, "an", "binh"), Agency: one(pick, append([]string{""}, agencies...)...),
			Roles: some(pick, 4, grant.Steward, grant.Engineer, grant.OperatorRole, grant.Officer, grant.Officer, grant.Leader),
			Areas: one(pick, nil, []string{"*"}, some(pick, 2, areas...))}
	}
	if pick(6) == 0 {
		s.Person, s.Assurance = one(pick, people...), pick(4)
	}
	return grant.Request{
		Subject: s, Dataset: w.Dataset, Table: w.Table, At: At,
		Action: one(pick, grant.Read, grant.Read, grant.Read, grant.Aggregate, grant.Write), Purpose: one(pick, append([]string{""}, purposes...)...),
	}
}

// Row makes a record of the world's dataset.
func (w *World) Row(pick Pick) []value.Value {
	row := make([]value.Value, w.Table.Width())
	for c := range row {
		row[c] = w.Cell(pick, c)
	}
	return row
}

// Cell makes a value of a column, or Null.
func (w *World) Cell(pick Pick, c int) value.Value {
	column := &w.Table.Columns[c]
	if column.Name == "id" {
		return value.OfText(fmt.Sprint("r", pick(100)))
	}
	if pick(5) == 0 {
		return value.Value{}
	}
	switch column.Name {
	case "agency":
		return value.OfText(one(pick, agencies...))
	case "ward", dataset.AreaColumn:
		return value.OfText(one(pick, areas...))
	case "state":
		return value.OfText(one(pick, states...))
	case "personNumber":
		return value.OfText(one(pick, people...))
	case "phone":
		return value.OfText(one(pick, "0905123456", "113", "9", ""))
	}
	switch column.Kind {
	case value.Int:
		return value.OfInt(int64(pick(4)))
	case value.Float:
		return value.OfFloat(float64(pick(4)) / 2)
	case value.Date:
		return value.OfDate(int64(pick(20000)))
	case value.Geometry:
		return value.OfGeometry(point)
	}
	return value.OfText(one(pick, "Nguyễn Văn An", "Tôn Nữ", "X"))
}

// point is POINT(107.5 16.5) as the repository holds it.
const point = "\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\xe0\x5a\x40\x00\x00\x00\x00\x00\x80\x30\x40"
