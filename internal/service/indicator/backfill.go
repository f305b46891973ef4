package indicator

import (
	"context"
	"maps"
	"slices"
	"strings"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
)

// working tells that tables are to be read, or cells to be deleted.
func (s *Service) working() bool {
	if len(s.scans) > 0 || s.defined < 0 {
		return true
	}
	for _, r := range s.rolls {
		if r.Drop {
			return true
		}
	}
	return false
}

// work does a part: deleting comes first, so that nothing piles up.
func (s *Service) work(ctx context.Context, catalog func(string) *repo.Entry) error {
	s.changed = true
	for _, id := range slices.Sorted(maps.Keys(s.rolls)) {
		if r := s.rolls[id]; r.Drop {
			return s.drop(ctx, r)
		}
	}
	if len(s.scans) == 0 {
		return nil
	}
	id := slices.Min(slices.Collect(maps.Keys(s.scans)))
	return s.read(ctx, s.scans[id], catalog)
}

// drop deletes some cells of a rollup.
func (s *Service) drop(ctx context.Context, r *roll) error {
	left := dropPart
	for _, keys := range [...]string{groupKeys, rankingKeys, setKeys} {
		prefix := keys + r.ID + "/"
		n := 0
		err := s.repo.FollowerState(ctx, Name, prefix, after(prefix), left, func(key string, _ []byte) error {
			n++
			s.cells.gone = append(s.cells.gone, strings.Clone(key))
			return nil
		})
		if err != nil {
			return err
		}
		if left -= n; left <= 0 {
			return nil
		}
	}
	delete(s.rolls, r.ID)
	s.publish(nil)
	return nil
}

// read takes one page of a table for all rollups that wait for it.
func (s *Service) read(ctx context.Context, c *scan, catalog func(string) *repo.Entry) error {
	e := catalog(c.Dataset)
	var list []*roll
	var columns []int
	for _, r := range s.rolls {
		if r.Scan != c.ID {
			continue
		}
		if e == nil || r.bind(e) != nil {
			s.lose(c.Dataset)
			s.end(c, 0)
			return nil
		}
		list = append(list, r)
		columns = append(columns, r.bound.Columns()...)
	}
	q := repo.Query{Dataset: c.Dataset, AsOf: c.Base, Limit: scanPart, Cursor: c.Page, Count: c.Total < 0}
	slices.Sort(columns)
	for _, i := range append(slices.Compact(columns), e.Table.Key...) {
		if name := e.Table.Columns[i].Name; !slices.Contains(q.Fields, name) {
			q.Fields = append(q.Fields, name)
		}
	}
	// In the order of time the records of a bucket come together, from all over the
	// city, so that each cell is written once or twice and not with every subject.
	if t := e.Table.Time; t >= 0 {
		q.Sort = []repo.Sort{{Field: e.Table.Columns[t].Name}}
	}
	h := newHeap()
	page, err := s.repo.Read(ctx, repo.Internal(), q, func(rec repo.Record) error {
		c.Seen++
		for _, r := range list {
			h.row(r, rec.Values, 1)
		}
		return nil
	})
	if problem.KindOf(err) == problem.Invalid || problem.KindOf(err) == problem.Gone {
		s.lose(c.Dataset) // the page can no longer be gone on from
		s.end(c, 0)
		return nil
	}
	if err != nil {
		return err
	}
	if c.Total < 0 {
		c.Total = page.Matched
	}
	changed, err := s.cells.apply(ctx, h)
	if err != nil {
		return err
	}
	if c.Page = page.Next; c.Page == "" {
		head, err := s.repo.Head(ctx)
		if err != nil {
			return err
		}
		s.end(c, head.Seq)
	}
	s.promote()
	s.publish(changed)
	s.cells.trim()
	return nil
}

// end takes a scan away from its rollups; head is the end of the log when it came
// through, 0 when it did not.
func (s *Service) end(c *scan, head int64) {
	for _, r := range s.rolls {
		if r.Scan == c.ID {
			r.Scan, r.Done, r.Read = "", head > 0, head
		}
	}
	delete(s.scans, c.ID)
}
