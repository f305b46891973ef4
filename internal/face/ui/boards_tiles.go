package ui

import (
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dashboard"
	core "huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
)

// compute fills a tile with what the reader may see. What they may not see, or
// what cannot be had, says so in its place; the rest of the board stands.
func (d *boardData) compute(t *tile) {
	var err error
	t.Title = d.named(t.w)
	switch t.Kind {
	case "number":
		err = d.number(t)
	case "series":
		err = d.series(t)
	case "ranking":
		err = d.ranking(t)
	case "bars":
		err = d.stack(t)
	case "heat":
		err = d.heat(t)
	case "table":
		err = d.table(t)
	case "map":
		err = d.areas(t)
	case "status":
		err = d.status(t)
	case "text":
		t.Text = strings.Split(strings.TrimSpace(t.w.Text.In(d.lang)), "\n")
	case "alerts":
		err = d.alerts(t)
	case "incidents":
		err = d.incidents(t)
	case "stage":
		err = d.stage(t)
	case "alive":
		d.alive(t)
	}
	switch {
	case err == nil:
	case notForReader(err):
		// Not even the name: what is closed may be closed for what it is about.
		*t = tile{w: t.w, Kind: t.Kind, Title: d.named(t.w), Denied: true}
	default:
		if problem.KindOf(err) == problem.Internal && d.r.Context().Err() == nil {
			d.u.Log.Error("a widget cannot be shown", "board", d.Name, "kind", t.Kind, "line", t.w.Line, "err", err)
		}
		*t = tile{w: t.w, Kind: t.Kind, Title: d.named(t.w), Empty: d.T("tile.fault")}
	}
}

// named is the title that a widget has before any figure is read.
func (d *boardData) named(w *dashboard.Widget) string {
	switch w.Kind {
	case "alerts", "incidents", "alive", "status", "stage":
		return or(w.Title.In(d.lang), d.T("tile.title."+w.Kind))
	}
	return w.Title.In(d.lang)
}

// notForReader tells that an error means: not for this reader.
func notForReader(err error) bool {
	switch problem.KindOf(err) {
	case problem.Denied, problem.Unauthenticated, problem.NotFound:
		return true
	}
	return false
}

// definition finds a widget's indicator and gives the tile its name.
func (d *boardData) definition(t *tile, i int) *core.Definition {
	if d.u.Figures == nil || i >= len(t.w.Indicators) {
		t.Empty = d.T("tile.no-indicator")
		return nil
	}
	def := d.u.Figures.Definition(t.w.Indicators[i])
	if def == nil {
		t.Empty = d.T("tile.no-indicator")
		return nil
	}
	if t.Title == "" && i == 0 {
		t.Title = def.Title.In(d.lang)
	}
	if i == 0 {
		t.Unit = def.Unit.In(d.lang)
	}
	t.follow(def)
	return def
}

func (t *tile) follow(def *core.Definition) {
	for i := range def.Parts {
		t.live = append(t.live, def.Parts[i].Dataset)
	}
}

// ask is a question about an indicator within what the reader chose.
func (d *boardData) ask(def *core.Definition) indicator.Ask {
	a := indicator.Ask{Name: def.Name, At: d.Scope.At}
	if def.Area {
		a.Area = d.Scope.Area
	}
	if d.Scope.Agency != "" && slices.Contains(def.By, "agency") {
		a.By, a.Category = "agency", d.Scope.Agency
	}
	if d.Scope.Chosen {
		if g, ok := core.GrainOf(d.Scope.Period); ok && slices.Contains(def.Grains, g) {
			a.Grain = d.Scope.Period
		}
	}
	return a
}

// figure writes a number of an indicator.
func (d *boardData) figure(def *core.Definition, v float64) string {
	return d.D(v, def.Decimals)
}

func (d *boardData) signed(def *core.Definition, v float64) string {
	s := d.figure(def, v)
	if v > 0 && s != "0" {
		return "+" + s
	}
	if s == "0" {
		return "±0"
	}
	return s
}

// reach tells how far back a period goes and by which grain of an indicator.
func (d *boardData) reach(def *core.Definition, period string, days int) (grain core.Grain, n int) {
	want := map[string]struct {
		span   time.Duration
		grains []core.Grain
	}{
		"day": {36 * time.Hour, []core.Grain{core.Hour, core.Day, core.Week, core.Month}}, "week": {7 * 24 * time.Hour, []core.Grain{core.Hour, core.Day, core.Week, core.Month}},
		"month": {31 * 24 * time.Hour, []core.Grain{core.Day, core.Hour, core.Week, core.Month}}, "year": {366 * 24 * time.Hour, []core.Grain{core.Day, core.Week, core.Month, core.Hour}},
	}[period]
	span := want.span
	if days > 0 {
		span = time.Duration(days) * 24 * time.Hour
		if days <= 8 {
			want.grains = []core.Grain{core.Hour, core.Day, core.Week, core.Month}
		}
	}
	grain = def.Main()
	for _, g := range want.grains {
		if slices.Contains(def.Grains, g) {
			grain = g
			break
		}
	}
	return grain, min(2000, max(12, int(span/grainLength(grain))))
}

func grainLength(g core.Grain) time.Duration {
	switch g {
	case core.Hour:
		return time.Hour
	case core.Week:
		return 7 * 24 * time.Hour
	case core.Month:
		return 30 * 24 * time.Hour
	}
	return 24 * time.Hour
}

func samplesOf(points []indicator.Point) []chart.Sample {
	list := make([]chart.Sample, len(points))
	for i, p := range points {
		list[i] = chart.Sample{At: p.Start, V: p.Value, OK: p.Known}
	}
	return list
}

// number shows one figure with what it takes to judge it.
func (d *boardData) number(t *tile) error {
	def := d.definition(t, 0)
	if def == nil {
		return nil
	}
	ctx := d.r.Context()
	a := d.ask(def)
	r, err := d.u.Figures.Value(ctx, d.p, a)
	if err != nil {
		return err
	}
	t.Href = d.indicatorHref(def.Name)
	d.judge(t, def, r)
	for _, c := range t.w.Compare {
		d.compare(t, def, r, c)
	}
	if r.Target != nil && !slices.Contains(t.w.Compare, "plan") {
		t.Target = d.T("tile.target", "n", d.figure(def, *r.Target))
	} else if len(def.Thresholds) > 0 && r.Target == nil {
		t.Target = d.T("tile.threshold", "n", d.figure(def, def.Thresholds[len(def.Thresholds)-1].At))
	}
	s, err := d.u.Figures.Series(ctx, d.p, indicator.SeriesAsk{Ask: a, Last: 24})
	if err != nil {
		return nil // the figure stands without its course
	}
	c := chart.NewSVG(96, 26)
	(&chart.Spark{Values: samplesOf(s.Points)}).Draw(c, d.frameOf(96, 26))
	t.Spark = c.Markup("")
	t.Table = (&chart.Series{Grain: grainLength(s.Grain), Unit: t.Unit, Lines: []chart.Line{{Name: t.Title, Samples: samplesOf(s.Points)}}}).Table(d.frameOf(0, 0))
	return nil
}

// judge writes a reading: value, severity, age and what it comes from.
func (d *boardData) judge(t *tile, def *core.Definition, r indicator.Reading) {
	t.Value = "–"
	if r.Known {
		t.Value = d.figure(def, r.Value)
		t.Num = chart.Cell{Text: t.Value, V: r.Value, Number: true}
	}
	t.Severity, t.At = r.Severity, r.Newest
	switch r.Quality {
	case indicator.Late, indicator.Missing, indicator.Building:
		t.Quality = d.T("quality." + string(r.Quality))
	}
	t.Whence = joined(" · ", or(def.Source.In(d.lang), d.Agency(def.Owner)), d.Time(r.Newest))
}

// compare says how a figure differs from an earlier one or from what is aimed at.
func (d *boardData) compare(t *tile, def *core.Definition, r indicator.Reading, with string) {
	if !r.Known {
		return
	}
	now, other := r.ToCompare(), indicator.Figure{}
	switch with {
	case "yesterday":
		other = r.Yesterday
	case "week":
		other = r.LastWeek
	case "year":
		other = r.LastYear
	case "plan":
		if r.Target != nil {
			now, other = r.Figure, indicator.Figure{Value: *r.Target, Known: true}
		}
	}
	if !now.Known || !other.Known {
		return
	}
	text := d.T("tile.than."+with, "n", d.signed(def, now.Value-other.Value))
	if with != "plan" && !r.Upto.IsZero() {
		text += " " + d.T("tile.upto", "t", d.upto(r))
	}
	t.Changes = append(t.Changes, text)
}

// upto says how far a running bucket is compared: the hour, with the day where
// that is not the day that is asked for.
func (v *view) upto(r indicator.Reading) string {
	at := r.Upto.In(v.zone)
	if r.Grain == core.Day || r.Grain == core.Hour {
		return at.Format("15:04")
	}
	return v.Time(at)
}

// status lists indicators with their state, the abnormal first.
func (d *boardData) status(t *tile) error {
	for i, name := range t.w.Indicators {
		def := d.definition(t, i)
		if def == nil {
			return nil
		}
		r, err := d.u.Figures.Value(d.r.Context(), d.p, d.ask(def))
		if notForReader(err) {
			t.Status = append(t.Status, statusLine{Title: def.Title.In(d.lang), Value: d.T("tile.closed")})
			continue
		}
		if err != nil {
			return err
		}
		var x tile
		d.judge(&x, def, r)
		t.Status = append(t.Status, statusLine{def.Title.In(d.lang), x.Value, def.Unit.In(d.lang), x.Severity, x.Quality, d.indicatorHref(name)})
	}
	slices.SortStableFunc(t.Status, func(a, b statusLine) int { return severityRank(b.Severity) - severityRank(a.Severity) })
	t.Table.Head = []string{d.T("tile.indicator"), d.T("tile.figure"), d.T("tile.state")}
	for _, s := range t.Status {
		state := s.Quality
		if s.Severity != "" {
			state = d.T("severity." + s.Severity)
		}
		t.Table.Rows = append(t.Table.Rows, []chart.Cell{{Text: s.Title}, {Text: s.Value + unitTail(s.Unit)}, {Text: state}})
	}
	return nil
}

func severityRank(word string) int { return slices.Index([]string{"", "low", "medium", "high"}, word) }

// table shows indicators by ward, or the newest records of a dataset.
func (d *boardData) table(t *tile) error {
	if t.w.Dataset != "" {
		return d.recordTable(t)
	}
	rows := map[string][]chart.Cell{}
	var order []string
	t.Table.Head = []string{d.T("tile.area")}
	for i := range t.w.Indicators {
		def := d.definition(t, i)
		if def == nil {
			return nil
		}
		a := d.ask(def)
		a.Area = ""
		list, err := d.u.Figures.ByArea(d.r.Context(), d.p, a)
		if err != nil {
			return err
		}
		t.Table.Head = append(t.Table.Head, def.Title.In(d.lang)+unitHead(def.Unit.In(d.lang)))
		for _, x := range list {
			if rows[x.Area] == nil {
				order = append(order, x.Area)
				rows[x.Area] = []chart.Cell{{Text: areaName(x.Name)}}
			}
			for len(rows[x.Area]) <= i {
				rows[x.Area] = append(rows[x.Area], chart.Cell{})
			}
			c := chart.Cell{}
			if x.Known {
				c = chart.Cell{Text: d.figure(def, x.Value), V: x.Value, Number: true}
			}
			rows[x.Area] = append(rows[x.Area], c)
		}
	}
	slices.SortFunc(order, func(a, b string) int { return strings.Compare(sortName(rows[a][0].Text), sortName(rows[b][0].Text)) })
	for i, code := range order {
		if t.w.Limit > 0 && i >= t.w.Limit {
			break
		}
		for len(rows[code]) < len(t.Table.Head) {
			rows[code] = append(rows[code], chart.Cell{})
		}
		t.Table.Rows = append(t.Table.Rows, rows[code])
	}
	return nil
}

// unitHead follows the name of a column.
func unitHead(unit string) string {
	if unit == "" {
		return ""
	}
	return ", " + unit
}

func (d *boardData) recordTable(t *tile) error {
	e, err := d.u.Repo.Entry(d.p, t.w.Dataset)
	if err != nil {
		return err
	}
	if t.Title == "" {
		t.Title = e.Dataset.Title.In(d.lang)
	}
	t.live = append(t.live, t.w.Dataset)
	t.Href = to(datasetPath(t.w.Dataset, ""), "filter", t.w.Filter, "area", d.Scope.Area)
	// Columns that are closed to the reader are left out; the others stand.
	seen := d.u.Repo.Visible(d.p, e)
	var fields []string
	for _, name := range tableFields(t.w, e) {
		if i, _, _, ok := e.Table.Property(name); ok && slices.Contains(seen, i) {
			fields = append(fields, name)
		}
	}
	if len(fields) == 0 {
		return problem.New(problem.Denied, "denied", "action", "read", "dataset", t.w.Dataset)
	}
	q := repo.Query{Dataset: t.w.Dataset, Fields: fields, Limit: t.w.Limit}
	if q.Limit == 0 {
		q.Limit = 10
	}
	if e.Table.Area >= 0 {
		q.Area = d.Scope.Area
	}
	if e.Dataset.Time != "" {
		q.Sort = []repo.Sort{{Field: e.Dataset.Time, Desc: true}}
		if !d.Scope.At.IsZero() {
			q.Until = value.OfInstant(d.Scope.At)
		}
	}
	if t.w.Filter != "" {
		if q.Filter, err = cql2.ParseText(t.w.Filter); err != nil {
			return err
		}
	}
	for _, name := range fields {
		title := name
		if f, ok := e.Dataset.Field(name); ok {
			title = fieldTitle(d.view, f) + unitHead(d.Unit(f.Unit))
		}
		t.Table.Head = append(t.Table.Head, title)
	}
	_, err = d.u.Repo.Read(d.r.Context(), d.p, q, func(r repo.Record) error {
		c := row{r.Entry.Table, r.Values}
		var cells []chart.Cell
		for _, name := range fields {
			x := c.value(name)
			f, _ := e.Dataset.Field(name)
			cell := chart.Cell{Text: strings.Clone(d.Cell(f, x))}
			if n, ok := x.Number(); ok && (x.Kind() == value.Int || x.Kind() == value.Float) {
				cell.V, cell.Number = n, true
			}
			cells = append(cells, cell)
		}
		t.Table.Rows = append(t.Table.Rows, cells)
		return nil
	})
	return err
}

// tableFields are the columns that a table of records names, else the first of
// the dataset.
func tableFields(w *dashboard.Widget, e *repo.Entry) []string {
	if len(w.Fields) > 0 {
		return w.Fields
	}
	var list []string
	for i := range e.Dataset.Schema.Fields {
		if i < 5 {
			list = append(list, e.Dataset.Schema.Fields[i].Name)
		}
	}
	return list
}
