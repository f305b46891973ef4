package export

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/core/problem"
)

// Sheet is one table of a page as a reader sees it.
type Sheet struct {
	Name string
	chart.Table
}

// About is what a file says of itself: names and values.
type About [][2]string

// WriteSheets writes the tables of a page, in the formats csv and xlsx.
//
// A workbook has a sheet for each table, numbers as numbers and texts as text
// cells, which no program takes for a formula, and a last sheet that says where
// the figures come from. CSV, with a byte-order mark, has a line for each figure:
// table, row, column, value; numbers have a point; a text that a spreadsheet
// would take for a formula begins with an apostrophe, because this file is made
// to be opened in one.
func WriteSheets(w io.Writer, format string, sheets []Sheet, about About) error {
	switch format {
	case "csv":
		return sheetsCSV(w, sheets, about)
	case "xlsx":
		return sheetsXLSX(w, sheets, about)
	}
	return problem.New(problem.Invalid, "export-format", "format", format, "known", "csv, xlsx")
}

func sheetsCSV(w io.Writer, sheets []Sheet, about About) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true
	put := func(cells ...string) {
		for i := range cells {
			cells[i] = unformula(cells[i])
		}
		_ = c.Write(cells) // told by Error at the end
	}
	put("table", "row", "column", "value")
	for _, s := range sheets {
		for _, r := range s.Rows {
			for i, cell := range r {
				if i == 0 || i >= len(s.Head) {
					continue
				}
				text := cell.Text
				if cell.Number {
					_ = c.Write([]string{unformula(s.Name), unformula(r[0].Text), unformula(s.Head[i]), strconv.FormatFloat(cell.V, 'f', -1, 64)})
					continue
				}
				put(s.Name, r[0].Text, s.Head[i], text)
			}
		}
	}
	for _, a := range about {
		put("", a[0], "", a[1])
	}
	c.Flush()
	return c.Error()
}

// unformula makes a text harmless in a spreadsheet.
func unformula(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func sheetsXLSX(w io.Writer, sheets []Sheet, about About) error {
	f := excelize.NewFile()
	defer f.Close()
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	var rows [][]chart.Cell
	for _, a := range about {
		rows = append(rows, []chart.Cell{{Text: a[0]}, {Text: a[1]}})
	}
	taken := map[string]bool{}
	all := append(append([]Sheet(nil), sheets...), Sheet{Name: "metadata", Table: chart.Table{Rows: rows}})
	for i, s := range all {
		name := sheetName(s.Name, taken)
		if i == 0 {
			err = f.SetSheetName("Sheet1", name)
		} else {
			_, err = f.NewSheet(name)
		}
		if err == nil {
			err = sheet(f, name, s, bold)
		}
		if err != nil {
			return err
		}
	}
	_, err = f.WriteTo(w)
	return err
}

// sheet streams one table with a frozen header.
func sheet(f *excelize.File, name string, s Sheet, bold int) error {
	out, err := f.NewStreamWriter(name)
	if err != nil {
		return err
	}
	for i := range max(2, len(s.Head)) {
		width := 14.0
		if i == 0 || len(s.Head) == 0 {
			width = 32
		}
		if err := out.SetColWidth(i+1, i+1, width); err != nil {
			return err
		}
	}
	at := 1
	put := func(cells []any) error {
		where, err := excelize.CoordinatesToCellName(1, at)
		if err != nil {
			return err
		}
		at++
		return out.SetRow(where, cells)
	}
	if len(s.Head) > 0 {
		if err := out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
			return err
		}
		var head []any
		for _, h := range s.Head {
			head = append(head, excelize.Cell{StyleID: bold, Value: h})
		}
		if err := put(head); err != nil {
			return err
		}
	}
	for _, r := range s.Rows {
		var cells []any
		for _, c := range r {
			switch {
			case c.Number:
				cells = append(cells, c.V)
			case c.Text == "":
				cells = append(cells, nil)
			default:
				cells = append(cells, c.Text)
			}
		}
		if err := put(cells); err != nil {
			return err
		}
	}
	return out.Flush()
}

// sheetName is a name that a workbook takes: at most 31 letters, without the
// signs that stand for places in formulas, and not twice.
func sheetName(s string, taken map[string]bool) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\'`, r) || r < ' ' {
			return ' '
		}
		return r
	}, s))
	if s == "" {
		s = "–"
	}
	cut := func(n int) string {
		if utf8.RuneCountInString(s) <= n {
			return s
		}
		return string([]rune(s)[:n])
	}
	name := cut(31)
	for i := 2; taken[strings.ToLower(name)]; i++ {
		tail := " " + strconv.Itoa(i)
		name = cut(31-len(tail)) + tail
	}
	taken[strings.ToLower(name)] = true
	return name
}
