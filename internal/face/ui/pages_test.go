package ui_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestPagesAnswer(t *testing.T) {
	c := newCity(t)
	for key, path := range c.pages() {
		want := http.StatusOK
		switch key {
		case "missing", "record-missing":
			want = http.StatusNotFound
		case "records-fault":
			want = http.StatusBadRequest
		}
		for _, lang := range []string{"vi", "en"} {
			status, body := c.get(t, path, c.token, "Accept-Language", lang)
			if status != want {
				t.Errorf("%s in %s: %d, want %d", path, lang, status, want)
			}
			if !strings.Contains(body, `<html lang="`+lang+`"`) {
				t.Errorf("%s is not in %s", path, lang)
			}
			if strings.Contains(body, " style=") || strings.Contains(body, "onclick=") {
				t.Errorf("%s holds what its own policy forbids", path)
			}
		}
	}
}

func TestThePublicSeesWhatIsOpen(t *testing.T) {
	c := newCity(t)
	for path, want := range map[string]int{"/": 200, "/datasets": 200, "/datasets/service-request": 200, "/quarantine": 401, "/imports": 401, "/datasets/token": 401, "/log": 200} {
		if status, _ := c.get(t, path, ""); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	seq := c.put(t, "request-reporter", "người phản ánh", []map[string]string{{"code": "PA-00001", "agency": "hueioc", "name": "Nguyễn Văn A", "phone": "0900000000", "openedAt": c.now.Format(time.RFC3339)}})
	for _, path := range []string{"/datasets/service-request", "/datasets/service-request/records/PA-00001", "/datasets/service-request/changes", fmt.Sprintf("/log/%d", 8), "/datasets/service-request?fields=code,description",
		"/datasets/request-reporter", "/datasets/request-reporter/records/PA-00001", "/datasets/request-reporter/changes", fmt.Sprintf("/log/%d", seq)} {
		if _, body := c.get(t, path, ""); strings.Contains(body, "Nguyễn Văn A") || strings.Contains(body, "0900000000") || strings.Contains(body, "Đã tắt ba đêm") {
			t.Errorf("%s shows the public what is not open", path)
		}
	}
	if _, body := c.get(t, "/datasets/service-request/records/PA-00001", c.token); !strings.Contains(body, "Đã tắt ba đêm") {
		t.Error("staff do not see what the public does not")
	}
}

var nextLink = regexp.MustCompile(`rel="(next|prev)" href="([^"]+)"`)

func links(body string) map[string]string {
	m := map[string]string{}
	for _, x := range nextLink.FindAllStringSubmatch(body, -1) {
		m[x[1]] = html.UnescapeString(x[2])
	}
	return m
}

func TestPagingForthAndBackSeesEveryRecordOnce(t *testing.T) {
	c := newCity(t)
	key := regexp.MustCompile(`data-href="/datasets/service-request/records/(PA-\d+)"`)
	seen := map[string]bool{}
	path, pages := "/datasets/service-request?limit=70&sort=-openedAt", 0
	for path != "" {
		_, body := c.get(t, path, c.token)
		for _, m := range key.FindAllStringSubmatch(body, -1) {
			if seen[m[1]] {
				t.Fatalf("%s stands on two pages", m[1])
			}
			seen[m[1]] = true
		}
		if pages == 1 && !strings.Contains(body, "71–140 trên 260") {
			t.Error("the second page does not say where it is")
		}
		if pages++; pages == 2 {
			_, first := c.get(t, links(body)["prev"], c.token)
			if !strings.Contains(first, "1–70 trên 260") {
				t.Error("back does not lead to the first page")
			}
		}
		path = links(body)["next"]
	}
	if len(seen) != 260 || pages != 4 {
		t.Errorf("%d records on %d pages", len(seen), pages)
	}
}

// post sends a form as a steward and returns the answer without following.
func (c *city) post(t *testing.T, path string, form url.Values) (int, string, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, c.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "huong", Value: c.token})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Location"), string(b)
}

var versionField = regexp.MustCompile(`name="version" value="(\d+)"`)

func TestEditingExpectsTheVersionThatWasSeen(t *testing.T) {
	c := newCity(t)
	path := "/datasets/service-request/records/PA-00003"
	_, body := c.get(t, path, c.token)
	version := versionField.FindStringSubmatch(body)[1]
	form := url.Values{"version": {version}, "f.title": {"Đèn đã sửa"}, "reason": {"kiểm tra lại"}}
	if status, to, _ := c.post(t, path, form); status != http.StatusSeeOther || !strings.HasSuffix(to, "saved=1") {
		t.Fatalf("not saved: %d %s", status, to)
	}
	form.Set("f.title", "Bản của tôi")
	status, _, body := c.post(t, path, form)
	if status != http.StatusPreconditionFailed || !strings.Contains(body, "Đèn đã sửa") || !strings.Contains(body, "Bản của tôi") {
		t.Errorf("a stale edit answered %d and does not show both states", status)
	}
	form.Set("version", versionField.FindStringSubmatch(body)[1])
	if status, _, _ := c.post(t, path, form); status != http.StatusSeeOther {
		t.Errorf("saving over the newest state: %d", status)
	}
	_, body = c.get(t, path, c.token)
	version = versionField.FindStringSubmatch(body)[1]
	status, _, body = c.post(t, path, url.Values{"version": {version}, "f.openedAt": {"hôm qua"}, "f.rating": {"9"}})
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, "hôm qua") || strings.Count(body, `aria-invalid="true"`) < 1 {
		t.Errorf("a wrong value answered %d", status)
	}
	r, _ := http.NewRequest(http.MethodPost, c.url+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("the public may not write: %d", res.StatusCode)
	}
}

func TestEnteringKeepsTheToken(t *testing.T) {
	c := newCity(t)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(c.url+"/enter", url.Values{"token": {c.token}, "return": {"//evil.example/"}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/" || len(res.Cookies()) == 0 || !res.Cookies()[0].HttpOnly {
		t.Errorf("%d %v %v", res.StatusCode, res.Header, res.Cookies())
	}
	res, err = client.PostForm(c.url+"/enter", url.Values{"token": {"huong_wrong"}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized || len(res.Cookies()) != 0 {
		t.Errorf("a wrong token: %d", res.StatusCode)
	}
}

func TestTheStreamTellsOfNewCommits(t *testing.T) {
	c := newCity(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/live", nil)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	wrote := false
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var m struct {
			Seq        int64  `json:"seq"`
			Quarantine *int64 `json:"quarantine"`
		}
		if err := json.Unmarshal([]byte(data), &m); err != nil {
			t.Fatal(err)
		}
		if m.Quarantine != nil {
			t.Error("the public is told about quarantine")
		}
		if wrote && m.Seq > c.seq+1 {
			return
		}
		if !wrote {
			wrote = true
			c.put(t, "sector", "một lĩnh vực mới", []map[string]string{{"code": "other", "title": "Khác", "order": "9"}})
		}
	}
	t.Fatal("the stream never told of the commit")
}

func TestAssetsKeepForEver(t *testing.T) {
	c := newCity(t)
	_, body := c.get(t, "/", "")
	m := regexp.MustCompile(`/assets/[^"]+\.css`).FindString(body)
	if m == "" {
		t.Skip("SKIPPED: the browser side is not built (go run ./build in the web folder)")
	}
	res, err := http.Get(c.url + m)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/css") {
		t.Error(res.StatusCode, res.Header)
	}
	if status, _ := c.get(t, "/assets/..%2fmanifest.json", ""); status != http.StatusNotFound {
		t.Error("a file outside the bundle was served")
	}
}

func TestTheLogIsFilteredByOwnerWayAndWords(t *testing.T) {
	c := newCity(t)
	c.put(t, "hospital", "danh sách bệnh viện", []map[string]string{{"code": "bv-01", "name": "Bệnh viện Trung ương Huế", "location": "107.58,16.46"}})
	rows := regexp.MustCompile(`data-href="/log/(\d+)"`)
	for query, want := range map[string]struct {
		n    int
		text string
	}{
		"owner alone":    {2, "Lượng mưa"},
		"dataset, owner": {0, "Chưa có lần ghi nào"},
		"words":          {1, "số đo tự động"},
		"folded words":   {1, "số đo tự động"},
		"no such words":  {0, "Chưa có lần ghi nào"},
		"way":            {2, "declaration"},
		"other way":      {10, "rain-reading.csv"},
	} {
		path := map[string]string{
			"owner alone":    "/log?agency=dkttv",
			"dataset, owner": "/log?agency=dkttv&dataset=hospital",
			"words":          "/log?by=" + url.QueryEscape("số đo"),
			"folded words":   "/log?by=TU+dong+so",
			"no such words":  "/log?by=khongcogi",
			"way":            "/log?kind=declaration",
			"other way":      "/log?kind=other",
		}[query]
		status, body := c.get(t, path, c.token)
		if n := len(rows.FindAllString(body, -1)); status != 200 || n != want.n || !strings.Contains(body, want.text) {
			t.Errorf("%s: %d, %d commits, want %d with %q", query, status, n, want.n, want.text)
		}
	}
	if status, _ := c.get(t, "/log?dataset=token", ""); status != http.StatusUnauthorized {
		t.Errorf("the log of a closed dataset: %d", status)
	}
}

func TestTheFirstPageSaysWhatIsClosed(t *testing.T) {
	c := newCity(t)
	const says = "chưa mở cho mọi người"
	if _, body := c.get(t, "/", ""); strings.Count(body, says) != 1 {
		t.Errorf("the public is told of %d closed sectors, want the one of public order", strings.Count(body, says))
	}
	if _, body := c.get(t, "/", c.token); strings.Contains(body, says) {
		t.Error("a steward is told to sign in")
	}
}
