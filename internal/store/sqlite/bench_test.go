package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// requests is the layout of a city's service requests: twelve columns, two
// indexes, a place when located.
func requests(located bool) *dataset.Table {
	c := func(n string, t dataset.Type) dataset.Column { return dataset.Column{Name: n, Type: t, Kind: t.Kind()} }
	t := &dataset.Table{Name: "request", Kind: dataset.Register, Key: []int{0}, Time: 6, Area: 3, X: -1, Y: -1, Geometry: -1, Flags: -1,
		Columns: []dataset.Column{c("code", dataset.String), c("lat", dataset.Number), c("lon", dataset.Number), c("area", dataset.String), c("category", dataset.String),
			c("status", dataset.String), c("observed", dataset.DateTime), c("created", dataset.DateTime), c("modified", dataset.DateTime), c("val", dataset.Integer),
			c("descr", dataset.String)},
		Indexes: [][]int{{3, 6}, {4, 5}, {6}}}
	if located {
		t.Columns = append(t.Columns, c("place", dataset.GeoPoint))
		t.Geometry = 11
	}
	return t
}

var descr = strings.Repeat("Ngập nước trước cổng trường, nước lên nhanh. ", 2)

// request makes row i of n; keys come in no order.
func request(i int, located bool) []value.Value {
	r := rand.New(rand.NewPCG(uint64(i), 7))
	lon, lat := 107.0+r.Float64(), 16.0+r.Float64()
	at := value.OfTime(1751328000000000 + int64(i)*1_000_000 + r.Int64N(1_000_000))
	row := []value.Value{
		value.OfText(fmt.Sprintf("%013x", uint64(i)*0x9E3779B97F4A7C15>>12)), value.OfFloat(lat), value.OfFloat(lon), value.OfText("ward-" + strconv.Itoa(r.IntN(40))),
		value.OfText("category-" + strconv.Itoa(r.IntN(12))), value.OfText("status-" + strconv.Itoa(r.IntN(5))), at, at, at, value.OfInt(r.Int64N(1000)), value.OfText(descr),
	}
	if located {
		row = append(row, value.OfGeometry(geom.Point(lon, lat)))
	}
	return row
}

func rowsOf(from, n int, located bool) [][]value.Value {
	rows := make([][]value.Value, n)
	for i := range rows {
		rows[i] = request(from+i, located)
	}
	return rows
}

func openBench(b *testing.B, dir string) *Driver {
	b.Helper()
	d, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	return d
}

func appendRows(b testing.TB, d *Driver, t *dataset.Table, catalog int64, rows [][]value.Value) {
	cs := make([]commit.Change, len(rows))
	for i, r := range rows {
		cs[i] = commit.Change{Dataset: t.Name, Op: commit.Put, Row: r}
	}
	out, err := d.Append(context.Background(), catalog, []store.Item{{
		Request: &commit.Request{Header: commit.Header{Actor: "bench", Source: "bench", Reason: "bench"}, Changes: cs},
		Layouts: map[string]*dataset.Table{t.Name: t}, At: 1,
	}})
	if err == nil {
		err = out[0].Err
	}
	if err != nil {
		b.Fatal(err)
	}
}

func declareBench(b testing.TB, d *Driver, t *dataset.Table) {
	out, err := d.Append(context.Background(), 0, []store.Item{{Request: &commit.Request{}, Tables: []*dataset.Table{t}, At: 1}})
	if err == nil {
		err = out[0].Err
	}
	if err != nil {
		b.Fatal(err)
	}
}

// bare inserts as a program written for this one table would: the same
// statement and indexes, one prepared insert, no log, no history.
func bare(b testing.TB, c *conn, p *plan, st driver.Stmt, next *int64, rows [][]value.Value) {
	if err := c.run("BEGIN IMMEDIATE"); err != nil {
		b.Fatal(err)
	}
	args := make([]driver.NamedValue, 2+p.t.Width())
	for i := range args {
		args[i].Ordinal = i + 1
	}
	for _, row := range rows {
		*next++
		args[0].Value, args[1].Value = *next, int64(1)
		for i, v := range row {
			args[2+i].Value = bind(v)
		}
		if _, err := st.(*sqlite3.SQLiteStmt).ExecContext(bg, args); err != nil {
			b.Fatal(err)
		}
		if p.box != "" {
			x, _ := boxOf(p, row)
			if err := c.exec(p.insBox, *next, x.West, x.East, x.South, x.North); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := c.run("COMMIT"); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAppend compares Append with bare inserts of the same rows in the
// same batches; the ratio is bare time over ours.
func BenchmarkAppend(b *testing.B) {
	for _, located := range []bool{false, true} {
		for _, n := range []int{1, 100, 1000, 10_000} {
			b.Run(fmt.Sprintf("located=%v/batch=%d", located, n), func(b *testing.B) {
				t := requests(located)
				ours, theirs := openBench(b, b.TempDir()), openBench(b, b.TempDir())
				declareBench(b, ours, t)
				declareBench(b, theirs, t)
				p, _ := newPlan(t)
				st, err := theirs.w.raw.PrepareContext(bg, p.insert)
				if err != nil {
					b.Fatal(err)
				}
				defer st.Close()
				next, from := int64(0), 0
				watch := newStopwatch(b)
				for b.Loop() {
					rows := rowsOf(from, n, located)
					from += n
					watch.time(0, func() { appendRows(b, ours, t, 1, rows) })
					watch.time(1, func() { bare(b, theirs.w, p, st, &next, rows) })
				}
				watch.report(n)
			})
		}
	}
}

// BenchmarkUpdate measures updates of an indexed column of random rows.
func BenchmarkUpdate(b *testing.B) {
	t := requests(false)
	d := openBench(b, b.TempDir())
	declareBench(b, d, t)
	const held, n = 100_000, 1000
	for i := 0; i < held; i += 10_000 {
		appendRows(b, d, t, 1, rowsOf(i, 10_000, false))
	}
	r := rand.New(rand.NewPCG(1, 1))
	watch := newStopwatch(b)
	for b.Loop() {
		rows := make([][]value.Value, n)
		for i, k := range r.Perm(held)[:n] {
			rows[i] = request(k, false)
			rows[i][5] = value.OfText("status-" + strconv.Itoa(r.IntN(1000)))
		}
		watch.time(0, func() { appendRows(b, d, t, 1, rows) })
	}
	watch.report(n)
}

// openBig opens a database of located requests: 200,000, or as many as
// HUONG_BENCH_ROWS says, kept in HUONG_BENCH_DIR when that is set.
func openBig(b *testing.B) (*Driver, *dataset.Table, int) {
	n := 200_000
	if s := os.Getenv("HUONG_BENCH_ROWS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	dir := os.Getenv("HUONG_BENCH_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	dir = filepath.Join(dir, strconv.Itoa(n))
	d := openBench(b, dir)
	t := requests(true)
	if h, err := d.Head(context.Background()); err != nil {
		b.Fatal(err)
	} else if h.Seq == 0 {
		declareBench(b, d, t)
		for i := 0; i < n; i += 10_000 {
			appendRows(b, d, t, 1, rowsOf(i, min(10_000, n-i), true))
		}
	}
	return d, t, n
}

// BenchmarkRead compares reads with hand-written SQL through the same binding;
// the ratio is ours over theirs.
func BenchmarkRead(b *testing.B) {
	d, t, n := openBig(b)
	if _, err := d.Head(context.Background()); err != nil { // a connection for both
		b.Fatal(err)
	}
	filter := func(s string) cql2.Expr {
		e, err := cql2.ParseText(s)
		if err == nil {
			e, err = cql2.Bind(e, t)
		}
		if err != nil {
			b.Fatal(err)
		}
		return e
	}
	side := 0.5 / max(1, float64(n)/1_000_000) // of a window with some thousand rows
	r := rand.New(rand.NewPCG(3, 3))
	const cols = "_version,code,lat,lon,area,category,status,observed,created,modified,val,descr,place"
	type shape struct {
		name string
		q    func() (store.Query, string, []any)
	}
	for _, s := range []shape{
		{"point", func() (store.Query, string, []any) {
			k := request(r.IntN(n), false)[0]
			return store.Query{Key: []value.Value{k}}, "SELECT " + cols + " FROM request WHERE code=?", []any{k.Text()}
		}},
		{"page=10000", func() (store.Query, string, []any) {
			k := request(r.IntN(n), false)[0]
			return store.Query{After: []value.Value{k}, Limit: 10_000}, "SELECT " + cols + " FROM request WHERE code>? ORDER BY code LIMIT 10000", []any{k.Text()}
		}},
		{"area,newest", func() (store.Query, string, []any) {
			a := "ward-" + strconv.Itoa(r.IntN(40))
			return store.Query{Filter: filter("area='" + a + "'"), Sort: []store.Order{{Column: 6, Desc: true}}, Limit: 100},
				"SELECT " + cols + " FROM request WHERE area=? ORDER BY observed DESC, code LIMIT 100", []any{a}
		}},
		{"status-page-deep", func() (store.Query, string, []any) {
			k := request(r.IntN(n), false)
			return store.Query{Sort: []store.Order{{Column: 4}, {Column: 5}}, After: []value.Value{k[4], k[5], k[0]}, Limit: 100},
				"SELECT " + cols + " FROM request WHERE (category,status,code)>(?,?,?) ORDER BY category,status,code LIMIT 100", []any{k[4].Text(), k[5].Text(), k[0].Text()}
		}},
		{"bbox,filter,sort", func() (store.Query, string, []any) {
			x, y := 107+r.Float64()*(1-side), 16+r.Float64()*(1-side)
			e := filter(fmt.Sprintf("S_INTERSECTS(place,BBOX(%v,%v,%v,%v)) AND status='status-1'", x, y, x+side/10, y+side/10))
			return store.Query{Filter: e, Sort: []store.Order{{Column: 6, Desc: true}}, Limit: 100},
				"SELECT " + cols + " FROM request__box AS b CROSS JOIN request ON _id=b.id WHERE b.west<=? AND b.east>=? AND b.south<=? AND b.north>=? AND lon BETWEEN ? AND ? AND lat BETWEEN ? AND ? AND status='status-1' ORDER BY observed DESC, code LIMIT 100",
				[]any{x + side/10, x, y + side/10, y, x, x + side/10, y, y + side/10}
		}},
	} {
		b.Run(s.name, func(b *testing.B) {
			watch := newStopwatch(b)
			dest := make([]driver.Value, 13)
			turn := 0
			for b.Loop() {
				q, sql, args := s.q()
				q.Table = t
				var mine, their int
				vals := make([]driver.Value, len(args))
				for i, a := range args {
					vals[i] = a
				}
				ours := func() {
					if err := d.Read(context.Background(), q, func(store.Row) error { mine++; return nil }); err != nil {
						b.Fatal(err)
					}
				}
				byHand := func() {
					c := <-d.idle
					st, err := c.prepare(sql)
					if err != nil {
						b.Fatal(err)
					}
					rows, err := st.query(context.Background(), vals)
					if err != nil {
						b.Fatal(err)
					}
					for rows.Next(dest) != io.EOF {
						their++
					}
					rows.Close()
					d.idle <- c
				}
				// Whoever comes second finds the pages in the cache.
				if turn++; turn%2 == 0 {
					watch.time(0, ours)
					watch.time(1, byHand)
				} else {
					watch.time(1, byHand)
					watch.time(0, ours)
				}
				if mine != their {
					b.Fatalf("%d rows, by hand %d", mine, their)
				}
			}
			watch.report(1)
		})
	}
}
