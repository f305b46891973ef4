package main

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// memory is item 5: imports of growing size must not need growing memory.
func (b *bench) memory(ctx context.Context, st string) error {
	t := newTable("Memory of imports", "A process of its own for each import. Peak heap: most bytes in heap spans in use, sampled every 10 ms. Peak resident: VmHWM, with SQLite's page caches (bounded: 256 MiB for the writer) and the binary's own pages. Flat means: the largest import needs at most half as much heap again as the one of 100,000 rows. PostgreSQL's own processes are not in the figures.",
		"store", "way", "rows", "peak heap", "peak resident", "rows/s", "target", "")
	for _, way := range []string{"CSV, ingest.Run", "NDJSON over HTTP"} {
		var reference uint64
		for _, n := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
			if n > b.imports {
				break
			}
			f, err := b.memoryOne(st, way, n)
			if err != nil {
				return err
			}
			target, met := "", ""
			if n == 100_000 {
				reference = f.Heap
			}
			if n > 100_000 {
				target = "heap ≤ 1.5 × that of 100,000"
				met = verdict(f.Heap <= reference*3/2)
			}
			t.add(st, way, count(n), mib(float64(f.Heap)), mib(float64(f.Resident)), figure(float64(n)/f.Seconds), target, met)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	b.tables = append(b.tables, t)
	return nil
}

func (b *bench) memoryOne(st, way string, n int) (farewell, error) {
	store, err := b.fresh(st)
	if err != nil {
		return farewell{}, err
	}
	defer b.drop(st, store)
	if way != "NDJSON over HTTP" {
		return importing(store, n)
	}
	server, err := serve(store, "")
	if err != nil {
		return farewell{}, err
	}
	began := time.Now()
	if err := stream(server.hello, n); err != nil {
		server.end()
		return farewell{}, err
	}
	took := time.Since(began)
	f, err := server.end()
	f.Seconds = took.Seconds()
	return f, err
}

// stream posts n reports as one body of NDJSON that is made while it is sent.
func stream(to greeting, n int) error {
	c, err := dial(to.Address, "")
	if err != nil {
		return err
	}
	defer c.close()
	if _, err := c.c.Write(request("POST", "/api/v1/datasets/"+plain+"/records?outcomes=none", to.token(0), "application/x-ndjson", -1)); err != nil {
		return err
	}
	g := newGenerator()
	for at := 0; ; at += 1000 {
		lines := g.lines(at, max(0, min(1000, n-at))) // none at the end: the last chunk
		chunk := append(strconv.AppendInt(nil, int64(len(lines)), 16), "\r\n"...)
		if _, err := c.c.Write(append(append(chunk, lines...), "\r\n"...)); err != nil {
			return err
		}
		if len(lines) == 0 {
			break
		}
	}
	status, err := c.answer()
	if err == nil && status != 200 {
		err = fmt.Errorf("status %d: %.300s", status, c.body)
	}
	return err
}
