package open311_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/face/open311"
)

// ids are those of the requests in a JSON answer, in order.
func ids(t testing.TB, body string) []string {
	t.Helper()
	var list []struct {
		ID string `json:"service_request_id"`
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	out := []string{}
	for _, x := range list {
		out = append(out, x.ID)
	}
	return out
}

// codes are those of the errors in an answer of either format.
func codes(t testing.TB, format, body string) (list []int) {
	t.Helper()
	if format == "json" {
		var errors []struct {
			Code        int
			Description string
		}
		if err := json.Unmarshal([]byte(body), &errors); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		for _, e := range errors {
			if e.Description == "" {
				t.Errorf("no description in %s", body)
			}
			list = append(list, e.Code)
		}
		return list
	}
	root := parsed(t, body)
	if root.name != "errors" {
		t.Fatalf("the root is %s in %s", root.name, body)
	}
	for _, e := range root.parts {
		var code int
		if _, err := fmt.Sscan(e.parts[0].text, &code); err != nil || e.name != "error" || e.parts[1].text == "" {
			t.Errorf("not an error: %s", body)
		}
		list = append(list, code)
	}
	return list
}

// TestErrors is the matrix of errors: 404 for what is not there, 403 for the key,
// 400 for all else, in the format that was asked for.
func TestErrors(t *testing.T) {
	s := start(t)
	s.seed()
	long := strings.Repeat("ữ", 4001)
	good := []string{"api_key", s.writer, "service_code", "light", "lat", "16.46", "long", "107.59"}
	with := func(kv ...string) []string { return append(slices.Clone(good), kv...) }
	without := func(name string, kv ...string) []string {
		out := []string{}
		for i := 0; i < len(good); i += 2 {
			if good[i] != name {
				out = append(out, good[i], good[i+1])
			}
		}
		return append(out, kv...)
	}
	road := func(kv ...string) []string {
		return without("service_code", append([]string{"service_code", "road"}, kv...)...)
	}
	for _, c := range []struct {
		name   string
		path   string   // of a GET, %s is the format
		form   []string // of a POST
		status int
		codes  []int
	}{
		{"jurisdiction unknown", "/services.%s?jurisdiction_id=hanoi.gov.vn", nil, 404, []int{40401}},
		{"jurisdiction unknown, discovery", "/discovery.%s?jurisdiction_id=x", nil, 404, []int{40401}},
		{"jurisdiction unknown, requests", "/requests.%s?jurisdiction_id=x", nil, 404, []int{40401}},
		{"jurisdiction unknown, one", "/requests/PA-1.%s?jurisdiction_id=x", nil, 404, []int{40401}},
		{"jurisdiction unknown, post", "", with("jurisdiction_id", "x"), 404, []int{40401}},
		{"service unknown", "/services/none.%s", nil, 404, []int{40402}},
		{"service no longer offered", "/services/old.%s", nil, 404, []int{40402}},
		{"service unknown in a list", "/requests.%s?service_code=road,none", nil, 404, []int{40402}},
		{"service unknown, post", "", without("service_code", "service_code", "none"), 404, []int{40402}},
		{"service no longer offered, post", "", without("service_code", "service_code", "old"), 404, []int{40402}},
		{"request unknown", "/requests/PA-99.%s", nil, 404, []int{40403}},
		{"requests unknown", "/requests.%s?service_request_id=PA-98,PA-99", nil, 404, []int{40403}},
		{"token unknown", "/tokens/UEEtMQ-AAAAAAAAAAAAAAAAAAAAAAAA.%s", nil, 404, []int{40404}},
		{"token malformed", "/tokens/x.%s", nil, 404, []int{40404}},
		{"no such call", "/nothing.%s", nil, 404, []int{40405}},
		{"key wrong", "/requests.%s?api_key=huong_wrong", nil, 403, []int{40302}},
		{"key missing, post", "", without("api_key"), 403, []int{40301}},
		{"key empty, post", "", without("api_key", "api_key", ""), 403, []int{40301}},
		{"key wrong, post", "", without("api_key", "api_key", "huong_00000000_wrong"), 403, []int{40302}},
		{"key too weak, post", "", without("api_key", "api_key", s.reader), 403, []int{40303}},
		{"parameter unknown", "/services.%s?code=1", nil, 400, []int{40002}},
		{"locale unknown", "/services.%s?locale=fr", nil, 400, []int{400}},
		{"status and time", "/requests.%s?status=half&start_date=yesterday", nil, 400, []int{40010, 400}},
		{"time without offset", "/requests.%s?start_date=2026-03-01T00:00:00", nil, 400, []int{40010}},
		{"day alone", "/requests.%s?start_date=2026-03-01", nil, 400, []int{40010}},
		{"span", "/requests.%s?start_date=2026-01-01T00:00:00Z&end_date=2026-04-01T00:00:01Z", nil, 400, []int{40011}},
		{"order", "/requests.%s?start_date=2026-01-02T00:00:00Z&end_date=2026-01-01T00:00:00Z", nil, 400, []int{40011}},
		{"span of updates", "/servicerequestupdates.%s?start_date=2025-01-01T00:00:00Z&end_date=2026-04-01T00:00:01Z", nil, 400, []int{40011}},
		{"page", "/requests.%s?page=0&page_size=1001", nil, 400, []int{400, 400}},
		{"page too deep", "/requests.%s?page=101", nil, 400, []int{40017}},
		{"extensions", "/requests/PA-1.%s?extensions=maybe", nil, 400, []int{400}},
		{"repeated", "/requests.%s?page=1&page=2", nil, 400, []int{400}},
		{"service missing, post", "", without("service_code"), 400, []int{40003}},
		{"place missing", "", []string{"api_key", s.writer, "service_code", "light"}, 400, []int{40004}},
		{"half a place", "", without("lat"), 400, []int{40005}},
		{"latitude", "", without("lat", "lat", "91"), 400, []int{40005}},
		{"longitude", "", without("long", "long", "NaN"), 400, []int{40005}},
		{"address id alone", "", []string{"api_key", s.writer, "service_code", "light", "address_id", "1"}, 400, []int{40006}},
		{"attribute unknown", "", with("attribute[none]", "1"), 400, []int{40007}},
		{"attribute that is a notice", "", road("attribute[size]", "small", "attribute[danger]", "1"), 400, []int{40007}},
		{"attribute missing", "", road(), 400, []int{40008}},
		{"attribute of no list", "", road("attribute[size]", "huge"), 400, []int{40009}},
		{"attribute twice", "", road("attribute[size]", "small", "attribute[size]", "large"), 400, []int{40009}},
		{"attribute number", "", road("attribute[size]", "small", "attribute[depth]", "deep"), 400, []int{40009}},
		{"attribute time", "", road("attribute[size]", "small", "attribute[seen]", "today"), 400, []int{40010}},
		{"attributes, many wrong", "", road("attribute[users][]", "horse", "attribute[depth]", "deep"), 400, []int{40008, 40009, 40009}},
		{"description", "", with("description", long), 400, []int{40012}},
		{"link", "", with("media_url", "file:///etc/passwd"), 400, []int{40013}},
		{"link that is none", "", with("media_url", "picture.jpg"), 400, []int{40013}},
		{"e-mail", "", with("email", "nobody"), 400, []int{40014}},
		{"phone", "", with("phone", "call me"), 400, []int{40015}},
		{"idempotency key", "", with("key", "hai mươi"), 400, []int{400}},
		{"parameter unknown, post", "", with("colour", "red"), 400, []int{40002}},
		{"control characters", "", with("description", "a\x00b"), 400, []int{400}},
		{"not UTF-8", "", with("description", "a\xff"), 400, []int{400}},
		{"the desk's own", "", with("description", "ask the desk"), 400, []int{40003}},
		{"too many", "", with("description", "too many"), 429, []int{429}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, format := range []string{"xml", "json"} {
				var status int
				var h http.Header
				var body string
				if c.path != "" {
					status, h, body = s.get(fmt.Sprintf(c.path, format))
				} else {
					status, h, body = s.send(format, c.form...)
				}
				if got := codes(t, format, body); status != c.status || !slices.Equal(got, c.codes) {
					t.Errorf("%s: %d %v, want %d %v: %s", format, status, got, c.status, c.codes, body)
				}
				if want := map[string]string{"xml": "text/xml; charset=utf-8", "json": "application/json; charset=utf-8"}[format]; h.Get("Content-Type") != want {
					t.Errorf("told as %s", h.Get("Content-Type"))
				}
				if h.Get("Cache-Control") != "no-store" || h.Get("ETag") != "" {
					t.Error("an error may be kept")
				}
				if c.status == 429 && h.Get("Retry-After") != "90" {
					t.Errorf("come back after %q", h.Get("Retry-After"))
				}
			}
		})
	}
	if n := len(s.desk.sent); n != 0 {
		t.Errorf("%d reports were taken", n)
	}
	for path, want := range map[string]int{"/requests.yaml": 400, "/requests": 400, "/services/road": 400, "/services/road.pdf": 400, "/discovery": 400, "/tokens/x.csv": 400, "/nothing": 404, "/": 404} {
		status, h, body := s.get(path)
		if got := codes(t, "xml", body); status != want || h.Get("Content-Type") != "text/xml; charset=utf-8" {
			t.Errorf("%s: %d %v", path, status, got)
		}
	}
	for media, want := range map[string]int{"": 400, "application/json": 400, "text/plain": 400, "application/x-www-form-urlencoded; charset=iso-8859-1": 400} {
		if status, _, body := s.do("POST", "/requests.json", media, "{}", nil); status != want || codes(t, "json", body)[0] != 40016 {
			t.Errorf("%q: %d %s", media, status, body)
		}
	}
}

func TestOptionalIsAbsent(t *testing.T) {
	s := start(t)
	s.seed()
	_, _, want := s.get("/requests.json")
	for _, q := range []string{"?jurisdiction_id=", "?jurisdiction_id=hue.gov.vn", "?jurisdiction_id=127.0.0.1", "?start_date=&end_date=&status=&service_code=&service_request_id=&page=&page_size=&extensions=&locale=&api_key=", "?status=open,closed", "?extensions=false"} {
		if status, _, got := s.get("/requests.json" + q); status != 200 || got != want {
			t.Errorf("%s: %d %s", q, status, got)
		}
	}
}

func TestSelection(t *testing.T) {
	s := start(t)
	s.seed()
	at := now.Add(-48 * time.Hour) // of PA-1
	stamp := func(t time.Time) string { return url.QueryEscape(t.Format(time.RFC3339)) }
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"", []string{"PA-3", "PA-2", "PA-1"}},
		{"status=open", []string{"PA-1"}},
		{"status=closed", []string{"PA-3", "PA-2"}},
		{"service_code=road", []string{"PA-1"}},
		{"service_code=road,old", []string{"PA-3", "PA-1"}},
		{"service_code=old", []string{"PA-3"}},
		{"service_request_id=PA-5,PA-1,PA-99", []string{"PA-5", "PA-1"}},
		{"service_request_id=PA-5&status=open&service_code=light&start_date=2026-03-01T00:00:00Z", []string{"PA-5"}}, // overrides the rest
		{"start_date=" + stamp(at), []string{"PA-3", "PA-2", "PA-1"}},
		{"start_date=" + stamp(at.Add(time.Second)), []string{"PA-3", "PA-2"}},
		{"end_date=" + stamp(at), []string{"PA-1"}},
		{"end_date=" + stamp(at.Add(-time.Second)), []string{}},
		{"start_date=" + stamp(now.AddDate(-1, 0, 0)), []string{"PA-5"}}, // and 90 days on
		{"start_date=" + strings.ReplaceAll(at.In(hue).Format(time.RFC3339), "+", " "), []string{"PA-3", "PA-2", "PA-1"}},
		{"page_size=2", []string{"PA-3", "PA-2"}},
		{"page_size=2&page=2", []string{"PA-1"}},
		{"page_size=2&page=3", []string{}},
	} {
		status, _, body := s.get("/requests.json?" + strings.ReplaceAll(c.query, " ", "%20"))
		if status != 200 {
			t.Errorf("%s: %d %s", c.query, status, body)
			continue
		}
		if got := ids(t, body); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.query, got, c.want)
		}
	}
	_, h, _ := s.get("/requests.json?page_size=2&api_key=" + s.reader)
	if link := h.Get("Link"); !strings.Contains(link, "page=2") || strings.Contains(link, "api_key") {
		t.Errorf("the next page is %s", link)
	}
}

// TestThousand: without a page, an answer holds the first thousand.
func TestThousand(t *testing.T) {
	s := start(t)
	var rows []map[string]any
	for i := range 1003 {
		rows = append(rows, map[string]any{"code": fmt.Sprintf("N-%04d", i), "category": "light", "status": "closed", "published": true, "openedAt": now.Add(-time.Duration(i) * time.Minute)})
	}
	s.put("service-request", rows...)
	_, h, body := s.get("/requests.json")
	got := ids(t, body)
	if len(got) != 1000 || got[0] != "N-0000" || got[999] != "N-0999" || !strings.Contains(h.Get("Link"), "page=2") {
		t.Errorf("%d requests, from %s to %s", len(got), got[0], got[len(got)-1])
	}
	if _, _, body = s.get("/requests.json?page=2"); !slices.Equal(ids(t, body), []string{"N-1000", "N-1001", "N-1002"}) {
		t.Errorf("the second thousand is %s", body)
	}
}

// TestUnseen: what is not public shows no words and no place to those who may not
// read it, in no answer; who may read it sees it.
func TestUnseen(t *testing.T) {
	s := start(t)
	s.seed()
	for _, path := range []string{"/requests.json", "/requests.xml?extensions=true", "/requests/PA-4.json?extensions=true", "/requests.json?service_request_id=PA-4&extensions=1", "/servicerequestupdates.json", "/servicerequestupdates.json?service_request_id=PA-4", "/requests.csv"} {
		status, _, body := s.get(path)
		if status != 200 || strings.Contains(body, "canary") || strings.Contains(body, "107.6") || strings.Contains(body, "0905") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if _, _, body := s.get("/requests.json?api_key=" + s.reader); !slices.Contains(ids(t, body), "PA-4") || !strings.Contains(body, "canary-words") {
		t.Errorf("who reads the words does not see the request: %s", body)
	}
	if _, h, _ := s.get("/requests.json?api_key=" + s.reader); h.Get("Cache-Control") != "private, no-cache" || h.Get("Access-Control-Allow-Origin") != "" {
		t.Error("what is not public may be kept by others")
	}
}

func TestFresh(t *testing.T) {
	s := start(t)
	s.seed()
	for _, path := range []string{"/discovery.xml", "/services.json", "/services/road.xml", "/requests.json", "/requests/PA-1.json", "/servicerequestupdates.xml", "/requests.csv"} {
		_, h, _ := s.get(path)
		tag := h.Get("ETag")
		if tag == "" || h.Get("Cache-Control") != "no-cache" || h.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %v", path, h)
		}
		if status, _, _ := s.do("GET", path, "", "", map[string]string{"If-None-Match": tag}); status != 304 {
			t.Errorf("%s again: %d", path, status)
		}
		s.put("service-request", map[string]any{"code": "more", "category": "light", "status": "received", "published": true, "openedAt": now, "title": path})
		if status, _, _ := s.do("GET", path, "", "", map[string]string{"If-None-Match": tag}); status != 200 {
			t.Errorf("%s after a change: %d", path, status)
		}
	}
}

func TestPost(t *testing.T) {
	s := start(t)
	status, h, body := s.send("json", "api_key", s.writer, "service_code", "road", "lat", "16.4637", "long", "107.5789", "address_string", "12 Lê Lợi", "description", "Ổ gà\nsâu", "title", "Ổ gà",
		"email", "hoa@example.vn", "phone", "+84 905 123 456", "first_name", "Hoa", "last_name", "Nguyễn Thị", "device_id", "d-1", "account_id", "a-1", "media_url", "http://127.0.0.1:1/never",
		"attribute[size]", "large", "attribute[users][]", "foot", "attribute[users][]", "bike", "attribute[depth]", "12.5", "attribute[seen]", "2026-03-14T08:00:00+07:00", "attribute[more]", "dòng 1\ndòng 2",
		"locale", "en", "extensions", "true")
	if status != 201 || h.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s", status, body)
	}
	var got []map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got) != 1 {
		t.Fatalf("%v: %s", err, body)
	}
	id, token := got[0]["service_request_id"].(string), got[0]["token"].(string)
	if got[0]["service_notice"] != "An answer within 7 working days." || got[0]["account_id"] != nil {
		t.Errorf("%v", got[0])
	}
	x := s.desk.sent[id]
	if x.Service != "road" || *x.Latitude != 16.4637 || *x.Longitude != 107.5789 || x.Address != "12 Lê Lợi" || x.Description != "Ổ gà\nsâu" || x.Title != "Ổ gà" || x.Lang != "en" ||
		x.Email != "hoa@example.vn" || x.Phone != "+84 905 123 456" || x.Name != "Nguyễn Thị Hoa" || x.Device != "d-1" || x.Account != "a-1" || x.MediaURL != "http://127.0.0.1:1/never" || len(x.Key) != 64 {
		t.Errorf("%+v", x)
	}
	if !slices.Equal(x.Answers["users"], []string{"foot", "bike"}) || x.Answers["size"][0] != "large" || x.Answers["more"][0] != "dòng 1\ndòng 2" {
		t.Errorf("%v", x.Answers)
	}
	for _, format := range []string{"json", "xml"} {
		if status, _, body := s.get("/tokens/" + token + "." + format); status != 200 || !strings.Contains(body, id) || !strings.Contains(body, token) {
			t.Errorf("the token: %d %s", status, body)
		}
	}
	if status, _, _ := s.get("/tokens/" + strings.ToLower(token) + ".json"); status != 404 {
		t.Error("a forged token is taken")
	}
	if _, _, body := s.get("/requests/" + id + ".json"); !slices.Equal(ids(t, body), []string{id}) || strings.Contains(body, "sâu") {
		t.Errorf("what was sent shows as %s", body)
	}
	// The plainest report, as an older client sends it, with the key in a header.
	status, _, body = s.do("POST", "/requests.xml", "application/x-www-form-urlencoded", "service_code=light&address_string=X&description=", map[string]string{"Authorization": "Bearer " + s.writer})
	root := parsed(t, body)
	if status != 201 || root.name != "service_requests" || root.parts[0].parts[0].name != "service_request_id" || strings.Contains(body, "token") {
		t.Errorf("%d %s", status, body)
	}
}

// TestRepeats: the same key of the same sender is one report, however often it
// comes; another sender's is another.
func TestRepeats(t *testing.T) {
	s := start(t)
	send := func(key, token string, header map[string]string) (int, string) {
		v := url.Values{"api_key": {token}, "service_code": {"light"}, "address_string": {"X"}}
		if key != "" {
			v.Set("key", key)
		}
		status, _, body := s.do("POST", "/requests.json", form, v.Encode(), header)
		if status >= 300 {
			t.Fatal(body)
		}
		return status, ids(t, body)[0]
	}
	status, first := send("k-1", s.writer, nil)
	if status != 201 {
		t.Errorf("%d", status)
	}
	for range 99 {
		if status, again := send("k-1", s.writer, nil); again != first || status != 200 {
			t.Fatalf("%d %s", status, again)
		}
	}
	if _, again := send("", s.writer, map[string]string{"Idempotency-Key": "k-1"}); again != first {
		t.Error("the header is another key than the parameter")
	}
	other, err := s.repo.CreateToken(t.Context(), operator, "other", []string{"service-request"}, []string{"service-request"}, "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if _, id := send("k-1", other, nil); id == first {
		t.Error("another sender's key gives the first one's report away")
	}
	_, a := send("", s.writer, nil)
	_, b := send("", s.writer, nil)
	if a == b || a == first {
		t.Error("reports without a key are one")
	}
}

func TestMultipart(t *testing.T) {
	s := start(t)
	body := func(files int, size int, field string) (string, string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for name, text := range map[string]string{"api_key": s.writer, "service_code": "light", "address_string": "12 Lê Lợi", "description": "có ảnh"} {
			w.WriteField(name, text)
		}
		for i := range files {
			part, err := w.CreateFormFile(field, fmt.Sprintf("ảnh-%d.jpg", i))
			if err != nil {
				t.Fatal(err)
			}
			part.Write(bytes.Repeat([]byte{byte('a' + i)}, size))
		}
		w.Close()
		return w.FormDataContentType(), b.String()
	}
	media, sent := body(2, 3<<20, "media")
	status, _, answer := s.do("POST", "/requests.json", media, sent, nil)
	if status != 201 {
		t.Fatalf("%d %s", status, answer)
	}
	x := s.desk.sent[ids(t, answer)[0]]
	if len(x.Media) != 2 || x.Media[0].Size != 3<<20 || len(s.desk.media["ảnh-1.jpg"]) != 3<<20 || s.desk.media["ảnh-1.jpg"][0] != 'b' || x.Description != "có ảnh" {
		t.Errorf("%d files, %v", len(x.Media), x.Description)
	}
	for name, c := range map[string]struct {
		files, size int
		field       string
	}{"too many": {6, 10, "media[]"}, "too large": {1, 20<<20 + 1, "media"}, "elsewhere": {1, 10, "photo"}} {
		media, sent := body(c.files, c.size, c.field)
		if status, _, answer := s.do("POST", "/requests.json", media, sent, nil); status != 400 {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if status, _, answer := s.do("POST", "/requests.json", media, sent[:len(sent)/2], nil); status != 400 {
		t.Errorf("half a form: %d %s", status, answer)
	}
}

func TestUpdates(t *testing.T) {
	s := start(t)
	s.seed()
	entries := func(query string) (list []string) {
		_, _, body := s.get("/servicerequestupdates.json?" + query)
		var found []struct {
			ID string `json:"update_id"`
		}
		if err := json.Unmarshal([]byte(body), &found); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		for _, x := range found {
			list = append(list, x.ID)
		}
		return list
	}
	at := now.Add(-48 * time.Hour).Format("2006-01-02T15:04Z")
	for query, want := range map[string][]string{"": {"PA-2/1", "PA-1/2", "PA-1/1"}, "service_request_id=PA-1": {"PA-1/2", "PA-1/1"}, "end_date=" + at: {"PA-1/1"}, "service_request_id=PA-4": nil, "api_key=" + s.reader + "&service_request_id=PA-4": {"PA-4/1"}} {
		if got := entries(query); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
}

var _ open311.Desk = (*desk)(nil)
