package ui_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
)

var grantVersion = regexp.MustCompile(`name="version" value="(\d+)"`)

// TestGrantsByPages goes the whole way without a script: ask, ask back, answer,
// approve, see, revoke, see no more.
func TestGrantsByPages(t *testing.T) {
	c := newCity(t)
	owner := ownerOf(t, c, "business")
	c.staff(t, "an.steward", account.Capacity{Agency: owner, Roles: []string{grant.Steward}})
	c.staff(t, "binh.officer", account.Capacity{Agency: "syt", Roles: []string{grant.Officer}})
	c.put(t, "purpose", "danh mục", []map[string]string{{"code": "reply", "name": "Trả lời phản ánh", "nameEn": "Reply to reports", "basis": "Luật 91/2025/QH15"}})
	steward, officer := c.reader(t), c.reader(t)
	steward.signIn("an.steward")
	officer.signIn("binh.officer")
	want := func(r *reader, status int, method, path string, form url.Values, words ...string) (at, body string) {
		t.Helper()
		got, at, body := r.do(method, path, form)
		if got != status {
			t.Fatalf("%s %s: %d, want %d: %.300s", method, path, got, status, html.UnescapeString(body))
		}
		for _, w := range words {
			if !strings.Contains(html.UnescapeString(body), w) {
				t.Errorf("%s %s does not say %q", method, path, w)
			}
		}
		return at, body
	}
	want(officer, 200, "GET", "/datasets/business/sharing", nil, "What you may see", "Ask for more")
	want(officer, 200, "GET", "/sharing/ask", nil, "Ask for a grant")
	want(officer, 200, "GET", "/sharing/ask?dataset=business", nil, "Legal basis")
	form := url.Values{"dataset": {"business"}, "action": {"read"}, "field": {"taxCode", "representative"}, "purposes": {"reply"},
		"basis": {"Nghị định 278/2025/NĐ-CP"}, "need": {"Liên hệ người bệnh"}, "until": {"2001-01-01"}}
	want(officer, 422, "POST", "/sharing/ask", form, "The end has passed already.")
	form.Set("until", time.Now().AddDate(0, 2, 0).Format("2006-01-02"))
	at, _ := want(officer, 200, "POST", "/sharing/ask", form, "Requested", "Liên hệ người bệnh")
	want(steward, 200, "GET", "/sharing", nil, "Department of Health")
	_, body := want(steward, 200, "GET", at, nil, "Approve", "Refuse")
	step := func(r *reader, status int, body, name string, more url.Values, words ...string) string {
		t.Helper()
		f := url.Values{"step": {name}, "version": {grantVersion.FindStringSubmatch(body)[1]}}
		for k, v := range more {
			f[k] = v
		}
		_, next := want(r, status, "POST", at, f, words...)
		return next
	}
	stale := body
	step(steward, 200, body, "question", url.Values{"text": {"Cho đến khi nào?"}}, "Question asked")
	step(steward, http.StatusPreconditionFailed, stale, "approve", nil, "changed by somebody else")
	_, body = want(officer, 200, "GET", at, nil, "Cho đến khi nào?")
	step(officer, 200, body, "answer", url.Values{"text": {"Hai tháng."}}, "Hai tháng.")
	_, body = want(steward, 200, "GET", at, nil)
	step(steward, 422, body, "refuse", url.Values{"text": {"Không"}}, "must be filled in")
	step(steward, 200, body, "approve", url.Values{"field": {"taxCode", "representative"}}, "In force", "Revoke")
	want(officer, 200, "GET", "/datasets/business/sharing", nil, "A purpose would also show", "Reply to reports")
	_, body = want(steward, 200, "GET", at, nil)
	step(steward, 200, body, "revoke", url.Values{"text": {"Đã xong việc."}}, "Revoked", "Đã xong việc.")
	for _, show := range []string{"waiting", "in-force", "expiring", "unused", "past", "mine"} {
		want(steward, 200, "GET", "/sharing?show="+show, nil)
	}
	want(c.reader(t), http.StatusUnauthorized, "GET", "/sharing", nil)
}

// An auditor sees all, and as it was.
func TestAuditorsSeeGrantsAsTheyWere(t *testing.T) {
	c := newCity(t)
	c.staff(t, "em.audit", account.Capacity{Agency: "snv", Roles: []string{grant.Auditor}})
	c.put(t, "grant", "cấp quyền", []map[string]string{{"id": "g-old", "dataset": "service-request", "agency": "syt", "action": "read", "basis": "Luật", "from": "2020-01-01T00:00:00Z", "state": "in-force"}})
	auditor := c.reader(t)
	auditor.signIn("em.audit")
	if status, _, body := auditor.do("GET", "/sharing", nil); status != 200 || !strings.Contains(body, "/sharing/g-old") {
		t.Errorf("now: %d %.300s", status, html.UnescapeString(body))
	}
	if status, _, body := auditor.do("GET", "/sharing?show=all&asOf=1", nil); status != 200 || strings.Contains(body, "/sharing/g-old") {
		t.Errorf("as of the first commit: %d", status)
	}
	if status, _, _ := auditor.do("GET", "/sharing?show=all&asOf=soon", nil); status != 422 && status != 400 {
		t.Errorf("as of no time: %d", status)
	}
	if status, _, body := auditor.do("GET", "/sharing/g-old", nil); status != 200 || strings.Contains(body, `name="step"`) {
		t.Errorf("one grant: %d", status)
	}
}

func ownerOf(t *testing.T, c *city, name string) string {
	t.Helper()
	e, err := c.repo.Entry(repo.Internal(), name)
	if err != nil {
		t.Fatal(err)
	}
	return e.Dataset.Owner
}
