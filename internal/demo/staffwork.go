package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/alert"
	"huong.city/huong/internal/service/incident"
)

func en(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }
func vi(f float64) string { return strings.Replace(en(f), ".", ",", 1) }

// handle takes every incident that is not over one step further where its time
// has come.
func (s *Staff) handle(ctx context.Context, now time.Time) error {
	not := false
	list, _, err := s.incidents.List(ctx, repo.Internal(), incident.Query{Over: &not, Limit: 500})
	for i := range list {
		if e := s.handleOne(ctx, list[i].ID, now); passed(e) != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", list[i].ID, e))
		}
	}
	return err
}

func (s *Staff) handleOne(ctx context.Context, id string, now time.Time) error {
	w, err := s.incidents.Read(ctx, repo.Internal(), id)
	if err != nil {
		return err
	}
	x := &w.Incident
	at := x.DetectedAt.Unix() / 60
	// due tells that the share of the running deadline that they take has passed.
	due := func(step string) bool {
		pace := s.pace(step+":"+x.Kind+x.Area, at)
		for _, r := range w.Running {
			if !r.Due.IsZero() {
				return !now.Before(r.Start.Add(time.Duration(pace * float64(r.Due.Sub(r.Start)))))
			}
		}
		return now.Sub(x.UpdatedAt) >= 10*time.Minute
	}
	do := func(p repo.Principal, a incident.Act) error {
		after, err := s.incidents.Act(ctx, p, id, a)
		if err == nil {
			x.Version = after.Version
		}
		return err
	}
	op, crew := s.operator(now), onDuty(whose(x.Kind))
	switch x.State {
	case "detected", "reopened":
		if !due("acknowledge") {
			return nil
		}
		return do(op, incident.Act{Do: "acknowledge", Version: x.Version})
	case "acknowledged":
		if !due("assign") {
			return s.lines(w, now, do)
		}
		return do(op, incident.Act{Do: "assign", Version: x.Version, Fields: map[string]string{"agency": crew.Agency, "note": "Giao chủ trì, báo cáo kết quả về trung tâm"}})
	case "assigned":
		if x.Agency != crew.Agency {
			crew = onDuty(x.Agency)
		}
		if !due("begin") {
			return s.lines(w, now, do)
		}
		return do(crew, incident.Act{Do: "begin", Version: x.Version, Fields: map[string]string{"note": "Lực lượng đã có mặt tại hiện trường"}})
	case "in-progress":
		if x.Agency != crew.Agency {
			crew = onDuty(x.Agency)
		}
		if err := errors.Join(s.lines(w, now, do), s.measures(ctx, w, now, do)); err != nil {
			return err
		}
		over, err := s.calm(ctx, w)
		switch {
		case err != nil:
			return err
		case x.Alerts > 0 && !over, x.Alerts == 0 && !due("resolve"):
			return nil
		}
		note, outcome := "Đã xử lý xong, giao thông và sinh hoạt trở lại bình thường", "handled"
		if x.Alerts > 0 {
			note, outcome = "Các chỉ số đã về dưới ngưỡng, địa phương báo an toàn", "ended"
		}
		return do(crew, incident.Act{Do: "resolve", Version: x.Version, Outcome: outcome, Fields: map[string]string{"note": note}})
	case "resolved":
		if !due("close") {
			return nil
		}
		for _, l := range w.Checklist {
			if !l.Done {
				if err := do(op, incident.Act{Do: incident.DoCheck, Fields: map[string]string{"name": l.Name, "done": "true"}}); passed(err) != nil {
					return err
				}
			}
		}
		return do(op, incident.Act{Do: "close", Version: x.Version, Fields: map[string]string{"note": "Trung tâm đã kiểm tra"}})
	}
	return nil
}

// lines ticks the lines of the playbook whose time has come.
func (s *Staff) lines(w *incident.Whole, now time.Time, do func(repo.Principal, incident.Act) error) error {
	at := w.DetectedAt.Unix() / 60
	for _, l := range w.Checklist {
		if l.Done || l.Due.At.IsZero() {
			continue
		}
		pace := s.pace("line:"+l.Name+w.Area, at)
		if now.Before(l.Due.At.Add(-l.Within).Add(time.Duration(pace * float64(l.Within)))) {
			continue
		}
		who := s.operator(now)
		if len(l.Roles) > 0 && !slices.Contains(l.Roles, "operator") {
			who = leader()
		} else if slices.Contains(l.Roles, "officer") {
			who = onDuty(w.Agency)
		}
		if err := do(who, incident.Act{Do: incident.DoCheck, Fields: map[string]string{"name": l.Name, "done": "true"}}); passed(err) != nil {
			return err
		}
		if l.Name == "schools" {
			err := do(leader(), incident.Act{Do: incident.DoDecision, Fields: map[string]string{"text": "Cho học sinh nghỉ học đến khi nước rút; các trường trên cao mở làm nơi trú"}})
			if passed(err) != nil {
				return err
			}
		}
	}
	return nil
}

// measureEvery is how often a flood's figures are noted.
const measureEvery = 3 * time.Hour

// measures notes the level of the rivers that an incident's alerts are about.
func (s *Staff) measures(ctx context.Context, w *incident.Whole, now time.Time, do func(repo.Principal, incident.Act) error) error {
	if w.Kind != "flood" {
		return nil
	}
	noted := w.AcknowledgedAt
	stations := map[string]bool{}
	for _, e := range w.Entries {
		switch e.Kind {
		case incident.Measure:
			noted = e.At
		case incident.AlertOf:
			l, err := s.alerts.Get(ctx, repo.Internal(), e.Ref)
			if passed(err) != nil {
				return err
			}
			for _, m := range l.Members {
				if m.Rule == "river-level" {
					stations[m.Subject] = true
				}
			}
		}
	}
	if now.Sub(noted) < measureEvery {
		return nil
	}
	for _, g := range sorted(stations) {
		r, err := s.river(ctx, g, now)
		if err != nil {
			return err
		}
		if r == nil {
			continue
		}
		err = do(s.operator(now), incident.Act{Do: incident.DoMeasure, Fields: map[string]string{"name": "Mực nước " + r.name, "amount": en(r.level), "unit": "m"}})
		if passed(err) != nil {
			return err
		}
	}
	return nil
}

func sorted(set map[string]bool) (list []string) {
	for k := range set {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// calm tells that all alerts of an incident are over.
func (s *Staff) calm(ctx context.Context, w *incident.Whole) (bool, error) {
	for _, e := range w.Entries {
		if e.Kind != incident.AlertOf {
			continue
		}
		l, err := s.alerts.Get(ctx, repo.Internal(), e.Ref)
		if passed(err) != nil {
			return false, err
		}
		if err == nil && l.State != alert.Cleared {
			return false, nil
		}
	}
	return true, nil
}

// calls are what people ring up about.
var calls = []struct{ kind, severity, vi, en, area, place, summary string }{
	{"accident", "medium", "Va chạm ô tô và xe máy", "A car and a motorbike collided", "19789", "Ngã sáu Hùng Vương", "Hai người bị thương nhẹ, xe nằm giữa đường."},
	{"power", "medium", "Mất điện khu dân cư", "A housing area is without power", "19777", "Kiệt 42 Nguyễn Sinh Cung", "Mất điện từ sáng, khoảng 300 hộ."},
	{"other", "low", "Cây xanh gãy đổ chắn đường", "A fallen tree blocks the road", "19753", "Đường Đinh Tiên Hoàng", "Cây đổ chắn một làn, không ai bị thương."},
	{"water", "low", "Vỡ ống cấp nước", "A water main has burst", "19815", "Đường Tam Thai", "Nước tràn mặt đường, khu lân cận yếu nước."},
	{"fire", "high", "Khói dày trong kho hàng", "Dense smoke in a warehouse", "19960", "Khu công nghiệp Phú Bài", "Người báo thấy khói, chưa rõ có người bên trong."},
	{"accident", "low", "Xe tải chết máy gây ùn tắc", "A broken-down lorry holds up traffic", "19813", "Cầu vượt Thủy Xuân", "Xe tải hỏng giữa cầu."},
}

// callEvery is the city's time between calls.
const callEvery = 4 * time.Hour

// ring opens what is reported by telephone: four at once in a city that knows no
// incident, so that its desk is not empty, then one every few hours.
func (s *Staff) ring(ctx context.Context, now time.Time) error {
	if !s.phones {
		return nil
	}
	list, _, err := s.incidents.List(ctx, repo.Internal(), incident.Query{Limit: 200})
	if err != nil {
		return err
	}
	slot := now.Unix() / int64(callEvery.Seconds())
	switch {
	case len(list) == 0:
		for n := range calls[:4] {
			if err := s.call(ctx, now, n, 3-n); err != nil {
				return err
			}
		}
	case !slices.ContainsFunc(list, func(x incident.Incident) bool {
		return x.Source == "phone" && x.DetectedAt.Unix()/int64(callEvery.Seconds()) == slot
	}) && !s.phoned(list, now):
		return s.call(ctx, now, int(s.noise("call", slot)*float64(len(calls))), 0)
	}
	return nil
}

// phoned tells that somebody rang within half the usual time.
func (s *Staff) phoned(list []incident.Incident, now time.Time) bool {
	return slices.ContainsFunc(list, func(x incident.Incident) bool { return x.Source == "phone" && now.Sub(x.DetectedAt) < callEvery/2 })
}

// call opens one and takes it some steps further at once.
func (s *Staff) call(ctx context.Context, now time.Time, n, steps int) error {
	c := calls[n]
	op := s.operator(now)
	x, err := s.incidents.Open(ctx, op, incident.Report{Title: c.vi, TitleEn: c.en, Kind: c.kind, Severity: c.severity, Area: c.area, Place: c.place, Summary: c.summary, Source: "phone"})
	if err != nil {
		return err
	}
	crew := onDuty(whose(c.kind))
	for i, a := range []struct {
		who repo.Principal
		act incident.Act
	}{
		{op, incident.Act{Do: "acknowledge"}},
		{op, incident.Act{Do: "assign", Fields: map[string]string{"agency": crew.Agency}}},
		{crew, incident.Act{Do: "begin", Fields: map[string]string{"note": "Lực lượng đã có mặt tại hiện trường"}}},
	} {
		if i >= steps {
			break
		}
		a.act.Version = x.Version
		if x, err = s.incidents.Act(ctx, a.who, x.ID, a.act); err != nil {
			return err
		}
	}
	return nil
}
