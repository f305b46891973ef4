package ingest

import (
	"archive/zip"
	"encoding/xml"
	"io"
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
)

// dateStyle says how a number format shows a number.
type dateStyle uint8

const (
	notDate dateStyle = iota
	dateOnly
	timeOnly
	dateAndTime
)

type sheetRef struct{ name, id, state string }

// openWorkbook opens the sheet that the mapping names, else the first visible one.
func openWorkbook(z *zip.Reader, m *dataset.Mapping, end *footer, l Limits) (table, string, error) {
	sheets, epoch, err := readWorkbook(z, l)
	if err != nil {
		return nil, "", err
	}
	sheet, err := chooseSheet(sheets, m.Sheet)
	if err != nil {
		return nil, "", err
	}
	target := ""
	err = eachElement(z, "xl/_rels/workbook.xml.rels", l, func(e xml.StartElement) {
		if e.Name.Local == "Relationship" && attr(e, "Id") == sheet.id && attr(e, "TargetMode") != "External" {
			target = attr(e, "Target")
		}
	})
	if err != nil {
		return nil, "", err
	}
	if !strings.HasPrefix(target, "/") {
		target = path.Join("xl", target)
	}
	t := &sheetTable{epoch: epoch, footer: end, limits: l}
	if t.styles, err = readStyles(z, l); err != nil {
		return nil, "", err
	}
	if t.shared, err = readShared(z, l); err != nil {
		return nil, "", err
	}
	rc, part, err := openPart(z, strings.TrimPrefix(target, "/"), l)
	if err != nil {
		return nil, "", err
	}
	if rc == nil {
		return nil, "", problem.New(problem.Invalid, "intake-workbook")
	}
	t.part = rc
	t.dec, t.in = newXML(part, 2*l.Cell)
	line := 1
	if m.Header != nil {
		line = max(1, *m.Header)
	}
	return t, sheet.name, t.header(line)
}

func chooseSheet(sheets []sheetRef, want string) (sheetRef, error) {
	var names []string
	for _, s := range sheets {
		if s.name == want || want == "" && s.state == "" {
			return s, nil
		}
		names = append(names, s.name)
	}
	if want == "" && len(sheets) > 0 {
		return sheets[0], nil
	}
	return sheetRef{}, problem.New(problem.Invalid, "intake-sheet", "sheet", want, "found", strings.Join(names, ", "))
}

func readWorkbook(z *zip.Reader, l Limits) (sheets []sheetRef, epoch bool, err error) {
	err = eachElement(z, "xl/workbook.xml", l, func(e xml.StartElement) {
		switch e.Name.Local {
		case "sheet":
			if len(sheets) < 10_000 {
				id := ""
				for _, a := range e.Attr {
					if a.Name.Local == "id" && a.Name.Space != "" {
						id = a.Value
					}
				}
				state := attr(e, "state")
				if state == "visible" {
					state = ""
				}
				sheets = append(sheets, sheetRef{attr(e, "name"), id, state})
			}
		case "workbookPr":
			v := attr(e, "date1904")
			epoch = v == "1" || v == "true"
		}
	})
	return sheets, epoch, err
}

// eachElement calls fn for every element of a part; a missing part has none.
func eachElement(z *zip.Reader, name string, l Limits, fn func(xml.StartElement)) error {
	rc, part, err := openPart(z, name, l)
	if err != nil || rc == nil {
		return err
	}
	defer rc.Close()
	dec, in := newXML(part, 2*l.Cell)
	for {
		in.since = 0
		tok, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return workbookError(err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			fn(e)
		}
	}
}

// readStyles tells for each cell format whether it shows dates (18.8.30).
func readStyles(z *zip.Reader, l Limits) ([]dateStyle, error) {
	custom := map[string]dateStyle{}
	var styles []dateStyle
	cells := false
	err := eachElement(z, "xl/styles.xml", l, func(e xml.StartElement) {
		switch e.Name.Local {
		case "numFmt":
			custom[attr(e, "numFmtId")] = formatStyle(attr(e, "formatCode"))
		case "cellXfs":
			cells = true
		case "cellStyles", "dxfs":
			cells = false
		case "xf":
			if !cells || len(styles) > 1<<16 {
				return
			}
			id := attr(e, "numFmtId")
			style, ok := custom[id]
			if !ok {
				n, _ := strconv.Atoi(id)
				style = builtInStyle(n)
			}
			styles = append(styles, style)
		}
	})
	return styles, err
}

func builtInStyle(id int) dateStyle {
	switch {
	case id >= 14 && id <= 17, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 54, id == 57, id == 58:
		return dateOnly
	case id >= 18 && id <= 21, id >= 32 && id <= 35, id == 45, id == 55, id == 56:
		return timeOnly
	case id == 22:
		return dateAndTime
	}
	return notDate
}

// formatStyle reads a format code: letters outside quotes, escapes and
// brackets. An elapsed time ([h]:mm) is a number, not a moment.
func formatStyle(code string) dateStyle {
	code, _, _ = strings.Cut(code, ";")
	var day, clock, month bool
	for i := 0; i < len(code); i++ {
		switch code[i] {
		case '"':
			if k := strings.IndexByte(code[i+1:], '"'); k >= 0 {
				i += k + 1
			} else {
				i = len(code)
			}
		case '\\', '_', '*':
			i++
		case '[':
			k := strings.IndexByte(code[i:], ']')
			if k < 0 {
				return notDate
			}
			if in := strings.ToLower(code[i+1 : i+k]); in != "" && strings.Trim(in, in[:1]) == "" && strings.ContainsAny(in[:1], "hms") {
				return notDate
			}
			i += k
		case 'y', 'Y', 'd', 'D':
			day = true
		case 'h', 'H', 's', 'S':
			clock = true
		case 'm', 'M':
			month = true
		case '0', '#', '?':
			if !clock {
				return notDate
			}
		case 'G', 'E', 'e':
			return notDate
		}
	}
	switch {
	case day && clock:
		return dateAndTime
	case clock:
		return timeOnly
	case day, month:
		return dateOnly
	}
	return notDate
}

// serialText turns a serial number into ISO 8601. Day 60 of the 1900 system,
// 29 February 1900, never was; ok is false for it and for numbers out of range.
func serialText(f float64, style dateStyle, epoch1904 bool) (string, bool) {
	if math.IsNaN(f) || f < 0 || f >= 2958466 {
		return "", false
	}
	days := math.Floor(f)
	ms := math.Round((f - days) * 86_400_000)
	if ms >= 86_400_000 {
		days, ms = days+1, 0
	}
	base := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case epoch1904:
		base = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case days == 60:
		return "", false
	case days < 60:
		base = base.AddDate(0, 0, 1)
	}
	at := base.AddDate(0, 0, int(days)).Add(time.Duration(ms) * time.Millisecond)
	if style == timeOnly && days == 0 {
		return at.Format("15:04:05.999"), true
	}
	if style == dateOnly && ms == 0 {
		return at.Format("2006-01-02"), true
	}
	return at.Format("2006-01-02T15:04:05.999"), true
}

// readShared holds the shared texts of the workbook in memory, bounded.
func readShared(z *zip.Reader, l Limits) ([]string, error) {
	rc, part, err := openPart(z, "xl/sharedStrings.xml", l)
	if err != nil || rc == nil {
		return nil, err
	}
	defer rc.Close()
	dec, in := newXML(part, 2*l.Cell)
	var all []string
	var b strings.Builder
	var size int64
	take, skip := false, 0
	for {
		in.since = 0
		tok, err := dec.Token()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, workbookError(err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "si":
				b.Reset()
			case "t":
				take = skip == 0
			case "rPh":
				skip++
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "t":
				take = false
			case "rPh":
				skip--
			case "si":
				all = append(all, b.String())
				if size += int64(b.Len()) + 16; size > l.Unpacked/8 {
					return nil, problem.New(problem.TooLarge, "too-large", "limit", bytesText(l.Unpacked/8))
				}
			}
		case xml.CharData:
			if take && b.Len() <= l.Row {
				b.Write(e)
			}
		}
	}
}
