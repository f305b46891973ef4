package calendar_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/calendar"
	"huong.city/huong/internal/core/problem"
)

func readCalendar(t testing.TB, file string) *calendar.Calendar {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := calendar.Parse(file, b)
	if err != nil {
		for _, v := range problem.As(err).Violations {
			t.Error(v.In("en"))
		}
		t.FailNow()
	}
	return c
}

func dayOf(t testing.TB, s string) calendar.Day {
	t.Helper()
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return calendar.Of(at, time.UTC)
}

const hueCalendar = "../../../city/hue/calendars/hue.yaml"

// TestHueCalendar holds the declared calendar against terms that the city
// published: reports of citizens, with the day they were sent and the day on
// which they were due, by the rule of nine working days until 2022 and of seven
// since (Decision 30/2022/QĐ-UBND).
func TestHueCalendar(t *testing.T) {
	c := readCalendar(t, hueCalendar)
	for _, k := range []struct {
		sent string
		days int
		due  string
	}{
		{"2021-05-31", 9, "2021-06-11"}, {"2021-11-07", 9, "2021-11-18"},
		{"2023-01-21", 7, "2023-02-06"}, // sent in the days of Tết
		{"2024-08-09", 7, "2024-08-20"},
	} {
		if got, err := c.AddWorkingDays(dayOf(t, k.sent), k.days); err != nil || got != dayOf(t, k.due) {
			t.Errorf("%d working days after %s: %v %v, want %s", k.days, k.sent, got, err, k.due)
		}
	}
	for _, outside := range []string{"2020-12-31", "2028-01-01"} {
		if _, err := c.Working(dayOf(t, outside)); problem.As(err).Code != "right-calendar" {
			t.Errorf("%s: %v", outside, err)
		}
	}
	// A Saturday that is worked has the hours of the day that is not.
	if h, err := c.Hours(dayOf(t, "2026-08-22")); err != nil || len(h) != 2 || h[0] != (calendar.Hours{From: 450, Until: 690}) {
		t.Errorf("a day that is worked for another: %v %v", h, err)
	}
}

// TestCalendarsAgree compares Huế's file with the statutory table that terms of
// the law are counted by, day by day, over the years that both hold.
func TestCalendarsAgree(t *testing.T) {
	c := readCalendar(t, hueCalendar)
	n := 0
	for d := (calendar.Day{Year: 2025, Month: 1, Day: 1}); d.Year < 2028; d = d.Add(1) {
		here, err := c.Working(d)
		law, bad := calendar.Working(d)
		if err != nil || bad != nil || here != law {
			t.Errorf("%s: %t by the file, %t by the table, %v %v", d, here, law, err, bad)
		}
		n++
	}
	if n != 365*3 {
		t.Errorf("%d days", n)
	}
}

func TestCalendarFaults(t *testing.T) {
	const file = `name: Hue
zone: Asia/Nowhere
from: 2025-01-01
until: 2025-12-31
rules:
  - from: 2025-02-01
    week:
      monday: ["07:30-11:30", "11:00-12:00"]
      tuesday: ["25:00-26:00"]
      someday: ["07:30-11:30"]
  - {from: 2025-01-15, week: {}}
holidays:
  - {date: 2025-13-01, name: A, basis: law}
  - {date: 2025-05-01, until: 2025-04-30, name: B, basis: law}
  - {date: 2026-01-01, name: C, basis: rumour}
  - {date: 2025-05-01, name: D, basis: law}
worked:
  - {date: 2025-06-07, for: 2025-06-06, basis: announced}
  - {date: 2025-06-14, basis: announced}
colour: red
`
	_, err := calendar.Parse("c.yaml", []byte(file))
	var got []string
	for _, v := range problem.As(err).Violations {
		if v.Position.File != "c.yaml" {
			t.Errorf("no place: %+v", v)
		}
		got = append(got, v.Position.String()+" "+v.Code)
		for _, lang := range []string{"vi", "en"} {
			if said := v.In(lang); strings.ContainsAny(said, "{}") || strings.Contains(said, v.Code) {
				t.Errorf("%s says %q", v.Code, said)
			}
		}
	}
	want := strings.Fields(`1 declaration-code-word
2 mapping-zone
6 calendar-first-rule
8 calendar-hours
9 calendar-hours
10 declaration-unknown-key
11 calendar-order
13 calendar-date
14 calendar-span
15 calendar-outside
15 declaration-word
16 declaration-twice
18 calendar-not-off
19 declaration-missing
20 declaration-unknown-key`)
	var lines []string
	for _, v := range problem.As(err).Violations {
		lines = append(lines, strings.Split(strings.TrimPrefix(v.Position.String(), "c.yaml:"), ":")[0], strings.TrimSuffix(v.Code, "-near"))
	}
	if strings.Join(lines, " ") != strings.Join(want, " ") {
		t.Errorf("faults:\n%s", strings.Join(got, "\n"))
	}
	for _, bad := range []string{"", "name: x\n", "rules: []\n", "[]", "from: {}\nrules: 3\n"} {
		if _, err := calendar.Parse("c.yaml", []byte(bad)); problem.KindOf(err) != problem.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// boston has another week, another zone with clocks that change, hours around
// midnight and a second rule.
const boston = `
name: boston
zone: America/New_York
from: 2011-01-01
until: 2012-12-31
rules:
  - from: 2011-01-01
    week:
      monday: ["08:00-17:00"]
      tuesday: ["08:00-17:00"]
      wednesday: ["08:00-17:00"]
      thursday: ["08:00-17:00"]
      friday: ["08:00-17:00"]
  - from: 2011-11-01
    week:
      sunday: ["00:00-24:00"]
      monday: ["00:00-01:15", "09:30-12:00", "12:00-17:45"]
      wednesday: ["09:00-17:00"]
      friday: ["20:00-24:00"]
      saturday: ["00:00-04:00"]
holidays:
  - {date: 2011-07-04, name: {vi: Quốc khánh Hoa Kỳ, en: Independence Day}, basis: law}
  - {date: 2011-11-24, until: 2011-11-25, name: {vi: Lễ Tạ ơn, en: Thanksgiving}, basis: assumed}
worked:
  - {date: 2011-11-22, for: 2011-11-25, basis: assumed}
`

// TestWorkingTimeIsCountedMinutes compares working time with a count of every
// minute by the wall clock, and working days with a walk over every day.
func TestWorkingTimeIsCountedMinutes(t *testing.T) {
	b, err := calendar.Parse("boston.yaml", []byte(boston))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		name     string
		calendar *calendar.Calendar
		from     string
		days     int
	}{
		{"Tết", readCalendar(t, hueCalendar), "2023-01-10", 30}, {"swapped days", readCalendar(t, hueCalendar), "2026-08-15", 25},
		{"clocks go on", b, "2011-03-08", 10}, {"clocks go back and a new rule", b, "2011-10-27", 40},
	} {
		t.Run(k.name, func(t *testing.T) {
			c, zone := k.calendar, k.calendar.Zone()
			start := dayOf(t, k.from)
			origin := time.Date(start.Year, start.Month, start.Day, 0, 0, 0, 0, zone)
			// worked[i] tells whether the minute that begins i minutes after the origin is.
			worked := make([]bool, k.days*24*60)
			total := 0
			for i := range worked {
				at := origin.Add(time.Duration(i) * time.Minute)
				hours, err := c.Hours(calendar.Of(at, zone))
				if err != nil {
					t.Fatal(err)
				}
				clock := at.Hour()*60 + at.Minute()
				for _, h := range hours {
					worked[i] = worked[i] || h.From <= clock && clock < h.Until
				}
				if worked[i] {
					total++
				}
			}
			if total < 1000 {
				t.Fatalf("%d minutes are worked", total)
			}
			rapid.Check(t, func(t *rapid.T) {
				i := rapid.IntRange(0, len(worked)-1).Draw(t, "from")
				j := rapid.IntRange(0, len(worked)-1).Draw(t, "until")
				a, b := origin.Add(time.Duration(i)*time.Minute), origin.Add(time.Duration(j)*time.Minute)
				n := 0
				for m := min(i, j); m < max(i, j); m++ {
					if worked[m] {
						n++
					}
				}
				if j < i {
					n = -n
				}
				if got, err := c.WorkingTimeBetween(a, b); err != nil || got != time.Duration(n)*time.Minute {
					t.Fatalf("from %v until %v: %v %v, counted %d minutes", a, b, got, err, n)
				}
				need, end := rapid.IntRange(0, 3000).Draw(t, "work"), i
				for left := need; left > 0; end++ {
					if end == len(worked) {
						return // beyond what was counted
					}
					if worked[end] {
						left--
					}
				}
				want := origin.Add(time.Duration(end) * time.Minute)
				if got, err := c.AddWorkingHours(a, time.Duration(need)*time.Minute); err != nil || !got.Equal(want) {
					t.Fatalf("%d minutes from %v: %v %v, counted %v", need, a, got, err, want)
				}
				day, left := calendar.Of(a, zone), rapid.IntRange(-1, 5).Draw(t, "days")
				got, err := c.AddWorkingDays(day, left)
				for d := day; left > 0; day = d {
					d = d.Add(1)
					if h, _ := c.Hours(d); len(h) > 0 {
						left--
					}
				}
				if err != nil || got != day {
					t.Fatalf("working days: %v %v, counted %v", got, err, day)
				}
			})
		})
	}
}

func FuzzParse(f *testing.F) {
	hue, err := os.ReadFile(hueCalendar)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(hue)
	f.Add([]byte(boston))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := calendar.Parse("c.yaml", b)
		if err != nil {
			if problem.KindOf(err) != problem.Invalid {
				t.Fatal(err)
			}
			return
		}
		if h, err := c.Hours(calendar.Day{Year: 2025, Month: 1, Day: 27}); err == nil && len(h) > 24*60 {
			t.Fatal("more stretches than minutes")
		}
	})
}
