package storetest

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/cql2/cql2test"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/storetest/ogc"
)

// mixed is a layout with several columns of each kind, so that columns can be
// compared with each other, and with few indexes, some of them leading.
func mixed(name string) *dataset.Table {
	t := table(name,
		col("key", dataset.String), col("name", dataset.String), col("kind", dataset.String), col("level", dataset.Number), col("depth", dataset.Number),
		col("count", dataset.Integer), col("rank", dataset.Year), col("live", dataset.Boolean), col("open", dataset.Boolean), col("since", dataset.DateType),
		col("until", dataset.DateType), col("seenAt", dataset.DateTime), col("sentAt", dataset.DateTime), col("place", dataset.GeoJSON), col("tags", dataset.List), col("codes", dataset.Array))
	t.Geometry = 13
	t.Indexes = [][]int{{1}, {3}, {5, 11}, {11}, {9}}
	return t
}

var expressionTests = []test{
	{"agree with evaluation in memory", func(t *testing.T, db Database) {
		tab := mixed("mixed")
		r := with(t, db, tab)
		var stored [][]value.Value
		rapid.Check(t, func(rt *rapid.T) {
			rows := cql2test.Rows(tab, tab.Width(), 12, 0).Draw(rt, "rows")
			var cs []commit.Change
			for _, row := range stored {
				if !slices.ContainsFunc(rows, func(x []value.Value) bool { return x[0] == row[0] }) {
					cs = append(cs, r.remove("mixed", row[0]))
				}
			}
			seen := map[value.Value]bool{}
			rows = slices.DeleteFunc(rows, func(x []value.Value) bool {
				twice := seen[x[0]]
				seen[x[0]] = true
				return twice
			})
			for _, row := range rows {
				cs = append(cs, put("mixed", row))
			}
			it := r.item(cs...)
			it.At = 0
			r.ok(it)
			stored = rows
			head := r.head().Seq
			for range 4 {
				e := cql2test.Expr(tab).Draw(rt, "expression")
				var want []string
				for _, row := range inOrder(rows, nil) {
					if cql2.Matches(e, row) {
						want = append(want, row[0].Text())
					}
				}
				for _, q := range []store.Query{{}, {AsOf: head}, {Sort: []store.Order{{Column: 3, Desc: true}}}} {
					q.Table, q.Filter = tab, e
					got := r.keys(q)
					if q.Sort != nil {
						slices.Sort(got)
					}
					if !slices.Equal(got, want) {
						sql, args, _ := r.d.Explain(q)
						rt.Fatalf("%s\nas of %d selects %q, want %q\n%s %v", cql2.Text(e), q.AsOf, got, want, sql, args)
					}
					if n, err := r.d.Count(context.Background(), q); err != nil || int(n) != len(want) {
						rt.Fatalf("%s\ncounts %d, %v, want %d", cql2.Text(e), n, err, len(want))
					}
				}
			}
		})
		r.sound()
	}},
	{"very wide conditions", func(t *testing.T, db Database) {
		r := with(t, db, Station())
		r.many(40)
		var items []string
		for i := range 3000 {
			items = append(items, fmt.Sprintf("'%04d'", i))
		}
		if got := r.keys(store.Query{Table: r.tables[ws], Filter: r.bind(ws, "code IN ("+strings.Join(items, ",")+")")}); len(got) != 40 {
			t.Errorf("in: %d rows", len(got))
		}
		if got := r.keys(store.Query{Table: r.tables[ws], Filter: r.bind(ws, "code = "+strings.Join(items[10:], " OR code = "))}); len(got) != 30 {
			t.Errorf("or: %d rows", len(got))
		}
	}},
	{"the standard's own cases", testOGC},
}

func testOGC(t *testing.T, db Database) {
	r := with(t, db)
	for i, folder := range ogc.Folders(t) {
		collections, cases := ogc.Load(t, folder)
		tables := map[string]*dataset.Table{}
		for _, n := range slices.Sorted(maps.Keys(collections)) {
			tab := *collections[n].Table
			tab.Name = fmt.Sprint("cases-", i, "-", len(tables))
			tables[n] = &tab
			r.declare(&tab)
			r.put(tab.Name, collections[n].Rows...)
		}
		for _, c := range cases {
			tab := tables[c.Collection]
			q := store.Query{Table: tab, Filter: r.bind(tab.Name, c.Predicate)}
			n, err := r.d.Count(context.Background(), q)
			if err != nil || int(n) != c.Expected {
				t.Errorf("%s: %s selects %d (%v), want %d", filepath.Base(folder), c.Predicate, n, err, c.Expected)
			}
			if got := r.read(q); len(got) != c.Expected {
				t.Errorf("%s: %s reads %d, want %d", filepath.Base(folder), c.Predicate, len(got), c.Expected)
			}
		}
	}
	r.sound()
}

var modelTests = []test{
	{"puts, patches, deletes and reads of the past", testModel},
}

// kept is the model's record.
type kept struct {
	version int64
	row     []value.Value
}

func testModel(t *testing.T, db Database) {
	r := with(t, db)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		tab := mixed(fmt.Sprint("model-", run))
		tab.Unique = [][]int{{5, 6}}
		clear(r.tables)
		r.declare(tab)
		begun := r.head().Seq
		now := map[string]kept{}
		past := []map[string]kept{{}} // by seq since begun
		keys := rapid.SampledFrom([]string{"a", "b", "c", "Đ", "đ", ""})
		draw := func(c int) value.Value {
			if rapid.IntRange(0, 3).Draw(rt, "null") == 0 {
				return value.Value{}
			}
			col := tab.Columns[c]
			return cql2test.Value(col.Kind, col.Type == dataset.List || col.Type == dataset.Array).Draw(rt, col.Name)
		}
		taken := func(state map[string]kept, key string, row []value.Value) bool {
			for k, x := range state {
				if k != key && !row[5].IsNull() && !row[6].IsNull() && x.row[5] == row[5] && x.row[6] == row[6] {
					return true
				}
			}
			return false
		}
		change := func() commit.Change {
			c := commit.Change{Dataset: tab.Name, Op: commit.Op(rapid.IntRange(1, 3).Draw(rt, "op")), Row: make([]value.Value, tab.Width())}
			c.Row[0] = text(keys.Draw(rt, "key"))
			switch c.Op {
			case commit.Put:
				for i := 1; i < tab.Width(); i++ {
					c.Row[i] = draw(i)
				}
			case commit.Patch:
				c.Mask = make([]bool, tab.Width())
				for range rapid.IntRange(0, 3).Draw(rt, "columns") {
					i := rapid.IntRange(1, tab.Width()-1).Draw(rt, "column")
					c.Row[i], c.Mask[i] = draw(i), true
				}
			}
			c.Expect = rapid.SampledFrom([]int64{0, 0, 0, commit.Absent, commit.Present, begun + 1}).Draw(rt, "expect")
			return c
		}
		// apply is the contract in the words of a map. Unique values are looked
		// at one change at a time, which is right for items of one change.
		apply := func(state map[string]kept, c commit.Change, seq int64) (commit.Result, bool) {
			k := c.Row[0].Text()
			old, exists := state[k]
			switch {
			case c.Expect == commit.Absent && exists, c.Expect == commit.Present && !exists, c.Expect > 0 && (!exists || old.version != c.Expect):
				return 0, false
			}
			row := c.Row
			switch c.Op {
			case commit.Delete:
				if !exists {
					return commit.Unchanged, true
				}
				delete(state, k)
				return commit.Deleted, true
			case commit.Patch:
				if !exists {
					return 0, false
				}
				row = slices.Clone(old.row)
				for i, set := range c.Mask {
					if set {
						row[i] = c.Row[i]
					}
				}
			}
			if exists && same(row, old.row) {
				return commit.Unchanged, true
			}
			if taken(state, k, row) {
				return 0, false
			}
			state[k] = kept{seq, row}
			if exists {
				return commit.Updated, true
			}
			return commit.Created, true
		}
		compare := func(state map[string]kept, asOf int64) {
			rows := r.read(store.Query{Table: tab, AsOf: asOf})
			if len(rows) != len(state) {
				rt.Fatalf("as of %d: %d rows, want %d", asOf, len(rows), len(state))
			}
			for _, row := range rows {
				want, exists := state[row.Values[0].Text()]
				if !exists || want.version != row.Version || !same(want.row, row.Values) {
					rt.Fatalf("as of %d: row %v of version %d, want %v of %d", asOf, row.Values, row.Version, want.row, want.version)
				}
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(*rapid.T) {
				var items []store.Item
				var want []string
				state := maps.Clone(now)
				seq := begun + int64(len(past)) - 1
				for range rapid.IntRange(1, 4).Draw(rt, "items") {
					c := change()
					items = append(items, r.item(c))
					res, ok := apply(state, c, seq+1)
					switch {
					case !ok:
						want = append(want, "refused")
					case res == commit.Unchanged:
						want = append(want, fmt.Sprint(res, " empty at ", seq))
					default:
						seq++
						want = append(want, fmt.Sprint(res, " at ", seq))
						past = append(past, maps.Clone(state))
					}
				}
				for i, o := range r.append(items...) {
					got := "refused"
					if o.Err == nil {
						got = fmt.Sprint(o.Receipt.Results[0], " at ", o.Receipt.Seq)
						if o.Receipt.Empty {
							got = fmt.Sprint(o.Receipt.Results[0], " empty at ", o.Receipt.Seq)
						}
					}
					if got != want[i] {
						rt.Fatalf("item %d: %s (%v), want %s", i, got, o.Err, want[i])
					}
				}
				now = state
			},
			"read the past": func(*rapid.T) {
				i := rapid.IntRange(0, len(past)-1).Draw(rt, "seq")
				compare(past[i], begun+int64(i))
			},
			"get": func(*rapid.T) {
				k := keys.Draw(rt, "key")
				got, want := r.get(tab.Name, 0, text(k)), now[k]
				if (got == nil) != (want.row == nil) || got != nil && (got.Version != want.version || !same(got.Values, want.row)) {
					rt.Fatalf("%q is %v, want %v", k, got, want)
				}
			},
			"history": func(*rapid.T) {
				k := keys.Draw(rt, "key")
				var want []string
				for i := len(past) - 1; i > 0; i-- {
					a, b := past[i-1][k], past[i][k]
					if a.version != b.version || (a.row == nil) != (b.row == nil) {
						want = append(want, fmt.Sprint(begun+int64(i), b.row))
					}
				}
				var got []string
				for _, v := range r.history(tab.Name, text(k)) {
					got = append(got, fmt.Sprint(v.Seq, v.Values))
				}
				if !slices.Equal(got, want) {
					rt.Fatalf("history of %q:\n got %v\nwant %v", k, got, want)
				}
			},
			"": func(*rapid.T) { compare(now, 0) },
		})
		if fs, _ := r.verify(); len(fs) > 0 {
			rt.Fatalf("verify: %+v", fs)
		}
	})
}
