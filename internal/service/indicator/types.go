package indicator

import (
	"time"

	"huong.city/huong/internal/core/indicator"
)

// Ask names one figure.
type Ask struct {
	Name string
	Area string // code, current or former; "" or the city's own for the whole city
	// By and Category ask for one category only: a field of Definition.By and its
	// value as text ("" = the records without one).
	By, Category string
	Grain        string    // "" for the indicator's main one
	At           time.Time // zero for now; else the figure as it is known today of that moment
}

// Figure is a number that may be unknown.
type Figure struct {
	Value float64
	Known bool
}

// Quality of a figure.
type Quality string

// Qualities.
const (
	Live      Quality = "live"      // data comes as its dataset promises
	Estimated Quality = "estimated" // the bucket is not over, or data of it may still come
	Late      Quality = "late"      // the newest data is older than promised
	Missing   Quality = "missing"   // there is no data for the bucket
	Building  Quality = "building"  // the figures are still being computed
)

// Reading is a figure with all that is needed to judge it.
type Reading struct {
	Definition *indicator.Definition
	Area       string // "" for the whole city
	Grain      indicator.Grain
	Start, End time.Time // of the bucket; zero for a total
	Complete   bool      // the bucket is over
	Partial    bool      // made of the records that the reader may count, perhaps not of all
	Figure

	Severity string   // worst threshold passed: high, medium, low; "" for none
	Target   *float64 // where it holds for this grain and area
	Reached  bool     // at least as good as the target

	Yesterday, LastWeek, LastYear Figure // the buckets to compare with
	// Upto is set where the bucket is not over and its figure grows with time, as
	// counts and sums do: SoFar is then the figure up to Upto, the end of the last
	// smaller bucket that is over, and the figures to compare with reach as far into
	// theirs. It is zero where whole buckets are compared.
	Upto  time.Time
	SoFar Figure

	Newest   time.Time // latest moment of a record that counts; zero when unknown
	Quality  Quality
	Progress float64 // of computing, 0 to 1; 1 when done
}

// ToCompare is the figure that stands against Yesterday, LastWeek and LastYear: of
// as much of its bucket as theirs.
func (r *Reading) ToCompare() Figure {
	if r.Upto.IsZero() {
		return r.Figure
	}
	return r.SoFar
}

// SeriesAsk asks for the figures of consecutive buckets.
type SeriesAsk struct {
	Ask
	From, Until time.Time // Until is exclusive; zero: as many as Last up to the bucket of At
	Last        int       // with From zero; 30 when 0
	Compare     string    // "", "yesterday", "week", "year"
}

// MaxPoints bounds one series.
const MaxPoints = 20_000

// Point is one bucket of a series.
type Point struct {
	Start, End time.Time
	Figure
	Complete bool
}

// Series is the figures of consecutive buckets, oldest first, every bucket of the
// stretch among them.
type Series struct {
	Definition *indicator.Definition
	Area       string
	Grain      indicator.Grain
	Partial    bool // as Reading.Partial
	Points     []Point
	Compare    []Point // of the same length where asked for, each the bucket that Points' is compared with
}

// Category is one value of a field that an indicator is told by.
type Category struct {
	Value  string // "" = the records without one
	Label  indicator.Words
	Figure Figure
}

// Stack is a series by category.
type Stack struct {
	Series
	Categories []CategorySeries // by the order of the declaration
}

// CategorySeries is the figures of one category for the points of a Series.
type CategorySeries struct {
	Value   string
	Label   indicator.Words
	Figures []Figure
}

// AreaFigure is the figure of one ward.
type AreaFigure struct {
	Area         string // code
	Name, NameEn string
	Figure
	Severity string
}

// Records says which records are behind a figure: a dataset and a condition in
// CQL2 text, with the area and the stretch of time apart, as the records' page
// takes them.
type Records struct {
	Dataset     string
	Filter      string // "" for all
	Area        string // "" for all
	From, Until time.Time
}

// State tells how far the computing of an indicator is.
type State struct {
	Name     string
	Served   bool    // figures are told, perhaps by the definition before
	Building bool    // a new definition is being computed
	Done     int64   // records read
	Total    int64   // records to read
	Progress float64 // 0 to 1
	Fault    string  // code of why it cannot be computed; "" for none
}
