package request_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/request"
)

const city = "../../../city/hue/"

var zone = time.FixedZone("Asia/Ho_Chi_Minh", 7*3600)

func table(t testing.TB, file string) []map[string]string {
	t.Helper()
	f, err := os.Open(city + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]string
	for _, r := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = r[i]
		}
		list = append(list, m)
	}
	return list
}

// hue is the city by its own tables.
func hue(t testing.TB) request.Facts {
	t.Helper()
	f := request.Facts{Agencies: map[string]request.Agency{}}
	for _, a := range table(t, "areas.csv") {
		if a["kind"] != "city" {
			f.Areas = append(f.Areas, a["code"])
		}
	}
	for _, a := range table(t, "agencies.csv") {
		f.Agencies[a["code"]] = request.Agency{Area: a["area"], Live: true}
	}
	return f
}

func text(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(city + "requests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func catalogue(t testing.TB) *request.Catalogue {
	t.Helper()
	c, err := request.Parse("requests.yaml", []byte(text(t)))
	if err != nil {
		t.Fatal(told(err))
	}
	return c
}

func told(err error) []string {
	var list []string
	if err != nil {
		for _, v := range problem.As(err).Violations {
			list = append(list, fmt.Sprintf("%d:%d %s", v.Position.Line, v.Position.Column, v.Code))
		}
	}
	return list
}

// Every active category, from each of the forty wards, at each half hour of
// the day, goes to one agency that is live, and the file says why in both languages.
func TestHueSendsEverythingSomewhere(t *testing.T) {
	c, f := catalogue(t), hue(t)
	if err := request.Check(c, f); err != nil {
		t.Fatal(told(err))
	}
	if len(f.Areas) != 40 || len(c.Categories) < 30 || len(c.Groups) < 8 || len(c.Rules) < 15 {
		t.Fatalf("%d areas, %d categories, %d groups, %d rules", len(f.Areas), len(c.Categories), len(c.Groups), len(c.Rules))
	}
	routes := 0
	used := map[string]bool{}
	for _, k := range c.Categories {
		for _, area := range f.Areas {
			for minute := 0; minute < 1440; minute += 30 {
				r := c.Route(k.Code, area, time.Date(2026, 3, 9, 0, minute, 0, 0, zone))
				a, live := f.Agencies[r.Agency]
				if !r.Known || !live || !a.Live || r.Rule == "" || r.Why["vi"] == "" || r.Why["en"] == "" {
					t.Fatalf("%s in %s at %d: %+v", k.Code, area, minute, r)
				}
				if a.Area != "46" && a.Area != area {
					t.Fatalf("%s in %s is sent to %s, of %s", k.Code, area, r.Agency, a.Area)
				}
				used[r.Rule] = true
				routes++
			}
		}
	}
	if len(used) != len(c.Rules) {
		t.Errorf("%d of %d rules send something", len(used), len(c.Rules))
	}
	t.Logf("%d categories × %d wards × 48 half hours = %d routes, all live", len(c.Categories), len(f.Areas), routes)
}

func TestRoutes(t *testing.T) {
	c := catalogue(t)
	at := func(h, m int) time.Time { return time.Date(2026, 3, 9, h, m, 0, 0, zone) }
	for _, x := range []struct {
		category, area string
		at             time.Time
		agency, rule   string
		known          bool
		why            string
	}{
		{"noise", "19789", at(21, 59), "ubnd-19789", "ward", true, "people's committee"},
		{"noise", "19789", at(22, 0), "cath", "night-noise", true, "22:00–06:00"},
		{"noise", "", at(23, 0), "cath", "night-noise", true, "Noise"},
		{"noise", "19789", at(5, 59), "cath", "night-noise", true, ""},
		{"noise", "19789", at(6, 0), "ubnd-19789", "ward", true, ""},
		{"rubbish", "19789", at(9, 0), "hepco", "rubbish-centre", true, "the centre"},
		{"rubbish", "20056", at(9, 0), "ubnd-20056", "ward", true, ""},
		{"rubbish", "", at(9, 0), "hueioc", "", false, "duty desk"},
		{"road", "", at(9, 0), "sxd", "roads", true, "Road and pavement"},
		{"nonsense", "19789", at(9, 0), "ubnd-19789", "ward", true, ""},
	} {
		r := c.Route(x.category, x.area, x.at)
		if r.Agency != x.agency || r.Rule != x.rule || r.Known != x.known || !strings.Contains(r.Why["en"], x.why) {
			t.Errorf("%s in %q at %s: %+v, want %s by %q", x.category, x.area, x.at.Format("15:04"), r, x.agency, x.rule)
		}
	}
}

// line is the line of the file on which a text stands.
func line(t testing.TB, file, text string) int {
	t.Helper()
	before, _, ok := strings.Cut(file, text)
	if !ok {
		t.Fatalf("the file has no %q", text)
	}
	return strings.Count(before, "\n") + 1
}

// A fault that is planted in the file, or in the city, is told where it stands.
func TestFaultsAreLocated(t *testing.T) {
	good := text(t)
	const ward = "  - code: ward\n"
	for _, x := range []struct {
		name     string
		old, new string
		city     func(*request.Facts)
		at       string // text of the changed file whose line and column the faults have
		column   int
		want     []string
	}{
		{"nothing", "", "", nil, "", 0, nil},
		{"no rule for the rest", good[strings.Index(good, ward):strings.Index(good, "\noutcomes:")], "", nil, "      - code: dumping", 9, []string{"requests-unrouted"}},
		{"an agency that is not there", "    agency: huewaco\n", "    agency: huewater\n", nil, "  - code: water-supply\n    title: {vi: Cấp nước do", 5, []string{"requests-agency-unknown"}},
		{"an agency that is no more", "", "", func(f *request.Facts) { f.Agencies["ttgt"] = request.Agency{Area: "46"} }, "  - code: signals", 5, []string{"requests-agency-past"}},
		{"a ward without agency", "", "", func(f *request.Facts) { delete(f.Agencies, "ubnd-20056") }, ward, 5, []string{"requests-agency-unknown"}},
		{"a ward sent elsewhere", "", "", func(f *request.Facts) { f.Agencies["ubnd-20056"] = request.Agency{Area: "20044", Live: true} }, ward, 5, []string{"requests-agency-elsewhere"}},
		{"a ward that was dissolved", "areas: [19753,", "areas: [19750,", nil, "  - code: centre", 5, []string{"requests-area-unknown"}},
		{"a new ward", "", "", func(f *request.Facts) { f.Areas = append(f.Areas, "99999") }, ward, 5, []string{"requests-agency-unknown"}},
		{"a rule that others cover", "{categories: [tourism]}", "{categories: [clinic]}", nil, "  - code: tourism\n    title: {vi: Dịch vụ du lịch do", 5, []string{"requests-rule-unused"}},
		{"a category that the dataset lacks", "", "", func(f *request.Facts) { f.Categories = []string{"rubbish"} }, "      - code: dumping", 9, []string{"requests-not-in-dataset"}},
		{"a track that is closed", "        track: procedure\n", "        track: complaint\n", nil, "      - code: procedure", 9, []string{"requests-track-closed"}},
		{"two of one code", "      - code: dumping\n", "      - code: rubbish\n", nil, "      - code: rubbish\n        title: {vi: \"Đổ trộm", 15, []string{"requests-twice"}},
		{"an unknown category", "{categories: [heritage]}", "{categories: [heritag]}", nil, "{categories: [heritag]}", 25, []string{"declaration-word-near"}},
		{"an agency and the ward", "    agency: sdl\n", "    agency: sdl\n    ward: true\n", nil, "  - code: tourism\n    title: {vi: Dịch vụ du lịch do", 5, []string{"requests-rule-agency"}},
		{"hours", "22:00-06:00", "22-6", nil, "hours: \"22-6\"", 40, []string{"requests-hours"}},
		{"hours that are none", "22:00-06:00", "22:00-22:00", nil, "hours: \"22:00-22:00\"", 40, []string{"requests-hours"}},
		{"private and published", "        publication: never\n", "        publication: after\n", nil, "      - code: security", 9, []string{"requests-private-published"}},
		{"a hole", "Phản ánh {code} về", "Phản ánh {coed} về", nil, "      vi: \"Phản ánh {coed} về", 7, []string{"declaration-word-near"}},
		{"one language", `{vi: "Khói bụi, đốt rác", en: Smoke and dust}`, "{vi: Khói bụi}", nil, "title: {vi: Khói bụi}", 17, []string{"declaration-missing"}},
	} {
		file := strings.Replace(good, x.old, x.new, 1)
		if x.old != "" && !strings.Contains(good, x.old) && x.new != x.old {
			t.Errorf("%s: the file has no %q", x.name, x.old)
			continue
		}
		f := hue(t)
		if x.city != nil {
			x.city(&f)
		}
		c, err := request.Parse("requests.yaml", []byte(file))
		if err == nil {
			err = request.Check(c, f)
		}
		got := told(err)
		if len(x.want) == 0 {
			if err != nil {
				t.Errorf("%s: %v", x.name, got)
			}
			continue
		}
		for _, code := range x.want {
			want := fmt.Sprintf("%d:%d %s", line(t, file, x.at), x.column, code)
			if !slices.Contains(got, want) {
				t.Errorf("%s: %v lacks %s", x.name, got, want)
			}
		}
		if p := problem.As(err); p.Kind != problem.Invalid || p.Violations[0].Position.File != "requests.yaml" && p.Violations[0].Position.File == "" {
			t.Errorf("%s: %v", x.name, p)
		}
	}
}

// The check agrees with one that asks every half hour: over files from which a
// rule was taken out, it finds a fault where and only where some half hour has none.
func TestTheCheckIsTotal(t *testing.T) {
	good := text(t)
	f := hue(t)
	head, rules, _ := strings.Cut(good, "\nrules:\n")
	rules, tail, _ := strings.Cut(rules, "\noutcomes:")
	each := strings.Split(strings.TrimPrefix(rules, "  - code: "), "\n  - code: ")
	for drop := range each {
		rest := slices.Delete(slices.Clone(each), drop, drop+1)
		file := head + "\nrules:\n  - code: " + strings.Join(rest, "\n  - code: ") + "\n\noutcomes:" + tail
		c, err := request.Parse("requests.yaml", []byte(file))
		if err != nil {
			t.Fatalf("without rule %d: %v", drop, told(err))
		}
		hole := false
		for _, k := range c.Categories {
			for i := 0; i < len(f.Areas); i += 4 {
				area := f.Areas[i]
				for minute := 0; minute < 1440; minute += 30 {
					hole = hole || !c.Route(k.Code, area, time.Date(2026, 3, 9, 0, minute, 0, 0, zone)).Known
				}
			}
		}
		found := slices.ContainsFunc(told(request.Check(c, f)), func(s string) bool { return strings.HasSuffix(s, "requests-unrouted") })
		if found != hole {
			t.Errorf("without rule %d: the check says %v, every half hour says %v", drop, found, hole)
		}
	}
}

func TestAnswersToQuestions(t *testing.T) {
	c := catalogue(t)
	for _, x := range []struct {
		category string
		answers  map[string]string
		want     string
		stop     bool
	}{
		{"rubbish", map[string]string{"what": "bin"}, "", false},
		{"rubbish", nil, "answers.what request-answer-missing", false},
		{"rubbish", map[string]string{"what": "gold"}, "answers.what request-answer-form", false},
		{"rubbish", map[string]string{"what": "bin", "more": "x", "most": "y"}, "answers request-answer-unknown", false},
		{"water-pollution", map[string]string{"signs": "colour,fish"}, "", false},
		{"water-pollution", map[string]string{"signs": "colour,,fish"}, "answers.signs request-answer-form", false},
		{"manhole", map[string]string{"danger": "no"}, "", false},
		{"manhole", map[string]string{"danger": "yes"}, "answers.danger request-answer-stop", true},
		{"lighting", map[string]string{"lamps": "3", "pole": "A12"}, "", false},
		{"lighting", map[string]string{"lamps": "three"}, "answers.lamps request-answer-form", false},
		{"lighting", map[string]string{"lamps": "NaN"}, "answers.lamps request-answer-form", false},
		{"lighting", map[string]string{"pole": "A\nB"}, "answers.pole request-answer-form", false},
		{"lighting", map[string]string{"pole": strings.Repeat("Ệ", 201)}, "answers.pole request-answer-form", false},
		{"drainage", map[string]string{"since": "2026-03-09T08:00:00+07:00"}, "", false},
		{"drainage", map[string]string{"since": "yesterday"}, "answers.since request-answer-form", false},
	} {
		k, ok := c.Category(x.category)
		if !ok {
			t.Fatalf("no category %s", x.category)
		}
		var got []string
		for _, v := range k.Faults(x.answers) {
			got = append(got, v.Field+" "+v.Code)
			for _, a := range x.answers {
				if len(a) > 3 && strings.Contains(v.In("vi")+v.In("en"), a) {
					t.Errorf("%s %v: the answer is echoed: %s", x.category, x.answers, v.In("en"))
				}
			}
		}
		if strings.Join(got, "; ") != x.want {
			t.Errorf("%s %v: %v, want %s", x.category, x.answers, got, x.want)
		}
		if s, ok := k.Stop(x.answers); ok != x.stop || ok && !strings.Contains(s["vi"], "114") {
			t.Errorf("%s %v: stop %v %v", x.category, x.answers, s, ok)
		}
	}
}

func TestTemplatesFit(t *testing.T) {
	c := catalogue(t)
	var codes []string
	for _, x := range c.TemplatesFor("drainage", "fixed") {
		codes = append(codes, x.Code)
	}
	if !slices.Equal(codes, []string{"fixed", "flooded"}) {
		t.Errorf("templates of drainage that is fixed: %v", codes)
	}
	got := c.TemplatesFor("drainage", "fixed")[1].Fill("vi", map[string]string{"agency": "Công ty {address}", "address": ""})
	if got != "Công ty {address} đã khơi thông cống tại {address}; nước đã rút." {
		t.Errorf("filled: %s", got)
	}
	for _, track := range c.Tracks {
		if track.Law == "" || !track.Accepts && track.Pointer["vi"] == "" {
			t.Errorf("track %s", track.Code)
		}
	}
}
