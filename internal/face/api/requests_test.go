package api_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestRightsRequests(t *testing.T) {
	s := startTrust(t)
	ask := func(status int, who, record string) reply {
		t.Helper()
		return s.must(status, "POST", "/api/v1/me/requests", who, fmt.Sprintf(`{"kind":"deletion","dataset":"aid","record":%q,"text":"Xin xoá"}`, record))
	}
	ask(401, "", "a1")
	ask(403, "an", "a1")
	ask(422, "dan", "a2") // another's record
	r := ask(201, "dan", "a1")
	path := r.at("url").(string)
	if fmt.Sprint(r.at("may")) != "[withdraw]" || r.at("overdue") != false || strings.Contains(r.body, "046099") {
		t.Errorf("request: %s", r.body)
	}
	s.must(404, "GET", path, "binh", "")
	s.must(404, "GET", path, "em", "")
	s.must(403, "GET", "/api/v1/rights-requests", "binh", "")
	if list := s.must(200, "GET", "/api/v1/rights-requests", "an", ""); len(list.at("requests").([]any)) != 1 {
		t.Errorf("waiting: %s", list.body)
	}
	version := int64(r.at("version").(float64))
	step := func(status int, who, step string, version int64, more string) reply {
		t.Helper()
		return s.must(status, "POST", path+"/steps", who, fmt.Sprintf(`{"step":%q,"version":%d%s}`, step, version, more))
	}
	step(412, "an", "accept", version-1, "")
	step(403, "dan", "accept", version, "")
	step(422, "an", "refuse", version, `,"text":"Phải lưu trữ"`)
	got := step(200, "an", "refuse", version, `,"text":"Phải lưu trữ","citation":"Luật Lưu trữ 33/2024/QH15"`)
	step(409, "dan", "withdraw", int64(got.at("version").(float64)), "")
	if mine := s.must(200, "GET", "/api/v1/me/requests", "dan", ""); !strings.Contains(mine.body, `"state":"refused"`) || mine.header.Get("Cache-Control") != "no-store" {
		t.Errorf("mine: %s", mine.body)
	}
	s.must(403, "GET", "/api/v1/datasets/rights-request/records", s.writer, "")
}
