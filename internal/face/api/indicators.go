package api

import (
	"cmp"
	"net/http"
	"net/url"
	"time"

	core "huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/service/indicator"
)

func (a *API) indicatorOperations() []operation {
	if a.config.Indicators == nil {
		return nil
	}
	area := param{name: "area", in: "query", typ: "string", example: "19753", text: words{"Mã phường, xã; để trống là toàn thành phố.", "Code of a ward or commune; the whole city when left out."}}
	grain := param{name: "grain", in: "query", typ: "string", enum: []string{"hour", "day", "week", "month", "total"}, text: words{"Độ chia thời gian; để trống là độ chia chính của chỉ số.", "Length of the buckets of time; the indicator's main one when left out."}}
	at := param{name: "at", in: "query", typ: "string", example: "2025-10-27T08:00:00+07:00", text: words{"Thời điểm nằm trong đoạn cần xem; để trống là hiện tại.", "A moment within the bucket asked for; now when left out."}}
	by := param{name: "by", in: "query", typ: "string", text: words{"Trường để chia theo.", "Field to tell by."}}
	category := param{name: "category", in: "query", typ: "string", text: words{"Chỉ giá trị này của trường “by”.", "This value of the field “by” only."}}
	answers := func(schema, vi, en string) []answer {
		return []answer{{200, []string{mediaJSON}, schema, words{vi, en}}}
	}
	return []operation{{
		method: "GET", path: "/api/v1/indicators", id: "listIndicators", tag: "indicators",
		summary: words{"Danh sách chỉ số", "Indicators"},
		detail:  words{"Các chỉ số mà quyền hiện có cho xem, kèm tiến độ tính.", "The indicators that the caller's rights cover, with how far they are computed."},
		params:  []param{{name: "sector", in: "query", typ: "string", text: words{"Chỉ lĩnh vực này.", "This sector only."}}, paramLang()},
		answers: answers("Indicators", "Các chỉ số", "The indicators"), handle: a.indicators,
	}, {
		method: "GET", path: "/api/v1/indicators/{name}", id: "getIndicator", tag: "indicators",
		summary: words{"Một chỉ số và giá trị của nó", "An indicator and its figure"},
		detail: words{
			"Giá trị của đoạn thời gian mới nhất đã có số liệu, kèm so sánh, ngưỡng, độ tươi và đường dẫn tới các bản ghi phía sau. “partial” là giá trị chỉ tính trên các bản ghi mà người hỏi được tính. Với đoạn đang diễn ra, “soFar” là giá trị đến “upTo”, và “yesterday”, “lastWeek”, “lastYear” cũng chỉ tính đến cùng thời điểm trong kỳ của chúng.",
			"The figure of the newest bucket with data, with comparisons, severity, freshness and the way to the records behind it. “partial” tells that it is of the records that the caller may count. For a bucket under way “soFar” is its figure up to “upTo”, and “yesterday”, “lastWeek” and “lastYear” reach as far into theirs.",
		},
		params: []param{area, grain, at, by, category, paramLang()}, answers: answers("IndicatorReading", "Chỉ số và giá trị", "The indicator and its figure"), handle: a.indicator,
	}, {
		method: "GET", path: "/api/v1/indicators/{name}/series", id: "getIndicatorSeries", tag: "indicators",
		summary: words{"Chuỗi thời gian của chỉ số", "Series of an indicator"},
		detail:  words{"Mọi đoạn thời gian liên tiếp, cũ trước; với “by” kèm chuỗi của từng giá trị.", "All consecutive buckets, oldest first; with “by” those of every value too."},
		params: []param{
			area, grain, by, category,
			{name: "from", in: "query", typ: "string", text: words{"Từ thời điểm này.", "From this moment."}},
			{name: "until", in: "query", typ: "string", text: words{"Đến trước thời điểm này; để trống là hiện tại.", "Before this moment; now when left out."}},
			{name: "last", in: "query", typ: "integer", min: 1, max: indicator.MaxPoints, def: "30", text: words{"Số đoạn cuối cùng, khi không ghi “from”.", "How many of the last buckets, without “from”."}},
			{name: "compare", in: "query", typ: "string", enum: []string{"yesterday", "week", "year"}, text: words{"Kỳ để so sánh.", "What to compare with."}},
			paramLang(),
		},
		answers: answers("IndicatorSeries", "Chuỗi thời gian", "The series"), handle: a.indicatorSeries,
	}, {
		method: "GET", path: "/api/v1/indicators/{name}/areas", id: "getIndicatorAreas", tag: "indicators",
		summary: words{"Chỉ số theo phường, xã", "An indicator by ward"},
		detail:  words{"Xấu nhất trước; chưa có số liệu thì ở cuối.", "The worst first; unknown ones last."},
		params:  []param{grain, at, by, category, paramLang()}, answers: answers("IndicatorAreas", "Giá trị của các phường, xã", "Figures of the wards"), handle: a.indicatorAreas,
	}, {
		method: "GET", path: "/api/v1/indicators/{name}/categories", id: "getIndicatorCategories", tag: "indicators",
		summary: words{"Chỉ số theo danh mục", "An indicator by category"},
		detail:  words{"Giá trị của từng giá trị của trường “by”.", "The figure of every value of the field “by”."},
		params:  []param{area, grain, at, by, paramLang()}, answers: answers("IndicatorCategories", "Giá trị theo danh mục", "Figures by category"), handle: a.indicatorCategories,
	}}
}

func indicatorSchemas(obj func([]string, object) object, arr func(object) object) object {
	str, integer, number, boolean := object{"type": "string"}, object{"type": "integer"}, object{"type": "number"}, object{"type": "boolean"}
	known := object{"type": []any{"number", "null"}}
	words := object{"type": "object"}
	one := obj([]string{"name", "title", "sector", "owner", "grains", "good"}, object{
		"name": str, "title": str, "description": str, "source": str, "unit": str, "sector": str, "owner": str, "datasets": arr(str), "grains": arr(str), "by": arr(str), "areas": boolean,
		"good": str, "target": number, "thresholds": words, "decimals": integer, "served": boolean, "building": boolean, "progress": number, "fault": str,
	})
	point := obj([]string{"start", "end", "value", "complete"}, object{"start": str, "end": str, "value": known, "complete": boolean})
	return object{
		"Indicator":  one,
		"Indicators": obj([]string{"indicators", "count"}, object{"indicators": arr(object{"$ref": "#/components/schemas/Indicator"}), "count": integer}),
		"IndicatorReading": obj([]string{"indicator", "grain", "value", "quality"}, object{
			"indicator": object{"$ref": "#/components/schemas/Indicator"}, "area": str, "grain": str, "start": str, "end": str, "complete": boolean, "partial": boolean, "value": known, "severity": str, "target": number, "reached": boolean,
			"yesterday": known, "lastWeek": known, "lastYear": known, "soFar": known, "upTo": str, "newest": str, "quality": str, "records": str}),
		"IndicatorPoint": point,
		"IndicatorSeries": obj([]string{"name", "grain", "points"}, object{
			"name": str, "area": str, "grain": str, "partial": boolean, "points": arr(object{"$ref": "#/components/schemas/IndicatorPoint"}), "compare": arr(object{"$ref": "#/components/schemas/IndicatorPoint"}),
			"categories": arr(obj([]string{"value", "values"}, object{"value": str, "label": str, "values": arr(known)}))}),
		"IndicatorAreas":      obj([]string{"name", "areas"}, object{"name": str, "areas": arr(obj([]string{"area", "name", "value"}, object{"area": str, "name": str, "value": known, "severity": str}))}),
		"IndicatorCategories": obj([]string{"name", "categories"}, object{"name": str, "categories": arr(obj([]string{"category", "value"}, object{"category": str, "label": str, "value": known}))}),
	}
}

type indicatorDoc struct {
	Name        string             `json:"name"`
	Title       string             `json:"title"`
	Description string             `json:"description,omitempty"`
	Source      string             `json:"source,omitempty"`
	Unit        string             `json:"unit,omitempty"`
	Sector      string             `json:"sector"`
	Owner       string             `json:"owner"`
	Datasets    []string           `json:"datasets"`
	Grains      []string           `json:"grains"`
	By          []string           `json:"by,omitempty"`
	Areas       bool               `json:"areas"`
	Good        string             `json:"good"`
	Target      *float64           `json:"target,omitempty"`
	Thresholds  map[string]float64 `json:"thresholds,omitempty"`
	Decimals    int                `json:"decimals"`
	Served      bool               `json:"served"`
	Building    bool               `json:"building"`
	Progress    float64            `json:"progress"`
	Fault       string             `json:"fault,omitempty"`
}

func (a *API) indicatorDoc(c *call, d *core.Definition, states map[string]indicator.State) indicatorDoc {
	lang, st := c.r.Lang, states[d.Name]
	doc := indicatorDoc{
		Name: d.Name, Title: d.Title.In(lang), Description: d.Description.In(lang), Source: d.Source.In(lang), Unit: d.Unit.In(lang), Sector: d.Sector, Owner: d.Owner,
		By: d.By, Areas: d.Area, Good: string(d.Good), Target: d.Target, Decimals: d.Decimals, Served: st.Served, Building: st.Building, Progress: st.Progress, Fault: st.Fault,
	}
	for i := range d.Parts {
		if name := d.Parts[i].Dataset; i == 0 || name != doc.Datasets[0] {
			doc.Datasets = append(doc.Datasets, name)
		}
	}
	for _, g := range d.Grains {
		doc.Grains = append(doc.Grains, g.String())
	}
	for _, t := range d.Thresholds {
		if doc.Thresholds == nil {
			doc.Thresholds = map[string]float64{}
		}
		doc.Thresholds[t.Severity] = t.At
	}
	return doc
}

func (a *API) indicatorStates() map[string]indicator.State {
	m := map[string]indicator.State{}
	for _, st := range a.config.Indicators.States() {
		m[st.Name] = st
	}
	return m
}

func (a *API) indicators(c *call) error {
	states, list := a.indicatorStates(), []indicatorDoc{}
	for _, d := range a.config.Indicators.List(c.who()) {
		if s := c.text("sector"); s == "" || s == d.Sector {
			list = append(list, a.indicatorDoc(c, d, states))
		}
	}
	return writeJSON(c, http.StatusOK, map[string]any{"indicators": list, "count": len(list)})
}

// indicatorAsk reads the question that parameters put.
func (a *API) indicatorAsk(c *call) (indicator.Ask, error) {
	at, err := a.momentOf(c, "at")
	return indicator.Ask{Name: c.path("name"), Area: c.text("area"), By: c.text("by"), Category: c.text("category"), Grain: c.text("grain"), At: at}, err
}

// momentOf reads a moment, or a day for its beginning in the city's zone.
func (a *API) momentOf(c *call, name string) (time.Time, error) {
	if !c.given(name) {
		return time.Time{}, nil
	}
	t, _, ok := parseMoment(c.text(name), a.repo.Zone())
	if !ok {
		return t, problem.InvalidWith("query-invalid", []problem.Violation{problem.Violate("datetime-invalid", name)})
	}
	return t, nil
}

// figureOf is a figure in JSON: null when unknown.
func figureOf(f indicator.Figure) *float64 {
	if !f.Known {
		return nil
	}
	return &f.Value
}

func stampOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return instant(t.UnixMicro())
}

type readingDoc struct {
	Indicator indicatorDoc `json:"indicator"`
	Area      string       `json:"area,omitempty"`
	Grain     string       `json:"grain"`
	Start     string       `json:"start,omitempty"`
	End       string       `json:"end,omitempty"`
	Complete  bool         `json:"complete"`
	Partial   bool         `json:"partial,omitempty"`
	Value     *float64     `json:"value"`
	Severity  string       `json:"severity,omitempty"`
	Target    *float64     `json:"target,omitempty"`
	Reached   bool         `json:"reached"`
	Yesterday *float64     `json:"yesterday"`
	LastWeek  *float64     `json:"lastWeek"`
	LastYear  *float64     `json:"lastYear"`
	SoFar     *float64     `json:"soFar,omitempty"`
	UpTo      string       `json:"upTo,omitempty"`
	Newest    string       `json:"newest,omitempty"`
	Quality   string       `json:"quality"`
	Records   string       `json:"records,omitempty"`
}

func (a *API) indicator(c *call) error {
	ask, err := a.indicatorAsk(c)
	if err != nil {
		return err
	}
	r, err := a.config.Indicators.Value(c.ctx(), c.who(), ask)
	if err != nil {
		return err
	}
	behind, err := a.config.Indicators.Records(c.ctx(), c.who(), ask)
	if err != nil {
		return err
	}
	doc := readingDoc{
		Indicator: a.indicatorDoc(c, r.Definition, a.indicatorStates()), Area: r.Area, Grain: r.Grain.String(), Start: stampOf(r.Start), End: stampOf(r.End),
		Complete: r.Complete, Partial: r.Partial, Value: figureOf(r.Figure), Severity: r.Severity, Target: r.Target, Reached: r.Reached,
		Yesterday: figureOf(r.Yesterday), LastWeek: figureOf(r.LastWeek), LastYear: figureOf(r.LastYear), Newest: stampOf(r.Newest), Quality: string(r.Quality),
	}
	if !r.Upto.IsZero() {
		doc.SoFar, doc.UpTo = figureOf(r.SoFar), stampOf(r.Upto)
	}
	q := url.Values{}
	between := ""
	if !behind.Until.IsZero() { // both ends count there
		between = cmp.Or(stampOf(behind.From), "..") + "/" + stampOf(behind.Until.Add(-time.Microsecond))
	}
	for k, v := range map[string]string{"filter": behind.Filter, "area": behind.Area, "datetime": between} {
		if v != "" {
			q.Set(k, v)
		}
	}
	doc.Records = "/api/v1/datasets/" + url.PathEscape(behind.Dataset) + "/records"
	if len(q) > 0 {
		doc.Records += "?" + q.Encode()
	}
	return writeJSON(c, http.StatusOK, doc)
}

type pointDoc struct {
	Start    string   `json:"start"`
	End      string   `json:"end"`
	Value    *float64 `json:"value"`
	Complete bool     `json:"complete"`
}

type seriesDoc struct {
	Name       string              `json:"name"`
	Area       string              `json:"area,omitempty"`
	Grain      string              `json:"grain"`
	Partial    bool                `json:"partial,omitempty"`
	Points     []pointDoc          `json:"points"`
	Compare    []pointDoc          `json:"compare,omitempty"`
	Categories []categorySeriesDoc `json:"categories,omitempty"`
}

type categorySeriesDoc struct {
	Value  string     `json:"value"`
	Label  string     `json:"label,omitempty"`
	Values []*float64 `json:"values"`
}

func pointDocs(points []indicator.Point) []pointDoc {
	list := make([]pointDoc, len(points))
	for i, p := range points {
		list[i] = pointDoc{stampOf(p.Start), stampOf(p.End), figureOf(p.Figure), p.Complete}
	}
	return list
}

func (a *API) indicatorSeries(c *call) error {
	ask, err := a.indicatorAsk(c)
	if err != nil {
		return err
	}
	s := indicator.SeriesAsk{Ask: ask, Last: int(c.integer("last")), Compare: c.text("compare")}
	if s.From, err = a.momentOf(c, "from"); err != nil {
		return err
	}
	if s.Until, err = a.momentOf(c, "until"); err != nil {
		return err
	}
	var got indicator.Stack
	if ask.By != "" && !c.given("category") {
		got, err = a.config.Indicators.Stack(c.ctx(), c.who(), s)
	} else {
		got.Series, err = a.config.Indicators.Series(c.ctx(), c.who(), s)
	}
	if err != nil {
		return err
	}
	doc := seriesDoc{Name: got.Definition.Name, Area: got.Area, Grain: got.Grain.String(), Partial: got.Partial, Points: pointDocs(got.Points)}
	if len(got.Compare) > 0 {
		doc.Compare = pointDocs(got.Compare)
	}
	for _, k := range got.Categories {
		one := categorySeriesDoc{Value: k.Value, Label: k.Label.In(c.r.Lang)}
		for _, f := range k.Figures {
			one.Values = append(one.Values, figureOf(f))
		}
		doc.Categories = append(doc.Categories, one)
	}
	return writeJSON(c, http.StatusOK, doc)
}

func (a *API) indicatorAreas(c *call) error {
	ask, err := a.indicatorAsk(c)
	if err != nil {
		return err
	}
	figures, err := a.config.Indicators.ByArea(c.ctx(), c.who(), ask)
	if err != nil {
		return err
	}
	type areaDoc struct {
		Area     string   `json:"area"`
		Name     string   `json:"name"`
		Value    *float64 `json:"value"`
		Severity string   `json:"severity,omitempty"`
	}
	list := make([]areaDoc, len(figures))
	for i, f := range figures {
		list[i] = areaDoc{f.Area, f.Name, figureOf(f.Figure), f.Severity}
	}
	return writeJSON(c, http.StatusOK, map[string]any{"name": ask.Name, "areas": list})
}

func (a *API) indicatorCategories(c *call) error {
	ask, err := a.indicatorAsk(c)
	if err != nil {
		return err
	}
	found, err := a.config.Indicators.ByCategory(c.ctx(), c.who(), ask)
	if err != nil {
		return err
	}
	type categoryDoc struct {
		Category string   `json:"category"`
		Label    string   `json:"label,omitempty"`
		Value    *float64 `json:"value"`
	}
	list := make([]categoryDoc, len(found))
	for i, k := range found {
		list[i] = categoryDoc{k.Value, k.Label.In(c.r.Lang), figureOf(k.Figure)}
	}
	return writeJSON(c, http.StatusOK, map[string]any{"name": ask.Name, "categories": list})
}
