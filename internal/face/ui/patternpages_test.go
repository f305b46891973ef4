package ui_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"huong.city/huong/internal/service/pattern"
	"huong.city/huong/internal/service/request"
)

// learns is a city with closed reports that were sent from one neighbourhood more than
// from others, one default point, and a model that was trained on them.
func learns(t *testing.T) *city {
	t.Helper()
	c := takesReports(t)
	learner := request.NewLearner(c.repo, nil)
	patterns := pattern.New(pattern.Config{Zone: c.repo.Zone(), Now: c.repo.Now,
		Group: func(category string) (string, bool) { return map[string]string{"lighting": "traffic"}[category], false },
		Area: func(ctx context.Context, lon, lat float64) (string, bool) {
			code, ok, err := c.repo.AreaAt(ctx, lon, lat)
			return code, ok && err == nil
		}})
	c.repo.Follow(learner)
	c.repo.Follow(patterns)
	words := map[string][2]string{"lighting": {"đèn đường không sáng", "cột đèn bị tắt cả tuần"}, "encroachment": {"bàn ghế kín vỉa hè", "lấn chiếm lối đi bộ"}}
	random := rand.New(rand.NewPCG(21, 22))
	var list []request.Past
	add := func(category string, lon, lat float64) {
		opened := c.repo.Now().Add(-time.Duration(48+random.IntN(80*24)) * time.Hour)
		w := words[category]
		list = append(list, request.Past{Submission: request.Submission{Category: category, Text: fmt.Sprintf("%s, %s, số %d", w[random.IntN(2)], w[random.IntN(2)], random.IntN(300)),
			Longitude: &lon, Latitude: &lat, ExternalID: fmt.Sprint("p", len(list)), At: opened}, DueAt: opened.Add(90 * time.Hour), Published: true, Status: "closed",
			Outcome: []string{"fixed", "fixed", "cannot-verify"}[random.IntN(3)], Answer: "Đã xử lý", AnsweredAt: opened.Add(time.Duration(1+random.IntN(100)) * time.Hour), ClosedAt: opened.Add(101 * time.Hour), Rating: int64(random.IntN(6))})
	}
	for range 300 {
		add("encroachment", 107.56+0.05*random.Float64(), 16.44+0.04*random.Float64())
	}
	for range 60 {
		add("lighting", 107.595+0.001*random.Float64(), 16.462+0.001*random.Float64())
	}
	for range 70 {
		add("encroachment", 107.57, 16.45)
	}
	done, err := c.deskOfReports.Import(t.Context(), atDesk, list)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range done {
		if d.Err != nil {
			t.Fatal(d.Err)
		}
	}
	for {
		s, err := c.repo.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		lag := int64(0)
		for _, f := range s.Followers {
			lag = max(lag, f.Lag)
		}
		if lag == 0 && len(s.Followers) >= 3 {
			break
		}
		if _, err := c.repo.Wait(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := learner.Teach(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.patterns, c.learned = patterns, learner.Learned
	c.deskOfReports = request.New(request.Config{Repo: c.repo, Random: seeded{random}, Files: streetBook{c.attachments()}, Suggest: learner.Suggest, Habits: learner.Habits})
	c.serveWith(t, nil)
	return c
}

type seeded struct{ *rand.Rand }

func (s seeded) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(s.Uint32())
	}
	return len(b), nil
}

// The page names the hot spot, sets the default point aside and says so; the filters
// hold; its marks are those of the list.
func TestPatternsPage(t *testing.T) {
	t.Parallel()
	c := learns(t)
	who := c.reader(t)
	status, body := who.get("/street/patterns?lang=vi")
	if status != 200 || !strings.Contains(body, `id="spot-1"`) || !strings.Contains(body, "Chiếu sáng") || !strings.Contains(body, "70 phản ánh đúng một điểm") {
		t.Errorf("%d %s", status, body)
	}
	for _, query := range []string{"?period=365d&group=no-such&area=x", "?period=2199", "?area=19789", "?lang=en"} {
		if status, _ := who.get("/street/patterns" + query); status != 200 {
			t.Errorf("%s: %d", query, status)
		}
	}
	status, body = who.get("/street/patterns/points.json")
	var marks struct {
		Features []struct{ Properties struct{ K, T string } }
	}
	if err := json.Unmarshal([]byte(body), &marks); err != nil || status != 200 || len(marks.Features) == 0 || marks.Features[0].Properties.K != "spot-1" {
		t.Errorf("marks: %d %v %s", status, err, body)
	}
	_, body = who.get("/street/stats?lang=en&by=area")
	for _, want := range []string{"What came of them", "Median time", "were rated", "Right at first", "/datasets/service-request", "/street/patterns"} {
		if !strings.Contains(body, want) {
			t.Errorf("the figures lack %q", want)
		}
	}
}

// A browser without a script asks for a category and takes it, or sends as it is.
func TestSuggestionWithoutAScript(t *testing.T) {
	t.Parallel()
	c := learns(t)
	who := c.reader(t)
	_, body := who.get("/report?lang=en")
	key := formKey.FindStringSubmatch(body)[1]
	text := "Cột đèn bị tắt cả tuần, đèn đường không sáng"
	_, _, body = who.post("/report/suggest", "key", key, "text", text, "ask", "category")
	if !strings.Contains(body, `name="take" value="lighting"`) || !strings.Contains(body, text) {
		t.Errorf("nothing is suggested: %s", body)
	}
	if strings.Contains(body, `value="lighting" required checked`) {
		t.Error("it was decided already")
	}
	_, _, body = who.post("/report/suggest", "key", key, "text", text, "take", "lighting")
	if !strings.Contains(body, `value="lighting" required checked`) {
		t.Error("it was not taken")
	}
	if _, _, body = who.post("/report/suggest", "key", key, "text", text, "ask", "category", "category", "lighting"); strings.Contains(body, `name="take"`) {
		t.Error("what is chosen is suggested")
	}
}

// With a script the suggestion comes while one writes, is never taken by itself, and
// is by the click.
func TestSuggestionInABrowser(t *testing.T) {
	ctx := browserWith(t)
	c := learns(t)
	b := newTab(t, ctx, c.url)
	if err := chromedp.Do(b.ctx, call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 1, Mobile: true})); err != nil {
		t.Fatal(err)
	}
	b.goes(t, c.url+"/report?lang=vi")
	b.until(t, 2*waitLong, `!!document.querySelector("form[data-ready]")`)
	b.js(t, `(() => { const e = document.querySelector("#text"); e.value = "Cột đèn bị tắt cả tuần, đèn đường không sáng"; e.dispatchEvent(new Event("input", { bubbles: true })); })()`)
	b.until(t, 2*waitLong, `!!document.querySelector("[data-suggest] [data-take=lighting]")`)
	b.js(t, `if (document.querySelector("[name=category]:checked")) throw new Error("it decided alone")`)
	b.js(t, `document.querySelector("[data-take]").click()`)
	b.until(t, waitLong, `document.querySelector("[name=category]:checked")?.value === "lighting" && !document.querySelector("[data-take]") && !document.querySelector("[data-chosen]").hidden`)
	for _, f := range b.take() {
		t.Error(f)
	}
}

// The pages of figures are fit for a phone by day and a desk by night.
func TestTheLooksOfPatterns(t *testing.T) {
	t.Parallel()
	c := learns(t)
	anybody := c.reader(t)
	c.see(t, []pageOf{{"patterns", "/street/patterns", anybody, ".mapbox[data-map-ready]", ""}, {"patterns how", "/street/patterns?period=365d", anybody, ".mapbox[data-map-ready]", `for (const d of document.querySelectorAll("details")) d.open = true`},
		{"figures learned", "/street/stats?by=month", anybody, "", ""}}, nil)
}
