package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/ingest"
)

// maxRecord bounds the body that holds one record.
const maxRecord = 8 << 20

func (a *API) writeOperations() []operation {
	header := func(more ...param) []param {
		return append(more, headerKey(), headerReason(), paramLang())
	}
	written := answer{200, []string{mediaJSON}, "Receipt", words{"Đã ghi", "Written"}}
	created := answer{201, []string{mediaJSON}, "Receipt", words{"Đã tạo", "Created"}}
	path := "/api/v1/datasets/{name}/records/{key}"
	return []operation{
		{
			method: "PUT", path: path, id: "putRecord", tag: "write",
			summary: words{"Ghi trọn một bản ghi", "Write one record whole"},
			detail:  words{"Trường không gửi là trường trống. Các trường bắt đầu bằng \"_\" được bỏ qua.", "A field that is not sent is empty. Members that begin with \"_\" are passed over."},
			params:  header(headerMatch()...), bodies: []string{mediaJSON}, body: "Record", maxBody: maxRecord,
			answers: []answer{written, created}, problems: []int{409, 412, 413, 415, 422}, handle: a.putRecord,
		},
		{
			method: "PATCH", path: path, id: "patchRecord", tag: "write",
			summary: words{"Sửa một số trường", "Change some fields"},
			detail:  words{"JSON Merge Patch (RFC 7396): null xóa giá trị; một trường kiểu object cũng được gộp.", "JSON Merge Patch (RFC 7396): null clears; a field of type object is merged too."},
			params:  header(headerMatch()[:1]...), bodies: []string{"application/merge-patch+json", mediaJSON}, body: "Record", maxBody: maxRecord,
			answers: []answer{written}, problems: []int{409, 412, 413, 415, 422}, handle: a.patchRecord,
		},
		{
			method: "DELETE", path: path, id: "deleteRecord", tag: "write",
			summary: words{"Xóa một bản ghi (lịch sử vẫn giữ)", "Delete one record (its history stays)"},
			params:  header(headerMatch()[:1]...), maxBody: 1 << 10,
			answers: []answer{written}, problems: []int{409, 412}, handle: a.deleteRecord,
		},
		{
			method: "POST", path: "/api/v1/datasets/{name}/records", id: "postRecords", tag: "write", stream: true, maxBody: -1,
			summary: words{"Ghi một hay nhiều bản ghi", "Write one record or many"},
			detail: words{
				"Một đối tượng JSON được ghi ngay; mảng JSON, NDJSON và CSV được đọc dần, dòng lỗi vào vùng cách ly kèm lý do; nếu hỏng cú pháp giữa chừng, mục \"done\" của thông báo lỗi cho biết phần đã ghi. Có Idempotency-Key thì cả lô (tối đa 10.000 dòng JSON) là một lần ghi: đúng tất cả hoặc không ghi gì.",
				"One JSON object is written at once; a JSON array, NDJSON and CSV are read as they come, bad rows go to quarantine with the reason; where the syntax is lost in the middle, the problem's \"done\" says what was written before. With an Idempotency-Key the whole (at most 10,000 rows of JSON) is one commit: all or nothing.",
			},
			params: header(
				param{name: "outcomes", in: "query", typ: "string", enum: []string{"all", "none"}, text: words{"all: kết quả từng dòng theo NDJSON; none: chỉ tổng kết.", "all: the outcome of every row as NDJSON; none: the summary only."}},
				headerMatch()[1]),
			bodies: ingest.ContentTypes(), body: "Record",
			answers:  []answer{{200, []string{mediaJSON, mediaNDJSON}, "Intake", words{"Tổng kết", "Summary"}}, created},
			problems: []int{409, 412, 413, 415, 422}, handle: a.postRecords,
		},
	}
}

// writable finds the dataset of the path and makes sure that it may be written,
// before the body is read.
func (a *API) writable(c *call) (*repo.Entry, error) {
	e, err := a.entry(c)
	if err != nil {
		return nil, err
	}
	if !a.repo.MayWrite(c.who(), e.Dataset.Name) {
		if c.who().Name == "" {
			return nil, problem.New(problem.Unauthenticated, "unauthenticated")
		}
		return nil, problem.New(problem.Denied, "denied", "action", "write", "dataset", e.Dataset.Name)
	}
	return e, nil
}

// media checks the Content-Type against what the operation takes.
func (c *call) media(accepted ...string) (string, error) {
	given := c.r.Header.Get("Content-Type")
	if c.r.Header["Content-Encoding"] == nil && slices.Contains(accepted, given) {
		return given, nil
	}
	media, params, err := mime.ParseMediaType(given)
	if coding := c.r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		err = problem.New(problem.Invalid, "media-type")
	}
	charset := strings.ToLower(params["charset"])
	if err != nil || !slices.Contains(accepted, media) || charset != "" && charset != "utf-8" && media != mediaCSV {
		return "", &web.Refusal{Status: http.StatusUnsupportedMediaType, Err: problem.New(problem.Invalid, "media-type", "accepted", strings.Join(accepted, ", "))}
	}
	return media, nil
}

// expectation reads If-Match and If-None-Match (RFC 9110 section 13.1).
func (c *call) expectation() (int64, error) {
	if c.r.Header["If-Match"] == nil && c.r.Header["If-None-Match"] == nil {
		return commit.AnyVersion, nil
	}
	match, none := web.Tags(c.r.Header.Values("If-Match")), web.Tags(c.r.Header.Values("If-None-Match"))
	stale := problem.New(problem.Stale, "commit-stale")
	switch {
	case len(none) > 0 && (len(match) > 0 || len(none) > 1 || none[0] != "*"), len(match) > 1:
		return 0, web.Malformed(problem.New(problem.Invalid, "precondition-invalid"))
	case len(none) == 1:
		return commit.Absent, nil
	case len(match) == 0:
		return commit.AnyVersion, nil
	case match[0] == "*":
		return commit.Present, nil
	}
	digits := strings.TrimSuffix(strings.TrimPrefix(match[0], `"`), `"`)
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || versionTag(n) != match[0] {
		return 0, stale // a tag that no version of ours has
	}
	return n, nil
}

// heading says who writes, from where and why.
func (a *API) heading(c *call) (commit.Header, error) {
	h := commit.Header{Actor: c.who().Name, Source: "api"}
	var vs []problem.Violation
	if k := c.r.Header.Get("Idempotency-Key"); k != "" {
		if len(k) > 200 || strings.ContainsFunc(k, func(r rune) bool { return r < ' ' || r > '~' }) {
			vs = append(vs, problem.Violate("idempotency-key", "Idempotency-Key"))
		}
		// One principal's keys never meet another's, nor those of another dataset.
		h.Key = "api/" + c.who().Name + "/" + c.path("name") + "/" + k
	}
	if s := c.r.Header.Get("Huong-Reason"); s != "" {
		reason, err := url.PathUnescape(s)
		if err != nil || !utf8.ValidString(reason) || len(reason) > 2000 || utf8.RuneCountInString(reason) > 500 || strings.ContainsFunc(reason, func(r rune) bool { return r < ' ' }) {
			vs = append(vs, problem.Violate("reason-invalid", "Huong-Reason"))
		}
		h.Reason = reason
	}
	return h, web.Malformed(problem.InvalidWith("parameters-invalid", vs))
}

// row is one record of a body: its values and which columns it named.
type row struct {
	values []value.Value
	mask   []bool
	nested map[int]jsontext.Value // object fields as sent, for merging
}

// readRow decodes one JSON object strictly: known fields only, no name twice,
// nothing after it, all faults at once. Members that begin with "_" (the
// derived ones that a read gives) are passed over.
func (a *API) readRow(c *call, e *repo.Entry) (row, error) {
	out := row{values: make([]value.Value, e.Table.Width()), mask: make([]bool, e.Table.Width())}
	d := jsontext.NewDecoder(c.r.Body)
	lost := func(err error) error {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return err
		}
		v := problem.Violate("body-json", "").At(problem.Position{Offset: d.InputOffset()})
		return web.Malformed(problem.InvalidWith("body-invalid", []problem.Violation{v}))
	}
	t, err := d.ReadToken()
	if err != nil {
		return out, lost(err)
	}
	if t.Kind() != '{' {
		return out, web.Malformed(problem.InvalidWith("body-invalid", []problem.Violation{problem.Violate("body-object", "")}))
	}
	visible := a.repo.Visible(c.who(), e)
	var vs []problem.Violation
	for d.PeekKind() == '"' {
		t, err := d.ReadToken()
		if err != nil {
			return out, lost(err)
		}
		name := t.String()
		raw, err := d.ReadValue()
		if err != nil {
			return out, lost(err)
		}
		if strings.HasPrefix(name, "_") {
			continue
		}
		i, _, _, ok := e.Table.Property(name)
		if !ok || !slices.Contains(visible, i) {
			if len(vs) < 100 {
				vs = append(vs, unknown("row-unknown", clip(name), clip(name), a.fieldNames(c.who(), e)))
			}
			continue
		}
		v, bad := e.Schema.ParseAny(i, jsonText(raw))
		if bad != nil {
			vs = append(vs, *bad)
			continue
		}
		if e.Table.Columns[i].Type == dataset.Object && raw.Kind() == '{' {
			if out.nested == nil {
				out.nested = map[int]jsontext.Value{}
			}
			out.nested[i] = slices.Clone(raw)
		}
		out.values[i], out.mask[i] = v, true
	}
	if t, err = d.ReadToken(); err != nil || t.Kind() != '}' {
		return out, lost(err)
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return out, lost(err)
	}
	return out, problem.InvalidWith("record-invalid", vs)
}

// jsonText hands a raw value on so that it is read by the field's own rules for
// JSON, numbers with all their digits.
type rawJSON []byte

func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

func jsonText(raw jsontext.Value) any {
	if raw.Kind() == 'n' {
		return nil
	}
	return rawJSON(slices.Clone(raw))
}

// fieldNames lists the fields that a client may send.
func (a *API) fieldNames(p repo.Principal, e *repo.Entry) []string {
	return slices.DeleteFunc(a.names(p, e), func(n string) bool { return strings.HasPrefix(n, "_") })
}

// withKey puts the key of the path into the row and refuses another in the body.
func withKey(e *repo.Entry, r *row, key []value.Value) error {
	var vs []problem.Violation
	for i, k := range e.Table.Key {
		if r.mask[k] && r.values[k] != key[i] {
			vs = append(vs, problem.Violate("key-differs", e.Table.Columns[k].Name))
		}
		r.values[k], r.mask[k] = key[i], false
	}
	return problem.InvalidWith("record-invalid", vs)
}

func (a *API) putRecord(c *call) error {
	return a.change(c, commit.Put, []string{mediaJSON})
}

func (a *API) patchRecord(c *call) error {
	return a.change(c, commit.Patch, []string{"application/merge-patch+json", mediaJSON})
}

func (a *API) deleteRecord(c *call) error { return a.change(c, commit.Delete, nil) }

// change writes the one record that the path names.
func (a *API) change(c *call, op commit.Op, accepted []string) error {
	e, err := a.writable(c)
	if err != nil {
		return err
	}
	key, err := a.key(c, e)
	if err != nil {
		return err
	}
	header, err := a.heading(c)
	if err != nil {
		return err
	}
	expect, err := c.expectation()
	if err != nil {
		return err
	}
	r := row{values: make([]value.Value, e.Table.Width()), mask: make([]bool, e.Table.Width())}
	if op != commit.Delete {
		if _, err := c.media(accepted...); err != nil {
			return err
		}
		if r, err = a.readRow(c, e); err != nil {
			return err
		}
	}
	if err := withKey(e, &r, key); err != nil {
		return err
	}
	ch := commit.Change{Dataset: e.Dataset.Name, Op: op, Row: r.values, Expect: expect}
	if op == commit.Patch {
		ch.Mask = r.mask
		if err := a.mergeNested(c, e, key, r, &ch); err != nil {
			return err
		}
	}
	got, err := a.repo.Commit(c.ctx(), c.who(), &commit.Request{Header: header, Changes: []commit.Change{ch}})
	if err != nil {
		return refused(err, expect)
	}
	return a.writeReceipt(c, e, key, got, op)
}

// mergeNested merges object fields of a patch into what is stored (RFC 7396),
// and then expects exactly the version that was merged into.
func (a *API) mergeNested(c *call, e *repo.Entry, key []value.Value, r row, ch *commit.Change) error {
	if len(r.nested) == 0 {
		return nil
	}
	stored, err := a.repo.Get(c.ctx(), c.who(), e.Dataset.Name, key, 0)
	if err != nil {
		return err
	}
	if ch.Expect == commit.AnyVersion || ch.Expect == commit.Present {
		ch.Expect = stored.Version
	}
	for i, patch := range r.nested {
		merged, err := mergePatch([]byte(stored.Values[i].Text()), patch)
		if err != nil {
			return web.Malformed(problem.InvalidWith("body-invalid", []problem.Violation{problem.Violate("body-json", e.Table.Columns[i].Name)}))
		}
		v, bad := e.Schema.ParseAny(i, rawJSON(merged))
		if bad != nil {
			return problem.InvalidWith("record-invalid", []problem.Violation{*bad})
		}
		ch.Row[i] = v
	}
	return nil
}

// refused is the error of a commit of one record: without row indexes, and a
// record that is there against If-None-Match: * as a failed precondition (RFC
// 9110 section 13.1.2).
func refused(err error, expect int64) error {
	if e, ok := errors.AsType[*problem.Error](err); ok {
		if expect == commit.Absent && e.Kind == problem.Conflict && len(e.Violations) == 1 && e.Violations[0].Code == "key-exists" {
			return problem.Wrap(err, problem.Stale, "key-exists")
		}
		for i := range e.Violations {
			e.Violations[i].Row = 0
		}
	}
	return err
}

func (a *API) writeReceipt(c *call, e *repo.Entry, key []value.Value, got commit.Receipt, op commit.Op) error {
	out := receiptOf(got)
	out.Key = record.FormatKey(e.Table, key)
	status := http.StatusOK
	if op == commit.Delete {
		if out.Result == commit.Unchanged.String() {
			return notFound(e.Dataset.Name)
		}
		return writeJSON(c, status, out)
	}
	out.URL = recordURL(e, out.Key)
	out.Version = got.Seq
	if out.Result == commit.Unchanged.String() || got.Repeat {
		stored, err := a.repo.Get(c.ctx(), c.who(), e.Dataset.Name, key, 0)
		switch {
		case err == nil:
			out.Version = stored.Version
		case problem.KindOf(err) != problem.NotFound && problem.KindOf(err) != problem.Denied && problem.KindOf(err) != problem.Unauthenticated:
			return err
		}
	}
	if out.Result == commit.Created.String() {
		status = http.StatusCreated
		c.set("Location", out.URL)
	}
	c.set("ETag", versionTag(out.Version))
	return writeJSON(c, status, out)
}

// mergePatch applies a JSON Merge Patch (RFC 7396 section 2) to a document.
// Depth is bounded by the decoder.
func mergePatch(target, patch jsontext.Value) (jsontext.Value, error) {
	if patch.Kind() != '{' {
		return patch, nil
	}
	type member struct {
		name  string
		value jsontext.Value
	}
	read := func(object jsontext.Value) ([]member, error) {
		if object.Kind() != '{' {
			return nil, nil
		}
		var list []member
		d := jsontext.NewDecoder(strings.NewReader(string(object)))
		if _, err := d.ReadToken(); err != nil {
			return nil, err
		}
		for d.PeekKind() == '"' {
			t, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			name := t.String()
			v, err := d.ReadValue()
			if err != nil {
				return nil, err
			}
			list = append(list, member{name, slices.Clone(v)})
		}
		return list, nil
	}
	members, err := read(target)
	if err != nil {
		return nil, err
	}
	changes, err := read(patch)
	if err != nil {
		return nil, err
	}
	for _, ch := range changes {
		i := slices.IndexFunc(members, func(m member) bool { return m.name == ch.name })
		if ch.value.Kind() == 'n' {
			if i >= 0 {
				members = slices.Delete(members, i, i+1)
			}
			continue
		}
		var old jsontext.Value
		if i >= 0 {
			old = members[i].value
		}
		v, err := mergePatch(old, ch.value)
		if err != nil {
			return nil, err
		}
		if i >= 0 {
			members[i].value = v
		} else {
			members = append(members, member{ch.name, v})
		}
	}
	out := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(appendText(out, m.name), ':'), m.value...)
	}
	return append(out, '}'), nil
}
