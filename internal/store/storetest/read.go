package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// bind parses and binds an expression over a layout.
func (r *rig) bind(dataset, expr string) cql2.Expr {
	r.t.Helper()
	e, err := cql2.ParseText(expr)
	if err == nil {
		e, err = cql2.Bind(e, r.tables[dataset])
	}
	if err != nil {
		r.t.Fatalf("%s: %v", expr, err)
	}
	return e
}

// many puts n stations whose columns repeat and are null now and then.
func (r *rig) many(n int) [][]value.Value {
	rows := make([][]value.Value, n)
	for i := range rows {
		row := station(fmt.Sprintf("%04d", i*7919%n))
		if i%5 > 0 {
			row[name] = text([]string{"Kim Long", "Phú Ốc", "Thượng Nhật"}[i%3])
		}
		if i%4 > 0 {
			row[level] = num(float64(i%7) / 2)
		}
		if i%3 > 0 {
			row[count] = integer(int64(i % 11))
		}
		if i%2 > 0 {
			row[live] = value.OfBool(i%4 == 1)
		}
		if i%6 > 0 {
			row[seenAt] = value.OfTime(Start + int64(i%13)*3_600_000_000)
			row[since] = value.OfDate(20000 + int64(i%40))
		}
		row[place] = value.OfGeometry(geom.Point(107+float64(i%20)/20, 16+float64(i%17)/17))
		rows[i] = row
	}
	r.put(ws, rows...)
	return rows
}

// inOrder sorts rows as a query would.
func inOrder(rows [][]value.Value, order []store.Order) [][]value.Value {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b []value.Value) int {
		for _, o := range append(slices.Clone(order), store.Order{Column: 0}) {
			x, y := a[o.Column], b[o.Column]
			if x.IsNull() || y.IsNull() {
				if c := cmp.Compare(b2i(x.IsNull()), b2i(y.IsNull())); c != 0 {
					return c
				}
				continue
			}
			c, _ := value.Compare(x, y)
			if o.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	return rows
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func codes(rows [][]value.Value) []string {
	var ks []string
	for _, r := range rows {
		ks = append(ks, r[0].Text())
	}
	return ks
}

var readTests = []test{
	{"order and paging with nulls last", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		rows := r.many(150)
		for _, order := range [][]store.Order{
			nil,
			{{Column: name}}, {{Column: name, Desc: true}}, // indexed
			{{Column: seenAt}}, {{Column: seenAt, Desc: true}},
			{{Column: level}}, {{Column: level, Desc: true}}, // not indexed
			{{Column: live}}, {{Column: since, Desc: true}},
			{{Column: code, Desc: true}},
			{{Column: name, Desc: true}, {Column: count}}, {{Column: count}, {Column: seenAt, Desc: true}},
			{{Column: name}, {Column: level, Desc: true}, {Column: live}},
		} {
			want := codes(inOrder(rows, order))
			if got := r.keys(store.Query{Table: r.tables[ws], Sort: order}); !slices.Equal(got, want) {
				t.Errorf("order %v:\n got %v\nwant %v", order, got, want)
				continue
			}
			for _, q := range []store.Query{{Limit: 7}, {Limit: 40}, {Limit: 13, AsOf: r.head().Seq}, {Limit: 11, Columns: []int{code}}} {
				q.Table, q.Sort = r.tables[ws], order
				if got := codes(r.page(q)); !slices.Equal(got, want) {
					t.Errorf("order %v by pages of %d as of %d:\n got %v\nwant %v", order, q.Limit, q.AsOf, got, want)
				}
			}
		}
	}},
	{"filter, order and paging together", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		rows := r.many(200)
		for _, text := range []string{
			"name = 'Kim Long'", "level > 1 AND count <= 5", "name IS NULL OR live = TRUE", "NOT (name = 'Kim Long')", "name LIKE 'Ph%'",
			"count IN (1,2,3)", "level BETWEEN 0.5 AND 1.5", "S_INTERSECTS(place, BBOX(107.1,16.1,107.5,16.5))", "casei(name) = casei('KIM LONG')",
			"T_AFTER(seenAt, TIMESTAMP('2025-07-01T03:00:00Z'))",
		} {
			e := r.bind(ws, text)
			var kept [][]value.Value
			for _, row := range rows {
				if cql2.Matches(e, row) {
					kept = append(kept, row)
				}
			}
			if len(kept) == 0 || len(kept) == len(rows) {
				t.Fatalf("%s selects %d of %d rows: a poor test", text, len(kept), len(rows))
			}
			order := []store.Order{{Column: seenAt, Desc: true}}
			if got, want := codes(r.page(store.Query{Table: r.tables[ws], Filter: e, Sort: order, Limit: 9})), codes(inOrder(kept, order)); !slices.Equal(got, want) {
				t.Errorf("%s:\n got %v\nwant %v", text, got, want)
			}
			for _, asOf := range []int64{0, r.head().Seq} {
				n, err := r.d.Count(context.Background(), store.Query{Table: r.tables[ws], Filter: e, AsOf: asOf, Limit: 3})
				if err != nil || n != int64(len(kept)) {
					t.Errorf("%s: count %d, %v, want %d", text, n, err, len(kept))
				}
			}
		}
	}},
	{"columns that are asked for", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.put(ws, station("a", text("x"), num(2), integer(3)))
		for _, q := range []store.Query{{Columns: []int{level}}, {Columns: []int{level}, Key: []value.Value{text("a")}}, {Columns: []int{level}, Sort: []store.Order{{Column: name}}}} {
			q.Table = r.tables[ws]
			got := r.read(q)
			want := make([]value.Value, 9)
			want[level] = num(2)
			if len(got) != 1 || !same(got[0].Values, want) || got[0].Version != 2 {
				t.Errorf("%+v", got)
			}
		}
	}},
	{"by key", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.put(ws, station("a", text("x")), station("b", text("y")))
		q := store.Query{Table: r.tables[ws], Key: []value.Value{text("b")}}
		if got := r.keys(q); !slices.Equal(got, []string{"b"}) {
			t.Errorf("got %v", got)
		}
		q.Filter = r.bind(ws, "name = 'x'")
		if got := r.keys(q); got != nil {
			t.Errorf("a key that the filter hides: %v", got)
		}
		q.Filter, q.Key = nil, []value.Value{text("c")}
		if got := r.keys(q); got != nil {
			t.Errorf("got %v", got)
		}
	}},
	{"pages while others insert", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		var rows [][]value.Value
		for i := range 40 {
			rows = append(rows, station(fmt.Sprintf("m%02d", i), text(fmt.Sprint("n", i%4))))
		}
		r.put(ws, rows...)
		order := []store.Order{{Column: name}}
		want := codes(inOrder(rows, order))
		q := store.Query{Table: r.tables[ws], Sort: order, Limit: 6}
		var seen []string
		for i := 0; ; i++ {
			page := r.read(q)
			for _, row := range page {
				seen = append(seen, row.Values[0].Text())
			}
			if len(page) < q.Limit {
				break
			}
			last := page[len(page)-1].Values
			q.After = []value.Value{last[name], last[code]}
			// Rows before, after and at the cut, and one that is deleted behind it.
			r.put(ws, station(fmt.Sprintf("a%02d", i), text("n0")), station(fmt.Sprintf("z%02d", i), text("")))
			r.ok(r.item(r.remove(ws, text(seen[0]))))
			r.put(ws, rows[slices.IndexFunc(rows, func(x []value.Value) bool { return x[0].Text() == seen[0] })])
		}
		seen = slices.DeleteFunc(seen, func(k string) bool { return k[0] != 'm' })
		if !slices.Equal(seen, want) {
			t.Fatalf("got %v\nwant %v", seen, want)
		}
	}},
	{"callbacks that stop or read", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.many(50)
		stop := errors.New("stop")
		n := 0
		err := r.d.Read(context.Background(), store.Query{Table: r.tables[ws]}, func(row store.Row) error {
			if n++; n == 3 {
				return stop
			}
			if got := r.get(ws, 0, row.Values[0]); got == nil {
				t.Error("a read within a read finds nothing")
			}
			return nil
		})
		if err != stop || n != 3 {
			t.Fatalf("%v after %d rows", err, n)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := r.d.Read(ctx, store.Query{Table: r.tables[ws]}, func(store.Row) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Fatalf("a cancelled read gives %v", err)
		}
		if _, err := r.d.Append(ctx, r.catalog, []store.Item{r.item(put(ws, station("late")))}); !errors.Is(err, context.Canceled) {
			t.Fatalf("a cancelled append gives %v", err)
		}
		if r.get(ws, 0, text("late")) != nil {
			t.Fatal("a cancelled append stored something")
		}
	}},
	{"explain", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		sql, args, err := r.d.Explain(store.Query{Table: r.tables[ws], Filter: r.bind(ws, "name = 'secret-ish'"), Limit: 5})
		if err != nil || sql == "" {
			t.Fatal(err)
		}
		if len(args) == 0 || strings.Contains(sql, "secret-ish") {
			t.Fatalf("a literal stands in the text: %s %v", sql, args)
		}
	}},
}

// page reads a query page by page through its cursor.
func (r *rig) page(q store.Query) [][]value.Value {
	r.t.Helper()
	cols := q.Columns
	if cols != nil { // the caller of Read must ask for what its cursor needs
		for _, o := range q.Sort {
			q.Columns = append(q.Columns, o.Column)
		}
	}
	var all [][]value.Value
	for range 1000 {
		page := r.read(q)
		for _, row := range page {
			all = append(all, row.Values)
		}
		if len(page) < q.Limit {
			return all
		}
		last := page[len(page)-1].Values
		q.After = nil
		for _, o := range q.Sort {
			q.After = append(q.After, last[o.Column])
		}
		q.After = r.tables[q.Table.Name].KeyOf(q.After, last)
	}
	r.t.Fatal("paging does not end")
	return nil
}

var asOfTests = []test{
	{"reads as of a commit", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		states := map[int64]string{1: "[]"}
		note := func() {
			var s []string
			for _, row := range r.read(store.Query{Table: r.tables[ws]}) {
				s = append(s, row.Values[0].Text()+"="+row.Values[name].Text()+fmt.Sprint("@", row.Version))
			}
			states[r.head().Seq] = fmt.Sprint(s)
		}
		for i := range 12 {
			switch {
			case i%4 == 3:
				r.ok(r.item(r.remove(ws, text(fmt.Sprint("k", i%3)))))
			case i%4 == 2:
				r.ok(r.item(r.remove(ws, text("k1")), put(ws, station("k2", text(fmt.Sprint(i))))))
			default:
				r.put(ws, station(fmt.Sprint("k", i%3), text(fmt.Sprint(i))), station(fmt.Sprint("k", (i+1)%3), text(fmt.Sprint(i/2))))
			}
			note()
		}
		for seq, want := range states {
			var s []string
			for _, row := range r.read(store.Query{Table: r.tables[ws], AsOf: seq, Limit: 100}) {
				s = append(s, row.Values[0].Text()+"="+row.Values[name].Text()+fmt.Sprint("@", row.Version))
			}
			if fmt.Sprint(s) != want {
				t.Errorf("as of %d: %v, want %v", seq, s, want)
			}
			n, err := r.d.Count(context.Background(), store.Query{Table: r.tables[ws], AsOf: seq})
			if err != nil || int(n) != len(s) {
				t.Errorf("as of %d: count %d, %v", seq, n, err)
			}
			for k := range 3 {
				got := r.get(ws, seq, text(fmt.Sprint("k", k)))
				if (got != nil) != slices.ContainsFunc(s, func(x string) bool { return x[:2] == fmt.Sprint("k", k) }) {
					t.Errorf("as of %d: k%d is %v", seq, k, got)
				}
			}
		}
		r.sound()
	}},
	{"as of with filter and order", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.put(ws, station("a", text("x"), num(1)), station("b", text("x"), num(2)), station("c", text("y"), num(3)))
		then := r.head().Seq
		r.ok(r.item(put(ws, station("a", text("y"), num(9))), r.remove(ws, text("b")), put(ws, station("d", text("x"), num(0)))))
		q := store.Query{Table: r.tables[ws], Filter: r.bind(ws, "name = 'x'"), Sort: []store.Order{{Column: level, Desc: true}}, AsOf: then}
		if got := fmt.Sprint(r.keys(q)); got != "[b a]" {
			t.Errorf("then: %s", got)
		}
		q.AsOf = 0
		if got := fmt.Sprint(r.keys(q)); got != "[d]" {
			t.Errorf("now: %s", got)
		}
		q.AsOf = 1
		if got := r.keys(q); got != nil {
			t.Errorf("before: %v", got)
		}
	}},
	{"a place that moved", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		row := station("a")
		row[place] = value.OfGeometry(geom.Point(107.5, 16.5))
		r.put(ws, row)
		then := r.head().Seq
		row = slices.Clone(row)
		row[place] = value.OfGeometry(geom.Point(108.5, 15.5))
		r.put(ws, row)
		here := r.bind(ws, "S_INTERSECTS(place, BBOX(107.4,16.4,107.6,16.6))")
		if got := r.keys(store.Query{Table: r.tables[ws], Filter: here}); got != nil {
			t.Errorf("now: %v", got)
		}
		if got := r.keys(store.Query{Table: r.tables[ws], Filter: here, AsOf: then}); len(got) != 1 {
			t.Errorf("then: %v", got)
		}
		r.ok(r.item(r.remove(ws, text("a")), put(ws, station("b"))))
		there := r.bind(ws, "S_INTERSECTS(place, BBOX(108,15,109,16))")
		if got := r.keys(store.Query{Table: r.tables[ws], Filter: there}); got != nil {
			t.Errorf("after deletion: %v", got)
		}
		// Put and moved in one batch.
		row[0] = text("c")
		moved := slices.Clone(row)
		moved[place] = value.OfGeometry(geom.Point(107.5, 16.5))
		r.append(r.item(put(ws, row)), r.item(put(ws, moved)), r.item(commit.Change{Dataset: ws, Op: commit.Delete, Row: station("b")}))
		if got := fmt.Sprint(r.keys(store.Query{Table: r.tables[ws], Filter: here})); got != "[c]" {
			t.Errorf("moved within a batch: %v", got)
		}
		r.sound()
	}},
}
