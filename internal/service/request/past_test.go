package request_test

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// past is a report of another system that was closed in time, or not.
func past(id string, opened time.Time, closedAfter time.Duration) request.Past {
	lon, lat := at(107.60, 16.46)
	p := request.Past{Submission: request.Submission{Category: "encroachment", Title: "Vỉa hè", Text: "Bàn ghế", Longitude: lon, Latitude: lat, ExternalID: id, At: opened},
		DueAt: opened.Add(48 * time.Hour), Published: true, Status: "in-progress"}
	if closedAfter > 0 {
		p.Status, p.Outcome, p.Answer, p.AnsweredAt, p.ClosedAt, p.Rating = "closed", "fixed", "Đã dọn", opened.Add(closedAfter), opened.Add(closedAfter), 4
	}
	return p
}

func TestReportsOfThePast(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		day := time.Date(2011, 7, 4, 9, 0, 0, 0, hue)
		list := []request.Past{past("b1", day, 24*time.Hour), past("b2", day, 72*time.Hour), past("b3", day, 0), {}, past("b4", day, -time.Hour)}
		list[4].ClosedAt, list[4].Status = day.Add(-time.Hour), "closed"
		_, err := h.Import(t.Context(), ward, list)
		wantCode(t, err, problem.Denied, "request-desk")
		done, err := h.Import(t.Context(), duty, list)
		if err != nil {
			t.Fatal(err)
		}
		if fieldsOf(done[3].Err) != "at category externalId" || fieldsOf(done[4].Err) != "closedAt" {
			t.Errorf("faults %s and %s", fieldsOf(done[3].Err), fieldsOf(done[4].Err))
		}
		for i, want := range []struct {
			status    string
			in, known bool
			open      bool
			timeline  string
		}{{"closed", true, true, false, "open:received publish: move:assign move:answer rate: move:close"}, {"closed", false, true, false, "open:received publish: move:assign move:answer rate: move:close"},
			{"in-progress", false, false, true, "open:received publish: move:assign move:begin"}} {
			w, err := h.Read(t.Context(), duty, done[i].Code)
			if err != nil {
				t.Fatal(err)
			}
			in, known := w.OnTime()
			if !w.UpdatedAt.Before(day.AddDate(0, 1, 0)) {
				t.Errorf("%d: changed at %s", i, w.UpdatedAt)
			}
			if got := lines(w.Timeline); got != want.timeline {
				t.Errorf("%d: timeline %s", i, got)
			}
			if w.Status != want.status || in != want.in || known != want.known || !w.OpenedAt.Equal(day) || !w.DueAt.Equal(day.Add(48*time.Hour)) {
				t.Errorf("%d: %+v %t %t", i, w.Request, in, known)
			}
			if !want.open && (!w.NextAt.IsZero() || w.Outcome != "fixed" || w.Answer != "Đã dọn" || w.Rating != 4 || !w.ClosedAt.Equal(list[i].ClosedAt)) {
				t.Errorf("%d: %+v", i, w.Request)
			}
		}
		again, err := h.Import(t.Context(), duty, list[:3])
		if err != nil || !again[0].Unchanged || again[0].Code != done[0].Code || h.all() != 3 {
			t.Errorf("again: %+v %v, %d in all", again, err, h.all())
		}
		told := past("b5", day, 24*time.Hour)
		told.Came = map[string]time.Time{"verified": day.Add(time.Hour), "assigned": day.Add(2 * time.Hour)}
		if done, err := h.Import(t.Context(), duty, []request.Past{told}); err != nil || done[0].Err != nil {
			t.Errorf("with the times of its way: %+v %v", done, err)
		} else if w, err := h.Read(t.Context(), duty, done[0].Code); err != nil || !w.Timeline[1].At.Equal(day.Add(time.Hour)) || !w.Timeline[2].At.Equal(day.Add(2*time.Hour)) || !w.AnsweredAt.Equal(day.Add(24*time.Hour)) {
			t.Errorf("with the times of its way: %+v %v", w, err)
		}
		if x := h.act(duty, done[0].Code, "reopen-desk", "note", "Lại bày ra"); x.Status != "reopened" || x.DueAt.Before(h.clock.Now()) || x.Reopened != 1 {
			t.Errorf("reopened: %+v", x)
		}
	})
}

// A record that another system wrote has no timeline; it gets one that leads where
// it stands when somebody first works on it.
func TestRecordsWithoutATimeline(t *testing.T) {
	h := onSQLite(t, t.TempDir())
	e, err := h.repo.Entry(repo.Internal(), request.Dataset)
	if err != nil {
		t.Fatal(err)
	}
	row := make([]value.Value, e.Table.Width())
	for name, v := range map[string]value.Value{"code": value.OfText("PA-20251001-0007"), "category": value.OfText("encroachment"), "status": value.OfText("assigned"), "title": value.OfText("Vỉa hè"),
		"agency": value.OfText("ubnd-19789"), "openedAt": value.OfInstant(start.AddDate(0, 0, -2)), "dueAt": value.OfInstant(start.AddDate(0, 0, 5))} {
		i, _, _, _ := e.Table.Property(name)
		row[i] = v
	}
	if _, err := h.repo.Commit(t.Context(), repo.Internal(), &commit.Request{Changes: []commit.Change{{Dataset: request.Dataset, Op: commit.Put, Row: row}}}); err != nil {
		t.Fatal(err)
	}
	w, err := h.Read(t.Context(), ward, "PA-20251001-0007")
	if err != nil || lines(w.Timeline) != "open:received move:assign" || len(w.Steps) == 0 {
		t.Fatalf("%+v %v", w, err)
	}
	x := h.act(ward, "PA-20251001-0007", "begin")
	if x.Status != "in-progress" || !x.DueAt.Equal(start.AddDate(0, 0, 5)) || x.Entries != 3 {
		t.Errorf("%+v", x)
	}
	stored, folded, err := h.Refold(t.Context(), x.Code)
	if err != nil || fmt.Sprint(stored) != fmt.Sprint(folded) {
		t.Errorf("stored %+v\nfolded %+v %v", stored, folded, err)
	}
}

// The file of Boston says of each request whether it was closed in time: what the
// desk says of the same times is the same, for all that have both.
func TestBostonIsOnTimeAsItsFileSays(t *testing.T) {
	shared := os.Getenv("HUONG_SHARED")
	if shared == "" {
		t.Skip("SKIPPED: HUONG_SHARED does not name the folder that holds data/citizen-reports")
	}
	f, err := os.Open(filepath.Join(shared, "data/citizen-reports/boston_311_2011_h2.csv.gz"))
	if err != nil {
		t.Skipf("the real file is not here: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows := csv.NewReader(z)
	head, err := rows.Read()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range head {
		column[name] = i
	}
	boston, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	moment := func(row []string, names ...string) time.Time {
		for _, name := range names {
			if i, ok := column[name]; ok && row[i] != "" {
				for _, form := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "01/02/2006 03:04:05 PM"} {
					if at, err := time.ParseInLocation(form, row[i], boston); err == nil {
						return at
					}
				}
			}
		}
		return time.Time{}
	}
	judged, same := 0, 0
	for {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		x := request.Request{OpenedAt: moment(row, "open_dt"), DueAt: moment(row, "target_dt", "sla_target_dt"), ClosedAt: moment(row, "closed_dt")}
		in, known := x.OnTime()
		if !known {
			continue
		}
		judged++
		if (row[column["ontime"]] == "ONTIME") == in {
			same++
		}
	}
	if judged != 43_821 || same != judged {
		t.Errorf("%d of %d as the file says", same, judged)
	}
}
