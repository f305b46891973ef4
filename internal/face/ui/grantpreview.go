package ui

import (
	"slices"
	"strings"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/service/sharing"
)

// maskChoice is one field that an owner may leave out of a grant or mask.
type maskChoice struct {
	Name, Title string
	Ticked      bool
	How         grant.How   // chosen; "" = in the clear
	Fits        []grant.How // how it may be masked
}

func (v *view) maskChoices(d *grantData) []maskChoice {
	e, err := v.u.Sharing.Entry(&d.Grant)
	if err != nil {
		return nil
	}
	var list []maskChoice
	for _, name := range d.Fields {
		c := maskChoice{Name: name, Title: v.fieldsIn(e, []string{name}), Ticked: true}
		if d.Action == grant.Read {
			c.Fits = grant.Fitting(e.Dataset, e.Table, name)
		}
		for _, m := range d.Masks {
			if m.Field == name {
				c.How = m.How
			}
		}
		if d.Filled.Has("step") {
			c.Ticked, c.How = slices.Contains(d.Filled["field"], name), grant.How(d.Filled.Get("mask."+name))
		}
		list = append(list, c)
	}
	return list
}

// terms are what an owner's form would grant.
func (v *view) terms() (*sharing.Terms, error) {
	t := &sharing.Terms{Fields: v.r.PostForm["field"], Rows: v.field("rows")}
	for _, name := range t.Fields {
		if how := v.field("mask." + name); how != "" {
			t.Masks = append(t.Masks, grant.Mask{Field: name, How: grant.How(how)})
		}
	}
	var err error
	t.Until, err = v.endOf("until")
	return t, err
}

// previewData is what the grantee would see.
type previewData struct {
	Matched string
	None    bool // no record is covered
	Heads   []previewHead
	Rows    [][]previewCell
	Hidden  string // titles of what stays hidden
	Unknown bool   // something is shown that the reader of the preview may not see
	Areas   bool   // each sees their own areas only
	Numbers bool   // no single records are shown
}

type previewHead struct{ Name, Title, How string }

type previewCell struct {
	Text   string
	Masked bool
	Empty  bool // there is no value
	Unseen bool // the reader of the preview may not see it
}

func (v *view) preview(d *grantData) (*previewData, error) {
	terms, err := v.terms()
	if err != nil {
		return nil, err
	}
	pv, err := v.u.Sharing.Preview(v.r.Context(), v.p, d.ID, terms)
	if err != nil {
		return nil, err
	}
	out := &previewData{Matched: v.N(pv.Matched), None: pv.Matched == 0, Areas: d.OwnAreas, Numbers: d.Action != grant.Read}
	frame := &datasetView{view: v, e: pv.Entry, d: pv.Entry.Dataset}
	var shown []int
	var hidden []string
	for i, c := range pv.Columns {
		name := pv.Entry.Table.Columns[c.Column].Name
		_, declared := pv.Entry.Dataset.Field(name)
		switch {
		case !c.Shown && declared:
			hidden = append(hidden, frame.columnTitle(name))
		case c.Shown:
			h := previewHead{Name: name, Title: frame.columnTitle(name), How: v.T("preview.clear")}
			if c.Masked != "" {
				h.How = v.T("mask." + string(c.Masked))
			}
			out.Heads = append(out.Heads, h)
			out.Unknown = out.Unknown || c.Unknown
			shown = append(shown, i)
		}
	}
	out.Hidden = strings.Join(hidden, ", ")
	for _, row := range pv.Rows {
		var cells []previewCell
		for _, i := range shown {
			c := pv.Columns[i]
			text := frame.cell(pv.Entry.Table.Columns[c.Column].Name, row[c.Column])
			cells = append(cells, previewCell{Text: text, Masked: c.Masked != "", Empty: text == "", Unseen: c.Unknown})
		}
		out.Rows = append(out.Rows, cells)
	}
	return out, nil
}
