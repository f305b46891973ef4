package ingest

import (
	"bufio"
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// Selection says which quarantined rows to replay: those of the ids, or those
// that a filter over the quarantine dataset selects, of one dataset in either
// case. Rows that are replayed or dismissed already are left alone.
type Selection struct {
	Dataset  string
	IDs      []string
	Filter   cql2.Expr
	Progress func(Replayed)   // told after each row what was done so far; may be nil
	Mapping  *dataset.Mapping // how the rows' columns become fields; nil: the mapping of the import's declared source, else by name
}

// Replayed is what a replay did.
type Replayed struct {
	Replayed int64 // now records; their quarantine record says so
	Open     int64 // still break a rule; their reasons are the present ones
}

// quarantined is one row taken out of quarantine to be looked at.
type quarantined struct {
	version int64
	values  []value.Value
	id      string
	raw     string
	source  string // the import that it came with
}

// Correct changes cells of one quarantined row, by column name, and replays it.
// A row that still breaks a rule keeps the corrected cells and its new reasons.
func Correct(ctx context.Context, r *repo.Repository, p repo.Principal, id string, cells map[string]string, m *dataset.Mapping) (Replayed, error) {
	rec, err := r.Get(ctx, p, repo.SystemQuarantine, []value.Value{value.OfText(id)}, 0)
	if err != nil {
		return Replayed{}, err
	}
	if state := textOf(rec, "state"); state != StateOpen && state != StateCorrected {
		return Replayed{}, problem.New(problem.Conflict, "intake-state", "state", state)
	}
	if err := writable(r, p, textOf(rec, "dataset")); err != nil {
		return Replayed{}, err
	}
	raw, err := corrected(textOf(rec, "raw"), cells)
	if err != nil {
		return Replayed{}, err
	}
	q := quarantined{version: rec.Version, values: rec.Values, id: id, raw: raw, source: textOf(rec, "import")}
	return replay(ctx, r, p, textOf(rec, "dataset"), []quarantined{q}, m, true, true, func(Replayed) {})
}

// corrected merges cells into a kept row. Where the cells of a row could not be
// told apart, the given ones take its place.
func corrected(raw string, cells map[string]string) (string, error) {
	names, row, err := rawRow(raw)
	if err != nil {
		return "", err
	}
	if slices.Contains(names, wholeRow) {
		names, row = nil, nil
	}
	for _, name := range sortedKeys(cells) {
		i := slices.Index(names, name)
		if i < 0 {
			names, row, i = append(names, name), append(row, Cell{}), len(row)
		}
		row[i] = Cell{Text: cells[name]}
	}
	m := mapped{binding: &binding{names: names}, cells: row}
	if row == nil {
		m.cells = []Cell{}
	}
	return m.rawJSON(), nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// rawRow reads a kept row back into cells.
func rawRow(raw string) ([]string, []Cell, error) {
	t := &jsonTable{scan: jsonScanner{limits: DefaultLimits()}, index: map[string]int{}, dec: jsontext.NewDecoder(bytes.NewReader(nil))}
	t.scan.in = bufio.NewReaderSize(strings.NewReader(""), 16)
	// A kept row may be longer than a row read anew: its quotes are escaped.
	t.scan.limits.Cell, t.scan.limits.Row = 2*t.scan.limits.Row, 4*t.scan.limits.Row
	var row Row
	t.fill(&row, captured{bytes: []byte(raw)})
	if row.Fault != nil {
		return nil, nil, problem.InvalidWith("intake-json", []problem.Violation{*row.Fault})
	}
	return t.names, row.Cells, nil
}

// replayPage bounds how many quarantined rows are in memory at once.
const replayPage = 500

// Replay runs quarantined rows through mapping and validation again and commits
// those that hold, each together with its quarantine record's new state.
func Replay(ctx context.Context, r *repo.Repository, p repo.Principal, s Selection) (Replayed, error) {
	if err := writable(r, p, s.Dataset); err != nil {
		return Replayed{}, err
	}
	waiting := &cql2.Call{Op: "and", Args: []cql2.Expr{oneOf("state", []string{StateOpen, StateCorrected}), oneOf("dataset", []string{s.Dataset})}}
	var filter cql2.Expr = waiting
	if s.Filter != nil {
		filter = cql2.And(waiting, s.Filter)
	}
	if len(s.IDs) > 0 {
		filter = cql2.And(filter, oneOf("id", s.IDs))
	}
	head, err := r.Head(ctx)
	if err != nil {
		return Replayed{}, err
	}
	q := repo.Query{Dataset: repo.SystemQuarantine, Filter: filter, Limit: replayPage, AsOf: head.Seq}
	var total Replayed
	for {
		var rows []quarantined
		page, err := r.Read(ctx, p, q, func(rec repo.Record) error {
			rows = append(rows, kept(rec))
			return nil
		})
		if err != nil {
			return total, err
		}
		if len(rows) > 0 {
			done, err := replay(ctx, r, p, s.Dataset, rows, s.Mapping, false, len(s.IDs) > 0, func(done Replayed) {
				if s.Progress != nil {
					s.Progress(Replayed{Replayed: total.Replayed + done.Replayed, Open: total.Open + done.Open})
				}
			})
			total.Replayed += done.Replayed
			total.Open += done.Open
			if err != nil {
				return total, err
			}
		}
		if page.Next == "" {
			return total, nil
		}
		q.Cursor = page.Next
	}
}

// kept copies a quarantine record: its values are valid during the read only.
func kept(rec repo.Record) quarantined {
	q := quarantined{version: rec.Version, values: slices.Clone(rec.Values)}
	for i, v := range q.values {
		if v.Kind() == value.Text {
			q.values[i] = value.OfText(strings.Clone(v.Text()))
		}
	}
	rec.Values = q.values
	q.id, q.raw, q.source = textOf(rec, "id"), textOf(rec, "raw"), textOf(rec, "import")
	return q
}

func replay(ctx context.Context, r *repo.Repository, p repo.Principal, name string, rows []quarantined, m *dataset.Mapping, changed, picked bool, tell func(Replayed)) (Replayed, error) {
	var done Replayed
	sum := Summary{}
	l, err := newLoader(r, p, name, commit.Header{Source: "quarantine", Reason: "replay"}, &sum)
	if err != nil {
		return done, err
	}
	mappers := map[string]*mapper{}
	for i := range rows {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		mp, ok := mappers[rows[i].source]
		if !ok {
			use := m
			if use == nil {
				use = declaredMapping(ctx, l, rows[i].source)
			}
			if mp, err = compile(l.entry.Dataset, l.entry.Table, l.entry.Schema, use); err != nil {
				return done, err
			}
			mappers[rows[i].source] = mp
		}
		held, err := l.again(ctx, mp, &rows[i], changed)
		if !picked && err != nil && problem.As(err).Code == "intake-elsewhere" {
			err = nil // it waits for its own file; the others are asked for as well
		}
		if err != nil {
			return done, err
		}
		if held {
			done.Replayed++
		} else {
			done.Open++
		}
		tell(done)
	}
	return done, nil
}

// declaredMapping finds the mapping of the import that a row came with: the
// source of that name in the declaration.
func declaredMapping(ctx context.Context, l *loader, id string) *dataset.Mapping {
	if id == "" {
		return nil
	}
	rec, err := l.repo.Get(ctx, l.principal, repo.SystemImport, []value.Value{value.OfText(id)}, 0)
	if err != nil {
		return nil
	}
	for i := range l.entry.Dataset.Sources {
		if s := &l.entry.Dataset.Sources[i]; s.Name == textOf(rec, "source") {
			return &s.Mapping
		}
	}
	return nil
}

// again tries one row. The record and the new state of its quarantine record
// are one commit; a refusal changes the reasons only.
func (l *loader) again(ctx context.Context, mp *mapper, q *quarantined, changed bool) (bool, error) {
	names, cells, err := rawRow(q.raw)
	if err != nil {
		return false, err
	}
	if elsewhere(l.entry, names) {
		return false, problem.New(problem.Conflict, "intake-elsewhere")
	}
	b, err := mp.bind(names, true)
	if err != nil {
		return false, err
	}
	var got []mapped
	if slices.Contains(names, wholeRow) {
		got = []mapped{{faults: []problem.Violation{problem.Violate("intake-row-whole", "")}}}
	} else {
		mp.apply(b, &Row{Cells: cells}, problem.Position{}, func() []value.Value { return make([]value.Value, l.entry.Table.Width()) }, func(m mapped) { got = append(got, m) })
	}
	var faults []problem.Violation
	for i := range got {
		faults = append(faults, got[i].faults...)
	}
	if len(faults) == 0 {
		state, err := rowOf(l.quarantine, q.values, map[string]any{"state": StateReplayed, "raw": q.raw})
		if err != nil {
			return false, err
		}
		changes := []commit.Change{{Dataset: repo.SystemQuarantine, Op: commit.Put, Row: state, Expect: q.version}}
		for i := range got {
			if got[i].skipped == "" {
				changes = append(changes, commit.Change{Dataset: l.entry.Dataset.Name, Op: commit.Put, Row: got[i].row})
			}
		}
		_, err = l.submit(ctx, &commit.Request{Header: l.header, Changes: changes})
		if err == nil {
			return true, nil
		}
		bad := badRows(err, len(changes))
		if len(bad) == 0 || bad[0] != nil {
			return false, err
		}
		for i := 1; i < len(changes); i++ {
			faults = append(faults, bad[i]...)
		}
	}
	for i := range faults {
		faults[i].Row = 0
	}
	fields := map[string]any{"raw": q.raw}
	if changed {
		fields["state"] = StateCorrected
	}
	fault(fields, faults)
	row, err := rowOf(l.quarantine, q.values, fields)
	if err != nil {
		return false, err
	}
	_, err = l.submit(ctx, &commit.Request{Header: l.header, Changes: []commit.Change{{Dataset: repo.SystemQuarantine, Op: commit.Put, Row: row, Expect: q.version}}})
	return false, err
}

// writable refuses to try rows of a dataset that p may not write, before any of
// them is looked at.
func writable(r *repo.Repository, p repo.Principal, name string) error {
	if r.MayWrite(p, name) {
		return nil
	}
	return problem.New(problem.Denied, "denied", "action", "write", "dataset", name)
}

// Dismiss sets a quarantined row aside for good, with the reason why.
func Dismiss(ctx context.Context, r *repo.Repository, p repo.Principal, id, note string) error {
	rec, err := r.Get(ctx, p, repo.SystemQuarantine, []value.Value{value.OfText(id)}, 0)
	if err != nil {
		return err
	}
	if state := textOf(rec, "state"); state == StateReplayed {
		return problem.New(problem.Conflict, "intake-state", "state", state)
	}
	row, err := rowOf(rec.Entry, rec.Values, map[string]any{"state": StateDismissed, "note": note})
	if err != nil {
		return err
	}
	// Only these two change: what p may not see of the row stays as it came.
	mask := make([]bool, len(row))
	for _, name := range []string{"state", "note"} {
		i, _, _, _ := rec.Entry.Table.Property(name)
		mask[i] = true
	}
	_, err = r.Commit(ctx, p, &commit.Request{Header: commit.Header{Actor: p.Name, Source: "quarantine", Reason: "dismiss"},
		Changes: []commit.Change{{Dataset: repo.SystemQuarantine, Op: commit.Patch, Row: row, Mask: mask, Expect: rec.Version}}})
	return err
}
