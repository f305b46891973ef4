package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
)

// Sizes of the item indicators.
const (
	points       = "bench-point"
	sensors      = 1000
	fewPoints    = 10_000
	boardReads   = 200 // times that thirty indicators are read
	boardSize    = 30
	pointCommit  = 10_000
	pointsOver   = 90 * 24 * time.Hour // the stretch of time that all points lie in
	sparkBuckets = 24
)

// indicators reads thirty indicators, each with its comparisons and a small course,
// of a few points and of very many; and tells how many points a second are in the
// figures while they come.
func (b *bench) indicators(ctx context.Context, st string) error {
	t := newTable("Thirty indicators", "One reading of thirty indicators, one after the other, each with three comparisons, freshness and a course of 24 buckets, as the first page does; warm, one reader. Points/s: commits of 10,000 points of 1,000 sensors with thirty indicators on, from the first commit until the last is in the figures.",
		"store", "points", "median ms", "p95 ms", "target p95", "points/s with indicators on")
	var few float64
	for _, n := range []int{fewPoints, b.rows} {
		p50, p95, rate, err := b.board(ctx, st, n)
		if err != nil {
			return err
		}
		target := "≤ 50"
		if n == fewPoints {
			few = p95
		} else {
			target = fmt.Sprintf("≤ 50, ≤ 1.5 × %.1f %s", few, verdict(p95 <= 50 && p95 <= 1.5*few))
		}
		t.add(st, count(n), fmt.Sprintf("%.1f", p50), fmt.Sprintf("%.1f", p95), target, count(int(rate)))
	}
	b.tables = append(b.tables, t)
	return nil
}

// board measures one size.
func (b *bench) board(ctx context.Context, st string, n int) (p50, p95, rate float64, err error) {
	store, err := b.fresh(st)
	if err != nil {
		return 0, 0, 0, err
	}
	defer b.drop(st, store)
	r, err := openCity(ctx, where(store))
	if err != nil {
		return 0, 0, 0, err
	}
	defer r.Close(ctx)
	wards, err := declarePoints(ctx, r)
	if err != nil {
		return 0, 0, 0, err
	}
	figures := indicator.New(r)
	r.Follow(figures)
	last := r.Now().Truncate(time.Hour)
	began := time.Now()
	seq, err := sendPoints(ctx, r, n, last, wards)
	if err == nil {
		err = figures.Await(ctx, seq)
	}
	if err != nil {
		return 0, 0, 0, err
	}
	rate = float64(n) / time.Since(began).Seconds()
	var took []float64
	for i := range boardReads + 10 {
		began := time.Now()
		for k := range boardSize {
			ask := indicator.Ask{Name: fmt.Sprintf("bench-%02d", k)}
			if i%2 == 1 {
				ask.Area = wards[i%len(wards)]
			}
			if _, err := figures.Value(ctx, repo.Public(), ask); err != nil {
				return 0, 0, 0, err
			}
			if _, err := figures.Series(ctx, repo.Public(), indicator.SeriesAsk{Ask: ask, Last: sparkBuckets}); err != nil {
				return 0, 0, 0, err
			}
		}
		if i >= 10 {
			took = append(took, float64(time.Since(began).Microseconds())/1000)
		}
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*95/100], rate, nil
}

// declarePoints declares the dataset and the indicators, and lists the wards.
func declarePoints(ctx context.Context, r *repo.Repository) (wards []string, err error) {
	d, err := dataset.Parse(points+".yaml", []byte(`name: bench-point
title: {vi: Điểm đo, en: Points}
description: {vi: Số đo để đo tốc độ., en: Figures to measure with.}
kind: series
classification: open
schema:
  primaryKey: [sensor, at]
  fields:
    - {name: sensor, type: string, title: {vi: Cảm biến, en: Sensor}, description: {vi: Mã., en: Code.}}
    - {name: at, type: datetime, title: {vi: Lúc, en: At}, description: {vi: Lúc., en: At.}}
    - {name: ward, type: string, title: {vi: Phường, en: Ward}, description: {vi: Phường., en: Ward.}}
    - {name: kind, type: string, title: {vi: Loại, en: Kind}, description: {vi: Loại., en: Kind.}, categories: [a, b, c, d]}
    - {name: val, type: number, title: {vi: Số, en: Figure}, description: {vi: Số., en: Figure.}}
place: {areaCode: ward}
time: at
`))
	if err != nil {
		return nil, err
	}
	plan, err := r.Plan(ctx, repo.Operator(), []*dataset.Dataset{d})
	if err == nil {
		_, err = r.Apply(ctx, repo.Operator(), plan)
	}
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	text.WriteString("title: {vi: Đo, en: Bench}\nsector: environment\nowner: snnmt\nindicators:\n")
	for k := range boardSize {
		measure := []string{"measure: count", "measure: sum, of: val", "measure: mean, of: val", "measure: max, of: val", "measure: median, of: val"}[k%5]
		filter := []string{"val > 0", "kind = 'a'", "val < 90", "kind <> 'b'", "kind IN ('a', 'c')", "val > 50"}[k/5]
		fmt.Fprintf(&text, "  - {name: bench-%02d, title: {vi: Đo, en: Bench}, dataset: bench-point, filter: \"%s\", %s, grains: [hour, day, month], by: kind, good: none}\n", k, filter, measure)
	}
	if err := putDefinition(ctx, r, "bench", text.String()); err != nil {
		return nil, err
	}
	_, err = r.Read(ctx, repo.Operator(), repo.Query{Dataset: repo.SystemArea, Fields: []string{"code", "kind"}}, func(rec repo.Record) error {
		code, _, _, _ := rec.Entry.Table.Property("code")
		kind, _, _, _ := rec.Entry.Table.Property("kind")
		if k := rec.Values[kind].Text(); k == "phuong" || k == "xa" {
			wards = append(wards, strings.Clone(rec.Values[code].Text()))
		}
		return nil
	})
	return wards, err
}

func putDefinition(ctx context.Context, r *repo.Repository, name, text string) error {
	e, err := r.Entry(repo.Operator(), repo.SystemDefinition)
	if err != nil {
		return err
	}
	row := make([]value.Value, e.Table.Width())
	for field, s := range map[string]string{"kind": indicator.Kind, "name": name, "title": "Đo", "titleEn": "Bench", "text": text} {
		if i, _, _, ok := e.Table.Property(field); ok {
			row[i] = value.OfText(s)
		}
	}
	_, err = r.Commit(ctx, repo.Operator(), &commit.Request{Changes: []commit.Change{{Dataset: repo.SystemDefinition, Op: commit.Put, Row: row}}})
	return err
}

// sendPoints commits n points that end at a moment, in the order of time.
func sendPoints(ctx context.Context, r *repo.Repository, n int, last time.Time, wards []string) (seq int64, err error) {
	e, err := r.Entry(repo.Operator(), points)
	if err != nil {
		return 0, err
	}
	at := func(name string) int { i, _, _, _ := e.Table.Property(name); return i }
	sensor, when, ward, kind, val := at("sensor"), at("at"), at("ward"), at("kind"), at("val")
	steps := (n + sensors - 1) / sensors
	step := pointsOver / time.Duration(steps)
	for i := 0; i < n; {
		req := &commit.Request{Header: commit.Header{Source: "bench"}}
		for ; i < n && len(req.Changes) < pointCommit; i++ {
			k := i % sensors
			row := make([]value.Value, e.Table.Width())
			row[sensor], row[ward] = value.OfText(fmt.Sprintf("s%03d", k)), value.OfText(wards[k%len(wards)])
			row[when] = value.OfInstant(last.Add(-pointsOver + time.Duration(i/sensors+1)*step))
			row[kind] = value.OfText(string(rune('a' + k%4)))
			row[val] = value.OfFloat(float64(mix(uint64(i))%1000) / 10)
			req.Changes = append(req.Changes, commit.Change{Dataset: points, Op: commit.Put, Row: row})
		}
		receipt, err := r.Commit(ctx, repo.Operator(), req)
		if err != nil {
			return 0, err
		}
		seq = receipt.Seq
	}
	return seq, nil
}
