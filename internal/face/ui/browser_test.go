package ui_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser starts one headless Chromium, or skips the test where there is none.
func browser(t *testing.T) context.Context { return browserWith(t) }

// browserWith is browser with further options.
func browserWith(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("the browser tests are left out with -short")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED: no chromium on this machine, so no page was looked at")
	}
	opts := append([]chromedp.ExecAllocatorOption{}, chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", true))
	opts = append(opts, more...)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// tab is one open page with what went wrong on it.
type tab struct {
	ctx    context.Context
	origin string
	mu     sync.Mutex
	faults []string
}

func newTab(t *testing.T, parent context.Context, origin string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(cancel)
	b := &tab{ctx: ctx, origin: origin}
	err := chromedp.Do(ctx, call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}), call(runtime.Enable, cdp.Empty{}))
	if err == nil {
		err = chromedp.Listen(ctx, b.hear)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// call makes an action of a protocol command.
func call[P, R any](cmd cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, cmd, params)
		return err
	})
}

func (b *tab) hear(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, b.origin) && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "blob:") && u != "about:blank" {
			b.add("a request to another origin: " + u)
		}
	case *runtime.EventExceptionThrown:
		b.add("exception: " + e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			b.add("console error: " + args(e.Args))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "the server responded with a status of 4") {
			b.add("log error: " + e.Entry.Text + " " + e.Entry.URL)
		}
	}
}

func args(list []*runtime.RemoteObject) string {
	var parts []string
	for _, a := range list {
		parts = append(parts, string(a.Value)+a.Description)
	}
	return strings.Join(parts, " ")
}

func (b *tab) add(s string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, s)
}

func (b *tab) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.faults
	b.faults = nil
	return list
}

// look is one way of looking at every page.
type look struct {
	lang, theme   string
	width, height int64
}

// pages are the addresses to visit; public ones are also seen without a token.
func (c *city) pages() map[string]string {
	list := map[string]string{
		"home": "/", "catalog": "/datasets", "catalog-search": "/datasets?q=luong+mua", "catalog-none": "/datasets?q=khongcogi", "catalog-system": "/datasets?system=1&sector=",
		"records": "/datasets/service-request", "records-filter": "/datasets/service-request?filter=" + url.QueryEscape("status = 'received' AND category = 'road'") + "&area=19753",
		"records-fault": "/datasets/service-request?filter=" + url.QueryEscape("status = = 'received'"), "records-none": "/datasets/service-request?filter=" + url.QueryEscape("code = 'x'"), "records-empty": "/datasets/hospital",
		"records-series": "/datasets/rain-reading?limit=20", "map": "/datasets/service-request/map", "site": "/map?layer=alert&layer=service-request&layer=rain-station&by=data:rain-reading&sel=alert/cb-1", "site-usual": "/map", "chart": "/datasets/rain-reading/chart", "chart-register": "/datasets/service-request/chart", "chart-empty": "/datasets/hospital-beds/chart",
		"quality": "/datasets/rain-reading/quality", "changes": "/datasets/service-request/changes", "sharing": "/datasets/service-request/sharing", "about": "/datasets/service-request/about",
		"record": "/datasets/service-request/records/PA-00001", "record-edit": "/datasets/service-request/records/PA-00002?edit=1", "record-missing": "/datasets/service-request/records/none",
		"quarantine": "/quarantine", "quarantine-one": "/quarantine/" + c.held, "quarantine-none": "/quarantine?state=dismissed", "log": "/log", "log-search": "/log?by=tu+dong&kind=other&agency=dkttv", "log-none": "/log?by=khongcogi", "sector": "/datasets?sector=environment", "commit": fmt.Sprintf("/log/%d", c.seq), "imports": "/imports", "enter": "/enter", "missing": "/no-such-page",
	}
	return list
}

// settled waits until a page shows what it is made for, with its letters, and
// tells how much wider than the window it is.
const settled = `(async () => {
	const wait = (ms) => new Promise((r) => setTimeout(r, ms));
	for (let i = 0; i < 400 && !document.querySelector("%s"); i++) await wait(50);
	await document.fonts.ready;
	return document.documentElement.scrollWidth - document.documentElement.clientWidth;
})()`

func TestPagesInABrowser(t *testing.T) {
	ctx := browser(t)
	c := newCity(t)
	c.alerts(t)
	axe, err := os.ReadFile("../../../web/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Log("SKIPPED PART: axe-core is not installed in web/node_modules, so accessibility was not checked")
	}
	looks := []look{{"vi", "light", 1440, 900}, {"en", "dark", 1440, 900}, {"vi", "dark", 390, 844}, {"en", "light", 390, 844}}
	if os.Getenv("HUONG_BROWSER") == "full" {
		looks = append(looks, look{"vi", "dark", 1440, 900}, look{"en", "light", 1440, 900}, look{"vi", "light", 390, 844}, look{"en", "dark", 390, 844}, look{"vi", "dark", 1920, 1080})
	}
	folder := os.Getenv("HUONG_SCREENSHOTS")
	only := os.Getenv("HUONG_PAGE")
	for _, l := range looks {
		name := fmt.Sprintf("%s-%s-%d", l.lang, l.theme, l.width)
		t.Run(name, func(t *testing.T) {
			b := newTab(t, ctx, c.url)
			set := func(name, val string) chromedp.Action[chromedp.Void] {
				return call(network.SetCookie, network.SetCookieParams{Name: name, Value: val, URL: c.url})
			}
			size := emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.width < 500}
			if err := chromedp.Do(b.ctx, call(emulation.SetDeviceMetricsOverride, size), set("lang", l.lang), set("theme", l.theme), set("huong", c.token)); err != nil {
				t.Fatal(err)
			}
			for key, path := range c.pages() {
				if only != "" && !strings.HasPrefix(key, only) {
					continue
				}
				t.Run(key, func(t *testing.T) { b.visit(t, c, l, key, path, string(axe), folder) })
			}
			if only == "" {
				if err := chromedp.Do(b.ctx, call(network.ClearBrowserCookies, cdp.Empty{}), set("lang", l.lang), set("theme", l.theme)); err != nil {
					t.Fatal(err)
				}
				for key, path := range map[string]string{"public-home": "/", "public-denied": "/quarantine", "public-sharing": "/datasets/service-request/sharing"} {
					t.Run(key, func(t *testing.T) { b.visit(t, c, l, key, path, string(axe), folder) })
				}
			}
		})
	}
}

func (b *tab) visit(t *testing.T, c *city, l look, key, path, axe, folder string) {
	t.Helper()
	b.take()
	ready := "main"
	switch key {
	case "map":
		ready = "[data-map-ready]"
	case "site", "site-usual":
		ready = "[data-marks-ready] [data-idle]"
	case "chart", "chart-register":
		ready = "[data-chart-ready]"
	}
	visiting, cancel := context.WithTimeout(b.ctx, 60*time.Second)
	defer cancel()
	err := chromedp.Do(visiting, chromedp.Navigate(c.url+path))
	wide := 0
	if err == nil {
		wide, err = chromedp.Run(visiting, chromedp.Evaluate[int](fmt.Sprintf(settled, ready), chromedp.EvalAwaitPromise))
	}
	if err != nil {
		t.Errorf("%s: %v %v", path, err, b.take())
		return
	}
	if wide > 0 {
		t.Errorf("%s: the page is %d px wider than the window", path, wide)
	}
	if axe != "" {
		run := axe + `;axe.run(document, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa"], resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + " :: " + n.failureSummary)}))))`
		report, err := chromedp.Run(visiting, chromedp.Evaluate[string](run, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Errorf("%s: axe: %v", path, err)
		}
		var violations []struct {
			ID, Help string
			Nodes    []string
		}
		if json.Unmarshal([]byte(report), &violations) == nil {
			for _, v := range violations {
				t.Errorf("%s: %s: %s\n\t%s", path, v.ID, v.Help, strings.Join(v.Nodes, "\n\t"))
			}
		}
	}
	for _, f := range b.take() {
		t.Errorf("%s: %s", path, f)
	}
	if folder == "" {
		return
	}
	png, err := chromedp.Run(visiting, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%s-%s-%d.png", key, l.lang, l.theme, l.width)), png, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}
