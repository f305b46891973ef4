package quality

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Report is what is known of a dataset's rules over the record before.
type Report struct {
	Rules    []Count
	Seq      int64 // the commit that the findings are of
	Complete bool  // false while the table is being read for the first time
}

// Count is a rule with the number of records that break it.
type Count struct {
	Rule    dataset.Rule
	Records int64
	// Hidden tells that p may not read all that the rule reads: it learns how
	// many records break it, never which.
	Hidden bool
}

// Finding is a record that breaks a rule. Values are p's to see, and indexed by
// column ordinal; only what the rule reads and the key are filled.
type Finding struct {
	Rule     string
	Key      []value.Value
	Row      []value.Value
	Previous []value.Value
}

// Query asks for findings, newest event time first.
type Query struct {
	Dataset string
	Rule    string // one rule's; empty for all
	Limit   int    // 1 to 1000
	Cursor  string // of the page before
}

// Summary tells the counts by rule. Errors are those of repo.Entry.
func Summary(ctx context.Context, r *repo.Repository, p repo.Principal, name string) (Report, error) {
	e, err := r.Entry(p, name)
	if err != nil {
		return Report{}, err
	}
	var known progress
	err = r.FollowerState(ctx, Name, name, name+"\x01", 1, func(key string, val []byte) error {
		return json.Unmarshal(val, &known)
	})
	if err != nil {
		return Report{}, err
	}
	report := Report{Complete: known.Rules == rulesOf(e) && !known.Drop && !known.Scan}
	if report.Seq, err = r.FollowerSaved(ctx, Name); err != nil {
		return Report{}, err
	}
	visible := visibleTo(r, p, e)
	for i, rule := range e.Schema.SequenceRules() {
		c := Count{Records: known.Counts[rule], Hidden: !visible(i)}
		for _, q := range e.Dataset.Quality {
			if q.Name == rule {
				c.Rule = q
			}
		}
		report.Rules = append(report.Rules, c)
	}
	return report, nil
}

// visibleTo tells of a rule whether p sees the key and all that it reads, of
// every record.
func visibleTo(r *repo.Repository, p repo.Principal, e *repo.Entry) func(rule int) bool {
	return func(rule int) bool {
		return r.Plain(p, e, slices.Concat(e.Table.Key, e.Schema.SequenceColumns(rule)))
	}
}

// position is where a page ended: a finding's place in the order.
type position struct{ time, rule, subject string }

func (a position) compare(b position) int {
	if c := strings.Compare(a.time, b.time); c != 0 {
		return c
	}
	if c := strings.Compare(a.rule, b.rule); c != 0 {
		return c
	}
	return strings.Compare(a.subject, b.subject)
}

// List gives a page of findings and the cursor of the next, empty at the end. A
// finding whose record has changed since it was found, so that it breaks the
// rule no longer, is left out.
//
// Errors: those of repo.Entry; Invalid for an unknown rule, a cursor or a limit
// that does not fit.
func List(ctx context.Context, r *repo.Repository, p repo.Principal, q Query) (list []Finding, next string, err error) {
	e, err := r.Entry(p, q.Dataset)
	if err != nil {
		return nil, "", err
	}
	at, err := q.check(e)
	if err != nil {
		return nil, "", err
	}
	visible := visibleTo(r, p, e)
	var found []position
	for i, rule := range e.Schema.SequenceRules() {
		if q.Rule != "" && q.Rule != rule || !visible(i) {
			continue
		}
		prefix := timeRange(q.Dataset, rule)
		from := prefix
		switch { // the first place in this rule's order that comes after at
		case at.time == "":
		case rule < at.rule:
			from += at.time + "0"
		case rule > at.rule:
			from += at.time
		default:
			from += at.time + "/" + at.subject + "\x01"
		}
		err := r.FollowerState(ctx, Name, from, after(prefix), q.Limit+1, func(key string, _ []byte) error {
			time, subject, _ := strings.Cut(key[len(prefix):], "/")
			found = append(found, position{strings.Clone(time), rule, strings.Clone(subject)})
			return nil
		})
		if err != nil {
			return nil, "", err
		}
	}
	slices.SortFunc(found, position.compare)
	if len(found) > q.Limit {
		found = found[:q.Limit]
		last := found[q.Limit-1]
		next = base64.RawURLEncoding.EncodeToString([]byte(last.time + "/" + last.rule + "/" + last.subject))
	}
	for _, place := range found {
		f, ok, err := place.show(ctx, r, p, e)
		if err != nil {
			return nil, "", err
		}
		if ok {
			list = append(list, f)
		}
	}
	return list, next, nil
}

func (q *Query) check(e *repo.Entry) (at position, err error) {
	var vs []problem.Violation
	if q.Rule != "" && !slices.Contains(e.Schema.SequenceRules(), q.Rule) {
		vs = append(vs, problem.Violate("quality-rule-unknown", "rule", "rule", q.Rule, "dataset", q.Dataset))
	}
	if q.Cursor != "" {
		b, err := base64.RawURLEncoding.DecodeString(q.Cursor)
		parts := bytes.Split(b, []byte("/"))
		if err != nil || len(b) > 4096 || len(parts) != 3 || len(parts[0]) != 16 {
			vs = append(vs, problem.Violate("cursor-invalid", "cursor"))
		} else {
			at = position{string(parts[0]), string(parts[1]), string(parts[2])}
		}
	}
	return at, problem.InvalidWith("query-invalid", vs)
}

// show reads the record and the one before it as p sees them.
func (at position) show(ctx context.Context, r *repo.Repository, p repo.Principal, e *repo.Entry) (f Finding, ok bool, err error) {
	ticks, err := ticksOf(at.time)
	if err != nil {
		return f, false, nil // no cursor of ours
	}
	t := e.Table
	m := moment{subject: at.subject, time: ^ticks}
	key, err := m.key(t)
	if err != nil {
		return f, false, err
	}
	rule := slices.Index(e.Schema.SequenceRules(), at.rule)
	var fields []string
	for _, c := range e.Schema.SequenceColumns(rule) {
		fields = append(fields, t.Columns[c].Name)
	}
	who := sameSubject(t, key)
	x := examiner{used: slices.Concat(t.Key, e.Schema.SequenceColumns(rule))}
	read := func(q repo.Query) (row []value.Value, err error) {
		_, err = r.Read(ctx, p, q, func(rec repo.Record) error {
			x.before = make([]value.Value, t.Width())
			x.remember(rec.Values)
			row = x.before
			return nil
		})
		return row, err
	}
	f = Finding{Rule: at.rule, Key: key}
	f.Row, err = read(repo.Query{Dataset: t.Name, Fields: fields, Limit: 1, Filter: cql2.And(who, timeIs(t, "=", m.time))})
	if err != nil || f.Row == nil {
		return f, false, err
	}
	f.Previous, err = read(before(t, who, fields, m.time))
	if err != nil || f.Previous == nil {
		return f, false, err
	}
	return f, slices.Contains(e.Schema.Sequence(f.Row, f.Previous, nil), rule), nil
}
