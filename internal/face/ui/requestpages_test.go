package ui_test

import (
	"bytes"
	"encoding/json"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/service/account"
	"huong.city/huong/internal/service/request"
)

// reports sends a form with photos as the browser does, and follows.
func (r *reader) reports(path string, photos map[string][]byte, kv ...string) (status int, at, body string) {
	r.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for i := 0; i+1 < len(kv); i += 2 {
		form.WriteField(kv[i], kv[i+1])
	}
	for name, content := range photos {
		part, err := form.CreateFormFile("photos", name)
		if err != nil {
			r.t.Fatal(err)
		}
		part.Write(content)
	}
	form.Close()
	q, err := http.NewRequest(http.MethodPost, r.c.url+path, &b)
	if err != nil {
		r.t.Fatal(err)
	}
	q.Header.Set("Content-Type", form.FormDataContentType())
	res, err := r.http.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, res.Request.URL.Path, string(text)
}

var (
	formKey    = regexp.MustCompile(`name="key" value="([0-9a-f]{32})"`)
	reportCode = regexp.MustCompile(`PA-\d{6}-[0-9A-Z]{5}`)
	secretText = regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){3}`)
)

// sendsOne sends a report without a script and returns its code and secret.
func (r *reader) sendsOne(text string, photos map[string][]byte, kv ...string) (code, secret string) {
	r.t.Helper()
	_, form := r.get("/report")
	key := formKey.FindStringSubmatch(form)
	if key == nil {
		r.t.Fatal("the form has no key")
	}
	status, at, body := r.reports("/report", photos, append([]string{"key", key[1], "category", "road", "text", text, "area", "19789", "address", "Gần cầu Trường Tiền"}, kv...)...)
	if status != 200 || !strings.HasPrefix(at, "/report/sent/PA-") {
		r.t.Fatalf("not sent: %d %s %s", status, at, body)
	}
	return reportCode.FindString(body), secretText.FindString(body)
}

// The whole life of a report by forms alone.
func TestAReportWithoutAScript(t *testing.T) {
	t.Parallel()
	c := takesReports(t)
	who := c.reader(t)
	_, form := who.get("/report?category=rubbish")
	has(t, form, `action="/report"`, `enctype="multipart/form-data"`, `name="answers.what"`, `type="radio"`, `name="anonymous"`, "Phường Thuận Hóa")
	code, secret := who.sendsOne("Ổ gà to trước cổng trường", map[string][]byte{"a.jpg": street(t)}, "contact.phone", "0905 123 456")
	if code == "" || secret == "" {
		t.Fatal("the receipt lacks code or secret")
	}
	_, sent := who.get("/report/sent/" + code)
	has(t, sent, code, secret, "<svg", "h1v1h-1z")

	status, body := who.get("/street/" + code)
	has(t, body, "Ổ gà to trước cổng trường", `value="withdraw"`, "/files/f")
	if status != 200 || strings.Contains(body, "0905") {
		t.Errorf("one's own report: %d", status)
	}
	photo := regexp.MustCompile(`/street/` + code + `/files/f[0-9a-f]+`).FindString(body)
	if status, _ := who.get(photo); status != 200 {
		t.Errorf("one's own photo: %d", status)
	}
	stranger := c.reader(t)
	for _, path := range []string{"/street/" + code, "/report/sent/" + code, photo} {
		if status, _ := stranger.get(path); status != http.StatusNotFound {
			t.Errorf("%s for a stranger: %d", path, status)
		}
	}
	if status, _, body := stranger.post("/me/reports", "code", code, "secret", "AAAA-BBBB-CCCC-DDDD"); status != 422 || !strings.Contains(body, `aria-invalid`) {
		t.Errorf("a wrong secret: %d", status)
	}
	if status, at, _ := stranger.post("/me/reports", "code", strings.ToLower(code), "secret", secret); status != 200 || at != "/street/"+code {
		t.Errorf("the receipt opens nothing: %d %s", status, at)
	}

	c.steps(t, atDesk, code, request.Act{Do: "verify"}, request.Act{Do: "ask-desk", Fields: map[string]string{"question": "Ổ gà ở làn nào?"}})
	_, body = who.get("/street/" + code)
	has(t, body, "Ổ gà ở làn nào?", `name="reply"`)
	if status, _, _ := who.reports("/street/"+code, nil, "do", "reply", "key", formKey.FindStringSubmatch(body)[1], "reply", "Làn sát lề bên phải"); status != 200 {
		t.Errorf("the reply: %d", status)
	}
	c.steps(t, atDesk, code, request.Act{Do: "assign", Fields: map[string]string{"agency": "ubnd-19789"}})
	c.steps(t, inWard, code, request.Act{Do: "begin"}, request.Act{Do: "answer", Outcome: "cannot-verify", Fields: map[string]string{"answer": "Không thấy ổ gà ở chỗ này."}})
	_, body = who.get("/street/" + code)
	has(t, body, "Không thấy ổ gà ở chỗ này.", `name="rating"`, `value="dispute"`, "Làn sát lề bên phải")
	if strings.Contains(body, "van.desk") || strings.Contains(body, "ha.unit") {
		t.Error("who reported reads names of staff")
	}
	if status, _, body := who.post("/street/"+code, "do", "dispute", "note", ""); status != 422 || !strings.Contains(body, `role="alert"`) {
		t.Errorf("a dispute without a word: %d", status)
	}
	if status, _, _ := who.post("/street/"+code, "do", "rate", "rating", "4", "text", "Được"); status != 200 {
		t.Errorf("the rating: %d", status)
	}
	if status, _, _ := who.post("/street/"+code, "do", "rate", "rating", "5"); status != http.StatusConflict {
		t.Errorf("rated twice: %d", status)
	}
	if _, body := who.get("/me/reports"); !strings.Contains(body, code) {
		t.Error("my reports lack it")
	}
	who.post("/street/"+code, "do", "forget")
	if _, body := who.get("/me/reports"); strings.Contains(body, code) {
		t.Error("it was not forgotten")
	}
}

// Everything that is wrong is told at once, at its field, and what was written stays.
func TestAReportThatIsRefused(t *testing.T) {
	t.Parallel()
	c := takesReports(t)
	who := c.reader(t)
	_, form := who.get("/report")
	key := formKey.FindStringSubmatch(form)[1]
	status, _, body := who.reports("/report", map[string][]byte{"a.html": []byte("<script>alert(1)</script>")}, "key", key, "category", "road", "text", "Ổ gà")
	if status != 422 || !strings.Contains(body, `id="photos-fault"`) || !strings.Contains(body, "Ổ gà</textarea>") {
		t.Errorf("a page as a photo: %d", status)
	}
	status, _, body = who.reports("/report", nil, "key", key, "category", "manhole", "answers.danger", "yes", "text", "", "contact.phone", "abc", "contact.email", "x")
	if status != 422 {
		t.Errorf("a bad form: %d", status)
	}
	has(t, body, `id="text-fault"`, `id="contact-phone-fault"`, `id="contact-email-fault"`, `id="answers-danger-fault"`, "114", `value="`+key+`"`, `aria-describedby="text-fault"`, `value="abc"`)
	if status, _, _ := who.reports("/report", nil, "key", "short", "category", "road", "text", "Ổ gà"); status != 422 {
		t.Errorf("a key that can be guessed: %d", status)
	}
	if _, page, err := c.deskOfReports.Public(t.Context(), request.Query{Text: "Ổ gà", Count: true}); err != nil || page.Matched != 0 {
		t.Errorf("a refused report is there: %d %v", page.Matched, err)
	}
}

// asScript posts as the page's script does.
func (r *reader) asScript(path string, body io.Reader, header ...string) (int, map[string]any) {
	r.t.Helper()
	q, err := http.NewRequest(http.MethodPost, r.c.url+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	q.Header.Set("Accept", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	res, err := r.http.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		r.t.Fatalf("%s: %v", path, err)
	}
	return res.StatusCode, out
}

const urlEncoded = "application/x-www-form-urlencoded"

// A photo comes in parts and goes on where the line broke; the report that has it is
// one, however often it is sent.
func TestAPhotoComesInParts(t *testing.T) {
	t.Parallel()
	c := takesReports(t)
	who := c.reader(t)
	photo, key := street(t), "11112222-3333-4444-5555-666677778888"
	form := func(kv url.Values) io.Reader { return strings.NewReader(kv.Encode()) }
	status, begun := who.asScript("/report/files", form(url.Values{"key": {key}, "name": {"a.jpg"}, "size": {"0"}}), "Content-Type", urlEncoded)
	if status != 422 {
		t.Errorf("an empty photo: %d", status)
	}
	status, begun = who.asScript("/report/files", form(url.Values{"key": {key}, "name": {"a.jpg"}, "size": {jsonNumber(len(photo))}}), "Content-Type", urlEncoded)
	if status != 200 {
		t.Fatalf("not begun: %d %v", status, begun)
	}
	at := "/report/files/" + begun["id"].(string)
	put := func(key, offset string, part []byte) (int, map[string]any) {
		h := []string{"Huong-Report-Key", key, "Content-Type", "application/octet-stream"}
		if offset != "" {
			h = append(h, "Huong-Upload-Offset", offset)
		}
		return who.asScript(at, bytes.NewReader(part), h...)
	}
	if status, _ := put("another-key-of-somebody", "0", photo); status != 404 {
		t.Errorf("somebody else's photo: %d", status)
	}
	put(key, "0", photo[:1000])
	if status, s := put(key, "", nil); status != 200 || s["offset"].(float64) != 1000 {
		t.Errorf("how much has arrived: %d %v", status, s)
	}
	if status, _ := put(key, "5", photo[5:]); status != 409 {
		t.Errorf("from the wrong place: %d", status)
	}
	if status, s := put(key, "1000", photo[1000:]); status != 200 || s["done"] != true {
		t.Errorf("the rest: %d %v", status, s)
	}
	codes := map[string]bool{}
	for range 3 {
		status, got := who.asScript("/report", form(url.Values{"key": {key}, "category": {"road"}, "text": {"Ổ gà"}, "area": {"19789"}, "photo": {begun["id"].(string)}}), "Content-Type", urlEncoded)
		if status != 200 {
			t.Fatalf("not sent: %d %v", status, got)
		}
		codes[got["code"].(string)] = true
	}
	if len(codes) != 1 {
		t.Errorf("one report became %v", codes)
	}
	status, refused := who.asScript("/report", form(url.Values{"key": {"11112222-3333-4444-5555-666677779999"}, "category": {"road"}}), "Content-Type", urlEncoded)
	if vs, _ := refused["violations"].([]any); status != 422 || len(vs) != 1 || vs[0].(map[string]any)["field"] != "text" {
		t.Errorf("the script is not told what is wrong: %d %v", status, refused)
	}
}

func jsonNumber(n int) string { b, _ := json.Marshal(n); return string(b) }

// The public finds, reads and follows what was published, and nothing else.
func TestThePublicListOfReports(t *testing.T) {
	t.Parallel()
	c := takesReports(t)
	who := c.reader(t)
	code, _ := who.sendsOne("Bí mật chưa công khai", nil, "longitude", "107.59", "latitude", "16.46")
	status, body := c.get(t, "/street?q=B%C3%AD+m%E1%BA%ADt", "")
	if status != 200 || strings.Contains(body, code) || !strings.Contains(body, `<div class="empty"`) {
		t.Errorf("the list: %d", status)
	}
	c.steps(t, atDesk, code, request.Act{Do: request.DoPublish, Fields: map[string]string{"title": "Ổ gà ở cầu", "text": "Mặt đường hỏng nặng."}})
	_, body = c.get(t, "/street?q=hong+nang", "")
	has(t, body, code, "Ổ gà ở cầu")
	if _, body = c.get(t, "/street?category=lighting", ""); strings.Contains(body, code) || !strings.Contains(body, "PA-00003") {
		t.Error("the filter by category does not hold")
	}
	if _, body = c.get(t, "/street?from=2020-01-01&until=2020-12-31", ""); strings.Contains(body, "/street/PA-") {
		t.Error("the filter by date does not hold")
	}
	status, body = c.get(t, "/street/"+code, "")
	has(t, body, "Mặt đường hỏng nặng.", "/enter?return=")
	if status != 200 || strings.Contains(body, "Bí mật") || strings.Contains(body, `name="reply"`) {
		t.Errorf("the public page: %d", status)
	}
	// What is close is offered before somebody sends the same.
	near := url.Values{"category": {"road"}, "longitude": {"107.5901"}, "latitude": {"16.4601"}, "text": {"mặt đường hỏng"}}
	_, _, body = c.reader(t).do(http.MethodPost, "/report/near", near)
	has(t, body, code, `id="rq-near"`)
	near.Set("longitude", "107.70")
	if _, _, body = c.reader(t).do(http.MethodPost, "/report/near", near); strings.Contains(body, code) {
		t.Error("what is far away is offered")
	}
	// Following needs an account.
	if status, _, _ := c.reader(t).post("/street/"+code, "do", "follow"); status != http.StatusUnauthorized {
		t.Errorf("following without an account: %d", status)
	}
	c.staff(t, "lan.reader")
	lan := c.reader(t)
	lan.signIn("lan.reader")
	if _, _, body := lan.post("/street/"+code, "do", "follow"); !strings.Contains(body, `value="unfollow"`) {
		t.Error("not followed")
	}
	if _, body := lan.get("/me/reports"); !strings.Contains(body, code) {
		t.Error("what is followed is not listed")
	}
	if _, _, body := lan.post("/street/"+code, "do", "unfollow"); !strings.Contains(body, `value="follow"`) {
		t.Error("still followed")
	}
}

// A search that has not looked through everything says how far it came and goes on,
// also where it has found nothing yet.
func TestASearchSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	c := takesReportsBy(t, request.Config{Sought: 3})
	who := c.reader(t)
	var codes []string
	for range 5 {
		code, _ := who.sendsOne("Ổ gà", nil, "longitude", "107.59", "latitude", "16.46")
		c.steps(t, atDesk, code, request.Act{Do: request.DoPublish, Fields: map[string]string{"title": "Ổ gà", "text": "Mặt đường hỏng nặng."}})
		codes = append(codes, code)
	}
	further := regexp.MustCompile(`<a class="button" rel="next" href="([^"]+)">Tìm tiếp</a>`)
	for words, want := range map[string][]string{"hong+nang": codes, "khong+co+gi": nil} {
		path, pages, found := "/street?q="+words, 0, ""
		for path != "" {
			status, body := c.get(t, path, "")
			if status != 200 {
				t.Fatalf("%s: %d", path, status)
			}
			found += body
			path = ""
			if m := further.FindStringSubmatch(body); m != nil {
				has(t, body, "Đã tìm đến các phản ánh của ngày")
				path = html.UnescapeString(m[1])
			}
			if pages++; pages > 400 {
				t.Fatal("it never ends")
			}
		}
		if pages < 3 {
			t.Errorf("%s: %d pages", words, pages)
		}
		for _, code := range want {
			if strings.Count(found, `data-href="/street/`+code) != 1 {
				t.Errorf("%s: %s is not found once", words, code)
			}
		}
		if want == nil && (strings.Count(found, "Chưa tìm thấy phản ánh nào") != pages-1 || strings.Count(found, "Không phản ánh công khai nào khớp bộ lọc") != 1) {
			t.Error("nothing is found, and nobody says so, or too early")
		}
	}
	c.staff(t, "van.desk", account.Capacity{Agency: "hueioc", Roles: []string{grant.Officer, grant.OperatorRole}, Areas: []string{account.WholeCity}})
	van := c.reader(t)
	van.signIn("van.desk")
	if _, body := van.get("/desk?q=khong+co+gi&show=all"); !strings.Contains(body, ">Search further</a>") {
		t.Error("the desk's search does not go on")
	}
}

// Figures name no small group, and the page to keep says what a phone needs.
func TestFiguresAndManifest(t *testing.T) {
	t.Parallel()
	c := takesReports(t)
	who := c.reader(t)
	for _, by := range []string{"category", "area", "agency", "month"} {
		if status, body := who.get("/street/stats?by=" + by); status != 200 || !strings.Contains(body, `value="`+by+`" selected`) {
			t.Errorf("by %s: %d", by, status)
		}
	}
	status, body := who.get("/manifest.webmanifest")
	var m struct {
		Start string `json:"start_url"`
		Icons []any
	}
	if err := json.Unmarshal([]byte(body), &m); err != nil || status != 200 || m.Start != "/report" {
		t.Errorf("the manifest: %d %v %s", status, err, body)
	}
}
