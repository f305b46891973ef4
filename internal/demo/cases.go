package demo

import (
	"fmt"
	"math"
	"time"
)

// Incidents have a life. Everything about the n-th of a day is a function of day
// and n; its state depends on the moment one looks, so that a feed need only tell
// what changed since it looked last.

// inWater chooses a ward by its flooded houses; false when there are none.
func (c *city) inWater(t time.Time, d, n int64) (ward, bool) {
	houses, all := make([]float64, len(c.wards)), 0.0
	for i, w := range c.wards {
		houses[i], _ = c.floodHouses(w, t)
		all += houses[i]
	}
	x := c.noise("in-water", d, n) * all
	for i, w := range c.wards {
		if x -= houses[i]; x <= 0 && houses[i] > 0 {
			return w, true
		}
	}
	return ward{}, false
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

var incidentKinds = []struct {
	category string
	weight   float64
	severity float64
}{
	{"theft", 8, 1}, {"traffic-accident", 6, 2}, {"disorder", 4, 1}, {"assault", 2, 2}, {"fraud", 3, 2}, {"drugs", 2, 3}, {"robbery", 0.6, 3}, {"fire", 0.8, 2}, {"other", 2, 1},
}

func (c *city) incidentsOn(day time.Time) int64 {
	return int64(c.poisson(19*(1-0.4*flooded(day.Add(12*time.Hour))), "incidents", day.Unix()))
}

// incident fills the n-th incident of a day as it stands at now.
func (c *city) incident(s *sheet, day time.Time, n int64, now time.Time) bool {
	d := day.Unix()
	occurred := c.of(day, "incident", n)
	reported := occurred.Add(time.Duration(c.noise("reported", d, n) * c.noise("reported2", d, n) * 20 * float64(time.Hour))).Truncate(time.Second)
	if s.lasts(now, reported); reported.After(now) {
		return false
	}
	total := 0.0
	for _, k := range incidentKinds {
		total += k.weight
	}
	x := c.noise("incident", d, n) * total
	kind := incidentKinds[0]
	for _, k := range incidentKinds {
		if x -= k.weight; x <= 0 {
			kind = k
			break
		}
	}
	w := c.pick(c.wards, "incident", d, n)
	lon, lat := c.near(w, "incident", d*100+n)
	road := roads[int(c.noise("iroad", d, n)*float64(len(roads)))]
	s.clear().text("code", fmt.Sprintf("VV-%s-%03d", day.In(c.zone).Format("20060102"), n)).text("category", kind.category).
		int("severity", math.Min(4, kind.severity+math.Floor(1.3*c.noise("severity", d, n)))).
		at("occurredAt", occurred).at("reportedAt", reported).point("location", lon, lat).
		text("address", fmt.Sprintf("%s, %s", road, w.name)).text("summary", "Vụ việc xảy ra trên đường "+road+".").
		text("reporter", c.person("witness", d+n)).text("reporterPhone", fmt.Sprintf("0901%06d", (d/86400*89+n)%1_000_000)).
		text("unit", "cath")
	pace := 0.5 + 2*c.noise("pace", d, n)
	taken := reported.Add(time.Duration(pace * 4 * float64(time.Hour)))
	done := reported.Add(time.Duration(pace * 20 * 24 * float64(time.Hour)))
	s.lasts(now, reported, taken, done)
	switch {
	case now.After(done):
		if kind.severity >= 2 && c.noise("prosecuted", d, n) < 0.35 {
			s.text("status", "prosecuted")
		} else {
			s.text("status", "closed")
		}
	case now.After(taken):
		s.text("status", "investigating")
	default:
		s.text("status", "received")
	}
	return true
}
