package repo

import (
	"context"
	"slices"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// Preview is what a grant would show to its grantee once it is in force, computed
// by the decision that would then hold.
type Preview struct {
	Entry   *Entry
	Matched int64 // records that the grant would cover and p may see
	Columns []PreviewColumn
	Rows    [][]value.Value // of the first records, by column of the table; what p may not see is Null
}

// PreviewColumn says what the grantee would see of a column.
type PreviewColumn struct {
	Column  int
	Shown   bool
	Masked  grant.How // "" = in the clear, where it is shown
	Unknown bool      // it would be shown, but p, who looks at the preview, may not see it
}

// previewRows is how many records a preview shows.
const previewRows = 5

// Preview computes what a grant would give by itself. It reads p's own data under
// p's own right: a record or cell that p may not see is in no preview, and a
// condition on a column that p may not see matches nothing. Personal cells that
// p sees by it are recorded as by any reading. Of a grant that shows no single
// record, only what it covers is told.
//
// Errors: NotFound for a dataset that p may not read.
func (r *Repository) Preview(ctx context.Context, p Principal, g *grant.Grant) (pv Preview, err error) {
	err = r.retrying(ctx, func(c *catalog) error {
		pv, err = r.preview(ctx, c, p, g)
		return err
	})
	return pv, err
}

func (r *Repository) preview(ctx context.Context, c *catalog, p Principal, g *grant.Grant) (Preview, error) {
	e, own, err := r.allowed(ctx, c, p, g.Dataset, grant.Read)
	if err != nil {
		return Preview{}, err
	}
	would := r.wouldGive(e, g)
	pv := Preview{Entry: e}
	seen := would.Visible()
	how := map[int]grant.How{}
	for _, x := range would.Explain().Gives {
		for _, m := range x.Masked {
			if i, _, _, ok := e.Table.Property(m.Field); ok {
				how[i] = m.How
			}
		}
	}
	for i := range e.Table.Columns {
		if !e.Table.Columns[i].Dropped {
			shown := slices.Contains(seen, i)
			pv.Columns = append(pv.Columns, PreviewColumn{Column: i, Shown: shown, Masked: how[i], Unknown: shown && !own.MayUse(i)})
		}
	}
	rows := would.Rows(nil)
	if l, none := rows.(*cql2.Lit); none && l.Value.Kind() == value.Bool {
		return pv, nil
	}
	var used []int
	if rows != nil {
		used = cql2.Columns(rows)
	}
	sq := store.Query{Table: e.Table, Filter: cql2.And(rows, own.Rows(used)), Limit: previewRows}
	if pv.Matched, err = r.driver.Count(ctx, sq); err != nil {
		return pv, err
	}
	told := r.disclosure(p, c, e, &own)
	if told != nil {
		told.looks(&own, used)
	}
	if g.Action == grant.Read {
		mine, theirs := own.Revealer(r.keys.pseudonym, seen), would.Revealer(r.keys.pseudonym, nil)
		err = r.driver.Read(ctx, sq, func(row store.Row) error {
			shown, clear := cloneRow(row.Values), cloneRow(row.Values)
			number, key := numberIn(clear, personOf(e)), e.Table.KeyOf(nil, clear)
			s := mine.Reveal(clear)
			if told != nil {
				told.note(number, key, s)
			}
			theirs.Reveal(shown)
			for i := range shown {
				if !slices.Contains(s.Cells(), i) || clear[i] != row.Values[i] { // hidden from p, or masked
					shown[i] = value.Value{}
				}
			}
			pv.Rows = append(pv.Rows, shown)
			return nil
		})
		if err != nil {
			return pv, err
		}
	}
	if err := told.commit(ctx); err != nil {
		return Preview{}, err
	}
	return pv, nil
}

// wouldGive is the decision that a grant alone would lead to for its grantee, in
// the whole city and for a purpose that it is for.
func (r *Repository) wouldGive(e *Entry, g *grant.Grant) grant.Decision {
	would, at := *g, r.now().UnixMicro()
	would.State, would.From, would.Until = grant.InForceState, 0, 0
	purpose := "any"
	if len(g.Purposes) > 0 {
		purpose = g.Purposes[0]
	}
	d := grant.NewPolicy([]*grant.Grant{&would}).Decide(grant.Request{
		Subject: grant.Subject{Agency: g.Agency, Account: g.Account, Roles: []string{g.Role}, Areas: []string{"*"}},
		Action:  g.Action, Purpose: purpose, Dataset: e.Dataset, Table: e.Table, At: at,
	})
	return d.Only(g.ID)
}
