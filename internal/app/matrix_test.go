package app

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

var writeMatrix = flag.Bool("matrix.write", false, "write testdata/access-matrix.md anew, to be read line by line")

// who are the principals of the matrix, in the order of its lines. Records A are
// in the western ward and about person A; the datasets are of the agency "ours".
var who = []struct {
	token, vi, en string
	p             repo.Principal
}{
	{"", "công chúng", "public", repo.Principal{}},
	{"self", "công dân A", "citizen A (record A is about them)", citizen("A", 2)},
	{"self-low", "công dân A định danh mức 1", "citizen A, identified at level 1", citizen("A", 1)},
	{"other-citizen", "công dân khác", "another citizen", repo.Principal{Name: "c3", Roles: []string{grant.Citizen}, Person: "046199000303", Assurance: 2, Purpose: "care"}},
	{"steward", "quản trị dữ liệu", "steward of the owner", staff("ours", grant.Steward, "*")},
	{"steward-no-purpose", "quản trị dữ liệu, chưa chọn mục đích", "steward of the owner, no purpose chosen", withoutPurpose(staff("ours", grant.Steward, "*"))},
	{"steward-theirs", "quản trị dữ liệu cơ quan khác", "steward of another agency", staff("theirs", grant.Steward, "*")},
	{"engineer", "kỹ sư dữ liệu", "engineer of the owner", staff("ours", grant.Engineer, "*")},
	{"engineer-theirs", "kỹ sư dữ liệu cơ quan khác", "engineer of another agency", staff("theirs", grant.Engineer, "*")},
	{"officer-west", "cán bộ địa bàn Tây", "officer of the owner, western ward", staff("ours", grant.Officer, west)},
	{"officer-east", "cán bộ địa bàn Đông", "officer of the owner, eastern ward", staff("ours", grant.Officer, east)},
	{"officer-nowhere", "cán bộ chưa có địa bàn", "officer of the owner, no area", staff("ours", grant.Officer)},
	{"officer-theirs", "cán bộ cơ quan khác, địa bàn Tây", "officer of another agency, western ward", staff("theirs", grant.Officer, west)},
	{"operator", "người vận hành địa bàn Tây", "operator of the owner, western ward", staff("ours", grant.OperatorRole, west)},
	{"operator-theirs", "người vận hành cơ quan khác", "operator of another agency", staff("theirs", grant.OperatorRole, "*")},
	{"leader", "lãnh đạo", "leader of the owner", staff("ours", grant.Leader, "*")},
	{"leader-theirs", "lãnh đạo cơ quan khác", "leader of another agency", staff("theirs", grant.Leader, "*")},
	{"auditor", "kiểm toán", "auditor", staff("theirs", grant.Auditor, "*")},
	{"administrator", "quản trị hệ thống", "administrator", staff("theirs", grant.Administrator, "*")},
	{"machine-write", "máy đọc và ghi bốn bộ", "machine, token to read and write the four", machine(classes, classes)},
	{"machine-read", "máy chỉ đọc bốn bộ", "machine, token to read the four", machine(classes, nil)},
	{"machine-reports", "máy gửi phản ánh", "machine, token to write service requests", machine([]string{requestsDataset}, []string{requestsDataset})},
	{"machine-elsewhere", "máy của bộ khác", "machine, token for another dataset", machine([]string{"by-number"}, []string{"by-number"})},
}

func citizen(record string, assurance int) repo.Principal {
	return repo.Principal{Name: "c" + record, Roles: []string{grant.Citizen}, Person: persons[record].number, Assurance: assurance}
}

func staff(agency, role string, areas ...string) repo.Principal {
	return repo.Principal{Name: agency + "-" + role, Agency: agency, Roles: []string{role}, Areas: areas, Purpose: "care", Assurance: 2}
}

func withoutPurpose(p repo.Principal) repo.Principal {
	p.Purpose = ""
	return p
}

func machine(read, write []string) repo.Principal {
	return repo.Principal{Name: "token:1", Read: read, Write: write, Purpose: repo.DataExchange}
}

// place is how a route is asked in the matrix. In the query and the body, $class
// is the dataset, $held its row in quarantine, $seq the commit of its records,
// $version that of record A as it is now and $grant that of the grant g-1, which
// another agency asks for; $release is that of x-1, by which an officer of the
// owner asks to read in bulk. The path is filled by the names of its parts.
type place struct {
	query, body, media string
	path               string // in place of the pattern's
	signed             bool   // waits for the first signature of the log, which is no matter of access
}

// boardForm sends the board of a class as the editor does.
var boardForm = "text=" + strings.ReplaceAll(url.QueryEscape(fmt.Sprintf(seededBoard, "$class")), "%24", "$")

// places say for each route that needs more than its path how it is asked. A
// new route fails the test until it is here, and its outcomes are in the table.
var places = map[string]place{
	"GET /": {}, "GET /datasets": {}, "GET /quarantine": {}, "GET /log": {}, "GET /imports": {}, "GET /enter": {},
	"GET /boards": {}, "GET /boards/{name}": {}, "GET /boards/{name}/export": {query: "?format=csv"}, "GET /boards/{name}/edit": {}, "GET /boards/{name}/history": {},
	"POST /boards/{name}/preview": {body: boardForm, media: form},
	"POST /boards/{name}/edit":    {body: "version=1&reason=matrix&" + boardForm, media: form},
	"GET /wall/{name}":            {}, "GET /wall.css": {},
	"GET /map": {query: "?layer=$class&by=none&within=30d"}, "GET /map/places/{layer}": {path: "/map/places/{name}", query: "?within=30d&layer=$class"},
	"GET /tiles/{layer}/{z}/{x}/{y}": {path: "/tiles/{name}/0/0/0.mvt", query: "?within=30d&layer=$class"}, "GET /basemap.pmtiles": {},
	"GET /indicators": {}, "GET /indicators/{name}": {}, "GET /api/v1/indicators": {}, "GET /api/v1/indicators/{name}": {},
	"GET /api/v1/indicators/{name}/series": {}, "GET /api/v1/indicators/{name}/areas": {}, "GET /api/v1/indicators/{name}/categories": {query: "?by=free"},
	"GET /open311/v2/discovery.xml": {}, "GET /open311/v2/discovery.json": {}, "GET /open311/v2/services.xml": {}, "GET /open311/v2/services.json": {},
	"GET /open311/v2/services/{code}": {path: "/open311/v2/services/other.json"},
	"GET /open311/v2/requests.xml":    {}, "GET /open311/v2/requests.json": {}, "GET /open311/v2/requests.csv": {},
	"GET /open311/v2/requests/{id}":             {path: "/open311/v2/requests/PA-260101-2ABCE.json", query: "?extensions=true"},
	"GET /open311/v2/servicerequestupdates.xml": {}, "GET /open311/v2/servicerequestupdates.json": {},
	"GET /open311/v2/tokens/{token}": {path: "/open311/v2/tokens/none.json"}, "GET /open311/v2/{rest...}": {path: "/open311/v2/none.json"},
	"POST /open311/v2/requests.xml":  {body: "service_code=other&address_string=X&description=Matrix", media: form},
	"POST /open311/v2/requests.json": {body: "service_code=other&address_string=X&description=Matrix", media: form},
	"POST /open311/v2/requests.csv":  {body: "service_request_id,requested_datetime,status_description,service_code,description\nX-1,2026-01-01T00:00:00Z,open,other,Matrix\n", media: "text/csv"},
	"GET /incidents":                 {}, "GET /incidents/new": {}, "GET /stage": {}, "GET /shift": {},
	"POST /incidents/new":              {body: "title=Matrix&kind=other&severity=low&area=w&agency=ours&source=staff", media: form},
	"GET /incidents/{id}":              {path: "/incidents/sc-1"},
	"POST /incidents/{id}":             {path: "/incidents/sc-1", body: "do=note&text=seen", media: form},
	"POST /incidents/{id}/files":       {path: "/incidents/sc-1/files", body: "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7\n%%EOF\n\r\n--b--\r\n", media: "multipart/form-data; boundary=b"},
	"GET /incidents/{id}/files/{file}": {path: "/incidents/sc-1/files/fnone"},
	"GET /incidents/{id}/review":       {path: "/incidents/sc-1/review"},
	"POST /stage":                      {body: "upon=nonsense&stage=2&reason=rain", media: form},
	"POST /shift":                      {body: "do=note&text=seen", media: form},
	"GET /desk":                        {}, "GET /field": {}, "GET /desk/new": {query: "?category=other"},
	"POST /desk":                            {body: "do=note&text=seen&item=PA-260101-2ABCE:1", media: form},
	"POST /desk/new":                        {body: "category=other&text=Matrix&address=X", media: form},
	"GET /desk/{code}":                      {path: "/desk/PA-260101-2ABCE"},
	"POST /desk/{code}":                     {path: "/desk/PA-260101-2ABCE", body: "do=note&text=seen", media: form},
	"POST /desk/{code}/contact":             {path: "/desk/PA-260101-2ABCE/contact", body: "x=y", media: form},
	"GET /desk/{code}/files/{file}":         {path: "/desk/PA-260101-2ABCE/files/fnone"},
	"GET /desk/{code}/files/{file}/redact":  {path: "/desk/PA-260101-2ABCE/files/fnone/redact"},
	"POST /desk/{code}/files/{file}/redact": {path: "/desk/PA-260101-2ABCE/files/fnone/redact", body: "x=1&y=1&w=1&h=1", media: form},
	"POST /field/{code}":                    {path: "/field/PA-260101-2ABCE", body: "do=begin&version=1", media: form},
	"GET /reports":                          {}, "GET /api/v1/reports": {},
	"GET /reports/new": {query: "?name=none"}, "POST /reports/new": {query: "?name=none", body: "area=w", media: form},
	"GET /reports/{id}": {path: "/reports/none"}, "POST /reports/{id}": {path: "/reports/none", body: "do=approve&version=1", media: form},
	"GET /reports/{id}/file":   {path: "/reports/none/file", query: "?format=pdf"},
	"GET /api/v1/reports/{id}": {path: "/api/v1/reports/none"}, "GET /api/v1/reports/{id}/pdf": {path: "/api/v1/reports/none/pdf"},
	"POST /api/v1/reports/{id}/actions": {path: "/api/v1/reports/none/actions", body: `{"do":"approve","version":1}`},
	"GET /api/v1/incidents":             {}, "POST /api/v1/incidents": {body: `{"title":"Matrix","kind":"other","severity":"low","area":"w","agency":"ours","source":"staff"}`},
	"GET /api/v1/incidents/{id}":          {path: "/api/v1/incidents/sc-1"},
	"POST /api/v1/incidents/{id}/actions": {path: "/api/v1/incidents/sc-1/actions", body: `{"do":"note","fields":{"text":"seen"}}`},
	"GET /api/v1/incidents/{id}/review":   {path: "/api/v1/incidents/sc-1/review"},
	"GET /api/v1/stage":                   {}, "POST /api/v1/stage": {body: `{"upon":"nonsense","stage":2,"reason":"rain"}`},
	"POST /api/v1/uploads":         {body: `{"dataset":"incident","record":"sc-1","name":"a.pdf","size":20}`},
	"GET /api/v1/uploads/{id}":     {path: "/api/v1/uploads/fnone"},
	"PATCH /api/v1/uploads/{id}":   {path: "/api/v1/uploads/fnone", body: "x", media: "application/octet-stream"},
	"GET /api/v1/attachments/{id}": {path: "/api/v1/attachments/fnone"},
	"GET /areas.json":              {}, "GET /live": {}, "GET /assets/{file}": {path: "/assets/absent.css"},

	"GET /enter/link/{secret}": {path: "/enter/link/nonsense"}, "POST /enter/new": {body: "secret=nonsense", media: form},
	"GET /enter/provider": {}, "GET /enter/callback": {query: "?state=huongf_x&code=y"},
	"POST /enter/passkey": {body: "{}"}, "POST /enter/passkey/finish": {body: `{"state":"huongf_x","response":{}}`},
	"POST /profile/passkeys": {body: "{}"}, "POST /profile/passkeys/finish": {body: `{"state":"huongf_x","response":{}}`},
	"POST /profile/passkeys/remove":       {body: "passkey=1", media: form},
	"POST /oauth/token":                   {body: "grant_type=client_credentials&client_id=none&client_secret=none", media: form},
	"GET /profile":                        {},
	"POST /profile/capacity":              {body: "capacity=1", media: form},
	"POST /profile/task":                  {body: "purpose=care", media: form},
	"POST /profile/password":              {body: "before=a&password=b&again=b", media: form},
	"POST /profile/sessions":              {body: "session=1", media: form},
	"POST /profile/delegations":           {body: "to=someone", media: form},
	"POST /profile/delegations/{id}":      {path: "/profile/delegations/1"},
	"GET /accounts":                       {},
	"POST /accounts":                      {body: "id=fresh&name=Fresh&kind=staff&agency=ours&role=officer", media: form},
	"GET /accounts/{id}":                  {path: "/accounts/someone"},
	"POST /accounts/{id}":                 {path: "/accounts/someone", body: "act=disable", media: form},
	"GET /sharing":                        {},
	"GET /sharing/ask":                    {query: "?dataset=internal"},
	"POST /sharing/ask":                   {body: "dataset=internal&action=read&need=work&basis=Decree+278&purposes=care&until=2027-06-30", media: form},
	"GET /sharing/{id}":                   {path: "/sharing/g-1"},
	"POST /sharing/{id}":                  {path: "/sharing/g-1", body: "step=refuse&version=$grant&text=no&citation=5", media: form},
	"GET /api/v1/grants":                  {},
	"GET /api/v1/grants/{id}":             {path: "/api/v1/grants/g-1"},
	"POST /api/v1/grants":                 {body: `{"dataset":"internal","action":"read","need":"work","basis":"Decree 278","purposes":["care"],"role":"officer","until":"2027-06-30T00:00:00Z"}`},
	"POST /api/v1/grants/{id}/steps":      {path: "/api/v1/grants/g-1/steps", body: `{"step":"refuse","version":$grant,"text":"no","citation":"5"}`},
	"POST /api/v1/grants/{id}/preview":    {path: "/api/v1/grants/g-1/preview", body: `{}`},
	"GET /releases":                       {},
	"GET /releases/ask":                   {query: "?dataset=personal&purpose=care"},
	"POST /releases/ask":                  {body: "dataset=personal&purpose=care&most=2000&need=work", media: form},
	"GET /releases/{id}":                  {path: "/releases/x-1"},
	"POST /releases/{id}":                 {path: "/releases/x-1", body: "step=refuse&version=$release&reason=no", media: form},
	"GET /api/v1/releases":                {},
	"GET /api/v1/releases/{id}":           {path: "/api/v1/releases/x-1"},
	"POST /api/v1/releases":               {body: `{"dataset":"personal","purpose":"care","most":2000,"need":"work"}`},
	"POST /api/v1/releases/{id}/decision": {path: "/api/v1/releases/x-1/decision", body: `{"approve":true,"version":$release,"reason":"fit"}`},
	"GET /api/v1/datasets/{name}/access":  {},
	"GET /api/v1/log/{seq}/proof":         {signed: true},
	"GET /log/checkpoint":                 {signed: true}, "GET /log/key": {}, "GET /log/tile/{path...}": {signed: true, path: "/log/tile/0/000"},
	"GET /api/v1/me/data": {}, "GET /api/v1/me/data/{name}": {}, "GET /api/v1/me/usage": {},
	"GET /api/v1/me/requests": {}, "POST /api/v1/me/requests": {body: `{"kind":"access","dataset":"$class","text":"please"}`},
	"GET /api/v1/rights-requests": {}, "GET /api/v1/rights-requests/{id}": {path: "/api/v1/rights-requests/r-1"},
	"POST /api/v1/rights-requests/{id}/steps": {path: "/api/v1/rights-requests/r-1/steps", body: `{"step":"accept","version":1}`},
	"GET /me": {}, "GET /me/data/{name}": {}, "POST /me/requests": {body: "kind=access&dataset=$class&text=please&do=send", media: form},
	"GET /alerts": {}, "GET /alerts/quality": {}, "GET /alerts/{id}": {path: "/alerts/CB-1"}, "GET /sw.js": {},
	"POST /alerts/{id}":              {path: "/alerts/CB-1", body: "step=acknowledge", media: form},
	"GET /notices":                   {},
	"POST /notices":                  {media: form},
	"POST /notices/channels":         {body: "kind=webhook&address=https%3A%2F%2Fhook.example%2F", media: form},
	"POST /notices/channels/{id}":    {path: "/notices/channels/none", body: "act=remove", media: form},
	"GET /api/v1/alerts":             {},
	"GET /api/v1/alerts/{id}":        {path: "/api/v1/alerts/CB-1"},
	"GET /api/v1/alert-quality":      {},
	"GET /api/v1/me/notifications":   {},
	"POST /api/v1/alerts/{id}/steps": {path: "/api/v1/alerts/CB-1/steps", body: `{"step":"acknowledge"}`},
	"GET /report":                    {}, "POST /report": {body: "category=other&text=Matrix&address=X", media: form},
	"GET /report/sent/{code}": {path: "/report/sent/PA-260101-2ABCE"}, "POST /report/near": {body: "category=other&longitude=107.5&latitude=16.4", media: form},
	"POST /report/files": {body: "key=0123456789abcdef0123&name=a.jpg&size=20", media: form}, "POST /report/files/{id}": {path: "/report/files/fnone", media: "application/octet-stream"},
	"GET /street": {}, "GET /street/stats": {}, "GET /street/patterns": {}, "GET /street/patterns/points.json": {}, "GET /api/v1/request-patterns": {},
	"POST /report/suggest": {body: "text=Rác chất đống trước cổng chợ", media: form}, "GET /street/{code}": {path: "/street/PA-260101-2ABCE"}, "POST /street/{code}": {path: "/street/PA-260101-2ABCE", body: "do=unfollow", media: form},
	"GET /street/{code}/files/{file}": {path: "/street/PA-260101-2ABCE/files/fnone"},
	"GET /street/{code}/letters":      {path: "/street/PA-260101-2ABCE/letters"}, "POST /street/{code}/letters": {path: "/street/PA-260101-2ABCE/letters", body: "email=nobody", media: form},
	"GET /street/{code}/strike": {path: "/street/PA-260101-2ABCE/strike"}, "POST /street/{code}/strike": {path: "/street/PA-260101-2ABCE/strike", body: "appeal=x", media: form},
	"GET /letters/confirm/{token}": {path: "/letters/confirm/NONE"}, "POST /letters/confirm/{token}": {path: "/letters/confirm/NONE", body: "x=y", media: form},
	"GET /letters/stop/{id}/{token}": {path: "/letters/stop/w1/NONE"}, "POST /letters/stop/{id}/{token}": {path: "/letters/stop/w1/NONE", body: "List-Unsubscribe=One-Click", media: form},
	"GET /desk/{code}/strike": {path: "/desk/PA-260101-2ABCE/strike"}, "POST /desk/{code}/strike": {path: "/desk/PA-260101-2ABCE/strike", body: "do=uphold&reason=x", media: form},
	"GET /desk/keeping": {},
	"GET /me/reports":   {}, "POST /me/reports": {body: "code=PA-260101-2ABCE&secret=AAAA", media: form}, "GET /manifest.webmanifest": {},
	"GET /requests": {}, "GET /requests/{id}": {path: "/requests/r-1"}, "POST /requests/{id}": {path: "/requests/r-1", body: "step=accept&version=1", media: form},
	"GET /tracker/v1/findUsage":   {query: "?userCode=VN046199000101"},
	"GET /tracker/v1/usagePeriod": {}, "GET /tracker/v1/heartbeat": {},
	"GET /datasets/{name}": {}, "GET /datasets/{name}/map": {}, "GET /datasets/{name}/map/points.json": {query: "?bbox=107,16,108,17&z=12"},
	"GET /datasets/{name}/chart": {}, "GET /datasets/{name}/quality": {}, "GET /datasets/{name}/changes": {},
	"GET /datasets/{name}/sharing": {}, "GET /datasets/{name}/about": {},
	"GET /datasets/{name}/records/{key...}":  {},
	"POST /datasets/{name}/records/{key...}": {body: "f.free=changed&reason=matrix&version=$version", media: form},
	"POST /quarantine":                       {body: "dataset=$class&rule=none", media: form}, // the replay goes on behind the answer, of no row,
	"GET /quarantine/{id}":                   {},
	"POST /quarantine/{id}":                  {body: "action=dismiss&note=seen", media: form},
	"GET /log/{seq}":                         {},
	"GET /receipts":                          {},
	"GET /receipts/{seq}":                    {},
	"POST /enter":                            {body: "token=nonsense", media: form},
	"POST /leave":                            {},

	"GET /api/v1/datasets": {}, "GET /api/v1/datasets/{name}": {},
	"GET /api/v1/datasets/{name}/descriptor": {}, "GET /api/v1/datasets/{name}/contract": {},
	"GET /api/v1/changes":                               {query: "?limit=1000"},
	"GET /api/v1/datasets/{name}/changes":               {query: "?limit=1000"},
	"GET /api/v1/commits":                               {},
	"GET /api/v1/commits/{seq}":                         {},
	"GET /api/v1/status":                                {},
	"GET /api/v1/openapi.json":                          {},
	"GET /api/v1/docs":                                  {},
	"GET /api/v1/docs.css":                              {},
	"GET /problems/{code}":                              {path: "/problems/denied"},
	"GET /healthz":                                      {},
	"GET /readyz":                                       {},
	"GET /metrics":                                      {},
	"GET /api/v1/datasets/{name}/quality":               {},
	"GET /api/v1/datasets/{name}/records":               {},
	"GET /api/v1/datasets/{name}/records/{key}":         {},
	"GET /api/v1/datasets/{name}/records/{key}/history": {},
	"GET /api/v1/datasets/{name}/difference":            {query: "?from=1&to=$seq"},
	"GET /api/v1/datasets/{name}/aggregate":             {query: "?by=free&measure=count"},
	"GET /api/v1/datasets/{name}/export":                {query: "?format=csv"},
	"PUT /api/v1/datasets/{name}/records/{key}":         {body: `{"id":"A","location":[107.5,16.45],"free":"changed"}`},
	"PATCH /api/v1/datasets/{name}/records/{key}":       {body: `{"free":"changed"}`},
	"DELETE /api/v1/datasets/{name}/records/{key}":      {},
	"POST /api/v1/datasets/{name}/records":              {body: `{"id":"new","location":[107.5,16.45],"free":"new"}`},
	"POST /api/v1/quarantine/{id}":                      {body: `{"freely":"y"}`},
	"POST /api/v1/quarantine/replay":                    {body: `{"dataset":"$class"}`},
	"POST /api/v1/quarantine/{id}/dismiss":              {body: `{"note":"seen"}`},
}

const form = "application/x-www-form-urlencoded"

// outcome of one request: the status and, of the records A and B, which classes
// of cells were in the answer.
func (s *seeded) outcome(w *httptest.ResponseRecorder, class string) string {
	body := w.Body.Bytes()
	among := classes
	if class != "" {
		among = []string{class}
	}
	var seen []string
	for _, record := range []string{"A", "B", "Q"} {
		letters := map[string]bool{}
		for _, c := range among {
			for _, field := range []string{"free", "inner", "named", "closed"} {
				if bytes.Contains(body, []byte(mark(c, field, record))) {
					letters[guarded(c, field)] = true
				}
			}
			if p := persons[record]; class != "" && (bytes.Contains(body, []byte(p.number)) || bytes.Contains(body, []byte(p.phone))) {
				letters[guarded(c, "person")] = true
			}
		}
		text := ""
		for _, c := range classes {
			if letters[c] {
				text += c[:1]
			}
		}
		if text != "" {
			seen = append(seen, record+" "+text)
		}
	}
	if seen == nil {
		return fmt.Sprint(w.Code)
	}
	return fmt.Sprintf("%d: %s", w.Code, strings.Join(seen, ", "))
}

// perClass tells that a route is about one dataset, and so is asked for each.
func perClass(pattern string, p place) bool {
	return p.path == "" && strings.Contains(pattern, "{") || strings.Contains(p.path+p.body+p.query, "$class")
}

func (s *seeded) fillIn(pattern string, p place, class string) (path, body string) {
	if p.path != "" {
		pattern = p.path
	}
	path = strings.NewReplacer("{name}", class, "{key}", "A", "{key...}", "A", "{seq}", fmt.Sprint(s.seq[class]), "{id}", s.held[class]).Replace(pattern)
	words := strings.NewReplacer("$class", class, "$held", s.held[class], "$seq", fmt.Sprint(s.seq[class]), "$version", s.version(class, "A"), "$grant", s.version(repo.SystemGrant, "g-1"), "$release", s.version(repo.SystemRelease, "x-1"))
	return path + words.Replace(p.query), words.Replace(p.body)
}

// version of a record as it is now; a write moves it.
func (s *seeded) version(dataset, id string) string {
	if dataset == "" {
		return ""
	}
	rec, err := s.repo.Get(context.Background(), repo.Internal(), dataset, []value.Value{value.OfText(id)}, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprint(rec.Version)
}

// TestAccessMatrix asks every route of the router as everybody and compares what
// came of it with the table that stewards read.
func TestAccessMatrix(t *testing.T) {
	if racing {
		t.Skip("one asks after the other, many thousand times; told without the race detector")
	}
	people := map[string]repo.Principal{}
	for _, w := range who {
		if w.token != "" {
			people[w.token] = w.p
		}
	}
	s := newSeeded(t, people)
	kept := s.keep()
	var table strings.Builder
	table.WriteString(matrixHead)
	for _, w := range who {
		fmt.Fprintf(&table, "| %s | %s |\n", w.vi, w.en)
	}
	placed := map[string]bool{}
	for _, route := range s.mux.Routes() {
		pattern := strings.TrimSuffix(route.Pattern, "{$}")
		name := route.Method + " " + pattern
		p, ok := places[name]
		if !ok {
			t.Errorf("%s is not placed: say in places how it is asked, run with -matrix.write, and read what it wrote", name)
			continue
		}
		placed[name] = true
		columns := []string{""}
		if perClass(pattern, p) {
			columns = classes
		}
		lines := map[string][]string{}
		var order []string
		for _, w := range who {
			line := ""
			for _, class := range columns {
				path, body := s.fillIn(pattern, p, class)
				var header []string
				if p.media != "" {
					header = []string{"Content-Type", p.media}
				}
				before := s.records()
				got := s.ask(w.token, route.Method, path, body, header...)
				s.never(name, w.token, w.p, class, got)
				if p.signed && (got.Code == http.StatusOK || got.Code == http.StatusNotFound || got.Code == http.StatusServiceUnavailable) {
					got.Code = http.StatusOK
				}
				line += " " + s.outcome(got, class)
				if s.records() != before {
					line += " ✎"
					if route.Method == "GET" || got.Code >= 400 {
						t.Errorf("%s as %s changes the city and answers %d", name, w.en, got.Code)
					}
					s.restore(kept)
				}
				line += " |"
			}
			if lines[line] == nil {
				order = append(order, line)
			}
			lines[line] = append(lines[line], w.vi)
		}
		fmt.Fprintf(&table, "\n## %s\n\n", name)
		if len(columns) > 1 {
			table.WriteString("| ai / who | mở / open | nội bộ / internal | cá nhân / personal | hạn chế / restricted |\n|---|---|---|---|---|\n")
		} else {
			table.WriteString("| ai / who | kết quả / outcome |\n|---|---|\n")
		}
		// Those of whom there are most come last, as all others.
		most := slices.MaxFunc(order, func(a, b string) int { return len(lines[a]) - len(lines[b]) })
		for _, line := range order {
			if line != most {
				fmt.Fprintf(&table, "| %s |%s\n", strings.Join(lines[line], "; "), line)
			}
		}
		rest := "còn lại / all others"
		if len(order) == 1 {
			rest = "mọi người / everybody"
		}
		fmt.Fprintf(&table, "| %s |%s\n", rest, most)
	}
	for _, name := range slices.Sorted(maps.Keys(places)) {
		if !placed[name] {
			t.Errorf("%s is placed and there is no such route", name)
		}
	}
	const file = "testdata/access-matrix.md"
	if *writeMatrix {
		if err := os.WriteFile(file, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	compareTables(t, string(want), table.String())
}

// never checks what holds whatever the table says.
func (s *seeded) never(route, token string, p repo.Principal, class string, w *httptest.ResponseRecorder) {
	s.t.Helper()
	out := s.outcome(w, class)
	_, seen, found := strings.Cut(out, ": ")
	if !found {
		return
	}
	of := func(record, letters string) bool {
		for part := range strings.SplitSeq(seen, ", ") {
			if part[:1] == record && strings.ContainsAny(part[2:], letters) {
				return true
			}
		}
		return false
	}
	keeper := slices.Contains(p.Write, "open") || p.Agency == "ours" && (p.Is(grant.Steward) || p.Is(grant.Engineer))
	scoped := slices.Contains(p.Read, "open")
	owner := p.Agency == "ours"
	self := p.Is(grant.Citizen) && p.Person == persons["A"].number && p.Assurance >= 2
	switch {
	case !keeper && of("Q", "oipr"):
		s.t.Errorf("%s as %q: a row in quarantine to one who does not keep the dataset: %s", route, token, out)
	case w.Code >= 400:
		s.t.Errorf("%s as %q: a refusal shows cells: %s", route, token, out)
	case !scoped && (of("A", "r") || of("B", "r")):
		s.t.Errorf("%s as %q: restricted cells without a grant: %s", route, token, out)
	case !scoped && !owner && (of("B", "ip") || !self && of("A", "ip")):
		s.t.Errorf("%s as %q: guarded cells to a stranger: %s", route, token, out)
	case !scoped && !self && p.Purpose == "" && (of("A", "p") || of("B", "p")):
		s.t.Errorf("%s as %q: personal cells without a purpose: %s", route, token, out)
	case owner && len(p.Areas) == 1 && p.Areas[0] == west && of("B", "ip"), owner && len(p.Areas) == 1 && p.Areas[0] == east && of("A", "ip"):
		s.t.Errorf("%s as %q: guarded cells of another area: %s", route, token, out)
	}
}

const matrixHead = `# Ai được làm gì / Who may do what

Bảng này do phép thử TestAccessMatrix so với chương trình thật: mỗi đường dẫn, mỗi
vai trò, mỗi mức phân loại dữ liệu. Số là mã trả lời HTTP (2xx được, 3xx chuyển
trang, 401 phải đăng nhập, 403 không được phép, 404 không thấy). Sau số là những ô
đã hiện ra của bản ghi A (ở phường Tây, về người A), bản ghi B (ở phường Đông, về
người B) và dòng cách ly Q: o mở, i nội bộ, p cá nhân, r hạn chế. Người giữ bộ dữ
liệu thấy nguyên văn dòng cách ly của bộ đó để sửa. ✎ là dữ liệu đã thay đổi.

The test TestAccessMatrix compares this table with the running program: each
route, each role, each class of dataset. The number is the HTTP status (2xx done,
3xx sent to another page, 401 sign in first, 403 denied, 404 not found). After it
stand the classes of cells shown of record A (in the western ward, about person A),
of record B (in the eastern ward, about person B) and of row Q in quarantine: o open,
i internal, p personal, r restricted. Who keeps a dataset sees its quarantined rows
as they came, to put them right. ✎ says that data has changed.

Ai không ghi khác đều đã chọn mục đích. Máy có mã đọc được cả ô hạn chế của những
bộ ghi trong mã. / Whoever is not said to lack one has chosen a purpose. A machine's
token reads restricted cells too, of the datasets named in it.

| ai | who |
|---|---|
`

func compareTables(t *testing.T, want, got string) {
	t.Helper()
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	section, faults := "", 0
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if strings.HasPrefix(y, "## ") {
			section = y
		}
		if x != y {
			t.Errorf("%s, line %d:\n table   %s\n program %s", section, i+1, x, y)
			if faults++; faults == 10 {
				t.Fatal("and more")
			}
		}
	}
}

// watched are the datasets that a request may change.
func watched() []string {
	return append(slices.Clone(classes), "by-number", repo.SystemQuarantine, repo.SystemToken, repo.SystemAgency, repo.SystemGrant,
		repo.SystemPurpose, repo.SystemAccount, repo.SystemCapacity, requestsDataset, repo.SystemRequestEntry, repo.SystemRequestReporter)
}

func (s *seeded) each(fn func(dataset string, rec repo.Record)) {
	s.t.Helper()
	for _, name := range watched() {
		_, err := s.repo.Read(context.Background(), repo.Internal(), repo.Query{Dataset: name}, func(rec repo.Record) error {
			fn(name, rec)
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// records digests what the city holds, access records left out.
func (s *seeded) records() string {
	var b strings.Builder
	s.each(func(dataset string, rec repo.Record) { fmt.Fprintln(&b, dataset, rec.Version) })
	return b.String()
}

// keep remembers the records by their keys; restore puts them back and deletes
// what has come since.
func (s *seeded) keep() map[string][]value.Value {
	kept := map[string][]value.Value{}
	s.each(func(dataset string, rec repo.Record) { kept[keyed(dataset, rec)] = detached(rec.Values) })
	return kept
}

func keyed(dataset string, rec repo.Record) string {
	return dataset + " " + string(value.AppendRow(nil, rec.Entry.Table.KeyOf(nil, rec.Values)))
}

func (s *seeded) restore(kept map[string][]value.Value) {
	s.t.Helper()
	req := &commit.Request{Header: commit.Header{Source: "restore"}}
	s.each(func(dataset string, rec repo.Record) {
		if kept[keyed(dataset, rec)] == nil {
			req.Changes = append(req.Changes, commit.Change{Dataset: dataset, Op: commit.Delete, Row: detached(rec.Values)})
		}
	})
	for _, key := range slices.Sorted(maps.Keys(kept)) {
		dataset, _, _ := strings.Cut(key, " ")
		req.Changes = append(req.Changes, commit.Change{Dataset: dataset, Op: commit.Put, Row: slices.Clone(kept[key])})
	}
	if _, err := s.repo.Commit(context.Background(), repo.Internal(), req); err != nil {
		s.t.Fatal(err)
	}
}

// detached copies values out of memory that the driver uses again.
func detached(row []value.Value) []value.Value {
	out, _, err := value.ReadRow(nil, value.AppendRow(nil, row), len(row))
	if err != nil {
		panic(err) // what was just written is readable
	}
	return out
}

// TestDismissUnseen sets a row aside without having seen what stands in it, and
// leaves it as it was.
func TestDismissUnseen(t *testing.T) {
	s := newSeeded(t, map[string]repo.Principal{"blind": withoutPurpose(staff("ours", grant.Steward, "*")), "steward": staff("ours", grant.Steward, "*")})
	path := "/api/v1/quarantine/" + s.held["personal"]
	if w := s.ask("blind", "POST", path+"/dismiss", `{"note":"seen"}`); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	w := s.ask("steward", "GET", "/api/v1/datasets/quarantine/records/"+s.held["personal"], "")
	if !strings.Contains(w.Body.String(), persons["Q"].number) || !strings.Contains(w.Body.String(), "dismissed") {
		t.Errorf("what is left: %s", w.Body)
	}
}
