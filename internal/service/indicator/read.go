package indicator

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// asked is a question made ready: by whom, of which definition, where.
type asked struct {
	s       *Service
	p       repo.Principal
	d       *indicator.Definition
	state   State
	parts   []part
	way     way
	wards   *wards
	area    string // "" for the city
	grain   indicator.Grain
	field   int // of By; -1 for all
	by, cat string
}

func unknown(name string) error {
	return problem.New(problem.NotFound, "indicator-unknown", "name", strings.ToValidUTF8(name, ""))
}

func (s *Service) ask(ctx context.Context, p repo.Principal, a Ask) (*asked, error) {
	v := s.view.Load()
	if v == nil {
		return nil, problem.New(problem.Unavailable, "busy")
	}
	x, ok := v.served[a.Name]
	d := x.Now
	if d == nil {
		d = x.Next
	}
	if !ok || d == nil {
		return nil, unknown(a.Name)
	}
	q := &asked{s: s, p: p, d: d, state: v.states[a.Name], field: -1, grain: d.Main()}
	if q.parts, q.way = s.parts(p, v, d, x.Rolls); q.way == hidden {
		if len(s.repo.Entries(p)) == 0 || p.Name == "" {
			return nil, unknown(a.Name)
		}
		return nil, problem.New(problem.Denied, "indicator-not-shown")
	}
	var err error
	if q.wards, err = s.areas.of(ctx, s.repo); err != nil {
		return nil, err
	}
	area := a.Area
	if now, known, err := s.repo.CurrentArea(ctx, area); err != nil {
		return nil, err
	} else if known {
		area = now
	}
	if q.area, ok = q.wards.find(area); !ok || q.area != "" && !d.Area {
		return nil, problem.New(problem.Invalid, "indicator-area")
	}
	if a.Grain != "" {
		g, ok := indicator.GrainOf(a.Grain)
		if !ok || !slices.Contains(d.Grains, g) {
			return nil, problem.New(problem.Invalid, "indicator-grain", "grain", a.Grain, "allowed", grains(d))
		}
		q.grain = g
	}
	if a.By != "" {
		if q.field = slices.Index(d.By, a.By); q.field < 0 {
			return nil, problem.New(problem.Invalid, "indicator-by-unknown", "field", a.By)
		}
		q.by, q.cat = a.By, a.Category
	}
	return q, nil
}

func grains(d *indicator.Definition) string {
	names := make([]string, len(d.Grains))
	for i, g := range d.Grains {
		names[i] = g.String()
	}
	return strings.Join(names, ", ")
}

// gathers tells that a figure of the part sums more than its own bucket.
func (q *asked) gathers(x *part) bool {
	return x.spec.Part.Past || q.d.Over > 1 && q.grain == q.d.Main()
}

// reach is the window whose cells the figures of w are made of.
func (q *asked) reach(x *part, w window) window {
	switch {
	case x.spec.Part.Past:
		return always(w.until)
	case q.gathers(x):
		w.from = q.grain.Next(w.from, 1-q.d.Over)
	}
	return w
}

// figures tells the figures of a part for the buckets of a window.
func (q *asked) figures(ctx context.Context, x *part, w window) (map[indicator.Bucket]Figure, error) {
	cells, err := q.cells(ctx, x, q.reach(x, w))
	if err != nil {
		return nil, err
	}
	if q.gathers(x) {
		cells = q.gather(x, cells, w)
	}
	m := make(map[indicator.Bucket]Figure, len(cells))
	for b, c := range cells {
		m[b] = q.figure(x, &c)
	}
	return m, nil
}

// figure is what a part says of a cell.
func (q *asked) figure(x *part, c *cell) Figure {
	if x.way == byCount && !x.spec.Part.Measure.Additive() {
		return Figure{c.told, c.known > 0}
	}
	return c.figure(x.spec.Part.Measure, x.unit)
}

// cellOf is a figure that the repository measured, as a cell.
func cellOf(m indicator.Measure, f Figure) (c cell) {
	switch {
	case !f.Known:
	case m == indicator.Count:
		c.n = int64(f.Value)
	case m == indicator.Sum:
		c.known = 1
		c.sum.AddFloat(f.Value, 1)
	default:
		c.known, c.told = 1, f.Value
	}
	return c
}

// cells reads or measures the cells of a part in a window.
func (q *asked) cells(ctx context.Context, x *part, w window) (map[indicator.Bucket]cell, error) {
	m := map[indicator.Bucket]cell{}
	if x.way == byCount {
		var conditions []cql2.Expr
		if q.field >= 0 {
			is, err := x.is(q.by, q.cat)
			if err != nil {
				return nil, err
			}
			conditions = append(conditions, is)
		}
		by := repo.By{}
		if q.grain != indicator.Total {
			by = repo.By{Field: x.entry.Table.Columns[x.bound.Time].Name, Bucket: q.grain.String()}
		}
		err := q.s.measured(ctx, q.p, x, by, q.area, q.grain, w, conditions, func(at value.Value, f Figure) {
			if b, ok := q.grain.Of(at, q.s.zone); ok {
				m[b] = cellOf(x.spec.Part.Measure, f)
			}
		})
		return m, err
	}
	if x.roll == nil {
		return m, nil
	}
	l := line{x.roll.ID, q.area, q.grain}
	if q.field >= 0 {
		return q.s.category(ctx, x.roll, l, w, q.field, q.cat)
	}
	return q.s.totals(ctx, x.roll, l, w)
}

// gather adds up, for each bucket of a window, everything before its end, or as
// many buckets as the definition says.
func (q *asked) gather(x *part, all map[indicator.Bucket]cell, w window) map[indicator.Bucket]cell {
	m := map[indicator.Bucket]cell{}
	if !x.spec.Part.Past {
		for b := w.from; b < w.until; b = q.grain.Next(b, 1) {
			var sum cell
			for i := range q.d.Over {
				c := all[q.grain.Next(b, -i)]
				sum.add(&c)
			}
			if !sum.none() {
				m[b] = sum
			}
		}
		return m
	}
	buckets := make([]indicator.Bucket, 0, len(all))
	for b := range all {
		buckets = append(buckets, b)
	}
	slices.Sort(buckets)
	var sum cell
	for b := w.from; b < w.until; b = q.grain.Next(b, 1) {
		for len(buckets) > 0 && buckets[0] <= b {
			c := all[buckets[0]]
			sum.add(&c)
			buckets = buckets[1:]
		}
		if !sum.none() {
			m[b] = sum.clone()
		}
	}
	return m
}

// combine makes a figure of an indicator from those of its parts; population is
// of the area.
func (q *asked) combine(area string, parts []Figure) Figure {
	d := q.d
	f := parts[0]
	if d.Ratio() {
		upper, lower := parts[0], parts[1]
		if !upper.Known && d.Parts[0].Measure.Additive() {
			upper.Known = true // no record is 0 of them
		}
		if !upper.Known || !lower.Known || lower.Value == 0 {
			return Figure{}
		}
		f = finite(upper.Value / lower.Value * d.Times)
	}
	if !f.Known && d.Zero && !d.Ratio() && q.way == rolled {
		f = Figure{0, true}
	}
	if d.Per > 0 && f.Known {
		population := q.wards.population[area]
		if population <= 0 {
			return Figure{}
		}
		f = finite(f.Value * float64(d.Per) / float64(population))
	}
	return f
}

// figuresOf tells the indicator's figures for the buckets of a window: those that
// any part has, and all that are 0.
func (q *asked) figuresOf(ctx context.Context, w window) (func(indicator.Bucket) Figure, error) {
	each := make([]map[indicator.Bucket]Figure, len(q.parts))
	for i := range q.parts {
		var err error
		if each[i], err = q.figures(ctx, &q.parts[i], w); err != nil {
			return nil, err
		}
	}
	parts := make([]Figure, len(each))
	building := !q.state.Served && q.way == rolled
	return func(b indicator.Bucket) Figure {
		for i := range each {
			parts[i] = each[i][b]
		}
		if building {
			return Figure{}
		}
		return q.combine(q.area, parts)
	}, nil
}

// bucket is the bucket that a reading is of. With a moment it is the one that
// holds it. Now it is the newest that has data among those that are over (or under
// way, where the indicator is shown running) and those that could still be without.
func (q *asked) bucket(ctx context.Context, at time.Time) (b indicator.Bucket, err error) {
	now := q.s.repo.Now()
	if q.grain == indicator.Total {
		return 0, nil
	}
	if !at.IsZero() {
		return q.grain.At(at.UnixMicro(), q.s.zone), nil
	}
	cur := q.grain.At(now.UnixMicro(), q.s.zone)
	newest := cur
	if !q.d.Running {
		newest = q.grain.Next(cur, -1)
	}
	due := q.grain.Next(q.grain.At(now.Add(-q.d.Lag).UnixMicro(), q.s.zone), -1)
	if due = min(due, newest); q.d.Zero || due == newest {
		if q.d.Zero && q.d.Running {
			return newest, nil
		}
		return due, nil
	}
	f, err := q.figuresOf(ctx, window{due, q.grain.Next(newest, 1)})
	if err != nil {
		return 0, err
	}
	for b := newest; b > due; b = q.grain.Next(b, -1) {
		if f(b).Known {
			return b, nil
		}
	}
	return due, nil
}

// severity judges a figure, where thresholds hold for the grain and the area.
func (q *asked) holds(area string) bool {
	d := q.d
	return q.field < 0 && (!d.Scales() || q.grain == d.Main() && (area == "" || d.PerArea))
}

// Value tells one figure with what is needed to judge it. Errors: NotFound for an
// indicator that is unknown, Denied where the rights do not cover it, Invalid for
// an area, a grain or a category that it does not have.
func (s *Service) Value(ctx context.Context, p repo.Principal, a Ask) (r Reading, err error) {
	q, err := s.ask(ctx, p, a)
	if err != nil {
		return r, err
	}
	b, err := q.bucket(ctx, a.At)
	if err != nil {
		return r, err
	}
	r = Reading{Definition: q.d, Area: q.area, Grain: q.grain, Progress: q.state.Progress, Partial: q.way == byCount, Reached: true}
	now := s.repo.Now()
	r.Complete = q.grain == indicator.Total
	if q.grain != indicator.Total {
		r.Start, r.End = q.grain.Start(b, s.zone), q.grain.End(b, s.zone)
		r.Complete = !r.End.After(now)
	}
	f, err := q.figuresOf(ctx, only(q.grain, b))
	if err != nil {
		return r, err
	}
	r.Figure = f(b)
	if q.grain != indicator.Total {
		if err := q.earlier(ctx, b, now, &r); err != nil {
			return r, err
		}
	}
	if q.holds(q.area) {
		r.Target = q.d.Target
		if r.Known {
			r.Severity, r.Reached = q.d.Severity(r.Figure.Value), q.d.Reached(r.Figure.Value)
		}
	}
	return r, q.freshness(ctx, &r, now)
}

// earlier fills the figures to compare with.
func (q *asked) earlier(ctx context.Context, b indicator.Bucket, now time.Time, r *Reading) error {
	fine, piecemeal := q.pieces()
	if r.Upto = fine.Start(fine.At(now.UnixMicro(), q.s.zone), q.s.zone); r.Complete || !piecemeal || r.Start.After(r.Upto) {
		r.Upto = time.Time{}
	}
	var err error
	if !r.Upto.IsZero() {
		if r.SoFar, err = q.stretch(ctx, fine, r.Start, r.Upto); err != nil {
			return err
		}
	}
	for i, into := range [...]*Figure{&r.Yesterday, &r.LastWeek, &r.LastYear} {
		then := q.grain.Before(b, indicator.Earlier(i))
		if !r.Upto.IsZero() {
			start, end := q.grain.Start(then, q.s.zone), q.grain.End(then, q.s.zone)
			if until := start.Add(r.Upto.Sub(r.Start)); until.Before(end) {
				end = until
			}
			if *into, err = q.stretch(ctx, fine, start, end); err != nil {
				return err
			}
			continue
		}
		f, err := q.figuresOf(ctx, only(q.grain, then))
		if err != nil {
			return err
		}
		*into = f(then)
	}
	return nil
}

// pieces tells the grain by which a bucket's figure grows as time passes, where
// it can be put together from smaller buckets. What is a state at the bucket's
// end, or a quantile, does not grow and is compared whole.
func (q *asked) pieces() (fine indicator.Grain, ok bool) {
	if q.way != rolled || q.grain == indicator.Total {
		return q.grain, false
	}
	for i := range q.parts {
		x := &q.parts[i]
		if x.way != rolled || x.roll == nil || q.gathers(x) || !x.spec.Part.Measure.Additive() {
			return q.grain, false
		}
		g := x.roll.Spec.Grains[0]
		if i > 0 && g != fine {
			return q.grain, false
		}
		fine = g
	}
	return fine, fine < q.grain
}

// stretch is the figure of whole smaller buckets from one time to another; not
// known where that is no time.
func (q *asked) stretch(ctx context.Context, fine indicator.Grain, from, until time.Time) (Figure, error) {
	if !from.Before(until) || !q.state.Served {
		return Figure{}, nil
	}
	small := *q
	small.grain = fine
	w := window{fine.At(from.UnixMicro(), q.s.zone), fine.At(until.UnixMicro(), q.s.zone)}
	parts := make([]Figure, len(q.parts))
	for i := range q.parts {
		cells, err := small.cells(ctx, &q.parts[i], w)
		if err != nil {
			return Figure{}, err
		}
		var sum cell
		for _, c := range cells {
			sum.add(&c)
		}
		if !sum.none() {
			parts[i] = q.figure(&q.parts[i], &sum)
		}
	}
	return q.combine(q.area, parts), nil
}

// freshness tells of when the newest data is and what that means.
func (q *asked) freshness(ctx context.Context, r *Reading, now time.Time) error {
	ds := q.parts[0].entry.Dataset
	if x := &q.parts[len(q.parts)-1]; x.way == rolled && x.roll != nil && q.grain != indicator.Total {
		finest := x.roll.Spec.Grains[0]
		at, err := q.s.newest(ctx, x.roll, q.area, finest.At(now.UnixMicro(), q.s.zone))
		if err != nil {
			return err
		}
		if at != 0 {
			r.Newest = time.UnixMicro(at).UTC()
		}
		ds = x.entry.Dataset
	}
	frequency, delay := ds.Promised("frequency"), max(ds.Promised("latency"), q.d.Lag)
	switch {
	case !q.state.Served && q.way == rolled:
		r.Quality = Building
	case !r.Known:
		r.Quality = Missing
	case !r.Newest.IsZero() && frequency > 0 && now.Sub(r.Newest) > 2*frequency+delay:
		r.Quality = Late
	case !r.Complete || !r.End.IsZero() && now.Sub(r.End) < q.d.Lag:
		r.Quality = Estimated
	default:
		r.Quality = Live
	}
	return nil
}

// Series tells the figures of consecutive buckets. Errors as Value.
func (s *Service) Series(ctx context.Context, p repo.Principal, a SeriesAsk) (Series, error) {
	q, err := s.ask(ctx, p, a.Ask)
	if err != nil {
		return Series{}, err
	}
	w, err := q.window(a)
	if err != nil {
		return Series{}, err
	}
	return q.series(ctx, w, a.Compare)
}

// window turns the stretch that is asked for into buckets.
func (q *asked) window(a SeriesAsk) (w window, err error) {
	if q.grain == indicator.Total {
		return window{0, 1}, nil
	}
	at := a.At
	if at.IsZero() {
		at = q.s.repo.Now()
	}
	bucket := func(t time.Time) indicator.Bucket { return q.grain.At(t.UnixMicro(), q.s.zone) }
	w.until = q.grain.Next(bucket(at), 1)
	if !a.Until.IsZero() {
		if w.until = bucket(a.Until); q.grain.Start(w.until, q.s.zone).Before(a.Until) {
			w.until = q.grain.Next(w.until, 1)
		}
	}
	wrong := problem.New(problem.Invalid, "indicator-span", "limit", MaxPoints)
	if a.From.IsZero() {
		if a.Last < 0 || a.Last > MaxPoints {
			return w, wrong
		}
		w.from = q.grain.Next(w.until, -cmp.Or(a.Last, 30))
		return w, nil
	}
	if w.from = bucket(a.From); w.from >= w.until || q.grain.Next(w.from, MaxPoints) < w.until {
		return w, wrong
	}
	return w, nil
}

var earlier = map[string]indicator.Earlier{"yesterday": indicator.Yesterday, "week": indicator.LastWeek, "year": indicator.LastYear}

func (q *asked) series(ctx context.Context, w window, compare string) (out Series, err error) {
	out = Series{Definition: q.d, Area: q.area, Grain: q.grain, Partial: q.way == byCount}
	f, err := q.figuresOf(ctx, w)
	if err != nil {
		return out, err
	}
	then, comparing := earlier[compare]
	var g func(indicator.Bucket) Figure
	if comparing = comparing && q.grain != indicator.Total; comparing {
		last := q.grain.Before(q.grain.Next(w.until, -1), then)
		if g, err = q.figuresOf(ctx, window{q.grain.Before(w.from, then), q.grain.Next(last, 1)}); err != nil {
			return out, err
		}
	}
	now := q.s.repo.Now()
	for b := w.from; b < w.until; b = q.next(b) {
		out.Points = append(out.Points, q.point(b, f, now))
		if comparing {
			out.Compare = append(out.Compare, q.point(q.grain.Before(b, then), g, now))
		}
	}
	return out, nil
}

// next is the bucket after b; the only one of a total is followed by none.
func (q *asked) next(b indicator.Bucket) indicator.Bucket {
	if q.grain == indicator.Total {
		return b + 1
	}
	return q.grain.Next(b, 1)
}

func (q *asked) point(b indicator.Bucket, f func(indicator.Bucket) Figure, now time.Time) Point {
	pt := Point{Figure: f(b), Complete: true}
	if q.grain != indicator.Total {
		pt.Start, pt.End = q.grain.Start(b, q.s.zone), q.grain.End(b, q.s.zone)
		if pt.Complete = !pt.End.After(now); pt.Start.After(now) {
			pt.Figure = Figure{} // nothing is known of what is to come
		}
	}
	return pt
}
