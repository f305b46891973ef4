// Package demo is a generated city: two years of history and feeds that keep
// moving, with daily and seasonal rhythms, the flood of 25–30 October 2025 and
// dirt on purpose. Every value is a pure function of seed, place and time, so
// that history and feeds fit together and a city can be made again. It knows
// the repository and the datasets of city/hue; nothing here is real but names.
package demo

import (
	"math"
	"time"
)

// model is the weather, the rivers and the habits of the city.
type model struct {
	seed uint64
	zone *time.Location
}

// noise is a repeatable number in [0, 1) for any mix of a name and numbers.
func (m model) noise(name string, parts ...int64) float64 {
	h := m.seed ^ 0x9e3779b97f4a7c15
	mix := func(x uint64) {
		h ^= x
		h *= 0xbf58476d1ce4e5b9
		h ^= h >> 29
	}
	for i := range len(name) {
		mix(uint64(name[i]) + uint64(i)<<8)
	}
	for _, p := range parts {
		mix(uint64(p))
	}
	h ^= h >> 32
	h *= 0x94d049bb133111eb
	h ^= h >> 31
	return float64(h>>11) / (1 << 53)
}

// bell is a repeatable number around 0 with deviation 1.
func (m model) bell(name string, parts ...int64) float64 {
	s := 0.0
	for i := range int64(4) {
		s += m.noise(name, append(parts, i)...)
	}
	return (s - 2) * math.Sqrt(3)
}

// smooth is noise that changes steadily over period.
func (m model) smooth(name string, t time.Time, period time.Duration) float64 {
	step := int64(period / time.Second)
	u := t.Unix()
	i := u / step
	f := float64(u%step) / float64(step)
	f = f * f * (3 - 2*f)
	return m.bell(name, i)*(1-f) + m.bell(name, i+1)*f
}

// wetness is the season's share of the yearly rain peak: Huế's rains come from
// September to December, with October and November the wettest.
func wetness(t time.Time) float64 {
	months := [...]float64{0.13, 0.06, 0.05, 0.06, 0.11, 0.10, 0.09, 0.13, 0.42, 1.00, 0.80, 0.40}
	i := int(t.Month()) - 1
	f := float64(t.Day()-1) / 31
	return months[i]*(1-f) + months[(i+1)%12]*f
}

// rainRate is mm per hour at a place. relief is how much more the mountains get.
func (m model) rainRate(place string, relief float64, t time.Time) float64 {
	front := m.smooth("front", t, 5*24*time.Hour) + 0.5*m.smooth("front2", t, 31*time.Hour)
	shower := m.smooth("shower:"+place, t, 3*time.Hour)
	wet := wetness(t.In(m.zone))
	rate := 0.0
	if x := front + 0.7*shower - 1.35 + 0.9*wet; x > 0 {
		rate = x * x * 7 * (0.35 + wet) * relief
	}
	if f := floodRain(t); f > 0 {
		rate += f * relief * (0.75 + 0.5*m.noise("gust:"+place, t.Unix()/600))
	}
	return tenth(rate)
}

// weekday is the share of a normal working day's bustle.
func weekday(local time.Time) float64 {
	switch local.Weekday() {
	case time.Sunday:
		return 0.62
	case time.Saturday:
		return 0.78
	}
	return 1
}

// rush is the share of peak traffic by hour of day: two peaks, a quiet night.
func rush(local time.Time) float64 {
	h := float64(local.Hour()) + float64(local.Minute())/60
	peak := func(at, width float64) float64 { return math.Exp(-(h - at) * (h - at) / (2 * width * width)) }
	return 0.04 + 0.85*peak(7.2, 1.0) + 0.45*peak(11.3, 1.2) + peak(17.3, 1.3) + 0.4*peak(20, 1.8)
}

// awake is how likely people call, report and visit, by hour of day.
func awake(local time.Time) float64 {
	h := float64(local.Hour()) + float64(local.Minute())/60
	return 0.05 + math.Max(0, math.Sin((h-5.5)/17*math.Pi))
}
