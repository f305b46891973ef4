package ui_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium finds the browser, or skips the test where there is none.
func chromium(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("the browser tests are left out with -short")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED: no chromium on this machine, so no page was looked at")
	}
	return path
}

// startChromium starts a headless Chromium with further options.
func startChromium(path, folder string, more ...chromedp.ExecAllocatorOption) (context.Context, context.CancelFunc) {
	opts := append([]chromedp.ExecAllocatorOption{}, chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.UserDataDir(folder),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("hide-scrollbars", true))
	ctx, end := chromedp.NewExecAllocator(context.Background(), append(opts, more...)...)
	ctx, leave := chromedp.NewContext(ctx)
	return ctx, func() { leave(); end() }
}

// browserWith is a Chromium of the test's own, with further options.
func browserWith(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	ctx, end := startChromium(chromium(t), t.TempDir(), more...)
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// waitLong bounds what a test waits for on a busy machine.
const waitLong = 20 * time.Second

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

// ready is what stands in a page that script completes.
func ready(page string) string {
	switch page {
	case "map":
		return "[data-map-ready]"
	case "site", "site-usual":
		return "[data-marks-ready] [data-idle]"
	case "chart", "chart-register":
		return "[data-chart-ready]"
	}
	return ""
}

// asPages makes a table of pages for one reader.
func asPages(who *reader, paths map[string]string) (list []pageOf) {
	for name, path := range paths {
		list = append(list, pageOf{name, path, who, ready(name), ""})
	}
	slices.SortFunc(list, func(a, b pageOf) int { return strings.Compare(a.name, b.name) })
	return list
}

func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	c.alerts(t)
	pages := asPages(c.engineer(t), c.pages())
	c.see(t, append(pages, asPages(c.reader(t), map[string]string{"public-home": "/", "public-denied": "/quarantine", "public-sharing": "/datasets/service-request/sharing"})...), nil)
}

// engineer is a reader by the city's token.
func (c *city) engineer(t testing.TB) *reader {
	t.Helper()
	r := c.reader(t)
	home, err := url.Parse(c.url)
	if err != nil {
		t.Fatal(err)
	}
	r.http.Jar.SetCookies(home, []*http.Cookie{{Name: "huong", Value: c.token, Path: "/"}})
	return r
}
