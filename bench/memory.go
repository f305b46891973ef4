package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// memory is item 5: imports of growing size must not need growing memory.
func (b *bench) memory(ctx context.Context, st string) error {
	t := newTable("Memory of imports", "A process of its own for each import into an empty city; *report* is the record of the other tables, *narrow* has two numbers and comes in the order of its key. Peak heap: most bytes in heap spans in use, sampled every 10 ms. Peak resident: VmHWM, with the pages of the binary and, on SQLite, with its page cache, which fills up to its bound of 256 MiB and stays there. Flat means: at most half as much heap again as the import of 100,000 rows, and resident memory within a bound that does not depend on the rows. PostgreSQL's own processes are not in the figures.",
		"store", "table", "way", "rows", "peak heap", "peak resident", "rows/s", "target", "")
	bound := int64(256 << 20)
	if st == "sqlite" {
		bound += 256 << 20 // the writer's page cache
	}
	for _, name := range []string{plain, narrow} {
		most := b.imports
		if name == plain {
			most = min(most, 1_000_000)
		}
		for _, way := range []string{"CSV, ingest.Run", "NDJSON over HTTP"} {
			var heap uint64
			for _, n := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
				if n > most {
					break
				}
				f, err := b.memoryOne(st, name, way, n)
				if err != nil {
					return err
				}
				target, met := "", ""
				switch {
				case n == 100_000:
					heap = f.Heap
				case n > 100_000:
					target = "heap ≤ 1.5 × that of 100,000, resident ≤ " + mib(float64(bound))
					met = verdict(f.Heap <= heap*3/2 && f.Resident <= bound)
				}
				t.add(st, strings.TrimPrefix(name, "bench-"), way, count(n), mib(float64(f.Heap)), mib(float64(f.Resident)), figure(float64(n)/f.Seconds), target, met)
				if ctx.Err() != nil {
					return ctx.Err()
				}
			}
		}
	}
	b.tables = append(b.tables, t)
	return nil
}

func (b *bench) memoryOne(st, name, way string, n int) (farewell, error) {
	store, err := b.fresh(st)
	if err != nil {
		return farewell{}, err
	}
	defer b.drop(st, store)
	if way != "NDJSON over HTTP" {
		return importing(store, name, n)
	}
	server, err := serve(store, "")
	if err != nil {
		return farewell{}, err
	}
	began := time.Now()
	if err := stream(server.hello, name, n); err != nil {
		server.end()
		return farewell{}, err
	}
	took := time.Since(began)
	f, err := server.end()
	f.Seconds = took.Seconds()
	return f, err
}

// stream posts n records as one body of NDJSON that is made while it is sent.
func stream(to greeting, name string, n int) error {
	c, err := dial(to.Address, "")
	if err != nil {
		return err
	}
	defer c.close()
	if _, err := c.c.Write(request("POST", "/api/v1/datasets/"+name+"/records?outcomes=none", to.token(0), "application/x-ndjson", -1)); err != nil {
		return err
	}
	g := newGenerator()
	for at := 0; ; at += 1000 {
		some := max(0, min(1000, n-at)) // none at the end: the last chunk
		lines := g.lines(at, some)
		if name == narrow {
			lines = narrowLines(at, some)
		}
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
