package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

const ws = "water-station"

var appendTests = []test{
	{"results", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		a := r.put(ws, station("a", text("Kim Long")), station("b"))
		if a.Seq != 2 || a.Empty || a.Repeat || fmt.Sprint(a.Results) != "[created created]" || a.Counts != [4]int64{0, 2, 0, 0} {
			t.Fatalf("first receipt %+v", a)
		}
		b := r.ok(r.item(put(ws, station("a", text("Kim Long"))), put(ws, station("b", text("Phú Ốc"))), r.remove(ws, text("c")), put(ws, station("d"))))
		if b.Seq != 3 || fmt.Sprint(b.Results) != "[unchanged updated unchanged created]" || b.Counts != [4]int64{2, 1, 1, 0} {
			t.Fatalf("second receipt %+v", b)
		}
		c := r.ok(r.item(r.remove(ws, text("a")), r.patch(ws, "b", map[int]value.Value{level: num(1.5)})))
		if fmt.Sprint(c.Results) != "[deleted updated]" {
			t.Fatalf("third receipt %+v", c)
		}
		if got := r.get(ws, 0, text("b")); got == nil || got.Version != 4 || !same(got.Values, station("b", text("Phú Ốc"), num(1.5))) {
			t.Fatalf("b is %+v", got)
		}
		if got := r.get(ws, 0, text("a")); got != nil {
			t.Fatalf("deleted record is there: %+v", got)
		}
		if h := r.head(); h.Seq != 4 || h.At != c.At || h.Catalog != 1 || h.Epoch == "" {
			t.Fatalf("head %+v", h)
		}
		r.sound()
	}},
	{"unchanged takes no place", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.put(ws, station("a", text("x")))
		rc := r.put(ws, station("a", text("x")))
		if !rc.Empty || rc.Seq != 2 || r.head().Seq != 2 {
			t.Fatalf("receipt %+v, head %+v", rc, r.head())
		}
		rc = r.ok(r.item(r.patch(ws, "a", map[int]value.Value{name: text("x")})))
		if !rc.Empty || rc.Results[0] != commit.Unchanged {
			t.Fatalf("a patch to the same value: %+v", rc)
		}
		if h := r.history(ws, text("a")); len(h) != 1 {
			t.Fatalf("history %+v", h)
		}
		r.sound()
	}},
	{"empty batch", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		if out := r.append(); len(out) != 0 {
			t.Fatalf("outcomes of nothing: %v", out)
		}
		rc := r.ok(r.item())
		if !rc.Empty || rc.Seq != 1 || r.head().Seq != 1 {
			t.Fatalf("an item without changes: %+v", rc)
		}
	}},
	{"duplicate in one item", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.refused(r.item(put(ws, station("a")), put(ws, station("b")), put(ws, station("a", text("x")))), problem.Invalid, 2, store.KeyTwice)
		if r.head().Seq != 1 || r.get(ws, 0, text("b")) != nil {
			t.Fatal("a refused item left something behind")
		}
	}},
	{"same key in two items of one batch", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		out := r.append(r.item(put(ws, station("a"))), r.item(put(ws, station("a", text("x")))), r.item(put(ws, station("a", text("x")))))
		if out[0].Receipt.Seq != 2 || out[1].Receipt.Seq != 3 || out[1].Receipt.Results[0] != commit.Updated || !out[2].Receipt.Empty {
			t.Fatalf("outcomes %+v", out)
		}
		r.sound()
	}},
	{"failing commit in the middle", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		bad := r.item(put(ws, station("x")), put(ws, station("a")))
		bad.Request.Changes[1].Expect = commit.Absent
		out := r.append(r.item(put(ws, station("a"))), bad, r.item(put(ws, station("c"))), r.item(put(ws, station("c"))), r.item(put(ws, station("d"))))
		refusal(t, out[1].Err, problem.Conflict, 1, store.KeyExists)
		for i, seq := range []int64{2, 0, 3, 3, 4} {
			if out[i].Receipt.Seq != seq {
				t.Fatalf("item %d has seq %d, want %d", i, out[i].Receipt.Seq, seq)
			}
		}
		if got := fmt.Sprint(r.keys(store.Query{Table: r.tables[ws]})); got != "[a c d]" {
			t.Fatalf("rows %s", got)
		}
		var seqs []int64
		for _, e := range r.log(store.LogRange{}) {
			seqs = append(seqs, e.Seq)
		}
		if fmt.Sprint(seqs) != "[1 2 3 4]" {
			t.Fatalf("log has %v", seqs)
		}
		r.sound()
	}},
	{"malformed input is refused whole", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		null := station("")
		null[0] = value.Value{}
		r.refused(r.item(put(ws, null), put(ws, station("a")[:3]), put("unheard-of", station("a")), put(ws, station("b", num(1)))),
			problem.Invalid, 0, store.KeyNull, 1, store.LayoutUnfit, 2, store.LayoutUnknown, 3, store.ValueKind)
		r.refused(r.item(put(ws, station("a\x00b"))), problem.Invalid, 0, store.ValueOutOfRange)
		if r.head().Seq != 1 {
			t.Fatal("the head moved")
		}
	}},
	{"catalog moved", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		_, err := r.d.Append(context.Background(), r.catalog+1, []store.Item{r.item(put(ws, station("a")))})
		if !errors.Is(err, store.ErrCatalogMoved) {
			t.Fatalf("got %v", err)
		}
		if r.head().Seq != 1 {
			t.Fatal("the head moved")
		}
	}},
	{"expected versions", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		v := r.put(ws, station("a")).Seq
		expect := func(c commit.Change, e int64) commit.Change { c.Expect = e; return c }
		r.refused(r.item(expect(put(ws, station("a", text("x"))), v+1)), problem.Stale, 0, store.VersionStale)
		r.refused(r.item(expect(put(ws, station("b")), v)), problem.Stale, 0, store.VersionAbsent)
		r.refused(r.item(expect(put(ws, station("b")), commit.Present)), problem.Stale, 0, store.VersionAbsent)
		r.refused(r.item(expect(r.remove(ws, text("b")), commit.Present)), problem.Stale, 0, store.VersionAbsent)
		r.refused(r.item(expect(put(ws, station("a")), commit.Absent)), problem.Conflict, 0, store.KeyExists)
		r.refused(r.item(r.patch(ws, "b", map[int]value.Value{name: text("x")})), problem.Conflict, 0, store.RecordAbsent)
		r.refused(r.item(put(ws, station("c")), expect(put(ws, station("a", text("y"))), v+7), expect(r.remove(ws, text("q")), v)),
			problem.Stale, 1, store.VersionStale, 2, store.VersionAbsent)
		rc := r.ok(r.item(expect(put(ws, station("a", text("x"))), v), expect(put(ws, station("n")), commit.Absent)))
		rc = r.ok(r.item(expect(put(ws, station("a", text("z"))), rc.Seq)))
		r.ok(r.item(expect(r.remove(ws, text("a")), commit.Present)))
		if r.head().Seq != rc.Seq+1 {
			t.Fatal("unexpected head")
		}
		r.sound()
	}},
	{"idempotency", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		keyed := func(k string, cs ...commit.Change) store.Item {
			it := r.item(cs...)
			it.Request.Key = k
			return it
		}
		first := r.ok(keyed("k1", put(ws, station("a")), put(ws, station("b"))))
		r.put(ws, station("a", text("later")))
		again := r.ok(keyed("k1", put(ws, station("a")), put(ws, station("b"))))
		if !again.Repeat || again.Seq != first.Seq || again.At != first.At || again.Counts != first.Counts {
			t.Fatalf("repeat %+v of %+v", again, first)
		}
		if got := r.get(ws, 0, text("a")); got.Values[name] != text("later") {
			t.Fatal("the repeat was applied")
		}
		out := r.append(keyed("k2", put(ws, station("c"))), keyed("k2", put(ws, station("d"))))
		if out[0].Receipt.Repeat || !out[1].Receipt.Repeat || out[1].Receipt.Seq != out[0].Receipt.Seq || r.get(ws, 0, text("d")) != nil {
			t.Fatalf("one key twice in a batch: %+v", out)
		}
		// A refused commit leaves its key free.
		it := keyed("k3", put(ws, station("a")))
		it.Request.Changes[0].Expect = commit.Absent
		r.refused(it, problem.Conflict, 0, store.KeyExists)
		if rc := r.ok(keyed("k3", put(ws, station("e")))); rc.Repeat {
			t.Fatal("the key of a refused commit is taken")
		}
		// So is one that changed nothing: its repeat must not undo what came after.
		if rc := r.ok(keyed("k4", put(ws, station("e")))); !rc.Empty {
			t.Fatalf("receipt %+v", rc)
		}
		r.put(ws, station("e", text("later")))
		if rc := r.ok(keyed("k4", put(ws, station("e")))); !rc.Repeat || !rc.Empty || rc.Counts != [4]int64{1, 0, 0, 0} {
			t.Fatalf("repeat of an empty commit: %+v", rc)
		}
		r.reopen(t)
		if rc := r.ok(keyed("k1", put(ws, station("z")))); !rc.Repeat || rc.Seq != first.Seq {
			t.Fatalf("repeat after reopening: %+v", rc)
		}
		if es := r.log(store.LogRange{After: first.Seq - 1, Limit: 1}); es[0].Key != "k1" {
			t.Fatalf("entry %+v", es[0].Header)
		}
		r.sound()
	}},
	{"clock going backwards", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		first := r.put(ws, station("a"))
		r.at -= 60_000_000
		second := r.put(ws, station("b"))
		if second.At != first.At {
			t.Fatalf("time went from %d to %d", first.At, second.At)
		}
		r.at += 120_000_000
		if third := r.put(ws, station("c")); third.At != r.at {
			t.Fatalf("time stands still: %d, want %d", third.At, r.at)
		}
		if h := r.head(); h.At != r.at {
			t.Fatalf("head %+v", h)
		}
	}},
	{"unique keys", func(t *testing.T, db Database) {
		tab := Station()
		tab.Unique = [][]int{{name}, {count, live}}
		r := with(t, db, tab)
		r.put(ws, station("a", text("x"), num(0), integer(1), value.OfBool(true)), station("b"))
		r.refused(r.item(put(ws, station("b", text("x"))), put(ws, station("c", text("y"), num(0), integer(1), value.OfBool(true))), put(ws, station("d", text("z")))),
			problem.Conflict, 0, store.UniqueTaken, 1, store.UniqueTaken)
		r.refused(r.item(put(ws, station("e", text("same"))), put(ws, station("f", text("same")))), problem.Conflict, 1, store.UniqueTaken)
		r.put(ws, station("c"), station("d")) // nulls do not clash
		// A value that another change of the same item gives up is free.
		r.ok(r.item(r.remove(ws, text("a")), put(ws, station("g", text("x")))))
		r.sound()
	}},
	{"references", testReferences},
	{"many datasets in one item", func(t *testing.T, db Database) {
		other := table("rain-gauge", col("id", dataset.Integer), col("mm", dataset.Number))
		r := with(t, db, Station(), other)
		rc := r.ok(r.item(put(ws, station("a")), put("rain-gauge", []value.Value{integer(1), num(3)}), put(ws, station("b"))))
		es := r.log(store.LogRange{After: rc.Seq - 1})
		if len(es) != 1 || es[0].Count != 3 || es[0].Counts[ws] != 2 || es[0].Counts["rain-gauge"] != 1 || len(es[0].Changes) != 3 {
			t.Fatalf("entry %+v", es)
		}
		r.sound()
	}},
	{"concurrent appenders keep order", testConcurrent},
}

func testReferences(t *testing.T, db Database) {
	child := table("water-level", col("station", dataset.String), col("at", dataset.DateTime), col("level", dataset.Number))
	child.Kind, child.Key, child.Time = dataset.Series, []int{0, 1}, 1
	child.References = []dataset.Reference{{Columns: []int{0}, Table: ws, Fields: []string{"code"}}}
	child.Indexes = [][]int{{0}}
	r := with(t, db, Station(), child)
	lvl := func(s string, at int64) []value.Value {
		return []value.Value{text(s), value.OfTime(at), num(1)}
	}
	r.put(ws, station("a"))
	r.put("water-level", lvl("a", 1), lvl("a", 2))
	r.refused(r.item(put("water-level", lvl("a", 3)), put("water-level", lvl("b", 1)), put("water-level", lvl("c", 1))),
		problem.Conflict, 1, store.ReferenceMissing, 2, store.ReferenceMissing)
	r.ok(r.item(put(ws, station("b")), put("water-level", lvl("b", 1))))
	r.refused(r.item(r.remove(ws, text("a"))), problem.Conflict, 0, store.ReferenceHeld)
	r.ok(r.item(r.remove("water-level", text("b"), value.OfTime(1)), r.remove(ws, text("b"))))
	r.refused(r.item(put("water-level", lvl("b", 1))), problem.Conflict, 0, store.ReferenceMissing)
	out := r.append(r.item(put(ws, station("e"))), r.item(put("water-level", lvl("e", 1))), r.item(r.remove(ws, text("e"))))
	if out[0].Err != nil || out[1].Err != nil {
		t.Fatalf("outcomes %+v", out)
	}
	refusal(t, out[2].Err, problem.Conflict, 0, store.ReferenceHeld)

	// A reference by a field that is not the key, within one dataset, with nulls.
	node := table("node", col("id", dataset.Integer), col("label", dataset.String), col("parent", dataset.String))
	node.Unique = [][]int{{1}}
	node.References = []dataset.Reference{{Columns: []int{2}, Table: "node", Fields: []string{"label"}}}
	r.declare(node)
	row := func(id int64, label, parent string) []value.Value {
		v := []value.Value{integer(id), text(label), {}}
		if parent != "" {
			v[2] = text(parent)
		}
		return v
	}
	r.put("node", row(1, "root", ""), row(2, "leaf", "root"))
	r.refused(r.item(put("node", row(1, "stem", ""))), problem.Conflict, 0, store.ReferenceHeld)
	r.ok(r.item(put("node", row(1, "stem", "")), put("node", row(2, "leaf", "stem"))))
	r.ok(r.item(r.remove("node", integer(1)), r.remove("node", integer(2))))
	r.sound()
}

func testConcurrent(t *testing.T, db Database) {
	r := with(t, db, Station())
	const workers, each = 6, 15
	var wg sync.WaitGroup
	errs := make(chan error, workers)
	for w := range workers {
		wg.Go(func() {
			last := int64(0)
			for i := range each {
				it := store.Item{
					Request: &commit.Request{Changes: []commit.Change{put(ws, station(fmt.Sprintf("%d-%02d", w, i))), put(ws, station("shared", num(0), num(float64(w*each+i)))), put(ws, station(fmt.Sprint("own", w), value.Value{}, num(float64(i))))}},
					Layouts: r.tables, At: Start + int64(i),
				}
				it.Request.Changes[1].Row[name] = value.Value{}
				out, err := r.d.Append(context.Background(), r.catalog, []store.Item{it})
				if err == nil {
					err = out[0].Err
				}
				if err != nil {
					errs <- err
					return
				}
				if s := out[0].Receipt.Seq; s <= last {
					errs <- fmt.Errorf("seq %d after %d", s, last)
					return
				} else {
					last = s
				}
			}
		})
	}
	// A reader that follows the log meanwhile must see every entry, in order.
	seen := int64(0)
	for seen < 1+workers*each {
		select {
		case err := <-errs:
			t.Fatal(err)
		default:
		}
		err := r.d.Log(context.Background(), store.LogRange{After: seen}, func(e *commit.Entry) error {
			if e.Seq != seen+1 {
				return fmt.Errorf("entry %d after %d", e.Seq, seen)
			}
			seen = e.Seq
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	// The versions of a record came in the order of the log, each from the one before.
	prior := int64(0)
	for _, e := range r.log(store.LogRange{After: 1}) {
		for _, a := range e.Changes {
			if a.After[code] == text("shared") {
				if a.Prior != prior {
					t.Fatalf("entry %d follows version %d, want %d", e.Seq, a.Prior, prior)
				}
				prior = e.Seq
			}
		}
	}
	r.sound()
}
