package indicator_test

import (
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
)

// A day under way is held against the same hours of days before, not against
// whole ones; what does not grow with the hours is compared whole.
func TestADayUnderWayIsComparedHourForHour(t *testing.T) {
	r := onSQLite(t, t.TempDir(), clock)
	defer r.Close(t.Context())
	declare(t, r, stations, readings)
	send(t, r, areaRows(t, r)...)
	zone := r.Zone()
	now := r.Now().In(zone)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, zone)
	hour := now.Truncate(time.Hour)
	if hour.Equal(midnight) || hour.Equal(now) {
		t.Fatalf("the test's clock stands at %v; it needs an hour under way", now)
	}
	id := int64(0)
	put := func(at time.Time, n int64) {
		id++
		send(t, r, change(t, r, "reading", commit.Put, map[string]value.Value{
			"id": value.OfInt(id), "ward": value.OfText("w1"), "at": value.OfInstant(at), "n": value.OfInt(n)}))
	}
	put(hour.Add(-time.Minute), 5)                     // of an hour that is over
	put(hour.Add(now.Sub(hour)/2), 7)                  // of the hour under way
	put(midnight.AddDate(0, 0, -1), 3)                 // yesterday's first hour
	put(hour.AddDate(0, 0, -1).Add(-time.Minute), 4)   // yesterday, before this hour
	put(hour.AddDate(0, 0, -1).Add(time.Minute), 100)  // yesterday, later
	put(hour.AddDate(0, 0, -7).Add(-time.Hour), 9)     // last week, before this hour
	put(hour.AddDate(0, 0, -7).Add(2*time.Hour), 1000) // last week, later
	define(t, r, "test", fileHead+`  - {name: total, title: {vi: Tổng, en: Sum}, dataset: reading, measure: sum, of: n, grains: [day, hour], good: none, show: running}
  - {name: most, title: {vi: Nhất, en: Most}, dataset: reading, measure: max, of: n, grains: [day, hour], good: none, show: running}
  - {name: share, title: {vi: Tỷ lệ, en: Share}, good: none, dataset: reading, ratio: {times: 1, of: {measure: sum, of: n}, to: {measure: count}}, grains: [day, hour], show: running}
`)
	s := indicator.New(r)
	r.Follow(s)
	settle(t, r, s)
	for _, c := range []struct {
		name                            string
		upto                            time.Time
		value, soFar, yesterday, before float64
	}{
		{"total", hour, 12, 5, 7, 9},
		{"most", time.Time{}, 7, 0, 100, 1000},
		{"share", hour, 6, 5, 3.5, 9},
	} {
		v, err := s.Value(t.Context(), repo.Internal(), indicator.Ask{Name: c.name})
		if err != nil {
			t.Fatal(err)
		}
		if v.Complete || v.Value != c.value || !v.Upto.Equal(c.upto) || v.SoFar.Value != c.soFar || v.Yesterday.Value != c.yesterday || v.LastWeek.Value != c.before || v.LastYear.Known {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
	// A day that is over is compared whole.
	v, err := s.Value(t.Context(), repo.Internal(), indicator.Ask{Name: "total", At: midnight.Add(-time.Hour)})
	if err != nil || !v.Complete || !v.Upto.IsZero() || v.Value != 107 {
		t.Errorf("yesterday: %+v, %v", v, err)
	}
}
