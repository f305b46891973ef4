package cql2

import (
	"runtime"
	"strings"
	"testing"
)

// TestHostileExpressions feeds expressions that are meant to take all memory or
// the whole stack. What was allocated in all bounds what was held at once.
func TestHostileExpressions(t *testing.T) {
	fill := func(head, piece, tail string, limit int) string {
		return head + strings.Repeat(piece, (limit-len(head)-len(tail))/len(piece)) + tail
	}
	for _, c := range []struct {
		name, text string
		json       bool
		refused    bool
	}{
		{"100 MB", strings.Repeat("n = 1 OR ", 11<<20), false, true},
		{"100 MB of depth", strings.Repeat("(", 100<<20), false, true},
		{"all brackets", strings.Repeat("(", MaxText), false, true},
		{"all NOT", strings.Repeat("NOT ", MaxText/4), false, true},
		{"all minus", fill("n = ", "-", "1", MaxText), false, true},
		{"a wide OR", fill("", "n=1 OR ", "ok", MaxText), false, false},
		{"a wide list", fill("n IN (", "1,", "1)", MaxText), false, true},
		{"a long text", fill("name = '", "x", "'", MaxText), false, false},
		{"nested functions", fill("", "casei(", "name", MaxText), false, true},
		{"nested arrays", fill("tags = ", "(", "", MaxText), false, true},
		{"a wide line", fill("S_INTERSECTS(place, LINESTRING(", "1 2,", "3 4))", MaxText), false, false},
		{"nested geometries", fill("S_INTERSECTS(place, ", "GEOMETRYCOLLECTION(", "POINT(1 2)", MaxText), false, true},
		{"JSON of 100 MB", strings.Repeat(`{"op":"not","args":[`, 5<<20), true, true},
		{"JSON brackets", strings.Repeat("[", MaxJSON), true, true},
		{"JSON not", fill("", `{"op":"not","args":[`, "", MaxJSON), true, true},
		{"JSON list", fill(`{"op":"in","args":[{"property":"n"},[`, "1,", "1]]}", MaxJSON), true, true},
		{"JSON text", fill(`{"op":"=","args":[{"property":"name"},"`, "x", `"]}`, MaxJSON), true, false},
		{"JSON coordinates", fill(`{"op":"s_intersects","args":[{"property":"place"},{"type":"LineString","coordinates":[`, "[1,2],", `[1,2]]}]}`, MaxJSON), true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var e Expr
			var err error
			if c.json {
				e, err = ParseJSON([]byte(c.text))
			} else {
				e, err = ParseText(c.text)
			}
			if err == nil {
				_, err = Bind(e, schema)
			}
			runtime.ReadMemStats(&after)
			if (err != nil) != c.refused {
				t.Errorf("%v", err)
			}
			n := int64(after.TotalAlloc-before.TotalAlloc) - int64(len(c.text)) // the JSON is copied for the call
			t.Logf("%d KiB", n>>10)
			if n > 64<<20 {
				t.Errorf("%d MiB were allocated", n>>20)
			}
		})
	}
}
