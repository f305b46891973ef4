package demo

import (
	"context"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// RowOf makes a change that puts a record of named values.
func RowOf(r *repo.Repository, dataset string, values map[string]any) commit.Change {
	e, err := r.Entry(repo.Internal(), dataset)
	if err != nil {
		panic(err)
	}
	s := newSheet(e)
	for name, v := range values {
		switch v := v.(type) {
		case string:
			s.text(name, v)
		case int:
			s.set(name, value.OfInt(int64(v)))
		case float64:
			s.set(name, value.OfFloat(v))
		case [2]float64:
			s.set(name, value.OfGeometry(geom.Point(v[0], v[1])))
		}
	}
	return commit.Change{Dataset: dataset, Op: commit.Put, Row: s.row}
}

// Reports brings in the reports of the past, and nothing else.
func Reports(ctx context.Context, r *repo.Repository, o Options) error {
	c, err := newCity(ctx, r, o)
	if err != nil {
		return err
	}
	return c.reports(ctx, c.start.Add(-time.Duration(c.years*365.25*24*float64(time.Hour))))
}

// Told sends what was reported since a time.
func Told(ctx context.Context, r *repo.Repository, o Options, since time.Time) error {
	c, err := newCity(ctx, r, o)
	if err != nil {
		return err
	}
	return c.told(ctx, since, o.Clock.Now())
}
