package quality_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/quality"
)

const minute = 60_000_000

func metres(f float64) value.Value { return value.OfFloat(f) }

// TestALateRowMovesAFinding goes through what a steward sees of one jump.
func TestALateRowMovesAFinding(t *testing.T) {
	t.Parallel()
	r := onSQLite(t, t.TempDir())
	r.Follow(quality.NewFindings(r))
	declare(t, r, levels)
	see := func(want ...string) {
		t.Helper()
		settled(t, r)
		got := listed(t, r, repo.Internal(), "level", "no-jump")
		for i := range want {
			want[i] = "no-jump a,1970-01-01T00:" + want[i] + ":00Z"
		}
		if !slices.Equal(got, want) {
			t.Fatalf("found %v, want %v", got, want)
		}
		if s, err := quality.Summary(t.Context(), r, repo.Operator(), "level"); err != nil || s.Rules[0].Records != int64(len(want)) {
			t.Fatalf("counted %+v, want %d: %v", s, len(want), err)
		}
	}
	none := value.Value{}
	send(t, r, level("a", 0, metres(1), none), level("a", 20*minute, metres(3), none), level("b", 10*minute, metres(9), none))
	see("20") // b is another subject and has no record before
	send(t, r, level("a", 10*minute, metres(2), none))
	see() // the late row stands between
	send(t, r, level("a", 10*minute, metres(7), none))
	see("20", "10") // corrected for the worse: newest first
	gone := level("a", 10*minute, none, none)
	gone.Op = commit.Delete
	send(t, r, gone)
	see("20")
	send(t, r, level("a", 20*minute, none, none))
	see() // unknown breaks nothing
	// What is appended is compared with what is newest now.
	send(t, r, level("a", 30*minute, metres(3), none))
	send(t, r, level("a", 40*minute, metres(9), none))
	see("40")
	gone = level("a", 40*minute, none, none)
	gone.Op = commit.Delete
	send(t, r, gone)
	see()
	send(t, r, level("a", 50*minute, metres(4), none))
	see()
	send(t, r, level("a", 50*minute, metres(6), none))
	send(t, r, level("a", 55*minute, metres(6), none))
	see("50")
}

func TestPersonalValuesAreCountedOnly(t *testing.T) {
	t.Parallel()
	r := onSQLite(t, t.TempDir())
	r.Follow(quality.NewFindings(r))
	declare(t, r, levels)
	for i := range 5 {
		send(t, r, level("a", int64(i)*minute, metres(float64(2*i)), metres(float64(50-i))))
	}
	settled(t, r)
	s, err := quality.Summary(t.Context(), r, repo.Principal{}, "level")
	if err != nil || len(s.Rules) != 2 || s.Rules[0].Hidden || !s.Rules[1].Hidden || s.Rules[0].Records != 4 || s.Rules[1].Records != 4 {
		t.Errorf("%+v %v", s, err)
	}
	list, _, err := quality.List(t.Context(), r, repo.Principal{}, quality.Query{Dataset: "level", Limit: 100})
	if err != nil || len(list) != 4 {
		t.Fatalf("%v %v", list, err)
	}
	for _, f := range list {
		if f.Rule != "no-jump" || f.Row[2].Float() != f.Previous[2].Float()+2 || !f.Row[3].IsNull() || !f.Previous[3].IsNull() {
			t.Errorf("%+v", f)
		}
	}
	list, _, err = quality.List(t.Context(), r, repo.Internal(), quality.Query{Dataset: "level", Rule: "no-fall", Limit: 2})
	if err != nil || len(list) != 2 || list[0].Row[3].Float() != 46 || list[0].Previous[3].Float() != 47 {
		t.Errorf("%v %v", list, err)
	}
	for _, q := range []quality.Query{{Dataset: "level", Limit: 1, Rule: "high"}, {Dataset: "level", Limit: 1, Cursor: "zz"}, {Dataset: "level", Limit: 1, Cursor: "!"}} {
		if _, _, err := quality.List(t.Context(), r, repo.Internal(), q); problem.KindOf(err) != problem.Invalid {
			t.Errorf("%+v gives %v", q, err)
		}
	}
}

// TestRulesChange declares a rule over a table that is there, changes it and
// takes it away; the table is larger than what is done between two saves.
func TestRulesChange(t *testing.T) {
	t.Parallel()
	r := onSQLite(t, t.TempDir())
	r.Follow(quality.NewFindings(r))
	const rule = "  - {name: no-jump, dimension: accuracy, rule: \"abs(metres - previous(metres)) <= 1.5\", severity: warning}\n"
	without := strings.Replace(levels, rule, "", 1)
	declare(t, r, without)
	var rows []commit.Change
	for i := range 12_000 {
		rows = append(rows, level(fmt.Sprintf("s%d", i%7), int64(i)*minute, metres(float64(i%3)), value.Value{}))
	}
	send(t, r, rows[:6000]...)
	send(t, r, rows[6000:]...)
	if n := equal(t, r, "level"); n != 0 {
		t.Errorf("%d findings without the rule", n)
	}
	for _, c := range []struct {
		declared string
		least    int
	}{{levels, 3000}, {strings.Replace(levels, "<= 1.5", "<= 0.5", 1), 11_000}, {strings.Replace(levels, "<= 1.5", "<= 2.5", 1), 0}, {levels, 3000}, {without, 0}} {
		declare(t, r, c.declared)
		if n := equal(t, r, "level"); n < c.least || c.least == 0 && n != 0 {
			t.Errorf("%d findings, want %d", n, c.least)
		}
	}
	kept := 0
	err := r.FollowerState(t.Context(), quality.Name, repo.Kept, "", 0, func(string, []byte) error { kept++; return nil })
	if err != nil || kept != 0 {
		t.Errorf("%d findings of rules that are gone: %v", kept, err)
	}
}
