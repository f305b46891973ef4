package export

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"io"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

const (
	// sheetRows is how many rows a sheet holds (ECMA-376).
	sheetRows = 1 << 20
	// cellLetters is how long a text cell may be; a longer text is cut and ends
	// with an ellipsis.
	cellLetters = 32_767
	exactInt    = 999_999_999_999_999 // a sheet shows fifteen digits
)

// workbook writes xlsx: one sheet, a frozen bold header, texts as text cells.
type workbook struct {
	*shape
	w        *bufio.Writer
	file     *excelize.File
	sheet    *excelize.StreamWriter
	rows     int
	day      int // style ids
	instant  int
	cells    []any
	firstRow []any
}

// packed compresses as much as is cheap: a large sheet is made while somebody waits.
func packed(w io.Writer) excelize.ZipWriter {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, 3) })
	return z
}

func (b *workbook) begin() error {
	b.file = excelize.NewFile().SetZipWriter(packed)
	name := "data"
	if err := b.file.SetSheetName("Sheet1", name); err != nil {
		return err
	}
	bold, err := b.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	day, instant := "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
	if b.day, err = b.file.NewStyle(&excelize.Style{CustomNumFmt: &day}); err != nil {
		return err
	}
	if b.instant, err = b.file.NewStyle(&excelize.Style{CustomNumFmt: &instant}); err != nil {
		return err
	}
	if b.sheet, err = b.file.NewStreamWriter(name); err != nil {
		return err
	}
	for i, c := range b.columns {
		width := 14.0
		switch b.column(c).Kind {
		case value.Text:
			width = 24
		case value.Time:
			width = 20
		}
		if err := b.sheet.SetColWidth(i+1, i+1, width); err != nil {
			return err
		}
		b.firstRow = append(b.firstRow, excelize.Cell{StyleID: bold, Value: b.column(c).Name})
	}
	if err := b.sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	b.rows = 1
	return b.sheet.SetRow("A1", b.firstRow)
}

func (b *workbook) record(row []value.Value) error {
	if b.rows++; b.rows > sheetRows {
		return problem.New(problem.TooLarge, "export-rows", "limit", sheetRows-1)
	}
	b.cells = b.cells[:0]
	for _, c := range b.columns {
		b.cells = append(b.cells, b.cell(c, row[c]))
	}
	at, err := excelize.CoordinatesToCellName(1, b.rows)
	if err != nil {
		return err
	}
	return b.sheet.SetRow(at, b.cells)
}

func (b *workbook) cell(c int, v value.Value) any {
	switch v.Kind() {
	case value.Null:
		return nil
	case value.Bool:
		return v.Bool()
	case value.Int:
		if i := v.Int(); b.column(c).Type != dataset.Year && (i > exactInt || i < -exactInt) {
			break
		}
		return v.Int()
	case value.Float:
		return v.Float()
	case value.Date:
		if d := v.CalendarDay(); d.Year() >= 1900 && d.Year() <= 9999 {
			return excelize.Cell{StyleID: b.day, Value: d}
		}
	case value.Time:
		if at := v.Instant().In(b.zone); at.Year() >= 1900 && at.Year() <= 9999 {
			return excelize.Cell{StyleID: b.instant, Value: at}
		}
	}
	b.buf = b.entry.Schema.AppendCell(b.buf[:0], c, v)
	text := string(b.buf)
	if len(text) > cellLetters && utf8.RuneCountInString(text) > cellLetters {
		letters := []rune(text)
		text = string(letters[:cellLetters-1]) + "…"
	}
	return text
}

func (b *workbook) end() error {
	defer b.file.Close()
	if err := b.sheet.Flush(); err != nil {
		return err
	}
	_, err := b.file.WriteTo(b.w)
	return err
}

func (b *workbook) abandon() {
	if b.file != nil {
		b.file.Close()
	}
}
