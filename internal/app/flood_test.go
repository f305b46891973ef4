package app

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/demo"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/alert"
	"huong.city/huong/internal/service/incident"
)

// floodCity is the demo city in its flood, as the server wires it, driven step by
// step: feeds, the engine of alerts, the desk of incidents and the staff. Time
// passes only when the test says so.
type floodCity struct {
	*testing.T
	dir    string
	now    time.Time
	repo   *repo.Repository
	engine *alert.Engine
	desk   *incident.Desk
	staff  *demo.Staff
	feeds  *demo.Feeds
	clock  *demo.Clock

	at, cursor int64             // of the engine: applied, saved
	saved      map[string][]byte // its state
}

// floodStep is how often the test looks while the water rises; else half as often.
const floodStep = 5 * time.Minute

func newFloodCity(t *testing.T, start time.Time) *floodCity {
	c := &floodCity{T: t, dir: fastFolder(t), now: start, saved: map[string][]byte{}}
	c.clock = demo.NewClock(func() time.Time { return c.now }, c.now, 1)
	c.open()
	city, err := LoadCity("../../city/hue")
	c.must(err)
	plan, err := c.repo.Plan(t.Context(), repo.Operator(), city.Datasets)
	c.must(err)
	_, err = c.repo.Apply(t.Context(), repo.Operator(), plan)
	c.must(err)
	_, err = city.ApplyRecords(t.Context(), c.repo, repo.Operator(), false)
	c.must(err)
	past := c.options() // reports of the days before; codes of new ones are drawn, and no story is told twice alike
	past.Reports.Desk, _ = RequestDesk(c.repo, slog.New(slog.DiscardHandler))
	c.must(demo.History(t.Context(), c.repo, past))
	h, err := c.repo.Head(t.Context())
	c.must(err)
	c.at, c.cursor = h.Seq, h.Seq
	c.begin()
	return c
}

func (c *floodCity) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *floodCity) options() demo.Options {
	return demo.Options{Seed: 1, Years: 0.02, Clock: c.clock, Log: slog.New(slog.DiscardHandler)}
}

func (c *floodCity) open() {
	r, err := Where{Data: c.dir, Zone: "Asia/Ho_Chi_Minh"}.OpenAt(c.Context(), slog.New(slog.DiscardHandler), func() time.Time { return c.now })
	c.must(err)
	c.repo = r
	c.Cleanup(func() { r.Close(context.Background()) })
}

// begin starts a process: it knows what was saved and nothing else.
func (c *floodCity) begin() {
	var engine *alert.Engine
	log := slog.New(slog.DiscardHandler)
	c.desk, _ = newIncidents(c.repo, log, workflow.Clock{}, func() *alert.Engine { return engine })
	engine, _ = newAlerts(c.repo, ServeOptions{Log: log, Now: func() time.Time { return c.now }}, c.desk, nil)
	c.engine = engine
	state := map[string][]byte{}
	for k, v := range c.saved {
		state[k] = v
	}
	c.must(engine.Load(state))
	c.at = c.cursor
	c.staff = demo.NewStaff(c.repo, c.engine, c.desk, 1, false, log)
	if c.feeds != nil { // instruments outlive the server
		c.feeds.Reach(c.repo)
		return
	}
	feeds, err := demo.NewFeeds(c.Context(), c.repo, c.options())
	c.must(err)
	c.feeds = feeds
}

// follow applies what the log holds, at most most commits; 0 = all, those that
// come of them too.
func (c *floodCity) follow(most int) {
	for n := 0; most == 0 || n < most; {
		h, err := c.repo.Head(c.Context())
		c.must(err)
		if c.at >= h.Seq {
			return
		}
		limit := 200
		if most > 0 {
			limit = most - n
		}
		c.must(c.repo.Log(c.Context(), repo.Internal(), repo.LogQuery{After: c.at, Limit: limit, Changes: true}, func(e *commit.Entry) error {
			n++
			err := c.engine.Apply(e, func(name string) *repo.Entry {
				entry, err := c.repo.Entry(repo.Internal(), name)
				if err != nil {
					return nil
				}
				return entry
			})
			c.at = e.Seq
			return err
		}))
	}
}

func (c *floodCity) save() {
	puts, err := c.engine.Save()
	c.must(err)
	for _, p := range puts {
		if p.Value == nil {
			delete(c.saved, p.Key)
		} else {
			c.saved[p.Key] = slices.Clone(p.Value)
		}
	}
	c.cursor = c.at
}

// pass lets the city live until a time.
func (c *floodCity) pass(until time.Time) {
	for n := 0; c.now.Before(until); n++ {
		step := floodStep
		if c.now.Before(at(26, 12)) || c.now.After(at(27, 12)) {
			step = 2 * floodStep
		}
		c.now = c.now.Add(step)
		c.must(c.feeds.Step(c.Context(), c.now))
		c.follow(0)
		c.clocks()
		if n%20 == 0 {
			c.save()
		}
	}
}

func (c *floodCity) clocks() {
	c.must(c.engine.Tick(c.Context()))
	c.must(c.desk.Tick(c.Context()))
	c.follow(0)
	c.must(c.staff.Step(c.Context()))
	c.follow(0)
}

// kill ends the process in the middle of a step, as kill -9 does: what lies on
// the disk is all that the next one has. Some commits of the step are applied and
// not saved, others not even seen.
func (c *floodCity) kill() {
	c.now = c.now.Add(floodStep)
	c.must(c.feeds.Step(c.Context(), c.now))
	c.follow(3)
	next := fastFolder(c.T)
	c.must(filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(c.dir, path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(next, rel)), 0o700); err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(next, rel), b, 0o600)
	}))
	c.dir = next
	c.open()
	c.begin()
	c.must(c.feeds.Step(c.Context(), c.now))
	c.follow(0)
	c.clocks()
}

// fastFolder is a folder in memory where there is such a place, with room for a
// city: the test asks what a process leaves behind, not what a loss of power does,
// and most of its time was waiting for the disk.
func fastFolder(t *testing.T) string {
	const memory, room = "/dev/shm", 1 << 30
	var s syscall.Statfs_t
	if syscall.Statfs(memory, &s) != nil || s.Bavail*uint64(s.Bsize) < room {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "huong-flood-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (c *floodCity) lines() []alert.Line {
	list, err := c.engine.List(c.Context(), repo.Internal(), alert.Selection{})
	c.must(err)
	return list
}

func at(day, hour int) time.Time {
	return demo.FloodStart().Add(time.Duration(24*(day-25)+hour) * time.Hour)
}

// story is what anybody can read of alerts, notifications, incidents and stages:
// what must not depend on when a process died.
func (c *floodCity) story() []string {
	var list []string
	for _, l := range c.lines() {
		list = append(list, fmt.Sprintf("%s %s %s %s raised %v ack %v by %s up %d members %d/%d", l.Group, l.Rule, l.Peak, l.State, l.RaisedAt.UTC(), l.AcknowledgedAt.UTC(), l.AcknowledgedBy, l.Escalated, l.Active(), len(l.Members)))
	}
	for _, name := range []string{"notification", "incident", "incident-entry", "city-stage"} {
		field := map[string]string{"notification": "titleVi", "incident": "title", "incident-entry": "text", "city-stage": "reason"}[name]
		_, err := c.repo.Read(c.Context(), repo.Internal(), repo.Query{Dataset: name}, func(r repo.Record) error {
			text := ""
			for _, f := range []string{field, "to", "kind", "name", "stage", "state", "at", "createdAt", "detectedAt", "by"} {
				if i, _, _, ok := r.Entry.Table.Property(f); ok {
					switch v := r.Values[i]; v.Kind() {
					case value.Text:
						text += " " + strings.Clone(v.Text())
					case value.Time:
						text += " " + v.Instant().UTC().Format(time.RFC3339)
					case value.Int:
						text += fmt.Sprint(" ", v.Int())
					}
				}
			}
			list = append(list, name+strings.Clone(text))
			return nil
		})
		c.must(err)
	}
	slices.Sort(list)
	return list
}

// The flood of October 2025: what its instruments told, who was told, who acted,
// and what the report on it says; with two kills on the way, after which the story
// is the same as without.
func TestTheFlood(t *testing.T) {
	if testing.Short() || racing {
		t.Skip("six days of a city")
	}
	c := newFloodCity(t, at(25, 0))
	c.pass(at(26, 12))
	c.kill()
	c.pass(at(27, 3))
	c.kill()
	c.pass(at(27, 12))
	broken := c.story()
	c.pass(at(31, 0))
	c.check()

	whole := newFloodCity(t, at(25, 0))
	whole.pass(at(27, 12))
	same(t, broken, whole.story())
}

// A server that was started in the middle of the flood, whose memories hold less
// than their span, and that died twice within hours.
func TestAFloodMet(t *testing.T) {
	if testing.Short() || racing {
		t.Skip("a night of a city, twice")
	}
	c := newFloodCity(t, at(26, 21))
	c.pass(at(26, 23))
	c.kill()
	c.pass(at(27, 1))
	c.kill()
	c.pass(at(27, 3))
	whole := newFloodCity(t, at(26, 21))
	whole.pass(at(27, 3))
	same(t, c.story(), whole.story())
}

// same tells where two stories differ.
func same(t *testing.T, broken, want []string) {
	t.Helper()
	if slices.Equal(broken, want) {
		return
	}
	for _, x := range broken {
		if !slices.Contains(want, x) {
			t.Errorf("only after the kills: %s", x)
		}
	}
	for _, x := range want {
		if !slices.Contains(broken, x) {
			t.Errorf("lost by the kills: %s", x)
		}
	}
	t.Errorf("%d and %d lines of the story", len(broken), len(want))
}

func (c *floodCity) check() {
	lines := c.lines()
	stages, err := c.desk.Stages(c.Context(), repo.Public(), 0)
	c.must(err)
	var course []int
	for i := len(stages) - 1; i >= 0; i-- {
		course = append(course, stages[i].Number)
	}
	if top := slices.Max(course); top != 4 || !slices.IsSorted(course[:slices.Index(course, 4)]) || course[0] != 2 {
		c.Errorf("the stage rises from normal to severe: %v", course)
	}
	q := alert.Measure(lines, at(25, 0), at(31, 0), 1, c.now)
	if q.AfterUpset == 0 || q.AfterUpset > 10 {
		c.Errorf("%v alerts for one operator in the ten minutes after the upset of %v", q.AfterUpset, q.UpsetAt)
	}
	c.Logf("%d lines, %.2f a ten minutes, worst ten minutes %v (%v), after the upset of %v %v, in time %.2f of %d, escalated %d, chattering %v", q.Lines, q.PerTen, q.PeakTen, q.PeakAt, q.UpsetAt, q.AfterUpset, q.InTime, q.Due, q.Escalated, q.Chattering)
	for _, l := range lines {
		c.lived(&l)
	}
	c.report(lines)
}

// lived follows a line's versions: whenever it was high and waited, it was
// acknowledged, became normal or went up by its deadline, one step of the clock
// at the most after it.
func (c *floodCity) lived(l *alert.Line) {
	past, err := c.engine.History(c.Context(), repo.Internal(), l.ID)
	c.must(err)
	for i, v := range past {
		if v.Severity != core.High || v.State != alert.Raised || v.AcknowledgeBy.IsZero() {
			continue
		}
		if i+1 == len(past) {
			if c.now.Sub(v.AcknowledgeBy) > 2*floodStep {
				c.Errorf("%s waits since %v", l, v.AcknowledgeBy)
			}
			continue
		}
		if next := past[i+1]; next.ChangedAt.Sub(v.AcknowledgeBy) > 2*floodStep {
			c.Errorf("%s: due by %v, and %s at %v", l, v.AcknowledgeBy, next.State, next.ChangedAt)
		}
	}
}

// report holds the after-action report of every incident against the data.
func (c *floodCity) report(lines []alert.Line) {
	leader := repo.Principal{Name: "minh.do", Agency: "ubnd-tp", Roles: []string{"leader"}, Areas: []string{"46"}}
	list, _, err := c.desk.List(c.Context(), leader, incident.Query{Limit: 500})
	c.must(err)
	levels, hours := c.truth(list)
	seen := map[string]bool{}
	kimLong, burst := false, false
	for _, x := range list {
		r, err := c.desk.Review(c.Context(), leader, x.ID)
		c.must(err)
		if int64(len(r.Entries)) != x.Entries {
			c.Errorf("%s: %d of %d entries are in the report", x.ID, len(r.Entries), x.Entries)
		}
		for i, e := range r.Entries {
			if e.Number != int64(i+1) || i > 0 && e.At.Before(r.Entries[i-1].At) {
				c.Errorf("%s: entry %d out of order", x.ID, e.Number)
			}
		}
		for _, e := range r.Alerts {
			seen[e.Ref] = true
		}
		end := r.At
		if x.Over {
			end = x.ClosedAt
		}
		for _, e := range r.Extremes {
			from := x.DetectedAt.Add(-time.Hour)
			want := worst_{}
			switch {
			case strings.Contains(e.TitleVi, "Mực nước") || e.Unit == "m":
				want = most(levels[subjectIn(lines, e)], from, end)
			case e.Unit == "mm" && strings.Contains(e.TitleVi, "một giờ"):
				want = most(hours[subjectIn(lines, e)], from, end)
			default:
				continue
			}
			burst = burst || e.Value == 104.6 && e.At.Equal(at(27, 3))
			if math.Abs(want.v-e.Value) > 1e-6 || !want.at.Equal(e.At) {
				c.Errorf("%s: %q at %v, the data say %v at %v", x.ID, e.TitleVi, e.At, want.v, want.at)
			}
			if strings.Contains(e.TitleVi, "Kim Long") && e.Value > 3.5 {
				kimLong = true
				if r.StageWorst != 4 || len(r.Decisions) == 0 && len(r.Peaks) == 0 {
					c.Errorf("the report of %s: stage %d, %d decisions, %d measures", x.ID, r.StageWorst, len(r.Decisions), len(r.Peaks))
				}
			}
		}
		c.Logf("%s %s %s %s: %d entries, %d alerts, met %d missed %d, lines %d late %d, extremes %v", x.ID, x.Severity, x.State, x.Title, len(r.Entries), len(r.Alerts), r.Met, r.Missed, r.LinesDone, r.LinesLate, r.Extremes)
	}
	if !burst {
		c.Error("no report tells of 104.6 mm within an hour at Nam Đông")
	}
	if !kimLong {
		c.Error("no report tells the peak at Kim Long")
	}
	for _, l := range lines {
		if l.Incident != "" && !seen[l.ID] {
			c.Errorf("%s is not in the report on its incident", &l)
		}
	}
}

// worst_ is a value and when it was.
type worst_ struct {
	v  float64
	at time.Time
}

func most(list []worst_, from, until time.Time) (w worst_) {
	for _, x := range list {
		if !x.at.Before(from) && !x.at.After(until) && (w.at.IsZero() || x.v > w.v) {
			w = x
		}
	}
	return w
}

// subjectIn finds what an extreme is about.
func subjectIn(lines []alert.Line, e incident.Extreme) string {
	for _, l := range lines {
		if l.ID != e.Alert {
			continue
		}
		for _, m := range l.Members {
			name := strings.SplitN(strings.SplitN(m.TitleVi, " tại ", 2)[1], " ", 3)
			if strings.Contains(e.TitleVi, strings.Join(name[:2], " ")) {
				return m.Subject
			}
		}
	}
	return ""
}

// truth reads all river levels and hourly rains, by station and time.
func (c *floodCity) truth([]incident.Incident) (levels, hours map[string][]worst_) {
	read := func(dataset, field string) map[string][]worst_ {
		list := map[string][]worst_{}
		_, err := c.repo.Read(c.Context(), repo.Internal(), repo.Query{Dataset: dataset, Sort: []repo.Sort{{Field: "observedAt"}}}, func(r repo.Record) error {
			s, _, _, _ := r.Entry.Table.Property("station")
			f, _, _, _ := r.Entry.Table.Property(field)
			v, _ := r.Values[f].Number()
			station := strings.Clone(r.Values[s].Text())
			list[station] = append(list[station], worst_{v, r.Values[r.Entry.Table.Time].Instant()})
			return nil
		})
		c.must(err)
		return list
	}
	rain := read("rain-reading", "rain")
	hours = map[string][]worst_{}
	for station, list := range rain {
		for i, x := range list {
			sum := 0.0
			for k := i; k >= 0 && x.at.Sub(list[k].at) < time.Hour; k-- {
				sum += list[k].v
			}
			hours[station] = append(hours[station], worst_{math.Round(sum*1e6) / 1e6, x.at})
		}
	}
	return read("water-level", "level"), hours
}
