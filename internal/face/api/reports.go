package api

import (
	"io"
	"net/http"
	"net/url"

	"huong.city/huong/internal/service/report"
)

func (a *API) reportOperations() []operation {
	if a.config.Reports == nil {
		return nil
	}
	whole := []answer{{200, []string{mediaJSON}, "Report", words{"Báo cáo", "The report"}}}
	return []operation{
		{
			method: "GET", path: "/api/v1/reports", id: "listReports", tag: "reports",
			summary: words{"Các báo cáo mà người gọi được xem", "The reports that the caller may see"},
			params: []param{
				{name: "period", in: "query", typ: "string", enum: []string{"day", "week", "month", "call"}, text: words{"Chỉ kỳ này.", "This period only."}},
				{name: "agency", in: "query", typ: "string", text: words{"Cơ quan ban hành.", "Issuing agency."}},
				{name: "area", in: "query", typ: "string", text: words{"Mã địa bàn.", "Code of an area."}},
				{name: "state", in: "query", typ: "string", text: words{"Trạng thái.", "State."}},
				paramLimit(100, 1000), paramCursor(), paramLang()},
			answers: []answer{{200, []string{mediaJSON}, "Reports", words{"Một trang báo cáo", "A page of reports"}}}, handle: a.listReports,
		},
		{
			method: "GET", path: "/api/v1/reports/{id}", id: "getReport", tag: "reports",
			summary: words{"Một báo cáo với số liệu đã chốt", "One report with its figures as fixed"},
			params:  []param{paramLang()}, answers: whole, handle: a.getReport,
		},
		{
			method: "POST", path: "/api/v1/reports/{id}/actions", id: "actOnReport", tag: "reports",
			summary: words{"Một bước của báo cáo", "A step of a report"},
			detail: words{
				"do là một bước trong may; version là bản đã xem, nếu đã đổi thì trả lời 412. Bước comment gửi answers theo tên mục; return và drop cần note.",
				"do is one of the steps in may; version is the one that was looked at, 412 when it has changed since. comment brings answers by the fields' names; return and drop need a note."},
			params: []param{paramLang()}, bodies: []string{mediaJSON}, body: "ReportAction", maxBody: 1 << 20,
			answers: whole, problems: []int{409, 412, 413, 415, 422}, handle: a.actOnReport,
		},
		{
			method: "GET", path: "/api/v1/reports/{id}/pdf", id: "getReportPaper", tag: "reports",
			summary: words{"Báo cáo theo thể thức văn bản, theo ngôn ngữ yêu cầu", "The report in official form, in the language asked for"},
			params:  []param{paramLang()},
			answers: []answer{{200, []string{"application/pdf"}, "", words{"Tệp PDF", "The PDF"}}}, problems: []int{409}, handle: a.getReportPaper,
		},
	}
}

func reportSchemas(obj func([]string, object) object, arr func(object) object) object {
	str, integer, boolean := object{"type": "string"}, object{"type": "integer"}, object{"type": "boolean"}
	step := obj([]string{"kind", "name", "at"}, object{"kind": str, "name": str, "at": str, "by": str, "agency": str, "level": str, "note": str})
	return object{
		"Reports": obj([]string{"reports"}, object{"reports": arr(ref("Report")), "next": str}),
		"Report": obj([]string{"id", "name", "title", "period", "from", "until", "area", "agency", "state", "over", "version", "url"}, object{
			"id": str, "name": str, "title": str, "period": str, "from": str, "until": str, "area": str, "agency": str, "state": str, "over": boolean, "computedAt": str,
			"asOf": integer, "officer": str, "approvedBy": str, "approvedAt": str, "signer": str, "symbol": str, "issuedAt": str, "dueAt": str, "version": integer, "url": str,
			"may": arr(str), "comments": object{"type": "object", "additionalProperties": str}, "content": object{"type": "object"}, "history": arr(step)}),
		"ReportAction": obj([]string{"do", "version"}, object{"do": str, "version": integer, "note": str, "answers": object{"type": "object", "additionalProperties": str}}),
	}
}

type reportDoc struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Title      string            `json:"title"`
	Period     string            `json:"period"`
	From       string            `json:"from"`
	Until      string            `json:"until"`
	Area       string            `json:"area"`
	Agency     string            `json:"agency"`
	State      string            `json:"state"`
	Over       bool              `json:"over"`
	ComputedAt string            `json:"computedAt,omitempty"`
	AsOf       int64             `json:"asOf,omitempty"`
	Officer    string            `json:"officer,omitempty"`
	ApprovedBy string            `json:"approvedBy,omitempty"`
	ApprovedAt string            `json:"approvedAt,omitempty"`
	Signer     string            `json:"signer,omitempty"`
	Symbol     string            `json:"symbol,omitempty"`
	IssuedAt   string            `json:"issuedAt,omitempty"`
	DueAt      string            `json:"dueAt,omitempty"`
	Version    int64             `json:"version"`
	URL        string            `json:"url"`
	May        []string          `json:"may,omitempty"`
	Comments   map[string]string `json:"comments,omitempty"`
	Content    *report.Content   `json:"content,omitempty"`
	History    []report.Step     `json:"history,omitempty"`
}

func reportDocOf(c *call, r *report.Report) reportDoc {
	return reportDoc{ID: r.ID, Name: r.Name, Title: r.TitleIn(c.r.Lang), Period: r.Period, From: timeText(r.From), Until: timeText(r.Until), Area: r.Area, Agency: r.Agency,
		State: r.State, Over: r.Over, ComputedAt: timeText(r.ComputedAt), AsOf: r.AsOf, Officer: r.Officer, ApprovedBy: r.ApprovedBy, ApprovedAt: timeText(r.ApprovedAt),
		Signer: r.Signer, Symbol: r.Symbol, IssuedAt: timeText(r.IssuedAt), DueAt: timeText(r.DueAt), Version: r.Version, URL: "/api/v1/reports/" + url.PathEscape(r.ID),
		Comments: r.Comments, Content: r.Content, History: r.History}
}

func (a *API) listReports(c *call) error {
	list, page, err := a.config.Reports.List(c.ctx(), c.who(), report.Query{Period: c.text("period"), Agency: c.text("agency"), Area: c.text("area"), State: c.text("state"),
		Limit: int(c.integer("limit")), Cursor: c.text("cursor")})
	if err != nil {
		return err
	}
	out := struct {
		Reports []reportDoc `json:"reports"`
		Next    string      `json:"next,omitempty"`
	}{[]reportDoc{}, page.Next}
	for i := range list {
		out.Reports = append(out.Reports, reportDocOf(c, &list[i]))
	}
	return writeJSON(c, http.StatusOK, out)
}

func (a *API) getReport(c *call) error {
	r, err := a.config.Reports.Get(c.ctx(), c.who(), c.path("id"))
	if err != nil {
		return err
	}
	return a.writeReport(c, r)
}

func (a *API) writeReport(c *call, r *report.Report) error {
	d := reportDocOf(c, r)
	may, err := a.config.Reports.May(c.who(), r)
	if err != nil {
		return err
	}
	for _, t := range may {
		d.May = append(d.May, t.Name)
	}
	return writeJSON(c, http.StatusOK, d)
}

func (a *API) actOnReport(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Do      string            `json:"do"`
		Version int64             `json:"version"`
		Note    string            `json:"note"`
		Answers map[string]string `json:"answers"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	r, err := a.config.Reports.Act(c.ctx(), c.who(), c.path("id"), report.Act(in))
	if err != nil {
		return err
	}
	return a.writeReport(c, r)
}

func (a *API) getReportPaper(c *call) error {
	r, err := a.config.Reports.Get(c.ctx(), c.who(), c.path("id"))
	if err != nil {
		return err
	}
	b, err := a.config.Reports.PDF(c.ctx(), r, c.r.Lang)
	if err != nil {
		return err
	}
	c.set("Content-Type", "application/pdf")
	c.set("Content-Disposition", "attachment; filename*=UTF-8''"+url.PathEscape(r.ID+"-"+c.r.Lang+".pdf"))
	c.set("Cache-Control", "private, no-cache")
	c.set("X-Content-Type-Options", "nosniff")
	_, err = io.WriteString(c.w, string(b))
	return err
}
