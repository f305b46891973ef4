package api

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
)

// object is a JSON object of the document being built. encoding/json writes its
// members in order of their names, so that the same state gives the same bytes.
type object = map[string]any

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// openapi answers with the OpenAPI 3.1 document of what the caller may see.
func (a *API) openapi(c *call) error {
	entries := a.repo.Entries(c.who())
	parts := []string{c.r.Lang, c.who().Name, a.config.Version}
	for _, e := range entries {
		parts = append(parts, e.Dataset.Name, strconv.FormatInt(e.Version, 10), strconv.Itoa(len(a.repo.Described(c.who(), e))))
	}
	if web.Fresh(c.w, c.r, web.WeakTag(parts...)) {
		return nil
	}
	return writeJSON(c, 200, a.document(c.r.Lang, c.who(), entries))
}

func (a *API) document(lang string, p repo.Principal, entries []*repo.Entry) object {
	paths := object{}
	described := a.operations
	if a.config.TokenRoute {
		described = append(slices.Clone(described), a.tokenOperation())
	}
	for i := range described {
		op := &described[i]
		item, ok := paths[op.path].(object)
		if !ok {
			item = object{}
			paths[op.path] = item
		}
		item[strings.ToLower(op.method)] = op.describe(lang)
	}
	schemas := fixedSchemas()
	maps.Copy(schemas, sharingSchemas(schemaObject, schemaArray))
	maps.Copy(schemas, releaseSchemas(schemaObject, schemaArray))
	maps.Copy(schemas, rightsSchemas(schemaObject, schemaArray))
	maps.Copy(schemas, requestSchemas(schemaObject, schemaArray))
	maps.Copy(schemas, proofSchemas(schemaObject, schemaArray))
	maps.Copy(schemas, tokenSchemas(schemaObject))
	maps.Copy(schemas, incidentSchemas(schemaObject, schemaArray))
	maps.Copy(schemas, reportSchemas(schemaObject, schemaArray))
	maps.Copy(schemas, indicatorSchemas(schemaObject, schemaArray))
	maps.Copy(schemas, patternSchemas(schemaObject, schemaArray))
	maps.Copy(schemas, alertSchemas(schemaObject, schemaArray))
	var records []any
	for _, e := range entries {
		name := "dataset." + e.Dataset.Name
		schemas[name] = a.recordSchema(lang, p, e)
		records = append(records, ref(name))
	}
	record := object{"type": "object", "description": words{"Bản ghi của một bộ dữ liệu", "A record of one of the datasets"}.in(lang)}
	if len(records) > 0 {
		record["anyOf"] = records
	}
	schemas["Record"] = record
	version := a.config.Version
	if version == "" {
		version = "1"
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title":   words{"Hương: nền tảng dữ liệu dùng chung của thành phố", "Huong: the city's shared data platform"}.in(lang),
			"version": version,
			"description": words{
				"Đọc, ghi và theo dõi dữ liệu của thành phố. Dữ liệu mở đọc được không cần đăng nhập; dữ liệu khác cần mã truy cập.",
				"Read, write and follow the city's data. Open data needs no credential; other data needs a token.",
			}.in(lang),
		},
		"servers":  []any{object{"url": "/"}},
		"security": []any{object{}, object{"bearer": []any{}}, object{"session": []any{}}},
		"tags":     tags(lang),
		"paths":    paths,
		"components": object{
			"schemas":   schemas,
			"responses": object{"Problem": object{"description": words{"Lỗi theo RFC 9457", "A problem, RFC 9457"}.in(lang), "content": object{"application/problem+json": object{"schema": ref("Problem")}}}},
			"securitySchemes": object{
				"bearer":  object{"type": "http", "scheme": "bearer"},
				"session": object{"type": "apiKey", "in": "cookie", "name": "__Host-huong"},
			},
		},
	}
}

func tags(lang string) []any {
	var list []any
	for _, t := range []struct {
		name string
		text words
	}{
		{"catalog", words{"Danh mục", "Catalog"}}, {"records", words{"Đọc bản ghi", "Reading records"}}, {"write", words{"Ghi bản ghi", "Writing records"}},
		{"changes", words{"Thay đổi", "Changes"}}, {"quarantine", words{"Vùng cách ly", "Quarantine"}}, {"sharing", words{"Chia sẻ", "Sharing"}}, {"rights", words{"Dữ liệu về tôi", "Data about me"}}, {"alerts", words{"Cảnh báo", "Alerts"}}, {"indicators", words{"Chỉ số", "Indicators"}}, {"incidents", words{"Sự cố", "Incidents"}}, {"reports", words{"Báo cáo", "Reports"}}, {"files", words{"Tệp", "Files"}}, {"system", words{"Hệ thống", "System"}},
	} {
		list = append(list, object{"name": t.name, "description": t.text.in(lang)})
	}
	return list
}

// describe makes the Operation Object (OpenAPI 3.1 section 4.8.10).
func (op *operation) describe(lang string) object {
	out := object{"operationId": op.id, "tags": []any{op.tag}, "summary": op.summary.in(lang)}
	if d := op.detail.in(lang); d != "" {
		out["description"] = d
	}
	params := []any{}
	for _, name := range pathParams(op.path) {
		params = append(params, object{"name": name, "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, p := range op.params {
		params = append(params, p.describe(lang))
	}
	out["parameters"] = params
	if len(op.bodies) > 0 {
		content := object{}
		for _, m := range op.bodies {
			schema := object{"type": "string"}
			switch {
			case m == mediaJSON && op.id == "postRecords":
				schema = object{"oneOf": []any{ref(op.body), object{"type": "array", "items": ref(op.body)}}}
			case strings.HasSuffix(m, "json") && m != mediaNDJSON, m == mediaForm:
				schema = ref(op.body)
			}
			content[m] = object{"schema": schema}
		}
		out["requestBody"] = object{"required": true, "content": content}
	}
	responses := object{"default": object{"$ref": "#/components/responses/Problem"}}
	statuses := slices.Concat([]int{400, 401, 403, 404, 429, 503}, op.problems)
	for _, s := range statuses {
		responses[strconv.Itoa(s)] = object{"$ref": "#/components/responses/Problem"}
	}
	for _, an := range op.answers {
		r := object{"description": an.text.in(lang)}
		if len(an.media) > 0 {
			content := object{}
			for _, m := range an.media {
				schema := object{}
				switch {
				case m == mediaGeoJSON:
					schema = object{"type": "object"}
				case an.schema != "" && m == mediaJSON:
					schema = ref(an.schema)
				case an.schema != "":
					schema = object{"type": "string"}
				}
				content[m] = object{"schema": schema}
			}
			r["content"] = content
		}
		responses[strconv.Itoa(an.status)] = r
	}
	out["responses"] = responses
	return out
}

func (p *param) describe(lang string) object {
	schema := object{"type": p.typ}
	if p.typ == "integer" {
		schema["minimum"], schema["maximum"] = p.min, p.max
	}
	if p.enum != nil {
		schema["enum"] = p.enum
	}
	if p.def != "" {
		schema["default"] = p.def
		switch p.typ {
		case "integer":
			schema["default"] = json.Number(p.def)
		case "boolean":
			schema["default"] = p.def == "true"
		}
	}
	out := object{"name": p.name, "in": p.in, "description": p.text.in(lang), "schema": schema}
	if p.example != "" {
		out["example"] = p.example
	}
	return out
}

var pathParam = regexp.MustCompile(`\{(\w+)\}`)

func pathParams(path string) []string {
	var names []string
	for _, m := range pathParam.FindAllStringSubmatch(path, -1) {
		names = append(names, m[1])
	}
	return names
}

// recordSchema is the JSON Schema (2020-12) of a dataset's records as p sees them.
func (a *API) recordSchema(lang string, p repo.Principal, e *repo.Entry) object {
	properties := object{}
	required := []string{}
	for _, i := range a.repo.Described(p, e) {
		col := &e.Table.Columns[i]
		if f, ok := e.Dataset.Field(col.Name); ok && !col.Derived {
			properties[f.Name] = fieldSchema(lang, f, slices.Contains(e.Table.Key, i))
			if f.Constraints.Required || slices.Contains(e.Table.Key, i) {
				required = append(required, f.Name)
			}
			continue
		}
		properties[col.Name] = derivedSchema(lang, col)
	}
	properties["_key"] = object{"type": "string", "readOnly": true, "description": words{"Khóa của bản ghi", "Key of the record"}.in(lang)}
	properties["_version"] = object{"type": "integer", "readOnly": true, "description": words{"Phiên bản: số thứ tự lần ghi", "Version: number of the commit that wrote it"}.in(lang)}
	out := object{
		"type": "object", "title": e.Dataset.Title.In(lang), "properties": properties, "required": required,
		"x-kind": string(e.Dataset.Kind), "x-primaryKey": e.Dataset.Schema.PrimaryKey, "x-classification": string(e.Dataset.Classification),
	}
	if d := e.Dataset.Description.In(lang); d != "" {
		out["description"] = d
	}
	return out
}

func derivedSchema(lang string, col *dataset.Column) object {
	text := map[string]words{
		dataset.AreaColumn: {"Mã đơn vị hành chính chứa bản ghi", "Code of the area that holds the record"},
		dataset.XColumn:    {"Kinh độ", "Longitude"},
		dataset.YColumn:    {"Vĩ độ", "Latitude"},
		dataset.FlagColumn: {"Các cảnh báo chất lượng", "Quality warnings that hold"},
	}[col.Name]
	out := object{"readOnly": true, "description": text.in(lang)}
	switch {
	case col.Name == dataset.FlagColumn:
		out["type"], out["items"] = []any{"array", "null"}, object{"type": "string"}
	case col.Kind == value.Float:
		out["type"] = []any{"number", "null"}
	default:
		out["type"] = []any{"string", "null"}
	}
	return out
}

// fieldSchema translates one Table Schema field.
func fieldSchema(lang string, f *dataset.Field, key bool) object {
	out := object{}
	typ, format := "", ""
	switch f.Type {
	case dataset.String:
		typ = "string"
		if f.Format == "email" || f.Format == "uri" || f.Format == "uuid" {
			format = f.Format
		}
	case dataset.TimeOfDay:
		typ, format = "string", "time"
	case dataset.Duration:
		typ, format = "string", "duration"
	case dataset.YearMonth:
		typ = "string"
		out["pattern"] = `^-?[0-9]{4,}-[0-9]{2}$`
	case dataset.Number:
		typ, format = "number", "double"
	case dataset.Integer, dataset.Year:
		typ, format = "integer", "int64"
	case dataset.Boolean:
		typ = "boolean"
	case dataset.DateType:
		typ, format = "string", "date"
	case dataset.DateTime:
		typ, format = "string", "date-time"
	case dataset.Object:
		typ = "object"
	case dataset.Array, dataset.List:
		typ = "array"
		out["items"] = object{}
	case dataset.GeoPoint, dataset.GeoJSON:
		typ, format = "object", "geojson"
	}
	if format != "" {
		out["format"] = format
	}
	optional := !key && !f.Constraints.Required
	if typ != "" {
		out["type"] = typ
		if optional {
			out["type"] = []any{typ, "null"}
		}
	}
	for name, words := range map[string]dataset.Words{"title": f.Title, "description": f.Description} {
		if t := words.In(lang); t != "" {
			out[name] = t
		}
	}
	if f.Unit != "" {
		out["x-unit"] = f.Unit
	}
	if f.Classification != "" {
		out["x-classification"] = string(f.Classification)
	}
	if f.Example != nil {
		out["examples"] = []any{f.Example}
	}
	constrain(lang, out, f, optional)
	return out
}

func constrain(lang string, out object, f *dataset.Field, optional bool) {
	con := f.Constraints
	numeric := f.Type == dataset.Number || f.Type == dataset.Integer || f.Type == dataset.Year
	for name, bound := range map[string]any{"minimum": con.Minimum, "maximum": con.Maximum, "exclusiveMinimum": con.ExclusiveMinimum, "exclusiveMaximum": con.ExclusiveMaximum} {
		switch n, ok := number(bound); {
		case bound == nil:
		case numeric && ok:
			out[name] = n
		default:
			out["x-"+name] = bound
		}
	}
	if con.MinLength != nil && f.Type == dataset.String {
		out["minLength"] = *con.MinLength
	}
	if con.MaxLength != nil && f.Type == dataset.String {
		out["maxLength"] = *con.MaxLength
	}
	if con.Pattern != "" {
		out["x-pattern"] = con.Pattern // an XML Schema expression, which is not ECMAScript's
	}
	if con.Unique {
		out["x-unique"] = true
	}
	allowed := slices.Clone(con.Enum)
	if len(f.Categories) > 0 {
		labels := []any{}
		allowed = nil
		for _, cat := range f.Categories {
			allowed = append(allowed, cat.Value)
			labels = append(labels, object{"value": cat.Value, "label": cat.Label.In(lang)})
		}
		out["x-categories"] = labels
	}
	if len(allowed) > 0 && f.Type != dataset.List && f.Type != dataset.Array {
		if optional {
			allowed = append(allowed, nil)
		}
		out["enum"] = allowed
	}
}

func number(v any) (json.Number, bool) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", false
	}
	s := strings.Trim(string(b), `"`)
	if _, err := strconv.ParseFloat(s, 64); err != nil || !json.Valid([]byte(s)) {
		return "", false
	}
	return json.Number(s), true
}

func schemaObject(required []string, properties object) object {
	return object{"type": "object", "properties": properties, "required": required}
}

func schemaArray(items object) object { return object{"type": "array", "items": items} }

// fixedSchemas are the components that follow from the protocol alone.
func fixedSchemas() object {
	str, integer, boolean := object{"type": "string"}, object{"type": "integer"}, object{"type": "boolean"}
	obj, arr := schemaObject, schemaArray
	free := object{"type": "object"}
	position := obj([]string{}, object{"file": str, "sheet": str, "line": integer, "column": integer, "offset": integer})
	summary := object{
		"name": str, "title": str, "titles": free, "description": str, "kind": object{"type": "string", "enum": []any{"register", "series"}}, "status": str,
		"sector": str, "owner": str, "license": str, "classification": object{"type": "string", "enum": []any{"open", "internal", "personal", "restricted"}},
		"keywords": arr(str), "system": boolean, "placed": boolean, "time": str, "writable": boolean, "version": integer, "url": str,
	}
	detail := object{"declaration": free, "schema": free, "count": integer, "lastCommit": obj([]string{"seq", "at"}, object{"seq": integer, "at": str}),
		"freshness": obj([]string{"ageSeconds", "late"}, object{"newest": str, "ageSeconds": object{"type": "number"}, "promiseSeconds": object{"type": "number"}, "late": boolean}), "links": free}
	for k, v := range summary {
		detail[k] = v
	}
	header := object{"seq": integer, "at": str, "count": integer, "datasets": free, "actor": str, "source": str, "reason": str}
	commit := object{"changes": arr(ref("Change")), "more": boolean}
	for k, v := range header {
		commit[k] = v
	}
	outcome := obj([]string{"row", "result"}, object{"row": integer, "result": str, "version": integer, "violations": arr(ref("Violation"))})
	return object{
		"Violation": obj([]string{"code", "message"}, object{"code": str, "message": str, "row": integer, "field": str, "position": position}),
		"Problem": obj([]string{"type", "title", "status", "detail", "code"}, object{
			"type": str, "title": str, "status": integer, "detail": str, "code": str, "request": str, "violations": arr(ref("Violation")), "moreViolations": integer, "done": ref("Intake")}),
		"Catalog":        obj([]string{"datasets", "count"}, object{"datasets": arr(ref("DatasetSummary")), "count": integer}),
		"DatasetSummary": obj([]string{"name", "title", "kind", "classification", "url"}, summary),
		"DatasetDetail":  obj([]string{"name", "title", "kind", "classification", "url", "declaration", "schema", "count"}, detail),
		"RecordPage": obj([]string{"records", "numberReturned", "asOf"}, object{
			"records": arr(ref("Record")), "numberReturned": integer, "numberMatched": integer, "asOf": integer, "next": str}),
		"History": obj([]string{"dataset", "key", "versions", "more"}, object{"dataset": str, "key": str, "more": boolean, "versions": arr(obj([]string{"version", "commit"}, object{
			"version": integer, "until": integer, "commit": str, "deleted": boolean, "record": ref("Record")}))}),
		"Differences": obj([]string{"from", "to", "differences", "more"}, object{"from": integer, "to": integer, "more": boolean,
			"differences": arr(obj([]string{"result", "key"}, object{"result": str, "key": str, "before": ref("Record"), "after": ref("Record")}))}),
		"Groups": obj([]string{"groups", "more"}, object{"groups": arr(free), "more": boolean}),
		"Receipt": obj([]string{"seq"}, object{"seq": integer, "at": str, "result": object{"type": "string", "enum": []any{"created", "updated", "deleted", "unchanged", "repeat"}},
			"key": str, "url": str, "version": integer}),
		"Intake": obj([]string{"read", "accepted", "unchanged", "quarantined", "seq"}, object{
			"read": integer, "accepted": integer, "unchanged": integer, "quarantined": integer, "seq": integer, "rows": arr(outcome)}),
		"Change": obj([]string{"seq", "at", "dataset", "op", "key"}, object{"seq": integer, "at": str, "dataset": str,
			"op": object{"type": "string", "enum": []any{"created", "updated", "deleted"}}, "key": str, "prior": integer, "changed": arr(str), "record": ref("Record")}),
		"Commits":   obj([]string{"commits"}, object{"commits": arr(obj([]string{"seq", "at", "count"}, header)), "next": integer}),
		"Commit":    obj([]string{"seq", "at", "count", "changes"}, commit),
		"Status":    obj([]string{"head", "cursor"}, object{"head": integer, "at": str, "cursor": str, "version": str, "queue": integer, "followers": arr(free)}),
		"Cells":     object{"type": "object"},
		"Quality":   qualitySchema(obj, arr),
		"Replay":    obj([]string{"dataset"}, object{"dataset": str, "ids": arr(str), "filter": str}),
		"Replayed":  obj([]string{"replayed", "open"}, object{"replayed": integer, "open": integer}),
		"Dismissal": obj([]string{"note"}, object{"note": str}),
		"Dismissed": obj([]string{"id", "state"}, object{"id": str, "state": str}),
	}
}
