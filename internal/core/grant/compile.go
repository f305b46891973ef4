package grant

import (
	"slices"
	"sync/atomic"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
)

// compiled is a grant made ready: its condition parsed once, and what follows
// from the declaration kept for the declaration last met.
type compiled struct {
	*Grant
	rows  cql2.Expr // parsed, not bound; nil = all
	bad   bool      // the condition cannot be read: the grant gives nothing
	shape atomic.Pointer[shape]
}

// shape is what a grant gives of a dataset, whoever asks.
type shape struct {
	frame  *frame
	clear  columns
	masked columns
	how    []How     // by column, for those masked; nil when none is
	rows   cql2.Expr // bound; nil = all
	agency int       // the column that must hold the principal's agency, or -1
	broken bool      // it does not fit the declaration: nothing is given
}

func compile(g *Grant) *compiled {
	c := &compiled{Grant: g}
	if g.Rows != "" {
		e, err := cql2.ParseText(g.Rows)
		c.rows, c.bad = e, err != nil || cql2.UsesPrevious(e)
	}
	return c
}

func (c *compiled) on(f *frame) *shape {
	if s := c.shape.Load(); s != nil && s.frame == f {
		return s
	}
	s := c.reshape(f)
	c.shape.Store(s)
	return s
}

func (c *compiled) reshape(f *frame) *shape {
	s := &shape{frame: f, agency: -1, broken: c.bad}
	s.clear = covered(c.Grant, f)
	s.mask(c.Grant, f)
	if c.OwnAgency != "" {
		column, kind, _, ok := f.t.Property(c.OwnAgency)
		s.agency = column
		s.broken = s.broken || !ok || kind != value.Text
	}
	if c.OwnAreas && f.t.Area < 0 {
		s.broken = true
	}
	if !s.broken && c.rows != nil {
		rows, err := cql2.Bind(c.rows, f.t)
		s.rows, s.broken = rows, err != nil
	}
	return s
}

// covered lists the columns that a grant is about. _area, _x and _y come with
// the fields that say where a record is, for they hold the same.
func covered(g *Grant, f *frame) columns {
	if len(g.Fields) == 0 && len(g.Tags) == 0 {
		return f.upTo[dataset.InternalUse.Rank()].clone()
	}
	s := newColumns(f.t.Width())
	for _, name := range g.Fields {
		if c, _, _, ok := f.t.Property(name); ok {
			s.add(c)
		}
	}
	for _, tag := range g.Tags {
		s.addAll(f.tags[tag])
	}
	if !f.place.empty() && s.holds(f.place) {
		for _, c := range [...]int{f.t.Area, f.t.X, f.t.Y} {
			s.add(c)
		}
	}
	return s
}

// mask moves what is masked out of the clear. A mask that cannot be applied, and
// two masks that differ on one column, hide it. Only reading shows masked cells.
func (s *shape) mask(g *Grant, f *frame) {
	s.masked = newColumns(f.t.Width())
	hidden := newColumns(f.t.Width())
	for _, m := range g.Masks {
		for _, c := range masks(m, f) {
			switch {
			case m.How == AreaOnly: // whatever part of the place is covered
				hidden.addAll(f.place)
				hidden.add(c)
				if f.t.Area >= 0 {
					hidden.add(f.t.X)
					hidden.add(f.t.Y)
					if f.pointed(c) && s.clear.has(c) {
						s.clear.add(f.t.Area)
					}
				}
			case !s.clear.has(c):
			case g.Action != Read || !fits(m.How, &f.t.Columns[c]) || s.masked.has(c) && s.how[c] != m.How:
				hidden.add(c)
			default:
				if s.how == nil {
					s.how = make([]How, f.t.Width())
				}
				s.masked.add(c)
				s.how[c] = m.How
			}
		}
	}
	s.clear.removeAll(s.masked)
	s.clear.removeAll(hidden)
	s.masked.removeAll(hidden)
}

// masks lists the columns that a mask names.
func masks(m Mask, f *frame) []int {
	if m.Field != "" {
		if c, _, _, ok := f.t.Property(m.Field); ok {
			return []int{c}
		}
		return nil
	}
	return f.tags[m.Tag].list()
}

// fits tells whether values of a column can be masked so and stay of its type.
func fits(how How, c *dataset.Column) bool {
	switch how {
	case LastDigits, Pseudonym:
		return c.Type == dataset.String && !c.Derived
	case YearOnly:
		return c.Kind == value.Date || c.Kind == value.Time
	}
	return false
}

// forPurpose tells whether the grant holds for a purpose; "" is none.
func (c *compiled) forPurpose(purpose string) bool {
	return len(c.Purposes) == 0 || purpose != "" && slices.Contains(c.Purposes, purpose)
}

// Fitting lists how a field of a dataset may be masked; none where it cannot be.
func Fitting(d *dataset.Dataset, t *dataset.Table, field string) []How {
	c, _, _, ok := t.Property(field)
	if !ok {
		return nil
	}
	var list []How
	for _, how := range [...]How{LastDigits, YearOnly, Pseudonym} {
		if fits(how, &t.Columns[c]) {
			list = append(list, how)
		}
	}
	if newFrame(d, t).pointed(c) {
		list = append(list, AreaOnly)
	}
	return list
}
