package api

import (
	"encoding/json"
	"net/http"
	"slices"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/quality"
)

func (a *API) qualityOperations() []operation {
	return []operation{{
		method: "GET", path: "/api/v1/datasets/{name}/quality", id: "getQuality", tag: "records",
		summary: words{"Bản ghi trái quy tắc so với bản ghi trước", "Records that break a rule beside the one before them"},
		detail: words{
			"Quy tắc dùng previous(…) so một bản ghi với bản ghi đứng ngay trước của cùng đối tượng theo thời gian của số liệu. Kết quả được tính lại khi có bản ghi đến muộn, được sửa hay bị xóa; seq là số thứ tự ghi mà kết quả đã tính tới. Quy tắc đọc trường không được phép xem chỉ có số lượng.",
			"A rule with previous(…) compares a record with the one just before it of the same subject, by event time. Findings follow records that come late, are corrected or are deleted; seq is the commit that they are of. Of a rule that reads fields hidden from the caller only the count is told.",
		},
		params: []param{
			{name: "rule", in: "query", typ: "string", text: words{"Chỉ quy tắc này.", "This rule only."}},
			paramLimit(defaultLimit, 1000), paramCursor(), paramLang(),
		},
		answers: []answer{{200, []string{mediaJSON}, "Quality", words{"Số lượng theo quy tắc và một trang bản ghi, mới nhất trước", "Counts by rule and a page of findings, newest first"}}},
		handle:  a.quality,
	}}
}

func qualitySchema(obj func([]string, object) object, arr func(object) object) object {
	str, integer, boolean, free := object{"type": "string"}, object{"type": "integer"}, object{"type": "boolean"}, object{"type": "object"}
	return obj([]string{"dataset", "seq", "complete", "rules", "findings"}, object{
		"dataset": str, "seq": integer, "complete": boolean, "next": str,
		"rules": arr(obj([]string{"name", "rule", "dimension", "count", "hidden"}, object{
			"name": str, "rule": str, "dimension": str, "description": str, "count": integer, "hidden": boolean})),
		"findings": arr(obj([]string{"rule", "key", "time", "values", "previous", "url"}, object{
			"rule": str, "key": str, "time": str, "values": free, "previous": free, "url": str})),
	})
}

type qualityPage struct {
	Dataset  string         `json:"dataset"`
	Seq      int64          `json:"seq"`
	Complete bool           `json:"complete"`
	Rules    []qualityRule  `json:"rules"`
	Findings []qualityFound `json:"findings"`
	Next     string         `json:"next,omitempty"`
}

type qualityRule struct {
	Name        string `json:"name"`
	Rule        string `json:"rule"`
	Dimension   string `json:"dimension"`
	Description string `json:"description,omitempty"`
	Count       int64  `json:"count"`
	Hidden      bool   `json:"hidden"`
}

type qualityFound struct {
	Rule     string          `json:"rule"`
	Key      string          `json:"key"`
	Time     string          `json:"time"`
	Values   json.RawMessage `json:"values"`
	Previous json.RawMessage `json:"previous"`
	URL      string          `json:"url"`
}

func (a *API) quality(c *call) error {
	e, err := a.entry(c)
	if err != nil {
		return err
	}
	s, err := quality.Summary(c.ctx(), a.repo, c.who(), e.Dataset.Name)
	if err != nil {
		return err
	}
	page := qualityPage{Dataset: e.Dataset.Name, Seq: s.Seq, Complete: s.Complete, Rules: []qualityRule{}, Findings: []qualityFound{}}
	for _, r := range s.Rules {
		page.Rules = append(page.Rules, qualityRule{r.Rule.Name, r.Rule.Rule, r.Rule.Dimension, r.Rule.Description.In(c.r.Lang), r.Records, r.Hidden})
	}
	q := quality.Query{Dataset: e.Dataset.Name, Rule: c.text("rule"), Limit: int(c.integer("limit")), Cursor: c.text("cursor")}
	found, next, err := quality.List(c.ctx(), a.repo, c.who(), q)
	if err != nil {
		return err
	}
	page.Next = next
	for _, f := range found {
		page.Findings = append(page.Findings, a.found(e, f))
	}
	return writeJSON(c, http.StatusOK, page)
}

func (a *API) found(e *repo.Entry, f quality.Finding) qualityFound {
	t := e.Table
	rule := slices.Index(e.Schema.SequenceRules(), f.Rule)
	columns := slices.DeleteFunc(e.Schema.SequenceColumns(rule), func(i int) bool { return slices.Contains(t.Key, i) && i != t.Time })
	before := columns
	if !slices.Contains(before, t.Time) {
		before = append([]int{t.Time}, before...)
	}
	key := record.FormatKey(t, f.Key)
	return qualityFound{
		Rule: f.Rule, Key: key, Time: momentText(t, f.Row[t.Time]),
		Values:   e.Schema.AppendJSON(nil, f.Row, columns),
		Previous: e.Schema.AppendJSON(nil, f.Previous, before),
		URL:      recordURL(e, key),
	}
}

func momentText(t *dataset.Table, v value.Value) string {
	if t.Columns[t.Time].Kind == value.Date {
		return v.CalendarDay().Format("2006-01-02")
	}
	return instant(v.Micros())
}
