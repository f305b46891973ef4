package ui_test

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
)

const aids = `name: aid
title: {vi: Trợ cấp, en: Aid}
kind: register
owner: snv
classification: internal
schema:
  primaryKey: [code]
  fields:
    - {name: code, type: string, title: {vi: Mã, en: Code}}
    - {name: person, type: string, classification: personal, title: {vi: Số định danh, en: Personal number}}
    - {name: name, type: string, classification: personal, title: {vi: Họ tên, en: Name}}
person: person
`

// withAids declares a dataset about persons and signs in one of them.
func withAids(t *testing.T) (c *city, citizen *reader) {
	t.Helper()
	c = newCity(t)
	d, err := dataset.Parse("aid.yaml", []byte(aids))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.repo.Plan(t.Context(), repo.Operator(), []*dataset.Dataset{d})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.repo.Apply(t.Context(), repo.Operator(), plan); err != nil {
		t.Fatal(err)
	}
	c.put(t, "aid", "hồ sơ", []map[string]string{{"code": "A1", "person": "046099000001", "name": "Trần Thị Hoa"}, {"code": "A2", "person": "046099000002", "name": "Lê Văn Cúc"}})
	c.put(t, "purpose", "danh mục", []map[string]string{{"code": "aid-work", "name": "Xét trợ cấp", "nameEn": "Granting aid", "basis": "Nghị định 20/2021/NĐ-CP"}})
	err = c.accounts.Create(context.Background(), repo.Operator(), account.Opening{
		Account:    account.Account{ID: "hoa", Name: "Trần Thị Hoa", Kind: account.Citizen, Person: "046099000001", Assurance: 2},
		Capacities: []account.Capacity{{Roles: []string{grant.Citizen}}}, Password: password, Chosen: true})
	if err != nil {
		t.Fatal(err)
	}
	citizen = c.reader(t)
	citizen.signIn("hoa")
	return c, citizen
}

func TestThePersonSeesWhatIsHeldAndWhoRead(t *testing.T) {
	c, citizen := withAids(t)
	clerk := repo.Principal{Name: "an", Agency: "snv", Roles: []string{grant.Steward}, Purpose: "aid-work", Case: "HS-77"}
	if _, err := c.repo.Get(t.Context(), clerk, "aid", []value.Value{value.OfText("A1")}, 0); err != nil {
		t.Fatal(err)
	}
	status, _, body := citizen.do("GET", "/me", nil)
	has(t, html.UnescapeString(body), "Aid", "Granting aid", "HS-77", "Nghị định 20/2021/NĐ-CP", "numbered without a gap", "Data about me")
	if status != 200 || strings.Contains(body, "046099") {
		t.Errorf("%d; the number is shown: %t", status, strings.Contains(body, "046099"))
	}
	status, _, body = citizen.do("GET", "/me/data/aid", nil)
	has(t, body, "Trần Thị Hoa", "A1")
	if status != 200 || strings.Contains(body, "Cúc") {
		t.Errorf("%d, another's record: %t", status, strings.Contains(body, "Cúc"))
	}
	if _, _, body = citizen.do("GET", "/me", nil); !strings.Contains(body, "You yourself") {
		t.Error("a look at one's own record is not told")
	}
	for _, path := range []string{"/me", "/me/data/aid", "/requests"} {
		if status, _ := c.reader(t).get(path); status != http.StatusUnauthorized {
			t.Errorf("the public at %s: %d", path, status)
		}
	}
	c.staff(t, "an.snv", account.Capacity{Agency: "snv", Roles: []string{grant.Officer}})
	officer := c.reader(t)
	officer.signIn("an.snv")
	for _, path := range []string{"/me", "/requests"} {
		if status, _ := officer.get(path); status != http.StatusForbidden {
			t.Errorf("an officer at %s: %d", path, status)
		}
	}
}

func TestRequestsByPages(t *testing.T) {
	c, citizen := withAids(t)
	c.staff(t, "binh.steward", account.Capacity{Agency: "snv", Roles: []string{grant.Steward}})
	steward := c.reader(t)
	steward.signIn("binh.steward")
	status, _, body := citizen.post("/me/requests", "dataset", "aid", "record", "A1")
	if status != 200 {
		t.Fatalf("the form: %d", status)
	}
	has(t, body, "Kind of request", "A1")
	form := url.Values{"dataset": {"aid"}, "record": {"A2"}, "kind": {"correction"}, "text": {"Sai họ tên"}, "do": {"send"}}
	if status, _, _ := citizen.do("POST", "/me/requests", form); status != 422 {
		t.Errorf("another's record: %d", status)
	}
	form.Set("record", "A1")
	status, at, body := citizen.do("POST", "/me/requests", form)
	if status != 200 || !strings.HasPrefix(at, "/requests/r") {
		t.Fatalf("sent: %d %s", status, at)
	}
	has(t, body, "Received", "Withdraw")
	if status, body := steward.get("/requests"); status != 200 || !strings.Contains(body, at) || !strings.Contains(body, "1 open") {
		t.Errorf("waiting: %d", status)
	}
	step := func(r *reader, name string, kv ...string) (int, string) {
		t.Helper()
		_, page := r.get(at)
		status, _, body := r.post(at, append([]string{"step", name, "version", grantVersion.FindStringSubmatch(page)[1]}, kv...)...)
		return status, body
	}
	if status, body := step(steward, "accept"); status != 200 || !strings.Contains(body, "Accepted") {
		t.Errorf("accepted: %d", status)
	}
	if status, _, _ := steward.post(at, "step", "done", "version", "1", "text", "x"); status != http.StatusPreconditionFailed {
		t.Errorf("on an old version: %d", status)
	}
	if status, _ := step(steward, "refuse", "text", "Không"); status != 422 {
		t.Errorf("a refusal without citation: %d", status)
	}
	if status, body := step(steward, "done", "text", "Đã sửa"); status != 200 || !strings.Contains(body, "Đã sửa") {
		t.Errorf("done: %d", status)
	}
	_, body = citizen.get("/me")
	has(t, body, at, "Done")
	if status, body := steward.get("/requests?all=1"); status != 200 || !strings.Contains(body, "0 open") {
		t.Errorf("closed ones: %d", status)
	}
}
