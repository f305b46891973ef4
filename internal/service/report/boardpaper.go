package report

import (
	"time"

	"huong.city/huong/internal/core/chart"
)

// Shown is what a reader sees on a page and wants on paper: its name, tables, and
// what it says of itself.
type Shown struct {
	Title  string
	Lang   string
	At     time.Time
	Sheets []Sheet
	About  [][2]string
}

// Board sets a page's figures in the face of the screen: every table that the
// reader sees, then where the figures come from. The same page gives the same
// bytes.
func (f *Fonts) Board(s Shown) ([]byte, error) {
	p := f.paper(sans, s.Title, s.Lang, s.At, 18, 18, 18, 18)
	p.leading = 1.4
	p.SetFooterFunc(func() {
		p.set("", 8)
		n := chart.Integer(s.Lang, int64(p.PageNo()))
		p.Text(paperWidth-p.right-p.GetStringWidth(n), paperHeight-9, n)
		p.Text(p.left, paperHeight-9, s.Title)
	})
	p.AddPage()
	p.SetXY(p.left, p.top)
	p.paragraph(s.Title, "B", 16, 0)
	for _, t := range s.Sheets {
		p.room(4 * p.line(9))
		p.paragraph(t.Name, "B", 11, 0)
		weights := make([]float64, max(len(t.Head), 1))
		for i := range weights {
			weights[i] = 2
		}
		weights[0] = 3.2
		p.table(t.Table, weights, 8.5)
	}
	about := chart.Table{Head: []string{"", ""}}
	for _, a := range s.About {
		about.Rows = append(about.Rows, []chart.Cell{{Text: a[0]}, {Text: a[1]}})
	}
	about.Head = []string{word{"Về số liệu này", "About these figures"}.in(s.Lang), ""}
	p.table(about, []float64{1, 3}, 8.5)
	return p.bytes()
}
