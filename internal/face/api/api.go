package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/alert"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/incident"
	"huong.city/huong/internal/service/indicator"
	"huong.city/huong/internal/service/notify"
	"huong.city/huong/internal/service/pattern"
	"huong.city/huong/internal/service/report"
	"huong.city/huong/internal/service/rights"
	"huong.city/huong/internal/service/sharing"
)

// Config is what the interface needs. Repo, Sharing, Rights, Mux and Now are required.
type Config struct {
	Repo        *repo.Repository
	Sharing     *sharing.Desk      // grants' workflow
	Rights      *rights.Desk       // persons' requests
	Indicators  *indicator.Service // no indicators when nil
	Incidents   *incident.Desk     // no incidents when nil
	Attachments *attachment.Keeper // no files when nil
	Alerts      *alert.Engine      // no alerts when nil
	Notices     *notify.Service    // the same
	Reports     *report.Desk       // no reports when nil
	Patterns    *pattern.Follower  // no hot spots of citizens' reports when nil
	Mux         *web.Mux
	Now         func() time.Time
	Ready       func(context.Context) error // nil error = ready to serve; always when nil
	Metrics     prometheus.Gatherer         // shown at /metrics; none when nil
	Version     string                      // of this program, for the OpenAPI document
	TokenRoute  bool                        // TokenRoute is mounted beside the interface: describe it
	Stylesheet  string                      // URL of the site's style sheet for the pages, e.g. /assets/app.css; own style alone when empty
}

// API holds the operations.
type API struct {
	config     Config
	repo       *repo.Repository
	operations []operation
	bodies     sync.Pool // of *[]byte, for small bodies
}

// New makes the interface; mount its Routes.
func New(c Config) *API {
	a := &API{config: c, repo: c.Repo}
	a.operations = slices.Concat(a.catalogOperations(), a.readOperations(), a.writeOperations(), a.changeOperations(), a.quarantineOperations(), a.qualityOperations(), a.sharingOperations(), a.releaseOperations(), a.rightsOperations(), a.requestOperations(), a.proofOperations(), a.indicatorOperations(), a.patternOperations(), a.incidentOperations(), a.fileOperations(), a.alertOperations(), a.reportOperations(), a.plainOperations())
	return a
}

// Routes lists every route, for web.Mux.Mount.
func (a *API) Routes() []web.Route {
	var routes []web.Route
	for i := range a.operations {
		op := &a.operations[i]
		routes = append(routes, web.Route{
			Method: op.method, Pattern: op.path, Stream: op.stream, MaxBody: op.maxBody,
			Handler: func(w http.ResponseWriter, r *web.Request) error { return a.call(op, w, r) },
		})
	}
	return routes
}

// words is text in both languages.
type words struct{ vi, en string }

func (t words) in(lang string) string {
	if lang == "vi" {
		return t.vi
	}
	return t.en
}

// operation is one route with everything that the OpenAPI document, the pages
// and the check of its parameters say about it.
type operation struct {
	method, path string
	id, tag      string
	summary      words
	detail       words
	params       []param
	bodies       []string // media types of the body; none = no body
	body         string   // component schema of a JSON body
	answers      []answer
	problems     []int // statuses beside the ones every operation may give
	stream       bool
	maxBody      int64
	handle       func(c *call) error
}

type answer struct {
	status int
	media  []string
	schema string // component schema; "" = free text
	text   words
}

// param is a query or header parameter. A query parameter that an operation
// does not list is refused.
type param struct {
	name, in string // in: query or header
	typ      string // string, integer, boolean
	min, max int64  // integer bounds
	def      string
	enum     []string
	example  string
	text     words
}

// call is one request to one operation, its parameters checked.
type call struct {
	w  http.ResponseWriter
	r  *web.Request
	op *operation
	q  url.Values
}

func (c *call) ctx() context.Context    { return c.r.Context() }
func (c *call) who() repo.Principal     { return c.r.Principal }
func (c *call) text(name string) string { return c.q.Get(name) }
func (c *call) given(name string) bool  { return c.q.Has(name) }

func (c *call) set(name, value string)    { c.w.Header().Set(name, value) }
func (c *call) list(name string) []string { return splitList(c.q.Get(name)) }
func (c *call) path(name string) string   { return c.r.PathValue(name) }
func (c *call) truth(name string, d bool) bool {
	switch c.q.Get(name) {
	case "true", "1":
		return true
	case "false", "0":
		return false
	}
	return d
}

func splitList(s string) []string {
	var list []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

func (a *API) call(op *operation, w http.ResponseWriter, r *web.Request) error {
	c := &call{w: w, r: r, op: op}
	if err := c.parse(); err != nil {
		return web.Malformed(err)
	}
	h := w.Header()
	web.Vary(h, "Accept", "Accept-Language", "Authorization", "Cookie")
	h.Set("Content-Language", r.Lang)
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if r.Credential == web.NoCredential {
			h.Set("Cache-Control", "no-cache")
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Access-Control-Expose-Headers", "ETag, Link, Retry-After, X-Request-Id")
		} else {
			h.Set("Cache-Control", "private, no-cache")
		}
	} else {
		h.Set("Cache-Control", "no-store")
	}
	return op.handle(c)
}

// entry finds the dataset that the path names. The public is asked to sign in
// for what is not open and for what does not exist alike; a known principal is
// told which of the two it is.
func (a *API) entry(c *call) (*repo.Entry, error) { return a.dataset(c.who(), c.path("name")) }

func (a *API) dataset(p repo.Principal, name string) (*repo.Entry, error) {
	e, err := a.repo.Entry(p, name)
	if err == nil || problem.KindOf(err) != problem.NotFound {
		return e, err
	}
	if p.Name == "" {
		return nil, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	if _, hidden := a.repo.Entry(repo.Internal(), name); hidden == nil {
		return nil, problem.New(problem.Denied, "denied", "action", "read", "dataset", name)
	}
	return nil, err
}
