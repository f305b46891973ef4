package ui_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"huong.city/huong/internal/service/request"
)

// mailbox takes the letters to guests.
type mailbox struct {
	mu    sync.Mutex
	links []string
}

func (m *mailbox) Letter(_ context.Context, _, _, _ string, l request.Letter) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.links = append(m.links, l.Link)
	return nil
}

func (m *mailbox) Begin(context.Context, string, string) error { return nil }
func (m *mailbox) Forget(context.Context, string) error        { return nil }

// A guest asks for letters, confirms and ends them, all without an account or a
// script; who sent a report reads of a strike and appeals; the desk decides. Then all
// these pages are looked at, in both languages, both themes, on a telephone too.
func TestCareOfReportsInABrowser(t *testing.T) {
	t.Parallel()
	h := withReports(t)
	c := h.city
	letters := &mailbox{}
	c.deskOfReports.WriteBy(letters)
	sender, guest := c.reader(t), c.reader(t)
	code, _ := sender.sendsOne("Ổ gà to trước cổng trường, xe máy ngã đêm qua.", nil, "longitude", "107.59", "latitude", "16.46")
	c.steps(t, atDesk, code, request.Act{Do: request.DoPublish, Fields: map[string]string{"title": "Ổ gà trước cổng trường", "text": "Ổ gà to trước cổng trường."}})
	if _, body := guest.get("/street/" + code); !strings.Contains(body, "/street/"+code+"/letters") {
		t.Error("a guest is not offered letters")
	}
	if status, _, _ := guest.post("/street/"+code+"/letters", "email", "not a mail"); status == http.StatusOK || len(letters.links) != 0 {
		t.Errorf("a bad address: %d, letters %v", status, letters.links)
	}
	if status, _, _ := guest.post("/street/"+code+"/letters", "email", "ban@example.com"); status != http.StatusOK || len(letters.links) != 1 {
		t.Fatalf("asked: %d, letters %v", status, letters.links)
	}
	pages := []pageOf{
		{"letters form", "/street/" + code + "/letters", guest, "", ""},
		{"letters confirm", letters.links[0], guest, "", ""},
	}
	if status, _ := guest.get(letters.links[0]); status != http.StatusOK {
		t.Fatalf("the link: %d", status)
	}
	if x, err := c.deskOfReports.PublicOne(t.Context(), code); err != nil || x.Followers != 0 {
		t.Errorf("opening the link follows already: %v", err)
	}
	if status, _, _ := guest.post(letters.links[0]); status != http.StatusOK {
		t.Fatalf("confirmed: %d", status)
	}
	if x, err := c.deskOfReports.PublicOne(t.Context(), code); err != nil || x.Followers != 1 {
		t.Errorf("confirmed and does not follow: %v", err)
	}
	if status, _ := guest.get("/letters/confirm/NOSUCHTOKEN"); status != http.StatusGone {
		t.Errorf("a link of nobody: %d", status)
	}

	if status, _, _ := h.crew.post("/desk/"+code+"/strike", "do", "strike", "reason", "Bịa"); status < 400 {
		t.Errorf("the ward notes a strike: %d", status)
	}
	pages = append(pages, pageOf{"desk strike", "/desk/" + code + "/strike", h.desk, "", ""}, pageOf{"desk keeping", "/desk/keeping", h.desk, "", ""})
	c.see(t, pages, nil)
	if status, _, _ := h.desk.post("/desk/"+code+"/strike", "do", "strike", "reason", "Đã đến nơi, không có ổ gà nào."); status >= 400 {
		t.Fatalf("strike: %d", status)
	}
	if status, _ := guest.get("/street/" + code + "/strike"); status != http.StatusNotFound {
		t.Errorf("others read of a strike: %d", status)
	}
	if _, body := sender.get("/street/" + code); !strings.Contains(body, "/street/"+code+"/strike") {
		t.Error("its sender is not told of the strike")
	}
	pages = []pageOf{{"strike mine", "/street/" + code + "/strike", sender, "", ""}, {"report struck", "/street/" + code, sender, "", ""}}
	c.see(t, pages, nil)
	if status, _, _ := sender.post("/street/"+code+"/strike", "appeal", "Có thật, xin xem lại ảnh."); status >= 400 {
		t.Fatalf("appeal: %d", status)
	}
	if k, _, err := c.deskOfReports.StrikeOf(t.Context(), code); err != nil || k.State != request.StrikeAppealed {
		t.Errorf("%+v %v", k, err)
	}
	c.see(t, []pageOf{{"desk appeal", "/desk/" + code + "/strike", h.desk, "", ""}, {"desk keeping appeals", "/desk/keeping", h.desk, "", ""}}, nil)
	if status, _, _ := h.desk.post("/desk/"+code+"/strike", "do", "lift", "reason", "Tự bỏ"); status != http.StatusForbidden {
		t.Errorf("who noted it decides: %d", status)
	}
	second := atDesk
	second.Name = "kim.desk"
	if err := c.deskOfReports.DecideStrike(t.Context(), second, code, true, "Ảnh cho thấy có ổ gà"); err != nil {
		t.Fatal(err)
	}
	if _, body := sender.get("/street/" + code + "/strike"); !strings.Contains(body, "Ảnh cho thấy có ổ gà") || strings.Contains(body, "kim.desk") || strings.Contains(body, "van.desk") {
		t.Error("its sender reads who decided, or not what")
	}
}
