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

func newTable(title, note string, columns ...string) *table {
	return &table{Title: title, Note: note, Columns: columns}
}

func (t *table) add(cells ...string) {
	t.Rows = append(t.Rows, row{Cells: cells})
	fmt.Fprintf(os.Stderr, "%s: %s\n", t.Title, strings.Join(cells, " | "))
}

func (t *table) more(cells ...string) {
	last := &t.Rows[len(t.Rows)-1]
	last.Cells = append(last.Cells, cells...)
	fmt.Fprintf(os.Stderr, "    %s\n", strings.Join(cells, " | "))
}

// turns keeps what was measured turn by turn behind a cell of the last row.
func (t *table) turns(column string, measured []float64) {
	last := &t.Rows[len(t.Rows)-1]
	if last.Turns == nil {
		last.Turns = map[string][]float64{}
	}
	last.Turns[column] = measured
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
	t.turns(t.Columns[len(first)], ours)
	t.turns(t.Columns[len(first)+1], theirs)
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

// items are the parts of the report in their order.
var items = [...]string{"bulk", "single", "read", "decode", "trust", "indicators", "center", "requests", "memory", "peers"}

// report renders docs/benchmarks.md.
func (r *results) report() string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nWritten by `make bench` from benchmarks.json; do not edit.\n\n")
	b.WriteString(`**How to read it.** Load generator, server and database share the machine's cores.
What is compared is measured in turns within one run, and a ratio is worked out
within each turn; the tables show medians, and the range of the ratios in
brackets. Rates by themselves move with the disk and with whatever else runs on
the machine: compare ratios, and within one table; take differences below about
20 % as noise, and more where the load when it began was above zero. Every write
that is counted was acknowledged as durable (fsync) unless a table says
otherwise. Targets stand beside the results, met or not.

The record has twelve typed fields and about 343 bytes as JSON, keys in no order,
two indexes beside the key; *placed* also has a place, which is looked up among
the city's areas and indexed (R*Tree on SQLite).

Parts are measured one by one, not always on the same day; each says when, on
what machine, under what load and at which size.
`)
	for _, item := range items {
		var parts []part
		for _, p := range r.Parts {
			if p.Item == item {
				parts = append(parts, p)
			}
		}
		slices.SortStableFunc(parts, func(a, b part) int { return -strings.Compare(a.Store, b.Store) }) // SQLite first
		var told []string
		for i := range parts {
			for _, t := range parts[i].Tables {
				if slices.Contains(told, t.Title) {
					continue
				}
				told = append(told, t.Title)
				section(&b, t, parts[i:])
			}
		}
	}
	return b.String()
}

// section renders one table with the rows that all parts have of it.
func section(b *strings.Builder, t *table, parts []part) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", t.Title, t.Note)
	var rows []row
	for _, p := range parts {
		for _, same := range p.Tables {
			if same.Title == t.Title {
				fmt.Fprintf(b, "- %s\n", p.circumstances())
				rows = append(rows, same.Rows...)
			}
		}
	}
	fmt.Fprintf(b, "\n| %s |\n|%s\n", strings.Join(t.Columns, " | "), strings.Repeat(" --- |", len(t.Columns)))
	for _, r := range rows {
		cells := slices.Clone(r.Cells)
		for len(cells) < len(t.Columns) {
			cells = append(cells, "")
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
}

// circumstances tell under what a part was measured.
func (p *part) circumstances() string {
	took := time.Duration(p.Seconds * float64(time.Second)).Round(time.Second)
	text := fmt.Sprintf("measured %s in %s; %s; load when it began %s; %s, %s", p.Measured.Format("2006-01-02 15:04 UTC"), took, p.Settings, p.Load, p.Machine, p.Go)
	if p.Store != "" {
		text = p.Store + ": " + text
	}
	return text
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

func machine() string {
	return fmt.Sprintf("%s, %d cores, %s of memory, %s", processor(), runtime.NumCPU(), memory(), system())
}
