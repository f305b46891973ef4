package ingest

import (
	"context"
	"slices"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// Refused is a row of a file that another part of the program reads and could not
// take, as it came.
type Refused struct {
	Names, Cells []string
	Ref          string // its number at the source; may be empty
	File         string
	Line         int
	Faults       []problem.Violation // at least one, each with its place
}

// Isolate keeps rows in the quarantine of a dataset that p may write. A row that is
// there already is left as it is: the same file again adds nothing.
func Isolate(ctx context.Context, r *repo.Repository, p repo.Principal, name string, rows []Refused) error {
	if len(rows) == 0 {
		return nil
	}
	l, err := keeper(r, p, name, "refused")
	if err != nil {
		return err
	}
	rejects := make([]rejected, len(rows))
	for i, row := range rows {
		cells := make([]Cell, len(row.Cells))
		for k, text := range row.Cells {
			cells[k] = Cell{Text: nfc(text)}
		}
		m := mapped{binding: &binding{names: row.Names}, cells: cells}
		rejects[i] = rejected{at: problem.Position{File: row.File, Line: row.Line}, raw: m.rawJSON(), ref: row.Ref, faults: row.Faults}
	}
	changes, err := l.isolate(ctx, rejects)
	if err != nil || len(changes) == 0 {
		return err
	}
	_, err = l.submit(ctx, &commit.Request{Header: l.header, Changes: changes})
	return err
}

// keeper writes to the quarantine of a dataset that p may write, of which p may see
// nothing: who brings rows for a ward need not read what others brought.
func keeper(r *repo.Repository, p repo.Principal, name, reason string) (*loader, error) {
	if !r.MayWrite(p, name) {
		return nil, problem.New(problem.Denied, "denied", "action", "write", "dataset", name)
	}
	l, err := newLoader(r, repo.Internal(), name, commit.Header{Source: "quarantine", Reason: reason}, &Summary{})
	if err == nil {
		l.header.Actor = p.Name
	}
	return l, err
}

// Settle notes of kept rows, by their numbers at the source, that they have come
// again and were taken.
func Settle(ctx context.Context, r *repo.Repository, p repo.Principal, name string, refs []string) error {
	l, err := keeper(r, p, name, "taken")
	if err != nil {
		return err
	}
	var changes []commit.Change
	for part := range slices.Chunk(refs, 200) {
		q := repo.Query{Dataset: repo.SystemQuarantine, Filter: cql2.And(oneOf("dataset", []string{name}), oneOf("ref", part), oneOf("state", []string{StateOpen, StateCorrected}))}
		_, err := r.Read(ctx, l.principal, q, func(rec repo.Record) error {
			old := kept(rec)
			row, err := rowOf(l.quarantine, old.values, map[string]any{"state": StateReplayed})
			changes = append(changes, commit.Change{Dataset: repo.SystemQuarantine, Op: commit.Put, Row: row, Expect: old.version})
			return err
		})
		if err != nil {
			return err
		}
	}
	if len(changes) == 0 {
		return nil
	}
	_, err = l.submit(ctx, &commit.Request{Header: l.header, Changes: changes})
	if problem.KindOf(err) == problem.Stale && err != nil {
		return nil // somebody is at work on one of them: the next file settles the rest
	}
	return err
}

// elsewhere tells that a kept row is of a file that another part of the program
// reads: what it means is not in this dataset's own columns.
func elsewhere(e *repo.Entry, names []string) bool {
	_, told := e.Dataset.Outside["open311"]
	return told && slices.Contains(names, "service_request_id")
}
