// Package client is the Go client of Huong's own HTTP interface: for the
// command line, links between nodes, and tests over the loop. It knows the
// interface's addresses and documents; it knows no dataset's fields: records
// travel as JSON objects.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client talks to one node. Its methods may be called concurrently.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// maxAnswer bounds a document that is read whole.
const maxAnswer = 64 << 20

// New makes a client of the node at base, e.g. https://hue.example. token may be
// empty: the public. h nil means a client without a total time limit, since
// streams have none; bound calls by their context.
func New(base, token string, h *http.Client) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("client: %q is no http address", base)
	}
	if h == nil {
		h = &http.Client{}
	}
	return &Client{base: u, token: token, http: h}, nil
}

// Problem is the error that a node answered with (RFC 9457).
type Problem struct {
	Type       string        `json:"type"`
	Title      string        `json:"title"`
	Status     int           `json:"status"`
	Detail     string        `json:"detail"`
	Done       *Intake       `json:"done"` // what a bulk write had written before it ended; nil elsewhere
	Code       string        `json:"code"`
	Request    string        `json:"request"`
	Violations []Violation   `json:"violations"`
	RetryAfter time.Duration `json:"-"`
}

// Violation is one broken rule.
type Violation struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Row     int    `json:"row"`
	Field   string `json:"field"`
}

func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s: %s", p.Status, p.Title, p.Detail)
	for i, v := range p.Violations {
		if i == 3 {
			fmt.Fprintf(&b, "; and %d more", len(p.Violations)-i)
			break
		}
		fmt.Fprintf(&b, "; %s: %s", v.Field, v.Message)
	}
	return b.String()
}

// request is one call before it is sent.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         io.Reader
}

// send makes the call and returns the answer, or a *Problem for any status
// from 300 on but 304. The caller closes the body.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	u := *c.base
	u.RawPath = strings.TrimRight(u.EscapedPath(), "/") + r.path
	path, err := url.PathUnescape(u.RawPath)
	if err != nil {
		return nil, err
	}
	u.Path, u.RawQuery = path, r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), r.body)
	if err != nil {
		return nil, err
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode < 300 || res.StatusCode == http.StatusNotModified {
		return res, nil
	}
	defer res.Body.Close()
	p := &Problem{}
	b, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if json.Unmarshal(b, p) != nil || p.Status != res.StatusCode {
		*p = Problem{Status: res.StatusCode, Title: http.StatusText(res.StatusCode), Detail: "the answer is no problem document"}
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		p.RetryAfter = time.Duration(s) * time.Second
	}
	return nil, p
}

// document makes the call and decodes its JSON answer.
func (c *Client) document(ctx context.Context, r request, into any) (http.Header, error) {
	res, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxAnswer {
		return nil, errors.New("client: the answer is too large")
	}
	return res.Header, json.Unmarshal(b, into)
}

func datasetPath(name string) string { return "/api/v1/datasets/" + url.PathEscape(name) }

func recordPath(dataset, key string) string {
	return datasetPath(dataset) + "/records/" + url.PathEscape(key)
}

// Dataset is one entry of the catalog.
type Dataset struct {
	Name           string `json:"name"`
	Title          string `json:"title"`
	Kind           string `json:"kind"`
	Owner          string `json:"owner"`
	Sector         string `json:"sector"`
	Classification string `json:"classification"`
	Writable       bool   `json:"writable"`
	Version        int64  `json:"version"`
}

// Catalog lists the datasets that the token may read and that match the words.
func (c *Client) Catalog(ctx context.Context, words string) ([]Dataset, error) {
	var out struct {
		Datasets []Dataset `json:"datasets"`
	}
	q := url.Values{}
	if words != "" {
		q.Set("q", words)
	}
	_, err := c.document(ctx, request{method: "GET", path: "/api/v1/datasets", query: q}, &out)
	return out.Datasets, err
}

// Record is one record as the node gives it.
type Record struct {
	Key     string
	Version int64
	Fields  map[string]json.RawMessage // members that begin with "_" included
}

// UnmarshalJSON reads a record of the interface.
func (r *Record) UnmarshalJSON(b []byte) error {
	*r = Record{}
	if err := json.Unmarshal(b, &r.Fields); err != nil {
		return err
	}
	if k := r.Fields["_key"]; k != nil {
		if err := json.Unmarshal(k, &r.Key); err != nil {
			return err
		}
	}
	if v := r.Fields["_version"]; v != nil {
		return json.Unmarshal(v, &r.Version)
	}
	return nil
}

// Page is one page of records.
type Page struct {
	Records []Record `json:"records"`
	Matched int64    `json:"numberMatched"`
	AsOf    int64    `json:"asOf"`
	Next    string   `json:"next"`
}

// Records calls fn with every page of the records that the parameters select
// (filter, bbox, area, datetime, asOf, fields, sort, limit), until the last one
// or fn's first error.
func (c *Client) Records(ctx context.Context, dataset string, q url.Values, fn func(Page) error) error {
	next := url.Values{}
	for k, v := range q {
		next[k] = v
	}
	for {
		var p Page
		if _, err := c.document(ctx, request{method: "GET", path: datasetPath(dataset) + "/records", query: next}, &p); err != nil {
			return err
		}
		if err := fn(p); err != nil {
			return err
		}
		if p.Next == "" {
			return nil
		}
		next.Set("cursor", p.Next)
	}
}

// Get reads one record.
func (c *Client) Get(ctx context.Context, dataset, key string) (Record, error) {
	var r Record
	_, err := c.document(ctx, request{method: "GET", path: recordPath(dataset, key)}, &r)
	return r, err
}

// Receipt tells what a write did.
type Receipt struct {
	Seq     int64  `json:"seq"`
	At      string `json:"at"`
	Result  string `json:"result"`
	Key     string `json:"key"`
	Version int64  `json:"version"`
}

// Write says under which condition and key a write is made. The zero Write has
// no condition.
type Write struct {
	Version int64  // write only when this is the current version
	Absent  bool   // write only when there is no record yet (Put)
	Key     string // idempotency key: a repeat writes nothing again
	Reason  string
}

func (w Write) header(media string) http.Header {
	h := http.Header{}
	if media != "" {
		h.Set("Content-Type", media)
	}
	if w.Version > 0 {
		h.Set("If-Match", `"`+strconv.FormatInt(w.Version, 10)+`"`)
	}
	if w.Absent {
		h.Set("If-None-Match", "*")
	}
	if w.Key != "" {
		h.Set("Idempotency-Key", w.Key)
	}
	if w.Reason != "" {
		h.Set("Huong-Reason", url.PathEscape(w.Reason))
	}
	return h
}

// Put writes one record whole; fields is anything that encodes to a JSON object.
func (c *Client) Put(ctx context.Context, dataset, key string, fields any, w Write) (Receipt, error) {
	return c.change(ctx, "PUT", dataset, key, fields, w.header("application/json"))
}

// Patch changes the fields given; null clears one.
func (c *Client) Patch(ctx context.Context, dataset, key string, fields any, w Write) (Receipt, error) {
	return c.change(ctx, "PATCH", dataset, key, fields, w.header("application/merge-patch+json"))
}

// Delete removes one record; its history stays.
func (c *Client) Delete(ctx context.Context, dataset, key string, w Write) (Receipt, error) {
	return c.change(ctx, "DELETE", dataset, key, nil, w.header(""))
}

func (c *Client) change(ctx context.Context, method, dataset, key string, fields any, h http.Header) (Receipt, error) {
	var r Receipt
	req := request{method: method, path: recordPath(dataset, key), header: h}
	if fields != nil {
		b, err := json.Marshal(fields)
		if err != nil {
			return r, err
		}
		req.body = bytes.NewReader(b)
	}
	_, err := c.document(ctx, req, &r)
	return r, err
}

// Intake sums a bulk write up.
type Intake struct {
	Read        int64 `json:"read"`
	Accepted    int64 `json:"accepted"`
	Unchanged   int64 `json:"unchanged"`
	Quarantined int64 `json:"quarantined"`
	Seq         int64 `json:"seq"`
}

// Post streams records of a media type (application/x-ndjson, application/json
// holding an array, text/csv) to a dataset. Bad rows go to quarantine and are
// counted, they are no error. Where the load ends early, the Problem's Done says
// what was written before.
func (c *Client) Post(ctx context.Context, dataset, media string, body io.Reader, w Write) (Intake, error) {
	var out Intake
	_, err := c.document(ctx, request{
		method: "POST", path: datasetPath(dataset) + "/records", query: url.Values{"outcomes": {"none"}}, header: w.header(media), body: body,
	}, &out)
	return out, err
}

// Export streams a download (csv, tsv, json, ndjson, geojson, xlsx, parquet) of
// the records that the parameters select. The caller closes it.
func (c *Client) Export(ctx context.Context, dataset, format string, q url.Values) (io.ReadCloser, error) {
	all := url.Values{"format": {format}}
	for k, v := range q {
		all[k] = v
	}
	res, err := c.send(ctx, request{method: "GET", path: datasetPath(dataset) + "/export", query: all})
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}
