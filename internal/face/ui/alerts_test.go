package ui_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
	"huong.city/huong/internal/service/alert"
	"huong.city/huong/internal/service/notify"
)

func (c *city) warnings() *alert.Engine {
	return alert.New(alert.Config{Repo: c.repo, Now: c.clock,
		News: func(e *commit.Entry, _ *commit.Applied, _ *repo.Entry) (int64, bool) { return e.At, true }})
}

func (c *city) notifier() *notify.Service {
	return notify.New(notify.Config{Repo: c.repo, Now: c.clock, Base: "https://hue.example",
		Recipient: func(_ context.Context, id string) (notify.Recipient, error) {
			return notify.Recipient{Addresses: []string{"account:" + id}}, nil
		}})
}

const beltRules = `title: {vi: Sông, en: Rivers}
causes: {flood: {vi: Lũ, en: Flood}}
routes:
  high:
    - {level: ward, to: ["agency:snv"], within: 10 min}
    - {level: city, to: ["role:leader@46"], within: 10 min}
alerts:
  - name: river
    kind: record
    title: {vi: Nước lên, en: Water rises}
    advice: {vi: Báo dân., en: Warn people.}
    cause: flood
    dataset: service-request
    levels: {high: "status = 'received'"}
`

// raised puts an alert that nobody has acknowledged.
func (c *city) raised(t testing.TB, id string) {
	t.Helper()
	now := c.clock().UTC()
	c.put(t, "alert", "test", []map[string]string{{
		"id": id, "cause": "flood", "group": "flood@" + id, "rule": "river", "severity": "high", "peak": "high", "state": "raised",
		"titleVi": "Nước sông Hương lên " + id, "titleEn": "The river rises " + id, "bodyVi": "Báo dân.", "bodyEn": "Warn people.",
		"members": `[{"rule":"river","subject":"kim-long","severity":"high","value":3.6,"threshold":3.5,"unit":"m","since":` + "1761436800000000" + `,"titleVi":"Kim Long","titleEn":"Kim Long"}]`,
		"active":  "1", "dataset": "service-request", "subject": "kim-long", "area": "46", "agency": "snv", "level": "ward",
		"raisedAt": now.Add(-time.Minute).Format(time.RFC3339), "acknowledgeBy": now.Add(9 * time.Minute).Format(time.RFC3339), "dueFirst": now.Add(9 * time.Minute).Format(time.RFC3339),
		"escalated": "0", "reminded": "0", "changedAt": now.Format(time.RFC3339)}})
}

func alertCity(t *testing.T) *city {
	c := newCity(t)
	c.put(t, "definition", "test", []map[string]string{{"kind": "alert", "name": "river", "title": "Sông", "owner": "snv", "text": beltRules}})
	c.raised(t, "CB-A")
	c.raised(t, "CB-B")
	c.raised(t, "CB-C")
	c.staff(t, "an", officerSNV)
	c.staff(t, "la", account.Capacity{Agency: "syt", Roles: []string{grant.Officer}})
	return c
}

func TestAlertPages(t *testing.T) {
	c := alertCity(t)
	r := c.reader(t)
	r.signIn("an")
	_, body := r.get("/alerts")
	has(t, body, "The river rises CB-A", "3 alerts", "Flood", "data-acknowledge", "asev high strong")
	status, at, body := r.post("/alerts/CB-A", "step", "acknowledge", "return", "/alerts?severity=high")
	if status != http.StatusOK || !strings.HasPrefix(at, "/alerts?") || !strings.Contains(at, "severity=high") {
		t.Errorf("%d at %s", status, at)
	}
	has(t, body, "Acknowledged.")
	_, body = r.get("/alerts/CB-A")
	has(t, body, "Acknowledged by an at", "Warn people.", "name: river", "Kim Long")
	status, _, body = r.post("/alerts/CB-B", "step", "shelve", "hours", "2")
	if status != http.StatusUnprocessableEntity && status != http.StatusBadRequest {
		t.Errorf("shelved without a reason: %d", status)
	}
	if _, _, body = r.post("/alerts/CB-B", "step", "shelve", "hours", "2", "reason", "đang sửa"); !strings.Contains(body, "Shelved.") {
		t.Error("not shelved")
	}
	if _, _, body = r.post("/alerts/CB-C", "step", "escalate"); !strings.Contains(body, "Escalated: City") {
		t.Error("not escalated")
	}
	_, body = r.get("/alerts?state=shelved")
	has(t, body, "CB-B", "1 alerts")
	_, body = r.get("/alerts/quality?span=week&operators=2")
	has(t, body, "Average per operator in 10 minutes", "Ten rules that warn most", "name: river")
	_, body = r.get("/notices")
	has(t, body, "How you are notified", "Add a webhook")
	_, _, body = r.post("/notices/channels", "kind", "webhook", "address", "https://hook.example/x")
	has(t, body, "whsec_", "https://hook.example/x")
	if status, _, _ := r.post("/notices/channels", "kind", "webhook", "address", "ftp://hook.example/x"); status != http.StatusUnprocessableEntity {
		t.Errorf("a webhook by ftp: %d", status)
	}
	other := c.reader(t)
	other.signIn("la")
	if status, _ := other.get("/alerts/CB-A"); status != http.StatusNotFound {
		t.Errorf("another agency without the area: %d", status)
	}
	if status, _ := c.reader(t).get("/alerts/CB-A"); status != http.StatusUnauthorized {
		t.Errorf("the public: %d", status)
	}
}

// All of it by the keyboard, without a fault of axe.
func TestAlertsInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	c := alertCity(t)
	r := c.reader(t)
	r.signIn("an")
	b := newTab(t, ctx, c.url)
	q, err := http.NewRequest(http.MethodGet, c.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range r.http.Jar.Cookies(q.URL) {
		if err := chromedp.Do(b.ctx, call(network.SetCookie, network.SetCookieParams{Name: k.Name, Value: k.Value, URL: c.url})); err != nil {
			t.Fatal(err)
		}
	}
	press := func(key string) {
		b.run(t, `(document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent("keydown", {key: "`+key+`", bubbles: true, cancelable: true}))`)
	}
	b.open(t, "/alerts?lang=vi")
	b.axe(t, "alerts")
	press("j")
	press("a")
	b.until(t, 20*time.Second, `location.search.includes("done=acknowledge") && document.readyState === "complete"`)
	b.open(t, "/alerts?state=raised")
	press("j")
	press("Enter")
	b.until(t, 20*time.Second, `location.pathname.startsWith("/alerts/CB-") && document.readyState === "complete"`)
	b.axe(t, "alert")
	b.run(t, `document.querySelector("#reason").value = "đang sửa trạm"; document.querySelector("button[value=shelve]").click()`)
	b.until(t, 20*time.Second, `location.search.includes("done=shelve") && document.readyState === "complete"`)
	b.open(t, "/alerts?state=raised")
	press("j")
	press("Enter")
	b.until(t, 20*time.Second, `location.pathname.startsWith("/alerts/CB-") && document.readyState === "complete"`)
	b.run(t, `document.querySelector("button[value=escalate]").click()`)
	b.until(t, 20*time.Second, `location.search.includes("done=escalate") && document.readyState === "complete"`)
	for _, path := range []string{"/alerts/quality", "/notices", "/alerts?state=all&lang=en"} {
		b.open(t, path)
		b.axe(t, path)
	}
}
