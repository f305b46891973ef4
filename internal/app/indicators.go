package app

import (
	"context"
	"time"

	"huong.city/huong/internal/face/ui"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
)

// wardFigures lets the map colour wards by indicators.
func wardFigures(figures *indicator.Service) *ui.WardFigures {
	return &ui.WardFigures{
		List: func(p repo.Principal) []ui.WardFigure {
			var list []ui.WardFigure
			for _, d := range figures.List(p) {
				if d.Area {
					list = append(list, ui.WardFigure{Name: d.Name, Title: d.Title, Unit: d.Unit.In("vi")})
				}
			}
			return list
		},
		ByArea: func(ctx context.Context, p repo.Principal, name string, _, until time.Time) (map[string]float64, error) {
			ask := indicator.Ask{Name: name}
			if now := figures.Now(); until.Before(now) {
				ask.At = until.Add(-time.Microsecond)
			}
			list, err := figures.ByArea(ctx, p, ask)
			if err != nil {
				return nil, err
			}
			m := map[string]float64{}
			for _, f := range list {
				if f.Known {
					m[f.Area] = f.Value
				}
			}
			return m, nil
		},
	}
}
