package ingest

import (
	"regexp"
	"slices"
	"strings"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
)

// mapper turns rows of cells into rows of typed values by a mapping. It is
// immutable and may be used by several goroutines; what depends on the columns
// of one table stands in a binding.
type mapper struct {
	dataset *dataset.Dataset
	table   *dataset.Table
	schema  *record.Schema
	fields  []extractor
	missing map[string]bool
	ignore  map[string]bool
	all     bool // ignore every column that nothing uses
	unpivot *regexp.Regexp
	value   string // column of the unpivoted cell
	skip    []cql2.Expr
	flags   []flag
	place   placing
	inArea  func(lon, lat float64) bool // nil when no areas are known
}

type flag struct {
	name  string
	where cql2.Expr
	field int // -1: only counted and kept in _flags
	list  bool
	clear []int
}

// placing says which values make up the place, for the repair of swapped
// coordinates; -1 where there is none.
type placing struct{ lon, lat, point int }

// swappedFlag marks records whose longitude and latitude were exchanged.
const swappedFlag = "swapped-coordinates"

// compile checks a mapping against its dataset and prepares it. All faults are
// reported at once.
func compile(d *dataset.Dataset, t *dataset.Table, s *record.Schema, m *dataset.Mapping) (*mapper, error) {
	own := m == nil // the columns are the fields: every blank counts
	if own {
		m = &dataset.Mapping{}
	}
	mp := &mapper{dataset: d, table: t, schema: s, missing: textSet(m.MissingValues), ignore: textSet(m.Ignore), place: placing{-1, -1, -1}}
	mp.all = mp.ignore["*"]
	var vs []problem.Violation
	for name := range m.Map {
		if _, ok := d.Field(name); !ok {
			vs = append(vs, problem.Violate("intake-map-field", name, "nearest", s.Nearest(name)))
		}
	}
	for i := range d.Schema.Fields {
		f := &d.Schema.Fields[i]
		col, _, _, ok := t.Property(f.Name)
		if !ok {
			continue
		}
		fm, mapped := m.Map[f.Name]
		x, bad := newExtractor(f, col, t, fm, mapped, m)
		vs = append(vs, bad...)
		if v := x.setConstant(s, fm.Const); v != nil {
			vs = append(vs, *v)
		}
		x.trim = x.trim && !own
		x.required = f.Constraints.Required || slices.Contains(t.Key, col)
		mp.fields = append(mp.fields, x)
	}
	vs = mp.compileRest(m, vs)
	if p := d.Place; p != nil {
		mp.place = placing{columnIn(t, p.Longitude), columnIn(t, p.Latitude), columnIn(t, p.Field)}
		if mp.place.point >= 0 && t.Columns[mp.place.point].Type != dataset.GeoPoint {
			mp.place.point = -1
		}
	}
	if err := problem.InvalidWith("intake-mapping", vs, "dataset", d.Name); err != nil {
		return nil, err
	}
	return mp, nil
}

func (mp *mapper) compileRest(m *dataset.Mapping, vs []problem.Violation) []problem.Violation {
	if u := m.Unpivot; u != nil {
		re, err := regexp.Compile(u.Columns)
		if err != nil {
			vs = append(vs, problem.Violate("intake-pattern", "", "what", "unpivot.columns", "pattern", u.Columns))
		}
		mp.unpivot, mp.value = re, u.Value
	}
	for _, text := range m.Skip {
		e, err := cql2.ParseText(text)
		if err != nil {
			vs = append(vs, expressionFault(err, "skip")...)
			continue
		}
		mp.skip = append(mp.skip, e)
	}
	for _, f := range m.Flags {
		e, err := cql2.ParseText(f.Where)
		if err == nil {
			e, err = cql2.Bind(e, mp.table)
		}
		if err != nil {
			vs = append(vs, expressionFault(err, "flags."+f.Name)...)
			continue
		}
		fl := flag{name: f.Name, where: e, field: -1}
		if f.Field != "" {
			if fl.field = columnIn(mp.table, f.Field); fl.field < 0 || mp.table.Columns[fl.field].Kind != value.Text {
				vs = append(vs, problem.Violate("intake-map-field", f.Field, "nearest", mp.schema.Nearest(f.Field)))
				continue
			}
			fl.list = mp.table.Columns[fl.field].Type.HoldsJSON()
		}
		for _, name := range f.Clear {
			c := columnIn(mp.table, name)
			if c < 0 {
				vs = append(vs, problem.Violate("intake-map-field", name, "nearest", mp.schema.Nearest(name)))
				continue
			}
			fl.clear = append(fl.clear, c)
		}
		mp.flags = append(mp.flags, fl)
	}
	return vs
}

func expressionFault(err error, field string) []problem.Violation {
	e := problem.As(err)
	if len(e.Violations) == 0 {
		return []problem.Violation{{Code: e.Code, Field: field, Args: e.Args}}
	}
	vs := slices.Clone(e.Violations)
	for i := range vs {
		vs[i].Field = field
	}
	return vs
}

func columnIn(t *dataset.Table, name string) int {
	if name == "" {
		return -1
	}
	if c, _, _, ok := t.Property(name); ok {
		return c
	}
	return -1
}

func textSet(texts []string) map[string]bool {
	if len(texts) == 0 {
		return nil
	}
	m := make(map[string]bool, len(texts))
	for _, t := range texts {
		m[nfc(t)] = true
	}
	return m
}

// binding ties a mapper to the columns of one table.
type binding struct {
	names   []string // of the table, then those that unpivoting adds
	width   int      // columns of the table itself
	columns [][]int  // per extractor: where its cells stand, -1 for nowhere
	wide    []wideColumn
	wideSet []bool
	groups  []string
	skip    []cql2.Expr
	unused  []string
	absent  []string // required fields without a column, as "field (column)"
	drifted []string // columns that the mapping names and the table lacks
}

// wideColumn is one column that unpivoting turns into a row.
type wideColumn struct {
	at    int
	texts []string // what its name says, by group
}

// bind resolves columns. growing tells that more may come (JSON): an
// expression over a column not seen yet then simply does not hold.
func (mp *mapper) bind(names []string, growing bool) (*binding, error) {
	b := &binding{names: names, width: len(names), columns: make([][]int, len(mp.fields))}
	used := make([]bool, len(names), len(names)+8)
	mp.bindWide(b, used)
	at := make(map[string]int, len(b.names))
	for i := len(b.names) - 1; i >= 0; i-- {
		at[b.names[i]] = i
	}
	for len(used) < len(b.names) {
		used = append(used, true)
	}
	for i := range mp.fields {
		x := &mp.fields[i]
		found := len(x.sources) == 0
		for _, name := range x.sources {
			c, ok := at[name]
			if !ok {
				c = -1
				if x.mapped {
					b.drifted = append(b.drifted, name)
				}
			} else {
				used[c], found = true, true
			}
			b.columns[i] = append(b.columns[i], c)
		}
		if x.required && !found {
			b.absent = append(b.absent, x.name+" ("+strings.Join(x.sources, ", ")+")")
		}
	}
	schema := textColumns{names: b.names, at: at, used: used}
	for _, e := range mp.skip {
		bound, err := cql2.Bind(e, schema)
		if err != nil {
			if growing {
				b.skip = append(b.skip, nil) // keeps the numbers of the others
				continue
			}
			return nil, problem.InvalidWith("intake-mapping", expressionFault(err, "skip"), "dataset", mp.dataset.Name)
		}
		b.skip = append(b.skip, bound)
	}
	for i, name := range names {
		first, _, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
		if !used[i] && !mp.all && !mp.ignore[name] && !(name[0] == '#') && !mp.reached(first) {
			b.unused = append(b.unused, name)
		}
	}
	return b, nil
}

// reached tells that a pointer column leads into the member of this name.
func (mp *mapper) reached(member string) bool {
	for i := range mp.fields {
		for _, s := range mp.fields[i].sources {
			if strings.HasPrefix(s, "/") && pointerParts(s)[0] == member {
				return true
			}
		}
	}
	return false
}

func (mp *mapper) bindWide(b *binding, used []bool) {
	if mp.unpivot == nil || slices.Contains(b.names, mp.value) {
		return // rows that come back from quarantine are narrow already
	}
	for _, g := range mp.unpivot.SubexpNames() {
		if g != "" {
			b.groups = append(b.groups, g)
		}
	}
	b.wideSet = make([]bool, b.width)
	for i, name := range b.names {
		m := mp.unpivot.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		w := wideColumn{at: i}
		for j, g := range mp.unpivot.SubexpNames() {
			if g != "" {
				w.texts = append(w.texts, m[j])
			}
		}
		b.wide, b.wideSet[i], used[i] = append(b.wide, w), true, true
	}
	b.names = append(append(slices.Clone(b.names), b.groups...), mp.value)
}

// textColumns is a table's columns as an expression sees them: texts.
type textColumns struct {
	names []string
	at    map[string]int
	used  []bool
}

func (t textColumns) Property(name string) (int, value.Kind, bool, bool) {
	c, ok := t.at[name]
	if !ok {
		return -1, value.Null, false, false
	}
	t.used[c] = true
	return c, value.Text, false, true
}

func (t textColumns) PropertyNames() []string { return t.names }
