package report

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"huong.city/huong/internal/core/problem"
)

const good = `title: {vi: Báo cáo ngày, en: Daily report}
owner: vpubnd
period: day
at: "06:30"
form:
  symbol: BC-VP
  signer: {vi: Chánh Văn phòng, en: Chief of Office}
  recipients: [{vi: Như trên, en: As above}]
sections:
  - title: {vi: Chung, en: General}
    blocks:
      - {kind: text, text: {vi: "Có {figure:rain-day}, {alerts}", en: "{figure:rain-day}, {alerts}"}}
      - {kind: figures, indicators: [rain-day, requests-new]}
      - {kind: events, of: incidents, severity: high}
      - {kind: ask, name: view, title: {vi: Nhận định, en: View}, prefill: fires}
`

func TestAReportIsRead(t *testing.T) {
	r, err := Parse("day.yaml", []byte(good))
	if err != nil {
		t.Fatalf("%v %v", err, problem.As(err).Violations)
	}
	if r.At != 6*time.Hour+30*time.Minute || r.Wards || r.Parts[0].Blocks[2].Limit != 50 || len(r.Asks()) != 1 {
		t.Errorf("%+v", r)
	}
	if got := strings.Join(r.Indicators(), " "); got != "rain-day requests-new fires" {
		t.Errorf("indicators %s", got)
	}
	if got := Fill("a {area} {figure:x}.", func(h Hole) string { return "<" + h.What + h.Name + ">" }); got != "a <area> <figurex>." {
		t.Errorf("filled %q", got)
	}
}

func TestFaultsStandAtTheirLines(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		line     int
		code     string
	}{
		"no English title":     {", en: Daily report}", "}", 1, "declaration-missing"},
		"an area for the city": {"owner: vpubnd", "owner: \"ubnd-{area}\"", 2, "report-owner"},
		"an owner":             {"owner: vpubnd", "owner: VP UBND", 2, "report-name"},
		"a period":             {"period: day", "period: dya", 3, "declaration-word-near"},
		"a clock":              {"06:30", "24:30", 4, "report-clock"},
		"a symbol":             {"BC-VP", "bc vp", 6, "report-symbol"},
		"no signer":            {"  signer: {vi: Chánh Văn phòng, en: Chief of Office}\n", "", 6, "declaration-missing"},
		"a recipient":          {"{vi: Như trên, en: As above}", "{vi: Như trên}", 8, "declaration-missing"},
		"a hole":               {"{alerts}\", en", "{alrts}\", en", 12, "report-hole-near"},
		"a hole without name":  {"\"{figure:rain-day}, {alerts}\"", "\"{figure:}\"", 12, "report-hole"},
		"an indicator":         {"[rain-day, requests-new]", "[rain day]", 13, "report-name"},
		"events":               {"of: incidents", "of: incident", 14, "declaration-word-near"},
		"a key of another":     {"of: incidents, severity: high", "of: stages, severity: high", 14, "declaration-unknown-key"},
		"no name":              {"name: view, ", "", 15, "declaration-missing"},
	} {
		text := strings.Replace(good, c.from, c.to, 1)
		if text == good {
			t.Fatalf("%s changes nothing", name)
		}
		_, err := Parse("day.yaml", []byte(text))
		found := false
		if err != nil {
			for _, v := range problem.As(err).Violations {
				found = found || v.Position.Line == c.line && v.Code == c.code && v.Position.Column > 0
			}
		}
		if !found {
			t.Errorf("%s: want %s at line %d, got %v", name, c.code, c.line, err)
			if err != nil {
				t.Log(problem.As(err).Violations)
			}
		}
	}
	twice := good + "      - {kind: ask, name: view, title: {vi: a, en: b}}\n"
	if _, err := Parse("x", []byte(twice)); err == nil || problem.As(err).Violations[0].Code != "report-twice" {
		t.Errorf("a name that stands twice: %v", err)
	}
	ward := strings.Replace(good, "period: day", "for: wards\nperiod: day", 1) + "      - {kind: table, indicators: [fires]}\n"
	if _, err := Parse("x", []byte(ward)); err == nil || problem.As(err).Violations[0].Code != "report-by-ward" {
		t.Errorf("wards compared in a ward's report: %v", err)
	}
}

func TestSpans(t *testing.T) {
	zone := time.FixedZone("+07", 7*3600)
	at := func(s string) time.Time {
		x, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for _, c := range []struct {
		period      Period
		now         string
		from, until string
	}{
		{Day, "2025-10-27 06:29", "2025-10-25 00:00", "2025-10-26 00:00"},
		{Day, "2025-10-27 06:30", "2025-10-26 00:00", "2025-10-27 00:00"},
		{Week, "2025-10-27 06:29", "2025-10-13 00:00", "2025-10-20 00:00"}, // a Monday, not yet time
		{Week, "2025-10-27 06:30", "2025-10-20 00:00", "2025-10-27 00:00"},
		{Week, "2025-11-02 23:59", "2025-10-20 00:00", "2025-10-27 00:00"}, // a Sunday
		{Month, "2025-03-01 06:29", "2025-01-01 00:00", "2025-02-01 00:00"},
		{Month, "2024-03-01 06:30", "2024-02-01 00:00", "2024-03-01 00:00"},
		{OnCall, "2025-10-27 10:15", "2025-10-26 22:15", "2025-10-27 10:15"},
	} {
		r := &Report{Period: c.period, At: 6*time.Hour + 30*time.Minute, Hours: 12}
		if s := r.Last(at(c.now), zone); !s.From.Equal(at(c.from)) || !s.Until.Equal(at(c.until)) {
			t.Errorf("%s at %s: %v to %v", c.period, c.now, s.From, s.Until)
		}
	}
}

// Spans follow each other without gap and overlap, and the current one holds now.
func TestSpansFollowEachOther(t *testing.T) {
	zone := time.FixedZone("+07", 7*3600)
	rapid.Check(t, func(t *rapid.T) {
		r := &Report{Period: rapid.SampledFrom([]Period{Day, Week, Month}).Draw(t, "period"), At: time.Duration(rapid.IntRange(0, 1439).Draw(t, "at")) * time.Minute}
		now := time.Unix(rapid.Int64Range(1_500_000_000, 2_000_000_000).Draw(t, "now"), 0)
		s := r.Last(now, zone)
		if s.Until.Add(r.At).After(now) || !r.After(s).Until.Add(r.At).After(now) {
			t.Fatalf("%v is not the newest that is due at %v", s, now)
		}
		if b := r.Before(s); !b.Until.Equal(s.From) || r.After(b) != s {
			t.Fatalf("%v before %v", b, s)
		}
		if c := r.Current(now, zone); c.From.After(now) || !c.Until.After(now) {
			t.Fatalf("%v does not hold %v", c, now)
		}
	})
}

// Whatever stands in a file, reading it ends with a report or with faults.
func TestNothingBreaksTheReader(t *testing.T) {
	lines := strings.SplitAfter(good, "\n")
	rapid.Check(t, func(t *rapid.T) {
		text := ""
		for range rapid.IntRange(0, 30).Draw(t, "n") {
			text += rapid.SampledFrom(lines).Draw(t, "line")
		}
		text += rapid.StringN(0, 20, 60).Draw(t, "tail")
		if r, err := Parse("x", []byte(text)); err == nil && r.Title == nil {
			t.Fatal("neither a report nor a fault")
		}
	})
}

// The reports of the city are sound and name indicators that it declares.
func TestReportsOfTheCity(t *testing.T) {
	folder := "../../../city/hue/"
	known := map[string]bool{}
	files, _ := filepath.Glob(folder + "indicators/*.yaml")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^  - name: (\S+)`).FindAllStringSubmatch(string(b), -1) {
			known[m[1]] = true
		}
	}
	files, _ = filepath.Glob(folder + "reports/*.yaml")
	if len(files) < 5 {
		t.Fatalf("%d reports", len(files))
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Parse(f, b)
		if err != nil {
			t.Errorf("%s: %v", f, problem.As(err).Violations)
			continue
		}
		for _, n := range r.Indicators() {
			if !known[n] {
				t.Errorf("%s names %s, which is not declared", f, n)
			}
		}
	}
}
