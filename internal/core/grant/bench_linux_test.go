package grant_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
)

// BenchmarkDecide is a decision with the condition on rows of a filter that uses
// two columns, among 100,000 grants: over 200 datasets and 100 agencies (5 grants
// for each pair, 2 or 3 that hold), and all on one dataset (20 for each agency, 10
// that hold). p99-µs is by the clock; p99-cpu-µs is the time of the processor,
// which other programs do not sway.
func BenchmarkDecide(b *testing.B) {
	for _, world := range []struct {
		name               string
		datasets, agencies int
	}{{"200 datasets", 200, 100}, {"1 dataset", 1, 5000}} {
		b.Run(world.name, func(b *testing.B) {
			all := renamed(b, world.datasets)
			policy := grant.NewPolicy(manyGrants(100_000, world.datasets, world.agencies))
			random := rand.New(rand.NewPCG(1, 1))
			var took, worked []int64
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			branches := 0
			b.ReportAllocs()
			for b.Loop() {
				d := all[random.IntN(len(all))]
				r := grant.Request{
					Subject: grant.Subject{Account: "an", Agency: fmt.Sprintf("agency-%d", random.IntN(world.agencies)), Roles: []string{grant.Officer},
						Areas: []string{"ward-1", "ward-2"}},
					Action: grant.Read, Purpose: "care", Dataset: d.Dataset, Table: d.Table, At: 1,
				}
				start, began := clock(b, unix.CLOCK_MONOTONIC), clock(b, unix.CLOCK_THREAD_CPUTIME_ID)
				decision := policy.Decide(r)
				rows := decision.Rows([]int{d.column("state"), d.column("ward")})
				worked = append(worked, clock(b, unix.CLOCK_THREAD_CPUTIME_ID)-began)
				took = append(took, clock(b, unix.CLOCK_MONOTONIC)-start)
				if _, none := rows.(*cql2.Lit); !none {
					branches++
				}
			}
			for unit, list := range map[string][]int64{"µs": took, "cpu-µs": worked} {
				slices.Sort(list)
				b.ReportMetric(float64(list[len(list)/2])/1000, "p50-"+unit)
				b.ReportMetric(float64(list[len(list)*99/100])/1000, "p99-"+unit)
			}
			if branches < len(took)*9/10 {
				b.Errorf("only %d of %d decisions allowed something", branches, len(took))
			}
		})
	}
}

func clock(b *testing.B, id int32) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		b.Fatal(err)
	}
	return t.Nano()
}
