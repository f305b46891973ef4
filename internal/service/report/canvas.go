package report

import (
	"huong.city/huong/internal/core/chart"
)

// inks on paper: those of the light screen, with letters in black.
var inks = map[chart.Ink][3]int{
	chart.Ink1: {0, 0, 0}, chart.Ink2: {60, 66, 74}, chart.Ink3: {100, 107, 116}, chart.Surface: {255, 255, 255}, chart.Sunken: {240, 242, 244},
	chart.Hairline: {205, 210, 215}, chart.River1: {230, 240, 241}, chart.River2: {191, 217, 221}, chart.River3: {134, 182, 191}, chart.River4: {70, 137, 154},
	chart.River5: {15, 92, 110}, chart.Cat1: {15, 92, 110}, chart.Cat2: {199, 124, 17}, chart.Cat3: {122, 78, 158}, chart.Cat4: {78, 143, 58},
	chart.Low: {122, 98, 0}, chart.Medium: {168, 80, 0}, chart.High: {176, 28, 36}, chart.LowFill: {226, 194, 66}, chart.MediumFill: {228, 138, 50}, chart.HighFill: {206, 62, 66},
	chart.Hatch: {225, 228, 231},
}

func (p *paper) ink(i chart.Ink)  { c := inks[i]; p.SetDrawColor(c[0], c[1], c[2]) }
func (p *paper) fill(i chart.Ink) { c := inks[i]; p.SetFillColor(c[0], c[1], c[2]) }

// sheet is the canvas of papers: chart.Canvas on a rectangle of a page.
type sheet struct {
	*paper
	x, y  float64 // of its corner, in millimetres
	scale float64 // millimetres for one unit
}

// draw puts a drawing of w by h units as wide as the column where the paper is.
func (p *paper) draw(w, h float64, on func(chart.Canvas)) {
	scale := p.width() / w
	p.room(h*scale + 2)
	y := p.GetY() // lines move the pen
	on(&sheet{p, p.left, y, scale})
	p.SetTextColor(0, 0, 0)
	p.SetXY(p.left, y+h*scale+2)
}

func (s *sheet) at(q chart.Point) (float64, float64) { return s.x + q.X*s.scale, s.y + q.Y*s.scale }

func (s *sheet) stroke(k chart.Stroke) {
	s.ink(k.Ink)
	s.SetLineWidth(k.Width * s.scale)
	style := "butt"
	if k.Round {
		style = "round"
	}
	s.SetLineCapStyle(style)
	s.SetLineJoinStyle("round")
	if k.Dash {
		s.SetDashPattern([]float64{3 * s.scale, 3 * s.scale}, 0)
	} else {
		s.SetDashPattern(nil, 0)
	}
}

// Line implements chart.Canvas.
func (s *sheet) Line(points []chart.Point, k chart.Stroke) {
	if len(points) < 2 || k.Ink == chart.None {
		return
	}
	s.stroke(k)
	x, y := s.at(points[0])
	s.MoveTo(x, y)
	for _, q := range points[1:] {
		x, y = s.at(q)
		s.LineTo(x, y)
	}
	s.DrawPath("D")
	s.SetDashPattern(nil, 0)
}

// Rect implements chart.Canvas.
func (s *sheet) Rect(x, y, w, h float64, fill chart.Ink) {
	if w <= 0 || h <= 0 || fill == chart.None {
		return
	}
	s.fill(fill)
	s.paper.Rect(s.x+x*s.scale, s.y+y*s.scale, w*s.scale, h*s.scale, "F")
	if fill == chart.Hatch {
		s.hatch(s.x+x*s.scale, s.y+y*s.scale, w*s.scale, h*s.scale)
	}
}

// hatch draws slanting lines across a rectangle: no figure.
func (s *sheet) hatch(x, y, w, h float64) {
	const step = 1.2
	s.SetDrawColor(170, 176, 182)
	s.SetLineWidth(0.1)
	s.ClipRect(x, y, w, h, false)
	for at := -h; at < w; at += step {
		s.paper.Line(x+at, y+h, x+at+h, y)
	}
	s.ClipEnd()
}

// Polygon implements chart.Canvas. Rings after the first are holes.
func (s *sheet) Polygon(rings [][]chart.Point, fill chart.Ink, edge chart.Stroke) {
	style := ""
	if fill != chart.None {
		s.fill(fill)
		style = "F"
	}
	if edge.Ink != chart.None {
		s.stroke(edge)
		style += "D"
	}
	if style == "" {
		return
	}
	for _, ring := range rings {
		for i, q := range ring {
			x, y := s.at(q)
			if i == 0 {
				s.MoveTo(x, y)
			} else {
				s.LineTo(x, y)
			}
		}
		if len(ring) > 0 {
			s.ClosePath()
		}
	}
	if fill != chart.None {
		style += "*" // by the even-odd rule, so that holes stay open
	}
	s.DrawPath(style)
}

// Text implements chart.Canvas.
func (s *sheet) Text(x, y float64, text string, t chart.Type) {
	if text == "" {
		return
	}
	style, face := "", s.face
	if t.Bold {
		style = "B"
	}
	if t.Figure && s.face == sans && !t.Bold {
		face = figures
	}
	size := t.Size * s.scale / point
	s.SetFont(face, style, size)
	c := inks[t.Ink]
	s.SetTextColor(c[0], c[1], c[2])
	px, py := s.at(chart.Point{X: x, Y: y})
	switch w := s.marked(text); t.Anchor {
	case chart.Middle:
		px -= w / 2
	case chart.End:
		px -= w
	}
	s.text(px, py, text, size)
}

var _ chart.Canvas = (*sheet)(nil)
