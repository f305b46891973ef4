package ui_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// The first page is for slow networks too: what a browser with an empty cache
// fetches to show it stays below these sizes, in bytes as they cross the wire.
const (
	mostBytes  = 200 << 10
	mostScript = 60 << 10
)

func TestTheFirstPageIsLight(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	c := newCity(t)
	for _, lang := range []string{"vi", "en"} {
		b := newTab(t, ctx, c.url)
		if err := chromedp.Do(b.ctx, call(network.ClearBrowserCache, cdp.Empty{}), chromedp.Navigate(c.url+"/?lang="+lang)); err != nil {
			t.Fatal(err)
		}
		b.until(t, 20*time.Second, `document.documentElement.dataset.live === "on" && document.fonts.status === "loaded"`)
		text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`JSON.stringify([...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map((e) => ({name: new URL(e.name).pathname, bytes: e.transferSize})))`))
		if err != nil {
			t.Fatal(err)
		}
		var parts []struct {
			Name  string
			Bytes int
		}
		if err := json.Unmarshal([]byte(text), &parts); err != nil {
			t.Fatal(err)
		}
		all, script, fonts, seen := 0, 0, 0, 0
		for _, p := range parts {
			if p.Name == "/live" {
				continue
			}
			seen++
			all += p.Bytes
			switch {
			case strings.HasSuffix(p.Name, ".js"):
				script += p.Bytes
			case strings.HasSuffix(p.Name, ".woff2"):
				fonts += p.Bytes
			}
		}
		t.Logf("%s: %d bytes in %d files, of it %d of script and %d of letters", lang, all, seen, script, fonts)
		if all > mostBytes || script > mostScript || script == 0 {
			t.Errorf("%s: %d bytes, of it %d of script: %s", lang, all, script, text)
		}
	}
}
