package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// cityMap is a drawing of the areas.
type cityMap struct {
	Title, Note, Label string
	ViewBox            string
	Areas              []mapArea
	Dots               []mapDot
	Steps              []string // upper ends of the classes, in words
	Schematic          bool     // the boundaries are not the legal ones
}

type mapArea struct{ Code, Title, Path, Class, Href string }

type mapDot struct{ X, Y, R string }

// role is that of a picture, or of a group where the areas are links.
func (m cityMap) role() string {
	for _, a := range m.Areas {
		if a.Href != "" {
			return "group"
		}
	}
	return "img"
}

// shapeCache holds the outlines of the areas, drawn once.
type shapeCache struct {
	mu sync.Mutex
	at time.Time
	s  *shapes
}

// shapes are the areas of today on a flat sheet whose unit is a thousandth of a
// degree of latitude; longitude is shortened by the cosine of the middle.
type shapes struct {
	areas  []shape
	west   float64
	north  float64
	cosine float64
	width  float64
	height float64
	bounds [4]float64
	json   []byte // the same as GeoJSON
	rough  bool   // any boundary is schematic
}

type shape struct {
	code, name, path string
	rings            [][]chart.Point // the same outline
}

const (
	shapesFor = time.Minute
	perDegree = 1000.0
	// finest is the smallest step that a path keeps: half a pixel where the
	// city is drawn a thousand pixels wide.
	finest = 0.6
)

// shapesNow returns the drawing, nil when no area has a boundary.
func (u *UI) shapesNow(ctx context.Context) *shapes {
	u.shapes.mu.Lock()
	defer u.shapes.mu.Unlock()
	now := u.Now()
	if !u.shapes.at.IsZero() && now.Sub(u.shapes.at) < shapesFor && now.Sub(u.shapes.at) >= 0 {
		return u.shapes.s
	}
	type outline struct {
		code, name string
		json       []byte
		box        geom.Box
	}
	var list []outline
	rough := false
	u.each(ctx, repo.SystemArea, []string{"code", "name", "kind", "boundary", "schematic"}, func(r row) {
		b := r.value("boundary")
		if k := r.text("kind"); b.Kind() != value.Geometry || k == "city" || k == "former" {
			return
		}
		if x := r.value("schematic"); x.Kind() == value.Bool && x.Bool() {
			rough = true
		}
		if box, ok := geom.Bounds(b.WKB()); ok {
			list = append(list, outline{r.text("code"), r.text("name"), geom.AppendGeoJSON(nil, b.WKB()), box})
		}
	})
	u.shapes.at, u.shapes.s = now, nil
	if len(list) == 0 {
		return nil
	}
	all := list[0].box
	for _, o := range list[1:] {
		all.West, all.South = min(all.West, o.box.West), min(all.South, o.box.South)
		all.East, all.North = max(all.East, o.box.East), max(all.North, o.box.North)
	}
	s := &shapes{rough: rough, west: all.West, north: all.North, cosine: math.Cos((all.North + all.South) / 2 * math.Pi / 180), bounds: [4]float64{all.West, all.South, all.East, all.North}}
	s.width, s.height = (all.East-all.West)*s.cosine*perDegree, (all.North-all.South)*perDegree
	var doc strings.Builder
	doc.WriteString(`{"type":"FeatureCollection","features":[`)
	for i, o := range list {
		rings := s.rings(o.json)
		s.areas = append(s.areas, shape{o.code, o.name, pathOf(rings), rings})
		if i > 0 {
			doc.WriteByte(',')
		}
		name, _ := json.Marshal(o.name)
		code, _ := json.Marshal(o.code)
		fmt.Fprintf(&doc, `{"type":"Feature","properties":{"code":%s,"name":%s},"geometry":%s}`, code, name, o.json)
	}
	doc.WriteString("]}")
	s.json = []byte(doc.String())
	u.shapes.s = s
	return s
}

// xy places a point on the sheet.
func (s *shapes) xy(lon, lat float64) (x, y float64) {
	return (lon - s.west) * s.cosine * perDegree, (s.north - lat) * perDegree
}

func (s *shapes) viewBox() string {
	m := s.width * 0.01
	return fmt.Sprintf("%.0f %.0f %.0f %.0f", -m, -m, s.width+2*m, s.height+2*m)
}

// rings places a polygon or multipolygon on the sheet. Points closer than the
// finest step to the one before are left out.
func (s *shapes) rings(geojson []byte) (rings [][]chart.Point) {
	var g struct {
		Type        string          `json:"type"`
		Coordinates json.RawMessage `json:"coordinates"`
	}
	if json.Unmarshal(geojson, &g) != nil {
		return nil
	}
	var polygons [][][][]float64
	switch g.Type {
	case "Polygon":
		var p [][][]float64
		if json.Unmarshal(g.Coordinates, &p) == nil {
			polygons = append(polygons, p)
		}
	case "MultiPolygon":
		if json.Unmarshal(g.Coordinates, &polygons) != nil {
			return nil
		}
	}
	for _, p := range polygons {
		for _, ring := range p {
			var list []chart.Point
			for _, c := range ring {
				if len(c) < 2 {
					continue
				}
				x, y := s.xy(c[0], c[1])
				if n := len(list); n > 0 && math.Hypot(x-list[n-1].X, y-list[n-1].Y) < finest {
					continue
				}
				list = append(list, chart.Point{X: x, Y: y})
			}
			if len(list) > 2 {
				rings = append(rings, list)
			}
		}
	}
	return rings
}

// pathOf writes outlines as the data of a path.
func pathOf(rings [][]chart.Point) string {
	var b strings.Builder
	for _, ring := range rings {
		for i, p := range ring {
			if i == 0 {
				b.WriteByte('M')
			} else {
				b.WriteByte('L')
			}
			b.WriteString(strconv.FormatFloat(p.X, 'f', 1, 64))
			b.WriteByte(' ')
			b.WriteString(strconv.FormatFloat(p.Y, 'f', 1, 64))
		}
		b.WriteByte('Z')
	}
	return b.String()
}

// plainMap draws the areas without figures.
func (v *view) plainMap(href func(code string) string) cityMap {
	s := v.u.shapesNow(v.r.Context())
	m := cityMap{Label: v.T("map.label")}
	if s == nil {
		return m
	}
	m.ViewBox, m.Schematic = s.viewBox(), s.rough
	for _, a := range s.areas {
		area := mapArea{Code: a.code, Title: a.name, Path: a.path}
		if href != nil {
			area.Href = href(a.code)
		}
		m.Areas = append(m.Areas, area)
	}
	return m
}

// colour classes the areas by their figures in five steps of equal width up to
// a round top; an area without a figure stays hatched.
func (v *view) colour(m *cityMap, figures map[string]float64, unit string) {
	top := 0.0
	for _, f := range figures {
		top = max(top, f)
	}
	top = chart.RoundUp(top)
	for i := range m.Areas {
		a := &m.Areas[i]
		f, ok := figures[a.Code]
		if !ok {
			a.Title += ": " + v.T("map.nodata")
			continue
		}
		step := 1
		if top > 0 {
			step = max(1, min(5, 1+int(f/top*5)))
		}
		a.Class = "r" + strconv.Itoa(step)
		a.Title += ": " + strings.TrimSpace(v.D(f, 2)+" "+unit)
	}
	for i := 1; i <= 5; i++ {
		m.Steps = append(m.Steps, v.D(top*float64(i)/5, 2))
	}
	if len(m.Steps) > 0 {
		m.Steps[4] += " " + unit
	}
}

// dot marks a place on a drawing.
func (v *view) dot(m *cityMap, lon, lat, radius float64) {
	s := v.u.shapesNow(v.r.Context())
	if s == nil {
		return
	}
	x, y := s.xy(lon, lat)
	m.Dots = append(m.Dots, mapDot{fmt.Sprintf("%.1f", x), fmt.Sprintf("%.1f", y), fmt.Sprintf("%.1f", radius)})
}

// areasJSON is the ground of every interactive map.
func (u *UI) areasJSON(v *view) error {
	b := []byte(`{"type":"FeatureCollection","features":[]}`)
	if s := u.shapesNow(v.r.Context()); s != nil {
		b = s.json
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/geo+json")
	h.Set("Cache-Control", "private, max-age=60")
	v.w.WriteHeader(http.StatusOK)
	_, err := v.w.Write(b)
	return err
}
