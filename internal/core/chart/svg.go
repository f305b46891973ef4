package chart

import (
	"html"
	"strconv"
	"strings"
)

// SVG is the canvas of pages. A fixed one scales as a picture. A fluid one is as
// wide as the room it gets: places across are shares of the width, letters and
// line widths keep their size, so that the same drawing is readable on a phone
// and on a wall. Colours come from the page's style by class; nothing is inline,
// as a strict content policy asks.
type SVG struct {
	w, h  float64
	fluid bool
	b     strings.Builder
	open  []string // groups that are not closed yet
	links bool
}

// NewSVG makes a fixed canvas of a size.
func NewSVG(w, h float64) *SVG { return &SVG{w: w, h: h} }

// NewFluidSVG makes a canvas that is as wide as its room and h high.
func NewFluidSVG(w, h float64) *SVG { return &SVG{w: w, h: h, fluid: true} }

var inkNames = [...]string{"none", "ink", "ink2", "ink3", "surface", "sunken", "hair", "r1", "r2", "r3", "r4", "r5", "cat1", "cat2", "cat3", "cat4",
	"low", "medium", "high", "lowf", "mediumf", "highf", "hatch"}

// String is the name that the ink's class ends with.
func (i Ink) String() string { return inkNames[i] }

func number(f float64) string {
	s := strconv.FormatFloat(f, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0")
}

func (s *SVG) across(x float64) string {
	if !s.fluid {
		return number(x)
	}
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(x/s.w*100, 'f', 2, 64), "0"), ".") + "%"
}

func (s *SVG) put(parts ...string) {
	for _, p := range parts {
		s.b.WriteString(p)
	}
}

func (s *SVG) stroke(k Stroke) {
	s.put(` class="cs-`, k.Ink.String())
	if k.Dash {
		s.put(" c-dash")
	}
	if k.Round {
		s.put(" c-round")
	}
	s.put(`" stroke-width="`, strconv.FormatFloat(k.Width, 'f', -1, 64), `"`)
}

// Line implements Canvas.
func (s *SVG) Line(points []Point, k Stroke) {
	if len(points) < 2 || k.Ink == None {
		return
	}
	a, b := points[0], points[len(points)-1]
	if len(points) == 2 && (!s.fluid || a.X == b.X || a.Y == b.Y) {
		s.put(`<line x1="`, s.across(a.X), `" y1="`, number(a.Y), `" x2="`, s.across(b.X), `" y2="`, number(b.Y), `"`)
		s.stroke(k)
		s.put(`/>`)
		return
	}
	s.stretched(func() {
		s.put(`<polyline points="`)
		s.coordinates(points)
		s.put(`"`)
		s.stroke(k)
		s.put(`/>`)
	})
}

// stretched puts what has slanting lines into a sheet that is drawn out to the
// width of the room.
func (s *SVG) stretched(draw func()) {
	if s.fluid {
		s.put(`<svg viewBox="0 0 `, number(s.w), " ", number(s.h), `" preserveAspectRatio="none" width="100%" height="`, number(s.h), `">`)
	}
	draw()
	if s.fluid {
		s.put(`</svg>`)
	}
}

func (s *SVG) coordinates(points []Point) {
	for i, p := range points {
		if i > 0 {
			s.put(" ")
		}
		s.put(number(p.X), ",", number(p.Y))
	}
}

// Rect implements Canvas.
func (s *SVG) Rect(x, y, w, h float64, fill Ink) {
	if w <= 0 || h <= 0 {
		return
	}
	s.put(`<rect x="`, s.across(x), `" y="`, number(y), `" width="`, s.across(w), `" height="`, number(h), `" class="cf-`, fill.String(), `"/>`)
}

// Polygon implements Canvas.
func (s *SVG) Polygon(rings [][]Point, fill Ink, edge Stroke) {
	s.stretched(func() {
		s.put(`<path d="`)
		for _, ring := range rings {
			for i, p := range ring {
				if i == 0 {
					s.put("M")
				} else {
					s.put("L")
				}
				s.put(number(p.X), " ", number(p.Y))
			}
			s.put("Z")
		}
		s.put(`" class="cf-`, fill.String())
		if edge.Ink != None {
			s.put(` cs-`, edge.Ink.String(), `" stroke-width="`, strconv.FormatFloat(edge.Width, 'f', -1, 64))
		}
		s.put(`"/>`)
	})
}

// Text implements Canvas.
func (s *SVG) Text(x, y float64, text string, t Type) {
	if text == "" {
		return
	}
	s.put(`<text x="`, s.across(x), `" y="`, number(y), `" font-size="`, number(t.Size), `" class="ct cf-`, t.Ink.String())
	if t.Figure {
		s.put(" num")
	}
	s.put(`"`)
	switch t.Anchor {
	case Middle:
		s.put(` text-anchor="middle"`)
	case End:
		s.put(` text-anchor="end"`)
	}
	if t.Bold {
		s.put(` font-weight="600"`)
	}
	s.put(`>`, html.EscapeString(text), `</text>`)
}

// Begin implements Linker.
func (s *SVG) Begin(title, href string) {
	tag := "g"
	if href != "" {
		tag, s.links = "a", true
		s.put(`<a href="`, html.EscapeString(href), `"`)
		if title != "" {
			s.put(` aria-label="`, html.EscapeString(title), `"`)
		}
		s.put(`>`)
	} else {
		s.put(`<g>`)
	}
	if title != "" {
		s.put(`<title>`, html.EscapeString(title), `</title>`)
	}
	s.open = append(s.open, tag)
}

// End implements Linker.
func (s *SVG) End() {
	last := len(s.open) - 1
	s.put(`</`, s.open[last], `>`)
	s.open = s.open[:last]
}

// Markup is the drawing as an element with a name for those who do not see it;
// without a name it is decoration.
func (s *SVG) Markup(label string) string {
	var b strings.Builder
	b.WriteString(`<svg class="chart" `)
	if s.fluid {
		b.WriteString(`width="100%" height="` + number(s.h) + `"`)
	} else {
		b.WriteString(`viewBox="0 0 ` + number(s.w) + " " + number(s.h) + `"`)
	}
	switch {
	case label == "":
		b.WriteString(` aria-hidden="true" focusable="false"`)
	case s.links:
		b.WriteString(` role="group" aria-label="` + html.EscapeString(label) + `"`)
	default:
		b.WriteString(` role="img" aria-label="` + html.EscapeString(label) + `"`)
	}
	b.WriteString(">" + s.b.String() + "</svg>")
	return b.String()
}
