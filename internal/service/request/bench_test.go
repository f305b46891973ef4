package request_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// open takes in so many reports that nobody has touched, of the last days.
func (h *hall) open(many int) {
	h.Helper()
	for from := 0; from < many; from += 2000 {
		var list []request.Past
		for i := from; i < min(from+2000, many); i++ {
			p := past(fmt.Sprint("o", i), start.Add(-time.Duration(i%600)*time.Minute), 0)
			p.DueAt, p.Status = time.Time{}, "received"
			list = append(list, p)
		}
		done, err := h.Import(h.Context(), duty, list)
		if err != nil {
			h.Fatal(err)
		}
		for _, d := range done {
			if d.Err != nil {
				h.Fatal(d.Err)
			}
		}
	}
}

// due counts the requests that the clock must look at.
func (h *hall) due() int64 {
	page, err := h.repo.Read(h.Context(), repo.Internal(), repo.Query{Dataset: request.Dataset, Limit: 1, Count: true, Fields: []string{"code"},
		Filter: before("nextAt", h.clock.Now())}, func(repo.Record) error { return nil })
	if err != nil {
		h.Fatal(err)
	}
	return page.Matched
}

// BenchmarkTick measures one look at the clocks: when all are due, and when none of
// them is.
func BenchmarkTick(b *testing.B) {
	const many = 20_000
	for b.Loop() {
		h := onSQLite(b, b.TempDir())
		began := time.Now()
		h.open(many)
		b.ReportMetric(many/time.Since(began).Seconds(), "imported/s")
		h.clock.set(start.Add(9 * time.Hour))
		due := h.due()
		began = time.Now()
		h.tick()
		b.ReportMetric(float64(due)/time.Since(began).Seconds(), "fired/s")
		b.ReportMetric(float64(due), "due")
		began = time.Now()
		h.tick()
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "idle-ms")
		if n := h.due(); n > 0 {
			b.Errorf("%d are due still", n)
		}
	}
}

// BenchmarkSubmit measures one report after the other, p50 and p95, among many.
func BenchmarkSubmit(b *testing.B) {
	h := onSQLite(b, b.TempDir())
	h.open(20_000)
	var took []time.Duration
	n := 0
	for b.Loop() {
		n++
		began := time.Now()
		if _, err := h.Submit(b.Context(), repo.Public(), pavement(5_000_000+n)); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
	counted := time.Now()
	if _, err := h.Counts(b.Context(), duty); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(counted).Microseconds())/1000, "counts-ms")
	listed := time.Now()
	if _, _, err := h.Public(b.Context(), request.Query{}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(listed).Microseconds())/1000, "list-ms")
}

// before is the condition of a time that has come.
func before(field string, at time.Time) cql2.Expr {
	return &cql2.Call{Op: "<=", Args: []cql2.Expr{&cql2.Prop{Name: field, Column: -1}, &cql2.Lit{Value: value.OfInstant(at)}}}
}
