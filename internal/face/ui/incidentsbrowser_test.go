package ui_test

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"image"
	"image/color"
	"image/jpeg"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
	"huong.city/huong/internal/service/attachment"
	"huong.city/huong/internal/service/incident"
	"huong.city/huong/internal/service/request"
)

// fileBook tells the desk of incidents about files.
type fileBook struct{ *attachment.Keeper }

func (f fileBook) Describe(ctx context.Context, id string) (incident.File, error) {
	x, err := f.Keeper.Describe(ctx, id)
	return incident.File{ID: x.ID, Dataset: x.Dataset, Key: x.Key, Name: x.Name, Media: x.Media, Size: x.Size, Width: x.Width, Height: x.Height}, err
}

func (c *city) attachments() *attachment.Keeper {
	return attachment.New(attachment.Config{Repo: c.repo, Random: crand.Reader, MayAttach: map[string]func(repo.Principal) bool{repo.SystemIncident: incident.Handles, request.Dataset: request.Handles},
		MayOpen: map[string]func(context.Context, repo.Principal, attachment.File) error{request.Dataset: func(ctx context.Context, p repo.Principal, f attachment.File) error {
			return request.New(request.Config{Repo: c.repo, Random: crand.Reader}).MayOpen(ctx, p, f.Key, "", f.ID)
		}}, Ahead: []string{request.Dataset}})
}

func (c *city) incidents() *incident.Desk {
	return incident.New(incident.Config{Repo: c.repo, Random: crand.Reader, Files: fileBook{c.attachments()}})
}

// withIncidents defines how the city handles incidents and gives it two officers
// and a leader.
func withIncidents(t *testing.T) (c *city, ward, police, leader *reader) {
	t.Helper()
	c = newCity(t)
	var rows []map[string]string
	for kind, names := range map[string][]string{"workflow": {"incident"}, "playbook": {"accident", "flood", "stages"}} {
		for _, name := range names {
			b, err := os.ReadFile(cityFolder + "/" + kind + "s/" + name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, map[string]string{"kind": kind, "name": name, "title": name, "text": string(b)})
		}
	}
	c.put(t, "definition", "how incidents are handled", rows)
	c.staff(t, "ha.ward", account.Capacity{Agency: "ubnd-19789", Roles: []string{grant.Officer}, Areas: []string{"19789"}})
	c.staff(t, "binh.police", account.Capacity{Agency: "cath", Roles: []string{grant.Officer}})
	c.staff(t, "minh.leader", account.Capacity{Agency: "ubnd-tp", Roles: []string{grant.Leader}, Areas: []string{account.WholeCity}})
	ward, police, leader = c.reader(t), c.reader(t), c.reader(t)
	ward.signIn("ha.ward")
	police.signIn("binh.police")
	leader.signIn("minh.leader")
	return c, ward, police, leader
}

var shownVersion = regexp.MustCompile(`name="version" value="(\d+)"`)

// does takes a step upon the version that the page shows.
func (r *reader) does(at, do string, kv ...string) (int, string) {
	r.t.Helper()
	_, body := r.get(at)
	m := shownVersion.FindStringSubmatch(body)
	if m == nil {
		r.t.Fatalf("%s offers no step", at)
	}
	status, _, body := r.post(at, append([]string{"do", do, "version", m[1]}, kv...)...)
	return status, body
}

func (r *reader) sends(at, name string, content []byte) int {
	r.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		r.t.Fatal(err)
	}
	part.Write(content)
	form.WriteField("text", "Góc cầu")
	form.Close()
	q, err := http.NewRequest(http.MethodPost, r.c.url+at, &b)
	if err != nil {
		r.t.Fatal(err)
	}
	q.Header.Set("Content-Type", form.FormDataContentType())
	res, err := r.http.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func street(t *testing.T) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 640, 400))
	for y := range 400 {
		for x := range 640 {
			m.Set(x, y, color.RGBA{uint8(90 + y/4), uint8(120 + x/8), 140, 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The life of an incident between two officers, and how it looks to each: no
// fault of axe, nothing wider than the window, no errors.
func TestAnIncidentInABrowser(t *testing.T) {
	t.Parallel()
	c, ward, police, leader := withIncidents(t)
	_, at, _ := ward.post("/incidents/new", "title", "Xe tải lật ở đầu cầu Trường Tiền", "kind", "accident", "severity", "high", "agency", "ubnd-19789", "area", "19789",
		"place", "Đầu cầu phía nam", "summary", "Hai người bị thương, xe chắn một làn.", "caller", "Lê Thị Canh", "callerPhone", "0905000111", "source", "phone")
	if !strings.HasPrefix(at, "/incidents/sc-") {
		t.Fatalf("no incident was opened: %s", at)
	}
	if status, _ := police.get(at); status != http.StatusNotFound {
		t.Errorf("who has no part in it gets %d", status)
	}
	if status, body := ward.does(at, "assign", "agency", "cath", "assignee", "binh.police", "note", "Gần nhất"); status != 200 || !strings.Contains(body, "Hue City Police") {
		t.Fatalf("not assigned: %d", status)
	}
	_, before := ward.get(at)
	police.does(at, "begin")
	police.post(at, "do", "note", "text", "Đã khoanh vùng, xe cẩu đang tới.")
	police.post(at, "do", "measure", "name", "Xe ùn", "amount", "310", "unit", "xe")
	police.post(at, "do", "decision", "text", "Phân luồng qua cầu Phú Xuân.")
	police.post(at, "do", "check", "name", "protect", "done", "true")
	if status := police.sends(at+"/files", "cau.jpg", street(t)); status != 200 {
		t.Errorf("the photo: %d", status)
	}
	if status := police.sends(at+"/files", "cau.html", []byte("<script>alert(1)</script>")); status != 422 {
		t.Errorf("a page as photo: %d", status)
	}
	// What the ward saw before is not what stands now.
	status, _, body := ward.post(at, "do", "assign", "version", shownVersion.FindStringSubmatch(before)[1], "agency", "sxd")
	if status != http.StatusPreconditionFailed || !strings.Contains(body, "somebody else") {
		t.Errorf("a stale step: %d", status)
	}
	if _, body := ward.get(at); strings.Contains(body, "Lê Thị Canh") || strings.Contains(body, "0905000111") {
		t.Error("who called is shown without a purpose")
	}
	_, body = ward.get(at)
	photo := regexp.MustCompile(at + `/files/f[0-9a-f]+`).FindString(body)
	if status, _ := leader.get(photo); status != 200 {
		t.Errorf("the leader's look at the photo: %d", status)
	}
	stranger := c.reader(t)
	c.staff(t, "lan.other", account.Capacity{Agency: "sxd", Roles: []string{grant.Officer}, Areas: []string{"19753"}})
	stranger.signIn("lan.other")
	if status, _ := stranger.get(photo); status != http.StatusNotFound {
		t.Errorf("a stranger's look at the photo: %d", status)
	}
	if status, body := police.does(at, "resolve"); status != 422 || !strings.Contains(body, `role="alert"`) {
		t.Errorf("resolved without a word: %d", status)
	}
	leader.post("/stage", "upon", "", "stage", "3", "reason", "Sông Hương vượt báo động 2, nhiều điểm ngập.", "reasonEn", "The Huong is above level 2; many places are flooded.")
	if _, body := c.get(t, "/stage", ""); !strings.Contains(body, "Sông Hương vượt báo động 2") || strings.Contains(body, "minh.leader") {
		t.Error("the public does not read the stage as it should")
	}
	ward.post("/shift", "do", "note", "text", "Mưa to ở Nam Đông.")
	ward.post("/shift", "do", "hand-over", "to", "binh.police", "text", "Theo dõi đầu cầu.")

	c.see(t, []pageOf{
		{"incidents being handled", "/incidents", police, "", ""},
		{"incident being handled", at, police, "", ""},
		{"incident being handled by another", at, ward, "", ""},
		{"review on the way", at + "/review", police, "", ""},
		{"stage announced", "/stage", leader, "", ""},
		{"shift handed over", "/shift", ward, "", ""},
		{"incidents over", "/incidents?show=over", ward, "", ""},
	}, map[string][]glance{"vi": {{1440, "light", allRules}, {1440, "dark", contrast}}, "en": {{390, "dark", allRules}}})

	if status, _ := police.does(at, "resolve", "note", "Đã kéo xe, thông đường.", "outcome", "handled"); status != 200 {
		t.Errorf("not resolved: %d", status)
	}
	police.does(at, "close")
	_, body = ward.get(at + "/review")
	has(t, body, "Xe ùn", "310", "Phân luồng qua cầu Phú Xuân.", "Closed", "ha.ward")
}

// A page that is open follows what others write.
func TestAnOpenIncidentFollows(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	c, ward, _, leader := withIncidents(t)
	_, at, _ := ward.post("/incidents/new", "title", "Cây đổ", "kind", "other", "severity", "low", "agency", "ubnd-19789", "area", "19789", "source", "staff")
	home, err := url.Parse(c.url)
	if err != nil {
		t.Fatal(err)
	}
	b := newTab(t, ctx, c.url)
	for _, k := range leader.http.Jar.Cookies(home) {
		if err := chromedp.Do(b.ctx, call(network.SetCookie, network.SetCookieParams{Name: k.Name, Value: k.Value, URL: c.url})); err != nil {
			t.Fatal(err)
		}
	}
	if err := chromedp.Do(b.ctx, chromedp.Navigate(c.url+at)); err != nil {
		t.Fatal(err)
	}
	b.until(t, 20*time.Second, `document.getElementById("inc-timeline").dataset.liveFragment === "incident-entry" && document.getElementById("inc-now").dataset.liveFragment === "incident"`)
	// The list and its part answer alike.
	if status, body := leader.get(at + "?fragment=inc-timeline"); status != 200 || strings.Contains(body, "<html") || !strings.Contains(body, `id="inc-timeline"`) {
		t.Errorf("the part: %d", status)
	}
}
