package report

import (
	"bytes"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"huong.city/huong/internal/core/chart"
)

// A4 in millimetres.
const (
	paperWidth  = 210.0
	paperHeight = 297.0
	point       = 25.4 / 72 // in millimetres
)

// Faces of a paper.
const (
	serif   = "serif"
	sans    = "sans"
	figures = "figures"
)

// paper is a document being set. The same calls give the same bytes.
type paper struct {
	*fpdf.Fpdf
	left, top, right, bottom float64 // margins
	face                     string
	leading                  float64 // distance of lines, in sizes
	shapes                   bool
}

func (f *Fonts) paper(face, title, lang string, at time.Time, left, top, right, bottom float64) *paper {
	p := &paper{Fpdf: fpdf.New("P", "mm", "A4", ""), left: left, top: top, right: right, bottom: bottom, face: face, leading: 1.25}
	if face == serif {
		p.AddUTF8FontFromBytes(serif, "", f.Serif)
		p.AddUTF8FontFromBytes(serif, "B", f.SerifBold)
		p.AddUTF8FontFromBytes(serif, "I", f.SerifItalic)
		p.AddUTF8FontFromBytes(serif, "BI", f.SerifBoldItalic)
	} else {
		p.AddUTF8FontFromBytes(sans, "", f.Sans)
		p.AddUTF8FontFromBytes(sans, "B", f.SansBold)
		p.AddUTF8FontFromBytes(figures, "", f.Figure)
	}
	p.SetCatalogSort(true)
	p.SetCreationDate(at.UTC())
	p.SetModificationDate(at.UTC())
	p.SetProducer("Huong", false)
	p.SetTitle(title, true)
	p.SetLang(lang)
	p.SetMargins(left, top, right)
	p.SetAutoPageBreak(false, bottom)
	p.SetCellMargin(0)
	return p
}

func (p *paper) bytes() ([]byte, error) {
	var b bytes.Buffer
	err := p.Output(&b)
	return b.Bytes(), err
}

func (p *paper) width() float64 { return paperWidth - p.left - p.right }

// set chooses style ("", "B", "I", "BI") and size in points.
func (p *paper) set(style string, size float64) { p.SetFont(p.face, style, size) }

func (p *paper) line(size float64) float64 { return size * point * p.leading }

// room begins a new page where less than h is left.
func (p *paper) room(h float64) {
	if p.GetY()+h > paperHeight-p.bottom {
		p.AddPage()
		p.SetXY(p.left, p.top)
	}
}

// wrap breaks a text into lines, the first of which is indented. A word that is
// wider than the line is broken where it must.
func (p *paper) wrap(text string, width, indent float64) (lines []string) {
	for _, part := range strings.Split(text, "\n") {
		line, room := "", width-indent
		for _, w := range strings.Fields(part) {
			joined := w
			if line != "" {
				joined = line + " " + w
			}
			if p.GetStringWidth(joined) <= room {
				line = joined
				continue
			}
			if line != "" {
				lines = append(lines, line)
				room = width
			}
			for p.GetStringWidth(w) > room {
				letters := []rune(w)
				n := len(letters)
				for n > 1 && p.GetStringWidth(string(letters[:n])) > room {
					n--
				}
				lines, w, room = append(lines, string(letters[:n])), string(letters[n:]), width
			}
			line = w
		}
		lines = append(lines, line)
		indent = 0
	}
	return lines
}

// paragraph sets a text between the margins, both edges straight, and a little
// space after it.
func (p *paper) paragraph(text, style string, size, indent float64) {
	p.set(style, size)
	h := p.line(size)
	for _, part := range strings.Split(text, "\n") {
		lines := p.wrap(part, p.width(), indent)
		for i, line := range lines {
			p.room(h)
			p.set(style, size)
			x, room := p.left, p.width()
			if i == 0 {
				x, room = x+indent, room-indent
			}
			base := p.GetY() + h*0.78
			if i == len(lines)-1 {
				p.Text(x, base, line)
			} else {
				p.spread(x, base, room, line)
			}
			p.SetXY(p.left, p.GetY()+h)
		}
	}
	p.SetY(p.GetY() + 1.5)
}

// spread sets a line as wide as its room.
func (p *paper) spread(x, y, room float64, line string) {
	words := strings.Fields(line)
	free := room
	for _, w := range words {
		free -= p.GetStringWidth(w)
	}
	gap := 0.0
	if len(words) > 1 {
		gap = free / float64(len(words)-1)
	}
	for i, w := range words {
		if i < len(words)-1 {
			p.Text(x, y, w+" ")
		} else {
			p.Text(x, y, w)
		}
		x += p.GetStringWidth(w) + gap
	}
}

// centred sets lines around the middle of a column and returns where it ends.
func (p *paper) centred(text, style string, size, x, y, w float64) float64 {
	p.set(style, size)
	lines := p.wrap(text, w, 0)
	for room := w * 0.97; len(lines) > 1 && room > w/3; room *= 0.97 { // lines of like length
		if tighter := p.wrap(text, room, 0); len(tighter) == len(lines) {
			lines = tighter
			continue
		}
		break
	}
	for _, line := range lines {
		p.Text(x+(w-p.GetStringWidth(line))/2, y+p.line(size)*0.78, line)
		y += p.line(size)
	}
	return y
}

// rule draws a line of a length centred in a column.
func (p *paper) rule(x, y, w, length float64) {
	p.ink(chart.Ink1)
	p.SetLineWidth(0.25)
	p.Line(x+(w-length)/2, y, x+(w+length)/2, y)
}

// table sets rows with a head that is repeated on every page. weights share the
// width.
func (p *paper) table(t chart.Table, weights []float64, size float64) {
	var sum float64
	for _, w := range weights {
		sum += w
	}
	widths := make([]float64, len(weights))
	for i, w := range weights {
		widths[i] = p.width() * w / sum
	}
	const pad = 1.0
	h := p.line(size)
	row := func(cells []chart.Cell, style string, fill bool) {
		p.set(style, size)
		lines := make([][]string, len(widths))
		most := 1
		for i := range widths {
			if i < len(cells) {
				lines[i] = p.wrap(cells[i].Text, widths[i]-2*pad, 0)
			}
			most = max(most, len(lines[i]))
		}
		height := float64(most)*h + 1.4
		if p.GetY()+height > paperHeight-p.bottom {
			return
		}
		y, x := p.GetY(), p.left
		for i, w := range widths {
			if fill {
				p.fill(chart.Sunken)
				p.Rect(x, y, w, height, "F")
			}
			p.ink(chart.Ink2)
			p.SetLineWidth(0.15)
			p.Rect(x, y, w, height, "D")
			p.SetTextColor(0, 0, 0)
			for k, line := range lines[i] {
				at := x + pad
				switch {
				case style == "B":
					at = x + (w-p.GetStringWidth(line))/2
				case cells[i].Number || i > 0 && line == "–":
					at = x + w - pad - p.marked(line)
				}
				p.text(at, y+0.7+h*0.78+float64(k)*h, line, size)
			}
			x += w
		}
		p.SetXY(p.left, y+height)
	}
	need := func(cells []chart.Cell, style string) float64 {
		p.set(style, size)
		most := 1
		for i := range widths {
			if i < len(cells) {
				most = max(most, len(p.wrap(cells[i].Text, widths[i]-2*pad, 0)))
			}
		}
		return float64(most)*h + 1.4
	}
	head := make([]chart.Cell, len(t.Head))
	for i, s := range t.Head {
		head[i].Text = s
	}
	p.room(need(head, "B") + 2*h)
	row(head, "B", true)
	for _, r := range t.Rows {
		if p.GetY()+need(r, "") > paperHeight-p.bottom {
			p.AddPage()
			p.SetXY(p.left, p.top)
			row(head, "B", true)
		}
		row(r, "", false)
	}
	p.SetY(p.GetY() + 2)
}

// The shapes of severities are drawn: faces of letters do not have them.
const shapeLetters = "◆▲■"

func (p *paper) marked(s string) float64 {
	rest := strings.TrimLeft(s, shapeLetters)
	if rest == s {
		return p.GetStringWidth(s)
	}
	size, _ := p.GetFontSize()
	return size*point*0.75 + p.GetStringWidth(rest)
}

// text sets a text that may begin with a severity's shape.
func (p *paper) text(x, y float64, s string, size float64) {
	r := []rune(s)
	if len(r) == 0 {
		return
	}
	if !strings.ContainsRune(shapeLetters, r[0]) {
		p.Text(x, y, s)
		return
	}
	z := size * point * 0.6
	ink := map[rune]chart.Ink{'◆': chart.High, '▲': chart.Medium, '■': chart.Low}[r[0]]
	p.fill(ink)
	low, mid := y, y-z/2
	switch r[0] {
	case '◆':
		p.Polygon([]fpdf.PointType{{X: x, Y: mid}, {X: x + z/2, Y: low - z}, {X: x + z, Y: mid}, {X: x + z/2, Y: low}}, "F")
	case '▲':
		p.Polygon([]fpdf.PointType{{X: x, Y: low}, {X: x + z/2, Y: low - z}, {X: x + z, Y: low}}, "F")
	default:
		p.Rect(x+z*0.1, low-z*0.9, z*0.8, z*0.8, "F")
	}
	p.Text(x+size*point*0.75, y, string(r[1:]))
}
