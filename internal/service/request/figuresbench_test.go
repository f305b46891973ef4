package request

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"huong.city/huong/internal/repo"
)

// spent is the processor time of this process: others may use the machine.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFigures asks for figures of five million reports of five years, and makes
// the rows of one month; it tells the memory that the figures take.
func BenchmarkFigures(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f := NewFigures(time.UTC)
	random := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2020, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range 5_000_000 {
		category := min(random.IntN(37), random.IntN(37))
		opened := start.AddDate(0, i%60, 0)
		x := Request{Category: fmt.Sprint("category", category), Area: fmt.Sprint(random.IntN(40)), Agency: fmt.Sprint("agency", category%9), OpenedAt: opened, DueAt: opened.Add(200 * time.Hour),
			AnsweredAt: opened.Add(time.Duration(random.ExpFloat64() * float64(90*time.Hour))), Outcome: []string{"fixed", "planned", "no-budget"}[random.IntN(3)], Rating: int64(random.IntN(6))}
		c := cell{opened.Format("2006-01"), x.Category, x.Area, x.Agency}
		if f.cells[c] == nil {
			f.cells[c] = &sums{}
		}
		f.cells[c].add(&x, 1)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.Logf("%d cells, %d MB", len(f.cells), (after.HeapAlloc-before.HeapAlloc)>>20)
	for _, by := range []string{"", "category", "area", "month"} {
		b.Run("by "+by, func(b *testing.B) {
			q := FigureQuery{}
			if by != "" {
				q.By = []string{by}
			}
			began := spent(b)
			for b.Loop() {
				if _, _, err := f.Ask(b.Context(), repo.Public(), q); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((spent(b)-began).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
	b.Run("rows of a month", func(b *testing.B) {
		for b.Loop() {
			cells, _ := f.month("2023-05", 0)
			rowsOf("2023-05", cells)
		}
	})
}
