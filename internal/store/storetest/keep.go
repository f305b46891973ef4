package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

func seqs(es []commit.Entry) string {
	var s []int64
	for _, e := range es {
		s = append(s, e.Seq)
	}
	return fmt.Sprint(s)
}

var logTests = []test{
	{"entries", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		it := r.item(put(ws, station("a", text("x"))))
		it.Request.Header = commit.Header{Actor: "token:7", Source: "tệp.csv", Reason: "nhập", Key: "k"}
		first := r.ok(it)
		r.ok(r.item(put(ws, station("a", text("y"))), put(ws, station("b"))))
		r.ok(r.item(r.remove(ws, text("a"))))
		es := r.log(store.LogRange{After: 1})
		if len(es) != 3 || es[0].Header != it.Request.Header || es[0].At != first.At {
			t.Fatalf("entries %+v", es)
		}
		want := [][]commit.Applied{
			{{Dataset: ws, After: station("a", text("x"))}},
			{{Dataset: ws, Before: station("a", text("x")), After: station("a", text("y")), Prior: 2}, {Dataset: ws, After: station("b")}},
			{{Dataset: ws, Before: station("a", text("y")), Prior: 3}},
		}
		for i, e := range es {
			if len(e.Changes) != len(want[i]) || e.Count != len(want[i]) {
				t.Fatalf("entry %d: %+v", e.Seq, e)
			}
			for j, c := range e.Changes {
				w := want[i][j]
				if c.Dataset != w.Dataset || c.Prior != w.Prior || !same(c.Before, w.Before) || !same(c.After, w.After) || c.Result() != w.Result() {
					t.Errorf("entry %d change %d: %+v, want %+v", e.Seq, j, c, w)
				}
			}
		}
		if es[0].Hash == es[1].Hash || es[0].Hash == [32]byte{} {
			t.Error("hashes repeat")
		}
		heads := 0
		err := r.d.Log(context.Background(), store.LogRange{After: 1}, func(e *commit.Entry) error {
			heads++
			if e.Changes != nil || e.Count == 0 || e.Counts[ws] != e.Count {
				t.Errorf("headers alone: %+v", e)
			}
			return nil
		})
		if err != nil || heads != 3 {
			t.Fatal(err, heads)
		}
	}},
	{"ranges", func(t *testing.T, db Database) {
		a, b, c := table("alpha", col("id", dataset.Integer)), table("beta", col("id", dataset.Integer)), table("gamma", col("id", dataset.Integer))
		r := with(t, db, a, b, c)
		for i := range int64(12) {
			ds := []string{"alpha", "beta", "gamma"}[i%3]
			cs := []commit.Change{put(ds, []value.Value{integer(i)})}
			if i%6 == 0 {
				cs = append(cs, put("beta", []value.Value{integer(100 + i)}))
			}
			r.ok(r.item(cs...))
		} // seq 2…13: alpha 2 5 8 11, beta 3 6 9 12 and 2 8, gamma 4 7 10 13
		for _, x := range []struct {
			r    store.LogRange
			want string
		}{
			{store.LogRange{}, "[1 2 3 4 5 6 7 8 9 10 11 12 13]"},
			{store.LogRange{After: 10}, "[11 12 13]"},
			{store.LogRange{After: 13}, "[]"},
			{store.LogRange{After: 99}, "[]"},
			{store.LogRange{After: 3, Limit: 2}, "[4 5]"},
			{store.LogRange{After: 3, Upto: 6}, "[4 5 6]"},
			{store.LogRange{Datasets: []string{"alpha"}}, "[2 5 8 11]"},
			{store.LogRange{Datasets: []string{"beta"}}, "[2 3 6 8 9 12]"},
			{store.LogRange{Datasets: []string{"beta", "gamma"}, After: 4, Limit: 4}, "[6 7 8 9]"},
			{store.LogRange{Datasets: []string{"alpha", "beta"}}, "[2 3 5 6 8 9 11 12]"},
			{store.LogRange{Datasets: []string{"unheard-of"}}, "[]"},
			{store.LogRange{Desc: true, Limit: 3}, "[13 12 11]"},
			{store.LogRange{Desc: true, After: 11, Limit: 3}, "[10 9 8]"},
			{store.LogRange{Desc: true, Datasets: []string{"alpha"}}, "[11 8 5 2]"},
			{store.LogRange{Desc: true, Datasets: []string{"alpha", "gamma"}, After: 10, Limit: 3}, "[8 7 5]"},
		} {
			if got := seqs(r.log(x.r)); got != x.want {
				t.Errorf("%+v: %s, want %s", x.r, got, x.want)
			}
		}
		stop := errors.New("stop")
		n := 0
		if err := r.d.Log(context.Background(), store.LogRange{}, func(*commit.Entry) error { n++; return stop }); err != stop || n != 1 {
			t.Errorf("%v after %d", err, n)
		}
		// More datasets than exist, as a principal with many grants asks.
		var all []string
		for i := range 300 {
			all = append(all, fmt.Sprint("d", i))
		}
		if got := seqs(r.log(store.LogRange{Datasets: append(all, "gamma"), Limit: 2})); got != "[4 7]" {
			t.Errorf("among many: %s", got)
		}
	}},
	{"many entries and large ones", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		var items []store.Item
		n := 1200
		if testing.Short() {
			n = 600
		}
		for i := range n {
			items = append(items, r.item(put(ws, station(fmt.Sprint(i), text(fmt.Sprint("n", i))))))
		}
		r.append(items...)
		var rows [][]value.Value
		for i := range 3000 {
			rows = append(rows, station(fmt.Sprint("big", i), text("the same text over and over")))
		}
		r.put(ws, rows...)
		es := r.log(store.LogRange{After: 1})
		if len(es) != n+1 || es[n].Count != 3000 || len(es[n].Changes) != 3000 {
			t.Fatalf("%d entries", len(es))
		}
		for i, c := range es[n].Changes {
			if !same(c.After, rows[i]) {
				t.Fatalf("change %d is %v", i, c.After)
			}
		}
		if d := r.log(store.LogRange{Desc: true, Limit: n}); len(d) != n || d[n-1].Seq != 3 {
			t.Fatal("descending")
		}
		r.sound()
	}},
}

var schemaTests = []test{
	{"added columns", func(t *testing.T, db Database) {
		old := table("sensor", col("id", dataset.String), col("name", dataset.String))
		r := with(t, db, old)
		r.put("sensor", []value.Value{text("a"), text("x")})
		r.put("sensor", []value.Value{text("a"), text("y")})
		next := table("sensor", col("id", dataset.String), col("name", dataset.String), col("height", dataset.Number), col("place", dataset.GeoPoint))
		next.Indexes, next.Geometry = [][]int{{2}, {1, 2}}, 3
		moved := r.catalog
		r.declare(next)
		if r.head().Catalog == moved || r.head().Catalog != r.head().Seq {
			t.Fatalf("head %+v", r.head())
		}
		wide := []value.Value{text("a"), text("y"), {}, {}}
		if got := r.get("sensor", 0, text("a")); !same(got.Values, wide) || got.Version != 3 {
			t.Fatalf("old row in the new layout: %+v", got)
		}
		if rc := r.put("sensor", wide); !rc.Empty {
			t.Fatal("a new column alone is no change")
		}
		r.put("sensor", []value.Value{text("a"), text("y"), num(2), {}}, []value.Value{text("b"), {}, num(1), value.Value{}})
		if h := r.history("sensor", text("a")); len(h) != 3 || !same(h[2].Values, []value.Value{text("a"), text("x"), {}, {}}) {
			t.Fatalf("history %+v", h)
		}
		if es := r.log(store.LogRange{After: 2, Limit: 1}); !same(es[0].Changes[0].Before, []value.Value{text("a"), text("x"), {}, {}}) {
			t.Fatalf("an old entry in the new layout: %+v", es[0])
		}
		if got := r.get("sensor", 2, text("a")); !same(got.Values, []value.Value{text("a"), text("x"), {}, {}}) {
			t.Fatalf("as of the old layout: %+v", got)
		}
		r.sound()
		r.reopen(t)
		r.put("sensor", []value.Value{text("c"), {}, num(7), {}})
		r.sound()
	}},
	{"declared with its first rows", func(t *testing.T, db Database) {
		r := with(t, db)
		tab := Station()
		r.tables[ws] = tab
		it := r.item(put(ws, station("a")))
		it.Tables = []*dataset.Table{tab}
		rc := r.ok(it)
		if h := r.head(); rc.Seq != 1 || h.Catalog != 1 {
			t.Fatalf("%+v %+v", rc, h)
		}
		if _, err := r.d.Append(context.Background(), 0, []store.Item{r.item(put(ws, station("b")))}); !errors.Is(err, store.ErrCatalogMoved) {
			t.Fatalf("got %v", err)
		}
		r.catalog = 1
		r.put(ws, station("b"))
	}},
	{"a refused declaration leaves nothing", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.put(ws, station("a"))
		next := table("fresh", col("id", dataset.String))
		r.tables["fresh"] = next
		bad := r.item(put("fresh", []value.Value{text("1")}), put(ws, station("a")))
		bad.Tables = []*dataset.Table{next}
		bad.Request.Changes[1].Expect = commit.Absent
		out := r.append(r.item(put(ws, station("b"))), bad, r.item(put(ws, station("c"))))
		if out[0].Err != nil || out[2].Err != nil || r.head().Catalog != 1 {
			t.Fatalf("%+v, head %+v", out, r.head())
		}
		refusal(t, out[1].Err, problem.Conflict, 1, store.KeyExists)
		r.refused(r.item(put("fresh", []value.Value{text("1")})), problem.Invalid, 0, store.LayoutUnknown)
		r.declare(next)
		r.put("fresh", []value.Value{text("1")})
		r.sound()
	}},
	{"a new unique key over doubles", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.put(ws, station("a", text("x")), station("b", text("x")))
		tab := Station()
		tab.Unique = [][]int{{name}}
		it := r.item()
		it.Tables = []*dataset.Table{tab}
		out := r.append(it)
		if problem.KindOf(out[0].Err) != problem.Conflict {
			t.Fatalf("got %v", out[0].Err)
		}
		r.put(ws, station("c", text("x")))
		if r.head().Catalog != 1 {
			t.Fatalf("head %+v", r.head())
		}
	}},
	{"names that differ by case or are words of SQL", func(t *testing.T, db Database) {
		tab := table("order", col("select", dataset.String), col("Select", dataset.String), col("_version", dataset.Integer), col("quote\"d", dataset.String),
			col("west", dataset.Number), col("id", dataset.Integer), col("place", dataset.GeoPoint))
		tab.Geometry, tab.Indexes = 6, [][]int{{1}, {5}}
		r := with(t, db, tab)
		row := []value.Value{text("k"), text("other"), integer(5), text("q"), num(3), integer(8), {}}
		r.put("order", row)
		if got := r.get("order", 0, text("k")); !same(got.Values, row) {
			t.Fatalf("got %v", got)
		}
		if got := r.keys(store.Query{Table: tab, Filter: r.bind("order", "Select = 'other' AND west = 3 AND NOT S_INTERSECTS(place, BBOX(1,1,2,2)) IS NULL OR id = 8")}); len(got) != 1 {
			t.Fatalf("got %v", got)
		}
	}},
	{"names that no table can have", func(t *testing.T, db Database) {
		r := with(t, db)
		for _, n := range []string{"", "sqlite-x", "a--b", "Upper", "_log", "a_b", "x;y", "pg_class"} {
			it := r.item()
			it.Tables = []*dataset.Table{table(n, col("id", dataset.String))}
			// A driver that can hold the name may, another must say so.
			if err := r.append(it)[0].Err; err == nil {
				r.catalog = r.head().Catalog
			} else if problem.KindOf(err) != problem.Invalid {
				t.Errorf("%q: %v", n, err)
			}
		}
	}},
}

// keepingTests are about what outlives a process.
var keepingTests = []test{
	{"reopening", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.put(ws, station("a", text("x")))
		before := r.head()
		r.reopen(t)
		if h := r.head(); h != before {
			t.Fatalf("head %+v, before %+v", h, before)
		}
		if rc := r.put(ws, station("b")); rc.Seq != before.Seq+1 {
			t.Fatalf("receipt %+v", rc)
		}
		if got := fmt.Sprint(r.keys(store.Query{Table: r.tables[ws]})); got != "[a b]" {
			t.Fatal(got)
		}
		r.sound()
	}},
	{"two drivers on one database", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		other := &rig{t: t, d: db.Open(t), db: db, tables: r.tables, catalog: r.catalog, at: r.at}
		defer other.d.Close()
		for i := range 5 {
			a, b := r.put(ws, station(fmt.Sprint("a", i))), other.put(ws, station(fmt.Sprint("b", i)))
			if b.Seq != a.Seq+1 {
				t.Fatalf("%d then %d", a.Seq, b.Seq)
			}
		}
		more := table("rain-gauge", col("id", dataset.Integer))
		other.declare(more)
		if _, err := r.d.Append(context.Background(), r.catalog, []store.Item{r.item(put(ws, station("late")))}); !errors.Is(err, store.ErrCatalogMoved) {
			t.Fatalf("got %v", err)
		}
		r.catalog = other.catalog
		r.put("rain-gauge", []value.Value{integer(1)})
		r.sound()
	}},
	{"backup and restore", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.put(ws, station("a", text("x")), station("b"))
		r.put(ws, station("a", text("y")))
		if err := r.d.SaveState(context.Background(), "f", []store.StatePut{{Key: "cursor", Value: []byte("3")}}); err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		var last int64
		if err := r.d.Backup(context.Background(), &buf, func(done, total int64) { last = done }); err != nil {
			t.Fatal(err)
		}
		if last == 0 {
			t.Error("no progress was told")
		}
		then := r.head()
		r.put(ws, station("c"))
		copied := &rig{t: t, tables: r.tables, catalog: r.catalog, at: r.at, db: db.Restore(t, &buf)}
		copied.d = copied.db.Open(t)
		defer copied.d.Close()
		h := copied.head()
		if h.Epoch == then.Epoch || h.Epoch == "" || h.Seq != then.Seq || h.At != then.At || h.Catalog != then.Catalog {
			t.Fatalf("head %+v of a copy of %+v", h, then)
		}
		if got := fmt.Sprint(copied.keys(store.Query{Table: r.tables[ws]})); got != "[a b]" {
			t.Fatalf("the copy has %s", got)
		}
		if rows := copied.get(ws, 2, text("a")); rows.Values[name] != text("x") {
			t.Fatal("the copy lacks history")
		}
		n := 0
		if err := copied.d.State(context.Background(), "f", "", func(string, []byte) error { n++; return nil }); err != nil || n != 1 {
			t.Fatal("the copy lacks state")
		}
		copied.sound()
		copied.put(ws, station("d"))
		copied.sound()
		r.sound()
		if r.head().Epoch != then.Epoch {
			t.Fatal("the original's epoch changed")
		}
	}},
	{"state", func(t *testing.T, db Database) {
		r := with(t, db)
		ctx := context.Background()
		save := func(owner string, puts ...store.StatePut) {
			if err := r.d.SaveState(ctx, owner, puts); err != nil {
				t.Fatal(err)
			}
		}
		list := func(owner, prefix string) string {
			var s []string
			if err := r.d.State(ctx, owner, prefix, func(k string, v []byte) error { s = append(s, k+"="+string(v)); return nil }); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(s)
		}
		save("x", store.StatePut{Key: "b", Value: []byte("1")}, store.StatePut{Key: "a", Value: []byte("2")}, store.StatePut{Key: "a/c", Value: []byte{}}, store.StatePut{Key: "A", Value: []byte("\x00\xff")})
		save("y", store.StatePut{Key: "a", Value: []byte("other")})
		if got := list("x", ""); got != "[A=\x00\xff a=2 a/c= b=1]" {
			t.Errorf("%q", got)
		}
		if got := list("x", "a"); got != "[a=2 a/c=]" {
			t.Errorf("%q", got)
		}
		if got := list("x", "_"); got != "[]" {
			t.Errorf("%q", got)
		}
		save("x", store.StatePut{Key: "a", Value: nil}, store.StatePut{Key: "b", Value: []byte("3")}, store.StatePut{Key: "none", Value: nil})
		r.reopen(t)
		if got := list("x", ""); got != "[A=\x00\xff a/c= b=3]" {
			t.Errorf("%q", got)
		}
		if got := list("y", ""); got != "[a=other]" {
			t.Errorf("%q", got)
		}
		if r.head().Seq != 0 {
			t.Error("state moved the head")
		}
	}},
	{"state in ranges and by comparison", func(t *testing.T, db Database) {
		r := with(t, db)
		ctx := context.Background()
		list := func(from, until string, limit int) string {
			var s []string
			if err := r.d.StateRange(ctx, "x", from, until, limit, func(k string, v []byte) error { s = append(s, k+"="+string(v)); return nil }); err != nil {
				t.Fatal(err)
			}
			return strings.Join(s, " ")
		}
		swap := func(old, new []byte, moved bool, puts ...store.StatePut) {
			t.Helper()
			err := r.d.SwapState(ctx, "x", "cursor", old, new, puts)
			if moved != errors.Is(err, store.ErrStateMoved) || !moved && err != nil {
				t.Fatalf("swap of %q for %q: %v", old, new, err)
			}
		}
		one := func(k, v string) store.StatePut { return store.StatePut{Key: k, Value: []byte(v)} }
		swap([]byte("1"), []byte("2"), true, one("lost", "1"))
		swap(nil, []byte("1"), false, one("b", "1"), one("d", "2"), one("c", "3"))
		swap(nil, []byte("9"), true, one("lost", "1"))
		swap([]byte("0"), []byte("9"), true, one("lost", "1"))
		swap([]byte("1"), []byte("2"), false, store.StatePut{Key: "d"}, one("e", ""))
		if got := list("", "", 0); got != "b=1 c=3 cursor=2 e=" {
			t.Errorf("%q", got)
		}
		if got := list("c", "e", 0) + "," + list("c", "", 2) + "," + list("f", "", 0); got != "c=3 cursor=2,c=3 cursor=2," {
			t.Errorf("%q", got)
		}
		swap([]byte("1"), nil, true)
		swap([]byte("2"), nil, false, store.StatePut{Key: "b"})
		swap(nil, nil, false, one("c", "4"))
		if got := list("", "", 0); got != "c=4 e=" {
			t.Errorf("%q", got)
		}
		// Of many who hold the same old value, one gets through each time.
		for _, old := range []string{"", "1"} {
			var from []byte
			if old != "" {
				from = []byte(old)
			}
			won := make(chan int, 8)
			var all sync.WaitGroup
			for i := range cap(won) {
				all.Go(func() {
					err := r.d.SwapState(ctx, "x", "cursor", from, []byte("1"+old), []store.StatePut{one("by", strconv.Itoa(i))})
					switch {
					case err == nil:
						won <- i
					case !errors.Is(err, store.ErrStateMoved):
						t.Error(err)
					}
				})
			}
			all.Wait()
			close(won)
			var winners []string
			for i := range won {
				winners = append(winners, "by="+strconv.Itoa(i))
			}
			if got := list("by", "bz", 0); len(winners) != 1 || got != winners[0] {
				t.Errorf("%v won, %q stands", winners, got)
			}
		}
	}},
	{"verify finds what was tampered with", func(t *testing.T, db Database) {
		tamper, can := db.(Tamperer)
		if !can {
			t.Skip("this database offers no way to falsify it")
		}
		r := with(t, db, Station())
		var rows [][]value.Value
		for i := range 50 {
			rows = append(rows, station(fmt.Sprintf("%02d", i), text("x")))
		}
		r.put(ws, rows...)
		r.put(ws, station("07", text("y")), station("09", text("y")))
		rep := r.sound()
		if rep.Entries != 3 || rep.Changes != 52 || rep.Rows != 50 || rep.Versions != 2 {
			t.Fatalf("report %+v", rep)
		}
		hexKey := func(k string) string { return fmt.Sprintf("%x", value.Append(nil, text(k))) }
		tamper.TamperRow(t, r.tables[ws], []value.Value{text("07")})
		fs, rep := r.verify()
		if len(fs) != 1 || rep.Faults != 1 || fs[0].Where != "table" || fs[0].Dataset != ws || fs[0].Key != hexKey("07") {
			t.Fatalf("faults %+v", fs)
		}
		tamper.TamperHistory(t, r.tables[ws], []value.Value{text("09")})
		tamper.TamperLog(t, 2)
		fs, _ = r.verify()
		var at []string
		for _, f := range fs {
			at = append(at, f.Where+" "+f.Key)
		}
		slices.Sort(at)
		want := []string{"history " + hexKey("09"), "log ", "table " + hexKey("07")}
		if !slices.Equal(at, want) {
			t.Fatalf("faults %q, want %q", at, want)
		}
	}},
}
