package ui_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/ingest"
)

// intake brings a file of rain in as the command line does.
func (c *city) intake(t *testing.T, lines ...string) ingest.Summary {
	t.Helper()
	text := "MaTram,ThoiGian,LuongMua,SoPhut\n" + strings.Join(lines, "\n") + "\n"
	file := ingest.File{Name: "mua.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
	e, err := c.repo.Entry(repo.Operator(), "rain-reading")
	if err != nil {
		t.Fatal(err)
	}
	s, err := ingest.Run(t.Context(), c.repo, repo.Operator(), ingest.Job{Dataset: "rain-reading", Files: []ingest.File{file}, Source: "upload", Mapping: &e.Dataset.Sources[0].Mapping})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// heldIDs lists the waiting rows of a file.
func (c *city) heldIDs(t *testing.T, file string) []string {
	t.Helper()
	var ids []string
	_, err := c.repo.Read(t.Context(), repo.Operator(), repo.Query{Dataset: repo.SystemQuarantine, Limit: 1000}, func(r repo.Record) error {
		text := func(name string) string {
			i, _, _, _ := r.Entry.Table.Property(name)
			if r.Values[i].Kind() != value.Text {
				return ""
			}
			return strings.Clone(r.Values[i].Text())
		}
		if text("file") == file && text("state") == "open" {
			ids = append(ids, text("id"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// steward opens a tab that is signed in.
func (c *city) steward(t *testing.T, ctx context.Context) *tab {
	t.Helper()
	b := newTab(t, ctx, c.url)
	if err := chromedp.Do(b.ctx, call(network.SetCookie, network.SetCookieParams{Name: "huong", Value: c.token, URL: c.url})); err != nil {
		t.Fatal(err)
	}
	return b
}

// A row that came in with a word for a number is put right by the keyboard
// alone: still wrong at first, then right, then a record.
func TestARowIsCorrectedAndReplayedByTheKeyboard(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	c := newCity(t)
	day := c.now.Add(-96 * time.Hour).Format("02/01/2006")
	if s := c.intake(t, "mua-01,"+day+" 10:00,1.5,10", "mua-01,"+day+" 10:10,nhiều,10"); s.Accepted != 1 || s.Quarantined != 1 {
		t.Fatalf("accepted %d, quarantined %d", s.Accepted, s.Quarantined)
	}
	id := c.heldIDs(t, "mua.csv")[0]
	b := c.steward(t, ctx)
	if err := chromedp.Do(b.ctx, chromedp.Navigate(c.url+"/quarantine?file=mua.csv"), chromedp.WaitReady(chromedp.CSS("[data-rows] tr"))); err != nil {
		t.Fatal(err)
	}
	b.until(t, 20*time.Second, `document.documentElement.dataset.live === "on"`)
	b.keys(t, "j", "\r")
	b.until(t, 10*time.Second, `location.pathname === "/quarantine/`+id+`"`)
	b.until(t, 10*time.Second, `document.querySelector('[name="c.LuongMua"]')?.getAttribute("aria-invalid") === "true" && document.querySelector(".cell.bad .fault") !== null`)
	write := func(text string) {
		b.until(t, 5*time.Second, `(() => { const i = document.querySelector('[name="c.LuongMua"]'); i.focus(); i.select(); return document.activeElement === i })()`)
		for _, r := range text {
			b.keys(t, string(r))
		}
		b.keys(t, "\r")
	}
	write("700")
	b.until(t, 10*time.Second, `location.search === "?outcome=open" && document.querySelector(".note.warn [role=status], .note.warn[role=status]") !== null && document.querySelector('[name="c.LuongMua"]').value === "700" && document.querySelector(".cell.bad .fault").textContent.includes("500")`)
	write("2.5")
	b.until(t, 10*time.Second, `location.search === "?outcome=replayed" && document.querySelector(".note.good[role=status]") !== null && document.querySelector('[name="c.LuongMua"]').readOnly`)
	for _, f := range b.take() {
		t.Error(f)
	}
	when, err := time.ParseInLocation("02/01/2006 15:04", day+" 10:10", c.repo.Zone())
	if err != nil {
		t.Fatal(err)
	}
	rec, err := c.repo.Get(t.Context(), repo.Operator(), "rain-reading", []value.Value{value.OfText("mua-01"), value.OfInstant(when)}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if i, _, _, _ := rec.Entry.Table.Property("rain"); fmt.Sprint(rec.Values[i].Number()) != "2.5 true" {
		t.Errorf("the record holds %v", rec.Values[i])
	}
}

var runText = regexp.MustCompile(`<p role="status" class="num">([^<]*)`)

// A replay of many rows goes on after its request is answered, tells how far it
// is, can be stopped, and goes on with what is left.
func TestReplayingAllGoesOnBehindThePage(t *testing.T) {
	c := newCity(t)
	day := c.now.Add(-96 * time.Hour).Format("02/01/2006")
	var lines []string
	for i := range 12 {
		lines = append(lines, fmt.Sprintf("mua-99,%s %02d:00,1.5,10", day, i))
	}
	if s := c.intake(t, lines...); s.Quarantined != 12 {
		t.Fatalf("quarantined %d", s.Quarantined)
	}
	c.put(t, "rain-station", "trạm mới", []map[string]string{{"code": "mua-99", "name": "Trạm mưa mới", "location": "107.58,16.46"}})
	c.repairs.gate = make(chan struct{})
	form := url.Values{"dataset": {"rain-reading"}, "rule": {"reference-missing"}}
	begin := func() {
		t.Helper()
		if status, to, body := c.post(t, "/quarantine", form); status != http.StatusSeeOther || to != "/quarantine#runs" {
			t.Fatalf("%d %s %s", status, to, body)
		}
	}
	told := func(want string) string {
		t.Helper()
		_, body := c.get(t, "/quarantine?fragment=runs", c.token)
		for begin := time.Now(); !strings.Contains(body, want); {
			if time.Since(begin) > 20*time.Second {
				t.Fatalf("never told %q: %v", want, runText.FindAllStringSubmatch(body, -1))
			}
			_, body = c.get(t, "/quarantine?fragment=runs", c.token)
		}
		return body
	}
	begin()
	told("đã thử 1 trên 12 dòng")
	begin() // the same again is the same run
	c.repairs.gate <- struct{}{}
	body := told("đã thử 2 trên 12 dòng")
	if n := strings.Count(body, `name="stop"`); n != 1 {
		t.Fatalf("%d runs are at work", n)
	}
	if _, body := c.get(t, "/quarantine", ""); strings.Contains(body, "mua-99") || strings.Contains(body, `id="runs"`) {
		t.Error("the public is shown a run")
	}
	stop := regexp.MustCompile(`name="stop" value="(\d+)"`).FindStringSubmatch(body)[1]
	if status, _, _ := c.post(t, "/quarantine", url.Values{"stop": {stop}}); status != http.StatusSeeOther {
		t.Fatal(status)
	}
	told("Đã dừng sau 2 trên 12 dòng: 2 thành bản ghi")
	if n := len(c.heldIDs(t, "mua.csv")); n != 10 {
		t.Fatalf("%d rows wait after the stop", n)
	}
	close(c.repairs.gate)
	begin()
	told("Đã nạp lại: 10 dòng thành bản ghi, 0 dòng vẫn cách ly")
	if n := len(c.heldIDs(t, "mua.csv")); n != 0 {
		t.Errorf("%d rows wait at the end", n)
	}
}
