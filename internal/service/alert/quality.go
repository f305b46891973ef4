package alert

import (
	"context"
	"slices"
	"time"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/repo"
)

// Quality is how good our own alarms are, by the measures of EEMUA 191 (3rd
// edition, 2013) and IEC 62682 table 7: of the lines that the asker may see.
type Quality struct {
	From, Until time.Time
	Operators   int // who may be told at the same time: the rates are per operator
	Lines       int // raised within the time

	PerTen     float64 // lines per operator and 10 minutes, on average; target <= 1
	PeakTen    float64 // in the worst 10 minutes; target <= 10
	PeakAt     time.Time
	AfterUpset float64                   // per operator in the first 10 minutes after an upset; target <= 10
	UpsetAt    time.Time                 // the first high line after 30 minutes without one; zero when there was none
	Shares     map[core.Severity]float64 // by worst severity, of 1; target 0.05, 0.15, 0.80
	Chattering []RuleCount               // lines of one group that came three times or more within an hour; target none
	Stale      int                       // open for more than 24 hours; target < 5
	Top        []RuleCount               // the ten rules with the most lines
	TopShare   float64                   // of all lines; target <= 0.05 each, told as the sum
	InTime     float64                   // acknowledged before the first deadline, of those whose deadline is past or met; target >= 0.95
	Due        int                       // how many those are
	Escalated  int                       // went up a step at least
	Buckets    []int                     // lines by 10 minutes from From, for the drawing
}

// RuleCount is how many lines a rule led or a group had.
type RuleCount struct {
	Name  string
	Count int
}

// ten is the span that EEMUA 191 counts by.
const ten = 10 * time.Minute

// Quality measures the lines raised in a span that p may see.
func (g *Engine) Quality(ctx context.Context, p repo.Principal, from, until time.Time, operators int) (Quality, error) {
	list, err := g.List(ctx, p, Selection{})
	if err != nil {
		return Quality{}, err
	}
	return Measure(list, from, until, operators, g.Now()), nil
}

// Measure computes the measures from lines.
func Measure(list []Line, from, until time.Time, operators int, now time.Time) Quality {
	q := Quality{From: from, Until: until, Operators: max(operators, 1), Shares: map[core.Severity]float64{}}
	n := int(until.Sub(from)/ten) + 1
	if until.Sub(from)%ten == 0 {
		n--
	}
	q.Buckets = make([]int, max(n, 1))
	rules, groups := map[string]int{}, map[string][]time.Time{}
	var times, highs []time.Time
	inTime := 0
	for i := range list {
		l := &list[i]
		if l.Open() && now.Sub(l.RaisedAt) > 24*time.Hour {
			q.Stale++
		}
		if l.RaisedAt.Before(from) || !l.RaisedAt.Before(until) {
			continue
		}
		q.Lines++
		q.Shares[l.Peak]++
		rules[l.Rule]++
		groups[l.Group] = append(groups[l.Group], l.RaisedAt)
		times = append(times, l.RaisedAt)
		if l.Peak == core.High {
			highs = append(highs, l.RaisedAt)
		}
		q.Buckets[min(int(l.RaisedAt.Sub(from)/ten), len(q.Buckets)-1)]++
		if l.Escalated > 0 {
			q.Escalated++
		}
		met := !l.AcknowledgedFirst.IsZero() && !l.AcknowledgedFirst.After(l.DueFirst)
		if !l.DueFirst.IsZero() && (met || now.After(l.DueFirst) && (l.ClearedAt.IsZero() || l.ClearedAt.After(l.DueFirst))) {
			q.Due++
			if met {
				inTime++
			}
		}
	}
	per := float64(q.Operators)
	q.PerTen = float64(q.Lines) / per / max(float64(until.Sub(from))/float64(ten), 1)
	slices.SortFunc(times, time.Time.Compare)
	slices.SortFunc(highs, time.Time.Compare)
	for i, j := 0, 0; i < len(times); i++ { // the worst window begins with a line
		for j < len(times) && times[j].Sub(times[i]) < ten {
			j++
		}
		if v := float64(j-i) / per; v > q.PeakTen {
			q.PeakTen, q.PeakAt = v, times[i]
		}
	}
	for i, at := range highs {
		if i > 0 && at.Sub(highs[i-1]) < 30*time.Minute {
			continue
		}
		count := 0
		for _, x := range times {
			if !x.Before(at) && x.Sub(at) < ten {
				count++
			}
		}
		if v := float64(count) / per; v > q.AfterUpset {
			q.AfterUpset, q.UpsetAt = v, at
		}
	}
	for s := range q.Shares {
		q.Shares[s] /= float64(q.Lines)
	}
	for group, at := range groups {
		slices.SortFunc(at, time.Time.Compare)
		most := 0
		for i := range at {
			j := i
			for j < len(at) && at[j].Sub(at[i]) < time.Hour {
				j++
			}
			most = max(most, j-i)
		}
		if most >= 3 {
			q.Chattering = append(q.Chattering, RuleCount{group, most})
		}
	}
	for name, count := range rules {
		q.Top = append(q.Top, RuleCount{name, count})
	}
	byCount := func(a, b RuleCount) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		if a.Name < b.Name {
			return -1
		}
		return 1
	}
	slices.SortFunc(q.Chattering, byCount)
	slices.SortFunc(q.Top, byCount)
	q.Top = q.Top[:min(len(q.Top), 10)]
	for _, r := range q.Top {
		q.TopShare += float64(r.Count) / float64(q.Lines)
	}
	if q.Due > 0 {
		q.InTime = float64(inTime) / float64(q.Due)
	}
	return q
}
