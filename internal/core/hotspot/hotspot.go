// Package hotspot finds where and when reports gather: cells of a hexagonal grid
// that hold more than chance, given how uneven the whole is; places that come
// back again and again; hours, weekdays and months that are busier. Nothing here
// depends on the order of the events.
package hotspot

import (
	"cmp"
	"math"
	"slices"
	"time"

	"huong.city/huong/internal/core/problem"
)

// Event is one report.
type Event struct {
	Longitude, Latitude float64
	At                  time.Time
}

// Options say how hot spots are looked for.
type Options struct {
	// Metres between the middles of neighbouring cells.
	Metres float64
	// Inside tells of which places the study area is made; nil: the rectangle
	// around all events. A cell belongs to it by its middle, or by an event in it.
	Inside func(longitude, latitude float64) bool
	// FalseShare is the share of hot cells that may be chance, on average.
	FalseShare float64
	// CrowdLeast and CrowdShare: one very point that holds more events than both
	// the number and this share of all is a default point, where software puts
	// what it cannot place. It is set aside and named.
	CrowdLeast int
	CrowdShare float64
}

// Defaults suit a city: cells of 250 m, one hot cell in twenty by chance.
func Defaults() Options {
	return Options{Metres: 250, FalseShare: 0.05, CrowdLeast: 50, CrowdShare: 0.002}
}

// MaxCells bounds the study area.
const MaxCells = 1_000_000

// Point is a place with how many events lie on it.
type Point struct {
	Longitude, Latitude float64
	Events              int
}

// Cell is a cell of the study area.
type Cell struct {
	Longitude, Latitude float64 // of its middle
	Events              int
	Around              int     // events in it and its neighbours
	Expected            float64 // of Around, were all cells alike
	Z                   float64 // Gi*
	P                   float64 // see Find
	Hot                 bool

	column, row int
}

// Spot is a group of hot cells that touch.
type Spot struct {
	Longitude, Latitude float64 // the mean of its events
	Events              int
	Z                   float64 // the highest of its cells
	Cells               []Cell  // the highest first
	First, Last         time.Time
}

// Result is what Find found.
type Result struct {
	Spots     []Spot  // the most events first
	Cells     []Cell  // of the whole area, by row and column
	Defaults  []Point // set aside, the most events first
	Used      int     // events that were counted
	Placeless int
}

const (
	unit   = 1e-7                      // degrees: one point is one point to a centimetre
	degree = 6371008.8 * math.Pi / 180 // metres
)

// at is an event on the lattice of whole units: sums of it are exact in any order.
type at struct {
	x, y int32
	when int64
}

func placed(e Event) bool { return math.Abs(e.Longitude) <= 180 && math.Abs(e.Latitude) < 89 }

// sift returns the events that have a place and lie on no default point.
func sift(events []Event, crowdLeast int, crowdShare float64) (kept []at, defaults []Point, placeless int) {
	kept = make([]at, 0, len(events))
	for _, e := range events {
		if placed(e) {
			kept = append(kept, at{int32(math.Round(e.Longitude / unit)), int32(math.Round(e.Latitude / unit)), e.At.UnixMicro()})
		}
	}
	placeless = len(events) - len(kept)
	slices.SortFunc(kept, func(a, b at) int {
		return cmp.Or(cmp.Compare(a.y, b.y), cmp.Compare(a.x, b.x), cmp.Compare(a.when, b.when))
	})
	limit := max(crowdLeast, int(crowdShare*float64(len(kept))))
	n := 0
	for i := 0; i < len(kept); {
		j := i
		for j < len(kept) && kept[j].x == kept[i].x && kept[j].y == kept[i].y {
			j++
		}
		if j-i > limit {
			defaults = append(defaults, Point{float64(kept[i].x) * unit, float64(kept[i].y) * unit, j - i})
		} else {
			n += copy(kept[n:], kept[i:j])
		}
		i = j
	}
	slices.SortStableFunc(defaults, func(a, b Point) int { return cmp.Compare(b.Events, a.Events) })
	return kept[:n], defaults, placeless
}

// Find counts the events of each cell and says which cells are hot.
//
// Z is Gi* (Getis and Ord 1992, in the form of Ord and Getis 1995) with weight 1
// for a cell itself and its neighbours: how many deviations Around lies above
// what cells as uneven as these would give anywhere. Its law is normal only where
// cells hold many events, so that P is the greater of two tails: the normal one
// of Z, and the binomial one of Around when each event falls into any cell alike,
// which holds for few events too. A cell is hot when P passes the procedure of
// Benjamini and Hochberg (1995) over all cells.
//
// Invalid when the area would have more than MaxCells cells.
func Find(events []Event, o Options) (*Result, error) {
	kept, defaults, placeless := sift(events, o.CrowdLeast, o.CrowdShare)
	res := &Result{Defaults: defaults, Used: len(kept), Placeless: placeless}
	if len(kept) == 0 {
		return res, nil
	}
	g, err := gridOver(kept, o.Metres)
	if err != nil {
		return nil, err
	}
	cellOf := make([]int, len(kept))
	counts := make([]int, g.columns*g.rows)
	for i, e := range kept {
		cellOf[i] = g.cell(e)
		counts[cellOf[i]]++
	}
	whole := 0                        // middles inside: what the area measures in cells, those cut by its border included
	index := make([]int, len(counts)) // of a cell of the area in res.Cells, plus one
	for n, c := range counts {
		column, row := n%g.columns, n/g.columns
		lon, lat := g.middle(column, row)
		inside := g.holds(lon, lat)
		if o.Inside != nil {
			inside = o.Inside(lon, lat)
		}
		if inside {
			whole++
		}
		if c > 0 || inside {
			res.Cells = append(res.Cells, Cell{Longitude: lon, Latitude: lat, Events: c, column: column, row: row})
			index[n] = len(res.Cells)
		}
	}
	near := func(i int) []int {
		c := res.Cells[i]
		out := []int{i}
		for _, n := range g.neighbours(c.column, c.row) {
			if index[n] > 0 {
				out = append(out, index[n]-1)
			}
		}
		return out
	}
	in := make([]float64, len(res.Cells))
	for i, c := range res.Cells {
		in[i] = float64(c.Events)
	}
	z := GetisOrd(in, near)
	for i := range res.Cells {
		c := &res.Cells[i]
		members := near(i)
		for _, j := range members {
			c.Around += res.Cells[j].Events
		}
		share := min(1, float64(len(members))/float64(max(1, whole)))
		c.Expected = share * float64(len(kept))
		c.Z = z[i]
		c.P = max(normalTail(c.Z), binomialTail(len(kept), share, c.Around))
	}
	discover(res.Cells, o.FalseShare)
	res.Spots = gather(res.Cells, near, kept, cellOf, index)
	return res, nil
}

// GetisOrd returns Gi* for values x of places of which near names those within
// reach, i itself among them, each with weight 1:
//
//	Gi* = (Σj∈near(i) xj − W x̄) / (s √((nW − W²)/(n−1))),  s² = Σ xj²/n − x̄²
//
// It is 0 where all values are equal or everything is near.
func GetisOrd(x []float64, near func(i int) []int) []float64 {
	n := float64(len(x))
	var sum, squares float64
	for _, v := range x {
		sum, squares = sum+v, squares+v*v
	}
	mean := sum / n
	variance := squares/n - mean*mean
	z := make([]float64, len(x))
	for i := range x {
		members := near(i)
		w := float64(len(members))
		local := 0.0
		for _, j := range members {
			local += x[j]
		}
		if spread := variance * (n*w - w*w) / (n - 1); spread > 1e-12 {
			z[i] = (local - w*mean) / math.Sqrt(spread)
		}
	}
	return z
}

// discover marks the cells that the procedure of Benjamini and Hochberg finds.
func discover(cells []Cell, q float64) {
	sorted := make([]float64, len(cells))
	for i, c := range cells {
		sorted[i] = c.P
	}
	slices.Sort(sorted)
	limit := -1.0
	for i, p := range sorted {
		if p <= q*float64(i+1)/float64(len(sorted)) {
			limit = p
		}
	}
	for i := range cells {
		cells[i].Hot = cells[i].P <= limit
	}
}

// gather joins hot cells that touch into spots.
func gather(cells []Cell, near func(int) []int, kept []at, cellOf, index []int) []Spot {
	spotOf := make([]int, len(cells)) // plus one
	var spots []Spot
	for i := range cells {
		if !cells[i].Hot || spotOf[i] > 0 {
			continue
		}
		spots = append(spots, Spot{Z: math.Inf(-1)})
		s := &spots[len(spots)-1]
		spotOf[i] = len(spots)
		for queue := []int{i}; len(queue) > 0; queue = queue[1:] {
			c := cells[queue[0]]
			s.Cells = append(s.Cells, c)
			s.Events += c.Events
			s.Z = max(s.Z, c.Z)
			for _, j := range near(queue[0]) {
				if cells[j].Hot && spotOf[j] == 0 {
					spotOf[j] = len(spots)
					queue = append(queue, j)
				}
			}
		}
	}
	sums := make([][2]int64, len(spots))
	times := make([][2]int64, len(spots))
	for i, e := range kept {
		n := spotOf[index[cellOf[i]]-1] - 1
		if n < 0 {
			continue
		}
		sums[n][0] += int64(e.x)
		sums[n][1] += int64(e.y)
		if spots[n].First.IsZero() || e.when < times[n][0] {
			times[n][0], spots[n].First = e.when, time.UnixMicro(e.when).UTC()
		}
		if spots[n].Last.IsZero() || e.when > times[n][1] {
			times[n][1], spots[n].Last = e.when, time.UnixMicro(e.when).UTC()
		}
	}
	for n := range spots {
		s := &spots[n]
		slices.SortStableFunc(s.Cells, func(a, b Cell) int { return cmp.Compare(b.Z, a.Z) })
		if s.Events == 0 { // its neighbours made it hot
			s.Longitude, s.Latitude = s.Cells[0].Longitude, s.Cells[0].Latitude
			continue
		}
		s.Longitude, s.Latitude = float64(sums[n][0])/float64(s.Events)*unit, float64(sums[n][1])/float64(s.Events)*unit
	}
	slices.SortStableFunc(spots, func(a, b Spot) int { return cmp.Compare(b.Events, a.Events) })
	return spots
}

// grid is of hexagons standing on a corner, odd rows half a cell to the east,
// over an equirectangular projection about the middle of the events: lengths are
// off by less than 1 % within 100 km.
type grid struct {
	west, south   float64 // degrees, of the middle of the first cell
	east, north   float64 // of the easternmost and the northernmost event
	shrink        float64 // of a degree of longitude
	metres, pitch float64 // between columns and between rows
	columns, rows int
}

func gridOver(kept []at, metres float64) (grid, error) {
	low, high := kept[0], kept[0]
	for _, e := range kept {
		low.x, low.y = min(low.x, e.x), min(low.y, e.y)
		high.x, high.y = max(high.x, e.x), max(high.y, e.y)
	}
	g := grid{metres: metres, pitch: metres * math.Sqrt(3) / 2}
	g.shrink = math.Cos((float64(low.y) + float64(high.y)) / 2 * unit * math.Pi / 180)
	g.west, g.south = float64(low.x)*unit, float64(low.y)*unit
	g.east, g.north = float64(high.x)*unit, float64(high.y)*unit
	across := (float64(high.x)-float64(low.x))*unit*degree*g.shrink/metres + 2
	up := (float64(high.y)-float64(low.y))*unit*degree/g.pitch + 2
	if metres <= 0 || !(across*up <= MaxCells) {
		return g, problem.New(problem.Invalid, "hotspot-cells", "limit", MaxCells)
	}
	g.columns, g.rows = int(across), int(up)
	return g, nil
}

// cell is the cell whose middle is nearest; of equally near ones the first.
func (g grid) cell(e at) int {
	x := (float64(e.x)*unit - g.west) * degree * g.shrink
	y := (float64(e.y)*unit - g.south) * degree
	best, found := math.Inf(1), 0
	base := int(y / g.pitch)
	for row := max(0, base-1); row <= min(g.rows-1, base+1); row++ {
		east := float64(row%2) / 2
		column := min(g.columns-1, max(0, int(math.Round(x/g.metres-east))))
		if d := math.Hypot(x-(float64(column)+east)*g.metres, y-float64(row)*g.pitch); d < best {
			best, found = d, row*g.columns+column
		}
	}
	return found
}

func (g grid) middle(column, row int) (lon, lat float64) {
	x := (float64(column) + float64(row%2)/2) * g.metres
	return g.west + x/degree/g.shrink, g.south + float64(row)*g.pitch/degree
}

// holds tells whether a place is in the rectangle around all events.
func (g grid) holds(lon, lat float64) bool {
	return lon >= g.west && lon <= g.east && lat >= g.south && lat <= g.north
}

func (g grid) neighbours(column, row int) []int {
	shift := row % 2
	out := make([]int, 0, 6)
	for _, d := range [6][2]int{{-1, 0}, {1, 0}, {shift - 1, -1}, {shift, -1}, {shift - 1, 1}, {shift, 1}} {
		if c, r := column+d[0], row+d[1]; c >= 0 && c < g.columns && r >= 0 && r < g.rows {
			out = append(out, r*g.columns+c)
		}
	}
	return out
}
