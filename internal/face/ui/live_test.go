package ui_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// until waits until a condition of the page holds.
func (b *tab) until(t *testing.T, within time.Duration, condition string) {
	t.Helper()
	var last error
	begin := time.Now()
	for time.Since(begin) < within {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`new Promise(r => setTimeout(() => r(`+condition+`), 50))`, chromedp.EvalAwaitPromise))
		if b.ctx.Err() != nil {
			t.Fatal(err)
		}
		if err == nil && ok { // an error may only say that the page is being left
			return
		}
		last = err
	}
	state, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`[location.href, document.visibilityState, "live " + document.documentElement.dataset.live, ...performance.getEntriesByType("resource").slice(-3).map((e) => e.name)].join(" ")`))
	t.Fatalf("not within %v: %s (%v) at %s", within, condition, last, state)
}

// keys presses keys. One that leaves the page may find it gone at its release.
func (b *tab) keys(t *testing.T, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if err := chromedp.Do(b.ctx, chromedp.KeyEvent(k)); err != nil && (k != "\r" || !strings.Contains(err.Error(), "navigated")) {
			t.Fatalf("%q: %v", k, err)
		}
	}
}

func TestManyTabsShareOneStream(t *testing.T) {
	ctx := browser(t)
	c := newCity(t)
	var tabs []*tab
	for range 8 {
		b := newTab(t, ctx, c.url)
		if err := chromedp.Do(b.ctx, chromedp.Navigate(c.url+"/")); err != nil {
			t.Fatal(err)
		}
		tabs = append(tabs, b)
	}
	for _, b := range tabs {
		b.until(t, 20*time.Second, `document.documentElement.dataset.live === "on"`)
	}
	if n := c.streams.Load(); n != 1 {
		t.Errorf("%d streams for eight tabs", n)
	}
	c.put(t, "sector", "một lĩnh vực mới", []map[string]string{{"code": "other", "title": "Khác", "order": "9"}})
	head, err := c.repo.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := string(rune('0'+head.Seq/10)) + string(rune('0'+head.Seq%10))
	for _, b := range []*tab{tabs[0], tabs[7]} {
		b.until(t, 10*time.Second, `document.querySelector('.state [data-live-value="head"]').textContent === "`+want+`"`)
	}
	tabs[7].until(t, 10*time.Second, `document.hidden || document.getElementById("feed").textContent.includes("một lĩnh vực mới")`)
	// Severed, it says so within 5 s of the last sign of life on every tab; the
	// page's own clock measures from the moment that it is cut.
	watch := `(() => { window.cutAt = performance.now(); window.lostAt = 0; new MutationObserver(() => { if (document.documentElement.dataset.live === "lost" && !window.lostAt) window.lostAt = performance.now(); }).observe(document.documentElement, { attributes: true }); return true; })()`
	for _, b := range []*tab{tabs[0], tabs[7]} {
		if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](watch)); err != nil {
			t.Fatal(err)
		}
	}
	c.cut.Store(true)
	c.server.CloseClientConnections()
	c.put(t, "sector", "nói khi đứt", []map[string]string{{"code": "other2", "title": "Khác nữa", "order": "10"}})
	for _, b := range []*tab{tabs[0], tabs[7]} { // the one that listens and the one that is seen
		b.until(t, 20*time.Second, `window.lostAt > 0 && getComputedStyle(document.querySelector(".lost")).display !== "none"`)
		took, err := chromedp.Run(b.ctx, chromedp.Evaluate[float64](`window.lostAt - window.cutAt`))
		if err != nil || took > 9000 {
			t.Errorf("the page says so after %v ms: %v", took, err)
		}
		t.Logf("severed, shown after %.0f ms", took)
		b.until(t, 5*time.Second, `[...document.querySelectorAll(".state [data-live-value]")].every((e) => getComputedStyle(e).textDecorationStyle === "dotted")`)
	}
	c.put(t, "sector", "lần hai khi đứt", []map[string]string{{"code": "other3", "title": "Khác nữa", "order": "11"}})
	if head, err = c.repo.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.cut.Store(false)
	for _, b := range tabs {
		b.until(t, 30*time.Second, fmt.Sprintf(`document.documentElement.dataset.live === "on" && document.querySelector('.state [data-live-value="head"]').textContent.replace(/[^0-9]/g, "") === "%d"`, head.Seq))
	}
	// What happened while it was cut is on the page, with nothing left out.
	tabs[7].until(t, 20*time.Second, `document.hidden || ["nói khi đứt", "lần hai khi đứt"].every((s) => document.getElementById("feed").textContent.includes(s))`)
}

func TestTheKeyboardMovesThroughRecords(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	c := newCity(t)
	b := newTab(t, ctx, c.url)
	err := chromedp.Do(b.ctx, chromedp.Navigate(c.url+"/datasets/service-request"), chromedp.WaitReady(chromedp.CSS("[data-rows] tr")))
	if err == nil {
		b.until(t, 20*time.Second, `document.documentElement.dataset.live === "on"`) // the script runs
		err = chromedp.Do(b.ctx, chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("k"), chromedp.KeyEvent("j"))
	}
	if err != nil {
		t.Fatal(err)
	}
	b.until(t, 5*time.Second, `document.activeElement.dataset.href?.endsWith("PA-00002")`)
	if err := chromedp.Do(b.ctx, chromedp.KeyEvent("/")); err != nil {
		t.Fatal(err)
	}
	b.until(t, 5*time.Second, `document.activeElement.id === "filter"`)
	if err := chromedp.Do(b.ctx, chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`), chromedp.KeyEvent("j")); err != nil {
		t.Fatal(err)
	}
	b.keys(t, "\r")
	b.until(t, 10*time.Second, `location.pathname.endsWith("/records/PA-00001")`)
	for _, f := range b.take() {
		t.Error(f)
	}
}

func TestSigningInByTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	c := newCity(t)
	b := newTab(t, ctx, c.url)
	if err := chromedp.Do(b.ctx, chromedp.Navigate(c.url+"/quarantine")); err != nil {
		t.Fatal(err)
	}
	b.keys(t, "\t")
	b.until(t, 5*time.Second, `document.activeElement.classList.contains("skip")`)
	to := func(condition string) {
		t.Helper()
		for range 40 {
			if at, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](condition)); err == nil && at {
				return
			}
			b.keys(t, "\t")
		}
		t.Fatalf("the keyboard never comes to %s", condition)
	}
	to(`document.activeElement.matches("main a.primary")`)
	b.keys(t, "\r")
	b.until(t, 10*time.Second, `location.pathname === "/enter" && document.getElementById("token") !== null`)
	to(`document.activeElement.id === "token"`)
	for _, r := range c.token {
		b.keys(t, string(r))
	}
	b.keys(t, "\r")
	b.until(t, 10*time.Second, `location.pathname === "/quarantine" && document.querySelector("[data-rows] tr") !== null`)
	for _, f := range b.take() {
		t.Error(f)
	}
}
