package api

import (
	"html/template"
	"strings"

	"huong.city/huong/internal/core/dataset"
)

// docs renders the same operations and datasets as the OpenAPI document, for
// people: no script, one style sheet of its own beside the site's.
func (a *API) docs(c *call) error {
	type opView struct {
		ID, Method, Path, Summary, Detail string
		Params                            []param
		Bodies                            []string
	}
	type group struct {
		Name, Title string
		Operations  []opView
	}
	lang := c.r.Lang
	var groups []group
	for _, t := range tags(lang) {
		g := group{Name: t.(object)["name"].(string), Title: t.(object)["description"].(string)}
		for i := range a.operations {
			if op := &a.operations[i]; op.tag == g.Name {
				g.Operations = append(g.Operations, opView{op.id, op.method, op.path, op.summary.in(lang), op.detail.in(lang), op.params, op.bodies})
			}
		}
		groups = append(groups, g)
	}
	type fieldView struct {
		Name, Type, Unit, Title string
		Key, Required           bool
	}
	type datasetView struct {
		Name, Title, Description, Kind string
		Fields                         []fieldView
	}
	var datasets []datasetView
	for _, e := range a.repo.Entries(c.who()) {
		if e.System {
			continue
		}
		d := e.Dataset
		v := datasetView{Name: d.Name, Title: d.Title.In(lang), Description: d.Description.In(lang), Kind: kindName(d.Kind).in(lang)}
		visible := a.names(c.who(), e)
		for _, f := range d.Schema.Fields {
			if contains(visible, f.Name) {
				v.Fields = append(v.Fields, fieldView{f.Name, string(f.Type), f.Unit, f.Title.In(lang), contains(d.Schema.PrimaryKey, f.Name), f.Constraints.Required})
			}
		}
		datasets = append(datasets, v)
	}
	return a.page(c, docsPage, map[string]any{"Groups": groups, "Datasets": datasets})
}

func kindName(k dataset.Kind) words {
	if k == dataset.Series {
		return words{"chuỗi quan sát", "series of observations"}
	}
	return words{"sổ đăng ký", "register"}
}

// say picks a language inside a template.
func say(lang, vi, en string) string { return words{vi, en}.in(lang) }

func parse(name, text string) *template.Template {
	t := template.New(name).Funcs(template.FuncMap{
		"say":   say,
		"lower": strings.ToLower,
		"in":    func(lang string, p param) string { return p.text.in(lang) },
		"name":  func(p param) string { return p.name },
		"typ":   func(p param) string { return p.typ },
		"def":   func(p param) string { return p.def },
		"where": func(p param) string { return p.in },
		"join":  func(list []string) string { return strings.Join(list, ", ") },
	})
	return template.Must(t.Parse(pageHead + text + pageFoot))
}

var (
	docsPage    = parse("docs", docsBody)
	problemPage = parse("problem", problemBody)
)

const pageHead = `<!doctype html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{block "title" .}}{{say .Lang "Giao diện lập trình của Hương" "Huong's programming interface"}}{{end}}</title>
{{with .Stylesheet}}<link rel="stylesheet" href="{{.}}">{{end}}
<link rel="stylesheet" href="/api/v1/docs.css">
</head>
<body class="api-docs">
<header><nav><a href="/">Hương</a> · <a href="/api/v1/docs">API</a> · <a href="/api/v1/openapi.json">OpenAPI 3.1</a> · <a href="?lang={{.Other}}" hreflang="{{.Other}}" lang="{{.Other}}">{{.OtherName}}</a></nav></header>
<main>
`

const pageFoot = `
</main>
</body>
</html>
`

const docsBody = `<h1>{{say .Lang "Giao diện lập trình" "Programming interface"}}</h1>
<p>{{say .Lang "Đọc, ghi và theo dõi dữ liệu của thành phố. Dữ liệu mở đọc được không cần đăng nhập; dữ liệu khác cần mã truy cập gửi trong tiêu đề Authorization: Bearer." "Read, write and follow the city's data. Open data needs no credential; other data needs a token in the header Authorization: Bearer."}}</p>
<p>{{say .Lang "Tham số không có trong danh sách bị từ chối. Lỗi trả về theo RFC 9457 (application/problem+json)." "A parameter that is not listed is refused. Errors come as RFC 9457 problems (application/problem+json)."}}</p>
{{$lang := .Lang}}
{{range .Groups}}<section aria-labelledby="g-{{.Name}}"><h2 id="g-{{.Name}}">{{.Title}}</h2>
{{range .Operations}}<details id="{{.ID}}"><summary><code class="method {{lower .Method}}">{{.Method}}</code> <code>{{.Path}}</code> <span>{{.Summary}}</span></summary>
{{with .Detail}}<p>{{.}}</p>{{end}}
{{with .Bodies}}<p>{{say $lang "Nội dung gửi" "Body"}}: {{join .}}</p>{{end}}
{{if .Params}}<table><thead><tr><th scope="col">{{say $lang "Tham số" "Parameter"}}</th><th scope="col">{{say $lang "Kiểu" "Type"}}</th><th scope="col">{{say $lang "Mặc định" "Default"}}</th><th scope="col">{{say $lang "Ý nghĩa" "Meaning"}}</th></tr></thead><tbody>
{{range .Params}}<tr><td><code>{{name .}}</code>{{if eq (where .) "header"}} ({{say $lang "tiêu đề" "header"}}){{end}}</td><td>{{typ .}}</td><td>{{def .}}</td><td>{{in $lang .}}</td></tr>
{{end}}</tbody></table>{{end}}
</details>
{{end}}</section>
{{end}}
<section aria-labelledby="datasets"><h2 id="datasets">{{say .Lang "Bộ dữ liệu đọc được" "Datasets that you may read"}}</h2>
{{range .Datasets}}<details id="dataset-{{.Name}}"><summary><code>{{.Name}}</code> <span>{{.Title}}</span> <small>{{.Kind}}</small></summary>
{{with .Description}}<p>{{.}}</p>{{end}}
<p><a href="/api/v1/datasets/{{.Name}}/records">/api/v1/datasets/{{.Name}}/records</a></p>
<table><thead><tr><th scope="col">{{say $lang "Trường" "Field"}}</th><th scope="col">{{say $lang "Kiểu" "Type"}}</th><th scope="col">{{say $lang "Đơn vị" "Unit"}}</th><th scope="col">{{say $lang "Tên gọi" "Title"}}</th></tr></thead><tbody>
{{range .Fields}}<tr><td><code>{{.Name}}</code>{{if .Key}} {{say $lang "(khóa)" "(key)"}}{{else if .Required}} {{say $lang "(bắt buộc)" "(required)"}}{{end}}</td><td>{{.Type}}</td><td>{{.Unit}}</td><td>{{.Title}}</td></tr>
{{end}}</tbody></table>
</details>
{{else}}<p>{{say .Lang "Chưa có bộ dữ liệu nào." "There is none yet."}}</p>{{end}}</section>`

const problemBody = `<h1>{{say .Lang "Mã lỗi" "Problem"}} <code>{{.Code}}</code></h1>
<dl><dt lang="vi">Tiếng Việt</dt><dd lang="vi">{{.Texts.vi}}</dd><dt lang="en">English</dt><dd lang="en">{{.Texts.en}}</dd></dl>
<p>{{say .Lang "Chữ trong ngoặc nhọn được thay bằng giá trị cụ thể khi lỗi xảy ra." "Words in braces stand for what the case at hand holds."}}</p>`

const docsStyle = `.api-docs{font-family:"Be Vietnam Pro",system-ui,sans-serif;line-height:1.5;max-width:64rem;margin:0 auto;padding:1rem}
.api-docs table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}
.api-docs th,.api-docs td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #d5d9de}
.api-docs summary{cursor:pointer;padding:.35rem 0}
.api-docs code{font-family:"IBM Plex Mono",ui-monospace,monospace;font-size:.92em}
.api-docs .method{display:inline-block;min-width:4.2em;font-weight:600}
.api-docs dt{font-weight:600}
.api-docs dd{margin:0 0 1rem}
@media (prefers-color-scheme:dark){.api-docs{background:#14181d;color:#e6e9ed}.api-docs a{color:#8ab8ff}.api-docs th,.api-docs td{border-color:#39424d}}
`
