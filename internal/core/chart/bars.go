package chart

import (
	"math"
	"strconv"
	"time"
)

// Item is one line of a ranking.
type Item struct {
	Name     string
	V        float64
	OK       bool
	Severity string
	Href     string
}

// Ranking compares items by bars, with the target as a dark tick.
type Ranking struct {
	Head    string // what the items are
	Measure string // what the figure is
	Unit    string
	Items   []Item
	Target  *float64
	Columns int // the items stand in so many columns, down each first
}

// Height is how high the ranking must be drawn so that a line takes row units.
func (r *Ranking) Height(row float64) float64 {
	columns := max(1, r.Columns)
	return row * math.Ceil(float64(len(r.Items))/float64(columns))
}

// Draw puts the ranking on a canvas.
func (r *Ranking) Draw(c Canvas, f Frame) {
	if len(r.Items) == 0 {
		return
	}
	columns := max(1, r.Columns)
	rows := (len(r.Items) + columns - 1) / columns
	low, high := 0.0, 0.0
	for _, it := range r.Items {
		if it.OK {
			low, high = min(low, it.V), max(high, it.V)
		}
	}
	if r.Target != nil {
		high = max(high, *r.Target*1.02)
	}
	if r.Unit == "%" && low >= 0 && high > 60 && high <= 100.5 {
		high = 100
		lowest := high
		for _, it := range r.Items {
			if it.OK {
				lowest = min(lowest, it.V)
			}
		}
		if lowest > 80 { // shares near the whole differ in their last tenth
			low = 80
		}
	}
	if high == low {
		high = low + 1
	}
	gap := f.W * 0.035
	width := (f.W - gap*float64(columns-1)) / float64(columns)
	row := f.H / float64(rows)
	z := f.size()
	link, _ := c.(Linker)
	for i, it := range r.Items {
		left := float64(i/rows) * (width + gap)
		y := float64(i%rows) * row
		bar0, bar1 := left+width*0.31, left+width*0.86
		x := func(v float64) float64 { return bar0 + (bar1-bar0)*(v-low)/(high-low) }
		thick := min(z, row*0.6)
		mid := y + row/2
		text := f.word("chưa có", "none")
		if it.OK {
			text = Figure(f.Lang, it.V)
		}
		if link != nil {
			link.Begin("", it.Href)
		}
		name := it.Name
		if most := int(width * 0.3 / (z * 0.52)); len([]rune(name)) > most && most > 3 {
			name = string([]rune(name)[:most-1]) + "…"
		}
		c.Text(left, mid+z*0.36, name, Type{Size: z + 1, Ink: Ink1})
		if it.OK {
			_, fill, _ := severity(it.Severity)
			c.Rect(bar0, mid-thick/2, bar1-bar0, thick, Sunken)
			zero := x(max(low, min(0, high)))
			a, b := min(zero, x(it.V)), max(zero, x(it.V))
			c.Rect(max(a, bar0), mid-thick/2, min(b, bar1)-max(a, bar0), thick, fill)
		} else {
			c.Rect(bar0, mid-thick/2, bar1-bar0, thick, Hatch)
		}
		if r.Target != nil && *r.Target >= low {
			c.Line([]Point{{x(*r.Target), mid - thick/2 - 2}, {x(*r.Target), mid + thick/2 + 2}}, Stroke{Ink: Ink1, Width: 2})
		}
		ink, _, shape := severity(it.Severity)
		if shape != "" {
			text = shape + " " + text
		} else {
			ink = Ink1
		}
		c.Text(left+width, mid+z*0.36, text, Type{Size: z + 1, Ink: ink, Anchor: End, Figure: true})
		if link != nil {
			link.End()
		}
	}
}

func unitAfter(unit string) string {
	if unit == "" {
		return ""
	}
	return " " + unit
}

// Table gives the ranking as rows.
func (r *Ranking) Table(f Frame) Table {
	t := Table{Head: []string{r.Head, r.Measure}}
	if r.Unit != "" {
		t.Head[1] += " (" + r.Unit + ")"
	}
	for _, it := range r.Items {
		t.Rows = append(t.Rows, []Cell{{Text: it.Name}, f.figure(it.V, it.OK)})
	}
	return t
}

// Stack is one bar of parts that add up.
type Stack struct {
	Name  string
	Parts []float64 // one for each name of Stacked.Parts
}

// Stacked compares wholes and what they are made of; at most four parts.
type Stacked struct {
	Head  string
	Unit  string
	Parts []string
	Bars  []Stack
}

// Draw puts the bars on a canvas, the names of the parts above the first.
func (s *Stacked) Draw(c Canvas, f Frame) {
	if len(s.Bars) == 0 {
		return
	}
	z := f.size()
	inks := [...]Ink{Cat1, Cat2, Cat3, Cat4}
	most := 0.0
	for _, b := range s.Bars {
		most = max(most, total(b.Parts))
	}
	if most == 0 {
		most = 1
	}
	head := z * 1.9
	left := 0.0
	for i, p := range s.Parts {
		if i >= len(inks) {
			break
		}
		c.Rect(left, 2, z*0.8, z*0.8, inks[i])
		c.Text(left+z*1.2, z*0.9, p, Type{Size: z, Ink: Ink2})
		left += f.W / float64(min(len(inks), len(s.Parts)))
	}
	row := (f.H - head) / float64(len(s.Bars))
	bar0, bar1 := f.W*0.28, f.W*0.88
	for i, b := range s.Bars {
		mid := head + row*(float64(i)+0.5)
		thick := min(z*1.2, row*0.7)
		c.Text(0, mid+z*0.36, b.Name, Type{Size: z + 1, Ink: Ink1})
		x := bar0
		for k, v := range b.Parts {
			if k >= len(inks) || v <= 0 {
				continue
			}
			w := (bar1 - bar0) * v / most
			c.Rect(x, mid-thick/2, w, thick, inks[k])
			x += w
		}
		c.Text(f.W, mid+z*0.36, Figure(f.Lang, total(b.Parts)), Type{Size: z + 1, Ink: Ink1, Anchor: End, Figure: true})
	}
}

func total(parts []float64) (sum float64) {
	for _, p := range parts {
		sum += p
	}
	return sum
}

// Table gives the parts and their sum.
func (s *Stacked) Table(f Frame) Table {
	t := Table{Head: append(append([]string{s.Head}, s.Parts...), f.word("Tổng", "Total"))}
	for _, b := range s.Bars {
		row := []Cell{{Text: b.Name}}
		for _, v := range b.Parts {
			row = append(row, f.figure(v, true))
		}
		t.Rows = append(t.Rows, append(row, f.figure(total(b.Parts), true)))
	}
	return t
}

// Heat shows figures by day and hour: a row for each day, oldest on top.
type Heat struct {
	Days []time.Time // midnight of each day
	V    [][24]Sample
	Unit string
}

// Draw puts the strip on a canvas; an hour without a figure is hatched.
func (h *Heat) Draw(c Canvas, f Frame) {
	if len(h.Days) == 0 {
		return
	}
	z := f.size()
	low, high := h.extent()
	head := z * 1.6
	row := (f.H - head) / float64(len(h.Days))
	left := f.W * 0.1
	cell := (f.W - left) / 24
	for hour := 0; hour < 24; hour += 3 {
		c.Text(left+cell*float64(hour), z, strconv.Itoa(hour), Type{Size: z, Ink: Ink3, Figure: true})
	}
	c.Text(f.W, z, f.word("giờ", "h"), Type{Size: z, Ink: Ink3, Anchor: End})
	link, _ := c.(Linker)
	for i, d := range h.Days {
		y := head + row*float64(i)
		c.Text(0, y+row/2+z*0.36, f.in(d).Format("02/01"), Type{Size: z, Ink: Ink3, Figure: true})
		for hour, x := range h.V[i] {
			ink, text := Hatch, f.word("chưa có số liệu", "no figure")
			if x.OK {
				ink, text = River1+Ink(Class(x.V, low, high)-1), Figure(f.Lang, x.V)+unitAfter(h.Unit)
			}
			if link != nil {
				link.Begin(f.in(d).Format("02/01")+" "+strconv.Itoa(hour)+":00 · "+text, "")
			}
			c.Rect(left+cell*float64(hour), y+1, cell*0.94, max(1, row-2), ink)
			if link != nil {
				link.End()
			}
		}
	}
}

func (h *Heat) extent() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, hours := range h.V {
		for _, x := range hours {
			if x.OK {
				low, high = min(low, x.V), max(high, x.V)
			}
		}
	}
	if low > high {
		return 0, 1
	}
	return min(0, low), high
}

// Table gives a row for each day and a column for each hour.
func (h *Heat) Table(f Frame) Table {
	t := Table{Head: []string{f.word("Ngày", "Day")}}
	for hour := range 24 {
		t.Head = append(t.Head, strconv.Itoa(hour))
	}
	for i, d := range h.Days {
		row := []Cell{{Text: f.in(d).Format("02/01/2006")}}
		for _, x := range h.V[i] {
			row = append(row, f.figure(x.V, x.OK))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
