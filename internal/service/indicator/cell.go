package indicator

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"huong.city/huong/internal/core/indicator"
)

// cell is one measure of the records of one bucket, area and category.
type cell struct {
	n     int64           // records
	known int64           // of them with a value
	sum   indicator.Exact // of the values; not where they are kept in order
	told  float64         // the figure of an ordered measure, worked out from its multiset
	seen  int64           // µs: the latest moment of a record that ever counted; 0 for none
}

// none tells that nothing is left of what was ever added.
func (c *cell) none() bool { return c.n == 0 && c.known == 0 && c.sum.IsZero() }

// add adds what another cell counted; the figure of an ordered measure is not
// among it.
func (c *cell) add(d *cell) {
	c.n += d.n
	c.known += d.known
	c.sum.Add(&d.sum)
	c.seen = max(c.seen, d.seen)
}

// clone is a cell of its own.
func (c *cell) clone() cell {
	own := *c
	own.sum = indicator.Exact{}
	own.sum.Add(&c.sum)
	return own
}

// figure is what the measure says of a cell; unit divides sums (Part.Unit).
func (c *cell) figure(m indicator.Measure, unit int64) Figure {
	switch {
	case m == indicator.Count:
		return Figure{float64(c.n), c.n > 0}
	case c.known <= 0:
		return Figure{}
	case m == indicator.Sum:
		return finite(c.sum.Over(unit))
	case m == indicator.Mean:
		return finite(c.sum.Over(c.known * unit))
	case m == indicator.Distinct:
		return Figure{c.told, true}
	}
	return Figure{c.told / float64(unit), true}
}

func finite(f float64) Figure { return Figure{f, !math.IsInf(f, 0) && !math.IsNaN(f)} }

// append writes a cell.
func (c *cell) append(b []byte, m indicator.Measure) []byte {
	b = binary.AppendVarint(b, c.n)
	b = binary.AppendVarint(b, c.seen)
	switch {
	case m == indicator.Count:
	case m.Ordered():
		b = binary.AppendVarint(b, c.known)
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(c.told))
	default:
		b = binary.AppendVarint(b, c.known)
		b = c.sum.Append(b)
	}
	return b
}

// read reads a cell from the front of b and returns the rest.
func (c *cell) read(b []byte, m indicator.Measure) (rest []byte, err error) {
	fields := []*int64{&c.n, &c.seen, &c.known}
	if m == indicator.Count {
		fields = fields[:2]
	}
	for _, f := range fields {
		v, k := binary.Varint(b)
		if k <= 0 {
			return nil, indicator.ErrEncoding
		}
		*f, b = v, b[k:]
	}
	switch {
	case m == indicator.Count:
	case m.Ordered():
		if len(b) < 8 {
			return nil, indicator.ErrEncoding
		}
		c.told = math.Float64frombits(binary.LittleEndian.Uint64(b))
		b = b[8:]
	default:
		c.sum, b, err = indicator.ReadExact(b)
	}
	return b, err
}

// group is the cells of one bucket and area: the total and every category of
// every field that the rollup is told by.
type group struct {
	total cell
	by    []map[string]*cell
}

func newGroup(fields int) *group {
	g := &group{by: make([]map[string]*cell, fields)}
	for i := range g.by {
		g.by[i] = map[string]*cell{}
	}
	return g
}

// category is the cell of a value of a field, made where there is none.
func (g *group) category(field int, value string) *cell {
	c := g.by[field][value]
	if c == nil {
		c = &cell{}
		g.by[field][strings.Clone(value)] = c
	}
	return c
}

// encode writes a group; nil where nothing is left of it.
func (g *group) encode(m indicator.Measure) []byte {
	empty := g.total.none()
	b := g.total.append(make([]byte, 0, 32), m)
	for _, cells := range g.by {
		values := make([]string, 0, len(cells))
		for v, c := range cells {
			if !c.none() {
				values = append(values, v)
			}
		}
		slices.Sort(values)
		empty = empty && len(values) == 0
		b = binary.AppendUvarint(b, uint64(len(values)))
		for _, v := range values {
			b = binary.AppendUvarint(b, uint64(len(v)))
			b = append(b, v...)
			b = cells[v].append(b, m)
		}
	}
	if empty {
		return nil
	}
	return b
}

// decodeTotal reads the total of a group alone.
func decodeTotal(b []byte, m indicator.Measure) (c cell, err error) {
	_, err = c.read(b, m)
	return c, err
}

// decodeGroup reads a group.
func decodeGroup(b []byte, m indicator.Measure, fields int) (*group, error) {
	g := newGroup(fields)
	b, err := g.total.read(b, m)
	for i := 0; i < fields && err == nil; i++ {
		n, k := binary.Uvarint(b)
		if k <= 0 {
			return nil, indicator.ErrEncoding
		}
		b = b[k:]
		for ; n > 0 && err == nil; n-- {
			l, k := binary.Uvarint(b)
			if k <= 0 || l > uint64(len(b)-k) {
				return nil, indicator.ErrEncoding
			}
			value := string(b[k : k+int(l)])
			c := &cell{}
			b, err = c.read(b[k+int(l):], m)
			g.by[i][value] = c
		}
	}
	return g, err
}
