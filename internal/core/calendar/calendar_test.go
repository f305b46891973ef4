package calendar_test

import (
	"testing"
	"time"

	"huong.city/huong/internal/core/calendar"
	"huong.city/huong/internal/core/problem"
)

func day(t *testing.T, s string) calendar.Day {
	t.Helper()
	at, err := time.Parse("2006-01-02", s)
	if err != nil {
		t.Fatal(err)
	}
	return calendar.Of(at, time.UTC)
}

func TestWorkingDays(t *testing.T) {
	for s, want := range map[string]bool{
		"2025-01-27": false, "2025-01-31": false, "2025-02-03": true, "2025-04-07": false, "2025-04-26": true, "2025-05-02": false, "2025-04-27": false,
		"2026-01-02": false, "2026-01-10": true, "2026-02-13": true, "2026-02-16": false, "2026-02-23": true, "2026-04-27": false,
		"2026-08-22": true, "2026-08-31": false, "2026-09-03": true, "2026-11-23": true, "2026-11-21": false,
		"2027-02-08": false, "2027-02-12": true, "2027-04-16": false, "2027-05-03": false, "2027-09-03": false,
	} {
		if got, err := calendar.Working(day(t, s)); got != want || err != nil {
			t.Errorf("%s: %t %v", s, got, err)
		}
	}
	if _, err := calendar.Working(day(t, "2031-01-01")); problem.KindOf(err) != problem.Invalid {
		t.Errorf("a year beyond the table: %v", err)
	}
	if !calendar.Firm(2026) || calendar.Firm(2027) {
		t.Error("which years are firm")
	}
}

func TestTerms(t *testing.T) {
	for _, c := range []struct {
		from string
		days int
		want string
	}{
		{"2026-11-23", 2, "2026-11-25"}, {"2026-11-20", 2, "2026-11-24"}, {"2026-11-21", 2, "2026-11-24"},
		{"2026-02-13", 2, "2026-02-24"}, {"2026-01-08", 2, "2026-01-10"}, {"2025-12-31", 2, "2026-01-06"}, {"2026-08-28", 1, "2026-09-03"},
	} {
		if got, err := calendar.WorkingDaysAfter(day(t, c.from), c.days); got != day(t, c.want) || err != nil {
			t.Errorf("%d working days after %s: %v %v, want %s", c.days, c.from, got, err, c.want)
		}
	}
	for _, c := range []struct {
		from string
		days int
		want string
	}{
		{"2026-11-23", 10, "2026-12-03"}, {"2026-11-25", 10, "2026-12-07"}, {"2026-02-06", 10, "2026-02-23"}, {"2026-11-23", 20, "2026-12-14"}, {"2026-12-22", 10, "2027-01-04"},
	} {
		if got, err := calendar.DueAfter(day(t, c.from), c.days); got != day(t, c.want) || err != nil {
			t.Errorf("%d days after %s: %v %v, want %s", c.days, c.from, got, err, c.want)
		}
	}
	zone := time.FixedZone("+07", 7*3600)
	if end := day(t, "2026-11-25").End(zone); end != time.Date(2026, 11, 26, 0, 0, 0, 0, zone) {
		t.Errorf("end %v", end)
	}
}
