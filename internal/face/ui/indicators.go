package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/core/cql2"
	core "huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/indicator"
)

func (u *UI) indicatorRoutes() []web.Route {
	if u.Indicators == nil {
		return nil
	}
	return []web.Route{
		{Method: http.MethodGet, Pattern: "/indicators", Handler: u.page(u.indicatorList)},
		{Method: http.MethodGet, Pattern: "/indicators/{name}", Handler: u.page(u.indicatorPage)},
	}
}

// indicatorRow is one indicator with its figure, as lists show it.
type indicatorRow struct {
	Name, Title, Unit, Href string
	Figure                  string // "" when unknown
	Severity                string
	Target                  string
	Met                     bool
	Change                  string // against the week before
	Quality                 indicator.Quality
	Newest                  time.Time
	Building                string // how far, in percent; "" when done
	Partial                 bool
	Spark                   string // SVG
}

// indicatorSector is the indicators of one sector.
type indicatorSector struct {
	Code, Title string
	Rows        []indicatorRow
}

type indicatorsData struct {
	Sectors []indicatorSector
	Area    string
	Areas   []option
	Count   int
}

// Buckets of the small picture in lists.
const sparkBuckets = 24

// indicatorList shows every indicator that the reader may be shown, by sector.
func (u *UI) indicatorList(v *view) error {
	v.nav, v.title = "indicators", v.T("indicators.title")
	d := indicatorsData{Area: v.r.URL.Query().Get("area"), Areas: v.areaOptions()}
	states := map[string]indicator.State{}
	for _, st := range u.Indicators.States() {
		states[st.Name] = st
	}
	bySector := map[string]*indicatorSector{}
	for _, def := range u.Indicators.List(v.p) {
		if d.Area != "" && !def.Area {
			continue
		}
		row, err := v.indicatorRow(def, d.Area, states[def.Name])
		switch problem.KindOf(err) {
		case problem.Denied, problem.NotFound, problem.Unauthenticated:
			continue
		}
		if err != nil {
			return err
		}
		s := bySector[def.Sector]
		if s == nil {
			s = &indicatorSector{Code: def.Sector, Title: v.Sector(def.Sector)}
			bySector[def.Sector] = s
		}
		s.Rows = append(s.Rows, row)
		d.Count++
	}
	for _, sector := range u.namesNow(v.r.Context()).sectors {
		code := sector.Code
		if s := bySector[code]; s != nil {
			d.Sectors = append(d.Sectors, *s)
			delete(bySector, code)
		}
	}
	rest := make([]string, 0, len(bySector))
	for code := range bySector {
		rest = append(rest, code)
	}
	slices.Sort(rest)
	for _, code := range rest {
		d.Sectors = append(d.Sectors, *bySector[code])
	}
	return v.show(http.StatusOK, indicatorsPage(v, d))
}

// indicatorRow reads an indicator's figure with a small picture of its course.
func (v *view) indicatorRow(def *core.Definition, area string, st indicator.State) (indicatorRow, error) {
	row := indicatorRow{
		Name: def.Name, Title: def.Title.In(v.lang), Unit: def.Unit.In(v.lang), Href: to("/indicators/"+url.PathEscape(def.Name), "area", area),
	}
	if st.Building {
		row.Building = v.Percent(st.Progress)
	}
	r, err := v.u.Indicators.Value(v.r.Context(), v.p, indicator.Ask{Name: def.Name, Area: area})
	if err != nil {
		return row, err
	}
	row.Severity, row.Met, row.Quality, row.Newest, row.Partial = r.Severity, r.Reached, r.Quality, r.Newest, r.Partial
	if r.Known {
		row.Figure = v.D(r.Value, def.Decimals)
		row.Change = v.changed(r.ToCompare(), r.LastWeek, def.Decimals)
	}
	if r.Target != nil {
		row.Target = v.D(*r.Target, def.Decimals)
	}
	if r.Grain == core.Total || r.Quality == indicator.Building {
		return row, nil
	}
	s, err := v.u.Indicators.Series(v.r.Context(), v.p, indicator.SeriesAsk{Ask: indicator.Ask{Name: def.Name, Area: area}, Last: sparkBuckets})
	if err != nil {
		return row, err
	}
	c := chart.NewSVG(120, 28)
	spark := chart.Spark{Values: v.samples(s.Points)}
	spark.Draw(c, chart.Frame{W: 120, H: 28, Lang: v.lang, Zone: v.zone})
	row.Spark = c.Markup(row.Title)
	return row, nil
}

// changed is the difference to another figure, with its sign; "" when unknown.
func (v *view) changed(now, then indicator.Figure, decimals int) string {
	if !now.Known || !then.Known {
		return ""
	}
	switch s := v.D(now.Value-then.Value, decimals); {
	case strings.HasPrefix(s, "-") || strings.HasPrefix(s, "−"):
		return s
	case strings.Trim(s, "0.,") == "":
		return "±0"
	default:
		return "+" + s
	}
}

func (v *view) samples(points []indicator.Point) []chart.Sample {
	list := make([]chart.Sample, len(points))
	for i, p := range points {
		list[i] = chart.Sample{At: p.Start, V: p.Value, OK: p.Known}
	}
	return list
}

// indicatorData is the page of one indicator.
type indicatorData struct {
	Def       *core.Definition
	Row       indicatorRow
	Reading   indicator.Reading
	Area      string
	Areas     []option
	Grain     core.Grain
	Compare   string
	Compared  []comparedFigure
	Upto      string // how far a running bucket is compared with the others
	Records   string // address of the records behind the figure
	Datasets  []option
	Limits    []option // thresholds: word and figure
	Chart     string
	Table     chart.Table
	Ranking   string
	Wards     chart.Table
	By        string
	Cats      []bar
	Following string // datasets whose news make the page anew
}

type comparedFigure struct{ What, Figure, Change string }

// Buckets that the page's series shows, by grain.
var seriesBuckets = map[core.Grain]int{core.Hour: 72, core.Day: 60, core.Week: 53, core.Month: 36, core.Total: 1}

// indicatorPage shows one indicator: what it is, its figure, its course, the wards
// and the categories, and the way to the records.
func (u *UI) indicatorPage(v *view) error {
	q, ctx, name := v.r.URL.Query(), v.r.Context(), v.r.PathValue("name")
	ask := indicator.Ask{Name: name, Area: q.Get("area"), Grain: q.Get("grain"), By: q.Get("by"), Category: q.Get("category")}
	if q.Has("at") {
		at, err := time.Parse(time.RFC3339, strings.Replace(q.Get("at"), " ", "+", 1))
		if err != nil {
			return problem.InvalidWith("query-invalid", []problem.Violation{problem.Violate("datetime-invalid", "at")})
		}
		ask.At = at
	}
	narrow := ask
	if !q.Has("category") {
		narrow.By, narrow.Category = "", ""
	}
	r, err := u.Indicators.Value(ctx, v.p, narrow)
	if err != nil {
		return err
	}
	def := r.Definition
	d := &indicatorData{Def: def, Reading: r, Area: r.Area, Areas: v.areaOptions(), Grain: r.Grain, Compare: q.Get("compare"), By: ask.By}
	v.nav, v.title = "indicators", def.Title.In(v.lang)
	st := indicator.State{}
	for _, x := range u.Indicators.States() {
		if x.Name == name {
			st = x
		}
	}
	if d.Row, err = v.indicatorRow(def, r.Area, st); err != nil {
		return err
	}
	if d.Row.Figure = ""; r.Known {
		d.Row.Figure = v.D(r.Value, def.Decimals)
	}
	for _, x := range []struct {
		key string
		f   indicator.Figure
	}{{"yesterday", r.Yesterday}, {"week", r.LastWeek}, {"year", r.LastYear}} {
		if x.f.Known {
			d.Compared = append(d.Compared, comparedFigure{v.T("indicators.than." + x.key), v.D(x.f.Value, def.Decimals), v.changed(r.ToCompare(), x.f, def.Decimals)})
		}
	}
	if !r.Upto.IsZero() && len(d.Compared) > 0 {
		d.Upto = v.T("indicators.upto", "t", v.upto(r))
	}
	for _, t := range def.Thresholds {
		d.Limits = append(d.Limits, option{Value: t.Severity, Label: v.D(t.At, def.Decimals)})
	}
	for i := range def.Parts {
		ds := def.Parts[i].Dataset
		if !slices.ContainsFunc(d.Datasets, func(o option) bool { return o.Value == ds }) {
			d.Datasets = append(d.Datasets, option{Value: ds, Label: v.datasetTitle(ds)})
			d.Following = joined(" ", d.Following, ds)
		}
	}
	behind, err := u.Indicators.Records(ctx, v.p, narrow)
	if err != nil {
		return err
	}
	d.Records = v.behind(behind)
	if err := v.indicatorSeries(d, narrow); err != nil {
		return err
	}
	if def.Area && r.Area == "" {
		if err := v.indicatorWards(d, narrow); err != nil {
			return err
		}
	}
	if d.By == "" && len(def.By) > 0 {
		d.By = def.By[0]
	}
	if d.By != "" && slices.Contains(def.By, d.By) {
		ask.By, ask.Category = d.By, ""
		if err := v.indicatorCategories(d, ask); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, indicatorOne(v, d))
}

// indicatorSeries draws the course.
func (v *view) indicatorSeries(d *indicatorData, ask indicator.Ask) error {
	if d.Grain == core.Total {
		return nil
	}
	if !slices.Contains([]string{"yesterday", "week", "year"}, d.Compare) {
		d.Compare = ""
	}
	s, err := v.u.Indicators.Series(v.r.Context(), v.p, indicator.SeriesAsk{Ask: ask, Last: seriesBuckets[d.Grain], Compare: d.Compare})
	if err != nil || len(s.Points) == 0 {
		return err
	}
	def := d.Def
	drawn := chart.Series{
		From: s.Points[0].Start, Until: s.Points[len(s.Points)-1].End, Grain: s.Points[0].End.Sub(s.Points[0].Start), Unit: d.Row.Unit,
		Lines: []chart.Line{{Name: d.Row.Title, Samples: v.samples(s.Points)}}, Zero: def.Scales(), Late: v.now.Add(-def.Lag),
	}
	if len(s.Compare) == len(s.Points) && d.Compare != "" {
		l := chart.Line{Name: v.T("indicators.than." + d.Compare)}
		for i, p := range s.Compare { // moved onto what it is compared with
			l.Samples = append(l.Samples, chart.Sample{At: s.Points[i].Start, V: p.Value, OK: p.Known})
		}
		drawn.Compare = &l
	}
	if d.Grain == def.Main() && (!def.Scales() || def.PerArea || d.Area == "") {
		for _, t := range def.Thresholds {
			drawn.Limits = append(drawn.Limits, chart.Limit{Value: t.At, Name: v.T("severity." + t.Severity), Severity: t.Severity})
		}
		if def.Target != nil {
			drawn.Limits = append(drawn.Limits, chart.Limit{Value: *def.Target, Name: v.T("indicators.target")})
		}
	}
	f := chart.Frame{W: 860, H: 280, Lang: v.lang, Zone: v.zone}
	c := chart.NewFluidSVG(f.W, f.H)
	drawn.Draw(c, f)
	d.Chart, d.Table = c.Markup(d.Row.Title), drawn.Table(f)
	return nil
}

// indicatorWards ranks the wards, the worst first.
func (v *view) indicatorWards(d *indicatorData, ask indicator.Ask) error {
	ask.Area = ""
	list, err := v.u.Indicators.ByArea(v.r.Context(), v.p, ask)
	if err != nil {
		return err
	}
	k := chart.Ranking{Head: v.T("filter.area"), Measure: d.Row.Title, Unit: d.Row.Unit, Target: d.Def.Target, Columns: 2}
	if d.Def.Scales() && !d.Def.PerArea {
		k.Target = nil
	}
	for _, a := range list {
		if a.Known {
			k.Items = append(k.Items, chart.Item{Name: strings.TrimPrefix(strings.TrimPrefix(v.Area(a.Area), "Phường "), "Xã "), V: a.Value, OK: true, Severity: a.Severity, Href: v.with("area", a.Area)})
		}
	}
	if len(k.Items) == 0 {
		return nil
	}
	f := chart.Frame{W: 860, H: k.Height(26), Lang: v.lang, Zone: v.zone}
	c := chart.NewFluidSVG(f.W, f.H)
	k.Draw(c, f)
	d.Ranking, d.Wards = c.Markup(v.T("indicators.wards")), k.Table(f)
	return nil
}

// indicatorCategories tells the figures of every category.
func (v *view) indicatorCategories(d *indicatorData, ask indicator.Ask) error {
	list, err := v.u.Indicators.ByCategory(v.r.Context(), v.p, ask)
	if err != nil {
		return err
	}
	most := 0.0
	for _, c := range list {
		most = max(most, c.Figure.Value)
	}
	for _, c := range list {
		if !c.Figure.Known {
			continue
		}
		row := bar{Label: c.Label.In(v.lang), Text: v.D(c.Figure.Value, d.Def.Decimals)}
		if c.Value != "" {
			row.Href = v.with("by", d.By, "category", c.Value)
		}
		if row.Label == "" {
			row.Label = or(or(v.Agency(c.Value), c.Value), v.T("indicators.none"))
		}
		if most > 0 {
			row.Share = max(0, c.Figure.Value/most)
		}
		d.Cats = append(d.Cats, row)
	}
	return nil
}

// behind is the address of the records behind a figure. Their page asks for whole
// days; a stretch that is none becomes a condition.
func (v *view) behind(r indicator.Records) string {
	day := func(t time.Time) bool { h, m, s := t.In(v.zone).Clock(); return h+m+s == 0 }
	from, until := "", ""
	switch {
	case r.Until.IsZero():
	case (r.From.IsZero() || day(r.From)) && day(r.Until):
		if !r.From.IsZero() {
			from = r.From.In(v.zone).Format(time.DateOnly)
		}
		until = r.Until.In(v.zone).AddDate(0, 0, -1).Format(time.DateOnly)
	default:
		e, err := v.u.Repo.Entry(v.p, r.Dataset)
		if err != nil || e.Table.Time < 0 {
			break
		}
		field := &cql2.Prop{Name: e.Table.Columns[e.Table.Time].Name, Column: -1}
		is := func(op string, t time.Time) cql2.Expr {
			return &cql2.Call{Op: op, Args: []cql2.Expr{field, &cql2.Lit{Value: value.OfInstant(t)}}}
		}
		var parts []cql2.Expr
		if r.Filter != "" {
			x, err := cql2.ParseText(r.Filter)
			if err != nil {
				break
			}
			parts = append(parts, x)
		}
		if !r.From.IsZero() {
			parts = append(parts, is(">=", r.From))
		}
		r.Filter = cql2.Text(cql2.And(append(parts, is("<", r.Until))...))
	}
	return to(datasetPath(r.Dataset, ""), "filter", r.Filter, "area", r.Area, "from", from, "until", until)
}
