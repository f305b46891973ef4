package geom

import (
	"compress/gzip"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"pgregory.net/rapid"
)

// slowArea is an area as the plain list of its edges: the rule without an index.
type slowArea struct {
	code  string
	box   Box
	edges [][4]float64
}

func slowAreas(areas []Area) (slow []slowArea) {
	sorted := append([]Area(nil), areas...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Code < sorted[j].Code })
	for _, a := range sorted {
		s := slowArea{code: a.Code}
		s.box, _ = Bounds(a.Geometry)
		eachPart(a.Geometry, func(p part) bool {
			for _, pts := range p.runs {
				for k := 0; k+16 < len(pts); k += 16 {
					x1, y1, x2, y2 := f64(pts, k), f64(pts, k+8), f64(pts, k+16), f64(pts, k+24)
					if y1 > y2 {
						x1, y1, x2, y2 = x2, y2, x1, y1
					}
					s.edges = append(s.edges, [4]float64{x1, y1, x2, y2})
				}
			}
			return true
		})
		slow = append(slow, s)
	}
	return slow
}

func findSlowly(areas []slowArea, lon, lat float64) (string, bool) {
	for _, a := range areas {
		if !a.box.overlaps(Box{lon, lat, lon, lat}) {
			continue
		}
		inside := false
		for _, e := range a.edges {
			if e[1] <= lat && lat < e[3] && side(lon, lat, e[0], e[1], e[2], e[3]) > 0 {
				inside = !inside
			}
		}
		if inside {
			return a.code, true
		}
	}
	return "", false
}

func wards(t testing.TB) (areas []Area, vertices [][2]float64) {
	root := os.Getenv("HUONG_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	f, err := os.Open(filepath.Join(root, "data", "admin-units", "hue_wards_full.geojson.gz"))
	if err != nil {
		t.Skip("the ward borders are absent: set HUONG_SHARED to the folder that holds data/admin-units")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Features []struct {
			Geometry   json.RawMessage
			Properties map[string]any
		}
	}
	if err := json.NewDecoder(z).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	for i, feature := range doc.Features {
		w, err := FromGeoJSON(feature.Geometry)
		if err != nil {
			t.Fatal(err)
		}
		areas = append(areas, Area{string(rune('A'+i/26)) + string(rune('a'+i%26)), w})
		eachPart(w, func(p part) bool {
			for _, pts := range p.runs {
				for k := 0; k < len(pts); k += 16 {
					vertices = append(vertices, [2]float64{f64(pts, k), f64(pts, k+8)})
				}
			}
			return true
		})
	}
	return areas, vertices
}

func TestAreaIndexWards(t *testing.T) {
	areas, vertices := wards(t)
	index := NewAreaIndex(areas)
	t.Logf("%d areas, %d vertices, %d strips, %d entries", len(areas), len(vertices), len(index.strips)-1, len(index.refs))
	random := rand.New(rand.NewPCG(1, 2))
	points := make([][2]float64, 0, 200000)
	for range 100000 {
		points = append(points, [2]float64{107 + random.Float64()*1.25, 15.95 + random.Float64()*0.85})
	}
	if testing.Short() {
		points, vertices = points[:2000], vertices[:2000]
	}
	slow := slowAreas(areas)
	found := 0
	for i, p := range append(points, vertices...) {
		if i%thin != 0 {
			continue
		}
		code, ok := index.Find(p[0], p[1])
		want, wantOK := findSlowly(slow, p[0], p[1])
		if code != want || ok != wantOK {
			t.Fatalf("point %d %v: %q, want %q", i, p, code, want)
		}
		if ok {
			found++
		}
	}
	t.Logf("%d of %d points lie in an area", found, len(points)+len(vertices))
}

// Two areas that share a border never both hold, nor both miss, a point on it.
func TestAreaIndexSharedBorder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64Range(-1, 1)
		border := []float64{f.Draw(t, "x0"), -2, f.Draw(t, "x1"), f.Draw(t, "y1"), f.Draw(t, "x2"), 2}
		left := string(appendRun(append(appendHead(nil, kindPolygon), 1, 0, 0, 0), append([]float64{-5, 2, -5, -2}, append(border, -5, 2)...)))
		right := string(appendRun(append(appendHead(nil, kindPolygon), 1, 0, 0, 0), []float64{border[4], border[5], border[2], border[3], border[0], border[1], 5, -2, 5, 2, border[4], border[5]}))
		k := rapid.Float64Range(0, 0.999).Draw(t, "k")
		i := 2 * rapid.IntRange(0, 1).Draw(t, "edge")
		x, y := border[i]+(border[i+2]-border[i])*k, border[i+1]+(border[i+3]-border[i+1])*k
		_, inLeft := NewAreaIndex([]Area{{"left", left}}).Find(x, y)
		_, inRight := NewAreaIndex([]Area{{"right", right}}).Find(x, y)
		if inLeft == inRight {
			t.Fatalf("(%v, %v): left %v, right %v", x, y, inLeft, inRight)
		}
	})
}

func TestAreaIndexRules(t *testing.T) {
	square, _ := FromWKT("POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))")
	line, _ := FromWKT("LINESTRING(0 0, 9 9)")
	index := NewAreaIndex([]Area{{"b", square}, {"c", line}, {"d", "damaged"}, {"a", BoxPolygon(Box{3, 3, 6, 6})}})
	for _, c := range []struct {
		x, y float64
		want string
	}{
		{0.5, 0.5, "b"}, {1.5, 1.5, ""}, {0, 0, "b"}, {0, 2, "b"}, {4, 2, ""}, {2, 4, ""}, {1, 1, ""}, {2, 1.5, "b"}, {1.5, 2, "b"},
		{3.5, 3.5, "a"}, {5, 5, "a"}, {6, 5, ""}, {7, 7, ""}, {-1, 0, ""}, {0, -1, ""}, {2, 99, ""},
	} {
		if got, _ := index.Find(c.x, c.y); got != c.want {
			t.Errorf("Find(%v, %v) = %q, want %q", c.x, c.y, got, c.want)
		}
	}
	if _, ok := NewAreaIndex(nil).Find(1, 2); ok {
		t.Error("an empty index found an area")
	}
}

func BenchmarkAreaIndexFind(b *testing.B) {
	areas, _ := wards(b)
	index := NewAreaIndex(areas)
	random := rand.New(rand.NewPCG(1, 2))
	points := make([][2]float64, 4096)
	for i := range points {
		points[i] = [2]float64{107 + random.Float64()*1.25, 15.95 + random.Float64()*0.85}
	}
	i := 0
	for b.Loop() {
		p := &points[i&4095]
		index.Find(p[0], p[1])
		i++
	}
}

func BenchmarkIntersectsPointInWard(b *testing.B) {
	areas, _ := wards(b)
	x, y, _ := PointOn(areas[0].Geometry)
	point := Point(x, y)
	for b.Loop() {
		Intersects(point, areas[0].Geometry)
	}
}
