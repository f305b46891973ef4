package api

import (
	"encoding/json"
	"net/http"
	"net/url"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/service/sharing"
)

// releaseOperations are what two persons decide: what a grant would show, and
// reading personal data in bulk.
func (a *API) releaseOperations() []operation {
	one := []answer{{200, []string{mediaJSON}, "Release", words{"Lần xin duyệt", "The request"}}}
	return []operation{
		{
			method: "POST", path: "/api/v1/grants/{id}/preview", id: "previewGrant", tag: "sharing",
			summary: words{"Xem trước bên nhận sẽ thấy gì, trước khi duyệt", "What the grantee would see, before approving"},
			detail: words{
				"Tính theo đúng quyền sẽ cấp, trên dữ liệu mà người duyệt được xem; phần dữ liệu cá nhân được ghi vào nhật ký truy cập. terms như khi duyệt.",
				"Computed by the very grant, over the data that the one who approves may see; what it shows of persons goes into the access records. terms as in an approval."},
			params: []param{paramLang()}, bodies: []string{mediaJSON}, body: "GrantTerms", maxBody: maxRecord,
			answers: []answer{{200, []string{mediaJSON}, "GrantPreview", words{"Bản xem trước", "The preview"}}}, problems: []int{409, 413, 415, 422}, handle: a.previewGrant,
		},
		{
			method: "GET", path: "/api/v1/releases", id: "listReleases", tag: "sharing",
			summary: words{"Các lần xin đọc dữ liệu cá nhân số lượng lớn", "Requests to read personal data in bulk"},
			params:  []param{paramLang()}, answers: []answer{{200, []string{mediaJSON}, "Releases", words{"Mới nhất trước", "Newest first"}}}, handle: a.listReleases,
		},
		{
			method: "GET", path: "/api/v1/releases/{id}", id: "getRelease", tag: "sharing",
			summary: words{"Một lần xin duyệt", "One request to read in bulk"}, params: []param{paramLang()}, answers: one, handle: a.getRelease,
		},
		{
			method: "POST", path: "/api/v1/releases", id: "askRelease", tag: "sharing",
			summary: words{"Xin đọc dữ liệu cá nhân số lượng lớn", "Ask to read personal data in bulk"},
			detail: words{
				"Khi một lần đọc bị từ chối với mã release-needed. reader là tài khoản hoặc mã truy cập sẽ đọc; bỏ trống là người gọi.",
				"After a reading was refused with the code release-needed. reader is the account or token that will read; the caller when left out."},
			params: []param{paramLang()}, bodies: []string{mediaJSON}, body: "ReleaseRequest", maxBody: maxRecord,
			answers: []answer{{201, []string{mediaJSON}, "Release", words{"Lần xin đã ghi", "The request"}}}, problems: []int{409, 413, 415, 422}, handle: a.askRelease,
		},
		{
			method: "POST", path: "/api/v1/releases/{id}/decision", id: "decideRelease", tag: "sharing",
			summary: words{"Duyệt hoặc từ chối, bởi người thứ hai của cơ quan chủ quản", "Approve or refuse, by a second person of the owner"},
			params:  []param{paramLang()}, bodies: []string{mediaJSON}, body: "ReleaseDecision", maxBody: maxRecord,
			answers: one, problems: []int{409, 412, 413, 415, 422}, handle: a.decideRelease,
		},
	}
}

func releaseSchemas(obj func([]string, object) object, arr func(object) object) object {
	str, integer, boolean := object{"type": "string"}, object{"type": "integer"}, object{"type": "boolean"}
	return object{
		"GrantPreview": obj([]string{"matched", "columns", "rows"}, object{
			"matched": integer, "rows": arr(object{"type": "object", "additionalProperties": true}),
			"columns": arr(obj([]string{"name", "shown"}, object{"name": str, "shown": boolean, "masked": object{"enum": []any{"last-digits", "year", "area", "pseudonym"}}, "unknown": boolean})),
		}),
		"Releases": obj([]string{"above", "releases"}, object{"above": integer, "releases": arr(ref("Release"))}),
		"Release": obj([]string{"id", "dataset", "reader", "purpose", "most", "need", "state", "askedBy", "askedAt", "version", "url"}, object{
			"id": str, "dataset": str, "owner": str, "reader": str, "agency": str, "purpose": str, "fields": arr(str), "most": integer, "need": str,
			"state": object{"enum": []any{"requested", "approved", "refused", "used"}}, "expired": boolean, "askedBy": str, "askedAt": str,
			"decidedBy": str, "decidedAt": str, "reason": str, "until": str, "usedAt": str, "version": integer, "url": str}),
		"ReleaseRequest":  obj([]string{"dataset", "purpose", "most", "need"}, object{"dataset": str, "purpose": str, "most": integer, "need": str, "reader": str, "fields": arr(str)}),
		"ReleaseDecision": obj([]string{"approve", "version", "reason"}, object{"approve": boolean, "version": integer, "reason": str}),
	}
}

func (a *API) previewGrant(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in termsDoc
	if err := c.body(&in); err != nil {
		return err
	}
	terms, vs := a.terms(in)
	if err := problem.InvalidWith("body-invalid", vs); err != nil {
		return err
	}
	pv, err := a.config.Sharing.Preview(c.ctx(), c.who(), c.path("id"), &terms)
	if err != nil {
		return err
	}
	type column struct {
		Name    string `json:"name"`
		Shown   bool   `json:"shown"`
		Masked  string `json:"masked,omitempty"`
		Unknown bool   `json:"unknown,omitempty"`
	}
	out := struct {
		Matched int64             `json:"matched"`
		Columns []column          `json:"columns"`
		Rows    []json.RawMessage `json:"rows"`
	}{pv.Matched, []column{}, []json.RawMessage{}}
	var shown []int
	for _, x := range pv.Columns {
		out.Columns = append(out.Columns, column{pv.Entry.Table.Columns[x.Column].Name, x.Shown, string(x.Masked), x.Unknown})
		if x.Shown {
			shown = append(shown, x.Column)
		}
	}
	for _, row := range pv.Rows {
		out.Rows = append(out.Rows, json.RawMessage(pv.Entry.Schema.AppendJSON(nil, row, shown)))
	}
	return writeJSON(c, http.StatusOK, out)
}

type releaseDoc struct {
	ID        string   `json:"id"`
	Dataset   string   `json:"dataset"`
	Owner     string   `json:"owner,omitempty"`
	Reader    string   `json:"reader"`
	Agency    string   `json:"agency,omitempty"`
	Purpose   string   `json:"purpose"`
	Fields    []string `json:"fields,omitempty"`
	Most      int64    `json:"most"`
	Need      string   `json:"need"`
	State     string   `json:"state"`
	Expired   bool     `json:"expired,omitempty"`
	AskedBy   string   `json:"askedBy"`
	AskedAt   string   `json:"askedAt"`
	DecidedBy string   `json:"decidedBy,omitempty"`
	DecidedAt string   `json:"decidedAt,omitempty"`
	Reason    string   `json:"reason,omitempty"`
	Until     string   `json:"until,omitempty"`
	UsedAt    string   `json:"usedAt,omitempty"`
	Version   int64    `json:"version"`
	URL       string   `json:"url"`
}

func (a *API) releaseDoc(x *sharing.Release) releaseDoc {
	return releaseDoc{ID: x.ID, Dataset: x.Dataset, Owner: x.Owner, Reader: x.Reader, Agency: x.Agency, Purpose: x.Purpose, Fields: x.Fields, Most: x.Most, Need: x.Need,
		State: x.State, Expired: x.Expired(a.config.Now().UnixMicro()), AskedBy: x.AskedBy, AskedAt: instant(x.AskedAt), DecidedBy: x.DecidedBy, DecidedAt: moment(x.DecidedAt),
		Reason: x.Reason, Until: moment(x.Until), UsedAt: moment(x.UsedAt), Version: x.Version, URL: "/api/v1/releases/" + url.PathEscape(x.ID)}
}

func (a *API) listReleases(c *call) error {
	list, err := a.config.Sharing.Releases(c.ctx(), c.who())
	if err != nil {
		return err
	}
	out := struct {
		Above    int64        `json:"above"`
		Releases []releaseDoc `json:"releases"`
	}{a.repo.ReleaseAbove(), []releaseDoc{}}
	for i := range list {
		out.Releases = append(out.Releases, a.releaseDoc(&list[i]))
	}
	return writeJSON(c, http.StatusOK, out)
}

func (a *API) getRelease(c *call) error {
	x, err := a.config.Sharing.Release(c.ctx(), c.who(), c.path("id"))
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, a.releaseDoc(&x))
}

func (a *API) askRelease(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Dataset string   `json:"dataset"`
		Purpose string   `json:"purpose"`
		Most    int64    `json:"most"`
		Need    string   `json:"need"`
		Reader  string   `json:"reader"`
		Fields  []string `json:"fields"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	x, err := a.config.Sharing.AskRelease(c.ctx(), c.who(), sharing.ReleaseRequest{Dataset: in.Dataset, Purpose: in.Purpose, Need: in.Need, Reader: in.Reader, Fields: in.Fields, Most: in.Most})
	if err != nil {
		return err
	}
	d := a.releaseDoc(&x)
	c.set("Location", d.URL)
	return writeJSON(c, http.StatusCreated, d)
}

func (a *API) decideRelease(c *call) error {
	if err := signedIn(c); err != nil {
		return err
	}
	var in struct {
		Approve bool   `json:"approve"`
		Version int64  `json:"version"`
		Reason  string `json:"reason"`
	}
	if err := c.body(&in); err != nil {
		return err
	}
	x, err := a.config.Sharing.DecideRelease(c.ctx(), c.who(), c.path("id"), in.Version, in.Approve, in.Reason)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, a.releaseDoc(&x))
}
