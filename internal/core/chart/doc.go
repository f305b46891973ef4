// Package chart draws figures for operators: series with thresholds, rankings,
// stacked bars, heat strips, sparklines and maps of areas. A drawing is a value;
// Draw puts it on a Canvas of any back end (SVG is here, paper elsewhere) and
// Table gives the same figures as rows, because every chart has its table.
//
// What is drawn is calm: axes in hairlines, labels beside what they name, the
// target as a dark line, thresholds with their names, hatching where there is no
// figure. Colours are named by their meaning (Ink), never by value; numbers and
// dates are written in Vietnamese or English. The package reads no clock.
package chart

import "time"

// Ink is what a mark is painted with, by meaning. A back end knows the colours.
type Ink uint8

// Inks. River1 to River5 are the five steps of one hue, light to dark; Cat1 to
// Cat4 tell apart at most four lines; the severities' inks are for lines and
// letters, the fills for areas. Hatch means: no figure.
const (
	None Ink = iota
	Ink1
	Ink2
	Ink3
	Surface
	Sunken
	Hairline
	River1
	River2
	River3
	River4
	River5
	Cat1
	Cat2
	Cat3
	Cat4
	Low
	Medium
	High
	LowFill
	MediumFill
	HighFill
	Hatch
)

// Point is a place on a canvas: x to the right, y down, in canvas units.
type Point struct{ X, Y float64 }

// Stroke is how a line is drawn. A line of two equal points with a round stroke
// is a dot.
type Stroke struct {
	Ink   Ink
	Width float64
	Dash  bool
	Round bool
}

// Anchor is the side of a text that its point is at.
type Anchor uint8

// Anchors.
const (
	Start Anchor = iota
	Middle
	End
)

// Type is how a text is set. Figures are set in the face with equal digits.
type Type struct {
	Size   float64
	Ink    Ink
	Anchor Anchor
	Bold   bool
	Figure bool
}

// Canvas is what a drawing is put on. Marks are painted in the order of the
// calls; nothing is clipped. The letters ◆ ▲ ■ in texts stand for severities:
// a back end whose font lacks them draws the shapes.
type Canvas interface {
	Line(points []Point, s Stroke)
	Rect(x, y, w, h float64, fill Ink)
	Polygon(rings [][]Point, fill Ink, edge Stroke)
	Text(x, y float64, text string, t Type)
}

// Linker is a canvas whose marks can lead somewhere and say what they are.
// Begin opens a group; href may be empty, and title where the letters within say
// it all. Every Begin has its End.
type Linker interface {
	Begin(title, href string)
	End()
}

// Frame is the room that a drawing has and the language it is labelled in. Size
// is that of ordinary letters; a wall has larger ones.
type Frame struct {
	W, H float64
	Size float64 // 12 when 0
	Lang string  // "vi" or "en"
	Zone *time.Location
}

func (f Frame) size() float64 {
	if f.Size == 0 {
		return 12
	}
	return f.Size
}

func (f Frame) in(t time.Time) time.Time {
	if f.Zone == nil {
		return t.UTC()
	}
	return t.In(f.Zone)
}

// Table is the figures of a drawing: one header for each column, the first
// column names the row. An empty cell has no figure.
type Table struct {
	Head []string
	Rows [][]Cell
}

// Cell is a text in the frame's language, and the number where it is one.
type Cell struct {
	Text   string
	V      float64
	Number bool
}

// figure is the cell of a number, or the empty one.
func (f Frame) figure(v float64, known bool) Cell {
	if !known {
		return Cell{}
	}
	return Cell{Decimal(f.Lang, v, 3), v, true}
}

// severities are the inks of a severity word: of lines and letters, of areas,
// and its shape.
func severity(word string) (line, fill Ink, shape string) {
	switch word {
	case "high":
		return High, HighFill, "◆"
	case "medium":
		return Medium, MediumFill, "▲"
	case "low":
		return Low, LowFill, "■"
	}
	return Ink2, River4, ""
}
