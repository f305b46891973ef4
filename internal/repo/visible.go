package repo

import (
	"context"

	"huong.city/huong/internal/core/grant"
)

// Visible lists the columns of an entry of which p may see some cell, in ordinal
// order, dropped ones left out: what a face describes and writes.
func (r *Repository) Visible(p Principal, e *Entry) []int {
	d, err := r.decide(context.Background(), p, r.catalog.Load(), e, grant.Read)
	if err != nil {
		return nil
	}
	return d.Visible()
}

// Described lists the columns that p may know of: those of Visible and those
// that only a purpose, or the right one, is missing for.
func (r *Repository) Described(p Principal, e *Entry) []int {
	d, err := r.decide(context.Background(), p, r.catalog.Load(), e, grant.Read)
	if err != nil {
		return nil
	}
	return union(d.Visible(), d.NeedsPurpose())
}

// Summed lists the columns that p may group and measure by; more than Visible
// where a grant gives numbers about many only.
func (r *Repository) Summed(p Principal, e *Entry) []int {
	d, err := r.decide(context.Background(), p, r.catalog.Load(), e, grant.Aggregate)
	if err != nil {
		return nil
	}
	return d.Visible()
}

// Told tells that p may be told figures of these columns over all records: as
// Plain, or because they are open and only the declaration's condition on what is
// public (publicRows) keeps some of the records themselves from p.
func (r *Repository) Told(p Principal, e *Entry, columns []int) bool {
	d, err := r.decide(context.Background(), p, r.catalog.Load(), e, grant.Read)
	return err == nil && d.Told(columns)
}

// Plain tells that p sees these columns of every record in the clear: what is
// derived from them may be shown without asking of each record.
func (r *Repository) Plain(p Principal, e *Entry, columns []int) bool {
	d, err := r.decide(context.Background(), p, r.catalog.Load(), e, grant.Read)
	if err != nil || d.Rows(columns) != nil {
		return false
	}
	for _, c := range columns {
		if !d.MayUse(c) {
			return false
		}
	}
	return true
}
