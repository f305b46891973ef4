package demo

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/alert"
	"huong.city/huong/internal/service/incident"
)

// Staff are the people of the demo city at their desks: they acknowledge alerts,
// handle incidents by their playbooks, and announce the city's stage. Some are
// late, so that what is late goes up to the next level. What they do follows
// from seed, what stands written and the city's time alone: who looks again does
// nothing twice. It is used by one goroutine.
type Staff struct {
	model
	repo      *repo.Repository
	alerts    *alert.Engine
	incidents *incident.Desk
	log       *slog.Logger
	phones    bool // people ring up with incidents of their own

	looked time.Time
}

// NewStaff sends people to their desks. With phones, incidents are reported that
// no alert tells of.
func NewStaff(r *repo.Repository, alerts *alert.Engine, incidents *incident.Desk, seed uint64, phones bool, log *slog.Logger) *Staff {
	return &Staff{model: model{seed: seed, zone: r.Zone()}, repo: r, alerts: alerts, incidents: incidents, phones: phones, log: log}
}

// staffEvery is how often they look up, in wall time.
const staffEvery = time.Second

// Work lets them work until ctx ends.
func (s *Staff) Work(ctx context.Context) {
	ticker := time.NewTicker(staffEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := s.Step(ctx); err != nil && ctx.Err() == nil && problem.KindOf(err) != problem.Unavailable {
			s.log.Warn("the demo's staff could not act", "err", err)
		}
	}
}

// Step does what is due at the city's present.
func (s *Staff) Step(ctx context.Context) error {
	now := s.repo.Now()
	if now.Sub(s.looked) < 30*time.Second && !s.looked.After(now) {
		return nil
	}
	s.looked = now
	return errors.Join(s.ring(ctx, now), s.answerAlerts(ctx, now), s.announce(ctx, now), s.handle(ctx, now))
}

// operator is who sits at the city's desk: one by day, another by night.
func (s *Staff) operator(now time.Time) repo.Principal {
	name := "tuan.ho"
	if h := now.In(s.zone).Hour(); h < 6 || h >= 18 {
		name = "mai.truong"
	}
	return repo.Principal{Name: name, Agency: "hueioc", Roles: []string{grant.OperatorRole}, Areas: []string{grant.WholeCity}}
}

// onDuty is the officer on duty of an agency.
func onDuty(agency string) repo.Principal {
	name := "truc." + agency
	if agency == "pctt" {
		name = "son.phan"
	}
	return repo.Principal{Name: name, Agency: agency, Roles: []string{grant.Officer, grant.OperatorRole}, Areas: []string{grant.WholeCity}}
}

// leader is who leads the city's response.
func leader() repo.Principal {
	return repo.Principal{Name: "minh.do", Agency: "ubnd-tp", Roles: []string{grant.Leader}, Areas: []string{grant.WholeCity}}
}

// passed leaves out that somebody else was first: the next look tells.
func passed(err error) error {
	if k := problem.KindOf(err); k == problem.Stale || k == problem.Conflict || k == problem.NotFound {
		return nil
	}
	return err
}

// pace is the share of a deadline that somebody takes, for a name of what is to be
// done; one in eight is late.
func (s *Staff) pace(name string, parts ...int64) float64 {
	if s.noise("late:"+name, parts...) < 0.125 {
		return 1.2
	}
	return 0.1 + 0.45*s.noise("pace:"+name, parts...)
}

// answerAlerts acknowledges alerts in their time, or a little later; those of
// instruments that fell silent are shelved while they are repaired.
func (s *Staff) answerAlerts(ctx context.Context, now time.Time) error {
	list, err := s.alerts.List(ctx, repo.Internal(), alert.Selection{State: alert.Raised})
	for i := range list {
		l := &list[i]
		if l.AcknowledgeBy.IsZero() && now.Sub(l.ChangedAt) < 5*time.Minute {
			continue
		}
		if !l.AcknowledgeBy.IsZero() {
			rule := s.alerts.Rule(l.Rule)
			if rule == nil {
				continue
			}
			route := rule.RouteOf(l.Severity)
			if l.Escalated >= len(route) {
				continue
			}
			within := route[l.Escalated].Within
			pace := s.pace("alert:"+l.Group, l.RaisedAt.Unix()/60, int64(l.Severity))
			if l.Escalated > 0 || l.Escalated+1 >= len(route) {
				pace = min(pace, 0.5) // what has gone up is looked at
			}
			if now.Before(l.AcknowledgeBy.Add(-within).Add(time.Duration(pace * float64(within)))) {
				continue
			}
		}
		who := s.operator(now)
		switch {
		case l.Level == "ward" && l.Area == "19789":
			who = repo.Principal{Name: "ha.pham", Agency: "ubnd-19789", Roles: []string{grant.Officer}, Areas: []string{"19789"}}
		case l.Level == "department" && (l.Cause == "flood" || l.Cause == "rain"):
			who = onDuty("pctt")
		case l.Level == "city" && l.Severity == core.High:
			who = leader()
		}
		step := alert.Asked{Step: alert.StepAcknowledge, Version: l.Version}
		if silent := strings.HasSuffix(l.Cause, "-station") || l.Cause == "traffic-counter"; silent && l.Severity < core.High && s.noise("shelve:"+l.Group, l.RaisedAt.Unix()/60) < 0.5 {
			step = alert.Asked{Step: alert.StepShelve, Version: l.Version, Until: now.Add(8 * time.Hour), Reason: "Trạm mất điện, đội kỹ thuật đã nhận việc"}
		}
		if _, e := s.alerts.Take(ctx, who, l.ID, step); passed(e) != nil {
			err = errors.Join(err, e)
		}
	}
	return err
}

// reading is what the last reading of a river tells.
type reading struct {
	station, name string
	level         float64
	at            time.Time
	alarms        [3]float64
}

// over counts the alarm levels that a reading is above.
func (r *reading) over() (n int) {
	for _, a := range r.alarms {
		if a > 0 && r.level >= a {
			n++
		}
	}
	return n
}

func equals(field, text string) cql2.Expr {
	return &cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: field, Column: -1}, &cql2.Lit{Value: value.OfText(text)}}}
}

// river reads the last level of a station; nil when there is none of the last
// three hours.
func (s *Staff) river(ctx context.Context, station string, now time.Time) (*reading, error) {
	number := func(rec repo.Record, field string) float64 {
		i, _, _, _ := rec.Entry.Table.Property(field)
		f, _ := rec.Values[i].Number()
		return f
	}
	var r *reading
	q := repo.Query{Dataset: "water-level", Filter: equals("station", station), Sort: []repo.Sort{{Field: "observedAt", Desc: true}}, Limit: 1}
	_, err := s.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		if at := rec.Values[rec.Entry.Table.Time].Instant(); now.Sub(at) < 3*time.Hour {
			r = &reading{station: station, level: number(rec, "level"), at: at}
		}
		return nil
	})
	if err != nil || r == nil {
		return nil, err
	}
	rec, err := s.repo.Get(ctx, repo.Internal(), "water-station", []value.Value{value.OfText(station)}, 0)
	if err != nil {
		return nil, err
	}
	i, _, _, _ := rec.Entry.Table.Property("name")
	r.name = strings.Clone(rec.Values[i].Text())
	for n, field := range []string{"alarm1", "alarm2", "alarm3"} {
		r.alarms[n] = number(rec, field)
	}
	return r, nil
}

// stageRivers are the gauges that the city's stage is decided by.
var stageRivers = []string{"kim-long", "phu-oc"}

// announce proposes the city's stage by the playbook of floods, and the leader
// announces it: above alarm level 1 at risk, above 2 impacts are happening, above
// 3 severe. It goes down one stage at a time, six hours after the last change.
func (s *Staff) announce(ctx context.Context, now time.Time) error {
	var worst *reading
	for _, station := range stageRivers {
		r, err := s.river(ctx, station, now)
		if err != nil {
			return err
		}
		if r != nil && (worst == nil || r.over() > worst.over()) {
			worst = r
		}
	}
	stage, err := s.incidents.StageNow(ctx, repo.Internal())
	if err != nil {
		return err
	}
	wanted := 1
	if worst != nil {
		wanted += worst.over()
	}
	since := now.Sub(stage.At)
	reason, reasonEn := "", ""
	switch {
	case wanted > stage.Number:
		reason = worst.name + " " + vi(worst.level) + " m, trên báo động " + roman[worst.over()]
		reasonEn = worst.name + " " + en(worst.level) + " m, above alarm level " + roman[worst.over()]
	case wanted < stage.Number && stage.Number > 2 && since >= 6*time.Hour || wanted < stage.Number && since >= 24*time.Hour:
		wanted = stage.Number - 1
		reason, reasonEn = "Nước đã rút, các chốt báo an toàn", "The water has gone down, all posts report safe"
	case s.phones && stage.ID == "" && wanted == 1:
		wanted = 2
		reason, reasonEn = "Không khí lạnh tăng cường, dự báo mưa to trong 24 giờ tới", "A cold surge, heavy rain is forecast within 24 hours"
	default:
		return nil
	}
	_, err = s.incidents.SetStage(ctx, leader(), stage.ID, wanted, reason, reasonEn)
	return passed(err)
}

var roman = []string{"", "1", "2", "3"}

// whose is the agency that handles a kind of incident.
func whose(kind string) string {
	at := slices.IndexFunc(competent, func(c [2]string) bool { return c[0] == kind })
	if at < 0 {
		return "hueioc"
	}
	return competent[at][1]
}

var competent = [][2]string{{"flood", "pctt"}, {"storm", "pctt"}, {"landslide", "pctt"}, {"accident", "cath"}, {"fire", "cath"}, {"disease", "cdc"}, {"air", "snnmt"}, {"power", "dienluc"}, {"water", "huewaco"}}
