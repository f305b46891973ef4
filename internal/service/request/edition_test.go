package request_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/smallcell"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// declare puts a dataset of Huế into the city.
func (h *hall) declare(name string) {
	h.Helper()
	d, err := dataset.Parse(name+".yaml", h.file("datasets/"+name+".yaml"))
	if err != nil {
		h.Fatal(err)
	}
	plan, err := h.repo.Plan(h.Context(), repo.Internal(), []*dataset.Dataset{d})
	if err == nil {
		_, err = h.repo.Apply(h.Context(), repo.Internal(), plan)
	}
	if err != nil {
		h.Fatal(err)
	}
}

// months reads what the dataset of months tells the public.
func (h *hall) months() map[[3]string]map[string]value.Value {
	h.Helper()
	rows := map[[3]string]map[string]value.Value{}
	_, err := h.repo.Read(h.Context(), repo.Public(), repo.Query{Dataset: request.Months}, func(rec repo.Record) error {
		row := map[string]value.Value{}
		for _, f := range rec.Entry.Dataset.Schema.Fields {
			i, _, _, _ := rec.Entry.Table.Property(f.Name)
			if row[f.Name] = rec.Values[i]; rec.Values[i].Kind() == value.Text {
				row[f.Name] = value.OfText(string([]byte(rec.Values[i].Text())))
			}
		}
		rows[[3]string{row["month"].CalendarDay().Format("2006-01"), row["area"].Text(), row["category"].Text()}] = row
		return nil
	})
	if err != nil {
		h.Fatal(err)
	}
	return rows
}

// The edition equals a recount of all reports, corrections included; it tells no small
// cell, of ratings and outcomes neither; and it writes nothing where nothing changed.
func TestMonthsEqualARecount(t *testing.T) {
	both(t, func(t *testing.T, h *hall) {
		f := request.NewFigures(hue)
		h.follow(f)
		edition := request.NewEdition(h.repo, f, nil)
		refresh := func(e *request.Edition) {
			t.Helper()
			for range 2 { // the second writes what the figures had not counted at the first
				h.settled(f.Name())
				if err := e.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		refresh(edition) // a city without the dataset
		h.declare(request.Months)
		random := rand.New(rand.NewPCG(11, 12))
		categories := []string{"encroachment", "advertising", "lighting", "rubbish", "vice"}
		var list []request.Past
		for i := range 900 {
			opened := time.Date(2025, time.Month(7+random.IntN(4)), 1+random.IntN(26), 9, 0, 0, 0, hue)
			p := past(fmt.Sprint("m", i), opened, time.Duration(1+random.IntN(100))*time.Hour)
			p.Category = categories[min(random.IntN(12)/2, 4)]
			p.Outcome = []string{"fixed", "fixed", "fixed", "cannot-verify", "planned"}[random.IntN(5)]
			if p.Rating = int64(random.IntN(12)); p.Rating > 5 {
				p.Rating = 0
			}
			lon, lat := at(107.56, 16.46)
			switch {
			case random.IntN(5) < 2:
				p.Longitude, p.Latitude, p.Area = lon, lat, ""
			case random.IntN(80) == 0:
				p.Longitude, p.Latitude, p.Area, p.Address = nil, nil, "", "không rõ"
			}
			if random.IntN(6) == 0 {
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
		refresh(edition)
		h.monthsAreRight(t)

		for i, d := range done[:60] { // corrections
			switch x, err := h.Read(t.Context(), duty, d.Code); {
			case err != nil:
				t.Fatal(err)
			case x.Status == "closed" && i%2 == 0:
				h.act(duty, d.Code, "reopen-desk", "note", "x")
			}
		}
		refresh(edition)
		h.monthsAreRight(t)

		head, err := h.repo.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		refresh(edition)
		refresh(request.NewEdition(h.repo, f, nil)) // after a restart
		if now, err := h.repo.Head(t.Context()); err != nil || now.Seq != head.Seq {
			t.Errorf("%d commits for nothing, %v", now.Seq-head.Seq, err)
		}
		// While the figures count anew, nothing is written.
		again := request.NewFigures(hue)
		early := request.NewEdition(h.repo, again, nil)
		if err := early.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.monthsAreRight(t)
	})
}

type recount struct {
	received, answered, dated, onTime, reopened, rated, stars int64
	outcomes                                                  map[string]int64
	hours                                                     []float64
}

// monthsAreRight compares the dataset with all reports as they stand.
func (h *hall) monthsAreRight(t *testing.T) {
	t.Helper()
	all, _, err := h.List(t.Context(), repo.Internal(), request.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	want := map[[3]string]*recount{}
	for _, x := range all {
		area := x.Area
		if area == "" {
			area = request.UnknownArea
		}
		k := [3]string{x.OpenedAt.Format("2006-01"), area, x.Category}
		if k[0] >= "2025-10" {
			continue
		}
		c := want[k]
		if c == nil {
			c = &recount{outcomes: map[string]int64{}}
			want[k] = c
		}
		c.received++
		if x.Reopened > 0 {
			c.reopened++
		}
		if x.Rating > 0 {
			c.rated, c.stars = c.rated+1, c.stars+x.Rating
		}
		if x.Outcome != "" {
			c.outcomes[x.Outcome]++
		}
		if x.AnsweredAt.IsZero() {
			continue
		}
		c.answered++
		c.dated++
		if !x.AnsweredAt.After(x.DueAt) {
			c.onTime++
		}
		c.hours = append(c.hours, x.AnsweredAt.Sub(x.OpenedAt).Hours())
	}
	got := h.months()
	if len(got) != len(want) || len(got) < 25 {
		t.Fatalf("%d rows, counted %d", len(got), len(want))
	}
	told, small := 0, 0
	for k, row := range got {
		c := want[k]
		if c == nil {
			t.Fatalf("%v was never reported", k)
		}
		slices.Sort(c.hours)
		counts := map[string]int64{"received": c.received, "answered": c.answered, "dated": c.dated, "onTime": c.onTime, "reopened": c.reopened, "ratings": c.rated,
			"fixed": c.outcomes["fixed"], "planned": c.outcomes["planned"], "noBudget": 0, "notOurs": 0, "cannotVerify": c.outcomes["cannot-verify"], "refused": 0}
		hidden := row["hidden"].Bool()
		if c.received < request.SmallCell {
			small++
			if !hidden {
				t.Errorf("%v: %d reports are told", k, c.received)
			}
		}
		for name, n := range counts {
			v := row[name]
			switch {
			case hidden && !v.IsNull():
				t.Errorf("%v: %s is told of a hidden row", k, name)
			case hidden:
			case !v.IsNull() && v.Int() != n:
				t.Errorf("%v: %s is %d, counted %d", k, name, v.Int(), n)
			case slices.Contains([]string{"ratings", "fixed", "planned", "cannotVerify"}, name):
				if !v.IsNull() && n > 0 && n < request.SmallCell {
					t.Errorf("%v: %s tells of %d", k, name, n)
				}
			case v.IsNull():
				t.Errorf("%v: %s is not told", k, name)
			}
		}
		if hidden {
			continue
		}
		told++
		if v := row["ratingMean"]; !v.IsNull() && (row["ratings"].IsNull() || math.Abs(v.Float()-float64(c.stars)/float64(c.rated)) > 0.01) {
			t.Errorf("%v: mean rating %v of %d", k, v.Float(), c.rated)
		}
		if (c.answered < request.SmallCell) != row["medianHours"].IsNull() {
			t.Errorf("%v: a median of %d", k, c.answered)
		}
		for name, q := range map[string]float64{"medianHours": 0.5, "p90Hours": 0.9} {
			if v := row[name]; !v.IsNull() {
				if exact := c.hours[int(math.Ceil(q*float64(len(c.hours))))-1]; math.Abs(v.Float()-exact) > 0.03*exact+0.02 {
					t.Errorf("%v: %s %.2f, counted %.2f", k, name, v.Float(), exact)
				}
			}
		}
		// What is withheld of the outcomes is more than one number, or all that is known.
		var withheld, sum int64
		for code, name := range map[string]string{"fixed": "fixed", "planned": "planned", "cannot-verify": "cannotVerify"} {
			if n := c.outcomes[code]; n > 0 && row[name].IsNull() {
				withheld, sum = withheld+1, sum+n
			}
		}
		if others := c.outcomes["fixed"] + c.outcomes["planned"] + c.outcomes["cannot-verify"] - sum; withheld > 0 && others > 0 && (withheld == 1 || sum < request.SmallCell) {
			t.Errorf("%v: the outcomes give away what is withheld: %v %v", k, c.outcomes, row)
		}
	}
	if told < 20 || small == 0 {
		t.Errorf("%d rows are told, %d are small", told, small)
	}
	// What is hidden is what core/smallcell says, month by month.
	for _, month := range []string{"2025-07", "2025-08", "2025-09"} {
		var cells []smallcell.Cell
		for k, c := range want {
			if k[0] == month {
				cells = append(cells, smallcell.Cell{Row: k[1], Column: k[2], Count: c.received})
			}
		}
		for i, hidden := range smallcell.Hide(cells, request.SmallCell) {
			if got[[3]string{month, cells[i].Row, cells[i].Column}]["hidden"].Bool() != hidden {
				t.Errorf("%s %+v: hidden should be %t", month, cells[i], hidden)
			}
		}
	}
}

// Both datasets know the same categories.
func TestMonthsKnowTheCategories(t *testing.T) {
	lists := map[string][]string{}
	for _, name := range []string{request.Dataset, request.Months} {
		h := &hall{TB: t}
		d, err := dataset.Parse(name+".yaml", h.file("datasets/"+name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range d.Schema.Fields {
			if f.Name == "category" {
				for _, c := range f.Categories {
					lists[name] = append(lists[name], fmt.Sprint(c.Value, c.Label))
				}
			}
		}
	}
	if len(lists[request.Dataset]) == 0 || !slices.Equal(lists[request.Dataset], lists[request.Months]) {
		t.Errorf("%v\nare not\n%v", lists[request.Months], lists[request.Dataset])
	}
}
