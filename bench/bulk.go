package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// bulk is item 1: a durable bulk load over HTTP against the bare engine that
// inserts the same rows into the same table in batches of the same size.
func (b *bench) bulk(ctx context.Context, st string) error {
	t := newTable("Bulk load", "Rows per second, durable. Huong: `POST /api/v1/datasets/…/records?outcomes=none`, NDJSON, decoded, validated, with history and log, its server in a process of its own. Bare: one connection of the same driver library, typed rows from memory, the same table and indexes, one transaction for each batch; on PostgreSQL the faster of COPY and unnest. Processor time is of the whole program (SQLite runs inside it), Huong's with HTTP, decoding, log and followers.",
		"store", "table", "rows a body", "connections", "Huong rows/s", "bare rows/s", "ratio", "target", "", "CPU µs a row: Huong", "bare")
	for _, name := range []string{plain, placed} {
		for _, size := range []int{1000, 10_000} {
			if err := b.bulkOne(ctx, t, st, name, size); err != nil {
				return err
			}
		}
	}
	b.tables = append(b.tables, t)
	return nil
}

func (b *bench) bulkOne(ctx context.Context, t *table, st, name string, size int) error {
	const connections = 4
	n := max(connections, b.count(200_000)/size) * size
	store, err := b.fresh(st)
	if err != nil {
		return err
	}
	server, err := serve(store, b.profileOf("bulk", st, name, size))
	if err != nil {
		return err
	}
	defer server.end()
	bares, err := b.bares(ctx, st, store, name)
	if err != nil {
		return err
	}
	g := newGenerator()
	ours, theirs := []float64{}, make([][]float64, len(bares))
	var spent, spentBare float64 // processor seconds of the program, not of PostgreSQL
	for run := range b.runs {
		from := run * n
		bodies := make([][][]byte, n/size)
		for i := range bodies {
			lines := g.lines(from+i*size, size)
			bodies[i] = [][]byte{request("POST", "/api/v1/datasets/"+name+"/records?outcomes=none", server.hello.token(i), "application/x-ndjson", len(lines)), lines}
		}
		before := cpu(server.cmd.Process.Pid)
		got, err := drive(server.hello.Address, connections, len(bodies), func(i int) [][]byte { return bodies[i] }, 200)
		if err != nil {
			return err
		}
		ours = append(ours, float64(n)/got.seconds)
		spent += cpu(server.cmd.Process.Pid) - before
		bodies = nil
		rows := make([]report, n)
		for i := range rows {
			rows[i] = g.report(from + i)
		}
		for k, x := range bares {
			began, before := time.Now(), cpu(os.Getpid())
			for at := 0; at < n; at += size {
				if err := x.insert(ctx, rows[at:at+size]); err != nil {
					return err
				}
			}
			spentBare += cpu(os.Getpid()) - before
			theirs[k] = append(theirs[k], float64(n)/time.Since(began).Seconds())
		}
	}
	best := 0
	for k := range theirs {
		if median(theirs[k]) > median(theirs[best]) {
			best = k
		}
	}
	for _, x := range bares {
		if err := x.close(); err != nil {
			return err
		}
	}
	t.ratio(ours, theirs[best], 0.60, atLeast, st, strings.TrimPrefix(name, "bench-"), count(size), fmt.Sprint(connections))
	if st == "sqlite" {
		rows := float64(n * b.runs)
		t.more(figure(spent/rows*1e6), figure(spentBare/rows*1e6))
	}
	return nil
}

// bares opens the bare programs of a store with a copy of a dataset's table.
func (b *bench) bares(ctx context.Context, st, store, name string) ([]bare, error) {
	if st == "sqlite" {
		x, err := copySQLite(store, name)
		return []bare{x}, err
	}
	rows, err := dialPostgres(ctx, store, "bare_copy", name)
	if err != nil {
		return nil, err
	}
	arrays, err := dialPostgres(ctx, store, "bare_unnest", name)
	if err != nil {
		return nil, err
	}
	arrays.unnest = true
	return []bare{rows, arrays}, nil
}

func (b *bench) profileOf(parts ...any) string {
	if b.profiles == "" {
		return ""
	}
	return filepath.Join(b.profiles, strings.ReplaceAll(strings.TrimSpace(fmt.Sprintln(parts...)), " ", "-")+".pprof")
}

// single is item 2: many clients that post one record each, against one.
func (b *bench) single(ctx context.Context, st string) error {
	t := newTable("Single records", "Records per second by clients that each post one record, wait for the durable answer and post the next; tables are empty at first. The ratio is natural group commit at work.",
		"store", "128 clients rec/s", "1 client rec/s", "ratio", "target", "", "p50 of 1", "p50 of 128", "p99 of 128", "server's CPU µs a record, of 1", "of 128")
	g := newGenerator()
	var many, one []float64
	var lone, crowd timing
	var spent [2]float64 // processor seconds
	var done [2]int
	for range b.runs {
		// Every turn begins with empty tables: a large one with keys in no order
		// measures the disk's writing of index pages instead.
		store, err := b.fresh(st)
		if err != nil {
			return err
		}
		server, err := serve(store, b.profileOf("single", st))
		if err != nil {
			return err
		}
		post := func(from int) func(i int) [][]byte {
			return func(i int) [][]byte {
				r := g.report(from + i)
				body := r.appendJSON(make([]byte, 0, 400))
				return [][]byte{append(request("POST", "/api/v1/datasets/"+plain+"/records", server.hello.token(i), "application/json", len(body)), body...)}
			}
		}
		n, m := b.count(3000), b.count(30_000)
		begun := cpu(server.cmd.Process.Pid)
		if lone, err = drive(server.hello.Address, 1, n, post(0), 201); err != nil {
			return err
		}
		turned := cpu(server.cmd.Process.Pid)
		if crowd, err = drive(server.hello.Address, 128, m, post(n), 201); err != nil {
			return err
		}
		spent[0], done[0] = spent[0]+turned-begun, done[0]+n
		spent[1], done[1] = spent[1]+cpu(server.cmd.Process.Pid)-turned, done[1]+m
		many, one = append(many, crowd.perSecond()), append(one, lone.perSecond())
		if _, err := server.end(); err != nil {
			return err
		}
	}
	t.ratio(many, one, 15, atLeast, st)
	t.more(ms(lone.quantile(0.5)), ms(crowd.quantile(0.5)), ms(crowd.quantile(0.99)), figure(spent[0]/float64(done[0])*1e6), figure(spent[1]/float64(done[1])*1e6))
	b.tables = append(b.tables, t)
	return ctx.Err()
}
