package dataset

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/calendar"
)

// ParseCalendar reads a calendar of working days in YAML by the limits of Parse:
//
//	name: hue
//	zone: Asia/Ho_Chi_Minh
//	from: 2021-01-01
//	until: 2027-12-31
//	rules:
//	  - {from: 2021-01-01, week: {monday: ["07:30-11:30", "13:30-17:30"]}}
//	holidays:
//	  - {date: 2025-01-27, until: 2025-01-31, name: Tết, basis: law, source: …}
//	worked:
//	  - {date: 2025-04-26, for: 2025-05-02, basis: announced, source: …}
//
// basis tells how far a date is to be believed: law (a statute fixes it),
// announced (a decision of that year does), assumed (neither was at hand). The
// error holds every fault of the file with line, column and what was expected.
func ParseCalendar(file string, b []byte) (*calendar.Calendar, error) {
	t := readYAML(file, b)
	if t.root == nil {
		return nil, t.err()
	}
	c := t.calendar(t.root)
	if err := t.err(); err != nil {
		return nil, err
	}
	return calendar.New(c), nil
}

// longestHoliday bounds the days of one entry, against a slip in a year.
const longestHoliday = 31

func (t *tree) calendar(n *node) calendar.Declared {
	o := t.object(n, "")
	o.need("name", "zone", "from", "until", "rules")
	c := calendar.Declared{Name: o.matching("name", codeWord, "declaration-code-word"), Zone: time.UTC, Worked: map[calendar.Day]calendar.Day{}}
	o.words("title")
	if z := o.text("zone"); z != "" {
		zone, err := time.LoadLocation(z)
		if err != nil || z == "Local" {
			t.fault(n.get("zone"), "zone", "mapping-zone", "found", excerpt(z))
		} else {
			c.Zone = zone
		}
	}
	var ok bool
	if c.From, ok = o.day("from"); !ok {
		c.From = calendar.Day{Year: 1, Month: 1, Day: 1}
	}
	if c.Until, ok = o.day("until"); !ok {
		c.Until = calendar.Day{Year: 9999, Month: 12, Day: 31}
	} else if c.Until.Compare(c.From) < 0 {
		t.fault(n.get("until"), "until", "calendar-order", "before", text(c.From))
	}
	o.list("rules", func(it *node, path string) {
		r := t.object(it, path)
		r.need("from", "week")
		rule := calendar.Rule{Week: t.week(r)}
		from, ok := r.day("from")
		r.done()
		switch {
		case !ok:
			return
		case len(c.Rules) == 0 && from != c.From:
			t.fault(it.get("from"), r.join("from"), "calendar-first-rule", "from", text(c.From))
		case len(c.Rules) > 0 && from.Compare(c.Rules[len(c.Rules)-1].From) <= 0:
			t.fault(it.get("from"), r.join("from"), "calendar-order", "before", text(c.Rules[len(c.Rules)-1].From.Add(1)))
		}
		rule.From = from
		c.Rules = append(c.Rules, rule)
	})
	if rules := n.get("rules"); rules.holds(listNode) && len(rules.items) == 0 {
		t.fault(rules, "rules", "declaration-blank")
	}
	told := map[calendar.Day]bool{}
	take := func(n *node, path string, d calendar.Day) {
		switch {
		case d.Compare(c.From) < 0 || d.Compare(c.Until) > 0:
			t.fault(n, path, "calendar-outside", "day", text(d), "from", text(c.From), "until", text(c.Until))
		case told[d]:
			t.fault(n, path, "declaration-twice", "name", text(d))
		}
		told[d] = true
	}
	o.list("holidays", func(it *node, path string) {
		h := t.object(it, path)
		h.need("date", "name", "basis")
		first, ok := h.day("date")
		last, more := h.day("until")
		h.words("name")
		h.basis()
		if !ok {
			return
		}
		if !more {
			last = first
		} else if last.Compare(first) < 0 || last.Compare(first.Add(longestHoliday-1)) > 0 {
			t.fault(it.get("until"), h.join("until"), "calendar-span", "from", text(first), "limit", longestHoliday)
			last = first
		}
		for d := first; d.Compare(last) <= 0; d = d.Add(1) {
			take(it.get("date"), h.join("date"), d)
			c.Off = append(c.Off, d)
		}
	})
	o.list("worked", func(it *node, path string) {
		w := t.object(it, path)
		w.need("date", "for", "basis")
		day, ok := w.day("date")
		instead, and := w.day("for")
		w.basis()
		if ok && and {
			take(it.get("date"), w.join("date"), day)
			if !slices.Contains(c.Off, instead) {
				t.fault(it.get("for"), w.join("for"), "calendar-not-off", "day", text(instead))
			}
			c.Worked[day] = instead
		}
	})
	o.done()
	return c
}

// basis reads what an entry says of where it comes from.
func (o *object) basis() {
	o.word("basis", "law", "announced", "assumed")
	o.text("source")
	o.done()
}

var weekdays = [7]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

var hoursForm = regexp.MustCompile(`^([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$`)

// week reads hours by weekday; a day that is not named is off.
func (t *tree) week(o *object) (week [7][]calendar.Hours) {
	v := o.take("week")
	if v == nil {
		return week
	}
	w := t.object(v, o.join("week"))
	for i, name := range weekdays {
		end := 0
		w.list(name, func(it *node, path string) {
			s := t.asText(it, path)
			m := hoursForm.FindStringSubmatch(s)
			if m == nil {
				if it.shape == textNode {
					t.fault(it, path, "calendar-hours", "found", excerpt(s))
				}
				return
			}
			h := calendar.Hours{From: minutes(m[1], m[2]), Until: minutes(m[3], m[4])}
			if h.From < end || h.Until <= h.From || h.Until > 24*60 {
				t.fault(it, path, "calendar-hours", "found", s)
				return
			}
			end = h.Until
			week[i] = append(week[i], h)
		})
	}
	w.done()
	return week
}

func minutes(hour, minute string) int {
	h, _ := strconv.Atoi(hour) // both are two digits
	m, _ := strconv.Atoi(minute)
	return 60*h + m
}

// day reads a date of ISO 8601; ok is false where none stands.
func (o *object) day(key string) (d calendar.Day, ok bool) {
	v := o.take(key)
	if v == nil {
		return d, false
	}
	at, err := time.Parse(time.DateOnly, strings.TrimSpace(v.text))
	if err != nil || !v.scalar() {
		o.t.fault(v, o.join(key), "calendar-date", "found", v.found())
		return d, false
	}
	return calendar.Of(at, time.UTC), true
}

func text(d calendar.Day) string {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}
