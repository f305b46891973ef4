package repo

import (
	"context"
	"encoding/json"
	"strings"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/proof"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Deposit is what anybody may know of a commit, whatever it holds: when it came,
// that the log has it, and what was erased of it since. It holds no content.
type Deposit struct {
	Seq, At  int64
	Proof    *proof.Inclusion // nil: no signed checkpoint covers it yet
	Erasures []Erasure        // of what this commit held, the oldest first
	Records  *Erasure         // that this commit itself is the record of; nil for any other
}

// Erasure is one erasure as it is told to everybody.
type Erasure struct {
	Commit, At int64
	Dataset    string   // empty where the asker may not know that it exists
	Whole      bool     // the whole record; else fields of it
	Fields     []string // their names, where Dataset is told
	By         string   // account, told where no agency is
	Agency     string
	Basis      string
}

// Deposit returns what the receipt of a commit shows. It is open to everybody,
// as the public log is; only the names of datasets and fields are kept from
// those who may not know of them. NotFound when there is no such commit.
func (r *Repository) Deposit(ctx context.Context, p Principal, seq int64) (Deposit, error) {
	got := Deposit{Seq: seq}
	var err error
	got.Proof, err = r.Inclusion(ctx, seq)
	if err != nil && problem.KindOf(err) != problem.Unavailable {
		return Deposit{}, err
	}
	c := r.catalog.Load()
	var by []int64
	err = r.driver.Log(ctx, store.LogRange{After: seq - 1, Upto: seq, Tables: c.tables}, func(e *commit.Entry) error {
		got.At, by = e.At, e.ErasedBy
		got.Records = r.erasureIn(c, p, e)
		return nil
	})
	for _, seq := range by {
		if err != nil {
			break
		}
		err = r.driver.Log(ctx, store.LogRange{After: seq - 1, Upto: seq, Tables: c.tables}, func(e *commit.Entry) error {
			if x := r.erasureIn(c, p, e); x != nil {
				got.Erasures = append(got.Erasures, *x)
			}
			return nil
		})
	}
	return got, err
}

// erasureIn reads the record of an erasure out of the commit that made it.
func (r *Repository) erasureIn(c *catalog, p Principal, e *commit.Entry) *Erasure {
	for i := range e.Changes {
		ch := &e.Changes[i]
		if ch.Dataset != SystemErasure || ch.After == nil {
			continue
		}
		f := fieldsOf(c.entries[SystemErasure].Table, ch.After)
		text := func(name string) string { return strings.Clone(f.text(name)) }
		x := &Erasure{Commit: e.Seq, At: e.At, Agency: text("agency"), Basis: text("basis"), Whole: f.value("fields").Kind() != value.Text}
		if x.Agency == "" {
			x.By = text("by")
		}
		if name := text("dataset"); c.entries[name] != nil {
			if _, err := r.Entry(p, name); err == nil {
				x.Dataset = name
				json.Unmarshal([]byte(f.text("fields")), &x.Fields)
			}
		}
		return x
	}
	return nil
}
