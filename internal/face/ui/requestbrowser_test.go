package ui_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"huong.city/huong/internal/service/request"
)

// line cuts the browser's line, and that of its service worker, or joins it again.
func (b *tab) line(t *testing.T, c *city, cut bool) {
	t.Helper()
	c.away.Store(cut)
	worker := cut
	err := chromedp.Do(b.ctx,
		call(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{EmulateOfflineServiceWorker: &worker,
			MatchedNetworkConditions: []*network.Conditions{{Offline: cut, DownloadThroughput: -1, UploadThroughput: -1}}}),
		call(network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: cut, DownloadThroughput: -1, UploadThroughput: -1}))
	if err != nil {
		t.Fatal(err)
	}
}

// writes fills the form: category, text, ward; with a photo where asked.
func (b *tab) writes(t *testing.T, text string, photo bool) {
	t.Helper()
	b.until(t, 2*waitLong, `!!(`+`document.querySelector("form[data-ready]")`+`)`)
	b.js(t, `(() => {
		const q = (s) => document.querySelector(s), put = (e, v) => { e.value = v; e.dispatchEvent(new Event("input", { bubbles: true })); };
		put(q("[data-search]"), "o ga");
		const found = [...document.querySelectorAll(".rq-choice")].filter((l) => l.checkVisibility());
		if (found.length !== 1) throw new Error(found.length + " categories");
		found[0].querySelector("input").dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1 }));
		put(q("#text"), `+"`"+text+"`"+`);
		q("#area").value = "19789";
	})()`)
	b.until(t, 2*waitLong, `!!(`+`!document.querySelector("[data-chosen]").hidden`+`)`)
	if photo {
		b.js(t, `(async () => {
			const c = new OffscreenCanvas(3000, 2000), g = c.getContext("2d");
			for (let i = 0; i < 60; i++) { g.fillStyle = "hsl(" + i * 37 + " 40% 50%)"; g.fillRect(i * 50, i * 13 % 1500, 400, 500); }
			const d = new DataTransfer();
			d.items.add(new File([await c.convertToBlob({ type: "image/jpeg" })], "duong.jpg", { type: "image/jpeg" }));
			const e = document.querySelector("#photos");
			e.files = d.files;
			e.dispatchEvent(new Event("change", { bubbles: true }));
		})()`)
		b.until(t, 2*waitLong, `!!(`+`document.querySelectorAll("[data-shots] img").length === 1`+`)`)
	}
}

func (b *tab) sendsForm(t *testing.T) {
	t.Helper()
	b.js(t, `document.querySelector("[data-send]").click()`)
}

func (b *tab) goes(t *testing.T, url string) {
	t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
}

// sentBy counts the reports with a text, as the desk finds them.
func (c *city) sentBy(t *testing.T, text string) (n int64, code string) {
	t.Helper()
	list, page, err := c.deskOfReports.List(t.Context(), atDesk, request.Query{Text: text, Count: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) > 0 {
		code = list[0].Code
	}
	return page.Matched, code
}

// The life of a report as its sender lives it: one sent with a photo, another written
// without a network and sent once when it is back, answered, rated.
func TestSendingReportsInABrowser(t *testing.T) {
	ctx := browserWith(t)
	c := takesReports(t)
	b := newTab(t, ctx, c.url)
	if err := chromedp.Do(b.ctx, call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 1, Mobile: true})); err != nil {
		t.Fatal(err)
	}
	b.goes(t, c.url+"/report?lang=vi")
	b.writes(t, "Ổ gà thứ nhất ở cầu", true)
	b.sendsForm(t)
	b.until(t, 2*waitLong, `!!(`+`location.pathname.startsWith("/report/sent/PA-") && document.querySelector(".rq-qr svg")`+`)`)
	n, first := c.sentBy(t, "Ổ gà thứ nhất")
	if n != 1 {
		t.Fatalf("%d reports", n)
	}
	w, err := c.deskOfReports.Read(t.Context(), atDesk, first)
	if err != nil {
		t.Fatal(err)
	}
	photos := 0
	for _, e := range w.Timeline {
		if e.Kind == request.Photo {
			f, err := c.attachments().Describe(t.Context(), e.Ref)
			if err != nil || f.Key != first || f.Width != 2048 {
				t.Errorf("the photo: %+v %v", f, err)
			}
			photos++
		}
	}
	if photos != 1 {
		t.Errorf("%d photos", photos)
	}

	// Away from any network the page opens, keeps what is written and waits.
	b.goes(t, c.url+"/report")
	b.until(t, 2*waitLong, `!!(`+`document.documentElement.dataset.offline === "ready"`+`)`)
	for _, f := range b.take() {
		t.Error(f)
	}
	b.line(t, c, true)
	b.goes(t, c.url+"/report")
	b.writes(t, "Ổ gà thứ hai lúc mất mạng", true)
	b.until(t, waitLong, `document.querySelector("form[data-report]").dataset.draft === "kept"`)
	b.goes(t, c.url+"/report") // the draft outlives the page
	b.until(t, 2*waitLong, `!!(`+`document.querySelector("form[data-ready]") && document.querySelector("#text").value.includes("thứ hai") && document.querySelectorAll("[data-shots] img").length === 1`+`)`)
	b.sendsForm(t)
	b.until(t, 2*waitLong, `!!(`+`document.querySelectorAll("[data-waiting-list] li[data-state=waiting]").length === 1 && !document.querySelector("#text").value`+`)`)
	if n, _ := c.sentBy(t, "thứ hai"); n != 0 {
		t.Fatalf("sent without a network: %d", n)
	}
	b.line(t, c, false)
	b.until(t, 2*waitLong, `!!(`+`document.querySelector("[data-waiting-list] li[data-state=sent] a")`+`)`)
	b.js(t, `for (let i = 0; i < 5; i++) dispatchEvent(new Event("online"))`)
	b.goes(t, c.url+"/me/reports")
	b.until(t, 2*waitLong, `!!(`+`document.querySelectorAll(".rq-rows li").length === 2`+`)`)
	if n, _ := c.sentBy(t, "thứ hai"); n != 1 {
		t.Errorf("sent %d times", n)
	}
	b.take() // of the time without a network

	c.answers(t, first, "Không thấy ổ gà ở chỗ này.")
	b.goes(t, c.url+"/street/"+first)
	b.until(t, 2*waitLong, `!!(`+`document.body.textContent.includes("Không thấy ổ gà ở chỗ này.") && document.querySelector(".timeline img")`+`)`)
	b.js(t, `document.querySelector("[name=rating][value='5']").click(); document.querySelector("button[value=rate]").click()`)
	b.until(t, 2*waitLong, `!!(`+`document.readyState === "complete" && !document.querySelector("[name=rating]") && document.body.textContent.includes("5/5")`+`)`)
	if w, err := c.deskOfReports.Read(t.Context(), atDesk, first); err != nil || w.Rating != 5 {
		t.Errorf("rated %d %v", w.Rating, err)
	}
	for _, f := range b.take() {
		t.Error(f)
	}

	// A place is chosen on the map by a tap.
	b.goes(t, c.url+"/report")
	b.until(t, waitLong, `!!document.querySelector("form[data-ready]")`)
	b.js(t, `document.querySelector("[data-pick]").click()`)
	b.until(t, 2*waitLong, `document.querySelector("[data-pickbox]").dataset.mapReady === "true"`)
	b.js(t, `(() => {
		const m = document.querySelector("[data-pickbox] canvas"), r = m.getBoundingClientRect();
		for (const kind of ["mousedown", "mouseup", "click"]) m.dispatchEvent(new MouseEvent(kind, { bubbles: true, clientX: r.x + r.width / 2, clientY: r.y + r.height / 2 }));
	})()`)
	b.until(t, waitLong, `Math.abs(Number(document.querySelector("[name=latitude]").value) - 16.3) < 1 && document.querySelector("[data-placed]").textContent.includes("16.")`)
	for _, f := range b.take() {
		t.Error(f)
	}

	// A receipt that was scanned opens the report elsewhere; the address keeps nothing.
	b.goes(t, c.url+"/report/sent/"+first)
	secret, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`[...document.querySelectorAll(".rq-code")][1].textContent`))
	if err != nil {
		t.Fatal(err)
	}
	other := newTab(t, browserWith(t), c.url)
	other.goes(t, c.url+"/me/reports#"+first+"."+secret)
	other.until(t, waitLong, `location.pathname === "/street/`+first+`" && !location.href.includes("`+secret[:4]+`")`)
}

// Every page of a citizen is fit for a phone by day and a desk by night.
func TestTheLooksOfReports(t *testing.T) {
	t.Parallel()
	c := takesReports(t)
	who := c.reader(t)
	photo := map[string][]byte{"a.jpg": street(t)}
	code, _ := who.sendsOne("Ổ gà to trước cổng trường, xe máy ngã đêm qua.", photo, "longitude", "107.59", "latitude", "16.46")
	asked, _ := who.sendsOne("Vỉa hè sụt lún dài khoảng 3 mét.", nil)
	c.steps(t, atDesk, asked, request.Act{Do: "verify"}, request.Act{Do: "ask-desk", Fields: map[string]string{"question": "Vỉa hè phía nào của đường?"}})
	c.steps(t, atDesk, code, request.Act{Do: request.DoPublish, Fields: map[string]string{"title": "Ổ gà trước cổng trường", "text": "Ổ gà to trước cổng trường, xe máy ngã."}})
	c.answers(t, code, "Đã kiểm tra; mặt đường đang được theo dõi.")
	list := c.pagesOfReports(who, code, asked)
	c.see(t, list, nil)
}

func (c *city) pagesOfReports(who *reader, code, asked string) []pageOf {
	anybody := c.reader(who.t)
	opened := `(() => { const r = document.querySelector("input[name=category][value=manhole]"); r.closest("details").open = true; })()`
	chosen := strings.ReplaceAll(opened, `r.closest("details").open = true;`, `r.dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1 }));`)
	return []pageOf{
		{"report form", "/report", anybody, "form[data-ready]", opened},
		{"report form chosen", "/report", anybody, "form[data-ready]", chosen},
		{"report receipt", "/report/sent/" + code, who, "", ""},
		{"reports public", "/street", anybody, "", ""},
		{"report public", "/street/" + code, anybody, "", ""},
		{"report mine answered", "/street/" + code, who, "", ""},
		{"report mine asked", "/street/" + asked, who, "", ""},
		{"reports mine", "/me/reports", who, "", ""},
		{"reports figures", "/street/stats", anybody, "", ""},
	}
}
