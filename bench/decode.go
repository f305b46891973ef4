package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"huong.city/huong/internal/core/record"
)

// decode is item 4: how fast one core decodes and validates.
func (b *bench) decode(context.Context) error {
	t := newTable("Decode and validate", "Rows per second of processor time, garbage collection included (GOMAXPROCS=1): bytes in memory to typed, checked rows. Half of the texts are Vietnamese. Baseline: `encoding/json` into maps, without any check.",
		"input", "Huong rows/s", "encoding/json rows/s", "times", "target rows/s", "")
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	_, schema, err := compiled(plain)
	if err != nil {
		return err
	}
	const rows = 1000
	g := newGenerator()
	lines := g.lines(0, rows)
	csv := []byte(csvHeader)
	for i := range rows {
		r := g.report(i)
		csv = r.appendCSV(csv)
	}
	type reader interface {
		Next(b *record.Batch, max int) ([]record.Fault, error)
	}
	batch := record.NewBatch(schema)
	check := func(r reader) error {
		batch.Reset()
		for {
			faults, err := r.Next(batch, rows)
			if len(faults) > 0 {
				return fmt.Errorf("row refused: %v", faults[0].Violations)
			}
			if err == io.EOF && batch.Len() == rows {
				return nil
			}
			if err != nil {
				return fmt.Errorf("after %d rows: %w", batch.Len(), err)
			}
		}
	}
	readers := []struct {
		name   string
		target float64
		run    func() error
	}{
		{"NDJSON", 400_000, func() error {
			return check(record.NewJSONReader(bytes.NewReader(lines), schema, record.Limits{}))
		}},
		{"CSV", 400_000, func() error {
			return check(record.NewCSVReader(bytes.NewReader(csv), schema, record.Limits{}))
		}},
		{"baseline", 0, func() error {
			d := json.NewDecoder(bytes.NewReader(lines))
			for n := 0; ; n++ {
				var m map[string]any
				if err := d.Decode(&m); err == io.EOF && n == rows {
					return nil
				} else if err != nil {
					return err
				}
			}
		}},
	}
	slice := time.Duration(float64(time.Second) * min(1, b.scale))
	rates := make([][]float64, len(readers))
	for range max(5, b.runs) {
		for i, r := range readers {
			began := spent()
			n := 0
			for spent()-began < slice {
				if err := r.run(); err != nil {
					return fmt.Errorf("%s: %w", r.name, err)
				}
				n += rows
			}
			rates[i] = append(rates[i], float64(n)/(spent()-began).Seconds())
		}
	}
	base := median(rates[2])
	for i, r := range readers[:2] {
		m := median(rates[i])
		t.add(r.name, figure(m), figure(base), fmt.Sprintf("%.1f", m/base), "≥ "+figure(r.target), verdict(m >= r.target))
		t.turns("Huong rows/s", rates[i])
		t.turns("encoding/json rows/s", rates[2])
	}
	b.tables = append(b.tables, t)
	return nil
}

// spent is the processor time that this process has used.
func spent() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
