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

// Summed lists the columns that p may group and measure by; more than Visible
// where a grant gives numbers about many only.
func (r *Repository) Summed(p Principal, e *Entry) []int {
	d, err := r.decide(context.Background(), p, r.catalog.Load(), e, grant.Aggregate)
	if err != nil {
		return nil
	}
	return d.Visible()
}
