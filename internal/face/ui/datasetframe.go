package ui

import (
	"slices"

	"github.com/a-h/templ"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/repo"
)

// datasetView is a dataset's page: its head and the chosen tab.
type datasetView struct {
	*view
	e     *repo.Entry
	d     *dataset.Dataset
	tab   string
	act   DatasetActivity
	fresh freshness
	held  int64 // its rows in quarantine; -1 when the reader may not see them
}

// tabs of a dataset, in order; a tab without meaning for a dataset is left out.
var tabs = [...]string{"", "map", "chart", "quality", "changes", "sharing", "about"}

// dataset opens the dataset of the address.
func (v *view) dataset(tab string) (*datasetView, error) {
	e, err := v.u.Repo.Entry(v.p, v.r.PathValue("name"))
	if err != nil {
		return nil, v.closedTo(v.r.PathValue("name"), err)
	}
	d := &datasetView{view: v, e: e, d: e.Dataset, tab: tab, held: -1}
	v.nav = "data"
	v.title = e.Dataset.Title.In(v.lang)
	if tab != "" {
		v.title += " · " + v.T("tab."+tab)
	}
	d.act = v.u.pulses()[e.Dataset.Name]
	d.fresh = freshnessOf(e.Dataset, d.act, v.now)
	if v.held >= 0 && !e.System {
		page, err := v.u.Repo.Read(v.r.Context(), v.p, repo.Query{
			Dataset: repo.SystemQuarantine, Count: true, Limit: 1,
			Filter: and(equal("dataset", e.Dataset.Name), waiting()),
		}, func(repo.Record) error { return nil })
		if err == nil {
			d.held = page.Matched
		}
	}
	return d, nil
}

// has tells whether a tab means anything for the dataset.
func (d *datasetView) has(tab string) bool {
	switch tab {
	case "map":
		return d.e.Table.X >= 0
	case "chart":
		return d.e.Table.Time >= 0
	}
	return true
}

// fields lists the declared fields that the reader may see.
func (d *datasetView) fields() []*dataset.Field {
	var list []*dataset.Field
	seen := d.u.Repo.Visible(d.p, d.e)
	for i := range d.d.Schema.Fields {
		f := &d.d.Schema.Fields[i]
		if c, _, _, ok := d.e.Table.Property(f.Name); ok && slices.Contains(seen, c) {
			list = append(list, f)
		}
	}
	return list
}

// measures lists the numbers that a chart may show.
func (d *datasetView) measures() []*dataset.Field {
	var list []*dataset.Field
	for _, f := range d.fields() {
		if (f.Type == dataset.Number || f.Type == dataset.Integer) && !slices.Contains(d.d.Schema.PrimaryKey, f.Name) && !isCoordinate(d.d, f.Name) {
			list = append(list, f)
		}
	}
	return list
}

func isCoordinate(d *dataset.Dataset, name string) bool {
	return d.Place != nil && (d.Place.Longitude == name || d.Place.Latitude == name)
}

// fieldTitle is the title of a field, else its name.
func fieldTitle(v *view, f *dataset.Field) string { return or(f.Title.In(v.lang), f.Name) }

// columnTitle is the title of a column, derived ones included.
func (d *datasetView) columnTitle(name string) string {
	if f, ok := d.d.Field(name); ok {
		return fieldTitle(d.view, f)
	}
	switch name {
	case dataset.AreaColumn, dataset.XColumn, dataset.YColumn, dataset.FlagColumn:
		return d.T("column." + name[1:])
	}
	return name
}

// showTab writes the dataset's page with a tab's body.
func (d *datasetView) showTab(status int, body templ.Component) error {
	return d.view.show(status, datasetPage(d, body))
}
