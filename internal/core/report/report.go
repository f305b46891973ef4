// Package report holds the declaration of periodic reports: for whom and how
// often, who answers for them, what stands in them, and in which official form
// they are issued. It reads YAML with located faults; it knows no figures and no
// paper.
package report

import (
	"time"

	"huong.city/huong/internal/core/declare"
)

// Words is text by language ("vi", "en").
type Words = declare.Words

// Report is one declared report. It is immutable.
type Report struct {
	Title   Words  // kind of document and what it is about, as it stands below the number
	Owner   string // agency that issues it; "{area}" in it is the ward's code
	Wards   bool   // there is one for each ward; else one for the city
	Period  Period
	At      time.Duration // of the day on which the period is over, or one day later
	Hours   int           // of an OnCall report: how far back it looks
	Officer string        // account that answers for it; "" = the owner's first officer
	Form    Form
	Parts   []Section
}

// Period is how often there is a report.
type Period string

// Periods. Days, weeks from Monday and months are of the city's zone.
const (
	Day    Period = "day"
	Week   Period = "week"
	Month  Period = "month"
	OnCall Period = "call" // made when somebody asks for it: a situation
)

// Form is what the official form asks for (Decree 30/2020/ND-CP, Annex I, part II).
type Form struct {
	Parent     Words  // agency above, over the issuing one; nil = none
	Agency     Words  // the issuing agency as it signs; nil = its name
	Symbol     string // after the number: BC-VP
	Place      Words  // where it is issued; nil = the area
	Authority  Words  // by whose authority it is signed: "TM. ỦY BAN NHÂN DÂN"; nil = one's own
	Signer     Words  // the signer's position
	Recipients []Words
}

// Section is a numbered part of a report.
type Section struct {
	Title  Words
	Blocks []Block
}

// Kinds of blocks.
const (
	Text    = "text"    // words with holes
	Figures = "figures" // indicators with the period before
	Table   = "table"   // indicators by ward
	Series  = "series"  // at most four indicators over the period
	Ranking = "ranking" // one indicator by ward, as bars
	Events  = "events"  // alerts, incidents, decisions or stages of the period
	Ask     = "ask"     // what the officer writes, because no dataset holds it
)

// Block is one thing that stands in a section.
type Block struct {
	Kind       string
	Title      Words
	Text       Words
	Indicators []string
	Grain      string // of a series
	Of         string // of Events: one of EventKinds
	Severity   []string
	Limit      int
	Name       string // of Ask
	Prefill    string // indicator that an Ask begins with
	Required   bool
	Line       int
}

// EventKinds lists what an events block can list.
func EventKinds() []string { return []string{"alerts", "incidents", "decisions", "stages"} }

// Span is a stretch of time that a report is of.
type Span struct{ From, Until time.Time }

// Last is the newest span that is over and whose report is due at a moment.
func (r *Report) Last(now time.Time, zone *time.Location) Span {
	t := now.In(zone).Add(-r.At)
	y, m, d := t.Date()
	end := time.Date(y, m, d, 0, 0, 0, 0, zone)
	switch r.Period {
	case Week:
		end = end.AddDate(0, 0, -(int(end.Weekday())+6)%7)
		return Span{end.AddDate(0, 0, -7), end}
	case Month:
		end = time.Date(y, m, 1, 0, 0, 0, 0, zone)
		return Span{end.AddDate(0, -1, 0), end}
	case OnCall:
		end = now.In(zone).Truncate(time.Minute)
		return Span{end.Add(-time.Duration(r.Hours) * time.Hour), end}
	}
	return Span{end.AddDate(0, 0, -1), end}
}

// Current is the span that is under way: what a report would be of, were it
// computed now.
func (r *Report) Current(now time.Time, zone *time.Location) Span {
	if r.Period == OnCall {
		return r.Last(now, zone)
	}
	due := *r
	due.At = 0
	last := due.Last(now, zone)
	return due.After(last)
}

// Before is the span before one.
func (r *Report) Before(s Span) Span {
	switch r.Period {
	case Month:
		return Span{s.From.AddDate(0, -1, 0), s.From}
	case OnCall:
		return Span{s.From.Add(-s.Until.Sub(s.From)), s.From}
	case Week:
		return Span{s.From.AddDate(0, 0, -7), s.From}
	}
	return Span{s.From.AddDate(0, 0, -1), s.From}
}

// After is the span after one.
func (r *Report) After(s Span) Span {
	switch r.Period {
	case Month:
		return Span{s.Until, s.Until.AddDate(0, 1, 0)}
	case OnCall:
		return Span{s.Until, s.Until.Add(s.Until.Sub(s.From))}
	case Week:
		return Span{s.Until, s.Until.AddDate(0, 0, 7)}
	}
	return Span{s.Until, s.Until.AddDate(0, 0, 1)}
}

// Asks lists what the officer is asked for, in the order of the file.
func (r *Report) Asks() (list []Block) {
	r.Each(func(b *Block) {
		if b.Kind == Ask {
			list = append(list, *b)
		}
	})
	return list
}

// Each calls fn with every block in the order of the file.
func (r *Report) Each(fn func(*Block)) {
	for i := range r.Parts {
		for k := range r.Parts[i].Blocks {
			fn(&r.Parts[i].Blocks[k])
		}
	}
}

// Indicators lists those that the report names, each once, in order.
func (r *Report) Indicators() []string {
	var list []string
	seen := map[string]bool{}
	add := func(name string) {
		if name != "" && !seen[name] {
			seen[name] = true
			list = append(list, name)
		}
	}
	r.Each(func(b *Block) {
		for _, n := range b.Indicators {
			add(n)
		}
		add(b.Prefill)
		for _, lang := range [...]string{"vi", "en"} {
			for _, h := range Holes(b.Text[lang]) {
				if h.What == "figure" || h.What == "change" {
					add(h.Name)
				}
			}
		}
	})
	return list
}
