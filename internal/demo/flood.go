package demo

import (
	"math"
	"time"
)

// The flood of 25–30 October 2025, after what was published of it: 1,426 mm
// within 39 hours at Bạch Mã, 700 mm at Khe Tre, 104.6 mm within an hour at Nam
// Đông; the Hương at Kim Long 2.56 m, 0.56 m above alarm level 2, when the Bồ
// stood at 3.79 m at Phú Ốc, 0.71 m below level 3, and rising; on 1 November 8
// of 40 wards were still flooded, with about 6,000 houses. Which hour each was
// measured, which wards the eight were and all between is made up.
var floodStart = time.Date(2025, 10, 25, 0, 0, 0, 0, time.FixedZone("ICT", 7*3600))

// FloodStart is when the scenario begins.
func FloodStart() time.Time { return floodStart }

// hour is a time in hours since the flood's start.
func hour(t time.Time) float64 { return t.Sub(floodStart).Hours() }

// course interpolates a value over hours since the flood's start, 0 outside.
func course(h float64, hours, values []float64) float64 {
	if h <= hours[0] || h >= hours[len(hours)-1] {
		return 0
	}
	for i := 1; i < len(hours); i++ {
		if h <= hours[i] {
			f := (h - hours[i-1]) / (hours[i] - hours[i-1])
			f = f * f * (3 - 2*f)
			return values[i-1]*(1-f) + values[i]*f
		}
	}
	return 0
}

// floodRain is mm per hour of the plain.
func floodRain(t time.Time) float64 {
	return course(hour(t),
		[]float64{0, 12, 30, 44, 54, 62, 72, 90, 104, 114, 130, 150},
		[]float64{0, 3, 7, 14, 21, 12, 4, 2, 10, 7, 2, 0})
}

// floodRise is how many metres the flood lifts the Hương at Kim Long.
func floodRise(t time.Time) float64 {
	return course(hour(t),
		[]float64{6, 24, 40, 53, 62, 71, 84, 96, 110, 122, 140, 170, 220, 300},
		[]float64{0, 0.3, 1.1, 1.95, 3.4, 4.4, 3.6, 2.9, 3.4, 3.8, 3.0, 1.7, 0.6, 0})
}

// floodRiseBo is the same for the Bồ at Phú Ốc: it comes earlier, and what runs
// over its banks does not lift it more.
func floodRiseBo(t time.Time) float64 {
	return course(hour(t),
		[]float64{6, 24, 40, 53, 62, 71, 84, 96, 110, 122, 140, 170, 220, 300},
		[]float64{0, 0.6, 1.8, 2.75, 3.6, 4.0, 3.5, 2.9, 3.2, 3.5, 2.9, 1.7, 0.6, 0})
}

// marks are levels that were published, and the hour that they are given here:
// 5 in the morning of the 27th.
var marks = map[string]struct{ hour, level float64 }{"kim-long": {53, 2.56}, "phu-oc": {53, 3.79}}

// storm is what fell at a station from 19 h on the 25th to 10 h on the 27th: 39
// hours.
type storm struct {
	total float64 // mm
	burst float64 // mm within the hour that ends at 3 h on the 27th; 0 = as it rains
}

const stormFrom, stormUntil, burstFrom = 19.0, 58.0, 50.0

var storms = map[string]storm{"mua-bach-ma": {total: 1426}, "mua-khe-tre": {total: 700}, "mua-nam-dong": {total: 820, burst: 104.6}}

// stormShare is the share of the storm that had fallen by an hour.
func stormShare(h float64) float64 {
	fallen := func(until float64) (sum float64) {
		const step = 0.5
		rate := func(h float64) float64 {
			return course(h, []float64{0, stormFrom, 30, 44, 54, stormUntil, 70}, []float64{0, 0.4, 0.8, 1.2, 1.5, 0.6, 0})
		}
		for x := stormFrom; x < until; x += step {
			w := math.Min(step, until-x)
			sum += w * (rate(x) + rate(x+w)) / 2
		}
		return sum
	}
	return fallen(math.Min(math.Max(h, stormFrom), stormUntil)) / fallen(stormUntil)
}

func tenth(mm float64) float64 { return math.Round(mm*10) / 10 }

// fallen is how much of the storm a gauge has shown by an hour, in tenths of a
// millimetre as gauges tell it: the readings between two hours add up exactly.
func (s storm) fallen(h float64) float64 {
	if s.burst == 0 {
		return tenth(s.total * stormShare(h))
	}
	usual := (s.total - s.burst) / (1 - stormShare(burstFrom+1) + stormShare(burstFrom))
	switch {
	case h <= burstFrom:
		return tenth(usual * stormShare(h))
	case h <= burstFrom+1:
		return tenth(tenth(usual*stormShare(burstFrom)) + s.burst*(h-burstFrom))
	}
	return tenth(tenth(usual*stormShare(burstFrom)) + s.burst + usual*(stormShare(h)-stormShare(burstFrom+1)))
}

// stormRain is what a gauge of the storm shows for an interval that ends at t;
// false outside of the storm or at another station.
func stormRain(station string, t time.Time, interval time.Duration) (float64, bool) {
	s, ok := storms[station]
	h := hour(t)
	from := h - interval.Hours()
	if !ok || from < stormFrom || h > stormUntil {
		return 0, false
	}
	return s.fallen(h) - s.fallen(from), true
}

// dark tells that an instrument has no power or no link: every sixth of the
// rain gauges and a quarter of the traffic counters during the flood, and the
// gauge of the Truồi river. Those of the storm go on.
func (m model) dark(dataset, code string, t time.Time) bool {
	h := hour(t)
	if h < 40 || h > 190 {
		return false
	}
	x := m.noise("dark:" + dataset + ":" + code)
	var share, from, lasts float64
	switch dataset {
	case "rain-reading":
		if _, known := storms[code]; known {
			return false
		}
		share, from, lasts = 1.0/6, 48, 26
	case "traffic-count":
		share, from, lasts = 0.25, 62, 60
	case "water-level":
		if code != "truoi" {
			return false
		}
		share, from, lasts = 1, 66, 20
	default:
		return false
	}
	from += 8 * m.noise("since:"+dataset+":"+code)
	return x < share && h > from && h < from+lasts*(0.6+0.6*m.noise("until:"+dataset+":"+code))
}

// riverLevel is metres at a gauge: tide, the last days' rain, and the flood.
// reach scales how strongly the gauge answers.
func (m model) riverLevel(gauge string, base, reach, tide float64, t time.Time) float64 {
	level := func(t time.Time) float64 {
		hours := float64(t.Unix()) / 3600
		sea := tide * (math.Sin(2*math.Pi*hours/12.42) + 0.6*math.Sin(2*math.Pi*hours/25.82))
		rain := 0.0
		for back := 1; back <= 48; back += 6 {
			rain += m.rainRate("basin", 1, t.Add(-time.Duration(back)*time.Hour)) * math.Exp(-float64(back)/20)
		}
		rise := floodRise(t)
		if gauge == "phu-oc" {
			rise = floodRiseBo(t)
		}
		return base + sea + 0.25*wetness(t.In(m.zone)) + reach*(0.012*math.Min(rain, 60)+rise) + 0.015*m.smooth("gauge:"+gauge, t, 40*time.Minute)
	}
	now := level(t)
	if k, ok := marks[gauge]; ok {
		at := floodStart.Add(time.Duration(k.hour * float64(time.Hour)))
		away := t.Sub(at).Hours() / 5
		if math.Abs(away) < 4 {
			now += (k.level - level(at)) * math.Exp(-away*away)
		}
	}
	return math.Round(now*100) / 100
}

// flooded tells, from 0 to 1, how much the flood hinders daily life.
func flooded(t time.Time) float64 { return math.Min(1, floodRise(t)/3.5) }

// lowest are the eight wards from which the water goes last.
var lowest = []string{"19867", "19885", "20014", "19909", "19918", "19942", "19873", "19930"}

// Wards tell their flooded houses from floodTold until the water is gone.
const floodTold, floodGone = 36, 260

// floodHouses is how many houses stand in water in a ward, and how deep at the
// worst place, in m. In the mountains streets are washed, not flooded.
func (c *city) floodHouses(w ward, t time.Time) (houses, depth float64) {
	low, people := false, 0.0
	for _, code := range lowest {
		low = low || code == w.code
		for _, o := range c.wards {
			if o.code == code {
				people += o.people
			}
		}
	}
	left := floodRise(floodStart.Add(175 * time.Hour)) // 7 h on 1 November
	dry := 2.1 + 1.6*c.noise("dry:"+w.code)
	if low {
		dry = 0.45 * left
	}
	if above := floodRise(t) - dry; above > 0 && (low || w.km2 < 100) {
		depth = 0.2 + 0.45*above
		if low {
			houses = 6000 * w.people / people * above / (left - dry)
		} else {
			houses = w.people / 60 * above
		}
	}
	return math.Round(math.Min(houses, w.people/4.2)), depth
}

// floodReport is what a ward tells every three hours.
func (c *city) floodReport(s *sheet, at site, t time.Time) {
	for _, w := range c.wards {
		if w.code != at.code {
			continue
		}
		houses, depth := c.floodHouses(w, t)
		s.text("area", w.code).at("observedAt", t).int("houses", houses).num("depth", depth, 1).
			int("evacuated", houses*(0.5+0.4*c.noise("moved:"+w.code))).int("roads", math.Min(40, math.Ceil(6*depth*boolean(houses > 0))))
	}
}
