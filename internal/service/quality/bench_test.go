package quality_test

import (
	"fmt"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/quality"
)

// BenchmarkLoad commits a series in batches, with and without the follower at
// its work; behind/s is how long the follower needs afterwards. One reading in
// five hundred breaks a rule. "steps" comes by time over all stations, "runs"
// station after station.
func BenchmarkLoad(b *testing.B) {
	const rows, batch, stations = 200_000, 5000, 40
	for _, order := range []string{"steps", "runs"} {
		for _, follow := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/follower=%v", order, follow), func(b *testing.B) {
				var loading, behind time.Duration
				for b.Loop() {
					r := onSQLite(b, b.TempDir())
					declare(b, r, levels)
					if follow {
						r.Follow(quality.NewFindings(r))
					}
					started := time.Now()
					for n := 0; n < rows; n += batch {
						changes := make([]commit.Change, batch)
						for i := range changes {
							at, who := (n+i)/stations, (n+i)%stations
							if order == "runs" {
								at, who = (n+i)%(rows/stations), (n+i)/(rows/stations)
							}
							level0 := float64(at%100) / 100
							if (at+who)%1000 == 0 {
								level0 += 5
							}
							changes[i] = level(fmt.Sprintf("s%02d", who), int64(at)*600_000_000, value.OfFloat(level0), value.Value{})
						}
						if _, err := r.Commit(b.Context(), repo.Internal(), &commit.Request{Changes: changes}); err != nil {
							b.Fatal(err)
						}
					}
					loaded := time.Now()
					if follow {
						settled(b, r)
					}
					loading, behind = loading+loaded.Sub(started), behind+time.Since(loaded)
					r.Close(b.Context())
				}
				b.ReportMetric(float64(b.N)*rows/loading.Seconds(), "rows/s")
				b.ReportMetric(behind.Seconds()/float64(b.N), "behind-s")
			})
		}
	}
}
