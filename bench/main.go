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
	stores     []string
	scratch    string
	profiles   string
	pocketbase string // program, empty to leave the peers out
	clusters   *clusters
	made       int
	report     document
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
	var items, stores, out, profile, scratch string
	flag.Float64Var(&b.scale, "scale", 1, "scale of every count but -rows and -imports")
	flag.IntVar(&b.rows, "rows", 5_000_000, "rows of the table that is read")
	flag.IntVar(&b.imports, "imports", 10_000_000, "rows of the largest import whose memory is measured")
	flag.IntVar(&b.runs, "runs", 3, "turns of each measurement")
	flag.StringVar(&items, "items", "bulk,clients,read,decode,memory,peers", "what to measure")
	flag.StringVar(&stores, "stores", "sqlite,postgres", "on which stores")
	flag.StringVar(&out, "out", "docs/benchmarks.md", "report to write; empty for none")
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
	var err error
	if b.scratch, err = os.MkdirTemp(scratch, "huong-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.scratch)
	defer b.clusters.stop()
	b.stores = strings.Split(stores, ",")
	b.report.notes = []string{loadAverage()}
	began := time.Now()
	for _, item := range []struct {
		name string
		run  func(context.Context) error
	}{{"bulk", b.bulk}, {"clients", b.clients}, {"read", b.read}, {"decode", b.decode}, {"memory", b.memory}, {"peers", b.peers}} {
		if !slices.Contains(strings.Split(items, ","), item.name) {
			continue
		}
		if err := item.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", item.name, err)
		}
	}
	if out == "" {
		return nil
	}
	settings := fmt.Sprintf("scale %g, %s rows to read, largest import %s rows, %d turns", b.scale, count(b.rows), count(b.imports), b.runs)
	return b.report.write(out, settings, time.Since(began))
}
