package indicator

import (
	"time"

	"huong.city/huong/internal/core/value"
)

// Grain is how long a bucket of time is. Finer grains are smaller.
type Grain uint8

// Grains.
const (
	Hour Grain = iota
	Day
	Week
	Month
	Total // one bucket for all
)

var grainNames = [...]string{"hour", "day", "week", "month", "total"}

func (g Grain) String() string { return grainNames[g] }

// GrainOf reads the name of a grain.
func GrainOf(name string) (Grain, bool) {
	for i, n := range grainNames {
		if n == name {
			return Grain(i), true
		}
	}
	return 0, false
}

// Bucket is one stretch of time of a grain: hours since 1970-01-01T00 of the
// city's clock for Hour, days since 1970-01-01 to its first day for Day, Week and
// Month, 0 for Total.
type Bucket int64

const (
	hourMicros = 3600 * 1_000_000
	dayHours   = 24
)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Of is the bucket of a moment, given as a Time or a Date; offset is the city's
// clock in seconds east of UTC. ok is false for other values, and for a Date with
// a grain below a day.
func (g Grain) Of(v value.Value, offset int64) (b Bucket, ok bool) {
	switch v.Kind() {
	case value.Time:
		return g.At(v.Micros(), offset), true
	case value.Date:
		if g == Hour {
			return 0, false
		}
		return g.day(v.Days()), true
	}
	return 0, g == Total
}

// At is the bucket of an instant in µs since 1970 UTC.
func (g Grain) At(micros, offset int64) Bucket {
	hour := floorDiv(micros+offset*1_000_000, hourMicros)
	if g == Hour {
		return Bucket(hour)
	}
	return g.day(floorDiv(hour, dayHours))
}

// Widen is the bucket of a coarser grain that a bucket of g lies in.
func (g Grain) Widen(b Bucket, to Grain) Bucket {
	switch {
	case g == to:
		return b
	case to == Total:
		return 0
	case g == Hour:
		return to.day(floorDiv(int64(b), dayHours))
	}
	return to.day(int64(b))
}

func (g Grain) day(day int64) Bucket {
	switch g {
	case Hour:
		return Bucket(day * dayHours)
	case Week: // 1970-01-01 was a Thursday
		return Bucket(floorDiv(day+3, 7)*7 - 3)
	case Month:
		t := time.Unix(day*86400, 0).UTC()
		return Bucket(day - int64(t.Day()) + 1)
	case Total:
		return 0
	}
	return Bucket(day)
}

// Next is the bucket n buckets later (earlier for negative n).
func (g Grain) Next(b Bucket, n int) Bucket {
	switch g {
	case Hour, Day:
		return b + Bucket(n)
	case Week:
		return b + Bucket(7*n)
	case Month:
		t := time.Unix(int64(b)*86400, 0).UTC()
		return Bucket(floorDiv(time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC).Unix(), 86400))
	}
	return b
}

// Start is the first instant of a bucket, End the first after it; both are zero
// for Total.
func (g Grain) Start(b Bucket, offset int64) time.Time {
	switch g {
	case Hour:
		return time.Unix(int64(b)*3600-offset, 0).UTC()
	case Total:
		return time.Time{}
	}
	return time.Unix(int64(b)*86400-offset, 0).UTC()
}

// End is the first instant after a bucket.
func (g Grain) End(b Bucket, offset int64) time.Time { return g.Start(g.Next(b, 1), offset) }

// Earlier is a bucket to compare with.
type Earlier uint8

// What a bucket is compared with. Where a bucket is longer than the distance, it
// is the bucket before.
const (
	Yesterday Earlier = iota
	LastWeek
	LastYear
)

// Before is the bucket that b is compared with: the same hour or day of yesterday
// or of the week before, the same date a year ago (28 February for 29 February),
// 52 weeks ago for a week.
func (g Grain) Before(b Bucket, e Earlier) Bucket {
	switch {
	case g == Total:
		return b
	case g == Hour && e != LastYear:
		return b - [...]Bucket{Yesterday: 24, LastWeek: 7 * 24}[e]
	case g == Day && e == LastWeek:
		return b - 7
	case e != LastYear:
		return g.Next(b, -1)
	case g == Week:
		return b - 52*7
	}
	day, hour := int64(b), int64(0)
	if g == Hour {
		day = floorDiv(int64(b), dayHours)
		hour = int64(b) - day*dayHours
	}
	t := time.Unix(day*86400, 0).UTC()
	d := t.Day()
	if t.Month() == time.February && d == 29 {
		d = 28
	}
	day = floorDiv(time.Date(t.Year()-1, t.Month(), d, 0, 0, 0, 0, time.UTC).Unix(), 86400)
	if g == Hour {
		return Bucket(day*dayHours + hour)
	}
	return Bucket(day)
}
