package tile

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/maptile"
	"pgregory.net/rapid"
)

// around makes points about the city.
func around(n int) []Point {
	random := rand.New(rand.NewPCG(7, uint64(n)))
	list := make([]Point, n)
	for i := range list {
		list[i] = Point{Lon: 107.2 + random.Float64(), Lat: 16 + random.Float64()*0.8, Severity: uint8(random.IntN(60) / 20), Count: 1, Label: fmt.Sprintf("nơi %d", i), Href: fmt.Sprintf("/datasets/x/records/%d", i)}
		if i%97 == 0 {
			list[i].Severity = High
		}
	}
	return list
}

// decoded reads a tile as a map does, in degrees.
func decoded(t *testing.T, x *Index, z, tx, ty uint32) []Mark {
	t.Helper()
	b, ok, err := x.Tile(z, tx, ty)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if b == nil {
		return nil
	}
	layers, err := mvt.UnmarshalGzipped(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != 1 || layers[0].Name != LayerName || layers[0].Extent != extent || layers[0].Version != 2 {
		t.Fatalf("layers %+v", layers)
	}
	layers.ProjectToWGS84(maptile.New(tx, ty, maptile.Zoom(z)))
	var list []Mark
	for _, f := range layers[0].Features {
		p := f.Geometry.(orb.Point)
		m := Mark{Lon: p[0], Lat: p[1], Count: int64(f.Properties["n"].(float64)), Severity: uint8(f.Properties["s"].(float64))}
		if label, single := f.Properties["t"].(string); single {
			m.Point = &Point{Label: label}
			m.Point.Href, _ = f.Properties["h"].(string)
			m.Point.Area, _ = f.Properties["a"].(string)
		}
		list = append(list, m)
	}
	return list
}

// Every point stands in one tile of a zoom level, the tile that holds its place;
// its record is counted once and its severity is never hidden by a milder one.
func TestTilesHoldEveryPointOnce(t *testing.T) {
	points := around(6000)
	byTile := func(z uint32) map[maptile.Tile][]Point {
		m := map[maptile.Tile][]Point{}
		for _, p := range points {
			at := maptile.At(orb.Point{p.Lon, p.Lat}, maptile.Zoom(z))
			m[at] = append(m[at], p)
		}
		return m
	}
	x := Build(points)
	for _, z := range []uint32{0, 3, 8, 10, 11, 13, 16} {
		tiles := byTile(z)
		looked := 0
		for at, want := range tiles {
			if looked++; looked > 150 {
				break
			}
			marks := decoded(t, x, z, at.X, at.Y)
			var n int64
			var worst, severe uint8
			single := map[string]bool{}
			for _, m := range marks {
				n += m.Count
				severe = max(severe, m.Severity)
				if b := at.Bound(); m.Lon < b.Min[0]-1e-9 || m.Lon > b.Max[0]+1e-9 || m.Lat < b.Min[1]-1e-9 || m.Lat > b.Max[1]+1e-9 {
					t.Fatalf("z%d %v: a mark at %v, %v lies outside", z, at, m.Lon, m.Lat)
				}
				if m.Point != nil {
					single[m.Point.Label] = true
				} else if m.Count < 2 {
					t.Fatalf("z%d: a cluster of %d", z, m.Count)
				}
			}
			for _, p := range want {
				worst = max(worst, p.Severity)
			}
			if n != int64(len(want)) || severe != worst {
				t.Fatalf("z%d %v: %d records of severity %d, want %d of %d", z, at, n, severe, len(want), worst)
			}
			if z >= apart && len(want) <= crowded && len(single) != len(want) {
				t.Fatalf("z%d %v: %d single points of %d", z, at, len(single), len(want))
			}
			if z < apart && len(marks) > 64 || len(marks) > crowded {
				t.Fatalf("z%d %v: %d marks", z, at, len(marks))
			}
		}
	}
	for _, out := range [][3]uint32{{MaxZoom + 1, 0, 0}, {3, 8, 0}, {3, 0, 8}, {0, 1, 0}} {
		if _, ok, _ := x.Tile(out[0], out[1], out[2]); ok {
			t.Errorf("there is a tile %v", out)
		}
	}
	if b, ok, err := x.Tile(8, 0, 0); b != nil || !ok || err != nil {
		t.Error("an empty tile holds something")
	}
}

// Clusters are the cells of a plain grid: the same count, worst severity and
// middle as a model that puts each point in its cell by arithmetic.
func TestClustersAreThoseOfAPlainGrid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zoom := rapid.IntRange(0, 20).Draw(t, "zoom")
		spread := rapid.SampledFrom([]float64{0.001, 1, 80}).Draw(t, "spread")
		point := rapid.Custom(func(t *rapid.T) Point {
			return Point{
				Lon: rapid.Float64Range(-spread, spread).Draw(t, "lon") * 2, Lat: rapid.Float64Range(-spread, spread).Draw(t, "lat"),
				Severity: uint8(rapid.IntRange(0, 3).Draw(t, "severity")), Count: int64(rapid.IntRange(1, 5).Draw(t, "count")),
			}
		})
		points := rapid.SliceOfN(point, 0, 60).Draw(t, "points")
		type model struct {
			x, y  float64
			n     int
			count int64
			worst uint8
		}
		want := map[[2]int64]*model{}
		for _, p := range points {
			px, py := mercator(p.Lon, p.Lat)
			cells := float64(int64(1) << zoom)
			key := [2]int64{int64(px * cells), int64(py * cells)}
			if want[key] == nil {
				want[key] = &model{}
			}
			m := want[key]
			m.x, m.y, m.n, m.count, m.worst = m.x+px, m.y+py, m.n+1, m.count+p.Count, max(m.worst, p.Severity)
		}
		got := Build(points).Clusters(zoom)
		if len(got) != len(want) {
			t.Fatalf("%d marks, want %d", len(got), len(want))
		}
		for _, m := range got {
			px, py := mercator(m.Lon, m.Lat)
			found := false
			for _, w := range want {
				if w.count == m.Count && w.worst == m.Severity && (w.n == 1) == (m.Point != nil) && math.Hypot(w.x/float64(w.n)-px, w.y/float64(w.n)-py) < 1e-9 {
					found = true
				}
			}
			if !found {
				t.Fatalf("no cell of the grid is like %+v", m)
			}
		}
	})
}

func TestWithinKnowsTheAntimeridian(t *testing.T) {
	x := Build([]Point{{Lon: 107.6, Lat: 16.4}, {Lon: 179.5, Lat: 0}, {Lon: -179.5, Lat: 0}})
	for _, c := range []struct {
		box  Box
		want int
	}{{Box{107, 16, 108, 17}, 1}, {Box{179, -1, -179, 1}, 2}, {Box{-180, -90, 180, 90}, 3}, {Box{0, 0, 1, 1}, 0}} {
		n := 0
		x.Within(c.box, func(*Point) { n++ })
		if n != c.want {
			t.Errorf("%+v holds %d, want %d", c.box, n, c.want)
		}
	}
}

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestCacheBuildsOncePerVersionAndRests(t *testing.T) {
	clk := &clock{at: time.Unix(1000, 0)}
	c := &Cache{Now: clk.now, Most: 100}
	built := 0
	build := func(context.Context) (*Index, error) {
		built++
		clk.pass(time.Second) // building takes a second
		return Build(make([]Point, 10)), nil
	}
	get := func(version string) string {
		t.Helper()
		_, v, err := c.Get(t.Context(), "k", version, build)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := get("1"); v != "1" || built != 1 {
		t.Fatal(v, built)
	}
	if v := get("1"); v != "1" || built != 1 {
		t.Fatal("built again", v, built)
	}
	if v := get("2"); v != "1" || built != 1 {
		t.Error("the index did not rest", v, built)
	}
	clk.pass(rest*time.Second + time.Millisecond)
	if v := get("2"); v != "2" || built != 2 {
		t.Error("the index is still the old one", v, built)
	}
	fails := errors.New("no reading")
	if _, _, err := c.Get(t.Context(), "other", "1", func(context.Context) (*Index, error) { return nil, fails }); err != fails {
		t.Error(err)
	}
	if _, _, err := c.Get(t.Context(), "other", "1", build); err != nil || built != 3 {
		t.Error("a fault is remembered", err, built)
	}
	for i := range 20 { // more than the cache holds: the oldest go
		clk.pass(time.Minute)
		if _, _, err := c.Get(t.Context(), fmt.Sprint("more", i), "1", build); err != nil {
			t.Fatal(err)
		}
	}
	if c.held > c.Most || len(c.entries) != 10 || c.entries["k"] != nil {
		t.Errorf("%d points in %d entries are held", c.held, len(c.entries))
	}
}

func TestCacheLetsOneCallerBuild(t *testing.T) {
	c := &Cache{Now: time.Now, Most: 1000}
	begun, finish := make(chan struct{}), make(chan struct{})
	var built int
	var wg sync.WaitGroup
	var once sync.Once
	for range 8 {
		wg.Go(func() {
			_, _, err := c.Get(t.Context(), "k", "1", func(context.Context) (*Index, error) {
				built++
				once.Do(func() { close(begun) })
				<-finish
				return Build(nil), nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	<-begun
	close(finish)
	wg.Wait()
	if built != 1 {
		t.Errorf("built %d times", built)
	}
}

func BenchmarkBuild100k(b *testing.B) {
	points := around(100_000)
	for b.Loop() {
		Build(points)
	}
}

func BenchmarkTile100k(b *testing.B) {
	x := Build(around(100_000))
	at := maptile.At(orb.Point{107.6, 16.4}, 8)
	for b.Loop() {
		if _, err := x.cut(8, at.X, at.Y); err != nil {
			b.Fatal(err)
		}
	}
}
