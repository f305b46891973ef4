// Package request is what may be reported to the city, as the city declares it:
// categories with their questions, the rules that send a report to an agency,
// the legal tracks, and texts of answers. It says where a report goes and why,
// what is wrong with the answers to a category's questions, and whether a report
// was answered in time. It reads no clock and keeps nothing.
package request

import (
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/calendar"
	"huong.city/huong/internal/core/declare"
)

// Words is text in Vietnamese and English.
type Words = declare.Words

// Catalogue is one declaration, checked by itself. It is immutable.
type Catalogue struct {
	Name       string
	Title      Words
	Owner      string
	Desk       string // agency that takes reports in, and those that no rule sends on
	WardAgency string // code of a ward's own agency, {area} standing for the ward's code
	Zones      []Zone
	Tracks     []Track
	Groups     []Group
	Categories []Category
	Rules      []Rule // the first that matches sends
	Outcomes   []Outcome
	Templates  []Template
	Upkeep     Upkeep

	file string
}

// place is where something stands in the file.
type place struct{ line, column int }

// Zone is a named set of areas.
type Zone struct {
	Code  string
	Title Words
	Areas []string
	place place
}

// Track is a procedure of the law by which reports are handled.
type Track struct {
	Code    string
	Title   Words
	Law     string // the act, with number and date
	Accepts bool   // reports may take it; of one that does not, Pointer says where to go
	Pointer Words
	place   place
}

// Group gathers categories on the page.
type Group struct {
	Code  string
	Title Words
	place place
}

// When what was written becomes public.
const (
	Before = "before" // it is read by the desk before it is public
	After  = "after"  // it is public at once and read after
	Never  = "never"
)

// Urgencies.
const (
	Normal = "normal"
	Urgent = "urgent"
)

// Category is what a report may be about.
type Category struct {
	Code        string
	Group       string
	Title       Words
	Description Words
	Keywords    []string
	Notice      Words // shown before anything is asked: dangerous? call 114
	Questions   []Question
	Active      bool
	Physical    bool // something in the street: done is shown by a photo taken after
	Placeless   bool // it may lack a place
	Private     bool // who reported and where is for those alone who handle it
	Publication string
	Urgency     string
	Track       string
	Class       string // fact "class" of the workflow's deadlines
	place       place
}

// AtOnce tells that what is written is public before somebody has read it.
func (c *Category) AtOnce() bool { return c.Publication == After }

// Never tells that it is not public at all.
func (c *Category) Never() bool { return c.Publication == Never }

// Outcome is what is said to the public where a report comes to it.
type Outcome struct {
	Code  string
	Text  Words
	place place
}

// Template is the text of an answer, with holes.
type Template struct {
	Code       string
	Title      Words
	Text       Words
	Outcomes   []string // none = any
	Categories []string // of categories or groups; none = any
	place      place
}

// Holes are the names that stand in braces in the text of a template.
func Holes() []string {
	return []string{"code", "category", "address", "agency", "plannedAt", "recipient", "law", "pointer"}
}

// Fill writes a template's text in a language with its holes filled; a hole that
// is not given stays as it is, for a person to fill.
func (t *Template) Fill(lang string, values map[string]string) string {
	pairs := make([]string, 0, 2*len(values))
	for _, name := range Holes() {
		if v := values[name]; v != "" {
			pairs = append(pairs, "{"+name+"}", v)
		}
	}
	return strings.NewReplacer(pairs...).Replace(t.Text.In(lang))
}

// Category finds a category by its code, active or not.
func (c *Catalogue) Category(code string) (*Category, bool) {
	for i := range c.Categories {
		if c.Categories[i].Code == code {
			return &c.Categories[i], true
		}
	}
	return nil, false
}

// Track finds a track by its code.
func (c *Catalogue) Track(code string) (*Track, bool) {
	for i := range c.Tracks {
		if c.Tracks[i].Code == code {
			return &c.Tracks[i], true
		}
	}
	return nil, false
}

// TemplatesFor lists the templates that fit a category and an outcome, in the
// declared order; an empty outcome takes those of all.
func (c *Catalogue) TemplatesFor(category, outcome string) (list []*Template) {
	group := ""
	if x, ok := c.Category(category); ok {
		group = x.Group
	}
	for i := range c.Templates {
		t := &c.Templates[i]
		if (outcome == "" || len(t.Outcomes) == 0 || slices.Contains(t.Outcomes, outcome)) &&
			(len(t.Categories) == 0 || slices.Contains(t.Categories, category) || slices.Contains(t.Categories, group)) {
			list = append(list, t)
		}
	}
	return list
}

// InTime tells whether what was due by a moment was done in time: at it or
// before. Nothing due is always in time. A due moment is a moment, midnight too:
// due at 00:00 and done at 00:01 is late. Whoever was given a mere date takes
// EndOf of it first, by which the whole day still counts.
func InTime(due, done time.Time) bool { return due.IsZero() || !done.After(due) }

// EndOf is the last second of a day in a zone: when something due on the day is
// due. A term in days ends with the end of its last day (Civil Code 91/2015/QH13,
// Article 148, Clause 6), and the second before midnight still bears its date.
func EndOf(day calendar.Day, zone *time.Location) time.Time {
	return day.End(zone).Add(-time.Second)
}
