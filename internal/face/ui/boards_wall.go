package ui

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"

	"huong.city/huong/internal/core/dashboard"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
)

// Sizes of letters on a wall: font px = distance × tan(angle) ÷ pitch ÷ 0.74,
// where 0.74 em is the height of the face's capitals. ISO 9241-3 and NUREG-0700
// ask for 16 minutes of arc at the farthest seat; 20 is what people prefer.
const (
	capitals      = 0.74
	preferredArc  = 20.0 / 60 * math.Pi / 180
	usualDistance = 3.0  // metres to the farthest seat
	usualPanel    = 55.0 // inches across
	usualWide     = 1920 // pixels
)

// wallRoom is where the wall hangs.
type wallRoom struct {
	Distance float64 // metres
	Panel    float64 // inches across
	Wide     int     // pixels
}

// roomOf reads the room from an address; what is not given is usual.
func roomOf(get func(string) string) (wallRoom, error) {
	r := wallRoom{usualDistance, usualPanel, usualWide}
	read := func(name string, low, high float64, into *float64) error {
		text := get(name)
		if text == "" {
			return nil
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || !(f >= low && f <= high) {
			return problem.New(problem.Invalid, "request-malformed")
		}
		*into = f
		return nil
	}
	wide := float64(r.Wide)
	for _, err := range []error{read("distance", 1, 30, &r.Distance), read("panel", 10, 400, &r.Panel), read("wide", 640, 16384, &wide)} {
		if err != nil {
			return r, err
		}
	}
	r.Wide = int(wide)
	return r, nil
}

// letter is the size of ordinary letters in pixels. A panel is 16 wide to 9 high.
func (r wallRoom) letter() int {
	across := r.Panel * 0.0254 * 16 / math.Hypot(16, 9)
	pitch := across / float64(r.Wide)
	return int(math.Ceil(r.Distance * math.Tan(preferredArc) / pitch / capitals))
}

// fits is how many figures stand on one screen, in how many columns.
func (r wallRoom) fits() (columns, figures int) {
	px := float64(r.letter())
	high := float64(r.Wide) * 9 / 16
	columns = max(1, min(4, int(float64(r.Wide)/(px*13))))
	rows := max(1, min(4, int((high-px*4.4)/(px*4.3))))
	return columns, columns * rows
}

// wallStyle gives the sizes of a room; a strict policy forbids them in the page.
func (u *UI) wallStyle(w http.ResponseWriter, r *web.Request) error {
	room, err := roomOf(r.URL.Query().Get)
	if err != nil {
		return err
	}
	columns, _ := room.fits()
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=86400")
	// As a part of the panel's width, whatever a pixel of the page is on it.
	_, err = fmt.Fprintf(w, ":root{--wall:%.4fvw;--wall-columns:%d}\n", 100*float64(room.letter())/float64(room.Wide), columns)
	return err
}

// wallData is one screen of a wall.
type wallData struct {
	*boardData
	Room    wallRoom
	Style   string // address of the sizes
	Seconds int
	Calm    bool   // nothing of a high severity is open
	Next    string // what is shown next while it is calm
	Title   string
	Slide   boardSection
	Stage   stageView
	Alerts  []alertLine
	Total   int
}

// wall shows a board for a room: dark, without controls, one screen after the
// other while it is calm. While an alert of high severity is open it stays at
// what needs action.
func (u *UI) wall(v *view) error {
	name := v.r.PathValue("name")
	boards, _ := u.boardsNow()
	b := boards[name]
	if b == nil {
		return v.noPage()
	}
	room, err := roomOf(v.r.URL.Query().Get)
	if err != nil {
		return err
	}
	d := v.boardData(name, b)
	w := &wallData{boardData: d, Room: room, Seconds: b.Seconds, Calm: true}
	if w.Seconds == 0 {
		w.Seconds = 30
	}
	w.Style = to("/wall.css", "distance", v.r.URL.Query().Get("distance"), "panel", v.r.URL.Query().Get("panel"), "wide", v.r.URL.Query().Get("wide"))
	v.title, v.theme = b.Title.In(v.lang), "dark"
	if w.Stage, err = v.stageAt(d.Scope.At); err != nil && !notForReader(err) {
		return err
	}
	if w.Alerts, err = d.readAlerts(nil); err != nil && !notForReader(err) {
		return err
	}
	w.Total = len(w.Alerts)
	w.Calm = !slices.ContainsFunc(w.Alerts, func(a alertLine) bool { return a.Severity == "high" })
	slides := wallSlides(b, room)
	at, _ := strconv.Atoi(v.r.URL.Query().Get("slide"))
	if at < 0 || at >= len(slides) || !w.Calm {
		at = 0
	}
	w.Title = b.Title.In(v.lang)
	if len(slides) > 0 {
		shown := *b
		shown.Sections = slides[at : at+1]
		d.Board = &shown
		d.fill(-1)
		w.Slide = d.Sections[0]
		if w.Slide.Title != "" {
			w.Title = w.Slide.Title
		}
	}
	w.Next = w.next(b, at, len(slides))
	if v.fragment("wall") {
		return v.part(wallBody(w))
	}
	return v.write(http.StatusOK, wallPage(w))
}

// next is the address of the following screen: of this board, then of the boards
// that it takes turns with, and of this one again.
func (w *wallData) next(b *dashboard.Board, at, slides int) string {
	if at+1 < slides {
		return w.with("slide", strconv.Itoa(at+1))
	}
	first := or(w.r.URL.Query().Get("first"), w.Name)
	boards, _ := w.u.boardsNow()
	turns := []string{first}
	if f := boards[first]; f != nil {
		turns = append(turns, f.Rotation...)
	}
	i := slices.Index(turns, w.Name)
	then := turns[(i+1)%len(turns)]
	q := w.r.URL.Query()
	q.Del("slide")
	q.Del("fragment")
	q.Del("first")
	if then != first {
		q.Set("first", first)
	}
	return address("/wall/"+then, q)
}

// wallSlides cuts a board into screens: the figures of its cards together, as
// many as fit; each map or chart by itself.
func wallSlides(b *dashboard.Board, room wallRoom) []dashboard.Section {
	_, fits := room.fits()
	var slides []dashboard.Section
	var figures []dashboard.Widget
	flush := func(title dashboard.Words) {
		for len(figures) > 0 {
			n := min(fits, len(figures))
			slides = append(slides, dashboard.Section{Title: title, Width: 12, Columns: 1, Widgets: figures[:n:n]})
			figures = figures[n:]
		}
	}
	for _, s := range b.Sections {
		cards := s.Cards
		if len(cards) == 0 {
			cards = []dashboard.Section{s}
		}
		for _, c := range cards {
			for _, w := range c.Widgets {
				switch w.Kind {
				case "number":
					figures = append(figures, w)
				case "map", "series", "ranking", "heat", "bars", "status":
					if w.Kind == "ranking" {
						_, w.Columns = w.Limit, 1
						w.Limit = 8
					}
					slides = append(slides, dashboard.Section{Title: w.Title, Width: 12, Columns: 1, Widgets: []dashboard.Widget{w}})
				}
			}
		}
		flush(s.Title)
	}
	// Maps first: they say where.
	slices.SortStableFunc(slides, func(a, b dashboard.Section) int { return wallOrder(a) - wallOrder(b) })
	return slides
}

func wallOrder(s dashboard.Section) int {
	switch s.Widgets[0].Kind {
	case "map":
		return 0
	case "number":
		return 1
	}
	return 2
}
