package report

import (
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/core/declare"
	core "huong.city/huong/internal/core/report"
)

// Words is text by language.
type Words = declare.Words

// Content is what a report says: figures and words of one moment, in both
// languages, so that every edition of it can be made again from it alone.
type Content struct {
	Title    Words       `json:"title"`
	Period   core.Period `json:"period"`
	From     time.Time   `json:"from"`
	Until    time.Time   `json:"until"`
	Area     string      `json:"area"`
	AreaName Words       `json:"areaName"`
	Agency   Words       `json:"agency"` // as it signs
	Form     core.Form   `json:"form"`
	Stage    int         `json:"stage,omitempty"` // of the city at the end
	Sections []Section   `json:"sections"`
}

// Section is a numbered part.
type Section struct {
	Title  Words   `json:"title"`
	Blocks []Block `json:"blocks"`
}

// Block is one thing in a section, by its kind of core/report.
type Block struct {
	Kind    string   `json:"kind"`
	Title   Words    `json:"title,omitempty"`
	Text    Words    `json:"text,omitempty"` // filled; of Ask: the hint
	Columns []Column `json:"columns,omitempty"`
	Rows    []Row    `json:"rows,omitempty"` // of Figures one for each indicator, of Table and Ranking one for each ward
	Lines   []Line   `json:"lines,omitempty"`
	Grain   string   `json:"grain,omitempty"`
	Of      string   `json:"of,omitempty"`
	Events  []Event  `json:"events,omitempty"`
	More    int64    `json:"more,omitempty"` // events beyond the limit
	Name    string   `json:"name,omitempty"` // of Ask
	Need    bool     `json:"need,omitempty"`
	Prefill string   `json:"prefill,omitempty"`
	Closed  bool     `json:"closed,omitempty"` // not shown to the responsible officer
}

// Column is an indicator that stands above figures.
type Column struct {
	Indicator string   `json:"indicator"`
	Title     Words    `json:"title"`
	Unit      Words    `json:"unit,omitempty"`
	Decimals  int      `json:"decimals,omitempty"`
	Target    *float64 `json:"target,omitempty"`
}

// Row is a name with its figures.
type Row struct {
	Column            // of Figures
	Name    Words     `json:"name,omitempty"`
	Cells   []Cell    `json:"cells"`       // of Figures: now and before
	At      time.Time `json:"at,omitzero"` // the bucket's end, where it is not the period's
	Closed  bool      `json:"closed,omitempty"`
	Partial bool      `json:"partial,omitempty"`
}

// Cell is a figure that may be unknown.
type Cell struct {
	V        float64 `json:"v"`
	Known    bool    `json:"known"`
	Severity string  `json:"severity,omitempty"`
}

// Line is a course of figures.
type Line struct {
	Column
	Samples []Sample `json:"samples"`
}

// Sample is one figure of a course.
type Sample struct {
	At    time.Time `json:"at"`
	V     float64   `json:"v"`
	Known bool      `json:"known"`
}

// Event is something that happened in the period.
type Event struct {
	At       time.Time `json:"at"`
	Ref      string    `json:"ref,omitempty"`
	Severity string    `json:"severity,omitempty"`
	Title    Words     `json:"title"`
	Area     string    `json:"area,omitempty"`
	AreaName Words     `json:"areaName,omitempty"`
	State    string    `json:"state,omitempty"`
	Until    time.Time `json:"until,omitzero"` // over since
}

// words of the editions.
type word [2]string

func (w word) in(lang string) string {
	if lang == "en" {
		return w[1]
	}
	return w[0]
}

var (
	wordIndicator  = word{"Chỉ số", "Indicator"}
	wordUnit       = word{"Đơn vị", "Unit"}
	wordNow        = word{"Kỳ này", "This period"}
	wordBefore     = word{"Kỳ trước", "Period before"}
	wordChange     = word{"Tăng, giảm", "Change"}
	wordTarget     = word{"Chỉ tiêu", "Target"}
	wordWard       = word{"Xã, phường", "Ward"}
	wordAt         = word{"Lúc", "Time"}
	wordSeverity   = word{"Mức", "Severity"}
	wordWhat       = word{"Nội dung", "What"}
	wordWhere      = word{"Địa bàn", "Area"}
	wordState      = word{"Tình trạng", "State"}
	wordNoEvents   = word{"Không có trong kỳ.", "None in this period."}
	wordClosed     = word{"Không thuộc quyền xem của cán bộ phụ trách.", "Not within what the responsible officer may see."}
	wordMore       = word{"và {n} mục khác.", "and {n} more."}
	wordUnanswered = word{"Không có ý kiến.", "No comment."}
	wordComment    = word{"Ý kiến", "Comment"}
	wordOpen       = word{"đang xử lý", "open"}
	wordOver       = word{"kết thúc {at}", "over {at}"}
)

var severityWords = map[string]word{"high": {"◆ cao", "◆ high"}, "medium": {"▲ trung bình", "▲ medium"}, "low": {"■ thấp", "■ low"}}

var stageWords = [...]word{{}, {"bình thường", "normal"}, {"nguy cơ", "at risk"}, {"ảnh hưởng đang xảy ra", "impacts happening"},
	{"nghiêm trọng", "severe"}, {"vượt khả năng ứng phó", "beyond response"}}

// figure writes a figure as its indicator asks.
func figure(lang string, c Column, f Cell) string {
	if !f.Known {
		return "–"
	}
	s := chart.Decimal(lang, f.V, c.Decimals)
	if f.Severity != "" {
		s = strings.Fields(severityWords[f.Severity].in(lang))[0] + " " + s
	}
	return s
}

func change(lang string, c Column, now, before Cell) string {
	if !now.Known || !before.Known {
		return "–"
	}
	d := now.V - before.V
	s := chart.Decimal(lang, max(d, -d), c.Decimals)
	switch {
	case d > 0:
		return "+" + s
	case d < 0:
		return "−" + s
	}
	return s
}

// Sheet is a named table.
type Sheet struct {
	Name string
	chart.Table
}

// Table gives a block as rows of a language; false for one that is words.
func (b *Block) Table(lang string, zone *time.Location) (chart.Table, bool) {
	var t chart.Table
	num := func(c Column, f Cell) chart.Cell {
		return chart.Cell{Text: figure(lang, c, f), V: f.V, Number: f.Known}
	}
	heads := func(first string, list []Column) {
		t.Head = []string{first}
		for _, c := range list {
			h := c.Title.In(lang)
			if u := c.Unit.In(lang); u != "" {
				h += " (" + u + ")"
			}
			t.Head = append(t.Head, h)
		}
	}
	switch b.Kind {
	case core.Figures:
		t.Head = []string{wordIndicator.in(lang), wordUnit.in(lang), wordNow.in(lang), wordBefore.in(lang), wordChange.in(lang), wordTarget.in(lang)}
		for _, r := range b.Rows {
			if r.Closed || len(r.Cells) < 2 {
				continue
			}
			d := chart.Cell{Text: change(lang, r.Column, r.Cells[0], r.Cells[1])}
			if r.Cells[0].Known && r.Cells[1].Known {
				d.V, d.Number = r.Cells[0].V-r.Cells[1].V, true
			}
			target := chart.Cell{}
			if r.Target != nil {
				target = num(r.Column, Cell{V: *r.Target, Known: true})
			}
			name := r.Title.In(lang)
			if !r.At.IsZero() {
				name += " (" + r.At.In(zone).Format("15:04 02/01") + ")"
			}
			t.Rows = append(t.Rows, []chart.Cell{{Text: name}, {Text: r.Unit.In(lang)}, num(r.Column, r.Cells[0]), num(r.Column, r.Cells[1]), d, target})
		}
	case core.Table, core.Ranking:
		heads(wordWard.in(lang), b.Columns)
		for _, r := range b.Rows {
			row := []chart.Cell{{Text: r.Name.In(lang)}}
			for i, f := range r.Cells {
				row = append(row, num(b.Columns[i], f))
			}
			t.Rows = append(t.Rows, row)
		}
	case core.Series:
		list := make([]Column, len(b.Lines))
		for i := range b.Lines {
			list[i] = b.Lines[i].Column
		}
		heads(wordAt.in(lang), list)
		for i := range longest(b.Lines) {
			row := []chart.Cell{{}}
			for k, l := range b.Lines {
				f := Cell{}
				if i < len(l.Samples) {
					s := l.Samples[i]
					row[0].Text, f = s.At.In(zone).Format("02/01/2006 15:04"), Cell{V: s.V, Known: s.Known}
				}
				row = append(row, num(list[k], f))
			}
			t.Rows = append(t.Rows, row)
		}
	case core.Events:
		t.Head = []string{wordAt.in(lang), wordSeverity.in(lang), wordWhat.in(lang), wordWhere.in(lang), wordState.in(lang)}
		for _, e := range b.Events {
			t.Rows = append(t.Rows, []chart.Cell{{Text: e.At.In(zone).Format("15:04 02/01")}, {Text: severityWords[e.Severity].in(lang)}, {Text: e.Title.In(lang)},
				{Text: e.AreaName.In(lang)}, {Text: e.standing(lang, zone)}})
		}
	default:
		return t, false
	}
	return t, true
}

func (e *Event) standing(lang string, zone *time.Location) string {
	switch {
	case !e.Until.IsZero():
		return strings.ReplaceAll(wordOver.in(lang), "{at}", e.Until.In(zone).Format("15:04 02/01"))
	case e.State == "open":
		return wordOpen.in(lang)
	}
	return ""
}

func longest(list []Line) int {
	n := 0
	for _, l := range list {
		n = max(n, len(l.Samples))
	}
	return n
}

// Sheets gives every table of a report, and one of what the officer wrote.
func (r *Report) Sheets(lang string, zone *time.Location) []Sheet {
	var list []Sheet
	said := Sheet{Name: wordComment.in(lang), Table: chart.Table{Head: []string{wordWhat.in(lang), wordComment.in(lang)}}}
	for i, s := range r.Content.Sections {
		for k := range s.Blocks {
			b := &s.Blocks[k]
			name := strconv.Itoa(i+1) + ". " + s.Title.In(lang)
			if w := b.Title.In(lang); w != "" {
				name = strconv.Itoa(i+1) + ". " + w
			}
			if t, ok := b.Table(lang, zone); ok && !b.Closed {
				list = append(list, Sheet{name, t})
			}
			if b.Kind == core.Ask {
				said.Rows = append(said.Rows, []chart.Cell{{Text: b.Title.In(lang)}, {Text: r.Comments[b.Name]}})
			}
		}
	}
	if len(said.Rows) > 0 {
		list = append(list, said)
	}
	return list
}

// About says where the figures of a report come from.
func (r *Report) About(lang string, zone *time.Location) [][2]string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(zone).Format("02/01/2006 15:04")
	}
	list := [][2]string{
		{word{"Báo cáo", "Report"}.in(lang), r.TitleIn(lang)}, {word{"Số, ký hiệu", "Number"}.in(lang), r.Symbol},
		{word{"Từ", "From"}.in(lang), at(r.From)}, {word{"Đến", "Until"}.in(lang), at(r.Until)}, {wordWhere.in(lang), r.Content.AreaName.In(lang)},
		{word{"Chốt số liệu lúc", "Figures fixed at"}.in(lang), at(r.ComputedAt)}, {word{"Theo bản ghi thứ", "As of commit"}.in(lang), strconv.FormatInt(r.AsOf, 10)},
		{word{"Theo quyền của", "By the rights of"}.in(lang), r.Officer}, {word{"Ban hành lúc", "Issued at"}.in(lang), at(r.IssuedAt)},
		{word{"Mã", "Id"}.in(lang), r.ID},
	}
	return list
}
