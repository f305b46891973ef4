package repo_test

import (
	"testing"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Who may hide a reading, for what and for how long, and who sees it when.
func TestReadingsAreHiddenAsThePurposePermits(t *testing.T) {
	c := newClock()
	r := openAt(t, t.TempDir(), c)
	declare(t, r, dossiers)
	mustPut(t, r, "purpose",
		`{"code":"inquiry","name":"Điều tra","basis":"Bộ luật Tố tụng hình sự","mayHide":true,"hideDays":30,"hideBasis":"Điều 177","hideAgencies":["stp"]}`,
		`{"code":"endless","name":"Không hạn","basis":"x","mayHide":true,"hideAgencies":["stp"]}`,
		`{"code":"anybody","name":"Không nêu cơ quan","basis":"x","mayHide":true,"hideDays":30}`,
		`{"code":"forbidden","name":"Cấm","basis":"x","hideDays":30,"hideAgencies":["stp"]}`)
	mustPut(t, r, "dossier", `{"code":"H0","state":"open","person":"046099000000","name":"Người 0"}`)
	days := func(n int) int64 { return c.Now().AddDate(0, 0, n).UnixMicro() }
	with := func(purpose, agency string, until int64) repo.Principal {
		p := clerk
		p.Purpose, p.Agency, p.HiddenUntil = purpose, agency, until
		return p
	}
	for _, x := range []struct {
		p    repo.Principal
		code string
	}{
		{with("inquiry", "stp", days(31)), "hide-long"},
		{with("inquiry", "stp", days(-1)), "hide-past"},
		{with("inquiry", "syt", days(3)), "hide-agency"},
		{with("anybody", "stp", days(3)), "hide-agency"},
		{with("endless", "stp", days(3)), "hide-purpose"},
		{with("forbidden", "stp", days(3)), "hide-purpose"},
		{with("", "stp", days(3)), "hide-purpose"},
		{repo.Principal{Name: "token:1", Read: []string{"*"}, Purpose: "inquiry", HiddenUntil: days(3)}, "hide-agency"},
		{repo.Principal{Name: "c-7", Roles: []string{grant.Citizen}, Person: "046099000000", Assurance: 2, Purpose: "inquiry", HiddenUntil: days(3)}, "hide-agency"},
	} {
		before := len(accesses(t, r))
		if _, err := r.Get(t.Context(), x.p, "dossier", []value.Value{value.OfText("H0")}, 0); codeOf(err) != x.code {
			t.Errorf("%s of %q: %v, want %s", x.p.Purpose, x.p.Agency, err, x.code)
		}
		if n := len(accesses(t, r)); n != before {
			t.Errorf("%s: %d records of what was refused", x.code, n-before)
		}
	}

	until := days(30)
	readH0(t, r, with("inquiry", "stp", until))
	usage := func() repo.UsagePage {
		t.Helper()
		page, err := r.Usage(t.Context(), citizen, repo.UsageQuery{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	if u := usage(); u.Total != 0 || u.Hidden != 0 || !u.Unfaked {
		t.Errorf("the person sees it while it is hidden: %+v", u)
	}
	auditor := repo.Principal{Name: "kiem", Agency: "ttra", Roles: []string{grant.Auditor}}
	seen := 0
	_, err := r.Read(t.Context(), auditor, repo.Query{Dataset: repo.SystemAccess, Limit: 10}, func(rec repo.Record) error {
		at := func(name string) value.Value {
			i, _, _, _ := rec.Entry.Table.Property(name)
			return rec.Values[i]
		}
		if at("dataset").Text() == "dossier" {
			seen++
			if at("hiddenUntil").Micros() != until || at("hiddenBasis").Text() != "Điều 177" || at("reader").Text() != clerk.Name {
				t.Errorf("the auditor is told %v", rec.Values)
			}
		}
		return nil
	})
	if err != nil || seen != 1 {
		t.Errorf("the auditor sees %d readings at once: %v", seen, err)
	}
	c.Forward(31 * 24 * time.Hour)
	if u := usage(); u.Total != 1 || u.Usages[0].HiddenBasis != "Điều 177" || u.Usages[0].HiddenUntil == 0 || !u.Unfaked {
		t.Errorf("after the date: %+v", u)
	}
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return problem.As(err).Code
}
