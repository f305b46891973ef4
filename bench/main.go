// Command bench measures Huong against the bare engines below it and against a
// comparable platform, on this machine, in one run, and writes the report.
//
// Every figure has a baseline that was measured in turns with it. See
// scripts/bench for how it is called.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// bench is one run of everything.
type bench struct {
	scale      float64
	rows       int // of the read item
	imports    int // rows of the largest import of the memory item
	runs       int
	scratch    string
	profiles   string
	pocketbase string // program, empty to leave the peers out
	clusters   *clusters
	made       int
	tables     []*table // of the part that is being measured
}

// count scales how often something is done.
func (b *bench) count(n int) int { return max(1, int(float64(n)*b.scale)) }

// fresh makes an empty store: a folder, or the URL of a database.
func (b *bench) fresh(store string) (string, error) {
	if store == "postgres" {
		return b.clusters.database()
	}
	b.made++
	dir := filepath.Join(b.scratch, fmt.Sprintf("city%d", b.made))
	return dir, os.MkdirAll(dir, 0o700)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	b := &bench{clusters: newClusters()}
	var only, stores, out, profile, scratch string
	flag.Float64Var(&b.scale, "scale", 1, "scale of every count but -rows and -imports")
	flag.IntVar(&b.rows, "rows", 5_000_000, "rows of the table that is read")
	flag.IntVar(&b.imports, "imports", 10_000_000, "rows of the largest import whose memory is measured")
	flag.IntVar(&b.runs, "runs", 3, "turns of each measurement")
	flag.StringVar(&only, "only", strings.Join(items[:], ","), "what to measure; of the rest the report keeps what was measured before; empty only renders it anew")
	flag.StringVar(&stores, "stores", "sqlite,postgres", "on which stores")
	flag.StringVar(&out, "out", "docs/benchmarks.md", "report to write, with the results as .json beside it; empty for none")
	flag.StringVar(&scratch, "scratch", "", "folder for databases, on the disk to measure; a temporary one when empty")
	flag.StringVar(&b.pocketbase, "pocketbase", "", "program of bench/peers; without it item peers is left out")
	flag.StringVar(&b.profiles, "profiles", "", "folder for CPU profiles of the servers")
	flag.StringVar(&profile, "profile", "", "CPU profile of a child process")
	flag.Parse()
	ctx, stop := interrupted()
	defer stop()
	if args := flag.Args(); len(args) > 1 {
		return child(ctx, args[0], args[1:], profile)
	}
	if only == "" {
		return keep(out, nil)
	}
	wanted := strings.Split(only, ",")
	for _, item := range wanted {
		if !slices.Contains(items[:], item) {
			return fmt.Errorf("-only %s: there is no %q, but %s", only, item, strings.Join(items[:], ", "))
		}
	}
	var err error
	if b.scratch, err = os.MkdirTemp(scratch, "huong-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.scratch)
	defer b.clusters.stop()
	for _, item := range items {
		if !slices.Contains(wanted, item) {
			continue
		}
		for _, store := range storesOf(item, strings.Split(stores, ",")) {
			if err := b.part(ctx, item, store, out); err != nil {
				return fmt.Errorf("%s %s: %w", item, store, err)
			}
		}
	}
	return nil
}

// storesOf are the stores that an item is measured on one by one; a single
// empty one when it has none.
func storesOf(item string, all []string) []string {
	if item == "decode" || item == "peers" {
		return []string{""}
	}
	return all
}

// part measures one item on one store and writes the report with it at once, so
// that a later part that fails costs nothing of it.
func (b *bench) part(ctx context.Context, item, store, out string) error {
	began := time.Now().UTC()
	p := part{Item: item, Store: store, Measured: began.Truncate(time.Second), Load: loadAverage(), Machine: machine(), Go: runtime.Version()}
	b.tables = nil
	var err error
	switch item {
	case "bulk":
		err = b.bulk(ctx, store)
	case "single":
		err = b.single(ctx, store)
	case "read":
		err = b.read(ctx, store)
	case "decode":
		err = b.decode(ctx)
	case "trust":
		err = b.trust(ctx, store)
	case "indicators":
		err = b.indicators(ctx, store)
	case "center":
		err = b.center(ctx, store)
	case "requests":
		err = b.requests(ctx, store)
	case "memory":
		err = b.memory(ctx, store)
	case "peers":
		err = b.peers(ctx)
	}
	if err != nil || out == "" || len(b.tables) == 0 {
		return err
	}
	p.Settings, p.Seconds, p.Tables = b.settings(item), time.Since(began).Seconds(), b.tables
	return keep(out, &p)
}

// keep puts what was measured, if anything, into the results beside the report
// and renders the report from them.
func keep(out string, p *part) error {
	kept := strings.TrimSuffix(out, filepath.Ext(out)) + ".json"
	all, err := readResults(kept)
	if err != nil {
		return err
	}
	if p != nil {
		all.put(*p)
	}
	if err := all.write(kept); err != nil {
		return err
	}
	return os.WriteFile(out, []byte(all.report()), 0o644)
}

// settings tell at which size an item was measured.
func (b *bench) settings(item string) string {
	switch item {
	case "read", "indicators", "center", "requests":
		return fmt.Sprintf("%s rows, %d turns", count(b.rows), b.runs)
	case "memory":
		return "up to " + count(b.imports) + " rows, once"
	}
	return fmt.Sprintf("scale %g, %d turns", b.scale, b.runs)
}
