package open311

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
)

// Root is the address of the endpoint.
const Root = "/open311/v2"

// Specification names GeoReport v2 in the discovery document.
const Specification = "http://wiki.open311.org/GeoReport_v2"

// Config is what the interface needs. All of it is required but Photo and
// Jurisdictions.
type Config struct {
	Repo *repo.Repository
	Desk Desk
	// Authenticate knows the holder of an api_key: a machine's token.
	Authenticate func(ctx context.Context, token string) (repo.Principal, error)
	// Jurisdictions are the values of jurisdiction_id that are this city, beside
	// the name of the host that was asked.
	Jurisdictions []string
	// Photo is the path of a report's public picture; pictures are not told when nil.
	Photo  func(id string) string
	Random io.Reader
	Now    func() time.Time
	Secret []byte // tokens are made with it
}

// Face answers GeoReport calls.
type Face struct{ Config }

// New makes the interface; mount its Routes.
func New(c Config) *Face { return &Face{c} }

// Bounds of bodies: a form, and a form with files.
const (
	mostMedia  = 5        // files of one report
	mediaBytes = 20 << 20 // of one file
	bodyBytes  = 33 << 20 // of all of a report
)

// Routes lists the routes, for web.Mux.Mount. What has no route of its own is
// answered as an unknown format or address.
func (f *Face) Routes() []web.Route {
	var routes []web.Route
	add := func(method, path string, handle handler) {
		r := web.Route{Method: method, Pattern: Root + path, Handler: f.serve(handle)}
		if method == http.MethodPost {
			r.MaxBody = bodyBytes
		}
		routes = append(routes, r)
	}
	for _, format := range []string{"xml", "json"} {
		add("GET", "/discovery."+format, f.discovery)
		add("GET", "/services."+format, f.services)
		add("GET", "/requests."+format, f.requests)
		add("POST", "/requests."+format, f.post)
		add("GET", "/servicerequestupdates."+format, f.updates)
	}
	add("GET", "/services/{code}", f.definition)
	add("GET", "/requests/{id}", f.request)
	add("GET", "/tokens/{token}", f.token)
	add("GET", "/{rest...}", f.unknown)
	return append(routes,
		web.Route{Method: "GET", Pattern: Root + "/requests.csv", Handler: f.serve(f.export), Stream: true},
		web.Route{Method: "POST", Pattern: Root + "/requests.csv", Handler: f.serve(f.bulk), MaxBody: -1})
}

// call is one request, its format, language and asker known.
type call struct {
	w      http.ResponseWriter
	r      *web.Request
	format string // "xml" or "json"
	name   string // last part of the path, without the format
	lang   string
	who    repo.Principal
	keyed  bool // known by an api_key, or by a token in Authorization
	q      url.Values
	vs     []problem.Violation // faults of parameters, told at once
}

func (c *call) ctx() context.Context { return c.r.Context() }

type handler func(c *call) error

// serve wraps a handler in what all calls share: format, language, jurisdiction,
// key, headers, and errors in the format that was asked for.
func (f *Face) serve(handle handler) web.Handler {
	return func(w http.ResponseWriter, r *web.Request) error {
		c := &call{w: w, r: r, lang: r.Lang, who: r.Principal, keyed: r.Credential == web.BearerToken || r.Credential == web.ClientCertificate}
		err := c.formatted()
		if err == nil {
			err = f.begin(c)
		}
		if err == nil {
			c.headers()
			err = handle(c)
		}
		return c.fail(err)
	}
}

// formatted reads the format from the end of the path. Without a known one,
// errors are in the format that every server must have.
func (c *call) formatted() error {
	c.format = "xml"
	path := c.r.URL.Path
	path = path[strings.LastIndexByte(path, '/')+1:]
	name, ending := path, ""
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		name, ending = path[:i], path[i+1:]
	}
	c.name = name
	switch ending {
	case "xml", "json":
		c.format = ending
		return nil
	case "csv":
		if strings.HasSuffix(c.r.Pattern, ".csv") {
			c.format = "json" // of errors and of what an import answers
			return nil
		}
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(c.r.URL.Path, Root+"/"), "/")
	first, _, _ = strings.Cut(first, ".")
	if !slices.Contains(calls, first) {
		return problem.New(problem.NotFound, "georeport-call")
	}
	return problem.New(problem.Invalid, "georeport-format")
}

// calls are the first parts of addresses.
var calls = []string{"discovery", "services", "requests", "tokens", "servicerequestupdates"}

// begin reads the parameters that every call takes.
func (f *Face) begin(c *call) error {
	var err error
	if c.q, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		return problem.Wrap(err, problem.Invalid, "parameter-encoding")
	}
	if len(c.r.URL.RawQuery) > mostQuery {
		return problem.New(problem.Invalid, "parameter-long", "limit", mostQuery)
	}
	return f.common(c)
}

// mostQuery bounds the parameters of an address, in bytes.
const mostQuery = 16 << 10

// common checks the parameters locale, jurisdiction_id and api_key. A form that
// has them too is checked the same way once it is read.
func (f *Face) common(c *call) error {
	switch locale := c.scalar("locale"); strings.ToLower(strings.ReplaceAll(locale, "_", "-")) {
	case "":
	case "vi", "vi-vn":
		c.lang = "vi"
	case "en", "en-gb", "en-us":
		c.lang = "en"
	default:
		c.vs = append(c.vs, problem.Violate("parameter-choice", "locale", "allowed", "vi, en"))
	}
	if j := c.scalar("jurisdiction_id"); j != "" && !f.serves(c, j) {
		return problem.New(problem.NotFound, "georeport-jurisdiction")
	}
	if key := c.scalar("api_key"); key != "" {
		p, err := f.Authenticate(c.ctx(), key)
		if problem.KindOf(err) == problem.Unauthenticated {
			return problem.Wrap(err, problem.Denied, "georeport-key-wrong")
		}
		if err != nil {
			return err
		}
		c.who, c.keyed = p, true
	}
	return c.faults()
}

func (f *Face) serves(c *call, jurisdiction string) bool {
	for _, own := range f.Jurisdictions {
		if strings.EqualFold(own, jurisdiction) {
			return true
		}
	}
	host, _, _ := strings.Cut(c.r.Host, ":")
	return strings.EqualFold(strings.TrimPrefix(host, "www."), jurisdiction)
}

func (c *call) headers() {
	h := c.w.Header()
	web.Vary(h, "Accept-Language", "Authorization", "Cookie")
	h.Set("Content-Language", c.lang)
	switch {
	case c.r.Method != http.MethodGet && c.r.Method != http.MethodHead:
		h.Set("Cache-Control", "no-store")
	case c.who.Name == "":
		h.Set("Cache-Control", "no-cache")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "ETag, Link, Retry-After, X-Request-Id")
	default:
		h.Set("Cache-Control", "private, no-cache")
	}
}

// fresh answers 304 where nothing was committed since the reader's copy. What
// depends on the time of day is cut to the hour.
func (f *Face) fresh(c *call) (bool, error) {
	head, err := f.Repo.Head(c.ctx())
	if err != nil {
		return false, err
	}
	q := url.Values{}
	for k, v := range c.q {
		if k != "api_key" {
			q[k] = v
		}
	}
	hour := f.Now().Truncate(time.Hour).Format(time.RFC3339)
	return web.Fresh(c.w, c.r, web.WeakTag(head.Epoch, strconv.FormatInt(head.Seq, 10), c.r.URL.Path, q.Encode(), c.who.Name, c.lang, hour)), nil
}

// answer writes a document in the format asked for.
func (c *call) answer(status int, n node) error {
	c.w.Header().Set("Content-Type", media[c.format])
	c.w.WriteHeader(status)
	_, err := c.w.Write(written(c.format, n))
	return err
}

// origin is scheme and host as the reader names them; empty where the host is
// no host.
func (c *call) origin() string {
	host := c.r.Host
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") != "" {
		return ""
	}
	if c.r.TLS == nil && c.r.Loopback() {
		return "http://" + host
	}
	return "https://" + host
}

// unknown answers what no call takes: an address that is none, or a known one
// without its format.
func (f *Face) unknown(*call) error { return problem.New(problem.NotFound, "georeport-call") }
