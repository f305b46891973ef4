package app

import (
	"context"
	"log/slog"
	"time"

	core "huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/workflow"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
	"huong.city/huong/internal/service/report"
	bundle "huong.city/huong/web"
)

// reportsEvery is how often it is looked whether a report is due, by the wall
// clock.
const reportsEvery = 5 * time.Second

// reports makes the desk of reports and looks at what is due until stopping ends.
func reports(r *repo.Repository, log *slog.Logger, working workflow.Clock, figures *indicator.Service, stopping context.Context) (*report.Desk, *report.Fonts) {
	fonts, err := report.LoadFonts(bundle.Files())
	if err != nil {
		log.WarnContext(stopping, "reports cannot be put on paper", "err", err)
	}
	desk := report.New(report.Config{Repo: r, Figures: reportFigures{figures}, Fonts: fonts, Log: log, Clock: working})
	ticks := time.NewTicker(reportsEvery)
	go func() {
		defer ticks.Stop()
		desk.Run(stopping, ticks.C)
	}()
	return desk, fonts
}

// reportFigures tells reports the city's indicators.
type reportFigures struct{ s *indicator.Service }

func (f reportFigures) Definition(name string) *core.Definition { return f.s.Definition(name) }

func (f reportFigures) Await(ctx context.Context, seq int64) error { return f.s.Await(ctx, seq) }

func (f reportFigures) Value(ctx context.Context, p repo.Principal, name, area, grain string, at time.Time) (report.Reading, error) {
	x, err := f.s.Value(ctx, p, indicator.Ask{Name: name, Area: area, Grain: grain, At: at})
	return report.Reading{Cell: report.Cell{V: x.Value, Known: x.Known, Severity: x.Severity}, End: x.End, Partial: x.Partial}, err
}

func (f reportFigures) Wards(ctx context.Context, p repo.Principal, name, grain string, at time.Time) ([]report.Ward, error) {
	figures, err := f.s.ByArea(ctx, p, indicator.Ask{Name: name, Grain: grain, At: at})
	if err != nil {
		return nil, err
	}
	list := make([]report.Ward, len(figures))
	for i, x := range figures {
		list[i] = report.Ward{Code: x.Area, Name: report.Words{"vi": x.Name, "en": x.NameEn}, Cell: report.Cell{V: x.Value, Known: x.Known, Severity: x.Severity}}
	}
	return list, nil
}

func (f reportFigures) Series(ctx context.Context, p repo.Principal, name, area, grain string, from, until time.Time) ([]report.Sample, error) {
	s, err := f.s.Series(ctx, p, indicator.SeriesAsk{Ask: indicator.Ask{Name: name, Area: area, Grain: grain}, From: from, Until: until})
	if err != nil {
		return nil, err
	}
	list := make([]report.Sample, len(s.Points))
	for i, x := range s.Points {
		list[i] = report.Sample{At: x.Start, V: x.Value, Known: x.Known}
	}
	return list, nil
}
