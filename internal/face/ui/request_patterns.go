package ui

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"huong.city/huong/internal/core/hotspot"
	"huong.city/huong/internal/service/pattern"
	"huong.city/huong/internal/service/request"
	marks "huong.city/huong/internal/service/tile"
)

// patternsData is where and when reports gather.
type patternsData struct {
	pattern.Ask
	Periods []option
	Groups  []sendGroup
	Source  string
	Answer  *pattern.Answer
	Map     cityMap
	Island  templ.Attributes
	Seasons []season
}

// season is how reports fall on the parts of a day, a week or a year.
type season struct {
	Name, Title, Note, Says, Label string
	Bars                           []seasonBar
}

type seasonBar struct {
	Part, Times, X, Y, Height, Short string
	Peak                             bool
}

const patternYears = 3 // that may be looked at, beside the last months

// askPatterns reads what is asked for.
func (v *view) askPatterns() pattern.Ask {
	q := v.r.URL.Query()
	a := pattern.Ask{Period: or(q.Get("period"), "90d"), Group: q.Get("group"), Area: q.Get("area")}
	if !slices.ContainsFunc(v.patternPeriods(), func(o option) bool { return o.Value == a.Period }) {
		a.Period = "90d"
	}
	if !slices.ContainsFunc(v.areaOptions(), func(o option) bool { return o.Value == a.Area }) {
		a.Area = ""
	}
	if groups, _, err := v.sendGroups(); err != nil || !slices.ContainsFunc(groups, func(g sendGroup) bool { return g.Code == a.Group }) {
		a.Group = ""
	}
	return a
}

func (v *view) patternPeriods() (list []option) {
	for _, p := range pattern.Periods() {
		list = append(list, option{p, v.T("patterns.period." + p)})
	}
	for back := range patternYears {
		year := strconv.Itoa(v.now.In(v.zone).Year() - back)
		list = append(list, option{year, v.T("patterns.period.year", "year", year)})
	}
	return list
}

func (u *UI) streetPatterns(v *view) error {
	v.onStreet(v.T("patterns.title"))
	d := patternsData{Ask: v.askPatterns(), Periods: v.patternPeriods(), Source: request.Dataset}
	var err error
	if d.Groups, _, err = v.sendGroups(); err != nil {
		return err
	}
	if e, err := u.Repo.Entry(v.p, request.Dataset); err == nil {
		d.Source = or(e.Dataset.Title.In(v.lang), request.Dataset)
	}
	if u.Patterns == nil {
		return v.show(http.StatusOK, patternsPage(v, d))
	}
	if d.Answer, err = u.Patterns.Ask(v.r.Context(), d.Ask); err != nil {
		return err
	}
	a := d.Answer
	d.Map = v.plainMap(func(code string) string { return v.with("area", code) })
	d.Map.Label = v.T("patterns.map")
	for i, s := range a.Spots {
		v.dot(&d.Map, s.Longitude, s.Latitude, max(5, 12-float64(i)/2))
	}
	for _, p := range a.Places {
		v.dot(&d.Map, p.Longitude, p.Latitude, 3)
	}
	if s := u.shapesNow(v.r.Context()); s != nil && u.assets.url("map.js") != "" {
		v.script, v.styles = append(v.script, "map.js"), append(v.styles, "mapstyle.css")
		bounds, _ := json.Marshal(s.bounds)
		words, _ := json.Marshal(map[string]string{"zoomIn": v.T("map.zoom-in"), "zoomOut": v.T("map.zoom-out"), "title": v.T("patterns.map")})
		d.Island = templ.Attributes{"data-map": "", "data-areas": "/areas.json", "data-worker": u.assets.url("mapworker.js"), "data-bounds": string(bounds), "data-words": string(words),
			"data-points": address("/street/patterns/points.json", v.r.URL.Query())}
	}
	hour := func(i int) (string, string) {
		return v.T("patterns.o-clock", "n", strconv.Itoa(i)), strconv.Itoa(i)
	}
	weekday := func(i int) (string, string) {
		name := v.T("patterns.weekday." + strconv.Itoa(i+1))
		return name, v.weekdayShort(i)
	}
	month := func(i int) (string, string) {
		return v.T("patterns.month.n", "n", strconv.Itoa(i+1)), strconv.Itoa(i + 1)
	}
	d.Seasons = []season{v.seasonOf("hour", "", a.Hour, hour), v.seasonOf("weekday", "", a.Weekday, weekday), v.seasonOf("month", "", a.Month, month)}
	if !a.MonthsFrom.IsZero() {
		d.Seasons[2].Note = v.T("patterns.month.note", "from", a.MonthsFrom.Format("01/2006"))
	}
	return v.show(http.StatusOK, patternsPage(v, d))
}

func (v *view) weekdayShort(i int) string {
	if v.lang == "en" {
		return [7]string{"Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"}[i]
	}
	return [7]string{"T2", "T3", "T4", "T5", "T6", "T7", "CN"}[i]
}

// seasonOf draws a cycle as columns: 100 high is the highest, or twice the mean.
func (v *view) seasonOf(name, note string, c hotspot.Cycle, part func(int) (long, short string)) season {
	s := season{Name: name, Title: v.T("patterns." + name), Note: note}
	s.Label = v.T("patterns.chart", "title", s.Title)
	if c.Rounds < 2 {
		s.Says = v.T("patterns.peak.short", "rounds", v.T("patterns.rounds."+name))
		return s
	}
	top, peak := 2.0, 0
	for i, x := range c.Index {
		top = max(top, x)
		if x > c.Index[peak] {
			peak = i
		}
	}
	clear := c.P <= 0.05
	wide := 600 / float64(len(c.Index))
	for i, x := range c.Index {
		long, short := part(i)
		if len(c.Index) == 24 && i%3 > 0 {
			short = ""
		}
		s.Bars = append(s.Bars, seasonBar{Part: long, Short: short, Times: v.D(x, 2), X: strconv.FormatFloat(wide*float64(i), 'f', 1, 64), Y: strconv.FormatFloat(100-100*x/top, 'f', 1, 64), Height: strconv.FormatFloat(100*x/top, 'f', 1, 64), Peak: clear && i == peak})
	}
	s.Says = v.T("patterns.peak.none")
	if clear {
		long, _ := part(peak)
		s.Says = v.T("patterns.peak", "part", strings.ToLower(long), "times", v.D(c.Index[peak], 1))
		if v.lang == "en" {
			s.Says = v.T("patterns.peak", "part", long, "times", v.D(c.Index[peak], 1))
		}
	}
	return s
}

func (s *season) wide() string {
	return strconv.FormatFloat(600/float64(len(s.Bars))-2, 'f', 1, 64)
}

func (s *season) middle(i int) string {
	return strconv.FormatFloat(600/float64(len(s.Bars))*(float64(i)+0.5), 'f', 1, 64)
}

func (v *view) spotMark(s *pattern.Spot) string {
	return v.T("patterns.mark", "n", v.N(int64(s.Reports)), "times", v.D(s.Times, 1), "area", or(v.Area(s.Area), "–"))
}

// spotCategories are what most of its reports are about.
func (v *view) spotCategories(s *pattern.Spot) string {
	var list []string
	for _, c := range s.Categories {
		list = append(list, v.streetCategory(c))
	}
	return strings.Join(list, ", ")
}

func (v *view) placeText(p *pattern.Place) string {
	return v.T("patterns.place", "times", v.N(int64(p.Times)), "days", v.N(int64(p.Between/(24*time.Hour))))
}

// nearPath is the public list of reports of a place's ward.
func nearPath(area, category string, from, until time.Time) string {
	return to("/street", "area", area, "category", category, "from", from.Format(time.DateOnly), "until", until.AddDate(0, 0, -1).Format(time.DateOnly))
}

// patternPoints gives the spots and places as marks of the map.
func (u *UI) patternPoints(v *view) error {
	if u.Patterns == nil {
		return v.noPage()
	}
	a, err := u.Patterns.Ask(v.r.Context(), v.askPatterns())
	if err != nil {
		return err
	}
	var points []marks.Point
	for i := range a.Spots {
		s := &a.Spots[i]
		points = append(points, marks.Point{Lon: s.Longitude, Lat: s.Latitude, Severity: 3, Count: 1, Key: "spot-" + strconv.Itoa(i+1), Label: v.spotMark(s)})
	}
	for i := range a.Places {
		p := &a.Places[i]
		points = append(points, marks.Point{Lon: p.Longitude, Lat: p.Latitude, Severity: 1, Count: 1, Key: "place-" + strconv.Itoa(i+1), Label: v.streetCategory(p.Category) + ": " + v.placeText(p)})
	}
	return v.writePlaces(points, false, len(points))
}
