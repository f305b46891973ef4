package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/face/web"
	"huong.city/huong/internal/repo"
)

const aids = `
name: aid
title: {vi: Trợ cấp, en: Aid}
kind: register
owner: sldtbxh
classification: internal
schema:
  primaryKey: [code]
  fields:
    - {name: code, type: string}
    - {name: state, type: string}
    - {name: person, type: string, classification: personal}
    - {name: name, type: string, classification: personal}
person: person
`

// people are principals known by name, as sign-in makes them.
var people = map[string]repo.Principal{
	"an":     {Name: "an", Agency: "sldtbxh", Roles: []string{"steward"}},
	"binh":   {Name: "binh", Agency: "syt", Roles: []string{"officer"}, Purpose: "care"},
	"em":     {Name: "em", Agency: "ttra", Roles: []string{"auditor"}},
	"dan":    {Name: "dan", Roles: []string{"citizen"}, Person: "046099000001", Assurance: 2},
	"portal": {Name: "portal", Agency: "vpubnd", Roles: []string{"machine"}, Purpose: "care"},
}

func startTrust(t *testing.T) *site {
	t.Helper()
	s := start(t, func(c *web.Config) {
		known := c.Authenticate
		c.Authenticate = func(ctx context.Context, token string) (repo.Principal, error) {
			if p, ok := people[token]; ok {
				return p, nil
			}
			return known(ctx, token)
		}
	})
	d, err := dataset.Parse("aid.yaml", []byte(aids))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.repo.Plan(t.Context(), repo.Operator(), []*dataset.Dataset{d})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.repo.Apply(t.Context(), repo.Operator(), plan); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		mustRecord(t, s.repo, "aid", fmt.Sprintf(`{"code":"a%d","state":"open","person":"04609900000%d","name":"Nguyễn Văn %c"}`, i, i, 'A'+i))
	}
	mustRecord(t, s.repo, "agency", `{"code":"syt","name":"Sở Y tế","nameEn":"Department of Health"}`)
	return s
}

const asked = `{"dataset":"aid","action":"read","fields":["code","name"],"purposes":["care"],"basis":"Nghị định 278/2025/NĐ-CP","need":"Khám bệnh","until":"2027-12-31"}`

func TestGrantFromRequestToRevocation(t *testing.T) {
	s := startTrust(t)
	s.must(401, "POST", "/api/v1/grants", "", asked)
	s.must(403, "POST", "/api/v1/grants", "em", asked)
	bad := s.must(422, "POST", "/api/v1/grants", "binh", `{"dataset":"aid","action":"peek","fields":["nothing"],"until":"2020-01-01"}`)
	for _, field := range []string{"action", "fields", "basis", "need", "until"} {
		if !strings.Contains(bad.body, `"field":"`+field+`"`) {
			t.Errorf("nothing is said of %s: %s", field, bad.body)
		}
	}
	s.must(404, "GET", "/api/v1/datasets/aid/access", "em", "")
	before := s.must(200, "GET", "/api/v1/datasets/aid/access?lang=en", "binh", "")
	if before.at("allowed") != false || before.at("mayAsk") != true || !strings.Contains(before.body, "lack-everything") {
		t.Errorf("before: %s", before.body)
	}
	g := s.must(201, "POST", "/api/v1/grants", "binh", asked)
	path := g.at("url").(string)
	if g.header.Get("Location") != path || g.at("state") != "requested" || g.at("owner") != "sldtbxh" {
		t.Errorf("request: %s", g.body)
	}
	if s.do("GET", "/api/v1/datasets/aid/records", "binh", "").status == 200 {
		t.Error("asking shows records")
	}
	waiting := s.must(200, "GET", "/api/v1/grants?of=owner&state=requested", "an", "")
	if list := waiting.at("grants").([]any); len(list) != 1 || fmt.Sprint(list[0].(map[string]any)["may"]) != "[question approve refuse]" {
		t.Errorf("waiting: %s", waiting.body)
	}
	step := func(status int, who, step string, version any, more string) reply {
		t.Helper()
		return s.must(status, "POST", path+"/steps", who, fmt.Sprintf(`{"step":%q,"version":%v%s}`, step, version, more))
	}
	version := int64(g.at("version").(float64))
	step(403, "binh", "approve", version, "")
	step(422, "an", "refuse", version, `,"text":"Không"`)
	step(412, "an", "approve", version-1, "")
	step(422, "an", "approve", version, `,"terms":{"fields":["person"]}`)
	got := step(200, "an", "approve", version, `,"terms":{"fields":["code","name"],"masks":[{"field":"name","how":"last-digits"}]}`)
	step(409, "an", "refuse", int64(got.at("version").(float64)), `,"text":"x","citation":"y"`)
	records := s.must(200, "GET", "/api/v1/datasets/aid/records", "binh", "")
	if strings.Contains(records.body, "Nguyễn") || strings.Contains(records.body, "046099") || !strings.Contains(records.body, "•") {
		t.Errorf("under the grant: %s", records.body)
	}
	if after := s.must(200, "GET", "/api/v1/datasets/aid/access", "binh", ""); after.at("allowed") != true || !strings.Contains(after.body, got.at("id").(string)) {
		t.Errorf("after: %s", after.body)
	}
	if d := s.must(200, "GET", path, "em", ""); len(d.at("timeline").([]any)) != 2 {
		t.Errorf("timeline: %s", d.body)
	}
	if d := s.must(200, "GET", fmt.Sprintf("%s?asOf=%d", path, version), "em", ""); d.at("state") != "requested" {
		t.Errorf("as it was: %s", d.body)
	}
	step(200, "an", "revoke", int64(got.at("version").(float64)), `,"text":"Hết nhu cầu"`)
	if s.do("GET", "/api/v1/datasets/aid/records", "binh", "").status == 200 {
		t.Error("records are shown after the revocation")
	}
	s.must(404, "GET", path, "dan", "")
}

func TestThePersonAndThePortalAsk(t *testing.T) {
	s := startTrust(t)
	s.must(401, "GET", "/api/v1/me/usage", "", "")
	s.must(403, "GET", "/api/v1/me/data", "an", "")
	s.must(200, "GET", "/api/v1/datasets/aid/records/a1", "an", "", "Huong-Case", "HS-9")
	data := s.must(200, "GET", "/api/v1/me/data", "dan", "")
	if !strings.Contains(data.body, `"count":1,"dataset":"aid"`) && !strings.Contains(data.body, `"dataset":"aid","title":"Trợ cấp","owner":"sldtbxh","count":1`) {
		t.Errorf("held: %s", data.body)
	}
	if r := s.must(200, "GET", "/api/v1/me/data/aid", "dan", ""); !strings.Contains(r.body, "Nguyễn Văn B") || strings.Contains(r.body, "Nguyễn Văn A") {
		t.Errorf("my records: %s", r.body)
	}
	u := s.must(200, "GET", "/api/v1/me/usage?limit=5", "dan", "")
	list := u.at("usages").([]any)
	if u.at("total") != 2.0 || u.at("unbroken") != true || list[0].(map[string]any)["self"] != true || list[1].(map[string]any)["case"] != "HS-9" || list[1].(map[string]any)["purposeName"] != "Chăm sóc" {
		t.Errorf("usage: %s", u.body)
	}
	s.must(400, "GET", "/api/v1/me/usage?periodStart=soon", "dan", "")

	for _, path := range []string{"findUsage?userCode=VN046099000001", "usagePeriod", "heartbeat"} {
		s.must(401, "GET", "/tracker/v1/"+path, "", "")
		s.must(403, "GET", "/tracker/v1/"+path, "dan", "")
		s.must(403, "GET", "/tracker/v1/"+path, s.writer, "")
	}
	mustRecord(t, s.repo, "grant", `{"id":"t1","dataset":"access","account":"portal","action":"read","fields":["subject","number","at","agency","purpose"],"basis":"Luật 91/2025/QH15","from":"2020-01-01T00:00:00Z","state":"in-force"}`)
	wrong := s.must(400, "GET", "/tracker/v1/findUsage?userCode=04609900000X", "portal", "")
	if strings.Contains(wrong.body, "046099") {
		t.Errorf("the fault tells the number: %s", wrong.body)
	}
	for _, r := range []reply{
		s.must(200, "GET", "/tracker/v1/findUsage?userCode=VN046099000001", "portal", ""),
		s.must(200, "GET", "/tracker/v1/findUsage", "portal", "", "X-Road-UserId", "VN046099000001"),
	} {
		if r.at("totalUsages") != 2.0 || !strings.Contains(r.body, `"action":"Chăm sóc"`) || !strings.Contains(r.body, `"receiverCode":"sldtbxh"`) {
			t.Errorf("the portal: %s", r.body)
		}
	}
	if r := s.must(200, "GET", "/tracker/v1/findUsage?userCode=VN046099000001&offset=1&limit=1", "portal", ""); len(r.at("usages").([]any)) != 1 || r.at("totalUsages") != 2.0 {
		t.Errorf("a page: %s", r.body)
	}
	if u := s.must(200, "GET", "/api/v1/me/usage?limit=9", "dan", ""); u.at("total") != 5.0 {
		t.Errorf("the portal left no record: %s", u.body)
	}
	s.must(200, "GET", "/tracker/v1/usagePeriod", "portal", "")
	if r := s.must(200, "GET", "/tracker/v1/heartbeat", "portal", ""); r.at("status") != "OK" {
		t.Errorf("heartbeat: %s", r.body)
	}
}

func TestTrustAnswersFitTheirSchemas(t *testing.T) {
	s := startTrust(t)
	g := s.must(201, "POST", "/api/v1/grants", "binh", asked)
	s.must(200, "POST", g.at("url").(string)+"/steps", "an", fmt.Sprintf(`{"step":"approve","version":%v}`, int64(g.at("version").(float64))))
	s.must(200, "GET", "/api/v1/datasets/aid/records", "binh", "")
	mustRecord(t, s.repo, "grant", `{"id":"t1","dataset":"access","account":"portal","action":"read","fields":["subject","number","at","agency","purpose"],"basis":"Luật 91/2025/QH15","from":"2020-01-01T00:00:00Z","state":"in-force"}`)
	compiler := jsonschema.NewCompiler()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(s.must(200, "GET", "/api/v1/openapi.json", s.writer, "").body))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiler.AddResource("https://hue.example/openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{
		{"/api/v1/grants", "em", "Grants"}, {g.at("url").(string), "em", "Grant"}, {"/api/v1/datasets/aid/access", "binh", "Access"},
		{"/api/v1/me/data", "dan", "MyData"}, {"/api/v1/me/data/aid", "dan", "MyRecords"}, {"/api/v1/me/usage", "dan", "MyUsage"},
		{"/tracker/v1/findUsage?userCode=VN046099000001", "portal", "FindUsageResponse"}, {"/tracker/v1/usagePeriod", "portal", "UsagePeriodResponse"},
		{"/tracker/v1/heartbeat", "portal", "HeartbeatResponse"},
	} {
		schema, err := compiler.Compile("https://hue.example/openapi.json#/components/schemas/" + c[2])
		if err != nil {
			t.Fatal(err)
		}
		got := s.must(http.StatusOK, "GET", c[0], c[1], "")
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(got.body))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v\n%.500s", c[0], err, got.body)
		}
	}
	// No personal number is in what the log says of the requests.
	var reasons []string
	err = s.repo.Log(t.Context(), repo.Internal(), repo.LogQuery{}, func(e *commit.Entry) error {
		reasons = append(reasons, e.Reason, e.Actor, e.Source)
		return nil
	})
	if err != nil || slices.ContainsFunc(reasons, func(r string) bool { return strings.Contains(r, "046099") }) {
		t.Errorf("reasons %q, %v", reasons, err)
	}
}
