package geom

import (
	"math"
	"sort"
)

// Area is a named polygon or multipolygon.
type Area struct{ Code, Geometry string }

// AreaIndex finds the area that a point lies in. It is immutable and safe for
// concurrent use. It keeps about 100 bytes for each vertex.
//
// The rule is even-odd over all rings of an area, half-open: a point on a left
// or lower border is inside, on a right or upper one outside, so that of two
// areas that share a border (the same vertices) exactly one holds a point on
// it. Signs are computed exactly. Where areas overlap the lower code wins.
type AreaIndex struct {
	codes  []string
	edges  []edge
	strips []int32 // strip i holds groups[strips[i]:strips[i+1]]
	groups []group // by strip, then by area
	refs   []int32 // edges by group
	south  float64
	scale  float64 // strips per degree
}

// edge runs upwards, y1 < y2, whichever way the ring went: both neighbours of a
// border compute the same.
type edge struct {
	x1, y1, x2, y2 float64
	area           int32
}

// group is what one area has in one strip: refs[from:to], which lie in [west, east].
type group struct {
	west, east float64
	area       int32
	from, to   int32
}

// NewAreaIndex builds an index. Parts of a geometry that are not polygons, and
// malformed geometries, hold no point.
func NewAreaIndex(areas []Area) *AreaIndex {
	sorted := append([]Area(nil), areas...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Code < sorted[j].Code })
	x := &AreaIndex{south: math.Inf(1)}
	north := math.Inf(-1)
	for i, a := range sorted {
		x.codes = append(x.codes, a.Code)
		if !eachPart(a.Geometry, nil) {
			continue
		}
		eachPart(a.Geometry, func(p part) bool {
			if p.kind != kindPolygon {
				return true
			}
			for _, pts := range p.runs {
				for k := 0; k+16 < len(pts); k += 16 {
					e := edge{f64(pts, k), f64(pts, k+8), f64(pts, k+16), f64(pts, k+24), int32(i)}
					if e.y1 == e.y2 {
						continue // a horizontal edge never crosses a parallel under the half-open rule
					}
					if e.y1 > e.y2 {
						e.x1, e.y1, e.x2, e.y2 = e.x2, e.y2, e.x1, e.y1
					}
					x.south, north = min(x.south, e.y1), max(north, e.y2)
					x.edges = append(x.edges, e)
				}
			}
			return true
		})
	}
	if len(x.edges) == 0 {
		return x
	}
	x.layStrips(north)
	return x
}

// layStrips cuts the height into strips of about a dozen edge starts each and
// enters every edge in each strip that it passes. Long edges bound the number
// of strips, so that entries stay linear in the number of edges.
func (x *AreaIndex) layStrips(north float64) {
	n := min(max(len(x.edges)/12, 1), 1<<16)
	var total float64
	for _, e := range x.edges {
		total += e.y2 - e.y1
	}
	if height := north - x.south; total/height*float64(n) > float64(4*len(x.edges)) {
		n = max(int(4*float64(len(x.edges))*height/total), 1)
	}
	x.scale = float64(n) / (north - x.south)
	if math.IsInf(x.scale, 0) {
		n, x.scale = 1, 0
	}
	x.strips = make([]int32, n+1) // first of refs, then of groups
	for _, e := range x.edges {
		for s := x.strip(e.y1); s <= x.strip(e.y2); s++ {
			x.strips[s+1]++
		}
	}
	for i := range n {
		x.strips[i+1] += x.strips[i]
	}
	x.refs = make([]int32, x.strips[n])
	next := append([]int32(nil), x.strips[:n]...)
	for i, e := range x.edges { // edges are in order of area, so refs are too
		for s := x.strip(e.y1); s <= x.strip(e.y2); s++ {
			x.refs[next[s]] = int32(i)
			next[s]++
		}
	}
	for s := range n {
		from, to := x.strips[s], x.strips[s+1]
		x.strips[s] = int32(len(x.groups))
		for i := from; i < to; i++ {
			e := &x.edges[x.refs[i]]
			if i == from || e.area != x.groups[len(x.groups)-1].area {
				x.groups = append(x.groups, group{math.Inf(1), math.Inf(-1), e.area, i, i})
			}
			g := &x.groups[len(x.groups)-1]
			g.west, g.east, g.to = min(g.west, e.x1, e.x2), max(g.east, e.x1, e.x2), i+1
		}
	}
	x.strips[n] = int32(len(x.groups))
}

func (x *AreaIndex) strip(y float64) int {
	return min(max(int((y-x.south)*x.scale), 0), len(x.strips)-2)
}

// Find returns the code of the area that holds the point.
func (x *AreaIndex) Find(lon, lat float64) (code string, ok bool) {
	if len(x.edges) == 0 || !(lat >= x.south) || !finite(lon) {
		return "", false
	}
	s := x.strip(lat)
	for _, g := range x.groups[x.strips[s]:x.strips[s+1]] {
		if lon < g.west || lon >= g.east {
			continue // all edges of a closed ring to one side: an even number is crossed
		}
		inside := false
		for _, r := range x.refs[g.from:g.to] {
			if crosses(&x.edges[r], lon, lat) {
				inside = !inside
			}
		}
		if inside {
			return x.codes[g.area], true
		}
	}
	return "", false
}

// crosses tells whether the ray from the point to the east crosses the edge.
func crosses(e *edge, lon, lat float64) bool {
	if lat < e.y1 || lat >= e.y2 || lon >= e.x1 && lon >= e.x2 {
		return false
	}
	if lon < e.x1 && lon < e.x2 {
		return true
	}
	return side(lon, lat, e.x1, e.y1, e.x2, e.y2) > 0
}
