package demo

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// Clerks are the people who work on reports: the duty desk, which verifies,
// publishes, merges and sends on; the officers who handle and answer; and those who
// reported, who reply to questions, rate and dispute. What they do, and when,
// follows from seed and report alone: who looks again does nothing twice. They are
// used by one goroutine.
type Clerks struct {
	*city
	log    *slog.Logger
	looked time.Time
	after  map[string]after // reports whose answer their sender has yet to judge
}

// after is what the sender of a report knows.
type after struct {
	tale    tale
	receipt request.Receipt
}

// NewClerks sends them to work.
func NewClerks(ctx context.Context, r *repo.Repository, o Options) (*Clerks, error) {
	c, err := newCity(ctx, r, o)
	return &Clerks{city: c, log: o.Log, after: map[string]after{}}, err
}

// Work lets them work until ctx ends.
func (c *Clerks) Work(ctx context.Context) {
	ticker := time.NewTicker(clerksEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := c.Step(ctx); err != nil && ctx.Err() == nil && problem.KindOf(err) != problem.Unavailable {
			c.log.Warn("the demo's clerks could not act", "err", err)
		}
	}
}

// clerksEvery is how often they look up, in wall time, and clerksRest in the city's.
const (
	clerksEvery = 2 * time.Second
	clerksRest  = time.Minute
)

// mostLooked bounds the open reports that they look through.
const mostLooked = 2000

// Step does what is due at the city's present.
func (c *Clerks) Step(ctx context.Context) error {
	now := c.repo.Now()
	if c.reporting.Desk == nil || now.Sub(c.looked) < clerksRest && !c.looked.After(now) {
		return nil
	}
	c.looked = now
	open := true
	list, _, err := c.reporting.Desk.List(ctx, repo.Internal(), request.Query{Open: &open, Limit: mostLooked})
	for i := range list {
		x := &list[i]
		t, sent, ours := c.tellID(x.ExternalID)
		if !ours {
			continue
		}
		if e := c.further(ctx, x, &t, sent, now); passed(e) != nil && problem.KindOf(e) != problem.Denied {
			err = errors.Join(err, e)
		}
	}
	for code, a := range c.after {
		if now.Before(a.tale.rated) {
			continue
		}
		delete(c.after, code)
		if e := c.judge(ctx, code, &a); passed(e) != nil {
			err = errors.Join(err, e)
		}
	}
	return err
}

// desk is who sits at the duty desk: one by day, another by night.
func (c *Clerks) desk(now time.Time) repo.Principal {
	name := "tuan.ho"
	if h := now.In(c.zone).Hour(); h < 6 || h >= 18 {
		name = "mai.truong"
	}
	return repo.Principal{Name: name, Agency: "hueioc", Roles: []string{grant.OperatorRole}, Areas: []string{grant.WholeCity}}
}

// further takes a report one step on where its time has come.
func (c *Clerks) further(ctx context.Context, x *request.Request, t *tale, sent bool, now time.Time) error {
	desk := c.desk(now)
	act := func(p repo.Principal, a request.Act) error {
		a.Version = x.Version
		after, err := c.reporting.Desk.Act(ctx, p, x.Code, a)
		if err == nil {
			*x = after
		}
		return err
	}
	fields := func(kv ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i+1 < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return m
	}
	_, said := c.answer(t)
	crew := onDuty(x.Agency)
	switch x.Status {
	case "received":
		if now.Before(t.verified) {
			return nil
		}
		if t.end == toMerge {
			if parent, err := c.parent(ctx, t); err != nil || parent != "" {
				if err == nil {
					err = act(desk, request.Act{Do: "merge", Fields: fields("parent", parent, "note", "Cùng một việc, cách nhau vài bước chân")})
				}
				return err
			}
		}
		return errors.Join(act(desk, request.Act{Do: "verify"}), c.publish(ctx, desk, x, t))
	case "verified":
		switch {
		case now.Before(t.assigned):
			return nil
		case t.end == toRefuse && now.Before(t.ended):
			return nil
		case t.end == toRefuse:
			return act(desk, request.Act{Do: "refuse", Outcome: "cannot-verify", Fields: fields("answer", said)})
		}
		return act(desk, request.Act{Do: "assign", Fields: fields("agency", x.Agency)})
	case "assigned":
		switch {
		case now.Before(t.begun):
			return nil
		case t.end == toAsk && sent:
			return act(crew, request.Act{Do: "ask", Fields: fields("question", "Xin ông/bà cho biết vị trí cụ thể hơn và thời gian thường xảy ra.")})
		}
		return act(crew, request.Act{Do: "begin", Fields: fields("note", "Đã giao tổ hiện trường")})
	case "waiting-reporter":
		if now.Before(t.begun.Add(t.ended.Sub(t.begun) / 2)) {
			return nil
		}
		got, err := c.send(ctx, t)
		if err != nil {
			return err
		}
		_, err = c.reporting.Desk.Reply(ctx, repo.Public(), x.Code, got.Secret, request.Act{Do: "reply", Fields: fields("reply", "Ngay trước nhà số "+t.address+", thường vào buổi tối.")})
		return err
	case "in-progress", "reopened":
		if now.Before(t.ended) || x.Status == "reopened" && now.Sub(x.UpdatedAt) < 5*time.Hour {
			return nil
		}
		return c.finish(ctx, crew, x, t, sent, act)
	case "disputed":
		if now.Sub(x.UpdatedAt) < 6*time.Hour {
			return nil
		}
		if c.noise("uphold", t.day.Unix(), t.n) < 0.5 {
			return act(desk, request.Act{Do: "uphold", Fields: fields("note", "Ảnh của người dân cho thấy việc chưa xong, đề nghị làm lại.")})
		}
		return act(desk, request.Act{Do: "dismiss", Fields: fields("answer", "Đã xem lại hồ sơ và ảnh hiện trường: việc đã làm đúng như trả lời.")})
	}
	return nil
}

// parent is the report that one repeats, where the desk has it.
func (c *Clerks) parent(ctx context.Context, t *tale) (string, error) {
	first := c.tale(t.day, t.twin)
	list, _, err := c.reporting.Desk.List(ctx, repo.Internal(), request.Query{From: first.opened.Add(-12 * time.Hour), Until: t.opened.Add(time.Hour), Category: []string{t.kind.category}, Limit: 500})
	at := slices.IndexFunc(list, func(x request.Request) bool {
		return (x.ExternalID == first.id(ofThePast) || x.ExternalID == first.id(sentNow)) && x.Status != "merged"
	})
	if at < 0 {
		return "", err
	}
	return list[at].Code, err
}

// publish shows the public what was reported; what tells of a person waits for
// somebody to read it.
func (c *Clerks) publish(ctx context.Context, desk repo.Principal, x *request.Request, t *tale) error {
	if t.personal || x.Published {
		return nil
	}
	w, err := c.reporting.Desk.Read(ctx, desk, x.Code)
	if err != nil {
		return err
	}
	_, err = c.reporting.Desk.Act(ctx, desk, x.Code, request.Act{Do: request.DoPublish, Version: w.Version, Fields: map[string]string{"title": t.title, "text": t.text}, Photos: photosOf(w, "before")})
	if problem.KindOf(err) == problem.Conflict { // of a kind that is never shown
		return nil
	}
	return err
}

// finish answers, with a photo of what was done where there was something to do.
func (c *Clerks) finish(ctx context.Context, crew repo.Principal, x *request.Request, t *tale, sent bool, act func(repo.Principal, request.Act) error) error {
	outcome, said := c.answer(t)
	a := request.Act{Do: "answer", Outcome: outcome, Fields: map[string]string{"answer": said}}
	switch {
	case x.Reopened > 0 && t.end == toPlan:
		a.Outcome, a.Fields["answer"] = "fixed", t.kind.done[0]
	case x.Reopened > 0:
		a.Outcome, a.Fields["answer"] = "fixed", "Đã làm lại. "+t.kind.done[0]
	case outcome == "planned":
		a.Do, a.Fields["plannedAt"] = "plan", t.planned.In(c.zone).Format(time.DateOnly)
		if !t.planned.After(c.repo.Now().AddDate(0, 0, 1)) {
			a.Do, a.Outcome = "answer", "fixed"
			a.Fields["answer"] = t.kind.done[0]
			delete(a.Fields, "plannedAt")
		}
	}
	catalogue, err := c.reporting.Desk.Catalogue()
	if err != nil {
		return err
	}
	if k, ok := catalogue.Category(x.Category); ok && k.Physical && a.Outcome == "fixed" && c.reporting.Files != nil {
		f, err := c.reporting.Files.Keep(ctx, crew, request.Dataset, x.Code, "sau-khi-xu-ly.jpg", c.album.of(t.kind.picture, int(t.n)%pictures, true))
		if err != nil {
			return err
		}
		a.Photos = []string{f.ID}
	}
	if err := act(crew, a); err != nil {
		return err
	}
	if t.rating == 0 || x.Reopened > 0 || !sent {
		return nil
	}
	got, err := c.send(ctx, t)
	c.after[x.Code] = after{*t, got}
	return err
}

// judge lets the sender rate an answer; a low rating disputes it.
func (c *Clerks) judge(ctx context.Context, code string, a *after) error {
	fields := map[string]string{"rating": string(rune('0' + a.tale.rating))}
	if a.tale.rating <= 2 {
		fields["text"] = "Hôm nay tôi đi qua vẫn thấy như cũ."
	}
	_, err := c.reporting.Desk.Reply(ctx, repo.Public(), code, a.receipt.Secret, request.Act{Do: request.DoRate, Fields: fields})
	if err != nil || a.tale.rating < 4 {
		return err
	}
	_, err = c.reporting.Desk.Reply(ctx, repo.Public(), code, a.receipt.Secret, request.Act{Do: "accept"})
	return err
}

// Citizens lets the demo's two citizens report at once where they have not yet: one
// who waits for the desk, one who is asked something, and one who has an answer to
// rate.
func (c *Clerks) Citizens(ctx context.Context) error {
	if c.reporting.Desk == nil {
		return nil
	}
	an := repo.Principal{Name: "dan.an", Roles: []string{grant.Citizen}}
	if have, err := c.reporting.Desk.Mine(ctx, an); err != nil || len(have) > 0 {
		return err
	}
	now := c.repo.Now()
	desk, ward := c.desk(now), onDuty("ubnd-19789")
	lon, lat := 107.5936, 16.4638
	for i, s := range []struct {
		category, title, text string
		answers               map[string]string
		picture               picture
	}{
		{"encroachment", "Quán nước chiếm hết vỉa hè", "Buổi chiều quán bày bàn ghế kín vỉa hè trước trường, học sinh phải đi dưới lòng đường.", nil, tables},
		{"noise", "Loa kẹo kéo hát khuya", "Nhóm hát loa kẹo kéo ở công viên đến gần nửa đêm.", map[string]string{"source": "karaoke"}, none},
		{"road", "Ổ gà trước cổng chợ", "Ổ gà sâu trước cổng chợ, mưa là đọng nước.", nil, hole},
	} {
		x, y := lon+0.002*float64(i), lat-0.001*float64(i)
		sent := request.Submission{Key: "demo/dan.an/" + s.category + "/first", Category: s.category, Title: s.title, Text: s.text, Longitude: &x, Latitude: &y, Area: "19789", Address: "Đường Hà Nội, phường Thuận Hóa",
			Channel: "app", Answers: s.answers, Contact: request.Contact{Lang: "vi", Notify: []string{"page"}}}
		if s.picture != none && c.reporting.Files != nil {
			t := tale{kind: &kindOfReport{picture: s.picture}, n: int64(i)}
			id, err := c.photo(ctx, request.UploadKey(sent.Key), &t)
			if err != nil {
				return err
			}
			sent.Photos = []string{id}
		}
		got, err := c.reporting.Desk.Submit(ctx, an, sent)
		if err != nil {
			return err
		}
		steps := []struct {
			p repo.Principal
			a request.Act
		}{
			{desk, request.Act{Do: "verify"}}, {desk, request.Act{Do: request.DoPublish, Fields: map[string]string{"title": s.title, "text": s.text}}},
			{desk, request.Act{Do: "assign", Fields: map[string]string{"agency": "ubnd-19789"}}},
			{ward, request.Act{Do: "begin"}},
		}
		switch i {
		case 0:
			steps = append(steps, struct {
				p repo.Principal
				a request.Act
			}{ward, request.Act{Do: "answer", Outcome: "fixed", Fields: map[string]string{"answer": reportKinds[7].done[0]}}})
		case 1:
			steps[3].a = request.Act{Do: "ask", Fields: map[string]string{"question": "Nhóm hát thường vào những ngày nào trong tuần, ở phía nào của công viên?"}}
		case 2:
			steps = nil
		}
		for _, step := range steps {
			w, err := c.reporting.Desk.Read(ctx, step.p, got.Code)
			if err != nil {
				return err
			}
			step.a.Version = w.Version
			if step.a.Do == request.DoPublish {
				step.a.Photos = photosOf(w, "before")
			}
			if step.a.Outcome == "fixed" && c.reporting.Files != nil {
				f, err := c.reporting.Files.Keep(ctx, step.p, request.Dataset, got.Code, "sau.jpg", c.album.of(tables, 0, true))
				if err != nil {
					return err
				}
				step.a.Photos = []string{f.ID}
			}
			if _, err := c.reporting.Desk.Act(ctx, step.p, got.Code, step.a); err != nil {
				return err
			}
		}
	}
	return nil
}
