package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
)

// The Data Tracker of Estonia (Andmejälgija, e-gov/AJ) is the interface to match:
// findUsage, usagePeriod and heartbeat of protocol version 2.0.0 (1.6 of January
// 2026), with its names, its default of 1,000 records, its order and its times.
const trackerLimit = 1000

func (a *API) rightsOperations() []operation {
	period := func(name, vi, en string) param {
		return param{name: name, in: "query", typ: "string", example: "2026-01-31T10:20:30Z", text: words{vi, en}}
	}
	page := func(limit int64) []param {
		return []param{
			period("periodStart", "Từ thời điểm này (RFC 3339).", "From this time (RFC 3339)."),
			period("periodEnd", "Đến trước thời điểm này (RFC 3339).", "Until before this time (RFC 3339)."),
			{name: "offset", in: "query", typ: "integer", min: 0, max: 1 << 31, def: "0", text: words{"Bỏ qua số bản ghi này.", "Skip so many records."}},
			paramLimit(limit, 10_000), paramLang(),
		}
	}
	return []operation{
		{
			method: "GET", path: "/api/v1/me/data", id: "myData", tag: "rights",
			summary: words{"Những gì đang lưu về tôi, theo bộ dữ liệu", "What is held about me, by dataset"},
			params:  []param{paramLang()}, answers: []answer{{200, []string{mediaJSON}, "MyData", words{"Các bộ dữ liệu", "The datasets"}}}, handle: a.myData,
		},
		{
			method: "GET", path: "/api/v1/me/data/{name}", id: "myRecords", tag: "rights",
			summary: words{"Các bản ghi về tôi trong một bộ dữ liệu", "The records about me in one dataset"},
			params:  []param{paramLimit(defaultLimit, 1000), paramCursor(), paramLang()},
			answers: []answer{{200, []string{mediaJSON}, "MyRecords", words{"Các bản ghi", "The records"}}}, handle: a.myRecords,
		},
		{
			method: "GET", path: "/api/v1/me/usage", id: "myUsage", tag: "rights",
			summary: words{"Ai đã xem dữ liệu về tôi, khi nào, vì sao", "Who read the data about me, when and why"},
			detail: words{
				"unbroken cho biết số thứ tự các lần xem liền nhau và mỗi lần ghi đúng mã băm của lần trước. hidden là số lần xem còn được tạm giấu theo luật đã quá một năm.",
				"unbroken tells that the numbers of readings have no gap and each names the digest of the one before. hidden counts those older than a year that the law still hides."},
			params: page(defaultLimit), answers: []answer{{200, []string{mediaJSON}, "MyUsage", words{"Các lần xem, mới nhất trước", "The readings, newest first"}}}, handle: a.myUsage,
		},
		{
			method: "GET", path: "/tracker/v1/findUsage", id: "findUsage", tag: "rights",
			summary: words{"Data Tracker: các lần xem dữ liệu về một người", "Data Tracker: the readings of one person's data"},
			detail: words{
				"Cho cổng thông tin có quyền trên nhật ký truy cập. Số định danh nên gửi ở tiêu đề X-Road-UserId; userCode chỉ cần khi hỏi thay người khác. Lần hỏi này cũng được ghi lại.",
				"For a portal that holds a grant on the access records. The number is best sent in the header X-Road-UserId; userCode is needed only when asking for somebody else. That it was asked is recorded too."},
			params: append([]param{
				{name: "userCode", in: "query", typ: "string", text: words{"Số định danh của người mà dữ liệu nói về; thiếu thì là X-Road-UserId.", "Number of the person whom the data is about; X-Road-UserId when left out."}},
				{name: "X-Road-UserId", in: "header", typ: "string", text: words{"Số định danh của người hỏi (VN và 12 chữ số).", "Number of the person who asks (VN and 12 digits)."}},
			}, page(trackerLimit)...),
			answers: []answer{{200, []string{mediaJSON}, "FindUsageResponse", words{"Các lần xem, mới nhất trước", "The readings, newest first"}}}, handle: a.findUsage,
		},
		{
			method: "GET", path: "/tracker/v1/usagePeriod", id: "usagePeriod", tag: "rights",
			summary: words{"Data Tracker: nhật ký có từ khi nào", "Data Tracker: since when there are records"},
			params:  []param{paramLang()}, answers: []answer{{200, []string{mediaJSON}, "UsagePeriodResponse", words{"Khoảng thời gian", "The period"}}}, handle: a.usagePeriod,
		},
		{
			method: "GET", path: "/tracker/v1/heartbeat", id: "heartbeat", tag: "rights",
			summary: words{"Data Tracker: còn hoạt động", "Data Tracker: at work"},
			params:  []param{paramLang()}, answers: []answer{{200, []string{mediaJSON}, "HeartbeatResponse", words{"Tình trạng", "The state"}}}, handle: a.heartbeat,
		},
	}
}

func rightsSchemas(obj func([]string, object) object, arr func(object) object) object {
	str, integer, boolean := object{"type": "string"}, object{"type": "integer"}, object{"type": "boolean"}
	return object{
		"MyData": obj([]string{"datasets"}, object{"datasets": arr(obj([]string{"dataset", "title", "count", "url"}, object{
			"dataset": str, "title": str, "owner": str, "count": integer, "url": str}))}),
		"MyRecords": obj([]string{"dataset", "records"}, object{"dataset": str, "records": arr(ref("Record")), "next": str}),
		"MyUsage": obj([]string{"total", "hidden", "unbroken", "usages"}, object{"total": integer, "hidden": integer, "unbroken": boolean,
			"usages": arr(obj([]string{"number", "at", "dataset", "commit", "self"}, object{"number": integer, "at": str, "reader": str, "agency": str, "agencyName": str, "capacity": str,
				"dataset": str, "fields": arr(str), "by": arr(str), "purpose": str, "purposeName": str, "basis": str, "case": str, "records": integer, "hiddenUntil": str,
				"hiddenBasis": str, "commit": integer, "self": boolean}))}),
		"FindUsageResponse": obj([]string{"totalUsages", "usages"}, object{"totalUsages": integer, "usages": arr(obj([]string{"logtime", "action", "receiverCode", "receiverSystem"}, object{
			"logtime": str, "action": str, "receiverCode": str, "receiverName": str, "receiverSystem": str}))}),
		"UsagePeriodResponse": obj([]string{"periodStart"}, object{"periodStart": str, "periodEnd": str}),
		"HeartbeatResponse":   obj([]string{"status"}, object{"status": object{"enum": []any{"OK", "FAIL"}}, "message": str}),
	}
}

func purposeName(u repo.Purpose, lang string) string {
	if lang != "vi" && u.NameEn != "" {
		return u.NameEn
	}
	return u.Name
}

func (a *API) myData(c *call) error {
	held, err := a.repo.Held(c.ctx(), c.who())
	if err != nil {
		return err
	}
	type holding struct {
		Dataset string `json:"dataset"`
		Title   string `json:"title"`
		Owner   string `json:"owner,omitempty"`
		Count   int64  `json:"count"`
		URL     string `json:"url"`
	}
	list := []holding{}
	for _, h := range held {
		d := h.Entry.Dataset
		list = append(list, holding{d.Name, d.Title.In(c.r.Lang), d.Owner, h.Count, "/api/v1/me/data/" + d.Name})
	}
	c.set("Cache-Control", "no-store")
	return writeJSON(c, http.StatusOK, map[string]any{"datasets": list})
}

func (a *API) myRecords(c *call) error {
	rows := []json.RawMessage{}
	page, err := a.repo.HeldRecords(c.ctx(), c.who(), c.path("name"), int(c.integer("limit")), c.text("cursor"), func(r repo.Record) error {
		var columns []int
		for i, v := range r.Values {
			if !v.IsNull() && !r.Entry.Table.Columns[i].Dropped {
				columns = append(columns, i)
			}
		}
		rows = append(rows, r.Entry.Schema.AppendJSON(nil, r.Values, columns))
		return nil
	})
	if err != nil {
		return err
	}
	c.set("Cache-Control", "no-store")
	out := map[string]any{"dataset": c.path("name"), "records": rows}
	if page.Next != "" {
		out["next"] = page.Next
	}
	return writeJSON(c, http.StatusOK, out)
}

// usageQuery reads period, offset and limit.
func (a *API) usageQuery(c *call) (q repo.UsageQuery, err error) {
	q.Offset, q.Limit = int(c.integer("offset")), int(c.integer("limit"))
	var vs []problem.Violation
	for _, part := range []struct {
		name string
		into *time.Time
	}{{"periodStart", &q.From}, {"periodEnd", &q.Until}} {
		s := c.text(part.name)
		if s == "" {
			continue
		}
		t, _, ok := parseMoment(s, a.repo.Zone())
		if !ok {
			vs = append(vs, problem.Violate("tracker-period", part.name))
		}
		*part.into = t
	}
	return q, web.Malformed(problem.InvalidWith("parameters-invalid", vs))
}

func (a *API) myUsage(c *call) error {
	q, err := a.usageQuery(c)
	if err != nil {
		return err
	}
	page, err := a.repo.Usage(c.ctx(), c.who(), q)
	if err != nil {
		return err
	}
	type usage struct {
		Number      int64    `json:"number"`
		At          string   `json:"at"`
		Reader      string   `json:"reader,omitempty"`
		Agency      string   `json:"agency,omitempty"`
		AgencyName  string   `json:"agencyName,omitempty"`
		Capacity    string   `json:"capacity,omitempty"`
		Dataset     string   `json:"dataset"`
		Fields      []string `json:"fields,omitempty"`
		By          []string `json:"by,omitempty"`
		Purpose     string   `json:"purpose,omitempty"`
		PurposeName string   `json:"purposeName,omitempty"`
		Basis       string   `json:"basis,omitempty"`
		Case        string   `json:"case,omitempty"`
		Records     int64    `json:"records,omitempty"`
		HiddenUntil string   `json:"hiddenUntil,omitempty"`
		HiddenBasis string   `json:"hiddenBasis,omitempty"`
		Commit      int64    `json:"commit"`
		Self        bool     `json:"self"`
	}
	list := []usage{}
	for _, u := range page.Usages {
		list = append(list, usage{u.Number, instant(u.At), u.Reader, u.Agency, a.agencyName(c, u.Agency), u.Capacity, u.Dataset, u.Fields, u.By, u.Purpose, a.purpose(u.Purpose, c.r.Lang),
			u.Basis, u.Case, u.Count, moment(u.HiddenUntil), u.HiddenBasis, u.Commit, u.Self})
	}
	c.set("Cache-Control", "no-store")
	return writeJSON(c, http.StatusOK, map[string]any{"total": page.Total, "hidden": page.Hidden, "unbroken": page.Unfaked, "usages": list})
}

func (a *API) purpose(code, lang string) string {
	if u, ok := a.repo.Purposes()[code]; ok {
		return purposeName(u, lang)
	}
	return code
}

// agencyName is the name of an agency in the reader's language, its code where
// there is none.
func (a *API) agencyName(c *call, code string) string {
	if code == "" {
		return ""
	}
	e, err := a.repo.Entry(repo.Internal(), repo.SystemAgency)
	if err != nil {
		return code
	}
	key, err := record.ParseKey(e.Schema, code)
	if err != nil {
		return code
	}
	rec, err := a.repo.Get(c.ctx(), repo.Internal(), repo.SystemAgency, key, 0)
	if err != nil {
		return code
	}
	for _, name := range []string{map[bool]string{true: "nameEn"}[c.r.Lang == "en"], "name"} {
		if i, _, _, ok := e.Table.Property(name); ok && !rec.Values[i].IsNull() {
			return rec.Values[i].Text()
		}
	}
	return code
}

// personNumber reads a personal number as X-Road writes it: VN and 12 digits
// (Identification Law 26/2023/QH15, Article 12), the country left out at will.
func personNumber(s string) (string, bool) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "VN")
	return s, len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

func (a *API) findUsage(c *call) error {
	q, err := a.usageQuery(c)
	if err != nil {
		return err
	}
	if err := a.repo.MayTrack(c.ctx(), c.who()); err != nil {
		return err
	}
	code := c.text("userCode")
	if code == "" {
		code = c.r.Header.Get("X-Road-UserId")
	}
	number, ok := personNumber(code)
	if !ok {
		return web.Malformed(problem.InvalidWith("parameters-invalid", []problem.Violation{problem.Violate("tracker-person", "userCode")}))
	}
	page, err := a.repo.UsageOf(c.ctx(), c.who(), number, q)
	if err != nil {
		return err
	}
	type usage struct {
		Logtime        string `json:"logtime"`
		Action         string `json:"action"`
		ReceiverCode   string `json:"receiverCode"`
		ReceiverName   string `json:"receiverName,omitempty"`
		ReceiverSystem string `json:"receiverSystem"`
	}
	list := []usage{}
	for _, u := range page.Usages {
		x := usage{instant(u.At), a.purpose(u.Purpose, c.r.Lang), u.Agency, a.agencyName(c, u.Agency), "Huong: " + u.Dataset}
		if u.Self {
			x.Action = words{"Người dân xem dữ liệu về mình", "The person looked at their own data"}.in(c.r.Lang)
		}
		list = append(list, x)
	}
	c.set("Cache-Control", "no-store")
	return writeJSON(c, http.StatusOK, map[string]any{"totalUsages": page.Total, "usages": list})
}

func (a *API) usagePeriod(c *call) error {
	if err := a.repo.MayTrack(c.ctx(), c.who()); err != nil {
		return err
	}
	start := a.config.Now()
	q := repo.Query{Dataset: repo.SystemAccess, Fields: []string{"at"}, Sort: []repo.Sort{{Field: "at"}}, Limit: 1}
	_, err := a.repo.Read(c.ctx(), repo.Internal(), q, func(r repo.Record) error {
		i, _, _, _ := r.Entry.Table.Property("at")
		start = r.Values[i].Instant()
		return nil
	})
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, map[string]string{"periodStart": start.UTC().Format(time.RFC3339)})
}

func (a *API) heartbeat(c *call) error {
	if err := a.repo.MayTrack(c.ctx(), c.who()); err != nil {
		return err
	}
	out := map[string]string{"status": "OK"}
	if ready := a.config.Ready; ready != nil && ready(c.ctx()) != nil {
		out = map[string]string{"status": "FAIL", "message": "not ready"}
	}
	return writeJSON(c, http.StatusOK, out)
}
