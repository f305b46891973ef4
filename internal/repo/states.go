package repo

import (
	"context"
	"iter"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/store"
)

// states pulls the rows of one read one at a time, so that two reads can be
// merged in constant memory.
type states struct {
	row   *store.Row
	err   error
	pull  func() (store.Row, bool)
	close func()
}

// errStop ends a driver's read whose consumer has had enough.
type errStop struct{}

func (errStop) Error() string { return "repo: reading stopped" }

func newStates(ctx context.Context, d store.Driver, q store.Query) *states {
	s := &states{}
	s.pull, s.close = iter.Pull(func(yield func(store.Row) bool) {
		err := d.Read(ctx, q, func(row store.Row) error {
			if !yield(store.Row{Version: row.Version, Values: cloneRow(row.Values)}) {
				return errStop{}
			}
			return nil
		})
		if _, stopped := err.(errStop); !stopped {
			s.err = err
		}
	})
	s.next()
	return s
}

func (s *states) peek() *store.Row { return s.row }

func (s *states) next() {
	if row, ok := s.pull(); ok {
		s.row = &row
	} else {
		s.row = nil
	}
}

// compareKeys orders two rows by key; an ended side comes last.
func compareKeys(t *dataset.Table, a, b *store.Row) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	for _, k := range t.Key {
		if c, _ := value.Compare(a.Values[k], b.Values[k]); c != 0 {
			return c
		}
	}
	return 0
}
