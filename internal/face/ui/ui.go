package ui

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
	"huong.city/huong/internal/service/alert"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/incident"
	"huong.city/huong/internal/service/indicator"
	"huong.city/huong/internal/service/notify"
	"huong.city/huong/internal/service/pattern"
	"huong.city/huong/internal/service/report"
	"huong.city/huong/internal/service/request"
	"huong.city/huong/internal/service/rights"
	"huong.city/huong/internal/service/sharing"
	marks "huong.city/huong/internal/service/tile"
)

// DatasetActivity is how one dataset moves at this moment.
type DatasetActivity struct {
	Dataset    string
	Total      int64
	Last       time.Time // time of the latest event
	LastCommit time.Time
	PerMinute  float64 // records in the last minute
	PerHour    float64 // records in the last hour
	Hours      [24]int64
	Seq        int64 // last commit that touched it
}

// Sessions keeps the secrets of sessions in the browser; *web.Mux does.
type Sessions interface {
	SetSession(w http.ResponseWriter, r *web.Request, token string, until time.Time)
	ClearSession(w http.ResponseWriter)
	SetFlow(w http.ResponseWriter, r *web.Request, secret string)
	Flow(r *web.Request) string
}

// Repairs puts quarantined rows right.
type Repairs interface {
	// Correct replaces cells of a row's raw form and tries the row again. It
	// returns an Invalid error when the row still breaks a rule; the row then
	// stays in quarantine as corrected, with its present reasons.
	Correct(ctx context.Context, p repo.Principal, id string, cells map[string]string) error
	// Replay tries all waiting rows of a dataset that broke a rule again (every
	// rule when empty). After each row it tells how many have left quarantine
	// and how many stayed so far. It ends early when ctx does.
	Replay(ctx context.Context, p repo.Principal, dataset, rule string, progress func(accepted, stayed int64)) error
	// Dismiss closes a row without a record, with a note that says why.
	Dismiss(ctx context.Context, p repo.Principal, id, note string) error
}

// Config is what the pages need. Repo, Files, Now and Log are required.
type Config struct {
	Repo        *repo.Repository
	Files       fs.FS // the bundled browser side (package web at the root)
	Now         func() time.Time
	Log         *slog.Logger
	Activity    func() []DatasetActivity // none when nil
	Sessions    Sessions                 // no entering when nil
	Repairs     Repairs                  // no repairing when nil
	Sharing     *sharing.Desk            // no pages of grants when nil
	Rights      *rights.Desk             // no pages of persons' own data when nil
	Accounts    *account.Accounts        // access tokens alone let people in when nil
	Incidents   *incident.Desk           // no incidents, stage and shift when nil
	Attachments *attachment.Keeper       // no files when nil
	Figures     Figures                  // boards show no indicators when nil
	Indicators  *indicator.Service       // no pages of indicators when nil
	Alerts      *alert.Engine            // no alerts and notifications when nil
	Notices     *notify.Service          // the same
	Wards       *WardFigures             // indicators that the map colours wards by; none when nil
	Reports     *report.Desk             // no reports when nil
	Paper       *report.Fonts            // boards are not put on paper when nil
	Requests    *request.Desk            // no pages of citizens' reports when nil
	Answered    *request.Figures         // no statistics of citizens' reports when nil
	Patterns    *pattern.Follower        // no hot spots of citizens' reports when nil
	// Learned tells how good the suggested categories are; nothing is told when nil.
	Learned func() (request.Learned, bool)
	Random  io.Reader // of the keys that forms of reports carry; needed with Requests, safe for concurrent use
	Basemap string    // file of streets under the map (PMTiles); none when empty
	// Stopping ends what goes on after a request is answered; such work ends
	// with the process when it is nil.
	Stopping context.Context
}

// UI serves the pages. It is safe for concurrent use.
type UI struct {
	Config
	assets  *assets
	names   nameCache
	shapes  shapeCache
	held    heldCache
	waiting waitingCache
	titles  titleCache
	boards  boardCache
	marks   marks.Cache

	replays replays
}

// stopping is the life of what goes on after a request is answered.
func (u *UI) stopping() context.Context {
	if u.Stopping != nil {
		return u.Stopping
	}
	return context.Background()
}

// New reads the bundle's manifest. An empty bundle is allowed: pages then come
// without style and script.
func New(c Config) (*UI, error) {
	a, err := loadAssets(c.Files)
	if err != nil {
		return nil, err
	}
	return &UI{Config: c, assets: a, marks: marks.Cache{Now: c.Now, Most: mostMarks}}, nil
}

// Routes is the table of pages.
func (u *UI) Routes() []web.Route {
	get := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: u.page(h)}
	}
	post := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Handler: u.page(h), MaxBody: 1 << 20}
	}
	return slices.Concat(u.signInRoutes(), u.boardRoutes(), u.sharingRoutes(), u.rightsRoutes(), u.indicatorRoutes(), u.incidentRoutes(), u.mapRoutes(), u.alertRoutes(), u.reportRoutes(), u.deskRoutes(), u.streetRoutes(), u.careRoutes(), []web.Route{
		get("/receipts", u.receipts),
		get("/receipts/{seq}", u.receipt),
		get("/datasets", u.catalog),
		get("/datasets/{name}", u.records),
		get("/datasets/{name}/map", u.datasetMap),
		get("/datasets/{name}/map/points.json", u.mapPoints),
		get("/datasets/{name}/chart", u.chart),
		get("/datasets/{name}/quality", u.quality),
		get("/datasets/{name}/changes", u.changes),
		get("/datasets/{name}/sharing", u.sharing),
		get("/datasets/{name}/about", u.about),
		get("/datasets/{name}/records/{key...}", u.record),
		post("/datasets/{name}/records/{key...}", u.saveRecord),
		get("/quarantine", u.quarantine),
		post("/quarantine", u.replayRule),
		get("/quarantine/{id}", u.quarantined),
		post("/quarantine/{id}", u.repair),
		get("/log", u.log),
		get("/log/{seq}", u.commit),
		get("/imports", u.imports),
		get("/areas.json", u.areasJSON),
		web.Route{Method: http.MethodGet, Pattern: "/live", Handler: u.live, Stream: true},
		web.Route{Method: http.MethodGet, Pattern: "/assets/{file}", Handler: u.asset},
	})
}

// Missing answers what no route takes with a page that says so.
func (u *UI) Missing(w http.ResponseWriter, r *web.Request) error {
	return u.page(func(v *view) error { return v.noPage() })(w, r)
}
