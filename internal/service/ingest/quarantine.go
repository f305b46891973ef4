package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// States of a quarantined row.
const (
	StateOpen      = "open"
	StateCorrected = "corrected" // cells were changed and it still breaks a rule
	StateReplayed  = "replayed"
	StateDismissed = "dismissed"
)

// isolate makes the changes that put rows into quarantine. A row that is there
// already, open or not, is left as it is: the same file again adds nothing.
func (l *loader) isolate(ctx context.Context, rejects []rejected) ([]commit.Change, error) {
	if len(rejects) == 0 {
		return nil, nil
	}
	ids := make([]string, len(rejects))
	for i := range rejects {
		ids[i] = quarantineID(l.entry.Dataset.Name, rejects[i].raw, ruleOf(rejects[i].faults))
	}
	known, err := l.known(ctx, ids)
	if err != nil {
		return nil, err
	}
	var changes []commit.Change
	for i := range rejects {
		if known[ids[i]] {
			continue
		}
		known[ids[i]] = true
		row, err := l.record(ids[i], &rejects[i])
		if err != nil {
			return nil, err
		}
		changes = append(changes, commit.Change{Dataset: repo.SystemQuarantine, Op: commit.Put, Row: row})
	}
	return changes, nil
}

func quarantineID(dataset, raw, rule string) string {
	h := sha256.New()
	for _, part := range []string{dataset, "\x00", raw, "\x00", rule} {
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// known asks which of the records exist.
func (l *loader) known(ctx context.Context, ids []string) (map[string]bool, error) {
	known := make(map[string]bool, len(ids))
	for part := range slices.Chunk(ids, 200) {
		q := repo.Query{Dataset: repo.SystemQuarantine, Filter: oneOf("id", part), Fields: []string{"id"}}
		_, err := l.repo.Read(ctx, l.principal, q, func(r repo.Record) error {
			known[strings.Clone(textOf(r, "id"))] = true
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return known, nil
}

// oneOf is the condition that a field has one of the texts.
func oneOf(field string, texts []string) cql2.Expr {
	list := &cql2.List{}
	for _, t := range texts {
		list.Items = append(list.Items, &cql2.Lit{Value: value.OfText(t)})
	}
	return &cql2.Call{Op: "in", Args: []cql2.Expr{&cql2.Prop{Name: field, Column: -1}, list}}
}

func textOf(r repo.Record, field string) string {
	if c, _, _, ok := r.Entry.Table.Property(field); ok && r.Values[c].Kind() == value.Text {
		return r.Values[c].Text()
	}
	return ""
}

// record makes the quarantine record of a refused row.
func (l *loader) record(id string, r *rejected) ([]value.Value, error) {
	first := r.faults[0]
	column := first.Position.Column
	fields := map[string]any{
		"id": id, "dataset": l.entry.Dataset.Name, "raw": r.raw, "state": StateOpen,
		"line": int64(r.at.Line), "at": l.repo.Now(),
	}
	if column > 0 {
		fields["column"] = int64(column)
	}
	for name, text := range map[string]string{"import": l.importID, "file": r.at.File, "sheet": r.at.Sheet, "ref": r.ref} {
		if text != "" {
			fields[name] = text
		}
	}
	fault(fields, r.faults)
	return rowOf(l.quarantine, nil, fields)
}

// fault fills the fields that say what is wrong.
func fault(fields map[string]any, vs []problem.Violation) {
	fields["rule"] = ruleOf(vs)
	fields["reason"], fields["reasonEn"] = reasons(vs, "vi"), reasons(vs, "en")
	fields["violations"] = vs
	fields["field"] = nil
	if vs[0].Field != "" {
		fields["field"] = vs[0].Field
	}
}

// reasons are the faults in words, without their place, at most five.
func reasons(vs []problem.Violation, lang string) string {
	var b strings.Builder
	for i, v := range vs {
		if i == 5 {
			b.WriteString(" …")
			break
		}
		if i > 0 {
			b.WriteString(" ")
		}
		v.Position = problem.Position{}
		b.WriteString(v.In(lang))
	}
	return b.String()
}

// rowOf makes a row of a dataset from values by field name, over old when given.
func rowOf(e *repo.Entry, old []value.Value, fields map[string]any) ([]value.Value, error) {
	row := make([]value.Value, e.Table.Width())
	copy(row, old)
	for name, v := range fields {
		c, ok := e.Schema.Column(name)
		if !ok {
			continue
		}
		parsed, bad := e.Schema.ParseAny(c, v)
		if bad != nil {
			return nil, problem.InvalidWith(bad.Code, []problem.Violation{*bad})
		}
		row[c] = parsed
	}
	return row, nil
}
