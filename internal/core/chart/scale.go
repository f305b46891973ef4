package chart

import (
	"math"
	"time"
)

// Ticks gives about n round values that enclose low to high: steps of 1, 2, 2.5
// or 5 times a power of ten. low and high must be finite.
func Ticks(low, high float64, n int) []float64 {
	if low > high {
		low, high = high, low
	}
	if low == high {
		d := math.Max(1, math.Abs(low)/2)
		low, high = low-d, high+d
		if low < 0 && high-d >= 0 { // what cannot be negative is not shown so
			low = 0
		}
	}
	step := niceStep((high - low) / float64(max(1, n)))
	first, last := math.Floor(low/step), math.Ceil(high/step)
	var list []float64
	for i := first; i <= last; i++ {
		list = append(list, clean(i*step, step))
	}
	return list
}

func niceStep(raw float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range [...]float64{1, 2, 2.5, 5} {
		if raw <= m*p*1.0000001 {
			return m * p
		}
	}
	return 10 * p
}

// clean takes away the dust of floating point: 0.30000000000000004 is 0.3.
func clean(f, step float64) float64 {
	d := math.Pow(10, math.Ceil(-math.Log10(step))+3)
	if math.IsInf(d, 0) || d == 0 {
		return f
	}
	return math.Round(f*d) / d
}

// RoundUp is the next 1, 2 or 5 times a power of ten, at least 5: the top of a
// scale whose classes people can read.
func RoundUp(f float64) float64 {
	if f <= 5 {
		return 5
	}
	p := math.Pow(10, math.Floor(math.Log10(f)))
	for _, m := range [...]float64{1, 2, 5, 10} {
		if f <= m*p {
			return m * p
		}
	}
	return f
}

// Class is the step, 1 to 5, of a figure on a scale from bottom to top.
func Class(f, bottom, top float64) int {
	if top <= bottom {
		return 1
	}
	return max(1, min(5, 1+int((f-bottom)/(top-bottom)*5)))
}

const day = 24 * time.Hour

// timeSteps are the distances between labels on an axis of time; months stand
// for their usual length.
var timeSteps = [...]time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	day, 2 * day, 7 * day, 14 * day, 30 * day, 91 * day, 182 * day, 365 * day, 5 * 365 * day,
}

// timeTicks gives at most n labels of time within from and until, at round hours
// and days of the frame's zone.
func (f Frame) timeTicks(from, until time.Time, n int) []time.Time {
	span := until.Sub(from)
	if span <= 0 {
		return nil
	}
	step := timeSteps[len(timeSteps)-1]
	for _, s := range timeSteps {
		if span/s <= time.Duration(n) {
			step = s
			break
		}
	}
	var list []time.Time
	t := f.in(from)
	switch {
	case step >= 30*day:
		months := int((step + 15*day) / (30 * day))
		for t = time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, t.Location()); !t.After(until); t = t.AddDate(0, 1, 0) {
			if (int(t.Month())-1)%min(12, months) == 0 && !t.Before(from) && (months <= 12 || t.Year()%(months/12) == 0) {
				list = append(list, t)
			}
		}
	case step >= day:
		for t = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location()); !t.After(until); t = t.AddDate(0, 0, int(step/day)) {
			if !t.Before(from) {
				list = append(list, t)
			}
		}
	default:
		for t = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location()); !t.After(until); t = t.Add(step) {
			if !t.Before(from) {
				list = append(list, t)
			}
		}
	}
	return list
}
