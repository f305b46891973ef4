package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	core "huong.city/huong/internal/core/report"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
)

// Definitions of the city that the desk works by.
const (
	Kind         = "report"
	workflowKind = "workflow"
	workflowName = "report"
)

// Config is what a Desk needs. Repo is required.
type Config struct {
	Repo    *repo.Repository
	Figures Indicators     // reports show none when nil
	Fonts   *Fonts         // nothing is put on paper when nil
	Log     *slog.Logger   // discards when nil
	Clock   workflow.Clock // of working time; every hour counts when empty
}

// Desk makes reports. It is safe for concurrent use.
type Desk struct {
	repo    *repo.Repository
	figures Indicators
	fonts   *Fonts
	log     *slog.Logger
	clock   workflow.Clock

	compiled sync.Mutex
	version  int64
	rules    *rules

	ticking sync.Mutex
	upto    map[string]time.Time // by name and area: until when reports are there
	wait    map[string]time.Time // by name and area: not to be tried again before
}

// rules are the city's definitions of one moment, compiled.
type rules struct {
	workflow *workflow.Workflow
	reports  []Declared
}

// Declared is a report that the city declares.
type Declared struct {
	Name    string
	Version int64
	*core.Report
}

// New makes a desk.
func New(c Config) *Desk {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{repo: c.Repo, figures: c.Figures, fonts: c.Fonts, log: c.Log, clock: c.Clock, version: -1, upto: map[string]time.Time{}, wait: map[string]time.Time{}}
}

func (d *Desk) rulesNow() (*rules, error) {
	d.compiled.Lock()
	defer d.compiled.Unlock()
	if v := d.repo.DefinitionsVersion(); v != d.version || d.rules == nil {
		set := &rules{}
		for _, def := range d.repo.Definitions(workflowKind) {
			if def.Name != workflowName {
				continue
			}
			w, err := workflow.Parse(def.Name+".yaml", []byte(def.Text), grant.Roles())
			if err != nil {
				return nil, err
			}
			set.workflow = w
		}
		for _, def := range d.repo.Definitions(Kind) {
			r, err := core.Parse(def.Name+".yaml", []byte(def.Text))
			if err != nil { // it was sound when it was written; a newer program may ask for more
				d.log.Warn("a report cannot be read", "report", def.Name, "err", err)
				continue
			}
			set.reports = append(set.reports, Declared{def.Name, def.Version, r})
		}
		d.rules, d.version = set, v
	}
	if d.rules.workflow == nil {
		return nil, problem.New(problem.Unavailable, "report-no-workflow")
	}
	return d.rules, nil
}

// Declared lists the reports that the city declares, by name.
func (d *Desk) Declared() []Declared {
	r, err := d.rulesNow()
	if err != nil {
		return nil
	}
	return r.reports
}

func (r *rules) named(name string) (Declared, error) {
	for _, x := range r.reports {
		if x.Name == name {
			return x, nil
		}
	}
	return Declared{}, problem.New(problem.NotFound, "report-kind-unknown")
}

// Workflow is the workflow in force.
func (d *Desk) Workflow() (*workflow.Workflow, error) {
	r, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	return r.workflow, nil
}

// Handles tells whether p is among those who work on reports.
func Handles(p repo.Principal) bool {
	return p.Admin || p.Name != "" && p.Agency != "" && (p.Is(grant.OperatorRole) || p.Is(grant.Officer) || p.Is(grant.Leader))
}

func wholeCity(areas []string) bool {
	return slices.Contains(areas, "*") || slices.Contains(areas, grant.WholeCity)
}

// actor is how p stands to a report.
func actor(p repo.Principal, agency, area string) workflow.Actor {
	a := workflow.Actor{Name: p.Name, Roles: p.Roles, System: p.Admin}
	if !Handles(p) {
		return a
	}
	a.Relations = append(a.Relations, workflow.Staff)
	if p.Agency == agency {
		a.Relations = append(a.Relations, workflow.Owner, workflow.Party)
	}
	if wholeCity(p.Areas) || slices.Contains(p.Areas, area) {
		a.Relations = append(a.Relations, workflow.InArea)
	}
	return a
}

func (d *Desk) now() time.Time { return d.repo.Now().In(d.repo.Zone()) }

// Query selects reports. The zero Query selects all that p may see, the newest
// first.
type Query struct {
	Name, Period, Agency, Area, State string
	Limit                             int // 0 = 100
	Cursor                            string
}

// light are the fields of a report that a list needs.
var light = []string{"id", "name", "title", "titleEn", "period", "from", "until", "area", "agency", "state", "over", "computedAt", "officer", "number", "year", "symbol", "issuedAt", "dueAt", "updatedAt"}

// List returns a page of the reports that p may see, without their content.
func (d *Desk) List(ctx context.Context, p repo.Principal, q Query) (list []Report, page repo.Page, err error) {
	if p.Name == "" {
		return nil, page, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	var filter []cql2.Expr
	for name, want := range map[string]string{"name": q.Name, "period": q.Period, "agency": q.Agency, "state": q.State} {
		if want != "" {
			filter = append(filter, compare("=", name, value.OfText(want)))
		}
	}
	if q.Limit == 0 {
		q.Limit = 100
	}
	page, err = d.repo.Read(ctx, p, repo.Query{Dataset: repo.SystemReport, Filter: cql2.And(filter...), Area: q.Area, Limit: q.Limit, Cursor: q.Cursor, Fields: light,
		Sort: []repo.Sort{{Field: "until", Desc: true}, {Field: "id"}}}, func(rec repo.Record) error {
		r, err := of(rec, d.repo.Zone())
		list = append(list, r)
		return err
	})
	if problem.KindOf(err) == problem.NotFound && err != nil {
		return nil, repo.Page{}, problem.New(problem.Denied, "report-staff")
	}
	return list, page, err
}

// Get returns a report that p may see, whole; NotFound otherwise.
func (d *Desk) Get(ctx context.Context, p repo.Principal, id string) (*Report, error) {
	if p.Name == "" && !p.Admin {
		return nil, problem.New(problem.Unauthenticated, "unauthenticated")
	}
	rec, err := d.repo.Get(ctx, p, repo.SystemReport, []value.Value{value.OfText(id)}, 0)
	if err != nil {
		if problem.KindOf(err) == problem.NotFound {
			return nil, problem.New(problem.NotFound, "report-unknown")
		}
		return nil, err
	}
	r, err := of(rec, d.repo.Zone())
	return &r, err
}

// Previous returns the report of the same kind and area before one, nil when p
// sees none.
func (d *Desk) Previous(ctx context.Context, p repo.Principal, r *Report) (*Report, error) {
	filter := cql2.And(compare("=", "name", value.OfText(r.Name)), compare("=", "area", value.OfText(r.Area)), compare("<", "until", value.OfInstant(r.Until)))
	var found *Report
	_, err := d.repo.Read(ctx, p, repo.Query{Dataset: repo.SystemReport, Filter: filter, Limit: 1, Sort: []repo.Sort{{Field: "until", Desc: true}}}, func(rec repo.Record) error {
		x, err := of(rec, d.repo.Zone())
		found = &x
		return err
	})
	return found, err
}

// May lists the steps that p may take with a report now.
func (d *Desk) May(p repo.Principal, r *Report) ([]*workflow.Transition, error) {
	rules, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	c, err := rules.workflow.Fold(r.events(d.repo.Zone()))
	if err != nil {
		return nil, err
	}
	return rules.workflow.Allowed(c, actor(p, r.Agency, r.Area), d.now()), nil
}

// owner is the agency that issues a report of an area.
func owner(r *core.Report, area string) string { return strings.ReplaceAll(r.Owner, "{area}", area) }

// place checks the area that a report is asked for.
func (d *Desk) place(ctx context.Context, r *core.Report, area string) (string, error) {
	if !r.Wards {
		return grant.WholeCity, nil
	}
	wards, err := d.wards(ctx)
	if err != nil {
		return "", err
	}
	if !slices.Contains(wards, area) {
		return "", problem.New(problem.Invalid, "report-area")
	}
	return area, nil
}

// wards lists the codes of the city's present wards.
func (d *Desk) wards(ctx context.Context) (list []string, err error) {
	q := repo.Query{Dataset: repo.SystemArea, Filter: compare("=", "parent", value.OfText(grant.WholeCity)), Sort: []repo.Sort{{Field: "code"}}}
	_, err = d.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		l := look{rec.Entry, rec.Values, d.repo.Zone()}
		if until := l.value("until"); until.IsNull() {
			list = append(list, l.text("code"))
		}
		return nil
	})
	return list, err
}

// Preview computes a report of the span under way as p may see it. It keeps
// nothing.
func (d *Desk) Preview(ctx context.Context, p repo.Principal, name, area string) (*Report, error) {
	if !Handles(p) {
		return nil, problem.New(problem.Denied, "report-staff")
	}
	rules, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	def, err := rules.named(name)
	if err != nil {
		return nil, err
	}
	if area, err = d.place(ctx, def.Report, area); err != nil {
		return nil, err
	}
	return d.draft(ctx, p, rules, def, area, def.Current(d.now(), d.repo.Zone()))
}

// Make computes a report now with p's rights and keeps it: a situation report, or
// a periodic one of the last span that is not there yet. p answers for it.
// Denied for who does not work for the agency that issues it.
func (d *Desk) Make(ctx context.Context, p repo.Principal, name, area string) (*Report, error) {
	if !Handles(p) {
		return nil, problem.New(problem.Denied, "report-staff")
	}
	rules, err := d.rulesNow()
	if err != nil {
		return nil, err
	}
	def, err := rules.named(name)
	if err != nil {
		return nil, err
	}
	if area, err = d.place(ctx, def.Report, area); err != nil {
		return nil, err
	}
	if owner(def.Report, area) != p.Agency && !p.Admin && !(p.Is(grant.Leader) && wholeCity(p.Areas)) {
		return nil, problem.New(problem.Denied, "report-not-yours")
	}
	return d.make(ctx, p, rules, def, area, def.Last(d.now(), d.repo.Zone()))
}

// draft computes a report that is not kept yet.
func (d *Desk) draft(ctx context.Context, p repo.Principal, rules *rules, def Declared, area string, span core.Span) (*Report, error) {
	head, err := d.repo.Head(ctx)
	if err != nil {
		return nil, err
	}
	agency := owner(def.Report, area)
	c, err := d.compute(ctx, p, def.Report, agency, area, span, head.Seq)
	if err != nil {
		return nil, err
	}
	zone := d.repo.Zone()
	title := func(lang string) string {
		s := def.Title.In(lang) + " " + PeriodName(lang, def.Period, span.From.In(zone), span.Until.In(zone))
		if def.Wards {
			s += " – " + c.AreaName.In(lang)
		}
		return s
	}
	now := d.now()
	r := &Report{ID: id(def.Name, area, def.Period, span.From.In(zone), span.Until.In(zone)), Name: def.Name, Title: title("vi"), TitleEn: title("en"), Period: string(def.Period),
		From: span.From, Until: span.Until, Area: area, Agency: agency, State: rules.workflow.Start[0], ComputedAt: now, AsOf: head.Seq, Definition: def.Version,
		Officer: p.Name, Content: c, UpdatedAt: now}
	r.History = []Step{{Kind: workflow.Open, Name: r.State, At: now, By: p.Name, Agency: p.Agency, Level: rules.workflow.Levels[0]}}
	return r, nil
}

// patience is how long a report waits for figures that are still being computed.
const patience = 20 * time.Second

// caughtUp waits until the figures hold every commit of now. Unavailable where
// they are being computed for longer: the report is made later then.
func (d *Desk) caughtUp(ctx context.Context) error {
	if d.figures == nil {
		return nil
	}
	head, err := d.repo.Head(ctx)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err = d.figures.Await(waiting, head.Seq); err != nil && ctx.Err() == nil {
		return problem.Wrap(err, problem.Unavailable, "busy")
	}
	return err
}

// make computes a report and keeps it, once: who comes second gets the first.
func (d *Desk) make(ctx context.Context, p repo.Principal, rules *rules, def Declared, area string, span core.Span) (*Report, error) {
	if err := d.caughtUp(ctx); err != nil {
		return nil, err
	}
	r, err := d.draft(ctx, p, rules, def, area, span)
	if err != nil {
		return nil, err
	}
	if err := d.settle(rules.workflow, r); err != nil {
		return nil, err
	}
	change, err := d.put(r)
	if err != nil {
		return nil, err
	}
	list := []commit.Change{change}
	if n, err := d.tell(r, "account:"+r.Officer, "computed", word{"Báo cáo chờ ý kiến của bạn", "A report waits for your comment"}); err != nil {
		return nil, err
	} else if r.Officer != "" {
		list = append(list, n)
	}
	_, err = d.commitAs(ctx, p, "compute", "report/"+r.ID, list)
	if k := problem.KindOf(err); err == nil || k == problem.Stale || k == problem.Conflict {
		return d.Get(ctx, repo.Internal(), r.ID)
	}
	return nil, err
}

// settle writes into the record where its history stands.
func (d *Desk) settle(w *workflow.Workflow, r *Report) error {
	c, err := w.Fold(r.events(d.repo.Zone()))
	if err != nil {
		return err
	}
	state, _ := w.State(c.State)
	r.State, r.Over, r.DueAt = c.State, state.Final, time.Time{}
	running, err := w.Running(c, d.clock)
	if err != nil {
		return err
	}
	if len(running) > 0 {
		r.DueAt = running[0].Due
	}
	r.NextAt, err = w.Next(c, d.clock)
	return err
}

// tell is the change that tells somebody about a report.
func (d *Desk) tell(r *Report, to, what string, title word) (commit.Change, error) {
	sum := sha256.Sum256([]byte(r.ID + "\x00" + to + "\x00" + what))
	return d.notice("report-"+hex.EncodeToString(sum[:16]), r, to, title)
}

func (d *Desk) notice(id string, r *Report, to string, title word) (commit.Change, error) {
	e, err := d.repo.Entry(repo.Internal(), repo.SystemNotification)
	if err != nil {
		return commit.Change{}, err
	}
	c := cellsOf(e)
	for name, s := range map[string]string{"id": id, "to": to, "severity": "low", "titleVi": title[0] + ": " + clip(r.Title), "titleEn": title[1] + ": " + clip(r.TitleIn("en")),
		"link": "/reports/" + r.ID, "aboutDataset": repo.SystemReport, "aboutKey": r.ID, "dedupe": "report-" + r.ID} {
		c.text(name, s)
	}
	c.set("createdAt", value.OfInstant(d.now()))
	return commit.Change{Dataset: repo.SystemNotification, Op: commit.Put, Row: c.row, Expect: commit.Absent}, nil
}

func clip(s string) string {
	if list := []rune(s); len(list) > 200 {
		return string(list[:199]) + "…"
	}
	return s
}

// commitAs writes changes in the name of who asked, after they were checked.
func (d *Desk) commitAs(ctx context.Context, p repo.Principal, reason, key string, changes []commit.Change) (commit.Receipt, error) {
	return d.repo.Commit(ctx, repo.Internal(), &commit.Request{
		Header: commit.Header{Actor: p.Name, Source: "report", Reason: reason, Key: key}, Changes: changes})
}
