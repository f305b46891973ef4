package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/ingest"
)

// tick is how often, in wall time, the feeds look whether something is due.
const tick = time.Second

// Cases still change for caseDays after they came in, and are looked at every
// caseEvery of the city's time; those older than a day every olderEvery.
const (
	caseDays   = 60
	caseEvery  = 10 * time.Second
	olderEvery = 20 * time.Minute
)

// Feed keeps the city moving until ctx ends: each site reports when it is due,
// people send reports, incidents come in and are worked off, weeks and months close.
// Rows go the way of any feed: as NDJSON through ingest, with some dirt in it.
func Feed(ctx context.Context, r *repo.Repository, o Options) error {
	f, err := NewFeeds(ctx, r, o)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := f.Step(ctx, o.Clock.Now()); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if k := problem.KindOf(err); k != problem.RateLimited && k != problem.Unavailable {
				return err
			}
			o.Log.Warn("feeds wait", "err", err)
		}
	}
}

// Feeds are the city's sources, at the moment they have told everything up to.
// It is used by one goroutine.
type Feeds struct {
	*city
	feeds []feed
	last  time.Time
	cases time.Time // cases are looked at less often: they move slowly
	older time.Time // and those of the days before still less
	held  []held
	still map[caseOf]time.Time // cases that stay as they were told, and until when

	reported time.Time // reports have been sent up to then
}

// caseOf is the n-th case of a day.
type caseOf struct {
	dataset string
	day, n  int64
}

// mostStill bounds how many of them are remembered: more than caseDays bring.
const mostStill = 50_000

// held is a row that a source sends hours late.
type held struct {
	due     time.Time
	dataset string
	line    []byte
}

// NewFeeds prepares the feeds to go on from the clock's present.
func NewFeeds(ctx context.Context, r *repo.Repository, o Options) (*Feeds, error) {
	c, err := newCity(ctx, r, o)
	if err != nil {
		return nil, err
	}
	c.live = true
	feeds, err := c.feeds(ctx)
	if err != nil {
		return nil, err
	}
	f := &Feeds{city: c, feeds: feeds, last: c.start, still: map[caseOf]time.Time{}, reported: c.start}
	if c.reporting.Desk != nil {
		last, err := c.lastReport(ctx)
		if err != nil {
			return nil, err
		}
		if !last.IsZero() && last.Before(c.start) {
			f.reported = last
		}
	}
	return f, f.catchUp(ctx)
}

// Reach has the feeds tell another server of the same city: sources outlive the
// one that died, and what they hold back comes late and not never.
func (l *Feeds) Reach(r *repo.Repository) { l.repo = r }

// gap bounds how far back the feeds go to make good what a stopped demo missed.
const gap = 14 * 24 * time.Hour

// catchUp starts where the last river level stands, so that a city that was
// switched off for a while has no hole.
func (l *Feeds) catchUp(ctx context.Context) error {
	newest := repo.Query{Dataset: "water-level", Sort: []repo.Sort{{Field: "observedAt", Desc: true}}, Fields: []string{"observedAt"}, Limit: 1}
	_, err := l.repo.Read(ctx, repo.Internal(), newest, func(rec repo.Record) error {
		if at := rec.Values[rec.Entry.Table.Time].Instant(); at.Before(l.last) {
			l.last = at
		}
		return nil
	})
	if err != nil {
		return err
	}
	if oldest := l.start.Add(-gap); l.last.Before(oldest) {
		l.last = oldest
	}
	l.cases, l.older = l.last, l.last
	return nil
}

// Step sends everything that fell due up to now. A step that failed is made
// again by the next: rows that were taken already are unchanged then.
func (l *Feeds) Step(ctx context.Context, now time.Time) error {
	for now = now.Truncate(time.Second); now.Sub(l.last) > maxStep; {
		if err := l.step(ctx, l.last.Add(maxStep)); err != nil {
			return err
		}
	}
	if !now.After(l.last) {
		return nil
	}
	return l.step(ctx, now)
}

// maxStep bounds how much one commit tells: a city that runs fast, or that has
// something to make good, tells it by the hour.
const maxStep = time.Hour

func (l *Feeds) step(ctx context.Context, now time.Time) error {
	for _, f := range l.feeds {
		if err := l.send(ctx, f.dataset, now, func(s *sheet, line func()) {
			for i, at := range f.sites {
				for t := range l.due(f, i, now) {
					if !l.tells(f, at, t) {
						continue
					}
					f.observe(s.clear(), at, t)
					line()
				}
			}
		}); err != nil {
			return err
		}
	}
	if now.Sub(l.cases) >= caseEvery {
		from, until := l.cases, 2
		if now.Sub(l.older) >= olderEvery {
			from, until = l.older, caseDays
		}
		if err := l.told(ctx, l.reported, now); err != nil {
			return err
		}
		l.reported = now
		if err := l.caseFeed(ctx, "public-order-incident", from, now, until, l.incidentsOn, l.incident); err != nil {
			return err
		}
		if l.cases = now; until == caseDays {
			l.older = now
		}
	}
	if err := l.closings(ctx, now); err != nil {
		return err
	}
	l.last = now
	return nil
}

// due lists the observation times of a site whose report arrives in (last, now].
// Each site has its own delay within the interval, so that reports trickle in.
func (l *Feeds) due(f feed, index int, now time.Time) func(yield func(time.Time) bool) {
	delay := time.Duration(l.noise("delay:"+f.dataset, int64(index)) * 0.9 * float64(f.every)).Truncate(time.Second)
	return func(yield func(time.Time) bool) {
		for t := l.last.Add(-delay).Truncate(f.every).Add(f.every); !t.Add(delay).After(now); t = t.Add(f.every) {
			if t.Add(delay).After(l.last) && !yield(t) {
				return
			}
		}
	}
}

// caseFeed sends the cases of the last days whose state at now differs from that
// at from.
func (l *Feeds) caseFeed(ctx context.Context, dataset string, from, now time.Time, days int, count func(time.Time) int64, fill func(*sheet, time.Time, int64, time.Time) bool) error {
	return l.send(ctx, dataset, now, func(s *sheet, line func()) {
		before := newSheet(s.entry)
		y, m, d := now.In(l.zone).Date()
		for back := range days {
			day := time.Date(y, m, d-back, 0, 0, 0, 0, l.zone)
			for n := int64(1); n <= count(day); n++ {
				which := caseOf{dataset, day.Unix(), n}
				if until, known := l.still[which]; known && (until.IsZero() || now.Before(until)) {
					continue
				}
				is := fill(s, day, n, now)
				until := s.until
				if is && (!fill(before, day, n, from) || !equalRows(before, s)) {
					delete(l.still, which) // until it is known to have been told
					line()
					continue
				}
				if len(l.still) >= mostStill {
					clear(l.still)
				}
				l.still[which] = until
			}
		}
	})
}

func equalRows(a, b *sheet) bool {
	for i := range a.row {
		if a.row[i] != b.row[i] {
			return false
		}
	}
	return true
}

// closings sends the weekly and monthly figures when their time has come.
func (l *Feeds) closings(ctx context.Context, now time.Time) error {
	if week := l.monday(now).AddDate(0, 0, -7); l.monday(l.last) != l.monday(now) {
		if err := l.send(ctx, "notifiable-disease", now, func(s *sheet, line func()) {
			l.weekly(week, s, func(*sheet) error { line(); return nil })
		}); err != nil {
			return err
		}
	}
	if month := l.month(now).AddDate(0, -1, 0); l.month(l.last) != l.month(now) {
		return l.send(ctx, "procedure-statistics", now, func(s *sheet, line func()) {
			l.monthly(month, s, func(*sheet) error { line(); return nil })
		})
	}
	return nil
}

// send writes rows as NDJSON, soils some, and hands them to ingest as a feed
// would.
func (l *Feeds) send(ctx context.Context, dataset string, now time.Time, rows func(s *sheet, line func())) error {
	e, err := l.repo.Entry(repo.Internal(), dataset)
	if err != nil {
		return err
	}
	s := newSheet(e)
	var body bytes.Buffer
	n := int64(0)
	var fields []int
	for i, col := range e.Table.Columns {
		if !col.Derived && !col.Dropped {
			fields = append(fields, i)
		}
	}
	rows(s, func() {
		n++
		line := e.Schema.AppendJSON(nil, s.row, fields)
		l.soil(&body, dataset, line, n, now)
	})
	l.held = slices.DeleteFunc(l.held, func(h held) bool {
		if h.dataset != dataset || h.due.After(now) {
			return false
		}
		body.Write(append(h.line, '\n'))
		return true
	})
	if s.missing != "" {
		return fmt.Errorf("demo: no field %s", s.missing)
	}
	if body.Len() == 0 {
		return nil
	}
	_, err = ingest.Records(ctx, l.repo, principal("feed:"+dataset), dataset, commit.Header{Source: "api"}, "application/x-ndjson", &body, func(ingest.Outcome) error { return nil })
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// principal is who a feed is: it may write and nothing else.
func principal(source string) repo.Principal {
	return repo.Principal{Name: source, Read: []string{"*"}, Write: []string{"*"}}
}

// soil writes a line, and now and then what sources really send: the same row
// twice, a broken row, an impossible value, a code that nobody knows, a row
// hours late. Each goes where it belongs: unchanged, quarantine, or in its place.
func (l *Feeds) soil(body *bytes.Buffer, dataset string, line []byte, n int64, now time.Time) {
	put := func(b []byte) { body.Write(b); body.WriteByte('\n') }
	x := l.noise("dirt:"+dataset, now.Unix(), n)
	if x > 0.99 { // this one comes half an hour to three hours late
		delay := time.Duration((0.5 + 250*(x-0.99)) * float64(time.Hour))
		l.held = append(l.held, held{now.Add(delay), dataset, line})
		return
	}
	put(line)
	switch {
	case x < 0.010:
		put(line)
	case x < 0.013:
		put(line[:len(line)*2/3])
	case x < 0.017:
		if bad := impossible(line); bad != nil {
			put(bad)
		}
	case x < 0.021:
		if bad := unmapped(line); bad != nil {
			put(bad)
		}
	}
}

// impossible replaces the first measured figure by one that cannot be.
func impossible(line []byte) []byte {
	for _, field := range []string{`"level":`, `"rain":`, `"pm25":`, `"vehicles":`, `"occupied":`, `"houses":`} {
		i := bytes.Index(line, []byte(field))
		if i < 0 {
			continue
		}
		i += len(field)
		end := i + bytes.IndexAny(line[i:], ",}")
		return bytes.Join([][]byte{line[:i], []byte("-9999"), line[end:]}, nil)
	}
	return nil
}

// unmapped replaces the site's code by one of another list.
func unmapped(line []byte) []byte {
	for _, field := range []string{`"station":"`, `"counter":"`, `"carPark":"`, `"hospital":"`, `"agency":"`, `"area":"`} {
		i := bytes.Index(line, []byte(field))
		if i < 0 {
			continue
		}
		i += len(field)
		end := i + bytes.IndexByte(line[i:], '"')
		return bytes.Join([][]byte{line[:i], []byte("TRAM-CU-17"), line[end:]}, nil)
	}
	return nil
}
