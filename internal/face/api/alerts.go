package api

import (
	"net/http"
	"net/url"
	"time"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/service/alert"
)

func (a *API) alertOperations() []operation {
	if a.config.Alerts == nil || a.config.Notices == nil {
		return nil
	}
	one := []answer{{200, []string{mediaJSON}, "Alert", words{"Cảnh báo", "The alert"}}}
	return []operation{
		{
			method: "GET", path: "/api/v1/alerts", id: "listAlerts", tag: "alerts",
			summary: words{"Các cảnh báo của cơ quan và địa bàn tôi, việc chưa ai tiếp nhận đứng trước", "Alerts of my agency and areas, what nobody has acknowledged before the others"},
			params: []param{
				{name: "state", in: "query", typ: "string", def: "open", text: words{"open, raised, acknowledged, shelved, suppressed, cleared hoặc all.", "open, raised, acknowledged, shelved, suppressed, cleared or all."}},
				{name: "severity", in: "query", typ: "string", text: words{"high, medium hoặc low.", "high, medium or low."}},
				{name: "area", in: "query", typ: "string", text: words{"Mã địa bàn.", "Code of an area."}},
				{name: "cause", in: "query", typ: "string", text: words{"Nguyên nhân.", "Cause."}},
				paramLimit(100, 1000), paramLang()},
			answers: []answer{{200, []string{mediaJSON}, "Alerts", words{"Các cảnh báo", "The alerts"}}}, handle: a.listAlerts,
		},
		{
			method: "GET", path: "/api/v1/alerts/{id}", id: "getAlert", tag: "alerts",
			summary: words{"Một cảnh báo", "One alert"}, params: []param{paramLang()}, answers: one, handle: a.getAlert,
		},
		{
			method: "POST", path: "/api/v1/alerts/{id}/steps", id: "stepAlert", tag: "alerts",
			summary: words{"Một bước: tiếp nhận, tạm gác có lý do và thời hạn, bỏ gác, chuyển cấp", "One step: acknowledge, shelve with reason and end, unshelve, escalate"},
			params:  []param{paramLang()}, bodies: []string{mediaJSON}, body: "AlertStep", maxBody: 16 << 10,
			answers: one, problems: []int{409, 412, 413, 415, 422}, handle: a.stepAlert,
		},
		{
			method: "GET", path: "/api/v1/alert-quality", id: "alertQuality", tag: "alerts",
			summary: words{"Chất lượng cảnh báo theo EEMUA 191, trên cảnh báo tôi được xem", "Quality of alerts by EEMUA 191, of those that I may see"},
			params: []param{{name: "hours", in: "query", typ: "integer", def: "24", text: words{"Số giờ đến bây giờ.", "Hours until now."}},
				{name: "operators", in: "query", typ: "integer", def: "1", text: words{"Số người trực.", "Number of operators."}}, paramLang()},
			answers: []answer{{200, []string{mediaJSON}, "AlertQuality", words{"Các chỉ số", "The measures"}}}, handle: a.alertQuality,
		},
		{
			method: "GET", path: "/api/v1/me/notifications", id: "myNotifications", tag: "alerts",
			summary: words{"Thông báo của tôi trong 30 ngày, mới nhất trước", "My notifications of 30 days, the latest first"},
			params:  []param{paramLimit(50, 100), paramLang()},
			answers: []answer{{200, []string{mediaJSON}, "Notifications", words{"Các thông báo", "The notifications"}}}, handle: a.myNotifications,
		},
	}
}

func alertSchemas(obj func([]string, object) object, arr func(object) object) object {
	str, integer, number := object{"type": "string"}, object{"type": "integer"}, object{"type": "number"}
	severity := object{"enum": []any{"high", "medium", "low"}}
	steps := []any{}
	for _, s := range alert.Steps() {
		steps = append(steps, s)
	}
	member := obj([]string{"rule", "subject", "severity", "value", "threshold", "since", "title"}, object{
		"rule": str, "subject": str, "record": str, "severity": severity, "value": number, "threshold": number, "unit": str, "since": str, "clearedAt": str, "title": str})
	return object{
		"Alerts": obj([]string{"alerts"}, object{"alerts": arr(ref("Alert"))}),
		"Alert": obj([]string{"id", "cause", "rule", "severity", "peak", "state", "title", "area", "level", "raisedAt", "escalated", "members", "version", "url"}, object{
			"id": str, "cause": str, "rule": str, "severity": severity, "peak": severity,
			"state": object{"enum": []any{alert.Raised, alert.Acknowledged, alert.Shelved, alert.Suppressed, alert.Cleared}},
			"title": str, "advice": str, "area": str, "agency": str, "level": object{"enum": []any{"ward", "department", "city"}}, "dataset": str,
			"longitude": number, "latitude": number, "raisedAt": str, "acknowledgeBy": str, "acknowledgedAt": str, "acknowledgedBy": str,
			"shelvedUntil": str, "shelvedBy": str, "shelvedReason": str, "clearedAt": str, "escalated": integer, "incident": str,
			"members": arr(member), "version": integer, "url": str}),
		"AlertStep": obj([]string{"step"}, object{"step": object{"enum": steps}, "version": integer, "until": str, "reason": str}),
		"AlertQuality": obj([]string{"from", "until", "operators", "lines", "perTenMinutes", "peakTenMinutes", "afterUpset", "shares", "chattering", "stale", "inTime", "due", "escalated", "top"}, object{
			"from": str, "until": str, "operators": integer, "lines": integer, "perTenMinutes": number, "peakTenMinutes": number, "afterUpset": number,
			"shares":     obj([]string{"high", "medium", "low"}, object{"high": number, "medium": number, "low": number}),
			"chattering": arr(ref("RuleCount")), "stale": integer, "inTime": number, "due": integer, "escalated": integer, "top": arr(ref("RuleCount"))}),
		"RuleCount":     obj([]string{"name", "count"}, object{"name": str, "count": integer}),
		"Notifications": obj([]string{"notifications", "unseen"}, object{"notifications": arr(ref("Notification")), "unseen": integer}),
		"Notification": obj([]string{"id", "severity", "title", "at"}, object{"id": str, "severity": severity, "title": str, "body": str, "link": str,
			"dataset": str, "key": str, "at": str}),
	}
}

type alertMember struct {
	Rule      string  `json:"rule"`
	Subject   string  `json:"subject"`
	Record    string  `json:"record,omitempty"`
	Severity  string  `json:"severity"`
	Value     float64 `json:"value"`
	Threshold float64 `json:"threshold"`
	Unit      string  `json:"unit,omitempty"`
	Since     string  `json:"since"`
	ClearedAt string  `json:"clearedAt,omitempty"`
	Title     string  `json:"title"`
}

type alertDoc struct {
	ID             string        `json:"id"`
	Cause          string        `json:"cause"`
	Rule           string        `json:"rule"`
	Severity       string        `json:"severity"`
	Peak           string        `json:"peak"`
	State          string        `json:"state"`
	Title          string        `json:"title"`
	Advice         string        `json:"advice,omitempty"`
	Area           string        `json:"area"`
	Agency         string        `json:"agency,omitempty"`
	Level          string        `json:"level"`
	Dataset        string        `json:"dataset,omitempty"`
	Longitude      float64       `json:"longitude,omitempty"`
	Latitude       float64       `json:"latitude,omitempty"`
	RaisedAt       string        `json:"raisedAt"`
	AcknowledgeBy  string        `json:"acknowledgeBy,omitempty"`
	AcknowledgedAt string        `json:"acknowledgedAt,omitempty"`
	AcknowledgedBy string        `json:"acknowledgedBy,omitempty"`
	ShelvedUntil   string        `json:"shelvedUntil,omitempty"`
	ShelvedBy      string        `json:"shelvedBy,omitempty"`
	ShelvedReason  string        `json:"shelvedReason,omitempty"`
	ClearedAt      string        `json:"clearedAt,omitempty"`
	Escalated      int           `json:"escalated"`
	Incident       string        `json:"incident,omitempty"`
	Members        []alertMember `json:"members"`
	Version        int64         `json:"version"`
	URL            string        `json:"url"`
}

// instantOr is a time, or nothing.
func instantOr(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return instant(t.UnixMicro())
}

func alertDocOf(lang string, l *alert.Line) alertDoc {
	d := alertDoc{ID: l.ID, Cause: l.Cause, Rule: l.Rule, Severity: l.Severity.String(), Peak: l.Peak.String(), State: l.State, Title: l.TitleVi, Advice: l.BodyVi,
		Area: l.Area, Agency: l.Agency, Level: l.Level, Dataset: l.Dataset, Longitude: l.Longitude, Latitude: l.Latitude, RaisedAt: instantOr(l.RaisedAt),
		AcknowledgeBy: instantOr(l.AcknowledgeBy), AcknowledgedAt: instantOr(l.AcknowledgedAt), AcknowledgedBy: l.AcknowledgedBy,
		ShelvedUntil: instantOr(l.ShelvedUntil), ShelvedBy: l.ShelvedBy, ShelvedReason: l.ShelvedReason, ClearedAt: instantOr(l.ClearedAt),
		Escalated: l.Escalated, Incident: l.Incident, Members: []alertMember{}, Version: l.Version, URL: "/api/v1/alerts/" + url.PathEscape(l.ID)}
	if lang == "en" {
		d.Title, d.Advice = l.TitleEn, l.BodyEn
	}
	for _, m := range l.Members {
		x := alertMember{Rule: m.Rule, Subject: m.Subject, Record: m.Record, Severity: m.Severity, Value: m.Value, Threshold: m.Threshold, Unit: m.Unit, Since: instant(m.Since), Title: m.TitleVi}
		if lang == "en" {
			x.Title = m.TitleEn
		}
		if m.Cleared != 0 {
			x.ClearedAt = instant(m.Cleared)
		}
		d.Members = append(d.Members, x)
	}
	return d
}

func (a *API) listAlerts(c *call) error {
	s := alert.Selection{State: c.text("state"), Severity: c.text("severity"), Area: c.text("area"), Cause: c.text("cause"), Limit: int(c.integer("limit"))}
	switch s.State {
	case "":
		s.State = "open"
	case "all":
		s.State = ""
	}
	list, err := a.config.Alerts.List(c.ctx(), c.who(), s)
	if err != nil {
		return err
	}
	docs := []alertDoc{}
	for i := range list {
		docs = append(docs, alertDocOf(c.r.Lang, &list[i]))
	}
	return a.requestAnswer(c, http.StatusOK, map[string]any{"alerts": docs})
}

func (a *API) getAlert(c *call) error {
	l, err := a.config.Alerts.Get(c.ctx(), c.who(), c.path("id"))
	if err != nil {
		return err
	}
	return a.requestAnswer(c, http.StatusOK, alertDocOf(c.r.Lang, &l))
}

func (a *API) stepAlert(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Step    string `json:"step"`
		Version int64  `json:"version"`
		Until   string `json:"until"`
		Reason  string `json:"reason"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	asked := alert.Asked{Step: in.Step, Version: in.Version, Reason: in.Reason}
	if in.Until != "" {
		at, err := time.Parse(time.RFC3339, in.Until)
		if err != nil {
			return problem.InvalidWith("alert-asked", []problem.Violation{problem.Violate("alert-shelf-until", "until", "hours", int(alert.LongestShelf.Hours()))}, "count", 1)
		}
		asked.Until = at
	}
	l, err := a.config.Alerts.Take(c.ctx(), c.who(), c.path("id"), asked)
	if err != nil {
		return err
	}
	return a.requestAnswer(c, http.StatusOK, alertDocOf(c.r.Lang, &l))
}

func (a *API) alertQuality(c *call) error {
	until := a.config.Now()
	hours := min(max(c.integer("hours"), 1), 24*366)
	q, err := a.config.Alerts.Quality(c.ctx(), c.who(), until.Add(-time.Duration(hours)*time.Hour), until, int(min(max(c.integer("operators"), 1), 1000)))
	if err != nil {
		return err
	}
	type count struct {
		Name  string `json:"name"`
		Count int    `json:"count"`
	}
	counts := func(list []alert.RuleCount) []count {
		out := []count{}
		for _, r := range list {
			out = append(out, count(r))
		}
		return out
	}
	return a.requestAnswer(c, http.StatusOK, map[string]any{
		"from": instantOr(q.From), "until": instantOr(q.Until), "operators": q.Operators, "lines": q.Lines, "perTenMinutes": q.PerTen, "peakTenMinutes": q.PeakTen,
		"afterUpset": q.AfterUpset, "shares": map[string]float64{"high": q.Shares[core.High], "medium": q.Shares[core.Medium], "low": q.Shares[core.Low]},
		"chattering": counts(q.Chattering), "stale": q.Stale, "inTime": q.InTime, "due": q.Due, "escalated": q.Escalated, "top": counts(q.Top)})
}

func (a *API) myNotifications(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	list, _, unseen, err := a.config.Notices.Inbox(c.ctx(), c.who(), int(c.integer("limit")))
	if err != nil {
		return err
	}
	docs := []map[string]any{}
	for i := range list {
		m := &list[i]
		title, body := m.In(c.r.Lang)
		docs = append(docs, map[string]any{"id": m.ID, "severity": m.Severity, "title": title, "body": body, "link": m.Link, "dataset": m.AboutDataset, "key": m.AboutKey, "at": instantOr(m.At)})
	}
	return a.requestAnswer(c, http.StatusOK, map[string]any{"notifications": docs, "unseen": unseen})
}
