package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// peer is one platform behind HTTP, Huong or another.
type peer struct {
	name    string
	server  *process
	create  string // path to post a record to
	list    string // path and query of the filtered list
	created int    // status of a created record
	next    int    // number of the next report
	total   string // member of the list's answer that counts what matches
	rows    string // member that holds the page
	// subscribe opens a stream of created records and returns once it is live.
	subscribe func(c *connection) error
}

// peers is item 6: the same work done over HTTP by Huong and by PocketBase.
func (b *bench) peers(ctx context.Context) error {
	if b.pocketbase == "" {
		fmt.Fprintln(os.Stderr, "peers: left out, no -pocketbase program")
		return nil
	}
	var all []*peer
	defer func() {
		for _, p := range all {
			p.server.end()
		}
	}()
	store, err := b.fresh("sqlite")
	if err != nil {
		return err
	}
	huong, err := b.huongPeer(store)
	if err != nil {
		return err
	}
	all = append(all, huong)
	for _, sync := range []string{"NORMAL", "FULL"} {
		p, err := b.pocketbasePeer(sync)
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	if err := b.peerWrites(all); err != nil {
		return err
	}
	if err := b.peerLists(all); err != nil {
		return err
	}
	if err := b.peerEvents(all); err != nil {
		return err
	}
	return ctx.Err()
}

func (b *bench) huongPeer(store string) (*peer, error) {
	server, err := serve(store, b.profileOf("peers"))
	if err != nil {
		return nil, err
	}
	base := "/api/v1/datasets/" + plain
	return &peer{
		name: "Huong", server: server, create: base + "/records", created: 201, total: "numberMatched", rows: "records",
		list: base + "/records?limit=100&sort=-observed&filter=" + url.QueryEscape("category='cat-03' AND status='open'"),
		subscribe: func(c *connection) error {
			if _, err := c.c.Write([]byte("GET " + base + "/changes HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n")); err != nil {
				return err
			}
			status, _, _, err := c.head()
			if err == nil && status != 200 {
				err = fmt.Errorf("status %d", status)
			}
			return err
		},
	}, nil
}

func (b *bench) pocketbasePeer(sync string) (*peer, error) {
	server, err := start(b.pocketbase, "-dir", filepath.Join(b.scratch, "pocketbase-"+sync), "-synchronous", sync)
	if err != nil {
		return nil, err
	}
	p := &peer{
		name: "PocketBase, synchronous=" + sync, server: server, created: 200, total: "totalItems", rows: "items",
		create: "/api/collections/report/records",
		list:   "/api/collections/report/records?perPage=100&sort=-observed&filter=" + url.QueryEscape("category='cat-03' && status='open'"),
	}
	if err := server.greet(); err != nil {
		return nil, err
	}
	p.subscribe = func(c *connection) error {
		if _, err := c.c.Write([]byte("GET /api/realtime HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n")); err != nil {
			return err
		}
		status, _, _, err := c.head()
		if err != nil || status != 200 {
			return fmt.Errorf("status %d: %w", status, err)
		}
		for {
			line, err := c.r.ReadSlice('\n')
			if err != nil {
				return err
			}
			data, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data:"))
			if !ok {
				continue
			}
			var hello struct {
				ClientID string `json:"clientId"`
			}
			if err := json.Unmarshal(data, &hello); err != nil {
				return err
			}
			body, _ := json.Marshal(map[string]any{"clientId": hello.ClientID, "subscriptions": []string{"report/*"}})
			d, err := dial(server.hello.Address, "")
			if err != nil {
				return err
			}
			defer d.close()
			status, err := d.do(request("POST", "/api/realtime", "", "application/json", len(body)), body)
			if err == nil && status != 204 {
				err = fmt.Errorf("status %d: %s", status, d.body)
			}
			return err
		}
	}
	return p, nil
}

// posts makes the request of the i-th report from number from on.
func (p *peer) posts(g generator, from int) func(i int) [][]byte {
	return func(i int) [][]byte {
		r := g.report(from + i)
		body := r.appendJSON(make([]byte, 0, 400))
		return [][]byte{append(request("POST", p.create, p.server.hello.token(i), "application/json", len(body)), body...)}
	}
}

func (b *bench) peerWrites(all []*peer) error {
	t := newTable("Against PocketBase: creates", "Records created per second over HTTP, one record a request, an authenticated client, equal collections (the same fields with their checks, a unique key, two indexes), each server in a process of its own, in turns. What differs: Huong keeps every version and a hash-chained log and answers after fsync; PocketBase keeps the current record only, and by default runs SQLite with synchronous=NORMAL, which can lose the last acknowledged records at a power cut. Its second row sets FULL, which is what Huong promises. PocketBase uses the pure-Go SQLite driver it ships with. Times: Huong over PocketBase, medians.",
		"server", "1 client, rec/s", "128 clients, rec/s", "p50 of 128", "p99 of 128", "Huong is × at 1", "× at 128")
	g := newGenerator()
	one, many := map[*peer][]float64{}, map[*peer][]float64{}
	last := map[*peer]timing{}
	for range b.runs {
		for _, p := range all {
			for _, clients := range []int{1, 128} {
				n := b.count(2000)
				if clients > 1 {
					n = b.count(15_000)
				}
				got, err := drive(p.server.hello.Address, clients, n, p.posts(g, p.next), p.created)
				if err != nil {
					return fmt.Errorf("%s: %w", p.name, err)
				}
				p.next += n
				if clients == 1 {
					one[p] = append(one[p], got.perSecond())
				} else {
					many[p], last[p] = append(many[p], got.perSecond()), got
				}
			}
		}
	}
	for _, p := range all {
		t.add(p.name, figure(median(one[p])), figure(median(many[p])), ms(last[p].quantile(0.5)), ms(last[p].quantile(0.99)), times(one[all[0]], one[p]), times(many[all[0]], many[p]))
	}
	b.tables = append(b.tables, t)
	return nil
}

// times is the median of the ratios turn by turn.
func times(ours, theirs []float64) string {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / theirs[i]
	}
	return fmt.Sprintf("%.2f", median(ratios))
}

func (b *bench) peerLists(all []*peer) error {
	t := newTable("Against PocketBase: a filtered list", "A page of 100 records, two conditions, newest first, with the total, as JSON; over "+count(all[0].next)+" records.",
		"server", "1 client, pages/s", "16 clients, pages/s", "p50 of 16", "p99 of 16", "Huong is × at 1", "× at 16")
	if err := sameList(all); err != nil {
		return err
	}
	one, many := map[*peer][]float64{}, map[*peer][]float64{}
	last := map[*peer]timing{}
	for range b.runs {
		for _, p := range all {
			page := func(i int) [][]byte { return [][]byte{request("GET", p.list, p.server.hello.token(i), "", 0)} }
			for _, clients := range []int{1, 16} {
				n := b.count(500)
				if clients > 1 {
					n = b.count(2000)
				}
				got, err := drive(p.server.hello.Address, clients, n, page, 200)
				if err != nil {
					return fmt.Errorf("%s: %w", p.name, err)
				}
				if clients == 1 {
					one[p] = append(one[p], got.perSecond())
				} else {
					many[p], last[p] = append(many[p], got.perSecond()), got
				}
			}
		}
	}
	for _, p := range all {
		t.add(p.name, figure(median(one[p])), figure(median(many[p])), ms(last[p].quantile(0.5)), ms(last[p].quantile(0.99)), times(one[all[0]], one[p]), times(many[all[0]], many[p]))
	}
	b.tables = append(b.tables, t)
	return nil
}

// sameList makes sure that all servers give the same page and the same total.
func sameList(all []*peer) error {
	var want string
	for _, p := range all {
		c, err := dial(p.server.hello.Address, "")
		if err != nil {
			return err
		}
		defer c.close()
		status, err := c.do(request("GET", p.list, p.server.hello.token(0), "", 0))
		if err != nil || status != 200 {
			return fmt.Errorf("%s: status %d: %w", p.name, status, err)
		}
		var answer map[string]json.RawMessage
		var rows []struct{ Observed int64 } // several may share a moment, so their keys may differ in order
		if err := json.Unmarshal(c.body, &answer); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if err := json.Unmarshal(answer[p.rows], &rows); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		got := fmt.Sprint(string(answer[p.total]), rows)
		if want == "" {
			want = got
		}
		if got != want || len(rows) == 0 {
			return fmt.Errorf("%s lists %.200s, %s %.200s", p.name, got, all[0].name, want)
		}
	}
	return nil
}

// listeners are subscribers that note when each created record reached them.
type listeners struct {
	connections []*connection
	from        int          // number of the first report of the turn
	sent        []time.Time  // by report
	got         atomic.Int64 // events in all
	mu          sync.Mutex
	latencies   []time.Duration
	numbers     map[string]int // by key
	done        sync.WaitGroup
}

const subscribers = 100

func listen(p *peer, n int) (*listeners, error) {
	l := &listeners{from: p.next, sent: make([]time.Time, n), numbers: make(map[string]int, n)}
	for i := range n {
		l.numbers[keyOf(p.next+i)] = i
	}
	for i := range subscribers {
		// Public readers, who are told apart by their addresses.
		c, err := dial(p.server.hello.Address, "127.0.0."+strconv.Itoa(2+i/25))
		if err == nil {
			l.connections = append(l.connections, c)
			err = p.subscribe(c)
		}
		if err != nil {
			l.close()
			return nil, err
		}
	}
	for _, c := range l.connections {
		l.done.Go(func() { l.follow(c) })
	}
	return l, nil
}

// follow notes events until the connection is closed. An event is known by the
// record's key in its data.
func (l *listeners) follow(c *connection) {
	mark := []byte(`"key":"HUE-`)
	var own []time.Duration
	s := bufio.NewScanner(c.r)
	s.Buffer(make([]byte, 64<<10), 1<<20)
	for s.Scan() {
		_, rest, ok := bytes.Cut(s.Bytes(), mark)
		if !ok || len(rest) < 9 {
			continue
		}
		i, ok := l.numbers["HUE-"+string(rest[:9])]
		if !ok {
			continue
		}
		own = append(own, time.Since(l.sent[i]))
		l.got.Add(1)
	}
	l.mu.Lock()
	l.latencies = append(l.latencies, own...)
	l.mu.Unlock()
}

func (l *listeners) close() {
	for _, c := range l.connections {
		c.close()
	}
	l.done.Wait()
}

// fanout creates n records by so many clients at a pace (0: as fast as they
// can) and waits until all have reached every subscriber, or nothing comes any
// more for five seconds.
func fanout(p *peer, clients, n int, pace time.Duration) (delivered int, seconds float64, latencies []time.Duration, err error) {
	l, err := listen(p, n)
	if err != nil {
		return 0, 0, nil, err
	}
	post := p.posts(newGenerator(), p.next)
	began := time.Now()
	_, err = drive(p.server.hello.Address, clients, n, func(i int) [][]byte {
		parts := post(i)
		if pace > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(i) * pace)))
		}
		l.sent[i] = time.Now()
		return parts
	}, p.created)
	last, at := int64(0), time.Now()
	for err == nil && last < int64(n*subscribers) && time.Since(at) < 5*time.Second {
		time.Sleep(2 * time.Millisecond)
		if now := l.got.Load(); now != last {
			last, at = now, time.Now()
		}
	}
	seconds = at.Sub(began).Seconds()
	l.close()
	p.next += n
	slices.Sort(l.latencies)
	return int(l.got.Load()), seconds, l.latencies, err
}

func (b *bench) peerEvents(all []*peer) error {
	t := newTable("Against PocketBase: live changes", strconv.Itoa(subscribers)+" subscribers of one collection (server-sent events). Paced: 10 records a second by one client; time from sending the record to its event at each subscriber. Flood: 4 clients create as fast as they can; events delivered per second until the last one has arrived, and how many of those due came. Huong's subscribers read the log from a cursor and can come back to it; PocketBase's are told of what happens while they are connected.",
		"server", "paced p50", "paced p99", "paced delivered", "flood, events/s", "flood delivered", "Huong is × at the flood")
	rates := map[*peer][]float64{}
	type told struct{ p50, p99, paced, flood string }
	last := map[*peer]told{}
	for range b.runs {
		for _, p := range all {
			var w told
			n := b.count(50)
			got, _, lat, err := fanout(p, 1, n, 100*time.Millisecond)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			q := timing{latencies: lat}
			w.p50, w.p99 = ms(q.quantile(0.5)), ms(q.quantile(0.99))
			w.paced = share(got, n*subscribers)
			n = b.count(2000)
			got, seconds, _, err := fanout(p, 4, n, 0)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			rates[p] = append(rates[p], float64(got)/seconds)
			w.flood = share(got, n*subscribers)
			last[p] = w
		}
	}
	for _, p := range all {
		w := last[p]
		t.add(p.name, w.p50, w.p99, w.paced, figure(median(rates[p])), w.flood, times(rates[all[0]], rates[p]))
	}
	b.tables = append(b.tables, t)
	return nil
}

func share(got, due int) string {
	return strings.TrimSuffix(strconv.FormatFloat(float64(got)/float64(due)*100, 'f', 1, 64), ".0") + " %"
}
