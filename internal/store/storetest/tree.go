package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// leaves are the hashes of all entries, in order, checked against what they say.
func (r *rig) leaves() []proof.Hash {
	r.t.Helper()
	var out []proof.Hash
	for _, e := range r.log(store.LogRange{}) {
		p := proof.Entry{Seq: e.Seq, At: e.At, Header: e.HeaderDigest, Changes: e.ChangesDigest}
		if p.Leaf() != e.Hash || e.HeaderDigest == e.ChangesDigest {
			r.t.Fatalf("entry %d is not its leaf", e.Seq)
		}
		out = append(out, e.Hash)
	}
	return out
}

// grown demands that the stored tree is that of the log, and the head's root its.
func (r *rig) grown() {
	r.t.Helper()
	var f proof.Frontier
	var want []proof.Hash
	for _, leaf := range r.leaves() {
		want = f.Append(leaf, want)
	}
	if h := r.head(); h.Root != f.Root() || h.Seq != f.Size {
		r.t.Fatalf("the head's root is not that of its %d entries", f.Size)
	}
	places := make([]int64, len(want))
	for i := range places {
		places[i] = int64(len(want) - 1 - i) // in no order of theirs
	}
	got, err := r.d.Hashes(context.Background(), places)
	if err != nil {
		r.t.Fatal(err)
	}
	for i, n := range places {
		if got[i] != want[n] {
			r.t.Fatalf("hash %d is not that of the entries", n)
		}
	}
	if _, err := r.d.Hashes(context.Background(), []int64{0, int64(len(want))}); problem.KindOf(err) != problem.NotFound {
		r.t.Fatalf("a hash beyond the tree: %v", err)
	}
}

var treeTests = []test{
	{"grows with the log", func(t *testing.T, db Database) {
		r := with(t, db)
		if h := r.head(); h.Root != (&proof.Frontier{}).Root() {
			t.Fatal("the empty log has a root")
		}
		r.declare(Station())
		r.grown()
		for n := range 12 {
			var items []store.Item
			for i := range n {
				items = append(items, r.item(put(ws, station(fmt.Sprint(n, i), text("x")))))
			}
			if n > 3 { // one that is refused, one that changes nothing
				bad := r.item(put(ws, station(fmt.Sprint("new", n))), put(ws, station("31")))
				bad.Request.Changes[1].Expect = commit.Absent
				items = append(items[:2:2], append([]store.Item{bad, r.item(put(ws, station("31", text("x"))))}, items[2:]...)...)
			}
			if len(items) > 0 {
				r.append(items...)
			}
			r.grown()
		}
		r.sound()
		r.reopen(t)
		r.grown()
		other := &rig{t: t, d: db.Open(t), db: db, tables: r.tables, catalog: r.catalog, at: r.at}
		defer other.d.Close()
		for i := range 5 {
			r.put(ws, station(fmt.Sprint("a", i)))
			other.put(ws, station(fmt.Sprint("b", i)))
		}
		r.grown()
		r.sound()
	}},
	{"says nothing of what it holds", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.put(ws, station("a", text("x")))
		r.ok(r.item(r.remove(ws, text("a"))))
		again := r.item(put(ws, station("a", text("x"))))
		r.ok(again)
		es := r.log(store.LogRange{After: 1})
		if es[0].ChangesDigest == es[2].ChangesDigest || es[0].HeaderDigest == es[1].HeaderDigest {
			t.Fatal("equal contents have equal digests: they could be guessed")
		}
	}},
	{"every altered byte is found and its place named", func(t *testing.T, db Database) {
		f, can := db.(Falsifier)
		if !can {
			t.Skip("this database offers no way to falsify it")
		}
		n := 300
		if s := os.Getenv("HUONG_ALTERATIONS"); s != "" {
			n, _ = strconv.Atoi(s)
		}
		if testing.Short() {
			n = 60
		}
		r := altered(t, db)
		random := rand.New(rand.NewPCG(uint64(n), 11))
		kinds := map[string]int{}
		for done := 0; done < n; {
			a, ok := f.Alter(t, r.tables[ws], random)
			if !ok {
				continue
			}
			done++
			kinds[a.Where]++
			if fs, _ := r.verify(); !named(fs, a) {
				t.Errorf("%s: found %+v", a.What, fs)
			}
			a.Undo()
		}
		for _, where := range []string{"log", "tree", "head", "table", "history"} {
			if kinds[where] < n/40 {
				t.Errorf("only %d alterations in %s", kinds[where], where)
			}
		}
		r.sound()
	}},
}

// named tells whether a fault names the place of an alteration.
func named(fs []store.Fault, a Alteration) bool {
	for _, f := range fs {
		if f.Where != a.Where || a.Seq != 0 && f.Seq != a.Seq {
			continue
		}
		if f.Where != "table" && f.Where != "history" || f.Dataset == ws && f.Key != "" {
			return true
		}
	}
	return false
}

// altered is a small city with all that can be altered: every kind of value,
// history, large entries that are compressed, an erased record.
func altered(t *testing.T, db Database) *rig {
	r := with(t, db, Station())
	full := func(i int, s string) []value.Value {
		return station(fmt.Sprintf("%02d", i), text(s), num(float64(i)/3), integer(int64(i)), value.OfBool(i%2 == 0), value.OfDate(20000+int64(i)),
			value.OfTime(Start+int64(i)), value.OfGeometry(geom.Point(107.5+float64(i)/100, 16.4)), text(`["a"]`))
	}
	var rows [][]value.Value
	for i := range 40 {
		rows = append(rows, full(i, "the same text over and over in many rows"))
	}
	r.put(ws, rows...)
	for i := range 15 {
		it := r.item(put(ws, full(i, "changed")))
		it.Request.Key = fmt.Sprint("key", i)
		r.ok(it)
	}
	r.ok(r.item(r.remove(ws, text("03")), r.remove(ws, text("20"))))
	r.ok(r.item(r.patch(ws, "05", map[int]value.Value{name: {}})))
	r.erase(nil, text("03"))
	r.erase([]int{name}, text("05"))
	r.put(ws, full(3, "again"))
	return r
}

// erase erases a record, or columns of it, that the present is free of.
func (r *rig) erase(columns []int, key ...value.Value) commit.Receipt {
	r.t.Helper()
	rc, err := r.d.Erase(context.Background(), r.catalog, r.erasure(columns, key...))
	if err != nil {
		r.t.Fatalf("erase: %v", err)
	}
	return rc
}

func (r *rig) erasure(columns []int, key ...value.Value) store.Erasure {
	r.at++
	return store.Erasure{Table: r.tables[ws], Key: key, Columns: columns,
		Item: r.item(put(ws, station(fmt.Sprint("erasure", r.at), text("basis"))))}
}

var erasingTests = []test{
	{"takes a record out of history and log", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.put(ws, station("a", text("canary"), num(1)), station("b", text("other")))
		r.put(ws, station("a", text("canary two"), num(2)))
		r.put(ws, station("a", text("canary three")), station("c"))
		ctx := context.Background()
		if _, err := r.d.Erase(ctx, r.catalog, r.erasure(nil, text("a"))); problem.KindOf(err) != problem.Conflict {
			t.Fatalf("a record that is there: %v", err)
		}
		if _, err := r.d.Erase(ctx, r.catalog, r.erasure(nil, text("nobody"))); problem.KindOf(err) != problem.NotFound {
			t.Fatalf("a record that never was: %v", err)
		}
		if _, err := r.d.Erase(ctx, r.catalog-1, r.erasure(nil, text("a"))); !errors.Is(err, store.ErrCatalogMoved) {
			t.Fatalf("an old catalog: %v", err)
		}
		r.ok(r.item(r.remove(ws, text("a"))))
		before, head := r.leaves(), r.head()
		bad := r.erasure(nil, text("a"))
		bad.Item.Request.Changes[0].Expect = commit.Present
		if _, err := r.d.Erase(ctx, r.catalog, bad); problem.KindOf(err) != problem.Stale {
			t.Fatalf("a record of it that is refused: %v", err)
		}
		if r.head() != head || len(r.history(ws, text("a"))) != 4 {
			t.Fatal("a refused erasure left something")
		}
		r.sound()
		rc := r.erase(nil, text("a"))
		for _, e := range r.log(store.LogRange{After: 1}) {
			if touched := e.Seq < rc.Seq; touched != slices.Equal(e.ErasedBy, []int64{rc.Seq}) {
				t.Errorf("commit %d says that it was erased by %v", e.Seq, e.ErasedBy)
			}
		}
		if rc.Seq != head.Seq+1 {
			t.Fatalf("receipt %+v", rc)
		}
		after := r.leaves()
		for i := range before {
			if before[i] != after[i] {
				t.Fatalf("leaf %d changed", i)
			}
		}
		r.grown()
		r.sound()
		if h := r.history(ws, text("a")); len(h) != 0 {
			t.Fatalf("history %+v", h)
		}
		for _, e := range r.log(store.LogRange{}) {
			for _, c := range e.Changes {
				for _, row := range [][]value.Value{c.Before, c.After} {
					if row != nil && row[code] == text("a") {
						t.Fatalf("entry %d holds it", e.Seq)
					}
				}
			}
		}
		es := r.log(store.LogRange{After: 1})
		if es[0].Count != 2 || len(es[0].Changes) != 1 || es[2].Changes[0].After[code] != text("c") {
			t.Fatalf("entries %+v", es)
		}
		if got := es[len(es)-1]; got.Source == "storetest" || got.Reason != "try" {
			t.Fatalf("the erasing commit %+v", got.Header)
		}
		if got := r.get(ws, 2, text("a")); got != nil {
			t.Fatal("as of then it is still there")
		}
		if _, err := r.d.Erase(ctx, r.catalog, r.erasure(nil, text("a"))); problem.KindOf(err) != problem.NotFound {
			t.Fatalf("a second time: %v", err)
		}
		r.put(ws, station("a", text("anew")))
		r.sound()
		r.reopen(t)
		r.sound()
	}},
	{"takes columns and leaves the rest", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.put(ws, station("a", text("canary"), num(1), integer(5)))
		r.put(ws, station("a", text("canary two"), num(2), integer(5)))
		ctx := context.Background()
		if _, err := r.d.Erase(ctx, r.catalog, r.erasure([]int{name}, text("a"))); problem.KindOf(err) != problem.Conflict {
			t.Fatalf("a column that is filled: %v", err)
		}
		r.ok(r.item(r.patch(ws, "a", map[int]value.Value{name: {}})))
		r.erase([]int{name}, text("a"))
		r.sound()
		r.grown()
		h := r.history(ws, text("a"))
		if len(h) != 3 || !h[2].Values[name].IsNull() || h[2].Values[level] != num(1) {
			t.Fatalf("history %+v", h)
		}
		es := r.log(store.LogRange{After: 1, Limit: 2})
		if c := es[1].Changes[0]; !c.Erased || !c.Before[name].IsNull() || c.Before[level] != num(1) || c.After[level] != num(2) {
			t.Fatalf("change %+v", c)
		}
		r.ok(r.item(r.patch(ws, "a", map[int]value.Value{level: {}, count: {}})))
		r.erase([]int{level, count}, text("a")) // rewrites what was rewritten
		r.sound()
		r.ok(r.item(r.remove(ws, text("a"))))
		r.erase(nil, text("a"))
		r.sound()
		r.grown()
		r.put(ws, station("z"))
		r.sound()
	}},
	{"among many changes of one commit", func(t *testing.T, db Database) {
		r := with(t, db, Station(), table("other", col("id", dataset.Integer)))
		var cs []commit.Change
		for i := range 300 {
			cs = append(cs, put(ws, station(fmt.Sprint(i), text("the same text over and over"))), put("other", []value.Value{integer(int64(i))}))
		}
		r.ok(r.item(cs...))
		r.ok(r.item(r.remove(ws, text("150")), r.remove(ws, text("299"))))
		r.erase(nil, text("150"))
		r.erase(nil, text("299"))
		r.sound()
		es := r.log(store.LogRange{After: 1, Limit: 1})
		if len(es[0].Changes) != 598 || es[0].Count != 600 {
			t.Fatalf("%d of %d changes", len(es[0].Changes), es[0].Count)
		}
		var buf bytes.Buffer
		if err := r.d.Backup(context.Background(), &buf, func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		copied := &rig{t: t, tables: r.tables, catalog: r.catalog, at: r.at, db: db.Restore(t, &buf)}
		copied.d = copied.db.Open(t)
		defer copied.d.Close()
		copied.sound()
		copied.put(ws, station("new"))
		copied.grown()
	}},
}
