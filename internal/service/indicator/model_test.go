package indicator_test

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"huong.city/huong/internal/core/commit"
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	core "huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/indicator"
	"huong.city/huong/internal/store"
	"huong.city/huong/internal/store/postgres"
	"huong.city/huong/internal/store/postgres/pgtest"
	"huong.city/huong/internal/store/sqlite"
)

var cluster = pgtest.New(pgtest.Settings{})

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.Stop()
	os.Exit(code)
}

// zone is the city's: seven hours east of Greenwich.
var zone = time.FixedZone("+07", 7*3600)

// noon is the tests' clock.
var noon = time.Date(2025, 10, 27, 12, 20, 0, 0, zone)

func openOn(t tester, d store.Driver, now func() time.Time) *repo.Repository {
	t.Helper()
	r, err := repo.Open(context.Background(), repo.Config{
		Driver: d, Now: now, Zone: zone, Secret: []byte("a secret of thirty-two bytes, at least"),
		Checks: map[string]repo.CheckDefinition{indicator.Kind: core.Check},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func onSQLite(t tester, dir string, now func() time.Time) *repo.Repository {
	t.Helper()
	d, err := sqlite.Open(dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return openOn(t, d, now)
}

func onPostgres(t tester, url string, now func() time.Time) *repo.Repository {
	t.Helper()
	d, err := postgres.Open(context.Background(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return openOn(t, d, now)
}

// tester is a test, of one run or of many random ones.
type tester interface {
	Helper()
	Context() context.Context
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func clock() time.Time { return noon }

func declare(t tester, r *repo.Repository, yaml ...string) {
	t.Helper()
	var ds []*dataset.Dataset
	for _, y := range yaml {
		d, err := dataset.Parse("d.yaml", []byte(y))
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, d)
	}
	plan, err := r.Plan(t.Context(), repo.Internal(), ds)
	if err == nil {
		_, err = r.Apply(t.Context(), repo.Internal(), plan)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// put commits one row of a dataset by the names of its fields.
func change(t tester, r *repo.Repository, name string, op commit.Op, fields map[string]value.Value) commit.Change {
	t.Helper()
	e, err := r.Entry(repo.Internal(), name)
	if err != nil {
		t.Fatal(err)
	}
	row := make([]value.Value, e.Table.Width())
	for f, v := range fields {
		i, _, _, ok := e.Table.Property(f)
		if !ok {
			t.Fatalf("no field %s", f)
		}
		row[i] = v
	}
	return commit.Change{Dataset: name, Op: op, Row: row}
}

func send(t tester, r *repo.Repository, changes ...commit.Change) int64 {
	t.Helper()
	receipt, err := r.Commit(t.Context(), repo.Internal(), &commit.Request{Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Seq
}

// define puts a file of indicators; an empty text takes it away.
func define(t tester, r *repo.Repository, name, text string) {
	t.Helper()
	fields := map[string]value.Value{"kind": value.OfText(indicator.Kind), "name": value.OfText(name)}
	op := commit.Delete
	if text != "" {
		op = commit.Put
		fields["title"], fields["titleEn"] = value.OfText("Chỉ số"), value.OfText("Indicators")
		fields["text"] = value.OfText(text)
	}
	send(t, r, change(t, r, repo.SystemDefinition, op, fields))
}

// settle waits until the figures hold the whole log and nothing is left to compute.
func settle(t tester, r *repo.Repository, s *indicator.Service) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	h, err := r.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for seq := h.Seq; ; {
		if err := s.Await(ctx, seq); err != nil {
			st, _ := r.Status(t.Context())
			t.Fatalf("the figures did not come to commit %d: %v; %+v %+v", seq, err, s.States(), st)
		}
		if !slices.ContainsFunc(s.States(), func(st indicator.State) bool { return st.Building }) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("still computing: %+v", s.States())
		}
		time.Sleep(time.Millisecond) // another commit may never come
	}
}

// watched counts how often the follower began anew.
type watched struct {
	*indicator.Service
	loads atomic.Int64
}

func (w *watched) Load(state map[string][]byte) error {
	err := w.Service.Load(state)
	w.loads.Add(1)
	return err
}

// rebuild makes the follower forget everything and waits until it has.
func rebuild(t tester, r *repo.Repository, w *watched) {
	t.Helper()
	before := w.loads.Load()
	if err := r.Rebuild(repo.Principal{Admin: true}, indicator.Name); err != nil {
		t.Fatal(err)
	}
	for deadline := time.After(time.Minute); w.loads.Load() == before; {
		select {
		case <-deadline:
			t.Fatal("the follower did not begin anew")
		case <-time.After(time.Millisecond):
		}
	}
}

// tally is what a brute-force recount finds in one cell.
type tally struct {
	n      int64
	values []value.Value
	spans  []int64
}

// recount measures a table's rows by definition and nothing else.
func recount(d *core.Definition, p *core.Part, e *repo.Entry, rows [][]value.Value, g core.Grain, by string) map[string]*tally {
	var filter cql2.Expr
	if p.Filter != "" {
		x, err := cql2.ParseText(p.Filter)
		if err == nil {
			x, err = cql2.Bind(x, e.Table)
		}
		if err != nil {
			panic(err)
		}
		filter = x
	}
	get := func(row []value.Value, name string) value.Value {
		i, _, _, ok := e.Table.Property(name)
		if !ok {
			return value.Value{}
		}
		return row[i]
	}
	at := func(v value.Value) time.Time {
		if v.Kind() == value.Date {
			y, m, day := v.CalendarDay().Date()
			return time.Date(y, m, day, 0, 0, 0, 0, zone)
		}
		return v.Instant().In(zone)
	}
	cells := map[string]*tally{}
	for _, row := range rows {
		if filter != nil && !cql2.Matches(filter, row) {
			continue
		}
		var start time.Time
		if g != core.Total {
			when := get(row, p.Time)
			if when.IsNull() {
				continue
			}
			start = begin(g, at(when))
		}
		areas := []string{""}
		if a := get(row, dataset.AreaColumn); d.Area && a.Kind() == value.Text {
			areas = append(areas, a.Text())
		}
		category := ""
		if by != "" {
			switch v := get(row, by); v.Kind() {
			case value.Text:
				category = v.Text()
			case value.Bool:
				category = fmt.Sprint(v.Bool())
			}
		}
		for _, area := range areas {
			key := cellKey(area, start, by, category)
			c := cells[key]
			if c == nil {
				c = &tally{}
				cells[key] = c
			}
			c.n++
			v := get(row, p.Of)
			switch {
			case p.Of == "" || v.IsNull():
			case p.Since != "":
				if s := get(row, p.Since); !s.IsNull() {
					c.spans = append(c.spans, at(v).UnixMicro()-at(s).UnixMicro())
				}
			default:
				c.values = append(c.values, v)
			}
		}
	}
	return cells
}

func cellKey(area string, start time.Time, by, category string) string {
	at := ""
	if !start.IsZero() {
		at = start.UTC().Format(time.RFC3339)
	}
	return area + "|" + at + "|" + by + "|" + category
}

// begin is the start of the bucket that holds a moment of the city's clock.
func begin(g core.Grain, t time.Time) time.Time {
	switch g {
	case core.Hour:
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), 0, 0, 0, zone)
	case core.Week:
		return time.Date(t.Year(), t.Month(), t.Day()-(int(t.Weekday())+6)%7, 0, 0, 0, 0, zone)
	case core.Month:
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, zone)
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone)
}

// figure is what the definition says of a cell, in the plainest way.
func (c *tally) figure(p *core.Part) indicator.Figure {
	if c == nil {
		return indicator.Figure{}
	}
	if p.Measure == core.Count {
		return indicator.Figure{Value: float64(c.n), Known: true}
	}
	unit := int64(1)
	var numbers []*big.Rat
	for _, s := range c.spans {
		numbers = append(numbers, new(big.Rat).SetInt64(s))
		unit = map[string]int64{"minute": 60e6, "hour": 3600e6, "day": 86400e6}[p.In]
	}
	if p.Measure == core.Distinct {
		different := map[value.Value]bool{}
		for _, v := range c.values {
			different[v] = true
		}
		return indicator.Figure{Value: float64(len(different)), Known: len(c.values) > 0}
	}
	for _, v := range c.values {
		if v.Kind() == value.Int {
			numbers = append(numbers, new(big.Rat).SetInt64(v.Int()))
		} else {
			numbers = append(numbers, new(big.Rat).SetFloat64(v.Float()))
		}
	}
	if len(numbers) == 0 {
		return indicator.Figure{}
	}
	slices.SortFunc(numbers, func(a, b *big.Rat) int { return a.Cmp(b) })
	n := len(numbers)
	float := func(r *big.Rat) float64 { f, _ := r.Float64(); return f }
	quantile := func(num, den int) float64 {
		h := (n - 1) * num
		x := float(numbers[h/den])
		if h%den != 0 {
			x += float64(h%den) / float64(den) * (float(numbers[h/den+1]) - x)
		}
		return x
	}
	var f float64
	switch p.Measure {
	case core.Sum, core.Mean:
		sum := new(big.Rat)
		for _, x := range numbers {
			sum.Add(sum, x)
		}
		over := unit
		if p.Measure == core.Mean {
			over *= int64(n)
		}
		return indicator.Figure{Value: float(sum.Quo(sum, new(big.Rat).SetInt64(over))), Known: true}
	case core.Min:
		f = float(numbers[0])
	case core.Max:
		f = float(numbers[n-1])
	case core.Median:
		f = quantile(1, 2)
	case core.P90:
		f = quantile(9, 10)
	}
	return indicator.Figure{Value: f / float64(unit), Known: true}
}

// compare checks every figure that an indicator tells, for every area, grain and
// category, against a recount, and that it tells no other.
func compare(t tester, r *repo.Repository, s *indicator.Service, d *core.Definition, rows map[string][][]value.Value, from, until time.Time, areas []string) (checked int) {
	t.Helper()
	entry := func(p *core.Part) *repo.Entry {
		e, err := r.Entry(repo.Internal(), p.Dataset)
		if err != nil {
			t.Fatal(err)
		}
		if p.Time == "" && d.Main() != core.Total {
			p.Time = e.Dataset.Time
		}
		return e
	}
	for _, g := range d.Grains {
		for _, by := range append([]string{""}, d.By...) {
			var cells []map[string]*tally
			for i := range d.Parts {
				p := &d.Parts[i]
				cells = append(cells, recount(d, p, entry(p), rows[p.Dataset], g, by))
			}
			want := func(area string, start time.Time, category string) indicator.Figure {
				key := cellKey(area, start, by, category)
				f := cells[0][key].figure(&d.Parts[0])
				if len(cells) == 2 {
					upper, lower := f, cells[1][key].figure(&d.Parts[1])
					if !upper.Known && d.Parts[0].Measure.Additive() {
						upper.Known = true
					}
					if !upper.Known || !lower.Known || lower.Value == 0 {
						return indicator.Figure{}
					}
					v := upper.Value / lower.Value * d.Times
					return indicator.Figure{Value: v, Known: !math.IsInf(v, 0) && !math.IsNaN(v)}
				}
				if !f.Known && d.Zero {
					f.Known = true
				}
				return f
			}
			if !d.Area {
				areas = areas[:1]
			}
			for _, area := range areas {
				ask := indicator.SeriesAsk{Ask: indicator.Ask{Name: d.Name, Area: area, Grain: g.String(), By: by}, From: from, Until: until}
				check := func(got indicator.Figure, start time.Time, category string) {
					w := want(area, start, category)
					if !w.Known {
						w.Value, got.Value = 0, 0
					}
					if checked++; got != w {
						t.Errorf("%s area %q %s from %v %s=%q: %+v, a recount says %+v", d.Name, area, g, start, by, category, got, w)
					}
				}
				if by == "" {
					series, err := s.Series(t.Context(), repo.Internal(), ask)
					if err != nil {
						t.Fatal(err)
					}
					for _, pt := range series.Points {
						check(pt.Figure, pt.Start, "")
					}
					continue
				}
				stack, err := s.Stack(t.Context(), repo.Internal(), ask)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range stack.Categories {
					for i, f := range c.Figures {
						check(f, stack.Points[i].Start, c.Value)
					}
				}
			}
		}
	}
	return checked
}
