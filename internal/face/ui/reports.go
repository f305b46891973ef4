package ui

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/core/problem"
	core "huong.city/huong/internal/core/report"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/export"
	"huong.city/huong/internal/service/report"
)

// reportRoutes are the pages of reports.
func (u *UI) reportRoutes() []web.Route {
	if u.Reports == nil {
		return nil
	}
	get := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: u.page(h)}
	}
	post := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Handler: u.page(h), MaxBody: 1 << 20}
	}
	return []web.Route{
		get("/reports", u.reportList), get("/reports/new", u.reportPreview), post("/reports/new", u.makeReport),
		get("/reports/{id}", u.report), post("/reports/{id}", u.actOnReport), get("/reports/{id}/file", u.reportFile),
	}
}

// reportStates are those of the workflow that the list can be narrowed to.
var reportStates = [...]string{"computed", "commented", "returned", "approved", "issued"}

// reportsData is the list of reports.
type reportsData struct {
	Period, State string
	Rows          []report.Report
	Declared      []report.Declared
	Next          string
}

func reportPath(id string) string { return "/reports/" + url.PathEscape(id) }

func (u *UI) reportList(v *view) error {
	v.nav, v.title = "reports", v.T("reports.title")
	q := v.r.URL.Query()
	d := reportsData{Period: q.Get("period"), State: q.Get("state"), Declared: u.Reports.Declared()}
	list, page, err := u.Reports.List(v.r.Context(), v.p, report.Query{Period: d.Period, State: d.State, Agency: q.Get("agency"), Area: q.Get("area"), Limit: 60, Cursor: q.Get("cursor")})
	if err != nil {
		return err
	}
	d.Rows = list
	if page.Next != "" {
		d.Next = v.with("cursor", page.Next)
	}
	if v.fragment("report-list") {
		return v.part(reportRows(v, d))
	}
	return v.show(http.StatusOK, reportsPage(v, d))
}

// reportData is one report's page.
type reportData struct {
	*report.Report
	Live     bool   // computed for this reader now, and kept nowhere
	Name     string // of a live one's declaration
	Previous *report.Report
	May      []*workflow.Transition
	Fault    *web.Document
	Filled   url.Values
}

func (u *UI) report(v *view) error { return v.showReport(http.StatusOK, nil) }

func (v *view) showReport(status int, fault *web.Document) error {
	r, err := v.u.Reports.Get(v.r.Context(), v.p, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	v.nav, v.title, v.private = "reports", r.TitleIn(v.lang), true
	d := reportData{Report: r, Fault: fault, Filled: v.r.PostForm}
	if d.May, err = v.u.Reports.May(v.p, r); err != nil {
		return err
	}
	if v.is("compare", "previous") {
		if d.Previous, err = v.u.Reports.Previous(v.r.Context(), v.p, r); err != nil {
			return err
		}
	}
	if v.fragment("report-life") {
		return v.part(reportLife(v, d))
	}
	return v.show(status, reportPage(v, d))
}

func (u *UI) actOnReport(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	version, _ := strconv.ParseInt(v.field("version"), 10, 64)
	a := report.Act{Do: v.field("do"), Version: version, Note: v.field("note")}
	for name := range v.r.PostForm {
		if field, ok := strings.CutPrefix(name, "answer-"); ok {
			if a.Answers == nil {
				a.Answers = map[string]string{}
			}
			a.Answers[field] = v.field(name)
		}
	}
	id := v.r.PathValue("id")
	_, err := u.Reports.Act(v.r.Context(), v.p, id, a)
	if err == nil {
		return v.seeOther(reportPath(id))
	}
	if problem.KindOf(err) == problem.Stale {
		d := web.Describe(v.lang, v.r.Method, err)
		return v.showReport(d.Status, &d)
	}
	return v.again(err, v.showReport)
}

func (u *UI) reportPreview(v *view) error { return v.showPreview(http.StatusOK, nil) }

func (v *view) showPreview(status int, fault *web.Document) error {
	name := v.r.URL.Query().Get("name")
	area := v.r.URL.Query().Get("area")
	if area == "" && len(v.p.Areas) == 1 {
		area = v.p.Areas[0]
	}
	if area == "" || area == "46" || area == "*" {
		for _, x := range v.u.Reports.Declared() {
			if options := v.areaOptions(); x.Name == name && x.Wards && len(options) > 0 {
				area = options[0].Value
			}
		}
	}
	r, err := v.u.Reports.Preview(v.r.Context(), v.p, name, area)
	if err != nil {
		return err
	}
	v.nav, v.title, v.private = "reports", r.TitleIn(v.lang), true
	return v.show(status, reportPage(v, reportData{Report: r, Live: true, Name: name, Fault: fault}))
}

func (u *UI) makeReport(v *view) error {
	if err := v.form(); err != nil {
		return err
	}
	r, err := u.Reports.Make(v.r.Context(), v.p, v.r.URL.Query().Get("name"), v.field("area"))
	if err == nil {
		return v.seeOther(reportPath(r.ID))
	}
	return v.again(err, v.showPreview)
}

// reportFile is a report as PDF or XLSX, in the language of the page.
func (u *UI) reportFile(v *view) error {
	r, err := u.Reports.Get(v.r.Context(), v.p, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	var b []byte
	format := v.r.URL.Query().Get("format")
	switch format {
	case "pdf":
		b, err = u.Reports.PDF(v.r.Context(), r, v.lang)
	case "xlsx":
		b, err = reportSheets(r, v)
	default:
		err = problem.New(problem.Invalid, "report-format", "format", format, "known", "pdf, xlsx")
	}
	if err != nil {
		return err
	}
	return v.file(r.ID+"-"+v.lang, format, b)
}

func reportSheets(r *report.Report, v *view) ([]byte, error) {
	var out bytes.Buffer
	var sheets []export.Sheet
	for _, s := range r.Sheets(v.lang, v.zone) {
		sheets = append(sheets, export.Sheet{Name: s.Name, Table: s.Table})
	}
	err := export.WriteSheets(&out, "xlsx", sheets, r.About(v.lang, v.zone))
	return out.Bytes(), err
}

// file answers with a file to be saved.
func (v *view) file(name, format string, b []byte) error {
	h := v.w.Header()
	media := export.ContentType(format)
	if format == "pdf" {
		media = "application/pdf"
	}
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", `attachment; filename="`+name+"."+format+`"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, err := v.w.Write(b)
	return err
}

// boardPaper sets what a reader sees of a board on paper.
func (u *UI) boardPaper(d *boardData) ([]byte, error) {
	if u.Paper == nil {
		return nil, problem.New(problem.Unavailable, "report-fonts")
	}
	s := report.Shown{Title: d.Board.Title.In(d.lang), Lang: d.lang, At: d.Scope.moment(d.now), About: d.about()}
	if d.Scope.Area != "" {
		s.Title += " – " + d.Area(d.Scope.Area)
	}
	for _, x := range d.sheets() {
		s.Sheets = append(s.Sheets, report.Sheet{Name: x.Name, Table: x.Table})
	}
	return u.Paper.Board(s)
}

// reportState is the name of a state.
func (v *view) reportState(name string) string {
	if w, err := v.u.Reports.Workflow(); err == nil {
		if s, ok := w.State(name); ok {
			return s.Title.In(v.lang)
		}
	}
	return name
}

// stepName is the name of a step of a report's life.
func (v *view) stepName(s report.Step) string {
	if s.Kind == workflow.Open {
		return v.T("reports.made")
	}
	if s.Kind == workflow.Fire {
		return v.T("reports.clock")
	}
	if w, err := v.u.Reports.Workflow(); err == nil {
		if t, ok := w.Transition(s.Name); ok {
			return t.Title.In(v.lang)
		}
	}
	return s.Name
}

// may tells whether the reader may take a step now.
func (d *reportData) may(step string) bool {
	for _, t := range d.May {
		if t.Name == step {
			return true
		}
	}
	return false
}

// answer is what stands in a field of the form.
func (d *reportData) answer(b *report.Block) string {
	if d.Filled != nil && d.Filled.Has("answer-"+b.Name) {
		return d.Filled.Get("answer-" + b.Name)
	}
	return d.Answer(b)
}

// asks lists the fields that the officer fills in.
func (d *reportData) asks() (list []*report.Block) {
	for i := range d.Content.Sections {
		for k := range d.Content.Sections[i].Blocks {
			if b := &d.Content.Sections[i].Blocks[k]; b.Kind == core.Ask {
				list = append(list, b)
			}
		}
	}
	return list
}

// table is a block's figures; beside those of the report before where that is
// shown.
func (d *reportData) table(v *view, b *report.Block) chart.Table {
	t, _ := b.Table(v.lang, v.zone)
	if d.Previous == nil || b.Kind != core.Figures {
		return t
	}
	was := map[string]report.Cell{}
	for _, s := range d.Previous.Content.Sections {
		for _, o := range s.Blocks {
			for _, r := range o.Rows {
				if o.Kind == core.Figures && len(r.Cells) > 0 {
					was[r.Indicator] = r.Cells[0]
				}
			}
		}
	}
	t.Head = append(t.Head, v.T("reports.previous"))
	i := 0
	for _, r := range b.Rows {
		if r.Closed || len(r.Cells) < 2 {
			continue
		}
		text := "–"
		if c := was[r.Indicator]; c.Known {
			text = v.D(c.V, r.Decimals)
		}
		t.Rows[i] = append(t.Rows[i], chart.Cell{Text: text, Number: true})
		i++
	}
	return t
}

// drawing is a block's chart as markup; "" for a block without one.
func (v *view) reportDrawing(b *report.Block) string {
	switch {
	case b.Closed:
		return ""
	case b.Kind == core.Series:
		c := chart.NewFluidSVG(760, 230)
		b.Series(v.lang).Draw(c, chart.Frame{W: 760, H: 230, Lang: v.lang, Zone: v.zone})
		return c.Markup(b.Title.In(v.lang))
	case b.Kind == core.Ranking:
		r := b.Ranking(v.lang, 1)
		return twoRooms(func(narrow bool) string {
			f := chart.Frame{W: 760, H: r.Height(24), Lang: v.lang, Zone: v.zone}
			if narrow {
				f.W = narrowRoom
			}
			c := chart.NewFluidSVG(f.W, f.H)
			r.Draw(c, f)
			return c.Markup(b.Title.In(v.lang))
		})
	}
	return ""
}

// reportLiveAttr lets a report's progress follow what others do with it.
func reportLiveAttr(d reportData) templ.Attributes {
	if d.Live || d.may("comment") { // what is being written stays
		return nil
	}
	return templ.Attributes{"data-live-fragment": "report"}
}
