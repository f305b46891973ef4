package ui

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/request"
)

// figuresData is the public statistics of reports.
type figuresData struct {
	By, From, Until string
	All             *request.Figure
	Rows            []request.Figure
	Left            int64
	Off             bool
	Outcomes        []bar
	Learned         *request.Learned
	Datasets        []option // what may be taken away, by its address
}

var streetBys = [...]string{"category", "area", "agency", "month"}

func (u *UI) streetFigures(v *view) error {
	q := v.r.URL.Query()
	d := figuresData{By: q.Get("by"), From: q.Get("from"), Until: q.Get("until"), Off: u.Answered == nil}
	if !slices.Contains(streetBys[:], d.By) {
		d.By = "category"
	}
	for _, m := range []*string{&d.From, &d.Until} {
		if _, err := time.Parse("2006-01", *m); err != nil {
			*m = ""
		}
	}
	if !d.Off {
		all, _, err := u.Answered.Ask(v.r.Context(), repo.Public(), request.FigureQuery{From: d.From, Until: d.Until})
		if err != nil {
			return err
		}
		if len(all) == 1 {
			d.All = &all[0]
			d.Outcomes = v.outcomeBars(all[0].Outcomes)
		}
		if d.Rows, d.Left, err = u.Answered.Ask(v.r.Context(), repo.Public(), request.FigureQuery{By: []string{d.By}, From: d.From, Until: d.Until}); err != nil {
			return err
		}
		if d.By == "month" {
			slices.Reverse(d.Rows)
		} else {
			slices.SortStableFunc(d.Rows, func(a, b request.Figure) int { return int(b.Count - a.Count) })
		}
	}
	if u.Learned != nil {
		if x, ok := u.Learned(); ok {
			d.Learned = &x
		}
	}
	for _, name := range []string{request.Months, request.Dataset} {
		if e, err := u.Repo.Entry(v.p, name); err == nil {
			d.Datasets = append(d.Datasets, option{datasetPath(name, ""), or(e.Dataset.Title.In(v.lang), name)})
		}
	}
	v.onStreet(v.T("streetstats.title"))
	return v.show(http.StatusOK, figuresPage(v, d))
}

// fewOutcomes is how the figures call outcomes that are too rare to be told apart.
const fewOutcomes = "few"

// outcomeBars are what came of answered reports, the most frequent first.
func (v *view) outcomeBars(outcomes map[string]int64) (list []bar) {
	var all int64
	for _, n := range outcomes {
		all += n
	}
	names := slices.SortedFunc(maps.Keys(outcomes), func(a, b string) int {
		if outcomes[a] != outcomes[b] {
			return int(outcomes[b] - outcomes[a])
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		if outcomes[name] <= 0 {
			continue
		}
		label := v.reqOutcome(name)
		if name == fewOutcomes {
			label = v.T("streetstats.few")
		}
		share := float64(outcomes[name]) / float64(all)
		list = append(list, bar{Label: label, Text: v.N(outcomes[name]) + " · " + v.Percent(share), Share: share})
	}
	return list
}

// mainOutcome is the outcome that most of a row's answers came to, with its share.
func (v *view) mainOutcome(f *request.Figure) string {
	var all, most int64
	var name string
	for _, k := range slices.Sorted(maps.Keys(f.Outcomes)) {
		n := f.Outcomes[k]
		if all += n; k != fewOutcomes && n > most {
			most, name = n, k
		}
	}
	if most == 0 {
		return "–"
	}
	return v.reqOutcome(name) + " " + v.Percent(float64(most)/float64(all))
}

func (v *view) figureName(by string, f *request.Figure) string {
	switch by {
	case "area":
		if f.Area == "" {
			return v.T("streetstats.no-area")
		}
		return v.Area(f.Area)
	case "agency":
		return v.Agency(f.Agency)
	case "month":
		year, month, _ := strings.Cut(f.Month, "-")
		return month + "/" + year
	}
	return v.streetCategory(f.Category)
}

// shareText writes a share; a dash where nothing is known or too few stand behind it.
func (v *view) shareText(f *float64) string {
	if f == nil {
		return "–"
	}
	return v.Percent(*f)
}

// meanText writes a mean rating.
func (v *view) meanText(f *float64) string {
	if f == nil {
		return "–"
	}
	return v.D(*f, 1)
}

func (v *view) tookOr(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return v.took(d)
}

// satisfiedText is never told without how many rated.
func (v *view) satisfiedText(f *request.Figure) string {
	if f.Satisfied == nil {
		return "–"
	}
	return v.Percent(*f.Satisfied)
}

// deskSuggested is the category that was suggested, with how often such are right.
func (v *view) deskSuggested(category string) string {
	s := v.T("desk.suggested", "category", v.streetCategory(category))
	if v.u.Learned == nil {
		return s
	}
	x, ok := v.u.Learned()
	if !ok {
		return s
	}
	return s + ". " + v.T("desk.suggested.right", "share", v.Percent(x.First), "n", v.N(int64(x.Held)))
}
