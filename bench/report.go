package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// table is one table of the report.
type table struct {
	title, note string
	columns     []string
	rows        [][]string
}

func newTable(title, note string, columns ...string) *table {
	return &table{title: title, note: note, columns: columns}
}

func (t *table) add(cells ...string) {
	t.rows = append(t.rows, cells)
	fmt.Fprintf(os.Stderr, "%s: %s\n", t.title, strings.Join(cells, " | "))
}

func (t *table) more(cells ...string) {
	t.rows[len(t.rows)-1] = append(t.rows[len(t.rows)-1], cells...)
	fmt.Fprintf(os.Stderr, "    %s\n", strings.Join(cells, " | "))
}

type direction bool

const (
	atLeast direction = true
	atMost  direction = false
)

// ratio adds a row: what it is, the medians of ours and theirs, the median of
// the ratios run by run with its range, the target and whether it is met.
func (t *table) ratio(ours, theirs []float64, target float64, d direction, first ...string) {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / theirs[i]
	}
	m := median(ratios)
	sign, met := "≤ ", m <= target
	if d == atLeast {
		sign, met = "≥ ", m >= target
	}
	cells := append(slices.Clone(first), figure(median(ours)), figure(median(theirs)),
		fmt.Sprintf("**%.2f** (%.2f–%.2f)", m, slices.Min(ratios), slices.Max(ratios)), sign+strconv.FormatFloat(target, 'f', -1, 64), verdict(met))
	t.add(cells...)
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "not met"
}

// figure writes a number with as many digits as mean something.
func figure(f float64) string {
	switch {
	case f >= 1000:
		return count(int(f + 0.5))
	case f >= 10:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 3, 64)
}

// count writes 1234567 as 1,234,567.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func ms(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 2, 64) + " ms"
}

func mib(n float64) string { return strconv.FormatFloat(n/(1<<20), 'f', 0, 64) + " MiB" }

// document is docs/benchmarks.md.
type document struct {
	tables []*table
	notes  []string
}

func (d *document) add(t *table) { d.tables = append(d.tables, t) }

func (t *table) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", t.title, t.note)
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(t.columns, " | "), strings.Repeat(" --- |", len(t.columns)))
	for _, r := range t.rows {
		for len(r) < len(t.columns) {
			r = append(r, "")
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(r, " | "))
	}
}

func (d *document) write(path string, settings string, took time.Duration) error {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nWritten by `make bench`; do not edit.\n\n")
	fmt.Fprintf(&b, "- machine: %s, %d cores, %s of memory, %s\n", processor(), runtime.NumCPU(), memory(), system())
	fmt.Fprintf(&b, "- date: %s; it took %s\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"), took.Round(time.Second))
	fmt.Fprintf(&b, "- built with %s; %s\n", runtime.Version(), settings)
	fmt.Fprintf(&b, "- load averages when it began: %s\n\n", d.notes[0])
	b.WriteString(`**How to read it.** Load generator, server and database share the machine's cores.
What is compared is measured in turns within one run, and a ratio is worked out
within each turn; the tables show medians, and the range of the ratios in
brackets. Rates by themselves move with the disk and with whatever else runs on
the machine: compare ratios, and within one table; take differences below about
20 % as noise. Every write that is counted was acknowledged as durable (fsync)
unless a table says otherwise. Targets stand beside the results, met or not.

The record has twelve typed fields and about 343 bytes as JSON, keys in no order,
two indexes beside the key; *placed* also has a place, which is looked up among
the city's areas and indexed (R*Tree on SQLite).
`)
	for _, t := range d.tables {
		t.markdown(&b)
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// lineOf returns what follows a name in a file of "name: value" lines.
func lineOf(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

func processor() string { return lineOf("/proc/cpuinfo", "model name") }

func memory() string {
	kib, err := strconv.Atoi(strings.TrimSuffix(lineOf("/proc/meminfo", "MemTotal"), " kB"))
	if err != nil {
		return "unknown"
	}
	return strconv.Itoa((kib+1<<19)>>20) + " GiB"
}

func system() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return runtime.GOOS + " " + strings.TrimSpace(string(b))
}

func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	f := strings.Fields(string(b))
	return strings.Join(f[:min(3, len(f))], " ")
}
