package web

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count by route pattern, never by path, query or person.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	bytes    *prometheus.CounterVec

	unmatched *counts // of requests that no route takes
}

func newMetrics(r prometheus.Registerer, l *limits) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "huong_http_requests_total", Help: "Answered requests by route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "huong_http_request_seconds", Help: "Time to answer, streams left out.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60},
		}, []string{"route"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "huong_http_response_bytes_total", Help: "Bytes of bodies sent, after compression.",
		}, []string{"route"}),
	}
	m.unmatched = m.of(Route{})
	if r != nil {
		r.MustRegister(m.requests, m.seconds, m.bytes,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "huong_http_in_flight", Help: "Requests being answered."},
				func() float64 { n, _ := l.inFlight(); return float64(n) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "huong_http_streams", Help: "Open event streams and long polls."},
				func() float64 { _, n := l.inFlight(); return float64(n) }))
	}
	return m
}

// counts are the metrics of one route.
type counts struct {
	requests *prometheus.CounterVec // by status
	seconds  prometheus.Observer    // nil for a stream
	bytes    prometheus.Counter
}

// of gives the metrics of a route; the zero route is what none takes.
func (m *metrics) of(route Route) *counts {
	method, label := route.Method, route.Pattern
	if method == "" {
		method = "other"
	}
	if label == "" {
		label = unmatched
	}
	c := &counts{
		requests: m.requests.MustCurryWith(prometheus.Labels{"method": method, "route": label}),
		bytes:    m.bytes.WithLabelValues(label),
	}
	if !route.Stream {
		c.seconds = m.seconds.WithLabelValues(label)
	}
	return c
}

func (c *counts) observe(status int, bytes int64, taken time.Duration) {
	c.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	c.bytes.Add(float64(bytes))
	if c.seconds != nil {
		c.seconds.Observe(taken.Seconds())
	}
}
