package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/postgres/pgtest"
)

// durable is a cluster with fsync, for figures that mean something.
var durable = newDurable()

func newDurable() *pgtest.Cluster {
	return pgtest.New(pgtest.Settings{Durable: true, Options: []string{"shared_buffers=512MB", "max_wal_size=4GB"}})
}

// reports is a register such as a city's service requests: twelve columns, a
// place, three indexes.
func reports(name string) *dataset.Table {
	col := func(n string, t dataset.Type) dataset.Column {
		return dataset.Column{Name: n, Type: t, Kind: t.Kind()}
	}
	return &dataset.Table{
		Name: name, Kind: dataset.Register, Key: []int{0}, Indexes: [][]int{{1}, {4}, {9}},
		Columns: []dataset.Column{
			col("code", dataset.String), col("category", dataset.String), col("title", dataset.String), col("status", dataset.String),
			col("openedAt", dataset.DateTime), col("closedAt", dataset.DateTime), col("votes", dataset.Integer), col("score", dataset.Number),
			col("urgent", dataset.Boolean), col("_area", dataset.String), col("place", dataset.GeoPoint), col("due", dataset.DateType),
		},
		Time: 4, Area: 9, X: -1, Y: -1, Geometry: 10, Flags: -1,
	}
}

const opened = int64(1750000000_000000)

// report is row n of the data that all benchmarks use.
func report(n int, r *rand.Rand) []value.Value {
	at := opened + int64(n)*7_000_000
	row := []value.Value{
		value.OfText(fmt.Sprintf("PA-%09d", n)), value.OfText(fmt.Sprintf("category-%02d", r.IntN(40))),
		value.OfText(fmt.Sprintf("Đèn đường hỏng ở số %d đường Lê Lợi", n)), value.OfText([]string{"open", "closed", "held"}[r.IntN(3)]),
		value.OfTime(at), {}, value.OfInt(int64(r.IntN(100))), value.OfFloat(r.Float64() * 10), value.OfBool(r.IntN(10) == 0),
		value.OfText(fmt.Sprintf("%05d", 19700+r.IntN(40))), value.OfGeometry(geom.Point(107.4+r.Float64()*0.4, 16.3+r.Float64()*0.3)), value.OfDate(at/86400_000_000 + 5),
	}
	if row[3].Text() == "closed" {
		row[5] = value.OfTime(at + 3600_000_000)
	}
	return row
}

func bench(b *testing.B, name string) (*Driver, *dataset.Table, int64) {
	b.Helper()
	ctx := context.Background()
	d, err := Open(ctx, durable.Database(b), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	t, bare := reports(name), reports("bare")
	out, err := d.Append(ctx, 0, []store.Item{{Request: &commit.Request{}, Tables: []*dataset.Table{t, bare}, At: 1}})
	if err != nil || out[0].Err != nil {
		b.Fatal(err, out)
	}
	return d, t, out[0].Receipt.Seq
}

func item(t *dataset.Table, rows [][]value.Value) store.Item {
	cs := make([]commit.Change, len(rows))
	for i, row := range rows {
		cs[i] = commit.Change{Dataset: t.Name, Op: commit.Put, Row: row}
	}
	return store.Item{Request: &commit.Request{Header: commit.Header{Actor: "bench", Source: "bench", Reason: "bench"}, Changes: cs}, Layouts: map[string]*dataset.Table{t.Name: t}, At: opened}
}

const bareInsert = `INSERT INTO city.bare (_version,code,category,title,status,"openedAt","closedAt",votes,score,urgent,_area,place,due)
SELECT 1,a,b,c,d,e,f,g,h,i,j,ST_GeomFromWKB(k,4326),l FROM unnest($1::text[],$2::text[],$3::text[],$4::text[],$5::timestamptz[],$6::timestamptz[],$7::bigint[],$8::float8[],$9::bool[],$10::text[],$11::bytea[],$12::date[]) AS u(a,b,c,d,e,f,g,h,i,j,k,l)`

// bareArgs makes the slices that pgx encodes; the time it takes is not counted.
func bareArgs(rows [][]value.Value) []any {
	var a, b, c, d, j []string
	var e []time.Time
	var f []*time.Time
	var g []int64
	var h []float64
	var i []bool
	var k [][]byte
	var l []time.Time
	for _, r := range rows {
		a, b, c, d, j = append(a, r[0].Text()), append(b, r[1].Text()), append(c, r[2].Text()), append(d, r[3].Text()), append(j, r[9].Text())
		e, g, h, i = append(e, r[4].Instant()), append(g, r[6].Int()), append(h, r[7].Float()), append(i, r[8].Bool())
		var closed *time.Time
		if !r[5].IsNull() {
			t := r[5].Instant()
			closed = &t
		}
		f, k, l = append(f, closed), append(k, []byte(r[10].WKB())), append(l, r[11].CalendarDay())
	}
	return []any{a, b, c, d, e, f, g, h, i, j, k, l}
}

// BenchmarkAppend compares a commit with log, history and checks to a bare
// insert of the same rows into the same table, both durable.
func BenchmarkAppend(b *testing.B) {
	ctx := context.Background()
	for _, size := range []int{1, 100, 1000, 10000} {
		b.Run(fmt.Sprintf("rows=%d/driver", size), func(b *testing.B) {
			d, t, catalog := bench(b, "reports")
			r, n := rand.New(rand.NewPCG(1, 1)), 0
			for b.Loop() {
				b.StopTimer()
				rows := make([][]value.Value, size)
				for i := range rows {
					rows[i] = report(n, r)
					n++
				}
				it := item(t, rows)
				b.StartTimer()
				if out, err := d.Append(ctx, catalog, []store.Item{it}); err != nil || out[0].Err != nil {
					b.Fatal(err, out)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
		b.Run(fmt.Sprintf("rows=%d/bare", size), func(b *testing.B) {
			d, _, _ := bench(b, "reports")
			conn, err := pgx.Connect(ctx, d.url)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close(ctx)
			r, n := rand.New(rand.NewPCG(1, 1)), 0
			for b.Loop() {
				b.StopTimer()
				rows := make([][]value.Value, size)
				for i := range rows {
					rows[i] = report(n, r)
					n++
				}
				args := bareArgs(rows)
				b.StartTimer()
				if _, err := conn.Exec(ctx, bareInsert, args...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkGroup appends batches of one-row commits, as the commit queue does.
func BenchmarkGroup(b *testing.B) {
	ctx := context.Background()
	for _, size := range []int{16, 128} {
		b.Run(fmt.Sprintf("commits=%d", size), func(b *testing.B) {
			d, t, catalog := bench(b, "reports")
			r, n := rand.New(rand.NewPCG(1, 1)), 0
			for b.Loop() {
				b.StopTimer()
				items := make([]store.Item, size)
				for i := range items {
					items[i] = item(t, [][]value.Value{report(n, r)})
					n++
				}
				b.StartTimer()
				if _, err := d.Append(ctx, catalog, items); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// filled is a driver over 200,000 reports, analysed.
func filled(b *testing.B) (*Driver, *dataset.Table) {
	b.Helper()
	ctx := context.Background()
	d, t, catalog := bench(b, "reports")
	r := rand.New(rand.NewPCG(1, 1))
	for n := 0; n < 200_000; {
		rows := make([][]value.Value, 10_000)
		for i := range rows {
			rows[i] = report(n, r)
			n++
		}
		if out, err := d.Append(ctx, catalog, []store.Item{item(t, rows)}); err != nil || out[0].Err != nil {
			b.Fatal(err, out)
		}
	}
	if _, err := d.read.Exec(ctx, "VACUUM ANALYZE city.reports"); err != nil {
		b.Fatal(err)
	}
	return d, t
}

const bareColumns = `_version,code,category,title,status,"openedAt","closedAt",votes,score,urgent,_area,ST_AsBinary(place),due`

// bareRead scans what the driver reads, with pgx alone.
func bareRead(ctx context.Context, pool *pgxpool.Pool, sql string, args ...any) (n int, err error) {
	rows, err := pool.Query(ctx, "SELECT "+bareColumns+" FROM city.reports "+sql, args...)
	if err != nil {
		return 0, err
	}
	var version, votes int64
	var code, category, title, status, area string
	var at, due time.Time
	var closed *time.Time
	var score float64
	var urgent bool
	var place []byte
	_, err = pgx.ForEachRow(rows, []any{&version, &code, &category, &title, &status, &at, &closed, &votes, &score, &urgent, &area, &place, &due}, func() error {
		n++
		return nil
	})
	return n, err
}

// BenchmarkRead compares reads with pgx's own of the same rows.
func BenchmarkRead(b *testing.B) {
	ctx := context.Background()
	d, t := filled(b)
	read := func(b *testing.B, want int, q store.Query) {
		n := 0
		if err := d.Read(ctx, q, func(store.Row) error { n++; return nil }); err != nil || n < want {
			b.Fatal(n, err)
		}
	}
	key := func(r *rand.Rand) string { return fmt.Sprintf("PA-%09d", r.IntN(190_000)) }
	b.Run("page=1000/driver", func(b *testing.B) {
		r := rand.New(rand.NewPCG(2, 2))
		for b.Loop() {
			read(b, 1000, store.Query{Table: t, After: []value.Value{value.OfText(key(r))}, Limit: 1000})
		}
	})
	b.Run("page=1000/bare", func(b *testing.B) {
		r := rand.New(rand.NewPCG(2, 2))
		for b.Loop() {
			if n, err := bareRead(ctx, d.read, "WHERE code>$1 ORDER BY code LIMIT 1000", key(r)); err != nil || n != 1000 {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("scan/driver", func(b *testing.B) {
		for b.Loop() {
			read(b, 200_000, store.Query{Table: t})
		}
	})
	b.Run("scan/bare", func(b *testing.B) {
		for b.Loop() {
			if n, err := bareRead(ctx, d.read, "ORDER BY code"); err != nil || n != 200_000 {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("point/driver", func(b *testing.B) {
		r := rand.New(rand.NewPCG(2, 2))
		for b.Loop() {
			read(b, 1, store.Query{Table: t, Key: []value.Value{value.OfText(key(r))}})
		}
	})
	b.Run("point/bare", func(b *testing.B) {
		r := rand.New(rand.NewPCG(2, 2))
		for b.Loop() {
			if n, err := bareRead(ctx, d.read, "WHERE code=$1", key(r)); err != nil || n != 1 {
				b.Fatal(n, err)
			}
		}
	})
	box := func(r *rand.Rand) [4]float64 {
		x, y := 107.4+r.Float64()*0.36, 16.3+r.Float64()*0.26
		return [4]float64{x, y, x + 0.04, y + 0.04}
	}
	b.Run("box/driver", func(b *testing.B) {
		r := rand.New(rand.NewPCG(2, 2))
		for b.Loop() {
			w := box(r)
			place := &cql2.Prop{Name: "place", Column: 10, Kind: value.Geometry}
			status := &cql2.Prop{Name: "status", Column: 3, Kind: value.Text}
			filter := cql2.And(
				&cql2.Call{Op: "s_intersects", Args: []cql2.Expr{place, &cql2.Lit{Value: value.OfGeometry(geom.BoxPolygon(geom.Box{West: w[0], South: w[1], East: w[2], North: w[3]})), BBox: &w}}},
				&cql2.Call{Op: "=", Args: []cql2.Expr{status, &cql2.Lit{Value: value.OfText("open")}}})
			read(b, 100, store.Query{Table: t, Filter: filter, Sort: []store.Order{{Column: 4, Desc: true}}, Limit: 100})
		}
	})
	b.Run("box/bare", func(b *testing.B) {
		r := rand.New(rand.NewPCG(2, 2))
		for b.Loop() {
			w := box(r)
			if n, err := bareRead(ctx, d.read, `WHERE place && ST_MakeEnvelope($1,$2,$3,$4,4326) AND status=$5 ORDER BY "openedAt" DESC LIMIT 100`, w[0], w[1], w[2], w[3], "open"); err != nil || n != 100 {
				b.Fatal(n, err)
			}
		}
	})
}
