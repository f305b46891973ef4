package calendar

import (
	"slices"
	"time"

	"huong.city/huong/internal/core/problem"
)

// Hours is a stretch of a working day by the clock, in minutes since midnight;
// Until, at most 1440, is the first minute that is no longer worked.
type Hours struct{ From, Until int }

// Rule tells the hours of each weekday (time.Sunday is 0) from a day on, until
// the next rule. A weekday without hours is off.
type Rule struct {
	From Day
	Week [7][]Hours
}

// Declared is a calendar as data. Its parser (Parse) sees to it
// that rules are in order and begin with From, that hours are in order and apart,
// and that no date is told twice.
type Declared struct {
	Name        string
	Zone        *time.Location
	From, Until Day // the first and last day that it holds
	Rules       []Rule
	Off         []Day       // days that are not worked, whatever the week says
	Worked      map[Day]Day // days that are worked instead of another, by that other's weekday
}

// Calendar counts working days and working time by what was declared. What lies
// outside of its days is Invalid, code right-calendar, rather than a guess. It is
// safe for concurrent use.
type Calendar struct {
	declared Declared
	off      map[Day]bool
}

// New makes a calendar.
func New(d Declared) *Calendar {
	c := &Calendar{declared: d, off: make(map[Day]bool, len(d.Off))}
	for _, day := range d.Off {
		c.off[day] = true
	}
	return c
}

// Name and Zone are as declared.
func (c *Calendar) Name() string         { return c.declared.Name }
func (c *Calendar) Zone() *time.Location { return c.declared.Zone }

// Compare orders days.
func (d Day) Compare(o Day) int {
	return d.at(time.UTC, 0).Compare(o.at(time.UTC, 0))
}

// at is a minute of the day by the clock of a zone.
func (d Day) at(zone *time.Location, minute int) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, minute, 0, 0, zone)
}

// Hours gives the hours of a day, in order; none when it is off.
func (c *Calendar) Hours(d Day) ([]Hours, error) {
	if d.Compare(c.declared.From) < 0 || d.Compare(c.declared.Until) > 0 {
		return nil, problem.New(problem.Invalid, "right-calendar", "year", d.Year)
	}
	if c.off[d] {
		return nil, nil
	}
	weekday := d
	if instead, ok := c.declared.Worked[d]; ok {
		weekday = instead
	}
	rules := c.declared.Rules
	i, found := slices.BinarySearchFunc(rules, d, func(r Rule, d Day) int { return r.From.Compare(d) })
	if !found {
		i--
	}
	return rules[i].Week[weekday.at(time.UTC, 0).Weekday()], nil
}

// Working tells whether a day has working hours.
func (c *Calendar) Working(d Day) (bool, error) {
	hours, err := c.Hours(d)
	return len(hours) > 0, err
}

// AddWorkingDays is the n-th working day after d; d itself does not count, and
// is the answer when n is not above 0.
func (c *Calendar) AddWorkingDays(d Day, n int) (Day, error) {
	for n > 0 {
		d = d.next()
		works, err := c.Working(d)
		if err != nil {
			return d, err
		}
		if works {
			n--
		}
	}
	return d, nil
}

// AddWorkingHours is the first moment at which so much working time has passed
// since t: the end of a stretch rather than the beginning of the next. It is t
// itself when there is nothing to pass.
func (c *Calendar) AddWorkingHours(t time.Time, work time.Duration) (time.Time, error) {
	if work <= 0 {
		return t, nil
	}
	for d := Of(t, c.declared.Zone); ; d = d.next() {
		hours, err := c.Hours(d)
		if err != nil {
			return t, err
		}
		for _, h := range hours {
			from, until := c.stretch(d, h)
			if from.Before(t) {
				from = t
			}
			if has := until.Sub(from); has >= work {
				return from.Add(work), nil
			} else if has > 0 {
				work -= has
			}
		}
	}
}

// WorkingTimeBetween is the working time from a on until b, negative when b is
// the earlier one. Every day from the one to the other must be in the calendar.
func (c *Calendar) WorkingTimeBetween(a, b time.Time) (time.Duration, error) {
	if b.Before(a) {
		d, err := c.WorkingTimeBetween(b, a)
		return -d, err
	}
	var sum time.Duration
	last := Of(b, c.declared.Zone)
	for d := Of(a, c.declared.Zone); d.Compare(last) <= 0; d = d.next() {
		hours, err := c.Hours(d)
		if err != nil {
			return 0, err
		}
		for _, h := range hours {
			from, until := c.stretch(d, h)
			if from.Before(a) {
				from = a
			}
			if until.After(b) {
				until = b
			}
			sum += max(0, until.Sub(from))
		}
	}
	return sum, nil
}

// stretch gives the moments of hours on a day. On the day when clocks change,
// what lies across the change is shorter or longer than the clock tells.
func (c *Calendar) stretch(d Day, h Hours) (from, until time.Time) {
	return d.at(c.declared.Zone, h.From), d.at(c.declared.Zone, h.Until)
}
