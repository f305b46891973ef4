package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

func TestOpenRefuses(t *testing.T) {
	ctx := context.Background()
	latin := cluster.Empty(t, "ENCODING 'LATIN1' LOCALE 'C'")
	plain := cluster.Empty(t, "")
	run := func(url string, sql ...string) {
		t.Helper()
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		for _, s := range sql {
			if _, err := conn.Exec(ctx, s); err != nil {
				t.Fatal(err)
			}
		}
	}
	run(plain, "CREATE ROLE weak LOGIN")
	newer := cluster.Database(t)
	d, err := Open(ctx, newer, Options{})
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	run(newer, "INSERT INTO huong.migration VALUES (999)")
	for _, c := range []struct {
		what, url, code string
		kind            problem.Kind
	}{
		{"another encoding", latin, "database-encoding", problem.Invalid},
		{"no PostGIS and no right to install it", strings.Replace(plain, "user=postgres", "user=weak", 1), "database-without-postgis", problem.Invalid},
		{"a newer program's data", newer, "store-newer", problem.Invalid},
		{"no address", "postgres://%zz", "database-address", problem.Invalid},
		{"no server", "postgres:///x?host=/nonexistent", "busy", problem.Unavailable},
	} {
		_, err := Open(ctx, c.url, Options{})
		e, ok := errors.AsType[*problem.Error](err)
		if !ok || e.Kind != c.kind || e.Code != c.code {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// TestOpenTogether opens an empty database by several servers at once.
func TestOpenTogether(t *testing.T) {
	url := cluster.Empty(t, "")
	var wg sync.WaitGroup
	epochs := make([]string, 4)
	for i := range epochs {
		wg.Go(func() {
			d, err := Open(context.Background(), url, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			h, err := d.Head(context.Background())
			if err != nil {
				t.Error(err)
			}
			epochs[i] = h.Epoch
		})
	}
	wg.Wait()
	for _, e := range epochs {
		if e == "" || e != epochs[0] {
			t.Fatalf("epochs %q", epochs)
		}
	}
}

// TestSchema keeps two installations in one database apart.
func TestSchema(t *testing.T) {
	ctx := context.Background()
	url := cluster.Database(t)
	for _, u := range []string{url, url + "&search_path=ward"} {
		d, err := Open(ctx, u, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		tab := counters()
		out, err := d.Append(ctx, 0, []store.Item{{Request: &commit.Request{}, Tables: []*dataset.Table{tab}, At: 1}})
		if err != nil || out[0].Err != nil || out[0].Receipt.Seq != 1 {
			t.Fatal(err, out)
		}
		if out, err = d.Append(ctx, 1, []store.Item{set(tab, "a", 1)}); err != nil || out[0].Err != nil {
			t.Fatal(err, out)
		}
		if n, err := d.Count(ctx, store.Query{Table: tab}); err != nil || n != 1 {
			t.Fatal(n, err)
		}
	}
}

func TestListen(t *testing.T) {
	ds, tab, catalog := twoDrivers(t)
	ctx, cancel := context.WithCancel(context.Background())
	heard, ended := make(chan int64, 100), make(chan error, 1)
	go func() { ended <- ds[1].Listen(ctx, func(seq int64) { heard <- seq }) }()
	if first := <-heard; first != catalog {
		t.Fatalf("began at %d", first)
	}
	out, err := ds[0].Append(ctx, catalog, []store.Item{set(tab, "a", 1), set(tab, "a", 2)})
	if err != nil {
		t.Fatal(err)
	}
	if seq := <-heard; seq != out[1].Receipt.Seq {
		t.Fatalf("heard %d", seq)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestNUL(t *testing.T) {
	ds, tab, catalog := twoDrivers(t)
	ctx := context.Background()
	it := set(tab, "a", 1)
	it.Request.Reason = "a\x00b"
	out, err := ds[0].Append(ctx, catalog, []store.Item{set(tab, "x", 1), it, set(tab, "y", 1)})
	if err != nil || problem.KindOf(out[1].Err) != problem.Invalid || out[0].Err != nil || out[2].Err != nil {
		t.Fatal(err, out)
	}
	for _, bad := range []string{"a\x00", "\xff"} {
		id := &cql2.Prop{Name: "id", Column: 0, Kind: value.Text}
		for _, e := range []cql2.Expr{
			&cql2.Call{Op: "=", Args: []cql2.Expr{id, &cql2.Lit{Value: value.OfText(bad)}}},
			&cql2.Call{Op: "in", Args: []cql2.Expr{id, &cql2.List{Items: []cql2.Expr{&cql2.Lit{Value: value.OfText(bad)}}}}},
		} {
			if _, err := ds[0].Count(ctx, store.Query{Table: tab, Filter: e}); problem.KindOf(err) != problem.Invalid {
				t.Errorf("%q: %v", bad, err)
			}
		}
		if out, err := ds[0].Append(ctx, catalog, []store.Item{set(tab, "z", 1), set(tab, bad, 1)}); err != nil || out[0].Err != nil || problem.KindOf(out[1].Err) != problem.Invalid {
			t.Errorf("%q: %v, %v", bad, err, out)
		}
	}
}

// TestTooLongForIndex finds the one item that an index cannot hold.
func TestTooLongForIndex(t *testing.T) {
	ds, tab, catalog := twoDrivers(t)
	ctx := context.Background()
	long := make([]byte, 0, 40000)
	for i := range 10000 {
		long = append(long, byte('a'+i*7%26), byte('A'+i*i%26), byte('0'+i*i*i%10), byte('a'+(i/26)*i%26))
	}
	out, err := ds[0].Append(ctx, catalog, []store.Item{set(tab, "p", 1), set(tab, string(long), 1), set(tab, "q", 2)})
	if err != nil || out[0].Err != nil || problem.KindOf(out[1].Err) != problem.Invalid || out[2].Err != nil || out[2].Receipt.Seq != out[0].Receipt.Seq+1 {
		t.Fatal(err, out)
	}
}

// TestMonths spreads a series over partitions, also years that none foresaw.
func TestMonths(t *testing.T) {
	ctx := context.Background()
	url := cluster.Database(t)
	d, err := Open(ctx, url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	tab := counters()
	tab.Name, tab.Kind, tab.Time, tab.Key = "river-level", dataset.Series, 2, []int{0, 2}
	tab.Columns = append(tab.Columns, dataset.Column{Name: "at", Type: dataset.DateTime, Kind: value.Time})
	out, err := d.Append(ctx, 0, []store.Item{{Request: &commit.Request{}, Tables: []*dataset.Table{tab}, At: 1}})
	if err != nil || out[0].Err != nil {
		t.Fatal(err, out)
	}
	it := store.Item{Request: &commit.Request{}, Layouts: map[string]*dataset.Table{tab.Name: tab}, At: 1}
	for i, at := range []string{"0001-05-01T00:00:00Z", "1989-12-31T23:59:59Z", "1990-01-01T00:00:00Z", "2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z", "2089-12-31T23:59:59Z", "9999-01-01T00:00:00Z"} {
		e, err := cql2.ParseText("x = TIMESTAMP('" + at + "')")
		if err != nil {
			t.Fatal(err)
		}
		v := e.(*cql2.Call).Args[1].(*cql2.Lit).Value
		it.Request.Changes = append(it.Request.Changes, commit.Change{Dataset: tab.Name, Op: commit.Put, Row: []value.Value{value.OfText("s"), value.OfInt(int64(i)), v}})
	}
	if out, err = d.Append(ctx, 1, []store.Item{it}); err != nil || out[0].Err != nil {
		t.Fatal(err, out)
	}
	last := int64(-1)
	err = d.Read(ctx, store.Query{Table: tab}, func(row store.Row) error {
		if n := row.Values[1].Int(); n != last+1 {
			t.Errorf("row %d after %d", n, last)
		}
		last++
		return nil
	})
	if err != nil || last != 6 {
		t.Fatal(last, err)
	}
	var parts int
	if err := d.read.QueryRow(ctx, "SELECT count(*) FROM pg_partition_tree('city.river_level') WHERE isleaf").Scan(&parts); err != nil || parts != 6 {
		t.Fatal(parts, err)
	}
	if _, err := d.Verify(ctx, []*dataset.Table{tab}, func(int64, int64) {}, func(f store.Fault) error { t.Error(f); return nil }); err != nil {
		t.Fatal(err)
	}
}
