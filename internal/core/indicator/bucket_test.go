package indicator_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/value"
)

const offset = 7 * 3600

var zone = time.FixedZone("+07", offset)

// TestBuckets compares buckets with the calendar of the standard library.
func TestBuckets(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(-4e15, 8e15).Draw(rt, "at")).In(zone)
		y, m, d := at.Date()
		for g, start := range map[indicator.Grain]time.Time{
			indicator.Hour: time.Date(y, m, d, at.Hour(), 0, 0, 0, zone), indicator.Day: time.Date(y, m, d, 0, 0, 0, 0, zone),
			indicator.Week: time.Date(y, m, d-(int(at.Weekday())+6)%7, 0, 0, 0, 0, zone), indicator.Month: time.Date(y, m, 1, 0, 0, 0, 0, zone),
		} {
			b := g.At(at.UnixMicro(), offset)
			if got := g.Start(b, offset); !got.Equal(start) {
				rt.Fatalf("%v of %v begins %v, want %v", g, at, got.In(zone), start)
			}
			end := g.End(b, offset)
			if !end.After(at) || g.At(end.UnixMicro(), offset) != g.Next(b, 1) || g.Next(g.Next(b, 5), -5) != b {
				rt.Fatalf("%v of %v ends %v", g, at, end)
			}
			if g != indicator.Hour {
				day := value.OfDate(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
				if got, ok := g.Of(day, offset); !ok || got != b {
					rt.Fatalf("%v of the day of %v is %v, want %v", g, at, got, b)
				}
			}
			hour := indicator.Hour.At(at.UnixMicro(), offset)
			if got := indicator.Hour.Widen(hour, g); got != b {
				rt.Fatalf("%v of the hour of %v is %v, want %v", g, at, got, b)
			}
		}
	})
}

func TestBefore(t *testing.T) {
	for _, x := range []struct {
		grain   indicator.Grain
		at      string
		earlier indicator.Earlier
		want    string
	}{
		{indicator.Hour, "2025-10-27 08", indicator.Yesterday, "2025-10-26 08"},
		{indicator.Hour, "2025-10-27 08", indicator.LastWeek, "2025-10-20 08"},
		{indicator.Hour, "2024-02-29 08", indicator.LastYear, "2023-02-28 08"},
		{indicator.Day, "2025-03-01 00", indicator.Yesterday, "2025-02-28 00"},
		{indicator.Day, "2025-03-01 00", indicator.LastWeek, "2025-02-22 00"},
		{indicator.Day, "2025-03-01 00", indicator.LastYear, "2024-03-01 00"},
		{indicator.Week, "2025-10-27 00", indicator.Yesterday, "2025-10-20 00"},
		{indicator.Week, "2025-10-27 00", indicator.LastYear, "2024-10-28 00"},
		{indicator.Month, "2025-01-01 00", indicator.LastWeek, "2024-12-01 00"},
		{indicator.Month, "2025-01-01 00", indicator.LastYear, "2024-01-01 00"},
	} {
		at, _ := time.ParseInLocation("2006-01-02 15", x.at, zone)
		b := x.grain.Before(x.grain.At(at.UnixMicro(), offset), x.earlier)
		if got := x.grain.Start(b, offset).In(zone).Format("2006-01-02 15"); got != x.want {
			t.Errorf("%v %s before by %d: %s, want %s", x.grain, x.at, x.earlier, got, x.want)
		}
	}
}
