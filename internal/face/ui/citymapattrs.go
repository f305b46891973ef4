package ui

import (
	"encoding/json"

	"github.com/a-h/templ"

	marks "huong.city/huong/internal/service/tile"
)

func severityClass(s uint8) string {
	return [...]string{"calm", "low", "medium", "high"}[min(s, marks.High)]
}

func severityGlyph(s uint8) string { return [...]string{"", "■", "▲", "◆"}[min(s, marks.High)] }

func (v *view) severityWord(s uint8) string {
	if s == marks.None {
		return ""
	}
	return v.T("site.severity." + severityClass(s))
}

func (m *siteMap) chosenLayers() (n int) {
	for _, l := range m.Layers {
		if l.On {
			n++
		}
	}
	return n
}

func (m *siteMap) withinOptions() (list []option) {
	for _, w := range withins {
		list = append(list, option{w, m.T("site.hours." + w)})
	}
	return list
}

func (m *siteMap) severityOptions() []option {
	list := []option{{"", m.T("site.severity.all")}}
	for _, s := range severityCodes[1:] {
		list = append(list, option{s, m.T("site.least." + s)})
	}
	return list
}

// emptyWord says why the list is empty.
func (m *siteMap) emptyWord() string {
	if m.chosenLayers() > 0 {
		return m.T("site.list.none")
	}
	return m.T("site.list.no-layer")
}

// island carries to the script where it gets what it draws and the words that
// it says.
func (m *siteMap) island() templ.Attributes {
	s := m.u.shapesNow(m.r.Context())
	if !m.Script || s == nil {
		return nil
	}
	bounds, _ := json.Marshal(s.bounds)
	sheet, _ := json.Marshal([3]float64{s.west, s.north, s.cosine * perDegree})
	words, _ := json.Marshal(map[string]string{
		"zoomIn": m.T("map.zoom-in"), "zoomOut": m.T("map.zoom-out"), "title": m.T("site.title"),
		"play": m.T("site.play"), "pause": m.T("site.pause"), "now": m.T("site.now"), "nomap": m.T("site.no-map"),
	})
	a := templ.Attributes{
		"data-site": "", "data-areas": "/areas.json", "data-worker": m.u.assets.url("mapworker.js"), "data-bounds": string(bounds), "data-sheet": string(sheet),
		"data-words": string(words), "data-city-now": m.NowForm(), "data-figure": m.By,
	}
	if m.Basemap {
		a["data-basemap"] = "/basemap.pmtiles"
	}
	return a
}

// rowAttr makes a line of the list: a link where there is a page, and what the
// script needs to find it on the map.
func (m *siteMap) rowAttr(r siteRow) templ.Attributes {
	a := templ.Attributes{"data-id": r.ID, "data-lon": degree(r.Point.Lon), "data-lat": degree(r.Point.Lat), "href": m.with("sel", r.ID)}
	if r.Point.Href != "" {
		a["href"] = r.Point.Href
	}
	if r.Selected {
		a["aria-current"] = "true"
	}
	return a
}

// chosenAttr places the selected mark.
func (m *siteMap) chosenAttr() templ.Attributes {
	if m.Chosen == nil {
		return nil
	}
	return templ.Attributes{"data-id": m.Chosen.ID, "data-lon": degree(m.Chosen.Point.Lon), "data-lat": degree(m.Chosen.Point.Lat)}
}
