package app

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"huong.city/huong/internal/face/api"
	"huong.city/huong/internal/face/tlog"
	"huong.city/huong/internal/face/ui"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
	"huong.city/huong/internal/service/alert"
	"huong.city/huong/internal/service/incident"
	"huong.city/huong/internal/service/indicator"
	"huong.city/huong/internal/service/live"
	"huong.city/huong/internal/service/notify"
	"huong.city/huong/internal/service/quality"
	"huong.city/huong/internal/service/rights"
	"huong.city/huong/internal/service/sharing"
	bundle "huong.city/huong/web"
)

// ServeOptions say how a city is served.
type ServeOptions struct {
	Listen  string         // beyond the loopback only with TLS or Proxies
	TLS     TLS            // the server's own certificate
	Proxies []netip.Prefix // that encrypt before it, and whose X-Forwarded-For and -Proto are believed
	Log     *slog.Logger
	Version string
	Basemap string           // file of streets under the maps; none when empty
	Now     func() time.Time // the city's clock; the wall clock when nil
	// Accounts let people in; made with the usual settings when nil.
	Accounts *account.Accounts
	// Notify says how notifications leave the city; by page alone when nil.
	Notify *Notify
	// Background runs beside the server until its context ends; the demo's feeds.
	Background func(ctx context.Context) error
	// Work is done with alerts and incidents until its context ends; by the demo's
	// staff.
	Work func(ctx context.Context, alerts *alert.Engine, incidents *incident.Desk)

	// authenticate takes the place of sessions and tokens, for tests that ask as
	// every kind of principal.
	authenticate func(ctx context.Context, token string) (repo.Principal, error)
}

// Times of a stop: streams and requests get drainTime to end, then are cut.
const drainTime = 8 * time.Second

// Serve starts the followers and answers requests until ctx ends. It calls
// ready with the bound address once it answers, and closes the repository
// before it returns. The order of a stop: refuse readiness, end streams, drain
// requests, stop the background, flush the queue, save cursors, close.
func Serve(ctx context.Context, r *repo.Repository, o ServeOptions, ready func(address string)) (err error) {
	closing := context.WithoutCancel(ctx)
	defer func() {
		if e := r.Close(closing); err == nil {
			err = e
		}
	}()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Accounts == nil {
		if o.Accounts, err = Accounts(r, o.Log, nil); err != nil {
			return err
		}
	}
	stopping, stop := context.WithCancel(closing)
	defer stop()
	handler, err := faces(r, o, stopping)
	if err != nil {
		return err
	}
	listener, err := listen(o)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	begin := func() error { return server.Serve(listener) }
	if o.TLS.On() {
		kept, err := newCertificates(o.TLS, time.Now, o.Log)
		if err != nil {
			listener.Close()
			return err
		}
		server.TLSConfig = kept.serverConfig()
		begin = func() error { return server.ServeTLS(listener, "", "") }
	}
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		sweep(stopping, o.Accounts, o.Log)
	}()
	failed := make(chan error, 2)
	go func() { failed <- begin() }()
	background := make(chan struct{})
	go func() {
		defer close(background)
		if o.Background == nil {
			return
		}
		if err := o.Background(ctx); err != nil && ctx.Err() == nil {
			failed <- err
		}
	}()
	ready(listener.Addr().String())
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stop()
	<-swept
	drain, cancel := context.WithTimeout(closing, drainTime)
	defer cancel()
	if e := server.Shutdown(drain); errors.Is(e, context.DeadlineExceeded) {
		server.Close()
	}
	if ctx.Err() != nil {
		<-background
	}
	return err
}

// faces wires followers and faces. The lists are the whole of it.
func faces(r *repo.Repository, o ServeOptions, stopping context.Context) (*web.Mux, error) {
	activity := live.NewActivity(o.Now)
	grants := sharing.NewWatch()
	desk := sharing.New(r, rand.Reader, grants)
	requests := rights.New(r, rand.Reader)
	figures := indicator.New(r)
	for _, f := range []repo.Follower{activity, quality.NewFindings(r), grants, figures} {
		r.Follow(f)
	}
	ends := time.NewTicker(time.Minute)
	go func() {
		defer ends.Stop()
		desk.Run(stopping, ends.C, o.Log)
	}()

	working := workingTime(r)
	var warnings *alert.Engine
	events, attachments := incidents(r, o.Log, working, func() *alert.Engine { return warnings }, stopping)
	var notices *notify.Service
	warnings, notices = alerts(r, o, events, figureOf(figures), stopping)
	citizens, answered := requestDesk(r, o.Log, working, attachments, stopping)
	upkeep(citizens, notices, o.Log, stopping)
	if o.Work != nil {
		go o.Work(stopping, warnings, events)
	}

	papers, fonts := reports(r, o.Log, working, figures, stopping)

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(gauges(r)...)

	authenticate := o.Accounts.Authenticate
	if o.authenticate != nil {
		authenticate = o.authenticate
	}
	var pages *ui.UI
	mux, err := web.New(web.Config{
		Authenticate: authenticate, Now: time.Now, Random: rand.Reader, Log: o.Log, Metrics: registry, Stopping: stopping,
		Certificate: func(ctx context.Context, c *x509.Certificate) (repo.Principal, error) {
			return o.Accounts.ByCertificate(ctx, c.Raw, c.Subject.String())
		},
		InFlight: 2048, InFlightPerClient: 1024,
		PerPrincipal: web.Rate{PerSecond: 1000, Burst: 4000}, PerAddress: web.Rate{PerSecond: 100, Burst: 1000}, SignIn: web.Rate{PerSecond: 0.5, Burst: 60},
		Proxies: o.Proxies,
		Missing: func(w http.ResponseWriter, q *web.Request) error { return pages.Missing(w, q) },
	})
	if err != nil {
		return nil, err
	}
	pages, err = ui.New(ui.Config{
		Repo: r, Files: bundle.Files(), Now: o.Now, Log: o.Log, Sessions: mux,
		Activity: func() []ui.DatasetActivity { return pulses(activity) },
		Repairs:  repairs{r}, Figures: figures, Indicators: figures, Wards: wardFigures(figures), Accounts: o.Accounts, Sharing: desk, Rights: requests, Basemap: o.Basemap, Incidents: events, Attachments: attachments, Alerts: warnings, Notices: notices, Reports: papers, Paper: fonts, Requests: citizens, Answered: answered.figures, Patterns: answered.patterns, Learned: answered.learner.Learned, Random: rand.Reader, Stopping: stopping,
	})
	if err != nil {
		return nil, err
	}
	rest := api.New(api.Config{Repo: r, Sharing: desk, Rights: requests, Incidents: events, Attachments: attachments, Alerts: warnings, Notices: notices, Reports: papers, Indicators: figures, Patterns: answered.patterns, Mux: mux, Now: o.Now, Metrics: registry, Version: o.Version, TokenRoute: true})
	geo, err := geoReport(stopping, r, citizens, attachments, authenticate)
	if err != nil {
		return nil, err
	}
	for _, routes := range [][]web.Route{rest.Routes(), {api.TokenRoute(o.Accounts)}, tlog.Routes(r), geo.Routes(), pages.Routes()} {
		mux.Mount(routes...)
	}
	return mux, nil
}

func pulses(a *live.Activity) []ui.DatasetActivity {
	snapshot := a.Snapshot()
	list := make([]ui.DatasetActivity, len(snapshot))
	for i, s := range snapshot {
		list[i] = ui.DatasetActivity(s)
	}
	return list
}

// gauges show where the log and its followers are.
func gauges(r *repo.Repository) []prometheus.Collector {
	gauge := func(name, help string, read func(repo.Status) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			s, err := r.Status(context.Background())
			if err != nil {
				return -1
			}
			return read(s)
		})
	}
	return []prometheus.Collector{
		gauge("huong_log_head", "Sequence number of the last commit.", func(s repo.Status) float64 { return float64(s.Head.Seq) }),
		gauge("huong_commit_queue", "Commits that wait for the writer.", func(s repo.Status) float64 { return float64(s.Queue) }),
		gauge("huong_follower_lag", "Commits that the slowest follower is behind.", func(s repo.Status) float64 {
			var lag int64
			for _, f := range s.Followers {
				lag = max(lag, f.Lag)
			}
			return float64(lag)
		}),
	}
}
