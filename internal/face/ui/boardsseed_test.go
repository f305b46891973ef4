package ui_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/declare"
	core "huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
)

// figures are made-up indicators whose values follow from their names, so that a
// page is the same every time.
type figures struct {
	now    time.Time
	areas  [][2]string // code and name
	closed string      // part of the names of indicators that only admins may see
	upto   time.Time   // dossiers-received is 900 with the running hour, 40 up to here, and was 55
}

func seedOf(s string) float64 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return float64(h.Sum32()%10_000) / 10_000
}

func (f *figures) Definition(name string) *core.Definition {
	if strings.HasPrefix(name, "no-") {
		return nil
	}
	known := map[string]core.Definition{
		"water-level-kim-long": {Title: words("Mực nước Kim Long", "Water at Kim Long"), Unit: words("m", "m"), Decimals: 2, Thresholds: []core.Threshold{{Severity: "high", At: 3.5}, {Severity: "medium", At: 2}, {Severity: "low", At: 1}}, Good: core.Down},
		"rain-area-3h":         {Title: words("Mưa 3 giờ qua", "Rain of 3 hours"), Unit: words("mm", "mm"), Decimals: 1, Good: core.None},
		"dossiers-on-time":     {Title: words("Hồ sơ đúng hạn", "Dossiers on time"), Unit: words("%", "%"), Decimals: 1, Good: core.Up, Target: ptr(98), Thresholds: []core.Threshold{{Severity: "low", At: 95}}},
	}
	d, ok := known[name]
	if !ok {
		title := strings.ReplaceAll(name, "-", " ")
		d = core.Definition{Title: words("Chỉ số "+title, "Indicator "+title), Unit: words("vụ", "cases"), Good: core.Down}
	}
	d.Name, d.Owner, d.Sector, d.Area = name, "vpubnd", "environment", true
	d.Parts = []core.Part{{Dataset: "rain-reading", Measure: core.Count}}
	d.By = []string{"category", "disease"}
	if strings.Contains(name, "on-time") {
		d.Parts = append(d.Parts, d.Parts[0]) // a ratio
	}
	d.Grains = []core.Grain{core.Hour, core.Day, core.Month}
	d.Lag = time.Hour
	return &d
}

func words(vi, en string) declare.Words { return declare.Words{"vi": vi, "en": en} }

func ptr(f float64) *float64 { return &f }

func (f *figures) at(name, area string, t time.Time) float64 {
	base := 20 + 400*seedOf(name)
	switch {
	case strings.HasPrefix(name, "water"):
		base = 1.1
	case strings.Contains(name, "on-time"):
		base = 96
		return base + 3.5*math.Sin(seedOf(area)*40+float64(t.Unix()/7200))*0.9
	case strings.HasPrefix(name, "rain-area"):
		return 70 * seedOf(area+name)
	}
	return base * (1 + 0.3*math.Sin(float64(t.Unix())/7200/4+seedOf(area)*6))
}

func (f *figures) check(p repo.Principal, name string) error {
	if f.closed != "" && strings.Contains(name, f.closed) && len(p.Read) == 0 && !p.Admin {
		return problem.New(problem.Denied, "denied", "action", "read", "dataset", "x")
	}
	return nil
}

func (f *figures) Value(_ context.Context, p repo.Principal, a indicator.Ask) (indicator.Reading, error) {
	if err := f.check(p, a.Name); err != nil {
		return indicator.Reading{}, err
	}
	now := f.now
	if !a.At.IsZero() {
		now = a.At
	}
	d := f.Definition(a.Name)
	known := func(t time.Time) indicator.Figure {
		return indicator.Figure{Value: f.at(a.Name, a.Area, t.Truncate(time.Hour)), Known: true}
	}
	r := indicator.Reading{Definition: d, Area: a.Area, Start: now.Truncate(time.Hour), End: now.Truncate(time.Hour).Add(time.Hour), Figure: known(now), Target: d.Target, Quality: indicator.Live, Newest: now.Add(-3 * time.Minute), Progress: 1,
		Yesterday: known(now.Add(-24 * time.Hour)), LastWeek: known(now.Add(-7 * 24 * time.Hour)), LastYear: known(now.Add(-365 * 24 * time.Hour))}
	if a.Name == "parking-free" {
		r.Quality, r.Newest = indicator.Late, now.Add(-5*time.Hour)
	}
	if a.Name == "dossiers-received" && !f.upto.IsZero() {
		r.Grain, r.Upto, r.Value, r.SoFar = core.Day, f.upto, 900, indicator.Figure{Value: 40, Known: true}
		r.LastYear = indicator.Figure{Value: 55, Known: true}
	}
	r.Severity = d.Severity(r.Value)
	return r, nil
}

func (f *figures) points(a indicator.SeriesAsk, shift time.Duration) (list []indicator.Point) {
	grain, length := core.Hour, time.Hour
	if g, ok := core.GrainOf(a.Grain); ok && g != core.Hour {
		grain, length = g, 24*time.Hour
	}
	_ = grain
	until := f.now.Truncate(length).Add(length)
	n := a.Last
	if n == 0 {
		n = 30
	}
	from := until.Add(-time.Duration(n) * length)
	if !a.From.IsZero() {
		from, until = a.From, a.Until
	}
	for t := from; t.Before(until); t = t.Add(length) {
		p := indicator.Point{Start: t, End: t.Add(length), Complete: true, Figure: indicator.Figure{Value: f.at(a.Name, a.Area, t.Add(shift)), Known: true}}
		if strings.HasPrefix(a.Name, "water") && shift == 0 && t.Hour() >= 3 && t.Hour() < 7 {
			p.Figure = indicator.Figure{}
		}
		list = append(list, p)
	}
	return list
}

func (f *figures) Series(_ context.Context, p repo.Principal, a indicator.SeriesAsk) (indicator.Series, error) {
	if err := f.check(p, a.Name); err != nil {
		return indicator.Series{}, err
	}
	s := indicator.Series{Definition: f.Definition(a.Name), Area: a.Area, Points: f.points(a, 0)}
	s.Grain, _ = core.GrainOf(a.Grain)
	if a.Compare != "" {
		s.Compare = f.points(a, -7*24*time.Hour)
	}
	return s, nil
}

func (f *figures) ByArea(_ context.Context, p repo.Principal, a indicator.Ask) ([]indicator.AreaFigure, error) {
	if err := f.check(p, a.Name); err != nil {
		return nil, err
	}
	d := f.Definition(a.Name)
	var list []indicator.AreaFigure
	for i, x := range f.areas {
		v := f.at(a.Name, x[0], f.now.Truncate(time.Hour))
		list = append(list, indicator.AreaFigure{Area: x[0], Name: x[1], NameEn: x[1], Figure: indicator.Figure{Value: v, Known: i%13 != 5}, Severity: d.Severity(v)})
	}
	return list, nil
}

func (f *figures) Stack(_ context.Context, p repo.Principal, a indicator.SeriesAsk) (indicator.Stack, error) {
	if err := f.check(p, a.Name); err != nil {
		return indicator.Stack{}, err
	}
	s := indicator.Stack{Series: indicator.Series{Definition: f.Definition(a.Name), Grain: core.Day, Points: f.points(indicator.SeriesAsk{Ask: indicator.Ask{Name: a.Name, Grain: "day"}, Last: a.Last}, 0)}}
	for _, c := range []string{"road", "lighting", "drainage", "noise", "rubbish"} {
		x := indicator.CategorySeries{Value: c, Label: words("Loại "+c, "Kind "+c)}
		for range s.Points {
			x.Figures = append(x.Figures, indicator.Figure{Value: math.Round(30 * seedOf(c)), Known: true})
		}
		s.Categories = append(s.Categories, x)
	}
	return s, nil
}

// define writes a board as a steward of the city does with huong apply.
func (c *city) define(t testing.TB, name, text string) {
	t.Helper()
	c.put(t, "definition", "bảng điều hành", []map[string]string{{"kind": "dashboard", "name": name, "title": name, "titleEn": name, "text": text}})
}

// newBoardCity is a city with the boards of Huế, made-up indicators, alerts, an
// incident and a stage.
func newBoardCity(t testing.TB) *city {
	t.Helper()
	c := copyOf(t, &shared.boards, func(c *city) {
		c.plain(t)
		c.boards(t)
	})
	c.repairs = &repairs{repo: c.repo}
	f := &figures{now: c.now}
	for _, a := range readCSV(t, cityFolder+"/areas.csv") {
		if a["kind"] == "phuong" || a["kind"] == "xa" {
			f.areas = append(f.areas, [2]string{a["code"], a["name"]})
		}
	}
	c.figures = f
	c.serveWith(t, nil)
	return c
}

// boards defines the boards of Huế and fills what they list.
func (c *city) boards(t testing.TB) {
	t.Helper()
	for name, text := range sources(t, "dashboards/*.yaml") {
		c.define(t, name, text)
	}
	at := func(ago time.Duration) string { return c.now.Add(-ago).Format(time.RFC3339) }
	c.put(t, "city-stage", "công bố", []map[string]string{{"id": "s1", "at": at(2 * time.Hour), "stage": "3", "reason": "Kim Long vượt BĐ2, ngập 4 phường", "reasonEn": "Kim Long over level 2, four wards flooded", "agency": "vpubnd"}})
	var alerts []map[string]string
	for i, a := range []struct{ severity, vi, en, area, state string }{
		{"high", "Mực nước Kim Long vượt báo động 2", "Water at Kim Long over level 2", "19774", "raised"},
		{"medium", "Ngập đường Bà Triệu, 4 phản ánh cùng chỗ", "Ba Trieu street flooded, 4 reports", "19777", "acknowledged"},
		{"medium", "Mất tín hiệu 3 trạm mưa", "Three rain stations silent", "19753", "acknowledged"},
		{"low", "Hồ sơ đất đai chậm", "Land dossiers late", "19753", "raised"},
		{"low", "Giường trống dưới 12 %", "Free beds under 12 %", "19777", "acknowledged"},
	} {
		alerts = append(alerts, map[string]string{"id": fmt.Sprintf("a-%d", i), "cause": "c", "group": fmt.Sprintf("g-%d", i), "rule": "r", "severity": a.severity, "state": a.state, "titleVi": a.vi, "titleEn": a.en, "area": a.area,
			"agency": "vpubnd", "level": "city", "raisedAt": at(time.Duration(i*40) * time.Minute), "acknowledgeBy": c.now.Add(12 * time.Minute).Format(time.RFC3339), "changedAt": at(0), "active": "1", "members": "[]"})
	}
	c.put(t, "alert", "cảnh báo", alerts)
	c.put(t, "incident", "sự cố", []map[string]string{{"id": "i-1", "title": "Ngập sâu ở Kim Long", "titleEn": "Deep flooding at Kim Long", "kind": "flood", "severity": "high", "state": "in-progress", "over": "false", "agency": "vpubnd", "area": "19774", "detectedAt": at(90 * time.Minute), "entries": "0", "updatedAt": at(0)}})
}
