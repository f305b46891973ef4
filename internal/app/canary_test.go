package app

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"huong.city/huong/internal/canarytest"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/export"
)

// canaries are the personal values of the seeded city, in the spellings in which
// they could leave: as they are, escaped for a URL or for JSON, in base 64.
func canaries() map[string][]string {
	all := map[string][]string{}
	for what, text := range seededValues() {
		all[what] = canarytest.Spellings(text)
	}
	return all
}

// sighting looks for canaries in the bytes of an answer and of what is packed in it.
func sighting(t testing.TB, b []byte, forms map[string][]string) (found []string) {
	for what, list := range forms {
		for _, form := range list {
			if bytes.Contains(b, []byte(form)) {
				found = append(found, what)
				break
			}
		}
	}
	if bytes.HasPrefix(b, []byte("PK\x03\x04")) {
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			inner, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, sighting(t, inner, forms)...)
		}
	}
	if bytes.HasPrefix(b, []byte("PAR1")) {
		f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		for _, g := range f.RowGroups() {
			rows := g.Rows()
			for buf := make([]parquet.Row, 16); ; {
				n, err := rows.ReadRows(buf)
				for _, row := range buf[:n] {
					for _, v := range row {
						fmt.Fprintln(&text, v.String())
					}
				}
				if err != nil {
					break
				}
			}
			rows.Close()
		}
		found = append(found, sighting(t, text.Bytes(), forms)...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// whole is everything of an answer: status, headers, body.
func whole(w *httptest.ResponseRecorder) []byte {
	var b bytes.Buffer
	w.Header().Write(&b)
	if h := w.Result().Header; len(h) > 0 {
		h.Write(&b)
	}
	b.Write(w.Body.Bytes())
	if bytes.HasPrefix(w.Body.Bytes(), []byte("PK")) || bytes.HasPrefix(w.Body.Bytes(), []byte("PAR1")) {
		return w.Body.Bytes()
	}
	return b.Bytes()
}

// readings are all ways to read that the matrix does not know: the formats, the
// states of before, conditions and orders on what is hidden, pages, figures.
func (s *seeded) readings(dataset string) []string {
	base := "/api/v1/datasets/" + dataset
	seq := fmt.Sprint(s.seq[dataset])
	key := "A"
	if dataset == "by-number" {
		key = persons["A"].number
	}
	list := []string{
		base, base + "/descriptor", base + "/contract", base + "/quality", base + "/access", base + "/changes",
		base + "/records?limit=1", base + "/records?asOf=" + seq, base + "/records?area=w", base + "/records?bbox=107,16,108,17",
		base + "/records?fields=person,named,phone", base + "/records?sort=person", base + "/records?sort=-named,phone",
		base + "/records/" + key, base + "/records/" + key + "?asOf=" + seq, base + "/records/" + key + "/history",
		base + "/difference?from=1&to=" + seq, base + "/difference?from=1",
		base + "/aggregate?by=person", base + "/aggregate?by=named&measure=count", base + "/aggregate?measure=min(named),max(person),distinct(phone)",
		base + "/aggregate?by=area&measure=max(named)",
		"/datasets/" + dataset, "/datasets/" + dataset + "?sort=named", "/datasets/" + dataset + "/records/" + key, "/datasets/" + dataset + "/changes",
		"/datasets/" + dataset + "/map", "/datasets/" + dataset + "/map/points.json?bbox=107,16,108,17&z=14", "/datasets/" + dataset + "/chart",
		"/datasets/" + dataset + "/quality", "/datasets/" + dataset + "/about", "/datasets/" + dataset + "/sharing",
		"/api/v1/changes?datasets=" + dataset + "&cursor=start", "/api/v1/commits?datasets=" + dataset, "/api/v1/commits/" + seq, "/log/" + seq,
		"/api/v1/me/data/" + dataset, "/quarantine?dataset=" + dataset,
	}
	for _, f := range []string{"json", "geojson", "csv", "ndjson"} {
		list = append(list, base+"/records?f="+f)
	}
	for _, f := range export.Formats() {
		list = append(list, base+"/export?format="+f, base+"/export?format="+f+"&asOf="+seq)
	}
	for _, held := range s.held {
		list = append(list, "/quarantine/"+held, "/api/v1/datasets/quarantine/records/"+held)
	}
	return list
}

var everywhere = []string{
	"/", "/datasets", "/log", "/imports", "/quarantine", "/enter", "/profile", "/accounts", "/sharing", "/areas.json", "/nowhere",
	"/api/v1/datasets", "/api/v1/changes?cursor=start", "/api/v1/commits", "/api/v1/status", "/api/v1/openapi.json", "/api/v1/docs", "/api/v1/grants",
	"/api/v1/me/data", "/api/v1/me/usage", "/tracker/v1/findUsage?limit=10", "/log/checkpoint", "/log/tile/0/000", "/log/tile/entries/000",
	"/api/v1/datasets/access/records", "/api/v1/datasets/quarantine/records", "/api/v1/datasets/account/records", "/api/v1/datasets/dataset/records",
	"/api/v1/datasets/import/records", "/api/v1/datasets/token/records", "/api/v1/datasets/quarantine/changes?cursor=start", "/api/v1/datasets/quarantine/export?format=ndjson",
}

// TestCanary looks for the personal values of the city in every byte of every
// answer, of the log and of the figures, for readers without a grant, who must
// find none, and with the right to them, who must find all: else the search is
// blind.
func TestCanary(t *testing.T) {
	strangers := map[string]repo.Principal{
		"stranger": staff("theirs", grant.Steward, "*"), "auditor": staff("theirs", grant.Auditor, "*"), "administrator": staff("theirs", grant.Administrator, "*"),
		"other-citizen":   {Name: "c3", Roles: []string{grant.Citizen}, Person: "046199000303", Assurance: 2},
		"without-purpose": withoutPurpose(staff("ours", grant.Steward, "*")),
		"elsewhere":       machine([]string{"sector"}, []string{"sector"}),
	}
	people := map[string]repo.Principal{"steward": staff("ours", grant.Steward, "*"), "machine": machine([]string{"*"}, []string{"*"})}
	for name, p := range strangers {
		people[name] = p
	}
	s := newSeeded(t, people)
	forms := canaries()
	sets := append(slices.Clone(classes), "by-number")
	asked := 0
	s.mistakes(t, forms) // first, for what they leave behind must not be found either
	look := func(as, path string, header ...string) []string {
		asked++
		return sighting(t, whole(s.ask(as, "GET", path, "", header...)), forms)
	}
	for _, as := range []string{"", "stranger", "auditor", "administrator", "other-citizen", "without-purpose", "elsewhere"} {
		paths := slices.Clone(everywhere)
		for _, d := range sets {
			paths = append(paths, s.readings(d)...)
		}
		for _, path := range paths {
			for _, lang := range []string{"vi", "en"} {
				found := look(as, path, "Accept-Language", lang)
				if !strings.HasPrefix(path, "/api/") { // a page names its own address, to be shown in the other language
					found = slices.DeleteFunc(found, func(what string) bool { return slices.Contains(sighting(t, []byte(path), forms), what) })
				}
				if len(found) > 0 {
					t.Errorf("GET %s as %q shows %v", path, as, found)
				}
			}
		}
	}
	s.streams(t, forms)

	// What was asked with values in it, and what was refused, is nowhere else.
	if found := sighting(t, []byte(s.log.text()), forms); found != nil {
		t.Errorf("the log holds %v", found)
	}
	if !strings.Contains(s.log.text(), "msg=request") {
		t.Error("the log has no line about a request: nothing was searched")
	}
	if found := sighting(t, s.metrics(t), forms); found != nil {
		t.Errorf("the metrics hold %v", found)
	}

	// The control: with the right to them the same search finds the values.
	for _, as := range []string{"steward", "machine"} {
		for _, d := range []string{"open", "internal", "personal"} {
			base := "/api/v1/datasets/" + d
			paths := []string{base + "/records", base + "/records?f=csv", base + "/records/A", base + "/records/A/history", base + "/changes?cursor=start",
				base + "/difference?from=1", base + "/aggregate?by=named", "/datasets/" + d, "/datasets/" + d + "/records/A", "/api/v1/commits/" + fmt.Sprint(s.seq[d]), "/log/" + fmt.Sprint(s.seq[d])}
			for _, f := range export.Formats() {
				paths = append(paths, base+"/export?format="+f)
			}
			for _, path := range paths {
				if found := look(as, path); !slices.Contains(found, "name of A") {
					t.Errorf("GET %s as %q: the search finds %v only", path, as, found)
				}
			}
		}
		if found := look(as, "/api/v1/datasets/by-number/records"); !slices.Contains(found, "number of B") {
			t.Errorf("keys as %q: %v", as, found)
		}
		if found := look(as, "/quarantine/"+s.held["personal"]); !slices.Contains(found, "phone of Q") {
			t.Errorf("quarantine as %q: %v", as, found)
		}
	}
	if found := sighting(t, []byte(s.log.text()), forms); found != nil {
		t.Errorf("the log of lawful readers holds %v", found)
	}
	t.Logf("%d answers searched for %d values", asked, len(forms))
}

// metrics are read as from the machine itself.
func (s *seeded) metrics(t testing.TB) []byte {
	t.Helper()
	q := httptest.NewRequest("GET", "/metrics", nil)
	q.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, q)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "huong_http_requests_total") {
		t.Fatalf("the metrics: %d", w.Code)
	}
	watch.Search("figures", "/metrics", w.Body.Bytes())
	return w.Body.Bytes()
}

// streams follow the changes until one comes that everybody may see.
func (s *seeded) streams(t *testing.T, forms map[string][]string) {
	t.Helper()
	s.intake("open", `{"id":"last","location":[107.5,16.45],"free":"TheLastOfAll"}`+"\n")
	for _, as := range []string{"", "stranger", "without-purpose", "steward"} {
		for _, path := range []string{"/api/v1/changes?cursor=start", "/api/v1/datasets/open/changes?cursor=start"} {
			w := s.follow(as, path, "TheLastOfAll")
			found := sighting(t, whole(w), forms)
			if as == "steward" != slices.Contains(found, "name of B") || as != "steward" && found != nil {
				t.Errorf("the stream %s as %q shows %v", path, as, found)
			}
		}
	}
}
