package demo

import (
	"math"
	"testing"
	"time"
)

func hueWards() []ward {
	list := []ward{{code: "19774", people: 48999, km2: 90}, {code: "20161", people: 12882, km2: 256}}
	for _, code := range lowest {
		list = append(list, ward{code: code, people: 35_000, km2: 50})
	}
	return list
}

// What was published of the flood is what the instruments show, however often
// they report.
func TestTheFloodIsAsPublished(t *testing.T) {
	for _, seed := range []uint64{1, 7} {
		m := model{seed: seed, zone: time.FixedZone("ICT", 7*3600)}
		fell := func(station string, from, until float64, every time.Duration) (mm float64) {
			for at := floodStart.Add(time.Duration(from*60) * time.Minute).Add(every); !at.After(floodStart.Add(time.Duration(until*60) * time.Minute)); at = at.Add(every) {
				x, ok := stormRain(station, at, every)
				if !ok || x < 0 || math.Abs(x-tenth(x)) > 1e-6 {
					t.Fatalf("%s at %v: %v %v", station, at, x, ok)
				}
				mm += x
			}
			return tenth(mm)
		}
		for _, every := range []time.Duration{10 * time.Minute, time.Hour} {
			if got := fell("mua-bach-ma", stormFrom, stormUntil, every); got != 1426 {
				t.Errorf("Bạch Mã: %v mm in 39 hours", got)
			}
			if got := fell("mua-khe-tre", stormFrom, stormUntil, every); got != 700 {
				t.Errorf("Khe Tre: %v mm", got)
			}
			most := 0.0
			for h := stormFrom; h < stormUntil; h++ {
				most = max(most, fell("mua-nam-dong", h, h+1, every))
			}
			if most != 104.6 {
				t.Errorf("Nam Đông: %v mm in the worst hour", most)
			}
		}
		at := floodStart.Add(53 * time.Hour)
		if kl, po := m.riverLevel("kim-long", 0.35, 1, 0.12, at), m.riverLevel("phu-oc", 0.6, 0.98, 0.12, at); kl != 2.56 || po != 3.79 {
			t.Errorf("Kim Long %v, Phú Ốc %v", kl, po)
		}
		peak := map[string]float64{}
		for x := at.Add(-30 * time.Hour); x.Before(at.Add(60 * time.Hour)); x = x.Add(10 * time.Minute) {
			kl, po := m.riverLevel("kim-long", 0.35, 1, 0.12, x), m.riverLevel("phu-oc", 0.6, 0.98, 0.12, x)
			peak["kim-long"], peak["phu-oc"] = max(peak["kim-long"], kl), max(peak["phu-oc"], po)
		}
		if peak["kim-long"] < 3.5 || peak["phu-oc"] < 4.5 || peak["phu-oc"] > 6 {
			t.Errorf("level 3 was passed at both: %v", peak)
		}
		c := &city{model: m, wards: hueWards()}
		wards, houses := 0, 0.0
		for _, w := range c.wards {
			n, _ := c.floodHouses(w, floodStart.Add(175*time.Hour))
			if n > 0 {
				wards++
			}
			houses += n
		}
		if wards != 8 || math.Abs(houses-6000) > 10 {
			t.Errorf("on 1 November: %d wards, %v houses", wards, houses)
		}
	}
}

// Rivers do not jump: what makes them pass the published levels is no step.
func TestRiversRiseSteadily(t *testing.T) {
	m := model{seed: 1, zone: time.FixedZone("ICT", 7*3600)}
	for _, g := range []string{"kim-long", "phu-oc"} {
		last := m.riverLevel(g, 0.5, 1, 0.12, floodStart)
		for x := floodStart; x.Before(floodStart.Add(12 * 24 * time.Hour)); x = x.Add(10 * time.Minute) {
			now := m.riverLevel(g, 0.5, 1, 0.12, x)
			if math.Abs(now-last) > 0.25 {
				t.Fatalf("%s moves from %v to %v at %v", g, last, now, x)
			}
			last = now
		}
	}
}
