package api

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/incident"
)

func (a *API) incidentOperations() []operation {
	if a.config.Incidents == nil {
		return nil
	}
	whole := []answer{{200, []string{mediaJSON}, "Incident", words{"Sự cố", "The incident"}}}
	return []operation{
		{
			method: "GET", path: "/api/v1/incidents", id: "listIncidents", tag: "incidents",
			summary: words{"Các sự cố mà người gọi được xem", "The incidents that the caller may see"},
			params: []param{
				{name: "over", in: "query", typ: "boolean", text: words{"Chỉ sự cố đã kết thúc, hoặc chưa.", "Only those that are over, or are not."}},
				{name: "overdue", in: "query", typ: "boolean", def: "false", text: words{"Chỉ sự cố đang quá hạn.", "Only those whose deadline has passed."}},
				{name: "severity", in: "query", typ: "string", enum: incident.Severities(), text: words{"Chỉ mức này.", "This severity only."}},
				{name: "kind", in: "query", typ: "string", enum: incident.Kinds(), text: words{"Chỉ loại này.", "This kind only."}},
				{name: "area", in: "query", typ: "string", text: words{"Mã địa bàn.", "Code of an area."}},
				{name: "agency", in: "query", typ: "string", text: words{"Cơ quan chủ trì hoặc tham gia.", "Agency that leads or takes part."}},
				paramLimit(100, 1000), paramCursor(), paramLang()},
			answers: []answer{{200, []string{mediaJSON}, "Incidents", words{"Một trang sự cố", "A page of incidents"}}}, handle: a.listIncidents,
		},
		{
			method: "POST", path: "/api/v1/incidents", id: "openIncident", tag: "incidents",
			summary: words{"Mở một sự cố", "Open an incident"},
			params:  []param{paramLang()}, bodies: []string{mediaJSON}, body: "IncidentReport", maxBody: 1 << 20,
			answers: []answer{{201, []string{mediaJSON}, "Incident", words{"Sự cố đã mở", "The incident"}}}, problems: []int{413, 415, 422}, handle: a.openIncident,
		},
		{
			method: "GET", path: "/api/v1/incidents/{id}", id: "getIncident", tag: "incidents",
			summary: words{"Một sự cố với toàn bộ diễn biến", "One incident with its whole timeline"},
			params:  []param{paramLang()}, answers: whole, handle: a.getIncident,
		},
		{
			method: "POST", path: "/api/v1/incidents/{id}/actions", id: "actOnIncident", tag: "incidents",
			summary: words{"Một bước xử lý hoặc một dòng diễn biến", "A step, or an entry of the timeline"},
			detail: words{
				"do là một bước trong may, hoặc note, decision, measure, check, severity, raise, agencies, file, resume. Bước xử lý cần version đã xem; nếu đã đổi, trả lời 412.",
				"do is one of the steps in may, or note, decision, measure, check, severity, raise, agencies, file, resume. A step needs the version that was looked at; 412 when it has changed since."},
			params: []param{paramLang()}, bodies: []string{mediaJSON}, body: "IncidentAction", maxBody: 1 << 20,
			answers: whole, problems: []int{409, 412, 413, 415, 422}, handle: a.actOnIncident,
		},
		{
			method: "GET", path: "/api/v1/incidents/{id}/review", id: "reviewIncident", tag: "incidents",
			summary: words{"Báo cáo sau xử lý, tính từ diễn biến", "The after-action report, computed from the timeline"},
			params:  []param{paramLang()}, answers: []answer{{200, []string{mediaJSON}, "IncidentReview", words{"Báo cáo", "The report"}}}, handle: a.reviewIncident,
		},
		{
			method: "GET", path: "/api/v1/stage", id: "getStage", tag: "incidents",
			summary: words{"Cấp tình hình của thành phố và các lần công bố", "The stage of the city and its announcements"},
			params:  []param{paramLimit(20, 1000), paramLang()}, answers: []answer{{200, []string{mediaJSON}, "Stages", words{"Cấp tình hình", "The stage"}}}, handle: a.getStage,
		},
		{
			method: "POST", path: "/api/v1/stage", id: "setStage", tag: "incidents",
			summary: words{"Công bố cấp tình hình", "Announce a stage"},
			params:  []param{paramLang()}, bodies: []string{mediaJSON}, body: "StageChange", maxBody: 1 << 20,
			answers: []answer{{201, []string{mediaJSON}, "Stage", words{"Đã công bố", "Announced"}}}, problems: []int{412, 413, 415, 422}, handle: a.setStage,
		},
	}
}

func (a *API) fileOperations() []operation {
	if a.config.Attachments == nil {
		return nil
	}
	one := []answer{{200, []string{mediaJSON}, "Upload", words{"Tệp đang gửi", "The upload"}}}
	return []operation{
		{
			method: "POST", path: "/api/v1/uploads", id: "beginUpload", tag: "files",
			summary: words{"Bắt đầu gửi một tệp của một bản ghi", "Begin to send a file of a record"},
			params:  []param{paramLang()}, bodies: []string{mediaJSON}, body: "UploadRequest", maxBody: 1 << 20,
			answers: []answer{{201, []string{mediaJSON}, "Upload", words{"Tệp đang gửi", "The upload"}}}, problems: []int{413, 415, 422}, handle: a.beginUpload,
		},
		{
			method: "GET", path: "/api/v1/uploads/{id}", id: "getUpload", tag: "files",
			summary: words{"Đã nhận đến đâu", "How far an upload has come"}, params: []param{paramLang()}, answers: one, handle: a.getUpload,
		},
		{
			method: "PATCH", path: "/api/v1/uploads/{id}", id: "appendUpload", tag: "files",
			summary: words{"Gửi phần tiếp theo", "Send the next part"},
			detail: words{"offset là số byte đã nhận; nếu khác, trả lời 409 với con số đúng. Khi đủ, tệp được kiểm tra, bỏ thông tin ẩn trong ảnh rồi lưu.",
				"offset is the number of bytes received; 409 tells the right one. With the last byte the file is checked, cleaned of what a picture tells beside itself, and kept."},
			params: []param{{name: "offset", in: "query", typ: "integer", min: 0, max: attachment.MaxBytes, def: "0", text: words{"Từ byte này.", "From this byte."}}, paramLang()},
			bodies: []string{"application/octet-stream"}, maxBody: attachment.MaxBytes + 1,
			answers: one, problems: []int{409, 413, 415, 422}, handle: a.appendUpload,
		},
		{
			method: "GET", path: "/api/v1/attachments/{id}", id: "getAttachment", tag: "files",
			summary: words{"Nội dung một tệp, cho người xem được bản ghi của nó", "The content of a file, for those who see its record"},
			params:  []param{paramLang()},
			answers: []answer{{200, []string{"image/jpeg", "image/png", "image/webp", "application/pdf"}, "", words{"Nội dung", "The content"}}}, handle: a.getAttachment,
		},
	}
}

func incidentSchemas(obj func([]string, object) object, arr func(object) object) object {
	str, integer, number, boolean := object{"type": "string"}, object{"type": "integer"}, object{"type": "number"}, object{"type": "boolean"}
	texts := object{"type": "object", "additionalProperties": str}
	entry := obj([]string{"number", "at", "kind"}, object{"number": integer, "at": str, "by": str, "byAgency": str, "kind": str, "name": str, "text": str, "level": str,
		"outcome": str, "facts": texts, "ref": str, "amount": number, "unit": str})
	line := obj([]string{"name", "title", "done"}, object{"name": str, "title": str, "who": str, "phase": str, "done": boolean, "by": str, "at": str, "dueAt": str, "late": boolean, "mayTick": boolean})
	phase := obj([]string{"state", "from", "minutes"}, object{"state": str, "from": str, "until": str, "minutes": number, "by": str})
	kept := obj([]string{"deadline", "met"}, object{"deadline": str, "start": str, "due": str, "end": str, "met": boolean})
	peak := obj([]string{"name", "highest", "lowest", "last"}, object{"name": str, "unit": str, "first": number, "highest": number, "highestAt": str, "lowest": number, "last": number, "count": integer})
	return object{
		"Incidents": obj([]string{"incidents"}, object{"incidents": arr(ref("Incident")), "next": str}),
		"Incident": obj([]string{"id", "title", "kind", "severity", "state", "over", "version", "url"}, object{
			"id": str, "title": str, "kind": str, "severity": str, "state": str, "over": boolean, "outcome": str, "level": str, "agency": str, "agencies": arr(str),
			"assignee": str, "area": str, "place": str, "summary": str, "caller": str, "callerPhone": str, "source": str, "playbook": str, "detectedAt": str, "acknowledgedAt": str, "resolvedAt": str,
			"closedAt": str, "deadline": str, "dueAt": str, "overdue": boolean, "missed": integer, "alerts": integer, "version": integer, "url": str,
			"may": arr(str), "timeline": arr(entry), "checklist": arr(line)}),
		"IncidentReport": obj([]string{"title", "kind", "severity", "area"}, object{"title": str, "titleEn": str, "kind": str, "severity": str, "agency": str, "area": str, "place": str,
			"longitude": number, "latitude": number, "summary": str, "caller": str, "callerPhone": str, "source": str}),
		"IncidentAction": obj([]string{"do"}, object{"do": str, "version": integer, "outcome": str, "fields": texts}),
		"IncidentReview": obj([]string{"id", "at", "minutes", "phases", "deadlines", "met", "missed"}, object{"id": str, "title": str, "at": str, "minutes": number,
			"acknowledgedBy": str, "acknowledgedAfterMinutes": number, "phases": arr(phase), "deadlines": arr(kept), "met": integer, "missed": integer,
			"escalations": arr(entry), "decisions": arr(entry), "alerts": arr(entry), "measures": arr(peak), "extremes": arr(obj([]string{"alert", "title", "value", "at"}, object{"alert": str, "title": str, "value": number, "unit": str, "at": str})), "linesDone": integer, "lines": integer, "linesLate": integer, "stageWorst": integer}),
		"Stages":        obj([]string{"stage", "name", "announcements"}, object{"stage": integer, "name": str, "announcements": arr(ref("Stage"))}),
		"Stage":         obj([]string{"id", "stage", "at"}, object{"id": str, "stage": integer, "name": str, "at": str, "reason": str, "agency": str, "by": str}),
		"StageChange":   obj([]string{"stage", "reason"}, object{"upon": str, "stage": integer, "reason": str, "reasonEn": str}),
		"UploadRequest": obj([]string{"dataset", "record", "size"}, object{"dataset": str, "record": str, "name": str, "size": integer}),
		"Upload":        obj([]string{"id", "size", "offset", "done"}, object{"id": str, "name": str, "media": str, "size": integer, "offset": integer, "done": boolean, "url": str}),
	}
}

type incidentDoc struct {
	ID             string    `json:"id"`
	Title          string    `json:"title"`
	Kind           string    `json:"kind"`
	Severity       string    `json:"severity"`
	State          string    `json:"state"`
	Over           bool      `json:"over"`
	Outcome        string    `json:"outcome,omitempty"`
	Level          string    `json:"level,omitempty"`
	Agency         string    `json:"agency,omitempty"`
	Agencies       []string  `json:"agencies,omitempty"`
	Assignee       string    `json:"assignee,omitempty"`
	Area           string    `json:"area,omitempty"`
	Place          string    `json:"place,omitempty"`
	Summary        string    `json:"summary,omitempty"`
	Caller         string    `json:"caller,omitempty"`
	CallerPhone    string    `json:"callerPhone,omitempty"`
	Source         string    `json:"source,omitempty"`
	Playbook       string    `json:"playbook,omitempty"`
	DetectedAt     string    `json:"detectedAt,omitempty"`
	AcknowledgedAt string    `json:"acknowledgedAt,omitempty"`
	ResolvedAt     string    `json:"resolvedAt,omitempty"`
	ClosedAt       string    `json:"closedAt,omitempty"`
	Deadline       string    `json:"deadline,omitempty"`
	DueAt          string    `json:"dueAt,omitempty"`
	Overdue        bool      `json:"overdue,omitempty"`
	Missed         int64     `json:"missed,omitempty"`
	Alerts         int64     `json:"alerts,omitempty"`
	Version        int64     `json:"version"`
	URL            string    `json:"url"`
	May            []string  `json:"may,omitempty"`
	Timeline       []lineDoc `json:"timeline,omitempty"`
	Checklist      []tickDoc `json:"checklist,omitempty"`
}

type lineDoc struct {
	Number   int64             `json:"number"`
	At       string            `json:"at"`
	By       string            `json:"by,omitempty"`
	ByAgency string            `json:"byAgency,omitempty"`
	Kind     string            `json:"kind"`
	Name     string            `json:"name,omitempty"`
	Text     string            `json:"text,omitempty"`
	Level    string            `json:"level,omitempty"`
	Outcome  string            `json:"outcome,omitempty"`
	Facts    map[string]string `json:"facts,omitempty"`
	Ref      string            `json:"ref,omitempty"`
	Amount   *float64          `json:"amount,omitempty"`
	Unit     string            `json:"unit,omitempty"`
}

type tickDoc struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Who     string `json:"who,omitempty"`
	Phase   string `json:"phase,omitempty"`
	Done    bool   `json:"done"`
	By      string `json:"by,omitempty"`
	At      string `json:"at,omitempty"`
	DueAt   string `json:"dueAt,omitempty"`
	Late    bool   `json:"late,omitempty"`
	MayTick bool   `json:"mayTick,omitempty"`
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return instant(t.UnixMicro())
}

func (a *API) incidentDoc(c *call, x *incident.Incident) incidentDoc {
	return incidentDoc{ID: x.ID, Title: x.TitleIn(c.r.Lang), Kind: x.Kind, Severity: x.Severity, State: x.State, Over: x.Over, Outcome: x.Outcome, Level: x.Level,
		Agency: x.Agency, Agencies: x.Agencies, Assignee: x.Assignee, Area: x.Area, Place: x.Place, Summary: x.Summary, Caller: x.Caller, CallerPhone: x.CallerPhone,
		Source: x.Source, Playbook: x.Playbook, DetectedAt: timeText(x.DetectedAt), AcknowledgedAt: timeText(x.AcknowledgedAt), ResolvedAt: timeText(x.ResolvedAt),
		ClosedAt: timeText(x.ClosedAt), Deadline: x.Deadline, DueAt: timeText(x.DueAt), Overdue: x.Overdue(a.config.Now()), Missed: x.Missed, Alerts: x.Alerts,
		Version: x.Version, URL: "/api/v1/incidents/" + url.PathEscape(x.ID)}
}

func entryDocs(lang string, list []incident.Entry) []lineDoc {
	out := make([]lineDoc, 0, len(list))
	for i := range list {
		e := &list[i]
		out = append(out, lineDoc{Number: e.Number, At: timeText(e.At), By: e.By, ByAgency: e.ByAgency, Kind: e.Kind, Name: e.Name, Text: e.TextIn(lang),
			Level: e.Level, Outcome: e.Outcome, Facts: e.Facts, Ref: e.Ref, Amount: e.Amount, Unit: e.Unit})
	}
	return out
}

func (a *API) wholeIncident(c *call, id string) (incidentDoc, error) {
	w, err := a.config.Incidents.Read(c.ctx(), c.who(), id)
	if err != nil {
		return incidentDoc{}, err
	}
	d := a.incidentDoc(c, &w.Incident)
	for _, t := range w.May() {
		d.May = append(d.May, t.Name)
	}
	d.Timeline = entryDocs(c.r.Lang, w.Entries)
	for i := range w.Checklist {
		l := &w.Checklist[i]
		d.Checklist = append(d.Checklist, tickDoc{Name: l.Name, Title: l.Title.In(c.r.Lang), Who: l.Who.In(c.r.Lang), Phase: l.Phase, Done: l.Done, By: l.By,
			At: timeText(l.At.At), DueAt: timeText(l.Due.At), Late: l.Late(a.config.Now()), MayTick: l.MayTick})
	}
	return d, nil
}

func (a *API) listIncidents(c *call) error {
	q := incident.Query{Kind: c.text("kind"), Area: c.text("area"), Agency: c.text("agency"), Overdue: c.truth("overdue", false), Limit: int(c.integer("limit")), Cursor: c.text("cursor")}
	if s := c.text("severity"); s != "" {
		q.Severities = []string{s}
	}
	if c.given("over") {
		over := c.truth("over", false)
		q.Over = &over
	}
	list, page, err := a.config.Incidents.List(c.ctx(), c.who(), q)
	if err != nil {
		return err
	}
	out := struct {
		Incidents []incidentDoc `json:"incidents"`
		Next      string        `json:"next,omitempty"`
	}{[]incidentDoc{}, page.Next}
	for i := range list {
		out.Incidents = append(out.Incidents, a.incidentDoc(c, &list[i]))
	}
	return writeJSON(c, http.StatusOK, out)
}

func (a *API) openIncident(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Title       string   `json:"title"`
		TitleEn     string   `json:"titleEn"`
		Kind        string   `json:"kind"`
		Severity    string   `json:"severity"`
		Agency      string   `json:"agency"`
		Area        string   `json:"area"`
		Place       string   `json:"place"`
		Longitude   *float64 `json:"longitude"`
		Latitude    *float64 `json:"latitude"`
		Summary     string   `json:"summary"`
		Caller      string   `json:"caller"`
		CallerPhone string   `json:"callerPhone"`
		Source      string   `json:"source"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	x, err := a.config.Incidents.Open(c.ctx(), c.who(), incident.Report(in))
	if err != nil {
		return err
	}
	d, err := a.wholeIncident(c, x.ID)
	if err != nil {
		if problem.KindOf(err) != problem.NotFound {
			return err
		}
		d = a.incidentDoc(c, &x) // opened for others to handle
	}
	c.set("Location", d.URL)
	return writeJSON(c, http.StatusCreated, d)
}

func (a *API) getIncident(c *call) error {
	d, err := a.wholeIncident(c, c.path("id"))
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, d)
}

func (a *API) actOnIncident(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Do      string            `json:"do"`
		Version int64             `json:"version"`
		Outcome string            `json:"outcome"`
		Fields  map[string]string `json:"fields"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	if _, err := a.config.Incidents.Act(c.ctx(), c.who(), c.path("id"), incident.Act(in)); err != nil {
		return err
	}
	return a.getIncident(c)
}

func (a *API) reviewIncident(c *call) error {
	r, err := a.config.Incidents.Review(c.ctx(), c.who(), c.path("id"))
	if err != nil {
		return err
	}
	type phase struct {
		State   string  `json:"state"`
		From    string  `json:"from"`
		Until   string  `json:"until,omitempty"`
		Minutes float64 `json:"minutes"`
		By      string  `json:"by,omitempty"`
	}
	type kept struct {
		Deadline string `json:"deadline"`
		Start    string `json:"start"`
		Due      string `json:"due,omitempty"`
		End      string `json:"end,omitempty"`
		Met      bool   `json:"met"`
	}
	type extreme struct {
		Alert string  `json:"alert"`
		Title string  `json:"title"`
		Value float64 `json:"value"`
		Unit  string  `json:"unit,omitempty"`
		At    string  `json:"at"`
	}
	type peak struct {
		Name      string  `json:"name"`
		Unit      string  `json:"unit,omitempty"`
		First     float64 `json:"first"`
		Highest   float64 `json:"highest"`
		HighestAt string  `json:"highestAt"`
		Lowest    float64 `json:"lowest"`
		Last      float64 `json:"last"`
		Count     int     `json:"count"`
	}
	minutes := func(d time.Duration) float64 { return float64(d.Round(time.Second)) / float64(time.Minute) }
	out := struct {
		ID                       string    `json:"id"`
		Title                    string    `json:"title"`
		At                       string    `json:"at"`
		Minutes                  float64   `json:"minutes"`
		AcknowledgedBy           string    `json:"acknowledgedBy,omitempty"`
		AcknowledgedAfterMinutes *float64  `json:"acknowledgedAfterMinutes,omitempty"`
		Phases                   []phase   `json:"phases"`
		Deadlines                []kept    `json:"deadlines"`
		Met                      int       `json:"met"`
		Missed                   int       `json:"missed"`
		Escalations              []lineDoc `json:"escalations"`
		Decisions                []lineDoc `json:"decisions"`
		Alerts                   []lineDoc `json:"alerts"`
		Measures                 []peak    `json:"measures"`
		Extremes                 []extreme `json:"extremes"`
		LinesDone                int       `json:"linesDone"`
		Lines                    int       `json:"lines"`
		LinesLate                int       `json:"linesLate"`
		StageWorst               int       `json:"stageWorst"`
	}{ID: r.ID, Title: r.TitleIn(c.r.Lang), At: timeText(r.At), Minutes: minutes(r.Took), Phases: []phase{}, Deadlines: []kept{}, Met: r.Met, Missed: r.Missed,
		Escalations: entryDocs(c.r.Lang, r.Escalations), Decisions: entryDocs(c.r.Lang, r.Decisions), Alerts: entryDocs(c.r.Lang, r.Alerts), Extremes: []extreme{}, Measures: []peak{},
		LinesDone: r.LinesDone, Lines: len(r.Checklist), LinesLate: r.LinesLate, StageWorst: r.StageWorst}
	if r.Acknowledged != nil {
		after := minutes(r.Acknowledged.After)
		out.AcknowledgedBy, out.AcknowledgedAfterMinutes = r.Acknowledged.By, &after
	}
	for _, p := range r.Phases {
		out.Phases = append(out.Phases, phase{p.State, timeText(p.From), timeText(p.Until), minutes(p.Took), p.By})
	}
	for _, k := range r.Deadlines {
		out.Deadlines = append(out.Deadlines, kept{k.Deadline.Name, timeText(k.Start), timeText(k.Due), timeText(k.End), k.Met})
	}
	for _, x := range r.Extremes {
		out.Extremes = append(out.Extremes, extreme{x.Alert, x.TitleIn(c.r.Lang), x.Value, x.Unit, timeText(x.At)})
	}
	for _, p := range r.Peaks {
		out.Measures = append(out.Measures, peak{p.Name, p.Unit, p.First, p.Highest, timeText(p.HighestAt), p.Lowest, p.Last, p.Count})
	}
	return writeJSON(c, http.StatusOK, out)
}

type stageDoc struct {
	ID     string `json:"id"`
	Stage  int    `json:"stage"`
	Name   string `json:"name"`
	At     string `json:"at"`
	Reason string `json:"reason,omitempty"`
	Agency string `json:"agency,omitempty"`
	By     string `json:"by,omitempty"`
}

func stageDocOf(lang string, s incident.Stage) stageDoc {
	return stageDoc{s.ID, s.Number, incident.StageName(s.Number, lang), timeText(s.At), s.ReasonIn(lang), s.Agency, s.By}
}

func (a *API) getStage(c *call) error {
	list, err := a.config.Incidents.Stages(c.ctx(), c.who(), int(c.integer("limit")))
	if err != nil {
		return err
	}
	out := struct {
		Stage         int        `json:"stage"`
		Name          string     `json:"name"`
		Announcements []stageDoc `json:"announcements"`
	}{1, incident.StageName(1, c.r.Lang), []stageDoc{}}
	for i, s := range list {
		if i == 0 {
			out.Stage, out.Name = s.Number, incident.StageName(s.Number, c.r.Lang)
		}
		out.Announcements = append(out.Announcements, stageDocOf(c.r.Lang, s))
	}
	return writeJSON(c, http.StatusOK, out)
}

func (a *API) setStage(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Upon     string `json:"upon"`
		Stage    int    `json:"stage"`
		Reason   string `json:"reason"`
		ReasonEn string `json:"reasonEn"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	s, err := a.config.Incidents.SetStage(c.ctx(), c.who(), in.Upon, in.Stage, in.Reason, in.ReasonEn)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusCreated, stageDocOf(c.r.Lang, s))
}

type uploadDoc struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Media  string `json:"media,omitempty"`
	Size   int64  `json:"size"`
	Offset int64  `json:"offset"`
	Done   bool   `json:"done"`
	URL    string `json:"url,omitempty"`
}

func uploadDocOf(f attachment.File) uploadDoc {
	d := uploadDoc{ID: f.ID, Name: f.Name, Media: f.Media, Size: f.Size, Offset: f.Offset, Done: f.Done()}
	if d.Done {
		d.URL = "/api/v1/attachments/" + f.ID
	}
	return d
}

func (a *API) beginUpload(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Dataset string `json:"dataset"`
		Record  string `json:"record"`
		Name    string `json:"name"`
		Size    int64  `json:"size"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	f, err := a.config.Attachments.Begin(c.ctx(), c.who(), in.Dataset, in.Record, in.Name, in.Size)
	if err != nil {
		return err
	}
	c.set("Location", "/api/v1/uploads/"+f.ID)
	return writeJSON(c, http.StatusCreated, uploadDocOf(f))
}

func (a *API) getUpload(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	f, err := a.config.Attachments.Upload(c.ctx(), c.who(), c.path("id"))
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, uploadDocOf(f))
}

func (a *API) appendUpload(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	if _, err := c.media("application/octet-stream"); err != nil {
		return err
	}
	f, err := a.config.Attachments.Append(c.ctx(), c.who(), c.path("id"), c.integer("offset"), c.r.Body)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, uploadDocOf(f))
}

func (a *API) getAttachment(c *call) error {
	f, content, err := a.config.Attachments.Open(c.ctx(), c.who(), c.path("id"))
	if err != nil {
		return err
	}
	return ServeFile(c.w, c.r, f, content)
}

// ServeFile answers with a file as it may be shown: pictures in the page, a
// document only to be saved; nothing in it can act on the page.
func ServeFile(w http.ResponseWriter, r *web.Request, f attachment.File, content []byte) error {
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	if web.Fresh(w, r, `"`+f.Digest+`"`) {
		return nil
	}
	h.Set("Content-Type", f.Media)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	how := "inline"
	if f.Media == "application/pdf" {
		how = "attachment"
	}
	h.Set("Content-Disposition", fmt.Sprintf("%s; filename*=UTF-8''%s", how, url.PathEscape(f.Name)))
	_, err := io.WriteString(w, string(content))
	return err
}
