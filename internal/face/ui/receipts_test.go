package ui_test

import (
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
)

func TestReceiptsByPages(t *testing.T) {
	c, citizen := withAids(t)
	public := c.reader(t)
	seq := c.put(t, "aid", "hồ sơ", []map[string]string{{"code": "A3", "person": "046099000001", "name": "Trần Thị Hoa"}})
	path := fmt.Sprintf("/receipts/%d", seq)
	status, body := public.get(path)
	if status != 200 {
		t.Fatalf("not attested yet: %d", status)
	}
	has(t, body, "not attested yet", "once a minute", strconv.FormatInt(seq, 10))
	if _, err := c.repo.Attest(t.Context()); err != nil {
		t.Fatal(err)
	}
	status, body = public.get(path)
	p, err := c.repo.Inclusion(t.Context(), seq)
	if status != 200 || err != nil {
		t.Fatal(status, err)
	}
	body = html.UnescapeString(body)
	has(t, body, "is attested", p.Leaf.String(), p.Checkpoint, p.Key, "huong proof --check", "/proof?format=text", p.Hashes[0].String(), "names nobody")
	for _, word := range []string{"Hoa", "046099", "aid", "hồ sơ"} {
		if strings.Contains(body, word) {
			t.Errorf("the receipt holds %q of what was written", word)
		}
	}
	_, err = c.repo.Erase(t.Context(), repo.Principal{Name: "binh", Agency: "snv", Roles: []string{grant.Steward}}, repo.Erasing{
		Dataset: "aid", Key: []value.Value{value.OfText("A3")}, Basis: "Luật 91/2025/QH15, Điều 14"})
	if err != nil {
		t.Fatal(err)
	}
	status, body = public.get(path)
	has(t, html.UnescapeString(body), "erased by law", "One record, all of it", "Department of Home Affairs", "Luật 91/2025/QH15, Điều 14", "is attested")
	if status != 200 || strings.Contains(body, "binh") || strings.Contains(body, "Aid") {
		t.Errorf("%d: the public learns who or of which dataset", status)
	}
	for typed, want := range map[string]int{"#" + strconv.FormatInt(seq, 10): 200, "1,000,000": http.StatusNotFound, "mười": http.StatusUnprocessableEntity, "-4": http.StatusUnprocessableEntity, "": 200} {
		status, at, body := public.do("GET", "/receipts?number="+strings.ReplaceAll(typed, "#", "%23"), nil)
		if status != want || want == 200 && typed != "" && at != path {
			t.Errorf("%q: %d at %s", typed, status, at)
		}
		if want == http.StatusNotFound {
			has(t, body, "no commit of this number", "The newest one has the number")
		}
	}
	if status, _ := public.get("/receipts/x"); status != http.StatusNotFound {
		t.Errorf("no number: %d", status)
	}

	// Every number that a person is given leads to its receipt.
	clerk := repo.Principal{Name: "an", Agency: "snv", Roles: []string{grant.Steward}, Purpose: "aid-work"}
	if _, err := c.repo.Get(t.Context(), clerk, "aid", []value.Value{value.OfText("A1")}, 0); err != nil {
		t.Fatal(err)
	}
	page, err := c.repo.Usage(t.Context(), repo.Principal{Name: "hoa", Person: "046099000001", Roles: []string{grant.Citizen}, Assurance: 2}, repo.UsageQuery{Limit: 10})
	if err != nil || len(page.Usages) == 0 {
		t.Fatal(page, err)
	}
	_, body = citizen.get("/me")
	has(t, body, fmt.Sprintf(`href="/receipts/%d"`, page.Usages[0].Commit))
	_, at, body := citizen.post("/me/requests", "dataset", "aid", "record", "A1", "kind", "access", "text", "Xin bản sao", "do", "send")
	if !strings.HasPrefix(at, "/requests/") || !strings.Contains(body, `href="/receipts/`) {
		t.Errorf("%s: a request is acknowledged without a receipt", at)
	}
}

func TestErasingByPages(t *testing.T) {
	c, _ := withAids(t)
	c.staff(t, "binh", account.Capacity{Agency: "snv", Roles: []string{grant.Steward}})
	c.staff(t, "chi", account.Capacity{Agency: "snv", Roles: []string{grant.Officer}, Areas: []string{"*"}})
	const page = "/datasets/aid/records/A2"
	other := c.reader(t)
	other.signIn("chi")
	if _, body := other.get(page); strings.Contains(body, "Erase this record") {
		t.Error("an officer is offered to erase")
	}
	if status, _, _ := other.post(page, "action", "erase", "sure", "1", "basis", "x", "reason", "y"); status != http.StatusForbidden {
		t.Errorf("an officer erases: %d", status)
	}
	r := c.reader(t)
	r.signIn("binh")
	r.post("/profile/task", "purpose", "aid-work")
	_, body := r.get(page)
	has(t, body, "Erase this record for good", "from 1 states", "backups made before")
	if status, _, _ := r.post(page, "action", "erase", "basis", "Luật", "reason", "y"); status != 422 {
		t.Errorf("not confirmed: %d", status)
	}
	if status, _, body := r.post(page, "action", "erase", "sure", "1", "reason", "y"); status != 422 || !strings.Contains(body, "legal basis") {
		t.Errorf("without a basis: %d", status)
	}
	status, at, body := r.post(page, "action", "erase", "sure", "1", "basis", "Luật 91/2025/QH15", "reason", "án toà")
	if status != 200 || !strings.HasPrefix(at, "/receipts/") {
		t.Fatalf("%d %s", status, at)
	}
	has(t, body, "record of an erasure", "Luật 91/2025/QH15", "Aid")
	if strings.Contains(body, "án toà") {
		t.Error("the reason is told to everybody")
	}
	if _, body := r.get(page); strings.Contains(body, "Lê Văn Cúc") {
		t.Error("the record is still there")
	}
}
