package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
)

func (a *API) catalogOperations() []operation {
	text := func(name, vi, en string) param {
		return param{name: name, in: "query", typ: "string", text: words{vi, en}}
	}
	return []operation{
		{
			method: "GET", path: "/api/v1/datasets", id: "listDatasets", tag: "catalog",
			summary: words{"Danh mục bộ dữ liệu", "The catalog of datasets"},
			detail:  words{"Các bộ dữ liệu mà người gọi được đọc. Tìm kiếm không phân biệt hoa thường và dấu.", "The datasets that the caller may read. Search ignores case and Vietnamese marks."},
			params: []param{
				text("q", "Từ cần tìm trong tên, tiêu đề, mô tả và các trường.", "Words to find in names, titles, descriptions and fields."),
				text("sector", "Chỉ lĩnh vực này.", "This sector only."),
				text("owner", "Chỉ cơ quan này.", "This agency only."),
				{name: "classification", in: "query", typ: "string", enum: []string{"open", "internal", "personal", "restricted"}, text: words{"Chỉ mức phân loại này.", "This classification only."}},
				{name: "system", in: "query", typ: "boolean", def: "false", text: words{"Gồm cả các bộ dữ liệu của hệ thống.", "Include the system's own datasets."}},
				paramLang(),
			},
			answers: []answer{{200, []string{"application/json"}, "Catalog", words{"Danh mục", "The catalog"}}},
			handle:  a.listDatasets,
		},
		{
			method: "GET", path: "/api/v1/datasets/{name}", id: "getDataset", tag: "catalog",
			summary: words{"Khai báo của một bộ dữ liệu", "One dataset: declaration, schema, counts, freshness"},
			params:  []param{paramLang()},
			answers: []answer{{200, []string{"application/json"}, "DatasetDetail", words{"Bộ dữ liệu", "The dataset"}}},
			handle:  a.getDataset,
		},
		{
			method: "GET", path: "/api/v1/datasets/{name}/descriptor", id: "getDescriptor", tag: "catalog",
			summary: words{"Mô tả theo Data Package v2", "Descriptor as Data Package v2"},
			params:  []param{paramLang()},
			answers: []answer{{200, []string{"application/json"}, "", words{"Tài nguyên Data Package", "A Data Resource"}}},
			handle: func(c *call) error {
				e, err := a.entry(c)
				if err != nil {
					return err
				}
				return document(c, e, "application/json; charset=utf-8", e.Dataset.Descriptor)
			},
		},
		{
			method: "GET", path: "/api/v1/datasets/{name}/contract", id: "getContract", tag: "catalog",
			summary: words{"Hợp đồng dữ liệu ODCS 3.1", "Data contract, ODCS 3.1"},
			params:  []param{paramLang()},
			answers: []answer{{200, []string{"application/yaml"}, "", words{"Hợp đồng dữ liệu", "The data contract"}}},
			handle: func(c *call) error {
				e, err := a.entry(c)
				if err != nil {
					return err
				}
				return document(c, e, "application/yaml; charset=utf-8", e.Dataset.Contract)
			},
		},
	}
}

func document(c *call, e *repo.Entry, media string, render func() []byte) error {
	if web.Fresh(c.w, c.r, web.WeakTag(e.Dataset.Name, strconv.FormatInt(e.Version, 10))) {
		return nil
	}
	c.set("Content-Type", media)
	_, err := c.w.Write(render())
	return err
}

// summary is a dataset in the catalog's list.
type summary struct {
	Name           string        `json:"name"`
	Title          string        `json:"title"`
	Titles         dataset.Words `json:"titles"`
	Description    string        `json:"description,omitempty"`
	Kind           dataset.Kind  `json:"kind"`
	Status         string        `json:"status,omitempty"`
	Sector         string        `json:"sector,omitempty"`
	Owner          string        `json:"owner,omitempty"`
	License        string        `json:"license,omitempty"`
	Classification string        `json:"classification"`
	Keywords       []string      `json:"keywords,omitempty"`
	System         bool          `json:"system,omitempty"`
	Placed         bool          `json:"placed"`
	Time           string        `json:"time,omitempty"`
	Writable       bool          `json:"writable"`
	Version        int64         `json:"version"`
	URL            string        `json:"url"`
}

func (a *API) summary(c *call, e *repo.Entry) summary {
	d := e.Dataset
	return summary{
		Name: d.Name, Title: d.Title.In(c.r.Lang), Titles: d.Title, Description: d.Description.In(c.r.Lang), Kind: d.Kind, Status: d.Status,
		Sector: d.Sector, Owner: d.Owner, License: d.License, Classification: string(d.Classification), Keywords: d.Keywords,
		System: e.System, Placed: e.Table.X >= 0 || e.Table.Area >= 0, Time: d.Time,
		Writable: a.repo.MayWrite(c.who(), d.Name), Version: e.Version, URL: "/api/v1/datasets/" + d.Name,
	}
}

func (a *API) listDatasets(c *call) error {
	wanted := strings.Fields(value.Fold(clipTo(c.text("q"), 500)))
	list := []summary{}
	for _, e := range a.repo.Entries(c.who()) {
		d := e.Dataset
		if e.System && !c.truth("system", false) ||
			c.given("sector") && d.Sector != c.text("sector") ||
			c.given("owner") && d.Owner != c.text("owner") ||
			c.given("classification") && string(d.Classification) != c.text("classification") {
			continue
		}
		if len(wanted) > 0 {
			text := searchText(d, a.names(c.who(), e))
			if slices.ContainsFunc(wanted, func(w string) bool { return !strings.Contains(text, w) }) {
				continue
			}
		}
		list = append(list, a.summary(c, e))
	}
	return writeJSON(c, http.StatusOK, map[string]any{"datasets": list, "count": len(list)})
}

// searchText is everything of a declaration that a search looks at, folded.
func searchText(d *dataset.Dataset, visible []string) string {
	var b strings.Builder
	add := func(texts ...string) {
		for _, t := range texts {
			b.WriteString(t)
			b.WriteByte('\n')
		}
	}
	both := func(w dataset.Words) { add(w["vi"], w["en"]) }
	add(d.Name, strings.ReplaceAll(d.Name, "-", " "), d.Sector)
	both(d.Title)
	both(d.Description)
	add(d.Keywords...)
	for _, f := range d.Schema.Fields {
		if slices.Contains(visible, f.Name) {
			add(f.Name)
			both(f.Title)
			both(f.Description)
		}
	}
	return value.Fold(b.String())
}

// detail is one dataset whole.
type detail struct {
	summary
	Declaration json.RawMessage   `json:"declaration"`
	Schema      json.RawMessage   `json:"schema"` // JSON Schema of a record, as in the OpenAPI document
	Count       int64             `json:"count"`  // records now
	LastCommit  *lastCommit       `json:"lastCommit,omitempty"`
	Fresh       *freshness        `json:"freshness,omitempty"`
	Links       map[string]string `json:"links"`
}

type lastCommit struct {
	Seq int64  `json:"seq"`
	At  string `json:"at"`
}

// freshness compares a dataset with its promise.
type freshness struct {
	Newest  string  `json:"newest,omitempty"`         // greatest time of a record, for datasets with a time
	Age     float64 `json:"ageSeconds"`               // since Newest, else since the last commit
	Promise float64 `json:"promiseSeconds,omitempty"` // frequency promised
	Late    bool    `json:"late"`                     // Age is over twice the promise
}

func (a *API) getDataset(c *call) error {
	e, err := a.entry(c)
	if err != nil {
		return err
	}
	d := detail{summary: a.summary(c, e), Links: map[string]string{}}
	base := d.URL
	for _, l := range []string{"records", "aggregate", "export", "changes", "difference", "quality", "descriptor", "contract"} {
		d.Links[l] = base + "/" + l
	}
	if d.Declaration, err = declaration(e.Dataset, a.names(c.who(), e)); err != nil {
		return err
	}
	if d.Schema, err = json.Marshal(a.recordSchema(c.r.Lang, c.who(), e)); err != nil {
		return err
	}
	if err := a.counts(c, e, &d); err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, d)
}

// declaration is the declaration without the fields that the caller may not see.
func declaration(d *dataset.Dataset, visible []string) (json.RawMessage, error) {
	shown := *d
	shown.Schema.Fields = slices.DeleteFunc(slices.Clone(d.Schema.Fields), func(f dataset.Field) bool { return !slices.Contains(visible, f.Name) })
	b, err := json.Marshal(&shown)
	return b, err
}

// names lists the columns that p may see.
func (a *API) names(p repo.Principal, e *repo.Entry) []string {
	var names []string
	for _, i := range a.repo.Described(p, e) {
		names = append(names, e.Table.Columns[i].Name)
	}
	return names
}

func (a *API) counts(c *call, e *repo.Entry, d *detail) error {
	ag := repo.Aggregation{Query: repo.Query{Dataset: e.Dataset.Name}, Measures: []repo.Measure{{Func: "count"}}}
	if d.Time != "" {
		ag.Measures = append(ag.Measures, repo.Measure{Func: "max", Field: d.Time})
	}
	var newest value.Value
	err := a.repo.Aggregate(c.ctx(), c.who(), ag, func(v []value.Value) error {
		if len(v) > 0 {
			d.Count = v[0].Int()
		}
		if len(v) > 1 {
			newest = v[1]
		}
		return nil
	})
	if err != nil {
		return err
	}
	last, err := a.lastCommit(c, e.Dataset.Name)
	if err != nil {
		return err
	}
	now := a.config.Now()
	var f freshness
	if last != nil {
		d.LastCommit = &lastCommit{last.Seq, instant(last.At)}
		f.Age = now.Sub(value.OfTime(last.At).Instant()).Seconds()
	}
	switch newest.Kind() {
	case value.Time:
		f.Newest, f.Age = instant(newest.Micros()), now.Sub(newest.Instant()).Seconds()
	case value.Date:
		f.Newest, f.Age = newest.CalendarDay().Format("2006-01-02"), now.Sub(newest.CalendarDay()).Seconds()
	}
	f.Promise = promise(e.Dataset)
	f.Late = f.Promise > 0 && f.Age > 2*f.Promise
	if last != nil || f.Newest != "" {
		d.Fresh = &f
	}
	return nil
}

// promise is the declared frequency in seconds, 0 when none is declared.
func promise(d *dataset.Dataset) float64 {
	for _, s := range d.SLA {
		if s.Property != "frequency" {
			continue
		}
		var n float64
		switch v := s.Value.(type) {
		case float64:
			n = v
		case int:
			n = float64(v)
		case int64:
			n = float64(v)
		case json.Number:
			n, _ = v.Float64()
		}
		switch strings.ToLower(s.Unit) {
		case "s", "sec", "second", "seconds":
			return n
		case "min", "minute", "minutes":
			return n * 60
		case "h", "hour", "hours":
			return n * 3600
		case "d", "day", "days", "":
			return n * 86400
		case "w", "wk", "week", "weeks":
			return n * 7 * 86400
		case "mo", "month", "months":
			return n * 30 * 86400
		case "y", "yr", "year", "years", "a":
			return n * 365 * 86400
		}
	}
	return 0
}

func clipTo(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}

// notFound is the error for a record that is not there.
func notFound(name string) error {
	return problem.New(problem.NotFound, "record-unknown", "dataset", name)
}
