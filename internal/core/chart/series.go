package chart

import (
	"math"
	"time"
)

// Sample is one figure of a line; OK is false where there is none.
type Sample struct {
	At time.Time
	V  float64
	OK bool
}

// Line is one course of figures in the order of time.
type Line struct {
	Name    string
	Samples []Sample
}

// Limit is a value with a name that the reader compares with: a threshold of a
// severity ("high", "medium", "low"), or a target where Severity is empty.
type Limit struct {
	Value    float64
	Name     string
	Severity string
}

// Note is what happened at a moment: a change of stage, an incident. Severity
// may be empty.
type Note struct {
	At       time.Time
	Text     string
	Severity string
}

// Series is figures over time: at most four lines; more are the business of
// several charts.
type Series struct {
	From, Until time.Time
	Grain       time.Duration // distance between samples; a longer silence is hatched
	Unit        string
	Lines       []Line
	Compare     *Line // of another period, moved onto this one; drawn thin
	Limits      []Limit
	Notes       []Note
	Zero        bool // the scale begins at zero
	// Late is until when figures can be expected; time after it is not hatched.
	// Until when zero.
	Late time.Time
}

// plot is the room of the figures within a frame.
type plot struct {
	Frame
	left, right, top, bottom float64
	low, high                float64
	from                     time.Time
	span                     float64
}

func (p plot) x(t time.Time) float64 {
	return p.left + (p.right-p.left)*float64(t.Sub(p.from))/p.span
}

func (p plot) y(v float64) float64 { return p.bottom - (p.bottom-p.top)*(v-p.low)/(p.high-p.low) }

// extent is the lowest and highest of what is drawn.
func (s *Series) extent() (low, high float64, any bool) {
	low, high = math.Inf(1), math.Inf(-1)
	see := func(l *Line) {
		for _, x := range l.Samples {
			if x.OK && !math.IsNaN(x.V) && !math.IsInf(x.V, 0) {
				low, high, any = min(low, x.V), max(high, x.V), true
			}
		}
	}
	for i := range s.Lines {
		see(&s.Lines[i])
	}
	if s.Compare != nil {
		see(s.Compare)
	}
	if !any {
		low, high = 0, 1
	}
	// A limit is shown when the figures come near it; one far away would press
	// them into a flat line.
	reach := max(high-low, math.Abs(high)*0.25)
	for _, l := range s.Limits {
		if l.Value <= high+reach && l.Value >= low-reach {
			low, high = min(low, l.Value), max(high, l.Value)
		}
	}
	if s.Zero {
		low, high = min(low, 0), max(high, 0)
	}
	return low, high, any
}

// Draw puts the series on a canvas.
func (s *Series) Draw(c Canvas, f Frame) {
	z := f.size()
	low, high, any := s.extent()
	ticks := Ticks(low, high, max(2, min(5, int(f.H/(z*4)))))
	p := plot{Frame: f, left: 0, right: f.W, top: z * 1.6, bottom: f.H - z*1.7, low: ticks[0], high: ticks[len(ticks)-1], from: s.From, span: math.Max(1, float64(s.Until.Sub(s.From)))}
	s.gaps(c, p)
	for i, t := range ticks {
		ink := Hairline
		if t == 0 || i == 0 {
			ink = Ink3
		}
		c.Line([]Point{{p.left, p.y(t)}, {p.right, p.y(t)}}, Stroke{Ink: ink, Width: 1})
	}
	last := math.Inf(-1)
	span := s.Until.Sub(s.From)
	for _, t := range f.timeTicks(s.From, s.Until, 6) {
		x := p.x(t)
		half := z * 1.6
		if x-half < p.left || x+half > p.right || x-half < last {
			continue
		}
		last = x + half
		c.Line([]Point{{x, p.bottom}, {x, p.bottom + 4}}, Stroke{Ink: Ink3, Width: 1})
		c.Text(x, f.H-z*0.3, f.moment(t, span), Type{Size: z, Ink: Ink3, Anchor: Middle, Figure: true})
	}
	s.limits(c, p)
	s.notes(c, p)
	if s.Compare != nil {
		s.course(c, p, s.Compare, Stroke{Ink: Ink3, Width: 1, Dash: true})
	}
	inks := [...]Ink{Cat1, Cat2, Cat3, Cat4}
	if len(s.Lines) == 1 {
		inks[0] = River5
	}
	for i := range s.Lines {
		if i < len(inks) {
			s.course(c, p, &s.Lines[i], Stroke{Ink: inks[i], Width: 1.75})
		}
	}
	for i, t := range ticks {
		if i > 0 {
			text := Decimal(f.Lang, t, 4)
			if i == len(ticks)-1 && s.Unit != "" {
				text += " " + s.Unit
			}
			c.Text(p.left, p.y(t)-3, text, Type{Size: z, Ink: Ink3, Figure: true})
		}
	}
	s.labels(c, p, inks[:])
	if !any {
		c.Text(f.W/2, f.H/2, f.word("Chưa có số liệu trong khoảng này", "No figures in this period"), Type{Size: z + 1, Ink: Ink2, Anchor: Middle})
	}
}

// course draws one line, broken where a figure is missing. Of a long line the
// extremes of every column are kept.
func (s *Series) course(c Canvas, p plot, l *Line, k Stroke) {
	var run []Point
	flush := func() {
		if len(run) == 1 {
			c.Line([]Point{run[0], run[0]}, Stroke{Ink: k.Ink, Width: k.Width + 2, Round: true})
		}
		if len(run) > 1 {
			c.Line(Decimate(run, p.left, p.right, max(1, int(p.right-p.left))), k)
		}
		run = nil
	}
	var before time.Time
	for _, x := range l.Samples {
		if !x.OK || x.At.Before(s.From) || x.At.After(s.Until) || math.IsNaN(x.V) || math.IsInf(x.V, 0) {
			if !x.OK {
				flush()
			}
			continue
		}
		if s.Grain > 0 && !before.IsZero() && x.At.Sub(before) > s.Grain*5/2 {
			flush()
		}
		run = append(run, Point{p.x(x.At), p.y(x.V)})
		before = x.At
	}
	flush()
}

// silences are the times within the series in which no line has a figure.
func (s *Series) silences() [][2]time.Time {
	if s.Grain <= 0 || len(s.Lines) == 0 {
		return nil
	}
	late := s.Late
	if late.IsZero() {
		late = s.Until
	}
	var list [][2]time.Time
	at := s.From
	begun := false
	cursors := make([]int, len(s.Lines))
	for {
		// the next figure of any line
		best := -1
		for i := range s.Lines {
			l := s.Lines[i].Samples
			for cursors[i] < len(l) && (!l[cursors[i]].OK || l[cursors[i]].At.Before(s.From)) {
				cursors[i]++
			}
			if cursors[i] < len(l) && (best < 0 || l[cursors[i]].At.Before(s.Lines[best].Samples[cursors[best]].At)) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		t := s.Lines[best].Samples[cursors[best]].At
		cursors[best]++
		if t.After(s.Until) {
			continue
		}
		wait := s.Grain * 5 / 2
		if t.Sub(at) > wait {
			from := at
			if begun {
				from = at.Add(s.Grain)
			}
			list = append(list, [2]time.Time{from, t})
		}
		at, begun = t, true
	}
	if late.Sub(at) > s.Grain*5/2 {
		from := at
		if begun {
			from = at.Add(s.Grain)
		}
		list = append(list, [2]time.Time{from, late})
	}
	return list
}

func (s *Series) gaps(c Canvas, p plot) {
	for _, g := range s.silences() {
		c.Rect(p.x(g[0]), p.top, p.x(g[1])-p.x(g[0]), p.bottom-p.top, Hatch)
	}
}

func (s *Series) limits(c Canvas, p plot) {
	z := p.size()
	for _, l := range s.Limits {
		if l.Value < p.low || l.Value > p.high {
			continue
		}
		ink, _, shape := severity(l.Severity)
		k := Stroke{Ink: ink, Width: 1.25}
		if l.Severity == "" {
			k = Stroke{Ink: Ink1, Width: 1.5, Dash: true}
		}
		y := p.y(l.Value)
		c.Line([]Point{{p.left, y}, {p.right, y}}, k)
		name := l.Name + " " + Figure(p.Lang, l.Value)
		if shape != "" {
			name = shape + " " + name
		}
		c.Text(p.right*0.62, y-3, name, Type{Size: z, Ink: k.Ink, Anchor: End})
	}
}

func (s *Series) notes(c Canvas, p plot) {
	z := p.size()
	last := math.Inf(-1)
	for _, n := range s.Notes {
		if n.At.Before(s.From) || n.At.After(s.Until) {
			continue
		}
		ink, _, shape := severity(n.Severity)
		x := p.x(n.At)
		c.Line([]Point{{x, p.top - z*0.3}, {x, p.bottom}}, Stroke{Ink: ink, Width: 1, Dash: true})
		text := n.Text
		if shape != "" {
			text = shape + " " + text
		}
		width := float64(len([]rune(text))) * z * 0.55
		if x < last { // no room beside the note before it: the line alone
			continue
		}
		anchor, at := Start, x+3
		if x+width > p.right {
			anchor, at = End, x-3
		}
		c.Text(at, p.top-z*0.5, text, Type{Size: z, Ink: ink, Anchor: anchor})
		last = x + width
	}
}

// labels names the ends of the lines, pushed apart where they meet.
func (s *Series) labels(c Canvas, p plot, inks []Ink) {
	z := p.size()
	type label struct {
		y    float64
		text string
		ink  Ink
	}
	var list []label
	for i := range s.Lines {
		if i >= len(inks) {
			break
		}
		l := &s.Lines[i]
		for k := len(l.Samples) - 1; k >= 0; k-- {
			x := l.Samples[k]
			if !x.OK || x.At.After(s.Until) || x.At.Before(s.From) {
				continue
			}
			at := Point{min(p.x(x.At), p.right-3), p.y(x.V)}
			c.Line([]Point{at, at}, Stroke{Ink: inks[i], Width: 6, Round: true})
			text := Figure(p.Lang, x.V)
			if len(s.Lines) > 1 {
				text = l.Name + " " + text
			}
			list = append(list, label{at.Y - z*0.6, text, inks[i]})
			break
		}
	}
	for i := range list { // few: each moves below those it would cover
		for k := range list[:i] {
			if math.Abs(list[i].y-list[k].y) < z*1.15 {
				list[i].y = list[k].y + z*1.15
			}
		}
		if list[i].y < z {
			list[i].y = z
		}
		c.Text(p.right, list[i].y, list[i].text, Type{Size: z + 1, Ink: list[i].ink, Anchor: End, Bold: true})
	}
}

// Table gives the samples as rows, oldest first.
func (s *Series) Table(f Frame) Table {
	t := Table{Head: []string{f.word("Thời điểm", "Time")}}
	lines := s.Lines
	if s.Compare != nil {
		lines = append(append([]Line(nil), lines...), *s.Compare)
	}
	unit := ""
	if s.Unit != "" {
		unit = " (" + s.Unit + ")"
	}
	at := map[int64]int{}
	for i := range lines {
		t.Head = append(t.Head, lines[i].Name+unit)
		for _, x := range lines[i].Samples {
			if i == 0 {
				at[x.At.UnixMicro()] = len(t.Rows)
				t.Rows = append(t.Rows, append(make([]Cell, 0, len(lines)+1), Cell{Text: f.stamp(x.At, s.Grain)}))
			}
			row, ok := at[x.At.UnixMicro()]
			if !ok {
				continue
			}
			for len(t.Rows[row]) < i+1 {
				t.Rows[row] = append(t.Rows[row], Cell{})
			}
			t.Rows[row] = append(t.Rows[row], f.figure(x.V, x.OK))
		}
	}
	for i := range t.Rows {
		for len(t.Rows[i]) < len(t.Head) {
			t.Rows[i] = append(t.Rows[i], Cell{})
		}
	}
	return t
}

// Spark is the course of a figure without axes.
type Spark struct {
	Values []Sample
	Target *float64
}

// Draw puts the course on a canvas, the last figure as a dot.
func (s *Spark) Draw(c Canvas, f Frame) {
	low, high := math.Inf(1), math.Inf(-1)
	values := s.Values
	for len(values) > 0 && !values[0].OK { // what began lately begins at the edge
		values = values[1:]
	}
	for _, x := range values {
		if x.OK {
			low, high = min(low, x.V), max(high, x.V)
		}
	}
	if low > high || len(values) < 2 {
		return
	}
	if s.Target != nil && *s.Target <= high+(high-low) && *s.Target >= low-(high-low) {
		low, high = min(low, *s.Target), max(high, *s.Target)
	}
	if low == high {
		low, high = low-1, high+1
	}
	const pad = 3
	from, span := values[0].At, float64(values[len(values)-1].At.Sub(values[0].At))
	if span <= 0 {
		return
	}
	place := func(x Sample) Point {
		return Point{pad + (f.W-2*pad)*float64(x.At.Sub(from))/span, f.H - pad - (f.H-2*pad)*(x.V-low)/(high-low)}
	}
	if s.Target != nil {
		if y := f.H - pad - (f.H-2*pad)*(*s.Target-low)/(high-low); y >= 0 && y <= f.H {
			c.Line([]Point{{0, y}, {f.W, y}}, Stroke{Ink: Ink2, Width: 1, Dash: true})
		}
	}
	var run []Point
	flush := func() {
		if len(run) > 1 {
			c.Line(Decimate(run, 0, f.W, max(1, int(f.W))), Stroke{Ink: Ink3, Width: 1.5})
		}
		run = nil
	}
	var end *Point
	for _, x := range values {
		if !x.OK {
			flush()
			continue
		}
		p := place(x)
		run, end = append(run, p), &p
	}
	flush()
	if end != nil {
		c.Line([]Point{*end, *end}, Stroke{Ink: Ink1, Width: 5, Round: true})
	}
}
