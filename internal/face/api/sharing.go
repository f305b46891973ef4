package api

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/sharing"
)

var grantStates = []string{"requested", "question", "in-force", "refused", "ended", "revoked"}

func (a *API) sharingOperations() []operation {
	asOf := param{name: "asOf", in: "query", typ: "string", example: "2026-01-31T00:00:00+07:00",
		text: words{"Như tại một số thứ tự ghi hoặc một thời điểm.", "As it was at a commit number or at a time."}}
	one := []answer{{200, []string{mediaJSON}, "Grant", words{"Quyền chia sẻ", "The grant"}}}
	return []operation{
		{
			method: "GET", path: "/api/v1/grants", id: "listGrants", tag: "sharing",
			summary: words{"Các quyền chia sẻ mà người gọi được biết", "The grants that the caller may know of"},
			detail: words{
				"Cơ quan chủ quản thấy quyền trên bộ dữ liệu của mình, cơ quan được cấp thấy quyền của mình, kiểm toán thấy tất cả.",
				"An owner sees the grants on its datasets, a grantee its own, an auditor all of them."},
			params: []param{
				{name: "dataset", in: "query", typ: "string", text: words{"Chỉ bộ dữ liệu này.", "This dataset only."}},
				{name: "state", in: "query", typ: "string", enum: grantStates, text: words{"Chỉ trạng thái này.", "This state only."}},
				{name: "of", in: "query", typ: "string", enum: []string{"owner", "mine"}, text: words{"owner: trên bộ dữ liệu của cơ quan mình; mine: của cơ quan mình.", "owner: on the datasets of one's own agency; mine: held or asked for by it."}},
				{name: "expiring", in: "query", typ: "integer", min: 1, max: 3650, text: words{"Chỉ quyền đang hiệu lực sẽ hết hạn trong số ngày này.", "Only those in force that end within so many days."}},
				{name: "unused", in: "query", typ: "boolean", def: "false", text: words{"Chỉ quyền không dùng trong 90 ngày (theo nhật ký truy cập dữ liệu cá nhân), trong phạm vi trang này.", "Of this page, only those unused for 90 days, as access records of personal data tell."}},
				asOf, paramLimit(defaultLimit, 1000), paramCursor(), paramLang(),
			},
			answers: []answer{{200, []string{mediaJSON}, "Grants", words{"Một trang quyền chia sẻ", "A page of grants"}}},
			handle:  a.listGrants,
		},
		{
			method: "GET", path: "/api/v1/grants/{id}", id: "getGrant", tag: "sharing",
			summary: words{"Một quyền chia sẻ và diễn biến của nó", "One grant and what happened to it"},
			params:  []param{asOf, paramLang()}, answers: one, handle: a.getGrant,
		},
		{
			method: "POST", path: "/api/v1/grants", id: "requestGrant", tag: "sharing",
			summary: words{"Đề nghị chia sẻ", "Ask for a grant"},
			detail:  words{"Do cán bộ của một cơ quan gửi, cho cơ quan mình. Mọi lỗi được báo cùng lúc, theo tên mục.", "By staff of an agency, for that agency. All faults are told at once, by field."},
			params:  []param{paramLang()}, bodies: []string{mediaJSON}, body: "GrantRequest", maxBody: maxRecord,
			answers: []answer{{201, []string{mediaJSON}, "Grant", words{"Đề nghị đã ghi", "The request"}}}, problems: []int{409, 413, 415, 422}, handle: a.requestGrant,
		},
		{
			method: "POST", path: "/api/v1/grants/{id}/steps", id: "stepGrant", tag: "sharing",
			summary: words{"Một bước xử lý: hỏi lại, trả lời, duyệt, từ chối, thu hồi, rút", "One step: question, answer, approve, refuse, revoke, withdraw"},
			detail: words{
				"version là phiên bản mà người quyết định đã xem; nếu đã đổi, trả lời 412. Duyệt có thể kèm terms hẹp hơn điều được đề nghị. Từ chối phải có text và citation.",
				"version is the one that was looked at; 412 when it has changed since. An approval may carry terms that give less than was asked for. A refusal needs text and citation."},
			params: []param{paramLang()}, bodies: []string{mediaJSON}, body: "GrantStep", maxBody: maxRecord,
			answers: one, problems: []int{409, 412, 413, 415, 422}, handle: a.stepGrant,
		},
		{
			method: "GET", path: "/api/v1/datasets/{name}/access", id: "explainAccess", tag: "sharing",
			summary: words{"Tôi được xem gì, còn thiếu gì, xin thế nào", "What I may see, what I lack, how to ask"},
			params: []param{
				{name: "action", in: "query", typ: "string", def: "read", enum: []string{"read", "aggregate", "write"}, text: words{"Việc cần làm.", "What is to be done."}}, paramLang()},
			answers: []answer{{200, []string{mediaJSON}, "Access", words{"Giải thích", "The explanation"}}}, handle: a.explainAccess,
		},
	}
}

func sharingSchemas(obj func([]string, object) object, arr func(object) object) object {
	str, integer, boolean := object{"type": "string"}, object{"type": "integer"}, object{"type": "boolean"}
	masks := arr(obj([]string{"how"}, object{"field": str, "tag": str, "how": object{"enum": []any{"last-digits", "year", "area", "pseudonym"}}}))
	terms := func() object {
		return object{"fields": arr(str), "tags": arr(str), "rows": str, "ownAreas": boolean, "ownAgency": str, "purposes": arr(str), "masks": masks,
			"minimumCell": integer, "from": str, "until": str, "role": str, "account": str}
	}
	with := func(more object) object {
		all := terms()
		for k, v := range more {
			all[k] = v
		}
		return all
	}
	states := []any{}
	for _, s := range grantStates {
		states = append(states, s)
	}
	event := obj([]string{"seq", "at", "actor", "state"}, object{"seq": integer, "at": str, "actor": str, "action": str, "state": str, "text": str})
	return object{
		"Grants": obj([]string{"grants"}, object{"grants": arr(ref("Grant")), "next": str}),
		"Grant": obj([]string{"id", "dataset", "action", "state", "version", "url"}, with(object{
			"id": str, "dataset": str, "title": str, "owner": str, "agency": str, "action": str, "basis": str, "need": str,
			"state": object{"enum": states}, "askedBy": str, "askedAt": str, "decidedBy": str, "decidedAt": str, "question": str, "answer": str,
			"reason": str, "citation": str, "version": integer, "url": str, "may": arr(str), "timeline": arr(event),
			"use": obj([]string{"measured", "unused"}, object{"measured": boolean, "unused": boolean, "last": str,
				"reminders": arr(obj([]string{"days", "at"}, object{"days": integer, "at": str}))}),
		})),
		"GrantRequest": obj([]string{"dataset", "action", "basis", "need", "until"}, with(object{"dataset": str, "action": str, "basis": str, "need": str})),
		"GrantTerms":   obj([]string{}, terms()),
		"GrantStep": obj([]string{"step", "version"}, object{"step": object{"enum": []any{"question", "answer", "approve", "refuse", "revoke", "withdraw"}},
			"version": integer, "text": str, "citation": str, "terms": ref("GrantTerms")}),
		"Access": obj([]string{"dataset", "action", "allowed", "visible", "gives", "lacks", "purposes", "mayAsk"}, object{
			"dataset": str, "title": str, "owner": str, "action": str, "allowed": boolean, "visible": arr(str), "mayAsk": boolean, "ask": str,
			"gives":    arr(obj([]string{"by"}, object{"by": str, "fields": arr(str), "masks": masks, "rows": str, "purposes": arr(str), "basis": str, "until": str, "minimumCell": integer})),
			"lacks":    arr(obj([]string{"code", "message"}, object{"code": str, "message": str})),
			"purposes": arr(obj([]string{"code", "name", "fields"}, object{"code": str, "name": str, "basis": str, "needsCase": boolean, "fields": arr(str)})),
		}),
	}
}

type maskDoc struct {
	Field string `json:"field,omitempty"`
	Tag   string `json:"tag,omitempty"`
	How   string `json:"how"`
}

type termsDoc struct {
	Fields      []string  `json:"fields,omitempty"`
	Tags        []string  `json:"tags,omitempty"`
	Rows        string    `json:"rows,omitempty"`
	OwnAreas    bool      `json:"ownAreas,omitempty"`
	OwnAgency   string    `json:"ownAgency,omitempty"`
	Purposes    []string  `json:"purposes,omitempty"`
	Masks       []maskDoc `json:"masks,omitempty"`
	MinimumCell int       `json:"minimumCell,omitempty"`
	From        string    `json:"from,omitempty"`
	Until       string    `json:"until,omitempty"`
	Role        string    `json:"role,omitempty"`
	Account     string    `json:"account,omitempty"`
}

// terms reads what is asked for; times are RFC 3339 or a day, which stands for
// its first instant in the city's zone.
func (a *API) terms(t termsDoc) (sharing.Terms, []problem.Violation) {
	out := sharing.Terms{Fields: t.Fields, Tags: t.Tags, Rows: t.Rows, OwnAreas: t.OwnAreas, OwnAgency: t.OwnAgency, Purposes: t.Purposes,
		MinimumCell: t.MinimumCell, Role: t.Role, Account: t.Account}
	for _, m := range t.Masks {
		out.Masks = append(out.Masks, grant.Mask{Field: m.Field, Tag: m.Tag, How: grant.How(m.How)})
	}
	var vs []problem.Violation
	for _, part := range []struct {
		field, text string
		into        *int64
	}{{"from", t.From, &out.From}, {"until", t.Until, &out.Until}} {
		if part.text == "" {
			continue
		}
		at, _, ok := parseMoment(part.text, a.repo.Zone())
		if !ok {
			vs = append(vs, problem.Violate("asof-invalid", part.field))
			continue
		}
		*part.into = at.UnixMicro()
	}
	return out, vs
}

type grantDoc struct {
	ID      string `json:"id"`
	Dataset string `json:"dataset"`
	Title   string `json:"title,omitempty"`
	Owner   string `json:"owner,omitempty"`
	Agency  string `json:"agency,omitempty"`
	Action  string `json:"action"`
	Basis   string `json:"basis,omitempty"`
	Need    string `json:"need,omitempty"`
	termsDoc
	State     string     `json:"state"`
	AskedBy   string     `json:"askedBy,omitempty"`
	AskedAt   string     `json:"askedAt,omitempty"`
	DecidedBy string     `json:"decidedBy,omitempty"`
	DecidedAt string     `json:"decidedAt,omitempty"`
	Question  string     `json:"question,omitempty"`
	Answer    string     `json:"answer,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	Citation  string     `json:"citation,omitempty"`
	Version   int64      `json:"version"`
	URL       string     `json:"url"`
	May       []string   `json:"may,omitempty"`
	Use       *useDoc    `json:"use,omitempty"`
	Timeline  []eventDoc `json:"timeline,omitempty"`
}

type useDoc struct {
	Measured  bool          `json:"measured"`
	Unused    bool          `json:"unused"`
	Last      string        `json:"last,omitempty"`
	Reminders []reminderDoc `json:"reminders,omitempty"`
}

type reminderDoc struct {
	Days int64  `json:"days"`
	At   string `json:"at"`
}

type eventDoc struct {
	Seq    int64  `json:"seq"`
	At     string `json:"at"`
	Actor  string `json:"actor"`
	Action string `json:"action,omitempty"`
	State  string `json:"state"`
	Text   string `json:"text,omitempty"`
}

func moment(micros int64) string {
	if micros == 0 {
		return ""
	}
	return instant(micros)
}

func (a *API) grantDoc(c *call, g *sharing.Grant, at time.Time, now bool) grantDoc {
	d := grantDoc{
		ID: g.ID, Dataset: g.Dataset, Owner: g.Owner, Agency: g.Agency, Action: string(g.Action), Basis: g.Basis, Need: g.Need,
		State: string(g.StateAt(at)), AskedBy: g.AskedBy, AskedAt: moment(g.AskedAt), DecidedBy: g.DecidedBy, DecidedAt: moment(g.DecidedAt),
		Question: g.Question, Answer: g.Answer, Reason: g.Reason, Citation: g.Citation, Version: g.Version, URL: "/api/v1/grants/" + url.PathEscape(g.ID),
		termsDoc: termsDoc{Fields: g.Fields, Tags: g.Tags, Rows: g.Rows, OwnAreas: g.OwnAreas, OwnAgency: g.OwnAgency, Purposes: g.Purposes,
			MinimumCell: g.MinimumCell, From: moment(g.From), Until: moment(g.Until), Role: g.Role, Account: g.Account},
	}
	for _, m := range g.Masks {
		d.Masks = append(d.Masks, maskDoc{m.Field, m.Tag, string(m.How)})
	}
	d.Title = a.config.Sharing.TitleOf(g.Dataset, c.r.Lang)
	if !now {
		return d
	}
	for _, s := range a.config.Sharing.May(c.who(), g) {
		d.May = append(d.May, string(s))
	}
	if g.State == grant.InForceState {
		u := a.config.Sharing.Use(g)
		d.Use = &useDoc{Measured: u.Measured, Unused: u.Unused, Last: moment(u.Last)}
		for _, r := range u.Reminders {
			d.Use.Reminders = append(d.Use.Reminders, reminderDoc{r.Days, instant(r.At)})
		}
	}
	return d
}

// timeOf is when a state of old was; now for the zero commit.
func (a *API) timeOf(c *call, asOf int64) (time.Time, error) {
	if asOf == 0 {
		return a.config.Now(), nil
	}
	if t, _, ok := parseMoment(c.text("asOf"), a.repo.Zone()); ok && strings.ContainsAny(c.text("asOf"), "-:") {
		return t, nil
	}
	return a.config.Sharing.TimeOf(c.ctx(), asOf)
}

func (a *API) listGrants(c *call) error {
	asOf, err := a.asOf(c, "asOf")
	if err != nil {
		return web.Malformed(err)
	}
	at, err := a.timeOf(c, asOf)
	if err != nil {
		return err
	}
	q := sharing.Query{Dataset: c.text("dataset"), Of: c.text("of"), AsOf: asOf, Limit: int(c.integer("limit")), Cursor: c.text("cursor")}
	if s := c.text("state"); s != "" {
		q.States = []grant.State{grant.State(s)}
	}
	if days := c.integer("expiring"); days > 0 {
		q.States, q.Until = []grant.State{grant.InForceState}, at.Add(time.Duration(days)*24*time.Hour)
	}
	list, next, err := a.config.Sharing.List(c.ctx(), c.who(), q)
	if err != nil {
		return err
	}
	out := struct {
		Grants []grantDoc `json:"grants"`
		Next   string     `json:"next,omitempty"`
	}{[]grantDoc{}, next}
	for i := range list {
		d := a.grantDoc(c, &list[i], at, asOf == 0)
		if c.truth("unused", false) && (d.Use == nil || !d.Use.Unused) {
			continue
		}
		out.Grants = append(out.Grants, d)
	}
	return writeJSON(c, http.StatusOK, out)
}

func (a *API) getGrant(c *call) error {
	asOf, err := a.asOf(c, "asOf")
	if err != nil {
		return web.Malformed(err)
	}
	at, err := a.timeOf(c, asOf)
	if err != nil {
		return err
	}
	g, err := a.config.Sharing.Get(c.ctx(), c.who(), c.path("id"), asOf)
	if err != nil {
		return err
	}
	d := a.grantDoc(c, &g, at, asOf == 0)
	events, err := a.config.Sharing.Timeline(c.ctx(), c.who(), g.ID)
	if err != nil {
		return err
	}
	for _, e := range events {
		if asOf == 0 || e.Seq <= asOf {
			d.Timeline = append(d.Timeline, eventDoc{e.Seq, instant(e.At), e.Actor, string(e.Action), string(e.State), e.Text})
		}
	}
	return writeJSON(c, http.StatusOK, d)
}

func (a *API) requestGrant(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Dataset string `json:"dataset"`
		Action  string `json:"action"`
		Basis   string `json:"basis"`
		Need    string `json:"need"`
		termsDoc
	}
	if err := c.body(&in); err != nil {
		return err
	}
	terms, vs := a.terms(in.termsDoc)
	if err := problem.InvalidWith("body-invalid", vs); err != nil {
		return err
	}
	g, err := a.config.Sharing.Request(c.ctx(), c.who(), sharing.Request{Terms: terms, Dataset: in.Dataset, Action: grant.Action(in.Action), Basis: in.Basis, Need: in.Need})
	if err != nil {
		return err
	}
	d := a.grantDoc(c, &g, a.config.Now(), true)
	c.set("Location", d.URL)
	return writeJSON(c, http.StatusCreated, d)
}

func (a *API) stepGrant(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Step     string    `json:"step"`
		Version  int64     `json:"version"`
		Text     string    `json:"text"`
		Citation string    `json:"citation"`
		Terms    *termsDoc `json:"terms"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	s := sharing.Step{Action: sharing.Action(in.Step), Version: in.Version, Text: in.Text, Citation: in.Citation}
	if in.Terms != nil {
		terms, vs := a.terms(*in.Terms)
		if err := problem.InvalidWith("body-invalid", vs); err != nil {
			return err
		}
		s.Terms = &terms
	}
	g, err := a.config.Sharing.Step(c.ctx(), c.who(), c.path("id"), s)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, a.grantDoc(c, &g, a.config.Now(), true))
}

type givenDoc struct {
	By          string    `json:"by"`
	Fields      []string  `json:"fields,omitempty"`
	Masks       []maskDoc `json:"masks,omitempty"`
	Rows        string    `json:"rows,omitempty"`
	Purposes    []string  `json:"purposes,omitempty"`
	Basis       string    `json:"basis,omitempty"`
	Until       string    `json:"until,omitempty"`
	MinimumCell int       `json:"minimumCell,omitempty"`
}

type lackDoc struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type purposeDoc struct {
	Code      string   `json:"code"`
	Name      string   `json:"name"`
	Basis     string   `json:"basis,omitempty"`
	NeedsCase bool     `json:"needsCase,omitempty"`
	Fields    []string `json:"fields"`
}

func (a *API) explainAccess(c *call) error {
	action := grant.Action(c.text("action"))
	if action == "" {
		action = grant.Read
	}
	x, err := a.config.Sharing.Access(c.ctx(), c.who(), c.path("name"), action)
	if err != nil {
		return err
	}
	d := x.Entry.Dataset
	out := struct {
		Dataset  string       `json:"dataset"`
		Title    string       `json:"title"`
		Owner    string       `json:"owner,omitempty"`
		Action   string       `json:"action"`
		Allowed  bool         `json:"allowed"`
		Visible  []string     `json:"visible"`
		Gives    []givenDoc   `json:"gives"`
		Lacks    []lackDoc    `json:"lacks"`
		Purposes []purposeDoc `json:"purposes"`
		MayAsk   bool         `json:"mayAsk"`
		Ask      string       `json:"ask,omitempty"`
	}{d.Name, d.Title.In(c.r.Lang), d.Owner, string(action), x.Allowed, append([]string{}, x.Visible...), []givenDoc{}, []lackDoc{}, []purposeDoc{}, x.MayAsk, ""}
	if x.MayAsk {
		out.Ask = "/api/v1/grants"
	}
	for _, g := range x.Explain.Gives {
		y := givenDoc{By: g.ID, Fields: g.Clear, Rows: g.Rows, Purposes: g.Purposes, Basis: g.Basis, Until: moment(g.Until), MinimumCell: g.MinimumCell}
		for _, m := range g.Masked {
			y.Masks = append(y.Masks, maskDoc{m.Field, m.Tag, string(m.How)})
		}
		out.Gives = append(out.Gives, y)
	}
	for _, v := range x.Explain.Lacks {
		out.Lacks = append(out.Lacks, lackDoc{v.Code, v.In(c.r.Lang)})
	}
	for _, u := range x.Purposes {
		out.Purposes = append(out.Purposes, purposeDoc{u.Code, purposeName(u.Purpose, c.r.Lang), u.Basis, u.NeedsCase, u.Fields})
	}
	return writeJSON(c, http.StatusOK, out)
}
