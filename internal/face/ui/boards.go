package ui

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/core/dashboard"
	core "huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
)

// Figures are the city's indicators as a reader may see them; the service
// indicator is. A figure that the reader may not see is a Denied,
// Unauthenticated or NotFound error.
type Figures interface {
	Definition(name string) *core.Definition // nil for none
	Value(ctx context.Context, p repo.Principal, a indicator.Ask) (indicator.Reading, error)
	Series(ctx context.Context, p repo.Principal, a indicator.SeriesAsk) (indicator.Series, error)
	ByArea(ctx context.Context, p repo.Principal, a indicator.Ask) ([]indicator.AreaFigure, error)
	Stack(ctx context.Context, p repo.Principal, a indicator.SeriesAsk) (indicator.Stack, error)
}

const (
	kindDashboard = "dashboard"
	firstBoard    = "city" // stands at /
)

func (u *UI) boardRoutes() []web.Route {
	get := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: u.page(h)}
	}
	return []web.Route{
		get("/{$}", u.first),
		get("/boards", u.boardList),
		get("/boards/{name}", u.boardPage),
		get("/boards/{name}/export", u.boardExport),
		get("/boards/{name}/edit", u.boardEdit),
		get("/boards/{name}/history", u.boardHistory),
		{Method: http.MethodPost, Pattern: "/boards/{name}/preview", Handler: u.page(u.boardPreview), MaxBody: 2 << 20},
		{Method: http.MethodPost, Pattern: "/boards/{name}/edit", Handler: u.page(u.boardSave), MaxBody: 2 << 20},
		get("/wall/{name}", u.wall),
		{Method: http.MethodGet, Pattern: "/wall.css", Handler: u.wallStyle},
	}
}

// boardCache holds the boards as they were read, until a definition changes.
type boardCache struct {
	mu      sync.Mutex
	version int64
	boards  map[string]*dashboard.Board
	list    []repo.Definition
}

// boardsNow gives the declared boards by name, and their definitions in order.
func (u *UI) boardsNow() (map[string]*dashboard.Board, []repo.Definition) {
	version := u.Repo.DefinitionsVersion()
	c := &u.boards
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.boards != nil && c.version == version {
		return c.boards, c.list
	}
	c.boards, c.version, c.list = map[string]*dashboard.Board{}, version, u.Repo.Definitions(kindDashboard)
	for _, d := range c.list {
		b, err := dashboard.Parse(d.Name+".yaml", []byte(d.Text))
		if err != nil { // it was sound when it was written; a newer program may ask for more
			u.Log.Warn("a board cannot be read", "board", d.Name, "err", err)
			continue
		}
		c.boards[d.Name] = b
	}
	return c.boards, c.list
}

// scope is what the reader chose to see.
type scope struct {
	Area   string // "" for the whole city
	Agency string
	Period string
	Chosen bool      // the period was chosen, not the board's own
	At     time.Time // zero for now
}

// scopeOf reads the choice from the address. What the board does not take is
// left out.
func (v *view) scopeOf(b *dashboard.Board) scope {
	q := v.r.URL.Query()
	s := scope{Period: b.Period}
	if b.Takes("area") {
		if a := q.Get("area"); slices.ContainsFunc(v.areaOptions(), func(o option) bool { return o.Value == a }) {
			s.Area = a
		}
	}
	if b.Takes("agency") {
		if a := q.Get("agency"); v.u.namesNow(v.r.Context()).agencies[a] != nil {
			s.Agency = a
		}
	}
	if p := q.Get("period"); b.Takes("period") && slices.Contains(dashboard.Periods(), p) {
		s.Period, s.Chosen = p, true
	}
	if t, err := time.Parse(time.RFC3339, q.Get("at")); err == nil && t.Before(v.now) {
		s.At = t
	}
	return s
}

// moment is the time that the board is of.
func (s scope) moment(now time.Time) time.Time {
	if s.At.IsZero() {
		return now
	}
	return s.At
}

// boardData is one board for one reader.
type boardData struct {
	*view
	Name     string
	Board    *dashboard.Board
	Scope    scope
	Sections []boardSection
	MayEdit  bool
	Draft    bool // not saved: shown beside its text
}

// boardSection is a card, or cards side by side.
type boardSection struct {
	ID    string
	Title string
	Href  string
	Class string
	Tiles []*tile
	Cards []boardSection
	Live  string // names of the datasets that it follows
}

// tile is one widget with what it shows.
type tile struct {
	w *dashboard.Widget

	Kind, Title, Note, Href string
	Denied                  bool // closed to this reader
	Empty                   string
	Value, Unit             string
	Num                     chart.Cell // the value as a number
	Severity                string
	Spark                   string // markup
	Changes                 []string
	Target                  string
	Whence                  string // source and time in words
	At                      time.Time
	Quality                 string // "" while live
	Chart                   string // markup
	Map                     string // markup
	Legend                  []string
	Table                   chart.Table
	Stage                   stageView
	Alerts                  []alertLine
	Total                   int64 // lines there are, where Alerts are the first
	Alive                   []datasetCard
	Text                    []string
	Status                  []statusLine

	live []string // datasets that it shows
}

type statusLine struct{ Title, Value, Unit, Severity, Quality, Href string }

// first is the page at /: the board of the city, or what datasets there are
// where no board is declared yet.
func (u *UI) first(v *view) error {
	boards, _ := u.boardsNow()
	if boards[firstBoard] == nil {
		return u.home(v)
	}
	return v.board(firstBoard)
}

func (u *UI) boardPage(v *view) error { return v.board(v.r.PathValue("name")) }

// board shows a board, or the section of it that is asked for again.
func (v *view) board(name string) error {
	boards, _ := v.u.boardsNow()
	b := boards[name]
	if b == nil {
		return v.noPage()
	}
	d := v.boardData(name, b)
	v.nav, v.title, v.class = "home", b.Title.In(v.lang), "boardpage"
	if d.Scope.Area != "" {
		v.title += " – " + v.Area(d.Scope.Area)
	}
	if b.Fill {
		v.class += " fill"
	}
	if id := v.r.URL.Query().Get("fragment"); strings.HasPrefix(id, "s") {
		i, err := strconv.Atoi(id[1:])
		if err != nil || i < 0 || i >= len(b.Sections) {
			return v.noPage()
		}
		d.fill(i)
		return v.part(boardSectionPart(d, d.Sections[i]))
	}
	d.fill(-1)
	if v.fragment("board") {
		return v.part(boardShell(d))
	}
	return v.show(http.StatusOK, boardShell(d))
}

func (v *view) boardData(name string, b *dashboard.Board) *boardData {
	return &boardData{view: v, Name: name, Board: b, Scope: v.scopeOf(b), MayEdit: v.mayDefine()}
}

// mayDefine tells whether the reader may write definitions.
func (v *view) mayDefine() bool {
	return v.p.Name != "" && v.u.Repo.MayWrite(v.p, repo.SystemDefinition)
}

// keep is an address of another board with what the reader chose.
func (d *boardData) keep(board string, kv ...string) string {
	path := "/boards/" + board
	if board == firstBoard {
		path = "/"
	}
	all := []string{"area", d.Scope.Area, "agency", d.Scope.Agency, "period", d.period(), "at", d.at(), "lang", d.r.URL.Query().Get("lang")}
	for i := 0; i+1 < len(kv); i += 2 {
		for k := 0; k < len(all); k += 2 {
			if all[k] == kv[i] {
				all[k+1] = kv[i+1]
			}
		}
	}
	return to(path, all...)
}

func (d *boardData) period() string {
	if d.Scope.Chosen {
		return d.Scope.Period
	}
	return ""
}

func (d *boardData) at() string {
	if d.Scope.At.IsZero() {
		return ""
	}
	return ISO(d.Scope.At)
}

// indicatorHref leads from a figure to its own page, the level above records.
func (d *boardData) indicatorHref(name string) string {
	return to("/indicators/"+name, "area", d.Scope.Area, "period", d.period(), "at", d.at(), "lang", d.r.URL.Query().Get("lang"))
}

// areaHref leads to the board of an area.
func (d *boardData) areaHref(code string) string {
	if d.Board.AreaBoard == "" {
		return to("/datasets", "area", code)
	}
	return d.keep(d.Board.AreaBoard, "area", code)
}

// shareHref is an address that shows another reader these same figures.
func (d *boardData) shareHref() string { return d.with("at", ISO(d.Scope.moment(d.now))) }

// frameOf is the room of a chart of a height.
func (d *boardData) frameOf(w, h float64) chart.Frame {
	return chart.Frame{W: w, H: h, Lang: d.lang, Zone: d.zone}
}

// fill computes what all widgets show, or those of one section. Figures are read
// side by side, a few at a time, so that a board of thirty waits for the slowest
// and not for the sum.
func (d *boardData) fill(only int) {
	var work []*tile
	section := func(s *dashboard.Section, id string) boardSection {
		out := boardSection{ID: id, Title: s.Title.In(d.lang), Class: "c" + strconv.Itoa(s.Columns)}
		if s.Link != "" {
			out.Href = d.keep(s.Link)
		}
		for i := range s.Widgets {
			t := &tile{w: &s.Widgets[i], Kind: s.Widgets[i].Kind}
			out.Tiles = append(out.Tiles, t)
			work = append(work, t)
		}
		return out
	}
	d.Sections = make([]boardSection, len(d.Board.Sections))
	for i := range d.Board.Sections {
		s := &d.Board.Sections[i]
		if only >= 0 && i != only {
			continue
		}
		id := "s" + strconv.Itoa(i)
		out := section(s, id)
		for k := range s.Cards {
			out.Cards = append(out.Cards, section(&s.Cards[k], id+"-"+strconv.Itoa(k)))
		}
		out.Class += " w" + strconv.Itoa(s.Width)
		d.Sections[i] = out
	}
	d.namesReady()
	var wait sync.WaitGroup
	next := make(chan *tile)
	for range min(atOnce, len(work)) {
		wait.Go(func() {
			for t := range next {
				d.compute(t)
			}
		})
	}
	for _, t := range work {
		next <- t
	}
	close(next)
	wait.Wait()
	for i := range d.Sections {
		d.Sections[i].Live = d.follows(&d.Sections[i])
	}
}

// atOnce bounds how many figures of one page are read side by side.
const atOnce = 4

// namesReady reads what every widget needs before they are computed side by side.
func (d *boardData) namesReady() {
	d.u.namesNow(d.r.Context())
	d.u.shapesNow(d.r.Context())
}

// follows lists the datasets that a section is asked for again by.
func (d *boardData) follows(s *boardSection) string {
	if !d.Scope.At.IsZero() {
		return "" // what was, does not move
	}
	set := map[string]bool{}
	add := func(tiles []*tile) {
		for _, t := range tiles {
			for _, n := range t.live {
				set[n] = true
			}
		}
	}
	add(s.Tiles)
	for i := range s.Cards {
		add(s.Cards[i].Tiles)
	}
	var names []string
	for n := range set {
		names = append(names, n)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// boardList shows which boards there are.
func (u *UI) boardList(v *view) error {
	boards, list := u.boardsNow()
	v.nav, v.title = "home", v.T("boards.title")
	var lines []boardLine
	for _, d := range list {
		if b := boards[d.Name]; b != nil {
			href := "/boards/" + d.Name
			if d.Name == firstBoard {
				href = "/"
			}
			lines = append(lines, boardLine{d.Name, b.Title.In(v.lang), b.Description.In(v.lang), href, v.Agency(b.Owner)})
		}
	}
	return v.show(http.StatusOK, boardListPage(v, lines))
}

type boardLine struct{ Name, Title, Description, Href, Owner string }
