package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Change is one change of the feed.
type Change struct {
	Seq     int64    `json:"seq"`
	At      string   `json:"at"`
	Dataset string   `json:"dataset"`
	Op      string   `json:"op"` // created, updated, deleted
	Key     string   `json:"key"`
	Prior   int64    `json:"prior"`
	Changed []string `json:"changed"`
	Record  *Record  `json:"record"` // nil for a deletion

	// Cursor is the place after this change: following from it gives the next
	// one and none twice. Changes of Poll carry it on the last one only.
	Cursor string `json:"-"`
}

// Poll reads the changes after a cursor ("" or "start" from the beginning,
// "now" from the end), waits up to wait when there are none, and returns the
// cursor to go on from.
func (c *Client) Poll(ctx context.Context, datasets []string, cursor string, wait time.Duration) (changes []Change, next string, more bool, err error) {
	q := url.Values{"wait": {strconv.Itoa(int(wait.Seconds()))}}
	if len(datasets) > 0 {
		q.Set("datasets", strings.Join(datasets, ","))
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	res, err := c.send(ctx, request{method: "GET", path: "/api/v1/changes", query: q, header: map[string][]string{"Accept": {"application/x-ndjson"}}})
	if err != nil {
		return nil, cursor, false, err
	}
	defer res.Body.Close()
	d := json.NewDecoder(res.Body)
	for {
		var line struct {
			Change
			Cursor string `json:"cursor"`
			More   bool   `json:"more"`
		}
		if err := d.Decode(&line); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF // the last line was not there
			}
			return nil, cursor, false, err
		}
		if line.Cursor != "" {
			if n := len(changes); n > 0 {
				changes[n-1].Cursor = line.Cursor
			}
			return changes, line.Cursor, line.More, nil
		}
		changes = append(changes, line.Change)
	}
}

// Follow calls fn with every change after the cursor, live, until ctx ends or
// fn fails; it comes back by itself when the connection breaks, without losing
// or repeating a change. A *Problem ends it, but for those that ask to retry.
func (c *Client) Follow(ctx context.Context, datasets []string, cursor string, fn func(Change) error) error {
	pause := 2 * time.Second
	for {
		err := c.stream(ctx, datasets, &cursor, &pause, fn)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var stop *stopped
		if errors.As(err, &stop) {
			return stop.err
		}
		wait := pause
		if p, ok := errors.AsType[*Problem](err); ok {
			if p.RetryAfter == 0 {
				return err
			}
			wait = p.RetryAfter
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}

// stopped carries an error that must not be retried.
type stopped struct{ err error }

func (s *stopped) Error() string { return s.err.Error() }

const maxEvent = 16 << 20

// stream reads one event stream (WHATWG HTML section 9.2.6) to its end.
func (c *Client) stream(ctx context.Context, datasets []string, cursor *string, pause *time.Duration, fn func(Change) error) error {
	q := url.Values{}
	if len(datasets) > 0 {
		q.Set("datasets", strings.Join(datasets, ","))
	}
	if *cursor != "" {
		q.Set("cursor", *cursor)
	}
	res, err := c.send(ctx, request{method: "GET", path: "/api/v1/changes", query: q, header: map[string][]string{"Accept": {"text/event-stream"}}})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxEvent)
	var id, event string
	var data bytes.Buffer
	for lines.Scan() {
		field, text, _ := strings.Cut(lines.Text(), ":")
		text = strings.TrimPrefix(text, " ")
		switch {
		case lines.Text() == "":
			if data.Len() > 0 {
				if err := dispatch(event, id, bytes.TrimSuffix(data.Bytes(), []byte("\n")), fn); err != nil {
					return &stopped{err}
				}
			}
			if id != "" {
				*cursor = id
			}
			event = ""
			data.Reset()
		case field == "id":
			id = text
		case field == "event":
			event = text
		case field == "data":
			data.WriteString(text)
			data.WriteByte('\n')
		case field == "retry":
			if ms, err := strconv.Atoi(text); err == nil && ms >= 0 {
				*pause = time.Duration(ms) * time.Millisecond
			}
		}
	}
	return lines.Err()
}

func dispatch(event, id string, data []byte, fn func(Change) error) error {
	if event == "problem" {
		p := &Problem{}
		if err := json.Unmarshal(data, p); err != nil {
			return err
		}
		return p
	}
	ch := Change{}
	if err := json.Unmarshal(data, &ch); err != nil {
		return err
	}
	ch.Cursor = id
	return fn(ch)
}
