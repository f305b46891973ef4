package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

func filled(t *testing.T, opt Options, tab *dataset.Table, rows [][]value.Value) *Driver {
	t.Helper()
	d, err := Open(t.TempDir(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	declareBench(t, d, tab)
	appendRows(t, d, tab, 1, rows)
	return d
}

// steps returns SQLite's plan of every statement of a query.
func steps(t *testing.T, d *Driver, q store.Query) string {
	t.Helper()
	p, err := d.plans.of(q.Table)
	if err != nil {
		t.Fatal(err)
	}
	s := &scanning{d: d, p: p, q: q}
	s.columns()
	var out []string
	err = d.reading(context.Background(), func(c *conn) error {
		parts, err := s.compile(c)
		if err != nil {
			return err
		}
		for _, part := range parts {
			args, err := c.exprs.resolve(part.args)
			if err != nil {
				return err
			}
			row := make([]driver.Value, 4)
			if err := c.each(bg, "EXPLAIN QUERY PLAN "+part.sql, args, row, func() error {
				out = append(out, fmt.Sprint(row[3]))
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

// TestIndexesServe holds the plans of the reads that pages and maps make: none
// may scan or sort a whole table.
func TestIndexesServe(t *testing.T) {
	t.Parallel()
	tab := requests(true)
	rows := rowsOf(0, 2000, true)
	d := filled(t, Options{}, tab, rows)
	filter := func(s string) cql2.Expr {
		e, err := cql2.ParseText(s)
		if err == nil {
			e, err = cql2.Bind(e, tab)
		}
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	last := rows[7]
	for _, x := range []struct {
		name string
		q    store.Query
		uses string
		sort bool // of ties only
	}{
		{"key", store.Query{Key: []value.Value{last[0]}}, "request__key", false},
		{"by key", store.Query{Limit: 10}, "request__key", false},
		{"after a key", store.Query{After: []value.Value{last[0]}, Limit: 10}, "request__key (code>?)", false},
		{"sorted", store.Query{Sort: []store.Order{{Column: 6}}, Limit: 10}, "request__ix_6", false},
		{"newest", store.Query{Sort: []store.Order{{Column: 6, Desc: true}}, Limit: 10}, "request__ix_6", true},
		{"sorted, after", store.Query{Sort: []store.Order{{Column: 6}}, After: []value.Value{last[6], last[0]}, Limit: 10}, "request__ix_6 (observed>?)", false},
		{"newest, after", store.Query{Sort: []store.Order{{Column: 6, Desc: true}}, After: []value.Value{last[6], last[0]}, Limit: 10}, "request__ix_6 (observed<?)", true},
		{"two columns, after", store.Query{Sort: []store.Order{{Column: 4}, {Column: 5}}, After: []value.Value{last[4], last[5], last[0]}, Limit: 10}, "request__ix_4_5 (category=? AND status=? AND code>?)", true},
		{"filter", store.Query{Filter: filter("area = 'ward-1' AND observed > TIMESTAMP('2025-07-01T00:00:10Z')"), Sort: []store.Order{{Column: 6, Desc: true}}, Limit: 10}, "request__ix_3_6 (area=? AND observed>?)", true},
		{"time", store.Query{Filter: filter("T_DURING(observed, INTERVAL('2025-07-01T00:00:10Z','2025-07-01T00:00:20Z'))"), Sort: []store.Order{{Column: 6}}, Limit: 10}, "request__ix_6 (observed>? AND observed<?)", false},
		{"prefix", store.Query{Filter: filter("category LIKE 'category-1%'"), Sort: []store.Order{{Column: 4}}, Limit: 10}, "request__ix_4_5 (category>? AND category<?)", true},
		{"place", store.Query{Filter: filter("S_INTERSECTS(place, BBOX(107.1,16.1,107.2,16.2))"), Limit: 10}, "VIRTUAL TABLE INDEX", true},
	} {
		x.q.Table = tab
		plan := steps(t, d, x.q)
		if !strings.Contains(plan, x.uses) {
			t.Errorf("%s: no use of %s:\n%s", x.name, x.uses, plan)
		}
		if !x.sort && strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: sorts:\n%s", x.name, plan)
		}
		for _, line := range strings.Split(plan, "\n") {
			if strings.HasPrefix(line, "SCAN request ") && !strings.Contains(line, "USING") {
				t.Errorf("%s: reads the whole table:\n%s", x.name, plan)
			}
		}
	}
}

// TestTheFewestRowsLead holds which index a page walks, and that it gives the same
// rows as one that SQLite plans by itself.
func TestTheFewestRowsLead(t *testing.T) {
	t.Parallel()
	tab := requests(true)
	tab.Indexes = append(tab.Indexes, []int{5, 6})
	rows := rowsOf(0, maxProbe+3000, true)
	for i := range rows {
		rows[i][5] = value.OfText([]string{"closed", "closed", "closed", "open", "open", "asked"}[i%6])
		if i%4000 == 0 {
			rows[i][4] = value.OfText("rare")
		}
		if i%3000 == 0 {
			rows[i][3] = value.Value{}
		}
	}
	d := filled(t, Options{}, tab, rows)
	newest := []store.Order{{Column: 6, Desc: true}}
	for _, x := range []struct{ filter, uses string }{
		{"status = 'open'", "request__ix_5_6 (status=?)"},
		{"status = 'open' AND category = 'rare'", "request__ix_4_5 (category=? AND status=?)"},
		{"status = 'open' AND area = 'ward-7'", "request__ix_3_6 (area=?)"},
		{"status IN ('closed', 'open', 'asked')", "SCAN request USING INDEX request__ix_6"},
		{"status IN ('nothing', 'asked')", "request__ix_5_6 (status=?)"},
		{"status IN ('closed', 'open') AND area = 'ward-7'", "request__ix_3_6 (area=?)"},
		{"area IS NULL AND status IN ('closed', 'open')", "request__ix_3_6 (area=?)"},
		{"area IS NULL AND status = 'closed'", "request__ix_3_6 (area=?)"},
		{"category = 'rare'", "request__ix_4_5 (category=?)"},
		{"category <> 'rare'", "SCAN request USING INDEX request__ix_6"},
		{"code = '" + rows[5][0].Text() + "' AND status = 'asked'", "request__key (code=?)"},
		{"status IN ('closed', 'open') AND val < 5", "SCAN request USING INDEX request__ix_6"},
	} {
		e, err := cql2.ParseText(x.filter)
		if err == nil {
			e, err = cql2.Bind(e, tab)
		}
		if err != nil {
			t.Fatal(err)
		}
		q := store.Query{Table: tab, Filter: e, Sort: newest, Limit: 40}
		if plan := steps(t, d, q); !strings.Contains(plan, x.uses) {
			t.Errorf("%s: not by %s:\n%s", x.filter, x.uses, plan)
		}
		keys := func(q store.Query) (list []string) {
			if err := d.Read(bg, q, func(r store.Row) error { list = append(list, r.Values[0].Text()); return nil }); err != nil {
				t.Fatal(err)
			}
			return list
		}
		all := q
		all.Limit = 0 // not led
		want := keys(all)
		var got []string
		for {
			page := keys(q)
			got = append(got, page...)
			if len(page) < q.Limit || len(got) > 400 {
				break
			}
			last := rows[slices.IndexFunc(rows, func(r []value.Value) bool { return r[0].Text() == page[len(page)-1] })]
			q.After = []value.Value{last[6], last[0]}
		}
		if len(want) > len(got) && len(got) > 400 {
			want = want[:len(got)]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d rows, want %d, not all the same", x.filter, len(got), len(want))
		}
	}
}

// TestLongScanChangesSnapshots reads with a tiny allowance while the table
// changes: what comes is the state that the scan began with.
func TestLongScanChangesSnapshots(t *testing.T) {
	t.Parallel()
	tab := requests(true)
	rows := rowsOf(0, 300, true)
	clock := time.Unix(0, 0)
	for _, opt := range []Options{{SnapshotRows: 7}, {Clock: func() time.Time { clock = clock.Add(time.Second); return clock }, Snapshot: time.Second}} {
		d := filled(t, opt, tab, rows)
		for _, order := range [][]store.Order{nil, {{Column: 6, Desc: true}}, {{Column: 9}}} {
			var want, got []string
			q := store.Query{Table: tab, Sort: order}
			if err := d.Read(bg, store.Query{Table: tab, Sort: order, Limit: 100_000}, func(r store.Row) error {
				want = append(want, fmt.Sprint(r.Version, r.Values))
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			n := 0
			if err := d.Read(bg, q, func(r store.Row) error {
				got = append(got, fmt.Sprint(r.Version, r.Values))
				if n++; n%40 == 0 {
					x := slices.Clone(rows[n*7%len(rows)])
					x[9] = value.OfInt(int64(-n))
					y := request(10_000+n, true)
					appendRows(t, d, tab, 1, [][]value.Value{x, y})
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("order %v: %d rows, want %d, not all the same", order, len(got), len(want))
			}
		}
	}
}

func TestPointsWithoutGeometryUseTheTree(t *testing.T) {
	t.Parallel()
	tab := requests(false)
	tab.Columns = append(tab.Columns, dataset.Column{Name: "_x", Type: dataset.Number, Kind: value.Float, Derived: true}, dataset.Column{Name: "_y", Type: dataset.Number, Kind: value.Float, Derived: true})
	tab.X, tab.Y = 11, 12
	rows := rowsOf(0, 500, false)
	want := 0
	for i := range rows {
		rows[i] = append(rows[i], rows[i][2], rows[i][1])
		if x, y := rows[i][2].Float(), rows[i][1].Float(); x >= 107.2 && x <= 107.4 && y >= 16.3 && y < 16.6 {
			want++
		}
	}
	d := filled(t, Options{}, tab, rows)
	e, err := cql2.ParseText("_x BETWEEN 107.2 AND 107.4 AND _y >= 16.3 AND 16.6 > _y")
	if err == nil {
		e, err = cql2.Bind(e, tab)
	}
	if err != nil {
		t.Fatal(err)
	}
	q := store.Query{Table: tab, Filter: e}
	if plan := steps(t, d, q); !strings.Contains(plan, "VIRTUAL TABLE INDEX") {
		t.Errorf("no use of the R*Tree:\n%s", plan)
	}
	if n, err := d.Count(bg, q); err != nil || n != int64(want) || want == 0 {
		t.Errorf("count %d, %v, want %d", n, err, want)
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := Restore(strings.NewReader(""), dir, Options{}); !errors.Is(err, &problem.Error{Kind: problem.Conflict, Code: "restore-occupied"}) {
		t.Errorf("over a database: %v", err)
	}
	for _, s := range []string{"", "no backup", strings.Repeat("x", 100_000)} {
		if err := Restore(strings.NewReader(s), t.TempDir(), Options{}); problem.KindOf(err) != problem.Invalid {
			t.Errorf("of %d bytes of nonsense: %v", len(s), err)
		}
	}
}

func TestHilbertKeepsNeighboursTogether(t *testing.T) {
	t.Parallel()
	near := func(a, b uint64) uint64 { return max(a, b) - min(a, b) }
	hue := hilbert(107.58, 16.46)
	if near(hue, hilbert(107.5801, 16.4601)) >= near(hue, hilbert(-70, 42)) {
		t.Error("a neighbour is farther along the curve than Boston")
	}
	for _, p := range [][2]float64{{-180, -90}, {180, 90}, {1e300, -1e300}} {
		hilbert(p[0], p[1])
	}
	if hilbert(1, 2) == hilbert(2, 1) {
		t.Error("two places share one index")
	}
}
