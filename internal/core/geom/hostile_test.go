package geom

import (
	"runtime"
	"strings"
	"testing"
)

// TestHostileGeometries feeds texts that are meant to take all memory or the
// whole stack: what is allocated stays in proportion to the text.
func TestHostileGeometries(t *testing.T) {
	const size = 8 << 20
	for _, c := range []struct {
		name, text string
		read       func(string) error
		refused    bool
	}{
		{"WKT brackets", strings.Repeat("(", size), readWKT, true},
		{"WKT collections", strings.Repeat("GEOMETRYCOLLECTION(", size/19), readWKT, true},
		{"WKT polygon of brackets", "POLYGON" + strings.Repeat("(", size), readWKT, true},
		{"WKT line", "LINESTRING(" + strings.Repeat("1 2,3 4,", size/32) + "1 2)", readWKT, false},
		{"WKT number", "POINT(1." + strings.Repeat("0", size) + " 2)", readWKT, true},
		{"JSON brackets", `{"type":"Point","coordinates":` + strings.Repeat("[", size), readJSON, true},
		{"JSON objects", strings.Repeat(`{"a":`, size/5), readJSON, true},
		{"JSON collections", strings.Repeat(`{"type":"GeometryCollection","geometries":[`, size/43), readJSON, true},
		{"JSON unknown member", `{"x":` + strings.Repeat("[", size), readJSON, true},
		{"JSON line", `{"type":"LineString","coordinates":[` + strings.Repeat("[1,2],[3,4],", size/32) + `[1,2]]}`, readJSON, false},
		{"WKT vertices", "LINESTRING(" + strings.Repeat("1 2,3 4,", size/8) + "1 2)", readWKT, true},
		{"JSON vertices", `{"type":"LineString","coordinates":[` + strings.Repeat("[1,2],[3,4],", size/12) + `[1,2]]}`, readJSON, true},
		{"JSON empties", `{"type":"MultiPolygon","coordinates":[` + strings.Repeat("[],", size/3) + `[]]}`, readJSON, true},
		{"hex", strings.Repeat("01", size/2), readHex, true},
		{"hex collections", strings.Repeat("010700000001000000", size/18), readHex, true},
		{"hex that promises", "0104000000ffffff7f", readHex, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := c.read(c.text)
			runtime.ReadMemStats(&after)
			if (err != nil) != c.refused {
				t.Errorf("%v", err)
			}
			n := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d KiB", n>>10)
			if n > 32*size {
				t.Errorf("%d MiB were allocated for %d", n>>20, len(c.text)>>20)
			}
		})
	}
}

func readWKT(s string) error  { _, err := FromWKT(s); return err }
func readJSON(s string) error { _, err := FromGeoJSON([]byte(s)); return err }
func readHex(s string) error  { _, err := FromEWKBHex(s); return err }
