package alert

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
)

// How much of a subject's past is kept at most, whatever comes.
const (
	mostPieces = 49 // pieces of a window
	mostPoints = 60 // values of a rate's span
)

// piece is a part of a window, or one value of a rate.
type piece struct {
	At  int64   `json:"t"`
	N   int     `json:"n"`
	Sum float64 `json:"s"`
	Min float64 `json:"i"`
	Max float64 `json:"a"`
}

// Past is what a rule remembers of a subject beyond its last value. It is
// bounded: a window is kept in 48 pieces, a seasonal slot in Weeks values.
type Past struct {
	Pieces []piece `json:"p,omitempty"` // of the window, or of the present bucket alone; oldest first

	// Slots hold the closed buckets of the same hour of the week, day of the week
	// or simply the last weeks, oldest first. They are saved apart (Slots are
	// large and change once per bucket): Rolled tells that they did.
	Slots  [][]float32 `json:"-"`
	Rolled bool        `json:"-"`
}

// remember takes an observation into the past and returns what is to be judged.
func (r *Rule) remember(s *State, o Observation, stale bool) (float64, Judgement) {
	switch r.Kind {
	case Rate:
		return r.slope(s.Past, o, stale)
	case Seasonal:
		return r.season(s, o, stale)
	}
	if !math.IsNaN(o.Value) {
		width := max(r.Window.Microseconds()/(mostPieces-1), 1)
		s.Past.add(o.Event-mod(o.Event, width), o)
	}
	s.Past.dropUntil(max(s.Event, o.Event) - r.Window.Microseconds())
	v := s.Past.measure(r.Measure)
	return v, r.Judge(v, o.Limits)
}

func mod(a, b int64) int64 { return ((a % b) + b) % b }

// add counts a value into the piece that begins at a time; a correction takes
// the place of the value before it.
func (p *Past) add(at int64, o Observation) {
	i, found := slices.BinarySearchFunc(p.Pieces, at, func(x piece, at int64) int {
		switch {
		case x.At < at:
			return -1
		case x.At > at:
			return 1
		}
		return 0
	})
	if !found {
		if len(p.Pieces) >= mostPieces+1 && i == 0 {
			return // older than all that is kept
		}
		p.Pieces = slices.Insert(p.Pieces, i, piece{At: at, Min: math.MaxFloat64, Max: -math.MaxFloat64})
		if len(p.Pieces) > mostPieces+1 {
			p.Pieces, i = p.Pieces[1:], i-1
		}
	}
	x := &p.Pieces[i]
	if !math.IsNaN(o.Before) && x.N > 0 {
		x.Sum -= o.Before
		x.N--
	}
	x.N++
	x.Sum += o.Value
	x.Min, x.Max = min(x.Min, o.Value), max(x.Max, o.Value)
}

// dropUntil forgets the pieces that lie wholly at or before a time.
func (p *Past) dropUntil(until int64) {
	for len(p.Pieces) > 0 && p.Pieces[0].At <= until {
		p.Pieces = p.Pieces[1:]
	}
}

func (p *Past) measure(how string) float64 {
	n, sum, low, high := 0, 0.0, math.MaxFloat64, -math.MaxFloat64
	for _, x := range p.Pieces {
		n, sum, low, high = n+x.N, sum+x.Sum, min(low, x.Min), max(high, x.Max)
	}
	switch {
	case how == "count":
		return float64(n)
	case how == "sum":
		return sum
	case n == 0:
		return math.NaN()
	case how == "mean":
		return sum / float64(n)
	case how == "min":
		return low
	}
	return high
}

// slope is the change per hour since the oldest value within the span, where
// that is at least half of it ago.
func (r *Rule) slope(p *Past, o Observation, stale bool) (float64, Judgement) {
	if stale || math.IsNaN(o.Value) {
		return math.NaN(), Judgement{}
	}
	span := r.Over.Microseconds()
	p.dropUntil(o.Event - span - 1)
	if n := len(p.Pieces); n > 0 && p.Pieces[n-1].At == o.Event {
		p.Pieces[n-1].Sum = o.Value // a correction
	} else if n == 0 || o.Event-p.Pieces[n-1].At >= span/mostPoints {
		p.Pieces = append(p.Pieces, piece{At: o.Event, N: 1, Sum: o.Value})
	}
	if len(p.Pieces) > mostPoints+2 {
		p.Pieces = p.Pieces[len(p.Pieces)-mostPoints-2:]
	}
	first := p.Pieces[0]
	if o.Event-first.At < span/2 || o.Event == first.At {
		return math.NaN(), Judgement{}
	}
	v := (o.Value - first.Sum) / (float64(o.Event-first.At) / 3.6e9)
	return v, r.Judge(v, o.Limits)
}

// bucket is the length of a bucket in µs and how many slots there are.
func (r *Rule) bucket() (width int64, slots int64) {
	switch r.Bucket {
	case "hour":
		return time.Hour.Microseconds(), 168
	case "day":
		return 24 * time.Hour.Microseconds(), 7
	}
	return 7 * 24 * time.Hour.Microseconds(), 1
}

// cityOffset moves bucket borders to the city's midnight: UTC+7, without summer
// time since 1975. Weeks begin on Monday.
const cityOffset = 7 * 3600 * 1_000_000
const mondayOffset = 3 * 24 * 3600 * 1_000_000 // 1 January 1970 was a Thursday

func (r *Rule) bucketOf(event int64) (start, slot int64) {
	width, slots := r.bucket()
	t := event + cityOffset + mondayOffset
	n := (t - mod(t, width)) / width
	return n*width - cityOffset - mondayOffset, mod(n, slots)
}

// total tells that a bucket grows towards its end, so that only a closed one may
// be called low.
func (r *Rule) total() bool { return r.Measure == "sum" || r.Measure == "count" }

// season takes an observation into the bucket of its time and judges how far
// the bucket is from those of the same slot before.
func (r *Rule) season(s *State, o Observation, stale bool) (float64, Judgement) {
	p := s.Past
	start, slot := r.bucketOf(o.Event)
	if len(p.Pieces) > 0 && start < p.Pieces[0].At || stale && len(p.Pieces) > 0 && start != p.Pieces[0].At {
		return math.NaN(), Judgement{} // of a bucket that is closed
	}
	closed, j := r.roll(p, start, o.Limits)
	if !math.IsNaN(o.Value) {
		p.add(start, o)
	}
	if r.total() && r.Below {
		return closed, j
	}
	x := p.measure(r.Measure)
	v := r.distance(p, slot, x)
	now := r.Judge(v, o.Limits)
	if r.total() { // what is unfinished is not low
		for level := range now {
			if now[level] < 0 {
				now[level] = j[level]
			}
		}
	}
	return v, now
}

// roll closes the buckets before start and judges the last of them.
func (r *Rule) roll(p *Past, start int64, limits [4]float64) (float64, Judgement) {
	v, j := math.NaN(), Judgement{}
	width, slots := r.bucket()
	for i := int64(0); len(p.Pieces) > 0 && p.Pieces[0].At < start; i++ {
		at := p.Pieces[0].At
		_, slot := r.bucketOf(at)
		x := p.measure(r.Measure)
		v = r.distance(p, slot, x)
		j = r.Judge(v, limits)
		if p.Slots == nil {
			p.Slots = make([][]float32, slots)
		}
		if !math.IsNaN(x) {
			list := append(p.Slots[slot], float32(x))
			p.Slots[slot], p.Rolled = list[max(0, len(list)-r.Weeks):], true
		}
		next := at + width
		switch {
		case !r.total(), i > slots*int64(r.Weeks): // a gap is unknown, or too long to tell
			p.Pieces = nil
		case next < start:
			p.Pieces = []piece{{At: next}} // nothing came: that is a value
		default:
			p.Pieces = nil
		}
	}
	return v, j
}

// distance is how many deviations x lies from the median of its slot: the median
// absolute deviation times 1.4826, which is the standard deviation of normal
// values (Rousseeuw and Croux 1993), and at least Floor.
func (r *Rule) distance(p *Past, slot int64, x float64) float64 {
	if p.Slots == nil || len(p.Slots[slot]) < r.Least || math.IsNaN(x) {
		return math.NaN()
	}
	usual, spread := robust(p.Slots[slot])
	return (x - usual) / max(spread, r.Floor)
}

func robust(list []float32) (median, deviation float64) {
	sorted := make([]float64, len(list))
	for i, v := range list {
		sorted[i] = float64(v)
	}
	median = middle(sorted)
	for i := range sorted {
		sorted[i] = math.Abs(sorted[i] - median)
	}
	return median, 1.4826 * middle(sorted)
}

func middle(list []float64) float64 {
	slices.Sort(list)
	n := len(list)
	if n%2 == 1 {
		return list[n/2]
	}
	return (list[n/2-1] + list[n/2]) / 2
}

// expires is when a memory that only new values move has to be looked at all
// the same, in the time of arrival; 0 never.
func (r *Rule) expires(s *State) int64 {
	if s.Past == nil || len(s.Past.Pieces) == 0 || s.Arrived == 0 {
		return 0
	}
	on := s.Severity() != None
	switch {
	case r.Kind == Threshold && r.Window > 0 && r.total() && on:
		return s.Arrived + max(s.Past.Pieces[0].At+r.Window.Microseconds()-s.Event, 1)
	case r.Kind == Seasonal && r.total() && (on || r.Below):
		width, _ := r.bucket()
		return s.Arrived + max(s.Past.Pieces[0].At+width-s.Event, 1)
	}
	return 0
}

// forget moves the memory to a time without a value.
func (r *Rule) forget(s *State, event int64, limits [4]float64) (float64, Judgement) {
	if r.Kind == Seasonal {
		start, _ := r.bucketOf(event)
		v, j := r.roll(s.Past, start, limits)
		if len(s.Past.Pieces) == 0 && (r.Below || s.Severity() != None) {
			s.Past.Pieces = []piece{{At: start}} // the bucket that now runs, empty so far
		}
		s.Event, s.Arrived = max(s.Event, event), s.Arrived+max(0, event-s.Event)
		return v, j
	}
	s.Past.dropUntil(event - r.Window.Microseconds())
	v := s.Past.measure(r.Measure)
	return v, r.Judge(v, limits)
}

// EncodeSlots and DecodeSlots keep the seasonal memory small.
func (p *Past) EncodeSlots() []byte {
	var b []byte
	for _, list := range p.Slots {
		b = append(b, byte(len(list)))
		for _, v := range list {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return b
}

// DecodeSlots reads what EncodeSlots wrote; what is cut short stays empty.
func (p *Past) DecodeSlots(b []byte) {
	p.Slots = nil
	for len(b) > 0 {
		n := int(b[0])
		if len(b) < 1+4*n {
			return
		}
		list := make([]float32, n)
		for i := range list {
			list[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[1+4*i:]))
		}
		p.Slots, b = append(p.Slots, list), b[1+4*n:]
	}
}

// Learn takes a value that is no news: the past fills, and nothing is raised.
func (r *Rule) Learn(s *State, o Observation) {
	if r.Kind != Seasonal && r.Kind != Rate && (r.Kind != Threshold || r.Window == 0) || o.Event < s.Event {
		return
	}
	if s.Past == nil {
		s.Past = &Past{}
	}
	r.remember(s, o, false)
	s.Event = o.Event
}

// Clone copies the past, so that a step can be tried.
func (p *Past) Clone() *Past {
	c := &Past{Pieces: slices.Clone(p.Pieces), Rolled: p.Rolled}
	for _, list := range p.Slots {
		c.Slots = append(c.Slots, slices.Clone(list))
	}
	return c
}
