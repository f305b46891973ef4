package alert_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/alert"
)

const minute = int64(60_000_000)

var nan = math.NaN()

func levels(low, medium, high float64) ([]alert.Level, [4]float64) {
	return []alert.Level{{Severity: alert.Low, At: low}, {Severity: alert.Medium, At: medium}, {Severity: alert.High, At: high}}, [4]float64{nan, low, medium, high}
}

// told is what happened, with the number of the observation.
type told struct {
	From, To alert.Severity
	At       int64
}

// run plays observations at their times and lets time pass between them exactly
// as the follower does: what is due comes first. With a cut the state is saved
// and loaded before that observation.
func run(r *alert.Rule, list []alert.Observation, until int64, cut map[int]bool) (out []told, end *alert.State) {
	s := &alert.State{}
	limits := [4]float64{nan, nan, nan, nan}
	pass := func(now int64) {
		for range 10_000 {
			due := r.Due(s)
			if due == 0 || due > now {
				return
			}
			if c, changed := r.Fire(s, due, limits); changed {
				out = append(out, told(c))
			}
		}
		panic("time does not pass")
	}
	for i, o := range list {
		if cut[i] {
			b, _ := json.Marshal(s)
			var slots []byte
			if s.Past != nil {
				slots = s.Past.EncodeSlots()
			}
			s = &alert.State{}
			json.Unmarshal(b, s)
			if s.Past != nil {
				s.Past.DecodeSlots(slots)
			}
		}
		pass(o.Arrived)
		limits = o.Limits
		if c, changed := r.Step(s, o); changed {
			out = append(out, told(c))
		}
	}
	pass(until)
	return out, s
}

func anyRule(t *rapid.T) (*alert.Rule, [4]float64) {
	ls, limits := levels(10, 20, 30)
	r := &alert.Rule{
		Kind: rapid.SampledFrom([]alert.Kind{alert.Threshold, alert.Rate, alert.Absence, alert.Seasonal}).Draw(t, "kind"), Levels: ls,
		Hysteresis: float64(rapid.IntRange(0, 3).Draw(t, "hysteresis")),
		For:        time.Duration(rapid.IntRange(0, 20).Draw(t, "for")) * time.Minute,
		ClearFor:   time.Duration(rapid.IntRange(0, 40).Draw(t, "clear")) * time.Minute,
		Over:       time.Hour, Bucket: "hour", Weeks: 4, Least: 1, Floor: 0.5, Measure: "mean",
	}
	if r.Kind == alert.Threshold && rapid.Bool().Draw(t, "window") {
		r.Window, r.Measure = time.Hour, rapid.SampledFrom([]string{"sum", "count", "mean", "max", "min"}).Draw(t, "measure")
	}
	if r.Kind == alert.Seasonal {
		r.Measure = rapid.SampledFrom([]string{"sum", "count", "mean"}).Draw(t, "measure")
	}
	if r.Kind == alert.Absence {
		for i := range r.Levels {
			r.Levels[i].Silence = time.Duration(i+1) * 30 * time.Minute
		}
	}
	return r, limits
}

func anyObservations(t *rapid.T, limits [4]float64) []alert.Observation {
	var list []alert.Observation
	at := int64(1_700_000_000_000_000)
	for range rapid.IntRange(1, 60).Draw(t, "n") {
		at += int64(rapid.IntRange(0, 40).Draw(t, "gap")) * minute
		late := int64(rapid.IntRange(0, 3).Draw(t, "late")) * 10 * minute
		o := alert.Observation{Event: at - late, Arrived: at, Value: float64(rapid.IntRange(0, 40).Draw(t, "value")), Before: nan, Limits: limits}
		list = append(list, o)
	}
	return list
}

// A restart at any place changes nothing, and what is due is always in the past
// once time has passed: the machine comes to rest.
func TestSavedAndLoadedIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, limits := anyRule(t)
		list := anyObservations(t, limits)
		until := list[len(list)-1].Arrived + 5*60*minute
		whole, _ := run(r, list, until, nil)
		cut := map[int]bool{}
		for i := range list {
			cut[i] = rapid.Bool().Draw(t, "cut")
		}
		parts, end := run(r, list, until, cut)
		if !slices.Equal(whole, parts) {
			t.Fatalf("%s: %v, after restarts %v", r.Kind, whole, parts)
		}
		if due := r.Due(end); due != 0 && due <= until {
			t.Fatalf("%s: due at %d, before %d", r.Kind, due, until)
		}
		for i, c := range whole {
			if c.From == c.To || i > 0 && whole[i-1].To != c.From || i == 0 && c.From != alert.None {
				t.Fatalf("%s: steps do not join: %v", r.Kind, whole)
			}
		}
	})
}

// No chatter: whatever comes, a severity that went on stays on for the
// off-delay, and one that went off stays off for the on-delay.
func TestDelaysHoldAgainstChatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, limits := anyRule(t)
		r.Kind, r.Window, r.Measure = alert.Threshold, 0, ""
		r.Levels = r.Levels[:1]
		list := anyObservations(t, limits)
		for i := range list {
			list[i].Event = list[i].Arrived
		}
		got, _ := run(r, list, list[len(list)-1].Arrived, nil)
		for i := 1; i < len(got); i++ {
			least := r.For
			if got[i].To == alert.None {
				least = r.ClearFor
			}
			if d := got[i].At - got[i-1].At; d < least.Microseconds() {
				t.Fatalf("changed again after %d min, the delay is %v", d/minute, least)
			}
		}
	})
}

// Against a plain model: with one severity and no lateness, the state at any
// moment follows from looking back over the values that held.
func TestThresholdIsWhatTheModelSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, limits := anyRule(t)
		r.Kind, r.Window, r.Measure, r.Levels = alert.Threshold, 0, "", r.Levels[:1]
		limits[2], limits[3] = nan, nan
		list := anyObservations(t, limits)
		for i := range list {
			list[i].Event = list[i].Arrived
		}
		until := list[len(list)-1].Arrived + 60*minute
		got, _ := run(r, list, until, nil)
		var want []told
		on, since := false, int64(-1)
		i := 0
		for now := list[0].Arrived; now <= until; now += minute {
			flip := func() {
				delay := r.For
				if on {
					delay = r.ClearFor
				}
				if since >= 0 && now-since >= delay.Microseconds() {
					c := told{alert.None, alert.Low, now}
					if on {
						c = told{alert.Low, alert.None, now}
					}
					want, on, since = append(want, c), !on, -1
				}
			}
			flip()
			for ; i < len(list) && list[i].Arrived == now; i++ {
				v := list[i].Value
				against := v >= 10
				if on {
					against = v < 10-r.Hysteresis
				}
				switch {
				case !against:
					since = -1
				case since < 0:
					since = now
				}
				flip()
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestWindowIsARecount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ls, limits := levels(1e9, 2e9, 3e9)
		r := &alert.Rule{Kind: alert.Threshold, Window: 48 * time.Minute, Levels: ls,
			Measure: rapid.SampledFrom([]string{"sum", "count", "mean", "max", "min"}).Draw(t, "measure")}
		s := &alert.State{}
		values := map[int64]float64{}
		at := int64(1_700_000_040_000_000)
		for range rapid.IntRange(1, 80).Draw(t, "n") {
			at += int64(rapid.IntRange(1, 30).Draw(t, "gap")) * minute
			v := float64(rapid.IntRange(0, 9).Draw(t, "value"))
			values[at] = v
			r.Step(s, alert.Observation{Event: at, Arrived: at, Value: v, Before: nan, Limits: limits})
			n, sum, low, high := 0.0, 0.0, 1e9, -1e9
			for when, v := range values {
				if when > at-48*minute {
					n, sum, low, high = n+1, sum+v, min(low, v), max(high, v)
				}
			}
			want := map[string]float64{"sum": sum, "count": n, "mean": sum / n, "max": high, "min": low}[r.Measure]
			if math.Abs(s.Value-want) > 1e-9 {
				t.Fatalf("%s is %v, want %v", r.Measure, s.Value, want)
			}
			if len(s.Past.Pieces) > 51 {
				t.Fatalf("%d pieces are kept", len(s.Past.Pieces))
			}
		}
	})
}

func TestRate(t *testing.T) {
	r := &alert.Rule{Kind: alert.Rate, Over: time.Hour, Levels: []alert.Level{{Severity: alert.Medium}, {Severity: alert.High}}, Hysteresis: 0.1}
	limits := [4]float64{nan, nan, 0.5, 1}
	var list []alert.Observation
	for i, v := range []float64{1, 1, 1, 1, 1, 1.05, 1.2, 1.4, 1.7, 2.1, 2.3, 2.4, 2.4, 2.4, 2.4, 2.4, 2.4, 2.4} {
		at := int64(1_700_000_000_000_000) + int64(i)*10*minute
		list = append(list, alert.Observation{Event: at, Arrived: at, Value: v, Before: nan, Limits: limits})
	}
	got, _ := run(r, list, 0, nil)
	var steps []alert.Severity
	for _, c := range got {
		steps = append(steps, c.To)
	}
	if !slices.Equal(steps, []alert.Severity{alert.Medium, alert.High, alert.Medium, alert.None}) {
		t.Errorf("a river that rose 0.7 m in half an hour and stood still: %v", got)
	}
}

// The hour that is unlike the same hour of past weeks is told, a night that is
// always quiet is not, and neither is an hour with too few weeks behind it.
func TestSeasonal(t *testing.T) {
	r := &alert.Rule{Kind: alert.Seasonal, Bucket: "hour", Weeks: 6, Least: 4, Floor: 5, Measure: "count", Levels: []alert.Level{{Severity: alert.Low}, {Severity: alert.High}}}
	limits := [4]float64{nan, 3, nan, 6}
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).UnixMicro()
	hour := 60 * minute
	count := func(week, hourOfWeek int) int {
		n := 3
		if h := hourOfWeek % 24; h >= 1 && h < 12 {
			n = 20 + (week+hourOfWeek)%3
		}
		if week == 5 && hourOfWeek == 50 {
			n = 60
		}
		if week == 2 && hourOfWeek == 60 {
			n = 200 // before there is enough to compare with
		}
		return n
	}
	var list []alert.Observation
	for week := range 6 {
		for h := range 168 {
			for i := range count(week, h) {
				at := start + int64(week*168+h)*hour + int64(i)*10*minute/100
				list = append(list, alert.Observation{Event: at, Arrived: at, Value: 1, Before: nan, Limits: limits})
			}
		}
	}
	got, end := run(r, list, 0, nil)
	if len(got) < 2 || got[len(got)-1].To != alert.None {
		t.Fatalf("got %v", got)
	}
	peak := alert.None
	for _, c := range got {
		if h := (c.At - start) / hour; h < 5*168+50 || h > 5*168+52 { // it ends when the next hour has closed
			t.Errorf("%v at hour %d", c, h)
		}
		peak = max(peak, c.To)
	}
	if peak != alert.High {
		t.Errorf("60 in an hour that has 21: %v", got)
	}
	for slot, list := range end.Past.Slots {
		if len(list) > 6 {
			t.Errorf("slot %d keeps %d values", slot, len(list))
		}
	}
}

func TestAbsence(t *testing.T) {
	r := &alert.Rule{Kind: alert.Absence, Levels: []alert.Level{{Severity: alert.Low, Silence: 30 * time.Minute}, {Severity: alert.Medium, Silence: 2 * time.Hour}}}
	at := int64(1_700_000_000_000_000)
	see := func(min int64) alert.Observation {
		return alert.Observation{Event: at + min*minute, Arrived: at + min*minute, Value: nan, Before: nan}
	}
	got, s := run(r, []alert.Observation{see(0), see(10), see(200), see(210)}, at+220*minute, nil)
	want := []told{{alert.None, alert.Low, at + 40*minute}, {alert.Low, alert.Medium, at + 130*minute}, {alert.Medium, alert.None, at + 200*minute}}
	if !slices.Equal(got, want) || s.Severity() != alert.None {
		t.Errorf("got %v, want %v", got, want)
	}
	if due := r.Due(&alert.State{}); due != 0 {
		t.Error("who was never heard is not missed")
	}
}
