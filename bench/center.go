package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
)

// Sizes of the item center.
const (
	pageReads    = 300    // of the first page, one reader
	streams      = 1000   // open at once
	events       = 40     // that all streams wait for, one after the other
	writers      = 4      // that send points with rules on
	burstWriters = 40     // ten times as many
	writeRows    = 2000   // points of one request
	writePoints  = 600000 // that the writers send
	seriesPoints = 100000
)

// center is what the operations center promises: the first page with thirty
// figures, of few points and of very many; an event on a thousand open screens;
// points with rules of alerts on, and ten times as many writers as usual; sheets,
// papers and maps; a long series drawn.
func (b *bench) center(ctx context.Context, st string) error {
	for _, part := range []func(context.Context, string) error{b.firstPage, b.screens, b.pointsWithRules, b.leaving} {
		if err := part(ctx, st); err != nil {
			return err
		}
	}
	if st == "sqlite" {
		b.drawing()
	}
	return nil
}

// define puts a definition of a kind.
func define(ctx context.Context, r *repo.Repository, kind, name, text string) error {
	e, err := r.Entry(repo.Operator(), repo.SystemDefinition)
	if err != nil {
		return err
	}
	row := make([]value.Value, e.Table.Width())
	for field, s := range map[string]string{"kind": kind, "name": name, "title": "Đo", "titleEn": "Bench", "text": text} {
		if i, _, _, ok := e.Table.Property(field); ok {
			row[i] = value.OfText(s)
		}
	}
	_, err = r.Commit(ctx, repo.Operator(), &commit.Request{Changes: []commit.Change{{Dataset: repo.SystemDefinition, Op: commit.Put, Row: row}}})
	return err
}

// pointed makes a store with n points, their indicators in step, thirty of them on
// a board, and twenty rules on the points, and starts a server on it.
func (b *bench) pointed(ctx context.Context, st string, n int) (store string, p *process, wards []string, err error) {
	if store, err = b.fresh(st); err != nil {
		return
	}
	r, err := openCity(ctx, where(store))
	if err != nil {
		return
	}
	if wards, err = declarePoints(ctx, r); err == nil {
		var board, rules strings.Builder
		board.WriteString("title: {vi: Đo, en: Bench}\ndescription: {vi: Ba mươi số, en: Thirty figures}\nowner: snnmt\nparameters: [area, period]\nsections:\n  - widgets:\n")
		for k := range boardSize {
			fmt.Fprintf(&board, "      - {kind: number, indicator: bench-%02d, compare: [yesterday, week]}\n", k)
		}
		rules.WriteString("title: {vi: Đo, en: Bench}\nowner: snnmt\nroutes:\n  high: [{level: city, to: [\"agency:hueioc\"], within: 30 min}]\n  low: [{level: city, to: [\"agency:hueioc\"], within: 4 h}]\nalerts:\n")
		for k := range 20 {
			fmt.Fprintf(&rules, "  - {name: bench-%02d, kind: threshold, title: {vi: \"Số {value}\", en: \"Figure {value}\"}, advice: {vi: Xem, en: Look}, cause: bench, place: city, dataset: bench-point, value: \"val + %d\", unit: m, hysteresis: 1, clearFor: 1 h, levels: {high: 1000, low: 900}}\n", k, k)
		}
		if err = define(ctx, r, "dashboard", "bench", board.String()); err == nil {
			err = define(ctx, r, "alert", "bench", rules.String())
		}
	}
	if err == nil {
		figures := indicator.New(r)
		r.Follow(figures)
		var seq int64
		if seq, err = sendPoints(ctx, r, n, r.Now().Truncate(time.Hour), wards); err == nil {
			err = figures.Await(ctx, seq)
		}
	}
	if e := r.Close(ctx); err == nil {
		err = e
	}
	if err == nil {
		p, err = serve(store, b.profileOf("center", st, n))
	}
	return
}

func (b *bench) firstPage(ctx context.Context, st string) error {
	t := newTable("The first page", "A board of thirty figures as HTML, each with two comparisons and a course, asked for over HTTP by one signed-in reader, every second time for another ward; time until the whole page is there.",
		"store", "points", "median ms", "p95 ms", "target p95")
	var few float64
	for _, n := range []int{fewPoints, b.rows} {
		store, p, wards, err := b.pointed(ctx, st, n)
		if err != nil {
			return err
		}
		if err := settled(p, time.Hour); err != nil {
			return err
		}
		c, err := dial(p.hello.Address, "")
		if err != nil {
			return err
		}
		var took []float64
		for i := range pageReads + 20 {
			path := "/boards/bench"
			if i%2 == 1 {
				path += "?area=" + wards[i%len(wards)]
			}
			var status int
			us := micros(func() { status, err = c.do(request("GET", path, p.hello.token(i), "", 0)) })
			if err != nil {
				return err
			}
			if status != 200 {
				return fmt.Errorf("%s: status %d: %.300s", path, status, c.body)
			}
			if i >= 20 {
				took = append(took, us/1000)
			}
		}
		c.close()
		if _, err := p.end(); err != nil {
			return err
		}
		if err := b.drop(st, store); err != nil {
			return err
		}
		slices.Sort(took)
		p95, target := took[len(took)*95/100], "≤ 50"
		if n == fewPoints {
			few = p95
		} else {
			target = fmt.Sprintf("≤ 50, ≤ 1.5 × %.1f %s", few, verdict(p95 <= 50 && p95 <= 1.5*few))
		}
		t.add(st, count(n), fmt.Sprintf("%.1f", took[len(took)/2]), fmt.Sprintf("%.1f", p95), target)
	}
	b.tables = append(b.tables, t)
	return nil
}

// settled waits until the server's followers have read the whole log.
func settled(p *process, most time.Duration) error {
	c, err := dial(p.hello.Address, "")
	if err != nil {
		return err
	}
	defer c.close()
	for give := time.Now().Add(most); time.Now().Before(give); time.Sleep(200 * time.Millisecond) {
		status, err := c.do(request("GET", "/metrics", "", "", 0))
		if err != nil || status != 200 {
			return errors.Join(err, fmt.Errorf("metrics: status %d", status))
		}
		if strings.Contains(string(c.body), "\nhuong_follower_lag 0\n") {
			return nil
		}
	}
	return errors.New("the followers are never done")
}

// screen is one open stream and the last place in the log that it told.
type screen struct {
	c   net.Conn
	seq atomic.Int64
	at  atomic.Int64 // µs when it told that
}

// listen reads the stream until it ends.
func (s *screen) listen() {
	r := bufio.NewReader(s.c)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		_, rest, ok := bytes.Cut(line, []byte(`"seq":`))
		if !ok {
			continue
		}
		end := bytes.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if n, err := strconv.ParseInt(string(rest[:max(end, 0)]), 10, 64); err == nil && n > s.seq.Load() {
			s.at.Store(time.Now().UnixMicro())
			s.seq.Store(n)
		}
	}
}

func (b *bench) screens(ctx context.Context, st string) error {
	t := newTable("An event on open screens", fmt.Sprintf("%s streams open at once; a record is put over HTTP, and each stream tells the new place in the log: from the acknowledgement of the write until then, over all streams and %d events. One stream serves all tabs of a browser.", count(streams), events),
		"store", "streams", "median ms", "p95 ms", "worst ms", "target p95", "")
	store, p, wards, err := b.pointed(ctx, st, fewPoints)
	if err != nil {
		return err
	}
	all := make([]*screen, b.count(streams))
	for i := range all {
		c, err := net.Dial("tcp", p.hello.Address)
		if err != nil {
			return err
		}
		defer c.Close()
		all[i] = &screen{c: c}
		if _, err := c.Write(request("GET", "/live", p.hello.token(i), "", 0)); err != nil {
			return err
		}
		go all[i].listen()
	}
	reached := func(seq int64) error {
		for give := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
			if !slices.ContainsFunc(all, func(s *screen) bool { return s.seq.Load() < seq }) {
				return nil
			}
			if time.Now().After(give) {
				return fmt.Errorf("a stream never told commit %d", seq)
			}
		}
	}
	if err := reached(1); err != nil {
		return err
	}
	w, err := dial(p.hello.Address, "")
	if err != nil {
		return err
	}
	defer w.close()
	var took []float64
	for i := range b.count(events) {
		seq := int64(0)
		for _, s := range all {
			seq = max(seq, s.seq.Load())
		}
		if err := reached(seq); err != nil {
			return err
		}
		body := pointLines(int64(1_000_000+i), 1, wards)
		status, err := w.do(request("POST", "/api/v1/datasets/"+points+"/records", p.hello.token(i), "application/x-ndjson", len(body)), body)
		acked := time.Now().UnixMicro()
		if err != nil || status/100 != 2 {
			return errors.Join(err, fmt.Errorf("put: status %d: %.300s", status, w.body))
		}
		if err := reached(seq + 1); err != nil {
			return err
		}
		for _, s := range all {
			took = append(took, max(0, float64(s.at.Load()-acked)/1000))
		}
	}
	slices.Sort(took)
	p95 := took[len(took)*95/100]
	t.add(st, count(len(all)), fmt.Sprintf("%.0f", took[len(took)/2]), fmt.Sprintf("%.0f", p95), fmt.Sprintf("%.0f", took[len(took)-1]), "≤ 1,000", verdict(p95 <= 1000))
	b.tables = append(b.tables, t)
	for _, s := range all {
		s.c.Close()
	}
	if _, err := p.end(); err != nil {
		return err
	}
	return b.drop(st, store)
}

// pointLines are n points as NDJSON; each number is another point, of now.
func pointLines(from int64, n int, wards []string) []byte {
	var body bytes.Buffer
	now := time.Now().UTC().Truncate(time.Hour)
	for i := from; i < from+int64(n); i++ {
		k := i % sensors
		fmt.Fprintf(&body, `{"sensor":"s%03d","at":%q,"ward":%q,"kind":%q,"val":%d}`+"\n", k, now.Add(time.Duration(i/sensors)*time.Millisecond).Format("2006-01-02T15:04:05.000Z"), wards[int(k)%len(wards)], string(rune('a'+k%4)), mix(uint64(i))%100)
	}
	return body.Bytes()
}

// pointsWithRules sends points as feeds do, with twenty rules and thirty
// indicators on them, first by a few writers, then by ten times as many at once.
func (b *bench) pointsWithRules(ctx context.Context, st string) error {
	t := newTable("Points with rules of alerts on", fmt.Sprintf("NDJSON over HTTP, %s points a request, durable when acknowledged, with twenty threshold rules and thirty indicators on the dataset. *Burst*: ten times as many writers, each sending again what was answered 429 or 503 after the time that the answer names. Nothing is lost when as many points are in the table as were acknowledged.", count(writeRows)),
		"store", "writers", "points/s", "target", "acknowledged", "in the table", "429 and 503", "resident", "")
	store, p, wards, err := b.pointed(ctx, st, fewPoints)
	if err != nil {
		return err
	}
	next := int64(2_000_000)
	acknowledged := int64(0)
	for _, n := range []int{writers, burstWriters} {
		var acked, refused atomic.Int64
		var faults sync.Map
		limit := next + int64(b.count(writePoints))
		var at atomic.Int64
		at.Store(next)
		var wg sync.WaitGroup
		began := time.Now()
		for w := range n {
			wg.Go(func() {
				if err := writePointsTo(p, w, &at, limit, wards, &acked, &refused); err != nil {
					faults.Store(w, err)
				}
			})
		}
		wg.Wait()
		rate := float64(acked.Load()) / time.Since(began).Seconds()
		next = at.Load() + 1_000_000
		var fault error
		faults.Range(func(_, v any) bool { fault = v.(error); return false })
		if fault != nil {
			return fault
		}
		acknowledged += acked.Load()
		target, met := "≥ 20,000", rate >= 20_000
		if n == burstWriters {
			target, met = "no loss", true
		}
		t.add(st, count(n), count(int(rate)), target, count(int(acked.Load())), "", count(int(refused.Load())), "", verdict(met))
	}
	end, err := p.end()
	if err != nil {
		return err
	}
	r, err := openCity(ctx, where(store))
	if err != nil {
		return err
	}
	page, err := r.Read(ctx, repo.Operator(), repo.Query{Dataset: points, Limit: 1, Count: true}, func(repo.Record) error { return nil })
	if e := r.Close(ctx); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	stored := page.Matched - fewPoints
	t.add(st, "all", "", "all are there, ≤ 1 GiB", count(int(acknowledged)), count(int(stored)), "", mib(float64(end.Resident)), verdict(stored == acknowledged && end.Resident <= 1<<30))
	b.tables = append(b.tables, t)
	return b.drop(st, store)
}

// writePointsTo sends requests until the limit, each until it is acknowledged.
func writePointsTo(p *process, w int, at *atomic.Int64, limit int64, wards []string, acked, refused *atomic.Int64) error {
	c, err := dial(p.hello.Address, "")
	if err != nil {
		return err
	}
	defer c.close()
	for {
		from := at.Add(writeRows) - writeRows
		if from >= limit {
			return nil
		}
		body := pointLines(from, writeRows, wards)
		for {
			status, err := c.do(request("POST", "/api/v1/datasets/"+points+"/records", p.hello.token(w), "application/x-ndjson", len(body)), body)
			if err != nil {
				return err
			}
			if status/100 == 2 {
				acked.Add(writeRows)
				break
			}
			if status != 429 && status != 503 {
				return fmt.Errorf("status %d: %.300s", status, c.body)
			}
			refused.Add(1)
			time.Sleep(200 * time.Millisecond)
		}
	}
}

// spy notes the highest place that a line is drawn to.
type spy struct {
	*chart.SVG
	points int
	top    chart.Point
}

func (s *spy) Line(points []chart.Point, k chart.Stroke) {
	s.SVG.Line(points, k)
	if len(points) < 100 {
		return // axes and limits
	}
	s.points += len(points)
	for _, p := range points {
		if s.top == (chart.Point{}) || p.Y < s.top.Y {
			s.top = p
		}
	}
}

// drawing draws a long series with one spike in it.
func (b *bench) drawing() {
	t := newTable("A long series", fmt.Sprintf("%s points drawn as SVG, 1,200 wide; one of them stands out. The drawing keeps it when its highest place is there.", count(seriesPoints)),
		"points", "ms", "target", "places drawn", "KiB", "the extreme is there", "")
	const spike = 54_321
	from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	line := chart.Line{Name: "s"}
	for i := range seriesPoints {
		v := float64(mix(uint64(i)) % 100)
		if i == spike {
			v = 1000
		}
		line.Samples = append(line.Samples, chart.Sample{At: from.Add(time.Duration(i) * time.Minute), V: v, OK: true})
	}
	s := chart.Series{From: from, Until: from.Add(seriesPoints * time.Minute), Grain: time.Minute, Unit: "m", Lines: []chart.Line{line}}
	var took []float64
	var canvas *spy
	for range max(b.runs, 3) {
		took = append(took, micros(func() {
			canvas = &spy{SVG: chart.NewSVG(1200, 300)}
			s.Draw(canvas, chart.Frame{W: 1200, H: 300, Lang: "vi", Zone: time.UTC})
		})/1000)
	}
	ms := median(took)
	there := canvas.top.X > 1200*spike/seriesPoints-5 && canvas.top.X < 1200*spike/seriesPoints+5
	t.add(count(seriesPoints), figure(ms), "≤ 1,000", count(canvas.points), strconv.Itoa(len(canvas.Markup("s"))>>10), strconv.FormatBool(there), verdict(ms <= 1000 && there))
	b.tables = append(b.tables, t)
}
