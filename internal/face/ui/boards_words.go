package ui

import (
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/core/dashboard"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// areaWord says which area the board shows.
func (d *boardData) areaWord() string {
	if d.Scope.Area != "" {
		return d.Area(d.Scope.Area)
	}
	return d.T("boards.all-areas")
}

// cityHref leads back to the whole city.
func (d *boardData) cityHref() string {
	if d.Board.Takes("area") {
		return d.with("area", "")
	}
	return d.keep(firstBoard, "area", "")
}

// chooseArea shows this board of an area, or the board that shows areas.
func (d *boardData) chooseArea(code string) string {
	if d.Board.Takes("area") {
		return d.with("area", code)
	}
	return d.areaHref(code)
}

// agencyOptions are the agencies to choose from, by name.
func (v *view) agencyOptions() []option {
	var list []option
	for code, w := range v.u.namesNow(v.r.Context()).agencies {
		list = append(list, option{code, or(w.In(v.lang), code)})
	}
	slices.SortFunc(list, func(a, b option) int {
		return strings.Compare(value.Fold(a.Label)+a.Value, value.Fold(b.Label)+b.Value)
	})
	return list
}

func periodOptions() []string { return dashboard.Periods() }

// exportHref is the address of a file of what is seen.
func (d *boardData) exportHref(format string) string {
	q := d.r.URL.Query()
	q.Del("fragment")
	q.Set("format", format)
	return address("/boards/"+d.Name+"/export", q)
}

// kinds are the classes of what stands in a card.
func (s boardSection) kinds() string {
	var list []string
	for _, t := range s.Tiles {
		if k := "k-" + t.Kind; !slices.Contains(list, k) {
			list = append(list, k)
		}
	}
	return strings.Join(list, " ")
}

// numeric tells that a column holds numbers.
func numeric(t chart.Table, column int) bool {
	for _, r := range t.Rows {
		if column < len(r) && r[column].Text != "" {
			return r[column].Number
		}
	}
	return false
}

func shapeOf(word string) string {
	return map[string]string{"high": "◆", "medium": "▲", "low": "■"}[word]
}

// dotted joins what follows in a line.
func dotted(s string) string {
	if s == "" {
		return ""
	}
	return " · " + s
}

// at24 writes the clock of today, else the day.
func (v *view) at24(t time.Time) string {
	t, now := t.In(v.zone), v.now.In(v.zone)
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04")
	}
	return t.Format("02/01 15:04")
}

// wallFollows are the datasets that a wall is asked for again by.
func wallFollows(w *wallData) string {
	list := strings.Fields(w.Slide.Live)
	for _, n := range []string{repo.SystemAlert, repo.SystemStage, repo.SystemDefinition} {
		if !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return strings.Join(list, " ")
}

// newest is the time of the newest figure on a wall's screen, else now.
func (w *wallData) newest() time.Time {
	var at time.Time
	for _, t := range w.Slide.Tiles {
		if t.At.After(at) {
			at = t.At
		}
	}
	if at.IsZero() {
		return w.now
	}
	return at
}

// wallTitle names what the screen shows, with the unit of a single chart.
func (w *wallData) wallTitle() string {
	if len(w.Slide.Tiles) == 1 && w.Slide.Tiles[0].Kind != "number" {
		return joined(" · ", w.Slide.Tiles[0].Title, w.Slide.Tiles[0].Note)
	}
	return w.Title
}

// firstAlerts are those that there is room for.
func firstAlerts(w *wallData) []alertLine {
	rows := int(float64(w.Room.Wide) * 9 / 16 / float64(w.Room.letter()) / 4.2)
	return w.Alerts[:min(len(w.Alerts), max(1, rows-1))]
}
