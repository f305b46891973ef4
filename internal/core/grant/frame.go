package grant

import (
	"huong.city/huong/internal/core/cql2"
	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/value"
)

// frame is what deciding needs to know of a dataset, computed once.
type frame struct {
	d        *dataset.Dataset
	t        *dataset.Table
	upTo     [4]columns         // by rank of classification: the columns of that class and below
	personal columns            // of class personal or restricted: shown for a purpose only, and logged
	tags     map[string]columns // of fields
	secret   columns            // tagged secret: not for auditors and administrators
	place    columns            // the declared fields that say where a record is
	person   int                // the column of the personal number, or -1
	public   cql2.Expr          // which rows everybody may read, bound; nil = all
}

// newFrame finds the class of each column. A derived column has its dataset's,
// raised by what it is derived from: coordinates by the fields of the place, and
// the area only by a field that holds its code, for that an area is coarser than
// a place is what makes it fit to be shown.
func newFrame(d *dataset.Dataset, t *dataset.Table) *frame {
	width := t.Width()
	f := &frame{d: d, t: t, personal: newColumns(width), secret: newColumns(width), place: newColumns(width),
		tags: map[string]columns{}, person: -1}
	for r := range f.upTo {
		f.upTo[r] = newColumns(width)
	}
	ranks := make([]int, width)
	for c := range ranks {
		ranks[c] = d.Classification.Rank()
	}
	for i := range d.Schema.Fields {
		field := &d.Schema.Fields[i]
		c, _, _, ok := t.Property(field.Name)
		if !ok {
			continue
		}
		if field.Classification != "" {
			ranks[c] = max(ranks[c], field.Classification.Rank())
		}
		for _, tag := range field.Tags {
			if f.tags[tag] == nil {
				f.tags[tag] = newColumns(width)
			}
			f.tags[tag].add(c)
		}
		if contains(field.Tags, "secret") {
			f.secret.add(c)
		}
		if field.Name == d.Person {
			f.person = c
		}
	}
	if p := d.Place; p != nil && t.Area >= 0 {
		for _, name := range [...]string{p.Field, p.Longitude, p.Latitude, p.From, p.AreaCode} {
			c, _, _, ok := t.Property(name)
			if !ok {
				continue
			}
			f.place.add(c)
			ranks[t.X], ranks[t.Y] = max(ranks[t.X], ranks[c]), max(ranks[t.Y], ranks[c])
			if name == p.AreaCode {
				ranks[t.Area] = max(ranks[t.Area], ranks[c])
			}
		}
	}
	f.public = publicRows(d, t)
	for c, rank := range ranks {
		if t.Columns[c].Dropped {
			continue
		}
		for r := rank; r < len(f.upTo); r++ {
			f.upTo[r].add(c)
		}
		if rank >= dataset.Personal.Rank() {
			f.personal.add(c)
		}
	}
	return f
}

// publicRows binds the declared condition on what everybody reads. One that does
// not bind shows nothing: nothing becomes public by a mistake.
func publicRows(d *dataset.Dataset, t *dataset.Table) cql2.Expr {
	if d.PublicRows == "" {
		return nil
	}
	e, err := cql2.ParseText(d.PublicRows)
	if err == nil && !cql2.UsesPrevious(e) {
		if e, err = cql2.Bind(e, t); err == nil {
			return e
		}
	}
	return &cql2.Lit{Value: value.OfBool(false)}
}

func (f *frame) all() columns { return f.upTo[dataset.Restricted.Rank()] }

// pointed tells whether column c is where a record is to a point: what the area
// mask can take the place of.
func (f *frame) pointed(c int) bool {
	p, name := f.d.Place, f.t.Columns[c].Name
	return p != nil && f.place.has(c) && (name == p.Field || name == p.Longitude || name == p.Latitude)
}

// equal is the bound condition that a column holds one of the texts.
func (f *frame) equal(c int, texts ...string) cql2.Expr {
	prop := &cql2.Prop{Name: f.t.Columns[c].Name, Column: c, Kind: f.t.Columns[c].Kind}
	if len(texts) == 1 {
		return &cql2.Call{Op: "=", Args: []cql2.Expr{prop, &cql2.Lit{Value: value.OfText(texts[0])}}}
	}
	list := &cql2.List{Items: make([]cql2.Expr, len(texts))}
	for i, s := range texts {
		list.Items[i] = &cql2.Lit{Value: value.OfText(s)}
	}
	return &cql2.Call{Op: "in", Args: []cql2.Expr{prop, list}}
}
