package hotspot_test

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/hotspot"
	"huong.city/huong/internal/core/problem"
)

var noon = time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC)

// Gi* by hand, for four places in a row with 0, 0, 4 and 8, each near to itself
// and to those beside it: the mean is 3 and s² = 80/4 − 9 = 11.
//
//	1: (0 − 2·3) / √(11·(4·2−4)/3)  = −6/√(44/3) = −1.5667
//	2: (4 − 3·3) / √(11·(4·3−9)/3)  = −5/√11     = −1.5076
//	3: (12 − 3·3) / √11             =  3/√11     =  0.9045
//	4: (12 − 2·3) / √(44/3)         =             1.5667
func TestGiStarByHand(t *testing.T) {
	near := [][]int{{0, 1}, {0, 1, 2}, {1, 2, 3}, {2, 3}}
	got := hotspot.GetisOrd([]float64{0, 0, 4, 8}, func(i int) []int { return near[i] })
	for i, want := range []float64{-6 / math.Sqrt(44./3), -5 / math.Sqrt(11), 3 / math.Sqrt(11), 6 / math.Sqrt(44./3)} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("place %d: %v, want %v", i+1, got[i], want)
		}
	}
	if z := hotspot.GetisOrd([]float64{2, 2, 2, 2}, func(i int) []int { return near[i] }); z[1] != 0 {
		t.Errorf("where all are equal: %v", z)
	}
}

// scattered are events in complete randomness over a rectangle of 5 by 5 km.
func scattered(random *rand.Rand, n int) []hotspot.Event {
	events := make([]hotspot.Event, n)
	for i := range events {
		events[i] = around(random, 2500)
		events[i].At = noon.Add(time.Duration(random.IntN(180*24)) * time.Hour)
	}
	return events
}

func around(random *rand.Rand, metres float64) hotspot.Event {
	return hotspot.Event{Longitude: 107.58 + (random.Float64()*2-1)*metres/106_600, Latitude: 16.46 + (random.Float64()*2-1)*metres/111_195, At: noon}
}

// Where there is nothing to be found every discovery is false, so that the share
// of maps with any is the rate that is promised.
func TestCompleteRandomnessHasNoHotSpots(t *testing.T) {
	const maps = 400 / thin
	for _, n := range []int{150, 1500, 15_000} { // from 0.3 to 30 to a cell
		random := rand.New(rand.NewPCG(uint64(n), 5))
		false_ := 0
		for range maps {
			r, err := hotspot.Find(scattered(random, n), hotspot.Defaults())
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Spots) > 0 {
				false_++
			}
		}
		q := hotspot.Defaults().FalseShare
		t.Logf("%d events: hot spots on %d of %d random maps", n, false_, maps)
		if limit := q*maps + 2.33*math.Sqrt(q*(1-q)*maps); float64(false_) > limit {
			t.Errorf("%d events: hot spots on %d of %d random maps, want at most %.0f", n, false_, maps, limit)
		}
	}
}

func TestPlantedClustersAreFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		events := scattered(random, rapid.IntRange(500, 3000).Draw(t, "background"))
		centre := around(random, 2000)
		for range 120 + len(events)/20 {
			e := centre
			e.Longitude += random.NormFloat64() * 120 / 106_600
			e.Latitude += random.NormFloat64() * 120 / 111_195
			events = append(events, e)
		}
		r, err := hotspot.Find(events, hotspot.Defaults())
		if err != nil || len(r.Spots) == 0 {
			t.Fatalf("nothing found: %v", err)
		}
		s := r.Spots[0]
		if d := math.Hypot((s.Longitude-centre.Longitude)*106_600, (s.Latitude-centre.Latitude)*111_195); d > 250 {
			t.Fatalf("found %.0f m beside the planted one: %+v", d, s)
		}
		total := 0
		for _, c := range r.Cells {
			total += c.Events
		}
		if total != len(events) || r.Used != total {
			t.Fatalf("%d events in the cells, %d used, of %d", total, r.Used, len(events))
		}
	})
}

func TestTheOrderOfEventsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		events := scattered(random, 400)
		for range 80 {
			e := around(random, 100)
			e.At = noon.Add(time.Duration(random.IntN(180*24)) * time.Hour)
			events = append(events, e, hotspot.Event{Longitude: 107.57, Latitude: 16.47, At: e.At})
		}
		look := func() [3]any {
			r, err := hotspot.Find(events, hotspot.Defaults())
			if err != nil {
				t.Fatal(err)
			}
			return [3]any{r, hotspot.Places(events, hotspot.RepeatDefaults()), hotspot.Cycles(events, noon, noon.AddDate(1, 0, 0), time.UTC)}
		}
		before := look()
		random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		if after := look(); !reflect.DeepEqual(before, after) {
			t.Fatalf("another order, another answer:\n%+v\n%+v", before, after)
		}
	})
}

func TestADefaultPointIsSetAside(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	events := scattered(random, 2000)
	plain, err := hotspot.Find(events, hotspot.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		events = append(events, hotspot.Event{Longitude: 107.5847, Latitude: 16.4637, At: noon})
	}
	events = append(events, hotspot.Event{Longitude: math.NaN(), Latitude: 16, At: noon}, hotspot.Event{Longitude: 107, Latitude: 90, At: noon})
	r, err := hotspot.Find(events, hotspot.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(r.Cells, plain.Cells) || len(r.Defaults) != 1 || r.Defaults[0].Events != 300 || r.Used != 2000 || r.Placeless != 2 {
		t.Errorf("%d spots, %d without it; default points %v, %d used, %d without a place", len(r.Spots), len(plain.Spots), r.Defaults, r.Used, r.Placeless)
	}
	for _, p := range hotspot.Places(events, hotspot.RepeatDefaults()) {
		if p.Events >= 300 {
			t.Errorf("the default point is a repeat place: %+v", p)
		}
	}
}

func code(err error) string {
	var p *problem.Error
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

func TestAnAreaOfTooManyCells(t *testing.T) {
	o := hotspot.Defaults()
	_, err := hotspot.Find([]hotspot.Event{{Longitude: -179, Latitude: -80, At: noon}, {Longitude: 179, Latitude: 80, At: noon}}, o)
	if code(err) != "hotspot-cells" {
		t.Errorf("the whole earth: %v", err)
	}
	o.Metres = 0
	if _, err := hotspot.Find([]hotspot.Event{{At: noon}}, o); code(err) != "hotspot-cells" {
		t.Errorf("cells of nothing: %v", err)
	}
	if r, err := hotspot.Find(nil, hotspot.Defaults()); err != nil || len(r.Cells) != 0 {
		t.Errorf("no events: %v %v", r, err)
	}
}

func TestTheStudyAreaHoldsEmptyCells(t *testing.T) {
	o := hotspot.Defaults()
	random := rand.New(rand.NewPCG(4, 4))
	events := scattered(random, 300)
	all, _ := hotspot.Find(events, o)
	o.Inside = func(lon, lat float64) bool { return lon < 107.58 }
	half, _ := hotspot.Find(events, o)
	if len(half.Cells) >= len(all.Cells) || half.Used != all.Used {
		t.Errorf("%d cells of %d, %d events of %d", len(half.Cells), len(all.Cells), half.Used, all.Used)
	}
	for _, c := range half.Cells {
		if c.Longitude >= 107.58 && c.Events == 0 {
			t.Fatalf("an empty cell outside: %+v", c)
		}
	}
}

func TestRepeatPlaces(t *testing.T) {
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	at := func(east float64, days ...int) (out []hotspot.Event) {
		for _, d := range days {
			out = append(out, hotspot.Event{Longitude: 107.58 + east/106_637, Latitude: 16.46, At: day(d)})
		}
		return out
	}
	var events []hotspot.Event
	events = append(events, at(0, 0, 1, 2, 40, 41, 80)...) // three times, within 12 m of each other
	events = append(events, at(12, 120)...)                // and a fourth beside it
	events = append(events, at(500, 0, 1, 2, 3, 4, 5, 6)...)
	events = append(events, at(900, 0, 100)...)
	got := hotspot.Places(events, hotspot.RepeatDefaults())
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	p := got[0]
	if p.Occurrences != 4 || p.Events != 7 || !p.First.Equal(day(0)) || !p.Last.Equal(day(120)) || p.Between != 39*24*time.Hour {
		t.Errorf("%+v", p)
	}
}

func TestCycles(t *testing.T) {
	hue := time.FixedZone("+07", 7*3600)
	from := time.Date(2023, 1, 1, 0, 0, 0, 0, hue)
	until := from.AddDate(3, 0, 0)
	random := rand.New(rand.NewPCG(8, 8))
	var busy, flat []hotspot.Event
	for d := from; d.Before(until); d = d.AddDate(0, 0, 1) {
		n := 3
		if d.Weekday() == time.Monday {
			n = 6
		}
		if d.Month() >= 10 {
			n += 4
		}
		if d.YearDay() == 100 && d.Year() == 2024 {
			n = 3000 // one storm
		}
		for range n {
			flat = append(flat, hotspot.Event{At: from.Add(time.Duration(random.Int64N(int64(until.Sub(from)))))})
			hour := random.IntN(24)
			if random.IntN(2) == 0 {
				hour = 7
			}
			if n == 3000 {
				hour = 3
			}
			busy = append(busy, hotspot.Event{At: d.Add(time.Duration(hour) * time.Hour)})
		}
	}
	s := hotspot.Cycles(busy, from, until, hue)
	for name, c := range map[string]struct {
		hotspot.Cycle
		parts, high int
	}{"hour": {s.Hour, 24, 7}, "weekday": {s.Weekday, 7, 0}, "month": {s.Month, 12, 10}} {
		sum, at := 0.0, 0
		for i, v := range c.Index {
			sum += v
			if v > c.Index[at] {
				at = i
			}
		}
		if len(c.Index) != c.parts || math.Abs(sum-float64(c.parts)) > 1e-6 {
			t.Errorf("%s: indices %v sum to %v", name, c.Index, sum)
		}
		if c.P > 0.05 {
			t.Errorf("%s: p = %v", name, c.P)
		}
		if name != "month" && at != c.high { // the one storm makes a month of its year, as it should
			t.Errorf("%s: %d is the busiest: %v", name, at, c.Index)
		}
	}
	if s.Hour.Counts[3] < 3000 || s.Hour.Index[3] > s.Hour.Index[7] {
		t.Errorf("one storm made three o'clock busy: %v", s.Hour.Index)
	}
	if s.Month.Rounds != 3 || s.Weekday.Rounds != 156 {
		t.Errorf("%d years, %d weeks", s.Month.Rounds, s.Weekday.Rounds)
	}
	f := hotspot.Cycles(flat, from, until, hue)
	if f.Hour.P < 0.001 || f.Weekday.P < 0.001 || f.Month.P < 0.001 {
		t.Errorf("order where there is none: %v %v %v", f.Hour.P, f.Weekday.P, f.Month.P)
	}
	if one := hotspot.Cycles(busy, from, from.AddDate(1, 0, 0), hue); one.Month.P != 1 || one.Month.Rounds != 1 {
		t.Errorf("of one year: %+v", one.Month)
	}
}

// The city hall of Boston holds 4,775 reports of no place: it must make no hot
// spot, and would if it were counted.
func TestBoston(t *testing.T) {
	root := os.Getenv("HUONG_SHARED")
	if root == "" {
		root = "../../../../shared"
	}
	f, err := os.Open(filepath.Join(root, "data/citizen-reports/boston_311_2011_h2.csv.gz"))
	if err != nil {
		t.Skip("NO REAL DATA: neither HUONG_SHARED nor ../shared beside the project holds it; nothing was tested")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	var events []hotspot.Event
	for _, row := range rows[1:] {
		lon, err := strconv.ParseFloat(row[at["longitude"]], 64)
		lat, err2 := strconv.ParseFloat(row[at["latitude"]], 64)
		if err != nil || err2 != nil {
			lat = math.NaN()
		}
		opened, _ := time.Parse(time.DateTime, row[at["open_dt"]])
		events = append(events, hotspot.Event{Longitude: lon, Latitude: lat, At: opened})
	}
	hall := func(r *hotspot.Result) (found *hotspot.Cell) {
		for _, s := range r.Spots {
			for _, c := range s.Cells {
				if math.Hypot((c.Longitude+71.0587)*82_300, (c.Latitude-42.3594)*111_195) < 150 {
					found = &c
				}
			}
		}
		return found
	}
	r, err := hotspot.Find(events, hotspot.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Defaults) == 0 || r.Defaults[0].Events != 4775 {
		t.Fatalf("default points: %+v", r.Defaults)
	}
	o := hotspot.Defaults()
	o.CrowdLeast = math.MaxInt
	raw, err := hotspot.Find(events, o)
	if err != nil {
		t.Fatal(err)
	}
	hot := 0
	for _, c := range r.Cells {
		if c.Hot {
			hot++
		}
	}
	t.Logf("%d events, set aside %v; %d spots of %d cells among %d; %d spots with the default points counted", r.Used, r.Defaults, len(r.Spots), hot, len(r.Cells), len(raw.Spots))
	if hall(raw) == nil {
		t.Error("with its default point counted, the city hall is not hot: the test shows nothing")
	}
	if c := hall(r); c != nil && c.Events > 200 {
		t.Errorf("the default point still counts: %+v", c)
	}
	if len(r.Spots) == 0 || len(r.Spots) <= len(raw.Spots) {
		t.Errorf("%d spots, %d with the default points: one point hides all others", len(r.Spots), len(raw.Spots))
	}
	s := hotspot.Cycles(events, time.Date(2011, 7, 1, 0, 0, 0, 0, time.UTC), time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC)
	t.Logf("weekdays %.2f (p %.1e), hours p %.1e", s.Weekday.Index, s.Weekday.P, s.Hour.P)
	if s.Weekday.P > 1e-6 || s.Weekday.Index[6] > 0.6 || s.Hour.P > 1e-6 {
		t.Errorf("people report on Sundays as on Mondays: %+v", s.Weekday)
	}
	places := hotspot.Places(events, hotspot.RepeatDefaults())
	if len(places) == 0 {
		t.Error("no place came back")
	}
	for _, p := range places[:min(3, len(places))] {
		t.Logf("repeat place %+v", p)
	}
}
