package sharing_test

import (
	"testing"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/sharing"
)

// A release is asked for by one and decided by another of the owner.
func TestAReleaseTakesTwoPersons(t *testing.T) {
	o := open(t)
	kind := func(want problem.Kind, err error) {
		t.Helper()
		if got := problem.KindOf(err); err == nil || got != want {
			t.Fatalf("%v, want %v", err, want)
		}
	}
	q := sharing.ReleaseRequest{Dataset: "dossier", Purpose: "case-work", Need: "Bàn giao hồ sơ", Fields: []string{"name"}, Most: 5000}
	_, err := o.AskRelease(t.Context(), stranger, q)
	kind(problem.NotFound, err)
	_, err = o.AskRelease(t.Context(), repo.Public(), q)
	kind(problem.Unauthenticated, err)
	bad := sharing.ReleaseRequest{Dataset: "dossier", Purpose: "case-work", Fields: []string{"code", "income"}}
	_, err = o.AskRelease(t.Context(), steward, bad)
	kind(problem.Invalid, err)
	if n := len(problem.As(err).Violations); n != 4 {
		t.Errorf("%d faults told: %v", n, problem.As(err).Violations)
	}
	x, err := o.AskRelease(t.Context(), steward, q)
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.DecideRelease(t.Context(), steward, x.ID, x.Version, true, "tự duyệt")
	kind(problem.Denied, err)
	if problem.As(err).Code != "release-two-persons" {
		t.Errorf("oneself: %v", err)
	}
	_, err = o.DecideRelease(t.Context(), clerk, x.ID, x.Version, true, "cán bộ")
	kind(problem.Denied, err)
	_, err = o.DecideRelease(t.Context(), stranger, x.ID, x.Version, true, "cơ quan khác")
	kind(problem.NotFound, err)
	_, err = o.DecideRelease(t.Context(), auditor, x.ID, x.Version, true, "kiểm toán")
	kind(problem.Denied, err)
	_, err = o.DecideRelease(t.Context(), second, x.ID, x.Version, true, " ")
	kind(problem.Invalid, err)
	_, err = o.DecideRelease(t.Context(), second, x.ID, x.Version-1, true, "cũ")
	kind(problem.Stale, err)
	got, err := o.DecideRelease(t.Context(), second, x.ID, x.Version, true, "Có quyết định bàn giao")
	if err != nil || got.State != repo.ReleaseApproved || got.Until != got.DecidedAt+repo.ReleaseFor.Microseconds() {
		t.Fatalf("%+v %v", got, err)
	}
	_, err = o.DecideRelease(t.Context(), second, x.ID, got.Version, false, "thôi")
	kind(problem.Conflict, err)
	for _, p := range []repo.Principal{steward, second, clerk, auditor} {
		list, err := o.Releases(t.Context(), p)
		if err != nil || len(list) != 1 || list[0].Reason != "Có quyết định bàn giao" || list[0].Fields[0] != "name" || list[0].Most != 5000 {
			t.Errorf("%s sees %+v %v", p.Name, list, err)
		}
	}
	if list, err := o.Releases(t.Context(), stranger); err != nil || len(list) != 0 {
		t.Errorf("another agency sees %d, %v", len(list), err)
	}
	for read, want := range map[string]bool{"auditor": true, "steward": false, "stranger": false} {
		p := map[string]repo.Principal{"auditor": auditor, "steward": steward, "stranger": stranger}[read]
		if _, err := o.repo.Entry(p, repo.SystemRelease); (err == nil) != want {
			t.Errorf("the dataset release by the %s: %v", read, err)
		}
	}
}

// The preview is for who may approve, of what they would approve.
func TestPreviewsAreForWhoDecides(t *testing.T) {
	o := open(t)
	g := o.ask(doctor)
	pv, err := o.Preview(t.Context(), steward, g.ID, nil)
	if err != nil || pv.Matched != 4 {
		t.Fatalf("%d, %v", pv.Matched, err)
	}
	pv, err = o.Preview(t.Context(), steward, g.ID, &sharing.Terms{Fields: []string{"code"}, Rows: "code = 'H1'"})
	if err != nil || pv.Matched != 1 || len(pv.Rows) != 1 {
		t.Errorf("narrowed: %d, %v", pv.Matched, err)
	}
	for who, p := range map[string]repo.Principal{"the asker": doctor, "a clerk": clerk} {
		if _, err := o.Preview(t.Context(), p, g.ID, nil); problem.KindOf(err) != problem.Denied {
			t.Errorf("%s: %v", who, err)
		}
	}
	if _, err := o.Preview(t.Context(), steward, g.ID, &sharing.Terms{Fields: []string{"income"}}); problem.KindOf(err) != problem.Invalid {
		t.Errorf("more than was asked for: %v", err)
	}
	if _, err := o.Step(t.Context(), steward, g.ID, sharing.Step{Action: sharing.Approve, Version: g.Version}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Preview(t.Context(), steward, g.ID, nil); problem.KindOf(err) != problem.Conflict {
		t.Errorf("after the decision: %v", err)
	}
}
