package ingest

import (
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// mapped is one record that a row gave, or the reasons why it gave none.
type mapped struct {
	at      problem.Position // file, sheet and line
	row     []value.Value
	flags   []string
	skipped string // why the row is no record; empty when it is one
	faults  []problem.Violation
	binding *binding // what the cells are called
	cells   []Cell   // the row as it came; nil when its cells could not be told
	raw     string   // its text in that case
}

// apply maps one row and hands every record that it gives to out. position
// locates faults.
func (mp *mapper) apply(b *binding, row *Row, at problem.Position, newRow func() []value.Value, out func(mapped)) {
	at.Line = row.Line
	if row.Fault != nil {
		v := *row.Fault
		p := at
		p.Column = v.Position.Column
		v.Position = p
		out(mapped{at: at, faults: []problem.Violation{v}, binding: b, cells: row.Cells, raw: row.Raw})
		return
	}
	if b.wideSet == nil {
		out(mp.one(b, row.Cells, at, 0, newRow))
		return
	}
	base := make([]Cell, len(b.names))
	for i := range base {
		base[i].Null = true
		if i < len(row.Cells) && !b.wideSet[i] {
			base[i] = row.Cells[i]
		}
	}
	for _, w := range b.wide {
		cells := slices.Clone(base)
		for j, text := range w.texts {
			cells[b.width+j] = Cell{Text: text}
		}
		if w.at < len(row.Cells) {
			cells[len(cells)-1] = row.Cells[w.at]
		}
		// A wide table has a cell for every combination; one without a value
		// states nothing.
		if text, given := mp.given(cells[len(cells)-1], true, nil); !given || text == "" {
			out(mapped{at: at, skipped: noValue})
			continue
		}
		out(mp.one(b, cells, at, w.at+1, newRow))
	}
}

// one maps the cells of one record.
func (mp *mapper) one(b *binding, cells []Cell, at problem.Position, wide int, newRow func() []value.Value) mapped {
	if why := mp.skips(b, cells); why != "" {
		return mapped{at: at, skipped: why}
	}
	m := mapped{at: at, row: newRow(), binding: b, cells: cells}
	for i := range mp.fields {
		x := &mp.fields[i]
		v, swapped, bad := x.extract(mp, cells, b.columns[i])
		if bad != nil {
			bad.Field, bad.Position = x.name, at
			if len(b.columns[i]) > 0 && b.columns[i][0] >= 0 {
				if bad.Position.Column = b.columns[i][0] + 1; b.columns[i][0] >= b.width {
					bad.Position.Column = wide
				}
			}
			m.faults = append(m.faults, *bad)
			continue
		}
		if swapped {
			m.flags = append(m.flags, swappedFlag)
		}
		m.row[x.column] = v
	}
	if len(m.faults) == 0 {
		mp.repair(&m)
		mp.mark(&m)
		m.faults = mp.schema.Check(m.row, m.faults)
		for i := range m.faults {
			p := at
			p.Column = mp.columnOf(b, m.faults[i].Field, wide)
			m.faults[i].Position = p
		}
	}
	return m
}

func (mp *mapper) columnOf(b *binding, field string, wide int) int {
	for i := range mp.fields {
		if mp.fields[i].name == field && len(b.columns[i]) > 0 && b.columns[i][0] >= 0 {
			if b.columns[i][0] >= b.width {
				return wide
			}
			return b.columns[i][0] + 1
		}
	}
	return 0
}

// noValue is why a cell of a wide table is skipped: it is blank or holds one of
// the mapping's missingValues.
const noValue = "no-value"

// skips names the first of the mapping's skip conditions that the row meets, as
// skip-1, skip-2, …; empty when it meets none.
func (mp *mapper) skips(b *binding, cells []Cell) string {
	if len(b.skip) == 0 {
		return ""
	}
	texts := make([]value.Value, len(b.names))
	for i := range cells {
		if i < len(texts) && !cells[i].Null {
			texts[i] = value.OfText(nfc(cells[i].Text))
		}
	}
	for i, e := range b.skip {
		if e != nil && cql2.Matches(e, texts) {
			return "skip-" + strconv.Itoa(i+1)
		}
	}
	return ""
}

// repair exchanges longitude and latitude where the exchange is certain: the
// latitude is no latitude and the other way round it is one, or the point lies
// in no area of the city and the exchanged one does.
func (mp *mapper) repair(m *mapped) {
	if mp.place.lon >= 0 && mp.place.lat >= 0 {
		lon, ok1 := m.row[mp.place.lon].Number()
		lat, ok2 := m.row[mp.place.lat].Number()
		if ok1 && ok2 && mp.swapped(lon, lat) {
			m.row[mp.place.lon], m.row[mp.place.lat] = m.row[mp.place.lat], m.row[mp.place.lon]
			m.flags = append(m.flags, swappedFlag)
		}
	}
	if p := mp.place.point; p >= 0 && m.row[p].Kind() == value.Geometry {
		if v, ok := mp.swappedPoint(m.row[p]); ok {
			m.row[p] = v
			m.flags = append(m.flags, swappedFlag)
		}
	}
}

func (mp *mapper) swapped(lon, lat float64) bool {
	if lon < -90 || lon > 90 {
		return false
	}
	if lat < -90 || lat > 90 {
		return lat >= -180 && lat <= 180
	}
	return mp.inArea != nil && !mp.inArea(lon, lat) && mp.inArea(lat, lon)
}

// mark sets the flags of the mapping that hold.
func (mp *mapper) mark(m *mapped) {
	for i := range mp.flags {
		f := &mp.flags[i]
		if !cql2.Matches(f.where, m.row) {
			continue
		}
		m.flags = append(m.flags, f.name)
		if f.field >= 0 {
			m.row[f.field] = noted(m.row[f.field], f.name, f.list)
		}
	}
	// Cleared after all were judged, so that flags do not depend on their order.
	for i := range mp.flags {
		if len(mp.flags[i].clear) > 0 && slices.Contains(m.flags, mp.flags[i].name) {
			for _, c := range mp.flags[i].clear {
				m.row[c] = value.Value{}
			}
		}
	}
	if len(m.flags) > 0 && mp.table.Flags >= 0 {
		slices.Sort(m.flags)
		m.flags = slices.Compact(m.flags)
		list := value.Value{}
		for _, name := range m.flags {
			list = noted(list, name, true)
		}
		m.row[mp.table.Flags] = list
	}
}

// noted adds a name to a text or to a JSON array of texts.
func noted(v value.Value, name string, list bool) value.Value {
	old := ""
	if v.Kind() == value.Text {
		old = v.Text()
	}
	if !list {
		if old != "" {
			name = old + " " + name
		}
		return value.OfText(name)
	}
	quoted, err := jsontext.AppendQuote(nil, name)
	if err != nil {
		return v
	}
	if len(old) > 2 && old[0] == '[' {
		return value.OfText(old[:len(old)-1] + "," + string(quoted) + "]")
	}
	return value.OfText("[" + string(quoted) + "]")
}

// rawJSON is the row as it came, a JSON object of column to text, without the
// columns that unpivoting turned into rows of their own. A row whose cells could
// not be told apart stands under "#row".
func (m *mapped) rawJSON() string {
	b := []byte{'{'}
	add := func(name, text string) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b, _ = jsontext.AppendQuote(b, name)
		b = append(b, ':')
		b, _ = jsontext.AppendQuote(b, text)
	}
	if m.cells == nil {
		add(wholeRow, m.raw)
	}
	for i, c := range m.cells {
		if c.Null || i < len(m.binding.wideSet) && m.binding.wideSet[i] {
			continue
		}
		name := "#" + strconv.Itoa(i+1)
		if i < len(m.binding.names) {
			name = m.binding.names[i]
		}
		add(name, c.Text)
	}
	return string(append(b, '}'))
}

// wholeRow is the column name of a row whose cells could not be told apart.
const wholeRow = "#row"
