package alert_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/alert"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/postgres"
	"huong.city/huong/internal/store/postgres/pgtest"
	"huong.city/huong/internal/store/sqlite"
)

var cluster = pgtest.New(pgtest.Settings{})

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.Stop()
	os.Exit(code)
}

const stationYAML = `name: water-station
title: {vi: Trạm, en: Station}
kind: register
owner: dkttv
classification: open
schema:
  primaryKey: code
  fields:
    - {name: code, type: string}
    - {name: name, type: string}
    - {name: ward, type: string}
    - {name: alarm1, type: number}
    - {name: alarm2, type: number}
    - {name: alarm3, type: number}
place: {areaCode: ward}
`

const levelYAML = `name: water-level
title: {vi: Mực nước, en: Water level}
kind: series
owner: dkttv
classification: open
time: observedAt
schema:
  primaryKey: [station, observedAt]
  fields:
    - {name: station, type: string}
    - {name: observedAt, type: datetime}
    - {name: level, type: number}
  foreignKeys: [{fields: station, reference: {resource: water-station, fields: code}}]
place: {from: station}
`

const caseYAML = `name: road-closure
title: {vi: Đường cấm, en: Road closure}
kind: register
owner: sxd
classification: internal
schema:
  primaryKey: code
  fields:
    - {name: code, type: string}
    - {name: ward, type: string}
    - {name: state, type: string}
place: {areaCode: ward}
`

const rulesYAML = `title: {vi: Sông, en: Rivers}
routes:
  high:
    - {level: ward, to: ["role:officer@{area}", "agency:{owner}"], within: 10 min}
    - {level: department, to: ["agency:pctt"], within: 10 min}
    - {level: city, to: ["role:leader@46"], within: 20 min}
  medium: [{level: ward, to: ["role:officer@{area}"], within: 30 min}]
  low: [{level: ward, to: ["role:officer@{area}"], within: 2 h}]
alerts:
  - name: river-level
    kind: threshold
    title: {vi: "Nước tại {station.name} {value} {unit}, trên {threshold} {unit}", en: "{station.name} at {value} {unit}, above {threshold} {unit}"}
    advice: {vi: "Báo dân {area}.", en: "Warn the people of {area}."}
    cause: flood
    dataset: water-level
    value: level
    unit: m
    hysteresis: 0.1
    clearFor: 20 min
    incident: flood
    levels: {high: station.alarm3, medium: station.alarm2, low: station.alarm1}
  - name: river-silent
    kind: absence
    title: {vi: "Trạm {station.name} im lặng", en: "{station.name} is silent"}
    advice: {vi: Kiểm tra trạm., en: Check the station.}
    cause: silent
    place: subject
    dataset: water-level
    suppressFrom: 3
    levels: {medium: 60 min}
  - name: road-shut
    kind: record
    title: {vi: "Đường {code} bị cấm", en: "Road {code} is shut"}
    advice: {vi: Phân luồng., en: Divert traffic.}
    dataset: road-closure
    levels: {low: "state = 'shut'"}
`

// clock is the city's, moved by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

var start = time.Date(2025, 10, 26, 0, 0, 0, 0, time.UTC)

// city is a repository with an engine that the test drives by hand, commit by
// commit, so that it may break off anywhere.
type city struct {
	testing.TB
	repo   *repo.Repository
	clock  *clock
	engine *alert.Engine
	saved  map[string][]byte
	cursor int64 // of what is saved
	at     int64 // of what is applied
	stage  int
	joined []string
	text   string // of the definitions
	figure []figure
}

// figure is what an indicator is from a time on.
type figure struct {
	from  time.Time
	value float64
}

// indicator is the figure of a time.
func (c *city) indicator(_ context.Context, _, _ string, at time.Time) (v float64, ok bool) {
	for _, f := range c.figure {
		if !f.from.After(at) {
			v, ok = f.value, true
		}
	}
	return v, ok
}

// folder is one in memory where there is such a place: what is tested is what a
// dead process leaves behind, not what a loss of power does.
func folder(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "huong-alert-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func drivers() map[string]func(testing.TB) store.Driver {
	return map[string]func(testing.TB) store.Driver{
		"sqlite": func(t testing.TB) store.Driver {
			d, err := sqlite.Open(folder(t), sqlite.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
		"postgres": func(t testing.TB) store.Driver {
			d, err := postgres.Open(context.Background(), cluster.Database(t), postgres.Options{Readers: 4})
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
	}
}

func open(t testing.TB, d store.Driver) *city {
	t.Helper()
	c := &city{TB: t, clock: &clock{now: start}, stage: 1, saved: map[string][]byte{}}
	var err error
	c.repo, err = repo.Open(context.Background(), repo.Config{Driver: d, Now: c.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.repo.Close(context.Background()) })
	var declared []*dataset.Dataset
	for _, y := range []string{stationYAML, levelYAML, caseYAML} {
		parsed, err := dataset.Parse("d.yaml", []byte(y))
		if err != nil {
			t.Fatal(err, problem.As(err).Violations)
		}
		declared = append(declared, parsed)
	}
	plan, err := c.repo.Plan(context.Background(), repo.Operator(), declared)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.repo.Apply(context.Background(), repo.Operator(), plan); err != nil {
		t.Fatal(err)
	}
	c.put("area", `{"code":"46","name":"Thành phố Huế","nameEn":"Hue City","kind":"city","validFrom":"2025-01-01"}`)
	c.put("area", `{"code":"19774","name":"Phường Kim Long","nameEn":"Kim Long","kind":"phuong","parent":"46","validFrom":"2025-07-01"}`)
	c.put("area", `{"code":"19753","name":"Phường Phú Xuân","nameEn":"Phu Xuan","kind":"phuong","parent":"46","validFrom":"2025-07-01"}`)
	c.put("water-station", `{"code":"kim-long","name":"Kim Long","ward":"19774","alarm1":1,"alarm2":2,"alarm3":3.5}`)
	c.put("water-station", `{"code":"da-vien","name":"Dã Viên","ward":"19774","alarm1":1,"alarm2":2,"alarm3":3.5}`)
	c.put("water-station", `{"code":"phu-oc","name":"Phú Ốc","ward":"19753","alarm1":1.5,"alarm2":3,"alarm3":4.5}`)
	c.define(rulesYAML)
	c.begin()
	return c
}

func (c *city) define(text string) {
	c.Helper()
	c.put("definition", fmt.Sprintf(`{"kind":"alert","name":"rivers","title":"Sông","owner":"dkttv","text":%q}`, text))
}

// begin starts a process: the engine knows what was saved and nothing else.
func (c *city) begin() {
	c.Helper()
	c.engine = alert.New(alert.Config{Repo: c.repo, Now: c.clock.Now,
		News: func(e *commit.Entry, ch *commit.Applied, entry *repo.Entry) (int64, bool) {
			event := e.At
			if entry != nil && entry.Table.Time >= 0 && ch.After != nil {
				event = ch.After[entry.Table.Time].Micros()
			}
			return event, e.Source != "generator" && e.At-event <= time.Hour.Microseconds()
		},
		Stage:     func(string) int { return c.stage },
		Indicator: c.indicator,
		Incident: func(_ context.Context, l *alert.Line, kind string) (string, []commit.Change, error) {
			if !slices.Contains(c.joined, l.ID) {
				c.joined = append(c.joined, l.ID)
			}
			return "SC-" + kind, nil, nil
		}})
	state := map[string][]byte{}
	for k, v := range c.saved {
		state[k] = v
	}
	if err := c.engine.Load(state); err != nil {
		c.Fatal(err)
	}
	c.at = c.cursor
}

// follow applies what the log holds beyond the engine's place, at most most
// commits (0 = all, those that come of them too).
func (c *city) follow(most int) {
	c.Helper()
	for n := 0; most == 0 || n < most; n++ {
		h, err := c.repo.Head(context.Background())
		if err != nil {
			c.Fatal(err)
		}
		if c.at >= h.Seq {
			return
		}
		err = c.repo.Log(context.Background(), repo.Internal(), repo.LogQuery{After: c.at, Limit: 1, Changes: true}, func(e *commit.Entry) error {
			if err := c.engine.Apply(e, func(name string) *repo.Entry {
				entry, err := c.repo.Entry(repo.Internal(), name)
				if err != nil {
					return nil
				}
				return entry
			}); err != nil {
				return err
			}
			c.at = e.Seq
			return nil
		})
		if err != nil {
			c.Fatal(err)
		}
	}
}

func (c *city) save() {
	c.Helper()
	puts, err := c.engine.Save()
	if err != nil {
		c.Fatal(err)
	}
	for _, p := range puts {
		if p.Value == nil {
			delete(c.saved, p.Key)
		} else {
			c.saved[p.Key] = append([]byte(nil), p.Value...)
		}
	}
	c.cursor = c.at
}

func (c *city) tick() {
	c.Helper()
	if err := c.engine.Tick(context.Background()); err != nil {
		c.Fatal(err)
	}
}

// later lets time pass minute by minute, as the server's clock does.
func (c *city) later(d time.Duration) {
	c.Helper()
	for ; d > 0; d -= time.Minute {
		c.clock.pass(time.Minute)
		c.tick()
		c.follow(0)
	}
}

func (c *city) put(name string, objects ...string) {
	c.Helper()
	c.putFrom("test", name, objects...)
}

func (c *city) putFrom(source, name string, objects ...string) {
	c.Helper()
	e, err := c.repo.Entry(repo.Internal(), name)
	if err != nil {
		c.Fatal(err)
	}
	b := record.NewBatch(e.Schema)
	faults, err := record.NewJSONReader(strings.NewReader(strings.Join(objects, "\n")), e.Schema, record.Limits{}).Next(b, len(objects))
	if err != nil && b.Len() == 0 || len(faults) > 0 {
		c.Fatalf("%s: %v %v", objects, faults, err)
	}
	req := &commit.Request{Header: commit.Header{Source: source}}
	for i := range b.Len() {
		req.Changes = append(req.Changes, commit.Change{Dataset: name, Op: commit.Put, Row: b.Row(i)})
	}
	if _, err := c.repo.Commit(context.Background(), repo.Internal(), req); err != nil {
		c.Fatal(err, problem.As(err).Violations)
	}
}

// level puts a water level of this moment.
func (c *city) level(station string, level float64) {
	c.Helper()
	c.put("water-level", fmt.Sprintf(`{"station":%q,"observedAt":%q,"level":%v}`, station, c.clock.Now().Format(time.RFC3339), level))
}

// lines lists the alerts as the records hold them.
func (c *city) lines(state string) []alert.Line {
	c.Helper()
	list, err := c.engine.List(context.Background(), repo.Internal(), alert.Selection{State: state})
	if err != nil {
		c.Fatal(err)
	}
	return list
}

// told lists the notifications: addressee and title.
func (c *city) told() (list []string) {
	c.Helper()
	_, err := c.repo.Read(context.Background(), repo.Internal(), repo.Query{Dataset: "notification", Sort: []repo.Sort{{Field: "createdAt"}, {Field: "id"}}}, func(r repo.Record) error {
		text := func(name string) string {
			i, _, _, _ := r.Entry.Table.Property(name)
			return strings.Clone(r.Values[i].Text())
		}
		list = append(list, text("to")+" "+text("severity")+" "+text("titleVi"))
		return nil
	})
	if err != nil {
		c.Fatal(err)
	}
	return list
}
