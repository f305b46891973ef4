package report_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"huong.city/huong/internal/core/problem"
	core "huong.city/huong/internal/core/report"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/report"
)

const day = "city-day.46.20251026"

func TestTheLifeOfAReport(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		r.clock.set("2025-10-27 06:29")
		r.tick()
		if got := r.ids(officer); got != "ward-day.19789.20251026 city-day.46.20251025" {
			t.Fatalf("before its time: %q", got)
		}
		r.clock.set("2025-10-27 06:30")
		r.tick()
		x := r.get(officer, day)
		if x.State != "computed" || x.Officer != "mai" || x.AsOf == 0 || x.Content.Sections[3].Blocks[0].Rows[0].Cells[0].V != value1("requests-new", x.From) {
			t.Fatalf("computed: %+v", x)
		}
		if _, err := r.Get(r.Context(), other, day); problem.KindOf(err) != problem.NotFound {
			t.Errorf("another ward reads it: %v", err)
		}
		if _, err := r.act(leader, day, report.Act{Do: "approve"}); problem.KindOf(err) != problem.Conflict {
			t.Errorf("approved before it was commented: %v", err)
		}
		_, err := r.act(officer, day, report.Act{Do: "comment", Answers: map[string]string{"assessment": " ", "wrong": "x"}})
		if vs := problem.As(err).Violations; len(vs) != 2 || vs[0].Code != "report-missing" || vs[0].Field != "assessment" || vs[1].Code != "report-field" {
			t.Errorf("an empty answer: %v %v", err, vs)
		}
		if _, err := r.act(ward, day, report.Act{Do: "comment"}); problem.KindOf(err) != problem.NotFound {
			t.Errorf("a ward comments the city's report: %v", err)
		}
		r.must(officer, day, report.Act{Do: "comment", Answers: map[string]string{"assessment": "Mưa lớn ở thượng nguồn.\r\nCần theo dõi."}})
		if _, err := r.act(officer, day, report.Act{Do: "approve"}); problem.KindOf(err) != problem.Denied {
			t.Errorf("the officer approves: %v", err)
		}
		if _, err := r.act(leader, day, report.Act{Do: "return"}); problem.KindOf(err) != problem.Invalid {
			t.Errorf("sent back without a word: %v", err)
		}
		r.must(leader, day, report.Act{Do: "return", Note: "Nói rõ phường nào."})
		r.must(officer, day, report.Act{Do: "comment", Answers: map[string]string{"assessment": "Mưa lớn ở Khe Tre."}})
		x = r.must(leader, day, report.Act{Do: "approve"})
		if x.ApprovedBy != "minh" || x.Signer != "Đỗ Quang Minh" {
			t.Errorf("approved: %+v", x)
		}
		draft, err := r.PDF(r.Context(), x, "vi")
		if err != nil || !strings.Contains(textOf(t, draft), "DỰ THẢO") {
			t.Errorf("a report that is not issued is no draft: %v", err)
		}
		if _, err := r.Act(r.Context(), leader, day, report.Act{Do: "issue", Version: x.Version - 1}); problem.KindOf(err) != problem.Stale {
			t.Errorf("issued upon an old version: %v", err)
		}
		x = r.must(leader, day, report.Act{Do: "issue"})
		if x.Symbol != "01/BC-VP" || !x.Over || x.DigestVi == "" || x.DigestVi == x.DigestEn {
			t.Errorf("issued: %+v", x)
		}
		first, err := r.PDF(r.Context(), x, "vi")
		if err != nil {
			t.Fatal(err)
		}
		// another process, which does not have the papers, makes the same file again
		again, err := r.fonts.Official(x, "vi", zone)
		if err != nil || !bytes.Equal(first, again) {
			t.Errorf("the paper is another when it is made again: %v", err)
		}
		if _, err := r.act(leader, day, report.Act{Do: "issue"}); problem.KindOf(err) != problem.Conflict {
			t.Errorf("issued twice: %v", err)
		}
		want := "A report waits for your comment → account:mai, A report waits for your comment → account:ha, A report waits for your comment → account:mai, A report waits for you → agency:vpubnd/leader, " +
			"A report waits for you → account:mai, A report waits for you → agency:vpubnd/leader, A report waits for you → agency:vpubnd/leader, Report issued → agency:vpubnd"
		if got := strings.Join(r.told(), ", "); got != want {
			t.Errorf("told %s", got)
		}
	})
}

// A report is computed once, whoever ticks and however often; days that the city
// stood still are made up for.
func TestEveryReportOnce(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		r.clock.set("2025-10-27 07:00")
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				if err := r.desk().Tick(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		seq := r.repo.Position()
		r.desk().Tick(t.Context())
		if r.repo.Position() != seq {
			t.Error("a tick with nothing due writes")
		}
		if got := r.ids(leader); got != "city-day.46.20251026 ward-day.19789.20251026" {
			t.Fatalf("reports: %s", got)
		}
		if got := len(r.told()); got != 2 {
			t.Errorf("%d notifications", got)
		}
		r.clock.set("2025-10-30 08:00")
		r.Desk = r.desk()
		r.tick()
		if got := r.ids(officer); strings.Count(got, "city-day") != 4 || !strings.Contains(got, "city-day.46.20251028") {
			t.Errorf("after standing still: %s", got)
		}
		// deadlines are noted once
		n := len(r.get(officer, day).History)
		r.tick()
		if got := len(r.get(officer, day).History); n < 3 || got != n {
			t.Errorf("%d steps, then %d", n, got)
		}
	})
}

// The reader of a report's figures is its officer: what they may not see does not
// stand in it.
func TestTheRightsOfTheOfficer(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		r.clock.set("2025-10-27 07:00")
		r.tick()
		for _, who := range r.known.asked {
			if who != "mai" && who != "ha" {
				t.Fatalf("figures were read by %q", who)
			}
		}
		x := r.get(leader, day)
		found := false
		for _, row := range x.Content.Sections[2].Blocks[0].Rows {
			if strings.HasPrefix(row.Indicator, "order-") {
				found = true
				if !row.Closed || len(row.Cells) > 0 {
					t.Errorf("%s stands in the report", row.Indicator)
				}
			}
		}
		if !found {
			t.Error("no closed figure was asked for")
		}
		if _, err := r.Make(t.Context(), other, "ward-day", "19789"); problem.KindOf(err) != problem.Denied {
			t.Errorf("made for another ward: %v", err)
		}
		if _, err := r.Make(t.Context(), repo.Principal{Name: "an", Roles: []string{"citizen"}}, "situation", ""); problem.KindOf(err) != problem.Denied {
			t.Errorf("made by a citizen: %v", err)
		}
		x, err := r.Make(t.Context(), leader, "situation", "")
		if err != nil || x.Officer != "minh" || x.Until.Sub(x.From).Hours() != 12 || x.Agency != "pctt" {
			t.Errorf("situation: %v %+v", err, x)
		}
	})
}

// Two reports that are issued at once have two numbers.
func TestNumbersAreGivenOnce(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		r.clock.set("2025-10-27 07:00")
		r.tick()
		r.clock.set("2025-10-30 07:00")
		r.tick()
		var ids []string
		for _, id := range strings.Fields(r.ids(officer)) {
			if strings.HasPrefix(id, "city-day") {
				r.must(officer, id, report.Act{Do: "comment", Answers: map[string]string{"assessment": "x"}})
				r.must(leader, id, report.Act{Do: "approve"})
				ids = append(ids, id)
			}
		}
		var wait sync.WaitGroup
		for _, id := range ids {
			v := r.get(leader, id).Version
			wait.Go(func() {
				if _, err := r.desk().Act(t.Context(), leader, id, report.Act{Do: "issue", Version: v}); err != nil {
					t.Error(id, err)
				}
			})
		}
		wait.Wait()
		seen := map[int64]bool{}
		for _, id := range ids {
			seen[r.get(leader, id).Number] = true
		}
		for n := range ids {
			if !seen[int64(n+1)] {
				t.Errorf("numbers %v of %d reports", seen, len(ids))
			}
		}
	})
}

func TestAPreviewKeepsNothing(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		r.clock.set("2025-10-27 05:00")
		x, err := r.Preview(t.Context(), officer, "city-day", "")
		if err != nil || x.Period != string(core.Day) || x.From.In(zone).Day() != 27 {
			t.Errorf("%v %+v", err, x)
		}
		if got := r.ids(leader); got != "" {
			t.Errorf("kept %s", got)
		}
		if _, err := r.Preview(t.Context(), ward, "ward-day", "46"); problem.As(err).Code != "report-area" {
			t.Errorf("a ward's report of the city: %v", err)
		}
	})
}
