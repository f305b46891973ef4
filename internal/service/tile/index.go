// Package tile holds the places of one layer of a map in memory and cuts what a
// view of the map needs out of them: single marks, clusters that carry the worst
// severity and the count, Mapbox Vector Tiles (specification 2.1). It reads no
// repository: who may see which place is decided before a place comes here.
package tile

import (
	"cmp"
	"math"
	"slices"
)

// Severity of a mark, the higher the worse.
const (
	None uint8 = iota
	Low
	Medium
	High
)

// Point is one mark of a layer.
type Point struct {
	Lon, Lat float64 // WGS 84, degrees
	Severity uint8
	Count    int64  // records that stand behind it, at least 1
	At       int64  // time of the event in µs since 1970; 0 when it has none
	Key      string // tells it from the other points of its layer
	Label    string // what it is called, for a reader who may know
	Href     string // the page of what it stands for; empty when there is none
	// Area is the code of the area that the mark stands for, where the place
	// itself is unknown or hidden from the reader; empty for a place of its own.
	Area string
}

// Mark is a point, or several that lie too close together to be told apart.
type Mark struct {
	Lon, Lat float64
	Count    int64  // records
	Severity uint8  // the worst of them
	Point    *Point // nil for several
}

// Box bounds a view in degrees. West is greater than East where it crosses the
// antimeridian.
type Box struct{ West, South, East, North float64 }

func (b Box) holds(lon, lat float64) bool {
	if lat < b.South || lat > b.North {
		return false
	}
	if b.West <= b.East {
		return lon >= b.West && lon <= b.East
	}
	return lon >= b.West || lon <= b.East
}

// Index holds points in Morton order of the Web Mercator square, so that every
// tile and every cell of a tile is one run of them, and running sums tell its
// count, its middle and its worst severity without a look at the points. It does
// not change after Build and is safe for concurrent use.
type Index struct {
	points []Point
	codes  []uint64
	sums   []sum // of the points before; one more than there are points
	tiles  tiles
}

type sum struct {
	x, y  float64
	count int64
	grave [3]int32 // points by severity from Low
}

// Build copies the points. Those outside the square that Web Mercator shows
// are set on its edge.
func Build(points []Point) *Index {
	type placed struct {
		code uint64
		at   int
	}
	order := make([]placed, len(points))
	for i := range points {
		px, py := mercator(points[i].Lon, points[i].Lat)
		order[i] = placed{morton(px, py), i}
	}
	slices.SortFunc(order, func(a, b placed) int { return cmp.Or(cmp.Compare(a.code, b.code), a.at-b.at) })
	x := &Index{points: make([]Point, len(points)), codes: make([]uint64, len(points)), sums: make([]sum, len(points)+1)}
	for i, o := range order {
		p := points[o.at]
		px, py := mercator(p.Lon, p.Lat)
		x.points[i], x.codes[i] = p, o.code
		s := x.sums[i]
		s.x, s.y, s.count = s.x+px, s.y+py, s.count+p.Count
		if p.Severity > None && p.Severity <= High {
			s.grave[p.Severity-Low]++
		}
		x.sums[i+1] = s
	}
	return x
}

// Len is the number of points.
func (x *Index) Len() int { return len(x.points) }

// Points are all points, in an order that depends on their places alone. They
// are the index's: not to be changed.
func (x *Index) Points() []Point { return x.points }

// Within tells the points of a box, by Points' order.
func (x *Index) Within(b Box, fn func(*Point)) {
	for i := range x.points {
		if p := &x.points[i]; b.holds(p.Lon, p.Lat) {
			fn(p)
		}
	}
}

// Clusters joins the points that share a cell of the grid of a zoom level (cells
// of 2^-zoom of the earth's circumference). Every point stands in exactly one
// mark.
func (x *Index) Clusters(zoom int) []Mark {
	var list []Mark
	x.walk(run{0, len(x.points)}, cell{}, zoom, func(r run) { list = append(list, x.mark(r)) })
	return list
}

// run is points from lo to before hi.
type run struct{ lo, hi int }

// cell is a tile of the quadtree: prefix is its Morton code, zoom bits of each.
type cell struct {
	prefix uint64
	zoom   int
}

const (
	// deepest is the zoom at which a cell has the size of the codes' own grid.
	deepest = 32
	// finest is the deepest zoom of a cell: points closer than two centimetres
	// are one mark of a cluster.
	finest = deepest - 1
)

func (c cell) next() cell { return cell{c.prefix + 1, c.zoom} }

// from is the smallest code in the cell; ok is false past the last of all.
func (c cell) from() (code uint64, ok bool) {
	if c.prefix>>(2*c.zoom) != 0 {
		return 0, false
	}
	return c.prefix << (2 * (deepest - c.zoom)), true
}

// within narrows a run to a cell.
func (x *Index) within(r run, c cell) run {
	find := func(c cell) int {
		code, ok := c.from()
		if !ok {
			return r.hi
		}
		i, _ := slices.BinarySearch(x.codes[r.lo:r.hi], code)
		return r.lo + i
	}
	return run{find(c), find(c.next())}
}

// walk tells the runs of the occupied cells of a zoom level below one cell; one
// of a single point is told as soon as it is alone.
func (x *Index) walk(r run, at cell, zoom int, fn func(run)) {
	switch {
	case r.lo == r.hi:
		return
	case at.zoom >= min(zoom, finest) || r.hi-r.lo == 1:
		fn(r)
		return
	}
	for quarter := range uint64(4) {
		c := cell{at.prefix<<2 | quarter, at.zoom + 1}
		x.walk(x.within(r, c), c, zoom, fn)
	}
}

// mark joins a run.
func (x *Index) mark(r run) Mark {
	if r.hi-r.lo == 1 {
		p := &x.points[r.lo]
		return Mark{Lon: p.Lon, Lat: p.Lat, Count: p.Count, Severity: p.Severity, Point: p}
	}
	a, b := x.sums[r.lo], x.sums[r.hi]
	n := float64(r.hi - r.lo)
	m := Mark{Count: b.count - a.count}
	m.Lon, m.Lat = degrees((b.x-a.x)/n, (b.y-a.y)/n)
	for s := High; s >= Low; s-- {
		if b.grave[s-Low] > a.grave[s-Low] {
			m.Severity = s
			break
		}
	}
	return m
}

// mercator projects to the unit square, north at 0 (EPSG:3857).
func mercator(lon, lat float64) (x, y float64) {
	s := math.Sin(lat * math.Pi / 180)
	x, y = lon/360+0.5, 0.5-math.Atanh(min(max(s, -0.9999999), 0.9999999))/(2*math.Pi)
	const last = 1 - 1.0/(1<<deepest)
	return min(max(x, 0), last), min(max(y, 0), last)
}

func degrees(x, y float64) (lon, lat float64) {
	return (x - 0.5) * 360, math.Atan(math.Sinh((0.5-y)*2*math.Pi)) * 180 / math.Pi
}

// morton interleaves the bits of both coordinates, y above x.
func morton(x, y float64) uint64 {
	return spread(uint32(x*(1<<deepest))) | spread(uint32(y*(1<<deepest)))<<1
}

func spread(v uint32) uint64 {
	s := uint64(v)
	for i, mask := range [...]uint64{0x0000FFFF0000FFFF, 0x00FF00FF00FF00FF, 0x0F0F0F0F0F0F0F0F, 0x3333333333333333, 0x5555555555555555} {
		s = (s | s<<(16>>i)) & mask
	}
	return s
}
