package ui

import (
	"slices"
	"strings"

	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// catalogData is the list of datasets with what can be chosen from.
type catalogData struct {
	Search string
	Cards  []datasetCard
	Locked []datasetCard // that the reader sees nothing of and may ask for
	All    int
	Chips  []chip
	Facets []facet
}

// chip is a condition in force and the address without it.
type chip struct{ Label, Href string }

type facet struct {
	Title string
	Items []facetItem
}

type facetItem struct {
	Label, Href string
	N           int
	On          bool
}

func (u *UI) catalog(v *view) error {
	v.nav, v.title = "data", v.T("nav.data")
	q := v.r.URL.Query()
	search := q.Get("q")
	folded := value.Fold(search)
	sectorAsked, ownerAsked, classAsked, system := q.Get("sector"), q.Get("owner"), q.Get("classification"), q.Get("system") == "1"
	c := catalogData{Search: search}
	pulses := u.pulses()
	bySector, byOwner, byClass := map[string]int{}, map[string]int{}, map[string]int{}
	seen := u.Repo.Entries(v.p)
	locked := v.locked(seen)
	for i, e := range slices.Concat(seen, locked) {
		if e.System != system {
			continue
		}
		c.All++
		d := e.Dataset
		if !matches(v, e, folded) {
			continue
		}
		inSector, inOwner, inClass := sectorAsked == "" || d.Sector == sectorAsked, ownerAsked == "" || d.Owner == ownerAsked, classAsked == "" || string(d.Classification) == classAsked
		// Each facet counts what its other choices leave.
		if inOwner && inClass {
			bySector[d.Sector]++
		}
		if inSector && inClass {
			byOwner[d.Owner]++
		}
		if inSector && inOwner {
			byClass[string(d.Classification)]++
		}
		switch {
		case !inSector || !inOwner || !inClass:
		case i >= len(seen):
			c.Locked = append(c.Locked, v.card(e, DatasetActivity{})) // nor how it moves
		default:
			c.Cards = append(c.Cards, v.card(e, pulses[d.Name]))
		}
	}
	byTitle := func(a, b datasetCard) int { return strings.Compare(value.Fold(a.Title), value.Fold(b.Title)) }
	slices.SortStableFunc(c.Cards, byTitle)
	slices.SortStableFunc(c.Locked, byTitle)
	facetOf := func(title, param, asked string, counts map[string]int, label func(string) string, order []string) {
		f := facet{Title: title}
		for _, code := range order {
			n := counts[code]
			if n == 0 && code != asked || code == "" {
				continue
			}
			on := code == asked
			href := v.with(param, code)
			if on {
				href = v.with(param, "")
			}
			f.Items = append(f.Items, facetItem{label(code), href, n, on})
		}
		if len(f.Items) > 0 {
			c.Facets = append(c.Facets, f)
		}
		if asked != "" {
			c.Chips = append(c.Chips, chip{title + ": " + label(asked), v.with(param, "")})
		}
	}
	if search != "" {
		c.Chips = append(c.Chips, chip{"“" + search + "”", v.with("q", "")})
	}
	var sectors []string
	for _, s := range u.namesNow(v.r.Context()).sectors {
		sectors = append(sectors, s.Code)
	}
	facetOf(v.T("sector"), "sector", sectorAsked, bySector, v.Sector, withRest(sectors, bySector))
	facetOf(v.T("owner"), "owner", ownerAsked, byOwner, v.Agency, withRest(nil, byOwner))
	facetOf(v.T("classification"), "classification", classAsked, byClass, func(s string) string { return v.T("class." + s) }, []string{"open", "internal", "personal", "restricted"})
	href := v.with("system", "1", "sector", "", "owner", "", "classification", "")
	if system {
		href = v.with("system", "")
	}
	c.Facets = append(c.Facets, facet{v.T("catalog.other"), []facetItem{{v.T("catalog.system"), href, countSystem(seen), system}}})
	if system {
		c.Chips = append(c.Chips, chip{v.T("catalog.system"), v.with("system", "")})
	}
	return v.show(200, catalogPage(v, c))
}

// matches searches name, titles, description and keywords without case and
// marks; every word must be found.
func matches(v *view, e *repo.Entry, folded string) bool {
	if folded == "" {
		return true
	}
	d := e.Dataset
	texts := []string{d.Name, d.Owner, v.Agency(d.Owner), v.Sector(d.Sector)}
	for _, w := range []map[string]string{d.Title, d.Description} {
		for _, s := range w {
			texts = append(texts, s)
		}
	}
	all := value.Fold(strings.Join(append(texts, d.Keywords...), "\n"))
	for w := range strings.FieldsSeq(folded) {
		if !strings.Contains(all, w) {
			return false
		}
	}
	return true
}

// withRest appends the codes of counts that the order leaves out, by name.
func withRest(order []string, counts map[string]int) []string {
	var rest []string
	for code := range counts {
		if !slices.Contains(order, code) {
			rest = append(rest, code)
		}
	}
	slices.Sort(rest)
	return append(order, rest...)
}

func countSystem(es []*repo.Entry) int {
	n := 0
	for _, e := range es {
		if e.System {
			n++
		}
	}
	return n
}
