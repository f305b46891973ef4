package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/repo"
)

// Sizes of what leaves the center.
const (
	sheetRows = 100_000 // of one XLSX
	mapMarks  = 10_000  // on the map
	takings   = 7       // of each file and page
)

// leaving is what is taken away from the center or seen of very many objects: a
// large sheet, a paper that names all wards, a map of many points, first and
// after one of them moved.
func (b *bench) leaving(ctx context.Context, st string) error {
	t := newTable("Files and maps", fmt.Sprintf("Asked for over HTTP by a signed-in reader until the last byte is there, %d times each. The map is the page with its list, of %s points, and one tile of the whole city; *moved* is both after one point changed.", takings, count(mapMarks)),
		"store", "what", "size KiB", "median ms", "worst ms", "target worst")
	for _, part := range []struct {
		rows int
		take func(context.Context, *table, string, string) error
	}{{sheetRows, b.sheet}, {mapMarks, b.manyMarks}} {
		store, err := b.fresh(st)
		if err != nil {
			return err
		}
		r, err := openCity(ctx, where(store))
		if err != nil {
			return err
		}
		if err = fill(ctx, r, placed, b.count(part.rows)); err == nil {
			err = wardsBoard(ctx, r)
		}
		if e := r.Close(ctx); err == nil {
			err = e
		}
		if err == nil {
			err = part.take(ctx, t, st, store)
		}
		if err != nil {
			return err
		}
		if err := b.drop(st, store); err != nil {
			return err
		}
	}
	b.tables = append(b.tables, t)
	return nil
}

// wardsBoard puts points with indicators, and a board that ranks all wards by four
// of them.
func wardsBoard(ctx context.Context, r *repo.Repository) error {
	wards, err := declarePoints(ctx, r)
	if err != nil {
		return err
	}
	if _, err := sendPoints(ctx, r, fewPoints, r.Now(), wards); err != nil {
		return err
	}
	text := "title: {vi: Đo, en: Bench}\ndescription: {vi: Bốn mươi phường xã, en: Forty wards}\nowner: snnmt\nparameters: [area, period]\nsections:\n  - widgets:\n"
	for k := range 4 {
		text += fmt.Sprintf("      - {kind: ranking, indicator: bench-%02d, order: high, limit: 40}\n", k)
	}
	return define(ctx, r, "dashboard", "bench", text)
}

// taken asks for a page or file several times; prepare, where given, runs before
// each.
func taken(p *process, t *table, st, what, path, want string, most float64, prepare func(i int) error) error {
	c, err := dial(p.hello.Address, "")
	if err != nil {
		return err
	}
	defer c.close()
	var took []float64
	for i := range takings {
		if prepare != nil {
			if err := prepare(i); err != nil {
				return err
			}
		}
		var status int
		us := micros(func() { status, err = c.do(request("GET", path, p.hello.token(i), "", 0)) })
		if err != nil {
			return err
		}
		if status != 200 || !strings.Contains(string(c.body), want) {
			return fmt.Errorf("%s: status %d, without %q: %.300s", path, status, want, c.body)
		}
		took = append(took, us/1000)
	}
	worst := slices.Max(took)
	t.add(st, what, count(len(c.body)>>10), figure(median(took)), figure(worst), fmt.Sprintf("≤ %s %s", count(int(most)), verdict(worst <= most)))
	return nil
}

func (b *bench) sheet(_ context.Context, t *table, st, store string) error {
	p, err := serve(store, "")
	if err != nil {
		return err
	}
	if err = settled(p, time.Minute); err == nil {
		err = taken(p, t, st, "XLSX of "+count(b.count(sheetRows))+" rows", "/api/v1/datasets/"+placed+"/export?format=xlsx", "PK", 2000, nil)
	}
	if err == nil {
		err = taken(p, t, st, "PDF of the 40 wards", "/boards/bench/export?format=pdf", "%PDF", 1000, nil)
	}
	if _, e := p.end(); err == nil {
		err = e
	}
	return err
}

func (b *bench) manyMarks(ctx context.Context, t *table, st, store string) error {
	p, err := serve(store, "")
	if err != nil {
		return err
	}
	err = settled(p, time.Minute)
	const page, tile = "/map?layer=" + placed, "/tiles/" + placed + "/8/204/116.mvt"
	move := func(i int) error {
		w, err := dial(p.hello.Address, "")
		if err != nil {
			return err
		}
		defer w.close()
		g := newGenerator()
		row := g.report(i)
		row.lat += 0.001
		body := row.appendJSON(nil)
		status, err := w.do(request("POST", "/api/v1/datasets/"+placed+"/records", p.hello.token(i), "application/x-ndjson", len(body)), body)
		if err == nil && status/100 != 2 {
			err = fmt.Errorf("put: status %d: %.300s", status, w.body)
		}
		return err
	}
	for _, x := range []struct {
		name    string
		most    float64
		prepare func(int) error
	}{{"", 3000, nil}, {", moved", 2000, move}} {
		if err == nil {
			err = taken(p, t, st, "map page"+x.name, page, placed, x.most, x.prepare)
		}
		if err == nil {
			err = taken(p, t, st, "map tile"+x.name, tile, "", x.most, x.prepare)
		}
	}
	if _, e := p.end(); err == nil {
		err = e
	}
	return err
}
