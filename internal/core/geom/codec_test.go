package geom

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/problem"
)

var shapes = []struct{ wkt, json string }{
	{"POINT(107.5 16.25)", `{"type":"Point","coordinates":[107.5,16.25]}`},
	{"POINT(-0.0000001 90)", `{"type":"Point","coordinates":[-0.0000001,90]}`},
	{"POINT(5e-324 -1.5e-09)", `{"type":"Point","coordinates":[5e-324,-1.5e-09]}`},
	{"LINESTRING(0 0, 1 1, 2 0)", `{"type":"LineString","coordinates":[[0,0],[1,1],[2,0]]}`},
	{"POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 1))", `{"type":"Polygon","coordinates":[[[0,0],[4,0],[4,4],[0,4],[0,0]],[[1,1],[2,1],[2,2],[1,1]]]}`},
	{"MULTIPOINT((0 0), (1 1))", `{"type":"MultiPoint","coordinates":[[0,0],[1,1]]}`},
	{"MULTILINESTRING((0 0, 1 1), (2 2, 3 3))", `{"type":"MultiLineString","coordinates":[[[0,0],[1,1]],[[2,2],[3,3]]]}`},
	{"MULTIPOLYGON(((0 0, 1 0, 0 1, 0 0)), ((5 5, 6 5, 5 6, 5 5)))", `{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[0,1],[0,0]]],[[[5,5],[6,5],[5,6],[5,5]]]]}`},
	{"GEOMETRYCOLLECTION(POINT(1 2), GEOMETRYCOLLECTION(LINESTRING(0 0, 1 1)))", `{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]},{"type":"GeometryCollection","geometries":[{"type":"LineString","coordinates":[[0,0],[1,1]]}]}]}`},
}

func TestShapes(t *testing.T) {
	for _, c := range shapes {
		a, err := FromWKT(c.wkt)
		if err != nil {
			t.Fatalf("%s: %v", c.wkt, err)
		}
		b, err := FromGeoJSON([]byte(c.json))
		if err != nil || a != b {
			t.Errorf("%s and its JSON differ: %v", c.wkt, err)
		}
		if got := ToWKT(a); got != c.wkt {
			t.Errorf("ToWKT = %s, want %s", got, c.wkt)
		}
		if got := string(AppendGeoJSON(nil, a)); got != c.json {
			t.Errorf("AppendGeoJSON = %s, want %s", got, c.json)
		}
		if h, err := FromEWKBHex(hex.EncodeToString([]byte(a))); err != nil || h != a {
			t.Errorf("%s: its own WKB in hexadecimal: %v", c.wkt, err)
		}
		if err := Valid(a); err != nil {
			t.Errorf("%s: %v", c.wkt, err)
		}
		if _, ok := Bounds(a); !ok {
			t.Errorf("%s has no bounds", c.wkt)
		}
		x, y, ok := PointOn(a)
		if !ok || !Intersects(a, Point(x, y)) {
			t.Errorf("PointOn(%s) = %v %v %v", c.wkt, x, y, ok)
		}
	}
}

// A collection as deep as allowed may hold multi-geometries, in every form.
func TestDeepestCollection(t *testing.T) {
	s := strings.Repeat("GEOMETRYCOLLECTION(", MaxDepth) + "MULTIPOINT((1 2))" + strings.Repeat(")", MaxDepth)
	w, err := FromWKT(s)
	if err != nil || ToWKT(w) != s {
		t.Fatalf("%v", err)
	}
	readsBack(t, w)
	if again, err := FromEWKBHex(hex.EncodeToString([]byte(w))); err != nil || again != w {
		t.Fatalf("%v", err)
	}
}

func TestSpellings(t *testing.T) {
	want, _ := FromWKT("MULTIPOINT((1 2), (3 4))")
	for _, s := range []string{"multipoint(1 2,3 4)", " MultiPoint ( ( 1 2 ) , 3 4 ) ", "SRID=4326;MULTIPOINT Z (1 2 9, 3 4 9)", "MULTIPOINT ZM((1 2 9 9),(3 4 9 9))", "MULTIPOINT(1 2 9 9,3 4 9)", "MULTIPOINT(1.0 +2e0,.3e1 4)"} {
		if got, err := FromWKT(s); err != nil || got != want {
			t.Errorf("%s: %v", s, err)
		}
	}
	point, _ := FromWKT("POINT(-71.5 42.25)")
	for _, s := range []string{
		"0101000020E61000000000000000E051C00000000000204540",                 // EWKB, SRID 4326
		"01010000A0E61000000000000000E051C000000000002045400000000000000000", // with Z
		"0000000001C051E000000000004045200000000000",                         // big-endian
		"01E90300000000000000E051C000000000002045400000000000000000",         // ISO WKB with Z
	} {
		if got, err := FromEWKBHex(s); err != nil || got != point {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{
		`{"coordinates":[-71.5,42.25,3],"bbox":[1,2,3,4],"type":"Point","note":{"a":[null]}}`,
		" {\"type\" : \"Point\" , \"coordinates\" : [ -7.15e1 , 42.25 ] } \n",
	} {
		if got, err := FromGeoJSON([]byte(s)); err != nil || got != point {
			t.Errorf("%s: %v", s, err)
		}
	}
	edge, err := FromWKT("POINT(180.00000000000006 -90.0000000001)")
	if x, y, _ := PointOf(edge); err != nil || x != 180 || y != -90 {
		t.Errorf("a coordinate within the slack: %v %v %v", x, y, err)
	}
	if zero, _ := FromWKT("POINT(-0 -0.0)"); zero != Point(0, 0) {
		t.Error("negative zero was kept")
	}
}

func TestFaults(t *testing.T) {
	deep := strings.Repeat("GEOMETRYCOLLECTION(", 20) + "POINT(1 2)" + strings.Repeat(")", 20)
	deepJSON := strings.Repeat(`{"type":"GeometryCollection","geometries":[`, 20) + shapes[0].json + strings.Repeat("]}", 20)
	for _, c := range []struct {
		read   string
		in     string
		code   string
		offset int64
	}{
		{"wkt", "", "geometry-type", 0},
		{"wkt", "CIRCLE(1 2)", "geometry-type", 0},
		{"wkt", "POINT(1)", "geometry-number", 7},
		{"wkt", "POINT(181 2)", "geometry-range", 6},
		{"wkt", "POINT(16.4 107.5)", "geometry-range", 6},
		{"wkt", "POINT(nan 2)", "geometry-number", 6},
		{"wkt", "POINT(1e999 2)", "geometry-number", 6},
		{"wkt", "POINT EMPTY", "geometry-empty", 0},
		{"wkt", "POINT(1 2", "geometry-expected", 9},
		{"wkt", "POINT(1 2) x", "geometry-trailing", 11},
		{"wkt", "SRID=9214;POINT(1 2)", "geometry-srid", 0},
		{"wkt", "LINESTRING(1 2)", "geometry-short-line", 10},
		{"wkt", "POLYGON((0 0, 1 0, 1 1, 0 1))", "geometry-ring", 8},
		{"wkt", deep, "geometry-too-deep", 171},
		{"json", "", "geometry-object", 0},
		{"json", "[1,2]", "geometry-object", 0},
		{"json", `{"type":"Point"}`, "geometry-object", 0},
		{"json", `{"type":"Circle","coordinates":[1,2]}`, "geometry-type", 8},
		{"json", `{"type":"Point","type":"Point","coordinates":[1,2]}`, "geometry-json", 15},
		{"json", `{"type":"Point","coordinates":[1,"2"]}`, "geometry-number", 36},
		{"json", `{"type":"Point","coordinates":[1]}`, "geometry-number", 30},
		{"json", `{"type":"Point","coordinates":[[1,2]]}`, "geometry-number", 32},
		{"json", `{"type":"Point","coordinates":[]}`, "geometry-empty", 30},
		{"json", `{"type":"Point","coordinates":[16.4,107.5]}`, "geometry-range", 30},
		{"json", `{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]}`, "geometry-ring", 33},
		{"json", `{"type":"Point","geometries":[]}`, "geometry-type", 29},
		{"json", `{"type":"Point","coordinates":[1,2]`, "geometry-json", 35},
		{"json", `{"type":"Point","coordinates":[1,2]}]`, "geometry-trailing", 36},
		{"json", deepJSON, "geometry-too-deep", 387},
		{"hex", "zz", "geometry-hex", 0},
		{"hex", "", "geometry-short", 0},
		{"hex", "0101000000", "geometry-short", 10},
		{"hex", "0102000000ffffffff", "geometry-too-large", 18},
		{"hex", "0111000000", "geometry-type", 0},
		{"hex", "01010000202324000000000000000000000000000000000000", "geometry-srid", 0},
		{"hex", "0101000000000000000000f87f000000000000f87f", "geometry-range", 10},
	} {
		var err error
		switch c.read {
		case "wkt":
			_, err = FromWKT(c.in)
		case "json":
			_, err = FromGeoJSON([]byte(c.in))
		case "hex":
			_, err = FromEWKBHex(c.in)
		}
		if err == nil {
			t.Errorf("%.60s was accepted", c.in)
			continue
		}
		v := problem.As(err).Violations
		if len(v) != 1 || v[0].Code != c.code || v[0].Position.Offset != c.offset {
			t.Errorf("%.60s: %+v, want %s at %d", c.in, v, c.code, c.offset)
		}
		if len(v) == 1 && (problem.Text("vi", v[0].Code, v[0].Args) == v[0].Code || strings.Contains(v[0].In("vi"), "{")) {
			t.Errorf("%s has no words", v[0].Code)
		}
	}
}

func TestMalformedWKB(t *testing.T) {
	sound, _ := FromWKT("GEOMETRYCOLLECTION(POINT(1 2), POLYGON((0 0, 4 0, 4 4, 0 0)), MULTILINESTRING((0 0, 1 1)))")
	point := Point(1, 2)
	for i := range len(sound) {
		for _, bad := range []string{sound[:i], sound[:i] + "\xff\xff\xff\xff" + sound[min(i+4, len(sound)):]} {
			if bad == sound {
				continue
			}
			for _, f := range []func(a, b string) bool{Intersects, Disjoint, Equals, Touches, Within, Overlaps, Crosses, Contains} {
				f(bad, point)
				f(point, bad)
				f(bad, sound)
			}
			Valid(bad)
			PointOn(bad)
			Bounds(bad)
			ToWKT(bad)
			AppendGeoJSON(nil, bad)
		}
		if Valid(sound[:i]) == nil || Intersects(sound[:i], point) || Disjoint(sound[:i], Point(9, 9)) {
			t.Errorf("the first %d bytes pass for a geometry", i)
		}
	}
	bow, _ := FromWKT("POLYGON((0 0, 2 2, 2 0, 0 2, 0 0))")
	if Valid(bow) == nil {
		t.Error("a ring that crosses itself is valid")
	}
	if line, _ := FromWKT("LINESTRING(0 0, 1 0)"); Intersects(bow, line) || Disjoint(bow, line) {
		t.Error("an invalid geometry relates to another")
	}
}

func TestBoxPolygon(t *testing.T) {
	for _, c := range []struct {
		box  Box
		want string
	}{
		{Box{0, 40, 10, 50}, "POLYGON((0 40, 10 40, 10 50, 0 50, 0 40))"},
		{Box{150, -90, -150, 90}, "MULTIPOLYGON(((150 -90, 180 -90, 180 90, 150 90, 150 -90)), ((-180 -90, -150 -90, -150 90, -180 90, -180 -90)))"},
		{Box{1, 2, 1, 2}, "POINT(1 2)"},
		{Box{1, 2, 1, 3}, "LINESTRING(1 2, 1 3)"},
		{Box{170, 5, -170, 5}, "GEOMETRYCOLLECTION(LINESTRING(170 5, 180 5), LINESTRING(-180 5, -170 5))"},
		{Box{180, 5, -170, 6}, "GEOMETRYCOLLECTION(LINESTRING(180 5, 180 6), POLYGON((-180 5, -170 5, -170 6, -180 6, -180 5)))"},
	} {
		got := BoxPolygon(c.box)
		if ToWKT(got) != c.want {
			t.Errorf("%v: %s, want %s", c.box, ToWKT(got), c.want)
		}
		if err := Valid(got); err != nil {
			t.Errorf("%v: %v", c.box, err)
		}
	}
}

// drawGeometry draws small valid shapes on a coarse grid, so that they meet often.
func drawGeometry(t *rapid.T) string {
	at := func() (float64, float64) {
		return float64(rapid.IntRange(-4, 4).Draw(t, "x")) / 2, float64(rapid.IntRange(-4, 4).Draw(t, "y")) / 2
	}
	square := func() string {
		x, y := at()
		return BoxPolygon(Box{x, y, x + float64(rapid.IntRange(1, 3).Draw(t, "w"))/2, y + float64(rapid.IntRange(1, 3).Draw(t, "h"))/2})
	}
	x, y := at()
	switch rapid.IntRange(0, 6).Draw(t, "shape") {
	case 0:
		return Point(x, y)
	case 1:
		return square()
	case 2:
		x2, y2 := at()
		return string(appendRun(appendHead(nil, kindLine), []float64{x, y, x2 + 5, y2, x2, y}))
	case 3:
		w, _ := FromWKT("POLYGON((-2 -2, 2 -2, 2 2, -2 2, -2 -2), (-1 -1, 1 -1, 1 1, -1 1, -1 -1))")
		return w
	case 4:
		w, _ := FromWKT("MULTIPOLYGON(((-2 -2, 0 -2, 0 0, -2 0, -2 -2)), ((0.5 0.5, 2 0.5, 2 2, 0.5 2, 0.5 0.5)))")
		return w
	case 5:
		w, _ := FromWKT("MULTILINESTRING((-2 0, 2 0), (0 -2, 0 0), (2 0, 2 2))")
		return w
	}
	x2, y2 := at()
	w, _ := FromWKT("MULTIPOINT((" + string(appendCoordinate(nil, x)) + " " + string(appendCoordinate(nil, y)) + "), (" + string(appendCoordinate(nil, x2)) + " " + string(appendCoordinate(nil, y2)) + "))")
	return w
}

// The quick answers for points and boxes equal those of the full matrix, and the
// relations are what their definitions say of each other.
func TestRelations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawGeometry(t), drawGeometry(t)
		all := map[relation]func(a, b string) bool{relIntersects: Intersects, relDisjoint: Disjoint, relEquals: Equals, relTouches: Touches, relWithin: Within, relOverlaps: Overlaps, relCrosses: Crosses}
		for r, f := range all {
			if got, want := f(a, b), relateExact(a, b, r); got != want {
				t.Fatalf("relation %d of %s and %s: %v, the matrix says %v", r, ToWKT(a), ToWKT(b), got, want)
			}
		}
		if Disjoint(a, b) == Intersects(a, b) || Contains(a, b) != Within(b, a) || Intersects(a, b) != Intersects(b, a) || Equals(a, b) != Equals(b, a) {
			t.Fatalf("%s and %s contradict themselves", ToWKT(a), ToWKT(b))
		}
	})
}

func TestSideIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64Range(-180, 180)
		x1, y1, x2, y2 := f.Draw(t, "x1"), f.Draw(t, "y1"), f.Draw(t, "x2"), f.Draw(t, "y2")
		k := rapid.Float64Range(0, 1).Draw(t, "k")
		x, y := x1+(x2-x1)*k, math.Nextafter(y1+(y2-y1)*k, 200)
		if got, want := side(x, y, x1, y1, x2, y2), sideExact(x, y, x1, y1, x2, y2); got != want {
			t.Fatalf("side = %d, exactly %d", got, want)
		}
		if side(x, y, x1, y1, x2, y2) != -side(x, y, x2, y2, x1, y1) {
			t.Fatal("side depends on the direction")
		}
	})
}

func FuzzFromWKT(f *testing.F) {
	for _, c := range shapes {
		f.Add(c.wkt)
	}
	f.Add("SRID=4326;POINT ZM(1 2 3 4)")
	f.Fuzz(func(t *testing.T, s string) {
		if w, err := FromWKT(s); err == nil {
			readsBack(t, w)
		}
	})
}

func FuzzFromGeoJSON(f *testing.F) {
	for _, c := range shapes {
		f.Add([]byte(c.json))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if w, err := FromGeoJSON(b); err == nil {
			readsBack(t, w)
		}
	})
}

func FuzzFromEWKBHex(f *testing.F) {
	for _, c := range shapes {
		w, _ := FromWKT(c.wkt)
		f.Add(hex.EncodeToString([]byte(w)))
	}
	f.Add("0101000020E61000000000000000E051C00000000000204540")
	f.Fuzz(func(t *testing.T, s string) {
		if w, err := FromEWKBHex(s); err == nil {
			readsBack(t, w)
		}
	})
}

func FuzzWKB(f *testing.F) {
	for _, c := range shapes {
		w, _ := FromWKT(c.wkt)
		f.Add([]byte(w))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		w := string(b)
		Valid(w)
		PointOn(w)
		Bounds(w)
		Intersects(w, w)
		Within(w, Point(1, 1))
		NewAreaIndex([]Area{{"a", w}}).Find(1, 1)
		if ToWKT(w) != "" && !eachPart(w, nil) {
			t.Fatal("malformed bytes were written")
		}
	})
}

func readsBack(t *testing.T, w string) {
	if !eachPart(w, nil) {
		t.Fatal("a reader wrote malformed bytes")
	}
	if again, err := FromWKT(ToWKT(w)); err != nil || again != w {
		t.Fatalf("WKT does not read back: %v", err)
	}
	if again, err := FromGeoJSON(AppendGeoJSON(nil, w)); err != nil || again != w {
		t.Fatalf("GeoJSON does not read back: %v", err)
	}
}
