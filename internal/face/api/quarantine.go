package api

import (
	"errors"
	"net/http"
	"strconv"

	jsonx "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/service/ingest"
)

func (a *API) quarantineOperations() []operation {
	params := []param{paramLang()}
	replayed := []answer{{200, []string{mediaJSON}, "Replayed", words{"Kết quả nạp lại", "What the replay did"}}}
	return []operation{
		{
			method: "POST", path: "/api/v1/quarantine/{id}", id: "correctRow", tag: "quarantine",
			summary: words{"Sửa ô của một dòng cách ly và nạp lại", "Correct cells of a quarantined row and replay it"},
			detail:  words{"Nội dung: đối tượng tên cột → giá trị. Đọc vùng cách ly qua bộ dữ liệu quarantine.", "Body: an object of column → value. The quarantine is read as the dataset quarantine."},
			params:  params, bodies: []string{mediaJSON}, body: "Cells", maxBody: maxRecord,
			answers: replayed, problems: []int{409, 413, 415, 422}, handle: a.correctRow,
		},
		{
			method: "POST", path: "/api/v1/quarantine/replay", id: "replayRows", tag: "quarantine",
			summary: words{"Nạp lại các dòng cách ly", "Replay quarantined rows"},
			detail:  words{"Nội dung: dataset cùng ids hoặc filter (CQL2); không có cả hai thì nạp lại tất cả của bộ dữ liệu.", "Body: dataset with ids or a filter (CQL2); with neither, all rows of the dataset."},
			params:  params, bodies: []string{mediaJSON}, body: "Replay", maxBody: maxRecord, stream: true,
			answers: replayed, problems: []int{409, 413, 415, 422}, handle: a.replayRows,
		},
		{
			method: "POST", path: "/api/v1/quarantine/{id}/dismiss", id: "dismissRow", tag: "quarantine",
			summary: words{"Bỏ hẳn một dòng cách ly", "Set a quarantined row aside for good"},
			params:  params, bodies: []string{mediaJSON}, body: "Dismissal", maxBody: 64 << 10,
			answers:  []answer{{200, []string{mediaJSON}, "Dismissed", words{"Đã bỏ", "Dismissed"}}},
			problems: []int{409, 413, 415, 422}, handle: a.dismissRow,
		},
	}
}

// body decodes a small JSON document strictly.
func (c *call) body(into any) error {
	if _, err := c.media(mediaJSON); err != nil {
		return err
	}
	err := jsonx.UnmarshalRead(c.r.Body, into, jsonx.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge
	}
	v := problem.Violate("body-json", "")
	if at, ok := errors.AsType[*jsonx.SemanticError](err); ok {
		v.Field, v.Position.Offset = clip(string(at.JSONPointer)), at.ByteOffset
		v.Code = "body-member"
	} else if at, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		v.Position.Offset = at.ByteOffset
	}
	return web.Malformed(problem.InvalidWith("body-invalid", []problem.Violation{v}))
}

// signedIn keeps the public from asking at all.
func signedIn(c *call) error {
	if c.who().Name == "" {
		return problem.New(problem.Unauthenticated, "unauthenticated")
	}
	return nil
}

func (a *API) correctRow(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var raw map[string]jsontext.Value
	if err := c.body(&raw); err != nil {
		return err
	}
	cells := make(map[string]string, len(raw))
	for name, v := range raw {
		switch v.Kind() {
		case '"':
			s, err := jsontext.AppendUnquote(nil, v)
			if err != nil {
				return web.Malformed(problem.InvalidWith("body-invalid", []problem.Violation{problem.Violate("body-json", clip(name))}))
			}
			cells[name] = string(s)
		case 'n':
			cells[name] = ""
		default:
			cells[name] = string(v)
		}
	}
	got, err := ingest.Correct(c.ctx(), a.repo, c.who(), c.path("id"), cells, nil)
	return a.replayed(c, got, err)
}

func (a *API) replayRows(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Dataset string   `json:"dataset"`
		IDs     []string `json:"ids"`
		Filter  string   `json:"filter"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	var vs []problem.Violation
	if in.Dataset == "" {
		vs = append(vs, problem.Violate("value-required", "dataset"))
	}
	if len(in.IDs) > 0 && in.Filter != "" {
		vs = append(vs, problem.Violate("ids-or-filter", "ids"))
	}
	if len(in.IDs) > maxOutcomes {
		vs = append(vs, problem.Violate("parameter-many", "ids", "limit", maxOutcomes))
	}
	s := ingest.Selection{Dataset: in.Dataset, IDs: in.IDs}
	if in.Filter != "" {
		var err error
		if s.Filter, err = cql2.ParseText(in.Filter); err != nil {
			vs = append(vs, within("filter", err)...)
		}
	}
	if err := problem.InvalidWith("body-invalid", vs); err != nil {
		return web.Malformed(err)
	}
	if _, err := a.dataset(c.who(), in.Dataset); err != nil {
		return err
	}
	got, err := ingest.Replay(c.ctx(), a.repo, c.who(), s)
	return a.replayed(c, got, err)
}

func (a *API) replayed(c *call, got ingest.Replayed, err error) error {
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, map[string]int64{"replayed": got.Replayed, "open": got.Open})
}

func (a *API) dismissRow(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Note string `json:"note"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	if in.Note == "" || len(in.Note) > 4000 {
		return problem.InvalidWith("body-invalid", []problem.Violation{problem.Violate("note-length", "note", "max", strconv.Itoa(4000))})
	}
	if err := ingest.Dismiss(c.ctx(), a.repo, c.who(), c.path("id"), in.Note); err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, map[string]string{"id": c.path("id"), "state": ingest.StateDismissed})
}
