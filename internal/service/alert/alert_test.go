package alert_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/alert"
	"huong.city/huong/internal/store"
)

func each(t *testing.T, f func(t *testing.T, c *city)) {
	for name, d := range drivers() {
		t.Run(name, func(t *testing.T) { f(t, open(t, d(t))) })
	}
}

// A river rises, a second station of the same ward joins its line, it becomes
// worse, nobody acknowledges, it goes up to the city, falls and is over.
func TestFlood(t *testing.T) {
	each(t, func(t *testing.T, c *city) {
		c.follow(0)
		c.level("kim-long", 1.4)
		c.follow(0)
		list := c.lines("open")
		if len(list) != 1 || list[0].Severity != core.Low || list[0].State != alert.Raised || list[0].Area != "19774" || list[0].Agency != "dkttv" {
			t.Fatalf("%v", list)
		}
		if got := list[0].TitleVi + "|" + list[0].BodyEn; got != "Nước tại Kim Long 1,4 m, trên 1 m|Warn the people of Kim Long." {
			t.Errorf("says %q", got)
		}
		if want := start.Add(2 * time.Hour); !list[0].AcknowledgeBy.Equal(want) {
			t.Errorf("to be acknowledged by %v, want %v", list[0].AcknowledgeBy, want)
		}
		c.later(10 * time.Minute)
		c.level("da-vien", 1.2)
		c.level("phu-oc", 1.6)
		c.follow(0)
		if list = c.lines("open"); len(list) != 2 || list[0].Active()+list[1].Active() != 3 {
			t.Fatalf("one line per ward: %v", list)
		}
		if told := c.told(); len(told) != 2 {
			t.Errorf("a member that is no worse is not told again: %v", told)
		}
		c.later(10 * time.Minute)
		c.level("kim-long", 3.6)
		c.follow(0)
		high := c.lines("open")[0]
		if high.Severity != core.High || high.Incident != "SC-flood" || len(c.joined) != 1 || high.Level != "ward" {
			t.Fatalf("%v, incident %q", high, high.Incident)
		}
		c.later(5 * time.Minute)
		c.level("kim-long", 3.7)
		c.level("da-vien", 1.3)
		c.level("phu-oc", 1.7)
		c.follow(0)
		if got := c.told(); len(got) != 6 || !strings.Contains(strings.Join(got, "\n"), "role:officer@19774 high Nhắc tiếp nhận: ") {
			t.Errorf("reminded at half the time: %v", got)
		}
		c.later(5 * time.Minute)
		if l := c.lines("open")[0]; l.Level != "department" || l.Escalated != 1 || l.Reminded != 1 {
			t.Fatalf("escalated: %+v", l)
		}
		c.later(10 * time.Minute)
		l := c.lines("open")[0]
		if l.Level != "city" || l.Escalated != 2 {
			t.Fatalf("escalated to the city: %+v", l)
		}
		told := strings.Join(c.told(), "\n")
		for _, want := range []string{"agency:pctt high Chuyển cấp", "role:leader@46 high Chuyển cấp"} {
			if strings.Count(told, want) != 1 {
				t.Errorf("%q is told %d times:\n%s", want, strings.Count(told, want), told)
			}
		}
		leader := repo.Principal{Name: "lanh-dao", Agency: "ubnd-tp", Roles: []string{"leader"}, Areas: []string{"46"}}
		got, err := c.engine.Take(context.Background(), leader, l.ID, alert.Asked{Step: alert.StepAcknowledge, Version: l.Version})
		if err != nil || got.State != alert.Acknowledged || got.AcknowledgedBy != "lanh-dao" {
			t.Fatalf("%v %v", got, err)
		}
		before := len(c.told())
		for range 12 {
			c.clock.pass(10 * time.Minute)
			for _, s := range []string{"kim-long", "da-vien", "phu-oc"} {
				c.level(s, 0.5)
			}
			c.follow(0)
			c.tick()
			c.follow(0)
		}
		if list = c.lines("open"); len(list) != 0 {
			t.Errorf("still open: %v", list)
		}
		if got := c.told(); len(got) != before {
			t.Errorf("told after it was acknowledged: %v", got[before:])
		}
		history, err := c.engine.History(context.Background(), repo.Internal(), l.ID)
		if err != nil || len(history) < 7 || history[len(history)-1].State != alert.Cleared || history[len(history)-1].Peak != core.High {
			t.Errorf("history %v %v", len(history), err)
		}
	})
}

// Who sees and who acts.
func TestDesk(t *testing.T) {
	c := open(t, drivers()["sqlite"](t))
	c.follow(0)
	c.level("kim-long", 2.5)
	c.follow(0)
	l := c.lines("open")[0]
	ctx := context.Background()
	officer := repo.Principal{Name: "can-bo", Agency: "ubnd-19774", Roles: []string{"officer"}, Areas: []string{"19774"}}
	other := repo.Principal{Name: "khac", Agency: "ubnd-19753", Roles: []string{"officer"}, Areas: []string{"19753"}}
	looks := repo.Principal{Name: "ky-su", Agency: "dkttv", Roles: []string{"engineer"}}
	for _, x := range []struct {
		who  string
		p    repo.Principal
		a    alert.Asked
		kind problem.Kind
		code string
	}{
		{"the public", repo.Public(), alert.Asked{Step: "acknowledge"}, problem.Unauthenticated, "unauthenticated"},
		{"another ward", other, alert.Asked{Step: "acknowledge"}, problem.NotFound, "alert-unknown"},
		{"an engineer of the agency", looks, alert.Asked{Step: "acknowledge"}, problem.Denied, "alert-not-yours"},
		{"an unknown step", officer, alert.Asked{Step: "eat"}, problem.Invalid, "alert-asked"},
		{"a shelf without reason", officer, alert.Asked{Step: "shelve", Until: start.Add(time.Hour)}, problem.Invalid, "alert-asked"},
		{"a shelf for a month", officer, alert.Asked{Step: "shelve", Reason: "x", Until: start.AddDate(0, 1, 0)}, problem.Invalid, "alert-asked"},
		{"an old version", officer, alert.Asked{Step: "acknowledge", Version: l.Version - 1}, problem.Stale, "alert-moved"},
		{"what is not shelved", officer, alert.Asked{Step: "unshelve"}, problem.Conflict, "alert-step"},
		{"beyond the route", officer, alert.Asked{Step: "escalate"}, problem.Conflict, "alert-top"},
	} {
		_, err := c.engine.Take(ctx, x.p, l.ID, x.a)
		if problem.KindOf(err) != x.kind || err == nil || problem.As(err).Code != x.code {
			t.Errorf("%s: %v", x.who, err)
		}
	}
	shelved, err := c.engine.Take(ctx, officer, l.ID, alert.Asked{Step: "shelve", Reason: "đang sửa trạm", Until: start.Add(40 * time.Minute)})
	if err != nil || shelved.State != alert.Shelved {
		t.Fatal(shelved, err)
	}
	c.later(39 * time.Minute)
	if got := c.lines("open"); got[0].State != alert.Shelved || len(c.told()) != 1 {
		t.Fatalf("while it is shelved nobody is told: %v %v", got, c.told())
	}
	c.later(2 * time.Minute)
	if got := c.lines("open"); got[0].State != alert.Raised || len(c.told()) != 2 {
		t.Fatalf("the shelf has an end: %v %v", got, c.told())
	}
	acked, err := c.engine.Take(ctx, officer, l.ID, alert.Asked{Step: "acknowledge"})
	if err != nil || acked.State != alert.Acknowledged {
		t.Fatal(acked, err)
	}
	if _, err := c.engine.Take(ctx, officer, l.ID, alert.Asked{Step: "acknowledge"}); problem.KindOf(err) != problem.Conflict {
		t.Errorf("acknowledged twice: %v", err)
	}
	if n, _, _ := c.engine.Waiting(ctx, officer); n != 0 {
		t.Errorf("%d wait", n)
	}
	c.level("kim-long", 3.8) // worse than what was acknowledged
	c.follow(0)
	if got := c.lines("open")[0]; got.State != alert.Raised || got.Severity != core.High {
		t.Errorf("%v", got)
	}
}

// A silence is missed once somebody was heard, is suppressed at the city's stage,
// comes back with it, and ends with the next sign of life.
func TestSilenceAndStage(t *testing.T) {
	c := open(t, drivers()["sqlite"](t))
	c.follow(0)
	c.level("kim-long", 0.2)
	c.follow(0)
	c.later(59 * time.Minute)
	if list := c.lines("open"); len(list) != 0 {
		t.Fatalf("too early: %v", list)
	}
	c.later(time.Minute)
	if list := c.lines("open"); len(list) != 1 || list[0].TitleVi != "Trạm Kim Long im lặng" || list[0].Area != "19774" {
		t.Fatalf("%v", list)
	}
	c.stage = 3
	c.later(time.Minute)
	if list := c.lines("open"); list[0].State != alert.Suppressed {
		t.Fatalf("%v", list)
	}
	c.later(3 * time.Hour)
	if told := c.told(); len(told) != 1 {
		t.Errorf("told while suppressed: %v", told)
	}
	c.stage = 1
	c.later(time.Minute)
	if list := c.lines("open"); list[0].State != alert.Raised || len(c.told()) != 2 {
		t.Fatalf("%v %v", list, c.told())
	}
	c.level("kim-long", 0.2)
	c.follow(0)
	if list := c.lines("open"); len(list) != 0 {
		t.Errorf("%v", list)
	}
}

// What was loaded raises nothing, and neither does what lay in the log before the
// engine was there.
func TestHistoryIsNoNews(t *testing.T) {
	c := open(t, drivers()["sqlite"](t))
	c.level("kim-long", 4) // before the first start
	if err := c.repo.Private(alert.Name).Put(context.Background(), store.StatePut{Key: "beginning"}); err != nil {
		t.Fatal(err)
	}
	c.begin()
	c.follow(0)
	c.put("water-level", `{"station":"phu-oc","observedAt":"2024-10-01T00:00:00Z","level":5}`)
	c.putFrom("generator", "road-closure", `{"code":"ql49","ward":"19753","state":"open"}`)
	c.follow(0)
	c.later(2 * time.Hour)
	if list := c.lines(""); len(list) != 0 {
		t.Errorf("%v", list)
	}
	c.put("road-closure", `{"code":"ql49","ward":"19753","state":"shut"}`)
	c.follow(0)
	if list := c.lines("open"); len(list) != 1 || list[0].TitleEn != "Road ql49 is shut" {
		t.Fatalf("%v", list)
	}
	c.put("road-closure", `{"code":"ql49","ward":"19753","state":"open"}`)
	c.follow(0)
	if list := c.lines("open"); len(list) != 0 {
		t.Errorf("%v", list)
	}
}

// A rule that is taken away takes its alerts along.
func TestRuleGone(t *testing.T) {
	c := open(t, drivers()["sqlite"](t))
	c.follow(0)
	c.level("kim-long", 2.5)
	c.follow(0)
	c.save()
	i := strings.Index(rulesYAML, "  - name: river-level")
	j := strings.Index(rulesYAML, "  - name: river-silent")
	c.define(rulesYAML[:i] + rulesYAML[j:])
	c.follow(0)
	c.later(2 * time.Minute)
	if list := c.lines("open"); len(list) != 0 {
		t.Errorf("%v", list)
	}
}

// step is one thing that happens to the city.
type step struct {
	What    string
	Station string
	Level   float64
	Minutes int
	Crash   bool // the process dies after it, and begins again from what was saved
}

func steps(t *rapid.T) []step {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			What:    rapid.SampledFrom([]string{"level", "level", "level", "levels", "wait", "save", "acknowledge", "stage", "road"}).Draw(t, "what"),
			Station: rapid.SampledFrom([]string{"kim-long", "da-vien", "phu-oc"}).Draw(t, "station"),
			Level:   float64(rapid.IntRange(0, 25).Draw(t, "level")) / 5,
			Minutes: rapid.IntRange(1, 45).Draw(t, "minutes"),
			Crash:   rapid.IntRange(0, 2).Draw(t, "crash") == 0,
		}
	}), 5, 30).Draw(t, "steps")
}

// play lets the steps happen; with crashes the process dies where they say so.
func (c *city) play(list []step, crashes bool) string {
	c.follow(0)
	stations := []string{"kim-long", "da-vien", "phu-oc"}
	for _, s := range list {
		switch s.What {
		case "level":
			c.level(s.Station, s.Level)
		case "levels":
			for i, name := range stations {
				c.level(name, s.Level+float64(i)/2)
			}
		case "wait":
			for range s.Minutes {
				c.clock.pass(time.Minute)
				c.tick()
				if crashes && s.Crash {
					c.begin()
				}
				c.follow(0)
			}
		case "save":
			c.save()
		case "stage":
			c.stage = 1 + s.Minutes%4
		case "road":
			c.put("road-closure", fmt.Sprintf(`{"code":"r1","ward":"19753","state":%q}`, []string{"open", "shut"}[s.Minutes%2]))
		case "acknowledge":
			if open := c.lines(alert.Raised); len(open) > 0 {
				p := repo.Principal{Name: "an", Agency: "x", Roles: []string{"officer"}, Areas: []string{"46"}}
				if _, err := c.engine.Take(context.Background(), p, open[0].ID, alert.Asked{Step: alert.StepAcknowledge}); err != nil {
					c.Fatal(err)
				}
			}
		}
		if crashes && s.Crash {
			c.follow(s.Minutes % 3) // dies after some of what waits
			c.begin()
		}
		c.follow(0)
		c.clock.pass(time.Minute)
	}
	var b strings.Builder
	var lines []string
	for _, l := range c.lines("") {
		l.Version = 0
		lines = append(lines, fmt.Sprintf("%+v\n", l))
	}
	slices.Sort(lines)
	for _, l := range lines {
		b.WriteString(l)
	}
	b.WriteString(strings.Join(c.told(), "\n"))
	return b.String()
}

// However often the process dies, and wherever: the same alerts and the same
// notifications come of the same city, none lost and none doubled.
func TestCrashesChangeNothing(t *testing.T) {
	gen := rapid.Custom(steps)
	for seed := range 12 {
		list := gen.Example(seed)
		whole := open(t, drivers()["sqlite"](t)).play(list, false)
		broken := open(t, drivers()["sqlite"](t)).play(list, true)
		if whole != broken {
			t.Fatalf("%d: %+v\nwithout crashes:\n%s\n\nwith:\n%s", seed, list, whole, broken)
		}
	}
}

func TestCrashesChangeNothingOnPostgres(t *testing.T) {
	gen := rapid.Custom(steps)
	for seed := range 3 {
		list := gen.Example(seed + 40)
		whole := open(t, drivers()["sqlite"](t)).play(list, false)
		broken := open(t, drivers()["postgres"](t)).play(list, true)
		if whole != broken {
			t.Fatalf("%+v\non SQLite without crashes:\n%s\n\non PostgreSQL with:\n%s", list, whole, broken)
		}
	}
}
