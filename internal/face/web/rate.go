package web

import (
	"sync"
	"time"

	"huong.city/huong/internal/core/problem"
)

// Rate is how many requests a client may make: Burst at once, then PerSecond.
// The zero Rate is no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// mostBuckets bounds the memory of one limit. Clients beyond it begin with full
// buckets again.
const mostBuckets = 50_000

// rates is a token bucket for each client that was there lately.
type rates struct {
	rate Rate
	now  func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// take uses up one request of a client's, or refuses with RateLimited and the
// time after which there is one again.
func (r *rates) take(client string) error {
	if r.rate.Burst <= 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	b, known := r.buckets[client]
	if known {
		b.left = min(float64(r.rate.Burst), b.left+max(0, now.Sub(b.at).Seconds())*r.rate.PerSecond)
	} else {
		b.left = float64(r.rate.Burst)
		r.makeRoom(now)
	}
	b.at = now
	if b.left < 1 {
		r.buckets[client] = b
		e := problem.New(problem.RateLimited, "rate-exceeded")
		e.RetryAfter = time.Duration((1 - b.left) / r.rate.PerSecond * float64(time.Second))
		return e
	}
	b.left--
	r.buckets[client] = b
	return nil
}

// makeRoom forgets clients whose buckets are full again, and all where that
// leaves too many.
func (r *rates) makeRoom(now time.Time) {
	if r.buckets == nil {
		r.buckets = map[string]bucket{}
	}
	if len(r.buckets) < mostBuckets {
		return
	}
	for client, b := range r.buckets {
		if b.left+now.Sub(b.at).Seconds()*r.rate.PerSecond >= float64(r.rate.Burst) {
			delete(r.buckets, client)
		}
	}
	if len(r.buckets) >= mostBuckets {
		clear(r.buckets)
	}
}
