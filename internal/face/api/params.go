package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"huong.city/huong/internal/core/problem"
)

// Bounds of what a request may ask for.
const (
	maxParam       = 16 << 10 // bytes of one parameter
	defaultLimit   = 100
	maxLimit       = 10_000
	maxGroups      = 100_000
	defaultGroups  = 10_000
	maxDifferences = 100_000
	maxWait        = 60
)

// common parameters, listed by several operations.
func paramLang() param {
	return param{name: "lang", in: "query", typ: "string", enum: []string{"vi", "en"},
		text: words{"Ngôn ngữ của văn bản trả về.", "Language of the texts in the answer."}}
}

func paramLimit(def, max int64) param {
	return param{name: "limit", in: "query", typ: "integer", min: 1, max: max, def: strconv.FormatInt(def, 10),
		text: words{"Số bản ghi tối đa trong câu trả lời.", "Most records in the answer."}}
}

func paramCursor() param {
	return param{name: "cursor", in: "query", typ: "string",
		text: words{"Vị trí trang sau, lấy nguyên từ \"next\" của trang trước.", "Place of the next page, taken as it is from \"next\" of the page before."}}
}

// selectionParams choose records; read, aggregate and export share them.
func selectionParams() []param {
	return []param{
		{name: "filter", in: "query", typ: "string", example: "level > 2.5 AND station LIKE 'KL%'",
			text: words{"Điều kiện lọc theo CQL2 (OGC 21-065r2).", "Filter in CQL2 (OGC 21-065r2)."}},
		{name: "filter-lang", in: "query", typ: "string", def: "cql2-text", enum: []string{"cql2-text", "cql2-json"},
			text: words{"Dạng viết của điều kiện lọc.", "Form in which the filter is written."}},
		{name: "bbox", in: "query", typ: "string", example: "107.4,16.3,107.7,16.6",
			text: words{"Khung tọa độ WGS 84: tây, nam, đông, bắc.", "Box in WGS 84: west, south, east, north."}},
		{name: "area", in: "query", typ: "string",
			text: words{"Mã đơn vị hành chính; gồm cả các đơn vị bên dưới.", "Code of an area; the areas below it included."}},
		{name: "datetime", in: "query", typ: "string", example: "2025-10-01/..",
			text: words{"Thời điểm hoặc khoảng thời gian (RFC 3339), hai đầu đều tính; \"..\" là để ngỏ.", "Instant or interval (RFC 3339), both ends included; \"..\" is open."}},
		{name: "asOf", in: "query", typ: "string", example: "2025-10-01T00:00:00+07:00",
			text: words{"Đọc dữ liệu như tại một số thứ tự ghi hoặc một thời điểm.", "Read the data as it was at a commit number or at a time."}},
		{name: "fields", in: "query", typ: "string",
			text: words{"Các trường cần trả về, cách nhau bằng dấu phẩy.", "Fields to return, parted by commas."}},
		{name: "sort", in: "query", typ: "string", example: "-observedAt,station",
			text: words{"Thứ tự sắp xếp; dấu trừ là giảm dần.", "Order; a minus sign means descending."}},
	}
}

func headerMatch() []param {
	return []param{
		{name: "If-Match", in: "header", typ: "string", text: words{"Chỉ ghi khi phiên bản hiện tại đúng là thẻ này; \"*\" là đã tồn tại.", "Write only when the current version has this tag; \"*\" means that the record exists."}},
		{name: "If-None-Match", in: "header", typ: "string", enum: []string{"*"}, text: words{"\"*\": chỉ ghi khi bản ghi chưa có.", "\"*\": write only when there is no record yet."}},
	}
}

func headerKey() param {
	return param{name: "Idempotency-Key", in: "header", typ: "string",
		text: words{"Gửi lại cùng khóa này thì không ghi lần nữa, chỉ nhận lại kết quả đầu.", "A repeat with the same key writes nothing again and gets the first result."}}
}

func headerReason() param {
	return param{name: "Huong-Reason", in: "header", typ: "string",
		text: words{"Lý do thay đổi, lưu cùng lần ghi; tối đa 500 ký tự, mã hóa phần trăm nếu có dấu.", "Reason of the change, kept with the commit; at most 500 characters, percent-encoded where not ASCII."}}
}

// parse checks the query against what the operation lists, all faults at once.
func (c *call) parse() error {
	if c.r.URL.RawQuery == "" {
		return nil
	}
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return problem.InvalidWith("parameters-invalid", []problem.Violation{problem.Violate("parameter-encoding", "")})
	}
	c.q = q
	var vs []problem.Violation
	names := []string{"lang"}
	for i := range c.op.params {
		if c.op.params[i].in == "query" {
			names = append(names, c.op.params[i].name)
		}
	}
	given := make([]string, 0, len(q))
	for name := range q {
		given = append(given, name)
	}
	slices.Sort(given)
	for _, name := range given[:min(len(given), 100)] {
		values := q[name]
		switch i := slices.IndexFunc(c.op.params, func(p param) bool { return p.in == "query" && p.name == name }); {
		case !slices.Contains(names, name):
			vs = append(vs, unknown("parameter-unknown", clip(name), clip(name), names))
		case len(values) > 1:
			vs = append(vs, problem.Violate("parameter-repeated", name))
		case len(values[0]) > maxParam:
			vs = append(vs, problem.Violate("parameter-long", name, "limit", maxParam))
		case !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0):
			vs = append(vs, problem.Violate("parameter-encoding", name))
		case i >= 0:
			vs = c.op.params[i].check(values[0], vs)
		}
	}
	return problem.InvalidWith("parameters-invalid", vs)
}

func (p *param) check(s string, vs []problem.Violation) []problem.Violation {
	switch {
	case p.typ == "integer":
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < p.min || n > p.max {
			return append(vs, problem.Violate("parameter-integer", p.name, "min", p.min, "max", p.max))
		}
	case p.typ == "boolean":
		if s != "true" && s != "false" && s != "1" && s != "0" {
			return append(vs, problem.Violate("parameter-boolean", p.name))
		}
	case p.enum != nil:
		if !slices.Contains(p.enum, s) {
			return append(vs, problem.Violate("parameter-choice", p.name, "allowed", strings.Join(p.enum, ", ")))
		}
	}
	return vs
}

// integer returns a checked integer parameter or its default.
func (c *call) integer(name string) int64 {
	s := c.q.Get(name)
	if s == "" {
		for _, p := range c.op.params {
			if p.name == name {
				s = p.def
			}
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// unknown makes the violation for a name that is none of those known, with the
// nearest one where it is near enough to have been meant.
func unknown(code, field, name string, known []string) problem.Violation {
	if n := nearest(name, known); n != "" {
		return problem.Violate(code+"-near", field, "name", name, "nearest", n, "near", n)
	}
	return problem.Violate(code, field, "name", name, "in", field)
}

// nearest returns the known name at the least edit distance, at most a third of
// its length; "" when none is.
func nearest(name string, known []string) string {
	best, least := "", 1+max(2, len(name)/3)
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k), least); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is Levenshtein's, given up at limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}

func clip(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if utf8.RuneCountInString(s) > 60 {
		return string([]rune(s)[:60]) + "…"
	}
	return s
}
