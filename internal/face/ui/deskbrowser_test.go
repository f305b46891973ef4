package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"huong.city/huong/internal/service/request"
)

// The life of a report between the desk, the ward's agency and its crew, and how it
// looks to each: no fault of axe, nothing wider than the window, no errors.
func TestTheLifeOfAReportInABrowser(t *testing.T) {
	t.Parallel()
	h := withReports(t)
	first := h.takes(t, "Quán nước bày bàn ghế kín vỉa hè, chủ quán Trần Văn Bé gọi 0912345678, xe 75A-123.45.", "latitude", "16.4637", "longitude", "107.5909")
	second := h.takes(t, "Ổ gà sâu trước trường học.", "category", "road")
	at := "/desk/" + first

	// The desk verifies, publishes and sends on by the city's rules.
	h.desk.does(at, "verify")
	version, _ := h.desk.stands(at)
	_, body := h.desk.sendsForm(at, map[string][]byte{"truoc.jpg": street(t)}, "do", "photo", "name", "before", "version", version)
	photo := body[strings.Index(body, at+"/files/"):]
	photo = photo[:strings.IndexByte(photo, '"')]
	before := []pageOf{
		{"desk queue", "/desk?show=new", h.desk, "", ""},
		{"desk queue overdue", "/desk?show=overdue", h.leader, "", ""},
		{"desk queue empty", "/desk?show=disputed", h.desk, "", ""},
		{"desk report", at, h.desk, "", `for (const d of document.querySelectorAll("#publish details, #classify")) d.open = true`},
		{"desk publishing", at, h.desk, "", `document.querySelector("#publish").scrollIntoView()`},
		{"desk queue end", "/desk?show=new&category=noise", h.desk, "", `document.querySelector(".desk-bulk").scrollIntoView()`},
		{"desk redact", photo + "/redact", h.desk, "", `for (const [n, x] of Object.entries({x: 60, y: 80, w: 200, h: 120})) { const i = document.querySelector("input[name=" + n + "]"); i.value = x; i.dispatchEvent(new Event("input", {bubbles: true})) }`},
		{"desk new", "/desk/new?category=rubbish", h.desk, "", ""},
	}
	var glances map[string][]glance
	h.see(t, before, glances)

	if status, body := h.desk.does(at, "assign", "agency", handlers); status != 200 || !strings.Contains(body, "Sent to an agency") && !strings.Contains(body, "Assigned") {
		t.Fatalf("not sent on: %d", status)
	}
	h.desk.does("/desk/"+second, "assign", "agency", handlers)

	// The agency asks; the reporter, who is told by the desk, answers.
	if status, body := h.crew.does(at, "ask", "question", "Quán mở lúc mấy giờ?"); status != 200 || !strings.Contains(body, "Waiting for the reporter") {
		t.Errorf("not asked: %d", status)
	}
	h.desk.does(at, "reply", "reply", "Từ sáu giờ chiều.")
	h.see(t, []pageOf{
		{"desk queue agency", "/desk", h.crew, "", ""},
		{"desk report of the agency", at, h.crew, "", `document.querySelector("#step-answer").open = true`},
		{"field tasks", "/field", h.crew, "", `document.querySelector(".field-tasks details:last-of-type").open = true`},
		{"field none", "/field", h.leader, "", ""},
	}, glances)

	// A crew on a phone: begin, and done with the photo taken after, by plain forms.
	field := "/field/" + second
	_, body = h.crew.get("/field")
	has(t, body, second, "Begin", "Done")
	version = shownVersion.FindStringSubmatch(body[strings.Index(body, `id="t-`+second):])[1]
	if status, _, body := h.crew.post(field, "do", "begin", "version", version); status != 200 || !strings.Contains(body, "In progress") {
		t.Errorf("not begun: %d", status)
	}
	_, body = h.crew.get("/field")
	version = shownVersion.FindStringSubmatch(body[strings.Index(body, `id="t-`+second):])[1]
	if status, body := h.crew.sendsForm(field, nil, "do", "answer", "version", version, "answer", "Đã vá xong."); status != http.StatusUnprocessableEntity || !strings.Contains(body, "photo taken afterwards") || !strings.Contains(body, "Đã vá xong.") {
		t.Errorf("done without a photo: %d", status)
	}
	if status, body := h.crew.sendsForm(field, map[string][]byte{"sau.jpg": street(t)}, "do", "answer", "version", version, "answer", "Đã vá xong."); status != 200 || strings.Contains(body, `id="t-`+second) {
		t.Errorf("not done: %d", status)
	}
	w, err := h.deskOfReports.Read(t.Context(), atDesk, second)
	if err != nil || w.Outcome != "fixed" || len(w.AfterPhotos) != 1 || w.Answer != "Đã vá xong." {
		t.Errorf("after the work: %+v %v", w.Request, err)
	}
	// The officer answers the other, with the photo.
	version, seen := h.crew.stands(at)
	if status, body := h.crew.sendsForm(at, map[string][]byte{"sau.jpg": street(t)}, "do", "answer", "version", version, "seen", seen, "outcome", "fixed", "answer", "Đã nhắc nhở, vỉa hè đã thông."); status != 200 || !strings.Contains(body, "Answered") {
		t.Errorf("not answered: %d", status)
	}
	h.see(t, []pageOf{{"desk report answered", at, h.desk, "", ""}}, glances)
}

// Boxes are drawn by pointer, and are what is burned in.
func TestBoxesAreDrawnInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	h := withReports(t)
	code := h.takes(t, "Xe đỗ kín vỉa hè.")
	at := "/desk/" + code
	version, _ := h.desk.stands(at)
	_, body := h.desk.sendsForm(at, map[string][]byte{"xe.jpg": street(t)}, "do", "photo", "name", "before", "version", version)
	photo := body[strings.Index(body, at+"/files/"):]
	photo = photo[:strings.IndexByte(photo, '"')]
	b := newTab(t, ctx, h.url)
	home, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range h.desk.http.Jar.Cookies(home) {
		if err := chromedp.Do(b.ctx, call(network.SetCookie, network.SetCookieParams{Name: k.Name, Value: k.Value, URL: h.url})); err != nil {
			t.Fatal(err)
		}
	}
	if err := chromedp.Do(b.ctx, chromedp.Navigate(h.url+photo+"/redact")); err != nil {
		t.Fatal(err)
	}
	b.until(t, waitLong, `document.querySelector(".desk-canvas img")?.complete && document.querySelector(".desk-canvas img").naturalWidth === 640`)
	b.run(t, `(() => { const c = document.querySelector(".desk-canvas"), r = c.getBoundingClientRect(), s = r.width / 640;
		const e = (type, x, y) => c.dispatchEvent(new PointerEvent(type, {pointerId: 1, clientX: r.left + x * s, clientY: r.top + y * s, bubbles: true}));
		c.setPointerCapture = () => {};
		e("pointerdown", 100, 50); e("pointermove", 300, 150); e("pointerup", 300, 150); })()`)
	b.until(t, waitLong, `["x","y","w","h"].map(n => document.querySelector("input[name=" + n + "]").value).join() === "100,50,200,100" && document.querySelectorAll(".desk-canvas rect").length === 1`)
	b.run(t, `document.querySelector("[data-redact] button.primary").click()`)
	b.until(t, waitLong, `location.pathname === "`+at+`" && document.querySelectorAll(".desk-photos li").length === 2`)
	if faults := b.take(); len(faults) > 0 {
		t.Error(faults)
	}
	w, err := h.deskOfReports.Read(t.Context(), atDesk, code)
	n := 0
	for _, e := range w.Timeline {
		if e.Kind == request.Photo {
			n++
		}
	}
	if err != nil || n != 2 {
		t.Errorf("%d photos: %v", n, err)
	}
}
