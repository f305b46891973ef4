package ui_test

import (
	"archive/zip"
	"encoding/csv"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func (c *city) boardPages() map[string]string {
	return map[string]string{"board-city": "/", "board-ward": "/boards/ward?area=19774&period=week", "board-environment": "/boards/environment", "board-list": "/boards", "board-edit": "/boards/environment/edit", "board-history": "/boards/environment/history", "wall": "/wall/city", "wall-far": "/wall/city?distance=5"}
}

func TestBoardsAnswer(t *testing.T) {
	c := newBoardCity(t)
	for key, path := range c.boardPages() {
		for _, lang := range []string{"vi", "en"} {
			status, body := c.get(t, path, c.token, "Accept-Language", lang)
			if status != http.StatusOK {
				t.Errorf("%s in %s: %d", key, lang, status)
			}
			for _, bad := range []string{" style=", "NaN", "%!", "tile.", "boards."} {
				if i := strings.Index(body, bad); i >= 0 {
					t.Errorf("%s in %s holds %q: %s", key, lang, bad, body[max(0, i-80):min(len(body), i+60)])
				}
			}
		}
	}
}

func TestAWidgetThatIsClosedSaysSoInItsPlace(t *testing.T) {
	c := newBoardCity(t)
	c.figures.(*figures).closed = "order-incidents"
	_, body := c.get(t, "/", "")
	if n := strings.Count(body, "Không mở cho bạn."); n != 3 { // two figures, and the alerts
		t.Errorf("the public is told %d times that something is closed, want 3", n)
	}
	for _, secret := range []string{"Chỉ số order incidents day", "Mực nước Kim Long vượt báo động 2", "Ngập sâu ở Kim Long"} {
		if strings.Contains(body, secret) {
			t.Errorf("the public sees %q", secret)
		}
	}
	if strings.Contains(body, "/edit\"") {
		t.Error("the public is offered the editor")
	}
	_, csv := c.get(t, "/boards/city/export?format=csv", "")
	if strings.Contains(csv, "order incidents") || strings.Contains(csv, "vượt báo động") || !strings.Contains(csv, "Mực nước Kim Long") {
		t.Errorf("the file shows the public what the page does not: %s", csv)
	}
	if _, body := c.get(t, "/", c.token); strings.Contains(body, "Không mở cho bạn.") {
		t.Error("a steward is told that something is closed")
	}
}

// A day that is not over is compared with as much of the other days, and says so.
func TestARunningDayIsComparedUpToItsLastHour(t *testing.T) {
	c := newBoardCity(t)
	f := c.figures.(*figures)
	f.upto = c.now.Truncate(time.Hour)
	for lang, want := range map[string]string{"vi": "15 so năm trước (đến ", "en": "15 on last year (up to "} {
		_, body := c.get(t, "/", c.token, "Accept-Language", lang)
		want += f.upto.In(c.repo.Zone()).Format("15:04") + ")"
		if !strings.Contains(body, want) || !strings.Contains(body, "900") {
			t.Errorf("in %s the board does not say %q", lang, want)
		}
	}
}

func TestOneDeclarationServesEveryAreaAndKeepsTheChoice(t *testing.T) {
	c := newBoardCity(t)
	for _, a := range c.figures.(*figures).areas {
		for _, lang := range []string{"vi", "en"} {
			status, body := c.get(t, "/boards/ward?area="+a[0]+"&period=month&lang="+lang, c.token)
			if status != http.StatusOK || !strings.Contains(body, "<h1>"+a[1]) {
				t.Fatalf("%s in %s: %d", a[1], lang, status)
			}
			if want := "/indicators/requests-open?area=" + a[0] + "&amp;lang=" + lang + "&amp;period=month"; !strings.Contains(body, want) {
				t.Fatalf("%s in %s: the choice is lost on the way to the next level, no %s", a[1], lang, want)
			}
		}
	}
	if _, body := c.get(t, "/boards/ward?area=99999", c.token); !strings.Contains(body, "<h1>Địa bàn") {
		t.Error("an unknown area is taken")
	}
	if status, _ := c.get(t, "/boards/unknown", c.token); status != http.StatusNotFound {
		t.Errorf("a board that is not declared: %d", status)
	}
}

func TestASharedLinkKeepsItsMoment(t *testing.T) {
	c := newBoardCity(t)
	_, body := c.get(t, "/boards/environment", c.token)
	at := regexp.MustCompile(`at=([^"&]+)`).FindStringSubmatch(body)
	if at == nil {
		t.Fatal("no address to share")
	}
	_, first := c.get(t, "/boards/environment?at="+at[1], c.token)
	if !strings.Contains(first, "Số liệu tại") || strings.Contains(first, "data-live-fragment") {
		t.Error("a page of the past does not say so, or moves")
	}
	value := regexp.MustCompile(`<b>[^<]*</b>`)
	c.figures.(*figures).now = c.now.Add(5 * time.Hour)
	_, later := c.get(t, "/boards/environment?at="+at[1], c.token)
	if a, b := value.FindAllString(first, 4), value.FindAllString(later, 4); !slices.Equal(a, b) || len(a) < 4 {
		t.Errorf("the same address shows %v and later %v", a, b)
	}
}

func TestABoardIsDownloadedAsSeen(t *testing.T) {
	c := newBoardCity(t)
	r, err := http.NewRequest(http.MethodGet, c.url+"/boards/environment/export?format=xlsx", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "huong", Value: c.token})
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); got != "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" {
		t.Error(got)
	}
	if got := res.Header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="environment-`) {
		t.Error(got)
	}
	if status, _ := c.get(t, "/boards/environment/export?format=pdf2", c.token); status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown format: %d", status)
	}
}

// What a program for tables would take for a formula, stays text in both files,
// and figures stay numbers.
func TestABoardsFilesHoldNoFormulas(t *testing.T) {
	c := newBoardCity(t)
	title := `=HYPERLINK("http://example.org";"x")`
	at := c.now.Format(time.RFC3339)
	for i, s := range []string{title, "+84 là đầu số", "@SUM(1+1)", "-2+3"} {
		c.put(t, "alert", "thử", []map[string]string{{"id": fmt.Sprintf("f-%d", i), "cause": "c", "group": fmt.Sprintf("f-%d", i), "rule": "r", "severity": "high", "state": "raised", "titleVi": s, "titleEn": s,
			"area": "19774", "agency": "vpubnd", "level": "city", "raisedAt": at, "changedAt": at, "active": "1", "members": "[]"}})
	}
	c.define(t, "trial", `title: {vi: "=1+1", en: "=1+1"}
sections:
  - widgets:
      - {kind: alerts, limit: 20}
      - {kind: number, indicator: bed-occupancy}
      - {kind: series, indicators: [water-level-kim-long]}
`)
	_, body := c.get(t, "/boards/trial/export?format=csv", c.token)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	guarded := 0
	for _, row := range rows {
		for i, cell := range row {
			if strings.HasPrefix(cell, "'") {
				guarded++
			}
			if cell == "" || !strings.ContainsAny(cell[:1], "=+-@\t\r") {
				continue
			}
			if _, err := strconv.ParseFloat(cell, 64); err != nil || i != 3 {
				t.Errorf("a program takes for a formula: %q", cell)
			}
		}
	}
	if guarded < 5 || !strings.Contains(body, "'=HYPERLINK") {
		t.Errorf("%d cells are guarded: %s", guarded, body)
	}

	_, body = c.get(t, "/boards/trial/export?format=xlsx", c.token)
	book, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	all, sheets := "", 0
	for _, f := range book.File {
		if !strings.HasPrefix(f.Name, "xl/worksheets/sheet") && f.Name != "xl/sharedStrings.xml" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all += string(b)
		sheets++
	}
	if sheets < 4 || strings.Contains(all, "<f>") || strings.Contains(all, "<f ") {
		t.Errorf("%d sheets; a formula in them: %t", sheets, strings.Contains(all, "<f"))
	}
	if !strings.Contains(html.UnescapeString(all), title) {
		t.Error("a title is not in the workbook as it is written")
	}
	if n := len(regexp.MustCompile(`<c r="[A-Z]+\d+"( s="\d+")?( t="n")?><v>-?[0-9.E+-]+</v>`).FindAllString(all, -1)); n < 10 {
		t.Errorf("%d cells are numbers", n)
	}
}

const soundBoard = `title: {vi: Bảng thử, en: Trial}
sections:
  - widgets:
      - {kind: number, indicator: bed-occupancy}
`

func TestEditingABoardIsACommitThatExpectsItsVersion(t *testing.T) {
	c := newBoardCity(t)
	_, body := c.get(t, "/boards/health/edit", c.token)
	version := versionField.FindStringSubmatch(body)[1]
	save := func(version, text string) (int, string) {
		status, _, body := c.post(t, "/boards/health/edit", url.Values{"version": {version}, "text": {text}, "reason": {"thử"}})
		return status, body
	}
	status, body := save(version, strings.Replace(soundBoard, "bed-occupancy", "no-such", 1))
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, "Dòng 4, cột") || !strings.Contains(body, "no-such") {
		t.Errorf("a fault answered %d", status)
	}
	status, body = save(version, strings.Replace(soundBoard, "{kind: number, indicator: bed-occupancy}", "{kind: bars, indicator: dossiers-on-time, by: category}", 1))
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, "Dòng 4, cột") || !strings.Contains(body, "không cộng thành một tổng") {
		t.Errorf("bars of a ratio answered %d", status)
	}
	if status, _ := save(version, strings.ReplaceAll(soundBoard, "\n", "\r\n")); status != http.StatusSeeOther {
		t.Fatalf("not saved: %d", status)
	}
	if _, body := c.get(t, "/boards/health", c.token); !strings.Contains(body, "Bảng thử") {
		t.Error("the board is not shown as saved")
	}
	status, body = save(version, strings.Replace(soundBoard, "Bảng thử", "Bảng của tôi", 1))
	if status != http.StatusPreconditionFailed || !strings.Contains(body, "<del>- title: {vi: Bảng thử") || !strings.Contains(body, "<ins>+ title: {vi: Bảng của tôi") || !strings.Contains(body, "token:") {
		t.Errorf("a stale board answered %d, without who and the difference", status)
	}
	newest := versionField.FindStringSubmatch(body)[1]
	if status, _ := save(newest, strings.Replace(soundBoard, "Bảng thử", "Bảng của tôi", 1)); status != http.StatusSeeOther {
		t.Errorf("saving over the newest: %d", status)
	}
	_, body = c.get(t, "/boards/health/history", c.token)
	from := regexp.MustCompile(`/boards/health/edit\?from=(\d+)`).FindAllStringSubmatch(body, -1)
	if len(from) != 2 {
		t.Fatalf("%d versions can be restored, want 2", len(from))
	}
	if _, body := c.get(t, "/boards/health/edit?from="+from[1][1], c.token); !strings.Contains(body, "hand-foot-mouth-week") {
		t.Error("the first version is not offered")
	}
	status, _, body = c.post(t, "/boards/health/preview", url.Values{"text": {soundBoard}})
	if status != http.StatusOK || !strings.Contains(body, "Chỉ số bed occupancy") {
		t.Errorf("the draft is not shown: %d", status)
	}
	if status, _ := c.get(t, "/boards/health/edit", ""); status != http.StatusUnauthorized {
		t.Errorf("the public opens the editor: %d", status)
	}
	if status, body := c.get(t, "/boards/brand-new/edit", c.token); status != http.StatusOK || !strings.Contains(body, `name="version" value="0"`) {
		t.Errorf("a new board: %d", status)
	}
}

func TestAFreshCityIsGreetedByItsDatasets(t *testing.T) {
	c := newCity(t)
	if status, body := c.get(t, "/", ""); status != http.StatusOK || !strings.Contains(body, `class="sectors"`) {
		t.Errorf("%d", status)
	}
}

func TestAWallTakesTurnsOnlyWhileItIsCalm(t *testing.T) {
	c := newBoardCity(t)
	_, body := c.get(t, "/wall/city?slide=1", c.token)
	if !strings.Contains(body, `data-wall-calm="false"`) || !strings.Contains(body, "vượt báo động 2") || !strings.Contains(body, "Mưa 3 giờ qua") {
		t.Error("with a high alert the wall does not stay at what needs action")
	}
	c.put(t, "alert", "hết", []map[string]string{{"id": "a-0", "cause": "c", "group": "g-0", "rule": "r", "severity": "high", "state": "cleared", "titleVi": "x", "titleEn": "x", "area": "19774", "level": "city", "raisedAt": c.now.Format(time.RFC3339), "changedAt": c.now.Format(time.RFC3339), "members": "[]"}})
	path, seen := "/wall/city?distance=3", map[string]bool{}
	for range 40 {
		_, body := c.get(t, path, c.token)
		if !strings.Contains(body, `data-wall-calm="true"`) {
			t.Fatal("the wall is not calm")
		}
		next := html.UnescapeString(regexp.MustCompile(`data-wall-next="([^"]*)"`).FindStringSubmatch(body)[1])
		seen[strings.SplitN(path, "?", 2)[0]] = true
		if !strings.Contains(next, "distance=3") {
			t.Fatalf("the room is forgotten at %s", next)
		}
		path = next
	}
	for _, want := range []string{"/wall/city", "/wall/environment", "/wall/public-services"} {
		if !seen[want] {
			t.Errorf("the wall never shows %s: %v", want, seen)
		}
	}
	if status, _ := c.get(t, "/wall/city?distance=9999", c.token); status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
		t.Errorf("a room that cannot be: %d", status)
	}
}
