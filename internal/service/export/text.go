package export

import (
	"bufio"
	"bytes"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"huong.city/huong/internal/core/geom"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// shape is what of a record is written.
type shape struct {
	entry    *repo.Entry
	columns  []int
	geometry int // column that is the place, or -1
	x, y     int // derived coordinates, or -1
	zone     *time.Location
	buf      []byte
	key      []value.Value
}

// place is the record's geometry as WKB; empty when it has none.
func (s *shape) place(row []value.Value) string {
	if s.geometry >= 0 {
		if v := row[s.geometry]; v.Kind() == value.Geometry {
			return v.WKB()
		}
		return ""
	}
	if s.x < 0 || s.y < 0 {
		return ""
	}
	x, ok1 := row[s.x].Number()
	y, ok2 := row[s.y].Number()
	if !ok1 || !ok2 {
		return ""
	}
	return geom.Point(x, y)
}

// delimited writes csv and tsv.
type delimited struct {
	*shape
	w         *bufio.Writer
	delimiter byte
	bom       bool
}

func (d *delimited) begin() error {
	if d.bom {
		d.w.WriteString("\uFEFF")
	}
	for i, c := range d.columns {
		if i > 0 {
			d.w.WriteByte(d.delimiter)
		}
		d.cell([]byte(d.column(c).Name))
	}
	_, err := d.w.WriteString("\r\n")
	return err
}

func (d *delimited) record(row []value.Value) error {
	for i, c := range d.columns {
		if i > 0 {
			d.w.WriteByte(d.delimiter)
		}
		d.buf = d.entry.Schema.AppendCell(d.buf[:0], c, row[c])
		// A row of one empty cell would be a blank line, which readers skip.
		if len(d.buf) == 0 && len(d.columns) == 1 {
			d.w.WriteString(`""`)
			continue
		}
		d.cell(d.buf)
	}
	_, err := d.w.WriteString("\r\n")
	return err
}

func (d *delimited) cell(text []byte) {
	plain := bytes.IndexByte(text, d.delimiter) < 0 && bytes.IndexAny(text, "\"\r\n") < 0 &&
		(len(text) == 0 || text[0] != ' ' && text[len(text)-1] != ' ')
	if plain {
		d.w.Write(text)
		return
	}
	d.w.WriteByte('"')
	for len(text) > 0 {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			d.w.Write(text)
			break
		}
		d.w.Write(text[:i+1])
		d.w.WriteByte('"')
		text = text[i+1:]
	}
	d.w.WriteByte('"')
}

func (d *delimited) end() error { return nil }
func (d *delimited) abandon()   {}

// objects writes json and ndjson.
type objects struct {
	*shape
	w     *bufio.Writer
	lines bool
	count int64
}

func (o *objects) begin() error {
	if !o.lines {
		return o.w.WriteByte('[')
	}
	return nil
}

func (o *objects) record(row []value.Value) error {
	o.buf = o.buf[:0]
	if !o.lines && o.count > 0 {
		o.buf = append(o.buf, ',')
	}
	if !o.lines {
		o.buf = append(o.buf, '\n')
	}
	o.count++
	o.buf = o.entry.Schema.AppendJSON(o.buf, row, o.columns)
	if o.lines {
		o.buf = append(o.buf, '\n')
	}
	_, err := o.w.Write(o.buf)
	return err
}

func (o *objects) end() error {
	if o.lines {
		return nil
	}
	_, err := o.w.WriteString("\n]\n")
	return err
}

func (o *objects) abandon() {}

// features writes a GeoJSON FeatureCollection (RFC 7946).
type features struct {
	*shape
	w     *bufio.Writer
	count int64
	props []int
}

func (f *features) begin() error {
	for _, c := range f.columns {
		if c != f.geometry {
			f.props = append(f.props, c)
		}
	}
	_, err := f.w.WriteString(`{"type":"FeatureCollection","features":[`)
	return err
}

func (f *features) record(row []value.Value) error {
	b := f.buf[:0]
	if f.count > 0 {
		b = append(b, ',')
	}
	f.count++
	b = append(b, "\n{\"type\":\"Feature\",\"id\":"...)
	f.key = f.entry.Table.KeyOf(f.key[:0], row)
	b, err := jsontext.AppendQuote(b, strings.ToValidUTF8(record.FormatKey(f.entry.Table, f.key), "\uFFFD"))
	if err != nil {
		return err
	}
	b = append(b, `,"geometry":`...)
	if wkb := f.place(row); wkb != "" {
		b = geom.AppendGeoJSON(b, wkb)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"properties":`...)
	if f.props == nil {
		b = append(b, "{}"...)
	} else {
		b = f.entry.Schema.AppendJSON(b, row, f.props)
	}
	f.buf = append(b, '}')
	_, err = f.w.Write(f.buf)
	return err
}

func (f *features) end() error {
	_, err := f.w.WriteString("\n]}\n")
	return err
}

func (f *features) abandon() {}
