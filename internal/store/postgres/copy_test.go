package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// bulk is a driver with one table, to write large batches to.
type bulk struct {
	*testing.T
	d       *Driver
	t       *dataset.Table
	catalog int64
}

func newBulk(t *testing.T, tables ...*dataset.Table) *bulk {
	t.Helper()
	d, err := Open(context.Background(), cluster.Database(t), Options{Readers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	out, err := d.Append(context.Background(), 0, []store.Item{{Request: &commit.Request{}, Tables: tables, At: 1}})
	if err != nil || out[0].Err != nil {
		t.Fatal(err, out)
	}
	return &bulk{t, d, tables[0], out[0].Receipt.Seq}
}

func (b *bulk) append(items ...store.Item) []store.Outcome {
	b.Helper()
	out, err := b.d.Append(context.Background(), b.catalog, items)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// put appends one commit and returns how many records it created and updated.
func (b *bulk) put(rows [][]value.Value) (created, updated int) {
	b.Helper()
	o := b.append(item(b.t, rows))[0]
	if o.Err != nil {
		b.Fatal(o.Err)
	}
	return int(o.Receipt.Counts[commit.Created]), int(o.Receipt.Counts[commit.Updated])
}

func (b *bulk) sound() {
	b.Helper()
	r, err := b.d.Verify(context.Background(), []*dataset.Table{b.t}, func(int64, int64) {}, func(f store.Fault) error {
		b.Error(f)
		return nil
	})
	if err != nil || r.Rows == 0 {
		b.Fatal(r, err)
	}
}

func (b *bulk) stored() [][]value.Value {
	b.Helper()
	var rows [][]value.Value
	if err := b.d.Read(context.Background(), store.Query{Table: b.t}, func(r store.Row) error {
		rows = append(rows, slices.Clone(r.Values))
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	return rows
}

// kinds has a column of each kind; row i of its data holds edges and nulls.
func kinds() *dataset.Table {
	t := reports("kinds")
	t.Unique = [][]int{{2}}
	return t
}

func edge(i, round int) []value.Value {
	pick := func(n int, v value.Value) value.Value {
		if (i+round)%n == 0 {
			return value.Value{}
		}
		return v
	}
	return []value.Value{
		value.OfText(fmt.Sprintf("k%05d", i)), pick(3, value.OfText([]string{"", "a\"b\\c\td\n", "Huế 🌧"}[i%3])), value.OfText(fmt.Sprint("t", i)), value.OfText(fmt.Sprint("round", round)),
		pick(5, value.OfTime([]int64{-62167219200_000000, 253402300799_999999, opened + int64(i)}[i%3])), {},
		pick(7, value.OfInt([]int64{math.MinInt64, math.MaxInt64, int64(i)}[i%3])), pick(11, value.OfFloat([]float64{math.Copysign(0, -1), math.MaxFloat64, float64(i) / 3}[i%3])),
		pick(2, value.OfBool(i%3 == 0)), {},
		pick(4, value.OfGeometry(geom.Point(107.4+float64(i)/1e4, 16.3))), pick(6, value.OfDate([]int64{-719528, 2932896, int64(i)}[i%3])),
	}
}

func edges(from, n, round int) [][]value.Value {
	rows := make([][]value.Value, n)
	for i := range rows {
		rows[i] = edge(from+i, round)
	}
	return rows
}

// Many rows go another way than a few; they must be the same rows afterwards,
// in the table and, replaced, in history.
func TestManyRowsAreRowsAsWritten(t *testing.T) {
	b := newBulk(t, kinds())
	for _, n := range []int{1, copyFrom - 1, copyFrom, 3000} {
		from := len(b.stored())
		if created, updated := b.put(edges(from, n, 0)); created != n || updated != 0 {
			t.Fatalf("%d created, %d updated of %d", created, updated, n)
		}
		want := edges(0, from+n, 0)
		if got := b.stored(); !slices.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("%d rows differ from those written", n)
		}
	}
	n := len(b.stored())
	if created, updated := b.put(edges(0, n, 1)); created != 0 || updated != n {
		t.Fatalf("%d created, %d updated of %d", created, updated, n)
	}
	if got := b.stored(); !slices.EqualFunc(got, edges(0, n, 1), slices.Equal) {
		t.Fatal("replaced rows differ from those written")
	}
	var before [][]value.Value
	if err := b.d.Read(context.Background(), store.Query{Table: b.t, AsOf: b.head() - 1}, func(r store.Row) error {
		before = append(before, slices.Clone(r.Values))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(before, edges(0, n, 0), slices.Equal) {
		t.Fatal("rows as they were differ from those written")
	}
	b.sound()
}

// A series that is loaded makes its months first.
func TestManyRowsOfManyMonths(t *testing.T) {
	tab := reports("readings")
	tab.Kind, tab.Key = dataset.Series, []int{0, 4}
	b := newBulk(t, tab)
	for load := range 3 { // the first looks, the others hope
		rows := make([][]value.Value, 2*copyFrom)
		for i := range rows {
			rows[i] = edge(load*len(rows)+i, 0)
			rows[i][4] = value.OfTime(opened + int64(load*len(rows)+i)*12*3600_000_000)
		}
		if created, _ := b.put(rows); created != len(rows) {
			t.Fatalf("%d created", created)
		}
	}
	if got := len(b.stored()); got != 6*copyFrom {
		t.Fatalf("%d rows are stored", got)
	}
	b.sound()
}

func (b *bulk) head() int64 {
	b.Helper()
	h, err := b.d.Head(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	return h.Seq
}

// A bulk load does not look for records any more; when some exist after all,
// the outcome is as if it had looked.
func TestHopeInVain(t *testing.T) {
	const n = 2 * copyFrom
	hopeful := func(t *testing.T) *bulk {
		b := newBulk(t, kinds())
		b.put(edges(0, n, 0))
		if got := b.d.hope([]store.Item{item(b.t, edges(n, n, 0))}); !got[b.t.Name] {
			t.Fatal("there is no hope after a load of new records")
		}
		b.put(edges(n, n, 0)) // and it comes true
		return b
	}
	lost := func(b *bulk) {
		b.Helper()
		if got := b.d.hope([]store.Item{item(b.t, edges(9*n, n, 0))}); len(got) > 0 {
			b.Error("there is still hope")
		}
		if got := len(b.stored()); got < 2*n {
			b.Errorf("%d rows are left", got)
		}
		b.sound()
	}
	t.Run("some exist", func(t *testing.T) {
		b := hopeful(t)
		if created, updated := b.put(edges(2*n-5, n, 1)); created != n-5 || updated != 5 {
			t.Errorf("%d created, %d updated", created, updated)
		}
		lost(b)
		for range -disappointed + 1 {
			b.put(edges(len(b.stored()), n, 0))
		}
		if got := b.d.hope([]store.Item{item(b.t, edges(99*n, n, 0))}); !got[b.t.Name] {
			t.Error("there is no hope again")
		}
	})
	t.Run("the same rows again", func(t *testing.T) {
		b := hopeful(t)
		before := b.head()
		if o := b.append(item(b.t, edges(0, n, 0)))[0]; o.Err != nil || !o.Receipt.Empty || b.head() != before {
			t.Errorf("%+v", o)
		}
		lost(b)
	})
	t.Run("an item of several expects none", func(t *testing.T) {
		b := hopeful(t)
		items := []store.Item{item(b.t, edges(2*n, n, 0)), item(b.t, edges(1, 1, 1)), item(b.t, edges(3*n, 3, 0))}
		items[1].Request.Changes[0].Expect = commit.Absent
		out := b.append(items...)
		if out[0].Err != nil || out[2].Err != nil || out[2].Receipt.Seq != out[0].Receipt.Seq+1 || !refusedWith(out[1].Err, store.KeyExists) {
			t.Errorf("%+v", out)
		}
		lost(b)
	})
	t.Run("its own unique value", func(t *testing.T) {
		// The record exists and keeps its value: taken by another only for those
		// who do not know.
		b := hopeful(t)
		rows := append(edges(2*n, n, 0), edge(7, 1))
		if created, updated := b.put(rows); created != n || updated != 1 {
			t.Errorf("%d created, %d updated", created, updated)
		}
		lost(b)
	})
	t.Run("another's unique value", func(t *testing.T) {
		b := hopeful(t)
		rows := edges(2*n, n, 0)
		rows[3][2] = edge(7, 0)[2]
		out := b.append(item(b.t, rows), item(b.t, edges(3*n, 1, 0)))
		if !refusedWith(out[0].Err, store.UniqueTaken) || out[1].Err != nil {
			t.Errorf("%+v", out)
		}
		lost(b)
	})
	t.Run("an unfit value", func(t *testing.T) {
		// Too long for an index of the table: the item alone is refused.
		b := hopeful(t)
		bad := edge(3*n, 0)
		text := make([]byte, 12000)
		for i := range text { // nothing that compression could shorten
			text[i] = byte(33 + (uint64(i)*6364136223846793005>>33)%90)
		}
		bad[1] = value.OfText(string(text))
		out := b.append(item(b.t, edges(2*n, n, 0)), item(b.t, [][]value.Value{bad}))
		if out[0].Err != nil || problem.KindOf(out[1].Err) != problem.Invalid {
			t.Errorf("%+v", out)
		}
		b.sound()
	})
}

func refusedWith(err error, code string) bool {
	e := problem.As(err)
	return e != nil && len(e.Violations) > 0 && e.Violations[0].Code == code
}
