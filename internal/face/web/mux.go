package web

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// Config is what a Mux needs. Authenticate, Now, Random and Log are required.
type Config struct {
	Authenticate func(ctx context.Context, token string) (repo.Principal, error)
	// Certificate knows machines by the client certificate of their connection;
	// certificates are not looked at when it is nil.
	Certificate func(ctx context.Context, c *x509.Certificate) (repo.Principal, error)

	Now      func() time.Time // the wall clock: socket deadlines are made from it
	Random   io.Reader
	Log      *slog.Logger
	Metrics  prometheus.Registerer // none when nil
	Stopping context.Context       // done when the server begins to stop: streams end; never when nil

	Origins []string       // further origins (scheme://host) whose pages may write with a session
	Proxies []netip.Prefix // that encrypt before the server, and whose X-Forwarded-For and -Proto are believed

	InFlight          int // requests at once; 256 when 0
	InFlightPerClient int // of them from one client; 32 when 0
	Streams           int // event streams and long polls at once; 4096 when 0
	StreamsPerClient  int // of them from one client; 64 when 0
	// Rates hold for clients beyond this machine; none when zero.
	PerPrincipal Rate // of a known principal, from wherever
	PerAddress   Rate // of everybody else, by network address (IPv6: the /64)
	SignIn       Rate // of an address that tries to sign in, this machine's too

	MaxBody    int64         // bytes of a body where the route says nothing; 8 MiB when 0
	Idle       time.Duration // a reader or writer that stands still for so long is cut off; 60 s when 0
	Heartbeat  time.Duration // comment in a silent event stream; 15 s when 0
	StreamLife time.Duration // an event stream ends after this, ± 20 %; 30 min when 0
	Retry      time.Duration // after which its reader comes back, ± 20 %; 2 s when 0

	// Missing answers GET requests outside /api that no route takes (a page that
	// says so); nil answers with a problem.
	Missing Handler
}

// Handler answers one request, or returns the error to answer with.
type Handler func(w http.ResponseWriter, r *Request) error

// Request is a request with what the plumbing found out about it.
type Request struct {
	*http.Request
	ID         string // of this request, for the log and for support
	Lang       string // "vi" or "en"
	Principal  repo.Principal
	Credential Credential
	Session    string // secret of the session cookie, where the principal is known by it; never shown
	mux        *Mux
}

// Route is one entry of the routing table. A GET route answers HEAD too.
type Route struct {
	Method         string
	Pattern        string // of http.ServeMux, without the method
	Handler        Handler
	Stream         bool  // may stay open long: counts as a stream
	SignIn         bool  // tries a secret: held to Config.SignIn
	OwnCredentials bool  // the handler reads the request's credentials by itself
	MaxBody        int64 // bytes; 0 = Config.MaxBody, -1 = no limit (the handler streams in bounded memory)
}

// Mux is the root handler of the server: it wraps every route in the shared
// plumbing. Mount everything before serving.
type Mux struct {
	config  Config
	mux     *http.ServeMux
	routes  []Route
	cross   *http.CrossOriginProtection
	metrics *metrics
	plain   http.Header // headers of every answer
	gzips   sync.Pool
	random  sync.Mutex // Random need not be safe for concurrent use
	limits  limits

	principals, addresses, attempts rates
}

// New makes an empty Mux. It fails on an origin that is none.
func New(c Config) (*Mux, error) {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.InFlight, 256)
	set(&c.InFlightPerClient, 32)
	set(&c.Streams, 4096)
	set(&c.StreamsPerClient, 64)
	if c.MaxBody == 0 {
		c.MaxBody = 8 << 20
	}
	wait := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	wait(&c.Idle, time.Minute)
	wait(&c.Heartbeat, 15*time.Second)
	wait(&c.StreamLife, 30*time.Minute)
	wait(&c.Retry, 2*time.Second)
	if c.Stopping == nil {
		c.Stopping = context.Background()
	}
	m := &Mux{config: c, mux: http.NewServeMux(), cross: http.NewCrossOriginProtection(), plain: plainHeaders()}
	for _, o := range c.Origins {
		if err := m.cross.AddTrustedOrigin(o); err != nil {
			return nil, err
		}
	}
	m.limits.init(c)
	m.principals, m.addresses, m.attempts = rates{rate: c.PerPrincipal, now: c.Now}, rates{rate: c.PerAddress, now: c.Now}, rates{rate: c.SignIn, now: c.Now}
	m.metrics = newMetrics(c.Metrics, &m.limits)
	return m, nil
}

// Mount adds routes. Two routes that take the same requests are a fault of the
// program and panic at start, as http.ServeMux does.
func (m *Mux) Mount(routes ...Route) {
	for _, route := range routes {
		m.routes = append(m.routes, route)
		counts := m.metrics.of(route)
		m.mux.HandleFunc(route.Method+" "+route.Pattern, func(w http.ResponseWriter, _ *http.Request) {
			x, ok := w.(*exchange)
			if !ok {
				http.Error(w, "the route stands outside its mux", http.StatusInternalServerError)
				return
			}
			x.route, x.counts, x.astray = route, counts, nil
			x.answer(m.enter(x, route))
		})
	}
}

// Routes lists what was mounted, in order.
func (m *Mux) Routes() []Route { return m.routes }

// ServeHTTP answers one request and writes one line about it.
func (m *Mux) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	start := m.config.Now()
	x := &exchange{ResponseWriter: w, mux: m, head: hr.Method == http.MethodHead, counts: m.metrics.unmatched}
	x.request = Request{Request: hr, ID: m.requestID(hr), Lang: languageOf(hr), mux: m}
	x.r = &x.request
	if codings := hr.Header.Get("Accept-Encoding"); codings != "" {
		x.gzip = !x.head && acceptsGzip(codings)
	}
	x.control = *http.NewResponseController(w)
	x.extend(start)
	if hr.Body != nil && hr.Body != http.NoBody {
		x.body = patientBody{hr.Body, x}
		hr.Body = &x.body
	}
	h := w.Header()
	for name, values := range m.plain {
		h[name] = values
	}
	if m.Encrypted(hr) {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	h["X-Request-Id"] = []string{x.r.ID}
	defer m.finish(x, start)
	m.route(x, hr)
}

func (m *Mux) route(x *exchange, hr *http.Request) {
	// The library answers what no route takes in plain text; catch that, learn
	// which of 404 and 405 it is, and say so in our own form.
	var p astray
	x.astray = &p
	m.mux.ServeHTTP(x, hr)
	if x.astray == nil {
		return // a route took it
	}
	x.astray = nil
	allow := p.header.Get("Allow")
	switch {
	case hr.Pattern != "" && p.header.Get("Location") != "":
		// a route takes the path in its clean form
		x.Header().Set("Location", p.header.Get("Location"))
		x.WriteHeader(p.status)
	case p.status == http.StatusMethodNotAllowed:
		x.Header().Set("Allow", allow)
		x.answer(&Refusal{p.status, problem.New(problem.Invalid, "method-not-allowed", "method", shortened(hr.Method), "allowed", allow)})
	case p.status != http.StatusNotFound && p.status != 0:
		x.answer(Malformed(problem.New(problem.Invalid, "request-malformed")))
	case m.config.Missing != nil && !strings.HasPrefix(hr.URL.Path, "/api/") && (hr.Method == http.MethodGet || x.head):
		x.answer(m.enter(x, Route{Method: http.MethodGet, Handler: m.config.Missing}))
	default:
		x.answer(problem.New(problem.NotFound, "route-unknown"))
	}
}

// astray takes the library's plain answer to a request that no route takes.
type astray struct {
	header http.Header
	status int
}

// enter runs a route's handler behind limits, authentication and cross-origin
// protection.
func (m *Mux) enter(x *exchange, route Route) error {
	r := x.r
	if len(m.config.Proxies) > 0 && !m.Encrypted(r.Request) && !m.Loopback(r.Request) {
		return &Refusal{http.StatusForbidden, problem.New(problem.Invalid, "connection-open")}
	}
	done, err := m.limits.enter(route.Stream)
	if err != nil {
		return err
	}
	defer done()
	address := m.senderOf(r)
	if route.SignIn || route.OwnCredentials {
		if err := m.attempts.take(address); err != nil {
			return err
		}
	}
	if !route.OwnCredentials {
		if err := m.authenticate(r); err != nil {
			if problem.KindOf(err) == problem.Unauthenticated { // a wrong secret counts as an attempt
				if limited := m.attempts.take(address); limited != nil {
					return limited
				}
			}
			return err
		}
	}
	if !m.Loopback(r.Request) {
		of, client := &m.addresses, address
		if r.Principal.Name != "" {
			of, client = &m.principals, m.clientOf(r)
		}
		if err := of.take(client); err != nil {
			return err
		}
	}
	// Only a browser adds cookies by itself, so only requests without a bearer
	// token can be forged; those without any credential too (signing in).
	if r.Credential != BearerToken {
		if err := m.cross.Check(r.Request); err != nil {
			return problem.Wrap(err, problem.Denied, "cross-origin")
		}
	}
	left, err := m.limits.client(m.clientOf(r), route.Stream)
	if err != nil {
		return err
	}
	defer left()
	limit := route.MaxBody
	if limit == 0 {
		limit = m.config.MaxBody
	}
	if limit > 0 {
		r.Body = http.MaxBytesReader(x, r.Body, limit)
	}
	return route.Handler(x, r)
}

// finish closes the exchange, whatever happened, and records it.
func (m *Mux) finish(x *exchange, start time.Time) {
	fault := recover()
	abort := x.aborted
	if fault == http.ErrAbortHandler {
		abort = true
	} else if fault != nil {
		m.config.Log.Error("panic", "request", x.r.ID, "route", x.label(), "fault", fault, "stack", string(debug.Stack()))
		if x.status == 0 {
			WriteProblem(x, x.r, problem.New(problem.Internal, "internal"))
		} else {
			abort = true
		}
	}
	if !abort {
		abort = x.close() != nil && x.r.Context().Err() == nil
	}
	x.release()
	now := m.config.Now()
	x.refresh(now)
	taken := now.Sub(start)
	status := x.status
	if x.gone {
		status = 499 // the reader left before the answer
	}
	x.counts.observe(status, x.bytes, taken)
	if ctx := x.r.Context(); m.config.Log.Enabled(ctx, slog.LevelInfo) {
		m.config.Log.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("request", x.r.ID), slog.String("method", shortened(x.r.Method)), slog.String("route", x.label()),
			slog.String("dataset", x.dataset(status)), slog.Int("status", status), slog.Int64("bytes", x.bytes), slog.Duration("took", taken),
			slog.String("principal", x.r.Principal.Name), slog.Bool("aborted", abort))
	}
	if abort {
		panic(http.ErrAbortHandler) // the reader must see that the answer is not whole
	}
}

// dataset is the one that the path names, where the answer says that there is
// such a thing: anything may stand there by mistake, a person's number too.
func (x *exchange) dataset(status int) string {
	switch {
	case status < 400, status == http.StatusForbidden, status == http.StatusConflict, status == http.StatusPreconditionFailed, status == http.StatusUnprocessableEntity:
		return shortened(x.r.PathValue("name"))
	}
	return ""
}

func (m *Mux) requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); id != "" && len(id) <= 64 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_") == "" {
		return id
	}
	var b [12]byte
	m.random.Lock()
	defer m.random.Unlock()
	if _, err := io.ReadFull(m.config.Random, b[:]); err != nil {
		return "unnumbered"
	}
	return hex.EncodeToString(b[:])
}

// jitter returns d, more or less a fifth of it.
func (m *Mux) jitter(d time.Duration) time.Duration {
	var b [2]byte
	m.random.Lock()
	io.ReadFull(m.config.Random, b[:])
	m.random.Unlock()
	part := float64(uint16(b[0])<<8|uint16(b[1])) / 65535
	return time.Duration(float64(d) * (0.8 + 0.4*part))
}

// plainHeaders are those that every answer carries. Answers share the slices:
// a handler that needs another value sets it anew. A page that needs more sets
// its own Content-Security-Policy.
func plainHeaders() http.Header {
	h := http.Header{}
	h.Set("Content-Security-Policy", ContentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Vary", "Accept-Encoding")
	return h
}

// ContentSecurityPolicy lets a page use what this server itself serves, and
// nothing inline.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func shortened(s string) string {
	if len(s) > 80 {
		return s[:80]
	}
	return s
}

// answer writes the problem of an error that a handler returned. An answer
// that has begun cannot be taken back: it is cut off.
func (x *exchange) answer(err error) {
	if err == nil {
		return
	}
	if x.r.Context().Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, x.r.Context().Err())) {
		x.gone, x.aborted = true, true
		return
	}
	err = normal(err)
	if problem.KindOf(err) == problem.Denied && x.r.Credential == NoCredential {
		err = problem.Wrap(err, problem.Unauthenticated, "unauthenticated")
	}
	if problem.KindOf(err) == problem.Internal {
		x.mux.config.Log.Error("fault", "request", x.r.ID, "route", x.label(), "err", err)
	}
	if x.sent {
		x.aborted = true
		return
	}
	x.reset()
	WriteProblem(x, x.r, err)
}
