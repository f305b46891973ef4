package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	reports "huong.city/huong/internal/service/request"
)

// Sizes of the item requests that do not follow from how many are stored.
const (
	submissions = 1600
	submitters  = 4
	requestAsks = 200 // of each reading
	csvRows     = 20_000
	besides     = 50 * time.Millisecond // between the reports that are sent while the clock works
)

// requests is what the desk of citizens' reports promises, with few reports stored
// and with very many, by turns of the same machine and run.
func (b *bench) requests(ctx context.Context, st string) error {
	for _, n := range []int{fewRequests, b.rows} {
		if err := b.requestsOf(ctx, st, n); err != nil {
			return err
		}
	}
	return nil
}

// tableOf is the table of a title, made at its first row.
func (b *bench) tableOf(title, note string, columns ...string) *table {
	if i := slices.IndexFunc(b.tables, func(t *table) bool { return t.Title == title }); i >= 0 {
		return b.tables[i]
	}
	b.tables = append(b.tables, newTable(title, note, columns...))
	return b.tables[len(b.tables)-1]
}

func (b *bench) requestsOf(ctx context.Context, st string, n int) error {
	store, err := b.fresh(st)
	if err != nil {
		return err
	}
	s, err := b.fillRequests(ctx, st, store, n)
	if err != nil {
		return err
	}
	if st == "postgres" {
		if err := vacuum(ctx, store); err != nil {
			return err
		}
	}
	if err := b.served(ctx, st, store, n, s); err != nil {
		return err
	}
	if err := b.escalation(ctx, st, store, n); err != nil {
		return err
	}
	return b.drop(st, store)
}

// fillRequests stores n requests, a fifth of them open.
func (b *bench) fillRequests(ctx context.Context, st, store string, n int) (s *spread, err error) {
	t := b.tableOf("Citizens' reports: storing them", "Closed reports of five years as records, as `huong import` writes them: commits of 5,000 with history, log, places and all indexes; the timeline of one is worked out when it is opened and written with the first thing that is done with it. Open ones of half a day by the desk's own import, each with its timeline. In the process.",
		"store", "stored", "closed", "closed/s", "open", "open/s")
	r, err := openCity(ctx, where(store))
	if err != nil {
		return nil, err
	}
	d, err := deskOf(r, nil)
	if err == nil {
		s, err = newSpread(ctx, r, d)
	}
	open := min(n/5, mostOpen)
	var closing, opening float64
	if err == nil {
		closing = micros(func() { err = s.closed(ctx, r, n-open) }) / 1e6
	}
	if err == nil {
		opening = micros(func() { err = s.open(ctx, d, open) }) / 1e6
	}
	if e := r.Close(ctx); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	t.add(st, count(n), count(n-open), count(int(float64(n-open)/closing)), count(open), count(int(float64(open)/opening)))
	return s, nil
}

// caughtUp waits until all followers have read the log.
func caughtUp(ctx context.Context, p *process) error {
	for give := time.Now().Add(6 * time.Hour); ; {
		q, err := http.NewRequestWithContext(ctx, "GET", "http://"+p.hello.Address+"/api/v1/status", nil)
		if err != nil {
			return err
		}
		q.Header.Set("Authorization", "Bearer "+p.hello.token(0))
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			return err
		}
		var status struct{ Followers []struct{ Lag int64 } }
		err = json.NewDecoder(res.Body).Decode(&status)
		res.Body.Close()
		if err != nil {
			return err
		}
		behind := slices.ContainsFunc(status.Followers, func(f struct{ Lag int64 }) bool { return f.Lag > 0 })
		if !behind && len(status.Followers) > 0 {
			return nil
		}
		if time.Now().After(give) {
			return errors.New("the followers never caught up")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// timed asks so many times by one client after a few that do not count.
func timed(address string, n int, make func(i int) []byte) (timing, error) {
	if _, err := drive(address, 1, 5, func(i int) [][]byte { return [][]byte{make(i)} }, 200, 204); err != nil {
		return timing{}, err
	}
	return drive(address, 1, n, func(i int) [][]byte { return [][]byte{make(i + 5)} }, 200, 204)
}

// served measures a server with what is stored.
func (b *bench) served(ctx context.Context, st, store string, n int, s *spread) error {
	t := b.tableOf("Citizens' reports: sending and reading", "Over HTTP. *Send*: a report without photos, by "+strconv.Itoa(submitters)+" devices at once, each the next when it has the receipt. The others by one reader, warm. *Street*: the public list with its number of matches, by state, category, ward and month in turn. *With words*: a search, which looks through 4,000 at a time. *Records*: of a category from the API, fifty, latest first, not counted. *Tile*: of the map's layer of thirty days, zoom 12 to 15, each first tile of its own. *Near*: reports that the one being written may repeat. *Queue* and *counts*: the desk's list by due date and its numbers, in the process.",
		"store", "stored", "what", "p50 ms", "p95 ms", "target p95", "")
	p, err := serve(store, b.profileOf("requests", st, strconv.Itoa(n)))
	if err != nil {
		return err
	}
	took := micros(func() { err = caughtUp(ctx, p) }) / 1e6
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s, %s reports: the followers read the log in %.0f s\n", st, count(n), took)
	told := func(what string, x timing, target int) {
		ms := func(q float64) float64 { return float64(x.quantile(q).Microseconds()) / 1000 }
		t.add(st, count(n), what, fmt.Sprintf("%.1f", ms(0.5)), fmt.Sprintf("%.1f", ms(0.95)), "≤ "+count(target), verdict(ms(0.95) <= float64(target)))
	}
	sent, err := b.submit(p, s, b.count(submissions))
	if err != nil {
		return err
	}
	told("send", sent, 300)
	asks := b.count(requestAsks)
	month := func(i int) time.Time { return s.now.AddDate(0, -(i % 48), 0) }
	for _, read := range []struct {
		what   string
		target int
		make   func(i int) []byte
	}{
		{"street", 200, func(i int) []byte {
			q := url.Values{"show": {[]string{"all", "open", "over"}[i%3]}}
			if i%2 == 0 {
				q.Set("category", s.category(i).Code)
			}
			if i%4 >= 2 {
				q.Set("area", s.at(i).area)
			}
			if i%5 == 0 {
				q.Set("from", month(i).AddDate(0, -1, 0).Format(time.DateOnly))
				q.Set("until", month(i).Format(time.DateOnly))
			}
			return asking("GET", "/street?"+q.Encode(), p, i)
		}},
		{"street, with words", 200, func(i int) []byte {
			return asking("GET", "/street?q="+url.QueryEscape(fmt.Sprint("nhà số ", i%311)), p, i)
		}},
		{"records", 200, func(i int) []byte {
			filter := fmt.Sprintf("category='%s' AND published=true", s.category(i).Code)
			return asking("GET", "/api/v1/datasets/service-request/records?limit=50&count=false&sort=-openedAt&filter="+url.QueryEscape(filter), p, i)
		}},
		{"tile", 200, func(i int) []byte {
			m, z := s.at(i*13), 12+i%4
			x, y := tileOf(m.lon, m.lat, z)
			return asking("GET", fmt.Sprintf("/tiles/service-request/%d/%d/%d.mvt?within=30d", z, x, y), p, i)
		}},
		{"near", 50, func(i int) []byte {
			m := s.at(i * 17)
			form := url.Values{"category": {s.category(i).Code}, "longitude": {fmt.Sprint(m.lon)}, "latitude": {fmt.Sprint(m.lat)}, "text": {textOf(i)}}.Encode()
			return append(request("POST", "/report/near", p.hello.token(i), "application/x-www-form-urlencoded", len(form)), form...)
		}},
	} {
		x, err := timed(p.hello.Address, asks, read.make)
		if err != nil {
			return fmt.Errorf("%s: %w", read.what, err)
		}
		told(read.what, x, read.target)
	}
	if err := b.carried(ctx, st, n, p, s); err != nil {
		return err
	}
	if _, err := p.end(); err != nil {
		return err
	}
	return b.queues(ctx, store, asks, s, told)
}

func asking(method, target string, p *process, i int) []byte {
	return request(method, target, p.hello.token(i), "", 0)
}

// submit sends reports as the page's script does.
func (b *bench) submit(p *process, s *spread, n int) (timing, error) {
	all := make([][]time.Duration, submitters)
	began := time.Now()
	err := inParts(submitters, 1, submitters, func(w, _ int) error {
		c, err := dial(p.hello.Address, fmt.Sprintf("127.0.0.%d", 10+w))
		if err != nil {
			return err
		}
		defer c.close()
		for i := w; i < n; i += submitters {
			form := s.form(i, s.now.UnixNano())
			head := request("POST", "/report", "", "application/x-www-form-urlencoded", len(form))
			head = append(head[:len(head)-2], fmt.Sprintf("Accept: application/json\r\nCookie: device=%032d\r\n\r\n", i)...)
			sent := time.Now()
			status, err := c.do(head, form)
			if err != nil || status != 200 {
				return errors.Join(err, fmt.Errorf("send: status %d: %.300s", status, c.body))
			}
			all[w] = append(all[w], time.Since(sent))
		}
		return nil
	})
	t := timing{n: n, seconds: time.Since(began).Seconds(), latencies: slices.Concat(all...)}
	slices.Sort(t.latencies)
	return t, err
}

// form is a report as a browser posts it.
func (s *spread) form(i int, run int64) []byte {
	m := s.at(i * 19)
	return []byte(url.Values{"key": {fmt.Sprintf("bench-%020d-%08d", run, i)}, "category": {s.category(i).Code}, "text": {textOf(i)},
		"longitude": {fmt.Sprint(m.lon)}, "latitude": {fmt.Sprint(m.lat)}}.Encode())
}

// carried measures all reports going out as CSV and a file coming in.
func (b *bench) carried(ctx context.Context, st string, n int, p *process, s *spread) error {
	t := b.tableOf("Citizens' reports: out and in as CSV", "All reports as bulk CSV of GeoReport and as CSV of the dataset, and a bulk file of closed reports taken in by the desk, over HTTP. Memory: resident, of the server, sampled every 50 ms: before, and the most while it lasted.",
		"store", "stored", "what", "rows/s", "MB", "MiB before", "most MiB", "target", "")
	for _, out := range []struct{ what, path string }{{"out, GeoReport", "/open311/v2/requests.csv"}, {"out, dataset", "/api/v1/datasets/service-request/export?format=csv"}} {
		before, most := residentNow(p.cmd.Process.Pid), watchResident(p.cmd.Process.Pid)
		began := time.Now()
		q, err := http.NewRequestWithContext(ctx, "GET", "http://"+p.hello.Address+out.path, nil)
		if err != nil {
			return err
		}
		q.Header.Set("Authorization", "Bearer "+p.hello.token(1))
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			return err
		}
		lines := &counting{}
		size, err := io.Copy(lines, res.Body)
		res.Body.Close()
		top := most()
		if err != nil || res.StatusCode != 200 || lines.n < n {
			return errors.Join(err, fmt.Errorf("%s: status %d, %d lines of %d", out.what, res.StatusCode, lines.n, n))
		}
		t.add(st, count(n), out.what, count(int(float64(n)/time.Since(began).Seconds())), count(int(size/1e6)), mib(float64(before)), mib(float64(top)), "≤ 256 more", verdict(top-before <= 256<<20))
	}
	rows := b.count(csvRows)
	body := s.bulkCSV(0, rows)
	before, most := residentNow(p.cmd.Process.Pid), watchResident(p.cmd.Process.Pid)
	c, err := dial(p.hello.Address, "")
	if err != nil {
		return err
	}
	defer c.close()
	var status int
	took := micros(func() {
		status, err = c.do(request("POST", "/open311/v2/requests.csv", p.hello.token(2), "text/csv", len(body)), body)
	}) / 1e6
	top := most()
	if err != nil || status != 200 || !strings.Contains(string(c.body), "<accepted>"+strconv.Itoa(rows)) && !strings.Contains(string(c.body), fmt.Sprintf(`"accepted":%d`, rows)) {
		return errors.Join(err, fmt.Errorf("in: status %d: %.300s", status, c.body))
	}
	t.add(st, count(n), "in, GeoReport", count(int(float64(rows)/took)), count(len(body)/1e6), mib(float64(before)), mib(float64(top)), "", "")
	return nil
}

// counting counts lines; of texts over several lines, the more.
type counting struct{ n int }

func (c *counting) Write(b []byte) (int, error) {
	c.n += strings.Count(string(b), "\n")
	return len(b), nil
}

// residentNow is how much memory of a process is resident.
func residentNow(pid int) int64 {
	text := lineOf("/proc/"+strconv.Itoa(pid)+"/status", "VmRSS")
	kib, _ := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	return kib << 10
}

// watchResident samples it until asked for the most.
func watchResident(pid int) (most func() int64) {
	var top int64
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			top = max(top, residentNow(pid))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	return func() int64 { close(stop); done.Wait(); return top }
}

// dutyOfficer works at the desk.
func dutyOfficer() repo.Principal {
	return repo.Principal{Name: "bench", Agency: "hueioc", Roles: []string{"operator"}, Areas: []string{"*"}}
}

// queues measures what staff see, in the process.
func (b *bench) queues(ctx context.Context, store string, asks int, s *spread, told func(string, timing, int)) (err error) {
	r, err := openCity(ctx, where(store))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close(ctx)) }()
	queues := reports.NewQueues(r.Zone())
	r.Follow(queues)
	d, err := deskOf(r, queues)
	if err != nil {
		return err
	}
	c, err := d.Catalogue()
	if err != nil {
		return err
	}
	yes := true
	agencyOf := func(i int) string { return c.Route(s.category(i).Code, s.at(i).area, s.now).Agency }
	for _, read := range []struct {
		what string
		do   func(i int) error
	}{
		{"queue of all", func(i int) error {
			_, _, err := d.List(ctx, dutyOfficer(), reports.Query{Open: &yes, ByDue: true})
			return err
		}},
		{"queue of an agency", func(i int) error {
			_, _, err := d.List(ctx, dutyOfficer(), reports.Query{Open: &yes, ByDue: true, Agency: agencyOf(i)})
			return err
		}},
		{"counts", func(i int) error { _, err := d.Counts(ctx, dutyOfficer()); return err }},
	} {
		x := timing{n: asks}
		for i := range asks + 5 {
			began := time.Now()
			if err := read.do(i); err != nil {
				return err
			}
			if i >= 5 {
				x.latencies = append(x.latencies, time.Since(began))
			}
		}
		slices.Sort(x.latencies)
		told(read.what, x, 200)
	}
	return nil
}

// escalation moves the city's clock past all deadlines, and then to where all climb
// to the chair, and lets the desk look, while somebody sends reports.
func (b *bench) escalation(ctx context.Context, st, store string, n int) (err error) {
	t := b.tableOf("Citizens' reports: the clock", "So many open reports come due at once, and the desk looks at its clocks once: first a tenth of all; then all: half time, 80 %, 100 %, missed and lifted to the city's level for each; and some days later lifted to the chair, each. Exactly once: so many firings are in the timelines as reports are open, none twice, and a second look finds nothing. While all come due, somebody sends a report every 50 ms.",
		"store", "stored", "due", "what", "s", "reports/s", "target", "each once", "second look ms", "send p95 ms", "most ms", "")
	var ahead atomic.Int64
	w := where(store)
	w.Zone = "Asia/Ho_Chi_Minh"
	r, err := w.OpenAt(ctx, slog.New(slog.DiscardHandler), func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close(ctx)) }()
	d, err := deskOf(r, nil)
	if err != nil {
		return err
	}
	s, err := newSpread(ctx, r, d)
	if err != nil {
		return err
	}
	last, err := latest(ctx, r, "dueAt")
	if err != nil {
		return err
	}
	all, err := dueBy(ctx, r, last.Add(time.Second)) // in the second turn, and again in the third
	if err != nil {
		return err
	}
	for turn, look := range []struct{ what, firing, date string }{{"a tenth", "", ""}, {"all: missed", "answer/1/missed", "dueAt"}, {"all: to the chair", "answer/1/escalate-chair", "nextAt"}} {
		at, err := tenth(ctx, r)
		if turn > 0 {
			at, err = latest(ctx, r, look.date)
		}
		if err != nil {
			return err
		}
		ahead.Store(int64(time.Until(at) + time.Second))
		due, err := dueBy(ctx, r, r.Now())
		if err != nil {
			return err
		}
		stop := make(chan struct{})
		var sending sync.WaitGroup
		var waits []time.Duration
		var sendFault error
		sending.Go(func() {
			for i := 0; sendFault == nil && turn > 0; i++ { // before it they would come due with the others
				m := s.at(i)
				began := time.Now()
				_, sendFault = d.Submit(ctx, repo.Public(), reports.Submission{Key: fmt.Sprintf("beside-%d-%012d", turn, i), Category: s.category(i).Code, Text: textOf(i), Longitude: &m.lon, Latitude: &m.lat})
				waits = append(waits, time.Since(began))
				select {
				case <-stop:
					return
				case <-time.After(max(0, besides-time.Since(began))):
				}
			}
		})
		took := micros(func() { err = d.Tick(ctx) }) / 1e6
		close(stop)
		sending.Wait()
		if err = errors.Join(err, sendFault); err != nil {
			return err
		}
		head, _ := r.Head(ctx)
		again := micros(func() { err = d.Tick(ctx) }) / 1000
		if err != nil {
			return err
		}
		after, _ := r.Head(ctx)
		fired, twice := int64(0), int64(0)
		if turn > 0 {
			if fired, twice, err = firedOnce(ctx, r, look.firing); err != nil {
				return err
			}
		}
		once := twice == 0 && (turn == 0 || fired == all) && after.Seq == head.Seq
		p95, most := "", ""
		if slices.Sort(waits); len(waits) > 0 {
			p95, most = fmt.Sprint(waits[len(waits)*95/100].Milliseconds()), fmt.Sprint(waits[len(waits)-1].Milliseconds())
		}
		t.add(st, count(n), count(int(due)), look.what, fmt.Sprintf("%.1f", took), count(int(float64(due)/took)), "≤ 60 s", fmt.Sprint(once), fmt.Sprintf("%.1f", again),
			p95, most, verdict(took <= 60 && once))
		if !once {
			return fmt.Errorf("%s: %d of %d fired, %d twice, head %d then %d", look.what, fired, due, twice, head.Seq, after.Seq)
		}
	}
	return nil
}

// latest is the latest time of a field among the requests that wait for an answer.
func latest(ctx context.Context, r *repo.Repository, field string) (at time.Time, err error) {
	q := repo.Query{Dataset: reports.Dataset, Fields: []string{field}, Sort: []repo.Sort{{Field: field, Desc: true}}, Limit: 1,
		Filter: &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: "status", Column: -1}, &cql2.Lit{Value: value.OfText("in-progress")}}}}
	_, err = r.Read(ctx, repo.Operator(), q, func(rec repo.Record) error {
		i, _, _, _ := rec.Entry.Table.Property(field)
		at = rec.Values[i].Instant()
		return nil
	})
	return at, err
}

// tenth is the time at which a tenth of the requests is due that wait for anything.
func tenth(ctx context.Context, r *repo.Repository) (time.Time, error) {
	from, upto := r.Now(), r.Now().AddDate(1, 0, 0)
	all, err := dueBy(ctx, r, upto)
	for err == nil && upto.Sub(from) > time.Second {
		at := from.Add(upto.Sub(from) / 2)
		n, e := dueBy(ctx, r, at)
		if err = e; n < all/10 {
			from = at
		} else {
			upto = at
		}
	}
	return upto, err
}

// dueBy counts the requests whose clock is to be looked at by then.
func dueBy(ctx context.Context, r *repo.Repository, at time.Time) (int64, error) {
	q := repo.Query{Dataset: reports.Dataset, Fields: []string{"code"}, Limit: 1, Count: true,
		Filter: &cql2.Call{Op: "<=", Args: []cql2.Expr{&cql2.Prop{Name: "nextAt", Column: -1}, &cql2.Lit{Value: value.OfInstant(at)}}}}
	page, err := r.Read(ctx, repo.Operator(), q, func(repo.Record) error { return nil })
	return page.Matched, err
}

// firedOnce counts the timelines that hold a firing, and those that hold it twice.
func firedOnce(ctx context.Context, r *repo.Repository, firing string) (once, twice int64, err error) {
	last := ""
	q := repo.Query{Dataset: reports.Entries, Fields: []string{"request", "name"},
		Filter: &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: "kind", Column: -1}, &cql2.Lit{Value: value.OfText("fire")}}}}
	_, err = r.Read(ctx, repo.Operator(), q, func(rec repo.Record) error {
		name, _, _, _ := rec.Entry.Table.Property("name")
		of, _, _, _ := rec.Entry.Table.Property("request")
		for id := range strings.FieldsSeq(rec.Values[name].Text()) {
			if id != firing {
				continue
			}
			if code := rec.Values[of].Text(); code == last {
				twice++
			} else {
				once++
				last = strings.Clone(code)
			}
		}
		return nil
	})
	return once, twice, err
}

// tileOf is the tile of a place (OGC Web Mercator).
func tileOf(lon, lat float64, zoom int) (x, y int) {
	n := math.Exp2(float64(zoom))
	rad := lat * math.Pi / 180
	return int((lon + 180) / 360 * n), int((1 - math.Asinh(math.Tan(rad))/math.Pi) / 2 * n)
}
