package sharing_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/sharing"
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
    - {name: state, type: string, title: {vi: Trạng thái, en: State}}
    - {name: person, type: string, title: {vi: Số định danh, en: Personal number}, classification: personal}
    - {name: name, type: string, title: {vi: Họ tên, en: Name}, classification: personal, tags: [identity]}
    - {name: income, type: integer, title: {vi: Thu nhập, en: Income}, classification: restricted, measure: gauge}
person: person
`

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *clock) days(n int) {
	c.mu.Lock()
	c.now = c.now.Add(time.Duration(n) * 24 * time.Hour)
	c.mu.Unlock()
}

var start = time.Date(2026, 1, 5, 2, 0, 0, 0, time.UTC)

// office is a city with a dataset of the agency stp that others ask for.
type office struct {
	*testing.T
	*sharing.Desk
	repo  *repo.Repository
	clock *clock
	watch *sharing.Watch
}

func open(t *testing.T) *office {
	t.Helper()
	d, err := sqlite.Open(t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{now: start}
	r, err := repo.Open(t.Context(), repo.Config{Driver: d, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	parsed, err := dataset.Parse("dossier.yaml", []byte(dossiers))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Plan(t.Context(), repo.Operator(), []*dataset.Dataset{parsed})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Apply(t.Context(), repo.Operator(), plan); err != nil {
		t.Fatal(err)
	}
	o := &office{T: t, repo: r, clock: c, watch: sharing.NewWatch()}
	o.Desk = sharing.New(r, rand.Reader, o.watch)
	o.put("purpose", `{"code":"case-work","name":"Giải quyết hồ sơ","basis":"Luật 91/2025/QH15 Điều 19"}`)
	o.put("purpose", `{"code":"old","name":"Cũ","basis":"Luật cũ","ended":true}`)
	for i := range 4 {
		o.put("dossier", fmt.Sprintf(`{"code":"H%d","state":"open","person":"04609900000%d","name":"Người %d","income":%d}`, i, i, i, i))
	}
	return o
}

func (o *office) put(name, object string) {
	o.Helper()
	e, err := o.repo.Entry(repo.Internal(), name)
	if err != nil {
		o.Fatal(err)
	}
	b := record.NewBatch(e.Schema)
	faults, err := record.NewJSONReader(strings.NewReader(object), e.Schema, record.Limits{}).Next(b, 1)
	if err != nil && b.Len() == 0 || len(faults) > 0 {
		o.Fatalf("%s: %v %v", object, faults, err)
	}
	req := &commit.Request{Changes: []commit.Change{{Dataset: name, Op: commit.Put, Row: b.Row(0)}}}
	if _, err := o.repo.Commit(o.Context(), repo.Internal(), req); err != nil {
		o.Fatal(err)
	}
}

var (
	steward  = repo.Principal{Name: "an", Agency: "stp", Roles: []string{"steward"}}
	second   = repo.Principal{Name: "chi", Agency: "stp", Roles: []string{"steward"}}
	clerk    = repo.Principal{Name: "lan", Agency: "stp", Roles: []string{"officer"}, Areas: []string{"*"}}
	doctor   = repo.Principal{Name: "binh", Agency: "syt", Roles: []string{"officer"}, Purpose: "case-work"}
	stranger = repo.Principal{Name: "dung", Agency: "sxd", Roles: []string{"steward"}}
	auditor  = repo.Principal{Name: "em", Agency: "ttra", Roles: []string{"auditor"}}
)

func wanted() sharing.Request {
	return sharing.Request{Dataset: "dossier", Action: grant.Read, Basis: "Nghị định 278/2025/NĐ-CP", Need: "Xét hỗ trợ y tế", Terms: sharing.Terms{
		Fields: []string{"code", "state", "name"}, Purposes: []string{"case-work"}, Until: start.AddDate(0, 6, 0).UnixMicro()}}
}

func (o *office) ask(p repo.Principal) sharing.Grant {
	o.Helper()
	g, err := o.Request(o.Context(), p, wanted())
	if err != nil {
		o.Fatal(err)
	}
	return g
}

func (o *office) step(p repo.Principal, g sharing.Grant, s sharing.Step) sharing.Grant {
	o.Helper()
	s.Version = g.Version
	next, err := o.Step(o.Context(), p, g.ID, s)
	if err != nil {
		o.Fatalf("%s by %s: %v", s.Action, p.Name, err)
	}
	return next
}

func (o *office) refused(p repo.Principal, g sharing.Grant, s sharing.Step, kind problem.Kind, code string) {
	o.Helper()
	if s.Version == 0 {
		s.Version = g.Version
	}
	_, err := o.Step(o.Context(), p, g.ID, s)
	if err == nil || problem.KindOf(err) != kind || problem.As(err).Code != code {
		o.Errorf("%s by %s: %v, want %v %s", s.Action, p.Name, err, kind, code)
	}
}

// sees counts what a principal reads of the dataset: records and names.
func (o *office) sees(p repo.Principal) (records, names int) {
	o.Helper()
	_, err := o.repo.Read(o.Context(), p, repo.Query{Dataset: "dossier", Limit: 50}, func(rec repo.Record) error {
		records++
		if i, _, _, _ := rec.Entry.Table.Property("name"); !rec.Values[i].IsNull() {
			names++
		}
		return nil
	})
	if err != nil && problem.KindOf(err) != problem.NotFound {
		o.Fatal(err)
	}
	return records, names
}

func TestFromRequestToRevocation(t *testing.T) {
	t.Parallel()
	o := open(t)
	g := o.ask(doctor)
	if n, _ := o.sees(doctor); n != 0 {
		t.Fatalf("%d records seen by asking alone", n)
	}
	g = o.step(steward, g, sharing.Step{Action: sharing.Question, Text: "Vì sao cần họ tên?"})
	g = o.step(doctor, g, sharing.Step{Action: sharing.Answer, Text: "Để gọi người bệnh."})
	g = o.step(steward, g, sharing.Step{Action: sharing.Approve, Terms: &sharing.Terms{Rows: "code <> 'H0'", Until: start.AddDate(0, 3, 0).UnixMicro()}})
	if g.Rows != "code <> 'H0'" || !slices.Equal(g.Fields, []string{"code", "state", "name"}) || g.DecidedBy != "an" {
		t.Errorf("approved: %+v", g)
	}
	if n, names := o.sees(doctor); n != 3 || names != 3 {
		t.Errorf("under the grant %d records, %d names", n, names)
	}
	g = o.step(second, g, sharing.Step{Action: sharing.Revoke, Text: "Chương trình đã kết thúc."})
	if n, _ := o.sees(doctor); n != 0 {
		t.Errorf("%d records seen after the revocation", n)
	}
	events, err := o.Timeline(t.Context(), doctor, g.ID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var steps []sharing.Action
	for _, e := range events {
		steps = append(steps, e.Action)
		got = append(got, fmt.Sprintf("%s %s %s", e.Actor, e.Action, e.Text))
	}
	want := "binh request ; an question Vì sao cần họ tên?; binh answer Để gọi người bệnh.; an approve ; chi revoke Chương trình đã kết thúc."
	if strings.Join(got, "; ") != want {
		t.Errorf("timeline %s", strings.Join(got, "; "))
	}
	if s, err := sharing.Fold(steps); err != nil || s != g.State || s != grant.Revoked {
		t.Errorf("the steps lead to %s (%v), the record says %s", s, err, g.State)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	o := open(t)
	g := o.ask(doctor)
	approve := sharing.Step{Action: sharing.Approve}
	o.refused(clerk, g, approve, problem.Denied, "share-owner")
	o.refused(doctor, g, approve, problem.Denied, "share-owner")
	o.refused(auditor, g, approve, problem.Denied, "share-owner")
	o.refused(stranger, g, approve, problem.NotFound, "share-unknown")
	o.refused(repo.Public(), g, approve, problem.Unauthenticated, "unauthenticated")
	o.refused(steward, g, sharing.Step{Action: sharing.Answer, Text: "x"}, problem.Denied, "share-grantee")
	o.refused(steward, g, sharing.Step{Action: sharing.Expire}, problem.Invalid, "share-action")
	o.refused(steward, g, sharing.Step{Action: sharing.Revoke, Text: "x"}, problem.Conflict, "share-step")
	o.refused(doctor, g, sharing.Step{Action: sharing.Answer, Text: "x"}, problem.Conflict, "share-step")
	o.refused(steward, g, sharing.Step{Action: sharing.Refuse, Text: "Không đủ căn cứ"}, problem.Invalid, "share-invalid")
	o.refused(steward, g, sharing.Step{Action: sharing.Refuse, Citation: "Điều 16"}, problem.Invalid, "share-invalid")
	// A steward of the owner who asks for restricted fields does not decide it.
	own := wanted()
	own.Fields = []string{"code", "income"}
	mine, err := o.Request(t.Context(), steward, own)
	if err != nil {
		t.Fatal(err)
	}
	o.refused(steward, mine, approve, problem.Denied, "share-two-persons")
	o.step(second, mine, approve)
	// What is refused stays so.
	g = o.step(steward, g, sharing.Step{Action: sharing.Refuse, Text: "Không đủ căn cứ", Citation: "Nghị định 194/2025/NĐ-CP Điều 16"})
	o.refused(steward, g, approve, problem.Conflict, "share-step")
	if _, err := o.Request(t.Context(), auditor, wanted()); problem.KindOf(err) != problem.Denied {
		t.Errorf("an auditor asks: %v", err)
	}
	if _, err := o.Request(t.Context(), repo.Principal{Name: "token:1", Read: []string{"*"}, Write: []string{"*"}}, wanted()); problem.KindOf(err) != problem.Denied {
		t.Errorf("a token asks: %v", err)
	}
}

func TestEverythingWrongIsToldAtOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	r := wanted()
	r.Fields, r.Basis, r.Need, r.Purposes, r.Until, r.Rows = []string{"code", "nothing"}, " ", "", []string{"old"}, start.AddDate(-1, 0, 0).UnixMicro(), "state = "
	_, err := o.Request(t.Context(), doctor, r)
	var fields []string
	for _, v := range problem.As(err).Violations {
		fields = append(fields, v.Field)
	}
	slices.Sort(fields)
	if got := strings.Join(slices.Compact(fields), " "); got != "basis fields need purposes rows until" {
		t.Errorf("faults in %s: %v", got, err)
	}
	r = wanted()
	r.Purposes = nil
	if _, err := o.Request(t.Context(), doctor, r); err == nil || problem.As(err).Violations[0].Code != "share-purpose" {
		t.Errorf("personal data without a purpose: %v", err)
	}
	r = wanted()
	r.Dataset = "account"
	if _, err := o.Request(t.Context(), doctor, r); problem.KindOf(err) != problem.Invalid {
		t.Errorf("a system dataset: %v", err)
	}
}

// An owner may give less than was asked for and never more.
func TestApprovalNarrows(t *testing.T) {
	t.Parallel()
	o := open(t)
	asked := wanted()
	asked.Rows, asked.Masks = "state = 'open'", []grant.Mask{{Field: "name", How: grant.LastDigits}}
	long := start.AddDate(0, 9, 0).UnixMicro()
	for field, wider := range map[string]sharing.Terms{
		"fields":    {Fields: []string{"code", "income"}},
		"until":     {Until: long},
		"from":      {From: start.AddDate(-1, 0, 0).UnixMicro()},
		"purposes":  {Purposes: []string{"case-work", "other"}},
		"ownAgency": {},
		"unmasked":  {Fields: []string{"name"}, Masks: []grant.Mask{{Field: "state", How: grant.LastDigits}}},
	} {
		g, err := o.Request(t.Context(), doctor, asked)
		if err != nil {
			t.Fatal(err)
		}
		_, err = o.Step(t.Context(), steward, g.ID, sharing.Step{Action: sharing.Approve, Version: g.Version, Terms: &wider})
		if field == "ownAgency" { // nothing said, nothing changed
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if problem.KindOf(err) != problem.Invalid {
			t.Errorf("wider %s: %v", field, err)
		}
	}
	g, err := o.Request(t.Context(), doctor, asked)
	if err != nil {
		t.Fatal(err)
	}
	g = o.step(steward, g, sharing.Step{Action: sharing.Approve, Terms: &sharing.Terms{Fields: []string{"code"}, Rows: "code = 'H1' OR code = 'H2'"}})
	if g.Rows != "(state = 'open') AND (code = 'H1' OR code = 'H2')" {
		t.Errorf("rows %q", g.Rows)
	}
}

// Of two who decide at once one is told that the grant has changed.
func TestConcurrentDecisions(t *testing.T) {
	t.Parallel()
	o := open(t)
	for range 5 {
		g := o.ask(doctor)
		var group sync.WaitGroup
		errs := make([]error, 2)
		for i, s := range []sharing.Step{{Action: sharing.Approve}, {Action: sharing.Refuse, Text: "x", Citation: "y"}} {
			group.Go(func() {
				s.Version = g.Version
				_, errs[i] = o.Step(o.Context(), []repo.Principal{steward, second}[i], g.ID, s)
			})
		}
		group.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("approve: %v; refuse: %v", errs[0], errs[1])
		}
		for _, err := range errs {
			if err != nil && problem.KindOf(err) != problem.Stale {
				t.Errorf("the second: %v", err)
			}
		}
	}
}

func TestListsShowEachTheirOwn(t *testing.T) {
	t.Parallel()
	o := open(t)
	first := o.ask(doctor)
	o.step(steward, first, sharing.Step{Action: sharing.Approve})
	head, err := o.repo.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o.ask(doctor)
	count := func(p repo.Principal, q sharing.Query) int {
		t.Helper()
		list, _, err := o.List(t.Context(), p, q)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	for _, c := range []struct {
		who  repo.Principal
		q    sharing.Query
		want int
	}{
		{steward, sharing.Query{}, 2}, {doctor, sharing.Query{}, 2}, {auditor, sharing.Query{}, 2}, {stranger, sharing.Query{}, 0},
		{repo.Principal{Name: "citizen", Roles: []string{"citizen"}}, sharing.Query{}, 0},
		{steward, sharing.Query{Of: "owner", States: []grant.State{grant.Requested}}, 1}, {steward, sharing.Query{Of: "mine"}, 0},
		{doctor, sharing.Query{Of: "mine"}, 2}, {doctor, sharing.Query{Of: "owner"}, 0},
		{auditor, sharing.Query{AsOf: head.Seq}, 1}, {auditor, sharing.Query{Dataset: "other"}, 0},
	} {
		if n := count(c.who, c.q); n != c.want {
			t.Errorf("%s %+v: %d grants, want %d", c.who.Name, c.q, n, c.want)
		}
	}
	if _, _, err := o.List(t.Context(), repo.Public(), sharing.Query{}); problem.KindOf(err) != problem.Unauthenticated {
		t.Errorf("the public: %v", err)
	}
}

func (o *office) caughtUp() {
	o.Helper()
	head, err := o.repo.Head(o.Context())
	if err != nil {
		o.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		s, err := o.repo.Status(o.Context())
		if err != nil {
			o.Fatal(err)
		}
		if len(s.Followers) > 0 && s.Followers[0].Cursor >= head.Seq {
			return
		}
		if time.Now().After(deadline) {
			o.Fatal("the follower does not catch up")
		}
	}
}

func TestRemindersUseAndEnd(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.repo.Follow(o.watch)
	r := wanted()
	r.Until = start.AddDate(0, 0, 120).UnixMicro()
	g, err := o.Request(t.Context(), doctor, r)
	if err != nil {
		t.Fatal(err)
	}
	g = o.step(steward, g, sharing.Step{Action: sharing.Approve})
	tick := func(days int) sharing.Use {
		o.clock.days(days)
		o.put("purpose", fmt.Sprintf(`{"code":"p%d","name":"x","basis":"y"}`, o.clock.Now().Unix()))
		o.caughtUp()
		return o.Use(&g)
	}
	days := func(u sharing.Use) string {
		var list []string
		for _, r := range u.Reminders {
			list = append(list, fmt.Sprint(r.Days))
		}
		return strings.Join(list, " ")
	}
	if u := tick(1); !u.Measured || u.Unused || u.Last != 0 || days(u) != "" {
		t.Errorf("on the second day: %+v", u)
	}
	if u := tick(89); !u.Unused || days(u) != "30" {
		t.Errorf("after 90 days: %+v", u)
	}
	o.sees(doctor)
	if u := tick(10); u.Unused || u.Last == 0 || days(u) != "30" {
		t.Errorf("after a reading: %+v", u)
	}
	if u := tick(14); days(u) != "30 7" {
		t.Errorf("a week before the end: %+v", u)
	}
	if u := tick(1); days(u) != "30 7" {
		t.Errorf("a day later: %+v", u)
	}
	if n, err := o.Expire(t.Context()); n != 0 || err != nil {
		t.Errorf("ended before the time: %d %v", n, err)
	}
	tick(6)
	if n, _ := o.sees(doctor); n != 0 {
		t.Errorf("%d records seen after the end", n)
	}
	var group sync.WaitGroup
	var ended [3]int
	for i := range ended {
		group.Go(func() {
			var err error
			if ended[i], err = o.Expire(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if ended[0]+ended[1]+ended[2] != 1 {
		t.Errorf("one grant was ended %v times", ended)
	}
	events, err := o.Timeline(t.Context(), auditor, g.ID)
	if err != nil || events[len(events)-1].Action != sharing.Expire || events[len(events)-1].Actor != "huong" {
		t.Errorf("events %+v, %v", events, err)
	}
}
