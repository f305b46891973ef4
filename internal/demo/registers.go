package demo

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/value"
)

// slug makes a code of a Vietnamese name.
func slug(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(value.Fold(bare(name))), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
}

// registers puts the city's stations, hospitals, car parks, schools and
// businesses where they are missing. Names of roads and wards are real, the
// rest is made up.
func (c *city) registers(ctx context.Context) error {
	fill := []struct {
		dataset string
		rows    func(emit func(*sheet) error, s *sheet) error
	}{
		{"water-station", c.waterStations},
		{"rain-station", c.rainStations},
		{"air-station", c.airStations},
		{"traffic-counter", c.counters},
		{"car-park", c.carParks},
		{"hospital", c.hospitals},
		{"school", c.schools},
		{"business", c.businesses},
	}
	for _, f := range fill {
		if err := c.bulk(ctx, f.dataset, commit.AnyVersion, f.rows); err != nil {
			return fmt.Errorf("demo: %s: %w", f.dataset, err)
		}
	}
	return nil
}

func (c *city) waterStations(emit func(*sheet) error, s *sheet) error {
	for _, g := range gauges {
		s.clear().text("code", g.code).text("name", g.name).text("river", g.river).point("location", g.lon, g.lat).
			num("alarm1", g.alarms[0], 2).num("alarm2", g.alarms[1], 2).num("alarm3", g.alarms[2], 2).text("basis", "estimated")
		if err := emit(s); err != nil {
			return err
		}
	}
	return nil
}

func (c *city) rainStations(emit func(*sheet) error, s *sheet) error {
	for i, w := range c.wards {
		if i%2 == 1 && w.km2 < 60 {
			continue
		}
		lon, lat := c.near(w, "rain", int64(i))
		s.clear().text("code", "mua-"+slug(w.name)).text("name", "Trạm mưa "+bare(w.name)).point("location", lon, lat).
			num("elevation", math.Max(2, (16.5-lat)*900*c.noise("height", int64(i))), 0)
		if err := emit(s); err != nil {
			return err
		}
	}
	s.clear().text("code", "mua-bach-ma").text("name", "Trạm mưa Bạch Mã").point("location", 107.857, 16.196).num("elevation", 1440, 0)
	return emit(s)
}

func (c *city) airStations(emit func(*sheet) error, s *sheet) error {
	kinds := []string{"traffic", "background", "industrial"}
	for i := range 9 {
		w := c.pick(c.wards, "air", int64(i))
		lon, lat := c.near(w, "air", int64(i))
		s.clear().text("code", fmt.Sprintf("kk-%02d", i+1)).text("name", fmt.Sprintf("Không khí %s %d", bare(w.name), i+1)).
			point("location", lon, lat).text("type", kinds[i%3])
		if err := emit(s); err != nil {
			return err
		}
	}
	return nil
}

func (c *city) counters(emit func(*sheet) error, s *sheet) error {
	for i, road := range roads {
		w := c.pick(c.wards, "counter", int64(i))
		lon, lat := c.near(w, "counter", int64(i))
		s.clear().text("code", fmt.Sprintf("dem-%02d", i+1)).text("road", road).text("direction", []string{"Bắc – Nam", "Đông – Tây"}[i%2]).
			int("lanes", 2+2*math.Floor(2*c.noise("lanes", int64(i)))).point("location", lon, lat)
		if err := emit(s); err != nil {
			return err
		}
	}
	return nil
}

func (c *city) carParks(emit func(*sheet) error, s *sheet) error {
	for i := range 14 {
		road := roads[int(c.noise("park", int64(i))*float64(len(roads)))]
		w := c.pick(c.wards, "park", int64(i))
		lon, lat := c.near(w, "park", int64(i))
		s.clear().text("code", fmt.Sprintf("bai-%02d", i+1)).text("name", fmt.Sprintf("Bãi đỗ %s %d", road, i+1)).
			int("capacity", 40+math.Floor(20*c.noise("cap", int64(i)))*10).point("location", lon, lat)
		if err := emit(s); err != nil {
			return err
		}
	}
	return nil
}

func (c *city) hospitals(emit func(*sheet) error, s *sheet) error {
	levels := []string{"specialised", "basic", "primary"}
	for i := range 12 {
		w := c.pick(c.wards, "hospital", int64(i))
		lon, lat := c.near(w, "hospital", int64(i))
		level := levels[min(2, i/3)]
		beds := []float64{1400, 420, 120}[min(2, i/3)] * (0.7 + 0.6*c.noise("beds", int64(i)))
		s.clear().text("code", fmt.Sprintf("bv-%02d", i+1)).text("name", fmt.Sprintf("Bệnh viện số %d %s", i+1, bare(w.name))).
			text("level", level).int("beds", math.Round(beds/10)*10).flag("emergency", i < 8).point("location", lon, lat)
		if err := emit(s); err != nil {
			return err
		}
	}
	return nil
}

func (c *city) schools(emit func(*sheet) error, s *sheet) error {
	levels := []string{"preschool", "primary", "lower-secondary", "upper-secondary"}
	titles := []string{"Mầm non", "Tiểu học", "THCS", "THPT"}
	n := int64(0)
	for _, w := range c.wards {
		for k := range int(3 + w.people/4500) {
			n++
			l := k % 4
			lon, lat := c.near(w, "school", n)
			pupils := []float64{260, 620, 700, 950}[l] * (0.5 + c.noise("pupils", n))
			s.clear().text("code", fmt.Sprintf("th-%s-%02d", w.code, k+1)).
				text("name", fmt.Sprintf("Trường %s %s %d", titles[l], bare(w.name), k/4+1)).text("level", levels[l]).
				flag("public", c.noise("public", n) < 0.88).int("pupils", pupils).int("teachers", pupils/17)
			if c.noise("unlocated", n) > 0.03 {
				s.point("location", lon, lat)
			}
			if err := emit(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *city) businesses(emit func(*sheet) error, s *sheet) error {
	forms := []string{"household", "household", "household", "llc", "llc", "jsc", "sole", "cooperative"}
	industries := []string{"G47", "I56", "H49", "F41", "C10", "S96", "I55", "M70"}
	words := []string{"An Hưng", "Hương Giang", "Phú Thịnh", "Ngự Bình", "Sông Hương", "Kim Long", "Thiên Mụ", "Vĩ Dạ", "Đông Ba", "Bảo An"}
	for i := range int64(3200) {
		w := c.pick(c.wards, "business", i)
		pick := func(name string, of []string) string { return of[int(c.noise(name, i)*float64(len(of)))] }
		status := "active"
		switch x := c.noise("status", i); {
		case x > 0.96:
			status = "suspended"
		case x > 0.9:
			status = "closed"
		}
		s.clear().text("taxCode", fmt.Sprintf("33%08d", i*3+int64(c.noise("tax", i)*3))).
			text("name", fmt.Sprintf("Cơ sở %s %d", pick("word", words), i+1)).text("form", pick("form", forms)).
			text("industry", pick("industry", industries)).
			day("registeredOn", c.start.Add(-time.Duration(c.noise("reg", i)*12*365*24)*time.Hour)).
			text("status", status).text("address", fmt.Sprintf("%d %s", 1+i%380, pick("road", roads))).
			text("representative", c.person("owner", i)).text("phone", fmt.Sprintf("0900%06d", i))
		if c.noise("noward", i) > 0.02 {
			s.text("ward", w.code)
		}
		if err := emit(s); err != nil {
			return err
		}
	}
	return nil
}

// person is a made-up name.
func (m model) person(name string, n int64) string {
	family := []string{"Nguyễn", "Trần", "Lê", "Hoàng", "Phan", "Tôn Thất", "Hồ", "Võ", "Đặng", "Bùi"}
	middle := []string{"Thị", "Văn", "Ngọc", "Minh", "Quang", "Thanh"}
	given := []string{"An", "Bình", "Châu", "Dung", "Hạnh", "Khoa", "Linh", "Mai", "Nam", "Phúc", "Sơn", "Thảo", "Vy"}
	pick := func(of []string, k int64) string { return of[int(m.noise("person:"+name, n, k)*float64(len(of)))] }
	return pick(family, 1) + " " + pick(middle, 2) + " " + pick(given, 3)
}

// bare is a unit's name without its kind.
func bare(name string) string {
	for _, kind := range []string{"Phường ", "Xã "} {
		if len(name) > len(kind) && name[:len(kind)] == kind {
			return name[len(kind):]
		}
	}
	return name
}
