package ingest

import (
	"archive/zip"
	"encoding/xml"
	"io"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/problem"
)

// sheetTable streams the rows of one sheet of a workbook (ECMA-376 part 1,
// 18.3). Cells come with the type that the workbook gives them: numbers in
// their shortest form, dates as ISO 8601, truth values as true and false.
type sheetTable struct {
	dec    *xml.Decoder
	in     *tokenGuard
	part   io.Closer
	shared []string
	styles []dateStyle
	epoch  bool // the 1904 date system
	names  []string
	footer *footer
	over   bool
	last   int // row number last seen
	limits Limits
}

// tokenGuard bounds what the XML decoder reads for one token, since it holds a
// whole text in memory before it hands it out.
type tokenGuard struct {
	r     io.Reader
	since int
	limit int
}

func (g *tokenGuard) Read(p []byte) (int, error) {
	if g.since > g.limit {
		return 0, problem.New(problem.TooLarge, "intake-cell-size", "limit", g.limit)
	}
	n, err := g.r.Read(p)
	g.since += n
	return n, err
}

// newXML makes a decoder that knows no entities but XML's own and follows no
// outside reference.
func newXML(r io.Reader, limit int) (*xml.Decoder, *tokenGuard) {
	g := &tokenGuard{r: r, limit: limit}
	return xml.NewDecoder(g), g
}

func (t *sheetTable) columns() []string { return t.names }

func (t *sheetTable) next(row *Row) error {
	for !t.over {
		if err := t.row(row); err != nil {
			t.over = err == io.EOF
			return err
		}
		if row.Fault == nil && blankCells(row.Cells) {
			continue
		}
		if t.footer.ends(row) {
			break
		}
		n := len(t.names)
		if len(row.Cells) > n {
			if !blankCells(row.Cells[n:]) && row.Fault == nil {
				row.Fault = violation("intake-cells", n+1, "found", len(row.Cells), "expected", n)
			} else {
				row.Cells = row.Cells[:n]
			}
		}
		for len(row.Cells) < n {
			row.Cells = append(row.Cells, Cell{Null: true})
		}
		return nil
	}
	t.over = true
	return io.EOF
}

func blankCells(cells []Cell) bool {
	for _, c := range cells {
		if !c.Null && strings.TrimSpace(c.Text) != "" {
			return false
		}
	}
	return true
}

// header reads up to the header row.
func (t *sheetTable) header(line int) error {
	var row Row
	for {
		err := t.row(&row)
		if err == io.EOF || err == nil && row.Line > line {
			return problem.New(problem.Invalid, "intake-no-header", "line", line)
		}
		if err != nil {
			return err
		}
		if row.Line == line {
			break
		}
	}
	var cells []string
	for _, c := range row.Cells {
		cells = append(cells, c.Text)
	}
	for len(cells) > 0 && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	if len(cells) == 0 {
		return problem.New(problem.Invalid, "intake-no-header", "line", line)
	}
	t.names = columnNames(cells)
	return nil
}

func (t *sheetTable) token() (xml.Token, error) {
	t.in.since = 0
	tok, err := t.dec.Token()
	if err != nil && err != io.EOF {
		return nil, workbookError(err)
	}
	return tok, err
}

func workbookError(err error) error {
	if _, ok := err.(*xml.SyntaxError); ok {
		return problem.Wrap(err, problem.Invalid, "intake-workbook")
	}
	return err
}

// row reads the next <row>.
func (t *sheetTable) row(row *Row) error {
	for {
		tok, err := t.token()
		if err != nil {
			return err
		}
		switch e := tok.(type) {
		case xml.EndElement:
			if e.Name.Local == "sheetData" {
				return io.EOF
			}
		case xml.StartElement:
			if e.Name.Local != "row" {
				continue
			}
			t.last++
			if r, err := strconv.Atoi(attr(e, "r")); err == nil && r >= t.last && r <= 1<<20 {
				t.last = r
			}
			*row = Row{Line: t.last, Cells: make([]Cell, 0, len(t.names))}
			return t.cells(row)
		}
	}
}

func (t *sheetTable) cells(row *Row) error {
	size := 0
	for {
		tok, err := t.token()
		if err != nil {
			return unexpected(err)
		}
		switch e := tok.(type) {
		case xml.EndElement:
			if e.Name.Local == "row" {
				return nil
			}
		case xml.StartElement:
			if e.Name.Local != "c" {
				continue
			}
			col := len(row.Cells)
			if c := columnOf(attr(e, "r")); c >= 0 {
				col = c
			}
			text, err := t.cellText()
			if err != nil {
				return err
			}
			if col >= t.limits.Columns {
				if text != "" && row.Fault == nil {
					row.Fault = violation("intake-columns", 0, "count", col+1, "limit", t.limits.Columns)
				}
				continue
			}
			for len(row.Cells) <= col {
				row.Cells = append(row.Cells, Cell{Null: true})
			}
			cell, bad := t.value(attr(e, "t"), attr(e, "s"), text)
			size += len(cell.Text)
			if len(cell.Text) > t.limits.Cell || size > t.limits.Row {
				cell.Text = cutRaw([]byte(cell.Text))
				bad = violation("intake-cell-size", 0, "limit", t.limits.Cell)
			}
			if bad != nil && row.Fault == nil {
				bad.Position.Column = col + 1
				row.Fault = bad
			}
			row.Cells[col] = cell
		}
	}
}

func unexpected(err error) error {
	if err == io.EOF {
		return problem.New(problem.Invalid, "intake-workbook")
	}
	return err
}

// cellText gathers <v>, or the runs of <is>, up to </c>; phonetic runs and
// formulas are left out.
func (t *sheetTable) cellText() (string, error) {
	var b strings.Builder
	take, skip := false, 0
	for {
		tok, err := t.token()
		if err != nil {
			return "", unexpected(err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "v", "t":
				take = skip == 0
			case "rPh", "f":
				skip++
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "v", "t":
				take = false
			case "rPh", "f":
				skip--
			case "c":
				return b.String(), nil
			}
		case xml.CharData:
			if take && b.Len() <= t.limits.Row {
				b.Write(e)
			}
		}
	}
}

func (t *sheetTable) value(kind, style, text string) (Cell, *problem.Violation) {
	if text == "" {
		return Cell{Null: kind != "str" && kind != "inlineStr"}, nil
	}
	switch kind {
	case "s":
		i, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || i < 0 || i >= len(t.shared) {
			return Cell{Text: text}, violation("intake-workbook", 0)
		}
		return Cell{Text: t.shared[i]}, nil
	case "str", "inlineStr":
		return Cell{Text: text}, nil
	case "d":
		return Cell{Text: text, Date: true}, nil
	case "b":
		return Cell{Text: strconv.FormatBool(strings.TrimSpace(text) == "1")}, nil
	case "e":
		return Cell{Text: text}, violation("intake-cell-error", 0, "error", text)
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return Cell{Text: text}, nil
	}
	if s, err := strconv.Atoi(style); err == nil && s >= 0 && s < len(t.styles) && t.styles[s] != notDate {
		if iso, ok := serialText(f, t.styles[s], t.epoch); ok {
			return Cell{Text: iso, Date: true}, nil
		}
	}
	return Cell{Text: numberText(f)}, nil
}

// numberText is the shortest decimal text of a number, without an exponent
// where that stays readable.
func numberText(f float64) string {
	if f > -1e21 && f < 1e21 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// columnOf reads the letters of a cell reference: "AB12" is column 27.
func columnOf(ref string) int {
	n := 0
	for i := 0; i < len(ref) && i < 4; i++ {
		c := ref[i]
		if c < 'A' || c > 'Z' {
			break
		}
		n = n*26 + int(c-'A') + 1
	}
	return n - 1
}

// openPart opens one part of the workbook under the guards.
func openPart(z *zip.Reader, name string, l Limits) (io.ReadCloser, io.Reader, error) {
	for _, m := range z.File {
		if m.Name != name && m.Name != strings.TrimPrefix(name, "/") {
			continue
		}
		rc, err := m.Open()
		if err != nil {
			return nil, nil, problem.Wrap(err, problem.Invalid, "intake-packed")
		}
		return rc, &guard{r: rc, size: int64(m.CompressedSize64), total: l.Unpacked, limits: l}, nil
	}
	return nil, nil, nil
}
