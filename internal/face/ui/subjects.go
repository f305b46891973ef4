package ui

import (
	"context"
	"sync"
	"time"

	"huong.city/huong/internal/core/dataset"
	"huong.city/huong/internal/core/record"
	"huong.city/huong/internal/core/value"
	"huong.city/huong/internal/repo"
)

// titleCache holds the titles of records that others refer to: stations,
// hospitals, schools. Only open, small registers are held.
type titleCache struct {
	mu        sync.Mutex
	byDataset map[string]titles
}

type titles struct {
	at   time.Time
	text map[string]string // by key as record.FormatKey writes it
}

const (
	titlesFor    = time.Minute
	mostTitles   = 5000
	mostDatasets = 200
)

// titlesOf returns the titles of a dataset's records; empty for one that is
// not open or has too many records to be a list of names.
func (u *UI) titlesOf(ctx context.Context, name string) map[string]string {
	now := u.Now()
	u.titles.mu.Lock()
	t, ok := u.titles.byDataset[name]
	u.titles.mu.Unlock()
	if ok && now.Sub(t.at) < titlesFor && now.Sub(t.at) >= 0 {
		return t.text
	}
	t = titles{at: now, text: map[string]string{}}
	if e, err := u.Repo.Entry(repo.Public(), name); err == nil && e.Dataset.Kind == dataset.Register {
		if f := titleField(e); f != "" {
			q := repo.Query{Dataset: name, Fields: []string{f}, Limit: mostTitles}
			page, err := u.Repo.Read(ctx, repo.Public(), q, func(r repo.Record) error {
				c := row{r.Entry.Table, r.Values}
				t.text[record.FormatKey(r.Entry.Table, r.Entry.Table.KeyOf(nil, r.Values))] = c.text(f)
				return nil
			})
			if err != nil || page.Next != "" {
				clear(t.text)
			}
		}
	}
	u.titles.mu.Lock()
	defer u.titles.mu.Unlock()
	if u.titles.byDataset == nil || len(u.titles.byDataset) > mostDatasets {
		u.titles.byDataset = map[string]titles{}
	}
	u.titles.byDataset[name] = t
	return t.text
}

// titleField is the field that names a record for people: the first of the
// usual names, else the first text that is neither key nor reference nor code.
func titleField(e *repo.Entry) string {
	for _, want := range []string{"title", "name"} {
		if f, ok := e.Dataset.Field(want); ok && f.Type == dataset.String {
			return want
		}
	}
	reserved := map[string]bool{}
	for _, k := range e.Dataset.Schema.PrimaryKey {
		reserved[k] = true
	}
	for _, fk := range e.Dataset.Schema.ForeignKeys {
		for _, f := range fk.Fields {
			reserved[f] = true
		}
	}
	for i := range e.Dataset.Schema.Fields {
		f := &e.Dataset.Schema.Fields[i]
		if f.Type == dataset.String && !reserved[f.Name] && len(f.Categories) == 0 && len(f.Constraints.Enum) == 0 && f.Classification.Rank() <= e.Dataset.Classification.Rank() {
			return f.Name
		}
	}
	return ""
}

// subject names the record that a text of a field refers to, else gives the
// text itself.
func (v *view) subject(e *repo.Entry, field, text string) string {
	for _, fk := range e.Dataset.Schema.ForeignKeys {
		if len(fk.Fields) == 1 && fk.Fields[0] == field && fk.Reference.Resource != "" {
			return or(v.u.titlesOf(v.r.Context(), fk.Reference.Resource)[text], text)
		}
	}
	return text
}

// reference is the address of the record that a row refers to by a foreign
// key; empty when the reader may not see it or a part is missing.
func (d *datasetView) reference(fk dataset.ForeignKey, values []value.Value) (href, text string) {
	name := or(fk.Reference.Resource, d.d.Name)
	e, err := d.u.Repo.Entry(d.p, name)
	if err != nil || len(fk.Fields) != len(e.Table.Key) || len(fk.Fields) != len(fk.Reference.Fields) {
		return "", ""
	}
	key := make([]value.Value, len(fk.Fields))
	for i, f := range fk.Fields {
		c, _, _, ok := d.e.Table.Property(f)
		if !ok || values[c].IsNull() {
			return "", ""
		}
		at := -1
		for j, k := range e.Table.Key {
			if e.Table.Columns[k].Name == fk.Reference.Fields[i] {
				at = j
			}
		}
		if at < 0 {
			return "", ""
		}
		key[at] = values[c]
	}
	k := record.FormatKey(e.Table, key)
	return recordPath(name, k), or(d.u.titlesOf(d.r.Context(), name)[k], or(e.Dataset.Title.In(d.lang), name))
}
