// Package alert holds the rules by which something becomes an alert: a condition
// on records, on a series or on an indicator, with severities that each have
// their own threshold and route. What a rule says of one subject is a small state
// machine (Step, Fire) that is pure: the same observations and the same times
// give the same events. The package reads no store and knows no clock.
//
// An alert exists only if someone must act (ANSI/ISA-18.2, 3.1.8; IEC 62682);
// each rule says who acts, until when and what is to be done. Hysteresis and
// delays are those of ISA-18.2, 10.4.
package alert

import (
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/declare"
)

// Severity orders alerts; None is normal.
type Severity uint8

// The severities of all of Huong: ■ low, ▲ medium, ◆ high.
const (
	None Severity = iota
	Low
	Medium
	High
)

// String is the word that records and files hold; "" for None.
func (s Severity) String() string { return [...]string{"", "low", "medium", "high"}[s] }

// SeverityOf reads the word; None when it is none.
func SeverityOf(word string) Severity {
	for s := Low; s <= High; s++ {
		if s.String() == word {
			return s
		}
	}
	return None
}

// Kind is what a rule watches.
type Kind string

// The kinds of rules.
const (
	OnRecord  Kind = "record"    // records that match an expression
	Threshold Kind = "threshold" // a value, or its measure over a window
	Rate      Kind = "rate"      // change of a value per hour
	Absence   Kind = "absence"   // nothing came for so long
	Seasonal  Kind = "seasonal"  // distance from the usual of that hour, day or week
	Indicator Kind = "indicator" // the value of an indicator, by area
)

// Place is how near two members must be to be one line.
type Place string

// Groups by place.
const (
	ByArea    Place = "area"
	ByCity    Place = "city"
	BySubject Place = "subject"
)

// Step is one rung of a route: who is told and how long they have.
type Step struct {
	Level  string        // ward, department, city
	To     []string      // addressees, as the dataset notification names them; {area} and {owner} stand for the alert's
	Within time.Duration // to acknowledge
}

// Level is one severity of a rule.
type Level struct {
	Severity Severity
	At       float64       // threshold: the value's unit; per hour for Rate; deviations for Seasonal
	Field    string        // instead of At: a field of the record that Reference names
	Via      string        // the foreign-key field that leads to it
	Silence  time.Duration // Absence
	When     string        // OnRecord: CQL2
	Route    []Step

	when cql2.Expr
}

// Rule is one declared rule.
type Rule struct {
	Name   string
	Kind   Kind
	Title  declare.Words // with placeholders: what is abnormal
	Advice declare.Words // what is to be done
	Unit   string
	Cause  string
	Place  Place
	Owner  string // agency that handles it; the dataset's owner when empty

	Dataset string
	Subject []string // fields that name the subject; the key without the time when empty
	Filter  string   // CQL2: what the rule looks at, of a dataset
	Value   string   // CQL2 arithmetic
	Below   bool     // low values are abnormal

	Window  time.Duration // Threshold: span that Measure is taken over; 0 = the value itself
	Over    time.Duration // Rate: the span that the change is measured over
	Measure string        // sum mean max min count; Seasonal: mean sum count

	Bucket string  // Seasonal: hour day week
	Weeks  int     // Seasonal: how many past values of a slot are kept
	Least  int     // Seasonal: below so many the rule says nothing
	Floor  float64 // Seasonal: the least deviation, in the value's unit: what is usual anyway

	Indicator string
	ByWard    bool // Indicator: for each ward rather than the city
	Every     time.Duration

	Hysteresis float64
	For        time.Duration // on-delay
	ClearFor   time.Duration // off-delay

	SuppressFrom int    // the city's stage from which the rule is silent; 0 = never
	Incident     string // kind of incident that a high alert opens or joins; "" = none

	Levels []Level // ascending by severity

	Line int    // where it stands in its file
	Text string // YAML of the rule alone, for the page

	filter, value cql2.Expr
}

// File is one file of rules.
type File struct {
	Title  declare.Words
	Owner  string
	Causes map[string]declare.Words // names of causes
	Rules  []*Rule
}

// LevelOf returns the level of a severity, nil when the rule has none.
func (r *Rule) LevelOf(s Severity) *Level {
	for i := range r.Levels {
		if r.Levels[i].Severity == s {
			return &r.Levels[i]
		}
	}
	return nil
}

// RouteOf is the route of a severity.
func (r *Rule) RouteOf(s Severity) []Step {
	if l := r.LevelOf(s); l != nil {
		return l.Route
	}
	return nil
}

// Limits are the thresholds that the rule itself says; a level that the rule has
// not stays out by LevelOf.
func (r *Rule) Limits() (l [4]float64) {
	for i := range r.Levels {
		l[r.Levels[i].Severity] = r.Levels[i].At
	}
	return l
}
