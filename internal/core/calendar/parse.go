package calendar

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/declare"
)

// Parse reads a calendar of working days in YAML by the limits of declare:
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
func Parse(file string, b []byte) (*Calendar, error) {
	t := &reader{declare.ReadYAML(file, b)}
	if t.Root == nil {
		return nil, t.Err("declaration-invalid")
	}
	c := t.calendar(t.Root)
	if err := t.Err("declaration-invalid"); err != nil {
		return nil, err
	}
	return New(c), nil
}

// reader is a file that declares a calendar.
type reader struct{ *declare.Document }

var calendarName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// longestHoliday bounds the days of one entry, against a slip in a year.
const longestHoliday = 31

func (t *reader) calendar(n *declare.Node) Declared {
	o := t.Map(n, "")
	o.Need("name", "zone", "from", "until", "rules")
	c := Declared{Name: o.Matching("name", calendarName, "declaration-code-word"), Zone: time.UTC, Worked: map[Day]Day{}}
	o.Words("title")
	if z := o.Text("zone"); z != "" {
		zone, err := time.LoadLocation(z)
		if err != nil || z == "Local" {
			t.Fault(n.Get("zone"), "zone", "mapping-zone", "found", declare.Excerpt(z))
		} else {
			c.Zone = zone
		}
	}
	var ok bool
	if c.From, ok = t.day(o, "from"); !ok {
		c.From = Day{Year: 1, Month: 1, Day: 1}
	}
	if c.Until, ok = t.day(o, "until"); !ok {
		c.Until = Day{Year: 9999, Month: 12, Day: 31}
	} else if c.Until.Compare(c.From) < 0 {
		t.Fault(n.Get("until"), "until", "calendar-order", "before", c.From.String())
	}
	o.List("rules", func(it *declare.Node, path string) {
		r := t.Map(it, path)
		r.Need("from", "week")
		rule := Rule{Week: t.week(r)}
		from, ok := t.day(r, "from")
		r.Done()
		switch {
		case !ok:
			return
		case len(c.Rules) == 0 && from != c.From:
			t.Fault(it.Get("from"), r.Join("from"), "calendar-first-rule", "from", c.From.String())
		case len(c.Rules) > 0 && from.Compare(c.Rules[len(c.Rules)-1].From) <= 0:
			t.Fault(it.Get("from"), r.Join("from"), "calendar-order", "before", c.Rules[len(c.Rules)-1].From.Add(1).String())
		}
		rule.From = from
		c.Rules = append(c.Rules, rule)
	})
	if rules := n.Get("rules"); rules.Holds(declare.ListNode) && len(rules.Items) == 0 {
		t.Fault(rules, "rules", "declaration-blank")
	}
	told := map[Day]bool{}
	take := func(n *declare.Node, path string, d Day) {
		switch {
		case d.Compare(c.From) < 0 || d.Compare(c.Until) > 0:
			t.Fault(n, path, "calendar-outside", "day", d.String(), "from", c.From.String(), "until", c.Until.String())
		case told[d]:
			t.Fault(n, path, "declaration-twice", "name", d.String())
		}
		told[d] = true
	}
	o.List("holidays", func(it *declare.Node, path string) {
		h := t.Map(it, path)
		h.Need("date", "name", "basis")
		first, ok := t.day(h, "date")
		last, more := t.day(h, "until")
		h.Words("name")
		basis(h)
		if !ok {
			return
		}
		if !more {
			last = first
		} else if last.Compare(first) < 0 || last.Compare(first.Add(longestHoliday-1)) > 0 {
			t.Fault(it.Get("until"), h.Join("until"), "calendar-span", "from", first.String(), "limit", longestHoliday)
			last = first
		}
		for d := first; d.Compare(last) <= 0; d = d.Add(1) {
			take(it.Get("date"), h.Join("date"), d)
			c.Off = append(c.Off, d)
		}
	})
	o.List("worked", func(it *declare.Node, path string) {
		w := t.Map(it, path)
		w.Need("date", "for", "basis")
		day, ok := t.day(w, "date")
		instead, and := t.day(w, "for")
		basis(w)
		if ok && and {
			take(it.Get("date"), w.Join("date"), day)
			if !slices.Contains(c.Off, instead) {
				t.Fault(it.Get("for"), w.Join("for"), "calendar-not-off", "day", instead.String())
			}
			c.Worked[day] = instead
		}
	})
	o.Done()
	return c
}

// basis reads what an entry says of where it comes from.
func basis(o *declare.Map) {
	o.Word("basis", "law", "announced", "assumed")
	o.Text("source")
	o.Done()
}

var weekdays = [7]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

var hoursForm = regexp.MustCompile(`^([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$`)

// week reads hours by weekday; a day that is not named is off.
func (t *reader) week(o *declare.Map) (week [7][]Hours) {
	v := o.Take("week")
	if v == nil {
		return week
	}
	w := t.Map(v, o.Join("week"))
	for i, name := range weekdays {
		end := 0
		w.List(name, func(it *declare.Node, path string) {
			s := t.AsText(it, path)
			m := hoursForm.FindStringSubmatch(s)
			if m == nil {
				if it.Shape == declare.TextNode {
					t.Fault(it, path, "calendar-hours", "found", declare.Excerpt(s))
				}
				return
			}
			h := Hours{From: minutes(m[1], m[2]), Until: minutes(m[3], m[4])}
			if h.From < end || h.Until <= h.From || h.Until > 24*60 {
				t.Fault(it, path, "calendar-hours", "found", s)
				return
			}
			end = h.Until
			week[i] = append(week[i], h)
		})
	}
	w.Done()
	return week
}

func minutes(hour, minute string) int {
	h, _ := strconv.Atoi(hour) // both are two digits
	m, _ := strconv.Atoi(minute)
	return 60*h + m
}

// day reads a date of ISO 8601; ok is false where none stands.
func (t *reader) day(o *declare.Map, key string) (d Day, ok bool) {
	v := o.Take(key)
	if v == nil {
		return d, false
	}
	at, err := time.Parse(time.DateOnly, strings.TrimSpace(v.Text))
	if err != nil || !v.Scalar() {
		t.Fault(v, o.Join(key), "calendar-date", "found", v.Found())
		return d, false
	}
	return Of(at, time.UTC), true
}
