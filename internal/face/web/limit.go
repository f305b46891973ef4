package web

import (
	"sync"
	"time"

	"huong.city/huong/internal/core/problem"
)

// limits counts what is in flight, in all and by client. It refuses at once
// rather than queue: the reader is told when to come back.
type limits struct {
	mu                       sync.Mutex
	requests, streams        int
	byClient, streamsOf      map[string]int
	maxRequests, maxStreams  int
	clientMax, clientStreams int
}

func (l *limits) init(c Config) {
	l.byClient, l.streamsOf = map[string]int{}, map[string]int{}
	l.maxRequests, l.maxStreams = c.InFlight, c.Streams
	l.clientMax, l.clientStreams = c.InFlightPerClient, c.StreamsPerClient
}

// enter takes one place of the server's, or refuses with Unavailable.
func (l *limits) enter(stream bool) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, max := &l.requests, l.maxRequests
	if stream {
		n, max = &l.streams, l.maxStreams
	}
	if *n >= max {
		e := problem.New(problem.Unavailable, "busy")
		e.RetryAfter = time.Second
		return nil, e
	}
	*n++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		*n--
	}, nil
}

// client takes one place of a client's, or refuses with RateLimited.
func (l *limits) client(name string, stream bool) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts, max := l.byClient, l.clientMax
	if stream {
		counts, max = l.streamsOf, l.clientStreams
	}
	if counts[name] >= max {
		e := problem.New(problem.RateLimited, "too-many-requests", "limit", max)
		e.RetryAfter = time.Second
		return nil, e
	}
	counts[name]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if counts[name]--; counts[name] == 0 {
			delete(counts, name)
		}
	}, nil
}

func (l *limits) inFlight() (requests, streams int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests, l.streams
}
