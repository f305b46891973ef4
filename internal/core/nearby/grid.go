package nearby

import (
	"math"
	"time"
)

// entry is a report as it is held: 32 bytes.
type entry struct {
	id             uint32
	x, y           int32  // 1e-7 degrees: about a centimetre
	opened, closed uint32 // seconds since 1970; closed 0 while open
	next           uint32 // the next of its cell, plus one; of a free slot: the next free one
	kind           uint16
	sketch         sketch
}

// cell is a square of about Metres by Metres within one period of time, so that
// an old and crowded place costs a question no more than a young one.
type cell struct {
	column, row int32
	period      int32
}

const (
	degree = 1e7                       // units of x and y
	radius = 6371008.8 * math.Pi / 180 // metres of a degree of latitude
	period = 30 * 24 * 60 * 60         // seconds
	narrow = 0.01                      // no cell is wider than at 89.4°
)

func fixed(degrees float64) int32 { return int32(math.Round(degrees * degree)) }

func seconds(t time.Time) uint32 {
	return uint32(min(max(t.Unix(), 0), math.MaxUint32))
}

func (x *Index) row(y float64) int32 { return int32(math.Floor(y * radius / x.o.Metres)) }

// column counts from Greenwich in cells as wide as the row needs.
func (x *Index) column(lon float64, row int32) int32 {
	middle := (float64(row) + 0.5) * x.o.Metres / radius
	return int32(math.Floor(lon * radius * max(narrow, math.Cos(middle*math.Pi/180)) / x.o.Metres))
}

func (x *Index) cellOf(e *entry) cell {
	row := x.row(float64(e.y) / degree)
	return cell{column: x.column(float64(e.x)/degree, row), row: row, period: int32(e.opened / period)}
}

// scene is what lies around a report in place and time.
type scene struct {
	x, y    float64 // degrees
	shrink  float64 // of a degree of longitude
	opened  uint32
	entries []uint32
	crowds  map[[2]int32]bool
	here    bool // the report itself lies on a default point
}

func (s *scene) metres(e *entry) float64 {
	return radius * math.Hypot((float64(e.x)/degree-s.x)*s.shrink, float64(e.y)/degree-s.y)
}

func (s *scene) crowded(e *entry) bool { return s.crowds[[2]int32{e.x, e.y}] }

// around gathers the entries of the cells within reach, opened within Days
// before r and not r itself, and the default points among their places.
func (x *Index) around(r Report) *scene {
	s := &scene{x: float64(fixed(r.Longitude)) / degree, y: float64(fixed(r.Latitude)) / degree, opened: seconds(r.Opened)}
	s.shrink = max(narrow, math.Cos(s.y*math.Pi/180))
	reach := x.o.Metres / radius * 1.001 // what rounding may take
	oldest := uint32(max(0, float64(s.opened)-x.o.Days*86400))
	points := map[[2]int32]int{}
	own, onOwn := [2]int32{fixed(r.Longitude), fixed(r.Latitude)}, 0 // counted apart: thousands may lie there
	for row := x.row(s.y - reach); row <= x.row(s.y+reach); row++ {
		for column := x.column(s.x-reach/s.shrink, row); column <= x.column(s.x+reach/s.shrink, row); column++ {
			for p := int32(oldest / period); p <= int32(s.opened/period); p++ {
				for n := x.cells[cell{column, row, p}]; n != 0; {
					e := x.store.at(n - 1)
					if e.opened >= oldest && e.opened <= s.opened && e.id != r.ID {
						s.entries = append(s.entries, n-1)
						if p := ([2]int32{e.x, e.y}); p == own {
							onOwn++
						} else {
							points[p]++
						}
					}
					n = e.next
				}
			}
		}
	}
	points[own] = onOwn
	s.crowds = map[[2]int32]bool{}
	for p, n := range points {
		if n > x.o.Crowd {
			s.crowds[p] = true
		}
	}
	s.here = s.crowds[own]
	return s
}

// page is how many entries are allocated at once: growing copies nothing.
const page = 1 << 14

// slots keeps entries in pages, and finds them by ID in an open table.
type slots struct {
	pages []*[page]entry
	used  uint32 // slots ever used
	free  uint32 // the first free slot below used, plus one
	count int
	table []uint32 // slot plus one, by the hash of its ID; a power of two long
}

func (s *slots) at(n uint32) *entry { return &s.pages[n/page][n%page] }

// spot is where an ID is looked for first.
func (s *slots) spot(id uint32) uint32 {
	h := id * 0x9E3779B1
	return (h ^ h>>15) & uint32(len(s.table)-1)
}

func (s *slots) find(id uint32) (uint32, bool) {
	if len(s.table) == 0 {
		return 0, false
	}
	for i := s.spot(id); s.table[i] != 0; i = (i + 1) & uint32(len(s.table)-1) {
		if n := s.table[i] - 1; s.at(n).id == id {
			return n, true
		}
	}
	return 0, false
}

func (s *slots) add(e entry) uint32 {
	if (s.count+1)*5 > len(s.table)*4 {
		old := s.table
		s.table = make([]uint32, max(16, len(old)*2))
		for _, n := range old {
			if n != 0 {
				s.enter(n - 1)
			}
		}
	}
	n := s.used
	if s.free != 0 {
		n = s.free - 1
		s.free = s.at(n).next
	} else {
		if n%page == 0 {
			s.pages = append(s.pages, new([page]entry))
		}
		s.used++
	}
	*s.at(n) = e
	s.enter(n)
	s.count++
	return n
}

func (s *slots) enter(n uint32) {
	i := s.spot(s.at(n).id)
	for s.table[i] != 0 {
		i = (i + 1) & uint32(len(s.table)-1)
	}
	s.table[i] = n + 1
}

// drop frees a slot and closes the gap that it leaves in the table.
func (s *slots) drop(n uint32) {
	mask := uint32(len(s.table) - 1)
	gap := s.spot(s.at(n).id)
	for s.table[gap] != n+1 {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; s.table[i] != 0; i = (i + 1) & mask {
		// What may not lie before its spot stays.
		if want := s.spot(s.at(s.table[i] - 1).id); (i-want)&mask >= (i-gap)&mask {
			s.table[gap] = s.table[i]
			gap = i
		}
	}
	s.table[gap] = 0
	*s.at(n) = entry{next: s.free}
	s.free = n + 1
	s.count--
}
