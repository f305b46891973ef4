package ui_test

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

func (b *tab) as(t *testing.T, c *city, l look) {
	t.Helper()
	set := func(name, val string) chromedp.Action[chromedp.Void] {
		return call(network.SetCookie, network.SetCookieParams{Name: name, Value: val, URL: c.url})
	}
	size := emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.width < 500}
	if err := chromedp.Do(b.ctx, call(emulation.SetDeviceMetricsOverride, size), set("lang", l.lang), set("theme", l.theme), set("huong", c.token)); err != nil {
		t.Fatal(err)
	}
}

func TestBoardsInABrowser(t *testing.T) {
	t.Parallel()
	c := newBoardCity(t)
	c.see(t, asPages(c.engineer(t), c.boardPages()), nil)
}

// The first page stands on one screen of a desk, and a wall never scrolls.
func TestNothingScrollsOnTheFirstScreenAndTheWall(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	c := newBoardCity(t)
	b := newTab(t, ctx, c.url)
	b.as(t, c, look{"vi", "light", 1920, 1080})
	for _, path := range []string{"/", "/wall/city", "/wall/city?distance=8", "/wall/environment?distance=5"} {
		if err := chromedp.Do(b.ctx, chromedp.Navigate(c.url+path)); err != nil {
			t.Fatal(err)
		}
		over, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`(async () => { await document.fonts.ready; const r = document.documentElement; return Math.max(r.scrollHeight - r.clientHeight, r.scrollWidth - r.clientWidth) })()`, chromedp.EvalAwaitPromise))
		if err != nil || over > 0 {
			t.Errorf("%s: %d px beyond the screen (%v)", path, over, err)
		}
	}
}

// From the first page to a record behind a number it takes three actions, by
// keyboard, and the choice of ward and language is kept.
func TestTheKeyboardReachesAWardAndItsTable(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	c := newBoardCity(t)
	b := newTab(t, ctx, c.url)
	b.as(t, c, look{"en", "light", 1440, 900})
	if err := chromedp.Do(b.ctx, chromedp.Navigate(c.url+"/?period=week&lang=en")); err != nil {
		t.Fatal(err)
	}
	b.until(t, 10*time.Second, `document.documentElement.dataset.live === "on"`)
	b.keys(t, "t")
	b.until(t, 5*time.Second, `document.querySelector("details.tbl[open] table") !== null && document.activeElement.matches("summary")`)
	b.keys(t, "t")
	b.until(t, 5*time.Second, `document.querySelector("details.tbl[open]") === null`)
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.querySelector('.t-ranking svg a').focus(), true`)); err != nil {
		t.Fatal(err)
	}
	b.keys(t, "\r")
	b.until(t, 10*time.Second, `location.pathname === "/boards/ward" && /area=\d+/.test(location.search) && location.search.includes("period=week") && location.search.includes("lang=en")`)
	b.until(t, 10*time.Second, `[...document.querySelectorAll(".kpi")].every(a => a.href.includes("area="))`)
	for _, f := range b.take() {
		t.Error(f)
	}
}

// A wall says that its line is cut, keeps what it shows, and catches up. Eight
// tabs of boards share one stream.
func TestAWallSaysThatItsLineIsCut(t *testing.T) {
	ctx := browser(t)
	c := newBoardCity(t)
	var tabs []*tab
	for _, path := range []string{"/wall/city", "/", "/boards/ward", "/boards/health", "/boards/environment", "/boards/transport", "/boards/public-services", "/wall/environment"} {
		b := newTab(t, ctx, c.url)
		b.as(t, c, look{"vi", "dark", 1280, 720})
		if err := chromedp.Do(b.ctx, chromedp.Navigate(c.url+path)); err != nil {
			t.Fatal(err)
		}
		tabs = append(tabs, b)
	}
	for _, b := range tabs {
		b.until(t, 30*time.Second, `document.documentElement.dataset.live === "on"`)
	}
	if n := c.streams.Load(); n != 1 {
		t.Errorf("%d streams for eight tabs", n)
	}
	c.cut.Store(true)
	c.server.CloseClientConnections()
	for _, b := range []*tab{tabs[0], tabs[1]} {
		b.until(t, 9*time.Second, `document.documentElement.dataset.live === "lost"`)
	}
	tabs[0].until(t, 2*time.Second, `getComputedStyle(document.querySelector(".wall-lost")).display !== "none" && document.querySelector(".wall-alerts").textContent.includes("Kim Long")`)
	c.cut.Store(false)
	for _, b := range tabs {
		b.until(t, 30*time.Second, `document.documentElement.dataset.live === "on"`)
	}
}

// Somebody has a board open while it is changed in the editor: the page shows the
// new board by itself, without being loaded again. The editor stands in another
// browser, or in a tab before it, which listens for both until its form is sent.
func TestASavedBoardReachesOpenPages(t *testing.T) { // by itself: which window is in front matters
	c := newBoardCity(t)
	mine := browser(t)
	for name, theirs := range map[string]context.Context{"in another browser": browser(t), "in a tab before it": mine} {
		t.Run(name, func(t *testing.T) {
			open := func(profile context.Context, path string) *tab {
				b := newTab(t, profile, c.url)
				b.as(t, c, look{"vi", "light", 1440, 900})
				b.open(t, path)
				b.until(t, 30*time.Second, `document.documentElement.dataset.live === "on"`)
				return b
			}
			writes := open(theirs, "/boards/health/edit")
			reads := open(mine, "/boards/health")
			reads.run(t, `window.stays = true`)
			for _, title := range []string{"Y tế hôm nay " + name, "Y tế lần nữa " + name} {
				writes.run(t, `(() => { const box = document.querySelector("#board-text"); box.value = box.value.replace(/^title: .*$/m, "title: {vi: `+title+`, en: Health}"); window.sent = true; document.querySelector(".editor button.primary").click(); })()`)
				writes.until(t, 20*time.Second, `!window.sent && location.search.includes("saved=1") && document.readyState === "complete"`)
				begun := time.Now()
				if theirs == mine { // what stands behind is made up for when it is looked at
					if err := chromedp.Do(reads.ctx, call(page.BringToFront, cdp.Empty{})); err != nil {
						t.Fatal(err)
					}
				}
				reads.until(t, waitLong, `document.querySelector("#board h1").textContent === "`+title+`" && window.stays`)
				t.Logf("shown %v after the answer", time.Since(begun).Round(time.Millisecond))
			}
			reads.clean(t)
			writes.clean(t)
		})
	}
}
