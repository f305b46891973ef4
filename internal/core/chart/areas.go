package chart

import "math"

// Area is one unit of a map, its rings on a flat sheet with y down.
type Area struct {
	Code, Name string
	Rings      [][]Point
	V          float64
	OK         bool
	Severity   string // of what is going on there; marked by its shape
	Href       string
}

// Choropleth colours areas by a figure in five steps.
type Choropleth struct {
	Head    string // what the areas are
	Measure string
	Unit    string
	Areas   []Area
}

// Top is the upper end of the scale, a round number.
func (m *Choropleth) Top() float64 {
	top := 0.0
	for _, a := range m.Areas {
		if a.OK {
			top = max(top, a.V)
		}
	}
	return RoundUp(top)
}

// Draw fits the areas into the frame. A canvas that can link carries each area's
// name, figure and address.
func (m *Choropleth) Draw(c Canvas, f Frame) {
	west, north, east, south := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, a := range m.Areas {
		for _, r := range a.Rings {
			for _, p := range r {
				west, north, east, south = min(west, p.X), min(north, p.Y), max(east, p.X), max(south, p.Y)
			}
		}
	}
	if east <= west || south <= north {
		return
	}
	pad := f.size() / 2
	k := min((f.W-2*pad)/(east-west), (f.H-2*pad)/(south-north))
	dx, dy := (f.W-k*(east-west))/2-k*west, (f.H-k*(south-north))/2-k*north
	place := func(p Point) Point { return Point{dx + k*p.X, dy + k*p.Y} }
	top := m.Top()
	link, _ := c.(Linker)
	for _, a := range m.Areas {
		ink, text := Hatch, f.word("chưa có số liệu", "no figure")
		if a.OK {
			ink, text = River1+Ink(Class(a.V, 0, top)-1), Figure(f.Lang, a.V)+unitAfter(m.Unit)
		}
		if link != nil {
			link.Begin(a.Name+": "+text, a.Href)
		}
		rings := make([][]Point, len(a.Rings))
		for i, r := range a.Rings {
			rings[i] = make([]Point, len(r))
			for j, p := range r {
				rings[i][j] = place(p)
			}
		}
		c.Polygon(rings, ink, Stroke{Ink: Surface, Width: 1.2})
		if link != nil {
			link.End()
		}
	}
	for _, a := range m.Areas {
		if a.Severity != "" && len(a.Rings) > 0 {
			_, fill, _ := severity(a.Severity)
			c.Polygon([][]Point{shapeAt(place(centre(a.Rings)), f.size()*0.85, a.Severity)}, fill, Stroke{Ink: Surface, Width: 2})
		}
	}
}

// centre is the centroid of the largest ring.
func centre(rings [][]Point) Point {
	var best Point
	most := -1.0
	for _, r := range rings {
		var sum, x, y float64
		for i := range r {
			p, q := r[i], r[(i+1)%len(r)]
			w := p.X*q.Y - q.X*p.Y
			sum, x, y = sum+w, x+(p.X+q.X)*w, y+(p.Y+q.Y)*w
		}
		if a := math.Abs(sum); a > most && a > 0 {
			most, best = a, Point{x / (3 * sum), y / (3 * sum)}
		}
	}
	return best
}

// shapeAt is the outline of a severity's shape.
func shapeAt(p Point, r float64, word string) []Point {
	switch word {
	case "high":
		return []Point{{p.X, p.Y - r}, {p.X + r, p.Y}, {p.X, p.Y + r}, {p.X - r, p.Y}}
	case "medium":
		return []Point{{p.X, p.Y - r}, {p.X + r, p.Y + r*0.75}, {p.X - r, p.Y + r*0.75}}
	}
	r *= 0.75
	return []Point{{p.X - r, p.Y - r}, {p.X + r, p.Y - r}, {p.X + r, p.Y + r}, {p.X - r, p.Y + r}}
}

// Table gives the figure of each area.
func (m *Choropleth) Table(f Frame) Table {
	t := Table{Head: []string{m.Head, m.Measure}}
	if m.Unit != "" {
		t.Head[1] += " (" + m.Unit + ")"
	}
	for _, a := range m.Areas {
		t.Rows = append(t.Rows, []Cell{{Text: a.Name}, f.figure(a.V, a.OK)})
	}
	return t
}
