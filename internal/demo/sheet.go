package demo

import (
	"math"
	"time"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// sheet fills one row of a dataset by field names. A name that the dataset does
// not have is remembered and makes the run fail: the generator and city/hue are
// changed together.
type sheet struct {
	entry   *repo.Entry
	row     []value.Value
	missing string
	until   time.Time // a case stays as it is before this time; zero = for ever
}

func newSheet(e *repo.Entry) *sheet {
	return &sheet{entry: e, row: make([]value.Value, e.Table.Width())}
}

func (s *sheet) clear() *sheet { clear(s.row); return s }

// lasts tells when a case moves on next, of the times when it does.
func (s *sheet) lasts(now time.Time, turns ...time.Time) {
	s.until = time.Time{}
	for _, t := range turns {
		if !t.Before(now) && (s.until.IsZero() || t.Before(s.until)) {
			s.until = t
		}
	}
}

func (s *sheet) set(name string, v value.Value) *sheet {
	i, _, _, ok := s.entry.Table.Property(name)
	if !ok {
		s.missing = s.entry.Dataset.Name + "." + name
		return s
	}
	s.row[i] = v
	return s
}

func (s *sheet) text(name, v string) *sheet {
	if v == "" {
		return s
	}
	return s.set(name, value.OfText(v))
}
func (s *sheet) int(name string, v float64) *sheet {
	return s.set(name, value.OfInt(int64(math.Round(v))))
}
func (s *sheet) num(name string, v float64, digits int) *sheet {
	p := math.Pow10(digits)
	return s.set(name, value.OfFloat(math.Round(v*p)/p))
}
func (s *sheet) at(name string, t time.Time) *sheet {
	if t.IsZero() {
		return s
	}
	return s.set(name, value.OfInstant(t))
}
func (s *sheet) day(name string, t time.Time) *sheet {
	y, m, d := t.Date()
	return s.set(name, value.OfDate(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()/86400))
}
func (s *sheet) flag(name string, v bool) *sheet { return s.set(name, value.OfBool(v)) }
func (s *sheet) point(name string, lon, lat float64) *sheet {
	return s.set(name, value.OfGeometry(geom.Point(math.Round(lon*1e5)/1e5, math.Round(lat*1e5)/1e5)))
}
