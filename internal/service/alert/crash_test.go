package alert_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/alert"
)

// manyYAML has a rule of every kind, with delays and memories that outlast a
// process.
const manyYAML = rulesYAML + `  - name: river-sum
    kind: threshold
    title: {vi: "Tổng {station.name} {value}", en: "Sum at {station.name} {value}"}
    advice: {vi: Xem., en: Look.}
    cause: sum
    dataset: water-level
    value: level
    window: 45 min
    measure: sum
    hysteresis: 1
    clearFor: 8 min
    levels: {high: 16, medium: 10, low: 5}
  - name: river-mean
    kind: threshold
    title: {vi: "Trung bình {station.name} {value}", en: "Mean at {station.name} {value}"}
    advice: {vi: Xem., en: Look.}
    cause: sum
    place: city
    dataset: water-level
    value: level
    window: 30 min
    measure: mean
    for: 5 min
    clearFor: 5 min
    levels: {medium: 3, low: 2}
  - name: river-rate
    kind: rate
    title: {vi: "{station.name} lên nhanh", en: "{station.name} rises"}
    advice: {vi: Xem., en: Look.}
    cause: flood
    dataset: water-level
    value: level
    over: 30 min
    clearFor: 10 min
    levels: {medium: 4}
  - name: river-odd
    kind: seasonal
    title: {vi: "{station.name} bất thường", en: "{station.name} is odd"}
    advice: {vi: Xem., en: Look.}
    cause: odd
    dataset: water-level
    value: level
    bucket: hour
    weeks: 4
    least: 2
    floor: 0.5
    levels: {medium: 4, low: 2}
  - name: requests
    kind: indicator
    title: {vi: "{value} quá hạn", en: "{value} late"}
    advice: {vi: Xem., en: Look.}
    cause: late
    place: city
    owner: dkttv
    indicator: late
    every: 5 min
    hysteresis: 0.5
    for: 10 min
    clearFor: 5 min
    levels: {high: 4, low: 2}
  - name: road-worse
    kind: record
    title: {vi: "Đường {code}", en: "Road {code}"}
    advice: {vi: Xem., en: Look.}
    cause: road
    dataset: road-closure
    for: 3 min
    levels: {high: "state = 'gone'", low: "state = 'shut' OR state = 'slow'"}
`

// deed is one thing that happens to the city, between two looks of the engine.
type deed struct {
	What    string
	Station string
	Level   float64
	N       int
}

// moment is some deeds that the engine sees together, and what happens to it.
type moment struct {
	Deeds   []deed
	Minutes int  // that pass then
	Save    bool // before them
	Kill    int  // how many commits it has applied when it dies; -1 = it lives
	Rebuild bool
}

func moments(t *rapid.T) []moment {
	one := rapid.Custom(func(t *rapid.T) deed {
		return deed{
			What:    rapid.SampledFrom([]string{"level", "level", "level", "levels", "late", "correct", "figure", "road", "acknowledge", "shelve", "stage"}).Draw(t, "what"),
			Station: rapid.SampledFrom([]string{"kim-long", "da-vien", "phu-oc"}).Draw(t, "station"),
			Level:   float64(rapid.IntRange(0, 25).Draw(t, "level")) / 5,
			N:       rapid.IntRange(0, 100).Draw(t, "n"),
		}
	})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) moment {
		return moment{
			Deeds:   rapid.SliceOfN(one, 0, 5).Draw(t, "deeds"),
			Minutes: rapid.SampledFrom([]int{0, 1, 1, 2, 4, 9, 30}).Draw(t, "minutes"),
			Save:    rapid.IntRange(0, 3).Draw(t, "save") == 0,
			Kill:    rapid.IntRange(-3, 6).Draw(t, "kill"),
			Rebuild: rapid.IntRange(0, 5).Draw(t, "rebuild") == 0,
		}
	}), 8, 25).Draw(t, "moments")
}

func (c *city) do(d deed) {
	switch d.What {
	case "level":
		c.level(d.Station, d.Level)
	case "levels":
		var list []string
		for i, name := range []string{"kim-long", "da-vien", "phu-oc"} {
			list = append(list, fmt.Sprintf(`{"station":%q,"observedAt":%q,"level":%v}`, name, c.clock.Now().Format(time.RFC3339), d.Level+float64(i)/2))
		}
		c.put("water-level", list...)
	case "late", "correct":
		at := c.clock.Now().Add(-time.Duration(d.N) * time.Minute)
		c.put("water-level", fmt.Sprintf(`{"station":%q,"observedAt":%q,"level":%v}`, d.Station, at.Format(time.RFC3339), d.Level))
	case "figure":
		c.figure = append(c.figure, figure{c.clock.Now().Add(time.Second), d.Level}) // who asked at this time has asked
	case "road":
		c.put("road-closure", fmt.Sprintf(`{"code":"r%d","ward":"19753","state":%q}`, d.N%2, []string{"open", "slow", "shut", "gone"}[d.N%4]))
	case "stage":
		c.stage = 1 + d.N%4
	default:
		open := c.lines(alert.Raised)
		if len(open) == 0 {
			return
		}
		a := alert.Asked{Step: d.What}
		if d.What == alert.StepShelve {
			a.Reason, a.Until = "x", c.clock.Now().Add(time.Duration(1+d.N)*time.Minute)
		}
		p := repo.Principal{Name: "an", Agency: "x", Roles: []string{"officer"}, Areas: []string{"46"}}
		if _, err := c.engine.Take(context.Background(), p, open[d.N%len(open)].ID, a); err != nil {
			c.Fatal(err)
		}
	}
}

// live lets moments pass. With kills the process dies where they say so, and
// begins again from what was saved; with rebuilds it loses that too.
func (c *city) live(list []moment, kills, rebuilds bool) string {
	c.follow(0)
	for _, m := range list {
		if m.Save {
			c.save()
		}
		c.engineDeeds(m, kills)
		for range m.Minutes {
			c.clock.pass(time.Minute)
			c.tick()
			if kills && m.Kill > 3 {
				c.begin()
			}
			c.follow(0)
		}
		if rebuilds && m.Rebuild {
			c.save()
			c.begin()
			c.saved, c.cursor = map[string][]byte{}, 0
			c.begin()
			if m.Kill >= 0 { // and dies while it rebuilds
				c.follow(40 + 10*m.Kill)
				if m.Save {
					c.save()
				}
				c.begin()
			}
			c.follow(0)
		}
		c.clock.pass(time.Minute)
		c.tick()
		c.follow(0)
	}
	return c.story()
}

func (c *city) engineDeeds(m moment, kills bool) {
	for _, d := range m.Deeds {
		c.do(d)
	}
	if kills && m.Kill >= 0 {
		if m.Kill > 0 {
			c.follow(m.Kill)
		}
		if m.Save && m.Kill%2 == 0 { // what was told is not in the log that was applied
			c.save()
		}
		c.begin()
	}
	c.follow(0)
}

// story is what anybody can read of alerts and notifications.
func (c *city) story() string {
	var list []string
	for _, l := range c.lines("") {
		l.Version = 0
		for i := range l.Members {
			l.Members[i].Place = 0 // of a log that holds other commits of people and clocks
		}
		list = append(list, strings.ReplaceAll(fmt.Sprintf("%+v", l), "} {", "}\n    {"))
	}
	slices.Sort(list)
	return strings.Join(list, "\n") + "\n" + strings.Join(c.told(), "\n")
}

func differs(t *testing.T, list []moment, whole, broken string) {
	t.Helper()
	a, b := strings.Split(whole, "\n"), strings.Split(broken, "\n")
	for _, x := range a {
		if !slices.Contains(b, x) {
			t.Errorf("lost: %s", x)
		}
	}
	for _, x := range b {
		if !slices.Contains(a, x) {
			t.Errorf("only then: %s", x)
		}
	}
	for _, m := range list {
		t.Logf("%+v", m)
	}
	t.Fatal("not the same story")
}

// seeds is how many stories are tried, fewer under the race detector, which one
// goroutine gives little to find; HUONG_STORIES says how many instead.
func seeds(few int) int {
	if n, err := strconv.Atoi(os.Getenv("HUONG_STORIES")); err == nil {
		return n
	}
	if racing {
		return 2
	}
	return few
}

// Whatever happens, in whatever order, and wherever the process dies: the lines,
// their members and what was told are those of a process that lived.
func TestDeathsChangeNothing(t *testing.T) {
	gen := rapid.Custom(moments)
	for seed := range seeds(16) {
		list := gen.Example(seed)
		whole := many(t).live(list, false, false)
		broken := many(t).live(list, true, false)
		if whole != broken {
			t.Errorf("seed %d", seed)
			differs(t, list, whole, broken)
		}
	}
}

// An engine that has lost all that it knew finds it again in the log, and says
// nothing twice.
func TestRebuildsChangeNothing(t *testing.T) {
	gen := rapid.Custom(moments)
	for seed := range seeds(10) {
		list := gen.Example(seed + 10_000)
		whole := many(t).live(list, false, false)
		broken := many(t).live(list, false, true)
		if whole != broken {
			t.Errorf("seed %d", seed)
			differs(t, list, whole, broken)
		}
	}
}

// many is a city with all these rules and some weeks behind it.
func many(t *testing.T) *city {
	if _, err := core.Parse("many.yaml", []byte(manyYAML)); err != nil {
		t.Fatal(err)
	}
	c := open(t, drivers()["sqlite"](t))
	c.define(manyYAML)
	var list []string
	for week := range 3 {
		for hour := range 12 {
			for _, name := range []string{"kim-long", "da-vien", "phu-oc"} {
				at := start.AddDate(0, 0, 7*week-21).Add(time.Duration(hour) * time.Hour)
				list = append(list, fmt.Sprintf(`{"station":%q,"observedAt":%q,"level":%v}`, name, at.Format(time.RFC3339), float64(week)/2))
			}
		}
	}
	c.putFrom("generator", "water-level", list...)
	return c
}

// A city in a flood whose engine has lost all that it knew: what was acknowledged
// stays so and nobody is told again, a station that stays silent is not raised
// anew, what ends is ended, and what happens then is told.
func TestRebuildInAFlood(t *testing.T) {
	each(t, func(t *testing.T, c *city) {
		c.follow(0)
		c.level("phu-oc", 0.3) // and never again
		c.level("kim-long", 1.4)
		c.follow(0)
		c.level("kim-long", 3.8)
		c.level("da-vien", 2.2)
		c.follow(0)
		for range 2 {
			c.later(32 * time.Minute)
			c.level("kim-long", 3.9)
			c.level("da-vien", 2.3)
			c.follow(0)
		}
		officer := repo.Principal{Name: "can-bo", Agency: "ubnd-tp", Roles: []string{"leader"}, Areas: []string{"46"}}
		for _, l := range c.lines(alert.Raised) {
			if _, err := c.engine.Take(context.Background(), officer, l.ID, alert.Asked{Step: alert.StepAcknowledge}); err != nil {
				t.Fatal(err)
			}
		}
		c.follow(0)
		c.save()
		c.begin()
		before := c.story()
		if lines := c.lines(alert.Acknowledged); len(lines) != 2 {
			t.Fatalf("a flood and a silent station: %v", lines)
		}
		c.saved, c.cursor = map[string][]byte{}, 0
		c.begin()
		c.follow(0)
		c.later(10 * time.Minute)
		if after := c.story(); after != before {
			differs(t, nil, before, after)
		}
		c.level("kim-long", 4.1)
		c.level("da-vien", 3.6) // high too, which the line is already
		c.follow(0)
		if after := c.told(); len(after) != strings.Count(before, "\nrole:")+strings.Count(before, "\nagency:") {
			t.Errorf("told again:\n%s", strings.Join(after, "\n"))
		}
		for range 3 {
			c.later(20 * time.Minute)
			for _, name := range []string{"kim-long", "da-vien", "phu-oc"} {
				c.level(name, 0.2)
			}
			c.follow(0)
		}
		if open := c.lines("open"); len(open) != 0 {
			t.Errorf("still open: %v", open)
		}
		c.level("phu-oc", 5)
		c.follow(0)
		if open := c.lines(alert.Raised); len(open) != 1 || open[0].Active() != 1 {
			t.Errorf("a new flood is told: %v", open)
		}
	})
}

// Two servers on one database, each at its own pace and one dying now and then,
// tell what one would.
func TestTwoServersTellOnce(t *testing.T) {
	gen := rapid.Custom(moments)
	for seed := range seeds(8) {
		list := gen.Example(seed + 20_000)
		whole := many(t).live(list, false, false)
		a := many(t)
		b := *a
		b.saved = map[string][]byte{}
		b.begin()
		both := [...]*city{a, &b}
		all := func() {
			for range 3 { // what one writes the other follows
				a.follow(0)
				b.follow(0)
			}
		}
		tick := func(n int) {
			for i := range both {
				both[(n+i)%2].tick()
			}
			all()
		}
		all()
		for n, m := range list {
			for _, d := range m.Deeds {
				a.do(d)
				b.stage, b.figure = a.stage, a.figure
			}
			both[n%2].follow(max(m.Kill, 0))
			if m.Kill >= 0 {
				both[n%2].begin()
			}
			all()
			for i := range m.Minutes {
				a.clock.pass(time.Minute)
				tick(n + i)
			}
			a.clock.pass(time.Minute)
			tick(n)
		}
		if broken := a.story(); whole != broken {
			t.Errorf("seed %d", seed)
			differs(t, list, whole, broken)
		}
	}
}
