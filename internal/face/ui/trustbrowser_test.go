package ui_test

import (
	"fmt"
	"strings"
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
	"huong.city/huong/internal/service/sharing"
)

// TestTrustPagesInABrowser looks at the pages of grants and of persons, as each
// who has them: no fault of axe, nothing wider than the window, no errors.
func TestTrustPagesInABrowser(t *testing.T) {
	t.Parallel()
	c, citizen := withAids(t)
	c.staff(t, "binh.steward", account.Capacity{Agency: "snv", Roles: []string{grant.Steward}})
	c.staff(t, "chi.officer", account.Capacity{Agency: "syt", Roles: []string{grant.Officer}})
	steward, officer := c.reader(t), c.reader(t)
	steward.signIn("binh.steward")
	officer.signIn("chi.officer")
	asker := repo.Principal{Name: "chi.officer", Agency: "syt", Roles: []string{grant.Officer}, Purpose: "aid-work"}
	desk := sharing.New(c.repo, zeroes{}, nil)
	g, err := desk.Request(t.Context(), asker, sharing.Request{Dataset: "aid", Action: grant.Read, Basis: "Nghị định 20/2021/NĐ-CP", Need: "Đối chiếu hồ sơ",
		Terms: sharing.Terms{Fields: []string{"code", "name"}, Purposes: []string{"aid-work"}, Until: c.now.AddDate(0, 0, 20).UnixMicro()}})
	if err != nil {
		t.Fatal(err)
	}
	_, at, _ := citizen.post("/me/requests", "dataset", "aid", "record", "A1", "kind", "deletion", "text", "Xin xoá hồ sơ cũ", "do", "send")
	if !strings.HasPrefix(at, "/requests/") {
		t.Fatalf("no request was made: %s", at)
	}
	read := repo.Principal{Name: "binh.steward", Agency: "snv", Roles: []string{grant.Steward}, Purpose: "aid-work", Case: "HS-1"}
	if _, err := c.repo.Read(t.Context(), read, repo.Query{Dataset: "aid", Limit: 10}, func(repo.Record) error { return nil }); err != nil {
		t.Fatal(err)
	}
	gone := c.put(t, "aid", "hồ sơ", []map[string]string{{"code": "A9", "person": "046099000009", "name": "Người đã xoá"}})
	if _, err := c.repo.Erase(t.Context(), read, repo.Erasing{Dataset: "aid", Key: []value.Value{value.OfText("A9")}, Basis: "Luật 91/2025/QH15, Điều 14"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.repo.Attest(t.Context()); err != nil {
		t.Fatal(err)
	}
	erased := fmt.Sprintf("/receipts/%d", gone)
	waiting := fmt.Sprintf("/receipts/%d", c.put(t, "aid", "hồ sơ", []map[string]string{{"code": "A8", "person": "046099000008", "name": "Người mới"}}))
	var pages []pageOf
	for _, who := range []struct {
		reader *reader
		paths  map[string]string
	}{
		{steward, map[string]string{"grants-waiting": "/sharing", "grant-to-decide": "/sharing/" + g.ID, "grants-unused": "/sharing?show=unused", "requests": "/requests", "request-to-handle": at}},
		{officer, map[string]string{"grants-mine": "/sharing", "grant-asked": "/sharing/" + g.ID, "ask": "/sharing/ask", "ask-one": "/sharing/ask?dataset=service-request", "access": "/datasets/service-request/sharing"}},
		{c.reader(t), map[string]string{"receipts": "/receipts", "receipt": "/receipts/4", "receipt-waiting": waiting, "receipt-erased": erased, "receipt-unknown": "/receipts/999999"}},
		{citizen, map[string]string{"me": "/me", "me-data": "/me/data/aid", "request-mine": at}},
	} {
		pages = append(pages, asPages(who.reader, who.paths)...)
	}
	c.see(t, pages, map[string][]glance{"vi": {{1440, "light", allRules}, {1440, "dark", contrast}}, "en": {{390, "dark", allRules}}})
}
