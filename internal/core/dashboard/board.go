// Package dashboard holds the declaration of boards: what stands on a page of the
// operations center, in sections of twelve columns. One declaration serves the
// city, each of its areas and every agency by parameters, in both languages. The
// package reads YAML with located faults; it knows no figures and no pages.
package dashboard

import "huong.city/huong/internal/core/declare"

// Words is text by language ("vi", "en").
type Words = declare.Words

// Board is one declared board.
type Board struct {
	Title, Description Words
	Owner              string   // agency that keeps it
	Parameters         []string // what the reader may choose: area, agency, period
	Period             string   // of Periods: what is shown unless the reader chooses
	Fill               bool     // fits one screen of a desk without scrolling
	AreaBoard          string   // board that opens for one area
	Rotation           []string // boards that a wall shows in turn after this one
	Seconds            int      // how long a wall shows each; 30 when 0
	Sections           []Section
}

// Section is a part of a board: a card of widgets, or cards side by side.
type Section struct {
	Title   Words
	Link    string // board of the next level
	Width   int    // columns of twelve
	Columns int    // widgets or cards beside each other; 1 when 0
	Widgets []Widget
	Cards   []Section // have widgets and no cards
}

// Widget is one figure, chart or list.
type Widget struct {
	Kind       string // of Kinds
	Title      Words  // that of its indicator when empty
	Indicators []string
	Compare    []string // of Comparisons
	By         string   // field, or "area"
	Order      string   // worst, best, high, low
	Limit      int
	Columns    int  // of a ranking
	Days       int  // of a heat strip or a series; that of the period when 0
	Notes      bool // changes of stage and incidents stand in the series
	Marks      bool // open alerts stand on the map
	Dataset    string
	Fields     []string
	Filter     string // CQL2
	Text       Words
	Severity   []string // of alerts
	Line       int      // where it stands in the file
}

// parameters are what a reader may choose.
var parameters = [...]string{"area", "agency", "period"}

// Periods lists the periods that a board can show.
func Periods() []string { return []string{"day", "week", "month", "year"} }

// Kinds lists the kinds of widgets.
func Kinds() []string {
	return []string{"number", "series", "ranking", "bars", "heat", "table", "map", "status", "text", "alerts", "incidents", "alive", "stage"}
}

// Comparisons lists what a figure can be compared with.
func Comparisons() []string { return []string{"yesterday", "week", "year", "plan"} }

// Takes tells whether the reader may choose a parameter.
func (b *Board) Takes(parameter string) bool {
	for _, p := range b.Parameters {
		if p == parameter {
			return true
		}
	}
	return false
}

// Each calls fn with every widget in the order of the file.
func (b *Board) Each(fn func(*Widget)) {
	for i := range b.Sections {
		s := &b.Sections[i]
		for k := range s.Widgets {
			fn(&s.Widgets[k])
		}
		for c := range s.Cards {
			for k := range s.Cards[c].Widgets {
				fn(&s.Cards[c].Widgets[k])
			}
		}
	}
}
