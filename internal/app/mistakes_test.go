package app

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/repo"
)

// mistakes are requests of one who may write, each with personal values in it
// and a fault: what is answered names the place and the rule, never the value.
// What somebody puts where a name belongs (of a field, a dataset, a parameter) is
// told back to them, and is kept nowhere.
func (s *seeded) mistakes(t *testing.T, forms map[string][]string) {
	t.Helper()
	names := func(w *httptest.ResponseRecorder) {
		if w.Code < 400 && !strings.Contains(w.Body.String(), "quarantined") {
			t.Errorf("a name that is none is taken: %d %s", w.Code, w.Body)
		}
	}
	a, b := persons["A"], persons["B"]
	s.people["writer"] = machine(nil, []string{"*"})
	s.people["officer"] = staff("ours", grant.Officer, east)
	values := fmt.Sprintf(`"person":%q,"named":%q,"phone":%q`, a.number, a.name, a.phone)
	at := `"location":[107.5,16.45]`
	for _, d := range append(append([]string{}, classes...), "by-number") {
		base := "/api/v1/datasets/" + d + "/records"
		bodies := []struct{ method, path, media, body string }{
			{"POST", base, "application/json", fmt.Sprintf(`{"id":"x",%s,"person":%q,"named":%q,"phone":%q}`, at, a.number+"9", a.name, a.phone+"1")},
			{"POST", base, "application/json", fmt.Sprintf(`{"id":"x",%s,"person":%s,"named":[%q]}`, at, a.number[1:], a.name)},
			{"POST", base, "application/json", fmt.Sprintf(`{"id":"x",%s,%s,"named":%q}`, at, values, b.name)},
			{"POST", base, "application/json", fmt.Sprintf(`{"id":"x",%s,"named":%q`, at, a.name)},
			{"POST", base, "application/json", fmt.Sprintf(`{"id":"x",%s,"named":%q}`, at, strings.Repeat(a.name+" ", 10))},
			{"POST", base, "application/json", fmt.Sprintf(`%q`, a.name)},
			{"POST", base, "application/json", fmt.Sprintf(`[{"id":"x","location":%q,%s}]`, a.phone, values)},
			{"POST", base + "?outcomes=all", "application/x-ndjson", fmt.Sprintf("{\"id\":\"x\",\"location\":%q,%s}\n{\"named\":%q\n", a.phone, values, a.name)},
			{"POST", base, "text/csv", "id,location,person,named,inner\nx," + a.phone + "," + a.name + "," + a.number + ",1\n"},
			{"POST", base, "text/csv", "id,person,named\nx,\"" + a.number + "," + a.name + "\n"},
			{"PUT", base + "/x", "application/json", fmt.Sprintf(`{"id":%q,%s,%s}`, a.number, at, values)},
			{"PUT", base + "/" + a.number, "application/json", fmt.Sprintf(`{"id":"y",%s,%s}`, at, values)},
			{"PUT", base + "/" + b.number, "application/json", fmt.Sprintf(`{"person":%q,"named":%q}`, a.number, a.name)},
			{"PATCH", base + "/A", "application/merge-patch+json", fmt.Sprintf(`{"person":%q,"phone":%q}`, a.number+"7", a.phone+"2")},
			{"PATCH", base + "/" + a.number + "9", "application/merge-patch+json", fmt.Sprintf(`{"named":%q}`, a.name)},
			{"DELETE", base + "/" + a.number + "9", "", ""},
			{"POST", "/api/v1/quarantine/" + s.held[classes[0]], "application/json", fmt.Sprintf(`{"person":%q}`, a.number+"9")},
			{"POST", "/api/v1/quarantine/" + a.number, "application/json", `{"person":"1"}`},
		}
		for _, as := range []string{"writer", "officer", ""} {
			for _, m := range bodies {
				w := s.ask(as, m.method, m.path, m.body, "Content-Type", m.media)
				found := sighting(t, whole(w), forms)
				if w.Code < 400 && (strings.Contains(w.Header().Get("Location"), a.number) || strings.Contains(w.Body.String(), `"_key"`)) {
					continue // it was lawful after all: the writer is told the record's address
				}
				if found != nil {
					t.Errorf("%s %s (%s) as %q answers %d with %v: %s", m.method, m.path, m.media, as, w.Code, found, w.Body)
				}
			}
		}
		for _, q := range []string{
			"filter=" + url.QueryEscape("phone > "+a.phone), "filter=" + url.QueryEscape("named = '"+a.name),
			"filter=" + url.QueryEscape("person = '"+a.number+"'"), "cursor=" + a.number,
			"asOf=" + a.number, "limit=" + a.number, "bbox=" + a.number, "nothing=" + a.number, "lang=" + a.number, "f=" + a.number,
		} {
			for _, as := range []string{"", "writer", "stranger"} {
				if found := sighting(t, whole(s.ask(as, "GET", base+"?"+q, "")), forms); found != nil {
					t.Errorf("GET %s?%s as %q answers with %v", base, q, as, found)
				}
			}
		}
	}
	for _, path := range []string{"/" + a.number, "/datasets/" + a.number, "/api/v1/datasets/" + a.number, "/api/v1/" + url.PathEscape(a.name), "/problems/" + a.number, "/log/" + a.number, "/quarantine/" + a.number, "/sharing/" + a.number, "/api/v1/grants/" + a.number, "/assets/" + a.number, "/enter/link/" + a.number} {
		for _, as := range []string{"", "officer"} {
			if w := s.ask(as, "GET", path, ""); w.Code < 400 {
				t.Errorf("GET %s answers %d", path, w.Code)
			}
		}
	}
	for _, q := range []string{"filter=" + url.QueryEscape("\""+a.name+"\" = 1"), "sort=" + a.number, "fields=" + url.QueryEscape(a.name), "area=" + a.number, a.number + "=1"} {
		names(s.ask("officer", "GET", "/api/v1/datasets/personal/records?"+q, ""))
	}
	names(s.ask("writer", "POST", "/api/v1/datasets/personal/records", fmt.Sprintf(`{"id":"x",%s,%q:1}`, at, a.name)))
	names(s.ask("writer", "POST", "/api/v1/datasets/personal/records", "id,"+a.phone+"\nx,1\n", "Content-Type", "text/csv"))
	names(s.ask("officer", "POST", "/datasets/personal/records/B", "version=1&f.phone="+a.phone+"9&reason=x", "Content-Type", form))
	s.people["purposeless"] = repo.Principal{Name: "ours-officer", Agency: "ours", Roles: []string{grant.Officer}, Areas: []string{"*"}}
	for _, header := range [][]string{{"Huong-Purpose", a.number}, {"Huong-Case", a.name}, {"Huong-Reason", a.name}, {"Idempotency-Key", a.number}, {"If-Match", a.number}, {"Accept", a.number}, {"Content-Type", a.number}, {"X-Request-Id", a.name}} {
		w := s.ask("purposeless", "POST", "/api/v1/datasets/personal/records", `{"id":"z"}`, header...)
		if found := sighting(t, whole(w), forms); found != nil && w.Code >= 400 {
			t.Errorf("the header %s comes back: %s", header[0], w.Body)
		}
	}
}
