package hotspot

import (
	"slices"
	"time"
)

// Cycle is how reports fall on the parts of a day, a week or a year.
type Cycle struct {
	Counts []int // of all events by part: hour 0 to 23, Monday to Sunday, January to December
	// Index is the mean over whole rounds of a part's share of its round, times
	// the number of parts: 1 is as much as any other. Each round counts alike, so
	// that one stormy day does not make an hour busy.
	Index  []float64
	Rounds int // whole days, weeks or years with at least one event
	// P is the chance of so much order among the parts were there none, by
	// Friedman's test of ranks within rounds; 1 when there are fewer than two
	// rounds, where nothing can be said.
	P float64
	// Concordance is Kendall's W: 0 no order, 1 every round in the same order.
	Concordance float64
}

// Seasons is what Cycles found.
type Seasons struct{ Hour, Weekday, Month Cycle }

// Cycles looks at the hours of days, the days of weeks and the months of years,
// by the clock of the place. The first and the last day, week and year count
// when they are whole: from and until are when observation began and ended.
func Cycles(events []Event, from, until time.Time, place *time.Location) Seasons {
	var s Seasons
	date := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, place) }
	s.Hour = cycle(events, from, until, place, 24, func(t time.Time) (time.Time, time.Time, int) {
		d := date(t)
		return d, d.AddDate(0, 0, 1), t.Hour()
	})
	s.Weekday = cycle(events, from, until, place, 7, func(t time.Time) (time.Time, time.Time, int) {
		day := (int(t.Weekday()) + 6) % 7
		monday := date(t).AddDate(0, 0, -day)
		return monday, monday.AddDate(0, 0, 7), day
	})
	s.Month = cycle(events, from, until, place, 12, func(t time.Time) (time.Time, time.Time, int) {
		january := time.Date(t.Year(), 1, 1, 0, 0, 0, 0, place)
		return january, january.AddDate(1, 0, 0), int(t.Month()) - 1
	})
	return s
}

// cycle counts by part and by round; round returns a round's begin and end, and
// the part that a time falls in.
func cycle(events []Event, from, until time.Time, place *time.Location, parts int, round func(time.Time) (begin, end time.Time, part int)) Cycle {
	c := Cycle{Counts: make([]int, parts)}
	rounds := map[int64][]int{}
	for _, e := range events {
		if e.At.Before(from) || !e.At.Before(until) {
			continue
		}
		begin, end, part := round(e.At.In(place))
		c.Counts[part]++
		if begin.Before(from) || end.After(until) {
			continue
		}
		if rounds[begin.Unix()] == nil {
			rounds[begin.Unix()] = make([]int, parts)
		}
		rounds[begin.Unix()][part]++
	}
	begins := make([]int64, 0, len(rounds))
	for b := range rounds {
		begins = append(begins, b)
	}
	slices.Sort(begins) // sums of fractions must not depend on the order of a map
	blocks := make([][]int, 0, len(rounds))
	for _, b := range begins {
		blocks = append(blocks, rounds[b])
	}
	return Judge(c.Counts, blocks)
}

// Judge is the cycle of events that were counted before: all of them by part, and
// those of each whole round that has any, the oldest first.
func Judge(counts []int, rounds [][]int) Cycle {
	parts := len(counts)
	c := Cycle{Counts: counts, Index: make([]float64, parts), Rounds: len(rounds), P: 1}
	for _, counts := range rounds {
		total := 0
		for _, n := range counts {
			total += n
		}
		for part, n := range counts {
			c.Index[part] += float64(n) / float64(total) * float64(parts) / float64(len(rounds))
		}
	}
	if len(rounds) >= 2 {
		c.P, c.Concordance = friedman(rounds, parts)
	}
	return c
}

// friedman tests whether columns differ, by their ranks within each block, with
// mean ranks for ties (Conover 1999, section 5.8).
func friedman(blocks [][]int, parts int) (p, concordance float64) {
	sums := make([]float64, parts)
	squares := 0.0
	order := make([]int, parts)
	for _, b := range blocks {
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int { return b[i] - b[j] })
		for i := 0; i < parts; {
			j := i
			for j < parts && b[order[j]] == b[order[i]] {
				j++
			}
			rank := float64(i+j+1) / 2
			for _, part := range order[i:j] {
				sums[part] += rank
				squares += rank * rank
			}
			i = j
		}
	}
	n, k := float64(len(blocks)), float64(parts)
	spread := squares - n*k*(k+1)*(k+1)/4
	if spread <= 0 {
		return 1, 0
	}
	between := 0.0
	for _, s := range sums {
		d := s - n*(k+1)/2
		between += d * d
	}
	q := (k - 1) * between / spread
	return chiTail(q, parts-1), q / (n * (k - 1))
}
