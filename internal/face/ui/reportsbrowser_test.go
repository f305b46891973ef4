package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A report between two persons: the officer fixes the figures and comments, the
// leader approves and issues; both take it with them as PDF and as a workbook. Who
// has no part in it does not learn that it exists.
func TestAReportInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	x := newCentre(t)
	home, err := url.Parse(x.url)
	if err != nil {
		t.Fatal(err)
	}
	s := &story{newTab(t, ctx, x.url), t, x.city, home}

	s.as(x.officer)
	s.open(t, "/reports")
	s.sound("no reports yet")
	s.follow("a[href='/reports/new?name=city-day']", "/reports/new")
	s.says("Số liệu đang chạy", "Mực nước sông Hương tại Kim Long")
	s.sound("a report before it is made")
	s.run(t, `window.sent = true; document.querySelector("#report-life form[action^='/reports/new'] button.primary").click()`)
	s.until(t, waitLong, `!window.sent && location.pathname.startsWith("/reports/city-day") && document.readyState === "complete"`)
	at := s.text("location.pathname")
	s.says("Đã chốt số liệu")
	s.sound("report to comment")
	const comment = "form:has([value=comment]) button"
	s.send(at, comment, map[string]string{"answer-proposal": "Chưa có."})
	s.until(t, waitLong, `!!document.querySelector("#answer-assessment[aria-invalid=true]") && document.querySelector("#answer-proposal").value === "Chưa có."`)
	s.axe(t, "a comment that lacks the assessment")
	s.send(at, comment, map[string]string{"answer-assessment": "Mưa to ở thượng nguồn; trực ban 24/24."})
	s.says("Chờ duyệt", "Mưa to ở thượng nguồn; trực ban 24/24.")
	s.until(t, waitLong, `!document.querySelector("[name=do][value=approve]")`)
	s.sound("report commented")

	s.as(x.leader)
	s.open(t, "/reports?state=commented")
	s.follow("main tbody a", at)
	s.sound("report to approve")
	s.send(at, "form:has([value=approve]) button", nil)
	s.says("Đã duyệt", "minh.leader")
	s.sound("report approved")
	s.send(at, "form:has([value=issue]) button", nil)
	s.says("Đã ban hành", "BC-VP")
	s.sound("report issued")

	// What is taken along is what the links promise.
	for format, want := range map[string]struct{ media, begins string }{
		"pdf":  {"application/pdf", "%PDF-"},
		"xlsx": {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "PK"},
	} {
		got, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](`(async () => {
			const a = document.querySelector("a[download][href$='format=`+format+`']");
			const r = await fetch(a.href);
			return [r.status, r.headers.get("content-type"), r.headers.get("content-disposition"), (await r.text()).slice(0, 5)].join("|");
		})()`, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(got, "200|"+want.media+"|attachment; filename=\""+strings.TrimPrefix(at, "/reports/")) || !strings.Contains(got, "|"+want.begins) {
			t.Errorf("%s: %q", format, got)
		}
	}

	s.as(x.officer)
	s.open(t, at)
	s.says("Đã ban hành")
	s.until(t, waitLong, `!document.querySelector("#report-life form")`)

	s.as(x.stranger)
	for _, path := range []string{at, at + "/file?format=pdf", at + "/file?format=xlsx"} {
		if got := s.status(path); got != http.StatusNotFound {
			t.Errorf("%s for who has no part in it: %d", path, got)
		}
	}
	s.open(t, "/reports")
	s.says("Chưa có báo cáo")
	if body := s.text("document.body.innerHTML"); strings.Contains(body, at) {
		t.Error("the list names a report that is closed")
	}
	s.open(t, at)
	s.sound("a report that is closed")
	s.take() // the browser itself tells of the pages that are not there
	s.clean(t)
}
