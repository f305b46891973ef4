package indicator

import (
	"context"

	"huong.city/huong/internal/core/indicator"
)

// window is consecutive buckets: from ≤ bucket < until.
type window struct{ from, until indicator.Bucket }

// only is one bucket.
func only(g indicator.Grain, b indicator.Bucket) window {
	if g == indicator.Total {
		return window{b, b + 1}
	}
	return window{b, g.Next(b, 1)}
}

// always is every bucket before one.
func always(until indicator.Bucket) window { return window{-1 << 31, until} }

// each calls fn with the encoded groups of a line in a window, newest first where
// they are saved, those not yet saved in any order after them.
func (s *Service) each(ctx context.Context, l line, w window, fn func(indicator.Bucket, []byte) error) error {
	if w.from >= w.until {
		return nil
	}
	s.mu.RLock() // until the end: what is being saved stays in sight
	defer s.mu.RUnlock()
	fresh := s.fresh[l]
	prefix := l.prefix()
	err := s.repo.FollowerState(ctx, Name, prefix+backwards(w.until-1), prefix+backwards(w.from)+"\x00", 0, func(key string, val []byte) error {
		b, err := bucketOf(key[len(prefix):])
		if err != nil {
			return err
		}
		if _, newer := fresh[b]; newer {
			return nil
		}
		return fn(b, val)
	})
	if err != nil {
		return err
	}
	for b, val := range fresh {
		if val != nil && w.from <= b && b < w.until {
			if err := fn(b, val); err != nil {
				return err
			}
		}
	}
	return nil
}

// totals reads the cells of a line in a window.
func (s *Service) totals(ctx context.Context, r *roll, l line, w window) (map[indicator.Bucket]cell, error) {
	m := map[indicator.Bucket]cell{}
	err := s.each(ctx, l, w, func(b indicator.Bucket, val []byte) error {
		c, err := decodeTotal(val, r.Spec.Part.Measure)
		m[b] = c
		return err
	})
	return m, err
}

// category reads the cells of one value of a field.
func (s *Service) category(ctx context.Context, r *roll, l line, w window, field int, value string) (map[indicator.Bucket]cell, error) {
	m := map[indicator.Bucket]cell{}
	err := s.each(ctx, l, w, func(b indicator.Bucket, val []byte) error {
		g, err := decodeGroup(val, r.Spec.Part.Measure, len(r.Spec.By))
		if err == nil && g.by[field][value] != nil {
			m[b] = *g.by[field][value]
		}
		return err
	})
	return m, err
}

// newest is the latest moment of a record up to a bucket of the finest grain; 0
// for none.
func (s *Service) newest(ctx context.Context, r *roll, area string, upto indicator.Bucket) (int64, error) {
	l := line{r.ID, area, r.Spec.Grains[0]}
	measure := r.Spec.Part.Measure
	s.mu.RLock()
	defer s.mu.RUnlock()
	var at int64
	take := func(val []byte) error {
		c, err := decodeTotal(val, measure)
		if err == nil && c.n > 0 {
			at = max(at, c.seen)
		}
		return err
	}
	prefix, deleted := l.prefix(), 0
	for b, val := range s.fresh[l] {
		if b > upto {
			continue
		}
		if val == nil {
			deleted++
		} else if err := take(val); err != nil {
			return 0, err
		}
	}
	err := s.repo.FollowerState(ctx, Name, prefix+backwards(upto), after(prefix), 1+deleted, func(key string, val []byte) error {
		b, err := bucketOf(key[len(prefix):])
		if err != nil {
			return err
		}
		if _, newer := s.fresh[l][b]; newer {
			return nil
		}
		return take(val)
	})
	return at, err
}

// ranking reads the cells of all wards in one bucket.
func (s *Service) ranking(ctx context.Context, r *roll, g indicator.Grain, b indicator.Bucket, wards []Area) (map[string]cell, error) {
	m := map[string]cell{}
	measure := r.Spec.Part.Measure
	s.mu.RLock()
	defer s.mu.RUnlock()
	prefix := rankingRange(r.ID, g, b)
	err := s.repo.FollowerState(ctx, Name, prefix, after(prefix), 0, func(key string, val []byte) error {
		c, err := decodeTotal(val, measure)
		m[areaOf(key[len(prefix):])] = c
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, a := range wards {
		val, newer := s.fresh[line{r.ID, a.Code, g}][b]
		if !newer {
			continue
		}
		delete(m, a.Code)
		if val != nil {
			if m[a.Code], err = decodeTotal(val, measure); err != nil {
				return nil, err
			}
		}
	}
	return m, nil
}
