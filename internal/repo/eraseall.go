package repo

import (
	"context"

	"huong.city/huong/internal/core/problem"
)

// EraseAll is Erase of many records for one reason, for jobs that erase what is no
// longer kept: followers are waited for once. What is gone already is passed over,
// so that it can be done again after it was cut short. Huong's own work alone
// erases by it what the system datasets of service requests hold.
func (r *Repository) EraseAll(ctx context.Context, p Principal, list []Erasing) error {
	columns := make([][]int, len(list))
	for i := range list {
		e, err := r.erasable(p, list[i].Dataset)
		if err != nil {
			return err
		}
		if err := list[i].check(p, e); err != nil {
			return err
		}
		if columns[i], err = r.clear(ctx, p, e, list[i]); err != nil {
			return err
		}
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	for i := range list {
		_, err := r.destroy(ctx, p, list[i], columns[i])
		if err != nil && problem.KindOf(err) != problem.NotFound {
			return err
		}
	}
	return nil
}

// disposable tells that the records of a system dataset are kept for a term only,
// and erased when it is over.
func disposable(name string) bool {
	switch name {
	case SystemRequestEntry, SystemRequestReporter, SystemRequestFollow, SystemRequestStrike, SystemNotification:
		return true
	}
	return false
}
