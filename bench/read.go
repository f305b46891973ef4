package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"os"
	"strconv"
	"time"

	"huong.city/huong/internal/app"
	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// reading is one shape of read, made by number so that all ways read the same.
type reading struct {
	name   string
	n      int // reads in a turn
	ours   func(i int) (int, error)
	theirs func(i int) (int, error)
	target func(i int) string
}

// read is item 3: reads of a large table through the repository and over HTTP
// against hand-written SQL on the same table.
func (b *bench) read(ctx context.Context, st string) error {
	t := newTable("Reads of "+count(b.rows)+" rows", "Median time of one read, warm, one reader; *placed* table. Huong: `repo.Read`, access checked, every column, cursor of the next page. By hand: SQL written for this table through the same driver library, typed columns. HTTP: the same read as JSON from the API, one keep-alive connection, its ratio against the same hand-written SQL.",
		"store", "read", "Huong µs", "by hand µs", "ratio", "target", "", "HTTP µs", "HTTP ratio")
	if err := b.readOne(ctx, t, st); err != nil {
		return err
	}
	b.tables = append(b.tables, t)
	return nil
}

// fill loads n reports through the repository, in commits of 10,000.
func fill(ctx context.Context, r *repo.Repository, name string, n int) error {
	e, err := r.Entry(repo.Operator(), name)
	if err != nil {
		return err
	}
	g := newGenerator()
	began := time.Now()
	for at := 0; at < n; {
		req := &commit.Request{Header: commit.Header{Source: "bench"}}
		for ; at < n && len(req.Changes) < 10_000; at++ {
			row := g.report(at)
			req.Changes = append(req.Changes, commit.Change{Dataset: name, Op: commit.Put, Row: row.values(e.Table)})
		}
		if _, err := r.CommitChecked(ctx, repo.Operator(), req, e.Schema); err != nil {
			return err
		}
		if at%500_000 == 0 {
			fmt.Fprintf(os.Stderr, "    %s rows after %s\n", count(at), time.Since(began).Round(time.Second))
		}
	}
	return nil
}

func (b *bench) readOne(ctx context.Context, t *table, st string) error {
	store, err := b.fresh(st)
	if err != nil {
		return err
	}
	defer b.drop(st, store)
	r, err := openCity(ctx, where(store))
	if err != nil {
		return err
	}
	if err := fill(ctx, r, placed, b.rows); err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	ready, served := make(chan string, 1), make(chan error, 1)
	go func() {
		served <- app.Serve(serving, r, app.ServeOptions{Listen: "127.0.0.1:0", Version: "bench", Log: slog.New(slog.DiscardHandler)}, func(a string) { ready <- a })
	}()
	err = b.readServed(ctx, t, st, store, r, ready)
	stop()
	return errors.Join(err, <-served)
}

func (b *bench) readServed(ctx context.Context, t *table, st, store string, r *repo.Repository, ready chan string) error {
	c, err := dial(<-ready, "")
	if err != nil {
		return err
	}
	defer c.close()
	var hand bare
	if st == "sqlite" {
		hand, err = readSQLite(store, placed)
	} else {
		if hand, err = dialPostgres(ctx, store, "city", placed); err == nil {
			err = vacuum(ctx, store)
		}
	}
	if err != nil {
		return err
	}
	defer hand.close()
	path := "/api/v1/datasets/" + placed + "/records"
	count := func(q repo.Query) (int, error) {
		n := 0
		_, err := r.Read(ctx, repo.Public(), q, func(repo.Record) error { n++; return nil })
		return n, err
	}
	key := func(i int) string { return keyOf(int(mix(uint64(i)) % uint64(b.rows))) }
	side := min(1, math.Sqrt(2000/float64(b.rows)))
	box := func(i int) [4]float64 {
		a, c := float64(mix(uint64(i))%1000)/1000, float64(mix(uint64(i)+7)%1000)/1000
		w, s := 107.3+0.6*(1-side)*a, 16.2+0.5*(1-side)*c
		return [4]float64{w, s, w + 0.6*side, s + 0.5*side}
	}
	open := &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: "status", Column: -1}, &cql2.Lit{Value: value.OfText("open")}}}
	for _, shape := range []reading{
		{"point read by key", 300,
			func(i int) (int, error) {
				_, err := r.Get(ctx, repo.Public(), placed, []value.Value{value.OfText(key(i))}, 0)
				return 1, err
			},
			func(i int) (int, error) { return hand.point(ctx, key(i)) },
			func(i int) string { return path + "/" + key(i) }},
		{"page of 10,000 in order of the key", 5,
			func(i int) (int, error) {
				// The bound stands for a cursor, so that the page begins anywhere.
				after := &cql2.Call{Op: ">", Args: []cql2.Expr{&cql2.Prop{Name: "key", Column: -1}, &cql2.Lit{Value: value.OfText(startKey(i))}}}
				return count(repo.Query{Dataset: placed, Filter: after, Limit: 10_000})
			},
			func(i int) (int, error) { return hand.page(ctx, startKey(i), 10_000) },
			func(i int) string {
				return path + "?limit=10000&count=false&filter=" + url.QueryEscape("key>'"+startKey(i)+"'")
			}},
		{"box + filter + sort, page of 100", 60,
			func(i int) (int, error) {
				w := box(i)
				return count(repo.Query{Dataset: placed, BBox: &w, Filter: open, Sort: []repo.Sort{{Field: "observed", Desc: true}}, Limit: 100})
			},
			func(i int) (int, error) { return hand.window(ctx, box(i), "open", 100) },
			func(i int) string {
				w := box(i)
				f := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
				return path + "?limit=100&count=false&sort=-observed&filter=" + url.QueryEscape("status='open'") + "&bbox=" + f(w[0]) + "," + f(w[1]) + "," + f(w[2]) + "," + f(w[3])
			}},
	} {
		if err := b.readShape(t, st, shape, c); err != nil {
			return fmt.Errorf("%s: %w", shape.name, err)
		}
	}
	return nil
}

// startKey is a key somewhere in the first nine tenths of all keys.
func startKey(i int) string { return two("HUE-", mix(uint64(i))%90) + "0000000" }

func (b *bench) readShape(t *table, st string, s reading, c *connection) error {
	var ours, theirs, web []float64
	at := 0
	for turn := range b.runs + 1 { // the first warms up
		var a, h, w []float64
		for range s.n {
			at++
			var got, hand int
			var err error
			a = append(a, micros(func() { got, err = s.ours(at) }))
			if err != nil {
				return err
			}
			h = append(h, micros(func() { hand, err = s.theirs(at) }))
			if err != nil {
				return err
			}
			if got != hand {
				return fmt.Errorf("%d rows, by hand %d", got, hand)
			}
			var status int
			w = append(w, micros(func() { status, err = c.do(request("GET", s.target(at), "", "", 0)) }))
			if err == nil && status != 200 {
				err = fmt.Errorf("status %d: %.300s", status, c.body)
			}
			if err != nil {
				return err
			}
		}
		if turn > 0 {
			ours, theirs, web = append(ours, median(a)), append(theirs, median(h)), append(web, median(w))
		}
	}
	t.ratio(ours, theirs, 2, atMost, st, s.name)
	ratios := make([]float64, len(web))
	for i := range web {
		ratios[i] = web[i] / theirs[i]
	}
	t.more(figure(median(web)), fmt.Sprintf("%.2f", median(ratios)))
	return nil
}

func micros(fn func()) float64 {
	began := time.Now()
	fn()
	return float64(time.Since(began).Nanoseconds()) / 1000
}
