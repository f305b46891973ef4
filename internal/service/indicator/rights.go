package indicator

import (
	"context"
	"slices"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/indicator"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// way is how figures are told to a reader.
type way uint8

const (
	hidden  way = iota // not at all
	byCount            // by measuring the records that the reader may count
	rolled             // from rollups
)

// part is one measure as it is told to one reader.
type part struct {
	spec  *spec
	roll  *roll // nil while there is none to read
	entry *repo.Entry
	bound *indicator.Bound
	unit  int64
	way   way
}

// bound is what readers need to know of a rollup's rows.
type bound struct {
	entry *repo.Entry
	bound *indicator.Bound
}

// parts readies the parts of a definition for a reader and tells in which way
// figures are told: the least of them.
func (s *Service) parts(p repo.Principal, v *view, d *indicator.Definition, rolls []string) ([]part, way) {
	list := make([]part, len(d.Parts))
	least := rolled
	for i, sp := range specsOf(d) {
		x := &list[i]
		x.spec, x.unit = &sp, d.Parts[i].Unit()
		if i < len(rolls) {
			if r, ok := v.rolls[rolls[i]]; ok {
				x.roll = &r
			}
		}
		e, err := s.repo.Entry(repo.Internal(), sp.Part.Dataset)
		if err != nil {
			return list, hidden
		}
		if x.entry, x.bound, err = s.bind(x, e); err != nil {
			return list, hidden
		}
		x.way = s.wayOf(p, x)
		least = min(least, x.way)
	}
	return list, least
}

func (s *Service) bind(x *part, e *repo.Entry) (*repo.Entry, *indicator.Bound, error) {
	id := ""
	if x.roll != nil {
		id = x.roll.ID
		if known, ok := s.binds.Load(id); ok && known.(bound).entry == e {
			return e, known.(bound).bound, nil
		}
	}
	b, err := x.spec.Part.Bind(e.Dataset, e.Table, x.spec.Area, x.spec.By)
	if err == nil && id != "" {
		s.binds.Store(id, bound{e, b})
	}
	return e, b, err
}

// wayOf decides from what the repository lets the reader know.
func (s *Service) wayOf(p repo.Principal, x *part) way {
	columns := x.bound.Columns()
	if s.repo.Told(p, x.entry, columns) {
		return rolled
	}
	m := x.spec.Part.Measure
	if m == indicator.Median || m == indicator.P90 || x.spec.Part.Since != "" {
		return hidden // the repository has no such measure
	}
	summed := s.repo.Summed(p, x.entry)
	for _, c := range columns {
		if !slices.Contains(summed, c) {
			return hidden
		}
	}
	return byCount
}

// measured asks the repository for figures, by one field: the time's buckets, the
// area or a category.
func (s *Service) measured(ctx context.Context, p repo.Principal, x *part, by repo.By, area string, g indicator.Grain, w window, conditions []cql2.Expr, fn func(value.Value, Figure)) error {
	measures := []repo.Measure{{Func: string(x.spec.Part.Measure), Field: x.spec.Part.Of}}
	if x.spec.Part.Plus != "" {
		measures = append(measures, repo.Measure{Func: string(x.spec.Part.Measure), Field: x.spec.Part.Plus})
	}
	q := repo.Query{Dataset: x.spec.Part.Dataset, Area: area}
	if x.spec.Part.Filter != "" {
		e, err := cql2.ParseText(x.spec.Part.Filter)
		if err != nil {
			return err
		}
		conditions = append(conditions, e)
	}
	if t := x.bound.Time; t >= 0 && g != indicator.Total {
		kind := x.entry.Table.Columns[t].Kind
		for _, bound := range [...]struct {
			op string
			b  indicator.Bucket
		}{{">=", w.from}, {"<", w.until}} {
			if bound.b == always(0).from {
				continue
			}
			at := value.OfInstant(g.Start(bound.b, s.zone))
			if kind == value.Date {
				at = value.OfDate(int64(bound.b)) // buckets of days are days
			}
			conditions = append(conditions, compared(x.entry.Table.Columns[t].Name, bound.op, at))
		}
	}
	q.Filter = cql2.And(conditions...)
	a := repo.Aggregation{Query: q, Measures: measures}
	if by.Field != "" {
		a.By = []repo.By{by}
	}
	return s.repo.Aggregate(ctx, p, a, func(row []value.Value) error {
		f := Figure{}
		for _, v := range row[len(row)-len(measures):] {
			if n, known := v.Number(); known {
				f.Value, f.Known = f.Value+n, true
			}
		}
		fn(row[0], f)
		return nil
	})
}

func compared(field, op string, v value.Value) cql2.Expr {
	prop := &cql2.Prop{Name: field, Column: -1}
	if v.IsNull() {
		return &cql2.Call{Op: "isNull", Args: []cql2.Expr{prop}}
	}
	return &cql2.Call{Op: op, Args: []cql2.Expr{prop, &cql2.Lit{Value: v}}}
}

// is is the condition that a field has a value, told as a category's text.
func (x *part) is(field, category string) (cql2.Expr, error) {
	i, kind, _, ok := x.entry.Table.Property(field)
	if !ok || !slices.Contains(x.spec.By, field) {
		return nil, problem.New(problem.Invalid, "indicator-by-unknown", "field", field)
	}
	if category == "" {
		return compared(field, "=", value.Value{}), nil
	}
	v, fault := x.entry.Schema.ParseCell(i, category)
	if fault != nil || v.Kind() != kind {
		v = value.OfText(category)
	}
	return compared(field, "=", v), nil
}
