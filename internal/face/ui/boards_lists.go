package ui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// stageView is the city's stage: what it is, since when, who said so, why.
type stageView struct {
	Stage  int64 // 1 to 5; 0 where none was announced
	Word   string
	At     time.Time
	Agency string
	Reason string
}

// alertLine is something that needs action, or an incident.
type alertLine struct {
	ID, Title, Where, Who string
	Severity              string
	Href                  string
	At                    time.Time
	Due                   string
	Overdue               bool
	New                   bool // nobody has taken it yet
}

// stageAt reads the stage in force at a moment.
func (v *view) stageAt(at time.Time) (stageView, error) {
	var s stageView
	q := repo.Query{Dataset: repo.SystemStage, Sort: []repo.Sort{{Field: "at", Desc: true}}, Limit: 1}
	if !at.IsZero() {
		q.Until = value.OfInstant(at.Add(time.Microsecond))
	}
	_, err := v.u.Repo.Read(v.r.Context(), v.p, q, func(r repo.Record) error {
		c := row{r.Entry.Table, r.Values}
		s = stageView{Stage: c.int("stage"), At: c.time("at"), Agency: v.Agency(strings.Clone(c.text("agency"))), Reason: strings.Clone(c.text("reason"))}
		if en := c.text("reasonEn"); v.lang == "en" && en != "" {
			s.Reason = strings.Clone(en)
		}
		return nil
	})
	if s.Stage >= 1 && s.Stage <= 5 {
		s.Word = v.T("stage.word." + strconv.FormatInt(s.Stage, 10))
	}
	return s, err
}

func (d *boardData) stage(t *tile) (err error) {
	t.live = append(t.live, repo.SystemStage)
	t.Stage, err = d.stageAt(d.Scope.At)
	return err
}

// notes are what happened within a stretch of time: changes of stage, incidents.
// What the reader may not see is left out.
func (d *boardData) notes(from, until time.Time) []chart.Note {
	var list []chart.Note
	ctx := d.r.Context()
	_, _ = d.u.Repo.Read(ctx, d.p, repo.Query{Dataset: repo.SystemStage, From: value.OfInstant(from), Until: value.OfInstant(until), Limit: 20}, func(r repo.Record) error {
		c := row{r.Entry.Table, r.Values}
		list = append(list, chart.Note{At: c.time("at"), Text: d.T("stage.note", "n", d.N(c.int("stage")))})
		return nil
	})
	within := and(compare(">=", "detectedAt", value.OfInstant(from)), compare("<", "detectedAt", value.OfInstant(until)))
	_, _ = d.u.Repo.Read(ctx, d.p, repo.Query{Dataset: repo.SystemIncident, Filter: within, Area: d.Scope.Area, Limit: 20}, func(r repo.Record) error {
		c := row{r.Entry.Table, r.Values}
		list = append(list, chart.Note{At: c.time("detectedAt"), Text: strings.Clone(titleIn(d.view, c, "title", "titleEn")), Severity: strings.Clone(c.text("severity"))})
		return nil
	})
	slices.SortStableFunc(list, func(a, b chart.Note) int { return a.At.Compare(b.At) })
	return list
}

func titleIn(v *view, c row, vi, en string) string {
	if s := c.text(en); v.lang == "en" && s != "" {
		return s
	}
	return c.text(vi)
}

// compare is a condition on a field.
func compare(op, field string, x value.Value) cql2.Expr {
	return &cql2.Call{Op: op, Args: []cql2.Expr{&cql2.Prop{Name: field, Column: -1}, &cql2.Lit{Value: x}}}
}

// openAlerts is the condition of alerts that are somebody's work.
func openAlerts() cql2.Expr {
	return &cql2.Call{Op: "or", Args: []cql2.Expr{equal("state", "raised"), equal("state", "acknowledged")}}
}

// readAlerts reads the open alerts that the reader may see, the worst first,
// then those that nobody has taken, then the newest.
func (d *boardData) readAlerts(severities []string) ([]alertLine, error) {
	q := repo.Query{Dataset: repo.SystemAlert, Filter: openAlerts(), Limit: mostAlerts}
	at := d.Scope.At
	if !at.IsZero() {
		seq, err := d.u.Repo.SeqAt(d.r.Context(), at)
		if err != nil {
			return nil, err
		}
		q.AsOf = max(1, seq)
	}
	if d.Scope.Area != "" {
		q.Filter = and(q.Filter, equal("area", d.Scope.Area))
	}
	if d.Scope.Agency != "" {
		q.Filter = and(q.Filter, equal("agency", d.Scope.Agency))
	}
	now := d.Scope.moment(d.now)
	var list []alertLine
	_, err := d.u.Repo.Read(d.r.Context(), d.p, q, func(r repo.Record) error {
		c := row{r.Entry.Table, r.Values}
		s := strings.Clone(c.text("severity"))
		if len(severities) > 0 && !slices.Contains(severities, s) {
			return nil
		}
		l := alertLine{ID: strings.Clone(c.text("id")), Title: strings.Clone(titleIn(d.view, c, "titleVi", "titleEn")), Severity: s, At: c.time("raisedAt"), New: c.text("state") == "raised"}
		l.Where = areaName(d.Area(strings.Clone(c.text("area"))))
		if a := c.text("agency"); a != "" {
			l.Who = d.Agency(strings.Clone(a))
		}
		if n := c.int("active"); n > 1 {
			l.Where += " · " + d.T("tile.grouped", "n", d.N(n))
		}
		l.Href = "/alerts/" + l.ID
		l.Due = d.T("tile.taken")
		if l.New {
			l.Due, l.Overdue = d.due(now, c.time("acknowledgeBy"))
		}
		list = append(list, l)
		return nil
	})
	slices.SortStableFunc(list, func(a, b alertLine) int {
		switch {
		case a.Severity != b.Severity:
			return severityRank(b.Severity) - severityRank(a.Severity)
		case a.New != b.New:
			if a.New {
				return -1
			}
			return 1
		}
		return b.At.Compare(a.At)
	})
	return list, err
}

// mostAlerts bounds what a page looks through; a city with more open has other
// worries than their order.
const mostAlerts = 2000

// due says how long is left until a deadline, or how long it has been over.
func (d *boardData) due(now, by time.Time) (text string, over bool) {
	switch {
	case by.IsZero():
		return d.T("tile.new"), false
	case by.Before(now):
		return d.T("tile.overdue", "n", d.short(now.Sub(by))), true
	}
	return d.T("tile.left", "n", d.short(by.Sub(now))), false
}

// short writes a stretch of time in its largest fitting unit.
func (v *view) short(x time.Duration) string {
	switch {
	case x < time.Hour:
		return v.T("age.m", "n", v.N(int64(max(1, x/time.Minute))))
	case x < 48*time.Hour:
		return v.T("age.h", "n", v.N(int64(x/time.Hour)))
	}
	return v.T("age.d", "n", v.N(int64(x/(24*time.Hour))))
}

func (d *boardData) alerts(t *tile) error {
	t.live = append(t.live, repo.SystemAlert)
	if _, err := d.u.Repo.Entry(d.p, repo.SystemAlert); err != nil {
		return err
	}
	list, err := d.readAlerts(t.w.Severity)
	if err != nil {
		return err
	}
	t.lines(d, list, to("/alerts", "area", d.Scope.Area))
	return nil
}

// lines keeps the first of a list and its table.
func (t *tile) lines(d *boardData, list []alertLine, href string) {
	t.Total, t.Href = int64(len(list)), href
	limit := t.w.Limit
	if limit == 0 {
		limit = 8
	}
	t.Alerts = list[:min(limit, len(list))]
	t.Table.Head = []string{d.T("tile.severity"), d.T("tile.what"), d.T("tile.where"), d.T("tile.who"), d.T("tile.since"), d.T("tile.due")}
	for _, l := range t.Alerts {
		t.Table.Rows = append(t.Table.Rows, []chart.Cell{{Text: d.T("severity." + l.Severity)}, {Text: l.Title}, {Text: l.Where}, {Text: l.Who}, {Text: d.Time(l.At)}, {Text: l.Due}})
	}
	if len(list) == 0 {
		t.Empty = d.T("tile.none." + t.Kind)
	}
}

// alertAreas is the worst open severity of each area; nothing for a reader to
// whom alerts are closed.
func (d *boardData) alertAreas() map[string]string {
	worst := map[string]string{}
	list, err := d.readAlertAreas()
	if err != nil {
		return worst
	}
	for _, l := range list {
		if severityRank(l.Severity) > severityRank(worst[l.Where]) {
			worst[l.Where] = l.Severity
		}
	}
	return worst
}

// readAlertAreas reads the area (in Where, as code) and severity of open alerts.
func (d *boardData) readAlertAreas() (list []alertLine, err error) {
	q := repo.Query{Dataset: repo.SystemAlert, Filter: openAlerts(), Fields: []string{"area", "severity"}, Limit: mostAlerts}
	_, err = d.u.Repo.Read(d.r.Context(), d.p, q, func(r repo.Record) error {
		c := row{r.Entry.Table, r.Values}
		list = append(list, alertLine{Where: strings.Clone(c.text("area")), Severity: strings.Clone(c.text("severity"))})
		return nil
	})
	return list, err
}

func (d *boardData) incidents(t *tile) error {
	t.live = append(t.live, repo.SystemIncident)
	if _, err := d.u.Repo.Entry(d.p, repo.SystemIncident); err != nil {
		return err
	}
	q := repo.Query{Dataset: repo.SystemIncident, Filter: compare("=", "over", value.OfBool(false)), Limit: mostAlerts,
		Fields: []string{"title", "titleEn", "severity", "area", "agency", "detectedAt", "dueAt"}}
	if d.Scope.Area != "" {
		q.Filter = and(q.Filter, equal("area", d.Scope.Area))
	}
	now := d.Scope.moment(d.now)
	var list []alertLine
	_, err := d.u.Repo.Read(d.r.Context(), d.p, q, func(r repo.Record) error {
		c := row{r.Entry.Table, r.Values}
		id := strings.Clone(c.text("id"))
		l := alertLine{ID: id, Title: strings.Clone(titleIn(d.view, c, "title", "titleEn")), Severity: strings.Clone(c.text("severity")), At: c.time("detectedAt"), Href: "/incidents/" + id}
		l.Where = areaName(d.Area(strings.Clone(c.text("area"))))
		l.Who = d.Agency(strings.Clone(c.text("agency")))
		if by := c.time("dueAt"); !by.IsZero() {
			l.Due, l.Overdue = d.due(now, by)
		}
		list = append(list, l)
		return nil
	})
	slices.SortStableFunc(list, func(a, b alertLine) int {
		if a.Severity != b.Severity {
			return severityRank(b.Severity) - severityRank(a.Severity)
		}
		return b.At.Compare(a.At)
	})
	if err != nil {
		return err
	}
	t.lines(d, list, to("/incidents", "area", d.Scope.Area))
	return nil
}

// alive shows which sources deliver, those that do not first.
func (d *boardData) alive(t *tile) {
	pulses := d.u.pulses()
	for _, e := range d.u.Repo.Entries(d.p) {
		if !e.System {
			t.Alive = append(t.Alive, d.card(e, pulses[e.Dataset.Name]))
		}
	}
	slices.SortStableFunc(t.Alive, func(a, b datasetCard) int { return urgency(b) - urgency(a) })
	limit := t.w.Limit
	if limit == 0 {
		limit = 6
	}
	t.Alive = t.Alive[:min(limit, len(t.Alive))]
	t.Table.Head = []string{d.T("tile.source"), d.T("tile.newest"), d.T("tile.state")}
	for _, c := range t.Alive {
		t.Table.Rows = append(t.Table.Rows, []chart.Cell{{Text: c.Title}, {Text: d.Time(c.Fresh.Last)}, {Text: d.T("fresh." + or(c.Fresh.State, "none"))}})
	}
	if len(t.Alive) == 0 {
		t.Empty = d.T("home.alive.empty")
	}
}
