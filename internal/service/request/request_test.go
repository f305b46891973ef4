package request_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

func TestTheLifeOfAReport(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		r := h.send(citizen, pavement(1))
		if !strings.HasPrefix(r.Code, "PA-251027-") || len(r.Code) != 15 || r.Area != "19789" || r.Agency != "ubnd-19789" || len(r.Secret) != 19 {
			t.Errorf("receipt %+v", r)
		}
		if got := r.DueAt.In(hue).Format(time.DateTime); got != "2025-11-05 23:59:59" {
			t.Errorf("due %s", got)
		}
		h.act(duty, r.Code, "verify")
		x := h.act(duty, r.Code, "assign") // where the rules sent it
		if x.Status != "assigned" || x.Agency != "ubnd-19789" || x.Rule == "" {
			t.Errorf("%+v", x)
		}
		_, err := h.try(other, r.Code, "begin")
		wantCode(t, err, problem.NotFound, "request-unknown") // what is not public is not there for those who have no part in it
		h.act(ward, r.Code, "appoint", "assignee", "ha")
		h.act(ward, r.Code, "note", "text", "Đã xuống hiện trường")
		x = h.act(ward, r.Code, "ask", "question", "Quán số mấy?")
		if x.Status != "waiting-reporter" || x.Assignee != "ha" {
			t.Errorf("asked: %+v", x)
		}
		if _, err := h.reply(friend, r.Code, "", "reply", "reply", "Số 12"); problem.KindOf(err) != problem.NotFound {
			t.Errorf("somebody else replies: %v", err)
		}
		if x, err = h.reply(citizen, r.Code, "", "reply", "reply", "Số 12"); err != nil || x.Status != "in-progress" || x.Assignee != "" {
			t.Errorf("replied: %+v %v", x, err)
		}
		c, _ := h.Catalogue()
		k, _ := c.Category("encroachment")
		if k.Physical {
			_, err = h.try(ward, r.Code, "answer", "answer", "Đã dọn", "outcome", "fixed")
			if wantCode(t, err, problem.Invalid, "workflow-step-invalid"); fieldsOf(err) != "photos" {
				t.Errorf("faults in %s", fieldsOf(err))
			}
		}
		after := h.files.put("fafter", r.Code)
		x = h.act(ward, r.Code, "answer", "answer", "Đã dọn vỉa hè", "outcome", "fixed", "photos", after)
		if x.Status != "answered" || x.Outcome != "fixed" || x.AnsweredAt.IsZero() || !slices.Equal(x.AfterPhotos, []string{after}) || x.DueAt.IsZero() {
			t.Errorf("answered: %+v", x)
		}
		if x, err = h.reply(repo.Public(), r.Code, strings.ToLower(strings.ReplaceAll(r.Secret, "-", " ")), "rate", "rating", "5", "text", "Nhanh"); err != nil || x.Rating != 5 {
			t.Errorf("rated: %+v %v", x, err)
		}
		if _, err = h.reply(citizen, r.Code, "", "rate", "rating", "1"); err == nil {
			t.Error("rated twice")
		}
		if x, err = h.reply(citizen, r.Code, "", "accept"); err != nil || x.Status != "closed" || x.ClosedAt.IsZero() {
			t.Errorf("closed: %+v %v", x, err)
		}
		before := len(h.told(0))
		if x, err = h.reply(citizen, r.Code, "", "reopen", "note", "Họ lại bày ra"); err != nil || x.Status != "reopened" || x.Reopened != 1 || x.Outcome != "" || !x.ClosedAt.IsZero() || x.Rating != 0 {
			t.Errorf("reopened: %+v %v", x, err)
		}
		if got := h.told(before); !slices.Contains(got, "A report was reopened → account:ha") || !slices.Contains(got, "A report was reopened → agency:ubnd-19789") {
			t.Errorf("reopening told %q", got)
		}
		want := "open:received move:verify set:routed move:assign move:appoint note: set:asker move:ask pause:reporter comment:question move:reply comment:reply " +
			"move:answer rate: move:accept move:reopen comment:note"
		got := strings.ReplaceAll(h.timeline(r.Code), "publish: ", "")
		if got != want {
			t.Errorf("timeline\n%s\nwant\n%s", got, want)
		}
		list, err := h.Mine(t.Context(), citizen)
		if err != nil || len(list) != 1 || list[0].Code != r.Code || list[0].Assignee != "" || list[0].Description == "" {
			t.Errorf("mine %+v %v", list, err)
		}
	})
}

// Handlers never see who reported: not in views, not in the datasets, not in what
// they are told, not in the log's words.
func TestWhoReportedIsSeenByNobodyWhoHandlesIt(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		s := pavement(1)
		s.Device = "may-cua-canh"
		r := h.send(citizen, s)
		h.act(duty, r.Code, "assign")
		if _, err := h.reply(citizen, r.Code, "", "comment", "text", "Xin xử lý sớm"); err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, p := range []repo.Principal{repo.Public(), ward, other, citizen, friend} {
			for _, name := range []string{request.Dataset, request.Entries, request.Reporters, request.Followers} {
				all.WriteString(h.everything(p, name))
			}
			list, _, _ := h.List(t.Context(), p, request.Query{})
			whole, _ := h.Read(t.Context(), p, r.Code)
			fmt.Fprintf(&all, "%+v %+v", list, whole)
		}
		for _, name := range []string{request.Dataset, request.Entries, "notification"} { // even within
			text := h.everything(repo.Internal(), name)
			if name == "notification" {
				text = strings.ReplaceAll(text, "account:dan", "")
			}
			all.WriteString(text)
		}
		for _, secret := range []string{"Canh", "0912", "canh@example.com", "may-cua-canh", r.Secret, "\ndan\n", "By:dan"} {
			if strings.Contains(all.String(), secret) {
				t.Errorf("%q can be read", secret)
			}
		}
		err := h.repo.Log(t.Context(), repo.Internal(), repo.LogQuery{Changes: false, Limit: 1000}, logged(func(actor, reason string) {
			if actor == "dan" {
				t.Errorf("the log names the reporter for %s", reason)
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		if c, err := h.Contact(t.Context(), ward, r.Code); err == nil {
			t.Errorf("the ward reads %+v", c)
		}
		if c, err := h.Contact(t.Context(), repo.Internal(), r.Code); err != nil || c.Name != "Lê Thị Canh" {
			t.Errorf("kept: %+v %v", c, err)
		}
		if kept := h.everything(repo.Internal(), request.Reporters); strings.Contains(kept, r.Secret) || strings.Contains(kept, "may-cua-canh") {
			t.Error("the secret or the device is kept as it is")
		}
	})
}

func TestWhatIsWrongWithAReportIsToldAtOnce(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	lon := 200.0
	_, err := h.Submit(t.Context(), repo.Public(), request.Submission{Key: uuid(1), Category: "magic", Longitude: &lon, Area: "1", Channel: "dream", Track: "war",
		Photos: []string{"fx"}, Answers: map[string]string{}, Contact: request.Contact{Email: "không", Phone: "12", Notify: []string{"pigeon"}}, Title: strings.Repeat("x", 201)})
	wantCode(t, err, problem.Invalid, "request-invalid")
	if got := fieldsOf(err); got != "area category channel contact.email contact.notify contact.phone longitude photos/0 title track" {
		t.Errorf("faults in %s", got)
	}
	s := pavement(2)
	s.Category = "rubbish"
	_, err = h.Submit(t.Context(), repo.Public(), s)
	if got := fieldsOf(err); got != "answers.what" {
		t.Errorf("faults in %s", got)
	}
	s.Answers = map[string]string{"what": "bin"}
	r := h.send(repo.Public(), s)
	w, err := h.MineOne(t.Context(), repo.Public(), strings.ToLower(r.Code), r.Secret)
	if err != nil || !slices.ContainsFunc(w.Timeline, func(e request.Entry) bool { return e.Facts["what"] == "bin" }) {
		t.Errorf("%+v %v", w, err)
	}
	_, err = h.Submit(t.Context(), repo.Public(), request.Submission{Key: "short"})
	wantCode(t, err, problem.Invalid, "request-invalid")
	s = pavement(3)
	s.OnBehalfOf = true
	_, err = h.Submit(t.Context(), ward, s)
	wantCode(t, err, problem.Denied, "request-desk")
	s.Channel = "phone"
	r = h.send(duty, s)
	if w, err := h.Read(t.Context(), duty, r.Code); err != nil || w.Timeline[0].By != "van" || w.Channel != "phone" {
		t.Errorf("on behalf: %+v %v", w, err)
	}
	if _, err := h.MineOne(t.Context(), duty, r.Code, ""); problem.KindOf(err) != problem.NotFound {
		t.Errorf("who wrote it down is taken for its reporter: %v", err)
	}
}

func TestPlaces(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	s := pavement(1)
	s.Longitude, s.Latitude = nil, nil
	r := h.send(repo.Public(), s)
	if x := h.act(duty, r.Code, "note", "text", "x"); !x.NeedsPlace || x.Area != "" || r.Agency != "hueioc" {
		t.Errorf("without a place: %+v", x)
	}
	x := h.act(duty, r.Code, "classify", "longitude", "107.56", "latitude", "16.46")
	if x.NeedsPlace || x.Area != "19753" || x.Agency != "hueioc" {
		t.Errorf("with a place: %+v", x) // and it stays where it is
	}
	if x = h.act(duty, r.Code, "reroute"); x.Agency != "ubnd-19753" || x.Rule == "" {
		t.Errorf("rerouted: %+v", x)
	}
	s = pavement(2)
	s.Longitude, s.Latitude, s.Area = nil, nil, "19753"
	if r = h.send(repo.Public(), s); r.Area != "19753" || r.Agency != "ubnd-19753" {
		t.Errorf("a ward that was told: %+v", r)
	}
	s = pavement(3)
	s.Longitude, s.Latitude = at(0, 0)
	if r = h.send(repo.Public(), s); r.Area != "" || r.Agency != "hueioc" {
		t.Errorf("outside of the city: %+v", r)
	}
	_, err := h.try(duty, r.Code, "classify", "longitude", "100", "latitude", "16")
	wantCode(t, err, problem.Invalid, "request-invalid")
}

func TestWhatIsPublic(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		c, err := h.Catalogue()
		if err != nil {
			t.Fatal(err)
		}
		modes := map[string]string{}
		for _, k := range c.Categories {
			if k.Active && len(k.Questions) == 0 && modes[k.Publication] == "" {
				modes[k.Publication] = k.Code
			}
		}
		n := 0
		send := func(mode, text string) request.Receipt {
			n++
			s := pavement(n)
			s.Category, s.Text, s.Title = modes[mode], text, ""
			if s.Category == "" {
				t.Skip("no category is published " + mode)
			}
			return h.send(repo.Public(), s)
		}
		public := func(code string) bool {
			_, err := h.PublicOne(t.Context(), code)
			list, _, e := h.Public(t.Context(), request.Query{})
			in := slices.ContainsFunc(list, func(x request.Request) bool { return x.Code == code })
			shown, e2 := h.Published(t.Context(), []string{code, "PA-000000-XXXXX"})
			if e != nil || e2 != nil || in != (err == nil) || in != shown[code] || len(shown) > 1 {
				t.Errorf("list and page disagree: %v %v %v %v", in, err, e, shown)
			}
			return in
		}
		before, never := send("before", "Bí mật A"), send("never", "Bí mật B")
		if public(before.Code) || public(never.Code) {
			t.Error("published unread")
		}
		h.act(duty, never.Code, "assign", "agency", "sxd")
		if text := h.everything(repo.Public(), request.Dataset); strings.Contains(text, "Bí mật") || strings.Contains(text, "12 Hà Nội") {
			t.Errorf("the public reads what nobody has read before")
		}
		if w, err := h.Read(t.Context(), duty, never.Code); err != nil || w.Longitude == nil || w.Address != "12 Hà Nội" || w.Description != "Bí mật B" {
			t.Errorf("who handles it sees %+v %v", w, err)
		}
		_, err = h.try(duty, never.Code, "publish", "title", "x", "text", "y")
		wantCode(t, err, problem.Conflict, "request-private")
		_, err = h.try(ward, before.Code, "publish", "title", "x", "text", "y")
		wantCode(t, err, problem.Denied, "request-desk")
		h.act(duty, before.Code, "publish", "title", "Vỉa hè", "text", "Đã bỏ tên", "reason", "Có tên người", "photos", h.files.put("f1", before.Code))
		w, err := h.PublicOne(t.Context(), before.Code)
		if err != nil || w.PublicText != "Đã bỏ tên" || w.Description != "" || len(w.Photos) != 1 || strings.Contains(fmt.Sprint(w.Timeline), "Có tên") {
			t.Errorf("%+v %v", w, err)
		}
		if w, err = h.MineOne(t.Context(), repo.Public(), before.Code, before.Secret); err != nil || !strings.Contains(fmt.Sprint(w.Timeline), "Có tên") {
			t.Errorf("the author is not told why: %v", err)
		}
		h.act(duty, before.Code, "hide", "reason", "Nhầm")
		if public(before.Code) {
			t.Error("hidden, and still there")
		}
		if modes["after"] != "" {
			if r := send("after", "Cây đổ"); !public(r.Code) {
				t.Error("not published at once")
			}
			if r := send("after", "Gọi tôi 0905000111"); public(r.Code) {
				t.Error("a telephone number was published")
			}
		}
	})
}

func TestALowRatingIsLookedAtByAnother(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	r := h.send(repo.Public(), pavement(1))
	h.act(duty, r.Code, "answer-desk", "answer", "Đã xong", "outcome", "cannot-verify")
	x, err := h.reply(repo.Public(), r.Code, r.Secret, "rate", "rating", "2")
	if err != nil || x.Status != "disputed" || x.Rating != 2 {
		t.Fatalf("%+v %v", x, err)
	}
	_, err = h.try(duty, r.Code, "dismiss", "answer", "Vẫn vậy")
	wantCode(t, err, problem.Denied, "request-second-look")
	if x := h.act(second, r.Code, "uphold", "note", "Đúng là chưa xong"); x.Status != "reopened" {
		t.Errorf("%+v", x)
	}
	h.clock.forward(15 * 24 * time.Hour)
	h.act(duty, r.Code, "assign", "agency", "ubnd-19789")
	h.act(ward, r.Code, "answer", "answer", "Không xác minh được", "outcome", "cannot-verify")
	h.clock.forward(14*24*time.Hour + time.Minute)
	_, err = h.reply(repo.Public(), r.Code, r.Secret, "rate", "rating", "5")
	wantCode(t, err, problem.Conflict, "request-rate-late")
}

func TestMergingIsReversibleAndAnswersReachAll(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		a, b := h.send(citizen, pavement(1)), h.send(friend, pavement(2))
		c := h.send(repo.Public(), pavement(3))
		h.act(duty, a.Code, "publish", "title", "Vỉa hè", "text", "Bàn ghế")
		if err := h.Follow(t.Context(), ward, a.Code); err != nil {
			t.Fatal(err)
		}
		_, err := h.try(duty, b.Code, "merge", "parent", b.Code)
		wantCode(t, err, problem.Invalid, "workflow-step-invalid")
		h.act(duty, c.Code, "merge", "parent", b.Code)
		if x := h.act(duty, b.Code, "merge", "parent", a.Code); x.Status != "merged" || x.Parent != a.Code || x.ClosedAt.IsZero() || !x.NextAt.IsZero() && x.NextAt.Before(x.ClosedAt) {
			t.Errorf("%+v", x)
		}
		if w, err := h.Read(t.Context(), duty, a.Code); err != nil || !slices.Equal(w.Merged, []string{b.Code, c.Code}) || w.Followers != 1 {
			t.Errorf("%+v %v", w, err)
		}
		before := len(h.told(0))
		h.act(duty, a.Code, "answer-desk", "answer", "Đã dọn", "outcome", "cannot-verify")
		told := h.told(before)
		for _, who := range []string{"account:dan", "account:em", "account:ha"} {
			if !slices.Contains(told, "Your report was answered → "+who) {
				t.Errorf("%s is not told: %q", who, told)
			}
		}
		if w, err := h.MineOne(t.Context(), repo.Public(), c.Code, c.Secret); err != nil || w.Into == nil || w.Into.Code != b.Code {
			t.Errorf("%+v %v", w, err)
		}
		if w, err := h.MineOne(t.Context(), friend, b.Code, ""); err != nil || w.Into == nil || w.Into.Answer != "Đã dọn" {
			t.Errorf("%+v %v", w, err)
		}
		if x := h.act(duty, b.Code, "unmerge", "note", "Khác chỗ"); x.Status != "verified" || x.Parent != "" || !x.ClosedAt.IsZero() {
			t.Errorf("%+v", x)
		}
		if err := h.Unfollow(t.Context(), ward, a.Code); err != nil {
			t.Fatal(err)
		}
		if w, _ := h.Read(t.Context(), duty, a.Code); w.Followers != 0 || len(w.Merged) != 0 {
			t.Errorf("%+v", w)
		}
	})
}

func TestSplittingKeepsTheReporter(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	r := h.send(repo.Public(), pavement(1))
	w, _ := h.Read(t.Context(), duty, r.Code)
	made, err := h.Split(t.Context(), duty, r.Code, w.Version, request.Submission{Category: "advertising", Text: "Tờ rơi dán cột điện"})
	if err != nil {
		t.Fatal(err)
	}
	if made.Category != "advertising" || made.Code == r.Code || made.Area != "19789" {
		t.Errorf("%+v", made)
	}
	if _, err := h.MineOne(t.Context(), repo.Public(), made.Code, r.Secret); err != nil {
		t.Errorf("the receipt does not open what was split off: %v", err)
	}
	if again := h.send(repo.Public(), pavement(1)); again.Code != r.Code || !again.Repeated {
		t.Errorf("the submission again gives %+v", again)
	}
}

func TestPlansComeBackOnTheirDay(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		r := h.send(citizen, pavement(1))
		h.act(duty, r.Code, "assign")
		_, err := h.try(ward, r.Code, "plan", "answer", "Tháng sau", "plannedAt", "2025-10-01")
		wantCode(t, err, problem.Invalid, "workflow-step-invalid")
		x := h.act(ward, r.Code, "plan", "answer", "Ngày 1 tháng 12 sẽ làm", "plannedAt", "2025-12-01")
		if x.Status != "planned" || x.Outcome != "planned" || x.NextAt.In(hue).Format(time.DateTime) != "2025-12-01 00:00:00" {
			t.Errorf("%+v", x)
		}
		h.clock.set(time.Date(2025, 11, 30, 23, 0, 0, 0, hue))
		h.tick()
		if got := h.timeline(r.Code); strings.Contains(got, "come-due") {
			t.Errorf("too early: %s", got)
		}
		h.clock.set(time.Date(2025, 12, 1, 0, 1, 0, 0, hue))
		h.tick()
		h.tick()
		w, err := h.Read(t.Context(), duty, r.Code)
		if err != nil || w.Status != "reopened" || strings.Count(lines(w.Timeline), "come-due") != 1 || w.DueAt.Before(h.clock.Now()) {
			t.Errorf("%+v %v", w, err)
		}
	})
}

func TestTwoOfficersAtOnce(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		r := h.send(citizen, pavement(1))
		w, _ := h.Read(t.Context(), duty, r.Code)
		h.act(duty, r.Code, "publish", "title", "a", "text", "b")
		_, err := h.Act(t.Context(), second, r.Code, actOf("assign", w.Version, "agency", "sxd"))
		wantCode(t, err, problem.Stale, "request-stale")
		_, err = h.Act(t.Context(), second, r.Code, actOf("assign", 0, "agency", "sxd"))
		wantCode(t, err, problem.Invalid, "workflow-step-invalid")
		// Who follows, and a reminder, take no work away.
		w, _ = h.Read(t.Context(), duty, r.Code)
		if err := h.Follow(t.Context(), friend, r.Code); err != nil {
			t.Fatal(err)
		}
		h.clock.set(start.Add(5 * time.Hour))
		h.tick()
		x, err := h.Act(t.Context(), second, r.Code, actOf("assign", w.Version, "agency", "ubnd-19789"))
		if err != nil || x.Followers != 1 {
			t.Errorf("%+v %v", x, err)
		}
		// Many at once: one of them, and the others are told.
		w, _ = h.Read(t.Context(), duty, r.Code)
		done := make(chan error, 8)
		for i := range 8 {
			go func() {
				_, err := h.Act(t.Context(), ward, r.Code, actOf([]string{"begin", "appoint"}[i%2], w.Version, map[int][]string{0: nil, 1: {"assignee", "ha"}}[i%2]...))
				done <- err
			}()
		}
		won := 0
		for range 8 {
			if err := <-done; err == nil {
				won++
			} else if k := problem.KindOf(err); k != problem.Stale && k != problem.Conflict {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d of 8 began", won)
		}
	})
}

func TestManyAtOnceEachForItself(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	var items []request.Item
	for n := range 3 {
		r := h.send(repo.Public(), pavement(n))
		w, _ := h.Read(t.Context(), duty, r.Code)
		items = append(items, request.Item{Code: r.Code, Version: w.Version})
	}
	h.act(duty, items[1].Code, "refuse", "answer", "Ngoài phạm vi", "outcome", "not-ours", "recipient", "Quảng Trị")
	done, err := h.Bulk(t.Context(), duty, items, request.Act{Do: "assign", Fields: map[string]string{"agency": "sxd"}})
	if err != nil || len(done) != 3 || done[0].Err != nil || done[2].Err != nil || problem.KindOf(done[1].Err) != problem.Stale {
		t.Errorf("%+v %v", done, err)
	}
	n, err := h.Counts(t.Context(), duty)
	if err != nil || n.Open != 2 || n.Overdue != 0 || n.Received != 0 {
		t.Errorf("%+v %v", n, err)
	}
	if n, err = h.Counts(t.Context(), repo.Principal{Name: "x", Agency: "sxd", Roles: []string{"officer"}}); err != nil || n.Open != 2 {
		t.Errorf("%+v %v", n, err)
	}
}
