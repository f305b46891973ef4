package ui

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"huong.city/huong/internal/core/dashboard"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/incident"
	"huong.city/huong/internal/service/pattern"
	"huong.city/huong/internal/service/request"
	"huong.city/huong/internal/service/rights"
)

var usedKey = regexp.MustCompile(`\bT\("([^"]*)"(\s*\+)?`)

// dynamic lists the endings of keys that are put together while a page is made.
var dynamic = map[string][]string{
	"account.kind.": {"staff", "citizen", "machine"},
	"role.":         grant.Roles(),
	"how.":          {"password", "passkey", "provider"},
	"bucket.":       buckets[:],
	"bucket.each.":  buckets[:],
	"class.":        {"open", "internal", "personal", "restricted"},
	"kind.":         {"register", "series"},
	"column.":       {"area", "x", "y", "flags"},
	"dimension.":    {"accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"},
	"error.": {"internal.title", "invalid.title", "unauthenticated.title", "denied.title", "not-found.title", "conflict.title", "stale.title", "gone.title", "too-large.title", "rate-limited.title", "unavailable.title",
		"internal.next", "invalid.next", "unauthenticated.next", "denied.next", "not-found.next", "conflict.next", "stale.next", "gone.next", "too-large.next", "rate-limited.next", "unavailable.next"},
	"filter.":          {"from", "until"},
	"format.":          {"csv", "xlsx", "parquet", "json", "ndjson", "geojson"},
	"fresh.":           {"fresh", "late", "silent", "none"},
	"keys.":            {"move", "open", "filter", "page", "help"},
	"limit.":           {"minimum", "maximum", "above", "below", "min-length", "max-length", "pattern"},
	"log.kind.":        logKinds[:],
	"principle.":       {"accurate", "complete", "clean", "accurate.none", "complete.none", "clean.none"},
	"result.":          {"unchanged", "created", "updated", "deleted"},
	"grants.tab.":      grantTabs[:],
	"grants.empty.":    grantTabs[:],
	"grant.state.":     {"requested", "question", "in-force", "refused", "ended", "revoked"},
	"grant.action.":    {"read", "aggregate", "write"},
	"grant.did.":       {"request", "question", "answer", "approve", "refuse", "withdraw", "revoke", "expire", "written"},
	"mask.":            {"last-digits", "year", "area", "pseudonym"},
	"step.":            {"question", "answer", "refuse", "revoke", "withdraw"},
	"step.text.":       {"question", "answer", "refuse", "revoke", "withdraw"},
	"release.state.":   {repo.ReleaseRequested, repo.ReleaseApproved, repo.ReleaseRefused, repo.ReleaseUsed, "expired"},
	"right.kind.":      rights.Kinds(),
	"right.state.":     rights.States(),
	"right.step.":      {"accept", "refuse", "done", "erase", "extend", "withdraw"},
	"right.step.text.": {"refuse", "done", "erase", "extend"},
	"rule-name.":       {"open", "self", "owner", "administrator", "auditor", "keeper", "token", "operator", "incident", "shift", "report", "definition", "duty", "addressee"},
	"indicators.of.":   {"hour", "day", "week", "month", "total"}, "indicators.grain.": {"hour", "day", "week", "month", "total"},
	"indicators.than.": {"yesterday", "week", "year"}, "indicators.compare.": {"none", "yesterday", "week", "year"},
	"indicators.quality.": {"live", "estimated", "late", "missing", "building"}, "indicators.good.": {"up", "down", "none"},
	"indicators.measure.": {"count", "sum", "mean", "min", "max", "median", "p90", "distinct"},
	"inc.show.":           incidentShows[:],
	"inc.empty.":          incidentShows[:],
	"alert.state.":        {"open", "raised", "acknowledged", "shelved", "suppressed", "cleared"},
	"alert.level.":        {"ward", "department", "city"},
	"alert.step.":         {"acknowledge", "shelve", "unshelve", "escalate"},
	"alert.done.":         {"acknowledge", "shelve", "unshelve", "escalate"},
	"alert.was.":          {"raised", "worse", "better", "acknowledged", "shelved", "unshelved", "suppressed", "escalated", "reminded", "members", "cleared", "missed"},
	"alarm.":              {"day", "week", "month", "per-ten", "peak-ten", "chattering"},
	"alarm.kind.":         {"record", "threshold", "rate", "absence", "seasonal", "indicator"},
	"channel.":            {"mail", "push", "webhook"},
	"send.js.":            {"locating", "no-place", "placed", "waiting", "sending", "sent", "refused", "edit", "drop", "remove", "none", "offline", "pick", "photo-large", "change", "queued"},
	"street.show.":        {"all", "open", "over"},
	"acts.rate.":          {"1", "2", "3", "4", "5"},
	"acts.": {"accept", "dispute", "reopen", "comment", "withdraw", "accept.hint", "dispute.hint", "reopen.hint", "comment.hint", "withdraw.hint",
		request.DoStillFixed, request.DoNotFixed, request.DoStillFixed + ".hint", request.DoNotFixed + ".hint"},
	"care.strike.":    {request.StrikeInForce, request.StrikeAppealed, request.StrikeUpheld, request.StrikeLifted},
	"care.keeping.":   {request.WholeRequests, request.Identities},
	"streetstats.by.": {"category", "area", "agency", "month"},
	"patterns.":       {"hour", "weekday", "month"}, "patterns.rounds.": {"hour", "weekday", "month"}, "patterns.period.": pattern.Periods(),
	"patterns.weekday.": {"1", "2", "3", "4", "5", "6", "7"},
	"delivery.":         {"waiting", "made", "dead"},
	"inc.severity.":     incident.Severities(),
	"inc.kind.":         incident.Kinds(),
	"inc.source.":       incident.Sources(),
	"inc.step.":         {"agency", "assignee", "note", "recipient"},
	"inc.did.":          {"open", "note", "decision", "pause", "resume"},
	"inc.phase.":        workflow.Phases(),
	"shift.kind.":       {incident.ShiftNote, incident.HandOver, incident.Accept},
	"reports.":          {"approve", "issue", "return", "drop"},
	"reports.period.":   {"", "day", "week", "month", "call"},
	"severity.":         {"warning", "error", "high", "medium", "low"},
	"period.":           dashboard.Periods(),
	"quality.":          {"late", "missing", "building"},
	"stage.word.":       {"1", "2", "3", "4", "5"},
	"tile.than.":        dashboard.Comparisons(),
	"tile.compared.":    {"yesterday", "week", "year"},
	"tile.grain.":       {"hour", "day", "week", "month", "total"},
	"tile.of.":          {"hour", "day", "week", "month", "total"},
	"tile.title.":       {"alerts", "incidents", "alive", "status", "stage"},
	"tile.none.":        {"alerts", "incidents"},
	"site.hours.":       withins[:],
	"site.least.":       {"low", "medium", "high"},
	"site.severity.":    {"low", "medium", "high"},

	"desk.show.": deskShows[:], "desk.empty.": deskShows[:],
	"desk.channel.":    request.Channels(),
	"desk.urgency.":    {"normal", "urgent"},
	"desk.visibility.": {request.ToPublic, request.ToReporter, request.ToStaff},
	"desk.span.":       {"phone", "identity", "plate", "email", "account", "name"},
	"desk.fact.":       {"category", "urgency", "track", "area", "address", "place"},
	"desk.said.":       {"question", "reply", "reason"},
	"desk.did.":        {"split", "split-from"},
	"desk.redact.":     {"x", "y", "w", "h"},
	"desk.field.":      {"agency", "assignee", "note", "question", "reply", "answer", "text", "reason", "parent", "plannedAt", "recipient", "law", "pointer"},

	"sharing.": {"open", "internal", "personal", "restricted"},
	"sla.": {"frequency", "latency", "retention", "timeOfAvailability", "availability", "throughput", "errorRate", "generalAvailability", "endOfSupport", "endOfLife",
		"timeToDetect", "timeToNotify", "timeToRepair"},
	"sla.unit.": {"s", "min", "h", "d", "w", "mo", "y", "percent"},
	"state.":    {"waiting", "open", "corrected", "replayed", "dismissed", "all"},
	"tab.":      {"records", "map", "chart", "quality", "changes", "sharing", "about"},
	"theme.":    {"dark", "light"},
	"type.": {"string", "number", "integer", "boolean", "object", "array", "list", "date", "time", "datetime", "year", "yearmonth", "duration", "geopoint", "geojson",
		"any"},
}

func TestEveryWordInUseStandsInBothLanguages(t *testing.T) {
	used := map[string]bool{"log.what": true, "log.what.one": true}
	files, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") || strings.HasSuffix(f, "_templ.go") || !strings.HasSuffix(f, ".go") && !strings.HasSuffix(f, ".templ") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range usedKey.FindAllStringSubmatch(string(b), -1) {
			if m[2] == "" {
				used[m[1]] = true
				continue
			}
			endings, ok := dynamic[m[1]]
			if !ok {
				t.Errorf("%s: the endings of %q are not listed in this test", f, m[1])
			}
			for _, e := range endings {
				used[m[1]+e] = true
			}
		}
	}
	for _, key := range []string{"age.s", "age.m", "age.h", "age.d", "age.y", "span.s", "span.m", "span.h", "span.d", "span.y"} {
		used[key] = true
	}
	for key := range used {
		if _, ok := words[key]; !ok {
			t.Errorf("no words for %q", key)
		}
	}
	for key, w := range words {
		if w.vi == "" || w.en == "" {
			t.Errorf("%q lacks a language", key)
		}
		if !used[key] && !strings.HasPrefix(key, "rule.") {
			t.Errorf("%q is used nowhere", key)
		}
		if strings.Count(w.vi, "{") != strings.Count(w.en, "{") {
			t.Errorf("%q has different holes", key)
		}
	}
	count := 0
	for _, part := range wordParts() {
		count += len(part)
	}
	if count != len(words) {
		t.Errorf("a key stands twice: %d entries, %d keys", count, len(words))
	}
}

// Every unit that a city of this repository declares is written in both
// languages, not as its code.
func TestEveryDeclaredUnitHasWords(t *testing.T) {
	files, err := filepath.Glob("../../../city/*/datasets/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no declarations: %v", err)
	}
	more, err := filepath.Glob("../../../examples/*/datasets/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(files, more...) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		d, err := dataset.Parse(f, b)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range d.Schema.Fields {
			if _, ok := units[field.Unit]; !ok {
				t.Errorf("%s: %s: no words for the unit %q", filepath.Base(f), field.Name, field.Unit)
			}
		}
	}
	for code, want := range map[string][2]string{"{case}/d": {"ca/ngày", "cases/days"}, "{unheard-of}": {"unheard-of", "unheard-of"}, "{space}": {"chỗ", "spaces"}} {
		for i, lang := range []string{"vi", "en"} {
			if got := (&view{lang: lang}).Unit(code); got != want[i] {
				t.Errorf("%s in %s: %q, want %q", code, lang, got, want[i])
			}
		}
	}
}
