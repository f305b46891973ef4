package repo_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/store/sqlite"
)

// defining opens a repository in which a report must name a dataset that there
// is, and a dashboard may say anything.
func defining(t *testing.T, dir string) *repo.Repository {
	t.Helper()
	d, err := sqlite.Open(dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: newClock().Now, Poll: 5 * time.Millisecond, Checks: map[string]repo.CheckDefinition{
		"dashboard": func(string, []byte, func(string) *dataset.Dataset) error { return nil },
		"report": func(file string, text []byte, find func(string) *dataset.Dataset) error {
			if find(strings.TrimSpace(string(text))) != nil {
				return nil
			}
			v := problem.Violate("dataset-unknown", "dataset", "dataset", "?").At(problem.Position{File: file, Line: 3, Column: 7})
			return problem.InvalidWith("definitions-invalid", []problem.Violation{v}, "count", 1)
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

func TestDefinitionsAreCheckedAndSeenAtOnce(t *testing.T) {
	dir := t.TempDir()
	r := defining(t, dir)
	other := defining(t, dir)
	admin := repo.Operator()

	_, err := put(t, r, admin, repo.SystemDefinition, `{"kind": "report", "name": "rain", "text": "no-such"}`)
	p := problem.As(err)
	if p.Kind != problem.Invalid || len(p.Violations) != 1 || p.Violations[0].Position.Line != 3 || p.Violations[0].Position.File != "report/rain.yaml" {
		t.Fatalf("a report of nothing: %v %+v", err, p.Violations)
	}
	_, err = put(t, r, admin, repo.SystemDefinition, `{"kind": "playbook", "name": "flood", "text": "x"}`)
	if p := problem.As(err); p.Kind != problem.Invalid || len(p.Violations) != 1 || p.Violations[0].Code != "definition-kind" {
		t.Fatalf("a kind that nothing reads: %v", err)
	}
	if got := r.Definitions("report"); len(got) != 0 {
		t.Fatalf("refused and yet there: %v", got)
	}

	before := r.DefinitionsVersion()
	mustPut(t, r, repo.SystemDefinition, `{"kind": "report", "name": "rain", "title": "Mưa", "text": "area"}`,
		`{"kind": "report", "name": "day", "text": "sector"}`, `{"kind": "dashboard", "name": "city", "text": "any"}`)
	got := r.Definitions("report")
	if len(got) != 2 || got[0].Name != "day" || got[1].Title != "Mưa" || got[1].Text != "area" {
		t.Fatalf("reports: %+v", got)
	}
	if r.DefinitionsVersion() == before {
		t.Error("the version stood still")
	}
	for deadline := time.Now().Add(10 * time.Second); len(other.Definitions("report")) != 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("another process never saw them")
		}
	}

	// What moves the catalog otherwise moves no definition.
	before = r.DefinitionsVersion()
	mustPut(t, r, repo.SystemPurpose, `{"code": "test", "name": "Thử", "basis": "none"}`)
	if r.DefinitionsVersion() != before || len(r.Definitions("report")) != 2 {
		t.Error("a purpose moved the definitions")
	}
}

func TestStewardsDefineForTheirAgency(t *testing.T) {
	r := defining(t, t.TempDir())
	steward := repo.Principal{Name: "s", Agency: "syt", Roles: []string{grant.Steward}}
	mine, theirs := `{"kind": "dashboard", "name": "health", "owner": "syt", "text": "x"}`, `{"kind": "dashboard", "name": "roads", "owner": "sxd", "text": "x"}`
	if _, err := put(t, r, steward, repo.SystemDefinition, mine); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		p   repo.Principal
		row string
	}{
		"a steward, another agency's": {steward, theirs},
		"an officer, the agency's":    {repo.Principal{Name: "o", Agency: "syt", Roles: []string{grant.Officer}}, mine},
		"the public":                  {repo.Public(), mine},
	} {
		_, err := put(t, r, c.p, repo.SystemDefinition, c.row)
		if k := problem.KindOf(err); k != problem.Denied && k != problem.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	mustPut(t, r, repo.SystemDefinition, theirs)
	taken := strings.Replace(theirs, "sxd", "syt", 1)
	if _, err := put(t, r, steward, repo.SystemDefinition, taken); problem.KindOf(err) != problem.Denied {
		t.Errorf("a steward took another agency's: %v", err)
	}
	if _, err := r.Entry(repo.Principal{Name: "o", Agency: "sxd", Roles: []string{grant.Officer}}, repo.SystemDefinition); err != nil {
		t.Errorf("staff may not look: %v", err)
	}
}
