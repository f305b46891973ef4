package ui

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/chart"
	"huong.city/huong/internal/service/alert"
)

// alarmData is the quality of the city's alerts over a span.
type alarmData struct {
	alert.Quality
	Span            string
	Rows            []alarmRow
	Rules           []alert.Defined
	Chart           string
	Table           chart.Table
	Watched, Beyond int64
}

// alarmRow is one measure with its target.
type alarmRow struct {
	Name, Value, Target string
	Known, Met          bool
}

// alarmSpans are what may be looked at, the first when nothing is said.
func alarmSpans() []string { return []string{"day", "week", "month"} }

func (u *UI) alarmQuality(v *view) error {
	v.nav, v.title = "alerts", v.T("alarm.title")
	q := v.r.URL.Query()
	d := alarmData{Span: q.Get("span"), Rules: u.Alerts.Rules()}
	if !slices.Contains(alarmSpans(), d.Span) {
		d.Span = "day"
	}
	operators, _ := strconv.Atoi(q.Get("operators"))
	operators = min(max(operators, 1), 100)
	length := map[string]time.Duration{"day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour}[d.Span]
	until := v.now.Truncate(10 * time.Minute).Add(10 * time.Minute)
	var err error
	if d.Quality, err = u.Alerts.Quality(v.r.Context(), v.p, until.Add(-length), until, operators); err != nil {
		return err
	}
	d.Watched, d.Beyond = u.Alerts.Watching()
	d.Rows = v.alarmRows(&d.Quality)
	s := &chart.Series{From: d.From, Until: d.Until, Grain: time.Hour, Zero: true, Lines: []chart.Line{{Name: v.T("alarm.course")}}}
	for i := 0; i < len(d.Buckets); i += 6 {
		n := 0
		for _, b := range d.Buckets[i:min(i+6, len(d.Buckets))] {
			n += b
		}
		s.Lines[0].Samples = append(s.Lines[0].Samples, chart.Sample{At: d.From.Add(time.Duration(i) * 10 * time.Minute), V: float64(n), OK: true})
	}
	frame := chart.Frame{W: 720, H: 180, Lang: v.lang, Zone: v.zone}
	c := chart.NewFluidSVG(frame.W, frame.H)
	s.Draw(c, frame)
	d.Chart, d.Table = c.Markup(v.T("alarm.course")), s.Table(frame)
	return v.show(http.StatusOK, alarmBody(v, d))
}

// alarmRows holds the measures against the targets of EEMUA 191 (3rd edition,
// figures of its table 9) and IEC 62682.
func (v *view) alarmRows(q *alert.Quality) []alarmRow {
	known := q.Lines > 0
	most := func(name string, is, target float64) alarmRow {
		return alarmRow{v.T(name), v.D(is, 2), v.T("alarm.at-most", "n", v.D(target, 0)), true, is <= target}
	}
	about := func(s core.Severity, target float64) alarmRow {
		is := q.Shares[s]
		return alarmRow{v.T("alarm.share", "severity", v.T("severity."+s.String())), v.Percent(is), v.T("alarm.about", "n", v.Percent(target)), known,
			s == core.Low && is >= target-0.1 || s != core.Low && is <= target+0.05}
	}
	return []alarmRow{
		most("alarm.per-ten", q.PerTen, 1),
		most("alarm.peak-ten", q.PeakTen, 10),
		{v.T("alarm.upset"), v.D(q.AfterUpset, 1), v.T("alarm.at-most", "n", "10"), !q.UpsetAt.IsZero(), q.AfterUpset <= 10},
		about(core.High, 0.05), about(core.Medium, 0.15), about(core.Low, 0.80),
		most("alarm.chattering", float64(len(q.Chattering)), 0),
		{v.T("alarm.stale"), v.N(int64(q.Stale)), v.T("alarm.at-most", "n", "4"), true, q.Stale < 5},
		{v.T("alarm.in-time"), v.Percent(q.InTime), v.T("alarm.at-least", "n", v.Percent(0.95)), q.Due > 0, q.InTime >= 0.95},
	}
}

// ruleTitle is the name of a rule in words: its title without what its places
// hold.
func (v *view) ruleTitle(r *core.Rule) string {
	return core.Fill(r.Title.In(v.lang), func(string) string { return "…" })
}

// ruleNamed is a rule by its name, or the name itself.
func (v *view) ruleNamed(list []alert.Defined, name string) string {
	for _, d := range list {
		if d.Name == name {
			return v.ruleTitle(d.Rule)
		}
	}
	return name
}
