package indicator

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// List tells the indicators whose figures p may be shown, by sector and name.
func (s *Service) List(p repo.Principal) []*indicator.Definition {
	v := s.view.Load()
	if v == nil {
		return nil
	}
	var list []*indicator.Definition
	for _, x := range v.served {
		d := x.Now
		if d == nil {
			d = x.Next
		}
		if d == nil {
			continue
		}
		if _, w := s.parts(p, v, d, x.Rolls); w != hidden {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b *indicator.Definition) int {
		return cmp.Or(strings.Compare(a.Sector, b.Sector), strings.Compare(a.Name, b.Name))
	})
	return list
}

// Definition is one indicator, as its figures are told now; nil for none. It tells
// no figure: that is for Value.
func (s *Service) Definition(name string) *indicator.Definition {
	v := s.view.Load()
	if v == nil {
		return nil
	}
	x := v.served[name]
	if x.Now != nil {
		return x.Now
	}
	return x.Next
}

// Now is the city's clock, by which figures are told.
func (s *Service) Now() time.Time { return s.repo.Now() }

// States tells how far the computing of every indicator is, by name.
func (s *Service) States() []State {
	v := s.view.Load()
	if v == nil {
		return nil
	}
	list := make([]State, 0, len(v.states))
	for _, st := range v.states {
		list = append(list, st)
	}
	slices.SortFunc(list, func(a, b State) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Await returns once the figures hold all commits up to seq, or with ctx's error.
func (s *Service) Await(ctx context.Context, seq int64) error {
	for {
		s.mu.RLock()
		moved := s.moved
		s.mu.RUnlock()
		if v := s.view.Load(); v != nil && v.seq >= seq {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Wards lists the wards and communes of today, by code.
func (s *Service) Wards(ctx context.Context) ([]Area, error) {
	w, err := s.areas.of(ctx, s.repo)
	if err != nil {
		return nil, err
	}
	return slices.Clone(w.list), nil
}

// ByArea tells the figures of all wards for the bucket that Value would tell, the
// worst first: by Good where it says, else the greatest; unknown ones last. Errors
// as Value, and Invalid for an indicator that is told for the city alone.
func (s *Service) ByArea(ctx context.Context, p repo.Principal, a Ask) ([]AreaFigure, error) {
	a.Area = ""
	q, err := s.ask(ctx, p, a)
	if err != nil {
		return nil, err
	}
	if !q.d.Area {
		return nil, problem.New(problem.Invalid, "indicator-area")
	}
	b, err := q.bucket(ctx, a.At)
	if err != nil {
		return nil, err
	}
	each := make([]map[string]Figure, len(q.parts))
	for i := range q.parts {
		if each[i], err = q.byArea(ctx, &q.parts[i], b); err != nil {
			return nil, err
		}
	}
	list := make([]AreaFigure, 0, len(q.wards.list))
	parts := make([]Figure, len(each))
	for _, ward := range q.wards.list {
		for i := range each {
			parts[i] = each[i][ward.Code]
		}
		f := AreaFigure{Area: ward.Code, Name: ward.Name, NameEn: ward.NameEn}
		if q.state.Served || q.way != rolled {
			f.Figure = q.combine(ward.Code, parts)
		}
		if f.Known && q.holds(ward.Code) {
			f.Severity = q.d.Severity(f.Value)
		}
		list = append(list, f)
	}
	slices.SortStableFunc(list, func(x, y AreaFigure) int {
		switch {
		case x.Known != y.Known:
			if x.Known {
				return -1
			}
			return 1
		case q.d.Good == indicator.Up:
			return cmp.Compare(x.Value, y.Value)
		}
		return cmp.Compare(y.Value, x.Value)
	})
	return list, nil
}

func (q *asked) byArea(ctx context.Context, x *part, b indicator.Bucket) (map[string]Figure, error) {
	m := map[string]Figure{}
	w := q.reach(x, only(q.grain, b))
	switch {
	case x.way == byCount:
		var conditions []cql2.Expr
		if q.field >= 0 {
			is, err := x.is(q.by, q.cat)
			if err != nil {
				return nil, err
			}
			conditions = append(conditions, is)
		}
		err := q.s.measured(ctx, q.p, x, repo.By{Field: dataset.AreaColumn}, "", q.grain, w, conditions, func(area value.Value, f Figure) {
			m[strings.Clone(area.Text())] = f
		})
		return m, err
	case x.roll == nil:
		return m, nil
	case q.field < 0 && !q.gathers(x):
		cells, err := q.s.ranking(ctx, x.roll, q.grain, b, q.wards.list)
		for area, c := range cells {
			m[area] = c.figure(x.spec.Part.Measure, x.unit)
		}
		return m, err
	}
	one := *q
	for _, ward := range q.wards.list {
		one.area = ward.Code
		f, err := one.figures(ctx, x, only(q.grain, b))
		if err != nil {
			return nil, err
		}
		m[ward.Code] = f[b]
	}
	return m, nil
}

// ByCategory tells the figures of every value of a field (a.By) for the bucket
// that Value would tell, in the order in which the dataset declares them, others
// after. Errors as Value.
func (s *Service) ByCategory(ctx context.Context, p repo.Principal, a Ask) ([]Category, error) {
	a.Category = ""
	q, err := s.ask(ctx, p, a)
	if err != nil {
		return nil, err
	}
	if q.field < 0 {
		return nil, problem.New(problem.Invalid, "indicator-by-unknown", "field", a.By)
	}
	all := *q
	all.field = -1
	b, err := all.bucket(ctx, a.At)
	if err != nil {
		return nil, err
	}
	st, err := q.stack(ctx, only(q.grain, b))
	if err != nil {
		return nil, err
	}
	list := make([]Category, len(st))
	for i, c := range st {
		list[i] = Category{Value: c.Value, Label: c.Label, Figure: c.Figures[0]}
	}
	return list, nil
}

// Stack tells the series of every value of a field (a.By). Errors as Value.
func (s *Service) Stack(ctx context.Context, p repo.Principal, a SeriesAsk) (out Stack, err error) {
	a.Category = ""
	q, err := s.ask(ctx, p, a.Ask)
	if err != nil {
		return out, err
	}
	if q.field < 0 {
		return out, problem.New(problem.Invalid, "indicator-by-unknown", "field", a.By)
	}
	w, err := q.window(a)
	if err != nil {
		return out, err
	}
	all := *q
	all.field = -1
	if out.Series, err = all.series(ctx, w, a.Compare); err != nil {
		return out, err
	}
	out.Categories, err = q.stack(ctx, w)
	return out, err
}

// stack tells the figures of every category for the buckets of a window.
func (q *asked) stack(ctx context.Context, w window) ([]CategorySeries, error) {
	each := make([]map[string]map[indicator.Bucket]Figure, len(q.parts))
	seen := map[string]bool{}
	for i := range q.parts {
		var err error
		if each[i], err = q.categories(ctx, &q.parts[i], w); err != nil {
			return nil, err
		}
		for c := range each[i] {
			seen[c] = true
		}
	}
	field, _ := q.parts[0].entry.Dataset.Field(q.by)
	var list []CategorySeries
	for _, c := range field.Categories {
		v := declaredText(c.Value)
		list = append(list, CategorySeries{Value: v, Label: c.Label})
		delete(seen, v)
	}
	rest := make([]string, 0, len(seen))
	for v := range seen {
		rest = append(rest, v)
	}
	slices.Sort(rest)
	for _, v := range rest {
		list = append(list, CategorySeries{Value: v})
	}
	parts := make([]Figure, len(each))
	for i := range list {
		for b := w.from; b < w.until; b = q.next(b) {
			for k := range each {
				parts[k] = each[k][list[i].Value][b]
			}
			f := Figure{}
			if q.state.Served || q.way != rolled {
				f = q.combine(q.area, parts)
			}
			list[i].Figures = append(list[i].Figures, f)
		}
	}
	return list, nil
}

// declaredText is a declared value as a category's text.
func declaredText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return categoryOf(value.OfBool(v))
	case int:
		return itoa(int64(v))
	case int64:
		return itoa(v)
	case uint64:
		return itoa(int64(v))
	case float64:
		return itoa(int64(v))
	}
	return ""
}

// categories reads a part's figures of every category.
func (q *asked) categories(ctx context.Context, x *part, w window) (map[string]map[indicator.Bucket]Figure, error) {
	m := map[string]map[indicator.Bucket]Figure{}
	put := func(c string, b indicator.Bucket, f Figure) {
		if m[c] == nil {
			m[c] = map[indicator.Bucket]Figure{}
		}
		m[c][b] = f
	}
	if x.way == byCount || q.gathers(x) {
		// A category at a time: what they are is asked first.
		field, _ := x.entry.Dataset.Field(q.by)
		one := *q
		for _, c := range field.Categories {
			one.cat = declaredText(c.Value)
			figures, err := one.figures(ctx, x, w)
			if err != nil {
				return nil, err
			}
			for b, f := range figures {
				put(one.cat, b, f)
			}
		}
		return m, nil
	}
	if x.roll == nil {
		return m, nil
	}
	err := q.s.each(ctx, line{x.roll.ID, q.area, q.grain}, w, func(b indicator.Bucket, val []byte) error {
		g, err := decodeGroup(val, x.spec.Part.Measure, len(x.spec.By))
		if err != nil {
			return err
		}
		for v, c := range g.by[q.field] {
			put(v, b, c.figure(x.spec.Part.Measure, x.unit))
		}
		return nil
	})
	return m, err
}

// Records tells which records are behind the figure that Value would tell: of a
// ratio those of its upper part. Errors as Value.
func (s *Service) Records(ctx context.Context, p repo.Principal, a Ask) (r Records, err error) {
	q, err := s.ask(ctx, p, a)
	if err != nil {
		return r, err
	}
	all := *q
	all.field = -1
	b, err := all.bucket(ctx, a.At)
	if err != nil {
		return r, err
	}
	x := &q.parts[0]
	r = Records{Dataset: x.spec.Part.Dataset, Area: q.area}
	var filter cql2.Expr
	if x.spec.Part.Filter != "" {
		if filter, err = cql2.ParseText(x.spec.Part.Filter); err != nil {
			return r, err
		}
	}
	if q.field >= 0 {
		is, err := x.is(q.by, q.cat)
		if err != nil {
			return r, err
		}
		filter = cql2.And(filter, is)
	}
	if q.grain != indicator.Total {
		r.Until = q.grain.End(b, s.zone)
		if !x.spec.Part.Past {
			r.From = q.grain.Start(q.reach(x, only(q.grain, b)).from, s.zone)
		}
		if t := x.spec.Part.Time; t != x.entry.Dataset.Time { // not the time that records are asked by
			filter = cql2.And(filter, s.between(x, r.From, r.Until, b, q.grain))
			r.From, r.Until = time.Time{}, time.Time{}
		}
	}
	if filter != nil {
		r.Filter = cql2.Text(filter)
	}
	return r, nil
}

// between is the condition that a part's time lies in a bucket.
func (s *Service) between(x *part, from, until time.Time, b indicator.Bucket, g indicator.Grain) cql2.Expr {
	at := func(t time.Time, b indicator.Bucket) value.Value {
		if x.entry.Table.Columns[x.bound.Time].Kind == value.Date {
			return value.OfDate(int64(b))
		}
		return value.OfInstant(t)
	}
	e := compared(x.spec.Part.Time, "<", at(until, g.Next(b, 1)))
	if !from.IsZero() {
		e = cql2.And(compared(x.spec.Part.Time, ">=", at(from, b)), e)
	}
	return e
}
