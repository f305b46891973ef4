package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/postgres"
	"huong.city/huong/internal/store/sqlite"
)

// appending is one way to append, by turns with the other.
type appending struct {
	driver  store.Driver
	layout  *dataset.Table
	catalog int64
	next    int
	took    []time.Duration
}

// tree measures what the hash tree over all commits costs an append: the same
// commits on two stores, one of which keeps no tree.
func (b *bench) tree(ctx context.Context, st string) error {
	d, err := dataset.Parse("aid.yaml", []byte(aid))
	if err != nil {
		return err
	}
	t := newTable("The log's tree", "Appends with seals and hash tree against the same appends without, by turns, in the process; the commits of one append share a durable transaction.",
		"store", "commits of an append", "rows of a commit", "commits/s without", "commits/s with", "rate kept", "target", "")
	for _, shape := range []struct{ commits, rows, appends int }{{1, 1, 600}, {128, 1, 600}, {1, 1000, 60}, {1, 20_000, 15}} {
		layout, err := dataset.Layout(d, nil)
		if err != nil {
			return err
		}
		var ways [2]appending
		for i := range ways {
			place, err := b.fresh(st)
			if err != nil {
				return err
			}
			defer b.drop(st, place)
			ways[i].layout = layout
			if ways[i].driver, err = openDriver(ctx, place, i == 0); err != nil {
				return err
			}
			defer ways[i].driver.Close()
			out, err := ways[i].driver.Append(ctx, 0, []store.Item{{Request: &commit.Request{}, Tables: []*dataset.Table{layout}, At: 1}})
			if err == nil {
				err = out[0].Err
			}
			if err != nil {
				return err
			}
			ways[i].catalog = out[0].Receipt.Seq
		}
		appends := b.count(shape.appends)
		for turn := range appends {
			for i := range ways {
				if err := ways[(turn+i)%2].append(ctx, shape.commits, shape.rows); err != nil {
					return err
				}
			}
		}
		// By the median append, which what else the machine does hardly moves.
		rate := func(a appending) float64 {
			slices.Sort(a.took)
			return float64(shape.commits) / a.took[len(a.took)/2].Seconds()
		}
		without, with := rate(ways[0]), rate(ways[1])
		t.add(st, count(shape.commits), count(shape.rows), figure(without), figure(with), fmt.Sprintf("%.0f %%", 100*with/without), "≥ 80 %", verdict(with >= 0.8*without))
	}
	b.tables = append(b.tables, t)
	return nil
}

func openDriver(ctx context.Context, place string, withoutTree bool) (store.Driver, error) {
	w := where(place)
	if w.Database != "" {
		return postgres.Open(ctx, w.Database, postgres.Options{WithoutTree: withoutTree})
	}
	return sqlite.Open(w.Data, sqlite.Options{WithoutTree: withoutTree})
}

func (a *appending) append(ctx context.Context, commits, rows int) error {
	items := make([]store.Item, commits)
	for i := range items {
		req := &commit.Request{Header: commit.Header{Actor: "bench", Source: "bench", Reason: "bench"}}
		for range rows {
			row := make([]value.Value, a.layout.Width())
			row[0], row[1], row[2] = value.OfText(fmt.Sprint("H", a.next)), value.OfText("open"), value.OfInt(int64(a.next%900))
			row[3], row[4], row[5] = value.OfText(fmt.Sprintf("046%09d", a.next)), value.OfText("Nguyễn Văn An"), value.OfText(fmt.Sprintf("0905%06d", a.next))
			req.Changes = append(req.Changes, commit.Change{Dataset: a.layout.Name, Op: commit.Put, Row: row})
			a.next++
		}
		items[i] = store.Item{Request: req, Layouts: map[string]*dataset.Table{a.layout.Name: a.layout}, At: 2}
	}
	began := time.Now()
	out, err := a.driver.Append(ctx, a.catalog, items)
	a.took = append(a.took, time.Since(began))
	for i := range out {
		if err == nil {
			err = out[i].Err
		}
	}
	return err
}
