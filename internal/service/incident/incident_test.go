package incident_test

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/incident"
)

func wantCode(t *testing.T, err error, kind problem.Kind, code string) {
	t.Helper()
	if err == nil || problem.KindOf(err) != kind || problem.As(err).Code != code {
		t.Errorf("%v, want %v %s", err, kind, code)
	}
}

func TestTheLifeOfAnIncident(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		x := r.open(duty, accident("high"))
		if x.State != "detected" || x.Level != "ward" || x.Playbook != "accident" || !slices.Equal(x.Agencies, []string{"hueioc"}) || x.DueAt.Sub(x.DetectedAt) != 10*time.Minute {
			t.Errorf("opened: %+v", x)
		}
		r.clock.forward(4 * time.Minute)
		r.act(ward, x.ID, "acknowledge")
		r.act(ward, x.ID, "assign", "agency", "cath", "assignee", "binh", "note", "Gần nhất")
		_, err := r.try(other, x.ID, "begin")
		wantCode(t, err, problem.NotFound, "incident-unknown") // who is neither party nor of the area sees nothing
		r.act(police, x.ID, "begin")
		r.act(police, x.ID, "note", "text", "Đã khoanh vùng")
		r.act(police, x.ID, "measure", "name", "Xe ùn", "amount", "120", "unit", "xe")
		r.act(police, x.ID, "measure", "name", "Xe ùn", "amount", "310", "unit", "xe")
		r.act(police, x.ID, "measure", "name", "Xe ùn", "amount", "40,5", "unit", "xe")
		r.act(duty, x.ID, "decision", "text", "Phân luồng qua cầu Phú Xuân")
		r.act(police, x.ID, "check", "name", "protect", "done", "true")
		r.clock.forward(30 * time.Minute)
		_, err = r.try(police, x.ID, "resolve", "note", "Đã kéo xe")
		wantCode(t, err, problem.Invalid, "workflow-step-invalid")
		r.act(police, x.ID, "resolve", "note", "Đã kéo xe", "outcome", "handled")
		_, err = r.try(police, x.ID, "begin")
		wantCode(t, err, problem.Conflict, "workflow-step")
		x = r.act(police, x.ID, "close")
		if !x.Over || x.Outcome != "handled" || x.Agency != "cath" || x.Assignee != "binh" || !x.NextAt.IsZero() || x.ClosedAt.IsZero() {
			t.Errorf("closed: %+v", x)
		}
		want := "open:detected move:acknowledge move:assign move:begin note: measure:Xe ùn measure:Xe ùn measure:Xe ùn decision: check:protect move:resolve move:close"
		if got := r.lines(ward, x.ID); got != want {
			t.Errorf("timeline %s", got)
		}
		v, err := r.Review(t.Context(), ward, x.ID)
		if err != nil {
			t.Fatal(err)
		}
		if v.Acknowledged == nil || v.Acknowledged.By != "ha" || v.Acknowledged.After.Round(time.Minute) != 4*time.Minute || v.Met != 5 || v.Missed != 0 ||
			len(v.Decisions) != 1 || v.LinesDone != 1 || len(v.Peaks) != 1 || v.Peaks[0].Highest != 310 || v.Peaks[0].Last != 40.5 || v.Took.Round(time.Minute) != 34*time.Minute {
			t.Errorf("review: %+v %+v %+v", v.Acknowledged, v.Peaks, v)
		}
		var names []string
		for _, p := range v.Phases {
			names = append(names, p.State)
		}
		if got := strings.Join(names, " "); got != "detected acknowledged assigned in-progress resolved closed" {
			t.Errorf("phases %s", got)
		}
		x = r.act(ward, x.ID, "reopen", "note", "Dầu còn trên đường")
		if x.Over || x.Outcome != "" || x.State != "reopened" || x.DueAt.IsZero() {
			t.Errorf("reopened: %+v", x)
		}
		wantTold := []string{"New incident → agency:ubnd-19789", "New incident → role:operator@46", "Incident assigned to you → account:binh"}
		if got := r.told(); !slices.Equal(got, wantTold) {
			t.Errorf("told %q", got)
		}
		// Who called is nobody's business without a purpose.
		if seen, err := r.Get(t.Context(), ward, x.ID); err != nil || seen.Caller != "" || seen.CallerPhone != "" || seen.Place == "" {
			t.Errorf("the ward sees %+v %v", seen, err)
		}
	})
}

func TestMissedDeadlinesClimbOnce(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		report := accident("high")
		report.Kind = "flood"
		x := r.open(ward, report)
		for range 40 { // a tick every minute
			r.clock.forward(time.Minute)
			r.tick()
		}
		again := incident.New(incident.Config{Repo: r.repo, Random: bytes.NewReader(make([]byte, 100))}) // as after a restart
		for range 3 {
			if err := again.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got := r.lines(duty, x.ID)
		want := "open:detected fire:acknowledge/1/50 fire:acknowledge/1/80 fire:acknowledge/1/missed fire:acknowledge/1/escalate-department^department " +
			"fire:step/check-levels/missed fire:step/call-wards/missed fire:acknowledge/1/escalate-city^city fire:step/reservoirs/missed fire:step/warn-people/missed"
		if strings.Join(slices.Sorted(slices.Values(strings.Fields(got))), " ") != strings.Join(slices.Sorted(slices.Values(strings.Fields(want))), " ") {
			t.Errorf("timeline\n%s\nwant\n%s", got, want)
		}
		now, err := r.Get(t.Context(), duty, x.ID)
		if err != nil || now.Level != "city" || now.Agency != "pctt" || !slices.Contains(now.Agencies, "ubnd-19789") || now.Missed != 1 {
			t.Errorf("after the miss: %+v %v", now, err)
		}
		told := r.told()
		for _, want := range []string{"Due soon → agency:ubnd-19789", "Deadline missed → agency:ubnd-19789", "Incident raised → agency:pctt", "Incident raised → role:leader@46", "Incident raised → role:operator@46"} {
			n := 0
			for _, s := range told {
				if s == want {
					n++
				}
			}
			if n == 0 || n > 2 || n == 2 && want != "Due soon → agency:ubnd-19789" {
				t.Errorf("%s: told %d times of %q", want, n, told)
			}
		}
	})
}

// Many tick at once, in several processes: still once.
func TestManyTickers(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		var ids []string
		for range 4 {
			ids = append(ids, r.open(ward, accident("high")).ID)
		}
		r.clock.forward(time.Hour)
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				d := incident.New(incident.Config{Repo: r.repo, Random: bytes.NewReader(nil)})
				if err := d.Tick(t.Context()); err != nil && problem.KindOf(err) != problem.Unavailable {
					t.Error(err)
				}
			})
		}
		all.Wait()
		r.tick()
		for _, id := range ids {
			fields := strings.Fields(r.lines(duty, id))
			seen := map[string]int{}
			for _, f := range fields {
				seen[f]++
				if seen[f] > 1 {
					t.Errorf("%s happened twice", f)
				}
			}
			if seen["fire:acknowledge/1/escalate-city^city"] != 1 {
				t.Errorf("%s did not climb: %v", id, fields)
			}
		}
	})
}

func TestAnAlertOpensAnIncidentOrJoinsIt(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		a := incident.Alert{ID: "a1", Cause: "river/huong", Kind: "flood", Severity: "medium", TitleVi: "Sông Hương vượt báo động 2", TitleEn: "The Huong above level 2", Agency: "pctt", Area: "46"}
		write := func(a incident.Alert) (string, error) {
			id, changes, err := r.OpenFor(t.Context(), a)
			if err != nil || len(changes) == 0 {
				return id, err
			}
			_, err = r.repo.Commit(t.Context(), repo.Internal(), &commit.Request{Header: commit.Header{Key: "alert/" + a.ID}, Changes: changes})
			return id, err
		}
		first, err := write(a)
		if err != nil {
			t.Fatal(err)
		}
		if again, changes, err := r.OpenFor(t.Context(), a); again != first || len(changes) > 0 || err != nil {
			t.Errorf("the same alert again: %s, %d changes, %v", again, len(changes), err)
		}
		a.ID, a.Severity = "a2", "high"
		if id, err := write(a); id != first || err != nil {
			t.Errorf("a second alert of the cause opened %s (%v)", id, err)
		}
		x, err := r.Get(t.Context(), duty, first)
		if err != nil || x.Severity != "high" || x.Alerts != 2 || x.Level != "department" || x.DueAt.Sub(x.DetectedAt) != 10*time.Minute {
			t.Errorf("%+v %v", x, err)
		}
		for _, step := range [][]string{{"acknowledge"}, {"resolve", "note", "Nước rút", "outcome", "ended"}, {"close"}} {
			r.act(chair, first, step[0], step[1:]...)
		}
		a.ID = "a3"
		if id, err := write(a); id == first || err != nil {
			t.Errorf("a closed incident took an alert: %s %v", id, err)
		}
	})
}

func TestTwoWhoActAtOnce(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		x := r.open(ward, accident("medium"))
		seen := x.Version
		r.act(ward, x.ID, "acknowledge")
		_, err := r.Act(t.Context(), duty, x.ID, incident.Act{Do: "assign", Version: seen, Fields: map[string]string{"agency": "cath"}})
		wantCode(t, err, problem.Stale, "incident-stale")
		_, err = r.Act(t.Context(), ward, x.ID, incident.Act{Do: "assign", Fields: map[string]string{"agency": "cath"}})
		wantCode(t, err, problem.Invalid, "workflow-step-invalid")
		// Notes need no version: all of them are kept, in one order.
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, err := r.Act(context.Background(), duty, x.ID, incident.Act{Do: "note", Fields: map[string]string{"text": "x"}}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		w, err := r.Read(t.Context(), ward, x.ID)
		if err != nil || len(w.Entries) != 10 || w.Entries[9].Number != 10 {
			t.Errorf("%d entries, %v", len(w.Entries), err)
		}
	})
}

func TestWhoMayOpenAndWithWhat(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		_, err := r.Open(t.Context(), repo.Public(), accident("high"))
		wantCode(t, err, problem.Unauthenticated, "unauthenticated")
		_, err = r.Open(t.Context(), repo.Principal{Name: "em", Agency: "cath", Roles: []string{"auditor"}}, accident("high"))
		wantCode(t, err, problem.Denied, "incident-staff")
		_, err = r.Open(t.Context(), other, accident("high"))
		wantCode(t, err, problem.Invalid, "incident-invalid")
		_, err = r.Open(t.Context(), duty, incident.Report{Kind: "war", Severity: "huge", Area: "1", Agency: "x", Title: strings.Repeat("x", 201), Source: "dream"})
		var fields []string
		for _, v := range problem.As(err).Violations {
			fields = append(fields, v.Field)
		}
		slices.Sort(fields)
		if got := strings.Join(fields, " "); got != "agency area kind severity source title" {
			t.Errorf("faults in %s", got)
		}
		list, _, err := r.List(t.Context(), other, incident.Query{})
		if err != nil || len(list) != 0 {
			t.Errorf("%d incidents, %v", len(list), err)
		}
		x := r.open(ward, accident("low"))
		r.act(ward, x.ID, "agencies", "agency", "sxd", "text", "Cần cẩu")
		if list, _, err = r.List(t.Context(), other, incident.Query{Agency: "sxd"}); err != nil || len(list) != 1 {
			t.Errorf("an agency that takes part sees %d, %v", len(list), err)
		}
	})
}

func TestTheStageOfTheCity(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		if s, err := r.StageNow(t.Context(), repo.Public()); err != nil || s.Number != 1 || s.ID != "" {
			t.Errorf("before anything: %+v %v", s, err)
		}
		_, err := r.SetStage(t.Context(), ward, "", 3, "Lũ", "")
		wantCode(t, err, problem.Denied, "stage-denied")
		s, err := r.SetStage(t.Context(), chair, "", 3, "Sông Hương vượt báo động 2", "The Huong is above level 2")
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.SetStage(t.Context(), chair, "", 4, "Lũ", "")
		wantCode(t, err, problem.Stale, "incident-stale")
		_, err = r.SetStage(t.Context(), chair, s.ID, 3, "Lũ", "")
		wantCode(t, err, problem.Invalid, "incident-invalid")
		if _, err = r.SetStage(t.Context(), duty, s.ID, 4, "Trên báo động 3", ""); err != nil {
			t.Fatal(err)
		}
		list, err := r.Stages(t.Context(), repo.Public(), 0)
		if err != nil || len(list) != 2 || list[0].Number != 4 || list[0].By != "" || list[1].ReasonIn("en") != "The Huong is above level 2" {
			t.Errorf("the public sees %+v %v", list, err)
		}
		if got := r.told(); len(got) != 6 || !slices.Contains(got, "The city's stage → role:leader@19789") {
			t.Errorf("told %q", got)
		}
		if tasks := r.StageTasks(); len(tasks) != 5 {
			t.Errorf("%d stages are declared", len(tasks))
		}
	})
}

func TestAShiftIsHandedOverByName(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		x := r.open(duty, accident("high"))
		next := duty
		next.Name = "minh"
		if err := r.Log(t.Context(), duty, "Mưa to ở Nam Đông"); err != nil {
			t.Fatal(err)
		}
		r.clock.forward(30 * time.Minute)
		wantCode(t, r.HandOver(t.Context(), duty, "nobody", ""), problem.Invalid, "incident-invalid")
		if err := r.HandOver(t.Context(), duty, "minh", "Theo dõi Kim Long"); err != nil {
			t.Fatal(err)
		}
		s, err := r.Shift(t.Context(), next)
		if err != nil || s.Waiting == nil || !slices.Equal(s.Waiting.Open, []string{x.ID}) || !slices.Equal(s.Waiting.Overdue, []string{x.ID}) || len(s.Lines) != 2 {
			t.Fatalf("%+v %v", s, err)
		}
		id := s.Waiting.ID
		wantCode(t, r.TakeOver(t.Context(), duty, id, ""), problem.Denied, "shift-other")
		wantCode(t, r.TakeOver(t.Context(), police, id, ""), problem.NotFound, "shift-unknown")
		if err := r.TakeOver(t.Context(), next, id, "Đã nhận"); err != nil {
			t.Fatal(err)
		}
		wantCode(t, r.TakeOver(t.Context(), next, id, ""), problem.Conflict, "shift-taken")
		if s, err = r.Shift(t.Context(), next); err != nil || s.Waiting != nil || s.Since.IsZero() || len(s.Open) != 1 {
			t.Errorf("after the hand-over: %+v %v", s, err)
		}
	})
}

func TestPhotosBelongToTheirIncident(t *testing.T) {
	both(t, func(t *testing.T, r *room) {
		x, y := r.open(ward, accident("low")), r.open(ward, accident("low"))
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 2000, 1000)), nil); err != nil {
			t.Fatal(err)
		}
		f, err := r.files.Keep(t.Context(), ward, repo.SystemIncident, x.ID, `C:\anh\..\hiện trường.jpg`, b.Bytes())
		if err != nil || f.Name != "hiện trường.jpg" || f.Width != 2000 {
			t.Fatalf("%+v %v", f, err)
		}
		_, err = r.try(ward, y.ID, "file", "file", f.ID)
		wantCode(t, err, problem.NotFound, "file-unknown")
		r.act(ward, x.ID, "file", "file", f.ID, "text", "Góc cầu")
		r.act(ward, x.ID, "file", "file", f.ID) // once
		if got := r.lines(ward, x.ID); got != "open:detected file:hiện trường.jpg" {
			t.Errorf("timeline %s", got)
		}
		if _, content, err := r.files.Open(t.Context(), ward, f.ID); err != nil || !bytes.Equal(content, b.Bytes()) {
			t.Errorf("the photo is %d bytes, %v", len(content), err)
		}
		_, _, err = r.files.Open(t.Context(), other, f.ID)
		wantCode(t, err, problem.NotFound, "file-unknown")
		_, _, err = r.files.Open(t.Context(), repo.Public(), f.ID)
		wantCode(t, err, problem.Unauthenticated, "unauthenticated")
	})
}
