package request

import (
	"slices"
	"strings"

	"huong.city/huong/internal/core/problem"
)

// Facts are what a declaration rests on and does not hold itself.
type Facts struct {
	Agencies map[string]Agency
	Areas    []string // codes of the wards and communes of today
	// Values of the dataset's fields category, track and outcome; nil leaves them
	// unchecked.
	Categories, Tracks, Outcomes []string
}

// Agency is a body of the city.
type Agency struct {
	Area string // that it is of
	Live bool   // it still takes work
}

// Check tells everything that does not fit the city, at its line and column, in
// one Invalid error requests-invalid: agencies that are unknown or live no more,
// areas that are not there, a category that at some hour no rule sends from some
// area, a ward sent to another ward's agency, a rule that never sends anything,
// and codes that the dataset of requests does not hold. A category that may lack
// a place needs no rule for that: the desk has it. It is total: with no fault,
// every active category in each area resolves at every minute to exactly one
// live agency.
func Check(c *Catalogue, f Facts) error {
	x := &checker{c: c, f: f, used: map[string]bool{}, told: map[string]bool{}}
	x.codes()
	x.agency(c.Desk, place{1, 1}, "desk")
	for _, z := range c.Zones {
		x.areas(z.Areas, z.place, "zones."+z.Code)
	}
	for i := range c.Rules {
		r := &c.Rules[i]
		x.areas(r.Areas, r.place, "rules."+r.Code)
		if !r.Ward {
			x.agency(r.Agency, r.place, "rules."+r.Code)
		}
	}
	for i := range c.Categories {
		if c.Categories[i].Active {
			x.category(&c.Categories[i])
		}
	}
	for i := range c.Rules {
		if r := &c.Rules[i]; !x.used[r.Code] {
			x.fault(r.place, "rules."+r.Code, "requests-rule-unused", "rule", r.Code)
		}
	}
	slices.SortStableFunc(x.faults, func(a, b problem.Violation) int {
		if d := a.Position.Line - b.Position.Line; d != 0 {
			return d
		}
		return a.Position.Column - b.Position.Column
	})
	return problem.InvalidWith("requests-invalid", x.faults, "file", c.file, "count", len(x.faults))
}

type checker struct {
	c      *Catalogue
	f      Facts
	used   map[string]bool // rules that send something
	told   map[string]bool
	faults []problem.Violation
}

func (x *checker) fault(at place, field, code string, kv ...any) {
	v := problem.Violate(code, field, kv...)
	v.Position.File, v.Position.Line, v.Position.Column = x.c.file, at.line, at.column
	x.faults = append(x.faults, v)
}

func (x *checker) codes() {
	for _, k := range x.c.Categories {
		if x.f.Categories != nil && !slices.Contains(x.f.Categories, k.Code) {
			x.fault(k.place, "categories."+k.Code, "requests-not-in-dataset", "code", k.Code, "field", "category")
		}
		if t, ok := x.c.Track(k.Track); ok && k.Active && !t.Accepts {
			x.fault(k.place, "categories."+k.Code, "requests-track-closed", "category", k.Code, "track", k.Track)
		}
	}
	for _, t := range x.c.Tracks {
		if x.f.Tracks != nil && !slices.Contains(x.f.Tracks, t.Code) {
			x.fault(t.place, "tracks."+t.Code, "requests-not-in-dataset", "code", t.Code, "field", "track")
		}
	}
	for _, o := range x.c.Outcomes {
		if x.f.Outcomes != nil && !slices.Contains(x.f.Outcomes, o.Code) {
			x.fault(o.place, "outcomes."+o.Code, "requests-not-in-dataset", "code", o.Code, "field", "outcome")
		}
	}
}

// agency tells of an agency that cannot take work, once at a place.
func (x *checker) agency(code string, at place, field string) {
	a, ok := x.f.Agencies[code]
	switch key := field + " " + code; {
	case ok && a.Live || x.told[key]:
	case !ok:
		x.told[key] = true
		x.fault(at, field, "requests-agency-unknown", "agency", code)
	default:
		x.told[key] = true
		x.fault(at, field, "requests-agency-past", "agency", code)
	}
}

func (x *checker) areas(codes []string, at place, field string) {
	for _, code := range codes {
		if !slices.Contains(x.f.Areas, code) {
			x.fault(at, field, "requests-area-unknown", "area", code)
		}
	}
}

// category sends the category from every area, at every minute at which some
// rule begins or ends to hold: between two of them nothing changes.
func (x *checker) category(k *Category) {
	minutes := []int{0}
	for _, r := range x.c.Rules {
		minutes = append(minutes, r.From, r.Until)
	}
	slices.Sort(minutes)
	minutes = slices.Compact(minutes)
	var missing []string
	for _, area := range x.f.Areas {
		for _, minute := range minutes {
			r := x.c.match(k.Code, area, minute)
			if r == nil {
				if !slices.Contains(missing, area) {
					missing = append(missing, area)
				}
				continue
			}
			x.used[r.Code] = true
			if !r.Ward {
				continue // told with the rule
			}
			agency := x.c.agency(r, area)
			x.agency(agency, r.place, "rules."+r.Code)
			if a, ok := x.f.Agencies[agency]; ok && a.Live && a.Area != area && !x.told["area "+agency] {
				x.told["area "+agency] = true
				x.fault(r.place, "rules."+r.Code, "requests-agency-elsewhere", "agency", agency, "area", area)
			}
		}
	}
	if k.Placeless { // a rule may be for what has no place
		for _, minute := range minutes {
			if r := x.c.match(k.Code, "", minute); r != nil {
				x.used[r.Code] = true
			}
		}
	}
	if len(missing) > 0 {
		count := len(missing)
		x.fault(k.place, "categories."+k.Code, "requests-unrouted", "category", k.Code, "count", count, "areas", strings.Join(missing[:min(count, 5)], ", "))
	}
}
