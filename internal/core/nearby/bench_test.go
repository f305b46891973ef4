package nearby_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"huong.city/huong/internal/core/nearby"
)

// BenchmarkNearAmongFiveMillion asks among five million reports of five years,
// 5 % of them on one default point, half of the rest in a tenth of the city. It
// tells the 95th and the 100th percentile of a question, and the bytes of an entry.
func BenchmarkNearAmongFiveMillion(b *testing.B) {
	const n = 5_000_000
	random := rand.New(rand.NewPCG(7, 11))
	types := []string{"light", "pothole", "waste", "flood", "tree", "noise", "parking", "sign"}
	report := func(id uint32, at time.Time) nearby.Report {
		r := nearby.Report{ID: id, Type: types[random.IntN(len(types))], Opened: at}
		r.Group = r.Type[:1]
		spread := 0.3
		if random.IntN(2) == 0 {
			spread = 0.03
		}
		r.Longitude, r.Latitude = 107.58+(random.Float64()-0.5)*spread, 16.46+(random.Float64()-0.5)*spread
		if random.IntN(20) == 0 {
			r.Longitude, r.Latitude = 107.5847, 16.4637
		}
		if random.IntN(10) > 0 {
			r.Closed = at.Add(time.Duration(random.IntN(40*24)) * time.Hour)
		}
		return r
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	x := nearby.New(nearby.Defaults())
	end := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for i := range uint32(n) {
		x.Put(report(i, end.Add(-time.Duration(random.Int64N(int64(5*365*24*time.Hour))))))
	}
	each := float64(heap()-before) / n
	took := make([]time.Duration, 0, 4096)
	b.ResetTimer()
	for b.Loop() {
		r := report(math.MaxUint32, end)
		start := time.Now()
		x.Near(r)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(each, "B/entry")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
	runtime.KeepAlive(x)
}
