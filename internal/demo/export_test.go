package demo

import (
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
