package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// qualityData is what is known of a dataset's quality.
type qualityData struct {
	*datasetView
	Measures []measured
	Rules    []ruleState
	Held     []ruleCount
	Imports  []importRow
	Flagged  int64 // -1 when it was not counted in time
	Followed bool  // rules over the record before are declared
	Counting bool  // their findings are not complete yet
	Findings []findingRow
}

// measured is one of the six principles, in figures where it is measured.
type measured struct {
	Key, Title, Value, Note string
	Measured                bool
}

type ruleState struct {
	Name, Words, Dimension, Severity, Text string
	Count                                  string
	Href                                   string
}

// patience bounds the counting of flags over a large dataset.
const patience = 2 * time.Second

func (u *UI) quality(v *view) error {
	d, err := v.dataset("quality")
	if err != nil {
		return err
	}
	q := &qualityData{datasetView: d}
	flags := q.flags()
	odd, err := q.findings()
	if err != nil {
		return err
	}
	if flags != nil {
		maps.Copy(flags, odd)
	}
	for _, r := range d.d.Quality {
		s := ruleState{Name: r.Name, Words: or(r.Description.In(v.lang), r.Name), Dimension: v.T("dimension." + r.Dimension), Severity: v.T("severity." + r.Severity), Text: r.Rule}
		if r.Severity == "warning" && q.Flagged >= 0 {
			s.Count = v.N(flags[r.Name])
			s.Href = to(datasetPath(d.d.Name, ""), "filter", flagFilter(r.Name))
		}
		if n, followed := odd[r.Name]; followed {
			s.Count, s.Href = v.N(n), "#findings"
		}
		q.Rules = append(q.Rules, s)
	}
	for name, n := range flags {
		if !slices.ContainsFunc(d.d.Quality, func(r dataset.Rule) bool { return r.Name == name }) {
			q.Rules = append(q.Rules, ruleState{Name: name, Words: v.ruleWords(d.d.Name, name), Dimension: v.T("dimension.flag"), Severity: v.T("severity.warning"), Count: v.N(n), Href: to(datasetPath(d.d.Name, ""), "filter", flagFilter(name))})
		}
	}
	slices.SortStableFunc(q.Rules, func(a, b ruleState) int { return strings.Compare(a.Name, b.Name) })
	if v.held >= 0 {
		if q.Held, err = v.ruleCounts(d.d.Name); err != nil {
			return err
		}
	}
	if _, err := u.Repo.Entry(v.p, repo.SystemImport); err == nil {
		if _, q.Imports, err = v.importRows(repo.Query{Filter: equal("dataset", d.d.Name), Limit: 10}); err != nil {
			return err
		}
	}
	q.measure(flags)
	return d.showTab(200, qualityBody(q))
}

// flagFilter selects the records that carry a flag.
func flagFilter(name string) string {
	return "A_CONTAINS(" + dataset.FlagColumn + ", ('" + strings.ReplaceAll(name, "'", "''") + "'))"
}

// flags counts records by flag; Flagged counts the records that have any.
func (q *qualityData) flags() map[string]int64 {
	counts := map[string]int64{}
	ctx, cancel := context.WithTimeout(q.r.Context(), patience)
	defer cancel()
	a := repo.Aggregation{By: []repo.By{{Field: dataset.FlagColumn}}, Measures: []repo.Measure{{Func: "count"}}}
	a.Dataset, a.Limit = q.d.Name, 1000
	err := q.u.Repo.Aggregate(ctx, q.p, a, func(g []value.Value) error {
		if g[0].Kind() != value.Text {
			return nil
		}
		names := listOfTexts(g[0].Text())
		if len(names) > 0 {
			q.Flagged += g[1].Int()
		}
		for _, n := range names {
			counts[n] += g[1].Int()
		}
		return nil
	})
	if err != nil {
		q.Flagged = -1
		return nil
	}
	return counts
}

// listOfTexts reads a JSON array of texts.
func listOfTexts(s string) []string {
	var list []string
	if json.Unmarshal([]byte(s), &list) != nil {
		return nil
	}
	return list
}

// measure fills the six principles from what is counted; what is not counted
// says so.
func (q *qualityData) measure(flags map[string]int64) {
	total := float64(q.act.Total)
	share := func(dimensions ...string) (float64, bool) {
		bad, rules := 0.0, 0
		for _, r := range q.d.Quality {
			if slices.Contains(dimensions, r.Dimension) {
				rules++
				bad += float64(flags[r.Name])
			}
		}
		if rules == 0 || total == 0 || q.Flagged < 0 {
			return 0, false
		}
		return math.Max(0, 1-bad/total), true
	}
	add := func(key string, f float64, ok bool, note string) {
		m := measured{Key: key, Title: q.T("principle." + key), Note: note, Measured: ok, Value: q.T("unmeasured")}
		if ok {
			m.Value = q.Percent(f)
		} else {
			m.Note = q.T("principle." + key + ".none")
		}
		q.Measures = append(q.Measures, m)
	}
	f, ok := share("accuracy", "conformity")
	add("accurate", f, ok, q.T("principle.accurate.note"))
	f, ok = share("completeness", "coverage")
	add("complete", f, ok, q.T("principle.complete.note"))
	f, ok = 0, q.held >= 0 && total+float64(q.held) > 0
	if ok {
		f = total / (total + float64(q.held))
	}
	add("clean", f, ok, q.T("principle.clean.note"))
	live := measured{Key: "live", Title: q.T("principle.live"), Value: q.T("unmeasured"), Note: q.T("principle.live.none")}
	if q.fresh.Promise > 0 && q.fresh.State != "none" {
		live.Measured, live.Value = true, q.T("fresh."+q.fresh.State)
		live.Note = q.T("principle.live.note", "age", q.Ago(q.fresh.Last), "span", q.Span(q.fresh.Promise))
	}
	q.Measures = append(q.Measures, live)
	unified := measured{Key: "unified", Title: q.T("principle.unified"), Value: q.T("unmeasured"), Note: q.T("principle.unified.none")}
	if n := len(q.d.Schema.ForeignKeys); n > 0 {
		unified.Measured, unified.Value, unified.Note = true, q.Percent(1), q.T("principle.unified.note", "n", strconv.Itoa(n))
	}
	q.Measures = append(q.Measures, unified)
	q.Measures = append(q.Measures, measured{Key: "shared", Title: q.T("principle.shared"), Value: q.T("class." + string(q.d.Classification)), Note: q.T("principle.shared.note"), Measured: true})
}

// sharingData says who may read.
type sharingData struct {
	*datasetView
	Raised []*dataset.Field // fields classified above the dataset
	Hidden int              // fields that this reader does not see
}

func (u *UI) sharing(v *view) error {
	d, err := v.dataset("sharing")
	if err != nil {
		return err
	}
	s := &sharingData{datasetView: d}
	for i := range d.d.Schema.Fields {
		f := &d.d.Schema.Fields[i]
		if f.Classification != "" && f.Classification.Rank() > d.d.Classification.Rank() {
			s.Raised = append(s.Raised, f)
		}
	}
	s.Hidden = len(d.d.Schema.Fields) - len(d.fields())
	return d.showTab(http.StatusOK, sharingBody(s))
}

func (u *UI) about(v *view) error {
	d, err := v.dataset("about")
	if err != nil {
		return err
	}
	return d.showTab(http.StatusOK, aboutBody(d))
}

// limits writes the constraints of a field in words.
func (d *datasetView) limits(f *dataset.Field) string {
	c := f.Constraints
	var list []string
	add := func(key string, x any) {
		if s := scalar(x); s != "" {
			list = append(list, d.T("limit."+key, "x", s))
		}
	}
	if slices.Contains(d.d.Schema.PrimaryKey, f.Name) {
		list = append(list, d.T("limit.key"))
	} else if c.Required {
		list = append(list, d.T("limit.required"))
	}
	if c.Unique {
		list = append(list, d.T("limit.unique"))
	}
	add("minimum", c.Minimum)
	add("maximum", c.Maximum)
	add("above", c.ExclusiveMinimum)
	add("below", c.ExclusiveMaximum)
	if c.MinLength != nil {
		add("min-length", *c.MinLength)
	}
	if c.MaxLength != nil {
		add("max-length", *c.MaxLength)
	}
	add("pattern", c.Pattern)
	if n := len(c.Enum) + len(f.Categories); n > 0 {
		var vals []string
		for _, x := range c.Enum {
			vals = append(vals, scalar(x))
		}
		for _, x := range f.Categories {
			vals = append(vals, joined(" = ", scalar(x.Value), x.Label.In(d.lang)))
		}
		if len(vals) > 12 {
			vals = append(vals[:12], "…")
		}
		list = append(list, strings.Join(vals, ", "))
	}
	return strings.Join(list, "; ")
}

// reads names the dataset that a field refers to.
func (d *datasetView) refers(f *dataset.Field) (name, title string) {
	for _, fk := range d.d.Schema.ForeignKeys {
		if slices.Contains(fk.Fields, f.Name) {
			name = or(fk.Reference.Resource, d.d.Name)
			return name, d.datasetTitle(name)
		}
	}
	return "", ""
}

// levels writes the service levels in words.
func (d *datasetView) levels() []option {
	var list []option
	for _, s := range d.d.SLA {
		text := fmt.Sprint(s.Value)
		if s.Unit != "" {
			text = d.T("sla.unit."+s.Unit, "n", text)
		}
		list = append(list, option{d.T("sla." + s.Property), text})
	}
	return list
}

// addresses are where machines find the dataset.
func (d *datasetView) addresses() []option {
	base := "/api/v1" + datasetPath(d.d.Name, "")
	list := []option{
		{"GET", base + "/records"}, {"GET", base + "/aggregate"}, {"GET", base + "/export?format=csv"},
		{d.T("about.descriptor"), base + "/descriptor"}, {d.T("about.contract"), base + "/contract"},
	}
	return list
}
