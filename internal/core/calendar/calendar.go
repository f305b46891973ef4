// Package calendar counts working days of Vietnamese state bodies: Monday to
// Friday, without public holidays (Labour Code 45/2019/QH14, Articles 111 and
// 112) and with the days that a holiday is worked for instead (Resolution of
// the Government and notice of the Ministry of Home Affairs, each year anew).
// The table is data by date; a year that it does not hold is an error rather
// than a guess.
package calendar

import (
	"time"

	"huong.city/huong/internal/core/problem"
)

// Day is a date without a zone.
type Day struct {
	Year  int
	Month time.Month
	Day   int
}

// String writes the date as ISO 8601 does.
func (d Day) String() string {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// Of is the date of a moment in a zone.
func Of(t time.Time, zone *time.Location) Day {
	y, m, d := t.In(zone).Date()
	return Day{y, m, d}
}

func (d Day) next() Day {
	t := time.Date(d.Year, d.Month, d.Day+1, 0, 0, 0, 0, time.UTC)
	return Day{t.Year(), t.Month(), t.Day()}
}

// End is the first moment after the day in a zone: what is due on the day is
// late from then on.
func (d Day) End(zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day+1, 0, 0, 0, 0, zone)
}

// Add is the day so many calendar days later.
func (d Day) Add(days int) Day {
	t := time.Date(d.Year, d.Month, d.Day+days, 0, 0, 0, 0, time.UTC)
	return Day{t.Year(), t.Month(), t.Day()}
}

// kind is what the table says of a date that the week alone would tell wrong.
type kind uint8

const (
	off    kind = iota + 1 // a public holiday, a day off for one that fell on a weekend, or one swapped
	worked                 // a Saturday that is worked for a day that was swapped
)

// table lists the dates of a year. Firm tells that the year's swaps were
// announced; of a year that is not firm yet the statutory holidays alone count.
type table struct {
	firm bool
	days map[Day]kind
}

// Working tells whether state bodies work on a day. Invalid for a year that the
// calendar does not hold.
func Working(d Day) (bool, error) {
	t, ok := years(d.Year)
	if !ok {
		return false, problem.New(problem.Invalid, "right-calendar", "year", d.Year)
	}
	switch t.days[d] {
	case off:
		return false, nil
	case worked:
		return true, nil
	}
	w := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Weekday()
	return w != time.Saturday && w != time.Sunday, nil
}

// Firm tells whether a year's table is that which was announced.
func Firm(year int) bool {
	t, ok := years(year)
	return ok && t.firm
}

// WorkingDaysAfter is the day on which so many working days after d have passed;
// d itself does not count (Civil Code 91/2015/QH13, Article 147).
func WorkingDaysAfter(d Day, n int) (Day, error) {
	for n > 0 {
		d = d.next()
		works, err := Working(d)
		if err != nil {
			return d, err
		}
		if works {
			n--
		}
	}
	return d, nil
}

// DueAfter is the day on which a term of so many calendar days ends: where the
// last one is a day off, the next working day (Civil Code 91/2015/QH13, Article
// 148, Clause 5).
func DueAfter(d Day, days int) (Day, error) {
	d = d.Add(days)
	for {
		works, err := Working(d)
		if works || err != nil {
			return d, err
		}
		d = d.next()
	}
}
