package ui_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/service/account"
)

// story is one browser in which several people act in turn.
type story struct {
	*tab
	t    *testing.T
	c    *city
	home *url.URL
}

// as goes on as another person, on a desk in Vietnamese.
func (s *story) as(r *reader) {
	s.t.Helper()
	for _, k := range r.http.Jar.Cookies(s.home) {
		if k.Name == "huong" {
			s.set(k.Name, k.Value)
		}
	}
	s.look(look{"vi", "light", 1440, 900})
}

func (s *story) set(name, val string) {
	s.t.Helper()
	if err := chromedp.Do(s.ctx, call(network.SetCookie, network.SetCookieParams{Name: name, Value: val, URL: s.c.url})); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) look(l look) {
	s.t.Helper()
	s.set("lang", l.lang)
	s.set("theme", l.theme)
	size := emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.width < 500}
	if err := chromedp.Do(s.ctx, call(emulation.SetDeviceMetricsOverride, size)); err != nil {
		s.t.Fatal(err)
	}
}

// sound checks the page as it stands, and the same address in English on a dark
// phone; then the reader is where they were.
func (s *story) sound(name string) {
	s.t.Helper()
	s.axe(s.t, name+", vi")
	s.shot(name + "-vi-light-1440")
	at := s.text(`location.pathname + location.search`)
	s.look(look{"en", "dark", 390, 844})
	s.open(s.t, at)
	s.axe(s.t, name+", en")
	s.shot(name + "-en-dark-390")
	s.look(look{"vi", "light", 1440, 900})
	s.open(s.t, at)
	s.clean(s.t)
}

// shot keeps a picture of the page where a folder for pictures is named.
func (s *story) shot(name string) {
	s.t.Helper()
	folder := os.Getenv("HUONG_SCREENSHOTS")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(s.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, " ", "-")+".png"), png, 0o644)
	}
	if err != nil {
		s.t.Error(err)
	}
}

func (s *story) text(script string) string {
	s.t.Helper()
	got, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](script))
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// says waits for words on the page.
func (s *story) says(words ...string) {
	s.t.Helper()
	for _, w := range words {
		s.until(s.t, 20*time.Second, `!!document.querySelector("main") && document.querySelector("main").textContent.includes(`+"`"+w+"`"+`)`)
	}
}

// follow clicks what a selector finds and waits for the page of a path.
func (s *story) follow(selector, path string) {
	s.t.Helper()
	s.run(s.t, `document.querySelector("`+selector+`").click()`)
	s.at(s.t, path)
}

// send fills fields of a form by their ids and sends it by a button's value.
func (s *story) send(path, button string, fields map[string]string) {
	s.t.Helper()
	var b strings.Builder
	for id, val := range fields {
		b.WriteString("document.querySelector(`#" + id + "`).value = `" + val + "`;")
	}
	s.run(s.t, b.String()+"window.sent = true; document.querySelector(`"+button+"`).click()")
	s.until(s.t, 20*time.Second, `!window.sent && document.readyState === "complete"`)
	s.at(s.t, path)
}

// status is that of an address as the browser's reader gets it.
func (s *story) status(path string) int {
	s.t.Helper()
	got, err := chromedp.Run(s.ctx, chromedp.Evaluate[int](`fetch("`+path+`").then(r => r.status)`, chromedp.EvalAwaitPromise))
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// TestSharingInABrowser is the whole story of a grant: found in the catalog, asked
// for, asked back, answered, approved, read by, revoked, denied; and the person
// whom the record is about sees who read it.
func TestSharingInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	c, citizen := withAids(t)
	c.staff(t, "binh.steward", account.Capacity{Agency: "snv", Roles: []string{grant.Steward}})
	c.staff(t, "chi.officer", account.Capacity{Agency: "syt", Roles: []string{grant.Officer}})
	steward, officer := c.reader(t), c.reader(t)
	steward.signIn("binh.steward")
	officer.signIn("chi.officer")
	home, err := url.Parse(c.url)
	if err != nil {
		t.Fatal(err)
	}
	s := &story{newTab(t, ctx, c.url), t, c, home}

	s.as(officer)
	s.open(t, "/datasets?q=tro+cap")
	s.says("Chưa được chia sẻ với bạn", "Trợ cấp")
	s.sound("catalog")
	s.follow("li.locked a.button", "/datasets/aid/sharing")
	s.says("Bạn chưa xem được bộ dữ liệu này", "Số định danh", "Sở Nội vụ")
	s.sound("closed")
	if got := s.status("/datasets/aid"); got != http.StatusForbidden {
		t.Errorf("the records before: %d", got)
	}
	s.follow("a.primary[href^='/sharing/ask']", "/sharing/ask")
	s.run(t, `for (const v of ["code", "name", "aid-work"]) document.querySelector("main input[type=checkbox][value='" + v + "']").checked = true`)
	s.run(t, `document.querySelector("main form").action = "/sharing/ask"`)
	fill := map[string]string{"basis": "Nghị định 20/2021/NĐ-CP", "need": "Đối chiếu hồ sơ trợ cấp", "until": c.now.AddDate(0, 2, 0).Format("2006-01-02")}
	s.axe(t, "ask")
	s.run(t, `window.sent = true`)
	for id, val := range fill {
		s.run(t, "document.querySelector(`#"+id+"`).value = `"+val+"`")
	}
	s.run(t, `document.querySelector("main form button.primary").click()`)
	s.until(t, 20*time.Second, `!window.sent && location.pathname.startsWith("/sharing/g") && document.readyState === "complete"`)
	at := s.text("location.pathname")
	s.says("Chờ quyết định", "Đối chiếu hồ sơ trợ cấp")
	s.sound("asked")

	s.as(steward)
	s.open(t, "/sharing")
	s.says("Sở Y tế")
	s.sound("waiting")
	s.follow("main tbody a", at)
	s.sound("to decide")
	s.send(at, "button[value=question]", map[string]string{"question-text": "Dùng đến khi nào?"})
	s.says("Chờ làm rõ")

	s.as(officer)
	s.open(t, at)
	s.says("Dùng đến khi nào?")
	s.sound("to answer")
	s.send(at, "button[value=answer]", map[string]string{"answer-text": "Hai tháng."})
	s.says("Hai tháng.")

	s.as(steward)
	s.open(t, "/profile")
	s.run(t, `window.sent = true; document.querySelector("#purpose").value = "aid-work"; document.querySelector("#task form").requestSubmit()`)
	s.until(t, 20*time.Second, `!window.sent && document.readyState === "complete"`)
	s.open(t, at)
	s.run(t, "document.querySelector(`[name='mask.name']`).value = 'pseudonym'")
	s.send(at, "button[value=preview]", nil)
	s.says("Bên nhận sẽ thấy", "2 bản ghi", "bí danh", "Vẫn ẩn: Số định danh")
	if body := s.text("document.querySelector(`#preview`).textContent"); strings.Contains(body, "Lê Văn Cúc") || !strings.Contains(body, "A2") {
		t.Errorf("the preview under a pseudonym: %s", body)
	}
	s.axe(t, "preview, vi")
	s.look(look{"en", "dark", 390, 844})
	s.send(at, "button[value=preview]", nil)
	s.says("What the grantee would see")
	s.axe(t, "preview, en")
	s.look(look{"vi", "light", 1440, 900})
	s.run(t, "document.querySelector(`[name='mask.name']`).value = ''")
	s.send(at, "button[value=approve]", nil)
	s.says("Đang hiệu lực")
	s.sound("approved")

	s.as(officer)
	s.open(t, "/profile")
	s.run(t, `window.sent = true; document.querySelector("#purpose").value = "aid-work"; document.querySelector("#task form").requestSubmit()`)
	s.until(t, 20*time.Second, `!window.sent && document.readyState === "complete"`)
	s.open(t, "/datasets/aid")
	s.says("Lê Văn Cúc", "A2")
	s.sound("reading")
	s.open(t, "/datasets/aid/sharing")
	s.says("Theo quyền được cấp", "Họ tên")
	s.sound("what the grant gives")

	s.as(steward)
	s.open(t, at)
	s.send(at, "button[value=revoke]", map[string]string{"revoke-text": "Đã đối chiếu xong."})
	s.says("Đã thu hồi")
	s.sound("revoked")

	s.as(officer)
	if got := s.status("/datasets/aid"); got != http.StatusForbidden {
		t.Errorf("the very next request: %d", got)
	}
	s.open(t, "/datasets/aid")
	s.says("Bạn không còn xem được bộ dữ liệu này", "Đã thu hồi", "Đã đối chiếu xong.", "Làm gì tiếp")
	if body := s.text("document.body.textContent"); strings.Contains(body, "Lê Văn Cúc") {
		t.Error("a record is shown after the revocation")
	}
	s.sound("denied")

	s.as(citizen)
	s.open(t, "/me")
	s.says("Xét trợ cấp", "Sở Y tế")
	s.sound("me")
	s.open(t, "/me/data/aid")
	s.says("Trần Thị Hoa")
	s.sound("my data")
}

// TestReadingInBulkInABrowser pages through a register until a second person must
// have approved, asks for that, and reads on by it.
func TestReadingInBulkInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	c, _ := withAids(t)
	var rows []map[string]string
	for i := range 1100 {
		rows = append(rows, map[string]string{"code": fmt.Sprintf("B%04d", i), "person": fmt.Sprintf("04609901%04d", i), "name": fmt.Sprintf("Lê %d", i)})
	}
	c.put(t, "aid", "nhập", rows)
	c.staff(t, "binh.steward", account.Capacity{Agency: "snv", Roles: []string{grant.Steward}})
	c.staff(t, "dung.leader", account.Capacity{Agency: "snv", Roles: []string{grant.Leader}})
	steward, leader := c.reader(t), c.reader(t)
	steward.signIn("binh.steward")
	leader.signIn("dung.leader")
	if status, _, _ := steward.post("/profile/task", "purpose", "aid-work", "return", "/"); status != http.StatusOK {
		t.Fatalf("choosing a purpose: %d", status)
	}
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	onward := func() (pages int, at string, status int) {
		t.Helper()
		for at = "/datasets/aid"; ; pages++ {
			status, body := steward.get(at)
			link := next.FindStringSubmatch(body)
			if status != http.StatusOK || link == nil {
				return pages, at, status
			}
			at = html.UnescapeString(link[1])
		}
	}
	pages, refused, status := onward()
	if status != http.StatusForbidden || pages != 10 {
		t.Fatalf("%d pages of 100, then %d", pages, status)
	}
	home, err := url.Parse(c.url)
	if err != nil {
		t.Fatal(err)
	}
	s := &story{newTab(t, ctx, c.url), t, c, home}
	s.as(steward)
	s.open(t, "/releases")
	s.sound("none asked yet")
	s.open(t, refused)
	s.says("Cần người thứ hai duyệt", "“Trợ cấp” lên 1.100", "quá ngưỡng 1.000")
	s.sound("refused")
	s.follow("a.primary[href^='/releases/ask']", "/releases/ask")
	s.sound("ask in bulk")
	s.run(t, "document.querySelector(`#most`).value = '1200'; document.querySelector(`#need`).value = 'Bàn giao hồ sơ'; window.sent = true; document.querySelector(`main form button.primary`).click()")
	s.until(t, 20*time.Second, `!window.sent && location.pathname.startsWith("/releases/x") && document.readyState === "complete"`)
	at := s.text("location.pathname")
	s.says("Chờ duyệt", "bạn không tự duyệt được")
	s.sound("asked in bulk")

	s.as(leader)
	s.open(t, "/releases")
	s.says("Trợ cấp", "binh.steward")
	s.sound("list")
	s.open(t, at)
	s.sound("to decide in bulk")
	s.send(at, "button[value=approve]", map[string]string{"reason": "Có quyết định bàn giao"})
	s.says("Đã duyệt, chưa dùng", "Có quyết định bàn giao")
	s.sound("approved in bulk")

	if pages, _, status := onward(); status != http.StatusOK || pages != 11 {
		t.Errorf("by the approval: %d pages, then %d", pages, status)
	}
	s.open(t, at)
	s.says("Đã dùng")
	if _, _, status := onward(); status != http.StatusForbidden {
		t.Errorf("used twice: %d", status)
	}
}
