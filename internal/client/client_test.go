package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// node answers every request with the given text.
func node(t testing.TB, status int, text string) *Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(status)
		io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	c, err := New(s.URL+"/base/", "token", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		status int
		text   string
		detail string
	}{
		{412, `{"status":412,"title":"Stale","detail":"read again","violations":[{"field":"a","message":"b"}]}`, "read again"},
		{502, `<html>`, "the answer is no problem document"},
		{429, ``, "the answer is no problem document"},
	} {
		_, err := node(t, c.status, c.text).Get(t.Context(), "d", "k")
		p, ok := errors.AsType[*Problem](err)
		if !ok || p.Status != c.status || p.Detail != c.detail || p.RetryAfter != 3*time.Second || p.Error() == "" {
			t.Errorf("%d: %#v", c.status, err)
		}
	}
}

func TestStreamsAreReadAsTheStandardSays(t *testing.T) {
	text := ": hello\nretry: 5\n\nid: c1\nevent: d\ndata: {\"seq\":1,\ndata: \"key\":\"a\"}\n\nid: c2\n\ndata:{\"seq\":2}\n\nid: c3\ndata: {\"seq\":3}\n"
	c := node(t, 200, text)
	cursor, pause := "", time.Second
	var got []Change
	err := c.stream(t.Context(), nil, &cursor, &pause, func(ch Change) error { got = append(got, ch); return nil })
	if err != nil || len(got) != 2 || got[0].Seq != 1 || got[0].Key != "a" || got[0].Cursor != "c1" || got[1].Cursor != "c2" {
		t.Errorf("%+v %v", got, err)
	}
	// The last event was cut off: it counts for nothing.
	if cursor != "c2" || pause != 5*time.Millisecond {
		t.Errorf("cursor %q, pause %v", cursor, pause)
	}
	gone := node(t, 200, "event: problem\ndata: {\"status\":410,\"detail\":\"x\"}\n\n")
	err = gone.Follow(t.Context(), nil, "", func(Change) error { return nil })
	if p, ok := errors.AsType[*Problem](err); !ok || p.Status != 410 {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err = c.Follow(ctx, nil, "", func(Change) error {
		if n++; n == 5 { // it came back by itself
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v after %d", err, n)
	}
}

func TestAPollThatIsCutShortFails(t *testing.T) {
	if _, cursor, _, err := node(t, 200, `{"seq":1,"key":"a"}`+"\n").Poll(t.Context(), nil, "c0", 0); err == nil || cursor != "c0" {
		t.Errorf("%q %v", cursor, err)
	}
	got, cursor, more, err := node(t, 200, `{"seq":1,"key":"a"}`+"\n"+`{"cursor":"c1","more":true}`+"\n").Poll(t.Context(), nil, "c0", 0)
	if err != nil || len(got) != 1 || got[0].Cursor != "c1" || cursor != "c1" || !more {
		t.Errorf("%+v %q %v %v", got, cursor, more, err)
	}
}

type answering string

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}

func FuzzStream(f *testing.F) {
	f.Add("id: 1\ndata: {}\n\n")
	f.Add("event: problem\ndata: 1\n\nretry: -1\n\n:\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := New("http://node", "", &http.Client{Transport: answering(text)})
		if err != nil {
			t.Fatal(err)
		}
		cursor, pause := "", time.Second
		c.stream(t.Context(), nil, &cursor, &pause, func(Change) error { return nil })
		if pause < 0 {
			t.Errorf("pause %v", pause)
		}
		c.Poll(t.Context(), nil, "", 0)
	})
}
