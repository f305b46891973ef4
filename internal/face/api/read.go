package api

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/export"
	"huong.city/huong/internal/store"
)

// Media types that records come in, by the value of the parameter f.
const (
	mediaJSON    = "application/json"
	mediaGeoJSON = "application/geo+json"
	mediaCSV     = "text/csv"
	mediaNDJSON  = "application/x-ndjson"
)

func (a *API) readOperations() []operation {
	records := slices.Concat(selectionParams(), []param{
		paramLimit(defaultLimit, maxLimit), paramCursor(),
		{name: "f", in: "query", typ: "string", enum: []string{"json", "geojson", "csv", "ndjson"}, text: words{"Định dạng; thiếu thì theo Accept.", "Format; Accept decides without it."}},
		{name: "count", in: "query", typ: "boolean", text: words{"Có đếm tổng số bản ghi khớp hay không (mặc định: chỉ trang đầu).", "Whether to count all matches (by default on the first page only)."}},
		paramLang(),
	})
	one := []param{{name: "asOf", in: "query", typ: "string", text: words{"Số thứ tự ghi hoặc thời điểm.", "Commit number or time."}}, paramLang()}
	return []operation{
		{
			method: "GET", path: "/api/v1/datasets/{name}/records", id: "readRecords", tag: "records",
			summary: words{"Đọc bản ghi", "Read records"}, params: records,
			detail:   words{"Trả về từng trang; \"next\" và Link rel=next dẫn tới trang sau.", "Pages; \"next\" and Link rel=next lead to the next one."},
			answers:  []answer{{200, []string{mediaJSON, mediaGeoJSON, mediaCSV, mediaNDJSON}, "RecordPage", words{"Một trang bản ghi", "One page of records"}}, {304, nil, "", words{"Không đổi", "Not changed"}}},
			problems: []int{406}, handle: a.readRecords,
		},
		{
			method: "GET", path: "/api/v1/datasets/{name}/records/{key}", id: "readRecord", tag: "records",
			summary: words{"Đọc một bản ghi", "Read one record"}, params: one,
			answers: []answer{{200, []string{mediaJSON}, "Record", words{"Bản ghi; ETag là phiên bản", "The record; ETag is its version"}}, {304, nil, "", words{"Không đổi", "Not changed"}}},
			handle:  a.readRecord,
		},
		{
			method: "GET", path: "/api/v1/datasets/{name}/records/{key}/history", id: "readHistory", tag: "records",
			summary: words{"Lịch sử của một bản ghi", "History of one record"}, params: []param{paramLimit(1000, maxLimit), paramLang()},
			answers: []answer{{200, []string{mediaJSON}, "History", words{"Các phiên bản, mới nhất trước", "The versions, newest first"}}},
			handle:  a.readHistory,
		},
		{
			method: "GET", path: "/api/v1/datasets/{name}/difference", id: "readDifference", tag: "records",
			summary: words{"So sánh hai trạng thái", "Difference of two states"},
			params: []param{
				{name: "from", in: "query", typ: "string", text: words{"Trạng thái đầu: số thứ tự ghi hoặc thời điểm (bắt buộc).", "First state: commit number or time (required)."}},
				{name: "to", in: "query", typ: "string", text: words{"Trạng thái sau; thiếu thì là hiện tại.", "Second state; now when left out."}},
				paramLimit(1000, maxDifferences), paramLang(),
			},
			answers: []answer{{200, []string{mediaJSON}, "Differences", words{"Các bản ghi khác nhau", "The records that differ"}}},
			handle:  a.readDifference,
		},
		{
			method: "GET", path: "/api/v1/datasets/{name}/aggregate", id: "aggregate", tag: "records",
			summary: words{"Tổng hợp theo nhóm", "Aggregate by groups"},
			params: slices.Concat(slices.DeleteFunc(selectionParams(), func(p param) bool { return p.name == "fields" || p.name == "sort" }), []param{
				{name: "by", in: "query", typ: "string", example: "area,observedAt:hour", text: words{"Các trường để nhóm; thời gian có thể kèm :minute, :hour, :day, :week, :month, :year. \"area\" là đơn vị hành chính.", "Fields to group by; a time may carry :minute, :hour, :day, :week, :month or :year. \"area\" is the administrative area."}},
				{name: "measure", in: "query", typ: "string", def: "count", example: "count,mean(level),max(level)", text: words{"Các phép đo: count, sum, mean, min, max, distinct.", "Measures: count, sum, mean, min, max, distinct."}},
				paramLimit(defaultGroups, maxGroups), paramLang(),
			}),
			answers: []answer{{200, []string{mediaJSON}, "Groups", words{"Các nhóm", "The groups"}}},
			handle:  a.aggregate,
		},
		{
			method: "GET", path: "/api/v1/datasets/{name}/export", id: "export", tag: "records", stream: true,
			summary: words{"Tải về toàn bộ", "Download"},
			params: slices.Concat(selectionParams(), []param{
				{name: "format", in: "query", typ: "string", def: "csv", enum: exportFormats(), text: words{"Định dạng tệp.", "File format."}},
				{name: "limit", in: "query", typ: "integer", min: 1, max: 1 << 40, text: words{"Số bản ghi tối đa; thiếu thì không giới hạn.", "Most records; all when left out."}},
				paramLang(),
			}),
			answers: []answer{{200, []string{"text/csv", "text/tab-separated-values", mediaJSON, mediaNDJSON, mediaGeoJSON, exportMedia("xlsx"), exportMedia("parquet")}, "", words{"Tệp", "The file"}}},
			handle:  a.export,
		},
	}
}

func (a *API) readRecords(c *call) error {
	e, err := a.entry(c)
	if err != nil {
		return err
	}
	media := map[string]string{"json": mediaJSON, "geojson": mediaGeoJSON, "csv": mediaCSV, "ndjson": mediaNDJSON}[c.text("f")]
	if media == "" {
		var ok bool
		if media, ok = web.Prefer(strings.Join(c.r.Header.Values("Accept"), ","), mediaJSON, mediaGeoJSON, mediaCSV, mediaNDJSON); !ok {
			return notAcceptable(mediaJSON, mediaGeoJSON, mediaCSV, mediaNDJSON)
		}
	}
	q, err := a.selection(c, e)
	if err != nil {
		return web.Malformed(err)
	}
	q.Limit, q.Cursor = int(c.integer("limit")), c.text("cursor")
	q.Count = c.truth("count", q.Cursor == "")
	h, err := a.repo.Head(c.ctx())
	if err != nil {
		return err
	}
	tag := web.WeakTag(h.Epoch, strconv.FormatInt(h.Seq, 10), e.Dataset.Name, c.r.URL.Query().Encode(), media, c.who().Name, c.r.Lang)
	if web.Fresh(c.w, c.r, tag) {
		return nil
	}
	columns := a.chosen(c.who(), e, q.Fields)
	if media == mediaGeoJSON && len(q.Fields) > 0 {
		for _, i := range []int{e.Table.Geometry, e.Table.X, e.Table.Y} {
			if i >= 0 {
				q.Fields = append(q.Fields, e.Table.Columns[i].Name)
			}
		}
	}
	s := &spool{c: c}
	c.set("Content-Type", media+"; charset=utf-8")
	switch media {
	case mediaGeoJSON:
		c.set("Content-Type", media)
		s.buf = append(s.buf, `{"type":"FeatureCollection","features":[`...)
	case mediaJSON:
		s.buf = append(s.buf, `{"records":[`...)
	case mediaCSV:
		for i, col := range columns {
			if i > 0 {
				s.buf = append(s.buf, ',')
			}
			s.buf = append(s.buf, e.Table.Columns[col].Name...)
		}
		s.buf = append(s.buf, "\r\n"...)
	}
	n := 0
	page, err := a.repo.Read(c.ctx(), c.who(), q, func(rec repo.Record) error {
		if n++; n > 1 && (media == mediaJSON || media == mediaGeoJSON) {
			s.buf = append(s.buf, ',')
		}
		switch media {
		case mediaGeoJSON:
			s.buf = appendFeature(s.buf, e, columns, rec)
		case mediaCSV:
			s.buf = appendCSV(s.buf, e, columns, rec.Values)
		default:
			s.buf = appendRecord(s.buf, e, columns, rec.Values, rec.Version)
		}
		if media == mediaNDJSON {
			s.buf = append(s.buf, '\n')
		}
		return s.check()
	})
	if err != nil {
		return err
	}
	s.link(page.Next)
	if media == mediaJSON || media == mediaGeoJSON {
		s.buf = append(s.buf, `],"numberReturned":`...)
		s.buf = strconv.AppendInt(s.buf, int64(n), 10)
		if page.Matched >= 0 {
			s.buf = append(s.buf, `,"numberMatched":`...)
			s.buf = strconv.AppendInt(s.buf, page.Matched, 10)
		}
		s.buf = append(s.buf, `,"asOf":`...)
		s.buf = strconv.AppendInt(s.buf, page.AsOf, 10)
		if page.Next != "" {
			s.buf = append(s.buf, `,"next":`...)
			s.buf = appendText(s.buf, page.Next)
		}
		s.buf = append(s.buf, "}\n"...)
	}
	return s.flush()
}

func notAcceptable(offers ...string) error {
	return &web.Refusal{Status: http.StatusNotAcceptable, Err: problem.New(problem.Invalid, "not-acceptable", "offers", strings.Join(offers, ", "))}
}

// chosen gives the ordinals to write: the named fields in the order asked, or
// all that p may see.
func (a *API) chosen(p repo.Principal, e *repo.Entry, fields []string) []int {
	visible := a.repo.Visible(p, e)
	if len(fields) == 0 {
		return visible
	}
	var columns []int
	for _, f := range fields {
		if i, _, _, ok := e.Table.Property(f); ok && slices.Contains(visible, i) && !slices.Contains(columns, i) {
			columns = append(columns, i)
		}
	}
	return columns
}

// appendFeature writes a GeoJSON Feature (RFC 7946 section 3.2).
func appendFeature(dst []byte, e *repo.Entry, columns []int, rec repo.Record) []byte {
	dst = append(dst, `{"type":"Feature","id":`...)
	dst = appendText(dst, keyOf(e, rec.Values))
	dst = append(dst, `,"geometry":`...)
	t := e.Table
	switch {
	case t.Geometry >= 0 && !rec.Values[t.Geometry].IsNull():
		dst = geom.AppendGeoJSON(dst, rec.Values[t.Geometry].WKB())
	case t.X >= 0 && !rec.Values[t.X].IsNull() && !rec.Values[t.Y].IsNull():
		dst = geom.AppendGeoJSON(dst, geom.Point(rec.Values[t.X].Float(), rec.Values[t.Y].Float()))
	default:
		dst = append(dst, "null"...)
	}
	properties := slices.DeleteFunc(slices.Clone(columns), func(i int) bool { return i == t.Geometry })
	dst = append(dst, `,"properties":`...)
	return append(appendRecord(dst, e, properties, rec.Values, rec.Version), '}')
}

// appendCSV writes a line of RFC 4180.
func appendCSV(dst []byte, e *repo.Entry, columns []int, row []value.Value) []byte {
	for i, col := range columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		start := len(dst)
		dst = e.Schema.AppendCell(dst, col, row[col])
		if cell := string(dst[start:]); strings.ContainsAny(cell, ",\"\r\n") || cell != strings.TrimSpace(cell) {
			dst = append(dst[:start], '"')
			dst = append(dst, strings.ReplaceAll(cell, `"`, `""`)...)
			dst = append(dst, '"')
		}
	}
	return append(dst, "\r\n"...)
}

// key reads the record key of the path.
func (a *API) key(c *call, e *repo.Entry) ([]value.Value, error) {
	key, err := record.ParseKey(e.Schema, c.path("key"))
	return key, web.Malformed(err)
}

func recordURL(e *repo.Entry, key string) string {
	return "/api/v1/datasets/" + e.Dataset.Name + "/records/" + url.PathEscape(key)
}

func versionTag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

func (a *API) readRecord(c *call) error {
	e, err := a.entry(c)
	if err != nil {
		return err
	}
	key, err := a.key(c, e)
	if err != nil {
		return err
	}
	asOf, err := a.asOf(c, "asOf")
	if err != nil {
		return err
	}
	rec, err := a.repo.Get(c.ctx(), c.who(), e.Dataset.Name, key, asOf)
	if err != nil {
		return err
	}
	if web.Fresh(c.w, c.r, versionTag(rec.Version)) {
		return nil
	}
	c.set("Content-Type", mediaJSON+"; charset=utf-8")
	_, err = c.w.Write(append(appendRecord(nil, rec.Entry, a.repo.Visible(c.who(), rec.Entry), rec.Values, rec.Version), '\n'))
	return err
}

// errEnough ends a read whose limit is reached.
var errEnough = errors.New("api: enough")

func (a *API) readHistory(c *call) error {
	e, err := a.entry(c)
	if err != nil {
		return err
	}
	key, err := a.key(c, e)
	if err != nil {
		return err
	}
	limit, n := int(c.integer("limit")), 0
	columns := a.repo.Visible(c.who(), e)
	s := &spool{c: c}
	s.buf = append(s.buf, `{"dataset":`...)
	s.buf = appendText(s.buf, e.Dataset.Name)
	s.buf = append(s.buf, `,"key":`...)
	s.buf = appendText(s.buf, record.FormatKey(e.Table, key))
	s.buf = append(s.buf, `,"versions":[`...)
	c.set("Content-Type", mediaJSON+"; charset=utf-8")
	_, err = a.repo.History(c.ctx(), c.who(), e.Dataset.Name, key, func(v store.Version) error {
		if n == limit {
			return errEnough
		}
		if n++; n > 1 {
			s.buf = append(s.buf, ',')
		}
		s.buf = append(s.buf, `{"version":`...)
		s.buf = strconv.AppendInt(s.buf, v.Seq, 10)
		if v.Until > 0 {
			s.buf = append(s.buf, `,"until":`...)
			s.buf = strconv.AppendInt(s.buf, v.Until, 10)
		}
		s.buf = append(s.buf, `,"commit":"/api/v1/commits/`...)
		s.buf = strconv.AppendInt(s.buf, v.Seq, 10)
		if v.Values == nil {
			s.buf = append(s.buf, `","deleted":true}`...)
		} else {
			s.buf = append(s.buf, `","record":`...)
			s.buf = append(appendRecord(s.buf, e, columns, v.Values, v.Seq), '}')
		}
		return s.check()
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	s.buf = append(s.buf, `],"more":`...)
	s.buf = append(strconv.AppendBool(s.buf, errors.Is(err, errEnough)), "}\n"...)
	return s.flush()
}

func (a *API) readDifference(c *call) error {
	e, err := a.entry(c)
	if err != nil {
		return err
	}
	if c.text("from") == "" {
		return web.Malformed(problem.InvalidWith("parameters-invalid", []problem.Violation{problem.Violate("parameter-required", "from")}))
	}
	from, err := a.asOf(c, "from")
	if err != nil {
		return err
	}
	to, err := a.asOf(c, "to")
	if err != nil {
		return err
	}
	if to == 0 {
		h, err := a.repo.Head(c.ctx())
		if err != nil {
			return err
		}
		to = h.Seq
	}
	limit, n := int(c.integer("limit")), 0
	columns := a.repo.Visible(c.who(), e)
	s := &spool{c: c}
	c.set("Content-Type", mediaJSON+"; charset=utf-8")
	s.buf = append(s.buf, `{"from":`...)
	s.buf = strconv.AppendInt(s.buf, from, 10)
	s.buf = append(s.buf, `,"to":`...)
	s.buf = strconv.AppendInt(s.buf, to, 10)
	s.buf = append(s.buf, `,"differences":[`...)
	err = a.repo.Difference(c.ctx(), c.who(), e.Dataset.Name, from, to, func(d repo.Difference) error {
		if n == limit {
			return errEnough
		}
		if n++; n > 1 {
			s.buf = append(s.buf, ',')
		}
		row := d.After
		if row == nil {
			row = d.Before
		}
		s.buf = append(s.buf, `{"result":"`+d.Result.String()+`","key":`...)
		s.buf = appendText(s.buf, keyOf(e, row))
		if d.Before != nil {
			s.buf = append(s.buf, `,"before":`...)
			s.buf = e.Schema.AppendJSON(s.buf, d.Before, columns)
		}
		if d.After != nil {
			s.buf = append(s.buf, `,"after":`...)
			s.buf = e.Schema.AppendJSON(s.buf, d.After, columns)
		}
		s.buf = append(s.buf, '}')
		return s.check()
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	s.buf = append(s.buf, `],"more":`...)
	s.buf = append(strconv.AppendBool(s.buf, errors.Is(err, errEnough)), "}\n"...)
	return s.flush()
}

func (a *API) aggregate(c *call) error {
	e, err := a.entry(c)
	if err != nil {
		return err
	}
	q, err := a.selection(c, e)
	if err != nil {
		return err
	}
	q.Limit = int(c.integer("limit"))
	g := repo.Aggregation{Query: q}
	var names []string
	var vs []problem.Violation
	known := a.names(c.who(), e)
	for _, s := range c.list("by") {
		field, bucket, _ := strings.Cut(s, ":")
		column := field
		if field == "area" && !contains(known, "area") && contains(known, "_area") {
			column = "_area"
		}
		if !contains(known, column) {
			vs = append(vs, unknown("field-unknown", "by", clip(field), known))
		}
		g.By, names = append(g.By, repo.By{Field: column, Bucket: bucket}), append(names, field)
	}
	measures := c.list("measure")
	if len(measures) == 0 {
		measures = []string{"count"}
	}
	for _, s := range measures {
		fn, field, call := strings.Cut(s, "(")
		if call && !strings.HasSuffix(field, ")") {
			vs = append(vs, problem.Violate("measure-invalid", "measure", "measure", clip(s)))
			continue
		}
		field = strings.TrimSuffix(field, ")")
		if field != "" && !contains(known, field) {
			vs = append(vs, unknown("field-unknown", "measure", clip(field), known))
		}
		g.Measures, names = append(g.Measures, repo.Measure{Func: fn, Field: field}), append(names, s)
	}
	if len(g.By) > 8 || len(g.Measures) > 32 {
		vs = append(vs, problem.Violate("parameter-many", "by", "limit", 8))
	}
	for i, n := range names {
		if slices.Contains(names[:i], n) {
			vs = append(vs, problem.Violate("parameter-repeated", "by", "name", clip(n)))
		}
	}
	if err := problem.InvalidWith("parameters-invalid", vs); err != nil {
		return err
	}
	limit, n := g.Limit, 0
	g.Limit++
	s := &spool{c: c}
	c.set("Content-Type", mediaJSON+"; charset=utf-8")
	s.buf = append(s.buf, `{"groups":[`...)
	err = a.repo.Aggregate(c.ctx(), c.who(), g, func(row []value.Value) error {
		if n == limit {
			return errEnough
		}
		if n++; n > 1 {
			s.buf = append(s.buf, ',')
		}
		s.buf = append(s.buf, '{')
		for i, v := range row[:min(len(row), len(names))] {
			if i > 0 {
				s.buf = append(s.buf, ',')
			}
			s.buf = appendText(s.buf, names[i])
			s.buf = append(s.buf, ':')
			s.buf = appendValue(s.buf, v)
		}
		s.buf = append(s.buf, '}')
		return s.check()
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	s.buf = append(s.buf, `],"more":`...)
	s.buf = append(strconv.AppendBool(s.buf, errors.Is(err, errEnough)), "}\n"...)
	return s.flush()
}

// exportMedia is the media type of a format of export.
func exportMedia(format string) string {
	switch format {
	case "csv":
		return mediaCSV + "; charset=utf-8"
	case "tsv":
		return "text/tab-separated-values; charset=utf-8"
	case "json":
		return mediaJSON + "; charset=utf-8"
	case "ndjson":
		return mediaNDJSON + "; charset=utf-8"
	case "geojson":
		return mediaGeoJSON
	case "xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return "application/vnd.apache.parquet"
}

func exportFormats() []string {
	return []string{"csv", "tsv", "json", "ndjson", "geojson", "xlsx", "parquet"}
}

func (a *API) export(c *call) error {
	e, err := a.entry(c)
	if err != nil {
		return err
	}
	q, err := a.selection(c, e)
	if err != nil {
		return err
	}
	q.Limit = int(c.integer("limit"))
	format := c.text("format")
	if format == "" {
		format = "csv"
	}
	if format == "geojson" && e.Table.X < 0 {
		return problem.InvalidWith("parameters-invalid", []problem.Violation{problem.Violate("dataset-without-place", "format", "dataset", e.Dataset.Name)})
	}
	c.set("Content-Type", exportMedia(format))
	c.set("Content-Disposition", `attachment; filename="`+e.Dataset.Name+"."+format+`"`)
	if c.r.Method == http.MethodHead {
		return nil
	}
	return export.Write(c.ctx(), a.repo, c.who(), q, format, c.w)
}
