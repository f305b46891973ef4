// Package live derives what is moving: per dataset how many records it has,
// when the last one came and for when, how fast they come and which of the last
// hours have data. It is a follower of the log and knows no HTTP.
//
// A rate counts live changes only. Two years of history that are loaded within
// a minute are no 350,000 records an hour: a record that is older than the
// dataset's rhythm when it comes moves totals and hours, never a rate.
package live

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// DatasetActivity is the pulse of one dataset.
type DatasetActivity struct {
	Dataset    string
	Total      int64     // records now
	Last       time.Time // newest event time seen; zero when the dataset declares no time
	LastCommit time.Time // commit time of the last change
	PerMinute  float64   // live changes in the last 60 seconds
	PerHour    float64   // live changes in the last 60 minutes
	Hours      [24]int64 // changes by hour of the event (or of the commit), oldest first, the last one being the current hour
	Seq        int64     // last commit that touched it
}

// Activity is the follower. Its methods are safe for concurrent use.
type Activity struct {
	now func() time.Time

	mu    sync.RWMutex
	pulse map[string]*pulse
	dirty map[string]bool
}

// pulse is what is kept of a dataset. Minutes and hours are rings indexed by
// time since 1970, so that they need no clock to be written.
type pulse struct {
	Total      int64           `json:"total"`
	Last       int64           `json:"last"`
	LastCommit int64           `json:"lastCommit"`
	Seq        int64           `json:"seq"`
	Seconds    map[int64]int64 `json:"seconds"` // live changes of the last minute; kept since another server's state may be taken over
	Minutes    map[int64]int64 `json:"minutes"` // live changes by minute of commit, last 60
	Hours      map[int64]int64 `json:"hours"`   // changes by hour of event, last 48
}

const (
	second = int64(1_000_000)
	minute = 60 * second
	hour   = 60 * minute
)

// NewActivity makes the follower; now is the clock that rates are told by.
func NewActivity(now func() time.Time) *Activity {
	return &Activity{now: now, pulse: map[string]*pulse{}, dirty: map[string]bool{}}
}

// Name implements repo.Follower.
func (a *Activity) Name() string { return "activity" }

// Load implements repo.Follower.
func (a *Activity) Load(state map[string][]byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pulse, a.dirty = map[string]*pulse{}, map[string]bool{}
	for name, b := range state {
		p := newPulse()
		if err := json.Unmarshal(b, p); err != nil {
			return err
		}
		if p.Seconds == nil || p.Minutes == nil || p.Hours == nil {
			p.Seconds, p.Minutes, p.Hours = map[int64]int64{}, map[int64]int64{}, map[int64]int64{}
		}
		a.pulse[name] = p
	}
	return nil
}

func newPulse() *pulse {
	return &pulse{Seconds: map[int64]int64{}, Minutes: map[int64]int64{}, Hours: map[int64]int64{}}
}

// Apply implements repo.Follower.
func (a *Activity) Apply(e *commit.Entry, catalog func(string) *repo.Entry) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var p *pulse
	var entry *repo.Entry
	last := ""
	for i := range e.Changes {
		ch := &e.Changes[i]
		if p == nil || ch.Dataset != last {
			last = ch.Dataset
			entry = catalog(last)
			if p = a.pulse[last]; p == nil {
				p = newPulse()
				a.pulse[last] = p
			}
			a.dirty[last] = true
		}
		switch ch.Result() {
		case commit.Created:
			p.Total++
		case commit.Deleted:
			p.Total--
		}
		event, news := News(e, ch, entry)
		if entry != nil && entry.Table.Time >= 0 && ch.After != nil {
			if _, ok := instant(ch.After[entry.Table.Time]); ok {
				p.Last = max(p.Last, event)
			}
		}
		p.LastCommit, p.Seq = e.At, e.Seq
		p.Hours[event/hour]++
		if !news {
			continue
		}
		p.Seconds[e.At/second]++
		p.Minutes[e.At/minute]++
	}
	return nil
}

// News tells when what a change tells of was so, and whether that is news: not a
// history that is loaded, but something of now. entry is the change's dataset,
// nil when it is unknown.
func News(e *commit.Entry, ch *commit.Applied, entry *repo.Entry) (event int64, news bool) {
	event, dated := e.At, false
	if entry != nil && entry.Table.Time >= 0 && ch.After != nil {
		if at, ok := instant(ch.After[entry.Table.Time]); ok {
			event, dated = min(at, e.At+hour), true // a clock that runs ahead is no news
		}
	}
	// An update of a register tells of now, whenever its record began.
	if dated && (ch.Before == nil || entry.Dataset.Kind == dataset.Series) {
		return event, e.At-event <= reach(entry.Dataset) && e.Source != generated
	}
	return event, !loaded(e.Source)
}

// generated is the source of a history that was made up: never news.
const generated = "generator"

// reach is how old a record may be when it comes and still count as live, in
// µs: an hour, or two periods of the promised frequency where that is longer,
// and the delay that its source is allowed.
func reach(d *dataset.Dataset) int64 {
	return max(hour, 2*d.Promised("frequency").Microseconds()) + d.Promised("latency").Microseconds()
}

// loaded tells whether a commit brought in at once what came to be over time:
// by its source where its records have no time of their own to judge by.
func loaded(source string) bool {
	switch source {
	case "declaration", generated, "areas", "quarantine":
		return true
	}
	return strings.HasPrefix(source, "file:")
}

func instant(v value.Value) (int64, bool) {
	switch v.Kind() {
	case value.Time:
		return v.Micros(), true
	case value.Date:
		return v.Days() * 24 * hour, true
	}
	return 0, false
}

// Save implements repo.Follower.
func (a *Activity) Save() ([]store.StatePut, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var puts []store.StatePut
	for name := range a.dirty {
		p := a.pulse[name]
		p.prune()
		b, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		puts = append(puts, store.StatePut{Key: name, Value: b})
	}
	clear(a.dirty)
	return puts, nil
}

// prune forgets what no answer will ask for again.
func (p *pulse) prune() {
	drop := func(m map[int64]int64, keep int64) {
		newest := int64(-1 << 62)
		for k := range m {
			newest = max(newest, k)
		}
		for k := range m {
			if k <= newest-keep {
				delete(m, k)
			}
		}
	}
	drop(p.Seconds, 61)
	drop(p.Minutes, 61)
	drop(p.Hours, 48)
}

// Snapshot tells the pulse of every dataset, by name.
func (a *Activity) Snapshot() []DatasetActivity {
	now := a.now().UnixMicro()
	a.mu.RLock()
	defer a.mu.RUnlock()
	list := make([]DatasetActivity, 0, len(a.pulse))
	for name, p := range a.pulse {
		d := DatasetActivity{Dataset: name, Total: p.Total, Seq: p.Seq, LastCommit: time.UnixMicro(p.LastCommit).UTC()}
		if p.Last != 0 {
			d.Last = time.UnixMicro(p.Last).UTC()
		}
		for s, n := range p.Seconds {
			if s > now/second-60 {
				d.PerMinute += float64(n)
			}
		}
		for m, n := range p.Minutes {
			if m > now/minute-60 {
				d.PerHour += float64(n)
			}
		}
		for h, n := range p.Hours {
			if i := 23 - (now/hour - h); i >= 0 && i < 24 {
				d.Hours[i] += n
			}
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(x, y DatasetActivity) int { return strings.Compare(x.Dataset, y.Dataset) })
	return list
}
