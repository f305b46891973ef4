package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/problem"
)

// EventStream writes text/event-stream (WHATWG HTML section 9.2). Send and the
// heartbeat may run at once. The stream's context ends when the reader leaves,
// when the server stops, or when the stream's life is over; the reader then
// comes back with Last-Event-ID. Close must be called before the handler returns.
type EventStream struct {
	ctx     context.Context
	cancel  context.CancelFunc
	stop    func() bool
	w       *exchange
	mu      sync.Mutex
	last    time.Time
	buf     bytes.Buffer
	beating sync.WaitGroup
}

// Events begins an event stream on the answer.
func (r *Request) Events(w http.ResponseWriter) (*EventStream, error) {
	x, ok := w.(*exchange)
	if !ok {
		return nil, problem.New(problem.Internal, "internal")
	}
	m := r.mux
	ctx, cancel := context.WithTimeout(r.Context(), m.jitter(m.config.StreamLife))
	s := &EventStream{ctx: ctx, cancel: cancel, w: x, last: m.config.Now()}
	s.stop = context.AfterFunc(m.config.Stopping, cancel)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	x.WriteHeader(http.StatusOK)
	s.mu.Lock()
	fmt.Fprintf(&s.buf, "retry: %d\n\n", m.jitter(m.config.Retry).Milliseconds())
	err := s.flush()
	s.mu.Unlock()
	if err != nil {
		s.Close()
		return nil, err
	}
	s.beating.Go(s.beat)
	return s, nil
}

// Context of the stream.
func (s *EventStream) Context() context.Context { return s.ctx }

// Send writes one event. An empty id or event is left out; neither may hold
// line ends or NUL. Data may have several lines.
func (s *EventStream) Send(id, event string, data []byte) error {
	if strings.ContainsAny(id+event, "\r\n\x00") {
		return problem.New(problem.Internal, "internal")
	}
	if err := s.ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != "" {
		s.buf.WriteString("id: " + id + "\n")
	}
	if event != "" {
		s.buf.WriteString("event: " + event + "\n")
	}
	for line := range bytes.Lines(data) {
		s.buf.WriteString("data: ")
		s.buf.Write(bytes.TrimRight(line, "\r\n"))
		s.buf.WriteByte('\n')
	}
	s.buf.WriteByte('\n')
	return s.flush()
}

func (s *EventStream) flush() error {
	s.w.extend(s.w.mux.config.Now())
	_, err := s.w.Write(s.buf.Bytes())
	s.buf.Reset()
	if err == nil {
		err = s.w.FlushError()
	}
	s.last = s.w.mux.config.Now()
	if err != nil {
		s.cancel()
	}
	return err
}

// beat keeps proxies from closing a silent stream and notices a dead reader.
func (s *EventStream) beat() {
	every := s.w.mux.config.Heartbeat
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		if s.w.mux.config.Now().Sub(s.last) >= every/2 {
			s.buf.WriteString(":\n\n")
			if s.flush() != nil {
				s.mu.Unlock()
				return
			}
		}
		s.mu.Unlock()
	}
}

// Close ends the stream.
func (s *EventStream) Close() {
	s.cancel()
	s.stop()
	s.beating.Wait()
}

// Stopping returns a context that ends with the request or when the server
// begins to stop, for long polls.
func (r *Request) Stopping() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(r.mux.config.Stopping, cancel)
	return ctx, func() { stop(); cancel() }
}

// IsStopping tells that the server has begun to stop.
func (m *Mux) IsStopping() bool { return m.config.Stopping.Err() != nil }
