package chart

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var write = flag.Bool("golden.write", false, "write the drawings of testdata anew, to be looked at")

var zone = time.FixedZone("+07", 7*3600)

func at(hour float64) time.Time {
	return time.Date(2025, 10, 25, 0, 0, 0, 0, zone).Add(time.Duration(hour * float64(time.Hour)))
}

func samples(values ...float64) []Sample {
	var list []Sample
	for i, v := range values {
		list = append(list, Sample{At: at(float64(i)), V: v, OK: !math.IsNaN(v)})
	}
	return list
}

func of(f float64) *float64 { return &f }

var square = [][]Point{{{0, 0}, {10, 0}, {10, 10}, {0, 10}}}

func moved(rings [][]Point, dx, dy float64) [][]Point {
	out := [][]Point{{}}
	for _, p := range rings[0] {
		out[0] = append(out[0], Point{p.X + dx, p.Y + dy})
	}
	return out
}

type drawing interface {
	Draw(Canvas, Frame)
}

func drawings() map[string]drawing {
	nan := math.NaN()
	return map[string]drawing{
		"level": &Series{From: at(0), Until: at(12), Grain: time.Hour, Unit: "m", Lines: []Line{{"Kim Long", samples(0.8, 0.9, 1.1, 1.5, nan, nan, nan, 2.2, 2.4, 2.5)}},
			Compare: &Line{"hôm qua", samples(0.7, 0.7, 0.7, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8)},
			Limits:  []Limit{{2, "BĐ2", "medium"}, {3.5, "BĐ3", "high"}, {1.2, "mục tiêu", ""}}, Notes: []Note{{at(3), "Giai đoạn 3", "medium"}, {at(3.2), "Sự cố", "high"}}},
		"lines":   &Series{From: at(0), Until: at(5), Grain: time.Hour, Unit: "xe/giờ", Zero: true, Lines: []Line{{"Tràng Tiền", samples(100, 120, 160, 150, 140, 141)}, {"Phú Xuân", samples(90, 110, 150, 145, 139, 140)}}},
		"empty":   &Series{From: at(0), Until: at(5), Grain: time.Hour, Lines: []Line{{Name: "không có"}}},
		"ranking": &Ranking{Unit: "%", Target: of(98), Columns: 2, Items: []Item{{Name: "An Cựu", V: 91.2, OK: true, Severity: "low", Href: "/boards/ward?area=1&x=2"}, {Name: "Hương Trà", V: 95.9, OK: true}, {Name: "Chân Mây – Lăng Cô, xã dài tên", OK: false}}},
		"minus":   &Ranking{Unit: "°C", Items: []Item{{Name: "A", V: -3, OK: true}, {Name: "B", V: 4, OK: true}}},
		"stacked": &Stacked{Parts: []string{"đúng hạn", "trễ"}, Bars: []Stack{{"Vỹ Dạ", []float64{120, 4}}, {"Kim Long", []float64{80, 0}}}},
		"heat":    &Heat{Days: []time.Time{at(0), at(24)}, V: [][24]Sample{{0: {V: 1, OK: true}, 5: {V: 10, OK: true}}, {23: {V: 4, OK: true}}}, Unit: "vụ"},
		"map":     &Choropleth{Unit: "mm", Areas: []Area{{Code: "1", Name: "Tây", Rings: square, V: 80, OK: true, Severity: "high", Href: "/boards/ward?area=1"}, {Code: "2", Name: "Đông", Rings: moved(square, 10, 0)}, {Code: "3", Name: "Nam", Rings: moved(square, 0, 10), V: 10, OK: true, Severity: "medium"}}},
		"spark":   &Spark{Values: samples(1, 2, nan, 4, 3), Target: of(3)},
	}
}

func TestDrawings(t *testing.T) {
	for name, d := range drawings() {
		for _, lang := range []string{"vi", "en"} {
			f := Frame{W: 640, H: 200, Lang: lang, Zone: zone}
			for kind, c := range map[string]*SVG{"fixed": NewSVG(f.W, f.H), "fluid": NewFluidSVG(f.W, f.H)} {
				if lang == "en" && kind == "fluid" || name == "map" && kind == "fluid" {
					continue
				}
				d.Draw(c, f)
				got := strings.ReplaceAll(c.Markup(name+" <&>"), "><", ">\n<") + "\n"
				file := filepath.Join("testdata", name+"-"+lang+"-"+kind+".svg")
				if *write {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("%s is not as drawn before", file)
				}
				if strings.Contains(got, "NaN") || strings.Contains(got, "Inf") || strings.Contains(got, "style=") {
					t.Errorf("%s holds what no page may", file)
				}
			}
		}
	}
}

func TestTables(t *testing.T) {
	f := Frame{Lang: "vi", Zone: zone}
	d := drawings()
	for name, want := range map[string]struct{ got Table }{
		"level": {d["level"].(*Series).Table(f)}, "ranking": {d["ranking"].(*Ranking).Table(f)}, "stacked": {d["stacked"].(*Stacked).Table(f)},
		"heat": {d["heat"].(*Heat).Table(f)}, "map": {d["map"].(*Choropleth).Table(f)},
	} {
		for i, row := range want.got.Rows {
			if len(row) != len(want.got.Head) {
				t.Errorf("%s row %d has %d cells under %d heads", name, i, len(row), len(want.got.Head))
			}
		}
	}
	join := func(row []Cell) string {
		var texts []string
		for _, c := range row {
			texts = append(texts, c.Text)
		}
		return strings.Join(texts, "|")
	}
	level := d["level"].(*Series).Table(f)
	if got := join(level.Rows[7]); got != "25/10/2025 07:00|2,2|0,8" {
		t.Errorf("row of 7 o'clock: %s", got)
	}
	if got := join(level.Rows[4]); got != "25/10/2025 04:00||0,8" {
		t.Errorf("a missing figure is written as %s", got)
	}
	if got := d["stacked"].(*Stacked).Table(f).Rows[0]; got[3].Text != "124" || got[3].V != 124 || !got[3].Number {
		t.Errorf("sum: %v", got)
	}
}

// Every column of pixels keeps its lowest and highest figure, and nothing is
// made up.
func TestDecimationKeepsExtremes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 40).Draw(t, "columns")
		n := rapid.IntRange(0, 2000).Draw(t, "n")
		var points []Point
		x := 0.0
		for range n {
			x += rapid.Float64Range(0, 1).Draw(t, "dx")
			points = append(points, Point{x, rapid.Float64Range(-1e6, 1e6).Draw(t, "y")})
		}
		out := Decimate(points, 0, x, columns)
		if len(points) > 4*columns && x > 0 && len(out) > 4*columns {
			t.Fatalf("%d points for %d columns", len(out), columns)
		}
		extremes := func(list []Point) map[int][2]float64 {
			m := map[int][2]float64{}
			for _, p := range list {
				c := 0
				if x > 0 {
					c = columnOf(p.X, 0, x, columns)
				}
				e, ok := m[c]
				if !ok {
					e = [2]float64{p.Y, p.Y}
				}
				m[c] = [2]float64{min(e[0], p.Y), max(e[1], p.Y)}
			}
			return m
		}
		want, got := extremes(points), extremes(out)
		for c, e := range want {
			if got[c] != e {
				t.Fatalf("column %d: %v became %v", c, e, got[c])
			}
		}
		have := map[Point]bool{}
		for _, p := range points {
			have[p] = true
		}
		for i, p := range out {
			if !have[p] || i > 0 && p.X < out[i-1].X {
				t.Fatalf("%v was made up or moved", p)
			}
		}
	})
}

func TestTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Float64Range(-1e7, 1e7).Draw(t, "a")
		b := rapid.Float64Range(-1e7, 1e7).Draw(t, "b")
		n := rapid.IntRange(1, 8).Draw(t, "n")
		list := Ticks(a, b, n)
		low, high := min(a, b), max(a, b)
		if list[0] > low+1e-9*math.Abs(low) || list[len(list)-1] < high-1e-9*math.Abs(high) {
			t.Fatalf("%v do not enclose %v to %v", list, low, high)
		}
		if len(list) > n+4 {
			t.Fatalf("%d ticks where %d were asked for", len(list), n)
		}
		for i := 1; i < len(list); i++ {
			if list[i] <= list[i-1] {
				t.Fatalf("%v are not in order", list)
			}
		}
	})
	if got := Ticks(0, 0.3, 3); got[3] != 0.3 {
		t.Errorf("dust: %v", got)
	}
	if got := Ticks(0, 0, 4); got[0] != 0 {
		t.Errorf("a count of zero gets a negative axis: %v", got)
	}
}

func TestTimeTicksStandAtRoundHoursOfTheZone(t *testing.T) {
	f := Frame{Zone: zone}
	for name, c := range map[string]struct {
		until time.Time
		n     int
		first string
		every time.Duration
	}{
		"a day": {at(24), 6, "25/10 00:00", 6 * time.Hour}, "an hour": {at(1), 6, "25/10 00:00", 15 * time.Minute}, "a week": {at(24 * 6), 6, "25/10 00:00", 24 * time.Hour},
	} {
		list := f.timeTicks(at(0), c.until, c.n)
		if len(list) < 2 || list[0].Format("02/01 15:04") != c.first || list[1].Sub(list[0]) != c.every {
			t.Errorf("%s: %v", name, list)
		}
	}
	if list := f.timeTicks(at(0), at(24*800), 6); len(list) < 2 || list[0].Day() != 1 {
		t.Errorf("years: %v", list)
	}
	if list := f.timeTicks(at(1), at(0), 6); list != nil {
		t.Errorf("no span: %v", list)
	}
}

// A series of 100,000 figures is drawn from a few points for each pixel, and its
// spike is among them.
func TestALongSeriesKeepsItsSpike(t *testing.T) {
	s := Series{From: at(0), Until: at(100_000.0 / 60), Grain: time.Minute, Lines: []Line{{Name: "x"}}}
	for i := range 100_000 {
		v := math.Sin(float64(i) / 3000)
		if i == 51_234 {
			v = 40
		}
		s.Lines[0].Samples = append(s.Lines[0].Samples, Sample{at(float64(i) / 60), v, true})
	}
	c := NewFluidSVG(800, 240)
	f := Frame{W: 800, H: 240, Lang: "vi", Zone: zone}
	s.Draw(c, f)
	if got := c.Markup("x"); len(got) > 80_000 || !strings.Contains(got, ",19.2 ") {
		t.Errorf("%d bytes; the spike is lost: %v", len(got), !strings.Contains(got, ",19.2 "))
	}
}

func BenchmarkSeries100000(b *testing.B) {
	s := Series{From: at(0), Until: at(100_000.0 / 60), Grain: time.Minute, Lines: []Line{{Name: "x"}}}
	for i := range 100_000 {
		s.Lines[0].Samples = append(s.Lines[0].Samples, Sample{at(float64(i) / 60), math.Sin(float64(i)), true})
	}
	for b.Loop() {
		s.Draw(NewFluidSVG(800, 240), Frame{W: 800, H: 240, Lang: "vi", Zone: zone})
	}
}

func TestFigures(t *testing.T) {
	for f, want := range map[float64]string{1234.6: "1.235", 12.345: "12,3", 2.144: "2,14", 0: "0", -3: "−3", 98: "98", 0.05: "0,05"} {
		if got := Figure("vi", f); got != want {
			t.Errorf("%v: %q, want %q", f, got, want)
		}
	}
	if Change("vi", 0.31) != "+0,31" || Change("en", -4) != "−4" || Change("en", 0.0001) != "0" || Figure("en", math.NaN()) != "–" {
		t.Error("signs")
	}
}
