package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/demo"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/alert"
	"huong.city/huong/internal/service/incident"
)

// call makes an action of a protocol command.
func call[P, R any](cmd cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, cmd, params)
		return err
	})
}

// screen is one page of a browser.
type screen struct {
	*testing.T
	ctx context.Context
	url string
	axe string
}

func newScreen(t *testing.T, url string) *screen {
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED: no chromium on this machine, so the flood was not looked at")
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-background-networking", true), chromedp.Flag("hide-scrollbars", true))
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(cancel)
	s := &screen{T: t, ctx: ctx, url: url}
	if b, err := os.ReadFile("../../web/node_modules/axe-core/axe.min.js"); err == nil {
		s.axe = string(b)
	} else {
		t.Log("SKIPPED PART: axe-core is not installed in web/node_modules, so accessibility was not checked")
	}
	set := func(name, val string) chromedp.Action[chromedp.Void] {
		return call(network.SetCookie, network.SetCookieParams{Name: name, Value: val, URL: url})
	}
	s.do(call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 1440, Height: 900, DeviceScaleFactor: 1}),
		set("lang", "vi"), set("theme", "light"), set("huong", "tuan.ho"))
	return s
}

func (s *screen) do(actions ...chromedp.Action[chromedp.Void]) {
	s.Helper()
	if err := chromedp.Do(s.ctx, actions...); err != nil {
		s.Fatal(err)
	}
}

// until waits until a condition of the page holds.
func (s *screen) until(condition string) {
	s.Helper()
	var err error
	for range 300 {
		var ok bool
		ok, err = chromedp.Run(s.ctx, chromedp.Evaluate[bool](`new Promise((r) => setTimeout(() => r(Boolean(`+condition+`)), 100))`, chromedp.EvalAwaitPromise))
		if err == nil && ok { // an error may only say that the page is being left
			return
		}
	}
	text, _ := chromedp.Run(s.ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText.slice(0, 1500)`))
	s.Fatalf("never: %s (%v)\n%s", condition, err, text)
}

// look opens a page, holds it against axe, and keeps its picture where
// HUONG_SCREENSHOTS names a folder.
func (s *screen) look(path, name string) {
	s.Helper()
	s.do(chromedp.Navigate(s.url + path))
	s.until(`document.querySelector("main") && document.fonts.status === "loaded"`)
	if s.axe != "" {
		run := s.axe + `;axe.run(document, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa"], resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " " + n.failureSummary).join("; "))))`
		text, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](run, chromedp.EvalAwaitPromise))
		var faults []string
		if err != nil || json.Unmarshal([]byte(text), &faults) != nil {
			s.Errorf("%s: axe: %v", path, err)
		}
		for _, f := range faults {
			s.Errorf("%s: %s", path, f)
		}
	}
	folder := os.Getenv("HUONG_SCREENSHOTS")
	if folder == "" || name == "" {
		return
	}
	png, err := chromedp.Run(s.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644)
	}
	if err != nil {
		s.Error(err)
	}
}

// An operator in the flood: the stage on the first page, an alert that waits, the
// incident, and the report on it. The city has lived until the hour when the Hương
// passes alarm level 3, and goes on at sixty times the speed.
func TestTheFloodInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("the browser tests are left out with -short")
	}
	c := newFloodCity(t, at(27, 2))
	waits := func() *alert.Line {
		for _, l := range c.lines() {
			if strings.Contains(l.TitleVi, "Kim Long") && l.State == alert.Raised && l.Severity == core.High && l.Incident != "" {
				return &l
			}
		}
		return nil
	}
	for c.now.Before(at(27, 16)) && waits() == nil {
		c.now = c.now.Add(floodStep)
		c.must(c.feeds.Step(t.Context(), c.now))
		c.follow(0)
		if waits() == nil {
			c.clocks()
		}
	}
	line := waits()
	if line == nil {
		t.Fatal("no river passed alarm level 3")
	}
	clock := demo.NewClock(time.Now, c.now, 60)
	r, err := Where{Data: c.dir, Zone: "Asia/Ho_Chi_Minh"}.OpenAt(t.Context(), slog.New(slog.DiscardHandler), clock.Now)
	c.must(err)
	stopping, stop := context.WithCancel(context.Background())
	defer func() {
		stop()
		r.Close(context.Background())
	}()
	accounts, err := Accounts(r, slog.New(slog.DiscardHandler), nil)
	c.must(err)
	mux, err := faces(r, ServeOptions{Accounts: accounts, Log: slog.New(slog.DiscardHandler), Version: "test", Now: clock.Now, authenticate: func(_ context.Context, token string) (repo.Principal, error) {
		if token != "tuan.ho" {
			return repo.Principal{}, problem.New(problem.Unauthenticated, "unauthenticated")
		}
		return repo.Principal{Name: token, Agency: "hueioc", Roles: []string{"operator"}, Areas: []string{"46"}}, nil
	}}, stopping)
	c.must(err)
	for behind := int64(1); behind > 0; time.Sleep(50 * time.Millisecond) { // figures, alerts: they read what the city has lived through
		status, err := r.Status(t.Context())
		c.must(err)
		behind = 0
		for _, f := range status.Followers {
			behind = max(behind, f.Lag)
		}
	}
	server := httptest.NewServer(mux)
	defer server.Close()
	defer server.CloseClientConnections()
	s := newScreen(t, server.URL)

	s.look("/", "flood-overview")
	s.until(`/st[2-4]/.test(document.querySelector(".stage").className)`)
	if took, err := chromedp.Run(s.ctx, chromedp.Evaluate[float64](`performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd`)); err == nil {
		t.Logf("the first page is usable after %.0f ms", took)
	}
	s.look("/alerts", "flood-alerts")
	form := fmt.Sprintf(`form[action="/alerts/%s"] [data-acknowledge]`, line.ID)
	s.until(fmt.Sprintf(`document.querySelector(%q)`, form))
	s.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector(%q).click()`, form)))
	s.until(fmt.Sprintf(`!document.querySelector(%q)`, form))
	got, err := c.engine.Get(t.Context(), repo.Internal(), line.ID)
	if err != nil || got.State != alert.Acknowledged || got.AcknowledgedBy != "tuan.ho" {
		t.Errorf("after the button: %v %s %v", &got, got.AcknowledgedBy, err)
	}
	s.look("/incidents/"+line.Incident, "flood-incident")
	s.until(`document.querySelector("main").innerText.includes("báo động")`)

	// It is handled, and the report tells it.
	who := repo.Principal{Name: "tuan.ho", Agency: "hueioc", Roles: []string{"operator"}, Areas: []string{"46"}}
	x, err := c.desk.Get(t.Context(), who, line.Incident)
	c.must(err)
	for _, a := range []incident.Act{
		{Do: "acknowledge"}, {Do: "assign", Fields: map[string]string{"agency": "pctt", "note": "Chủ trì ứng phó"}},
		{Do: incident.DoDecision, Fields: map[string]string{"text": "Cho học sinh nghỉ học đến khi nước rút"}},
	} {
		if a.Do != incident.DoDecision {
			a.Version = x.Version
		}
		x, err = c.desk.Act(t.Context(), who, line.Incident, a)
		c.must(err)
	}
	s.look("/incidents/"+line.Incident+"/review", "flood-report")
	review, err := c.desk.Review(t.Context(), who, line.Incident)
	c.must(err)
	text, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](`document.querySelector("main").innerText`))
	c.must(err)
	if len(review.Extremes) == 0 || !strings.Contains(text, review.Extremes[0].TitleVi) || !strings.Contains(text, "Cho học sinh nghỉ học") {
		t.Errorf("the report tells neither %v nor what was decided:\n%s", review.Extremes, text)
	}
}
