package api_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"huong.city/huong/internal/client"
	"huong.city/huong/internal/face/web"
)

const benchRows = 50_000

func benchBody() string {
	var b strings.Builder
	for i := range benchRows {
		fmt.Fprintf(&b, `{"station":"s%03d","observedAt":"2025-10-%02dT%02d:%02d:%02dZ","level":%d.%02d}`+"\n", i%100, 1+i/86400, i/3600%24, i/60%60, i%60, i%10, i%100)
	}
	return b.String()
}

// BenchmarkPost writes observations over HTTP; one operation is benchRows rows.
func BenchmarkPost(b *testing.B) {
	body := benchBody()
	for b.Loop() {
		b.StopTimer()
		s := start(b, nil)
		c := s.client(s.writer)
		b.StartTimer()
		sum, err := c.Post(b.Context(), "level", "application/x-ndjson", strings.NewReader(body), client.Write{})
		if err != nil || sum.Accepted != benchRows {
			b.Fatalf("%+v %v", sum, err)
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkPostOne writes single records by many clients at once, past the
// network: what one record costs in the handler, the queue and the store.
func BenchmarkPostOne(b *testing.B) {
	s := start(b, func(c *web.Config) { c.Log, c.StreamsPerClient = slog.New(slog.DiscardHandler), 200 })
	var n atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(64)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			body := fmt.Sprintf(`{"code":"s%d","name":"Kim Long","river":"Hương","location":[107.56,16.46],"depth":4.5,"channels":12}`, n.Add(1))
			r := httptest.NewRequest("POST", "/api/v1/datasets/station/records", strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+s.writer)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			if s.mux.ServeHTTP(w, r); w.Code != 201 {
				b.Errorf("%d %s", w.Code, w.Body)
				return
			}
		}
	})
}

// BenchmarkRead reads them back by pages, as NDJSON, and one at a time.
func BenchmarkRead(b *testing.B) {
	s := start(b, nil)
	c := s.client(s.writer)
	if _, err := c.Post(b.Context(), "level", "application/x-ndjson", strings.NewReader(benchBody()), client.Write{}); err != nil {
		b.Fatal(err)
	}
	b.Run("export", func(b *testing.B) {
		for b.Loop() {
			r, err := c.Export(b.Context(), "level", "ndjson", nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, r); err != nil {
				b.Fatal(err)
			}
			r.Close()
		}
		b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			s.must(200, "GET", "/api/v1/datasets/level/records?count=false&limit=100&filter="+url.QueryEscape("level > 5"), "", "")
		}
	})
	b.Run("record", func(b *testing.B) {
		key := url.PathEscape("s000,2025-10-01T00:00:00Z")
		for b.Loop() {
			s.must(200, "GET", "/api/v1/datasets/level/records/"+key, "", "")
		}
	})
}
