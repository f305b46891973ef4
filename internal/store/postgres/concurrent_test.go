package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// counters is a table with a text key and a number.
func counters() *dataset.Table {
	return &dataset.Table{
		Name: "counters", Kind: dataset.Register, Key: []int{0},
		Columns: []dataset.Column{{Name: "id", Type: dataset.String, Kind: value.Text}, {Name: "n", Type: dataset.Integer, Kind: value.Int}},
		Time:    -1, Area: -1, X: -1, Y: -1, Geometry: -1, Flags: -1,
	}
}

// twoDrivers opens one database twice, as two server processes do.
func twoDrivers(t *testing.T) ([2]*Driver, *dataset.Table, int64) {
	t.Helper()
	ctx := context.Background()
	url := cluster.Database(t)
	var ds [2]*Driver
	for i := range ds {
		d, err := Open(ctx, url, Options{Readers: 12})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		ds[i] = d
	}
	tab := counters()
	out, err := ds[0].Append(ctx, 0, []store.Item{{Request: &commit.Request{}, Tables: []*dataset.Table{tab}, At: 1}})
	if err != nil || out[0].Err != nil {
		t.Fatal(err, out)
	}
	return ds, tab, out[0].Receipt.Seq
}

func set(tab *dataset.Table, id string, n int64) store.Item {
	return store.Item{Layouts: map[string]*dataset.Table{tab.Name: tab}, At: 1, Request: &commit.Request{
		Changes: []commit.Change{{Dataset: tab.Name, Op: commit.Put, Row: []value.Value{value.OfText(id), value.OfInt(n)}}}}}
}

// TestFollowers lets 16 writers on two drivers append batches, some of them
// refused, while 8 followers read the log by cursor. Each follower must meet
// every acknowledged commit once, in order, and rebuild what the table holds.
func TestFollowers(t *testing.T) {
	ds, tab, catalog := twoDrivers(t)
	span := 3 * time.Second
	if os.Getenv("HUONG_LONG") == "1" {
		span = time.Minute
	}
	ctx := context.Background()
	deadline := time.Now().Add(span)
	var acknowledged atomic.Int64 // highest seq acknowledged
	var count atomic.Int64
	count.Store(1)
	var writers, followers sync.WaitGroup
	for w := range 16 {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 7))
			for i := int64(0); time.Now().Before(deadline); i++ {
				var items []store.Item
				for range 1 + r.IntN(4) {
					items = append(items, set(tab, fmt.Sprint("k", r.IntN(20)), int64(w)<<32|i<<8|int64(len(items))))
				}
				if r.IntN(5) == 0 {
					items[0].Request.Changes[0].Expect = 1 << 40 // will be refused
				}
				out, err := ds[w%2].Append(ctx, catalog, items)
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				last := int64(0)
				for _, o := range out {
					if o.Err != nil {
						if problem.KindOf(o.Err) != problem.Stale {
							t.Errorf("refused: %v", o.Err)
						}
						continue
					}
					if o.Receipt.Empty {
						continue
					}
					if o.Receipt.Seq <= last {
						t.Errorf("seq %d after %d", o.Receipt.Seq, last)
					}
					last = o.Receipt.Seq
					count.Add(1)
				}
				for seen := acknowledged.Load(); last > seen && !acknowledged.CompareAndSwap(seen, last); seen = acknowledged.Load() {
				}
			}
		})
	}
	finished := make(chan struct{})
	states := make([]map[string]store.Row, 8)
	for f := range states {
		followers.Go(func() {
			d := ds[f%2]
			state := map[string]store.Row{}
			cursor := int64(0)
			for {
				var ending bool
				select {
				case <-finished:
					ending = true
				default:
				}
				promised := acknowledged.Load()
				err := d.Log(ctx, store.LogRange{After: cursor, Limit: 50 + f, Tables: func(string) *dataset.Table { return tab }}, func(e *commit.Entry) error {
					if e.Seq != cursor+1 {
						return fmt.Errorf("entry %d after %d", e.Seq, cursor)
					}
					cursor = e.Seq
					for _, c := range e.Changes {
						id := c.After[0].Text()
						if was := state[id]; was.Version != c.Prior {
							return fmt.Errorf("entry %d follows version %d of %s, which is at %d", e.Seq, c.Prior, id, was.Version)
						}
						state[id] = store.Row{Version: e.Seq, Values: slices.Clone(c.After)}
					}
					return nil
				})
				if err != nil {
					t.Errorf("follower %d: %v", f, err)
					return
				}
				if ending && cursor >= promised {
					if cursor != count.Load() {
						t.Errorf("follower %d ends at %d of %d commits", f, cursor, count.Load())
					}
					states[f] = state
					return
				}
			}
		})
	}
	writers.Wait()
	close(finished)
	followers.Wait()
	if t.Failed() {
		return
	}
	n := 0
	err := ds[0].Read(ctx, store.Query{Table: tab}, func(row store.Row) error {
		n++
		for f, state := range states {
			if s := state[row.Values[0].Text()]; s.Version != row.Version || s.Values[1] != row.Values[1] {
				return fmt.Errorf("follower %d holds %v for %v", f, s, row)
			}
		}
		return nil
	})
	if err != nil || n != len(states[0]) {
		t.Fatal(n, err)
	}
	rep, err := ds[1].Verify(ctx, []*dataset.Table{tab}, func(int64, int64) {}, func(f store.Fault) error { return fmt.Errorf("%+v", f) })
	if err != nil || rep.Entries != count.Load() {
		t.Fatalf("%+v, %v", rep, err)
	}
	t.Logf("%d commits in %v", count.Load(), span)
}

// register operations for the model check.
type access struct {
	write  bool
	key    string
	n      int64
	expect int64 // version; AnyVersion for none
}

type answer struct {
	n       int64
	version int64
	refused bool
}

// TestLinearizable records reads and acknowledged writes of a few keys by many
// clients on two drivers and asks porcupine whether some order of them explains
// every answer.
func TestLinearizable(t *testing.T) {
	ds, tab, catalog := twoDrivers(t)
	ctx := context.Background()
	var mu sync.Mutex
	var ops []porcupine.Operation
	var wg sync.WaitGroup
	began := time.Now()
	for client := range 8 {
		wg.Go(func() {
			d := ds[client%2]
			r := rand.New(rand.NewPCG(uint64(client), 3))
			seen := map[string]int64{}
			for i := range 60 {
				in := access{key: fmt.Sprint("k", r.IntN(3)), n: int64(client*1000 + i + 1)}
				var out answer
				call := time.Since(began)
				if r.IntN(2) == 0 {
					in.write = true
					it := set(tab, in.key, in.n)
					if v := seen[in.key]; v > 0 && r.IntN(2) == 0 {
						in.expect, it.Request.Changes[0].Expect = v, v
					}
					o, err := d.Append(ctx, catalog, []store.Item{it})
					switch {
					case err != nil:
						t.Errorf("append: %v", err)
						return
					case o[0].Err == nil:
						out.version = o[0].Receipt.Seq
						seen[in.key] = out.version
					default:
						out.refused = true
					}
				} else {
					err := d.Read(ctx, store.Query{Table: tab, Key: []value.Value{value.OfText(in.key)}}, func(row store.Row) error {
						out.n, out.version = row.Values[1].Int(), row.Version
						return nil
					})
					if err != nil {
						t.Errorf("read: %v", err)
						return
					}
					seen[in.key] = out.version
				}
				done := time.Since(began)
				mu.Lock()
				ops = append(ops, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: int64(call), Return: int64(done)})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	model := porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			by := map[string][]porcupine.Operation{}
			for _, op := range history {
				k := op.Input.(access).key
				by[k] = append(by[k], op)
			}
			var parts [][]porcupine.Operation
			for _, k := range sortedKeys(by) {
				parts = append(parts, by[k])
			}
			return parts
		},
		Init: func() any { return answer{} },
		Step: func(state, input, output any) (bool, any) {
			s, in, out := state.(answer), input.(access), output.(answer)
			if !in.write {
				return out == s, s
			}
			if in.expect != 0 && in.expect != s.version {
				return out.refused, s
			}
			return !out.refused && out.version > s.version, answer{n: in.n, version: out.version}
		},
	}
	if !porcupine.CheckOperations(model, ops) {
		t.Fatal("no order of the operations explains what was answered")
	}
}

// TestCrashedServer crashes the server while commits are under way: what was
// acknowledged is there afterwards, and the same driver goes on.
func TestCrashedServer(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED, NOT PASSED: crashes a server of its own")
	}
	own := newDurable()
	t.Cleanup(own.Stop)
	ctx := context.Background()
	d, err := Open(ctx, own.Database(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	tab := counters()
	out, err := d.Append(ctx, 0, []store.Item{{Request: &commit.Request{}, Tables: []*dataset.Table{tab}, At: 1}})
	if err != nil {
		t.Fatal(err)
	}
	catalog := out[0].Receipt.Seq
	var last atomic.Int64
	half, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := int64(1); ; i++ {
			out, err := d.Append(ctx, catalog, []store.Item{set(tab, fmt.Sprint("k", i%50), i)})
			if err != nil {
				ended <- err
				return
			}
			last.Store(out[0].Receipt.Seq)
			if i == 200 {
				close(half)
			}
		}
	}()
	<-half
	if err := own.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; problem.KindOf(err) != problem.Unavailable || problem.As(err).RetryAfter == 0 {
		t.Fatalf("a lost server gives %v", err)
	}
	// A pool may hold more than one dead connection.
	var h store.Head
	for range 20 {
		if h, err = d.Head(ctx); err == nil {
			break
		}
	}
	if err != nil || h.Seq < last.Load() {
		t.Fatalf("head %d, %v, but %d was acknowledged", h.Seq, err, last.Load())
	}
	rep, err := d.Verify(ctx, []*dataset.Table{tab}, func(int64, int64) {}, func(f store.Fault) error { return fmt.Errorf("%+v", f) })
	if err != nil || rep.Entries != h.Seq {
		t.Fatalf("%+v, %v", rep, err)
	}
}
