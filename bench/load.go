package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// connection is one keep-alive HTTP/1.1 client. It parses no more of an answer
// than its status and its length, so that it takes little from the server,
// which shares the machine.
type connection struct {
	c    net.Conn
	r    *bufio.Reader
	body []byte // of the last answer
}

// dial connects; local, when not empty, is the loopback address to come from.
func dial(address, local string) (*connection, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	if local != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(local)}
	}
	c, err := d.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{c: c, r: bufio.NewReaderSize(c, 32<<10)}, nil
}

func (c *connection) close() { c.c.Close() }

// do sends a request made by request and reads the whole answer.
func (c *connection) do(parts ...[]byte) (status int, err error) {
	buffers := net.Buffers(slices.Clone(parts))
	if _, err := buffers.WriteTo(c.c); err != nil {
		return 0, err
	}
	return c.answer()
}

var (
	headLength  = []byte("content-length:")
	headChunked = []byte("transfer-encoding: chunked")
)

func (c *connection) head() (status, length int, chunked bool, err error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, 0, false, err
	}
	if len(line) < 12 {
		return 0, 0, false, errors.New("no status line")
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, false, err
	}
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return 0, 0, false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return status, length, chunked, nil
		}
		if n := len(headLength); len(line) > n && bytes.EqualFold(line[:n], headLength) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[n:]))); err != nil {
				return 0, 0, false, err
			}
		}
		chunked = chunked || bytes.EqualFold(line, headChunked)
	}
}

func (c *connection) answer() (status int, err error) {
	status, length, chunked, err := c.head()
	if err != nil {
		return 0, err
	}
	c.body = c.body[:0]
	if !chunked {
		return status, c.take(length)
	}
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			break
		}
		if err := c.take(int(n)); err != nil {
			return 0, err
		}
		if _, err := c.r.Discard(2); err != nil {
			return 0, err
		}
	}
	for { // trailers, and the empty line
		line, err := c.r.ReadSlice('\n')
		if err != nil || len(bytes.TrimSpace(line)) == 0 {
			return status, err
		}
	}
}

func (c *connection) take(n int) error {
	at := len(c.body)
	c.body = append(c.body, make([]byte, n)...)
	_, err := io.ReadFull(c.r, c.body[at:])
	return err
}

// request makes the head of a request whose body has length bytes; a negative
// length is a chunked body.
func request(method, target, token, media string, length int) []byte {
	b := []byte(method + " " + target + " HTTP/1.1\r\nHost: bench\r\n")
	if token != "" {
		b = append(b, "Authorization: Bearer "+token+"\r\n"...)
	}
	if media != "" {
		b = append(b, "Content-Type: "+media+"\r\n"...)
	}
	switch {
	case length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case method != "GET":
		b = append(b, "Content-Length: "+strconv.Itoa(length)+"\r\n"...)
	}
	return append(b, "\r\n"...)
}

// timing is what came of many requests.
type timing struct {
	n         int
	seconds   float64
	latencies []time.Duration // sorted
}

func (t timing) perSecond() float64 { return float64(t.n) / t.seconds }

func (t timing) quantile(q float64) time.Duration {
	if len(t.latencies) == 0 {
		return 0
	}
	return t.latencies[min(len(t.latencies)-1, int(q*float64(len(t.latencies))))]
}

// drive sends requests 0…n-1 by so many clients at once, each waiting for its
// answer before it sends the next, and expects one of the statuses.
func drive(address string, clients, n int, make func(i int) [][]byte, expected ...int) (timing, error) {
	var next atomic.Int64
	var wait sync.WaitGroup
	var mu sync.Mutex
	var all []time.Duration
	var failure error
	connections := []*connection{}
	for range clients {
		c, err := dial(address, "")
		if err != nil {
			return timing{}, err
		}
		defer c.close()
		connections = append(connections, c)
	}
	began := time.Now()
	for _, c := range connections {
		wait.Go(func() {
			var own []time.Duration
			var err error
			for err == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					break
				}
				parts := make(i)
				sent := time.Now()
				var status int
				if status, err = c.do(parts...); err == nil && !slices.Contains(expected, status) {
					err = fmt.Errorf("request %d: status %d: %.600s", i, status, c.body)
				}
				own = append(own, time.Since(sent))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, own...)
			if err != nil && failure == nil {
				failure = err
			}
		})
	}
	wait.Wait()
	t := timing{n: n, seconds: time.Since(began).Seconds(), latencies: all}
	slices.Sort(t.latencies)
	return t, failure
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(list))
	if len(s)%2 == 1 {
		return s[len(s)/2]
	}
	return (s[len(s)/2-1] + s[len(s)/2]) / 2
}
