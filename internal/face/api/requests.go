package api

import (
	"net/http"
	"net/url"

	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/rights"
)

func (a *API) requestOperations() []operation {
	one := []answer{{200, []string{mediaJSON}, "RightsRequest", words{"Yêu cầu", "The request"}}}
	many := []answer{{200, []string{mediaJSON}, "RightsRequests", words{"Các yêu cầu", "The requests"}}}
	return []operation{
		{
			method: "GET", path: "/api/v1/me/requests", id: "myRequests", tag: "rights",
			summary: words{"Các yêu cầu của tôi về dữ liệu của mình", "My requests about the data about me"},
			params:  []param{paramLang()}, answers: many, handle: a.myRequests,
		},
		{
			method: "POST", path: "/api/v1/me/requests", id: "askForRight", tag: "rights",
			summary: words{"Yêu cầu cung cấp, chỉnh sửa, xoá hoặc hạn chế xử lý dữ liệu về tôi", "Ask to be given, to correct, delete or restrict data about me"},
			detail: words{
				"Cơ quan chủ quản phải trả lời trong 2 ngày làm việc và làm xong trong 10 ngày (cung cấp, chỉnh sửa), 15 ngày (hạn chế) hoặc 20 ngày (xoá).",
				"The owner answers within 2 working days and is done within 10 days (access, correction), 15 (restriction) or 20 (deletion)."},
			params: []param{paramLang()}, bodies: []string{mediaJSON}, body: "RightsAsked", maxBody: 64 << 10,
			answers: []answer{{201, []string{mediaJSON}, "RightsRequest", words{"Yêu cầu đã ghi", "The request"}}}, problems: []int{409, 413, 415, 422}, handle: a.askForRight,
		},
		{
			method: "GET", path: "/api/v1/rights-requests", id: "listRightsRequests", tag: "rights",
			summary: words{"Các yêu cầu mà cơ quan tôi phải giải quyết, đến hạn trước đứng trước", "The requests that my agency handles, what is due first before the others"},
			params:  []param{{name: "all", in: "query", typ: "boolean", def: "false", text: words{"Gồm cả yêu cầu đã xong.", "Those that are closed too."}}, paramLang()}, answers: many, handle: a.listRightsRequests,
		},
		{
			method: "GET", path: "/api/v1/rights-requests/{id}", id: "getRightsRequest", tag: "rights",
			summary: words{"Một yêu cầu", "One request"}, params: []param{paramLang()}, answers: one, handle: a.getRightsRequest,
		},
		{
			method: "POST", path: "/api/v1/rights-requests/{id}/steps", id: "stepRightsRequest", tag: "rights",
			summary: words{"Một bước: nhận giải quyết, từ chối, làm xong, xoá hẳn bản ghi, gia hạn, rút", "One step: accept, refuse, done, erase, extend, withdraw"},
			params:  []param{paramLang()}, bodies: []string{mediaJSON}, body: "RightsStep", maxBody: 64 << 10,
			answers: one, problems: []int{409, 412, 413, 415, 422}, handle: a.stepRightsRequest,
		},
	}
}

func requestSchemas(obj func([]string, object) object, arr func(object) object) object {
	str, integer, boolean := object{"type": "string"}, object{"type": "integer"}, object{"type": "boolean"}
	enum := func(list []string) object {
		all := []any{}
		for _, s := range list {
			all = append(all, s)
		}
		return object{"enum": all}
	}
	return object{
		"RightsRequests": obj([]string{"requests"}, object{"requests": arr(ref("RightsRequest"))}),
		"RightsRequest": obj([]string{"id", "kind", "dataset", "text", "state", "askedAt", "answerBy", "completeBy", "overdue", "version", "url"}, object{
			"id": str, "kind": enum(rights.Kinds()), "dataset": str, "owner": str, "record": str, "text": str, "state": enum(rights.States()), "askedAt": str, "answerBy": str,
			"completeBy": str, "answeredAt": str, "doneAt": str, "handledBy": str, "answer": str, "citation": str, "extended": boolean, "overdue": boolean,
			"version": integer, "url": str, "may": arr(str)}),
		"RightsAsked": obj([]string{"kind", "dataset", "text"}, object{"kind": enum(rights.Kinds()), "dataset": str, "record": str, "text": str}),
		"RightsStep": obj([]string{"step", "version"}, object{"step": enum([]string{rights.Accept, rights.Refuse, rights.Complete, rights.Erase, rights.Extend, rights.Withdraw}),
			"version": integer, "text": str, "citation": str}),
	}
}

type requestDoc struct {
	ID         string   `json:"id"`
	Kind       string   `json:"kind"`
	Dataset    string   `json:"dataset"`
	Owner      string   `json:"owner,omitempty"`
	Record     string   `json:"record,omitempty"`
	Text       string   `json:"text"`
	State      string   `json:"state"`
	AskedAt    string   `json:"askedAt"`
	AnswerBy   string   `json:"answerBy"`
	CompleteBy string   `json:"completeBy"`
	AnsweredAt string   `json:"answeredAt,omitempty"`
	DoneAt     string   `json:"doneAt,omitempty"`
	HandledBy  string   `json:"handledBy,omitempty"`
	Answer     string   `json:"answer,omitempty"`
	Citation   string   `json:"citation,omitempty"`
	Extended   bool     `json:"extended,omitempty"`
	Overdue    bool     `json:"overdue"`
	Version    int64    `json:"version"`
	URL        string   `json:"url"`
	May        []string `json:"may,omitempty"`
}

func (a *API) requestDoc(p repo.Principal, r *rights.Request) requestDoc {
	d := requestDoc{ID: r.ID, Kind: r.Kind, Dataset: r.Dataset, Owner: r.Owner, Record: r.Record, Text: r.Text, State: r.State, AskedAt: instant(r.AskedAt.UnixMicro()),
		AnswerBy: instant(r.AnswerBy.UnixMicro()), CompleteBy: instant(r.CompleteBy.UnixMicro()), HandledBy: r.HandledBy, Answer: r.Answer, Citation: r.Citation,
		Extended: r.Extended, Overdue: r.Overdue(a.config.Now()), Version: r.Version, URL: "/api/v1/rights-requests/" + url.PathEscape(r.ID), May: a.config.Rights.May(p, r)}
	if !r.AnsweredAt.IsZero() {
		d.AnsweredAt = instant(r.AnsweredAt.UnixMicro())
	}
	if !r.DoneAt.IsZero() {
		d.DoneAt = instant(r.DoneAt.UnixMicro())
	}
	return d
}

func (a *API) requestList(c *call, list []rights.Request, err error) error {
	if err != nil {
		return err
	}
	docs := []requestDoc{}
	for i := range list {
		docs = append(docs, a.requestDoc(c.who(), &list[i]))
	}
	return a.requestAnswer(c, http.StatusOK, map[string]any{"requests": docs})
}

// requestAnswer keeps what a person wrote out of every cache.
func (a *API) requestAnswer(c *call, status int, v any) error {
	c.set("Cache-Control", "no-store")
	return writeJSON(c, status, v)
}

func (a *API) myRequests(c *call) error {
	list, err := a.config.Rights.Mine(c.ctx(), c.who())
	return a.requestList(c, list, err)
}

func (a *API) listRightsRequests(c *call) error {
	list, err := a.config.Rights.Waiting(c.ctx(), c.who(), c.truth("all", false))
	return a.requestList(c, list, err)
}

func (a *API) getRightsRequest(c *call) error {
	r, err := a.config.Rights.Get(c.ctx(), c.who(), c.path("id"))
	if err != nil {
		return err
	}
	return a.requestAnswer(c, http.StatusOK, a.requestDoc(c.who(), &r))
}

func (a *API) askForRight(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Kind    string `json:"kind"`
		Dataset string `json:"dataset"`
		Record  string `json:"record"`
		Text    string `json:"text"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	r, err := a.config.Rights.Ask(c.ctx(), c.who(), rights.Asked(in))
	if err != nil {
		return err
	}
	d := a.requestDoc(c.who(), &r)
	c.set("Location", d.URL)
	return a.requestAnswer(c, http.StatusCreated, d)
}

func (a *API) stepRightsRequest(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Step     string `json:"step"`
		Version  int64  `json:"version"`
		Text     string `json:"text"`
		Citation string `json:"citation"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	r, err := a.config.Rights.Step(c.ctx(), c.who(), c.path("id"), rights.Step{Action: in.Step, Version: in.Version, Text: in.Text, Citation: in.Citation})
	if err != nil {
		return err
	}
	return a.requestAnswer(c, http.StatusOK, a.requestDoc(c.who(), &r))
}
