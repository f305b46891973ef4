package request_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
	"huong.city/huong/internal/store"
)

func (p photos) Erase(_ context.Context, ids ...string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		if p.list[id].Name == "stuck" {
			p.list[id] = request.File{}
			return errors.New("cut short")
		}
		delete(p.list, id)
	}
	return nil
}

// post is where letters to guests go.
type post struct {
	mu      sync.Mutex
	letters []string // address and path
	begun   []string
	broken  bool
}

func (p *post) Letter(_ context.Context, _, address, _ string, l request.Letter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.letters = append(p.letters, address+" "+l.Link)
	return nil
}

func (p *post) Begin(_ context.Context, account, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.begun, account) {
		p.begun = append(p.begun, account)
	}
	return nil
}

func (p *post) Forget(_ context.Context, account string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken {
		p.broken = false
		return errors.New("cut short")
	}
	p.begun = slices.DeleteFunc(p.begun, func(s string) bool { return s == account })
	return nil
}

func (p *post) token(t *testing.T, n int) string {
	t.Helper()
	if len(p.letters) <= n {
		t.Fatalf("letters %v", p.letters)
	}
	_, path, _ := strings.Cut(p.letters[n], " ")
	return strings.TrimPrefix(path, "/letters/confirm/")
}

// posted is a desk that writes letters, on the repository of a hall.
func (h *hall) posted(p *post) *request.Desk {
	return request.New(request.Config{Repo: h.repo, Random: rand.Reader, Files: h.files, Guests: p})
}

func (h *hall) read(dataset string) (rows []string) {
	h.Helper()
	_, err := h.repo.Read(h.Context(), repo.Internal(), repo.Query{Dataset: dataset}, func(rec repo.Record) error {
		rows = append(rows, string(rec.Entry.Schema.AppendJSON(nil, rec.Values, nil)))
		return nil
	})
	if err != nil {
		h.Fatal(err)
	}
	return rows
}

func (h *hall) deleted(kind string) (sum int64) {
	h.Helper()
	list, _, err := h.Erased(h.Context(), repo.Public(), 1000)
	if err != nil {
		h.Fatal(err)
	}
	for _, x := range list {
		if x.Kind == kind {
			sum += x.Count
		}
	}
	return sum
}

// What a rule keeps no longer is gone from the present, from history and from the
// log, with its photos; it is counted once although the job was cut short twice and
// done by several; the dry run told as much before.
func TestRetention(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		letters := &post{}
		d := h.posted(letters)
		var codes []string
		for n := range 5 {
			s := pavement(n)
			s.Text, s.Contact.Name = fmt.Sprintf("Canary-%d ở đây", n), fmt.Sprintf("Canary Tên %d", n)
			s.Photos = []string{h.files.put(fmt.Sprintf("f%d", n), request.UploadKey(s.Key))}
			r, err := d.Submit(t.Context(), repo.Public(), s)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, r.Code)
			if n == 0 { // its reporter takes letters
				if _, err := d.Confirm(t.Context(), letters.token(t, 0)); err != nil {
					t.Fatal(err)
				}
			}
			switch n {
			case 0, 1, 2:
				h.act(duty, r.Code, "refuse", "outcome", "refused", "answer", "Không thuộc phạm vi", "law", "30/2022")
			case 3:
				if _, err := h.reply(repo.Public(), r.Code, r.Secret, "withdraw"); err != nil {
					t.Fatal(err)
				}
			}
		}
		expired := func() map[string]int64 {
			t.Helper()
			list, err := d.Expired(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int64{}
			for _, x := range list {
				got[x.Rule] = x.Count
			}
			return got
		}
		if got := expired(); got["refused"] != 0 || got["identity"] != 0 {
			t.Fatalf("too early: %v", got)
		}
		h.clock.forward(367 * 24 * time.Hour)
		if got := expired(); got["refused"] != 4 || got["identity"] != 4 || got["handled"] != 0 {
			t.Fatalf("the dry run tells %v", got)
		}
		if n := len(h.read(request.Reporters)); n != 5 || h.deleted(request.WholeRequests) != 0 {
			t.Fatalf("the dry run erased something: %d reporters", n)
		}
		letters.broken = true
		f := h.files.list["f1"]
		f.Name = "stuck"
		h.files.list["f1"] = f
		for i := range 2 { // in the middle, and near the end
			if _, err := d.Expire(t.Context()); err == nil {
				t.Fatalf("run %d was not cut short", i)
			}
			d = h.posted(letters) // a restart
		}
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				if _, err := h.posted(letters).Expire(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if _, err := d.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := expired(); got["refused"] != 0 || got["identity"] != 0 {
			t.Errorf("left over: %v", got)
		}
		if n := h.deleted(request.WholeRequests); n != 4 {
			t.Errorf("%d are counted, want 4", n)
		}
		if n := h.deleted(request.Identities); n != 0 {
			t.Errorf("%d identities are counted that went with their requests", n)
		}
		if len(letters.begun) > 0 || len(h.files.list) != 1 {
			t.Errorf("letters to %v, files %v", letters.begun, h.files.list)
		}
		for i, code := range codes {
			_, err := h.repo.Get(t.Context(), repo.Internal(), request.Dataset, []value.Value{value.OfText(code)}, 0)
			if (err == nil) != (i == 4) {
				t.Errorf("%s: %v", code, err)
			}
		}
		for _, name := range []string{request.Dataset, request.Entries, request.Reporters, request.Followers, repo.SystemNotification, repo.SystemRequestDeletion, repo.SystemErasure} {
			for _, row := range h.read(name) {
				for i, code := range codes[:4] {
					if strings.Contains(row, code) || strings.Contains(row, fmt.Sprintf("Canary-%d", i)) || strings.Contains(row, fmt.Sprintf("Canary Tên %d", i)) {
						t.Errorf("%s still tells of %s: %s", name, code, row)
					}
				}
			}
		}
		for _, code := range codes[:4] {
			_, err := h.repo.History(t.Context(), repo.Internal(), request.Dataset, []value.Value{value.OfText(code)}, func(v store.Version) error {
				if v.Values != nil {
					t.Errorf("history still has %s", code)
				}
				return nil
			})
			if err != nil && problem.KindOf(err) != problem.NotFound {
				t.Error(err)
			}
		}
	})
}

// Who reported is erased before the report is.
func TestIdentitiesGoFirst(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	r := h.send(citizen, pavement(1))
	h.act(duty, r.Code, "assign")
	h.act(ward, r.Code, "answer", "outcome", "no-budget", "answer", "Chưa có kinh phí")
	h.act(duty, r.Code, "close")
	h.clock.forward(366 * 24 * time.Hour)
	if _, err := h.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(h.read(request.Reporters)) != 0 || h.deleted(request.Identities) != 1 || h.deleted(request.WholeRequests) != 0 {
		t.Errorf("reporters %v", h.read(request.Reporters))
	}
	for _, row := range h.read(repo.SystemNotification) {
		if strings.Contains(row, "account:dan") {
			t.Errorf("a notification still tells who reported: %s", row)
		}
	}
	if w, err := h.Read(t.Context(), duty, r.Code); err != nil || w.Answer == "" {
		t.Errorf("the report went too: %v", err)
	}
	if _, err := h.MineOne(t.Context(), citizen, r.Code, ""); problem.KindOf(err) != problem.NotFound {
		t.Errorf("its reporter is still known: %v", err)
	}
	if n := len(h.read(repo.SystemRequestDeletion)); n != 1 {
		t.Errorf("%d deletions", n)
	}
}

func (h *hall) closed(r request.Receipt) {
	h.Helper()
	h.act(duty, r.Code, "assign")
	h.act(ward, r.Code, "answer", "outcome", "fixed", "answer", "Đã dọn", "photos", h.files.put("after-"+r.Code, r.Code))
	if _, err := h.reply(repo.Public(), r.Code, r.Secret, "accept"); err != nil {
		h.Fatal(err)
	}
}

// Four weeks after it was closed as fixed who reported is asked once, whoever looks
// and however often; no reopens it, yes is noted.
func TestStillFixed(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		var sent []request.Receipt
		for n := range 3 {
			r := h.send(citizen, pavement(n))
			h.closed(r)
			sent = append(sent, r)
		}
		h.clock.forward(27 * 24 * time.Hour)
		if n, err := h.Recheck(t.Context()); n != 0 || err != nil {
			t.Fatalf("asked %d too early: %v", n, err)
		}
		if _, err := h.reply(citizen, sent[0].Code, "", request.DoNotFixed); err == nil {
			t.Fatal("answered before it was asked")
		}
		h.clock.forward(36 * time.Hour)
		total := 0
		for _, d := range []*request.Desk{h.another(), h.another(), h.Desk} {
			for range 2 {
				n, err := d.Recheck(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				total += n
			}
		}
		if total != 3 {
			t.Errorf("asked %d times, want 3", total)
		}
		told := 0
		for _, s := range h.told(0) {
			if strings.HasPrefix(s, "Is what you reported still fixed") {
				told++
				if !strings.HasSuffix(s, "account:dan") {
					t.Errorf("told %s", s)
				}
			}
		}
		if told != 3 {
			t.Errorf("told %d times", told)
		}
		w, err := h.MineOne(t.Context(), citizen, sent[0].Code, "")
		if err != nil || !slices.Contains(w.May, request.DoNotFixed) || !slices.Contains(w.May, request.DoStillFixed) {
			t.Fatalf("may %v: %v", w.May, err)
		}
		if _, err := h.reply(citizen, sent[0].Code, "", request.DoStillFixed); err != nil {
			t.Fatal(err)
		}
		if x, err := h.reply(citizen, sent[1].Code, "", request.DoNotFixed, "note", "Lại bày ra"); err != nil || x.Status != "reopened" {
			t.Fatalf("%s %v", x.Status, err)
		}
		for _, r := range sent[:2] {
			for _, do := range []string{request.DoStillFixed, request.DoNotFixed} {
				if _, err := h.reply(citizen, r.Code, "", do); err == nil {
					t.Errorf("%s: answered twice by %s", r.Code, do)
				}
			}
		}
		h.act(ward, sent[1].Code, "answer", "outcome", "fixed", "answer", "Đã dọn lại", "photos", h.files.put("again", sent[1].Code))
		h.act(duty, sent[1].Code, "close")
		h.clock.forward(29 * 24 * time.Hour)
		if n, err := h.Recheck(t.Context()); n != 0 || err != nil {
			t.Errorf("asked %d of them again: %v", n, err)
		}
	})
}

// A low rating of what is closed already brings it to a second person, too.
func TestLowRatingOfWhatIsClosed(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	r := h.send(citizen, pavement(1))
	h.closed(r)
	x, err := h.reply(citizen, r.Code, "", "rate", "rating", "1")
	if err != nil || x.Status != "disputed" || x.Rating != 1 {
		t.Fatalf("%s %d %v", x.Status, x.Rating, err)
	}
	if x := h.act(second, r.Code, "dismiss", "answer", "Đã kiểm tra lại, việc đã xong"); x.Status != "closed" {
		t.Fatalf("%s", x.Status)
	}
	w, err := h.MineOne(t.Context(), citizen, r.Code, "")
	if err != nil || slices.Contains(w.May, "low-rating") || slices.Contains(w.May, "rate") {
		t.Errorf("may %v: %v", w.May, err)
	}
}

// The desk notes false reports with a reason; after three their sender's reports are
// read before they are public; an appeal is decided by another person; a term ends.
func TestStrikes(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		const kept = "keywords: [lấn chiếm, vỉa hè, buôn bán]\n"
		h.define("requests", "requests", []byte(strings.Replace(string(h.file("requests.yaml")), kept, kept+"        publication: after\n", 1)))
		atOnce := func(n int) request.Submission {
			s := pavement(n)
			s.Contact, s.Device = request.Contact{}, "phone-1"
			s.Text = fmt.Sprintf("Vỉa hè bị chiếm lần %d", n)
			return s
		}
		public := func(code string) bool {
			_, err := h.PublicOne(t.Context(), code)
			return err == nil
		}
		var sent []request.Receipt
		for n := range 3 {
			r := h.send(citizen, atOnce(n))
			if !public(r.Code) {
				t.Fatal("the category is not public at once")
			}
			sent = append(sent, r)
			h.clock.forward(24 * time.Hour)
		}
		wantCode(t, h.Strike(t.Context(), ward, sent[0].Code, "Bịa đặt"), problem.Denied, "request-desk")
		for _, r := range sent {
			if err := h.Strike(t.Context(), duty, r.Code, "Bịa đặt: không có việc này"); err != nil {
				t.Fatal(err)
			}
			if !public(r.Code) {
				t.Error("a strike hides the report")
			}
		}
		wantCode(t, h.Strike(t.Context(), duty, sent[0].Code, "Lần nữa"), problem.Conflict, "request-strike-twice")
		if r := h.send(citizen, atOnce(10)); public(r.Code) {
			t.Error("the fourth is public before it is read")
		}
		guest := atOnce(11)
		if r := h.send(repo.Public(), guest); public(r.Code) {
			t.Error("signed out, the same device is not held to it")
		}
		wantCode(t, h.Appeal(t.Context(), friend, sent[0].Code, "", "Không phải tôi"), problem.NotFound, "request-unknown")
		if err := h.Appeal(t.Context(), citizen, sent[0].Code, "", "Việc có thật, đây là ảnh"); err != nil {
			t.Fatal(err)
		}
		wantCode(t, h.Appeal(t.Context(), citizen, sent[0].Code, "", "Lần nữa"), problem.Conflict, "request-strike-state")
		if list, err := h.Appealed(t.Context(), second); err != nil || len(list) != 1 || list[0].Code != sent[0].Code {
			t.Errorf("appealed %v: %v", list, err)
		}
		wantCode(t, h.DecideStrike(t.Context(), duty, sent[0].Code, true, "Đúng"), problem.Denied, "request-strike-second")
		if err := h.DecideStrike(t.Context(), second, sent[0].Code, true, "Ảnh cho thấy việc có thật"); err != nil {
			t.Fatal(err)
		}
		h.clock.forward(24 * time.Hour)
		if r := h.send(citizen, atOnce(12)); !public(r.Code) {
			t.Error("two strikes hold its sender back")
		}
		k, known, err := h.StrikeOf(t.Context(), sent[0].Code)
		if err != nil || !known || k.State != request.StrikeLifted || k.DecidedBy != second.Name || k.By != duty.Name {
			t.Errorf("%+v %v", k, err)
		}
		// Those who handle the report never read who sent it there.
		for _, row := range h.everything(ward, request.Strikes) {
			t.Errorf("the ward reads a strike: %c", row)
		}
		r := h.send(citizen, atOnce(13))
		if err := h.Strike(t.Context(), duty, r.Code, "Bịa"); err != nil {
			t.Fatal(err)
		}
		h.clock.forward(181 * 24 * time.Hour)
		if r := h.send(citizen, atOnce(14)); !public(r.Code) {
			t.Error("strikes hold beyond their term")
		}
	})
}

// Where the city says so, sending pauses for some days.
func TestStrikesPause(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	text := strings.Replace(string(h.file("requests.yaml")), "strikes: {count: 3, keep: 180d, then: moderate, pause: 7d}", "strikes: {count: 1, then: pause, pause: 7d}", 1)
	text = strings.Replace(text, "area: 1000", "area: 2", 1)
	h.define("requests", "requests", []byte(text))
	r := h.send(citizen, pavement(1))
	if err := h.Strike(t.Context(), duty, r.Code, "Bịa"); err != nil {
		t.Fatal(err)
	}
	_, err := h.Submit(t.Context(), citizen, pavement(2))
	wantCode(t, err, problem.RateLimited, "request-paused")
	h.clock.forward(7 * 24 * time.Hour)
	h.send(citizen, pavement(2))
	// And who is not signed in shares the measure of a ward.
	for n := range 2 {
		h.send(repo.Public(), pavement(10+n))
	}
	_, err = h.Submit(t.Context(), repo.Public(), pavement(20))
	wantCode(t, err, problem.RateLimited, "request-area-full")
	h.send(friend, pavement(21))
	h.clock.forward(time.Hour)
	h.send(repo.Public(), pavement(22))
}

// Nobody is written to who did not say so; one letter asks, and each ends with a
// click; of the link that ends them only a digest is kept.
func TestGuestsByLetter(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		letters := &post{}
		d := h.posted(letters)
		s := pavement(1)
		r, err := d.Submit(t.Context(), repo.Public(), s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Submit(t.Context(), repo.Public(), s); err != nil || len(letters.letters) != 1 {
			t.Fatalf("letters %v: %v", letters.letters, err)
		}
		h.act(duty, r.Code, "assign")
		if len(letters.begun) != 0 || slices.ContainsFunc(h.told(0), func(s string) bool { return strings.Contains(s, "guest/") }) {
			t.Fatal("told without a confirmation")
		}
		wantCode(t, d.Invite(t.Context(), repo.Public(), r.Code, "", "x@example.com", "en", ""), problem.NotFound, "request-unknown")
		h.act(duty, r.Code, "publish", "title", "Lấn vỉa hè", "text", "Bàn ghế kín vỉa hè.")
		if err := d.Invite(t.Context(), repo.Public(), r.Code, "", "ban@example.com", "en", "phone-2"); err != nil {
			t.Fatal(err)
		}
		for n := range 2 {
			if code, err := d.Confirm(t.Context(), letters.token(t, n)); err != nil || code != r.Code {
				t.Fatal(code, err)
			}
			if _, err := d.Confirm(t.Context(), letters.token(t, n)); err != nil {
				t.Fatalf("confirmed twice: %v", err)
			}
		}
		if len(letters.begun) != 2 {
			t.Fatalf("begun %v", letters.begun)
		}
		if w, err := h.PublicOne(t.Context(), r.Code); err != nil || w.Followers != 1 {
			t.Errorf("%d follow: %v", w.Followers, err)
		}
		if err := d.Invite(t.Context(), repo.Public(), r.Code, "", "BAN@example.com", "en", ""); err != nil || len(letters.letters) != 2 {
			t.Errorf("who follows already is written to again: %v %v", letters.letters, err)
		}
		h.act(ward, r.Code, "answer", "outcome", "no-budget", "answer", "Chưa có kinh phí")
		told := 0
		for _, s := range h.told(0) {
			if strings.HasPrefix(s, "Your report was answered → account:guest/") {
				told++
			}
		}
		if told != 2 {
			t.Errorf("%d guests are told", told)
		}
		mails := map[string]bool{}
		for _, account := range slices.Clone(letters.begun) {
			m, err := d.GuestMail(t.Context(), account)
			if err != nil {
				t.Fatal(err)
			}
			mails[m] = true
			link, err := d.StopLink(t.Context(), account)
			parts := strings.Split(strings.TrimPrefix(link, "/letters/stop/"), "/")
			if err != nil || len(parts) != 2 {
				t.Fatal(link, err)
			}
			for _, name := range []string{request.Followers, request.Reporters, repo.SystemNotification} {
				for _, row := range h.read(name) {
					if strings.Contains(row, parts[1]) {
						t.Errorf("the link is kept: %s", row)
					}
				}
			}
			wantCode(t, d.Stop(t.Context(), parts[0], strings.Repeat("2", 32)), problem.NotFound, "not-found")
			for range 2 {
				if err := d.Stop(t.Context(), parts[0], parts[1]); err != nil {
					t.Fatal(err)
				}
			}
			e, err := h.repo.Entry(repo.Internal(), request.Followers)
			if err != nil {
				t.Fatal(err)
			}
			_, err = h.repo.History(t.Context(), repo.Internal(), e.Dataset.Name, []value.Value{value.OfText(parts[0])}, func(v store.Version) error {
				if v.Values != nil {
					t.Error("that they followed is still in the history")
				}
				return nil
			})
			if err != nil && problem.KindOf(err) != problem.NotFound {
				t.Fatal(err)
			}
		}
		if !mails["canh@example.com"] || !mails["ban@example.com"] || len(h.read(request.Followers)) != 0 || len(letters.begun) != 0 {
			t.Errorf("mails %v, left %v", mails, h.read(request.Followers))
		}
		for n := range 3 {
			err = d.Invite(t.Context(), repo.Public(), r.Code, "", fmt.Sprintf("m%d@example.com", n), "vi", "phone-3")
			if err != nil {
				t.Fatal(err)
			}
		}
		wantCode(t, d.Invite(t.Context(), repo.Public(), r.Code, "", "m4@example.com", "vi", "phone-3"), problem.RateLimited, "request-letters")
		h.clock.forward(49 * time.Hour)
		_, err = d.Confirm(t.Context(), letters.token(t, len(letters.letters)-1))
		wantCode(t, err, problem.Gone, "request-invitation")
		if err := d.ForgetInvitations(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
