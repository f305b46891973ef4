package api_test

import (
	"fmt"
	"strings"
	"testing"

	"huong.city/huong/internal/repo"
)

// Reading many persons at once: refused with what to do, asked for, approved by a
// second person, used once.
func TestReadingInBulkByTheAPI(t *testing.T) {
	s := startTrust(t)
	people["cuc"] = repo.Principal{Name: "cuc", Agency: "sldtbxh", Roles: []string{"leader"}, Areas: []string{"*"}}
	defer delete(people, "cuc")
	for i := range 1100 {
		mustRecord(t, s.repo, "aid", fmt.Sprintf(`{"code":"b%04d","state":"open","person":"04609901%04d","name":"Lê %d"}`, i, i, i))
	}
	const export = "/api/v1/datasets/aid/export?format=csv"
	inCase := []string{"Huong-Purpose", "care", "Huong-Case", "HS-9"}
	refused := s.must(403, "GET", export+"&lang=en", "an", "", inCase...)
	if refused.at("code") != "release-needed" || strings.Contains(refused.body, "Lê ") {
		t.Fatalf("refused: %s", refused.body)
	}
	s.must(403, "POST", "/api/v1/releases", "em", `{"dataset":"aid","purpose":"care","most":2000,"need":"x"}`)
	s.must(422, "POST", "/api/v1/releases", "an", `{"dataset":"aid","purpose":"care","most":0,"need":"","fields":["code"]}`)
	x := s.must(201, "POST", "/api/v1/releases", "an", `{"dataset":"aid","purpose":"care","most":2000,"need":"Bàn giao"}`)
	path, version := x.at("url").(string), x.at("version")
	s.must(403, "POST", path+"/decision", "an", fmt.Sprintf(`{"approve":true,"version":%v,"reason":"tự duyệt"}`, version))
	s.must(404, "POST", path+"/decision", "binh", fmt.Sprintf(`{"approve":true,"version":%v,"reason":"lạ"}`, version))
	s.must(412, "POST", path+"/decision", "cuc", `{"approve":true,"version":1,"reason":"cũ"}`)
	if d := s.must(200, "POST", path+"/decision", "cuc", fmt.Sprintf(`{"approve":true,"version":%v,"reason":"Có quyết định"}`, version)); d.at("state") != "approved" || d.at("until") == nil {
		t.Errorf("approved: %s", d.body)
	}
	if got := s.must(200, "GET", export, "an", "", inCase...); strings.Count(got.body, "Lê ") != 1100 {
		t.Errorf("%d records by the approval", strings.Count(got.body, "Lê "))
	}
	s.must(403, "GET", export, "an", "", inCase...)
	for _, who := range []string{"an", "cuc", "em"} {
		if d := s.must(200, "GET", "/api/v1/releases", who, ""); !strings.Contains(d.body, `"state":"used"`) || d.at("above") != 1000.0 {
			t.Errorf("%s sees %s", who, d.body)
		}
	}
	if d := s.must(200, "GET", path, "em", ""); d.at("reason") != "Có quyết định" || d.at("usedAt") == nil {
		t.Errorf("the auditor sees %s", d.body)
	}
}

func TestPreviewByTheAPI(t *testing.T) {
	s := startTrust(t)
	g := s.must(201, "POST", "/api/v1/grants", "binh", asked)
	path := g.at("url").(string) + "/preview"
	s.must(401, "POST", path, "", `{}`)
	s.must(403, "POST", path, "binh", `{}`)
	s.must(422, "POST", path, "an", `{"fields":["person"]}`)
	pv := s.must(200, "POST", path, "an", `{"fields":["code","name"],"masks":[{"field":"name","how":"pseudonym"}]}`, "Huong-Purpose", "care", "Huong-Case", "HS-9")
	if pv.at("matched") != 3.0 || !strings.Contains(pv.body, `"masked":"pseudonym"`) || strings.Contains(pv.body, "Nguyễn") || strings.Contains(pv.body, "046099") || !strings.Contains(pv.body, `"code":"a1"`) {
		t.Errorf("preview: %s", pv.body)
	}
}
