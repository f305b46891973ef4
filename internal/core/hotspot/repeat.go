package hotspot

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Repeat says what counts as the same place again.
type Repeat struct {
	Metres     float64       // around the point with the most events
	Gap        time.Duration // reports less than this apart tell of one occurrence
	Least      int           // occurrences
	CrowdLeast int           // default points are no places, see Options
	CrowdShare float64
}

// RepeatDefaults: within 30 m, at least three times, two weeks apart.
func RepeatDefaults() Repeat {
	return Repeat{Metres: 30, Gap: 14 * 24 * time.Hour, Least: 3, CrowdLeast: Defaults().CrowdLeast, CrowdShare: Defaults().CrowdShare}
}

// Place is a place that came back.
type Place struct {
	Longitude, Latitude float64
	Events              int
	Occurrences         int
	First, Last         time.Time
	Between             time.Duration // the median from the end of one occurrence to the next
}

// Places finds where the same thing was reported again after it had been quiet
// for the gap: the most occurrences first. Events of one kind should be given.
// The point with the most events takes all within reach, then the next that is
// left, so that a long street is not chained into one place.
func Places(events []Event, r Repeat) []Place {
	kept, _, _ := sift(events, r.CrowdLeast, r.CrowdShare)
	type point struct {
		x, y  int32
		times []int64
		taken bool
	}
	var points []*point
	for i, e := range kept { // sift sorted them by place, then time
		if i == 0 || kept[i-1].x != e.x || kept[i-1].y != e.y {
			points = append(points, &point{x: e.x, y: e.y})
		}
		p := points[len(points)-1]
		p.times = append(p.times, e.when)
	}
	rows := slices.Clone(points) // by latitude
	slices.SortStableFunc(points, func(a, b *point) int { return cmp.Compare(len(b.times), len(a.times)) })
	reach := int64(r.Metres/degree/unit) + 1
	var places []Place
	for _, p := range points {
		if p.taken {
			continue
		}
		shrink := math.Cos(float64(p.y) * unit * math.Pi / 180)
		var times []int64
		from, _ := slices.BinarySearchFunc(rows, int64(p.y)-reach, func(q *point, y int64) int { return cmp.Compare(int64(q.y), y) })
		for _, q := range rows[from:] {
			if int64(q.y) > int64(p.y)+reach {
				break
			}
			dx, dy := (float64(q.x)-float64(p.x))*shrink, float64(q.y)-float64(p.y)
			if !q.taken && math.Hypot(dx, dy)*unit*degree <= r.Metres {
				q.taken = true
				times = append(times, q.times...)
			}
		}
		slices.Sort(times)
		place := Place{Longitude: float64(p.x) * unit, Latitude: float64(p.y) * unit, Events: len(times), Occurrences: 1}
		place.First, place.Last = time.UnixMicro(times[0]).UTC(), time.UnixMicro(times[len(times)-1]).UTC()
		var gaps []int64
		for i := 1; i < len(times); i++ {
			if gap := times[i] - times[i-1]; gap >= r.Gap.Microseconds() {
				place.Occurrences++
				gaps = append(gaps, gap)
			}
		}
		if place.Occurrences < r.Least {
			continue
		}
		if len(gaps) > 0 {
			slices.Sort(gaps)
			place.Between = time.Duration((gaps[(len(gaps)-1)/2]+gaps[len(gaps)/2])/2) * time.Microsecond
		}
		places = append(places, place)
	}
	slices.SortStableFunc(places, func(a, b Place) int {
		return cmp.Or(cmp.Compare(b.Occurrences, a.Occurrences), cmp.Compare(b.Events, a.Events), cmp.Compare(a.Latitude, b.Latitude), cmp.Compare(a.Longitude, b.Longitude))
	})
	return places
}
