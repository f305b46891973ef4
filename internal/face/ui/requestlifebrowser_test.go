package ui_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"huong.city/huong/internal/service/request"
)

// tabOf is a window of somebody's own, as wide as what they hold.
func (c *city) tabOf(t *testing.T, parent context.Context, who *reader, width, height int64) *tab {
	t.Helper()
	b := newTab(t, parent, c.url)
	do := []chromedp.Action[chromedp.Void]{
		call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500}),
		call(network.SetCookie, network.SetCookieParams{Name: "lang", Value: "vi", URL: c.url}),
	}
	if who != nil {
		do = append(do, call(network.SetCookie, network.SetCookieParams{Name: "huong", Value: who.session(), URL: c.url}))
	}
	if err := chromedp.Do(b.ctx, do...); err != nil {
		t.Fatal(err)
	}
	return b
}

// lends gives a reader what a window's browser keeps, so that its pages can be
// looked at.
func (b *tab) lends(t *testing.T, r *reader) {
	t.Helper()
	got, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{r.c.url}})
	if err != nil {
		t.Fatal(err)
	}
	home, err := url.Parse(r.c.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range got.Cookies {
		r.http.Jar.SetCookies(home, []*http.Cookie{{Name: k.Name, Value: k.Value, Path: "/"}})
	}
}

// presses submits the form of a step, after a script has filled it in.
func (b *tab) presses(t *testing.T, form, fill, then string) {
	t.Helper()
	b.js(t, `(() => { const f = document.querySelector(`+"`"+form+"`"+`), put = (n, v) => { const e = f.elements.namedItem(n); e.value = v; e.dispatchEvent(new Event("input", { bubbles: true })); };
		for (let d = f.closest("details"); d; d = d.parentElement.closest("details")) d.open = true;
		document.documentElement.dataset.before = "yes";
		`+fill+`;
		f.querySelector("button[name=do]").click(); })()`)
	b.sees(t, `!document.documentElement.dataset.before && document.readyState === "complete" && (`+then+`)`)
}

// sees waits until a condition holds.
func (b *tab) sees(t *testing.T, condition string) {
	t.Helper()
	b.until(t, 2*waitLong, `!!(`+condition+`)`)
}

// takesPhoto puts a drawn picture into a file field f of a form.
const takesPhoto = `const i = f.querySelector("input[type=file]"), c = document.createElement("canvas"); c.width = 640; c.height = 480; const g = c.getContext("2d");
	for (let k = 0; k < 30; k++) { g.fillStyle = "hsl(" + k * 41 + " 35% 55%)"; g.fillRect(k * 23, k * 17 % 300, 180, 160); }
	const b = atob(c.toDataURL("image/jpeg").split(",")[1]), d = new DataTransfer(); d.items.add(new File([Uint8Array.from(b, (x) => x.charCodeAt(0))], "sau.jpg", { type: "image/jpeg" })); i.files = d.files`

// The whole life of one report, with four people: a citizen without an account
// writes it on a phone that has no network; the duty desk classifies it, blacks a
// photo out, publishes it and sends it on; an officer does the work with a phone;
// the citizen disputes the answer; the desk looks again; it is closed and rated, and
// the public and the figures know it. Each page on the way is fit for everybody.
func TestTheWholeLifeOfAReport(t *testing.T) {
	t.Parallel()
	h := withReports(t)
	citizen := h.city.reader(t)
	public := h.city.reader(t)
	phone := browserWith(t)
	rated := h.rated(t, 0)

	// The citizen: a draft without a network, sent when it is back.
	b := h.tabOf(t, phone, nil, 390, 844)
	b.goes(t, h.url+"/report")
	b.sees(t, `document.documentElement.dataset.offline === "ready"`)
	b.clean(t)
	b.line(t, h.city, true)
	b.goes(t, h.url+"/report")
	b.writes(t, "Ổ gà sâu trước trường, gọi anh Tuấn 0912345678.", true)
	b.sees(t, `document.querySelector("form[data-report]").dataset.draft === "kept"`)
	b.goes(t, h.url+"/report")
	b.sees(t, `document.querySelector("form[data-ready]") && document.querySelector("#text").value.includes("trước trường") && document.querySelectorAll("[data-shots] img").length === 1`)
	b.sendsForm(t)
	b.sees(t, `document.querySelectorAll("[data-waiting-list] li[data-state=waiting]").length === 1`)
	b.line(t, h.city, false)
	b.sees(t, `document.querySelector("[data-waiting-list] li[data-state=sent] a")`)
	n, code := h.sentBy(t, "trước trường")
	if n != 1 {
		t.Fatalf("sent %d times", n)
	}
	b.goes(t, h.url+"/report/sent/"+code)
	b.sees(t, `document.querySelector(".rq-qr svg")`)
	b.lends(t, citizen)
	b.take() // of the time without a network

	// The duty desk: classify, black out, publish without what tells of a person, verify, send on.
	at, street := "/desk/"+code, "/street/"+code
	d := h.tabOf(t, browser(t), h.desk, 1440, 900)
	d.goes(t, h.url+at)
	d.presses(t, "#classify form", `put("category", "encroachment")`, `document.querySelector("#k-category").value === "encroachment"`)
	d.js(t, `document.querySelector(".desk-photos a[href$='/redact']").click()`)
	d.sees(t, `location.pathname.endsWith("/redact") && document.querySelector(".desk-canvas img")?.complete`)
	redact := strings.TrimPrefix(d.address(t), h.url)
	d.js(t, `for (const [n, x] of Object.entries({ x: 40, y: 40, w: 300, h: 200 })) { const i = document.querySelector("input[name=" + n + "]"); i.value = x; i.dispatchEvent(new Event("input", { bubbles: true })); }
		document.querySelector("[data-redact] button.primary").click()`)
	d.sees(t, `location.pathname === "`+at+`" && document.querySelectorAll(".desk-photos li").length === 2`)
	d.presses(t, "#publish form:has([name=title])", `put("title", "Ổ gà trước trường học"); f.querySelector("input[name=photos]").checked = true`, `document.body.textContent.includes("Ổ gà trước trường học")`)
	d.presses(t, "form:has(button[value=verify])", ``, `document.querySelector("#step-assign")`)
	var glances map[string][]glance
	h.see(t, []pageOf{{"life receipt", "/report/sent/" + code, citizen, "", ""}, {"life desk", at, h.desk, "", ""}, {"life redact", redact, h.desk, "", ""}}, glances)
	d.presses(t, "#step-assign form", `put("agency", "`+handlers+`")`, `document.querySelector("#desk-now h2").textContent.includes("chuyển")`)
	d.clean(t)

	// The officer, on a phone: begin, then done with a photo.
	f := h.tabOf(t, browser(t), h.crew, 390, 844)
	f.goes(t, h.url+"/field")
	card := "#t-" + code
	f.sees(t, `document.querySelector("`+card+`")`)
	f.presses(t, card+" form:has(button[value=begin])", ``, `document.querySelector("`+card+` form:has(button[value=answer])") && !document.querySelector("`+card+` button[value=begin]")`)
	h.see(t, []pageOf{{"life field", "/field", h.crew, "", `document.querySelector("` + card + ` details:last-of-type").open = true`}}, glances)
	f.presses(t, card+" form:has(button[value=answer])", `put("answer", "Đã dọn, vỉa hè đã thông."); `+takesPhoto, `!document.querySelector("`+card+`")`)
	f.clean(t)

	// The citizen reads the answer with its photo, and is not content.
	b.goes(t, h.url+street)
	b.sees(t, `document.body.textContent.includes("Đã dọn, vỉa hè đã thông.") && document.querySelector(".rq-answer img")`)
	h.see(t, []pageOf{{"life answered", street, citizen, "", `for (const d of document.querySelectorAll("#now details")) d.open = true`}}, glances)
	b.presses(t, "#now form:has(button[value=dispute])", `put("note", "Sáng nay bàn ghế lại bày ra.")`, `!document.querySelector("button[value=dispute]")`)

	// Another person looks again, and keeps the answer; the citizen rates it.
	d.goes(t, h.url+"/desk?show=disputed")
	d.sees(t, `document.body.textContent.includes("`+code+`")`)
	h.see(t, []pageOf{{"life disputed", at, h.desk, "", `document.querySelector("#step-dismiss").open = true`}}, glances)
	d.goes(t, h.url+at)
	d.presses(t, "#step-dismiss form", `put("answer", "Đã kiểm tra lại lúc 10 giờ: vỉa hè thông, chủ quán đã ký cam kết.")`, `!document.querySelector("#step-dismiss")`)
	b.goes(t, h.url+street)
	b.presses(t, "#now form:has(button[value=rate])", `f.querySelector("[name=rating][value='4']").checked = true`, `!document.querySelector("[name=rating]") && document.body.textContent.includes("4/5")`)
	b.clean(t)
	d.clean(t)

	// The public reads what may be read, and the figures count it.
	w, err := h.deskOfReports.PublicOne(t.Context(), code)
	if err != nil || w.Status != "closed" || w.Rating != 4 || w.Outcome != "fixed" || len(w.Photos) != 1 || len(w.AfterPhotos) != 1 || strings.Contains(w.PublicText, "0912345678") {
		t.Errorf("in the end: %+v %v", w, err)
	}
	_, body := public.get(street)
	has(t, body, "Ổ gà trước trường học", "Đã kiểm tra lại lúc 10 giờ")
	h.identity(t, "the public", body)
	for _, secret := range []string{"0912345678", "Tuấn", "van.desk", "ha.ward"} {
		if strings.Contains(body, secret) {
			t.Errorf("the public reads %s", secret)
		}
	}
	if _, list := public.get("/street?q=" + code); !strings.Contains(list, code) {
		t.Error("the public list does not have it")
	}
	if now := h.rated(t, rated+1); now != rated+1 {
		t.Errorf("%d are rated in the figures, and %d before", now, rated)
	}
	h.see(t, []pageOf{{"life closed", street, citizen, "", ""}, {"life public", street, public, "", ""}, {"life figures", "/street/stats", public, "", ""}, {"life list", "/street?q=" + code, public, "", ""}}, glances)
}

// rated is how many answers of pavements were rated in the ward, as the figures have
// it once there are so many.
func (h *hall) rated(t *testing.T, least int64) (n int64) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for begun := time.Now(); time.Since(begun) < waitLong; <-ticker.C {
		rows, _, err := h.answered.Ask(t.Context(), atDesk, request.FigureQuery{Category: "encroachment", Area: "19789"})
		if err != nil {
			t.Fatal(err)
		}
		if n = 0; len(rows) > 0 {
			n = rows[0].Rated
		}
		if n >= least {
			break
		}
	}
	return n
}

// address is where a window stands.
func (b *tab) address(t *testing.T) string {
	t.Helper()
	at, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href`))
	if err != nil {
		t.Fatal(err)
	}
	return at
}
