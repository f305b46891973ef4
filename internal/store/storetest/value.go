package storetest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// awkward lists values that some database or other has changed on the way.
func awkward() map[int][]value.Value {
	return map[int][]value.Value{
		name: {
			text(""), text(" "), text("null"), text("0"), text("'; DROP TABLE x; --"), text(`"\`), text("a\tb\r\nc"),
			text("Huế"), text("Hue\u0302\u0301"), text("HUẾ"), text("Đường"), text("\U0001F30A"), text("\uFFFD"), text("Ａ"), text("%_\\"),
			text("2025-07-01T00:00:00Z"), text("1e5"), text("007"),
		},
		level: {
			num(0), num(math.Copysign(0, -1)), num(0.1), num(1), num(-1), num(1e15), num(9007199254740993), num(math.MaxFloat64), num(-math.MaxFloat64),
			num(math.SmallestNonzeroFloat64), num(math.Nextafter(1, 2)), num(1.7976931348623157e308), num(123456789.123456789),
		},
		count: {integer(0), integer(-1), integer(1<<53 + 1), integer(math.MaxInt64), integer(math.MinInt64), integer(1 << 32)},
		live:  {value.OfBool(true), value.OfBool(false)},
		since: {value.OfDate(0), value.OfDate(-1), value.OfDate(-719528), value.OfDate(2932896), value.OfDate(19782), value.OfDate(11016)},
		seenAt: {
			value.OfTime(0), value.OfTime(-1), value.OfTime(1), value.OfTime(Start), value.OfTime(Start + 1), value.OfTime(Start + 100_000),
			value.OfTime(Start + 120_000), value.OfTime(-62135596800000000), value.OfTime(253402300799999999),
		},
		place: {value.OfGeometry(geom.Point(107.58, 16.46)), value.OfGeometry(geom.Point(0, 0)), value.OfGeometry(geom.Point(-180, -90))},
		tags: {
			text(`[]`), text(`["b","a"]`), text(`["a","b"]`), text(`{"b":1,"a":2}`), text(`{"a":2,"b":1}`), text(`[1,1.0,1e0]`), text(`"x"`), text(`null`),
		},
	}
}

var valueTests = []test{
	{"round trip", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		var want [][]value.Value
		for c, vs := range awkward() {
			for i, v := range vs {
				row := station(fmt.Sprintf("%d-%02d", c, i))
				row[c] = v
				want = append(want, row)
			}
		}
		slices.SortFunc(want, func(a, b []value.Value) int { c, _ := value.Compare(a[0], b[0]); return c })
		r.put(ws, want...)
		for round := range 2 {
			got := r.read(store.Query{Table: r.tables[ws]})
			if len(got) != len(want) {
				t.Fatalf("%d rows, want %d", len(got), len(want))
			}
			for i := range want {
				if !same(got[i].Values, want[i]) {
					t.Errorf("round %d: %v came back as %v", round, want[i], got[i].Values)
				}
			}
			// The same again is no change: nothing was altered in keeping it.
			if rc := r.put(ws, want...); !rc.Empty {
				t.Errorf("round %d: the same rows changed something: %v", round, rc.Counts)
			}
			r.reopen(t)
		}
		for i, a := range r.log(store.LogRange{After: 1, Limit: 1})[0].Changes {
			if !same(a.After, want[i]) {
				t.Errorf("log has %v for %v", a.After, want[i])
			}
		}
		r.sound()
	}},
	{"keys of every kind", func(t *testing.T, db Database) {
		r := with(t, db)
		types := map[int]dataset.Type{name: dataset.String, level: dataset.Number, count: dataset.Integer, live: dataset.Boolean, since: dataset.DateType, seenAt: dataset.DateTime}
		for c, typ := range types {
			tab := table("by-"+[]string{"", "name", "level", "count", "live", "since", "seen"}[c], col("k", typ), col("n", dataset.Integer))
			r.declare(tab)
			var rows [][]value.Value
			seen := map[value.Value]bool{}
			for _, v := range awkward()[c] {
				if !seen[v] {
					seen[v] = true
					rows = append(rows, []value.Value{v, integer(int64(len(rows)))})
				}
			}
			r.put(tab.Name, rows...)
			for _, row := range rows {
				got := r.get(tab.Name, 0, row[0])
				if got == nil || !same(got.Values, row) {
					t.Errorf("%s: key %v gave %v", tab.Name, row[0], got)
				}
			}
			// Order by key is value.Compare's.
			slices.SortFunc(rows, func(a, b []value.Value) int { c, _ := value.Compare(a[0], b[0]); return c })
			for i, got := range r.read(store.Query{Table: tab}) {
				if got.Values[0] != rows[i][0] {
					t.Fatalf("%s: row %d is %v, want %v", tab.Name, i, got.Values[0], rows[i][0])
				}
			}
			// Paging by key meets each exactly once.
			var n int
			for after := []value.Value(nil); ; {
				page := r.read(store.Query{Table: tab, After: after, Limit: 2})
				n += len(page)
				if len(page) < 2 {
					break
				}
				after = page[1].Values[:1]
			}
			if n != len(rows) {
				t.Errorf("%s: paging met %d of %d", tab.Name, n, len(rows))
			}
		}
		r.sound()
	}},
	{"null, empty text and empty array differ", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		a := station("a")
		b := station("b")
		b[tags] = text("")
		c := station("c")
		c[tags] = text("[]")
		r.put(ws, a, b, c)
		for i, row := range r.read(store.Query{Table: r.tables[ws]}) {
			if want := [][]value.Value{a, b, c}[i]; !same(row.Values, want) {
				t.Errorf("%v came back as %v", want, row.Values)
			}
		}
		a2 := station("a")
		a2[tags] = text("")
		if rc := r.put(ws, a2); rc.Empty {
			t.Error("null to empty text is no change")
		}
		if rc := r.put(ws, station("a")); rc.Empty {
			t.Error("empty text to null is no change")
		}
	}},
	{"keys tell case and form apart", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		keys := []string{"Huế", "Hue\u0302\u0301", "HUẾ", "huế", "Hue", "hue", "hue ", "Huế ", "ß", "ss", "I", "ı", "i", "İ"}
		var rows [][]value.Value
		for _, k := range keys {
			rows = append(rows, station(k, text(k)))
		}
		if rc := r.put(ws, rows...); rc.Counts[1] != int64(len(keys)) {
			t.Fatalf("counts %v", rc.Counts)
		}
		slices.Sort(keys)
		if got := r.keys(store.Query{Table: r.tables[ws]}); !slices.Equal(got, keys) {
			t.Errorf("order %q, want %q", got, keys)
		}
		if got := r.keys(store.Query{Table: r.tables[ws], Sort: []store.Order{{Column: name}}}); !slices.Equal(got, keys) {
			t.Errorf("order by a column %q, want %q", got, keys)
		}
	}},
	{"instants keep microseconds and order", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		var rows [][]value.Value
		for i, us := range []int64{0, 1, 10, 100, 1000, 100_000, 120_000, 999_999, 1_000_000, -1, -1_000_000} {
			row := station(fmt.Sprintf("%02d", i))
			row[seenAt] = value.OfTime(Start + us)
			rows = append(rows, row)
		}
		r.put(ws, rows...)
		got := r.read(store.Query{Table: r.tables[ws], Sort: []store.Order{{Column: seenAt}}})
		for i := 1; i < len(got); i++ {
			if got[i].Values[seenAt].Micros() <= got[i-1].Values[seenAt].Micros() {
				t.Fatalf("%d is not after %d", got[i].Values[seenAt].Micros(), got[i-1].Values[seenAt].Micros())
			}
		}
	}},
	{"geometry keeps its bytes", func(t *testing.T, db Database) {
		tab := table("outline", col("code", dataset.String), col("shape", dataset.GeoJSON))
		tab.Geometry = 1
		r := with(t, db, tab)
		for i, wkt := range []string{
			"POLYGON((107 16,108 16,108 17,107 17,107 16))",
			"POLYGON((107 16,107 17,108 17,108 16,107 16))", // the other way round
			"POLYGON((107 16,108 16,108 17,107 17,107 16),(107.2 16.2,107.2 16.4,107.4 16.4,107.2 16.2))",
			"LINESTRING(107.1 16.1,107.2 16.3)", "MULTIPOINT(107.1 16.1,107.2 16.3)",
			"MULTIPOLYGON(((107 16,108 16,108 17,107 16)),((105 16,106 16,106 17,105 16)))",
		} {
			g, err := geom.FromWKT(wkt)
			if err != nil {
				t.Fatal(err)
			}
			row := []value.Value{text(fmt.Sprint(i)), value.OfGeometry(g)}
			r.put("outline", row)
			if got := r.get("outline", 0, row[0]); got == nil || got.Values[1] != row[1] {
				t.Errorf("%s came back as %s", wkt, geom.ToWKT(got.Values[1].WKB()))
			}
			if rc := r.put("outline", row); !rc.Empty {
				t.Errorf("%s again is a change", wkt)
			}
		}
		r.sound()
	}},
	{"a deleted key starts afresh", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		first := r.put(ws, station("a", text("one"))).Seq
		gone := r.ok(r.item(r.remove(ws, text("a")))).Seq
		r.put(ws, station("b"))
		back := r.put(ws, station("a", text("two"))).Seq
		if got := r.get(ws, 0, text("a")); got.Version != back {
			t.Fatalf("version %d, want %d", got.Version, back)
		}
		h := r.history(ws, text("a"))
		if len(h) != 3 || h[0].Seq != back || h[0].Until != 0 || h[1].Values != nil || h[1].Seq != gone || h[1].Until != back ||
			h[2].Seq != first || h[2].Until != gone || h[2].Values[name] != text("one") {
			t.Fatalf("history %+v", h)
		}
		if h := r.history(ws, text("b")); len(h) != 1 {
			t.Fatalf("history of another %+v", h)
		}
		if h := r.history(ws, text("nobody")); len(h) != 0 {
			t.Fatalf("history of nobody %+v", h)
		}
		r.sound()
	}},
}
