package rights_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/rights"
	"huong.city/huong/internal/store/sqlite"
)

const dossiers = `name: dossier
title: {vi: Hồ sơ, en: Dossier}
kind: register
owner: stp
classification: internal
schema:
  primaryKey: code
  fields:
    - {name: code, type: string, title: {vi: Mã, en: Code}}
    - {name: person, type: string, title: {vi: Số định danh, en: Personal number}, classification: personal}
    - {name: name, type: string, title: {vi: Họ tên, en: Name}, classification: personal}
person: person
`

type office struct {
	*testing.T
	*rights.Desk
	repo *repo.Repository
	mu   sync.Mutex
	now  time.Time
}

func (o *office) set(s string) {
	at, err := time.ParseInLocation("2006-01-02 15:04", s, o.repo.Zone())
	if err != nil {
		o.Fatal(err)
	}
	o.mu.Lock()
	o.now = at
	o.mu.Unlock()
}

func open(t *testing.T, start string) *office {
	t.Helper()
	zone := time.FixedZone("+07", 7*3600)
	at, err := time.ParseInLocation("2006-01-02 15:04", start, zone)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{T: t, now: at}
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { o.mu.Lock(); defer o.mu.Unlock(); return o.now }
	if o.repo, err = repo.Open(t.Context(), repo.Config{Driver: d, Now: now, Zone: zone}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.repo.Close(context.Background()) })
	o.Desk = rights.New(o.repo, rand.Reader)
	parsed, err := dataset.Parse("dossier.yaml", []byte(dossiers))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := o.repo.Plan(t.Context(), repo.Operator(), []*dataset.Dataset{parsed})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.repo.Apply(t.Context(), repo.Operator(), plan); err != nil {
		t.Fatal(err)
	}
	e, err := o.repo.Entry(repo.Internal(), "dossier")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		b := record.NewBatch(e.Schema)
		object := fmt.Sprintf(`{"code":"H%d","person":"04609900000%d","name":"Người %d"}`, i, i, i)
		if _, err := record.NewJSONReader(strings.NewReader(object), e.Schema, record.Limits{}).Next(b, 1); err != nil && b.Len() == 0 {
			t.Fatal(err)
		}
		req := &commit.Request{Changes: []commit.Change{{Dataset: "dossier", Op: commit.Put, Row: b.Row(0)}}}
		if _, err := o.repo.Commit(t.Context(), repo.Internal(), req); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

var (
	citizen = repo.Principal{Name: "c-1", Roles: []string{"citizen"}, Person: "046099000000", Assurance: 2}
	other   = repo.Principal{Name: "c-2", Roles: []string{"citizen"}, Person: "046099000001", Assurance: 2}
	steward = repo.Principal{Name: "an", Agency: "stp", Roles: []string{"steward"}}
	officer = repo.Principal{Name: "lan", Agency: "stp", Roles: []string{"officer"}}
	foreign = repo.Principal{Name: "dung", Agency: "sxd", Roles: []string{"steward"}}
)

func (o *office) ask(kind string) rights.Request {
	o.Helper()
	r, err := o.Ask(o.Context(), citizen, rights.Asked{Kind: kind, Dataset: "dossier", Record: "H0", Text: "Tên tôi bị sai."})
	if err != nil {
		o.Fatal(err)
	}
	return r
}

// The terms, as whole days: the last day of each counts whole.
func TestClocks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ asked, kind, answer, complete string }{
		{"2026-11-23 09:00", rights.Correction, "2026-11-25", "2026-12-03"},
		{"2026-11-23 23:59", rights.Access, "2026-11-25", "2026-12-03"},
		{"2026-11-20 16:00", rights.Restriction, "2026-11-24", "2026-12-07"}, // 5 December is a Saturday
		{"2026-11-23 09:00", rights.Deletion, "2026-11-25", "2026-12-14"},    // 13 December is a Sunday
		{"2026-02-13 10:00", rights.Correction, "2026-02-24", "2026-02-23"},  // Lunar New Year
		{"2026-08-28 10:00", rights.Correction, "2026-09-04", "2026-09-07"},
	} {
		o := open(t, c.asked)
		r := o.ask(c.kind)
		last := func(at time.Time) string { return at.In(o.repo.Zone()).Add(-time.Second).Format("2006-01-02") }
		if last(r.AnswerBy) != c.answer || last(r.CompleteBy) != c.complete {
			t.Errorf("%s asked %s: answer by %s, done by %s, want %s and %s", c.kind, c.asked, last(r.AnswerBy), last(r.CompleteBy), c.answer, c.complete)
		}
		if r.Overdue(r.AnswerBy.Add(-time.Second)) || !r.Overdue(r.AnswerBy) {
			t.Error("the term to answer ends at another moment")
		}
	}
}

func TestFromRequestToDone(t *testing.T) {
	t.Parallel()
	o := open(t, "2026-11-23 09:00")
	r := o.ask(rights.Correction)
	step := func(p repo.Principal, r rights.Request, s rights.Step) (rights.Request, error) {
		s.Version = r.Version
		return o.Step(t.Context(), p, r.ID, s)
	}
	for p, want := range map[*repo.Principal]problem.Kind{&officer: problem.NotFound, &foreign: problem.NotFound, &other: problem.NotFound, &citizen: problem.Denied} {
		if _, err := step(*p, r, rights.Step{Action: rights.Accept}); problem.KindOf(err) != want {
			t.Errorf("%s accepts: %v", p.Name, err)
		}
	}
	if _, err := step(steward, r, rights.Step{Action: rights.Refuse, Text: "Không có căn cứ"}); problem.KindOf(err) != problem.Invalid {
		t.Errorf("a refusal without citation: %v", err)
	}
	if _, err := step(steward, r, rights.Step{Action: rights.Withdraw}); problem.KindOf(err) != problem.Denied {
		t.Errorf("the steward withdraws: %v", err)
	}
	got, err := step(steward, r, rights.Step{Action: rights.Accept})
	if err != nil || got.State != rights.Accepted || got.AnsweredAt.IsZero() {
		t.Fatalf("accepted: %+v %v", got, err)
	}
	if _, err := step(steward, r, rights.Step{Action: rights.Accept}); problem.KindOf(err) != problem.Stale {
		t.Errorf("on an old version: %v", err)
	}
	o.set("2026-12-05 10:00")
	list, err := o.Waiting(t.Context(), steward, false)
	if err != nil || len(list) != 1 || !list[0].Overdue(o.repo.Now()) {
		t.Errorf("late: %+v %v", list, err)
	}
	got, err = step(steward, got, rights.Step{Action: rights.Extend, Text: "Phải đối chiếu với hồ sơ giấy."})
	if err != nil || got.CompleteBy.In(o.repo.Zone()).Format("2006-01-02") != "2026-12-19" || got.Overdue(o.repo.Now()) {
		t.Errorf("extended: %+v %v", got, err)
	}
	if _, err := step(steward, got, rights.Step{Action: rights.Extend, Text: "Thêm nữa"}); problem.KindOf(err) != problem.Conflict {
		t.Errorf("extended twice: %v", err)
	}
	got, err = step(steward, got, rights.Step{Action: rights.Complete, Text: "Đã sửa họ tên."})
	if err != nil || got.State != rights.Done {
		t.Errorf("done: %+v %v", got, err)
	}
	if _, err := step(citizen, got, rights.Step{Action: rights.Withdraw}); problem.KindOf(err) != problem.Conflict {
		t.Errorf("withdrawn when done: %v", err)
	}
	mine, err := o.Mine(t.Context(), citizen)
	if err != nil || len(mine) != 1 || mine[0].Answer != "Đã sửa họ tên." || mine[0].Subject == citizen.Person {
		t.Errorf("mine: %+v %v", mine, err)
	}
	if theirs, err := o.Mine(t.Context(), other); err != nil || len(theirs) != 0 {
		t.Errorf("another's: %+v %v", theirs, err)
	}
	if _, err := o.Waiting(t.Context(), officer, false); problem.KindOf(err) != problem.Denied {
		t.Errorf("an officer: %v", err)
	}
}

// A deletion that names a record ends with the record's erasure.
func TestDeletionErases(t *testing.T) {
	t.Parallel()
	o := open(t, "2026-11-23 09:00")
	r := o.ask(rights.Deletion)
	if got := fmt.Sprint(o.May(steward, &r)); got != "[accept erase done refuse]" {
		t.Errorf("steps %s", got)
	}
	if _, err := o.Step(t.Context(), steward, r.ID, rights.Step{Action: rights.Erase, Version: r.Version, Text: "Đã xoá"}); problem.KindOf(err) != problem.Invalid {
		t.Errorf("without a basis: %v", err)
	}
	got, err := o.Step(t.Context(), steward, r.ID, rights.Step{Action: rights.Erase, Version: r.Version, Text: "Đã xoá", Citation: "Luật 91/2025/QH15, Điều 14"})
	if err != nil || got.State != rights.Done {
		t.Fatalf("erased: %+v %v", got, err)
	}
	held, err := o.repo.Held(t.Context(), citizen)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range held {
		if h.Entry.Dataset.Name == "dossier" && h.Count != 0 {
			t.Errorf("%d records are left", h.Count)
		}
	}
	o2 := o.ask2(rights.Correction)
	if _, err := o.Step(t.Context(), steward, o2.ID, rights.Step{Action: rights.Erase, Version: o2.Version, Text: "x", Citation: "y"}); problem.KindOf(err) != problem.Conflict {
		t.Errorf("a correction erases: %v", err)
	}
}

// ask2 asks about all of a dataset.
func (o *office) ask2(kind string) rights.Request {
	o.Helper()
	r, err := o.Ask(o.Context(), citizen, rights.Asked{Kind: kind, Dataset: "dossier", Text: "Tên tôi bị sai."})
	if err != nil {
		o.Fatal(err)
	}
	return r
}

func TestWhatIsRefusedToBeTaken(t *testing.T) {
	t.Parallel()
	o := open(t, "2026-11-23 09:00")
	_, err := o.Ask(t.Context(), citizen, rights.Asked{Kind: "forget", Dataset: "purpose", Text: " "})
	if problem.KindOf(err) != problem.Invalid || len(problem.As(err).Violations) != 3 {
		t.Errorf("everything wrong: %v", err)
	}
	_, err = o.Ask(t.Context(), citizen, rights.Asked{Kind: rights.Deletion, Dataset: "dossier", Record: "H1", Text: "Xoá"})
	if problem.KindOf(err) != problem.Invalid {
		t.Errorf("another's record: %v", err)
	}
	_, err = o.Ask(t.Context(), citizen, rights.Asked{Kind: rights.Deletion, Dataset: "dossier", Text: "Tôi là 046099000000"})
	if problem.KindOf(err) != problem.Invalid || strings.Contains(err.Error(), "046099") {
		t.Errorf("a number in the text: %v", err)
	}
	if _, err := o.Ask(t.Context(), steward, rights.Asked{Kind: rights.Access, Dataset: "dossier", Text: "x"}); problem.KindOf(err) != problem.Denied {
		t.Errorf("no citizen: %v", err)
	}
	// No token and no office reads the requests as a dataset.
	for _, p := range []repo.Principal{steward, {Name: "token:1", Read: []string{"*"}, Write: []string{"*"}}, {Name: "em", Roles: []string{"auditor", "administrator"}}} {
		if _, err := o.repo.Entry(p, repo.SystemRight); problem.KindOf(err) != problem.NotFound {
			t.Errorf("%s sees the requests: %v", p.Name, err)
		}
	}
	o.ask(rights.Access)
	o.set("2029-01-05 10:00")
	if _, err := o.Ask(t.Context(), citizen, rights.Asked{Kind: rights.Access, Dataset: "dossier", Text: "x"}); problem.KindOf(err) != problem.Invalid {
		t.Errorf("beyond the calendar: %v", err)
	}
	var reasons []string
	if err := o.repo.Log(t.Context(), repo.Internal(), repo.LogQuery{Datasets: []string{repo.SystemRight}}, func(e *commit.Entry) error {
		reasons = append(reasons, e.Reason)
		return nil
	}); err != nil || strings.Join(reasons, ";") != "request: access" {
		t.Errorf("reasons %q %v", reasons, err)
	}
}
