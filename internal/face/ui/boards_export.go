package ui

import (
	"bytes"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/service/export"
)

// boardExport is the board as a file: what this reader sees, as of one moment.
func (u *UI) boardExport(v *view) error {
	name := v.r.PathValue("name")
	boards, _ := u.boardsNow()
	b := boards[name]
	if b == nil {
		return v.noPage()
	}
	d := v.boardData(name, b)
	d.fill(-1)
	format := v.r.URL.Query().Get("format")
	var out bytes.Buffer
	if format == "pdf" {
		b, err := u.boardPaper(d)
		if err != nil {
			return err
		}
		return v.file(name+"-"+d.Scope.moment(d.now).In(d.zone).Format("20060102-1504"), format, b)
	}
	if err := export.WriteSheets(&out, format, d.sheets(), d.about()); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", export.ContentType(format))
	h.Set("Content-Disposition", `attachment; filename="`+name+"-"+d.Scope.moment(d.now).In(d.zone).Format("20060102-1504")+"."+format+`"`)
	h.Set("Cache-Control", "no-store")
	_, err := v.w.Write(out.Bytes())
	return err
}

// sheets are the tables of the board: one of all single figures, then one for
// each widget. What is closed to the reader is not there.
func (d *boardData) sheets() []export.Sheet {
	numbers := export.Sheet{Name: d.T("boards.figures")}
	numbers.Head = []string{d.T("tile.indicator"), d.T("tile.figure"), d.T("tile.unit"), d.T("tile.severity"), d.T("tile.target.name"), d.T("tile.newest"), d.T("tile.source")}
	var rest []export.Sheet
	add := func(tiles []*tile) {
		for _, t := range tiles {
			switch {
			case t.Denied || t.Empty != "":
			case t.Kind == "number":
				severity := ""
				if t.Severity != "" {
					severity = d.T("severity." + t.Severity)
				}
				numbers.Rows = append(numbers.Rows, []chart.Cell{{Text: t.Title}, t.Num, {Text: t.Unit}, {Text: severity}, {Text: t.Target}, {Text: d.Time(t.At)}, {Text: t.Whence}})
			case len(t.Table.Rows) > 0:
				rest = append(rest, export.Sheet{Name: t.Title, Table: t.Table})
			}
		}
	}
	for _, s := range d.Sections {
		add(s.Tiles)
		for _, c := range s.Cards {
			add(c.Tiles)
		}
	}
	if len(numbers.Rows) > 0 {
		rest = append([]export.Sheet{numbers}, rest...)
	}
	return rest
}

// about says where the figures of a file come from.
func (d *boardData) about() export.About {
	area := d.T("boards.all-areas")
	if d.Scope.Area != "" {
		area = d.Area(d.Scope.Area)
	}
	list := export.About{
		{d.T("boards.about.board"), d.Board.Title.In(d.lang)},
		{d.T("tile.area"), area},
		{d.T("boards.about.period"), d.T("period." + d.Scope.Period)},
		{d.T("boards.about.asof"), d.Time(d.Scope.moment(d.now))},
		{d.T("boards.about.address"), d.keep(d.Name, "at", ISO(d.Scope.moment(d.now)))},
		{d.T("boards.about.rights"), or(d.p.Name, d.T("boards.about.public"))},
	}
	if d.Board.Owner != "" {
		list = append(list, [2]string{d.T("boards.about.owner"), d.Agency(d.Board.Owner)})
	}
	return list
}
