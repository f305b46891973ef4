package demo

import (
	"context"
	"fmt"
	"math"
	"time"
)

// feed makes the observations of one series: which sites report, how often, and
// what they see at a moment.
type feed struct {
	dataset string
	every   time.Duration // between reports of a site, live
	history time.Duration // between reports in the generated history
	sites   []site
	observe func(s *sheet, at site, t time.Time)
}

func (c *city) feeds(ctx context.Context) ([]feed, error) {
	var feeds []feed
	add := func(dataset, register, size string, every, history time.Duration, observe func(*sheet, site, time.Time)) error {
		list, err := sites(ctx, c.repo, register, size)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fmt.Errorf("demo: %s is empty", register)
		}
		feeds = append(feeds, feed{dataset, every, history, list, observe})
		return nil
	}
	type entry struct {
		dataset, register, size string
		every, history          time.Duration
		observe                 func(*sheet, site, time.Time)
	}
	for _, e := range []entry{
		{"water-level", "water-station", "alarm2", 10 * time.Minute, time.Hour, c.waterLevel},
		{"rain-reading", "rain-station", "elevation", 10 * time.Minute, time.Hour, c.rain},
		{"air-quality", "air-station", "", time.Hour, time.Hour, c.air},
		{"traffic-count", "traffic-counter", "lanes", 15 * time.Minute, time.Hour, c.traffic},
		{"parking-occupancy", "car-park", "capacity", 15 * time.Minute, time.Hour, c.parking},
		{"hospital-beds", "hospital", "beds", time.Hour, 6 * time.Hour, c.beds},
	} {
		if err := add(e.dataset, e.register, e.size, e.every, e.history, e.observe); err != nil {
			return nil, err
		}
	}
	told := feed{"flood-report", 3 * time.Hour, 3 * time.Hour, nil, c.floodReport}
	for _, w := range c.wards {
		told.sites = append(told.sites, site{code: w.code, name: w.name})
	}
	return append(feeds, told), nil
}

// tells tells whether a site reports at a time: wards only during a flood, and
// no instrument without power.
func (c *city) tells(f feed, at site, t time.Time) bool {
	if h := hour(t); f.dataset == "flood-report" {
		return h >= floodTold && h <= floodGone
	}
	return !c.dark(f.dataset, at.code, t)
}

func (c *city) waterLevel(s *sheet, at site, t time.Time) {
	base, reach, tide := 0.35, 1.0, 0.12
	switch at.code {
	case "phu-oc":
		base, reach = 0.6, 0.98
	case "duong-hoa":
		base, reach, tide = 8.5, 2.1, 0
	case "binh-dien":
		base, reach, tide = 6.2, 1.7, 0
	case "thuong-nhat":
		base, reach, tide = 56.6, 0.9, 0
	case "truoi":
		base, reach = 0.5, 0.55
	case "thuan-an":
		base, reach, tide = 0.1, 0.2, 0.22
	}
	level := c.riverLevel(at.code, base, reach, tide, t)
	if c.slips("gauge", at, t, 10*time.Minute) && floodRise(t) == 0 {
		level += 2.5 // something floats against the gauge for one reading
	}
	s.text("station", at.code).at("observedAt", t).num("level", level, 2)
}

// slips tells whether an instrument is wrong at one reading and right again at
// the next: what a rule over the record before is there to find.
func (c *city) slips(what string, at site, t time.Time, every time.Duration) bool {
	return c.noise("slip:"+what+":"+at.code, t.Unix()/int64(every.Seconds())) < 0.002
}

func (c *city) rain(s *sheet, at site, t time.Time) {
	minutes := c.interval(10*time.Minute, time.Hour).Minutes()
	mm, stormy := stormRain(at.code, t, time.Duration(minutes)*time.Minute)
	if !stormy {
		mm = (c.rainRate(at.code, at.relief, t) + c.today(at, t, 0.12, 80)) * minutes / 60
	}
	s.text("station", at.code).at("observedAt", t).num("rain", mm, 1).int("minutes", minutes)
}

func (c *city) air(s *sheet, at site, t time.Time) {
	local := t.In(c.zone)
	still := math.Exp(0.35*c.smooth("still", t, 60*time.Hour)) * (1.25 - 0.6*wetness(local))
	wash := 1 / (1 + 0.15*c.rainRate(at.code, 1, t))
	busy := 0.55 + 0.7*rush(local)*weekday(local)
	fine := 22 * still * wash * busy * (0.7 + 0.6*c.noise("dust:"+at.code)) * math.Exp(0.12*c.bell("fine:"+at.code, t.Unix()/3600))
	if c.slips("dust", at, t, time.Hour) {
		fine += 240 // a lorry idles below the intake
	}
	sun := math.Max(0, math.Sin((float64(local.Hour())-6)/12*math.Pi))
	s.text("station", at.code).at("observedAt", t).
		num("pm25", fine, 1).num("pm10", fine*(1.4+0.3*c.noise("coarse:"+at.code, t.Unix()/3600)), 1).
		num("no2", 14*still*busy*wash, 1).num("so2", 6*still*(0.8+0.4*c.noise("so2", t.Unix()/3600)), 1).
		num("co", 420*still*busy, 0).num("o3", 28+46*sun*still, 1)
	if c.noise("gap:"+at.code, t.Unix()/3600) < 0.01 { // an instrument that is being cleaned
		clear(s.row[2:4])
	}
}

func (c *city) traffic(s *sheet, at site, t time.Time) {
	local := t.In(c.zone)
	quarters := c.interval(15*time.Minute, time.Hour).Minutes() / 15
	load := rush(local) * weekday(local) * (1 - 0.92*flooded(t)) * math.Exp(0.08*c.bell("load:"+at.code, t.Unix()/900))
	load *= 1 / (1 + 0.02*c.rainRate("city", 1, t))
	vehicles := 105 * math.Max(2, at.size) * load * quarters
	jam := c.today(at, t, 0.1, 8)
	if jam > 0 {
		vehicles = math.Max(vehicles, 70*quarters)
	}
	s.text("counter", at.code).at("observedAt", t).int("vehicles", vehicles)
	if math.Round(vehicles) > 0 {
		s.num("speed", math.Max(6, 44-26*load+2*c.bell("speed:"+at.code, t.Unix()/900)-12*flooded(t)), 1)
	}
	if jam > 0 {
		s.num("speed", jam, 1)
	}
}

// today is something unusual at a share of the sites around the moment that the
// feeds begin, so that whoever looks at the city for the first time sees it at
// work: much at those sites, 0 elsewhere, at other times, and in the flood, which
// has enough of its own.
func (c *city) today(at site, t time.Time, share, much float64) float64 {
	if h := hour(t); !c.live || h > -24 && h < floodGone {
		return 0
	}
	if since := t.Sub(c.start); since < -time.Hour || since > 2*time.Hour || c.noise("today:"+at.code, c.start.Unix()/86400) >= share {
		return 0
	}
	return much
}

func (c *city) parking(s *sheet, at site, t time.Time) {
	local := t.In(c.zone)
	h := float64(local.Hour()) + float64(local.Minute())/60
	day := math.Exp(-(h-10.5)*(h-10.5)/14) + 0.8*math.Exp(-(h-19)*(h-19)/5)
	share := math.Min(0.99, 0.12+0.72*day*(0.6+0.5*weekday(local))*(1-0.8*flooded(t))+0.04*c.bell("park:"+at.code, t.Unix()/900))
	s.text("carPark", at.code).at("observedAt", t).int("occupied", math.Max(0, share)*at.size)
}

func (c *city) beds(s *sheet, at site, t time.Time) {
	share := math.Min(1.12, 0.80+0.06*c.smooth("ill:"+at.code, t, 5*24*time.Hour)+0.05*wetness(t.In(c.zone))+0.10*flooded(t))
	icu := math.Max(4, at.size*0.04)
	s.text("hospital", at.code).at("observedAt", t).int("beds", at.size).int("occupied", share*at.size).
		int("icuBeds", icu).int("icuOccupied", math.Max(0, math.Min(icu, icu*(0.6+0.2*c.smooth("icu:"+at.code, t, 3*24*time.Hour))))).
		int("waiting", math.Max(0, 14*awake(t.In(c.zone))*(1+0.5*c.bell("wait:"+at.code, t.Unix()/3600))))
}

// interval is how long a report covers: history is told by the hour, the feeds
// tell more often, also what they make good.
func (c *city) interval(every, history time.Duration) time.Duration {
	if c.live {
		return every
	}
	return history
}

var diseases = []struct {
	name   string
	weekly float64 // cases a week per 100,000 people at the yearly mean
	wet    float64 // how much more in the rains
}{
	{"dengue", 6.0, 2.2}, {"hand-foot-mouth", 3.0, 0.6}, {"influenza", 14, 0.9}, {"diarrhoea", 9, 1.0},
	{"chickenpox", 2.2, -0.4}, {"measles", 0.5, -0.3}, {"mumps", 0.8, 0}, {"covid-19", 1.2, 0.2},
}

// poisson is a repeatable count with a mean.
func (m model) poisson(mean float64, name string, parts ...int64) float64 {
	if mean > 30 {
		return math.Max(0, math.Round(mean+math.Sqrt(mean)*m.bell(name, parts...)))
	}
	limit, k, p := math.Exp(-mean), int64(0), 1.0
	for {
		p *= m.noise(name, append(parts, k)...)
		if p <= limit || k > 200 {
			return float64(k)
		}
		k++
	}
}

// weekly tells the disease counts of the week that begins at monday.
func (c *city) weekly(monday time.Time, s *sheet, emit func(*sheet) error) error {
	n := monday.Unix() / 604800
	for i, w := range c.wards {
		for _, d := range diseases {
			season := math.Max(0.15, 1+d.wet*(wetness(monday.AddDate(0, 0, -14))-0.3))
			mean := w.people / 100_000 * d.weekly * season * math.Exp(0.3*c.smooth("ill:"+d.name, monday, 45*24*time.Hour))
			cases := c.poisson(mean, d.name, int64(i), n)
			s.clear().text("area", w.code).text("disease", d.name).day("week", monday).int("cases", cases).int("deaths", 0)
			if cases > 0 && c.noise("death:"+d.name, int64(i), n) < 0.0008*cases {
				s.int("deaths", 1)
			}
			if err := emit(s); err != nil {
				return err
			}
		}
	}
	return nil
}

var procedures = []struct {
	name  string
	share float64
}{
	{"civil-status", 5}, {"residence", 4}, {"land", 6}, {"construction", 1}, {"business", 1.5}, {"social-protection", 2}, {"certification", 9}, {"other", 2},
}

// monthly tells the procedure statistics of a month.
func (c *city) monthly(month time.Time, s *sheet, emit func(*sheet) error) error {
	n := int64(month.Year()*12 + int(month.Month()))
	for i, w := range c.wards {
		for _, p := range procedures {
			received := c.poisson(w.people/1000*p.share, "proc:"+p.name, int64(i), n)
			late := math.Round(received * math.Max(0, 0.025+0.02*c.bell("late:"+w.code, n)+0.15*flooded(month.AddDate(0, 0, 27))))
			s.clear().text("area", w.code).text("group", p.name).day("month", month).int("received", received).
				int("online", math.Min(received, received*math.Min(0.98, 0.7+0.01*float64(n%24)+0.05*c.bell("online:"+w.code, n)))).
				int("onTime", received-math.Min(received, late)).int("late", math.Min(received, late))
			if err := emit(s); err != nil {
				return err
			}
		}
	}
	return nil
}
