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
	if r != nil {
		r.MustRegister(m.requests, m.seconds, m.bytes,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "huong_http_in_flight", Help: "Requests being answered."},
				func() float64 { n, _ := l.inFlight(); return float64(n) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "huong_http_streams", Help: "Open event streams and long polls."},
				func() float64 { _, n := l.inFlight(); return float64(n) }))
	}
	return m
}

func (m *metrics) observe(x *exchange, status int, taken time.Duration) {
	method := x.route.Method
	if method == "" {
		method = "other"
	}
	m.requests.WithLabelValues(method, x.label(), strconv.Itoa(status)).Inc()
	m.bytes.WithLabelValues(x.label()).Add(float64(x.bytes))
	if !x.route.Stream {
		m.seconds.WithLabelValues(x.label()).Observe(taken.Seconds())
	}
}
