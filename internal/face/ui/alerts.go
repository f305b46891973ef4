package ui

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/alert"
)

// alertRoutes are the pages of alerts and of one's notifications.
func (u *UI) alertRoutes() []web.Route {
	if u.Alerts == nil || u.Notices == nil {
		return nil
	}
	get := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: pattern, Handler: u.page(h)}
	}
	post := func(pattern string, h func(*view) error) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: pattern, Handler: u.page(h), MaxBody: 64 << 10}
	}
	return []web.Route{
		get("/alerts", u.alertList), get("/alerts/quality", u.alarmQuality), get("/alerts/{id}", u.alertOne), post("/alerts/{id}", u.alertStep),
		get("/notices", u.notices), post("/notices", u.noticesSeen), post("/notices/channels", u.addChannel), post("/notices/channels/{id}", u.changeChannel),
		{Method: http.MethodGet, Pattern: "/sw.js", Handler: u.serviceWorker},
	}
}

// mostAlertLines are shown in one list.
const mostAlertLines = 500

// alertsData is the list of alerts as the address selects it.
type alertsData struct {
	Sel    alert.Selection
	Lines  []alert.Line
	Counts map[string]int // open lines by severity
	Causes []string
	More   bool
	Acts   bool
	Done   string
}

func (u *UI) alertList(v *view) error {
	v.nav, v.title = "alerts", v.T("alerts.title")
	q := v.r.URL.Query()
	d := alertsData{Acts: alert.Handles(v.p), Counts: map[string]int{}, Done: stepDone(v)}
	d.Sel = alert.Selection{State: or(q.Get("state"), "open"), Severity: q.Get("severity"), Area: q.Get("area"), Agency: q.Get("agency"), Cause: q.Get("cause"), Limit: mostAlertLines + 1}
	if d.Sel.State == "all" {
		d.Sel.State = ""
	}
	var err error
	if d.Lines, err = u.Alerts.List(v.r.Context(), v.p, d.Sel); err != nil {
		return err
	}
	if d.More = len(d.Lines) > mostAlertLines; d.More {
		d.Lines = d.Lines[:mostAlertLines]
	}
	for i := range d.Lines {
		l := &d.Lines[i]
		if l.Open() {
			d.Counts[l.Severity.String()]++
		}
		if !slices.Contains(d.Causes, l.Cause) {
			d.Causes = append(d.Causes, l.Cause)
		}
	}
	if d.Sel.Cause != "" && !slices.Contains(d.Causes, d.Sel.Cause) {
		d.Causes = append(d.Causes, d.Sel.Cause)
	}
	slices.Sort(d.Causes)
	if v.fragment("alert-list") {
		return v.part(alertTable(v, d))
	}
	return v.show(http.StatusOK, alertsBody(v, d))
}

// stepDone says what was done before the reader was sent here.
func stepDone(v *view) string {
	if step := v.r.URL.Query().Get("done"); slices.Contains(alert.Steps(), step) {
		return v.T("alert.done." + step)
	}
	return ""
}

// alertStates are those that the list is filtered by, in the order of the list.
func alertStates() []string {
	return []string{"open", alert.Raised, alert.Acknowledged, alert.Shelved, alert.Suppressed, alert.Cleared, "all"}
}

func (v *view) stateName(s string) string {
	if s == "all" {
		return v.T("alerts.all")
	}
	return v.T("alert.state." + s)
}

// alertTitle and alertBody are a line's words in the reader's language.
func (v *view) alertTitle(l *alert.Line) string {
	if v.lang == "en" {
		return l.TitleEn
	}
	return l.TitleVi
}

func (v *view) alertBody(l *alert.Line) string {
	if v.lang == "en" {
		return l.BodyEn
	}
	return l.BodyVi
}

// alertPlace is the area of a line in words.
func (v *view) alertPlace(code string) string {
	if code == grant.WholeCity {
		return v.T("alerts.whole")
	}
	return v.Area(code)
}

// causeName is the name of a cause, which its rules' file gives, or the code.
func (v *view) causeName(code string) string {
	for _, d := range v.u.Alerts.Rules() {
		if d.Cause == code && d.CauseName != nil {
			return d.CauseName.In(v.lang)
		}
	}
	return code
}

// countdown is the time to a deadline in words.
func (v *view) countdown(at time.Time) string {
	if left := at.Sub(v.now); left > 0 {
		return v.T("alert.left", "span", v.Span(left.Round(time.Second)))
	}
	return v.T("alert.over", "span", v.Span(v.now.Sub(at).Round(time.Second)))
}

// alertMark is the shape of a severity.
func alertMark(severity string) string {
	return map[string]string{"high": "◆", "medium": "▲", "low": "■"}[severity]
}

// alertData is one alert.
type alertData struct {
	alert.Line
	Rule    *alert.Defined
	History []happened
	Chart   string
	Table   chart.Table
	Unit    string
	Steps   []string
	Records map[string]string // addresses of members' records
	Acts    bool
	Done    string
}

// happened is one line of an alert's history.
type happened struct {
	At   time.Time
	Seq  int64
	What []string
	Who  string
}

func (u *UI) alertOne(v *view) error {
	v.nav = "alerts"
	ctx := v.r.Context()
	l, err := u.Alerts.Get(ctx, v.p, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	d := alertData{Line: l, Rule: u.Alerts.Rule(l.Rule), Acts: alert.Handles(v.p), Done: stepDone(v), Records: map[string]string{}}
	v.title = v.alertTitle(&l)
	past, err := u.Alerts.History(ctx, v.p, l.ID)
	if err != nil {
		return err
	}
	d.History = v.histories(past)
	if e, err := u.Repo.Entry(v.p, l.Dataset); err == nil {
		for _, m := range l.Members {
			if m.Record != "" {
				d.Records[m.Subject] = recordPath(l.Dataset, m.Record)
			}
		}
		if d.Rule != nil {
			if err := u.drawAlert(v, &d, e); err != nil {
				return err
			}
		}
	}
	if d.Acts && l.Open() {
		switch l.State {
		case alert.Raised, alert.Suppressed:
			d.Steps = []string{alert.StepAcknowledge, alert.StepShelve, alert.StepEscalate}
		case alert.Acknowledged:
			d.Steps = []string{alert.StepShelve, alert.StepEscalate}
		case alert.Shelved:
			d.Steps = []string{alert.StepUnshelve, alert.StepAcknowledge}
		}
		if d.Rule == nil || l.Escalated+1 >= len(d.Rule.RouteOf(l.Severity)) {
			d.Steps = slices.DeleteFunc(d.Steps, func(s string) bool { return s == alert.StepEscalate })
		}
	}
	if v.fragment("alert") {
		return v.part(alertMain(v, d))
	}
	return v.show(http.StatusOK, alertBody(v, d))
}

// histories turns versions of a line into what happened.
func (v *view) histories(past []alert.Past) (list []happened) {
	var before alert.Line
	for i := range past {
		p := &past[i]
		h := happened{At: p.ChangedAt, Seq: p.Seq}
		say := func(key string, kv ...string) { h.What = append(h.What, v.T("alert.was."+key, kv...)) }
		switch {
		case i == 0:
			say("raised")
		case p.State == alert.Cleared && before.State != alert.Cleared:
			say("cleared")
		case p.State == alert.Acknowledged && before.State != alert.Acknowledged:
			say("acknowledged")
			h.Who = p.AcknowledgedBy
		case p.State == alert.Shelved && before.State != alert.Shelved:
			say("shelved")
			h.Who = p.ShelvedBy
			h.What = append(h.What, p.ShelvedReason)
		case p.State == alert.Suppressed && before.State != alert.Suppressed:
			say("suppressed")
		case before.State == alert.Shelved && p.State == alert.Raised:
			say("unshelved")
		case p.Escalated > before.Escalated:
			say("escalated", "level", v.T("alert.level."+p.Level))
		case p.Reminded > before.Reminded:
			say("reminded")
		case p.State == alert.Raised && before.State == alert.Raised && !before.AcknowledgeBy.IsZero() && p.AcknowledgeBy.IsZero():
			say("missed")
		}
		if i > 0 && p.Severity != before.Severity && p.Open() {
			say(map[bool]string{true: "worse", false: "better"}[p.Severity > before.Severity])
		}
		if n := p.Active(); n != before.Active() && p.Open() {
			say("members", "n", v.N(int64(n)))
		}
		if len(h.What) > 0 {
			list = append(list, h)
		}
		before = p.Line
	}
	slices.Reverse(list)
	return list
}

// Bounds of the drawing of an alert: how long before and after, and how many
// figures are read.
const (
	drawBefore = 12 * time.Hour
	drawAfter  = 6 * time.Hour
	drawMost   = 20_000
)

// drawAlert draws what the rule watches around the moment, of the lead subject,
// under the reader's own rights.
func (u *UI) drawAlert(v *view, d *alertData, e *repo.Entry) error {
	b, faults := core.Bind(d.Rule.Rule, e.Dataset, e.Table)
	if len(faults) > 0 || d.Rule.Kind == core.OnRecord || d.Rule.Kind == core.Absence || d.Rule.Value == "" || b.Time < 0 || len(b.Subject) != 1 {
		return nil
	}
	subject, bad := e.Schema.ParseCell(b.Subject[0], d.Line.Subject)
	if bad != nil {
		return nil
	}
	reach := max(drawBefore, 2*d.Rule.Window)
	from, until := d.RaisedAt.Add(-reach), d.RaisedAt.Add(drawAfter)
	if d.Open() || until.Before(d.ClearedAt) {
		until = d.ClearedAt.Add(drawAfter / 3)
		if d.Open() {
			until = v.now
		}
	}
	if most := 4 * 24 * time.Hour; until.Sub(from) > most {
		until = from.Add(most)
	}
	line := chart.Line{Name: d.Line.Subject}
	filter := cql2.Expr(&cql2.Call{Op: "=", Args: []cql2.Expr{&cql2.Prop{Name: e.Table.Columns[b.Subject[0]].Name, Column: -1}, &cql2.Lit{Value: subject}}})
	q := repo.Query{Dataset: e.Dataset.Name, Filter: filter, From: value.OfInstant(from), Until: value.OfInstant(until), Limit: drawMost, Sort: []repo.Sort{{Field: e.Table.Columns[b.Time].Name}}}
	_, err := u.Repo.Read(v.r.Context(), v.p, q, func(r repo.Record) error {
		f, ok := b.Number(r.Values)
		if at := r.Values[b.Time]; at.Kind() == value.Time && b.Sees(r.Values) {
			line.Samples = append(line.Samples, chart.Sample{At: at.Instant(), V: f, OK: ok})
		}
		return nil
	})
	if err != nil || len(line.Samples) < 2 {
		return nil // without rights to the figures the alert still stands
	}
	d.Unit = d.Rule.Unit
	if f, ok := e.Dataset.Field(d.Rule.Value); ok {
		d.Unit = v.Unit(f.Unit)
	}
	s := &chart.Series{From: from, Until: until, Unit: d.Unit, Lines: []chart.Line{line}}
	if d.Rule.Kind == core.Threshold && d.Rule.Window == 0 {
		for _, m := range d.Members {
			if m.Rule == d.Line.Rule && m.Subject == d.Line.Subject {
				s.Limits = append(s.Limits[:0], chart.Limit{Value: m.Threshold, Name: v.T("severity." + m.Severity), Severity: m.Severity})
			}
		}
	}
	s.Notes = append(s.Notes, chart.Note{At: d.RaisedAt, Text: v.T("alert.was.raised"), Severity: d.Peak.String()})
	if !d.AcknowledgedAt.IsZero() {
		s.Notes = append(s.Notes, chart.Note{At: d.AcknowledgedAt, Text: v.T("alert.was.acknowledged")})
	}
	frame := chart.Frame{W: 720, H: 240, Lang: v.lang, Zone: v.zone}
	c := chart.NewFluidSVG(frame.W, frame.H)
	s.Draw(c, frame)
	d.Chart, d.Table = c.Markup(v.T("alert.series")), s.Table(frame)
	return nil
}

// alertStep does a step and sends the reader back to where it was asked.
func (u *UI) alertStep(v *view) error {
	id, q := v.r.PathValue("id"), v.r
	if err := q.ParseForm(); err != nil {
		return err
	}
	a := alert.Asked{Step: q.PostForm.Get("step"), Reason: q.PostForm.Get("reason")}
	a.Version, _ = strconv.ParseInt(q.PostForm.Get("version"), 10, 64)
	if h, err := strconv.Atoi(q.PostForm.Get("hours")); err == nil {
		a.Until = v.now.Add(time.Duration(h) * time.Hour)
	}
	if _, err := u.Alerts.Take(q.Context(), v.p, id, a); err != nil {
		return err
	}
	u.waiting.drop(v.p.Name + "\x00" + v.p.Capacity)
	back := local(cmp.Or(q.PostForm.Get("return"), "/alerts/"+id))
	return v.seeOther(withDone(back, a.Step))
}

// waitingCache remembers for a moment what every page shows: alerts that nobody
// has acknowledged and notifications not seen.
type waitingCache struct {
	mu    sync.Mutex
	byWho map[string]waitingCount
}

type waitingCount struct {
	at              time.Time
	alerts, notices int64
}

func (c *waitingCache) drop(who string) {
	c.mu.Lock()
	delete(c.byWho, who)
	c.mu.Unlock()
}

// waitingFor counts for p; -1 for who handles no alerts, or is told nothing.
func (u *UI) waitingFor(ctx context.Context, p repo.Principal, now time.Time) (alerts, notices int64) {
	if u.Alerts == nil || u.Notices == nil || p.Name == "" || p.Admin || len(p.Read)+len(p.Write) > 0 {
		return -1, -1
	}
	key := p.Name + "\x00" + p.Capacity
	u.waiting.mu.Lock()
	c, ok := u.waiting.byWho[key]
	u.waiting.mu.Unlock()
	if ok && now.Sub(c.at) < heldFor && now.Sub(c.at) >= 0 {
		return c.alerts, c.notices
	}
	c = waitingCount{at: now, alerts: -1, notices: -1}
	if _, err := u.Repo.Entry(p, repo.SystemAlert); err == nil {
		if n, _, err := u.Alerts.Waiting(ctx, p); err == nil {
			c.alerts = int64(n)
		}
	}
	if _, _, n, err := u.Notices.Inbox(ctx, p, 100); err == nil {
		c.notices = int64(n)
	}
	u.waiting.mu.Lock()
	defer u.waiting.mu.Unlock()
	if u.waiting.byWho == nil || len(u.waiting.byWho) > 1000 {
		u.waiting.byWho = map[string]waitingCount{}
	}
	u.waiting.byWho[key] = c
	return c.alerts, c.notices
}
