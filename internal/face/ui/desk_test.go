package ui_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/service/account"
)

// hall is a city that handles reports, with who works there.
type hall struct {
	*city
	desk, crew, other, leader *reader
}

const handlers = "ubnd-19789" // the ward's own agency

// withReports defines how the city handles reports and gives it people.
func withReports(t *testing.T) *hall {
	t.Helper()
	c := takesReports(t)
	c.staff(t, "van.desk", account.Capacity{Agency: "hueioc", Roles: []string{grant.Officer, grant.OperatorRole}, Areas: []string{account.WholeCity}})
	c.staff(t, "ha.ward", account.Capacity{Agency: handlers, Roles: []string{grant.Officer}, Areas: []string{"19789"}})
	c.staff(t, "lam.other", account.Capacity{Agency: "ubnd-19753", Roles: []string{grant.Officer}, Areas: []string{"19753"}})
	c.staff(t, "minh.leader", account.Capacity{Agency: "ubnd-tp", Roles: []string{grant.Leader}, Areas: []string{account.WholeCity}})
	h := &hall{c, c.reader(t), c.reader(t), c.reader(t), c.reader(t)}
	h.desk.signIn("van.desk")
	h.crew.signIn("ha.ward")
	h.other.signIn("lam.other")
	h.leader.signIn("minh.leader")
	return h
}

// Canaries of who reported.
const (
	callerName  = "Tôn Nữ Hoàng Yến"
	callerPhone = "0987654321"
	callerMail  = "yen.canary@example.com"
)

var receiptCode = regexp.MustCompile(`PA-\d{6}-[0-9A-Z]{5}`)

// takes enters a call about a broken pavement of the ward, and returns its code.
func (h *hall) takes(t *testing.T, text string, more ...string) string {
	t.Helper()
	status, _, body := h.desk.post("/desk/new", append([]string{"category", "encroachment", "text", text, "area", "19789", "address", "12 Hà Nội", "channel", "phone",
		"contact.name", callerName, "contact.phone", callerPhone, "contact.email", callerMail}, more...)...)
	code := receiptCode.FindString(body)
	if status != http.StatusOK || code == "" || !strings.Contains(body, "Secret") {
		t.Fatalf("no receipt: %d %.3000s", status, body)
	}
	return code
}

// sendsForm posts a form with files.
func (r *reader) sendsForm(at string, files map[string][]byte, kv ...string) (int, string) {
	r.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for i := 0; i+1 < len(kv); i += 2 {
		form.WriteField(kv[i], kv[i+1])
	}
	for name, content := range files {
		part, err := form.CreateFormFile("photo", name)
		if err != nil {
			r.t.Fatal(err)
		}
		part.Write(content)
	}
	form.Close()
	q, err := http.NewRequest(http.MethodPost, r.c.url+at, &b)
	if err != nil {
		r.t.Fatal(err)
	}
	q.Header.Set("Content-Type", form.FormDataContentType())
	q.Header.Set("Accept-Language", "en")
	res, err := r.http.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	var body bytes.Buffer
	body.ReadFrom(res.Body)
	return res.StatusCode, body.String()
}

var seenField = regexp.MustCompile(`name="seen" value="(\d+)"`)

// version and how many entries a page shows.
func (r *reader) stands(at string) (version, seen string) {
	r.t.Helper()
	_, body := r.get(at)
	m, n := shownVersion.FindStringSubmatch(body), seenField.FindStringSubmatch(body)
	if m == nil || n == nil {
		r.t.Fatalf("%s offers nothing to do", at)
	}
	return m[1], n[1]
}

// identity is what nobody but the desk may read.
func (h *hall) identity(t *testing.T, who, body string) {
	t.Helper()
	for _, s := range []string{callerName, callerPhone, callerMail} {
		if strings.Contains(body, s) {
			t.Errorf("%s reads %s", who, s)
		}
	}
}

func TestTheQueueOfReports(t *testing.T) {
	h := withReports(t)
	var codes []string
	for i := range 3 {
		codes = append(codes, h.takes(t, fmt.Sprintf("Quán nước số %d bày bàn ghế kín vỉa hè.", i)))
	}
	for path, who := range map[string]*reader{"/desk": h.city.reader(t), "/field": h.city.reader(t), "/desk/new": h.city.reader(t), "/desk/" + codes[0]: h.city.reader(t)} {
		if status, _ := who.get(path); status != http.StatusUnauthorized {
			t.Errorf("%s without signing in: %d", path, status)
		}
	}
	if status, _ := h.crew.get("/desk/new"); status != http.StatusForbidden {
		t.Errorf("a ward takes calls in: %d", status)
	}
	_, body := h.desk.get("/desk?show=new&q=" + codes[1])
	has(t, body, codes[1], "New, to verify", "Filter reports", `aria-current="true"`)
	if strings.Contains(body, codes[0]) {
		t.Error("the search shows others")
	}
	// Three at once: one is stale meanwhile, and each says what became of it.
	var items []string
	for _, code := range codes {
		version, _ := h.desk.stands("/desk/" + code)
		items = append(items, "item", code+":"+version)
	}
	h.desk.does("/desk/"+codes[2], "verify")
	_, _, body = h.desk.post("/desk?show=new", append(items, "do", "assign", "agency", handlers)...)
	has(t, body, "2 done, 1 not done", codes[2], "changed by")
	if _, _, body := h.desk.post("/desk", "do", "assign"); !strings.Contains(body, "No report was chosen.") {
		t.Error("nothing chosen is not said")
	}
	_, body = h.crew.get("/desk")
	has(t, body, codes[0], codes[1], "Assigned", "My agency")
	h.identity(t, "the crew in its queue", body)
	if _, body = h.other.get("/desk?show=all"); strings.Contains(body, codes[0]) {
		t.Error("another agency has the report in its queue")
	}
	if _, body = h.other.get("/desk?show=new"); strings.Contains(body, codes[2]) {
		t.Error("another agency asks for the desk's queue and gets it")
	}
	// The agency answers both by a template, each with its own code in it.
	items = nil
	for _, code := range codes[:2] {
		version, _ := h.crew.stands("/desk/" + code)
		items = append(items, "item", code+":"+version)
	}
	if _, _, body := h.crew.post("/desk", append(items, "do", "answer", "template", "cannot-verify")...); !strings.Contains(body, "2 done, 0 not done") {
		t.Error("not answered by template")
	}
	if _, body := h.crew.get("/desk/" + codes[1]); !strings.Contains(body, "phản ánh "+codes[1]+".") || strings.Contains(body, "phản ánh "+codes[0]+".") {
		t.Error("the template is not filled for each")
	}
	_, body = h.leader.get("/desk?show=overdue")
	has(t, body, "PA-0", " late", "◆") // of the reports that the city had before
	_, body = h.desk.get("/desk?show=disputed")
	has(t, body, "No answer is disputed.")
	if _, body = h.desk.get("/desk?show=all"); !strings.Contains(body, `rel="next"`) {
		t.Error("there is no second page")
	}
	next := links(body)["next"]
	if status, body := h.desk.get(next); status != 200 || !strings.Contains(body, "desk-rows") {
		t.Errorf("second page: %d", status)
	}
}

func TestWhoReportedIsOnNoPageOfHandlers(t *testing.T) {
	h := withReports(t)
	code := h.takes(t, "Quán nước bày bàn ghế kín vỉa hè, chủ quán gọi 0912345678.")
	at := "/desk/" + code
	h.desk.does(at, "verify")
	if status, body := h.desk.does(at, "assign", "agency", handlers); status != 200 || !strings.Contains(body, "Assigned") && !strings.Contains(body, "Sent") {
		t.Fatalf("not assigned: %d", status)
	}
	for name, r := range map[string]*reader{"desk": h.desk, "crew": h.crew, "leader": h.leader} {
		status, body := r.get(at)
		if status != http.StatusOK {
			t.Errorf("%s: %d", name, status)
		}
		has(t, body, "Quán nước bày bàn ghế")
		h.identity(t, name, body)
	}
	if status, body := h.other.get(at); status != http.StatusNotFound || strings.Contains(body, "vỉa hè") {
		t.Errorf("another agency: %d", status)
	}
	if status, _, _ := h.other.post(at, "do", "note", "text", "x"); status != http.StatusNotFound && status != http.StatusForbidden {
		t.Errorf("another agency writes: %d", status)
	}
	_, _, body := h.crew.post(at+"/contact", "x", "y")
	h.identity(t, "the crew that asks for the contact", body)
	// The desk needs a purpose; the look is then recorded.
	_, _, body = h.desk.post(at+"/contact", "x", "y")
	h.identity(t, "the desk without a purpose", body)
	h.put(t, "purpose", "danh mục", []map[string]string{{"code": "care", "name": "Chăm sóc", "nameEn": "Care", "basis": "Luật"}})
	h.desk.post("/profile/task", "purpose", "care")
	_, body = h.desk.get(at)
	h.identity(t, "the desk before it asks", body)
	has(t, body, "Open the contact")
	_, _, body = h.desk.post(at+"/contact", "x", "y")
	has(t, body, callerName, callerPhone, "has been put into the access record")
	h.crew.post("/profile/task", "purpose", "care")
	_, _, body = h.crew.post(at+"/contact", "x", "y")
	h.identity(t, "the crew with a purpose", body)
}

func TestPublishingMasksWhatTellsOfPersons(t *testing.T) {
	h := withReports(t)
	code := h.takes(t, "Xe 75A-123.45 đỗ kín vỉa hè, chủ xe gọi 0912345678.")
	at := "/desk/" + code
	_, body := h.desk.get(at)
	has(t, body, "<mark data-part>0912345678</mark>", "███", `name="mask" value="0" checked`)
	_, one := h.desk.get(at + "?chosen=yes&mask=0")
	if !strings.Contains(one, "gọi 0912345678.</textarea>") {
		t.Error("what the officer keeps is masked")
	}
	if status, body := h.desk.does(at, "publish", "title", "Đỗ xe trên vỉa hè", "text", "Chủ xe gọi 0912345678."); status != http.StatusUnprocessableEntity || !strings.Contains(body, "still in the public text") {
		t.Errorf("a telephone number is published: %d", status)
	}
	// A photo with a box, of which the copy alone goes out.
	version, _ := h.desk.stands(at)
	status, body := h.desk.sendsForm(at, map[string][]byte{"xe.jpg": street(t)}, "do", "photo", "name", "before", "version", version)
	photo := regexp.MustCompile(`/files/(f[0-9a-f]+)/redact`).FindStringSubmatch(body)
	if status != 200 || photo == nil {
		t.Fatalf("no photo: %d", status)
	}
	where := at + "/files/" + photo[1]
	if status, body := h.desk.get(where + "/redact"); status != 200 || !strings.Contains(body, `viewBox="0 0 640 400"`) {
		t.Errorf("the drawing: %d", status)
	}
	if status, _, body := h.desk.post(where+"/redact", "x", "600", "y", "10", "w", "100", "h", "20"); status != http.StatusUnprocessableEntity || !strings.Contains(body, `value="600"`) || !strings.Contains(body, "outside the picture") {
		t.Errorf("a box outside: %d", status)
	}
	if status, _, _ := h.crew.post(where+"/redact", "x", "10", "y", "10", "w", "100", "h", "20"); status < 400 {
		t.Errorf("the crew blackens: %d", status)
	}
	status, _, body = h.desk.post(where+"/redact", "x", "10", "y", "10", "w", "100", "h", "20")
	if status != 200 || !strings.Contains(body, "blacked out") || !strings.Contains(body, "original, not published") {
		t.Fatalf("not blackened: %d", status)
	}
	copies := regexp.MustCompile(`type="checkbox" name="photos" value="(f[0-9a-f]+)"`).FindAllStringSubmatch(body, -1)
	if len(copies) != 1 || copies[0][1] == photo[1] {
		t.Fatalf("offered to the public: %v", copies)
	}
	if status, _ := h.desk.does(at, "publish", "title", "Đỗ xe trên vỉa hè", "text", "Xe đỗ kín vỉa hè.", "photos", copies[0][1], "photos", photo[1]); status != 200 {
		t.Fatalf("not published: %d", status)
	}
	w, err := h.deskOfReports.PublicOne(t.Context(), code)
	if err != nil || len(w.Photos) != 1 || w.Photos[0] != copies[0][1] || w.PublicText != "Xe đỗ kín vỉa hè." {
		t.Errorf("the public reads %+v %v", w, err)
	}
	// What is blacked out later takes the place of what was public, after the work too.
	h.desk.does(at, "verify")
	h.desk.does(at, "assign", "agency", handlers)
	version, _ = h.crew.stands(at)
	h.crew.sendsForm(at, map[string][]byte{"sau.jpg": street(t)}, "do", "answer", "version", version, "outcome", "fixed", "answer", "Đã xử lý.")
	w, err = h.deskOfReports.PublicOne(t.Context(), code)
	if err != nil || len(w.AfterPhotos) != 1 {
		t.Fatalf("no photo after: %+v %v", w, err)
	}
	after := w.AfterPhotos[0]
	public := h.city.reader(t)
	if status, _, body := h.desk.post(at+"/files/"+after+"/redact", "x", "0", "y", "0", "w", "50", "h", "50"); status != 200 {
		t.Fatalf("not blackened: %d %.300s", status, body)
	}
	if w, err = h.deskOfReports.PublicOne(t.Context(), code); err != nil || len(w.AfterPhotos) != 1 || w.AfterPhotos[0] == after {
		t.Errorf("the public sees %v of %s: %v", w.AfterPhotos, after, err)
	}
	if status, _ := public.get(at + "/files/" + after); status == http.StatusOK {
		t.Error("the public opens the original")
	}
}

// What an officer wrote is not lost where somebody else was faster.
func TestTwoOfficersAtOneReport(t *testing.T) {
	h := withReports(t)
	code := h.takes(t, "Quán nước bày bàn ghế kín vỉa hè.")
	at := "/desk/" + code
	h.desk.does(at, "verify")
	h.desk.does(at, "assign", "agency", handlers)
	version, seen := h.crew.stands(at)
	h.desk.does(at, "assign", "agency", handlers, "note", "Xin làm trước lễ.")
	status, body := h.crew.sendsForm(at, nil, "do", "answer", "version", version, "seen", seen, "outcome", "cannot-verify", "answer", "Đã đến hai lần, không thấy.")
	if status != http.StatusPreconditionFailed {
		t.Fatalf("a stale answer: %d", status)
	}
	has(t, body, "Meanwhile others did this", "Xin làm trước lễ.", "Đã đến hai lần, không thấy.</textarea>", `value="cannot-verify" required checked`)
	now := shownVersion.FindStringSubmatch(body)[1]
	if now == version {
		t.Error("the form bears the old version")
	}
	// Faults stand at their fields, and photos that came are kept.
	status, body = h.crew.sendsForm(at, map[string][]byte{"sau.jpg": street(t)}, "do", "answer", "version", now, "seen", "99", "outcome", "not-ours", "answer", "Thuộc nơi khác.")
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, "A photo that was uploaded") {
		t.Errorf("without whom it is for: %d", status)
	}
	if status, body = h.crew.sendsForm(at, nil, "do", "answer", "version", now, "seen", "99", "outcome", "cannot-verify", "answer", "Đã đến hai lần, không thấy."); status != 200 || !strings.Contains(body, "Answered") {
		t.Errorf("sent again: %d", status)
	}
	// A step that is offered no more keeps its words too.
	status, body = h.crew.sendsForm(at, nil, "do", "answer", "version", now, "seen", "1", "outcome", "cannot-verify", "answer", "Lời thứ hai.")
	if status != http.StatusPreconditionFailed && status != http.StatusConflict || !strings.Contains(body, "the step can no longer be taken") || !strings.Contains(body, "Lời thứ hai.") {
		t.Errorf("after the answer: %d", status)
	}
}

func TestACallIsTakenInOnce(t *testing.T) {
	h := withReports(t)
	key := "8d0f6a3e-0f5b-4a58-9c37-2f6f7d1f0a11"
	first := h.takes(t, "Cây nghiêng.", "key", key)
	if again := h.takes(t, "Cây nghiêng.", "key", key); again != first {
		t.Errorf("%s and %s", first, again)
	}
	status, _, body := h.desk.post("/desk/new", "category", "rubbish", "text", "Rác", "contact.phone", "12", "longitude", "x", "latitude", "1")
	if status != http.StatusUnprocessableEntity {
		t.Errorf("a wrong call: %d", status)
	}
	has(t, body, "telephone number", `aria-invalid="true"`, "Rác</textarea>")
}

func TestWhatMayBeTheSameIsOfferedToWhoMayMerge(t *testing.T) {
	h := withReports(t)
	text, place := "Quán nước bày bàn ghế kín vỉa hè trước trường.", []string{"latitude", "16.4637", "longitude", "107.5909"}
	first := h.takes(t, text, place...)
	away := h.takes(t, text, "latitude", "16.3", "longitude", "107.7")
	second := h.takes(t, text, place...)
	_, body := h.desk.get("/desk/" + second)
	has(t, body, "May be the same", "0 m away", `name="parent" type="text" required autocomplete="off" list="merge-list" value="`+first+`"`)
	if strings.Contains(body, away) {
		t.Error("what lies kilometres away is offered")
	}
	if status, body := h.desk.does("/desk/"+second, "raise", "level", "city", "text", "Nhiều người phản ánh."); status != 200 || !strings.Contains(body, "Raised to: The city&#39;s duty desk") {
		t.Errorf("not raised: %d", status)
	}
}

func TestWhatReportsAreAboutOnTheDesk(t *testing.T) {
	h := withReports(t)
	code := h.takes(t, "Quán nước bày bàn ghế, đèn đường cũng hỏng.")
	at := "/desk/" + code
	if status, body := h.desk.does(at, "classify", "category", "road", "urgency", "urgent", "longitude", "abc", "latitude", "1"); status != http.StatusUnprocessableEntity || !strings.Contains(body, `value="abc"`) {
		t.Errorf("a wrong place: %d", status)
	}
	if _, body := h.desk.does(at, "classify", "category", "road", "urgency", "urgent"); !strings.Contains(body, "Classified: Category") {
		t.Error("not classified")
	}
	status, _, body := func() (int, string, string) {
		version, _ := h.desk.stands(at)
		return h.desk.post(at, "do", "split", "version", version, "category", "encroachment", "text", "Quán nước bày bàn ghế.")
	}()
	if status != 200 || !strings.Contains(body, "Split off from "+code) {
		t.Fatalf("not split: %d", status)
	}
	part := receiptCode.FindString(strings.ReplaceAll(body, code, ""))
	if status, body := h.desk.does("/desk/"+part, "merge", "parent", code); status != 200 || !strings.Contains(body, "Merged into") {
		t.Errorf("not merged: %d", status)
	}
	if status, _ := h.desk.does("/desk/"+part, "unmerge", "note", "Khác việc."); status != 200 {
		t.Errorf("not unmerged: %d", status)
	}
	if status, body := h.desk.does(at, "refuse", "outcome", "refused", "answer", "Không thụ lý."); status != http.StatusUnprocessableEntity || !strings.Contains(body, `id="refuse-law"`) {
		t.Errorf("refused without a law: %d", status)
	}
	if status, body := h.desk.does(at, "refuse", "outcome", "refused", "answer", "Không thụ lý.", "law", "Luật Khiếu nại 02/2011/QH13"); status != 200 || !strings.Contains(body, "Refused") {
		t.Errorf("not refused: %d", status)
	}
	if status, body := h.desk.does(at, "reopen-desk", "note", "Xem lại."); status != 200 || !strings.Contains(body, "Reopened") {
		t.Errorf("not reopened: %d", status)
	}
	if _, body := h.desk.get(at + "?template=" + url.QueryEscape("cannot-verify")); !strings.Contains(body, "Why here:") {
		t.Error("it does not say why it is here")
	}
}
