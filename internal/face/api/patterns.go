package api

import (
	"net/http"
	"time"

	"huong.city/huong/internal/core/hotspot"
	"huong.city/huong/internal/service/pattern"
)

func (a *API) patternOperations() []operation {
	if a.config.Patterns == nil {
		return nil
	}
	return []operation{{
		method: "GET", path: "/api/v1/request-patterns", id: "getRequestPatterns", tag: "records",
		summary: words{"Nơi và lúc phản ánh của người dân dồn lại", "Where and when citizens' reports gather"},
		detail: words{
			"Điểm nóng (Getis-Ord Gi* trên ô lục giác 250 m, Benjamini-Hochberg 5 %), nơi cùng một việc trở lại (trong 30 m, ít nhất ba đợt cách nhau hai tuần, tính trong 365 ngày trở lên), chu kỳ theo giờ, ngày, tháng. Điểm mặc định được để riêng; nơi dưới 5 phản ánh không được nêu. Kết quả cũ nhất 5 phút; “behind” là số phản ánh đã đổi từ đó.",
			"Hot spots (Getis-Ord Gi* on hexagons of 250 m, Benjamini-Hochberg at 5 %), places where one matter comes back (within 30 m, at least three times two weeks apart, over 365 days or more), cycles of hours, days and months. Default points are set aside; places with fewer than 5 reports are not named. At most 5 minutes old; “behind” counts reports that changed since.",
		},
		params: []param{
			{name: "period", in: "query", typ: "string", def: "90d", text: words{"30d, 90d, 365d hoặc một năm.", "30d, 90d, 365d or a year."}},
			{name: "group", in: "query", typ: "string", text: words{"Mã nhóm việc; để trống là tất cả.", "Code of a group of categories; all when left out."}},
			{name: "area", in: "query", typ: "string", example: "19753", text: words{"Mã phường, xã; để trống là toàn thành phố.", "Code of a ward or commune; the whole city when left out."}},
			paramLang(),
		},
		answers: []answer{{200, []string{mediaJSON}, "RequestPatterns", words{"Nơi và lúc phản ánh dồn lại", "Where and when reports gather"}}}, handle: a.requestPatterns,
	}}
}

func patternSchemas(obj func([]string, object) object, arr func(object) object) object {
	str, integer, number := object{"type": "string"}, object{"type": "integer"}, object{"type": "number"}
	cycle := obj([]string{"rounds", "p", "index"}, object{"rounds": integer, "p": number, "index": arr(number)})
	spot := obj([]string{"longitude", "latitude", "reports", "times", "z"}, object{
		"longitude": number, "latitude": number, "area": str, "reports": integer, "times": number, "z": number, "hectares": number, "categories": arr(str), "first": str, "last": str})
	place := obj([]string{"longitude", "latitude", "category", "reports", "times"}, object{
		"longitude": number, "latitude": number, "area": str, "category": str, "reports": integer, "times": integer, "daysBetween": number, "first": str, "last": str})
	point := obj([]string{"longitude", "latitude", "reports"}, object{"longitude": number, "latitude": number, "reports": integer})
	return object{"RequestPatterns": obj([]string{"from", "until", "computedAt", "behind", "reports", "spots", "places", "defaults"}, object{
		"from": str, "until": str, "computedAt": str, "behind": integer, "reports": integer, "placeless": integer, "atDefaults": integer, "defaults": arr(point),
		"spots": arr(spot), "places": arr(place), "placesFrom": str, "hours": cycle, "weekdays": cycle, "months": cycle})}
}

type patternSpot struct {
	Longitude  float64  `json:"longitude"`
	Latitude   float64  `json:"latitude"`
	Area       string   `json:"area,omitempty"`
	Reports    int      `json:"reports"`
	Times      float64  `json:"times"`
	Z          float64  `json:"z"`
	Hectares   float64  `json:"hectares"`
	Categories []string `json:"categories,omitempty"`
	First      string   `json:"first"`
	Last       string   `json:"last"`
}

type patternPlace struct {
	Longitude float64 `json:"longitude"`
	Latitude  float64 `json:"latitude"`
	Area      string  `json:"area,omitempty"`
	Category  string  `json:"category"`
	Reports   int     `json:"reports"`
	Times     int     `json:"times"`
	Days      float64 `json:"daysBetween"`
	First     string  `json:"first"`
	Last      string  `json:"last"`
}

type patternPoint struct {
	Longitude float64 `json:"longitude"`
	Latitude  float64 `json:"latitude"`
	Reports   int     `json:"reports"`
}

type patternCycle struct {
	Rounds int       `json:"rounds"`
	P      float64   `json:"p"`
	Index  []float64 `json:"index"`
}

func cycleDoc(c hotspot.Cycle) patternCycle {
	return patternCycle{c.Rounds, c.P, append([]float64{}, c.Index...)}
}

func (a *API) requestPatterns(c *call) error {
	got, err := a.config.Patterns.Ask(c.ctx(), pattern.Ask{Period: c.text("period"), Group: c.text("group"), Area: c.text("area")})
	if err != nil {
		return err
	}
	moment := func(t time.Time) string { return instant(t.UnixMicro()) }
	spots, places, points := []patternSpot{}, []patternPlace{}, []patternPoint{}
	for _, s := range got.Spots {
		spots = append(spots, patternSpot{s.Longitude, s.Latitude, s.Area, s.Reports, s.Times, s.Z, s.Hectares, s.Categories, moment(s.First), moment(s.Last)})
	}
	for _, p := range got.Places {
		places = append(places, patternPlace{p.Longitude, p.Latitude, p.Area, p.Category, p.Reports, p.Times, p.Between.Hours() / 24, moment(p.First), moment(p.Last)})
	}
	for _, p := range got.Defaults {
		points = append(points, patternPoint{p.Longitude, p.Latitude, p.Events})
	}
	return writeJSON(c, http.StatusOK, map[string]any{"from": moment(got.From), "until": moment(got.Until), "computedAt": moment(got.Drawn), "behind": got.Behind,
		"reports": got.Reports, "placeless": got.Placeless, "atDefaults": got.AtDefaults, "defaults": points, "spots": spots, "places": places, "placesFrom": moment(got.PlacesFrom),
		"hours": cycleDoc(got.Hour), "weekdays": cycleDoc(got.Weekday), "months": cycleDoc(got.Month)})
}
