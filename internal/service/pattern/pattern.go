// Package pattern tells where and when citizens' reports gather: hot spots, places
// that come back, hours and months that are busier. It follows the log and keeps
// sixteen bytes of each report; answers are drawn beside the requests of readers and
// are at most MostAge old.
package pattern

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store"
)

// Name is the follower's name, for huong rebuild.
const Name = "request-patterns"

// Dataset holds the reports.
const Dataset = "service-request"

// Config is what a Follower needs; all of it.
type Config struct {
	Zone *time.Location
	Now  func() time.Time
	// Group is that of a category; private ones are counted by time alone.
	Group func(category string) (group string, private bool)
	// Area is the ward that a place lies in.
	Area func(ctx context.Context, longitude, latitude float64) (code string, ok bool)
}

// Follower keeps what patterns are drawn from. It is a follower of the log: what it
// keeps always equals the reports as they stand, without those that were merged into
// another, refused or withdrawn, since they tell of nothing or of the same again.
type Follower struct {
	c Config

	mu      sync.RWMutex
	names   []string // of categories and wards
	number  map[string]uint16
	days    map[int32][]event // by day since 1970 in the city's zone
	dirty   map[int32]bool
	grown   bool  // there are names that were not saved
	changes int64 // since it was loaded

	turn   sync.Mutex // one answer is drawn at a time
	shared *shared    // under turn

	cache sync.Mutex
	drawn map[Ask]*drawing
}

// event is a report: its place on the lattice of 1e-7 degrees, by number its category
// and ward, and the hour. Without a place x is nowhere.
type event struct {
	x, y       int32
	kind, ward uint16
	hour       uint8
}

const (
	unit      = 1e-7
	nowhere   = math.MinInt32
	eventSize = 13
	keyNames  = "names"
)

// New makes the follower.
func New(c Config) *Follower {
	f := &Follower{c: c, drawn: map[Ask]*drawing{}}
	f.Load(nil)
	return f
}

// Name implements repo.Follower.
func (f *Follower) Name() string { return Name }

// Load implements repo.Follower.
func (f *Follower) Load(state map[string][]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names, f.number = []string{""}, map[string]uint16{"": 0}
	f.days, f.dirty, f.grown = map[int32][]event{}, map[int32]bool{}, false
	f.changes++
	for key, b := range state {
		if key == keyNames {
			f.names = strings.Split(string(b), "\n")
			for i, n := range f.names {
				f.number[n] = uint16(i)
			}
			continue
		}
		day, err := time.Parse(time.DateOnly, key)
		if err != nil || len(b)%eventSize != 0 {
			continue
		}
		list := make([]event, 0, len(b)/eventSize)
		for ; len(b) > 0; b = b[eventSize:] {
			list = append(list, event{int32(binary.LittleEndian.Uint32(b)), int32(binary.LittleEndian.Uint32(b[4:])),
				binary.LittleEndian.Uint16(b[8:]), binary.LittleEndian.Uint16(b[10:]), b[12]})
		}
		f.days[dayOf(day)] = list
	}
	return nil
}

// dayOf numbers a day by its date.
func dayOf(t time.Time) int32 {
	y, m, d := t.Date()
	return int32(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
}

// date is the first moment of a day in the city.
func (f *Follower) date(day int32) time.Time {
	return time.Date(1970, 1, 1+int(day), 0, 0, 0, 0, f.c.Zone)
}

// Apply implements repo.Follower.
func (f *Follower) Apply(e *commit.Entry, catalog func(string) *repo.Entry) error {
	entry := catalog(Dataset)
	if e.Counts[Dataset] == 0 || entry == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range e.Changes {
		ch := &e.Changes[i]
		if ch.Dataset != Dataset {
			continue
		}
		before, was, had := f.eventOf(entry, ch.Before)
		after, is, has := f.eventOf(entry, ch.After)
		if had == has && was == is && before == after {
			continue
		}
		if had {
			if at := slices.Index(f.days[was], before); at >= 0 {
				last := len(f.days[was]) - 1
				f.days[was][at] = f.days[was][last]
				f.days[was] = f.days[was][:last]
				f.dirty[was] = true
			}
		}
		if has {
			f.days[is] = append(f.days[is], after)
			f.dirty[is] = true
		}
		f.changes++
	}
	return nil
}

func (f *Follower) eventOf(e *repo.Entry, row []value.Value) (x event, day int32, ok bool) {
	if row == nil {
		return x, 0, false
	}
	get := func(name string) value.Value {
		if i, _, _, ok := e.Table.Property(name); ok && i < len(row) {
			return row[i]
		}
		return value.Value{}
	}
	text := func(v value.Value) string {
		if v.Kind() == value.Text {
			return v.Text()
		}
		return ""
	}
	opened, category := get("openedAt"), text(get("category"))
	if opened.Kind() != value.Time || category == "" { // erased
		return x, 0, false
	}
	switch text(get("status")) {
	case "merged", "refused", "withdrawn":
		return x, 0, false
	}
	at := opened.Instant().In(f.c.Zone)
	x.x, x.hour, x.kind = nowhere, uint8(at.Hour()), f.numberOf(category)
	area := text(get("area"))
	if i := e.Table.Area; area == "" && i >= 0 && i < len(row) {
		area = text(row[i])
	}
	x.ward = f.numberOf(area)
	if v := get("location"); v.Kind() == value.Geometry {
		if lon, lat, ok := geom.PointOf(v.WKB()); ok && math.Abs(lon) <= 180 && math.Abs(lat) < 89 {
			x.x, x.y = int32(math.Round(lon/unit)), int32(math.Round(lat/unit))
		}
	}
	return x, dayOf(at), true
}

// numberOf numbers a name; those beyond what numbers there are share the number 0.
func (f *Follower) numberOf(name string) uint16 {
	n, ok := f.number[name]
	if !ok && len(f.names) < math.MaxUint16 && !strings.Contains(name, "\n") {
		n = uint16(len(f.names))
		name = strings.Clone(name)
		f.names, f.number[name], f.grown = append(f.names, name), n, true
	}
	return n
}

// Save implements repo.Follower.
func (f *Follower) Save() ([]store.StatePut, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []store.StatePut
	if f.grown {
		list = append(list, store.StatePut{Key: keyNames, Value: []byte(strings.Join(f.names, "\n"))})
		f.grown = false
	}
	for day := range f.dirty {
		p := store.StatePut{Key: f.date(day).Format(time.DateOnly)}
		for _, x := range f.days[day] {
			p.Value = binary.LittleEndian.AppendUint32(p.Value, uint32(x.x))
			p.Value = binary.LittleEndian.AppendUint32(p.Value, uint32(x.y))
			p.Value = binary.LittleEndian.AppendUint16(p.Value, x.kind)
			p.Value = binary.LittleEndian.AppendUint16(p.Value, x.ward)
			p.Value = append(p.Value, x.hour)
		}
		if len(p.Value) == 0 {
			delete(f.days, day)
		}
		list = append(list, p)
	}
	clear(f.dirty)
	return list, nil
}

// Len is how many reports are counted.
func (f *Follower) Len() (n int) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, list := range f.days {
		n += len(list)
	}
	return n
}
