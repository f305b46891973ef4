// Package nearby finds, for a report that is just being written, the reports of
// the same thing that came before it. Candidates lie in a grid in memory; each
// is weighed by distance, type, age, whether it is still open and how alike the
// texts are, and the best few above a score are offered. It decides nothing: a
// person follows one of them or sends the report all the same.
package nearby

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

// Report is one report, as far as it matters here.
type Report struct {
	ID                  uint32 // of the caller's choice, one for each report
	Longitude, Latitude float64
	Type, Group         string    // reports of another group are never offered
	Opened              time.Time // 1970 to 2106, kept to the second
	Closed              time.Time // zero while it is open
	Text                string    // as the citizen wrote it; only a sketch of it is kept
}

// Offer is an earlier report that may be the same, with what speaks for it.
type Offer struct {
	ID       uint32
	Score    float64 // log-odds that the two are one, by the weights
	Metres   float64 // Options.Metres where the place says nothing
	Days     float64 // between the two
	SameType bool
	Open     bool    // when the later one came
	Likeness float64 // of the texts, 0 to 1; -1 when one of them has none
}

// Chance is the score as a share of 1.
func (o Offer) Chance() float64 { return 1 / (1 + math.Exp(-o.Score)) }

// Weights are the terms of the score, a sum of log-odds.
type Weights struct {
	Base     float64
	Distance float64 // of ln(1 + metres/10)
	Age      float64 // of ln(1 + days)
	Open     float64 // when the earlier one is open
	Closed   float64 // of ln(1 + days since it was closed), when it is closed
	SameType float64
	Habit    float64 // of the type's habit, see Habits
	Text     float64 // of likeness less what chance alone gives
}

// Options say how far and how long back duplicates are looked for, and what is
// offered.
type Options struct {
	Metres float64
	Days   float64
	Offers int     // at most
	Least  float64 // score below which nothing is offered
	Cold   float64 // the same while no habits are known
	// Crowd: more reports than this, of any type, opened on one very point within
	// Days make it a default point, where software puts what it cannot place.
	// What lies on it is offered for an alike text alone.
	Crowd   int
	Weights Weights
}

// Defaults are fitted on the reports that Boston received in July to September
// 2011, and tested on October to December (ADR 33). Text is set by hand: that
// file holds no citizen's words.
func Defaults() Options {
	return Options{
		Metres: 300, Days: 120, Offers: 5, Least: -4.6, Cold: -3.7, Crowd: 60,
		Weights: Weights{Base: -5.480, Distance: -0.554, Age: -0.313, Open: 0.196, Closed: -0.164, SameType: 3.325, Habit: 0.824, Text: 3},
	}
}

const (
	chanceLikeness = 0.15 // of two texts about other things
	alike          = 0.5  // likeness that stands without a place
)

// Seen counts the reports of one type: all, and those that were merged into an
// earlier one.
type Seen struct{ Reports, Merged int }

// Habits tells by type how much more often (log-odds) than reports in general
// its reports turn out to be duplicates; everybody sees a street light that is
// out, a bulky item is booked once. A type seen rarely is drawn to 0, and one
// not seen has 0.
func Habits(seen map[string]Seen) map[string]float64 {
	var all, merged float64
	for _, s := range seen {
		all, merged = all+float64(s.Reports), merged+float64(s.Merged)
	}
	if merged == 0 || merged == all {
		return nil
	}
	const weight = 5 // reports that stand for what is known before any came
	share := merged / all
	odds := func(p float64) float64 { return math.Log(p / (1 - p)) }
	habits := make(map[string]float64, len(seen))
	for t, s := range seen {
		p := (float64(s.Merged) + weight*share) / (float64(s.Reports) + weight)
		habits[t] = odds(min(p, 0.999)) - odds(share)
	}
	return habits
}

// Index holds the candidates: 32 bytes each, 7 to 13 for finding them by ID, and
// a few for the grid. It is safe for concurrent use.
type Index struct {
	o Options

	lock   sync.RWMutex
	habits map[string]float64
	kinds  []kind
	kindOf map[[2]string]uint16
	store  slots
	cells  map[cell]uint32 // the first entry, plus one
}

type kind struct{ name, group string }

// New makes an empty index.
func New(o Options) *Index {
	return &Index{o: o, kindOf: map[[2]string]uint16{}, cells: map[cell]uint32{}}
}

// SetHabits gives the habits of the types, anew as often as the caller likes.
func (x *Index) SetHabits(habits map[string]float64) {
	x.lock.Lock()
	defer x.lock.Unlock()
	x.habits = habits
}

// Len is the number of reports held.
func (x *Index) Len() int {
	x.lock.RLock()
	defer x.lock.RUnlock()
	return x.store.count
}

// Put adds a report, or replaces the one with its ID. It is false, and the
// report is not held (any more), when it has no place or no time to go by.
func (x *Index) Put(r Report) bool {
	x.lock.Lock()
	defer x.lock.Unlock()
	x.remove(r.ID)
	if !placed(r) {
		return false
	}
	e := entry{id: r.ID, x: fixed(r.Longitude), y: fixed(r.Latitude), opened: seconds(r.Opened), sketch: sketchOf(r.Text)}
	if !r.Closed.IsZero() {
		e.closed = max(1, seconds(r.Closed))
	}
	name := [2]string{r.Type, r.Group}
	k, known := x.kindOf[name]
	if !known {
		if len(x.kinds) > math.MaxUint16 {
			return false
		}
		k = uint16(len(x.kinds))
		x.kinds = append(x.kinds, kind{r.Type, r.Group})
		x.kindOf[name] = k
	}
	e.kind = k
	c := x.cellOf(&e)
	e.next = x.cells[c]
	x.cells[c] = x.store.add(e) + 1
	return true
}

// Remove takes a report out; false when it was not there.
func (x *Index) Remove(id uint32) bool {
	x.lock.Lock()
	defer x.lock.Unlock()
	return x.remove(id)
}

func (x *Index) remove(id uint32) bool {
	n, ok := x.store.find(id)
	if !ok {
		return false
	}
	e := x.store.at(n)
	c := x.cellOf(e)
	if first := x.cells[c]; first == n+1 {
		if e.next == 0 {
			delete(x.cells, c)
		} else {
			x.cells[c] = e.next
		}
	} else {
		before := x.store.at(first - 1)
		for before.next != n+1 {
			before = x.store.at(before.next - 1)
		}
		before.next = e.next
	}
	x.store.drop(n)
	return true
}

func placed(r Report) bool {
	return math.Abs(r.Longitude) <= 180 && math.Abs(r.Latitude) < 89 && r.Opened.Unix() > 0 && r.Opened.Unix() < math.MaxUint32
}

// Near returns the reports that r, which need not be held, may repeat, the most
// likely first: opened no later than r, within Metres and Days, of r's group.
// The answer depends on what is held alone, not on the order in which it came.
func (x *Index) Near(r Report) []Offer {
	if !placed(r) {
		return nil
	}
	x.lock.RLock()
	defer x.lock.RUnlock()
	scene := x.around(r)
	asked := sketchOf(r.Text)
	least := x.o.Least
	if len(x.habits) == 0 {
		least = x.o.Cold
	}
	var best []found
	for _, n := range scene.entries {
		e := x.store.at(n)
		k := x.kinds[e.kind]
		if k.group != r.Group {
			continue
		}
		like := likeness(asked, e.sketch)
		metres := scene.metres(e)
		if scene.crowded(e) || scene.here {
			if like < alike {
				continue
			}
			metres = x.o.Metres
		}
		if metres > x.o.Metres {
			continue
		}
		o := Offer{ID: e.id, Metres: metres, Days: float64(scene.opened-e.opened) / 86400, SameType: k.name == r.Type, Likeness: like}
		o.Open = e.closed == 0 || e.closed > scene.opened
		o.Score = x.score(o, r.Type, scene.opened, e.closed)
		if o.Score >= least {
			best = keep(best, found{o, e.opened}, x.o.Offers)
		}
	}
	offers := make([]Offer, len(best))
	for i, f := range best {
		offers[i] = f.Offer
	}
	return offers
}

type found struct {
	Offer
	opened uint32
}

// keep puts f in its place among the best n: by score, then the newest.
func keep(best []found, f found, n int) []found {
	at, _ := slices.BinarySearchFunc(best, f, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.opened, a.opened), cmp.Compare(b.ID, a.ID))
	})
	if at >= n {
		return best
	}
	if len(best) == n {
		best = best[:n-1]
	}
	return slices.Insert(best, at, f)
}

func (x *Index) score(o Offer, of string, now, closed uint32) float64 {
	w := x.o.Weights
	s := w.Base + w.Distance*math.Log1p(o.Metres/10) + w.Age*math.Log1p(o.Days) + w.Habit*x.habits[of]
	if o.Open {
		s += w.Open
	} else {
		s += w.Closed * math.Log1p(float64(now-closed)/86400)
	}
	if o.SameType {
		s += w.SameType
	}
	if o.Likeness >= 0 {
		s += w.Text * (o.Likeness - chanceLikeness)
	}
	return s
}
