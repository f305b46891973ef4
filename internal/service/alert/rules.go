package alert

import (
	"fmt"
	"log/slog"
	"slices"

	core "huong.city/huong/internal/core/alert"
	"huong.city/huong/internal/core/declare"
	"huong.city/huong/internal/repo"
)

// Defined is one rule with the file that holds it.
type Defined struct {
	File      string
	CauseName declare.Words // nil where the file gives none
	*core.Rule
}

// ruleSet is the rules of one moment.
type ruleSet struct {
	version   int64 // of the definitions
	byName    map[string]*core.Rule
	byDataset map[string][]*watcher
	order     []Defined
	timed     []*core.Rule // on indicators
}

// watcher is a rule on the table as it is now.
type watcher struct {
	*core.Bound
	entry *repo.Entry
}

// readRules reads the definitions. A file that no longer fits is left out and
// told: what was accepted once is checked again here only because datasets may
// have changed since.
func readRules(r *repo.Repository, log *slog.Logger) *ruleSet {
	s := &ruleSet{version: r.DefinitionsVersion(), byName: map[string]*core.Rule{}, byDataset: map[string][]*watcher{}}
	for _, d := range r.Definitions("alert") {
		f, err := core.Parse(d.Name+".yaml", []byte(d.Text))
		if err != nil {
			log.Warn("alert rules not readable", "file", d.Name, "err", err)
			continue
		}
		for _, rule := range f.Rules {
			if s.byName[rule.Name] != nil {
				log.Warn("alert rule declared twice", "rule", rule.Name, "file", d.Name)
				continue
			}
			s.byName[rule.Name] = rule
			s.order = append(s.order, Defined{d.Name, f.Causes[rule.Cause], rule})
			if rule.Kind == core.Indicator {
				s.timed = append(s.timed, rule)
			}
		}
	}
	return s
}

// of returns the rules on a dataset, bound to its table as it is at this commit.
func (s *ruleSet) of(e *repo.Entry, log *slog.Logger) []*watcher {
	list, known := s.byDataset[e.Dataset.Name]
	if known && (len(list) == 0 || list[0].entry == e || list[0].entry.Version == e.Version) {
		return list
	}
	list = nil
	for _, d := range s.order {
		if d.Dataset != e.Dataset.Name || d.Kind == core.Indicator {
			continue
		}
		b, faults := core.Bind(d.Rule, e.Dataset, e.Table)
		if len(faults) > 0 {
			log.Warn("alert rule does not fit its dataset", "rule", d.Name, "dataset", d.Dataset)
			continue
		}
		list = append(list, &watcher{b, e})
	}
	s.byDataset[e.Dataset.Name] = slices.Clip(list)
	return list
}

// fingerprint is what must stay the same for what is remembered of a rule's
// subjects to make sense.
func fingerprint(r *core.Rule) string {
	return fmt.Sprint(r.Kind, r.Dataset, r.Subject, r.Value, r.Below, r.Measure, r.Window, r.Over, r.Bucket, r.Indicator, r.ByWard)
}
