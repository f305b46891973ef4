package request_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"huong.city/huong/internal/core/nearby"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// said are words that people use of a category.
var said = map[string][]string{
	"encroachment": {"quán nước bày bàn ghế", "lấn chiếm vỉa hè", "không còn lối đi bộ", "bán hàng trên vỉa hè", "kê bàn ghế ra đường"},
	"lighting":     {"đèn đường không sáng", "cột đèn bị tắt", "hẻm tối om vì đèn hỏng", "bóng đèn chập chờn", "cả đoạn đường mất điện chiếu sáng"},
	"rubbish":      {"rác chất đống", "thùng rác đầy tràn", "mùi hôi của rác", "xe rác không đến lấy", "túi rác vứt bừa bãi"},
}

// taleOf is what somebody writes of a category.
func taleOf(random *rand.Rand, category string) string {
	words := said[category]
	return fmt.Sprintf("%s, %s ở số %d %s", words[random.IntN(len(words))], words[random.IntN(len(words))], random.IntN(200),
		[]string{"đường Lê Lợi", "đường Hùng Vương", "kiệt 12", "gần chợ", "trước cổng trường"}[random.IntN(5)])
}

// A model is trained from what was closed, says how good it is, suggests and never
// decides, and outlives a restart.
func TestLearner(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		l := request.NewLearner(h.repo, nil)
		h.follow(l)
		if _, ok := l.Learned(); ok || l.Suggest("đèn đường không sáng") != "" {
			t.Error("it suggests before it learned")
		}
		random := rand.New(rand.NewPCG(3, 4))
		categories := slices.Sorted(maps.Keys(said))
		var list []request.Past
		for i := range 300 {
			p := past(fmt.Sprint("x", i), start.Add(-time.Duration(1000+i)*time.Hour), time.Hour)
			p.Category = categories[i%len(categories)]
			p.Title, p.Text = "", taleOf(random, p.Category)
			if i%10 == 9 { // nobody has closed these
				p.Status, p.Outcome, p.Answer, p.AnsweredAt, p.ClosedAt, p.Rating = "in-progress", "", "", time.Time{}, time.Time{}, 0
			}
			list = append(list, p)
		}
		done, err := h.Import(t.Context(), duty, list)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range done {
			if d.Err != nil {
				t.Fatal(d.Err)
			}
		}
		h.settled(l.Name())
		teach := func(l *request.Learner) request.Learned {
			t.Helper()
			if err := l.Teach(t.Context()); err != nil {
				t.Fatal(err)
			}
			q, ok := l.Learned()
			if !ok {
				t.Fatal("nothing was learned")
			}
			return q
		}
		q := teach(l)
		if q.Texts != 270 || q.Held != 27 || q.First < 0.9 || q.Three < q.First || q.Categories != 3 || !q.Suggests {
			t.Errorf("learned %+v", q)
		}
		for _, category := range categories {
			if got := l.Suggest(taleOf(random, category)); got != category {
				t.Errorf("%s suggested for %s", got, category)
			}
		}
		if got := l.Suggest("zzz qqq xxx"); got != "" {
			t.Errorf("%s suggested for nothing", got)
		}

		// The desk notes it beside what was chosen, and hands it to the form.
		desk := request.New(request.Config{Repo: h.repo, Random: random64{random}, Suggest: l.Suggest, Habits: l.Habits})
		s := pavement(1)
		s.Title, s.Text = "", "Cột đèn bị tắt, hẻm tối om vì đèn hỏng"
		r, err := desk.Submit(t.Context(), citizen, s)
		if err != nil {
			t.Fatal(err)
		}
		if x, err := desk.Read(t.Context(), duty, r.Code); err != nil || x.Category != "encroachment" || x.Suggested != "lighting" {
			t.Errorf("%+v %v", x, err)
		}
		if c, ok := desk.Suggest("cột đèn bị tắt"); !ok || c.Code != "lighting" {
			t.Errorf("the form is told %v %t", c, ok)
		}
		if _, ok := desk.Suggest("đèn"); ok {
			t.Error("a word is enough")
		}

		// Nothing is trained again for little; for more it is, once the time has come.
		first := q.At
		if q = teach(l); !q.At.Equal(first) {
			t.Error("trained again for nothing")
		}

		// What is open again is not learned from, and another learner that reads the
		// log alone, or what was saved, knows the same.
		for _, d := range done[:5] {
			h.act(duty, d.Code, "reopen-desk", "note", "x")
		}
		h.settled(l.Name())
		again := request.NewLearner(h.repo, nil)
		if err := h.repo.Log(t.Context(), repo.Internal(), repo.LogQuery{Changes: true}, applied(again, h.repo)); err != nil {
			t.Fatal(err)
		}
		if q := teach(again); q.Texts != 265 {
			t.Errorf("from the log: %+v", q)
		}
		state := map[string][]byte{}
		puts, err := again.Save()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range puts {
			if bytes.Contains(p.Value, []byte("vỉa hè")) {
				t.Errorf("%s keeps what was written", p.Key)
			}
			if p.Value != nil {
				state[p.Key] = p.Value
			}
		}
		loaded := request.NewLearner(h.repo, nil)
		if err := loaded.Load(state); err != nil {
			t.Fatal(err)
		}
		if a, _ := again.Learned(); func() bool { b, ok := loaded.Learned(); b.At = a.At; return !ok || a != b }() {
			t.Error("a restart forgets what was learned")
		}
		for _, category := range categories {
			tale := taleOf(random, category)
			if a, b := again.Suggest(tale), loaded.Suggest(tale); a != b {
				t.Errorf("%s before and %s after a restart", a, b)
			}
		}
	})
}

type random64 struct{ *rand.Rand }

func (r random64) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return len(b), nil
}

// What the city merged tells the habits of categories.
func TestHabits(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	l := request.NewLearner(h.repo, nil)
	h.follow(l)
	var list []request.Past
	want := map[string]nearby.Seen{}
	for i := range 400 {
		p := past(fmt.Sprint("x", i), start.Add(-time.Duration(i)*time.Hour), 0)
		p.Category = []string{"encroachment", "lighting"}[i%2]
		s := want[p.Category]
		s.Reports++
		if i%4 == 1 || i%40 == 0 {
			p.Status, p.ClosedAt, p.Parent = "merged", p.At.Add(time.Hour), "PA-1"
			s.Merged++
		}
		want[p.Category] = s
		list = append(list, p)
	}
	if done, err := h.Import(t.Context(), duty, list); err != nil || slices.ContainsFunc(done, func(d request.Imported) bool { return d.Err != nil }) {
		t.Fatal(err, done[0].Err)
	}
	h.settled(l.Name())
	if got, want := l.Habits(), nearby.Habits(want); !maps.Equal(got, want) || got["lighting"] < 0.3 || got["encroachment"] > -0.3 {
		t.Errorf("habits %v, want %v", got, want)
	}
}
