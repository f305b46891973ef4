package ui_test

import (
	"context"
	crand "crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"huong.city/huong/internal/core/grant"
	core "huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/demo"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
	"huong.city/huong/internal/service/indicator"
	"huong.city/huong/internal/service/report"
	bundle "huong.city/huong/web"
)

// centre is a city with its operations center at work: all that Huế declares, a
// week of every feed, indicators, alerts, incidents, reports, and people.
type centre struct {
	*city
	officer, leader, stranger, admin *reader

	incident, report, receipt, account, record string // addresses
}

// paperFigures tells reports the indicators, as the program wires it.
type paperFigures struct{ s *indicator.Service }

func (f paperFigures) Definition(name string) *core.Definition { return f.s.Definition(name) }

func (f paperFigures) Await(ctx context.Context, seq int64) error { return f.s.Await(ctx, seq) }

func (f paperFigures) Value(ctx context.Context, p repo.Principal, name, area, grain string, at time.Time) (report.Reading, error) {
	x, err := f.s.Value(ctx, p, indicator.Ask{Name: name, Area: area, Grain: grain, At: at})
	return report.Reading{Cell: report.Cell{V: x.Value, Known: x.Known, Severity: x.Severity}, End: x.End, Partial: x.Partial}, err
}

func (f paperFigures) Wards(ctx context.Context, p repo.Principal, name, grain string, at time.Time) (list []report.Ward, err error) {
	all, err := f.s.ByArea(ctx, p, indicator.Ask{Name: name, Grain: grain, At: at})
	for _, x := range all {
		list = append(list, report.Ward{Code: x.Area, Name: report.Words{"vi": x.Name, "en": x.NameEn}, Cell: report.Cell{V: x.Value, Known: x.Known, Severity: x.Severity}})
	}
	return list, err
}

func (f paperFigures) Series(ctx context.Context, p repo.Principal, name, area, grain string, from, until time.Time) (list []report.Sample, err error) {
	s, err := f.s.Series(ctx, p, indicator.SeriesAsk{Ask: indicator.Ask{Name: name, Area: area, Grain: grain}, From: from, Until: until})
	for _, x := range s.Points {
		list = append(list, report.Sample{At: x.Start, V: x.Value, Known: x.Known})
	}
	return list, err
}

// fillCentre fills the seed of the center: what the city declares, a week of its
// feeds, and the rollups over them.
func (c *city) fillCentre(t testing.TB) {
	t.Helper()
	c.plain(t)
	c.boards(t)
	var rows []map[string]string
	for folder, kind := range map[string]string{"indicators": "indicator", "alerts": "alert", "workflows": "workflow", "playbooks": "playbook", "reports": "report", "calendars": "calendar"} {
		for name, text := range sources(t, folder+"/*.yaml") {
			rows = append(rows, map[string]string{"kind": kind, "name": name, "title": name, "text": text})
		}
	}
	c.put(t, "definition", "trung tâm điều hành", rows)
	c.put(t, "water-station", "danh mục trạm", readCSV(t, cityFolder+"/records/water-station.csv"))
	clock := demo.NewClock(time.Now, c.now, 1)
	if err := demo.History(t.Context(), c.repo, demo.Options{Seed: 1, Years: 0.02, Clock: clock, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	figures := indicator.New(c.repo)
	c.repo.Follow(figures)
	head, err := c.repo.Head(t.Context())
	if err == nil {
		err = figures.Await(t.Context(), head.Seq)
	}
	if err != nil {
		t.Fatal(err)
	}
	if c.accounts, err = account.New(account.Config{Repo: c.repo, Now: c.clock, Random: crand.Reader}); err != nil {
		t.Fatal(err)
	}
	c.staff(t, "ha.officer", account.Capacity{Agency: "vpubnd", Roles: []string{grant.Officer}, Areas: []string{account.WholeCity}})
	c.staff(t, "minh.leader", account.Capacity{Agency: "vpubnd", Roles: []string{grant.Leader}, Areas: []string{account.WholeCity}})
	c.staff(t, "lan.other", account.Capacity{Agency: "sxd", Roles: []string{grant.Officer}, Areas: []string{"19753"}})
	c.staff(t, "tam.admin", account.Capacity{Roles: []string{grant.Administrator}})
	c.accounts = nil
}

var newReport = regexp.MustCompile(`^/reports/[a-z0-9.-]+$`)

// newCentre is a center in which an incident is being handled and a report is
// written.
func newCentre(t testing.TB) *centre {
	t.Helper()
	c := copyOf(t, &shared.center, func(c *city) { c.fillCentre(t) })
	c.repairs = &repairs{repo: c.repo}
	figures := indicator.New(c.repo)
	c.repo.Follow(figures)
	fonts, err := report.LoadFonts(bundle.Files())
	if err != nil {
		t.Fatal(err)
	}
	c.figures, c.indicators, c.paper = figures, figures, fonts
	c.reports = report.New(report.Config{Repo: c.repo, Figures: paperFigures{figures}, Fonts: fonts, Clock: workflow.Clock{}})
	c.serveWith(t, nil)
	x := &centre{city: c, officer: c.reader(t), leader: c.reader(t), stranger: c.reader(t), admin: c.reader(t)}
	x.officer.signIn("ha.officer")
	x.leader.signIn("minh.leader")
	x.stranger.signIn("lan.other")
	x.admin.signIn("tam.admin")
	return x
}

// atWork opens an incident and makes a report, as the officer does.
func (x *centre) atWork(t testing.TB) {
	t.Helper()
	_, x.incident, _ = x.officer.post("/incidents/new", "title", "Ngập hầm chui đường Bà Triệu", "kind", "flood", "severity", "high", "agency", "vpubnd", "area", "19777",
		"place", "Hầm chui Bà Triệu", "summary", "Nước sâu 60 cm, hai xe chết máy.", "source", "phone")
	status, at, _ := x.officer.post("/reports/new?name=city-day", "area", "46")
	x.report = at
	if !regexp.MustCompile(`^/incidents/sc-`).MatchString(x.incident) || status != http.StatusOK || !newReport.MatchString(at) {
		t.Fatalf("no incident and report: %s, %d %s", x.incident, status, at)
	}
	if _, err := x.repo.Attest(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// session is the secret of a reader's session.
func (r *reader) session() string {
	home, err := url.Parse(r.c.url)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, k := range r.http.Jar.Cookies(home) {
		if k.Name == "huong" {
			return k.Value
		}
	}
	return ""
}
