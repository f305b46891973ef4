package alert_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// BenchmarkApply steps a thousand stations under two rules with points that are
// near a threshold and raise nothing: what the log costs while the city is calm.
func BenchmarkApply(b *testing.B) {
	c := open(b, drivers()["sqlite"](b))
	var stations []string
	for i := range 1000 {
		stations = append(stations, fmt.Sprintf(`{"code":"s%d","name":"S%d","ward":"19753","alarm1":3,"alarm2":4,"alarm3":5}`, i, i))
	}
	c.put("water-station", stations...)
	c.follow(0)
	e, err := c.repo.Entry(repo.Internal(), "water-level")
	if err != nil {
		b.Fatal(err)
	}
	at := func(name string) int {
		i, _, _, ok := e.Table.Property(name)
		if !ok {
			b.Fatal(name)
		}
		return i
	}
	station, observed, level := at("station"), at("observedAt"), at("level")
	const batch = 1000
	entry := &commit.Entry{Counts: map[string]int{"water-level": batch}, Changes: make([]commit.Applied, batch)}
	find := func(name string) *repo.Entry {
		if name == "water-level" {
			return e
		}
		return nil
	}
	now := c.clock.Now()
	seq := c.at
	b.ResetTimer()
	points := 0
	for n := range b.N {
		now = now.Add(time.Second)
		seq++
		entry.Seq, entry.At = seq, now.UnixMicro()
		for i := range entry.Changes {
			row := make([]value.Value, e.Table.Width())
			row[station], row[observed], row[level] = value.OfText("s"+strings.TrimPrefix(fmt.Sprint(i), "+")), value.OfTime(entry.At), value.OfFloat(2.5+float64((n+i)%4)/10)
			entry.Changes[i] = commit.Applied{Dataset: "water-level", After: row}
		}
		if err := c.engine.Apply(entry, find); err != nil {
			b.Fatal(err)
		}
		points += batch
	}
	b.ReportMetric(float64(points)/b.Elapsed().Seconds(), "points/s")
}
