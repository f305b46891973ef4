// Package indicator holds the declaration of indicators: figures that a city
// watches, each a measure of the records of a dataset by time, area and category.
// It reads them from YAML with located faults, checks them against the datasets,
// and holds the arithmetic that all who compute them share. It reads no store.
//
// # What the measures are
//
// Over the records of a cell (one bucket of time, one area, perhaps one category)
// that the filter selects:
//
//	count     how many records
//	sum       of a field: exact, rounded once at the end to the nearest float64
//	mean      the exact sum over the number of known values, rounded once
//	min, max  of a field
//	median    quantile 0.5, and
//	p90       quantile 0.9 of a field, by definition 7 of Hyndman and Fan, "Sample
//	          Quantiles in Statistical Packages", The American Statistician 50
//	          (1996): with the n values in order x(0) … x(n-1) and h = (n-1)·p, it is
//	          x(⌊h⌋) + (h-⌊h⌋)·(x(⌊h⌋+1) - x(⌊h⌋)). Spreadsheets (PERCENTILE.INC) and
//	          databases (percentile_cont) compute the same.
//	distinct  how many different values of a field
//	ratio     one measure over another, times a factor; nothing where the lower is 0
//
// Unknown values of the field do not count. With since, the value of a record is
// the time from one field to the other, exact in microseconds, told in a unit.
// With per, the figure is divided by the population of the area and multiplied by
// per: a rate. A record without a time of its own belongs to no bucket and does
// not count; one without an area counts for the city alone.
//
// # Buckets
//
// Hours and days are of the city's zone, weeks begin on Monday (ISO 8601), months
// on the first; total is one bucket without bounds, for what has no time.
package indicator

import (
	"slices"
	"time"

	"huong.city/huong/internal/core/declare"
)

// Words is text by language ("vi", "en").
type Words = declare.Words

// Definition is one indicator. It is a plain value: it can be kept as JSON.
type Definition struct {
	Name        string // unique among all indicators
	Title       Words
	Description Words `json:",omitempty"`
	Unit        Words `json:",omitempty"`
	Source      Words `json:",omitempty"` // the official text or plan behind target and thresholds
	Sector      string
	Owner       string // code of the agency that answers for it

	Parts  []Part   // one, or two for a ratio: the upper and the lower
	Times  float64  // a ratio is multiplied by it; 1 when not declared
	Per    int      // a rate per so many inhabitants; 0 for none
	Area   bool     // told for wards too; else for the city alone
	By     []string // fields that it is told by: categories, agencies
	Grains []Grain  // the first is the one it is shown by

	Target     *float64
	Thresholds []Threshold // the worst first
	Good       Direction
	PerArea    bool          // target and thresholds hold for a ward as for the city
	Lag        time.Duration // how late data may come and the figure still count as known
	Zero       bool          // a bucket without records is 0, not unknown
	Over       int           // a figure of the main grain sums so many buckets, its own the last; 0 for its own alone
	Running    bool          // the bucket under way is shown, not the last complete one
	Decimals   int
}

// Part is one measure of one dataset.
type Part struct {
	Dataset string
	Filter  string `json:",omitempty"` // CQL2 text
	Measure Measure
	Of      string `json:",omitempty"` // field; none for count
	Plus    string `json:",omitempty"` // field whose values are added to those of Of
	Since   string `json:",omitempty"` // with it, the value is Of − Since
	In      string `json:",omitempty"` // unit of that: minute, hour, day
	Time    string `json:",omitempty"` // field that says when; none for a total
	Past    bool   `json:",omitempty"` // what counts is everything up to now, not one bucket
}

// Measure is what is taken of the records of a cell.
type Measure string

// Measures.
const (
	Count    Measure = "count"
	Sum      Measure = "sum"
	Mean     Measure = "mean"
	Min      Measure = "min"
	Max      Measure = "max"
	Median   Measure = "median"
	P90      Measure = "p90"
	Distinct Measure = "distinct"
)

var measures = [...]Measure{Count, Sum, Mean, Min, Max, Median, P90, Distinct}

// Ordered tells that the measure needs all values of a cell, in order.
func (m Measure) Ordered() bool { return !slices.Contains([]Measure{Count, Sum, Mean}, m) }

// Additive tells that a figure of the city is the sum of those of its parts.
func (m Measure) Additive() bool { return m == Count || m == Sum }

// Direction is which way is good.
type Direction string

// Directions.
const (
	Up   Direction = "up"
	Down Direction = "down"
	None Direction = "none"
)

// Threshold is where a severity begins: at or above it where down is good, at or
// below it where up is good, at or above it where neither is.
type Threshold struct {
	Severity string // high, medium, low
	At       float64
}

// Ratio tells that the figure is one measure over another.
func (d *Definition) Ratio() bool { return len(d.Parts) == 2 }

// Main is the grain that the indicator is shown by, and that target and
// thresholds are meant for.
func (d *Definition) Main() Grain { return d.Grains[0] }

// Finest is the finest grain.
func (d *Definition) Finest() Grain { return slices.Min(d.Grains) }

// Scales tells that the figure grows with the bucket and the area, so that target
// and thresholds hold for one grain only, and for the city only unless PerArea.
func (d *Definition) Scales() bool {
	return !d.Ratio() && d.Per == 0 && (d.Parts[0].Measure.Additive() || d.Parts[0].Measure == Distinct)
}

// Severity is the worst threshold that a figure passes; "" for none.
func (d *Definition) Severity(v float64) string {
	for _, t := range d.Thresholds {
		if d.Good == Up && v <= t.At || d.Good != Up && v >= t.At {
			return t.Severity
		}
	}
	return ""
}

// Reached tells that a figure is as good as the target; true without one.
func (d *Definition) Reached(v float64) bool {
	return d.Target == nil || d.Good == Up && v >= *d.Target || d.Good == Down && v <= *d.Target || d.Good == None
}

// unit is how many µs a unit of a stretch of time has.
var units = map[string]int64{"minute": 60e6, "hour": 3600e6, "day": 86400e6}

// Unit is by how much the sum of a part's values is divided: microseconds of the
// unit that a stretch of time is told in, else 1.
func (p *Part) Unit() int64 {
	if p.Since == "" {
		return 1
	}
	return units[p.In]
}
