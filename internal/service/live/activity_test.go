package live

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// noon is the moment of the test's clock: a Monday at noon, UTC.
var noon = time.Date(2025, 10, 27, 12, 0, 0, 0, time.UTC)

// city is a follower with a clock that the test sets, and datasets to feed it.
type city struct {
	t    *testing.T
	now  time.Time
	a    *Activity
	sets map[string]*repo.Entry
	seq  int64
}

func newCity(t *testing.T) *city {
	c := &city{t: t, now: noon, sets: map[string]*repo.Entry{}}
	c.a = NewActivity(func() time.Time { return c.now })
	c.declare("level", "series", "at", "datetime", "")
	c.declare("beds", "series", "at", "date", "slaProperties: [{property: frequency, value: 1, unit: d}]")
	c.declare("slow", "series", "at", "datetime", "slaProperties: [{property: frequency, value: 10, unit: min}, {property: latency, value: 3, unit: h}]")
	c.declare("request", "register", "at", "datetime", "")
	c.declare("school", "register", "", "", "")
	return c
}

// declare makes a dataset with a key, perhaps a time, and a figure.
func (c *city) declare(name, kind, field, typ, more string) {
	c.t.Helper()
	text := fmt.Sprintf("name: %s\ntitle: {vi: Thử, en: Test}\nkind: %s\n%s\n", name, kind, more)
	key, timed := "id", ""
	if field != "" {
		timed = fmt.Sprintf("    - {name: %s, type: %s, title: {vi: Lúc, en: At}, constraints: {required: true}}\n", field, typ)
		text += "time: " + field + "\n"
		if kind == "series" {
			key = "id, " + field
		}
	}
	text += "schema:\n  primaryKey: [" + key + "]\n  fields:\n    - {name: id, type: string, title: {vi: Mã, en: Id}}\n" + timed +
		"    - {name: n, type: integer, title: {vi: Số, en: Number}}\n"
	d, err := dataset.Parse(name+".yaml", []byte(text))
	if err != nil {
		c.t.Fatalf("%v\n%s", err, text)
	}
	table, err := dataset.Layout(d, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.sets[name] = &repo.Entry{Dataset: d, Table: table}
}

// row makes a record of a dataset for a moment.
func (c *city) row(name string, at time.Time) []value.Value {
	e := c.sets[name]
	row := make([]value.Value, e.Table.Width())
	row[0] = value.OfText("a")
	if i := e.Table.Time; i >= 0 {
		if row[i] = value.OfInstant(at); e.Table.Columns[i].Kind == value.Date {
			row[i] = value.OfDate(at.Unix() / 86400)
		}
	}
	return row
}

func (c *city) commit(source string, at time.Time, changes ...commit.Applied) {
	c.t.Helper()
	c.seq++
	e := &commit.Entry{Seq: c.seq, At: at.UnixMicro(), Header: commit.Header{Source: source}, Changes: changes}
	if err := c.a.Apply(e, func(name string) *repo.Entry { return c.sets[name] }); err != nil {
		c.t.Fatal(err)
	}
}

func (c *city) created(name string, at time.Time) commit.Applied {
	return commit.Applied{Dataset: name, After: c.row(name, at)}
}

func (c *city) updated(name string, at time.Time) commit.Applied {
	return commit.Applied{Dataset: name, Before: c.row(name, at), After: c.row(name, at), Prior: 1}
}

func (c *city) of(name string) DatasetActivity {
	c.t.Helper()
	for _, d := range c.a.Snapshot() {
		if d.Dataset == name {
			return d
		}
	}
	c.t.Fatalf("no activity of %s", name)
	return DatasetActivity{}
}

// TestHistoryIsNoRate loads two years at once: totals know it, rates do not.
func TestHistoryIsNoRate(t *testing.T) {
	for _, source := range []string{"generator", "api", "file:levels.csv"} {
		c := newCity(t)
		var all []commit.Applied
		for at := noon.AddDate(-2, 0, 0); !at.After(noon); at = at.Add(30 * time.Minute) {
			all = append(all, c.created("level", at))
		}
		c.commit(source, noon, all...)
		d := c.of("level")
		if d.Total != int64(len(all)) || !d.Last.Equal(noon) {
			t.Errorf("%s: total %d of %d, last %v", source, d.Total, len(all), d.Last)
		}
		want := 3.0 // 11:00, 11:30 and 12:00 are of now
		if source == "generator" {
			want = 0
		}
		if d.PerHour != want || d.PerMinute != want {
			t.Errorf("%s: %v a minute, %v an hour, want %v", source, d.PerMinute, d.PerHour, want)
		}
		if d.Hours[23] != 1 || d.Hours[22] != 2 || d.Hours[0] != 2 {
			t.Errorf("%s: hours %v", source, d.Hours)
		}
	}
}

// TestRates checks what counts as live, one change at a time.
func TestRates(t *testing.T) {
	for _, x := range []struct {
		name, source, dataset string
		age                   time.Duration
		update                bool
		live                  bool
	}{
		{"a reading of now", "api", "level", time.Minute, false, true},
		{"a reading an hour old", "api", "level", time.Hour, false, true},
		{"a reading older than an hour", "api", "level", time.Hour + time.Second, false, false},
		{"a clock ahead", "api", "level", -5 * time.Hour, false, true},
		{"a correction of old readings", "api", "level", 30 * 24 * time.Hour, true, false},
		{"a file of this hour", "file:hour.csv", "level", 10 * time.Minute, false, true},
		{"yesterday's beds, promised daily", "api", "beds", 30 * time.Hour, false, true},
		{"last week's beds", "api", "beds", 7 * 24 * time.Hour, false, false},
		{"as late as is allowed", "api", "slow", 4 * time.Hour, false, true},
		{"later than is allowed", "api", "slow", 4*time.Hour + time.Second, false, false},
		{"a new request", "api", "request", time.Minute, false, true},
		{"an old request, new here", "api", "request", 40 * 24 * time.Hour, false, false},
		{"work on an old request", "api", "request", 40 * 24 * time.Hour, true, true},
		{"a file that changes old requests", "file:r.csv", "request", 40 * 24 * time.Hour, true, false},
		{"a school typed in", "web", "school", 0, false, true},
		{"all schools from a file", "file:schools.csv", "school", 0, false, false},
		{"schools of the declared city", "declaration", "school", 0, false, false},
		{"areas drawn anew", "areas", "school", 0, true, false},
		{"rows out of quarantine", "quarantine", "school", 0, false, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newCity(t)
			change := c.created(x.dataset, noon.Add(-x.age))
			if x.update {
				change = c.updated(x.dataset, noon.Add(-x.age))
			}
			c.commit(x.source, noon, change)
			d, want := c.of(x.dataset), 0.0
			if x.live {
				want = 1
			}
			if d.PerMinute != want || d.PerHour != want {
				t.Errorf("%v a minute, %v an hour, want %v", d.PerMinute, d.PerHour, want)
			}
			if !d.LastCommit.Equal(noon) || d.Seq != 1 {
				t.Errorf("last commit %v, seq %d", d.LastCommit, d.Seq)
			}
		})
	}
}

// TestDeletion of a record counts as activity and lowers the total.
func TestDeletion(t *testing.T) {
	c := newCity(t)
	c.commit("api", noon, c.created("request", noon), c.created("request", noon))
	c.commit("api", noon, commit.Applied{Dataset: "request", Before: c.row("request", noon), Prior: 1})
	if d := c.of("request"); d.Total != 1 || d.PerHour != 3 {
		t.Errorf("total %d, %v an hour", d.Total, d.PerHour)
	}
}

// TestRatesFade moves the clock on: what was counted leaves the minute, the
// hour and the day in turn.
func TestRatesFade(t *testing.T) {
	c := newCity(t)
	c.commit("api", noon, c.created("level", noon))
	for _, x := range []struct {
		after        time.Duration
		minute, hour float64
		cell         int // where the reading stands in the 24 hours; -1 for gone
	}{
		{0, 1, 1, 23},
		{59 * time.Second, 1, 1, 23},
		{60 * time.Second, 0, 1, 23},
		{59*time.Minute + 59*time.Second, 0, 1, 23},
		{time.Hour, 0, 0, 22},
		{23 * time.Hour, 0, 0, 0},
		{24 * time.Hour, 0, 0, -1},
	} {
		c.now = noon.Add(x.after)
		d := c.of("level")
		var hours [24]int64
		if x.cell >= 0 {
			hours[x.cell] = 1
		}
		if d.PerMinute != x.minute || d.PerHour != x.hour || d.Hours != hours {
			t.Errorf("after %v: %v a minute, %v an hour, hours %v", x.after, d.PerMinute, d.PerHour, d.Hours)
		}
		if !d.Last.Equal(noon) || d.Total != 1 {
			t.Errorf("after %v: last %v, total %d", x.after, d.Last, d.Total)
		}
	}
}

// TestClockAhead bounds what a sensor with a wrong clock does to freshness.
func TestClockAhead(t *testing.T) {
	c := newCity(t)
	c.commit("api", noon, c.created("level", noon.AddDate(1, 0, 0)))
	if d := c.of("level"); d.Last.After(noon.Add(time.Hour)) {
		t.Errorf("last %v from a clock a year ahead", d.Last)
	}
}

// TestSaved restarts the follower from what it saved: all but the last minute's
// rate is the same, and only what changed is saved again.
func TestSaved(t *testing.T) {
	c := newCity(t)
	for i := range 5 {
		c.commit("api", noon.Add(time.Duration(i-5)*time.Minute), c.created("level", noon.Add(time.Duration(i-5)*time.Minute)))
	}
	c.commit("api", noon.Add(-time.Minute), c.created("school", noon))
	puts, err := c.a.Save()
	if err != nil || len(puts) != 2 {
		t.Fatalf("%d states saved, %v", len(puts), err)
	}
	if again, err := c.a.Save(); err != nil || len(again) != 0 {
		t.Errorf("nothing changed, %d states saved, %v", len(again), err)
	}
	state := map[string][]byte{}
	for _, p := range puts {
		state[p.Key] = p.Value
	}
	other := NewActivity(func() time.Time { return noon })
	if err := other.Load(state); err != nil {
		t.Fatal(err)
	}
	want, got := c.a.Snapshot(), other.Snapshot()
	for i := range want {
		want[i].PerMinute = 0
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("after a restart:\n%+v, want\n%+v", got, want)
	}
	if err := other.Load(nil); err != nil || len(other.Snapshot()) != 0 {
		t.Error("an empty state must forget everything")
	}
	if err := other.Load(map[string][]byte{"level": []byte("{")}); err == nil {
		t.Error("a broken state was taken")
	}
}

// TestSavedIsSmall follows ten days: what is kept of a dataset stays bounded.
func TestSavedIsSmall(t *testing.T) {
	c := newCity(t)
	for at := noon.AddDate(0, 0, -10); at.Before(noon); at = at.Add(time.Minute) {
		c.commit("api", at, c.created("level", at))
		if at.Minute() == 0 {
			if _, err := c.a.Save(); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.commit("api", noon, c.created("level", noon))
	puts, err := c.a.Save()
	if err != nil || len(puts) != 1 || len(puts[0].Value) > 4096 {
		t.Fatalf("%d states, the first of %d bytes, %v", len(puts), len(puts[0].Value), err)
	}
	if d := c.of("level"); d.PerHour != 60 || d.Hours[22] != 60 {
		t.Errorf("%v an hour, hours %v", d.PerHour, d.Hours)
	}
}
