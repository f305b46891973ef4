package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestReading(t *testing.T) {
	s := start(t, nil)
	s.fill()
	q := url.QueryEscape
	for _, c := range []struct {
		name, path, token string
		status            int
		want              map[string]string // dug out of the document, as %v
		text              []string          // in the body
		not               []string          // not in the body
	}{
		{"catalog of the public", "/api/v1/datasets?lang=en", "", 200, map[string]string{"count": "2", "datasets.0.name": "level", "datasets.1.title": "Water station"}, nil, []string{"happening", "token"}},
		{"catalog of a writer", "/api/v1/datasets", s.writer, 200, map[string]string{"count": "3", "datasets.0.name": "happening", "datasets.0.writable": "true"}, nil, nil},
		{"search without marks", "/api/v1/datasets?q=tram+do", "", 200, map[string]string{"count": "1", "datasets.0.name": "station"}, nil, nil},
		{"search does not show hidden fields", "/api/v1/datasets?q=trong+coi", "", 200, map[string]string{"count": "0"}, nil, nil},
		{"search shows them to readers", "/api/v1/datasets?q=trong+coi", s.reader, 200, map[string]string{"count": "1"}, nil, nil},
		{"sector", "/api/v1/datasets?sector=traffic", "", 200, map[string]string{"count": "0"}, nil, nil},
		{"one dataset", "/api/v1/datasets/level?lang=en", "", 200, map[string]string{"count": "60", "title": "Water level", "freshness.newest": "2025-10-01T22:00:00Z", "freshness.late": "true", "freshness.promiseSeconds": "600", "schema.properties.level.x-unit": "m"}, nil, nil},
		{"hidden field of a declaration", "/api/v1/datasets/station", "", 200, nil, nil, []string{"keeper"}},
		{"descriptor", "/api/v1/datasets/station/descriptor", "", 200, nil, []string{`"schema"`, "primaryKey"}, nil},
		{"contract", "/api/v1/datasets/station/contract", "", 200, nil, []string{"apiVersion"}, nil},
		{"unknown dataset, public", "/api/v1/datasets/nowhere", "", 401, nil, nil, nil},
		{"closed dataset, public", "/api/v1/datasets/happening", "", 401, nil, nil, nil},
		{"unknown dataset, reader", "/api/v1/datasets/nowhere", s.reader, 404, nil, nil, nil},
		{"closed dataset, reader", "/api/v1/datasets/happening/records", s.reader, 403, nil, nil, nil},
		{"closed dataset, other paths", "/api/v1/datasets/happening/changes", s.reader, 403, nil, nil, nil},
		{"tokens are nobody's", "/api/v1/datasets/token/records", s.writer, 403, nil, nil, nil},

		{"records", "/api/v1/datasets/station/records", "", 200, map[string]string{"numberMatched": "3", "numberReturned": "3", "records.0._key": "kimlong", "records.0.location.coordinates.0": "107.56"}, []string{"9007199254740993"}, []string{"keeper", "Nguyễn", `"next"`}},
		{"records of a reader", "/api/v1/datasets/station/records", s.reader, 200, map[string]string{"records.0.keeper": "Nguyễn Văn A"}, nil, nil},
		{"filter", "/api/v1/datasets/station/records?filter=" + q("accenti(casei(river)) = accenti(casei('HUONG'))"), "", 200, map[string]string{"numberMatched": "2"}, nil, nil},
		{"filter as JSON", "/api/v1/datasets/station/records?filter-lang=cql2-json&filter=" + q(`{"op":">","args":[{"property":"depth"},3.5]}`), "", 200, map[string]string{"numberMatched": "1", "records.0.code": "kimlong"}, nil, nil},
		{"filter by a hidden field", "/api/v1/datasets/station/records?filter=" + q("keeper LIKE 'N%'"), "", 400, nil, nil, []string{"Nguyễn"}},
		{"broken filter", "/api/v1/datasets/station/records?lang=en&filter=" + q("depth >"), "", 400, map[string]string{"violations.0.field": "filter", "violations.0.position.offset": "7"}, nil, nil},
		{"unknown property", "/api/v1/datasets/station/records?filter=" + q("dept > 1"), "", 400, nil, []string{"depth"}, nil},
		{"bbox", "/api/v1/datasets/station/records?bbox=107.5,16.4,107.6,16.5", "", 200, map[string]string{"numberMatched": "1", "records.0.code": "kimlong"}, nil, nil},
		{"bbox of a dataset without place", "/api/v1/datasets/level/records?bbox=107.5,16.4,107.6,16.5", "", 400, nil, nil, nil},
		{"broken bbox", "/api/v1/datasets/station/records?bbox=1,2,3", "", 400, map[string]string{"violations.0.code": "bbox-invalid"}, nil, nil},
		{"datetime day", "/api/v1/datasets/level/records?datetime=2025-10-02", "", 200, map[string]string{"numberMatched": "12"}, nil, nil},
		{"datetime instant", "/api/v1/datasets/level/records?datetime=" + q("2025-10-01T05:00:00+07:00"), "", 200, map[string]string{"numberMatched": "2", "records.0.level": "0.5"}, nil, nil},
		{"datetime interval", "/api/v1/datasets/level/records?datetime=" + q("2025-10-01T05:00:00+07:00/2025-10-01T06:00:00+07:00"), "", 200, map[string]string{"numberMatched": "4"}, nil, nil},
		{"datetime open", "/api/v1/datasets/level/records?datetime=../2025-10-01", "", 200, map[string]string{"numberMatched": "48"}, nil, nil},
		{"datetime of days", "/api/v1/datasets/happening/records?datetime=2025-10-01/2025-10-02", s.writer, 200, map[string]string{"numberMatched": "1"}, nil, nil},
		{"datetime backwards", "/api/v1/datasets/level/records?datetime=2025-10-02/2025-10-01", "", 400, nil, nil, nil},
		{"fields and sort", "/api/v1/datasets/station/records?fields=name&sort=-code", "", 200, map[string]string{"records.0.name": `Tuần, "ngã ba"`, "records.0._key": "tuan", "records.0.river": "<nil>"}, nil, nil},
		{"unknown field, all faults", "/api/v1/datasets/station/records?fields=nam&sort=dept&limit=5", "", 400, map[string]string{"violations.0.field": "fields", "violations.1.field": "sort"}, []string{"name", "depth"}, nil},
		{"unknown parameter", "/api/v1/datasets/station/records?limt=5&lang=en", "", 400, map[string]string{"violations.0.code": "parameter-unknown-near"}, []string{`did you mean \"limit\"`}, nil},
		{"limit", "/api/v1/datasets/station/records?limit=100000", "", 400, nil, []string{"10000"}, nil},
		{"repeated parameter", "/api/v1/datasets/station/records?limit=1&limit=2", "", 400, nil, nil, nil},
		{"geojson", "/api/v1/datasets/station/records?f=geojson&fields=name&limit=1", "", 200, map[string]string{"type": "FeatureCollection", "features.0.id": "kimlong", "features.0.geometry.type": "Point", "features.0.properties.name": "Kim Long"}, nil, nil},
		{"csv", "/api/v1/datasets/station/records?f=csv&fields=code,name", "", 200, nil, []string{"code,name\r\n", `tuan,"Tuần, ""ngã ba"""` + "\r\n"}, nil},
		{"ndjson", "/api/v1/datasets/station/records?f=ndjson&fields=code", "", 200, nil, []string{"{\"code\":\"kimlong\",\"_key\":\"kimlong\",\"_version\":"}, nil},
		{"as of before the first commit", "/api/v1/datasets/station/records?asOf=1990-01-01", "", 400, nil, nil, nil},
		{"as of the future", "/api/v1/datasets/station/records?asOf=100000", "", 400, map[string]string{"violations.0.code": "asof-range"}, nil, nil},
		{"forged cursor", "/api/v1/datasets/station/records?cursor=AAAA", "", 400, nil, nil, nil},
		{"one record", "/api/v1/datasets/station/records/kimlong", "", 200, map[string]string{"name": "Kim Long"}, nil, []string{"keeper"}},
		{"one record, two key parts", "/api/v1/datasets/level/records/" + url.PathEscape("kimlong,2025-09-30T17:00:00Z"), "", 200, map[string]string{"level": "0"}, nil, nil},
		{"no such record", "/api/v1/datasets/station/records/nothing", "", 404, nil, nil, nil},
		{"broken key", "/api/v1/datasets/level/records/kimlong", "", 400, nil, nil, nil},
		{"history", "/api/v1/datasets/station/records/kimlong/history", "", 200, map[string]string{"versions.0.record.name": "Kim Long", "more": "false"}, nil, []string{"keeper"}},
		{"history of nothing", "/api/v1/datasets/station/records/nothing/history", "", 404, nil, nil, nil},
		{"aggregate", "/api/v1/datasets/level/aggregate?by=station&measure=count," + q("mean(level),max(level)"), "", 200, map[string]string{"groups.0.station": "kimlong", "groups.0.count": "30", "groups.0.max(level)": "2.9", "groups.1.mean(level)": "1.45"}, nil, nil},
		{"aggregate by day of the city", "/api/v1/datasets/level/aggregate?by=observedAt:day", "", 200, map[string]string{"groups.0.observedAt": "2025-09-30T17:00:00Z", "groups.0.count": "48", "groups.1.count": "12"}, nil, nil},
		{"aggregate limit", "/api/v1/datasets/level/aggregate?by=observedAt&limit=2", "", 200, map[string]string{"more": "true"}, nil, nil},
		{"aggregate by area", "/api/v1/datasets/station/aggregate?by=area", "", 200, map[string]string{"groups.0.count": "3"}, nil, nil},
		{"unknown measure", "/api/v1/datasets/level/aggregate?measure=" + q("median(level)"), "", 400, nil, nil, nil},
		{"unknown bucket", "/api/v1/datasets/level/aggregate?by=observedAt:fortnight", "", 400, nil, nil, nil},
		{"difference without from", "/api/v1/datasets/station/difference", "", 400, nil, nil, nil},
		{"commits", "/api/v1/commits?limit=2&desc=true", "", 200, map[string]string{"commits.0.datasets.level": "60"}, nil, []string{"actor", "happening", "token"}},
		{"commits of a writer", "/api/v1/commits?datasets=happening", s.writer, 200, map[string]string{"commits.0.source": "api"}, nil, nil},
		{"commits of closed data", "/api/v1/commits?datasets=happening", "", 401, nil, nil, nil},
		{"commit that does not exist", "/api/v1/commits/99999", "", 404, nil, nil, nil},
		{"commit that is no number", "/api/v1/commits/last", "", 404, nil, nil, nil},
		{"status", "/api/v1/status", "", 200, nil, []string{`"head":`}, []string{"queue"}},
		{"status signed in", "/api/v1/status", s.reader, 200, nil, []string{`"queue":0`}, nil},
		{"docs", "/api/v1/docs?lang=en", "", 200, nil, []string{"<!doctype html>", "Water station", "/api/v1/datasets/{name}/records", "docs.css"}, []string{"<script", "style=", "happening", "keeper"}},
		{"docs in Vietnamese", "/api/v1/docs", "", 200, nil, []string{"Trạm đo nước", `lang="vi"`}, nil},
		{"a problem explained", "/problems/parameter-unknown", "", 200, map[string]string{"code": "parameter-unknown"}, nil, nil},
		{"a problem unknown", "/problems/nothing", "", 404, nil, nil, nil},
		{"health", "/healthz", "", 200, nil, []string{"ok"}, nil},
		{"ready", "/readyz", "", 200, nil, []string{"ok"}, nil},
		{"metrics from the machine itself", "/metrics", "", 200, nil, []string{"huong_http_requests_total"}, nil},
		{"metrics with a token", "/metrics", s.reader, 403, nil, nil, nil},
		{"unknown route", "/api/v1/nothing", "", 404, map[string]string{"code": "route-unknown"}, nil, nil},
		{"escaped slash in a key", "/api/v1/datasets/station/records/a%2Fb", "", 404, map[string]string{"code": "record-unknown"}, nil, nil},
		{"broken escapes", "/api/v1/datasets/station/records?filter=%zz", "", 400, nil, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.do("GET", c.path, c.token, "")
			if r.status != c.status {
				t.Fatalf("status %d, want %d: %s", r.status, c.status, r.body)
			}
			for path, want := range c.want {
				if got := fmt.Sprint(r.at(path)); got != want {
					t.Errorf("%s = %s, want %s in %.600s", path, got, want, r.body)
				}
			}
			for _, w := range c.text {
				if !strings.Contains(r.body, w) {
					t.Errorf("%q lacks %q", r.body, w)
				}
			}
			for _, w := range c.not {
				if strings.Contains(r.body, w) {
					t.Errorf("%.1000q shows %q", r.body, w)
				}
			}
			if r.status >= 400 && r.header.Get("Content-Type") != "application/problem+json; charset=utf-8" {
				t.Errorf("no problem: %s", r.header.Get("Content-Type"))
			}
			if h := s.do("HEAD", c.path, c.token, ""); h.status != r.status || h.body != "" {
				t.Errorf("HEAD: %d %q", h.status, h.body)
			}
		})
	}
}

func TestPages(t *testing.T) {
	s := start(t, nil)
	s.fill()
	var keys []string
	path := "/api/v1/datasets/level/records?limit=7&sort=-level"
	for pages := 0; path != ""; pages++ {
		if pages > 20 {
			t.Fatal("the pages do not end")
		}
		r := s.must(200, "GET", path, "", "")
		for _, rec := range r.at("records").([]any) {
			keys = append(keys, rec.(map[string]any)["_key"].(string))
		}
		link := r.header.Get("Link")
		path = ""
		if next, ok := r.at("next").(string); ok {
			address, rel, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
			if rel != `; rel="next"` || !strings.Contains(address, url.QueryEscape(next)) {
				t.Fatalf("link %q, next %q", link, next)
			}
			path = address
		} else if link != "" {
			t.Errorf("link without next: %s", link)
		}
	}
	seen := map[string]bool{}
	for _, k := range keys {
		seen[k] = true
	}
	if len(keys) != 60 || len(seen) != 60 {
		t.Errorf("%d keys, %d distinct, want 60", len(keys), len(seen))
	}
	r := s.must(200, "GET", "/api/v1/datasets/level/records?limit=7", "", "")
	s.must(400, "GET", "/api/v1/datasets/level/records?limit=7&filter=level%3E1&cursor="+r.at("next").(string), "", "")
}

func TestALargePageLinksInTheTrailer(t *testing.T) {
	s := start(t, nil)
	var b strings.Builder
	for i := range 10_001 {
		fmt.Fprintf(&b, `{"code":"s%05d","name":"%s"}`+"\n", i, strings.Repeat("n", 100))
	}
	s.must(200, "POST", "/api/v1/datasets/station/records?outcomes=none", s.writer, b.String(), "Content-Type", "application/x-ndjson")
	res, err := s.Client().Get(s.URL + "/api/v1/datasets/station/records?limit=10000")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var doc reply
	doc.decode(t, res)
	if n := len(doc.at("records").([]any)); n != 10_000 || doc.at("next") == nil {
		t.Errorf("%d records, next %v", n, doc.at("next"))
	}
	if link := res.Trailer.Get("Link"); !strings.Contains(link, `rel="next"`) {
		t.Errorf("trailer %v", res.Trailer)
	}
}

func TestRevalidation(t *testing.T) {
	s := start(t, nil)
	s.fill()
	for _, path := range []string{"/api/v1/datasets/station/records", "/api/v1/datasets/station/records/kimlong", "/api/v1/datasets/station/descriptor", "/api/v1/openapi.json"} {
		tag := s.must(200, "GET", path, "", "").header.Get("ETag")
		if tag == "" {
			t.Errorf("%s: no ETag", path)
		}
		if r := s.must(304, "GET", path, "", "", "If-None-Match", `"x", `+tag); r.body != "" {
			t.Errorf("%s: body of a 304: %q", path, r.body)
		}
		if other := s.must(200, "GET", path, s.writer, "").header.Get("ETag"); other == tag && !strings.HasSuffix(path, "kimlong") && !strings.HasSuffix(path, "descriptor") {
			t.Errorf("%s: what another reader sees must have another tag", path)
		}
	}
	path := "/api/v1/datasets/station/records"
	tag := s.must(200, "GET", path, "", "").header.Get("ETag")
	s.must(200, "PATCH", path+"/phuoc", s.writer, `{"depth":5}`)
	s.must(200, "GET", path, "", "", "If-None-Match", tag)
}

func TestWriting(t *testing.T) {
	s := start(t, nil)
	one := "/api/v1/datasets/station/records/kimlong"
	all := "/api/v1/datasets/station/records"

	s.must(401, "PUT", one, "", `{"name":"x"}`)
	s.must(403, "PUT", one, s.reader, `{"name":"x"}`)
	s.must(415, "PUT", one, s.writer, `{"name":"x"}`, "Content-Type", "text/plain")
	s.must(415, "PUT", one, s.writer, `{"name":"x"}`, "Content-Encoding", "gzip")
	s.must(412, "PUT", one, s.writer, `{"name":"x"}`, "If-Match", "*")
	s.must(404, "PATCH", one, s.writer, `{"name":"x"}`)
	s.must(404, "DELETE", one, s.writer, "")

	r := s.must(201, "PUT", one, s.writer, `{"name":"Kim Long","depth":2,"equipment":{"a":{"b":1,"c":2}},"_version":99}`, "If-None-Match", "*", "Huong-Reason", "l%E1%BA%A7n%20%C4%91%E1%BA%A7u")
	tag := r.header.Get("ETag")
	if r.header.Get("Location") != one || tag == "" || r.at("result") != "created" {
		t.Errorf("created: %v %s", r.header, r.body)
	}
	if got := s.must(200, "GET", one, "", "").header.Get("ETag"); got != tag {
		t.Errorf("ETag %s after writing, %s when read", tag, got)
	}
	if r := s.must(200, "GET", fmt.Sprintf("/api/v1/commits/%v", r.at("seq")), s.writer, ""); r.at("reason") != "lần đầu" || r.at("changes.0.key") != "kimlong" {
		t.Errorf("commit: %s", r.body)
	}
	s.must(412, "PUT", one, s.writer, `{"name":"x"}`, "If-None-Match", "*")
	s.must(412, "PUT", one, s.writer, `{"name":"x"}`, "If-Match", `"1"`)
	s.must(412, "PUT", one, s.writer, `{"name":"x"}`, "If-Match", `W/`+tag)
	s.must(400, "PUT", one, s.writer, `{"name":"x"}`, "If-Match", `"1", "2"`)
	if r := s.must(200, "PUT", one, s.writer, `{"name":"Kim Long","depth":2,"equipment":{"a":{"b":1,"c":2}}}`); r.at("result") != "unchanged" || r.header.Get("ETag") != tag {
		t.Errorf("repeat: %s %s", r.header.Get("ETag"), r.body)
	}
	r = s.must(200, "PATCH", one, s.writer, `{"depth":null,"river":"Hương","equipment":{"a":{"c":null,"d":3}}}`, "If-Match", tag, "Content-Type", "application/merge-patch+json")
	got := s.must(200, "GET", one, "", "")
	if got.at("depth") != nil || got.at("river") != "Hương" || fmt.Sprint(got.at("equipment")) != "map[a:map[b:1 d:3]]" || got.header.Get("ETag") != r.header.Get("ETag") {
		t.Errorf("patched: %s", got.body)
	}
	s.must(412, "PATCH", one, s.writer, `{"depth":1}`, "If-Match", tag)

	// Every fault of a body at once, each with its place.
	r = s.must(422, "PUT", one, s.writer, `{"name":5,"dept":1,"depth":"x","code":"kimlong"}`)
	if n := len(r.at("violations").([]any)); n < 2 || !strings.Contains(r.body, `"row-unknown-near"`) {
		t.Errorf("violations: %s", r.body)
	}
	s.must(422, "PUT", one, s.writer, `{"name":"x","code":"other"}`)
	s.must(422, "PUT", one, s.writer, `{"depth":3}`)
	s.must(422, "PUT", one, s.writer, `{"name":"x","depth":300}`)
	for _, broken := range []string{`{"name":"x"`, `{"name":"x","name":"y"}`, `{"name":"x"} {}`, `[]`, `null`, `{"name":"\ud800"}`, "{\"name\":\"\xff\"}", `{name:1}`} {
		s.must(400, "PUT", one, s.writer, broken)
	}
	s.must(413, "PUT", one, s.writer, `{"name":"`+strings.Repeat("x", 9<<20)+`"}`)

	// One object to the collection.
	r = s.must(201, "POST", all, s.writer, `{"code":"a/b, c","name":"odd"}`)
	if got := s.must(200, "GET", r.header.Get("Location"), "", ""); got.at("code") != "a/b, c" {
		t.Errorf("location %s: %s", r.header.Get("Location"), got.body)
	}
	s.must(422, "POST", all, s.writer, `{"name":"no key"}`)
	s.must(412, "POST", all, s.writer, `{"code":"kimlong","name":"x"}`, "If-None-Match", "*")
	s.must(400, "POST", all, s.writer, " \n", "Content-Type", "application/json")
	s.must(415, "POST", all, s.writer, "<x/>", "Content-Type", "application/xml")

	// Idempotency.
	key := []string{"Idempotency-Key", "k1"}
	first := s.must(201, "POST", all, s.writer, `{"code":"twice","name":"one"}`, key...)
	s.must(200, "PUT", all+"/twice", s.writer, `{"name":"two"}`)
	again := s.must(200, "POST", all, s.writer, `{"code":"twice","name":"one"}`, key...)
	if again.at("result") != "repeat" || again.at("seq") != first.at("seq") {
		t.Errorf("repeat: %s", again.body)
	}
	if got := s.must(200, "GET", all+"/twice", "", ""); got.at("name") != "two" {
		t.Errorf("a repeat wrote again: %s", got.body)
	}
	s.must(400, "PUT", one, s.writer, `{"name":"x"}`, "Idempotency-Key", strings.Repeat("k", 201))
	batch := `[{"code":"b1","name":"x"},{"code":"b2","name":"y"}]`
	if r := s.must(200, "POST", all, s.writer, batch, "Idempotency-Key", "k2"); r.at("accepted") != 2.0 {
		t.Errorf("atomic: %s", r.body)
	}
	if r := s.must(200, "POST", all, s.writer, batch, "Idempotency-Key", "k2"); r.at("accepted") != 2.0 {
		t.Errorf("atomic again: %s", r.body)
	}
	r = s.must(422, "POST", all, s.writer, `[{"code":"c1","name":"x"},{"code":"c2"}]`, "Idempotency-Key", "k3")
	if r.at("violations.0.row") != 1.0 {
		t.Errorf("row of the fault: %s", r.body)
	}
	s.must(404, "GET", all+"/c1", "", "")

	// Deleting and the past.
	before := s.must(200, "GET", one, "", "")
	s.must(412, "DELETE", one, s.writer, "", "If-Match", `"1"`)
	s.must(200, "DELETE", one, s.writer, "", "If-Match", before.header.Get("ETag"))
	s.must(404, "GET", one, "", "")
	s.must(404, "DELETE", one, s.writer, "")
	if r := s.must(200, "GET", one+"/history", "", ""); r.at("versions.0.deleted") != true || r.at("versions.1.record.river") != "Hương" {
		t.Errorf("history: %s", r.body)
	}
	version := strings.Trim(before.header.Get("ETag"), `"`)
	if r := s.must(200, "GET", one+"?asOf="+version, "", ""); r.at("river") != "Hương" {
		t.Errorf("as of: %s", r.body)
	}
	if r := s.must(200, "GET", all[:len(all)-len("/records")]+"/difference?from="+version, "", ""); !strings.Contains(r.body, `"result":"deleted","key":"kimlong"`) {
		t.Errorf("difference: %s", r.body)
	}
}

func TestBulk(t *testing.T) {
	s := start(t, nil)
	all := "/api/v1/datasets/station/records"
	r := s.must(200, "POST", all+"?lang=en", s.writer, "{\"code\":\"a\",\"name\":\"A\"}\n{\"code\":\"b\",\"name\":\"B\",\"depth\":1000}\nnot json\n{\"code\":\"c\",\"name\":\"C\"}\n", "Content-Type", "application/x-ndjson")
	if r.at("read") != 4.0 || r.at("accepted") != 2.0 || r.at("quarantined") != 2.0 || len(r.at("rows").([]any)) != 4 {
		t.Fatalf("ndjson: %s", r.body)
	}
	for _, row := range r.at("rows").([]any) {
		m := row.(map[string]any)
		if m["row"] == 1.0 && (m["result"] != "quarantined" || !strings.Contains(fmt.Sprint(m["violations"]), "depth")) {
			t.Errorf("row 1: %v", m)
		}
	}
	if r := s.must(200, "POST", all, s.writer, `[{"code":"a","name":"A"}]`); r.at("unchanged") != 1.0 {
		t.Errorf("again: %s", r.body)
	}
	if r := s.must(200, "POST", all, s.writer, "code,name,depth\r\nd,\"D, d\",1.5\r\ne,E,x\r\n", "Content-Type", "text/csv"); r.at("accepted") != 1.0 || r.at("quarantined") != 1.0 {
		t.Errorf("csv: %s", r.body)
	}
	s.must(400, "POST", all, s.writer, "code,nam\r\nd,D\r\n", "Content-Type", "text/csv; charset=utf-8")
	// Where the syntax is lost, what was written before it is told.
	r = s.must(400, "POST", all, s.writer, `[{"code":"f","name":"F"},{"code":"a","name":"A"},{"code":"i"}, oh`)
	if r.at("code") != "row-input" || r.at("done.accepted") != 1.0 || r.at("done.unchanged") != 1.0 || r.at("done.quarantined") != 2.0 || r.at("done.read") != 4.0 {
		t.Errorf("lost syntax: %s", r.body)
	}
	// The answer names the body's own last commit, which has the reason.
	r = s.must(200, "POST", all, s.writer, `[{"code":"j","name":"J"}]`, "Huong-Reason", "%C4%91o%20l%E1%BA%A1i")
	seq := r.at("seq")
	if c := s.must(200, "GET", fmt.Sprintf("/api/v1/commits/%v", seq), s.writer, ""); c.at("reason") != "đo lại" || c.at("count") != 1.0 {
		t.Errorf("commit of a bulk write: %s", c.body)
	}
	after := seq.(float64) + 2 // for looking at that commit left an access record
	if r := s.must(200, "POST", all+"?outcomes=all", s.writer, `[{"code":"k","name":"K"}]`, "Huong-Reason", "x"); !strings.Contains(r.body, fmt.Sprintf(`"seq":%v,`, after)) && !strings.Contains(r.body, fmt.Sprintf(`"seq":%v}`, after)) {
		t.Errorf("seq after %v: %s", seq, r.body)
	}
	s.must(401, "POST", all, "", `[]`)
	s.must(403, "POST", all, s.reader, `[]`)
	r = s.must(200, "POST", all+"?outcomes=all", s.writer, `[{"code":"g","name":"G"},{"code":"h"}]`)
	if lines := strings.Split(strings.TrimSpace(r.body), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[2], `{"summary":{"read":2,"accepted":1`) {
		t.Errorf("outcomes: %s", r.body)
	}

	// Quarantine: read, correct, replay, dismiss.
	list := s.must(200, "GET", "/api/v1/datasets/quarantine/records?sort=at&filter="+url.QueryEscape("dataset = 'station' AND state = 'open'"), s.writer, "")
	byRaw := map[string]string{}
	for _, rec := range list.at("records").([]any) {
		m := rec.(map[string]any)
		byRaw[m["raw"].(string)] = m["id"].(string)
	}
	if len(byRaw) < 4 {
		t.Fatalf("quarantine: %s", list.body)
	}
	id := func(part string) string {
		for raw, id := range byRaw {
			if strings.Contains(raw, part) {
				return id
			}
		}
		t.Fatalf("no quarantined row with %s in %v", part, byRaw)
		return ""
	}
	s.must(401, "POST", "/api/v1/quarantine/"+id(`1000`), "", `{"depth":"10"}`)
	if r := s.must(200, "POST", "/api/v1/quarantine/"+id(`1000`), s.writer, `{"depth":10}`); r.at("replayed") != 1.0 {
		t.Errorf("corrected: %s", r.body)
	}
	if r := s.must(200, "GET", all+"/b", "", ""); r.at("depth") != 10.0 {
		t.Errorf("after the correction: %s", r.body)
	}
	s.must(409, "POST", "/api/v1/quarantine/"+id(`1000`), s.writer, `{"depth":10}`)
	s.must(404, "POST", "/api/v1/quarantine/nothing", s.writer, `{"depth":10}`)
	s.must(400, "POST", "/api/v1/quarantine/"+id(`"h"`), s.writer, `{"depth":10,}`)
	if r := s.must(200, "POST", "/api/v1/quarantine/replay", s.writer, fmt.Sprintf(`{"dataset":"station","ids":[%q]}`, id(`"h"`))); r.at("open") != 1.0 {
		t.Errorf("replay: %s", r.body)
	}
	s.must(400, "POST", "/api/v1/quarantine/replay", s.writer, `{"ids":["x"],"filter":"a = ","other":1}`)
	s.must(400, "POST", "/api/v1/quarantine/replay", s.writer, `{"dataset":"station","ids":["x"],"filter":"a ="}`)
	s.must(404, "POST", "/api/v1/quarantine/replay", s.writer, `{"dataset":"nowhere"}`)
	s.must(422, "POST", "/api/v1/quarantine/"+id(`"h"`)+"/dismiss", s.writer, `{"note":""}`)
	s.must(200, "POST", "/api/v1/quarantine/"+id(`"h"`)+"/dismiss", s.writer, `{"note":"thử nghiệm"}`)
	if r := s.must(200, "GET", "/api/v1/datasets/quarantine/records/"+id(`"h"`), s.writer, ""); r.at("state") != "dismissed" {
		t.Errorf("dismissed: %s", r.body)
	}
}

func TestExport(t *testing.T) {
	s := start(t, nil)
	s.fill()
	for _, format := range []string{"csv", "tsv", "json", "ndjson", "geojson", "xlsx", "parquet"} {
		r := s.must(200, "GET", "/api/v1/datasets/station/export?format="+format, "", "")
		if !strings.Contains(r.header.Get("Content-Disposition"), `filename="station.`+format+`"`) || len(r.body) < 50 {
			t.Errorf("%s: %v, %d bytes", format, r.header, len(r.body))
		}
		if strings.Contains(r.body, "Nguyễn") {
			t.Errorf("%s shows a hidden field", format)
		}
	}
	if r := s.must(200, "GET", "/api/v1/datasets/station/export?format=csv&fields=code&sort=-code&limit=2", "", ""); strings.TrimPrefix(r.body, "\ufeff") != "code\r\ntuan\r\nphuoc\r\n" {
		t.Errorf("csv: %q", r.body)
	}
	s.must(400, "GET", "/api/v1/datasets/level/export?format=geojson", "", "")
	s.must(400, "GET", "/api/v1/datasets/level/export?format=pdf", "", "")
	s.must(401, "GET", "/api/v1/datasets/happening/export", "", "")
	if r := s.must(200, "HEAD", "/api/v1/datasets/station/export?format=xlsx", "", ""); !strings.Contains(r.header.Get("Content-Type"), "spreadsheet") {
		t.Errorf("HEAD: %v", r.header)
	}
}

func TestMethods(t *testing.T) {
	s := start(t, nil)
	r := s.must(405, "POST", "/api/v1/datasets", s.writer, `{}`)
	if r.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("allow: %s", r.header.Get("Allow"))
	}
	s.must(405, "POST", "/api/v1/datasets/station/records/x", s.writer, `{}`)
	s.must(404, "POST", "/api/v2/datasets", s.writer, `{}`)
	if r := s.must(406, "GET", "/api/v1/datasets/station/records", "", "", "Accept", "image/png"); !strings.Contains(r.body, "geo+json") {
		t.Errorf("offers: %s", r.body)
	}
	if r := s.must(200, "GET", "/api/v1/datasets/station/records", "", "", "Accept", "text/csv"); r.header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("accept: %s", r.header.Get("Content-Type"))
	}
	if r := s.must(200, "GET", "/problems/busy", "", "", "Accept", "text/html"); !strings.Contains(r.body, "<html") {
		t.Errorf("html: %s", r.body)
	}
}

func (r *reply) decode(t *testing.T, res *http.Response) {
	t.Helper()
	b := readAll(t, res)
	unmarshal(t, b, &r.doc)
}
