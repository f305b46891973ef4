package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"huong.city/huong/internal/core/calendar"
	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/geom"
	catalogue "huong.city/huong/internal/core/request"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
	reports "huong.city/huong/internal/service/request"
)

// Sizes of the item requests.
const (
	fewRequests  = 50_000
	mostOpen     = 1_000_000 // of the requests, a fifth is open, so many at most
	fillCommit   = 5_000     // rows of one commit of closed requests
	importCommit = 2_000     // open ones handed over at once
	closedOver   = 5 * 365 * 24 * time.Hour
	openOver     = 12 * time.Hour
)

// place is where a request can be.
type place struct {
	lon, lat float64
	area     string
}

// spread makes requests: which one is which follows from its number.
type spread struct {
	places     []place
	categories []catalogue.Category // that the public may read
	c          *catalogue.Catalogue
	now        time.Time
}

func newSpread(ctx context.Context, r *repo.Repository, d *reports.Desk) (*spread, error) {
	c, err := d.Catalogue()
	if err != nil {
		return nil, err
	}
	s := &spread{c: c, now: r.Now()}
	for _, x := range c.Categories {
		if x.Active && !x.Never() && !x.Private && len(x.Questions) == 0 {
			s.categories = append(s.categories, x)
		}
	}
	// Where people live: near the middles of the wards.
	var middles [][2]float64
	_, err = r.Read(ctx, repo.Operator(), repo.Query{Dataset: repo.SystemArea}, func(rec repo.Record) error {
		kind, _, _, _ := rec.Entry.Table.Property("kind")
		at, _, _, _ := rec.Entry.Table.Property("location")
		if k := rec.Values[kind].Text(); (k == "phuong" || k == "xa") && rec.Values[at].Kind() == value.Geometry {
			if lon, lat, ok := geom.PointOf(rec.Values[at].WKB()); ok {
				middles = append(middles, [2]float64{lon, lat})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := 0; len(s.places) < 4000 && i < 40_000; i++ {
		m := middles[i%len(middles)]
		p := place{lon: m[0] + float64(mix(uint64(i))%2000)/100_000 - 0.01, lat: m[1] + float64(mix(uint64(i)+1)%2000)/100_000 - 0.01}
		area, ok, err := r.AreaAt(ctx, p.lon, p.lat)
		if err != nil {
			return nil, err
		}
		if ok {
			p.area = area
			s.places = append(s.places, p)
		}
	}
	if len(s.places) == 0 || len(s.categories) == 0 {
		return nil, errors.New("the city declares no wards, or nothing to report")
	}
	return s, nil
}

// at is the place of a request, within some metres of others.
func (s *spread) at(i int) place {
	p := s.places[mix(uint64(i))%uint64(len(s.places))]
	p.lon += float64(mix(uint64(i)*3)%100)/1_000_000 - 0.00005
	p.lat += float64(mix(uint64(i)*5)%100)/1_000_000 - 0.00005
	return p
}

func (s *spread) category(i int) *catalogue.Category {
	return &s.categories[mix(uint64(i)*7)%uint64(len(s.categories))]
}

// textOf is what somebody writes, about 150 characters.
func textOf(i int) string {
	return fmt.Sprintf("%s số %d, đoạn gần nhà số %d, từ mấy hôm nay chưa thấy ai xử lý. Người đi lại khó khăn, nhất là buổi tối; mong cơ quan xem và khắc phục sớm.",
		[]string{"Ổ gà to ở ngõ", "Đèn đường tắt ở kiệt", "Rác để đầy đầu đường", "Cống tắc, nước đọng ở tổ", "Cây ngã trước nhà"}[i%5], i%977, i%311)
}

const codeLetters = "23456789ABCDEFGHJKMNPQRSTUVWXYZ0"

func codeOf(at time.Time, i int) string {
	var tail [5]byte
	for k := range tail {
		tail[k] = codeLetters[i>>(5*k)&31]
	}
	return "PA-" + at.Format("060102") + "-" + string(tail[:])
}

// closed writes n closed requests as `huong import` writes records of this dataset:
// with history, log and places, without a timeline of their own. Who opens one sees
// the timeline that leads to where its record stands, and it is written with the
// first thing that is done with it.
func (s *spread) closed(ctx context.Context, r *repo.Repository, n int) error {
	e, err := r.Entry(repo.Operator(), reports.Dataset)
	if err != nil {
		return err
	}
	return inParts(n, fillCommit, 3, func(from, upto int) error {
		req := &commit.Request{Header: commit.Header{Source: "bench"}}
		for i := from; i < upto; i++ {
			req.Changes = append(req.Changes, commit.Change{Dataset: reports.Dataset, Op: commit.Put, Row: s.row(e, i, n), Expect: commit.Absent})
		}
		_, err := r.Commit(ctx, repo.Operator(), req)
		return err
	})
}

// inParts does n things, some at a time, by so many at once, until one fails.
func inParts(n, some, atOnce int, do func(from, upto int) error) error {
	var wait sync.WaitGroup
	var next atomic.Int64
	failed := make(chan error, atOnce)
	for range atOnce {
		wait.Go(func() {
			for len(failed) == 0 {
				from := int(next.Add(int64(some))) - some
				if from >= n {
					return
				}
				if err := do(from, min(from+some, n)); err != nil {
					failed <- err
				}
			}
		})
	}
	wait.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// row is closed request i of n, the earliest first.
func (s *spread) row(e *repo.Entry, i, n int) []value.Value {
	row := make([]value.Value, e.Table.Width())
	set := func(name string, v value.Value) {
		if c, _, _, ok := e.Table.Property(name); ok {
			row[c] = v
		}
	}
	begin := s.now.Add(-20*24*time.Hour - closedOver)
	opened := begin.Add(time.Duration(float64(closedOver) / float64(n) * float64(i))).Truncate(time.Second).In(s.now.Location())
	answered := opened.Add(time.Duration(1+mix(uint64(i)*11)%250) * time.Hour)
	p, k := s.at(i), s.category(i)
	for name, text := range map[string]string{"code": codeOf(opened, i), "category": k.Code, "status": "closed", "outcome": "fixed", "title": k.Title.In("vi"),
		"description": textOf(i), "publicText": textOf(i), "channel": "web", "track": k.Track, "urgency": k.Urgency, "address": fmt.Sprintf("%d đường số %d", i%311, i%97),
		"area": p.area, "agency": s.c.Route(k.Code, p.area, opened).Agency, "level": "unit", "answer": "Đã khắc phục, cảm ơn bạn đã báo."} {
		if text != "" {
			set(name, value.OfText(text))
		}
	}
	for name, at := range map[string]time.Time{"openedAt": opened, "dueAt": opened.Add(9 * 24 * time.Hour), "answeredAt": answered, "closedAt": answered.Add(time.Hour), "updatedAt": answered.Add(time.Hour)} {
		set(name, value.OfInstant(at))
	}
	set("location", value.OfGeometry(geom.Point(p.lon, p.lat)))
	set("published", value.OfBool(true))
	set("needsPlace", value.OfBool(false))
	set("anonymous", value.OfBool(i%2 == 0))
	for _, name := range []string{"reopened", "followers", "missed", "entries"} {
		set(name, value.OfInt(0))
	}
	if i%2 == 0 {
		set("rating", value.OfInt(int64(1+mix(uint64(i))%5)))
		set("ratedAt", value.OfInstant(answered.Add(time.Hour)))
	}
	return row
}

// open takes n requests in that wait for an answer, with their timelines, by the
// desk's own import.
func (s *spread) open(ctx context.Context, d *reports.Desk, n int) error {
	return inParts(n, importCommit, 2, func(from, upto int) error {
		var list []reports.Past
		for i := from; i < upto; i++ {
			p := s.at(i + 1<<40)
			at := s.now.Add(-time.Duration(float64(openOver) / float64(n) * float64(n-i)))
			list = append(list, reports.Past{Code: codeOf(at, i), Status: "in-progress", Published: true, Submission: reports.Submission{
				Category: s.category(i).Code, Text: textOf(i), Longitude: &p.lon, Latitude: &p.lat, ExternalID: fmt.Sprint("bench-", i), At: at}})
		}
		done, err := d.Import(ctx, repo.Operator(), list)
		for _, x := range done {
			err = errors.Join(err, x.Err)
		}
		return err
	})
}

// deskOf is a desk that counts working time as the city's calendar does.
func deskOf(r *repo.Repository, queues *reports.Queues) (*reports.Desk, error) {
	text, err := os.ReadFile("city/hue/calendars/hue.yaml")
	if err != nil {
		return nil, err
	}
	c, err := calendar.Parse("hue.yaml", text)
	if err != nil {
		return nil, err
	}
	clock := workflow.Clock{
		Add: func(from time.Time, d time.Duration) (time.Time, error) {
			if at, err := c.AddWorkingHours(from, d); err == nil {
				return at, nil
			}
			return from.Add(d), nil // years that the calendar does not hold
		},
		Between: func(from, until time.Time) (time.Duration, error) {
			if d, err := c.WorkingTimeBetween(from, until); err == nil {
				return d, nil
			}
			return until.Sub(from), nil
		},
	}
	return reports.New(reports.Config{Repo: r, Random: rand.Reader, Clock: clock, Queues: queues, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}), nil
}

// bulkCSV is a bulk file of GeoReport with n closed reports.
func (s *spread) bulkCSV(from, n int) []byte {
	var b strings.Builder
	b.WriteString("service_request_id,requested_datetime,closed_date,status_description,service_code,description,lat,long,outcome,published\r\n")
	for i := from; i < from+n; i++ {
		p, at := s.at(i), s.now.Add(-time.Duration(30+i%3000)*time.Hour).UTC()
		fmt.Fprintf(&b, "B-%d,%s,%s,closed,%s,\"%s\",%f,%f,fixed,true\r\n", i, at.Format(time.RFC3339), at.Add(20*time.Hour).Format(time.RFC3339), s.category(i).Code, textOf(i), p.lat, p.lon)
	}
	return []byte(b.String())
}
