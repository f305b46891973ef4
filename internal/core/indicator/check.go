package indicator

import (
	"slices"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/declare"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Check reads a file of indicators and checks it against the datasets that it
// names; find gives the declaration of one, nil where there is none. All faults
// are told at once, located.
func Check(file string, text []byte, find func(name string) *dataset.Dataset) error {
	f := read(file, text)
	for _, d := range f.Definitions {
		for i := range d.Parts {
			p := &d.Parts[i]
			m := f.parts[p]
			if m == nil || p.Dataset == "" {
				continue // a part that is named is checked where it stands
			}
			c := &checker{f: f, m: m, top: f.doc.Map(f.nodes[d], m.Join("")), d: d, p: p}
			c.check(find(p.Dataset))
		}
	}
	return f.doc.Err("indicators-invalid")
}

// checker looks at one part of an indicator beside its dataset.
type checker struct {
	f   *File
	m   *declare.Map // where the part stands
	top *declare.Map // where the indicator stands
	d   *Definition
	p   *Part
}

// fault tells a fault at a key of the part, or of the indicator where the part
// does not have it.
func (c *checker) fault(key, code string, kv ...any) {
	n := c.m.N.Get(key)
	if n == nil {
		n = c.top.N.Get(key)
	}
	if n == nil {
		n = c.m.N
	}
	c.f.doc.Fault(n, key, code, kv...)
}

func (c *checker) check(ds *dataset.Dataset) {
	if ds == nil {
		c.fault("dataset", "indicator-dataset", "dataset", declare.Excerpt(c.p.Dataset))
		return
	}
	table, err := dataset.Layout(ds, nil)
	if err != nil {
		return // the dataset is refused itself
	}
	if c.p.Filter != "" {
		e, err := cql2.ParseText(c.p.Filter)
		if err == nil {
			if e, err = cql2.Bind(e, table); err == nil {
				c.clear(table, "filter", cql2.Columns(e))
			}
			m := c.m
			if m.N.Get("filter") == nil {
				m = c.top
			}
			c.f.expression(m, "filter", err)
		}
	}
	c.value(table)
	c.moment(ds, table)
	if c.d.Area && ds.Place == nil {
		c.fault("area", "indicator-no-place", "dataset", ds.Name)
	}
	for _, by := range c.d.By {
		c.category(ds, table, by)
	}
}

// column finds a field and tells where there is none.
func (c *checker) column(table *dataset.Table, key, field string) (int, bool) {
	i, _, _, ok := table.Property(field)
	if !ok {
		n := c.m.N.Get(key)
		if n == nil {
			n = c.top.N.Get(key)
		}
		if n == nil {
			n = c.m.N
		}
		c.f.doc.Unknown("indicator-field", key, field, table.PropertyNames(), n.Line, n.Col)
		return 0, false
	}
	return i, true
}

// clear refuses personal fields: rollups are kept beside the log, where no
// erasure looks.
func (c *checker) clear(table *dataset.Table, key string, columns []int) {
	for _, i := range columns {
		if table.Columns[i].Personal {
			c.fault(key, "indicator-personal", "field", table.Columns[i].Name)
		}
	}
}

// value checks what is measured.
func (c *checker) value(table *dataset.Table) {
	if c.p.Of == "" {
		return
	}
	i, ok := c.column(table, "of", c.p.Of)
	if !ok {
		return
	}
	c.clear(table, "of", []int{i})
	kind := table.Columns[i].Kind
	if c.p.Plus != "" {
		if j, ok := c.column(table, "plus", c.p.Plus); ok {
			c.clear(table, "plus", []int{j})
			if k := table.Columns[j].Kind; k != value.Int && k != value.Float {
				c.fault("plus", "indicator-want-number")
			}
		}
	}
	if c.p.Since != "" {
		j, ok := c.column(table, "since", c.p.Since)
		if ok {
			c.clear(table, "since", []int{j})
			for _, x := range [...]struct {
				key  string
				kind value.Kind
			}{{"of", kind}, {"since", table.Columns[j].Kind}} {
				if x.kind != value.Time && x.kind != value.Date {
					c.fault(x.key, "indicator-want-time")
				}
			}
		}
		return
	}
	switch {
	case c.p.Measure == Distinct && (kind == value.Geometry || table.Columns[i].Type.HoldsJSON()):
		c.fault("of", "indicator-want-plain")
	case c.p.Measure != Distinct && kind != value.Int && kind != value.Float:
		c.fault("of", "indicator-want-number")
	}
}

// moment checks what says when.
func (c *checker) moment(ds *dataset.Dataset, table *dataset.Table) {
	total := slices.Equal(c.d.Grains, []Grain{Total})
	if c.p.Time == "" && !total {
		c.p.Time = ds.Time
	}
	switch {
	case total && c.p.Time != "":
		c.fault("time", "indicator-total-time")
		return
	case total:
		return
	case c.p.Time == "":
		c.fault("time", "indicator-no-time", "dataset", ds.Name)
		return
	}
	i, ok := c.column(table, "time", c.p.Time)
	if !ok {
		return
	}
	c.clear(table, "time", []int{i})
	switch kind := table.Columns[i].Kind; {
	case kind != value.Time && kind != value.Date:
		c.fault("time", "indicator-want-time")
	case kind == value.Date && slices.Contains(c.d.Grains, Hour):
		c.fault("grains", "indicator-hour-date", "field", c.p.Time)
	}
}

// category checks a field to be told by: what holds few values.
func (c *checker) category(ds *dataset.Dataset, table *dataset.Table, by string) {
	i, ok := c.column(table, "by", by)
	if !ok {
		return
	}
	c.clear(table, "by", []int{i})
	f, _ := ds.Field(by)
	refers := slices.ContainsFunc(ds.Schema.ForeignKeys, func(k dataset.ForeignKey) bool { return len(k.Fields) == 1 && k.Fields[0] == by })
	if f == nil || !(len(f.Categories) > 0 || len(f.Constraints.Enum) > 0 || refers || f.Type == dataset.Boolean) {
		c.fault("by", "indicator-by", "field", by)
	}
}

// Complete takes from the datasets what the definition leaves to them: the field
// that says when. The error is Invalid where a dataset is not there.
func (d *Definition) Complete(find func(name string) *dataset.Dataset) error {
	for i := range d.Parts {
		p := &d.Parts[i]
		ds := find(p.Dataset)
		if ds == nil {
			return problem.New(problem.Invalid, "indicator-dataset", "dataset", p.Dataset)
		}
		if p.Time == "" && d.Main() != Total {
			p.Time = ds.Time
		}
	}
	return nil
}

// Bound is a part ready to be computed from rows.
type Bound struct {
	Filter cql2.Expr // nil for all
	// Ordinals; -1 for none.
	Of, Plus, Since, Time, Area int
	By                          []int
}

// Bind makes a part ready for rows of a dataset. The error is Invalid where the
// dataset does not have what the part reads.
func (p *Part) Bind(ds *dataset.Dataset, table *dataset.Table, area bool, by []string) (*Bound, error) {
	b := &Bound{Of: -1, Plus: -1, Since: -1, Time: -1, Area: -1}
	if p.Filter != "" {
		e, err := cql2.ParseText(p.Filter)
		if err == nil {
			b.Filter, err = cql2.Bind(e, table)
		}
		if err != nil {
			return nil, err
		}
	}
	if area {
		b.Area = table.Area
	}
	for _, x := range [...]struct {
		field string
		into  *int
	}{{p.Of, &b.Of}, {p.Plus, &b.Plus}, {p.Since, &b.Since}, {p.Time, &b.Time}} {
		if x.field == "" {
			continue
		}
		i, _, _, ok := table.Property(x.field)
		if !ok {
			return nil, problem.New(problem.Invalid, "indicator-field", "word", x.field, "allowed", ds.Name)
		}
		*x.into = i
	}
	for _, field := range by {
		i, _, _, ok := table.Property(field)
		if !ok {
			return nil, problem.New(problem.Invalid, "indicator-field", "word", field, "allowed", ds.Name)
		}
		b.By = append(b.By, i)
	}
	return b, nil
}

// Columns lists the ordinals that a part reads, ascending, each once: what a
// reader must be allowed to know to be told the figure.
func (b *Bound) Columns() []int {
	list := []int{}
	if b.Filter != nil {
		list = cql2.Columns(b.Filter)
	}
	for _, i := range append([]int{b.Of, b.Plus, b.Since, b.Time, b.Area}, b.By...) {
		if i >= 0 {
			list = append(list, i)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
