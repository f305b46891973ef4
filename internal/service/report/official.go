package report

import (
	"fmt"
	"strings"
	"time"

	"huong.city/huong/internal/core/chart"
	core "huong.city/huong/internal/core/report"
)

// Sizes of the official form in points: Decree 30/2020/ND-CP, Annex I, part I
// (A4, margins: top and bottom 20 to 25 mm, left 30 to 35, right 15 to 20; page
// numbers from the second page on, centred in the top margin) and part II (size
// and style of each part).
const (
	sizeNation = 12.0 // 12 to 13, bold capitals
	sizeMotto  = 13.0 // 13 to 14, bold
	sizeAgency = 12.0 // 12 to 13, capitals, the issuing one bold
	sizeNumber = 13.0
	sizeTitle  = 14.0 // 13 to 14, bold
	sizeBody   = 13.0 // 13 to 14, both edges straight, first line 1 cm or 1.27 cm in
	sizeTable  = 11.0
	sizeList   = 11.0 // of recipients; its head 12, bold italic
	indent     = 10.0
	rowHeight  = 18.0 // of a ranking, in units of its drawing
)

// Official sets a report in official form, in Vietnamese, or in English by the
// same form. One that is not issued says that it is a draft. The same report
// gives the same bytes.
func (f *Fonts) Official(r *Report, lang string, zone *time.Location) ([]byte, error) {
	at := r.IssuedAt
	if !r.Issued() {
		at = r.ComputedAt
	}
	p := f.paper(serif, r.TitleIn(lang), lang, at, 30, 20, 15, 20)
	p.SetHeaderFunc(func() {
		if n := p.PageNo(); n > 1 {
			p.set("", sizeBody)
			s := fmt.Sprint(n)
			p.Text((paperWidth-p.GetStringWidth(s))/2+(p.left-p.right)/2, 14, s)
		}
	})
	p.AddPage()
	o := &official{p, r, lang, zone}
	o.head()
	o.title()
	for i := range r.Content.Sections {
		o.section(i, &r.Content.Sections[i])
	}
	o.sign()
	return p.bytes()
}

type official struct {
	*paper
	r    *Report
	lang string
	zone *time.Location
}

func (o *official) say(vi, en string) string { return word{vi, en}.in(o.lang) }

// head is the national heading on the right, the agency and the number on the
// left.
func (o *official) head() {
	c, form := o.r.Content, o.r.Content.Form
	left, right := 70.0, o.width()-72.0
	rx := o.left + o.width() - right
	y := o.top
	if s := form.Parent.In(o.lang); s != "" {
		y = o.centred(strings.ToUpper(s), "", sizeAgency, o.left, y, left)
	}
	y = o.centred(strings.ToUpper(c.Agency.In(o.lang)), "B", sizeAgency, o.left, y, left)
	o.rule(o.left, y+0.8, left, left/3)
	ny := o.centred(o.say("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "SOCIALIST REPUBLIC OF VIETNAM"), "B", sizeNation, rx, o.top, right)
	motto := o.say("Độc lập - Tự do - Hạnh phúc", "Independence - Freedom - Happiness")
	ny = o.centred(motto, "B", sizeMotto, rx, ny, right)
	o.rule(rx, ny+0.8, right, o.GetStringWidth(motto))
	y = max(y, ny) + 3
	number := "      /" + form.Symbol
	if o.r.Issued() {
		number = o.r.Symbol
	}
	a := o.centred(o.say("Số: ", "No. ")+number, "", sizeNumber, o.left, y, left)
	b := o.centred(o.dateline(), "I", sizeNumber, rx, y, right)
	o.SetXY(o.left, max(a, b)+4)
}

// dateline is the place and the date. Days below 10 and the months January and
// February begin with 0 (Annex I, II.4).
func (o *official) dateline() string {
	place := or(o.r.Content.Form.Place.In(o.lang), o.r.Content.AreaName.In(o.lang))
	if !o.r.Issued() {
		return place + o.say(", ngày      tháng      năm ", ", ") + o.r.ComputedAt.In(o.zone).Format("2006")
	}
	t := o.r.IssuedAt.In(o.zone)
	if o.lang == "en" {
		return place + ", " + t.Format("2 January 2006")
	}
	month := fmt.Sprint(int(t.Month()))
	if t.Month() <= time.February {
		month = "0" + month
	}
	return fmt.Sprintf("%s, ngày %02d tháng %s năm %d", place, t.Day(), month, t.Year())
}

func (o *official) title() {
	y := o.GetY()
	if !o.r.Issued() {
		y = o.centred(o.say("DỰ THẢO – chưa ban hành", "DRAFT – not issued"), "I", sizeList, o.left, y, o.width())
	}
	y = o.centred(o.say("BÁO CÁO", "REPORT"), "B", sizeTitle, o.left, y, o.width())
	title := o.r.TitleIn(o.lang)
	for _, kind := range [...]string{"Báo cáo ", "Report on "} { // the kind stands above
		if rest := strings.TrimPrefix(title, kind); rest != title {
			title = upperFirst(rest)
		}
	}
	y = o.centred(title, "B", sizeTitle, o.left+8, y, o.width()-16)
	o.rule(o.left, y+1, o.width(), o.width()/5)
	o.SetXY(o.left, y+6)
	if o.lang == "en" {
		o.paragraph("English edition. The Vietnamese edition is the one in force.", "I", sizeList, 0)
	}
}

func upperFirst(s string) string {
	r := []rune(s)
	if len(r) == 0 {
		return s
	}
	return strings.ToUpper(string(r[0])) + string(r[1:])
}

var roman = [...]string{"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI", "XVII", "XVIII", "XIX", "XX"}

func (o *official) section(i int, s *Section) {
	number := fmt.Sprint(i + 1)
	if i < len(roman) {
		number = roman[i]
	}
	o.room(3 * o.line(sizeBody))
	o.paragraph(number+". "+strings.ToUpper(s.Title.In(o.lang)), "B", sizeBody, 0)
	for k := range s.Blocks {
		o.block(&s.Blocks[k])
	}
}

func (o *official) block(b *Block) {
	title := b.Title.In(o.lang)
	if b.Kind == core.Ask {
		o.room(2 * o.line(sizeBody))
		o.paragraph(title+": "+or(o.r.Answer(b), wordUnanswered.in(o.lang)), "", sizeBody, indent)
		return
	}
	if b.Kind == core.Text {
		o.paragraph(b.Text.In(o.lang), "", sizeBody, indent)
		return
	}
	const wide, high = 620, 220 // units of a drawing
	switch scale := o.width() / wide; {
	case b.Closed:
	case b.Kind == core.Series: // a title stays with its drawing
		o.room(2*o.line(sizeBody) + high*scale)
	case b.Kind == core.Ranking:
		o.room(2*o.line(sizeBody) + b.Ranking(o.lang, 2).Height(rowHeight)*scale)
	}
	if title != "" {
		o.room(4 * o.line(sizeBody))
		o.paragraph(title, "I", sizeBody, 0)
	}
	if b.Closed {
		o.paragraph(wordClosed.in(o.lang), "I", sizeList, indent)
		return
	}
	switch b.Kind {
	case core.Series:
		o.draw(620, 220, func(c chart.Canvas) {
			b.Series(o.lang).Draw(c, chart.Frame{W: 620, H: 220, Lang: o.lang, Zone: o.zone})
		})
		return
	case core.Ranking:
		r := b.Ranking(o.lang, 2)
		h := r.Height(rowHeight)
		o.draw(wide, h, func(c chart.Canvas) { r.Draw(c, chart.Frame{W: wide, H: h, Size: 11, Lang: o.lang, Zone: o.zone}) })
		return
	case core.Events:
		if len(b.Events) == 0 {
			o.paragraph(wordNoEvents.in(o.lang), "", sizeBody, indent)
			return
		}
	}
	t, _ := b.Table(o.lang, o.zone)
	weights := []float64{3.4}
	switch b.Kind {
	case core.Figures:
		weights = []float64{4.6, 1.7, 1.6, 1.6, 1.5, 1.5}
	case core.Events:
		weights = []float64{2, 2, 6.2, 3, 2.6}
	default:
		for range len(t.Head) - 1 {
			weights = append(weights, 2)
		}
	}
	o.table(t, weights, sizeTable)
	closed := 0
	for i := range b.Rows {
		if b.Rows[i].Closed {
			closed++
		}
	}
	if closed > 0 {
		o.paragraph(fmt.Sprintf(o.say("%d chỉ số không có ở đây: không thuộc quyền xem của cán bộ phụ trách, hoặc không tính cho địa bàn này.",
			"%d figures do not stand here: not within what the responsible officer may see, or not told for this area."), closed), "I", sizeList, 0)
	}
	if b.More > 0 {
		o.paragraph(strings.ReplaceAll(wordMore.in(o.lang), "{n}", chart.Integer(o.lang, b.More)), "I", sizeList, 0)
	}
}

// sign is the recipients on the left and who signs on the right, kept together.
func (o *official) sign() {
	form := o.r.Content.Form
	o.room(float64(len(form.Recipients)+2)*o.line(sizeList) + 45)
	y, half := o.GetY()+4, o.width()/2
	o.set("BI", 12)
	o.Text(o.left, y+o.line(12)*0.78, o.say("Nơi nhận:", "Recipients:"))
	ly := y + o.line(12)
	o.set("", sizeList)
	for i, w := range form.Recipients {
		end := ";"
		if i == len(form.Recipients)-1 {
			end = "."
		}
		for k, line := range o.wrap(w.In(o.lang)+end, half-8, 0) {
			mark := "- "
			if k > 0 {
				mark = "  "
			}
			o.Text(o.left, ly+o.line(sizeList)*0.78, mark+line)
			ly += o.line(sizeList)
		}
	}
	x := o.left + half
	if s := form.Authority.In(o.lang); s != "" {
		y = o.centred(strings.ToUpper(s), "B", sizeBody, x, y, half)
	}
	y = o.centred(strings.ToUpper(form.Signer.In(o.lang)), "B", sizeBody, x, y, half)
	name := ""
	if o.r.Issued() {
		name = o.r.Signer
	}
	o.centred(name, "B", sizeTitle, x, y+24, half)
}

// Series is the drawing of a series block in a language.
func (b *Block) Series(lang string) *chart.Series {
	s := &chart.Series{}
	for _, l := range b.Lines {
		line := chart.Line{Name: l.Title.In(lang)}
		for _, x := range l.Samples {
			line.Samples = append(line.Samples, chart.Sample{At: x.At, V: x.V, OK: x.Known})
			if s.From.IsZero() || x.At.Before(s.From) {
				s.From = x.At
			}
			if x.At.After(s.Until) {
				s.Until = x.At
			}
		}
		s.Lines, s.Unit = append(s.Lines, line), l.Unit.In(lang)
	}
	s.Grain = map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 31 * 24 * time.Hour}[b.Grain]
	return s
}

// Ranking is the drawing of a ranking block in a language.
func (b *Block) Ranking(lang string, columns int) *chart.Ranking {
	if len(b.Columns) == 0 {
		return &chart.Ranking{}
	}
	c := b.Columns[0]
	r := &chart.Ranking{Head: wordWard.in(lang), Measure: c.Title.In(lang), Unit: c.Unit.In(lang), Target: c.Target, Columns: columns}
	for _, x := range b.Rows {
		r.Items = append(r.Items, chart.Item{Name: bare(x.Name.In(lang)), V: x.Cells[0].V, OK: x.Cells[0].Known, Severity: x.Cells[0].Severity})
	}
	return r
}

// bare is a ward's name without its kind: in a column of wards it says nothing.
func bare(name string) string {
	for _, kind := range [...]string{"Phường ", "Xã ", "phường ", "xã "} {
		name = strings.TrimPrefix(name, kind)
	}
	for _, kind := range [...]string{" Ward", " Commune", " ward", " commune"} {
		name = strings.TrimSuffix(name, kind)
	}
	return name
}
