package ui

import (
	"slices"
	"strings"

	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/service/quality"
)

// findingsShown is how many findings the quality page lists; the interface
// gives them all.
const findingsShown = 20

// findingRow is a record that breaks a rule beside the one before it.
type findingRow struct{ Key, Href, Rule, Values, Previous string }

// findings fills what is known of the rules over the record before: the newest
// records that break them, and how many there are by rule.
func (q *qualityData) findings() (map[string]int64, error) {
	s, err := quality.Summary(q.r.Context(), q.u.Repo, q.p, q.d.Name)
	if err != nil || len(s.Rules) == 0 {
		return nil, err
	}
	q.Followed, q.Counting = true, !s.Complete
	counts := map[string]int64{}
	for _, c := range s.Rules {
		counts[c.Rule.Name] = c.Records
	}
	list, _, err := quality.List(q.r.Context(), q.u.Repo, q.p, quality.Query{Dataset: q.d.Name, Limit: findingsShown})
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		t := q.e.Table
		key := record.FormatKey(t, f.Key)
		row := findingRow{Key: key, Href: recordPath(q.d.Name, key), Rule: q.ruleWords(q.d.Name, f.Rule)}
		var now, before []string
		for _, i := range q.e.Schema.SequenceColumns(slices.Index(q.e.Schema.SequenceRules(), f.Rule)) {
			name := t.Columns[i].Name
			now = append(now, q.cell(name, f.Row[i]))
			before = append(before, q.cell(name, f.Previous[i]))
		}
		row.Values, row.Previous = strings.Join(now, ", "), strings.Join(before, ", ")
		q.Findings = append(q.Findings, row)
	}
	return counts, nil
}
